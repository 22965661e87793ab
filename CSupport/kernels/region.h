// A rectangle of a map's pixels.
#ifndef WEIR_KERNELS_REGION_H
#define WEIR_KERNELS_REGION_H

#include <stdbool.h>
#include <stddef.h>

/// Rows [row, row + rows) by columns [column, column + columns).
typedef struct weir_region {
  size_t row, column;
  size_t rows, columns;
} weir_region;

static inline weir_region weir_i_region_whole(size_t h, size_t w) { return (weir_region){0, 0, h, w}; }

static inline bool weir_i_region_is_whole(weir_region region, size_t h, size_t w) {
  return region.rows == h && region.columns == w;
}

static inline double weir_i_region_pixels(weir_region region) { return (double)region.rows * (double)region.columns; }

/// The region with its neighbours at most `margin` pixels away, on a map of h x w.
static inline weir_region weir_i_region_grow(weir_region region, size_t margin, size_t h, size_t w) {
  const size_t top = region.row < margin ? region.row : margin, left = region.column < margin ? region.column : margin;
  const size_t below = h - region.row - region.rows, right = w - region.column - region.columns;
  return (weir_region){region.row - top, region.column - left, region.rows + top + (below < margin ? below : margin),
                       region.columns + left + (right < margin ? right : margin)};
}

/// The smallest region that holds both. One without rows holds nothing.
static inline weir_region weir_i_region_join(weir_region a, weir_region b) {
  if (a.rows == 0) return b;
  if (b.rows == 0) return a;
  const size_t row = a.row < b.row ? a.row : b.row, column = a.column < b.column ? a.column : b.column;
  const size_t a_end = a.row + a.rows, b_end = b.row + b.rows, a_right = a.column + a.columns, b_right = b.column + b.columns;
  return (weir_region){row, column, (a_end > b_end ? a_end : b_end) - row, (a_right > b_right ? a_right : b_right) - column};
}

#endif

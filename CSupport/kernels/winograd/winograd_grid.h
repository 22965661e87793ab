// How a region is cut in Winograd tiles, and where each tile lies in a plane.
#ifndef WEIR_KERNELS_WINOGRAD_GRID_H
#define WEIR_KERNELS_WINOGRAD_GRID_H

#include "kernels/block.h"
#include "kernels/region.h"

enum { WEIR_WINOGRAD_TILE = 4, WEIR_WINOGRAD_POINTS = 6, WEIR_WINOGRAD_PLANES = 36 };

/// Tiles of `region` of `samples` maps of h x w. They start at the region's first pixel; the last of a row or column may be smaller.
typedef struct weir_winograd_grid {
  size_t h, w;
  weir_region region;
  size_t samples;
} weir_winograd_grid;

/// Tiles [begin, end) of a plane.
typedef struct weir_winograd_range {
  size_t begin, end;
} weir_winograd_range;

/// Whole tiles along a side of `length` outputs, and what is left for a smaller one.
static inline size_t weir_i_winograd_whole(size_t length) { return length / WEIR_WINOGRAD_TILE; }
static inline size_t weir_i_winograd_rest(size_t length) { return length % WEIR_WINOGRAD_TILE; }
static inline size_t weir_i_winograd_along(size_t length) { return (length + WEIR_WINOGRAD_TILE - 1) / WEIR_WINOGRAD_TILE; }
/// Outputs of tile number t along a side.
static inline size_t weir_i_winograd_size(size_t length, size_t t) {
  const size_t left = length - t * WEIR_WINOGRAD_TILE;
  return left < WEIR_WINOGRAD_TILE ? left : WEIR_WINOGRAD_TILE;
}

/// Tiles of all samples.
static inline size_t weir_i_winograd_tiles(const weir_winograd_grid *grid) {
  return grid->samples * weir_i_winograd_along(grid->region.rows) * weir_i_winograd_along(grid->region.columns);
}

/// Floats of a strip: the input rows of one row of tiles.
static inline size_t weir_i_winograd_strip(const weir_winograd_grid *grid) {
  return WEIR_WINOGRAD_POINTS * (grid->region.columns + 2) * WEIR_BLOCK;
}

/// Floats from one plane to the next when each holds `floats`: an odd number of vectors, so that the same place in all planes does not fall
/// into few sets of a cache.
static inline size_t weir_i_winograd_plane(size_t floats) { return (floats / WEIR_BLOCK | 1) * WEIR_BLOCK; }

/// The same of bf16 numbers.
static inline size_t weir_i_winograd_plane_bf16(size_t numbers) {
  return ((numbers + 2 * WEIR_BLOCK - 1) / (2 * WEIR_BLOCK) | 1) * 2 * WEIR_BLOCK;
}

/// Tiles by kind, those of a kind sample after sample: narrow (smaller across only), whole, flat (smaller down only), corners.
static inline size_t weir_i_winograd_place(const weir_winograd_grid *grid, size_t sample, size_t ty, size_t tx) {
  const size_t rows = weir_i_winograd_whole(grid->region.rows), columns = weir_i_winograd_whole(grid->region.columns);
  const size_t narrow = weir_i_winograd_rest(grid->region.columns) > 0 ? rows : 0;
  const size_t flat = weir_i_winograd_rest(grid->region.rows) > 0 ? columns : 0, whole = rows * columns;
  if (ty < rows && tx >= columns) return sample * narrow + ty;
  if (ty < rows) return grid->samples * narrow + sample * whole + ty * columns + tx;
  if (tx < columns) return grid->samples * (narrow + whole) + sample * flat + tx;
  return grid->samples * (narrow + whole + flat) + sample;
}

/// The tiles that point (i, j) takes part in.
static inline weir_winograd_range weir_i_winograd_range(const weir_winograd_grid *grid, size_t i, size_t j) {
  const size_t down = weir_i_winograd_rest(grid->region.rows), across = weir_i_winograd_rest(grid->region.columns);
  const size_t rows = weir_i_winograd_whole(grid->region.rows), columns = weir_i_winograd_whole(grid->region.columns);
  const size_t narrow = across > 0 ? rows : 0, flat = down > 0 ? columns : 0;
  const bool without_narrow = across > 0 && j >= across + 2, without_flat = down > 0 && i >= down + 2;
  size_t end = narrow + rows * columns;
  if (!without_flat) end += flat;
  if (!without_flat && !without_narrow && down > 0 && across > 0) end++;
  return (weir_winograd_range){without_narrow ? grid->samples * narrow : 0, grid->samples * end};
}

#endif

// A rectangle of a map's pixels.
#ifndef WEIR_KERNELS_REGION_H
#define WEIR_KERNELS_REGION_H

#include <stddef.h>

/// Rows [row, row + rows) by columns [column, column + columns).
typedef struct weir_region {
  size_t row, column;
  size_t rows, columns;
} weir_region;

#endif

// A convolution of any kernel and stride as a product: the squares of an image that a window sees, one row of a matrix for each of its places.
#ifndef WEIR_LAYERS_PATCHES_H
#define WEIR_LAYERS_PATCHES_H

#include "kernels/block.h"
#include "layers/layout.h"

/// Columns are ordered (line of the window, its column, channel), so that a row is made of runs of a blocked image's lanes.
typedef struct weir_patches {
  weir_map image;
  size_t kernel, stride, pad;
  size_t h, w;  // places of the window
} weir_patches;

static inline size_t weir_i_patches_rows(const weir_patches *patches) { return patches->h * patches->w; }
static inline size_t weir_i_patches_taps(const weir_patches *patches) { return patches->kernel * patches->kernel; }
static inline size_t weir_i_patches_columns(const weir_patches *patches) { return weir_i_patches_taps(patches) * patches->image.c; }
/// Floats from one row to the next.
static inline size_t weir_i_patches_row_floats(const weir_patches *patches) {
  return weir_i_block_round(weir_i_patches_columns(patches));
}

/// rows [end - begin][row_floats] = places [begin, end) of a blocked image; zero outside of it and past the last column.
void weir_i_patches_gather(const weir_patches *patches, const float *image, size_t begin, size_t end, float *rows);
/// The adjoint: adds rows to channel blocks [block_begin, block_end) of the image, place after place; what lies outside is dropped.
void weir_i_patches_scatter(const weir_patches *patches, const float *rows, size_t begin, size_t end, size_t block_begin,
                            size_t block_end, float *image);

/// Weights [maps][image.c][taps] as the gemm kernels read them: [blocks(maps)][columns][16] for rows to maps, and
/// [blocks(columns)][maps][16] for maps to rows. Lanes past the last are zero.
void weir_i_patches_pack(const weir_patches *patches, size_t maps, const float *weight, float *packed);
void weir_i_patches_pack_transposed(const weir_patches *patches, size_t maps, const float *weight, float *packed);
/// Adds a gradient packed as by weir_i_patches_pack to that of the weights of maps [begin, end).
void weir_i_patches_unpack_add(const weir_patches *patches, const float *packed, size_t begin, size_t end, float *weight);

#endif

// What conv1x1 and rotation share: every pixel's channels (a table's rows) times one square matrix.
#ifndef WEIR_BIJECTORS_CHANNEL_MIX_H
#define WEIR_BIJECTORS_CHANNEL_MIX_H

#include "bijectors/bijector.h"

/// The matrix and its inverse as the products read them (kernels/gemm/gemm.h): offsets into packed and packed_training.
typedef struct weir_mix {
  size_t weight, inverse;
  size_t transposed;  // for the gradient by the input; not of orthogonal ones, whose inverse it is
  bool orthogonal;
} weir_mix;

/// Reserves packed constants for matrices [c, c].
weir_mix weir_i_mix_make(weir_build *build, size_t c, bool orthogonal);

/// Packs weight [c, c] and its transpose, but no inverse of matrices that are not orthogonal.
void weir_i_mix_pack(const weir_mix *mix, const float *weight, size_t c, float *packed, float *packed_training);

/// Where element [row, column] of a packed matrix [c, c] lies.
static inline size_t weir_i_mix_at(size_t c, size_t row, size_t column) {
  return (row / WEIR_BLOCK * c + column) * WEIR_BLOCK + row % WEIR_BLOCK;
}

/// Scratch of any pass of a step, taken and given back.
void weir_i_mix_reserve(const weir_step *step, const weir_flow_run *run);

/// run->x = matrix x at every pixel of every sample; `matrix` is packed.
void weir_i_mix_forward(const weir_step *step, const weir_flow_run *run, const float *matrix);

/// run->x = inverse x and run->dx = weight^T dx. dweight, when not NULL, is the packed matrix's gradient, of which this writes all:
/// the sum over samples, in their order, and pixels of dy x^T.
void weir_i_mix_backward(const weir_step *step, const weir_flow_run *run, const weir_mix *mix, float *dweight);

/// A step that is one product with its matrix.
void weir_i_mix_describe(const weir_step *step, size_t index, bool bf16, weir_layer_info *info);

/// Floats of a packed matrix [c, c].
static inline size_t weir_i_mix_floats(size_t c) { return weir_i_block_round(c) * c; }

#endif

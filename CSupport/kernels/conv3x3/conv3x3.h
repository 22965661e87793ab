// 3x3 convolution, stride 1, zero padding 1, cross-correlation, one image.
#ifndef WEIR_KERNELS_CONV3X3_H
#define WEIR_KERNELS_CONV3X3_H

#include "kernels/block.h"

/// y[o][r][q] = bias[o] + residual[o][r][q] + sum over i, ky, kx of weight[o][i][ky][kx] * x[i][r + ky][q + kx]
///
/// x         [blocks(ic)][h + 2][w + 2][16]: blocked with a halo of one, whose values the caller set to zero
/// weight    [blocks(oc)][ic][3][3][16]: lane = output channel; lanes past oc are zero
/// bias      [blocks(oc) * 16], or NULL for zero
/// residual  [blocks(oc)][h][w][16], or NULL for zero; may be y
/// y         [blocks(oc)][h][w][16]
/// The gradient by x is the same function over dy with weights packed the other way round (flipped, ic and oc exchanged).
typedef struct weir_conv3x3 {
  const float *x;
  const float *weight;
  const float *bias;
  const float *residual;
  float *y;
  size_t ic, oc, h, w;
} weir_conv3x3;

/// Computes output rows [row_begin, row_end) of all output channels. Sums run over i, ky, kx in that order with one rounding a term,
/// starting from zero; bias is added next, residual last: an output's bits depend on neither tile nor range.
typedef void weir_k_conv3x3_forward_fn(const weir_conv3x3 *conv, size_t row_begin, size_t row_end);

/// dweight[o][i][ky][kx] += sum over r, q of dy[o][r][q] * x[i][r + ky][q + kx]
///
/// x [blocks(ic)][h + 2][w + 2][16] with zero halo, dy [blocks(oc)][h][w][16], dweight packed as `weight` above.
typedef struct weir_conv3x3_weights {
  const float *x;
  const float *dy;
  float *dweight;
  size_t ic, oc, h, w;
} weir_conv3x3_weights;

/// Computes tiles [tile_begin, tile_end) of blocks(ic) * blocks(oc), tile = (block of ic) * blocks(oc) + (block of oc).
typedef void weir_k_conv3x3_weights_fn(const weir_conv3x3_weights *conv, size_t tile_begin, size_t tile_end);

#endif

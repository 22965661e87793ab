// Products of a packed weight matrix with many rows: linear layers (a row is a sample) and 1x1 convolutions (a row is a pixel).
#ifndef WEIR_KERNELS_GEMM_H
#define WEIR_KERNELS_GEMM_H

#include <stdint.h>

#include "kernels/block.h"

/// y[r][o] = bias[o] + residual[r][o] + sum over k of weight[o][k] * x[r][k]
///
/// x[r][k] lies at x + r * x_row + (k / 16) * x_block + k % 16; y and residual likewise, with y_row and y_block.
/// A table: row = padded features, block = 16. A blocked map: row = 16, block = h * w * 16. Rows can be read to the end of their last block.
/// weight    [blocks(outputs)][inputs][16]: lane = output; lanes past `outputs` are zero
/// bias      [blocks(outputs) * 16], or NULL;  residual NULL or may be y
typedef struct weir_gemm {
  const float *x;
  const float *weight;
  const float *bias;
  const float *residual;
  float *y;
  size_t x_row, x_block, y_row, y_block;
  size_t inputs, outputs;
} weir_gemm;

/// Computes rows [row_begin, row_end) of output blocks [block_begin, block_end). Sums run over k upwards with one rounding a term,
/// starting from zero; bias next, residual last.
typedef void weir_k_gemm_forward_fn(const weir_gemm *gemm, size_t row_begin, size_t row_end, size_t block_begin, size_t block_end);

/// As weir_gemm, of bf16 numbers (kernels/bf16/bf16.h) into f32.
///
/// x       as there, in numbers; an odd last input has a neighbour, which is read and must be finite: lanes past the last are zero
/// weight  [blocks(outputs)][pairs(inputs)][16][2]: inputs 2k and 2k + 1 of a lane side by side, zero past the last
typedef struct weir_gemm_bf16 {
  const uint16_t *x;
  const uint16_t *weight;
  const float *bias;
  const float *residual;
  float *y;
  size_t x_row, x_block, y_row, y_block;
  size_t inputs, outputs;
} weir_gemm_bf16;

/// The same product of rows and weights in bf16; gemm->x and gemm->weight are not read.
static inline weir_gemm_bf16 weir_i_gemm_in_bf16(const weir_gemm *gemm, const uint16_t *x, const uint16_t *weight) {
  return (weir_gemm_bf16){.x = x,
                          .weight = weight,
                          .bias = gemm->bias,
                          .residual = gemm->residual,
                          .y = gemm->y,
                          .x_row = gemm->x_row,
                          .x_block = gemm->x_block,
                          .y_row = gemm->y_row,
                          .y_block = gemm->y_block,
                          .inputs = gemm->inputs,
                          .outputs = gemm->outputs};
}

/// Computes rows and blocks as weir_k_gemm_forward_fn does, over pairs of k upwards, of each pair the odd one's term first.
typedef void weir_k_gemm_bf16_fn(const weir_gemm_bf16 *gemm, size_t row_begin, size_t row_end, size_t block_begin,
                                 size_t block_end);

/// dweight[o][k] += sum over rows r in [0, rows) of dy[r][o] * x[r][k], packed as `weight` above.
typedef struct weir_gemm_weights {
  const float *x;
  const float *dy;
  float *dweight;
  size_t x_row, x_block, dy_row, dy_block;
  size_t inputs, outputs, rows;
} weir_gemm_weights;

/// Computes tiles [tile_begin, tile_end) of blocks(inputs) * blocks(outputs), tile = (block of k) * blocks(outputs) + (block of o).
typedef void weir_k_gemm_weights_fn(const weir_gemm_weights *gemm, size_t tile_begin, size_t tile_end);

#endif

// The formulas of gemm.h in plain C. The loops over 16 lanes are what a compiler turns into baseline vector instructions; without a
// fused multiply-add there, a term is rounded twice; one of bf16 numbers is exact before it is added.
#include "kernels/gemm/gemm.h"

#include "kernels/kernels.h"

weir_k_gemm_forward_fn weir_k_gemm_forward_ref;
weir_k_gemm_bf16_fn weir_k_gemm_bf16_ref;
weir_k_gemm_weights_fn weir_k_gemm_weights_ref;

void weir_k_gemm_forward_ref(const weir_gemm *gemm, size_t row_begin, size_t row_end, size_t block_begin, size_t block_end) {
  for (size_t b = block_begin; b < block_end; b++)
    for (size_t r = row_begin; r < row_end; r++) {
      const float *x = gemm->x + r * gemm->x_row;
      const float *weight = gemm->weight + b * gemm->inputs * WEIR_BLOCK;
      float sum[WEIR_BLOCK] = {0};
      for (size_t k = 0; k < gemm->inputs; k++, weight += WEIR_BLOCK) {
        const float value = x[k / WEIR_BLOCK * gemm->x_block + k % WEIR_BLOCK];
        for (size_t l = 0; l < WEIR_BLOCK; l++) sum[l] += weight[l] * value;
      }
      const size_t at = r * gemm->y_row + b * gemm->y_block;
      if (gemm->bias != NULL)
        for (size_t l = 0; l < WEIR_BLOCK; l++) sum[l] += gemm->bias[b * WEIR_BLOCK + l];
      if (gemm->residual != NULL)
        for (size_t l = 0; l < WEIR_BLOCK; l++) sum[l] += gemm->residual[at + l];
      for (size_t l = 0; l < WEIR_BLOCK; l++) gemm->y[at + l] = sum[l];
    }
}

void weir_k_gemm_bf16_ref(const weir_gemm_bf16 *gemm, size_t row_begin, size_t row_end, size_t block_begin, size_t block_end) {
  const size_t pairs = weir_i_bf16_pairs(gemm->inputs);
  for (size_t b = block_begin; b < block_end; b++)
    for (size_t r = row_begin; r < row_end; r++) {
      float sum[WEIR_BLOCK] = {0};
      for (size_t pair = 0; pair < pairs; pair++)
        for (size_t odd = 2; odd-- > 0;) {
          const size_t k = 2 * pair + odd;
          const float x = weir_i_bf16_float(gemm->x[r * gemm->x_row + k / WEIR_BLOCK * gemm->x_block + k % WEIR_BLOCK]);
          const uint16_t *weight = gemm->weight + (b * pairs + pair) * 2 * WEIR_BLOCK + odd;
          for (size_t l = 0; l < WEIR_BLOCK; l++) sum[l] += weir_i_bf16_float(weight[2 * l]) * x;
        }
      const size_t at = r * gemm->y_row + b * gemm->y_block;
      for (size_t l = 0; l < WEIR_BLOCK; l++) {
        if (gemm->bias != NULL) sum[l] += gemm->bias[b * WEIR_BLOCK + l];
        if (gemm->residual != NULL) sum[l] += gemm->residual[at + l];
        gemm->y[at + l] = sum[l];
      }
    }
}

void weir_k_gemm_weights_ref(const weir_gemm_weights *gemm, size_t tile_begin, size_t tile_end) {
  const size_t blocks = weir_i_blocks(gemm->outputs);
  for (size_t tile = tile_begin; tile < tile_end; tile++) {
    const size_t b = tile % blocks, first = tile / blocks * WEIR_BLOCK;
    const float *dy = gemm->dy + b * gemm->dy_block;
    for (size_t k = first; k < gemm->inputs && k < first + WEIR_BLOCK; k++) {
      const float *x = gemm->x + k / WEIR_BLOCK * gemm->x_block + k % WEIR_BLOCK;
      float *dweight = gemm->dweight + (b * gemm->inputs + k) * WEIR_BLOCK;
      float sum[WEIR_BLOCK] = {0};
      for (size_t r = 0; r < gemm->rows; r++)
        for (size_t l = 0; l < WEIR_BLOCK; l++) sum[l] += dy[r * gemm->dy_row + l] * x[r * gemm->x_row];
      for (size_t l = 0; l < WEIR_BLOCK; l++) dweight[l] += sum[l];
    }
  }
}

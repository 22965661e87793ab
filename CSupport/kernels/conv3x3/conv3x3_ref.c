// The formulas of conv3x3.h in plain C. The loops over 16 lanes are what a compiler turns into baseline vector instructions; without
// a fused multiply-add there, a term is rounded twice.
#include "kernels/conv3x3/conv3x3.h"

#include "kernels/kernels.h"

weir_k_conv3x3_forward_fn weir_k_conv3x3_forward_ref;
weir_k_conv3x3_weights_fn weir_k_conv3x3_weights_ref;

void weir_k_conv3x3_forward_ref(const weir_conv3x3 *conv, size_t row_begin, size_t row_end) {
  const size_t row = (conv->w + 2) * WEIR_BLOCK, block = (conv->h + 2) * row;
  for (size_t b = 0; b < weir_i_blocks(conv->oc); b++)
    for (size_t r = row_begin; r < row_end; r++)
      for (size_t q = 0; q < conv->w; q++) {
        const float *weight = conv->weight + b * conv->ic * 9 * WEIR_BLOCK;
        float sum[WEIR_BLOCK] = {0};
        for (size_t i = 0; i < conv->ic; i++) {
          const float *x = conv->x + i / WEIR_BLOCK * block + r * row + q * WEIR_BLOCK + i % WEIR_BLOCK;
          for (size_t ky = 0; ky < 3; ky++)
            for (size_t kx = 0; kx < 3; kx++, weight += WEIR_BLOCK) {
              const float value = x[ky * row + kx * WEIR_BLOCK];
              for (size_t l = 0; l < WEIR_BLOCK; l++) sum[l] += weight[l] * value;
            }
        }
        const size_t at = ((b * conv->h + r) * conv->w + q) * WEIR_BLOCK;
        if (conv->bias != NULL)
          for (size_t l = 0; l < WEIR_BLOCK; l++) sum[l] += conv->bias[b * WEIR_BLOCK + l];
        if (conv->residual != NULL)
          for (size_t l = 0; l < WEIR_BLOCK; l++) sum[l] += conv->residual[at + l];
        for (size_t l = 0; l < WEIR_BLOCK; l++) conv->y[at + l] = sum[l];
      }
}

void weir_k_conv3x3_weights_ref(const weir_conv3x3_weights *conv, size_t tile_begin, size_t tile_end) {
  const size_t row = (conv->w + 2) * WEIR_BLOCK, block = (conv->h + 2) * row, blocks = weir_i_blocks(conv->oc);
  for (size_t tile = tile_begin; tile < tile_end; tile++) {
    const size_t b = tile % blocks, first = tile / blocks * WEIR_BLOCK;
    const float *dy = conv->dy + b * conv->h * conv->w * WEIR_BLOCK;
    for (size_t i = first; i < conv->ic && i < first + WEIR_BLOCK; i++)
      for (size_t k = 0; k < 9; k++) {
        const float *x = conv->x + i / WEIR_BLOCK * block + k / 3 * row + k % 3 * WEIR_BLOCK + i % WEIR_BLOCK;
        float *dweight = conv->dweight + ((b * conv->ic + i) * 9 + k) * WEIR_BLOCK;
        float sum[WEIR_BLOCK] = {0};
        for (size_t r = 0; r < conv->h; r++)
          for (size_t q = 0; q < conv->w; q++) {
            const float value = x[r * row + q * WEIR_BLOCK];
            for (size_t l = 0; l < WEIR_BLOCK; l++) sum[l] += dy[(r * conv->w + q) * WEIR_BLOCK + l] * value;
          }
        for (size_t l = 0; l < WEIR_BLOCK; l++) dweight[l] += sum[l];
      }
  }
}

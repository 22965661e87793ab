// Winograd's transforms into planes of bf16 numbers. Needs winograd_inline.inl.
#include "kernels/bf16/bf16.h"

weir_k_winograd_input_bf16_fn WEIR_SIMD_NAME(winograd_input_bf16);
weir_k_winograd_weights_bf16_fn WEIR_SIMD_NAME(winograd_weights_bf16);

void WEIR_SIMD_NAME(winograd_input_bf16)(const weir_winograd_input *a, size_t block_begin, size_t block_end) {
  winograd_input_blocks(a, block_begin, block_end, a->v_bf16, true);
}

/// U of one input channel in floats: [36][16].
WEIR_SIMD_INLINE void winograd_widened_tile(const uint16_t *weight, float *u) {
  float g[9 * WEIR_BLOCK];
  for (size_t k = 0; k < 9; k++) v_store(g + k * WEIR_BLOCK, v_load_bf16(weight + k * WEIR_BLOCK));
  winograd_weight_tile(g, u, WEIR_BLOCK);
}

void WEIR_SIMD_NAME(winograd_weights_bf16)(const uint16_t *weight, size_t ic, uint16_t *u, size_t u_plane) {
  float even[WEIR_WINOGRAD_PLANES * WEIR_BLOCK], odd[WEIR_WINOGRAD_PLANES * WEIR_BLOCK];
  for (size_t i = 0; i < ic; i += 2, weight += 2 * 9 * WEIR_BLOCK, u += 2 * WEIR_BLOCK) {
    winograd_widened_tile(weight, even);
    if (i + 1 < ic) {
      winograd_widened_tile(weight + 9 * WEIR_BLOCK, odd);
    } else {
      memset(odd, 0, sizeof odd);
    }
    for (size_t p = 0; p < WEIR_WINOGRAD_PLANES; p++)
      v_store_pairs(u + p * u_plane, v_load(even + p * WEIR_BLOCK), v_load(odd + p * WEIR_BLOCK));
  }
}

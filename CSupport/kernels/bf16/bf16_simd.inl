// Rounding over the vector vocabulary.

weir_k_bf16_round_fn WEIR_SIMD_NAME(bf16_round);

void WEIR_SIMD_NAME(bf16_round)(const float *x, uint16_t *y, size_t blocks) {
  for (size_t i = 0; i < blocks * WEIR_BLOCK; i += WEIR_BLOCK) v_store_bf16(y + i, v_load(x + i));
}

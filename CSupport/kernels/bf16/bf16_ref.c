// The rounding of bf16.h, number by number.
#include "kernels/kernels.h"

weir_k_bf16_round_fn weir_k_bf16_round_ref;

void weir_k_bf16_round_ref(const float *x, uint16_t *y, size_t blocks) {
  for (size_t i = 0; i < blocks * WEIR_BLOCK; i++) y[i] = weir_i_bf16_of(x[i]);
}

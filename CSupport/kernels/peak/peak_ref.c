// The formulas of peak.h in plain C. Without a fused multiply-add in the baseline instruction set, a term is rounded twice.
#include "kernels/peak/peak.h"

weir_k_peak_fma_fn weir_k_peak_fma_ref;
weir_k_peak_read_fn weir_k_peak_read_ref;

enum { LANES = 16, CHAINS = 6 };

void weir_k_peak_fma_ref(float x, float *y, size_t count) {
  for (size_t first = 0; first < WEIR_PEAK_LANES; first += LANES * CHAINS) {
    float sum[LANES * CHAINS];
    for (size_t i = 0; i < LANES * CHAINS; i++) sum[i] = y[first + i];
    for (size_t n = 0; n < count; n++)
      for (size_t i = 0; i < LANES * CHAINS; i++) sum[i] += x * x;
    for (size_t i = 0; i < LANES * CHAINS; i++) y[first + i] = sum[i];
  }
}

float weir_k_peak_read_ref(const float *x, size_t count) {
  float sum[LANES] = {0}, total = 0;
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (size_t l = 0; l < LANES; l++) sum[l] += x[i + l];
  for (; i < count; i++) total += x[i];
  for (size_t l = 0; l < LANES; l++) total += sum[l];
  return total;
}

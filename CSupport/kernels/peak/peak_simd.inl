// Peaks over the vector vocabulary: WEIR_SIMD_PEAK_CHAINS sums fill the registers and hide the latency of a multiply-add.
#include "kernels/gemm/tile.h"
#include "kernels/peak/peak.h"

weir_k_peak_fma_fn WEIR_SIMD_NAME(peak_fma);
weir_k_peak_read_fn WEIR_SIMD_NAME(peak_read);

enum { PEAK_CHAINS = WEIR_SIMD_PEAK_CHAINS, PEAK_READS = 4 };

void WEIR_SIMD_NAME(peak_fma)(float x, float *y, size_t count) {
  const vf16 factor = v_set1(x);
  for (size_t first = 0; first < WEIR_PEAK_LANES; first += PEAK_CHAINS * 16) {
    vf16 sum[PEAK_CHAINS];
    WEIR_TILE_UNROLL for (size_t k = 0; k < PEAK_CHAINS; k++) sum[k] = v_load(y + first + k * 16);
    WEIR_TILE_ROLLED for (size_t n = 0; n < count; n++) {
      WEIR_TILE_UNROLL for (size_t k = 0; k < PEAK_CHAINS; k++) sum[k] = v_fma(factor, factor, sum[k]);
    }
    WEIR_TILE_UNROLL for (size_t k = 0; k < PEAK_CHAINS; k++) v_store(y + first + k * 16, sum[k]);
  }
}

float WEIR_SIMD_NAME(peak_read)(const float *x, size_t count) {
  vf16 sum[PEAK_READS];
  WEIR_TILE_UNROLL for (size_t k = 0; k < PEAK_READS; k++) sum[k] = v_zero();
  size_t i = 0;
  for (; i + PEAK_READS * 16 <= count; i += PEAK_READS * 16) {
    WEIR_TILE_UNROLL for (size_t k = 0; k < PEAK_READS; k++) sum[k] = v_add(sum[k], v_load(x + i + k * 16));
  }
  for (; i < count; i += 16) sum[0] = v_add(sum[0], v_load_part(x + i, count - i < 16 ? count - i : 16));
  float lanes[16], total = 0;
  v_store(lanes, v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3])));
  for (size_t l = 0; l < 16; l++) total += lanes[l];
  return total;
}

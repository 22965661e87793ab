// The peak of bf16 dot products (AVX512-BF16: Cooper Lake, Zen 4 onwards): each adds two products to each of 16 f32 sums.
#include "base/cpu.h"
#include "kernels/peak/peak.h"

#if defined(WEIR_HAS_AVX512)
#include <immintrin.h>

enum { CHAINS = 12 };

__attribute__((target("avx512f,avx512bf16"))) static float dot_products(size_t count) {
  __m512 sum[CHAINS];
  const __m512bh factor = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
  for (int k = 0; k < CHAINS; k++) sum[k] = _mm512_setzero_ps();
  for (size_t n = 0; n < count; n++) {
    // A loop here would have to be unrolled whole for the sums to stay in registers, which not every setting does.
    sum[0] = _mm512_dpbf16_ps(sum[0], factor, factor), sum[1] = _mm512_dpbf16_ps(sum[1], factor, factor);
    sum[2] = _mm512_dpbf16_ps(sum[2], factor, factor), sum[3] = _mm512_dpbf16_ps(sum[3], factor, factor);
    sum[4] = _mm512_dpbf16_ps(sum[4], factor, factor), sum[5] = _mm512_dpbf16_ps(sum[5], factor, factor);
    sum[6] = _mm512_dpbf16_ps(sum[6], factor, factor), sum[7] = _mm512_dpbf16_ps(sum[7], factor, factor);
    sum[8] = _mm512_dpbf16_ps(sum[8], factor, factor), sum[9] = _mm512_dpbf16_ps(sum[9], factor, factor);
    sum[10] = _mm512_dpbf16_ps(sum[10], factor, factor), sum[11] = _mm512_dpbf16_ps(sum[11], factor, factor);
    // So that equal sums are not computed once.
    __asm__ volatile("" : "+v"(sum[0]), "+v"(sum[1]), "+v"(sum[2]), "+v"(sum[3]), "+v"(sum[4]), "+v"(sum[5]));
    __asm__ volatile("" : "+v"(sum[6]), "+v"(sum[7]), "+v"(sum[8]), "+v"(sum[9]), "+v"(sum[10]), "+v"(sum[11]));
  }
  for (int k = 1; k < CHAINS; k++) sum[0] = _mm512_add_ps(sum[0], sum[k]);
  return _mm512_cvtss_f32(sum[0]);
}

int weir_i_peak_bf16(size_t count) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512f")) return 0;
  const volatile float kept = dot_products(count);
  (void)kept;
  return 1;
}
#else
int weir_i_peak_bf16(size_t count) {
  (void)count;
  return 0;
}
#endif

// The vector vocabulary on AVX2 with FMA: 16 logical lanes in two registers; simd_avx512.h documents each name. Include inside the
// target push of tables/table_avx2.c, after <immintrin.h>.
#ifndef WEIR_KERNELS_SIMD_AVX2_H
#define WEIR_KERNELS_SIMD_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WEIR_SIMD_NAME(slot) weir_k_##slot##_avx2
#define WEIR_SIMD_ISA "avx2"
#define WEIR_SIMD_INLINE static inline __attribute__((always_inline))

#define WEIR_SIMD_CONV_PIXELS 6
#define WEIR_SIMD_CONV_BLOCKS 1
#define WEIR_SIMD_DOT_PIXELS 4
#define WEIR_SIMD_PEAK_CHAINS 6

typedef struct vf16 {
  __m256 a, b;
} vf16;
typedef struct vm16 {  // all bits of a lane set or none
  __m256 a, b;
} vm16;
typedef struct vp16 {
  vf16 even, odd;
} vp16;
typedef struct vd16 {
  __m256d a, b, c, d;
} vd16;

WEIR_SIMD_INLINE vf16 v_set1(float x) { return (vf16){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
WEIR_SIMD_INLINE vf16 v_zero(void) { return (vf16){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
WEIR_SIMD_INLINE vf16 v_load(const float *p) { return (vf16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
WEIR_SIMD_INLINE void v_store(float *p, vf16 x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}

WEIR_SIMD_INLINE vm16 vm_first(size_t n) {
  const __m256i count = _mm256_set1_epi32((int)n);
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return (vm16){_mm256_castsi256_ps(_mm256_cmpgt_epi32(count, index)),
                _mm256_castsi256_ps(_mm256_cmpgt_epi32(count, _mm256_add_epi32(index, _mm256_set1_epi32(8))))};
}
// A masked-out half is skipped altogether, so that no pointer past the array is formed.
WEIR_SIMD_INLINE vf16 v_load_n(const float *p, size_t n) {
  const vm16 m = vm_first(n);
  return (vf16){_mm256_maskload_ps(p, _mm256_castps_si256(m.a)),
                n > 8 ? _mm256_maskload_ps(p + 8, _mm256_castps_si256(m.b)) : _mm256_setzero_ps()};
}
WEIR_SIMD_INLINE void v_store_n(float *p, size_t n, vf16 x) {
  const vm16 m = vm_first(n);
  _mm256_maskstore_ps(p, _mm256_castps_si256(m.a), x.a);
  if (n > 8) _mm256_maskstore_ps(p + 8, _mm256_castps_si256(m.b), x.b);
}

WEIR_SIMD_INLINE vf16 v_add(vf16 x, vf16 y) { return (vf16){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
WEIR_SIMD_INLINE vf16 v_sub(vf16 x, vf16 y) { return (vf16){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
WEIR_SIMD_INLINE vf16 v_mul(vf16 x, vf16 y) { return (vf16){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
WEIR_SIMD_INLINE vf16 v_div(vf16 x, vf16 y) { return (vf16){_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
WEIR_SIMD_INLINE vf16 v_sqrt(vf16 x) { return (vf16){_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
WEIR_SIMD_INLINE vf16 v_fma(vf16 x, vf16 y, vf16 z) {
  return (vf16){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
WEIR_SIMD_INLINE vf16 v_fnma(vf16 x, vf16 y, vf16 z) {
  return (vf16){_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)};
}
WEIR_SIMD_INLINE vf16 v_max(vf16 x, vf16 y) { return (vf16){_mm256_max_ps(y.a, x.a), _mm256_max_ps(y.b, x.b)}; }
WEIR_SIMD_INLINE vf16 v_min(vf16 x, vf16 y) { return (vf16){_mm256_min_ps(y.a, x.a), _mm256_min_ps(y.b, x.b)}; }
WEIR_SIMD_INLINE vf16 v_abs(vf16 x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return (vf16){_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
WEIR_SIMD_INLINE vf16 v_neg(vf16 x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return (vf16){_mm256_xor_ps(sign, x.a), _mm256_xor_ps(sign, x.b)};
}
WEIR_SIMD_INLINE vf16 v_copysign(vf16 x, vf16 y) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return (vf16){_mm256_or_ps(_mm256_andnot_ps(sign, x.a), _mm256_and_ps(sign, y.a)),
                _mm256_or_ps(_mm256_andnot_ps(sign, x.b), _mm256_and_ps(sign, y.b))};
}

WEIR_SIMD_INLINE vf16 v_round(vf16 x) {
  return (vf16){_mm256_round_ps(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                _mm256_round_ps(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
WEIR_SIMD_INLINE __m256 v_pow2_half(__m256 n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
WEIR_SIMD_INLINE vf16 v_pow2(vf16 n) { return (vf16){v_pow2_half(n.a), v_pow2_half(n.b)}; }
WEIR_SIMD_INLINE __m256 v_split_half(__m256 x, __m256 *exponent) {
  const __m256i root = _mm256_set1_epi32(0x3f3504f3);
  const __m256i offset = _mm256_sub_epi32(_mm256_castps_si256(x), root);
  *exponent = _mm256_cvtepi32_ps(_mm256_srai_epi32(offset, 23));
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_and_si256(offset, _mm256_set1_epi32(0x7fffff)), root));
}
WEIR_SIMD_INLINE vf16 v_split(vf16 x, vf16 *exponent) {
  return (vf16){v_split_half(x.a, &exponent->a), v_split_half(x.b, &exponent->b)};
}

WEIR_SIMD_INLINE vm16 v_lt(vf16 x, vf16 y) {
  return (vm16){_mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ)};
}
WEIR_SIMD_INLINE vm16 v_eq(vf16 x, vf16 y) {
  return (vm16){_mm256_cmp_ps(x.a, y.a, _CMP_EQ_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_EQ_OQ)};
}
WEIR_SIMD_INLINE vf16 v_blend(vm16 mask, vf16 x, vf16 y) {
  return (vf16){_mm256_blendv_ps(y.a, x.a, mask.a), _mm256_blendv_ps(y.b, x.b, mask.b)};
}

/// bf16 numbers in the upper halves; the lower ones hold what is left over.
WEIR_SIMD_INLINE __m256i v_bf16_half(__m256 x) {
  const __m256i bits = _mm256_castps_si256(x), last = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), last);
  const __m256 quiet = _mm256_castsi256_ps(_mm256_or_si256(bits, _mm256_set1_epi32(0x400000)));
  return _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(rounded), quiet, _mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
}
WEIR_SIMD_INLINE void v_store_bf16(uint16_t *p, vf16 x) {
  const __m256i a = _mm256_srli_epi32(v_bf16_half(x.a), 16), b = _mm256_srli_epi32(v_bf16_half(x.b), 16);
  _mm256_storeu_si256((__m256i *)(void *)p, _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xd8));
}
WEIR_SIMD_INLINE void v_store_pairs_half(uint16_t *p, __m256 even, __m256 odd) {
  const __m256i low = _mm256_srli_epi32(v_bf16_half(even), 16);
  _mm256_storeu_si256((__m256i *)(void *)p, _mm256_blend_epi16(low, v_bf16_half(odd), 0xaa));
}
WEIR_SIMD_INLINE void v_store_pairs(uint16_t *p, vf16 even, vf16 odd) {
  v_store_pairs_half(p, even.a, odd.a);
  v_store_pairs_half(p + 16, even.b, odd.b);
}
WEIR_SIMD_INLINE __m256 v_load_bf16_half(const uint16_t *p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), 16));
}
WEIR_SIMD_INLINE vf16 v_load_bf16(const uint16_t *p) { return (vf16){v_load_bf16_half(p), v_load_bf16_half(p + 8)}; }

WEIR_SIMD_INLINE __m256 vp_even_half(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }
WEIR_SIMD_INLINE __m256 vp_odd_half(__m256i pairs) {
  return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000)));
}
WEIR_SIMD_INLINE vp16 vp_load(const uint16_t *p) {
  const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p),
                b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 16));
  return (vp16){{vp_even_half(a), vp_even_half(b)}, {vp_odd_half(a), vp_odd_half(b)}};
}
WEIR_SIMD_INLINE vp16 vp_set1(const uint16_t *p) {
  int32_t pair;
  memcpy(&pair, p, sizeof pair);
  const __m256 even = vp_even_half(_mm256_set1_epi32(pair)), odd = vp_odd_half(_mm256_set1_epi32(pair));
  return (vp16){{even, even}, {odd, odd}};
}

WEIR_SIMD_INLINE __m256d vd_low(__m256 x) { return _mm256_cvtps_pd(_mm256_castps256_ps128(x)); }
WEIR_SIMD_INLINE __m256d vd_high(__m256 x) { return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)); }
WEIR_SIMD_INLINE vd16 vd_zero(void) {
  return (vd16){_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
}
WEIR_SIMD_INLINE vd16 vd_load(const double *p) {
  return (vd16){_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4), _mm256_loadu_pd(p + 8), _mm256_loadu_pd(p + 12)};
}
WEIR_SIMD_INLINE void vd_store(double *p, vd16 x) {
  _mm256_storeu_pd(p, x.a);
  _mm256_storeu_pd(p + 4, x.b);
  _mm256_storeu_pd(p + 8, x.c);
  _mm256_storeu_pd(p + 12, x.d);
}
WEIR_SIMD_INLINE vd16 vd_widen(vf16 x) { return (vd16){vd_low(x.a), vd_high(x.a), vd_low(x.b), vd_high(x.b)}; }
WEIR_SIMD_INLINE vd16 vd_plus(vd16 x, vd16 y) {
  return (vd16){_mm256_add_pd(x.a, y.a), _mm256_add_pd(x.b, y.b), _mm256_add_pd(x.c, y.c), _mm256_add_pd(x.d, y.d)};
}
WEIR_SIMD_INLINE vd16 vd_minus(vd16 x, vd16 y) {
  return (vd16){_mm256_sub_pd(x.a, y.a), _mm256_sub_pd(x.b, y.b), _mm256_sub_pd(x.c, y.c), _mm256_sub_pd(x.d, y.d)};
}
WEIR_SIMD_INLINE vd16 vd_muladd(vd16 x, vd16 y, vd16 z) {
  return (vd16){_mm256_fmadd_pd(x.a, y.a, z.a), _mm256_fmadd_pd(x.b, y.b, z.b), _mm256_fmadd_pd(x.c, y.c, z.c),
                _mm256_fmadd_pd(x.d, y.d, z.d)};
}

#include "kernels/simd/simd_shared.inl"

#endif

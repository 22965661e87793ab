// The vector vocabulary on AVX-512: 16 logical lanes in one register. simd_avx2.h and simd_neon.h define the same names, so one
// <family>_simd.inl serves all three. Include inside the target push of tables/table_avx512.c, after <immintrin.h>, or of
// tables/table_avx512bf16.c, with WEIR_SIMD_AVX512BF16 defined.
#ifndef WEIR_KERNELS_SIMD_AVX512_H
#define WEIR_KERNELS_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(WEIR_SIMD_AVX512BF16)
#define WEIR_SIMD_NAME(slot) weir_k_##slot##_avx512bf16
#else
#define WEIR_SIMD_NAME(slot) weir_k_##slot##_avx512
#define WEIR_SIMD_ISA "avx512"
#endif
#define WEIR_SIMD_INLINE static inline __attribute__((always_inline))

// Accumulator tile of the 3x3 convolution and the matrix product: pixels x blocks of 16 output channels in 32 registers.
#define WEIR_SIMD_CONV_PIXELS 14
#define WEIR_SIMD_CONV_BLOCKS 2
// Pixels of the product of bf16 numbers; where pairs are taken apart, they need registers of their own.
#if defined(WEIR_SIMD_AVX512BF16)
#define WEIR_SIMD_DOT_PIXELS 14
#else
#define WEIR_SIMD_DOT_PIXELS 12
#endif
#define WEIR_SIMD_PEAK_CHAINS 12

typedef __m512 vf16;     // 16 floats
typedef __mmask16 vm16;  // 16 truth values
typedef struct vd16 {    // 16 doubles
  __m512d lo, hi;
} vd16;
#if defined(WEIR_SIMD_AVX512BF16)
typedef __m512i vp16;  // 16 pairs of bf16 numbers (kernels/bf16/bf16.h)
#else
typedef struct vp16 {
  vf16 even, odd;
} vp16;
#endif

WEIR_SIMD_INLINE vf16 v_zero(void) { return _mm512_setzero_ps(); }
WEIR_SIMD_INLINE vf16 v_set1(float a) { return _mm512_set1_ps(a); }
WEIR_SIMD_INLINE vf16 v_load(const float *p) { return _mm512_loadu_ps(p); }
WEIR_SIMD_INLINE void v_store(float *p, vf16 a) { _mm512_storeu_ps(p, a); }

/// True in the first n lanes, n at most 16.
WEIR_SIMD_INLINE vm16 vm_first(size_t n) { return (__mmask16)((1u << n) - 1u); }
/// The first n lanes, n at most 16; the others are zero (load) or left alone (store). Touches nothing past them.
WEIR_SIMD_INLINE vf16 v_load_n(const float *p, size_t n) { return _mm512_maskz_loadu_ps(vm_first(n), p); }
WEIR_SIMD_INLINE void v_store_n(float *p, size_t n, vf16 a) { _mm512_mask_storeu_ps(p, vm_first(n), a); }

WEIR_SIMD_INLINE vf16 v_add(vf16 a, vf16 b) { return _mm512_add_ps(a, b); }
WEIR_SIMD_INLINE vf16 v_sub(vf16 a, vf16 b) { return _mm512_sub_ps(a, b); }
WEIR_SIMD_INLINE vf16 v_mul(vf16 a, vf16 b) { return _mm512_mul_ps(a, b); }
WEIR_SIMD_INLINE vf16 v_div(vf16 a, vf16 b) { return _mm512_div_ps(a, b); }
WEIR_SIMD_INLINE vf16 v_sqrt(vf16 a) { return _mm512_sqrt_ps(a); }
/// a * b + c, one rounding.
WEIR_SIMD_INLINE vf16 v_fma(vf16 a, vf16 b, vf16 c) { return _mm512_fmadd_ps(a, b, c); }
/// c - a * b, one rounding.
WEIR_SIMD_INLINE vf16 v_fnma(vf16 a, vf16 b, vf16 c) { return _mm512_fnmadd_ps(a, b, c); }
/// NaN in `a` gives NaN, so put the data first and a finite bound second. Which zero max(-0, 0) gives is open.
WEIR_SIMD_INLINE vf16 v_max(vf16 a, vf16 b) { return _mm512_max_ps(b, a); }
WEIR_SIMD_INLINE vf16 v_min(vf16 a, vf16 b) { return _mm512_min_ps(b, a); }
/// Sign-bit operations: exact on every bit pattern.
WEIR_SIMD_INLINE vf16 v_abs(vf16 a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
WEIR_SIMD_INLINE vf16 v_neg(vf16 a) { return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a); }
/// |a| with the sign of b.
WEIR_SIMD_INLINE vf16 v_copysign(vf16 a, vf16 b) { return _mm512_or_ps(v_abs(a), _mm512_and_ps(_mm512_set1_ps(-0.0f), b)); }

/// Nearest whole number, ties to even.
WEIR_SIMD_INLINE vf16 v_round(vf16 a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// 2^n for whole n from -126 to 127; any other n gives some float.
WEIR_SIMD_INLINE vf16 v_pow2(vf16 n) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}
/// For normal a > 0: a = m * 2^exponent with m, the result, in [sqrt(1/2), sqrt(2)). Any other a gives some floats.
WEIR_SIMD_INLINE vf16 v_split(vf16 a, vf16 *exponent) {
  const __m512i root = _mm512_set1_epi32(0x3f3504f3);
  const __m512i offset = _mm512_sub_epi32(_mm512_castps_si512(a), root);
  *exponent = _mm512_cvtepi32_ps(_mm512_srai_epi32(offset, 23));
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_and_si512(offset, _mm512_set1_epi32(0x7fffff)), root));
}

/// Comparisons are false where either side is NaN.
WEIR_SIMD_INLINE vm16 v_lt(vf16 a, vf16 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
WEIR_SIMD_INLINE vm16 v_eq(vf16 a, vf16 b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
/// mask ? a : b, bit for bit.
WEIR_SIMD_INLINE vf16 v_blend(vm16 mask, vf16 a, vf16 b) { return _mm512_mask_blend_ps(mask, b, a); }

#if defined(WEIR_SIMD_AVX512BF16)
WEIR_SIMD_INLINE void v_store_bf16(uint16_t *p, vf16 a) {
  _mm256_storeu_si256((__m256i *)(void *)p, (__m256i)_mm512_cvtneps_pbh(a));
}
WEIR_SIMD_INLINE void v_store_pairs(uint16_t *p, vf16 even, vf16 odd) {
  const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(odd, even);
  const __m512i low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(both));
  const __m512i high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1));
  _mm512_storeu_si512(p, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}
WEIR_SIMD_INLINE vp16 vp_load(const uint16_t *p) { return _mm512_loadu_si512(p); }
WEIR_SIMD_INLINE vp16 vp_set1(const uint16_t *p) {
  int32_t pair;
  memcpy(&pair, p, sizeof pair);
  return _mm512_set1_epi32(pair);
}
WEIR_SIMD_INLINE vf16 v_dot(vf16 acc, vp16 a, vp16 b) { return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b); }
#else
/// bf16 numbers in the upper halves; the lower ones hold what is left over.
WEIR_SIMD_INLINE __m512i v_bf16_upper(vf16 a) {
  const __m512i bits = _mm512_castps_si512(a), last = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), last);
  return _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), bits, _mm512_set1_epi32(0x400000));
}
/// 16 numbers rounded as weir_i_bf16_of does.
WEIR_SIMD_INLINE void v_store_bf16(uint16_t *p, vf16 a) {
  _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(v_bf16_upper(a), 16)));
}
/// p[2 l] = even[l] and p[2 l + 1] = odd[l], rounded likewise.
WEIR_SIMD_INLINE void v_store_pairs(uint16_t *p, vf16 even, vf16 odd) {
  const __m512i upper = _mm512_and_si512(v_bf16_upper(odd), _mm512_set1_epi32((int)0xffff0000));
  _mm512_storeu_si512(p, _mm512_or_si512(_mm512_srli_epi32(v_bf16_upper(even), 16), upper));
}
WEIR_SIMD_INLINE vp16 vp_apart(__m512i pairs) {
  return (vp16){_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)),
                _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32((int)0xffff0000)))};
}
/// 16 pairs; the pair at p in every lane.
WEIR_SIMD_INLINE vp16 vp_load(const uint16_t *p) { return vp_apart(_mm512_loadu_si512(p)); }
WEIR_SIMD_INLINE vp16 vp_set1(const uint16_t *p) {
  int32_t pair;
  memcpy(&pair, p, sizeof pair);
  return vp_apart(_mm512_set1_epi32(pair));
}
#endif
/// 16 bf16 numbers.
WEIR_SIMD_INLINE vf16 v_load_bf16(const uint16_t *p) {
  const __m256i numbers = _mm256_loadu_si256((const __m256i *)(const void *)p);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(numbers), 16));
}

WEIR_SIMD_INLINE __m512d vd_low(vf16 a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a)); }
WEIR_SIMD_INLINE __m512d vd_high(vf16 a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)); }
WEIR_SIMD_INLINE vd16 vd_zero(void) { return (vd16){_mm512_setzero_pd(), _mm512_setzero_pd()}; }
WEIR_SIMD_INLINE vd16 vd_load(const double *p) { return (vd16){_mm512_loadu_pd(p), _mm512_loadu_pd(p + 8)}; }
WEIR_SIMD_INLINE void vd_store(double *p, vd16 a) {
  _mm512_storeu_pd(p, a.lo);
  _mm512_storeu_pd(p + 8, a.hi);
}
/// The 16 floats as doubles; arithmetic on doubles.
WEIR_SIMD_INLINE vd16 vd_widen(vf16 a) { return (vd16){vd_low(a), vd_high(a)}; }
WEIR_SIMD_INLINE vd16 vd_plus(vd16 a, vd16 b) { return (vd16){_mm512_add_pd(a.lo, b.lo), _mm512_add_pd(a.hi, b.hi)}; }
WEIR_SIMD_INLINE vd16 vd_minus(vd16 a, vd16 b) { return (vd16){_mm512_sub_pd(a.lo, b.lo), _mm512_sub_pd(a.hi, b.hi)}; }
/// a * b + c, one rounding.
WEIR_SIMD_INLINE vd16 vd_muladd(vd16 a, vd16 b, vd16 c) {
  return (vd16){_mm512_fmadd_pd(a.lo, b.lo, c.lo), _mm512_fmadd_pd(a.hi, b.hi, c.hi)};
}
#include "kernels/simd/simd_shared.inl"

#endif

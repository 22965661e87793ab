// Stands before the compiler's <immintrin.h>: the AVX-512 intrinsics in portable code. Most are SIMDe's; here is what its release
// in Debian 12 lacks, and the dot product of bf16, which it sums in another order than the instruction does. An intrinsic that
// neither has does not compile: it is the compiler's own, which wants AVX-512.
#ifndef WEIR_TESTS_EMULATION_IMMINTRIN_H
#define WEIR_TESTS_EMULATION_IMMINTRIN_H

#include <float.h>
#include_next <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

// Loads and stores of some lanes touch no byte of the others.

static inline __m512 emulated_maskz_loadu_ps(__mmask16 mask, const float *p) {
  float lane[16] = {0};
  for (int i = 0; i < 16; i++)
    if (mask >> i & 1) lane[i] = p[i];
  return _mm512_loadu_ps(lane);
}
#undef _mm512_maskz_loadu_ps
#define _mm512_maskz_loadu_ps emulated_maskz_loadu_ps

static inline void emulated_mask_storeu_ps(float *p, __mmask16 mask, __m512 a) {
  float lane[16];
  _mm512_storeu_ps(lane, a);
  for (int i = 0; i < 16; i++)
    if (mask >> i & 1) p[i] = lane[i];
}
#undef _mm512_mask_storeu_ps
#define _mm512_mask_storeu_ps emulated_mask_storeu_ps

// By halves, which AVX2 has instructions for.

static inline __m256 emulated_extractf32x8_ps(__m512 a, int half) { return simde__m512_to_private(a).m256[half]; }
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps emulated_extractf32x8_ps

static inline __m512i emulated_cvtps_epi32(__m512 a) {
  simde__m512i_private r;
  for (int i = 0; i < 2; i++) r.m256i[i] = _mm256_cvtps_epi32(simde__m512_to_private(a).m256[i]);
  return simde__m512i_from_private(r);
}
#undef _mm512_cvtps_epi32
#define _mm512_cvtps_epi32 emulated_cvtps_epi32

static inline __m512 emulated_cvtepi32_ps(__m512i a) {
  simde__m512_private r;
  for (int i = 0; i < 2; i++) r.m256[i] = _mm256_cvtepi32_ps(simde__m512i_to_private(a).m256i[i]);
  return simde__m512_from_private(r);
}
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps emulated_cvtepi32_ps

static inline __m512i emulated_cvtepu16_epi32(__m256i a) {
  simde__m512i_private r;
  r.m256i[0] = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(a));
  r.m256i[1] = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(a, 1));
  return simde__m512i_from_private(r);
}
#undef _mm512_cvtepu16_epi32
#define _mm512_cvtepu16_epi32 emulated_cvtepu16_epi32

/// The lower half of each number.
static inline __m256i emulated_cvtepi32_epi16(__m512i a) {
  const __m256i lower = _mm256_set1_epi32(0xffff), first = _mm256_and_si256(simde__m512i_to_private(a).m256i[0], lower);
  const __m256i second = _mm256_and_si256(simde__m512i_to_private(a).m256i[1], lower);
  return _mm256_permute4x64_epi64(_mm256_packus_epi32(first, second), 0xd8);
}
#undef _mm512_cvtepi32_epi16
#define _mm512_cvtepi32_epi16 emulated_cvtepi32_epi16

static inline __m512i emulated_srai_epi32(__m512i a, unsigned bits) {
  simde__m512i_private r;
  for (int i = 0; i < 2; i++) r.m256i[i] = _mm256_srai_epi32(simde__m512i_to_private(a).m256i[i], (int)bits);
  return simde__m512i_from_private(r);
}
#undef _mm512_srai_epi32
#define _mm512_srai_epi32 emulated_srai_epi32

static inline __m512d emulated_cvtps_pd(__m256 a) {
  simde__m512d_private r;
  r.m256d[0] = _mm256_cvtps_pd(_mm256_castps256_ps128(a));
  r.m256d[1] = _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
  return simde__m512d_from_private(r);
}
#undef _mm512_cvtps_pd
#define _mm512_cvtps_pd emulated_cvtps_pd

// AVX512-BF16, after the operation sections of Intel's Software Developer's Manual. Not as there: which NaN a dot product of
// several gives, and a sum that only rounding lifts to the least normal number, which is kept where the instruction flushes it.

/// Denormals become zeros of their sign.
static inline float emulated_flushed(float a) { return fabsf(a) < FLT_MIN ? copysignf(0.0f, a) : a; }

/// To nearest, ties to even; a NaN becomes quiet and keeps what bits it can.
static inline uint16_t emulated_bf16(float a) {
  uint32_t bits;
  a = emulated_flushed(a);
  memcpy(&bits, &a, sizeof bits);
  return (uint16_t)(a != a ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float emulated_float(uint16_t a) {
  const uint32_t bits = (uint32_t)a << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline __m256bh emulated_cvtneps_pbh(__m512 a) {
  uint16_t lane[16];
  __m256bh r;
  for (int i = 0; i < 16; i++) lane[i] = emulated_bf16(((const float *)&a)[i]);
  memcpy(&r, lane, sizeof r);
  return r;
}
#undef _mm512_cvtneps_pbh
#define _mm512_cvtneps_pbh emulated_cvtneps_pbh

/// b in the low half, a in the high one.
static inline __m512bh emulated_cvtne2ps_pbh(__m512 a, __m512 b) {
  const __m256bh half[2] = {emulated_cvtneps_pbh(b), emulated_cvtneps_pbh(a)};
  __m512bh r;
  memcpy(&r, half, sizeof r);
  return r;
}
#undef _mm512_cvtne2ps_pbh
#define _mm512_cvtne2ps_pbh emulated_cvtne2ps_pbh

/// Two fused steps, the odd element's first; each takes denormals for zeros and flushes its result.
static inline __m512 emulated_dpbf16_ps(__m512 sum, __m512bh a, __m512bh b) {
  float lane[16];
  uint16_t x[32], y[32];
  memcpy(lane, &sum, sizeof lane);
  memcpy(x, &a, sizeof x);
  memcpy(y, &b, sizeof y);
  for (int odd = 1; odd >= 0; odd--)
    for (int i = 0; i < 16; i++) {
      const float p = emulated_flushed(emulated_float(x[2 * i + odd])), q = emulated_flushed(emulated_float(y[2 * i + odd]));
      lane[i] = emulated_flushed(fmaf(p, q, emulated_flushed(lane[i])));
    }
  return _mm512_loadu_ps(lane);
}
#undef _mm512_dpbf16_ps
#define _mm512_dpbf16_ps emulated_dpbf16_ps

#endif

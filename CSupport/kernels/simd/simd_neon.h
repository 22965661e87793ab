// The vector vocabulary on 64-bit Arm: 16 logical lanes in four registers; simd_avx512.h documents each name.
#ifndef WEIR_KERNELS_SIMD_NEON_H
#define WEIR_KERNELS_SIMD_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WEIR_SIMD_NAME(slot) weir_k_##slot##_neon
#define WEIR_SIMD_ISA "neon"
#define WEIR_SIMD_INLINE static inline __attribute__((always_inline))

#define WEIR_SIMD_CONV_PIXELS 6
#define WEIR_SIMD_CONV_BLOCKS 1
#define WEIR_SIMD_DOT_PIXELS 4
#define WEIR_SIMD_PEAK_CHAINS 6

typedef float32x4x4_t vf16;
typedef uint32x4x4_t vm16;  // all bits of a lane set or none
typedef struct vp16 {
  vf16 even, odd;
} vp16;
typedef struct vd16 {
  float64x2_t val[8];
} vd16;

#define WEIR_SIMD_QUARTERS(type, expression)           \
  type r;                                              \
  for (int i = 0; i < 4; ++i) r.val[i] = (expression); \
  return r

WEIR_SIMD_INLINE vf16 v_set1(float x) { WEIR_SIMD_QUARTERS(vf16, vdupq_n_f32(x)); }
WEIR_SIMD_INLINE vf16 v_zero(void) { WEIR_SIMD_QUARTERS(vf16, vdupq_n_f32(0.0f)); }
WEIR_SIMD_INLINE vf16 v_load(const float *p) { WEIR_SIMD_QUARTERS(vf16, vld1q_f32(p + 4 * i)); }
WEIR_SIMD_INLINE void v_store(float *p, vf16 x) {
  for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, x.val[i]);
}

WEIR_SIMD_INLINE vm16 vm_first(size_t n) {
  static const uint32_t index[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  WEIR_SIMD_QUARTERS(vm16, vcltq_u32(vld1q_u32(index + 4 * i), vdupq_n_u32((uint32_t)n)));
}
WEIR_SIMD_INLINE vf16 v_load_n(const float *p, size_t n) {
  float lane[16] = {0};
  memcpy(lane, p, n * sizeof *p);
  return v_load(lane);
}
WEIR_SIMD_INLINE void v_store_n(float *p, size_t n, vf16 x) {
  float lane[16];
  v_store(lane, x);
  memcpy(p, lane, n * sizeof *p);
}

WEIR_SIMD_INLINE vf16 v_add(vf16 x, vf16 y) { WEIR_SIMD_QUARTERS(vf16, vaddq_f32(x.val[i], y.val[i])); }
WEIR_SIMD_INLINE vf16 v_sub(vf16 x, vf16 y) { WEIR_SIMD_QUARTERS(vf16, vsubq_f32(x.val[i], y.val[i])); }
WEIR_SIMD_INLINE vf16 v_mul(vf16 x, vf16 y) { WEIR_SIMD_QUARTERS(vf16, vmulq_f32(x.val[i], y.val[i])); }
WEIR_SIMD_INLINE vf16 v_div(vf16 x, vf16 y) { WEIR_SIMD_QUARTERS(vf16, vdivq_f32(x.val[i], y.val[i])); }
WEIR_SIMD_INLINE vf16 v_sqrt(vf16 x) { WEIR_SIMD_QUARTERS(vf16, vsqrtq_f32(x.val[i])); }
WEIR_SIMD_INLINE vf16 v_fma(vf16 x, vf16 y, vf16 z) { WEIR_SIMD_QUARTERS(vf16, vfmaq_f32(z.val[i], x.val[i], y.val[i])); }
WEIR_SIMD_INLINE vf16 v_fnma(vf16 x, vf16 y, vf16 z) { WEIR_SIMD_QUARTERS(vf16, vfmsq_f32(z.val[i], x.val[i], y.val[i])); }
WEIR_SIMD_INLINE vf16 v_max(vf16 x, vf16 y) { WEIR_SIMD_QUARTERS(vf16, vmaxq_f32(x.val[i], y.val[i])); }
WEIR_SIMD_INLINE vf16 v_min(vf16 x, vf16 y) { WEIR_SIMD_QUARTERS(vf16, vminq_f32(x.val[i], y.val[i])); }
WEIR_SIMD_INLINE vf16 v_abs(vf16 x) { WEIR_SIMD_QUARTERS(vf16, vabsq_f32(x.val[i])); }
WEIR_SIMD_INLINE vf16 v_neg(vf16 x) { WEIR_SIMD_QUARTERS(vf16, vnegq_f32(x.val[i])); }
WEIR_SIMD_INLINE vf16 v_copysign(vf16 x, vf16 y) {
  WEIR_SIMD_QUARTERS(vf16, vbslq_f32(vdupq_n_u32(0x80000000u), y.val[i], x.val[i]));
}

WEIR_SIMD_INLINE vf16 v_round(vf16 x) { WEIR_SIMD_QUARTERS(vf16, vrndnq_f32(x.val[i])); }
WEIR_SIMD_INLINE vf16 v_pow2(vf16 n) {
  WEIR_SIMD_QUARTERS(vf16, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n.val[i]), vdupq_n_s32(127)), 23)));
}
WEIR_SIMD_INLINE vf16 v_split(vf16 x, vf16 *exponent) {
  const int32x4_t root = vdupq_n_s32(0x3f3504f3);
  vf16 mantissa;
  for (int i = 0; i < 4; ++i) {
    const int32x4_t offset = vsubq_s32(vreinterpretq_s32_f32(x.val[i]), root);
    exponent->val[i] = vcvtq_f32_s32(vshrq_n_s32(offset, 23));
    mantissa.val[i] = vreinterpretq_f32_s32(vaddq_s32(vandq_s32(offset, vdupq_n_s32(0x7fffff)), root));
  }
  return mantissa;
}

WEIR_SIMD_INLINE vm16 v_lt(vf16 x, vf16 y) { WEIR_SIMD_QUARTERS(vm16, vcltq_f32(x.val[i], y.val[i])); }
WEIR_SIMD_INLINE vm16 v_eq(vf16 x, vf16 y) { WEIR_SIMD_QUARTERS(vm16, vceqq_f32(x.val[i], y.val[i])); }
WEIR_SIMD_INLINE vf16 v_blend(vm16 mask, vf16 x, vf16 y) { WEIR_SIMD_QUARTERS(vf16, vbslq_f32(mask.val[i], x.val[i], y.val[i])); }

/// bf16 numbers in the upper halves; the lower ones hold what is left over.
WEIR_SIMD_INLINE uint32x4_t v_bf16_quarter(float32x4_t x) {
  const uint32x4_t bits = vreinterpretq_u32_f32(x), last = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), last);
  return vbslq_u32(vceqq_f32(x, x), rounded, vorrq_u32(bits, vdupq_n_u32(0x400000)));
}
WEIR_SIMD_INLINE void v_store_bf16(uint16_t *p, vf16 x) {
  for (int i = 0; i < 4; ++i) vst1_u16(p + 4 * i, vshrn_n_u32(v_bf16_quarter(x.val[i]), 16));
}
WEIR_SIMD_INLINE void v_store_pairs(uint16_t *p, vf16 even, vf16 odd) {
  for (int i = 0; i < 4; ++i) {
    const uint32x4_t pairs = vsriq_n_u32(v_bf16_quarter(odd.val[i]), v_bf16_quarter(even.val[i]), 16);
    vst1q_u16(p + 8 * i, vreinterpretq_u16_u32(pairs));
  }
}
WEIR_SIMD_INLINE vf16 v_load_bf16(const uint16_t *p) {
  WEIR_SIMD_QUARTERS(vf16, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16)));
}

WEIR_SIMD_INLINE vp16 vp_load(const uint16_t *p) {
  vp16 r;
  for (int i = 0; i < 4; ++i) {
    const uint32x4_t pairs = vreinterpretq_u32_u16(vld1q_u16(p + 8 * i));
    r.even.val[i] = vreinterpretq_f32_u32(vshlq_n_u32(pairs, 16));
    r.odd.val[i] = vreinterpretq_f32_u32(vandq_u32(pairs, vdupq_n_u32(0xffff0000u)));
  }
  return r;
}
WEIR_SIMD_INLINE vp16 vp_set1(const uint16_t *p) {
  uint32_t pair;
  memcpy(&pair, p, sizeof pair);
  const float32x4_t even = vreinterpretq_f32_u32(vdupq_n_u32(pair << 16)),
                    odd = vreinterpretq_f32_u32(vdupq_n_u32(pair & 0xffff0000u));
  return (vp16){{{even, even, even, even}}, {{odd, odd, odd, odd}}};
}

WEIR_SIMD_INLINE vd16 vd_zero(void) {
  vd16 r;
  for (int i = 0; i < 8; ++i) r.val[i] = vdupq_n_f64(0.0);
  return r;
}
WEIR_SIMD_INLINE vd16 vd_load(const double *p) {
  vd16 r;
  for (int i = 0; i < 8; ++i) r.val[i] = vld1q_f64(p + 2 * i);
  return r;
}
WEIR_SIMD_INLINE void vd_store(double *p, vd16 x) {
  for (int i = 0; i < 8; ++i) vst1q_f64(p + 2 * i, x.val[i]);
}
WEIR_SIMD_INLINE vd16 vd_widen(vf16 x) {
  vd16 r;
  for (int i = 0; i < 4; ++i) {
    r.val[2 * i] = vcvt_f64_f32(vget_low_f32(x.val[i]));
    r.val[2 * i + 1] = vcvt_high_f64_f32(x.val[i]);
  }
  return r;
}
WEIR_SIMD_INLINE vd16 vd_plus(vd16 x, vd16 y) {
  for (int i = 0; i < 8; ++i) x.val[i] = vaddq_f64(x.val[i], y.val[i]);
  return x;
}
WEIR_SIMD_INLINE vd16 vd_minus(vd16 x, vd16 y) {
  for (int i = 0; i < 8; ++i) x.val[i] = vsubq_f64(x.val[i], y.val[i]);
  return x;
}
WEIR_SIMD_INLINE vd16 vd_muladd(vd16 x, vd16 y, vd16 z) {
  for (int i = 0; i < 8; ++i) z.val[i] = vfmaq_f64(z.val[i], x.val[i], y.val[i]);
  return z;
}

#undef WEIR_SIMD_QUARTERS

#include "kernels/simd/simd_shared.inl"

#endif

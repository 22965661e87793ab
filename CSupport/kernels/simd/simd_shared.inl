// The part of the vocabulary that is the same on every instruction set.

#if !defined(WEIR_SIMD_AVX512BF16)
/// acc + a.odd * b.odd, then + a.even * b.even, each with one rounding; products of bf16 numbers.
WEIR_SIMD_INLINE vf16 v_dot(vf16 acc, vp16 a, vp16 b) { return v_fma(a.even, b.even, v_fma(a.odd, b.odd, acc)); }
#endif

/// acc + a, lane by lane, in f64.
WEIR_SIMD_INLINE vd16 vd_add(vd16 acc, vf16 a) { return vd_plus(acc, vd_widen(a)); }
/// acc + a * b, lane by lane; the product of two floats is exact in f64.
WEIR_SIMD_INLINE vd16 vd_fma(vd16 acc, vf16 a, vf16 b) { return vd_muladd(vd_widen(a), vd_widen(b), acc); }

/// Sum of the 16 lanes, always in this order.
WEIR_SIMD_INLINE double vd_sum(vd16 a) {
  double lane[16];
  vd_store(lane, a);
  for (int width = 8; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}

/// n lanes of 16: a whole vector, or the last of an array. `n` known to be 16 leaves no trace of the other case.
WEIR_SIMD_INLINE vf16 v_load_part(const float *p, size_t n) { return n == 16 ? v_load(p) : v_load_n(p, n); }
WEIR_SIMD_INLINE void v_store_part(float *p, size_t n, vf16 a) {
  if (n == 16) {
    v_store(p, a);
  } else {
    v_store_n(p, n, a);
  }
}

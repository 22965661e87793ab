// Arrays through the vector functions. The last elements go through the same code, so that a value's bits do not depend on its place.

WEIR_SIMD_INLINE void vecmath_map(vf16 (*f)(vf16), const float *x, float *y, size_t count) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) v_store(y + i, f(v_load(x + i)));
  if (i < count) v_store_n(y + i, count - i, f(v_load_n(x + i, count - i)));
}

static void WEIR_SIMD_NAME(vecmath_exp)(const float *x, float *y, size_t count) { vecmath_map(v_exp, x, y, count); }
static void WEIR_SIMD_NAME(vecmath_log)(const float *x, float *y, size_t count) { vecmath_map(v_log, x, y, count); }
static void WEIR_SIMD_NAME(vecmath_tanh)(const float *x, float *y, size_t count) { vecmath_map(v_tanh, x, y, count); }

static double WEIR_SIMD_NAME(vecmath_sum_squares)(const float *x, size_t count) {
  vd16 sum = vd_zero();
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const vf16 a = v_load(x + i);
    sum = vd_fma(sum, a, a);
  }
  if (i < count) {
    const vf16 a = v_load_n(x + i, count - i);
    sum = vd_fma(sum, a, a);
  }
  return vd_sum(sum);
}

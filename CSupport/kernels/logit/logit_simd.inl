// logit_ref.c has the formulas; here they are arranged for float. Needs vecmath_inline.inl and <math.h>.

/// p = y margin + (1 - margin) / 2 and 1 - p the same way from 1 - y: sums of terms of one sign, so both keep their relative accuracy
/// at either end. Where p leaves (0, 1) a logarithm is NaN or Inf and so is the sum.
WEIR_SIMD_INLINE vf16 logit_step(const float *y, float *z, size_t n, vf16 margin, vf16 rest) {
  const vf16 value = v_load_part(y, n);
  const vf16 p = v_fma(value, margin, rest);
  const vf16 q = v_fma(v_sub(v_set1(1.0f), value), margin, rest);
  v_store_part(z, n, v_log(v_div(p, q)));
  const vf16 logdet = v_neg(v_log(v_mul(p, q)));
  return n == 16 ? logdet : v_blend(vm_first(n), logdet, v_zero());
}

static double WEIR_SIMD_NAME(logit_forward)(const float *y, float *z, size_t count, double margin) {
  const vf16 scale = v_set1((float)margin), rest = v_set1((float)((1.0 - margin) * 0.5));
  vd16 sum = vd_zero();
  size_t i = 0;
  for (; i + 16 <= count; i += 16) sum = vd_add(sum, logit_step(y + i, z + i, 16, scale, rest));
  if (i < count) sum = vd_add(sum, logit_step(y + i, z + i, count - i, scale, rest));
  return vd_sum(sum) + (double)count * log(margin);
}

/// y from z, through the smaller of p and 1 - p, which is e / (1 + e) with e = exp(-|z|).
WEIR_SIMD_INLINE vf16 logit_back(vf16 z, vf16 e, vf16 margin, vf16 rest) {
  const vf16 small = v_div(e, v_add(e, v_set1(1.0f)));
  const vf16 y = v_div(v_sub(small, rest), margin);
  return v_blend(v_lt(z, v_zero()), y, v_sub(v_set1(1.0f), y));
}

/// Adds softplus(z) + softplus(-z) = |z| + 2 log(1 + e), each to its own digits: |z| in f64, and a logarithm below ln 2.
WEIR_SIMD_INLINE vd16 logit_inverse_step(const float *z, float *y, size_t n, vf16 margin, vf16 rest, vd16 sum) {
  const vf16 value = v_load_part(z, n);
  const vf16 size = v_abs(value);
  const vf16 e = v_exp(v_neg(size));
  vf16 log_u = v_log(v_add(e, v_set1(1.0f)));
  if (n != 16) log_u = v_blend(vm_first(n), log_u, v_zero());
  v_store_part(y, n, logit_back(value, e, margin, rest));
  return vd_fma(vd_add(sum, size), v_set1(2.0f), log_u);
}

static double WEIR_SIMD_NAME(logit_inverse)(const float *z, float *y, size_t count, double margin) {
  const vf16 scale = v_set1((float)margin), rest = v_set1((float)((1.0 - margin) * 0.5));
  vd16 sum = vd_zero();
  size_t i = 0;
  for (; i + 16 <= count; i += 16) sum = logit_inverse_step(z + i, y + i, 16, scale, rest, sum);
  if (i < count) sum = logit_inverse_step(z + i, y + i, count - i, scale, rest, sum);
  return -vd_sum(sum) - (double)count * log(margin);
}

WEIR_SIMD_INLINE void logit_backward_step(const float *z, const float *dz, vf16 dlogdet, float *y, float *dy, size_t n, vf16 margin,
                                          vf16 rest) {
  const vf16 value = v_load_part(z, n);
  const vf16 e = v_exp(v_neg(v_abs(value)));
  const vf16 u = v_add(e, v_set1(1.0f));
  const vf16 tanh_half = v_copysign(v_div(v_sub(v_set1(1.0f), e), u), value);  // 2p - 1
  const vf16 dlogit = v_fma(dlogdet, tanh_half, v_load_part(dz, n));
  const vf16 slope = v_mul(u, v_div(u, e));  // 1 / (p (1 - p))
  v_store_part(y, n, logit_back(value, e, margin, rest));
  v_store_part(dy, n, v_mul(v_mul(dlogit, margin), slope));
}

static void WEIR_SIMD_NAME(logit_backward)(const float *z, const float *dz, float dlogdet, float *y, float *dy, size_t count,
                                           double margin) {
  const vf16 scale = v_set1((float)margin), rest = v_set1((float)((1.0 - margin) * 0.5)), weight = v_set1(dlogdet);
  size_t i = 0;
  for (; i + 16 <= count; i += 16) logit_backward_step(z + i, dz + i, weight, y + i, dy + i, 16, scale, rest);
  if (i < count) logit_backward_step(z + i, dz + i, weight, y + i, dy + i, count - i, scale, rest);
}

// exp, log and tanh of a vector, for any kernel written in the vocabulary. Bounds and special values as in vecmath.h.
//
// Method: argument reduction and a minimax polynomial (Muller, Elementary Functions, 2016, chapters 4 and 11). The coefficients are
// Lawson fits of the relative error, rounded to float from the lowest power up, each time fitting the rest anew.

/// x = n ln 2 + r with |r| <= ln(2) / 2, and e^r = 1 + r + r^2 q(r), |relative error of q's part| < 1.1e-10.
WEIR_SIMD_INLINE vf16 v_exp(vf16 x) {
  // Beyond these bounds the result is Inf or 0, and n would leave the range of v_pow2.
  x = v_min(v_max(x, v_set1(-104.0f)), v_set1(89.0f));
  const vf16 n = v_round(v_mul(x, v_set1(1.44269504f)));
  vf16 r = v_fnma(n, v_set1(0.693147182f), x);
  r = v_fnma(n, v_set1(-1.90465421e-9f), r);
  vf16 q = v_set1(0.000197426897f);
  q = v_fma(q, r, v_set1(0.00139359338f));
  q = v_fma(q, r, v_set1(0.00833356939f));
  q = v_fma(q, r, v_set1(0.0416664556f));
  q = v_fma(q, r, v_set1(0.166666657f));
  q = v_fma(q, r, v_set1(0.5f));
  const vf16 e = v_add(v_fma(v_mul(r, r), q, r), v_set1(1.0f));
  // 2^n in two factors: n reaches 128 and -150, and only the last product rounds when the result is subnormal.
  const vf16 half = v_round(v_mul(n, v_set1(0.5f)));
  return v_mul(v_mul(e, v_pow2(half)), v_pow2(v_sub(n, half)));
}

/// x = m 2^e with m in [sqrt(1/2), sqrt(2)), f = m - 1, and log(1 + f) = f - f^2 / 2 + f^3 p(f), |relative error| < 8e-10.
WEIR_SIMD_INLINE vf16 v_log(vf16 x) {
  const vm16 subnormal = v_lt(x, v_set1(0x1p-126f));
  vf16 e;
  const vf16 m = v_split(v_blend(subnormal, v_mul(x, v_set1(0x1p24f)), x), &e);
  e = v_sub(e, v_blend(subnormal, v_set1(24.0f), v_zero()));
  const vf16 f = v_sub(m, v_set1(1.0f));
  const vf16 square = v_mul(f, f);
  vf16 p = v_set1(0.0674926937f);
  p = v_fma(p, f, v_set1(-0.116700985f));
  p = v_fma(p, f, v_set1(0.118835486f));
  p = v_fma(p, f, v_set1(-0.124062337f));
  p = v_fma(p, f, v_set1(0.142203584f));
  p = v_fma(p, f, v_set1(-0.166679889f));
  p = v_fma(p, f, v_set1(0.200020716f));
  p = v_fma(p, f, v_set1(-0.250000089f));
  p = v_fma(p, f, v_set1(0.333333135f));
  // From the smallest terms up. The high part of ln 2 has few bits, so that e times it is exact.
  vf16 y = v_mul(v_mul(square, f), p);
  y = v_fma(e, v_set1(-2.12194440e-4f), y);
  y = v_fnma(square, v_set1(0.5f), y);
  y = v_fma(e, v_set1(0.693359375f), v_add(f, y));
  // Inf and NaN come back as themselves, 0 gives -Inf, what is below gives NaN.
  y = v_blend(v_lt(x, v_set1(__builtin_inff())), y, x);
  y = v_blend(v_lt(x, v_zero()), v_set1(__builtin_nanf("")), y);
  return v_blend(v_eq(x, v_zero()), v_set1(-__builtin_inff()), y);
}

/// Odd polynomial for small arguments, |relative error| < 5e-9; else 1 - 2 / (e^2|x| + 1), which no longer cancels.
WEIR_SIMD_INLINE vf16 v_tanh(vf16 x) {
  const vf16 size = v_abs(x);
  const vf16 z = v_mul(x, x);
  vf16 p = v_set1(-0.00569229666f);
  p = v_fma(p, z, v_set1(0.0206281673f));
  p = v_fma(p, z, v_set1(-0.0537365153f));
  p = v_fma(p, z, v_set1(0.133314058f));
  p = v_fma(p, z, v_set1(-0.333332807f));
  const vf16 near = v_fma(v_mul(size, z), p, size);
  const vf16 e = v_exp(v_add(size, size));
  const vf16 far = v_sub(v_set1(1.0f), v_div(v_set1(2.0f), v_add(e, v_set1(1.0f))));
  return v_copysign(v_blend(v_lt(size, v_set1(0.625f)), near, far), x);
}

// coupling_ref.c has the formulas. Needs vecmath_inline.inl.

/// s. tanh(Inf) is 1, so 0 * raw makes NaN of an Inf, which must not pass as a score.
WEIR_SIMD_INLINE vf16 coupling_scale(vf16 raw, vf16 gain, vf16 *tangent) {
  *tangent = v_tanh(raw);
  return v_fma(raw, v_zero(), v_mul(gain, *tangent));
}

/// True where an element passes unchanged.
WEIR_SIMD_INLINE vm16 coupling_passes(const float *mask, size_t i, size_t n) {
  return v_eq(mask ? v_load_part(mask + i, n) : v_set1(1.0f), v_zero());
}

/// Elements i to i + n - 1; returns s. Lanes past n hold zeros: they add nothing.
WEIR_SIMD_INLINE vf16 coupling_step(const weir_coupling *a, size_t i, size_t n, int inverse) {
  const vm16 passes = coupling_passes(a->mask, i, n);
  const vf16 x = v_load_part(a->x + i, n);
  const vf16 t = v_blend(passes, v_zero(), v_load_part(a->raw_t + i, n));
  vf16 s = v_zero(), y;
  if (a->raw_s) {
    vf16 tangent;
    s = coupling_scale(v_load_part(a->raw_s + i, n), v_load_part(a->gain + i, n), &tangent);
    s = v_blend(passes, v_zero(), s);
    y = inverse ? v_fma(x, v_exp(v_neg(s)), v_neg(t)) : v_mul(v_add(x, t), v_exp(s));
  } else {
    y = inverse ? v_sub(x, t) : v_add(x, t);
  }
  v_store_part(a->y + i, n, v_blend(passes, x, y));
  if (a->s) v_store_part(a->s + i, n, s);
  if (a->t) v_store_part(a->t + i, n, t);
  return s;
}

WEIR_SIMD_INLINE double coupling_run(const weir_coupling *a, int inverse) {
  vd16 sum = vd_zero();
  size_t i = 0;
  for (; i + 16 <= a->count; i += 16) sum = vd_add(sum, coupling_step(a, i, 16, inverse));
  if (i < a->count) sum = vd_add(sum, coupling_step(a, i, a->count - i, inverse));
  return inverse ? -vd_sum(sum) : vd_sum(sum);
}

static double WEIR_SIMD_NAME(coupling_forward)(const weir_coupling *coupling) { return coupling_run(coupling, 0); }
static double WEIR_SIMD_NAME(coupling_inverse)(const weir_coupling *coupling) { return coupling_run(coupling, 1); }

WEIR_SIMD_INLINE void coupling_step_back(const weir_coupling_gradient *a, size_t i, size_t n) {
  const vm16 passes = coupling_passes(a->mask, i, n);
  const vf16 y = v_load_part(a->y + i, n), dy = v_load_part(a->dy + i, n), t = v_load_part(a->raw_t + i, n);
  vf16 x, dx;
  if (a->raw_s) {
    const vf16 gain = v_load_part(a->gain + i, n), dgain = v_load_part(a->dgain + i, n);
    vf16 tangent;
    const vf16 s = coupling_scale(v_load_part(a->raw_s + i, n), gain, &tangent);
    const vf16 ds = v_fma(dy, y, v_set1(a->dlogdet));
    const vf16 slope = v_fnma(tangent, tangent, v_set1(1.0f));
    x = v_fma(y, v_exp(v_neg(s)), v_neg(t));
    dx = v_mul(dy, v_exp(s));
    v_store_part(a->draw_s + i, n, v_blend(passes, v_zero(), v_mul(v_mul(ds, gain), slope)));
    v_store_part(a->dgain + i, n, v_blend(passes, dgain, v_fma(ds, tangent, dgain)));
  } else {
    x = v_sub(y, t);
    dx = dy;
  }
  v_store_part(a->draw_t + i, n, v_blend(passes, v_zero(), dx));
  v_store_part(a->x + i, n, v_blend(passes, y, x));
  v_store_part(a->dx + i, n, v_blend(passes, dy, dx));
}

static void WEIR_SIMD_NAME(coupling_backward)(const weir_coupling_gradient *a) {
  size_t i = 0;
  for (; i + 16 <= a->count; i += 16) coupling_step_back(a, i, 16);
  if (i < a->count) coupling_step_back(a, i, a->count - i);
}

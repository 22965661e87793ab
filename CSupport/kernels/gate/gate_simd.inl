// gate_ref.c has the formulas. Needs vecmath_inline.inl.

/// sigmoid(t), and sigmoid(-t) in *rest.
WEIR_SIMD_INLINE vf16 gate_weights(vf16 t, vf16 *rest) {
  const vf16 e = v_exp(v_neg(v_abs(t)));
  const vf16 sum = v_add(e, v_set1(1.0f));
  const vf16 large = v_div(v_set1(1.0f), sum), small = v_div(e, sum);
  const vm16 negative = v_lt(t, v_zero());
  *rest = v_blend(negative, large, small);
  return v_blend(negative, small, large);
}

WEIR_SIMD_INLINE void gate_forward_step(const weir_gate *a, size_t i, size_t n) {
  vf16 rest;
  const vf16 s = gate_weights(v_load_part(a->t + i, n), &rest);
  const vf16 kept = v_mul(rest, v_load_part(a->x + i, n));
  v_store_part(a->y + i, n, v_fma(s, v_load_part(a->v + i, n), kept));
}

static void WEIR_SIMD_NAME(gate_forward)(const weir_gate *gate) {
  size_t i = 0;
  for (; i + 16 <= gate->count; i += 16) gate_forward_step(gate, i, 16);
  if (i < gate->count) gate_forward_step(gate, i, gate->count - i);
}

WEIR_SIMD_INLINE void gate_backward_step(const weir_gate_gradient *a, size_t i, size_t n) {
  vf16 rest;
  const vf16 s = gate_weights(v_load_part(a->t + i, n), &rest);
  const vf16 dy = v_load_part(a->dy + i, n);
  const vf16 change = v_mul(dy, v_sub(v_load_part(a->v + i, n), v_load_part(a->x + i, n)));
  v_store_part(a->dv + i, n, v_fma(dy, s, v_load_part(a->dv + i, n)));
  v_store_part(a->dt + i, n, v_fma(change, v_mul(s, rest), v_load_part(a->dt + i, n)));
  v_store_part(a->dx + i, n, v_fma(dy, rest, v_load_part(a->dx + i, n)));
}

static void WEIR_SIMD_NAME(gate_backward)(const weir_gate_gradient *gate) {
  size_t i = 0;
  for (; i + 16 <= gate->count; i += 16) gate_backward_step(gate, i, 16);
  if (i < gate->count) gate_backward_step(gate, i, gate->count - i);
}

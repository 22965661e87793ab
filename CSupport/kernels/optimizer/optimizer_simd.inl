// optimizer_ref.c has the formula.

WEIR_SIMD_INLINE void optimizer_adam_step(const weir_adam *a, size_t i, size_t n) {
  const vf16 value = v_load_part(a->value + i, n);
  const vf16 g = v_fma(v_set1(a->decay), value, v_mul(v_set1(a->scale), v_load_part(a->gradient + i, n)));
  const vf16 fresh1 = v_mul(v_set1(1.0f - a->beta1), g);
  const vf16 fresh2 = v_mul(v_mul(v_set1(1.0f - a->beta2), g), g);
  const vf16 m = v_fma(v_set1(a->beta1), v_load_part(a->m + i, n), fresh1);
  const vf16 v = v_fma(v_set1(a->beta2), v_load_part(a->v + i, n), fresh2);
  const vf16 root = v_fma(v_sqrt(v), v_set1(a->root_correction), v_set1(a->epsilon));
  v_store_part(a->m + i, n, m);
  v_store_part(a->v + i, n, v);
  v_store_part(a->value + i, n, v_sub(value, v_div(v_mul(v_set1(a->step_size), m), root)));
}

static void WEIR_SIMD_NAME(optimizer_adam)(const weir_adam *adam) {
  size_t i = 0;
  for (; i + 16 <= adam->count; i += 16) optimizer_adam_step(adam, i, 16);
  if (i < adam->count) optimizer_adam_step(adam, i, adam->count - i);
}

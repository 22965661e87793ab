// optimizer_ref.c has the formulas.

/// `decoupled` is AdamW.
WEIR_SIMD_INLINE void optimizer_adam_step(const weir_adam *a, size_t i, size_t n, bool decoupled) {
  const vf16 value = v_load_part(a->value + i, n);
  vf16 g = v_mul(v_set1(a->scale), v_load_part(a->gradient + i, n));
  if (!decoupled) g = v_fma(v_set1(a->decay), value, g);
  const vf16 rest = decoupled ? v_fnma(v_set1(a->shrink), value, value) : value;
  const vf16 fresh1 = v_mul(v_set1(1.0f - a->beta1), g);
  const vf16 fresh2 = v_mul(v_mul(v_set1(1.0f - a->beta2), g), g);
  const vf16 m = v_fma(v_set1(a->beta1), v_load_part(a->m + i, n), fresh1);
  const vf16 v = v_fma(v_set1(a->beta2), v_load_part(a->v + i, n), fresh2);
  const vf16 root = v_fma(v_sqrt(v), v_set1(a->root_correction), v_set1(a->epsilon));
  v_store_part(a->m + i, n, m);
  v_store_part(a->v + i, n, v);
  v_store_part(a->value + i, n, v_sub(rest, v_div(v_mul(v_set1(a->step_size), m), root)));
}

WEIR_SIMD_INLINE void optimizer_adam_all(const weir_adam *a, bool decoupled) {
  size_t i = 0;
  for (; i + 16 <= a->count; i += 16) optimizer_adam_step(a, i, 16, decoupled);
  if (i < a->count) optimizer_adam_step(a, i, a->count - i, decoupled);
}

static void WEIR_SIMD_NAME(optimizer_adam)(const weir_adam *adam) { optimizer_adam_all(adam, false); }
static void WEIR_SIMD_NAME(optimizer_adamw)(const weir_adam *adam) { optimizer_adam_all(adam, true); }

WEIR_SIMD_INLINE void optimizer_rmsprop_step(const weir_rmsprop *a, size_t i, size_t n) {
  const vf16 value = v_load_part(a->value + i, n);
  const vf16 g = v_fma(v_set1(a->decay), value, v_mul(v_set1(a->scale), v_load_part(a->gradient + i, n)));
  const vf16 fresh = v_mul(v_mul(v_set1(1.0f - a->alpha), g), g);
  const vf16 v = v_fma(v_set1(a->alpha), v_load_part(a->v + i, n), fresh);
  const vf16 root = v_add(v_sqrt(v), v_set1(a->epsilon));
  v_store_part(a->v + i, n, v);
  v_store_part(a->value + i, n, v_sub(value, v_div(v_mul(v_set1(a->rate), g), root)));
}

static void WEIR_SIMD_NAME(optimizer_rmsprop)(const weir_rmsprop *rmsprop) {
  size_t i = 0;
  for (; i + 16 <= rmsprop->count; i += 16) optimizer_rmsprop_step(rmsprop, i, 16);
  if (i < rmsprop->count) optimizer_rmsprop_step(rmsprop, i, rmsprop->count - i);
}

WEIR_SIMD_INLINE void optimizer_average_step(const weir_average *a, size_t i, size_t n) {
  const vf16 average = v_load_part(a->average + i, n);
  const vf16 change = v_sub(v_load_part(a->value + i, n), average);
  v_store_part(a->average + i, n, v_fma(v_set1(a->share), change, average));
}

static void WEIR_SIMD_NAME(optimizer_average)(const weir_average *average) {
  size_t i = 0;
  for (; i + 16 <= average->count; i += 16) optimizer_average_step(average, i, 16);
  if (i < average->count) optimizer_average_step(average, i, average->count - i);
}

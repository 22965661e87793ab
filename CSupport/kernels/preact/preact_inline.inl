// The preactivation of one vector, which the Winograd kernels share.

typedef enum preact_kind { PREACT_LINEAR, PREACT_RELU, PREACT_LEAKY } preact_kind;

WEIR_SIMD_INLINE preact_kind preact_kind_of(bool relu, float slope) {
  if (!relu) return PREACT_LINEAR;
  return slope == 0 ? PREACT_RELU : PREACT_LEAKY;
}

/// Channels of block b that exist.
WEIR_SIMD_INLINE size_t preact_lanes(size_t c, size_t b) { return c - b * 16 < 16 ? c - b * 16 : 16; }

WEIR_SIMD_INLINE float *preact_zero(float *y, size_t pixels) {
  for (size_t i = 0; i < pixels; ++i) v_store(y + 16 * i, v_zero());
  return y + 16 * pixels;
}

/// v_max gives NaN for NaN in its first argument; a comparison with NaN is false.
WEIR_SIMD_INLINE vf16 preact_activate(vf16 u, vm16 lanes, preact_kind kind, vf16 slope) {
  vf16 y = u;
  if (kind == PREACT_RELU) y = v_max(u, v_zero());
  if (kind == PREACT_LEAKY) y = v_blend(v_lt(u, v_zero()), v_mul(slope, u), u);
  return v_blend(lanes, y, v_zero());
}

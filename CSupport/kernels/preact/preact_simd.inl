// preact_ref.c has the formulas. One block of channels at a time; flags are constants inside each inlined copy. Needs
// preact_inline.inl.

WEIR_SIMD_INLINE void preact_block(const weir_preact *a, size_t b, bool affine, preact_kind kind) {
  const vm16 lanes = vm_first(preact_lanes(a->c, b));
  const vf16 scale = affine ? v_load(a->scale + 16 * b) : v_zero();
  const vf16 shift = affine ? v_load(a->shift + 16 * b) : v_zero();
  const vf16 slope = v_set1(a->slope);
  const size_t width = a->w + 2 * a->pad;
  const float *x = a->x + b * a->h * a->w * 16;
  float *y = a->y + b * (a->h + 2 * a->pad) * width * 16;
  y = preact_zero(y, a->pad * width);
  for (size_t r = 0; r < a->h; ++r) {
    y = preact_zero(y, a->pad);
    for (size_t q = 0; q < a->w; ++q, x += 16, y += 16) {
      const vf16 value = v_load(x);
      v_store(y, preact_activate(affine ? v_fma(scale, value, shift) : value, lanes, kind, slope));
    }
    y = preact_zero(y, a->pad);
  }
  preact_zero(y, a->pad * width);
}

/// The joined form moves channels to other lanes; it occurs at a network's few input channels, so lane by lane will do.
static void preact_join(const weir_preact *a) {
  const size_t width = a->w + 2 * a->pad, pixels = (a->h + 2 * a->pad) * width;
  const preact_kind kind = preact_kind_of(a->relu, a->slope);
  const vf16 slope = v_set1(a->slope);
  preact_zero(a->y, weir_i_blocks(2 * a->c) * pixels);
  for (size_t b = 0; b < weir_i_blocks(a->c); ++b) {
    const size_t count = preact_lanes(a->c, b);
    const vm16 lanes = vm_first(count);
    for (size_t i = 0; i < a->h * a->w; ++i) {
      vf16 u = v_load(a->x + (b * a->h * a->w + i) * 16);
      if (a->scale) u = v_fma(v_load(a->scale + 16 * b), u, v_load(a->shift + 16 * b));
      float positive[16], negative[16];
      v_store(positive, preact_activate(u, lanes, kind, slope));
      v_store(negative, preact_activate(v_neg(u), lanes, kind, slope));
      float *y = a->y + ((i / a->w + a->pad) * width + i % a->w + a->pad) * 16;
      for (size_t l = 0; l < count; ++l) {
        const size_t c = b * 16 + l, joined = a->c + c;
        y[c / 16 * pixels * 16 + c % 16] = positive[l];
        y[joined / 16 * pixels * 16 + joined % 16] = negative[l];
      }
    }
  }
}

WEIR_SIMD_INLINE void preact_blocks(const weir_preact *a, preact_kind kind) {
  for (size_t b = 0; b < weir_i_blocks(a->c); ++b) {
    if (a->scale) {
      preact_block(a, b, true, kind);
    } else {
      preact_block(a, b, false, kind);
    }
  }
}

static void WEIR_SIMD_NAME(preact_forward)(const weir_preact *a) {
  if (a->negate) {
    preact_join(a);
    return;
  }
  switch (preact_kind_of(a->relu, a->slope)) {
    case PREACT_LINEAR: preact_blocks(a, PREACT_LINEAR); break;
    case PREACT_RELU: preact_blocks(a, PREACT_RELU); break;
    case PREACT_LEAKY: preact_blocks(a, PREACT_LEAKY); break;
  }
}

/// dy's channels a->c + 16 b and on, gathered into one vector.
WEIR_SIMD_INLINE vf16 preact_gather(const weir_preact_gradient *a, size_t b, size_t i) {
  float lane[16] = {0};
  for (size_t l = 0; l < preact_lanes(a->c, b); ++l) {
    const size_t joined = a->c + 16 * b + l;
    lane[l] = a->dy[(joined / 16 * a->h * a->w + i) * 16 + joined % 16];
  }
  return v_load(lane);
}

WEIR_SIMD_INLINE void preact_block_back(const weir_preact_gradient *a, size_t b, bool affine, bool negate) {
  const vm16 lanes = vm_first(preact_lanes(a->c, b));
  const vf16 scale = affine ? v_load(a->scale + 16 * b) : v_zero();
  const vf16 shift = affine ? v_load(a->shift + 16 * b) : v_zero();
  const vf16 slope = v_set1(a->slope);
  const bool leaky = preact_kind_of(a->relu, a->slope) == PREACT_LEAKY;
  const size_t pixels = a->h * a->w, start = b * pixels * 16;
  for (size_t i = 0; i < pixels; ++i) {
    vf16 du = v_load(a->dy + start + 16 * i);
    vf16 other = negate ? preact_gather(a, b, i) : v_zero();
    if (a->relu) {
      const vf16 x = v_load(a->x + start + 16 * i);
      const vf16 u = affine ? v_fma(scale, x, shift) : x;
      du = v_blend(v_lt(v_zero(), u), du, leaky ? v_mul(slope, du) : v_zero());
      other = v_blend(v_lt(u, v_zero()), other, leaky ? v_mul(slope, other) : v_zero());
    }
    if (negate) du = v_sub(du, other);
    v_store(a->du + start + 16 * i, v_blend(lanes, du, v_zero()));
  }
}

static void WEIR_SIMD_NAME(preact_backward)(const weir_preact_gradient *a) {
  for (size_t b = 0; b < weir_i_blocks(a->c); ++b) {
    if (a->negate) {
      preact_block_back(a, b, a->scale != NULL, true);
    } else if (a->scale) {
      preact_block_back(a, b, true, false);
    } else {
      preact_block_back(a, b, false, false);
    }
  }
}

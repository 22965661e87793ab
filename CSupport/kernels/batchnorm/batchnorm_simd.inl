// batchnorm_ref.c has the formulas. Sums start from what the caller holds, so that cutting the rows leaves the bits alone.

static void WEIR_SIMD_NAME(batchnorm_moments)(const float *x, size_t rows, size_t stride, const float *mean, double *sum,
                                              double *square) {
  const vd16 center = mean ? vd_widen(v_load(mean)) : vd_zero();
  vd16 first = vd_load(sum);
  if (square) {
    vd16 second = vd_load(square);
    for (size_t r = 0; r < rows; ++r) {
      const vd16 deviation = vd_minus(vd_widen(v_load(x + r * stride)), center);
      first = vd_plus(first, deviation);
      second = vd_muladd(deviation, deviation, second);
    }
    vd_store(square, second);
  } else {
    for (size_t r = 0; r < rows; ++r) first = vd_plus(first, vd_minus(vd_widen(v_load(x + r * stride)), center));
  }
  vd_store(sum, first);
}

static void WEIR_SIMD_NAME(batchnorm_products)(const float *dy, const float *x, size_t rows, size_t stride, const float *mean,
                                               double *sum, double *product) {
  const vd16 center = vd_widen(v_load(mean));
  vd16 first = vd_load(sum), second = vd_load(product);
  for (size_t r = 0; r < rows; ++r) {
    const vd16 gradient = vd_widen(v_load(dy + r * stride));
    first = vd_plus(first, gradient);
    second = vd_muladd(gradient, vd_minus(vd_widen(v_load(x + r * stride)), center), second);
  }
  vd_store(sum, first);
  vd_store(product, second);
}

static void WEIR_SIMD_NAME(batchnorm_apply)(const float *du, const float *x, size_t rows, size_t stride, const float *mean,
                                            const float *a, const float *b, const float *c, float *dx) {
  const vf16 center = v_load(mean), va = v_load(a), vb = v_load(b), vc = v_load(c);
  for (size_t r = 0; r < rows; ++r) {
    const size_t i = r * stride;
    const vf16 change = v_fma(va, v_load(du + i), v_fma(vb, v_sub(v_load(x + i), center), vc));
    v_store(dx + i, v_add(v_load(dx + i), change));
  }
}

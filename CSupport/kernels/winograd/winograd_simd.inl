// Winograd's transforms over the vector vocabulary. Needs winograd_inline.inl.

static void WEIR_SIMD_NAME(winograd_input)(const weir_winograd_input *a, size_t block_begin, size_t block_end) {
  winograd_input_blocks(a, block_begin, block_end, a->v, false);
}

static void WEIR_SIMD_NAME(winograd_weights)(const float *weight, size_t ic, float *u, size_t u_plane) {
  for (size_t i = 0; i < ic; i++) winograd_weight_tile(weight + i * 9 * WEIR_BLOCK, u + i * WEIR_BLOCK, u_plane);
}

/// y = A' m: `size` numbers of size + 2, `m_step` floats apart.
WEIR_SIMD_INLINE void winograd_output_line(const float *m, size_t m_step, vf16 *y, size_t size) {
  const vf16 m0 = v_load(m), infinity = v_load(m + m_step), plus_a = v_load(m + 2 * m_step);
  if (size == 1) {
    y[0] = v_add(v_add(m0, plus_a), infinity);
    return;
  }
  const vf16 minus_a = v_load(m + 3 * m_step), even_a = v_add(plus_a, minus_a), odd_a = v_sub(plus_a, minus_a);
  if (size == 2) {
    y[0] = v_add(m0, even_a);
    y[1] = winograd_add(WINOGRAD_A, odd_a, infinity);
    return;
  }
  const vf16 plus_b = v_load(m + 4 * m_step);
  if (size == 3) {
    y[0] = v_add(v_add(m0, even_a), plus_b);
    y[1] = winograd_add(WINOGRAD_A, odd_a, winograd_times(WINOGRAD_B, plus_b));
    y[2] = winograd_add(WINOGRAD_A2, even_a, winograd_add(WINOGRAD_B2, plus_b, infinity));
    return;
  }
  const vf16 minus_b = v_load(m + 5 * m_step), even_b = v_add(plus_b, minus_b), odd_b = v_sub(plus_b, minus_b);
  y[0] = v_add(v_add(m0, even_a), even_b);
  y[1] = winograd_add(WINOGRAD_A, odd_a, winograd_times(WINOGRAD_B, odd_b));
  y[2] = winograd_add(WINOGRAD_A2, even_a, winograd_times(WINOGRAD_B2, even_b));
  y[3] = winograd_add(WINOGRAD_A2 * WINOGRAD_A, odd_a, winograd_add(WINOGRAD_B2 * WINOGRAD_B, odd_b, infinity));
}

WEIR_SIMD_INLINE void winograd_output_tile(const weir_winograd_output *a, const float *m, size_t at, size_t down, size_t across) {
  float half[WEIR_WINOGRAD_TILE * WEIR_WINOGRAD_POINTS * WEIR_BLOCK];
  vf16 y[WEIR_WINOGRAD_TILE];
  for (size_t j = 0; j < across + 2; j++) {
    winograd_output_line(m + j * a->m_plane, WEIR_WINOGRAD_POINTS * a->m_plane, y, down);
    for (size_t r = 0; r < down; r++) v_store(half + (r * WEIR_WINOGRAD_POINTS + j) * WEIR_BLOCK, y[r]);
  }
  const vf16 bias = a->bias != NULL ? v_load(a->bias) : v_zero();
  for (size_t r = 0; r < down; r++) {
    winograd_output_line(half + r * WEIR_WINOGRAD_POINTS * WEIR_BLOCK, WEIR_BLOCK, y, across);
    for (size_t q = 0; q < across; q++) {
      const size_t to = at + (r * a->grid.w + q) * WEIR_BLOCK;
      vf16 sum = v_add(y[q], bias);
      if (a->residual != NULL) sum = v_add(sum, v_load(a->residual + to));
      v_store(a->y + to, sum);
    }
  }
}

static void WEIR_SIMD_NAME(winograd_output)(const weir_winograd_output *a) {
  const weir_winograd_grid *grid = &a->grid;
  for (size_t ty = 0; ty < weir_i_winograd_along(grid->region.rows); ty++)
    for (size_t tx = 0; tx < weir_i_winograd_along(grid->region.columns); tx++) {
      const size_t down = weir_i_winograd_size(grid->region.rows, ty), across = weir_i_winograd_size(grid->region.columns, tx);
      const float *m = a->m + weir_i_winograd_place(grid, a->sample, ty, tx) * WEIR_BLOCK;
      const size_t row = grid->region.row + ty * WEIR_WINOGRAD_TILE, column = grid->region.column + tx * WEIR_WINOGRAD_TILE;
      const size_t at = (row * grid->w + column) * WEIR_BLOCK;
      if (down == 4 && across == 4) {
        winograd_output_tile(a, m, at, 4, 4);
      } else {
        winograd_output_tile(a, m, at, down, across);
      }
    }
}

/// m = A y: size + 2 numbers of `size`, the adjoint of winograd_output_line.
WEIR_SIMD_INLINE void winograd_output_line_back(const float *y, size_t y_step, float *m, size_t m_step, size_t size) {
  const vf16 y0 = v_load(y);
  v_store(m, y0);
  if (size == 1) {
    v_store(m + m_step, y0);
    v_store(m + 2 * m_step, y0);
    return;
  }
  const vf16 y1 = v_load(y + y_step);
  if (size == 2) {
    v_store(m + m_step, y1);
    v_store(m + 2 * m_step, winograd_add(WINOGRAD_A, y1, y0));
    v_store(m + 3 * m_step, winograd_add(-WINOGRAD_A, y1, y0));
    return;
  }
  const vf16 y2 = v_load(y + 2 * y_step), even_a = winograd_add(WINOGRAD_A2, y2, y0), even_b = winograd_add(WINOGRAD_B2, y2, y0);
  if (size == 3) {
    v_store(m + m_step, y2);
    v_store(m + 2 * m_step, winograd_add(WINOGRAD_A, y1, even_a));
    v_store(m + 3 * m_step, winograd_add(-WINOGRAD_A, y1, even_a));
    v_store(m + 4 * m_step, winograd_add(WINOGRAD_B, y1, even_b));
    return;
  }
  const vf16 y3 = v_load(y + 3 * y_step), odd_a = winograd_add(WINOGRAD_A2, y3, y1), odd_b = winograd_add(WINOGRAD_B2, y3, y1);
  v_store(m + m_step, y3);
  v_store(m + 2 * m_step, winograd_add(WINOGRAD_A, odd_a, even_a));
  v_store(m + 3 * m_step, winograd_add(-WINOGRAD_A, odd_a, even_a));
  v_store(m + 4 * m_step, winograd_add(WINOGRAD_B, odd_b, even_b));
  v_store(m + 5 * m_step, winograd_add(-WINOGRAD_B, odd_b, even_b));
}

/// g = G' u: three numbers of six, the adjoint of winograd_weight_line.
WEIR_SIMD_INLINE void winograd_weight_line_back(const float *u, size_t u_step, vf16 g[3]) {
  const vf16 plus_a = v_load(u + 2 * u_step), minus_a = v_load(u + 3 * u_step);
  const vf16 plus_b = v_load(u + 4 * u_step), minus_b = v_load(u + 5 * u_step);
  const vf16 even_a = winograd_times(WINOGRAD_AT_A, v_add(plus_a, minus_a));
  const vf16 even_b = winograd_times(WINOGRAD_AT_B, v_add(plus_b, minus_b));
  g[0] = winograd_add(WINOGRAD_AT_ZERO, v_load(u), v_add(even_a, even_b));
  g[1] = winograd_add(WINOGRAD_AT_A * WINOGRAD_A, v_sub(plus_a, minus_a),
                      winograd_times(WINOGRAD_AT_B * WINOGRAD_B, v_sub(plus_b, minus_b)));
  g[2] = winograd_add(WINOGRAD_A2, even_a, winograd_add(WINOGRAD_B2, even_b, v_load(u + u_step)));
}

WEIR_SIMD_INLINE void winograd_output_tile_back(const weir_winograd_output_gradient *a, const float *dy, float *dm, size_t down,
                                                size_t across) {
  float half[WEIR_WINOGRAD_TILE * WEIR_WINOGRAD_POINTS * WEIR_BLOCK];
  for (size_t q = 0; q < across; q++)
    winograd_output_line_back(dy + q * WEIR_BLOCK, a->grid.w * WEIR_BLOCK, half + q * WEIR_BLOCK, WEIR_WINOGRAD_TILE * WEIR_BLOCK,
                              down);
  for (size_t i = 0; i < down + 2; i++)
    winograd_output_line_back(half + i * WEIR_WINOGRAD_TILE * WEIR_BLOCK, WEIR_BLOCK, dm + i * WEIR_WINOGRAD_POINTS * a->m_plane,
                              a->m_plane, across);
}

static void WEIR_SIMD_NAME(winograd_output_back)(const weir_winograd_output_gradient *a) {
  const weir_winograd_grid *grid = &a->grid;
  for (size_t ty = 0; ty < weir_i_winograd_along(grid->region.rows); ty++)
    for (size_t tx = 0; tx < weir_i_winograd_along(grid->region.columns); tx++) {
      const size_t down = weir_i_winograd_size(grid->region.rows, ty), across = weir_i_winograd_size(grid->region.columns, tx);
      const size_t row = grid->region.row + ty * WEIR_WINOGRAD_TILE, column = grid->region.column + tx * WEIR_WINOGRAD_TILE;
      const float *dy = a->dy + (row * grid->w + column) * WEIR_BLOCK;
      float *dm = a->dm + weir_i_winograd_place(grid, a->sample, ty, tx) * WEIR_BLOCK;
      if (down == 4 && across == 4) {
        winograd_output_tile_back(a, dy, dm, 4, 4);
      } else {
        winograd_output_tile_back(a, dy, dm, down, across);
      }
    }
}

static void WEIR_SIMD_NAME(winograd_weights_back)(const float *du, size_t u_plane, size_t ic, float *dweight) {
  for (size_t i = 0; i < ic; i++) {
    float half[3 * WEIR_WINOGRAD_POINTS * WEIR_BLOCK];
    vf16 g[3];
    for (size_t p = 0; p < WEIR_WINOGRAD_POINTS; p++) {
      winograd_weight_line_back(du + p * u_plane + i * WEIR_BLOCK, WEIR_WINOGRAD_POINTS * u_plane, g);
      for (size_t k = 0; k < 3; k++) v_store(half + (k * WEIR_WINOGRAD_POINTS + p) * WEIR_BLOCK, g[k]);
    }
    for (size_t k = 0; k < 3; k++) {
      float *to = dweight + (i * 9 + k * 3) * WEIR_BLOCK;
      winograd_weight_line_back(half + k * WEIR_WINOGRAD_POINTS * WEIR_BLOCK, WEIR_BLOCK, g);
      for (size_t x = 0; x < 3; x++) v_store(to + x * WEIR_BLOCK, v_add(v_load(to + x * WEIR_BLOCK), g[x]));
    }
  }
}

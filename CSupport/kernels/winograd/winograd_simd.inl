// Winograd's transforms over the vector vocabulary: 16 channels at a time, one line of a tile after another. winograd_ref.c has the matrices
// that the functions below spell out; with a = 5/8 and b = 3/2 what is even and what is odd in a point serves its negative too. Needs
// preact_simd.inl.

#define WINOGRAD_A ((float)WEIR_WINOGRAD_A)
#define WINOGRAD_B ((float)WEIR_WINOGRAD_B)
#define WINOGRAD_A2 (WINOGRAD_A * WINOGRAD_A)
#define WINOGRAD_B2 (WINOGRAD_B * WINOGRAD_B)

/// c * x + y, c * x.
WEIR_SIMD_INLINE vf16 winograd_add(float c, vf16 x, vf16 y) { return v_fma(v_set1(c), x, y); }
WEIR_SIMD_INLINE vf16 winograd_times(float c, vf16 x) { return v_mul(v_set1(c), x); }

// N_j of winograd_ref.c for 0, +-a and +-b.
#define WINOGRAD_AT_ZERO (1 / (WINOGRAD_A2 * WINOGRAD_B2))
#define WINOGRAD_AT_A (1 / (2 * WINOGRAD_A2 * (WINOGRAD_A2 - WINOGRAD_B2)))
#define WINOGRAD_AT_B (1 / (2 * WINOGRAD_B2 * (WINOGRAD_B2 - WINOGRAD_A2)))

/// v = B' d: m + 2 numbers, `d_step` and `v_step` floats apart.
WEIR_SIMD_INLINE void winograd_input_line(const float *d, size_t d_step, float *v, size_t v_step, size_t m) {
  const vf16 d0 = v_load(d), d1 = v_load(d + d_step), d2 = v_load(d + 2 * d_step);
  if (m == 4) {
    const vf16 d3 = v_load(d + 3 * d_step), d4 = v_load(d + 4 * d_step), d5 = v_load(d + 5 * d_step);
    v_store(v, winograd_add(WINOGRAD_A2 * WINOGRAD_B2, d0, winograd_add(-(WINOGRAD_A2 + WINOGRAD_B2), d2, d4)));
    v_store(v + v_step, winograd_add(WINOGRAD_A2 * WINOGRAD_B2, d1, winograd_add(-(WINOGRAD_A2 + WINOGRAD_B2), d3, d5)));
    const vf16 even_a = winograd_add(-WINOGRAD_B2, d2, d4), odd_a = winograd_add(-WINOGRAD_B2, d1, d3);
    v_store(v + 2 * v_step, winograd_add(WINOGRAD_A, odd_a, even_a));
    v_store(v + 3 * v_step, winograd_add(-WINOGRAD_A, odd_a, even_a));
    const vf16 even_b = winograd_add(-WINOGRAD_A2, d2, d4), odd_b = winograd_add(-WINOGRAD_A2, d1, d3);
    v_store(v + 4 * v_step, winograd_add(WINOGRAD_B, odd_b, even_b));
    v_store(v + 5 * v_step, winograd_add(-WINOGRAD_B, odd_b, even_b));
  } else if (m == 3) {
    const vf16 d3 = v_load(d + 3 * d_step), d4 = v_load(d + 4 * d_step);
    const vf16 low = winograd_add(-WINOGRAD_A2, d0, d2), high = winograd_add(-WINOGRAD_A2, d1, d3);
    v_store(v, winograd_times(WINOGRAD_B, winograd_add(-WINOGRAD_B, low, high)));
    v_store(v + v_step, winograd_add(-WINOGRAD_B, high, winograd_add(-WINOGRAD_A2, d2, d4)));
    const vf16 even = winograd_add(-WINOGRAD_B, d2, d3), odd = winograd_add(-WINOGRAD_B, d1, d2);
    v_store(v + 2 * v_step, winograd_times(WINOGRAD_A + WINOGRAD_B, winograd_add(WINOGRAD_A, odd, even)));
    v_store(v + 3 * v_step, winograd_times(WINOGRAD_B - WINOGRAD_A, winograd_add(-WINOGRAD_A, odd, even)));
    v_store(v + 4 * v_step, winograd_times(2 * WINOGRAD_B, high));
  } else if (m == 2) {
    const vf16 d3 = v_load(d + 3 * d_step);
    v_store(v, winograd_times(-WINOGRAD_B2, winograd_add(-WINOGRAD_A2, d0, d2)));
    v_store(v + v_step, winograd_add(-WINOGRAD_A2, d1, d3));
    v_store(v + 2 * v_step, winograd_times(WINOGRAD_A2 - WINOGRAD_B2, winograd_add(WINOGRAD_A, d1, d2)));
    v_store(v + 3 * v_step, winograd_times(WINOGRAD_A2 - WINOGRAD_B2, winograd_add(-WINOGRAD_A, d1, d2)));
  } else {
    v_store(v, winograd_times(-WINOGRAD_A * WINOGRAD_B2, winograd_add(-WINOGRAD_A, d0, d1)));
    v_store(v + v_step, winograd_add(-WINOGRAD_A, d1, d2));
    v_store(v + 2 * v_step, winograd_times(2 * WINOGRAD_A * (WINOGRAD_A2 - WINOGRAD_B2), d1));
  }
}

/// u = G g: six numbers of three, stored `u_step` floats apart.
WEIR_SIMD_INLINE void winograd_weight_line(vf16 g0, vf16 g1, vf16 g2, float *u, size_t u_step) {
  v_store(u, winograd_times(WINOGRAD_AT_ZERO, g0));
  v_store(u + u_step, g2);
  const vf16 even_a = winograd_times(WINOGRAD_AT_A, winograd_add(WINOGRAD_A2, g2, g0));
  v_store(u + 2 * u_step, winograd_add(WINOGRAD_AT_A * WINOGRAD_A, g1, even_a));
  v_store(u + 3 * u_step, winograd_add(-WINOGRAD_AT_A * WINOGRAD_A, g1, even_a));
  const vf16 even_b = winograd_times(WINOGRAD_AT_B, winograd_add(WINOGRAD_B2, g2, g0));
  v_store(u + 4 * u_step, winograd_add(WINOGRAD_AT_B * WINOGRAD_B, g1, even_b));
  v_store(u + 5 * u_step, winograd_add(-WINOGRAD_AT_B * WINOGRAD_B, g1, even_b));
}

/// The two rows of planes for points `at` and -`at`: what is even in the point serves both.
WEIR_SIMD_INLINE void winograd_weight_rows(const float *weight, float at, float factor, float *u, size_t u_plane) {
  vf16 positive[3], negative[3];
  for (size_t k = 0; k < 3; k++) {
    const float *g = weight + k * WEIR_BLOCK;
    const vf16 middle = v_load(g + 3 * WEIR_BLOCK);
    const vf16 even = winograd_times(factor, winograd_add(at * at, v_load(g + 6 * WEIR_BLOCK), v_load(g)));
    positive[k] = winograd_add(factor * at, middle, even);
    negative[k] = winograd_add(-factor * at, middle, even);
  }
  winograd_weight_line(positive[0], positive[1], positive[2], u, u_plane);
  winograd_weight_line(negative[0], negative[1], negative[2], u + WEIR_WINOGRAD_POINTS * u_plane, u_plane);
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

WEIR_SIMD_INLINE void winograd_input_tile(const float *d, size_t row, float *v, size_t v_plane, size_t down, size_t across) {
  float half[WEIR_WINOGRAD_PLANES * WEIR_BLOCK];
  for (size_t q = 0; q < across + 2; q++)
    winograd_input_line(d + q * WEIR_BLOCK, row, half + q * WEIR_BLOCK, WEIR_WINOGRAD_POINTS * WEIR_BLOCK, down);
  for (size_t i = 0; i < down + 2; i++)
    winograd_input_line(half + i * WEIR_WINOGRAD_POINTS * WEIR_BLOCK, WEIR_BLOCK, v + i * WEIR_WINOGRAD_POINTS * v_plane, v_plane,
                        across);
}

/// Rows of a map from `row` on, which may lie outside, as an activation with a column of zeros or of neighbours on either side of the region.
WEIR_SIMD_INLINE void winograd_strip(const weir_winograd_input *a, size_t block, size_t row, size_t rows, bool affine,
                                     preact_kind kind) {
  const weir_winograd_grid *grid = &a->grid;
  const vm16 lanes = vm_first(preact_lanes(a->c, block));
  const vf16 scale = affine ? v_load(a->scale + block * WEIR_BLOCK) : v_zero();
  const vf16 shift = affine ? v_load(a->shift + block * WEIR_BLOCK) : v_zero();
  const vf16 slope = v_set1(a->slope);
  const size_t left = grid->region.column, right = left + grid->region.columns;
  float *to = a->strip;
  for (size_t r = row; r < row + rows; r++) {  // r counts from 1 above the map
    if (r < 1 || r > grid->h) {
      to = preact_zero(to, grid->region.columns + 2);
      continue;
    }
    const size_t begin = left > 0 ? left - 1 : 0, end = right < grid->w ? right + 1 : grid->w;
    if (left == 0) to = preact_zero(to, 1);
    const float *x = a->x + ((block * grid->h + r - 1) * grid->w + begin) * WEIR_BLOCK;
    for (size_t q = begin; q < end; q++, x += WEIR_BLOCK, to += WEIR_BLOCK) {
      const vf16 value = v_load(x);
      v_store(to, preact_activate(affine ? v_fma(scale, value, shift) : value, lanes, kind, slope));
    }
    if (right == grid->w) to = preact_zero(to, 1);
  }
}

WEIR_SIMD_INLINE void winograd_fill_strip(const weir_winograd_input *a, size_t block, size_t row, size_t rows) {
  const preact_kind kind = preact_kind_of(a->relu, a->slope);
  if (a->scale != NULL && kind == PREACT_RELU) {
    winograd_strip(a, block, row, rows, true, PREACT_RELU);
  } else {
    winograd_strip(a, block, row, rows, a->scale != NULL, kind);
  }
}

static void WEIR_SIMD_NAME(winograd_input)(const weir_winograd_input *a, size_t block_begin, size_t block_end) {
  const weir_winograd_grid *grid = &a->grid;
  const size_t row = (grid->region.columns + 2) * WEIR_BLOCK, tiles = weir_i_winograd_tiles(grid);
  for (size_t block = block_begin; block < block_end; block++)
    for (size_t ty = 0; ty < weir_i_winograd_along(grid->region.rows); ty++) {
      const size_t down = weir_i_winograd_size(grid->region.rows, ty);
      winograd_fill_strip(a, block, grid->region.row + ty * WEIR_WINOGRAD_TILE, down + 2);
      for (size_t tx = 0; tx < weir_i_winograd_along(grid->region.columns); tx++) {
        const size_t across = weir_i_winograd_size(grid->region.columns, tx);
        const float *d = a->strip + tx * WEIR_WINOGRAD_TILE * WEIR_BLOCK;
        float *v = a->v + (block * tiles + weir_i_winograd_place(grid, a->sample, ty, tx)) * WEIR_BLOCK;
        if (down == 4 && across == 4) {
          winograd_input_tile(d, row, v, a->v_plane, 4, 4);
        } else {
          winograd_input_tile(d, row, v, a->v_plane, down, across);
        }
      }
    }
}

static void WEIR_SIMD_NAME(winograd_weights)(const float *weight, size_t ic, float *u, size_t u_plane) {
  const size_t row = WEIR_WINOGRAD_POINTS * u_plane;
  for (size_t i = 0; i < ic; i++, weight += 9 * WEIR_BLOCK, u += WEIR_BLOCK) {
    const float *last = weight + 6 * WEIR_BLOCK;
    winograd_weight_line(winograd_times(WINOGRAD_AT_ZERO, v_load(weight)),
                         winograd_times(WINOGRAD_AT_ZERO, v_load(weight + WEIR_BLOCK)),
                         winograd_times(WINOGRAD_AT_ZERO, v_load(weight + 2 * WEIR_BLOCK)), u, u_plane);
    winograd_weight_line(v_load(last), v_load(last + WEIR_BLOCK), v_load(last + 2 * WEIR_BLOCK), u + row, u_plane);
    winograd_weight_rows(weight, WINOGRAD_A, WINOGRAD_AT_A, u + 2 * row, u_plane);
    winograd_weight_rows(weight, WINOGRAD_B, WINOGRAD_AT_B, u + 4 * row, u_plane);
  }
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

// What Winograd's transforms into floats and into bf16 numbers share: 16 channels at a time, one line of a tile after another. winograd_ref.c has
// the matrices that the functions below spell out; with a = 5/8 and b = 3/2 what is even and what is odd in a point serves its negative too.
// Needs preact_inline.inl.
#include <stdbool.h>

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

/// value -> to[at], floats or bf16 numbers.
WEIR_SIMD_INLINE void winograd_put(void *to, size_t at, vf16 value, const bool bf16) {
  if (bf16) {
    v_store_bf16((uint16_t *)to + at, value);
  } else {
    v_store((float *)to + at, value);
  }
}

/// v = B' d: m + 2 numbers, `d_step` and `v_step` apart, those of v from v[at] on.
WEIR_SIMD_INLINE void winograd_input_line(const float *d, size_t d_step, void *v, size_t at, size_t v_step, size_t m,
                                          const bool bf16) {
  const vf16 d0 = v_load(d), d1 = v_load(d + d_step), d2 = v_load(d + 2 * d_step);
  if (m == 4) {
    const vf16 d3 = v_load(d + 3 * d_step), d4 = v_load(d + 4 * d_step), d5 = v_load(d + 5 * d_step);
    winograd_put(v, at, winograd_add(WINOGRAD_A2 * WINOGRAD_B2, d0, winograd_add(-(WINOGRAD_A2 + WINOGRAD_B2), d2, d4)), bf16);
    winograd_put(v, at + v_step, winograd_add(WINOGRAD_A2 * WINOGRAD_B2, d1, winograd_add(-(WINOGRAD_A2 + WINOGRAD_B2), d3, d5)),
                 bf16);
    const vf16 even_a = winograd_add(-WINOGRAD_B2, d2, d4), odd_a = winograd_add(-WINOGRAD_B2, d1, d3);
    winograd_put(v, at + 2 * v_step, winograd_add(WINOGRAD_A, odd_a, even_a), bf16);
    winograd_put(v, at + 3 * v_step, winograd_add(-WINOGRAD_A, odd_a, even_a), bf16);
    const vf16 even_b = winograd_add(-WINOGRAD_A2, d2, d4), odd_b = winograd_add(-WINOGRAD_A2, d1, d3);
    winograd_put(v, at + 4 * v_step, winograd_add(WINOGRAD_B, odd_b, even_b), bf16);
    winograd_put(v, at + 5 * v_step, winograd_add(-WINOGRAD_B, odd_b, even_b), bf16);
  } else if (m == 3) {
    const vf16 d3 = v_load(d + 3 * d_step), d4 = v_load(d + 4 * d_step);
    const vf16 low = winograd_add(-WINOGRAD_A2, d0, d2), high = winograd_add(-WINOGRAD_A2, d1, d3);
    winograd_put(v, at, winograd_times(WINOGRAD_B, winograd_add(-WINOGRAD_B, low, high)), bf16);
    winograd_put(v, at + v_step, winograd_add(-WINOGRAD_B, high, winograd_add(-WINOGRAD_A2, d2, d4)), bf16);
    const vf16 even = winograd_add(-WINOGRAD_B, d2, d3), odd = winograd_add(-WINOGRAD_B, d1, d2);
    winograd_put(v, at + 2 * v_step, winograd_times(WINOGRAD_A + WINOGRAD_B, winograd_add(WINOGRAD_A, odd, even)), bf16);
    winograd_put(v, at + 3 * v_step, winograd_times(WINOGRAD_B - WINOGRAD_A, winograd_add(-WINOGRAD_A, odd, even)), bf16);
    winograd_put(v, at + 4 * v_step, winograd_times(2 * WINOGRAD_B, high), bf16);
  } else if (m == 2) {
    const vf16 d3 = v_load(d + 3 * d_step);
    winograd_put(v, at, winograd_times(-WINOGRAD_B2, winograd_add(-WINOGRAD_A2, d0, d2)), bf16);
    winograd_put(v, at + v_step, winograd_add(-WINOGRAD_A2, d1, d3), bf16);
    winograd_put(v, at + 2 * v_step, winograd_times(WINOGRAD_A2 - WINOGRAD_B2, winograd_add(WINOGRAD_A, d1, d2)), bf16);
    winograd_put(v, at + 3 * v_step, winograd_times(WINOGRAD_A2 - WINOGRAD_B2, winograd_add(-WINOGRAD_A, d1, d2)), bf16);
  } else {
    winograd_put(v, at, winograd_times(-WINOGRAD_A * WINOGRAD_B2, winograd_add(-WINOGRAD_A, d0, d1)), bf16);
    winograd_put(v, at + v_step, winograd_add(-WINOGRAD_A, d1, d2), bf16);
    winograd_put(v, at + 2 * v_step, winograd_times(2 * WINOGRAD_A * (WINOGRAD_A2 - WINOGRAD_B2), d1), bf16);
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
WEIR_SIMD_INLINE void winograd_weight_rows(const float *weights, float at, float factor, float *u, size_t u_step) {
  vf16 positive[3], negative[3];
  for (size_t k = 0; k < 3; k++) {
    const float *g = weights + k * WEIR_BLOCK;
    const vf16 middle = v_load(g + 3 * WEIR_BLOCK);
    const vf16 even = winograd_times(factor, winograd_add(at * at, v_load(g + 6 * WEIR_BLOCK), v_load(g)));
    positive[k] = winograd_add(factor * at, middle, even);
    negative[k] = winograd_add(-factor * at, middle, even);
  }
  winograd_weight_line(positive[0], positive[1], positive[2], u, u_step);
  winograd_weight_line(negative[0], negative[1], negative[2], u + WEIR_WINOGRAD_POINTS * u_step, u_step);
}

/// U of one input channel: g [9][16]; u: points of 16 floats, `u_step` floats apart.
WEIR_SIMD_INLINE void winograd_weight_tile(const float *g, float *u, size_t u_step) {
  const size_t row = WEIR_WINOGRAD_POINTS * u_step;
  const float *last = g + 6 * WEIR_BLOCK;
  winograd_weight_line(winograd_times(WINOGRAD_AT_ZERO, v_load(g)), winograd_times(WINOGRAD_AT_ZERO, v_load(g + WEIR_BLOCK)),
                       winograd_times(WINOGRAD_AT_ZERO, v_load(g + 2 * WEIR_BLOCK)), u, u_step);
  winograd_weight_line(v_load(last), v_load(last + WEIR_BLOCK), v_load(last + 2 * WEIR_BLOCK), u + row, u_step);
  winograd_weight_rows(g, WINOGRAD_A, WINOGRAD_AT_A, u + 2 * row, u_step);
  winograd_weight_rows(g, WINOGRAD_B, WINOGRAD_AT_B, u + 4 * row, u_step);
}

/// V of one tile whose first number is v[at].
WEIR_SIMD_INLINE void winograd_input_tile(const float *d, size_t row, void *v, size_t at, size_t v_plane, size_t down,
                                          size_t across, const bool bf16) {
  float half[WEIR_WINOGRAD_PLANES * WEIR_BLOCK];
  for (size_t q = 0; q < across + 2; q++)
    winograd_input_line(d + q * WEIR_BLOCK, row, half, q * WEIR_BLOCK, WEIR_WINOGRAD_POINTS * WEIR_BLOCK, down, false);
  for (size_t i = 0; i < down + 2; i++)
    winograd_input_line(half + i * WEIR_WINOGRAD_POINTS * WEIR_BLOCK, WEIR_BLOCK, v, at + i * WEIR_WINOGRAD_POINTS * v_plane,
                        v_plane, across, bf16);
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

/// V of blocks [block_begin, block_end), to `v`, which is floats or bf16 numbers.
WEIR_SIMD_INLINE void winograd_input_blocks(const weir_winograd_input *a, size_t block_begin, size_t block_end, void *v,
                                            const bool bf16) {
  const weir_winograd_grid *grid = &a->grid;
  const size_t row = (grid->region.columns + 2) * WEIR_BLOCK, tiles = weir_i_winograd_tiles(grid);
  for (size_t block = block_begin; block < block_end; block++)
    for (size_t ty = 0; ty < weir_i_winograd_along(grid->region.rows); ty++) {
      const size_t down = weir_i_winograd_size(grid->region.rows, ty);
      winograd_fill_strip(a, block, grid->region.row + ty * WEIR_WINOGRAD_TILE, down + 2);
      for (size_t tx = 0; tx < weir_i_winograd_along(grid->region.columns); tx++) {
        const size_t across = weir_i_winograd_size(grid->region.columns, tx);
        const float *d = a->strip + tx * WEIR_WINOGRAD_TILE * WEIR_BLOCK;
        const size_t at = (block * tiles + weir_i_winograd_place(grid, a->sample, ty, tx)) * WEIR_BLOCK;
        if (down == 4 && across == 4) {
          winograd_input_tile(d, row, v, at, a->v_plane, 4, 4, bf16);
        } else {
          winograd_input_tile(d, row, v, at, a->v_plane, down, across, bf16);
        }
      }
    }
}

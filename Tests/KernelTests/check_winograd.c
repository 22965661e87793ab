// Winograd's transforms against their matrices in double, and all of them together against a direct convolution. B' is not taken from the
// formula that the reference has: it is what makes A' [(G g) (B' d)] a correlation, the solution of a linear system.
#include <math.h>
#include <string.h>

#include "check.h"

enum { POINTS = WEIR_WINOGRAD_POINTS, PLANES = WEIR_WINOGRAD_PLANES, AT_INFINITY = 1 };

static const double places[POINTS] = {0, 0, 0.625, -0.625, 1.5, -1.5};

static double g_of(size_t j, size_t k) {
  if (j == AT_INFINITY) return k == 2;
  double n = 1;
  for (size_t other = 0; other < POINTS; other++)
    if (other != j && other != AT_INFINITY) n *= places[j] - places[other];
  return pow(places[j], (double)k) / n;
}

static double a_of(size_t m, size_t r, size_t j) { return j == AT_INFINITY ? r == m - 1 : pow(places[j], (double)r); }

/// b [m + 2][m + 2]: the inverse of w[e][j] = a_j^e / N_j, by Gauss and Jordan with pivots.
static void b_of(size_t m, double b[POINTS][POINTS]) {
  const size_t points = m + 2;
  double w[POINTS][POINTS];
  for (size_t e = 0; e < points; e++)
    for (size_t j = 0; j < points; j++) {
      w[e][j] = j == AT_INFINITY ? e == m + 1 : pow(places[j], (double)e) * g_of(j, 0);
      b[e][j] = e == j;
    }
  for (size_t c = 0; c < points; c++) {
    size_t pivot = c;
    for (size_t r = c; r < points; r++)
      if (fabs(w[r][c]) > fabs(w[pivot][c])) pivot = r;
    for (size_t k = 0; k < points; k++) {
      const double from_w = w[pivot][k], from_b = b[pivot][k];
      w[pivot][k] = w[c][k], b[pivot][k] = b[c][k];
      w[c][k] = from_w, b[c][k] = from_b;
    }
    const double scale = 1 / w[c][c];
    for (size_t k = 0; k < points; k++) w[c][k] *= scale, b[c][k] *= scale;
    for (size_t r = 0; r < points; r++) {
      if (r == c) continue;
      const double factor = w[r][c];
      for (size_t k = 0; k < points; k++) w[r][k] -= factor * w[c][k], b[r][k] -= factor * b[c][k];
    }
  }
}

typedef struct shape {
  size_t c, h, w;
  weir_region region;
  size_t samples;
} shape;

/// Every size of last tile on both axes, regions inside and at each border, partly filled blocks, one sample and several.
static const shape shapes[] = {
    {16, 8, 8, {0, 0, 8, 8}, 1},    {64, 28, 28, {0, 0, 28, 28}, 1}, {33, 14, 14, {0, 0, 14, 14}, 3},
    {17, 7, 7, {0, 0, 7, 7}, 4},    {20, 9, 13, {0, 0, 9, 13}, 2},   {16, 5, 11, {0, 0, 5, 11}, 1},
    {8, 1, 17, {0, 0, 1, 17}, 2},   {9, 3, 2, {0, 0, 3, 2}, 1},      {32, 28, 28, {14, 0, 14, 17}, 1},
    {16, 20, 20, {3, 5, 11, 9}, 2}, {24, 12, 12, {6, 6, 6, 6}, 1},   {16, 10, 10, {0, 4, 7, 6}, 1},
};

static size_t map_at(const shape *s, size_t c, size_t row, size_t column) {
  return (c / WEIR_BLOCK * s->h * s->w + row * s->w + column) * WEIR_BLOCK + c % WEIR_BLOCK;
}

static bool inside(const shape *s, ptrdiff_t row, ptrdiff_t column, ptrdiff_t margin) {
  const ptrdiff_t top = (ptrdiff_t)s->region.row - margin, left = (ptrdiff_t)s->region.column - margin;
  return row >= top && column >= left && row < top + (ptrdiff_t)s->region.rows + 2 * margin &&
         column < left + (ptrdiff_t)s->region.columns + 2 * margin;
}

/// A map that is NaN where the kernel has no business: not in the region or next to it.
static float *map_of(const shape *s, size_t offset) {
  const size_t count = weir_i_block_round(s->c) * s->h * s->w;
  float *x = check_floats(count, offset);
  check_fill_blocked(x, s->c, s->h * s->w, -1, 1);
  for (size_t c = 0; c < weir_i_block_round(s->c); c++)
    for (size_t r = 0; r < s->h; r++)
      for (size_t q = 0; q < s->w; q++)
        if (!inside(s, (ptrdiff_t)r, (ptrdiff_t)q, 1)) x[map_at(s, c, r, q)] = NAN;
  check_freeze(x);
  return x;
}

/// `variant` bit 0: scale and shift, bit 1: ReLU, bit 2: leaky.
static float activated(const weir_winograd_input *a, const shape *s, size_t c, ptrdiff_t row, ptrdiff_t column) {
  if (row < 0 || column < 0 || row >= (ptrdiff_t)s->h || column >= (ptrdiff_t)s->w || c >= s->c) return 0;
  float u = a->x[map_at(s, c, (size_t)row, (size_t)column)];
  if (a->scale != NULL) u = fmaf(a->scale[c], u, a->shift[c]);
  if (a->relu && u <= 0) u = a->slope == 0 ? 0 : a->slope * u;
  return u;
}

/// What rounding in its making may weigh: |scale x| + |shift|.
static double reach(const weir_winograd_input *a, const shape *s, size_t c, ptrdiff_t row, ptrdiff_t column) {
  if (row < 0 || column < 0 || row >= (ptrdiff_t)s->h || column >= (ptrdiff_t)s->w || c >= s->c) return 0;
  const double x = fabs((double)a->x[map_at(s, c, (size_t)row, (size_t)column)]);
  return a->scale != NULL ? fabs((double)a->scale[c]) * x + fabs((double)a->shift[c]) : x;
}

static void input_case(const weir_kernels *candidate, const shape *s, unsigned variant, size_t offset) {
  check_case("input, %zu channels, %zu x %zu of %zu x %zu, %zu samples, variant %u", s->c, s->region.rows, s->region.columns, s->h,
             s->w, s->samples, variant);
  const weir_winograd_grid grid = {s->h, s->w, s->region, s->samples};
  const size_t blocks = weir_i_blocks(s->c), tiles = weir_i_winograd_tiles(&grid),
               plane = weir_i_winograd_plane(blocks * tiles * WEIR_BLOCK);
  const size_t count = PLANES * plane, sample = s->samples - 1;
  float *scale = check_floats(blocks * WEIR_BLOCK, offset), *shift = check_floats(blocks * WEIR_BLOCK, offset);
  check_fill(scale, blocks * WEIR_BLOCK, 0.5f, 2), check_fill(shift, blocks * WEIR_BLOCK, -1, 1);
  float *v = check_floats(count, offset + 1), *split = check_floats(count, offset + 2),
        *strip = check_floats(weir_i_winograd_strip(&grid), offset);
  weir_winograd_input input = {.x = map_of(s, offset + 3),
                               .scale = variant & 1 ? scale : NULL,
                               .shift = shift,
                               .relu = variant & 6,
                               .slope = variant & 4 ? 0.25f : 0,
                               .c = s->c,
                               .grid = grid,
                               .sample = sample,
                               .strip = strip,
                               .v = v,
                               .v_plane = plane};
  candidate->winograd_input(&input, 0, blocks);

  double *want = check_doubles(count, 0), *bound = check_doubles(count, 0);  // NaN where nothing may be written
  for (size_t ty = 0; ty * 4 < s->region.rows; ty++)
    for (size_t tx = 0; tx * 4 < s->region.columns; tx++) {
      const size_t down = weir_i_winograd_size(s->region.rows, ty), across = weir_i_winograd_size(s->region.columns, tx);
      double left[POINTS][POINTS], right[POINTS][POINTS];
      b_of(down, left), b_of(across, right);
      for (size_t c = 0; c < blocks * WEIR_BLOCK; c++)
        for (size_t p = 0; p < PLANES; p++) {
          const size_t i = p / POINTS, j = p % POINTS;
          if (i >= down + 2 || j >= across + 2) continue;
          double sum = 0, size = 0;
          for (size_t r = 0; r < down + 2; r++)
            for (size_t q = 0; q < across + 2; q++) {
              const ptrdiff_t row = (ptrdiff_t)(s->region.row + ty * 4 + r) - 1,
                              column = (ptrdiff_t)(s->region.column + tx * 4 + q) - 1;
              sum += left[i][r] * right[j][q] * (double)activated(&input, s, c, row, column);
              // The inverse's zeros are zeros up to 1e-15.
              size += (fabs(left[i][r] * right[j][q]) + 1e-9) * reach(&input, s, c, row, column);
            }
          const size_t at =
              p * plane + (c / WEIR_BLOCK * tiles + weir_i_winograd_place(&grid, sample, ty, tx)) * WEIR_BLOCK + c % WEIR_BLOCK;
          want[at] = sum, bound[at] = check_sum_bound(20, size);
        }
    }
  for (size_t e = 0; e < count; e++)
    if (isnan(want[e])) bound[e] = 0;
  check_close("v", v, want, bound, count);

  input.v = split;
  for (size_t b = blocks; b-- > 0;) candidate->winograd_input(&input, b, b + 1);
  check_bits("v block by block", split, v, count);
  check_release();
}

int check_winograd_input(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    for (unsigned variant = 0; variant < 6; variant++) input_case(candidate, &shapes[i], variant, i % 4);
  return check_end();
}

/// V in bf16 is that in f32, rounded.
static void input_bf16_case(const weir_kernels *candidate, const shape *s, unsigned variant, size_t offset) {
  check_case("input in bf16, %zu channels, %zu x %zu of %zu x %zu, %zu samples, variant %u", s->c, s->region.rows,
             s->region.columns, s->h, s->w, s->samples, variant);
  const weir_winograd_grid grid = {s->h, s->w, s->region, s->samples};
  const size_t blocks = weir_i_blocks(s->c), numbers = blocks * weir_i_winograd_tiles(&grid) * WEIR_BLOCK,
               plane = weir_i_winograd_plane_bf16(numbers), count = PLANES * plane;
  float *scale = check_floats(blocks * WEIR_BLOCK, offset), *shift = check_floats(blocks * WEIR_BLOCK, offset);
  check_fill(scale, blocks * WEIR_BLOCK, 0.5f, 2), check_fill(shift, blocks * WEIR_BLOCK, -1, 1);
  float *wide = check_floats(count, 0), *strip = check_floats(weir_i_winograd_strip(&grid), offset);
  uint16_t *v = check_bf16s(count, offset + 1), *want = check_bf16s(count, 0);
  const weir_winograd_input input = {.x = map_of(s, offset + 3),
                                     .scale = variant & 1 ? scale : NULL,
                                     .shift = shift,
                                     .relu = variant & 6,
                                     .slope = variant & 4 ? 0.25f : 0,
                                     .c = s->c,
                                     .grid = grid,
                                     .sample = s->samples - 1,
                                     .strip = strip,
                                     .v = wide,
                                     .v_bf16 = v,
                                     .v_plane = plane};
  candidate->winograd_input(&input, 0, blocks);
  for (size_t b = blocks; b-- > 0;) candidate->winograd_input_bf16(&input, b, b + 1);
  for (size_t i = 0; i < count; i++) want[i] = weir_i_bf16_of(wide[i]);  // NaN as it was where nothing may be written
  check_bits_bf16("v", v, want, count);
  check_release();
}

int check_winograd_input_bf16(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    for (unsigned variant = 0; variant < 6; variant++) input_bf16_case(candidate, &shapes[i], variant, i % 4);
  return check_end();
}

/// U in bf16 is that in f32 of the same weights, rounded and in pairs.
int check_winograd_weights_bf16(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  static const size_t channels[] = {1, 2, 16, 33};
  for (size_t n = 0; n < sizeof channels / sizeof channels[0]; n++) {
    const size_t ic = channels[n], pairs = weir_i_bf16_pairs(ic), plane = weir_i_winograd_plane_bf16(pairs * 2 * WEIR_BLOCK);
    check_case("weights in bf16, %zu channels", ic);
    uint16_t *weight = check_bf16s(ic * 9 * WEIR_BLOCK, n), *u = check_bf16s(PLANES * plane, n + 1),
             *want = check_bf16s(PLANES * plane, 0);
    float *wide_weight = check_floats(ic * 9 * WEIR_BLOCK, 0), *wide = check_floats(PLANES * ic * WEIR_BLOCK, 0);
    check_fill_bf16(weight, ic * 9 * WEIR_BLOCK, -1, 1);
    check_freeze(weight);
    for (size_t i = 0; i < ic * 9 * WEIR_BLOCK; i++) wide_weight[i] = weir_i_bf16_float(weight[i]);
    candidate->winograd_weights(wide_weight, ic, wide, ic * WEIR_BLOCK);
    candidate->winograd_weights_bf16(weight, ic, u, plane);
    for (size_t p = 0; p < PLANES; p++)
      for (size_t i = 0; i < 2 * pairs; i++)
        for (size_t l = 0; l < WEIR_BLOCK; l++)
          want[p * plane + (i / 2 * WEIR_BLOCK + l) * 2 + i % 2] = i < ic ? weir_i_bf16_of(wide[(p * ic + i) * WEIR_BLOCK + l]) : 0;
    check_bits_bf16("u", u, want, PLANES * plane);
    check_release();
  }
  return check_end();
}

int check_winograd_weights(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  static const size_t channels[] = {1, 16, 33};
  for (size_t n = 0; n < sizeof channels / sizeof channels[0]; n++) {
    const size_t ic = channels[n], plane = weir_i_winograd_plane(ic * WEIR_BLOCK), count = PLANES * plane;
    check_case("weights, %zu channels", ic);
    float *weight = check_floats(ic * 9 * WEIR_BLOCK, n), *u = check_floats(count, n + 1);
    check_fill(weight, ic * 9 * WEIR_BLOCK, -1, 1);
    check_freeze(weight);
    candidate->winograd_weights(weight, ic, u, plane);
    double *want = check_doubles(count, 0), *bound = check_doubles(count, 0);
    memset(bound, 0, count * sizeof *bound);
    for (size_t p = 0; p < PLANES; p++)
      for (size_t e = 0; e < ic * WEIR_BLOCK; e++) {
        double sum = 0, size = 0;
        for (size_t k = 0; k < 9; k++) {
          const double term = g_of(p / POINTS, k / 3) * g_of(p % POINTS, k % 3) *
                              (double)weight[(e / WEIR_BLOCK * 9 + k) * WEIR_BLOCK + e % WEIR_BLOCK];
          sum += term, size += fabs(term);
        }
        want[p * plane + e] = sum, bound[p * plane + e] = check_sum_bound(16, size);
      }
    check_close("u", u, want, bound, count);
    check_release();
  }
  return check_end();
}

/// `variant` bit 0: bias, bit 1: residual, bit 2: the residual is y.
static void output_case(const weir_kernels *candidate, const shape *s, unsigned variant, size_t offset) {
  check_case("output, %zu x %zu of %zu x %zu, %zu samples, variant %u", s->region.rows, s->region.columns, s->h, s->w, s->samples,
             variant);
  const weir_winograd_grid grid = {s->h, s->w, s->region, s->samples};
  const size_t tiles = weir_i_winograd_tiles(&grid), plane = weir_i_winograd_plane(tiles * WEIR_BLOCK), sample = s->samples - 1;
  const size_t count = s->h * s->w * WEIR_BLOCK;
  float *m = check_floats(PLANES * plane, offset), *bias = check_floats(WEIR_BLOCK, offset),
        *residual = check_floats(count, offset + 1);
  float *y = check_floats(count, offset + 2);
  check_fill(m, PLANES * plane, -1, 1), check_fill(bias, WEIR_BLOCK, -1, 1), check_fill(residual, count, -1, 1);
  // What no tile of this sample should read.
  for (size_t p = 0; p < PLANES; p++)
    for (size_t t = 0; t < tiles; t++) {
      bool own = false;
      for (size_t ty = 0; ty * 4 < s->region.rows; ty++)
        for (size_t tx = 0; tx * 4 < s->region.columns; tx++)
          own |= weir_i_winograd_place(&grid, sample, ty, tx) == t && p / POINTS < weir_i_winograd_size(s->region.rows, ty) + 2 &&
                 p % POINTS < weir_i_winograd_size(s->region.columns, tx) + 2;
      for (size_t l = 0; l < WEIR_BLOCK && !own; l++) m[p * plane + t * WEIR_BLOCK + l] = NAN;
    }
  check_freeze(m), check_freeze(bias), check_freeze(residual);
  if (variant & 4) memcpy(y, residual, count * sizeof *y);
  const float *added = variant & 6 ? residual : NULL;
  candidate->winograd_output(&(weir_winograd_output){.m = m,
                                                     .m_plane = plane,
                                                     .grid = grid,
                                                     .sample = sample,
                                                     .bias = variant & 1 ? bias : NULL,
                                                     .residual = variant & 4 ? y : added,
                                                     .y = y});
  double *want = check_doubles(count, 0), *bound = check_doubles(count, 0);
  for (size_t e = 0; e < count; e++) {
    bound[e] = 0;
    if (variant & 4) want[e] = residual[e];
  }
  for (size_t row = 0; row < s->region.rows; row++)
    for (size_t column = 0; column < s->region.columns; column++) {
      const size_t down = weir_i_winograd_size(s->region.rows, row / 4),
                   across = weir_i_winograd_size(s->region.columns, column / 4);
      const size_t place = weir_i_winograd_place(&grid, sample, row / 4, column / 4);
      for (size_t l = 0; l < WEIR_BLOCK; l++) {
        const size_t at = ((s->region.row + row) * s->w + s->region.column + column) * WEIR_BLOCK + l;
        double sum = variant & 1 ? (double)bias[l] : 0;
        if (added != NULL) sum += (double)added[at];
        double size = fabs(sum);
        for (size_t i = 0; i < down + 2; i++)
          for (size_t j = 0; j < across + 2; j++) {
            const double term =
                a_of(down, row % 4, i) * a_of(across, column % 4, j) * (double)m[(i * POINTS + j) * plane + place * WEIR_BLOCK + l];
            sum += term, size += fabs(term);
          }
        want[at] = sum, bound[at] = check_sum_bound(20, size);
      }
    }
  check_close("y", y, want, bound, count);
  check_release();
}

/// The whole convolution of one sample with planes multiplied in double: the root mean square of its error, and of a direct f32 sum's.
static void together_case(const weir_kernels *candidate, const shape *s) {
  check_case("convolution, %zu channels, %zu x %zu of %zu x %zu", s->c, s->region.rows, s->region.columns, s->h, s->w);
  const weir_winograd_grid grid = {s->h, s->w, s->region, 1};
  const size_t blocks = weir_i_blocks(s->c), tiles = weir_i_winograd_tiles(&grid);
  const size_t v_plane = weir_i_winograd_plane(blocks * tiles * WEIR_BLOCK), u_plane = weir_i_winograd_plane(s->c * WEIR_BLOCK);
  const size_t m_plane = weir_i_winograd_plane(tiles * WEIR_BLOCK), count = s->h * s->w * WEIR_BLOCK;
  float *x = map_of(s, 0), *weight = check_floats(s->c * 9 * WEIR_BLOCK, 0), *strip = check_floats(weir_i_winograd_strip(&grid), 0);
  float *v = check_floats(PLANES * v_plane, 0), *u = check_floats(PLANES * u_plane, 0), *m = check_floats(PLANES * m_plane, 0);
  float *y = check_floats(count, 0);
  check_fill(weight, s->c * 9 * WEIR_BLOCK, -1, 1);
  const weir_winograd_input input = {.x = x, .relu = true, .c = s->c, .grid = grid, .strip = strip, .v = v, .v_plane = v_plane};
  candidate->winograd_input(&input, 0, blocks);
  candidate->winograd_weights(weight, s->c, u, u_plane);
  for (size_t p = 0; p < PLANES; p++) {
    const weir_winograd_range range = weir_i_winograd_range(&grid, p / POINTS, p % POINTS);
    const weir_gemm gemm = {.x = v + p * v_plane,
                            .weight = u + p * u_plane,
                            .y = m + p * m_plane,
                            .x_row = WEIR_BLOCK,
                            .x_block = tiles * WEIR_BLOCK,
                            .y_row = WEIR_BLOCK,
                            .y_block = tiles * WEIR_BLOCK,
                            .inputs = s->c,
                            .outputs = WEIR_BLOCK};
    candidate->gemm_forward(&gemm, range.begin, range.end, 0, 1);
  }
  candidate->winograd_output(&(weir_winograd_output){.m = m, .m_plane = m_plane, .grid = grid, .y = y});
  double wrong = 0, direct = 0;
  for (size_t row = s->region.row; row < s->region.row + s->region.rows; row++)
    for (size_t column = s->region.column; column < s->region.column + s->region.columns; column++)
      for (size_t l = 0; l < WEIR_BLOCK; l++) {
        double sum = 0;
        float plain = 0;
        for (size_t c = 0; c < s->c; c++)
          for (size_t k = 0; k < 9; k++) {
            const float w = weight[(c * 9 + k) * WEIR_BLOCK + l];
            const float d = activated(&input, s, c, (ptrdiff_t)(row + k / 3) - 1, (ptrdiff_t)(column + k % 3) - 1);
            sum += (double)w * (double)d;
            plain = fmaf(w, d, plain);
          }
        wrong += pow((double)y[(row * s->w + column) * WEIR_BLOCK + l] - sum, 2);
        direct += pow((double)plain - sum, 2);
      }
  if (!(sqrt(wrong) <= 4 * sqrt(direct))) check_fail("its error is %.3g times that of a direct sum", sqrt(wrong / direct));
  check_release();
}

int check_winograd_output(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    for (unsigned variant = 0; variant < 6; variant++) output_case(candidate, &shapes[i], variant, i % 4);
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    if (shapes[i].c >= 16) together_case(candidate, &shapes[i]);
  return check_end();
}

/// The adjoint of the output transform against its matrices.
int check_winograd_output_back(const weir_kernels *candidate, const weir_kernels *reference) {
  for (size_t n = 0; n < sizeof shapes / sizeof shapes[0]; n++) {
    const shape *s = &shapes[n];
    check_case("output gradient, %zu x %zu of %zu x %zu, %zu samples", s->region.rows, s->region.columns, s->h, s->w, s->samples);
    const weir_winograd_grid grid = {s->h, s->w, s->region, s->samples};
    const size_t tiles = weir_i_winograd_tiles(&grid), plane = weir_i_winograd_plane(tiles * WEIR_BLOCK), sample = s->samples - 1;
    const size_t count = s->h * s->w * WEIR_BLOCK;
    float *dy = check_floats(count, n % 4), *dm = check_floats(PLANES * plane, n % 3), *other = check_floats(PLANES * plane, 0);
    for (size_t row = s->region.row; row < s->region.row + s->region.rows; row++)
      check_fill(dy + (row * s->w + s->region.column) * WEIR_BLOCK, s->region.columns * WEIR_BLOCK, -1, 1);
    check_freeze(dy);
    weir_winograd_output_gradient gradient = {.dy = dy, .grid = grid, .sample = sample, .dm = dm, .m_plane = plane};
    candidate->winograd_output_back(&gradient);
    // Against the matrices.
    double *want = check_doubles(PLANES * plane, 0), *bound = check_doubles(PLANES * plane, 0);
    memset(bound, 0, PLANES * plane * sizeof *bound);
    for (size_t ty = 0; ty * 4 < s->region.rows; ty++)
      for (size_t tx = 0; tx * 4 < s->region.columns; tx++) {
        const size_t down = weir_i_winograd_size(s->region.rows, ty), across = weir_i_winograd_size(s->region.columns, tx);
        for (size_t p = 0; p < PLANES; p++)
          for (size_t l = 0; l < WEIR_BLOCK && p / POINTS < down + 2 && p % POINTS < across + 2; l++) {
            double sum = 0, size = 0;
            for (size_t r = 0; r < down; r++)
              for (size_t q = 0; q < across; q++) {
                const size_t at = (s->region.row + ty * 4 + r) * s->w + s->region.column + tx * 4 + q;
                const double term = a_of(down, r, p / POINTS) * a_of(across, q, p % POINTS) * (double)dy[at * WEIR_BLOCK + l];
                sum += term, size += fabs(term);
              }
            const size_t at = p * plane + weir_i_winograd_place(&grid, sample, ty, tx) * WEIR_BLOCK + l;
            want[at] = sum, bound[at] = check_sum_bound(16, size);
          }
      }
    check_close("dm", dm, want, bound, PLANES * plane);
    gradient.dm = other;
    reference->winograd_output_back(&gradient);
    check_close("the reference's dm", other, want, bound, PLANES * plane);
    check_release();
  }
  return check_end();
}

int check_winograd_weights_back(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  static const size_t channels[] = {1, 16, 33};
  for (size_t n = 0; n < sizeof channels / sizeof channels[0]; n++) {
    const size_t ic = channels[n], plane = weir_i_winograd_plane(ic * WEIR_BLOCK), count = ic * 9 * WEIR_BLOCK;
    check_case("weights' gradient, %zu channels", ic);
    float *du = check_floats(PLANES * plane, n), *dweight = check_floats(count, n + 1), *start = check_floats(count, 0);
    check_fill(du, PLANES * plane, -1, 1), check_fill(start, count, -1, 1);
    check_freeze(du);
    memcpy(dweight, start, count * sizeof *dweight);
    candidate->winograd_weights_back(du, plane, ic, dweight);
    double *want = check_doubles(count, 0), *bound = check_doubles(count, 0);
    for (size_t e = 0; e < count; e++) {
      const size_t i = e / (9 * WEIR_BLOCK), k = e / WEIR_BLOCK % 9, l = e % WEIR_BLOCK;
      double sum = start[e], size = fabs(sum);
      for (size_t p = 0; p < PLANES; p++) {
        const double term = g_of(p / POINTS, k / 3) * g_of(p % POINTS, k % 3) * (double)du[p * plane + i * WEIR_BLOCK + l];
        sum += term, size += fabs(term);
      }
      want[e] = sum, bound[e] = check_sum_bound(24, size);
    }
    check_close("dweight", dweight, want, bound, count);
    check_release();
  }
  return check_end();
}

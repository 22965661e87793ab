// Batch norm's sums and update against their formulas in double (the sums are f64 themselves: 2^-53 a term).
#include <math.h>
#include <string.h>

#include "check.h"

static const size_t row_counts[] = {0, 1, 2, 7, 16, 100, 783};
static const size_t strides[] = {16, 48};
enum { ROWS = sizeof row_counts / sizeof row_counts[0], LANES = WEIR_BLOCK };

static size_t span(size_t rows, size_t stride) { return rows ? (rows - 1) * stride + LANES : 0; }

static void check_double_bits(const char *what, const double *got, const double *want) {
  if (memcmp(got, want, LANES * sizeof *got) != 0) check_fail("%s: other bits when the rows are cut in two", what);
}

static void check_sums(const char *what, const double *got, const double *want, const double *size, size_t rows) {
  for (size_t l = 0; l < LANES; l++)
    if (!(fabs(got[l] - want[l]) <= 0x1p-52 * (double)(rows + 1) * size[l]))
      check_fail("%s[%zu] is %.17g, not %.17g", what, l, got[l], want[l]);
}

/// A large mean and small deviations, as after a layer whose bias dominates.
static void fill(float *x, size_t count) {
  check_fill(x, count, -1, 1);
  for (size_t i = 0; i < count; i++) x[i] += 100.0f * (float)(i % LANES % 3);
}

int check_batchnorm_moments(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t k = 0; k < ROWS * 4; k++) {
    const size_t rows = row_counts[k / 4], stride = strides[k % 2], count = span(rows, stride);
    const bool centered = k / 2 % 2;
    check_case("%zu rows, stride %zu, %s mean", rows, stride, centered ? "a" : "no");
    float *x = check_floats(count, k % 4), *mean = check_floats(LANES, 1);
    double *sum = check_doubles(LANES, 1), *square = check_doubles(LANES, 3), *alone = check_doubles(LANES, 0);
    double want[LANES], want_square[LANES], size[LANES], size_square[LANES], cut[LANES], cut_square[LANES];
    fill(x, count);
    for (size_t l = 0; l < LANES; l++) {
      mean[l] = 100.0f * (float)(l % 3) + 0.01f;
      alone[l] = sum[l] = cut[l] = want[l] = size[l] = 0.5 * (double)l;
      square[l] = cut_square[l] = want_square[l] = size_square[l] = 3.0 + (double)l;
    }
    check_freeze(x), check_freeze(mean);
    for (size_t r = 0; r < rows; r++)
      for (size_t l = 0; l < LANES; l++) {
        const double d = (double)x[r * stride + l] - (centered ? (double)mean[l] : 0);
        want[l] += d, size[l] += fabs(d), want_square[l] += d * d, size_square[l] += d * d;
      }
    const float *center = centered ? mean : NULL;
    candidate->batchnorm_moments(x, rows, stride, center, sum, square);
    candidate->batchnorm_moments(x, rows, stride, center, alone, NULL);
    check_sums("sum", sum, want, size, rows);
    check_sums("square", square, want_square, size_square, rows);
    const size_t half = rows / 3;
    candidate->batchnorm_moments(x, half, stride, center, cut, cut_square);
    candidate->batchnorm_moments(x + half * stride, rows - half, stride, center, cut, cut_square);
    check_double_bits("sum", cut, sum);
    check_double_bits("square", cut_square, square);
    check_double_bits("sum without square", alone, sum);
    check_release();
  }
  return check_end();
}

int check_batchnorm_products(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t k = 0; k < ROWS * 2; k++) {
    const size_t rows = row_counts[k / 2], stride = strides[k % 2], count = span(rows, stride);
    check_case("%zu rows, stride %zu", rows, stride);
    float *x = check_floats(count, k % 4), *dy = check_floats(count, 1), *mean = check_floats(LANES, 3);
    double *sum = check_doubles(LANES, 1), *product = check_doubles(LANES, 0);
    double want[LANES], want_product[LANES], size[LANES], size_product[LANES], cut[LANES], cut_product[LANES];
    fill(x, count);
    check_fill(dy, count, -2, 2);
    for (size_t l = 0; l < LANES; l++) {
      mean[l] = 100.0f * (float)(l % 3) + 0.01f;
      sum[l] = cut[l] = want[l] = size[l] = 0.25 * (double)l;
      product[l] = cut_product[l] = want_product[l] = size_product[l] = 1.0 + (double)l;
    }
    check_freeze(x), check_freeze(dy), check_freeze(mean);
    for (size_t r = 0; r < rows; r++)
      for (size_t l = 0; l < LANES; l++) {
        const double g = (double)dy[r * stride + l], d = (double)x[r * stride + l] - (double)mean[l];
        want[l] += g, size[l] += fabs(g), want_product[l] += g * d, size_product[l] += fabs(g * d);
      }
    candidate->batchnorm_products(dy, x, rows, stride, mean, sum, product);
    check_sums("sum", sum, want, size, rows);
    check_sums("product", product, want_product, size_product, rows);
    const size_t half = rows / 3;
    candidate->batchnorm_products(dy, x, half, stride, mean, cut, cut_product);
    candidate->batchnorm_products(dy + half * stride, x + half * stride, rows - half, stride, mean, cut, cut_product);
    check_double_bits("sum", cut, sum);
    check_double_bits("product", cut_product, product);
    check_release();
  }
  return check_end();
}

int check_batchnorm_apply(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t k = 0; k < ROWS * 2; k++) {
    const size_t rows = row_counts[k / 2], stride = strides[k % 2], count = span(rows, stride);
    check_case("%zu rows, stride %zu", rows, stride);
    float *x = check_floats(count, k % 4), *du = check_floats(count, 1), *dx = check_floats(count, 3),
          *cut = check_floats(count, 0);
    float *mean = check_floats(LANES, 1), *a = check_floats(LANES, 2), *b = check_floats(LANES, 3), *c = check_floats(LANES, 1);
    double *want = check_doubles(count, 0), *bound = check_doubles(count, 0);
    check_fill(x, count, -2, 2), check_fill(du, count, -2, 2), check_fill(dx, count, -2, 2);
    check_fill(mean, LANES, -1, 1), check_fill(a, LANES, -2, 2), check_fill(b, LANES, -2, 2), check_fill(c, LANES, -1, 1);
    if (rows > 1) du[stride + 3] = NAN;
    memcpy(cut, dx, count * sizeof *cut);
    check_freeze(x), check_freeze(du), check_freeze(mean), check_freeze(a), check_freeze(b), check_freeze(c);
    for (size_t i = 0; i < count; i++) {
      const size_t l = i % stride;
      want[i] = (double)dx[i];
      bound[i] = 0;  // between the rows nothing changes
      if (l >= LANES) continue;
      const double term[] = {(double)a[l] * (double)du[i], (double)b[l] * ((double)x[i] - (double)mean[l]), (double)c[l], want[i]};
      want[i] = term[0] + term[1] + term[2] + term[3];
      bound[i] = check_sum_bound(6, fabs(term[0]) + fabs(term[1]) + fabs(term[2]) + fabs(term[3]));
    }
    candidate->batchnorm_apply(du, x, rows, stride, mean, a, b, c, dx);
    check_close("dx", dx, want, bound, count);
    const size_t half = rows / 3;
    candidate->batchnorm_apply(du, x, half, stride, mean, a, b, c, cut);
    candidate->batchnorm_apply(du + half * stride, x + half * stride, rows - half, stride, mean, a, b, c, cut + half * stride);
    check_bits("dx in two parts", cut, dx, count);
    check_release();
  }
  return check_end();
}

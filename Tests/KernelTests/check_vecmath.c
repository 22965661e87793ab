// Elementary functions over a sweep of all float bit patterns, against the C library in double.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "check.h"

typedef weir_k_vecmath_exp_fn map_fn;  // the three have one type

static void check_places(map_fn *f, float low, float high) {
  static const size_t counts[] = {0, 1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 100};
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    for (size_t offset = 0; offset < 4; offset++) {
      const size_t n = counts[k];
      check_case("%zu values, offset %zu", n, offset);
      float *x = check_floats(n, offset), *y = check_floats(n, 3 - offset), *in_place = check_floats(n, offset);
      check_fill(x, n, low, high);
      if (n > 2) x[n - 2] = NAN;
      if (n > 2) x[n / 2] = INFINITY;
      memcpy(in_place, x, n * sizeof *x);
      check_freeze(x);
      f(x, y, n);
      f(in_place, in_place, n);
      check_bits("in place", in_place, y, n);
      for (size_t i = 0; i < n; i++) {
        float alone = 0;
        f(x + i, &alone, 1);
        check_bits("alone", &alone, y + i, 1);
      }
      check_release();
    }
  }
}

static int check_function(map_fn *f, check_exact_fn *exact, double bound, float low, float high) {
  // The ends of the range, 0, 0.625 (where tanh changes its method), 1 and sqrt(2).
  static const uint32_t places[] = {0x00000000, 0x00800000, 0x80000000, 0x80800000, 0x3f200000, 0x3f3504f3, 0x3f800000, 0x3fb504f3,
                                    0x42b17218, 0xc2aeac50, 0xc2cff1b4, 0x41102cb4, 0x7f800000, 0xff800000, 0x3eb17218, 0x7fffffff};
  check_sweep(f, exact, bound, places, sizeof places / sizeof places[0]);
  check_places(f, low, high);
  return check_end();
}

int check_vecmath_exp(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  const float x[] = {-INFINITY, 89, 1e30f, -104, -1e30f, 0, -0.0f};
  const float want[] = {0, INFINITY, INFINITY, 0, 0, 1, 1};
  float y[7];
  check_case("special values");
  candidate->vecmath_exp(x, y, 7);
  check_bits("exp", y, want, 7);
  return check_function(candidate->vecmath_exp, exp, 2, -90, 90);
}

int check_vecmath_log(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  const float x[] = {0, -0.0f, 1, INFINITY};
  const float want[] = {-INFINITY, -INFINITY, 0, INFINITY};
  float y[4];
  check_case("special values");
  candidate->vecmath_log(x, y, 4);
  check_bits("log", y, want, 4);
  return check_function(candidate->vecmath_log, log, 2, -1, 9);
}

int check_vecmath_tanh(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  const float x[] = {0, -0.0f, INFINITY, -INFINITY, 10, -10, 1e-45f, -1e-40f, 3e38f};
  const float want[] = {0, -0.0f, 1, -1, 1, -1, 1e-45f, -1e-40f, 1};
  float y[9];
  check_case("special values");
  candidate->vecmath_tanh(x, y, 9);
  check_bits("tanh", y, want, 9);
  return check_function(candidate->vecmath_tanh, tanh, 4, -3, 3);
}

int check_vecmath_sum_squares(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  static const size_t counts[] = {0, 1, 5, 15, 16, 17, 32, 47, 1000, 4099};
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    const size_t n = counts[k];
    check_case("%zu values", n);
    float *x = check_floats(n, 0), *shifted = check_floats(n, 1);
    check_fill(x, n, -3, 3);
    memcpy(shifted, x, n * sizeof *x);
    check_freeze(x);
    double want = 0;
    for (size_t i = 0; i < n; i++) want += (double)x[i] * (double)x[i];
    const double got = candidate->vecmath_sum_squares(x, n);
    if (!(fabs(got - want) <= want * 0x1p-53 * (double)n)) check_fail("sum is %.17g, not %.17g", got, want);
    if (candidate->vecmath_sum_squares(shifted, n) != got) check_fail("the sum depends on alignment");
    for (size_t i = 0; i < n && n < 100; i++) {
      const float kept = shifted[i];
      shifted[i] = NAN;
      if (!isnan(candidate->vecmath_sum_squares(shifted, n))) check_fail("NaN at %zu is lost", i);
      shifted[i] = -INFINITY;
      if (candidate->vecmath_sum_squares(shifted, n) != HUGE_VAL) check_fail("Inf at %zu is lost", i);
      shifted[i] = kept;
    }
    check_release();
  }
  return check_end();
}

// The peaks do what they say they do, so that their speed is that of the work counted.
#include <math.h>

#include "check.h"

static void check_sums(const weir_kernels *candidate, size_t count, float x, size_t offset) {
  check_case("fma, %zu times %g, offset %zu", count, (double)x, offset);
  float *y = check_floats(WEIR_PEAK_LANES, offset);
  double *want = check_doubles(WEIR_PEAK_LANES, 0), *bound = check_doubles(WEIR_PEAK_LANES, 0);
  check_fill(y, WEIR_PEAK_LANES, -1, 1);
  for (size_t i = 0; i < WEIR_PEAK_LANES; i++) {
    want[i] = (double)y[i] + (double)count * (double)x * (double)x;
    bound[i] = 2 * (double)count * 0x1p-24 * (1 + fabs(want[i]));
  }
  candidate->peak_fma(x, y, count);
  check_close("y", y, want, bound, WEIR_PEAK_LANES);
  check_release();
}

int check_peak_fma(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  static const size_t counts[] = {0, 1, 2, 7, 100};
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    check_sums(candidate, counts[k], 0.5f, k);
    check_sums(candidate, counts[k], -0.3f, 3);
    check_sums(candidate, counts[k], 0, 0);
  }
  return check_end();
}

int check_peak_read(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  static const size_t counts[] = {0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 1000, 4096};
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    const size_t n = counts[k];
    check_case("read, %zu numbers, offset %zu", n, k % 4);
    float *x = check_floats(n, k % 4);
    check_fill(x, n, -1, 3);
    check_freeze(x);
    double sum = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
      sum += (double)x[i];
      size += fabs((double)x[i]);
    }
    const float got = candidate->peak_read(x, n);
    if (!(fabs((double)got - sum) <= (double)n * 0x1p-24 * size)) check_fail("the sum is %g, not %g", (double)got, sum);
    // None is left out: each alone makes the sum.
    float *one = check_floats(n, 1);
    for (size_t i = 0; i < n; i++) one[i] = 0;
    for (size_t i = 0; i < n; i++) {
      one[i] = 2;
      if (candidate->peak_read(one, n) != 2) check_fail("number %zu is not read", i);
      one[i] = 0;
    }
    check_release();
  }
  return check_end();
}

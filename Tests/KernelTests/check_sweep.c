#include <math.h>
#include <string.h>

#include "check.h"

enum { CHUNK = 4096 };

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// Distance from the exact value in units of the last place of a float of that size. Overflow counts as 2^128.
static double ulps(float got, double want) {
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : HUGE_VAL;
  if (isinf(want)) return want == (double)got ? 0 : HUGE_VAL;
  int exponent;
  frexp(want, &exponent);
  if (exponent < -125) exponent = -125;
  if (exponent > 128) exponent = 128;
  if (fabs(want) > 0x1p128) want = copysign(0x1p128, want);
  const double value = isinf(got) ? copysign(0x1p128, (double)got) : (double)got;
  return fabs(value - want) / ldexp(1, exponent - 24);
}

static void check_range(check_map_fn *f, check_exact_fn *exact, double bound, uint32_t first, uint64_t count, uint32_t step) {
  float *x = check_floats(CHUNK, 0), *y = check_floats(CHUNK, 0);
  for (uint64_t done = 0; done < count; done += CHUNK) {
    const size_t n = count - done < CHUNK ? (size_t)(count - done) : CHUNK;
    for (size_t i = 0; i < n; i++) x[i] = float_of(first + (uint32_t)(done + i) * step);
    f(x, y, n);
    for (size_t i = 0; i < n; i++)
      if (!(ulps(y[i], exact((double)x[i])) <= bound))
        check_fail("f(%a) is %a, not %a: %.3g ulp", (double)x[i], (double)y[i], exact((double)x[i]),
                   ulps(y[i], exact((double)x[i])));
  }
  check_release();
}

void check_sweep(check_map_fn *f, check_exact_fn *exact, double bound, const uint32_t *places, size_t count) {
  check_case("sweep");
  check_range(f, exact, bound, 0, 0x100000000u / 2039, 2039);  // a prime step: low bits vary too
  for (size_t i = 0; i < count; i++) check_range(f, exact, bound, places[i] - 3000, 6000, 1);
}

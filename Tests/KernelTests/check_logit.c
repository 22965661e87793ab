// The logit transform against its formula in double. Bounds count roundings of u = 2^-24; logarithms and exponentials are 2 ulp = 4 u.
#include <math.h>
#include <string.h>

#include "check.h"

static const double U = 0x1p-24;
static const size_t counts[] = {0, 1, 2, 15, 16, 17, 31, 33, 100, 784};
static const double margins[] = {0.9f, 0.95f, 0.5f, 0.1f, 0.9999f, 1.0f};
enum { COUNTS = sizeof counts / sizeof counts[0], MARGINS = sizeof margins / sizeof margins[0] };

static double softplus_pair(double z) { return fabs(z) + 2 * log1p(exp(-fabs(z))); }
static double sigmoid(double z) { return z < 0 ? exp(z) / (1 + exp(z)) : 1 / (1 + exp(-z)); }

static void check_forward(weir_k_logit_forward_fn *kernel, size_t n, double margin, size_t offset) {
  check_case("forward, %zu values, margin %g", n, margin);
  float *y = check_floats(n, offset), *z = check_floats(n, 3 - offset), *in_place = check_floats(n, 1), *parts = check_floats(n, 2);
  double *want = check_doubles(n, 0), *bound = check_doubles(n, 0);
  check_fill(y, n, 0, 1);
  for (size_t i = 0; i < n; i += 3) y[i] = (floorf(y[i] * 256) + 0.5f) / 256;  // as pixels are
  memcpy(in_place, y, n * sizeof *y);
  check_freeze(y);
  const double logdet = kernel(y, z, n, margin);
  double sum = 0, sum_bound = 0;
  for (size_t i = 0; i < n; i++) {
    const double m = margin, v = (double)y[i], p = v * m + (1 - m) / 2, q = (1 - v) * m + (1 - m) / 2;
    want[i] = log(p) - log(q);
    bound[i] = U * (7 + 4 * fabs(want[i]));
    sum += log(m) - log(p) - log(q);
    sum_bound += U * (7 + 4 * fabs(log(p) + log(q)));
  }
  check_close("z", z, want, bound, n);
  if (!(fabs(logdet - sum) <= sum_bound)) check_fail("log-det is %.12g, not %.12g +- %.3g", logdet, sum, sum_bound);
  if (!(fabs(logdet - sum) <= 2e-7 * (double)n)) check_fail("log-det drifts: %.12g, not %.12g", logdet, sum);
  if (kernel(in_place, in_place, n, margin) != logdet) check_fail("log-det depends on aliasing or alignment");
  check_bits("in place", in_place, z, n);
  for (size_t first = 0, step = 1; first < n; first += step, step = step * 2 + 1)
    kernel(y + first, parts + first, n - first < step ? n - first : step, margin);
  check_bits("in parts", parts, z, n);
  check_release();
}

int check_logit_forward(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  weir_k_logit_forward_fn *kernel = candidate->logit_forward;
  for (size_t k = 0; k < COUNTS; k++)
    for (size_t m = 0; m < MARGINS; m++) check_forward(kernel, counts[k], margins[m], k % 4);
  // What lies outside shows in the sum, wherever it stands; with margin 1 the ends themselves lie outside.
  const float outside[] = {NAN, INFINITY, -INFINITY, -1, 2, 1e30f, 1.06f, -0.06f, 0, 1};
  enum { N = 37 };
  float *y = check_floats(N, 1), *z = check_floats(N, 0);
  check_fill(y, N, 0.1f, 0.9f);
  for (size_t e = 0; e < N; e++) {
    for (size_t k = 0; k < sizeof outside / sizeof outside[0]; k++) {
      const float kept = y[e];
      check_case("%g at %zu of %d", (double)outside[k], e, N);
      y[e] = outside[k];
      const double logdet = kernel(y, z, N, k < 8 ? 0.9f : 1.0f);
      if (isfinite(logdet)) check_fail("log-det is %g", logdet);
      if (isfinite(z[e])) check_fail("z is %g", (double)z[e]);
      y[e] = kept;
    }
  }
  check_case("0 and 1 within the margin");
  y[0] = 0;
  y[N - 1] = 1;
  if (!isfinite(kernel(y, z, N, 0.9f))) check_fail("log-det is not finite");
  if (!(fabs((double)z[0] + log(19)) < 1e-6 && fabs((double)z[N - 1] - log(19)) < 1e-6)) check_fail("z %g", (double)z[0]);
  return check_end();
}

static void check_inverse(weir_k_logit_inverse_fn *kernel, size_t n, double margin, size_t offset) {
  check_case("inverse, %zu values, margin %g", n, margin);
  float *z = check_floats(n, offset), *y = check_floats(n, 3 - offset), *in_place = check_floats(n, 1), *parts = check_floats(n, 2);
  double *want = check_doubles(n, 0), *bound = check_doubles(n, 0);
  check_fill(z, n, -6, 6);
  for (size_t i = 1; i < n; i += 5) z[i] *= 13;
  if (n > 3) z[3] = 0;
  memcpy(in_place, z, n * sizeof *z);
  check_freeze(z);
  const double logdet = kernel(z, y, n, margin);
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    const double m = margin, value = (double)z[i];
    want[i] = (tanh(value / 2) / m + 1) / 2;
    bound[i] = U * (4 / m + 3 * fabs(want[i]) + 1);
    sum -= softplus_pair(value) + log(m);
  }
  check_close("y", y, want, bound, n);
  if (!(fabs(logdet - sum) <= 2e-7 * (double)n + 1e-13 * fabs(sum))) check_fail("log-det is %.12g, not %.12g", logdet, sum);
  if (kernel(in_place, in_place, n, margin) != logdet) check_fail("log-det depends on aliasing or alignment");
  check_bits("in place", in_place, y, n);
  for (size_t first = 0, step = 1; first < n; first += step, step = step * 2 + 1)
    kernel(z + first, parts + first, n - first < step ? n - first : step, margin);
  check_bits("in parts", parts, y, n);
  check_release();
}

int check_logit_inverse(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t k = 0; k < COUNTS; k++)
    for (size_t m = 0; m < MARGINS; m++) check_inverse(candidate->logit_inverse, counts[k], margins[m], k % 4);
  const float outside[] = {NAN, INFINITY, -INFINITY};
  enum { N = 37 };
  float *z = check_floats(N, 1), *y = check_floats(N, 0);
  check_fill(z, N, -3, 3);
  for (size_t e = 0; e < N; e++) {
    for (size_t k = 0; k < 3; k++) {
      const float kept = z[e];
      check_case("%g at %zu of %d", (double)outside[k], e, N);
      z[e] = outside[k];
      const double logdet = candidate->logit_inverse(z, y, N, 0.9f);
      if (isfinite(logdet)) check_fail("log-det is %g", logdet);
      z[e] = kept;
    }
  }
  return check_end();
}

static void check_backward(weir_k_logit_backward_fn *kernel, size_t n, double margin, size_t offset) {
  check_case("backward, %zu values, margin %g", n, margin);
  const float dlogdet = -0.375f;
  float *z = check_floats(n, offset), *dz = check_floats(n, 3 - offset), *y = check_floats(n, 1), *dy = check_floats(n, 2);
  float *parts = check_floats(n, 2), *dparts = check_floats(n, 1);
  double *want = check_doubles(n, 0), *bound = check_doubles(n, 0), *dwant = check_doubles(n, 0), *dbound = check_doubles(n, 0);
  check_fill(z, n, -6, 6);
  for (size_t i = 1; i < n; i += 5) z[i] *= 13;
  check_fill(dz, n, -2, 2);
  memcpy(parts, z, n * sizeof *z);
  memcpy(dparts, dz, n * sizeof *z);
  check_freeze(z), check_freeze(dz);
  kernel(z, dz, dlogdet, y, dy, n, margin);
  for (size_t i = 0; i < n; i++) {
    const double m = margin, value = (double)z[i], p = sigmoid(value), q = sigmoid(-value);
    const double dlogit = (double)dz[i] + (double)dlogdet * (p - q);
    want[i] = (tanh(value / 2) / m + 1) / 2;
    bound[i] = U * (4 / m + 3 * fabs(want[i]) + 1);
    dwant[i] = dlogit * m / (p * q);
    dbound[i] = m / (p * q) * U * (fabs((double)dlogdet) * 9 + 16 * fabs(dlogit));
  }
  check_close("y", y, want, bound, n);
  check_close("dy", dy, dwant, dbound, n);
  for (size_t first = 0, step = 3; first < n; first += step, step = step * 2 + 1)
    kernel(parts + first, dparts + first, dlogdet, parts + first, dparts + first, n - first < step ? n - first : step, margin);
  check_bits("y in place and in parts", parts, y, n);
  check_bits("dy in place and in parts", dparts, dy, n);
  check_release();
}

int check_logit_backward(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t k = 0; k < COUNTS; k++)
    for (size_t m = 0; m < MARGINS; m++) check_backward(candidate->logit_backward, counts[k], margins[m], k % 4);
  return check_end();
}

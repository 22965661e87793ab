// Adam against its formula in double, step by step from the kernel's own state, with bounds that count roundings of u = 2^-24.
#include <math.h>
#include <string.h>

#include "check.h"

static const double U = 0x1p-24;

static void check_adam(weir_k_optimizer_adam_fn *kernel, size_t n, float decay, size_t offset) {
  float *value = check_floats(n, offset), *gradient = check_floats(n, 3 - offset), *m = check_floats(n, 1), *v = check_floats(n, 2);
  float *state[] = {value, m, v}, *cut[3];
  for (size_t k = 0; k < 3; k++) cut[k] = check_floats(n, k + 1);
  double *want[3], *bound[3];
  for (size_t k = 0; k < 3; k++) want[k] = check_doubles(n, 0), bound[k] = check_doubles(n, 0);
  check_fill(value, n, -1, 1);
  for (size_t i = 0; i < n; i++) m[i] = v[i] = 0;
  weir_adam a = {.value = value, .gradient = gradient, .m = m, .v = v, .count = n, .scale = 0.75f, .decay = decay};
  a.beta1 = 0.9f, a.beta2 = 0.999f, a.epsilon = 1e-8f;
  for (int t = 1; t <= 4; t++) {
    check_case("%zu values, decay %g, step %d", n, (double)decay, t);
    a.step_size = (float)(1e-3 / (1 - pow((double)a.beta1, t)));
    a.root_correction = (float)(1 / sqrt(1 - pow((double)a.beta2, t)));
    check_fill(gradient, n, -2, 2);
    gradient[n / 2] = 0;
    const double b1 = (double)a.beta1, b2 = (double)a.beta2;
    for (size_t i = 0; i < n; i++) {
      const double pull = (double)a.scale * (double)gradient[i], drag = (double)decay * (double)value[i], g = pull + drag;
      const double g_bound = 2 * U * (fabs(pull) + fabs(drag));
      want[1][i] = b1 * (double)m[i] + (1 - b1) * g;
      bound[1][i] = 3 * U * (b1 * fabs((double)m[i]) + (1 - b1) * fabs(g)) + (1 - b1) * g_bound;
      want[2][i] = b2 * (double)v[i] + (1 - b2) * g * g;
      bound[2][i] = 4 * U * want[2][i] + (1 - b2) * (2 * fabs(g) + g_bound) * g_bound + 0x1p-148;
      const double root = sqrt(want[2][i]), divisor = root * (double)a.root_correction + (double)a.epsilon;
      const double root_bound = root > 0 ? bound[2][i] / root : 0, factor = (double)a.step_size / divisor;
      want[0][i] = (double)value[i] - factor * want[1][i];
      bound[0][i] = 1.01 * (U * fabs(want[0][i]) + factor * bound[1][i] +
                            fabs(factor * want[1][i]) * (6 * U + root_bound * (double)a.root_correction / divisor));
    }
    for (size_t k = 0; k < 3; k++) memcpy(cut[k], state[k], n * sizeof(float));
    kernel(&a);
    check_close("value", value, want[0], bound[0], n);
    check_close("m", m, want[1], bound[1], n);
    check_close("v", v, want[2], bound[2], n);
    for (size_t first = 0, step = 3; first < n; first += step, step = step * 2 + 1) {
      weir_adam part = a;
      part.value = cut[0] + first, part.m = cut[1] + first, part.v = cut[2] + first, part.gradient = gradient + first;
      part.count = n - first < step ? n - first : step;
      kernel(&part);
    }
    for (size_t k = 0; k < 3; k++) check_bits("in parts", cut[k], state[k], n);
  }
  // A NaN gradient stays where it is, and is seen.
  memcpy(cut[0], value, n * sizeof(float));
  gradient[n - 1] = NAN;
  kernel(&a);
  for (size_t i = 0; i < n; i++)
    if (isnan(value[i]) != (i == n - 1)) check_fail("after a NaN gradient at %zu value[%zu] is %g", n - 1, i, (double)value[i]);
  check_release();
}

int check_optimizer_adam(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  static const size_t counts[] = {1, 2, 15, 16, 17, 33, 100, 1001};
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    check_adam(candidate->optimizer_adam, counts[k], 0, k % 4);
    check_adam(candidate->optimizer_adam, counts[k], 5e-5f, (k + 1) % 4);
  }
  return check_end();
}

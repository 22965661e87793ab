// Optimizers against their formulas in double, step by step from the kernel's own state, with bounds that count roundings of
// u = 2^-24.
#include <math.h>
#include <string.h>

#include "check.h"

static const double U = 0x1p-24;

static const size_t counts[] = {1, 2, 15, 16, 17, 33, 100, 1001};
enum { COUNTS = sizeof counts / sizeof counts[0] };

/// scale * gradient + decay * value, and how far a float may be from it.
static double pull(float scale, float gradient, float decay, float value, double *bound) {
  const double gradients = (double)scale * (double)gradient, decays = (double)decay * (double)value;
  *bound = 2 * U * (fabs(gradients) + fabs(decays));
  return gradients + decays;
}

/// keep * v + (1 - keep) * g^2, and how far a float may be from it when g may be `g_bound` off.
static double mean_square(double keep, float v, double g, double g_bound, double *bound) {
  const double mean = keep * (double)v + (1 - keep) * g * g;
  *bound = 4 * U * mean + (1 - keep) * (2 * fabs(g) + g_bound) * g_bound + 0x1p-148;
  return mean;
}

/// A NaN gradient at the last value stays there, and is seen.
static void check_nan_stays(const float *value, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (isnan(value[i]) != (i == n - 1)) check_fail("after a NaN at %zu value[%zu] is %g", n - 1, i, (double)value[i]);
}

/// Adam, or AdamW when `decoupled`: then `decay` is how far a value shrinks.
static void check_adam(weir_k_optimizer_adam_fn *kernel, size_t n, bool decoupled, float decay, size_t offset) {
  float *value = check_floats(n, offset), *gradient = check_floats(n, 3 - offset), *m = check_floats(n, 1), *v = check_floats(n, 2);
  float *state[] = {value, m, v}, *cut[3];
  for (size_t k = 0; k < 3; k++) cut[k] = check_floats(n, k + 1);
  double *want[3], *bound[3];
  for (size_t k = 0; k < 3; k++) want[k] = check_doubles(n, 0), bound[k] = check_doubles(n, 0);
  check_fill(value, n, -1, 1);
  for (size_t i = 0; i < n; i++) m[i] = v[i] = 0;
  weir_adam a = {.value = value, .gradient = gradient, .m = m, .v = v, .count = n, .scale = 0.75f};
  a.decay = decoupled ? NAN : decay, a.shrink = decoupled ? decay : NAN;  // NaN: must not be read
  a.beta1 = 0.9f, a.beta2 = 0.999f, a.epsilon = 1e-8f;
  for (int t = 1; t <= 4; t++) {
    check_case("%zu values, decay %g, step %d", n, (double)decay, t);
    a.step_size = (float)(1e-3 / (1 - pow((double)a.beta1, t)));
    a.root_correction = (float)(1 / sqrt(1 - pow((double)a.beta2, t)));
    check_fill(gradient, n, -2, 2);
    gradient[n / 2] = 0;
    const double b1 = (double)a.beta1, b2 = (double)a.beta2;
    for (size_t i = 0; i < n; i++) {
      double g_bound;
      const double g = pull(a.scale, gradient[i], decoupled ? 0 : decay, value[i], &g_bound);
      const double shrunk = decoupled ? (double)decay * (double)value[i] : 0, rest = (double)value[i] - shrunk;
      want[1][i] = b1 * (double)m[i] + (1 - b1) * g;
      bound[1][i] = 3 * U * (b1 * fabs((double)m[i]) + (1 - b1) * fabs(g)) + (1 - b1) * g_bound;
      want[2][i] = mean_square(b2, v[i], g, g_bound, &bound[2][i]);
      const double root = sqrt(want[2][i]), divisor = root * (double)a.root_correction + (double)a.epsilon;
      const double root_bound = root > 0 ? bound[2][i] / root : 0, factor = (double)a.step_size / divisor;
      want[0][i] = rest - factor * want[1][i];
      bound[0][i] = 1.01 * (U * fabs(want[0][i]) + factor * bound[1][i] +
                            fabs(factor * want[1][i]) * (6 * U + root_bound * (double)a.root_correction / divisor));
      if (decoupled) bound[0][i] += U * (fabs(rest) + fabs(shrunk));
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
  gradient[n - 1] = NAN;
  kernel(&a);
  check_nan_stays(value, n);
  check_release();
}

int check_optimizer_adam(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t k = 0; k < COUNTS; k++) {
    check_adam(candidate->optimizer_adam, counts[k], false, 0, k % 4);
    check_adam(candidate->optimizer_adam, counts[k], false, 5e-5f, (k + 1) % 4);
  }
  return check_end();
}

int check_optimizer_adamw(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t k = 0; k < COUNTS; k++) {
    check_adam(candidate->optimizer_adamw, counts[k], true, 0, k % 4);
    check_adam(candidate->optimizer_adamw, counts[k], true, 1e-5f, (k + 1) % 4);
    check_adam(candidate->optimizer_adamw, counts[k], true, 0.25f, (k + 2) % 4);
  }
  return check_end();
}

static void check_rmsprop(weir_k_optimizer_rmsprop_fn *kernel, size_t n, float decay, size_t offset) {
  float *value = check_floats(n, offset), *gradient = check_floats(n, 3 - offset), *v = check_floats(n, 1);
  float *value_cut = check_floats(n, 1), *v_cut = check_floats(n, 2);
  double *want = check_doubles(n, 0), *bound = check_doubles(n, 0), *v_want = check_doubles(n, 0), *v_bound = check_doubles(n, 0);
  check_fill(value, n, -1, 1);
  for (size_t i = 0; i < n; i++) v[i] = 0;
  const weir_rmsprop a = {value, gradient, v, n, .scale = 0.75f, .decay = decay, .alpha = 0.99f, .epsilon = 1e-8f, .rate = 1e-3f};
  for (int t = 1; t <= 4; t++) {
    check_case("%zu values, decay %g, step %d", n, (double)decay, t);
    check_fill(gradient, n, -2, 2);
    gradient[n / 2] = 0;
    for (size_t i = 0; i < n; i++) {
      double g_bound;
      const double g = pull(a.scale, gradient[i], decay, value[i], &g_bound);
      v_want[i] = mean_square((double)a.alpha, v[i], g, g_bound, &v_bound[i]);
      const double root = sqrt(v_want[i]), divisor = root + (double)a.epsilon, factor = (double)a.rate / divisor;
      want[i] = (double)value[i] - factor * g;
      bound[i] =
          1.01 * (U * fabs(want[i]) + factor * g_bound + fabs(factor * g) * (5 * U + (root > 0 ? v_bound[i] / root / divisor : 0)));
    }
    memcpy(value_cut, value, n * sizeof *value);
    memcpy(v_cut, v, n * sizeof *v);
    kernel(&a);
    check_close("value", value, want, bound, n);
    check_close("v", v, v_want, v_bound, n);
    for (size_t first = 0, step = 3; first < n; first += step, step = step * 2 + 1) {
      weir_rmsprop part = a;
      part.value = value_cut + first, part.gradient = gradient + first, part.v = v_cut + first;
      part.count = n - first < step ? n - first : step;
      kernel(&part);
    }
    check_bits("value in parts", value_cut, value, n);
    check_bits("v in parts", v_cut, v, n);
  }
  gradient[n - 1] = NAN;
  kernel(&a);
  check_nan_stays(value, n);
  check_release();
}

int check_optimizer_rmsprop(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t k = 0; k < COUNTS; k++) {
    check_rmsprop(candidate->optimizer_rmsprop, counts[k], 0, k % 4);
    check_rmsprop(candidate->optimizer_rmsprop, counts[k], 5e-5f, (k + 1) % 4);
  }
  return check_end();
}

static void check_average(weir_k_optimizer_average_fn *kernel, size_t n, float share, size_t offset) {
  check_case("%zu values, share %g", n, (double)share);
  float *average = check_floats(n, offset), *value = check_floats(n, 3 - offset), *cut = check_floats(n, 1);
  double *want = check_doubles(n, 0), *bound = check_doubles(n, 0);
  check_fill(average, n, -1, 1);
  check_fill(value, n, -1, 1);
  memcpy(cut, average, n * sizeof *cut);
  check_freeze(value);
  for (size_t i = 0; i < n; i++) {
    const double change = (double)share * ((double)value[i] - (double)average[i]);
    want[i] = (double)average[i] + change;
    bound[i] = 1.01 * U * (fabs(want[i]) + 2 * fabs(change));
  }
  kernel(&(weir_average){average, value, n, share});
  check_close("average", average, want, bound, n);
  for (size_t first = 0, step = 3; first < n; first += step, step = step * 2 + 1)
    kernel(&(weir_average){cut + first, value + first, n - first < step ? n - first : step, share});
  check_bits("in parts", cut, average, n);
  check_release();
}

int check_optimizer_average(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  static const float shares[] = {0, 1e-4f, 0.25f, 1};
  for (size_t k = 0; k < COUNTS; k++)
    for (size_t s = 0; s < sizeof shares / sizeof shares[0]; s++)
      check_average(candidate->optimizer_average, counts[k], shares[s], k % 4);
  float *average = check_floats(33, 1), *value = check_floats(33, 0);
  check_fill(average, 33, -1, 1);
  check_fill(value, 33, -1, 1);
  value[32] = NAN;
  candidate->optimizer_average(&(weir_average){average, value, 33, 0.5f});
  check_nan_stays(average, 33);
  return check_end();
}

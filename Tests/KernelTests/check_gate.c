// The gate against its formula in double. Bounds count roundings of u = 2^-24: sigmoid has at most 6 (exp 4, a sum, a quotient).
#include <math.h>
#include <string.h>

#include "check.h"

static const double U = 0x1p-24, TINY = 0x1p-146;
static const size_t counts[] = {0, 1, 2, 15, 16, 17, 31, 33, 100, 784};
enum { COUNTS = sizeof counts / sizeof counts[0], LARGEST = 4096 };

static double sigmoid(double t) { return 1 / (1 + exp(-t)); }
static double sigmoid_of_minus(double t) { return sigmoid(-t); }

static weir_k_gate_forward_fn *forward;  // what sigmoid_map and rest_map run
static float ones[LARGEST], zeros[LARGEST];

/// With v = 1 and x = 0 the gate is the sigmoid itself; the other way round it is 1 - sigmoid.
static void sigmoid_map(const float *t, float *y, size_t count) {
  forward(&(weir_gate){.v = ones, .t = t, .x = zeros, .y = y, .count = count});
}
static void rest_map(const float *t, float *y, size_t count) {
  forward(&(weir_gate){.v = zeros, .t = t, .x = ones, .y = y, .count = count});
}

/// Gates from open to shut, some of them far beyond saturation, over values of every sign.
static void fill(float *v, float *t, float *x, size_t n) {
  static const float far[] = {1e30f, -1e30f, INFINITY, -INFINITY, 88, -88, 0, -0.0f, 103, -103};
  check_fill(v, n, -2, 2);
  check_fill(t, n, -6, 6);
  check_fill(x, n, -2, 2);
  for (size_t i = 1; i < n; i += 3) t[i] *= 17;
  for (size_t i = 2; i < n; i += 5) t[i] = far[i / 5 % (sizeof far / sizeof far[0])];
}

static void check_values(size_t n, size_t offset) {
  check_case("forward, %zu values, offset %zu", n, offset);
  float *v = check_floats(n, offset), *t = check_floats(n, 3 - offset), *x = check_floats(n, 1), *y = check_floats(n, 2);
  double *want = check_doubles(n, 0), *bound = check_doubles(n, 0);
  fill(v, t, x, n);
  check_freeze(v), check_freeze(t), check_freeze(x);
  const weir_gate a = {.v = v, .t = t, .x = x, .y = y, .count = n};
  forward(&a);
  for (size_t i = 0; i < n; i++) {
    const double s = sigmoid((double)t[i]), rest = sigmoid(-(double)t[i]);
    want[i] = s * (double)v[i] + rest * (double)x[i];
    bound[i] = 9 * U * (s * fabs((double)v[i]) + rest * fabs((double)x[i])) + TINY;
    if (fabsf(t[i]) > 104 && y[i] != (t[i] > 0 ? v[i] : x[i]))
      check_fail("a saturated gate, t = %g, gives %a of v %a and x %a", (double)t[i], (double)y[i], (double)v[i], (double)x[i]);
  }
  check_close("y", y, want, bound, n);
  const float *inputs[] = {v, t, x};
  for (size_t k = 0; k < 3; k++) {
    float *in_place = check_floats(n, k);
    memcpy(in_place, inputs[k], n * sizeof *v);
    weir_gate b = a;
    b.y = in_place;
    if (k == 0) b.v = in_place;
    if (k == 1) b.t = in_place;
    if (k == 2) b.x = in_place;
    for (size_t first = 0, step = 1; first < n; first += step, step = step * 2 + 1) {
      const weir_gate part = {b.v + first, b.t + first, b.x + first, b.y + first, n - first < step ? n - first : step};
      forward(&part);
    }
    check_bits("in place and in parts", in_place, y, n);
  }
  check_release();
}

/// What is not a number, and what is infinite, never becomes a number.
static void check_seen(void) {
  enum { N = 21 };
  static const float odd[] = {NAN, INFINITY, -INFINITY};
  float *arrays[3], *y = check_floats(N, 2);
  for (size_t k = 0; k < 3; k++) arrays[k] = check_floats(N, k), check_fill(arrays[k], N, -3, 3);
  for (size_t e = 0; e < N; e++) {
    for (size_t k = 0; k < 9; k++) {
      const size_t array = k % 3;
      if (array == 1 && k / 3 > 0) continue;  // an infinite t is a saturated gate
      check_case("%g at %zu of array %zu", (double)odd[k / 3], e, array);
      const float kept = arrays[array][e];
      arrays[array][e] = odd[k / 3];
      forward(&(weir_gate){arrays[0], arrays[1], arrays[2], y, N});
      for (size_t i = 0; i < N; i++)
        if (isfinite(y[i]) != (i != e)) check_fail("y[%zu] is %g", i, (double)y[i]);
      arrays[array][e] = kept;
    }
  }
  check_release();
}

int check_gate_forward(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  forward = candidate->gate_forward;
  for (size_t i = 0; i < LARGEST; i++) ones[i] = 1;
  // 0, where exp(-|t|) becomes subnormal and vanishes, and the ends of the floats.
  static const uint32_t places[] = {0x00000000, 0x80000000, 0x42aeac50, 0xc2aeac50, 0x42cff1b4, 0xc2cff1b4, 0x7f800000, 0xff800000};
  check_sweep(sigmoid_map, sigmoid, 4, places, sizeof places / sizeof places[0]);
  check_sweep(rest_map, sigmoid_of_minus, 4, places, sizeof places / sizeof places[0]);
  for (size_t k = 0; k < COUNTS; k++) check_values(counts[k], k % 4);
  check_seen();
  return check_end();
}

/// One sum of the backward pass: what stood there, what is added, and the roundings in it.
static void expect(double *want, double *bound, double before, double added, double roundings) {
  *want = before + added;
  *bound = U * (1.01 * fabs(*want) + (roundings + 1) * fabs(added)) + TINY;
}

static void check_gradients(weir_k_gate_backward_fn *kernel, size_t n, size_t offset) {
  check_case("backward, %zu values, offset %zu", n, offset);
  float *v = check_floats(n, offset), *t = check_floats(n, 3 - offset), *x = check_floats(n, 1), *dy = check_floats(n, 2);
  float *sums[3], *parts[3];
  double *want[3], *bound[3];
  fill(v, t, x, n);
  check_fill(dy, n, -2, 2);
  check_freeze(v), check_freeze(t), check_freeze(x), check_freeze(dy);
  for (size_t k = 0; k < 3; k++) {
    sums[k] = check_floats(n, k), parts[k] = check_floats(n, k + 1);
    check_fill(sums[k], n, -1, 1);
    memcpy(parts[k], sums[k], n * sizeof *v);
    want[k] = check_doubles(n, 0), bound[k] = check_doubles(n, 0);
  }
  for (size_t i = 0; i < n; i++) {
    const double at = (double)t[i], s = sigmoid(at), rest = sigmoid(-at), change = (double)v[i] - (double)x[i], d = (double)dy[i];
    expect(&want[0][i], &bound[0][i], (double)sums[0][i], d * s, 6);
    expect(&want[1][i], &bound[1][i], (double)sums[1][i], d * change * s * rest, 16);
    expect(&want[2][i], &bound[2][i], (double)sums[2][i], d * rest, 6);
    const double h = 1e-4, numeric = change * (sigmoid(at + h) - sigmoid(at - h)) / (2 * h);
    if (!(fabs(change * s * rest - numeric) <= 1e-8 * fabs(change))) check_fail("the formula is not the derivative at t = %g", at);
  }
  kernel(&(weir_gate_gradient){v, t, x, dy, sums[0], sums[1], sums[2], n});
  check_close("dv", sums[0], want[0], bound[0], n);
  check_close("dt", sums[1], want[1], bound[1], n);
  check_close("dx", sums[2], want[2], bound[2], n);
  for (size_t first = 0, step = 3; first < n; first += step, step = step * 2 + 1)
    kernel(&(weir_gate_gradient){v + first, t + first, x + first, dy + first, parts[0] + first, parts[1] + first, parts[2] + first,
                                 n - first < step ? n - first : step});
  for (size_t k = 0; k < 3; k++) check_bits("in parts", parts[k], sums[k], n);
  check_release();
}

/// NaN in t or dy reaches all three sums of its element, NaN in v or x reaches dt, and nothing reaches another element.
static void check_gradients_seen(weir_k_gate_backward_fn *kernel) {
  enum { N = 21 };
  for (size_t k = 0; k < 4 * N; k++) {
    const size_t array = k % 4, e = k / 4;
    float *inputs[4], *sums[3];
    for (size_t j = 0; j < 4; j++) inputs[j] = check_floats(N, j), check_fill(inputs[j], N, -3, 3);
    for (size_t j = 0; j < 3; j++) sums[j] = check_floats(N, j), check_fill(sums[j], N, -3, 3);
    check_case("NaN at %zu of array %zu", e, array);
    inputs[array][e] = NAN;
    kernel(&(weir_gate_gradient){inputs[0], inputs[1], inputs[2], inputs[3], sums[0], sums[1], sums[2], N});
    for (size_t j = 0; j < 3; j++)
      for (size_t i = 0; i < N; i++) {
        const bool reached = i == e && (j == 1 || array == 1 || array == 3);
        if (isnan(sums[j][i]) != reached) check_fail("sum %zu at %zu is %g", j, i, (double)sums[j][i]);
      }
    check_release();
  }
}

int check_gate_backward(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (size_t k = 0; k < COUNTS; k++) check_gradients(candidate->gate_backward, counts[k], k % 4);
  check_gradients_seen(candidate->gate_backward);
  return check_end();
}

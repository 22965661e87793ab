// Coupling against its formula in double. Bounds count roundings: u = 2^-24 each, tanh 4 ulp and exp 2 ulp as vecmath.h promises, so
// s is off by 9 u |s| and exp(s) by (4 + 9 |s|) u relative.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "check.h"

static const double U = 0x1p-24;
static const size_t counts[] = {1, 2, 15, 16, 17, 31, 33, 48, 100, 259};
enum { COUNTS = sizeof counts / sizeof counts[0] };

/// Which elements change: all (NULL mask), every second, a run that starts mid-vector, none.
enum { ALL, CHECKER, RUN, NONE, PATTERNS };

typedef struct fixture {
  size_t n;
  float *x, *raw_s, *raw_t, *gain, *mask;
} fixture;

static bool changes(int pattern, size_t e) {
  return pattern == ALL || (pattern == CHECKER && e % 2 == 1) || (pattern == RUN && e % 23 > 6);
}

static fixture make(size_t n, int pattern, size_t offset) {
  fixture f = {n, check_floats(n, offset), check_floats(n, 1 + offset), check_floats(n, 2 + offset), check_floats(n, 3), NULL};
  check_fill(f.x, n, -3, 3);
  check_fill(f.raw_s, n, -3, 3);
  check_fill(f.raw_t, n, -2, 2);
  check_fill(f.gain, n, -2, 2);
  if (pattern != ALL) {
    f.mask = check_floats(n, offset);
    for (size_t e = 0; e < n; e++) {
      f.mask[e] = changes(pattern, e) ? 1 : 0;
      if (!changes(pattern, e)) f.gain[e] = 0;
    }
  }
  return f;
}

static weir_coupling arguments(const fixture *f, bool additive, float *y) {
  weir_coupling a = {.x = f->x, .raw_t = f->raw_t, .mask = f->mask, .y = y, .count = f->n};
  if (!additive) {
    a.raw_s = f->raw_s;
    a.gain = f->gain;
  }
  return a;
}

static double scale(const fixture *f, bool additive, int pattern, size_t e) {
  return additive || !changes(pattern, e) ? 0 : (double)f->gain[e] * tanh((double)f->raw_s[e]);
}

static void check_values(weir_k_coupling_forward_fn *kernel, bool inverse, bool additive, int pattern, size_t n, size_t offset) {
  check_case("%s%s, pattern %d, %zu elements, offset %zu", inverse ? "inverse" : "forward", additive ? ", additive" : "", pattern,
             n, offset);
  const fixture f = make(n, pattern, offset);
  float *y = check_floats(n, 3 - offset), *s = check_floats(n, 1), *t = check_floats(n, 2);
  double *want = check_doubles(n, 0), *bound = check_doubles(n, 0), *want_s = check_doubles(n, 0), *bound_s = check_doubles(n, 0);
  weir_coupling a = arguments(&f, additive, y);
  a.s = s;
  a.t = t;
  check_freeze(f.x), check_freeze(f.raw_s), check_freeze(f.raw_t), check_freeze(f.gain);
  const double sum = kernel(&a);
  double want_sum = 0, bound_sum = 0;
  for (size_t e = 0; e < n; e++) {
    const bool change = changes(pattern, e);
    const double x = (double)f.x[e], shift = change ? (double)f.raw_t[e] : 0, exact = scale(&f, additive, pattern, e);
    const double scaled = inverse ? x * exp(-exact) : (x + shift) * exp(exact);
    want[e] = inverse ? scaled - shift : scaled;
    bound[e] = change ? 1.01 * U * ((6 + 9 * fabs(exact)) * fabs(scaled) + fabs(want[e])) : 0;
    want_s[e] = exact;
    bound_s[e] = 9 * U * fabs(exact);
    want_sum += inverse ? -exact : exact;
    bound_sum += bound_s[e] + 1e-15 * fabs(exact) * (double)n;
    if (t[e] != (float)shift) check_fail("t[%zu] is %g, not %g", e, (double)t[e], shift);
    if (!change) check_bits("passing element", y + e, f.x + e, 1);
  }
  check_close("y", y, want, bound, n);
  check_close("s", s, want_s, bound_s, n);
  if (!(fabs(sum - want_sum) <= bound_sum)) check_fail("the sum is %.17g, not %.17g +- %.3g", sum, want_sum, bound_sum);

  // The same without s and t, in place, and in two parts: neither place nor neighbours change an element.
  float *in_place = check_floats(n, offset + 1), *parts = check_floats(n, 0);
  memcpy(in_place, f.x, n * sizeof *in_place);
  a.s = a.t = NULL;
  a.x = a.y = in_place;
  if (kernel(&a) != sum) check_fail("the sum depends on s, t or aliasing");
  check_bits("in place", in_place, y, n);
  for (size_t first = 0, step = 1; first < n; first += step, step = step * 2 + 1) {
    fixture part = {n - first < step ? n - first : step, f.x + first, f.raw_s + first, f.raw_t + first, f.gain + first,
                    f.mask ? f.mask + first : NULL};
    a = arguments(&part, additive, parts + first);
    kernel(&a);
  }
  check_bits("in parts", parts, y, n);
  check_release();
}

/// NaN and Inf where an element changes must show; where it passes, x keeps its bits whatever the network said.
static void check_poison(weir_k_coupling_forward_fn *kernel, bool additive, int pattern) {
  enum { N = 37, POISONS = 5 };
  float poisons[POISONS] = {NAN, INFINITY, -INFINITY, 0, -0.0f};  // the last is harmless, but passing keeps its sign
  const uint32_t signalling = 0x7f800123;                         // and this one's bits, though arithmetic would quieten it
  memcpy(&poisons[3], &signalling, sizeof signalling);
  const fixture f = make(N, pattern, 1);
  float *y = check_floats(N, 0), *clean = check_floats(N, 0);
  weir_coupling a = arguments(&f, additive, clean);
  const double clean_sum = kernel(&a);
  a.y = y;
  for (size_t which = 0; which < 3; which++) {
    float *target = which == 0 ? f.x : which == 1 ? f.raw_s : f.raw_t;
    if (additive && target == f.raw_s) continue;
    for (size_t k = 0; k < POISONS; k++) {
      for (size_t e = 0; e < N; e++) {
        check_case("pattern %d, %g in %s[%zu]", pattern, (double)poisons[k], which == 0 ? "x" : which == 1 ? "raw_s" : "raw_t", e);
        const float kept = target[e];
        memcpy(&target[e], &poisons[k], sizeof kept);
        const double sum = kernel(&a);
        if (changes(pattern, e)) {
          if (k < 4 && isfinite(y[e]) && isfinite(sum)) check_fail("lost: y %g, sum %g", (double)y[e], sum);
        } else {
          check_bits("passing element", y + e, f.x + e, 1);
          if (sum != clean_sum) check_fail("reached the sum: %g", sum);
        }
        for (size_t other = 0; other < N; other++)
          if (other != e) check_bits("neighbour", y + other, clean + other, 1);
        target[e] = kept;
      }
    }
  }
  check_release();
}

static int check_direction(weir_k_coupling_forward_fn *kernel, bool inverse) {
  for (int additive = 0; additive < 2; additive++) {
    for (int pattern = 0; pattern < PATTERNS; pattern++) {
      for (size_t k = 0; k < COUNTS; k++) check_values(kernel, inverse, additive, pattern, counts[k], k % 4);
      check_poison(kernel, additive, pattern);
    }
  }
  return check_end();
}

int check_coupling_forward(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  return check_direction(candidate->coupling_forward, false);
}

int check_coupling_inverse(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  // The inverse undoes the forward map.
  enum { N = 259 };
  check_case("round trip");
  const fixture f = make(N, RUN, 1);
  float *y = check_floats(N, 0), *x = check_floats(N, 2);
  double *want = check_doubles(N, 0), *bound = check_doubles(N, 0);
  weir_coupling a = arguments(&f, false, y);
  const double forward = candidate->coupling_forward(&a);
  a.x = y;
  a.y = x;
  const double back = candidate->coupling_inverse(&a);
  if (forward != -back) check_fail("log-dets %g and %g don't cancel", forward, back);
  for (size_t e = 0; e < N; e++) {
    want[e] = (double)f.x[e];
    bound[e] = 60 * U * (fabs((double)f.x[e]) + fabs((double)f.raw_t[e]));
  }
  check_close("x", x, want, bound, N);
  check_release();
  return check_direction(candidate->coupling_inverse, true);
}

static void check_gradient(weir_k_coupling_backward_fn *kernel, bool additive, int pattern, size_t n, size_t offset) {
  check_case("backward%s, pattern %d, %zu elements, offset %zu", additive ? ", additive" : "", pattern, n, offset);
  const fixture f = make(n, pattern, offset);
  const float dlogdet = -0.75f;
  float *dy = check_floats(n, 1), *out[4], *dgain = check_floats(n, 2), *old = check_floats(n, 0);
  double *want[5], *bound[5];
  for (size_t k = 0; k < 4; k++) out[k] = check_floats(n, (offset + k) % 4);
  for (size_t k = 0; k < 5; k++) {
    want[k] = check_doubles(n, 0);
    bound[k] = check_doubles(n, 0);
  }
  check_fill(dy, n, -2, 2);
  check_fill(dgain, n, -1, 1);
  memcpy(old, dgain, n * sizeof *old);
  // What the network says where an element passes is no one's business.
  for (size_t e = 0; e < n; e++)
    if (!changes(pattern, e)) f.raw_s[e] = f.raw_t[e] = e % 3 ? NAN : INFINITY;
  check_freeze(f.x), check_freeze(f.raw_s), check_freeze(f.raw_t), check_freeze(f.gain), check_freeze(dy);
  weir_coupling_gradient a = {.y = f.x, .dy = dy, .raw_t = f.raw_t, .mask = f.mask, .dlogdet = dlogdet, .count = n};
  a.x = out[0], a.dx = out[1], a.draw_t = out[2];
  if (!additive) a.raw_s = f.raw_s, a.gain = f.gain, a.draw_s = out[3], a.dgain = dgain;
  kernel(&a);
  for (size_t e = 0; e < n; e++) {
    const bool change = changes(pattern, e);
    const double y = (double)f.x[e], g = (double)dy[e], t = change ? (double)f.raw_t[e] : 0;
    const double s = scale(&f, additive, pattern, e), tangent = change ? tanh((double)f.raw_s[e]) : 0, gain = (double)f.gain[e];
    const double ds = change ? g * y + (double)dlogdet : 0, slope = 1 - tangent * tangent;
    const double ds_bound = 2 * U * (fabs(g * y) + fabs((double)dlogdet));
    want[0][e] = y * exp(-s) - t;
    bound[0][e] = change ? 1.01 * U * ((6 + 9 * fabs(s)) * fabs(y * exp(-s)) + fabs(want[0][e])) : 0;
    want[1][e] = g * exp(s);
    bound[1][e] = change ? 1.01 * U * (6 + 9 * fabs(s)) * fabs(want[1][e]) : 0;
    want[2][e] = change ? want[1][e] : 0;
    bound[2][e] = bound[1][e];
    want[3][e] = ds * gain * slope;
    bound[3][e] = change ? 1.01 * fabs(gain) * (ds_bound * slope + fabs(ds) * U * (18 + 3 * slope)) : 0;
    want[4][e] = (double)old[e] + ds * tangent;
    bound[4][e] = change ? 1.01 * (ds_bound * fabs(tangent) + U * (10 * fabs(ds * tangent) + fabs(want[4][e]))) : 0;
  }
  static const char *const names[] = {"x", "dx", "draw_t", "draw_s"};
  for (size_t k = 0; k < (additive ? 3 : 4); k++) check_close(names[k], out[k], want[k], bound[k], n);
  if (!additive) check_close("dgain", dgain, want[4], bound[4], n);
  if (additive && !isnan(out[3][0])) check_fail("additive coupling wrote draw_s");

  // In place, and in parts: the same bits.
  float *held[4];
  const float *source[] = {f.x, dy, f.raw_t, f.raw_s};
  float *again = check_floats(n, 3);
  memcpy(again, old, n * sizeof *again);
  for (size_t k = 0; k < 4; k++) {
    held[k] = check_floats(n, 3 - offset);
    memcpy(held[k], source[k], n * sizeof(float));
  }
  for (size_t first = 0, step = 5; first < n; first += step, step += 12) {
    weir_coupling_gradient p = {.y = held[0] + first, .dy = held[1] + first, .raw_t = held[2] + first, .dlogdet = dlogdet};
    p.count = n - first < step ? n - first : step;
    p.mask = f.mask ? f.mask + first : NULL;
    p.x = held[0] + first, p.dx = held[1] + first, p.draw_t = held[2] + first;
    if (!additive) p.raw_s = held[3] + first, p.gain = f.gain + first, p.draw_s = held[3] + first, p.dgain = again + first;
    kernel(&p);
  }
  for (size_t k = 0; k < (additive ? 3 : 4); k++) check_bits("in place and in parts", held[k], out[k], n);
  if (!additive) check_bits("dgain in parts", again, dgain, n);
  check_release();
}

int check_coupling_backward(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  for (int additive = 0; additive < 2; additive++)
    for (int pattern = 0; pattern < PATTERNS; pattern++)
      for (size_t k = 0; k < COUNTS; k++) check_gradient(candidate->coupling_backward, additive, pattern, counts[k], k % 4);
  return check_end();
}

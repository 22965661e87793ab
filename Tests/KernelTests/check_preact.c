// Pre-activation against its formula in double: every combination of affine, relu, slope, negate and halo over odd shapes.
#include <math.h>
#include <string.h>

#include "check.h"

static const double U = 0x1p-24;
static const size_t channels[] = {1, 3, 12, 15, 16, 17, 24, 33, 48};
static const size_t sides[][2] = {{1, 1}, {1, 5}, {4, 1}, {3, 7}, {14, 14}};
enum { CHANNELS = sizeof channels / sizeof channels[0], SIDES = sizeof sides / sizeof sides[0] };

typedef struct shape {
  size_t c, h, w, pad, offset;
  bool affine, relu, negate;
  float slope;
} shape;

typedef struct fixture {
  float *x, *scale, *shift;
} fixture;

static size_t lane(size_t c, size_t pixels) { return c / WEIR_BLOCK * pixels * WEIR_BLOCK + c % WEIR_BLOCK; }

/// Scale and shift are not zero in the lanes past the last channel: the kernel must not rely on it.
static fixture make(const shape *s) {
  const size_t rounded = weir_i_block_round(s->c), pixels = s->h * s->w;
  fixture f = {check_floats(rounded * pixels, s->offset), NULL, NULL};
  check_fill_blocked(f.x, s->c, pixels, -2, 2);
  f.x[lane(s->c - 1, pixels)] = NAN;
  f.x[lane(s->c / 2, pixels) + (pixels - 1) * WEIR_BLOCK] = s->offset % 2 ? INFINITY : -INFINITY;
  if (s->affine) {
    f.scale = check_floats(rounded, s->offset + 1);
    f.shift = check_floats(rounded, s->offset + 2);
    check_fill(f.scale, rounded, -2, 2);
    check_fill(f.shift, rounded, -1, 1);
    check_freeze(f.scale), check_freeze(f.shift);
  }
  check_freeze(f.x);
  return f;
}

static void name(const char *what, const shape *s) {
  check_case("%s: c %zu h %zu w %zu pad %zu offset %zu%s%s%s slope %g", what, s->c, s->h, s->w, s->pad, s->offset,
             s->affine ? " affine" : "", s->relu ? " relu" : "", s->negate ? " negate" : "", (double)s->slope);
}

/// u of channel c at pixel p, and how far a float u may be from it.
static double value(const shape *s, const fixture *f, size_t c, size_t p, double *bound) {
  const double x = (double)f->x[lane(c, s->h * s->w) + p * WEIR_BLOCK];
  *bound = 0;
  if (!s->affine) return x;
  const double product = (double)f->scale[c] * x;
  *bound = isfinite(product) ? 2 * U * (fabs(product) + fabs((double)f->shift[c])) : 0;
  return product + (double)f->shift[c];
}

/// y, and what rounding slope * u adds to the error of u.
static double activate(const shape *s, double u, double *bound) {
  if (!s->relu || !(u <= 0)) return u;
  if (s->slope == 0) return 0;
  const double y = (double)s->slope * u;
  if (isfinite(y)) *bound += U * fabs(y);
  return y;
}

/// dy / du, also where u is NaN.
static double activate_back(const shape *s, double u) { return !s->relu || u > 0 ? 1 : (double)s->slope; }

static void check_forward(weir_k_preact_forward_fn *kernel, const shape *s) {
  name("forward", s);
  const fixture f = make(s);
  const size_t width = s->w + 2 * s->pad, pixels = (s->h + 2 * s->pad) * width;
  const size_t count = weir_i_block_round(s->negate ? 2 * s->c : s->c) * pixels;
  float *y = check_floats(count, 3 - s->offset);
  double *want = check_doubles(count, 0), *bound = check_doubles(count, 0);
  memset(want, 0, count * sizeof *want);
  memset(bound, 0, count * sizeof *bound);
  for (size_t c = 0; c < s->c; c++) {
    for (size_t p = 0; p < s->h * s->w; p++) {
      const size_t place = ((p / s->w + s->pad) * width + p % s->w + s->pad) * WEIR_BLOCK;
      double error;
      const double u = value(s, &f, c, p, &error);
      const size_t i = lane(c, pixels) + place, j = lane(s->c + c, pixels) + place;
      bound[i] = error;
      want[i] = activate(s, u, &bound[i]);
      if (!s->negate) continue;
      bound[j] = error;
      want[j] = activate(s, -u, &bound[j]);
    }
  }
  const weir_preact a = {f.x, f.scale, f.shift, y, s->c, s->h, s->w, s->pad, s->relu, s->negate, s->slope};
  kernel(&a);
  check_close("y", y, want, bound, count);
  check_release();
}

static void check_backward(weir_k_preact_backward_fn *kernel, const shape *s) {
  name("backward", s);
  const fixture f = make(s);
  const size_t pixels = s->h * s->w, count = weir_i_block_round(s->c) * pixels;
  const size_t joined = s->negate ? 2 * s->c : s->c, dy_count = weir_i_block_round(joined) * pixels;
  float *dy = check_floats(dy_count, 3 - s->offset), *du = check_floats(count, 1), *in_place = check_floats(dy_count, 2);
  double *want = check_doubles(count, 0), *bound = check_doubles(count, 0);
  memset(want, 0, count * sizeof *want);
  memset(bound, 0, count * sizeof *bound);
  check_fill_blocked(dy, joined, pixels, -2, 2);
  memcpy(in_place, dy, dy_count * sizeof *dy);
  check_freeze(dy);
  for (size_t c = 0; c < s->c; c++) {
    for (size_t p = 0; p < pixels; p++) {
      const size_t i = lane(c, pixels) + p * WEIR_BLOCK;
      double error;
      const double u = value(s, &f, c, p, &error), straight = (double)dy[i];
      const double other = s->negate ? (double)dy[lane(s->c + c, pixels) + p * WEIR_BLOCK] : 0;
      const double kept = activate_back(s, u) * straight, lost = activate_back(s, -u) * other;
      want[i] = kept - lost;
      bound[i] = U * (fabs(want[i]) + 2 * fabs(kept) + 2 * fabs(lost));
      if (s->relu && fabs(u) <= error) bound[i] += fabs(straight) + fabs(other);  // the sign of u is open
    }
  }
  weir_preact_gradient a = {f.x, f.scale, f.shift, dy, du, s->c, s->h, s->w, s->relu, s->negate, s->slope};
  kernel(&a);
  check_close("du", du, want, bound, count);
  if (!s->negate) {
    a.dy = a.du = in_place;
    kernel(&a);
    check_bits("du in place", in_place, du, count);
  }
  check_release();
}

static int check_all(const weir_kernels *candidate, bool forward) {
  for (size_t k = 0; k < CHANNELS * SIDES * 64; k++) {
    const size_t flags = k % 64, side = k / 64 % SIDES;
    // Without relu the slope must not be read.
    const bool relu = flags / 2 % 2, leaky = flags / 8 % 2;
    const shape s = {.c = channels[k / 64 / SIDES],
                     .h = sides[side][0],
                     .w = sides[side][1],
                     .pad = flags / 16,
                     .offset = k / 64 % 4,
                     .affine = flags & 1,
                     .relu = relu,
                     .negate = flags / 4 % 2,
                     .slope = !leaky ? 0
                              : relu ? 0.01f
                                     : NAN};
    if (!forward && s.pad > 0) continue;
    if (forward)
      check_forward(candidate->preact_forward, &s);
    else
      check_backward(candidate->preact_backward, &s);
  }
  return check_end();
}

int check_preact_forward(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  return check_all(candidate, true);
}

int check_preact_backward(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  return check_all(candidate, false);
}

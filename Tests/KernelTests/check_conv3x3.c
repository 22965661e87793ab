// conv3x3_forward and conv3x3_weights against the formula in double.
#include <math.h>
#include <string.h>

#include "check.h"

typedef struct shape {
  size_t ic, oc, h, w;
} shape;

/// Channels and sizes that hit every tile width, single and paired blocks, and partly filled blocks.
static const shape fixed[] = {{2, 64, 28, 28}, {64, 2, 28, 28}, {33, 17, 9, 7},  {48, 80, 7, 7}, {1, 1, 1, 1},    {16, 33, 5, 14},
                              {17, 32, 3, 13}, {3, 48, 2, 31},  {32, 16, 1, 40}, {15, 2, 8, 1},  {5, 130, 2, 16}, {34, 31, 16, 8}};

static size_t map_offset(size_t c, size_t pixels, size_t pixel) {
  return (c / WEIR_BLOCK * pixels + pixel) * WEIR_BLOCK + c % WEIR_BLOCK;
}

/// Fills a map with a halo of zeros.
static void fill_halo(float *x, shape s) {
  check_fill_blocked(x, s.ic, (s.h + 2) * (s.w + 2), -1, 1);
  for (size_t b = 0; b < weir_i_blocks(s.ic); b++)
    for (size_t r = 0; r < s.h + 2; r++)
      for (size_t q = 0; q < s.w + 2; q++)
        if (r == 0 || q == 0 || r == s.h + 1 || q == s.w + 1)
          memset(x + ((b * (s.h + 2) + r) * (s.w + 2) + q) * WEIR_BLOCK, 0, WEIR_BLOCK * sizeof(float));
}

/// What one output must be: exactly, how far off it may be, and with one rounding a term in the order of the contract.
typedef struct expected {
  double value, bound;
  float fused;
} expected;

static expected output(const weir_conv3x3 *conv, size_t o, size_t r, size_t q, const float *residual) {
  const size_t pixels = (conv->h + 2) * (conv->w + 2), at = map_offset(o, conv->h * conv->w, r * conv->w + q);
  double sum = 0, size = 0;
  float fused = 0;
  for (size_t i = 0; i < conv->ic; i++)
    for (size_t k = 0; k < 9; k++) {
      const float weight = conv->weight[((o / WEIR_BLOCK * conv->ic + i) * 9 + k) * WEIR_BLOCK + o % WEIR_BLOCK];
      const float x = conv->x[map_offset(i, pixels, (r + k / 3) * (conv->w + 2) + q + k % 3)];
      sum += (double)weight * (double)x;
      size += fabs((double)weight * (double)x);
      fused = fmaf(weight, x, fused);
    }
  const float bias = conv->bias != NULL ? conv->bias[o] : 0.0f, rest = residual != NULL ? residual[at] : 0.0f;
  if (conv->bias != NULL) fused += bias;
  if (residual != NULL) fused += rest;
  sum += (double)bias + (double)rest;
  size += fabs((double)bias) + fabs((double)rest);
  return (expected){sum, check_sum_bound(conv->ic * 9 + 2, size), fused};
}

/// `variant` bit 0: bias, bit 1: residual, bit 2: the residual is y.
static void forward_case(const weir_kernels *candidate, bool fused, shape s, unsigned variant, size_t offset) {
  check_case("%zu to %zu channels, %zu x %zu, variant %u, offset %zu", s.ic, s.oc, s.h, s.w, variant, offset);
  const size_t blocks = weir_i_blocks(s.oc), pixels = s.h * s.w, count = blocks * pixels * WEIR_BLOCK;
  float *x = check_floats(weir_i_block_round(s.ic) * (s.h + 2) * (s.w + 2), offset);
  float *weight = check_floats(blocks * s.ic * 9 * WEIR_BLOCK, offset + 1);
  float *bias = check_floats(blocks * WEIR_BLOCK, offset + 2);
  float *residual = check_floats(count, offset + 3);
  float *y = check_floats(count, offset + 5), *split = check_floats(count, offset);
  fill_halo(x, s);
  check_fill_blocked(weight, s.oc, s.ic * 9, -1, 1);
  check_fill_blocked(bias, s.oc, 1, -1, 1);
  check_fill_blocked(residual, s.oc, pixels, -1, 1);
  check_freeze(x), check_freeze(weight), check_freeze(bias), check_freeze(residual);
  const float *added = variant & 6 ? residual : NULL;
  weir_conv3x3 conv = {x, weight, variant & 1 ? bias : NULL, added, y, s.ic, s.oc, s.h, s.w};
  if (variant & 4) {
    memcpy(y, residual, count * sizeof(float));
    conv.residual = y;
  }
  candidate->conv3x3_forward(&conv, 0, s.h);

  double *want = check_doubles(count, 0), *bound = check_doubles(count, 0);
  float *exact = check_floats(count, 0);
  for (size_t o = 0; o < blocks * WEIR_BLOCK; o++)
    for (size_t p = 0; p < pixels; p++) {
      const expected e = output(&conv, o, p / s.w, p % s.w, added);
      const size_t at = map_offset(o, pixels, p);
      want[at] = e.value, bound[at] = e.bound, exact[at] = e.fused;
    }
  check_close("y", y, want, bound, count);
  if (fused) check_bits("y in the contract's order", y, exact, count);

  conv.y = split;
  if (variant & 4) {
    memcpy(split, residual, count * sizeof(float));
    conv.residual = split;
  }
  for (size_t r = 0, step = 1; r < s.h; r += step, step = step % 3 + 1)
    candidate->conv3x3_forward(&conv, r, r + step < s.h ? r + step : s.h);
  candidate->conv3x3_forward(&conv, s.h, s.h);
  check_bits("y by ranges of rows", split, y, count);
  check_release();
}

static void weights_case(const weir_kernels *candidate, shape s, size_t offset) {
  check_case("gradient, %zu to %zu channels, %zu x %zu, offset %zu", s.ic, s.oc, s.h, s.w, offset);
  const size_t blocks = weir_i_blocks(s.oc), pixels = s.h * s.w, halo = (s.h + 2) * (s.w + 2);
  const size_t count = blocks * s.ic * 9 * WEIR_BLOCK, tiles = weir_i_blocks(s.ic) * blocks;
  float *x = check_floats(weir_i_block_round(s.ic) * halo, offset), *dy = check_floats(blocks * pixels * WEIR_BLOCK, offset + 1);
  float *start = check_floats(count, 0), *dweight = check_floats(count, offset + 2), *split = check_floats(count, offset);
  fill_halo(x, s);
  check_fill_blocked(dy, s.oc, pixels, -1, 1);
  check_fill_blocked(start, s.oc, s.ic * 9, -1, 1);
  check_freeze(x), check_freeze(dy);
  memcpy(dweight, start, count * sizeof(float));
  memcpy(split, start, count * sizeof(float));
  weir_conv3x3_weights conv = {x, dy, dweight, s.ic, s.oc, s.h, s.w};
  candidate->conv3x3_weights(&conv, 0, tiles);

  double *want = check_doubles(count, 0), *bound = check_doubles(count, 0);
  for (size_t at = 0; at < count; at++) {
    const size_t k = at / WEIR_BLOCK % 9, i = at / WEIR_BLOCK / 9 % s.ic,
                 o = at / WEIR_BLOCK / 9 / s.ic * WEIR_BLOCK + at % WEIR_BLOCK;
    double sum = (double)start[at], size = fabs(sum);
    for (size_t p = 0; p < pixels; p++) {
      const double term =
          (double)dy[map_offset(o, pixels, p)] * (double)x[map_offset(i, halo, (p / s.w + k / 3) * (s.w + 2) + p % s.w + k % 3)];
      sum += term;
      size += fabs(term);
    }
    want[at] = sum, bound[at] = check_sum_bound(pixels + 1, size);
  }
  check_close("dweight", dweight, want, bound, count);

  conv.dweight = split;
  for (size_t t = tiles; t > 0; t--) candidate->conv3x3_weights(&conv, t - 1, t);
  check_bits("dweight tile by tile", split, dweight, count);
  check_release();
}

int check_conv3x3_forward(const weir_kernels *candidate, const weir_kernels *reference) {
  static const size_t channels[] = {1, 2, 3, 15, 16, 17, 33};
  const bool fused = candidate != reference;
  size_t offset = 0;
  for (size_t i = 0; i < 7; i++)
    for (size_t o = 0; o < 7; o++)
      for (size_t h = 1; h <= 9; h += 2 + (i + o) % 3)
        forward_case(candidate, fused, (shape){channels[i], channels[o], h, 1 + (h * 5 + i + o) % 9}, (unsigned)(offset % 8),
                     offset % 16),
            offset++;
  for (size_t w = 1; w <= 32; w++) forward_case(candidate, fused, (shape){3, 48, 1 + w % 4, w}, (unsigned)(w % 8), w % 16);
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) forward_case(candidate, fused, fixed[i], (unsigned)(3 * i % 8), i);
  return check_end();
}

int check_conv3x3_weights(const weir_kernels *candidate, const weir_kernels *reference) {
  static const size_t channels[] = {1, 2, 3, 15, 16, 17, 33};
  (void)reference;
  size_t offset = 0;
  for (size_t i = 0; i < 7; i++)
    for (size_t o = 0; o < 7; o++)
      for (size_t h = 1; h <= 9; h += 2 + (i + o) % 3)
        weights_case(candidate, (shape){channels[i], channels[o], h, 1 + (h * 5 + i + o) % 9}, offset % 16), offset++;
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) weights_case(candidate, fixed[i], i);
  return check_end();
}

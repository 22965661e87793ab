// Pre-activation (He et al., "Identity Mappings in Deep Residual Networks", ECCV 2016) with batch norm as scale and shift, and the
// concatenated form [x, -x] of Shang et al. (ICML 2016) where asked for: u = scale * x + shift, y = relu(u) or relu([u, -u]).
// With a slope it is LeakyReLU (Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013).
#include "kernels/preact/preact.h"

#include <string.h>

/// Where channel c begins in a blocked map of `pixels` pixels.
static size_t lane(size_t c, size_t pixels) { return c / WEIR_BLOCK * pixels * WEIR_BLOCK + c % WEIR_BLOCK; }

/// NaN stays NaN; slope 0 gives 0 even for -Inf.
static float rectify(float u, float slope) {
  if (!(u <= 0)) return u;
  return slope == 0 ? 0 : slope * u;
}

/// rectify's derivative by u, times dy.
static float rectify_back(float u, float slope, float dy) {
  if (u > 0) return dy;
  return slope == 0 ? 0 : slope * dy;
}

void weir_k_preact_forward_ref(const weir_preact *a) {
  const size_t width = a->w + 2 * a->pad, pixels = (a->h + 2 * a->pad) * width;
  const size_t channels = a->negate ? 2 * a->c : a->c;
  memset(a->y, 0, weir_i_block_round(channels) * pixels * sizeof *a->y);
  for (size_t c = 0; c < a->c; ++c) {
    const float *x = a->x + lane(c, a->h * a->w);
    for (size_t r = 0; r < a->h; ++r) {
      for (size_t q = 0; q < a->w; ++q) {
        const float value = x[(r * a->w + q) * WEIR_BLOCK];
        const float u = a->scale ? a->scale[c] * value + a->shift[c] : value;
        const size_t pixel = (r + a->pad) * width + q + a->pad;
        a->y[lane(c, pixels) + pixel * WEIR_BLOCK] = a->relu ? rectify(u, a->slope) : u;
        if (a->negate) a->y[lane(a->c + c, pixels) + pixel * WEIR_BLOCK] = a->relu ? rectify(-u, a->slope) : -u;
      }
    }
  }
}

void weir_k_preact_backward_ref(const weir_preact_gradient *a) {
  const size_t pixels = a->h * a->w;
  for (size_t c = 0; c < weir_i_block_round(a->c); ++c) {
    for (size_t p = 0; p < pixels; ++p) {
      const size_t i = lane(c, pixels) + p * WEIR_BLOCK;
      if (c >= a->c) {
        a->du[i] = 0;
        continue;
      }
      const float u = a->scale ? a->scale[c] * a->x[i] + a->shift[c] : a->x[i];
      float du = a->relu ? rectify_back(u, a->slope, a->dy[i]) : a->dy[i];
      if (a->negate) {
        const float other = a->dy[lane(a->c + c, pixels) + p * WEIR_BLOCK];
        du -= a->relu ? rectify_back(-u, a->slope, other) : other;
      }
      a->du[i] = du;
    }
  }
}

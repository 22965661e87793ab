// What happens to a map before a layer's product: normalise, rectify, join with its negative, add a halo.
#ifndef WEIR_KERNELS_PREACT_H
#define WEIR_KERNELS_PREACT_H

#include <stdbool.h>

#include "kernels/block.h"

/// u = scale[c] * x + shift[c];  y = relu and not u > 0 ? slope * u : u;  with `negate`, y has 2c channels: those of u, then of -u.
///
/// x      [blocks(c)][h][w][16]
/// scale  [blocks(c) * 16], or NULL for u = x (shift is then not read);  shift likewise
/// y      [blocks(negate ? 2c : c)][h + 2 pad][w + 2 pad][16], any pad: halo and lanes past the last channel are set to zero
/// slope  finite; 0 is ReLU, which maps -Inf to 0; any other is LeakyReLU
/// NaN stays NaN: what can't be scored must not become normal.
typedef struct weir_preact {
  const float *x;
  const float *scale;
  const float *shift;
  float *y;
  size_t c, h, w, pad;
  bool relu, negate;
  float slope;  // not read unless relu
} weir_preact;

/// Computes the whole of y for one image.
typedef void weir_k_preact_forward_fn(const weir_preact *preact);

/// du[c] = dy[c] * (relu and not u > 0 ? slope : 1), and with `negate` minus dy[c + C] * (relu and not -u > 0 ? slope : 1); the
/// gradient by u, not by x. With slope 0 the product is 0 whatever dy.
///
/// x, scale, shift as above;  dy [blocks(negate ? 2c : c)][h][w][16], no halo;  du [blocks(c)][h][w][16], lanes past c zero; du may be dy
/// unless `negate`.
typedef struct weir_preact_gradient {
  const float *x;
  const float *scale;
  const float *shift;
  const float *dy;
  float *du;
  size_t c, h, w;
  bool relu, negate;
  float slope;  // not read unless relu
} weir_preact_gradient;

/// Computes the whole of du for one image.
typedef void weir_k_preact_backward_fn(const weir_preact_gradient *preact);

#endif

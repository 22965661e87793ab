// What happens to a map before a layer's product: normalise, rectify, join with its negative, add a halo.
#ifndef WEIR_KERNELS_PREACT_H
#define WEIR_KERNELS_PREACT_H

#include <stdbool.h>

#include "kernels/block.h"

/// u = scale[c] * x + shift[c];  y = relu ? max(u, 0) : u;  with `negate`, y has 2c channels: those of u, then those of -u.
///
/// x      [blocks(c)][h][w][16]
/// scale  [blocks(c) * 16], or NULL for u = x (shift is then not read);  shift likewise
/// y      [blocks(negate ? 2c : c)][h + 2 pad][w + 2 pad][16]: halo (pad is 0 or 1) and lanes past the last channel are set to zero
/// max(NaN, 0) is NaN: what can't be scored must not become normal.
typedef struct weir_preact {
  const float *x;
  const float *scale;
  const float *shift;
  float *y;
  size_t c, h, w, pad;
  bool relu, negate;
} weir_preact;

/// Computes the whole of y for one image.
typedef void weir_k_preact_forward_fn(const weir_preact *preact);

/// du[c] = dy[c] * [not relu or u > 0], and with `negate` minus dy[c + C] * [not relu or -u > 0]; the gradient by u, not by x.
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
} weir_preact_gradient;

/// Computes the whole of du for one image.
typedef void weir_k_preact_backward_fn(const weir_preact_gradient *preact);

#endif

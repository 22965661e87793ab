// Affine and additive coupling, element by element (RealNVP, Dinh et al. 2017, with flows_ood's order: shift, then scale).
#ifndef WEIR_KERNELS_COUPLING_H
#define WEIR_KERNELS_COUPLING_H

#include <stddef.h>

/// s = gain[e] * tanh(raw_s[e]),  t = mask[e] * raw_t[e]
/// forward: y = (x + t) * exp(s), returns sum s;  inverse: y = x * exp(-s) - t, returns -sum s.
///
/// x, y    [count]; y may be x
/// raw_s   [count], or NULL for additive coupling (s = 0; gain is then not read)
/// raw_t   [count]
/// gain    [count], zero where the element passes unchanged
/// mask    [count], 1 where the element changes and 0 where it passes, or NULL for all ones. Where it passes, y has x's bits.
/// s, t    [count] out, the masked values; each may be NULL
/// Sums are f64 and run over e upwards in fixed chunks. NaN or Inf in x, raw_s or raw_t where mask is 1 reaches y or the sum.
typedef struct weir_coupling {
  const float *x;
  const float *raw_s;
  const float *raw_t;
  const float *gain;
  const float *mask;
  float *y;
  float *s;
  float *t;
  size_t count;
} weir_coupling;

typedef double weir_k_coupling_forward_fn(const weir_coupling *coupling);
typedef double weir_k_coupling_inverse_fn(const weir_coupling *coupling);

/// Walks back through forward: from its output y and the loss's gradient dy, recomputes x and gives all gradients.
///
/// x = y * exp(-s) - t;  dx = dy * exp(s);  draw_t = mask * dx;  ds = mask * (dy * y + dlogdet)
/// draw_s = ds * gain * (1 - tanh(raw_s)^2);  dgain[e] += ds * tanh(raw_s)
///
/// y, dy, raw_s, raw_t, gain, mask in, as above (raw_s NULL: additive, then draw_s and dgain are not written)
/// x may be y, dx may be dy, draw_s may be raw_s, draw_t may be raw_t
typedef struct weir_coupling_gradient {
  const float *y;
  const float *dy;
  const float *raw_s;
  const float *raw_t;
  const float *gain;
  const float *mask;
  float dlogdet;
  float *x;
  float *dx;
  float *draw_s;
  float *draw_t;
  float *dgain;
  size_t count;
} weir_coupling_gradient;

typedef void weir_k_coupling_backward_fn(const weir_coupling_gradient *coupling);

#endif

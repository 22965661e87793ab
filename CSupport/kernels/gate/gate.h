// The gate of a highway layer: a learned mixture of a candidate and what came in.
#ifndef WEIR_KERNELS_GATE_H
#define WEIR_KERNELS_GATE_H

#include <stddef.h>

/// y = x + s (v - x) = s v + (1 - s) x,  s = sigmoid(t);  [count] each, y may be v, t or x.
///
/// s and 1 - s are each at most 4 ulp from the exact value, however small; either is exactly 0 where it is below the floats, so a
/// saturated gate gives exactly v or x. |y - exact| <= 9 u (s |v| + (1 - s) |x|), u = 2^-24, where no product is subnormal.
/// NaN in v, t or x gives NaN; an infinite v or x gives an infinite y or NaN. In blocked maps zero lanes stay zero.
/// Any split of the count gives the same bits.
typedef struct weir_gate {
  const float *v;
  const float *t;
  const float *x;
  float *y;
  size_t count;
} weir_gate;

typedef void weir_k_gate_forward_fn(const weir_gate *gate);

/// dv += dy s;  dt += dy (v - x) s (1 - s);  dx += dy (1 - s);  s = sigmoid(t) computed again.
///
/// v, t, x, dy are inputs, dv, dt, dx are added to, [count] each; none of these three may overlap another array. Lanes where dy is
/// zero add zero. What is added is within 7 u (dv, dx) and 17 u (dt) of its exact value, relatively and where nothing is subnormal.
/// NaN in t or dy reaches all three sums, in v or x that of dt. Any split of the count gives the same bits.
typedef struct weir_gate_gradient {
  const float *v;
  const float *t;
  const float *x;
  const float *dy;
  float *dv;
  float *dt;
  float *dx;
  size_t count;
} weir_gate_gradient;

typedef void weir_k_gate_backward_fn(const weir_gate_gradient *gate);

#endif

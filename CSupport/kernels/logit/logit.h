// The logit transform with a margin: p = ((2y - 1) margin + 1) / 2, z = log p - log(1 - p).
#ifndef WEIR_KERNELS_LOGIT_H
#define WEIR_KERNELS_LOGIT_H

#include <stddef.h>

/// z from y, both [count], z may be y; returns log|det dz/dy| = sum softplus(z) + softplus(-z) + log(margin), f64.
typedef double weir_k_logit_forward_fn(const float *y, float *z, size_t count, double margin);

/// y from z (may be the same); returns log|det dy/dz|, the negative of the above.
typedef double weir_k_logit_inverse_fn(const float *z, float *y, size_t count, double margin);

/// Walks back: from z and dz gives y and dy = (dz + dlogdet * (2 p - 1)) * margin / (p (1 - p)) where p = sigmoid(z), [count] each; y may be z, dy may be dz.
typedef void weir_k_logit_backward_fn(const float *z, const float *dz, float dlogdet, float *y, float *dy, size_t count,
                                      double margin);

#endif

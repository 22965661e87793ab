// Optimizer updates over flat arrays; any split of the arrays gives the same bits.
#ifndef WEIR_KERNELS_OPTIMIZER_H
#define WEIR_KERNELS_OPTIMIZER_H

#include <stddef.h>

/// Adam (Kingma and Ba 2015), as PyTorch's: g = scale * gradient + decay * value
/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
/// value -= step_size * m / (sqrt(v) * root_correction + epsilon)
/// where step_size = lr / (1 - beta1^t) and root_correction = 1 / sqrt(1 - beta2^t).
/// Arrays are [count] and do not overlap. A NaN gradient shows in value, m and v.
typedef struct weir_adam {
  float *value;
  const float *gradient;
  float *m;
  float *v;
  size_t count;
  float scale;   // clipping
  float decay;   // Adam's: joins the gradient
  float shrink;  // AdamW's: lr * decay, by which value shrinks on its own
  float beta1, beta2, epsilon;
  float step_size, root_correction;
} weir_adam;

/// `shrink` is not read.
typedef void weir_k_optimizer_adam_fn(const weir_adam *adam);

/// AdamW (Loshchilov and Hutter 2019), as PyTorch's: value -= shrink * value, then Adam with g = scale * gradient. `decay` is not read.
typedef void weir_k_optimizer_adamw_fn(const weir_adam *adam);

/// RMSprop (Tieleman and Hinton 2012) without momentum, as PyTorch's: g = scale * gradient + decay * value
/// v = alpha v + (1 - alpha) g^2
/// value -= rate * g / (sqrt(v) + epsilon)
/// Arrays are [count] and do not overlap. A NaN gradient shows in value and v.
typedef struct weir_rmsprop {
  float *value;
  const float *gradient;
  float *v;
  size_t count;
  float scale;  // clipping
  float decay;
  float alpha, epsilon;
  float rate;
} weir_rmsprop;

typedef void weir_k_optimizer_rmsprop_fn(const weir_rmsprop *rmsprop);

/// Exponential moving average of values: average += share * (value - average), [count] each, with share = 1 - d for an average that
/// keeps d of itself.
typedef struct weir_average {
  float *average;
  const float *value;
  size_t count;
  float share;
} weir_average;

typedef void weir_k_optimizer_average_fn(const weir_average *average);

#endif

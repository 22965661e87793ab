// Optimizer updates over flat arrays.
#ifndef WEIR_KERNELS_OPTIMIZER_H
#define WEIR_KERNELS_OPTIMIZER_H

#include <stddef.h>

/// Adam (Kingma and Ba 2015), as PyTorch's: g = scale * gradient + decay * value
/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
/// value -= step_size * m / (sqrt(v) * root_correction + epsilon)
/// where step_size = lr / (1 - beta1^t) and root_correction = 1 / sqrt(1 - beta2^t).
typedef struct weir_adam {
  float *value;
  const float *gradient;
  float *m;
  float *v;
  size_t count;
  float scale;  // clipping
  float decay;
  float beta1, beta2, epsilon;
  float step_size, root_correction;
} weir_adam;

typedef void weir_k_optimizer_adam_fn(const weir_adam *adam);

#endif

// Adam (Kingma and Ba, ICLR 2015, algorithm 1), with epsilon added after the correction of v as PyTorch does; AdamW (Loshchilov and
// Hutter, ICLR 2019, algorithm 2); RMSprop (Tieleman and Hinton, lecture 6.5, 2012), with epsilon outside the root as PyTorch does; and
// the average of iterates (Polyak and Juditsky 1992) with exponential weights.
#include "kernels/optimizer/optimizer.h"

#include <math.h>

/// Moves `rest`, which is the value or what decay left of it.
static void adam_step(const weir_adam *a, size_t i, float g, float rest) {
  a->m[i] = a->beta1 * a->m[i] + (1.0f - a->beta1) * g;
  a->v[i] = a->beta2 * a->v[i] + (1.0f - a->beta2) * g * g;
  a->value[i] = rest - a->step_size * a->m[i] / (sqrtf(a->v[i]) * a->root_correction + a->epsilon);
}

void weir_k_optimizer_adam_ref(const weir_adam *a) {
  for (size_t i = 0; i < a->count; ++i) adam_step(a, i, a->scale * a->gradient[i] + a->decay * a->value[i], a->value[i]);
}

void weir_k_optimizer_adamw_ref(const weir_adam *a) {
  for (size_t i = 0; i < a->count; ++i) adam_step(a, i, a->scale * a->gradient[i], a->value[i] - a->shrink * a->value[i]);
}

void weir_k_optimizer_rmsprop_ref(const weir_rmsprop *a) {
  for (size_t i = 0; i < a->count; ++i) {
    const float g = a->scale * a->gradient[i] + a->decay * a->value[i];
    a->v[i] = a->alpha * a->v[i] + (1.0f - a->alpha) * g * g;
    a->value[i] -= a->rate * g / (sqrtf(a->v[i]) + a->epsilon);
  }
}

void weir_k_optimizer_average_ref(const weir_average *a) {
  for (size_t i = 0; i < a->count; ++i) a->average[i] += a->share * (a->value[i] - a->average[i]);
}

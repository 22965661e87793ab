// Adam (Kingma and Ba, ICLR 2015, algorithm 1), with epsilon added after the correction of v as PyTorch does.
#include "kernels/optimizer/optimizer.h"

#include <math.h>

void weir_k_optimizer_adam_ref(const weir_adam *a) {
  for (size_t i = 0; i < a->count; ++i) {
    const float g = a->scale * a->gradient[i] + a->decay * a->value[i];
    a->m[i] = a->beta1 * a->m[i] + (1.0f - a->beta1) * g;
    a->v[i] = a->beta2 * a->v[i] + (1.0f - a->beta2) * g * g;
    a->value[i] -= a->step_size * a->m[i] / (sqrtf(a->v[i]) * a->root_correction + a->epsilon);
  }
}

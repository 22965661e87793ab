// Highway layer (Srivastava, Greff and Schmidhuber, "Highway Networks", 2015, equation 3): y = s v + (1 - s) x, s = sigmoid(t).
// s and 1 - s = sigmoid(-t) both come from e = exp(-|t|), which doesn't overflow: the larger is 1 / (1 + e), the smaller e / (1 + e).
// Then neither loses digits to a subtraction.
#include "kernels/gate/gate.h"

#include <math.h>

typedef struct weights {
  float v, x;
} weights;

static weights weights_of(float t) {
  const float e = expf(-fabsf(t)), large = 1.0f / (1.0f + e), small = e / (1.0f + e);
  return t < 0 ? (weights){small, large} : (weights){large, small};
}

void weir_k_gate_forward_ref(const weir_gate *a) {
  for (size_t i = 0; i < a->count; ++i) {
    const weights s = weights_of(a->t[i]);
    a->y[i] = s.v * a->v[i] + s.x * a->x[i];
  }
}

void weir_k_gate_backward_ref(const weir_gate_gradient *a) {
  for (size_t i = 0; i < a->count; ++i) {
    const weights s = weights_of(a->t[i]);
    const float dy = a->dy[i];
    a->dv[i] += dy * s.v;
    a->dx[i] += dy * s.x;
    a->dt[i] += dy * (a->v[i] - a->x[i]) * (s.v * s.x);
  }
}

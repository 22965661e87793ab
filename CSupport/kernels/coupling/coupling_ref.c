// Affine coupling (Dinh, Sohl-Dickstein, Bengio, "Density estimation using Real NVP", ICLR 2017, equations 7 and 8) with the order of
// flows_ood (Kirichenko et al. 2020): y = (x + t) * exp(s), s = gain * tanh(raw_s), log|det dy/dx| = sum of s.
#include "kernels/coupling/coupling.h"

#include <math.h>

/// s. tanh(Inf) is 1, so 0 * raw makes NaN of an Inf, which must not pass as a score.
static float scale_of(float raw, float gain, float *tangent) {
  *tangent = tanhf(raw);
  return gain * *tangent + 0.0f * raw;
}

static double couple(const weir_coupling *a, int inverse) {
  double sum = 0;
  for (size_t e = 0; e < a->count; ++e) {
    float s = 0, t = 0, tangent;
    if (a->mask && a->mask[e] == 0) {
      a->y[e] = a->x[e];
    } else {
      t = a->raw_t[e];
      if (a->raw_s) s = scale_of(a->raw_s[e], a->gain[e], &tangent);
      a->y[e] = inverse ? a->x[e] * expf(-s) - t : (a->x[e] + t) * expf(s);
    }
    if (a->s) a->s[e] = s;
    if (a->t) a->t[e] = t;
    sum += (double)s;
  }
  return inverse ? -sum : sum;
}

double weir_k_coupling_forward_ref(const weir_coupling *coupling) { return couple(coupling, 0); }
double weir_k_coupling_inverse_ref(const weir_coupling *coupling) { return couple(coupling, 1); }

void weir_k_coupling_backward_ref(const weir_coupling_gradient *a) {
  for (size_t e = 0; e < a->count; ++e) {
    const float y = a->y[e], dy = a->dy[e];
    if (a->mask && a->mask[e] == 0) {
      a->x[e] = y;
      a->dx[e] = dy;
      a->draw_t[e] = 0;
      if (a->raw_s) a->draw_s[e] = 0;
      continue;
    }
    const float t = a->raw_t[e];
    float s = 0, tangent = 0;
    if (a->raw_s) s = scale_of(a->raw_s[e], a->gain[e], &tangent);
    const float dx = dy * expf(s);
    if (a->raw_s) {
      const float ds = dy * y + a->dlogdet;
      a->draw_s[e] = ds * a->gain[e] * (1.0f - tangent * tangent);
      a->dgain[e] += ds * tangent;
    }
    a->x[e] = y * expf(-s) - t;
    a->dx[e] = dx;
    a->draw_t[e] = dx;
  }
}

// The logit transform (Dinh et al. 2017, section 4.1) with the margin written as flows_ood does: p = ((2y - 1) margin + 1) / 2,
// z = log p - log(1 - p), log|dz/dy| = softplus(z) + softplus(-z) + log(margin) = -log p - log(1 - p) + log(margin). In double.
#include "kernels/logit/logit.h"

#include <math.h>

double weir_k_logit_forward_ref(const float *y, float *z, size_t count, double margin) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const double p = ((2.0 * (double)y[i] - 1.0) * margin + 1.0) / 2.0;
    const double log_p = log(p), log_q = log(1.0 - p);
    z[i] = (float)(log_p - log_q);
    sum -= log_p + log_q;
  }
  return sum + (double)count * log(margin);
}

double weir_k_logit_inverse_ref(const float *z, float *y, size_t count, double margin) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const double a = fabs((double)z[i]), e = exp(-a);
    const double tanh_half = copysign((1.0 - e) / (1.0 + e), (double)z[i]);  // 2p - 1
    y[i] = (float)((tanh_half / margin + 1.0) / 2.0);
    sum -= a + 2.0 * log1p(e);
  }
  return sum - (double)count * log(margin);
}

void weir_k_logit_backward_ref(const float *z, const float *dz, float dlogdet, float *y, float *dy, size_t count, double margin) {
  for (size_t i = 0; i < count; ++i) {
    const double e = exp(-fabs((double)z[i]));
    const double tanh_half = copysign((1.0 - e) / (1.0 + e), (double)z[i]);
    const double slope = (1.0 + e) * (1.0 + e) / e;  // 1 / (p (1 - p))
    const double dlogit = (double)dz[i] + (double)dlogdet * tanh_half;
    y[i] = (float)((tanh_half / margin + 1.0) / 2.0);
    dy[i] = (float)(dlogit * margin * slope);
  }
}

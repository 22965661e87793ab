// Sums of batch normalisation (Ioffe and Szegedy, ICML 2015, section 3) over one block of channels, in f64: the deviation from a given
// mean is formed in f64, so that a large mean costs no digits of the variance.
#include "kernels/batchnorm/batchnorm.h"

void weir_k_batchnorm_moments_ref(const float *x, size_t rows, size_t stride, const float *mean, double *sum, double *square) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t l = 0; l < WEIR_BLOCK; ++l) {
      const double deviation = (double)x[r * stride + l] - (mean ? (double)mean[l] : 0.0);
      sum[l] += deviation;
      if (square) square[l] += deviation * deviation;
    }
  }
}

void weir_k_batchnorm_products_ref(const float *dy, const float *x, size_t rows, size_t stride, const float *mean, double *sum,
                                   double *product) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t l = 0; l < WEIR_BLOCK; ++l) {
      const double gradient = (double)dy[r * stride + l];
      sum[l] += gradient;
      product[l] += gradient * ((double)x[r * stride + l] - (double)mean[l]);
    }
  }
}

void weir_k_batchnorm_apply_ref(const float *du, const float *x, size_t rows, size_t stride, const float *mean, const float *a,
                                const float *b, const float *c, float *dx) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t l = 0; l < WEIR_BLOCK; ++l) {
      const size_t i = r * stride + l;
      dx[i] += a[l] * du[i] + b[l] * (x[i] - mean[l]) + c[l];
    }
  }
}

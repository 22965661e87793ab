// Batch norm's sums over one block of 16 channels. Rows are pixels or samples, `stride` floats apart. Sums are f64: [16] each.
#ifndef WEIR_KERNELS_BATCHNORM_H
#define WEIR_KERNELS_BATCHNORM_H

#include "kernels/block.h"

/// sum[l] += sum over rows of (x[r][l] - mean[l]);  square[l] += sum over rows of (x[r][l] - mean[l])^2.  mean [16], or NULL for zero;
/// square may be NULL.
typedef void weir_k_batchnorm_moments_fn(const float *x, size_t rows, size_t stride, const float *mean, double *sum,
                                         double *square);

/// sum[l] += sum over rows of dy[r][l];  product[l] += sum over rows of dy[r][l] * (x[r][l] - mean[l]).
typedef void weir_k_batchnorm_products_fn(const float *dy, const float *x, size_t rows, size_t stride, const float *mean,
                                          double *sum, double *product);

/// dx[r][l] += a[l] * du[r][l] + b[l] * (x[r][l] - mean[l]) + c[l];  a, b, c, mean [16].
typedef void weir_k_batchnorm_apply_fn(const float *du, const float *x, size_t rows, size_t stride, const float *mean,
                                       const float *a, const float *b, const float *c, float *dx);

#endif

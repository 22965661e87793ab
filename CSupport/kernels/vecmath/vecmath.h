// Elementary functions over arrays, and sums.
#ifndef WEIR_KERNELS_VECMATH_H
#define WEIR_KERNELS_VECMATH_H

#include <stddef.h>

/// y[i] = f(x[i]), y may be x. At most 2 ulp (tanh 4 ulp) from the exact value; NaN gives NaN; exp overflows to Inf and underflows to 0,
/// log(0) = -Inf, log(x < 0) = NaN, tanh saturates at exactly 1.
typedef void weir_k_vecmath_exp_fn(const float *x, float *y, size_t count);
typedef void weir_k_vecmath_log_fn(const float *x, float *y, size_t count);
typedef void weir_k_vecmath_tanh_fn(const float *x, float *y, size_t count);

/// Sum of x[i]^2, accumulated in f64.
typedef double weir_k_vecmath_sum_squares_fn(const float *x, size_t count);

#endif

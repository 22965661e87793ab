// The C library's functions, which are within the bounds of vecmath.h on every platform we know.
#include "kernels/vecmath/vecmath.h"

#include <math.h>

void weir_k_vecmath_exp_ref(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = expf(x[i]);
}

void weir_k_vecmath_log_ref(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = logf(x[i]);
}

void weir_k_vecmath_tanh_ref(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = tanhf(x[i]);
}

double weir_k_vecmath_sum_squares_ref(const float *x, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += (double)x[i] * (double)x[i];
  return sum;
}

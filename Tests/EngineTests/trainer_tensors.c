// Reading and moving single tensors of a trainer, and determinants to compare with.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

float *trainer_tensor(const weir_trainer *trainer, const char *name, size_t *count) {
  weir_tensor_info info;
  for (size_t i = 0; i < weir_trainer_tensor_count(trainer); i++) {
    weir_trainer_tensor_info(trainer, i, &info);
    if (strcmp(info.name, name) != 0) continue;
    float *values = malloc(info.count * sizeof *values);
    weir_trainer_tensor_read(trainer, i, WEIR_TENSOR_VALUE, values);
    if (count != NULL) *count = info.count;
    return values;
  }
  return NULL;
}

double moved_loss(weir_trainer *trainer, const weir_train_batch *batch, size_t index, const float *values, const float *direction,
                  size_t count, double step) {
  float *moved = malloc(count * sizeof *moved);
  for (size_t i = 0; i < count; i++) moved[i] = (float)(values[i] + step * direction[i]);
  double loss = NAN;
  weir_trainer_tensor_write(trainer, index, moved);
  weir_trainer_gradient_batch(trainer, batch, &loss, NULL);
  weir_trainer_tensor_write(trainer, index, values);
  free(moved);
  return loss;
}

double log_det(double *m, size_t c) {
  double sum = 0;
  for (size_t k = 0; k < c; k++) {
    size_t pivot = k;
    for (size_t r = k + 1; r < c; r++)
      if (fabs(m[r * c + k]) > fabs(m[pivot * c + k])) pivot = r;
    for (size_t j = 0; j < c; j++) {
      const double kept = m[k * c + j];
      m[k * c + j] = m[pivot * c + j];
      m[pivot * c + j] = kept;
    }
    sum += log(fabs(m[k * c + k]));
    for (size_t r = k + 1; r < c; r++) {
      const double factor = m[r * c + k] / m[k * c + k];
      for (size_t j = k; j < c; j++) m[r * c + j] -= factor * m[k * c + j];
    }
  }
  return sum;
}

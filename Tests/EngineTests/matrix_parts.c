// Matrices of random models that can't be any numbers: rotations, and factorisations, by the textbook and not by what is tested.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

// Gram-Schmidt, each row twice.
static void make_rotation(float *weight, size_t d) {
  double *row = malloc(d * sizeof *row);
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++) row[j] = weight[i * d + j];
    for (size_t k = 0; k < 2 * i; k++) {
      const float *earlier = weight + k % i * d;
      double along = 0;
      for (size_t j = 0; j < d; j++) along += row[j] * earlier[j];
      for (size_t j = 0; j < d; j++) row[j] -= along * earlier[j];
    }
    double square = 0;
    for (size_t j = 0; j < d; j++) square += row[j] * row[j];
    for (size_t j = 0; j < d; j++) weight[i * d + j] = (float)(row[j] / sqrt(square));
  }
  free(row);
}

// A rotation and some of the random matrix, which by itself may lose most digits when it is inverted.
static void make_invertible(float *weight, size_t c) {
  float *random = malloc(c * c * sizeof *random);
  memcpy(random, weight, c * c * sizeof *random);
  make_rotation(weight, c);
  for (size_t e = 0; e < c * c; e++) weight[e] += 0.3f * random[c * c - 1 - e];
  free(random);
}

// Elimination with pivots from the same column, in double.
static void factorise(const float *weight, float *lu, float *pivots, size_t c) {
  double *m = malloc(c * c * sizeof *m);
  for (size_t e = 0; e < c * c; e++) m[e] = weight[e];
  for (size_t k = 0; k < c; k++) {
    size_t pivot = k;
    for (size_t r = k + 1; r < c; r++)
      if (fabs(m[r * c + k]) > fabs(m[pivot * c + k])) pivot = r;
    pivots[k] = (float)pivot;
    for (size_t j = 0; j < c; j++) {
      const double kept = m[k * c + j];
      m[k * c + j] = m[pivot * c + j];
      m[pivot * c + j] = kept;
    }
    for (size_t r = k + 1; r < c; r++) {
      m[r * c + k] /= m[k * c + k];
      for (size_t j = k + 1; j < c; j++) m[r * c + j] -= m[r * c + k] * m[k * c + j];
    }
  }
  for (size_t e = 0; e < c * c; e++) lu[e] = (float)m[e];
  free(m);
}

void parts_mend(const model_parts *parts) {
  for (size_t i = 0; i < parts->count; i++) {
    part *weight = &parts->items[i];
    int length = 0;
    for (const char *dot = strchr(weight->name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) length = (int)(dot - weight->name);
    // Of the steps themselves, only these two have a square matrix.
    if (strcmp(weight->name + length, ".weight") != 0 || strstr(weight->name, ".net.") != NULL || weight->rank != 2) continue;
    const part *lu = parts_find(parts, text_of("%.*s.lu", length, weight->name));
    if (lu == NULL) {
      make_rotation(weight->data, weight->shape[0]);
    } else {
      make_invertible(weight->data, weight->shape[0]);
      factorise(weight->data, lu->data, parts_find(parts, text_of("%.*s.pivots", length, weight->name))->data, weight->shape[0]);
    }
  }
}

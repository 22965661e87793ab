// Fresh weights, as PyTorch's layers start: uniform by fan-in; weight norm's gains are the norms of the directions.
#include <math.h>

#include "base/random.h"
#include "train/trainer.h"

static void row_norms(const weir_parameter *directions, const float *from, float *to) {
  const size_t rows = directions->shape[0], k = directions->count / rows;
  for (size_t o = 0; o < rows; o++) {
    double sum = 0;
    for (size_t j = 0; j < k; j++) sum += (double)from[o * k + j] * from[o * k + j];
    to[o] = (float)sqrt(sum);
  }
}

// Takes the parts of row along q[0..count), each of them of length 1 and `width` long.
static void take_parts(const float *q, size_t count, double *row, size_t width) {
  for (size_t k = 0; k < count; k++, q += width) {
    double along = 0;
    for (size_t j = 0; j < width; j++) along += row[j] * q[j];
    for (size_t j = 0; j < width; j++) row[j] -= along * q[j];
  }
}

// Gram-Schmidt over the rows of a normal matrix: the Q of its QR factorisation, uniform over all orthogonal matrices (Mezzadri 2007). Rows
// are taken apart twice, because the first time leaves rounding errors as large as what it took is to what is left.
static void make_orthogonal(float *values, size_t c) {
  double row[WEIR_I_MAX_ORTHOGONAL];
  for (size_t i = 0; i < c; i++) {
    float *to = values + i * c;
    double square = 0;
    for (size_t j = 0; j < c; j++) row[j] = to[j];
    take_parts(values, i, row, c);
    take_parts(values, i, row, c);
    for (size_t j = 0; j < c; j++) square += row[j] * row[j];
    for (size_t j = 0; j < c; j++) to[j] = (float)(row[j] / sqrt(square));
  }
}

void weir_i_trainer_initialise(weir_trainer *trainer) {
  const weir_parameters *parameters = &trainer->flow.parameters;
  for (size_t i = 0; i < parameters->count; i++) {
    const weir_parameter *parameter = &parameters->items[i];
    float *values = trainer->values + parameter->offset;
    switch (parameter->initial) {
      case WEIR_INITIAL_UNIFORM:
        weir_i_random_uniform(trainer->options.seed, WEIR_I_STREAM_INIT, i, values, parameter->count);
        for (size_t e = 0; e < parameter->count; e++) values[e] = parameter->bound * (2 * values[e] - 1);
        break;
      case WEIR_INITIAL_NORMAL:
        weir_i_random_normal(trainer->options.seed, WEIR_I_STREAM_INIT, i, values, parameter->count);
        for (size_t e = 0; e < parameter->count; e++) values[e] *= parameter->bound;
        break;
      case WEIR_INITIAL_ORTHOGONAL:
        weir_i_random_normal(trainer->options.seed, WEIR_I_STREAM_INIT, i, values, parameter->count);
        make_orthogonal(values, parameter->shape[0]);
        break;
      case WEIR_INITIAL_IDENTITY:
        for (size_t e = 0; e < parameter->count; e++) values[e] = e % (parameter->shape[0] + 1) == 0 ? 1.0f : 0.0f;
        break;
      case WEIR_INITIAL_CONSTANT:
        for (size_t e = 0; e < parameter->count; e++) values[e] = parameter->bound;
        break;
      case WEIR_INITIAL_NORM: row_norms(parameter - 1, trainer->values + parameter[-1].offset, values); break;
      case WEIR_INITIAL_ZERO:
      case WEIR_INITIAL_ONE:
        for (size_t e = 0; e < parameter->count; e++) values[e] = parameter->initial == WEIR_INITIAL_ONE ? 1.0f : 0.0f;
        break;
    }
  }
}

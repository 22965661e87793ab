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
      case WEIR_INITIAL_NORM: row_norms(parameter - 1, trainer->values + parameter[-1].offset, values); break;
      case WEIR_INITIAL_ZERO:
      case WEIR_INITIAL_ONE:
        for (size_t e = 0; e < parameter->count; e++) values[e] = parameter->initial == WEIR_INITIAL_ONE ? 1.0f : 0.0f;
        break;
    }
  }
}

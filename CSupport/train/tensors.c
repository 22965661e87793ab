// Reading and writing a trainer's tensors.
#include <string.h>

#include "train/trainer.h"

size_t weir_trainer_tensor_count(const weir_trainer *trainer) { return trainer == NULL ? 0 : trainer->flow.parameters.count; }

weir_status weir_trainer_tensor_info(const weir_trainer *trainer, size_t index, weir_tensor_info *info) {
  if (trainer == NULL || info == NULL || index >= trainer->flow.parameters.count) return WEIR_ERROR_ARGUMENT;
  const weir_parameter *parameter = &trainer->flow.parameters.items[index];
  *info = (weir_tensor_info){.struct_size = sizeof *info,
                             .name = parameter->name,
                             .rank = parameter->rank,
                             .count = parameter->count,
                             .trainable = parameter->trainable};
  memcpy(info->shape, parameter->shape, parameter->rank * sizeof info->shape[0]);
  return WEIR_OK;
}

weir_status weir_trainer_tensor_read(const weir_trainer *trainer, size_t index, int32_t what, float *values) {
  if (trainer == NULL || values == NULL || index >= trainer->flow.parameters.count) return WEIR_ERROR_ARGUMENT;
  if (what != WEIR_TENSOR_VALUE && what != WEIR_TENSOR_GRADIENT) return WEIR_ERROR_ARGUMENT;
  const weir_parameter *parameter = &trainer->flow.parameters.items[index];
  const float *from = what == WEIR_TENSOR_VALUE ? trainer->values : trainer->gradients;
  memcpy(values, from + parameter->offset, parameter->count * sizeof *values);
  return WEIR_OK;
}

// Sets a tensor in a vector of all of them, and what follows from it.
static void set_tensor(weir_trainer *trainer, float *all, size_t index, const float *values) {
  const weir_parameter *parameter = &trainer->flow.parameters.items[index];
  const weir_step *step = weir_i_flow_step_of(&trainer->flow, index);
  memcpy(all + parameter->offset, values, parameter->count * sizeof *values);
  if (step == NULL || step->type->refresh == NULL) return;
  weir_flow_run run = weir_i_trainer_run(trainer, trainer->options.batch, WEIR_STATISTICS_NONE);
  run.layers.values = all;
  step->type->refresh(step, &run);
}

weir_status weir_trainer_tensor_write(weir_trainer *trainer, size_t index, const float *values) {
  if (trainer == NULL || values == NULL || index >= trainer->flow.parameters.count || trainer->exchanged)
    return WEIR_ERROR_ARGUMENT;
  const weir_parameter *parameter = &trainer->flow.parameters.items[index];
  const weir_step *step = weir_i_flow_step_of(&trainer->flow, index);
  size_t bad;
  if (!weir_i_parameter_valid(parameter, values, &bad)) return WEIR_ERROR_TENSOR;
  float *before = trainer->gradients + parameter->offset;  // nobody's until the next gradient
  memcpy(before, trainer->values + parameter->offset, parameter->count * sizeof *before);
  set_tensor(trainer, trainer->values, index, values);
  if (step != NULL && step->type->check != NULL &&
      step->type->check(step, &trainer->flow.parameters, trainer->values, NULL) != WEIR_OK) {
    set_tensor(trainer, trainer->values, index, before);
    return WEIR_ERROR_TENSOR;
  }
  set_tensor(trainer, trainer->guard.values, index, values);
  return WEIR_OK;
}

// Writing models and checkpoints.
#include <string.h>

#include "train/checkpoint.h"

size_t weir_i_optimizer_vectors(const weir_trainer *trainer, uint64_t averaged,
                                weir_optimizer_vector vectors[WEIR_OPTIMIZER_VECTORS]) {
  const bool means = trainer->options.optimizer != WEIR_OPTIMIZER_RMSPROP,
             average = trainer->options.average_decay > 0 && averaged > 0;
  const struct {
    bool used;
    weir_optimizer_vector vector;
  } all[WEIR_OPTIMIZER_VECTORS] = {
      {means, {WEIR_OPTIMIZER_PREFIX "m", trainer->m, false}},
      {true, {WEIR_OPTIMIZER_PREFIX "v", trainer->v, true}},
      {true, {WEIR_KEPT_VALUES_NAME, trainer->guard.values, false}},
      {means, {WEIR_OPTIMIZER_PREFIX "kept_m", trainer->guard.m, false}},
      {true, {WEIR_OPTIMIZER_PREFIX "kept_v", trainer->guard.v, true}},
      {average, {WEIR_OPTIMIZER_PREFIX "average", trainer->average, false}},
      {average, {WEIR_OPTIMIZER_PREFIX "kept_average", trainer->guard.average, false}},
  };
  size_t count = 0;
  for (size_t i = 0; i < WEIR_OPTIMIZER_VECTORS; i++)
    if (all[i].used) vectors[count++] = all[i].vector;
  return count;
}

static weir_tensor_out parameter_out(const weir_trainer *trainer, size_t index) {
  const weir_parameter *parameter = &trainer->flow.parameters.items[index];
  weir_tensor_out tensor = {
      .name = parameter->name, .dtype = WEIR_DTYPE_F32, .rank = parameter->rank, .data = trainer->values + parameter->offset};
  memcpy(tensor.shape, parameter->shape, parameter->rank * sizeof tensor.shape[0]);
  return tensor;
}

static int64_t bits_of(double value) {
  int64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static void count_all(const weir_trainer *trainer, int64_t counters[WEIR_COUNTERS]) {
  const weir_guard *guard = &trainer->guard;
  counters[WEIR_COUNTER_STEPS] = (int64_t)trainer->steps;
  counters[WEIR_COUNTER_AVERAGED] = trainer->average == NULL ? 0 : (int64_t)trainer->averaged;
  counters[WEIR_COUNTER_KEPT_AVERAGED] = trainer->average == NULL ? 0 : (int64_t)guard->averaged;
  counters[WEIR_COUNTER_OPTIMIZER] = trainer->options.optimizer;
  counters[WEIR_COUNTER_STARTED] = trainer->started;
  counters[WEIR_COUNTER_AT_GOOD_STATE] = guard->at_good_state;
  counters[WEIR_COUNTER_SKIPPED_IN_A_ROW] = (int64_t)guard->skipped_in_a_row;
  counters[WEIR_COUNTER_LOW_STEPS] = (int64_t)guard->low_steps;
  counters[WEIR_COUNTER_HIGH_STEPS] = (int64_t)guard->high_steps;
  counters[WEIR_COUNTER_LOW_SUM] = bits_of(guard->low_sum);
  counters[WEIR_COUNTER_LEVEL] = bits_of(guard->level);
  counters[WEIR_COUNTER_RATE_FACTOR] = bits_of(guard->rate_factor);
  counters[WEIR_COUNTER_RATE_CEILING] = bits_of(guard->rate_ceiling);
}

static weir_status write_file(const weir_trainer *trainer, const char *path, const char *spec, const char *host_state,
                              bool optimizer, weir_error *error) {
  const size_t parameters = trainer->flow.parameters.count, most = parameters + WEIR_OPTIMIZER_VECTORS + 1;
  const size_t bytes = most * sizeof(weir_tensor_out);
  weir_tensor_out *tensors = weir_i_allocate(&trainer->allocator, bytes);
  if (tensors == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory to list %zu tensors", most);
  size_t count = 0;
  while (count < parameters) tensors[count] = parameter_out(trainer, count), count++;
  int64_t counters[WEIR_COUNTERS];
  count_all(trainer, counters);
  if (optimizer) {
    weir_optimizer_vector vectors[WEIR_OPTIMIZER_VECTORS];
    const size_t vector_count = weir_i_optimizer_vectors(trainer, trainer->averaged, vectors);
    for (size_t i = 0; i < vector_count; i++)
      tensors[count++] =
          (weir_tensor_out){vectors[i].name, WEIR_DTYPE_F32, 1, {trainer->flow.parameters.values}, vectors[i].values};
    tensors[count++] = (weir_tensor_out){WEIR_COUNTERS_NAME, WEIR_DTYPE_I64, 1, {WEIR_COUNTERS}, counters};
  }
  const char *keys[] = {WEIR_SPEC_KEY, WEIR_HOST_STATE_KEY}, *texts[] = {spec, host_state};
  const weir_status status =
      weir_i_safetensors_write(path, tensors, count, keys, texts, host_state == NULL ? 1 : 2, &trainer->allocator, error);
  weir_i_release(&trainer->allocator, tensors, bytes);
  return status;
}

weir_status weir_trainer_save_checkpoint(const weir_trainer *trainer, const char *path, const char *host_state, weir_error *error) {
  if (trainer == NULL || path == NULL)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer_save_checkpoint", "trainer and path must not be NULL");
  if (trainer->exchanged)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer_save_checkpoint",
                       "the weights are exchanged with their average; call weir_trainer_swap_average first");
  return write_file(trainer, path, trainer->flow.spec, host_state == NULL ? "" : host_state, true, error);
}

weir_status weir_trainer_save_model(const weir_trainer *trainer, const char *path, const char *provenance_json, weir_error *error) {
  if (trainer == NULL || path == NULL)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer_save_model", "trainer and path must not be NULL");
  if (provenance_json == NULL) return write_file(trainer, path, trainer->flow.spec, NULL, false, error);
  char *spec = NULL;
  size_t bytes = 0;
  weir_status status = weir_i_spec_with_provenance(trainer->flow.spec, provenance_json, &trainer->allocator, &spec, &bytes, error);
  if (status != WEIR_OK) return status;
  status = write_file(trainer, path, spec, NULL, false, error);
  weir_i_release(&trainer->allocator, spec, bytes);
  return status;
}

// Writing models and checkpoints, and opening either to train on.
#include <string.h>

#include "file/model_values.h"
#include "train/trainer.h"

#define HOST_STATE_KEY "weir_host_state"

// Steps done, the bits of the guard's rate factor, steps that it skipped in a row.
enum { COUNTERS = 3, OPTIMIZER_TENSORS = 3 };

static weir_tensor_out parameter_out(const weir_trainer *trainer, size_t index) {
  const weir_parameter *parameter = &trainer->flow.parameters.items[index];
  weir_tensor_out tensor = {
      .name = parameter->name, .dtype = WEIR_DTYPE_F32, .rank = parameter->rank, .data = trainer->values + parameter->offset};
  memcpy(tensor.shape, parameter->shape, parameter->rank * sizeof tensor.shape[0]);
  return tensor;
}

static weir_status write_file(const weir_trainer *trainer, const char *path, const char *spec, const char *host_state,
                              bool optimizer, weir_error *error) {
  const size_t parameters = trainer->flow.parameters.count, count = parameters + (optimizer ? OPTIMIZER_TENSORS : 0);
  const size_t bytes = count * sizeof(weir_tensor_out);
  weir_tensor_out *tensors = weir_i_allocate(&trainer->allocator, bytes);
  if (tensors == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory to list %zu tensors", count);
  for (size_t i = 0; i < parameters; i++) tensors[i] = parameter_out(trainer, i);
  int64_t counters[COUNTERS] = {(int64_t)trainer->steps, 0, (int64_t)trainer->guard.skipped_in_a_row};
  memcpy(&counters[1], &trainer->guard.rate_factor, sizeof counters[1]);
  if (optimizer) {
    const size_t values = trainer->flow.parameters.values;
    tensors[parameters] = (weir_tensor_out){WEIR_OPTIMIZER_PREFIX "m", WEIR_DTYPE_F32, 1, {values}, trainer->m};
    tensors[parameters + 1] = (weir_tensor_out){WEIR_OPTIMIZER_PREFIX "v", WEIR_DTYPE_F32, 1, {values}, trainer->v};
    tensors[parameters + 2] = (weir_tensor_out){WEIR_OPTIMIZER_PREFIX "counters", WEIR_DTYPE_I64, 1, {COUNTERS}, counters};
  }
  const char *keys[] = {WEIR_SPEC_KEY, HOST_STATE_KEY}, *texts[] = {spec, host_state};
  const weir_status status =
      weir_i_safetensors_write(path, tensors, count, keys, texts, host_state == NULL ? 1 : 2, &trainer->allocator, error);
  weir_i_release(&trainer->allocator, tensors, bytes);
  return status;
}

weir_status weir_trainer_save_checkpoint(weir_trainer *trainer, const char *path, const char *host_state, weir_error *error) {
  if (trainer == NULL || path == NULL)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer_save_checkpoint", "trainer and path must not be NULL");
  const weir_status status = write_file(trainer, path, trainer->flow.spec, host_state == NULL ? "" : host_state, true, error);
  // A run that resumes here falls back to this state at worst, so this one does too.
  if (status == WEIR_OK && trainer->guard.skipped_in_a_row == 0) weir_i_guard_keep(trainer);
  return status;
}

static weir_status read_moments(weir_trainer *trainer, const weir_safetensors *file, const char *name, float *values,
                                weir_error *error) {
  weir_tensor_view view;
  if (!weir_i_safetensors_find(file, name, &view) || view.count != trainer->flow.parameters.values || view.dtype != WEIR_DTYPE_F32)
    return weir_i_fail(error, WEIR_ERROR_TENSOR, name,
                       "a checkpoint needs %zu F32 numbers here; start again from the model without --resume",
                       trainer->flow.parameters.values);
  return weir_i_safetensors_read_f32(&view, name, values, error);
}

static bool has_optimizer(const weir_safetensors *file) {
  char name[sizeof WEIR_OPTIMIZER_PREFIX];
  weir_tensor_view view;
  for (size_t i = 0; weir_i_safetensors_at(file, i, name, sizeof name, &view); i++)
    if (strcmp(name, WEIR_OPTIMIZER_PREFIX) == 0) return true;
  return false;
}

// A model file has no optimizer: training then starts afresh from its weights.
static weir_status read_optimizer(weir_trainer *trainer, const weir_safetensors *file, weir_error *error) {
  weir_tensor_view view;
  if (!has_optimizer(file)) return WEIR_OK;
  if (!weir_i_safetensors_find(file, WEIR_OPTIMIZER_PREFIX "counters", &view))
    return weir_i_fail(error, WEIR_ERROR_TENSOR, WEIR_OPTIMIZER_PREFIX "counters",
                       "the checkpoint has no such tensor; use an earlier checkpoint");
  weir_status status = read_moments(trainer, file, WEIR_OPTIMIZER_PREFIX "m", trainer->m, error);
  if (status == WEIR_OK) status = read_moments(trainer, file, WEIR_OPTIMIZER_PREFIX "v", trainer->v, error);
  if (status != WEIR_OK) return status;
  int64_t counters[COUNTERS] = {-1};
  double factor = 0;
  if (view.dtype == WEIR_DTYPE_I64 && view.count == COUNTERS) {
    memcpy(counters, view.data, sizeof counters);
    memcpy(&factor, &counters[1], sizeof factor);
  }
  if (!(factor > 0 && factor <= 1) || counters[0] < 0 || counters[2] < 0)
    return weir_i_fail(error, WEIR_ERROR_TENSOR, WEIR_OPTIMIZER_PREFIX "counters",
                       "the checkpoint's counters make no sense; use an earlier checkpoint");
  trainer->steps = (uint64_t)counters[0];
  trainer->guard.rate_factor = factor;
  trainer->guard.skipped_in_a_row = (size_t)counters[2];
  char *text;
  size_t bytes;
  status = weir_i_safetensors_metadata(file, HOST_STATE_KEY, &trainer->allocator, &text, &bytes, error);
  if (status != WEIR_OK || text == NULL) return status;
  trainer->host_state = weir_i_pool_text(&trainer->flow.pool, text, strlen(text));
  weir_i_release(&trainer->allocator, text, bytes);
  return trainer->host_state == NULL ? weir_i_fail(error, WEIR_ERROR_MEMORY, "", "no memory for the checkpoint's host state")
                                     : WEIR_OK;
}

static weir_status open_file(const weir_safetensors *file, const weir_train_options *options, const weir_allocator *allocator,
                             weir_trainer **trainer, weir_error *error) {
  char *spec = NULL;
  size_t bytes = 0;
  weir_status status = weir_i_file_spec(file, allocator, &spec, &bytes, error);
  if (status != WEIR_OK) return status;
  weir_trainer *made = NULL;
  status = weir_i_trainer_make(spec, strlen(spec), options, &made, error);
  weir_i_release(allocator, spec, bytes);
  if (status != WEIR_OK) return status;
  status = weir_i_file_values(file, &made->flow, made->values, error);
  if (status == WEIR_OK) status = read_optimizer(made, file, error);
  if (status != WEIR_OK) {
    weir_trainer_close(made);
    return status;
  }
  weir_i_guard_keep(made);
  *trainer = made;
  return WEIR_OK;
}

weir_status weir_trainer_open(const char *path, const weir_train_options *options, weir_trainer **trainer, weir_error *error) {
  if (trainer == NULL || path == NULL || options == NULL)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer_open", "path, options and trainer must not be NULL");
  *trainer = NULL;
  weir_allocator allocator;
  if (weir_i_allocator(options->allocator, &allocator) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_train_options", "the allocator needs both functions");
  void *bytes = NULL;
  size_t size = 0;
  weir_status status = weir_i_file_read(path, WEIR_I_MAX_FILE, &allocator, &bytes, &size, error);
  if (status != WEIR_OK) return status;
  weir_safetensors file;
  status = weir_i_safetensors_open(bytes, size, &allocator, &file, error);
  if (status == WEIR_OK) {
    status = open_file(&file, options, &allocator, trainer, error);
    weir_i_safetensors_close(&file);
  }
  weir_i_release(&allocator, bytes, size);
  return status;
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

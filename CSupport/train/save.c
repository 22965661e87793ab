// Writing models and checkpoints, and opening either to train on.
#include <string.h>

#include "file/model_values.h"
#include "train/trainer.h"

#define HOST_STATE_KEY "weir_host_state"

// Steps done, the bits of the guard's rate factor, steps that it skipped in a row, good steps since it kept a state.
enum { COUNTERS = 4, VECTORS = 5, OPTIMIZER_TENSORS = VECTORS + 1 };

// The vectors of a checkpoint, beside the flow's own values.
typedef struct optimizer_vector {
  const char *name;
  float *values;
  bool not_negative;
} optimizer_vector;

static void optimizer_vectors(const weir_trainer *trainer, optimizer_vector vectors[VECTORS]) {
  vectors[0] = (optimizer_vector){WEIR_OPTIMIZER_PREFIX "m", trainer->m, false};
  vectors[1] = (optimizer_vector){WEIR_OPTIMIZER_PREFIX "v", trainer->v, true};
  vectors[2] = (optimizer_vector){WEIR_OPTIMIZER_PREFIX "kept_values", trainer->guard.values, false};
  vectors[3] = (optimizer_vector){WEIR_OPTIMIZER_PREFIX "kept_m", trainer->guard.m, false};
  vectors[4] = (optimizer_vector){WEIR_OPTIMIZER_PREFIX "kept_v", trainer->guard.v, true};
}

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
  int64_t counters[COUNTERS] = {(int64_t)trainer->steps, 0, (int64_t)trainer->guard.skipped_in_a_row,
                                (int64_t)trainer->guard.good_steps};
  memcpy(&counters[1], &trainer->guard.rate_factor, sizeof counters[1]);
  if (optimizer) {
    const size_t values = trainer->flow.parameters.values;
    optimizer_vector vectors[VECTORS];
    optimizer_vectors(trainer, vectors);
    for (size_t i = 0; i < VECTORS; i++)
      tensors[parameters + i] = (weir_tensor_out){vectors[i].name, WEIR_DTYPE_F32, 1, {values}, vectors[i].values};
    tensors[parameters + VECTORS] = (weir_tensor_out){WEIR_OPTIMIZER_PREFIX "counters", WEIR_DTYPE_I64, 1, {COUNTERS}, counters};
  }
  const char *keys[] = {WEIR_SPEC_KEY, HOST_STATE_KEY}, *texts[] = {spec, host_state};
  const weir_status status =
      weir_i_safetensors_write(path, tensors, count, keys, texts, host_state == NULL ? 1 : 2, &trainer->allocator, error);
  weir_i_release(&trainer->allocator, tensors, bytes);
  return status;
}

weir_status weir_trainer_save_checkpoint(const weir_trainer *trainer, const char *path, const char *host_state, weir_error *error) {
  if (trainer == NULL || path == NULL)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer_save_checkpoint", "trainer and path must not be NULL");
  return write_file(trainer, path, trainer->flow.spec, host_state == NULL ? "" : host_state, true, error);
}

static weir_status read_vector(const weir_trainer *trainer, const weir_safetensors *file, optimizer_vector vector,
                               weir_error *error) {
  weir_tensor_view view;
  const size_t count = trainer->flow.parameters.values;
  if (!weir_i_safetensors_find(file, vector.name, &view) || view.count != count || view.dtype != WEIR_DTYPE_F32)
    return weir_i_fail(error, WEIR_ERROR_TENSOR, vector.name, "a checkpoint needs %zu F32 numbers here; use an earlier checkpoint",
                       count);
  const weir_status status = weir_i_safetensors_read_f32(&view, vector.name, vector.values, error);
  for (size_t i = 0; status == WEIR_OK && vector.not_negative && i < count; i++)
    if (vector.values[i] < 0)
      return weir_i_fail(error, WEIR_ERROR_TENSOR, vector.name,
                         "number %zu, a mean of squares, is negative; use an earlier checkpoint", i);
  return status;
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
  optimizer_vector vectors[VECTORS];
  optimizer_vectors(trainer, vectors);
  weir_status status = WEIR_OK;
  for (size_t i = 0; i < VECTORS && status == WEIR_OK; i++) status = read_vector(trainer, file, vectors[i], error);
  if (status != WEIR_OK) return status;
  int64_t counters[COUNTERS] = {-1};
  double factor = 0;
  if (view.dtype == WEIR_DTYPE_I64 && view.count == COUNTERS) {
    memcpy(counters, view.data, sizeof counters);
    memcpy(&factor, &counters[1], sizeof factor);
  }
  if (!(factor > 0 && factor <= 1) || counters[0] < 0 || counters[2] < 0 || counters[3] < 0)
    return weir_i_fail(error, WEIR_ERROR_TENSOR, WEIR_OPTIMIZER_PREFIX "counters",
                       "the checkpoint's counters make no sense; use an earlier checkpoint");
  trainer->steps = (uint64_t)counters[0];
  trainer->guard.rate_factor = factor;
  trainer->guard.skipped_in_a_row = (size_t)counters[2];
  trainer->guard.good_steps = (uint64_t)counters[3];
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
  status = weir_i_file_check(file, &made->flow, error);
  if (status == WEIR_OK) status = weir_i_file_values(file, &made->flow, made->values, error);
  if (status == WEIR_OK) weir_i_guard_keep(made);
  if (status == WEIR_OK) status = read_optimizer(made, file, error);
  if (status != WEIR_OK) {
    weir_trainer_close(made);
    return status;
  }
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

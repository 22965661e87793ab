// Opening a model or a checkpoint to train on.
#include <math.h>
#include <string.h>

#include "file/file_io.h"
#include "train/checkpoint.h"

static const char *const optimizer_names[] = {
    [WEIR_OPTIMIZER_ADAM] = "Adam", [WEIR_OPTIMIZER_ADAMW] = "AdamW", [WEIR_OPTIMIZER_RMSPROP] = "RMSprop"};

enum { OPTIMIZERS = sizeof optimizer_names / sizeof optimizer_names[0] };

static bool is_checkpoint(const weir_safetensors *file) {
  char name[sizeof WEIR_OPTIMIZER_PREFIX];
  weir_tensor_view view;
  for (size_t i = 0; weir_i_safetensors_at(file, i, name, sizeof name, &view); i++)
    if (strcmp(name, WEIR_OPTIMIZER_PREFIX) == 0) return true;
  return false;
}

static double double_of(int64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static bool sensible(const int64_t counters[WEIR_COUNTERS]) {
  for (size_t i = 0; i < WEIR_COUNTER_LOW_SUM; i++)
    if (counters[i] < 0) return false;
  const double factor = double_of(counters[WEIR_COUNTER_RATE_FACTOR]), ceiling = double_of(counters[WEIR_COUNTER_RATE_CEILING]);
  return counters[WEIR_COUNTER_OPTIMIZER] < OPTIMIZERS && counters[WEIR_COUNTER_STARTED] <= 1 &&
         counters[WEIR_COUNTER_KEPT_AVERAGED] <= counters[WEIR_COUNTER_AVERAGED] && counters[WEIR_COUNTER_AT_GOOD_STATE] <= 1 &&
         isfinite(double_of(counters[WEIR_COUNTER_LOW_SUM])) && double_of(counters[WEIR_COUNTER_LEVEL]) < INFINITY && factor > 0 &&
         factor <= ceiling && ceiling <= 1;
}

static weir_status read_counters(weir_trainer *trainer, const weir_safetensors *file, weir_error *error) {
  weir_tensor_view view;
  int64_t counters[WEIR_COUNTERS] = {-1};
  if (!weir_i_safetensors_find(file, WEIR_COUNTERS_NAME, &view))
    return weir_i_fail(error, WEIR_ERROR_TENSOR, WEIR_COUNTERS_NAME,
                       "the checkpoint has no such tensor; use an earlier checkpoint");
  if (view.dtype == WEIR_DTYPE_I64 && view.count == WEIR_COUNTERS) memcpy(counters, view.data, view.bytes);
  if (!sensible(counters))
    return weir_i_fail(
        error, WEIR_ERROR_TENSOR, WEIR_COUNTERS_NAME,
        "the checkpoint's counters make no sense to this version; use another checkpoint, or start from the run's model");
  if (counters[WEIR_COUNTER_OPTIMIZER] != trainer->options.optimizer)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, WEIR_COUNTERS_NAME,
                       "the checkpoint is of a run by %s, not %s; go on with that optimizer, or start anew from the run's model",
                       optimizer_names[counters[WEIR_COUNTER_OPTIMIZER]], optimizer_names[trainer->options.optimizer]);
  trainer->steps = (uint64_t)counters[WEIR_COUNTER_STEPS];
  trainer->averaged = trainer->options.average_decay > 0 ? (uint64_t)counters[WEIR_COUNTER_AVERAGED] : 0;
  trainer->started = counters[WEIR_COUNTER_STARTED] != 0;
  weir_guard *guard = &trainer->guard;
  guard->averaged = trainer->averaged > 0 ? (uint64_t)counters[WEIR_COUNTER_KEPT_AVERAGED] : 0;
  guard->at_good_state = counters[WEIR_COUNTER_AT_GOOD_STATE] != 0;
  guard->skipped_in_a_row = (uint64_t)counters[WEIR_COUNTER_SKIPPED_IN_A_ROW];
  guard->low_steps = (uint64_t)counters[WEIR_COUNTER_LOW_STEPS];
  guard->high_steps = (uint64_t)counters[WEIR_COUNTER_HIGH_STEPS];
  guard->low_sum = double_of(counters[WEIR_COUNTER_LOW_SUM]);
  guard->level = double_of(counters[WEIR_COUNTER_LEVEL]);
  guard->rate_factor = double_of(counters[WEIR_COUNTER_RATE_FACTOR]);
  guard->rate_ceiling = double_of(counters[WEIR_COUNTER_RATE_CEILING]);
  return WEIR_OK;
}

// The file's own bytes bound what is allocated: memory is taken only when every tensor is there and of its size.
static weir_status check_optimizer(weir_trainer *trainer, const weir_safetensors *file, weir_error *error) {
  const weir_status status = read_counters(trainer, file, error);
  if (status != WEIR_OK) return status;
  weir_optimizer_vector vectors[WEIR_OPTIMIZER_VECTORS];
  const size_t vector_count = weir_i_optimizer_vectors(trainer, trainer->averaged, vectors);
  const size_t count = trainer->flow.parameters.values;
  for (size_t i = 0; i < vector_count; i++) {
    weir_tensor_view view;
    if (!weir_i_safetensors_find(file, vectors[i].name, &view) || view.count != count || view.dtype != WEIR_DTYPE_F32)
      return weir_i_fail(error, WEIR_ERROR_TENSOR, vectors[i].name,
                         "a checkpoint needs %zu F32 numbers here; use an earlier checkpoint", count);
  }
  return WEIR_OK;
}

static weir_status read_vector(const weir_trainer *trainer, const weir_safetensors *file, weir_optimizer_vector vector,
                               weir_error *error) {
  weir_tensor_view view;
  weir_i_safetensors_find(file, vector.name, &view);
  const weir_status status = weir_i_safetensors_read_f32(&view, vector.name, vector.values, error);
  for (size_t i = 0; status == WEIR_OK && vector.not_negative && i < trainer->flow.parameters.values; i++)
    if (vector.values[i] < 0)
      return weir_i_fail(error, WEIR_ERROR_TENSOR, vector.name,
                         "number %zu, a mean of squares, is negative; use an earlier checkpoint", i);
  return status;
}

static weir_status read_host_state(weir_trainer *trainer, const weir_safetensors *file, weir_error *error) {
  char *text = NULL;
  size_t bytes = 0;
  const weir_status status = weir_i_safetensors_metadata(file, WEIR_HOST_STATE_KEY, &trainer->allocator, &text, &bytes, error);
  if (status != WEIR_OK || text == NULL) return status;
  trainer->host_state = weir_i_pool_text(&trainer->flow.pool, text, strlen(text));
  weir_i_release(&trainer->allocator, text, bytes);
  return trainer->host_state == NULL ? weir_i_fail(error, WEIR_ERROR_MEMORY, "", "no memory for the checkpoint's host state")
                                     : WEIR_OK;
}

// The last good state may become the weights, so it is held to what they are: factors whose pivots lead anywhere must not be inverted.
static weir_status check_kept(const weir_trainer *trainer, weir_error *error) {
  const weir_parameters *parameters = &trainer->flow.parameters;
  const float *values = trainer->guard.values;
  bool valid = weir_i_flow_check(&trainer->flow, values, NULL) == WEIR_OK;
  size_t bad;
  for (size_t i = 0; i < parameters->count && valid; i++)
    valid = weir_i_parameter_valid(&parameters->items[i], values + parameters->items[i].offset, &bad);
  return valid ? WEIR_OK
               : weir_i_fail(error, WEIR_ERROR_TENSOR, WEIR_KEPT_VALUES_NAME,
                             "the last good state's numbers are no weights of this flow; use an earlier checkpoint");
}

static weir_status read_optimizer(weir_trainer *trainer, const weir_safetensors *file, weir_error *error) {
  weir_optimizer_vector vectors[WEIR_OPTIMIZER_VECTORS];
  const size_t vector_count = weir_i_optimizer_vectors(trainer, trainer->averaged, vectors);
  weir_status status = WEIR_OK;
  for (size_t i = 0; i < vector_count && status == WEIR_OK; i++) status = read_vector(trainer, file, vectors[i], error);
  if (status == WEIR_OK) status = check_kept(trainer, error);
  return status == WEIR_OK ? read_host_state(trainer, file, error) : status;
}

// A model file has no optimizer: training then starts afresh from its weights.
static weir_status fill(weir_trainer *trainer, const weir_safetensors *file, weir_error *error) {
  const bool checkpoint = is_checkpoint(file);
  trainer->started = true;
  weir_status status = weir_i_file_check(file, &trainer->flow, error);
  if (status == WEIR_OK && checkpoint) status = check_optimizer(trainer, file, error);
  if (status == WEIR_OK) status = weir_i_trainer_memory(trainer, error);
  if (status == WEIR_OK) status = weir_i_file_values(file, &trainer->flow, trainer->values, error);
  if (status != WEIR_OK) return status;
  if (checkpoint) return read_optimizer(trainer, file, error);
  weir_i_guard_keep(trainer);
  return WEIR_OK;
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
  if (status == WEIR_OK) status = fill(made, file, error);
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

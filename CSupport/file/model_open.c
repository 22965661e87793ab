// Opening a model: container, description, numbers, packed constants.
#include <string.h>

#include "file/model_values.h"
#include "model/model.h"

// The file's own bytes bound what is allocated: memory is taken only when every tensor is there and of its shape.
static weir_status fill(weir_model *model, const weir_safetensors *file, weir_error *error) {
  weir_status status = weir_i_file_check(file, &model->flow, error);
  if (status != WEIR_OK) return status;
  const size_t bytes = model->flow.parameters.values * sizeof(float);
  float *values = weir_i_allocate(&model->allocator, bytes);
  if (values == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, "", "no memory for %zu bytes of weights", bytes);
  status = weir_i_file_values(file, &model->flow, values, error);
  if (status == WEIR_OK) status = weir_i_model_pack(model, values, error);
  weir_i_release(&model->allocator, values, bytes);
  return status;
}

static weir_status open_file(const weir_safetensors *file, const weir_allocator *allocator, weir_model **model, weir_error *error) {
  char *spec = NULL;
  size_t spec_bytes = 0;
  weir_status status = weir_i_file_spec(file, allocator, &spec, &spec_bytes, error);
  if (status != WEIR_OK) return status;
  weir_model *made = NULL;
  status = weir_i_model_create(spec, strlen(spec), allocator, &made, error);
  weir_i_release(allocator, spec, spec_bytes);
  if (status != WEIR_OK) return status;
  status = fill(made, file, error);
  if (status != WEIR_OK) {
    weir_model_close(made);
    return status;
  }
  *model = made;
  return WEIR_OK;
}

weir_status weir_model_open_memory(const void *bytes, size_t size, const weir_allocator *allocator, weir_model **model,
                                   weir_error *error) {
  if (model == NULL) return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_model_open_memory", "model must not be NULL");
  *model = NULL;
  weir_allocator used;
  if (bytes == NULL || weir_i_allocator(allocator, &used) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_model_open_memory",
                       "bytes must not be NULL, and an allocator needs both functions");
  weir_safetensors file;
  weir_status status = weir_i_safetensors_open(bytes, size, &used, &file, error);
  if (status != WEIR_OK) return status;
  status = open_file(&file, &used, model, error);
  weir_i_safetensors_close(&file);
  return status;
}

weir_status weir_model_open(const char *path, const weir_allocator *allocator, weir_model **model, weir_error *error) {
  if (model == NULL) return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_model_open", "model must not be NULL");
  *model = NULL;
  weir_allocator used;
  if (path == NULL || weir_i_allocator(allocator, &used) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_model_open",
                       "path must not be NULL, and an allocator needs both functions");
  void *bytes = NULL;
  size_t size = 0;
  weir_status status = weir_i_file_read(path, WEIR_I_MAX_FILE, &used, &bytes, &size, error);
  if (status != WEIR_OK) return status;
  status = weir_model_open_memory(bytes, size, allocator, model, error);
  weir_i_release(&used, bytes, size);
  return status;
}

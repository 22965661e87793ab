// Opening a model: container, description, numbers, packed constants.
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "file/model_values.h"
#include "model/model.h"

// A model on its way: described, and with its numbers still to be packed.
typedef struct opening {
  weir_model *model;
  float *values;
  bool copied;  // values are memory of our own and not the file's
} opening;

static size_t value_bytes(const weir_model *model) { return model->flow.parameters.values * sizeof(float); }

// Where all numbers lie in the file as they are needed, f32 and aligned, they are used from there: the offsets of the flow's parameters
// become their places after the header. NULL where some do not.
static float *values_in_place(const weir_safetensors *file, weir_parameters *parameters) {
  weir_tensor_view view;
  if ((uintptr_t)file->data % _Alignof(float) != 0) return NULL;
  for (size_t i = 0; i < parameters->count; i++)
    if (!weir_i_safetensors_find(file, parameters->items[i].name, &view) || view.dtype != WEIR_DTYPE_F32 ||
        (size_t)(view.data - file->data) % sizeof(float) != 0)
      return NULL;
  for (size_t i = 0; i < parameters->count; i++) {
    weir_i_safetensors_find(file, parameters->items[i].name, &view);
    parameters->items[i].offset = (size_t)(view.data - file->data) / sizeof(float);
  }
  return (float *)file->data;  // only read
}

// The file's own bytes bound what is allocated: memory is taken only when every tensor is there and of its shape.
static weir_status read_values(opening *o, const weir_safetensors *file, weir_error *error) {
  const weir_status status = weir_i_file_check(file, &o->model->flow, error);
  if (status != WEIR_OK) return status;
  o->values = values_in_place(file, &o->model->flow.parameters);
  if (o->values == NULL) {
    const size_t bytes = value_bytes(o->model);
    o->values = weir_i_allocate_unset(&o->model->allocator, bytes);
    if (o->values == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, "", "no memory for %zu bytes of weights", bytes);
    o->copied = true;
  }
  return weir_i_file_values(file, &o->model->flow, o->values, error);
}

static weir_status read_model(opening *o, const weir_safetensors *file, const weir_allocator *allocator, weir_error *error) {
  char *spec = NULL;
  size_t spec_bytes = 0;
  weir_status status = weir_i_file_spec(file, allocator, &spec, &spec_bytes, error);
  if (status != WEIR_OK) return status;
  status = weir_i_model_create(spec, strlen(spec), allocator, &o->model, error);
  weir_i_release(allocator, spec, spec_bytes);
  return status != WEIR_OK ? status : read_values(o, file, error);
}

// From the bytes of a file, which must stay until finish unless their numbers were copied.
static weir_status begin(opening *o, const void *bytes, size_t size, const weir_allocator *allocator, weir_error *error) {
  weir_safetensors file;
  weir_status status = weir_i_safetensors_open(bytes, size, allocator, &file, error);
  if (status != WEIR_OK) return status;
  status = read_model(o, &file, allocator, error);
  weir_i_safetensors_close(&file);
  return status;
}

// Packs what begin read, unless that failed; a failure leaves nothing behind.
static weir_status finish(opening *o, weir_status status, weir_model **model, weir_error *error) {
  if (status == WEIR_OK) status = weir_i_model_pack(o->model, o->values, error);
  if (o->copied) weir_i_release(&o->model->allocator, o->values, value_bytes(o->model));
  if (status == WEIR_OK) {
    *model = o->model;
  } else {
    weir_model_close(o->model);
  }
  return status;
}

weir_status weir_model_open_memory(const void *bytes, size_t size, const weir_allocator *allocator, weir_model **model,
                                   weir_error *error) {
  if (model == NULL) return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_model_open_memory", "model must not be NULL");
  *model = NULL;
  weir_allocator used;
  if (bytes == NULL || weir_i_allocator(allocator, &used) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_model_open_memory",
                       "bytes must not be NULL, and an allocator needs both functions");
  opening o = {0};
  return finish(&o, begin(&o, bytes, size, &used, error), model, error);
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
  opening o = {0};
  status = begin(&o, bytes, size, &used, error);
  // Two copies of the weights at a time are enough: a file that was copied goes before the packed weights come.
  if (o.copied) {
    weir_i_release(&used, bytes, size);
    bytes = NULL;
  }
  status = finish(&o, status, model, error);
  weir_i_release(&used, bytes, size);
  return status;
}

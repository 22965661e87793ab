// Opening a model: container, description, then step by step numbers and packed constants. Numbers come from the file's bytes in memory, or
// are read from disk when their turn comes; so besides the packed constants no more than one step's are ever in memory.
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "file/file_io.h"
#include "file/model_values.h"
#include "model/model.h"

typedef struct opening {
  const weir_safetensors *file;
  const weir_file *disk;  // NULL when the file is in memory
  weir_model *model;
  bool in_place;  // every number is used where it lies in memory
  float *values;  // one step's, or with in_place the file's
  size_t value_bytes;
  unsigned char *raw;  // bytes from disk of a tensor that is not f32
  size_t raw_bytes;
} opening;

static bool usable_in_place(const weir_safetensors *file, const weir_tensor_view *view) {
  return view->data != NULL && view->dtype == WEIR_DTYPE_F32 && (uintptr_t)file->data % _Alignof(float) == 0 &&
         view->begin % sizeof(float) == 0;
}

// What one step's numbers take at most.
static void measure(opening *o) {
  const weir_flow *flow = &o->model->flow;
  o->in_place = true;
  for (size_t step = 0; step <= flow->step_count; step++) {
    size_t begin, end, count = 0;
    weir_i_flow_parameters(flow, step, &begin, &end);
    for (size_t i = begin; i < end; i++) {
      weir_tensor_view view;
      weir_i_safetensors_find(o->file, flow->parameters.items[i].name, &view);
      if (!usable_in_place(o->file, &view)) o->in_place = false;
      if (o->disk != NULL && view.dtype != WEIR_DTYPE_F32 && view.bytes > o->raw_bytes) o->raw_bytes = view.bytes;
      count += view.count;
    }
    if (count * sizeof *o->values > o->value_bytes) o->value_bytes = count * sizeof *o->values;
  }
}

static weir_status take(opening *o, weir_error *error) {
  measure(o);
  if (o->in_place) {
    o->values = (float *)o->file->data;  // only read
  } else {
    o->values = weir_i_allocate_unset(&o->model->allocator, o->value_bytes);
    if (o->values == NULL)
      return weir_i_fail(error, WEIR_ERROR_MEMORY, "", "no memory for %zu bytes of a step's weights", o->value_bytes);
  }
  if (o->raw_bytes > 0) {
    o->raw = weir_i_allocate_unset(&o->model->allocator, o->raw_bytes);
    if (o->raw == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, "", "no memory for a tensor of %zu bytes", o->raw_bytes);
  }
  return weir_i_model_take_packed(o->model, error);
}

static void give_back(opening *o) {
  if (o->raw != NULL) weir_i_release(&o->model->allocator, o->raw, o->raw_bytes);
  if (!o->in_place && o->values != NULL) weir_i_release(&o->model->allocator, o->values, o->value_bytes);
}

// Puts a parameter after those of its step that are there: *used numbers so far. Its offset counts from o->values from now on.
static weir_status read_parameter(opening *o, weir_parameter *parameter, size_t *used, weir_error *error) {
  weir_tensor_view view;
  weir_i_safetensors_find(o->file, parameter->name, &view);
  parameter->offset = o->in_place ? view.begin / sizeof(float) : *used;
  *used += parameter->count;
  float *values = o->values + parameter->offset;
  if (o->disk != NULL) {
    unsigned char *bytes = view.dtype == WEIR_DTYPE_F32 ? (unsigned char *)values : o->raw;
    const weir_status status = weir_i_file_take(o->disk, o->file->data_begin + view.begin, bytes, view.bytes, error);
    if (status != WEIR_OK) return status;
    view.data = bytes;
  }
  return weir_i_file_parameter(&view, parameter, values, error);
}

static weir_status read_step(opening *o, size_t step, weir_error *error) {
  weir_flow *flow = &o->model->flow;
  size_t begin, end, used = 0;
  weir_i_flow_parameters(flow, step, &begin, &end);
  for (size_t i = begin; i < end; i++) {
    const weir_status status = read_parameter(o, &flow->parameters.items[i], &used, error);
    if (status != WEIR_OK) return status;
  }
  const weir_status status = weir_i_flow_check_step(flow, step, o->values, error);
  if (status == WEIR_OK) weir_i_flow_pack_step(flow, step, o->values, o->model->packed, NULL);
  return status;
}

// The file's own bytes bound what is allocated: memory is taken only when every tensor is there and of its shape.
static weir_status read_numbers(opening *o, weir_error *error) {
  weir_status status = weir_i_file_check(o->file, &o->model->flow, error);
  if (status == WEIR_OK) status = take(o, error);
  for (size_t step = 0; step <= o->model->flow.step_count && status == WEIR_OK; step++) status = read_step(o, step, error);
  give_back(o);
  return status;
}

static weir_status open_model(const weir_safetensors *file, const weir_file *disk, const weir_allocator *allocator,
                              weir_model **model, weir_error *error) {
  char *spec = NULL;
  size_t spec_bytes = 0;
  weir_status status = weir_i_file_spec(file, allocator, &spec, &spec_bytes, error);
  if (status != WEIR_OK) return status;
  opening o = {.file = file, .disk = disk};
  status = weir_i_model_create(spec, strlen(spec), allocator, &o.model, error);
  weir_i_release(allocator, spec, spec_bytes);
  if (status != WEIR_OK) return status;
  status = read_numbers(&o, error);
  if (status == WEIR_OK) {
    *model = o.model;
  } else {
    weir_model_close(o.model);
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
  weir_safetensors file;
  weir_status status = weir_i_safetensors_open(bytes, size, &used, &file, error);
  if (status != WEIR_OK) return status;
  status = open_model(&file, NULL, &used, model, error);
  weir_i_safetensors_close(&file);
  return status;
}

// The bytes before the data, for weir_i_release(allocator, *header, *size).
static weir_status read_header(const weir_file *disk, const weir_allocator *allocator, void **header, size_t *size,
                               weir_error *error) {
  unsigned char first[WEIR_SAFETENSORS_LENGTH];
  weir_status status = weir_i_file_take(disk, 0, first, disk->size < sizeof first ? disk->size : sizeof first, error);
  if (status == WEIR_OK) status = weir_i_safetensors_header(first, disk->size, size, error);
  if (status != WEIR_OK) return status;
  void *bytes = weir_i_allocate_unset(allocator, *size);
  if (bytes == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, disk->path, "no memory for the header's %zu bytes", *size);
  status = weir_i_file_take(disk, 0, bytes, *size, error);
  if (status == WEIR_OK) {
    *header = bytes;
  } else {
    weir_i_release(allocator, bytes, *size);
  }
  return status;
}

static weir_status open_disk(const weir_file *disk, const weir_allocator *allocator, weir_model **model, weir_error *error) {
  void *header = NULL;
  size_t size = 0;
  weir_status status = read_header(disk, allocator, &header, &size, error);
  if (status != WEIR_OK) return status;
  weir_safetensors file;
  status = weir_i_safetensors_open_header(header, size, disk->size, allocator, &file, error);
  if (status == WEIR_OK) {
    status = open_model(&file, disk, allocator, model, error);
    weir_i_safetensors_close(&file);
  }
  weir_i_release(allocator, header, size);
  return status;
}

weir_status weir_model_open(const char *path, const weir_allocator *allocator, weir_model **model, weir_error *error) {
  if (model == NULL) return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_model_open", "model must not be NULL");
  *model = NULL;
  weir_allocator used;
  if (path == NULL || weir_i_allocator(allocator, &used) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_model_open",
                       "path must not be NULL, and an allocator needs both functions");
  weir_file disk;
  weir_status status = weir_i_file_open(path, WEIR_I_MAX_FILE, &disk, error);
  if (status != WEIR_OK) return status;
  status = open_disk(&disk, &used, model, error);
  weir_i_file_close(&disk);
  return status;
}

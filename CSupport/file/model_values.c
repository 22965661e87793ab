#include "file/model_values.h"

#include <stdio.h>
#include <string.h>

weir_status weir_i_file_spec(const weir_safetensors *file, const weir_allocator *allocator, char **spec, size_t *bytes,
                             weir_error *error) {
  const weir_status status = weir_i_safetensors_metadata(file, WEIR_SPEC_KEY, allocator, spec, bytes, error);
  if (status != WEIR_OK) return status;
  if (*spec == NULL)
    return weir_i_fail(error, WEIR_ERROR_FORMAT, "__metadata__",
                       "the file is safetensors but no Weir model: its metadata has no \"" WEIR_SPEC_KEY
                       "\" entry; import or train a model");
  return WEIR_OK;
}

static void shape_text(size_t rank, const size_t *shape, char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < rank && used < size; i++) {
    const int written = snprintf(text + used, size - used, "%s%zu", i == 0 ? "" : ", ", shape[i]);
    if (written < 0) return;
    used += (size_t)written;
  }
}

static weir_status check_parameter(const weir_safetensors *file, const weir_parameter *parameter, weir_error *error) {
  weir_tensor_view view;
  if (!weir_i_safetensors_find(file, parameter->name, &view))
    return weir_i_fail(error, WEIR_ERROR_TENSOR, parameter->name,
                       "the description asks for this tensor and the file has none of that name");
  if (view.dtype == WEIR_DTYPE_I64 || view.dtype == WEIR_DTYPE_U8)
    return weir_i_fail(error, WEIR_ERROR_TENSOR, parameter->name, "the tensor is %s; weights must be F32, F64, BF16 or F16",
                       weir_i_dtype_name(view.dtype));
  if (view.rank == parameter->rank && memcmp(view.shape, parameter->shape, parameter->rank * sizeof view.shape[0]) == 0)
    return WEIR_OK;
  char has[48], wanted[48];
  shape_text(view.rank, view.shape, has, sizeof has);
  shape_text(parameter->rank, parameter->shape, wanted, sizeof wanted);
  return weir_i_fail(error, WEIR_ERROR_TENSOR, parameter->name, "the tensor's shape is [%s] and the description asks for [%s]", has,
                     wanted);
}

weir_status weir_i_file_parameter(const weir_tensor_view *view, const weir_parameter *parameter, float *values, weir_error *error) {
  const weir_status status = weir_i_safetensors_read_f32(view, parameter->name, values, error);
  if (status != WEIR_OK) return status;
  size_t bad;
  // That they are finite was seen as they were read.
  if (parameter->domain != WEIR_DOMAIN_ANY && !weir_i_parameter_valid(parameter, values, &bad))
    return weir_i_fail(error, WEIR_ERROR_TENSOR, parameter->name, "number %zu is %g, but it must be %s", bad, (double)values[bad],
                       parameter->domain == WEIR_DOMAIN_POSITIVE ? "above 0" : "0 or more");
  return WEIR_OK;
}

// Every parameter was found, so if the counts agree nothing else is there.
static weir_status refuse_unknown(const weir_safetensors *file, const weir_parameters *parameters, weir_error *error) {
  const size_t count = weir_i_safetensors_count(file), prefix = strlen(WEIR_OPTIMIZER_PREFIX);
  size_t known = 0;
  char name[96];
  for (size_t i = 0; i < count; i++) {
    weir_tensor_view view;
    if (weir_i_safetensors_at(file, i, name, sizeof name, &view) && strncmp(name, WEIR_OPTIMIZER_PREFIX, prefix) == 0) known++;
  }
  if (count - known == parameters->count) return WEIR_OK;
  for (size_t i = 0; i < count; i++) {
    weir_tensor_view view;
    bool found = false;
    weir_i_safetensors_at(file, i, name, sizeof name, &view);
    for (size_t k = 0; k < parameters->count && !found; k++) found = strcmp(name, parameters->items[k].name) == 0;
    if (!found && strncmp(name, WEIR_OPTIMIZER_PREFIX, prefix) != 0) break;
  }
  return weir_i_fail(error, WEIR_ERROR_TENSOR, name, "the file has this tensor and the description has no place for it");
}

weir_status weir_i_file_check(const weir_safetensors *file, const weir_flow *flow, weir_error *error) {
  for (size_t i = 0; i < flow->parameters.count; i++) {
    const weir_status status = check_parameter(file, &flow->parameters.items[i], error);
    if (status != WEIR_OK) return status;
  }
  return refuse_unknown(file, &flow->parameters, error);
}

weir_status weir_i_file_values(const weir_safetensors *file, const weir_flow *flow, float *values, weir_error *error) {
  for (size_t i = 0; i < flow->parameters.count; i++) {
    const weir_parameter *parameter = &flow->parameters.items[i];
    weir_tensor_view view;
    weir_i_safetensors_find(file, parameter->name, &view);
    const weir_status status = weir_i_file_parameter(&view, parameter, values + parameter->offset, error);
    if (status != WEIR_OK) return status;
  }
  return weir_i_flow_check(flow, values, error);
}

// A flow's numbers in a safetensors file.
#ifndef WEIR_FILE_MODEL_VALUES_H
#define WEIR_FILE_MODEL_VALUES_H

#include "file/safetensors.h"
#include "model/flow.h"

/// The metadata entry that holds the model description.
#define WEIR_SPEC_KEY "weir"
/// Tensors whose names start so belong to a checkpoint's optimizer and are not part of the flow.
#define WEIR_OPTIMIZER_PREFIX "optimizer."

/// Most bytes of a model file.
#define WEIR_I_MAX_FILE (SIZE_MAX > UINT32_MAX ? (size_t)(UINT64_C(1) << 33) : SIZE_MAX)

/// Copies the description, for weir_i_release(allocator, *spec, *bytes); a file without one is WEIR_ERROR_FORMAT.
weir_status weir_i_file_spec(const weir_safetensors *file, const weir_allocator *allocator, char **spec, size_t *bytes,
                             weir_error *error);

/// Refuses missing and unknown tensors, wrong shapes and types.
weir_status weir_i_file_check(const weir_safetensors *file, const weir_flow *flow, weir_error *error);

/// Converts a parameter's numbers from its view, which has data, to values [parameter->count]: refuses those that are not finite or are
/// outside its domain. values may be the view's own f32 numbers.
weir_status weir_i_file_parameter(const weir_tensor_view *view, const weir_parameter *parameter, float *values, weir_error *error);

/// Reads every parameter of a checked file into values [flow->parameters.values]: refuses what weir_i_file_parameter does and numbers in
/// contradiction to those of another parameter.
weir_status weir_i_file_values(const weir_safetensors *file, const weir_flow *flow, float *values, weir_error *error);

/// The description with its "provenance" replaced by a JSON object, NUL-terminated, for weir_i_release(allocator, *text, *bytes).
weir_status weir_i_spec_with_provenance(const char *spec, const char *provenance, const weir_allocator *allocator, char **text,
                                        size_t *bytes, weir_error *error);

#endif

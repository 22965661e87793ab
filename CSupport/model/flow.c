// Reading the model description (DESIGN 4).
#include "model/flow.h"

#include <stdio.h>
#include <string.h>

enum { MOST_STEPS = 4096, MOST_SIZE = 1 << 20, MOST_DIMS = 1 << 24 };

static weir_status parse_input(weir_flow *flow, const weir_json *json, weir_error *error) {
  static const char *const keys[] = {"shape", "levels"};
  const int input = weir_i_json_get(json, 0, "input");
  if (!weir_i_json_is_object(json, input))
    return weir_i_fail(error, WEIR_ERROR_SPEC, "input",
                       "the description needs an input, for example {\"shape\": [1, 28, 28], \"levels\": 256}");
  weir_status status = weir_i_json_only(json, input, "input", keys, 2, error);
  if (status == WEIR_OK) status = weir_i_json_count(json, input, "input", "levels", 0, 256, false, 0, &flow->levels, error);
  if (status != WEIR_OK) return status;
  if (flow->levels != 0 && flow->levels != 256)
    return weir_i_fail(error, WEIR_ERROR_SPEC, "input.levels", "levels must be 256 (8-bit images) or 0 (continuous data), not %zu",
                       flow->levels);
  const int shape = weir_i_json_get(json, input, "shape");
  flow->rank = weir_i_json_is_array(json, shape) ? weir_i_json_size(json, shape) : 0;
  if (flow->rank != 1 && flow->rank != 3)
    return weir_i_fail(error, WEIR_ERROR_SPEC, "input.shape", "the shape must be [channels, height, width] or [dims]");
  size_t sizes[3] = {1, 1, 1};
  for (size_t i = 0; i < flow->rank; i++) {
    const bool whole = weir_i_json_as_count(json, weir_i_json_item(json, shape, i), &sizes[i]);
    if (!whole || sizes[i] < 1 || sizes[i] > MOST_SIZE)
      return weir_i_fail(error, WEIR_ERROR_SPEC, "input.shape", "every size must be an integer from 1 to %d", MOST_SIZE);
  }
  flow->input = (weir_map){sizes[0], sizes[1], sizes[2]};
  if (sizes[0] * sizes[1] > MOST_DIMS / sizes[2])
    return weir_i_fail(error, WEIR_ERROR_SPEC, "input.shape", "a sample of more than %d numbers is not supported", MOST_DIMS);
  flow->dims = weir_i_map_count(flow->input);
  return WEIR_OK;
}

static weir_status parse_steps(weir_flow *flow, weir_build *build, const weir_json *json, weir_error *error) {
  const int steps = weir_i_json_get(json, 0, "steps");
  flow->step_count = weir_i_json_is_array(json, steps) ? weir_i_json_size(json, steps) : 0;
  if (flow->step_count == 0 || flow->step_count > MOST_STEPS)
    return weir_i_fail(error, WEIR_ERROR_SPEC, "steps", "the description needs an array of 1 to %d steps", MOST_STEPS);
  flow->steps = weir_i_pool_take(&flow->pool, flow->step_count, sizeof *flow->steps);
  if (flow->steps == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, "steps", "no memory for %zu steps", flow->step_count);
  weir_map map = flow->input;
  for (size_t i = 0; i < flow->step_count; i++) {
    char path[32];
    snprintf(path, sizeof path, "steps.%zu", i);
    const weir_step_source source = {json, weir_i_json_item(json, steps, i), path, flow->levels, i};
    flow->steps[i].in = map;
    const weir_status status = weir_i_step_parse(&flow->steps[i], build, &source, error);
    if (status != WEIR_OK) return status;
    map = flow->steps[i].out;
  }
  if (flow->levels != 0 && !flow->steps[0].type->takes_integers)
    return weir_i_fail(error, WEIR_ERROR_SPEC, "steps.0", "an input with \"levels\": 256 needs \"dequantize\" as its first step");
  return WEIR_OK;
}

// The prior comes last, so that its parameters do too.
static weir_status parse_numbers(weir_flow *flow, const weir_json *json, weir_error *error) {
  weir_build build = {.pool = &flow->pool, .parameters = &flow->parameters};
  weir_status status = parse_steps(flow, &build, json, error);
  if (status == WEIR_OK) status = weir_i_prior_parse(&flow->prior, &build, json, flow->dims, error);
  flow->packed = build.packed;
  flow->packed_training = build.packed_training;
  flow->packed_bf16 = build.packed_bf16;
  flow->norm_channels = build.norm_channels;
  return status;
}

static weir_status parse(weir_flow *flow, const weir_json *json, weir_error *error) {
  static const char *const keys[] = {"version", "input", "prior", "steps", "preprocess", "detector", "provenance"};
  if (!weir_i_json_is_object(json, 0)) return weir_i_fail(error, WEIR_ERROR_SPEC, "", "the description must be a JSON object");
  size_t version;
  weir_status status = weir_i_json_count(json, 0, "", "version", 1, SIZE_MAX, true, 0, &version, error);
  if (status != WEIR_OK) return status;
  if (version != 1)
    return weir_i_fail(error, WEIR_ERROR_VERSION, "version",
                       "the model is of version %zu and this library reads version 1; update the library", version);
  status = weir_i_json_only(json, 0, "", keys, sizeof keys / sizeof keys[0], error);
  if (status == WEIR_OK) status = parse_input(flow, json, error);
  if (status == WEIR_OK) status = parse_numbers(flow, json, error);
  return status;
}

// The description is text inside a file, or the host's: JSON errors in it are about the description, not about the file.
static weir_status as_spec(weir_status status, weir_error *error) {
  if (status != WEIR_ERROR_FORMAT) return status;
  if (error != NULL) {
    char where[sizeof error->where];
    snprintf(where, sizeof where, "description, %.80s", error->where);
    memcpy(error->where, where, sizeof where);
    error->code = WEIR_ERROR_SPEC;
  }
  return WEIR_ERROR_SPEC;
}

weir_status weir_i_flow_build(weir_flow *flow, const char *spec, size_t length, const weir_allocator *allocator,
                              weir_error *error) {
  *flow = (weir_flow){.pool = {.allocator = *allocator}};
  size_t tokens;
  weir_status status = weir_i_json_measure(spec, length, &tokens, error);
  if (status != WEIR_OK) return as_spec(status, error);
  const size_t token_bytes = weir_i_json_token_bytes(tokens);
  void *token_memory = weir_i_allocate(allocator, token_bytes);
  flow->spec = weir_i_pool_text(&flow->pool, spec, length);
  if (token_memory == NULL || flow->spec == NULL) {
    status = weir_i_fail(error, WEIR_ERROR_MEMORY, "", "no memory to read the description");
  } else {
    weir_json json;
    status = weir_i_json_parse(flow->spec, length, token_memory, tokens, &json, error);
    status = status == WEIR_OK ? parse(flow, &json, error) : as_spec(status, error);
  }
  weir_i_release(allocator, token_memory, token_bytes);
  if (status != WEIR_OK) weir_i_flow_release(flow);
  return status;
}

void weir_i_flow_release(weir_flow *flow) { weir_i_pool_release(&flow->pool); }

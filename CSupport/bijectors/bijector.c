#include "bijectors/bijector.h"

#include <stdio.h>
#include <string.h>

#define WEIR_BIJECTOR(op) extern const weir_bijector weir_i_bijector_##op;
#include "bijectors/bijectors.def"
#undef WEIR_BIJECTOR

static const weir_bijector *const bijectors[] = {
#define WEIR_BIJECTOR(op) &weir_i_bijector_##op,
#include "bijectors/bijectors.def"
#undef WEIR_BIJECTOR
};

enum { BIJECTOR_COUNT = sizeof bijectors / sizeof bijectors[0] };

void *weir_i_step_own(weir_step *step, weir_build *build, size_t bytes) {
  step->own = weir_i_pool_take(build->pool, 1, bytes);
  if (step->own == NULL) build->no_memory = true;
  return step->own;
}

weir_status weir_i_step_parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  if (!weir_i_json_is_object(source->json, source->object))
    return weir_i_fail(error, WEIR_ERROR_SPEC, source->path, "a step must be an object such as {\"op\": \"squeeze\"}");
  const char *ops[BIJECTOR_COUNT];
  for (size_t i = 0; i < BIJECTOR_COUNT; i++) ops[i] = bijectors[i]->op;
  size_t chosen;
  const weir_status known =
      weir_i_json_choice(source->json, source->object, source->path, "op", ops, BIJECTOR_COUNT, true, 0, &chosen, error);
  if (known != WEIR_OK) return known;
  step->type = bijectors[chosen];
  step->out = step->in;
  step->first_parameter = build->parameters->count;
  const weir_status parsed = step->type->parse(step, build, source, error);
  if (parsed != WEIR_OK) return parsed;
  step->parameter_count = build->parameters->count - step->first_parameter;
  return weir_i_build_status(build, source->path, "the flow", error);
}

void weir_i_step_describe(const weir_step *step, size_t index, const weir_parameters *parameters, bool bf16,
                          weir_layer_info *info) {
  *info = (weir_layer_info){
      .struct_size = sizeof *info,
      .name = step->type->op,
      .kernel = "",
      .preparation = "",
      .input_shape = {step->in.c, step->in.h, step->in.w},
      .output_shape = {step->out.c, step->out.h, step->out.w},
      .flops = step->type->flops(step),
      .sample_bytes = 2 * weir_i_map_count(step->in) * sizeof(float),
  };
  for (size_t i = 0; i < step->parameter_count; i++)
    info->weight_bytes += parameters->items[step->first_parameter + i].count * sizeof(float);
  if (step->type->describe != NULL) step->type->describe(step, index, bf16, info);
}

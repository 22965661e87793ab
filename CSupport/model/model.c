#include "model/model.h"

#include <string.h>

weir_status weir_i_model_create(const char *spec, size_t length, const weir_allocator *allocator, weir_model **model,
                                weir_error *error) {
  const char *refused;
  const weir_isa isa = weir_i_isa_choose(&refused);
  if (refused != NULL)
    return weir_i_fail(error, WEIR_ERROR_UNSUPPORTED, "WEIR_ISA",
                       "\"%.40s\" is not a kernel set of this CPU and this build; use ref or %s, or unset it", refused,
                       weir_i_isa_name(isa));
  weir_model *made = weir_i_allocate(allocator, sizeof *made);
  if (made == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, "", "no memory for a model");
  made->allocator = *allocator;
  made->kernels = weir_i_kernels(isa);
  const weir_status status = weir_i_flow_build(&made->flow, spec, length, allocator, error);
  if (status != WEIR_OK) {
    weir_i_release(allocator, made, sizeof *made);
    return status;
  }
  *model = made;
  return WEIR_OK;
}

weir_status weir_i_model_take_packed(weir_model *model, weir_error *error) {
  const size_t bytes = model->flow.packed * sizeof *model->packed;
  if (bytes == 0) return WEIR_OK;
  model->packed = weir_i_allocate(&model->allocator, bytes);
  return model->packed != NULL ? WEIR_OK : weir_i_fail(error, WEIR_ERROR_MEMORY, "", "no memory for %zu bytes of weights", bytes);
}

void weir_model_close(weir_model *model) {
  if (model == NULL) return;
  const weir_allocator allocator = model->allocator;
  weir_i_release(&allocator, model->packed, model->flow.packed * sizeof *model->packed);
  weir_i_flow_release(&model->flow);
  weir_i_release(&allocator, model, sizeof *model);
}

weir_status weir_model_get_info(const weir_model *model, weir_model_info *info) {
  if (model == NULL || info == NULL) return WEIR_ERROR_ARGUMENT;
  const weir_flow *flow = &model->flow;
  *info = (weir_model_info){
      .struct_size = sizeof *info,
      .rank = flow->rank,
      .shape = {flow->input.c, flow->input.h, flow->input.w},
      .dims = flow->dims,
      .levels = flow->levels,
      .steps = flow->step_count,
      .parameters = flow->parameters.trainable,
      .model_bytes = sizeof *model + flow->pool.bytes + flow->packed * sizeof *model->packed,
      .flops = weir_i_flow_flops(flow),
      .isa = model->kernels->isa,
      .prior = flow->prior.type->type,
      .components = flow->prior.components,
  };
  return WEIR_OK;
}

weir_status weir_model_get_step(const weir_model *model, size_t index, weir_step_info *info) {
  if (model == NULL || info == NULL || index >= model->flow.step_count) return WEIR_ERROR_ARGUMENT;
  const weir_step *step = &model->flow.steps[index];
  const weir_parameter *parameters = model->flow.parameters.items;
  const weir_net *net = weir_i_step_net(step);
  *info = (weir_step_info){
      .struct_size = sizeof *info,
      .op = step->type->op,
      .input_shape = {step->in.c, step->in.h, step->in.w},
      .output_shape = {step->out.c, step->out.h, step->out.w},
      .flops = step->type->flops(step),
      .mask = step->type->mask == NULL ? "" : step->type->mask(step),
      .net = net == NULL ? "" : net->type,
      .layers = weir_i_step_layers(step),
  };
  for (size_t i = 0; i < step->parameter_count; i++)
    if (parameters[step->first_parameter + i].trainable) info->parameters += parameters[step->first_parameter + i].count;
  return WEIR_OK;
}

weir_status weir_model_get_layer(const weir_model *model, size_t step, size_t layer, weir_layer_info *info) {
  if (model == NULL || info == NULL || step > model->flow.step_count || layer >= weir_i_flow_layers(&model->flow, step))
    return WEIR_ERROR_ARGUMENT;
  weir_i_flow_describe(&model->flow, step, layer, false, info);
  return WEIR_OK;
}

const char *weir_model_spec(const weir_model *model) { return model == NULL ? "" : model->flow.spec; }

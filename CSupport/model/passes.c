// The passes over all steps of a flow.
#include <math.h>
#include <string.h>

#include "model/flow.h"

typedef struct pack_job {
  const weir_flow *flow;
  const float *values;
  float *packed, *packed_training;
} pack_job;

void weir_i_flow_pack_step(const weir_flow *flow, size_t step, const float *values, float *packed, float *packed_training) {
  if (step == flow->step_count) {
    if (flow->prior.type->pack != NULL) flow->prior.type->pack(&flow->prior, &flow->parameters, values, packed);
  } else if (flow->steps[step].type->pack != NULL) {
    flow->steps[step].type->pack(&flow->steps[step], &flow->parameters, values, packed, packed_training);
  }
}

static void pack_steps(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const pack_job *job = arg;
  for (size_t i = begin; i < end; i++) weir_i_flow_pack_step(job->flow, i, job->values, job->packed, job->packed_training);
}

void weir_i_flow_pack(const weir_flow *flow, const weir_team *team, const float *values, float *packed, float *packed_training) {
  pack_job job = {flow, values, packed, packed_training};
  weir_i_parallel_for(team, flow->step_count + 1, pack_steps, &job);
}

void weir_i_flow_pack_bf16(const weir_flow *flow, const float *packed, uint16_t *packed_bf16) {
  for (size_t i = 0; i < flow->step_count; i++) {
    const weir_net *net = weir_i_step_net(&flow->steps[i]);
    if (net != NULL) weir_i_net_pack_bf16(net, packed, packed_bf16);
  }
}

void weir_i_flow_reserve(const weir_flow *flow, const weir_flow_run *run) {
  for (size_t i = 0; i < flow->step_count; i++)
    if (flow->steps[i].type->reserve != NULL) flow->steps[i].type->reserve(&flow->steps[i], run);
}

void weir_i_flow_forward(const weir_flow *flow, weir_flow_run *run) {
  run->z_used = 0;
  for (size_t i = 0; i < flow->step_count; i++) {
    flow->steps[i].type->forward(&flow->steps[i], run);
    weir_i_lap(run->layers.watch);
  }
  const size_t left = flow->dims - run->z_used;
  for (size_t i = 0; i < run->layers.n; i++)
    memcpy(run->z + i * flow->dims + run->z_used, weir_i_run_x(run, i), left * sizeof *run->z);
  run->z_used = flow->dims;
}

// The reverse of forward's last lines.
static void take_left(const weir_flow *flow, weir_flow_run *run, float *states, const float *latents) {
  const size_t left = weir_i_map_count(flow->steps[flow->step_count - 1].out);
  run->z_used = flow->dims - left;
  for (size_t i = 0; i < run->layers.n; i++)
    memcpy(states + i * flow->dims, latents + i * flow->dims + run->z_used, left * sizeof *states);
}

void weir_i_flow_inverse(const weir_flow *flow, weir_flow_run *run) {
  take_left(flow, run, run->x, run->z);
  for (size_t i = flow->step_count; i-- > 0;) flow->steps[i].type->inverse(&flow->steps[i], run);
}

void weir_i_flow_backward(const weir_flow *flow, weir_flow_run *run) {
  take_left(flow, run, run->x, run->z);
  take_left(flow, run, run->dx, run->dz);
  for (size_t i = flow->step_count; i-- > 0;) flow->steps[i].type->backward(&flow->steps[i], run);
}

double weir_i_flow_log_likelihood(const weir_flow *flow, const weir_flow_run *run, size_t i, int32_t label) {
  const float *z = run->z + i * flow->dims;
  return flow->prior.type->log_density(&flow->prior, run->layers.kernels, run->layers.packed, z, label) + run->logdet[i];
}

double weir_i_flow_score(const weir_flow *flow, const weir_flow_run *run, size_t i, int32_t label) {
  const double value = weir_i_flow_log_likelihood(flow, run, i, label);
  return isfinite(value) ? value : -INFINITY;
}

bool weir_i_flow_starts_from_data(const weir_flow *flow) {
  for (size_t i = 0; i < flow->step_count; i++)
    if (flow->steps[i].type->initialise != NULL) return true;
  return false;
}

static bool valid_step(const weir_step *step, const weir_flow_run *run) {
  size_t bad;
  for (size_t i = 0; i < step->parameter_count; i++) {
    const weir_parameter *parameter = &run->parameters->items[step->first_parameter + i];
    if (!weir_i_parameter_valid(parameter, run->layers.values + parameter->offset, &bad)) return false;
  }
  return true;
}

size_t weir_i_flow_initialise(const weir_flow *flow, weir_flow_run *run, float *packed, float *packed_training) {
  run->z_used = 0;
  for (size_t i = 0; i < flow->step_count; i++) {
    const weir_step *step = &flow->steps[i];
    const weir_bijector *type = step->type;
    if (type->initialise != NULL) {
      type->initialise(step, run);
      if (!valid_step(step, run)) return i;
      if (type->refresh != NULL) type->refresh(step, run);
      if (type->pack != NULL) type->pack(step, run->parameters, run->layers.values, packed, packed_training);
    }
    type->forward(step, run);
  }
  return flow->step_count;
}

void weir_i_flow_refresh(const weir_flow *flow, const weir_flow_run *run) {
  for (size_t i = 0; i < flow->step_count; i++)
    if (flow->steps[i].type->refresh != NULL) flow->steps[i].type->refresh(&flow->steps[i], run);
}

void weir_i_flow_parameters(const weir_flow *flow, size_t step, size_t *begin, size_t *end) {
  if (step < flow->step_count) {
    *begin = flow->steps[step].first_parameter;
    *end = *begin + flow->steps[step].parameter_count;
  } else {
    const weir_step *last = &flow->steps[flow->step_count - 1];
    *begin = last->first_parameter + last->parameter_count;
    *end = flow->parameters.count;
  }
}

const weir_step *weir_i_flow_step_of(const weir_flow *flow, size_t parameter) {
  for (size_t i = 0; i < flow->step_count; i++) {
    size_t begin, end;
    weir_i_flow_parameters(flow, i, &begin, &end);
    if (parameter >= begin && parameter < end) return &flow->steps[i];
  }
  return NULL;
}

weir_status weir_i_flow_check_step(const weir_flow *flow, size_t step, const float *values, weir_error *error) {
  if (step == flow->step_count || flow->steps[step].type->check == NULL) return WEIR_OK;
  return flow->steps[step].type->check(&flow->steps[step], &flow->parameters, values, error);
}

weir_status weir_i_flow_check(const weir_flow *flow, const float *values, weir_error *error) {
  weir_status status = WEIR_OK;
  for (size_t i = 0; i < flow->step_count && status == WEIR_OK; i++) status = weir_i_flow_check_step(flow, i, values, error);
  return status;
}

static double density_flops(const weir_flow *flow) { return 2.0 * (double)(flow->dims * flow->prior.components); }

double weir_i_flow_flops(const weir_flow *flow) {
  double flops = density_flops(flow);
  for (size_t i = 0; i < flow->step_count; i++) flops += flow->steps[i].type->flops(&flow->steps[i]);
  return flops;
}

size_t weir_i_flow_layers(const weir_flow *flow, size_t step) {
  return step < flow->step_count ? weir_i_step_layers(&flow->steps[step]) : 1;
}

const char *weir_i_flow_op(const weir_flow *flow, size_t step) {
  return step < flow->step_count ? flow->steps[step].type->op : "prior";
}

void weir_i_flow_describe(const weir_flow *flow, size_t step, size_t layer, bool bf16, weir_layer_info *info) {
  if (step < flow->step_count) {
    weir_i_step_describe(&flow->steps[step], layer, &flow->parameters, bf16, info);
    return;
  }
  size_t begin, end;
  weir_i_flow_parameters(flow, step, &begin, &end);
  *info = (weir_layer_info){
      .struct_size = sizeof *info,
      .name = flow->prior.type->type,
      .kernel = "vecmath_sum_squares",
      .preparation = "",
      .input_shape = {flow->dims, 1, 1},
      .output_shape = {1, 1, 1},
      .flops = density_flops(flow),
      .sample_bytes = flow->dims * sizeof(float),
  };
  for (size_t i = begin; i < end; i++) info->weight_bytes += flow->parameters.items[i].count * sizeof(float);
}

// The passes over all steps of a flow.
#include <math.h>
#include <string.h>

#include "model/flow.h"

typedef struct pack_job {
  const weir_flow *flow;
  const float *values;
  float *packed, *packed_training;
} pack_job;

static void pack_steps(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const pack_job *job = arg;
  for (size_t i = begin; i < end; i++) {
    const weir_step *step = &job->flow->steps[i];
    if (step->type->pack != NULL) step->type->pack(step, &job->flow->parameters, job->values, job->packed, job->packed_training);
  }
}

void weir_i_flow_pack(const weir_flow *flow, const weir_team *team, const float *values, float *packed, float *packed_training) {
  pack_job job = {flow, values, packed, packed_training};
  weir_i_parallel_for(team, flow->step_count, pack_steps, &job);
}

void weir_i_flow_reserve(const weir_flow *flow, const weir_flow_run *run) {
  for (size_t i = 0; i < flow->step_count; i++)
    if (flow->steps[i].type->reserve != NULL) flow->steps[i].type->reserve(&flow->steps[i], run);
}

void weir_i_flow_forward(const weir_flow *flow, weir_flow_run *run) {
  run->z_used = 0;
  for (size_t i = 0; i < flow->step_count; i++) flow->steps[i].type->forward(&flow->steps[i], run);
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

double weir_i_prior_log_density(const weir_kernels *kernels, const float *z, size_t dims) {
  const double log_two_pi = 1.8378770664093454836;
  return -0.5 * (kernels->vecmath_sum_squares(z, dims) + (double)dims * log_two_pi);
}

double weir_i_flow_flops(const weir_flow *flow) {
  double flops = 2.0 * (double)flow->dims;
  for (size_t i = 0; i < flow->step_count; i++) flops += flow->steps[i].type->flops(&flow->steps[i]);
  return flops;
}

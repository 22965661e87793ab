// A flow's architecture: the JSON description as steps with shapes and parameters, and the passes over all steps. Holds no numbers.
#ifndef WEIR_MODEL_FLOW_H
#define WEIR_MODEL_FLOW_H

#include "bijectors/bijector.h"

typedef struct weir_flow {
  weir_pool pool;
  const char *spec;  // the description, NUL-terminated
  size_t rank;       // 3 for images, 1 for tables
  weir_map input;
  size_t dims;
  size_t levels;  // 256 or 0
  weir_step *steps;
  size_t step_count;
  weir_parameters parameters;
  size_t packed, packed_training, norm_channels;  // floats, floats, channels
} weir_flow;

/// Builds a flow from its description. On failure nothing is held.
weir_status weir_i_flow_build(weir_flow *flow, const char *spec, size_t length, const weir_allocator *allocator, weir_error *error);
void weir_i_flow_release(weir_flow *flow);

/// Computes packed constants [flow->packed] and, when not NULL, [flow->packed_training] from values [flow->parameters.values].
void weir_i_flow_pack(const weir_flow *flow, const weir_team *team, const float *values, float *packed, float *packed_training);

/// Scratch that any pass takes: run->layers.scratch's peak afterwards.
void weir_i_flow_reserve(const weir_flow *flow, const weir_flow_run *run);

/// run->x -> run->z [n][dims]: factored-out parts in order, then what is left. Adds to run->logdet.
void weir_i_flow_forward(const weir_flow *flow, weir_flow_run *run);
/// run->z -> run->x.
void weir_i_flow_inverse(const weir_flow *flow, weir_flow_run *run);
/// From run->z and run->dz back to run->x and run->dx, adding parameters' gradients.
void weir_i_flow_backward(const weir_flow *flow, weir_flow_run *run);

/// log p(z) of a standard normal in `dims` dimensions.
double weir_i_prior_log_density(const weir_kernels *kernels, const float *z, size_t dims);

double weir_i_flow_flops(const weir_flow *flow);

#endif

// A flow's architecture: the JSON description as steps with shapes and parameters, and the passes over all steps. Holds no numbers.
#ifndef WEIR_MODEL_FLOW_H
#define WEIR_MODEL_FLOW_H

#include "bijectors/bijector.h"
#include "model/prior.h"

typedef struct weir_flow {
  weir_pool pool;
  const char *spec;  // the description, NUL-terminated
  size_t rank;       // 3 for images, 1 for tables
  weir_map input;
  size_t dims;
  size_t levels;  // 256 or 0
  weir_step *steps;
  size_t step_count;
  weir_prior prior;
  weir_parameters parameters;                     // of the steps, then of the prior
  size_t packed, packed_training, norm_channels;  // floats, floats, channels
  size_t packed_bf16;                             // bf16 numbers
} weir_flow;

/// Builds a flow from its description. On failure nothing is held.
weir_status weir_i_flow_build(weir_flow *flow, const char *spec, size_t length, const weir_allocator *allocator, weir_error *error);
void weir_i_flow_release(weir_flow *flow);

/// Computes packed constants [flow->packed] and, when not NULL, [flow->packed_training] from values [flow->parameters.values].
void weir_i_flow_pack(const weir_flow *flow, const weir_team *team, const float *values, float *packed, float *packed_training);

/// The same of one step alone, from what its parameters' offsets count from; the prior counts as a step more.
void weir_i_flow_pack_step(const weir_flow *flow, size_t step, const float *values, float *packed, float *packed_training);

/// Computes the constants of scoring in bf16 [flow->packed_bf16] from packed ones.
void weir_i_flow_pack_bf16(const weir_flow *flow, const float *packed, uint16_t *packed_bf16);

/// Scratch that any pass takes: run->layers.scratch's peak afterwards.
void weir_i_flow_reserve(const weir_flow *flow, const weir_flow_run *run);

/// run->x -> run->z [n][dims]: factored-out parts in order, then what is left. Adds to run->logdet. Laps run->layers.watch
/// after every layer of every step.
void weir_i_flow_forward(const weir_flow *flow, weir_flow_run *run);
/// run->z -> run->x.
void weir_i_flow_inverse(const weir_flow *flow, weir_flow_run *run);
/// From run->z and run->dz back to run->x and run->dx, adding parameters' gradients.
void weir_i_flow_backward(const weir_flow *flow, weir_flow_run *run);

/// log p(x) of sample i after a forward: the prior's density of its latents, under class `label` when that is not WEIR_LABEL_UNKNOWN, and
/// its logdet. May be NaN.
double weir_i_flow_log_likelihood(const weir_flow *flow, const weir_flow_run *run, size_t i, int32_t label);
/// As above for what hosts see: what is not a number, or infinite, is maximally anomalous.
double weir_i_flow_score(const weir_flow *flow, const weir_flow_run *run, size_t i, int32_t label);

/// True when a step's fresh parameters come from the first batch.
bool weir_i_flow_starts_from_data(const weir_flow *flow);
/// Walks forward over the samples in run->x, setting such parameters in run->layers.values and packing each step. Returns the first step
/// whose numbers did not become finite ones, or flow->step_count.
size_t weir_i_flow_initialise(const weir_flow *flow, weir_flow_run *run, float *packed, float *packed_training);
/// Recomputes fixed numbers in run->layers.values that follow from trainable ones. A training run.
void weir_i_flow_refresh(const weir_flow *flow, const weir_flow_run *run);
/// The parameters [*begin, *end) of a step; the prior counts as a step more.
void weir_i_flow_parameters(const weir_flow *flow, size_t step, size_t *begin, size_t *end);
/// The step that a parameter belongs to; NULL for the prior's.
const weir_step *weir_i_flow_step_of(const weir_flow *flow, size_t parameter);
/// Refuses values that contradict each other; those of different steps never do.
weir_status weir_i_flow_check(const weir_flow *flow, const float *values, weir_error *error);
weir_status weir_i_flow_check_step(const weir_flow *flow, size_t step, const float *values, weir_error *error);

double weir_i_flow_flops(const weir_flow *flow);

/// Layers of a step. The density of the latents counts as a step more, number flow->step_count, of one layer.
size_t weir_i_flow_layers(const weir_flow *flow, size_t step);
/// The step's op; "prior" for the density of the latents.
const char *weir_i_flow_op(const weir_flow *flow, size_t step);
/// What scoring runs for one of those, for one sample.
void weir_i_flow_describe(const weir_flow *flow, size_t step, size_t layer, bool bf16, weir_layer_info *info);

#endif

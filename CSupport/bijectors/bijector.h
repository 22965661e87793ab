// An invertible step: shapes, parameters, and three passes over n samples. One file each, registered in bijectors.def.
//
// State: x is [n][dims], of which each sample's first c * h * w floats are in use (planar); z [n][dims] holds what was factored out.
#ifndef WEIR_BIJECTORS_BIJECTOR_H
#define WEIR_BIJECTORS_BIJECTOR_H

#include "base/random.h"
#include "bijectors/mask.h"
#include "nets/net.h"

/// Where dequantization noise comes from: (seed, stream, first_index + sample), or 1/2.
typedef struct weir_noise_source {
  int32_t kind;  // WEIR_NOISE_MIDPOINT or WEIR_NOISE_SEED
  uint32_t stream;
  uint64_t seed;
  uint64_t first_index;
} weir_noise_source;

/// P A = L U in place (kernels/gemm/gemm_blas.h). A run brings it, so that a program that only scores does not link LAPACK.
typedef bool weir_factorise_fn(double *matrix, int *pivots, size_t c);

typedef struct weir_flow_run {
  weir_layer_run layers;  // kernels, team, scratch, n, packed, and in training values and gradients
  const weir_parameters *parameters;
  size_t dims;
  float *x;
  float *z;
  size_t z_used;   // of each sample's z
  double *logdet;  // [n], added to
  weir_noise_source noise;
  float *trace_s, *trace_t;  // [dims] for a traced sample, or NULL
  // Backward: gradients of x and z, and the loss's derivative by each sample's logdet, [n].
  float *dx;
  float *dz;
  const float *dlogdet;
  weir_factorise_fn *factorise;  // the trainer's, for refresh
} weir_flow_run;

typedef struct weir_bijector weir_bijector;

typedef struct weir_step {
  const weir_bijector *type;
  weir_map in, out;
  void *own;  // what this type of step knows beyond that, in the flow's memory; NULL for nothing
  size_t first_parameter, parameter_count;
  bool keeps_activations;  // training: the net's activations stay from forward to backward, in `kept`
  weir_activations kept;
} weir_step;

typedef struct weir_step_source {
  const weir_json *json;
  int object;
  const char *path;  // "steps.3"
  size_t levels;     // of the input
  size_t index;
} weir_step_source;

struct weir_bijector {
  const char *op;
  bool takes_integers;  // turns the integers of an image into densities
  /// Reads the step's members, sets step->out and declares parameters. step->in is set.
  weir_status (*parse)(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error);
  /// Computes packed constants. NULL when it has none. packed_training may be NULL.
  void (*pack)(const weir_step *step, const weir_parameters *parameters, const float *values, float *packed,
               float *packed_training);
  /// Takes from run->layers.scratch all that a pass takes, and gives it back. NULL when it takes nothing.
  void (*reserve)(const weir_step *step, const weir_flow_run *run);
  /// x -> z, adding log|det| to run->logdet. Laps run->layers.watch after every layer but the last.
  void (*forward)(const weir_step *step, weir_flow_run *run);
  /// z -> x, adding log|det| of the inverse.
  void (*inverse)(const weir_step *step, weir_flow_run *run);
  /// From the step's output and its gradient in x and dx, recomputes the input and its gradient in place, and adds parameters' gradients.
  void (*backward)(const weir_step *step, weir_flow_run *run);
  double (*flops)(const weir_step *step);
  /// Sets parameters in run->layers.values from the first batch: run->x holds the step's input, all of whose samples count. The caller then
  /// refreshes and packs the step. NULL for steps whose start needs no data.
  void (*initialise)(const weir_step *step, weir_flow_run *run);
  /// Recomputes fixed numbers in run->layers.values that follow from trainable ones, after these changed; needs a training run's scratch, as
  /// reserve took it. NULL when it has none.
  void (*refresh)(const weir_step *step, const weir_flow_run *run);
  /// Refuses numbers, each valid by itself, that contradict each other. NULL when none can. The error's `where` is a tensor's name.
  weir_status (*check)(const weir_step *step, const weir_parameters *parameters, const float *values, weir_error *error);
  bool factorises;  // its refresh calls run->factorise
  /// Its st-network and the name of its mask. NULL for steps without.
  const weir_net *(*net)(const weir_step *step);
  /// Samples that its st-network sees for one of the step's. NULL means one.
  size_t (*net_samples)(const weir_step *step);
  const char *(*mask)(const weir_step *step);
  /// Changes in `info` what is not so of layer `index`: one layer of plain C that reads all the step's parameters. NULL where it is so.
  void (*describe)(const weir_step *step, size_t index, bool bf16, weir_layer_info *info);
};

/// A step's st-network, or NULL.
static inline const weir_net *weir_i_step_net(const weir_step *step) {
  return step->type->net == NULL ? NULL : step->type->net(step);
}

/// Samples that a step's st-network sees when the step sees n.
static inline size_t weir_i_step_net_samples(const weir_step *step, size_t n) {
  return step->type->net_samples == NULL ? n : n * step->type->net_samples(step);
}

/// Layers of a step: packing what its st-network sees, that network's layers, and the transform of the rest; without one the step itself.
static inline size_t weir_i_step_layers(const weir_step *step) {
  const weir_net *net = weir_i_step_net(step);
  return net == NULL ? 1 : net->layer_count + 2;
}

/// What scoring runs for layer `index`, for one sample.
void weir_i_step_describe(const weir_step *step, size_t index, const weir_parameters *parameters, bool bf16, weir_layer_info *info);

/// Takes memory for step->own, zeroed; NULL (and a failed build) when there is none.
void *weir_i_step_own(weir_step *step, weir_build *build, size_t bytes);

/// Parses steps[index] of the model description; *step has its input shape set.
weir_status weir_i_step_parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error);

/// Sample i's planar state.
static inline float *weir_i_run_x(const weir_flow_run *run, size_t i) { return run->x + i * run->dims; }

#endif

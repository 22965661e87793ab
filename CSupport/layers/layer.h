// A layer of an st-network: preactivation (batch norm, rectifier, join with the negative), then a product (3x3 or 1x1 convolution,
// linear), then bias and residual. Maps are blocked: [n][blocks(c)][h][w][16].
#ifndef WEIR_LAYERS_LAYER_H
#define WEIR_LAYERS_LAYER_H

#include "base/parallel.h"
#include "kernels/kernels.h"
#include "layers/layout.h"
#include "layers/parameter.h"

/// What a training-mode forward does with each batch norm's statistics besides normalising by them.
typedef enum weir_statistics {
  WEIR_STATISTICS_NONE,      // a recomputation
  WEIR_STATISTICS_MOMENTUM,  // running averages, as PyTorch: 0.9 old + 0.1 new, unbiased variance
  WEIR_STATISTICS_POOL,      // sums for the re-estimation pass
} weir_statistics;

typedef struct weir_layer_run {
  const weir_kernels *kernels;
  weir_team team;
  weir_arena *scratch;
  size_t n;
  const float *packed;  // the flow's constants
  bool training;
  // Training only:
  const float *packed_training;
  float *values;
  float *gradients;
  weir_statistics statistics;
  double *pool;  // [norm_channels][2]: sums over samples of the mean and of the mean square
} weir_layer_run;

enum { WEIR_NONE = -1 };

/// Batch norm before a layer's rectifier. Parameters are indexes into the flow's list.
typedef struct weir_norm {
  bool present;
  size_t gain, bias, mean, variance;
  size_t first_channel;  // among all batch norms of the flow
  float input_scale;     // what the normalised map is multiplied with: 2 for checkerboard couplings
} weir_norm;

typedef struct weir_layer {
  size_t kernel;  // 3 or 1
  weir_map in;    // the input map
  size_t oc;      // output channels
  bool relu, negate;
  weir_norm norm;
  bool weight_norm, has_bias;
  size_t weight, gain, bias;    // parameters; weight is the direction under weight norm
  int input, output, residual;  // values of the net, WEIR_NONE for no residual

  size_t packed_weight, packed_bias, packed_scale, packed_shift;  // offsets into packed
  size_t packed_transposed;                                       // into packed_training
} weir_layer;

/// The arrays of one run of a layer. norm holds [4][round(c)]: scale, shift, mean, 1/deviation of the batch, written by a training-mode forward.
typedef struct weir_layer_maps {
  const float *x;
  const float *residual;
  float *y;
  float *norm;
  // Backward only: dy in, dx added to (NULL when nobody wants it). The residual's gradient is dy itself.
  const float *dy;
  float *dx;
} weir_layer_maps;

/// Channels that the product sees: twice the input's when it is joined with its negative.
static inline size_t weir_i_layer_ic(const weir_layer *layer) { return layer->negate ? 2 * layer->in.c : layer->in.c; }

/// What a builder says of a new layer; the rest of weir_layer is filled in by weir_i_layer_add.
typedef struct weir_layer_options {
  size_t kernel;
  weir_map in;
  size_t oc;
  bool relu, negate, weight_norm, has_bias, zero_initial;
  bool norm;
  float input_scale;
  const char *norm_name;  // "steps.3.net.in_norm" and "steps.3.net.in_conv": where its parameters live
  const char *name;
} weir_layer_options;

/// Declares a layer's parameters and packed constants.
weir_layer weir_i_layer_make(weir_build *build, weir_layer_options options);

/// Computes packed constants from values; with packed_training not NULL also those of the backward pass.
void weir_i_layer_pack(const weir_layer *layer, const weir_parameters *parameters, const float *values, float *packed,
                       float *packed_training);

/// y = product(preactivation(x)) + bias + residual.
void weir_i_layer_forward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                          weir_layer_maps maps);
/// Adds to dx and to the parameters' gradients.
void weir_i_layer_backward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                           weir_layer_maps maps);

/// Takes from run->scratch what one forward (and, in training, backward) needs, and gives it back: used to size scratch.
void weir_i_layer_reserve(const weir_layer *layer, const weir_layer_run *run);

/// Multiplications and additions for one sample.
double weir_i_layer_flops(const weir_layer *layer);

#endif

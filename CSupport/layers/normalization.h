// Batch norm as a scale and a shift per channel, folded into the layer that follows it.
#ifndef WEIR_LAYERS_NORMALIZATION_H
#define WEIR_LAYERS_NORMALIZATION_H

#include "layers/layer.h"

/// Batch norm before a layer's rectifier. Parameters are indexes into the flow's list.
struct weir_norm {
  bool present;
  size_t c;
  size_t gain, bias, mean, variance;
  size_t first_channel;  // among all batch norms of the flow
  float input_scale;     // what the normalised map is multiplied with: 2 for checkerboard couplings
};

enum { WEIR_NORM_SCALE = 0, WEIR_NORM_SHIFT = 1, WEIR_NORM_MEAN = 2, WEIR_NORM_RSTD = 3, WEIR_NORM_ARRAYS = 4 };
#define WEIR_NORM_EPSILON 1e-5

/// Declares gain, bias, mean and variance of `c` channels under `name`.
weir_norm weir_i_norm_make(weir_build *build, const char *name, size_t c, float input_scale);

/// scale, shift [round(c)] from the population statistics.
void weir_i_norm_fold(const weir_norm *norm, const weir_parameters *parameters, const float *values, size_t c, float *scale,
                      float *shift);

/// Statistics of x [n][blocks(c)][pixels][16] into state [4][round(c)], and into the running or pooled ones as run->statistics says.
void weir_i_norm_forward(const weir_norm *norm, const weir_parameters *parameters, const weir_layer_run *run, const float *x,
                         weir_map map, float *state);

/// The rectifier that follows a batch norm, as weir_preact has it.
typedef struct weir_rectifier {
  bool relu;
  float slope;
} weir_rectifier;

/// From the gradient by the normalised map, or with `after` by what that rectifier makes of it, adds to dx (when not NULL) and to the
/// gradients of gain and bias. du [n][blocks(c)][pixels][16] holds it, and afterwards the gradient by the normalised map. after may be NULL.
void weir_i_norm_backward(const weir_norm *norm, const weir_parameters *parameters, const weir_layer_run *run, const float *x,
                          weir_map map, const float *state, const weir_rectifier *after, float *du, float *dx);

#endif

// A 3x3 convolution of n samples by Winograd's filtering (kernels/winograd/winograd.h).
#ifndef WEIR_LAYERS_WINOGRAD_CONV_H
#define WEIR_LAYERS_WINOGRAD_CONV_H

#include "layers/layer.h"

/// y = bias + residual + weight * activation(x), in the region of every sample.
///
/// x, y, residual  [n][blocks(ic or oc)][h][w][16];  weight, bias as weir_conv3x3 has them;  scale, shift, relu, slope as weir_preact
/// weight_bf16     read in place of weight by runs in bf16
typedef struct weir_winograd_conv {
  const float *x;
  const float *scale;
  const float *shift;
  bool relu;
  float slope;
  const float *weight;
  const uint16_t *weight_bf16;
  const float *bias;
  const float *residual;
  float *y;
  size_t ic, oc, h, w;
  weir_region region;
} weir_winograd_conv;

/// True where it takes less time than direct convolution; known by the shape alone, so that a sample's bits do not depend on the others.
bool weir_i_winograd_conv_pays(size_t ic, size_t h, size_t w);

/// Takes from run->scratch what a forward takes, and gives it back. Reads only ic, oc, h, w and region.
void weir_i_winograd_conv_reserve(const weir_winograd_conv *conv, const weir_layer_run *run);

/// Reads every sample before it writes it.
void weir_i_winograd_conv_forward(const weir_winograd_conv *conv, const weir_layer_run *run);

/// Samples whose tiles are in hand at once: enough rows for a matrix product, and few enough for a second-level cache.
size_t weir_i_winograd_chunk(size_t tiles, size_t n);

/// dweight += the gradient by weight, packed as it is, from dy [n][blocks(oc)][h][w][16]; of conv it reads x, its activation and the sizes.
/// Samples are summed in order, whatever the threads.
void weir_i_winograd_conv_weights(const weir_winograd_conv *conv, const weir_layer_run *run, const float *dy, float *dweight);
void weir_i_winograd_conv_reserve_weights(const weir_winograd_conv *conv, const weir_layer_run *run);

/// V of block `block` of one sample's input channels, where planes.v or planes.v_bf16 is (weir_k_winograd_input).
void weir_i_winograd_conv_input(const weir_winograd_conv *conv, const weir_kernels *kernels, const float *x, size_t block,
                                weir_winograd_input planes);

#endif

// The bias of a layer's output channels.
#ifndef WEIR_LAYERS_BIAS_H
#define WEIR_LAYERS_BIAS_H

#include "layers/layer.h"

/// bias [round(c)] = values [c], then zeros.
void weir_i_bias_pack(const float *values, size_t c, float *bias);

/// Adds to dbias [c] the sum of dy [n][blocks(c)][h][w][16] over samples, in their order, and pixels.
void weir_i_bias_backward(const weir_layer_run *run, const float *dy, weir_map map, float *dbias);

#endif

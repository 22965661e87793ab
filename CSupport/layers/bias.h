// The bias of a layer's output channels.
#ifndef WEIR_LAYERS_BIAS_H
#define WEIR_LAYERS_BIAS_H

#include "layers/layer.h"
#include "layers/slice.h"

/// bias [round(c)] = the live ones of `values`, then zeros.
void weir_i_bias_pack(const float *values, weir_slice slice, float *bias);

/// Adds to the live ones of dbias the sum of dy [n][blocks(c)][h][w][16] over samples, in their order, and pixels. map.c counts live ones.
void weir_i_bias_backward(const weir_layer_run *run, const float *dy, weir_map map, weir_slice slice, float *dbias);

#endif

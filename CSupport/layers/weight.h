// A layer's weight matrix [oc][k]: weight norm (Salimans and Kingma 2016) and the packed orders that kernels read.
#ifndef WEIR_LAYERS_WEIGHT_H
#define WEIR_LAYERS_WEIGHT_H

#include <stdint.h>

#include "layers/slice.h"

/// w = gain * direction / |direction|, row by row; gain NULL means w = direction. What is packed has the live rows and columns only.
typedef struct weir_weight {
  const float *direction;  // [whole oc][whole ic][taps]
  const float *gain;       // [whole oc] or NULL
  weir_slice oc, ic;
  size_t taps;
} weir_weight;

// Below, oc and ic count live channels.

/// packed [blocks(oc)][ic * taps][16]; lanes past oc are zero.
void weir_i_weight_pack(const weir_weight *weight, float *packed);
/// From packed [blocks(oc)][k][16] the pairs of gemm_bf16: [blocks(oc)][pairs(k)][16][2].
void weir_i_weight_pack_pairs(const float *packed, size_t oc, size_t k, uint16_t *pairs);
/// packed [blocks(ic)][oc][taps, reversed][16]: the weight of the gradient by the input.
void weir_i_weight_pack_transposed(const weir_weight *weight, float *packed);
/// From the gradient by w, packed as by weir_i_weight_pack, adds to those of the whole direction and gain (NULL without), live rows
/// [begin, end). Weight norm has a gradient by a live row's dead columns too: they are part of its norm.
void weir_i_weight_backward(const weir_weight *weight, const float *dpacked, float *ddirection, float *dgain, size_t begin,
                            size_t end);

#endif

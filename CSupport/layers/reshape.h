// Between maps and rows, for linear layers inside convolutional nets.
#ifndef WEIR_LAYERS_RESHAPE_H
#define WEIR_LAYERS_RESHAPE_H

#include "layers/layer.h"

/// A map as one row, {c * h * w, 1, 1}, in PyTorch's order: channel, then line, then column.
static inline weir_map weir_i_map_row(weir_map map) { return (weir_map){weir_i_map_count(map), 1, 1}; }

/// `map` to its row.
weir_layer weir_i_flatten_make(weir_build *build, weir_map map);
/// A row to its `map`.
weir_layer weir_i_unflatten_make(weir_build *build, weir_map map);

#endif

// The gate of a highway net: a learned mixture of a candidate and what came in.
#ifndef WEIR_LAYERS_HIGHWAY_GATE_H
#define WEIR_LAYERS_HIGHWAY_GATE_H

#include "layers/layer.h"

/// y = x + sigmoid(t) (v - x) on maps of one size; inputs are v, t, x in that order. When scoring y may share memory with any of them.
weir_layer weir_i_gate_make(weir_build *build, weir_map map);

#endif

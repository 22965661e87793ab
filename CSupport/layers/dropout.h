// Dropout (Srivastava et al. 2014), inverted: what is kept is scaled up in training, so that scoring does nothing.
#ifndef WEIR_LAYERS_DROPOUT_H
#define WEIR_LAYERS_DROPOUT_H

#include "layers/layer.h"

/// In training y = 0 with the given probability (in [0, 1), rounded down to a multiple of 2^-24) and else x / (1 - probability); when
/// scoring y = x. y may share memory with x, in training too. What is dropped depends on (run->seed, run->index + sample) and the layer
/// alone, so forward, recomputation and backward agree.
weir_layer weir_i_dropout_make(weir_build *build, weir_map map, double probability);

#endif

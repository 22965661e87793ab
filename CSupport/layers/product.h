// The product inside a layer, one sample at a time or, for tables, many rows at once: what product_forward.c and product_backward.c share.
#ifndef WEIR_LAYERS_PRODUCT_H
#define WEIR_LAYERS_PRODUCT_H

#include "layers/layer.h"

static inline size_t weir_i_layer_pixels(const weir_layer *layer) { return layer->in.h * layer->in.w; }
/// Floats of one sample's input, output, and of the preactivation with its halo.
static inline size_t weir_i_layer_x_floats(const weir_layer *layer) { return weir_i_map_blocked(layer->in); }
static inline size_t weir_i_layer_y_floats(const weir_layer *layer) {
  return weir_i_block_round(layer->oc) * weir_i_layer_pixels(layer);
}
static inline size_t weir_i_layer_halo(const weir_layer *layer) { return layer->kernel / 2; }
static inline size_t weir_i_layer_p_floats(const weir_layer *layer) {
  const size_t pad = 2 * weir_i_layer_halo(layer);
  return weir_i_block_round(weir_i_layer_ic(layer)) * (layer->in.h + pad) * (layer->in.w + pad);
}

/// True when the samples are the rows of one product.
static inline bool weir_i_layer_table(const weir_layer *layer) { return layer->kernel == 1 && weir_i_layer_pixels(layer) == 1; }

/// True when the product reads x itself: no preactivation, no halo.
static inline bool weir_i_layer_direct(const weir_layer *layer) {
  return !layer->norm.present && !layer->relu && !layer->negate && layer->kernel == 1;
}

/// The preactivation of one sample: x -> p. state is the batch's norm state in training, NULL otherwise.
void weir_i_layer_preactivate(const weir_layer *layer, const weir_layer_run *run, const float *state, const float *x, float *p);

/// Preactivations that a forward holds at once.
size_t weir_i_layer_forward_samples(const weir_layer *layer, const weir_layer_run *run);

#endif

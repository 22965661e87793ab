// Declaring and packing layers. Their passes are in product_forward.c and product_backward.c.
#include "layers/layer.h"

#include <math.h>
#include <string.h>

#include "layers/normalization.h"
#include "layers/weight.h"

weir_layer weir_i_layer_make(weir_build *build, weir_layer_options options) {
  const bool linear = options.in.h == 1 && options.in.w == 1 && options.kernel == 1;
  weir_layer layer = {

      .kernel = options.kernel,
      .in = options.in,
      .oc = options.oc,
      .relu = options.relu,
      .negate = options.negate,
      .weight_norm = options.weight_norm,
      .has_bias = options.has_bias,
      .residual = WEIR_NONE,
  };
  const size_t ic = weir_i_layer_ic(&layer), taps = layer.kernel * layer.kernel;
  if (ic > WEIR_I_MAX_VALUES || layer.oc > WEIR_I_MAX_VALUES || ic * taps > WEIR_I_MAX_VALUES / (layer.oc + WEIR_BLOCK))
    build->too_large = true;
  if (weir_i_build_failed(build)) return layer;
  if (options.norm) {
    layer.norm = weir_i_norm_make(build, options.norm_name, options.in.c, options.input_scale);
    layer.packed_scale = weir_i_build_packed(build, weir_i_block_round(options.in.c));
    layer.packed_shift = weir_i_build_packed(build, weir_i_block_round(options.in.c));
  }
  // PyTorch's defaults: weights and biases uniform in +-1/sqrt(fan in); weight norm starts with the directions' norms as gains.
  const float bound = 1.0f / sqrtf((float)(ic * taps));
  weir_parameter weight = {.rank = linear ? 2 : 4,
                           .shape = {layer.oc, ic, layer.kernel, layer.kernel},
                           .trainable = true,
                           .initial = options.zero_initial && !options.weight_norm ? WEIR_INITIAL_ZERO : WEIR_INITIAL_UNIFORM,
                           .bound = bound};
  layer.weight = weir_i_parameter_add(build, options.name, layer.weight_norm ? "weight_v" : "weight", weight);
  if (layer.weight_norm) {
    const weir_parameter gain = {.rank = 1,
                                 .shape = {layer.oc},
                                 .trainable = true,
                                 .decay = true,
                                 .initial = options.zero_initial ? WEIR_INITIAL_ZERO : WEIR_INITIAL_NORM};
    layer.gain = weir_i_parameter_add(build, options.name, "weight_g", gain);
  }
  if (layer.has_bias) {
    const weir_parameter bias = {.rank = 1,
                                 .shape = {layer.oc},
                                 .trainable = true,
                                 .initial = options.zero_initial ? WEIR_INITIAL_ZERO : WEIR_INITIAL_UNIFORM,
                                 .bound = bound};
    layer.bias = weir_i_parameter_add(build, options.name, "bias", bias);
    layer.packed_bias = weir_i_build_packed(build, weir_i_block_round(layer.oc));
  }
  layer.packed_weight = weir_i_build_packed(build, weir_i_block_round(layer.oc) * ic * taps);
  layer.packed_transposed = weir_i_build_packed_training(build, weir_i_block_round(ic) * layer.oc * taps);
  return layer;
}

void weir_i_layer_pack(const weir_layer *layer, const weir_parameters *parameters, const float *values, float *packed,
                       float *packed_training) {
  const weir_parameter *items = parameters->items;
  const weir_weight weight = {
      .direction = values + items[layer->weight].offset,
      .gain = layer->weight_norm ? values + items[layer->gain].offset : NULL,
      .oc = layer->oc,
      .ic = weir_i_layer_ic(layer),
      .taps = layer->kernel * layer->kernel,
  };
  weir_i_weight_pack(&weight, packed + layer->packed_weight);
  if (packed_training != NULL) weir_i_weight_pack_transposed(&weight, packed_training + layer->packed_transposed);
  if (layer->has_bias) {
    float *bias = packed + layer->packed_bias;
    memset(bias, 0, weir_i_block_round(layer->oc) * sizeof *bias);
    memcpy(bias, values + items[layer->bias].offset, layer->oc * sizeof *bias);
  }
  if (layer->norm.present)
    weir_i_norm_fold(&layer->norm, parameters, values, layer->in.c, packed + layer->packed_scale, packed + layer->packed_shift);
}

double weir_i_layer_flops(const weir_layer *layer) {
  const double pixels = (double)layer->in.h * (double)layer->in.w;
  return 2.0 * pixels * (double)layer->oc * (double)weir_i_layer_ic(layer) * (double)(layer->kernel * layer->kernel);
}

// Declaring and packing layers. Their passes are in product_forward.c and product_backward.c.
#include "layers/product.h"

#include <math.h>

#include "layers/bias.h"

// Joined with its negative, an input has twice the parts.
static weir_slice columns(const weir_product *product) {
  weir_slice slice = product->reads;
  if (product->negate) slice.parts *= 2;
  return slice;
}

weir_weight weir_i_product_weight(const weir_product *product, const weir_parameters *parameters, const float *values) {
  const weir_parameter *items = parameters->items;
  return (weir_weight){.direction = values + items[product->weight].offset,
                       .gain = product->weight_norm ? values + items[product->gain].offset : NULL,
                       .oc = product->gives,
                       .ic = columns(product),
                       .taps = product->kernel * product->kernel};
}

static void pack(const weir_layer *layer, const weir_parameters *parameters, const float *values, float *packed,
                 float *packed_training) {
  const weir_product *product = layer->own;
  const weir_parameter *items = parameters->items;
  const weir_weight weight = weir_i_product_weight(product, parameters, values);
  weir_i_weight_pack(&weight, packed + product->packed_weight);
  if (packed_training != NULL) weir_i_weight_pack_transposed(&weight, packed_training + product->packed_transposed);
  if (product->has_bias) weir_i_bias_pack(values + items[product->bias].offset, product->gives, packed + product->packed_bias);
  if (product->norm.present)
    weir_i_norm_fold(&product->norm, parameters, values, product->in.c, packed + product->packed_scale,
                     packed + product->packed_shift);
}

static void pack_bf16(const weir_layer *layer, const float *packed, uint16_t *packed_bf16) {
  const weir_product *product = layer->own;
  if (!weir_i_product_has_bf16(product)) return;
  const float *weight = packed + product->packed_weight;
  uint16_t *to = packed_bf16 + product->packed_bf16;
  if (product->kernel == 1) {
    weir_i_weight_pack_pairs(weight, product->oc, weir_i_product_ic(product), to);
    return;
  }
  for (size_t i = 0; i < weir_i_block_round(product->oc) * product->in.c * 9; i++) to[i] = weir_i_bf16_of(weight[i]);
}

static double flops(const weir_layer *layer) {
  const weir_product *product = layer->own;
  return 2.0 * weir_i_region_pixels(layer->region) * (double)product->oc * (double)weir_i_product_ic(product) *
         (double)(product->kernel * product->kernel);
}

static weir_region reads(const weir_layer *layer, weir_region region) {
  const weir_product *product = layer->own;
  return weir_i_region_grow(region, weir_i_product_halo(product), product->in.h, product->in.w);
}

static void describe(const weir_layer *layer, bool bf16, weir_layer_info *info) {
  const weir_product *product = layer->own;
  const size_t ic = weir_i_product_ic(product), oc = weir_i_block_round(product->oc), taps = product->kernel * product->kernel;
  info->name = product->kernel == 3 ? "conv3x3" : weir_i_product_table(product) ? "linear" : "conv1x1";
  const bool winograd = weir_i_product_winograd(product), rounds = bf16 && weir_i_product_has_bf16(product);
  const char *const gemm = rounds ? "gemm_bf16" : "gemm_forward", *const direct = rounds ? "bf16_round" : "";
  info->kernel = winograd ? rounds ? "winograd_bf16" : "winograd" : product->kernel == 3 ? "conv3x3_forward" : gemm;
  if (!winograd) info->preparation = weir_i_product_direct(product) ? direct : "preact_forward";
  info->weight_bytes =
      (rounds ? sizeof(uint16_t) : sizeof(float)) * oc * ic * taps +
      sizeof(float) * ((product->has_bias ? oc : 0) + (product->norm.present ? 2 * weir_i_block_round(product->in.c) : 0));
}

static const weir_layer_class product_class = {
    .pack = pack,
    .pack_bf16 = pack_bf16,
    .reserve = weir_i_product_reserve,
    .forward = weir_i_product_forward,
    .backward = WEIR_WHEN_TRAINING(weir_i_product_backward),
    .reads = reads,
    .flops = flops,
    .describe = describe,
};

// PyTorch's defaults: weights and biases uniform in +-1/sqrt(fan in); weight norm starts with the directions' norms as gains.
static void add_parameters(weir_product *product, weir_build *build, const weir_product_options *options) {
  const bool linear = options->in.h == 1 && options->in.w == 1 && options->kernel == 1, normal = options->deviation > 0;
  const size_t ic = weir_i_slice_whole(columns(product)), oc = weir_i_slice_whole(product->gives);
  const size_t taps = product->kernel * product->kernel;
  const float bound = 1.0f / sqrtf((float)(ic * taps));
  const weir_initial fresh = normal ? WEIR_INITIAL_NORMAL : WEIR_INITIAL_UNIFORM;
  const weir_parameter weight = {.rank = linear ? 2 : 4,
                                 .shape = {oc, ic, product->kernel, product->kernel},
                                 .trainable = true,
                                 .initial = options->zero_initial && !options->weight_norm ? WEIR_INITIAL_ZERO : fresh,
                                 .bound = normal ? options->deviation : bound};
  product->weight = weir_i_parameter_add(build, options->name, product->weight_norm ? "weight_v" : "weight", weight);
  if (product->weight_norm) {
    const weir_parameter gain = {.rank = 1,
                                 .shape = {oc},
                                 .trainable = true,
                                 .decay = true,
                                 .initial = options->zero_initial ? WEIR_INITIAL_ZERO : WEIR_INITIAL_NORM};
    product->gain = weir_i_parameter_add(build, options->name, "weight_g", gain);
  }
  if (product->has_bias) {
    const weir_parameter bias = {.rank = 1,
                                 .shape = {oc},
                                 .trainable = true,
                                 .initial = options->zero_initial || normal ? WEIR_INITIAL_ZERO : WEIR_INITIAL_UNIFORM,
                                 .bound = bound};
    product->bias = weir_i_parameter_add(build, options->name, "bias", bias);
  }
}

weir_layer weir_i_product_make(weir_build *build, weir_product_options options) {
  weir_layer layer = weir_i_layer_start(build, &product_class, sizeof(weir_product));
  weir_product *product = layer.own;
  if (product == NULL) return layer;
  *product = (weir_product){
      .kernel = options.kernel,
      .in = options.in,
      .oc = options.oc,
      .reads = options.reads.parts > 0 ? options.reads : weir_i_slice_all(options.in.c),
      .gives = options.gives.parts > 0 ? options.gives : weir_i_slice_all(options.oc),
      .relu = options.relu,
      .negate = options.negate,
      .slope = options.slope,
      .weight_norm = options.weight_norm,
      .has_bias = options.has_bias,
  };
  const size_t ic = weir_i_product_ic(product), taps = product->kernel * product->kernel;
  const size_t whole_ic = weir_i_slice_whole(columns(product)), whole_oc = weir_i_slice_whole(product->gives);
  if (whole_ic > WEIR_I_MAX_VALUES || whole_oc > WEIR_I_MAX_VALUES || whole_ic * taps > WEIR_I_MAX_VALUES / (whole_oc + WEIR_BLOCK))
    build->too_large = true;
  if (weir_i_build_failed(build)) return layer;
  if (options.norm) {
    product->norm = weir_i_norm_make(build, options.norm_name, options.in.c, options.input_scale);
    product->packed_scale = weir_i_build_packed(build, weir_i_block_round(options.in.c));
    product->packed_shift = weir_i_build_packed(build, weir_i_block_round(options.in.c));
    layer.norm = &product->norm;
  }
  add_parameters(product, build, &options);
  if (product->has_bias) product->packed_bias = weir_i_build_packed(build, weir_i_block_round(product->oc));
  product->packed_weight = weir_i_build_packed(build, weir_i_block_round(product->oc) * ic * taps);
  // Winograd's kernel takes taps as they are, and makes the pairs.
  const size_t numbers = product->kernel == 1 ? 2 * weir_i_bf16_pairs(ic) : ic * taps;
  if (weir_i_product_has_bf16(product))
    product->packed_bf16 = weir_i_build_packed_bf16(build, weir_i_block_round(product->oc) * numbers);
  product->packed_transposed = weir_i_build_packed_training(build, weir_i_block_round(ic) * product->oc * taps);
  return layer;
}

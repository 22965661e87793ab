// The RealNVP residual network (REFERENCE 4): BN, concat(x, -x), ReLU, 3x3; blocks of [BN, ReLU, 3x3, BN, ReLU, 3x3, add]; each block's
// output, and the first convolution's, also pass a 1x1 convolution into a running sum; BN, ReLU, 1x1 to s and t. With `latent` there is no
// sum, and half way the map passes through that many numbers: the paper's bottleneck.
#include <stdio.h>

#include "layers/reshape.h"
#include "nets/net.h"

typedef struct resnet_options {
  size_t channels, blocks, latent;
  bool skip, batch_norm, weight_norm;
  double input_scale;
} resnet_options;

static weir_status read_options(const weir_json *json, int object, const char *path, resnet_options *options, weir_error *error) {
  static const char *const keys[] = {"type", "channels", "blocks", "skip", "batch_norm", "weight_norm", "input_scale", "latent"};
  weir_status status = weir_i_json_only(json, object, path, keys, sizeof keys / sizeof keys[0], error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "channels", 1, 65536, true, 0, &options->channels, error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "blocks", 0, 1024, true, 0, &options->blocks, error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "latent", 0, 1 << 20, false, 0, &options->latent, error);
  if (status == WEIR_OK) status = weir_i_json_bool(json, object, path, "skip", false, true, &options->skip, error);
  if (status == WEIR_OK) status = weir_i_json_bool(json, object, path, "batch_norm", false, true, &options->batch_norm, error);
  if (status == WEIR_OK) status = weir_i_json_bool(json, object, path, "weight_norm", false, true, &options->weight_norm, error);
  if (status == WEIR_OK)
    status = weir_i_json_number(json, object, path, "input_scale", 1e-6, 1e6, false, 1, &options->input_scale, error);
  if (status == WEIR_OK && !options->batch_norm && options->input_scale != 1)
    status = weir_i_fail(error, WEIR_ERROR_SPEC, path,
                         "input_scale multiplies what batch norm gives, and batch_norm is false; leave it out");
  if (status == WEIR_OK && options->latent > 0 && options->skip)
    status = weir_i_fail(error, WEIR_ERROR_SPEC, path,
                         "skip leads around the bottleneck that latent makes; add \"skip\": false, or leave latent out");
  if (status == WEIR_OK && options->latent > 0 && options->blocks < 2)
    status =
        weir_i_fail(error, WEIR_ERROR_SPEC, path,
                    "latent makes a bottleneck half way through the blocks, so there must be 2 or more, not %zu", options->blocks);
  return status;
}

typedef struct resnet_builder {
  weir_net *net;
  weir_build *build;
  const char *path;
  resnet_options options;
} resnet_builder;

// Names longer than a parameter's are caught when the parameter is added.
static void add(const resnet_builder *b, weir_product_options layer, const char *norm, const char *name, int input, int output,
                int residual) {
  char norm_name[96], layer_name[96];
  snprintf(norm_name, sizeof norm_name, "%s.%s", b->path, norm);
  snprintf(layer_name, sizeof layer_name, "%s.%s", b->path, name);
  layer.weight_norm = b->options.weight_norm;
  layer.norm = layer.norm && b->options.batch_norm;
  layer.norm_name = norm_name;
  layer.name = layer_name;
  if (layer.input_scale == 0) layer.input_scale = 1;
  weir_i_net_product(b->net, b->build, layer, input, output, residual);
}

static void add_block(const resnet_builder *b, weir_map map, size_t index, int input, int inner, int output) {
  char norm[40], name[40];
  snprintf(norm, sizeof norm, "blocks.%zu.in_norm", index);
  snprintf(name, sizeof name, "blocks.%zu.in_conv", index);
  const weir_product_options first = {.kernel = 3, .in = map, .oc = map.c, .relu = true, .norm = true};
  add(b, first, norm, name, input, inner, WEIR_NONE);
  snprintf(norm, sizeof norm, "blocks.%zu.out_norm", index);
  snprintf(name, sizeof name, "blocks.%zu.out_conv", index);
  const weir_product_options second = {.kernel = 3, .in = map, .oc = map.c, .relu = true, .norm = true, .has_bias = true};
  add(b, second, norm, name, inner, output, input);
}

static void add_linear(const resnet_builder *b, size_t index, weir_map row, size_t outputs, int input, int output) {
  char name[112];
  snprintf(name, sizeof name, "%s.bottleneck.%zu", b->path, index);
  const weir_product_options linear = {.kernel = 1, .in = row, .oc = outputs, .has_bias = true, .name = name};
  weir_i_net_product(b->net, b->build, linear, input, output, WEIR_NONE);
}

static void add_reshape(const resnet_builder *b, weir_layer layer, int input, int output) {
  layer.inputs[0] = input;
  layer.output = output;
  weir_i_net_add(b->net, layer);
}

// Map to row, linear to latent, linear to row, row to map; returns the value after it. Maps share the stream's memory, rows one more.
static int add_bottleneck(const resnet_builder *b, weir_map map, int stream) {
  weir_value *values = b->net->values;
  const weir_map row = weir_i_map_row(map), code = {b->options.latent, 1, 1};
  const int wide = weir_i_net_value(b->net, row), narrow = weir_i_net_value(b->net, code);
  const int widened = weir_i_net_value(b->net, row), next = weir_i_net_value(b->net, map);
  values[widened].scoring = values[widened].gradient = wide;
  values[next].scoring = values[stream].scoring;
  values[next].gradient = values[stream].gradient;
  add_reshape(b, weir_i_flatten_make(b->build, map), stream, wide);
  add_linear(b, 0, row, code.c, wide, narrow);
  add_linear(b, 1, code, row.c, narrow, widened);
  add_reshape(b, weir_i_unflatten_make(b->build, map), widened, next);
  return next;
}

static weir_status parse(weir_net *net, weir_build *build, const weir_json *json, int object, const char *path,
                         const weir_net_ends *ends, weir_error *error) {
  resnet_builder b = {net, build, path, {0}};
  const weir_status read = read_options(json, object, path, &b.options, error);
  if (read != WEIR_OK) return read;
  // Batch norm makes other numbers of zeros, so before it no channel is dead.
  const weir_map input = b.options.batch_norm ? ends->input : weir_i_net_live_input(ends);
  const size_t blocks = b.options.blocks, outputs = weir_i_slice_live(ends->gives);
  const weir_map mid = {b.options.channels, input.h, input.w}, output = {outputs, input.h, input.w};
  if (weir_i_net_start(net, build, input, output, 3 * blocks + 7, 2 * blocks + 8) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for a net of %zu blocks", blocks);

  const int first = weir_i_net_value(net, mid), sum = b.options.skip ? weir_i_net_value(net, mid) : WEIR_NONE;
  const weir_product_options in_conv = {.kernel = 3,
                                        .in = input,
                                        .oc = mid.c,
                                        .reads = b.options.batch_norm ? weir_i_slice_all(input.c) : ends->reads,
                                        .relu = true,
                                        .negate = true,
                                        .norm = true,
                                        .has_bias = true,
                                        .input_scale = (float)b.options.input_scale};
  const weir_product_options skip_conv = {.kernel = 1, .in = mid, .oc = mid.c, .has_bias = true};
  add(&b, in_conv, "in_norm", "in_conv", WEIR_VALUE_INPUT, first, WEIR_NONE);
  if (b.options.skip) add(&b, skip_conv, "", "in_skip", first, sum, WEIR_NONE);

  int stream = first, first_inner = WEIR_NONE;
  for (size_t i = 0; i < blocks; i++) {
    const int inner = weir_i_net_value(net, mid), next = weir_i_net_value(net, mid);
    // Scoring adds a block's output onto its input in place; all blocks share one inner map, and one gradient each for stream and inner map.
    if (first_inner == WEIR_NONE) first_inner = inner;
    net->values[inner].scoring = net->values[inner].gradient = first_inner;
    net->values[next].scoring = net->values[next].gradient = first;
    add_block(&b, mid, i, stream, inner, next);
    stream = next;
    char name[40];
    snprintf(name, sizeof name, "skips.%zu", i);
    if (b.options.skip) add(&b, skip_conv, "", name, stream, sum, sum);
    if (b.options.latent > 0 && i == blocks / 2 - 1) stream = add_bottleneck(&b, mid, stream);
  }
  const weir_product_options out_conv = {
      .kernel = 1, .in = mid, .oc = outputs, .gives = ends->gives, .relu = true, .norm = true, .has_bias = true};
  add(&b, out_conv, "out_norm", "out_conv", b.options.skip ? sum : stream, WEIR_VALUE_OUTPUT, WEIR_NONE);
  return WEIR_OK;
}

const weir_net_class weir_i_net_resnet = {"resnet", parse};

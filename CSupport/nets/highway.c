// The highway network of the paper's Glow (REFERENCE 4): 3x3; blocks of x <- g v + (1 - g) x with v = 3x3(x), g = sigmoid(3x3(x)); 1x1.
// A fresh one gives s = t = 0.
#include <stdio.h>

#include "layers/highway_gate.h"
#include "nets/net.h"

typedef struct highway_builder {
  weir_net *net;
  weir_build *build;
  const char *path;
} highway_builder;

static void add_conv(const highway_builder *b, const char *leaf, weir_product_options conv, int from, int to) {
  char name[112];
  snprintf(name, sizeof name, "%s.%s", b->path, leaf);
  conv.has_bias = true;
  conv.deviation = 0.05f;
  conv.name = name;
  weir_i_net_product(b->net, b->build, conv, from, to, WEIR_NONE);
}

static void add_block(const highway_builder *b, weir_map map, size_t index, const int inputs[WEIR_LAYER_INPUTS], int output) {
  const weir_product_options conv = {.kernel = 3, .in = map, .oc = map.c};
  char leaf[40];
  snprintf(leaf, sizeof leaf, "blocks.%zu.value_conv", index);
  add_conv(b, leaf, conv, inputs[2], inputs[0]);
  snprintf(leaf, sizeof leaf, "blocks.%zu.gate_conv", index);
  add_conv(b, leaf, conv, inputs[2], inputs[1]);
  weir_layer gate = weir_i_gate_make(b->build, map);
  for (size_t k = 0; k < WEIR_LAYER_INPUTS; k++) gate.inputs[k] = inputs[k];
  gate.output = output;
  weir_i_net_add(b->net, gate);
}

static weir_status parse(weir_net *net, weir_build *build, const weir_json *json, int object, const char *path,
                         const weir_net_ends *ends, weir_error *error) {
  const weir_map input = weir_i_net_live_input(ends);
  const size_t outputs = weir_i_slice_live(ends->gives);
  static const char *const keys[] = {"type", "channels", "blocks"};
  size_t channels = 0, blocks = 0;
  weir_status status = weir_i_json_only(json, object, path, keys, sizeof keys / sizeof keys[0], error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "channels", 1, 65536, true, 0, &channels, error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "blocks", 0, 1024, true, 0, &blocks, error);
  if (status != WEIR_OK) return status;
  const weir_map mid = {channels, input.h, input.w}, output = {outputs, input.h, input.w};
  if (weir_i_net_start(net, build, input, output, 3 * blocks + 2, 3 * blocks + 3) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for a net of %zu blocks", blocks);

  const highway_builder b = {net, build, path};
  const int first = weir_i_net_value(net, mid);
  add_conv(&b, "in_conv", (weir_product_options){.kernel = 3, .in = input, .oc = channels, .reads = ends->reads}, WEIR_VALUE_INPUT,
           first);
  int stream = first;
  for (size_t i = 0; i < blocks; i++) {
    const int value = weir_i_net_value(net, mid), gate = weir_i_net_value(net, mid), next = weir_i_net_value(net, mid);
    // Scoring needs the first block's value and gate, and mixes them into the stream in place. A gradient of the stream is read while
    // the one before it is made, so those alternate between two.
    net->values[value].scoring = net->values[value].gradient = first + 1;
    net->values[gate].scoring = net->values[gate].gradient = first + 2;
    net->values[next].scoring = first;
    if (i > 0) net->values[next].gradient = i % 2 == 1 ? first : first + 3;
    add_block(&b, mid, i, (const int[]){value, gate, stream}, next);
    stream = next;
  }
  const weir_product_options last = {.kernel = 1, .in = mid, .oc = outputs, .gives = ends->gives, .zero_initial = true};
  add_conv(&b, "out_conv", last, stream, WEIR_VALUE_OUTPUT);
  return WEIR_OK;
}

const weir_net_class weir_i_net_highway = {"highway", parse};

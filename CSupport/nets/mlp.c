// Linear, ReLU, dropout, `layers` x [Linear, ReLU], Linear to s and t: for tables and embeddings (REFERENCE 4).
#include <stdio.h>

#include "layers/dropout.h"
#include "nets/net.h"

// A ReLU belongs to the layer that follows, and what is dropped before it is dropped after it. The layer before needs no output to find its
// gradients, so the map is masked where it lies.
static int add_dropout(weir_net *net, weir_build *build, double probability, int from) {
  const weir_map map = net->values[from].map;
  const int to = weir_i_net_value(net, map);
  net->values[to].training = from;
  weir_layer layer = weir_i_dropout_make(build, map, probability);
  layer.inputs[0] = from;
  layer.output = to;
  weir_i_net_add(net, layer);
  return to;
}

static weir_status parse(weir_net *net, weir_build *build, const weir_json *json, int object, const char *path,
                         const weir_net_ends *ends, weir_error *error) {
  const weir_map input = weir_i_net_live_input(ends);
  const size_t outputs = weir_i_slice_live(ends->gives);
  static const char *const keys[] = {"type", "hidden", "layers", "dropout"};
  size_t hidden = 0, layers = 0;
  double dropout = 0;
  weir_status status = weir_i_json_only(json, object, path, keys, sizeof keys / sizeof keys[0], error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "hidden", 1, 1 << 20, true, 0, &hidden, error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "layers", 0, 1024, true, 0, &layers, error);
  if (status == WEIR_OK) status = weir_i_json_number(json, object, path, "dropout", 0, 1, false, 0, &dropout, error);
  if (status != WEIR_OK) return status;
  if (dropout == 1)
    return weir_i_fail(error, WEIR_ERROR_SPEC, path, "dropout of 1 leaves nothing to learn from; it must be below 1");
  if (input.h != 1 || input.w != 1)
    return weir_i_fail(error, WEIR_ERROR_SPEC, path, "an mlp needs a table or an embedding, not a %zu x %zu map; use a resnet",
                       input.h, input.w);
  const weir_map output = {outputs, 1, 1}, map = {hidden, 1, 1};
  if (weir_i_net_start(net, build, input, output, layers + 3, layers + 4) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for a net of %zu layers", layers);
  int from = WEIR_VALUE_INPUT;
  for (size_t i = 0; i < layers + 2; i++) {
    const bool last = i == layers + 1;
    char name[112];
    snprintf(name, sizeof name, "%s.layers.%zu", path, i);
    const int to = last ? (int)WEIR_VALUE_OUTPUT : weir_i_net_value(net, map);
    weir_product_options layer = {
        .kernel = 1, .in = i == 0 ? input : map, .oc = last ? outputs : hidden, .relu = i > 0, .has_bias = true, .name = name};
    if (i == 0) layer.reads = ends->reads;
    if (last) layer.gives = ends->gives;
    weir_i_net_product(net, build, layer, from, to, WEIR_NONE);
    from = i == 0 && dropout > 0 ? add_dropout(net, build, dropout, to) : to;
  }
  // Scoring needs one hidden map only. A gradient is read while the one before it is made, so those alternate between two.
  const int first = WEIR_VALUE_OUTPUT + 1;
  for (int i = first; i < (int)net->value_count; i++) {
    net->values[i].scoring = first;
    net->values[i].gradient = first + (i - first) % 2;
  }
  return WEIR_OK;
}

const weir_net_class weir_i_net_mlp = {"mlp", parse};

// Linear, ReLU, `layers` x [Linear, ReLU], Linear to s and t: for tables and embeddings (REFERENCE 4).
#include <stdio.h>

#include "nets/net.h"

static weir_status parse(weir_net *net, weir_build *build, const weir_json *json, int object, const char *path, weir_map input,
                         size_t outputs, weir_error *error) {
  static const char *const keys[] = {"type", "hidden", "layers"};
  size_t hidden = 0, layers = 0;
  weir_status status = weir_i_json_only(json, object, path, keys, sizeof keys / sizeof keys[0], error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "hidden", 1, 1 << 20, true, 0, &hidden, error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "layers", 0, 1024, true, 0, &layers, error);
  if (status != WEIR_OK) return status;
  if (input.h != 1 || input.w != 1)
    return weir_i_fail(error, WEIR_ERROR_SPEC, path, "an mlp needs a table or an embedding, not a %zu x %zu map; use a resnet",
                       input.h, input.w);
  const weir_map output = {outputs, 1, 1}, map = {hidden, 1, 1};
  if (weir_i_net_start(net, build, input, output, layers + 2, layers + 3) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for a net of %zu layers", layers);
  int from = WEIR_VALUE_INPUT;
  for (size_t i = 0; i < layers + 2; i++) {
    const bool last = i == layers + 1;
    char name[112];
    snprintf(name, sizeof name, "%s.layers.%zu", path, i);
    const int to = last ? (int)WEIR_VALUE_OUTPUT : weir_i_net_value(net, map);
    const weir_product_options layer = {
        .kernel = 1, .in = i == 0 ? input : map, .oc = last ? outputs : hidden, .relu = i > 0, .has_bias = true, .name = name};
    weir_i_net_product(net, build, layer, from, to, WEIR_NONE);
    // Hidden maps alternate between two pieces of memory, for scoring and for gradients.
    if (!last) net->values[to].scoring = net->values[to].gradient = WEIR_VALUE_OUTPUT + 1 + (int)(i % 2);
    from = to;
  }
  return WEIR_OK;
}

const weir_net_class weir_i_net_mlp = {"mlp", parse};

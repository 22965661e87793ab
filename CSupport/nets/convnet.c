// 3x3 convolutions without activations between them, then a 1x1 convolution to s and t (REFERENCE 4).
#include <stdio.h>

#include "nets/net.h"

static weir_status parse(weir_net *net, weir_build *build, const weir_json *json, int object, const char *path,
                         const weir_net_ends *ends, weir_error *error) {
  const weir_map input = weir_i_net_live_input(ends);
  const size_t outputs = weir_i_slice_live(ends->gives);
  static const char *const keys[] = {"type", "channels", "blocks", "weight_norm"};
  size_t channels = 0, blocks = 0;
  bool weight_norm = true;
  weir_status status = weir_i_json_only(json, object, path, keys, sizeof keys / sizeof keys[0], error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "channels", 1, 65536, true, 0, &channels, error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "blocks", 0, 1024, true, 0, &blocks, error);
  if (status == WEIR_OK) status = weir_i_json_bool(json, object, path, "weight_norm", false, true, &weight_norm, error);
  if (status != WEIR_OK) return status;
  const weir_map mid = {channels, input.h, input.w}, output = {outputs, input.h, input.w};
  if (weir_i_net_start(net, build, input, output, blocks + 2, blocks + 3) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for a net of %zu blocks", blocks);

  char name[112];
  int from = WEIR_VALUE_INPUT, first = WEIR_NONE;
  for (size_t i = 0; i <= blocks; i++) {
    const int to = weir_i_net_value(net, mid);
    if (i == 0) first = to;
    // Scoring needs one hidden map only. A gradient is read while the one before it is made, so those alternate between two.
    net->values[to].scoring = first;
    if (i > 1) net->values[to].gradient = first + (int)(i % 2);
    snprintf(name, sizeof name, "%s.convs.%zu", path, i);
    weir_product_options conv = {
        .kernel = 3, .in = i == 0 ? input : mid, .oc = channels, .weight_norm = weight_norm, .has_bias = true, .name = name};
    if (i == 0) conv.reads = ends->reads;
    weir_i_net_product(net, build, conv, from, to, WEIR_NONE);
    from = to;
  }
  snprintf(name, sizeof name, "%s.out_conv", path);
  const weir_product_options last = {
      .kernel = 1, .in = mid, .oc = outputs, .gives = ends->gives, .weight_norm = weight_norm, .has_bias = true, .name = name};
  weir_i_net_product(net, build, last, from, WEIR_VALUE_OUTPUT, WEIR_NONE);
  return WEIR_OK;
}

const weir_net_class weir_i_net_convnet = {"convnet", parse};

// Glow's network (Kingma and Dhariwal 2018; REFERENCE 4): 3x3, ReLU, 1x1, ReLU, 3x3. A fresh one gives s = t = 0.
#include <stdio.h>

#include "nets/net.h"

static weir_status parse(weir_net *net, weir_build *build, const weir_json *json, int object, const char *path,
                         const weir_net_ends *ends, weir_error *error) {
  const weir_map input = weir_i_net_live_input(ends);
  const size_t outputs = weir_i_slice_live(ends->gives);
  static const char *const keys[] = {"type", "channels"};
  size_t channels = 0;
  weir_status status = weir_i_json_only(json, object, path, keys, sizeof keys / sizeof keys[0], error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "channels", 1, 65536, true, 0, &channels, error);
  if (status != WEIR_OK) return status;
  const weir_map mid = {channels, input.h, input.w}, output = {outputs, input.h, input.w};
  if (weir_i_net_start(net, build, input, output, 3, 4) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for a glow net");

  const int first = weir_i_net_value(net, mid), second = weir_i_net_value(net, mid);
  net->values[second].scoring = first;
  static const char *const leaves[] = {"in_conv", "mid_conv", "out_conv"};
  const int values[] = {WEIR_VALUE_INPUT, first, second, WEIR_VALUE_OUTPUT};
  for (size_t i = 0; i < 3; i++) {
    char name[112];
    snprintf(name, sizeof name, "%s.%s", path, leaves[i]);
    weir_product_options conv = {.kernel = i == 1 ? 1 : 3,
                                 .in = i == 0 ? input : mid,
                                 .oc = i == 2 ? outputs : channels,
                                 .relu = i > 0,
                                 .has_bias = true,
                                 .deviation = 0.05f,
                                 .zero_initial = i == 2,
                                 .name = name};
    if (i == 0) conv.reads = ends->reads;
    if (i == 2) conv.gives = ends->gives;
    weir_i_net_product(net, build, conv, values[i], values[i + 1], WEIR_NONE);
  }
  return WEIR_OK;
}

const weir_net_class weir_i_net_glow = {"glow", parse};

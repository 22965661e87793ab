// The autoencoder of the paper's latent-dimension experiments (REFERENCE 4): 4x4 convolutions with leaky ReLUs, linear to `latent` numbers,
// linear back, and transposed convolutions that mirror the first. Two layouts: "valid" (the paper's) and "padded" (an older variant).
#include <stdio.h>

#include "layers/patch_conv.h"
#include "layers/reshape.h"
#include "nets/net.h"

enum { KERNEL = 4, MOST_STAGES = 4, LATENT_MOST = 1 << 20 };
static const float SLOPE = 0.01f;

// Convolution i has channels[i] outputs; the transposed one that mirrors it shares stride and pad and adds output_pad[i].
typedef struct autoencoder_layout {
  size_t stages;
  size_t channels[MOST_STAGES], stride[MOST_STAGES], pad[MOST_STAGES], output_pad[MOST_STAGES];
} autoencoder_layout;

static autoencoder_layout layout_of(bool padded, size_t width) {
  const size_t k = width / 14;
  if (padded) return (autoencoder_layout){3, {32, 32, 64}, {1, 2, 2}, {2, 1, 1}, {0, 1, 0}};
  return (autoencoder_layout){4, {32, 64, 64, 128}, {1, 1, k, k}, {0, 0, 0, 0}, {0, 0, 0, 0}};
}

static weir_patch_conv_options stage_options(const autoencoder_layout *layout, size_t stage, weir_map in, size_t oc) {
  return (weir_patch_conv_options){.in = in,
                                   .oc = oc,
                                   .kernel = KERNEL,
                                   .stride = layout->stride[stage],
                                   .pad = layout->pad[stage],
                                   .output_pad = layout->output_pad[stage],
                                   .slope = SLOPE};
}

// The encoder's maps, maps[0] being the input; false when the decoder doesn't come back through the same sizes.
static bool encode(const autoencoder_layout *layout, weir_map input, weir_map maps[MOST_STAGES + 1]) {
  maps[0] = input;
  for (size_t i = 0; i < layout->stages; i++) {
    const size_t least = KERNEL - 2 * layout->pad[i];
    if (layout->stride[i] == 0 || (layout->pad[i] * 2 < KERNEL && (maps[i].h < least || maps[i].w < least))) return false;
    const weir_patch_conv_options there = stage_options(layout, i, maps[i], layout->channels[i]);
    maps[i + 1] = weir_i_patch_conv_out(&there);
    const weir_patch_conv_options back = stage_options(layout, i, maps[i + 1], maps[i].c);
    const weir_map again = weir_i_transposed_conv_out(&back);
    if (again.h != maps[i].h || again.w != maps[i].w) return false;
  }
  return true;
}

static bool fits(bool padded, size_t height, size_t width) {
  weir_map maps[MOST_STAGES + 1];
  const autoencoder_layout layout = layout_of(padded, width);
  return encode(&layout, (weir_map){1, height, width}, maps);
}

// Names the nearest square maps that fit. No valid layout fits above a width of 164, so the search upwards ends.
static weir_status refuse(bool padded, weir_map input, const char *path, weir_error *error) {
  enum { REACH = 256 };
  size_t below = input.w, above = input.w + 1;
  while (below > 0 && !fits(padded, below, below)) below--;
  while (above <= input.w + REACH && !fits(padded, above, above)) above++;
  char sides[64] = "";
  int used = 0;
  if (below > 0) used = snprintf(sides, sizeof sides, "%zu x %zu", below, below);
  if (above <= input.w + REACH)
    snprintf(sides + used, sizeof sides - (size_t)used, "%s%zu x %zu", used > 0 ? " and " : "", above, above);
  return weir_i_fail(error, WEIR_ERROR_SPEC, path,
                     "%s layout: the decoder does not come back to a %zu x %zu map, as it does to %s; resize, or use another net",
                     padded ? "padded" : "valid", input.h, input.w, sides);
}

typedef struct autoencoder_builder {
  weir_net *net;
  weir_build *build;
  const char *path;
} autoencoder_builder;

static void add(const autoencoder_builder *b, weir_layer layer, int from, int to) {
  layer.inputs[0] = from;
  layer.output = to;
  weir_i_net_add(b->net, layer);
}

static void add_linear(const autoencoder_builder *b, const char *leaf, weir_product_options linear, int from, int to) {
  char name[112];
  snprintf(name, sizeof name, "%s.%s", b->path, leaf);
  linear.kernel = 1;
  linear.has_bias = true;
  linear.name = name;
  weir_i_net_product(b->net, b->build, linear, from, to, WEIR_NONE);
}

// What the decoder makes has the sizes of what the encoder made, and lives after it: when scoring and among gradients it takes its place.
static int mirror(const autoencoder_builder *b, int value) {
  const int made = weir_i_net_value(b->net, b->net->values[value].map);
  b->net->values[made].scoring = b->net->values[made].gradient = value;
  return made;
}

static void build_layers(const autoencoder_builder *b, const autoencoder_layout *layout, const weir_map maps[MOST_STAGES + 1],
                         size_t latent) {
  const size_t stages = layout->stages;
  char name[112];
  int encoded[MOST_STAGES + 1] = {WEIR_VALUE_INPUT};
  for (size_t i = 0; i < stages; i++) {
    encoded[i + 1] = weir_i_net_value(b->net, maps[i + 1]);
    snprintf(name, sizeof name, "%s.encoder.%zu", b->path, i);
    weir_patch_conv_options conv = stage_options(layout, i, maps[i], layout->channels[i]);
    conv.relu = i > 0;
    conv.name = name;
    add(b, weir_i_patch_conv_make(b->build, conv), encoded[i], encoded[i + 1]);
  }

  const weir_map last = maps[stages], row = weir_i_map_row(last), code = {latent, 1, 1};
  const int flat = weir_i_net_value(b->net, row), narrow = weir_i_net_value(b->net, code);
  const int widened = mirror(b, flat);
  add(b, weir_i_flatten_make(b->build, last), encoded[stages], flat);
  add_linear(b, "encode", (weir_product_options){.in = row, .oc = latent, .relu = true, .slope = SLOPE}, flat, narrow);
  add_linear(b, "decode", (weir_product_options){.in = code, .oc = row.c}, narrow, widened);
  int from = mirror(b, encoded[stages]);
  add(b, weir_i_unflatten_make(b->build, last), widened, from);

  for (size_t i = stages; i-- > 0;) {
    const int to = i == 0 ? (int)WEIR_VALUE_OUTPUT : mirror(b, encoded[i]);
    snprintf(name, sizeof name, "%s.decoder.%zu", b->path, stages - 1 - i);
    weir_patch_conv_options conv = stage_options(layout, i, maps[i + 1], b->net->values[to].map.c);
    conv.relu = i + 1 < stages;
    conv.name = name;
    add(b, weir_i_transposed_conv_make(b->build, conv), from, to);
    from = to;
  }
}

static weir_status parse(weir_net *net, weir_build *build, const weir_json *json, int object, const char *path,
                         const weir_net_ends *ends, weir_error *error) {
  static const char *const keys[] = {"type", "latent", "layout"}, *const layouts[] = {"valid", "padded"};
  size_t latent = 0, chosen = 0;
  weir_status status = weir_i_json_only(json, object, path, keys, sizeof keys / sizeof keys[0], error);
  if (status == WEIR_OK) status = weir_i_json_count(json, object, path, "latent", 1, LATENT_MOST, true, 0, &latent, error);
  if (status == WEIR_OK) status = weir_i_json_choice(json, object, path, "layout", layouts, 2, false, 0, &chosen, error);
  if (status != WEIR_OK) return status;
  weir_map maps[MOST_STAGES + 1];
  const weir_map input = ends->input;  // has no dead channels: those masks are for tables, which don't fit
  const autoencoder_layout layout = layout_of(chosen == 1, input.w);
  if (!encode(&layout, input, maps)) return refuse(chosen == 1, input, path, error);
  const weir_map output = {weir_i_slice_live(ends->gives), input.h, input.w};
  if (weir_i_net_start(net, build, input, output, 2 * layout.stages + 4, 2 * layout.stages + 6) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for an autoencoder");
  build_layers(&(autoencoder_builder){net, build, path}, &layout, maps, latent);
  return WEIR_OK;
}

const weir_net_class weir_i_net_autoencoder = {"autoencoder", parse};

#include "nets/net.h"

#include <stdio.h>
#include <string.h>

#define WEIR_NET(type) extern const weir_net_class weir_i_net_##type;
#include "nets/nets.def"
#undef WEIR_NET

static const weir_net_class *const classes[] = {
#define WEIR_NET(type) &weir_i_net_##type,
#include "nets/nets.def"
#undef WEIR_NET
};

enum { CLASS_COUNT = sizeof classes / sizeof classes[0] };

weir_map weir_i_net_live_input(const weir_net_ends *ends) {
  return (weir_map){weir_i_slice_live(ends->reads), ends->input.h, ends->input.w};
}

weir_status weir_i_net_parse(weir_build *build, const weir_json *json, int object, const char *path, const weir_net_ends *ends,
                             weir_net **net, weir_error *error) {
  if (!weir_i_json_is_object(json, object))
    return weir_i_fail(error, WEIR_ERROR_SPEC, path,
                       "a coupling needs a net, for example {\"type\": \"resnet\", \"channels\": 32, \"blocks\": 2}");
  const char *types[CLASS_COUNT];
  for (size_t i = 0; i < CLASS_COUNT; i++) types[i] = classes[i]->type;
  size_t chosen;
  const weir_status known = weir_i_json_choice(json, object, path, "type", types, CLASS_COUNT, true, 0, &chosen, error);
  if (known != WEIR_OK) return known;
  *net = weir_i_pool_take(build->pool, 1, sizeof **net);
  if (*net == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for a net; close something and open again");
  (*net)->type = classes[chosen]->type;
  const weir_status parsed = classes[chosen]->parse(*net, build, json, object, path, ends, error);
  if (parsed == WEIR_OK && !weir_i_build_failed(build)) weir_i_net_narrow(*net, weir_i_region_whole(ends->input.h, ends->input.w));
  return parsed != WEIR_OK ? parsed : weir_i_build_status(build, path, "the flow", error);
}

weir_status weir_i_net_start(weir_net *net, weir_build *build, weir_map input, weir_map output, size_t layers, size_t values) {
  net->layers = weir_i_pool_take(build->pool, layers, sizeof *net->layers);
  net->values = weir_i_pool_take(build->pool, values, sizeof *net->values);
  if (net->layers == NULL || net->values == NULL) return WEIR_ERROR_MEMORY;
  weir_i_net_value(net, input);
  weir_i_net_value(net, output);
  return WEIR_OK;
}

int weir_i_net_value(weir_net *net, weir_map map) {
  const int index = (int)net->value_count;
  net->values[net->value_count++] = (weir_value){.map = map, .training = index, .scoring = index, .gradient = index};
  return index;
}

void weir_i_net_add(weir_net *net, weir_layer layer) { net->layers[net->layer_count++] = layer; }

void weir_i_net_product(weir_net *net, weir_build *build, weir_product_options options, int input, int output, int residual) {
  weir_layer layer = weir_i_product_make(build, options);
  layer.inputs[0] = input;
  layer.output = output;
  layer.residual = residual;
  weir_i_net_add(net, layer);
}

static void need(weir_net *net, int value, weir_region region) {
  net->values[value].needed = weir_i_region_join(net->values[value].needed, region);
}

void weir_i_net_narrow(weir_net *net, weir_region output) {
  for (size_t i = 0; i < net->value_count; i++) net->values[i].needed = (weir_region){0};
  need(net, WEIR_VALUE_OUTPUT, output);
  for (size_t i = net->layer_count; i-- > 0;) {
    weir_layer *layer = &net->layers[i];
    layer->region = net->values[layer->output].needed;
    if (layer->residual != WEIR_NONE) need(net, layer->residual, layer->region);
    for (size_t k = 0; k < WEIR_LAYER_INPUTS && layer->inputs[k] != WEIR_NONE; k++) {
      const weir_map map = net->values[layer->inputs[k]].map;
      const bool all = layer->type->reads == NULL;
      need(net, layer->inputs[k], all ? weir_i_region_whole(map.h, map.w) : layer->type->reads(layer, layer->region));
    }
  }
}

void weir_i_net_pack(const weir_net *net, const weir_parameters *parameters, const float *values, float *packed,
                     float *packed_training) {
  for (size_t i = 0; i < net->layer_count; i++) {
    const weir_layer *layer = &net->layers[i];
    if (layer->type->pack != NULL) layer->type->pack(layer, parameters, values, packed, packed_training);
  }
}

void weir_i_net_pack_bf16(const weir_net *net, const float *packed, uint16_t *packed_bf16) {
  for (size_t i = 0; i < net->layer_count; i++) {
    const weir_layer *layer = &net->layers[i];
    if (layer->type->pack_bf16 != NULL) layer->type->pack_bf16(layer, packed, packed_bf16);
  }
}

// Takes memory for the values that own theirs and lets the others share it. Owners come before sharers.
static float **take_maps(const weir_net *net, weir_arena *arena, size_t n, int (*owner)(const weir_value *)) {
  float **maps = weir_i_arena_take(arena, net->value_count, sizeof *maps);
  for (size_t i = 0; i < net->value_count; i++) {
    const size_t from = (size_t)owner(&net->values[i]);
    float *memory = from == i ? weir_i_arena_take(arena, n * weir_i_map_blocked(net->values[i].map), sizeof *memory) : NULL;
    if (maps != NULL) maps[i] = from == i ? memory : maps[from];
  }
  return maps;
}

static int training_owner(const weir_value *value) { return value->training; }
static int scoring_owner(const weir_value *value) { return value->scoring; }
static int gradient_owner(const weir_value *value) { return value->gradient; }

weir_activations weir_i_net_take(const weir_net *net, weir_arena *arena, size_t n, bool training) {
  weir_activations activations = {take_maps(net, arena, n, training ? training_owner : scoring_owner), NULL};
  if (!training) return activations;
  activations.norms = weir_i_arena_take(arena, net->layer_count, sizeof *activations.norms);
  for (size_t i = 0; i < net->layer_count; i++) {
    float *state = NULL;
    const weir_norm *norm = net->layers[i].norm;
    if (norm != NULL) state = weir_i_arena_take(arena, WEIR_NORM_ARRAYS * weir_i_block_round(norm->c), sizeof *state);
    if (activations.norms != NULL) activations.norms[i] = state;
  }
  return activations;
}

weir_net_gradients weir_i_net_take_gradients(const weir_net *net, weir_arena *arena, size_t n) {
  return (weir_net_gradients){take_maps(net, arena, n, gradient_owner)};
}

static void reserve_layers(const weir_net *net, const weir_layer_run *run) {
  for (size_t i = 0; i < net->layer_count; i++)
    if (net->layers[i].type->reserve != NULL) net->layers[i].type->reserve(&net->layers[i], run);
}

void weir_i_net_reserve(const weir_net *net, const weir_layer_run *run) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  if (WEIR_TRAINS(run)) weir_i_arena_take(run->scratch, net->value_count, sizeof(bool));
  reserve_layers(net, run);
  weir_i_arena_release(run->scratch, mark);
}

static weir_layer_maps maps_of(const weir_layer *layer, weir_activations activations, const float *norm) {
  weir_layer_maps maps = {.y = activations.maps[layer->output], .norm = (float *)norm};
  for (size_t k = 0; k < WEIR_LAYER_INPUTS && layer->inputs[k] != WEIR_NONE; k++) maps.x[k] = activations.maps[layer->inputs[k]];
  if (layer->residual != WEIR_NONE) maps.residual = activations.maps[layer->residual];
  return maps;
}

void weir_i_net_forward(const weir_net *net, const weir_parameters *parameters, const weir_layer_run *run,
                        weir_activations activations) {
  for (size_t i = 0; i < net->layer_count; i++) {
    const weir_layer *layer = &net->layers[i];
    const weir_layer_maps maps = maps_of(layer, activations, WEIR_TRAINS(run) ? activations.norms[i] : NULL);
    layer->type->forward(layer, parameters, run, &maps);
    weir_i_lap(run->watch);
  }
}

// A residual's gradient is its output's, so the two share memory and nothing is to be done for it. Every other value's gradient is
// a sum over its readers, which come later in the list: it is cleared when the first of them (walking back) is reached.
void weir_i_net_backward(const weir_net *net, const weir_parameters *parameters, const weir_layer_run *run,
                         weir_activations activations, weir_net_gradients gradients) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  bool *begun = weir_i_arena_take(run->scratch, net->value_count, sizeof *begun);
  memset(begun, 0, net->value_count * sizeof *begun);
  begun[WEIR_VALUE_OUTPUT] = true;
  for (size_t i = net->layer_count; i-- > 0;) {
    const weir_layer *layer = &net->layers[i];
    weir_layer_maps maps = maps_of(layer, activations, activations.norms[i]);
    if (layer->residual != WEIR_NONE) begun[layer->residual] = true;
    for (size_t k = 0; k < WEIR_LAYER_INPUTS && layer->inputs[k] != WEIR_NONE; k++) {
      const int input = layer->inputs[k];
      maps.dx[k] = gradients.maps[input];
      if (begun[input]) continue;
      memset(maps.dx[k], 0, run->n * weir_i_map_blocked(net->values[input].map) * sizeof(float));
      begun[input] = true;
    }
    maps.dy = gradients.maps[layer->output];
    layer->type->backward(layer, parameters, run, &maps);
  }
  weir_i_arena_release(run->scratch, mark);
}

double weir_i_net_flops(const weir_net *net) {
  double flops = 0;
  for (size_t i = 0; i < net->layer_count; i++)
    if (net->layers[i].type->flops != NULL) flops += net->layers[i].type->flops(&net->layers[i]);
  return flops;
}

static void put_shape(weir_map map, size_t shape[3]) {
  shape[0] = map.c;
  shape[1] = map.h;
  shape[2] = map.w;
}

void weir_i_net_describe(const weir_net *net, size_t index, bool bf16, weir_layer_info *info) {
  const weir_layer *layer = &net->layers[index];
  const weir_map output = net->values[layer->output].map;
  size_t floats = weir_i_map_blocked(output) * (layer->residual == WEIR_NONE ? 1 : 2);
  for (size_t k = 0; k < WEIR_LAYER_INPUTS && layer->inputs[k] != WEIR_NONE; k++)
    floats += weir_i_map_blocked(net->values[layer->inputs[k]].map);
  put_shape(net->values[layer->inputs[0]].map, info->input_shape);
  put_shape(output, info->output_shape);
  info->sample_bytes = floats * sizeof(float);
  info->flops = layer->type->flops == NULL ? 0 : layer->type->flops(layer);
  layer->type->describe(layer, bf16, info);
}

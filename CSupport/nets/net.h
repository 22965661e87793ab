// An st-network: a list of layers over numbered values (maps). A builder describes it; this runs it forward and backward.
#ifndef WEIR_NETS_NET_H
#define WEIR_NETS_NET_H

#include "base/json.h"
#include "base/status.h"
#include "layers/product.h"

/// A map inside a net. Values that never live at once share memory: `scoring` and `gradient` name the value whose memory is used.
typedef struct weir_value {
  weir_map map;
  int training;        // value that owns the memory in training
  int scoring;         // ... when scoring
  int gradient;        // ... for gradients
  weir_region needed;  // pixels that scoring needs
} weir_value;

/// Value 0 is the input, value 1 the output: s then t for affine couplings, t alone for additive ones.
enum { WEIR_VALUE_INPUT = 0, WEIR_VALUE_OUTPUT = 1 };

typedef struct weir_net {
  const char *type;
  weir_layer *layers;
  size_t layer_count;
  weir_value *values;
  size_t value_count;
} weir_net;

/// What a coupling asks of its net. Maps have the channels that parameters are for; a mask that splits channels leaves some unused.
typedef struct weir_net_ends {
  weir_map input;    // all channels
  weir_slice reads;  // of the input's channels; the others are zero
  weir_slice gives;  // of the output's channels; the others need not be computed
} weir_net_ends;

/// The channels that are not zero, as a map of their own: what a net reads unless it says otherwise by the map of its value 0.
weir_map weir_i_net_live_input(const weir_net_ends *ends);

/// A kind of net: how its members of the model description become layers. `path` ("steps.3.net") starts its parameters' names.
typedef struct weir_net_class {
  const char *type;
  weir_status (*parse)(weir_net *net, weir_build *build, const weir_json *json, int object, const char *path,
                       const weir_net_ends *ends, weir_error *error);
} weir_net_class;

/// Builds the net that `object` describes. Its output map has the channels that it gives and no others.
weir_status weir_i_net_parse(weir_build *build, const weir_json *json, int object, const char *path, const weir_net_ends *ends,
                             weir_net **net, weir_error *error);

// For builders. A size that is too large or missing memory fails the build.
weir_status weir_i_net_start(weir_net *net, weir_build *build, weir_map input, weir_map output, size_t layers, size_t values);
/// Adds a value with memory of its own.
int weir_i_net_value(weir_net *net, weir_map map);
/// Adds a layer whose inputs, output and residual are set.
void weir_i_net_add(weir_net *net, weir_layer layer);
/// Adds a product from one value to another; residual may be WEIR_NONE.
void weir_i_net_product(weir_net *net, weir_build *build, weir_product_options options, int input, int output, int residual);

/// Lets scoring compute no more than what a region of the output needs: of it, and of every map inside, other pixels are then unspecified.
/// A built net computes all of its output.
void weir_i_net_narrow(weir_net *net, weir_region output);

void weir_i_net_pack(const weir_net *net, const weir_parameters *parameters, const float *values, float *packed,
                     float *packed_training);

void weir_i_net_pack_bf16(const weir_net *net, const float *packed, uint16_t *packed_bf16);

/// The memory of one run for n samples.
typedef struct weir_activations {
  float **maps;   // [value_count]
  float **norms;  // [layer_count], training only: batch norm states
} weir_activations;

/// Takes activations from an arena (a null one counts).
weir_activations weir_i_net_take(const weir_net *net, weir_arena *arena, size_t n, bool training);
/// The largest scratch that its layers need while they run, taken and given back.
void weir_i_net_reserve(const weir_net *net, const weir_layer_run *run);

/// maps[0] -> maps[1]. Laps run->watch after every layer.
void weir_i_net_forward(const weir_net *net, const weir_parameters *parameters, const weir_layer_run *run,
                        weir_activations activations);

/// Gradient maps, taken as activations are.
typedef struct weir_net_gradients {
  float **maps;
} weir_net_gradients;
weir_net_gradients weir_i_net_take_gradients(const weir_net *net, weir_arena *arena, size_t n);

/// gradients.maps[1] -> gradients.maps[0], and adds to the parameters' gradients. Activations are those of a training-mode forward.
void weir_i_net_backward(const weir_net *net, const weir_parameters *parameters, const weir_layer_run *run,
                         weir_activations activations, weir_net_gradients gradients);

double weir_i_net_flops(const weir_net *net);

/// What scoring runs for layer `index`, for one of the net's samples.
void weir_i_net_describe(const weir_net *net, size_t index, bool bf16, weir_layer_info *info);

#endif

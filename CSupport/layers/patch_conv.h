// Convolutions of any kernel and stride, and transposed ones, as products over patches (layers/patches.h): each is the other's adjoint. One
// side is an image, the other has `maps` channels at every place of a window over it. A convolution reads the image into the maps; a
// transposed one writes the maps onto the image; their backward passes do the opposite. patch_conv.c declares and runs them,
// patch_conv_backward.c holds the gradients.
#ifndef WEIR_LAYERS_PATCH_CONV_H
#define WEIR_LAYERS_PATCH_CONV_H

#include "layers/layer.h"
#include "layers/patches.h"

/// What a builder says of a new layer.
typedef struct weir_patch_conv_options {
  weir_map in;
  size_t oc, kernel, stride, pad;
  size_t output_pad;  // transposed ones: lines below and columns on the right that no window reaches
  bool relu;          // before anything else
  float slope;        // of it below zero
  const char *name;   // where its parameters live: "steps.3.net.encoder.0"
} weir_patch_conv_options;

/// What it gives: PyTorch's sizes, floor((h + 2 pad - kernel) / stride) + 1. The window fits the padded input.
weir_map weir_i_patch_conv_out(const weir_patch_conv_options *options);
/// (h - 1) stride - 2 pad + kernel + output_pad, which is 1 or more.
weir_map weir_i_transposed_conv_out(const weir_patch_conv_options *options);

/// Declare weight, [oc][ic][kernel][kernel] or transposed [ic][oc][kernel][kernel] as PyTorch orders them, bias and packed constants.
/// Fresh ones are uniform in +-1/sqrt(fan in), PyTorch's default: the weight's second size times kernel^2.
weir_layer weir_i_patch_conv_make(weir_build *build, weir_patch_conv_options options);
weir_layer weir_i_transposed_conv_make(weir_build *build, weir_patch_conv_options options);

// For the two files.

typedef struct weir_patch_conv {
  bool transposed;
  weir_patches patches;
  size_t maps;
  weir_map in, out;  // one is the image
  bool relu;
  float slope;
  size_t weight, bias;       // parameters: [maps][image.c][kernel][kernel], [out.c]
  size_t packed_bias;        // into packed
  size_t read_at, write_at;  // weights to read and write with: one into packed, the other into packed_training
} weir_patch_conv;

/// Rows that a thread holds at once: with the weights they are read by, they fit a second-level cache.
enum { WEIR_PATCH_CHUNK = 64 };

/// One direction of a layer.
typedef struct weir_patch_pass {
  const weir_patch_conv *conv;
  const weir_kernels *kernels;
  bool read;            // image to maps, not maps to image
  const float *weight;  // packed for that direction
  const float *bias;    // [round(c)] of what it gives, or NULL for zero
} weir_patch_pass;

/// from -> to for one sample; rows is scratch for WEIR_PATCH_CHUNK rows.
void weir_i_patch_pass_run(const weir_patch_pass *pass, const float *from, float *rows, float *to);
/// One sample's input, rectified into `scratch`, or x itself when it is used as it is.
const float *weir_i_patch_conv_rectify(const weir_patch_conv *conv, const weir_kernels *kernels, const float *x, float *scratch);

void weir_i_patch_conv_backward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                                const weir_layer_maps *maps);
/// Takes what a backward takes, and gives it back.
void weir_i_patch_conv_reserve_backward(const weir_patch_conv *conv, const weir_layer_run *run);

#endif

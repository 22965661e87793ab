// The product layer: preactivation (batch norm, rectifier, join with the negative), then a 3x3 or 1x1 convolution or a linear map, then bias and
// residual. product.c declares and packs; the passes are in product_forward.c and product_backward.c.
#ifndef WEIR_LAYERS_PRODUCT_H
#define WEIR_LAYERS_PRODUCT_H

#include "layers/normalization.h"
#include "layers/weight.h"
#include "layers/winograd_conv.h"

typedef struct weir_product {
  size_t kernel;            // 3 or 1
  weir_map in;              // the input map, of live channels
  size_t oc;                // live output channels
  weir_slice reads, gives;  // the same among the channels that the parameters are for
  bool relu, negate;
  float slope;  // of the rectifier below zero
  weir_norm norm;
  bool weight_norm, has_bias;
  size_t weight, gain, bias;  // parameters; weight is the direction under weight norm

  size_t packed_weight, packed_bias, packed_scale, packed_shift;  // offsets into packed
  size_t packed_transposed;                                       // into packed_training
  size_t packed_bf16;                                             // into packed_bf16: the weight
} weir_product;

/// What a builder says of a new product; the rest of weir_product is filled in by weir_i_product_make.
typedef struct weir_product_options {
  size_t kernel;
  weir_map in;
  size_t oc;
  // Where the channels of `in` and oc are among those that the parameters are for; zeros mean that they are all of them. No `reads` with norm.
  weir_slice reads, gives;
  bool relu, negate, weight_norm, has_bias;
  float slope;      // 0 for ReLU, 0.01 for a leaky one
  float deviation;  // fresh weights are normal with this deviation and biases zero; 0 for PyTorch's default
  bool zero_initial;
  bool norm;
  float input_scale;
  const char *norm_name;  // "steps.3.net.in_norm" and "steps.3.net.in_conv": where its parameters live
  const char *name;
} weir_product_options;

/// Declares a product's parameters and packed constants. Unless it is direct (see below) it reads a sample before it writes it: when scoring, y
/// may share memory with an x of the same size.
weir_layer weir_i_product_make(weir_build *build, weir_product_options options);

/// Its weights, as they are in `values`.
weir_weight weir_i_product_weight(const weir_product *product, const weir_parameters *parameters, const float *values);

void weir_i_product_forward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                            const weir_layer_maps *maps);
void weir_i_product_backward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                             const weir_layer_maps *maps);
/// Takes from the scratch what a pass takes, and gives it back; of the backward pass it leaves that to the caller.
void weir_i_product_reserve(const weir_layer *layer, const weir_layer_run *run);
void weir_i_product_reserve_backward(const weir_product *product, const weir_layer_run *run);

/// Channels that the product sees: twice the input's when it is joined with its negative.
static inline size_t weir_i_product_ic(const weir_product *product) { return product->negate ? 2 * product->in.c : product->in.c; }
static inline size_t weir_i_product_pixels(const weir_product *product) { return product->in.h * product->in.w; }
/// Floats of one sample's input, output, and of the preactivation with its halo.
static inline size_t weir_i_product_x_floats(const weir_product *product) { return weir_i_map_blocked(product->in); }
static inline size_t weir_i_product_y_floats(const weir_product *product) {
  return weir_i_block_round(product->oc) * weir_i_product_pixels(product);
}
static inline size_t weir_i_product_halo(const weir_product *product) { return product->kernel / 2; }
static inline size_t weir_i_product_p_floats(const weir_product *product) {
  const size_t pad = 2 * weir_i_product_halo(product);
  return weir_i_block_round(weir_i_product_ic(product)) * (product->in.h + pad) * (product->in.w + pad);
}

/// True when the samples are the rows of one product.
static inline bool weir_i_product_table(const weir_product *product) {
  return product->kernel == 1 && weir_i_product_pixels(product) == 1;
}

/// True when the product reads x itself: no preactivation, no halo.
static inline bool weir_i_product_direct(const weir_product *product) {
  return !product->norm.present && !product->relu && !product->negate && product->kernel == 1;
}

/// True when it goes by Winograd's filtering, which preactivates as it reads.
static inline bool weir_i_product_winograd(const weir_product *product) {
  return product->kernel == 3 && !product->negate && weir_i_winograd_conv_pays(product->in.c, product->in.h, product->in.w);
}

/// The convolution of a product that goes by Winograd: its sizes and rectifier. Arrays and constants are the pass's.
static inline weir_winograd_conv weir_i_product_winograd_conv(const weir_product *product, weir_region region) {
  return (weir_winograd_conv){.relu = product->relu,
                              .slope = product->slope,
                              .ic = product->in.c,
                              .oc = product->oc,
                              .h = product->in.h,
                              .w = product->in.w,
                              .region = region};
}

/// Batch norm as scale and shift [round(in.c)], NULL without: folded, or in training those of `state`, the batch's norm state.
void weir_i_product_constants(const weir_product *product, const weir_layer_run *run, const float *state, const float **scale,
                              const float **shift);

/// The preactivation of one sample: x -> p. state is the batch's norm state in training, NULL otherwise.
void weir_i_product_preactivate(const weir_product *product, const weir_layer_run *run, const float *state, const float *x,
                                float *p);

/// True when scoring can take its products of bf16 numbers. Direct 3x3 convolutions have few input channels and stay in f32.
static inline bool weir_i_product_has_bf16(const weir_product *product) {
  return product->kernel == 1 || weir_i_product_winograd(product);
}

/// What a forward takes from run->scratch besides Winograd's planes: preactivations, and those rounded to bf16. NULL where there are none.
typedef struct weir_product_scratch {
  float *p;
  uint16_t *rounded;
} weir_product_scratch;
weir_product_scratch weir_i_product_take(const weir_product *product, const weir_layer_run *run);

#endif

// A layer of an st-network: from one to three maps to one, with a backward pass. Maps are blocked: [n][blocks(c)][h][w][16]. Each kind is a
// class in files of its own: product (convolution or linear, with what comes before it), gate, reshape, ...
#ifndef WEIR_LAYERS_LAYER_H
#define WEIR_LAYERS_LAYER_H

#include "base/clock.h"
#include "base/parallel.h"
#include "base/training.h"
#include "kernels/kernels.h"
#include "kernels/region.h"
#include "layers/layout.h"
#include "layers/parameter.h"

/// What a training-mode forward does with each batch norm's statistics besides normalising by them.
typedef enum weir_statistics {
  WEIR_STATISTICS_NONE,      // a recomputation
  WEIR_STATISTICS_MOMENTUM,  // running averages, as PyTorch: 0.9 old + 0.1 new, unbiased variance
  WEIR_STATISTICS_POOL,      // sums for the re-estimation pass
} weir_statistics;

typedef struct weir_layer_run {
  const weir_kernels *kernels;
  weir_team team;
  weir_arena *scratch;
  size_t n;
  const float *packed;  // the flow's constants
  bool bf16;            // products are of bf16 numbers, where the layer has such; never in training
  const uint16_t *packed_bf16;
  weir_stopwatch *watch;  // hears of the end of each part of the pass; NULL when nobody measures
  bool training;
  // Training only:
  const float *packed_training;
  float *values;
  float *gradients;
  weir_statistics statistics;
  double *pool;          // [norm_channels][2]: sums over samples of the mean and of the mean square
  uint64_t seed, index;  // of dropout: sample i of this run draws from (seed, index + i)
} weir_layer_run;

enum { WEIR_NONE = -1, WEIR_LAYER_INPUTS = 3 };

typedef struct weir_layer_class weir_layer_class;
typedef struct weir_norm weir_norm;

typedef struct weir_layer {
  const weir_layer_class *type;
  void *own;                      // what this type of layer knows, in the flow's memory
  const weir_norm *norm;          // batch norm of its first input, NULL without
  int inputs[WEIR_LAYER_INPUTS];  // values of the net that it reads, WEIR_NONE past the last
  int output;                     // value that it gives
  int residual;                   // value that it adds to that, WEIR_NONE for none
  weir_region region;             // pixels of its output that scoring needs; training needs them all
} weir_layer;

/// The arrays of one run of a layer, in the order of its inputs. norm holds [4][round(c)]: scale, shift, mean, 1/deviation of the batch,
/// written by a training-mode forward.
typedef struct weir_layer_maps {
  const float *x[WEIR_LAYER_INPUTS];
  const float *residual;
  float *y;
  float *norm;
  // Backward only: dy in, dx added to. The residual's gradient is dy itself.
  const float *dy;
  float *dx[WEIR_LAYER_INPUTS];
} weir_layer_maps;

struct weir_layer_class {
  /// Computes packed constants from values; with packed_training not NULL also those of the backward pass. NULL when it has none.
  void (*pack)(const weir_layer *layer, const weir_parameters *parameters, const float *values, float *packed,
               float *packed_training);
  /// Computes the constants of products in bf16 from packed ones. NULL when it has none.
  void (*pack_bf16)(const weir_layer *layer, const float *packed, uint16_t *packed_bf16);
  /// Takes from run->scratch what one forward (and, in training, backward) needs, and gives it back. NULL when that is nothing.
  void (*reserve)(const weir_layer *layer, const weir_layer_run *run);
  void (*forward)(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                  const weir_layer_maps *maps);
  /// Adds to dx and to the parameters' gradients.
  void (*backward)(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                   const weir_layer_maps *maps);
  /// Pixels of its inputs that it reads for a region of its output. NULL when that is all of them.
  weir_region (*reads)(const weir_layer *layer, weir_region region);
  /// Multiplications and additions to score one sample. NULL for few.
  double (*flops)(const weir_layer *layer);
  /// Sets name, kernel, preparation and weight_bytes of what scoring in f32 or bf16 runs; the net knows the rest.
  void (*describe)(const weir_layer *layer, bool bf16, weir_layer_info *info);
};

/// Whether a run is of a training step. Without the trainer that is a constant, and what only training does is left out.
#define WEIR_TRAINS(run) (WEIR_TRAINING && (run)->training)

/// Pixels of its output, a map, that this run needs.
static inline weir_region weir_i_layer_region(const weir_layer *layer, const weir_layer_run *run, weir_map map) {
  return WEIR_TRAINS(run) ? weir_i_region_whole(map.h, map.w) : layer->region;
}

/// weir_layer_class.reads of layers whose output pixels depend on the same pixels of their inputs.
weir_region weir_i_layer_reads_same(const weir_layer *layer, weir_region region);

/// A layer without inputs and output, with zeroed memory of `bytes` for layer.own. Without memory own is NULL and the build has failed.
weir_layer weir_i_layer_start(weir_build *build, const weir_layer_class *type, size_t bytes);

#endif

// The numbers of a flow: a list of named arrays inside one flat f32 vector, so that optimizers, files and checkpoints see one thing.
#ifndef WEIR_LAYERS_PARAMETER_H
#define WEIR_LAYERS_PARAMETER_H

#include <stdbool.h>

#include "base/pool.h"

/// How a fresh trainer fills it.
typedef enum weir_initial {
  WEIR_INITIAL_ZERO,
  WEIR_INITIAL_ONE,
  WEIR_INITIAL_CONSTANT,    // `bound`
  WEIR_INITIAL_UNIFORM,     // in [-bound, bound]
  WEIR_INITIAL_IDENTITY,    // a square matrix
  WEIR_INITIAL_ORTHOGONAL,  // a random rotation or reflection, square, of at most WEIR_I_MAX_ORTHOGONAL rows
  WEIR_INITIAL_NORMAL,      // of deviation `bound`
  WEIR_INITIAL_NORM,        // row norms of the parameter just before, so that weight norm starts as the identity
} weir_initial;

/// Which finite numbers it may hold.
typedef enum weir_domain { WEIR_DOMAIN_ANY, WEIR_DOMAIN_NOT_NEGATIVE, WEIR_DOMAIN_POSITIVE } weir_domain;

typedef struct weir_parameter {
  char name[88];  // "steps.3.net.blocks.0.in_conv.weight_v"
  size_t rank;
  size_t shape[4];
  size_t count;
  size_t offset;  // into the flat vector; as a model opens, into its step's numbers (file/model_open.c)
  bool trainable;
  bool decay;  // weight decay applies: gains of weight norm and of couplings
  weir_domain domain;
  weir_initial initial;
  float bound;
} weir_parameter;

typedef struct weir_parameters {
  weir_parameter *items;
  size_t count, capacity;
  size_t values;     // numbers in all
  size_t trainable;  // of those, trainable
} weir_parameters;

/// What steps and layers need while a flow is built.
typedef struct weir_build {
  weir_pool *pool;
  weir_parameters *parameters;
  size_t packed;           // floats of constants for scoring, so far
  size_t packed_training;  // further floats that only training needs
  size_t packed_bf16;      // numbers of constants for scoring in bf16
  size_t norm_channels;    // channels of all batch norms, so far
  size_t dropouts;         // layers that drop out, so far
  bool too_large;          // a size overflowed or passed WEIR_I_MAX_VALUES, or a name its place
  bool no_memory;
} weir_build;

/// True when the build can't go on; weir_i_build_status says why.
static inline bool weir_i_build_failed(const weir_build *build) { return build->too_large || build->no_memory; }
/// WEIR_OK, or an error about `what` ("the net") at `path`.
weir_status weir_i_build_status(const weir_build *build, const char *path, const char *what, weir_error *error);

/// Adds parameter "<prefix>.<leaf>" of the template's rank, shape and roles; returns its index. On failure the build has failed.
size_t weir_i_parameter_add(weir_build *build, const char *prefix, const char *leaf, weir_parameter parameter);

/// Reserves `count` floats, or bf16 numbers, of packed constants, aligned to 64 bytes; returns the offset.
size_t weir_i_build_packed(weir_build *build, size_t count);
size_t weir_i_build_packed_training(weir_build *build, size_t count);
size_t weir_i_build_packed_bf16(weir_build *build, size_t count);

/// The values of parameter number `parameter`.
static inline const float *weir_i_parameter_at(const weir_parameters *parameters, const float *values, size_t parameter) {
  return values + parameters->items[parameter].offset;
}
/// The first of count numbers that is not finite, or count.
size_t weir_i_first_not_finite(const float *values, size_t count);
/// True when every one of a parameter's values is finite and in its domain; otherwise *bad is the first that is not.
bool weir_i_parameter_valid(const weir_parameter *parameter, const float *values, size_t *bad);

/// Most numbers, and most named arrays of them, that a flow may hold: caps what a description can make a reader allocate.
enum { WEIR_I_MAX_VALUES = 1 << 30, WEIR_I_MAX_PARAMETERS = 1 << 16 };

/// Most rows of a parameter that starts orthogonal: making one takes time cubic in them.
enum { WEIR_I_MAX_ORTHOGONAL = 2048 };

#endif

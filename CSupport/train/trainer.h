// A trainer: parameters, optimizer state, and the memory of forward and backward, in one block planned at creation.
#ifndef WEIR_TRAIN_TRAINER_H
#define WEIR_TRAIN_TRAINER_H

#include "model/flow.h"
#include "weir_train.h"

/// Copies of what an update can spoil, for the guard against NaN.
typedef struct weir_guard {
  float *fixed;           // values of parameters that are not trained (running statistics), before this step
  float *values, *m, *v;  // the last good state
  size_t skipped_in_a_row;
  uint64_t good_steps;  // since the last good state was kept
  double rate_factor;   // what the guard multiplies the learning rate with
} weir_guard;

struct weir_trainer {
  weir_allocator allocator;
  weir_train_options options;
  weir_executor executor;
  weir_team team;
  const weir_kernels *kernels;
  weir_flow flow;
  void *memory;
  size_t memory_bytes;

  float *values, *gradients, *m, *v;  // [flow.parameters.values] each
  float *packed, *packed_training;
  float *x, *z, *dx, *dz;                 // [batch][dims]
  double *logdet;                         // [batch]
  float *dlogdet;                         // [batch]: the loss's derivative by each sample's logdet
  double *norms;                          // [flow.parameters.count]: squares of gradients
  double *pool;                           // [norm_channels][2]
  size_t pooled_batches, pooled_samples;  // in the pool
  bool pooling;
  weir_arena scratch;
  weir_guard guard;
  uint64_t steps;
  char *host_state;  // in the flow's pool
};

/// Makes a trainer without values for a description.
weir_status weir_i_trainer_make(const char *spec, size_t length, const weir_train_options *options, weir_trainer **trainer,
                                weir_error *error);
/// Fills values of a new trainer from its seed.
void weir_i_trainer_initialise(weir_trainer *trainer);
/// Computes packed constants from values.
void weir_i_trainer_pack(weir_trainer *trainer);

/// Training-mode forward of x; returns the mean negative log-likelihood.
double weir_i_trainer_forward(weir_trainer *trainer, const float *x, size_t n, weir_statistics statistics);
/// Gradients of that loss; returns their norm.
double weir_i_trainer_backward(weir_trainer *trainer, size_t n);
/// A run over the trainer's memory.
weir_flow_run weir_i_trainer_run(weir_trainer *trainer, size_t n, weir_statistics statistics);

void weir_i_guard_before(weir_trainer *trainer);
void weir_i_guard_good(weir_trainer *trainer);
/// The first running statistic that is not finite after a forward, or NULL.
const weir_parameter *weir_i_guard_statistic(const weir_trainer *trainer);
/// Drops the step; `layer` gets the name of what was not finite. False when it has given up.
bool weir_i_guard_bad(weir_trainer *trainer, const float *x, size_t n, double loss, char *layer, size_t layer_size);
/// Takes the present state for the last good one.
void weir_i_guard_keep(weir_trainer *trainer);

#endif

// A trainer: parameters, optimizer state, and the memory of forward and backward, in one block planned at creation.
#ifndef WEIR_TRAIN_TRAINER_H
#define WEIR_TRAIN_TRAINER_H

#include "kernels/gemm/gemm_blas.h"
#include "model/flow.h"
#include "weir_train.h"

/// Copies of what an update can spoil, for the guard against NaN and divergence.
typedef struct weir_guard {
  float *fixed;                     // values of parameters that are not trained (running statistics), before this step
  float *values, *m, *v, *average;  // the last good state; those that the trainer has
  uint64_t averaged;                // steps in that average
  bool at_good_state;               // the weights are that state's: fresh, or just restored
  double level;                     // mean loss about when it was kept
  double low_sum;                   // since then: losses near that level or below,
  uint64_t low_steps, high_steps;   // steps with such losses, and with losses far above
  uint64_t skipped_in_a_row;
  double rate_factor, rate_ceiling;  // what the guard multiplies the learning rate with, and how far that may recover
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

  float *values, *gradients, *m, *v;  // [flow.parameters.values] each; m NULL for RMSprop
  float *average;                     // likewise; NULL when none is kept
  float *packed, *packed_training;
  float *x, *z, *dx, *dz;                 // [batch][dims]
  double *logdet, *log_likelihood;        // [batch]
  float *dlog_likelihood;                 // [batch]: the loss's derivative by each sample's log-likelihood
  int32_t *labels;                        // [batch]
  size_t *negatives;                      // [batch]: which of the batch's out-of-distribution samples take part
  double *norms;                          // [flow.parameters.count]: squares of gradients
  double *pool;                           // [norm_channels][2]
  size_t pooled_batches, pooled_samples;  // in the pool
  bool pooling;
  weir_arena scratch;
  weir_guard guard;
  uint64_t steps;
  uint64_t averaged;  // steps whose weights are in the average
  bool started;       // parameters that start from data have done so
  bool exchanged;     // values holds the average, and average the weights
  char *host_state;   // in the flow's pool
};

/// Makes a trainer for a description: its flow, without memory for numbers. A model or checkpoint is checked against it first.
weir_status weir_i_trainer_make(const char *spec, size_t length, const weir_train_options *options, weir_trainer **trainer,
                                weir_error *error);
/// Takes the memory that training needs, zeroed.
weir_status weir_i_trainer_memory(weir_trainer *trainer, weir_error *error);
/// Fills values of a new trainer from its seed.
void weir_i_trainer_initialise(weir_trainer *trainer);
/// Computes packed constants from values.
void weir_i_trainer_pack(weir_trainer *trainer);
/// Recomputes the fixed numbers in values [flow.parameters.values] that follow from trainable ones.
void weir_i_trainer_refresh(weir_trainer *trainer, float *values);
/// A run over the trainer's memory.
weir_flow_run weir_i_trainer_run(weir_trainer *trainer, size_t n, weir_statistics statistics);
/// The optimizer's step by the present gradients, of norm `norm`.
void weir_i_trainer_update(weir_trainer *trainer, double rate, double norm);

/// What a forward over a batch gave.
typedef struct weir_loss {
  double value;          // what the step minimises
  double mean;           // mean negative log-likelihood of in-distribution samples
  double negative_mean;  // mean log-likelihood of the out-of-distribution samples that count
  size_t negative_count;
  size_t n;  // samples that took part, in-distribution ones first
} weir_loss;

weir_status weir_i_batch_check(const weir_trainer *trainer, const weir_train_batch *batch, weir_error *error);
/// True when n samples are finite and, for an image, pixels.
bool weir_i_batch_good(const weir_trainer *trainer, const float *x, size_t n);
/// Copies x, and the first `negatives` of those in trainer->negatives, into the trainer; returns how many samples that is.
size_t weir_i_batch_load(weir_trainer *trainer, const weir_train_batch *batch, size_t negatives);
/// Training-mode forward of packed weights.
weir_loss weir_i_batch_forward(weir_trainer *trainer, const weir_train_batch *batch, weir_statistics statistics);
/// Gradients of that loss, for its n; returns their norm.
double weir_i_batch_backward(weir_trainer *trainer, size_t n);

/// Remembers the running statistics, before a step changes them.
void weir_i_guard_before(weir_trainer *trainer);
/// Brings them back.
void weir_i_guard_undo_statistics(weir_trainer *trainer);
/// Counts a step whose loss and gradient are finite. False when losses show that training has diverged: the last good state is back.
bool weir_i_guard_good(weir_trainer *trainer, double loss);
/// The first running statistic that is not finite after a forward, or NULL.
const weir_parameter *weir_i_guard_statistic(const weir_trainer *trainer);
/// `layer` gets the name of what was not finite.
void weir_i_guard_name(weir_trainer *trainer, const weir_train_batch *batch, const weir_loss *loss, char *layer, size_t layer_size);
/// Drops the step; *restored tells whether the last good state is back. False when it has given up.
bool weir_i_guard_bad(weir_trainer *trainer, bool bad_input, bool *restored);
/// Takes the present state for the last good one, and back.
void weir_i_guard_keep(weir_trainer *trainer);
void weir_i_guard_restore(weir_trainer *trainer);

#endif

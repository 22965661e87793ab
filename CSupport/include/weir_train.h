/// @file weir_train.h
/// Training API: maximum likelihood with hand-derived gradients, atomic checkpoints and bit-identical resume.
///
/// A trainer owns parameters, optimizer and scratch memory. The caller brings batches and the learning rate of each step:
/// @code
///   weir_trainer *trainer;
///   weir_train_options options = weir_train_options_default();
///   weir_trainer_create(spec_json, &options, &trainer, &error);
///   for (...) weir_trainer_step(trainer, batch, n, learning_rate, &report, &error);
///   weir_trainer_reestimate_begin(trainer); ... _add(trainer, batch, n); ... _end(trainer);   // batch norm's population statistics
///   weir_trainer_save_model(trainer, "model.safetensors", NULL, &error);
/// @endcode
#ifndef WEIR_TRAIN_H
#define WEIR_TRAIN_H

#include "weir.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_trainer weir_trainer;

/// The rule that turns gradients into steps, each as PyTorch computes it.
enum {
  WEIR_OPTIMIZER_ADAM = 0,     ///< Adam (Kingma and Ba 2015); weight decay is L2, added to the gradient.
  WEIR_OPTIMIZER_ADAMW = 1,    ///< Adam with decoupled weight decay (Loshchilov and Hutter 2019).
  WEIR_OPTIMIZER_RMSPROP = 2,  ///< RMSprop without momentum; weight decay is L2.
};

/// What weight decay acts on.
enum {
  WEIR_DECAY_GAINS = 0,  ///< The gains of weight norm and of couplings only, as the paper's RealNVP.
  WEIR_DECAY_ALL = 1,    ///< Every trainable number.
};

typedef struct weir_train_options {
  size_t struct_size;   ///< Set by weir_train_options_default.
  size_t batch;         ///< Most samples in one step. Default 32.
  size_t threads;       ///< Default 1.
  uint64_t seed;        ///< Initial weights, dequantization noise and dropout. Default 0.
  int32_t noise;        ///< WEIR_NOISE_SEED (default: fresh uniform noise every step) or WEIR_NOISE_MIDPOINT (for comparisons).
  int32_t optimizer;    ///< WEIR_OPTIMIZER_*. Default Adam.
  double beta1;         ///< Adam, AdamW. Default 0.9.
  double beta2;         ///< Adam, AdamW. Default 0.999.
  double alpha;         ///< RMSprop's decay of the mean square. Default 0.99.
  double epsilon;       ///< Default 1e-8.
  double weight_decay;  ///< Default 5e-5.
  int32_t decay;        ///< WEIR_DECAY_*: what weight_decay acts on. Default gains.
  double
      average_decay;  ///< d of the weights' moving average, average = d average + (1 - d) weights after each step, corrected as Adam's
                      ///< means for its start from nothing. Default 0: none kept.
  double clip_norm;      ///< Most the gradient's norm may be; 0 turns clipping off. Default 100.
  size_t memory_budget;  ///< Default 32 MiB. Bytes of st-network activations kept from forward to backward. Couplings beyond it are
                         ///< recomputed, which changes the last bits of gradients; one budget always gives the same bits.
  const weir_executor *executor;    ///< NULL for the built-in one.
  const weir_allocator *allocator;  ///< NULL for malloc and free.
} weir_train_options;

WEIR_API weir_train_options weir_train_options_default(void);

/// Makes a trainer with freshly initialised weights for a JSON description (the "weir" entry of a model file). Weights that start from data
/// (actnorm's) do so at the first step or gradient, from the batch's in-distribution samples; a batch that is not finite is skipped and the next
/// one has its turn.
WEIR_API weir_status weir_trainer_create(const char *spec_json, const weir_train_options *options, weir_trainer **trainer,
                                         weir_error *error);

/// As weir_trainer_create, with the weights of a model file or checkpoint; a checkpoint also brings optimizer and position, and then
/// continues bit-identically to a run that never stopped (same options, memory_budget included, and same batches). A checkpoint of another
/// optimizer is refused. While it opens, the whole file is in memory.
WEIR_API weir_status weir_trainer_open(const char *path, const weir_train_options *options, weir_trainer **trainer,
                                       weir_error *error);

WEIR_API void weir_trainer_close(weir_trainer *trainer);

typedef struct weir_step_report {
  size_t struct_size;  ///< Set by the caller: sizeof(weir_step_report).
  uint64_t step;       ///< Steps done, this one included.
  double loss;         ///< Mean negative log-likelihood of the batch's in-distribution samples, nats per sample, before the update.
  double
      negative_mean;  ///< Negative training: mean log-likelihood, nats, of the out-of-distribution samples that count; 0 when none does.
  size_t negative_count;  ///< Negative training: out-of-distribution samples above the floor, which are the ones that count.
  double gradient_norm;   ///< Before clipping.
  double learning_rate;   ///< Used, after any lowering by the guard.
  int32_t skipped;        ///< 1 when the update was dropped: loss or gradient was not finite, or training has diverged.
  int32_t restored;  ///< 1 when the last good state was brought back: at the second step in a row that was not finite, or when most
                     ///< losses since that state are more than a nat per dimension above it. Both halve the rate, unless the input
                     ///< itself was not finite; it comes back over some hundred good steps, though not after a divergence.
  char layer[96];    ///< When skipped: "input", the first step or parameter that was not finite, or "loss" for a divergence.
} weir_step_report;

/// What one step learns from. Make one by weir_train_batch_of and set what else it has.
typedef struct weir_train_batch {
  size_t struct_size;
  const float *x;         ///< f32 [n, ...] in the units of weir_score: in-distribution samples.
  size_t n;               ///< 1 or more.
  const int32_t *labels;  ///< [n], or NULL: the class of each sample, 0 to components - 1, -1 for unknown. Needs a gaussian_mixture
                          ///< prior; a sample with a class has that class's density alone.
  const float *negative;  ///< f32 [negative_n, ...], or NULL: out-of-distribution samples, whose likelihood is to fall.
  size_t negative_n;      ///< n + negative_n is at most the trainer's batch.
  double negative_floor;  ///< Nats: only out-of-distribution samples of a log-likelihood above it count. Default -3e4 (grey 28x28).
} weir_train_batch;

WEIR_API weir_train_batch weir_train_batch_of(const float *x, size_t n);

/// One optimizer step on a batch. Without `negative` the loss is the mean negative log-likelihood of x. With it (Kirichenko et al. 2020,
/// appendix B) all samples pass forward together and the loss is 0.5 (mean NLL of x + mean log-likelihood of the negative samples above
/// the floor), or the first mean alone when none is. Negative samples of no finite likelihood take no part, not even in batch norm.
WEIR_API weir_status weir_trainer_step_batch(weir_trainer *trainer, const weir_train_batch *batch, double learning_rate,
                                             weir_step_report *report, weir_error *error);

/// Loss and gradients of a batch without an update, as weir_trainer_gradient. `loss` is what the step would minimise.
WEIR_API weir_status weir_trainer_gradient_batch(weir_trainer *trainer, const weir_train_batch *batch, double *loss,
                                                 weir_error *error);

/// Log-likelihood of each sample with the present weights, as a saved model would score it: batch norm by its stored statistics, midpoint
/// noise, no dropout. f64 [n], nats; n 1 to batch.
WEIR_API weir_status weir_trainer_evaluate(weir_trainer *trainer, const float *x, size_t n, double *log_likelihood,
                                           weir_error *error);

/// Exchanges the weights with their moving average, so that evaluate, reestimate and save_model use it; the same call changes them back, batch
/// norm's statistics included. Steps, gradients, checkpoints and writing tensors are refused while they are exchanged. WEIR_ERROR_UNSUPPORTED
/// when average_decay is 0, WEIR_ERROR_ARGUMENT while batch norm is being re-estimated.
WEIR_API weir_status weir_trainer_swap_average(weir_trainer *trainer);

/// One optimizer step on x alone, f32 [n, ...] in the units of weir_score, n 1 to batch.
WEIR_API weir_status weir_trainer_step(weir_trainer *trainer, const float *x, size_t n, double learning_rate,
                                       weir_step_report *report, weir_error *error);

/// Loss and gradients without an update: gradients stay readable by weir_trainer_tensor_read until the next call.
WEIR_API weir_status weir_trainer_gradient(weir_trainer *trainer, const float *x, size_t n, double *loss, weir_error *error);

/// Batch norm's population statistics, re-estimated over the batches between begin and end: each batch is normalised by its own
/// statistics (as in training), and the pooled mean and variance of all of them become those that scoring uses.
/// x as in weir_trainer_step. `end` without an `add` changes nothing.
WEIR_API weir_status weir_trainer_reestimate_begin(weir_trainer *trainer);
WEIR_API weir_status weir_trainer_reestimate_add(weir_trainer *trainer, const float *x, size_t n);
WEIR_API weir_status weir_trainer_reestimate_end(weir_trainer *trainer);

enum { WEIR_TENSOR_VALUE = 0, WEIR_TENSOR_GRADIENT = 1 };

typedef struct weir_tensor_info {
  size_t struct_size;
  const char *name;  ///< "steps.3.net.in_conv.weight_v"; lives as long as the trainer.
  size_t rank;
  size_t shape[4];
  size_t count;
  int32_t trainable;  ///< 0 for running statistics and fixed constants.
} weir_tensor_info;

WEIR_API size_t weir_trainer_tensor_count(const weir_trainer *trainer);
WEIR_API weir_status weir_trainer_tensor_info(const weir_trainer *trainer, size_t index, weir_tensor_info *info);
/// Reads a tensor's values or gradients into `values`, f32 [info.count].
WEIR_API weir_status weir_trainer_tensor_read(const weir_trainer *trainer, size_t index, int32_t what, float *values);
/// Sets a tensor's values from f32 [info.count], for example a standardising step's mean and scale. Numbers that follow from it (conv1x1's
/// factors) follow at once; what contradicts others is WEIR_ERROR_TENSOR and changes nothing.
WEIR_API weir_status weir_trainer_tensor_write(weir_trainer *trainer, size_t index, const float *values);

/// Writes the model, atomically. `provenance_json` (a JSON object, or NULL) is stored with it.
WEIR_API weir_status weir_trainer_save_model(const weir_trainer *trainer, const char *path, const char *provenance_json,
                                             weir_error *error);

/// Writes everything needed to continue, atomically. `host_state` (any text, or NULL) comes back from weir_trainer_host_state.
WEIR_API weir_status weir_trainer_save_checkpoint(const weir_trainer *trainer, const char *path, const char *host_state,
                                                  weir_error *error);

/// The host_state of the checkpoint the trainer was opened from, or "".
WEIR_API const char *weir_trainer_host_state(const weir_trainer *trainer);

/// Numbers of one sample.
WEIR_API size_t weir_trainer_dims(const weir_trainer *trainer);
/// Steps done so far, and bytes of memory the trainer holds.
WEIR_API uint64_t weir_trainer_steps(const weir_trainer *trainer);
WEIR_API size_t weir_trainer_bytes(const weir_trainer *trainer);

#ifdef __cplusplus
}
#endif
#endif

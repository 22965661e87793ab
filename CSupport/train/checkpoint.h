// The optimizer's part of a checkpoint: tensors beside those of the flow.
#ifndef WEIR_TRAIN_CHECKPOINT_H
#define WEIR_TRAIN_CHECKPOINT_H

#include "file/model_values.h"
#include "train/trainer.h"

#define WEIR_HOST_STATE_KEY "weir_host_state"
#define WEIR_COUNTERS_NAME WEIR_OPTIMIZER_PREFIX "counters"

/// Numbers of the counters' tensor: steps done, the bits of the guard's rate factor, steps that it skipped in a row, good steps since it kept a
/// state; and, which the first version of the library did not write: the optimizer, whether parameters have started from data, and steps in
/// the moving average.
enum { WEIR_COUNTERS = 7, WEIR_FIRST_COUNTERS = 4 };

/// A vector of a checkpoint, beside the flow's own values.
typedef struct weir_optimizer_vector {
  const char *name;
  float *values;
  bool not_negative;
} weir_optimizer_vector;

enum { WEIR_OPTIMIZER_VECTORS = 7 };

/// Fills `vectors` with those that the trainer has and, where `averaged` is 0, without those of the average; returns how many that is.
/// values are NULL before the trainer has memory.
size_t weir_i_optimizer_vectors(const weir_trainer *trainer, uint64_t averaged,
                                weir_optimizer_vector vectors[WEIR_OPTIMIZER_VECTORS]);

#endif

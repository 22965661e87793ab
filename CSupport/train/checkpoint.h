// The optimizer's part of a checkpoint: tensors beside those of the flow.
#ifndef WEIR_TRAIN_CHECKPOINT_H
#define WEIR_TRAIN_CHECKPOINT_H

#include "file/model_values.h"
#include "train/trainer.h"

#define WEIR_HOST_STATE_KEY "weir_host_state"
#define WEIR_KEPT_VALUES_NAME WEIR_OPTIMIZER_PREFIX "kept_values"
#define WEIR_COUNTERS_NAME WEIR_OPTIMIZER_PREFIX "counters"

/// The counters' tensor: one I64 each. Those of the guard that are f64 are stored as their bits.
typedef enum weir_counter {
  WEIR_COUNTER_STEPS,
  WEIR_COUNTER_AVERAGED,       // steps in the moving average
  WEIR_COUNTER_KEPT_AVERAGED,  // and in that of the last good state
  WEIR_COUNTER_OPTIMIZER,      // WEIR_OPTIMIZER_*
  WEIR_COUNTER_STARTED,        // 1 when parameters have started from data
  WEIR_COUNTER_AT_GOOD_STATE,
  WEIR_COUNTER_SKIPPED_IN_A_ROW,
  WEIR_COUNTER_LOW_STEPS,
  WEIR_COUNTER_HIGH_STEPS,
  WEIR_COUNTER_LOW_SUM,       // bits
  WEIR_COUNTER_LEVEL,         // bits
  WEIR_COUNTER_RATE_FACTOR,   // bits
  WEIR_COUNTER_RATE_CEILING,  // bits
  WEIR_COUNTERS,
} weir_counter;

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

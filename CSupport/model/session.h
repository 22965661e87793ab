// A scoring workspace. Samples go through the flow in groups, so that weights are read, and transformed, once for several.
#ifndef WEIR_MODEL_SESSION_H
#define WEIR_MODEL_SESSION_H

#include "model/model.h"

/// What one thread needs for one group.
typedef struct weir_worker {
  weir_arena scratch;
  float *x, *z;         // [group][dims]
  double *logdet;       // [group]
  double *best, *rest;  // [group][components of the prior], for averages over noise
} weir_worker;

struct weir_session {
  const weir_model *model;
  weir_session_options options;
  weir_executor executor;
  size_t group;           // most samples that go together
  size_t share;           // least samples that a thread is given for itself
  uint16_t *packed_bf16;  // the networks' weights, of a session in bf16
  weir_worker *workers;   // [threads]; the first also serves calls of one group, on all threads
  float *trace;           // [2][dims]: s and t of a traced coupling
  uint64_t index;         // of the next sample
};

/// One group's pass: `first` is the sample's place in the call, for noise.
weir_flow_run weir_i_session_run(weir_session *session, weir_worker *worker, size_t threads, size_t n, size_t first);

/// Runs groups(arg, worker, threads, first, n) over all n samples: many groups side by side, or one on all threads.
typedef void weir_group_fn(void *arg, weir_worker *worker, size_t threads, size_t first, size_t n);
void weir_i_session_groups(weir_session *session, size_t n, weir_group_fn *groups, void *arg);

/// weir_score of one group, valid and n <= session->group, on all of the session's threads, watched: for each pass a lap when x is read, the laps
/// of weir_i_flow_forward, and one when the density is known.
void weir_i_score_watched(weir_session *session, const float *x, size_t n, double *log_likelihood, weir_stopwatch *watch);

#endif

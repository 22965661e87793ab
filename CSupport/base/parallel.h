// Threads: the only file that may start them. Work is cut into fixed ranges, so a result never depends on who computed it.
#ifndef WEIR_BASE_PARALLEL_H
#define WEIR_BASE_PARALLEL_H

#include <stddef.h>

#include "weir.h"

/// Who shares a piece of work. threads == 1 runs it in place and touches no runtime.
typedef struct weir_team {
  size_t threads;
  const weir_executor *executor;  // NULL for the built-in one
} weir_team;

/// Computes items [begin, end). `thread` is 0 to team.threads - 1, and no two calls under way at once share it.
typedef void weir_range_fn(void *arg, size_t begin, size_t end, size_t thread);

/// Cuts [0, count) into even ranges, one a thread or a few, and runs each exactly once; returns when all are done.
void weir_i_parallel_for(const weir_team *team, size_t count, weir_range_fn *range, void *arg);

#endif

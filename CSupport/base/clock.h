// Time, for measurements alone: what is computed never depends on it.
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/// Nanoseconds since some fixed moment; never goes back.
uint64_t weir_i_clock(void);

/// Who measures a pass. The pass calls weir_i_lap as each of its parts ends, on the thread that the pass was called on.
typedef struct weir_stopwatch weir_stopwatch;
struct weir_stopwatch {
  void (*lap)(weir_stopwatch *watch);
};

/// Nothing when nobody measures, which is what NULL means.
static inline void weir_i_lap(weir_stopwatch *watch) {
  if (watch != NULL) watch->lap(watch);
}

#endif

// The only file that reads a clock. C11's own is the time of day, which people and networks set.
#define _POSIX_C_SOURCE 200809L

#include "base/clock.h"

#include <time.h>

uint64_t weir_i_clock(void) {
  struct timespec now;
#if defined(CLOCK_MONOTONIC)
  clock_gettime(CLOCK_MONOTONIC, &now);
#else
  timespec_get(&now, TIME_UTC);
#endif
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

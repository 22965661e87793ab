// Counting malloc and its kin in the whole program, the OpenMP runtime included.
#ifndef WEIR_HEAP_COUNT_H
#define WEIR_HEAP_COUNT_H

#include <stdbool.h>

/// Calls since the last start; start says false when this platform has no way to count.
bool heap_count_start(void);
long heap_count_stop(void);

#endif

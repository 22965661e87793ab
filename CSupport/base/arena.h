// Memory: the only file that reaches malloc. Everything else takes pieces of an arena, whose block the caller gave or this file got.
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "weir.h"

enum { WEIR_I_ALIGNMENT = 64 };

/// A bump allocator. Over a NULL base it only counts: the same planning code that takes memory then computes how much it needs.
typedef struct weir_arena {
  char *base;   // 64-byte aligned, or NULL when measuring
  size_t size;  // bytes usable; SIZE_MAX when measuring
  size_t used;
  size_t peak;
  bool overflow;  // a request did not fit (or its size overflowed)
} weir_arena;

/// An arena that measures.
weir_arena weir_i_arena_measure(void);
/// An arena over the caller's bytes; the start is rounded up to 64, which costs at most 63 of them.
weir_arena weir_i_arena_over(void *memory, size_t bytes);

/// `count` items of `size` bytes, 64-byte aligned and not cleared. NULL when measuring, or when it does not fit (then overflow is set).
void *weir_i_arena_take(weir_arena *arena, size_t count, size_t size);

/// Scratch: take, use, then go back to the mark.
size_t weir_i_arena_mark(const weir_arena *arena);
void weir_i_arena_release(weir_arena *arena, size_t mark);

/// The allocator to use: a checked copy of the host's, or malloc and free when it is NULL.
weir_status weir_i_allocator(const weir_allocator *host, weir_allocator *allocator);
/// 64-byte aligned, or NULL; for what is written whole before it is read.
void *weir_i_allocate_unset(const weir_allocator *allocator, size_t bytes);
/// The same, zeroed.
void *weir_i_allocate(const weir_allocator *allocator, size_t bytes);
void weir_i_release(const weir_allocator *allocator, void *memory, size_t bytes);

#endif

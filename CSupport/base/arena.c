#if defined(__linux__)
#define _DEFAULT_SOURCE  // madvise
#include <sys/mman.h>
#endif

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

weir_arena weir_i_arena_measure(void) { return (weir_arena){.base = NULL, .size = SIZE_MAX}; }

weir_arena weir_i_arena_over(void *memory, size_t bytes) {
  const size_t skip = (WEIR_I_ALIGNMENT - (uintptr_t)memory % WEIR_I_ALIGNMENT) % WEIR_I_ALIGNMENT;
  if (skip > bytes) return (weir_arena){.base = (char *)memory, .size = 0, .overflow = true};
  return (weir_arena){.base = (char *)memory + skip, .size = bytes - skip};
}

void *weir_i_arena_take(weir_arena *arena, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - WEIR_I_ALIGNMENT) {
    arena->overflow = true;
    return NULL;
  }
  bytes = (bytes + WEIR_I_ALIGNMENT - 1) / WEIR_I_ALIGNMENT * WEIR_I_ALIGNMENT;
  if (bytes > arena->size - arena->used) {
    arena->overflow = true;
    return NULL;
  }
  void *piece = arena->base == NULL ? NULL : arena->base + arena->used;
  arena->used += bytes;
  if (arena->used > arena->peak) arena->peak = arena->used;
  return piece;
}

size_t weir_i_arena_mark(const weir_arena *arena) { return arena->used; }

void weir_i_arena_release(weir_arena *arena, size_t mark) { arena->used = mark; }

#if defined(MADV_HUGEPAGE)
// A single sample reads every weight once. Of a large model's small pages that is more than the processor keeps the places of, so large ones
// are asked for.
enum { LARGE_PAGE = 1 << 21 };

static size_t heap_alignment(size_t bytes, size_t alignment) { return bytes < 2 * LARGE_PAGE ? alignment : LARGE_PAGE; }

static void advise(void *memory, size_t bytes) {
  if (bytes >= 2 * LARGE_PAGE) madvise(memory, bytes, MADV_HUGEPAGE);  // advice: it may well be refused
}
#else
static size_t heap_alignment(size_t bytes, size_t alignment) { return (void)bytes, alignment; }
static void advise(void *memory, size_t bytes) { (void)memory, (void)bytes; }
#endif

static void *heap_allocate(void *user, size_t bytes, size_t alignment) {
  (void)user;
  const size_t unit = heap_alignment(bytes, alignment);
  if (bytes > SIZE_MAX - unit) return NULL;
  const size_t whole = (bytes + unit - 1) / unit * unit;
  void *memory = aligned_alloc(unit, whole);
  if (memory != NULL) advise(memory, whole);
  return memory;
}

static void heap_release(void *user, void *memory, size_t bytes) {
  (void)user;
  (void)bytes;
  free(memory);
}

weir_status weir_i_allocator(const weir_allocator *host, weir_allocator *allocator) {
  if (host == NULL) {
    *allocator = (weir_allocator){.struct_size = sizeof *allocator, .allocate = heap_allocate, .release = heap_release};
    return WEIR_OK;
  }
  if (host->struct_size < sizeof *host || host->allocate == NULL || host->release == NULL) return WEIR_ERROR_ARGUMENT;
  *allocator = *host;
  return WEIR_OK;
}

// Hosts are never asked for nothing.
static size_t asked_bytes(size_t bytes) { return bytes == 0 ? (size_t)WEIR_I_ALIGNMENT : bytes; }

void *weir_i_allocate_unset(const weir_allocator *allocator, size_t bytes) {
  if (bytes > SIZE_MAX - WEIR_I_ALIGNMENT) return NULL;
  return allocator->allocate(allocator->user, asked_bytes(bytes), WEIR_I_ALIGNMENT);
}

void *weir_i_allocate(const weir_allocator *allocator, size_t bytes) {
  void *memory = weir_i_allocate_unset(allocator, bytes);
  if (memory != NULL) memset(memory, 0, bytes);
  return memory;
}

void weir_i_release(const weir_allocator *allocator, void *memory, size_t bytes) {
  if (memory != NULL) allocator->release(allocator->user, memory, asked_bytes(bytes));
}

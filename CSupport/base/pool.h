// Memory for structures whose number isn't known beforehand: zeroed pieces of blocks that are released together.
#ifndef WEIR_BASE_POOL_H
#define WEIR_BASE_POOL_H

#include "base/arena.h"

typedef struct weir_pool_block weir_pool_block;

typedef struct weir_pool {
  weir_allocator allocator;
  weir_pool_block *newest;
  size_t bytes;  // held in all
} weir_pool;

/// `count` zeroed items of `size` bytes, 64-byte aligned, or NULL when there is no memory.
void *weir_i_pool_take(weir_pool *pool, size_t count, size_t size);
/// A NUL-terminated copy of `length` bytes.
char *weir_i_pool_text(weir_pool *pool, const char *text, size_t length);
void weir_i_pool_release(weir_pool *pool);

#endif

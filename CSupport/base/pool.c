#include "base/pool.h"

#include <stdint.h>
#include <string.h>

enum { BLOCK_BYTES = 16384 };

// The first 64 bytes of every block; what follows is aligned as the block is.
struct weir_pool_block {
  weir_pool_block *older;
  size_t bytes;
  size_t used;
};

void *weir_i_pool_take(weir_pool *pool, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
  bytes = (bytes + WEIR_I_ALIGNMENT - 1) / WEIR_I_ALIGNMENT * WEIR_I_ALIGNMENT;
  weir_pool_block *block = pool->newest;
  if (block == NULL || block->bytes - block->used < bytes) {
    const size_t whole = bytes + WEIR_I_ALIGNMENT > BLOCK_BYTES ? bytes + WEIR_I_ALIGNMENT : (size_t)BLOCK_BYTES;
    block = weir_i_allocate(&pool->allocator, whole);
    if (block == NULL) return NULL;
    *block = (weir_pool_block){pool->newest, whole, WEIR_I_ALIGNMENT};
    pool->newest = block;
    pool->bytes += whole;
  }
  void *piece = (char *)block + block->used;
  block->used += bytes;
  return piece;
}

char *weir_i_pool_text(weir_pool *pool, const char *text, size_t length) {
  char *copy = weir_i_pool_take(pool, length + 1, 1);
  if (copy != NULL && length > 0) memcpy(copy, text, length);
  return copy;
}

void weir_i_pool_release(weir_pool *pool) {
  while (pool->newest != NULL) {
    weir_pool_block *block = pool->newest;
    pool->newest = block->older;
    weir_i_release(&pool->allocator, block, block->bytes);
  }
  pool->bytes = 0;
}

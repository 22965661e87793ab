#include "heap_count.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

static atomic_bool counting;
static atomic_long calls;

static void count_call(void) {
  if (atomic_load_explicit(&counting, memory_order_relaxed)) atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
}

#if defined(SANITIZED)
// A sanitizer has its own malloc, and tells.
int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void *, size_t),
                                              void (*freed)(const volatile void *));

static void allocated(const volatile void *block, size_t size) {
  (void)block, (void)size;
  count_call();
}

static void freed(const volatile void *block) {
  (void)block;
  count_call();
}

static bool can_count(void) {
  static bool installed;
  if (!installed) installed = __sanitizer_install_malloc_and_free_hooks(allocated, freed) > 0;
  return installed;
}

#elif defined(__GLIBC__)
// The program's malloc goes before the C library's, whose own stays within reach by these names.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

void *malloc(size_t size) {
  count_call();
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  count_call();
  return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
  count_call();
  return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count_call();
  return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
  count_call();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  count_call();
  *block = __libc_memalign(alignment, size);
  return *block == NULL ? ENOMEM : 0;
}

void free(void *block) {
  if (block != NULL) count_call();
  __libc_free(block);
}

static bool can_count(void) { return true; }

#else
static bool can_count(void) { return false; }
#endif

bool heap_count_start(void) {
  if (!can_count()) return false;
  atomic_store(&calls, 0);
  atomic_store(&counting, true);
  return true;
}

long heap_count_stop(void) {
  atomic_store(&counting, false);
  return atomic_load(&calls);
}

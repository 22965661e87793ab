// A session on one thread touches no threading runtime: no thread is there that was not, and no call reaches OpenMP.
#include <dirent.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

#include "embed_tests.h"

typedef void gomp_parallel_fn(void (*body)(void *), void *data, unsigned threads, unsigned flags);

static atomic_long calls;

static gomp_parallel_fn *runtime(void) {
  void *found = dlsym(RTLD_NEXT, "GOMP_parallel");
  gomp_parallel_fn *function;
  memcpy(&function, &found, sizeof function);
  return function;
}

// Goes before the runtime's own. The library enters the runtime by this and nothing else (base/parallel.c).
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags) {
  calls++;
  runtime()(body, data, threads, flags);
}

long runtime_calls(void) { return runtime() == NULL ? -1 : calls; }

static size_t count_threads(void) {
  size_t count = 0;
  DIR *folder = opendir("/proc/self/task");
  if (folder == NULL) return 0;
  for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}

int test_one_thread_starts_none(void) {
  int bad = 0;
  // Nor does OpenBLAS, which would start some as it is loaded: what only scores does not link it.
  const long before = runtime_calls();
  for (char **path = model_paths; *path != NULL; path++) {
    scored_model m;
    if (!scored_model_open(&m, *path)) return bad + 1;
    EXPECT(scores_again(&m, 1, NULL), *path);
    scored_model_close(&m);
  }
  EXPECT(count_threads() == 1, "no other thread");
  EXPECT(runtime_calls() == before, "no call of the runtime");
  return bad;
}

// That the test above could fail: two threads do call the runtime, and it does start one.
int test_runtime_is_seen(void) {
  int bad = 0;
  EXPECT((runtime_calls() >= 0) == HAS_RUNTIME, "a library with OpenMP's threads brings their runtime");
  if (!HAS_RUNTIME) return bad;
  scored_model m;
  if (!scored_model_open(&m, model_paths[0])) return 1;
  const long calls_before = runtime_calls();
  const size_t threads_before = count_threads();
  EXPECT(scores_again(&m, 2, NULL), m.path);
  EXPECT(runtime_calls() > calls_before, "calls are counted");
  EXPECT(count_threads() > threads_before, "threads are counted");
  scored_model_close(&m);
  return bad;
}

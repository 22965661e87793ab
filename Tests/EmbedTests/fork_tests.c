// A process forks and its child scores: whatever the parent scored on, a session on one thread works there.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "embed_tests.h"
#include "thread_pool.h"

enum { CHILD_SECONDS = 30 };

// Runs in a child: 0 for the parent's scores, to the bit. A child that waits for threads that it does not have ends by the alarm.
static bool child_scores(const scored_model *m, size_t threads, const weir_executor *executor) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(CHILD_SECONDS);
    _exit(scores_again(m, threads, executor) ? 0 : 1);
  }
  int status;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The parent scores, its child does on one thread, and the parent goes on.
static int fork_after(size_t threads, const weir_executor *executor) {
  int bad = 0;
  for (char **path = model_paths; *path != NULL; path++) {
    scored_model m;
    if (!scored_model_open(&m, *path)) return bad + 1;
    EXPECT(scores_again(&m, threads, executor), *path);
    EXPECT(child_scores(&m, 1, NULL), *path);
    EXPECT(scores_again(&m, threads, executor), *path);
    scored_model_close(&m);
  }
  return bad;
}

int test_fork_after_one_thread(void) { return fork_after(1, NULL); }

int test_fork_after_the_pool(void) {
  thread_pool *pool = thread_pool_start(1);
  const weir_executor executor = thread_pool_executor(pool);
  const int bad = fork_after(2, &executor);
  thread_pool_stop(pool);
  return bad;
}

int test_fork_after_the_runtime(void) {
  int bad = fork_after(2, NULL);
  // LLVM's runtime starts anew in a child, which GNU's does not. Only the first has this entry point.
  scored_model m;
  if (dlsym(RTLD_DEFAULT, "__kmpc_fork_call") == NULL) return bad;
  if (!scored_model_open(&m, model_paths[0])) return bad + 1;
  EXPECT(scores_again(&m, 2, NULL) && child_scores(&m, 2, NULL), m.path);
  scored_model_close(&m);
  return bad;
}

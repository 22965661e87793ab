// One model on many threads at once, each with a session of its own; and the pool of Examples/EmbedThreads, for one session and for many:
// always the same bits as alone, and nothing that the thread sanitizer finds.
#include <pthread.h>

#include "embed_tests.h"
#include "thread_pool.h"

enum { SESSIONS = 4, WORKERS = 2, ROUNDS = 2 };

int test_pool_same_bits(void) {
  int bad = 0;
  thread_pool *pool = thread_pool_start(WORKERS), *none = thread_pool_start(0);
  const weir_executor shared = thread_pool_executor(pool), alone = thread_pool_executor(none);
  for (char **path = model_paths; *path != NULL; path++) {
    scored_model m;
    if (!scored_model_open(&m, *path)) return bad + 1;
    EXPECT(scores_again(&m, WORKERS + 1, &shared), *path);
    EXPECT(scores_again(&m, 2 * WORKERS, &shared), *path);  // more parts than the pool has threads
    EXPECT(scores_again(&m, WORKERS + 1, &alone), *path);
    EXPECT(scores_again(&m, WORKERS + 1, NULL), *path);
    scored_model_close(&m);
  }
  thread_pool_stop(none);
  thread_pool_stop(pool);
  return bad;
}

typedef struct scorer {
  const scored_model *m;
  size_t threads;
  const weir_executor *executor;
  bool fine;
} scorer;

static void *score_rounds(void *arg) {
  scorer *s = arg;
  s->fine = true;
  for (size_t i = 0; i < ROUNDS; i++) s->fine = scores_again(s->m, s->threads, s->executor) && s->fine;
  return NULL;
}

// Sessions side by side, each on a thread of its own and on `threads` of the executor's.
static int score_side_by_side(size_t threads, const weir_executor *executor) {
  int bad = 0;
  for (char **path = model_paths; *path != NULL; path++) {
    scored_model m;
    if (!scored_model_open(&m, *path)) return bad + 1;
    pthread_t hosts[SESSIONS];
    scorer scorers[SESSIONS];
    for (size_t t = 0; t < SESSIONS; t++) {
      scorers[t] = (scorer){.m = &m, .threads = threads, .executor = executor};
      EXPECT(pthread_create(&hosts[t], NULL, score_rounds, &scorers[t]) == 0, *path);
    }
    for (size_t t = 0; t < SESSIONS; t++) {
      pthread_join(hosts[t], NULL);
      EXPECT(scorers[t].fine, *path);
    }
    scored_model_close(&m);
  }
  return bad;
}

int test_sessions_side_by_side(void) { return score_side_by_side(1, NULL); }

int test_pool_of_many_sessions(void) {
  thread_pool *pool = thread_pool_start(WORKERS);
  const weir_executor executor = thread_pool_executor(pool);
  const int bad = score_side_by_side(WORKERS + 1, &executor);
  thread_pool_stop(pool);
  return bad;
}

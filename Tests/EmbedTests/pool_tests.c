// The pool of Examples/EmbedThreads: the same bits as on one thread and on the built-in ones, and one pool for sessions on many threads.
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
  const weir_executor *executor;
  bool fine;
} scorer;

static void *score_rounds(void *arg) {
  scorer *s = arg;
  s->fine = true;
  for (size_t i = 0; i < ROUNDS; i++) s->fine = scores_again(s->m, WORKERS + 1, s->executor) && s->fine;
  return NULL;
}

int test_pool_of_many_sessions(void) {
  int bad = 0;
  thread_pool *pool = thread_pool_start(WORKERS);
  const weir_executor executor = thread_pool_executor(pool);
  for (char **path = model_paths; *path != NULL; path++) {
    scored_model m;
    if (!scored_model_open(&m, *path)) return bad + 1;
    pthread_t threads[SESSIONS];
    scorer scorers[SESSIONS];
    for (size_t t = 0; t < SESSIONS; t++) {
      scorers[t] = (scorer){.m = &m, .executor = &executor};
      EXPECT(pthread_create(&threads[t], NULL, score_rounds, &scorers[t]) == 0, *path);
    }
    for (size_t t = 0; t < SESSIONS; t++) {
      pthread_join(threads[t], NULL);
      EXPECT(scorers[t].fine, *path);
    }
    scored_model_close(&m);
  }
  thread_pool_stop(pool);
  return bad;
}

#include "thread_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

// Work that somebody waits for. It lies on that caller's stack, so several callers' jobs can be under way at once.
typedef struct job {
  void (*task)(void *arg, size_t index);
  void *arg;
  size_t count;
  atomic_size_t next;  // index to hand out
  size_t helpers;      // workers inside; under the pool's lock, as is what follows
  struct job *older;
} job;

struct thread_pool {
  pthread_mutex_t lock;
  pthread_cond_t has_work;
  pthread_cond_t helper_left;
  job *newest;  // jobs that may have indexes left
  bool stopping;
  size_t workers;
  pthread_t threads[];
};

static void run_indexes(job *j) {
  for (size_t i = j->next++; i < j->count; i = j->next++) j->task(j->arg, i);
}

// Once all its indexes are handed out, whoever notices first takes a job off the list.
static void take_off(thread_pool *pool, const job *j) {
  job **link = &pool->newest;
  while (*link != NULL && *link != j) link = &(*link)->older;
  if (*link != NULL) *link = j->older;
}

static void *work(void *arg) {
  thread_pool *pool = arg;
  pthread_mutex_lock(&pool->lock);
  while (!pool->stopping) {
    job *j = pool->newest;
    if (j == NULL) {
      pthread_cond_wait(&pool->has_work, &pool->lock);
      continue;
    }
    j->helpers++;
    pthread_mutex_unlock(&pool->lock);
    run_indexes(j);
    pthread_mutex_lock(&pool->lock);
    take_off(pool, j);
    if (--j->helpers == 0) pthread_cond_broadcast(&pool->helper_left);  // the last touch: its caller may return now
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

static void run(void *user, void (*task)(void *arg, size_t index), void *arg, size_t count) {
  thread_pool *pool = user;
  job own = {.task = task, .arg = arg, .count = count};
  pthread_mutex_lock(&pool->lock);
  own.older = pool->newest;
  pool->newest = &own;
  pthread_cond_broadcast(&pool->has_work);
  pthread_mutex_unlock(&pool->lock);

  run_indexes(&own);
  pthread_mutex_lock(&pool->lock);
  take_off(pool, &own);
  while (own.helpers > 0) pthread_cond_wait(&pool->helper_left, &pool->lock);
  pthread_mutex_unlock(&pool->lock);
}

weir_executor thread_pool_executor(thread_pool *pool) {
  return (weir_executor){.struct_size = sizeof(weir_executor), .user = pool, .run = run};
}

thread_pool *thread_pool_start(size_t workers) {
  thread_pool *pool = calloc(1, sizeof *pool + workers * sizeof pool->threads[0]);
  if (pool == NULL) return NULL;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->has_work, NULL);
  pthread_cond_init(&pool->helper_left, NULL);
  while (pool->workers < workers && pthread_create(&pool->threads[pool->workers], NULL, work, pool) == 0) pool->workers++;
  if (pool->workers == workers) return pool;
  thread_pool_stop(pool);
  return NULL;
}

void thread_pool_stop(thread_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  pool->stopping = true;
  pthread_cond_broadcast(&pool->has_work);
  pthread_mutex_unlock(&pool->lock);
  for (size_t i = 0; i < pool->workers; i++) pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->helper_left);
  pthread_cond_destroy(&pool->has_work);
  pthread_mutex_destroy(&pool->lock);
  free(pool);
}

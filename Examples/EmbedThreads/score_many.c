// Scores a stream of pictures in several sessions at once, each on a thread of the host's; they share a model and a pool of workers.
//
//   score_many MODEL SESSIONS WORKERS < pixels      prints each picture's number and nats, in the order of their being done
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "thread_pool.h"

enum { BATCH = 32, MOST_SESSIONS = 64 };

// What the sessions share.
typedef struct desk {
  const weir_model *model;
  weir_session_options options;
  size_t dims;
  pthread_mutex_t lock;
  size_t read;         // pictures so far
  weir_status status;  // of the last failure
} desk;

// Up to a batch of pictures, and the number of the first.
static size_t next_pictures(desk *d, uint8_t *pixels, size_t *first) {
  pthread_mutex_lock(&d->lock);
  const size_t n = fread(pixels, d->dims, BATCH, stdin);
  *first = d->read;
  d->read += n;
  pthread_mutex_unlock(&d->lock);
  return n;
}

static weir_status score_stream(desk *d, void *memory, size_t bytes, uint8_t *pixels) {
  weir_session *session;
  weir_status status = weir_session_init(d->model, &d->options, memory, bytes, &session);
  double scores[BATCH];
  size_t n, first;
  while (status == WEIR_OK && (n = next_pictures(d, pixels, &first)) > 0) {
    status = weir_score_u8(session, pixels, n, scores);
    for (size_t i = 0; status == WEIR_OK && i < n; i++) printf("%zu %.6f\n", first + i, scores[i]);
  }
  return status;
}

static void *run_session(void *arg) {
  desk *d = arg;
  size_t bytes = 0;
  weir_status status = weir_session_size(d->model, &d->options, &bytes);
  void *memory = malloc(bytes);
  uint8_t *pixels = malloc(BATCH * d->dims);
  if (status == WEIR_OK) status = memory == NULL || pixels == NULL ? WEIR_ERROR_MEMORY : score_stream(d, memory, bytes, pixels);
  free(memory);
  free(pixels);
  if (status != WEIR_OK) {
    pthread_mutex_lock(&d->lock);
    d->status = status;
    pthread_mutex_unlock(&d->lock);
  }
  return NULL;
}

// This thread's session is one of them.
static weir_status score_in_sessions(desk *d, size_t sessions) {
  pthread_t threads[MOST_SESSIONS];
  size_t started = 0;
  pthread_mutex_init(&d->lock, NULL);
  while (started + 1 < sessions && pthread_create(&threads[started], NULL, run_session, d) == 0) started++;
  run_session(d);
  for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
  pthread_mutex_destroy(&d->lock);
  return d->status;
}

static int fail(const char *where, const char *message) {
  fprintf(stderr, "score_many: %s: %s\n", where, message);
  return 1;
}

int main(int argc, char **argv) {
  const long sessions = argc == 4 ? strtol(argv[2], NULL, 10) : 0, workers = argc == 4 ? strtol(argv[3], NULL, 10) : -1;
  if (sessions < 1 || sessions > MOST_SESSIONS || workers < 0 || workers > MOST_SESSIONS)
    return fail("usage", "score_many MODEL SESSIONS WORKERS < pixels, with 1 to 64 sessions and 0 to 64 workers");
  weir_error error;
  weir_model *model;
  if (weir_model_open(argv[1], NULL, &model, &error) != WEIR_OK) return fail(error.where, error.message);
  thread_pool *pool = thread_pool_start((size_t)workers);
  weir_status status = WEIR_ERROR_MEMORY;
  if (pool != NULL) {
    const weir_executor executor = thread_pool_executor(pool);
    weir_model_info info = {0};
    weir_model_get_info(model, &info);
    desk d = {.model = model, .dims = info.dims, .options = weir_session_options_default()};
    d.options.batch = BATCH;
    d.options.threads = (size_t)workers + 1;
    d.options.executor = &executor;
    status = score_in_sessions(&d, (size_t)sessions);
    thread_pool_stop(pool);
  }
  weir_model_close(model);
  return status == WEIR_OK ? 0 : fail(argv[1], weir_status_text(status));
}

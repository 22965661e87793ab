// An executor whose parts really run at once. Under a thread sanitizer it shows races that an OpenMP runtime hides from it.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

enum { BATCH = 7, MOST_PARTS = 16 };

typedef struct thread_part {
  void (*task)(void *arg, size_t index);
  void *arg;
  size_t index;
} thread_part;

static void *run_thread_part(void *arg) {
  const thread_part *p = arg;
  p->task(p->arg, p->index);
  return NULL;
}

static void run_on_threads(void *user, void (*task)(void *arg, size_t index), void *arg, size_t count) {
  pthread_t threads[MOST_PARTS];
  thread_part parts[MOST_PARTS];
  if (count > MOST_PARTS) *(bool *)user = true;
  for (size_t i = 0; i < count && i < MOST_PARTS; i++) {
    parts[i] = (thread_part){task, arg, i};
    if (pthread_create(&threads[i], NULL, run_thread_part, &parts[i]) != 0) abort();
  }
  for (size_t i = 0; i < count && i < MOST_PARTS; i++) pthread_join(threads[i], NULL);
}

// Scores, then gradients and a step.
static float *all_numbers(const golden *g, const weir_model *model, const float *x, size_t threads, const weir_executor *executor,
                          size_t *count) {
  weir_session_options options = weir_session_options_default();
  options.batch = BATCH;
  options.threads = threads;
  options.executor = executor;
  weir_train_options training = train_options(g);
  training.threads = threads;
  training.executor = executor;
  double scores[2 * BATCH] = {0};
  desk d = desk_make(model, &options);
  weir_score(d.session, x, BATCH, scores);
  weir_score(d.session, x, 1, scores + BATCH);
  desk_free(&d);
  weir_trainer *trainer = golden_trainer(g, &training);
  weir_step_report report = {.struct_size = sizeof report};
  weir_trainer_step(trainer, g->x, g->n, 1e-3, &report, NULL);
  weir_trainer_gradient(trainer, g->x, g->n, NULL, NULL);
  size_t values, gradients;
  float *a = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &values), *b = trainer_numbers(trainer, WEIR_TENSOR_GRADIENT, &gradients);
  const size_t extra = sizeof scores / (sizeof *a);
  *count = values + gradients + extra;
  float *all = malloc(*count * sizeof *all);
  memcpy(all, a, values * sizeof *all);
  memcpy(all + values, b, gradients * sizeof *all);
  memcpy(all + values + gradients, scores, sizeof scores);
  free(a), free(b);
  weir_trainer_close(trainer);
  return all;
}

int test_executor_of_threads(void) {
  int bad = 0;
  bool too_many = false;
  const weir_executor executor = {.struct_size = sizeof executor, .user = &too_many, .run = run_on_threads};
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    weir_model *model = golden_model(&g);
    float *x = more_samples(&g, BATCH);
    size_t alone_count, together_count;
    float *alone = all_numbers(&g, model, x, 1, NULL, &alone_count);
    float *together = all_numbers(&g, model, x, 3, &executor, &together_count);
    EXPECT(alone_count == together_count && memcmp(alone, together, alone_count * sizeof *alone) == 0, *name);
    EXPECT(!too_many, "no more parts than threads");
    free(alone), free(together), free(x);
    weir_model_close(model);
    golden_close(&g);
  }
  return bad;
}

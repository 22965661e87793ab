#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "embed_tests.h"

static bool score(const weir_model *model, const float *x, size_t threads, const weir_executor *executor, double *scores) {
  weir_session_options options = weir_session_options_default();
  options.batch = SAMPLES;
  options.threads = threads;
  options.executor = executor;
  size_t bytes;
  if (weir_session_size(model, &options, &bytes) != WEIR_OK) return false;
  void *memory = malloc(bytes);
  weir_session *session;
  // A batch, whose groups threads share out, and a single sample, whose layers they do.
  const bool fine = weir_session_init(model, &options, memory, bytes, &session) == WEIR_OK &&
                    weir_score(session, x, SAMPLES, scores) == WEIR_OK && weir_score(session, x, 1, scores) == WEIR_OK;
  free(memory);
  return fine;
}

bool scored_model_open(scored_model *m, const char *path) {
  int bad = 0;
  *m = (scored_model){.path = path};
  weir_error error;
  if (EXPECT(weir_model_open(path, NULL, &m->model, &error) == WEIR_OK, path)) return false;
  weir_model_info info = {0};
  weir_model_get_info(m->model, &info);
  const size_t count = SAMPLES * info.dims;
  m->x = malloc(count * sizeof *m->x);
  for (size_t i = 0; i < count; i++) m->x[i] = info.levels > 0 ? (float)(i * 7919 % 256) : sinf((float)i);
  EXPECT(score(m->model, m->x, 1, NULL, m->scores), path);
  if (bad > 0) scored_model_close(m);
  return bad == 0;
}

void scored_model_close(scored_model *m) {
  free(m->x);
  weir_model_close(m->model);
}

bool scores_again(const scored_model *m, size_t threads, const weir_executor *executor) {
  double scores[SAMPLES];
  return score(m->model, m->x, threads, executor, scores) && memcmp(scores, m->scores, sizeof scores) == 0;
}

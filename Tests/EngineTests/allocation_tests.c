// Nothing after init: no call of malloc and its kin between a session's init and the end of 100 scoring calls.
#include <stdlib.h>

#include "engine_tests.h"
#include "heap_count.h"

enum { BATCH = 9, CALLS = 100 };

static void ignore_event(void *user, const weir_trace_event *event) { (void)user, (void)event; }

// The memory that a caller brings, so that nothing of the test's own is counted.
typedef struct caller {
  void *memory;
  size_t bytes;
  float *x, *z, *back;
  double *score;
} caller;

static bool session_calls(const weir_model *model, const weir_session_options *options, const caller *c, size_t calls) {
  weir_session *session;
  size_t bytes;
  bool fine = weir_session_size(model, options, &bytes) == WEIR_OK &&
              weir_session_init(model, options, c->memory, c->bytes, &session) == WEIR_OK;
  for (size_t i = 0; fine && i < calls; i++) {
    const size_t n = i % BATCH + 1;
    fine = weir_score(session, c->x, n, c->score) == WEIR_OK;
    if (i % 10 != 0) continue;
    const weir_status classes = weir_score_classes(session, c->x, n, c->score);
    fine = fine && (classes == WEIR_OK || classes == WEIR_ERROR_UNSUPPORTED) && weir_session_seek(session, i) == WEIR_OK &&
           weir_forward(session, c->x, n, c->z, c->score) == WEIR_OK &&
           weir_inverse(session, c->z, n, c->back, c->score) == WEIR_OK && weir_sample(session, i, 1, n, c->back) == WEIR_OK &&
           weir_trace(session, c->x, ignore_event, NULL) == WEIR_OK;
  }
  return fine;
}

static int count_calls(size_t threads, const weir_executor *executor, int32_t precision) {
  int bad = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    weir_model *model = golden_model(&g);
    weir_model_info info = {0};
    EXPECT(weir_model_get_info(model, &info) == WEIR_OK && info.components > 0, *name);
    for (int32_t noise = WEIR_NOISE_MIDPOINT; noise <= WEIR_NOISE_AVERAGE; noise++) {
      weir_session_options options = weir_session_options_default();
      options.batch = BATCH;
      options.threads = threads;
      options.noise = noise;
      options.draws = 2;
      options.executor = executor;
      options.precision = precision;
      caller c = {0};
      EXPECT(weir_session_size(model, &options, &c.bytes) == WEIR_OK, *name);
      c.memory = malloc(c.bytes);
      c.x = more_samples(&g, BATCH);
      c.z = malloc(BATCH * g.dims * sizeof *c.z);
      c.back = malloc(BATCH * g.dims * sizeof *c.back);
      c.score = malloc(BATCH * info.components * sizeof *c.score);
      // The threading runtime starts its threads at first use, which is its business, not the engine's.
      if (threads > 1 && executor == NULL) EXPECT(session_calls(model, &options, &c, 11), *name);
      const bool counts = heap_count_start();
      const bool fine = session_calls(model, &options, &c, CALLS);
      const long calls = heap_count_stop();
      if (!counts) note("not counted: this platform has no way to");
      EXPECT(fine, *name);
      EXPECT(calls == 0,
             text_of("%s, precision %d, noise %d, %zu threads: %ld calls", *name, (int)precision, (int)noise, threads, calls));
      free(c.memory), free(c.x), free(c.z), free(c.back), free(c.score);
    }
    weir_model_close(model);
    golden_close(&g);
  }
  return bad;
}

// That counting counts at all.
static int check_counting(void) {
  int bad = 0;
  if (!heap_count_start()) return 0;
  void *volatile block = malloc(100);
  free(block);
  block = aligned_alloc(64, 128);
  free(block);
  EXPECT(heap_count_stop() == 4, "the counter sees malloc, aligned_alloc and free");
  return bad;
}

int test_no_allocation_on_one_thread(void) { return check_counting() + count_calls(1, NULL, WEIR_PRECISION_F32); }

int test_no_allocation_in_bf16(void) {
  return count_calls(1, NULL, WEIR_PRECISION_BF16) + count_calls(2, NULL, WEIR_PRECISION_BF16);
}

int test_no_allocation_on_two_threads(void) {
  const weir_executor executor = backwards_executor();
  return count_calls(2, NULL, WEIR_PRECISION_F32) + count_calls(3, &executor, WEIR_PRECISION_F32);
}

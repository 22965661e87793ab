// Calls with wrong arguments give the documented status and touch nothing; the session goes on.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

enum { BATCH = 4 };

static void count_event(void *user, const weir_trace_event *event) {
  (void)event;
  ++*(int *)user;
}

int test_bad_arguments(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "cycle")) return 1;
  weir_model *model = golden_model(&g);
  weir_session_options options = weir_session_options_default();
  options.batch = BATCH;
  desk d = desk_make(model, &options);
  weir_session *s = d.session;
  const size_t count = (BATCH + 1) * g.dims;
  float *x = more_samples(&g, BATCH + 1), *out = malloc(count * sizeof *out), *before = malloc(count * sizeof *before);
  uint8_t *pixels = calloc(count, 1);
  double scores[BATCH + 1], clean[BATCH], again[BATCH];
  for (size_t i = 0; i < count; i++) out[i] = before[i] = (float)i + 0.25f;
  for (size_t i = 0; i <= BATCH; i++) scores[i] = 42;
  EXPECT(weir_score(s, x, BATCH, clean) == WEIR_OK, "");

  static const struct {
    size_t n;
    weir_status status;
  } counts[] = {
      {0, WEIR_ERROR_ARGUMENT}, {BATCH + 1, WEIR_ERROR_SHAPE}, {SIZE_MAX, WEIR_ERROR_SHAPE}, {SIZE_MAX / 4 + 1, WEIR_ERROR_SHAPE}};
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    const size_t n = counts[k].n;
    const weir_status wanted = counts[k].status;
    EXPECT(weir_score(s, x, n, scores) == wanted, text_of("n = %zu", n));
    EXPECT(weir_score_u8(s, pixels, n, scores) == wanted, text_of("n = %zu", n));
    EXPECT(weir_forward(s, x, n, out, scores) == wanted, text_of("n = %zu", n));
    EXPECT(weir_inverse(s, x, n, out, scores) == wanted, text_of("n = %zu", n));
    EXPECT(weir_sample(s, 1, 1, n, out) == wanted, text_of("n = %zu", n));
  }
  EXPECT(weir_score(NULL, x, 1, scores) == WEIR_ERROR_ARGUMENT && weir_score(s, NULL, 1, scores) == WEIR_ERROR_ARGUMENT &&
             weir_score(s, x, 1, NULL) == WEIR_ERROR_ARGUMENT,
         "score");
  EXPECT(weir_score_u8(NULL, pixels, 1, scores) == WEIR_ERROR_ARGUMENT &&
             weir_score_u8(s, NULL, 1, scores) == WEIR_ERROR_ARGUMENT && weir_score_u8(s, pixels, 1, NULL) == WEIR_ERROR_ARGUMENT,
         "score_u8");
  EXPECT(weir_forward(NULL, x, 1, out, scores) == WEIR_ERROR_ARGUMENT &&
             weir_forward(s, NULL, 1, out, scores) == WEIR_ERROR_ARGUMENT &&
             weir_forward(s, x, 1, NULL, scores) == WEIR_ERROR_ARGUMENT,
         "forward");
  EXPECT(weir_inverse(NULL, x, 1, out, scores) == WEIR_ERROR_ARGUMENT &&
             weir_inverse(s, NULL, 1, out, scores) == WEIR_ERROR_ARGUMENT &&
             weir_inverse(s, x, 1, NULL, scores) == WEIR_ERROR_ARGUMENT,
         "inverse");
  EXPECT(weir_sample(NULL, 1, 1, 1, out) == WEIR_ERROR_ARGUMENT && weir_sample(s, 1, 1, 1, NULL) == WEIR_ERROR_ARGUMENT, "sample");
  EXPECT(weir_session_seek(NULL, 0) == WEIR_ERROR_ARGUMENT, "seek");
  int events = 0;
  EXPECT(weir_trace(NULL, x, count_event, &events) == WEIR_ERROR_ARGUMENT &&
             weir_trace(s, NULL, count_event, &events) == WEIR_ERROR_ARGUMENT &&
             weir_trace(s, x, NULL, &events) == WEIR_ERROR_ARGUMENT && events == 0,
         "trace");
  EXPECT(memcmp(out, before, count * sizeof *out) == 0, "outputs are untouched");
  for (size_t i = 0; i <= BATCH; i++) EXPECT(scores[i] == 42, "scores are untouched");
  EXPECT(weir_score(s, x, BATCH, again) == WEIR_OK && memcmp(again, clean, sizeof clean) == 0, "the session stays usable");
  free(x), free(out), free(before), free(pixels);
  desk_free(&d);
  weir_model_close(model);
  golden_close(&g);
  return bad;
}

int test_bad_options(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "tabular_pair")) return 1;
  weir_model *model = golden_model(&g);
  const weir_executor nothing = {.struct_size = sizeof(weir_executor)};
  weir_executor small = backwards_executor();
  small.struct_size = 8;
  const weir_session_options fine = weir_session_options_default();
  weir_session_options options[14];
  const char *const what[14] = {"struct_size 0",   "struct_size one short",
                                "batch 0",         "batch SIZE_MAX",
                                "threads 0",       "threads SIZE_MAX",
                                "noise -1",        "noise 3",
                                "draws 0",         "draws SIZE_MAX",
                                "no run function", "a small executor",
                                "precision -1",    "precision 2"};
  for (size_t i = 0; i < 14; i++) options[i] = fine;
  options[0].struct_size = 0;
  options[1].struct_size = sizeof fine - 1;
  options[2].batch = 0;
  options[3].batch = SIZE_MAX;
  options[4].threads = 0;
  options[5].threads = SIZE_MAX;
  options[6].noise = -1;
  options[7].noise = 3;
  options[8].draws = 0;
  options[9].draws = SIZE_MAX;
  options[10].executor = &nothing;
  options[11].executor = &small;
  options[12].precision = -1;
  options[13].precision = 2;
  size_t bytes;
  EXPECT(weir_session_size(model, &fine, &bytes) == WEIR_OK && bytes > 0, "");
  void *memory = malloc(bytes);
  weir_session *session;
  for (size_t i = 0; i < 14; i++) {
    size_t untouched = 42;
    EXPECT(weir_session_size(model, &options[i], &untouched) == WEIR_ERROR_ARGUMENT && untouched == 42, what[i]);
    session = (weir_session *)memory;
    EXPECT(weir_session_init(model, &options[i], memory, bytes, &session) == WEIR_ERROR_ARGUMENT && session == NULL, what[i]);
  }
  EXPECT(weir_session_size(NULL, &fine, &bytes) == WEIR_ERROR_ARGUMENT, "no model");
  EXPECT(weir_session_size(model, NULL, &bytes) == WEIR_ERROR_ARGUMENT, "no options");
  EXPECT(weir_session_size(model, &fine, NULL) == WEIR_ERROR_ARGUMENT, "no bytes");
  EXPECT(weir_session_init(NULL, &fine, memory, bytes, &session) == WEIR_ERROR_ARGUMENT && session == NULL, "no model");
  EXPECT(weir_session_init(model, NULL, memory, bytes, &session) == WEIR_ERROR_ARGUMENT && session == NULL, "no options");
  EXPECT(weir_session_init(model, &fine, NULL, bytes, &session) == WEIR_ERROR_ARGUMENT && session == NULL, "no memory");
  EXPECT(weir_session_init(model, &fine, memory, bytes, NULL) == WEIR_ERROR_ARGUMENT, "no session");
  // A newer header's options are longer; their first part is what this library knows.
  struct {
    weir_session_options known;
    char unknown[64];
  } longer = {.known = fine};
  longer.known.struct_size = sizeof longer;
  EXPECT(weir_session_init(model, &longer.known, memory, bytes, &session) == WEIR_OK, "options of a newer header");
  free(memory);
  weir_model_close(model);
  golden_close(&g);
  return bad;
}

// weir_session_size says what is needed, wherever the memory lies: below it, no.
int test_short_memory(void) {
  int bad = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    weir_model *model = golden_model(&g);
    for (size_t variant = 0; variant < 4; variant++) {
      weir_session_options options = weir_session_options_default();
      options.batch = BATCH;
      options.threads = variant & 1 ? 3 : 1;
      options.precision = variant & 2 ? WEIR_PRECISION_BF16 : WEIR_PRECISION_F32;
      size_t bytes;
      EXPECT(weir_session_size(model, &options, &bytes) == WEIR_OK, *name);
      for (size_t shift = 0; shift < 64; shift += 21) {
        weir_session *session = NULL;
        char *memory = malloc(bytes + shift);
        EXPECT(weir_session_init(model, &options, memory + shift, bytes - 1, &session) == WEIR_ERROR_MEMORY && session == NULL,
               text_of("%s, one byte short, shifted by %zu", *name, shift));
        EXPECT(weir_session_init(model, &options, memory + shift, bytes, &session) == WEIR_OK, *name);
        free(memory);
      }
      char little[200];
      for (size_t size = 0; size <= sizeof little; size++) {
        weir_session *session = NULL;
        EXPECT(weir_session_init(model, &options, little, size, &session) == WEIR_ERROR_MEMORY && session == NULL, *name);
      }
    }
    weir_model_close(model);
    golden_close(&g);
  }
  return bad;
}

// A struct that a header older than the library declares is shorter: every function that takes one refuses it.
int test_short_structs(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "tabular_pair")) return 1;
  weir_model *model = golden_model(&g), *opened;
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_allocator allocator = memory.allocator;
  allocator.struct_size--;
  EXPECT(weir_model_open(g.model_path, &allocator, &opened, NULL) == WEIR_ERROR_ARGUMENT, "allocator");
  EXPECT(weir_model_open_memory(g.bytes, g.size, &allocator, &opened, NULL) == WEIR_ERROR_ARGUMENT, "allocator");

  weir_executor executor = backwards_executor();
  executor.struct_size--;
  size_t bytes;
  weir_session *session;
  weir_session_options session_options[2] = {weir_session_options_default(), weir_session_options_default()};
  session_options[0].struct_size--;
  session_options[1].executor = &executor;
  for (size_t i = 0; i < 2; i++) {
    EXPECT(weir_session_size(model, &session_options[i], &bytes) == WEIR_ERROR_ARGUMENT, text_of("session options %zu", i));
    EXPECT(weir_session_init(model, &session_options[i], &memory, sizeof memory, &session) == WEIR_ERROR_ARGUMENT,
           text_of("session options %zu", i));
  }

  weir_peak peak;
  weir_peak_options peak_options[3] = {weir_peak_options_default(), weir_peak_options_default(), weir_peak_options_default()};
  peak_options[0].struct_size--;
  peak_options[1].executor = &executor;
  for (size_t i = 0; i < 3; i++)
    EXPECT(weir_machine_peak(&peak_options[i], i == 2 ? &allocator : NULL, &peak) == WEIR_ERROR_ARGUMENT,
           text_of("peak options %zu", i));

  weir_trainer *trainer;
  weir_train_options train_options[3] = {weir_train_options_default(), weir_train_options_default(), weir_train_options_default()};
  train_options[0].struct_size--;
  train_options[1].executor = &executor;
  train_options[2].allocator = &allocator;
  for (size_t i = 0; i < 3; i++) {
    EXPECT(weir_trainer_create(weir_model_spec(model), &train_options[i], &trainer, NULL) == WEIR_ERROR_ARGUMENT,
           text_of("train options %zu", i));
    EXPECT(weir_trainer_open(g.model_path, &train_options[i], &trainer, NULL) == WEIR_ERROR_ARGUMENT,
           text_of("train options %zu", i));
  }
  const weir_train_options fine = weir_train_options_default();
  EXPECT(weir_trainer_open(g.model_path, &fine, &trainer, NULL) == WEIR_OK, "");
  float *x = more_samples(&g, 1);
  double loss;
  weir_step_report report = {.struct_size = sizeof report};
  weir_train_batch batch = weir_train_batch_of(x, 1);
  batch.struct_size--;
  EXPECT(weir_trainer_step_batch(trainer, &batch, 1e-3, &report, NULL) == WEIR_ERROR_ARGUMENT, "batch");
  EXPECT(weir_trainer_gradient_batch(trainer, &batch, &loss, NULL) == WEIR_ERROR_ARGUMENT, "batch");
  free(x);
  weir_trainer_close(trainer);
  weir_model_close(model);
  golden_close(&g);
  return bad;
}

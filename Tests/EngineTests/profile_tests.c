// Measuring: every part of every pass is reported once and in order, times add up, and nothing about the scores changes.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"
#include "heap_count.h"
#include "model/session.h"

enum { BATCH = 67, CALLS = 20 };  // more rows of a table than a pass holds

typedef struct seen {
  const weir_model *model;
  weir_model_info info;
  size_t step, layer;              // that the next event must be about
  size_t first, passes;            // samples before this pass; passes so far
  uint64_t layers, steps;          // nanoseconds of those of the step, and of the pass, so far
  uint64_t ended;                  // when the last layer or pass did
  double layer_flops, step_flops;  // likewise
  double layer_bytes, step_bytes;  // likewise
  const char *name;
  int bad;
} seen;

static size_t layers_of(const seen *s, size_t step) {
  weir_step_info info = {.layers = 1};
  if (step < s->info.steps) weir_model_get_step(s->model, step, &info);
  return info.layers;
}

static bool near(double a, double b) { return fabs(a - b) <= 1e-12 * fabs(b); }

static int see_layer(seen *s, const weir_profile_event *event) {
  int bad = 0;
  weir_layer_info layer = {0};
  EXPECT(event->step == s->step && event->layer == s->layer, text_of("%s: layer %zu of step %zu", s->name, s->layer, s->step));
  EXPECT(weir_model_get_layer(s->model, event->step, event->layer, &layer) == WEIR_OK, s->name);
  EXPECT(event->described != NULL && memcmp(event->described, &layer, sizeof layer) == 0, s->name);
  EXPECT(event->start >= s->ended, "parts follow each other");
  EXPECT(near(event->flops, (double)event->n * layer.flops), layer.name);
  EXPECT(near(event->bytes, (double)layer.weight_bytes + (double)(event->n * layer.sample_bytes)), layer.name);
  s->ended = event->start + event->nanoseconds;
  s->layers += event->nanoseconds;
  s->layer_flops += event->flops;
  s->layer_bytes += event->bytes;
  s->layer++;
  return bad;
}

static int see_step(seen *s, const weir_profile_event *event) {
  int bad = 0;
  weir_step_info step = {.op = "prior"};
  if (s->step < s->info.steps) weir_model_get_step(s->model, s->step, &step);
  EXPECT(event->step == s->step && strcmp(event->op, step.op) == 0, text_of("%s: step %zu", s->name, s->step));
  EXPECT(s->layer == layers_of(s, s->step), text_of("%s: step %zu after %zu layers", s->name, s->step, s->layer));
  EXPECT(event->nanoseconds == s->layers, "a step is its layers");
  EXPECT(near(event->flops, s->layer_flops) && near(event->bytes, s->layer_bytes), text_of("%s: step %zu", s->name, s->step));
  if (s->step < s->info.steps) EXPECT(near(event->flops, (double)event->n * step.flops), text_of("%s: step %zu", s->name, s->step));
  s->steps += event->nanoseconds;
  s->step_flops += event->flops;
  s->step_bytes += event->bytes;
  s->step++;
  s->layer = 0;
  s->layers = 0;
  s->layer_flops = s->layer_bytes = 0;
  return bad;
}

static int see_pass(seen *s, const weir_profile_event *event) {
  int bad = 0;
  EXPECT(s->step == s->info.steps + 1 && event->step == s->step && strcmp(event->op, "pass") == 0, s->name);
  EXPECT(event->first == s->first && event->n >= 1, text_of("%s: sample %zu, not %zu", s->name, event->first, s->first));
  EXPECT(event->nanoseconds >= s->steps && event->start + event->nanoseconds == s->ended, "a pass holds its steps");
  EXPECT(near(event->flops, s->step_flops) && near(event->bytes, s->step_bytes), s->name);
  EXPECT(near(event->flops, (double)event->n * s->info.flops), text_of("%s: %g and %g", s->name, event->flops, s->info.flops));
  s->first += event->n;
  s->passes++;
  s->step = 0;
  s->steps = 0;
  s->step_flops = s->step_bytes = 0;
  return bad;
}

static void see(void *user, const weir_profile_event *event) {
  seen *s = user;
  int bad = 0;
  EXPECT(event->struct_size == sizeof *event && event->op != NULL, s->name);
  EXPECT(event->kind == WEIR_PROFILE_LAYER || (event->described == NULL && event->layer == 0), s->name);
  switch (event->kind) {
    case WEIR_PROFILE_LAYER: bad += see_layer(s, event); break;
    case WEIR_PROFILE_STEP: bad += see_step(s, event); break;
    case WEIR_PROFILE_PASS: bad += see_pass(s, event); break;
    default: EXPECT(false, "an unknown kind"); break;
  }
  s->bad += bad;
}

static int check_profile(const golden *g, const weir_model *model, size_t threads, const weir_executor *executor) {
  int bad = 0;
  weir_session_options options = weir_session_options_default();
  options.batch = BATCH;
  options.threads = threads;
  options.noise = WEIR_NOISE_SEED;
  options.executor = executor;
  desk d = desk_make(model, &options);
  float *x = more_samples(g, BATCH);
  double scores[BATCH], again[BATCH];
  EXPECT(weir_score(d.session, x, BATCH, scores) == WEIR_OK, g->name);
  EXPECT(weir_session_seek(d.session, 0) == WEIR_OK, g->name);
  seen s = {.model = model, .name = g->name};
  EXPECT(weir_model_get_info(model, &s.info) == WEIR_OK, g->name);
  EXPECT(weir_profile(d.session, x, BATCH, again, see, &s) == WEIR_OK, g->name);
  EXPECT(memcmp(scores, again, sizeof scores) == 0, text_of("%s: the scores' bits", g->name));
  EXPECT(s.first == BATCH && s.step == 0 && s.passes == (BATCH + d.session->group - 1) / d.session->group,
         text_of("%s: %zu passes", g->name, s.passes));
  // Images have noise, which follows the index; rows of a table have none.
  EXPECT(weir_score(d.session, x, BATCH, again) == WEIR_OK && (memcmp(scores, again, sizeof scores) == 0) == g->table,
         text_of("%s: the index moved on", g->name));
  free(x);
  desk_free(&d);
  return bad + s.bad;
}

int test_profile(void) {
  int bad = 0;
  const weir_executor executor = backwards_executor();
  for (const char *const *name = golden_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    weir_model *model = golden_model(&g);
    for (size_t threads = 1; threads <= 2; threads++) bad += check_profile(&g, model, threads, NULL);
    bad += check_profile(&g, model, 3, &executor);
    weir_model_close(model);
    golden_close(&g);
  }
  return bad;
}

static void count_passes(void *user, const weir_profile_event *event) {
  if (event->kind == WEIR_PROFILE_PASS) ++*(size_t *)user;
}

// One pass a draw; and a profile takes no memory.
int test_profile_allocates_nothing(void) {
  int bad = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    weir_model *model = golden_model(&g);
    weir_session_options options = weir_session_options_default();
    options.batch = 3;
    options.noise = WEIR_NOISE_AVERAGE;
    options.draws = 2;
    desk d = desk_make(model, &options);
    float *x = more_samples(&g, 3);
    double scores[3];
    size_t passes = 0;
    bool fine = true;
    heap_count_start();
    for (size_t i = 0; i < CALLS; i++) fine = fine && weir_profile(d.session, x, 3, scores, count_passes, &passes) == WEIR_OK;
    const long calls = heap_count_stop();
    EXPECT(fine && calls == 0, text_of("%s: %ld calls", *name, calls));
    EXPECT(passes == CALLS * (g.table ? 1 : 2) * ((3 + d.session->group - 1) / d.session->group),
           text_of("%s: %zu passes", *name, passes));
    free(x);
    desk_free(&d);
    weir_model_close(model);
    golden_close(&g);
  }
  return bad;
}

static void count_event(void *user, const weir_profile_event *event) {
  (void)event;
  ++*(int *)user;
}

int test_profile_bad_arguments(void) {
  int bad = 0, events = 0;
  golden g;
  if (!golden_open(&g, "tabular")) return 1;
  weir_model *model = golden_model(&g);
  weir_session_options options = weir_session_options_default();
  options.batch = 2;
  desk d = desk_make(model, &options);
  float *x = more_samples(&g, 3);
  double scores[3] = {42, 42, 42};
  EXPECT(weir_profile(NULL, x, 1, scores, count_event, &events) == WEIR_ERROR_ARGUMENT, "no session");
  EXPECT(weir_profile(d.session, NULL, 1, scores, count_event, &events) == WEIR_ERROR_ARGUMENT, "no x");
  EXPECT(weir_profile(d.session, x, 1, NULL, count_event, &events) == WEIR_ERROR_ARGUMENT, "no scores");
  EXPECT(weir_profile(d.session, x, 1, scores, NULL, &events) == WEIR_ERROR_ARGUMENT, "no callback");
  EXPECT(weir_profile(d.session, x, 0, scores, count_event, &events) == WEIR_ERROR_ARGUMENT, "no samples");
  EXPECT(weir_profile(d.session, x, 3, scores, count_event, &events) == WEIR_ERROR_SHAPE, "more than the batch");
  EXPECT(weir_profile(d.session, x, SIZE_MAX, scores, count_event, &events) == WEIR_ERROR_SHAPE, "more than the batch");
  EXPECT(events == 0 && scores[0] == 42 && scores[1] == 42 && scores[2] == 42, "nothing happened");

  weir_model_info info;
  weir_layer_info layer;
  weir_model_get_info(model, &info);
  EXPECT(weir_model_get_layer(NULL, 0, 0, &layer) == WEIR_ERROR_ARGUMENT &&
             weir_model_get_layer(model, 0, 0, NULL) == WEIR_ERROR_ARGUMENT &&
             weir_model_get_layer(model, info.steps + 1, 0, &layer) == WEIR_ERROR_ARGUMENT &&
             weir_model_get_layer(model, info.steps, 1, &layer) == WEIR_ERROR_ARGUMENT &&
             weir_model_get_layer(model, 0, SIZE_MAX, &layer) == WEIR_ERROR_ARGUMENT,
         "no such layer");
  free(x);
  desk_free(&d);
  weir_model_close(model);
  golden_close(&g);
  return bad;
}

// Every layer says what it is, in shapes that fit the next one's and kernels that there are.
int test_layer_description(void) {
  static const char *const slots[] = {
#define WEIR_KERNEL(slot) #slot,
#include "kernels/kernels.def"
#undef WEIR_KERNEL
      "winograd", ""};
  int bad = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    weir_model *model = golden_model(&g);
    weir_model_info info;
    weir_model_get_info(model, &info);
    for (size_t i = 0; i <= info.steps; i++) {
      weir_step_info step = {.layers = 1, .op = "", .net = ""};
      if (i < info.steps) weir_model_get_step(model, i, &step);
      EXPECT((step.layers > 2) == (step.net[0] != '\0') && step.layers != 2, text_of("%s: step %zu", *name, i));
      for (size_t j = 0; j < step.layers; j++) {
        weir_layer_info layer = {0};
        EXPECT(weir_model_get_layer(model, i, j, &layer) == WEIR_OK && layer.struct_size == sizeof layer, *name);
        bool kernel = false, preparation = false;
        for (size_t k = 0; k < sizeof slots / sizeof slots[0]; k++) {
          kernel = kernel || strcmp(layer.kernel, slots[k]) == 0;
          preparation = preparation || strcmp(layer.preparation, slots[k]) == 0;
        }
        EXPECT(kernel && preparation && layer.name[0] != '\0', text_of("%s: %s by %s", *name, layer.name, layer.kernel));
        EXPECT(layer.flops >= 0 && layer.sample_bytes > 0, text_of("%s: %s", *name, layer.name));
        for (size_t k = 0; k < 3; k++) EXPECT(layer.input_shape[k] > 0 && layer.output_shape[k] > 0, layer.name);
      }
      EXPECT(weir_model_get_layer(model, i, step.layers, &(weir_layer_info){0}) == WEIR_ERROR_ARGUMENT, *name);
    }
    weir_model_close(model);
    golden_close(&g);
  }
  return bad;
}

int test_machine_peak(void) {
  int bad = 0;
  counted_memory memory;
  counted_memory_init(&memory, -1);
  const weir_executor executor = backwards_executor();
  weir_peak_options options = weir_peak_options_default();
  options.seconds = 0;
  options.read_bytes = 1 << 20;
  weir_peak peak = {0};
  EXPECT(weir_machine_peak(&options, &memory.allocator, &peak) == WEIR_OK && peak.struct_size == sizeof peak, "");
  EXPECT(peak.fma > 1e6 && peak.read > 1e6 && peak.read_bytes == 1 << 20 && peak.threads == 1, peak.isa);
  EXPECT((peak.bf16 > 0) == (strcmp(peak.isa, "avx512bf16") == 0), text_of("%s: %g", peak.isa, peak.bf16));
  EXPECT(memory.blocks == 0 && memory.peak == 1 << 20, "what was read is given back");
  options.threads = 3;
  options.executor = &executor;
  EXPECT(weir_machine_peak(&options, &memory.allocator, &peak) == WEIR_OK && peak.threads == 3 && peak.read > 0, "");
  options.read_bytes = 0;
  EXPECT(weir_machine_peak(&options, NULL, &peak) == WEIR_OK && peak.read == 0 && peak.read_bytes == 0 && peak.fma > 0, "");
  counted_memory_init(&memory, 0);
  options.read_bytes = 1 << 20;
  peak.threads = 42;
  EXPECT(weir_machine_peak(&options, &memory.allocator, &peak) == WEIR_ERROR_MEMORY && peak.threads == 42, "no memory");

  weir_peak_options wrong[5];
  for (size_t i = 0; i < 5; i++) wrong[i] = options;
  wrong[0].struct_size = 8;
  wrong[1].threads = 0;
  wrong[2].threads = SIZE_MAX;
  wrong[3].seconds = -1;
  wrong[4].seconds = NAN;
  for (size_t i = 0; i < 5; i++)
    EXPECT(weir_machine_peak(&wrong[i], NULL, &peak) == WEIR_ERROR_ARGUMENT && peak.threads == 42, text_of("%zu", i));
  EXPECT(
      weir_machine_peak(NULL, NULL, &peak) == WEIR_ERROR_ARGUMENT && weir_machine_peak(&options, NULL, NULL) == WEIR_ERROR_ARGUMENT,
      "");
  return bad;
}

// A trainer's tensors, fresh weights, memory and arguments.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

// Numbers that the trainer derives from others, whatever a host writes there.
static bool derived(const char *name) { return strstr(name, ".lu") != NULL || strstr(name, ".pivots") != NULL; }

int test_trainer_tensors(void) {
  int bad = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    model_parts parts = parts_of_golden(*name);
    const weir_train_options options = train_options(&g);
    weir_trainer *trainer = golden_trainer(&g, &options);
    const size_t count = weir_trainer_tensor_count(trainer);
    EXPECT(count == parts.count, *name);
    for (size_t i = 0; i < count; i++) {
      weir_tensor_info info;
      EXPECT(weir_trainer_tensor_info(trainer, i, &info) == WEIR_OK, *name);
      const part *p = parts_find(&parts, info.name);
      EXPECT(p != NULL && p->rank == info.rank && memcmp(p->shape, info.shape, p->rank * sizeof info.shape[0]) == 0, info.name);
      float *values = malloc(info.count * sizeof *values), *again = malloc(info.count * sizeof *again);
      EXPECT(weir_trainer_tensor_read(trainer, i, WEIR_TENSOR_VALUE, values) == WEIR_OK, info.name);
      EXPECT(derived(info.name) || (p->bytes == info.count * sizeof *values && memcmp(p->data, values, p->bytes) == 0), info.name);
      // A rotation is orthogonal, and stays so with a row turned round.
      const bool rotation = strcmp(*name, "table_mixing") == 0 && strcmp(info.name, "steps.1.weight") == 0;
      if (rotation) {
        values[0] += 0.5f;
        EXPECT(weir_trainer_tensor_write(trainer, i, values) == WEIR_ERROR_TENSOR, info.name);
        values[0] -= 0.5f;
        for (size_t e = 0; e < info.shape[1]; e++) values[e] = -values[e];
      }
      for (size_t e = 0; e < info.count && !rotation; e++) values[e] += 0.5f;
      if (derived(info.name)) weir_trainer_tensor_read(trainer, i, WEIR_TENSOR_VALUE, again);
      EXPECT(weir_trainer_tensor_write(trainer, i, values) == WEIR_OK, info.name);
      if (derived(info.name)) memcpy(values, again, info.count * sizeof *values);
      EXPECT(weir_trainer_tensor_read(trainer, i, WEIR_TENSOR_VALUE, again) == WEIR_OK &&
                 memcmp(values, again, info.count * sizeof *values) == 0,
             info.name);
      values[info.count - 1] = NAN;
      EXPECT(weir_trainer_tensor_write(trainer, i, values) != WEIR_OK, "NaN is no weight");
      if (strstr(info.name, ".variance") != NULL || strstr(info.name, ".scale") != NULL) {
        values[info.count - 1] = -1;
        EXPECT(weir_trainer_tensor_write(trainer, i, values) != WEIR_OK, "a negative variance or scale");
      }
      EXPECT(weir_trainer_tensor_read(trainer, i, WEIR_TENSOR_VALUE, values) == WEIR_OK &&
                 memcmp(values, again, info.count * sizeof *values) == 0,
             "what is refused changes nothing");
      EXPECT(weir_trainer_tensor_read(trainer, i, 2, values) == WEIR_ERROR_ARGUMENT &&
                 weir_trainer_tensor_read(trainer, i, -1, values) == WEIR_ERROR_ARGUMENT &&
                 weir_trainer_tensor_read(trainer, i, 0, NULL) == WEIR_ERROR_ARGUMENT &&
                 weir_trainer_tensor_write(trainer, i, NULL) == WEIR_ERROR_ARGUMENT &&
                 weir_trainer_tensor_info(trainer, i, NULL) == WEIR_ERROR_ARGUMENT,
             info.name);
      free(values), free(again);
    }
    weir_tensor_info info;
    float number;
    EXPECT(weir_trainer_tensor_info(trainer, count, &info) == WEIR_ERROR_ARGUMENT &&
               weir_trainer_tensor_read(trainer, count, 0, &number) == WEIR_ERROR_ARGUMENT &&
               weir_trainer_tensor_write(trainer, count, &number) == WEIR_ERROR_ARGUMENT,
           "past the end");
    weir_trainer_close(trainer);
    parts_free(&parts);
    golden_close(&g);
  }
  return bad;
}

// Fresh weights: by seed alone, finite, with a first loss that is sane; and a few steps lower it.
int test_trainer_fresh_weights(void) {
  int bad = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    model_parts parts = parts_of_golden(*name);
    weir_train_options options = train_options(&g);
    weir_trainer *first = NULL, *same = NULL, *other = NULL;
    weir_error error = {0};
    options.seed = 1;
    EXPECT(weir_trainer_create(parts.spec, &options, &first, &error) == WEIR_OK, error.message);
    EXPECT(weir_trainer_create(parts.spec, &options, &same, &error) == WEIR_OK && same_values(first, same), *name);
    options.seed = 2;
    EXPECT(weir_trainer_create(parts.spec, &options, &other, &error) == WEIR_OK && !same_values(first, other), *name);
    weir_step_report report = {.struct_size = sizeof report};
    double start = NAN, best = INFINITY;
    for (size_t i = 0; i < 30; i++) {
      EXPECT(weir_trainer_step(first, g.x, g.n, 2e-3, &report, NULL) == WEIR_OK && report.skipped == 0,
             text_of("%s: %s", *name, report.layer));
      if (i == 0) start = report.loss;
      best = fmin(best, report.loss);
    }
    EXPECT(isfinite(start) && best < start, text_of("%s: %g falls to %g", *name, start, best));
    weir_trainer_close(first), weir_trainer_close(same), weir_trainer_close(other);
    parts_free(&parts);
    golden_close(&g);
  }
  return bad;
}

typedef weir_status trainer_maker(const char *what, const weir_train_options *options, weir_trainer **trainer, weir_error *error);

static int make_short(const char *name, trainer_maker *make, const char *what, weir_train_options options) {
  int bad = 0;
  weir_status status = WEIR_ERROR_MEMORY;
  for (long fail_at = 0; status != WEIR_OK && fail_at < 10000; fail_at++) {
    counted_memory memory;
    counted_memory_init(&memory, fail_at);
    options.allocator = &memory.allocator;
    weir_trainer *trainer = NULL;
    weir_error error = {0};
    status = make(what, &options, &trainer, &error);
    const char *detail = text_of("%s, allocation %ld fails: %d %s", name, fail_at, (int)status, error.message);
    if (memory.calls > fail_at) EXPECT(status == WEIR_ERROR_MEMORY && trainer == NULL && error_is(&error, status), detail);
    if (status == WEIR_OK) {
      EXPECT(weir_trainer_bytes(trainer) == (size_t)memory.bytes,
             text_of("%s: says %zu bytes, holds %ld", name, weir_trainer_bytes(trainer), memory.bytes));
      weir_trainer_close(trainer);
    }
    EXPECT(memory.blocks == 0 && memory.bytes == 0, text_of("%s: %ld blocks, %ld bytes left", detail, memory.blocks, memory.bytes));
  }
  EXPECT(status == WEIR_OK, name);
  return bad;
}

int test_trainer_without_memory(void) {
  int bad = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    model_parts parts = parts_of_golden(*name);
    weir_train_options options = train_options(&g);
    bad +=
        make_short(*name, weir_trainer_create, parts.spec, options) + make_short(*name, weir_trainer_open, g.model_path, options);
    options.memory_budget = SIZE_MAX;
    bad += make_short(*name, weir_trainer_create, parts.spec, options);
    parts_free(&parts);
    golden_close(&g);
  }
  return bad;
}

static int check_options(const char *spec) {
  int bad = 0;
  const weir_executor nothing = {.struct_size = sizeof(weir_executor)};
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_allocator broken = memory.allocator;
  broken.release = NULL;
  const weir_train_options fine = weir_train_options_default();
  enum { WRONG = 22 };
  weir_train_options wrong[WRONG];
  for (size_t i = 0; i < WRONG; i++) wrong[i] = fine;
  wrong[0].struct_size = 0;
  wrong[1].struct_size = sizeof fine - 1;
  wrong[2].batch = 0;
  wrong[3].batch = SIZE_MAX;
  wrong[4].threads = 0;
  wrong[5].threads = SIZE_MAX;
  wrong[6].noise = WEIR_NOISE_AVERAGE;
  wrong[7].noise = -1;
  wrong[8].beta1 = 1;
  wrong[9].beta1 = NAN;
  wrong[10].beta2 = -0.1;
  wrong[11].beta2 = INFINITY;
  wrong[12].epsilon = 0;
  wrong[13].epsilon = NAN;
  wrong[14].weight_decay = -1;
  wrong[15].weight_decay = INFINITY;
  wrong[16].clip_norm = -1;
  wrong[17].clip_norm = NAN;
  wrong[18].executor = &nothing;
  wrong[19].allocator = &broken;
  wrong[20].epsilon = INFINITY;
  wrong[21].weight_decay = 1e60;  // infinite as an f32
  for (size_t i = 0; i < WRONG; i++) {
    weir_trainer *trainer = (weir_trainer *)&memory;
    weir_error error = {0};
    EXPECT(weir_trainer_create(spec, &wrong[i], &trainer, &error) == WEIR_ERROR_ARGUMENT && trainer == NULL &&
               error_is(&error, WEIR_ERROR_ARGUMENT),
           text_of("options %zu: %s", i, error.message));
    weir_trainer_close(trainer);
  }
  return bad;
}

int test_trainer_bad_arguments(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "multiscale")) return 1;
  model_parts parts = parts_of_golden("multiscale");
  weir_train_options options = train_options(&g);
  weir_error error = {0};
  weir_trainer *trainer = NULL;
  bad += check_options(parts.spec);
  EXPECT(weir_trainer_create(NULL, &options, &trainer, &error) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_create(parts.spec, NULL, &trainer, &error) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_create(parts.spec, &options, NULL, &error) == WEIR_ERROR_ARGUMENT,
         "create");
  EXPECT(weir_trainer_open(NULL, &options, &trainer, &error) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_open(g.model_path, NULL, &trainer, &error) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_open(g.model_path, &options, NULL, &error) == WEIR_ERROR_ARGUMENT,
         "open");
  EXPECT(weir_trainer_open(WEIR_GOLDEN_FOLDER "/nothing", &options, &trainer, &error) == WEIR_ERROR_IO &&
             error_is(&error, WEIR_ERROR_IO),
         error.message);
  static const char *const refused[] = {"", "{", "[]", "{}", "null", "{\"version\":2}", "a text"};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    const weir_status status = weir_trainer_create(refused[i], &options, &trainer, &error);
    EXPECT(status != WEIR_OK && trainer == NULL && error_is(&error, status),
           text_of("%s gives %d %s", refused[i], (int)status, error.message));
  }
  trainer = golden_trainer(&g, &options);
  weir_trainer *untouched = golden_trainer(&g, &options);
  weir_step_report report = {.struct_size = sizeof report, .loss = 42};
  double loss = 42;
  static const struct {
    size_t n;
    weir_status status;
  } sizes[] = {{0, WEIR_ERROR_SHAPE}, {9, WEIR_ERROR_SHAPE}, {SIZE_MAX, WEIR_ERROR_SHAPE}};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    EXPECT(
        weir_trainer_step(trainer, g.x, sizes[i].n, 1e-3, &report, &error) == sizes[i].status && error_is(&error, sizes[i].status),
        text_of("n = %zu", sizes[i].n));
    EXPECT(weir_trainer_gradient(trainer, g.x, sizes[i].n, &loss, &error) == sizes[i].status, text_of("n = %zu", sizes[i].n));
  }
  const double rates[] = {-1, NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < 4; i++)
    EXPECT(weir_trainer_step(trainer, g.x, g.n, rates[i], &report, &error) == WEIR_ERROR_ARGUMENT &&
               error_is(&error, WEIR_ERROR_ARGUMENT),
           text_of("%g", rates[i]));
  EXPECT(weir_trainer_step(NULL, g.x, g.n, 1e-3, &report, &error) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_step(trainer, NULL, g.n, 1e-3, &report, &error) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_gradient(NULL, g.x, g.n, &loss, &error) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_gradient(trainer, NULL, g.n, &loss, &error) == WEIR_ERROR_ARGUMENT,
         "NULL");
  EXPECT(weir_trainer_save_model(NULL, "x", NULL, &error) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_save_model(trainer, NULL, NULL, &error) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_save_checkpoint(NULL, "x", NULL, &error) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_save_checkpoint(trainer, NULL, NULL, &error) == WEIR_ERROR_ARGUMENT,
         "saving");
  EXPECT(weir_trainer_tensor_count(NULL) == 0 && weir_trainer_steps(NULL) == 0 && weir_trainer_bytes(NULL) == 0 &&
             strcmp(weir_trainer_host_state(NULL), "") == 0,
         "NULL");
  EXPECT(report.loss == 42 && loss == 42 && weir_trainer_steps(trainer) == 0 && same_values(trainer, untouched),
         "nothing is changed");
  EXPECT(weir_trainer_step(trainer, g.x, 1, 1e-3, NULL, NULL) == WEIR_OK, "and it goes on, with a report nobody wants");
  weir_trainer_close(NULL), weir_trainer_close(trainer), weir_trainer_close(untouched);
  parts_free(&parts);
  golden_close(&g);
  return bad;
}

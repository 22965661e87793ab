// Dropout, which no golden can hold: what it drops, when, and that whoever computes it drops the same.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine_tests.h"
#include "layers/dropout.h"

enum { DIMS = 6, BATCH = 8, COUNT = 40 };

#define COUPLING(reverse)                                                    \
  "{\"op\":\"coupling\",\"mask\":{\"type\":\"tabular\",\"reverse\":" reverse \
  "},\"net\":{\"type\":\"mlp\",\"hidden\":40,\"layers\":2,\"dropout\":0.5}}"
static const char SPEC[] =
    "{\"version\":1,\"input\":{\"shape\":[6],\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[" COUPLING(
        "false") "," COUPLING("true") "," COUPLING("false") "]}";

static weir_train_options options_of(size_t threads, size_t budget) {
  weir_train_options options = weir_train_options_default();
  options.batch = BATCH;
  options.threads = threads;
  options.memory_budget = budget;
  options.seed = 3;
  return options;
}

static weir_trainer *fresh(const char *spec, weir_train_options options) {
  weir_trainer *trainer = NULL;
  weir_error error = {0};
  const weir_status status = weir_trainer_create(spec, &options, &trainer, &error);
  expect(status == WEIR_OK, __FILE__, __LINE__, "the trainer is made", text_of("%s: %s", error.where, error.message));
  return trainer;
}

static void samples(float *x, uint64_t index) { weir_i_random_normal(9, 77, index, x, BATCH * DIMS); }

static double steps(weir_trainer *trainer, size_t from, size_t to) {
  weir_step_report report = {.struct_size = sizeof report, .loss = NAN};
  for (size_t i = from; i < to; i++) {
    float x[BATCH * DIMS];
    samples(x, i);
    weir_trainer_step(trainer, x, BATCH, 1e-3, &report, NULL);
  }
  return report.loss;
}

// A layer over a map of 5 channels in 2 x 2 pixels, whose padding lanes are zero, and one more of its kind.
int test_dropout_drops(void) {
  int bad = 0;
  enum { SAMPLES = 400, FLOATS = 64, REAL = 20 };
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_pool pool = {.allocator = memory.allocator};
  weir_parameters parameters = {0};
  weir_build build = {.pool = &pool, .parameters = &parameters};
  const weir_map map = {5, 2, 2};
  const weir_layer layer = weir_i_dropout_make(&build, map, 0.3), other = weir_i_dropout_make(&build, map, 0.3);
  static float x[SAMPLES * FLOATS], y[SAMPLES * FLOATS], again[SAMPLES * FLOATS], dx[SAMPLES * FLOATS];
  for (size_t i = 0; i < SAMPLES * FLOATS; i++) x[i] = i % WEIR_BLOCK < map.c ? 2 : 0;
  weir_layer_run run = {.team = {1, NULL}, .n = SAMPLES, .training = true, .seed = 7, .index = 50};
  weir_layer_maps maps = {.x = {x}, .y = y, .dy = x, .dx = {dx}};
  layer.type->forward(&layer, &parameters, &run, &maps);
  layer.type->backward(&layer, &parameters, &run, &maps);
  EXPECT(memcmp(dx, y, sizeof y) == 0, "a gradient passes where the number did, scaled alike");
  double sum = 0;
  size_t kept = 0;
  const float scaled = 2 / 0.7f;
  for (size_t i = 0; i < SAMPLES * FLOATS; i++) {
    EXPECT(y[i] == 0 || fabsf(y[i] - scaled) < 1e-6f, text_of("%g", (double)y[i]));
    sum += y[i];
    kept += y[i] != 0;
  }
  const double numbers = SAMPLES * REAL, deviation = sqrt(0.3 * 0.7 / numbers);
  EXPECT(fabs((double)kept / numbers - 0.7) < 4 * deviation, text_of("%zu of %g kept", kept, numbers));
  EXPECT(fabs(sum / numbers - 2) < 4 * 2 * deviation / 0.7, text_of("a mean of %g, not 2", sum / numbers));

  maps.y = again;
  run.n = 1;
  run.index = 53;
  layer.type->forward(&layer, &parameters, &run, &maps);
  EXPECT(memcmp(again, y + 3 * FLOATS, FLOATS * sizeof *y) == 0, "a sample is known by its index, whatever the batch");
  run.index = 54;
  layer.type->forward(&layer, &parameters, &run, &maps);
  EXPECT(memcmp(again, y + 3 * FLOATS, FLOATS * sizeof *y) != 0, "another sample");
  run.index = 53;
  other.type->forward(&other, &parameters, &run, &maps);
  EXPECT(memcmp(again, y + 3 * FLOATS, FLOATS * sizeof *y) != 0, "another layer");
  run.training = false;
  layer.type->forward(&layer, &parameters, &run, &maps);
  EXPECT(memcmp(again, x, FLOATS * sizeof *x) == 0, "scoring drops nothing");
  weir_i_pool_release(&pool);
  return bad;
}

// Kept, recomputed, and on any number of threads.
int test_dropout_agrees(void) {
  int bad = 0;
  double loss[3] = {0};
  float *gradients[3];
  size_t count = 0, differ = 0;
  const size_t threads[] = {1, 3, 1}, budgets[] = {0, 0, (size_t)1 << 30};
  for (size_t i = 0; i < 3; i++) {
    weir_trainer *trainer = fresh(SPEC, options_of(threads[i], budgets[i]));
    if (trainer == NULL) return bad + 1;
    steps(trainer, 0, 3);
    float x[BATCH * DIMS];
    samples(x, 3);
    weir_trainer_gradient(trainer, x, BATCH, &loss[i], NULL);
    gradients[i] = trainer_numbers(trainer, WEIR_TENSOR_GRADIENT, &count);
    weir_trainer_close(trainer);
  }
  double off = 0, square = 0;
  for (size_t i = 0; i < count; i++) {
    differ += gradients[0][i] != gradients[1][i];
    off += pow((double)gradients[0][i] - gradients[2][i], 2);
    square += pow(gradients[0][i], 2);
  }
  EXPECT(loss[0] == loss[1] && differ == 0, text_of("%zu of %zu gradients differ on three threads", differ, count));
  EXPECT(sqrt(off) < 1e-3 * sqrt(square), text_of("recomputed gradients are %g of %g off", sqrt(off), sqrt(square)));
  for (size_t i = 0; i < 3; i++) free(gradients[i]);
  return bad;
}

int test_dropout_resumes(void) {
  int bad = 0;
  folder f;
  if (!folder_make(&f)) return 1;
  const weir_train_options options = options_of(1, 0);
  weir_trainer *straight = fresh(SPEC, options), *stopped = fresh(SPEC, options), *resumed = NULL;
  const char *path = folder_file(&f, "checkpoint");
  steps(straight, 0, 5);
  steps(stopped, 0, 2);
  EXPECT(weir_trainer_save_checkpoint(stopped, path, NULL, NULL) == WEIR_OK, path);
  EXPECT(weir_trainer_open(path, &options, &resumed, NULL) == WEIR_OK, path);
  steps(resumed, 2, 5);
  EXPECT(same_values(straight, resumed), "five steps at once, or two and three");
  weir_trainer_close(straight), weir_trainer_close(stopped), weir_trainer_close(resumed);
  folder_remove(&f);
  return bad;
}

// A model with dropout scores as the same weights without, and so does its trainer.
int test_dropout_is_for_training(void) {
  int bad = 0;
  model_parts parts = parts_of_spec(SPEC, 4);
  weir_model *with = NULL, *without = NULL;
  weir_trainer *trainer = fresh(SPEC, options_of(2, 0));
  for (size_t i = 0; i < parts.count; i++) weir_trainer_tensor_write(trainer, i, parts.items[i].data);
  EXPECT(parts_open(&parts, NULL, &with, NULL) == WEIR_OK, "with");
  while (parts_edit(&parts, ",\"dropout\":0.5", "")) {
  }
  EXPECT(parts_open(&parts, NULL, &without, NULL) == WEIR_OK, "without");
  parts_free(&parts);
  double scores[3][BATCH], loss = 0, mean = 0;
  float x[BATCH * DIMS];
  samples(x, 0);
  const weir_session_options options = weir_session_options_default();
  size_t bytes[2];
  weir_model *const models[] = {with, without};
  for (size_t i = 0; i < 2; i++) {
    desk d = desk_make(models[i], &options);
    EXPECT(weir_score(d.session, x, BATCH, scores[i]) == WEIR_OK, "");
    bytes[i] = d.bytes;
    desk_free(&d);
    weir_model_close(models[i]);
  }
  EXPECT(memcmp(scores[0], scores[1], sizeof scores[0]) == 0, "scored with and without");
  EXPECT(bytes[0] <= bytes[1] + 1024, text_of("dropout costs a session %zu bytes", bytes[0] - bytes[1]));
  EXPECT(weir_trainer_evaluate(trainer, x, BATCH, scores[2], NULL) == WEIR_OK, "");
  for (size_t i = 0; i < BATCH; i++) {
    EXPECT(fabs(scores[2][i] - scores[0][i]) < 1e-5 * (1 + fabs(scores[0][i])), text_of("%g, not %g", scores[2][i], scores[0][i]));
    mean -= scores[2][i] / BATCH;
  }
  weir_trainer_gradient(trainer, x, BATCH, &loss, NULL);
  EXPECT(fabs(loss - mean) > 1e-3 * fabs(mean), "in training some is dropped");
  weir_trainer_close(trainer);
  return bad;
}

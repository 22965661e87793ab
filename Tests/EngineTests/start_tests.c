// Parameters that start from the first batch: what the trainer does about it. What the start itself is, a step's own tests say.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"
#include "kernels/gemm/gemm_blas.h"

// actnorm behind another step, so that its start needs that step's packed numbers.
static const char *const names[] = {"glow", "table_mixing"};

static weir_trainer *fresh(const golden *g, const weir_train_options *options) {
  model_parts parts = parts_of_golden(g->name);
  weir_trainer *trainer = NULL;
  weir_error error = {0};
  const weir_status status = weir_trainer_create(parts.spec, options, &trainer, &error);
  expect(status == WEIR_OK, __FILE__, __LINE__, "a trainer is made", error.message);
  parts_free(&parts);
  return trainer;
}

static weir_train_options options_of(const golden *g) {
  weir_train_options options = train_options(g);
  options.noise = WEIR_NOISE_SEED;
  options.batch = 2 * g->n;
  options.average_decay = 0.5;
  return options;
}

static bool same_gradients(const weir_trainer *a, const weir_trainer *b) {
  size_t count;
  float *left = trainer_numbers(a, WEIR_TENSOR_GRADIENT, &count), *right = trainer_numbers(b, WEIR_TENSOR_GRADIENT, &count);
  const bool same = memcmp(left, right, count * sizeof *left) == 0;
  free(left), free(right);
  return same;
}

// A gradient, or a step of rate 0, starts; the same by any threads; negative samples take no part; and it happens once.
static int check_once(const golden *g) {
  int bad = 0;
  weir_train_options options = options_of(g);
  weir_trainer *first = fresh(g, &options), *second = fresh(g, &options), *untouched = fresh(g, &options);
  options.threads = 3;
  weir_trainer *threads = fresh(g, &options);
  float *x = more_samples(g, 2 * g->n);
  weir_train_batch batch = weir_train_batch_of(x, g->n);
  EXPECT(same_values(first, untouched), g->name);
  EXPECT(weir_trainer_gradient(first, x, g->n, NULL, NULL) == WEIR_OK && !same_values(first, untouched), g->name);
  batch.negative = x + g->n * g->dims;
  batch.negative_n = g->n;
  EXPECT(weir_trainer_gradient_batch(second, &batch, NULL, NULL) == WEIR_OK && same_values(first, second), "with negative samples");
  EXPECT(weir_trainer_gradient(threads, x, g->n, NULL, NULL) == WEIR_OK && same_values(first, threads) &&
             same_gradients(first, threads),
         "on three threads");
  size_t count;
  float *before = trainer_numbers(first, WEIR_TENSOR_VALUE, &count);
  EXPECT(weir_trainer_gradient(first, x + g->dims, g->n, NULL, NULL) == WEIR_OK, g->name);
  float *after = trainer_numbers(first, WEIR_TENSOR_VALUE, &count);
  EXPECT(memcmp(before, after, count * sizeof *after) == 0, "another batch changes nothing");
  // The average begins with what has started.
  EXPECT(weir_trainer_step(second, x, g->n, 0, NULL, NULL) == WEIR_OK && weir_trainer_swap_average(second) == WEIR_OK, g->name);
  size_t index = tensor_index(second, "steps.3.bias");
  weir_tensor_info info;
  weir_trainer_tensor_info(second, index, &info);
  float *average = malloc(info.count * sizeof *average), *values = malloc(info.count * sizeof *values);
  weir_trainer_tensor_read(second, index, WEIR_TENSOR_VALUE, average);
  weir_trainer_tensor_read(first, index, WEIR_TENSOR_VALUE, values);
  for (size_t e = 0; e < info.count; e++)
    EXPECT(fabsf(average[e] - values[e]) <= 1e-6f * fabsf(values[e]),
           text_of("%s: %g, not %g", g->name, (double)average[e], (double)values[e]));
  free(x), free(before), free(after), free(average), free(values);
  weir_trainer_close(first), weir_trainer_close(second), weir_trainer_close(untouched), weir_trainer_close(threads);
  return bad;
}

int test_start_from_data(void) {
  int bad = 0;
  for (size_t k = 0; weir_i_blas_present() && k < sizeof names / sizeof names[0]; k++) {
    golden g;
    if (!golden_open(&g, names[k])) return bad + 1;
    bad += check_once(&g);
    golden_close(&g);
  }
  return bad;
}

// A batch that can't start the flow is skipped and leaves no trace; the next one starts it.
int test_start_survives_bad_batches(void) {
  int bad = 0;
  for (size_t k = 0; weir_i_blas_present() && k < sizeof names / sizeof names[0]; k++) {
    golden g;
    if (!golden_open(&g, names[k])) return bad + 1;
    const weir_train_options options = options_of(&g);
    const float values[] = {NAN, INFINITY, -FLT_MAX};
    for (size_t v = 0; v < (g.table ? 2u : 3u); v++) {
      weir_trainer *trainer = fresh(&g, &options), *untouched = fresh(&g, &options);
      float *x = more_samples(&g, g.n);
      const char *detail = text_of("%s with a %g", g.name, (double)values[v]);
      x[g.dims + 1] = values[v];
      weir_step_report report = {.struct_size = sizeof report};
      for (size_t i = 0; i < 3; i++) {
        EXPECT(weir_trainer_step(trainer, x, g.n, 1e-3, &report, NULL) == WEIR_OK && report.skipped == 1, detail);
        EXPECT(strcmp(report.layer, "input") == 0, text_of("%s: \"%s\"", detail, report.layer));
        EXPECT(same_values(trainer, untouched), text_of("%s: after %zu", detail, i));
      }
      weir_trainer_gradient(trainer, x, g.n, NULL, NULL);
      EXPECT(same_values(trainer, untouched), text_of("%s: a gradient", detail));
      EXPECT(weir_trainer_step(trainer, g.x, g.n, 0, &report, NULL) == WEIR_OK && report.skipped == 0 && isfinite(report.loss),
             detail);
      EXPECT(!same_values(trainer, untouched), text_of("%s: started", detail));
      free(x);
      weir_trainer_close(trainer), weir_trainer_close(untouched);
    }
    golden_close(&g);
  }
  return bad;
}

// A checkpoint of before the start starts when it goes on, one of after does not start again, and a model is never started.
int test_start_is_checkpointed(void) {
  int bad = 0;
  for (size_t k = 0; weir_i_blas_present() && k < sizeof names / sizeof names[0]; k++) {
    golden g;
    folder f;
    if (!golden_open(&g, names[k]) || !folder_make(&f)) return bad + 1;
    const weir_train_options options = options_of(&g);
    weir_trainer *trainer = fresh(&g, &options);
    float *bad_x = more_samples(&g, g.n), *other = more_samples(&g, 2 * g.n);
    bad_x[0] = NAN;
    for (size_t done = 0; done < 3; done++) {
      weir_trainer *resumed = NULL, *model = NULL;
      EXPECT(weir_trainer_save_checkpoint(trainer, folder_file(&f, "c"), NULL, NULL) == WEIR_OK, g.name);
      EXPECT(weir_trainer_save_model(trainer, folder_file(&f, "m"), NULL, NULL) == WEIR_OK, g.name);
      EXPECT(weir_trainer_open(folder_file(&f, "c"), &options, &resumed, NULL) == WEIR_OK, g.name);
      EXPECT(weir_trainer_open(folder_file(&f, "m"), &options, &model, NULL) == WEIR_OK, g.name);
      EXPECT(same_values(trainer, resumed) && same_values(trainer, model), g.name);
      weir_trainer_gradient(model, g.x, g.n, NULL, NULL);
      EXPECT(same_values(trainer, model), "a model's weights are where it starts");
      // Checkpoints after none, after a skipped step, and after a good one.
      const float *x = done == 0 ? bad_x : done == 1 ? g.x : other + g.n * g.dims;
      weir_trainer_step(trainer, x, g.n, 1e-3, NULL, NULL);
      weir_trainer_step(resumed, x, g.n, 1e-3, NULL, NULL);
      EXPECT(same_values(trainer, resumed), text_of("%s: step %zu", g.name, done));
      weir_trainer_close(resumed), weir_trainer_close(model);
    }
    free(bad_x), free(other);
    weir_trainer_close(trainer);
    folder_remove(&f);
    golden_close(&g);
  }
  return bad;
}

// A loss or gradient that is not finite skips its update, says where, and never ruins the weights.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

static bool finite_values(const weir_trainer *trainer) {
  size_t count;
  float *values = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  const bool finite = all_finite(values, count);
  free(values);
  return finite;
}

// One bad number in a batch.
static int feed_bad(const golden *g, float value, const char *layer) {
  int bad = 0;
  const weir_train_options options = train_options(g);
  weir_trainer *trainer = golden_trainer(g, &options);
  weir_step_report report = {.struct_size = sizeof report};
  for (size_t i = 0; i < 2; i++) weir_trainer_step(trainer, g->x, g->n, 1e-3, &report, NULL);
  size_t count;
  float *before = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  float *x = more_samples(g, g->n);
  const char *detail = text_of("%s with a %g", g->name, (double)value);
  x[g->n * g->dims / 2] = value;
  for (size_t i = 0; i < 3; i++) {
    const weir_status status = weir_trainer_step(trainer, x, g->n, 1e-3, &report, NULL);
    EXPECT(status == WEIR_OK && report.skipped == 1 && report.step == 3 + i, text_of("%s: status %d", detail, (int)status));
    EXPECT(strstr(report.layer, layer) != NULL, text_of("%s: layer \"%s\"", detail, report.layer));
    float *after = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
    if (i == 0)
      EXPECT(memcmp(before, after, count * sizeof *after) == 0, text_of("%s: weights and statistics are as they were", detail));
    EXPECT(all_finite(after, count), detail);
    free(after);
  }
  EXPECT(weir_trainer_step(trainer, g->x, g->n, 1e-3, &report, NULL) == WEIR_OK && report.skipped == 0 && isfinite(report.loss),
         detail);
  EXPECT(report.layer[0] == '\0' && report.learning_rate > 0 && report.learning_rate <= 1e-3, detail);
  float *after = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  EXPECT(memcmp(before, after, count * sizeof *after) != 0 && all_finite(after, count),
         text_of("%s: the next good batch trains", detail));
  free(before), free(after), free(x);
  weir_trainer_close(trainer);
  return bad;
}

int test_guard_bad_batches(void) {
  int bad = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    bad += feed_bad(&g, NAN, "input") + feed_bad(&g, INFINITY, "input") + feed_bad(&g, -INFINITY, "input");
    if (!g.table) bad += feed_bad(&g, 300, "input") + feed_bad(&g, -1e30f, "input");
    if (strcmp(*name, "tabular") == 0) bad += feed_bad(&g, FLT_MAX, "steps");
    golden_close(&g);
  }
  return bad;
}

// Rates that throw the weights far away at once.
static int train_wildly(const golden *g, double rate, size_t *all_skips) {
  int bad = 0;
  const weir_train_options options = train_options(g);
  weir_trainer *trainer = golden_trainer(g, &options);
  weir_step_report report = {.struct_size = sizeof report};
  weir_error error;
  double start = NAN;
  weir_trainer_gradient(trainer, g->x, g->n, &start, NULL);
  for (size_t i = 0; i < 40; i++) {
    const weir_status status = weir_trainer_step(trainer, g->x, g->n, rate, &report, &error);
    EXPECT(status == WEIR_OK || (status == WEIR_ERROR_NUMERIC && error_is(&error, status)),
           text_of("%s at %g: %d", g->name, rate, (int)status));
    EXPECT(finite_values(trainer), text_of("%s at %g: weights after step %zu", g->name, rate, i));
    EXPECT(report.skipped == 1 || isfinite(report.loss), text_of("%s at %g: a loss of %g counts", g->name, rate, report.loss));
    EXPECT((report.skipped == 1) == (report.layer[0] != '\0'), report.layer);
    EXPECT(report.learning_rate > 0 && report.learning_rate <= rate, text_of("%g", report.learning_rate));
    *all_skips += (size_t)report.skipped;
  }
  // And back at a sane rate the run goes on: some steps later there are good ones.
  size_t good = 0;
  for (size_t i = 0; i < 40; i++) {
    weir_trainer_step(trainer, g->x, g->n, 1e-4, &report, NULL);
    good += report.skipped == 0;
    EXPECT(finite_values(trainer), text_of("%s: weights after %zu sane steps", g->name, i));
  }
  EXPECT(good >= 30, text_of("%s after %g: %zu of 40 steps are good", g->name, rate, good));
  folder f;
  if (folder_make(&f)) {
    EXPECT(weir_trainer_save_model(trainer, folder_file(&f, "model"), NULL, &error) == WEIR_OK, error.message);
    weir_model *model = NULL;
    EXPECT(weir_model_open(folder_file(&f, "model"), NULL, &model, &error) == WEIR_OK,
           text_of("%s: %s", error.where, error.message));
    weir_model_close(model);
    folder_remove(&f);
  }
  weir_trainer_close(trainer);
  return bad;
}

int test_guard_huge_rates(void) {
  int bad = 0;
  size_t skips = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    size_t here = 0;
    bad += train_wildly(&g, 1e3, &here) + train_wildly(&g, 1e6, &here);
    // Additive couplings have no exponential: their loss may be huge, yet finite.
    if (strcmp(*name, "additive") != 0) EXPECT(here > 0, text_of("%s: steps of 1e3 and 1e6 are skipped", *name));
    skips += here;
    golden_close(&g);
  }
  note("%zu steps skipped", skips);
  return bad;
}

// A rate that is too high but never gives a NaN: losses rise, and without the guard they stay up.
int test_guard_divergence(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "multiscale")) return 1;
  const weir_train_options options = train_options(&g);
  weir_trainer *trainer = golden_trainer(&g, &options);
  weir_step_report report = {.struct_size = sizeof report};
  double start = NAN, loss = NAN, worst = -INFINITY, rate = 1;
  size_t divergences = 0;
  weir_trainer_gradient(trainer, g.x, g.n, &start, NULL);
  for (size_t i = 0; i < 600; i++) {
    EXPECT(weir_trainer_step(trainer, g.x, g.n, 3, &report, NULL) == WEIR_OK, "a run is never lost");
    if (isfinite(report.loss)) worst = fmax(worst, report.loss);
    if (strcmp(report.layer, "loss") != 0) continue;
    divergences++;
    EXPECT(report.skipped == 1 && report.restored == 1, "");
    EXPECT(report.learning_rate <= 3 * rate, text_of("%g after %g", report.learning_rate, 3 * rate));
    rate = report.learning_rate / 3 / 2;
    weir_trainer_gradient(trainer, g.x, g.n, &loss, NULL);
    EXPECT(loss <= start + (double)g.dims, text_of("the state brought back has a loss of %g, the first was %g", loss, start));
  }
  weir_trainer_gradient(trainer, g.x, g.n, &loss, NULL);
  EXPECT(divergences > 0 && worst > start + (double)g.dims, text_of("a rate of 3 diverges: %g after %g", worst, start));
  EXPECT(loss < start, text_of("%zu divergences later the loss is %g; it began at %g", divergences, loss, start));
  note("%zu divergences, loss %.1f to %.1f, %.3g at worst, rate 3 to %.2g", divergences, start, loss, worst, report.learning_rate);
  weir_trainer_close(trainer);
  golden_close(&g);
  return bad;
}

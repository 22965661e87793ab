// What one update does to every weight. With both betas 0, a huge epsilon e and a rate equal to it, Adam's step is
// e * d / (|d| + e), which is d itself for d far below e: the descent direction can be read off the weights.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

static const double scale = 1e6;

static bool ends_with(const char *text, const char *end) {
  const size_t length = strlen(text), end_length = strlen(end);
  return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

// Decay acts on the gains of weight norm and of couplings, not on those of batch norm.
static bool decays(const char *name) {
  return ends_with(name, ".weight_g") || (ends_with(name, ".gain") && !ends_with(name, "_norm.gain"));
}

static int check_update(const golden *g, double clip_norm, double weight_decay) {
  int bad = 0;
  weir_train_options options = train_options(g);
  options.beta1 = options.beta2 = 0;
  options.epsilon = scale;
  options.clip_norm = clip_norm;
  options.weight_decay = weight_decay;
  weir_trainer *trainer = golden_trainer(g, &options);
  size_t count, at = 0;
  weir_trainer_gradient(trainer, g->x, g->n, NULL, NULL);
  float *gradients = trainer_numbers(trainer, WEIR_TENSOR_GRADIENT, &count),
        *before = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  weir_step_report report = {.struct_size = sizeof report};
  EXPECT(weir_trainer_step(trainer, g->x, g->n, scale, &report, NULL) == WEIR_OK && report.skipped == 0, g->name);
  float *after = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  const double norm = report.gradient_norm, clip = clip_norm > 0 && norm > clip_norm ? clip_norm / norm : 1;
  for (size_t i = 0; i < weir_trainer_tensor_count(trainer); i++) {
    weir_tensor_info info;
    weir_trainer_tensor_info(trainer, i, &info);
    for (size_t e = 0; info.trainable && e < info.count; e++) {
      const double value = before[at + e], wanted = clip * gradients[at + e] + (decays(info.name) ? weight_decay * value : 0);
      const double moved = value - after[at + e];
      // Both the weight and its change are rounded, and d / e is what the step falls short of d.
      const double allowed = 1e-6 * (fabs(value) + fabs(wanted)) + wanted * wanted / scale;
      EXPECT(fabs(moved - wanted) <= allowed, text_of("%s: %s[%zu] moves by %g, not %g (clip %g, decay %g)", g->name, info.name, e,
                                                      moved, wanted, clip_norm, weight_decay));
    }
    // The fixed numbers of a standardising step stay; batch norm's averages go a tenth of the way.
    if (ends_with(info.name, ".scale")) EXPECT(memcmp(before + at, after + at, info.count * sizeof *after) == 0, info.name);
    at += info.count;
  }
  EXPECT(at == count, g->name);
  free(gradients), free(before), free(after);
  weir_trainer_close(trainer);
  return bad;
}

int test_update_by_gradient(void) {
  int bad = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    bad += check_update(&g, 0, 0) + check_update(&g, 1e9, 0) + check_update(&g, 7, 0) + check_update(&g, 0, 0.25) +
           check_update(&g, 7, 3);
    golden_close(&g);
  }
  return bad;
}

// Running statistics: 0.9 of the old and 0.1 of the batch's, the variance without bias. Re-estimation over one batch gives the batch's.
int test_update_of_statistics(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "multiscale")) return 1;
  const weir_train_options options = train_options(&g);
  weir_trainer *trainer = golden_trainer(&g, &options), *exact = golden_trainer(&g, &options);
  size_t count, at = 0, norms = 0;
  float *before = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  EXPECT(weir_trainer_step(trainer, g.x, g.n, 0, NULL, NULL) == WEIR_OK, "");
  EXPECT(weir_trainer_reestimate_begin(exact) == WEIR_OK && weir_trainer_reestimate_add(exact, g.x, g.n) == WEIR_OK &&
             weir_trainer_reestimate_end(exact) == WEIR_OK,
         "");
  float *after = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count), *batch = trainer_numbers(exact, WEIR_TENSOR_VALUE, &count);
  for (size_t i = 0; i < weir_trainer_tensor_count(trainer); i++) {
    weir_tensor_info info;
    weir_trainer_tensor_info(trainer, i, &info);
    // 8 x 8 pixels of a sample at the first scale, 4 x 4 after the first squeeze, 2 x 2 after the second.
    const int step = atoi(info.name + strlen("steps."));
    const double side = step < 4 ? 8 : step < 10 ? 4 : 2, total = (double)g.n * side * side;
    const bool mean = ends_with(info.name, "_norm.mean"), variance = ends_with(info.name, "_norm.variance");
    for (size_t e = 0; e < info.count; e++) {
      const double now = batch[at + e] * (variance ? total / (total - 1) : 1);
      const double wanted = mean || variance ? 0.9 * before[at + e] + 0.1 * now : before[at + e];
      EXPECT(fabs(after[at + e] - wanted) <= 1e-6 * (1 + fabs(wanted)),
             text_of("%s[%zu] becomes %.8g, not %.8g", info.name, e, (double)after[at + e], wanted));
    }
    norms += variance;
    at += info.count;
  }
  EXPECT(norms > 10, "there are norms to look at");
  free(before), free(after), free(batch);
  weir_trainer_close(trainer), weir_trainer_close(exact);
  golden_close(&g);
  return bad;
}

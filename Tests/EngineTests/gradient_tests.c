// Loss, gradients and training steps against PyTorch in float64; and the same bits whoever computes them.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

// Rounding noise is not proportional to a tensor's own gradient, which may be zero in truth, but to what flows through the network.
static double gradient_tolerance(const golden *g, const char *name, double gradient_norm) {
  return 2 * golden_deviation(g, text_of("gradient.%s", name)) + FLT_EPSILON * gradient_norm;
}

/// Adds the square of the tensor's gradient, and of its tolerance, to sums over all tensors.
static int check_tensor(const golden *g, const char *isa, weir_trainer *trainer, size_t index, double norm, double *worst,
                        double *square, double *allowed) {
  int bad = 0;
  weir_tensor_info info;
  EXPECT(weir_trainer_tensor_info(trainer, index, &info) == WEIR_OK && info.struct_size == sizeof info, g->name);
  float *values = malloc(info.count * sizeof *values);
  size_t count = 0;
  double *expected = golden_values(g, text_of("gradient.%s", info.name), &count);
  EXPECT(weir_trainer_tensor_read(trainer, index, WEIR_TENSOR_GRADIENT, values) == WEIR_OK, info.name);
  EXPECT((expected != NULL) == (info.trainable == 1), text_of("%s: %s is trainable or has no gradient", g->name, info.name));
  size_t ones, stride = 1;  // of long gradients, every stride-th number is known
  double *strides = golden_values(g, text_of("stride.%s", info.name), &ones);
  if (strides != NULL) stride = (size_t)strides[0];
  free(strides);
  for (size_t i = 0; expected != NULL && i < info.count; i++) *square += (double)values[i] * values[i];
  if (expected != NULL && count == (info.count + stride - 1) / stride) {
    double off = 0;
    for (size_t i = 0; i < count; i++) off += (values[i * stride] - expected[i]) * (values[i * stride] - expected[i]);
    const double tolerance = gradient_tolerance(g, info.name, norm), part = sqrt(off) / tolerance;
    *allowed += tolerance * tolerance;
    EXPECT(part <= 1, text_of("%s on %s: %s: %.3g of the tolerance", g->name, isa, info.name, part));
    *worst = fmax(*worst, part);
  } else {
    EXPECT(expected == NULL, text_of("%s: %zu numbers, not %zu", info.name, info.count, count));
  }
  free(values), free(expected);
  return bad;
}

static int check_budget(const golden *g, const char *isa, size_t budget, double *worst) {
  int bad = 0;
  weir_train_options options = train_options(g);
  options.memory_budget = budget;
  weir_trainer *trainer = golden_trainer(g, &options);
  if (trainer == NULL) return 1;
  size_t count;
  double *loss = golden_values(g, "loss", &count), *norm = golden_values(g, "gradient_norm", &count), square = 0, allowed = 0;
  double got = NAN;
  const weir_train_batch batch = golden_batch(g);
  EXPECT(weir_trainer_gradient_batch(trainer, &batch, &got, NULL) == WEIR_OK, g->name);
  const double loss_part =
      fabs(got - loss[0]) / (2 * golden_deviation(g, "loss") + FLT_EPSILON * ((double)g->dims + fabs(loss[0])));
  EXPECT(loss_part <= 1, text_of("%s on %s: loss %.10g, not %.10g", g->name, isa, got, loss[0]));
  *worst = fmax(*worst, loss_part);
  for (size_t i = 0; i < weir_trainer_tensor_count(trainer); i++)
    bad += check_tensor(g, isa, trainer, i, norm[0], worst, &square, &allowed);
  // Norms differ by no more than the norm of the difference. (How far float32's norm is off may be next to nothing by chance.)
  EXPECT(fabs(sqrt(square) - norm[0]) <= sqrt(allowed),
         text_of("%s on %s: norm %.9g, not %.9g", g->name, isa, sqrt(square), norm[0]));
  free(loss), free(norm);
  weir_trainer_close(trainer);
  return bad;
}

// Inputs recomputed by inversion or kept, gradients are as exact.
static int check_gradients(const golden *g, const char *isa, double *worst) {
  return check_budget(g, isa, 0, worst) + check_budget(g, isa, 100000, worst) + check_budget(g, isa, (size_t)1 << 40, worst);
}

// The losses of steps from the model's weights, each before its update.
static int check_optimizer(const golden *g, const char *isa, const char *entry, weir_train_options options, double *worst) {
  int bad = 0;
  size_t count, steps, ones;
  double *batches = golden_values(g, "batches", &count), *losses = golden_values(g, entry, &steps);
  if (losses == NULL) {
    free(batches);
    return 0;
  }
  double *rate = golden_values(g, "learning_rate", &ones);
  const double allowed = 2 * golden_deviation(g, entry) + FLT_EPSILON;
  float *x = malloc(count * sizeof *x);
  for (size_t i = 0; i < count; i++) x[i] = (float)batches[i];
  weir_trainer *trainer = golden_trainer(g, &options);
  for (size_t i = 0; trainer != NULL && i < steps; i++) {
    weir_step_report report = {.struct_size = sizeof report};
    EXPECT(weir_trainer_step(trainer, x + i * g->n * g->dims, g->n, rate[0], &report, NULL) == WEIR_OK, g->name);
    const double part = fabs(report.loss - losses[i]) / (allowed * fabs(losses[i]));
    EXPECT(part <= 1, text_of("%s on %s: %s of step %zu is %.8g, not %.8g", g->name, isa, entry, i, report.loss, losses[i]));
    EXPECT(report.step == i + 1 && weir_trainer_steps(trainer) == i + 1 && report.skipped == 0 && report.learning_rate == rate[0],
           g->name);
    *worst = fmax(*worst, part);
  }
  free(batches), free(losses), free(rate), free(x);
  weir_trainer_close(trainer);
  return bad;
}

static int check_steps(const golden *g, const char *isa, double *worst) {
  weir_train_options options = train_options(g);
  int bad = check_optimizer(g, isa, "losses", options, worst);
  size_t ones;
  double *decay = golden_values(g, "weight_decay", &ones);
  if (decay == NULL) return bad;
  options.weight_decay = decay[0];
  free(decay);
  options.optimizer = WEIR_OPTIMIZER_ADAMW;
  bad += check_optimizer(g, isa, "losses_adamw", options, worst);
  options.optimizer = WEIR_OPTIMIZER_RMSPROP;
  return bad + check_optimizer(g, isa, "losses_rmsprop", options, worst);
}

static int on_every_isa(int (*check)(const golden *, const char *, double *)) {
  int bad = 0;
  double worst = 0;
  for (const char *const *isa = tested_isas(); *isa != NULL; isa++) {
    use_isa(*isa);
    for (const char *const *name = trained_names(); *name != NULL; name++) {
      golden g;
      if (!golden_open(&g, *name)) return bad + 1;
      bad += check(&g, *isa, &worst);
      golden_close(&g);
    }
  }
  use_isa(NULL);
  note("at worst %.2f of the tolerance", worst);
  return bad;
}

int test_golden_gradients(void) { return on_every_isa(check_gradients); }
int test_golden_training(void) { return on_every_isa(check_steps); }

// Loss and gradients, then three steps, as one array of numbers.
static float *outcome(const golden *g, const weir_train_options *options, size_t *count) {
  weir_trainer *trainer = golden_trainer(g, options);
  if (trainer == NULL) return NULL;
  double loss[4] = {NAN};
  weir_trainer_gradient(trainer, g->x, g->n, &loss[0], NULL);
  size_t gradients, values;
  float *first = trainer_numbers(trainer, WEIR_TENSOR_GRADIENT, &gradients);
  for (size_t i = 1; i < 4; i++) {
    weir_step_report report = {.struct_size = sizeof report};
    weir_trainer_step(trainer, g->x, i == 2 ? g->n - 1 : g->n, 1e-3, &report, NULL);
    loss[i] = report.loss;
  }
  float *then = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &values);
  *count = gradients + values + sizeof loss / (sizeof(float));
  float *all = malloc(*count * sizeof *all);
  memcpy(all, first, gradients * sizeof *all);
  memcpy(all + gradients, then, values * sizeof *all);
  memcpy(all + gradients + values, loss, sizeof loss);
  free(first), free(then);
  weir_trainer_close(trainer);
  return all;
}

static int compare_outcomes(const golden *g, const weir_train_options *first, const weir_train_options *second,
                            const char *detail) {
  int bad = 0;
  size_t first_count = 0, second_count = 0, differ = 0;
  float *a = outcome(g, first, &first_count), *b = outcome(g, second, &second_count);
  for (size_t i = 0; a != NULL && b != NULL && i < first_count; i++) differ += memcmp(&a[i], &b[i], sizeof *a) != 0;
  EXPECT(a != NULL && b != NULL && first_count == second_count && differ == 0,
         text_of("%s: %s: %zu of %zu numbers differ", g->name, detail, differ, first_count));
  free(a), free(b);
  return bad;
}

int test_gradients_on_any_threads(void) {
  int bad = 0;
  const weir_executor executor = backwards_executor();
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    const weir_train_options alone = train_options(&g);
    weir_train_options together = alone;
    for (together.threads = 2; together.threads <= 3; together.threads++)
      bad += compare_outcomes(&g, &alone, &together, "more threads");
    together.threads = 5;
    together.executor = &executor;
    bad += compare_outcomes(&g, &alone, &together, "five parts, the last first");
    together = alone;
    together.batch = 2 * g.n + 1;
    bad += compare_outcomes(&g, &alone, &together, "room for a larger batch");
    golden_close(&g);
  }
  return bad;
}

// What is kept is rounded once less than what is recomputed, so budgets may differ in the last bits, but threads must not, and the budget
// must be kept to.
int test_gradients_for_any_budget(void) {
  int bad = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    weir_train_options none = train_options(&g);
    none.memory_budget = 0;
    weir_trainer *small = golden_trainer(&g, &none);
    size_t most = 0;
    static const size_t budgets[] = {1, 100000, 1000000, (size_t)1 << 40};
    for (size_t b = 0; b < sizeof budgets / sizeof budgets[0]; b++) {
      weir_train_options alone = none, together = none;
      alone.memory_budget = together.memory_budget = budgets[b];
      together.threads = 3;
      bad += compare_outcomes(&g, &alone, &together, text_of("budget %zu", budgets[b]));
      weir_trainer *large = golden_trainer(&g, &alone);
      // Scratch is shared and each piece is rounded to 64 bytes, so nothing is exact but the bound.
      EXPECT(
          weir_trainer_bytes(large) <= weir_trainer_bytes(small) + budgets[b] + 4096,
          text_of("%s: budget %zu takes %zu bytes more", *name, budgets[b], weir_trainer_bytes(large) - weir_trainer_bytes(small)));
      most = weir_trainer_bytes(large);
      weir_trainer_close(large);
    }
    if (strcmp(*name, "multiscale") == 0)
      EXPECT(most > weir_trainer_bytes(small), "what many couplings keep is more than the scratch of one");
    weir_trainer_close(small);
    golden_close(&g);
  }
  return bad;
}

// Asking twice, after a step, or after other batches gives the gradients of the present weights and batch alone.
int test_gradients_need_no_luck(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "multiscale")) return 1;
  const weir_train_options options = train_options(&g);
  weir_trainer *trainer = golden_trainer(&g, &options);
  double first = NAN, again = NAN;
  size_t count;
  EXPECT(weir_trainer_gradient(trainer, g.x, g.n, &first, NULL) == WEIR_OK, "");
  float *a = trainer_numbers(trainer, WEIR_TENSOR_GRADIENT, &count), *values = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  EXPECT(weir_trainer_gradient(trainer, g.x + g.dims, g.n - 3, NULL, NULL) == WEIR_OK, "a loss nobody wants");
  EXPECT(weir_trainer_gradient(trainer, g.x, g.n, &again, NULL) == WEIR_OK && again == first, "");
  float *b = trainer_numbers(trainer, WEIR_TENSOR_GRADIENT, &count), *after = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  EXPECT(memcmp(a, b, count * sizeof *a) == 0, "the same gradients");
  EXPECT(memcmp(values, after, count * sizeof *a) == 0 && weir_trainer_steps(trainer) == 0,
         "a gradient changes no weight or statistic");
  weir_step_report report = {.struct_size = sizeof report};
  EXPECT(weir_trainer_step(trainer, g.x, g.n, 0, &report, NULL) == WEIR_OK && report.loss == first,
         "a step's loss is the gradient's");
  double square = 0;
  for (size_t i = 0; i < count; i++) square += (double)a[i] * a[i];
  EXPECT(fabs(report.gradient_norm - sqrt(square)) <= 1e-6 * report.gradient_norm,
         text_of("%g, not %g", report.gradient_norm, sqrt(square)));
  free(a), free(b), free(values), free(after);
  weir_trainer_close(trainer);
  golden_close(&g);
  return bad;
}

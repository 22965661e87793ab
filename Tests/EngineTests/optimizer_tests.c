// What each optimizer does to every weight, the moving average of the weights, and scoring with either, against a few lines of double
// arithmetic.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

enum { STEPS = 6 };

static const char *const optimizers[] = {"Adam", "AdamW", "RMSprop"};

typedef struct plain_state {
  double *m, *v, *average;
  size_t t;
} plain_state;

static void plain_step(const weir_train_options *options, plain_state *state, double *values, const float *gradients, size_t index,
                       double rate, double clip, double decay) {
  const double g = clip * gradients[index], value = values[index], t = (double)state->t;
  double *m = &state->m[index], *v = &state->v[index];
  if (options->optimizer == WEIR_OPTIMIZER_RMSPROP) {
    const double all = g + decay * value;
    *v = options->alpha * *v + (1 - options->alpha) * all * all;
    values[index] = value - rate * all / (sqrt(*v) + options->epsilon);
    return;
  }
  const bool decoupled = options->optimizer == WEIR_OPTIMIZER_ADAMW;
  const double all = decoupled ? g : g + decay * value;
  *m = options->beta1 * *m + (1 - options->beta1) * all;
  *v = options->beta2 * *v + (1 - options->beta2) * all * all;
  const double mean = *m / (1 - pow(options->beta1, t)), square = *v / (1 - pow(options->beta2, t));
  values[index] = value * (decoupled ? 1 - rate * decay : 1) - rate * mean / (sqrt(square) + options->epsilon);
}

static bool is_gain(const char *name) {
  const size_t length = strlen(name);
  return strstr(name, ".weight_g") != NULL ||
         (length > 5 && strcmp(name + length - 5, ".gain") == 0 && strstr(name, "_norm.") == NULL);
}

// Steps on a golden model; before each its gradient is read off, and the plain arithmetic starts again from the trainer's own weights, so
// that what is compared is one update and the optimizer's memory of all before.
static int follow(const golden *g, const weir_train_options *options, double *worst) {
  int bad = 0;
  weir_trainer *trainer = golden_trainer(g, options);
  size_t count;
  float *values = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  plain_state state = {calloc(count, sizeof(double)), calloc(count, sizeof(double)), calloc(count, sizeof(double)), 0};
  double *wanted = malloc(count * sizeof *wanted), weight = 0;
  for (size_t s = 0; s < STEPS; s++) {
    const double rate = s % 2 == 0 ? 1e-3 : 3e-3;
    weir_trainer_gradient(trainer, g->x, g->n - s % 2, NULL, NULL);
    float *gradients = trainer_numbers(trainer, WEIR_TENSOR_GRADIENT, &count);
    weir_step_report report = {.struct_size = sizeof report};
    EXPECT(weir_trainer_step(trainer, g->x, g->n - s % 2, rate, &report, NULL) == WEIR_OK && report.skipped == 0, report.layer);
    const double clip =
        options->clip_norm > 0 && report.gradient_norm > options->clip_norm ? options->clip_norm / report.gradient_norm : 1;
    for (size_t e = 0; e < count; e++) wanted[e] = values[e];
    float *after = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
    state.t++;
    weight = options->average_decay * weight + 1;
    size_t at = 0;
    for (size_t i = 0; i < weir_trainer_tensor_count(trainer); i++) {
      weir_tensor_info info;
      weir_trainer_tensor_info(trainer, i, &info);
      const double decay = is_gain(info.name) || options->decay == WEIR_DECAY_ALL ? options->weight_decay : 0;
      for (size_t e = at; info.trainable && e < at + info.count; e++) {
        plain_step(options, &state, wanted, gradients, e, rate, clip, decay);
        // The update's own rounding is relative to it, not to the weight.
        const double moved = fabs(wanted[e] - values[e]);
        const double part = fabs(after[e] - wanted[e]) / (1.2e-7 * fabs(wanted[e]) + 1e-4 * moved + 1e-9);
        EXPECT(part <= 1, text_of("%s, %s, step %zu: %s[%zu] %.9g, not %.9g", optimizers[options->optimizer], g->name, s, info.name,
                                  e - at, (double)after[e], wanted[e]));
        *worst = fmax(*worst, part);
        state.average[e] += (after[e] - state.average[e]) / weight;
      }
      at += info.count;
    }
    memcpy(values, after, count * sizeof *values);
    free(gradients), free(after);
  }
  const weir_status swapped = weir_trainer_swap_average(trainer);
  EXPECT(swapped == (options->average_decay > 0 ? WEIR_OK : WEIR_ERROR_UNSUPPORTED), "");
  float *average = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  size_t at = 0;
  for (size_t i = 0; i < weir_trainer_tensor_count(trainer); i++) {
    weir_tensor_info info;
    weir_trainer_tensor_info(trainer, i, &info);
    for (size_t e = at; swapped == WEIR_OK && info.trainable && e < at + info.count; e++)
      EXPECT(fabs(average[e] - state.average[e]) <= 1e-6 * (fabs(state.average[e]) + 1e-3),
             text_of("average of %s: %.9g, not %.9g", info.name, (double)average[e], state.average[e]));
    at += info.count;
  }
  free(values), free(wanted), free(average), free(state.m), free(state.v), free(state.average);
  weir_trainer_close(trainer);
  return bad;
}

static int follow_all(int32_t decay, double clip_norm, double average_decay) {
  static const char *const cases[] = {"table_mixing", "multiscale", "mixture"};
  int bad = 0;
  double worst = 0;
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    golden g;
    if (!can_train(cases[c])) continue;
    if (!golden_open(&g, cases[c])) return bad + 1;
    for (int32_t optimizer = WEIR_OPTIMIZER_ADAM; optimizer <= WEIR_OPTIMIZER_RMSPROP; optimizer++) {
      weir_train_options options = train_options(&g);
      options.optimizer = optimizer;
      options.decay = decay;
      options.clip_norm = clip_norm;
      options.weight_decay = 0.3;
      options.alpha = 0.8;
      options.average_decay = average_decay;
      bad += follow(&g, &options, &worst);
    }
    golden_close(&g);
  }
  note("at worst %.2f of the tolerance", worst);
  return bad;
}

int test_optimizer_steps(void) { return follow_all(WEIR_DECAY_GAINS, 0, 0); }
int test_optimizer_decay_scope(void) { return follow_all(WEIR_DECAY_ALL, 3, 0); }
int test_average_of_weights(void) { return follow_all(WEIR_DECAY_GAINS, 100, 0.7); }

static bool scores_as_saved(weir_trainer *trainer, const golden *g) {
  folder f;
  if (!folder_make(&f)) return false;
  weir_model *model = NULL;
  double trained[64], saved[64];
  bool same = weir_trainer_save_model(trainer, folder_file(&f, "model"), NULL, NULL) == WEIR_OK &&
              weir_model_open(folder_file(&f, "model"), NULL, &model, NULL) == WEIR_OK;
  const weir_session_options options = weir_session_options_default();
  desk d = desk_make(model, &options);
  same = same && weir_trainer_evaluate(trainer, g->x, g->n, trained, NULL) == WEIR_OK &&
         weir_score(d.session, g->x, g->n, saved) == WEIR_OK && memcmp(trained, saved, g->n * sizeof *saved) == 0;
  desk_free(&d);
  weir_model_close(model);
  folder_remove(&f);
  return same;
}

// Evaluation is scoring by the model that would be saved, bit for bit, and leaves training as it was.
int test_evaluate_is_a_saved_model(void) {
  int bad = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    weir_train_options options = train_options(&g);
    options.noise = WEIR_NOISE_SEED;
    for (options.threads = 1; options.threads <= 3; options.threads += 2) {
      weir_trainer *trainer = golden_trainer(&g, &options), *other = golden_trainer(&g, &options);
      for (size_t i = 0; i < 3; i++) {
        EXPECT(scores_as_saved(trainer, &g), text_of("%s after %zu steps", *name, i));
        weir_trainer_step(trainer, g.x, g.n, 1e-3, NULL, NULL);
        weir_trainer_step(other, g.x, g.n, 1e-3, NULL, NULL);
      }
      EXPECT(same_values(trainer, other), *name);
      double score[1];
      weir_error error = {0};
      g.x[0] = NAN;
      EXPECT(weir_trainer_evaluate(trainer, g.x, 1, score, NULL) == WEIR_OK && score[0] == -INFINITY, *name);
      EXPECT(weir_trainer_evaluate(trainer, g.x, 0, score, &error) == WEIR_ERROR_SHAPE && error_is(&error, WEIR_ERROR_SHAPE),
             *name);
      EXPECT(weir_trainer_evaluate(trainer, g.x, options.batch + 1, score, NULL) == WEIR_ERROR_SHAPE &&
                 weir_trainer_evaluate(trainer, NULL, 1, score, NULL) == WEIR_ERROR_ARGUMENT &&
                 weir_trainer_evaluate(trainer, g.x, 1, NULL, NULL) == WEIR_ERROR_ARGUMENT &&
                 weir_trainer_evaluate(NULL, g.x, 1, score, NULL) == WEIR_ERROR_ARGUMENT,
             *name);
      weir_trainer_close(trainer), weir_trainer_close(other);
      golden_close(&g);
      if (!golden_open(&g, *name)) return bad + 1;
    }
    golden_close(&g);
  }
  return bad;
}

// The average has statistics of its own once re-estimated; changed back, the weights and theirs are as they were, and the run goes on as
// one that never looked.
int test_average_swaps(void) {
  static const char *const cases[] = {"multiscale", "glow", "table_mixing"};
  int bad = 0;
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    if (!can_train(cases[c])) continue;
    golden g;
    folder f;
    if (!golden_open(&g, cases[c]) || !folder_make(&f)) return bad + 1;
    weir_train_options options = train_options(&g);
    options.average_decay = 0.9;
    weir_trainer *trainer = golden_trainer(&g, &options), *other = golden_trainer(&g, &options);
    EXPECT(weir_trainer_swap_average(trainer) == WEIR_OK && same_values(trainer, other),
           "before any step the average is the weights");
    EXPECT(weir_trainer_swap_average(trainer) == WEIR_OK && same_values(trainer, other), cases[c]);
    for (size_t i = 0; i < 4; i++)
      weir_trainer_step(trainer, g.x, g.n, 1e-3, NULL, NULL), weir_trainer_step(other, g.x, g.n, 1e-3, NULL, NULL);
    EXPECT(weir_trainer_swap_average(trainer) == WEIR_OK && !same_values(trainer, other), cases[c]);
    EXPECT(scores_as_saved(trainer, &g), text_of("%s: the average", cases[c]));
    EXPECT(weir_trainer_reestimate_begin(trainer) == WEIR_OK && weir_trainer_swap_average(trainer) == WEIR_ERROR_ARGUMENT,
           "not midway");
    EXPECT(weir_trainer_reestimate_add(trainer, g.x, g.n) == WEIR_OK && weir_trainer_reestimate_end(trainer) == WEIR_OK, cases[c]);
    EXPECT(scores_as_saved(trainer, &g), text_of("%s: the average, re-estimated", cases[c]));
    weir_error error = {0};
    float number[4096];
    EXPECT(weir_trainer_step(trainer, g.x, g.n, 1e-3, NULL, &error) == WEIR_ERROR_ARGUMENT && error_is(&error, WEIR_ERROR_ARGUMENT),
           "");
    EXPECT(weir_trainer_gradient(trainer, g.x, g.n, NULL, NULL) == WEIR_ERROR_ARGUMENT, "");
    EXPECT(
        weir_trainer_save_checkpoint(trainer, folder_file(&f, "c"), NULL, &error) == WEIR_ERROR_ARGUMENT && folder_count(&f) == 0,
        "");
    EXPECT(weir_trainer_tensor_read(trainer, 0, WEIR_TENSOR_VALUE, number) == WEIR_OK &&
               weir_trainer_tensor_write(trainer, 0, number) == WEIR_ERROR_ARGUMENT,
           "");
    EXPECT(weir_trainer_swap_average(trainer) == WEIR_OK && same_values(trainer, other), text_of("%s: back", cases[c]));
    for (size_t i = 0; i < 3; i++)
      weir_trainer_step(trainer, g.x, g.n, 1e-3, NULL, NULL), weir_trainer_step(other, g.x, g.n, 1e-3, NULL, NULL);
    EXPECT(same_values(trainer, other), text_of("%s: and on", cases[c]));
    weir_trainer_swap_average(trainer), weir_trainer_swap_average(other);
    EXPECT(same_values(trainer, other), text_of("%s: the average in the end", cases[c]));
    weir_trainer_close(trainer), weir_trainer_close(other);
    folder_remove(&f);
    golden_close(&g);
  }
  EXPECT(weir_trainer_swap_average(NULL) == WEIR_ERROR_ARGUMENT, "");
  return bad;
}

// With the last good state its average comes back, and how many steps are in it: none, when that state is the first.
int test_average_after_restore(void) {
  int bad = 0;
  golden g;
  folder f;
  if (!golden_open(&g, "tabular") || !folder_make(&f)) return 1;
  weir_train_options options = train_options(&g);
  options.average_decay = 0.9;
  float *x = more_samples(&g, g.n);
  x[g.n * g.dims / 2] = FLT_MAX;
  weir_trainer *trainer = golden_trainer(&g, &options), *fresh = golden_trainer(&g, &options), *opened = NULL;
  weir_step_report report = {.struct_size = sizeof report};
  for (size_t i = 0; i < 3; i++) weir_trainer_step(trainer, g.x, g.n, 1e-3, NULL, NULL);
  EXPECT(weir_trainer_save_checkpoint(trainer, folder_file(&f, "checkpoint"), NULL, NULL) == WEIR_OK, "");
  EXPECT(weir_trainer_open(folder_file(&f, "checkpoint"), &options, &opened, NULL) == WEIR_OK, "");
  weir_trainer *const both[] = {trainer, opened};
  for (size_t k = 0; k < 2; k++) {
    for (size_t i = 0; i < 2; i++) weir_trainer_step(both[k], x, g.n, 1e-3, &report, NULL);
    EXPECT(report.restored == 1 && same_values(both[k], fresh), "two steps that overflow bring the first state back");
    EXPECT(weir_trainer_swap_average(both[k]) == WEIR_OK && same_values(both[k], fresh), "whose average is its weights");
    EXPECT(weir_trainer_swap_average(both[k]) == WEIR_OK && same_values(both[k], fresh), "");
    EXPECT(weir_trainer_step(both[k], g.x, g.n, 1e-3, &report, NULL) == WEIR_OK && report.skipped == 0, report.layer);
    size_t count;
    float *weights = trainer_numbers(both[k], WEIR_TENSOR_VALUE, &count);
    EXPECT(weir_trainer_swap_average(both[k]) == WEIR_OK, "");
    float *average = trainer_numbers(both[k], WEIR_TENSOR_VALUE, &count);
    EXPECT(memcmp(weights, average, count * sizeof *average) == 0, "after one more step they still are, bit for bit");
    free(weights), free(average);
  }
  EXPECT(same_values(trainer, opened), "and a resumed run has the same");
  weir_trainer_close(trainer), weir_trainer_close(fresh), weir_trainer_close(opened);
  free(x);
  folder_remove(&f);
  golden_close(&g);
  return bad;
}

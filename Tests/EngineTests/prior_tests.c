// The priors: densities against the plain formula in double, gradients against differences of the loss, samples against moments.
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

enum { DIMS = 5, COMPONENTS = 3, ROWS = 40, DRAWS = 20000 };

#define NORMAL "{\"type\":\"standard_normal\"}"
#define LEARNED "{\"type\":\"learned_normal\"}"
#define MIXTURE "{\"type\":\"gaussian_mixture\",\"components\":3}"
#define FIXED_MIXTURE "{\"type\":\"gaussian_mixture\",\"components\":3,\"trainable\":false}"
#define ONE_CLASS "{\"type\":\"gaussian_mixture\",\"components\":1}"
#define REVERSE "{\"op\":\"reverse\"}"
#define COUPLING                                                                                                               \
  "{\"op\":\"coupling\",\"transform\":\"affine\",\"mask\":{\"type\":\"tabular\",\"reverse\":false},\"net\":{\"type\":\"mlp\"," \
  "\"hidden\":9,\"layers\":1}}"

static const char *const priors[] = {NORMAL, LEARNED, MIXTURE, FIXED_MIXTURE, ONE_CLASS};

enum { PRIORS = sizeof priors / sizeof priors[0] };

static const char *spec_of(const char *prior, const char *steps) {
  return text_of("{\"version\":1,\"input\":{\"shape\":[5],\"levels\":0},\"prior\":%s,\"steps\":[%s]}", prior, steps);
}

static float *rows(size_t count, float spread) {
  float *x = malloc(count * DIMS * sizeof *x);
  for (size_t e = 0; e < count * DIMS; e++) x[e] = spread * (float)sin(1.7 * (double)e + 0.3);
  return x;
}

static const float *tensor(const model_parts *parts, const char *name) {
  const part *p = parts_find(parts, name);
  return p == NULL ? NULL : p->data;
}

static double normal(double z, double mean, double sigma) {
  const double u = (z - mean) / sigma;
  return -0.5 * u * u - log(sigma) - 0.91893853320467274178;
}

// log p(z | class), or with a negative class log p(z); z has its dims in reverse.
static double plain_density(const model_parts *parts, const float *x, int label) {
  const float *mean = tensor(parts, "prior.mean"), *log_scale = tensor(parts, "prior.log_scale"),
              *means = tensor(parts, "prior.means"), *raw = tensor(parts, "prior.raw_scales");
  double sum = 0, best = -INFINITY;
  if (means == NULL) {
    for (size_t e = 0; e < DIMS; e++)
      sum += normal(x[DIMS - 1 - e], mean == NULL ? 0 : mean[e], log_scale == NULL ? 1 : exp(log_scale[e]));
    return sum;
  }
  const size_t components = parts_find(parts, "prior.raw_scales")->shape[0];
  double each[COMPONENTS] = {0};
  for (size_t k = 0; k < components; k++) {
    for (size_t e = 0; e < DIMS; e++) each[k] += normal(x[DIMS - 1 - e], means[k * DIMS + e], log(1 + exp(raw[k])));
    best = fmax(best, each[k]);
  }
  if (label >= 0) return each[label];
  for (size_t k = 0; k < components; k++) sum += exp(each[k] - best);
  return best + log(sum / (double)components);
}

static int check_densities(const char *prior, float spread, size_t threads) {
  int bad = 0;
  model_parts parts = parts_of_spec(spec_of(prior, REVERSE), 3);
  weir_model *model = NULL;
  EXPECT(parts_open(&parts, NULL, &model, NULL) == WEIR_OK, prior);
  weir_model_info info;
  weir_model_get_info(model, &info);
  const bool classes = strstr(prior, "mixture") != NULL;
  EXPECT(strstr(prior, info.prior) != NULL, info.prior);
  EXPECT(info.components == (strstr(prior, "3") != NULL ? 3 : 1), prior);
  weir_session_options options = weir_session_options_default();
  options.batch = ROWS;
  options.threads = threads;
  desk d = desk_make(model, &options);
  float *x = rows(ROWS, spread);
  double score[ROWS], by_class[ROWS * COMPONENTS], alone[COMPONENTS];
  EXPECT(weir_score(d.session, x, ROWS, score) == WEIR_OK, prior);
  const weir_status status = weir_score_classes(d.session, x, ROWS, by_class);
  EXPECT(status == (classes ? WEIR_OK : WEIR_ERROR_UNSUPPORTED), prior);
  for (size_t i = 0; i < ROWS; i++) {
    const double wanted = plain_density(&parts, x + i * DIMS, -1);
    EXPECT(fabs(score[i] - wanted) <= 4 * FLT_EPSILON * (DIMS + fabs(wanted)),
           text_of("%s: %.10g, not %.10g", prior, score[i], wanted));
    if (!classes) continue;
    double best = -INFINITY, sum = 0;
    for (size_t k = 0; k < info.components; k++) {
      const double value = by_class[i * info.components + k], one = plain_density(&parts, x + i * DIMS, (int)k);
      EXPECT(fabs(value - one) <= 4 * FLT_EPSILON * (DIMS + fabs(one)),
             text_of("%s, class %zu: %.10g, not %.10g", prior, k, value, one));
      best = fmax(best, value);
    }
    for (size_t k = 0; k < info.components; k++) sum += exp(by_class[i * info.components + k] - best);
    EXPECT(fabs(score[i] - best - log(sum / (double)info.components)) <= 1e-12 * (1 + fabs(score[i])), "classes make the mixture");
    EXPECT(weir_score_classes(d.session, x + i * DIMS, 1, alone) == WEIR_OK &&
               memcmp(alone, by_class + i * info.components, info.components * sizeof *alone) == 0,
           "the same bits alone");
  }
  desk_free(&d);
  free(x);
  weir_model_close(model);
  parts_free(&parts);
  return bad;
}

int test_prior_densities(void) {
  int bad = 0;
  // 1e4 deviations away every exp underflows, and the density is still a number.
  for (size_t p = 0; p < PRIORS; p++)
    for (size_t threads = 1; threads <= 3; threads += 2)
      bad += check_densities(priors[p], 2, threads) + check_densities(priors[p], 1e4f, threads);
  return bad;
}

// A class whose scale is 0 has no density; one NaN spoils its sample alone.
int test_prior_classes_fail_safe(void) {
  int bad = 0;
  model_parts parts = parts_of_spec(spec_of(MIXTURE, REVERSE), 3);
  ((float *)parts_find(&parts, "prior.raw_scales")->data)[1] = -1e30f;
  weir_model *model = NULL;
  EXPECT(parts_open(&parts, NULL, &model, NULL) == WEIR_OK, "");
  weir_session_options options = weir_session_options_default();
  desk d = desk_make(model, &options);
  float *x = rows(2, 1);
  x[3] = NAN;
  double by_class[2 * COMPONENTS];
  EXPECT(weir_score_classes(d.session, x, 2, by_class) == WEIR_OK, "");
  for (size_t k = 0; k < COMPONENTS; k++) {
    EXPECT(by_class[k] == -INFINITY, "the row with a NaN");
    EXPECT(k == 1 ? by_class[COMPONENTS + k] == -INFINITY : isfinite(by_class[COMPONENTS + k]), "the class without width");
  }
  EXPECT(weir_score_classes(d.session, x, 0, by_class) == WEIR_ERROR_ARGUMENT &&
             weir_score_classes(NULL, x, 1, by_class) == WEIR_ERROR_ARGUMENT &&
             weir_score_classes(d.session, x, 1, NULL) == WEIR_ERROR_ARGUMENT &&
             weir_score_classes(d.session, x, options.batch + 1, by_class) == WEIR_ERROR_SHAPE,
         "");
  free(x);
  desk_free(&d);
  weir_model_close(model);
  parts_free(&parts);
  return bad;
}

// Averages over noise are taken class by class, so that the classes still make the mixture; on any threads, the same bits.
int test_prior_classes_average(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "mixture")) return 1;
  weir_model *model = golden_model(&g);
  weir_model_info info;
  weir_model_get_info(model, &info);
  double score[8], alone[8 * 4], together[8 * 4];
  weir_session_options options = weir_session_options_default();
  options.noise = WEIR_NOISE_AVERAGE;
  options.draws = 5;
  EXPECT(g.n <= 8 && info.components == 4, "");
  for (options.threads = 1; options.threads <= 3; options.threads++) {
    desk d = desk_make(model, &options);
    EXPECT(weir_score(d.session, g.x, g.n, score) == WEIR_OK && weir_session_seek(d.session, 0) == WEIR_OK, "");
    EXPECT(weir_score_classes(d.session, g.x, g.n, together) == WEIR_OK, "");
    if (options.threads == 1) memcpy(alone, together, sizeof alone);
    EXPECT(memcmp(alone, together, g.n * 4 * sizeof *alone) == 0, text_of("%zu threads", options.threads));
    for (size_t i = 0; i < g.n; i++) {
      double best = -INFINITY, sum = 0;
      for (size_t k = 0; k < 4; k++) best = fmax(best, together[i * 4 + k]);
      for (size_t k = 0; k < 4; k++) sum += exp(together[i * 4 + k] - best);
      EXPECT(fabs(score[i] - best - log(sum / 4)) <= 1e-11 * fabs(score[i]), text_of("%.12g", score[i]));
    }
    desk_free(&d);
  }
  weir_model_close(model);
  golden_close(&g);
  return bad;
}

// Along its own gradient the loss rises by the gradient's square.
static int check_differences(const char *prior, const int32_t *labels, double *worst) {
  int bad = 0;
  weir_train_options options = weir_train_options_default();
  weir_trainer *trainer = spec_trainer(spec_of(prior, COUPLING "," REVERSE), 6, &options);
  float *x = rows(12, 1.5f);
  weir_train_batch batch = weir_train_batch_of(x, 12);
  batch.labels = labels;
  for (size_t i = 0; trainer != NULL && i < weir_trainer_tensor_count(trainer); i++) {
    weir_tensor_info info;
    weir_trainer_tensor_info(trainer, i, &info);
    float *values = malloc(info.count * sizeof *values), *gradient = malloc(info.count * sizeof *gradient);
    weir_trainer_gradient_batch(trainer, &batch, NULL, NULL);
    weir_trainer_tensor_read(trainer, i, WEIR_TENSOR_VALUE, values);
    weir_trainer_tensor_read(trainer, i, WEIR_TENSOR_GRADIENT, gradient);
    double square = 0;
    for (size_t e = 0; e < info.count; e++) square += (double)gradient[e] * gradient[e];
    EXPECT(info.trainable ? square > 0 : square == 0, info.name);
    const double step = 3e-3 / sqrt(square);
    if (info.trainable) {
      const double above = moved_loss(trainer, &batch, i, values, gradient, info.count, step),
                   below = moved_loss(trainer, &batch, i, values, gradient, info.count, -step);
      const double part = fabs((above - below) / (2 * step) - square) / (2e-3 * square);
      EXPECT(part <= 1,
             text_of("%s: %s: %.6g by differences, %.6g by gradient", prior, info.name, (above - below) / (2 * step), square));
      *worst = fmax(*worst, part);
    }
    free(values), free(gradient);
  }
  free(x);
  weir_trainer_close(trainer);
  return bad;
}

int test_prior_gradients(void) {
  int bad = 0;
  double worst = 0;
  const int32_t labels[12] = {0, 1, 2, -1, 2, 1, 0, -1, 1, 1, 2, 0};
  for (size_t p = 0; p < PRIORS; p++) bad += check_differences(priors[p], NULL, &worst);
  bad += check_differences(MIXTURE, labels, &worst) + check_differences(FIXED_MIXTURE, labels, &worst);
  note("at worst %.2f of the tolerance", worst);
  return bad;
}

// A component that no sample is of, however far away, takes no part: its share is 0, not 0 times infinity.
int test_prior_far_component(void) {
  int bad = 0;
  weir_train_options options = weir_train_options_default();
  weir_trainer *trainer = spec_trainer(spec_of(MIXTURE, REVERSE), 6, &options);
  if (trainer == NULL) return 1;
  const size_t means = tensor_index(trainer, "prior.means"), raw_scales = tensor_index(trainer, "prior.raw_scales");
  float *x = rows(12, 1.5f), mean[COMPONENTS * DIMS], raw[COMPONENTS] = {0, 0, -500};
  weir_trainer_tensor_read(trainer, means, WEIR_TENSOR_VALUE, mean);
  mean[0] = FLT_MAX;
  mean[DIMS - 1] = -FLT_MAX;
  EXPECT(weir_trainer_tensor_write(trainer, means, mean) == WEIR_OK, "one far away");
  EXPECT(weir_trainer_tensor_write(trainer, raw_scales, raw) == WEIR_OK, "and one that is a point");
  double loss = NAN;
  size_t count;
  EXPECT(weir_trainer_gradient(trainer, x, 12, &loss, NULL) == WEIR_OK && isfinite(loss), text_of("%g", loss));
  float *gradients = trainer_numbers(trainer, WEIR_TENSOR_GRADIENT, &count);
  EXPECT(all_finite(gradients, count), "the gradients");
  for (size_t e = 0; e < count; e++)
    EXPECT((gradients[e] != 0) == (e / DIMS == 1 || e == COMPONENTS * DIMS + 1),
           text_of("number %zu: %g", e, (double)gradients[e]));
  free(gradients), free(x);
  weir_trainer_close(trainer);
  return bad;
}

// Means and variances of many samples, within five standard errors; at temperature 0 the means themselves.
static int check_samples(const char *prior) {
  int bad = 0;
  model_parts parts = parts_of_spec(spec_of(prior, REVERSE), 8);
  weir_model *model = NULL;
  EXPECT(parts_open(&parts, NULL, &model, NULL) == WEIR_OK, prior);
  weir_session_options options = weir_session_options_default();
  options.batch = DRAWS;
  desk d = desk_make(model, &options);
  float *x = malloc(DRAWS * DIMS * sizeof *x);
  EXPECT(weir_sample(d.session, 4, 1, DRAWS, x) == WEIR_OK, prior);
  const float *mean = tensor(&parts, "prior.mean"), *log_scale = tensor(&parts, "prior.log_scale"),
              *means = tensor(&parts, "prior.means"), *raw = tensor(&parts, "prior.raw_scales");
  const size_t components = raw == NULL ? 1 : parts_find(&parts, "prior.raw_scales")->shape[0];
  for (size_t e = 0; e < DIMS; e++) {
    double first = 0, second = 0, sum = 0, square = 0;
    for (size_t k = 0; k < components; k++) {
      const double m = means != NULL ? means[k * DIMS + e] : mean != NULL ? mean[e] : 0;
      const double s = raw != NULL ? log(1 + exp(raw[k])) : log_scale != NULL ? exp(log_scale[e]) : 1;
      first += m / (double)components;
      second += (m * m + s * s) / (double)components;
    }
    for (size_t i = 0; i < DRAWS; i++) {
      const double z = x[i * DIMS + DIMS - 1 - e];
      sum += z / DRAWS;
      square += z * z / DRAWS;
    }
    const double variance = second - first * first;
    EXPECT(fabs(sum - first) <= 5 * sqrt(variance / DRAWS), text_of("%s: mean %g, not %g", prior, sum, first));
    EXPECT(fabs(square - sum * sum - variance) <= 5 * variance * sqrt(3.0 / DRAWS),
           text_of("%s: variance %g, not %g", prior, square - sum * sum, variance));
  }
  EXPECT(weir_sample(d.session, 4, 0, DRAWS, x) == WEIR_OK, prior);
  size_t hits[COMPONENTS] = {0}, all = 0;
  for (size_t i = 0; i < DRAWS; i++)
    for (size_t k = 0; k < components; k++) {
      bool here = true;
      for (size_t e = 0; e < DIMS; e++)
        here = here && x[i * DIMS + DIMS - 1 - e] == (means != NULL ? means[k * DIMS + e] : mean != NULL ? mean[e] : 0);
      hits[k] += here;
      all += here;
    }
  EXPECT(all == DRAWS, text_of("%s: %zu of %d samples are a mean", prior, all, (int)DRAWS));
  for (size_t k = 0; k < components; k++)
    EXPECT(fabs((double)hits[k] - (double)DRAWS / (double)components) <= 5 * sqrt(DRAWS),
           text_of("%s: class %zu has %zu", prior, k, hits[k]));
  free(x);
  desk_free(&d);
  weir_model_close(model);
  parts_free(&parts);
  return bad;
}

int test_prior_samples(void) {
  int bad = 0;
  for (size_t p = 0; p < PRIORS; p++) bad += check_samples(priors[p]);
  return bad;
}

// conv1x1 and rotation: how exact determinants and inverses are, what training keeps in step, and what a build without LAPACK does.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bijectors/lu.h"
#include "engine_tests.h"
#include "kernels/gemm/gemm_blas.h"

#define FLOW(shape, steps) \
  "{\"version\":1,\"input\":{\"shape\":" shape ",\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[" steps "]}"
#define CONV FLOW("[40]", "{\"op\":\"conv1x1\"}")

enum { WIDTH = 40 };

static double log_det_of(const float *matrix, size_t c) {
  double *m = malloc(c * c * sizeof *m);
  for (size_t e = 0; e < c * c; e++) m[e] = matrix[e];
  const double sum = log_det(m, c);
  free(m);
  return sum;
}

// A factorisation that is off by some 1e-6, as that of a writer in f32 may be, costs the log-det and the inverse no digit that f32 has.
int test_determinant_of_rough_factors(void) {
  int bad = 0;
  double worst = 0, uncorrected = 0;
  for (uint64_t seed = 0; seed < 8; seed++) {
    model_parts parts = parts_of_spec(CONV, seed);
    const float *weight = parts_find(&parts, "steps.0.weight")->data;
    float *lu = parts_find(&parts, "steps.0.lu")->data;
    for (size_t e = 0; e < (size_t)WIDTH * WIDTH; e++) lu[e] *= 1 + 1e-6f;
    const double exact = log_det_of(weight, WIDTH);
    double plain = 0;
    for (size_t i = 0; i < WIDTH; i++) plain += log(fabs((double)lu[i * (WIDTH + 1)]));
    uncorrected = fmax(uncorrected, fabs(plain - exact));
    weir_model *model = NULL;
    weir_error error = {0};
    EXPECT(parts_open(&parts, NULL, &model, &error) == WEIR_OK, error.message);
    weir_session_options options = weir_session_options_default();
    desk d = desk_make(model, &options);
    float x[WIDTH], z[WIDTH], back[WIDTH];
    double there = NAN, again = NAN;
    for (size_t i = 0; i < WIDTH; i++) x[i] = sinf((float)(i + seed));
    EXPECT(weir_forward(d.session, x, 1, z, &there) == WEIR_OK && weir_inverse(d.session, z, 1, back, &again) == WEIR_OK, "");
    worst = fmax(worst, fabs(there - exact));
    EXPECT(there + again == 0, text_of("%.17g and %.17g", there, again));
    for (size_t i = 0; i < WIDTH; i++) EXPECT(fabsf(back[i] - x[i]) <= 1e-5f, text_of("%g, not %g", (double)back[i], (double)x[i]));
    desk_free(&d);
    weir_model_close(model);
    parts_free(&parts);
  }
  EXPECT(worst <= 2e-8, text_of("%g", worst));
  EXPECT(uncorrected > 100 * worst, "the factors were rough");
  note("log-dets off by %.2g at most, %.2g without correction", worst, uncorrected);
  return bad;
}

// Beside a large number the check can't see that a small one is wrong, and the determinant would be: no input may pass for likely then.
int test_determinant_of_wrong_factors(void) {
  int bad = 0;
  model_parts parts = parts_of_spec(FLOW("[2]", "{\"op\":\"conv1x1\"}"), 1);
  static const float weight[] = {1, 0, 0, 1e-5f}, lu[] = {1, 0, 0, 5e-5f}, pivots[] = {0, 1};
  memcpy(parts_find(&parts, "steps.0.weight")->data, weight, sizeof weight);
  memcpy(parts_find(&parts, "steps.0.lu")->data, lu, sizeof lu);
  memcpy(parts_find(&parts, "steps.0.pivots")->data, pivots, sizeof pivots);
  weir_model *model = NULL;
  weir_error error = {0};
  EXPECT(parts_open(&parts, NULL, &model, &error) == WEIR_OK, error.message);
  weir_session_options options = weir_session_options_default();
  desk d = desk_make(model, &options);
  const float x[] = {0, 0};
  double score = NAN;
  EXPECT(weir_score(d.session, x, 1, &score) == WEIR_OK && score == -INFINITY, text_of("%g", score));
  desk_free(&d);
  weir_model_close(model);
  parts_free(&parts);
  return bad;
}

// LAPACK's own factors pass the check, and a singular matrix does not.
int test_factorisation(void) {
  int bad = 0;
  if (!weir_i_blas_present()) {
    note("this build has no LAPACK");
    return 0;
  }
  enum { C = 17 };
  float weight[C * C], lu[C * C], pivots[C];
  double matrix[C * C];
  int rows[C];
  for (int singular = 0; singular < 2; singular++) {
    for (size_t e = 0; e < C * C; e++) weight[e] = sinf(1.7f * (float)(e * e % 101));
    if (singular) memcpy(weight + 5 * C, weight + 9 * C, C * sizeof *weight);
    for (size_t i = 0; i < C; i++)
      for (size_t j = 0; j < C; j++) matrix[j * C + i] = weight[i * C + j];
    EXPECT(weir_i_blas_lu(matrix, rows, C), "");
    for (size_t i = 0; i < C; i++) {
      EXPECT(rows[i] >= (int)i && rows[i] < C, text_of("pivot %d", rows[i]));
      pivots[i] = (float)rows[i];
      for (size_t j = 0; j < C; j++) lu[i * C + j] = (float)matrix[j * C + i];
    }
    if (singular) lu[C * C - 1] = 0;  // what is left of it is rounding noise
    const weir_lu factors = {weight, lu, pivots, C};
    weir_error error = {0};
    const weir_status status = weir_i_lu_check(&factors, "lu", "pivots", &error);
    EXPECT(singular ? status == WEIR_ERROR_TENSOR && strstr(error.message, "no inverse") != NULL : status == WEIR_OK,
           error.message);
  }
  return bad;
}

static weir_trainer *trainer_of(const char *spec, uint64_t seed, size_t batch) {
  weir_train_options options = weir_train_options_default();
  options.seed = seed;
  options.batch = batch;
  weir_trainer *trainer = NULL;
  weir_error error = {0};
  const weir_status status = weir_trainer_create(spec, &options, &trainer, &error);
  if (!weir_i_blas_present() && strstr(spec, "conv1x1") != NULL) {
    expect(status == WEIR_ERROR_UNSUPPORTED && error_is(&error, status) && strstr(error.message, "WEIR_BLAS=ON") != NULL, __FILE__,
           __LINE__, "training is refused without LAPACK", error.message);
    note("this build has no LAPACK");
    return NULL;
  }
  expect(status == WEIR_OK, __FILE__, __LINE__, "the trainer is made", error.message);
  return trainer;
}

static double off_orthogonal(const float *q, size_t c) {
  double worst = 0;
  for (size_t i = 0; i < c; i++)
    for (size_t k = 0; k <= i; k++) {
      double sum = i == k ? -1 : 0;
      for (size_t j = 0; j < c; j++) sum += (double)q[i * c + j] * (double)q[k * c + j];
      worst = fmax(worst, fabs(sum));
    }
  return worst;
}

int test_fresh_matrices(void) {
  int bad = 0;
  float *weights[3] = {NULL};
  for (size_t i = 0; i < 3; i++) {
    weir_trainer *trainer = trainer_of(CONV, i % 2, 4);
    if (trainer == NULL) return bad;
    weights[i] = trainer_tensor(trainer, "steps.0.weight", NULL);
    EXPECT(off_orthogonal(weights[i], WIDTH) <= 2e-7, text_of("off by %g", off_orthogonal(weights[i], WIDTH)));
    double trace = 0;
    for (size_t k = 0; k < WIDTH; k++) trace += (double)weights[i][k * (WIDTH + 1)];
    EXPECT(fabs(trace) < 6, text_of("a random rotation has a trace of about 1, not %g", trace));
    weir_trainer_close(trainer);
  }
  EXPECT(memcmp(weights[0], weights[1], sizeof(float[WIDTH * WIDTH])) != 0, "seeds differ");
  EXPECT(memcmp(weights[0], weights[2], sizeof(float[WIDTH * WIDTH])) == 0, "a seed tells all");
  for (size_t i = 0; i < 3; i++) free(weights[i]);
  weir_trainer *trainer = trainer_of(FLOW("[5]", "{\"op\":\"rotation\"}"), 1, 4);
  float *identity = trainer_tensor(trainer, "steps.0.weight", NULL);
  for (size_t e = 0; e < 25; e++) EXPECT(identity[e] == (e % 6 == 0 ? 1 : 0), "a fresh rotation does nothing");
  free(identity);
  weir_trainer_close(trainer);
  return bad;
}

// Whatever changes the weight, its factorisation follows: the model that is saved opens, and gives weight's own determinant.
int test_factors_follow_the_weight(void) {
  int bad = 0;
  weir_trainer *trainer =
      trainer_of(FLOW("[8,3,3]", "{\"op\":\"actnorm\"},{\"op\":\"conv1x1\"},{\"op\":\"conv1x1\",\"trainable\":false}"), 5, 6);
  if (trainer == NULL) return bad;
  enum { C = 8, DIMS = 72, N = 6 };
  float x[N * DIMS], z[DIMS];
  for (size_t e = 0; e < N * DIMS; e++) x[e] = sinf(0.7f * (float)e) + 0.1f * (float)(e % 7);
  float *before = trainer_tensor(trainer, "steps.1.weight", NULL), *fixed = trainer_tensor(trainer, "steps.2.weight", NULL);
  for (size_t i = 0; i < 5; i++) EXPECT(weir_trainer_step(trainer, x, N, 1e-2, NULL, NULL) == WEIR_OK, "");
  float *after = trainer_tensor(trainer, "steps.1.weight", NULL), *still = trainer_tensor(trainer, "steps.2.weight", NULL),
        *scales = trainer_tensor(trainer, "steps.0.log_scale", NULL);
  EXPECT(memcmp(before, after, C * C * sizeof *after) != 0, "it is trained");
  EXPECT(memcmp(fixed, still, C * C * sizeof *still) == 0, "it is not");
  folder f;
  if (!folder_make(&f)) return bad + 1;
  weir_error error = {0};
  weir_model *model = NULL;
  EXPECT(weir_trainer_save_model(trainer, folder_file(&f, "model"), NULL, &error) == WEIR_OK, error.message);
  EXPECT(weir_model_open(folder_file(&f, "model"), NULL, &model, &error) == WEIR_OK, error.message);
  weir_session_options options = weir_session_options_default();
  desk d = desk_make(model, &options);
  double logdet = NAN, expected = log_det_of(after, C) + log_det_of(still, C);
  for (size_t c = 0; c < C; c++) expected += (double)scales[c];
  EXPECT(weir_forward(d.session, x, 1, z, &logdet) == WEIR_OK, "");
  EXPECT(fabs(logdet - 9 * expected) <= 1e-6, text_of("%.10g, not %.10g", logdet, 9 * expected));
  desk_free(&d);
  weir_model_close(model);

  // A tensor that is written: numbers that contradict are refused and change nothing.
  memset(after, 0, C * sizeof *after);
  for (size_t i = 0; i < weir_trainer_tensor_count(trainer); i++) {
    weir_tensor_info info;
    weir_trainer_tensor_info(trainer, i, &info);
    if (strcmp(info.name, "steps.1.weight") != 0) continue;
    EXPECT(weir_trainer_tensor_write(trainer, i, before) == WEIR_OK, "");
    EXPECT(weir_trainer_tensor_write(trainer, i, after) == WEIR_ERROR_TENSOR, "a row of zeros");
  }
  float *now = trainer_tensor(trainer, "steps.1.weight", NULL);
  EXPECT(memcmp(now, before, C * C * sizeof *now) == 0, "");
  EXPECT(weir_trainer_step(trainer, x, N, 1e-2, NULL, NULL) == WEIR_OK, "");
  free(before), free(fixed), free(after), free(still), free(scales), free(now);
  folder_remove(&f);
  weir_trainer_close(trainer);
  return bad;
}

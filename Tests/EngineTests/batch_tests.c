// Batches with out-of-distribution samples and with labels.
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

enum { DIMS = 6, N = 7, M = 5 };

#define COUPLING(reverse)                                                                             \
  "{\"op\":\"coupling\",\"transform\":\"affine\",\"mask\":{\"type\":\"tabular\",\"reverse\":" reverse \
  "},\"net\":{\"type\":\"mlp\","                                                                      \
  "\"hidden\":9,\"layers\":1}}"
#define TABLE(prior)                                                        \
  "{\"version\":1,\"input\":{\"shape\":[6],\"levels\":0},\"prior\":{" prior \
  "},\"steps\":[" COUPLING("false") "," COUPLING("true") "]}"
#define NORMAL "\"type\":\"standard_normal\""
#define MIXTURE "\"type\":\"gaussian_mixture\",\"components\":3"
#define LEARNED "\"type\":\"learned_normal\""
// Numbers that batch norm sees.
static const char normed[] = "{\"version\":1,\"input\":{\"shape\":[2,3,1],\"levels\":0},\"prior\":{" NORMAL
                             "},\"steps\":["
                             "{\"op\":\"coupling\",\"mask\":{\"type\":\"channel\",\"reverse\":false},\"net\":{\"type\":\"resnet\","
                             "\"channels\":5,\"blocks\":1}},"
                             "{\"op\":\"coupling\",\"mask\":{\"type\":\"channel\",\"reverse\":true},\"net\":{\"type\":\"resnet\","
                             "\"channels\":5,\"blocks\":1}}]}";

static void fill_rows(float *x, size_t count, double phase) {
  for (size_t e = 0; e < count * DIMS; e++) x[e] = 1.5f * (float)sin(1.3 * (double)e + phase);
}

// A trainer, and loss and gradients of its last batch.
typedef struct bench {
  weir_trainer *trainer;
  float x[N * DIMS], negative[M * DIMS];
  weir_train_batch batch;
  double loss;
} bench;

static bool bench_make(bench *b, const char *spec) {
  weir_train_options options = weir_train_options_default();
  options.batch = N + M;
  *b = (bench){.trainer = spec_trainer(spec, 4, &options)};
  fill_rows(b->x, N, 0.1);
  fill_rows(b->negative, M, 0.7);
  b->batch = weir_train_batch_of(b->x, N);
  return b->trainer != NULL;
}

static float *gradients_of(bench *b, const weir_train_batch *batch, size_t *count) {
  b->loss = NAN;
  expect(weir_trainer_gradient_batch(b->trainer, batch, &b->loss, NULL) == WEIR_OK, __FILE__, __LINE__, "a gradient", "");
  return trainer_numbers(b->trainer, WEIR_TENSOR_GRADIENT, count);
}

static weir_train_batch with_negative(const bench *b, const float *negative, size_t count, double floor_value) {
  weir_train_batch batch = b->batch;
  batch.negative = negative;
  batch.negative_n = count;
  batch.negative_floor = floor_value;
  return batch;
}

// How far two gradients are apart, as a part of 1e-5 of the norm.
static double apart(const float *a, const double *b, size_t count) {
  double off = 0, square = 0;
  for (size_t i = 0; i < count; i++) {
    off += (a[i] - b[i]) * (a[i] - b[i]);
    square += b[i] * b[i];
  }
  return sqrt(off / square) / 1e-5;
}

// Without batch norm samples are independent: 0.5 of x's gradient less 0.5 of that of the negative samples that count.
static int check_sum(const char *spec, const size_t *counts, size_t count, double floor_value, double *worst) {
  int bad = 0;
  bench b;
  if (!bench_make(&b, spec)) return 1;
  size_t numbers;
  float counting[M * DIMS];
  for (size_t k = 0; k < count; k++) memcpy(counting + k * DIMS, b.negative + counts[k] * DIMS, DIMS * sizeof *counting);
  const weir_train_batch outside = weir_train_batch_of(counting, count), both = with_negative(&b, b.negative, M, floor_value);
  float *in = gradients_of(&b, &b.batch, &numbers);
  const double in_loss = b.loss;
  float *out = count == 0 ? NULL : gradients_of(&b, &outside, &numbers);
  const double out_loss = b.loss, wanted_loss = count == 0 ? in_loss : 0.5 * (in_loss - out_loss);
  float *together = gradients_of(&b, &both, &numbers);
  double *wanted = malloc(numbers * sizeof *wanted);
  for (size_t i = 0; i < numbers; i++) wanted[i] = count == 0 ? (double)in[i] : 0.5 * ((double)in[i] - (double)out[i]);
  const double part = apart(together, wanted, numbers);
  EXPECT(part <= 1, text_of("%zu count: %.3g of the tolerance", count, part));
  EXPECT(fabs(b.loss - wanted_loss) <= 1e-5 * fabs(wanted_loss), text_of("loss %.9g, not %.9g", b.loss, wanted_loss));
  *worst = fmax(*worst, part);
  weir_step_report report = {.struct_size = sizeof report};
  EXPECT(weir_trainer_step_batch(b.trainer, &both, 1e-3, &report, NULL) == WEIR_OK && report.skipped == 0, report.layer);
  EXPECT(fabs(report.loss - in_loss) <= 1e-6 * fabs(in_loss) && report.negative_count == count,
         text_of("loss %g, %zu count", report.loss, report.negative_count));
  EXPECT(count == 0 ? report.negative_mean == 0 : fabs(report.negative_mean + out_loss) <= 1e-6 * fabs(out_loss),
         text_of("mean %g, not %g", report.negative_mean, -out_loss));
  free(in), free(out), free(together), free(wanted);
  weir_trainer_close(b.trainer);
  return bad;
}

int test_negative_is_a_weighted_sum(void) {
  const size_t all[] = {0, 1, 2, 3, 4};
  double worst = 0;
  const int bad = check_sum(TABLE(NORMAL), all, M, -1e9, &worst) + check_sum(TABLE(MIXTURE), all, M, -INFINITY, &worst);
  note("at worst %.2f of the tolerance", worst);
  return bad;
}

// The floor lies strictly below what counts.
int test_negative_floor(void) {
  int bad = 0;
  bench b;
  if (!bench_make(&b, TABLE(NORMAL))) return 1;
  double scores[M], worst = 0;
  EXPECT(weir_trainer_evaluate(b.trainer, b.negative, M, scores, NULL) == WEIR_OK, "");
  weir_trainer_close(b.trainer);
  for (size_t k = 0; k < M; k++) {
    size_t counts[M], count = 0;
    for (size_t i = 0; i < M; i++)
      if (scores[i] > scores[k]) counts[count++] = i;
    // Training and scoring differ in their last bits at most.
    bad += check_sum(TABLE(NORMAL), counts, count, scores[k] + 1e-4, &worst);
  }
  bad += check_sum(TABLE(NORMAL), NULL, 0, 1e9, &worst);
  note("at worst %.2f of the tolerance", worst);
  return bad;
}

// Rows of no finite likelihood, or of one so low that its parts overflow, leave the gradient as if they were not there, bit for bit, wherever they stand. Where one overflows under
// batch norm it takes all others with it, which then leave too.
static int check_failing(const char *spec, float value) {
  int bad = 0;
  bench b;
  if (!bench_make(&b, spec)) return 1;
  size_t numbers;
  const size_t stay = spec == normed && fabsf(value) == FLT_MAX ? 0 : 3;
  float spoiled[M * DIMS], left[M * DIMS];
  memcpy(spoiled, b.negative, sizeof spoiled);
  spoiled[1 * DIMS + 2] = spoiled[4 * DIMS + 0] = value;
  memcpy(left, b.negative, DIMS * sizeof *left);
  memcpy(left + DIMS, b.negative + 2 * DIMS, 2 * DIMS * sizeof *left);
  const weir_train_batch with = with_negative(&b, spoiled, M, -1e9), without = with_negative(&b, left, stay, -1e9);
  float *a = gradients_of(&b, &with, &numbers);
  const double loss = b.loss;
  float *c = gradients_of(&b, &without, &numbers);
  EXPECT(isfinite(loss) && loss == b.loss && all_finite(a, numbers),
         text_of("%g: loss %g, without %g", (double)value, loss, b.loss));
  EXPECT(memcmp(a, c, numbers * sizeof *a) == 0, text_of("%g: the gradients", (double)value));
  free(a), free(c);
  // A step too, with its running statistics.
  bench d;
  if (!bench_make(&d, spec)) return bad + 1;
  weir_step_report report = {.struct_size = sizeof report};
  EXPECT(weir_trainer_step_batch(b.trainer, &with, 1e-3, &report, NULL) == WEIR_OK && report.skipped == 0, report.layer);
  EXPECT(report.negative_count == stay && isfinite(report.negative_mean), text_of("%zu count", report.negative_count));
  EXPECT(weir_trainer_step_batch(d.trainer, &without, 1e-3, NULL, NULL) == WEIR_OK, "");
  EXPECT(same_values(b.trainer, d.trainer), text_of("%g: the step", (double)value));
  // All of them: what is left is the first term.
  for (size_t i = 0; i < M; i++) spoiled[i * DIMS + i] = value;
  float *none = gradients_of(&b, &with, &numbers);
  const double none_loss = b.loss;
  float *in = gradients_of(&b, &b.batch, &numbers);
  EXPECT(none_loss == b.loss && memcmp(none, in, numbers * sizeof *in) == 0, text_of("%g: none is left", (double)value));
  // And in-distribution it is a bad step.
  b.x[3] = value;
  EXPECT(weir_trainer_step_batch(b.trainer, &with, 1e-3, &report, NULL) == WEIR_OK && report.skipped == 1, report.layer);
  free(none), free(in);
  weir_trainer_close(b.trainer), weir_trainer_close(d.trainer);
  return bad;
}

int test_negative_samples_that_fail(void) {
  int bad = 0;
  const float values[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
    bad += check_failing(TABLE(NORMAL), values[i]) + check_failing(TABLE(MIXTURE), values[i]) + check_failing(normed, values[i]);
  bad += check_failing(TABLE(NORMAL), 1e25f) + check_failing(TABLE(MIXTURE), 1e25f) + check_failing(TABLE(LEARNED), 1e25f);
  return bad;
}

// All samples share batch norm's statistics: whether those that don't count are there shows in the loss.
int test_negative_batch_norm(void) {
  int bad = 0;
  bench b;
  if (!bench_make(&b, normed)) return 1;
  size_t numbers;
  const weir_train_batch high = with_negative(&b, b.negative, M, 1e9);
  float *a = gradients_of(&b, &high, &numbers);
  const double together = b.loss;
  float *c = gradients_of(&b, &b.batch, &numbers);
  EXPECT(fabs(together - b.loss) > 1e-5 * fabs(b.loss), text_of("%g and %g", together, b.loss));
  // Their activations also carry gradient: along it the loss rises by its square.
  double square = 0, loss[2];
  for (size_t i = 0; i < numbers; i++) square += (double)a[i] * a[i];
  for (int side = 0; side < 2; side++) {
    bench moved;
    if (!bench_make(&moved, normed)) return bad + 1;
    size_t at = 0;
    for (size_t i = 0; i < weir_trainer_tensor_count(moved.trainer); i++) {
      weir_tensor_info info;
      weir_trainer_tensor_info(moved.trainer, i, &info);
      float *values = malloc(info.count * sizeof *values);
      weir_trainer_tensor_read(moved.trainer, i, WEIR_TENSOR_VALUE, values);
      for (size_t e = 0; e < info.count; e++) values[e] += (float)((side == 0 ? 1e-3 : -1e-3) / sqrt(square) * a[at + e]);
      weir_trainer_tensor_write(moved.trainer, i, values);
      at += info.count;
      free(values);
    }
    free(gradients_of(&moved, &high, &numbers));
    loss[side] = moved.loss;
    weir_trainer_close(moved.trainer);
  }
  const double rise = (loss[0] - loss[1]) / 2e-3;
  EXPECT(fabs(rise - sqrt(square)) <= 3e-3 * sqrt(square), text_of("%g by differences, %g by gradient", rise, sqrt(square)));
  free(a), free(c);
  weir_trainer_close(b.trainer);
  return bad;
}

// A labelled sample has its class's density alone; unknown labels are no labels.
int test_labels_choose_classes(void) {
  int bad = 0;
  bench b;
  if (!bench_make(&b, TABLE(MIXTURE))) return 1;
  size_t numbers;
  const int32_t unknown[N] = {-1, -1, -1, -1, -1, -1, -1}, labels[N] = {2, 0, -1, 1, 1, 2, 0};
  float *plain = gradients_of(&b, &b.batch, &numbers);
  const double plain_loss = b.loss;
  b.batch.labels = unknown;
  float *none = gradients_of(&b, &b.batch, &numbers);
  EXPECT(b.loss == plain_loss && memcmp(plain, none, numbers * sizeof *none) == 0, "labels of -1");
  // The loss, and one sample after the other by itself.
  double *sum = calloc(numbers, sizeof *sum), loss = 0;
  for (size_t i = 0; i < N; i++) {
    weir_train_batch one = weir_train_batch_of(b.x + i * DIMS, 1);
    one.labels = &labels[i];
    float *part = gradients_of(&b, &one, &numbers);
    for (size_t k = 0; k < numbers; k++) sum[k] += (double)part[k] / N;
    loss += b.loss / N;
    free(part);
  }
  b.batch.labels = labels;
  float *all = gradients_of(&b, &b.batch, &numbers);
  EXPECT(fabs(b.loss - loss) <= 1e-6 * fabs(loss) && b.loss > plain_loss, text_of("%g, not %g", b.loss, loss));
  EXPECT(apart(all, sum, numbers) <= 1, text_of("%g of the tolerance", apart(all, sum, numbers)));
  free(plain), free(none), free(all), free(sum);
  weir_trainer_close(b.trainer);
  return bad;
}

static int refused(bench *b, const weir_train_batch *batch, weir_status wanted) {
  int bad = 0;
  weir_error error = {0};
  double loss = 7;
  weir_step_report report = {.struct_size = sizeof report, .step = 77};
  const uint64_t steps = weir_trainer_steps(b->trainer);
  EXPECT(weir_trainer_gradient_batch(b->trainer, batch, &loss, &error) == wanted && error_is(&error, wanted) && loss == 7,
         error.message);
  error = (weir_error){0};
  EXPECT(weir_trainer_step_batch(b->trainer, batch, 1e-3, &report, &error) == wanted && error_is(&error, wanted), error.message);
  EXPECT(report.step == 77 && weir_trainer_steps(b->trainer) == steps, "nothing has happened");
  return bad;
}

int test_batch_refusals(void) {
  int bad = 0;
  bench normal, mixture;
  if (!bench_make(&normal, TABLE(NORMAL)) || !bench_make(&mixture, TABLE(MIXTURE))) return 1;
  int32_t labels[N] = {0, 1, 2, 0, 1, 2, 3};
  normal.batch.labels = mixture.batch.labels = labels;
  bad += refused(&mixture, &mixture.batch, WEIR_ERROR_ARGUMENT) + refused(&normal, &normal.batch, WEIR_ERROR_UNSUPPORTED);
  labels[6] = -2;
  bad += refused(&mixture, &mixture.batch, WEIR_ERROR_ARGUMENT);
  normal.batch.labels = NULL;
  bad += refused(&normal, NULL, WEIR_ERROR_ARGUMENT);
  weir_train_batch batch = normal.batch;
  batch.x = NULL;
  bad += refused(&normal, &batch, WEIR_ERROR_ARGUMENT);
  batch = normal.batch;
  batch.struct_size = 0;
  bad += refused(&normal, &batch, WEIR_ERROR_ARGUMENT);
  batch = normal.batch;
  batch.negative_n = 2;
  bad += refused(&normal, &batch, WEIR_ERROR_ARGUMENT);
  batch = with_negative(&normal, normal.negative, M, NAN);
  bad += refused(&normal, &batch, WEIR_ERROR_ARGUMENT);
  batch = with_negative(&normal, normal.negative, M + 1, 0);
  bad += refused(&normal, &batch, WEIR_ERROR_SHAPE);
  batch.negative_n = SIZE_MAX;
  bad += refused(&normal, &batch, WEIR_ERROR_SHAPE);
  batch.n = 0;
  bad += refused(&normal, &batch, WEIR_ERROR_SHAPE);
  batch = with_negative(&normal, normal.negative, 0, 0);
  EXPECT(weir_trainer_step_batch(normal.trainer, &batch, 1e-3, NULL, NULL) == WEIR_OK, "no negative sample is allowed");
  weir_trainer_close(normal.trainer), weir_trainer_close(mixture.trainer);
  return bad;
}

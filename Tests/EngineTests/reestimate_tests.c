// Batch norm's population statistics.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

enum { BATCHES = 5, BATCH = 6, SIDE = 4, PIXELS = SIDE * SIDE };

// A checkerboard coupling whose first norm sees the image itself: the cells where row + column is odd, zeros elsewhere.
static const char spec[] =
    "{\"version\":1,\"input\":{\"shape\":[1,4,4],\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[{\"op\":"
    "\"coupling\","
    "\"transform\":\"affine\",\"mask\":{\"type\":\"checkerboard\"},\"net\":{\"type\":\"resnet\",\"channels\":5,\"blocks\":1,"
    "\"input_scale\":2}},"
    "{\"op\":\"coupling\",\"transform\":\"affine\",\"mask\":{\"type\":\"checkerboard\",\"reverse\":true},"
    "\"net\":{\"type\":\"resnet\",\"channels\":3,\"blocks\":2}}]}";

static weir_trainer *fresh(size_t batch) {
  weir_train_options options = weir_train_options_default();
  options.batch = batch;
  options.seed = 6;
  weir_trainer *trainer = NULL;
  weir_error error = {0};
  const weir_status status = weir_trainer_create(spec, &options, &trainer, &error);
  expect(status == WEIR_OK, __FILE__, __LINE__, "the trainer is made", error.message);
  return trainer;
}

static void image(size_t index, float *x) {
  for (size_t e = 0; e < PIXELS; e++) x[e] = 40 + 3 * sinf((float)(index * PIXELS + e) * 1.7f) + (float)(index % 4);
}

static float number_of(const weir_trainer *trainer, const char *name) {
  float values[64] = {NAN};
  weir_tensor_info info;
  for (size_t i = 0; i < weir_trainer_tensor_count(trainer); i++)
    if (weir_trainer_tensor_info(trainer, i, &info) == WEIR_OK && strcmp(info.name, name) == 0 && info.count <= 64)
      weir_trainer_tensor_read(trainer, i, WEIR_TENSOR_VALUE, values);
  return values[0];
}

// Batches of these sizes; the statistics must be those of all their images together.
static int pool(const size_t *sizes, size_t count, const char *detail) {
  int bad = 0;
  weir_trainer *trainer = fresh(BATCH);
  float x[BATCH * PIXELS];
  size_t index = 0;
  double sum = 0, square = 0;
  EXPECT(weir_trainer_reestimate_begin(trainer) == WEIR_OK, detail);
  for (size_t b = 0; b < count; b++) {
    for (size_t i = 0; i < sizes[b]; i++) {
      image(index++, x + i * PIXELS);
      for (size_t e = 0; e < PIXELS; e++) {
        const double seen = (e / SIDE + e % SIDE) % 2 == 1 ? x[i * PIXELS + e] : 0;
        sum += seen;
        square += seen * seen;
      }
    }
    EXPECT(weir_trainer_reestimate_add(trainer, x, sizes[b]) == WEIR_OK, detail);
  }
  EXPECT(weir_trainer_reestimate_end(trainer) == WEIR_OK, detail);
  const double total = (double)(index * PIXELS), mean = sum / total, variance = square / total - mean * mean;
  const double got_mean = number_of(trainer, "steps.0.net.in_norm.mean"),
               got_variance = number_of(trainer, "steps.0.net.in_norm.variance");
  EXPECT(fabs(got_mean - mean) <= 1e-6 * mean, text_of("%s: mean %.9g, not %.9g", detail, got_mean, mean));
  EXPECT(fabs(got_variance - variance) <= 1e-6 * variance, text_of("%s: variance %.9g, not %.9g", detail, got_variance, variance));
  weir_trainer_close(trainer);
  return bad;
}

int test_reestimate_first_norm(void) {
  static const size_t even[] = {BATCH, BATCH, BATCH, BATCH}, one[] = {3}, uneven[] = {BATCH, BATCH, 2};
  return pool(even, 4, "even batches") + pool(one, 1, "one batch") + pool(uneven, 3, "a smaller last batch");
}

// After re-estimation over one batch, scoring that batch normalises by the very statistics that training normalises it by.
int test_reestimate_all_norms(void) {
  int bad = 0;
  double worst = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    folder f;
    if (!golden_open(&g, *name) || !folder_make(&f)) return bad + 1;
    const weir_train_options options = train_options(&g);
    weir_trainer *trainer = golden_trainer(&g, &options);
    double loss = NAN, sum = 0, *scores = malloc(g.n * sizeof *scores);
    for (size_t i = 0; i < 3; i++) weir_trainer_step(trainer, g.x, g.n, 1e-3, NULL, NULL);
    EXPECT(weir_trainer_gradient(trainer, g.x, g.n, &loss, NULL) == WEIR_OK, *name);
    EXPECT(weir_trainer_reestimate_begin(trainer) == WEIR_OK && weir_trainer_reestimate_add(trainer, g.x, g.n) == WEIR_OK &&
               weir_trainer_reestimate_end(trainer) == WEIR_OK,
           *name);
    EXPECT(weir_trainer_save_model(trainer, folder_file(&f, "model"), NULL, NULL) == WEIR_OK, *name);
    weir_model *model = NULL;
    EXPECT(weir_model_open(folder_file(&f, "model"), NULL, &model, NULL) == WEIR_OK, *name);
    const weir_session_options session_options = weir_session_options_default();
    desk d = desk_make(model, &session_options);
    EXPECT(weir_score(d.session, g.x, g.n, scores) == WEIR_OK, *name);
    for (size_t i = 0; i < g.n; i++) sum -= scores[i];
    const double part = fabs(sum / (double)g.n - loss) / (2e-3 * (double)g.dims / 1000);
    EXPECT(part <= 1, text_of("%s: loss %.10g in training, %.10g in scoring", *name, loss, sum / (double)g.n));
    worst = fmax(worst, part);
    free(scores);
    desk_free(&d);
    weir_model_close(model);
    weir_trainer_close(trainer);
    folder_remove(&f);
    golden_close(&g);
  }
  note("at worst %.2f of the tolerance", worst);
  return bad;
}

int test_reestimate_refusals(void) {
  int bad = 0;
  float x[BATCH * PIXELS];
  for (size_t i = 0; i < BATCH; i++) image(i, x + i * PIXELS);
  weir_trainer *trainer = fresh(BATCH), *other = fresh(BATCH);
  EXPECT(weir_trainer_reestimate_add(trainer, x, BATCH) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_reestimate_end(trainer) == WEIR_ERROR_ARGUMENT,
         "nothing was begun");
  EXPECT(weir_trainer_reestimate_begin(NULL) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_reestimate_add(NULL, x, 2) == WEIR_ERROR_ARGUMENT &&
             weir_trainer_reestimate_end(NULL) == WEIR_ERROR_ARGUMENT,
         "no trainer");
  EXPECT(weir_trainer_reestimate_begin(trainer) == WEIR_OK && weir_trainer_reestimate_end(trainer) == WEIR_OK &&
             same_values(trainer, other),
         "without a batch nothing changes");
  EXPECT(weir_trainer_reestimate_begin(trainer) == WEIR_OK, "");
  EXPECT(weir_trainer_reestimate_add(trainer, NULL, 2) == WEIR_ERROR_ARGUMENT, "no batch");
  EXPECT(weir_trainer_reestimate_add(trainer, x, 0) != WEIR_OK &&
             weir_trainer_reestimate_add(trainer, x, BATCH + 1) == WEIR_ERROR_SHAPE,
         "sizes");
  x[7] = NAN;
  EXPECT(weir_trainer_reestimate_add(trainer, x, BATCH) == WEIR_ERROR_NUMERIC, "NaN");
  (void)weir_trainer_reestimate_end(trainer);
  size_t count;
  float *values = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  EXPECT(all_finite(values, count), "NaN never becomes a statistic");
  free(values);
  // Afterwards training goes on.
  image(0, x);
  weir_step_report report = {.struct_size = sizeof report};
  EXPECT(weir_trainer_step(trainer, x, BATCH, 1e-3, &report, NULL) == WEIR_OK && report.skipped == 0, "");
  weir_trainer_close(trainer), weir_trainer_close(other);
  return bad;
}

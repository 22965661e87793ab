// Steps by themselves, at sizes that goldens don't have: there and back, the same bits however they are computed, gradients against
// differences, and actnorm's start from data.
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine_tests.h"
#include "kernels/gemm/gemm_blas.h"

#define RESNET "\"net\":{\"type\":\"resnet\",\"channels\":5,\"blocks\":1}"
#define COUPLED(mask) "{\"op\":\"coupling\",\"mask\":{" mask "}," RESNET "}"
#define TILED(factor, from, to) COUPLED("\"type\":\"sub_quadrant\",\"factor\":" factor ",\"from\":" from ",\"to\":" to)
#define CENTRED(margin, reverse) COUPLED("\"type\":\"centre\",\"margin\":" margin ",\"reverse\":" reverse)

typedef struct step_case {
  const char *shape, *steps;
} step_case;

static const step_case cases[] = {
    {"[5,4,3]", "{\"op\":\"actnorm\"}"},
    {"[70]", "{\"op\":\"actnorm\"}"},
    {"[37,3,5]", "{\"op\":\"conv1x1\"}"},
    {"[16,1,9]", "{\"op\":\"conv1x1\"}"},
    {"[1,4,4]", "{\"op\":\"conv1x1\"}"},
    {"[70]", "{\"op\":\"conv1x1\"}"},
    {"[70]", "{\"op\":\"rotation\"}"},
    {"[5,3,2]", "{\"op\":\"permute\",\"order\":[4,2,0,1,3]},{\"op\":\"reverse\"}"},
    {"[2,8,12]", TILED("2", "0", "1") "," TILED("4", "3", "0")},
    {"[1,9,6]", TILED("3", "2", "1")},
    {"[2,9,7]", CENTRED("3", "false") "," CENTRED("1", "true")},
    {"[6,4,4]",
     "{\"op\":\"actnorm\"},{\"op\":\"conv1x1\"}," COUPLED("\"type\":\"channel\",\"reverse\":true") ",{\"op\":\"reverse\"}"},
};

enum { CASES = sizeof cases / sizeof cases[0], SAMPLES = 67, BATCH = 3 };

static const char *spec_of(const step_case *c) {
  static char spec[2048];
  snprintf(spec, sizeof spec,
           "{\"version\":1,\"input\":{\"shape\":%s,\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[%s]}",
           c->shape, c->steps);
  return spec;
}

static float *samples_of(size_t n, size_t dims) {
  float *x = malloc(n * dims * sizeof *x);
  for (size_t i = 0; i < n; i++) weir_i_random_normal(3, 77, i, x + i * dims, dims);
  return x;
}

// Latents, log-dets, and what inverting gives back, as one array of bytes.
typedef struct journey {
  float *z, *x;
  double *there, *back;
} journey;

static journey travel(const weir_model *model, const float *x, size_t dims, size_t batch, size_t threads) {
  journey j = {malloc(SAMPLES * dims * sizeof(float)), malloc(SAMPLES * dims * sizeof(float)), calloc(SAMPLES, sizeof(double)),
               calloc(SAMPLES, sizeof(double))};
  weir_session_options options = weir_session_options_default();
  options.batch = batch;
  options.threads = threads;
  desk d = desk_make(model, &options);
  bool fine = d.session != NULL;
  for (size_t i = 0; fine && i < SAMPLES; i += batch) {
    const size_t n = SAMPLES - i < batch ? SAMPLES - i : batch;
    fine = weir_forward(d.session, x + i * dims, n, j.z + i * dims, j.there + i) == WEIR_OK &&
           weir_inverse(d.session, j.z + i * dims, n, j.x + i * dims, j.back + i) == WEIR_OK;
  }
  expect(fine, __FILE__, __LINE__, "every call succeeds", text_of("batch %zu, %zu threads", batch, threads));
  desk_free(&d);
  return j;
}

static void journey_free(journey *j) { free(j->z), free(j->x), free(j->there), free(j->back); }

static bool same(const journey *a, const journey *b, size_t dims) {
  return memcmp(a->z, b->z, SAMPLES * dims * sizeof *a->z) == 0 && memcmp(a->x, b->x, SAMPLES * dims * sizeof *a->x) == 0 &&
         memcmp(a->there, b->there, SAMPLES * sizeof *a->there) == 0 && memcmp(a->back, b->back, SAMPLES * sizeof *a->back) == 0;
}

int test_steps_there_and_back(void) {
  int bad = 0;
  double furthest = 0, most = 0;
  for (const char *const *isa = tested_isas(); *isa != NULL; isa++) {
    use_isa(*isa);
    for (size_t c = 0; c < CASES; c++) {
      weir_model *model = model_of_spec(spec_of(&cases[c]), c);
      weir_model_info info;
      weir_model_get_info(model, &info);
      float *x = samples_of(SAMPLES, info.dims);
      journey alone = travel(model, x, info.dims, 1, 1);
      const char *detail = text_of("%s on %s, %s", cases[c].steps, cases[c].shape, *isa);
      for (size_t i = 0; i < SAMPLES; i++) {
        const double logdet = fabs(alone.there[i] + alone.back[i]) * 1000 / (double)info.dims;
        EXPECT(logdet <= 1e-3, text_of("%s: log-dets sum to %g", detail, alone.there[i] + alone.back[i]));
        most = fmax(most, logdet);
        for (size_t e = 0; e < info.dims; e++) {
          const double off = fabs((double)alone.x[i * info.dims + e] - (double)x[i * info.dims + e]);
          EXPECT(off <= 1e-4 * 8, detail);  // of a range of about 8
          furthest = fmax(furthest, off);
        }
      }
      static const size_t batches[] = {3, 64, SAMPLES}, threads[] = {1, 2, 3};
      for (size_t b = 0; b < 9; b++) {
        journey together = travel(model, x, info.dims, batches[b / 3], threads[b % 3]);
        EXPECT(same(&together, &alone, info.dims), text_of("%s: batch %zu, %zu threads", detail, batches[b / 3], threads[b % 3]));
        journey_free(&together);
      }
      journey_free(&alone);
      free(x);
      weir_model_close(model);
    }
  }
  use_isa(NULL);
  note("back within %.2g, log-dets within %.2g nats per 1000 dims", furthest, most);
  return bad;
}

// A trainer of random weights, after its start from data, which would overwrite them.
static weir_trainer *trainer_of(const step_case *c, const weir_train_options *options) {
  const char *spec = spec_of(c);
  weir_trainer *trainer = NULL;
  weir_error error = {0};
  const weir_status status = weir_trainer_create(spec, options, &trainer, &error);
  expect(status == WEIR_OK, __FILE__, __LINE__, "the trainer is made", text_of("%s: %s: %s", c->steps, error.where, error.message));
  if (status != WEIR_OK) return NULL;
  model_parts parts = parts_of_spec(spec, 5);
  float *x = samples_of(BATCH, weir_trainer_dims(trainer));
  weir_trainer_gradient(trainer, x, BATCH, NULL, NULL);
  free(x);
  for (size_t i = 0; i < parts.count; i++) weir_trainer_tensor_write(trainer, i, parts.items[i].data);
  parts_free(&parts);
  return trainer;
}

// Steps without rectifiers bend smoothly, so four points give a slope whose error is rounding noise and little else.
static int check_slope(const step_case *c, weir_trainer *trainer, const float *x, size_t index, double *worst) {
  int bad = 0;
  weir_tensor_info info;
  weir_trainer_tensor_info(trainer, index, &info);
  if (!info.trainable) return 0;
  float *values = malloc(info.count * sizeof *values), *gradient = malloc(info.count * sizeof *gradient),
        *direction = malloc(info.count * sizeof *direction);
  double loss, slope = 0, length = 0, square = 0;
  weir_trainer_tensor_read(trainer, index, WEIR_TENSOR_VALUE, values);
  weir_trainer_gradient(trainer, x, BATCH, &loss, NULL);
  weir_trainer_tensor_read(trainer, index, WEIR_TENSOR_GRADIENT, gradient);
  weir_i_random_normal(11, 77, index, direction, info.count);
  for (size_t i = 0; i < info.count; i++) {
    slope += (double)gradient[i] * direction[i];
    length += (double)direction[i] * direction[i];
    square += (double)gradient[i] * gradient[i];
  }
  const float h = (float)(0.02 / sqrt(length));
  const weir_train_batch batch = weir_train_batch_of(x, BATCH);
  double moved[4];
  for (int i = 0; i < 4; i++)
    moved[i] = moved_loss(trainer, &batch, index, values, direction, info.count, h * (float)(i < 2 ? i - 2 : i - 1));
  const double measured = (moved[0] - 8 * moved[1] + 8 * moved[2] - moved[3]) / (12 * h);
  const double allowed = 0.5 * FLT_EPSILON * (fabs(loss) + 1) / h + 1e-6 * sqrt(square * length);
  const double part = fabs(slope - measured) / allowed;
  EXPECT(part <= 1, text_of("%s: %s: a slope of %g, not %g; %.3g of the tolerance", c->steps, info.name, slope, measured, part));
  *worst = fmax(*worst, part);
  free(values), free(gradient), free(direction);
  return bad;
}

int test_gradients_of_steps(void) {
  int bad = 0;
  double worst = 0;
  for (size_t c = 0; c < CASES; c++) {
    if (strstr(cases[c].steps, "coupling") != NULL) continue;  // rectifiers: the nets' own tests and the goldens
    if (strstr(cases[c].steps, "conv1x1") != NULL && !weir_i_blas_present()) continue;
    weir_train_options options = weir_train_options_default();
    options.batch = BATCH;
    weir_trainer *trainer = trainer_of(&cases[c], &options);
    if (trainer == NULL) return bad + 1;
    float *x = samples_of(BATCH, weir_trainer_dims(trainer));
    for (size_t t = 0; t < weir_trainer_tensor_count(trainer); t++) bad += check_slope(&cases[c], trainer, x, t, &worst);
    free(x);
    weir_trainer_close(trainer);
  }
  note("at worst %.2f of the tolerance", worst);
  return bad;
}

// Gradients of all tensors; the last is the loss.
static float *gradients_of(const step_case *c, size_t threads, size_t batch, size_t *count) {
  weir_train_options options = weir_train_options_default();
  options.batch = batch;
  options.threads = threads;
  weir_trainer *trainer = trainer_of(c, &options);
  if (trainer == NULL) return NULL;
  float *x = samples_of(BATCH, weir_trainer_dims(trainer));
  double loss = NAN;
  weir_trainer_gradient(trainer, x, BATCH, &loss, NULL);
  float *gradients = trainer_numbers(trainer, WEIR_TENSOR_GRADIENT, count);  // has room for one more
  gradients[(*count)++] = (float)loss;
  free(x);
  weir_trainer_close(trainer);
  return gradients;
}

int test_step_gradients_on_any_threads(void) {
  int bad = 0;
  for (size_t c = 0; c < CASES; c++) {
    if (strstr(cases[c].steps, "conv1x1") != NULL && !weir_i_blas_present()) continue;
    size_t count, other;
    float *alone = gradients_of(&cases[c], 1, BATCH, &count);
    for (size_t threads = 2; threads <= 4; threads++) {
      float *together = gradients_of(&cases[c], threads, threads == 4 ? 7 : BATCH, &other);
      EXPECT(alone != NULL && together != NULL && count == other && memcmp(alone, together, count * sizeof *alone) == 0,
             text_of("%s on %s: %zu threads", cases[c].steps, cases[c].shape, threads));
      free(together);
    }
    free(alone);
  }
  return bad;
}

// After the first batch, an actnorm gives mean 0 and variance 1 on it, whatever came before.
int test_actnorm_starts_from_data(void) {
  int bad = 0;
  static const step_case c = {"[4,3,3]", "{\"op\":\"affine\"},{\"op\":\"actnorm\"},{\"op\":\"reverse\"},{\"op\":\"actnorm\"}"};
  enum { C = 4, PIXELS = 9, DIMS = 36, N = 20 };
  weir_train_options options = weir_train_options_default();
  options.batch = N;
  weir_trainer *trainer = NULL;
  EXPECT(weir_trainer_create(spec_of(&c), &options, &trainer, NULL) == WEIR_OK, "");
  float *x = samples_of(N, DIMS);
  for (size_t e = 0; e < N * DIMS; e++) {
    const size_t channel = e / PIXELS % C;
    x[e] = channel == 3 ? 2.5f : (float)(channel + 1) * x[e] + 100 * (float)channel;  // the last says the same of all
  }
  EXPECT(weir_trainer_step(trainer, x, N, 0, NULL, NULL) == WEIR_OK, "");
  size_t count;
  float *values = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
  EXPECT(count == 6 * C, "mean, scale, bias, log_scale, bias, log_scale");
  const float *bias = values + 2 * C, *log_scale = values + 3 * C, *second = values + 4 * C;
  for (size_t channel = 0; channel < C; channel++) {
    double mean = 0, square = 0;
    for (size_t i = 0; i < N; i++)
      for (size_t p = 0; p < PIXELS; p++) mean += (double)x[i * DIMS + channel * PIXELS + p] / (N * PIXELS);
    for (size_t i = 0; i < N; i++)
      for (size_t p = 0; p < PIXELS; p++) square += pow((double)x[i * DIMS + channel * PIXELS + p] - mean, 2) / (N * PIXELS);
    const double expected = -log(sqrt(square) + 1e-6);
    EXPECT(fabs((double)bias[channel] + mean) <= 1e-6 * (1 + fabs(mean)), text_of("%g, not %g", (double)bias[channel], -mean));
    EXPECT(fabs((double)log_scale[channel] - expected) <= 1e-5, text_of("%g, not %g", (double)log_scale[channel], expected));
    // The second has nothing left to do, but for the channel that says nothing.
    EXPECT(fabsf(second[channel]) <= 1e-4f, text_of("%g", (double)second[channel]));
    if (channel != 0) EXPECT(fabsf(second[C + channel]) <= 1e-4f, text_of("%g", (double)second[C + channel]));
  }
  EXPECT(fabs((double)second[C] - -log(1e-6)) <= 1e-3, text_of("%g", (double)second[C]));
  free(values), free(x);
  weir_trainer_close(trainer);
  return bad;
}

// Convolutions by Winograd inside flows: samples that go in several chunks, and nets of which scoring computes a part.
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine_tests.h"
#include "model/model.h"

enum { THREADS = 3 };

static float *normals(size_t n, size_t dims) {
  float *x = malloc(n * dims * sizeof *x);
  for (size_t i = 0; i < n; i++) weir_i_random_normal(3, 77, i, x + i * dims, dims);
  return x;
}

typedef struct description {
  char text[1024];
} description;

// Two couplings, so that the second one's input depends on the first.
static description spec_of(const char *shape, const char *mask, const char *other_mask, const char *net) {
  description spec;
  snprintf(spec.text, sizeof spec.text,
           "{\"version\":1,\"input\":{\"shape\":%s,\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":["
           "{\"op\":\"coupling\",\"mask\":{%s},\"net\":{%s}},{\"op\":\"coupling\",\"mask\":{%s},\"net\":{%s}}]}",
           shape, mask, net, other_mask, net);
  return spec;
}

static int on_every_isa(int (*check)(const char *isa)) {
  int bad = 0;
  for (const char *const *isa = tested_isas(); *isa != NULL; isa++) {
    use_isa(*isa);
    bad += check(*isa);
  }
  use_isa(NULL);
  return bad;
}

// --------------------------------------------------------------------------------------------------------------- Chunks

// A group of a session, in maps of which a chunk holds 5; 3 are left for another.
enum { SAMPLES = 8, HEIGHT = 17, WIDTH = 18, DIMS = HEIGHT * WIDTH };

static bool takes_several_chunks(void) {
  const weir_winograd_grid grid = {HEIGHT, WIDTH, weir_i_region_whole(HEIGHT, WIDTH), 1};
  const size_t chunk = weir_i_winograd_chunk(weir_i_winograd_tiles(&grid), SAMPLES);
  return chunk > 1 && SAMPLES % chunk != 0;
}

static description chunks_spec(const char *batch_norm) {
  return spec_of("[1,17,18]", "\"type\":\"checkerboard\"", "\"type\":\"checkerboard\",\"reverse\":true",
                 text_of("\"type\":\"resnet\",\"channels\":9,\"blocks\":2,\"batch_norm\":%s", batch_norm));
}

static void score(const weir_model *model, size_t batch, size_t threads, const float *x, double *scores) {
  weir_session_options options = weir_session_options_default();
  options.batch = batch;
  options.threads = threads;
  desk d = desk_make(model, &options);
  for (size_t i = 0; i < SAMPLES; i += batch)
    expect(weir_score(d.session, x + i * DIMS, batch, scores + i) == WEIR_OK, __FILE__, __LINE__, "scores",
           text_of("batch %zu, %zu threads", batch, threads));
  desk_free(&d);
}

static int check_chunk_scores(const char *isa) {
  int bad = 0;
  EXPECT(takes_several_chunks(), "choose other sizes");
  const description spec = chunks_spec("true");
  weir_model *model = model_of_spec(spec.text, 5);
  if (model == NULL) return bad + 1;
  float *x = normals(SAMPLES, DIMS);
  double alone[SAMPLES], together[SAMPLES];
  score(model, 1, 1, x, alone);
  for (size_t i = 0; i < SAMPLES; i++) EXPECT(isfinite(alone[i]), text_of("sample %zu on %s", i, isa));
  for (size_t threads = 1; threads <= THREADS; threads++) {
    memset(together, 0, sizeof together);
    score(model, SAMPLES, threads, x, together);
    EXPECT(memcmp(alone, together, sizeof alone) == 0, text_of("%zu threads on %s", threads, isa));
  }
  free(x);
  weir_model_close(model);
  return bad;
}

int test_winograd_chunk_scores(void) { return on_every_isa(check_chunk_scores); }

static weir_trainer *chunks_trainer(const char *batch_norm, size_t threads) {
  weir_train_options options = weir_train_options_default();
  options.batch = SAMPLES;
  options.threads = threads;
  const description spec = chunks_spec(batch_norm);
  return spec_trainer(spec.text, 5, &options);
}

/// All gradients of n samples, free() them; NULL, with a failed check printed, when there are none.
static float *gradients(weir_trainer *trainer, const float *x, size_t n, size_t *count) {
  double loss = NAN;
  if (trainer == NULL) return NULL;
  const bool fine = weir_trainer_gradient(trainer, x, n, &loss, NULL) == WEIR_OK && isfinite(loss);
  expect(fine, __FILE__, __LINE__, "the gradient is computed", text_of("%zu samples, loss %g", n, loss));
  return trainer_numbers(trainer, WEIR_TENSOR_GRADIENT, count);
}

static int check_chunk_threads(const char *isa, const char *batch_norm) {
  int bad = 0;
  float *x = normals(SAMPLES, DIMS), *one = NULL;
  size_t count = 0, many_count = 0;
  for (size_t threads = 1; threads <= THREADS; threads++) {
    weir_trainer *trainer = chunks_trainer(batch_norm, threads);
    float *many = gradients(trainer, x, SAMPLES, threads == 1 ? &count : &many_count);
    weir_trainer_close(trainer);
    if (threads == 1) {
      one = many;
      EXPECT(one != NULL, isa);
      continue;
    }
    EXPECT(one != NULL && many != NULL && count == many_count && memcmp(one, many, count * sizeof *one) == 0,
           text_of("%zu threads on %s", threads, isa));
    free(many);
  }
  free(x), free(one);
  return bad;
}

static double worst_sum;

// The loss is a mean over the samples, and without batch norm none of them knows of the others.
static int check_chunk_gradients(const char *isa) {
  int bad = check_chunk_threads(isa, "true") + check_chunk_threads(isa, "false");
  weir_trainer *trainer = chunks_trainer("false", 1);
  if (trainer == NULL) return bad + 1;
  float *x = normals(SAMPLES, DIMS);
  size_t count = 0;
  float *together = gradients(trainer, x, SAMPLES, &count);
  double *sum = calloc(count + 1, sizeof *sum), off = 0, square = 0;
  for (size_t i = 0; i < SAMPLES; i++) {
    float *alone = gradients(trainer, x + i * DIMS, 1, &count);
    for (size_t k = 0; k < count; k++) sum[k] += (double)alone[k] / SAMPLES;
    free(alone);
  }
  for (size_t k = 0; k < count; k++) {
    off += (together[k] - sum[k]) * (together[k] - sum[k]);
    square += sum[k] * sum[k];
  }
  const double part = sqrt(off / square) / FLT_EPSILON;
  worst_sum = fmax(worst_sum, part);
  EXPECT(square > 0 && part <= 8, text_of("%g of float32's epsilon on %s", part, isa));
  free(x), free(together), free(sum);
  weir_trainer_close(trainer);
  return bad;
}

int test_winograd_chunk_gradients(void) {
  worst_sum = 0;
  const int bad = on_every_isa(check_chunk_gradients);
  note("sums over samples at worst %.2f of float32's epsilon from the batch's", worst_sum);
  return bad;
}

// -------------------------------------------------------------------------------------------------------- Narrowed nets

enum { BATCH = 3, SIDE = 12, PIXELS = SIDE * SIDE };

static const char *const masks[][2] = {
    {"\"type\":\"vertical\"", "\"type\":\"vertical\",\"reverse\":true"},
    {"\"type\":\"centre\",\"margin\":3", "\"type\":\"centre\",\"margin\":4"},
    {"\"type\":\"cycle\",\"from\":0,\"to\":1", "\"type\":\"cycle\",\"from\":1,\"to\":2"},
    {"\"type\":\"sub_quadrant\",\"from\":0,\"to\":3,\"factor\":2", "\"type\":\"sub_quadrant\",\"from\":3,\"to\":1,\"factor\":2"},
};
static const char *const nets[] = {
    "\"type\":\"resnet\",\"channels\":9,\"blocks\":2",
    "\"type\":\"convnet\",\"channels\":18,\"blocks\":2",
    "\"type\":\"glow\",\"channels\":9",
};

/// Layers that compute a part of their map, in all nets of the flow.
static size_t narrowed_layers(const weir_flow *flow) {
  size_t narrowed = 0;
  for (size_t i = 0; i < flow->step_count; i++) {
    const weir_net *net = flow->steps[i].type->net(&flow->steps[i]);
    for (size_t k = 0; k < net->layer_count; k++) {
      const weir_map map = net->values[net->layers[k].output].map;
      narrowed += !weir_i_region_is_whole(net->layers[k].region, map.h, map.w);
    }
  }
  return narrowed;
}

static void widen(weir_flow *flow) {
  for (size_t i = 0; i < flow->step_count; i++) {
    weir_net *net = (weir_net *)flow->steps[i].type->net(&flow->steps[i]);
    const weir_map output = net->values[WEIR_VALUE_OUTPUT].map;
    weir_i_net_narrow(net, weir_i_region_whole(output.h, output.w));
  }
}

/// Scores by a session whose memory held `byte` everywhere.
static bool score_over(const weir_model *model, int32_t precision, int byte, const float *x, double *scores) {
  weir_session_options options = weir_session_options_default();
  options.batch = BATCH;
  options.precision = precision;
  size_t bytes = 0;
  if (weir_session_size(model, &options, &bytes) != WEIR_OK) return false;
  void *memory = malloc(bytes);
  memset(memory, byte, bytes);
  weir_session *session = NULL;
  const bool fine =
      weir_session_init(model, &options, memory, bytes, &session) == WEIR_OK && weir_score(session, x, BATCH, scores) == WEIR_OK;
  free(memory);
  return fine;
}

static double worst_narrow;

static int check_narrowed(const char *isa, const char *spec, const float *x) {
  int bad = 0;
  weir_model *narrow = model_of_spec(spec, 5), *wide = model_of_spec(spec, 5);
  if (narrow == NULL || wide == NULL) return 1;
  EXPECT(narrowed_layers(&narrow->flow) > 2, spec);
  widen(&wide->flow);
  EXPECT(narrowed_layers(&wide->flow) == 0, spec);
  double scores[BATCH], over_nan[BATCH], expected[BATCH];
  EXPECT(score_over(wide, WEIR_PRECISION_F32, 0, x, expected), spec);
  for (int32_t precision = WEIR_PRECISION_BF16; precision >= WEIR_PRECISION_F32; precision--) {
    EXPECT(score_over(narrow, precision, 0, x, scores) && score_over(narrow, precision, 0xFF, x, over_nan), spec);
    EXPECT(memcmp(scores, over_nan, sizeof scores) == 0, text_of("precision %d on %s: %s", (int)precision, isa, spec));
  }
  for (size_t i = 0; i < BATCH; i++) {
    const double part = fabs(scores[i] - expected[i]) / (FLT_EPSILON * (PIXELS + fabs(expected[i])));
    worst_narrow = fmax(worst_narrow, part);
    EXPECT(part <= 1, text_of("%.9g, not %.9g, on %s: %s", scores[i], expected[i], isa, spec));
  }
  weir_model_close(narrow), weir_model_close(wide);
  return bad;
}

static int check_narrowed_nets(const char *isa) {
  int bad = 0;
  float *x = normals(BATCH, PIXELS);
  for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++)
    for (size_t n = 0; n < sizeof nets / sizeof nets[0]; n++) {
      const description spec = spec_of("[1,12,12]", masks[m][0], masks[m][1], nets[n]);
      bad += check_narrowed(isa, spec.text, x);
    }
  free(x);
  return bad;
}

int test_winograd_narrowed_nets(void) {
  worst_narrow = 0;
  const int bad = on_every_isa(check_narrowed_nets);
  note("at worst %.2f of the tolerance", worst_narrow);
  return bad;
}

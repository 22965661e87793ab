// Dequantization noise: none but the midpoint by default, else by seed and the sample's index alone; samples; uint8 images.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

enum { BATCH = 6 };

static desk desk_with(const weir_model *model, int32_t noise, uint64_t seed, size_t draws) {
  weir_session_options options = weir_session_options_default();
  options.batch = BATCH;
  options.noise = noise;
  options.seed = seed;
  options.draws = draws;
  return desk_make(model, &options);
}

typedef struct image_case {
  golden g;
  weir_model *model;
  float *x;  // [BATCH][dims], integers
} image_case;

static image_case open_image_case(void) {
  image_case c = {0};
  if (!golden_open(&c.g, "multiscale")) exit(2);
  c.model = golden_model(&c.g);
  c.x = more_samples(&c.g, BATCH);
  for (size_t i = 0; i < BATCH * c.g.dims; i++) c.x[i] = roundf(c.x[i]);
  return c;
}

static void close_image_case(image_case *c) {
  free(c->x);
  weir_model_close(c->model);
  golden_close(&c->g);
}

int test_noise_follows_the_index(void) {
  int bad = 0;
  image_case c = open_image_case();
  const size_t dims = c.g.dims;
  double all[BATCH], one[BATCH], other[BATCH];
  desk d = desk_with(c.model, WEIR_NOISE_SEED, 11, 1);
  EXPECT(weir_score(d.session, c.x, BATCH, all) == WEIR_OK, "");
  // One by one the index advances by itself; with seek the order is free.
  EXPECT(weir_session_seek(d.session, 0) == WEIR_OK, "");
  for (size_t i = 0; i < BATCH; i++) weir_score(d.session, c.x + i * dims, 1, &one[i]);
  EXPECT(memcmp(all, one, sizeof all) == 0, "one by one");
  for (size_t i = BATCH; i-- > 0;) {
    weir_session_seek(d.session, i);
    weir_score(d.session, c.x + i * dims, 1, &one[i]);
  }
  EXPECT(memcmp(all, one, sizeof all) == 0, "with seek, the last first");
  // A call that fails does not advance it, one that succeeds does, forward too.
  float *z = malloc(BATCH * dims * sizeof *z), *x = malloc(BATCH * dims * sizeof *x);
  weir_session_seek(d.session, 0);
  EXPECT(weir_score(d.session, c.x, BATCH + 1, other) == WEIR_ERROR_SHAPE, "");
  EXPECT(weir_forward(d.session, c.x, 2, z, NULL) == WEIR_OK, "");
  EXPECT(weir_score(d.session, c.x + 2 * dims, 4, other) == WEIR_OK && memcmp(other, all + 2, 4 * sizeof *all) == 0,
         "after a forward of two");
  // The same noise taken away again gives the integers back.
  weir_session_seek(d.session, 1000);
  EXPECT(weir_forward(d.session, c.x, BATCH, z, NULL) == WEIR_OK, "");
  weir_session_seek(d.session, 1000);
  EXPECT(weir_inverse(d.session, z, BATCH, x, NULL) == WEIR_OK, "");
  for (size_t i = 0; i < BATCH * dims; i++)
    EXPECT(fabsf(x[i] - c.x[i]) < 1e-4f * 255, text_of("%g for %g", (double)x[i], (double)c.x[i]));
  // Other seeds and other indexes are other noise, and far indexes are as good as near ones.
  weir_session_seek(d.session, UINT64_MAX - 3);
  EXPECT(weir_score(d.session, c.x, BATCH, other) == WEIR_OK, "past the last index");
  for (size_t i = 0; i < BATCH; i++) EXPECT(isfinite(other[i]) && other[i] != all[i], "other indexes, other noise");
  desk_free(&d);
  d = desk_with(c.model, WEIR_NOISE_SEED, 12, 1);
  EXPECT(weir_score(d.session, c.x, BATCH, other) == WEIR_OK, "");
  for (size_t i = 0; i < BATCH; i++) EXPECT(other[i] != all[i], "another seed, other noise");
  desk_free(&d);
  free(z), free(x);
  close_image_case(&c);
  return bad;
}

int test_noise_average(void) {
  int bad = 0;
  image_case c = open_image_case();
  enum { DRAWS = 9 };
  double seeded[BATCH], averages[DRAWS + 1][BATCH];
  desk d = desk_with(c.model, WEIR_NOISE_SEED, 5, 1);
  EXPECT(weir_score(d.session, c.x, BATCH, seeded) == WEIR_OK, "");
  desk_free(&d);
  for (size_t k = 1; k <= DRAWS; k++) {
    d = desk_with(c.model, WEIR_NOISE_AVERAGE, 5, k);
    EXPECT(weir_score(d.session, c.x, BATCH, averages[k]) == WEIR_OK, "");
    desk_free(&d);
  }
  for (size_t i = 0; i < BATCH; i++) {
    EXPECT(averages[1][i] == seeded[i], "one draw is the seeded score");
    // K exp(average_K) is a sum over draws, so the K-th draw is what it grew by: at least 0, and of the size of the others.
    double sum = exp(averages[1][i] - seeded[i]);
    for (size_t k = 2; k <= DRAWS; k++) {
      const double next = (double)k * exp(averages[k][i] - seeded[i]), draw = next - sum;
      EXPECT(draw >= -1e-9 * sum && isfinite(draw), text_of("sample %zu, draw %zu weighs %g", i, k, draw));
      EXPECT(averages[k][i] >= averages[k - 1][i] + log((double)(k - 1) / (double)k) - 1e-9, "a draw takes nothing away");
      sum = next;
    }
    EXPECT(averages[DRAWS][i] != averages[1][i], "draws differ");
  }
  // The index counts samples, not draws; and each draw's noise goes by the index.
  double later[BATCH], one;
  d = desk_with(c.model, WEIR_NOISE_AVERAGE, 5, DRAWS);
  EXPECT(weir_score(d.session, c.x, 4, later) == WEIR_OK && weir_score(d.session, c.x + 4 * c.g.dims, 2, later + 4) == WEIR_OK, "");
  EXPECT(memcmp(later, averages[DRAWS], sizeof later) == 0, "in two calls");
  weir_session_seek(d.session, 3);
  EXPECT(weir_score(d.session, c.x + 3 * c.g.dims, 1, &one) == WEIR_OK && one == averages[DRAWS][3], "with seek");
  desk_free(&d);
  close_image_case(&c);
  return bad;
}

// Averages over draws are right when they are as good as averages over seeds, which are independent draws too: both estimate log P.
int test_noise_midpoint(void) {
  int bad = 0;
  image_case c = open_image_case();
  double first[BATCH], second[BATCH];
  desk d = desk_with(c.model, WEIR_NOISE_MIDPOINT, 1, 1), other = desk_with(c.model, WEIR_NOISE_MIDPOINT, 999, 7);
  EXPECT(weir_score(d.session, c.x, BATCH, first) == WEIR_OK, "");
  weir_session_seek(other.session, 12345);
  EXPECT(weir_score(other.session, c.x, BATCH, second) == WEIR_OK, "");
  EXPECT(memcmp(first, second, sizeof first) == 0, "neither seed, index nor draws matter");
  desk_free(&d);
  desk_free(&other);
  // Uniform noise spreads the scores around the midpoint's, a few nats for these images.
  enum { SEEDS = 200 };
  double sum[BATCH] = {0};
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    d = desk_with(c.model, WEIR_NOISE_SEED, seed, 1);
    weir_score(d.session, c.x, BATCH, second);
    for (size_t i = 0; i < BATCH; i++) sum[i] += exp(second[i] - first[i]);
    desk_free(&d);
  }
  d = desk_with(c.model, WEIR_NOISE_AVERAGE, 77, SEEDS);
  weir_score(d.session, c.x, BATCH, second);
  for (size_t i = 0; i < BATCH; i++) {
    const double by_seeds = first[i] + log(sum[i] / SEEDS);
    EXPECT(fabs(by_seeds - second[i]) < 1,
           text_of("%g nats by seeds, %g by draws, %g at the midpoint", by_seeds, second[i], first[i]));
  }
  desk_free(&d);
  close_image_case(&c);
  return bad;
}

int test_uint8_scores(void) {
  int bad = 0;
  image_case c = open_image_case();
  const size_t count = BATCH * c.g.dims;
  uint8_t *bytes = malloc(count);
  for (size_t i = 0; i < count; i++) {
    bytes[i] = (uint8_t)(i < 256 ? i : (i * 7 + 13) % 256);
    c.x[i] = (float)bytes[i];
  }
  double from_floats[BATCH], from_bytes[BATCH];
  static const int32_t kinds[] = {WEIR_NOISE_MIDPOINT, WEIR_NOISE_SEED, WEIR_NOISE_AVERAGE};
  for (size_t k = 0; k < 3; k++) {
    desk d = desk_with(c.model, kinds[k], 3, 2);
    EXPECT(weir_score(d.session, c.x, BATCH, from_floats) == WEIR_OK, "");
    weir_session_seek(d.session, 0);
    EXPECT(weir_score_u8(d.session, bytes, BATCH, from_bytes) == WEIR_OK, "");
    EXPECT(memcmp(from_floats, from_bytes, sizeof from_bytes) == 0, "the same images");
    for (size_t i = 0; i < BATCH; i++) EXPECT(isfinite(from_bytes[i]), "every byte is a pixel");
    desk_free(&d);
  }
  free(bytes);
  close_image_case(&c);
  golden table;
  if (!golden_open(&table, "tabular")) return bad + 1;
  weir_model *model = golden_model(&table);
  const uint8_t row[16] = {0};
  double untouched = 42;
  desk d = desk_with(model, WEIR_NOISE_MIDPOINT, 0, 1);
  EXPECT(weir_score_u8(d.session, row, 1, &untouched) == WEIR_ERROR_UNSUPPORTED && untouched == 42, "a table has no pixels");
  desk_free(&d);
  weir_model_close(model);
  golden_close(&table);
  return bad;
}

int test_samples(void) {
  int bad = 0;
  image_case c = open_image_case();
  const size_t dims = c.g.dims;
  float *x = malloc(BATCH * dims * sizeof *x), *again = malloc(BATCH * dims * sizeof *again), *z = calloc(BATCH * dims, sizeof *z);
  desk d = desk_with(c.model, WEIR_NOISE_MIDPOINT, 0, 1), other = desk_with(c.model, WEIR_NOISE_SEED, 9, 1);
  EXPECT(weir_sample(d.session, 21, 1, BATCH, x) == WEIR_OK, "");
  for (size_t i = 0; i < BATCH * dims; i++) EXPECT(x[i] >= 0 && x[i] <= 255, "samples are images");
  weir_session_seek(other.session, 55);
  EXPECT(weir_sample(other.session, 21, 1, BATCH, again) == WEIR_OK && memcmp(x, again, BATCH * dims * sizeof *x) == 0,
         "neither the session's noise nor its index matters");
  EXPECT(weir_sample(d.session, 21, 1, 2, again) == WEIR_OK && memcmp(x, again, 2 * dims * sizeof *x) == 0,
         "nor how many are drawn");
  EXPECT(memcmp(x, x + dims, dims * sizeof *x) != 0, "samples differ");
  EXPECT(weir_sample(d.session, 22, 1, BATCH, again) == WEIR_OK && memcmp(x, again, dims * sizeof *x) != 0, "seeds differ");
  // At temperature 0 every sample is the inverse of the prior's mode.
  EXPECT(weir_sample(d.session, 21, 0, BATCH, x) == WEIR_OK && weir_inverse(d.session, z, BATCH, again, NULL) == WEIR_OK, "");
  for (size_t i = 0; i < BATCH * dims; i++) EXPECT(x[i] == fminf(255, fmaxf(0, again[i])), "the mode");
  const float temperatures[] = {-1, NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < 4; i++) {
    memcpy(again, x, BATCH * dims * sizeof *x);
    EXPECT(weir_sample(d.session, 21, temperatures[i], BATCH, again) == WEIR_ERROR_ARGUMENT,
           text_of("%g", (double)temperatures[i]));
    EXPECT(memcmp(again, x, BATCH * dims * sizeof *x) == 0, "untouched");
  }
  desk_free(&d), desk_free(&other);
  free(x), free(again), free(z);
  close_image_case(&c);
  return bad;
}

// What cannot be scored is maximally anomalous, and harms nobody else.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

enum { BATCH = 9 };

// Spoils one number of one sample, everywhere in turn: that sample gets -inf, the others keep their bits. Of values that are no pixels, all but
// the first four may well be in a table.
static int spoil(const char *name, const float *values, size_t value_count, size_t threads, int32_t precision) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, name)) return 1;
  if (g.table && value_count > 4) value_count = 4;
  weir_model *model = golden_model(&g);
  weir_session_options options = weir_session_options_default();
  options.batch = BATCH;
  options.threads = threads;
  options.precision = precision;
  desk d = desk_make(model, &options);
  float *x = more_samples(&g, BATCH);
  double clean[BATCH], scores[BATCH];
  EXPECT(weir_score(d.session, x, BATCH, clean) == WEIR_OK, name);
  for (size_t i = 0; i < BATCH; i++) EXPECT(isfinite(clean[i]), name);
  // Every place of small inputs, and of large ones so many that all rows and columns have their turn.
  const size_t stride = g.dims > 256 ? 31 : 1;
  for (size_t v = 0; v < value_count; v++)
    for (size_t e = v % stride; e < g.dims; e += stride) {
      const size_t sample = (e + v) % BATCH;
      const float kept = x[sample * g.dims + e];
      x[sample * g.dims + e] = values[v];
      EXPECT(weir_score(d.session, x, BATCH, scores) == WEIR_OK, name);
      EXPECT(scores[sample] == -INFINITY, text_of("%s: %g at %zu scores %g", name, (double)values[v], e, scores[sample]));
      for (size_t i = 0; i < BATCH; i++)
        if (i != sample)
          EXPECT(memcmp(&scores[i], &clean[i], sizeof *clean) == 0,
                 text_of("%s: %g at %zu moves sample %zu", name, (double)values[v], e, i));
      x[sample * g.dims + e] = kept;
    }
  // Alone in its batch, and all of them; and then everything is as before.
  float *all = malloc(BATCH * g.dims * sizeof *all);
  for (size_t i = 0; i < BATCH * g.dims; i++) all[i] = values[i % value_count];
  EXPECT(weir_score(d.session, all, 1, scores) == WEIR_OK && scores[0] == -INFINITY, name);
  EXPECT(weir_score(d.session, all, BATCH, scores) == WEIR_OK, name);
  for (size_t i = 0; i < BATCH; i++) EXPECT(scores[i] == -INFINITY, name);
  EXPECT(weir_score(d.session, x, BATCH, scores) == WEIR_OK && memcmp(scores, clean, sizeof clean) == 0,
         "the session stays usable");
  free(all), free(x);
  desk_free(&d);
  weir_model_close(model);
  golden_close(&g);
  return bad;
}

int test_bad_pixels(void) {
  const float values[] = {NAN, -NAN, INFINITY, -INFINITY, -0.51f, -1, 255.51f, 256, 1e6f, FLT_MAX, -FLT_MAX};
  int bad = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++)
    bad += spoil(*name, values, sizeof values / sizeof values[0], 1, WEIR_PRECISION_F32) +
           spoil(*name, values, 4, 1, WEIR_PRECISION_BF16);
  return bad + spoil("multiscale", values, sizeof values / sizeof values[0], 3, WEIR_PRECISION_F32);
}

int test_bad_table_rows(void) {
  int bad = 0;
  const float values[] = {NAN, -NAN, INFINITY, -INFINITY};
  for (size_t threads = 1; threads <= 2; threads++)
    for (int32_t precision = WEIR_PRECISION_F32; precision <= WEIR_PRECISION_BF16; precision++)
      bad += spoil("tabular", values, sizeof values / sizeof values[0], threads, precision) +
             spoil("tabular_pair", values, sizeof values / sizeof values[0], threads, precision);
  // Numbers so large that something overflows on the way are anomalous too: far below any row that is not.
  static const char *const names[] = {"tabular", "tabular_pair"};
  for (size_t k = 0; k < 2; k++) {
    golden g;
    if (!golden_open(&g, names[k])) return bad + 1;
    weir_model *model = golden_model(&g);
    const weir_session_options options = weir_session_options_default();
    desk d = desk_make(model, &options);
    double clean, score;
    EXPECT(weir_score(d.session, g.x, 1, &clean) == WEIR_OK, names[k]);
    for (size_t e = 0; e < g.dims; e++)
      for (float value = 1e4f; value < INFINITY; value *= 1e4f)
        for (int sign = -1; sign <= 1; sign += 2) {
          const float kept = g.x[e];
          g.x[e] = (float)sign * value;
          EXPECT(weir_score(d.session, g.x, 1, &score) == WEIR_OK, names[k]);
          EXPECT(score < clean - 1e3, text_of("%s: %g at %zu scores %g", names[k], sign * (double)value, e, score));
          g.x[e] = kept;
        }
    desk_free(&d);
    weir_model_close(model);
    golden_close(&g);
  }
  return bad;
}

// A model may hold any finite weights. Then scores may be poor, but each is a number below +inf, or -inf.
int test_extreme_weights(void) {
  int bad = 0;
  static const char *const names[] = {"checkerboard_odd", "no_weight_norm", "tabular"};
  static const float values[] = {FLT_MAX, -FLT_MAX, 1e30f, FLT_MIN, 1e-45f, 0, 88, 1000};
  for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
    golden g;
    if (!golden_open(&g, names[k])) return bad + 1;
    model_parts parts = parts_of_golden(names[k]);
    double *scores = malloc(g.n * sizeof *scores);
    for (size_t p = 0; p < parts.count; p++)
      for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
        part *tensor = &parts.items[p];
        void *kept = malloc(tensor->bytes);
        memcpy(kept, tensor->data, tensor->bytes);
        for (size_t i = 0; i < tensor->bytes / sizeof *values; i++)
          memcpy((char *)tensor->data + i * sizeof *values, &values[v], sizeof *values);
        weir_model *model = NULL;
        weir_error error = {0};
        const weir_status status = parts_open(&parts, NULL, &model, &error);
        EXPECT(status == WEIR_OK || (status == WEIR_ERROR_TENSOR && error_is(&error, status)),
               text_of("%s: %s", tensor->name, error.message));
        for (int32_t precision = WEIR_PRECISION_F32; status == WEIR_OK && precision <= WEIR_PRECISION_BF16; precision++) {
          weir_session_options options = weir_session_options_default();
          options.precision = precision;
          desk d = desk_make(model, &options);
          EXPECT(weir_score(d.session, g.x, g.n, scores) == WEIR_OK, names[k]);
          for (size_t i = 0; i < g.n; i++)
            EXPECT(scores[i] < INFINITY, text_of("%s: %s all %g scores %g", names[k], tensor->name, (double)values[v], scores[i]));
          desk_free(&d);
        }
        weir_model_close(model);
        memcpy(tensor->data, kept, tensor->bytes);
        free(kept);
      }
    free(scores);
    parts_free(&parts);
    golden_close(&g);
  }
  return bad;
}

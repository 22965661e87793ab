// Against PyTorch in float64, on every instruction set. The tolerance is twice what PyTorch's own float32 is off by, plus what rounding the
// result itself to float32 costs.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

static double largest(const double *values, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++) most = fmax(most, fabs(values[i]));
  return most;
}

// A NaN is as far off as can be.
static double apart(double a, double b) { return isnan(a) || isnan(b) ? INFINITY : a == b ? 0 : fabs(a - b); }

/// The largest difference as a part of what is allowed.
static double worst_part(const double *values, const double *expected, size_t count, double allowed) {
  double worst = 0;
  for (size_t i = 0; i < count; i++) worst = fmax(worst, apart(values[i], expected[i]) / allowed);
  return worst;
}

/// For sums over dims terms that are of the order of 1 and come out of float32 arithmetic. eps stays below 2e-3 nats per 1000 dims.
static double sum_tolerance(const golden *g, const char *name, const double *expected) {
  const double eps = FLT_EPSILON * ((double)g->dims + largest(expected, g->n)), most = 2e-3 * (double)g->dims / 1000;
  return 2 * golden_deviation(g, name) + fmin(eps, most);
}

typedef struct results {
  float *z, *x;
  double *z_wide, *logdet, *score, *back;
} results;

static results results_make(const golden *g) {
  const size_t count = g->n * g->dims;
  return (results){malloc(count * sizeof(float)), malloc(count * sizeof(float)), malloc(count * sizeof(double)),
                   malloc(g->n * sizeof(double)), malloc(g->n * sizeof(double)), malloc(g->n * sizeof(double))};
}

static void results_free(results *r) { free(r->z), free(r->x), free(r->z_wide), free(r->logdet), free(r->score), free(r->back); }

typedef int golden_check(const golden *g, const char *isa, weir_session *session, results *r, double *worst);

static int on_every_isa(golden_check *check) {
  int bad = 0;
  double worst = 0;
  size_t cases = 0;
  for (const char *const *isa = tested_isas(); *isa != NULL; isa++) {
    use_isa(*isa);
    for (const char *const *name = golden_names(); *name != NULL; name++) {
      golden g;
      if (!golden_open(&g, *name)) return bad + 1;
      weir_model *model = golden_model(&g);
      results r = results_make(&g);
      const weir_session_options options = weir_session_options_default();
      desk d = desk_make(model, &options);
      EXPECT(d.session != NULL, *name);
      if (d.session != NULL) bad += check(&g, *isa, d.session, &r, &worst);
      cases++;
      desk_free(&d);
      results_free(&r);
      weir_model_close(model);
      golden_close(&g);
    }
  }
  use_isa(NULL);
  EXPECT(cases > 0, "no golden case, or no instruction set");
  note("%zu cases, at worst %.2f of the tolerance", cases, worst);
  return bad;
}

static int check_classes(const golden *g, const char *isa, weir_session *session, double *worst) {
  int bad = 0;
  size_t count = 0;
  double *expected = golden_values(g, "score_classes", &count), *score = malloc((count + 1) * sizeof *score);
  const weir_status status = weir_score_classes(session, g->x, g->n, score);
  EXPECT(status == (expected == NULL ? WEIR_ERROR_UNSUPPORTED : WEIR_OK), g->name);
  if (expected != NULL && status == WEIR_OK) {
    const double eps = FLT_EPSILON * ((double)g->dims + largest(expected, count));
    const double part = worst_part(score, expected, count, 2 * golden_deviation(g, "score_classes") + eps);
    EXPECT(part <= 1, text_of("%s on %s: classes: %.3g of the tolerance", g->name, isa, part));
    *worst = fmax(*worst, part);
  }
  free(expected), free(score);
  return bad;
}

static int check_forward(const golden *g, const char *isa, weir_session *session, results *r, double *worst) {
  int bad = 0;
  size_t count;
  double *z = golden_values(g, "z", &count), *logdet = golden_values(g, "logdet", &count),
         *score = golden_values(g, "score", &count);
  EXPECT(weir_forward(session, g->x, g->n, r->z, r->logdet) == WEIR_OK, g->name);
  EXPECT(weir_score(session, g->x, g->n, r->score) == WEIR_OK, g->name);
  for (size_t i = 0; i < g->n * g->dims; i++) r->z_wide[i] = r->z[i];
  const double z_allowed = 2 * golden_deviation(g, "z") + FLT_EPSILON * largest(z, g->n * g->dims);
  const double z_part = worst_part(r->z_wide, z, g->n * g->dims, z_allowed);
  const double logdet_part = worst_part(r->logdet, logdet, g->n, sum_tolerance(g, "logdet", logdet));
  const double score_part = worst_part(r->score, score, g->n, sum_tolerance(g, "score", score));
  EXPECT(z_part <= 1, text_of("%s on %s: %.3g of the tolerance", g->name, isa, z_part));
  EXPECT(logdet_part <= 1, text_of("%s on %s: %.3g of the tolerance", g->name, isa, logdet_part));
  EXPECT(score_part <= 1, text_of("%s on %s: %.3g of the tolerance", g->name, isa, score_part));
  *worst = fmax(*worst, fmax(z_part, fmax(logdet_part, score_part)));
  // Without log-dets the latents are the same.
  float *again = malloc(g->n * g->dims * sizeof *again);
  EXPECT(weir_forward(session, g->x, g->n, again, NULL) == WEIR_OK && memcmp(again, r->z, g->n * g->dims * sizeof *again) == 0,
         g->name);
  free(again), free(z), free(logdet), free(score);
  return bad + check_classes(g, isa, session, worst);
}

int test_golden_forward(void) { return on_every_isa(check_forward); }

static int check_inverse(const golden *g, const char *isa, weir_session *session, results *r, double *worst) {
  int bad = 0;
  const size_t count = g->n * g->dims;
  float low = INFINITY, high = -INFINITY;
  for (size_t i = 0; i < count; i++) {
    low = fminf(low, g->x[i]);
    high = fmaxf(high, g->x[i]);
  }
  EXPECT(weir_forward(session, g->x, g->n, r->z, r->logdet) == WEIR_OK, g->name);
  EXPECT(weir_inverse(session, r->z, g->n, r->x, r->back) == WEIR_OK, g->name);
  double x_part = 0, logdet_part = 0;
  for (size_t i = 0; i < count; i++) x_part = fmax(x_part, apart(r->x[i], g->x[i]) / (1e-4 * (high - low)));
  for (size_t i = 0; i < g->n; i++)
    logdet_part = fmax(logdet_part, apart(r->logdet[i], -r->back[i]) / (1e-3 * (double)g->dims / 1000));
  EXPECT(x_part <= 1, text_of("%s on %s: %.3g of the tolerance", g->name, isa, x_part));
  EXPECT(logdet_part <= 1, text_of("%s on %s: %.3g of the tolerance", g->name, isa, logdet_part));
  *worst = fmax(*worst, fmax(x_part, logdet_part));
  return bad;
}

int test_golden_inverse(void) { return on_every_isa(check_inverse); }

int test_isa_override(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "tabular_pair")) return 1;
  for (const char *const *isa = tested_isas(); *isa != NULL; isa++) {
    use_isa(*isa);
    weir_model *model = golden_model(&g);
    weir_model_info info = {0};
    EXPECT(weir_model_get_info(model, &info) == WEIR_OK && strcmp(info.isa, *isa) == 0, *isa);
    weir_model_close(model);
  }
  use_isa("sse9");
  weir_model *model = NULL;
  weir_error error = {0};
  EXPECT(weir_model_open(g.model_path, NULL, &model, &error) == WEIR_ERROR_UNSUPPORTED && model == NULL,
         "an unknown set is refused");
  EXPECT(error_is(&error, WEIR_ERROR_UNSUPPORTED) && strstr(error.message, "sse9") != NULL, error.message);
  use_isa(NULL);
  golden_close(&g);
  return bad;
}

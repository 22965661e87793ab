// Sessions in bf16: the exact likelihood of a slightly different model.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

static desk desk_in(const weir_model *model, int32_t precision) {
  weir_session_options options = weir_session_options_default();
  options.precision = precision;
  return desk_make(model, &options);
}

typedef int precision_check(const golden *g, const weir_model *model, weir_session *f32, weir_session *bf16, double *worst);

static int on_every_isa(precision_check *check) {
  int bad = 0;
  double worst = 0;
  for (const char *const *isa = tested_isas(); *isa != NULL; isa++) {
    use_isa(*isa);
    for (const char *const *name = golden_names(); *name != NULL; name++) {
      golden g;
      if (!golden_open(&g, *name)) return bad + 1;
      weir_model *model = golden_model(&g);
      desk f32 = desk_in(model, WEIR_PRECISION_F32), bf16 = desk_in(model, WEIR_PRECISION_BF16);
      EXPECT(f32.session != NULL && bf16.session != NULL, *name);
      if (f32.session != NULL && bf16.session != NULL) bad += check(&g, model, f32.session, bf16.session, &worst);
      desk_free(&f32), desk_free(&bf16);
      weir_model_close(model);
      golden_close(&g);
    }
  }
  use_isa(NULL);
  note("at worst %.2g of the tolerance", worst);
  return bad;
}

// What rounding does to a score is, to first order, proportional to the unit roundoff. PyTorch's float32 says how much 2^-24 does when every
// operation rounds; bf16's is 2^-8, of some operations.
static int check_near(const golden *g, const weir_model *model, weir_session *f32, weir_session *bf16, double *worst) {
  (void)model;
  int bad = 0;
  double *near = malloc(g->n * sizeof *near), *score = malloc(g->n * sizeof *score);
  EXPECT(weir_score(f32, g->x, g->n, score) == WEIR_OK && weir_score(bf16, g->x, g->n, near) == WEIR_OK, g->name);
  const double allowed = 0x1p16 * golden_deviation(g, "score");
  double most = 0;
  for (size_t i = 0; i < g->n; i++) {
    const double part = fabs(near[i] - score[i]) / allowed;
    EXPECT(part <= 1, text_of("%s, sample %zu: %g instead of %g, %.3g of the tolerance", g->name, i, near[i], score[i], part));
    if (part > most) most = part;
  }
  if (most > *worst) *worst = most;
  EXPECT(memcmp(near, score, g->n * sizeof *near) != 0, text_of("%s: bf16 changes nothing", g->name));
  free(near), free(score);
  return bad;
}

int test_bf16_is_near(void) { return on_every_isa(check_near); }

typedef struct way_back {
  double x, logdet;  // largest errors
} way_back;

static way_back there_and_back(weir_session *session, const float *x, size_t n, size_t dims) {
  const size_t count = n * dims;
  float *z = malloc(count * sizeof *z), *again = malloc(count * sizeof *again);
  double *there = malloc(n * sizeof *there), *back = malloc(n * sizeof *back);
  way_back worst = {0, 0};
  if (weir_forward(session, x, n, z, there) != WEIR_OK || weir_inverse(session, z, n, again, back) != WEIR_OK)
    worst = (way_back){INFINITY, INFINITY};
  for (size_t i = 0; i < count; i++) worst.x = fmax(worst.x, fabs((double)again[i] - (double)x[i]));
  for (size_t i = 0; i < n; i++) worst.logdet = fmax(worst.logdet, fabs(there[i] + back[i]));
  free(z), free(again), free(there), free(back);
  return worst;
}

static double range_of(const float *x, size_t count) {
  float low = INFINITY, high = -INFINITY;
  for (size_t i = 0; i < count; i++) low = fminf(low, x[i]), high = fmaxf(high, x[i]);
  return (double)high - (double)low;
}

// A coupling's network reads what the step leaves alone, so the inverse has the same s and t bit for bit: exact although rounded, within
// what DESIGN 5 asks of f32.
int test_bf16_coupling_is_exact(void) {
  int bad = 0;
  static const char *const specs[] = {
      "{\"version\":1,\"input\":{\"shape\":[21],\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[{\"op\":"
      "\"coupling\","
      "\"mask\":{\"type\":\"tabular\",\"reverse\":false},\"net\":{\"type\":\"mlp\",\"hidden\":33,\"layers\":2}}]}",
      "{\"version\":1,\"input\":{\"shape\":[1,9,8],\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[{\"op\":"
      "\"coupling\","
      "\"mask\":{\"type\":\"checkerboard\",\"reverse\":true},\"net\":{\"type\":\"resnet\",\"channels\":19,\"blocks\":2}}]}"};
  for (size_t k = 0; k < sizeof specs / sizeof specs[0]; k++) {
    enum { SAMPLES = 20, MOST_DIMS = 72 };
    weir_model *model = model_of_spec(specs[k], 5 + k);
    if (model == NULL) return bad + 1;
    weir_model_info info;
    EXPECT(weir_model_get_info(model, &info) == WEIR_OK && info.dims <= MOST_DIMS, specs[k]);
    float x[SAMPLES * MOST_DIMS];
    for (size_t i = 0; i < SAMPLES * info.dims; i++) x[i] = (float)(i * 37 % 101) / 25 - 2;
    desk d = desk_in(model, WEIR_PRECISION_BF16);
    const way_back error = there_and_back(d.session, x, SAMPLES, info.dims);
    EXPECT(error.x <= 1e-4 * range_of(x, SAMPLES * info.dims), text_of("x is off by %g", error.x));
    EXPECT(error.logdet <= 1e-3 * (double)info.dims / 1000, text_of("log-dets are %g apart", error.logdet));
    desk_free(&d);
    weir_model_close(model);
  }
  return bad;
}

// Through many steps a number comes back off by a rounding of f32, which may round to another bf16 number: as above, 2^16 times what f32 does.
static int check_there_and_back(const golden *g, const weir_model *model, weir_session *f32, weir_session *bf16, double *worst) {
  (void)model;
  int bad = 0;
  const way_back wide = there_and_back(f32, g->x, g->n, g->dims), narrow = there_and_back(bf16, g->x, g->n, g->dims);
  const double rounding = FLT_EPSILON * range_of(g->x, g->n * g->dims);
  const double part = fmax(narrow.x / (0x1p16 * fmax(wide.x, rounding)),
                           narrow.logdet / (0x1p16 * fmax(wide.logdet, FLT_EPSILON * (double)g->dims)));
  EXPECT(part <= 1, text_of("%s: %.3g of the tolerance", g->name, part));
  *worst = fmax(*worst, part);
  return bad;
}

int test_bf16_there_and_back(void) { return on_every_isa(check_there_and_back); }

// Sessions of both precisions share a model, and neither hears of the other.
static int check_beside(const golden *g, const weir_model *model, weir_session *f32, weir_session *bf16, double *worst) {
  (void)worst;
  int bad = 0;
  const size_t bytes = g->n * sizeof(double);
  double *wide = malloc(bytes), *narrow = malloc(bytes), *again = malloc(bytes);
  desk alone = desk_in(model, WEIR_PRECISION_F32);
  EXPECT(weir_score(alone.session, g->x, g->n, wide) == WEIR_OK && weir_score(bf16, g->x, g->n, narrow) == WEIR_OK, g->name);
  EXPECT(weir_score(f32, g->x, g->n, again) == WEIR_OK && memcmp(again, wide, bytes) == 0, g->name);
  EXPECT(weir_score(bf16, g->x, g->n, again) == WEIR_OK && memcmp(again, narrow, bytes) == 0, g->name);
  desk_free(&alone);
  free(wide), free(narrow), free(again);
  return bad;
}

int test_bf16_beside_f32(void) { return on_every_isa(check_beside); }

typedef struct seen {
  size_t bf16, f32;
} seen;

static void see(void *user, const weir_profile_event *event) {
  seen *s = user;
  if (event->described == NULL) return;
  s->bf16 += strcmp(event->described->kernel, "gemm_bf16") == 0 || strcmp(event->described->kernel, "winograd_bf16") == 0;
  s->f32 += strcmp(event->described->kernel, "gemm_forward") == 0 || strcmp(event->described->kernel, "winograd") == 0;
}

// A profile names what its session ran.
int test_bf16_profile(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "wide")) return 1;
  weir_model *model = golden_model(&g);
  double score;
  for (int32_t precision = WEIR_PRECISION_F32; precision <= WEIR_PRECISION_BF16; precision++) {
    seen s = {0, 0};
    desk d = desk_in(model, precision);
    EXPECT(weir_profile(d.session, g.x, 1, &score, see, &s) == WEIR_OK, "");
    EXPECT(precision == WEIR_PRECISION_BF16 ? s.bf16 > 0 && s.f32 == 0 : s.bf16 == 0 && s.f32 > 0,
           text_of("%zu in bf16, %zu in f32", s.bf16, s.f32));
    desk_free(&d);
  }
  weir_model_close(model);
  golden_close(&g);
  return bad;
}

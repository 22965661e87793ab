// Log-dets against the determinant of the real Jacobian, by central differences of the forward map.
//
// A coupling is linear in what it changes and its Jacobian is triangular, so a wide difference loses nothing there and rounding noise is
// small. Where steps follow each other, differences bend: the numbers at two widths tell by how much.
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

enum { MOST_DIMS = 32 };

// Rows are outputs. Also the largest |z| seen, to which rounding noise is proportional.
static double numerical(weir_session *session, const float *x, size_t dims, float width, double *largest) {
  float inputs[2 * MOST_DIMS * MOST_DIMS] = {0}, outputs[2 * MOST_DIMS * MOST_DIMS];
  double m[MOST_DIMS * MOST_DIMS];
  for (size_t j = 0; j < dims; j++)
    for (size_t side = 0; side < 2; side++) {
      float *input = inputs + (2 * j + side) * dims;
      memcpy(input, x, dims * sizeof *x);
      input[j] = side == 0 ? x[j] - width : x[j] + width;
    }
  if (weir_forward(session, inputs, 2 * dims, outputs, NULL) != WEIR_OK) return NAN;
  *largest = 0;
  for (size_t j = 0; j < dims; j++) {
    const double apart = (double)inputs[(2 * j + 1) * dims + j] - (double)inputs[2 * j * dims + j];
    for (size_t i = 0; i < dims; i++) {
      const double low = outputs[2 * j * dims + i], high = outputs[(2 * j + 1) * dims + i];
      m[i * dims + j] = (high - low) / apart;
      *largest = fmax(*largest, fmax(fabs(low), fabs(high)));
    }
  }
  return log_det(m, dims);
}

typedef struct jacobian_case {
  const char *input, *steps;
  float low, spread, width;  // inputs are low + spread * [0, 1)
  bool bends;
} jacobian_case;

#define RESNET "\"net\":{\"type\":\"resnet\",\"channels\":5,\"blocks\":1}"
#define MLP "\"net\":{\"type\":\"mlp\",\"hidden\":9,\"layers\":1}"
#define COUPLING(transform, mask, net) "{\"op\":\"coupling\",\"transform\":\"" transform "\",\"mask\":{" mask "}," net "}"
#define MASK(type, reverse) "\"type\":\"" type "\",\"reverse\":" reverse
#define CYCLE(from, to) "\"type\":\"cycle\",\"from\":" from ",\"to\":" to
#define TILES(from, to) "\"type\":\"sub_quadrant\",\"factor\":2,\"from\":" from ",\"to\":" to
#define CENTRE(reverse) "\"type\":\"centre\",\"margin\":1,\"reverse\":" reverse
#define PLANE "\"shape\":[1,4,4],\"levels\":0"
#define ODD "\"shape\":[2,3,3],\"levels\":0"
#define DEEP "\"shape\":[4,2,2],\"levels\":0"
#define TABLE "\"shape\":[5],\"levels\":0"
#define WIDE "\"shape\":[21],\"levels\":0"

static const jacobian_case steps[] = {
    {TABLE, "{\"op\":\"affine\"}", -2, 4, 0.5f, false},
    {ODD, "{\"op\":\"affine\"}", -2, 4, 0.5f, false},
    {TABLE, "{\"op\":\"actnorm\"}", -2, 4, 0.5f, false},
    {ODD, "{\"op\":\"actnorm\"}", -2, 4, 0.5f, false},
    {TABLE, "{\"op\":\"conv1x1\"}", -2, 4, 0.5f, false},
    {DEEP, "{\"op\":\"conv1x1\"}", -2, 4, 0.5f, false},
    {WIDE, "{\"op\":\"conv1x1\",\"trainable\":false}", -2, 4, 0.5f, false},
    {"\"shape\":[1],\"levels\":0", "{\"op\":\"conv1x1\"}", -2, 4, 0.5f, false},
    {TABLE, "{\"op\":\"rotation\"}", -2, 4, 0.5f, false},
    {WIDE, "{\"op\":\"rotation\"}", -2, 4, 0.5f, false},
    {TABLE, "{\"op\":\"permute\",\"order\":[3,0,4,1,2]}", -2, 4, 0.5f, false},
    {DEEP, "{\"op\":\"permute\",\"order\":[1,2,3,0]}", -2, 4, 0.5f, false},
    {DEEP, "{\"op\":\"reverse\"}", -2, 4, 0.5f, false},
    {PLANE, "{\"op\":\"squeeze\"}", -2, 4, 0.5f, false},
    {DEEP, "{\"op\":\"factor_out\",\"keep\":1}", -2, 4, 0.5f, false},
    {DEEP, "{\"op\":\"factor_out\",\"keep\":3}", -2, 4, 0.5f, false},
    {"\"shape\":[1,4,4],\"levels\":256", "{\"op\":\"dequantize\"}", 10, 230, 4, false},
    {TABLE, "{\"op\":\"logit\",\"margin\":0.9}", 0.05f, 0.9f, 0.01f, true},
    {TABLE, "{\"op\":\"logit\",\"margin\":0.99}", 0.1f, 0.8f, 0.01f, true},
    {TABLE, COUPLING("affine", MASK("tabular", "false"), MLP), -2, 4, 0.5f, false},
    {TABLE, COUPLING("affine", MASK("tabular", "true"), MLP), -2, 4, 0.5f, false},
    {TABLE, COUPLING("additive", MASK("tabular", "true"), MLP), -2, 4, 0.5f, false},
    {PLANE, COUPLING("affine", MASK("checkerboard", "false"), RESNET), -2, 4, 0.5f, false},
    {PLANE, COUPLING("affine", MASK("checkerboard", "true"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", MASK("checkerboard", "true"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("additive", MASK("checkerboard", "false"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", MASK("channel", "false"), RESNET), -2, 4, 0.5f, false},
    {DEEP, COUPLING("affine", MASK("channel", "true"), RESNET), -2, 4, 0.5f, false},
    {DEEP, COUPLING("additive", MASK("channel", "true"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", MASK("horizontal", "false"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", MASK("horizontal", "true"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", MASK("vertical", "false"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", MASK("vertical", "true"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", CYCLE("0", "1"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", CYCLE("1", "2"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", CYCLE("2", "3"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", CYCLE("3", "0"), RESNET), -2, 4, 0.5f, false},
    {PLANE, COUPLING("affine", TILES("0", "1"), RESNET), -2, 4, 0.5f, false},
    {PLANE, COUPLING("additive", TILES("1", "2"), RESNET), -2, 4, 0.5f, false},
    {"\"shape\":[1,6,4],\"levels\":0", COUPLING("affine", TILES("2", "3"), RESNET), -2, 4, 0.5f, false},
    {"\"shape\":[2,4,4],\"levels\":0", COUPLING("affine", TILES("3", "0"), RESNET), -2, 4, 0.5f, false},
    {PLANE, COUPLING("affine", CENTRE("false"), RESNET), -2, 4, 0.5f, false},
    {PLANE, COUPLING("affine", CENTRE("true"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("additive", CENTRE("false"), RESNET), -2, 4, 0.5f, false},
    {ODD, COUPLING("affine", CENTRE("true"), RESNET), -2, 4, 0.5f, false},
};

static const jacobian_case flows[] = {
    {TABLE,
     "{\"op\":\"affine\"}," COUPLING("affine", MASK("tabular", "false"), MLP) "," COUPLING(
         "affine", MASK("tabular", "true"), MLP) "," COUPLING("additive", MASK("tabular", "false"), MLP),
     -2, 4, 1.0f / 128, true},
    {"\"shape\":[1,4,4],\"levels\":256",
     "{\"op\":\"dequantize\"},{\"op\":\"logit\",\"margin\":0.9}," COUPLING(
         "affine", MASK("checkerboard", "false"),
         RESNET) ",{\"op\":\"squeeze\"}," COUPLING("affine", MASK("channel", "true"),
                                                   RESNET) ",{\"op\":\"factor_out\",\"keep\":2}," COUPLING("affine",
                                                                                                           MASK("vertical",
                                                                                                                "false"),
                                                                                                           RESNET),
     20, 215, 0.5f, true},
    {"\"shape\":[1,4,4],\"levels\":0",
     "{\"op\":\"squeeze\"},{\"op\":\"actnorm\"},{\"op\":\"conv1x1\"}," COUPLING(
         "affine", MASK("channel", "false"),
         RESNET) ",{\"op\":\"reverse\"},{\"op\":\"actnorm\"},{\"op\":\"conv1x1\"}," COUPLING("affine", MASK("channel", "true"),
                                                                                             RESNET),
     -2, 4, 1.0f / 128, true},
    {ODD,
     COUPLING("affine", CYCLE("0", "1"), RESNET) "," COUPLING("affine", CYCLE("1", "2"), RESNET) "," COUPLING(
         "affine", CYCLE("2", "3"), RESNET),
     -2, 4, 1.0f / 128, true},
};

/// The log-det's error as a part of what is allowed.
static double compare(const jacobian_case *c, uint64_t seed, int *failed) {
  int bad = 0;
  char spec[2048];
  snprintf(spec, sizeof spec, "{\"version\":1,\"input\":{%s},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[%s]}", c->input,
           c->steps);
  weir_model *model = model_of_spec(spec, seed);
  weir_model_info info;
  weir_model_get_info(model, &info);
  weir_session_options options = weir_session_options_default();
  options.batch = 2 * MOST_DIMS;
  desk d = desk_make(model, &options);
  float x[MOST_DIMS], z[MOST_DIMS];
  for (size_t i = 0; i < info.dims; i++) x[i] = c->low + c->spread * fmodf(0.6180340f * (float)(i + 1 + seed * 7), 1);
  double logdet = NAN, largest, ignored;
  EXPECT(weir_forward(d.session, x, 1, z, &logdet) == WEIR_OK, c->steps);
  const double narrow = numerical(d.session, x, info.dims, c->width, &largest);
  const double wide = c->bends ? numerical(d.session, x, info.dims, 2 * c->width, &ignored) : narrow;
  // An error e in the Jacobian J moves log|det| by tr(J^-1 e): by the noise of each diagonal entry over that entry, in a triangular one.
  const double slope = exp(logdet / (double)info.dims);
  const double noise = (double)info.dims * FLT_EPSILON * (largest / (c->width * fmin(1, slope)) + 4);
  const double allowed = (c->bends ? 4 : 1) * noise + fabs(narrow - wide);
  EXPECT(noise < 0.01, text_of("%s: a tolerance of %g says nothing", c->steps, noise));
  desk_free(&d);
  weir_model_close(model);
  *failed += bad;
  return fabs(logdet - narrow) / allowed;
}

int test_jacobian_of_steps(void) {
  int bad = 0;
  double worst = 0;
  const size_t count = sizeof steps / sizeof steps[0];
  for (size_t i = 0; i < count; i++)
    for (uint64_t seed = 0; seed < 4; seed++) {
      const double part = compare(&steps[i], seed, &bad);
      EXPECT(part <= 1, text_of("%s on %s: %.3g of the tolerance", steps[i].steps, steps[i].input, part));
      worst = fmax(worst, part);
    }
  note("%zu cases, at worst %.2f of the tolerance", 4 * count, worst);
  return bad;
}

// Where a rectifier of a later coupling switches within the difference, the Jacobian's derivative is none. That spoils a few points; a wrong
// log-det would spoil them all.
int test_jacobian_of_flows(void) {
  int bad = 0;
  enum { POINTS = 16 };
  size_t spoiled_in_all = 0;
  const size_t count = sizeof flows / sizeof flows[0];
  for (size_t i = 0; i < count; i++) {
    size_t spoiled = 0;
    for (uint64_t seed = 0; seed < POINTS; seed++) spoiled += !(compare(&flows[i], seed, &bad) <= 1);
    EXPECT(spoiled <= POINTS / 4, text_of("%s: %zu of %d points", flows[i].steps, spoiled, (int)POINTS));
    spoiled_in_all += spoiled;
  }
  note("%zu of %zu points spoiled", spoiled_in_all, count * POINTS);
  return bad;
}

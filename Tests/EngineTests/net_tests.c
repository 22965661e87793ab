// The st-networks: gradients against differences of the loss, sizes that don't fit, and dropout, which no golden can hold.
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine_tests.h"

enum { BATCH = 3 };

typedef struct net_case {
  const char *shape, *mask, *net;
} net_case;

#define CHANNEL "\"type\":\"channel\",\"reverse\":"
#define TABULAR "\"type\":\"tabular\",\"reverse\":"
#define VERTICAL "\"type\":\"vertical\",\"reverse\":"

static const net_case cases[] = {
    {"[4,3,5]", CHANNEL, "\"type\":\"resnet\",\"channels\":6,\"blocks\":2"},
    {"[4,3,5]", CHANNEL, "\"type\":\"resnet\",\"channels\":6,\"blocks\":3,\"skip\":false,\"latent\":7"},
    {"[4,3,5]", CHANNEL, "\"type\":\"convnet\",\"channels\":6,\"blocks\":2"},
    {"[4,3,5]", CHANNEL, "\"type\":\"convnet\",\"channels\":18,\"blocks\":0,\"weight_norm\":false"},
    {"[4,3,5]", CHANNEL, "\"type\":\"glow\",\"channels\":18"},
    {"[4,3,5]", CHANNEL, "\"type\":\"highway\",\"channels\":18,\"blocks\":3"},
    {"[6]", TABULAR, "\"type\":\"mlp\",\"hidden\":18,\"layers\":1"},
    {"[6]", TABULAR, "\"type\":\"mlp\",\"hidden\":18,\"layers\":2,\"dropout\":0.3"},
};

enum { CASES = sizeof cases / sizeof cases[0] };

// A trainer of two couplings, so that the first one's gradients also depend on how the second's reach its input. Weights are those of
// parts_of_spec, none of which is zero.
static weir_trainer *trainer_of(const net_case *c, weir_train_options options) {
  char spec[2048];
  snprintf(spec, sizeof spec,
           "{\"version\":1,\"input\":{\"shape\":%s,\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":["
           "{\"op\":\"coupling\",\"mask\":{%sfalse},\"net\":{%s}},{\"op\":\"coupling\",\"mask\":{%strue},\"net\":{%s}}]}",
           c->shape, c->mask, c->net, c->mask, c->net);
  weir_trainer *trainer = NULL;
  weir_error error = {0};
  const weir_status status = weir_trainer_create(spec, &options, &trainer, &error);
  expect(status == WEIR_OK, __FILE__, __LINE__, "the trainer is made", text_of("%s: %s: %s", c->net, error.where, error.message));
  if (status != WEIR_OK) return NULL;
  model_parts parts = parts_of_spec(spec, 5);
  for (size_t i = 0; i < parts.count; i++) weir_trainer_tensor_write(trainer, i, parts.items[i].data);
  parts_free(&parts);
  return trainer;
}

// The loss with tensor `index` moved by `step` times `direction`.
static double moved_loss(weir_trainer *trainer, const float *x, size_t index, const float *values, const float *direction,
                         size_t count, float step) {
  float *moved = malloc(count * sizeof *moved);
  for (size_t i = 0; i < count; i++) moved[i] = values[i] + step * direction[i];
  double loss = NAN;
  weir_trainer_tensor_write(trainer, index, moved);
  weir_trainer_gradient(trainer, x, BATCH, &loss, NULL);
  weir_trainer_tensor_write(trainer, index, values);
  free(moved);
  return loss;
}

// Slopes along random directions of one tensor. A difference over 2 h errs by rounding noise over h, by how much the loss bends, which the
// difference at twice the width tells, and by rectifiers that switch in between: at this width a percent, where the exact check is against
// the goldens.
static int check_slopes(const net_case *c, weir_trainer *trainer, const float *x, size_t index, double *worst) {
  int bad = 0;
  weir_tensor_info info;
  weir_trainer_tensor_info(trainer, index, &info);
  if (!info.trainable) return 0;
  float *values = malloc(info.count * sizeof *values), *gradient = malloc(info.count * sizeof *gradient),
        *direction = malloc(info.count * sizeof *direction);
  double loss;
  weir_trainer_tensor_read(trainer, index, WEIR_TENSOR_VALUE, values);
  weir_trainer_gradient(trainer, x, BATCH, &loss, NULL);
  weir_trainer_tensor_read(trainer, index, WEIR_TENSOR_GRADIENT, gradient);
  double square = 0;
  for (size_t i = 0; i < info.count; i++) square += (double)gradient[i] * gradient[i];
  EXPECT(square > 0, text_of("%s: %s has no gradient", c->net, info.name));
  enum { DIRECTIONS = 4 };
  size_t spoiled = 0;
  double best = INFINITY;
  for (uint64_t d = 0; d < DIRECTIONS; d++) {
    weir_i_random_normal(11, 77, index * DIRECTIONS + d, direction, info.count);
    double slope = 0, length = 0;
    for (size_t i = 0; i < info.count; i++) {
      slope += (double)gradient[i] * direction[i];
      length += (double)direction[i] * direction[i];
    }
    const float h = (float)(0.002 / sqrt(length));
    const double narrow = (moved_loss(trainer, x, index, values, direction, info.count, h) -
                           moved_loss(trainer, x, index, values, direction, info.count, -h)) /
                          (2 * h),
                 wide = (moved_loss(trainer, x, index, values, direction, info.count, 2 * h) -
                         moved_loss(trainer, x, index, values, direction, info.count, -2 * h)) /
                        (4 * h);
    const double allowed = fabs(narrow - wide) + 4 * FLT_EPSILON * (fabs(loss) + 1) / h + 0.02 * sqrt(square);
    const double part = fabs(slope - narrow) / allowed;
    spoiled += !(part <= 1);
    best = fmin(best, part);
  }
  // Switching rectifiers may spoil a direction; a wrong gradient would spoil them all.
  EXPECT(spoiled <= 1, text_of("%s: %s: %zu of %d slopes are off", c->net, info.name, spoiled, (int)DIRECTIONS));
  *worst = fmax(*worst, best);
  free(values), free(gradient), free(direction);
  return bad;
}

static float *samples_of(const weir_trainer *trainer, size_t n) {
  const size_t dims = weir_trainer_dims(trainer);
  float *x = malloc(n * dims * sizeof *x);
  for (size_t i = 0; i < n; i++) weir_i_random_normal(3, 77, i, x + i * dims, dims);
  return x;
}

int test_net_gradients(void) {
  int bad = 0;
  double worst = 0;
  for (size_t i = 0; i < CASES; i++) {
    weir_train_options options = weir_train_options_default();
    options.batch = BATCH;
    weir_trainer *trainer = trainer_of(&cases[i], options);
    if (trainer == NULL) return bad + 1;
    float *x = samples_of(trainer, BATCH);
    for (size_t t = 0; t < weir_trainer_tensor_count(trainer); t++) bad += check_slopes(&cases[i], trainer, x, t, &worst);
    free(x);
    weir_trainer_close(trainer);
  }
  note("%d nets, at worst %.2f of the tolerance", (int)CASES, worst);
  return bad;
}

// Weights that a tabular mask keeps from mattering: no loss depends on them, nor on more.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine_tests.h"

enum { DIMS = 7, BATCH = 4 };

typedef struct dead_case {
  const char *net, *first, *last;
  size_t inputs;  // of `first` for each dim: two where x is joined with -x
} dead_case;

static const dead_case cases[] = {
    {"\"type\":\"mlp\",\"hidden\":18,\"layers\":1", "layers.0", "layers.2", 1},
    {"\"type\":\"mlp\",\"hidden\":5,\"layers\":0", "layers.0", "layers.1", 1},
    {"\"type\":\"convnet\",\"channels\":6,\"blocks\":1,\"weight_norm\":false", "convs.0", "out_conv", 1},
    {"\"type\":\"glow\",\"channels\":18", "in_conv", "out_conv", 1},
    {"\"type\":\"highway\",\"channels\":18,\"blocks\":1", "in_conv", "out_conv", 1},
    {"\"type\":\"resnet\",\"channels\":6,\"blocks\":1,\"batch_norm\":false,\"weight_norm\":false", "in_conv", "out_conv", 2},
};

static weir_trainer *trainer_of(const char *net, bool reverse, bool affine) {
  char spec[1024];
  snprintf(spec, sizeof spec,
           "{\"version\":1,\"input\":{\"shape\":[%d],\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[{\"op\":"
           "\"coupling\",\"transform\":\"%s\",\"mask\":{\"type\":\"tabular\",\"reverse\":%s},\"net\":{%s}}]}",
           DIMS, affine ? "affine" : "additive", reverse ? "true" : "false", net);
  weir_train_options options = weir_train_options_default();
  options.batch = BATCH;
  weir_trainer *trainer = NULL;
  weir_error error = {0};
  if (expect(weir_trainer_create(spec, &options, &trainer, &error) == WEIR_OK, __FILE__, __LINE__, "the trainer is made",
             text_of("%s: %s: %s", net, error.where, error.message)))
    return NULL;
  model_parts parts = parts_of_spec(spec, 5);
  for (size_t i = 0; i < parts.count; i++) weir_trainer_tensor_write(trainer, i, parts.items[i].data);
  parts_free(&parts);
  return trainer;
}

// Sums the sizes of a tensor's gradient over all axes but one: sums [shape[axis]].
static size_t gradient_sizes(const weir_trainer *trainer, const char *name, size_t axis, double *sums, size_t most) {
  for (size_t i = 0; i < weir_trainer_tensor_count(trainer); i++) {
    weir_tensor_info info;
    weir_trainer_tensor_info(trainer, i, &info);
    if (strcmp(info.name, name) != 0 || axis >= info.rank || info.shape[axis] > most) continue;
    float *gradient = malloc(info.count * sizeof *gradient);
    weir_trainer_tensor_read(trainer, i, WEIR_TENSOR_GRADIENT, gradient);
    size_t inner = 1;
    for (size_t a = axis + 1; a < info.rank; a++) inner *= info.shape[a];
    for (size_t e = 0; e < info.shape[axis]; e++) sums[e] = 0;
    for (size_t e = 0; e < info.count; e++) sums[e / inner % info.shape[axis]] += fabs((double)gradient[e]);
    free(gradient);
    return info.shape[axis];
  }
  return 0;
}

// A tensor's gradient is other than zero where the dim, the place along an axis taken round DIMS, is in the half that is wanted.
static int expect_half(const weir_trainer *trainer, const char *name, size_t axis, size_t count, bool second) {
  double sums[4 * DIMS];
  int bad = 0;
  EXPECT(gradient_sizes(trainer, name, axis, sums, 4 * DIMS) == count, text_of("%s: not %zu places along its axis", name, count));
  for (size_t e = 0; e < count && bad == 0; e++)
    EXPECT((sums[e] != 0) == ((e % DIMS >= DIMS / 2) == second), text_of("%s: %zu along axis %zu: %g", name, e, axis, sums[e]));
  return bad;
}

int test_dead_weights(void) {
  int bad = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (unsigned variant = 0; variant < 4; variant++) {
      const bool reverse = variant & 1, affine = variant & 2;
      weir_trainer *trainer = trainer_of(cases[i].net, reverse, affine);
      if (trainer == NULL) return bad + 1;
      float x[BATCH * DIMS];
      double loss;
      weir_i_random_normal(3, 79, 0, x, BATCH * DIMS);
      EXPECT(weir_trainer_gradient(trainer, x, BATCH, &loss, NULL) == WEIR_OK, cases[i].net);
      char first[64], last[64], bias[64];
      snprintf(first, sizeof first, "steps.0.net.%s.weight", cases[i].first);
      snprintf(last, sizeof last, "steps.0.net.%s.weight", cases[i].last);
      snprintf(bias, sizeof bias, "steps.0.net.%s.bias", cases[i].last);
      const size_t outputs = affine ? 2 * DIMS : DIMS;
      bad += expect_half(trainer, first, 1, cases[i].inputs * DIMS, reverse);
      bad += expect_half(trainer, last, 0, outputs, !reverse);
      bad += expect_half(trainer, bias, 0, outputs, !reverse);
      if (affine) bad += expect_half(trainer, "steps.0.gain", 0, DIMS, !reverse);
      weir_trainer_close(trainer);
    }
  return bad;
}

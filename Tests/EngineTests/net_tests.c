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
  size_t slopes;  // tried for each tensor: fewer where weights are many
} net_case;

#define CHANNEL "\"type\":\"channel\",\"reverse\":"
#define TABULAR "\"type\":\"tabular\",\"reverse\":"
#define VERTICAL "\"type\":\"vertical\",\"reverse\":"

// Of the maps, 4 x 5 pixels are the fewest that layers/winograd_conv.c takes, from 8 channels on; 3 x 5 are too few for any number of them.
static const net_case cases[] = {
    {"[4,4,5]", CHANNEL, "\"type\":\"resnet\",\"channels\":6,\"blocks\":2", 4},
    {"[4,4,5]", CHANNEL, "\"type\":\"resnet\",\"channels\":6,\"blocks\":3,\"skip\":false,\"latent\":7", 4},
    {"[4,4,5]", CHANNEL, "\"type\":\"resnet\",\"channels\":9,\"blocks\":2", 4},
    {"[4,4,5]", CHANNEL, "\"type\":\"convnet\",\"channels\":6,\"blocks\":2", 4},
    {"[4,3,5]", CHANNEL, "\"type\":\"glow\",\"channels\":18", 4},
    {"[4,4,5]", CHANNEL, "\"type\":\"convnet\",\"channels\":18,\"blocks\":0,\"weight_norm\":false", 4},
    {"[4,4,5]", CHANNEL, "\"type\":\"glow\",\"channels\":18", 4},
    {"[4,4,5]", CHANNEL, "\"type\":\"highway\",\"channels\":18,\"blocks\":3", 4},
    {"[1,13,14]", VERTICAL, "\"type\":\"autoencoder\",\"latent\":5", 2},
    {"[2,4,4]", CHANNEL, "\"type\":\"autoencoder\",\"latent\":5,\"layout\":\"padded\"", 2},
    {"[7]", TABULAR, "\"type\":\"resnet\",\"channels\":6,\"blocks\":2", 4},
    {"[7]", TABULAR, "\"type\":\"resnet\",\"channels\":6,\"blocks\":2,\"batch_norm\":false", 4},
    {"[7]", TABULAR, "\"type\":\"convnet\",\"channels\":6,\"blocks\":2", 4},
    {"[6]", TABULAR, "\"type\":\"mlp\",\"hidden\":18,\"layers\":1", 4},
    {"[6]", TABULAR, "\"type\":\"mlp\",\"hidden\":18,\"layers\":2,\"dropout\":0.3", 4},
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

static double norm_of(const float *values, size_t count) {
  double square = 0;
  for (size_t i = 0; i < count; i++) square += (double)values[i] * values[i];
  return sqrt(square);
}

// The slope of the loss along a random direction of one tensor, by its gradient, as a part of the tolerance off the difference. That errs by
// rounding noise over its width, by how much the loss bends, which the difference at twice the width tells, and by rectifiers that switch in
// between. (Exact checks are those against the goldens.)
static double slope_error(weir_trainer *trainer, const float *x, size_t index, size_t count, uint64_t seed) {
  float *values = malloc(count * sizeof *values), *gradient = malloc(count * sizeof *gradient),
        *direction = malloc(count * sizeof *direction);
  double loss = NAN, slope = 0;
  weir_trainer_tensor_read(trainer, index, WEIR_TENSOR_VALUE, values);
  weir_trainer_gradient(trainer, x, BATCH, &loss, NULL);
  weir_trainer_tensor_read(trainer, index, WEIR_TENSOR_GRADIENT, gradient);
  weir_i_random_normal(seed, 78, index, direction, count);
  for (size_t i = 0; i < count; i++) slope += (double)gradient[i] * direction[i];
  const float h = (float)(0.0005 / norm_of(direction, count));
  const weir_train_batch batch = weir_train_batch_of(x, BATCH);
  double differences[2];
  for (int i = 0; i < 2; i++) {
    const float step = (float)(i + 1) * h;
    differences[i] = (moved_loss(trainer, &batch, index, values, direction, count, step) -
                      moved_loss(trainer, &batch, index, values, direction, count, -step)) /
                     (2 * step);
  }
  const double allowed =
      fabs(differences[0] - differences[1]) + 4 * FLT_EPSILON * (fabs(loss) + 1) / h + 0.02 * norm_of(gradient, count);
  const double part = fabs(slope - differences[0]) / allowed;
  free(values), free(gradient), free(direction);
  return part;
}

static float *samples_of(const weir_trainer *trainer, size_t n, uint64_t seed) {
  const size_t dims = weir_trainer_dims(trainer);
  float *x = malloc(n * dims * sizeof *x);
  for (size_t i = 0; i < n; i++) weir_i_random_normal(seed, 77, i, x + i * dims, dims);
  return x;
}

// A switching rectifier spoils a slope for one batch; a wrong gradient would spoil them for all.
int test_net_gradients(void) {
  int bad = 0;
  double worst = 0;
  size_t all_spoiled = 0, slopes = 0;
  for (size_t i = 0; i < CASES; i++) {
    weir_train_options options = weir_train_options_default();
    options.batch = BATCH;
    weir_trainer *trainer = trainer_of(&cases[i], options);
    if (trainer == NULL) return bad + 1;
    for (size_t t = 0; t < weir_trainer_tensor_count(trainer); t++) {
      weir_tensor_info info;
      weir_trainer_tensor_info(trainer, t, &info);
      if (!info.trainable) continue;
      size_t spoiled = 0;
      for (uint64_t seed = 0; seed < cases[i].slopes; seed++) {
        float *x = samples_of(trainer, BATCH, seed);
        const double part = slope_error(trainer, x, t, info.count, seed);
        if (part <= 1) worst = fmax(worst, part);
        spoiled += !(part <= 1);
        free(x);
      }
      EXPECT(2 * spoiled <= cases[i].slopes,
             text_of("%s: %s: %zu of %zu slopes are off", cases[i].net, info.name, spoiled, cases[i].slopes));
      all_spoiled += spoiled;
      slopes += cases[i].slopes;
    }
    weir_trainer_close(trainer);
  }
  note("%d nets, %zu of %zu slopes spoiled, the others at worst %.2f of the tolerance", (int)CASES, all_spoiled, slopes, worst);
  return bad;
}

// Each must be refused with a message that holds what is said to the right.
static const struct {
  const char *shape, *net, *says;
} refused[] = {
    {"[1,4,4]", "\"type\":\"convnet\",\"channels\":0,\"blocks\":1", "channels"},
    {"[1,4,4]", "\"type\":\"convnet\",\"channels\":3", "blocks"},
    {"[1,4,4]", "\"type\":\"convnet\",\"channels\":3,\"blocks\":1,\"skip\":true", "weight_norm"},
    {"[1,4,4]", "\"type\":\"glow\"", "channels"},
    {"[1,4,4]", "\"type\":\"glow\",\"channels\":3,\"chanels\":3", "chanels"},
    {"[1,4,4]", "\"type\":\"highway\",\"channels\":3,\"blocks\":2000", "1024"},
    {"[1,4,4]", "\"type\":\"highway\",\"channels\":65536,\"blocks\":1024", "smaller"},
    {"[1,4,4]", "\"type\":\"resnet\",\"channels\":3,\"blocks\":2,\"latent\":5", "\"skip\": false"},
    {"[1,4,4]", "\"type\":\"resnet\",\"channels\":3,\"blocks\":1,\"skip\":false,\"latent\":5", "2 or more"},
    {"[1,4,4]", "\"type\":\"resnet\",\"channels\":65536,\"blocks\":2,\"skip\":false,\"latent\":1048576", "smaller"},
    {"[1,28,28]", "\"type\":\"autoencoder\"", "latent"},
    {"[1,28,28]", "\"type\":\"autoencoder\",\"latent\":0", "latent"},
    {"[1,28,28]", "\"type\":\"autoencoder\",\"latent\":9,\"layout\":\"same\"", "padded"},
    {"[1,13,13]", "\"type\":\"autoencoder\",\"latent\":9", "14 x 14"},
    {"[1,30,30]", "\"type\":\"autoencoder\",\"latent\":9", "28 x 28 and 32 x 32"},
    {"[1,14,28]", "\"type\":\"autoencoder\",\"latent\":9", "14 x 28"},
    {"[1,500,500]", "\"type\":\"autoencoder\",\"latent\":9", "as it does to 164 x 164; resize"},
    {"[1,30,30]", "\"type\":\"autoencoder\",\"latent\":9,\"layout\":\"padded\"", "28 x 28 and 32 x 32"},
    {"[1,3,2]", "\"type\":\"autoencoder\",\"latent\":9,\"layout\":\"padded\"", "4 x 4"},
    {"[4]", "\"type\":\"mlp\",\"hidden\":3,\"layers\":1,\"dropout\":1", "below 1"},
    {"[4]", "\"type\":\"mlp\",\"hidden\":3,\"layers\":1,\"dropout\":-0.1", "dropout"},
};

int test_net_refusals(void) {
  int bad = 0;
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    char spec[1024];
    snprintf(spec, sizeof spec,
             "{\"version\":1,\"input\":{\"shape\":%s,\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":["
             "{\"op\":\"coupling\",\"mask\":{\"type\":\"%s\"},\"net\":{%s}}]}",
             refused[i].shape, strchr(refused[i].shape, ',') == NULL ? "tabular" : "checkerboard", refused[i].net);
    const weir_train_options options = weir_train_options_default();
    weir_trainer *trainer = NULL;
    weir_error error = {0};
    EXPECT(weir_trainer_create(spec, &options, &trainer, &error) == WEIR_ERROR_SPEC && error_is(&error, WEIR_ERROR_SPEC),
           refused[i].net);
    EXPECT(strstr(error.message, refused[i].says) != NULL || strstr(error.where, refused[i].says) != NULL,
           text_of("%s: %s: %s", refused[i].net, error.where, error.message));
    weir_trainer_close(trainer);
  }
  return bad;
}

static weir_trainer *fresh_trainer(const char *shape, const char *mask, const char *net) {
  char spec[1024];
  snprintf(spec, sizeof spec,
           "{\"version\":1,\"input\":{\"shape\":%s,\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":["
           "{\"op\":\"coupling\",\"mask\":{%sfalse},\"net\":{%s}}]}",
           shape, mask, net);
  weir_train_options options = weir_train_options_default();
  options.batch = BATCH;
  weir_trainer *trainer = NULL;
  const weir_status status = weir_trainer_create(spec, &options, &trainer, NULL);
  expect(status == WEIR_OK, __FILE__, __LINE__, "the trainer is made", net);
  return trainer;
}

// Fresh glow and highway nets change nothing: weights of deviation 0.05, and a last layer of zeros.
static int check_fresh_identity(const char *net) {
  int bad = 0;
  weir_trainer *trainer = fresh_trainer("[4,3,5]", CHANNEL, net);
  if (trainer == NULL) return 1;
  const size_t dims = weir_trainer_dims(trainer);
  float *x = samples_of(trainer, BATCH, 1);
  double scores[BATCH];
  EXPECT(weir_trainer_evaluate(trainer, x, BATCH, scores, NULL) == WEIR_OK, net);
  for (size_t i = 0; i < BATCH; i++) {
    const double expected = -0.5 * (pow(norm_of(x + i * dims, dims), 2) + (double)dims * log(6.283185307179586));
    EXPECT(fabs(scores[i] - expected) < 1e-5 * fabs(expected), text_of("%s: %g, not %g", net, scores[i], expected));
  }
  size_t count = 0;
  float *weight = trainer_tensor(trainer, "steps.0.net.in_conv.weight", &count);
  const double deviation = count == 0 ? 0 : norm_of(weight, count) / sqrt((double)count);
  EXPECT(fabs(deviation - 0.05) < 0.05 * 4 / sqrt(2.0 * (double)count),
         text_of("%s: %zu weights of deviation %g", net, count, deviation));
  free(x), free(weight);
  weir_trainer_close(trainer);
  return bad;
}

// Uniform in +-1/sqrt(fan in), which PyTorch takes from the weight's second size, for transposed convolutions too.
static int check_fresh_bound(const weir_trainer *trainer, const char *name, double fan_in) {
  int bad = 0;
  size_t count = 0;
  float *values = trainer_tensor(trainer, name, &count);
  double largest = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(values[i]));
  largest *= sqrt(fan_in);
  EXPECT(count > 200 && largest <= 1.000001 && largest > 0.97,
         text_of("%s: %zu numbers up to %g of the bound", name, count, largest));
  free(values);
  return bad;
}

int test_net_fresh_weights(void) {
  int bad = 0;
  bad += check_fresh_identity("\"type\":\"glow\",\"channels\":30");
  bad += check_fresh_identity("\"type\":\"highway\",\"channels\":30,\"blocks\":2");
  weir_trainer *trainer = fresh_trainer("[1,14,14]", VERTICAL, "\"type\":\"autoencoder\",\"latent\":9");
  if (trainer == NULL) return bad + 1;
  bad += check_fresh_bound(trainer, "steps.0.net.encoder.0.weight", 16);
  bad += check_fresh_bound(trainer, "steps.0.net.encoder.3.weight", 64 * 16);
  bad += check_fresh_bound(trainer, "steps.0.net.encode.weight", 128 * 2 * 2);
  bad += check_fresh_bound(trainer, "steps.0.net.decode.weight", 9);
  bad += check_fresh_bound(trainer, "steps.0.net.decoder.0.weight", 64 * 16);
  bad += check_fresh_bound(trainer, "steps.0.net.decoder.3.weight", 2 * 16);
  weir_trainer_close(trainer);
  return bad;
}

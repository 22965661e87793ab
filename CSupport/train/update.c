// What follows a good gradient: the optimizer's step on every trainable parameter, and the weights' moving average.
#include <math.h>
#include <string.h>

#include "train/trainer.h"

typedef struct update_job {
  weir_trainer *trainer;
  double rate;
  float scale;  // clipping
  float step_size, root_correction;
  float share;  // of the new weights in their average
} update_job;

// The kernel's betas are f32: corrections from the same numbers cancel their rounding.
static float step_size(const weir_train_options *options, double rate, double t) {
  return (float)(rate / (1 - pow((float)options->beta1, t)));
}

static float root_correction(const weir_train_options *options, double t) {
  return (float)(1 / sqrt(1 - pow((float)options->beta2, t)));
}

static void update_by_adam(const update_job *job, const weir_parameter *parameter, double decay) {
  const weir_trainer *trainer = job->trainer;
  const weir_train_options *options = &trainer->options;
  const weir_adam adam = {.value = trainer->values + parameter->offset,
                          .gradient = trainer->gradients + parameter->offset,
                          .m = trainer->m + parameter->offset,
                          .v = trainer->v + parameter->offset,
                          .count = parameter->count,
                          .scale = job->scale,
                          .decay = (float)decay,
                          .shrink = (float)(job->rate * decay),
                          .beta1 = (float)options->beta1,
                          .beta2 = (float)options->beta2,
                          .epsilon = (float)options->epsilon,
                          .step_size = job->step_size,
                          .root_correction = job->root_correction};
  if (options->optimizer == WEIR_OPTIMIZER_ADAMW)
    trainer->kernels->optimizer_adamw(&adam);
  else
    trainer->kernels->optimizer_adam(&adam);
}

static void update_by_rmsprop(const update_job *job, const weir_parameter *parameter, double decay) {
  const weir_trainer *trainer = job->trainer;
  const weir_rmsprop rmsprop = {.value = trainer->values + parameter->offset,
                                .gradient = trainer->gradients + parameter->offset,
                                .v = trainer->v + parameter->offset,
                                .count = parameter->count,
                                .scale = job->scale,
                                .decay = (float)decay,
                                .alpha = (float)trainer->options.alpha,
                                .epsilon = (float)trainer->options.epsilon,
                                .rate = (float)job->rate};
  trainer->kernels->optimizer_rmsprop(&rmsprop);
}

static void update_parameters(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const update_job *job = arg;
  const weir_trainer *trainer = job->trainer;
  const weir_train_options *options = &trainer->options;
  for (size_t i = begin; i < end; i++) {
    const weir_parameter *parameter = &trainer->flow.parameters.items[i];
    if (!parameter->trainable) continue;
    const double decay = parameter->decay || options->decay == WEIR_DECAY_ALL ? options->weight_decay : 0;
    if (options->optimizer == WEIR_OPTIMIZER_RMSPROP)
      update_by_rmsprop(job, parameter, decay);
    else
      update_by_adam(job, parameter, decay);
    if (trainer->average == NULL) continue;
    const weir_average average = {.average = trainer->average + parameter->offset,
                                  .value = trainer->values + parameter->offset,
                                  .count = parameter->count,
                                  .share = job->share};
    trainer->kernels->optimizer_average(&average);
  }
}

void weir_i_trainer_update(weir_trainer *trainer, double rate, double norm) {
  const weir_train_options *options = &trainer->options;
  const double t = (double)trainer->steps + 1, clip = options->clip_norm, d = options->average_decay;
  update_job job = {trainer, rate, clip > 0 && norm > clip ? (float)(clip / (norm + 1e-6)) : 1, step_size(options, rate, t),
                    root_correction(options, t),
                    // The weights of step k count d^(t - k), and all shares add up to 1 from the first step on.
                    (float)((1 - d) / (1 - pow(d, (double)trainer->averaged + 1)))};
  weir_i_parallel_for(&trainer->team, trainer->flow.parameters.count, update_parameters, &job);
  if (trainer->average != NULL) trainer->averaged++;
  weir_i_trainer_refresh(trainer, trainer->values);
}

static void exchange(float *a, float *b, size_t count) {
  for (size_t e = 0; e < count; e++) {
    const float kept = a[e];
    a[e] = b[e];
    b[e] = kept;
  }
}

// The average has trainable numbers only: batch norm's statistics, and what else is fixed, it takes from the weights.
static void complete_average(weir_trainer *trainer) {
  const weir_parameters *parameters = &trainer->flow.parameters;
  for (size_t i = 0; i < parameters->count; i++) {
    const weir_parameter *parameter = &parameters->items[i];
    if (!parameter->trainable || trainer->averaged == 0)
      memcpy(trainer->average + parameter->offset, trainer->values + parameter->offset, parameter->count * sizeof(float));
  }
  weir_i_trainer_refresh(trainer, trainer->average);
}

weir_status weir_trainer_swap_average(weir_trainer *trainer) {
  if (trainer == NULL || trainer->pooling) return WEIR_ERROR_ARGUMENT;
  if (trainer->average == NULL) return WEIR_ERROR_UNSUPPORTED;
  if (!trainer->exchanged) complete_average(trainer);
  exchange(trainer->values, trainer->average, trainer->flow.parameters.values);
  trainer->exchanged = !trainer->exchanged;
  return WEIR_OK;
}

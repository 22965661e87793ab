// One step of maximum likelihood: loss = mean of -log p(f(x)) - log|det df/dx|, its gradient, and Adam.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "train/trainer.h"

weir_flow_run weir_i_trainer_run(weir_trainer *trainer, size_t n, weir_statistics statistics) {
  return (weir_flow_run){
      .layers = {.kernels = trainer->kernels,
                 .team = trainer->team,
                 .scratch = &trainer->scratch,
                 .n = n,
                 .packed = trainer->packed,
                 .training = true,
                 .packed_training = trainer->packed_training,
                 .values = trainer->values,
                 .gradients = trainer->gradients,
                 .statistics = statistics,
                 .pool = trainer->pool},
      .parameters = &trainer->flow.parameters,
      .dims = trainer->flow.dims,
      .x = trainer->x,
      .z = trainer->z,
      .logdet = trainer->logdet,
      .noise = {.kind = trainer->options.noise,
                .stream = WEIR_I_STREAM_TRAIN_NOISE,
                .seed = trainer->options.seed,
                .first_index = (trainer->steps + trainer->pooled_batches) * trainer->options.batch},
      .dx = trainer->dx,
      .dz = trainer->dz,
      .dlogdet = trainer->dlogdet,
  };
}

void weir_i_trainer_pack(weir_trainer *trainer) {
  weir_i_flow_pack(&trainer->flow, &trainer->team, trainer->values, trainer->packed, trainer->packed_training);
}

double weir_i_trainer_forward(weir_trainer *trainer, const float *x, size_t n, weir_statistics statistics) {
  const size_t dims = trainer->flow.dims;
  memcpy(trainer->x, x, n * dims * sizeof *x);
  memset(trainer->logdet, 0, n * sizeof *trainer->logdet);
  weir_flow_run run = weir_i_trainer_run(trainer, n, statistics);
  weir_i_flow_forward(&trainer->flow, &run);
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum -= weir_i_prior_log_density(trainer->kernels, trainer->z + i * dims, dims) + trainer->logdet[i];
  return sum / (double)n;
}

static void square_parameters(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const weir_trainer *trainer = arg;
  for (size_t i = begin; i < end; i++) {
    const weir_parameter *parameter = &trainer->flow.parameters.items[i];
    trainer->norms[i] =
        parameter->trainable ? trainer->kernels->vecmath_sum_squares(trainer->gradients + parameter->offset, parameter->count) : 0;
  }
}

double weir_i_trainer_backward(weir_trainer *trainer, size_t n) {
  const size_t count = n * trainer->flow.dims;
  memset(trainer->gradients, 0, trainer->flow.parameters.values * sizeof *trainer->gradients);
  for (size_t e = 0; e < count; e++) trainer->dz[e] = trainer->z[e] / (float)n;
  for (size_t i = 0; i < n; i++) trainer->dlogdet[i] = -1.0f / (float)n;
  weir_flow_run run = weir_i_trainer_run(trainer, n, WEIR_STATISTICS_NONE);
  weir_i_flow_backward(&trainer->flow, &run);
  weir_i_parallel_for(&trainer->team, trainer->flow.parameters.count, square_parameters, trainer);
  double sum = 0;
  for (size_t i = 0; i < trainer->flow.parameters.count; i++) sum += trainer->norms[i];
  return sqrt(sum);
}

typedef struct update_job {
  weir_trainer *trainer;
  weir_adam adam;  // without arrays and decay
} update_job;

static void update_parameters(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const update_job *job = arg;
  weir_trainer *trainer = job->trainer;
  for (size_t i = begin; i < end; i++) {
    const weir_parameter *parameter = &trainer->flow.parameters.items[i];
    if (!parameter->trainable) continue;
    weir_adam adam = job->adam;
    adam.value = trainer->values + parameter->offset;
    adam.gradient = trainer->gradients + parameter->offset;
    adam.m = trainer->m + parameter->offset;
    adam.v = trainer->v + parameter->offset;
    adam.count = parameter->count;
    adam.decay = parameter->decay ? (float)trainer->options.weight_decay : 0;
    trainer->kernels->optimizer_adam(&adam);
  }
}

static void update(weir_trainer *trainer, double rate, double norm) {
  const weir_train_options *options = &trainer->options;
  const double t = (double)trainer->steps + 1, clip = options->clip_norm;
  // The kernel's betas are f32: corrections from the same numbers cancel their rounding.
  const double beta1 = (float)options->beta1, beta2 = (float)options->beta2;
  update_job job = {trainer,
                    {.scale = clip > 0 && norm > clip ? (float)(clip / (norm + 1e-6)) : 1,
                     .beta1 = (float)beta1,
                     .beta2 = (float)beta2,
                     .epsilon = (float)options->epsilon,
                     .step_size = (float)(rate / (1 - pow(beta1, t))),
                     .root_correction = (float)(1 / sqrt(1 - pow(beta2, t)))}};
  weir_i_parallel_for(&trainer->team, trainer->flow.parameters.count, update_parameters, &job);
}

static weir_status check_batch(const weir_trainer *trainer, const float *x, size_t n, weir_error *error) {
  if (trainer == NULL || x == NULL)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer", "trainer and x must not be NULL");
  if (n == 0 || n > trainer->options.batch)
    return weir_i_fail(error, WEIR_ERROR_SHAPE, "weir_trainer", "a batch must have 1 to %zu samples, not %zu",
                       trainer->options.batch, n);
  if (trainer->pooling)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer",
                       "batch norm is being re-estimated; call weir_trainer_reestimate_end first");
  return WEIR_OK;
}

weir_status weir_trainer_step(weir_trainer *trainer, const float *x, size_t n, double learning_rate, weir_step_report *report,
                              weir_error *error) {
  const weir_status status = check_batch(trainer, x, n, error);
  if (status != WEIR_OK) return status;
  if (!(learning_rate >= 0 && learning_rate <= 1e6))
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "learning_rate", "the learning rate must be 0 to 1e6, not %g", learning_rate);
  weir_step_report made = {.struct_size = sizeof made};
  weir_i_guard_before(trainer);
  weir_i_trainer_pack(trainer);
  made.loss = weir_i_trainer_forward(trainer, x, n, WEIR_STATISTICS_MOMENTUM);
  if (isfinite(made.loss)) made.gradient_norm = weir_i_trainer_backward(trainer, n);
  made.learning_rate = learning_rate * trainer->guard.rate_factor;
  const bool good = isfinite(made.loss) && isfinite(made.gradient_norm) && weir_i_guard_statistic(trainer) == NULL;
  bool hopeless = false;
  if (good) {
    weir_i_guard_good(trainer);
    update(trainer, made.learning_rate, made.gradient_norm);
  } else {
    made.skipped = 1;
    hopeless = !weir_i_guard_bad(trainer, x, n, made.loss, made.layer, sizeof made.layer);
  }
  trainer->steps++;
  made.step = trainer->steps;
  if (report != NULL) {
    made.struct_size = report->struct_size < sizeof made ? report->struct_size : sizeof made;
    memcpy(report, &made, made.struct_size);
  }
  if (hopeless)
    return weir_i_fail(error, WEIR_ERROR_NUMERIC, made.layer,
                       "still not finite after %zu steps in a row at falling rates; lower the learning rate",
                       trainer->guard.skipped_in_a_row);
  return WEIR_OK;
}

weir_status weir_trainer_gradient(weir_trainer *trainer, const float *x, size_t n, double *loss, weir_error *error) {
  const weir_status status = check_batch(trainer, x, n, error);
  if (status != WEIR_OK) return status;
  weir_i_trainer_pack(trainer);
  const double value = weir_i_trainer_forward(trainer, x, n, WEIR_STATISTICS_NONE);
  weir_i_trainer_backward(trainer, n);
  if (loss != NULL) *loss = value;
  return WEIR_OK;
}

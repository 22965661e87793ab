// One step of training: the data-dependent start when it is the first, loss and gradient of a batch, and the update.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/trainer.h"

weir_flow_run weir_i_trainer_run(weir_trainer *trainer, size_t n, weir_statistics statistics) {
  const uint64_t first_index = (trainer->steps + trainer->pooled_batches) * trainer->options.batch;
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
                 .pool = trainer->pool,
                 .seed = trainer->options.seed,
                 .index = first_index},
      .parameters = &trainer->flow.parameters,
      .dims = trainer->flow.dims,
      .x = trainer->x,
      .z = trainer->z,
      .logdet = trainer->logdet,
      .noise = {.kind = trainer->options.noise,
                .stream = WEIR_I_STREAM_TRAIN_NOISE,
                .seed = trainer->options.seed,
                .first_index = first_index},
      .dx = trainer->dx,
      .dz = trainer->dz,
      .dlogdet = trainer->dlog_likelihood,
      .factorise = weir_i_blas_lu,
  };
}

void weir_i_trainer_pack(weir_trainer *trainer) {
  weir_i_flow_pack(&trainer->flow, &trainer->team, trainer->values, trainer->packed, trainer->packed_training);
}

void weir_i_trainer_refresh(weir_trainer *trainer, float *values) {
  weir_flow_run run = weir_i_trainer_run(trainer, trainer->options.batch, WEIR_STATISTICS_NONE);
  run.layers.values = values;
  weir_i_flow_refresh(&trainer->flow, &run);
}

// Of in-distribution samples only, since those are what the flow is to fit. On failure all is as it was, `layer` says where, and the next
// batch has its turn. The weights are packed before and after.
static bool start(weir_trainer *trainer, const weir_train_batch *batch, char *layer, size_t layer_size) {
  if (trainer->started) return true;
  if (!weir_i_batch_good(trainer, batch->x, batch->n)) {
    snprintf(layer, layer_size, "input");
    return false;
  }
  weir_flow_run run = weir_i_trainer_run(trainer, weir_i_batch_load(trainer, batch, 0), WEIR_STATISTICS_NONE);
  const size_t failed = weir_i_flow_initialise(&trainer->flow, &run, trainer->packed, trainer->packed_training);
  trainer->started = failed == trainer->flow.step_count;
  if (trainer->started) {
    weir_i_guard_keep(trainer);
    return true;
  }
  snprintf(layer, layer_size, "steps.%zu (%s)", failed, trainer->flow.steps[failed].type->op);
  weir_i_guard_restore(trainer);
  weir_i_trainer_pack(trainer);
  return false;
}

static void give_report(const weir_step_report *made, weir_step_report *report) {
  if (report == NULL) return;
  const size_t size = report->struct_size < sizeof *made ? report->struct_size : sizeof *made;
  memcpy(report, made, size);
  report->struct_size = size;
}

weir_status weir_trainer_step_batch(weir_trainer *trainer, const weir_train_batch *batch, double learning_rate,
                                    weir_step_report *report, weir_error *error) {
  const weir_status status = weir_i_batch_check(trainer, batch, error);
  if (status != WEIR_OK) return status;
  if (!(learning_rate >= 0 && learning_rate <= 1e6))
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "learning_rate", "the learning rate must be 0 to 1e6, not %g", learning_rate);
  weir_step_report made = {.loss = NAN, .learning_rate = learning_rate * trainer->guard.rate_factor};
  weir_i_trainer_pack(trainer);
  bool good = start(trainer, batch, made.layer, sizeof made.layer), restored = false, hopeless = false;
  weir_i_guard_before(trainer);
  if (good) {
    const weir_loss loss = weir_i_batch_forward(trainer, batch, WEIR_STATISTICS_MOMENTUM);
    made.loss = loss.mean;
    made.negative_mean = loss.negative_mean;
    made.negative_count = loss.negative_count;
    if (isfinite(loss.value)) made.gradient_norm = weir_i_batch_backward(trainer, loss.n);
    good = isfinite(loss.value) && isfinite(made.gradient_norm) && weir_i_guard_statistic(trainer) == NULL;
    if (!good) weir_i_guard_name(trainer, batch, &loss, made.layer, sizeof made.layer);
  }
  if (!good) {
    made.skipped = 1;
    hopeless = !weir_i_guard_bad(trainer, strcmp(made.layer, "input") == 0, &restored);
  } else if (weir_i_guard_good(trainer, made.loss)) {
    weir_i_trainer_update(trainer, made.learning_rate, made.gradient_norm);
  } else {
    made.skipped = restored = true;
    snprintf(made.layer, sizeof made.layer, "loss");
  }
  made.restored = restored;
  trainer->steps++;
  made.step = trainer->steps;
  give_report(&made, report);
  if (hopeless)
    return weir_i_fail(error, WEIR_ERROR_NUMERIC, made.layer,
                       "still not finite after %zu steps in a row at falling rates; lower the learning rate",
                       trainer->guard.skipped_in_a_row);
  return WEIR_OK;
}

weir_status weir_trainer_step(weir_trainer *trainer, const float *x, size_t n, double learning_rate, weir_step_report *report,
                              weir_error *error) {
  const weir_train_batch batch = weir_train_batch_of(x, n);
  return weir_trainer_step_batch(trainer, &batch, learning_rate, report, error);
}

weir_status weir_trainer_gradient_batch(weir_trainer *trainer, const weir_train_batch *batch, double *loss, weir_error *error) {
  const weir_status status = weir_i_batch_check(trainer, batch, error);
  if (status != WEIR_OK) return status;
  char layer[sizeof(((weir_step_report *)NULL)->layer)];
  weir_i_trainer_pack(trainer);
  start(trainer, batch, layer, sizeof layer);
  const weir_loss made = weir_i_batch_forward(trainer, batch, WEIR_STATISTICS_NONE);
  weir_i_batch_backward(trainer, made.n);
  if (loss != NULL) *loss = made.value;
  return WEIR_OK;
}

weir_status weir_trainer_gradient(weir_trainer *trainer, const float *x, size_t n, double *loss, weir_error *error) {
  const weir_train_batch batch = weir_train_batch_of(x, n);
  return weir_trainer_gradient_batch(trainer, &batch, loss, error);
}

weir_status weir_trainer_evaluate(weir_trainer *trainer, const float *x, size_t n, double *log_likelihood, weir_error *error) {
  if (trainer == NULL || x == NULL || log_likelihood == NULL)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer_evaluate", "trainer, x and log_likelihood must not be NULL");
  if (n == 0 || n > trainer->options.batch)
    return weir_i_fail(error, WEIR_ERROR_SHAPE, "weir_trainer_evaluate", "n must be 1 to %zu, not %zu", trainer->options.batch, n);
  const weir_train_batch batch = weir_train_batch_of(x, n);
  weir_i_trainer_pack(trainer);
  weir_flow_run run = weir_i_trainer_run(trainer, weir_i_batch_load(trainer, &batch, 0), WEIR_STATISTICS_NONE);
  run.layers.training = false;
  run.noise.kind = WEIR_NOISE_MIDPOINT;
  weir_i_flow_forward(&trainer->flow, &run);
  for (size_t i = 0; i < n; i++) log_likelihood[i] = weir_i_flow_score(&trainer->flow, &run, i, WEIR_LABEL_UNKNOWN);
  return WEIR_OK;
}

// One pass of a batch: which samples take part, their loss, and its gradients. Without out-of-distribution samples the loss is the mean of
// -log p; with them (Kirichenko et al. 2020, appendix B) it is 0.5 (mean NLL of x + mean log p of those above the floor).
#include <math.h>
#include <string.h>

#include "train/trainer.h"

weir_train_batch weir_train_batch_of(const float *x, size_t n) {
  return (weir_train_batch){.struct_size = sizeof(weir_train_batch), .x = x, .n = n, .negative_floor = -3e4};
}

static weir_status check_labels(const weir_trainer *trainer, const weir_train_batch *batch, weir_error *error) {
  const weir_prior *prior = &trainer->flow.prior;
  if (batch->labels == NULL) return WEIR_OK;
  if (!prior->type->has_classes)
    return weir_i_fail(error, WEIR_ERROR_UNSUPPORTED, "labels",
                       "a %s prior has no classes; leave labels out or use a gaussian_mixture", prior->type->type);
  for (size_t i = 0; i < batch->n; i++)
    if (batch->labels[i] < WEIR_LABEL_UNKNOWN || (batch->labels[i] >= 0 && (size_t)batch->labels[i] >= prior->components))
      return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "labels", "label %zu is %d and must be 0 to %zu, or -1 for unknown", i,
                         (int)batch->labels[i], prior->components - 1);
  return WEIR_OK;
}

weir_status weir_i_batch_check(const weir_trainer *trainer, const weir_train_batch *batch, weir_error *error) {
  const char *where = "weir_train_batch";
  if (trainer == NULL || batch == NULL || batch->x == NULL)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer", "trainer and x must not be NULL");
  if (batch->struct_size < sizeof *batch) return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where, "start from weir_train_batch_of()");
  const size_t most = trainer->options.batch, negatives = batch->negative == NULL ? 0 : batch->negative_n;
  if (batch->negative == NULL && batch->negative_n != 0)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where, "negative is NULL and negative_n is %zu", batch->negative_n);
  if (batch->n == 0 || batch->n > most || negatives > most - batch->n)
    return weir_i_fail(error, WEIR_ERROR_SHAPE, "weir_trainer",
                       "a batch must have 1 to %zu samples, negative ones included, not %zu", most,
                       batch->n > most ? batch->n : batch->n + negatives);
  if (isnan(batch->negative_floor)) return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where, "negative_floor is not a number");
  if (trainer->pooling)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer",
                       "batch norm is being re-estimated; call weir_trainer_reestimate_end first");
  if (trainer->exchanged)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer",
                       "the weights are exchanged with their average; call weir_trainer_swap_average first");
  return check_labels(trainer, batch, error);
}

// Also refuses values outside what an 8-bit image may hold.
bool weir_i_batch_good(const weir_trainer *trainer, const float *x, size_t n) {
  const bool image = trainer->flow.levels != 0;
  for (size_t e = 0; e < n * trainer->flow.dims; e++)
    if (!isfinite(x[e]) || (image && !(x[e] >= -0.5f && x[e] <= 255.5f))) return false;
  return true;
}

size_t weir_i_batch_load(weir_trainer *trainer, const weir_train_batch *batch, size_t negatives) {
  const size_t dims = trainer->flow.dims;
  memcpy(trainer->x, batch->x, batch->n * dims * sizeof *trainer->x);
  for (size_t k = 0; k < negatives; k++)
    memcpy(trainer->x + (batch->n + k) * dims, batch->negative + trainer->negatives[k] * dims, dims * sizeof *trainer->x);
  const size_t n = batch->n + negatives;
  for (size_t i = 0; i < n; i++) trainer->labels[i] = batch->labels != NULL && i < batch->n ? batch->labels[i] : WEIR_LABEL_UNKNOWN;
  memset(trainer->logdet, 0, n * sizeof *trainer->logdet);
  return n;
}

// A sample that is none (NaN, no pixel) is certain to be below any floor: one less to spoil the statistics of the others.
static size_t choose_negatives(weir_trainer *trainer, const weir_train_batch *batch) {
  size_t count = 0;
  for (size_t i = 0; batch->negative != NULL && i < batch->negative_n; i++)
    if (weir_i_batch_good(trainer, batch->negative + i * trainer->flow.dims, 1)) trainer->negatives[count++] = i;
  return count;
}

// Leaves out the negative samples whose log-likelihood is not finite; returns how many stay.
static size_t keep_finite(weir_trainer *trainer, size_t n, size_t negatives) {
  size_t count = 0;
  for (size_t k = 0; k < negatives; k++)
    if (isfinite(trainer->log_likelihood[n + k])) trainer->negatives[count++] = trainer->negatives[k];
  return count;
}

static void forward(weir_trainer *trainer, size_t n, weir_statistics statistics) {
  weir_flow_run run = weir_i_trainer_run(trainer, n, statistics);
  weir_i_flow_forward(&trainer->flow, &run);
  for (size_t i = 0; i < n; i++)
    trainer->log_likelihood[i] = weir_i_flow_log_likelihood(&trainer->flow, &run, i, trainer->labels[i]);
}

// The loss of a forward, and its derivative by each sample's log-likelihood.
static weir_loss weigh(weir_trainer *trainer, const weir_train_batch *batch, size_t negatives) {
  const size_t n = batch->n;
  weir_loss loss = {.n = n + negatives};
  double sum = 0, negative_sum = 0;
  for (size_t i = 0; i < n; i++) sum -= trainer->log_likelihood[i];
  for (size_t i = n; i < loss.n; i++) {
    if (!(trainer->log_likelihood[i] > batch->negative_floor)) continue;
    negative_sum += trainer->log_likelihood[i];
    loss.negative_count++;
  }
  const double half = loss.negative_count > 0 ? 0.5 : 1;
  loss.mean = sum / (double)n;
  if (loss.negative_count > 0) loss.negative_mean = negative_sum / (double)loss.negative_count;
  loss.value = half * (loss.mean + loss.negative_mean);
  for (size_t i = 0; i < n; i++) trainer->dlog_likelihood[i] = (float)(-half / (double)n);
  for (size_t i = n; i < loss.n; i++)
    trainer->dlog_likelihood[i] =
        trainer->log_likelihood[i] > batch->negative_floor ? (float)(half / (double)loss.negative_count) : 0;
  return loss;
}

// A sample whose activations overflowed would spoil gradients even at weight 0, and through batch norm all other samples: what does not
// count for that reason takes no part, and the others pass again.
weir_loss weir_i_batch_forward(weir_trainer *trainer, const weir_train_batch *batch, weir_statistics statistics) {
  size_t negatives = choose_negatives(trainer, batch);
  for (;;) {
    forward(trainer, weir_i_batch_load(trainer, batch, negatives), statistics);
    const size_t stay = keep_finite(trainer, batch->n, negatives);
    if (stay == negatives) return weigh(trainer, batch, negatives);
    negatives = stay;
    if (statistics == WEIR_STATISTICS_MOMENTUM) weir_i_guard_undo_statistics(trainer);
  }
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

double weir_i_batch_backward(weir_trainer *trainer, size_t n) {
  const weir_prior *prior = &trainer->flow.prior;
  const weir_parameters *parameters = &trainer->flow.parameters;
  memset(trainer->gradients, 0, parameters->values * sizeof *trainer->gradients);
  for (size_t i = 0; i < n; i++)
    prior->type->backward(prior, trainer->kernels, parameters, trainer->packed, trainer->z + i * prior->dims, trainer->labels[i],
                          trainer->dlog_likelihood[i], trainer->dz + i * prior->dims, trainer->gradients);
  weir_flow_run run = weir_i_trainer_run(trainer, n, WEIR_STATISTICS_NONE);
  weir_i_flow_backward(&trainer->flow, &run);
  weir_i_parallel_for(&trainer->team, parameters->count, square_parameters, trainer);
  double sum = 0;
  for (size_t i = 0; i < parameters->count; i++) sum += trainer->norms[i];
  return sqrt(sum);
}

// Batch norm's population statistics from many batches ("precise batch norm"): running averages of the last few make likelihoods swing.
#include <math.h>
#include <string.h>

#include "train/trainer.h"

weir_status weir_trainer_reestimate_begin(weir_trainer *trainer) {
  if (trainer == NULL) return WEIR_ERROR_ARGUMENT;
  memset(trainer->pool, 0, 2 * trainer->flow.norm_channels * sizeof *trainer->pool);
  trainer->pooled_batches = trainer->pooled_samples = 0;
  trainer->pooling = true;
  weir_i_trainer_pack(trainer);
  return WEIR_OK;
}

weir_status weir_trainer_reestimate_add(weir_trainer *trainer, const float *x, size_t n) {
  if (trainer == NULL || x == NULL || !trainer->pooling) return WEIR_ERROR_ARGUMENT;
  if (n == 0 || n > trainer->options.batch) return WEIR_ERROR_SHAPE;
  const weir_train_batch batch = weir_train_batch_of(x, n);
  const weir_loss loss = weir_i_batch_forward(trainer, &batch, WEIR_STATISTICS_POOL);
  trainer->pooled_batches++;
  trainer->pooled_samples += n;
  return isfinite(loss.value) ? WEIR_OK : WEIR_ERROR_NUMERIC;
}

static void set_norm(weir_trainer *trainer, const weir_norm *norm, size_t samples) {
  const weir_parameter *items = trainer->flow.parameters.items;
  for (size_t i = 0; i < norm->c; i++) {
    const double *sums = trainer->pool + 2 * (norm->first_channel + i);
    const double count = (double)samples, mean = sums[0] / count, variance = sums[1] / count - mean * mean;
    trainer->values[items[norm->mean].offset + i] = (float)mean;
    trainer->values[items[norm->variance].offset + i] = (float)(variance > 0 ? variance : 0);
  }
}

weir_status weir_trainer_reestimate_end(weir_trainer *trainer) {
  if (trainer == NULL || !trainer->pooling) return WEIR_ERROR_ARGUMENT;
  trainer->pooling = false;
  bool finite = true;
  for (size_t i = 0; i < 2 * trainer->flow.norm_channels; i++) finite = finite && isfinite((float)trainer->pool[i]);
  for (size_t s = 0; s < trainer->flow.step_count && finite && trainer->pooled_samples > 0; s++) {
    const weir_net *net = weir_i_step_net(&trainer->flow.steps[s]);
    const size_t samples = weir_i_step_net_samples(&trainer->flow.steps[s], trainer->pooled_samples);
    for (size_t l = 0; net != NULL && l < net->layer_count; l++)
      if (net->layers[l].norm != NULL) set_norm(trainer, net->layers[l].norm, samples);
  }
  trainer->pooled_batches = trainer->pooled_samples = 0;
  return finite ? WEIR_OK : WEIR_ERROR_NUMERIC;
}

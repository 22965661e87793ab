// The guard (DESIGN 7). A step whose loss or gradient is not finite never reaches the weights. If the next one fails too, the weights themselves
// are to blame: the last good state comes back. So it does when training diverges without a NaN, which a learning rate that is too high
// does: when most of the losses since that state was kept are far above its own. What is kept is a state whose loss and gradient were finite,
// before the update that follows from them, at most KEEP_EVERY steps old while all goes well.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/trainer.h"

enum { KEEP_EVERY = 32, GIVE_UP_AFTER = 60 };
// The rate lowered for steps that were not finite comes back over about 500 good steps for each halving. Rates at which training diverged
// don't come back.
static const double recovery = 1.0014;
// Far above: nats per dimension. One bad batch is no divergence, and a run that goes well does not lose that much again.
static const double far_above = 1;

static void copy_fixed(weir_trainer *trainer, bool save) {
  const weir_parameters *parameters = &trainer->flow.parameters;
  float *fixed = trainer->guard.fixed;
  for (size_t i = 0; i < parameters->count; i++) {
    const weir_parameter *parameter = &parameters->items[i];
    if (parameter->trainable) continue;
    float *values = trainer->values + parameter->offset;
    memcpy(save ? fixed : values, save ? values : fixed, parameter->count * sizeof *fixed);
    fixed += parameter->count;
  }
}

static void copy_all(weir_trainer *trainer, bool save) {
  const size_t bytes = trainer->flow.parameters.values * sizeof(float);
  float *const now[] = {trainer->values, trainer->v, trainer->m, trainer->average};
  float *const then[] = {trainer->guard.values, trainer->guard.v, trainer->guard.m, trainer->guard.average};
  for (size_t i = 0; i < sizeof now / sizeof now[0]; i++)
    if (now[i] != NULL) memcpy(save ? then[i] : now[i], save ? now[i] : then[i], bytes);
}

static void begin_count(weir_guard *guard) {
  guard->low_sum = 0;
  guard->low_steps = guard->high_steps = 0;
}

void weir_i_guard_keep(weir_trainer *trainer) {
  copy_all(trainer, true);
  trainer->guard.averaged = trainer->averaged;
  begin_count(&trainer->guard);
}

void weir_i_guard_restore(weir_trainer *trainer) {
  copy_all(trainer, false);
  trainer->averaged = trainer->guard.averaged;
  begin_count(&trainer->guard);
  trainer->guard.at_good_state = true;
}

void weir_i_guard_before(weir_trainer *trainer) { copy_fixed(trainer, true); }

void weir_i_guard_undo_statistics(weir_trainer *trainer) { copy_fixed(trainer, false); }

bool weir_i_guard_good(weir_trainer *trainer, double loss) {
  weir_guard *guard = &trainer->guard;
  // The good state's own loss is never far above: other data may have come since.
  if (guard->at_good_state) guard->level = fmax(guard->level, loss);
  guard->at_good_state = false;
  const bool high = loss > guard->level + far_above * (double)trainer->flow.dims;
  if (high) {
    guard->high_steps++;
  } else if (guard->skipped_in_a_row == 0) {
    guard->low_steps++;
    guard->low_sum += loss;
  }
  guard->skipped_in_a_row = 0;
  if (guard->high_steps > KEEP_EVERY / 2) {
    guard->rate_factor /= 2;
    guard->rate_ceiling = guard->rate_factor;
    weir_i_guard_undo_statistics(trainer);
    weir_i_guard_restore(trainer);
    return false;
  }
  if (!high && guard->low_steps + guard->high_steps >= KEEP_EVERY) {
    guard->level = guard->low_sum / (double)guard->low_steps;
    weir_i_guard_keep(trainer);
  }
  guard->rate_factor = fmin(guard->rate_ceiling, guard->rate_factor * recovery);
  return true;
}

static bool all_finite(const float *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i])) return false;
  return true;
}

// Walks forward step by step to the first whose output is not finite.
static void name_step(weir_trainer *trainer, const weir_train_batch *batch, size_t negatives, char *layer, size_t size) {
  const weir_flow *flow = &trainer->flow;
  const size_t n = weir_i_batch_load(trainer, batch, negatives);
  weir_flow_run run = weir_i_trainer_run(trainer, n, WEIR_STATISTICS_NONE);
  run.z_used = 0;
  for (size_t i = 0; i < flow->step_count; i++) {
    const weir_step *step = &flow->steps[i];
    step->type->forward(step, &run);
    bool finite = true;
    for (size_t k = 0; k < n && finite; k++)
      finite = isfinite(run.logdet[k]) && all_finite(weir_i_run_x(&run, k), weir_i_map_count(step->out));
    if (finite) continue;
    snprintf(layer, size, "steps.%zu (%s)", i, step->type->op);
    return;
  }
  snprintf(layer, size, "prior");
}

// Gradients run from the last step to the first, so the last parameter in the list that is not finite was the first to go wrong.
static void name_parameter(const weir_trainer *trainer, char *layer, size_t size) {
  const weir_parameters *parameters = &trainer->flow.parameters;
  for (size_t i = parameters->count; i-- > 0;) {
    const weir_parameter *parameter = &parameters->items[i];
    if (all_finite(trainer->gradients + parameter->offset, parameter->count)) continue;
    snprintf(layer, size, "gradient of %s", parameter->name);
    return;
  }
  snprintf(layer, size, "gradient norm");
}

const weir_parameter *weir_i_guard_statistic(const weir_trainer *trainer) {
  const weir_parameters *parameters = &trainer->flow.parameters;
  for (size_t i = 0; i < parameters->count; i++) {
    const weir_parameter *parameter = &parameters->items[i];
    if (!parameter->trainable && !all_finite(trainer->values + parameter->offset, parameter->count)) return parameter;
  }
  return NULL;
}

void weir_i_guard_name(weir_trainer *trainer, const weir_train_batch *batch, const weir_loss *loss, char *layer,
                       size_t layer_size) {
  if (!weir_i_batch_good(trainer, batch->x, batch->n)) {
    snprintf(layer, layer_size, "input");
  } else if (!isfinite(loss->value)) {
    name_step(trainer, batch, loss->n - batch->n, layer, layer_size);
  } else if (weir_i_guard_statistic(trainer) != NULL) {
    snprintf(layer, layer_size, "%s", weir_i_guard_statistic(trainer)->name);
  } else {
    name_parameter(trainer, layer, layer_size);
  }
}

bool weir_i_guard_bad(weir_trainer *trainer, bool bad_input, bool *restored) {
  weir_guard *guard = &trainer->guard;
  weir_i_guard_undo_statistics(trainer);
  *restored = false;
  if (bad_input) return true;
  guard->skipped_in_a_row++;
  guard->rate_factor /= 2;
  *restored = guard->skipped_in_a_row >= 2;
  if (*restored) weir_i_guard_restore(trainer);
  return guard->skipped_in_a_row < GIVE_UP_AFTER;
}

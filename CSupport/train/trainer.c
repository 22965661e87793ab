// Creating trainers: options and memory.
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_BATCH = 1 << 16, MOST_THREADS = 1024 };

weir_train_options weir_train_options_default(void) {
  return (weir_train_options){.struct_size = sizeof(weir_train_options),
                              .batch = 32,
                              .threads = 1,
                              .noise = WEIR_NOISE_SEED,
                              .optimizer = WEIR_OPTIMIZER_ADAM,
                              .beta1 = 0.9,
                              .beta2 = 0.999,
                              .alpha = 0.99,
                              .epsilon = 1e-8,
                              .weight_decay = 5e-5,
                              .decay = WEIR_DECAY_GAINS,
                              .clip_norm = 100,
                              .memory_budget = (size_t)32 << 20};
}

// Kernels hold these as f32, where 0.999999999 is 1 and 1e-50 is 0.
static bool unit(double value) { return value >= 0 && (float)value < 1; }

static weir_status check_options(const weir_train_options *options, weir_error *error) {
  const char *where = "weir_train_options";
  if (options == NULL || options->struct_size < sizeof *options)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where, "start from weir_train_options_default()");
  if (options->batch < 1 || options->batch > MOST_BATCH || options->threads < 1 || options->threads > MOST_THREADS)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where, "batch must be 1 to %d and threads 1 to %d", MOST_BATCH, MOST_THREADS);
  if (options->noise != WEIR_NOISE_SEED && options->noise != WEIR_NOISE_MIDPOINT)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where, "training noise must be seeded or the midpoint");
  if (options->optimizer < WEIR_OPTIMIZER_ADAM || options->optimizer > WEIR_OPTIMIZER_RMSPROP)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where, "the optimizer must be one of WEIR_OPTIMIZER_*, not %d",
                       (int)options->optimizer);
  if (options->decay != WEIR_DECAY_GAINS && options->decay != WEIR_DECAY_ALL)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where, "decay must be one of WEIR_DECAY_*, not %d", (int)options->decay);
  if (!unit(options->beta1) || !unit(options->beta2) || !unit(options->alpha) || !unit(options->average_decay) ||
      !((float)options->epsilon > 0) || !isfinite((float)options->epsilon))
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where,
                       "beta1, beta2, alpha and average_decay must be in [0, 1) and epsilon above 0, as 32-bit numbers");
  if (!(options->weight_decay >= 0 && isfinite((float)options->weight_decay) && options->clip_norm >= 0 &&
        isfinite(options->clip_norm)))
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where,
                       "weight_decay and clip_norm must be 0 or more, and finite as 32-bit numbers");
  if (options->executor != NULL && (options->executor->struct_size < sizeof *options->executor || options->executor->run == NULL))
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, where, "the executor needs its struct_size and run function");
  return WEIR_OK;
}

// Keeps the activations of as many couplings as the budget allows, first ones first.
static void plan_kept(weir_trainer *trainer, weir_arena *arena) {
  size_t left = trainer->options.memory_budget;
  for (size_t i = 0; i < trainer->flow.step_count; i++) {
    weir_step *step = &trainer->flow.steps[i];
    const weir_net *net = weir_i_step_net(step);
    if (net == NULL) continue;
    weir_arena measure = weir_i_arena_measure();
    const size_t samples = weir_i_step_net_samples(step, trainer->options.batch);
    weir_i_net_take(net, &measure, samples, true);
    step->keeps_activations = !measure.overflow && measure.used <= left;
    if (!step->keeps_activations) continue;
    left -= measure.used;
    step->kept = weir_i_net_take(net, arena, samples, true);
  }
}

static void plan(weir_trainer *trainer, weir_arena *arena) {
  const weir_flow *flow = &trainer->flow;
  const size_t count = flow->parameters.values, fixed = count - flow->parameters.trainable,
               states = trainer->options.batch * flow->dims;
  const bool means = trainer->options.optimizer != WEIR_OPTIMIZER_RMSPROP, average = trainer->options.average_decay > 0;
  const struct {
    float **vector;
    bool used;
  } vectors[] = {{&trainer->values, true},   {&trainer->gradients, true},  {&trainer->m, means},
                 {&trainer->v, true},        {&trainer->average, average}, {&trainer->guard.values, true},
                 {&trainer->guard.m, means}, {&trainer->guard.v, true},    {&trainer->guard.average, average}};
  for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
    if (vectors[i].used) *vectors[i].vector = weir_i_arena_take(arena, count, sizeof(float));
  trainer->guard.fixed = weir_i_arena_take(arena, fixed, sizeof(float));
  trainer->packed = weir_i_arena_take(arena, flow->packed, sizeof(float));
  trainer->packed_training = weir_i_arena_take(arena, flow->packed_training, sizeof(float));
  float **const maps[] = {&trainer->x, &trainer->z, &trainer->dx, &trainer->dz};
  for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) *maps[i] = weir_i_arena_take(arena, states, sizeof(float));
  trainer->logdet = weir_i_arena_take(arena, trainer->options.batch, sizeof(double));
  trainer->log_likelihood = weir_i_arena_take(arena, trainer->options.batch, sizeof(double));
  trainer->dlog_likelihood = weir_i_arena_take(arena, trainer->options.batch, sizeof(float));
  trainer->labels = weir_i_arena_take(arena, trainer->options.batch, sizeof(int32_t));
  trainer->negatives = weir_i_arena_take(arena, trainer->options.batch, sizeof(size_t));
  trainer->norms = weir_i_arena_take(arena, flow->parameters.count, sizeof(double));
  trainer->pool = weir_i_arena_take(arena, 2 * flow->norm_channels, sizeof(double));
  plan_kept(trainer, arena);

  weir_arena measure = weir_i_arena_measure();
  weir_flow_run run = {
      .layers =
          {.kernels = trainer->kernels, .team = trainer->team, .scratch = &measure, .n = trainer->options.batch, .training = true},
      .parameters = &flow->parameters,
      .dims = flow->dims,
  };
  weir_i_flow_reserve(flow, &run);
  run.layers.training = false;  // evaluation
  weir_i_flow_reserve(flow, &run);
  if (measure.overflow) arena->overflow = true;
  trainer->scratch = weir_i_arena_over(weir_i_arena_take(arena, measure.peak, 1), measure.peak);
}

static weir_status refuse_untrainable(const weir_flow *flow, weir_error *error) {
  for (size_t i = 0; i < flow->step_count && !weir_i_blas_present(); i++) {
    const weir_bijector *type = flow->steps[i].type;
    if (!type->factorises) continue;
    char where[32];
    snprintf(where, sizeof where, "steps.%zu", i);
    return weir_i_fail(error, WEIR_ERROR_UNSUPPORTED, where,
                       "this build scores with %s but can't train it: the library was built without LAPACK; configure it with "
                       "WEIR_BLAS=ON",
                       type->op);
  }
  return WEIR_OK;
}

weir_status weir_i_trainer_memory(weir_trainer *trainer, weir_error *error) {
  weir_arena measure = weir_i_arena_measure();
  plan(trainer, &measure);
  const size_t bytes = measure.used;
  if (!measure.overflow) trainer->memory = weir_i_allocate(&trainer->allocator, bytes);
  if (trainer->memory == NULL)
    return weir_i_fail(error, WEIR_ERROR_MEMORY, "",
                       "no memory for %zu bytes of training state; use a smaller batch or memory budget", bytes);
  trainer->memory_bytes = bytes;
  weir_arena arena = weir_i_arena_over(trainer->memory, bytes);
  plan(trainer, &arena);
  return WEIR_OK;
}

weir_status weir_i_trainer_make(const char *spec, size_t length, const weir_train_options *options, weir_trainer **trainer,
                                weir_error *error) {
  weir_status status = check_options(options, error);
  weir_allocator allocator;
  if (status != WEIR_OK) return status;
  if (weir_i_allocator(options->allocator, &allocator) != WEIR_OK)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_train_options", "the allocator needs both functions");
  const char *refused;
  const weir_isa isa = weir_i_isa_choose(&refused);
  if (refused != NULL)
    return weir_i_fail(error, WEIR_ERROR_UNSUPPORTED, "WEIR_ISA",
                       "\"%.40s\" is not a kernel set of this CPU and this build; unset it", refused);
  weir_trainer *made = weir_i_allocate(&allocator, sizeof *made);
  if (made == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, "", "no memory for a trainer");
  made->allocator = allocator;
  made->options = *options;
  if (options->executor != NULL) made->executor = *options->executor;
  made->team = (weir_team){options->threads, options->executor == NULL ? NULL : &made->executor};
  made->kernels = weir_i_kernels(isa);
  made->guard.rate_factor = made->guard.rate_ceiling = 1;
  made->guard.level = -INFINITY;
  made->guard.at_good_state = true;
  status = weir_i_flow_build(&made->flow, spec, length, &allocator, error);
  if (status == WEIR_OK) status = refuse_untrainable(&made->flow, error);
  if (status != WEIR_OK) {
    weir_trainer_close(made);
    return status;
  }
  *trainer = made;
  return WEIR_OK;
}

weir_status weir_trainer_create(const char *spec_json, const weir_train_options *options, weir_trainer **trainer,
                                weir_error *error) {
  if (trainer == NULL || spec_json == NULL)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, "weir_trainer_create", "spec_json and trainer must not be NULL");
  *trainer = NULL;
  weir_trainer *made = NULL;
  weir_status status = weir_i_trainer_make(spec_json, strlen(spec_json), options, &made, error);
  if (status == WEIR_OK) status = weir_i_trainer_memory(made, error);
  if (status != WEIR_OK) {
    weir_trainer_close(made);
    return status;
  }
  weir_i_trainer_initialise(made);
  weir_i_trainer_refresh(made, made->values);
  weir_i_guard_keep(made);
  made->started = !weir_i_flow_starts_from_data(&made->flow);
  *trainer = made;
  return WEIR_OK;
}

void weir_trainer_close(weir_trainer *trainer) {
  if (trainer == NULL) return;
  const weir_allocator allocator = trainer->allocator;
  weir_i_release(&allocator, trainer->memory, trainer->memory_bytes);
  weir_i_flow_release(&trainer->flow);
  weir_i_release(&allocator, trainer, sizeof *trainer);
}

const char *weir_trainer_host_state(const weir_trainer *trainer) {
  return trainer == NULL || trainer->host_state == NULL ? "" : trainer->host_state;
}

size_t weir_trainer_dims(const weir_trainer *trainer) { return trainer == NULL ? 0 : trainer->flow.dims; }

uint64_t weir_trainer_steps(const weir_trainer *trainer) { return trainer == NULL ? 0 : trainer->steps; }

size_t weir_trainer_bytes(const weir_trainer *trainer) {
  return trainer == NULL ? 0 : sizeof *trainer + trainer->flow.pool.bytes + trainer->memory_bytes;
}

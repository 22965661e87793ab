// The logit transform with a margin, so that 0 and 1 stay finite (REFERENCE 2; RealNVP section 4.1).
#include "bijectors/bijector.h"

typedef struct logit_step {
  double margin;
} logit_step;

static double margin_of(const weir_step *step) { return ((const logit_step *)step->own)->margin; }

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  logit_step *own = weir_i_step_own(step, build, sizeof *own);
  if (own == NULL) return WEIR_OK;  // the build says so
  static const char *const keys[] = {"op", "margin"};
  weir_status status = weir_i_json_only(source->json, source->object, source->path, keys, 2, error);
  if (status == WEIR_OK)
    status =
        weir_i_json_number(source->json, source->object, source->path, "margin", 1e-3, 0.9999, false, 0.9, &own->margin, error);
  return status;
}

typedef struct job {
  const weir_step *step;
  weir_flow_run *run;
} job;

static void forward_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const job *j = arg;
  for (size_t i = begin; i < end; i++) {
    float *x = weir_i_run_x(j->run, i);
    j->run->logdet[i] += j->run->layers.kernels->logit_forward(x, x, weir_i_map_count(j->step->in), margin_of(j->step));
  }
}

static void inverse_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const job *j = arg;
  for (size_t i = begin; i < end; i++) {
    float *x = weir_i_run_x(j->run, i);
    j->run->logdet[i] += j->run->layers.kernels->logit_inverse(x, x, weir_i_map_count(j->step->in), margin_of(j->step));
  }
}

static void backward_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const job *j = arg;
  for (size_t i = begin; i < end; i++) {
    float *x = weir_i_run_x(j->run, i), *dx = j->run->dx + i * j->run->dims;
    j->run->layers.kernels->logit_backward(x, dx, j->run->dlogdet[i], x, dx, weir_i_map_count(j->step->in), margin_of(j->step));
  }
}

static void run_samples(const weir_step *step, weir_flow_run *run, weir_range_fn *samples) {
  job j = {step, run};
  weir_i_parallel_for(&run->layers.team, run->layers.n, samples, &j);
}

static void forward(const weir_step *step, weir_flow_run *run) { run_samples(step, run, forward_samples); }
static void inverse(const weir_step *step, weir_flow_run *run) { run_samples(step, run, inverse_samples); }
static void backward(const weir_step *step, weir_flow_run *run) { run_samples(step, run, backward_samples); }
static double flops(const weir_step *step) { return 6.0 * (double)weir_i_map_count(step->in); }

static void describe(const weir_step *step, size_t index, bool bf16, weir_layer_info *info) {
  (void)step, (void)index, (void)bf16;
  info->kernel = "logit_forward";
}

const weir_bijector weir_i_bijector_logit = {
    .op = "logit",
    .parse = parse,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = flops,
    .describe = describe,
};

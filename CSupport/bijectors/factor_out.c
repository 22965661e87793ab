// Multi-scale: the first `keep` channels go on, the others are latents already (RealNVP section 3.6). log-det 0.
#include <string.h>

#include "bijectors/bijector.h"

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  (void)build;
  static const char *const keys[] = {"op", "keep"};
  size_t keep = 0;
  weir_status status = weir_i_json_only(source->json, source->object, source->path, keys, 2, error);
  if (status == WEIR_OK && step->in.c < 2)
    status = weir_i_fail(error, WEIR_ERROR_SPEC, source->path, "factor_out needs two channels or more; squeeze first");
  if (status == WEIR_OK)
    status = weir_i_json_count(source->json, source->object, source->path, "keep", 1, step->in.c - 1, true, 0, &keep, error);
  step->out = (weir_map){keep, step->in.h, step->in.w};
  return status;
}

static size_t kept(const weir_step *step) { return weir_i_map_count(step->out); }
static size_t factored(const weir_step *step) { return weir_i_map_count(step->in) - weir_i_map_count(step->out); }

static void forward(const weir_step *step, weir_flow_run *run) {
  for (size_t i = 0; i < run->layers.n; i++)
    memcpy(run->z + i * run->dims + run->z_used, weir_i_run_x(run, i) + kept(step), factored(step) * sizeof *run->z);
  run->z_used += factored(step);
}

static void bring_back(const weir_step *step, const weir_flow_run *run, float *states, const float *latents) {
  for (size_t i = 0; i < run->layers.n; i++)
    memcpy(states + i * run->dims + kept(step), latents + i * run->dims + run->z_used, factored(step) * sizeof *states);
}

static void inverse(const weir_step *step, weir_flow_run *run) {
  run->z_used -= factored(step);
  bring_back(step, run, run->x, run->z);
}

static void backward(const weir_step *step, weir_flow_run *run) {
  inverse(step, run);
  bring_back(step, run, run->dx, run->dz);
}

static double flops(const weir_step *step) {
  (void)step;
  return 0;
}

const weir_bijector weir_i_bijector_factor_out = {
    .op = "factor_out",
    .parse = parse,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = flops,
};

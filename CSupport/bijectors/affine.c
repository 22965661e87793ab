// Fixed standardisation by the training set: z = (x - mean) / scale, per channel of an image, per dim of a table. As a step, so that its
// log-det counts: -pixels * sum log scale.
#include <math.h>
#include <string.h>

#include "bijectors/bijector.h"

typedef struct affine_step {
  size_t mean, scale;                // parameters
  size_t packed_mean, packed_scale;  // offsets into packed
} affine_step;

static const affine_step *own_of(const weir_step *step) { return step->own; }

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  static const char *const keys[] = {"op"};
  const size_t c = step->in.c;
  affine_step *own = weir_i_step_own(step, build, sizeof *own);
  if (own == NULL) return WEIR_OK;  // the build says so
  const weir_parameter mean = {.rank = 1, .shape = {c}, .initial = WEIR_INITIAL_ZERO};
  const weir_parameter scale = {.rank = 1, .shape = {c}, .domain = WEIR_DOMAIN_POSITIVE, .initial = WEIR_INITIAL_ONE};
  own->mean = weir_i_parameter_add(build, source->path, "mean", mean);
  own->scale = weir_i_parameter_add(build, source->path, "scale", scale);
  own->packed_mean = weir_i_build_packed(build, c);
  own->packed_scale = weir_i_build_packed(build, c);
  return weir_i_json_only(source->json, source->object, source->path, keys, 1, error);
}

static void pack(const weir_step *step, const weir_parameters *parameters, const float *values, float *packed,
                 float *packed_training) {
  (void)packed_training;
  memcpy(packed + own_of(step)->packed_mean, values + parameters->items[own_of(step)->mean].offset, step->in.c * sizeof *packed);
  memcpy(packed + own_of(step)->packed_scale, values + parameters->items[own_of(step)->scale].offset, step->in.c * sizeof *packed);
}

static double logdet(const weir_step *step, const weir_flow_run *run) {
  double sum = 0;
  for (size_t c = 0; c < step->in.c; c++) sum -= log((double)run->layers.packed[own_of(step)->packed_scale + c]);
  return sum * (double)(step->in.h * step->in.w);
}

static void forward(const weir_step *step, weir_flow_run *run) {
  const size_t pixels = step->in.h * step->in.w;
  const double part = logdet(step, run);
  for (size_t i = 0; i < run->layers.n; i++) {
    for (size_t c = 0; c < step->in.c; c++) {
      const float mean = run->layers.packed[own_of(step)->packed_mean + c],
                  scale = run->layers.packed[own_of(step)->packed_scale + c];
      float *x = weir_i_run_x(run, i) + c * pixels;
      for (size_t p = 0; p < pixels; p++) x[p] = (x[p] - mean) / scale;
    }
    run->logdet[i] += part;
  }
}

static void inverse(const weir_step *step, weir_flow_run *run) {
  const size_t pixels = step->in.h * step->in.w;
  const double part = logdet(step, run);
  for (size_t i = 0; i < run->layers.n; i++) {
    for (size_t c = 0; c < step->in.c; c++) {
      const float mean = run->layers.packed[own_of(step)->packed_mean + c],
                  scale = run->layers.packed[own_of(step)->packed_scale + c];
      float *x = weir_i_run_x(run, i) + c * pixels;
      for (size_t p = 0; p < pixels; p++) x[p] = x[p] * scale + mean;
    }
    run->logdet[i] -= part;
  }
}

static void backward(const weir_step *step, weir_flow_run *run) {
  const size_t pixels = step->in.h * step->in.w;
  inverse(step, run);
  for (size_t i = 0; i < run->layers.n; i++)
    for (size_t e = 0; e < step->in.c * pixels; e++)
      run->dx[i * run->dims + e] /= run->layers.packed[own_of(step)->packed_scale + e / pixels];
}

static double flops(const weir_step *step) { return 2.0 * (double)weir_i_map_count(step->in); }

const weir_bijector weir_i_bijector_affine = {
    .op = "affine",
    .parse = parse,
    .pack = pack,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = flops,
};

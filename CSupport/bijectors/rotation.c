// A fixed rotation of a table's rows: y = weight x, whose inverse is the transpose. log-det 0. With affine steps around it, PCA whitening:
// affine(mean, 1), rotation, affine(0, square roots of the eigenvalues).
#include <math.h>

#include "bijectors/channel_mix.h"

enum { MOST_DIMS = 4096, PROBES = 16 };

typedef struct rotation_step {
  size_t weight;  // parameter
  weir_mix mix;
} rotation_step;

static const rotation_step *own_of(const weir_step *step) { return step->own; }

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  static const char *const keys[] = {"op"};
  const size_t d = step->in.c;
  if (step->in.h != 1 || step->in.w != 1)
    return weir_i_fail(error, WEIR_ERROR_SPEC, source->path, "rotation is for tables and embeddings; use conv1x1 for images");
  if (d > MOST_DIMS)
    return weir_i_fail(error, WEIR_ERROR_SPEC, source->path, "rotation takes at most %d dims, not %zu; leave it out", MOST_DIMS, d);
  rotation_step *own = weir_i_step_own(step, build, sizeof *own);
  if (own == NULL) return WEIR_OK;  // the build says so
  const weir_parameter weight = {.rank = 2, .shape = {d, d}, .initial = WEIR_INITIAL_IDENTITY};
  own->weight = weir_i_parameter_add(build, source->path, "weight", weight);
  own->mix = weir_i_mix_make(build, d, true);
  return weir_i_json_only(source->json, source->object, source->path, keys, 1, error);
}

// weight^T weight v = v for vectors of random signs, which takes time square in d. A row or column that is off shows in most of them.
static weir_status check(const weir_step *step, const weir_parameters *parameters, const float *values, weir_error *error) {
  const weir_parameter *parameter = &parameters->items[own_of(step)->weight];
  const float *weight = values + parameter->offset;
  const size_t d = step->in.c;
  double back[MOST_DIMS];
  float signs[MOST_DIMS];
  for (uint64_t probe = 0; probe < PROBES; probe++) {
    weir_i_random_uniform(0, WEIR_I_STREAM_INIT, probe, signs, d);
    for (size_t j = 0; j < d; j++) {
      signs[j] = signs[j] < 0.5f ? -1 : 1;
      back[j] = 0;
    }
    for (size_t i = 0; i < d; i++) {
      const float *row = weight + i * d;
      double along = 0;
      for (size_t j = 0; j < d; j++) along += (double)row[j] * (double)signs[j];
      for (size_t j = 0; j < d; j++) back[j] += along * (double)row[j];
    }
    for (size_t j = 0; j < d; j++)
      if (!(fabs(back[j] - (double)signs[j]) <= 1e-3))
        return weir_i_fail(error, WEIR_ERROR_TENSOR, parameter->name,
                           "the matrix is not orthogonal: its transpose must be its inverse, within 1e-3");
  }
  return WEIR_OK;
}

static void pack(const weir_step *step, const weir_parameters *parameters, const float *values, float *packed,
                 float *packed_training) {
  const rotation_step *own = own_of(step);
  weir_i_mix_pack(&own->mix, values + parameters->items[own->weight].offset, step->in.c, packed, packed_training);
}

static void forward(const weir_step *step, weir_flow_run *run) {
  weir_i_mix_forward(step, run, run->layers.packed + own_of(step)->mix.weight);
}

static void inverse(const weir_step *step, weir_flow_run *run) {
  weir_i_mix_forward(step, run, run->layers.packed + own_of(step)->mix.inverse);
}

static void backward(const weir_step *step, weir_flow_run *run) { weir_i_mix_backward(step, run, &own_of(step)->mix, NULL); }

static double flops(const weir_step *step) { return 2.0 * (double)step->in.c * (double)step->in.c; }

const weir_bijector weir_i_bijector_rotation = {
    .op = "rotation",
    .parse = parse,
    .pack = pack,
    .reserve = weir_i_mix_reserve,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = flops,
    .describe = weir_i_mix_describe,
    .check = check,
};

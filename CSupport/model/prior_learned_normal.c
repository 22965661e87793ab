// Independent normals: log p(z) = sum of -0.5 u^2 - log_scale - 0.5 log 2 pi, u = (z - mean) exp(-log_scale).
#include <math.h>
#include <string.h>

#include "model/prior.h"

typedef struct learned_normal {
  size_t mean, log_scale;                           // parameters
  size_t packed_mean, packed_scale, packed_factor;  // offsets into packed; factor is exp(-log_scale)
} learned_normal;

static weir_status parse(weir_prior *prior, weir_build *build, const weir_json *json, int object, weir_error *error) {
  static const char *const keys[] = {"type"};
  learned_normal *own = weir_i_pool_take(build->pool, 1, sizeof *own);
  prior->own = own;
  if (own == NULL) build->no_memory = true;
  if (own == NULL) return WEIR_OK;  // the build says so
  const weir_parameter parameter = {.rank = 1, .shape = {prior->dims}, .trainable = true, .initial = WEIR_INITIAL_ZERO};
  own->mean = weir_i_parameter_add(build, "prior", "mean", parameter);
  own->log_scale = weir_i_parameter_add(build, "prior", "log_scale", parameter);
  own->packed_mean = weir_i_build_packed(build, prior->dims);
  own->packed_scale = weir_i_build_packed(build, prior->dims);
  own->packed_factor = weir_i_build_packed(build, prior->dims);
  return weir_i_json_only(json, object, "prior", keys, 1, error);
}

static void pack(const weir_prior *prior, const weir_parameters *parameters, const float *values, float *packed) {
  const learned_normal *own = prior->own;
  const float *log_scale = values + parameters->items[own->log_scale].offset;
  memcpy(packed + own->packed_mean, values + parameters->items[own->mean].offset, prior->dims * sizeof *packed);
  memcpy(packed + own->packed_scale, log_scale, prior->dims * sizeof *packed);
  for (size_t e = 0; e < prior->dims; e++) packed[own->packed_factor + e] = (float)exp(-(double)log_scale[e]);
}

static double log_density(const weir_prior *prior, const weir_kernels *kernels, const float *packed, const float *z,
                          int32_t label) {
  (void)label;
  const learned_normal *own = prior->own;
  double log_scale = 0;
  for (size_t e = 0; e < prior->dims; e++) log_scale += packed[own->packed_scale + e];
  const double squares = weir_i_prior_distance(kernels, z, packed + own->packed_mean, packed + own->packed_factor, prior->dims);
  return -0.5 * (squares + (double)prior->dims * WEIR_I_LOG_TWO_PI) - log_scale;
}

static void backward(const weir_prior *prior, const weir_kernels *kernels, const weir_parameters *parameters, const float *packed,
                     const float *z, int32_t label, float weight, float *dz, float *gradients) {
  (void)kernels, (void)label;
  const learned_normal *own = prior->own;
  const float *mean = packed + own->packed_mean, *factor = packed + own->packed_factor;
  float *dmean = gradients + parameters->items[own->mean].offset,
        *dlog_scale = gradients + parameters->items[own->log_scale].offset;
  for (size_t e = 0; e < prior->dims; e++) {
    const float u = (z[e] - mean[e]) * factor[e];
    dz[e] = -weight * u * factor[e];
    dmean[e] += weight * u * factor[e];
    dlog_scale[e] += (float)(weight * ((double)u * u - 1));  // a sample of weight 0 may have squares past the floats
  }
}

static void shape_sample(const weir_prior *prior, const float *packed, uint64_t seed, uint64_t index, float temperature, float *z) {
  (void)seed, (void)index;
  const learned_normal *own = prior->own;
  for (size_t e = 0; e < prior->dims; e++)
    z[e] = packed[own->packed_mean + e] + temperature * expf(packed[own->packed_scale + e]) * z[e];
}

const weir_prior_class weir_i_prior_learned_normal = {
    .type = "learned_normal",
    .parse = parse,
    .pack = pack,
    .log_density = log_density,
    .backward = WEIR_WHEN_TRAINING(backward),
    .shape_sample = shape_sample,
};

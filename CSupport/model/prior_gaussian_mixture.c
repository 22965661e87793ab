// Round normals of equal weight, one a class: log p(z | k) = log N(z; mean_k, sigma_k^2 I), sigma_k = softplus(raw_scale_k), and
// log p(z) = logsumexp over k of log p(z | k) - log K. (Izmailov, Kirichenko, Finzi, Wilson, "Semi-supervised learning with normalizing
// flows", ICML 2020.)
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "model/prior.h"

enum { MOST_COMPONENTS = 1 << 16 };

typedef struct gaussian_mixture {
  size_t means, raw_scales;                // parameters
  size_t packed_means, packed_raw_scales;  // offsets into packed
  bool trainable;
} gaussian_mixture;

static weir_status parse(weir_prior *prior, weir_build *build, const weir_json *json, int object, weir_error *error) {
  static const char *const keys[] = {"type", "components", "trainable"};
  gaussian_mixture *own = weir_i_pool_take(build->pool, 1, sizeof *own);
  prior->own = own;
  if (own == NULL) build->no_memory = true;
  if (own == NULL) return WEIR_OK;  // the build says so
  weir_status status = weir_i_json_only(json, object, "prior", keys, 3, error);
  if (status == WEIR_OK)
    status = weir_i_json_count(json, object, "prior", "components", 1, MOST_COMPONENTS, true, 0, &prior->components, error);
  if (status == WEIR_OK) status = weir_i_json_bool(json, object, "prior", "trainable", false, true, &own->trainable, error);
  if (status != WEIR_OK) return status;
  const weir_parameter means = {.rank = 2,
                                .shape = {prior->components, prior->dims},
                                .trainable = own->trainable,
                                .initial = WEIR_INITIAL_NORMAL,
                                .bound = 1};
  const weir_parameter raw_scales = {.rank = 1,
                                     .shape = {prior->components},
                                     .trainable = own->trainable,
                                     .initial = WEIR_INITIAL_CONSTANT,
                                     .bound = 0.541324854612918f};  // log(e - 1), so that sigma is 1
  own->means = weir_i_parameter_add(build, "prior", "means", means);
  own->raw_scales = weir_i_parameter_add(build, "prior", "raw_scales", raw_scales);
  if (weir_i_build_failed(build)) return WEIR_OK;
  own->packed_means = weir_i_build_packed(build, prior->components * prior->dims);
  own->packed_raw_scales = weir_i_build_packed(build, prior->components);
  return WEIR_OK;
}

static void pack(const weir_prior *prior, const weir_parameters *parameters, const float *values, float *packed) {
  const gaussian_mixture *own = prior->own;
  memcpy(packed + own->packed_means, values + parameters->items[own->means].offset,
         prior->components * prior->dims * sizeof *packed);
  memcpy(packed + own->packed_raw_scales, values + parameters->items[own->raw_scales].offset, prior->components * sizeof *packed);
}

static double softplus(double raw) { return raw > 0 ? raw + log1p(exp(-raw)) : log1p(exp(raw)); }

static double sigma_of(const weir_prior *prior, const float *packed, size_t k) {
  const gaussian_mixture *own = prior->own;
  return softplus(packed[own->packed_raw_scales + k]);
}

static const float *mean_of(const weir_prior *prior, const float *packed, size_t k) {
  const gaussian_mixture *own = prior->own;
  return packed + own->packed_means + k * prior->dims;
}

// log p(z | k), and the squared distance of z from that class's mean.
static double class_density(const weir_prior *prior, const weir_kernels *kernels, const float *packed, const float *z, size_t k,
                            double *squares) {
  const double sigma = sigma_of(prior, packed, k);
  *squares = weir_i_prior_distance(kernels, z, mean_of(prior, packed, k), NULL, prior->dims);
  return -0.5 * *squares / (sigma * sigma) - (double)prior->dims * (log(sigma) + 0.5 * WEIR_I_LOG_TWO_PI);
}

static double log_density(const weir_prior *prior, const weir_kernels *kernels, const float *packed, const float *z,
                          int32_t label) {
  double squares;
  if (label >= 0) return class_density(prior, kernels, packed, z, (size_t)label, &squares);
  // Kept as best + log(rest): rest sums exp(value - best), one of whose terms is 1.
  double best = -INFINITY, rest = 0;
  for (size_t k = 0; k < prior->components; k++) {
    const double value = class_density(prior, kernels, packed, z, k, &squares);
    if (isnan(value)) return NAN;
    if (value > best) {
      rest = rest * exp(best - value) + 1;
      best = value;
    } else if (value > -INFINITY) {
      rest += exp(value - best);
    }
  }
  return rest > 0 ? best + log(rest) - log((double)prior->components) : -INFINITY;
}

static void backward(const weir_prior *prior, const weir_kernels *kernels, const weir_parameters *parameters, const float *packed,
                     const float *z, int32_t label, float weight, float *dz, float *gradients) {
  const gaussian_mixture *own = prior->own;
  const size_t dims = prior->dims, first = label >= 0 ? (size_t)label : 0, end = label >= 0 ? first + 1 : prior->components;
  const double all = label >= 0 ? 0 : log_density(prior, kernels, packed, z, label) + log((double)prior->components);
  memset(dz, 0, dims * sizeof *dz);
  for (size_t k = first; k < end; k++) {
    double squares;
    const double density = class_density(prior, kernels, packed, z, k, &squares), sigma = sigma_of(prior, packed, k);
    const double share = weight * (label >= 0 ? 1 : exp(density - all));  // the class's responsibility
    // Most classes have none of a sample, and squares that may be infinite.
    if (share == 0) continue;
    const float *mean = mean_of(prior, packed, k), factor = (float)(share / (sigma * sigma));
    float *dmean = own->trainable ? gradients + parameters->items[own->means].offset + k * dims : NULL;
    for (size_t e = 0; e < dims; e++) {
      const float part = factor * (z[e] - mean[e]);
      dz[e] -= part;
      if (dmean != NULL) dmean[e] += part;
    }
    if (!own->trainable) continue;
    const double dsigma = share * (squares / (sigma * sigma) - (double)dims) / sigma;
    const double slope = 1 / (1 + exp(-(double)packed[own->packed_raw_scales + k]));
    gradients[parameters->items[own->raw_scales].offset + k] += (float)(dsigma * slope);
  }
}

static void shape_sample(const weir_prior *prior, const float *packed, uint64_t seed, uint64_t index, float temperature, float *z) {
  uint32_t words[4];
  weir_i_random_words(seed, WEIR_I_STREAM_CLASS, index, 0, words);
  const size_t k = (size_t)((uint64_t)words[0] * prior->components >> 32);
  const float deviation = temperature * (float)sigma_of(prior, packed, k), *mean = mean_of(prior, packed, k);
  for (size_t e = 0; e < prior->dims; e++) z[e] = mean[e] + deviation * z[e];
}

const weir_prior_class weir_i_prior_gaussian_mixture = {
    .type = "gaussian_mixture",
    .has_classes = true,
    .parse = parse,
    .pack = pack,
    .log_density = log_density,
    .backward = WEIR_WHEN_TRAINING(backward),
    .shape_sample = shape_sample,
};

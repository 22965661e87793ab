// log p(z) = -0.5 sum z^2 - 0.5 dims log 2 pi.
#include "model/prior.h"

static double log_density(const weir_prior *prior, const weir_kernels *kernels, const float *packed, const float *z,
                          int32_t label) {
  (void)packed, (void)label;
  return -0.5 * (kernels->vecmath_sum_squares(z, prior->dims) + (double)prior->dims * WEIR_I_LOG_TWO_PI);
}

static void backward(const weir_prior *prior, const weir_kernels *kernels, const weir_parameters *parameters, const float *packed,
                     const float *z, int32_t label, float weight, float *dz, float *gradients) {
  (void)kernels, (void)parameters, (void)packed, (void)label, (void)gradients;
  for (size_t e = 0; e < prior->dims; e++) dz[e] = -weight * z[e];
}

static void shape_sample(const weir_prior *prior, const float *packed, uint64_t seed, uint64_t index, float temperature, float *z) {
  (void)packed, (void)seed, (void)index;
  for (size_t e = 0; e < prior->dims; e++) z[e] *= temperature;
}

const weir_prior_class weir_i_prior_standard_normal = {
    .type = "standard_normal",
    .log_density = log_density,
    .backward = WEIR_WHEN_TRAINING(backward),
    .shape_sample = shape_sample,
};

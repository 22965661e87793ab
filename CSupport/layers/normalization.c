#include "layers/normalization.h"

#include <math.h>
#include <string.h>

weir_norm weir_i_norm_make(weir_build *build, const char *name, size_t c, float input_scale) {
  const weir_parameter one = {.rank = 1, .shape = {c}, .trainable = true, .initial = WEIR_INITIAL_ONE};
  const weir_parameter zero = {.rank = 1, .shape = {c}, .trainable = true, .initial = WEIR_INITIAL_ZERO};
  weir_parameter fixed_zero = zero, fixed_one = one;
  fixed_zero.trainable = fixed_one.trainable = false;
  fixed_one.domain = WEIR_DOMAIN_NOT_NEGATIVE;
  weir_norm norm = {.present = true, .c = c, .first_channel = build->norm_channels, .input_scale = input_scale};
  norm.gain = weir_i_parameter_add(build, name, "gain", one);
  norm.bias = weir_i_parameter_add(build, name, "bias", zero);
  norm.mean = weir_i_parameter_add(build, name, "mean", fixed_zero);
  norm.variance = weir_i_parameter_add(build, name, "variance", fixed_one);
  build->norm_channels += c;
  return norm;
}

void weir_i_norm_fold(const weir_norm *norm, const weir_parameters *parameters, const float *values, size_t c, float *scale,
                      float *shift) {
  const float *gain = weir_i_parameter_at(parameters, values, norm->gain),
              *bias = weir_i_parameter_at(parameters, values, norm->bias);
  const float *mean = weir_i_parameter_at(parameters, values, norm->mean),
              *variance = weir_i_parameter_at(parameters, values, norm->variance);
  memset(scale, 0, weir_i_block_round(c) * sizeof *scale);
  memset(shift, 0, weir_i_block_round(c) * sizeof *shift);
  for (size_t i = 0; i < c; i++) {
    const double factor = (double)gain[i] / sqrt((double)variance[i] + WEIR_NORM_EPSILON);
    scale[i] = (float)(norm->input_scale * factor);
    shift[i] = (float)(norm->input_scale * ((double)bias[i] - (double)mean[i] * factor));
  }
}

#include "model/prior.h"

#define WEIR_PRIOR(type) extern const weir_prior_class weir_i_prior_##type;
#include "model/priors.def"
#undef WEIR_PRIOR

static const weir_prior_class *const priors[] = {
#define WEIR_PRIOR(type) &weir_i_prior_##type,
#include "model/priors.def"
#undef WEIR_PRIOR
};

enum { PRIOR_COUNT = sizeof priors / sizeof priors[0] };

weir_status weir_i_prior_parse(weir_prior *prior, weir_build *build, const weir_json *json, size_t dims, weir_error *error) {
  static const char *const keys[] = {"type"};
  const int object = weir_i_json_get(json, 0, "prior");
  if (!weir_i_json_is_object(json, object))
    return weir_i_fail(error, WEIR_ERROR_SPEC, "prior",
                       "the description needs a prior, for example {\"type\": \"standard_normal\"}");
  const char *types[PRIOR_COUNT];
  for (size_t i = 0; i < PRIOR_COUNT; i++) types[i] = priors[i]->type;
  size_t chosen;
  weir_status status = weir_i_json_choice(json, object, "prior", "type", types, PRIOR_COUNT, true, 0, &chosen, error);
  if (status != WEIR_OK) return status;
  *prior = (weir_prior){.type = priors[chosen], .dims = dims, .components = 1};
  status = prior->type->parse == NULL ? weir_i_json_only(json, object, "prior", keys, 1, error)
                                      : prior->type->parse(prior, build, json, object, error);
  return status == WEIR_OK ? weir_i_build_status(build, "prior", "the flow", error) : status;
}

double weir_i_prior_distance(const weir_kernels *kernels, const float *z, const float *mean, const float *factor, size_t dims) {
  enum { PIECE = 256 };
  float piece[PIECE];
  double sum = 0;
  for (size_t first = 0; first < dims; first += PIECE) {
    const size_t count = dims - first < PIECE ? dims - first : PIECE;
    for (size_t e = 0; e < count; e++) piece[e] = z[first + e] - mean[first + e];
    for (size_t e = 0; factor != NULL && e < count; e++) piece[e] *= factor[first + e];
    sum += kernels->vecmath_sum_squares(piece, count);
  }
  return sum;
}

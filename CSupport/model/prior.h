// The density of latents: log p(z) of one sample, its gradients, and samples. One file each, registered in priors.def.
#ifndef WEIR_MODEL_PRIOR_H
#define WEIR_MODEL_PRIOR_H

#include "base/json.h"
#include "base/status.h"
#include "base/training.h"
#include "kernels/kernels.h"
#include "layers/parameter.h"

typedef struct weir_prior_class weir_prior_class;

typedef struct weir_prior {
  const weir_prior_class *type;
  size_t dims;
  size_t components;  // classes that a label can name; 1 without
  void *own;          // what this type knows beyond that, in the flow's memory
} weir_prior;

enum { WEIR_LABEL_UNKNOWN = -1 };

struct weir_prior_class {
  const char *type;
  bool has_classes;
  /// Reads the members of "prior" and declares parameters "prior.<leaf>". dims is set. NULL when it has nothing to read.
  weir_status (*parse)(weir_prior *prior, weir_build *build, const weir_json *json, int object, weir_error *error);
  /// Computes packed constants. NULL when it has none.
  void (*pack)(const weir_prior *prior, const weir_parameters *parameters, const float *values, float *packed);
  /// log p(z), or with label >= 0 log p(z | class), nats. z [dims].
  double (*log_density)(const weir_prior *prior, const weir_kernels *kernels, const float *packed, const float *z, int32_t label);
  /// dz [dims] = weight * d log p / dz, and adds weight * d log p / d parameter to gradients.
  void (*backward)(const weir_prior *prior, const weir_kernels *kernels, const weir_parameters *parameters, const float *packed,
                   const float *z, int32_t label, float weight, float *dz, float *gradients);
  /// Turns standard normal numbers z [dims] into a sample whose deviation is `temperature` times the prior's. `index` picks the class.
  void (*shape_sample)(const weir_prior *prior, const float *packed, uint64_t seed, uint64_t index, float temperature, float *z);
};

#define WEIR_I_LOG_TWO_PI 1.8378770664093454836

/// Sum of ((z - mean) * factor)^2 over dims, in double; a NULL factor is 1.
double weir_i_prior_distance(const weir_kernels *kernels, const float *z, const float *mean, const float *factor, size_t dims);

/// Reads the "prior" member of the model description.
weir_status weir_i_prior_parse(weir_prior *prior, weir_build *build, const weir_json *json, size_t dims, weir_error *error);

#endif

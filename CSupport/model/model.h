// An opened model: a flow and its packed constants.
#ifndef WEIR_MODEL_MODEL_H
#define WEIR_MODEL_MODEL_H

#include "model/flow.h"

struct weir_model {
  weir_flow flow;
  weir_allocator allocator;
  const weir_kernels *kernels;
  float *packed;
};

/// A model without numbers and without memory for them, for the description. Chooses the kernels.
weir_status weir_i_model_create(const char *spec, size_t length, const weir_allocator *allocator, weir_model **model,
                                weir_error *error);

/// Takes memory for the packed constants, which weir_i_flow_pack_step then computes.
weir_status weir_i_model_take_packed(weir_model *model, weir_error *error);

#endif

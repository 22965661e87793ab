// What steps share that only move a sample's numbers about: squeeze, permute, reverse. log-det 0.
#ifndef WEIR_BIJECTORS_REARRANGE_H
#define WEIR_BIJECTORS_REARRANGE_H

#include "bijectors/bijector.h"

/// Writes a sample's numbers from one array to another, in the step's order of its output or, backwards, of its input.
typedef void weir_rearrange_fn(const weir_step *step, const float *from, float *to, bool forward);

/// Takes from run->layers.scratch what the passes take, and gives it back.
void weir_i_rearrange_reserve(const weir_step *step, const weir_flow_run *run);

void weir_i_rearrange_forward(const weir_step *step, weir_flow_run *run, weir_rearrange_fn *move);
void weir_i_rearrange_inverse(const weir_step *step, weir_flow_run *run, weir_rearrange_fn *move);
void weir_i_rearrange_backward(const weir_step *step, weir_flow_run *run, weir_rearrange_fn *move);

double weir_i_rearrange_flops(const weir_step *step);

#endif

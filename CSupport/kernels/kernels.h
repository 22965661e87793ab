// The kernel table: one complete set of functions per instruction set, chosen once when a model opens.
//
// Guarantees of every kernel: no allocation, no threads, no state; reads and writes only the arrays of its arguments; any
// alignment of floats; where it takes a range, any split of the range gives the same bits.
//
// Layouts. "Planar" is [c][h*w]. "Blocked" (NCHW16c) is [ceil(c/16)][h][w][16]: channel c is lane c % 16 of block c / 16, and lanes
// past the last channel are zero. A table row of f features is blocked with h = w = 1, which is f floats padded to a multiple of 16.
#ifndef WEIR_KERNELS_H
#define WEIR_KERNELS_H

#include "base/cpu.h"
#include "kernels/batchnorm/batchnorm.h"
#include "kernels/bf16/bf16.h"
#include "kernels/conv3x3/conv3x3.h"
#include "kernels/coupling/coupling.h"
#include "kernels/gate/gate.h"
#include "kernels/gemm/gemm.h"
#include "kernels/logit/logit.h"
#include "kernels/optimizer/optimizer.h"
#include "kernels/peak/peak.h"
#include "kernels/preact/preact.h"
#include "kernels/vecmath/vecmath.h"
#include "kernels/winograd/winograd.h"

typedef struct weir_kernels {
  const char *isa;
  size_t product_blocks;  // blocks of output channels that gemm_forward, gemm_bf16 and conv3x3_forward take at once
#define WEIR_KERNEL(slot) weir_k_##slot##_fn *slot;
#include "kernels/kernels.def"
#undef WEIR_KERNEL
} weir_kernels;

/// The table of an instruction set; the reference table when this build lacks it.
const weir_kernels *weir_i_kernels(weir_isa isa);

#endif

// The NEON set: every 64-bit Arm has it, so no target is pushed.
#include "kernels/tables/tables.h"

#if defined(WEIR_HAS_NEON)

#include <math.h>

#include "kernels/simd/simd_neon.h"

#include "kernels/preact/preact_inline.inl"
#include "kernels/vecmath/vecmath_inline.inl"
#include "kernels/winograd/winograd_inline.inl"

#include "kernels/batchnorm/batchnorm_simd.inl"
#include "kernels/bf16/bf16_simd.inl"
#include "kernels/conv3x3/conv3x3_simd.inl"
#include "kernels/coupling/coupling_simd.inl"
#include "kernels/gate/gate_simd.inl"
#include "kernels/gemm/gemm_bf16_simd.inl"
#include "kernels/gemm/gemm_simd.inl"
#include "kernels/logit/logit_simd.inl"
#include "kernels/optimizer/optimizer_simd.inl"
#include "kernels/peak/peak_simd.inl"
#include "kernels/preact/preact_simd.inl"
#include "kernels/vecmath/vecmath_simd.inl"
#include "kernels/winograd/winograd_bf16_simd.inl"
#include "kernels/winograd/winograd_simd.inl"

const weir_kernels weir_i_kernels_neon = {
    .isa = WEIR_SIMD_ISA,
    .product_blocks = WEIR_SIMD_CONV_BLOCKS,
#define WEIR_KERNEL(slot) .slot = WEIR_SIMD_NAME(slot),
#define WEIR_KERNEL_TRAINING(slot) .slot = WEIR_WHEN_TRAINING(WEIR_SIMD_NAME(slot)),
#include "kernels/kernels.def"
#undef WEIR_KERNEL
};

#endif

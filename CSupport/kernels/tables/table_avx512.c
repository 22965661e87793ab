// The AVX-512 set (Skylake-X and Zen 4 onwards), and the one of CPUs with AVX512-BF16 (Cooper Lake and Zen 4 onwards), which shares it but for
// the slots of table_avx512bf16.c.
#include "kernels/tables/tables.h"

#if defined(WEIR_HAS_AVX512)

// Headers come before the push: what they declare keeps the build's own target.
#include <immintrin.h>
#include <math.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif

#include "kernels/simd/simd_avx512.h"

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

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const weir_kernels weir_i_kernels_avx512 = {
    .isa = WEIR_SIMD_ISA,
    .product_blocks = WEIR_SIMD_CONV_BLOCKS,
#define WEIR_KERNEL(slot) .slot = WEIR_SIMD_NAME(slot),
#define WEIR_KERNEL_TRAINING(slot) .slot = WEIR_WHEN_TRAINING(WEIR_SIMD_NAME(slot)),
#include "kernels/kernels.def"
#undef WEIR_KERNEL
};

#define WEIR_KERNEL(slot)
#define WEIR_KERNEL_BF16(slot) extern weir_k_##slot##_fn weir_k_##slot##_avx512bf16;
#include "kernels/kernels.def"
#undef WEIR_KERNEL

const weir_kernels weir_i_kernels_avx512bf16 = {
    .isa = "avx512bf16",
    .product_blocks = WEIR_SIMD_CONV_BLOCKS,
#define WEIR_KERNEL(slot) .slot = WEIR_SIMD_NAME(slot),
#define WEIR_KERNEL_TRAINING(slot) .slot = WEIR_WHEN_TRAINING(WEIR_SIMD_NAME(slot)),
#define WEIR_KERNEL_BF16(slot) .slot = weir_k_##slot##_avx512bf16,
#include "kernels/kernels.def"
#undef WEIR_KERNEL
};

#endif

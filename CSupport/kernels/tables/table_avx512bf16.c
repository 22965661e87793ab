// The slots that AVX512-BF16 helps; table_avx512.c puts them into a set.
#include "kernels/tables/tables.h"

#if defined(WEIR_HAS_AVX512)

// Headers come before the push: what they declare keeps the build's own target.
#include <immintrin.h>
#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512bf16,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512bf16,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif

#define WEIR_SIMD_AVX512BF16
#include "kernels/simd/simd_avx512.h"

#include "kernels/preact/preact_inline.inl"
#include "kernels/winograd/winograd_inline.inl"

#include "kernels/bf16/bf16_simd.inl"
#include "kernels/gemm/gemm_bf16_simd.inl"
#include "kernels/winograd/winograd_bf16_simd.inl"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif

// The tables this build has. A table is filled from kernels.def, so a slot without a function does not compile (or, in the reference
// set, link).
#ifndef WEIR_KERNELS_TABLES_H
#define WEIR_KERNELS_TABLES_H

#include "base/training.h"
#include "kernels/kernels.h"

extern const weir_kernels weir_i_kernels_ref;
#if defined(WEIR_HAS_AVX2)
extern const weir_kernels weir_i_kernels_avx2;
#endif
#if defined(WEIR_HAS_AVX512)
extern const weir_kernels weir_i_kernels_avx512;
extern const weir_kernels weir_i_kernels_avx512bf16;
#endif
#if defined(WEIR_HAS_NEON)
extern const weir_kernels weir_i_kernels_neon;
#endif

#endif

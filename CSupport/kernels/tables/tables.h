// The tables this build has. A table is filled from kernels.def, so a slot without a function does not compile (or, in the reference
// set, link).
#ifndef WEIR_KERNELS_TABLES_H
#define WEIR_KERNELS_TABLES_H

#include "kernels/kernels.h"

extern const weir_kernels weir_i_kernels_ref;
#if defined(__x86_64__)
extern const weir_kernels weir_i_kernels_avx2;
extern const weir_kernels weir_i_kernels_avx512;
extern const weir_kernels weir_i_kernels_avx512bf16;
#elif defined(__aarch64__)
extern const weir_kernels weir_i_kernels_neon;
#endif

#endif

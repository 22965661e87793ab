#include "kernels/kernels.h"

#include "kernels/tables/tables.h"

const weir_kernels *weir_i_kernels(weir_isa isa) {
  switch (isa) {
#if defined(WEIR_HAS_AVX2)
    case WEIR_ISA_AVX2: return &weir_i_kernels_avx2;
#endif
#if defined(WEIR_HAS_AVX512)
    case WEIR_ISA_AVX512: return &weir_i_kernels_avx512;
    case WEIR_ISA_AVX512BF16: return &weir_i_kernels_avx512bf16;
#endif
#if defined(WEIR_HAS_NEON)
    case WEIR_ISA_NEON: return &weir_i_kernels_neon;
#endif
    default: return &weir_i_kernels_ref;
  }
}

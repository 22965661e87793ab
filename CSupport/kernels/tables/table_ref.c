// The reference set: the formulas in plain C, complete on every machine.
#include "kernels/tables/tables.h"

#define WEIR_KERNEL(slot) extern weir_k_##slot##_fn weir_k_##slot##_ref;
#include "kernels/kernels.def"
#undef WEIR_KERNEL

const weir_kernels weir_i_kernels_ref = {
    .isa = "ref",
    .product_blocks = 1,
#define WEIR_KERNEL(slot) .slot = weir_k_##slot##_ref,
#define WEIR_KERNEL_TRAINING(slot) .slot = WEIR_WHEN_TRAINING(weir_k_##slot##_ref),
#include "kernels/kernels.def"
#undef WEIR_KERNEL
};

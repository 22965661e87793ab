// What the machine can do at most: work that nothing but the multipliers, or nothing but memory, holds up.
#ifndef WEIR_KERNELS_PEAK_H
#define WEIR_KERNELS_PEAK_H

#include <stddef.h>

/// Numbers that peak_fma works on: enough for chains of multiply-adds that never wait for each other, whatever the registers.
enum { WEIR_PEAK_LANES = 192 };

/// y[i] = y[i] + x * x, `count` times, i in [0, WEIR_PEAK_LANES): one rounding each, y in registers meanwhile. That is
/// 2 * WEIR_PEAK_LANES * count operations.
typedef void weir_k_peak_fma_fn(float x, float *y, size_t count);

/// Sum of x [count], in any order: each number is read once and hardly anything else done.
/// |sum - exact| <= count u sum of |x|, u = 2^-24.
typedef float weir_k_peak_read_fn(const float *x, size_t count);

/// Multiplications and additions that weir_i_peak_bf16 does for each of its `count`.
enum { WEIR_PEAK_BF16_FLOPS = 12 * 64 };

/// `count` rounds of bf16 dot products added to f32 sums in registers. False, and nothing done, where this CPU or build has none.
int weir_i_peak_bf16(size_t count);

#endif

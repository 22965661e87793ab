// bf16, the upper half of a float: 8 bits of significand, a float's exponents. Networks compute their products of such numbers, with sums in
// f32, where a session asks for it.
//
// A product of two is exact in f32, as long as it neither overflows nor falls below the least normal number. Sums take their terms two by two,
// with one rounding a term, the odd one of a pair first: the order of AVX512-BF16's dot product. So all instruction sets give the same bits
// while no number is subnormal and no product overflows: those instructions read and write zeros for subnormal numbers.
#ifndef WEIR_KERNELS_BF16_H
#define WEIR_KERNELS_BF16_H

#include <stdint.h>
#include <string.h>

#include "kernels/block.h"

/// Pairs that hold `count` numbers.
static inline size_t weir_i_bf16_pairs(size_t count) { return (count + 1) / 2; }

static inline float weir_i_bf16_float(uint16_t number) {
  const uint32_t bits = (uint32_t)number << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// The nearest, of two as near the even one; past the largest infinity. NaN stays NaN.
static inline uint16_t weir_i_bf16_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (value != value) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// y[i] = weir_i_bf16_of(x[i]) for blocks of 16 numbers, subnormal ones possibly as zeros of their sign. y must not overlap x.
typedef void weir_k_bf16_round_fn(const float *x, uint16_t *y, size_t blocks);

#endif

// What the register-tiled kernels (gemm, conv3x3) share: tiles of constant size, picked at run time. Include after a simd_<isa>.h.
//
// A tile's sums live in registers only when every loop over them has a constant trip count and is unrolled whole, so a tile is an
// always-inline function of constant sizes, instantiated once a size.
#ifndef WEIR_KERNELS_GEMM_TILE_H
#define WEIR_KERNELS_GEMM_TILE_H

#include "kernels/block.h"

#if defined(__clang__)
#define WEIR_TILE_UNROLL _Pragma("clang loop unroll(full)")
#define WEIR_TILE_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define WEIR_TILE_UNROLL _Pragma("GCC unroll 16")
#define WEIR_TILE_ROLLED _Pragma("GCC unroll 1")
#endif

/// Makes the compiler read memory again: else it keeps an input that the next tap needs too in a register, and spills sums for it.
#define WEIR_TILE_FORGET() __asm__ volatile("" ::: "memory")

// It would move the line breaks of this list of calls at every run.
// clang-format off
/// INSTANCE(n) for every width that a tile can have.
#if WEIR_SIMD_CONV_PIXELS == 14
#define WEIR_TILE_WIDTHS(INSTANCE)                                                    \
  INSTANCE(1) INSTANCE(2) INSTANCE(3) INSTANCE(4) INSTANCE(5) INSTANCE(6) INSTANCE(7) \
  INSTANCE(8) INSTANCE(9) INSTANCE(10) INSTANCE(11) INSTANCE(12) INSTANCE(13) INSTANCE(14)
#elif WEIR_SIMD_CONV_PIXELS == 6
#define WEIR_TILE_WIDTHS(INSTANCE) INSTANCE(1) INSTANCE(2) INSTANCE(3) INSTANCE(4) INSTANCE(5) INSTANCE(6)
#else
#error "list the tile widths of this instruction set"
#endif
// clang-format on

/// Width of the first tile when `rest` is cut into as few tiles as possible, all of about the same width: a thin last tile would
/// leave the multipliers waiting for their own results.
WEIR_SIMD_INLINE size_t weir_tile_width(size_t rest) {
  const size_t tiles = (rest + WEIR_SIMD_CONV_PIXELS - 1) / WEIR_SIMD_CONV_PIXELS;
  return (rest + tiles - 1) / tiles;
}

#endif

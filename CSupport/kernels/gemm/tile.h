// What the register-tiled kernels (gemm, gemm_bf16, conv3x3) share: tiles of constant size, picked at run time. Include after a simd_<isa>.h.
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

/// One row of a matrix product has too few sums to keep the multipliers busy; over this many blocks it reads weights as fast as the caches
/// give them.
enum { WEIR_TILE_ROW_BLOCKS = 4 };

// It would move the line breaks of these lists of calls at every run.
// clang-format off
/// INSTANCE(n) for every width that a tile can have: 1 to `most`, one of the numbers below.
#define WEIR_TILE_WIDTHS(most, INSTANCE) WEIR_TILE_WIDTHS_OF(most, INSTANCE)
#define WEIR_TILE_WIDTHS_OF(most, INSTANCE) WEIR_TILE_WIDTHS_##most(INSTANCE)
#define WEIR_TILE_WIDTHS_4(INSTANCE) INSTANCE(1) INSTANCE(2) INSTANCE(3) INSTANCE(4)
#define WEIR_TILE_WIDTHS_6(INSTANCE) WEIR_TILE_WIDTHS_4(INSTANCE) INSTANCE(5) INSTANCE(6)
#define WEIR_TILE_WIDTHS_12(INSTANCE) \
  WEIR_TILE_WIDTHS_6(INSTANCE) INSTANCE(7) INSTANCE(8) INSTANCE(9) INSTANCE(10) INSTANCE(11) INSTANCE(12)
#define WEIR_TILE_WIDTHS_14(INSTANCE) WEIR_TILE_WIDTHS_12(INSTANCE) INSTANCE(13) INSTANCE(14)
// clang-format on

/// Adds bias and residual, each of which may be NULL, to a tile's sums and stores them: `blocks` blocks of `rows` by `pixels` outputs, whose
/// steps from one to the next are in floats. The sums are [blocks][pitch]; blocks, rows, pixels and pitch are constants.
///
/// It takes numbers, and not the kernel's arguments, because a vector store may alias those: all would be read again after every store.
WEIR_SIMD_INLINE void weir_tile_store(vf16 *sum, const size_t pitch, const size_t blocks, const size_t rows, const size_t pixels,
                                      const float *bias, const float *residual, float *y, size_t block_step, size_t row_step,
                                      size_t pixel_step) {
  if (bias != NULL) {
    WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) {
      const vf16 added = v_load(bias + n * WEIR_BLOCK);
      WEIR_TILE_UNROLL for (size_t p = 0; p < rows * pixels; p++) sum[n * pitch + p] = v_add(sum[n * pitch + p], added);
    }
  }
  if (residual != NULL) {
    WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) {
      WEIR_TILE_UNROLL for (size_t p = 0; p < rows * pixels; p++) {
        const float *added = residual + n * block_step + p / pixels * row_step + p % pixels * pixel_step;
        sum[n * pitch + p] = v_add(sum[n * pitch + p], v_load(added));
      }
    }
  }
  WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) {
    WEIR_TILE_UNROLL for (size_t p = 0; p < rows * pixels; p++) {
      v_store(y + n * block_step + p / pixels * row_step + p % pixels * pixel_step, sum[n * pitch + p]);
    }
  }
}

/// Width of the first tile when `rest` is cut into as few tiles of at most `most` as possible, all of about the same width: a thin last
/// tile would leave the multipliers waiting for their own results.
WEIR_SIMD_INLINE size_t weir_tile_width(size_t rest, size_t most) {
  const size_t tiles = (rest + most - 1) / most;
  return (rest + tiles - 1) / tiles;
}

#endif

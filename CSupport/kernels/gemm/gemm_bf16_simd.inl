// gemm_simd.inl's forward for pairs of bf16 numbers.
#include <stdbool.h>
#include <string.h>

#include "kernels/bf16/bf16.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/tile.h"

weir_k_gemm_bf16_fn WEIR_SIMD_NAME(gemm_bf16);

/// Outputs of `rows` rows from r, `blocks` blocks from b; both counts are constants.
WEIR_SIMD_INLINE void gemm_bf16_tile(const weir_gemm_bf16 *gemm, size_t r, size_t b, const size_t rows, const size_t blocks) {
  const size_t panel = weir_i_bf16_pairs(gemm->inputs) * 2 * WEIR_BLOCK;
  const uint16_t *weight = gemm->weight + b * panel;
  const uint16_t *x = gemm->x + r * gemm->x_row;
  const bool direct = rows == 1 || gemm->x_row == WEIR_BLOCK;
  uint16_t gathered[WEIR_SIMD_DOT_PIXELS * WEIR_BLOCK];  // so that rows are a constant apart
  vf16 sum[WEIR_TILE_ROW_BLOCKS][WEIR_SIMD_DOT_PIXELS];
  WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) { WEIR_TILE_UNROLL for (size_t p = 0; p < rows; p++) sum[n][p] = v_zero(); }
  for (size_t first = 0; first < gemm->inputs; first += WEIR_BLOCK, x += gemm->x_block) {
    if (!direct) {
      WEIR_TILE_UNROLL for (size_t p = 0; p < rows; p++)
          memcpy(gathered + p * WEIR_BLOCK, x + p * gemm->x_row, WEIR_BLOCK * sizeof *x);
    }
    const uint16_t *const from = direct ? x : gathered;
    const uint16_t *const end = from + (gemm->inputs - first < WEIR_BLOCK ? gemm->inputs - first : WEIR_BLOCK);
    for (const uint16_t *k = from; k < end; k += 2, weight += 2 * WEIR_BLOCK) {
      vp16 w[WEIR_TILE_ROW_BLOCKS];
      WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) w[n] = vp_load(weight + n * panel);
      WEIR_TILE_UNROLL for (size_t p = 0; p < rows; p++) {
        const vp16 pair = vp_set1(k + p * WEIR_BLOCK);
        WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) sum[n][p] = v_dot(sum[n][p], w[n], pair);
      }
    }
  }
  const size_t at = r * gemm->y_row + b * gemm->y_block;
  weir_tile_store(sum[0], WEIR_SIMD_DOT_PIXELS, blocks, 1, rows, gemm->bias == NULL ? NULL : gemm->bias + b * WEIR_BLOCK,
                  gemm->residual == NULL ? NULL : gemm->residual + at, gemm->y + at, gemm->y_block, 0, gemm->y_row);
}

/// Rows [begin, end) of `blocks` blocks from b.
WEIR_SIMD_INLINE void gemm_bf16_rows(const weir_gemm_bf16 *gemm, size_t begin, size_t end, size_t b, const size_t blocks) {
  for (size_t r = begin; r < end;) {
    const size_t rows = weir_tile_width(end - r, WEIR_SIMD_DOT_PIXELS);
    switch (rows) {
#define WEIR_TILE(n) \
  case n: gemm_bf16_tile(gemm, r, b, n, blocks); break;
      WEIR_TILE_WIDTHS(WEIR_SIMD_DOT_PIXELS, WEIR_TILE)
#undef WEIR_TILE
    }
    r += rows;
  }
}

void WEIR_SIMD_NAME(gemm_bf16)(const weir_gemm_bf16 *gemm, size_t row_begin, size_t row_end, size_t block_begin, size_t block_end) {
  size_t b = block_begin;
  if (row_end - row_begin == 1)
    for (; b + WEIR_TILE_ROW_BLOCKS <= block_end; b += WEIR_TILE_ROW_BLOCKS)
      gemm_bf16_tile(gemm, row_begin, b, 1, WEIR_TILE_ROW_BLOCKS);
  for (; b + WEIR_SIMD_CONV_BLOCKS <= block_end; b += WEIR_SIMD_CONV_BLOCKS)
    gemm_bf16_rows(gemm, row_begin, row_end, b, WEIR_SIMD_CONV_BLOCKS);
  for (; b < block_end; b++) gemm_bf16_rows(gemm, row_begin, row_end, b, 1);
}

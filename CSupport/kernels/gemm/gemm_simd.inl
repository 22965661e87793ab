// Matrix products over the vector vocabulary: a tile of sums in registers, weights streamed, inputs broadcast.
#include <stdbool.h>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/tile.h"

weir_k_gemm_forward_fn WEIR_SIMD_NAME(gemm_forward);
weir_k_gemm_weights_fn WEIR_SIMD_NAME(gemm_weights);

/// Outputs of `rows` rows from r, `blocks` blocks from b; both counts are constants.
WEIR_SIMD_INLINE void gemm_tile(const weir_gemm *gemm, size_t r, size_t b, const size_t rows, const size_t blocks) {
  const size_t panel = gemm->inputs * WEIR_BLOCK;
  const float *weight = gemm->weight + b * panel;
  const float *x = gemm->x + r * gemm->x_row;
  const bool direct = rows == 1 || gemm->x_row == WEIR_BLOCK;
  float gathered[WEIR_SIMD_CONV_PIXELS * WEIR_BLOCK];  // so that rows are a constant apart
  vf16 sum[WEIR_TILE_ROW_BLOCKS][WEIR_SIMD_CONV_PIXELS];
  WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) { WEIR_TILE_UNROLL for (size_t p = 0; p < rows; p++) sum[n][p] = v_zero(); }
  for (size_t first = 0; first < gemm->inputs; first += WEIR_BLOCK, x += gemm->x_block) {
    if (!direct) {
      WEIR_TILE_UNROLL for (size_t p = 0; p < rows; p++) v_store(gathered + p * WEIR_BLOCK, v_load(x + p * gemm->x_row));
    }
    const float *const from = direct ? x : gathered;
    const float *const end = from + (gemm->inputs - first < WEIR_BLOCK ? gemm->inputs - first : WEIR_BLOCK);
    for (const float *k = from; k < end; k++, weight += WEIR_BLOCK) {
      vf16 w[WEIR_TILE_ROW_BLOCKS];
      WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) w[n] = v_load(weight + n * panel);
      WEIR_TILE_UNROLL for (size_t p = 0; p < rows; p++) {
        const vf16 value = v_set1(k[p * WEIR_BLOCK]);
        WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) sum[n][p] = v_fma(w[n], value, sum[n][p]);
      }
    }
  }
  WEIR_TILE_UNROLL for (size_t p = 0; p < rows; p++) {
    WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) {
      const size_t at = (r + p) * gemm->y_row + (b + n) * gemm->y_block;
      vf16 y = sum[n][p];
      if (gemm->bias != NULL) y = v_add(y, v_load(gemm->bias + (b + n) * WEIR_BLOCK));
      if (gemm->residual != NULL) y = v_add(y, v_load(gemm->residual + at));
      v_store(gemm->y + at, y);
    }
  }
}

/// Rows [begin, end) of `blocks` blocks from b.
WEIR_SIMD_INLINE void gemm_rows(const weir_gemm *gemm, size_t begin, size_t end, size_t b, const size_t blocks) {
  for (size_t r = begin; r < end;) {
    const size_t rows = weir_tile_width(end - r, WEIR_SIMD_CONV_PIXELS);
    switch (rows) {
#define WEIR_TILE(n) \
  case n: gemm_tile(gemm, r, b, n, blocks); break;
      WEIR_TILE_WIDTHS(WEIR_SIMD_CONV_PIXELS, WEIR_TILE)
#undef WEIR_TILE
    }
    r += rows;
  }
}

void WEIR_SIMD_NAME(gemm_forward)(const weir_gemm *gemm, size_t row_begin, size_t row_end, size_t block_begin, size_t block_end) {
  size_t b = block_begin;
  if (row_end - row_begin == 1)
    for (; b + WEIR_TILE_ROW_BLOCKS <= block_end; b += WEIR_TILE_ROW_BLOCKS) gemm_tile(gemm, row_begin, b, 1, WEIR_TILE_ROW_BLOCKS);
  for (; b + WEIR_SIMD_CONV_BLOCKS <= block_end; b += WEIR_SIMD_CONV_BLOCKS)
    gemm_rows(gemm, row_begin, row_end, b, WEIR_SIMD_CONV_BLOCKS);
  for (; b < block_end; b++) gemm_rows(gemm, row_begin, row_end, b, 1);
}

/// Adds all rows to `channels` inputs from k, `blocks` blocks from b; both counts are constants.
WEIR_SIMD_INLINE void gemm_weights_tile(const weir_gemm_weights *gemm, size_t k, size_t b, const size_t channels,
                                        const size_t blocks) {
  const size_t panel = gemm->inputs * WEIR_BLOCK;
  const float *x = gemm->x + k / WEIR_BLOCK * gemm->x_block + k % WEIR_BLOCK;
  const float *dy = gemm->dy + b * gemm->dy_block;
  float *dweight = gemm->dweight + b * panel + k * WEIR_BLOCK;
  vf16 sum[WEIR_SIMD_CONV_BLOCKS][WEIR_SIMD_CONV_PIXELS];
  WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) {
    WEIR_TILE_UNROLL for (size_t p = 0; p < channels; p++) sum[n][p] = v_load(dweight + n * panel + p * WEIR_BLOCK);
  }
  for (size_t r = 0; r < gemm->rows; r++, x += gemm->x_row, dy += gemm->dy_row) {
    vf16 d[WEIR_SIMD_CONV_BLOCKS];
    WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) d[n] = v_load(dy + n * gemm->dy_block);
    WEIR_TILE_UNROLL for (size_t p = 0; p < channels; p++) {
      const vf16 value = v_set1(x[p]);
      WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) sum[n][p] = v_fma(d[n], value, sum[n][p]);
    }
  }
  WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) {
    WEIR_TILE_UNROLL for (size_t p = 0; p < channels; p++) v_store(dweight + n * panel + p * WEIR_BLOCK, sum[n][p]);
  }
}

/// Inputs [begin, end) of one block by `blocks` output blocks from b.
WEIR_SIMD_INLINE void gemm_weights_block(const weir_gemm_weights *gemm, size_t begin, size_t end, size_t b, const size_t blocks) {
  for (size_t k = begin; k < end;) {
    const size_t channels = weir_tile_width(end - k, WEIR_SIMD_CONV_PIXELS);
    switch (channels) {
#define WEIR_TILE(n) \
  case n: gemm_weights_tile(gemm, k, b, n, blocks); break;
      WEIR_TILE_WIDTHS(WEIR_SIMD_CONV_PIXELS, WEIR_TILE)
#undef WEIR_TILE
    }
    k += channels;
  }
}

void WEIR_SIMD_NAME(gemm_weights)(const weir_gemm_weights *gemm, size_t tile_begin, size_t tile_end) {
  const size_t blocks = weir_i_blocks(gemm->outputs);
  for (size_t tile = tile_begin; tile < tile_end;) {
    const size_t b = tile % blocks, begin = tile / blocks * WEIR_BLOCK;
    const size_t end = gemm->inputs - begin < WEIR_BLOCK ? gemm->inputs : begin + WEIR_BLOCK;
    if (b + WEIR_SIMD_CONV_BLOCKS <= blocks && tile + WEIR_SIMD_CONV_BLOCKS <= tile_end) {
      gemm_weights_block(gemm, begin, end, b, WEIR_SIMD_CONV_BLOCKS);
      tile += WEIR_SIMD_CONV_BLOCKS;
    } else {
      gemm_weights_block(gemm, begin, end, b, 1);
      tile++;
    }
  }
}

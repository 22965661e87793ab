// Matrix products over the vector vocabulary: a tile of sums in registers, weights streamed, inputs broadcast.
#include <stdbool.h>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/tile.h"

weir_k_gemm_forward_fn WEIR_SIMD_NAME(gemm_forward);
static weir_k_gemm_weights_fn WEIR_SIMD_NAME(gemm_weights);

// Two rows, and what is left of one, go over as many blocks.
enum { GEMM_PAIR_BLOCKS = 2 };

// Terms that one pass over the rows adds. Its weights, 16 KiB, stay in the nearest cache while all rows go by.
enum { GEMM_PASS = 256 / WEIR_SIMD_CONV_BLOCKS };

// More rows of a table than this are first copied side by side, a block of terms at a time: where they lie they are often a power of two
// apart, in so few sets of the nearest cache that they would push each other out before their next term.
enum { GEMM_ROWS_APART = 8 };

/// Adds the terms [begin, end) of `rows` rows from r, `blocks` blocks from b, to those before them, which y has. The last add bias and
/// residual. `rows`, `blocks` and `map`, whether pixels of a map are the rows, are constants.
WEIR_SIMD_INLINE void gemm_tile(const weir_gemm *gemm, size_t r, size_t b, size_t begin, size_t end, const size_t rows,
                                const size_t blocks, const bool map) {
  const bool copies = !map && rows > GEMM_ROWS_APART;
  const size_t row = map ? WEIR_BLOCK : gemm->x_row, apart = copies ? WEIR_BLOCK : row;
  const size_t panel = gemm->inputs * WEIR_BLOCK, y_at = r * gemm->y_row + b * gemm->y_block;
  const float *weight = gemm->weight + b * panel + begin * WEIR_BLOCK;
  const float *x = gemm->x + r * row + begin / WEIR_BLOCK * gemm->x_block;
  float copied[WEIR_SIMD_CONV_PIXELS * WEIR_BLOCK];
  vf16 sum[WEIR_TILE_ROW_BLOCKS][WEIR_SIMD_CONV_PIXELS];
  WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) {
    WEIR_TILE_UNROLL for (size_t p = 0; p < rows; p++) sum[n][p] =
        begin == 0 ? v_zero() : v_load(gemm->y + y_at + p * gemm->y_row + n * gemm->y_block);
  }
  for (size_t first = begin; first < end; first += WEIR_BLOCK, x += gemm->x_block) {
    if (copies) {
      WEIR_TILE_UNROLL for (size_t p = 0; p < rows; p++) v_store(copied + p * WEIR_BLOCK, v_load(x + p * row));
    }
    const float *const from = copies ? copied : x;
    const float *const last = from + (end - first < WEIR_BLOCK ? end - first : WEIR_BLOCK);
    for (const float *k = from; k < last; k++, weight += WEIR_BLOCK) {
      vf16 w[WEIR_TILE_ROW_BLOCKS];
      WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) w[n] = v_load(weight + n * panel);
      WEIR_TILE_UNROLL for (size_t p = 0; p < rows; p++) {
        const vf16 value = v_set1(k[p * apart]);
        WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) sum[n][p] = v_fma(w[n], value, sum[n][p]);
      }
    }
  }
  const bool last_pass = end == gemm->inputs;
  weir_tile_store(
      sum[0], WEIR_SIMD_CONV_PIXELS, blocks, 1, rows, last_pass && gemm->bias != NULL ? gemm->bias + b * WEIR_BLOCK : NULL,
      last_pass && gemm->residual != NULL ? gemm->residual + y_at : NULL, gemm->y + y_at, gemm->y_block, 0, gemm->y_row);
}

/// Rows [begin, end) of `blocks` blocks from b. A residual may lie where y does, which sums on their way would overwrite: then one pass.
WEIR_SIMD_INLINE void gemm_rows(const weir_gemm *gemm, size_t begin, size_t end, size_t b, const size_t blocks, const bool map) {
  const size_t pass = gemm->residual == NULL ? GEMM_PASS : gemm->inputs;
  for (size_t k = 0; k < gemm->inputs; k += pass) {
    const size_t k_end = gemm->inputs - k < pass ? gemm->inputs : k + pass;
    for (size_t r = begin; r < end;) {
      const size_t rows = weir_tile_width(end - r, WEIR_SIMD_CONV_PIXELS);
      switch (rows) {
#define WEIR_TILE(n) \
  case n: gemm_tile(gemm, r, b, k, k_end, n, blocks, map); break;
        WEIR_TILE_WIDTHS(WEIR_SIMD_CONV_PIXELS, WEIR_TILE)
#undef WEIR_TILE
      }
      r += rows;
    }
  }
}

WEIR_SIMD_INLINE void gemm_blocks(const weir_gemm *gemm, size_t begin, size_t end, size_t b, const size_t blocks) {
  if (gemm->x_row == WEIR_BLOCK) {
    gemm_rows(gemm, begin, end, b, blocks, true);
  } else {
    gemm_rows(gemm, begin, end, b, blocks, false);
  }
}

/// One row or two, all terms in one pass: no weight is needed again.
WEIR_SIMD_INLINE void gemm_few(const weir_gemm *gemm, size_t r, size_t b, const size_t rows, const size_t blocks) {
  gemm_tile(gemm, r, b, 0, gemm->inputs, rows, blocks, false);
}

void WEIR_SIMD_NAME(gemm_forward)(const weir_gemm *gemm, size_t row_begin, size_t row_end, size_t block_begin, size_t block_end) {
  const size_t rows = row_end - row_begin;
  size_t b = block_begin;
  if (rows == 1) {
    for (; b + WEIR_TILE_ROW_BLOCKS <= block_end; b += WEIR_TILE_ROW_BLOCKS) gemm_few(gemm, row_begin, b, 1, WEIR_TILE_ROW_BLOCKS);
    for (; b + GEMM_PAIR_BLOCKS <= block_end; b += GEMM_PAIR_BLOCKS) gemm_few(gemm, row_begin, b, 1, GEMM_PAIR_BLOCKS);
  }
  if (rows == 2)
    for (; b + GEMM_PAIR_BLOCKS <= block_end; b += GEMM_PAIR_BLOCKS) gemm_few(gemm, row_begin, b, 2, GEMM_PAIR_BLOCKS);
  for (; b + WEIR_SIMD_CONV_BLOCKS <= block_end; b += WEIR_SIMD_CONV_BLOCKS)
    gemm_blocks(gemm, row_begin, row_end, b, WEIR_SIMD_CONV_BLOCKS);
  for (; b < block_end; b++) gemm_blocks(gemm, row_begin, row_end, b, 1);
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

// 3x3 convolution over the vector vocabulary: a tile of sums in registers, weights streamed, inputs broadcast.
#include "kernels/conv3x3/conv3x3.h"
#include "kernels/gemm/tile.h"

weir_k_conv3x3_forward_fn WEIR_SIMD_NAME(conv3x3_forward);
static weir_k_conv3x3_weights_fn WEIR_SIMD_NAME(conv3x3_weights);

/// Outputs of `blocks` blocks from b, `rows` rows from r, `pixels` pixels from q; the three counts are constants.
WEIR_SIMD_INLINE void conv3x3_tile(const weir_conv3x3 *conv, size_t b, size_t r, size_t q, const size_t blocks, const size_t rows,
                                   const size_t pixels) {
  const size_t row = (conv->w + 2) * WEIR_BLOCK, map = (conv->h + 2) * row, panel = conv->ic * 9 * WEIR_BLOCK;
  const float *weight = conv->weight + b * panel;
  const float *x_map = conv->x + r * row + q * WEIR_BLOCK;
  vf16 sum[WEIR_SIMD_CONV_BLOCKS][WEIR_SIMD_CONV_PIXELS];
  WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) {
    WEIR_TILE_UNROLL for (size_t p = 0; p < rows * pixels; p++) sum[n][p] = v_zero();
  }
  for (size_t first = 0; first < conv->ic; first += WEIR_BLOCK, x_map += map) {
    const float *const end = x_map + (conv->ic - first < WEIR_BLOCK ? conv->ic - first : WEIR_BLOCK);
    for (const float *x = x_map; x < end; x++) {
      WEIR_TILE_ROLLED for (size_t ky = 0; ky < 3; ky++) {
        WEIR_TILE_UNROLL for (size_t kx = 0; kx < 3; kx++, weight += WEIR_BLOCK) {
          WEIR_TILE_FORGET();
          vf16 w[WEIR_SIMD_CONV_BLOCKS];
          WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) w[n] = v_load(weight + n * panel);
          WEIR_TILE_UNROLL for (size_t p = 0; p < rows * pixels; p++) {
            const vf16 value = v_set1(x[(p / pixels + ky) * row + (p % pixels + kx) * WEIR_BLOCK]);
            WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) sum[n][p] = v_fma(w[n], value, sum[n][p]);
          }
        }
      }
    }
  }
  const size_t y_row = conv->w * WEIR_BLOCK, y_map = conv->h * y_row, at = b * y_map + r * y_row + q * WEIR_BLOCK;
  weir_tile_store(sum[0], WEIR_SIMD_CONV_PIXELS, blocks, rows, pixels, conv->bias == NULL ? NULL : conv->bias + b * WEIR_BLOCK,
                  conv->residual == NULL ? NULL : conv->residual + at, conv->y + at, y_map, y_row, WEIR_BLOCK);
}

/// Rows [begin, end) of `blocks` blocks from b. Two rows go together where a map is so narrow that one would not fill the registers.
WEIR_SIMD_INLINE void conv3x3_rows(const weir_conv3x3 *conv, size_t b, size_t begin, size_t end, const size_t blocks) {
  for (size_t r = begin; r < end;) {
    if (2 * conv->w <= WEIR_SIMD_CONV_PIXELS && end - r >= 2) {
      switch (conv->w) {
#define WEIR_TILE(n) \
  case n: conv3x3_tile(conv, b, r, 0, blocks, 2 * n <= WEIR_SIMD_CONV_PIXELS ? 2 : 1, n); break;
        WEIR_TILE_WIDTHS(WEIR_SIMD_CONV_PIXELS, WEIR_TILE)
#undef WEIR_TILE
      }
      r += 2;
      continue;
    }
    for (size_t q = 0; q < conv->w;) {
      const size_t pixels = weir_tile_width(conv->w - q, WEIR_SIMD_CONV_PIXELS);
      switch (pixels) {
#define WEIR_TILE(n) \
  case n: conv3x3_tile(conv, b, r, q, blocks, 1, n); break;
        WEIR_TILE_WIDTHS(WEIR_SIMD_CONV_PIXELS, WEIR_TILE)
#undef WEIR_TILE
      }
      q += pixels;
    }
    r++;
  }
}

void WEIR_SIMD_NAME(conv3x3_forward)(const weir_conv3x3 *conv, size_t row_begin, size_t row_end) {
  const size_t blocks = weir_i_blocks(conv->oc);
  size_t b = 0;
  for (; b + WEIR_SIMD_CONV_BLOCKS <= blocks; b += WEIR_SIMD_CONV_BLOCKS)
    conv3x3_rows(conv, b, row_begin, row_end, WEIR_SIMD_CONV_BLOCKS);
  for (; b < blocks; b++) conv3x3_rows(conv, b, row_begin, row_end, 1);
}

// The gradient by weights keeps the sums of one kernel row: its three taps of a few input channels. A map's rows go in groups, so
// that dy and x of a group stay in the first-level cache while every sum passes over them.
enum { CONV3X3_CHANNELS = WEIR_SIMD_CONV_BLOCKS == 2 ? 4 : 2, CONV3X3_GROUP_PIXELS = 112 };

/// Adds rows [begin, end) to kernel row ky of `channels` input channels from i, `blocks` blocks from b; both counts are constants.
WEIR_SIMD_INLINE void conv3x3_weights_tile(const weir_conv3x3_weights *conv, size_t i, size_t b, size_t ky, size_t begin,
                                           size_t end, const size_t channels, const size_t blocks) {
  const size_t row = (conv->w + 2) * WEIR_BLOCK, panel = conv->ic * 9 * WEIR_BLOCK, map = conv->h * conv->w * WEIR_BLOCK;
  const float *x_row = conv->x + i / WEIR_BLOCK * (conv->h + 2) * row + (begin + ky) * row + i % WEIR_BLOCK;
  const float *dy = conv->dy + b * map + begin * conv->w * WEIR_BLOCK;
  float *dweight = conv->dweight + b * panel + (i * 9 + ky * 3) * WEIR_BLOCK;
  vf16 sum[WEIR_SIMD_CONV_BLOCKS][3 * CONV3X3_CHANNELS];
  WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) {
    WEIR_TILE_UNROLL for (size_t k = 0; k < 3 * channels; k++) {
      sum[n][k] = v_load(dweight + n * panel + (k / 3 * 9 + k % 3) * WEIR_BLOCK);
    }
  }
  for (size_t r = begin; r < end; r++, x_row += row) {
    const float *x = x_row;
    for (size_t q = 0; q < conv->w; q++, x += WEIR_BLOCK, dy += WEIR_BLOCK) {
      WEIR_TILE_FORGET();
      vf16 d[WEIR_SIMD_CONV_BLOCKS];
      WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) d[n] = v_load(dy + n * map);
      WEIR_TILE_UNROLL for (size_t k = 0; k < 3 * channels; k++) {
        const vf16 value = v_set1(x[k / 3 + k % 3 * WEIR_BLOCK]);
        WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) sum[n][k] = v_fma(d[n], value, sum[n][k]);
      }
    }
  }
  WEIR_TILE_UNROLL for (size_t n = 0; n < blocks; n++) {
    WEIR_TILE_UNROLL for (size_t k = 0; k < 3 * channels; k++) {
      v_store(dweight + n * panel + (k / 3 * 9 + k % 3) * WEIR_BLOCK, sum[n][k]);
    }
  }
}

/// Input channels [begin, end) of one block by `blocks` output blocks from b.
WEIR_SIMD_INLINE void conv3x3_weights_block(const weir_conv3x3_weights *conv, size_t begin, size_t end, size_t b,
                                            const size_t blocks) {
  const size_t group = conv->w < CONV3X3_GROUP_PIXELS ? CONV3X3_GROUP_PIXELS / conv->w : 1;
  for (size_t r = 0; r < conv->h; r += group) {
    const size_t r_end = conv->h - r < group ? conv->h : r + group;
    for (size_t i = begin; i < end; i += CONV3X3_CHANNELS)
      for (size_t ky = 0; ky < 3; ky++) {
        switch (end - i) {
          case 1: conv3x3_weights_tile(conv, i, b, ky, r, r_end, 1, blocks); break;
#if WEIR_SIMD_CONV_BLOCKS == 2
          case 2: conv3x3_weights_tile(conv, i, b, ky, r, r_end, 2, blocks); break;
          case 3: conv3x3_weights_tile(conv, i, b, ky, r, r_end, 3, blocks); break;
#endif
          default: conv3x3_weights_tile(conv, i, b, ky, r, r_end, CONV3X3_CHANNELS, blocks); break;
        }
      }
  }
}

void WEIR_SIMD_NAME(conv3x3_weights)(const weir_conv3x3_weights *conv, size_t tile_begin, size_t tile_end) {
  const size_t blocks = weir_i_blocks(conv->oc);
  for (size_t tile = tile_begin; tile < tile_end;) {
    const size_t b = tile % blocks, begin = tile / blocks * WEIR_BLOCK;
    const size_t end = conv->ic - begin < WEIR_BLOCK ? conv->ic : begin + WEIR_BLOCK;
    if (b + WEIR_SIMD_CONV_BLOCKS <= blocks && tile + WEIR_SIMD_CONV_BLOCKS <= tile_end) {
      conv3x3_weights_block(conv, begin, end, b, WEIR_SIMD_CONV_BLOCKS);
      tile += WEIR_SIMD_CONV_BLOCKS;
    } else {
      conv3x3_weights_block(conv, begin, end, b, 1);
      tile++;
    }
  }
}

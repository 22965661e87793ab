#include "layers/patches.h"

#include <stdbool.h>
#include <string.h>

// The pixel of the image under tap (ky, kx) at place `row`; false outside.
static bool pixel_under(const weir_patches *patches, size_t row, size_t ky, size_t kx, size_t *pixel) {
  const size_t y = row / patches->w * patches->stride + ky, x = row % patches->w * patches->stride + kx;
  if (y < patches->pad || y - patches->pad >= patches->image.h) return false;
  if (x < patches->pad || x - patches->pad >= patches->image.w) return false;
  *pixel = (y - patches->pad) * patches->image.w + x - patches->pad;
  return true;
}

static size_t lanes_of(const weir_patches *patches, size_t block) {
  const size_t left = patches->image.c - block * WEIR_BLOCK;
  return left < WEIR_BLOCK ? left : WEIR_BLOCK;
}

static void gather_tap(const weir_patches *patches, const float *image, size_t pixel, float *to) {
  const size_t c = patches->image.c, stride = patches->image.h * patches->image.w * WEIR_BLOCK;
  const float *from = image + pixel * WEIR_BLOCK;
  size_t channel = 0;
  for (; channel + WEIR_BLOCK <= c; channel += WEIR_BLOCK, from += stride) memcpy(to + channel, from, WEIR_BLOCK * sizeof *to);
  for (size_t l = 0; channel + l < c; l++) to[channel + l] = from[l];
}

void weir_i_patches_gather(const weir_patches *patches, const float *image, size_t begin, size_t end, float *rows) {
  const size_t c = patches->image.c, columns = weir_i_patches_columns(patches), floats = weir_i_patches_row_floats(patches);
  for (size_t row = begin; row < end; row++, rows += floats) {
    float *to = rows;
    for (size_t ky = 0; ky < patches->kernel; ky++)
      for (size_t kx = 0; kx < patches->kernel; kx++, to += c) {
        size_t pixel;
        if (pixel_under(patches, row, ky, kx, &pixel)) {
          gather_tap(patches, image, pixel, to);
        } else {
          memset(to, 0, c * sizeof *to);
        }
      }
    memset(rows + columns, 0, (floats - columns) * sizeof *rows);
  }
}

void weir_i_patches_scatter(const weir_patches *patches, const float *rows, size_t begin, size_t end, size_t block_begin,
                            size_t block_end, float *image) {
  const size_t pixels = patches->image.h * patches->image.w, floats = weir_i_patches_row_floats(patches);
  for (size_t row = begin; row < end; row++, rows += floats) {
    const float *from = rows;
    for (size_t ky = 0; ky < patches->kernel; ky++)
      for (size_t kx = 0; kx < patches->kernel; kx++, from += patches->image.c) {
        size_t pixel;
        if (!pixel_under(patches, row, ky, kx, &pixel)) continue;
        for (size_t block = block_begin; block < block_end; block++) {
          float *to = image + (block * pixels + pixel) * WEIR_BLOCK;
          const float *run = from + block * WEIR_BLOCK;
          const size_t lanes = lanes_of(patches, block);
          if (lanes == WEIR_BLOCK) {
            for (size_t l = 0; l < WEIR_BLOCK; l++) to[l] += run[l];
          } else {
            for (size_t l = 0; l < lanes; l++) to[l] += run[l];
          }
        }
      }
  }
}

void weir_i_patches_pack(const weir_patches *patches, size_t maps, const float *weight, float *packed) {
  const size_t c = patches->image.c, taps = weir_i_patches_taps(patches), columns = weir_i_patches_columns(patches);
  memset(packed, 0, weir_i_block_round(maps) * columns * sizeof *packed);
  for (size_t m = 0; m < maps; m++) {
    float *to = packed + m / WEIR_BLOCK * columns * WEIR_BLOCK + m % WEIR_BLOCK;
    for (size_t i = 0; i < c; i++)
      for (size_t t = 0; t < taps; t++) to[(t * c + i) * WEIR_BLOCK] = weight[(m * c + i) * taps + t];
  }
}

void weir_i_patches_pack_transposed(const weir_patches *patches, size_t maps, const float *weight, float *packed) {
  const size_t c = patches->image.c, taps = weir_i_patches_taps(patches);
  memset(packed, 0, weir_i_patches_row_floats(patches) * maps * sizeof *packed);
  for (size_t m = 0; m < maps; m++)
    for (size_t i = 0; i < c; i++)
      for (size_t t = 0; t < taps; t++) {
        const size_t column = t * c + i;
        packed[(column / WEIR_BLOCK * maps + m) * WEIR_BLOCK + column % WEIR_BLOCK] = weight[(m * c + i) * taps + t];
      }
}

void weir_i_patches_unpack_add(const weir_patches *patches, const float *packed, size_t begin, size_t end, float *weight) {
  const size_t c = patches->image.c, taps = weir_i_patches_taps(patches), columns = weir_i_patches_columns(patches);
  for (size_t m = begin; m < end; m++) {
    const float *from = packed + m / WEIR_BLOCK * columns * WEIR_BLOCK + m % WEIR_BLOCK;
    for (size_t i = 0; i < c; i++)
      for (size_t t = 0; t < taps; t++) weight[(m * c + i) * taps + t] += from[(t * c + i) * WEIR_BLOCK];
  }
}

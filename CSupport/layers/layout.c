#include "layers/layout.h"

#include <string.h>

#include "kernels/block.h"

size_t weir_i_map_blocked(weir_map map) { return weir_i_block_round(map.c) * map.h * map.w; }

// One pixel's channels lie as a planar row does.
static size_t lane_of(size_t channel, size_t pixels) { return channel / WEIR_BLOCK * pixels * WEIR_BLOCK + channel % WEIR_BLOCK; }

void weir_i_layout_pack(const float *planar, const float *mask, size_t c, size_t pixels, float *blocked) {
  if (pixels == 1 && mask == NULL) {
    memcpy(blocked, planar, c * sizeof *blocked);
    memset(blocked + c, 0, (weir_i_block_round(c) - c) * sizeof *blocked);
    return;
  }
  memset(blocked, 0, weir_i_block_round(c) * pixels * sizeof *blocked);
  for (size_t channel = 0; channel < c; channel++) {
    const float *from = planar + channel * pixels;
    float *to = blocked + lane_of(channel, pixels);
    if (mask == NULL) {
      for (size_t p = 0; p < pixels; p++) to[p * WEIR_BLOCK] = from[p];
    } else {
      const float *keep = mask + channel * pixels;
      for (size_t p = 0; p < pixels; p++) to[p * WEIR_BLOCK] = from[p] * keep[p];
    }
  }
}

void weir_i_layout_unpack(const float *blocked, size_t first, size_t c, size_t pixels, float *planar) {
  if (pixels == 1) {
    memcpy(planar, blocked + first, c * sizeof *planar);
    return;
  }
  for (size_t channel = 0; channel < c; channel++) {
    const float *from = blocked + lane_of(first + channel, pixels);
    float *to = planar + channel * pixels;
    for (size_t p = 0; p < pixels; p++) to[p] = from[p * WEIR_BLOCK];
  }
}

void weir_i_layout_unpack_add(const float *blocked, const float *mask, size_t c, size_t pixels, float *planar) {
  for (size_t channel = 0; channel < c; channel++) {
    const float *from = blocked + lane_of(channel, pixels);
    float *to = planar + channel * pixels;
    for (size_t p = 0; p < pixels; p++)
      to[p] += mask == NULL ? from[p * WEIR_BLOCK] : from[p * WEIR_BLOCK] * mask[channel * pixels + p];
  }
}

void weir_i_layout_pack_add(const float *planar, size_t c, size_t pixels, float *blocked) {
  for (size_t channel = 0; channel < c; channel++) {
    const float *from = planar + channel * pixels;
    float *to = blocked + lane_of(channel, pixels);
    for (size_t p = 0; p < pixels; p++) to[p * WEIR_BLOCK] += from[p];
  }
}

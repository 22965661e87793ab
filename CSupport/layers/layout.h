// Between the flow's planar state and the networks' blocked maps (see kernels/kernels.h). Few channels cross here, so plain C serves.
#ifndef WEIR_LAYERS_LAYOUT_H
#define WEIR_LAYERS_LAYOUT_H

#include <stddef.h>

/// A sample's size.
typedef struct weir_map {
  size_t c, h, w;
} weir_map;

static inline size_t weir_i_map_count(weir_map map) { return map.c * map.h * map.w; }
/// Floats of one blocked sample.
size_t weir_i_map_blocked(weir_map map);

/// blocked [blocks(c)][pixels][16] = planar [c][pixels], times mask [c * pixels] when not NULL; lanes past c are zero.
void weir_i_layout_pack(const float *planar, const float *mask, size_t c, size_t pixels, float *blocked);
/// Channels [first, first + c) of blocked -> planar [c][pixels].
void weir_i_layout_unpack(const float *blocked, size_t first, size_t c, size_t pixels, float *planar);
/// planar [c][pixels] += mask * blocked; mask NULL means ones.
void weir_i_layout_unpack_add(const float *blocked, const float *mask, size_t c, size_t pixels, float *planar);
/// blocked += planar; lanes past c stay as they are.
void weir_i_layout_pack_add(const float *planar, size_t c, size_t pixels, float *blocked);

#endif

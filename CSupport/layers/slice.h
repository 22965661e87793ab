// A mask compiled into the layers at a net's ends: parameters are for all channels, and only the live ones are computed.
#ifndef WEIR_LAYERS_SLICE_H
#define WEIR_LAYERS_SLICE_H

#include <stddef.h>

/// Channels in equal parts (s and t, or x and -x), the same ones of each part live.
typedef struct weir_slice {
  size_t parts;
  size_t part;          // channels of one
  size_t first, count;  // of each part, [first, first + count) are live
} weir_slice;

static inline weir_slice weir_i_slice_all(size_t channels) { return (weir_slice){1, channels, 0, channels}; }
static inline size_t weir_i_slice_whole(weir_slice slice) { return slice.parts * slice.part; }
static inline size_t weir_i_slice_live(weir_slice slice) { return slice.parts * slice.count; }
/// Where live channel number c is among all.
static inline size_t weir_i_slice_at(weir_slice slice, size_t c) {
  return c / slice.count * slice.part + slice.first + c % slice.count;
}

#endif

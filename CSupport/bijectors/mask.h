// Masks of couplings on [c, h, w] (REFERENCE 3): which part passes unchanged and feeds the net ("id"), and which part changes.
#ifndef WEIR_BIJECTORS_MASK_H
#define WEIR_BIJECTORS_MASK_H

#include "base/json.h"
#include "base/status.h"
#include "kernels/region.h"
#include "layers/layout.h"
#include "layers/slice.h"

/// What a cell of the map does. The cycle masks leave two quadrants as they are and unseen.
typedef enum weir_mask_cell { WEIR_CELL_ID, WEIR_CELL_CHANGE, WEIR_CELL_PASS } weir_mask_cell;

typedef struct weir_mask_class weir_mask_class;

typedef struct weir_mask {
  const weir_mask_class *type;
  bool reverse;
  size_t from, to;  // cycle and sub_quadrant: quadrants, 0 top-left, 1 top-right, 2 bottom-right, 3 bottom-left
  size_t factor;    // the map is cut in factor x factor tiles; 1 unless sub_quadrant
  size_t margin;    // centre: cells that the frame is wide
} weir_mask;

struct weir_mask_class {
  const char *name;
  /// True when the id part and the changed part are channels.
  bool splits_channels;
  /// True when the parameters of such a coupling are for its parts' channels alone: the channel mask. Otherwise they are for all channels, and
  /// those of the other part are dead: the tabular mask.
  bool splits_parameters;
  bool second_is_id;  // which half of the channels, unless reversed
  bool has_quadrants, has_factor, has_margin;
  /// Why it does not fit a map, or NULL.
  const char *(*refuse)(const weir_mask *mask, weir_map map);
  /// NULL when it splits parameters. The map is a tile's.
  weir_mask_cell (*cell)(const weir_mask *mask, weir_map map, size_t c, size_t h, size_t w);
};

/// Reads the "mask" member of a coupling.
weir_status weir_i_mask_parse(weir_mask *mask, const weir_json *json, int object, const char *path, weir_map map,
                              weir_error *error);

/// What cell [c, h, w] of the whole map does. Not for masks that split parameters.
weir_mask_cell weir_i_mask_cell(const weir_mask *mask, weir_map map, size_t c, size_t h, size_t w);

/// The smallest region that holds all changed cells, of a tile.
weir_region weir_i_mask_changed_region(const weir_mask *mask, weir_map map);

/// Tiles that the map is cut in, each a sample of its own for the net; row by row.
static inline size_t weir_i_mask_tiles(const weir_mask *mask) { return mask->factor * mask->factor; }
/// Copies tile number `tile` of a planar map [c, h, w] out, [c, h / factor, w / factor]; and puts one back.
void weir_i_mask_tile_out(const weir_mask *mask, weir_map map, size_t tile, const float *whole, float *part);
void weir_i_mask_tile_in(const weir_mask *mask, weir_map map, size_t tile, const float *part, float *whole);

/// Channels [first, first + count) of a map.
typedef struct weir_channels {
  size_t first, count;
} weir_channels;

/// Channels with id cells, and with cells that change: all, when the mask doesn't split them.
weir_channels weir_i_mask_id(const weir_mask *mask, weir_map map);
weir_channels weir_i_mask_changed(const weir_mask *mask, weir_map map);
/// Where those of a part are among the channels that the coupling's parameters are for.
weir_slice weir_i_mask_slice(const weir_mask *mask, weir_map map, weir_channels part);
/// The size of a tile, or of the whole map.
weir_map weir_i_mask_tile(const weir_mask *mask, weir_map map);

#endif

#include "bijectors/mask.h"

#include <stdio.h>
#include <string.h>

static const char *refuse_one_row(const weir_mask *mask, weir_map map) {
  (void)mask;
  return map.h < 2 ? "needs a map of two rows or more" : NULL;
}

static const char *refuse_one_column(const weir_mask *mask, weir_map map) {
  (void)mask;
  return map.w < 2 ? "needs a map of two columns or more" : NULL;
}

static const char *refuse_thin(const weir_mask *mask, weir_map map) {
  (void)mask;
  return map.h < 2 || map.w < 2 ? "needs a map of two rows and columns or more" : NULL;
}

static const char *refuse_single_cell(const weir_mask *mask, weir_map map) {
  (void)mask;
  return map.h * map.w < 2 ? "needs a map of two cells or more" : NULL;
}

static const char *refuse_odd_channels(const weir_mask *mask, weir_map map) {
  (void)mask;
  return map.c % 2 != 0 ? "needs an even number of channels; squeeze first" : NULL;
}

static const char *refuse_image(const weir_mask *mask, weir_map map) {
  (void)mask;
  return map.h != 1 || map.w != 1 ? "is for tables and embeddings; use checkerboard or channel"
         : map.c < 2              ? "needs two dims or more"
                                  : NULL;
}

static const char *refuse_tiles(const weir_mask *mask, weir_map map) {
  return map.h % mask->factor != 0 || map.w % mask->factor != 0 ? "needs a factor that divides height and width"
         : map.h / mask->factor < 2 || map.w / mask->factor < 2
             ? "needs tiles of two rows and columns or more; use a smaller factor"
             : NULL;
}

static const char *refuse_no_centre(const weir_mask *mask, weir_map map) {
  return map.h <= 2 * mask->margin || map.w <= 2 * mask->margin
             ? "needs more rows and columns than two margins; use a smaller margin"
             : NULL;
}

// `second` is true in the half that is id only when the mask is reversed.
static weir_mask_cell half(const weir_mask *mask, bool second) { return second == mask->reverse ? WEIR_CELL_ID : WEIR_CELL_CHANGE; }

static weir_mask_cell checkerboard(const weir_mask *mask, weir_map map, size_t c, size_t h, size_t w) {
  (void)map, (void)c;
  return half(mask, (h + w) % 2 == 0);
}

static weir_mask_cell horizontal(const weir_mask *mask, weir_map map, size_t c, size_t h, size_t w) {
  (void)c, (void)w;
  return half(mask, h >= map.h / 2);
}

static weir_mask_cell vertical(const weir_mask *mask, weir_map map, size_t c, size_t h, size_t w) {
  (void)c, (void)h;
  return half(mask, w >= map.w / 2);
}

static weir_mask_cell tabular(const weir_mask *mask, weir_map map, size_t c, size_t h, size_t w) {
  (void)h, (void)w;
  return half(mask, c >= map.c / 2);
}

static weir_mask_cell cycle(const weir_mask *mask, weir_map map, size_t c, size_t h, size_t w) {
  (void)c;
  static const size_t quadrants[2][2] = {{0, 1}, {3, 2}};
  const size_t quadrant = quadrants[h >= map.h / 2][w >= map.w / 2];
  return quadrant == mask->from ? WEIR_CELL_ID : quadrant == mask->to ? WEIR_CELL_CHANGE : WEIR_CELL_PASS;
}

static weir_mask_cell centre(const weir_mask *mask, weir_map map, size_t c, size_t h, size_t w) {
  (void)c;
  const size_t m = mask->margin;
  return half(mask, h >= m && h < map.h - m && w >= m && w < map.w - m);
}

// Every mask, one each.
static const weir_mask_class classes[] = {
    {.name = "checkerboard", .refuse = refuse_single_cell, .cell = checkerboard},
    {.name = "channel", .splits_channels = true, .splits_parameters = true, .second_is_id = true, .refuse = refuse_odd_channels},
    {.name = "horizontal", .refuse = refuse_one_row, .cell = horizontal},
    {.name = "vertical", .refuse = refuse_one_column, .cell = vertical},
    {.name = "cycle", .has_quadrants = true, .refuse = refuse_thin, .cell = cycle},
    {.name = "sub_quadrant", .has_quadrants = true, .has_factor = true, .refuse = refuse_tiles, .cell = cycle},
    {.name = "centre", .has_margin = true, .refuse = refuse_no_centre, .cell = centre},
    {.name = "tabular", .splits_channels = true, .refuse = refuse_image, .cell = tabular},
};

enum { CLASS_COUNT = sizeof classes / sizeof classes[0] };

static weir_status parse_quadrants(weir_mask *mask, const weir_json *json, int member, const char *where, weir_error *error) {
  static const char *const keys[] = {"type", "from", "to", "factor"};
  weir_status status = weir_i_json_only(json, member, where, keys, mask->type->has_factor ? 4 : 3, error);
  if (status == WEIR_OK) status = weir_i_json_count(json, member, where, "from", 0, 3, true, 0, &mask->from, error);
  if (status == WEIR_OK) status = weir_i_json_count(json, member, where, "to", 0, 3, true, 0, &mask->to, error);
  if (status == WEIR_OK && mask->type->has_factor)
    status = weir_i_json_count(json, member, where, "factor", 2, 64, true, 0, &mask->factor, error);
  if (status == WEIR_OK && mask->from == mask->to)
    status = weir_i_fail(error, WEIR_ERROR_SPEC, where, "a %s mask needs two different quadrants, not %zu twice", mask->type->name,
                         mask->to);
  return status;
}

static weir_status parse_halves(weir_mask *mask, const weir_json *json, int member, const char *where, weir_error *error) {
  static const char *const keys[] = {"type", "reverse", "margin"};
  weir_status status = weir_i_json_only(json, member, where, keys, mask->type->has_margin ? 3 : 2, error);
  if (status == WEIR_OK) status = weir_i_json_bool(json, member, where, "reverse", false, false, &mask->reverse, error);
  if (status == WEIR_OK && mask->type->has_margin)
    status = weir_i_json_count(json, member, where, "margin", 1, 1 << 20, false, 4, &mask->margin, error);
  return status;
}

weir_status weir_i_mask_parse(weir_mask *mask, const weir_json *json, int object, const char *path, weir_map map,
                              weir_error *error) {
  char where[96];
  snprintf(where, sizeof where, "%s.mask", path);
  const int member = weir_i_json_get(json, object, "mask");
  if (!weir_i_json_is_object(json, member))
    return weir_i_fail(error, WEIR_ERROR_SPEC, path,
                       "a coupling needs a mask, for example {\"type\": \"checkerboard\", \"reverse\": false}");
  const char *names[CLASS_COUNT];
  for (size_t i = 0; i < CLASS_COUNT; i++) names[i] = classes[i].name;
  size_t chosen;
  weir_status status = weir_i_json_choice(json, member, where, "type", names, CLASS_COUNT, true, 0, &chosen, error);
  if (status != WEIR_OK) return status;
  *mask = (weir_mask){.type = &classes[chosen], .factor = 1};
  status = (mask->type->has_quadrants ? parse_quadrants : parse_halves)(mask, json, member, where, error);
  if (status != WEIR_OK) return status;
  const char *refused = mask->type->refuse(mask, map);
  if (refused != NULL)
    return weir_i_fail(error, WEIR_ERROR_SPEC, where, "the %s mask does not fit %zu x %zu x %zu: it %s", mask->type->name, map.c,
                       map.h, map.w, refused);
  return WEIR_OK;
}

weir_map weir_i_mask_tile(const weir_mask *mask, weir_map map) {
  return (weir_map){map.c, map.h / mask->factor, map.w / mask->factor};
}

weir_mask_cell weir_i_mask_cell(const weir_mask *mask, weir_map map, size_t c, size_t h, size_t w) {
  const weir_map tile = weir_i_mask_tile(mask, map);
  return mask->type->cell(mask, tile, c, h % tile.h, w % tile.w);
}

weir_region weir_i_mask_changed_region(const weir_mask *mask, weir_map map) {
  const weir_map tile = weir_i_mask_tile(mask, map);
  if (mask->type->splits_channels) return weir_i_region_whole(tile.h, tile.w);
  weir_region region = {0};
  for (size_t c = 0; c < tile.c; c++)
    for (size_t h = 0; h < tile.h; h++)
      for (size_t w = 0; w < tile.w; w++)
        if (mask->type->cell(mask, tile, c, h, w) == WEIR_CELL_CHANGE)
          region = weir_i_region_join(region, (weir_region){h, w, 1, 1});
  return region;
}

/// Where row h of a tile's channel c begins in the whole map.
static size_t row_at(const weir_mask *mask, weir_map map, weir_map tile, size_t number, size_t c, size_t h) {
  return (c * map.h + number / mask->factor * tile.h + h) * map.w + number % mask->factor * tile.w;
}

void weir_i_mask_tile_out(const weir_mask *mask, weir_map map, size_t number, const float *whole, float *part) {
  const weir_map tile = weir_i_mask_tile(mask, map);
  for (size_t c = 0; c < tile.c; c++)
    for (size_t h = 0; h < tile.h; h++)
      memcpy(part + (c * tile.h + h) * tile.w, whole + row_at(mask, map, tile, number, c, h), tile.w * sizeof *part);
}

void weir_i_mask_tile_in(const weir_mask *mask, weir_map map, size_t number, const float *part, float *whole) {
  const weir_map tile = weir_i_mask_tile(mask, map);
  for (size_t c = 0; c < tile.c; c++)
    for (size_t h = 0; h < tile.h; h++)
      memcpy(whole + row_at(mask, map, tile, number, c, h), part + (c * tile.h + h) * tile.w, tile.w * sizeof *part);
}

// The first half of the channels or the second. Of an odd number, the second has one more.
static weir_channels half_of(weir_map map, bool second) {
  const size_t first = map.c / 2;
  return second ? (weir_channels){first, map.c - first} : (weir_channels){0, first};
}

weir_channels weir_i_mask_id(const weir_mask *mask, weir_map map) {
  return mask->type->splits_channels ? half_of(map, mask->type->second_is_id != mask->reverse) : (weir_channels){0, map.c};
}

weir_channels weir_i_mask_changed(const weir_mask *mask, weir_map map) {
  return mask->type->splits_channels ? half_of(map, mask->type->second_is_id == mask->reverse) : (weir_channels){0, map.c};
}

weir_slice weir_i_mask_slice(const weir_mask *mask, weir_map map, weir_channels part) {
  return mask->type->splits_parameters ? weir_i_slice_all(part.count) : (weir_slice){1, map.c, part.first, part.count};
}

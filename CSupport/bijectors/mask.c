#include "bijectors/mask.h"

#include <stdio.h>

static const char *refuse_one_row(weir_map map) { return map.h < 2 ? "needs a map of two rows or more" : NULL; }

static const char *refuse_one_column(weir_map map) { return map.w < 2 ? "needs a map of two columns or more" : NULL; }

static const char *refuse_thin(weir_map map) {
  return map.h < 2 || map.w < 2 ? "needs a map of two rows and columns or more" : NULL;
}

static const char *refuse_single_cell(weir_map map) { return map.h * map.w < 2 ? "needs a map of two cells or more" : NULL; }

static const char *refuse_odd_channels(weir_map map) {
  return map.c % 2 != 0 ? "needs an even number of channels; squeeze first" : NULL;
}

static const char *refuse_image(weir_map map) {
  return map.h != 1 || map.w != 1 ? "is for tables and embeddings; use checkerboard or channel"
         : map.c < 2              ? "needs two dims or more"
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

// Every mask, one line each.
static const weir_mask_class classes[] = {
    {"checkerboard", false, false, refuse_single_cell, checkerboard},
    {"channel", true, false, refuse_odd_channels, NULL},  // id: the second half of the channels, reversed the first
    {"horizontal", false, false, refuse_one_row, horizontal},
    {"vertical", false, false, refuse_one_column, vertical},
    {"cycle", false, true, refuse_thin, cycle},
    {"tabular", false, false, refuse_image, tabular},
};

enum { CLASS_COUNT = sizeof classes / sizeof classes[0] };

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
  *mask = (weir_mask){.type = &classes[chosen]};
  static const char *const quadrant_keys[] = {"type", "from", "to"}, *const half_keys[] = {"type", "reverse"};
  if (mask->type->has_quadrants) {
    status = weir_i_json_only(json, member, where, quadrant_keys, 3, error);
    if (status == WEIR_OK) status = weir_i_json_count(json, member, where, "from", 0, 3, true, 0, &mask->from, error);
    if (status == WEIR_OK) status = weir_i_json_count(json, member, where, "to", 0, 3, true, 0, &mask->to, error);
    if (status == WEIR_OK && mask->from == mask->to)
      status = weir_i_fail(error, WEIR_ERROR_SPEC, where, "a cycle mask needs two different quadrants, not %zu twice", mask->to);
  } else {
    status = weir_i_json_only(json, member, where, half_keys, 2, error);
    if (status == WEIR_OK) status = weir_i_json_bool(json, member, where, "reverse", false, false, &mask->reverse, error);
  }
  if (status != WEIR_OK) return status;
  const char *refused = mask->type->refuse(map);
  if (refused != NULL)
    return weir_i_fail(error, WEIR_ERROR_SPEC, where, "the %s mask does not fit %zu x %zu x %zu: it %s", mask->type->name, map.c,
                       map.h, map.w, refused);
  return WEIR_OK;
}

weir_map weir_i_mask_net_input(const weir_mask *mask, weir_map map) {
  return (weir_map){mask->type->splits_channels ? map.c / 2 : map.c, map.h, map.w};
}

size_t weir_i_mask_first_id(const weir_mask *mask, weir_map map) {
  return mask->type->splits_channels && !mask->reverse ? map.c / 2 : 0;
}

size_t weir_i_mask_first_changed(const weir_mask *mask, weir_map map) {
  return mask->type->splits_channels && mask->reverse ? map.c / 2 : 0;
}

size_t weir_i_mask_changed(const weir_mask *mask, weir_map map) { return mask->type->splits_channels ? map.c / 2 : map.c; }

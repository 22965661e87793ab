// Affine and additive coupling: the part under the mask feeds an st-network, which shifts and scales the rest (RealNVP, Dinh et al. 2017).
// The sub_quadrant mask cuts the map in tiles, each a sample for the net; the net's maps then hold samples * tiles, those of a sample in a row.
#include <stdio.h>
#include <string.h>

#include "bijectors/bijector.h"

typedef struct coupling_step {
  weir_mask mask;
  weir_net *net;
  bool affine;
  size_t gain;                        // parameter
  size_t packed_id;                   // offset into packed: [c, h, w] of a tile
  size_t packed_change, packed_gain;  // [count] each, of the channels that change
} coupling_step;

static const coupling_step *own_of(const weir_step *step) { return step->own; }
static const weir_net *net_of(const weir_step *step) { return own_of(step)->net; }
static const char *mask_of(const weir_step *step) { return own_of(step)->mask.type->name; }
static size_t tiles_of(const weir_step *step) { return weir_i_mask_tiles(&own_of(step)->mask); }

// True when the net sees cells that feed it nothing, and zeros are put in their place.
static bool masks_input(const weir_step *step) {
  const coupling_step *coupling = own_of(step);
  return !coupling->mask.type->splits_channels ||
         coupling->net->values[WEIR_VALUE_INPUT].map.c > weir_i_mask_id(&coupling->mask, step->in).count;
}

static weir_net_ends ends_of(const coupling_step *coupling, weir_map map) {
  const weir_slice reads = weir_i_mask_slice(&coupling->mask, map, weir_i_mask_id(&coupling->mask, map));
  weir_slice gives = weir_i_mask_slice(&coupling->mask, map, weir_i_mask_changed(&coupling->mask, map));
  if (coupling->affine) gives.parts = 2;
  const weir_map tile = weir_i_mask_tile(&coupling->mask, map);
  return (weir_net_ends){{weir_i_slice_whole(reads), tile.h, tile.w}, reads, gives};
}

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  static const char *const keys[] = {"op", "transform", "mask", "net"}, *const transforms[] = {"affine", "additive"};
  coupling_step *coupling = weir_i_step_own(step, build, sizeof *coupling);
  if (coupling == NULL) return WEIR_OK;  // the build says so
  size_t transform = 0;
  weir_status status = weir_i_json_only(source->json, source->object, source->path, keys, 4, error);
  if (status == WEIR_OK)
    status =
        weir_i_json_choice(source->json, source->object, source->path, "transform", transforms, 2, false, 0, &transform, error);
  if (status == WEIR_OK) status = weir_i_mask_parse(&coupling->mask, source->json, source->object, source->path, step->in, error);
  if (status != WEIR_OK) return status;
  coupling->affine = transform == 0;

  const weir_net_ends ends = ends_of(coupling, step->in);
  const size_t count = ends.gives.count * step->in.h * step->in.w;
  char net_path[96];
  snprintf(net_path, sizeof net_path, "%s.net", source->path);
  if (coupling->affine) {
    const weir_parameter gain = {
        .rank = 1, .shape = {ends.gives.part}, .trainable = true, .decay = true, .initial = WEIR_INITIAL_ONE};
    coupling->gain = weir_i_parameter_add(build, source->path, "gain", gain);
    coupling->packed_gain = weir_i_build_packed(build, count);
  }
  if (!coupling->mask.type->splits_channels) coupling->packed_change = weir_i_build_packed(build, count);
  status = weir_i_net_parse(build, source->json, weir_i_json_get(source->json, source->object, "net"), net_path, &ends,
                            &coupling->net, error);
  if (status == WEIR_OK) weir_i_net_narrow(coupling->net, weir_i_mask_changed_region(&coupling->mask, step->in));
  if (status == WEIR_OK && masks_input(step)) coupling->packed_id = weir_i_build_packed(build, weir_i_map_count(ends.input));
  return status;
}

// Ones at the cells of a kind, of all channels of the first h rows and w columns.
static void pack_mask(const coupling_step *coupling, weir_map map, weir_mask_cell kind, size_t height, size_t width, float *mask) {
  for (size_t c = 0; c < map.c; c++)
    for (size_t h = 0; h < height; h++)
      for (size_t w = 0; w < width; w++) *mask++ = weir_i_mask_cell(&coupling->mask, map, c, h, w) == kind ? 1.0f : 0.0f;
}

static void pack(const weir_step *step, const weir_parameters *parameters, const float *values, float *packed,
                 float *packed_training) {
  const coupling_step *coupling = own_of(step);
  const weir_map map = step->in, tile = weir_i_mask_tile(&coupling->mask, map);
  const bool split = coupling->mask.type->splits_channels;
  if (!split) pack_mask(coupling, map, WEIR_CELL_CHANGE, map.h, map.w, packed + coupling->packed_change);
  if (masks_input(step)) pack_mask(coupling, map, WEIR_CELL_ID, tile.h, tile.w, packed + coupling->packed_id);
  if (coupling->affine) {
    const weir_slice gives = ends_of(coupling, map).gives;
    const float *gain = values + parameters->items[coupling->gain].offset + gives.first;
    const size_t pixels = map.h * map.w;
    for (size_t e = 0; e < gives.count * pixels; e++)
      packed[coupling->packed_gain + e] = split || packed[coupling->packed_change + e] != 0 ? gain[e / pixels] : 0;
  }
  weir_i_net_pack(coupling->net, parameters, values, packed, packed_training);
}

// The memory of one pass.
typedef struct pass {
  const weir_step *step;
  weir_flow_run *run;
  weir_layer_run net_run;  // samples are tiles
  weir_activations activations;
  weir_net_gradients gradients;  // backward
  float *raw;                    // [threads][outputs]: planar s (affine only), then t of one sample
  float *part;         // [threads][c, h, w] of the net's input or output, whichever is larger: one tile, where there are several
  float *dgain;        // backward: [threads][count], of one sample
  double *dgain_sums;  // backward: [n][changed]
  size_t changed, pixels, count, outputs, shift_at, first_id, first_changed, tiles, tile_pixels, part_floats;
  const float *id, *change, *gain;
  bool forward;
} pass;

static pass take(const weir_step *step, weir_flow_run *run, bool forward, bool backward) {
  const coupling_step *coupling = own_of(step);
  weir_arena *scratch = run->layers.scratch;
  const size_t threads = run->layers.team.threads, n = run->layers.n;
  const weir_map tile = weir_i_mask_tile(&coupling->mask, step->in);
  const weir_channels id = weir_i_mask_id(&coupling->mask, step->in), changed = weir_i_mask_changed(&coupling->mask, step->in);
  const bool split = coupling->mask.type->splits_channels, masked = masks_input(step);
  pass p = {.step = step, .run = run, .net_run = run->layers, .forward = forward, .tiles = tiles_of(step)};
  p.net_run.n = n * p.tiles;
  p.tile_pixels = tile.h * tile.w;
  p.changed = changed.count;
  p.pixels = step->in.h * step->in.w;
  p.count = p.changed * p.pixels;
  p.outputs = coupling->affine ? 2 * p.count : p.count;
  p.shift_at = p.outputs - p.count;
  p.first_id = masked ? 0 : id.first * p.pixels;
  p.first_changed = changed.first * p.pixels;
  p.activations = step->keeps_activations && WEIR_TRAINS(&run->layers)
                      ? step->kept
                      : weir_i_net_take(coupling->net, scratch, p.net_run.n, WEIR_TRAINS(&run->layers));
  p.raw = weir_i_arena_take(scratch, threads * p.outputs, sizeof *p.raw);
  if (p.tiles > 1) {
    p.part_floats = (p.outputs > weir_i_map_count(step->in) ? p.outputs : weir_i_map_count(step->in)) / p.tiles;
    p.part = weir_i_arena_take(scratch, threads * p.part_floats, sizeof *p.part);
  }
  if (backward) {
    p.gradients = weir_i_net_take_gradients(coupling->net, scratch, p.net_run.n);
    p.dgain = weir_i_arena_take(scratch, threads * p.count, sizeof *p.dgain);
    p.dgain_sums = weir_i_arena_take(scratch, n * p.changed, sizeof *p.dgain_sums);
  }
  const float *packed = run->layers.packed;
  if (packed == NULL) return p;
  p.id = masked ? packed + coupling->packed_id : NULL;
  p.change = split ? NULL : packed + coupling->packed_change;
  p.gain = coupling->affine ? packed + coupling->packed_gain : NULL;
  return p;
}

static void reserve(const weir_step *step, const weir_flow_run *run) {
  weir_flow_run copy = *run;
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  const pass p = take(step, &copy, true, WEIR_TRAINS(&run->layers));
  weir_i_net_reserve(net_of(step), &p.net_run);
  weir_i_arena_release(run->layers.scratch, mark);
}

static float *part_of(const pass *p, size_t thread) { return p->part + thread * p->part_floats; }

// Tile number t of planar channels [c, h, w]: a copy, unless it is all of them.
static const float *tile_out(const pass *p, size_t c, const float *whole, size_t t, size_t thread) {
  if (p->tiles == 1) return whole;
  const weir_map map = {c, p->step->in.h, p->step->in.w};
  weir_i_mask_tile_out(&own_of(p->step)->mask, map, t, whole, part_of(p, thread));
  return part_of(p, thread);
}

// Puts back a tile of which tile_out, or the thread's place for it, had the numbers.
static void tile_in(const pass *p, size_t c, size_t t, size_t thread, float *whole) {
  if (p->tiles == 1) return;
  const weir_map map = {c, p->step->in.h, p->step->in.w};
  weir_i_mask_tile_in(&own_of(p->step)->mask, map, t, part_of(p, thread), whole);
}

// A planar sample's c channels into the net's map, times mask [c, h, w] of a tile; NULL means ones.
static void pack_tiles(const pass *p, const float *planar, size_t c, const float *mask, float *blocked, size_t thread) {
  const size_t floats = weir_i_block_round(c) * p->tile_pixels;
  for (size_t t = 0; t < p->tiles; t++)
    weir_i_layout_pack(tile_out(p, c, planar, t, thread), mask, c, p->tile_pixels, blocked + t * floats);
}

static void pack_inputs(void *arg, size_t begin, size_t end, size_t thread) {
  const pass *p = arg;
  const weir_map input = net_of(p->step)->values[WEIR_VALUE_INPUT].map;
  for (size_t i = begin; i < end; i++)
    pack_tiles(p, weir_i_run_x(p->run, i) + p->first_id, input.c, p->id,
               p->activations.maps[WEIR_VALUE_INPUT] + i * p->tiles * weir_i_map_blocked(input), thread);
}

static void run_net(pass *p) {
  weir_i_parallel_for(&p->run->layers.team, p->run->layers.n, pack_inputs, p);
  weir_i_lap(p->net_run.watch);
  weir_i_net_forward(net_of(p->step), p->run->parameters, &p->net_run, p->activations);
}

static float *unpack_output(const pass *p, size_t i, size_t thread) {
  const weir_map output = net_of(p->step)->values[WEIR_VALUE_OUTPUT].map;
  float *raw = p->raw + thread * p->outputs;
  for (size_t t = 0; t < p->tiles; t++) {
    const float *blocked = p->activations.maps[WEIR_VALUE_OUTPUT] + (i * p->tiles + t) * weir_i_map_blocked(output);
    weir_i_layout_unpack(blocked, 0, output.c, p->tile_pixels, p->tiles == 1 ? raw : part_of(p, thread));
    tile_in(p, output.c, t, thread, raw);
  }
  return raw;
}

static void transform_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const pass *p = arg;
  weir_flow_run *run = p->run;
  for (size_t i = begin; i < end; i++) {
    const float *raw = unpack_output(p, i, thread);
    float *x = weir_i_run_x(run, i) + p->first_changed;
    const weir_coupling coupling = {
        .x = x,
        .raw_s = p->gain == NULL ? NULL : raw,
        .raw_t = raw + p->shift_at,
        .gain = p->gain,
        .mask = p->change,
        .y = x,
        .s = run->trace_s == NULL ? NULL : run->trace_s + p->first_changed,
        .t = run->trace_t == NULL ? NULL : run->trace_t + p->first_changed,
        .count = p->count,
    };
    const weir_kernels *kernels = run->layers.kernels;
    run->logdet[i] += p->forward ? kernels->coupling_forward(&coupling) : kernels->coupling_inverse(&coupling);
  }
}

static void transform(const weir_step *step, weir_flow_run *run, bool forward) {
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  pass p = take(step, run, forward, false);
  run_net(&p);
  weir_i_parallel_for(&run->layers.team, run->layers.n, transform_samples, &p);
  weir_i_arena_release(run->layers.scratch, mark);
}

static void forward(const weir_step *step, weir_flow_run *run) { transform(step, run, true); }
static void inverse(const weir_step *step, weir_flow_run *run) { transform(step, run, false); }

static void untransform_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const pass *p = arg;
  weir_flow_run *run = p->run;
  const weir_map output = net_of(p->step)->values[WEIR_VALUE_OUTPUT].map;
  float *dgain = p->dgain + thread * p->count;
  for (size_t i = begin; i < end; i++) {
    float *raw = unpack_output(p, i, thread);
    float *y = weir_i_run_x(run, i) + p->first_changed, *dy = run->dx + i * run->dims + p->first_changed;
    const bool affine = p->gain != NULL;
    memset(dgain, 0, p->count * sizeof *dgain);
    const weir_coupling_gradient coupling = {
        .y = y,
        .dy = dy,
        .raw_s = affine ? raw : NULL,
        .raw_t = raw + p->shift_at,
        .gain = p->gain,
        .mask = p->change,
        .dlogdet = run->dlogdet[i],
        .x = y,
        .dx = dy,
        .draw_s = raw,
        .draw_t = raw + p->shift_at,
        .dgain = dgain,
        .count = p->count,
    };
    run->layers.kernels->coupling_backward(&coupling);
    for (size_t c = 0; c < p->changed; c++) {
      double sum = 0;
      for (size_t e = 0; e < p->pixels; e++) sum += dgain[c * p->pixels + e];
      p->dgain_sums[i * p->changed + c] = sum;
    }
    pack_tiles(p, raw, output.c, NULL, p->gradients.maps[WEIR_VALUE_OUTPUT] + i * p->tiles * weir_i_map_blocked(output), thread);
  }
}

static void add_input_gradients(void *arg, size_t begin, size_t end, size_t thread) {
  const pass *p = arg;
  const weir_map input = net_of(p->step)->values[WEIR_VALUE_INPUT].map;
  for (size_t i = begin; i < end; i++) {
    float *dx = p->run->dx + i * p->run->dims + p->first_id;
    for (size_t t = 0; t < p->tiles; t++) {
      const float *blocked = p->gradients.maps[WEIR_VALUE_INPUT] + (i * p->tiles + t) * weir_i_map_blocked(input);
      tile_out(p, input.c, dx, t, thread);
      weir_i_layout_unpack_add(blocked, p->id, input.c, p->tile_pixels, p->tiles == 1 ? dx : part_of(p, thread));
      tile_in(p, input.c, t, thread, dx);
    }
  }
}

// The net's input is in the output unchanged, so s and t are recomputed from it, the input follows, and then all gradients.
static void backward(const weir_step *step, weir_flow_run *run) {
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  pass p = take(step, run, false, true);
  if (!step->keeps_activations) run_net(&p);
  weir_i_parallel_for(&run->layers.team, run->layers.n, untransform_samples, &p);
  if (own_of(step)->affine) {
    float *gain =
        run->layers.gradients + run->parameters->items[own_of(step)->gain].offset + ends_of(own_of(step), step->in).gives.first;
    for (size_t c = 0; c < p.changed; c++) {
      double sum = 0;
      for (size_t i = 0; i < run->layers.n; i++) sum += p.dgain_sums[i * p.changed + c];
      gain[c] += (float)sum;
    }
  }
  weir_i_net_backward(net_of(step), run->parameters, &p.net_run, p.activations, p.gradients);
  weir_i_parallel_for(&run->layers.team, run->layers.n, add_input_gradients, &p);
  weir_i_arena_release(run->layers.scratch, mark);
}

static size_t changed_numbers(const weir_step *step) {
  return weir_i_mask_changed(&own_of(step)->mask, step->in).count * step->in.h * step->in.w;
}

static double transform_flops(const weir_step *step) { return 8.0 * (double)changed_numbers(step); }

static double flops(const weir_step *step) {
  return (double)tiles_of(step) * weir_i_net_flops(net_of(step)) + transform_flops(step);
}

static void describe_pack(const weir_step *step, weir_layer_info *info) {
  const weir_map input = net_of(step)->values[WEIR_VALUE_INPUT].map;
  const size_t tiles = tiles_of(step);
  info->name = "pack";
  memcpy(info->output_shape, (const size_t[]){input.c, input.h, input.w}, sizeof info->output_shape);
  info->flops = 0;
  info->sample_bytes = tiles * (weir_i_map_count(input) + weir_i_map_blocked(input)) * sizeof(float);
  info->weight_bytes = masks_input(step) ? weir_i_map_count(input) * sizeof(float) : 0;
}

static void describe_transform(const weir_step *step, weir_layer_info *info) {
  const coupling_step *own = own_of(step);
  const size_t numbers = changed_numbers(step), constants = (own->affine ? 1 : 0) + (own->mask.type->splits_channels ? 0 : 1);
  info->name = "transform";
  info->kernel = "coupling_forward";
  info->flops = transform_flops(step);
  info->sample_bytes = (tiles_of(step) * weir_i_map_blocked(own->net->values[WEIR_VALUE_OUTPUT].map) + 2 * numbers) * sizeof(float);
  info->weight_bytes = constants * numbers * sizeof(float);
}

static void describe(const weir_step *step, size_t index, bool bf16, weir_layer_info *info) {
  const weir_net *net = net_of(step);
  info->weight_bytes = 0;
  if (index == 0) {
    describe_pack(step, info);
  } else if (index > net->layer_count) {
    describe_transform(step, info);
  } else {
    weir_i_net_describe(net, index - 1, bf16, info);
    info->flops *= (double)tiles_of(step);
    info->sample_bytes *= tiles_of(step);
  }
}

const weir_bijector weir_i_bijector_coupling = {
    .op = "coupling",
    .parse = parse,
    .pack = pack,
    .reserve = reserve,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = flops,
    .net = net_of,
    .net_samples = tiles_of,
    .mask = mask_of,
    .describe = describe,
};

// Samples go in chunks through two stages: all their inputs are transformed, then block by block of output channels the weights are, 36
// products follow, and their sums become outputs. Weights are transformed anew each time: kept so, they would take four times the memory.
#include "layers/winograd_conv.h"

enum {
  LEAST_CHANNELS = 8,  // below, transforms outweigh the products that they save
  LEAST_PIXELS = 16,
  CHUNK_TILES = 128,
};

typedef struct chunk {
  const weir_winograd_conv *conv;
  const weir_layer_run *run;
  weir_winograd_grid grid;
  size_t first;               // sample
  float *v, *u, *m, *strip;   // one v; one of the others a thread
  uint16_t *v_bf16, *u_bf16;  // in place of v and u
  size_t v_plane, u_plane, m_plane, strip_floats;
} chunk;

bool weir_i_winograd_conv_pays(size_t ic, size_t h, size_t w) { return ic >= LEAST_CHANNELS && h * w >= LEAST_PIXELS; }

size_t weir_i_winograd_chunk(size_t tiles, size_t n) {
  const size_t most = tiles > 0 && tiles < CHUNK_TILES ? CHUNK_TILES / tiles : 1;
  return n < most ? n : most;
}

void weir_i_winograd_conv_input(const weir_winograd_conv *conv, const weir_kernels *kernels, const float *x, size_t block,
                                weir_winograd_input planes) {
  planes.x = x;
  planes.scale = conv->scale, planes.shift = conv->shift;
  planes.relu = conv->relu, planes.slope = conv->slope;
  planes.c = conv->ic;
  if (planes.v_bf16 != NULL) {
    kernels->winograd_input_bf16(&planes, block, block + 1);
  } else {
    kernels->winograd_input(&planes, block, block + 1);
  }
}

static chunk take(const weir_winograd_conv *conv, const weir_layer_run *run) {
  chunk c = {.conv = conv, .run = run, .grid = {conv->h, conv->w, conv->region, 1}};
  c.grid.samples = weir_i_winograd_chunk(weir_i_winograd_tiles(&c.grid), run->n);
  const size_t threads = run->team.threads, lanes = run->kernels->product_blocks * WEIR_BLOCK;
  const size_t v_numbers = weir_i_winograd_tiles(&c.grid) * weir_i_block_round(conv->ic);
  c.v_plane = run->bf16 ? weir_i_winograd_plane_bf16(v_numbers) : weir_i_winograd_plane(v_numbers);
  c.u_plane =
      run->bf16 ? weir_i_winograd_plane_bf16(lanes * 2 * weir_i_bf16_pairs(conv->ic)) : weir_i_winograd_plane(lanes * conv->ic);
  c.m_plane = weir_i_winograd_plane(lanes * weir_i_winograd_tiles(&c.grid));
  c.strip_floats = weir_i_winograd_strip(&c.grid);
  const size_t v_count = WEIR_WINOGRAD_PLANES * c.v_plane, u_count = threads * WEIR_WINOGRAD_PLANES * c.u_plane;
  if (run->bf16) {
    c.v_bf16 = weir_i_arena_take(run->scratch, v_count, sizeof *c.v_bf16);
    c.u_bf16 = weir_i_arena_take(run->scratch, u_count, sizeof *c.u_bf16);
  } else {
    c.v = weir_i_arena_take(run->scratch, v_count, sizeof *c.v);
    c.u = weir_i_arena_take(run->scratch, u_count, sizeof *c.u);
  }
  c.m = weir_i_arena_take(run->scratch, threads * WEIR_WINOGRAD_PLANES * c.m_plane, sizeof(float));
  c.strip = weir_i_arena_take(run->scratch, threads * c.strip_floats, sizeof(float));
  return c;
}

void weir_i_winograd_conv_reserve(const weir_winograd_conv *conv, const weir_layer_run *run) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  take(conv, run);
  weir_i_arena_release(run->scratch, mark);
}

// Items are samples times blocks of input channels.
static void transform_inputs(void *arg, size_t begin, size_t end, size_t thread) {
  const chunk *c = arg;
  const weir_winograd_conv *conv = c->conv;
  const size_t blocks = weir_i_blocks(conv->ic), sample = weir_i_block_round(conv->ic) * conv->h * conv->w;
  for (size_t item = begin; item < end; item++) {
    const weir_winograd_input planes = {.grid = c->grid,
                                        .sample = item / blocks,
                                        .strip = c->strip + thread * c->strip_floats,
                                        .v = c->v,
                                        .v_bf16 = c->v_bf16,
                                        .v_plane = c->v_plane};
    weir_i_winograd_conv_input(conv, c->run->kernels, conv->x + (c->first + item / blocks) * sample, item % blocks, planes);
  }
}

/// U of `blocks` blocks of output channels from `block`, in the thread's place, which begins at u_at.
static void transform_weights(const chunk *c, size_t u_at, size_t block, size_t blocks) {
  const weir_winograd_conv *conv = c->conv;
  const size_t panel = conv->ic * 9 * WEIR_BLOCK, pairs = weir_i_bf16_pairs(conv->ic) * 2 * WEIR_BLOCK;
  for (size_t b = 0; b < blocks; b++) {
    const size_t from = (block + b) * panel;
    if (c->run->bf16) {
      c->run->kernels->winograd_weights_bf16(conv->weight_bf16 + from, conv->ic, c->u_bf16 + u_at + b * pairs, c->u_plane);
    } else {
      c->run->kernels->winograd_weights(conv->weight + from, conv->ic, c->u + u_at + b * conv->ic * WEIR_BLOCK, c->u_plane);
    }
  }
}

static void multiply(const chunk *c, size_t u_at, float *m, size_t blocks) {
  const weir_kernels *kernels = c->run->kernels;
  const size_t map = weir_i_winograd_tiles(&c->grid) * WEIR_BLOCK;
  weir_gemm gemm = {.x_row = WEIR_BLOCK,
                    .x_block = map,
                    .y_row = WEIR_BLOCK,
                    .y_block = map,
                    .inputs = c->conv->ic,
                    .outputs = blocks * WEIR_BLOCK};
  for (size_t p = 0; p < WEIR_WINOGRAD_PLANES; p++) {
    const weir_winograd_range tiles = weir_i_winograd_range(&c->grid, p / WEIR_WINOGRAD_POINTS, p % WEIR_WINOGRAD_POINTS);
    const size_t v_at = p * c->v_plane, weights_at = u_at + p * c->u_plane;
    gemm.y = m + p * c->m_plane;
    if (c->run->bf16) {
      const weir_gemm_bf16 narrow = weir_i_gemm_in_bf16(&gemm, c->v_bf16 + v_at, c->u_bf16 + weights_at);
      kernels->gemm_bf16(&narrow, tiles.begin, tiles.end, 0, blocks);
    } else {
      gemm.x = c->v + v_at;
      gemm.weight = c->u + weights_at;
      kernels->gemm_forward(&gemm, tiles.begin, tiles.end, 0, blocks);
    }
  }
}

static void transform_outputs(const chunk *c, const float *m, size_t block, size_t blocks) {
  const weir_winograd_conv *conv = c->conv;
  const size_t tiles = weir_i_winograd_tiles(&c->grid), pixels = conv->h * conv->w, oc_blocks = weir_i_blocks(conv->oc);
  for (size_t i = 0; i < c->grid.samples; i++)
    for (size_t b = 0; b < blocks; b++) {
      const size_t at = ((c->first + i) * oc_blocks + block + b) * pixels * WEIR_BLOCK;
      const weir_winograd_output output = {.m = m + b * tiles * WEIR_BLOCK,
                                           .m_plane = c->m_plane,
                                           .grid = c->grid,
                                           .sample = i,
                                           .bias = conv->bias == NULL ? NULL : conv->bias + (block + b) * WEIR_BLOCK,
                                           .residual = conv->residual == NULL ? NULL : conv->residual + at,
                                           .y = conv->y + at};
      c->run->kernels->winograd_output(&output);
    }
}

// Items are as many blocks of output channels as a matrix product takes at once.
static void compute_outputs(void *arg, size_t begin, size_t end, size_t thread) {
  const chunk *c = arg;
  const weir_winograd_conv *conv = c->conv;
  const size_t step = c->run->kernels->product_blocks, oc_blocks = weir_i_blocks(conv->oc);
  const size_t u_at = thread * WEIR_WINOGRAD_PLANES * c->u_plane;
  float *m = c->m + thread * WEIR_WINOGRAD_PLANES * c->m_plane;
  for (size_t item = begin; item < end; item++) {
    const size_t block = item * step, blocks = oc_blocks - block < step ? oc_blocks - block : step;
    transform_weights(c, u_at, block, blocks);
    multiply(c, u_at, m, blocks);
    transform_outputs(c, m, block, blocks);
  }
}

void weir_i_winograd_conv_forward(const weir_winograd_conv *conv, const weir_layer_run *run) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  chunk c = take(conv, run);
  const size_t samples = c.grid.samples, step = run->kernels->product_blocks;
  for (c.first = 0; c.first < run->n; c.first += samples) {
    if (run->n - c.first < samples) c.grid.samples = run->n - c.first;
    weir_i_parallel_for(&run->team, c.grid.samples * weir_i_blocks(conv->ic), transform_inputs, &c);
    weir_i_parallel_for(&run->team, (weir_i_blocks(conv->oc) + step - 1) / step, compute_outputs, &c);
  }
  weir_i_arena_release(run->scratch, mark);
}

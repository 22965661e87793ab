// The gradient by weights of a 3x3 convolution, at Winograd's points: a quarter of direct correlation's products. Samples go in chunks, whose
// planes are summed point by point into dU; at the end dU becomes dweight.
#include <string.h>

#include "layers/winograd_conv.h"

typedef struct gradient {
  const weir_winograd_conv *conv;
  const weir_layer_run *run;
  const float *dy;
  float *dweight;
  weir_winograd_grid grid;
  size_t first;  // sample of the chunk
  float *v, *dm, *du, *strip;
  size_t v_plane, m_plane, u_plane, strip_floats;
} gradient;

static gradient take(const weir_winograd_conv *conv, const weir_layer_run *run) {
  gradient g = {.conv = conv, .run = run, .grid = {conv->h, conv->w, conv->region, 1}};
  g.grid.samples = weir_i_winograd_chunk(weir_i_winograd_tiles(&g.grid), run->n);
  const size_t tiles = weir_i_winograd_tiles(&g.grid);
  g.v_plane = weir_i_winograd_plane(tiles * weir_i_block_round(conv->ic));
  g.m_plane = weir_i_winograd_plane(tiles * weir_i_block_round(conv->oc));
  g.u_plane = weir_i_winograd_plane(conv->ic * weir_i_block_round(conv->oc));
  g.strip_floats = weir_i_winograd_strip(&g.grid);
  g.v = weir_i_arena_take(run->scratch, WEIR_WINOGRAD_PLANES * g.v_plane, sizeof(float));
  g.dm = weir_i_arena_take(run->scratch, WEIR_WINOGRAD_PLANES * g.m_plane, sizeof(float));
  g.du = weir_i_arena_take(run->scratch, WEIR_WINOGRAD_PLANES * g.u_plane, sizeof(float));
  g.strip = weir_i_arena_take(run->scratch, run->team.threads * g.strip_floats, sizeof(float));
  return g;
}

void weir_i_winograd_conv_reserve_weights(const weir_winograd_conv *conv, const weir_layer_run *run) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  take(conv, run);
  weir_i_arena_release(run->scratch, mark);
}

// Items are samples times blocks of input and then of output channels.
static void transform_maps(void *arg, size_t begin, size_t end, size_t thread) {
  const gradient *g = arg;
  const weir_winograd_conv *conv = g->conv;
  const size_t pixels = conv->h * conv->w, in = weir_i_blocks(conv->ic), out = weir_i_blocks(conv->oc);
  const size_t tiles = weir_i_winograd_tiles(&g->grid);
  for (size_t item = begin; item < end; item++) {
    const size_t sample = item / (in + out), block = item % (in + out);
    if (block < in) {
      const weir_winograd_input planes = {
          .grid = g->grid, .sample = sample, .strip = g->strip + thread * g->strip_floats, .v = g->v, .v_plane = g->v_plane};
      weir_i_winograd_conv_input(conv, g->run->kernels, conv->x + (g->first + sample) * in * pixels * WEIR_BLOCK, block, planes);
    } else {
      const weir_winograd_output_gradient output = {
          .dy = g->dy + ((g->first + sample) * out + block - in) * pixels * WEIR_BLOCK,
          .grid = g->grid,
          .sample = sample,
          .dm = g->dm + (block - in) * tiles * WEIR_BLOCK,
          .m_plane = g->m_plane,
      };
      g->run->kernels->winograd_output_back(&output);
    }
  }
}

static void add_planes(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const gradient *g = arg;
  const weir_winograd_conv *conv = g->conv;
  const size_t map = weir_i_winograd_tiles(&g->grid) * WEIR_BLOCK;
  for (size_t p = begin; p < end; p++) {
    const weir_winograd_range tiles = weir_i_winograd_range(&g->grid, p / WEIR_WINOGRAD_POINTS, p % WEIR_WINOGRAD_POINTS);
    const weir_gemm_weights gemm = {.x = g->v + p * g->v_plane + tiles.begin * WEIR_BLOCK,
                                    .dy = g->dm + p * g->m_plane + tiles.begin * WEIR_BLOCK,
                                    .dweight = g->du + p * g->u_plane,
                                    .x_row = WEIR_BLOCK,
                                    .x_block = map,
                                    .dy_row = WEIR_BLOCK,
                                    .dy_block = map,
                                    .inputs = conv->ic,
                                    .outputs = conv->oc,
                                    .rows = tiles.end - tiles.begin};
    if (gemm.rows > 0) g->run->kernels->gemm_weights(&gemm, 0, weir_i_blocks(conv->ic) * weir_i_blocks(conv->oc));
  }
}

static void finish_blocks(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const gradient *g = arg;
  const size_t ic = g->conv->ic;
  for (size_t block = begin; block < end; block++)
    g->run->kernels->winograd_weights_back(g->du + block * ic * WEIR_BLOCK, g->u_plane, ic,
                                           g->dweight + block * ic * 9 * WEIR_BLOCK);
}

void weir_i_winograd_conv_weights(const weir_winograd_conv *conv, const weir_layer_run *run, const float *dy, float *dweight) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  gradient g = take(conv, run);
  g.dy = dy, g.dweight = dweight;
  memset(g.du, 0, WEIR_WINOGRAD_PLANES * g.u_plane * sizeof *g.du);
  const size_t samples = g.grid.samples, blocks = weir_i_blocks(conv->ic) + weir_i_blocks(conv->oc);
  for (g.first = 0; g.first < run->n; g.first += samples) {
    if (run->n - g.first < samples) g.grid.samples = run->n - g.first;
    weir_i_parallel_for(&run->team, g.grid.samples * blocks, transform_maps, &g);
    weir_i_parallel_for(&run->team, WEIR_WINOGRAD_PLANES, add_planes, &g);
  }
  weir_i_parallel_for(&run->team, weir_i_blocks(conv->oc), finish_blocks, &g);
  weir_i_arena_release(run->scratch, mark);
}

#include "layers/product.h"

typedef struct forward_job {
  const weir_product *product;
  weir_region region;
  const weir_layer_run *run;
  const weir_layer_maps *maps;
  const float *p;  // tables and single samples: preactivations made beforehand; NULL: made sample by sample in scratch
  weir_product_scratch scratch;
} forward_job;

void weir_i_product_constants(const weir_product *product, const weir_layer_run *run, const float *state, const float **scale,
                              const float **shift) {
  const size_t width = weir_i_block_round(product->in.c);
  *scale = *shift = NULL;
  if (!product->norm.present) return;
  *scale = WEIR_TRAINS(run) ? state + WEIR_NORM_SCALE * width : run->packed + product->packed_scale;
  *shift = WEIR_TRAINS(run) ? state + WEIR_NORM_SHIFT * width : run->packed + product->packed_shift;
}

void weir_i_product_preactivate(const weir_product *product, const weir_layer_run *run, const float *state, const float *x,
                                float *p) {
  weir_preact preact = {.x = x,
                        .y = p,
                        .c = product->in.c,
                        .h = product->in.h,
                        .w = product->in.w,
                        .pad = weir_i_product_halo(product),
                        .relu = product->relu,
                        .negate = product->negate,
                        .slope = product->slope};
  weir_i_product_constants(product, run, state, &preact.scale, &preact.shift);
  run->kernels->preact_forward(&preact);
}

static const float *bias_of(const forward_job *job) {
  return job->product->has_bias ? job->run->packed + job->product->packed_bias : NULL;
}

static weir_conv3x3 conv_of(const forward_job *job, const float *p, size_t sample) {
  const size_t at = sample * weir_i_product_y_floats(job->product);
  return (weir_conv3x3){.x = p,
                        .weight = job->run->packed + job->product->packed_weight,
                        .bias = bias_of(job),
                        .residual = job->maps->residual == NULL ? NULL : job->maps->residual + at,
                        .y = job->maps->y + at,
                        .ic = weir_i_product_ic(job->product),
                        .oc = job->product->oc,
                        .h = job->product->in.h,
                        .w = job->product->in.w};
}

// Rows are the pixels of one sample, or for tables the samples.
static weir_gemm gemm_of(const forward_job *job, const float *p, size_t sample) {
  const size_t pixels = weir_i_product_pixels(job->product), at = sample * weir_i_product_y_floats(job->product);
  const bool table = pixels == 1;
  return (weir_gemm){.x = p,
                     .weight = job->run->packed + job->product->packed_weight,
                     .bias = bias_of(job),
                     .residual = job->maps->residual == NULL ? NULL : job->maps->residual + at,
                     .y = job->maps->y + at,
                     .x_row = table ? weir_i_product_p_floats(job->product) : WEIR_BLOCK,
                     .x_block = pixels * WEIR_BLOCK,
                     .y_row = table ? weir_i_product_y_floats(job->product) : WEIR_BLOCK,
                     .y_block = pixels * WEIR_BLOCK,
                     .inputs = weir_i_product_ic(job->product),
                     .outputs = job->product->oc};
}

/// Rows of the product of p, or in bf16 of `rounded`, which is arranged as p is.
static void multiply(const forward_job *job, const float *p, const uint16_t *rounded, size_t sample, size_t row_begin,
                     size_t row_end, size_t block_begin, size_t block_end) {
  const weir_gemm gemm = gemm_of(job, p, sample);
  if (rounded == NULL) {
    job->run->kernels->gemm_forward(&gemm, row_begin, row_end, block_begin, block_end);
    return;
  }
  const weir_gemm_bf16 gemm_bf16 = weir_i_gemm_in_bf16(&gemm, rounded, job->run->packed_bf16 + job->product->packed_bf16);
  job->run->kernels->gemm_bf16(&gemm_bf16, row_begin, row_end, block_begin, block_end);
}

/// Pixels [begin, end) of every block of channels of p, to their places in `rounded`.
static void round_pixels(const forward_job *job, const float *p, size_t begin, size_t end, uint16_t *rounded) {
  const size_t pixels = weir_i_product_pixels(job->product);
  for (size_t b = 0; b < weir_i_blocks(weir_i_product_ic(job->product)); b++) {
    const size_t at = (b * pixels + begin) * WEIR_BLOCK;
    job->run->kernels->bf16_round(p + at, rounded + at, end - begin);
  }
}

/// Output rows [begin, end) of a map, counted from the region's first. `rounded` has room for p in bf16; NULL in f32.
static void multiply_rows(const forward_job *job, const float *p, uint16_t *rounded, size_t sample, size_t begin, size_t end) {
  const weir_product *product = job->product;
  const weir_region region = job->region;
  begin += region.row, end += region.row;
  if (product->kernel == 3) {
    const weir_conv3x3 conv = conv_of(job, p, sample);
    job->run->kernels->conv3x3_forward(&conv, begin, end);
    return;
  }
  const size_t w = product->in.w, blocks = weir_i_blocks(product->oc);
  if (rounded != NULL) round_pixels(job, p, begin * w, end * w, rounded);
  if (region.columns == w) {
    multiply(job, p, rounded, sample, begin * w, end * w, 0, blocks);
    return;
  }
  for (size_t row = begin; row < end; row++) {
    const size_t pixel = row * w + region.column;
    multiply(job, p, rounded, sample, pixel, pixel + region.columns, 0, blocks);
  }
}

static void forward_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const forward_job *job = arg;
  const weir_product *product = job->product;
  const size_t p_floats = weir_i_product_p_floats(product);
  float *scratch = job->scratch.p == NULL ? NULL : job->scratch.p + thread * p_floats;
  uint16_t *rounded = job->scratch.rounded == NULL ? NULL : job->scratch.rounded + thread * p_floats;
  for (size_t i = begin; i < end; i++) {
    const float *x = job->maps->x[0] + i * weir_i_product_x_floats(product), *p = x;
    if (!weir_i_product_direct(product)) {
      weir_i_product_preactivate(product, job->run, job->maps->norm, x, scratch);
      p = scratch;
    }
    multiply_rows(job, p, rounded, i, 0, job->region.rows);
  }
}

static void forward_map_rows(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const forward_job *job = arg;
  multiply_rows(job, job->p, job->scratch.rounded, 0, begin, end);
}

// A table's product is cut in tiles: rows that stay in the second-level cache, by blocks of outputs that a kernel likes to have at once. Tiles
// of the same rows come one after the other, so that each weight is read once for many rows.
enum { TILE_ROWS = 128, TILE_BLOCKS = 2, ROW_BLOCKS = 4 };

static size_t tile_blocks(const weir_layer_run *run) { return run->n == 1 ? ROW_BLOCKS : TILE_BLOCKS; }

static size_t tiles_across(const weir_product *product, const weir_layer_run *run) {
  return (weir_i_blocks(product->oc) + tile_blocks(run) - 1) / tile_blocks(run);
}

static void forward_tiles(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const forward_job *job = arg;
  const size_t across = tiles_across(job->product, job->run), blocks = weir_i_blocks(job->product->oc), n = job->run->n;
  const size_t wide = tile_blocks(job->run);
  while (begin < end) {
    const size_t row = begin / across * TILE_ROWS, tile = begin % across;
    const size_t tiles = end - begin < across - tile ? end - begin : across - tile;
    const size_t last = (tile + tiles) * wide;
    multiply(job, job->p, job->scratch.rounded, 0, row, n - row < TILE_ROWS ? n : row + TILE_ROWS, tile * wide,
             last < blocks ? last : blocks);
    begin += tiles;
  }
}

static void prepare_rows(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const forward_job *job = arg;
  const weir_product *product = job->product;
  for (size_t i = begin; i < end; i++) {
    const float *x = job->maps->x[0] + i * weir_i_product_x_floats(product), *p = x;
    const size_t at = i * weir_i_product_p_floats(product);
    if (!weir_i_product_direct(product)) {
      weir_i_product_preactivate(product, job->run, job->maps->norm, x, job->scratch.p + at);
      p = job->scratch.p + at;
    }
    if (job->scratch.rounded != NULL) round_pixels(job, p, 0, 1, job->scratch.rounded + at);
  }
}

// Tables: all samples are the rows of one product.
static void forward_table(forward_job *job) {
  const weir_product *product = job->product;
  const weir_layer_run *run = job->run;
  job->p = weir_i_product_direct(product) ? job->maps->x[0] : job->scratch.p;
  if (job->p == job->scratch.p || job->scratch.rounded != NULL) weir_i_parallel_for(&run->team, run->n, prepare_rows, job);
  weir_i_parallel_for(&run->team, (run->n + TILE_ROWS - 1) / TILE_ROWS * tiles_across(product, run), forward_tiles, job);
}

// One sample on several threads: they share its rows.
static void forward_single(forward_job *job) {
  const weir_product *product = job->product;
  job->p = job->maps->x[0];
  if (!weir_i_product_direct(product)) {
    weir_i_product_preactivate(product, job->run, job->maps->norm, job->maps->x[0], job->scratch.p);
    job->p = job->scratch.p;
  }
  weir_i_parallel_for(&job->run->team, job->region.rows, forward_map_rows, job);
}

static weir_winograd_conv winograd_of(const weir_product *product, weir_region region, const weir_layer_run *run,
                                      const weir_layer_maps *maps) {
  weir_winograd_conv conv = weir_i_product_winograd_conv(product, region);
  conv.x = maps->x[0];
  conv.weight = run->packed + product->packed_weight;
  conv.weight_bf16 = run->bf16 ? run->packed_bf16 + product->packed_bf16 : NULL;
  conv.bias = product->has_bias ? run->packed + product->packed_bias : NULL;
  conv.residual = maps->residual;
  conv.y = maps->y;
  weir_i_product_constants(product, run, maps->norm, &conv.scale, &conv.shift);
  return conv;
}

weir_product_scratch weir_i_product_take(const weir_product *product, const weir_layer_run *run) {
  weir_product_scratch scratch = {NULL, NULL};
  if (weir_i_product_winograd(product)) return scratch;
  const size_t samples = weir_i_product_table(product) ? run->n : run->team.threads;
  const size_t count = samples * weir_i_product_p_floats(product);
  if (!weir_i_product_direct(product)) scratch.p = weir_i_arena_take(run->scratch, count, sizeof *scratch.p);
  if (run->bf16 && weir_i_product_has_bf16(product))
    scratch.rounded = weir_i_arena_take(run->scratch, count, sizeof *scratch.rounded);
  return scratch;
}

void weir_i_product_forward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                            const weir_layer_maps *maps) {
  const weir_product *product = layer->own;
  const weir_region region = weir_i_layer_region(layer, run, product->in);
  const size_t mark = weir_i_arena_mark(run->scratch);
  if (WEIR_TRAINS(run) && product->norm.present)
    weir_i_norm_forward(&product->norm, parameters, run, maps->x[0], product->in, maps->norm);
  if (weir_i_product_winograd(product)) {
    const weir_winograd_conv conv = winograd_of(product, region, run, maps);
    weir_i_winograd_conv_forward(&conv, run);
    weir_i_arena_release(run->scratch, mark);
    return;
  }
  forward_job job = {product, region, run, maps, NULL, weir_i_product_take(product, run)};
  if (weir_i_product_table(product)) {
    forward_table(&job);
  } else if (run->n == 1 && run->team.threads > 1) {
    forward_single(&job);
  } else {
    weir_i_parallel_for(&run->team, run->n, forward_samples, &job);
  }
  weir_i_arena_release(run->scratch, mark);
}

void weir_i_product_reserve(const weir_layer *layer, const weir_layer_run *run) {
  const weir_product *product = layer->own;
  const size_t mark = weir_i_arena_mark(run->scratch);
  if (WEIR_TRAINS(run)) weir_i_product_reserve_backward(product, run);
  weir_i_arena_release(run->scratch, mark);
  if (weir_i_product_winograd(product)) {
    const weir_winograd_conv conv = weir_i_product_winograd_conv(product, weir_i_layer_region(layer, run, product->in));
    weir_i_winograd_conv_reserve(&conv, run);
  }
  weir_i_product_take(product, run);
  weir_i_arena_release(run->scratch, mark);
}

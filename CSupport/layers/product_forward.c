#include "layers/product.h"

typedef struct forward_job {
  const weir_product *product;
  weir_region region;
  const weir_layer_run *run;
  const weir_layer_maps *maps;
  const float *p;  // tables and single samples: preactivations made beforehand; NULL: made sample by sample in scratch
  float *scratch;  // one preactivation a thread
} forward_job;

static void preactivation_constants(const weir_product *product, const weir_layer_run *run, const float *state, const float **scale,
                                    const float **shift) {
  const size_t width = weir_i_block_round(product->in.c);
  *scale = *shift = NULL;
  if (!product->norm.present) return;
  *scale = run->training ? state + WEIR_NORM_SCALE * width : run->packed + product->packed_scale;
  *shift = run->training ? state + WEIR_NORM_SHIFT * width : run->packed + product->packed_shift;
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
  preactivation_constants(product, run, state, &preact.scale, &preact.shift);
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

/// Output rows [begin, end) of a map, counted from the region's first.
static void multiply_rows(const forward_job *job, const float *p, size_t sample, size_t begin, size_t end) {
  const weir_product *product = job->product;
  const weir_region region = job->region;
  begin += region.row, end += region.row;
  if (product->kernel == 3) {
    const weir_conv3x3 conv = conv_of(job, p, sample);
    job->run->kernels->conv3x3_forward(&conv, begin, end);
    return;
  }
  const weir_gemm gemm = gemm_of(job, p, sample);
  const size_t w = product->in.w, blocks = weir_i_blocks(product->oc);
  if (region.columns == w) {
    job->run->kernels->gemm_forward(&gemm, begin * w, end * w, 0, blocks);
    return;
  }
  for (size_t row = begin; row < end; row++) {
    const size_t pixel = row * w + region.column;
    job->run->kernels->gemm_forward(&gemm, pixel, pixel + region.columns, 0, blocks);
  }
}

static void forward_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const forward_job *job = arg;
  const weir_product *product = job->product;
  float *scratch = job->scratch == NULL ? NULL : job->scratch + thread * weir_i_product_p_floats(product);
  for (size_t i = begin; i < end; i++) {
    const float *x = job->maps->x[0] + i * weir_i_product_x_floats(product), *p = x;
    if (!weir_i_product_direct(product)) {
      weir_i_product_preactivate(product, job->run, job->maps->norm, x, scratch);
      p = scratch;
    }
    multiply_rows(job, p, i, 0, job->region.rows);
  }
}

static void forward_map_rows(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const forward_job *job = arg;
  multiply_rows(job, job->p, 0, begin, end);
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
  const weir_gemm gemm = gemm_of(job, job->p, 0);
  const size_t across = tiles_across(job->product, job->run), blocks = weir_i_blocks(job->product->oc), n = job->run->n;
  const size_t wide = tile_blocks(job->run);
  while (begin < end) {
    const size_t row = begin / across * TILE_ROWS, tile = begin % across;
    const size_t tiles = end - begin < across - tile ? end - begin : across - tile;
    const size_t last = (tile + tiles) * wide;
    job->run->kernels->gemm_forward(&gemm, row, n - row < TILE_ROWS ? n : row + TILE_ROWS, tile * wide,
                                    last < blocks ? last : blocks);
    begin += tiles;
  }
}

static void preactivate_rows(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const forward_job *job = arg;
  for (size_t i = begin; i < end; i++)
    weir_i_product_preactivate(job->product, job->run, job->maps->norm, job->maps->x[0] + i * weir_i_product_x_floats(job->product),
                               job->scratch + i * weir_i_product_p_floats(job->product));
}

// Tables: all samples are the rows of one product.
static void forward_table(forward_job *job) {
  const weir_product *product = job->product;
  const weir_layer_run *run = job->run;
  job->p = job->maps->x[0];
  if (!weir_i_product_direct(product)) {
    weir_i_parallel_for(&run->team, run->n, preactivate_rows, job);
    job->p = job->scratch;
  }
  weir_i_parallel_for(&run->team, (run->n + TILE_ROWS - 1) / TILE_ROWS * tiles_across(product, run), forward_tiles, job);
}

// One sample on several threads: they share its rows.
static void forward_single(forward_job *job) {
  const weir_product *product = job->product;
  job->p = job->maps->x[0];
  if (!weir_i_product_direct(product)) {
    weir_i_product_preactivate(product, job->run, job->maps->norm, job->maps->x[0], job->scratch);
    job->p = job->scratch;
  }
  weir_i_parallel_for(&job->run->team, job->region.rows, forward_map_rows, job);
}

static weir_winograd_conv winograd_of(const weir_product *product, weir_region region, const weir_layer_run *run,
                                      const weir_layer_maps *maps) {
  weir_winograd_conv conv = {.x = maps->x[0],
                             .relu = product->relu,
                             .slope = product->slope,
                             .weight = run->packed + product->packed_weight,
                             .bias = product->has_bias ? run->packed + product->packed_bias : NULL,
                             .residual = maps->residual,
                             .y = maps->y,
                             .ic = product->in.c,
                             .oc = product->oc,
                             .h = product->in.h,
                             .w = product->in.w,
                             .region = region};
  preactivation_constants(product, run, maps->norm, &conv.scale, &conv.shift);
  return conv;
}

size_t weir_i_product_forward_samples(const weir_product *product, const weir_layer_run *run) {
  if (weir_i_product_direct(product) || weir_i_product_winograd(product)) return 0;
  return weir_i_product_table(product) ? run->n : run->team.threads;
}

void weir_i_product_forward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                            const weir_layer_maps *maps) {
  const weir_product *product = layer->own;
  const weir_region region = weir_i_layer_region(layer, run, product->in);
  const size_t mark = weir_i_arena_mark(run->scratch);
  if (product->norm.present && run->training)
    weir_i_norm_forward(&product->norm, parameters, run, maps->x[0], product->in, maps->norm);
  if (weir_i_product_winograd(product)) {
    const weir_winograd_conv conv = winograd_of(product, region, run, maps);
    weir_i_winograd_conv_forward(&conv, run);
    weir_i_arena_release(run->scratch, mark);
    return;
  }
  float *scratch = weir_i_arena_take(run->scratch, weir_i_product_forward_samples(product, run) * weir_i_product_p_floats(product),
                                     sizeof *scratch);
  forward_job job = {product, region, run, maps, NULL, scratch};
  if (weir_i_product_table(product)) {
    forward_table(&job);
  } else if (run->n == 1 && run->team.threads > 1) {
    forward_single(&job);
  } else {
    weir_i_parallel_for(&run->team, run->n, forward_samples, &job);
  }
  weir_i_arena_release(run->scratch, mark);
}

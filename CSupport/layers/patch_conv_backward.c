// Gradients of a (transposed) convolution over patches, hand-derived. With p = rectified x, P(image) the matrix of patches and W [maps][columns]:
//   a convolution      y = P(p) W^T + bias:  dbias = sum dy,  dW = sum dy^T P(p),  dp = P^T(dy W)
//   a transposed one   y = P^T(p W) + bias:  dbias = sum dy,  dW = sum p^T P(dy),  dp = P(dy) W^T
// Sums over samples run in sample order inside one owner, so gradients don't depend on the thread count.
#include <string.h>

#include "layers/bias.h"
#include "layers/patch_conv.h"

// Samples whose rows are held at once while threads share the weights' gradient by tiles.
enum { GROUP = 8 };

typedef struct weight_job {
  const weir_patch_conv *conv;
  const weir_layer_run *run;
  const weir_layer_maps *maps;
  size_t first, samples;  // of this group
  float *rectified;       // [GROUP] inputs, when there is a rectifier
  float *rows;            // [GROUP][rows][row_floats]
  float *dweight;         // packed
  float *dvalues;         // the parameter's gradient
} weight_job;

static const float *input_of(const weight_job *job, size_t k) {
  const size_t floats = weir_i_map_blocked(job->conv->in);
  return job->conv->relu ? job->rectified + k * floats : job->maps->x[0] + (job->first + k) * floats;
}

static const float *dy_of(const weight_job *job, size_t k) {
  return job->maps->dy + (job->first + k) * weir_i_map_blocked(job->conv->out);
}

static size_t sample_rows(const weir_patch_conv *conv) {
  return weir_i_patches_rows(&conv->patches) * weir_i_patches_row_floats(&conv->patches);
}

static void gather_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const weight_job *job = arg;
  const weir_patch_conv *conv = job->conv;
  const size_t floats = weir_i_map_blocked(conv->in);
  for (size_t k = begin; k < end; k++) {
    const float *x = weir_i_patch_conv_rectify(conv, job->run->kernels, job->maps->x[0] + (job->first + k) * floats,
                                               job->rectified + k * floats);
    weir_i_patches_gather(&conv->patches, conv->transposed ? dy_of(job, k) : x, 0, weir_i_patches_rows(&conv->patches),
                          job->rows + k * sample_rows(conv));
  }
}

static void weight_tiles(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const weight_job *job = arg;
  const weir_patch_conv *conv = job->conv;
  const size_t rows = weir_i_patches_rows(&conv->patches);
  for (size_t k = 0; k < job->samples; k++) {
    const weir_gemm_weights gemm = {.x = job->rows + k * sample_rows(conv),
                                    .dy = conv->transposed ? input_of(job, k) : dy_of(job, k),
                                    .dweight = job->dweight,
                                    .x_row = weir_i_patches_row_floats(&conv->patches),
                                    .x_block = WEIR_BLOCK,
                                    .dy_row = WEIR_BLOCK,
                                    .dy_block = rows * WEIR_BLOCK,
                                    .inputs = weir_i_patches_columns(&conv->patches),
                                    .outputs = conv->maps,
                                    .rows = rows};
    job->run->kernels->gemm_weights(&gemm, begin, end);
  }
}

static void unpack_maps(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const weight_job *job = arg;
  weir_i_patches_unpack_add(&job->conv->patches, job->dweight, begin, end, job->dvalues);
}

static weight_job take_weights(const weir_patch_conv *conv, const weir_layer_run *run) {
  const size_t samples = run->n < GROUP ? run->n : GROUP;
  weight_job job = {.conv = conv, .run = run};
  job.rectified = weir_i_arena_take(run->scratch, conv->relu ? samples * weir_i_map_blocked(conv->in) : 0, sizeof(float));
  job.rows = weir_i_arena_take(run->scratch, samples * sample_rows(conv), sizeof(float));
  job.dweight =
      weir_i_arena_take(run->scratch, weir_i_block_round(conv->maps) * weir_i_patches_columns(&conv->patches), sizeof(float));
  return job;
}

static void weights_backward(const weir_patch_conv *conv, const weir_parameters *parameters, const weir_layer_run *run,
                             const weir_layer_maps *maps) {
  const size_t mark = weir_i_arena_mark(run->scratch), columns = weir_i_patches_columns(&conv->patches);
  weight_job job = take_weights(conv, run);
  job.maps = maps;
  job.dvalues = run->gradients + parameters->items[conv->weight].offset;
  memset(job.dweight, 0, weir_i_block_round(conv->maps) * columns * sizeof *job.dweight);
  for (; job.first < run->n; job.first += job.samples) {
    job.samples = run->n - job.first < GROUP ? run->n - job.first : GROUP;
    weir_i_parallel_for(&run->team, job.samples, gather_samples, &job);
    weir_i_parallel_for(&run->team, weir_i_blocks(columns) * weir_i_blocks(conv->maps), weight_tiles, &job);
  }
  weir_i_parallel_for(&run->team, conv->maps, unpack_maps, &job);
  weir_i_arena_release(run->scratch, mark);
}

typedef struct input_job {
  weir_patch_pass pass;
  const weir_layer_maps *maps;
  float *rows;  // WEIR_PATCH_CHUNK a thread
  float *dp;    // one sample a thread
} input_job;

static void input_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const input_job *job = arg;
  const weir_patch_conv *conv = job->pass.conv;
  const size_t x_floats = weir_i_map_blocked(conv->in), y_floats = weir_i_map_blocked(conv->out);
  float *rows = job->rows + thread * WEIR_PATCH_CHUNK * weir_i_patches_row_floats(&conv->patches);
  float *dp = job->dp + thread * x_floats;
  for (size_t i = begin; i < end; i++) {
    weir_i_patch_pass_run(&job->pass, job->maps->dy + i * y_floats, rows, dp);
    const weir_preact_gradient gradient = {.x = job->maps->x[0] + i * x_floats,
                                           .dy = dp,
                                           .du = dp,
                                           .c = conv->in.c,
                                           .h = conv->in.h,
                                           .w = conv->in.w,
                                           .relu = true,
                                           .slope = conv->slope};
    if (conv->relu) job->pass.kernels->preact_backward(&gradient);
    float *dx = job->maps->dx[0] + i * x_floats;
    for (size_t e = 0; e < x_floats; e++) dx[e] += dp[e];
  }
}

static input_job take_inputs(const weir_patch_conv *conv, const weir_layer_run *run) {
  const size_t threads = run->team.threads;
  input_job job = {.pass = {.conv = conv, .kernels = run->kernels, .read = conv->transposed}};
  job.rows = weir_i_arena_take(run->scratch, threads * WEIR_PATCH_CHUNK * weir_i_patches_row_floats(&conv->patches), sizeof(float));
  job.dp = weir_i_arena_take(run->scratch, threads * weir_i_map_blocked(conv->in), sizeof(float));
  return job;
}

static void inputs_backward(const weir_patch_conv *conv, const weir_layer_run *run, const weir_layer_maps *maps) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  input_job job = take_inputs(conv, run);
  job.maps = maps;
  job.pass.weight = run->packed_training + (conv->transposed ? conv->read_at : conv->write_at);
  weir_i_parallel_for(&run->team, run->n, input_samples, &job);
  weir_i_arena_release(run->scratch, mark);
}

void weir_i_patch_conv_backward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                                const weir_layer_maps *maps) {
  const weir_patch_conv *conv = layer->own;
  weights_backward(conv, parameters, run, maps);
  weir_i_bias_backward(run, maps->dy, conv->out, weir_i_slice_all(conv->out.c),
                       run->gradients + parameters->items[conv->bias].offset);
  inputs_backward(conv, run, maps);
}

void weir_i_patch_conv_reserve_backward(const weir_patch_conv *conv, const weir_layer_run *run) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  take_weights(conv, run);
  weir_i_arena_release(run->scratch, mark);
  take_inputs(conv, run);
  weir_i_arena_release(run->scratch, mark);
}

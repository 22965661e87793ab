// Backward of a layer, hand-derived. With p = preactivation(x) and y = W p + bias + residual:
//   dbias = sum dy,  dW = sum dy p^T,  dp = W^T dy,  then through rectifier and batch norm to dx.
// Every sum over samples runs in sample order inside one owner, so gradients don't depend on the thread count.
#include <string.h>

#include "layers/normalization.h"
#include "layers/product.h"
#include "layers/weight.h"

typedef struct backward_job {
  const weir_layer *layer;
  const weir_layer_run *run;
  const weir_parameters *parameters;
  weir_layer_maps maps;
  const float *p;  // [n] preactivations, or x itself
  float *p_made;   // where they are computed; NULL when p is x
  float *dp;       // [n][blocks(ic)][h][w][16], then du in its first blocks(c)
  float *halo;     // one dy with halo a thread
  float *du;       // [threads] one joined gradient, when the layer joins x with -x
  float *dweight;  // packed
  float *dbias;
} backward_job;

static size_t dp_floats(const weir_layer *layer) { return weir_i_block_round(weir_i_layer_ic(layer)) * weir_i_layer_pixels(layer); }

static void preactivate_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const backward_job *job = arg;
  for (size_t i = begin; i < end; i++)
    weir_i_layer_preactivate(job->layer, job->run, job->maps.norm, job->maps.x + i * weir_i_layer_x_floats(job->layer),
                             job->p_made + i * weir_i_layer_p_floats(job->layer));
}

static void weight_tiles(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const backward_job *job = arg;
  const weir_layer *layer = job->layer;
  const size_t ic = weir_i_layer_ic(layer), pixels = weir_i_layer_pixels(layer);
  const size_t p_floats = weir_i_layer_p_floats(layer), y_floats = weir_i_layer_y_floats(layer);
  if (weir_i_layer_table(layer)) {
    const weir_gemm_weights gemm = {job->p,   job->maps.dy, job->dweight, p_floats,  WEIR_BLOCK,
                                    y_floats, WEIR_BLOCK,   ic,           layer->oc, job->run->n};
    job->run->kernels->gemm_weights(&gemm, begin, end);
    return;
  }
  for (size_t i = 0; i < job->run->n; i++) {
    const float *p = job->p + i * p_floats, *dy = job->maps.dy + i * y_floats;
    if (layer->kernel == 3) {
      const weir_conv3x3_weights conv = {p, dy, job->dweight, ic, layer->oc, layer->in.h, layer->in.w};
      job->run->kernels->conv3x3_weights(&conv, begin, end);
    } else {
      const weir_gemm_weights gemm = {p,  dy,        job->dweight, WEIR_BLOCK, pixels * WEIR_BLOCK, WEIR_BLOCK, pixels * WEIR_BLOCK,
                                      ic, layer->oc, pixels};
      job->run->kernels->gemm_weights(&gemm, begin, end);
    }
  }
}

static weir_weight weight_of(const backward_job *job) {
  const weir_layer *layer = job->layer;
  const weir_parameter *items = job->parameters->items;
  return (weir_weight){.direction = job->run->values + items[layer->weight].offset,
                       .gain = layer->weight_norm ? job->run->values + items[layer->gain].offset : NULL,
                       .oc = layer->oc,
                       .ic = weir_i_layer_ic(layer),
                       .taps = layer->kernel * layer->kernel};
}

static void weight_rows(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const backward_job *job = arg;
  const weir_parameter *items = job->parameters->items;
  const weir_weight weight = weight_of(job);
  float *gradients = job->run->gradients;
  weir_i_weight_backward(&weight, job->dweight, gradients + items[job->layer->weight].offset,
                         job->layer->weight_norm ? gradients + items[job->layer->gain].offset : NULL, begin, end);
}

static void bias_blocks(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const backward_job *job = arg;
  const weir_layer *layer = job->layer;
  const size_t pixels = weir_i_layer_pixels(layer), y_floats = weir_i_layer_y_floats(layer);
  for (size_t block = begin; block < end; block++) {
    double sum[WEIR_BLOCK] = {0};
    for (size_t i = 0; i < job->run->n; i++)
      job->run->kernels->batchnorm_moments(job->maps.dy + i * y_floats + block * pixels * WEIR_BLOCK, pixels, WEIR_BLOCK, NULL, sum,
                                           NULL);
    for (size_t l = 0; l < WEIR_BLOCK && block * WEIR_BLOCK + l < layer->oc; l++)
      job->dbias[block * WEIR_BLOCK + l] += (float)sum[l];
  }
}

static void product_gradient(const backward_job *job, const float *dy, float *dp, size_t thread) {
  const weir_layer *layer = job->layer;
  const weir_kernels *kernels = job->run->kernels;
  const size_t ic = weir_i_layer_ic(layer), pixels = weir_i_layer_pixels(layer);
  const float *transposed = job->run->packed_training + layer->packed_transposed;
  if (layer->kernel == 3) {
    float *halo = job->halo + thread * weir_i_block_round(layer->oc) * (layer->in.h + 2) * (layer->in.w + 2);
    const weir_preact pad = {.x = dy, .y = halo, .c = layer->oc, .h = layer->in.h, .w = layer->in.w, .pad = 1};
    kernels->preact_forward(&pad);
    const weir_conv3x3 conv = {
        .x = halo, .weight = transposed, .y = dp, .ic = layer->oc, .oc = ic, .h = layer->in.h, .w = layer->in.w};
    kernels->conv3x3_forward(&conv, 0, layer->in.h);
  } else {
    const weir_gemm gemm = {.x = dy,
                            .weight = transposed,
                            .y = dp,
                            .x_row = WEIR_BLOCK,
                            .x_block = pixels * WEIR_BLOCK,
                            .y_row = WEIR_BLOCK,
                            .y_block = pixels * WEIR_BLOCK,
                            .inputs = layer->oc,
                            .outputs = ic};
    kernels->gemm_forward(&gemm, 0, pixels, 0, weir_i_blocks(ic));
  }
}

// dp of rows [begin, end) of a table in one product, so that weights are read once for all of them.
static void product_gradient_rows(const backward_job *job, size_t begin, size_t end) {
  const weir_layer *layer = job->layer;
  const weir_gemm gemm = {.x = job->maps.dy,
                          .weight = job->run->packed_training + layer->packed_transposed,
                          .y = job->dp,
                          .x_row = weir_i_layer_y_floats(layer),
                          .x_block = WEIR_BLOCK,
                          .y_row = dp_floats(layer),
                          .y_block = WEIR_BLOCK,
                          .inputs = layer->oc,
                          .outputs = weir_i_layer_ic(layer)};
  job->run->kernels->gemm_forward(&gemm, begin, end, 0, weir_i_blocks(gemm.outputs));
}

// dy -> dp -> du for each sample; without batch norm du goes straight into dx.
static void input_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const backward_job *job = arg;
  const weir_layer *layer = job->layer;
  const size_t x_floats = weir_i_layer_x_floats(layer), width = weir_i_block_round(layer->in.c);
  const float *state = layer->norm.present ? job->maps.norm : NULL;
  const bool table = weir_i_layer_table(layer);
  if (table) product_gradient_rows(job, begin, end);
  for (size_t i = begin; i < end; i++) {
    float *dp = job->dp + i * dp_floats(layer), *du = layer->negate ? job->du + thread * x_floats : dp;
    if (!table) product_gradient(job, job->maps.dy + i * weir_i_layer_y_floats(layer), dp, thread);
    const weir_preact_gradient gradient = {.x = job->maps.x + i * x_floats,
                                           .scale = state == NULL ? NULL : state + WEIR_NORM_SCALE * width,
                                           .shift = state == NULL ? NULL : state + WEIR_NORM_SHIFT * width,
                                           .dy = dp,
                                           .du = du,
                                           .c = layer->in.c,
                                           .h = layer->in.h,
                                           .w = layer->in.w,
                                           .relu = layer->relu,
                                           .negate = layer->negate};
    if (layer->relu || layer->negate) job->run->kernels->preact_backward(&gradient);
    if (layer->norm.present) {
      // du of all samples, closely packed for batch norm. Sample i's place ends before sample i + 1's dp begins, and lies below its own.
      if (layer->negate) memcpy(dp, du, x_floats * sizeof *du);
    } else if (job->maps.dx != NULL) {
      float *dx = job->maps.dx + i * x_floats;
      for (size_t j = 0; j < x_floats; j++) dx[j] += du[j];
    }
  }
}

// Batch norm reads du with the samples x_floats apart; joined layers left them dp_floats apart.
static void close_gaps(const backward_job *job) {
  const size_t from = dp_floats(job->layer), to = weir_i_layer_x_floats(job->layer);
  if (from == to) return;
  for (size_t i = 1; i < job->run->n; i++) memmove(job->dp + i * to, job->dp + i * from, to * sizeof *job->dp);
}

static backward_job take(const weir_layer *layer, const weir_layer_run *run) {
  const size_t threads = run->team.threads, taps = layer->kernel * layer->kernel;
  backward_job job = {.layer = layer, .run = run};
  job.dweight = weir_i_arena_take(run->scratch, weir_i_block_round(layer->oc) * weir_i_layer_ic(layer) * taps, sizeof(float));
  // Preactivations are done with when the weights' gradient is: their memory then holds dp, which is no larger.
  const size_t made = weir_i_layer_p_floats(layer);
  job.dp = weir_i_arena_take(run->scratch, run->n * (made > dp_floats(layer) ? made : dp_floats(layer)), sizeof(float));
  if (!weir_i_layer_direct(layer)) job.p_made = job.dp;
  if (layer->kernel == 3)
    job.halo = weir_i_arena_take(run->scratch, threads * weir_i_block_round(layer->oc) * (layer->in.h + 2) * (layer->in.w + 2),
                                 sizeof(float));
  if (layer->negate) job.du = weir_i_arena_take(run->scratch, threads * weir_i_layer_x_floats(layer), sizeof(float));
  return job;
}

void weir_i_layer_backward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                           weir_layer_maps maps) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  const size_t ic = weir_i_layer_ic(layer), taps = layer->kernel * layer->kernel;
  const weir_parameter *items = parameters->items;
  backward_job job = take(layer, run);
  job.maps = maps;
  job.parameters = parameters;
  job.p = job.p_made == NULL ? maps.x : job.p_made;
  if (job.p_made != NULL) weir_i_parallel_for(&run->team, run->n, preactivate_samples, &job);

  memset(job.dweight, 0, weir_i_block_round(layer->oc) * ic * taps * sizeof *job.dweight);
  weir_i_parallel_for(&run->team, weir_i_blocks(ic) * weir_i_blocks(layer->oc), weight_tiles, &job);
  weir_i_parallel_for(&run->team, layer->oc, weight_rows, &job);
  if (layer->has_bias) {
    job.dbias = run->gradients + items[layer->bias].offset;
    weir_i_parallel_for(&run->team, weir_i_blocks(layer->oc), bias_blocks, &job);
  }

  if (maps.dx != NULL || layer->norm.present) {
    weir_i_parallel_for(&run->team, run->n, input_samples, &job);
    if (layer->norm.present) {
      close_gaps(&job);
      weir_i_norm_backward(&layer->norm, parameters, run, maps.x, layer->in, maps.norm, job.dp, maps.dx);
    }
  }
  weir_i_arena_release(run->scratch, mark);
}

void weir_i_layer_reserve(const weir_layer *layer, const weir_layer_run *run) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  if (run->training) {
    take(layer, run);
    if (layer->norm.present) weir_i_arena_take(run->scratch, 3 * weir_i_block_round(layer->in.c), sizeof(float));
  }
  weir_i_arena_release(run->scratch, mark);
  weir_i_arena_take(run->scratch, weir_i_layer_forward_samples(layer, run) * weir_i_layer_p_floats(layer), sizeof(float));
  weir_i_arena_release(run->scratch, mark);
}

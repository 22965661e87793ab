// Backward of a product, hand-derived. With p = preactivation(x) and y = W p + bias + residual:
//   dbias = sum dy,  dW = sum dy p^T,  dp = W^T dy,  then through rectifier and batch norm to dx.
// Every sum over samples runs in sample order inside one owner, so gradients don't depend on the thread count.
#include <string.h>

#include "layers/bias.h"
#include "layers/product.h"

typedef struct backward_job {
  const weir_product *product;
  const weir_layer_run *run;
  const weir_parameters *parameters;
  const weir_layer_maps *maps;
  const float *p;  // [n] preactivations, or x itself
  float *p_made;   // where they are computed; NULL when p is x
  float *dp;       // [n][blocks(ic)][h][w][16], then du in its first blocks(c)
  float *halo;     // one dy with halo a thread
  float *du;       // [threads] one joined gradient, when the product joins x with -x
  float *dweight;  // packed
} backward_job;

static size_t dp_floats(const weir_product *product) {
  return weir_i_block_round(weir_i_product_ic(product)) * weir_i_product_pixels(product);
}

static void preactivate_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const backward_job *job = arg;
  for (size_t i = begin; i < end; i++)
    weir_i_product_preactivate(job->product, job->run, job->maps->norm, job->maps->x[0] + i * weir_i_product_x_floats(job->product),
                               job->p_made + i * weir_i_product_p_floats(job->product));
}

static void weight_tiles(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const backward_job *job = arg;
  const weir_product *product = job->product;
  const size_t ic = weir_i_product_ic(product), pixels = weir_i_product_pixels(product);
  const size_t p_floats = weir_i_product_p_floats(product), y_floats = weir_i_product_y_floats(product);
  if (weir_i_product_table(product)) {
    const weir_gemm_weights gemm = {job->p,   job->maps->dy, job->dweight, p_floats,    WEIR_BLOCK,
                                    y_floats, WEIR_BLOCK,    ic,           product->oc, job->run->n};
    job->run->kernels->gemm_weights(&gemm, begin, end);
    return;
  }
  for (size_t i = 0; i < job->run->n; i++) {
    const float *p = job->p + i * p_floats, *dy = job->maps->dy + i * y_floats;
    if (product->kernel == 3) {
      const weir_conv3x3_weights conv = {p, dy, job->dweight, ic, product->oc, product->in.h, product->in.w};
      job->run->kernels->conv3x3_weights(&conv, begin, end);
    } else {
      const weir_gemm_weights gemm = {
          p, dy, job->dweight, WEIR_BLOCK, pixels * WEIR_BLOCK, WEIR_BLOCK, pixels * WEIR_BLOCK, ic, product->oc, pixels};
      job->run->kernels->gemm_weights(&gemm, begin, end);
    }
  }
}

static void weight_rows(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const backward_job *job = arg;
  const weir_parameter *items = job->parameters->items;
  const weir_weight weight = weir_i_product_weight(job->product, job->parameters, job->run->values);
  float *gradients = job->run->gradients;
  weir_i_weight_backward(&weight, job->dweight, gradients + items[job->product->weight].offset,
                         job->product->weight_norm ? gradients + items[job->product->gain].offset : NULL, begin, end);
}

static void product_gradient(const backward_job *job, const float *dy, float *dp, size_t thread) {
  const weir_product *product = job->product;
  const weir_kernels *kernels = job->run->kernels;
  const size_t ic = weir_i_product_ic(product), pixels = weir_i_product_pixels(product);
  const float *transposed = job->run->packed_training + product->packed_transposed;
  if (product->kernel == 3) {
    float *halo = job->halo + thread * weir_i_block_round(product->oc) * (product->in.h + 2) * (product->in.w + 2);
    const weir_preact pad = {.x = dy, .y = halo, .c = product->oc, .h = product->in.h, .w = product->in.w, .pad = 1};
    kernels->preact_forward(&pad);
    const weir_conv3x3 conv = {
        .x = halo, .weight = transposed, .y = dp, .ic = product->oc, .oc = ic, .h = product->in.h, .w = product->in.w};
    kernels->conv3x3_forward(&conv, 0, product->in.h);
  } else {
    const weir_gemm gemm = {.x = dy,
                            .weight = transposed,
                            .y = dp,
                            .x_row = WEIR_BLOCK,
                            .x_block = pixels * WEIR_BLOCK,
                            .y_row = WEIR_BLOCK,
                            .y_block = pixels * WEIR_BLOCK,
                            .inputs = product->oc,
                            .outputs = ic};
    kernels->gemm_forward(&gemm, 0, pixels, 0, weir_i_blocks(ic));
  }
}

// dp of rows [begin, end) of a table in one product, so that weights are read once for all of them.
static void product_gradient_rows(const backward_job *job, size_t begin, size_t end) {
  const weir_product *product = job->product;
  const weir_gemm gemm = {.x = job->maps->dy,
                          .weight = job->run->packed_training + product->packed_transposed,
                          .y = job->dp,
                          .x_row = weir_i_product_y_floats(product),
                          .x_block = WEIR_BLOCK,
                          .y_row = dp_floats(product),
                          .y_block = WEIR_BLOCK,
                          .inputs = product->oc,
                          .outputs = weir_i_product_ic(product)};
  job->run->kernels->gemm_forward(&gemm, begin, end, 0, weir_i_blocks(gemm.outputs));
}

// dp = W' dy, for all samples: a convolution with weights packed the other way round, which is Winograd's when it has channels enough.
static bool gradient_by_winograd(const weir_product *product) {
  return product->kernel == 3 && weir_i_winograd_conv_pays(product->oc, product->in.h, product->in.w);
}

static weir_winograd_conv gradient_conv(const weir_product *product) {
  return (weir_winograd_conv){.ic = product->oc,
                              .oc = weir_i_product_ic(product),
                              .h = product->in.h,
                              .w = product->in.w,
                              .region = weir_i_region_whole(product->in.h, product->in.w)};
}

static void product_gradients(const backward_job *job) {
  weir_winograd_conv conv = gradient_conv(job->product);
  conv.x = job->maps->dy;
  conv.weight = job->run->packed_training + job->product->packed_transposed;
  conv.y = job->dp;
  weir_i_winograd_conv_forward(&conv, job->run);
}

// The rectifier's gradient is left to batch norm's, which walks over the same numbers; joined layers change their layout first.
static bool rectified_by_norm(const weir_product *product) { return product->norm.present && !product->negate; }

// dy -> dp -> du for each sample; without batch norm du goes straight into dx.
static void input_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const backward_job *job = arg;
  const weir_product *product = job->product;
  const size_t x_floats = weir_i_product_x_floats(product);
  const float *scale, *shift;
  weir_i_product_constants(product, job->run, job->maps->norm, &scale, &shift);
  const bool table = weir_i_product_table(product);
  if (table) product_gradient_rows(job, begin, end);
  for (size_t i = begin; i < end; i++) {
    float *dp = job->dp + i * dp_floats(product), *du = product->negate ? job->du + thread * x_floats : dp;
    if (!table && !gradient_by_winograd(product))
      product_gradient(job, job->maps->dy + i * weir_i_product_y_floats(product), dp, thread);
    const weir_preact_gradient gradient = {.x = job->maps->x[0] + i * x_floats,
                                           .scale = scale,
                                           .shift = shift,
                                           .dy = dp,
                                           .du = du,
                                           .c = product->in.c,
                                           .h = product->in.h,
                                           .w = product->in.w,
                                           .relu = product->relu,
                                           .negate = product->negate,
                                           .slope = product->slope};
    if (!rectified_by_norm(product) && (product->relu || product->negate)) job->run->kernels->preact_backward(&gradient);
    if (product->norm.present) {
      // du of all samples, closely packed for batch norm. Sample i's place ends before sample i + 1's dp begins, and lies below its own.
      if (product->negate) memcpy(dp, du, x_floats * sizeof *du);
    } else if (job->maps->dx[0] != NULL) {
      float *dx = job->maps->dx[0] + i * x_floats;
      for (size_t j = 0; j < x_floats; j++) dx[j] += du[j];
    }
  }
}

// Batch norm reads du with the samples x_floats apart; joined layers left them dp_floats apart.
static void close_gaps(const backward_job *job) {
  const size_t from = dp_floats(job->product), to = weir_i_product_x_floats(job->product);
  if (from == to) return;
  for (size_t i = 1; i < job->run->n; i++) memmove(job->dp + i * to, job->dp + i * from, to * sizeof *job->dp);
}

static backward_job take(const weir_product *product, const weir_layer_run *run) {
  const size_t threads = run->team.threads, taps = product->kernel * product->kernel;
  backward_job job = {.product = product, .run = run};
  job.dweight = weir_i_arena_take(run->scratch, weir_i_block_round(product->oc) * weir_i_product_ic(product) * taps, sizeof(float));
  // Preactivations are done with when the weights' gradient is: their memory then holds dp, which is no larger.
  const size_t made = weir_i_product_winograd(product) ? 0 : weir_i_product_p_floats(product);
  job.dp = weir_i_arena_take(run->scratch, run->n * (made > dp_floats(product) ? made : dp_floats(product)), sizeof(float));
  if (!weir_i_product_direct(product) && !weir_i_product_winograd(product)) job.p_made = job.dp;
  if (product->kernel == 3 && !gradient_by_winograd(product))
    job.halo = weir_i_arena_take(
        run->scratch, threads * weir_i_block_round(product->oc) * (product->in.h + 2) * (product->in.w + 2), sizeof(float));
  if (product->negate) job.du = weir_i_arena_take(run->scratch, threads * weir_i_product_x_floats(product), sizeof(float));
  return job;
}

void weir_i_product_backward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                             const weir_layer_maps *maps) {
  const weir_product *product = layer->own;
  const size_t mark = weir_i_arena_mark(run->scratch);
  const size_t ic = weir_i_product_ic(product), taps = product->kernel * product->kernel;
  const weir_parameter *items = parameters->items;
  backward_job job = take(product, run);
  job.maps = maps;
  job.parameters = parameters;
  job.p = job.p_made == NULL ? maps->x[0] : job.p_made;
  if (job.p_made != NULL) weir_i_parallel_for(&run->team, run->n, preactivate_samples, &job);

  memset(job.dweight, 0, weir_i_block_round(product->oc) * ic * taps * sizeof *job.dweight);
  if (weir_i_product_winograd(product)) {
    weir_winograd_conv conv = weir_i_product_winograd_conv(product, weir_i_region_whole(product->in.h, product->in.w));
    conv.x = maps->x[0];
    weir_i_product_constants(product, run, maps->norm, &conv.scale, &conv.shift);
    weir_i_winograd_conv_weights(&conv, run, maps->dy, job.dweight);
  } else {
    weir_i_parallel_for(&run->team, weir_i_blocks(ic) * weir_i_blocks(product->oc), weight_tiles, &job);
  }
  weir_i_parallel_for(&run->team, product->oc, weight_rows, &job);
  if (product->has_bias)
    weir_i_bias_backward(run, maps->dy, (weir_map){product->oc, product->in.h, product->in.w}, product->gives,
                         run->gradients + items[product->bias].offset);

  if (maps->dx[0] != NULL || product->norm.present) {
    if (gradient_by_winograd(product)) product_gradients(&job);
    weir_i_parallel_for(&run->team, run->n, input_samples, &job);
    if (product->norm.present) {
      const weir_rectifier after = {product->relu, product->slope};
      close_gaps(&job);
      weir_i_norm_backward(&product->norm, parameters, run, maps->x[0], product->in, maps->norm,
                           rectified_by_norm(product) ? &after : NULL, job.dp, maps->dx[0]);
    }
  }
  weir_i_arena_release(run->scratch, mark);
}

void weir_i_product_reserve_backward(const weir_product *product, const weir_layer_run *run) {
  take(product, run);
  const weir_winograd_conv by_weights = weir_i_product_winograd_conv(product, weir_i_region_whole(product->in.h, product->in.w));
  const weir_winograd_conv by_input = gradient_conv(product);
  if (weir_i_product_winograd(product)) weir_i_winograd_conv_reserve_weights(&by_weights, run);
  if (gradient_by_winograd(product)) weir_i_winograd_conv_reserve(&by_input, run);
  if (product->norm.present) weir_i_arena_take(run->scratch, 3 * weir_i_block_round(product->in.c), sizeof(float));
}

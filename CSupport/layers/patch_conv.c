#include "layers/patch_conv.h"

#include <math.h>
#include <string.h>

#include "layers/bias.h"

// ------------------------------------------------------------------------------------------------------------ Declaring

weir_map weir_i_patch_conv_out(const weir_patch_conv_options *options) {
  const size_t more = 2 * options->pad - options->kernel;
  return (weir_map){options->oc, (options->in.h + more) / options->stride + 1, (options->in.w + more) / options->stride + 1};
}

weir_map weir_i_transposed_conv_out(const weir_patch_conv_options *options) {
  const size_t more = options->kernel + options->output_pad - 2 * options->pad;
  return (weir_map){options->oc, (options->in.h - 1) * options->stride + more, (options->in.w - 1) * options->stride + more};
}

static void pack(const weir_layer *layer, const weir_parameters *parameters, const float *values, float *packed,
                 float *packed_training) {
  const weir_patch_conv *conv = layer->own;
  const float *weight = values + parameters->items[conv->weight].offset;
  float *read = conv->transposed ? packed_training : packed, *write = conv->transposed ? packed : packed_training;
  if (read != NULL) weir_i_patches_pack(&conv->patches, conv->maps, weight, read + conv->read_at);
  if (write != NULL) weir_i_patches_pack_transposed(&conv->patches, conv->maps, weight, write + conv->write_at);
  weir_i_bias_pack(values + parameters->items[conv->bias].offset, weir_i_slice_all(conv->out.c), packed + conv->packed_bias);
}

static double flops(const weir_layer *layer) {
  const weir_patch_conv *conv = layer->own;
  return 2.0 * (double)weir_i_patches_rows(&conv->patches) * (double)weir_i_patches_columns(&conv->patches) * (double)conv->maps;
}

static void describe(const weir_layer *layer, bool bf16, weir_layer_info *info) {
  (void)bf16;
  const weir_patch_conv *conv = layer->own;
  const size_t columns = weir_i_patches_columns(&conv->patches);
  info->name = conv->transposed ? "transposed_conv" : "patch_conv";
  info->kernel = "gemm_forward";
  if (conv->relu) info->preparation = "preact_forward";
  info->weight_bytes = sizeof(float) * ((conv->transposed ? weir_i_patches_row_floats(&conv->patches) * conv->maps
                                                          : weir_i_block_round(conv->maps) * columns) +
                                        weir_i_block_round(conv->out.c));
}

static void declare(weir_patch_conv *conv, weir_build *build, const char *name) {
  const weir_patches *patches = &conv->patches;
  const size_t c = patches->image.c, kernel = patches->kernel, columns = weir_i_patches_columns(patches);
  if (columns > WEIR_I_MAX_VALUES || columns > WEIR_I_MAX_VALUES / (conv->maps + WEIR_BLOCK)) build->too_large = true;
  if (weir_i_build_failed(build)) return;
  const float bound = 1.0f / sqrtf((float)columns);
  const weir_parameter weight = {
      .rank = 4, .shape = {conv->maps, c, kernel, kernel}, .trainable = true, .initial = WEIR_INITIAL_UNIFORM, .bound = bound};
  const weir_parameter bias = {
      .rank = 1, .shape = {conv->out.c}, .trainable = true, .initial = WEIR_INITIAL_UNIFORM, .bound = bound};
  conv->weight = weir_i_parameter_add(build, name, "weight", weight);
  conv->bias = weir_i_parameter_add(build, name, "bias", bias);
  const size_t read = weir_i_block_round(conv->maps) * columns, write = weir_i_patches_row_floats(patches) * conv->maps;
  conv->read_at = conv->transposed ? weir_i_build_packed_training(build, read) : weir_i_build_packed(build, read);
  conv->write_at = conv->transposed ? weir_i_build_packed(build, write) : weir_i_build_packed_training(build, write);
  conv->packed_bias = weir_i_build_packed(build, weir_i_block_round(conv->out.c));
}

// ------------------------------------------------------------------------------------------------------------- One pass

// The product between places [begin, end) of the maps and their rows.
static weir_gemm product_of(const weir_patch_pass *pass, const float *from, float *rows, float *to, size_t begin) {
  const weir_patches *patches = &pass->conv->patches;
  const size_t row = weir_i_patches_row_floats(patches), block = weir_i_patches_rows(patches) * WEIR_BLOCK;
  if (pass->read)
    return (weir_gemm){.x = rows,
                       .weight = pass->weight,
                       .bias = pass->bias,
                       .y = to + begin * WEIR_BLOCK,
                       .x_row = row,
                       .x_block = WEIR_BLOCK,
                       .y_row = WEIR_BLOCK,
                       .y_block = block,
                       .inputs = weir_i_patches_columns(patches),
                       .outputs = pass->conv->maps};
  return (weir_gemm){.x = from + begin * WEIR_BLOCK,
                     .weight = pass->weight,
                     .y = rows,
                     .x_row = WEIR_BLOCK,
                     .x_block = block,
                     .y_row = row,
                     .y_block = WEIR_BLOCK,
                     .inputs = pass->conv->maps,
                     .outputs = weir_i_patches_columns(patches)};
}

// Channel blocks [begin, end) of an image before anything is written onto it.
static void fill(const weir_patch_pass *pass, size_t begin, size_t end, float *image) {
  const size_t pixels = pass->conv->patches.image.h * pass->conv->patches.image.w;
  for (size_t block = begin; block < end; block++) {
    float *to = image + block * pixels * WEIR_BLOCK;
    if (pass->bias == NULL) {
      memset(to, 0, pixels * WEIR_BLOCK * sizeof *to);
    } else {
      for (size_t p = 0; p < pixels; p++) memcpy(to + p * WEIR_BLOCK, pass->bias + block * WEIR_BLOCK, WEIR_BLOCK * sizeof *to);
    }
  }
}

void weir_i_patch_pass_run(const weir_patch_pass *pass, const float *from, float *rows, float *to) {
  const weir_patches *patches = &pass->conv->patches;
  const size_t count = weir_i_patches_rows(patches), blocks = weir_i_blocks(patches->image.c);
  if (!pass->read) fill(pass, 0, blocks, to);
  for (size_t begin = 0; begin < count; begin += WEIR_PATCH_CHUNK) {
    const size_t end = count - begin < WEIR_PATCH_CHUNK ? count : begin + WEIR_PATCH_CHUNK;
    if (pass->read) weir_i_patches_gather(patches, from, begin, end, rows);
    const weir_gemm gemm = product_of(pass, from, rows, to, begin);
    pass->kernels->gemm_forward(&gemm, 0, end - begin, 0, weir_i_blocks(gemm.outputs));
    if (!pass->read) weir_i_patches_scatter(patches, rows, begin, end, 0, blocks, to);
  }
}

// ---------------------------------------------------------------------------------------- One sample on several threads

typedef struct shared_job {
  const weir_patch_pass *pass;
  const float *from;
  float *rows;  // all of them
  float *to;
} shared_job;

static void shared_gather(const shared_job *job, size_t begin, size_t end) {
  const weir_patches *patches = &job->pass->conv->patches;
  if (job->pass->read)
    weir_i_patches_gather(patches, job->from, begin, end, job->rows + begin * weir_i_patches_row_floats(patches));
}

static void shared_rows(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const shared_job *job = arg;
  const weir_gemm gemm = product_of(job->pass, job->from, job->rows, job->to, 0);
  shared_gather(job, begin, end);
  job->pass->kernels->gemm_forward(&gemm, begin, end, 0, weir_i_blocks(gemm.outputs));
}

static void shared_outputs(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const shared_job *job = arg;
  const weir_gemm gemm = product_of(job->pass, job->from, job->rows, job->to, 0);
  job->pass->kernels->gemm_forward(&gemm, 0, weir_i_patches_rows(&job->pass->conv->patches), begin, end);
}

static void shared_scatter(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const shared_job *job = arg;
  const weir_patches *patches = &job->pass->conv->patches;
  fill(job->pass, begin, end, job->to);
  weir_i_patches_scatter(patches, job->rows, 0, weir_i_patches_rows(patches), begin, end, job->to);
}

// Many rows are shared out by rows, few by outputs, so that the larger operand is read once.
static void run_shared(const weir_patch_pass *pass, const weir_team *team, const float *from, float *rows, float *to) {
  shared_job job = {pass, from, rows, to};
  const size_t count = weir_i_patches_rows(&pass->conv->patches);
  const size_t outputs = pass->read ? pass->conv->maps : weir_i_patches_columns(&pass->conv->patches);
  if (count >= outputs) {
    weir_i_parallel_for(team, count, shared_rows, &job);
  } else {
    shared_gather(&job, 0, count);
    weir_i_parallel_for(team, weir_i_blocks(outputs), shared_outputs, &job);
  }
  if (!pass->read) weir_i_parallel_for(team, weir_i_blocks(pass->conv->patches.image.c), shared_scatter, &job);
}

// -------------------------------------------------------------------------------------------------------------- Forward

const float *weir_i_patch_conv_rectify(const weir_patch_conv *conv, const weir_kernels *kernels, const float *x, float *scratch) {
  if (!conv->relu) return x;
  const weir_preact preact = {
      .x = x, .y = scratch, .c = conv->in.c, .h = conv->in.h, .w = conv->in.w, .relu = true, .slope = conv->slope};
  kernels->preact_forward(&preact);
  return scratch;
}

typedef struct forward_job {
  weir_patch_pass pass;
  const weir_layer_maps *maps;
  float *rectified;  // one sample a thread
  float *rows;       // WEIR_PATCH_CHUNK a thread
} forward_job;

static void forward_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const forward_job *job = arg;
  const weir_patch_conv *conv = job->pass.conv;
  const size_t x_floats = weir_i_map_blocked(conv->in), y_floats = weir_i_map_blocked(conv->out);
  float *scratch = job->rectified + thread * x_floats;
  float *rows = job->rows + thread * WEIR_PATCH_CHUNK * weir_i_patches_row_floats(&conv->patches);
  for (size_t i = begin; i < end; i++) {
    const float *x = weir_i_patch_conv_rectify(conv, job->pass.kernels, job->maps->x[0] + i * x_floats, scratch);
    weir_i_patch_pass_run(&job->pass, x, rows, job->maps->y + i * y_floats);
  }
}

// Whatever the number of samples, so that fewer than were planned for find room.
static forward_job take(const weir_patch_conv *conv, const weir_layer_run *run) {
  const size_t threads = run->team.threads, chunks = threads * WEIR_PATCH_CHUNK, all = weir_i_patches_rows(&conv->patches);
  forward_job job = {.pass = {.conv = conv, .kernels = run->kernels, .read = !conv->transposed}};
  job.rectified = weir_i_arena_take(run->scratch, conv->relu ? threads * weir_i_map_blocked(conv->in) : 0, sizeof(float));
  job.rows = weir_i_arena_take(
      run->scratch, (threads > 1 && all > chunks ? all : chunks) * weir_i_patches_row_floats(&conv->patches), sizeof(float));
  return job;
}

static void forward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                    const weir_layer_maps *maps) {
  (void)parameters;
  const weir_patch_conv *conv = layer->own;
  const size_t mark = weir_i_arena_mark(run->scratch);
  forward_job job = take(conv, run);
  job.maps = maps;
  job.pass.weight = run->packed + (conv->transposed ? conv->write_at : conv->read_at);
  job.pass.bias = run->packed + conv->packed_bias;
  if (run->n == 1 && run->team.threads > 1) {
    const float *x = weir_i_patch_conv_rectify(conv, run->kernels, maps->x[0], job.rectified);
    run_shared(&job.pass, &run->team, x, job.rows, maps->y);
  } else {
    weir_i_parallel_for(&run->team, run->n, forward_samples, &job);
  }
  weir_i_arena_release(run->scratch, mark);
}

static void reserve(const weir_layer *layer, const weir_layer_run *run) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  take(layer->own, run);
  weir_i_arena_release(run->scratch, mark);
  if (WEIR_TRAINS(run)) weir_i_patch_conv_reserve_backward(layer->own, run);
}

static const weir_layer_class patch_conv_class = {
    .pack = pack,
    .reserve = reserve,
    .forward = forward,
    .backward = WEIR_WHEN_TRAINING(weir_i_patch_conv_backward),
    .flops = flops,
    .describe = describe,
};

static weir_layer make(weir_build *build, const weir_patch_conv_options *options, bool transposed) {
  const weir_layer layer = weir_i_layer_start(build, &patch_conv_class, sizeof(weir_patch_conv));
  weir_patch_conv *conv = layer.own;
  if (conv == NULL) return layer;
  const weir_map in = options->in, out = transposed ? weir_i_transposed_conv_out(options) : weir_i_patch_conv_out(options);
  const weir_map image = transposed ? out : in, maps = transposed ? in : out;
  *conv = (weir_patch_conv){.transposed = transposed,
                            .patches = {image, options->kernel, options->stride, options->pad, maps.h, maps.w},
                            .maps = maps.c,
                            .in = in,
                            .out = out,
                            .relu = options->relu,
                            .slope = options->slope};
  declare(conv, build, options->name);
  return layer;
}

weir_layer weir_i_patch_conv_make(weir_build *build, weir_patch_conv_options options) { return make(build, &options, false); }
weir_layer weir_i_transposed_conv_make(weir_build *build, weir_patch_conv_options options) { return make(build, &options, true); }

#include "bijectors/channel_mix.h"

#include <string.h>

#include "layers/weight.h"

weir_mix weir_i_mix_make(weir_build *build, size_t c, bool orthogonal) {
  weir_mix mix = {.orthogonal = orthogonal};
  mix.weight = weir_i_build_packed(build, weir_i_mix_floats(c));
  mix.inverse = weir_i_build_packed(build, weir_i_mix_floats(c));
  if (!orthogonal) mix.transposed = weir_i_build_packed_training(build, weir_i_mix_floats(c));
  return mix;
}

void weir_i_mix_pack(const weir_mix *mix, const float *weight, size_t c, float *packed, float *packed_training) {
  const weir_weight matrix = {.direction = weight, .oc = weir_i_slice_all(c), .ic = weir_i_slice_all(c), .taps = 1};
  weir_i_weight_pack(&matrix, packed + mix->weight);
  if (mix->orthogonal) {
    weir_i_weight_pack_transposed(&matrix, packed + mix->inverse);
  } else if (packed_training != NULL) {
    weir_i_weight_pack_transposed(&matrix, packed_training + mix->transposed);
  }
}

// Blocked maps: of all samples for tables, whose rows are one product, and where sums over samples need them; of one sample a thread otherwise.
typedef struct mix_job {
  const weir_flow_run *run;
  weir_map map;
  size_t pixels, floats;  // of one blocked sample
  bool table, keep;       // keep: every sample has its own x and dy
  float *x, *dy, *y;      // y: products on their way to planar
  const float *matrix, *transposed;
  float *dweight;
} mix_job;

static mix_job take(const weir_step *step, const weir_flow_run *run, bool keep) {
  mix_job job = {.run = run, .map = step->in, .pixels = step->in.h * step->in.w, .floats = weir_i_map_blocked(step->in)};
  job.table = job.pixels == 1;
  job.keep = keep || job.table;
  const size_t own = job.table ? run->layers.n : run->layers.team.threads, slots = job.keep ? run->layers.n : own;
  job.x = weir_i_arena_take(run->layers.scratch, slots * job.floats, sizeof *job.x);
  job.y = weir_i_arena_take(run->layers.scratch, own * job.floats, sizeof *job.y);
  if (keep) job.dy = weir_i_arena_take(run->layers.scratch, slots * job.floats, sizeof *job.dy);
  return job;
}

void weir_i_mix_reserve(const weir_step *step, const weir_flow_run *run) {
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  take(step, run, WEIR_TRAINS(&run->layers));
  weir_i_arena_release(run->layers.scratch, mark);
}

// y = matrix x: of rows [begin, end) of a table, or of one sample's pixels.
static void multiply(const mix_job *job, const float *matrix, const float *x, float *y, size_t begin, size_t end) {
  const weir_gemm gemm = {.x = x,
                          .weight = matrix,
                          .y = y,
                          .x_row = job->table ? job->floats : WEIR_BLOCK,
                          .x_block = job->pixels * WEIR_BLOCK,
                          .y_row = job->table ? job->floats : WEIR_BLOCK,
                          .y_block = job->pixels * WEIR_BLOCK,
                          .inputs = job->map.c,
                          .outputs = job->map.c};
  job->run->layers.kernels->gemm_forward(&gemm, begin, end, 0, weir_i_blocks(job->map.c));
}

static void to_blocked(const mix_job *job, const float *planar, float *blocked) {
  weir_i_layout_pack(planar, NULL, job->map.c, job->pixels, blocked);
}

static void to_planar(const mix_job *job, const float *blocked, float *planar) {
  weir_i_layout_unpack(blocked, 0, job->map.c, job->pixels, planar);
}

// states = matrix states, samples [begin, end); blocked takes what was multiplied when it holds every sample.
static void mix_samples(const mix_job *job, const float *matrix, float *states, float *blocked, size_t begin, size_t end,
                        size_t thread) {
  const size_t dims = job->run->dims;
  if (job->table) {
    for (size_t i = begin; i < end; i++) to_blocked(job, states + i * dims, blocked + i * job->floats);
    multiply(job, matrix, blocked, job->y, begin, end);
    for (size_t i = begin; i < end; i++) to_planar(job, job->y + i * job->floats, states + i * dims);
    return;
  }
  float *y = job->y + thread * job->floats;
  for (size_t i = begin; i < end; i++) {
    float *x = blocked + (job->keep ? i : thread) * job->floats;
    to_blocked(job, states + i * dims, x);
    multiply(job, matrix, x, y, 0, job->pixels);
    to_planar(job, y, states + i * dims);
  }
}

static void forward_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const mix_job *job = arg;
  mix_samples(job, job->matrix, job->run->x, job->x, begin, end, thread);
}

void weir_i_mix_forward(const weir_step *step, const weir_flow_run *run, const float *matrix) {
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  mix_job job = take(step, run, false);
  job.matrix = matrix;
  weir_i_parallel_for(&run->layers.team, run->layers.n, forward_samples, &job);
  weir_i_arena_release(run->layers.scratch, mark);
}

// The output y goes through job->x to the input, which then takes its place for the weights' gradient.
static void backward_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const mix_job *job = arg;
  mix_samples(job, job->matrix, job->run->x, job->x, begin, end, thread);
  for (size_t i = begin; i < end && job->dweight != NULL; i++)
    to_blocked(job, job->run->x + i * job->run->dims, job->x + i * job->floats);
  mix_samples(job, job->transposed, job->run->dx, job->dy, begin, end, thread);
}

static void weight_tiles(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const mix_job *job = arg;
  const size_t n = job->run->layers.n, row = job->table ? job->floats : WEIR_BLOCK, block = job->pixels * WEIR_BLOCK;
  for (size_t i = 0; i < (job->table ? 1 : n); i++) {
    const weir_gemm_weights gemm = {.x = job->x + i * job->floats,
                                    .dy = job->dy + i * job->floats,
                                    .dweight = job->dweight,
                                    .x_row = row,
                                    .x_block = block,
                                    .dy_row = row,
                                    .dy_block = block,
                                    .inputs = job->map.c,
                                    .outputs = job->map.c,
                                    .rows = job->table ? n : job->pixels};
    job->run->layers.kernels->gemm_weights(&gemm, begin, end);
  }
}

void weir_i_mix_backward(const weir_step *step, const weir_flow_run *run, const weir_mix *mix, float *dweight) {
  const size_t mark = weir_i_arena_mark(run->layers.scratch), blocks = weir_i_blocks(step->in.c);
  mix_job job = take(step, run, true);
  job.matrix = run->layers.packed + mix->inverse;
  job.transposed = mix->orthogonal ? job.matrix : run->layers.packed_training + mix->transposed;
  job.dweight = dweight;
  weir_i_parallel_for(&run->layers.team, run->layers.n, backward_samples, &job);
  if (dweight != NULL) {
    memset(dweight, 0, weir_i_mix_floats(step->in.c) * sizeof *dweight);
    weir_i_parallel_for(&run->layers.team, blocks * blocks, weight_tiles, &job);
  }
  weir_i_arena_release(run->layers.scratch, mark);
}

void weir_i_mix_describe(const weir_step *step, size_t index, bool bf16, weir_layer_info *info) {
  (void)index, (void)bf16;
  info->kernel = "gemm_forward";
  info->weight_bytes = weir_i_mix_floats(step->in.c) * sizeof(float);
}

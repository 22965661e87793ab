#include "layers/bias.h"

#include <string.h>

void weir_i_bias_pack(const float *values, weir_slice slice, float *bias) {
  const size_t c = weir_i_slice_live(slice);
  memset(bias, 0, weir_i_block_round(c) * sizeof *bias);
  for (size_t live = 0; live < c; live++) bias[live] = values[weir_i_slice_at(slice, live)];
}

typedef struct bias_job {
  const weir_layer_run *run;
  const float *dy;
  weir_map map;
  weir_slice slice;
  float *dbias;
} bias_job;

static void sum_blocks(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const bias_job *job = arg;
  const size_t pixels = job->map.h * job->map.w, sample = weir_i_map_blocked(job->map);
  for (size_t block = begin; block < end; block++) {
    double sum[WEIR_BLOCK] = {0};
    for (size_t i = 0; i < job->run->n; i++)
      job->run->kernels->batchnorm_moments(job->dy + i * sample + block * pixels * WEIR_BLOCK, pixels, WEIR_BLOCK, NULL, sum, NULL);
    for (size_t l = 0; l < WEIR_BLOCK && block * WEIR_BLOCK + l < job->map.c; l++)
      job->dbias[weir_i_slice_at(job->slice, block * WEIR_BLOCK + l)] += (float)sum[l];
  }
}

void weir_i_bias_backward(const weir_layer_run *run, const float *dy, weir_map map, weir_slice slice, float *dbias) {
  bias_job job = {run, dy, map, slice, dbias};
  weir_i_parallel_for(&run->team, weir_i_blocks(map.c), sum_blocks, &job);
}

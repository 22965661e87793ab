#include "layers/bias.h"

#include <string.h>

void weir_i_bias_pack(const float *values, size_t c, float *bias) {
  memset(bias, 0, weir_i_block_round(c) * sizeof *bias);
  memcpy(bias, values, c * sizeof *bias);
}

typedef struct bias_job {
  const weir_layer_run *run;
  const float *dy;
  weir_map map;
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
      job->dbias[block * WEIR_BLOCK + l] += (float)sum[l];
  }
}

void weir_i_bias_backward(const weir_layer_run *run, const float *dy, weir_map map, float *dbias) {
  bias_job job = {run, dy, map, dbias};
  weir_i_parallel_for(&run->team, weir_i_blocks(map.c), sum_blocks, &job);
}

// Batch norm in training: the statistics of each batch, and the way back through them.
#include <math.h>

#include "layers/normalization.h"

typedef struct norm_job {
  const weir_norm *norm;
  const weir_parameters *parameters;
  const weir_layer_run *run;
  weir_map map;
  size_t sample;  // floats of one
  const float *x;
  const weir_rectifier *after;
  float *du;
  float *dx;
  float *state;
  float *terms;  // backward: [3][round(c)], the coefficients of the apply kernel
} norm_job;

static void keep_statistics(const norm_job *job, size_t channel, double mean, double variance, double count) {
  const weir_layer_run *run = job->run;
  if (run->statistics == WEIR_STATISTICS_MOMENTUM) {
    float *running_mean = run->values + job->parameters->items[job->norm->mean].offset + channel;
    float *running_variance = run->values + job->parameters->items[job->norm->variance].offset + channel;
    *running_mean = (float)(0.9 * *running_mean + 0.1 * mean);
    *running_variance = (float)(0.9 * *running_variance + 0.1 * variance * count / (count > 1 ? count - 1 : 1));
  } else if (run->statistics == WEIR_STATISTICS_POOL) {
    double *sums = run->pool + 2 * (job->norm->first_channel + channel);
    sums[0] += (double)run->n * mean;
    sums[1] += (double)run->n * (variance + mean * mean);
  }
}

// Two passes, so that a mean far from zero does not cost the variance its digits.
static void statistics_of_blocks(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const norm_job *job = arg;
  const size_t pixels = job->map.h * job->map.w, width = weir_i_block_round(job->map.c);
  const double count = (double)(job->run->n * pixels);
  const float *gain = weir_i_parameter_at(job->parameters, job->run->values, job->norm->gain),
              *bias = weir_i_parameter_at(job->parameters, job->run->values, job->norm->bias);
  for (size_t block = begin; block < end; block++) {
    const float *x = job->x + block * pixels * WEIR_BLOCK;
    double sum[WEIR_BLOCK] = {0}, rest[WEIR_BLOCK] = {0}, square[WEIR_BLOCK] = {0};
    float mean[WEIR_BLOCK];
    for (size_t i = 0; i < job->run->n; i++)
      job->run->kernels->batchnorm_moments(x + i * job->sample, pixels, WEIR_BLOCK, NULL, sum, NULL);
    for (size_t l = 0; l < WEIR_BLOCK; l++) mean[l] = (float)(sum[l] / count);
    for (size_t i = 0; i < job->run->n; i++)
      job->run->kernels->batchnorm_moments(x + i * job->sample, pixels, WEIR_BLOCK, mean, rest, square);
    for (size_t l = 0; l < WEIR_BLOCK; l++) {
      const size_t channel = block * WEIR_BLOCK + l;
      float *state = job->state + channel;
      if (channel >= job->map.c) {
        for (size_t k = 0; k < WEIR_NORM_ARRAYS; k++) state[k * width] = 0;
        continue;
      }
      const double off = rest[l] / count, exact_mean = mean[l] + off, variance = square[l] / count - off * off;
      const double rstd = 1 / sqrt(variance + WEIR_NORM_EPSILON), scale = job->norm->input_scale * gain[channel] * rstd;
      state[WEIR_NORM_SCALE * width] = (float)scale;
      state[WEIR_NORM_SHIFT * width] = (float)(job->norm->input_scale * (double)bias[channel] - exact_mean * scale);
      state[WEIR_NORM_MEAN * width] = (float)exact_mean;
      state[WEIR_NORM_RSTD * width] = (float)rstd;
      keep_statistics(job, channel, exact_mean, variance, count);
    }
  }
}

void weir_i_norm_forward(const weir_norm *norm, const weir_parameters *parameters, const weir_layer_run *run, const float *x,
                         weir_map map, float *state) {
  norm_job job = {norm, parameters, run, map, weir_i_map_blocked(map), x, NULL, NULL, NULL, state, NULL};
  weir_i_parallel_for(&run->team, weir_i_blocks(map.c), statistics_of_blocks, &job);
}

// One block of one sample through the rectifier, in place: what follows reads it while it lies in the nearest cache.
static void rectify_block(const norm_job *job, size_t block, size_t at) {
  const size_t width = weir_i_block_round(job->map.c), first = block * WEIR_BLOCK, left = job->map.c - first;
  const weir_preact_gradient gradient = {.x = job->x + at,
                                         .scale = job->state + WEIR_NORM_SCALE * width + first,
                                         .shift = job->state + WEIR_NORM_SHIFT * width + first,
                                         .dy = job->du + at,
                                         .du = job->du + at,
                                         .c = left < WEIR_BLOCK ? left : WEIR_BLOCK,
                                         .h = job->map.h,
                                         .w = job->map.w,
                                         .relu = true,
                                         .slope = job->after->slope};
  job->run->kernels->preact_backward(&gradient);
}

// With k = input_scale, N rows, xhat = (x - mean) rstd, S1 = sum du, S2 = sum du xhat:
//   dgain = k S2, dbias = k S1, dx = k gain rstd (du - S1 / N - xhat S2 / N)
static void gradients_of_blocks(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const norm_job *job = arg;
  const size_t pixels = job->map.h * job->map.w, width = weir_i_block_round(job->map.c);
  const double count = (double)(job->run->n * pixels), k = job->norm->input_scale;
  float *dgain = job->run->gradients + job->parameters->items[job->norm->gain].offset;
  float *dbias = job->run->gradients + job->parameters->items[job->norm->bias].offset;
  for (size_t block = begin; block < end; block++) {
    const size_t first = block * pixels * WEIR_BLOCK;
    const float *mean = job->state + WEIR_NORM_MEAN * width + block * WEIR_BLOCK;
    double sum[WEIR_BLOCK] = {0}, product[WEIR_BLOCK] = {0};
    for (size_t i = 0; i < job->run->n; i++) {
      const size_t at = i * job->sample + first;
      if (job->after != NULL && job->after->relu) rectify_block(job, block, at);
      job->run->kernels->batchnorm_products(job->du + at, job->x + at, pixels, WEIR_BLOCK, mean, sum, product);
    }
    for (size_t l = 0; l < WEIR_BLOCK; l++) {
      const size_t channel = block * WEIR_BLOCK + l;
      const double rstd = job->state[WEIR_NORM_RSTD * width + channel], scale = job->state[WEIR_NORM_SCALE * width + channel];
      job->terms[channel] = (float)scale;
      job->terms[width + channel] = (float)(-scale * rstd * rstd * product[l] / count);
      job->terms[2 * width + channel] = (float)(-scale * sum[l] / count);
      if (channel >= job->map.c) continue;
      dgain[channel] += (float)(k * rstd * product[l]);
      dbias[channel] += (float)(k * sum[l]);
    }
  }
}

static void apply_to_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const norm_job *job = arg;
  const size_t pixels = job->map.h * job->map.w, width = weir_i_block_round(job->map.c);
  for (size_t i = begin; i < end; i++)
    for (size_t block = 0; block < width / WEIR_BLOCK; block++) {
      const size_t first = i * job->sample + block * pixels * WEIR_BLOCK, lane = block * WEIR_BLOCK;
      job->run->kernels->batchnorm_apply(job->du + first, job->x + first, pixels, WEIR_BLOCK,
                                         job->state + WEIR_NORM_MEAN * width + lane, job->terms + lane, job->terms + width + lane,
                                         job->terms + 2 * width + lane, job->dx + first);
    }
}

void weir_i_norm_backward(const weir_norm *norm, const weir_parameters *parameters, const weir_layer_run *run, const float *x,
                          weir_map map, const float *state, const weir_rectifier *after, float *du, float *dx) {
  const size_t mark = weir_i_arena_mark(run->scratch);
  float *terms = weir_i_arena_take(run->scratch, 3 * weir_i_block_round(map.c), sizeof *terms);
  norm_job job = {norm, parameters, run, map, weir_i_map_blocked(map), x, after, du, dx, (float *)state, terms};
  weir_i_parallel_for(&run->team, weir_i_blocks(map.c), gradients_of_blocks, &job);
  if (dx != NULL) weir_i_parallel_for(&run->team, run->n, apply_to_samples, &job);
  weir_i_arena_release(run->scratch, mark);
}

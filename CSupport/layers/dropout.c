#include "layers/dropout.h"

#include <math.h>
#include <string.h>

#include "base/random.h"

typedef struct dropout {
  weir_map map;
  uint32_t stream;
  uint32_t dropped;  // of 2^24 numbers
  float scale;
} dropout;

typedef struct dropout_job {
  const dropout *own;
  const weir_layer_run *run;
  const float *from;
  float *to;
  bool add;  // to what is there
} dropout_job;

// Multiplies, so that what is not finite stays so.
static void mask_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const dropout_job *job = arg;
  const dropout *own = job->own;
  const size_t count = weir_i_map_blocked(own->map);
  for (size_t i = begin; i < end; i++) {
    const float *from = job->from + i * count;
    float *to = job->to + i * count;
    for (size_t e = 0; e < count; e += 4) {
      uint32_t words[4];
      weir_i_random_words(job->run->seed, own->stream, job->run->index + i, (uint32_t)(e / 4), words);
      for (size_t k = 0; k < 4; k++) {
        const float kept = from[e + k] * ((words[k] >> 8) < own->dropped ? 0 : own->scale);
        to[e + k] = job->add ? to[e + k] + kept : kept;
      }
    }
  }
}

static void forward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                    const weir_layer_maps *maps) {
  (void)parameters;
  const dropout *own = layer->own;
  if (WEIR_TRAINS(run)) {
    dropout_job job = {own, run, maps->x[0], maps->y, false};
    weir_i_parallel_for(&run->team, run->n, mask_samples, &job);
  } else if (maps->y != maps->x[0]) {
    memcpy(maps->y, maps->x[0], run->n * weir_i_map_blocked(own->map) * sizeof *maps->y);
  }
}

static void backward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                     const weir_layer_maps *maps) {
  (void)parameters;
  dropout_job job = {layer->own, run, maps->dy, maps->dx[0], true};
  weir_i_parallel_for(&run->team, run->n, mask_samples, &job);
}

static void describe(const weir_layer *layer, bool bf16, weir_layer_info *info) {
  (void)layer, (void)bf16;
  info->name = "dropout";
}

static const weir_layer_class dropout_class = {
    .forward = forward, .backward = WEIR_WHEN_TRAINING(backward), .reads = weir_i_layer_reads_same, .describe = describe};

weir_layer weir_i_dropout_make(weir_build *build, weir_map map, double probability) {
  const weir_layer layer = weir_i_layer_start(build, &dropout_class, sizeof(dropout));
  if (layer.own == NULL) return layer;
  const uint32_t stream = WEIR_I_STREAM_DROPOUT + WEIR_I_STREAM_STRIDE * (uint32_t)build->dropouts++;
  const double dropped = floor(probability * 0x1p24);
  *(dropout *)layer.own = (dropout){map, stream, (uint32_t)dropped, (float)(1 / (1 - dropped * 0x1p-24))};
  return layer;
}

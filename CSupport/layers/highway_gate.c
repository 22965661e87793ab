#include "layers/highway_gate.h"

typedef struct gate {
  weir_map map;
} gate;

typedef struct gate_job {
  const weir_layer_run *run;
  const weir_layer_maps *maps;
} gate_job;

// Elementwise, so samples and channels don't matter here: items are blocks of all maps.
static size_t items_of(const weir_layer *layer, const weir_layer_run *run) {
  return run->n * weir_i_map_blocked(((const gate *)layer->own)->map) / WEIR_BLOCK;
}

static void forward_blocks(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const gate_job *job = arg;
  const weir_layer_maps *maps = job->maps;
  const size_t at = begin * WEIR_BLOCK;
  const weir_gate kernel = {
      .v = maps->x[0] + at, .t = maps->x[1] + at, .x = maps->x[2] + at, .y = maps->y + at, .count = (end - begin) * WEIR_BLOCK};
  job->run->kernels->gate_forward(&kernel);
}

static void forward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                    const weir_layer_maps *maps) {
  (void)parameters;
  gate_job job = {run, maps};
  weir_i_parallel_for(&run->team, items_of(layer, run), forward_blocks, &job);
}

static void backward_blocks(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const gate_job *job = arg;
  const weir_layer_maps *maps = job->maps;
  const size_t at = begin * WEIR_BLOCK;
  const weir_gate_gradient kernel = {.v = maps->x[0] + at,
                                     .t = maps->x[1] + at,
                                     .x = maps->x[2] + at,
                                     .dy = maps->dy + at,
                                     .dv = maps->dx[0] + at,
                                     .dt = maps->dx[1] + at,
                                     .dx = maps->dx[2] + at,
                                     .count = (end - begin) * WEIR_BLOCK};
  job->run->kernels->gate_backward(&kernel);
}

static void backward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                     const weir_layer_maps *maps) {
  (void)parameters;
  gate_job job = {run, maps};
  weir_i_parallel_for(&run->team, items_of(layer, run), backward_blocks, &job);
}

static void describe(const weir_layer *layer, bool bf16, weir_layer_info *info) {
  (void)layer, (void)bf16;
  info->name = "gate";
  info->kernel = "gate_forward";
}

static const weir_layer_class gate_class = {
    .forward = forward, .backward = WEIR_WHEN_TRAINING(backward), .reads = weir_i_layer_reads_same, .describe = describe};

weir_layer weir_i_gate_make(weir_build *build, weir_map map) {
  const weir_layer layer = weir_i_layer_start(build, &gate_class, sizeof(gate));
  if (layer.own != NULL) *(gate *)layer.own = (gate){map};
  return layer;
}

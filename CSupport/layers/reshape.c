#include "layers/reshape.h"

#include <string.h>

typedef struct reshape {
  weir_map map;
} reshape;

typedef struct reshape_job {
  weir_map map;
  const weir_layer_maps *maps;
} reshape_job;

static size_t row_floats(weir_map map) { return weir_i_map_blocked(weir_i_map_row(map)); }

static void flatten_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const reshape_job *job = arg;
  const size_t count = weir_i_map_count(job->map), floats = row_floats(job->map);
  for (size_t i = begin; i < end; i++) {
    float *row = job->maps->y + i * floats;
    weir_i_layout_unpack(job->maps->x[0] + i * weir_i_map_blocked(job->map), 0, job->map.c, job->map.h * job->map.w, row);
    memset(row + count, 0, (floats - count) * sizeof *row);
  }
}

static void unflatten_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const reshape_job *job = arg;
  for (size_t i = begin; i < end; i++)
    weir_i_layout_pack(job->maps->x[0] + i * row_floats(job->map), NULL, job->map.c, job->map.h * job->map.w,
                       job->maps->y + i * weir_i_map_blocked(job->map));
}

static void flatten_gradients(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const reshape_job *job = arg;
  for (size_t i = begin; i < end; i++)
    weir_i_layout_pack_add(job->maps->dy + i * row_floats(job->map), job->map.c, job->map.h * job->map.w,
                           job->maps->dx[0] + i * weir_i_map_blocked(job->map));
}

static void unflatten_gradients(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const reshape_job *job = arg;
  for (size_t i = begin; i < end; i++)
    weir_i_layout_unpack_add(job->maps->dy + i * weir_i_map_blocked(job->map), NULL, job->map.c, job->map.h * job->map.w,
                             job->maps->dx[0] + i * row_floats(job->map));
}

static void run_samples(const weir_layer *layer, const weir_layer_run *run, const weir_layer_maps *maps, weir_range_fn *samples) {
  reshape_job job = {((const reshape *)layer->own)->map, maps};
  weir_i_parallel_for(&run->team, run->n, samples, &job);
}

static void flatten_forward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                            const weir_layer_maps *maps) {
  (void)parameters;
  run_samples(layer, run, maps, flatten_samples);
}

static void flatten_backward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                             const weir_layer_maps *maps) {
  (void)parameters;
  run_samples(layer, run, maps, flatten_gradients);
}

static void unflatten_forward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                              const weir_layer_maps *maps) {
  (void)parameters;
  run_samples(layer, run, maps, unflatten_samples);
}

static void unflatten_backward(const weir_layer *layer, const weir_parameters *parameters, const weir_layer_run *run,
                               const weir_layer_maps *maps) {
  (void)parameters;
  run_samples(layer, run, maps, unflatten_gradients);
}

static void describe_flatten(const weir_layer *layer, bool bf16, weir_layer_info *info) {
  (void)layer, (void)bf16;
  info->name = "flatten";
}

static void describe_unflatten(const weir_layer *layer, bool bf16, weir_layer_info *info) {
  (void)layer, (void)bf16;
  info->name = "unflatten";
}

static const weir_layer_class flatten_class = {
    .forward = flatten_forward, .backward = WEIR_WHEN_TRAINING(flatten_backward), .describe = describe_flatten};
static const weir_layer_class unflatten_class = {
    .forward = unflatten_forward, .backward = WEIR_WHEN_TRAINING(unflatten_backward), .describe = describe_unflatten};

static weir_layer make(weir_build *build, const weir_layer_class *type, weir_map map) {
  const weir_layer layer = weir_i_layer_start(build, type, sizeof(reshape));
  if (layer.own != NULL) *(reshape *)layer.own = (reshape){map};
  return layer;
}

weir_layer weir_i_flatten_make(weir_build *build, weir_map map) { return make(build, &flatten_class, map); }
weir_layer weir_i_unflatten_make(weir_build *build, weir_map map) { return make(build, &unflatten_class, map); }

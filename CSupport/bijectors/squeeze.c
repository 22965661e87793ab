// Space to channels, 2 x 2: [c, h, w] -> [4c, h/2, w/2], sub-pixel index inside the channel: channel = c * 4 + dy * 2 + dx. log-det 0.
#include <string.h>

#include "bijectors/bijector.h"

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  (void)build;
  static const char *const keys[] = {"op"};
  const weir_map in = step->in;
  if (in.h % 2 != 0 || in.w % 2 != 0)
    return weir_i_fail(error, WEIR_ERROR_SPEC, source->path,
                       "squeeze needs an even height and width, not %zu x %zu; use fewer scales or pad the images", in.h, in.w);
  step->out = (weir_map){4 * in.c, in.h / 2, in.w / 2};
  return weir_i_json_only(source->json, source->object, source->path, keys, 1, error);
}

static float *take(const weir_flow_run *run) {
  return weir_i_arena_take(run->layers.scratch, run->layers.team.threads * run->dims, sizeof(float));
}

static void reserve(const weir_step *step, const weir_flow_run *run) {
  (void)step;
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  take(run);
  weir_i_arena_release(run->layers.scratch, mark);
}

typedef struct job {
  weir_map map;  // before the squeeze
  weir_flow_run *run;
  float *states;  // x, or dx
  float *copies;
  bool forward;
} job;

static void move_sample(weir_map map, const float *from, float *to, bool forward) {
  const size_t h2 = map.h / 2, w2 = map.w / 2;
  for (size_t c = 0; c < map.c; c++)
    for (size_t h = 0; h < map.h; h++)
      for (size_t w = 0; w < map.w; w++) {
        const size_t wide = (c * map.h + h) * map.w + w;
        const size_t deep = ((c * 4 + h % 2 * 2 + w % 2) * h2 + h / 2) * w2 + w / 2;
        if (forward) {
          to[deep] = from[wide];
        } else {
          to[wide] = from[deep];
        }
      }
}

static void move_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const job *j = arg;
  float *copy = j->copies + thread * j->run->dims;
  const size_t count = weir_i_map_count(j->map);
  for (size_t i = begin; i < end; i++) {
    float *state = j->states + i * j->run->dims;
    memcpy(copy, state, count * sizeof *copy);
    move_sample(j->map, copy, state, j->forward);
  }
}

static void move(const weir_step *step, weir_flow_run *run, float *states, bool forward) {
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  job j = {step->in, run, states, take(run), forward};
  weir_i_parallel_for(&run->layers.team, run->layers.n, move_samples, &j);
  weir_i_arena_release(run->layers.scratch, mark);
}

static void forward(const weir_step *step, weir_flow_run *run) { move(step, run, run->x, true); }
static void inverse(const weir_step *step, weir_flow_run *run) { move(step, run, run->x, false); }

static void backward(const weir_step *step, weir_flow_run *run) {
  move(step, run, run->x, false);
  move(step, run, run->dx, false);
}

static double flops(const weir_step *step) {
  (void)step;
  return 0;
}

const weir_bijector weir_i_bijector_squeeze = {
    .op = "squeeze",
    .parse = parse,
    .reserve = reserve,
    .forward = forward,
    .inverse = inverse,
    .backward = backward,
    .flops = flops,
};

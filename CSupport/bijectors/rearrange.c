#include "bijectors/rearrange.h"

#include <string.h>

typedef struct job {
  const weir_step *step;
  const weir_flow_run *run;
  weir_rearrange_fn *move;
  float *states;  // x, or dx
  float *copies;  // one sample a thread
  bool forward;
} job;

static float *take(const weir_step *step, const weir_flow_run *run) {
  return weir_i_arena_take(run->layers.scratch, run->layers.team.threads * weir_i_map_count(step->in), sizeof(float));
}

void weir_i_rearrange_reserve(const weir_step *step, const weir_flow_run *run) {
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  take(step, run);
  weir_i_arena_release(run->layers.scratch, mark);
}

static void move_samples(void *arg, size_t begin, size_t end, size_t thread) {
  const job *j = arg;
  const size_t count = weir_i_map_count(j->step->in);
  float *copy = j->copies + thread * count;
  for (size_t i = begin; i < end; i++) {
    float *state = j->states + i * j->run->dims;
    memcpy(copy, state, count * sizeof *copy);
    j->move(j->step, copy, state, j->forward);
  }
}

static void move_all(const weir_step *step, weir_flow_run *run, weir_rearrange_fn *move, float *states, bool forward) {
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  job j = {step, run, move, states, take(step, run), forward};
  weir_i_parallel_for(&run->layers.team, run->layers.n, move_samples, &j);
  weir_i_arena_release(run->layers.scratch, mark);
}

void weir_i_rearrange_forward(const weir_step *step, weir_flow_run *run, weir_rearrange_fn *move) {
  move_all(step, run, move, run->x, true);
}

void weir_i_rearrange_inverse(const weir_step *step, weir_flow_run *run, weir_rearrange_fn *move) {
  move_all(step, run, move, run->x, false);
}

void weir_i_rearrange_backward(const weir_step *step, weir_flow_run *run, weir_rearrange_fn *move) {
  move_all(step, run, move, run->x, false);
  move_all(step, run, move, run->dx, false);
}

double weir_i_rearrange_flops(const weir_step *step) {
  (void)step;
  return 0;
}

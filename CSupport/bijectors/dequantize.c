// Integers 0..255 to densities on [0, 1): y = (v + u) / 256, u uniform noise or 1/2. log-det = -D log 256, so that what follows is the
// (bound on the) log-likelihood of the integers. Values outside [-0.5, 255.5] are no pixels: they give NaN, hence -inf.
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "bijectors/bijector.h"

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  (void)step, (void)build;
  static const char *const keys[] = {"op"};
  if (source->levels != 256)
    return weir_i_fail(error, WEIR_ERROR_SPEC, source->path,
                       "dequantize needs an input with \"levels\": 256; continuous data has none to spread");
  if (source->index != 0)
    return weir_i_fail(error, WEIR_ERROR_SPEC, source->path,
                       "dequantize must be the first step, since only the input is made of integers");
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
  weir_flow_run *run;
  float *noise;
  size_t count;
  bool forward;
} job;

static void noise_of(const job *j, size_t i, float *noise) {
  const weir_noise_source *source = &j->run->noise;
  if (source->kind == WEIR_NOISE_SEED) {
    weir_i_random_uniform(source->seed, source->stream, source->first_index + i, noise, j->count);
  } else {
    for (size_t e = 0; e < j->count; e++) noise[e] = 0.5f;
  }
}

static void samples(void *arg, size_t begin, size_t end, size_t thread) {
  const job *j = arg;
  const double logdet = -(double)j->count * log(256);
  float *noise = j->noise + thread * j->run->dims;
  for (size_t i = begin; i < end; i++) {
    float *x = weir_i_run_x(j->run, i);
    noise_of(j, i, noise);
    if (j->forward) {
      for (size_t e = 0; e < j->count; e++) x[e] = x[e] >= -0.5f && x[e] <= 255.5f ? (x[e] + noise[e]) / 256 : NAN;
    } else {
      for (size_t e = 0; e < j->count; e++) x[e] = x[e] * 256 - noise[e];
    }
    j->run->logdet[i] += j->forward ? logdet : -logdet;
  }
}

static void run_samples(const weir_step *step, weir_flow_run *run, bool forward) {
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  job j = {run, take(run), weir_i_map_count(step->in), forward};
  weir_i_parallel_for(&run->layers.team, run->layers.n, samples, &j);
  weir_i_arena_release(run->layers.scratch, mark);
}

static void forward(const weir_step *step, weir_flow_run *run) { run_samples(step, run, true); }
static void inverse(const weir_step *step, weir_flow_run *run) { run_samples(step, run, false); }

static void backward(const weir_step *step, weir_flow_run *run) {
  const size_t count = weir_i_map_count(step->in);
  for (size_t i = 0; i < run->layers.n; i++)
    for (size_t e = 0; e < count; e++) run->dx[i * run->dims + e] /= 256;
  run_samples(step, run, false);
}

static double flops(const weir_step *step) { return 2.0 * (double)weir_i_map_count(step->in); }

const weir_bijector weir_i_bijector_dequantize = {
    .op = "dequantize",
    .takes_integers = true,
    .parse = parse,
    .reserve = reserve,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = flops,
};

// Invertible 1x1 convolution (Glow, Kingma and Dhariwal 2018): y[o] = sum over i of weight[o,i] x[i] at every pixel; a linear map of a
// table's rows. log-det: pixels * log|det weight|. The file holds weight's LU factorisation too, so that scoring needs no LAPACK.
#include <math.h>
#include <string.h>

#include "bijectors/channel_mix.h"
#include "bijectors/lu.h"

_Static_assert((int)WEIR_I_MAX_LU <= (int)WEIR_I_MAX_ORTHOGONAL, "a weight starts orthogonal");

typedef struct conv1x1_step {
  bool trainable;
  size_t weight, lu, pivots;  // parameters
  weir_mix mix;
  size_t packed_logdet, packed_workspace;  // offsets into packed: one double; what inverting takes
} conv1x1_step;

static const conv1x1_step *own_of(const weir_step *step) { return step->own; }

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  static const char *const keys[] = {"op", "trainable"};
  const size_t c = step->in.c;
  if (c > WEIR_I_MAX_LU)
    return weir_i_fail(
        error, WEIR_ERROR_SPEC, source->path,
        "conv1x1 mixes at most %d channels, not %zu: its inverse takes time cubic in them; use permute or factor_out",
        WEIR_I_MAX_LU, c);
  conv1x1_step *own = weir_i_step_own(step, build, sizeof *own);
  if (own == NULL) return WEIR_OK;  // the build says so
  weir_status status = weir_i_json_only(source->json, source->object, source->path, keys, 2, error);
  if (status == WEIR_OK)
    status = weir_i_json_bool(source->json, source->object, source->path, "trainable", false, true, &own->trainable, error);
  const weir_parameter weight = {.rank = 2, .shape = {c, c}, .trainable = own->trainable, .initial = WEIR_INITIAL_ORTHOGONAL};
  const weir_parameter lu = {.rank = 2, .shape = {c, c}, .initial = WEIR_INITIAL_ZERO};
  const weir_parameter pivots = {.rank = 1, .shape = {c}, .domain = WEIR_DOMAIN_NOT_NEGATIVE, .initial = WEIR_INITIAL_ZERO};
  own->weight = weir_i_parameter_add(build, source->path, "weight", weight);
  own->lu = weir_i_parameter_add(build, source->path, "lu", lu);
  own->pivots = weir_i_parameter_add(build, source->path, "pivots", pivots);
  own->mix = weir_i_mix_make(build, c, false);
  own->packed_logdet = weir_i_build_packed(build, sizeof(double) / sizeof(float));
  own->packed_workspace = weir_i_build_packed(build, weir_i_lu_workspace(c));
  return status;
}

static weir_lu lu_of(const weir_step *step, const weir_parameters *parameters, const float *values) {
  const conv1x1_step *own = own_of(step);
  return (weir_lu){.weight = values + parameters->items[own->weight].offset,
                   .lu = values + parameters->items[own->lu].offset,
                   .pivots = values + parameters->items[own->pivots].offset,
                   .c = step->in.c};
}

static weir_status check(const weir_step *step, const weir_parameters *parameters, const float *values, weir_error *error) {
  const weir_lu lu = lu_of(step, parameters, values);
  return weir_i_lu_check(&lu, parameters->items[own_of(step)->lu].name, parameters->items[own_of(step)->pivots].name, error);
}

static void pack(const weir_step *step, const weir_parameters *parameters, const float *values, float *packed,
                 float *packed_training) {
  const conv1x1_step *own = own_of(step);
  const weir_lu lu = lu_of(step, parameters, values);
  weir_i_mix_pack(&own->mix, lu.weight, lu.c, packed, packed_training);
  const double logdet = weir_i_lu_invert(&lu, packed + own->packed_workspace, packed + own->mix.inverse);
  memcpy(packed + own->packed_logdet, &logdet, sizeof logdet);
}

static void add_logdet(const weir_step *step, const weir_flow_run *run, double sign) {
  double logdet;
  memcpy(&logdet, run->layers.packed + own_of(step)->packed_logdet, sizeof logdet);
  logdet *= sign * (double)(step->in.h * step->in.w);
  for (size_t i = 0; i < run->layers.n; i++) run->logdet[i] += logdet;
}

static void forward(const weir_step *step, weir_flow_run *run) {
  weir_i_mix_forward(step, run, run->layers.packed + own_of(step)->mix.weight);
  add_logdet(step, run, 1);
}

static void inverse(const weir_step *step, weir_flow_run *run) {
  weir_i_mix_forward(step, run, run->layers.packed + own_of(step)->mix.inverse);
  add_logdet(step, run, -1);
}

static float *take_gradient(const weir_step *step, const weir_flow_run *run) {
  return weir_i_arena_take(run->layers.scratch, weir_i_mix_floats(step->in.c), sizeof(float));
}

typedef struct factors {
  double *matrix;  // [c, c]
  int *pivots;     // [c]
} factors;

static factors take_factors(const weir_step *step, const weir_flow_run *run) {
  const size_t c = step->in.c;
  return (factors){weir_i_arena_take(run->layers.scratch, c * c, sizeof(double)),
                   weir_i_arena_take(run->layers.scratch, c, sizeof(int))};
}

static void reserve(const weir_step *step, const weir_flow_run *run) {
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  if (WEIR_TRAINS(&run->layers)) {
    take_factors(step, run);
    weir_i_arena_release(run->layers.scratch, mark);
    take_gradient(step, run);
  }
  weir_i_mix_reserve(step, run);
  weir_i_arena_release(run->layers.scratch, mark);
}

typedef struct gradient_job {
  size_t c;
  double logdet;  // the loss's derivative by log|det weight|
  const float *dproduct, *inverse;
  float *dweight;
} gradient_job;

// The derivative of log|det weight| by weight is its inverse, transposed.
static void gradient_rows(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const gradient_job *job = arg;
  for (size_t o = begin; o < end; o++)
    for (size_t i = 0; i < job->c; i++)
      job->dweight[o * job->c + i] += (float)((double)job->dproduct[weir_i_mix_at(job->c, o, i)] +
                                              job->logdet * (double)job->inverse[weir_i_mix_at(job->c, i, o)]);
}

static void backward(const weir_step *step, weir_flow_run *run) {
  const conv1x1_step *own = own_of(step);
  const size_t mark = weir_i_arena_mark(run->layers.scratch);
  float *dproduct = own->trainable ? take_gradient(step, run) : NULL;
  weir_i_mix_backward(step, run, &own->mix, dproduct);
  if (own->trainable) {
    gradient_job job = {.c = step->in.c,
                        .dproduct = dproduct,
                        .inverse = run->layers.packed + own->mix.inverse,
                        .dweight = run->layers.gradients + run->parameters->items[own->weight].offset};
    for (size_t i = 0; i < run->layers.n; i++) job.logdet += (double)run->dlogdet[i];
    job.logdet *= (double)(step->in.h * step->in.w);
    weir_i_parallel_for(&run->layers.team, job.c, gradient_rows, &job);
  }
  weir_i_arena_release(run->layers.scratch, mark);
}

static bool finite(const float *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i])) return false;
  return true;
}

// The factorisation of the present weight. One that is not finite has none, and LAPACK may not see it; the log-det then says so.
static void refresh(const weir_step *step, const weir_flow_run *run) {
  const conv1x1_step *own = own_of(step);
  const weir_parameter *items = run->parameters->items;
  const size_t c = step->in.c, mark = weir_i_arena_mark(run->layers.scratch);
  const float *weight = run->layers.values + items[own->weight].offset;
  float *lu = run->layers.values + items[own->lu].offset, *pivots = run->layers.values + items[own->pivots].offset;
  const factors made = take_factors(step, run);
  for (size_t i = 0; i < c; i++) {
    for (size_t j = 0; j < c; j++) made.matrix[j * c + i] = (double)weight[i * c + j];
    made.pivots[i] = (int)i;
  }
  if (finite(weight, c * c)) run->factorise(made.matrix, made.pivots, c);
  for (size_t i = 0; i < c; i++) {
    for (size_t j = 0; j < c; j++) lu[i * c + j] = (float)made.matrix[j * c + i];
    pivots[i] = (float)made.pivots[i];
  }
  weir_i_arena_release(run->layers.scratch, mark);
}

static double flops(const weir_step *step) { return 2.0 * (double)step->in.c * (double)weir_i_map_count(step->in); }

const weir_bijector weir_i_bijector_conv1x1 = {
    .op = "conv1x1",
    .parse = parse,
    .pack = pack,
    .reserve = reserve,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = flops,
    .describe = weir_i_mix_describe,
    .refresh = WEIR_WHEN_TRAINING(refresh),
    .check = check,
    .factorises = true,
};

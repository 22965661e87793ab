// Activation normalisation: y = (x + bias) exp(log_scale), per channel of an image, per dim of a table (Glow, Kingma and Dhariwal 2018).
// log-det: pixels * sum log_scale.
#include <math.h>
#include <string.h>

#include "bijectors/bijector.h"

typedef struct actnorm_step {
  size_t bias, log_scale;                           // parameters
  size_t packed_bias, packed_scale, packed_logdet;  // offsets into packed; the last holds one double
} actnorm_step;

static const actnorm_step *own_of(const weir_step *step) { return step->own; }
static size_t pixels_of(const weir_step *step) { return step->in.h * step->in.w; }

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  static const char *const keys[] = {"op"};
  const size_t c = step->in.c;
  actnorm_step *own = weir_i_step_own(step, build, sizeof *own);
  if (own == NULL) return WEIR_OK;  // the build says so
  const weir_parameter zero = {.rank = 1, .shape = {c}, .trainable = true, .initial = WEIR_INITIAL_ZERO};
  own->bias = weir_i_parameter_add(build, source->path, "bias", zero);
  own->log_scale = weir_i_parameter_add(build, source->path, "log_scale", zero);
  own->packed_bias = weir_i_build_packed(build, c);
  own->packed_scale = weir_i_build_packed(build, c);
  own->packed_logdet = weir_i_build_packed(build, sizeof(double) / sizeof(float));
  return weir_i_json_only(source->json, source->object, source->path, keys, 1, error);
}

static void pack(const weir_step *step, const weir_parameters *parameters, const float *values, float *packed,
                 float *packed_training) {
  (void)packed_training;
  const actnorm_step *own = own_of(step);
  const float *bias = values + parameters->items[own->bias].offset, *log_scale = values + parameters->items[own->log_scale].offset;
  double sum = 0;
  for (size_t c = 0; c < step->in.c; c++) {
    packed[own->packed_bias + c] = bias[c];
    packed[own->packed_scale + c] = (float)exp((double)log_scale[c]);
    sum += (double)log_scale[c];
  }
  sum *= (double)pixels_of(step);
  memcpy(packed + own->packed_logdet, &sum, sizeof sum);
}

static double logdet_of(const weir_step *step, const weir_flow_run *run) {
  double logdet;
  memcpy(&logdet, run->layers.packed + own_of(step)->packed_logdet, sizeof logdet);
  return logdet;
}

typedef struct job {
  const weir_step *step;
  weir_flow_run *run;
  const float *bias, *scale;
  float *dbias, *dlog_scale;  // backward
} job;

static job make_job(const weir_step *step, weir_flow_run *run) {
  const actnorm_step *own = own_of(step);
  return (job){
      .step = step, .run = run, .bias = run->layers.packed + own->packed_bias, .scale = run->layers.packed + own->packed_scale};
}

static void forward_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const job *j = arg;
  const size_t pixels = pixels_of(j->step);
  const double logdet = logdet_of(j->step, j->run);
  for (size_t i = begin; i < end; i++) {
    float *x = weir_i_run_x(j->run, i);
    for (size_t c = 0; c < j->step->in.c; c++, x += pixels)
      for (size_t p = 0; p < pixels; p++) x[p] = (x[p] + j->bias[c]) * j->scale[c];
    j->run->logdet[i] += logdet;
  }
}

static void inverse_samples(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const job *j = arg;
  const size_t pixels = pixels_of(j->step);
  const double logdet = logdet_of(j->step, j->run);
  for (size_t i = begin; i < end; i++) {
    float *y = weir_i_run_x(j->run, i);
    for (size_t c = 0; c < j->step->in.c; c++, y += pixels)
      for (size_t p = 0; p < pixels; p++) y[p] = y[p] / j->scale[c] - j->bias[c];
    j->run->logdet[i] -= logdet;
  }
}

static void forward(const weir_step *step, weir_flow_run *run) {
  job j = make_job(step, run);
  weir_i_parallel_for(&run->layers.team, run->layers.n, forward_samples, &j);
}

static void inverse(const weir_step *step, weir_flow_run *run) {
  job j = make_job(step, run);
  weir_i_parallel_for(&run->layers.team, run->layers.n, inverse_samples, &j);
}

// dx = exp(log_scale) dy, dbias = sum dx, dlog_scale = sum (dy y + pixels dlogdet). A channel has one owner, who adds its samples up in order.
static void backward_channels(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const job *j = arg;
  const size_t pixels = pixels_of(j->step);
  for (size_t c = begin; c < end; c++) {
    double sum = 0, product = 0;
    for (size_t i = 0; i < j->run->layers.n; i++) {
      float *y = weir_i_run_x(j->run, i) + c * pixels, *dy = j->run->dx + i * j->run->dims + c * pixels;
      product += (double)pixels * (double)j->run->dlogdet[i];
      for (size_t p = 0; p < pixels; p++) {
        product += (double)dy[p] * (double)y[p];
        y[p] = y[p] / j->scale[c] - j->bias[c];
        dy[p] *= j->scale[c];
        sum += (double)dy[p];
      }
    }
    j->dbias[c] += (float)sum;
    j->dlog_scale[c] += (float)product;
  }
}

static void backward(const weir_step *step, weir_flow_run *run) {
  job j = make_job(step, run);
  j.dbias = run->layers.gradients + run->parameters->items[own_of(step)->bias].offset;
  j.dlog_scale = run->layers.gradients + run->parameters->items[own_of(step)->log_scale].offset;
  weir_i_parallel_for(&run->layers.team, step->in.c, backward_channels, &j);
}

// The first batch leaves with mean 0 and variance 1 in every channel. Numbers that are not finite give parameters that are not, which the
// caller refuses.
static void initialise(const weir_step *step, weir_flow_run *run) {
  const actnorm_step *own = own_of(step);
  const size_t pixels = pixels_of(step), n = run->layers.n;
  const double count = (double)(n * pixels);
  float *bias = run->layers.values + run->parameters->items[own->bias].offset;
  float *log_scale = run->layers.values + run->parameters->items[own->log_scale].offset;
  for (size_t c = 0; c < step->in.c; c++) {
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++)
      for (size_t p = 0; p < pixels; p++) sum += (double)weir_i_run_x(run, i)[c * pixels + p];
    const double mean = sum / count;
    for (size_t i = 0; i < n; i++)
      for (size_t p = 0; p < pixels; p++) {
        const double off = (double)weir_i_run_x(run, i)[c * pixels + p] - mean;
        square += off * off;
      }
    bias[c] = (float)-mean;
    log_scale[c] = (float)-log(sqrt(square / count) + 1e-6);
  }
}

static double flops(const weir_step *step) { return 2.0 * (double)weir_i_map_count(step->in); }

const weir_bijector weir_i_bijector_actnorm = {
    .op = "actnorm",
    .parse = parse,
    .pack = pack,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = flops,
    .initialise = WEIR_WHEN_TRAINING(initialise),
};

// Scoring, and the passes that hosts call on a session.
#include <math.h>
#include <string.h>

#include "model/session.h"

typedef struct call {
  weir_session *session;
  const float *x;
  const uint8_t *x_u8;
  const float *z;
  double *log_likelihood;  // [n][columns]
  size_t columns;          // 1, or with by_class the prior's components
  bool by_class;
  float *z_out, *x_out;
  double *logdet;
  uint64_t seed;
  float temperature;
  weir_stopwatch *watch;
} call;

static void load(const call *c, weir_worker *worker, size_t first, size_t n) {
  const size_t dims = c->session->model->flow.dims;
  if (c->x != NULL) {
    memcpy(worker->x, (const char *)c->x + first * dims * sizeof *worker->x, n * dims * sizeof *worker->x);  // any alignment
  } else {
    for (size_t e = 0; e < n * dims; e++) worker->x[e] = (float)c->x_u8[first * dims + e];
  }
}

// Log-mean-exp over draws, kept as best + log(rest): rest sums exp(value - best).
static void add_draw(const weir_worker *worker, size_t i, double value) {
  if (value == -INFINITY) return;
  if (value > worker->best[i]) {
    worker->rest[i] = 1 + (worker->rest[i] > 0 ? worker->rest[i] * exp(worker->best[i] - value) : 0);
    worker->best[i] = value;
  } else {
    worker->rest[i] += exp(value - worker->best[i]);
  }
}

static void add_scores(const call *c, const weir_worker *worker, const weir_flow_run *run) {
  for (size_t e = 0; e < run->layers.n * c->columns; e++) {
    const int32_t label = c->by_class ? (int32_t)(e % c->columns) : WEIR_LABEL_UNKNOWN;
    add_draw(worker, e, weir_i_flow_score(&c->session->model->flow, run, e / c->columns, label));
  }
}

static void score_group(void *arg, weir_worker *worker, size_t threads, size_t first, size_t n) {
  const call *c = arg;
  const weir_flow *flow = &c->session->model->flow;
  const bool average = flow->levels != 0 && c->session->options.noise == WEIR_NOISE_AVERAGE;
  const size_t draws = average ? c->session->options.draws : 1;
  const size_t count = n * c->columns;
  for (size_t e = 0; e < count; e++) {
    worker->best[e] = -INFINITY;
    worker->rest[e] = 0;
  }
  for (size_t draw = 0; draw < draws; draw++) {
    weir_flow_run run = weir_i_session_run(c->session, worker, threads, n, first);
    run.noise.stream = WEIR_I_STREAM_NOISE + (uint32_t)draw * WEIR_I_STREAM_STRIDE;
    run.layers.watch = c->watch;
    load(c, worker, first, n);
    weir_i_lap(c->watch);
    weir_i_flow_forward(flow, &run);
    add_scores(c, worker, &run);
    weir_i_lap(c->watch);
  }
  for (size_t e = 0; e < count; e++)
    c->log_likelihood[first * c->columns + e] =
        worker->rest[e] > 0 ? worker->best[e] + log(worker->rest[e] / (double)draws) : -INFINITY;
}

static weir_status check(const weir_session *session, const void *in, const void *out, size_t n) {
  if (session == NULL || in == NULL || out == NULL || n == 0) return WEIR_ERROR_ARGUMENT;
  return n > session->options.batch ? WEIR_ERROR_SHAPE : WEIR_OK;
}

static weir_status score(call *c, const void *x, size_t n) {
  const weir_status status = check(c->session, x, c->log_likelihood, n);
  if (status != WEIR_OK) return status;
  weir_i_session_groups(c->session, n, score_group, c);
  c->session->index += n;
  return WEIR_OK;
}

weir_status weir_score(weir_session *session, const float *x, size_t n, double *log_likelihood) {
  call c = {.session = session, .x = x, .log_likelihood = log_likelihood, .columns = 1};
  return score(&c, x, n);
}

weir_status weir_i_score_watched(weir_session *session, const float *x, size_t n, double *log_likelihood, weir_stopwatch *watch) {
  call c = {.session = session, .x = x, .log_likelihood = log_likelihood, .columns = 1, .watch = watch};
  return score(&c, x, n);
}

weir_status weir_score_u8(weir_session *session, const uint8_t *x, size_t n, double *log_likelihood) {
  if (session != NULL && session->model->flow.levels == 0) return WEIR_ERROR_UNSUPPORTED;
  call c = {.session = session, .x_u8 = x, .log_likelihood = log_likelihood, .columns = 1};
  return score(&c, x, n);
}

weir_status weir_score_classes(weir_session *session, const float *x, size_t n, double *log_likelihood) {
  if (session != NULL && !session->model->flow.prior.type->has_classes) return WEIR_ERROR_UNSUPPORTED;
  call c = {.session = session, .x = x, .log_likelihood = log_likelihood, .by_class = true};
  if (session != NULL) c.columns = session->model->flow.prior.components;
  return score(&c, x, n);
}

static void forward_group(void *arg, weir_worker *worker, size_t threads, size_t first, size_t n) {
  const call *c = arg;
  const size_t dims = c->session->model->flow.dims;
  weir_flow_run run = weir_i_session_run(c->session, worker, threads, n, first);
  load(c, worker, first, n);
  weir_i_flow_forward(&c->session->model->flow, &run);
  memcpy((char *)c->z_out + first * dims * sizeof *worker->z, worker->z, n * dims * sizeof *worker->z);
  if (c->logdet != NULL) memcpy(c->logdet + first, worker->logdet, n * sizeof *worker->logdet);
}

weir_status weir_forward(weir_session *session, const float *x, size_t n, float *z, double *logdet) {
  const weir_status status = check(session, x, z, n);
  if (status != WEIR_OK) return status;
  call c = {.session = session, .x = x, .z_out = z, .logdet = logdet};
  weir_i_session_groups(session, n, forward_group, &c);
  session->index += n;
  return WEIR_OK;
}

static void inverse_group(void *arg, weir_worker *worker, size_t threads, size_t first, size_t n) {
  const call *c = arg;
  const size_t dims = c->session->model->flow.dims;
  weir_flow_run run = weir_i_session_run(c->session, worker, threads, n, first);
  memcpy(worker->z, (const char *)c->z + first * dims * sizeof *worker->z, n * dims * sizeof *worker->z);
  weir_i_flow_inverse(&c->session->model->flow, &run);
  memcpy((char *)c->x_out + first * dims * sizeof *worker->x, worker->x, n * dims * sizeof *worker->x);
  if (c->logdet != NULL) memcpy(c->logdet + first, worker->logdet, n * sizeof *worker->logdet);
}

weir_status weir_inverse(weir_session *session, const float *z, size_t n, float *x, double *logdet) {
  const weir_status status = check(session, z, x, n);
  if (status != WEIR_OK) return status;
  call c = {.session = session, .z = z, .x_out = x, .logdet = logdet};
  weir_i_session_groups(session, n, inverse_group, &c);
  session->index += n;
  return WEIR_OK;
}

static void sample_group(void *arg, weir_worker *worker, size_t threads, size_t first, size_t n) {
  const call *c = arg;
  const weir_flow *flow = &c->session->model->flow;
  weir_flow_run run = weir_i_session_run(c->session, worker, threads, n, first);
  run.noise.kind = WEIR_NOISE_MIDPOINT;
  for (size_t i = 0; i < n; i++) {
    float *z = worker->z + i * flow->dims;
    weir_i_random_normal(c->seed, WEIR_I_STREAM_SAMPLE, first + i, z, flow->dims);
    flow->prior.type->shape_sample(&flow->prior, run.layers.packed, c->seed, first + i, c->temperature, z);
  }
  weir_i_flow_inverse(flow, &run);
  for (size_t e = 0; e < n * flow->dims; e++) {
    float value = worker->x[e];
    if (flow->levels != 0) value = value > 255 ? 255 : value > 0 ? value : 0;
    c->x_out[first * flow->dims + e] = value;
  }
}

weir_status weir_sample(weir_session *session, uint64_t seed, float temperature, size_t n, float *x) {
  const weir_status status = check(session, x, x, n);
  if (status != WEIR_OK) return status;
  if (!(temperature >= 0 && temperature <= 1e6f)) return WEIR_ERROR_ARGUMENT;
  call c = {.session = session, .x_out = x, .seed = seed, .temperature = temperature};
  weir_i_session_groups(session, n, sample_group, &c);
  return WEIR_OK;
}

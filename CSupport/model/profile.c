// Where a pass spends its time. The pass tells of the end of each layer in the order in which the flow lists them, so this walks along.
#include "model/session.h"

typedef struct profile {
  weir_stopwatch watch;  // first, so that it is the profile's address
  const weir_session *session;
  weir_profile_fn *callback;
  void *user;
  size_t first, n;
  uint64_t origin;  // clock of the beginning, moved on by what callbacks take
  uint64_t now;     // since then, at the last lap
  // The pass under way, up to now:
  bool loaded;         // x is read
  size_t step, layer;  // that the next lap ends
  weir_profile_event steps, pass;
} profile;

static weir_profile_event begin(const profile *p, int32_t kind, size_t step, const char *op) {
  return (weir_profile_event){.struct_size = sizeof(weir_profile_event),
                              .kind = kind,
                              .step = step,
                              .op = op,
                              .first = p->first,
                              .n = p->n,
                              .start = p->now};
}

static void begin_step(profile *p, size_t step) {
  p->step = step;
  p->layer = 0;
  p->steps = begin(p, WEIR_PROFILE_STEP, step, weir_i_flow_op(&p->session->model->flow, step));
}

static void begin_pass(profile *p) {
  p->loaded = false;
  p->pass = begin(p, WEIR_PROFILE_PASS, p->session->model->flow.step_count + 1, "pass");
}

static void add(weir_profile_event *whole, const weir_profile_event *part) {
  whole->flops += part->flops;
  whole->bytes += part->bytes;
}

static void end(const profile *p, weir_profile_event *event) {
  event->nanoseconds = p->now - event->start;
  p->callback(p->user, event);
}

static void end_layer(profile *p, uint64_t start) {
  weir_layer_info info;
  weir_i_flow_describe(&p->session->model->flow, p->step, p->layer, p->session->options.precision == WEIR_PRECISION_BF16, &info);
  weir_profile_event event = begin(p, WEIR_PROFILE_LAYER, p->step, p->steps.op);
  event.layer = p->layer++;
  event.described = &info;
  event.start = start;
  event.flops = (double)p->n * info.flops;
  event.bytes = (double)info.weight_bytes + (double)p->n * (double)info.sample_bytes;
  add(&p->steps, &event);
  end(p, &event);
}

static void lap(weir_stopwatch *watch) {
  profile *p = (profile *)watch;
  const weir_flow *flow = &p->session->model->flow;
  const uint64_t clock = weir_i_clock(), start = p->now;
  p->now = clock - p->origin;
  if (!p->loaded) {
    p->loaded = true;
    begin_step(p, 0);
  } else {
    end_layer(p, start);
    if (p->layer == weir_i_flow_layers(flow, p->step)) {
      end(p, &p->steps);
      add(&p->pass, &p->steps);
      if (p->step < flow->step_count) {
        begin_step(p, p->step + 1);
      } else {
        end(p, &p->pass);
        begin_pass(p);
      }
    }
  }
  p->origin += weir_i_clock() - clock;
}

weir_status weir_profile(weir_session *session, const float *x, size_t n, double *log_likelihood, weir_profile_fn *callback,
                         void *user) {
  if (session == NULL || x == NULL || log_likelihood == NULL || callback == NULL || n == 0) return WEIR_ERROR_ARGUMENT;
  if (n > session->options.batch) return WEIR_ERROR_SHAPE;
  const size_t sample = session->model->flow.dims * sizeof *x;
  profile p = {.watch = {lap}, .session = session, .callback = callback, .user = user, .origin = weir_i_clock()};
  for (; p.first < n; p.first += p.n) {
    p.n = n - p.first < session->group ? n - p.first : session->group;
    begin_pass(&p);
    // As bytes: x may lie anywhere.
    weir_i_score_watched(session, (const float *)((const char *)x + p.first * sample), p.n, log_likelihood + p.first, &p.watch);
  }
  return WEIR_OK;
}

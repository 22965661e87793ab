// Looking inside: one sample, step by step.
#include <string.h>

#include "model/session.h"

weir_status weir_trace(weir_session *session, const float *x, weir_trace_fn *callback, void *user) {
  if (session == NULL || x == NULL || callback == NULL) return WEIR_ERROR_ARGUMENT;
  const weir_flow *flow = &session->model->flow;
  weir_worker *worker = &session->workers[0];
  weir_flow_run run = weir_i_session_run(session, worker, session->options.threads, 1, 0);
  memcpy(worker->x, x, flow->dims * sizeof *x);
  for (size_t i = 0; i < flow->step_count; i++) {
    const weir_step *step = &flow->steps[i];
    const bool coupling = weir_i_step_net(step) != NULL;
    const double before = worker->logdet[0];
    if (coupling) {
      run.trace_s = session->trace;
      run.trace_t = session->trace + flow->dims;
      memset(session->trace, 0, 2 * flow->dims * sizeof *session->trace);
    }
    step->type->forward(step, &run);
    const weir_trace_event event = {
        .struct_size = sizeof event,
        .step = i,
        .op = step->type->op,
        .shape = {step->out.c, step->out.h, step->out.w},
        .x = worker->x,
        .s = coupling ? run.trace_s : NULL,
        .t = coupling ? run.trace_t : NULL,
        .logdet = worker->logdet[0] - before,
    };
    callback(user, &event);
    run.trace_s = run.trace_t = NULL;
  }
  session->index += 1;
  return WEIR_OK;
}

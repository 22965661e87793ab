#include "model/session.h"

#include <string.h>

// Samples that read a flow's weights once for all of them. Rows of a table: at most so many that a layer's input stays in the second-level
// cache. Images: enough for their smallest maps to make a matrix product worth its weights. Threads had better work side by side on groups of
// their own than wait for each other at every layer, unless that leaves each with less than a share.
enum { TABLE_GROUP = 128, TABLE_SHARE = 32, IMAGE_GROUP = 8, IMAGE_SHARE = 2 };
enum { MOST_BATCH = 1 << 20, MOST_THREADS = 1024 };

weir_session_options weir_session_options_default(void) {
  return (weir_session_options){
      .struct_size = sizeof(weir_session_options), .batch = 32, .threads = 1, .noise = WEIR_NOISE_MIDPOINT, .draws = 1};
}

static bool valid(const weir_model *model, const weir_session_options *options) {
  return model != NULL && options != NULL && options->struct_size >= sizeof *options && options->batch >= 1 &&
         options->batch <= MOST_BATCH && options->threads >= 1 && options->threads <= MOST_THREADS &&
         options->noise >= WEIR_NOISE_MIDPOINT && options->noise <= WEIR_NOISE_AVERAGE && options->draws >= 1 &&
         options->draws <= MOST_BATCH && options->precision >= WEIR_PRECISION_F32 && options->precision <= WEIR_PRECISION_BF16 &&
         (options->executor == NULL ||
          (options->executor->struct_size >= sizeof *options->executor && options->executor->run != NULL));
}

// Scratch for one group on `threads` threads.
static size_t scratch_bytes(const weir_model *model, size_t group, size_t threads, bool bf16) {
  weir_arena measure = weir_i_arena_measure();
  const weir_flow_run run = {
      .layers = {.kernels = model->kernels, .team = {threads, NULL}, .scratch = &measure, .n = group, .bf16 = bf16},
      .parameters = &model->flow.parameters,
      .dims = model->flow.dims,
  };
  weir_i_flow_reserve(&model->flow, &run);
  return measure.peak;
}

// Over a null arena this counts; over the caller's memory it makes the session. Returns NULL when counting or when memory is short.
static weir_session *plan(const weir_model *model, const weir_session_options *options, weir_arena *arena) {
  const bool table = model->flow.input.h == 1 && model->flow.input.w == 1;
  const bool bf16 = options->precision == WEIR_PRECISION_BF16;
  const size_t most = table ? TABLE_GROUP : IMAGE_GROUP, group = options->batch < most ? options->batch : most;
  const size_t alone = scratch_bytes(model, group, 1, bf16), together = scratch_bytes(model, group, options->threads, bf16);
  weir_session *session = weir_i_arena_take(arena, 1, sizeof *session);
  weir_worker *workers = weir_i_arena_take(arena, options->threads, sizeof *workers);
  float *trace = weir_i_arena_take(arena, 2 * model->flow.dims, sizeof *trace);
  uint16_t *packed_bf16 = bf16 ? weir_i_arena_take(arena, model->flow.packed_bf16, sizeof *packed_bf16) : NULL;
  for (size_t t = 0; t < options->threads; t++) {
    const size_t bytes = t == 0 && together > alone ? together : alone;
    weir_worker worker = {
        .x = weir_i_arena_take(arena, group * model->flow.dims, sizeof(float)),
        .z = weir_i_arena_take(arena, group * model->flow.dims, sizeof(float)),
        .logdet = weir_i_arena_take(arena, group, sizeof(double)),
        .best = weir_i_arena_take(arena, group * model->flow.prior.components, sizeof(double)),
        .rest = weir_i_arena_take(arena, group * model->flow.prior.components, sizeof(double)),
    };
    worker.scratch = weir_i_arena_over(weir_i_arena_take(arena, bytes, 1), bytes);
    if (workers != NULL && !arena->overflow) workers[t] = worker;
  }
  if (session == NULL || arena->overflow) return NULL;
  *session = (weir_session){.model = model,
                            .options = *options,
                            .group = group,
                            .share = table ? TABLE_SHARE : IMAGE_SHARE,
                            .packed_bf16 = packed_bf16,
                            .workers = workers,
                            .trace = trace};
  if (bf16) weir_i_flow_pack_bf16(&model->flow, model->packed, packed_bf16);
  if (options->executor != NULL) {
    session->executor = *options->executor;
    session->options.executor = &session->executor;
  }
  return session;
}

weir_status weir_session_size(const weir_model *model, const weir_session_options *options, size_t *bytes) {
  if (!valid(model, options) || bytes == NULL) return WEIR_ERROR_ARGUMENT;
  weir_arena measure = weir_i_arena_measure();
  plan(model, options, &measure);
  if (measure.overflow) return WEIR_ERROR_MEMORY;
  *bytes = measure.used + WEIR_I_ALIGNMENT;
  return WEIR_OK;
}

weir_status weir_session_init(const weir_model *model, const weir_session_options *options, void *memory, size_t bytes,
                              weir_session **session) {
  if (session == NULL) return WEIR_ERROR_ARGUMENT;
  *session = NULL;
  if (memory == NULL) return WEIR_ERROR_ARGUMENT;
  size_t needed;
  const weir_status status = weir_session_size(model, options, &needed);
  if (status != WEIR_OK) return status;
  if (bytes < needed) return WEIR_ERROR_MEMORY;
  weir_arena arena = weir_i_arena_over(memory, bytes);
  *session = plan(model, options, &arena);
  return *session == NULL ? WEIR_ERROR_MEMORY : WEIR_OK;
}

weir_status weir_session_seek(weir_session *session, uint64_t index) {
  if (session == NULL) return WEIR_ERROR_ARGUMENT;
  session->index = index;
  return WEIR_OK;
}

weir_flow_run weir_i_session_run(weir_session *session, weir_worker *worker, size_t threads, size_t n, size_t first) {
  const weir_model *model = session->model;
  memset(worker->logdet, 0, n * sizeof *worker->logdet);
  return (weir_flow_run){
      .layers = {.kernels = model->kernels,
                 .team = {threads, session->options.executor},
                 .scratch = &worker->scratch,
                 .n = n,
                 .packed = model->packed,
                 .bf16 = session->options.precision == WEIR_PRECISION_BF16,
                 .packed_bf16 = session->packed_bf16},
      .parameters = &model->flow.parameters,
      .dims = model->flow.dims,
      .x = worker->x,
      .z = worker->z,
      .logdet = worker->logdet,
      .noise = {.kind = session->options.noise == WEIR_NOISE_MIDPOINT ? WEIR_NOISE_MIDPOINT : WEIR_NOISE_SEED,
                .stream = WEIR_I_STREAM_NOISE,
                .seed = session->options.seed,
                .first_index = session->index + first},
  };
}

typedef struct groups_job {
  weir_session *session;
  weir_group_fn *groups;
  void *arg;
  size_t n, group;
} groups_job;

static void run_groups(void *arg, size_t begin, size_t end, size_t thread) {
  const groups_job *job = arg;
  for (size_t g = begin; g < end; g++) {
    const size_t first = g * job->group, left = job->n - first;
    job->groups(job->arg, &job->session->workers[thread], 1, first, left < job->group ? left : job->group);
  }
}

// As few groups as hold n samples, or some more for threads to have the same number of them.
static size_t group_of(const weir_session *session, size_t n) {
  const size_t threads = session->options.threads, fewest = (n + session->group - 1) / session->group;
  const size_t even = (fewest + threads - 1) / threads * threads;
  const size_t groups = n / even >= session->share ? even : fewest;
  return (n + groups - 1) / groups;
}

void weir_i_session_groups(weir_session *session, size_t n, weir_group_fn *groups, void *arg) {
  groups_job job = {session, groups, arg, n, group_of(session, n)};
  if (n <= job.group) {
    groups(arg, &session->workers[0], session->options.threads, 0, n);
    return;
  }
  const weir_team team = {session->options.threads, session->options.executor};
  weir_i_parallel_for(&team, (n + job.group - 1) / job.group, run_groups, &job);
}

// OpenMP without -fopenmp: SwiftPM packages may not pass the flag, so this calls the entry points that compilers emit for
// `#pragma omp parallel`, which libomp and libgomp both export.
#include "base/parallel.h"

typedef struct range_job {
  weir_range_fn *range;
  void *arg;
  size_t count;
  size_t threads;
} range_job;

static void run_part(void *arg, size_t part) {
  const range_job *job = arg;
  const size_t begin = job->count * part / job->threads;
  const size_t end = job->count * (part + 1) / job->threads;
  if (begin < end) job->range(job->arg, begin, end, part);
}

#if defined(WEIR_OPENMP) && WEIR_OPENMP
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);

// The runtime may grant fewer threads than asked for, so each takes every k-th part.
static void run_openmp_thread(void *arg) {
  const range_job *job = arg;
  const size_t granted = (size_t)omp_get_num_threads();
  for (size_t part = (size_t)omp_get_thread_num(); part < job->threads; part += granted) run_part(arg, part);
}

static void run_builtin(range_job *job) { GOMP_parallel(run_openmp_thread, job, (unsigned)job->threads, 0); }
#else
static void run_builtin(range_job *job) {
  for (size_t part = 0; part < job->threads; part++) run_part(job, part);
}
#endif

void weir_i_parallel_for(const weir_team *team, size_t count, weir_range_fn *range, void *arg) {
  if (count == 0) return;
  range_job job = {range, arg, count, team->threads < count ? team->threads : count};
  if (job.threads <= 1) {
    range(arg, 0, count, 0);
  } else if (team->executor != NULL) {
    team->executor->run(team->executor->user, run_part, &job, job.threads);
  } else {
    run_builtin(&job);
  }
}

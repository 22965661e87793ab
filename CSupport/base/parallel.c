// OpenMP without -fopenmp: SwiftPM packages may not pass the flag, so this calls the entry points that compilers emit for
// `#pragma omp parallel`, which libomp and libgomp both export.
#include "base/parallel.h"

typedef struct range_job {
  weir_range_fn *range;
  void *arg;
  size_t count;
  size_t parts;          // even ranges that the items are cut into
  _Atomic size_t taken;  // of those, begun (built-in threads only)
} range_job;

static void run_range(range_job *job, size_t part, size_t thread) {
  const size_t begin = job->count * part / job->parts;
  const size_t end = job->count * (part + 1) / job->parts;
  if (begin < end) job->range(job->arg, begin, end, thread);
}

// A host's executor says nothing about who runs what, so there is one part a thread, and the part is the thread.
static void run_part(void *arg, size_t part) { run_range(arg, part, part); }

#if defined(WEIR_OPENMP) && WEIR_OPENMP
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);

// Threads take parts as they become free, so that one held up by other work on the machine does not hold up the rest.
static void run_openmp_thread(void *arg) {
  range_job *job = arg;
  for (size_t part = job->taken++; part < job->parts; part = job->taken++) run_range(job, part, (size_t)omp_get_thread_num());
}

enum { PARTS_A_THREAD = 4 };

static void run_builtin(range_job *job) {
  const unsigned threads = (unsigned)job->parts;
  if (job->parts * PARTS_A_THREAD <= job->count) {
    job->parts *= PARTS_A_THREAD;
  } else {
    job->parts = job->count;
  }
  GOMP_parallel(run_openmp_thread, job, threads, 0);
}
#else
static void run_builtin(range_job *job) {
  for (size_t part = 0; part < job->parts; part++) run_part(job, part);
}
#endif

void weir_i_parallel_for(const weir_team *team, size_t count, weir_range_fn *range, void *arg) {
  if (count == 0) return;
  range_job job = {range, arg, count, team->threads < count ? team->threads : count, 0};
  if (job.parts <= 1) {
    range(arg, 0, count, 0);
  } else if (team->executor != NULL) {
    team->executor->run(team->executor->user, run_part, &job, job.parts);
  } else {
    run_builtin(&job);
  }
}

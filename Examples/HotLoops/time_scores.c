// How long weir_score takes with a model: for `compare.py`, which runs this program in turn with other runtimes.
//
//   cc -O2 -ICSupport/include -o time_scores Examples/HotLoops/time_scores.c build/libweir.a -lm -l:libomp.so.5 -lopenblas
//   ./time_scores MODEL SAMPLES BATCH THREADS SECONDS
//
// SAMPLES holds BATCH samples or more, f32 in this machine's byte order, as weir_score takes them. Calls go on for SECONDS after one
// that is not counted. Prints the median seconds of a call, then the BATCH log-likelihoods (midpoint noise), one a line.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir.h>

enum { CALLS_MOST = 1 << 20 };

static double seconds(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void check(weir_status status, const weir_error *error) {
  if (status == WEIR_OK) return;
  fprintf(stderr, "%s: %s\n", error != NULL ? error->where : "weir", error != NULL ? error->message : weir_status_text(status));
  exit(1);
}

static void *memory_of(size_t bytes) {
  void *memory = malloc(bytes);
  if (memory == NULL) check(WEIR_ERROR_MEMORY, NULL);
  return memory;
}

static float *read_samples(const char *path, size_t count) {
  float *samples = memory_of(count * sizeof *samples);
  FILE *file = fopen(path, "rb");
  if (file == NULL || fread(samples, sizeof *samples, count, file) != count) {
    fprintf(stderr, "%s: can't read %zu numbers\n", path, count);
    exit(1);
  }
  fclose(file);
  return samples;
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: %s MODEL SAMPLES BATCH THREADS SECONDS\n", argv[0]);
    return 2;
  }
  weir_error error;
  weir_model *model;
  weir_model_info info;
  check(weir_model_open(argv[1], NULL, &model, &error), &error);
  check(weir_model_get_info(model, &info), NULL);

  weir_session_options options = weir_session_options_default();
  options.batch = strtoul(argv[3], NULL, 10);
  options.threads = strtoul(argv[4], NULL, 10);
  size_t bytes;
  weir_session *session;
  check(weir_session_size(model, &options, &bytes), NULL);
  void *memory = memory_of(bytes);
  check(weir_session_init(model, &options, memory, bytes, &session), NULL);

  float *samples = read_samples(argv[2], options.batch * info.dims);
  double *scores = memory_of(options.batch * sizeof *scores), *took = memory_of(CALLS_MOST * sizeof *took);
  check(weir_score(session, samples, options.batch, scores), NULL);
  const double end = seconds() + strtod(argv[5], NULL);
  int calls = 0;
  do {
    const double start = seconds();
    check(weir_score(session, samples, options.batch, scores), NULL);
    took[calls++] = seconds() - start;
  } while (seconds() < end && calls < CALLS_MOST);
  qsort(took, (size_t)calls, sizeof *took, ascending);
  printf("%.9g\n", took[calls / 2]);
  for (size_t i = 0; i < options.batch; i++) printf("%.17g\n", scores[i]);

  weir_model_close(model);
  free(memory), free(samples), free(scores), free(took);
  return 0;
}

// The peaks of this machine on a number of threads. Others may use it meanwhile, so each is the best of many short runs.
#include "kernels/peak/machine_peak.h"

#include "base/arena.h"
#include "base/clock.h"

// Long beside the start of a team of threads, short beside the turns that an operating system gives.
enum { FMA_COUNT = 64000, BF16_COUNT = FMA_COUNT, MOST_THREADS = 1024 };

weir_peak_options weir_peak_options_default(void) {
  return (weir_peak_options){
      .struct_size = sizeof(weir_peak_options), .threads = 1, .seconds = 0.05, .read_bytes = (size_t)256 << 20};
}

// Items are threads' shares.
typedef struct job {
  const weir_kernels *kernels;
  const float *numbers;
  size_t each;  // numbers a share
  bool bf16;
} job;

static void multiply(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const job *j = arg;
  float y[WEIR_PEAK_LANES] = {0};
  for (size_t i = begin; i < end; i++) {
    if (j->bf16) {
      weir_i_peak_bf16(BF16_COUNT);
    } else {
      j->kernels->peak_fma(0.5f, y, FMA_COUNT);
    }
  }
}

static void read_share(void *arg, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const job *j = arg;
  for (size_t i = begin; i < end; i++) {
    const volatile float kept = j->kernels->peak_read(j->numbers + i * j->each, j->each);
    (void)kept;
  }
}

static double seconds_of(const weir_team *team, weir_range_fn *share, job *j) {
  const uint64_t start = weir_i_clock();
  weir_i_parallel_for(team, team->threads, share, j);
  const uint64_t took = weir_i_clock() - start;
  return 1e-9 * (double)(took > 0 ? took : 1);
}

/// The most of `work` a second in runs for so long, two at least.
static double best_rate(const weir_team *team, weir_range_fn *share, job *j, double work, double seconds) {
  double best = 0, all = 0;
  for (int run = 0; run < 2 || all < seconds; run++) {
    const double took = seconds_of(team, share, j);
    all += took;
    if (work / took > best) best = work / took;
  }
  return best;
}

double weir_i_peak_fma_rate(const weir_kernels *kernels, const weir_team *team) {
  job j = {.kernels = kernels};
  return 2.0 * WEIR_PEAK_LANES * FMA_COUNT * (double)team->threads / seconds_of(team, multiply, &j);
}

static bool valid(const weir_peak_options *options) {
  return options != NULL && options->struct_size >= sizeof *options && options->threads >= 1 && options->threads <= MOST_THREADS &&
         options->seconds >= 0 && options->seconds <= 3600 &&
         (options->executor == NULL ||
          (options->executor->struct_size >= sizeof *options->executor && options->executor->run != NULL));
}

weir_status weir_machine_peak(const weir_peak_options *options, const weir_allocator *host, weir_peak *peak) {
  weir_allocator allocator;
  if (!valid(options) || peak == NULL || weir_i_allocator(host, &allocator) != WEIR_OK) return WEIR_ERROR_ARGUMENT;
  const char *refused;
  const weir_isa isa = weir_i_isa_choose(&refused);
  if (refused != NULL) return WEIR_ERROR_UNSUPPORTED;
  const weir_team team = {options->threads, options->executor};
  const size_t threads = options->threads;
  job j = {.kernels = weir_i_kernels(isa), .each = options->read_bytes / sizeof(float) / threads};
  const size_t read = j.each * threads * sizeof(float);
  float *numbers = NULL;
  if (read > 0) {
    numbers = weir_i_allocate(&allocator, read);
    if (numbers == NULL) return WEIR_ERROR_MEMORY;
    j.numbers = numbers;
  }
  *peak = (weir_peak){.struct_size = sizeof *peak, .isa = j.kernels->isa, .threads = threads, .read_bytes = read};
  const double flops = 2.0 * WEIR_PEAK_LANES * FMA_COUNT * (double)threads;
  peak->fma = best_rate(&team, multiply, &j, flops, options->seconds);
  if (isa == WEIR_ISA_AVX512BF16 && weir_i_peak_bf16(0)) {
    j.bf16 = true;
    peak->bf16 = best_rate(&team, multiply, &j, (double)WEIR_PEAK_BF16_FLOPS * BF16_COUNT * (double)threads, options->seconds);
  }
  if (read > 0) peak->read = best_rate(&team, read_share, &j, (double)read, options->seconds);
  weir_i_release(&allocator, numbers, read);
  return WEIR_OK;
}

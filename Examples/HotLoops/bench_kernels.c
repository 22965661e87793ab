// Speed of the convolution and matrix product kernels beside this core's multiply-add peak, measured the same way.
//
//   cc -O2 -ICSupport -ICSupport/include -o bench_kernels Examples/HotLoops/bench_kernels.c build/libweir.a -lm
//   ./bench_kernels [isa [part of a case's name]]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/kernels.h"
#include "kernels/peak/machine_peak.h"

enum { FORWARD, WEIGHTS, CONV = 0, GEMM = 2 };

/// A convolution ic -> oc of h x w, or a product a -> b of h rows (map: as pixels of a blocked map).
typedef struct bench {
  const char *name;
  int kind;
  size_t a, b, h, w, map;
} bench;

static const bench benches[] = {
    {"conv 32-32 28x28", CONV, 32, 32, 28, 28, 0},
    {"conv 64-64 14x14", CONV, 64, 64, 14, 14, 0},
    {"conv 64-64 28x28", CONV, 64, 64, 28, 28, 0},
    {"conv 64-64 32x32", CONV, 64, 64, 32, 32, 0},
    {"conv 64-64 16x16", CONV, 64, 64, 16, 16, 0},
    {"conv 128-128 8x8", CONV, 128, 128, 8, 8, 0},
    {"conv 128-128 7x7", CONV, 128, 128, 7, 7, 0},
    {"conv 2-32 28x28", CONV, 2, 32, 28, 28, 0},
    {"conv 64-2 28x28", CONV, 64, 2, 28, 28, 0},
    {"dw conv 32-32 28x28", CONV | WEIGHTS, 32, 32, 28, 28, 0},
    {"dw conv 64-64 14x14", CONV | WEIGHTS, 64, 64, 14, 14, 0},
    {"dw conv 64-64 32x32", CONV | WEIGHTS, 64, 64, 32, 32, 0},
    {"dw conv 128-128 7x7", CONV | WEIGHTS, 128, 128, 7, 7, 0},
    {"dw conv 2-32 28x28", CONV | WEIGHTS, 2, 32, 28, 28, 0},
    {"gemm 64-64 784 pixels", GEMM, 64, 64, 784, 0, 1},
    {"gemm 128-128 196 pixels", GEMM, 128, 128, 196, 0, 1},
    {"gemm 128-2 784 pixels", GEMM, 128, 2, 784, 0, 1},
    {"gemm 128-128 49 pixels", GEMM, 128, 128, 49, 0, 1},
    {"gemm 512-512 64 rows", GEMM, 512, 512, 64, 0, 0},
    {"gemm 512-512 16 rows", GEMM, 512, 512, 16, 0, 0},
    {"gemm 1024-1024 64 rows", GEMM, 1024, 1024, 64, 0, 0},
    {"gemm 512-512 4 rows", GEMM, 512, 512, 4, 0, 0},
    {"gemm 512-512 1 row", GEMM, 512, 512, 1, 0, 0},
    {"gemm 256-256 1 row", GEMM, 256, 256, 1, 0, 0},
    {"gemm 1024-1024 1 row", GEMM, 1024, 1024, 1, 0, 0},
    {"dw gemm 64-64 784 pixels", GEMM | WEIGHTS, 64, 64, 784, 0, 1},
    {"dw gemm 512-512 64 rows", GEMM | WEIGHTS, 512, 512, 64, 0, 0},
};

static double seconds(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static float *floats(size_t count) {
  float *values = aligned_alloc(64, (count * sizeof *values + 63) / 64 * 64);
  if (values == NULL) exit(1);
  for (size_t i = 0; i < count; i++) values[i] = (float)(i * 7 % 31) / 31.0f - 0.5f;
  return values;
}

static double flop(const bench *b) {
  return 2.0 * (double)b->a * (double)b->b * (double)b->h * (b->kind & GEMM ? 1 : 9.0 * (double)b->w);
}

static void once(const weir_kernels *k, const bench *b, float *x, float *weight, float *y) {
  const size_t tiles = weir_i_blocks(b->a) * weir_i_blocks(b->b);
  if (b->kind & GEMM) {
    const size_t x_row = b->map ? 16 : weir_i_block_round(b->a), x_block = b->map ? b->h * 16 : 16;
    const size_t y_row = b->map ? 16 : weir_i_block_round(b->b), y_block = x_block;
    if (b->kind & WEIGHTS)
      k->gemm_weights(&(weir_gemm_weights){x, y, weight, x_row, x_block, y_row, y_block, b->a, b->b, b->h}, 0, tiles);
    else
      k->gemm_forward(&(weir_gemm){x, weight, NULL, NULL, y, x_row, x_block, y_row, y_block, b->a, b->b}, 0, b->h, 0,
                      weir_i_blocks(b->b));
  } else if (b->kind & WEIGHTS) {
    k->conv3x3_weights(&(weir_conv3x3_weights){x, y, weight, b->a, b->b, b->h, b->w}, 0, tiles);
  } else {
    k->conv3x3_forward(&(weir_conv3x3){x, weight, NULL, NULL, y, b->a, b->b, b->h, b->w}, 0, b->h);
  }
}

/// Prints the best rate of many short runs, and its share of the best peak of the runs between them: others may share the core.
static void measure(const weir_kernels *k, const bench *b) {
  const size_t pixels = b->kind & GEMM ? b->h : (b->h + 2) * (b->w + 2);
  float *x = floats(weir_i_block_round(b->a) * pixels), *y = floats(weir_i_block_round(b->b) * pixels);
  float *weight = floats(weir_i_block_round(b->b) * b->a * 9);
  const int repeat = 1 + (int)(3e7 / flop(b));
  const weir_team alone = {1, NULL};
  double best = 1, best_peak = 0;
  for (int run = 0; run < 150; run++) {
    const double peak = weir_i_peak_fma_rate(k, &alone), start = seconds();
    for (int i = 0; i < repeat; i++) once(k, b, x, weight, y);
    const double took = (seconds() - start) / repeat / flop(b);
    if (took < best) best = took;
    if (peak > best_peak) best_peak = peak;
  }
  printf("%-26s %7.1f GFLOP/s %5.1f %%\n", b->name, 1e-9 / best, 100 / best / best_peak);
  free(x), free(y), free(weight);
}

int main(int argc, char **argv) {
  const char *refused;
  weir_isa isa = weir_i_isa_choose(&refused);
  for (int i = 0; argc > 1 && i < WEIR_ISA_COUNT; i++)
    if (strcmp(argv[1], weir_i_isa_name((weir_isa)i)) == 0 && weir_i_cpu_has((weir_isa)i)) isa = (weir_isa)i;
  const weir_kernels *k = weir_i_kernels(isa);
  printf("%-26s best rate     share of the multiply-add peak\n", k->isa);
  for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++)
    if (argc <= 2 || strstr(benches[i].name, argv[2]) != NULL) measure(k, &benches[i]);
  return 0;
}

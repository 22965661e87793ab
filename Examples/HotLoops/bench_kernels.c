// Speed of the convolution and matrix product kernels beside this core's multiply-add peak, measured the same way. Winograd's convolutions
// are counted as the direct ones that they replace, and so can pass the peak.
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

/// A convolution c -> c of `samples` maps of side x side by Winograd, on one thread, as layers/winograd_conv.c does it.
typedef struct winograd_bench {
  const char *name;
  size_t c, side, samples;
} winograd_bench;

static const winograd_bench winograd_benches[] = {
    {"winograd 32-32 28x28", 32, 28, 1},       {"winograd 64-64 28x28", 64, 28, 1},       {"winograd 64-64 28x28 x2", 64, 28, 2},
    {"winograd 128-128 14x14", 128, 14, 1},    {"winograd 128-128 14x14 x8", 128, 14, 8}, {"winograd 200-200 14x14", 200, 14, 1},
    {"winograd 200-200 14x14 x8", 200, 14, 8}, {"winograd 200-200 7x7", 200, 7, 1},       {"winograd 200-200 7x7 x8", 200, 7, 8},
};

enum { STAGE_INPUT, STAGE_WEIGHTS, STAGE_PRODUCTS, STAGE_OUTPUT, STAGES };

typedef struct winograd_run {
  weir_winograd_grid grid;
  size_t c, v_plane, u_plane, m_plane;
  float *x, *weight, *y, *strip, *v, *u, *m;
} winograd_run;

/// Adds the seconds of each stage.
static void winograd_once(const weir_kernels *k, const winograd_run *r, double *took) {
  const size_t tiles = weir_i_winograd_tiles(&r->grid), blocks = weir_i_blocks(r->c), step = k->product_blocks;
  const size_t map = r->grid.h * r->grid.w * WEIR_BLOCK;
  double start = seconds(), now;
  for (size_t i = 0; i < r->grid.samples; i++) {
    const weir_winograd_input input = {.x = r->x + i * blocks * map,
                                       .relu = true,
                                       .c = r->c,
                                       .grid = r->grid,
                                       .sample = i,
                                       .strip = r->strip,
                                       .v = r->v,
                                       .v_plane = r->v_plane};
    k->winograd_input(&input, 0, blocks);
  }
  now = seconds(), took[STAGE_INPUT] += now - start, start = now;
  for (size_t b = 0; b < blocks; b += step) {
    const size_t many = blocks - b < step ? blocks - b : step;
    for (size_t n = 0; n < many; n++)
      k->winograd_weights(r->weight + (b + n) * r->c * 9 * WEIR_BLOCK, r->c, r->u + n * r->c * WEIR_BLOCK, r->u_plane);
    now = seconds(), took[STAGE_WEIGHTS] += now - start, start = now;
    for (size_t p = 0; p < WEIR_WINOGRAD_PLANES; p++) {
      const weir_winograd_range range = weir_i_winograd_range(&r->grid, p / WEIR_WINOGRAD_POINTS, p % WEIR_WINOGRAD_POINTS);
      const weir_gemm gemm = {.x = r->v + p * r->v_plane,
                              .weight = r->u + p * r->u_plane,
                              .y = r->m + p * r->m_plane,
                              .x_row = WEIR_BLOCK,
                              .x_block = tiles * WEIR_BLOCK,
                              .y_row = WEIR_BLOCK,
                              .y_block = tiles * WEIR_BLOCK,
                              .inputs = r->c,
                              .outputs = many * WEIR_BLOCK};
      k->gemm_forward(&gemm, range.begin, range.end, 0, many);
    }
    now = seconds(), took[STAGE_PRODUCTS] += now - start, start = now;
    for (size_t i = 0; i < r->grid.samples * many; i++) {
      const weir_winograd_output output = {.m = r->m + i % many * tiles * WEIR_BLOCK,
                                           .m_plane = r->m_plane,
                                           .grid = r->grid,
                                           .sample = i / many,
                                           .y = r->y + (i / many * blocks + b + i % many) * map};
      k->winograd_output(&output);
    }
    now = seconds(), took[STAGE_OUTPUT] += now - start, start = now;
  }
}

/// Prints the rate of direct convolution's work in the best of many runs, and that run's shares.
static void measure_winograd(const weir_kernels *k, const winograd_bench *b) {
  winograd_run r = {.grid = {b->side, b->side, weir_i_region_whole(b->side, b->side), b->samples}, .c = b->c};
  const size_t tiles = weir_i_winograd_tiles(&r.grid), round = weir_i_block_round(b->c), lanes = k->product_blocks * WEIR_BLOCK;
  r.v_plane = weir_i_winograd_plane(tiles * round);
  r.u_plane = weir_i_winograd_plane(lanes * b->c);
  r.m_plane = weir_i_winograd_plane(lanes * tiles);
  r.x = floats(b->samples * round * b->side * b->side), r.y = floats(b->samples * round * b->side * b->side);
  r.weight = floats(round * b->c * 9), r.strip = floats(weir_i_winograd_strip(&r.grid));
  r.v = floats(WEIR_WINOGRAD_PLANES * r.v_plane), r.u = floats(WEIR_WINOGRAD_PLANES * r.u_plane);
  r.m = floats(WEIR_WINOGRAD_PLANES * r.m_plane);
  const double work = 18.0 * (double)(b->c * b->c * b->side * b->side * b->samples);
  const weir_team alone = {1, NULL};
  double best = 1, best_peak = 0, shares[STAGES] = {0};
  for (int run = 0; run < 150; run++) {
    double took[STAGES] = {0}, all = 0;
    const double peak = weir_i_peak_fma_rate(k, &alone);
    winograd_once(k, &r, took);
    for (int i = 0; i < STAGES; i++) all += took[i];
    if (peak > best_peak) best_peak = peak;
    if (all >= best) continue;
    best = all;
    memcpy(shares, took, sizeof took);
  }
  printf("%-26s %7.1f GFLOP/s %5.1f %%   input %.0f %%, weights %.0f %%, products %.0f %%, output %.0f %%\n", b->name,
         1e-9 * work / best, 100 * work / best / best_peak, 100 * shares[STAGE_INPUT] / best, 100 * shares[STAGE_WEIGHTS] / best,
         100 * shares[STAGE_PRODUCTS] / best, 100 * shares[STAGE_OUTPUT] / best);
  free(r.x), free(r.y), free(r.weight), free(r.strip), free(r.v), free(r.u), free(r.m);
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
  for (size_t i = 0; i < sizeof winograd_benches / sizeof winograd_benches[0]; i++)
    if (argc <= 2 || strstr(winograd_benches[i].name, argv[2]) != NULL) measure_winograd(k, &winograd_benches[i]);
  return 0;
}

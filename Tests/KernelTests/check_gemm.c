// gemm_forward and gemm_weights against the formula in double, as a table (a row is a sample) and as a blocked map (a row is a pixel).
#include <math.h>
#include <string.h>

#include "check.h"

typedef struct shape {
  size_t inputs, outputs, rows;
} shape;

static const size_t channels[] = {1, 2, 3, 15, 16, 17, 33};
static const shape fixed[] = {{64, 64, 196}, {128, 2, 49},  {256, 256, 1}, {300, 130, 1}, {130, 70, 2},
                              {96, 33, 64},  {32, 128, 29}, {300, 130, 2}, {256, 33, 13}, {530, 40, 31}};

typedef struct layout {
  size_t row, block, count;
} layout;

/// A map has pixels past its rows that no kernel may touch; a table has padding of its own.
static layout lay(size_t features, size_t rows, bool map) {
  const size_t padded = weir_i_block_round(features);
  if (map) return (layout){WEIR_BLOCK, rows * WEIR_BLOCK, rows * padded};
  return (layout){padded, WEIR_BLOCK, rows * padded};
}

static size_t place(layout l, size_t row, size_t feature) {
  return row * l.row + feature / WEIR_BLOCK * l.block + feature % WEIR_BLOCK;
}

/// Uniform values, zero in the lanes past the last feature.
static void fill(float *values, layout l, size_t features, size_t rows) {
  check_fill(values, l.count, -1, 1);
  for (size_t r = 0; r < rows; r++)
    for (size_t f = features; f < weir_i_block_round(features); f++) values[place(l, r, f)] = 0;
}

/// `variant` bit 0: bias, bit 1: residual, bit 2: the residual is y, bit 3: maps, else tables.
static void forward_case(const weir_kernels *candidate, bool fused, shape s, unsigned variant, size_t offset) {
  check_case("%zu to %zu, %zu rows, variant %u, offset %zu", s.inputs, s.outputs, s.rows, variant, offset);
  const layout in = lay(s.inputs, s.rows, variant & 8), out = lay(s.outputs, s.rows, variant & 8);
  const size_t blocks = weir_i_blocks(s.outputs);
  float *x = check_floats(in.count, offset), *weight = check_floats(blocks * s.inputs * WEIR_BLOCK, offset + 1);
  float *bias = check_floats(blocks * WEIR_BLOCK, offset + 2), *residual = check_floats(out.count, offset + 3);
  float *y = check_floats(out.count, offset + 5), *split = check_floats(out.count, offset);
  fill(x, in, s.inputs, s.rows);
  check_fill_blocked(weight, s.outputs, s.inputs, -1, 1);
  check_fill_blocked(bias, s.outputs, 1, -1, 1);
  fill(residual, out, s.outputs, s.rows);
  check_freeze(x), check_freeze(weight), check_freeze(bias), check_freeze(residual);
  const float *added = variant & 6 ? residual : NULL;
  weir_gemm gemm = {x, weight, variant & 1 ? bias : NULL, added, y, in.row, in.block, out.row, out.block, s.inputs, s.outputs};
  if (variant & 4) {
    memcpy(y, residual, out.count * sizeof(float));
    gemm.residual = y;
  }
  candidate->gemm_forward(&gemm, 0, s.rows, 0, blocks);

  double *want = check_doubles(out.count, 0), *bound = check_doubles(out.count, 0);
  float *exact = check_floats(out.count, 0);
  for (size_t r = 0; r < s.rows; r++)
    for (size_t o = 0; o < blocks * WEIR_BLOCK; o++) {
      const size_t at = place(out, r, o);
      double sum = 0, size = 0;
      float chain = 0;
      for (size_t k = 0; k < s.inputs; k++) {
        const float w = weight[(o / WEIR_BLOCK * s.inputs + k) * WEIR_BLOCK + o % WEIR_BLOCK], value = x[place(in, r, k)];
        sum += (double)w * (double)value;
        size += fabs((double)w * (double)value);
        chain = fmaf(w, value, chain);
      }
      const float b = variant & 1 ? bias[o] : 0.0f, rest = added != NULL ? added[at] : 0.0f;
      if (variant & 1) chain += b;
      if (added != NULL) chain += rest;
      want[at] = sum + (double)b + (double)rest;
      bound[at] = check_sum_bound(s.inputs + 2, size + fabs((double)b) + fabs((double)rest));
      exact[at] = chain;
    }
  check_close("y", y, want, bound, out.count);
  if (fused) check_bits("y in the contract's order", y, exact, out.count);

  gemm.y = split;
  if (variant & 4) {
    memcpy(split, residual, out.count * sizeof(float));
    gemm.residual = split;
  }
  for (size_t b = 0; b < blocks; b++)
    for (size_t r = 0, step = 1; r < s.rows; r += step, step = step % 5 + 1)
      candidate->gemm_forward(&gemm, r, r + step < s.rows ? r + step : s.rows, b, b + 1);
  candidate->gemm_forward(&gemm, 0, 0, 0, blocks);
  candidate->gemm_forward(&gemm, 0, s.rows, blocks, blocks);
  check_bits("y by ranges of rows and blocks", split, y, out.count);
  check_release();
}

static void weights_case(const weir_kernels *candidate, shape s, bool map, size_t offset) {
  check_case("gradient, %zu to %zu, %zu rows, %s, offset %zu", s.inputs, s.outputs, s.rows, map ? "map" : "table", offset);
  const layout in = lay(s.inputs, s.rows, map), out = lay(s.outputs, s.rows, map);
  const size_t blocks = weir_i_blocks(s.outputs), count = blocks * s.inputs * WEIR_BLOCK, tiles = weir_i_blocks(s.inputs) * blocks;
  float *x = check_floats(in.count, offset), *dy = check_floats(out.count, offset + 1);
  float *start = check_floats(count, 0), *dweight = check_floats(count, offset + 2), *split = check_floats(count, offset);
  fill(x, in, s.inputs, s.rows);
  fill(dy, out, s.outputs, s.rows);
  check_fill_blocked(start, s.outputs, s.inputs, -1, 1);
  check_freeze(x), check_freeze(dy);
  memcpy(dweight, start, count * sizeof(float));
  memcpy(split, start, count * sizeof(float));
  weir_gemm_weights gemm = {x, dy, dweight, in.row, in.block, out.row, out.block, s.inputs, s.outputs, s.rows};
  candidate->gemm_weights(&gemm, 0, tiles);

  double *want = check_doubles(count, 0), *bound = check_doubles(count, 0);
  for (size_t at = 0; at < count; at++) {
    const size_t k = at / WEIR_BLOCK % s.inputs, o = at / WEIR_BLOCK / s.inputs * WEIR_BLOCK + at % WEIR_BLOCK;
    double sum = (double)start[at], size = fabs(sum);
    for (size_t r = 0; r < s.rows; r++) {
      const double term = (double)dy[place(out, r, o)] * (double)x[place(in, r, k)];
      sum += term;
      size += fabs(term);
    }
    want[at] = sum, bound[at] = check_sum_bound(s.rows + 1, size);
  }
  check_close("dweight", dweight, want, bound, count);

  gemm.dweight = split;
  for (size_t t = tiles; t > 0; t--) candidate->gemm_weights(&gemm, t - 1, t);
  check_bits("dweight tile by tile", split, dweight, count);
  check_release();
}

int check_gemm_forward(const weir_kernels *candidate, const weir_kernels *reference) {
  const bool fused = candidate != reference;
  size_t turn = 0;
  for (size_t i = 0; i < 7; i++)
    for (size_t o = 0; o < 7; o++)
      for (size_t rows = 1; rows <= 32; rows += 1 + (i + o) % 4, turn++)
        forward_case(candidate, fused, (shape){channels[i], channels[o], rows}, (unsigned)(turn % 16), turn % 15);
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
    for (unsigned variant = 0; variant < 16; variant++) forward_case(candidate, fused, fixed[i], variant, i);
  return check_end();
}

int check_gemm_weights(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  size_t turn = 0;
  for (size_t i = 0; i < 7; i++)
    for (size_t o = 0; o < 7; o++)
      for (size_t rows = 1; rows <= 32; rows += 3 + (i + o) % 4, turn++)
        weights_case(candidate, (shape){channels[i], channels[o], rows}, turn & 1, turn % 15);
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) weights_case(candidate, fixed[i], i & 1, i);
  return check_end();
}

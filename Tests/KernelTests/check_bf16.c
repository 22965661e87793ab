// bf16_round against distances in double, and gemm_bf16 against its contract's sums term by term.
#include <math.h>
#include <string.h>

#include "check.h"

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// `got` is the nearest of the two bf16 numbers around a finite x, the even one when both are as near. Past the largest comes infinity, which
/// counts as the next power of two.
static bool is_nearest(uint16_t got, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint16_t below = (uint16_t)(bits >> 16), above = (uint16_t)(below + 1);
  const double low = (double)float_of((uint32_t)below << 16), at = (double)x;
  const double high = (above & 0x7fff) == 0x7f80 ? copysign(0x1p128, at) : (double)float_of((uint32_t)above << 16);
  if (at == low) return got == below;
  const double to_low = fabs(at - low), to_high = fabs(high - at);
  return got == (to_low < to_high || (to_low == to_high && below % 2 == 0) ? below : above);
}

static bool is_rounded(uint16_t got, float x) {
  const uint16_t sign = signbit(x) ? 0x8000 : 0;
  if (isnan(x)) return (got & 0x7fff) > 0x7f80;
  if (isinf(x)) return got == (sign | 0x7f80);
  return is_nearest(got, x) || (fpclassify(x) == FP_SUBNORMAL && got == sign);
}

int check_bf16_round(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  // Every upper half, with the lower halves at and beside its ties.
  static const uint16_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
  for (size_t i = 0; i < sizeof lower / sizeof lower[0]; i++) {
    enum { COUNT = 65536 };
    check_case("lower half %04x", (unsigned)lower[i]);
    float *x = check_floats(COUNT, i);
    uint16_t *y = check_bf16s(COUNT, i + 1);
    for (uint32_t upper = 0; upper < COUNT; upper++) x[upper] = float_of(upper << 16 | lower[i]);
    check_freeze(x);
    candidate->bf16_round(x, y, COUNT / WEIR_BLOCK);
    for (size_t e = 0; e < COUNT; e++)
      if (!is_rounded(y[e], x[e])) check_fail("%a becomes %04x", (double)x[e], (unsigned)y[e]);
    check_release();
  }
  candidate->bf16_round(NULL, NULL, 0);
  return check_end();
}

typedef struct shape {
  size_t inputs, outputs, rows;
} shape;

static const size_t channels[] = {1, 2, 3, 15, 16, 17, 33};
static const shape fixed[] = {{64, 64, 196}, {128, 2, 49}, {256, 256, 1}, {300, 130, 1}, {131, 70, 2}, {96, 33, 64}, {32, 128, 29}};

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

/// The sum of the contract: its products are exact, so one rounding a term is an addition's.
static float chain_of(const weir_gemm_bf16 *gemm, layout in, size_t r, size_t o) {
  const size_t pairs = weir_i_bf16_pairs(gemm->inputs);
  float sum = 0;
  for (size_t pair = 0; pair < pairs; pair++)
    for (size_t odd = 2; odd-- > 0;) {
      const size_t at = (o / WEIR_BLOCK * pairs + pair) * 2 * WEIR_BLOCK + o % WEIR_BLOCK * 2 + odd;
      const float term = weir_i_bf16_float(gemm->weight[at]) * weir_i_bf16_float(gemm->x[place(in, r, 2 * pair + odd)]);
      sum += term;
    }
  return sum;
}

/// `variant` bit 0: bias, bit 1: residual, bit 2: the residual is y, bit 3: maps, else tables.
static void product_case(const weir_kernels *candidate, shape s, unsigned variant, size_t offset) {
  check_case("%zu to %zu, %zu rows, variant %u, offset %zu", s.inputs, s.outputs, s.rows, variant, offset);
  const layout in = lay(s.inputs, s.rows, variant & 8), out = lay(s.outputs, s.rows, variant & 8);
  const size_t blocks = weir_i_blocks(s.outputs), pairs = weir_i_bf16_pairs(s.inputs), weights = blocks * pairs * 2 * WEIR_BLOCK;
  uint16_t *x = check_bf16s(in.count, offset), *weight = check_bf16s(weights, offset + 1);
  float *bias = check_floats(blocks * WEIR_BLOCK, offset + 2), *residual = check_floats(out.count, offset + 3);
  float *y = check_floats(out.count, offset + 5), *split = check_floats(out.count, offset), *want = check_floats(out.count, 0);
  check_fill_bf16(x, in.count, -1, 1), check_fill_bf16(weight, weights, -1, 1);
  check_fill(bias, blocks * WEIR_BLOCK, -1, 1), check_fill(residual, out.count, -1, 1);
  // An odd last input's neighbour is zero, in x and in the weights; what comes after that, in x, is not read.
  for (size_t r = 0; r < s.rows; r++)
    for (size_t f = s.inputs; f < weir_i_block_round(s.inputs); f++) x[place(in, r, f)] = f < 2 * pairs ? 0 : 0x7fc0;
  for (size_t o = 0; o < blocks * WEIR_BLOCK && s.inputs % 2 != 0; o++)
    weight[(o / WEIR_BLOCK * pairs + pairs - 1) * 2 * WEIR_BLOCK + o % WEIR_BLOCK * 2 + 1] = 0;
  check_freeze(x), check_freeze(weight), check_freeze(bias), check_freeze(residual);
  const float *added = variant & 6 ? residual : NULL;
  weir_gemm_bf16 gemm = {x, weight, variant & 1 ? bias : NULL, added, y, in.row, in.block, out.row, out.block, s.inputs, s.outputs};
  if (variant & 4) {
    memcpy(y, residual, out.count * sizeof(float));
    gemm.residual = y;
  }
  candidate->gemm_bf16(&gemm, 0, s.rows, 0, blocks);
  for (size_t r = 0; r < s.rows; r++)
    for (size_t o = 0; o < blocks * WEIR_BLOCK; o++) {
      const size_t at = place(out, r, o);
      want[at] = chain_of(&gemm, in, r, o);
      if (variant & 1) want[at] += bias[o];
      if (added != NULL) want[at] += added[at];
    }
  check_bits("y", y, want, out.count);

  gemm.y = split;
  if (variant & 4) {
    memcpy(split, residual, out.count * sizeof(float));
    gemm.residual = split;
  }
  for (size_t b = 0; b < blocks; b++)
    for (size_t r = 0, step = 1; r < s.rows; r += step, step = step % 5 + 1)
      candidate->gemm_bf16(&gemm, r, r + step < s.rows ? r + step : s.rows, b, b + 1);
  candidate->gemm_bf16(&gemm, 0, 0, 0, blocks);
  candidate->gemm_bf16(&gemm, 0, s.rows, blocks, blocks);
  check_bits("y by ranges of rows and blocks", split, y, out.count);
  check_release();
}

/// What can't be scored must not become normal: NaN and infinities come through, from x and from weights.
static void special_case(const weir_kernels *candidate) {
  static const uint16_t specials[] = {0x7fc0, 0xffc0, 0x7f80, 0xff80};
  enum { INPUTS = 19, ROWS = 5 };
  const layout in = lay(INPUTS, ROWS, false), out = lay(WEIR_BLOCK, ROWS, false);
  const size_t pairs = weir_i_bf16_pairs(INPUTS), weights = pairs * 2 * WEIR_BLOCK;
  for (size_t k = 0; k < INPUTS; k++)
    for (size_t i = 0; i < 2 * sizeof specials / sizeof specials[0]; i++) {
      check_case("special %zu at %zu", i, k);
      uint16_t *x = check_bf16s(in.count, 0), *weight = check_bf16s(weights, 0);
      float *y = check_floats(out.count, 0);
      check_fill_bf16(x, in.count, -1, 1), check_fill_bf16(weight, weights, -1, 1);
      weight[k / 2 * 2 * WEIR_BLOCK + 8 + k % 2] = 0;  // lane 4
      if (i % 2 == 0) {
        x[place(in, 3, k)] = specials[i / 2];
      } else {
        weight[k / 2 * 2 * WEIR_BLOCK + 2 * 4 + k % 2] = specials[i / 2];
      }
      const weir_gemm_bf16 gemm = {x, weight, NULL, NULL, y, in.row, in.block, out.row, out.block, 2 * pairs, WEIR_BLOCK};
      candidate->gemm_bf16(&gemm, 0, ROWS, 0, 1);
      for (size_t r = 0; r < ROWS; r++)
        for (size_t o = 0; o < WEIR_BLOCK; o++) {
          const float want = chain_of(&gemm, in, r, o), got = y[place(out, r, o)];
          if (isnan(want) ? !isnan(got) : got != want) check_fail("row %zu, lane %zu: %g, not %g", r, o, (double)got, (double)want);
        }
      check_release();
    }
}

int check_gemm_bf16(const weir_kernels *candidate, const weir_kernels *reference) {
  (void)reference;
  size_t turn = 0;
  for (size_t i = 0; i < 7; i++)
    for (size_t o = 0; o < 7; o++)
      for (size_t rows = 1; rows <= 32; rows += 1 + (i + o) % 4, turn++)
        product_case(candidate, (shape){channels[i], channels[o], rows}, (unsigned)(turn % 16), turn % 15);
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
    for (unsigned variant = 0; variant < 16; variant += 5) product_case(candidate, fixed[i], variant, i);
  special_case(candidate);
  return check_end();
}

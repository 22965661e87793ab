#include "layers/weight.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/bf16/bf16.h"

// In eight sums, which a processor can work on at once.
static double row_norm(const float *row, size_t k) {
  enum { SUMS = 8 };
  double sum[SUMS] = {0};
  size_t j = 0;
  for (; j + SUMS <= k; j += SUMS)
    for (size_t i = 0; i < SUMS; i++) sum[i] += (double)row[j + i] * row[j + i];
  for (size_t i = 0; j < k; j++, i++) sum[i] += (double)row[j] * row[j];
  for (size_t width = SUMS / 2; width > 0; width /= 2)
    for (size_t i = 0; i < width; i++) sum[i] += sum[i + width];
  return sqrt(sum[0]);
}

static size_t row_length(const weir_weight *weight) { return weir_i_slice_whole(weight->ic) * weight->taps; }

// What row o of the direction is multiplied with. A zero direction has no direction: its weights are zero.
static double row_factor(const weir_weight *weight, size_t o) {
  if (weight->gain == NULL) return 1;
  const size_t k = row_length(weight);
  const double norm = row_norm(weight->direction + o * k, k);
  return norm > 0 ? weight->gain[o] / norm : 0;
}

/// Some terms of up to 16 rows into a block: to[j][lane] = factor[lane] * row[lane][j]. Few enough to stay in the nearest cache.
static void pack_terms(const float *const *rows, const double *factors, size_t lanes, size_t terms, float *to) {
  for (size_t lane = 0; lane < lanes; lane++)
    for (size_t j = 0; j < terms; j++) to[j * WEIR_BLOCK + lane] = (float)(factors[lane] * rows[lane][j]);
}

static void pack_block(const weir_weight *weight, size_t first, size_t lanes, float *to) {
  enum { TERMS = 128 };
  double factors[WEIR_BLOCK];
  for (size_t lane = 0; lane < lanes; lane++) factors[lane] = row_factor(weight, weir_i_slice_at(weight->oc, first + lane));
  const size_t live = weight->ic.count * weight->taps;
  for (size_t part = 0; part < weight->ic.parts; part++)
    for (size_t j = 0; j < live; j += TERMS) {
      const size_t terms = live - j < TERMS ? live - j : TERMS;
      const float *rows[WEIR_BLOCK];
      for (size_t lane = 0; lane < lanes; lane++)
        rows[lane] = weight->direction + weir_i_slice_at(weight->oc, first + lane) * row_length(weight) +
                     (part * weight->ic.part + weight->ic.first) * weight->taps + j;
      pack_terms(rows, factors, lanes, terms, to);
      to += terms * WEIR_BLOCK;
    }
}

void weir_i_weight_pack(const weir_weight *weight, float *packed) {
  const size_t oc = weir_i_slice_live(weight->oc), block = weir_i_slice_live(weight->ic) * weight->taps * WEIR_BLOCK;
  for (size_t first = 0; first < oc; first += WEIR_BLOCK, packed += block) {
    const size_t lanes = oc - first < WEIR_BLOCK ? oc - first : WEIR_BLOCK;
    if (lanes < WEIR_BLOCK) memset(packed, 0, block * sizeof *packed);
    pack_block(weight, first, lanes, packed);
  }
}

void weir_i_weight_pack_pairs(const float *packed, size_t oc, size_t k, uint16_t *pairs) {
  const size_t count = weir_i_bf16_pairs(k);
  memset(pairs, 0, weir_i_blocks(oc) * count * 2 * WEIR_BLOCK * sizeof *pairs);
  for (size_t b = 0; b < weir_i_blocks(oc); b++)
    for (size_t j = 0; j < k; j++)
      for (size_t l = 0; l < WEIR_BLOCK; l++)
        pairs[((b * count + j / 2) * WEIR_BLOCK + l) * 2 + j % 2] = weir_i_bf16_of(packed[(b * k + j) * WEIR_BLOCK + l]);
}

void weir_i_weight_pack_transposed(const weir_weight *weight, float *packed) {
  const size_t oc = weir_i_slice_live(weight->oc), ic = weir_i_slice_live(weight->ic), taps = weight->taps;
  memset(packed, 0, weir_i_block_round(ic) * oc * taps * sizeof *packed);
  for (size_t live = 0; live < oc; live++) {
    const size_t o = weir_i_slice_at(weight->oc, live);
    const double factor = row_factor(weight, o);
    const float *row = weight->direction + o * row_length(weight) + weight->ic.first * taps;
    for (size_t i = 0; i < ic; i++) {
      float *to = packed + (i / WEIR_BLOCK * oc + live) * taps * WEIR_BLOCK + i % WEIR_BLOCK;
      for (size_t t = 0; t < taps; t++) to[(taps - 1 - t) * WEIR_BLOCK] = (float)(factor * row[t]);
      row += (i + 1) % weight->ic.count != 0 ? taps : (weight->ic.part - weight->ic.count + 1) * taps;
    }
  }
}

// Adds the gradient by a row of the direction itself.
static void add_row(const weir_weight *weight, const float *dw, float *to) {
  const size_t taps = weight->taps;
  to += weight->ic.first * taps;
  for (size_t part = 0; part < weight->ic.parts; part++, to += weight->ic.part * taps)
    for (size_t j = 0; j < weight->ic.count * taps; j++, dw += WEIR_BLOCK) to[j] += *dw;
}

// The gradient's part along a row, times the row's norm.
static double along_row(const weir_weight *weight, const float *dw, const float *row) {
  const size_t taps = weight->taps;
  double along = 0;
  row += weight->ic.first * taps;
  for (size_t part = 0; part < weight->ic.parts; part++, row += weight->ic.part * taps)
    for (size_t j = 0; j < weight->ic.count * taps; j++, dw += WEIR_BLOCK) along += (double)*dw * row[j];
  return along;
}

void weir_i_weight_backward(const weir_weight *weight, const float *dpacked, float *ddirection, float *dgain, size_t begin,
                            size_t end) {
  const size_t whole = row_length(weight), k = weir_i_slice_live(weight->ic) * weight->taps;
  const size_t part = weight->ic.part * weight->taps, first = weight->ic.first * weight->taps,
               count = weight->ic.count * weight->taps;
  for (size_t live = begin; live < end; live++) {
    const size_t o = weir_i_slice_at(weight->oc, live);
    const float *row = weight->direction + o * whole;
    const float *dw = dpacked + live / WEIR_BLOCK * k * WEIR_BLOCK + live % WEIR_BLOCK;
    float *to = ddirection + o * whole;
    if (weight->gain == NULL) {
      add_row(weight, dw, to);
      continue;
    }
    const double norm = row_norm(row, whole);
    if (norm == 0) continue;
    const double along = along_row(weight, dw, row) / norm;
    dgain[o] += (float)along;
    const double factor = weight->gain[o] / norm, back = along / norm;
    for (size_t p = 0; p < weight->ic.parts; p++, row += part, to += part)
      for (size_t j = 0; j < part; j++) {
        const bool live_column = j - first < count;
        to[j] += (float)(factor * ((live_column ? *dw : 0) - back * row[j]));
        if (live_column) dw += WEIR_BLOCK;
      }
  }
}

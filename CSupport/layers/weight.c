#include "layers/weight.h"

#include <math.h>
#include <string.h>

#include "kernels/bf16/bf16.h"

static double row_norm(const float *row, size_t k) {
  double sum = 0;
  for (size_t j = 0; j < k; j++) sum += (double)row[j] * row[j];
  return sqrt(sum);
}

// What row o of the direction is multiplied with. A zero direction has no direction: its weights are zero.
static double row_factor(const weir_weight *weight, size_t o) {
  if (weight->gain == NULL) return 1;
  const size_t k = weight->ic * weight->taps;
  const double norm = row_norm(weight->direction + o * k, k);
  return norm > 0 ? weight->gain[o] / norm : 0;
}

void weir_i_weight_pack(const weir_weight *weight, float *packed) {
  const size_t k = weight->ic * weight->taps;
  memset(packed, 0, weir_i_block_round(weight->oc) * k * sizeof *packed);
  for (size_t o = 0; o < weight->oc; o++) {
    const float *row = weight->direction + o * k;
    const double factor = row_factor(weight, o);
    float *to = packed + o / WEIR_BLOCK * k * WEIR_BLOCK + o % WEIR_BLOCK;
    for (size_t j = 0; j < k; j++) to[j * WEIR_BLOCK] = (float)(factor * row[j]);
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
  const size_t k = weight->ic * weight->taps, taps = weight->taps;
  memset(packed, 0, weir_i_block_round(weight->ic) * weight->oc * taps * sizeof *packed);
  for (size_t o = 0; o < weight->oc; o++) {
    const float *row = weight->direction + o * k;
    const double factor = row_factor(weight, o);
    for (size_t i = 0; i < weight->ic; i++) {
      float *to = packed + (i / WEIR_BLOCK * weight->oc + o) * taps * WEIR_BLOCK + i % WEIR_BLOCK;
      for (size_t t = 0; t < taps; t++) to[(taps - 1 - t) * WEIR_BLOCK] = (float)(factor * row[i * taps + t]);
    }
  }
}

void weir_i_weight_backward(const weir_weight *weight, const float *dpacked, float *ddirection, float *dgain, size_t begin,
                            size_t end) {
  const size_t k = weight->ic * weight->taps;
  for (size_t o = begin; o < end; o++) {
    const float *row = weight->direction + o * k;
    const float *dw = dpacked + o / WEIR_BLOCK * k * WEIR_BLOCK + o % WEIR_BLOCK;
    float *to = ddirection + o * k;
    if (weight->gain == NULL) {
      for (size_t j = 0; j < k; j++) to[j] += dw[j * WEIR_BLOCK];
      continue;
    }
    const double norm = row_norm(row, k);
    if (norm == 0) continue;
    double along = 0;  // the gradient's part along the direction
    for (size_t j = 0; j < k; j++) along += (double)dw[j * WEIR_BLOCK] * row[j];
    along /= norm;
    dgain[o] += (float)along;
    const double factor = weight->gain[o] / norm, back = along / norm;
    for (size_t j = 0; j < k; j++) to[j] += (float)(factor * (dw[j * WEIR_BLOCK] - back * row[j]));
  }
}

// The emulated AVX512-BF16 instructions against what they are to compute, spelled another way: the conversion by distances in
// double, the dot product by cases that tell its order, its roundings and its treatment of denormals apart.
#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static uint16_t convert(float a) {
  uint16_t lane[16];
  const __m256bh r = _mm512_cvtneps_pbh(_mm512_set1_ps(a));
  memcpy(lane, &r, sizeof lane);
  for (int i = 1; i < 16; i++)
    if (lane[i] != lane[0]) return (uint16_t)~lane[0];
  return lane[0];
}

/// `got` is the nearest of the two bf16 numbers around the normal or infinite a, the even one when both are as near. Past the
/// largest comes infinity, which counts as the next power of two.
static bool is_nearest(uint16_t got, float a) {
  const uint16_t below = (uint16_t)(bits_of(a) >> 16), above = (uint16_t)(below + 1);
  const double low = float_of((uint32_t)below << 16), at = a;
  const double high = (above & 0x7fff) == 0x7f80 ? copysign(0x1p128, at) : (double)float_of((uint32_t)above << 16);
  if (at == low) return got == below;
  const double to_low = fabs(at - low), to_high = fabs(high - at);
  return got == (to_low < to_high || (to_low == to_high && below % 2 == 0) ? below : above);
}

static bool converts(float a) {
  const uint16_t got = convert(a), upper = (uint16_t)(bits_of(a) >> 16);
  if (isnan(a)) return got == (upper | 0x40);
  if (a == 0 || fpclassify(a) == FP_SUBNORMAL) return got == (upper & 0x8000);
  return is_nearest(got, a);
}

/// Every upper half, with the lower halves at and beside its ties.
static bool converts_every_number(void) {
  static const uint16_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
  for (uint32_t upper = 0; upper <= 0xffff; upper++)
    for (size_t i = 0; i < sizeof lower / sizeof lower[0]; i++)
      if (!converts(float_of(upper << 16 | lower[i]))) return false;
  return true;
}

static bool packs_the_second_below(void) {
  uint16_t lane[32];
  const __m512bh r = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1.0f), _mm512_set1_ps(2.0f));
  memcpy(lane, &r, sizeof lane);
  for (int i = 0; i < 32; i++)
    if (lane[i] != (i < 16 ? 0x4000 : 0x3f80)) return false;
  return true;
}

/// sum + even[0] * even[1] + odd[0] * odd[1] in lane 5, the others zero; the factors are bf16 numbers.
static float dot(float sum, const float even[2], const float odd[2]) {
  uint16_t x[32] = {0}, y[32] = {0};
  float lane[16] = {0};
  __m512bh a, b;
  x[10] = (uint16_t)(bits_of(even[0]) >> 16), y[10] = (uint16_t)(bits_of(even[1]) >> 16);
  x[11] = (uint16_t)(bits_of(odd[0]) >> 16), y[11] = (uint16_t)(bits_of(odd[1]) >> 16);
  lane[5] = sum;
  memcpy(&a, x, sizeof a);
  memcpy(&b, y, sizeof b);
  _mm512_storeu_ps(lane, _mm512_dpbf16_ps(_mm512_loadu_ps(lane), a, b));
  for (int i = 0; i < 16; i++)
    if (i != 5 && lane[i] != 0) return NAN;
  return lane[5];
}

typedef struct dot_case {
  const char *what;
  float sum, even[2], odd[2], want;
} dot_case;

static const dot_case dot_cases[] = {
    {"sums products", 1.0f, {2.0f, 3.0f}, {5.0f, -7.0f}, -28.0f},
    {"odd element first", 0x1p24f, {-1.0f, 1.0f}, {1.0f, 1.0f}, 0x1p24f - 1.0f},
    {"ties to even", 0x1p24f + 2.0f, {0.0f, 0.0f}, {1.0f, 1.0f}, 0x1p24f + 4.0f},
    {"product not rounded by itself", -0x1p127f, {0.0f, 0.0f}, {0x1p64f, 0x1p64f}, 0x1p127f},
    {"denormal factor is zero", 0.0f, {0x1p-130f, 0x1p100f}, {0.0f, 0.0f}, 0.0f},
    {"denormal sum is zero", 0x1p-127f, {0.0f, 0.0f}, {0x1p-63f, 0x1p-63f}, 0x1p-126f},
    {"denormal result is zero", -0x1p-126f, {0.0f, 0.0f}, {0x1.8p-63f, 0x1p-63f}, 0.0f},
    {"each step flushes", 0x1.8p-126f, {0x1p-63f, 0x1p-63f}, {-0x1p-63f, 0x1p-63f}, 0x1p-126f},
    {"infinity", 0.0f, {INFINITY, 1.0f}, {1.0f, 1.0f}, INFINITY},
    {"overflow", 0x1.fffffep127f, {0.0f, 0.0f}, {0x1p127f, 1.0f}, INFINITY},
    {"NaN factor", 0.0f, {1.0f, 1.0f}, {NAN, 1.0f}, NAN},
    {"infinity times zero", 0.0f, {INFINITY, 0.0f}, {1.0f, 1.0f}, NAN},
};

static int passed, failed;

static void report(bool good, const char *what) {
  printf("%s %s\n", good ? "ok  " : "FAIL", what);
  passed += good;
  failed += !good;
}

int main(void) {
  report(converts_every_number(), "cvtneps: to nearest, ties to even; NaN stays NaN, denormals become zero");
  report(packs_the_second_below(), "cvtne2ps: the second argument below the first");
  for (size_t i = 0; i < sizeof dot_cases / sizeof dot_cases[0]; i++) {
    const dot_case *c = &dot_cases[i];
    const float got = dot(c->sum, c->even, c->odd);
    report(isnan(c->want) ? isnan(got) : got == c->want, c->what);
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}

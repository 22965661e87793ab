#include "base/random.h"

#include <math.h>

// The counter is four words: 0 position, 1 stream, 2 and 3 the index; the key is the seed.
void weir_i_random_words(uint64_t seed, uint32_t stream, uint64_t index, uint32_t position, uint32_t words[4]) {
  uint32_t c0 = position, c1 = stream, c2 = (uint32_t)index, c3 = (uint32_t)(index >> 32);
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = (uint64_t)0xD2511F53u * c0;
    const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

void weir_i_random_uniform(uint64_t seed, uint32_t stream, uint64_t index, float *values, size_t count) {
  uint32_t words[4];
  for (size_t i = 0; i < count; i++) {
    if (i % 4 == 0) weir_i_random_words(seed, stream, index, (uint32_t)(i / 4), words);
    values[i] = (float)(words[i % 4] >> 8) * 0x1p-24f;
  }
}

void weir_i_random_normal(uint64_t seed, uint32_t stream, uint64_t index, float *values, size_t count) {
  uint32_t words[4];
  for (size_t i = 0; i < count; i += 2) {
    if (i % 4 == 0) weir_i_random_words(seed, stream, index, (uint32_t)(i / 4), words);
    const double radius_part = ((double)(words[i % 4] >> 8) + 1.0) * 0x1p-24;  // in (0, 1], so the logarithm is finite
    const double angle_part = (double)(words[i % 4 + 1] >> 8) * 0x1p-24;
    const double radius = sqrt(-2.0 * log(radius_part));
    values[i] = (float)(radius * cos(6.283185307179586 * angle_part));
    if (i + 1 < count) values[i + 1] = (float)(radius * sin(6.283185307179586 * angle_part));
  }
}

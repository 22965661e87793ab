// Counter-based random numbers (Philox 4x32-10; Salmon et al., SC 2011): a value depends on key and position alone, never on history.
#ifndef WEIR_BASE_RANDOM_H
#define WEIR_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/// What a stream of numbers is for, so that streams of one seed never meet. The k-th of several for one purpose (draws of noise, layers
/// that drop out) is k strides further.
enum {
  WEIR_I_STREAM_NOISE = 1,
  WEIR_I_STREAM_SAMPLE = 2,
  WEIR_I_STREAM_INIT = 3,
  WEIR_I_STREAM_TRAIN_NOISE = 4,
  WEIR_I_STREAM_CLASS = 5,
  WEIR_I_STREAM_DROPOUT = 6,
  WEIR_I_STREAM_STRIDE = 256,
};

/// Four words for counter (position, index) of stream `stream` of `seed`.
void weir_i_random_words(uint64_t seed, uint32_t stream, uint64_t index, uint32_t position, uint32_t words[4]);

/// count numbers uniform in [0, 1), multiples of 2^-24.
void weir_i_random_uniform(uint64_t seed, uint32_t stream, uint64_t index, float *values, size_t count);

/// count standard normal numbers (Box-Muller).
void weir_i_random_normal(uint64_t seed, uint32_t stream, uint64_t index, float *values, size_t count);

#endif

// The block of 16 channels that all blocked layouts share.
#ifndef WEIR_KERNELS_BLOCK_H
#define WEIR_KERNELS_BLOCK_H

#include <stddef.h>

enum { WEIR_BLOCK = 16 };

/// Blocks that hold `channels` channels, and channels rounded up to whole blocks.
static inline size_t weir_i_blocks(size_t channels) { return (channels + WEIR_BLOCK - 1) / WEIR_BLOCK; }
static inline size_t weir_i_block_round(size_t channels) { return weir_i_blocks(channels) * WEIR_BLOCK; }

#endif

// The part of the vocabulary that is the same on every instruction set.

/// Sum of the 16 lanes, always in this order.
WEIR_SIMD_INLINE double vd_sum(vd16 a) {
  double lane[16];
  vd_store(lane, a);
  for (int width = 8; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}

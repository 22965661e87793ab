#include <math.h>
#include <stdint.h>
#include <string.h>

#include "file_tests.h"

/// f16 bits to a double by the definition, apart from the code tested.
static double half_value(unsigned half) {
  const unsigned exponent = half >> 10 & 31, fraction = half & 1023;
  const double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024.0 + fraction, (int)exponent - 25);
  return half & 0x8000 ? -size : size;
}

int test_safetensors_conversion(void) {
  int bad = 0;
  static unsigned char memory[2 * 65536 + 1];
  unsigned char *bits = memory + 1;  // misaligned
  static float read[65536];
  for (unsigned i = 0; i < 65536; i++) {
    bits[2 * i] = (unsigned char)i;
    bits[2 * i + 1] = (unsigned char)(i >> 8);
  }
  weir_error error = {0};
  for (unsigned i = 0; i < 65536; i++) {
    weir_tensor_view view = {.dtype = WEIR_DTYPE_F16, .rank = 1, .shape = {1}, .count = 1, .data = bits + 2 * i, .bytes = 2};
    const bool finite16 = (i >> 10 & 31) != 31, finite_b16 = (i >> 7 & 255) != 255;
    EXPECT((weir_i_safetensors_read_f32(&view, "x", read, &error) == WEIR_OK) == finite16, "f16");
    EXPECT(!finite16 || (read[0] == half_value(i) && !signbit(read[0]) == !(i & 0x8000)), "f16");
    view.dtype = WEIR_DTYPE_BF16;
    EXPECT((weir_i_safetensors_read_f32(&view, "x", read, &error) == WEIR_OK) == finite_b16, "bf16");
    const uint32_t expected = (uint32_t)i << 16;
    EXPECT(!finite_b16 || memcmp(read, &expected, 4) == 0, "bf16");
  }
  float floats[5] = {1, -2, 3, 4, 5};
  weir_tensor_view view = {.dtype = WEIR_DTYPE_F32, .rank = 1, .shape = {5}, .count = 5, .data = memory + 1, .bytes = 20};
  memcpy(memory + 1, floats, sizeof floats);
  EXPECT(weir_i_safetensors_read_f32(&view, "x", read, &error) == WEIR_OK && memcmp(read, floats, sizeof floats) == 0, "f32");
  floats[3] = NAN;
  memcpy(memory + 1, floats, sizeof floats);
  EXPECT(weir_i_safetensors_read_f32(&view, "steps.0.w", read, &error) == WEIR_ERROR_TENSOR, "NaN");
  EXPECT(strcmp(error.where, "steps.0.w") == 0 && strstr(error.message, "number 3 of 5 is NaN") != NULL, error.message);
  const double doubles[3] = {1e-300, 3.5, 1e39};
  memcpy(memory + 1, doubles, sizeof doubles);
  view = (weir_tensor_view){.dtype = WEIR_DTYPE_F64, .rank = 1, .shape = {2}, .count = 2, .data = memory + 1, .bytes = 16};
  EXPECT(weir_i_safetensors_read_f32(&view, "x", read, &error) == WEIR_OK && read[0] == 0 && read[1] == 3.5f, "f64");
  view.count = 3;
  EXPECT(weir_i_safetensors_read_f32(&view, "x", read, &error) == WEIR_ERROR_TENSOR, "a double over f32");
  EXPECT(strstr(error.message, "number 2 of 3 is infinite or too large") != NULL, error.message);
  view.dtype = WEIR_DTYPE_I64;
  EXPECT(weir_i_safetensors_read_f32(&view, "x", read, &error) == WEIR_ERROR_TENSOR, "whole numbers");
  view.dtype = WEIR_DTYPE_U8;
  EXPECT(weir_i_safetensors_read_f32(&view, "x", read, &error) == WEIR_ERROR_TENSOR, "bytes");
  return bad;
}

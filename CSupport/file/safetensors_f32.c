#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"
#include "file/safetensors.h"
#include "layers/parameter.h"

static float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// Exact: every half is a float.
static float float_of_half(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3FF;
  if (exponent == 31) return float_of_bits(sign | 0x7F800000 | fraction << 13);
  if (exponent > 0) return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
  const float size = (float)fraction * 0x1p-24f;
  return sign != 0 ? -size : size;
}

/// Number `index` of a tensor that is not f32; a double too large for a float is infinite.
static float float_at(const weir_tensor_view *view, size_t index) {
  if (view->dtype == WEIR_DTYPE_F64) {
    double value;
    memcpy(&value, view->data + index * sizeof value, sizeof value);
    return fabs(value) > (double)FLT_MAX ? INFINITY : (float)value;
  }
  uint16_t value;
  memcpy(&value, view->data + index * sizeof value, sizeof value);
  return view->dtype == WEIR_DTYPE_BF16 ? float_of_bits((uint32_t)value << 16) : float_of_half(value);
}

weir_status weir_i_safetensors_read_f32(const weir_tensor_view *view, const char *name, float *values, weir_error *error) {
  if (view->dtype == WEIR_DTYPE_I64 || view->dtype == WEIR_DTYPE_U8) {
    return weir_i_fail(error, WEIR_ERROR_TENSOR, name, "holds %s where real numbers are needed; store it as F32",
                       weir_i_dtype_name(view->dtype));
  }
  if (view->dtype == WEIR_DTYPE_F32) {
    if ((const void *)values != view->data) memcpy(values, view->data, view->count * sizeof *values);
  } else {
    for (size_t i = 0; i < view->count; i++) values[i] = float_at(view, i);
  }
  const size_t bad = weir_i_first_not_finite(values, view->count);
  if (bad == view->count) return WEIR_OK;
  return weir_i_fail(error, WEIR_ERROR_TENSOR, name, "number %zu of %zu is %s; the weights are damaged, or training failed", bad,
                     view->count, isnan(values[bad]) ? "NaN" : "infinite or too large for f32");
}

#include "layers/parameter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "kernels/block.h"

weir_status weir_i_build_status(const weir_build *build, const char *path, const char *what, weir_error *error) {
  if (build->no_memory) return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for the description of %s", what);
  if (build->too_large)
    return weir_i_fail(error, WEIR_ERROR_SPEC, path, "%s has more than %d numbers or %d tensors in all; make it smaller", what,
                       WEIR_I_MAX_VALUES, WEIR_I_MAX_PARAMETERS);
  return WEIR_OK;
}

static bool reserve(weir_build *build, size_t *total, size_t count) {
  if (count > WEIR_I_MAX_VALUES || *total > WEIR_I_MAX_VALUES) build->too_large = true;
  if (weir_i_build_failed(build)) return false;
  *total += count;
  return true;
}

static bool grow(weir_build *build) {
  weir_parameters *list = build->parameters;
  const size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
  weir_parameter *items = weir_i_pool_take(build->pool, capacity, sizeof *items);
  if (items == NULL) return false;
  if (list->count > 0) memcpy(items, list->items, list->count * sizeof *items);
  list->items = items;
  list->capacity = capacity;
  return true;
}

size_t weir_i_parameter_add(weir_build *build, const char *prefix, const char *leaf, weir_parameter parameter) {
  weir_parameters *list = build->parameters;
  parameter.count = 1;
  for (size_t i = 0; i < parameter.rank; i++)
    if (__builtin_mul_overflow(parameter.count, parameter.shape[i], &parameter.count)) build->too_large = true;
  parameter.offset = list->values;
  const int length = snprintf(parameter.name, sizeof parameter.name, "%s.%s", prefix, leaf);
  if (length < 0 || (size_t)length >= sizeof parameter.name) build->too_large = true;
  if (list->count >= WEIR_I_MAX_PARAMETERS) build->too_large = true;
  if (!reserve(build, &list->values, parameter.count)) return 0;
  if (parameter.trainable) list->trainable += parameter.count;
  if (list->count == list->capacity && !grow(build)) {
    build->no_memory = true;
    return 0;
  }
  list->items[list->count] = parameter;
  return list->count++;
}

size_t weir_i_build_packed(weir_build *build, size_t count) {
  const size_t offset = build->packed;
  reserve(build, &build->packed, weir_i_block_round(count));
  return offset;
}

size_t weir_i_build_packed_training(weir_build *build, size_t count) {
  const size_t offset = build->packed_training;
  reserve(build, &build->packed_training, weir_i_block_round(count));
  return offset;
}

size_t weir_i_build_packed_bf16(weir_build *build, size_t count) {
  const size_t offset = build->packed_bf16, vector = 2 * WEIR_BLOCK;
  reserve(build, &build->packed_bf16, (count + vector - 1) / vector * vector);
  return offset;
}

// Whole runs are looked at, many numbers at once, before single ones.
size_t weir_i_first_not_finite(const float *values, size_t count) {
  enum { RUN = 256 };
  for (size_t first = 0; first < count; first += RUN) {
    const size_t end = count - first < RUN ? count : first + RUN;
    unsigned bad = 0;
    for (size_t i = first; i < end; i++) bad |= !isfinite(values[i]);
    for (size_t i = first; bad && i < end; i++)
      if (!isfinite(values[i])) return i;
  }
  return count;
}

static bool valid(weir_domain domain, float value) {
  return isfinite(value) && (domain == WEIR_DOMAIN_ANY || value > 0 || (value == 0 && domain == WEIR_DOMAIN_NOT_NEGATIVE));
}

bool weir_i_parameter_valid(const weir_parameter *parameter, const float *values, size_t *bad) {
  if (parameter->domain == WEIR_DOMAIN_ANY) {
    *bad = weir_i_first_not_finite(values, parameter->count);
    return *bad == parameter->count;
  }
  for (size_t i = 0; i < parameter->count; i++)
    if (!valid(parameter->domain, values[i])) {
      *bad = i;
      return false;
    }
  return true;
}

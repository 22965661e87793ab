#include "check.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A guard's bytes read as NaN, float or double, so that what a kernel reads past its arrays shows in what it writes.
enum { GUARD = 512, GUARD_BYTE = 0xFF, ALIGNMENT = 64, PRINTED = 8 };

typedef struct buffer {
  struct buffer *next;
  unsigned char *memory;  // as malloc gave it
  unsigned char *data;
  unsigned char *frozen;  // a copy, or NULL
  size_t bytes;
} buffer;

static buffer *buffers;
static char label[256];
static int failures;
static uint64_t state = 1;

void check_case(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(label, sizeof label, format, arguments);
  va_end(arguments);
}

void check_fail(const char *format, ...) {
  if (failures++ >= PRINTED) return;
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "  [%s] ", label);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
}

static void *grab(size_t bytes) {
  void *memory = malloc(bytes ? bytes : 1);
  if (memory == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(2);
  }
  return memory;
}

static void *guarded(size_t bytes, size_t offset) {
  buffer *made = grab(sizeof *made);
  made->memory = grab(bytes + offset + 2 * GUARD + ALIGNMENT);
  uintptr_t start = (uintptr_t)made->memory + GUARD;
  made->data = made->memory + GUARD + (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT + offset;
  made->bytes = bytes;
  made->frozen = NULL;
  made->next = buffers;
  buffers = made;
  memset(made->data - GUARD, GUARD_BYTE, GUARD);
  memset(made->data + bytes, GUARD_BYTE, GUARD);
  return made->data;
}

float *check_floats(size_t count, size_t offset) {
  float *values = guarded(count * sizeof(float), offset * sizeof(float));
  for (size_t i = 0; i < count; i++) values[i] = NAN;
  return values;
}

double *check_doubles(size_t count, size_t offset) {
  double *values = guarded(count * sizeof(double), offset * sizeof(double));
  for (size_t i = 0; i < count; i++) values[i] = (double)NAN;
  return values;
}

uint16_t *check_bf16s(size_t count, size_t offset) {
  uint16_t *values = guarded(count * sizeof(uint16_t), offset * sizeof(uint16_t));
  for (size_t i = 0; i < count; i++) values[i] = 0x7fc0;
  return values;
}

void check_freeze(const void *data) {
  for (buffer *b = buffers; b != NULL; b = b->next)
    if (b->data == data) {
      free(b->frozen);
      b->frozen = grab(b->bytes);
      memcpy(b->frozen, b->data, b->bytes);
    }
}

void check_release(void) {
  while (buffers != NULL) {
    buffer *b = buffers;
    for (size_t i = 0; i < GUARD; i++) {
      if (b->data[-1 - (ptrdiff_t)i] != GUARD_BYTE) {
        check_fail("wrote %zu bytes before a buffer of %zu bytes", i + 1, b->bytes);
        break;
      }
      if (b->data[b->bytes + i] != GUARD_BYTE) {
        check_fail("wrote %zu bytes past the end of a buffer of %zu bytes", i + 1, b->bytes);
        break;
      }
    }
    if (b->frozen != NULL && memcmp(b->frozen, b->data, b->bytes) != 0) check_fail("wrote into an input of %zu bytes", b->bytes);
    buffers = b->next;
    free(b->frozen);
    free(b->memory);
    free(b);
  }
}

int check_end(void) {
  check_release();
  int failed = failures > 0;
  if (failures > PRINTED) fprintf(stderr, "  and %d more\n", failures - PRINTED);
  failures = 0;
  label[0] = '\0';
  return failed;
}

void check_seed(unsigned long long seed) { state = seed; }

void check_fill(float *values, size_t count, float low, float high) {
  for (size_t i = 0; i < count; i++) {
    state += 0x9E3779B97F4A7C15u;  // splitmix64
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    values[i] = low + (high - low) * ((float)(z >> 40) / 16777216.0f);
  }
}

void check_fill_bf16(uint16_t *values, size_t count, float low, float high) {
  for (size_t i = 0; i < count; i++) {
    float value;
    check_fill(&value, 1, low, high);
    values[i] = weir_i_bf16_of(value);
  }
}

void check_fill_blocked(float *values, size_t channels, size_t pixels, float low, float high) {
  size_t blocks = weir_i_blocks(channels);
  check_fill(values, blocks * pixels * WEIR_BLOCK, low, high);
  for (size_t p = 0; p < pixels; p++)
    for (size_t c = channels; c < blocks * WEIR_BLOCK; c++) values[(c / WEIR_BLOCK * pixels + p) * WEIR_BLOCK + c % WEIR_BLOCK] = 0;
}

bool check_close(const char *what, const float *got, const double *want, const double *bound, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double value = (double)got[i];
    bool near;
    if (isnan(want[i]) || isnan(value))
      near = isnan(want[i]) && isnan(value);
    else if (isinf(want[i]) || isinf(value))
      near = want[i] == value;
    else
      near = fabs(value - want[i]) <= bound[i];
    if (!near) {
      check_fail("%s[%zu] of %zu is %.9g, not %.9g +- %.3g", what, i, count, value, want[i], bound[i]);
      return false;
    }
  }
  return true;
}

bool check_bits(const char *what, const float *got, const float *want, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (memcmp(&got[i], &want[i], sizeof(float)) != 0) {
      check_fail("%s[%zu] of %zu is %.9g (%a), not exactly %.9g (%a)", what, i, count, (double)got[i], (double)got[i],
                 (double)want[i], (double)want[i]);
      return false;
    }
  return true;
}

bool check_bits_bf16(const char *what, const uint16_t *got, const uint16_t *want, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (got[i] != want[i]) {
      check_fail("%s[%zu] of %zu is %.4g (%04x), not exactly %.4g (%04x)", what, i, count, (double)weir_i_bf16_float(got[i]),
                 (unsigned)got[i], (double)weir_i_bf16_float(want[i]), (unsigned)want[i]);
      return false;
    }
  return true;
}

double check_sum_bound(size_t terms, double sum_of_magnitudes) {
  double n = ((double)terms + 1) * ldexp(1, -24);  // + 1: a product that is rounded before it is added
  return n / (1 - n) * sum_of_magnitudes + 0x1p-149 * (double)terms;
}

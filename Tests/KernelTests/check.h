// What every kernel check needs: guarded buffers, deterministic data, comparisons, and a count of failures.
//
// A check of a slot:
//   int check_family_op(const weir_kernels *candidate, const weir_kernels *reference) {
//     for (each shape) {
//       check_case("c %zu h %zu", c, h);
//       float *x = check_floats(count, 1), *y = check_floats(count, 3);    // y is poisoned with NaN until the kernel writes it
//       check_fill(x, count, -1, 1);
//       check_freeze(x);                                                   // an input: the kernel may not write it
//       candidate->family_op(...);
//       check_close("y", y, want, bound, count);
//       check_release();                                                   // verifies guards and frozen inputs, frees
//     }
//     return check_end();                                                  // 0 when nothing failed
//   }
// candidate == reference in one of the runs, so compare with the formula in double where the reference itself is to be tested.
#ifndef WEIR_TESTS_CHECK_H
#define WEIR_TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

#if defined(__GNUC__)
#define CHECK_PRINTF __attribute__((format(printf, 1, 2)))
#else
#define CHECK_PRINTF
#endif

/// Names what is being checked, for the messages of failures that follow.
CHECK_PRINTF void check_case(const char *format, ...);
/// Records a failure; the first few of a slot are printed.
CHECK_PRINTF void check_fail(const char *format, ...);

/// A buffer of `count` values that are NaN, between guard bands, `offset` values past a 64-byte boundary.
float *check_floats(size_t count, size_t offset);
double *check_doubles(size_t count, size_t offset);
uint16_t *check_bf16s(size_t count, size_t offset);
/// Remembers the buffer's bytes; check_release fails when they changed.
void check_freeze(const void *buffer);
/// Verifies every buffer's guard bands and frozen bytes and frees all buffers.
void check_release(void);
/// check_release, then 0 when nothing failed since the last check_end, else 1.
int check_end(void);

/// Restarts the generator of check_fill; main does so for each slot.
void check_seed(unsigned long long seed);
/// Uniform values in [low, high).
void check_fill(float *values, size_t count, float low, float high);
/// [blocks(channels)][pixels][16]: uniform values, zero in the lanes past the last channel.
void check_fill_blocked(float *values, size_t channels, size_t pixels, float low, float high);

/// check_fill with each value rounded to bf16.
void check_fill_bf16(uint16_t *values, size_t count, float low, float high);

/// |got - want| <= bound, element by element; NaN matches only NaN and an infinity only itself. A NaN bound never passes.
bool check_close(const char *what, const float *got, const double *want, const double *bound, size_t count);
/// Equal bit for bit (so a NaN must have the same payload, and -0 is not 0).
bool check_bits(const char *what, const float *got, const float *want, size_t count);
bool check_bits_bf16(const char *what, const uint16_t *got, const uint16_t *want, size_t count);

typedef void check_map_fn(const float *x, float *y, size_t count);
typedef double check_exact_fn(double x);
/// f within `bound` units in the last place of `exact`: at every 2039th float there is, and at every float near the `count` bit
/// patterns in `places`.
void check_sweep(check_map_fn *f, check_exact_fn *exact, double bound, const uint32_t *places, size_t count);

/// How far a float sum of `terms` products may lie from the exact one, whatever its order and whether or not products are rounded:
/// gamma_n = n u / (1 - n u) times the sum of |terms| (Higham 2002, section 3.1), u = 2^-24.
double check_sum_bound(size_t terms, double sum_of_magnitudes);

#endif

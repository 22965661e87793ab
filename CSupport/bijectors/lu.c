// With A = P^T L U, the factorisation as it was rounded, and E = W - A:
//   log|det W| = log|det A| + trace(A^-1 E) + ...,  W^-1 = X + X (I - W X) + ...  for X = A^-1,
// and since I - W X = -E X, the residual of the inverse's columns has both terms.
#include "bijectors/lu.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/block.h"

// Columns that are solved for at once: their sums stay in registers.
enum { COLUMNS = WEIR_BLOCK };

// Of I - W X: with more, the weight is as good as singular or the factors are another's, and one correction is not enough.
static const double FARTHEST = 0.1;

weir_status weir_i_lu_check(const weir_lu *lu, const char *lu_name, const char *pivots_name, weir_error *error) {
  const size_t c = lu->c;
  size_t row_of[WEIR_I_MAX_LU];  // of weight, for each row of L U
  double row[WEIR_I_MAX_LU], largest = 0;
  for (size_t i = 0; i < c; i++) row_of[i] = i;
  for (size_t i = 0; i < c; i++) {
    const float pivot = lu->pivots[i];
    if (!(pivot >= 0 && pivot < (float)c && pivot == floorf(pivot)))
      return weir_i_fail(error, WEIR_ERROR_TENSOR, pivots_name, "pivot %zu is %g, but it must be a whole number from 0 to %zu", i,
                         (double)pivot, c - 1);
    const size_t other = (size_t)pivot, kept = row_of[i];
    row_of[i] = row_of[other];
    row_of[other] = kept;
    if (lu->lu[i * c + i] == 0)
      return weir_i_fail(error, WEIR_ERROR_TENSOR, lu_name, "number %zu of the diagonal is 0: the matrix has no inverse", i);
  }
  for (size_t e = 0; e < c * c; e++) largest = fmax(largest, fabs((double)lu->weight[e]));
  for (size_t i = 0; i < c; i++) {
    memset(row, 0, c * sizeof *row);
    for (size_t k = 0; k <= i; k++) {
      const double factor = k == i ? 1 : (double)lu->lu[i * c + k];
      const float *u = lu->lu + k * c;
      for (size_t j = k; j < c; j++) row[j] += factor * (double)u[j];
    }
    for (size_t j = 0; j < c; j++)
      if (!(fabs(row[j] - (double)lu->weight[row_of[i] * c + j]) <= 1e-4 * largest))
        return weir_i_fail(error, WEIR_ERROR_TENSOR, lu_name,
                           "this is no factorisation of the weight: P L U is %g at [%zu, %zu] and weight %g; factorise it again",
                           row[j], row_of[i], j, (double)lu->weight[row_of[i] * c + j]);
  }
  return WEIR_OK;
}

size_t weir_i_lu_workspace(size_t c) { return 2 * c * COLUMNS * (sizeof(double) / sizeof(float)); }

// sum -= coefficients [count] rows [count][COLUMNS]
static void subtract(const float *coefficients, const double *rows, size_t count, double *sum) {
  double left[COLUMNS];
  memcpy(left, sum, sizeof left);
  for (size_t k = 0; k < count; k++) {
    const double factor = (double)coefficients[k];
    for (size_t l = 0; l < COLUMNS; l++) left[l] -= factor * rows[k * COLUMNS + l];
  }
  memcpy(sum, left, sizeof left);
}

static void exchange(double *a, double *b) {
  double kept[COLUMNS];
  memcpy(kept, a, sizeof kept);
  memmove(a, b, sizeof kept);
  memcpy(b, kept, sizeof kept);
}

// Turns the right-hand sides of A x = columns [c][COLUMNS] into x.
static void solve(const weir_lu *lu, double *columns) {
  const size_t c = lu->c;
  for (size_t i = 0; i < c; i++) exchange(columns + i * COLUMNS, columns + (size_t)lu->pivots[i] * COLUMNS);
  for (size_t i = 1; i < c; i++) subtract(lu->lu + i * c, columns, i, columns + i * COLUMNS);
  for (size_t i = c; i-- > 0;) {
    double *x = columns + i * COLUMNS;
    subtract(lu->lu + i * c + i + 1, x + COLUMNS, c - i - 1, x);
    const double diagonal = (double)lu->lu[i * c + i];
    for (size_t l = 0; l < COLUMNS; l++) x[l] /= diagonal;
  }
}

// Columns [first, first + COLUMNS) of the identity, [c][COLUMNS].
static void identity(size_t c, size_t first, double *columns) {
  memset(columns, 0, c * COLUMNS * sizeof *columns);
  for (size_t l = 0; l < COLUMNS && first + l < c; l++) columns[(first + l) * COLUMNS + l] = 1;
}

double weir_i_lu_invert(const weir_lu *lu, float *workspace, float *inverse) {
  const size_t c = lu->c;
  double *x = (double *)(void *)workspace, *rest = x + c * COLUMNS, logdet = 0;
  bool near = true;
  for (size_t i = 0; i < c; i++) logdet += log(fabs((double)lu->lu[i * c + i]));
  memset(inverse, 0, weir_i_block_round(c) * c * sizeof *inverse);
  for (size_t first = 0; first < c; first += COLUMNS) {
    const size_t width = c - first < COLUMNS ? c - first : COLUMNS;
    identity(c, first, x);
    solve(lu, x);
    identity(c, first, rest);
    for (size_t i = 0; i < c; i++) subtract(lu->weight + i * c, x, c, rest + i * COLUMNS);
    for (size_t l = 0; l < width; l++) logdet -= rest[(first + l) * COLUMNS + l];
    for (size_t e = 0; e < c * COLUMNS; e++) near = near && fabs(rest[e]) < FARTHEST;
    solve(lu, rest);
    for (size_t i = 0; i < c; i++)
      for (size_t l = 0; l < width; l++)
        inverse[(i / WEIR_BLOCK * c + first + l) * WEIR_BLOCK + i % WEIR_BLOCK] =
            (float)(x[i * COLUMNS + l] + rest[i * COLUMNS + l]);
  }
  return near ? logdet : NAN;
}

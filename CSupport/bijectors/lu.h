// A square matrix beside its LU factorisation: determinant and inverse, more exact than the factorisation, which was rounded to f32.
#ifndef WEIR_BIJECTORS_LU_H
#define WEIR_BIJECTORS_LU_H

#include "base/status.h"

/// P weight = L U, as LAPACK's getrf leaves it, in rows: U with its diagonal, below it L without its own, which is ones.
typedef struct weir_lu {
  const float *weight;  // [c, c]
  const float *lu;      // [c, c], rounded
  const float *pivots;  // [c], whole: at step i, row i was exchanged with row pivots[i]
  size_t c;
} weir_lu;

/// Most rows: time is cubic in them.
enum { WEIR_I_MAX_LU = 2048 };

/// Refuses (WEIR_ERROR_TENSOR) pivots that are not rows, a zero on U's diagonal, and a product P^T L U that is off weight by more than 1e-4 of
/// weight's largest number anywhere. `lu_name` and `pivots_name` are the tensors'.
weir_status weir_i_lu_check(const weir_lu *lu, const char *lu_name, const char *pivots_name, weir_error *error);

/// Floats of workspace that inverting takes, on a multiple of 8 bytes.
size_t weir_i_lu_workspace(size_t c);

/// Writes weight's inverse, packed as gemm reads it (kernels/gemm/gemm.h), and returns log|det weight|. Both follow from the rounded
/// factorisation by one Newton step in double, so errors are the square of its own. A matrix that is singular, or as
/// good as that in f32, and factors too far off for one step give -INFINITY or NaN, hence a score of -INFINITY.
/// Pivots must have passed the check.
double weir_i_lu_invert(const weir_lu *lu, float *workspace, float *inverse);

#endif

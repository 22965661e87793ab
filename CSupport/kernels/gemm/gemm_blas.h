// What the engine asks of LAPACK, which a build may lack (WEIR_BLAS): only training a flow that factorises matrices needs it.
#ifndef WEIR_KERNELS_GEMM_BLAS_H
#define WEIR_KERNELS_GEMM_BLAS_H

#include <stdbool.h>
#include <stddef.h>

/// True when this build has LAPACK.
bool weir_i_blas_present(void);

/// P A = L U by partial pivoting (getrf), in place.
///
/// matrix    in/out, [c, c] column by column: A; then U, and below its diagonal L, whose own diagonal is ones
/// pivots    out, [c], from 0: at step i, row i was exchanged with row pivots[i] >= i
/// Returns false when this build lacks LAPACK; then nothing is written. A singular matrix is factorised too, with a zero on U's diagonal.
/// A holds finite numbers only. Allocates what the LAPACK library does, nothing else; may use that library's own threads when c is some
/// hundreds.
bool weir_i_blas_lu(double *matrix, int *pivots, size_t c);

#endif

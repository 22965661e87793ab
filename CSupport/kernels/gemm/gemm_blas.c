// The only file that knows LAPACK. It declares the routine itself: Fortran's names are the same in every library, their headers are not.
#include "kernels/gemm/gemm_blas.h"

#if defined(WEIR_BLAS) && WEIR_BLAS
extern void dgetrf_(const int *rows, const int *columns, double *matrix, const int *leading, int *pivots, int *info);

bool weir_i_blas_present(void) { return true; }

bool weir_i_blas_lu(double *matrix, int *pivots, size_t c) {
  const int size = (int)c;
  int info;  // says where U's diagonal is zero, which the caller sees for itself
  dgetrf_(&size, &size, matrix, &size, pivots, &info);
  for (size_t i = 0; i < c; i++) pivots[i]--;
  return true;
}
#else
bool weir_i_blas_present(void) { return false; }

bool weir_i_blas_lu(double *matrix, int *pivots, size_t c) {
  (void)matrix, (void)pivots, (void)c;
  return false;
}
#endif

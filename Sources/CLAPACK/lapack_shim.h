#include <stddef.h>

// LAPACK's own names, which OpenBLAS exports without declaring them in its headers. Fortran passes the lengths of texts last.

/// Eigenvalues (ascending) and eigenvectors of a real symmetric matrix: jobz "V", uplo "U" or "L".
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work, const int *lwork,
             int *iwork, const int *liwork, int *info, size_t jobz_length, size_t uplo_length);

// Rates of one short run, for who measures between runs of its own; weir.h has the peaks over many.
#ifndef WEIR_KERNELS_MACHINE_PEAK_H
#define WEIR_KERNELS_MACHINE_PEAK_H

#include "base/parallel.h"
#include "kernels/kernels.h"

/// Multiplications and additions a second, f32, by all threads of a team for a fraction of a millisecond.
double weir_i_peak_fma_rate(const weir_kernels *kernels, const weir_team *team);

#endif

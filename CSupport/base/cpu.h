// Which instruction sets this CPU and operating system run.
#ifndef WEIR_BASE_CPU_H
#define WEIR_BASE_CPU_H

// The sets that this build has besides the reference: those of its architecture, but for what CMake's WEIR_KERNEL_SETS leaves out.
#if defined(__x86_64__) && !defined(WEIR_WITHOUT_AVX2)
#define WEIR_HAS_AVX2 1
#endif
#if defined(WEIR_HAS_AVX2) && !defined(WEIR_WITHOUT_AVX512)
#define WEIR_HAS_AVX512 1
#endif
#if defined(__aarch64__) && !defined(WEIR_WITHOUT_NEON)
#define WEIR_HAS_NEON 1
#endif

typedef enum weir_isa {
  WEIR_ISA_REF = 0,
  WEIR_ISA_AVX2 = 1,
  WEIR_ISA_AVX512 = 2,
  WEIR_ISA_NEON = 3,
  WEIR_ISA_AVX512BF16 = 4,
  WEIR_ISA_COUNT = 5,
} weir_isa;

/// The fastest set that this CPU runs.
weir_isa weir_i_cpu_best(void);
/// 1 when this CPU runs the set and this build has its kernels.
int weir_i_cpu_has(weir_isa isa);
/// "ref", "avx2", "avx512", "avx512bf16" or "neon".
const char *weir_i_isa_name(weir_isa isa);

/// The set to use: WEIR_ISA from the environment when it names one that runs here, else the fastest. Sets *refused to the
/// variable's text when it names a set unknown or not available, else to NULL.
weir_isa weir_i_isa_choose(const char **refused);

#endif

#include "base/cpu.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[WEIR_ISA_COUNT] = {"ref", "avx2", "avx512", "neon", "avx512bf16"};

const char *weir_i_isa_name(weir_isa isa) { return isa >= 0 && isa < WEIR_ISA_COUNT ? names[isa] : "ref"; }

int weir_i_cpu_has(weir_isa isa) {
  switch (isa) {
    case WEIR_ISA_REF: return 1;
#if defined(WEIR_HAS_AVX2)
    case WEIR_ISA_AVX2: __builtin_cpu_init(); return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#if defined(WEIR_HAS_AVX512)
    case WEIR_ISA_AVX512:
      __builtin_cpu_init();
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && weir_i_cpu_has(WEIR_ISA_AVX2);
    case WEIR_ISA_AVX512BF16: return weir_i_cpu_has(WEIR_ISA_AVX512) && __builtin_cpu_supports("avx512bf16");
#endif
#if defined(WEIR_HAS_NEON)
    case WEIR_ISA_NEON: return 1;
#endif
    default: return 0;
  }
}

weir_isa weir_i_cpu_best(void) {
  static const weir_isa fastest_first[] = {WEIR_ISA_AVX512BF16, WEIR_ISA_AVX512, WEIR_ISA_AVX2, WEIR_ISA_NEON};
  for (size_t i = 0; i < sizeof fastest_first / sizeof fastest_first[0]; i++)
    if (weir_i_cpu_has(fastest_first[i])) return fastest_first[i];
  return WEIR_ISA_REF;
}

weir_isa weir_i_isa_choose(const char **refused) {
  const char *asked = getenv("WEIR_ISA");
  *refused = NULL;
  if (asked == NULL || asked[0] == '\0') return weir_i_cpu_best();
  for (int isa = 0; isa < WEIR_ISA_COUNT; isa++)
    if (strcmp(asked, names[isa]) == 0 && weir_i_cpu_has((weir_isa)isa)) return (weir_isa)isa;
  *refused = asked;
  return weir_i_cpu_best();
}

// Runs every check of every kernel slot on every instruction set of this CPU. An argument limits it to slots that contain it.
#include <stdio.h>
#include <string.h>

#include "check.h"

// A slot without a check doesn't link.
#define WEIR_KERNEL(slot) int check_##slot(const weir_kernels *candidate, const weir_kernels *reference);
#include "kernels/kernels.def"
#undef WEIR_KERNEL

typedef struct entry {
  const char *slot;
  int (*check)(const weir_kernels *candidate, const weir_kernels *reference);
  size_t place;  // of the slot's pointer in the table
} entry;

static const entry entries[] = {
#define WEIR_KERNEL(slot) {#slot, check_##slot, offsetof(weir_kernels, slot)},
#include "kernels/kernels.def"
#undef WEIR_KERNEL
};

static bool slot_is_filled(const weir_kernels *table, const entry *entry) {
  static const unsigned char null_pointer[sizeof(void (*)(void))];
  return memcmp((const unsigned char *)table + entry->place, null_pointer, sizeof null_pointer) != 0;
}

int main(int argc, char **argv) {
  const weir_kernels *reference = weir_i_kernels(WEIR_ISA_REF);
  int passed = 0, failed = 0;
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    if (argc > 1 && strstr(entries[i].slot, argv[1]) == NULL) continue;
    for (int isa = 0; isa < WEIR_ISA_COUNT; isa++) {
      if (!weir_i_cpu_has((weir_isa)isa)) continue;
      const weir_kernels *candidate = weir_i_kernels((weir_isa)isa);
      check_seed(1 + i);
      int bad;
      if (strcmp(candidate->isa, weir_i_isa_name((weir_isa)isa)) != 0 || !slot_is_filled(candidate, &entries[i])) {
        fprintf(stderr, "  no such kernel in the table\n");
        bad = 1;
      } else {
        bad = entries[i].check(candidate, reference);
      }
      printf("%s %s %s\n", bad ? "FAIL" : "ok  ", entries[i].slot, weir_i_isa_name((weir_isa)isa));
      fflush(stdout);
      passed += !bad;
      failed += bad;
    }
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 || passed == 0;
}

// Golden cases of many weights have no model file: each tensor follows from three numbers, by a rule that is the same in any language
// (`generated` in golden_weights.py). The model file is made here, once, in a folder that goes when the tests end.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"
#include "file/model_values.h"

enum { MOST_GENERATED = 16 };

static folder made;
static char made_names[MOST_GENERATED][64];
static size_t made_count;

static void remove_made(void) { folder_remove(&made); }

// Number i is mean + spread u, u = top / 2^23 - 1, where top is the upper 24 bits of SplitMix64's output for state seed 2^32 + i.
static void generate(float *values, size_t count, const double rule[3]) {
  for (size_t i = 0; i < count; i++) {
    uint64_t state = ((uint64_t)rule[0] << 32) + i + 0x9E3779B97F4A7C15u;
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9u;
    state = (state ^ state >> 27) * 0x94D049BB133111EBu;
    state ^= state >> 31;
    values[i] = (float)(rule[1] + rule[2] * ((double)(state >> 40) / 0x1p23 - 1));
  }
}

static bool write_model(const golden *g, const char *path) {
  counted_memory memory;
  counted_memory_init(&memory, -1);
  char *spec = NULL;
  size_t spec_bytes = 0, size;
  if (weir_i_file_spec(&g->file, &memory.allocator, &spec, &spec_bytes, NULL) != WEIR_OK) return false;
  model_parts parts = parts_of_spec(spec, 1);
  memory.allocator.release(&memory, spec, spec_bytes);
  for (size_t i = 0; i < parts.count; i++) {
    size_t count = 0;
    double *rule = golden_values(g, text_of("generated.%s", parts.items[i].name), &count);
    const bool known = expect(rule != NULL && count == 3, __FILE__, __LINE__, "a tensor has a rule", parts.items[i].name) == 0;
    if (known) generate(parts.items[i].data, parts.items[i].bytes / sizeof(float), rule);
    free(rule);
  }
  unsigned char *bytes = parts_file(&parts, &size);
  const bool written = file_write(path, bytes, size);
  free(bytes);
  parts_free(&parts);
  return written;
}

bool golden_generate(golden *g) {
  if (made_count == 0) {
    if (!folder_make(&made)) return false;
    atexit(remove_made);
  }
  snprintf(g->model_path, sizeof g->model_path, "%s/%s.safetensors", made.path, g->name);
  for (size_t i = 0; i < made_count; i++)
    if (strcmp(made_names[i], g->name) == 0) return true;
  if (made_count == MOST_GENERATED || !write_model(g, g->model_path)) return false;
  snprintf(made_names[made_count++], sizeof made_names[0], "%s", g->name);
  return true;
}

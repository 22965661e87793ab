// Reading the golden cases, and choosing the instruction set that models open with.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "engine_tests.h"

#define GOLDEN_DATA WEIR_GOLDEN_FOLDER "/data/"

enum { MOST_CASES = 64 };

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

const char *const *golden_names(void) {
  static char names[MOST_CASES][64];
  static const char *list[MOST_CASES + 1];
  static size_t count;
  if (count > 0) return list;
  DIR *folder = opendir(GOLDEN_DATA);
  if (folder == NULL) {
    expect(false, __FILE__, __LINE__, "the golden folder opens", GOLDEN_DATA);
    return list;
  }
  for (struct dirent *entry = readdir(folder); entry != NULL && count < MOST_CASES; entry = readdir(folder)) {
    const char *ending = strstr(entry->d_name, ".expect.safetensors");
    if (ending == NULL || (size_t)(ending - entry->d_name) >= sizeof names[0]) continue;
    memcpy(names[count], entry->d_name, (size_t)(ending - entry->d_name));
    list[count] = names[count];
    count++;
  }
  closedir(folder);
  qsort(list, count, sizeof list[0], by_name);
  return list;
}

static float *floats_of(const golden *g, const char *name, size_t *count) {
  weir_tensor_view view;
  *count = 0;
  if (!weir_i_safetensors_find(&g->file, name, &view)) return NULL;
  float *values = malloc(view.bytes);
  memcpy(values, view.data, view.bytes);
  *count = view.count;
  return values;
}

static void read_batch(golden *g) {
  size_t count;
  float *labels = floats_of(g, "labels", &count);
  if (labels != NULL) g->labels = malloc(count * sizeof *g->labels);
  for (size_t i = 0; i < count; i++) g->labels[i] = (int32_t)labels[i];
  free(labels);
  g->negative = floats_of(g, "negative", &count);
  g->negative_n = count / g->dims;
  double *floor_value = golden_values(g, "negative_floor", &count);
  if (floor_value != NULL) g->negative_floor = floor_value[0];
  free(floor_value);
}

bool golden_open(golden *g, const char *name) {
  char path[512];
  weir_error error = {0};
  *g = (golden){.name = name};
  snprintf(g->model_path, sizeof g->model_path, "%s%s.model.safetensors", GOLDEN_DATA, name);
  snprintf(path, sizeof path, "%s%s.expect.safetensors", GOLDEN_DATA, name);
  const weir_allocator *heap = NULL;
  counted_memory memory;
  counted_memory_init(&memory, -1);
  void *bytes;
  weir_tensor_view input;
  if (weir_i_file_read(path, (size_t)1 << 30, &memory.allocator, &bytes, &g->size, &error) == WEIR_OK) {
    g->bytes = malloc(g->size);
    memcpy(g->bytes, bytes, g->size);
    memory.allocator.release(&memory, bytes, g->size);
  }
  if (g->bytes == NULL || weir_i_safetensors_open(g->bytes, g->size, heap, &g->file, &error) != WEIR_OK) {
    expect(false, __FILE__, __LINE__, error.message, path);
    free(g->bytes);
    return false;
  }
  if (!weir_i_safetensors_find(&g->file, "input", &input)) {
    expect(false, __FILE__, __LINE__, "the case has an input", path);
    golden_close(g);
    return false;
  }
  g->n = input.shape[0];
  g->dims = input.count / g->n;
  g->table = input.rank == 2;
  g->x = malloc(input.count * sizeof *g->x);
  memcpy(g->x, input.data, input.count * sizeof *g->x);
  read_batch(g);
  if (access(g->model_path, R_OK) == 0 || golden_generate(g)) return true;
  expect(false, __FILE__, __LINE__, "the case has a model", name);
  golden_close(g);
  return false;
}

void golden_close(golden *g) {
  weir_i_safetensors_close(&g->file);
  free(g->bytes);
  free(g->x);
  free(g->labels);
  free(g->negative);
  *g = (golden){0};
}

weir_train_batch golden_batch(const golden *g) {
  weir_train_batch batch = weir_train_batch_of(g->x, g->n);
  batch.labels = g->labels;
  batch.negative = g->negative;
  batch.negative_n = g->negative_n;
  if (g->negative != NULL) batch.negative_floor = g->negative_floor;
  return batch;
}

double *golden_values(const golden *g, const char *name, size_t *count) {
  weir_tensor_view view;
  if (!weir_i_safetensors_find(&g->file, name, &view)) return NULL;
  double *values = malloc(view.count * sizeof *values);
  for (size_t i = 0; i < view.count; i++) {
    float single;
    if (view.dtype == WEIR_DTYPE_F64) memcpy(&values[i], view.data + i * sizeof(double), sizeof(double));
    if (view.dtype == WEIR_DTYPE_F32) {
      memcpy(&single, view.data + i * sizeof single, sizeof single);
      values[i] = single;
    }
  }
  *count = view.count;
  return values;
}

double golden_deviation(const golden *g, const char *name) {
  size_t count;
  double *values = golden_values(g, text_of("deviation.%s", name), &count);
  const double deviation = values == NULL ? 0 : values[0];
  expect(values != NULL, __FILE__, __LINE__, "the case says how far float32 is", name);
  free(values);
  return deviation;
}

static char asked[16];

void use_isa(const char *isa) {
  static bool known;
  if (!known) {
    const char *environment = getenv("WEIR_ISA");
    snprintf(asked, sizeof asked, "%s", environment == NULL ? "" : environment);
    known = true;
  }
  const char *chosen = isa != NULL ? isa : asked;
  if (chosen[0] == '\0') {
    unsetenv("WEIR_ISA");
  } else {
    setenv("WEIR_ISA", chosen, 1);
  }
}

const char *const *tested_isas(void) {
  static const char *list[WEIR_ISA_COUNT + 1];
  size_t count = 0;
  for (int isa = 0; isa < WEIR_ISA_COUNT; isa++) {
    const char *name = weir_i_isa_name((weir_isa)isa);
    if (weir_i_cpu_has((weir_isa)isa) && (asked[0] == '\0' || strcmp(asked, name) == 0)) list[count++] = name;
  }
  list[count] = NULL;
  return list;
}

weir_model *golden_model(const golden *g) {
  weir_model *model = NULL;
  weir_error error = {0};
  const weir_status status = weir_model_open(g->model_path, NULL, &model, &error);
  expect(status == WEIR_OK, __FILE__, __LINE__, "the golden model opens",
         text_of("%s: %s: %s", g->name, error.where, error.message));
  return model;
}

float *more_samples(const golden *g, size_t count) {
  float *x = malloc(count * g->dims * sizeof *x);
  for (size_t i = 0; i < count; i++)
    for (size_t e = 0; e < g->dims; e++) {
      const float value = g->x[i % g->n * g->dims + e];
      // Towards the middle of what pixels may be; nothing much for a table.
      x[i * g->dims + e] = value + (float)(i / g->n) * (value > 100 ? -1.0f : 0.125f);
    }
  return x;
}

// Trainers over golden models, and folders for what they write.
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_tests.h"
#include "kernels/gemm/gemm_blas.h"

bool can_train(const char *name) {
  if (weir_i_blas_present()) return true;
  model_parts parts = parts_of_golden(name);
  const bool needs_it = strstr(parts.spec, "\"conv1x1\"") != NULL;
  parts_free(&parts);
  return !needs_it;
}

const char *const *trained_names(void) {
  static const char *list[128];
  size_t count = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++)
    if (can_train(*name)) list[count++] = *name;
  list[count] = NULL;
  return list;
}

weir_train_options train_options(const golden *g) {
  weir_train_options options = weir_train_options_default();
  options.noise = WEIR_NOISE_MIDPOINT;
  options.batch = g->n + g->negative_n;
  return options;
}

weir_trainer *golden_trainer(const golden *g, const weir_train_options *options) {
  weir_trainer *trainer = NULL;
  weir_error error = {0};
  const weir_status status = weir_trainer_open(g->model_path, options, &trainer, &error);
  expect(status == WEIR_OK, __FILE__, __LINE__, "the trainer opens", text_of("%s: %s: %s", g->name, error.where, error.message));
  return trainer;
}

weir_trainer *spec_trainer(const char *spec, uint64_t seed, const weir_train_options *options) {
  weir_trainer *trainer = NULL;
  weir_error error = {0};
  folder f;
  size_t size;
  model_parts parts = parts_of_spec(spec, seed);
  unsigned char *bytes = parts_file(&parts, &size);
  parts_free(&parts);
  if (folder_make(&f) && file_write(folder_file(&f, "model"), bytes, size)) {
    const weir_status status = weir_trainer_open(folder_file(&f, "model"), options, &trainer, &error);
    expect(status == WEIR_OK, __FILE__, __LINE__, "the trainer opens", text_of("%s: %s", error.where, error.message));
  }
  folder_remove(&f);
  free(bytes);
  return trainer;
}

size_t tensor_index(const weir_trainer *trainer, const char *name) {
  const size_t count = weir_trainer_tensor_count(trainer);
  weir_tensor_info info;
  for (size_t i = 0; i < count; i++)
    if (weir_trainer_tensor_info(trainer, i, &info) == WEIR_OK && strcmp(info.name, name) == 0) return i;
  return count;
}

float *trainer_numbers(const weir_trainer *trainer, int32_t what, size_t *count) {
  *count = 0;
  weir_tensor_info info;
  const size_t tensors = weir_trainer_tensor_count(trainer);
  for (size_t i = 0; i < tensors; i++)
    if (weir_trainer_tensor_info(trainer, i, &info) == WEIR_OK) *count += info.count;
  float *values = malloc((*count + 1) * sizeof *values), *to = values;
  for (size_t i = 0; i < tensors; i++)
    if (weir_trainer_tensor_info(trainer, i, &info) == WEIR_OK && weir_trainer_tensor_read(trainer, i, what, to) == WEIR_OK)
      to += info.count;
  return values;
}

bool same_values(const weir_trainer *a, const weir_trainer *b) {
  size_t a_count, b_count;
  float *a_values = trainer_numbers(a, WEIR_TENSOR_VALUE, &a_count), *b_values = trainer_numbers(b, WEIR_TENSOR_VALUE, &b_count);
  const bool same = a_count == b_count && memcmp(a_values, b_values, a_count * sizeof *a_values) == 0;
  free(a_values), free(b_values);
  return same;
}

bool all_finite(const float *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i])) return false;
  return true;
}

// In memory where there is such a place: every file written is also flushed, which on a busy disk takes longer than all that is tested.
bool folder_make(folder *f) {
  const char *base = getenv("TMPDIR"), *in_memory = "/dev/shm";
  if (base == NULL || base[0] == '\0') base = access(in_memory, W_OK) == 0 ? in_memory : P_tmpdir;
  snprintf(f->path, sizeof f->path, "%s/weir-engine-tests-XXXXXX", base);
  const bool made = mkdtemp(f->path) != NULL;
  expect(made, __FILE__, __LINE__, "a temporary folder can be made", f->path);
  return made;
}

const char *folder_file(const folder *f, const char *name) { return text_of("%s/%s", f->path, name); }

int folder_count(const folder *f) {
  DIR *directory = opendir(f->path);
  if (directory == NULL) return -1;
  int count = -2;  // "." and ".."
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

void folder_remove(const folder *f) {
  DIR *directory = opendir(f->path);
  if (directory == NULL) return;
  for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) (void)remove(folder_file(f, entry->d_name));
  closedir(directory);
  (void)rmdir(f->path);
}

unsigned char *file_bytes(const char *path, size_t *size) {
  *size = 0;
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  fseek(file, 0, SEEK_END);
  const size_t length = (size_t)ftell(file);
  rewind(file);
  unsigned char *bytes = malloc(length + 1);
  *size = fread(bytes, 1, length, file);
  fclose(file);
  return bytes;
}

bool file_write(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) return false;
  const bool written = fwrite(bytes, 1, size, file) == size;
  return fclose(file) == 0 && written;
}

bool same_files(const char *a, const char *b) {
  size_t a_size, b_size;
  unsigned char *a_bytes = file_bytes(a, &a_size), *b_bytes = file_bytes(b, &b_size);
  const bool same = a_bytes != NULL && b_bytes != NULL && a_size == b_size && memcmp(a_bytes, b_bytes, a_size) == 0;
  free(a_bytes), free(b_bytes);
  return same;
}

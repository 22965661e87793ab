#define _POSIX_C_SOURCE 200809L

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "file_tests.h"

static const float f32_values[6] = {1.5f, -2, 3, 4e30f, -5e-30f, 6e-40f};
static const double f64_values[2] = {3.25, -1e300};
static const int64_t i64_values[3] = {-7, 0, 9007199254740993};
static const unsigned char u8_values[3] = {0, 128, 255};
static const char odd_name[] = "steps.0.\"a\\b\n\xc3\xa9\x01";
static const char *const keys[] = {"weir", "format"};
static const char *const values[] = {"{\"version\":1,\n\t\"x\":\"\xe2\x82\xac\"}", "pt"};

static const weir_tensor_out tensors[] = {
    {"bytes", WEIR_DTYPE_U8, 1, {3}, u8_values},    {odd_name, WEIR_DTYPE_F32, 2, {2, 3}, f32_values},
    {"double", WEIR_DTYPE_F64, 1, {2}, f64_values}, {"whole", WEIR_DTYPE_I64, 3, {1, 3, 1}, i64_values},
    {"empty", WEIR_DTYPE_F32, 2, {0, 4}, NULL},     {"scalar", WEIR_DTYPE_F32, 0, {0}, f32_values},
};
enum { TENSOR_COUNT = sizeof tensors / sizeof tensors[0] };

/// Writes the tensors above to path[size] in a new folder.
static bool write_sample(char *folder, char *path, size_t size, const weir_allocator *allocator, weir_error *error) {
  if (!folder_make(folder, size)) return false;
  snprintf(path, size + 16, "%s/a.safetensors", folder);
  return weir_i_safetensors_write(path, tensors, TENSOR_COUNT, keys, values, 2, allocator, error) == WEIR_OK;
}

/// The sample's bytes, in memory of exactly their size.
static unsigned char *sample_bytes(size_t *size) {
  char folder[200], path[216];
  weir_error error;
  weir_allocator heap;
  void *bytes = NULL;
  weir_i_allocator(NULL, &heap);
  unsigned char *copy = NULL;
  if (write_sample(folder, path, sizeof folder, NULL, &error) &&
      weir_i_file_read(path, 100000, &heap, &bytes, size, &error) == WEIR_OK) {
    copy = malloc(*size);
    memcpy(copy, bytes, *size);
    weir_i_release(&heap, bytes, *size);
  }
  unlink(path);
  folder_remove(folder);
  return copy;
}

int test_safetensors_round_trip(void) {
  int bad = 0;
  counted_memory memory;
  counted_memory_init(&memory, -1);
  size_t size = 0;
  unsigned char *bytes = sample_bytes(&size);
  EXPECT(bytes != NULL, "writing the sample");
  if (bytes == NULL) return bad;
  weir_safetensors file;
  weir_error error = {0};
  EXPECT(weir_i_safetensors_open(bytes, size, &memory.allocator, &file, &error) == WEIR_OK, error.message);
  EXPECT(weir_i_safetensors_count(&file) == TENSOR_COUNT, "count");
  EXPECT((file.data - bytes) % 8 == 0, "the data is aligned");
  for (size_t i = 0; i < TENSOR_COUNT; i++) {
    weir_tensor_view view = {0};
    EXPECT(weir_i_safetensors_find(&file, tensors[i].name, &view), tensors[i].name);
    EXPECT(view.dtype == tensors[i].dtype && view.rank == tensors[i].rank, tensors[i].name);
    EXPECT(memcmp(view.shape, tensors[i].shape, view.rank * sizeof(size_t)) == 0, tensors[i].name);
    EXPECT(view.bytes == view.count * weir_i_dtype_bytes(view.dtype), tensors[i].name);
    EXPECT(view.bytes == 0 || memcmp(view.data, tensors[i].data, view.bytes) == 0, tensors[i].name);
    EXPECT((size_t)(view.data - bytes) % weir_i_dtype_bytes(view.dtype) == 0, "each tensor is aligned");
  }
  weir_tensor_view view;
  EXPECT(!weir_i_safetensors_find(&file, "none", &view) && !weir_i_safetensors_find(&file, "", &view),
         "a tensor that is not there");
  EXPECT(!weir_i_safetensors_find(&file, "__metadata__", &view), "metadata is no tensor");
  char name[8];
  EXPECT(weir_i_safetensors_at(&file, 0, name, sizeof name, &view) && strcmp(name, "double") == 0, name);
  EXPECT(weir_i_safetensors_at(&file, 2, name, sizeof name, &view) && strcmp(name, "steps.0") == 0, "a name cut to fit");
  EXPECT(!weir_i_safetensors_at(&file, TENSOR_COUNT, name, sizeof name, &view), "past the end");
  for (size_t i = 0; i < 2; i++) {
    char *text;
    size_t text_bytes;
    EXPECT(weir_i_safetensors_metadata(&file, keys[i], &memory.allocator, &text, &text_bytes, &error) == WEIR_OK, error.message);
    EXPECT(text != NULL && strcmp(text, values[i]) == 0, keys[i]);
    weir_i_release(&memory.allocator, text, text_bytes);
  }
  weir_i_safetensors_close(&file);
  EXPECT(memory.blocks == 0 && memory.bytes == 0, "all memory came back, with its size");
  EXPECT(weir_i_safetensors_count(&file) == 0 && !weir_i_safetensors_find(&file, "double", &view), "a closed file is empty");
  weir_i_safetensors_close(&file);
  free(bytes);
  return bad;
}

int test_safetensors_rewrite_is_same(void) {
  int bad = 0;
  size_t size = 0;
  unsigned char *bytes = sample_bytes(&size);
  weir_safetensors file;
  weir_error error = {0};
  EXPECT(bytes != NULL && weir_i_safetensors_open(bytes, size, NULL, &file, &error) == WEIR_OK, error.message);
  if (bad) return bad;
  weir_tensor_out again[TENSOR_COUNT];
  char names[TENSOR_COUNT][64], folder[200], path[216];
  for (size_t i = 0; i < TENSOR_COUNT; i++) {
    weir_tensor_view view;
    weir_i_safetensors_at(&file, i, names[i], sizeof names[i], &view);
    again[i] = (weir_tensor_out){.name = names[i], .dtype = view.dtype, .rank = view.rank, .data = view.data};
    memcpy(again[i].shape, view.shape, sizeof view.shape);
  }
  folder_make(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/b.safetensors", folder);
  EXPECT(weir_i_safetensors_write(path, again, TENSOR_COUNT, keys, values, 2, NULL, &error) == WEIR_OK, error.message);
  weir_allocator heap;
  weir_i_allocator(NULL, &heap);
  void *second = NULL;
  size_t second_size = 0;
  EXPECT(weir_i_file_read(path, size, &heap, &second, &second_size, &error) == WEIR_OK, error.message);
  EXPECT(second_size == size && memcmp(bytes, second, size) == 0, "write, read, write gives the same bytes");
  weir_i_release(&heap, second, second_size);
  weir_i_safetensors_close(&file);
  unlink(path);
  folder_remove(folder);
  free(bytes);
  return bad;
}

int test_safetensors_truncated(void) {
  int bad = 0;
  size_t size = 0;
  unsigned char *bytes = sample_bytes(&size);
  for (size_t kept = 0; kept < size; kept++) {
    unsigned char *part = malloc(kept == 0 ? 1 : kept);
    memcpy(part, bytes, kept);
    counted_memory memory;
    counted_memory_init(&memory, -1);
    weir_safetensors file;
    weir_error error = {0};
    EXPECT(weir_i_safetensors_open(part, kept, &memory.allocator, &file, &error) == WEIR_ERROR_FORMAT, "truncated");
    char got[32];
    snprintf(got, sizeof got, "got %zu;", kept);
    EXPECT(strstr(error.message, "cut short") != NULL && (kept < 8 || strstr(error.message, got) != NULL), error.message);
    EXPECT(memory.blocks == 0, "memory came back");
    free(part);
  }
  free(bytes);
  return bad;
}

int test_safetensors_trailing_byte(void) {
  int bad = 0;
  size_t size = 0;
  unsigned char *bytes = sample_bytes(&size);
  bytes = realloc(bytes, size + 1);
  bytes[size] = 0;
  weir_safetensors file;
  weir_error error = {0};
  EXPECT(weir_i_safetensors_open(bytes, size + 1, NULL, &file, &error) == WEIR_ERROR_FORMAT, "one byte more");
  EXPECT(strstr(error.message, "1 bytes follow the last tensor") != NULL, error.message);
  free(bytes);
  return bad;
}

int test_safetensors_bit_flips(void) {
  int bad = 0, valid = 0, refused = 0;
  size_t size = 0;
  unsigned char *bytes = sample_bytes(&size);
  const size_t header = 8 + (size_t)bytes[0] + (size_t)bytes[1] * 256;
  for (size_t bit = 0; bit < 8 * header; bit++) {
    bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    counted_memory memory;
    counted_memory_init(&memory, -1);
    weir_safetensors file;
    weir_error error = {0};
    const weir_status status = weir_i_safetensors_open(bytes, size, &memory.allocator, &file, &error);
    if (status == WEIR_OK) {
      valid++;
      read_all(&file);
      weir_i_safetensors_close(&file);
    } else {
      refused++;
      EXPECT(error.code == status && error.message[0] != '\0', "an error says what is wrong");
    }
    EXPECT(memory.blocks == 0, "memory came back");
    bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
  }
  printf("     %d bit flips refused, %d still valid\n", refused, valid);
  EXPECT(refused > valid, "most flips are found");
  free(bytes);
  return bad;
}

int test_safetensors_many_tensors(void) {
  int bad = 0;
  enum { COUNT = 5000 };
  char *header = malloc(COUNT * 120);
  size_t used = (size_t)sprintf(header, "{");
  for (int i = 0; i < COUNT; i++) {
    const int place = (i * 7919) % COUNT;  // data in another order than the header
    used += (size_t)sprintf(header + used,
                            "%s\"steps.%d.net.blocks.%d.weight_v\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                            i == 0 ? "" : ",", i / 20, i % 20, place, place + 1);
  }
  sprintf(header + used, "}");
  size_t size;
  unsigned char *bytes = file_of(header, COUNT, &size);
  weir_safetensors file;
  weir_error error = {0};
  const clock_t start = clock();
  EXPECT(weir_i_safetensors_open(bytes, size, NULL, &file, &error) == WEIR_OK, error.message);
  for (int i = 0; i < COUNT && bad == 0; i++) {
    char name[64];
    snprintf(name, sizeof name, "steps.%d.net.blocks.%d.weight_v", i / 20, i % 20);
    weir_tensor_view view;
    EXPECT(weir_i_safetensors_find(&file, name, &view) && view.data == file.data + (i * 7919) % COUNT, name);
  }
  const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  printf("     5000 tensors opened and found in %.0f ms\n", 1e3 * seconds);
  EXPECT(seconds < 5, "quadratic?");
  weir_i_safetensors_close(&file);
  free(bytes);
  free(header);
  return bad;
}

int test_safetensors_memory_runs_out(void) {
  int bad = 0;
  size_t size = 0;
  unsigned char *bytes = sample_bytes(&size);
  char folder[200], path[216];
  for (long fail_at = 0;; fail_at++) {
    counted_memory memory;
    counted_memory_init(&memory, fail_at);
    weir_safetensors file;
    weir_error error = {0};
    weir_status status = weir_i_safetensors_open(bytes, size, &memory.allocator, &file, &error);
    char *text = NULL;
    size_t text_bytes;
    if (status == WEIR_OK) status = weir_i_safetensors_metadata(&file, "weir", &memory.allocator, &text, &text_bytes, &error);
    if (text != NULL) weir_i_release(&memory.allocator, text, text_bytes);
    weir_i_safetensors_close(&file);
    const bool wrote = status == WEIR_OK && write_sample(folder, path, sizeof folder, &memory.allocator, &error);
    if (status == WEIR_OK) {
      EXPECT(folder_count(folder) == wrote, "nothing is left behind");
      unlink(path);
      folder_remove(folder);
    }
    EXPECT(memory.blocks == 0 && memory.bytes == 0, "memory came back");
    if (memory.calls <= fail_at) {
      EXPECT(wrote, error.message);
      break;
    }
    EXPECT(error.code == WEIR_ERROR_MEMORY, error.message);
  }
  free(bytes);
  return bad;
}

// Tests of the JSON reader and the model file. An argument limits them to those whose name contains it.
#define _XOPEN_SOURCE 700

#include "file_tests.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_internal.h"

static const struct {
  const char *name;
  int (*run)(void);
} tests[] = {
#define FILE_TEST_ENTRY(name) {#name, test_##name},
    FILE_TEST_LIST(FILE_TEST_ENTRY)
#undef FILE_TEST_ENTRY
};

int expect(bool condition, const char *file, int line, const char *text, const char *detail) {
  if (!condition) fprintf(stderr, "  %s:%d: not so: %s (%s)\n", file, line, text, detail);
  return !condition;
}

static void *counted_allocate(void *user, size_t bytes, size_t alignment) {
  counted_memory *memory = user;
  if (memory->calls++ == memory->fail_at) return NULL;
  void *block = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (block == NULL) return NULL;
  memory->blocks++;
  memory->bytes += (long)bytes;
  return block;
}

static void counted_release(void *user, void *block, size_t bytes) {
  counted_memory *memory = user;
  memory->blocks--;
  memory->bytes -= (long)bytes;
  free(block);
}

void counted_memory_init(counted_memory *memory, long fail_at) {
  *memory = (counted_memory){.fail_at = fail_at};
  memory->allocator = (weir_allocator){sizeof(weir_allocator), memory, counted_allocate, counted_release};
}

parsed_text parse_text(const char *text, size_t length) {
  parsed_text parsed = {0};
  char *copy = malloc(length == 0 ? 1 : length);
  memcpy(copy, text, length);
  size_t tokens;
  parsed.status = weir_i_json_measure(copy, length, &tokens, &parsed.error);
  if (parsed.status == WEIR_OK) {
    parsed.tokens = malloc(weir_i_json_token_bytes(tokens));
    parsed.status = weir_i_json_parse(copy, length, parsed.tokens, tokens, &parsed.json, &parsed.error);
  }
  if (parsed.status != WEIR_OK) free(copy);
  return parsed;
}

void parsed_text_free(parsed_text *parsed) {
  free((void *)(uintptr_t)parsed->json.text);
  free(parsed->tokens);
}

unsigned char *file_of(const char *header, size_t data_bytes, size_t *size) {
  const size_t length = strlen(header);
  *size = 8 + length + data_bytes;
  unsigned char *bytes = calloc(1, *size);
  for (size_t i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)length >> 8 * i);
  memcpy(bytes + 8, header, length);
  return bytes;
}

void read_all(const weir_safetensors *file) {
  counted_memory memory;
  counted_memory_init(&memory, -1);
  for (size_t i = 0; i < weir_i_safetensors_count(file); i++) {
    char name[256];
    weir_tensor_view view, found;
    if (!weir_i_safetensors_at(file, i, name, sizeof name, &view)) continue;
    (void)weir_i_safetensors_find(file, name, &found);
    float *values = malloc(view.count * sizeof *values + 1);
    if (values != NULL) (void)weir_i_safetensors_read_f32(&view, name, values, NULL);
    free(values);
  }
  char *text;
  size_t bytes;
  if (weir_i_safetensors_metadata(file, "weir", &memory.allocator, &text, &bytes, NULL) == WEIR_OK && text != NULL) {
    counted_release(&memory, text, bytes);
  }
}

bool folder_make(char *path, size_t size) {
  const char *base = getenv("TMPDIR");
  snprintf(path, size, "%s/weir-file-tests-XXXXXX", base == NULL || base[0] == '\0' ? P_tmpdir : base);
  return mkdtemp(path) != NULL;
}

int folder_count(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) return -1;
  int count = -2;  // "." and ".."
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

void folder_remove(const char *path) { (void)rmdir(path); }

int main(int argc, char **argv) {
  int passed = 0, failed = 0;
  for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
    if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL) continue;
    const int bad = tests[i].run();
    printf("%s %s\n", bad ? "FAIL" : "ok  ", tests[i].name);
    fflush(stdout);
    passed += !bad;
    failed += bad > 0;
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 || passed == 0;
}

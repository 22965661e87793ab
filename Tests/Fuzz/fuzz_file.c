// Fuzz entry for whatever reads a model file's bytes: JSON and safetensors. With libFuzzer, from the repository's root:
//   clang -g -O1 -fsanitize=fuzzer,address,undefined -ICSupport -ICSupport/include Tests/Fuzz/fuzz_file.c CSupport/file/*.c
//     CSupport/base/json*.c CSupport/base/status.c CSupport/base/arena.c -lm
// Without it, add fuzz_driver.c and leave `fuzzer` out. A broken promise traps.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json_internal.h"
#include "file/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { TOKENS_MOST = 1 << 20, NUMBERS_MOST = 1 << 20 };

static void demand(int promise) {
  if (!promise) __builtin_trap();
}

/// Walks every token with every reader.
static void fuzz_json(const uint8_t *bytes, size_t size) {
  const char *text = (const char *)bytes;
  size_t tokens;
  weir_error error = {0};
  if (weir_i_json_measure(text, size, &tokens, &error) != WEIR_OK) {
    demand(error.code == WEIR_ERROR_FORMAT && error.message[0] != '\0');
    return;
  }
  if (tokens > TOKENS_MOST) return;
  void *memory = malloc(weir_i_json_token_bytes(tokens));
  demand(memory != NULL);
  weir_json json;
  const weir_status status = weir_i_json_parse(text, size, memory, tokens, &json, &error);
  demand(status == WEIR_OK || (error.code == status && json.count == 0));
  static const char *const choices[] = {"coupling", "squeeze", "weir"};
  for (int value = 0; (size_t)value < json.count; value++) {
    char buffer[24], shown[WEIR_JSON_SHOWN];
    size_t count, choice;
    double number;
    bool flag, holds_nul;
    const size_t whole = weir_i_json_string(&json, value, buffer, sizeof buffer) ? strlen(buffer) : SIZE_MAX;
    if (whole != SIZE_MAX) {
      demand(weir_i_json_equals(&json, value, buffer) && weir_i_json_copy(&json, value, NULL, 0, &holds_nul) == whole);
    }
    if (weir_i_json_as_count(&json, value, &count)) demand(weir_i_json_as_number(&json, value, &number) || count > 0);
    demand(strlen(weir_i_json_shown(&json, value, shown)) < sizeof shown);
    (void)weir_i_json_bool(&json, value, "x", "a", false, false, &flag, &error);
    (void)weir_i_json_number(&json, value, "x", "a", -1, 1, false, 0, &number, &error);
    (void)weir_i_json_choice(&json, value, "x", "a", choices, 3, false, 0, &choice, &error);
    (void)weir_i_json_only(&json, value, "x", choices, 3, &error);
    const size_t members = weir_i_json_size(&json, value);
    int key, member;
    for (size_t i = 0; i < members && i < 100; i++) {
      if (!weir_i_json_member(&json, value, i, &key, &member)) {
        demand(weir_i_json_item(&json, value, i) > value);
      } else if (weir_i_json_string(&json, key, buffer, sizeof buffer)) {
        demand(weir_i_json_get(&json, value, buffer) == member);
      }
    }
  }
  free(memory);
}

static void fuzz_safetensors(const uint8_t *bytes, size_t size) {
  weir_safetensors file;
  weir_error error = {0};
  const weir_status status = weir_i_safetensors_open(bytes, size, NULL, &file, &error);
  if (status != WEIR_OK) {
    demand(error.code == status && error.message[0] != '\0' && weir_i_safetensors_count(&file) == 0);
    return;
  }
  size_t covered = 0;
  for (size_t i = 0; i < weir_i_safetensors_count(&file); i++) {
    char name[256];
    weir_tensor_view view, found;
    demand(weir_i_safetensors_at(&file, i, name, sizeof name, &view));
    if (strlen(name) < sizeof name - 4) demand(weir_i_safetensors_find(&file, name, &found) && found.data == view.data);
    demand(view.data >= bytes && view.data + view.bytes <= bytes + size);
    covered += view.bytes;
    if (view.count > NUMBERS_MOST) continue;
    float *values = malloc(view.count * sizeof *values + 1);
    demand(values != NULL);
    (void)weir_i_safetensors_read_f32(&view, name, values, &error);
    free(values);
  }
  demand(covered == file.data_bytes);
  weir_allocator heap;
  char *text;
  size_t text_bytes;
  weir_i_allocator(NULL, &heap);
  if (weir_i_safetensors_metadata(&file, "weir", &heap, &text, &text_bytes, &error) == WEIR_OK && text != NULL) {
    fuzz_json((const uint8_t *)text, strlen(text));
    weir_i_release(&heap, text, text_bytes);
  }
  weir_i_safetensors_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_json(bytes, size);
  fuzz_safetensors(bytes, size);
  return 0;
}

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "file_tests.h"

#define TENSOR(dtype, shape, begin, end) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static weir_status open_header(const char *header, size_t data_bytes, weir_error *error, size_t *count) {
  size_t size;
  unsigned char *bytes = file_of(header, data_bytes, &size);
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_safetensors file;
  const weir_status status = weir_i_safetensors_open(bytes, size, &memory.allocator, &file, error);
  *count = weir_i_safetensors_count(&file);
  if (status == WEIR_OK) read_all(&file);
  weir_i_safetensors_close(&file);
  free(bytes);
  return memory.blocks == 0 ? status : WEIR_ERROR_MEMORY;
}

int test_safetensors_valid_headers(void) {
  static const struct {
    const char *header;
    size_t data_bytes, count;
  } cases[] = {
      {"{}", 0, 0},
      {"{}      ", 0, 0},
      {"{\"__metadata__\":{}}", 0, 0},
      {"{\"\\u005f_metadata__\":{\"weir\":\"x\"}}", 0, 0},
      {"{\"a\":" TENSOR("F32", "[2]", "0", "8") "}", 8, 1},
      {"{\"a\":" TENSOR("F32", "[]", "0", "4") "}", 4, 1},
      {"{\"a\":" TENSOR("F32", "[0,3]", "0", "0") "}", 0, 1},
      {"{\"a\":" TENSOR("U8", "[1,1,1,1,1,1,1,3]", "0", "3") "}", 3, 1},
      {"{\"b\":" TENSOR("BF16", "[2]", "1", "5") ",\"a\":" TENSOR("U8", "[1]", "0", "1") "}", 5, 2},
      {"{\"a\":" TENSOR("F32", "[0]", "4", "4") ",\"b\":" TENSOR("F32", "[1]", "0", "4") ",\"c\":" TENSOR("F32", "[0]", "0",
                                                                                                          "0") "}",
       4, 3},
      {"{\"a\":{\"data_offsets\":[0,4],\"shape\":[1],\"dtype\":\"F\\u00332\"}}", 4, 1},
  };
  int bad = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    weir_error error = {0};
    size_t count;
    EXPECT(open_header(cases[i].header, cases[i].data_bytes, &error, &count) == WEIR_OK, error.message);
    EXPECT(count == cases[i].count, cases[i].header);
  }
  return bad;
}

int test_safetensors_lying_headers(void) {
  static const struct {
    const char *header;
    size_t data_bytes;
    const char *where, *message;
  } cases[] = {
      {"", 0, "header, byte 0", "there is no text"},
      {"[]", 0, "header, byte 0", "must begin with '{'"},
      {" {}", 0, "header, byte 0", "must begin with '{'"},
      {"{} x", 0, "header, byte 3", "text after the end"},
      {"{\"a\":1}", 0, "a", "must be an object"},
      {"{\"a\":null,\"b\":null,\"c\":null}", 0, "a", "must be an object"},
      {"{\"a\":{}}", 0, "a", "dtype, shape and data_offsets"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "a", "dtype, shape and data_offsets"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4, "a", "and nothing else"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "header, byte 32", "twice"},
      {"{\"a\":" TENSOR("f32", "[1]", "0", "4") "}", 4, "a", "dtype is not one of"},
      {"{\"a\":" TENSOR("I32", "[1]", "0", "4") "}", 4, "a", "dtype is not one of"},
      {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "a", "dtype is not one of"},
      {"{\"a\":" TENSOR("F32", "1", "0", "4") "}", 4, "a", "array of at most 8"},
      {"{\"a\":" TENSOR("F32", "{\"x\":1}", "0", "4") "}", 4, "a", "array of at most 8"},
      {"{\"a\":" TENSOR("F32", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, "a", "array of at most 8"},
      {"{\"a\":" TENSOR("F32", "[-1]", "0", "4") "}", 4, "a", "whole numbers"},
      {"{\"a\":" TENSOR("F32", "[1.0]", "0", "4") "}", 4, "a", "whole numbers"},
      {"{\"a\":" TENSOR("F32", "[[1],1]", "0", "4") "}", 4, "a", "whole numbers"},
      {"{\"a\":" TENSOR("F32", "[\"1\"]", "0", "4") "}", 4, "a", "whole numbers"},
      {"{\"a\":" TENSOR("F32", "[99999999999999999999]", "0", "4") "}", 4, "a", "whole numbers"},
      {"{\"a\":" TENSOR("F32", "[4294967296,4294967296]", "0", "0") "}", 0, "a", "impossibly large"},
      {"{\"a\":" TENSOR("F32", "[4294967296,4294967296,0]", "0", "0") "}", 0, "a", "impossibly large"},
      {"{\"a\":" TENSOR("F32", "[4611686018427387904]", "0", "0") "}", 0, "a", "impossibly large"},
      {"{\"a\":" TENSOR("F32", "[1]", "4", "0") "}", 4, "a", "end before they begin"},
      {"{\"a\":" TENSOR("F32", "[1]", "0", "8") "}", 8, "a", "not that of its dtype"},
      {"{\"a\":" TENSOR("F64", "[1]", "0", "4") "}", 4, "a", "not that of its dtype"},
      {"{\"a\":" TENSOR("F32", "[1]", "-4", "0") "}", 4, "a", "two whole numbers"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4]}}", 4, "a", "two whole numbers"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}", 4, "a", "two whole numbers"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[[0,4],4]}}", 4, "a", "two whole numbers"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{\"x\":0}}}", 4, "a", "two whole numbers"},
      {"{\"a\":" TENSOR("F32", "[1]", "18446744073709551612", "18446744073709551616") "}", 4, "a", "two whole numbers"},
      {"{\"a\":" TENSOR("F32", "[1]", "18446744073709551611", "18446744073709551615") "}", 4, "a", "leave a gap"},
      {"{\"a\":" TENSOR("F32", "[1]", "4", "8") "}", 8, "a", "leave a gap"},
      {"{\"a\":" TENSOR("U8", "[4]", "0", "4") ",\"b\":" TENSOR("U8", "[4]", "5", "9") "}", 9, "b", "leave a gap"},
      {"{\"a\":" TENSOR("U8", "[4]", "0", "4") ",\"b\":" TENSOR("U8", "[4]", "3", "7") "}", 7, "b", "overlap"},
      {"{\"a\":" TENSOR("U8", "[4]", "0", "4") ",\"b\":" TENSOR("U8", "[4]", "0", "4") "}", 4, "b", "overlap"},
      {"{\"a\":" TENSOR("U8", "[4]", "0", "4") ",\"b\":" TENSOR("U8", "[0]", "2", "2") "}", 4, "b", "overlap"},
      {"{\"a\":" TENSOR("U8", "[4]", "0", "4") "}", 3, "end of the file", "cut short: expected 65 bytes, got 64; copy it again"},
      {"{\"a\":" TENSOR("U8", "[9223372036854775807]", "0", "9223372036854775807") "}", 3, "end of the file", "cut short"},
      {"{\"a\":" TENSOR("U8", "[18446744073709551615]", "0", "18446744073709551615") "}", 3, "end of the file", "cut short"},
      {"{\"a\":" TENSOR("U8", "[4]", "0", "4") "}", 5, "end of the file", "1 bytes follow the last tensor"},
      {"{}", 1, "end of the file", "1 bytes follow the last tensor"},
      {"{\"a\":" TENSOR("U8", "[1]", "0", "1") ",\"\\u0061\":" TENSOR("U8", "[1]", "1", "2") "}", 2, "header, byte 53", "twice"},
      {"{\"a\\u0000\":" TENSOR("U8", "[1]", "0", "1") "}", 1, "a", "holds a NUL"},
      {"{\"__metadata__\":[]}", 0, "__metadata__", "must be an object of strings"},
      {"{\"__metadata__\":\"x\"}", 0, "__metadata__", "must be an object of strings"},
      {"{\"__metadata__\":{\"weir\":{}}}", 0, "__metadata__.weir", "must be a string"},
      {"{\"__metadata__\":{\"a\":\"b\",\"weir\":1}}", 0, "__metadata__.weir", "must be a string"},
      {"{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", 0, "header, byte 25", "twice"},
  };
  int bad = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    weir_error error = {0};
    size_t count;
    EXPECT(open_header(cases[i].header, cases[i].data_bytes, &error, &count) == WEIR_ERROR_FORMAT, cases[i].header);
    EXPECT(count == 0, "a refused file holds nothing");
    EXPECT(strcmp(error.where, cases[i].where) == 0, error.where);
    EXPECT(strstr(error.message, cases[i].message) != NULL, error.message);
    EXPECT(strlen(error.message) < sizeof error.message - 1, "the message is whole");
  }
  return bad;
}

int test_safetensors_lying_lengths(void) {
  static const struct {
    uint64_t length;
    const char *message;
  } cases[] = {
      {0, "there is no text"},
      {1, "cut short"},
      {3, "at least 11 bytes, got 10"},
      {100000000, "at least 100000008 bytes, got 10"},
      {100000001, "over 100000000"},
      {UINT64_MAX, "over 100000000"},
      {UINT64_MAX - 7, "over 100000000"},
  };
  int bad = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    unsigned char *bytes = malloc(10);
    for (size_t j = 0; j < 8; j++) bytes[j] = (unsigned char)(cases[i].length >> 8 * j);
    memcpy(bytes + 8, "{}", 2);
    weir_safetensors file;
    weir_error error = {0};
    EXPECT(weir_i_safetensors_open(bytes, 10, NULL, &file, &error) == WEIR_ERROR_FORMAT, cases[i].message);
    EXPECT(strstr(error.message, cases[i].message) != NULL, error.message);
    free(bytes);
  }
  weir_safetensors file;
  EXPECT(weir_i_safetensors_open(NULL, 10, NULL, &file, NULL) == WEIR_ERROR_ARGUMENT, "no bytes");

  // A small file whose header would need much memory: refused before any is taken.
  const size_t items = 4000000;
  char *header = malloc(2 * items + 16);
  size_t used = (size_t)sprintf(header, "{\"a\":[0");
  for (size_t i = 1; i < items; i++) used += (size_t)sprintf(header + used, ",0");
  sprintf(header + used, "]}");
  size_t size;
  unsigned char *bytes = file_of(header, 0, &size);
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_error error = {0};
  EXPECT(weir_i_safetensors_open(bytes, size, &memory.allocator, &file, &error) == WEIR_ERROR_FORMAT && memory.calls == 0,
         error.message);
  EXPECT(strstr(error.message, "4000003 values") != NULL, error.message);
  free(bytes);
  free(header);
  return bad;
}

int test_safetensors_metadata_text(void) {
  int bad = 0;
  size_t size;
  unsigned char *bytes = file_of("{\"__metadata__\":{\"a\":\"x\\u0000y\",\"b\":\"\\ud83d\\ude00\\t\",\"c\":\"\"}}", 0, &size);
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_safetensors file;
  weir_error error = {0};
  EXPECT(weir_i_safetensors_open(bytes, size, &memory.allocator, &file, &error) == WEIR_OK, error.message);
  char *text;
  size_t text_bytes;
  EXPECT(weir_i_safetensors_metadata(&file, "a", &memory.allocator, &text, &text_bytes, &error) == WEIR_ERROR_FORMAT, "NUL");
  EXPECT(text == NULL && strcmp(error.where, "a") == 0, error.where);
  EXPECT(weir_i_safetensors_metadata(&file, "none", &memory.allocator, &text, &text_bytes, &error) == WEIR_OK && text == NULL,
         "absent");
  static const char *const keys[] = {"b", "c"};
  static const char *const expected[] = {"\xf0\x9f\x98\x80\t", ""};
  for (size_t i = 0; i < 2; i++) {
    EXPECT(weir_i_safetensors_metadata(&file, keys[i], &memory.allocator, &text, &text_bytes, &error) == WEIR_OK, error.message);
    EXPECT(text != NULL && strcmp(text, expected[i]) == 0, keys[i]);
    weir_i_release(&memory.allocator, text, text_bytes);
  }
  weir_i_safetensors_close(&file);
  EXPECT(memory.blocks == 0 && memory.bytes == 0, "memory came back");
  free(bytes);
  return bad;
}

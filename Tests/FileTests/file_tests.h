// What the tests of the model file share: a list of them, a check that says where it failed, memory that is counted and can run out.
#ifndef WEIR_FILE_TESTS_H
#define WEIR_FILE_TESTS_H

#include <stdbool.h>
#include <stddef.h>

#include "file/file_io.h"
#include "file/safetensors.h"

#define FILE_TEST_LIST(TEST)          \
  TEST(json_accepts_valid_text)       \
  TEST(json_refuses_malformed_text)   \
  TEST(json_refuses_every_prefix)     \
  TEST(json_limits)                   \
  TEST(json_duplicate_keys)           \
  TEST(json_many_members)             \
  TEST(json_navigation)               \
  TEST(json_strings)                  \
  TEST(json_numbers_round)            \
  TEST(json_counts)                   \
  TEST(json_typed_members)            \
  TEST(json_choices_and_keys)         \
  TEST(nearest_names)                 \
  TEST(safetensors_round_trip)        \
  TEST(safetensors_rewrite_is_same)   \
  TEST(safetensors_valid_headers)     \
  TEST(safetensors_lying_headers)     \
  TEST(safetensors_lying_lengths)     \
  TEST(safetensors_truncated)         \
  TEST(safetensors_trailing_byte)     \
  TEST(safetensors_bit_flips)         \
  TEST(safetensors_conversion)        \
  TEST(safetensors_metadata_text)     \
  TEST(safetensors_many_tensors)      \
  TEST(safetensors_memory_runs_out)   \
  TEST(write_refuses_bad_input)       \
  TEST(write_failure_leaves_nothing)  \
  TEST(write_replaces_and_keeps_mode) \
  TEST(read_refuses_what_is_no_file)

#define FILE_TEST_DECLARE(name) int test_##name(void);
FILE_TEST_LIST(FILE_TEST_DECLARE)
#undef FILE_TEST_DECLARE

/// Every test returns its failed checks; EXPECT counts into a local `bad` and says which one failed, with one more text.
#define EXPECT(condition, detail) (bad += expect(condition, __FILE__, __LINE__, #condition, detail))
int expect(bool condition, const char *file, int line, const char *text, const char *detail);

/// Memory that counts what is out, and whose allocation number `fail_at` (from 0) gives NULL; -1 for never.
typedef struct counted_memory {
  long fail_at, calls, blocks, bytes;
  weir_allocator allocator;
} counted_memory;
void counted_memory_init(counted_memory *memory, long fail_at);

/// A parsed document and its tokens. json.count is 0 when the text was refused.
typedef struct parsed_text {
  weir_json json;
  void *tokens;
  weir_status status;
  weir_error error;
} parsed_text;
parsed_text parse_text(const char *text, size_t length);
void parsed_text_free(parsed_text *parsed);

/// A safetensors file in exactly-sized memory (so that sanitizers see every byte read beyond), from a header and data; free() it.
unsigned char *file_of(const char *header, size_t data_bytes, size_t *size);
/// Reads everything that can be read from an opened file.
void read_all(const weir_safetensors *file);

/// A new empty folder, its path in path[size]; and the files in it. A folder with files is left for inspection.
bool folder_make(char *path, size_t size);
int folder_count(const char *path);
void folder_remove(const char *path);

#endif

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/status.h"
#include "file/file_io.h"
#include "file/safetensors.h"

enum { HEADER_ALIGNMENT = 8 };

/// Text under construction; over NULL it only counts.
typedef struct weir_header_text {
  char *text;
  size_t used;
} weir_header_text;

static void put(weir_header_text *out, const char *text, size_t length) {
  if (out->text != NULL) memcpy(out->text + out->used, text, length);
  out->used += length;
}

static void put_plain(weir_header_text *out, const char *text) { put(out, text, strlen(text)); }

static void put_count(weir_header_text *out, size_t count) {
  char digits[24];
  put(out, digits, (size_t)snprintf(digits, sizeof digits, "%zu", count));
}

static void put_string(weir_header_text *out, const char *text) {
  put_plain(out, "\"");
  for (; *text != '\0'; text++) {
    const unsigned char c = (unsigned char)*text;
    char escape[8];
    if (c == '"' || c == '\\') {
      put(out, (const char[]){'\\', (char)c}, 2);
    } else if (c < 0x20) {
      put(out, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
    } else {
      put(out, text, 1);
    }
  }
  put_plain(out, "\"");
}

/// Numbers of 8, 4 and 1 bytes, in this order, keep every tensor aligned without gaps, which the format forbids.
static const size_t number_sizes[] = {8, 4, 1};
enum { NUMBER_SIZE_COUNT = sizeof number_sizes / sizeof number_sizes[0] };

static size_t tensor_bytes(const weir_tensor_out *tensor) {
  size_t bytes = weir_i_dtype_bytes(tensor->dtype);
  for (size_t i = 0; i < tensor->rank; i++) bytes *= tensor->shape[i];
  return bytes;
}

static weir_status check_tensor(const weir_tensor_out *tensor, size_t *total, weir_error *error) {
  const char *name = tensor->name;
  if (name == NULL || strcmp(name, "__metadata__") == 0) {
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, name, "a tensor needs a name, and not this one");
  }
  const weir_dtype dtype = tensor->dtype;
  if (dtype != WEIR_DTYPE_F32 && dtype != WEIR_DTYPE_F64 && dtype != WEIR_DTYPE_I64 && dtype != WEIR_DTYPE_U8) {
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, name, "dtype %s is not written; use F32, F64, I64 or U8",
                       weir_i_dtype_name(dtype));
  }
  if (tensor->rank > WEIR_SAFETENSORS_RANK) {
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, name, "has %zu axes; 8 can be written", tensor->rank);
  }
  // Readers multiply the sizes alone, so no part of the product may overflow even where an axis of 0 follows.
  size_t bytes = 1;
  bool overflow = false;
  for (size_t i = 0; i < tensor->rank; i++) overflow |= __builtin_mul_overflow(bytes, tensor->shape[i], &bytes);
  overflow |= __builtin_mul_overflow(bytes, weir_i_dtype_bytes(dtype), &bytes);
  if (overflow || __builtin_add_overflow(*total, bytes, total)) {
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, name, "its shape is impossibly large");
  }
  if (bytes > 0 && tensor->data == NULL) return weir_i_fail(error, WEIR_ERROR_ARGUMENT, name, "its data is NULL");
  return WEIR_OK;
}

static void put_tensor(weir_header_text *out, const weir_tensor_out *tensor, size_t begin) {
  put_string(out, tensor->name);
  put_plain(out, ":{\"dtype\":\"");
  put_plain(out, weir_i_dtype_name(tensor->dtype));
  put_plain(out, "\",\"shape\":[");
  for (size_t i = 0; i < tensor->rank; i++) {
    if (i > 0) put_plain(out, ",");
    put_count(out, tensor->shape[i]);
  }
  put_plain(out, "],\"data_offsets\":[");
  put_count(out, begin);
  put_plain(out, ",");
  put_count(out, begin + tensor_bytes(tensor));
  put_plain(out, "]}");
}

/// The header's text, padded; pieces[] (tensor_count of them) get the tensors' data in the order of the file. Both outputs may be NULL.
static size_t put_header(char *text, weir_file_piece *pieces, const weir_tensor_out *tensors, size_t tensor_count,
                         const char *const *keys, const char *const *values, size_t metadata_count) {
  weir_header_text out = {text, 0};
  put_plain(&out, "{");
  if (metadata_count > 0) put_plain(&out, "\"__metadata__\":{");
  for (size_t i = 0; i < metadata_count; i++) {
    if (i > 0) put_plain(&out, ",");
    put_string(&out, keys[i]);
    put_plain(&out, ":");
    put_string(&out, values[i]);
  }
  if (metadata_count > 0) put_plain(&out, tensor_count > 0 ? "}," : "}");
  size_t begin = 0, written = 0;
  for (size_t pass = 0; pass < NUMBER_SIZE_COUNT; pass++) {
    for (size_t i = 0; i < tensor_count; i++) {
      if (weir_i_dtype_bytes(tensors[i].dtype) != number_sizes[pass]) continue;
      if (written > 0) put_plain(&out, ",");
      put_tensor(&out, &tensors[i], begin);
      const size_t bytes = tensor_bytes(&tensors[i]);
      if (pieces != NULL) pieces[written] = (weir_file_piece){tensors[i].data, bytes};
      begin += bytes;
      written++;
    }
  }
  put_plain(&out, "}");
  while (out.used % HEADER_ALIGNMENT != 0) put_plain(&out, " ");
  return out.used;
}

/// What is written must be readable: names and metadata are UTF-8 and unique, sizes within the reader's caps.
static weir_status check_header(const char *text, size_t length, const weir_allocator *allocator, weir_error *error) {
  weir_error problem = {0};
  size_t tokens;
  weir_status status = weir_i_json_measure(text, length, &tokens, &problem);
  if (status == WEIR_OK && tokens > WEIR_SAFETENSORS_TOKENS_MOST)
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, NULL, "the header would have %zu values, more than %d", tokens,
                       WEIR_SAFETENSORS_TOKENS_MOST);
  if (status == WEIR_OK) {
    const size_t bytes = weir_i_json_token_bytes(tokens);
    void *memory = weir_i_allocate(allocator, bytes);
    if (memory == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, NULL, "no memory to check the header");
    weir_json json;
    status = weir_i_json_parse(text, length, memory, tokens, &json, &problem);
    weir_i_release(allocator, memory, bytes);
  }
  if (status == WEIR_OK) return WEIR_OK;
  return weir_i_fail(error, WEIR_ERROR_ARGUMENT, NULL, "names and metadata: %s", problem.message);
}

static weir_status write_pieces(const char *path, const weir_tensor_out *tensors, size_t tensor_count, const char *const *keys,
                                const char *const *values, size_t metadata_count, const weir_allocator *allocator,
                                weir_error *error) {
  const size_t length = put_header(NULL, NULL, tensors, tensor_count, keys, values, metadata_count);
  if (length > WEIR_SAFETENSORS_HEADER_MOST) {
    return weir_i_fail(error, WEIR_ERROR_ARGUMENT, path, "the header would have %zu bytes, more than %d", length,
                       WEIR_SAFETENSORS_HEADER_MOST);
  }
  size_t piece_bytes;
  if (__builtin_mul_overflow(tensor_count + 1, sizeof(weir_file_piece), &piece_bytes)) piece_bytes = SIZE_MAX;
  weir_file_piece *pieces = weir_i_allocate(allocator, piece_bytes);
  char *head = weir_i_allocate(allocator, WEIR_SAFETENSORS_LENGTH + length);
  weir_status status;
  if (pieces == NULL || head == NULL) {
    status = weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for a header of %zu bytes", length);
  } else {
    for (size_t i = 0; i < WEIR_SAFETENSORS_LENGTH; i++) head[i] = (char)((uint64_t)length >> 8 * i);
    put_header(head + WEIR_SAFETENSORS_LENGTH, pieces + 1, tensors, tensor_count, keys, values, metadata_count);
    pieces[0] = (weir_file_piece){head, WEIR_SAFETENSORS_LENGTH + length};
    status = check_header(head + WEIR_SAFETENSORS_LENGTH, length, allocator, error);
    if (status == WEIR_OK) status = weir_i_file_replace(path, pieces, tensor_count + 1, allocator, error);
  }
  weir_i_release(allocator, head, WEIR_SAFETENSORS_LENGTH + length);
  weir_i_release(allocator, pieces, piece_bytes);
  return status;
}

weir_status weir_i_safetensors_write(const char *path, const weir_tensor_out *tensors, size_t tensor_count,
                                     const char *const *metadata_keys, const char *const *metadata_values, size_t metadata_count,
                                     const weir_allocator *allocator, weir_error *error) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  if (first != 1) return weir_i_fail(error, WEIR_ERROR_UNSUPPORTED, path, "model files are little-endian, this machine is not");
  weir_allocator memory;
  weir_status status = weir_i_allocator(allocator, &memory);
  if (status != WEIR_OK) return weir_i_fail(error, status, path, "the allocator is not complete");
  size_t total = 0;
  for (size_t i = 0; i < tensor_count; i++) {
    status = check_tensor(&tensors[i], &total, error);
    if (status != WEIR_OK) return status;
  }
  for (size_t i = 0; i < metadata_count; i++) {
    if (metadata_keys[i] == NULL || metadata_values[i] == NULL) {
      return weir_i_fail(error, WEIR_ERROR_ARGUMENT, path, "metadata entry %zu is NULL", i);
    }
  }
  return write_pieces(path, tensors, tensor_count, metadata_keys, metadata_values, metadata_count, &memory, error);
}

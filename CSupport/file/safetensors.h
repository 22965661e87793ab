// The safetensors container: 8 bytes little-endian header length, a JSON header, then the tensors' bytes.
// Header: {"__metadata__": {key: string}, name: {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ...}
#ifndef WEIR_FILE_SAFETENSORS_H
#define WEIR_FILE_SAFETENSORS_H

#include "base/json.h"

enum { WEIR_SAFETENSORS_RANK = 8, WEIR_SAFETENSORS_LENGTH = 8 };
/// Most bytes and most JSON values of a header.
enum { WEIR_SAFETENSORS_HEADER_MOST = 100000000, WEIR_SAFETENSORS_TOKENS_MOST = 4000000 };

typedef enum weir_dtype {
  WEIR_DTYPE_F32 = 0,
  WEIR_DTYPE_F64 = 1,
  WEIR_DTYPE_BF16 = 2,
  WEIR_DTYPE_F16 = 3,
  WEIR_DTYPE_I64 = 4,
  WEIR_DTYPE_U8 = 5
} weir_dtype;

typedef struct weir_tensor_view {
  weir_dtype dtype;
  size_t rank;
  size_t shape[WEIR_SAFETENSORS_RANK];
  size_t count;               // product of the shape
  const unsigned char *data;  // inside the file's bytes, any alignment, little-endian; NULL when only the header is in memory
  size_t begin;               // where they begin after the header
  size_t bytes;
} weir_tensor_view;

/// A checked file: every range lies inside the file, none overlap, there are no gaps and no trailing bytes, products do not
/// overflow, names are unique. Points into the caller's bytes.
typedef struct weir_safetensors {
  weir_json json;
  const unsigned char *data;  // after the header; NULL when only the header is in memory
  size_t data_begin;          // in the file
  size_t data_bytes;
  weir_allocator allocator;
  void *token_memory;  // the JSON tokens, then what follows
  size_t token_bytes;
  size_t count;                                  // tensors
  const struct weir_safetensors_entry *entries;  // in header order
  const int *by_name;                            // their indexes, in the order that finding searches
  int metadata;                                  // "__metadata__", or WEIR_JSON_NONE
} weir_safetensors;

/// "F32" and so on, and the bytes of one number.
const char *weir_i_dtype_name(weir_dtype dtype);
size_t weir_i_dtype_bytes(weir_dtype dtype);

/// `bytes` are not copied and must outlive *file. On failure there is nothing to close. A NULL allocator means malloc and free.
weir_status weir_i_safetensors_open(const void *bytes, size_t size, const weir_allocator *allocator, weir_safetensors *file,
                                    weir_error *error);
/// The bytes before the data of a file of `size` bytes, from its first WEIR_SAFETENSORS_LENGTH (or fewer, when it has no more).
weir_status weir_i_safetensors_header(const void *first, size_t size, size_t *header, weir_error *error);
/// The same as open from the bytes before the data alone: then no view has data.
weir_status weir_i_safetensors_open_header(const void *bytes, size_t header, size_t size, const weir_allocator *allocator,
                                           weir_safetensors *file, weir_error *error);
void weir_i_safetensors_close(weir_safetensors *file);

/// Looks a tensor up by name; false when there is none.
bool weir_i_safetensors_find(const weir_safetensors *file, const char *name, weir_tensor_view *view);
/// Tensors in the file, and the one at `index` in header order with its name (cut to fit).
size_t weir_i_safetensors_count(const weir_safetensors *file);
bool weir_i_safetensors_at(const weir_safetensors *file, size_t index, char *name, size_t name_size, weir_tensor_view *view);
/// Copies metadata `key`, unescaped and NUL-terminated, into memory from `allocator` (*bytes is its size, for weir_i_release).
/// *text is NULL when the key is not there.
weir_status weir_i_safetensors_metadata(const weir_safetensors *file, const char *key, const weir_allocator *allocator, char **text,
                                        size_t *bytes, weir_error *error);
/// Converts a view's numbers to f32 (F32, F64, BF16, F16 only); refuses NaN and Inf, naming `name` and the position.
/// values may be the view's own f32 numbers, which are then checked where they lie.
weir_status weir_i_safetensors_read_f32(const weir_tensor_view *view, const char *name, float *values, weir_error *error);

/// One tensor to write. F32, F64, I64 or U8 only.
typedef struct weir_tensor_out {
  const char *name;
  weir_dtype dtype;
  size_t rank;
  size_t shape[WEIR_SAFETENSORS_RANK];
  const void *data;
} weir_tensor_out;

/// Writes atomically: a temporary file beside `path`, flushed to disk, then renamed over it. On failure `path` is as it was and the
/// temporary file is gone. Names and metadata are UTF-8 and are escaped here. In the file, numbers of 8 bytes come first, then those of
/// 4 and of 1, so that all are aligned; within one size the order is the caller's.
weir_status weir_i_safetensors_write(const char *path, const weir_tensor_out *tensors, size_t tensor_count,
                                     const char *const *metadata_keys, const char *const *metadata_values, size_t metadata_count,
                                     const weir_allocator *allocator, weir_error *error);

#endif

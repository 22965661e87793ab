// Files: read whole or in parts, replaced in one stroke. The only file interface of the engine.
#ifndef WEIR_FILE_FILE_IO_H
#define WEIR_FILE_FILE_IO_H

#include "weir.h"

/// A regular file opened for reading.
typedef struct weir_file {
  int descriptor;
  const char *path;  // the caller's, for messages
  size_t size;       // when it was opened
} weir_file;

/// Refuses directories, devices, empty files (WEIR_ERROR_FORMAT) and files over `most` bytes, and says which. On failure there is nothing
/// to close.
weir_status weir_i_file_open(const char *path, size_t most, weir_file *file, weir_error *error);
/// Reads bytes [begin, begin + size), which lay inside the file when it was opened; a file that became shorter since is an error.
weir_status weir_i_file_take(const weir_file *file, size_t begin, void *bytes, size_t size, weir_error *error);
void weir_i_file_close(const weir_file *file);

/// A whole file in memory from `allocator` (*size is its size, for weir_i_release); refuses what weir_i_file_open does.
weir_status weir_i_file_read(const char *path, size_t most, const weir_allocator *allocator, void **bytes, size_t *size,
                             weir_error *error);

/// A part of a file to write.
typedef struct weir_file_piece {
  const void *bytes;
  size_t size;
} weir_file_piece;

/// Replaces `path` by the `count` pieces, one after the other: all of it, or nothing.
weir_status weir_i_file_replace(const char *path, const weir_file_piece *pieces, size_t count, const weir_allocator *allocator,
                                weir_error *error);

#endif

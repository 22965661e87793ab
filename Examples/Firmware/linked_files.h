// Files that are part of the program; array_of_file.cmake makes them C.
#ifndef LINKED_FILES_H
#define LINKED_FILES_H

#include <stddef.h>

// Aligned to 64 bytes, so that the model's weights are read where they lie.
extern const unsigned char model_file[], pictures_file[];
extern const size_t model_file_bytes, pictures_file_bytes;

#endif

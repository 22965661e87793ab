// What the JSON files share, and what reading the safetensors header needs beyond json.h.
#ifndef WEIR_BASE_JSON_INTERNAL_H
#define WEIR_BASE_JSON_INTERNAL_H

#include <stdint.h>

#include "base/json.h"

enum { WEIR_JSON_DEPTH = 32, WEIR_JSON_MEMBERS = 100000, WEIR_JSON_SHOWN = 48 };

/// Strict RFC 8259 grammar of a document whose root is an object or an array; *tokens counts keys and values. Finds everything but
/// duplicate keys.
weir_status weir_i_json_check(const char *text, size_t length, size_t *tokens, weir_error *error);

/// Next character of a checked string: its UTF-8 bytes into out[0..result), *at moved past it. Escapes are resolved.
size_t weir_i_json_decode(const char *text, size_t length, size_t *at, unsigned char out[4]);

/// Token just past `value` and all it holds. An object's first key, or an array's first item, is `value` + 1.
int weir_i_json_next(const weir_json *json, int value);

/// Hash of a key token's unescaped text, and of a C string: equal texts have equal hashes.
uint32_t weir_i_json_hash(const weir_json *json, int key);
uint32_t weir_i_json_hash_text(const char *text);

/// Unescapes a string into buffer[size], NUL-terminated and cut before the character that does not fit. Returns the bytes of the whole.
size_t weir_i_json_copy(const weir_json *json, int value, char *buffer, size_t size, bool *holds_nul);

/// A value's text for messages: as written, and cut to fit.
const char *weir_i_json_shown(const weir_json *json, int value, char buffer[WEIR_JSON_SHOWN]);

/// Sorts in place, without memory and in n log n steps whatever the input. `compare` is negative, 0 or positive.
typedef int weir_i_json_order(const void *context, int a, int b);
void weir_i_json_sort(int *items, size_t count, weir_i_json_order *compare, const void *context);

#endif

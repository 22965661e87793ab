// Reading JSON without allocation: jsmn finds the tokens, this reads them with errors that name the place.
#ifndef WEIR_BASE_JSON_H
#define WEIR_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "weir.h"

typedef struct weir_json_token weir_json_token;

/// A parsed document over caller-owned text. Values are token indexes; the root is 0; WEIR_JSON_NONE is "not there".
typedef struct weir_json {
  const char *text;
  size_t length;
  const weir_json_token *tokens;
  size_t count;
} weir_json;

enum { WEIR_JSON_NONE = -1 };

/// Tokens that `text` needs; refuses what is not strict JSON (bad escapes, NaN, nesting over 32, text after the root), a root that is
/// neither object nor array, and objects of over 100,000 members.
weir_status weir_i_json_measure(const char *text, size_t length, size_t *tokens, weir_error *error);
/// Bytes for that many tokens.
size_t weir_i_json_token_bytes(size_t tokens);
/// Parses into `tokens`, memory of weir_i_json_token_bytes(count) bytes, aligned for int. Refuses what measuring does, and duplicate keys.
weir_status weir_i_json_parse(const char *text, size_t length, void *tokens, size_t count, weir_json *json, weir_error *error);

bool weir_i_json_is_object(const weir_json *json, int value);
bool weir_i_json_is_array(const weir_json *json, int value);
bool weir_i_json_is_string(const weir_json *json, int value);

/// Members of an object or items of an array; 0 for anything else.
size_t weir_i_json_size(const weir_json *json, int value);
/// Value of member `key` of an object, or WEIR_JSON_NONE.
int weir_i_json_get(const weir_json *json, int object, const char *key);
/// Item `index` of an array, or WEIR_JSON_NONE.
int weir_i_json_item(const weir_json *json, int array, size_t index);
/// Member `index` of an object: its key and value tokens. False past the end.
bool weir_i_json_member(const weir_json *json, int object, size_t index, int *key, int *value);

/// The raw text of a value (without quotes for a string).
const char *weir_i_json_text(const weir_json *json, int value, size_t *length);
/// A string, unescaped to UTF-8 and NUL-terminated in buffer[size]; false when it is no string, or does not fit, or holds NUL.
bool weir_i_json_string(const weir_json *json, int value, char *buffer, size_t size);
/// True when value is a string equal to `text`.
bool weir_i_json_equals(const weir_json *json, int value, const char *text);
/// A number written as digits alone (no sign, point or exponent); false when it is not one, or over SIZE_MAX.
bool weir_i_json_as_count(const weir_json *json, int value, size_t *count);
/// A finite number, correctly rounded whatever the locale; false for anything else, or when over 128 characters long.
bool weir_i_json_as_number(const weir_json *json, int value, double *number);

// Typed members with defaults, for the model description. `where` is the object's path ("steps[3].net"), used in errors. A member that is there
// with the wrong type or out of range is WEIR_ERROR_SPEC; one that is not there gives the default, or WEIR_ERROR_SPEC when `required`.
weir_status weir_i_json_count(const weir_json *json, int object, const char *where, const char *key, size_t least, size_t most,
                              bool required, size_t default_value, size_t *value, weir_error *error);
weir_status weir_i_json_number(const weir_json *json, int object, const char *where, const char *key, double least, double most,
                               bool required, double default_value, double *value, weir_error *error);
weir_status weir_i_json_bool(const weir_json *json, int object, const char *where, const char *key, bool required,
                             bool default_value, bool *value, weir_error *error);
/// A string that must be one of choices[0..choice_count): *value is its index. Unknown ones are refused naming the nearest.
weir_status weir_i_json_choice(const weir_json *json, int object, const char *where, const char *key, const char *const *choices,
                               size_t choice_count, bool required, size_t default_value, size_t *value, weir_error *error);
/// Refuses members of `object` that are not among keys[0..key_count), naming the nearest known key.
weir_status weir_i_json_only(const weir_json *json, int object, const char *where, const char *const *keys, size_t key_count,
                             weir_error *error);

/// The choice nearest to `text` by edit distance, for "did you mean"; NULL when none is near.
const char *weir_i_nearest(const char *text, const char *const *choices, size_t choice_count);

#endif

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_internal.h"
#include "base/status.h"

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

// Tokens stay jsmn's. After parsing, two of its fields that have served their purpose hold something new:
// `parent` is the token past this one and all it holds, and a key's `size` (always 1) is the hash of its text.

enum { NUMBER_MOST = 128 };

static const jsmntok_t *token_at(const weir_json *json, int value) {
  if (value < 0 || (size_t)value >= json->count) return NULL;
  return (const jsmntok_t *)(const void *)json->tokens + value;
}

static bool has_type(const weir_json *json, int value, jsmntype_t type) {
  const jsmntok_t *token = token_at(json, value);
  return token != NULL && token->type == type;
}

weir_status weir_i_json_measure(const char *text, size_t length, size_t *tokens, weir_error *error) {
  return weir_i_json_check(text, length, tokens, error);
}

size_t weir_i_json_token_bytes(size_t tokens) {
  size_t bytes;  // each token has an int besides, to sort keys in
  return __builtin_mul_overflow(tokens, sizeof(jsmntok_t) + sizeof(int), &bytes) ? SIZE_MAX : bytes;
}

static uint32_t hash_byte(uint32_t hash, unsigned char byte) { return (hash ^ byte) * 16777619u; }  // FNV-1a

static uint32_t hash_string(const char *text, size_t length) {
  uint32_t hash = 2166136261u;
  for (size_t at = 0; at < length;) {
    unsigned char bytes[4];
    const size_t size = weir_i_json_decode(text, length, &at, bytes);
    for (size_t i = 0; i < size; i++) hash = hash_byte(hash, bytes[i]);
  }
  return hash;
}

uint32_t weir_i_json_hash_text(const char *text) {
  uint32_t hash = 2166136261u;
  for (; *text != '\0'; text++) hash = hash_byte(hash, (unsigned char)*text);
  return hash;
}

uint32_t weir_i_json_hash(const weir_json *json, int key) {
  const jsmntok_t *token = token_at(json, key);
  return token == NULL ? 0 : (uint32_t)token->size;
}

/// Backwards, so that the `parent` of everything a token holds is already the new one.
static void link_tokens(const char *text, jsmntok_t *tokens, int count) {
  for (int i = count - 1; i >= 0; i--) {
    jsmntok_t *token = tokens + i;
    int next = i + 1;
    if (token->type == JSMN_OBJECT || token->type == JSMN_ARRAY) {
      for (int member = 0; member < token->size; member++) next = tokens[next].parent;
    } else if (token->type == JSMN_STRING && token->size == 1) {
      next = tokens[next].parent;
      token->size = (int)hash_string(text + token->start, (size_t)(token->end - token->start));
    }
    token->parent = next;
  }
}

/// Keys by hash, then by unescaped bytes.
static int compare_keys(const void *context, int a, int b) {
  const weir_json *json = context;
  const jsmntok_t *first = token_at(json, a), *second = token_at(json, b);
  if (first->size != second->size) return first->size < second->size ? -1 : 1;
  const char *texts[2] = {json->text + first->start, json->text + second->start};
  const size_t lengths[2] = {(size_t)(first->end - first->start), (size_t)(second->end - second->start)};
  size_t at[2] = {0, 0};
  while (at[0] < lengths[0] && at[1] < lengths[1]) {
    unsigned char bytes[2][4] = {{0}, {0}};
    for (int side = 0; side < 2; side++) weir_i_json_decode(texts[side], lengths[side], &at[side], bytes[side]);
    const int order = memcmp(bytes[0], bytes[1], sizeof bytes[0]);
    if (order != 0) return order;
  }
  return (at[0] < lengths[0]) - (at[1] < lengths[1]);
}

static weir_status refuse_duplicates(const weir_json *json, int *scratch, weir_error *error) {
  for (int object = 0; (size_t)object < json->count; object++) {
    const size_t size = weir_i_json_is_object(json, object) ? weir_i_json_size(json, object) : 0;
    if (size < 2) continue;
    int key = object + 1;
    for (size_t i = 0; i < size; i++, key = weir_i_json_next(json, key)) scratch[i] = key;
    weir_i_json_sort(scratch, size, compare_keys, json);
    for (size_t i = 1; i < size; i++) {
      if (compare_keys(json, scratch[i - 1], scratch[i]) != 0) continue;
      const int later = scratch[i - 1] > scratch[i] ? scratch[i - 1] : scratch[i];
      char where[32], shown[WEIR_JSON_SHOWN];
      snprintf(where, sizeof where, "byte %d", token_at(json, later)->start - 1);
      return weir_i_fail(error, WEIR_ERROR_FORMAT, where, "key \"%s\" is in the object twice; keep one",
                         weir_i_json_shown(json, later, shown));
    }
  }
  return WEIR_OK;
}

weir_status weir_i_json_parse(const char *text, size_t length, void *tokens, size_t count, weir_json *json, weir_error *error) {
  *json = (weir_json){0};
  size_t needed;
  weir_status status = weir_i_json_measure(text, length, &needed, error);
  if (status != WEIR_OK) return status;
  if (tokens == NULL || count < needed) {
    return weir_i_fail(error, WEIR_ERROR_MEMORY, "JSON", "needs memory for %zu tokens, got %zu", needed, count);
  }
  jsmn_parser parser;
  jsmn_init(&parser);
  if (jsmn_parse(&parser, text, length, tokens, (unsigned)needed) != (int)needed) {
    return weir_i_fail(error, WEIR_ERROR_FORMAT, "JSON", "the document can't be split into tokens");
  }
  link_tokens(text, tokens, (int)needed);
  *json = (weir_json){.text = text, .length = length, .tokens = tokens, .count = needed};
  status = refuse_duplicates(json, (int *)(void *)((jsmntok_t *)tokens + needed), error);
  if (status != WEIR_OK) *json = (weir_json){0};
  return status;
}

bool weir_i_json_is_object(const weir_json *json, int value) { return has_type(json, value, JSMN_OBJECT); }
bool weir_i_json_is_array(const weir_json *json, int value) { return has_type(json, value, JSMN_ARRAY); }
bool weir_i_json_is_string(const weir_json *json, int value) { return has_type(json, value, JSMN_STRING); }

size_t weir_i_json_size(const weir_json *json, int value) {
  if (!weir_i_json_is_object(json, value) && !weir_i_json_is_array(json, value)) return 0;
  return (size_t)token_at(json, value)->size;
}

int weir_i_json_next(const weir_json *json, int value) {
  const jsmntok_t *token = token_at(json, value);
  return token == NULL ? WEIR_JSON_NONE : token->parent;
}

int weir_i_json_get(const weir_json *json, int object, const char *key) {
  if (!weir_i_json_is_object(json, object)) return WEIR_JSON_NONE;
  const uint32_t hash = weir_i_json_hash_text(key);
  const size_t size = weir_i_json_size(json, object);
  int member = object + 1;
  for (size_t i = 0; i < size; i++, member = weir_i_json_next(json, member)) {
    if (weir_i_json_hash(json, member) == hash && weir_i_json_equals(json, member, key)) return member + 1;
  }
  return WEIR_JSON_NONE;
}

/// Start of child `index`: an item of an array, a key of an object.
static int child_at(const weir_json *json, int value, size_t index) {
  if (index >= weir_i_json_size(json, value)) return WEIR_JSON_NONE;
  int child = value + 1;
  for (size_t i = 0; i < index; i++) child = weir_i_json_next(json, child);
  return child;
}

int weir_i_json_item(const weir_json *json, int array, size_t index) {
  return weir_i_json_is_array(json, array) ? child_at(json, array, index) : WEIR_JSON_NONE;
}

bool weir_i_json_member(const weir_json *json, int object, size_t index, int *key, int *value) {
  const int child = weir_i_json_is_object(json, object) ? child_at(json, object, index) : WEIR_JSON_NONE;
  *key = child;
  *value = child == WEIR_JSON_NONE ? WEIR_JSON_NONE : child + 1;
  return child != WEIR_JSON_NONE;
}

const char *weir_i_json_text(const weir_json *json, int value, size_t *length) {
  const jsmntok_t *token = token_at(json, value);
  *length = token == NULL ? 0 : (size_t)(token->end - token->start);
  return token == NULL ? "" : json->text + token->start;
}

size_t weir_i_json_copy(const weir_json *json, int value, char *buffer, size_t size, bool *holds_nul) {
  size_t length, whole = 0, kept = 0;
  const char *text = weir_i_json_text(json, value, &length);
  *holds_nul = false;
  for (size_t at = 0; at < length;) {
    unsigned char bytes[4];
    const size_t more = weir_i_json_decode(text, length, &at, bytes);
    if (bytes[0] == '\0') *holds_nul = true;
    if (kept == whole && kept + more < size) {
      memcpy(buffer + kept, bytes, more);
      kept += more;
    }
    whole += more;
  }
  if (size > 0) buffer[kept] = '\0';
  return whole;
}

bool weir_i_json_string(const weir_json *json, int value, char *buffer, size_t size) {
  if (!weir_i_json_is_string(json, value)) return false;
  bool holds_nul;
  return weir_i_json_copy(json, value, buffer, size, &holds_nul) < size && !holds_nul;
}

bool weir_i_json_equals(const weir_json *json, int value, const char *text) {
  if (!weir_i_json_is_string(json, value)) return false;
  size_t length, same = 0;
  const char *written = weir_i_json_text(json, value, &length);
  for (size_t at = 0; at < length;) {
    unsigned char bytes[4];
    const size_t size = weir_i_json_decode(written, length, &at, bytes);
    for (size_t i = 0; i < size; i++, same++) {
      if (text[same] == '\0' || (unsigned char)text[same] != bytes[i]) return false;
    }
  }
  return text[same] == '\0';
}

bool weir_i_json_as_count(const weir_json *json, int value, size_t *count) {
  if (!has_type(json, value, JSMN_PRIMITIVE)) return false;
  size_t length, result = 0;
  const char *text = weir_i_json_text(json, value, &length);
  for (size_t i = 0; i < length; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    if (__builtin_mul_overflow(result, 10, &result) || __builtin_add_overflow(result, (size_t)(text[i] - '0'), &result))
      return false;
  }
  *count = result;
  return true;
}

/// strtod wants the locale's decimal point, so it is given none: 12.5e3 is read as 125e2.
bool weir_i_json_as_number(const weir_json *json, int value, double *number) {
  if (!has_type(json, value, JSMN_PRIMITIVE)) return false;
  size_t length, used = 0, i = 0;
  const char *text = weir_i_json_text(json, value, &length);
  if (length > NUMBER_MOST || (text[0] != '-' && (text[0] < '0' || text[0] > '9'))) return false;
  char plain[NUMBER_MOST + 16];
  int exponent = 0;
  bool after_point = false;
  for (; i < length && text[i] != 'e' && text[i] != 'E'; i++) {
    if (text[i] == '.') {
      after_point = true;
    } else {
      plain[used++] = text[i];
      exponent -= after_point;
    }
  }
  if (i < length) {
    const bool negative = text[i + 1] == '-';
    int written = 0;
    for (i += 1 + (negative || text[i + 1] == '+'); i < length; i++) {
      if (written < 100000) written = written * 10 + (text[i] - '0');
    }
    exponent += negative ? -written : written;
  }
  snprintf(plain + used, sizeof plain - used, "e%d", exponent);
  const double result = strtod(plain, NULL);
  if (!isfinite(result)) return false;
  *number = result;
  return true;
}

const char *weir_i_json_shown(const weir_json *json, int value, char buffer[WEIR_JSON_SHOWN]) {
  size_t length;
  const char *text = weir_i_json_text(json, value, &length);
  size_t kept = length < WEIR_JSON_SHOWN ? length : WEIR_JSON_SHOWN - 4;
  while (kept < length && kept > 0 && ((unsigned char)text[kept] & 0xC0) == 0x80) kept--;  // not inside a UTF-8 character
  for (size_t i = 0; i < kept; i++) buffer[i] = text[i] == '\n' || text[i] == '\r' || text[i] == '\t' ? ' ' : text[i];
  memcpy(buffer + kept, kept < length ? "..." : "", kept < length ? 4 : 1);
  return buffer;
}

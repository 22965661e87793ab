// Replacing one member of a model description.
#include <string.h>

#include "file/model_values.h"

static size_t append(char *text, size_t at, const char *piece, size_t length) {
  if (text != NULL) memcpy(text + at, piece, length);
  return at + length;
}

// The top level's members other than provenance, then provenance. Over NULL it only counts.
static size_t compose(const weir_json *json, const char *provenance, char *text) {
  size_t at = append(text, 0, "{", 1);
  int key, value;
  for (size_t i = 0; weir_i_json_member(json, 0, i, &key, &value); i++) {
    if (weir_i_json_equals(json, key, "provenance")) continue;
    size_t key_length, value_length;
    const char *key_text = weir_i_json_text(json, key, &key_length), *value_text = weir_i_json_text(json, value, &value_length);
    const bool quoted = weir_i_json_is_string(json, value);
    at = append(text, at, "\"", 1);
    at = append(text, at, key_text, key_length);
    at = append(text, at, quoted ? "\":\"" : "\":", quoted ? 3 : 2);
    at = append(text, at, value_text, value_length);
    at = append(text, at, quoted ? "\"," : ",", quoted ? 2 : 1);
  }
  at = append(text, at, "\"provenance\":", 13);
  at = append(text, at, provenance, strlen(provenance));
  return append(text, at, "}", 2);
}

static weir_status check(const char *text, const weir_allocator *allocator, weir_error *error) {
  size_t count;
  weir_status status = weir_i_json_measure(text, strlen(text), &count, error);
  if (status != WEIR_OK) return status;
  void *tokens = weir_i_allocate(allocator, weir_i_json_token_bytes(count));
  if (tokens == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, "provenance", "no memory to check the description");
  weir_json json;
  status = weir_i_json_parse(text, strlen(text), tokens, count, &json, error);
  weir_i_release(allocator, tokens, weir_i_json_token_bytes(count));
  return status;
}

static weir_status with_tokens(const char *spec, void *tokens, size_t count, const char *provenance,
                               const weir_allocator *allocator, char **text, size_t *bytes, weir_error *error) {
  weir_json json;
  const weir_status status = weir_i_json_parse(spec, strlen(spec), tokens, count, &json, error);
  if (status != WEIR_OK) return status;
  *bytes = compose(&json, provenance, NULL);
  *text = weir_i_allocate(allocator, *bytes);
  if (*text == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, "provenance", "no memory for %zu bytes", *bytes);
  compose(&json, provenance, *text);
  // What the object holds may still be too deep inside the description, or name a key twice.
  const weir_status composed = check(*text, allocator, error);
  if (composed == WEIR_OK) return WEIR_OK;
  weir_i_release(allocator, *text, *bytes);
  *text = NULL;
  return composed;
}

weir_status weir_i_spec_with_provenance(const char *spec, const char *provenance, const weir_allocator *allocator, char **text,
                                        size_t *bytes, weir_error *error) {
  size_t unused, count;
  weir_status status = weir_i_json_measure(provenance, strlen(provenance), &unused, error);
  if (status != WEIR_OK) return status;
  if (provenance[strspn(provenance, " \t\r\n")] != '{')
    return weir_i_fail(error, WEIR_ERROR_FORMAT, "provenance",
                       "provenance must be a JSON object, for example {\"trained_on\": \"...\"}");
  status = weir_i_json_measure(spec, strlen(spec), &count, error);
  if (status != WEIR_OK) return status;
  void *tokens = weir_i_allocate(allocator, weir_i_json_token_bytes(count));
  if (tokens == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, "provenance", "no memory to read the description");
  status = with_tokens(spec, tokens, count, provenance, allocator, text, bytes, error);
  weir_i_release(allocator, tokens, weir_i_json_token_bytes(count));
  return status;
}

#include <stdio.h>
#include <string.h>

#include "base/json_internal.h"
#include "base/status.h"

enum { WHERE_SIZE = 96, NEAREST_CHARS = 63, LIST_SIZE = 120 };

void weir_i_json_sort(int *items, size_t count, weir_i_json_order *compare, const void *context) {
  // Heap sort: qsort may allocate, has no context, and may be quadratic on chosen input.
  for (size_t start = count / 2, end = count; end > 1;) {
    if (start > 0) {
      start--;
    } else {
      end--;
      const int top = items[0];
      items[0] = items[end];
      items[end] = top;
    }
    size_t root = start;
    for (size_t child = 2 * root + 1; child < end; child = 2 * root + 1) {
      if (child + 1 < end && compare(context, items[child], items[child + 1]) < 0) child++;
      if (compare(context, items[root], items[child]) >= 0) break;
      const int swapped = items[root];
      items[root] = items[child];
      items[child] = swapped;
      root = child;
    }
  }
}

static const char *path_of(const char *where, const char *key, char buffer[WHERE_SIZE]) {
  const bool root = where == NULL || where[0] == '\0';
  snprintf(buffer, WHERE_SIZE, "%s%s%s", root ? "" : where, root ? "" : ".", key);
  return buffer;
}

static weir_status refuse_missing(const char *where, const char *key, weir_error *error) {
  char path[WHERE_SIZE];
  return weir_i_fail(error, WEIR_ERROR_SPEC, path_of(where, key, path), "\"%s\" is missing; add it to the description", key);
}

/// What a refused value looked like, with quotes when it is a string.
static const char *shown_value(const weir_json *json, int value, char buffer[WEIR_JSON_SHOWN + 2]) {
  char shown[WEIR_JSON_SHOWN];
  const char *quote = weir_i_json_is_string(json, value) ? "\"" : "";
  snprintf(buffer, WEIR_JSON_SHOWN + 2, "%s%s%s", quote, weir_i_json_shown(json, value, shown), quote);
  return buffer;
}

weir_status weir_i_json_count(const weir_json *json, int object, const char *where, const char *key, size_t least, size_t most,
                              bool required, size_t default_value, size_t *value, weir_error *error) {
  const int member = weir_i_json_get(json, object, key);
  if (member == WEIR_JSON_NONE) {
    if (required) return refuse_missing(where, key, error);
    *value = default_value;
    return WEIR_OK;
  }
  size_t count;
  if (!weir_i_json_as_count(json, member, &count) || count < least || count > most) {
    char path[WHERE_SIZE], shown[WEIR_JSON_SHOWN + 2];
    return weir_i_fail(error, WEIR_ERROR_SPEC, path_of(where, key, path), "must be a whole number from %zu to %zu, not %s", least,
                       most, shown_value(json, member, shown));
  }
  *value = count;
  return WEIR_OK;
}

weir_status weir_i_json_number(const weir_json *json, int object, const char *where, const char *key, double least, double most,
                               bool required, double default_value, double *value, weir_error *error) {
  const int member = weir_i_json_get(json, object, key);
  if (member == WEIR_JSON_NONE) {
    if (required) return refuse_missing(where, key, error);
    *value = default_value;
    return WEIR_OK;
  }
  double number;
  if (!weir_i_json_as_number(json, member, &number) || number < least || number > most) {
    char path[WHERE_SIZE], shown[WEIR_JSON_SHOWN + 2];
    return weir_i_fail(error, WEIR_ERROR_SPEC, path_of(where, key, path), "must be a number from %g to %g, not %s", least, most,
                       shown_value(json, member, shown));
  }
  *value = number;
  return WEIR_OK;
}

weir_status weir_i_json_bool(const weir_json *json, int object, const char *where, const char *key, bool required,
                             bool default_value, bool *value, weir_error *error) {
  const int member = weir_i_json_get(json, object, key);
  if (member == WEIR_JSON_NONE) {
    if (required) return refuse_missing(where, key, error);
    *value = default_value;
    return WEIR_OK;
  }
  size_t length;
  const char *text = weir_i_json_text(json, member, &length);
  const bool is_true = length == 4 && memcmp(text, "true", 4) == 0, is_false = length == 5 && memcmp(text, "false", 5) == 0;
  if (weir_i_json_is_string(json, member) || (!is_true && !is_false)) {
    char path[WHERE_SIZE], shown[WEIR_JSON_SHOWN + 2];
    return weir_i_fail(error, WEIR_ERROR_SPEC, path_of(where, key, path), "must be true or false, not %s",
                       shown_value(json, member, shown));
  }
  *value = is_true;
  return WEIR_OK;
}

/// "; did you mean ..." or "; known: a, b, c", as much as fits.
static const char *suggestion(const char *text, const char *const *choices, size_t choice_count, char buffer[LIST_SIZE]) {
  const char *nearest = weir_i_nearest(text, choices, choice_count);
  if (nearest != NULL) {
    snprintf(buffer, LIST_SIZE, "did you mean \"%s\"?", nearest);
    return buffer;
  }
  size_t used = (size_t)snprintf(buffer, LIST_SIZE, "known:");
  for (size_t i = 0; i < choice_count; i++) {
    const size_t length = strlen(choices[i]);
    if (used + length + 7 > LIST_SIZE) {
      snprintf(buffer + used, LIST_SIZE - used, ", ...");
      break;
    }
    used += (size_t)snprintf(buffer + used, LIST_SIZE - used, "%s %s", i == 0 ? "" : ",", choices[i]);
  }
  return buffer;
}

weir_status weir_i_json_choice(const weir_json *json, int object, const char *where, const char *key, const char *const *choices,
                               size_t choice_count, bool required, size_t default_value, size_t *value, weir_error *error) {
  const int member = weir_i_json_get(json, object, key);
  if (member == WEIR_JSON_NONE) {
    if (required) return refuse_missing(where, key, error);
    *value = default_value;
    return WEIR_OK;
  }
  for (size_t i = 0; i < choice_count; i++) {
    if (!weir_i_json_equals(json, member, choices[i])) continue;
    *value = i;
    return WEIR_OK;
  }
  char path[WHERE_SIZE], shown[WEIR_JSON_SHOWN], list[LIST_SIZE];
  path_of(where, key, path);
  weir_i_json_shown(json, member, shown);
  suggestion(shown, choices, choice_count, list);
  if (!weir_i_json_is_string(json, member)) {
    return weir_i_fail(error, WEIR_ERROR_SPEC, path, "must be a name in double quotes, not %s; %s", shown, list);
  }
  return weir_i_fail(error, WEIR_ERROR_SPEC, path, "unknown %s \"%s\"; %s", key, shown, list);
}

weir_status weir_i_json_only(const weir_json *json, int object, const char *where, const char *const *keys, size_t key_count,
                             weir_error *error) {
  const size_t size = weir_i_json_is_object(json, object) ? weir_i_json_size(json, object) : 0;
  int member = object + 1;
  for (size_t i = 0; i < size; i++, member = weir_i_json_next(json, member)) {
    size_t known = 0;
    while (known < key_count && !weir_i_json_equals(json, member, keys[known])) known++;
    if (known < key_count) continue;
    char path[WHERE_SIZE], shown[WEIR_JSON_SHOWN], list[LIST_SIZE];
    weir_i_json_shown(json, member, shown);
    return weir_i_fail(error, WEIR_ERROR_SPEC, path_of(where, shown, path), "unknown key \"%s\"; %s", shown,
                       suggestion(shown, keys, key_count, list));
  }
  return WEIR_OK;
}

static size_t least_of(size_t a, size_t b) { return a < b ? a : b; }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment) from `a` to `b`, of NEAREST_CHARS at most.
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
  size_t rows[3][NEAREST_CHARS + 1];
  for (size_t j = 0; j <= b_length; j++) rows[0][j] = j;
  for (size_t i = 1; i <= a_length; i++) {
    size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b_length; j++) {
      const size_t replaced = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
      row[j] = least_of(replaced, least_of(above[j], row[j - 1]) + 1);
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = least_of(row[j], above2[j - 2] + 1);
    }
  }
  return rows[a_length % 3][b_length];
}

const char *weir_i_nearest(const char *text, const char *const *choices, size_t choice_count) {
  const size_t length = least_of(strlen(text), NEAREST_CHARS);
  const char *nearest = NULL;
  size_t nearest_distance = 0;
  for (size_t i = 0; i < choice_count; i++) {
    const size_t choice_length = least_of(strlen(choices[i]), NEAREST_CHARS);
    const size_t distance = edit_distance(text, length, choices[i], choice_length);
    const size_t longer = length > choice_length ? length : choice_length;
    const size_t near = longer / 3 > 1 ? longer / 3 : 1;
    if (distance > near || distance >= longer || (nearest != NULL && distance >= nearest_distance)) continue;
    nearest = choices[i];
    nearest_distance = distance;
  }
  return nearest;
}

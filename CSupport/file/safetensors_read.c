#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/json_internal.h"
#include "base/status.h"
#include "file/safetensors.h"

enum { WHERE_SIZE = 96 };

/// A tensor in the header: its name's token and hash, and its view, without data.
typedef struct weir_safetensors_entry {
  int key;
  uint32_t hash;
  weir_tensor_view view;
} weir_safetensors_entry;

static const struct {
  const char *name;
  size_t bytes;
} dtypes[] = {
    [WEIR_DTYPE_F32] = {"F32", 4}, [WEIR_DTYPE_F64] = {"F64", 8}, [WEIR_DTYPE_BF16] = {"BF16", 2},
    [WEIR_DTYPE_F16] = {"F16", 2}, [WEIR_DTYPE_I64] = {"I64", 8}, [WEIR_DTYPE_U8] = {"U8", 1},
};

enum { DTYPE_COUNT = sizeof dtypes / sizeof dtypes[0] };

const char *weir_i_dtype_name(weir_dtype dtype) { return (size_t)dtype < DTYPE_COUNT ? dtypes[dtype].name : "unknown"; }
size_t weir_i_dtype_bytes(weir_dtype dtype) { return (size_t)dtype < DTYPE_COUNT ? dtypes[dtype].bytes : 0; }

static bool host_is_little_endian(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 1;
}

/// Fills *view but for its data from a tensor's description; NULL, or what is wrong with it.
static const char *describe(const weir_json *json, int value, weir_tensor_view *view) {
  *view = (weir_tensor_view){.count = 1};
  if (!weir_i_json_is_object(json, value)) return "its description must be an object";
  const int dtype = weir_i_json_get(json, value, "dtype"), shape = weir_i_json_get(json, value, "shape");
  const int offsets = weir_i_json_get(json, value, "data_offsets");
  if (dtype == WEIR_JSON_NONE || shape == WEIR_JSON_NONE || offsets == WEIR_JSON_NONE || weir_i_json_size(json, value) != 3) {
    return "its description must hold dtype, shape and data_offsets, and nothing else";
  }
  size_t known = 0;
  while (known < DTYPE_COUNT && !weir_i_json_equals(json, dtype, dtypes[known].name)) known++;
  if (known == DTYPE_COUNT) return "its dtype is not one of F32, F64, BF16, F16, I64, U8; convert the tensor";
  view->dtype = (weir_dtype)known;
  view->rank = weir_i_json_size(json, shape);
  if (!weir_i_json_is_array(json, shape) || view->rank > WEIR_SAFETENSORS_RANK)
    return "its shape must be an array of at most 8 sizes";
  for (size_t i = 0; i < view->rank; i++) {
    // Sizes are scalars, one token each.
    if (!weir_i_json_as_count(json, shape + 1 + (int)i, &view->shape[i])) return "its shape must hold whole numbers only";
    if (__builtin_mul_overflow(view->count, view->shape[i], &view->count)) return "its shape is impossibly large";
  }
  if (__builtin_mul_overflow(view->count, dtypes[known].bytes, &view->bytes)) return "its shape is impossibly large";
  size_t end;
  if (!weir_i_json_is_array(json, offsets) || weir_i_json_size(json, offsets) != 2 ||
      !weir_i_json_as_count(json, offsets + 1, &view->begin) || !weir_i_json_as_count(json, offsets + 2, &end)) {
    return "its data_offsets must be two whole numbers";
  }
  if (end < view->begin) return "its data_offsets end before they begin";
  if (end - view->begin != view->bytes) return "its data_offsets span a size that is not that of its dtype and shape";
  return NULL;
}

static void view_of(const weir_safetensors *file, const weir_safetensors_entry *entry, weir_tensor_view *view) {
  *view = entry->view;
  if (file->data != NULL) view->data = file->data + view->begin;
}

static int compare_ranges(const void *context, int a, int b) {
  const weir_tensor_view *first = &((const weir_safetensors_entry *)context)[a].view,
                         *second = &((const weir_safetensors_entry *)context)[b].view;
  if (first->begin != second->begin) return first->begin < second->begin ? -1 : 1;
  if (first->bytes != second->bytes) return first->bytes < second->bytes ? -1 : 1;
  return (a > b) - (a < b);
}

static int compare_names(const void *context, int a, int b) {
  const weir_safetensors_entry *entries = context;
  if (entries[a].hash != entries[b].hash) return entries[a].hash < entries[b].hash ? -1 : 1;
  return (a > b) - (a < b);
}

static weir_status check_metadata(const weir_json *json, int metadata, weir_error *error) {
  if (!weir_i_json_is_object(json, metadata)) {
    return weir_i_fail(error, WEIR_ERROR_FORMAT, "__metadata__", "must be an object of strings; write the file again");
  }
  const size_t size = weir_i_json_size(json, metadata);
  int key = metadata + 1;
  for (size_t i = 0; i < size; i++, key = weir_i_json_next(json, key)) {
    if (weir_i_json_is_string(json, key + 1)) continue;
    char shown[WEIR_JSON_SHOWN], where[WHERE_SIZE];
    snprintf(where, sizeof where, "__metadata__.%s", weir_i_json_shown(json, key, shown));
    return weir_i_fail(error, WEIR_ERROR_FORMAT, where, "must be a string; metadata holds strings only");
  }
  return WEIR_OK;
}

static weir_status read_entries(weir_safetensors *file, weir_safetensors_entry *entries, weir_error *error) {
  const weir_json *json = &file->json;
  const size_t members = weir_i_json_size(json, 0);
  int key = 1;
  for (size_t i = 0; i < members; i++, key = weir_i_json_next(json, key)) {
    if (weir_i_json_equals(json, key, "__metadata__")) {
      file->metadata = key + 1;
      const weir_status status = check_metadata(json, key + 1, error);
      if (status != WEIR_OK) return status;
      continue;
    }
    weir_safetensors_entry entry = {.key = key, .hash = weir_i_json_hash(json, key)};
    char name[WHERE_SIZE];
    bool holds_nul;
    weir_i_json_copy(json, key, name, sizeof name, &holds_nul);
    const char *problem = holds_nul ? "its name holds a NUL" : describe(json, key + 1, &entry.view);
    if (problem != NULL) return weir_i_fail(error, WEIR_ERROR_FORMAT, name, "%s", problem);
    entries[file->count++] = entry;
  }
  return WEIR_OK;
}

/// The ranges must cover the data exactly: in order, each begins where the one before it ends.
static weir_status check_ranges(const weir_safetensors *file, const weir_safetensors_entry *entries, int *order,
                                weir_error *error) {
  for (size_t i = 0; i < file->count; i++) order[i] = (int)i;
  weir_i_json_sort(order, file->count, compare_ranges, entries);
  size_t end = 0;
  for (size_t i = 0; i < file->count; i++) {
    const weir_safetensors_entry *entry = &entries[order[i]];
    const size_t begin = entry->view.begin;
    if (begin != end) {
      char name[WHERE_SIZE];
      bool holds_nul;
      weir_i_json_copy(&file->json, entry->key, name, sizeof name, &holds_nul);
      return weir_i_fail(error, WEIR_ERROR_FORMAT, name, "its data begins at %zu, but the data before it ends at %zu: tensors %s",
                         begin, end, begin < end ? "overlap" : "leave a gap");
    }
    end += entry->view.bytes;
  }
  const size_t before = file->data_begin;
  if (end > file->data_bytes) {
    const size_t expected = end > SIZE_MAX - before ? SIZE_MAX : before + end;
    return weir_i_fail(error, WEIR_ERROR_FORMAT, "end of the file",
                       "the file is cut short: expected %zu bytes, got %zu; copy it again", expected, before + file->data_bytes);
  }
  if (end < file->data_bytes) {
    return weir_i_fail(error, WEIR_ERROR_FORMAT, "end of the file",
                       "%zu bytes follow the last tensor: expected %zu, got %zu; copy it again", file->data_bytes - end,
                       before + end, before + file->data_bytes);
  }
  return WEIR_OK;
}

weir_status weir_i_safetensors_header(const void *first, size_t size, size_t *header, weir_error *error) {
  const unsigned char *bytes = first;
  if (size < WEIR_SAFETENSORS_LENGTH) {
    return weir_i_fail(error, WEIR_ERROR_FORMAT, "byte 0",
                       "the file is cut short: expected at least 8 bytes, got %zu; copy it again", size);
  }
  uint64_t length = 0;
  for (size_t i = WEIR_SAFETENSORS_LENGTH; i-- > 0;) length = length << 8 | bytes[i];
  if (length > WEIR_SAFETENSORS_HEADER_MOST) {
    return weir_i_fail(error, WEIR_ERROR_FORMAT, "byte 0",
                       "the header's length %ju is over %d: this is not a safetensors file, or damaged", (uintmax_t)length,
                       WEIR_SAFETENSORS_HEADER_MOST);
  }
  if (length > size - WEIR_SAFETENSORS_LENGTH) {
    return weir_i_fail(error, WEIR_ERROR_FORMAT, "byte 0",
                       "the file is cut short: expected at least %ju bytes, got %zu; copy it again",
                       (uintmax_t)length + WEIR_SAFETENSORS_LENGTH, size);
  }
  *header = WEIR_SAFETENSORS_LENGTH + (size_t)length;
  return WEIR_OK;
}

/// Says of a problem in the JSON that it is in the header.
static weir_status fail_header(weir_error *error, weir_status status, const weir_error *problem) {
  char where[WHERE_SIZE];
  snprintf(where, sizeof where, "header, %.80s", problem->where);
  return weir_i_fail(error, status, where, "%s", problem->message);
}

static weir_status read_header(weir_safetensors *file, const char *text, size_t length, weir_error *error) {
  weir_error problem = {0};
  size_t tokens;
  weir_status status = weir_i_json_measure(text, length, &tokens, &problem);
  if (status != WEIR_OK) return fail_header(error, status, &problem);
  if (text[0] != '{') return weir_i_fail(error, WEIR_ERROR_FORMAT, "header, byte 0", "the header must begin with '{'");
  if (tokens > WEIR_SAFETENSORS_TOKENS_MOST) {
    return weir_i_fail(error, WEIR_ERROR_FORMAT, "header", "it holds %zu values, more than %d: the file is damaged", tokens,
                       WEIR_SAFETENSORS_TOKENS_MOST);
  }
  // A well described tensor takes ten tokens at least (one for its name, nine to describe it).
  const size_t token_bytes = (weir_i_json_token_bytes(tokens) + 63) / 64 * 64, most = tokens / 10;
  file->token_bytes = token_bytes + most * (sizeof(weir_safetensors_entry) + sizeof(int));
  file->token_memory = weir_i_allocate(&file->allocator, file->token_bytes);
  if (file->token_memory == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, "header", "no memory for its %zu values", tokens);
  status = weir_i_json_parse(text, length, file->token_memory, tokens, &file->json, &problem);
  if (status != WEIR_OK) return fail_header(error, status, &problem);
  weir_safetensors_entry *entries = (void *)((char *)file->token_memory + token_bytes);
  int *order = (void *)(entries + most);
  file->entries = entries;
  file->by_name = order;
  status = read_entries(file, entries, error);
  if (status == WEIR_OK) status = check_ranges(file, entries, order, error);
  if (status == WEIR_OK) weir_i_json_sort(order, file->count, compare_names, entries);
  return status;
}

weir_status weir_i_safetensors_open_header(const void *bytes, size_t header, size_t size, const weir_allocator *allocator,
                                           weir_safetensors *file, weir_error *error) {
  *file = (weir_safetensors){.metadata = WEIR_JSON_NONE, .data_begin = header, .data_bytes = size - header};
  if (!host_is_little_endian()) {
    return weir_i_fail(error, WEIR_ERROR_UNSUPPORTED, NULL, "model files are little-endian, this machine is not");
  }
  weir_status status = weir_i_allocator(allocator, &file->allocator);
  if (status != WEIR_OK) return weir_i_fail(error, status, NULL, "the allocator is not complete");
  status = read_header(file, (const char *)bytes + WEIR_SAFETENSORS_LENGTH, header - WEIR_SAFETENSORS_LENGTH, error);
  if (status != WEIR_OK) weir_i_safetensors_close(file);
  return status;
}

weir_status weir_i_safetensors_open(const void *bytes, size_t size, const weir_allocator *allocator, weir_safetensors *file,
                                    weir_error *error) {
  *file = (weir_safetensors){.metadata = WEIR_JSON_NONE};
  if (bytes == NULL) return weir_i_fail(error, WEIR_ERROR_ARGUMENT, NULL, "the bytes are NULL");
  size_t header = 0;
  weir_status status = weir_i_safetensors_header(bytes, size, &header, error);
  if (status == WEIR_OK) status = weir_i_safetensors_open_header(bytes, header, size, allocator, file, error);
  if (status == WEIR_OK) file->data = (const unsigned char *)bytes + header;
  return status;
}

void weir_i_safetensors_close(weir_safetensors *file) {
  if (file->token_memory != NULL) weir_i_release(&file->allocator, file->token_memory, file->token_bytes);
  *file = (weir_safetensors){.metadata = WEIR_JSON_NONE};
}

size_t weir_i_safetensors_count(const weir_safetensors *file) { return file->count; }

bool weir_i_safetensors_find(const weir_safetensors *file, const char *name, weir_tensor_view *view) {
  const uint32_t hash = weir_i_json_hash_text(name);
  size_t low = 0, high = file->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (file->entries[file->by_name[middle]].hash < hash) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (; low < file->count; low++) {
    const weir_safetensors_entry *entry = &file->entries[file->by_name[low]];
    if (entry->hash != hash) return false;
    if (!weir_i_json_equals(&file->json, entry->key, name)) continue;
    view_of(file, entry, view);
    return true;
  }
  return false;
}

bool weir_i_safetensors_at(const weir_safetensors *file, size_t index, char *name, size_t name_size, weir_tensor_view *view) {
  if (index >= file->count) return false;
  bool holds_nul;
  weir_i_json_copy(&file->json, file->entries[index].key, name, name_size, &holds_nul);
  view_of(file, &file->entries[index], view);
  return true;
}

weir_status weir_i_safetensors_metadata(const weir_safetensors *file, const char *key, const weir_allocator *allocator, char **text,
                                        size_t *bytes, weir_error *error) {
  *text = NULL;
  *bytes = 0;
  const int value = weir_i_json_get(&file->json, file->metadata, key);
  if (value == WEIR_JSON_NONE) return WEIR_OK;
  weir_allocator memory;
  const weir_status status = weir_i_allocator(allocator, &memory);
  if (status != WEIR_OK) return weir_i_fail(error, status, key, "the allocator is not complete");
  size_t length;
  (void)weir_i_json_text(&file->json, value, &length);  // escapes only shrink
  char *copy = weir_i_allocate(&memory, length + 1);
  if (copy == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, key, "no memory for its %zu bytes", length);
  if (!weir_i_json_string(&file->json, value, copy, length + 1)) {
    weir_i_release(&memory, copy, length + 1);
    return weir_i_fail(error, WEIR_ERROR_FORMAT, key, "the metadata holds a NUL");
  }
  *text = copy;
  *bytes = length + 1;
  return WEIR_OK;
}

// Broken model files: an error that says something, never a crash, nothing left behind.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

static const char tiny_table[] =
    "{\"version\":1,\"input\":{\"shape\":[3],\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[{\"op\":\"affine\"},"
    "{\"op\":\"coupling\",\"transform\":\"affine\",\"mask\":{\"type\":\"tabular\",\"reverse\":false},\"net\":{\"type\":\"mlp\","
    "\"hidden\":3,"
    "\"layers\":0}}]}";
static const char tiny_image[] =
    "{\"version\":1,\"input\":{\"shape\":[1,2,2],\"levels\":256},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[{\"op\":"
    "\"dequantize\"},"
    "{\"op\":\"logit\",\"margin\":0.9},{\"op\":\"squeeze\"},{\"op\":\"coupling\",\"transform\":\"affine\",\"mask\":{\"type\":"
    "\"channel\"},"
    "\"net\":{\"type\":\"resnet\",\"channels\":2,\"blocks\":1}},{\"op\":\"factor_out\",\"keep\":1}]}";

// Opens bytes that may be broken: either an error that says something, or a model whose scores are numbers or -inf.
static int open_suspect(const unsigned char *bytes, size_t size, bool must_fail, const char *detail) {
  int bad = 0;
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_model *model = (weir_model *)&memory;  // must be overwritten
  weir_error error = {0};
  const weir_status status = weir_model_open_memory(bytes, size, &memory.allocator, &model, &error);
  if (status != WEIR_OK) {
    EXPECT(model == NULL && error_is(&error, status), text_of("%s: %d %s: %s", detail, (int)status, error.where, error.message));
  } else {
    EXPECT(!must_fail, detail);
    weir_model_info info;
    EXPECT(weir_model_get_info(model, &info) == WEIR_OK, detail);
    weir_session_options options = weir_session_options_default();
    options.batch = 2;
    desk d = desk_make(model, &options);
    float *x = calloc(2 * info.dims, sizeof *x);
    double scores[2] = {NAN, NAN};
    EXPECT(d.session != NULL && weir_score(d.session, x, 2, scores) == WEIR_OK, detail);
    for (size_t i = 0; i < 2; i++) EXPECT(scores[i] < INFINITY, text_of("%s scores %g", detail, scores[i]));
    free(x);
    desk_free(&d);
    weir_model_close(model);
  }
  EXPECT(memory.blocks == 0 && memory.bytes == 0, text_of("%s leaves %ld blocks, %ld bytes", detail, memory.blocks, memory.bytes));
  return bad;
}

static int cut_everywhere(const model_parts *parts, const char *name) {
  int bad = 0;
  size_t size;
  unsigned char *whole = parts_file(parts, &size);
  bad += open_suspect(whole, size, false, name);
  for (size_t length = 0; length < size; length++) {
    unsigned char *cut = malloc(length + (length == 0));  // exactly sized, so that sanitizers see reads beyond
    memcpy(cut, whole, length);
    bad += open_suspect(cut, length, true, text_of("%s cut to %zu bytes", name, length));
    free(cut);
  }
  unsigned char *longer = calloc(1, size + 8);
  memcpy(longer, whole, size);
  for (size_t more = 1; more <= 8; more++)
    bad += open_suspect(longer, size + more, true, text_of("%s and %zu bytes more", name, more));
  free(longer);
  free(whole);
  return bad;
}

int test_open_truncated(void) {
  model_parts golden_table = parts_of_golden("tabular_pair"), image = parts_of_spec(tiny_image, 1),
              table = parts_of_spec(tiny_table, 2);
  const int bad =
      cut_everywhere(&golden_table, "tabular_pair") + cut_everywhere(&image, "an image model") + cut_everywhere(&table, "a table");
  parts_free(&golden_table), parts_free(&image), parts_free(&table);
  return bad;
}

static int flip_everywhere(const model_parts *parts, const char *name, size_t *opened) {
  int bad = 0;
  size_t size;
  unsigned char *bytes = parts_file(parts, &size);
  for (size_t i = 0; i < size; i++)
    for (unsigned bit = 0; bit < 8; bit++) {
      bytes[i] ^= (unsigned char)(1u << bit);
      bad += open_suspect(bytes, size, false, text_of("%s, bit %u of byte %zu flipped", name, bit, i));
      bytes[i] ^= (unsigned char)(1u << bit);
      ++*opened;
    }
  free(bytes);
  return bad;
}

int test_open_flipped(void) {
  size_t opened = 0;
  model_parts image = parts_of_spec(tiny_image, 1), table = parts_of_spec(tiny_table, 2);
  const int bad = flip_everywhere(&image, "an image model", &opened) + flip_everywhere(&table, "a table", &opened);
  parts_free(&image), parts_free(&table);
  note("%zu flips", opened);
  return bad;
}

int open_short(open_fn *open, const void *file, const char *name) {
  int bad = 0;
  weir_status status = WEIR_ERROR_MEMORY;
  for (long fail_at = 0; status != WEIR_OK && fail_at < 10000; fail_at++) {
    counted_memory memory;
    counted_memory_init(&memory, fail_at);
    weir_model *model = NULL;
    weir_error error = {0};
    status = open(file, &memory.allocator, &model, &error);
    const char *detail = text_of("%s, allocation %ld fails: %d %s", name, fail_at, (int)status, error.message);
    if (memory.calls > fail_at) EXPECT(status == WEIR_ERROR_MEMORY && model == NULL && error_is(&error, status), detail);
    if (status == WEIR_OK) {
      EXPECT(memory.blocks > 0, detail);
      weir_model_close(model);
    }
    EXPECT(memory.blocks == 0 && memory.bytes == 0, text_of("%s: %ld blocks, %ld bytes left", detail, memory.blocks, memory.bytes));
  }
  EXPECT(status == WEIR_OK, name);
  return bad;
}

static weir_status open_parts(const void *parts, const weir_allocator *allocator, weir_model **model, weir_error *error) {
  return parts_open(parts, allocator, model, error);
}

int test_open_without_memory(void) {
  int bad = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++) {
    model_parts parts = parts_of_golden(*name);
    bad += open_short(open_parts, &parts, *name);
    parts_free(&parts);
  }
  return bad;
}

int test_open_bad_arguments(void) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, "tabular")) return 1;
  weir_model *model = (weir_model *)&g;
  weir_error error = {0};
  EXPECT(
      weir_model_open(NULL, NULL, &model, &error) == WEIR_ERROR_ARGUMENT && model == NULL && error_is(&error, WEIR_ERROR_ARGUMENT),
      "no path");
  EXPECT(weir_model_open(g.model_path, NULL, NULL, &error) == WEIR_ERROR_ARGUMENT, "nowhere to put it");
  EXPECT(weir_model_open_memory(NULL, 10, NULL, &model, &error) == WEIR_ERROR_ARGUMENT && model == NULL, "no bytes");
  EXPECT(weir_model_open_memory("", 0, NULL, &model, &error) == WEIR_ERROR_FORMAT && error_is(&error, WEIR_ERROR_FORMAT),
         "no byte");
  EXPECT(weir_model_open(WEIR_GOLDEN_FOLDER "/data", NULL, &model, &error) != WEIR_OK && error_is(&error, error.code), "a folder");
  EXPECT(weir_model_open(WEIR_GOLDEN_FOLDER "/no such file", NULL, &model, &error) == WEIR_ERROR_IO &&
             error_is(&error, WEIR_ERROR_IO) && strstr(error.where, "no such file") != NULL,
         text_of("%s: %s", error.where, error.message));
  EXPECT(weir_model_open(WEIR_GOLDEN_FOLDER "/make_golden.py", NULL, &model, &error) == WEIR_ERROR_FORMAT, error.message);
  EXPECT(weir_model_open(WEIR_GOLDEN_FOLDER "/no such file", NULL, &model, NULL) == WEIR_ERROR_IO, "an error nobody wants");
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_allocator broken[3] = {memory.allocator, memory.allocator, memory.allocator};
  broken[0].struct_size = 0;
  broken[1].allocate = NULL;
  broken[2].release = NULL;
  for (size_t i = 0; i < 3; i++)
    EXPECT(weir_model_open(g.model_path, &broken[i], &model, &error) == WEIR_ERROR_ARGUMENT && model == NULL,
           text_of("allocator %zu", i));
  // The expectations are a safetensors file, but no model: the message says so.
  EXPECT(weir_model_open_memory(g.bytes, g.size, NULL, &model, &error) == WEIR_ERROR_FORMAT &&
             error_is(&error, WEIR_ERROR_FORMAT) && strstr(error.message, "Weir model") != NULL,
         error.message);
  weir_model_close(NULL);
  golden_close(&g);
  return bad;
}

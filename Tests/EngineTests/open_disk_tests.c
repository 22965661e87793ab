// Models opened from disk: the same as from memory, whatever their numbers' type, and never much of the file in memory at a time.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_tests.h"

// Every second tensor as doubles, which are exactly its floats.
static void widen(const model_parts *parts) {
  for (size_t i = 1; i < parts->count; i += 2) {
    part *p = &parts->items[i];
    const size_t count = p->bytes / sizeof(float);
    double *wide = malloc(count * sizeof *wide + 1);
    for (size_t k = 0; k < count; k++) wide[k] = ((const float *)p->data)[k];
    free(p->data);
    p->data = wide, p->bytes = count * sizeof *wide, p->dtype = "F64";
  }
}

// A model's file, in memory and in a folder of its own.
typedef struct model_file {
  folder f;
  char path[sizeof(((folder *)0)->path) + 8];
  unsigned char *bytes;
  size_t size;
} model_file;

// Takes the parts. False, with a failed check printed, when it can't be written.
static bool model_file_make(model_file *m, model_parts parts) {
  m->bytes = parts_file(&parts, &m->size);
  parts_free(&parts);
  if (!folder_make(&m->f)) {
    free(m->bytes);
    return false;
  }
  snprintf(m->path, sizeof m->path, "%s", folder_file(&m->f, "model"));
  const bool written = file_write(m->path, m->bytes, m->size);
  expect(written, __FILE__, __LINE__, "the model is written", m->path);
  return written;
}

static void model_file_remove(model_file *m) {
  free(m->bytes);
  folder_remove(&m->f);
}

static model_parts wide_parts(const char *name) {
  model_parts parts = parts_of_golden(name);
  widen(&parts);
  return parts;
}

static int score(weir_model *model, const golden *g, double *scores) {
  int bad = 0;
  weir_session_options options = weir_session_options_default();
  options.batch = g->n;
  desk d = desk_make(model, &options);
  EXPECT(d.session != NULL && weir_score(d.session, g->x, g->n, scores) == WEIR_OK, g->name);
  desk_free(&d);
  return bad;
}

static int same_as_memory(const char *name) {
  int bad = 0;
  golden g;
  if (!golden_open(&g, name)) return 1;
  double *from_memory = calloc(g.n, sizeof *from_memory), *from_disk = calloc(g.n, sizeof *from_disk);
  for (int wide = 0; wide <= 1; wide++) {
    model_file m;
    if (!model_file_make(&m, wide ? wide_parts(name) : parts_of_golden(name))) return bad + 1;
    weir_model *memory = NULL, *disk = NULL;
    weir_error error = {0};
    EXPECT(weir_model_open_memory(m.bytes, m.size, NULL, &memory, &error) == WEIR_OK, error.message);
    EXPECT(weir_model_open(m.path, NULL, &disk, &error) == WEIR_OK, error.message);
    if (memory != NULL && disk != NULL) {
      bad += score(memory, &g, from_memory) + score(disk, &g, from_disk);
      EXPECT(memcmp(from_memory, from_disk, g.n * sizeof *from_disk) == 0, text_of("%s, wide %d: the same bits", name, wide));
    }
    weir_model_close(memory), weir_model_close(disk);
    model_file_remove(&m);
  }
  free(from_memory), free(from_disk);
  golden_close(&g);
  return bad;
}

int test_disk_opens_as_memory(void) {
  int bad = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++) bad += same_as_memory(*name);
  return bad;
}

int test_disk_file_cut_short(void) {
  int bad = 0;
  model_file m;
  if (!model_file_make(&m, wide_parts("multiscale"))) return 1;
  enum { CUTS = 500 };
  for (size_t i = 0; i <= CUTS; i++) {
    const size_t length = i < CUTS ? m.size * i / CUTS : m.size - 1;
    EXPECT(file_write(m.path, m.bytes, length), m.path);
    counted_memory memory;
    counted_memory_init(&memory, -1);
    weir_model *model = NULL;
    weir_error error = {0};
    const weir_status status = weir_model_open(m.path, &memory.allocator, &model, &error);
    const char *detail = text_of("%zu of %zu bytes: %s", length, m.size, error.message);
    EXPECT(status == WEIR_ERROR_FORMAT && model == NULL && error_is(&error, status), detail);
    EXPECT(memory.blocks == 0 && memory.bytes == 0, detail);
  }
  model_file_remove(&m);
  return bad;
}

static weir_status open_path(const void *file, const weir_allocator *allocator, weir_model **model, weir_error *error) {
  return weir_model_open(((const model_file *)file)->path, allocator, model, error);
}

int test_disk_without_memory(void) {
  model_file m;
  if (!model_file_make(&m, wide_parts("multiscale"))) return 1;  // wide, so that every kind of memory is asked for
  const int bad = open_short(open_path, &m, "multiscale from disk");
  model_file_remove(&m);
  return bad;
}

// An allocator that cuts the file off behind its header at the at-th call.
typedef struct cutter {
  counted_memory memory;
  const char *path;
  long at;
  size_t header;
} cutter;

static void *cut_and_take(void *user, size_t bytes, size_t alignment) {
  cutter *c = user;
  if (c->memory.calls == c->at) expect(truncate(c->path, (off_t)c->header) == 0, __FILE__, __LINE__, "the file is cut", c->path);
  return c->memory.allocator.allocate(c->memory.allocator.user, bytes, alignment);
}

static void give_back(void *user, void *memory, size_t bytes) {
  cutter *c = user;
  c->memory.allocator.release(c->memory.allocator.user, memory, bytes);
}

int test_disk_file_cut_while_it_opens(void) {
  int bad = 0;
  model_file m;
  if (!model_file_make(&m, parts_of_golden("multiscale"))) return 1;
  weir_status status = WEIR_ERROR_IO;
  long at = 0;
  for (; status != WEIR_OK && at < 10000; at++) {
    cutter c = {.path = m.path, .at = at};
    EXPECT(weir_i_safetensors_header(m.bytes, m.size, &c.header, NULL) == WEIR_OK, m.path);
    counted_memory_init(&c.memory, -1);
    const weir_allocator allocator = {.struct_size = sizeof allocator, .user = &c, .allocate = cut_and_take, .release = give_back};
    EXPECT(file_write(m.path, m.bytes, m.size), m.path);
    weir_model *model = NULL;
    weir_error error = {0};
    status = weir_model_open(m.path, &allocator, &model, &error);
    const char *detail = text_of("cut at allocation %ld: %d %s", at, (int)status, error.message);
    if (c.memory.calls > at) EXPECT(status == WEIR_ERROR_IO && strstr(error.message, "became shorter") != NULL, detail);
    weir_model_close(model);
    EXPECT(c.memory.blocks == 0 && c.memory.bytes == 0, detail);
  }
  EXPECT(status == WEIR_OK && at > 3, "several allocations, then none is left to cut at");
  model_file_remove(&m);
  return bad;
}

// Sixteen couplings of 51,000 numbers each: besides the model itself, opening takes about one of them and the header.
int test_disk_memory_of_a_step(void) {
  int bad = 0;
  enum { COUPLINGS = 16, STEP = 200 };
  static const char head[] =
      "{\"version\":1,\"input\":{\"shape\":[32],\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[";
  char *spec = malloc(sizeof head + COUPLINGS * STEP + 2), *end = spec + sprintf(spec, "%s", head);
  for (int i = 0; i < COUPLINGS; i++)
    end += sprintf(end,
                   "%s{\"op\":\"coupling\",\"transform\":\"affine\",\"mask\":{\"type\":\"tabular\",\"reverse\":%s},"
                   "\"net\":{\"type\":\"mlp\",\"hidden\":200,\"layers\":1}}",
                   i == 0 ? "" : ",", i % 2 ? "true" : "false");
  strcpy(end, "]}");
  model_parts parts = parts_of_spec(spec, 1);
  free(spec);
  size_t numbers = 0;
  for (size_t i = 0; i < parts.count; i++) numbers += parts.items[i].bytes;
  model_file m;
  if (!model_file_make(&m, parts)) return 1;
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_model *model = NULL;
  weir_error error = {0};
  weir_model_info info = {0};
  EXPECT(weir_model_open(m.path, &memory.allocator, &model, &error) == WEIR_OK, error.message);
  EXPECT(model != NULL && weir_model_get_info(model, &info) == WEIR_OK, "a model");
  const size_t beside = (size_t)memory.peak - info.model_bytes, most = numbers / COUPLINGS + numbers / 20;
  EXPECT((size_t)memory.peak >= info.model_bytes && beside <= most,
         text_of("%zu bytes of numbers, %zu beside the model, %zu allowed", numbers, beside, most));
  weir_model_close(model);
  model_file_remove(&m);
  return bad;
}

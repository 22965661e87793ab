// Memory is what weir.h says: that of opening goes by the file's header, that of a session by threads, and by the batch up to a group.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "embed_tests.h"

enum { ALIGNMENT = 64, HEADERS_MOST = 5, IMAGE_GROUP = 8, TABLE_GROUP = 128, LARGE_BATCH = 1000 };

typedef struct taken {
  size_t now, most;
} taken;

static void *take(void *user, size_t bytes, size_t alignment) {
  taken *t = user;
  t->now += bytes;
  if (t->now > t->most) t->most = t->now;
  return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static void give_back(void *user, void *memory, size_t bytes) {
  ((taken *)user)->now -= bytes;
  free(memory);
}

// A whole file, aligned; free() it. NULL when it can't be read.
static void *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  void *bytes = aligned_alloc(ALIGNMENT, (*size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  const size_t got = fread(bytes, 1, *size, file);
  fclose(file);
  if (got == *size) return bytes;
  free(bytes);
  return NULL;
}

// From disk it takes the header too, and the numbers of a step, of which there are no more than in the file.
int test_opening_memory(void) {
  int bad = 0;
  for (char **path = model_paths; *path != NULL; path++) {
    size_t size = 0;
    void *bytes = read_file(*path, &size);
    if (EXPECT(bytes != NULL, *path)) return bad;
    const size_t header = (size_t) * (const uint64_t *)bytes;  // on little-endian machines, the only ones that open models
    taken t = {0};
    const weir_allocator allocator = {sizeof allocator, &t, take, give_back};
    weir_model *model;
    EXPECT(weir_model_open_memory(bytes, size, &allocator, &model, NULL) == WEIR_OK, *path);
    EXPECT(t.most <= t.now + HEADERS_MOST * header, *path);
    weir_model_close(model);
    t = (taken){0};
    EXPECT(weir_model_open(*path, &allocator, &model, NULL) == WEIR_OK, *path);
    EXPECT(t.most <= t.now + (HEADERS_MOST + 1) * header + (size - header), *path);
    weir_model_close(model);
    EXPECT(t.now == 0, *path);
    free(bytes);
  }
  return bad;
}

static size_t session_bytes(const weir_model *model, size_t batch, size_t threads, int32_t noise) {
  weir_session_options options = weir_session_options_default();
  options.batch = batch;
  options.threads = threads;
  options.noise = noise;
  options.draws = 5;
  size_t bytes = 0;
  weir_session_size(model, &options, &bytes);
  return bytes;
}

int test_session_memory(void) {
  int bad = 0;
  for (char **path = model_paths; *path != NULL; path++) {
    scored_model m;
    if (!scored_model_open(&m, *path)) return bad + 1;
    weir_model_info info = {0};
    weir_model_get_info(m.model, &info);
    const size_t group = info.rank == 1 ? TABLE_GROUP : IMAGE_GROUP;
    const size_t most = session_bytes(m.model, group, 1, WEIR_NOISE_MIDPOINT);
    EXPECT(session_bytes(m.model, LARGE_BATCH, 1, WEIR_NOISE_MIDPOINT) == most, *path);
    EXPECT(session_bytes(m.model, group, 1, WEIR_NOISE_AVERAGE) == most, *path);
    EXPECT(session_bytes(m.model, group - 1, 1, WEIR_NOISE_MIDPOINT) < most, *path);
    EXPECT(session_bytes(m.model, group, 2, WEIR_NOISE_MIDPOINT) > most, *path);
    scored_model_close(&m);
  }
  return bad;
}

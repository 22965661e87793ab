// A session's memory is what the header says: it grows with threads, and with the batch up to a group.
#include "embed_tests.h"

enum { IMAGE_GROUP = 8, TABLE_GROUP = 128, LARGE_BATCH = 1000 };

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

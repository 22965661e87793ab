// One input has one score: whatever else is in the batch, wherever it lies, and whoever computes it.
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

enum { SAMPLES = 40, TABLE_SAMPLES = 150 };

// Scores, latents and log-dets of `count` samples, `batch` at a time, by a session of `threads` threads.
typedef struct answers {
  double *score, *logdet, *back;
  float *z, *x;
  size_t count, dims;
} answers;

static answers ask(const weir_model *model, int32_t precision, const float *x, size_t count, size_t dims, size_t batch,
                   size_t threads, const weir_executor *executor) {
  answers a = {malloc(count * sizeof(double)),
               malloc(count * sizeof(double)),
               malloc(count * sizeof(double)),
               malloc(count * dims * sizeof(float)),
               malloc(count * dims * sizeof(float)),
               count,
               dims};
  weir_session_options options = weir_session_options_default();
  options.batch = batch;
  options.threads = threads;
  options.executor = executor;
  options.precision = precision;
  desk d = desk_make(model, &options);
  bool fine = d.session != NULL;
  for (size_t i = 0; fine && i < count; i += batch) {
    const size_t n = count - i < batch ? count - i : batch;
    fine = weir_score(d.session, x + i * dims, n, a.score + i) == WEIR_OK &&
           weir_forward(d.session, x + i * dims, n, a.z + i * dims, a.logdet + i) == WEIR_OK &&
           weir_inverse(d.session, a.z + i * dims, n, a.x + i * dims, a.back + i) == WEIR_OK;
  }
  desk_free(&d);
  expect(fine, __FILE__, __LINE__, "every call succeeds", text_of("batch %zu, %zu threads", batch, threads));
  return a;
}

static void answers_free(answers *a) { free(a->score), free(a->logdet), free(a->back), free(a->z), free(a->x); }

static bool same(const answers *a, const answers *b) {
  return memcmp(a->score, b->score, a->count * sizeof *a->score) == 0 &&
         memcmp(a->logdet, b->logdet, a->count * sizeof *a->logdet) == 0 &&
         memcmp(a->back, b->back, a->count * sizeof *a->back) == 0 && memcmp(a->z, b->z, a->count * a->dims * sizeof *a->z) == 0 &&
         memcmp(a->x, b->x, a->count * a->dims * sizeof *a->x) == 0;
}

typedef int bits_check(const golden *g, const weir_model *model, int32_t precision, const float *x, size_t count,
                       const answers *alone);

static int on_every_case(bits_check *check) {
  int bad = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    weir_model *model = golden_model(&g);
    if (model == NULL) return bad + 1;
    weir_model_info info;
    weir_model_get_info(model, &info);
    const size_t count = info.rank == 1 ? TABLE_SAMPLES : SAMPLES;
    float *x = more_samples(&g, count);
    for (int32_t precision = WEIR_PRECISION_F32; precision <= WEIR_PRECISION_BF16; precision++) {
      answers alone = ask(model, precision, x, count, g.dims, 1, 1, NULL);
      bad += check(&g, model, precision, x, count, &alone);
      answers_free(&alone);
    }
    free(x);
    weir_model_close(model);
    golden_close(&g);
  }
  return bad;
}

static int check_batches(const golden *g, const weir_model *model, int32_t precision, const float *x, size_t count,
                         const answers *alone) {
  int bad = 0;
  static const size_t batches[] = {2, 3, 7, 16, 32, 64, 65, 150};
  for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
    answers together = ask(model, precision, x, count, g->dims, batches[b], 1, NULL);
    EXPECT(same(&together, alone), text_of("%s, precision %d, batch %zu", g->name, (int)precision, batches[b]));
    answers_free(&together);
  }
  // The last sample first, so that all have other neighbours.
  float *turned = malloc(count * g->dims * sizeof *turned);
  for (size_t i = 0; i < count; i++) memcpy(turned + i * g->dims, x + (count - 1 - i) * g->dims, g->dims * sizeof *turned);
  answers together = ask(model, precision, turned, count, g->dims, 32, 1, NULL);
  for (size_t i = 0; i < count; i++)
    EXPECT(memcmp(&together.score[i], &alone->score[count - 1 - i], sizeof(double)) == 0,
           text_of("%s, sample %zu turned", g->name, i));
  answers_free(&together);
  free(turned);
  return bad;
}

int test_same_bits_in_any_batch(void) { return on_every_case(check_batches); }

static int check_threads(const golden *g, const weir_model *model, int32_t precision, const float *x, size_t count,
                         const answers *alone) {
  int bad = 0;
  for (size_t threads = 2; threads <= 3; threads++) {
    static const size_t batches[] = {1, 7, 32};
    for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
      answers together = ask(model, precision, x, count, g->dims, batches[b], threads, NULL);
      EXPECT(same(&together, alone),
             text_of("%s, precision %d, batch %zu, %zu threads", g->name, (int)precision, batches[b], threads));
      answers_free(&together);
    }
  }
  return bad;
}

int test_same_bits_on_any_threads(void) { return on_every_case(check_threads); }

static int check_executor(const golden *g, const weir_model *model, int32_t precision, const float *x, size_t count,
                          const answers *alone) {
  int bad = 0;
  const weir_executor executor = backwards_executor();
  static const size_t threads[] = {1, 2, 3, 17};
  for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
    static const size_t batches[] = {1, 7, 150};
    for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
      answers together = ask(model, precision, x, count, g->dims, batches[b], threads[t], &executor);
      EXPECT(same(&together, alone),
             text_of("%s, precision %d, batch %zu, %zu parts", g->name, (int)precision, batches[b], threads[t]));
      answers_free(&together);
    }
  }
  return bad;
}

int test_same_bits_by_any_executor(void) { return on_every_case(check_executor); }

// Session memory and inputs of any alignment, with nothing written beside them, and memory that held something else before.
static int check_addresses(const golden *g, const weir_model *model, int32_t precision, const float *x, size_t count,
                           const answers *alone) {
  int bad = 0;
  enum { BATCH = 7, GUARD = 64 };
  (void)count;
  weir_session_options options = weir_session_options_default();
  options.batch = BATCH;
  options.precision = precision;
  size_t bytes = 0;
  EXPECT(weir_session_size(model, &options, &bytes) == WEIR_OK, g->name);
  const size_t input_bytes = BATCH * g->dims * sizeof *x;
  for (size_t shift = 0; shift < 5; shift++) {
    const size_t off = shift * 13 % 64, out = shift * sizeof(double);
    unsigned char *memory = malloc(bytes + 2 * GUARD), *input = malloc(input_bytes + GUARD),
                  *output = malloc(BATCH * sizeof(double) + GUARD);
    memset(memory, 0xFF, bytes + 2 * GUARD);
    memset(output, 0xA5, BATCH * sizeof(double) + GUARD);
    memcpy(input + off, x, input_bytes);
    weir_session *session;
    EXPECT(weir_session_init(model, &options, memory + off, bytes, &session) == WEIR_OK, g->name);
    EXPECT(weir_score(session, (const float *)(const void *)(input + off), BATCH, (double *)(void *)(output + out)) == WEIR_OK,
           g->name);
    EXPECT(memcmp(output + out, alone->score, BATCH * sizeof(double)) == 0, text_of("%s, shifted by %zu bytes", g->name, off));
    for (size_t i = 0; i < 2 * GUARD; i++)
      EXPECT(memory[i < off ? i : bytes + i] == 0xFF, text_of("%s: a byte beside the session's memory", g->name));
    for (size_t i = 0; i < GUARD; i++)
      EXPECT(output[i < out ? i : BATCH * sizeof(double) + i] == 0xA5, text_of("%s: a byte beside the scores", g->name));
    free(memory), free(input), free(output);
  }
  return bad;
}

int test_same_bits_at_any_address(void) { return on_every_case(check_addresses); }

// What the tests of embedding share: a list of them, a check, and models with what they score.
#ifndef WEIR_EMBED_TESTS_H
#define WEIR_EMBED_TESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <weir.h>

// In this order: the first test sees a process that has no thread yet.
#define EMBED_TEST_LIST(TEST)  \
  TEST(one_thread_starts_none) \
  TEST(runtime_is_seen)        \
  TEST(opening_memory)         \
  TEST(session_memory)         \
  TEST(sessions_side_by_side)  \
  TEST(pool_same_bits)         \
  TEST(pool_of_many_sessions)  \
  TEST(fork_after_one_thread)  \
  TEST(fork_after_the_pool)    \
  TEST(fork_after_the_runtime)

#define EMBED_TEST_DECLARE(name) int test_##name(void);
EMBED_TEST_LIST(EMBED_TEST_DECLARE)
#undef EMBED_TEST_DECLARE

/// Every test returns its failed checks; EXPECT counts into a local `bad` and says which one failed, with one more text.
#define EXPECT(condition, detail) (bad += expect(condition, __FILE__, __LINE__, #condition, detail))
int expect(bool condition, const char *file, int line, const char *text, const char *detail);

enum { SAMPLES = 21 };

/// A model, made-up samples for it, and the scores of a session on one thread.
typedef struct scored_model {
  const char *path;
  weir_model *model;
  float *x;  // [SAMPLES][dims]
  double scores[SAMPLES];
} scored_model;

/// Paths of the models on the command line, NULL-terminated.
extern char **model_paths;
/// False, with a failed check printed, when the model can't be opened or scored.
bool scored_model_open(scored_model *m, const char *path);
void scored_model_close(scored_model *m);
/// Scores in a new session; true when the scores are m's, to the bit.
bool scores_again(const scored_model *m, size_t threads, const weir_executor *executor);

/// Calls of the OpenMP runtime's GOMP_parallel so far; -1 when the library was built without one.
long runtime_calls(void);

#endif

// Tests of embedding, on the models named.
//
//   EmbedTests [-t PART-OF-A-NAME] MODEL...
#include <stdio.h>
#include <string.h>

#include "embed_tests.h"

static const struct {
  const char *name;
  int (*run)(void);
} tests[] = {
#define EMBED_TEST_ENTRY(name) {#name, test_##name},
    EMBED_TEST_LIST(EMBED_TEST_ENTRY)
#undef EMBED_TEST_ENTRY
};

char **model_paths;

int expect(bool condition, const char *file, int line, const char *text, const char *detail) {
  if (condition) return 0;
  const char *slash = strrchr(file, '/');
  fprintf(stderr, "  %s:%d: not so: %s (%s)\n", slash == NULL ? file : slash + 1, line, text, detail);
  return 1;
}

int main(int argc, char **argv) {
  const char *wanted = "";
  model_paths = argv + 1;
  if (argc > 2 && strcmp(argv[1], "-t") == 0) {
    wanted = argv[2];
    model_paths = argv + 3;
  }
  if (model_paths[0] == NULL) {
    fprintf(stderr, "usage: EmbedTests [-t PART-OF-A-NAME] MODEL...\n");
    return 2;
  }
  int passed = 0, failed = 0;
  for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
    if (strstr(tests[i].name, wanted) == NULL) continue;
    const int bad = tests[i].run();
    printf("%s %s\n", bad ? "FAIL" : "ok  ", tests[i].name);
    fflush(stdout);
    passed += !bad;
    failed += bad > 0;
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 || passed == 0;
}

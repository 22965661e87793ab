// Tests of the engine as a whole, through its public API. An argument limits them to those whose name contains it.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

static const struct {
  const char *name;
  int (*run)(void);
} tests[] = {
#define ENGINE_TEST_ENTRY(name) {#name, test_##name},
    ENGINE_TEST_LIST(ENGINE_TEST_ENTRY)
#undef ENGINE_TEST_ENTRY
};

enum { MOST_SHOWN = 20 };

static int shown;
static char noted[160];

int expect(bool condition, const char *file, int line, const char *text, const char *detail) {
  if (condition) return 0;
  const char *slash = strrchr(file, '/');
  if (shown++ < MOST_SHOWN) fprintf(stderr, "  %s:%d: not so: %s (%s)\n", slash == NULL ? file : slash + 1, line, text, detail);
  return 1;
}

const char *text_of(const char *format, ...) {
  static char buffers[4][512];
  static int next;
  char *buffer = buffers[next++ % 4];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(buffer, sizeof buffers[0], format, arguments);
  va_end(arguments);
  return buffer;
}

void note(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(noted, sizeof noted, format, arguments);
  va_end(arguments);
}

static void *counted_allocate(void *user, size_t bytes, size_t alignment) {
  counted_memory *memory = user;
  if (memory->calls++ == memory->fail_at) return NULL;
  void *block = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (block == NULL) return NULL;
  memory->blocks++;
  memory->bytes += (long)bytes;
  if (memory->bytes > memory->peak) memory->peak = memory->bytes;
  return block;
}

static void counted_release(void *user, void *block, size_t bytes) {
  counted_memory *memory = user;
  memory->blocks--;
  memory->bytes -= (long)bytes;
  free(block);
}

void counted_memory_init(counted_memory *memory, long fail_at) {
  *memory = (counted_memory){.fail_at = fail_at};
  memory->allocator = (weir_allocator){sizeof(weir_allocator), memory, counted_allocate, counted_release};
}

bool error_is(const weir_error *error, weir_status status) {
  return error->code == status && memchr(error->message, '\0', sizeof error->message) != NULL && error->message[0] != '\0' &&
         memchr(error->where, '\0', sizeof error->where) != NULL && strchr(error->message, '\n') == NULL;
}

// With words on the command line, tests whose names have one of them; words after a - leave tests out.
static bool wanted(const char *name, int argc, char **argv) {
  bool named = false, some = false;
  for (int i = 1; i < argc; i++) {
    const bool out = argv[i][0] == '-', found = strstr(name, argv[i] + out) != NULL;
    if (out && found) return false;
    some = some || !out;
    named = named || (!out && found);
  }
  return named || !some;
}

int main(int argc, char **argv) {
  int passed = 0, failed = 0;
  use_isa(NULL);  // before any test changes it
  // An OpenMP runtime's idle threads spin, which on a busy machine takes longer than all that is tested.
  setenv("OMP_WAIT_POLICY", "passive", 0);
  for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
    if (!wanted(tests[i].name, argc, argv)) continue;
    shown = 0;
    noted[0] = '\0';
    const int bad = tests[i].run();
    if (shown > MOST_SHOWN) fprintf(stderr, "  ... and %d more\n", shown - MOST_SHOWN);
    printf("%s %s%s%s\n", bad ? "FAIL" : "ok  ", tests[i].name, noted[0] == '\0' ? "" : ": ", noted);
    fflush(stdout);
    passed += !bad;
    failed += bad > 0;
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 || passed == 0;
}

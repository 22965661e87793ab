// LD_PRELOAD this: a process that calls malloc or one of its kin between the beginning of main and its last exit handler ends with
// status 99 and says how often it did.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap_count.h"

enum { CALLED = 99 };

typedef int main_fn(int argc, char **argv, char **environment);
typedef int start_fn(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                     void *stack_end);

static main_fn *program;

static void report(void) {
  const long calls = heap_count_stop();
  if (calls == 0) return;
  char text[80];
  const int length = snprintf(text, sizeof text, "heap_trap: %ld calls of malloc and its kin after main began\n", calls);
  if (write(STDERR_FILENO, text, (size_t)length) < 0) _exit(CALLED + 1);
  _exit(CALLED);
}

static int counted_main(int argc, char **argv, char **environment) {
  atexit(report);  // before any other handler, so that it runs after them
  if (!heap_count_start()) _exit(CALLED);
  return program(argc, argv, environment);
}

// What starts main: the C library's, with ours in between.
int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end) {
  void *found = dlsym(RTLD_NEXT, "__libc_start_main");
  start_fn *start;
  memcpy(&start, &found, sizeof start);
  program = main;
  return start(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}

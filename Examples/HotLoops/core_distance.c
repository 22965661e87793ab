// How long a word takes from one core to another and back, again and again: what two threads that share one sample's layers wait for. Cores that
// share a third-level cache are several times nearer than others, and a virtual machine's may move.
//
//   cc -O2 -o core_distance Examples/HotLoops/core_distance.c -lpthread
//   ./core_distance [lines]     nanoseconds, a line every half second
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUND_TRIPS = 20000, LINES = 20 };

static _Alignas(64) atomic_int turn;  // even: the main thread's, odd: the other's

static double seconds(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void play(int mine) {
  for (int i = 0; i < ROUND_TRIPS; i++) {
    while (atomic_load_explicit(&turn, memory_order_acquire) % 2 != mine) continue;
    atomic_fetch_add_explicit(&turn, 1, memory_order_release);
  }
}

static void *other(void *unused) {
  play(1);
  return unused;
}

int main(int argc, char **argv) {
  const int lines = argc > 1 ? atoi(argv[1]) : LINES;
  for (int line = 0; line < lines; line++) {
    pthread_t thread;
    atomic_store(&turn, 0);
    if (pthread_create(&thread, NULL, other, NULL) != 0) {
      fprintf(stderr, "core_distance: no second thread: raise the limit on threads (ulimit -u)\n");
      return 1;
    }
    const double start = seconds();
    play(0);
    pthread_join(thread, NULL);
    printf("%.0f\n", (seconds() - start) / ROUND_TRIPS * 1e9);
    fflush(stdout);
    const struct timespec half = {.tv_nsec = 500000000};
    if (line + 1 < lines) nanosleep(&half, NULL);
  }
  return 0;
}

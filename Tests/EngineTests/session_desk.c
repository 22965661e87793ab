// Sessions in memory of their own, and an executor that runs in an order no thread pool would choose.
#include <stdlib.h>

#include "engine_tests.h"

desk desk_make(const weir_model *model, const weir_session_options *options) {
  desk d = {0};
  if (weir_session_size(model, options, &d.bytes) != WEIR_OK) return d;
  d.memory = malloc(d.bytes);
  if (d.memory != NULL && weir_session_init(model, options, d.memory, d.bytes, &d.session) != WEIR_OK) d.session = NULL;
  return d;
}

void desk_free(desk *d) {
  free(d->memory);
  *d = (desk){0};
}

static void run_backwards(void *user, void (*task)(void *arg, size_t index), void *arg, size_t count) {
  (void)user;
  while (count-- > 0) task(arg, count);
}

weir_executor backwards_executor(void) { return (weir_executor){.struct_size = sizeof(weir_executor), .run = run_backwards}; }

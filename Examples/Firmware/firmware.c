// Scores pictures the way firmware does: model and pictures are constant arrays, all memory is static, and there is no heap, no thread and
// no file. Prints the scores and a memory map; stdout stands for a serial line.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <weir.h>

#include "linked_files.h"

enum { MOST_PICTURES = 64, PAINT = 0xA5, LEAST_LEFT = 256 };

static _Alignas(64) unsigned char model_memory[MODEL_MEMORY];
static _Alignas(64) unsigned char session_memory[SESSION_MEMORY];
static _Alignas(64) unsigned char stack_memory[STACK_MEMORY];

// What weir_model_open_memory takes from model_memory: blocks one after the other. Of the room that it gives back only what lies at the end
// is used again: what it needs for a while is little beside a model.
static struct {
  size_t used, most;  // from the start of model_memory
  size_t held;        // in blocks that were not released
} heap;

static void *take(void *user, size_t bytes, size_t alignment) {
  (void)user;
  const size_t begin = (heap.used + alignment - 1) / alignment * alignment;
  if (begin > sizeof model_memory || bytes > sizeof model_memory - begin) return NULL;
  heap.used = begin + bytes;
  if (heap.used > heap.most) heap.most = heap.used;
  heap.held += bytes;
  return model_memory + begin;
}

static void give_back(void *user, void *memory, size_t bytes) {
  (void)user;
  heap.held -= bytes;
  if ((unsigned char *)memory + bytes == model_memory + heap.used) heap.used -= bytes;
}

// What the task below leaves for main to print.
static struct {
  const char *failed;  // what could not be done, or NULL
  weir_error error;
  weir_model_info info;
  size_t session_bytes, pictures;
  double log_likelihoods[MOST_PICTURES];
} result;

// Notes a failure; true when there is one.
static int failed(const char *what, weir_status status) {
  if (status == WEIR_OK) return 0;
  result.failed = what;
  if (result.error.message[0] == '\0') snprintf(result.error.message, sizeof result.error.message, "%s", weir_status_text(status));
  return 1;
}

static void score_pictures(void) {
  const weir_allocator allocator = {sizeof allocator, NULL, take, give_back};
  weir_model *model;
  weir_status status = weir_model_open_memory(model_file, model_file_bytes, &allocator, &model, &result.error);
  if (failed("opening the model (is MODEL_MEMORY large enough?)", status)) return;
  weir_model_get_info(model, &result.info);

  weir_session_options options = weir_session_options_default();
  options.batch = 1;
  weir_session *session;
  weir_session_size(model, &options, &result.session_bytes);
  status = weir_session_init(model, &options, session_memory, sizeof session_memory, &session);
  if (failed("making a session (is SESSION_MEMORY large enough?)", status)) return;

  const size_t dims = result.info.dims;
  result.pictures = pictures_file_bytes / dims;
  if (result.pictures > MOST_PICTURES) result.pictures = MOST_PICTURES;
  for (size_t i = 0; i < result.pictures; i++) {
    status = weir_score_u8(session, pictures_file + i * dims, 1, &result.log_likelihoods[i]);
    if (failed("scoring", status)) return;
  }
}

// Runs the task on stack_memory, as a real-time kernel would, and returns how much of it was touched.
static size_t run_on_static_stack(void (*task)(void)) {
  static ucontext_t here, there;
  memset(stack_memory, PAINT, sizeof stack_memory);
  getcontext(&there);
  there.uc_stack.ss_sp = stack_memory;
  there.uc_stack.ss_size = sizeof stack_memory;
  there.uc_link = &here;
  makecontext(&there, task, 0);
  swapcontext(&here, &there);
  size_t untouched = 0;
  while (untouched < sizeof stack_memory && stack_memory[untouched] == PAINT) untouched++;
  return sizeof stack_memory - untouched;
}

int main(void) {
  static char line[BUFSIZ];
  setvbuf(stdout, line, _IOLBF, sizeof line);  // stdio would take its buffer from the heap
  const size_t stack_bytes = run_on_static_stack(score_pictures);
  if (stack_bytes + LEAST_LEFT > sizeof stack_memory) failed("the stack (STACK_MEMORY is too small)", WEIR_ERROR_MEMORY);
  if (result.failed != NULL) {
    printf("firmware: %s: %s %s\n", result.failed, result.error.where, result.error.message);
    return 1;
  }
  for (size_t i = 0; i < result.pictures; i++)
    printf("picture %zu: %.4f bits per dimension\n", i, -result.log_likelihoods[i] / ((double)result.info.dims * log(2)));
  printf("\nconstants\n");
  printf("  model file     %8zu bytes\n", model_file_bytes);
  printf("  pictures       %8zu bytes\n", pictures_file_bytes);
  printf("memory\n");
  printf("  opened model   %8zu bytes, weir_model_info.model_bytes %zu\n", heap.held, result.info.model_bytes);
  printf("  for opening it %8zu bytes more, of MODEL_MEMORY %zu\n", heap.most - heap.held, sizeof model_memory);
  printf("  session        %8zu bytes, weir_session_size, of SESSION_MEMORY %zu\n", result.session_bytes, sizeof session_memory);
  printf("  stack          %8zu bytes of STACK_MEMORY %zu\n", stack_bytes, sizeof stack_memory);
  printf("  in all         %8zu bytes\n", heap.most + result.session_bytes + stack_bytes);
  return 0;
}

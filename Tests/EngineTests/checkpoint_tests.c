// Stopping and going on is as if one had never stopped, and whatever happens while writing, a whole checkpoint remains.
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine_tests.h"

static const char *const cases[] = {"multiscale", "table_mixing"};

// Batches that differ from step to step, out of two batches' worth of samples.
static const float *batch_of(const golden *g, const float *x, size_t step) { return x + step % g->n * g->dims; }

static weir_step_report step(weir_trainer *trainer, const golden *g, const float *x, double rate) {
  weir_step_report report = {.struct_size = sizeof report};
  weir_error error = {0};
  const weir_status status =
      weir_trainer_step(trainer, batch_of(g, x, (size_t)weir_trainer_steps(trainer)), g->n, rate, &report, &error);
  expect(status == WEIR_OK, __FILE__, __LINE__, "a step succeeds", error.message);
  return report;
}

static bool same_reports(const weir_step_report *a, const weir_step_report *b) {
  return a->step == b->step && memcmp(&a->loss, &b->loss, sizeof a->loss) == 0 &&
         memcmp(&a->gradient_norm, &b->gradient_norm, sizeof a->gradient_norm) == 0 && a->learning_rate == b->learning_rate &&
         a->skipped == b->skipped && strcmp(a->layer, b->layer) == 0;
}

// Trains `trainer` on, and one opened from its checkpoint beside it: every report and, in the end, every number and file are the same.
static int go_on_beside(weir_trainer *trainer, const golden *g, const float *x, const weir_train_options *options,
                        const double *rates, size_t steps) {
  int bad = 0;
  folder f;
  if (!folder_make(&f)) return 1;
  const char *path = folder_file(&f, "checkpoint.safetensors");
  weir_error error = {0};
  EXPECT(weir_trainer_save_checkpoint(trainer, path, "epoch 3 \"of\" 5\n\xc3\xa9", &error) == WEIR_OK, error.message);
  weir_trainer *resumed = NULL;
  EXPECT(weir_trainer_open(folder_file(&f, "checkpoint.safetensors"), options, &resumed, &error) == WEIR_OK, error.message);
  if (resumed == NULL) return bad;
  EXPECT(strcmp(weir_trainer_host_state(resumed), "epoch 3 \"of\" 5\n\xc3\xa9") == 0, weir_trainer_host_state(resumed));
  EXPECT(weir_trainer_steps(resumed) == weir_trainer_steps(trainer) && same_values(trainer, resumed), g->name);
  for (size_t i = 0; i < steps; i++) {
    const weir_step_report a = step(trainer, g, x, rates[i]), b = step(resumed, g, x, rates[i]);
    EXPECT(same_reports(&a, &b), text_of("%s, step %zu: loss %.17g and %.17g, skipped %d and %d", g->name, i, a.loss, b.loss,
                                         (int)a.skipped, (int)b.skipped));
  }
  EXPECT(same_values(trainer, resumed), text_of("%s after %zu steps", g->name, steps));
  EXPECT(weir_trainer_save_checkpoint(trainer, folder_file(&f, "a"), NULL, NULL) == WEIR_OK, g->name);
  EXPECT(weir_trainer_save_checkpoint(resumed, folder_file(&f, "b"), NULL, NULL) == WEIR_OK, g->name);
  EXPECT(same_files(folder_file(&f, "a"), folder_file(&f, "b")), text_of("%s: the next checkpoints", g->name));
  EXPECT(folder_count(&f) == 3, "no other file is left");
  weir_trainer_close(resumed);
  folder_remove(&f);
  return bad;
}

int test_checkpoint_resumes(void) {
  int bad = 0;
  // Every optimizer, with and without an average, from the start and from later on.
  for (size_t run = 0; run < 12; run++) {
    const size_t k = run % 2, done = run / 2 % 2 * 7;
    golden g;
    if (!can_train(cases[k])) continue;
    if (!golden_open(&g, cases[k])) return bad + 1;
    float *x = more_samples(&g, 2 * g.n);
    weir_train_options options = train_options(&g);
    options.noise = WEIR_NOISE_SEED;
    options.optimizer = (int32_t)(run / 4);
    options.average_decay = run % 3 == 0 ? 0 : 0.9;
    options.seed = 4;
    weir_trainer *trainer = golden_trainer(&g, &options);
    EXPECT(strcmp(weir_trainer_host_state(trainer), "") == 0, "a model has no host state");
    for (size_t i = 0; i < done; i++) step(trainer, &g, x, 1e-3);
    const double rates[] = {1e-3, 1e-3, 5e-4, 5e-4, 5e-4, 1e-4};
    bad += go_on_beside(trainer, &g, x, &options, rates, sizeof rates / sizeof rates[0]);
    weir_trainer_close(trainer);
    free(x);
    golden_close(&g);
  }
  return bad;
}

// The guard's memory is part of the state: trouble before the checkpoint, or after it, gives the same bits too.
int test_checkpoint_resumes_after_harm(void) {
  int bad = 0;
  for (size_t k = 0; k < 2; k++) {
    golden g;
    if (!can_train(cases[k])) continue;
    if (!golden_open(&g, cases[k])) return bad + 1;
    float *x = more_samples(&g, 2 * g.n);
    const weir_train_options options = train_options(&g);
    for (size_t harm = 0; harm < 3; harm++) {
      weir_trainer *trainer = golden_trainer(&g, &options);
      for (size_t i = 0; i < 5; i++) step(trainer, &g, x, 1e-3);
      size_t skipped = 0;
      // Steps of this size ruin the weights: the next losses are not finite. harm 1 and 2: one or two of these come before the checkpoint.
      for (size_t i = 0; harm > 0 && i < 20 && skipped < harm; i++) skipped += (size_t)step(trainer, &g, x, 1e5).skipped;
      const double rates[] = {1e-3, 1e5, 1e5, 1e5, 1e5, 1e-3, 1e-3, 1e-4, 1e-4};
      bad += go_on_beside(trainer, &g, x, &options, rates, sizeof rates / sizeof rates[0]);
      weir_trainer_close(trainer);
    }
    free(x);
    golden_close(&g);
  }
  return bad;
}

// A full disk, by way of a limit on file sizes.
int test_checkpoint_interrupted(void) {
  int bad = 0;
  golden g;
  folder f;
  if (!golden_open(&g, "multiscale") || !folder_make(&f)) return 1;
  char path[300];
  strcpy(path, folder_file(&f, "checkpoint.safetensors"));
  weir_train_options options = train_options(&g);
  counted_memory memory;
  counted_memory_init(&memory, -1);
  options.allocator = &memory.allocator;
  weir_trainer *trainer = golden_trainer(&g, &options);
  step(trainer, &g, g.x, 0);
  EXPECT(weir_trainer_save_checkpoint(trainer, path, "old", NULL) == WEIR_OK, path);
  size_t old_size, size;
  unsigned char *old = file_bytes(path, &old_size);
  weir_trainer_step(trainer, g.x, g.n, 1e-3, NULL, NULL);

  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit, low;
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlim_t limits[] = {0, 1, 4096, old_size - 1};
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    low = limit;
    low.rlim_cur = limits[i];
    setrlimit(RLIMIT_FSIZE, &low);
    weir_error error = {0}, model_error = {0};
    const weir_status status = weir_trainer_save_checkpoint(trainer, path, "new", &error);
    const weir_status model_status = weir_trainer_save_model(trainer, path, NULL, &model_error);
    setrlimit(RLIMIT_FSIZE, &limit);
    EXPECT(status == WEIR_ERROR_IO && error_is(&error, status),
           text_of("limit %zu: %d %s", (size_t)limits[i], (int)status, error.message));
    if (limits[i] < 5000) EXPECT(model_status == WEIR_ERROR_IO && error_is(&model_error, model_status), model_error.message);
    if (limits[i] >= 5000 && model_status == WEIR_OK) file_write(path, old, old_size);  // a model is smaller and may fit
    unsigned char *now = file_bytes(path, &size);
    EXPECT(now != NULL && size == old_size && memcmp(now, old, size) == 0, "the old checkpoint is there, whole");
    EXPECT(folder_count(&f) == 1, "nothing else is");
    free(now);
  }
  signal(SIGXFSZ, handler);
  // No folder, and no memory, at any point of writing.
  weir_error error = {0};
  EXPECT(weir_trainer_save_checkpoint(trainer, folder_file(&f, "nowhere/checkpoint"), NULL, &error) == WEIR_ERROR_IO &&
             error_is(&error, WEIR_ERROR_IO),
         error.message);
  const long blocks = memory.blocks;
  weir_status status = WEIR_ERROR_MEMORY;
  for (long more = 0; status != WEIR_OK && more < 100; more++) {
    unsigned char *now = file_bytes(path, &size);
    EXPECT(now != NULL && size == old_size && memcmp(now, old, size) == 0 && folder_count(&f) == 1,
           "the old checkpoint is there, whole");
    free(now);
    memory.fail_at = memory.calls + more;
    status = weir_trainer_save_checkpoint(trainer, path, "new", &error);
    EXPECT(memory.blocks == blocks, "nothing is left");
    EXPECT(status == WEIR_OK || (status == WEIR_ERROR_MEMORY && error_is(&error, status)), error.message);
  }
  memory.fail_at = -1;
  EXPECT(status == WEIR_OK && folder_count(&f) == 1, "in the end it is written");
  weir_trainer_close(trainer);
  EXPECT(memory.blocks == 0 && memory.bytes == 0, "all memory is back");
  free(old);
  folder_remove(&f);
  golden_close(&g);
  return bad;
}

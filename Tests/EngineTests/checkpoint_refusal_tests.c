// Checkpoints that are broken, of another run, or lie about what they hold.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

// A checkpoint cut short, or with parts of the optimizer changed, is refused; it also serves as a model.
int test_checkpoint_broken(void) {
  int bad = 0;
  golden g;
  folder f;
  if (!golden_open(&g, "tabular_pair") || !folder_make(&f)) return 1;
  const weir_train_options options = train_options(&g);
  weir_trainer *trainer = golden_trainer(&g, &options), *opened = NULL;
  for (size_t i = 0; i < 3; i++) weir_trainer_step(trainer, g.x, g.n, 1e-3, NULL, NULL);
  EXPECT(weir_trainer_save_checkpoint(trainer, folder_file(&f, "whole"), "state", NULL) == WEIR_OK, "");
  size_t size;
  unsigned char *bytes = file_bytes(folder_file(&f, "whole"), &size);
  weir_error error = {0};
  for (size_t cut = 0; cut < size; cut += cut < 4000 ? 37 : 501) {
    file_write(folder_file(&f, "cut"), bytes, cut);
    const weir_status status = weir_trainer_open(folder_file(&f, "cut"), &options, &opened, &error);
    EXPECT(status != WEIR_OK && opened == NULL && error_is(&error, status), text_of("%zu bytes", cut));
  }
  // Every tensor of the optimizer in turn under a name that nothing asks for.
  const char *wanted[] = {"optimizer.m\"",      "optimizer.v\"",      "optimizer.kept_values\"",
                          "optimizer.kept_m\"", "optimizer.kept_v\"", "optimizer.counters\""};
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
    for (size_t at = 0; at + 32 < size; at++) {
      if (memcmp(bytes + at, wanted[i], strlen(wanted[i])) != 0) continue;
      bytes[at + strlen(wanted[i]) - 2] ^= 1;
      file_write(folder_file(&f, "changed"), bytes, size);
      const weir_status status = weir_trainer_open(folder_file(&f, "changed"), &options, &opened, &error);
      EXPECT(status == WEIR_ERROR_TENSOR && opened == NULL && error_is(&error, status),
             text_of("no %s: %d", wanted[i], (int)status));
      weir_trainer_close(opened);
      bytes[at + strlen(wanted[i]) - 2] ^= 1;
      break;
    }
  weir_model *model = NULL;
  EXPECT(weir_model_open(folder_file(&f, "whole"), NULL, &model, &error) == WEIR_OK, "a checkpoint is a model too");
  weir_model_close(model);
  free(bytes);
  weir_trainer_close(trainer);
  folder_remove(&f);
  golden_close(&g);
  return bad;
}

static weir_status open_parts(const folder *f, const model_parts *parts, const weir_train_options *options, weir_error *error) {
  size_t size;
  unsigned char *bytes = parts_file(parts, &size);
  file_write(folder_file(f, "changed"), bytes, size);
  free(bytes);
  weir_trainer *opened = NULL;
  const weir_status status = weir_trainer_open(folder_file(f, "changed"), options, &opened, error);
  expect((status == WEIR_OK) == (opened != NULL), __FILE__, __LINE__, "a trainer or an error", "");
  weir_trainer_close(opened);
  return status;
}

// A run goes on by its own optimizer only. An average begins with the weights when the run had none, and may be given up.
int test_checkpoint_of_another_run(void) {
  int bad = 0;
  golden g;
  folder f;
  if (!golden_open(&g, "tabular_pair") || !folder_make(&f)) return 1;
  for (int32_t first = WEIR_OPTIMIZER_ADAM; first <= WEIR_OPTIMIZER_RMSPROP; first++) {
    weir_train_options options = train_options(&g);
    options.optimizer = first;
    options.average_decay = 0.9;
    weir_trainer *trainer = golden_trainer(&g, &options);
    for (size_t i = 0; i < 3; i++) weir_trainer_step(trainer, g.x, g.n, 1e-3, NULL, NULL);
    EXPECT(weir_trainer_save_checkpoint(trainer, folder_file(&f, "checkpoint"), NULL, NULL) == WEIR_OK, "");
    weir_trainer_close(trainer);
    model_parts parts = parts_of_file(folder_file(&f, "checkpoint"));
    for (int32_t second = WEIR_OPTIMIZER_ADAM; second <= WEIR_OPTIMIZER_RMSPROP; second++) {
      options.optimizer = second;
      weir_error error = {0};
      const weir_status status = open_parts(&f, &parts, &options, &error);
      EXPECT(status == (first == second ? WEIR_OK : WEIR_ERROR_ARGUMENT),
             text_of("%d after %d: %d", (int)second, (int)first, (int)status));
      if (status != WEIR_OK) EXPECT(error_is(&error, status) && strstr(error.message, "optimizer") != NULL, error.message);
    }
    options.optimizer = first;
    options.average_decay = 0;
    EXPECT(open_parts(&f, &parts, &options, NULL) == WEIR_OK, "the average is given up");
    EXPECT(weir_trainer_open(folder_file(&f, "checkpoint"), &options, &trainer, NULL) == WEIR_OK, "");
    EXPECT(weir_trainer_save_checkpoint(trainer, folder_file(&f, "none"), NULL, NULL) == WEIR_OK, "");
    weir_trainer_close(trainer);
    options.average_decay = 0.9;
    EXPECT(weir_trainer_open(folder_file(&f, "none"), &options, &trainer, NULL) == WEIR_OK, "an average begins");
    size_t count;
    float *weights = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
    EXPECT(weir_trainer_swap_average(trainer) == WEIR_OK, "");
    float *average = trainer_numbers(trainer, WEIR_TENSOR_VALUE, &count);
    EXPECT(memcmp(weights, average, count * sizeof *average) == 0, "with the weights");
    free(weights), free(average);
    weir_trainer_close(trainer);
    parts_free(&parts);
  }
  // The counters of the library's first version were four.
  weir_train_options options = train_options(&g);
  weir_trainer *trainer = golden_trainer(&g, &options);
  weir_error error = {0};
  EXPECT(weir_trainer_save_checkpoint(trainer, folder_file(&f, "checkpoint"), NULL, NULL) == WEIR_OK, "");
  weir_trainer_close(trainer);
  model_parts parts = parts_of_file(folder_file(&f, "checkpoint"));
  part *counters = parts_find(&parts, "optimizer.counters");
  counters->shape[0] = 4;
  counters->bytes = 4 * sizeof(int64_t);
  const weir_status status = open_parts(&f, &parts, &options, &error);
  EXPECT(status == WEIR_ERROR_TENSOR && error_is(&error, status) && strstr(error.message, "model") != NULL, error.message);
  parts_free(&parts);
  folder_remove(&f);
  golden_close(&g);
  return bad;
}

// A checkpoint that lacks something is refused before memory for training is taken: what it costs is bounded by the file.
int test_checkpoint_memory(void) {
  int bad = 0;
  golden g;
  folder f;
  if (!golden_open(&g, "tabular_pair") || !folder_make(&f)) return 1;
  counted_memory memory;
  weir_train_options options = train_options(&g);
  weir_trainer *trainer = golden_trainer(&g, &options);
  EXPECT(weir_trainer_save_checkpoint(trainer, folder_file(&f, "checkpoint"), NULL, NULL) == WEIR_OK, "");
  weir_trainer_close(trainer);
  options.batch = 1 << 16;
  options.allocator = &memory.allocator;
  static const char *const tensors[] = {NULL, "steps.1.gain", "optimizer.v", "optimizer.kept_m", "optimizer.counters"};
  for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
    model_parts parts = parts_of_file(folder_file(&f, "checkpoint"));
    if (tensors[i] != NULL) parts_remove(&parts, tensors[i]);
    counted_memory_init(&memory, -1);
    const weir_status status = open_parts(&f, &parts, &options, NULL);
    EXPECT(status == (i == 0 ? WEIR_OK : WEIR_ERROR_TENSOR),
           text_of("without %s: %d", tensors[i] == NULL ? "nothing" : tensors[i], (int)status));
    EXPECT((memory.peak < 1000000) == (i > 0), text_of("%ld bytes", memory.peak));
    EXPECT(memory.blocks == 0, "all memory is back");
    parts_free(&parts);
  }
  folder_remove(&f);
  golden_close(&g);
  return bad;
}

// The state that the guard brings back is held to what weights are: its pivots say which memory to exchange.
int test_checkpoint_kept_state(void) {
  int bad = 0;
  golden g;
  folder f;
  if (!can_train("glow")) return 0;
  if (!golden_open(&g, "glow") || !folder_make(&f)) return 1;
  const weir_train_options options = train_options(&g);
  weir_trainer *trainer = golden_trainer(&g, &options);
  EXPECT(weir_trainer_save_checkpoint(trainer, folder_file(&f, "checkpoint"), NULL, NULL) == WEIR_OK, "");
  size_t at = 0, lies = 0;
  for (size_t i = 0; i < weir_trainer_tensor_count(trainer); i++) {
    weir_tensor_info info;
    weir_trainer_tensor_info(trainer, i, &info);
    const bool pivots = strstr(info.name, ".pivots") != NULL, lu = strstr(info.name, ".lu") != NULL;
    const float number = pivots ? 1e9f : 0;
    if (pivots || lu) {
      model_parts parts = parts_of_file(folder_file(&f, "checkpoint"));
      weir_error error = {0};
      memcpy((char *)parts_find(&parts, "optimizer.kept_values")->data + at * sizeof number, &number, sizeof number);
      const weir_status status = open_parts(&f, &parts, &options, &error);
      EXPECT(status == WEIR_ERROR_TENSOR && error_is(&error, status), text_of("%s: %d", info.name, (int)status));
      parts_free(&parts);
      lies++;
    }
    at += info.count;
  }
  EXPECT(lies > 0, "a flow with factors");
  weir_trainer_close(trainer);
  folder_remove(&f);
  golden_close(&g);
  return bad;
}

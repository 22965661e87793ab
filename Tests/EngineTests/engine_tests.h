// What the engine's tests share: a list of them, a check that says where it failed, golden cases, models made of parts, sessions, and memory
// that is counted and can run out.
#ifndef WEIR_ENGINE_TESTS_H
#define WEIR_ENGINE_TESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file/file_io.h"
#include "file/safetensors.h"
#include "weir_train.h"

#define ENGINE_TEST_LIST(TEST)        \
  TEST(golden_forward)                \
  TEST(golden_inverse)                \
  TEST(isa_override)                  \
  TEST(same_bits_in_any_batch)        \
  TEST(same_bits_on_any_threads)      \
  TEST(same_bits_by_any_executor)     \
  TEST(same_bits_at_any_address)      \
  TEST(executor_of_threads)           \
  TEST(noise_follows_the_index)       \
  TEST(noise_average)                 \
  TEST(noise_midpoint)                \
  TEST(uint8_scores)                  \
  TEST(samples)                       \
  TEST(trace)                         \
  TEST(model_description)             \
  TEST(model_of_nothing_packed)       \
  TEST(layer_description)             \
  TEST(profile)                       \
  TEST(profile_allocates_nothing)     \
  TEST(profile_bad_arguments)         \
  TEST(machine_peak)                  \
  TEST(no_allocation_on_one_thread)   \
  TEST(no_allocation_on_two_threads)  \
  TEST(no_allocation_in_bf16)         \
  TEST(bf16_is_near)                  \
  TEST(bf16_coupling_is_exact)        \
  TEST(bf16_there_and_back)           \
  TEST(bf16_beside_f32)               \
  TEST(bf16_profile)                  \
  TEST(bad_pixels)                    \
  TEST(bad_table_rows)                \
  TEST(extreme_weights)               \
  TEST(bad_arguments)                 \
  TEST(bad_options)                   \
  TEST(short_structs)                 \
  TEST(short_memory)                  \
  TEST(open_truncated)                \
  TEST(open_flipped)                  \
  TEST(open_lying_descriptions)       \
  TEST(open_lying_tensors)            \
  TEST(open_without_memory)           \
  TEST(open_bad_arguments)            \
  TEST(disk_opens_as_memory)          \
  TEST(disk_file_cut_short)           \
  TEST(disk_file_cut_while_it_opens)  \
  TEST(disk_without_memory)           \
  TEST(disk_memory_of_a_step)         \
  TEST(jacobian_of_steps)             \
  TEST(jacobian_of_flows)             \
  TEST(golden_gradients)              \
  TEST(golden_training)               \
  TEST(gradients_on_any_threads)      \
  TEST(gradients_for_any_budget)      \
  TEST(gradients_need_no_luck)        \
  TEST(update_by_gradient)            \
  TEST(update_of_statistics)          \
  TEST(checkpoint_resumes)            \
  TEST(checkpoint_resumes_after_harm) \
  TEST(checkpoint_interrupted)        \
  TEST(checkpoint_broken)             \
  TEST(guard_bad_batches)             \
  TEST(guard_huge_rates)              \
  TEST(guard_divergence)              \
  TEST(reestimate_first_norm)         \
  TEST(reestimate_all_norms)          \
  TEST(reestimate_refusals)           \
  TEST(saved_model_scores)            \
  TEST(saved_model_is_same)           \
  TEST(saved_provenance)              \
  TEST(trainer_tensors)               \
  TEST(trainer_fresh_weights)         \
  TEST(trainer_without_memory)        \
  TEST(trainer_bad_arguments)         \
  TEST(net_gradients)                 \
  TEST(winograd_chunk_scores)         \
  TEST(winograd_chunk_gradients)      \
  TEST(winograd_narrowed_nets)        \
  TEST(dead_weights)                  \
  TEST(net_refusals)                  \
  TEST(net_fresh_weights)             \
  TEST(dropout_drops)                 \
  TEST(dropout_agrees)                \
  TEST(dropout_resumes)               \
  TEST(dropout_is_for_training)       \
  TEST(steps_that_do_not_fit)         \
  TEST(matrices_that_contradict)      \
  TEST(determinant_of_rough_factors)  \
  TEST(determinant_of_wrong_factors)  \
  TEST(factorisation)                 \
  TEST(fresh_matrices)                \
  TEST(factors_follow_the_weight)     \
  TEST(steps_there_and_back)          \
  TEST(gradients_of_steps)            \
  TEST(step_gradients_on_any_threads) \
  TEST(actnorm_starts_from_data)      \
  TEST(prior_densities)               \
  TEST(prior_classes_fail_safe)       \
  TEST(prior_classes_average)         \
  TEST(prior_gradients)               \
  TEST(prior_far_component)           \
  TEST(prior_samples)                 \
  TEST(negative_is_a_weighted_sum)    \
  TEST(negative_floor)                \
  TEST(negative_samples_that_fail)    \
  TEST(negative_batch_norm)           \
  TEST(labels_choose_classes)         \
  TEST(batch_refusals)                \
  TEST(optimizer_steps)               \
  TEST(optimizer_decay_scope)         \
  TEST(average_of_weights)            \
  TEST(average_swaps)                 \
  TEST(average_after_restore)         \
  TEST(evaluate_is_a_saved_model)     \
  TEST(start_from_data)               \
  TEST(start_survives_bad_batches)    \
  TEST(start_is_checkpointed)         \
  TEST(checkpoint_of_another_run)     \
  TEST(checkpoint_memory)             \
  TEST(checkpoint_kept_state)

#define ENGINE_TEST_DECLARE(name) int test_##name(void);
ENGINE_TEST_LIST(ENGINE_TEST_DECLARE)
#undef ENGINE_TEST_DECLARE

/// Every test returns its failed checks; EXPECT counts into a local `bad` and says which one failed, with one more text.
#define EXPECT(condition, detail) (bad += expect(condition, __FILE__, __LINE__, #condition, detail))
int expect(bool condition, const char *file, int line, const char *text, const char *detail);
/// printf into one of a few rotating buffers, for a check's detail.
const char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
/// Something measured, printed behind the test's name.
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Memory that counts what is out, and at most was, and whose allocation number `fail_at` (from 0) gives NULL; -1 for never.
typedef struct counted_memory {
  long fail_at, calls, blocks, bytes, peak;
  weir_allocator allocator;
} counted_memory;
void counted_memory_init(counted_memory *memory, long fail_at);

/// True when an error's code is `status` and it says something.
bool error_is(const weir_error *error, weir_status status);

// -------------------------------------------------------------------------------------------------------------- Goldens

/// One case of Tests/Golden/data: its model file, and what is expected of it.
typedef struct golden {
  const char *name;
  char model_path[512];
  void *bytes;
  size_t size;
  weir_safetensors file;
  size_t n, dims;  // of "input"
  bool table;      // rows of a table, not images
  float *x;        // "input"
  // Of its loss, where the case has them:
  int32_t *labels;  // [n]
  float *negative;  // [negative_n][dims]
  size_t negative_n;
  double negative_floor;
} golden;

/// Names of all cases, NULL-terminated, in alphabetical order.
const char *const *golden_names(void);
/// False, with a failed check printed, when the case can't be read.
bool golden_open(golden *g, const char *name);
void golden_close(golden *g);
/// Makes the model file of a case whose weights follow from a rule, and sets model_path to it.
bool golden_generate(golden *g);
/// What the case's loss and gradients are of.
weir_train_batch golden_batch(const golden *g);
/// A tensor of the expectations as doubles; free() it. NULL when there is none.
double *golden_values(const golden *g, const char *name, size_t *count);
/// "deviation.<name>": how far PyTorch's float32 is from float64.
double golden_deviation(const golden *g, const char *name);

/// The instruction sets to test: all that run here, or the one in WEIR_ISA. NULL-terminated.
const char *const *tested_isas(void);
/// Makes models opened from now on use `isa`; NULL for what the environment said when the tests began.
void use_isa(const char *isa);

// ------------------------------------------------------------------------------------------------------------- Sessions

/// A session and its memory.
typedef struct desk {
  weir_session *session;
  void *memory;
  size_t bytes;
} desk;
/// session is NULL when it can't be made.
desk desk_make(const weir_model *model, const weir_session_options *options);
void desk_free(desk *d);

/// A golden case with its model opened on the current instruction set, NULL (with a failed check printed) when that fails.
weir_model *golden_model(const golden *g);

/// `count` samples for a golden case, its inputs repeated with small changes; free() it.
float *more_samples(const golden *g, size_t count);

/// Runs its parts one after the other, the last first.
weir_executor backwards_executor(void);

// --------------------------------------------------------------------------------------------------------------- Models

/// A tensor of a model being made.
typedef struct part {
  char name[128];
  const char *dtype;
  size_t rank, shape[4];
  void *data;
  size_t bytes;
} part;

/// A model file taken apart, to be changed and put together.
typedef struct model_parts {
  char *spec;
  part *items;
  size_t count;
} model_parts;

/// The parts of a model file or checkpoint.
model_parts parts_of_file(const char *path);
/// The parts of a golden model.
model_parts parts_of_golden(const char *name);
/// The parts of a model with random weights (consistent ones: parts_mend) for a description, which must be a valid one.
model_parts parts_of_spec(const char *spec, uint64_t seed);
part *parts_find(const model_parts *parts, const char *name);
/// Replaces the first `from` in the description; false when it isn't there.
bool parts_edit(model_parts *parts, const char *from, const char *to);
void parts_remove(model_parts *parts, const char *name);
/// The file, in exactly-sized memory; free() it.
unsigned char *parts_file(const model_parts *parts, size_t *size);
void parts_free(model_parts *parts);
/// Opens the file of the parts.
weir_status parts_open(const model_parts *parts, const weir_allocator *allocator, weir_model **model, weir_error *error);
typedef weir_status open_fn(const void *file, const weir_allocator *allocator, weir_model **model, weir_error *error);
/// Opens with an allocator that fails at its k-th call, for every k until opening gets by without failing; returns the failed checks.
int open_short(open_fn *open, const void *file, const char *name);
/// Makes random matrices what they must be: rotations orthogonal, conv1x1's weights far from singular, their lu and pivots a factorisation.
void parts_mend(const model_parts *parts);
/// parts_of_spec and parts_open at once; NULL, with a failed check printed, when refused.
weir_model *model_of_spec(const char *spec, uint64_t seed);

// ------------------------------------------------------------------------------------------------------------- Training

/// False for a golden case that this build can't train: flows with conv1x1 need LAPACK. Then golden_names without those.
bool can_train(const char *name);
const char *const *trained_names(void);
/// Default options with midpoint noise and room for a golden case's batch.
weir_train_options train_options(const golden *g);
/// A trainer over a golden model; NULL, with a failed check printed, when refused.
weir_trainer *golden_trainer(const golden *g, const weir_train_options *options);
/// A trainer over a model with random weights for a description, which must be a valid one; NULL, with a failed check printed, when refused.
weir_trainer *spec_trainer(const char *spec, uint64_t seed, const weir_train_options *options);
/// The index of a trainer's tensor; the count when there is none of that name.
size_t tensor_index(const weir_trainer *trainer, const char *name);
/// All tensors one after the other, WEIR_TENSOR_VALUE or WEIR_TENSOR_GRADIENT; free() it.
float *trainer_numbers(const weir_trainer *trainer, int32_t what, size_t *count);
/// The values of the tensor of this name; free() them. NULL when there is none. count may be NULL.
float *trainer_tensor(const weir_trainer *trainer, const char *name, size_t *count);
/// The loss with tensor `index` moved from values by `step` times `direction`.
double moved_loss(weir_trainer *trainer, const weir_train_batch *batch, size_t index, const float *values, const float *direction,
                  size_t count, double step);
/// log|det| of m [c, c] by elimination with pivots, which overwrites it.
double log_det(double *m, size_t c);
/// True when two trainers hold the same values, bit for bit.
bool same_values(const weir_trainer *a, const weir_trainer *b);
bool all_finite(const float *values, size_t count);

/// A new empty folder, a file's path in it, and how many files it holds; it goes with all that is in it.
typedef struct folder {
  char path[256];
} folder;
bool folder_make(folder *f);
const char *folder_file(const folder *f, const char *name);
int folder_count(const folder *f);
void folder_remove(const folder *f);
/// A whole file; free() it. NULL when there is none.
unsigned char *file_bytes(const char *path, size_t *size);
bool file_write(const char *path, const void *bytes, size_t size);
bool same_files(const char *a, const char *b);

#endif

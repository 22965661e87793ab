/// @file weir.h
/// Weir: a native normalizing-flow engine. This header is the inference API: open a model, make a session, score.
///
/// Simple use (error checks left out):
/// @code
///   weir_model *model;
///   weir_model_open("fashion.safetensors", NULL, &model, NULL);
///   weir_session_options options = weir_session_options_default();
///   size_t bytes;
///   weir_session_size(model, &options, &bytes);
///   weir_session *session;
///   weir_session_init(model, &options, malloc(bytes), bytes, &session);
///   double log_likelihood;
///   weir_score(session, pixels, 1, &log_likelihood);   // nats; lower is more anomalous
/// @endcode
///
/// Units. A model with a `dequantize` step takes images whose values are the integers 0..255, as uint8 or as float; shapes are
/// [n, c, h, w], contiguous, n outermost. A table or an embedding is [n, dims]. Log-likelihoods are in nats per sample.
/// For images they are those of the integers, log P(v) = log p(f(v)) + log|det df/dv|, v in 0..255, so that
/// bits per dimension = -log P / (dims ln 2). Nothing here prints, aborts or keeps global state.
///
/// Versions. A patch changes neither functions nor structs nor constants. While the major version is 0, a minor version may change any of
/// them: the shared library's SOVERSION is 0.MINOR, and a program needs the minor version that it was built with. From 1.0 on a minor version
/// only adds functions and constants, and the SOVERSION is MAJOR. Where a caller's struct has a struct_size, one that is shorter than the
/// library's is refused (WEIR_ERROR_ARGUMENT); of a longer one the library reads the part that it knows.
#ifndef WEIR_H
#define WEIR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#else
#define WEIR_API
#endif

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0

/// Library version as "major.minor.patch". Never NULL.
WEIR_API const char *weir_version(void);

// ---------------------------------------------------------------------------------------------------------------- Errors

/// Result of a call: WEIR_OK or an error. An open set: treat unknown values as errors.
typedef int32_t weir_status;
enum {
  WEIR_OK = 0,
  WEIR_ERROR_ARGUMENT = 1,     ///< A pointer, a count or an option is out of range.
  WEIR_ERROR_MEMORY = 2,       ///< The allocator returned NULL, or the caller's memory is too small.
  WEIR_ERROR_IO = 3,           ///< A file can't be opened, read or written.
  WEIR_ERROR_FORMAT = 4,       ///< The bytes are not a valid model file.
  WEIR_ERROR_VERSION = 5,      ///< A valid file of a version this library does not know.
  WEIR_ERROR_SPEC = 6,         ///< The model description names an unknown step, or steps that do not fit together.
  WEIR_ERROR_TENSOR = 7,       ///< A weight is missing, or has the wrong shape or type, or is not finite.
  WEIR_ERROR_SHAPE = 8,        ///< Data does not have the model's shape, or n exceeds the session's batch.
  WEIR_ERROR_UNSUPPORTED = 9,  ///< Valid, but not possible on this build or this CPU.
  WEIR_ERROR_NUMERIC = 10,     ///< Training produced NaN or Inf and could not recover.
};

/// One line for a status, for example "the bytes are not a valid model file". Never NULL.
WEIR_API const char *weir_status_text(weir_status status);

/// What went wrong, where, and what to do. Owned by the caller; every function takes NULL for "not wanted".
typedef struct weir_error {
  weir_status code;
  char where[96];     ///< File, JSON path or tensor, for example "steps.3.net.in_conv.weight_v". May be empty.
  char message[160];  ///< One sentence, no newline.
} weir_error;

// --------------------------------------------------------------------------------------------------------------- Memory

/// Where a model's memory comes from. NULL in place of a pointer to one means malloc and free. While a model is open,
/// weir_model_info.model_bytes of it are out, to the byte. Sessions take none of it: theirs is the caller's, weir_session_size bytes. `weir
/// inspect` prints both.
typedef struct weir_allocator {
  size_t struct_size;  ///< sizeof(weir_allocator)
  void *user;
  void *(*allocate)(void *user, size_t bytes, size_t alignment);  ///< NULL when there is no memory.
  void (*release)(void *user, void *memory, size_t bytes);
} weir_allocator;

/// Runs task(arg, 0) .. task(arg, count - 1), in any order, possibly at once, and returns when all are done. A session asks for at most as
/// many as its threads; sessions on several threads may ask at once. Examples/EmbedThreads has one over a pool of pthreads.
///
/// After fork the child's only thread is the one that forked. Models go on working there, and so do sessions of one thread that were not in
/// the middle of scoring. An executor's threads must be made anew first. The built-in one makes its own anew where the OpenMP runtime is LLVM's
/// libomp; in GNU's libgomp a child waits for ever once the parent has used threads.
typedef struct weir_executor {
  size_t struct_size;  ///< sizeof(weir_executor)
  void *user;
  void (*run)(void *user, void (*task)(void *arg, size_t index), void *arg, size_t count);
} weir_executor;

// --------------------------------------------------------------------------------------------------------------- Models

/// An opened flow: architecture and packed weights. Immutable, so any number of sessions on any threads may share it.
typedef struct weir_model weir_model;

/// Opens a model file (safetensors with a "weir" entry in its metadata).
///
/// @param path       in, a file path.
/// @param allocator  in, or NULL for malloc and free; copied, its functions must outlive the model.
/// @param model      out, the model; set to NULL on failure. Release it with weir_model_close.
/// @param error      out, or NULL.
/// @return WEIR_OK, or WEIR_ERROR_IO, _FORMAT, _VERSION, _SPEC, _TENSOR, _MEMORY, _ARGUMENT (path or model is NULL), or
///         _UNSUPPORTED (a big-endian machine, or WEIR_ISA in the environment names kernels that this CPU or this build lacks).
///
/// While it opens, it takes besides the model about 6 times the file's header, 4 bytes for each number of the largest step, and the bytes of
/// the largest tensor that is not f32.
WEIR_API weir_status weir_model_open(const char *path, const weir_allocator *allocator, weir_model **model, weir_error *error);

/// As weir_model_open, from bytes in memory, for example an array linked into the program. `bytes` is not kept. While it opens, it takes besides
/// the model about 5 times the file's header (its first 8 bytes, little-endian, are the length). Unless every number is f32 at a multiple of 4
/// bytes in memory, as in a 64-byte aligned array of a file that this library wrote, 4 bytes for each number of the largest step come on top.
WEIR_API weir_status weir_model_open_memory(const void *bytes, size_t size, const weir_allocator *allocator, weir_model **model,
                                            weir_error *error);

/// Releases a model. No session may still use it. NULL is allowed.
WEIR_API void weir_model_close(weir_model *model);

typedef struct weir_model_info {
  size_t struct_size;  ///< Set by weir_model_get_info.
  size_t rank;         ///< 3 for images [c, h, w], 1 for tables and embeddings [dims].
  size_t shape[3];     ///< c, h, w; or dims, 1, 1.
  size_t dims;         ///< c * h * w
  size_t levels;       ///< 256 for 8-bit images, 0 for continuous data.
  size_t steps;        ///< Invertible steps.
  size_t parameters;   ///< Trainable numbers.
  size_t model_bytes;  ///< Memory the model holds, see weir_allocator.
  double flops;        ///< Multiplications and additions to score one sample.
  const char *isa;     ///< Kernel set chosen: "ref", "avx2", "avx512", "avx512bf16" or "neon". Lives as long as the program.
  const char *prior;   ///< "standard_normal", "learned_normal" or "gaussian_mixture". Lives as long as the program.
  size_t components;   ///< Of a gaussian_mixture prior; 1 otherwise.
} weir_model_info;

WEIR_API weir_status weir_model_get_info(const weir_model *model, weir_model_info *info);

typedef struct weir_step_info {
  size_t struct_size;      ///< Set by weir_model_get_step.
  const char *op;          ///< "coupling", "squeeze", ... Lives as long as the program.
  size_t input_shape[3];   ///< c, h, w before the step
  size_t output_shape[3];  ///< c, h, w after the step
  size_t parameters;       ///< Trainable numbers.
  double flops;            ///< For one sample.
  const char *mask;        ///< "checkerboard", "channel", ... or "". Lives as long as the program.
  const char *net;         ///< "resnet", "mlp", ... or "". Lives as long as the program.
  size_t layers;           ///< 1 or more; see weir_model_get_layer.
} weir_step_info;

/// Describes step `index`, 0 to info.steps - 1.
WEIR_API weir_status weir_model_get_step(const weir_model *model, size_t index, weir_step_info *info);

/// What scoring runs for a part of a step. All texts live as long as the program.
typedef struct weir_layer_info {
  size_t struct_size;  ///< Set by weir_model_get_layer.
  const char *name;    ///< "pack", "conv3x3", "conv1x1", "linear", "gate", "transform", ...; of steps without a net the op.
  /// Slot of the kernel table that does the arithmetic, "conv3x3_forward", or "winograd" or "winograd_bf16" for the family; "" for plain C.
  const char *kernel;
  const char *preparation;  ///< Slot that makes its input ready: "preact_forward" (batch norm, rectifier, halo); "" for none.
  size_t input_shape[3];    ///< c, h, w of the first input; a table's are dims, 1, 1.
  size_t output_shape[3];   ///< c, h, w
  double flops;             ///< Multiplications and additions of its formula for one sample, whatever the kernel saves.
  size_t sample_bytes;  ///< For one sample: inputs and outputs once, as they lie in memory (nets' maps in blocks of 16 channels).
  size_t weight_bytes;  ///< Weights and other constants, each once, however many samples.
} weir_layer_info;

/// Describes layer `layer` of step `step`, in the order that scoring runs them. A coupling has its net's layers between "pack", which
/// copies the part under the mask to the net's layout, and "transform", which shifts and scales the rest; another step is one layer. The
/// density of the latents counts as a step more, number info.steps, of one layer, named after the prior. This is of sessions in f32;
/// weir_profile's events describe what its session runs.
///
/// @return WEIR_OK, or WEIR_ERROR_ARGUMENT: a pointer is NULL, or there is no such step or layer.
WEIR_API weir_status weir_model_get_layer(const weir_model *model, size_t step, size_t layer, weir_layer_info *info);

/// The model's JSON description: NUL-terminated, lives as long as the model.
WEIR_API const char *weir_model_spec(const weir_model *model);

// ------------------------------------------------------------------------------------------------------------- Sessions

/// A scoring workspace over a model: belongs to one thread at a time. After init it allocates nothing, locks nothing, does no I/O.
typedef struct weir_session weir_session;

enum {
  WEIR_NOISE_MIDPOINT = 0,  ///< u = 1/2: deterministic. The default.
  WEIR_NOISE_SEED = 1,      ///< u uniform in [0,1), from `seed` and the sample's index (see weir_session_seek).
  WEIR_NOISE_AVERAGE = 2,   ///< log-mean-exp over `draws` seeded draws.
};

enum {
  WEIR_PRECISION_F32 = 0,  ///< The default.
  /// Matrix products and most convolutions of the coupling steps' networks multiply bf16 numbers (8 bits of significand) and sum in f32; all
  /// else stays as it is. A coupling step is invertible whatever its network computes, so this is the exact likelihood of a model a little
  /// different from the file's. weir_inverse finds x again less closely than in f32: what comes back off by an f32 rounding may be rounded to
  /// another bf16 number on its way through the next step. Made for CPUs with AVX512-BF16; others compute the same without it.
  WEIR_PRECISION_BF16 = 1,
};

typedef struct weir_session_options {
  size_t struct_size;  ///< Set by weir_session_options_default.
  size_t batch;        ///< Most samples in one call. Default 32.
  size_t threads;      ///< Threads a call may use. Default 1, which touches no threading runtime.
  int32_t noise;       ///< WEIR_NOISE_*. Only models with a dequantize step use it.
  size_t draws;        ///< For WEIR_NOISE_AVERAGE. Default 1.
  uint64_t seed;
  const weir_executor *executor;  ///< NULL for the built-in one. Must outlive the session.
  int32_t precision;  ///< WEIR_PRECISION_*. Sessions of both may share a model; one in bf16 holds its own rounded weights.
} weir_session_options;

WEIR_API weir_session_options weir_session_options_default(void);

/// Bytes that weir_session_init needs for these options; computed by the same planning code. They grow with the threads, with the batch as
/// far as 8 images or 128 rows of a table or images of one pixel (more are scored in groups of so many), and not with noise or draws.
WEIR_API weir_status weir_session_size(const weir_model *model, const weir_session_options *options, size_t *bytes);

/// Makes a session inside the caller's memory.
///
/// @param memory   in, `bytes` bytes of any alignment, kept until the last call on the session; there is nothing to close.
/// @param session  out; points into `memory`. NULL on failure.
/// @return WEIR_OK, WEIR_ERROR_ARGUMENT, or WEIR_ERROR_MEMORY when `bytes` is below weir_session_size.
WEIR_API weir_status weir_session_init(const weir_model *model, const weir_session_options *options, void *memory, size_t bytes,
                                       weir_session **session);

/// Sets the index of the next sample, for seeded noise. Every call of score, forward, inverse, trace or
/// profile advances it by its n. Starts at 0.
WEIR_API weir_status weir_session_seek(weir_session *session, uint64_t index);

/// Log-likelihood of each sample: log p(x) = log p_Z(f(x)) + log|det df/dx|.
///
/// @param session         in/out; one thread at a time.
/// @param x               in, f32 [n, c, h, w] (image values 0..255) or [n, dims], any alignment, not kept.
/// @param n               1 to the session's batch.
/// @param log_likelihood  out, f64 [n], nats. A sample with NaN, Inf or an image value outside [-0.5, 255.5] gets -INFINITY.
/// @return WEIR_OK, WEIR_ERROR_ARGUMENT or WEIR_ERROR_SHAPE; on error the outputs are untouched and the session stays usable.
/// Allocates nothing. Same bits whatever n and the thread count.
WEIR_API weir_status weir_score(weir_session *session, const float *x, size_t n, double *log_likelihood);

/// As weir_score for uint8 images [n, c, h, w]. WEIR_ERROR_UNSUPPORTED when the model has no dequantize step.
WEIR_API weir_status weir_score_u8(weir_session *session, const uint8_t *x, size_t n, double *log_likelihood);

/// Log-likelihood of each sample under each class of a gaussian_mixture prior, log p(x | class): f64 [n, components], nats.
/// Bayes' rule with equal weights makes class probabilities of them. WEIR_ERROR_UNSUPPORTED without such a prior.
/// Noise of WEIR_NOISE_AVERAGE is averaged class by class. Otherwise as weir_score.
WEIR_API weir_status weir_score_classes(weir_session *session, const float *x, size_t n, double *log_likelihood);

/// Latents z = f(x), f32 [n, dims] (factored-out parts in order, then what is left), and log|det dz/dx|, f64 [n], which may be NULL.
WEIR_API weir_status weir_forward(weir_session *session, const float *x, size_t n, float *z, double *logdet);

/// x = f^-1(z), f32 [n, c, h, w] (images: real values near 0..255), and log|det dx/dz|, f64 [n], which may be NULL.
/// With seeded noise the noise of the sample index is subtracted, so seek to the same index as for weir_forward.
WEIR_API weir_status weir_inverse(weir_session *session, const float *z, size_t n, float *x, double *logdet);

/// Draws n samples: z from the prior, its deviation times `temperature`, then the inverse; images are clamped to 0..255.
/// Sample i depends on `seed` and i alone.
WEIR_API weir_status weir_sample(weir_session *session, uint64_t seed, float temperature, size_t n, float *x);

/// What weir_trace reports after each step, valid during the call only. c, h, w is the step's output shape.
typedef struct weir_trace_event {
  size_t struct_size;
  size_t step;
  const char *op;
  size_t shape[3];
  const float *x;  ///< f32 [c, h, w], after the step
  const float *s;  ///< f32 log-scale the coupling added, in the step's shape, 0 where it changes nothing; NULL for other steps
  const float *t;  ///< f32 shift, likewise
  double logdet;   ///< this step's part, nats
} weir_trace_event;

typedef void weir_trace_fn(void *user, const weir_trace_event *event);

/// Runs one sample forward and calls `callback` after every step.
WEIR_API weir_status weir_trace(weir_session *session, const float *x, weir_trace_fn *callback, void *user);

// ----------------------------------------------------------------------------------------------------------- Measurements

enum {
  WEIR_PROFILE_LAYER = 0,  ///< A layer of a step, see weir_model_get_layer.
  WEIR_PROFILE_STEP = 1,   ///< A step, after its layers; the last one, number info.steps, is the density of the latents.
  WEIR_PROFILE_PASS = 2,   ///< All steps, after them, and reading x before them.
};

/// What weir_profile reports as each part of a pass ends, valid during the call only. Times leave out what the callback takes. Within a
/// step every nanosecond belongs to one of its layers.
typedef struct weir_profile_event {
  size_t struct_size;
  int32_t kind;                      ///< WEIR_PROFILE_*
  size_t step;                       ///< 0 to info.steps; of a pass info.steps + 1.
  size_t layer;                      ///< Within the step; 0 for other kinds.
  const char *op;                    ///< "coupling", ..., "prior"; of a pass "pass".
  const weir_layer_info *described;  ///< Of a layer; NULL for other kinds.
  size_t first, n;                   ///< Samples of this pass: [first, first + n) of the call's.
  uint64_t start;                    ///< Nanoseconds since weir_profile was called.
  uint64_t nanoseconds;              ///< How long it took.
  double flops;                      ///< Multiplications and additions for the n samples.
  double bytes;                      ///< weight_bytes once and sample_bytes n times: what it touches at least, wherever that lies.
} weir_profile_event;

typedef void weir_profile_fn(void *user, const weir_profile_event *event);

/// Scores n samples as weir_score does, to the bit, and reports how long each layer, step and pass took.
///
/// A pass is what scoring does at once: a few images, or many rows of a table; with WEIR_NOISE_AVERAGE one draw of that. Here passes
/// follow each other, each on all threads of the session. weir_score does the same with a call too small to share out; a larger one it
/// cuts into passes that run side by side, one a thread, so that on several threads such a call takes less than the sum of these times.
///
/// @param session         in/out; as for weir_score. The callback must not use it.
/// @param x, n            in, as for weir_score.
/// @param log_likelihood  out, f64 [n], nats, as of weir_score.
/// @param callback        called on the caller's thread for every layer, after its layers for a step, after its steps for a pass.
/// @param user            in, handed to the callback; may be NULL.
/// @return WEIR_OK, WEIR_ERROR_ARGUMENT or WEIR_ERROR_SHAPE; on error nothing is reported and the outputs are untouched.
/// Allocates nothing. What scoring pays for being measurable is a test for NULL a layer.
WEIR_API weir_status weir_profile(weir_session *session, const float *x, size_t n, double *log_likelihood,
                                  weir_profile_fn *callback, void *user);

typedef struct weir_peak_options {
  size_t struct_size;             ///< Set by weir_peak_options_default.
  size_t threads;                 ///< Default 1, which touches no threading runtime.
  double seconds;                 ///< How long each peak is looked for; the best of many short runs counts. Default 0.05.
  size_t read_bytes;              ///< Memory to read: several times the last-level caches. Default 256 MiB; 0 leaves this peak out.
  const weir_executor *executor;  ///< NULL for the built-in one.
} weir_peak_options;

WEIR_API weir_peak_options weir_peak_options_default(void);

/// What this machine did at most, by the kernels' instruction set: what nothing that is measured beside it can exceed by much.
typedef struct weir_peak {
  size_t struct_size;  ///< Set by weir_machine_peak.
  const char *isa;     ///< As weir_model_info.isa.
  size_t threads;
  double fma;         ///< f32 multiply-adds in registers: operations a second, two for each.
  double bf16;        ///< bf16 dot products added to f32 (AVX512-BF16), likewise; 0 where the instruction set has none.
  double read;        ///< Bytes a second read from memory; 0 when left out.
  size_t read_bytes;  ///< Memory that was read, each byte by one thread.
} weir_peak;

/// Measures the peaks.
///
/// @param options    in.
/// @param allocator  in, for the memory to read, which is given back; NULL for malloc and free.
/// @param peak       out; untouched on error.
/// @return WEIR_OK, WEIR_ERROR_ARGUMENT, WEIR_ERROR_MEMORY, or WEIR_ERROR_UNSUPPORTED (as weir_model_open).
WEIR_API weir_status weir_machine_peak(const weir_peak_options *options, const weir_allocator *allocator, weir_peak *peak);

#ifdef __cplusplus
}
#endif
#endif

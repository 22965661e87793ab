// Channels (dims of a table) in another order: y[k] = x[order[k]]; `reverse` is the order c - 1, ..., 0. log-det 0.
#include <string.h>

#include "bijectors/rearrange.h"

typedef struct permute_step {
  size_t *order;  // [c]
} permute_step;

/// The channel that y[k] comes from. Steps without an order of their own reverse.
static size_t source_of(const weir_step *step, size_t k) {
  const permute_step *own = step->own;
  return own == NULL ? step->in.c - 1 - k : own->order[k];
}

static weir_status read_order(const weir_step *step, const weir_step_source *source, int array, bool *seen, size_t *order,
                              weir_error *error) {
  const size_t c = step->in.c;
  const int first = weir_i_json_item(source->json, array, 0);
  for (size_t k = 0; k < c; k++) {
    // A number is one token, so those of an array that holds nothing else follow each other.
    const bool whole = weir_i_json_as_count(source->json, first + (int)k, &order[k]);
    if (!whole || order[k] >= c)
      return weir_i_fail(error, WEIR_ERROR_SPEC, source->path, "item %zu of \"order\" must be a whole number from 0 to %zu", k,
                         c - 1);
    if (seen[order[k]])
      return weir_i_fail(error, WEIR_ERROR_SPEC, source->path, "\"order\" has %zu twice; each of 0 to %zu must be there once",
                         order[k], c - 1);
    seen[order[k]] = true;
  }
  return WEIR_OK;
}

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  static const char *const keys[] = {"op", "order"};
  const size_t c = step->in.c;
  const weir_status status = weir_i_json_only(source->json, source->object, source->path, keys, 2, error);
  if (status != WEIR_OK) return status;
  const int array = weir_i_json_get(source->json, source->object, "order");
  if (!weir_i_json_is_array(source->json, array) || weir_i_json_size(source->json, array) != c)
    return weir_i_fail(error, WEIR_ERROR_SPEC, source->path, "permute needs \"order\": an array of the numbers 0 to %zu, each once",
                       c - 1);
  permute_step *own = weir_i_step_own(step, build, sizeof *own);
  bool *seen = weir_i_pool_take(build->pool, c, sizeof *seen);
  size_t *order = weir_i_pool_take(build->pool, c, sizeof *order);
  if (seen == NULL || order == NULL) build->no_memory = true;
  if (weir_i_build_failed(build)) return WEIR_OK;  // the build says so
  own->order = order;
  return read_order(step, source, array, seen, order, error);
}

static weir_status parse_reverse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  (void)step, (void)build;
  static const char *const keys[] = {"op"};
  return weir_i_json_only(source->json, source->object, source->path, keys, 1, error);
}

static void move(const weir_step *step, const float *from, float *to, bool forward) {
  const size_t pixels = step->in.h * step->in.w;
  for (size_t k = 0; k < step->in.c; k++) {
    const size_t source = source_of(step, k);
    memcpy(to + (forward ? k : source) * pixels, from + (forward ? source : k) * pixels, pixels * sizeof *to);
  }
}

static void forward(const weir_step *step, weir_flow_run *run) { weir_i_rearrange_forward(step, run, move); }
static void inverse(const weir_step *step, weir_flow_run *run) { weir_i_rearrange_inverse(step, run, move); }
static void backward(const weir_step *step, weir_flow_run *run) { weir_i_rearrange_backward(step, run, move); }

const weir_bijector weir_i_bijector_permute = {
    .op = "permute",
    .parse = parse,
    .reserve = weir_i_rearrange_reserve,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = weir_i_rearrange_flops,
};

const weir_bijector weir_i_bijector_reverse = {
    .op = "reverse",
    .parse = parse_reverse,
    .reserve = weir_i_rearrange_reserve,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = weir_i_rearrange_flops,
};

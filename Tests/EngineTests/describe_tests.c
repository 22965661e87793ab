// What a model says about itself, and what a trace shows.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

typedef struct trace_seen {
  const weir_model *model;
  const float *x;
  float *last, *before;  // [dims]
  double logdet;
  size_t events;
  int bad;
} trace_seen;

static size_t count_of(const size_t shape[3]) { return shape[0] * shape[1] * shape[2]; }

static void see(void *user, const weir_trace_event *event) {
  trace_seen *seen = user;
  int bad = 0;
  weir_step_info step;
  EXPECT(event->struct_size == sizeof *event && event->step == seen->events, event->op);
  EXPECT(weir_model_get_step(seen->model, event->step, &step) == WEIR_OK && strcmp(step.op, event->op) == 0, event->op);
  EXPECT(memcmp(step.output_shape, event->shape, sizeof event->shape) == 0, event->op);
  const bool coupling = strcmp(event->op, "coupling") == 0;
  EXPECT((event->s != NULL) == coupling && (event->t != NULL) == coupling, event->op);
  const size_t count = count_of(event->shape);
  if (coupling) {
    double sum = 0;
    size_t moved = 0;
    for (size_t e = 0; e < count; e++) {
      const double expected = ((double)seen->before[e] + (double)event->t[e]) * exp((double)event->s[e]);
      EXPECT(fabs(expected - (double)event->x[e]) <= 1e-5 * (1 + fabs(expected)), text_of("step %zu at %zu", event->step, e));
      if (event->s[e] == 0 && event->t[e] == 0) EXPECT(event->x[e] == seen->before[e], text_of("step %zu at %zu", event->step, e));
      moved += event->x[e] != seen->before[e];
      sum += (double)event->s[e];
    }
    EXPECT(moved > 0 && moved < count, "a coupling changes a part");
    EXPECT(fabs(sum - event->logdet) <= 1e-5 * (double)count, text_of("step %zu: %g and %g", event->step, sum, event->logdet));
  }
  memcpy(seen->before, event->x, count * sizeof *event->x);
  memcpy(seen->last, event->x, count * sizeof *event->x);
  seen->logdet += event->logdet;
  seen->events++;
  seen->bad += bad;
}

int test_trace(void) {
  int bad = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    weir_model *model = golden_model(&g);
    weir_model_info info;
    weir_model_get_info(model, &info);
    for (size_t threads = 1; threads <= 3; threads++) {
      weir_session_options options = weir_session_options_default();
      options.threads = threads;
      desk d = desk_make(model, &options);
      trace_seen seen = {
          .model = model, .x = g.x, .last = malloc(g.dims * sizeof(float)), .before = malloc(g.dims * sizeof(float))};
      memcpy(seen.before, g.x, g.dims * sizeof *g.x);
      float *z = malloc(g.dims * sizeof *z);
      double logdet;
      EXPECT(weir_trace(d.session, g.x, see, &seen) == WEIR_OK && seen.events == info.steps, *name);
      EXPECT(weir_forward(d.session, g.x, 1, z, &logdet) == WEIR_OK, *name);
      weir_step_info last;
      weir_model_get_step(model, info.steps - 1, &last);
      const size_t left = count_of(last.output_shape);
      EXPECT(memcmp(z + g.dims - left, seen.last, left * sizeof *z) == 0, text_of("%s: what is left is the latent's end", *name));
      EXPECT(fabs(logdet - seen.logdet) <= 1e-9 * fabs(logdet), text_of("%s: %g and %g", *name, logdet, seen.logdet));
      bad += seen.bad;
      free(seen.last), free(seen.before), free(z);
      desk_free(&d);
    }
    weir_model_close(model);
    golden_close(&g);
  }
  return bad;
}

int test_model_of_nothing_packed(void) {
  int bad = 0;
  model_parts parts = parts_of_spec(
      "{\"version\":1,\"input\":{\"shape\":[3],\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},"
      "\"steps\":[{\"op\":\"reverse\"}]}",
      1);
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_model *model = NULL;
  weir_model_info info = {0};
  EXPECT(parts_open(&parts, &memory.allocator, &model, NULL) == WEIR_OK && weir_model_get_info(model, &info) == WEIR_OK, "");
  EXPECT(info.model_bytes == (size_t)memory.bytes, text_of("says %zu bytes, holds %ld", info.model_bytes, memory.bytes));
  weir_model_close(model);
  EXPECT(memory.blocks == 0, "all came back");
  parts_free(&parts);
  return bad;
}

int test_model_description(void) {
  int bad = 0;
  for (const char *const *name = golden_names(); *name != NULL; name++) {
    golden g;
    if (!golden_open(&g, *name)) return bad + 1;
    model_parts parts = parts_of_golden(*name);
    counted_memory memory;
    counted_memory_init(&memory, -1);
    weir_model *model = NULL;
    EXPECT(parts_open(&parts, &memory.allocator, &model, NULL) == WEIR_OK, *name);
    weir_model_info info = {0};
    EXPECT(weir_model_get_info(model, &info) == WEIR_OK && info.struct_size == sizeof info, *name);
    EXPECT(strcmp(weir_model_spec(model), parts.spec) == 0, "the description is the file's");
    size_t trainable = 0, of_prior = 0;
    for (size_t i = 0; i < parts.count; i++) {
      size_t known;  // of a long gradient only some
      const size_t count = parts.items[i].bytes / sizeof(float);
      double *gradient = golden_values(&g, text_of("gradient.%s", parts.items[i].name), &known);
      if (gradient != NULL) trainable += count;
      if (gradient != NULL && strncmp(parts.items[i].name, "prior.", 6) == 0) of_prior += count;
      free(gradient);
    }
    EXPECT(info.parameters == trainable,
           text_of("%s: %zu trainable numbers, %zu by their gradients", *name, info.parameters, trainable));
    EXPECT(info.dims == g.dims && info.dims == count_of(info.shape) && (info.rank == 1) == (info.levels == 0), *name);
    EXPECT(info.flops > 0 && info.model_bytes > 0 && info.model_bytes == (size_t)memory.bytes,
           text_of("%s: says %zu bytes, holds %ld", *name, info.model_bytes, memory.bytes));
    size_t sum = 0;
    double flops = 0;
    weir_step_info step = {0};
    for (size_t i = 0; i < info.steps; i++) {
      size_t shape[3];
      memcpy(shape, i == 0 ? info.shape : step.output_shape, sizeof shape);
      EXPECT(weir_model_get_step(model, i, &step) == WEIR_OK && step.struct_size == sizeof step, *name);
      EXPECT(memcmp(shape, step.input_shape, sizeof shape) == 0, text_of("%s: step %zu takes what the one before gives", *name, i));
      EXPECT((step.mask[0] != '\0') == (strcmp(step.op, "coupling") == 0) && (step.net[0] != '\0') == (step.mask[0] != '\0'),
             *name);
      sum += step.parameters;
      flops += step.flops;
    }
    EXPECT(sum + of_prior == info.parameters,
           text_of("%s: %zu in the steps, %zu in the prior, %zu in all", *name, sum, of_prior, info.parameters));
    EXPECT(flops <= info.flops && flops > 0.5 * info.flops, text_of("%s: %g in the steps, %g in all", *name, flops, info.flops));
    EXPECT(weir_model_get_step(model, info.steps, &step) == WEIR_ERROR_ARGUMENT &&
               weir_model_get_step(NULL, 0, &step) == WEIR_ERROR_ARGUMENT &&
               weir_model_get_step(model, 0, NULL) == WEIR_ERROR_ARGUMENT,
           *name);
    EXPECT(weir_model_get_info(NULL, &info) == WEIR_ERROR_ARGUMENT && weir_model_get_info(model, NULL) == WEIR_ERROR_ARGUMENT,
           *name);
    weir_model_close(model);
    parts_free(&parts);
    golden_close(&g);
  }
  EXPECT(weir_model_spec(NULL) != NULL && strlen(weir_version()) >= 5, "never NULL");
  for (weir_status status = -2; status < 20; status++)
    EXPECT(weir_status_text(status) != NULL && weir_status_text(status)[0] != '\0', "");
  return bad;
}

// Model files taken apart and put together, so that tests can make small ones and lying ones.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine_tests.h"
#include "file/model_values.h"

static char *copy_text(const char *text) {
  char *copy = malloc(strlen(text) + 1);
  return strcpy(copy, text);
}

model_parts parts_of_golden(const char *name) {
  golden g;
  if (!golden_open(&g, name)) exit(2);
  model_parts parts = parts_of_file(g.model_path);
  golden_close(&g);
  return parts;
}

model_parts parts_of_file(const char *path) {
  model_parts parts = {0};
  counted_memory memory;
  counted_memory_init(&memory, -1);
  void *bytes;
  size_t size, spec_bytes;
  char *spec;
  weir_safetensors file;
  if (weir_i_file_read(path, (size_t)1 << 30, &memory.allocator, &bytes, &size, NULL) != WEIR_OK ||
      weir_i_safetensors_open(bytes, size, NULL, &file, NULL) != WEIR_OK ||
      weir_i_file_spec(&file, &memory.allocator, &spec, &spec_bytes, NULL) != WEIR_OK)
    exit(2);
  parts.spec = copy_text(spec);
  parts.count = weir_i_safetensors_count(&file);
  parts.items = calloc(parts.count + 1, sizeof *parts.items);  // room for one more
  for (size_t i = 0; i < parts.count; i++) {
    part *p = &parts.items[i];
    weir_tensor_view view;
    weir_i_safetensors_at(&file, i, p->name, sizeof p->name, &view);
    p->dtype = weir_i_dtype_name(view.dtype);
    p->rank = view.rank;
    memcpy(p->shape, view.shape, sizeof p->shape);
    p->bytes = view.bytes;
    p->data = malloc(view.bytes);
    memcpy(p->data, view.data, view.bytes);
  }
  weir_i_safetensors_close(&file);
  memory.allocator.release(&memory, spec, spec_bytes);
  memory.allocator.release(&memory, bytes, size);
  return parts;
}

// Weights of a size that keeps activations near 1 and nothing at its default.
static void fill(const weir_parameter *parameter, uint64_t seed, uint64_t index, float *values) {
  if (parameter->domain != WEIR_DOMAIN_ANY || strstr(parameter->name, "gain") != NULL ||
      strstr(parameter->name, "weight_g") != NULL) {
    weir_i_random_uniform(seed, 77, index, values, parameter->count);
    for (size_t i = 0; i < parameter->count; i++) values[i] = 0.5f + 0.5f * values[i];
    return;
  }
  size_t inputs = 1;
  for (size_t i = 1; i < parameter->rank; i++) inputs *= parameter->shape[i];
  weir_i_random_normal(seed, 77, index, values, parameter->count);
  const float spread = parameter->rank == 1 ? 0.3f : 1 / sqrtf((float)inputs);
  for (size_t i = 0; i < parameter->count; i++) values[i] *= spread;
}

model_parts parts_of_spec(const char *spec, uint64_t seed) {
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_flow flow;
  weir_error error = {0};
  if (weir_i_flow_build(&flow, spec, strlen(spec), &memory.allocator, &error) != WEIR_OK) {
    fprintf(stderr, "  a test's description is refused: %s: %s\n  %s\n", error.where, error.message, spec);
    exit(2);
  }
  model_parts parts = {.spec = copy_text(spec), .count = flow.parameters.count};
  parts.items = calloc(parts.count + 1, sizeof *parts.items);
  for (size_t i = 0; i < parts.count; i++) {
    const weir_parameter *parameter = &flow.parameters.items[i];
    part *p = &parts.items[i];
    snprintf(p->name, sizeof p->name, "%s", parameter->name);
    p->dtype = "F32";
    p->rank = parameter->rank;
    memcpy(p->shape, parameter->shape, sizeof p->shape);
    p->bytes = parameter->count * sizeof(float);
    p->data = malloc(p->bytes);
    fill(parameter, seed, i, p->data);
  }
  parts_mend(&parts);
  weir_i_flow_release(&flow);
  return parts;
}

part *parts_find(const model_parts *parts, const char *name) {
  for (size_t i = 0; i < parts->count; i++)
    if (strcmp(parts->items[i].name, name) == 0) return &parts->items[i];
  return NULL;
}

bool parts_edit(model_parts *parts, const char *from, const char *to) {
  const char *place = strstr(parts->spec, from);
  if (place == NULL) return false;
  char *edited = malloc(strlen(parts->spec) + strlen(to) + 1);
  sprintf(edited, "%.*s%s%s", (int)(place - parts->spec), parts->spec, to, place + strlen(from));
  free(parts->spec);
  parts->spec = edited;
  return true;
}

void parts_remove(model_parts *parts, const char *name) {
  part *p = parts_find(parts, name);
  free(p->data);
  *p = parts->items[--parts->count];
}

unsigned char *parts_file(const model_parts *parts, size_t *size) {
  size_t room = 256 + 2 * strlen(parts->spec), data = 0;
  for (size_t i = 0; i < parts->count; i++) {
    room += sizeof(part) + 256;
    data += parts->items[i].bytes;
  }
  char *header = malloc(room);
  size_t used = (size_t)sprintf(header, "{\"__metadata__\":{\"weir\":\"");
  for (const char *c = parts->spec; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\') header[used++] = '\\';
    header[used++] = *c;
  }
  used += (size_t)sprintf(header + used, "\"}");
  size_t at = 0;
  for (size_t i = 0; i < parts->count; i++) {
    const part *p = &parts->items[i];
    used += (size_t)sprintf(header + used, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", p->name, p->dtype);
    for (size_t k = 0; k < p->rank; k++) used += (size_t)sprintf(header + used, "%s%zu", k == 0 ? "" : ",", p->shape[k]);
    used += (size_t)sprintf(header + used, "],\"data_offsets\":[%zu,%zu]}", at, at + p->bytes);
    at += p->bytes;
  }
  used += (size_t)sprintf(header + used, "}");
  *size = 8 + used + data;
  unsigned char *bytes = malloc(*size);
  for (size_t i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)used >> 8 * i);
  memcpy(bytes + 8, header, used);
  unsigned char *to = bytes + 8 + used;
  for (size_t i = 0; i < parts->count; i++) {
    memcpy(to, parts->items[i].data, parts->items[i].bytes);
    to += parts->items[i].bytes;
  }
  free(header);
  return bytes;
}

void parts_free(model_parts *parts) {
  for (size_t i = 0; i < parts->count; i++) free(parts->items[i].data);
  free(parts->items);
  free(parts->spec);
  *parts = (model_parts){0};
}

weir_status parts_open(const model_parts *parts, const weir_allocator *allocator, weir_model **model, weir_error *error) {
  size_t size;
  unsigned char *bytes = parts_file(parts, &size);
  const weir_status status = weir_model_open_memory(bytes, size, allocator, model, error);
  free(bytes);
  return status;
}

weir_model *model_of_spec(const char *spec, uint64_t seed) {
  model_parts parts = parts_of_spec(spec, seed);
  weir_model *model = NULL;
  weir_error error = {0};
  const weir_status status = parts_open(&parts, NULL, &model, &error);
  expect(status == WEIR_OK, __FILE__, __LINE__, "the model opens", text_of("%s: %s", error.where, error.message));
  parts_free(&parts);
  return model;
}

// Well-formed files that lie about the model: the error's status, place and message say what is wrong.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

typedef struct lie {
  const char *from, *to;  // in the description
  weir_status status;
  const char *where;    // in the error's place
  const char *message;  // in its message
} lie;

static int tell(const char *name, const lie *lies, size_t count) {
  int bad = 0;
  for (size_t i = 0; i < count; i++) {
    model_parts parts = parts_of_golden(name);
    const char *detail = text_of("%s: %s becomes %s", name, lies[i].from, lies[i].to);
    EXPECT(parts_edit(&parts, lies[i].from, lies[i].to), detail);
    counted_memory memory;
    counted_memory_init(&memory, -1);
    weir_model *model = NULL;
    weir_error error = {0};
    const weir_status status = parts_open(&parts, &memory.allocator, &model, &error);
    detail = text_of("%s gives %d %s: %s", detail, (int)status, error.where, error.message);
    EXPECT(status == lies[i].status && model == NULL && error_is(&error, status), detail);
    EXPECT(strstr(error.where, lies[i].where) != NULL && strstr(error.message, lies[i].message) != NULL, detail);
    weir_model_close(model);
    EXPECT(memory.blocks == 0, detail);
    parts_free(&parts);
  }
  return bad;
}

// multiscale: 1 x 8 x 8; dequantize, logit, 2 checkerboard, squeeze (4), 2 channel, factor_out (7), 2 checkerboard, squeeze (10), channel,
// factor_out (12), vertical.
static const lie image_lies[] = {
    {"\"version\":1", "\"version\":2", WEIR_ERROR_VERSION, "version", "2"},
    {"\"version\":1", "\"version\":0", WEIR_ERROR_SPEC, "version", ""},
    {"\"version\":1", "\"version\":\"1\"", WEIR_ERROR_SPEC, "version", ""},
    {"\"version\":1,", "", WEIR_ERROR_SPEC, "version", "missing"},
    {"\"version\"", "\"versoin\"", WEIR_ERROR_SPEC, "version", ""},
    {"\"version\":1", "\"version\":1,\"proir\":{}", WEIR_ERROR_SPEC, "", "prior"},
    {"\"op\":\"squeeze\"", "\"op\":\"sqeeze\"", WEIR_ERROR_SPEC, "steps.4", "squeeze"},
    {"\"op\":\"squeeze\"", "\"op\":\"zzzzzzzzzz\"", WEIR_ERROR_SPEC, "steps.4", "coupling"},
    {"\"op\":\"squeeze\"", "\"op\":7", WEIR_ERROR_SPEC, "steps.4", ""},
    {"\"op\":\"squeeze\"", "\"op\":\"squeeze\",\"factor\":2", WEIR_ERROR_SPEC, "steps.4", "factor"},
    {"{\"op\":\"squeeze\"}", "\"squeeze\"", WEIR_ERROR_SPEC, "steps.4", "object"},
    {"{\"op\":\"squeeze\"}", "{}", WEIR_ERROR_SPEC, "steps.4", "op"},
    {"\"type\":\"checkerboard\"", "\"type\":\"chekerboard\"", WEIR_ERROR_SPEC, "steps.2.mask", "checkerboard"},
    {"\"type\":\"checkerboard\"", "\"type\":\"channel\"", WEIR_ERROR_SPEC, "steps.2.mask", "channels"},
    {"\"type\":\"checkerboard\"", "\"type\":\"tabular\"", WEIR_ERROR_SPEC, "steps.2.mask", "table"},
    {"\"reverse\":false", "\"revers\":false", WEIR_ERROR_SPEC, "steps.2.mask", "reverse"},
    {"\"reverse\":false", "\"reverse\":0", WEIR_ERROR_SPEC, "steps.2.mask.reverse", "true or false"},
    {"\"type\":\"checkerboard\",\"reverse\":false", "\"type\":\"cycle\",\"from\":1,\"to\":1", WEIR_ERROR_SPEC, "steps.2.mask", "1"},
    {"\"type\":\"checkerboard\",\"reverse\":false", "\"type\":\"cycle\",\"from\":1,\"to\":4", WEIR_ERROR_SPEC, "steps.2.mask.to",
     "4"},
    {"\"type\":\"checkerboard\",\"reverse\":false", "\"type\":\"cycle\",\"from\":1", WEIR_ERROR_SPEC, "steps.2.mask", "to"},
    {"\"transform\":\"affine\"", "\"transform\":\"afine\"", WEIR_ERROR_SPEC, "steps.2.transform", "affine"},
    {"\"transform\":\"affine\"", "\"transfrom\":\"affine\"", WEIR_ERROR_SPEC, "steps.2", "transform"},
    {"\"type\":\"resnet\"", "\"type\":\"resnte\"", WEIR_ERROR_SPEC, "steps.2.net", "resnet"},
    {"\"type\":\"resnet\"", "\"type\":\"mlp\"", WEIR_ERROR_SPEC, "steps.2.net", ""},
    {"\"channels\":6", "\"chanels\":6", WEIR_ERROR_SPEC, "steps.2.net", "channels"},
    {"\"channels\":6", "\"channels\":0", WEIR_ERROR_SPEC, "steps.2.net.channels", "0"},
    {"\"channels\":6", "\"channels\":6.5", WEIR_ERROR_SPEC, "steps.2.net.channels", "6.5"},
    {"\"channels\":6", "\"channels\":-6", WEIR_ERROR_SPEC, "steps.2.net.channels", "-6"},
    {"\"channels\":6", "\"channels\":65536", WEIR_ERROR_SPEC, "steps.2", "smaller"},
    {"\"channels\":6", "\"channels\":99999999999999999999", WEIR_ERROR_SPEC, "steps.2.net.channels", ""},
    {"\"blocks\":2", "\"blocks\":1000000000", WEIR_ERROR_SPEC, "steps.2.net.blocks", ""},
    {"\"input_scale\":2", "\"input_scale\":1e999", WEIR_ERROR_SPEC, "steps.2.net.input_scale", ""},
    {"\"input_scale\":2", "\"input_scale\":0", WEIR_ERROR_SPEC, "steps.2.net.input_scale", ""},
    {"\"margin\":0.9", "\"margin\":0", WEIR_ERROR_SPEC, "steps.1.margin", "0"},
    {"\"margin\":0.9", "\"margin\":1", WEIR_ERROR_SPEC, "steps.1.margin", "1"},
    {"\"margin\":0.9", "\"margin\":1.5", WEIR_ERROR_SPEC, "steps.1.margin", "1.5"},
    {"\"margin\":0.9", "\"margin\":\"0.9\"", WEIR_ERROR_SPEC, "steps.1.margin", ""},
    {"\"keep\":2", "\"keep\":4", WEIR_ERROR_SPEC, "steps.7.keep", "4"},
    {"\"keep\":2", "\"keep\":0", WEIR_ERROR_SPEC, "steps.7.keep", "0"},
    {"\"keep\":4", "\"keep\":8", WEIR_ERROR_SPEC, "steps.12.keep", "8"},
    {"\"shape\":[1,8,8]", "\"shape\":[1,8,7]", WEIR_ERROR_SPEC, "steps.4", "even"},
    {"\"shape\":[1,8,8]", "\"shape\":[1,6,8]", WEIR_ERROR_SPEC, "steps.10", "even"},
    {"\"shape\":[1,8,8]", "\"shape\":[1,8]", WEIR_ERROR_SPEC, "input.shape", ""},
    {"\"shape\":[1,8,8]", "\"shape\":[1,8,8,1]", WEIR_ERROR_SPEC, "input.shape", ""},
    {"\"shape\":[1,8,8]", "\"shape\":[]", WEIR_ERROR_SPEC, "input.shape", ""},
    {"\"shape\":[1,8,8]", "\"shape\":64", WEIR_ERROR_SPEC, "input.shape", ""},
    {"\"shape\":[1,8,8]", "\"shape\":[0,8,8]", WEIR_ERROR_SPEC, "input.shape", "integer from 1"},
    {"\"shape\":[1,8,8]", "\"shape\":[1,-8,8]", WEIR_ERROR_SPEC, "input.shape", "integer from 1"},
    {"\"shape\":[1,8,8]", "\"shape\":[1,\"8\",8]", WEIR_ERROR_SPEC, "input.shape", "8"},
    {"\"shape\":[1,8,8]", "\"shape\":[1,[8],8]", WEIR_ERROR_SPEC, "input.shape", ""},
    {"\"shape\":[1,8,8]", "\"shape\":[1,8.0,8]", WEIR_ERROR_SPEC, "input.shape", "integer from 1"},
    {"\"shape\":[1,8,8]", "\"shape\":[1048576,1048576,1048576]", WEIR_ERROR_SPEC, "input.shape", ""},
    {"\"shape\":[1,8,8]", "\"shape\":[1,18446744073709551617,8]", WEIR_ERROR_SPEC, "input.shape", ""},
    {"\"levels\":256", "\"levels\":255", WEIR_ERROR_SPEC, "input.levels", "255"},
    {"\"levels\":256", "\"levels\":0", WEIR_ERROR_SPEC, "steps.0", "levels"},
    {"\"levels\":256", "\"level\":256", WEIR_ERROR_SPEC, "input", "levels"},
    {"{\"op\":\"dequantize\"},", "", WEIR_ERROR_SPEC, "steps.0", "dequantize"},
    {"{\"op\":\"squeeze\"}", "{\"op\":\"dequantize\"}", WEIR_ERROR_SPEC, "steps.4", "first"},
    {"{\"op\":\"dequantize\"}", "{\"op\":\"factor_out\",\"keep\":1}", WEIR_ERROR_SPEC, "steps.0", "channels"},
    {"\"type\":\"standard_normal\"", "\"type\":\"standard_norm\"", WEIR_ERROR_SPEC, "prior.type", "standard_normal"},
    {"\"prior\":{\"type\":\"standard_normal\"},", "", WEIR_ERROR_SPEC, "prior", ""},
    {"\"steps\":[", "\"stops\":[", WEIR_ERROR_SPEC, "", "steps"},
    {"\"input\":{", "\"prior\":{", WEIR_ERROR_SPEC, "", ""},
    {"{\"version\"", "[{\"version\"", WEIR_ERROR_SPEC, "", ""},
};

static const lie prior_lies[] = {
    {"\"components\":3", "\"components\":0", WEIR_ERROR_SPEC, "prior.components", "0"},
    {"\"components\":3", "\"components\":-3", WEIR_ERROR_SPEC, "prior.components", "-3"},
    {"\"components\":3", "\"components\":99999999", WEIR_ERROR_SPEC, "prior.components", ""},
    {"\"components\":3", "\"components\":4", WEIR_ERROR_TENSOR, "prior.means", "[4, 5]"},
    {"\"components\":3", "\"component\":3", WEIR_ERROR_SPEC, "prior", "components"},
    {"\"components\":3", "\"components\":3,\"trainable\":1", WEIR_ERROR_SPEC, "prior.trainable", ""},
    {"\"components\":3", "\"components\":3,\"weights\":[1,1,1]", WEIR_ERROR_SPEC, "prior", "weights"},
    {"\"gaussian_mixture\"", "\"learned_normal\"", WEIR_ERROR_SPEC, "prior", "components"},
    {"\"type\":\"gaussian_mixture\",\"components\":3", "\"type\":\"learned_normal\"", WEIR_ERROR_TENSOR, "prior.mean", ""},
    {"\"type\":\"gaussian_mixture\",\"components\":3", "\"type\":\"standard_normal\"", WEIR_ERROR_TENSOR, "prior.", "no place"},
};

static const lie table_lies[] = {
    {"\"hidden\":19", "\"hidden\":18", WEIR_ERROR_TENSOR, "steps.1.net.layers.0", "[19, 7]"},
    {"\"hidden\":19", "\"hidden\":0", WEIR_ERROR_SPEC, "steps.1.net.hidden", "0"},
    {"\"layers\":2", "\"layers\":3", WEIR_ERROR_TENSOR, "steps.1.net.layers.3", ""},
    {"\"layers\":2", "\"layers\":1", WEIR_ERROR_TENSOR, "steps.1.net.layers", ""},
    {"\"layers\":2", "\"layers\":1000000", WEIR_ERROR_SPEC, "steps.1.net.layers", ""},
    {"\"shape\":[7]", "\"shape\":[8]", WEIR_ERROR_TENSOR, "steps.0.mean", "8"},
    {"\"shape\":[7]", "\"shape\":[1]", WEIR_ERROR_SPEC, "steps.1.mask", ""},
    {"\"levels\":0", "\"levels\":256", WEIR_ERROR_SPEC, "steps.0", "dequantize"},
    {"{\"op\":\"affine\"}", "{\"op\":\"dequantize\"}", WEIR_ERROR_SPEC, "steps.0", "levels"},
    {"{\"op\":\"affine\"}", "{\"op\":\"squeeze\"}", WEIR_ERROR_SPEC, "steps.0", "even"},
    {"{\"op\":\"affine\"},", "", WEIR_ERROR_TENSOR, "steps.0", ""},
    {"\"type\":\"tabular\"", "\"type\":\"checkerboard\"", WEIR_ERROR_SPEC, "steps.1.mask", ""},
    {"\"type\":\"tabular\"", "\"type\":\"horizontal\"", WEIR_ERROR_SPEC, "steps.1.mask", ""},
    {"\"type\":\"tabular\"", "\"type\":\"vertical\"", WEIR_ERROR_SPEC, "steps.1.mask", ""},
    {"\"type\":\"tabular\"", "\"type\":\"channel\"", WEIR_ERROR_SPEC, "steps.1.mask", "even"},
    {"\"transform\":\"additive\"", "\"transform\":\"affine\"", WEIR_ERROR_TENSOR, "steps.4", ""},
};

int test_open_lying_descriptions(void) {
  return tell("multiscale", image_lies, sizeof image_lies / sizeof image_lies[0]) +
         tell("tabular", table_lies, sizeof table_lies / sizeof table_lies[0]) +
         tell("mixture_labels", prior_lies, sizeof prior_lies / sizeof prior_lies[0]);
}

// Opens parts whose tensor `name` was tampered with.
static int refused(model_parts *parts, const char *name, const char *message) {
  int bad = 0;
  counted_memory memory;
  counted_memory_init(&memory, -1);
  weir_model *model = NULL;
  weir_error error = {0};
  const weir_status status = parts_open(parts, &memory.allocator, &model, &error);
  const char *detail = text_of("%s (%s) gives %d %s: %s", name, message, (int)status, error.where, error.message);
  EXPECT(status == WEIR_ERROR_TENSOR && model == NULL && error_is(&error, status), detail);
  EXPECT(strcmp(error.where, name) == 0 && strstr(error.message, message) != NULL, detail);
  weir_model_close(model);
  EXPECT(memory.blocks == 0, detail);
  parts_free(parts);
  return bad;
}

static int set_number(const char *name, size_t index, float value, const char *message) {
  model_parts parts = parts_of_golden("multiscale");
  if (parts_find(&parts, name) == NULL) parts_free(&parts), parts = parts_of_golden("tabular");
  memcpy((char *)parts_find(&parts, name)->data + index * sizeof value, &value, sizeof value);
  return refused(&parts, name, message);
}

int test_open_lying_tensors(void) {
  int bad = 0;
  const char *conv = "steps.2.net.blocks.1.in_conv.weight_v", *norm = "steps.2.net.out_norm.variance";
  static const char *const missing[] = {"steps.2.net.in_conv.bias", "steps.13.gain", "steps.6.net.out_norm.mean"};
  for (size_t i = 0; i < 3; i++) {
    model_parts parts = parts_of_golden("multiscale");
    parts_remove(&parts, missing[i]);
    bad += refused(&parts, missing[i], "");
  }
  model_parts parts = parts_of_golden("multiscale");
  part *extra = &parts.items[parts.count++];
  *extra = (part){.name = "steps.2.net.temperature", .dtype = "F32", .rank = 1, .shape = {1}, .data = calloc(1, 4), .bytes = 4};
  bad += refused(&parts, "steps.2.net.temperature", "");

  parts = parts_of_golden("multiscale");
  strcpy(parts_find(&parts, "steps.13.gain")->name, "steps.13.gian");
  bad += refused(&parts, "steps.13.gain", "");

  parts = parts_of_golden("multiscale");
  part *p = parts_find(&parts, conv);  // [6, 6, 3, 3]
  p->rank = 3;
  p->shape[1] = 18;
  bad += refused(&parts, conv, "[6, 6, 3, 3]");

  parts = parts_of_golden("multiscale");
  p = parts_find(&parts, "steps.2.net.out_conv.weight_v");  // [2, 6, 1, 1]
  p->shape[0] = 6;
  p->shape[1] = 2;
  bad += refused(&parts, "steps.2.net.out_conv.weight_v", "[6, 2, 1, 1]");

  static const char *const types[] = {"I64", "U8"};
  for (size_t i = 0; i < 2; i++) {
    parts = parts_of_golden("multiscale");
    p = parts_find(&parts, norm);  // [6]
    p->dtype = types[i];
    p->bytes = i == 0 ? 6 * 8 : 6;
    p->data = realloc(p->data, p->bytes);
    memset(p->data, 1, p->bytes);
    bad += refused(&parts, norm, types[i]);
  }
  bad += set_number(conv, 17, NAN, "");
  bad += set_number(conv, 323, INFINITY, "");
  bad += set_number("steps.2.gain", 0, -INFINITY, "");
  bad += set_number(norm, 3, -0.01f, "3");
  bad += set_number("steps.0.scale", 5, 0, "5");
  bad += set_number("steps.0.scale", 0, -1, "0");
  return bad;
}

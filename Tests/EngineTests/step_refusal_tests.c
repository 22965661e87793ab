// Descriptions of steps and masks that don't fit, each refused with its place, the reason and what to do.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

typedef struct misfit {
  const char *shape, *steps;
  const char *where, *message;  // in the error
} misfit;

#define COUPLED(mask) "{\"op\":\"coupling\",\"mask\":{" mask "},\"net\":{\"type\":\"resnet\",\"channels\":4,\"blocks\":1}}"
#define TILED(members) COUPLED("\"type\":\"sub_quadrant\"," members)
#define CENTRED(members) COUPLED("\"type\":\"centre\"" members)

static const misfit misfits[] = {
    {"[3]", "{\"op\":\"actnorm\",\"scale\":2}", "steps.0.scale", "scale"},
    {"[3]", "{\"op\":\"conv1x1\",\"trainable\":1}", "steps.0.trainable", "true or false"},
    {"[3]", "{\"op\":\"conv1x1\",\"lu\":true}", "steps.0.lu", "lu"},
    {"[2049]", "{\"op\":\"conv1x1\"}", "steps.0", "at most 2048 channels, not 2049"},
    {"[2,3,3]", "{\"op\":\"rotation\"}", "steps.0", "use conv1x1"},
    {"[4097]", "{\"op\":\"rotation\"}", "steps.0", "at most 4096 dims, not 4097"},
    {"[3]", "{\"op\":\"rotation\",\"angle\":1}", "steps.0.angle", "angle"},
    {"[3]", "{\"op\":\"reverse\",\"order\":[2,1,0]}", "steps.0.order", "order"},
    {"[3]", "{\"op\":\"permute\"}", "steps.0", "0 to 2, each once"},
    {"[3]", "{\"op\":\"permute\",\"order\":3}", "steps.0", "0 to 2, each once"},
    {"[3]", "{\"op\":\"permute\",\"order\":[0,1]}", "steps.0", "0 to 2, each once"},
    {"[3]", "{\"op\":\"permute\",\"order\":[0,1,2,3]}", "steps.0", "0 to 2, each once"},
    {"[3]", "{\"op\":\"permute\",\"order\":[0,1,3]}", "steps.0", "item 2 of \"order\""},
    {"[3]", "{\"op\":\"permute\",\"order\":[0,-1,2]}", "steps.0", "item 1 of \"order\""},
    {"[3]", "{\"op\":\"permute\",\"order\":[0,\"1\",2]}", "steps.0", "item 1 of \"order\""},
    {"[3]", "{\"op\":\"permute\",\"order\":[[0],1,2]}", "steps.0", "item 0 of \"order\""},
    {"[3]", "{\"op\":\"permute\",\"order\":[0.5,1,2]}", "steps.0", "item 0 of \"order\""},
    {"[3]", "{\"op\":\"permute\",\"order\":[0,2,2]}", "steps.0", "2 twice"},
    {"[3]", "{\"op\":\"permute\",\"oder\":[0,1,2]}", "steps.0.oder", "order"},
    {"[1,8,8]", TILED("\"from\":0,\"to\":1"), "steps.0.mask.factor", "factor"},
    {"[1,8,8]", TILED("\"from\":0,\"to\":1,\"factor\":1"), "steps.0.mask.factor", "1"},
    {"[1,8,8]", TILED("\"from\":0,\"to\":1,\"factor\":65"), "steps.0.mask.factor", "65"},
    {"[1,8,8]", TILED("\"from\":0,\"to\":1,\"factor\":3"), "steps.0.mask", "divides height and width"},
    {"[1,8,6]", TILED("\"from\":0,\"to\":1,\"factor\":4"), "steps.0.mask", "divides height and width"},
    {"[1,8,8]", TILED("\"from\":0,\"to\":1,\"factor\":8"), "steps.0.mask", "smaller factor"},
    {"[1,8,8]", TILED("\"from\":2,\"to\":2,\"factor\":2"), "steps.0.mask", "not 2 twice"},
    {"[1,8,8]", TILED("\"from\":0,\"to\":4,\"factor\":2"), "steps.0.mask.to", "4"},
    {"[1,8,8]", TILED("\"from\":0,\"to\":1,\"factor\":2,\"reverse\":true"), "steps.0.mask.reverse", "reverse"},
    {"[1,8,8]", COUPLED("\"type\":\"cycle\",\"from\":0,\"to\":1,\"factor\":2"), "steps.0.mask.factor", "factor"},
    {"[1,8,8]", CENTRED(""), "steps.0.mask", "smaller margin"},
    {"[1,9,8]", CENTRED(",\"margin\":4"), "steps.0.mask", "two margins"},
    {"[1,8,8]", CENTRED(",\"margin\":0"), "steps.0.mask.margin", "0"},
    {"[1,8,8]", CENTRED(",\"margin\":2.5"), "steps.0.mask.margin", "2.5"},
    {"[1,8,8]", CENTRED(",\"margin\":2,\"from\":1"), "steps.0.mask.from", "from"},
    {"[1,8,8]", COUPLED("\"type\":\"vertical\",\"margin\":2"), "steps.0.mask.margin", "margin"},
    {"[1,8,8]", COUPLED("\"type\":\"center\""), "steps.0.mask.type", "centre"},
};

int test_steps_that_do_not_fit(void) {
  int bad = 0;
  const weir_train_options options = weir_train_options_default();
  for (size_t i = 0; i < sizeof misfits / sizeof misfits[0]; i++) {
    const misfit *m = &misfits[i];
    char spec[1024];
    snprintf(spec, sizeof spec,
             "{\"version\":1,\"input\":{\"shape\":%s,\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},\"steps\":[%s]}",
             m->shape, m->steps);
    weir_trainer *trainer = NULL;
    weir_error error = {0};
    const weir_status status = weir_trainer_create(spec, &options, &trainer, &error);
    const char *detail = text_of("%s on %s gives %d %s: %s", m->steps, m->shape, (int)status, error.where, error.message);
    EXPECT(status == WEIR_ERROR_SPEC && trainer == NULL && error_is(&error, status), detail);
    EXPECT(strcmp(error.where, m->where) == 0, detail);
    EXPECT(strstr(error.message, m->message) != NULL, detail);
    weir_trainer_close(trainer);
  }
  return bad;
}

typedef struct tampering {
  const char *tensor;
  size_t index;
  float number;
  const char *where, *message;
} tampering;

// Of a rotation and a conv1x1 of three dims.
static const tampering tamperings[] = {
    {"steps.0.weight", 4, 2, "steps.0.weight", "orthogonal"},
    {"steps.0.weight", 0, 1e30f, "steps.0.weight", "orthogonal"},
    {"steps.1.weight", 4, 9, "steps.1.lu", "factorise it again"},
    {"steps.1.lu", 4, 9, "steps.1.lu", "factorise it again"},
    {"steps.1.lu", 8, 0, "steps.1.lu", "number 2 of the diagonal is 0"},
    {"steps.1.lu", 3, 1e38f, "steps.1.lu", "factorise it again"},
    {"steps.1.pivots", 0, 0.5f, "steps.1.pivots", "pivot 0 is 0.5"},
    {"steps.1.pivots", 1, 3, "steps.1.pivots", "from 0 to 2"},
    {"steps.1.pivots", 2, -1, "steps.1.pivots", "0 or more"},
    {"steps.1.pivots", 1, 1e30f, "steps.1.pivots", "from 0 to 2"},
    {"steps.1.pivots", 2, 0, "steps.1.lu", "factorise it again"},
};

int test_matrices_that_contradict(void) {
  int bad = 0;
  for (size_t i = 0; i < sizeof tamperings / sizeof tamperings[0]; i++) {
    const tampering *t = &tamperings[i];
    model_parts parts = parts_of_spec(
        "{\"version\":1,\"input\":{\"shape\":[3],\"levels\":0},\"prior\":{\"type\":\"standard_normal\"},"
        "\"steps\":[{\"op\":\"rotation\"},{\"op\":\"conv1x1\"}]}",
        3);
    memcpy((char *)parts_find(&parts, t->tensor)->data + t->index * sizeof t->number, &t->number, sizeof t->number);
    weir_model *model = NULL;
    weir_error error = {0};
    const weir_status status = parts_open(&parts, NULL, &model, &error);
    const char *detail =
        text_of("%s[%zu] = %g gives %d %s: %s", t->tensor, t->index, (double)t->number, (int)status, error.where, error.message);
    EXPECT(status == WEIR_ERROR_TENSOR && model == NULL && error_is(&error, status), detail);
    EXPECT(strcmp(error.where, t->where) == 0 && strstr(error.message, t->message) != NULL, detail);
    weir_model_close(model);
    parts_free(&parts);
  }
  return bad;
}

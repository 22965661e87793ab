// What a trainer writes, a model opens; and what was read and written again is the same.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tests.h"

static double *scores_of(const char *path, const golden *g) {
  weir_model *model = NULL;
  weir_error error = {0};
  const weir_status status = weir_model_open(path, NULL, &model, &error);
  expect(status == WEIR_OK, __FILE__, __LINE__, "the model opens", text_of("%s: %s", error.where, error.message));
  double *scores = calloc(g->n, sizeof *scores);
  const weir_session_options options = weir_session_options_default();
  desk d = desk_make(model, &options);
  if (d.session == NULL || weir_score(d.session, g->x, g->n, scores) != WEIR_OK) scores[0] = NAN;
  desk_free(&d);
  weir_model_close(model);
  return scores;
}

int test_saved_model_scores(void) {
  int bad = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    folder f;
    if (!golden_open(&g, *name) || !folder_make(&f)) return bad + 1;
    const weir_train_options options = train_options(&g);
    weir_trainer *trainer = golden_trainer(&g, &options);
    weir_error error = {0};
    EXPECT(weir_trainer_save_model(trainer, folder_file(&f, "same"), NULL, &error) == WEIR_OK, error.message);
    double *before = scores_of(g.model_path, &g), *after = scores_of(folder_file(&f, "same"), &g);
    EXPECT(memcmp(before, after, g.n * sizeof *before) == 0, text_of("%s: scores as before", *name));
    // Trained, it is another model; without batch norm, whose statistics differ in training, its scores are the training loss.
    for (size_t i = 0; i < 3; i++) weir_trainer_step(trainer, g.x, g.n, 1e-3, NULL, NULL);
    double loss, sum = 0;
    EXPECT(weir_trainer_gradient(trainer, g.x, g.n, &loss, NULL) == WEIR_OK, *name);
    EXPECT(weir_trainer_save_model(trainer, folder_file(&f, "trained"), NULL, &error) == WEIR_OK, error.message);
    double *trained = scores_of(folder_file(&f, "trained"), &g);
    for (size_t i = 0; i < g.n; i++) {
      EXPECT(isfinite(trained[i]) && trained[i] != before[i], *name);
      sum -= trained[i];
    }
    model_parts parts = parts_of_golden(*name);
    if (strstr(parts.spec, "\"batch_norm\":true") == NULL)
      EXPECT(fabs(sum / (double)g.n - loss) <= 2e-3 * (double)g.dims / 1000,
             text_of("%s: %.9g and %.9g", *name, sum / (double)g.n, loss));
    parts_free(&parts);
    free(before), free(after), free(trained);
    weir_trainer_close(trainer);
    folder_remove(&f);
    golden_close(&g);
  }
  return bad;
}

// Written, read, and written again: the same bytes. A model file may also go through a trainer of other options.
int test_saved_model_is_same(void) {
  int bad = 0;
  for (const char *const *name = trained_names(); *name != NULL; name++) {
    golden g;
    folder f;
    if (!golden_open(&g, *name) || !folder_make(&f)) return bad + 1;
    weir_train_options options = train_options(&g);
    weir_trainer *first = golden_trainer(&g, &options), *second = NULL, *third = NULL;
    for (size_t i = 0; i < 2; i++) weir_trainer_step(first, g.x, g.n, 1e-3, NULL, NULL);
    EXPECT(weir_trainer_save_model(first, folder_file(&f, "1"), NULL, NULL) == WEIR_OK, *name);
    options.batch = 3;
    options.seed = 99;
    EXPECT(weir_trainer_open(folder_file(&f, "1"), &options, &second, NULL) == WEIR_OK, *name);
    EXPECT(weir_trainer_steps(second) == 0, "a model brings no steps");
    EXPECT(weir_trainer_save_model(second, folder_file(&f, "2"), NULL, NULL) == WEIR_OK, *name);
    EXPECT(same_files(folder_file(&f, "1"), folder_file(&f, "2")), text_of("%s: models", *name));
    EXPECT(weir_trainer_save_checkpoint(first, folder_file(&f, "3"), "here", NULL) == WEIR_OK, *name);
    EXPECT(weir_trainer_open(folder_file(&f, "3"), &options, &third, NULL) == WEIR_OK && weir_trainer_steps(third) == 2, *name);
    EXPECT(weir_trainer_save_checkpoint(third, folder_file(&f, "4"), weir_trainer_host_state(third), NULL) == WEIR_OK, *name);
    EXPECT(same_files(folder_file(&f, "3"), folder_file(&f, "4")), text_of("%s: checkpoints", *name));
    EXPECT(weir_trainer_save_model(third, folder_file(&f, "5"), NULL, NULL) == WEIR_OK, *name);
    EXPECT(same_files(folder_file(&f, "1"), folder_file(&f, "5")), text_of("%s: a model from a checkpoint", *name));
    weir_trainer_close(first), weir_trainer_close(second), weir_trainer_close(third);
    folder_remove(&f);
    golden_close(&g);
  }
  return bad;
}

int test_saved_provenance(void) {
  int bad = 0;
  golden g;
  folder f;
  if (!golden_open(&g, "tabular") || !folder_make(&f)) return 1;
  const weir_train_options options = train_options(&g);
  weir_trainer *trainer = golden_trainer(&g, &options), *again = NULL;
  weir_error error = {0};
  const char *first = "{\"data\":\"a \\\"table\\\"\",\"epochs\":3}", *second = "{\"data\":\"another\"}";
  EXPECT(weir_trainer_save_model(trainer, folder_file(&f, "1"), first, &error) == WEIR_OK, error.message);
  weir_model *model = NULL;
  EXPECT(weir_model_open(folder_file(&f, "1"), NULL, &model, &error) == WEIR_OK, error.message);
  EXPECT(strstr(weir_model_spec(model), first) != NULL, weir_model_spec(model));
  weir_model_close(model);
  // A model that has one already gets the new one.
  EXPECT(weir_trainer_open(folder_file(&f, "1"), &options, &again, &error) == WEIR_OK, error.message);
  EXPECT(weir_trainer_save_model(again, folder_file(&f, "2"), second, &error) == WEIR_OK, error.message);
  EXPECT(weir_model_open(folder_file(&f, "2"), NULL, &model, &error) == WEIR_OK, error.message);
  EXPECT(strstr(weir_model_spec(model), second) != NULL && strstr(weir_model_spec(model), "epochs") == NULL,
         weir_model_spec(model));
  weir_model_close(model);
  EXPECT(weir_trainer_save_model(again, folder_file(&f, "3"), NULL, &error) == WEIR_OK, error.message);
  EXPECT(weir_model_open(folder_file(&f, "3"), NULL, &model, &error) == WEIR_OK && strstr(weir_model_spec(model), first) != NULL,
         "without a new one the old one stays");
  weir_model_close(model);
  static const char *const refused[] = {"",       "[]", "7", "null", "{", "{\"a\":1}}", "{\"a\":1},\"steps\":[]", "{\"a\":NaN}",
                                        "{'a':1}"};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    const weir_status status = weir_trainer_save_model(trainer, folder_file(&f, "refused"), refused[i], &error);
    EXPECT(status != WEIR_OK && error_is(&error, status), refused[i]);
  }
  EXPECT(folder_count(&f) == 3, "what was refused is not written");
  double *scores = scores_of(folder_file(&f, "2"), &g), *expected = scores_of(g.model_path, &g);
  EXPECT(memcmp(scores, expected, g.n * sizeof *scores) == 0, "provenance moves no score");
  free(scores), free(expected);
  weir_trainer_close(trainer), weir_trainer_close(again);
  folder_remove(&f);
  golden_close(&g);
  return bad;
}

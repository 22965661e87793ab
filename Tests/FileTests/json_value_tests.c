#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_tests.h"

static bool number_of(const char *written, double *number) {
  char text[256];
  snprintf(text, sizeof text, "[%s]", written);
  parsed_text parsed = parse_text(text, strlen(text));
  const bool is_number = parsed.status == WEIR_OK && weir_i_json_as_number(&parsed.json, 1, number);
  parsed_text_free(&parsed);
  return is_number;
}

int test_json_numbers_round(void) {
  static const struct {
    const char *text;
    double value;
  } cases[] = {
      {"0", 0},
      {"-0", -0.0},
      {"1", 1},
      {"-1.5", -1.5},
      {"0.1", 0.1},
      {"12.345e6", 12.345e6},
      {"1E+2", 100},
      {"1e-2", 0.01},
      {"0.000001", 1e-6},
      {"1.7976931348623157e308", 1.7976931348623157e308},
      {"4.9e-324", 4.9e-324},
      {"1e-400", 0},
      {"9007199254740993", 9007199254740992.0},
      {"0.3000000000000000444", 0.3000000000000000444},
      {"1e-99999999999", 0},
      {"0e99999999999", 0},
  };
  int bad = 0;
  double number = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    EXPECT(number_of(cases[i].text, &number) && memcmp(&number, &cases[i].value, sizeof number) == 0, cases[i].text);
  }
  static const char *const refused[] = {"1e309", "-1e309", "1e99999999999", "\"1\"", "true", "null", "[]", "{}"};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) EXPECT(!number_of(refused[i], &number), refused[i]);
  char digits[140];
  memset(digits, '1', sizeof digits);
  digits[128] = '\0';
  EXPECT(number_of(digits, &number) && number > 1.1e127 && number < 1.2e127, "128 digits");
  digits[128] = '1';
  digits[129] = '\0';
  EXPECT(!number_of(digits, &number), "129 digits");

  static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};  // those that this machine has
  uint64_t state = 88172645463325252u;
  for (size_t l = 0; l < sizeof locales / sizeof locales[0]; l++) {
    for (int i = 0; i < 5000; i++) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      double value;
      memcpy(&value, &state, sizeof value);
      if (!isfinite(value)) continue;
      char written[64];
      snprintf(written, sizeof written, "%.17g", value);
      if (setlocale(LC_NUMERIC, locales[l]) == NULL) break;
      const bool same = number_of(written, &number) && number == value;
      setlocale(LC_NUMERIC, "C");
      EXPECT(same, written);
    }
  }
  return bad;
}

int test_json_counts(void) {
  int bad = 0;
  static const struct {
    const char *text;
    bool valid;
    size_t value;
  } cases[] = {
    {"[0]", true, 0},
    {"[42]", true, 42},
    {"[-1]", false, 0},
    {"[-0]", false, 0},
    {"[1.0]", false, 0},
    {"[1e2]", false, 0},
    {"[true]", false, 0},
    {"[\"7\"]", false, 0},
    {"[[7]]", false, 0},
    {"[99999999999999999999]", false, 0},
#if SIZE_MAX == UINT64_MAX
    {"[18446744073709551615]", true, SIZE_MAX},
    {"[18446744073709551616]", false, 0},
#endif
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    parsed_text parsed = parse_text(cases[i].text, strlen(cases[i].text));
    size_t count = 0;
    EXPECT(weir_i_json_as_count(&parsed.json, 1, &count) == cases[i].valid && count == cases[i].value, cases[i].text);
    parsed_text_free(&parsed);
  }
  return bad;
}

int test_json_typed_members(void) {
  int bad = 0;
  static const char text[] = "{\"n\":5,\"r\":0.25,\"on\":true,\"off\":false,\"name\":\"true\"}";
  parsed_text parsed = parse_text(text, sizeof text - 1);
  const weir_json *json = &parsed.json;
  weir_error error = {0};
  size_t count = 0;
  EXPECT(weir_i_json_count(json, 0, "steps[3]", "n", 1, 5, true, 0, &count, &error) == WEIR_OK && count == 5, error.message);
  EXPECT(weir_i_json_count(json, 0, "steps[3]", "n", 6, 9, true, 0, &count, &error) == WEIR_ERROR_SPEC && count == 5, "range");
  EXPECT(strcmp(error.where, "steps[3].n") == 0 && strcmp(error.message, "must be a whole number from 6 to 9, not 5") == 0,
         error.message);
  EXPECT(weir_i_json_count(json, 0, "", "r", 0, 9, true, 0, &count, &error) == WEIR_ERROR_SPEC, "a fraction");
  EXPECT(strcmp(error.where, "r") == 0, error.where);
  EXPECT(weir_i_json_count(json, 0, "", "none", 0, 9, false, 7, &count, &error) == WEIR_OK && count == 7, "default");
  EXPECT(weir_i_json_count(json, 0, NULL, "none", 0, 9, true, 7, &count, &error) == WEIR_ERROR_SPEC, "required");
  EXPECT(strstr(error.message, "\"none\" is missing") != NULL, error.message);
  double number = 0;
  EXPECT(weir_i_json_number(json, 0, "", "r", 0, 1, true, 0, &number, &error) == WEIR_OK && number == 0.25, error.message);
  EXPECT(weir_i_json_number(json, 0, "", "r", 0.5, 1, true, 0, &number, &error) == WEIR_ERROR_SPEC, "range");
  EXPECT(weir_i_json_number(json, 0, "", "name", 0, 1, true, 0, &number, &error) == WEIR_ERROR_SPEC, "a string");
  EXPECT(strcmp(error.message, "must be a number from 0 to 1, not \"true\"") == 0, error.message);
  EXPECT(weir_i_json_number(json, 0, "", "none", 0, 1, false, -3, &number, &error) == WEIR_OK && number == -3, "default");
  bool on = false;
  EXPECT(weir_i_json_bool(json, 0, "", "on", true, false, &on, &error) == WEIR_OK && on, error.message);
  EXPECT(weir_i_json_bool(json, 0, "", "off", true, true, &on, &error) == WEIR_OK && !on, error.message);
  EXPECT(weir_i_json_bool(json, 0, "", "none", false, true, &on, &error) == WEIR_OK && on, "default");
  EXPECT(weir_i_json_bool(json, 0, "", "name", true, true, &on, &error) == WEIR_ERROR_SPEC, "a string is no bool");
  EXPECT(weir_i_json_bool(json, 0, "", "n", true, true, &on, NULL) == WEIR_ERROR_SPEC, "a number is no bool");
  parsed_text_free(&parsed);
  return bad;
}

int test_json_choices_and_keys(void) {
  int bad = 0;
  static const char *const masks[] = {"checkerboard", "channel", "horizontal", "vertical", "cycle"};
  static const char text[] = "{\"a\":\"channel\",\"b\":\"chekerboard\",\"c\":\"zzzzzzzz\",\"d\":4,\"lerning_rate\":1}";
  parsed_text parsed = parse_text(text, sizeof text - 1);
  const weir_json *json = &parsed.json;
  weir_error error = {0};
  size_t choice = 0;
  EXPECT(weir_i_json_choice(json, 0, "m", "a", masks, 5, true, 0, &choice, &error) == WEIR_OK && choice == 1, error.message);
  EXPECT(weir_i_json_choice(json, 0, "m", "none", masks, 5, false, 4, &choice, &error) == WEIR_OK && choice == 4, "default");
  EXPECT(weir_i_json_choice(json, 0, "m", "none", masks, 5, true, 4, &choice, &error) == WEIR_ERROR_SPEC, "required");
  EXPECT(weir_i_json_choice(json, 0, "m", "b", masks, 5, true, 4, &choice, &error) == WEIR_ERROR_SPEC, "unknown");
  EXPECT(strcmp(error.message, "unknown b \"chekerboard\"; did you mean \"checkerboard\"?") == 0, error.message);
  EXPECT(weir_i_json_choice(json, 0, "m", "c", masks, 5, true, 4, &choice, &error) == WEIR_ERROR_SPEC, "unknown");
  EXPECT(strcmp(error.message, "unknown c \"zzzzzzzz\"; known: checkerboard, channel, horizontal, vertical, cycle") == 0,
         error.message);
  EXPECT(weir_i_json_choice(json, 0, "m", "d", masks, 5, true, 4, &choice, &error) == WEIR_ERROR_SPEC, "a number");
  static const char *const keys[] = {"a", "b", "c", "d", "learning_rate"};
  EXPECT(weir_i_json_only(json, 0, "train", keys, 5, &error) == WEIR_ERROR_SPEC, "unknown key");
  EXPECT(strcmp(error.where, "train.lerning_rate") == 0, error.where);
  EXPECT(strcmp(error.message, "unknown key \"lerning_rate\"; did you mean \"learning_rate\"?") == 0, error.message);
  static const char *const all[] = {"lerning_rate", "a", "b", "c", "d"};
  EXPECT(weir_i_json_only(json, 0, "train", all, 5, &error) == WEIR_OK, error.message);
  EXPECT(weir_i_json_only(json, 0, "train", NULL, 0, &error) == WEIR_ERROR_SPEC, "no key is known");
  parsed_text_free(&parsed);
  return bad;
}

int test_nearest_names(void) {
  static const char *const known[] = {"resnet", "mlp", "coupling", "squeeze", "factor_out", "dequantize", "logit"};
  static const struct {
    const char *text, *nearest;
  } cases[] = {
      {"resent", "resnet"},
      {"mpl", "mlp"},
      {"Coupling", "coupling"},
      {"couplings", "coupling"},
      {"squeze", "squeeze"},
      {"factorout", "factor_out"},
      {"dequantise", "dequantize"},
      {"logits", "logit"},
      {"glow", NULL},
      {"", NULL},
      {"x", NULL},
      {"ResNet", "resnet"},
  };
  int bad = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *nearest = weir_i_nearest(cases[i].text, known, sizeof known / sizeof known[0]);
    const bool same =
        nearest == NULL || cases[i].nearest == NULL ? nearest == cases[i].nearest : strcmp(nearest, cases[i].nearest) == 0;
    EXPECT(same, cases[i].text);
  }
  char longer[300];
  memset(longer, 'a', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  EXPECT(weir_i_nearest(longer, known, 7) == NULL, "a long text");
  EXPECT(weir_i_nearest("a", known, 0) == NULL, "no choices");
  return bad;
}

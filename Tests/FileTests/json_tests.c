#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json_internal.h"
#include "file_tests.h"

int test_json_accepts_valid_text(void) {
  static const char *const texts[] = {
      "{}",
      "[]",
      " \t\r\n{ } \n",
      "[1]",
      "[ 1 , -0 , 0.5 , 1e3 , 1E+2 , -1.25e-07 ]",
      "[true,false,null]",
      "{\"a\":{\"b\":[{},[],\"\"]}}",
      "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\ud83d\\ude00\"]",
      "[\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \x7f\"]",
      "[\"\\u0000\"]",
      "{\"\":1,\"a\":2,\"A\":3}",
      "[{\"a\":1},{\"a\":1}]",
      "{\"a\":\"a\"}",
      "[[[[[[[[[[1]]]]]]]]],2]",
      "{\"a\":[1,{\"b\":2},3],\"c\":4}",
  };
  int bad = 0;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    parsed_text parsed = parse_text(texts[i], strlen(texts[i]));
    EXPECT(parsed.status == WEIR_OK, texts[i]);
    EXPECT(parsed.status != WEIR_OK || weir_i_json_next(&parsed.json, 0) == (int)parsed.json.count, texts[i]);
    parsed_text_free(&parsed);
  }
  return bad;
}

int test_json_refuses_malformed_text(void) {
  static const struct {
    const char *text, *where, *message;
  } cases[] = {
      {"", "byte 0", "there is no text"},
      {"  ", "byte 2", "there is no text"},
      {"5 ", "byte 0", "expected '{' or '['"},
      {"\"a\"", "byte 0", "expected '{' or '['"},
      {"\xef\xbb\xbf{}", "byte 0", "expected '{' or '['"},
      {"{} x", "byte 3", "text after the end"},
      {"{}{}", "byte 2", "text after the end"},
      {"[1]]", "byte 3", "text after the end"},
      {"[1,]", "byte 3", "not a JSON value"},
      {"[,1]", "byte 1", "not a JSON value"},
      {"[1 2]", "byte 3", "expected ',' or ']'"},
      {"[1}", "byte 2", "expected ',' or ']'"},
      {"{\"a\":1]", "byte 6", "expected ',' or '}'"},
      {"{\"a\":1,}", "byte 7", "expected a key"},
      {"{a:1}", "byte 1", "expected a key"},
      {"{1:1}", "byte 1", "expected a key"},
      {"{'a':1}", "byte 1", "expected a key"},
      {"{\"a\" 1}", "byte 5", "expected ':'"},
      {"{\"a\"}", "byte 4", "expected ':'"},
      {"{\"a\":}", "byte 5", "not a JSON value"},
      {"{\"a\"::1}", "byte 5", "not a JSON value"},
      {"{\"a\":1 \"b\":2}", "byte 7", "expected ','"},
      {"{\"a\":1:2}", "byte 6", "expected ','"},
      {"[tru]", "byte 1", "not a JSON value"},
      {"[True]", "byte 1", "not a JSON value"},
      {"[truefalse]", "byte 5", "expected ','"},
      {"[NaN]", "byte 1", "NaN, Infinity"},
      {"[-Infinity]", "byte 2", "digit after its sign"},
      {"[+1]", "byte 1", "not a JSON value"},
      {"[01]", "byte 3", "starts with 0"},
      {"[-01]", "byte 4", "starts with 0"},
      {"[1.]", "byte 3", "after its decimal point"},
      {"[.5]", "byte 1", "not a JSON value"},
      {"[1e]", "byte 3", "in its exponent"},
      {"[1e+]", "byte 4", "in its exponent"},
      {"[0x10]", "byte 2", "expected ','"},
      {"[1,// x\n2]", "byte 3", "not a JSON value"},
      {"[\"\n\"]", "byte 2", "control character"},
      {"[\"\x01\"]", "byte 2", "control character"},
      {"[\"\\x\"]", "byte 2", "unknown escape"},
      {"[\"\\u12g4\"]", "byte 2", "four hexadecimal digits"},
      {"[\"\\u12\"]", "byte 2", "four hexadecimal digits"},
      {"[\"\\ud800\"]", "byte 2", "surrogate"},
      {"[\"\\ud800\\u0041\"]", "byte 2", "surrogate"},
      {"[\"\\udc00\"]", "byte 2", "surrogate"},
      {"[\"\x80\"]", "byte 2", "UTF-8"},
      {"[\"\xc0\x80\"]", "byte 2", "UTF-8"},
      {"[\"\xe0\x80\x80\"]", "byte 2", "UTF-8"},
      {"[\"\xed\xa0\x80\"]", "byte 2", "UTF-8"},
      {"[\"\xf5\x80\x80\x80\"]", "byte 2", "UTF-8"},
      {"[\"\xf4\x90\x80\x80\"]", "byte 2", "UTF-8"},
      {"[\"\xc3\"]", "byte 2", "UTF-8"},
      {"[\"abc]", "byte 6", "cut short"},
      {"{\"a\":1,\"b\":2,\"a\":3}", "byte 13", "key \"a\" is in the object twice"},
  };
  int bad = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    parsed_text parsed = parse_text(cases[i].text, strlen(cases[i].text));
    EXPECT(parsed.status == WEIR_ERROR_FORMAT && parsed.error.code == WEIR_ERROR_FORMAT, cases[i].text);
    EXPECT(strcmp(parsed.error.where, cases[i].where) == 0, parsed.error.where);
    EXPECT(strstr(parsed.error.message, cases[i].message) != NULL, parsed.error.message);
    parsed_text_free(&parsed);
  }
  parsed_text with_nul = parse_text("[1,\0 2]", 7);
  EXPECT(with_nul.status == WEIR_ERROR_FORMAT && strcmp(with_nul.error.where, "byte 3") == 0, with_nul.error.where);
  parsed_text_free(&with_nul);
  return bad;
}

int test_json_refuses_every_prefix(void) {
  static const char text[] = "{\"a\\u00e9\":[1.5e-3,true,null,{\"b\\ud83d\\ude00\":\"\xc3\xa9\\n\"}],\"c\":false}";
  int bad = 0;
  for (size_t length = 0; length < sizeof text; length++) {
    parsed_text parsed = parse_text(text, length);
    EXPECT((parsed.status == WEIR_OK) == (length == sizeof text - 1), parsed.error.message);
    EXPECT(parsed.status == WEIR_OK || parsed.error.message[0] != '\0', text);
    parsed_text_free(&parsed);
  }
  return bad;
}

int test_json_limits(void) {
  int bad = 0;
  for (size_t depth = 31; depth <= 34; depth++) {
    char text[80];
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    parsed_text parsed = parse_text(text, 2 * depth);
    EXPECT((parsed.status == WEIR_OK) == (depth <= 32), parsed.error.message);
    parsed_text_free(&parsed);
  }
  const size_t deep = 1000000;
  char *text = malloc(deep);
  memset(text, '[', deep);
  parsed_text parsed = parse_text(text, deep);
  EXPECT(strstr(parsed.error.message, "32 deep") != NULL, parsed.error.message);
  size_t tokens;
  EXPECT(weir_i_json_measure(text, SIZE_MAX, &tokens, NULL) == WEIR_ERROR_FORMAT, "a length that no text has");
  parsed_text_free(&parsed);
  free(text);
  weir_json json;
  int memory[64];
  EXPECT(weir_i_json_parse("[1,2]", 5, memory, 2, &json, NULL) == WEIR_ERROR_MEMORY, "2 tokens of 3");
  EXPECT(weir_i_json_parse("[1,2]", 5, NULL, 3, &json, NULL) == WEIR_ERROR_MEMORY, "no memory");
  EXPECT(json.count == 0 && weir_i_json_get(&json, 0, "a") == WEIR_JSON_NONE, "an empty document answers nothing");
  EXPECT(weir_i_json_token_bytes(SIZE_MAX / 8) == SIZE_MAX, "overflow");
  return bad;
}

int test_json_duplicate_keys(void) {
  static const struct {
    const char *text;
    bool valid;
  } cases[] = {
      {"{\"a\":1,\"\\u0061\":2}", false},
      {"{\"\xc3\xa9\":1,\"\\u00e9\":2}", false},
      {"{\"\":1,\"\":2}", false},
      {"{\"x\":{\"b\":1,\"c\":2,\"b\":3}}", false},
      {"[{\"a\":1,\"a\":1}]", false},
      {"{\"a\":1,\"a\\u0000\":2}", true},
      {"{\"a\":{\"a\":{\"a\":1}}}", true},
      {"{\"ab\":1,\"a\":2,\"abc\":3}", true},
      {"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", false},
  };
  int bad = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    parsed_text parsed = parse_text(cases[i].text, strlen(cases[i].text));
    EXPECT((parsed.status == WEIR_OK) == cases[i].valid, cases[i].text);
    parsed_text_free(&parsed);
  }
  return bad;
}

/// An object of `count` members whose last key repeats an early one when `repeat` is set.
static char *many_members(size_t count, bool repeat, size_t *length) {
  char *text = malloc(count * 40 + 3);
  size_t used = 0;
  text[used++] = '{';
  for (size_t i = 0; i < count; i++) {
    const size_t key = repeat && i + 1 == count ? count / 3 : i;
    used += (size_t)sprintf(text + used, "%s\"steps.%zu.net.weight\":%zu", i == 0 ? "" : ",", key, i);
  }
  text[used++] = '}';
  *length = used;
  return text;
}

int test_json_many_members(void) {
  int bad = 0;
  static const size_t counts[] = {20000, 100000, 100001};
  for (size_t i = 0; i < 3; i++) {
    size_t length;
    char *text = many_members(counts[i], false, &length);
    const clock_t start = clock();
    parsed_text parsed = parse_text(text, length);
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (i == 0) printf("     20000 members in %.0f ms\n", 1e3 * seconds);
    EXPECT((parsed.status == WEIR_OK) == (counts[i] <= 100000), parsed.error.message);
    EXPECT(seconds < 10, "quadratic?");
    EXPECT(i == 2 || weir_i_json_get(&parsed.json, 0, "steps.19999.net.weight") > 0, "the last of 20000");
    parsed_text_free(&parsed);
    free(text);
  }
  size_t length;
  char *text = many_members(20000, true, &length);
  parsed_text parsed = parse_text(text, length);
  EXPECT(strstr(parsed.error.message, "\"steps.6666.net.weight\" is in the object twice") != NULL, parsed.error.message);
  parsed_text_free(&parsed);
  free(text);
  return bad;
}

int test_json_navigation(void) {
  int bad = 0;
  static const char text[] = "{\"a\":[10,[20,21],{\"x\":30}],\"b\":{\"c\":\"d\",\"e\":null},\"f\":-1.5}";
  parsed_text parsed = parse_text(text, sizeof text - 1);
  const weir_json *json = &parsed.json;
  const int a = weir_i_json_get(json, 0, "a"), b = weir_i_json_get(json, 0, "b"), f = weir_i_json_get(json, 0, "f");
  EXPECT(weir_i_json_size(json, 0) == 3 && weir_i_json_size(json, a) == 3 && weir_i_json_size(json, b) == 2, "sizes");
  EXPECT(weir_i_json_size(json, f) == 0 && weir_i_json_size(json, -1) == 0 && weir_i_json_size(json, 1000) == 0,
         "sizes of nothing");
  size_t number = 0, length;
  EXPECT(weir_i_json_as_count(json, weir_i_json_item(json, a, 0), &number) && number == 10, "a[0]");
  const int inner = weir_i_json_item(json, a, 1), last = weir_i_json_item(json, a, 2);
  EXPECT(weir_i_json_as_count(json, weir_i_json_item(json, inner, 1), &number) && number == 21, "a[1][1]");
  EXPECT(weir_i_json_as_count(json, weir_i_json_get(json, last, "x"), &number) && number == 30, "a[2].x");
  EXPECT(weir_i_json_item(json, a, 3) == WEIR_JSON_NONE && weir_i_json_item(json, b, 0) == WEIR_JSON_NONE, "past the end");
  EXPECT(weir_i_json_get(json, a, "a") == WEIR_JSON_NONE && weir_i_json_get(json, 0, "c") == WEIR_JSON_NONE, "keys elsewhere");
  int key, value;
  EXPECT(weir_i_json_member(json, b, 1, &key, &value) && weir_i_json_equals(json, key, "e"), "second member");
  EXPECT(memcmp(weir_i_json_text(json, value, &length), "null", 4) == 0 && length == 4, "null");
  EXPECT(!weir_i_json_member(json, b, 2, &key, &value) && key == WEIR_JSON_NONE && value == WEIR_JSON_NONE, "past the end");
  EXPECT(!weir_i_json_member(json, a, 0, &key, &value), "an array has no members");
  EXPECT(weir_i_json_equals(json, weir_i_json_get(json, b, "c"), "d"), "b.c");
  weir_i_json_text(json, -1, &length);
  EXPECT(length == 0, "the text of nothing");
  parsed_text_free(&parsed);
  return bad;
}

int test_json_strings(void) {
  int bad = 0;
  static const char text[] = "[\"a\\n\\u00e9\\u20ac\\ud83d\\ude00\\\\\", \"a\\u0000b\", \"\", 5]";
  parsed_text parsed = parse_text(text, sizeof text - 1);
  const weir_json *json = &parsed.json;
  static const char expected[] = "a\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\";
  char buffer[32];
  const int first = weir_i_json_item(json, 0, 0);
  EXPECT(weir_i_json_string(json, first, buffer, sizeof buffer) && strcmp(buffer, expected) == 0, buffer);
  EXPECT(weir_i_json_string(json, first, buffer, sizeof expected), "fits exactly");
  EXPECT(!weir_i_json_string(json, first, buffer, sizeof expected - 1), "one byte short");
  EXPECT(!weir_i_json_string(json, first, buffer, 0), "no room");
  bool holds_nul;
  EXPECT(weir_i_json_copy(json, first, buffer, 4, &holds_nul) == strlen(expected) && strcmp(buffer, "a\n") == 0, buffer);
  EXPECT(weir_i_json_equals(json, first, expected) && !weir_i_json_equals(json, first, "a"), "equals");
  EXPECT(!weir_i_json_string(json, weir_i_json_item(json, 0, 1), buffer, sizeof buffer), "NUL");
  EXPECT(!weir_i_json_equals(json, weir_i_json_item(json, 0, 1), "a"), "NUL");
  EXPECT(weir_i_json_string(json, weir_i_json_item(json, 0, 2), buffer, 1) && buffer[0] == '\0', "empty");
  EXPECT(!weir_i_json_string(json, weir_i_json_item(json, 0, 3), buffer, sizeof buffer), "a number");
  parsed_text_free(&parsed);

  char longer[128] = "[\"";
  for (size_t i = 2; i < 120; i += 2) memcpy(longer + i, "\xc3\xa9", 2);
  strcpy(longer + 120, "\"]");
  parsed = parse_text(longer, strlen(longer));
  char shown[WEIR_JSON_SHOWN];
  weir_i_json_shown(&parsed.json, 1, shown);
  EXPECT(strlen(shown) == 47 && strcmp(shown + 42, "\xc3\xa9...") == 0, shown);
  parsed_text_free(&parsed);
  return bad;
}

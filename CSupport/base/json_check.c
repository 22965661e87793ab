#include <stdio.h>
#include <string.h>

#include "base/json_internal.h"
#include "base/status.h"

// jsmn accepts much that is not JSON, so the grammar is checked here first: jsmn then only sees documents that are well formed.

enum { JSON_TEXT_MOST = 1 << 30 };  // jsmn counts in int

typedef struct weir_json_scan {
  const char *text;
  size_t length;
  size_t at;
} weir_json_scan;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static unsigned hex4(const char *text) {
  unsigned value = 0;
  for (size_t i = 0; i < 4; i++) value = value << 4 | (unsigned)hex_value(text[i]);
  return value;
}

static bool has_hex4(const char *text, size_t left) {
  if (left < 4) return false;
  for (size_t i = 0; i < 4; i++) {
    if (hex_value(text[i]) < 0) return false;
  }
  return true;
}

/// Bytes of the UTF-8 character at `text`, 0 when it is not one (overlong forms, surrogates and values over U+10FFFF are not).
static size_t utf8_size(const unsigned char *text, size_t left) {
  const unsigned char first = text[0];
  if (first < 0x80) return 1;
  size_t size;
  unsigned char least = 0x80, most = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    size = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    size = 3;
    if (first == 0xE0) least = 0xA0;
    if (first == 0xED) most = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    size = 4;
    if (first == 0xF0) least = 0x90;
    if (first == 0xF4) most = 0x8F;
  } else {
    return 0;
  }
  if (left < size || text[1] < least || text[1] > most) return 0;
  for (size_t i = 2; i < size; i++) {
    if (text[i] < 0x80 || text[i] > 0xBF) return 0;
  }
  return size;
}

/// Moves past the escape at scan->at. NULL, or what is wrong.
static const char *scan_escape(weir_json_scan *scan) {
  const char *text = scan->text + scan->at;
  const size_t left = scan->length - scan->at;
  if (left < 2) return "a string is not closed";
  if (text[1] != 'u') {
    if (text[1] == '\0' || strchr("\"\\/bfnrt", text[1]) == NULL) return "unknown escape in a string; write a backslash as \\\\";
    scan->at += 2;
    return NULL;
  }
  if (!has_hex4(text + 2, left - 2)) return "\\u needs four hexadecimal digits";
  const unsigned code = hex4(text + 2);
  if (code < 0xD800 || code > 0xDFFF) {
    scan->at += 6;
    return NULL;
  }
  const bool pair = code <= 0xDBFF && left >= 12 && text[6] == '\\' && text[7] == 'u' && has_hex4(text + 8, left - 8) &&
                    hex4(text + 8) >= 0xDC00 && hex4(text + 8) <= 0xDFFF;
  if (!pair) return "half of a surrogate pair is missing in a \\u escape";
  scan->at += 12;
  return NULL;
}

static const char *scan_string(weir_json_scan *scan) {
  scan->at++;
  while (scan->at < scan->length) {
    const unsigned char c = (unsigned char)scan->text[scan->at];
    if (c == '"') {
      scan->at++;
      return NULL;
    }
    if (c == '\\') {
      const char *problem = scan_escape(scan);
      if (problem != NULL) return problem;
    } else if (c < 0x20) {
      return "control character in a string; write it as an escape, for example \\n";
    } else {
      const size_t size = utf8_size((const unsigned char *)scan->text + scan->at, scan->length - scan->at);
      if (size == 0) return "a string is not valid UTF-8";
      scan->at += size;
    }
  }
  return "a string is not closed";
}

static bool scan_digits(weir_json_scan *scan) {
  const size_t start = scan->at;
  while (scan->at < scan->length && is_digit(scan->text[scan->at])) scan->at++;
  return scan->at > start;
}

static char peek(const weir_json_scan *scan) { return scan->at < scan->length ? scan->text[scan->at] : '\0'; }

static const char *scan_number(weir_json_scan *scan) {
  if (peek(scan) == '-') scan->at++;
  const bool zero = peek(scan) == '0';
  const size_t start = scan->at;
  if (!scan_digits(scan)) return "a number needs a digit after its sign";
  if (zero && scan->at > start + 1) return "a number starts with 0; leave the leading zeros out";
  if (peek(scan) == '.') {
    scan->at++;
    if (!scan_digits(scan)) return "a number needs a digit after its decimal point";
  }
  if (peek(scan) == 'e' || peek(scan) == 'E') {
    scan->at++;
    if (peek(scan) == '+' || peek(scan) == '-') scan->at++;
    if (!scan_digits(scan)) return "a number needs a digit in its exponent";
  }
  return NULL;
}

static const char *scan_literal(weir_json_scan *scan) {
  static const char *const literals[] = {"true", "false", "null"};
  for (size_t i = 0; i < 3; i++) {
    const size_t length = strlen(literals[i]);
    if (scan->length - scan->at >= length && memcmp(scan->text + scan->at, literals[i], length) == 0) {
      scan->at += length;
      return NULL;
    }
  }
  return "not a JSON value (NaN, Infinity, comments and single quotes are not JSON)";
}

static const char *scan_scalar(weir_json_scan *scan) {
  const char c = peek(scan);
  if (c == '"') return scan_string(scan);
  if (c == '-' || is_digit(c)) return scan_number(scan);
  return scan_literal(scan);
}

static void scan_space(weir_json_scan *scan) {
  while (scan->at < scan->length) {
    const char c = scan->text[scan->at];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    scan->at++;
  }
}

/// A key, its colon and the space after it.
static const char *scan_key(weir_json_scan *scan) {
  if (peek(scan) != '"') return "expected a key in double quotes";
  const char *problem = scan_string(scan);
  if (problem != NULL) return problem;
  scan_space(scan);
  if (peek(scan) != ':') return "expected ':' after a key";
  scan->at++;
  scan_space(scan);
  return NULL;
}

/// The whole document, without recursion: `closers` holds what ends each open object or array.
static const char *scan_document(weir_json_scan *scan, size_t *tokens) {
  char closers[WEIR_JSON_DEPTH];
  size_t members[WEIR_JSON_DEPTH];
  size_t depth = 0, count = 0;
  bool expect_value = true;  // else: a comma or a closer
  scan_space(scan);
  if (scan->at == scan->length) return "there is no text";
  if (peek(scan) != '{' && peek(scan) != '[') return "expected '{' or '['";
  do {
    if (expect_value) {
      count++;
      const char opener = peek(scan);
      if (opener != '{' && opener != '[') {
        const char *problem = scan_scalar(scan);
        if (problem != NULL) return scan->at == scan->length ? "the text is cut short" : problem;
        expect_value = false;
      } else {
        if (depth == WEIR_JSON_DEPTH) return "objects and arrays are nested more than 32 deep";
        closers[depth] = opener == '{' ? '}' : ']';
        members[depth++] = 0;
        scan->at++;
        scan_space(scan);
        expect_value = peek(scan) != closers[depth - 1];
      }
    } else if (peek(scan) == closers[depth - 1]) {
      scan->at++;
      depth--;
    } else if (peek(scan) == ',') {
      scan->at++;
      scan_space(scan);
      expect_value = true;
    } else if (scan->at == scan->length) {
      return "the text is cut short";
    } else {
      return closers[depth - 1] == '}' ? "expected ',' or '}'" : "expected ',' or ']'";
    }
    if (expect_value && closers[depth - 1] == '}') {
      if (++members[depth - 1] > WEIR_JSON_MEMBERS) return "an object has more than 100000 members";
      const char *problem = scan_key(scan);
      if (problem != NULL) return scan->at == scan->length ? "the text is cut short" : problem;
      count++;
    }
    if (!expect_value) scan_space(scan);
  } while (depth > 0);
  *tokens = count;
  return scan->at == scan->length ? NULL : "there is text after the end of the document";
}

weir_status weir_i_json_check(const char *text, size_t length, size_t *tokens, weir_error *error) {
  *tokens = 0;
  if (length > JSON_TEXT_MOST) return weir_i_fail(error, WEIR_ERROR_FORMAT, "JSON", "the text is over 1 GiB");
  weir_json_scan scan = {text, length, 0};
  const char *problem = scan_document(&scan, tokens);
  if (problem == NULL) return WEIR_OK;
  char where[32];
  snprintf(where, sizeof where, "byte %zu", scan.at);
  return weir_i_fail(error, WEIR_ERROR_FORMAT, where, "%s", problem);
}

static size_t put_utf8(unsigned code, unsigned char out[4]) {
  if (code < 0x80) {
    out[0] = (unsigned char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (unsigned char)(0xC0 | code >> 6);
    out[1] = (unsigned char)(0x80 | (code & 0x3F));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (unsigned char)(0xE0 | code >> 12);
    out[1] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
    out[2] = (unsigned char)(0x80 | (code & 0x3F));
    return 3;
  }
  out[0] = (unsigned char)(0xF0 | code >> 18);
  out[1] = (unsigned char)(0x80 | (code >> 12 & 0x3F));
  out[2] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
  out[3] = (unsigned char)(0x80 | (code & 0x3F));
  return 4;
}

size_t weir_i_json_decode(const char *text, size_t length, size_t *at, unsigned char out[4]) {
  const unsigned char c = (unsigned char)text[*at];
  if (c != '\\') {
    const size_t size = c < 0x80 ? 1 : utf8_size((const unsigned char *)text + *at, length - *at);
    memcpy(out, text + *at, size);
    *at += size;
    return size;
  }
  const char escape = text[*at + 1];
  *at += 2;
  if (escape != 'u') {
    static const char written[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const char *found = strchr(written, escape);
    out[0] = (unsigned char)(found == NULL ? escape : meant[found - written]);
    return 1;
  }
  unsigned code = hex4(text + *at);
  *at += 4;
  if (code >= 0xD800 && code <= 0xDBFF) {
    code = 0x10000 + ((code - 0xD800) << 10) + (hex4(text + *at + 2) - 0xDC00);
    *at += 6;
  }
  return put_utf8(code, out);
}

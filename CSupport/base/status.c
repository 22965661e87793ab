#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WEIR_TEXT_OF(x) #x
#define WEIR_TEXT(x) WEIR_TEXT_OF(x)

const char *weir_version(void) {
  return WEIR_TEXT(WEIR_VERSION_MAJOR) "." WEIR_TEXT(WEIR_VERSION_MINOR) "." WEIR_TEXT(WEIR_VERSION_PATCH);
}

const char *weir_status_text(weir_status status) {
  switch (status) {
    case WEIR_OK: return "no error";
    case WEIR_ERROR_ARGUMENT: return "an argument is out of range";
    case WEIR_ERROR_MEMORY: return "not enough memory";
    case WEIR_ERROR_IO: return "a file can't be opened, read or written";
    case WEIR_ERROR_FORMAT: return "the bytes are not a valid model file";
    case WEIR_ERROR_VERSION: return "the file's version is not known to this library";
    case WEIR_ERROR_SPEC: return "the model description is not valid";
    case WEIR_ERROR_TENSOR: return "a weight is missing or not valid";
    case WEIR_ERROR_SHAPE: return "the data does not have the model's shape";
    case WEIR_ERROR_UNSUPPORTED: return "not possible on this build or this CPU";
    case WEIR_ERROR_NUMERIC: return "training produced numbers that are not finite";
    default: return "unknown error";
  }
}

weir_status weir_i_fail(weir_error *error, weir_status code, const char *where, const char *format, ...) {
  if (error == NULL) return code;
  error->code = code;
  snprintf(error->where, sizeof error->where, "%s", where == NULL ? "" : where);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return code;
}

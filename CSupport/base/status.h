// Errors: one place that fills a weir_error.
#ifndef WEIR_BASE_STATUS_H
#define WEIR_BASE_STATUS_H

#include "weir.h"

#if defined(__GNUC__)
#define WEIR_I_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define WEIR_I_PRINTF(text, first)
#endif

/// Fills *error (when not NULL) and returns `code`, so that callers write `return weir_i_fail(error, WEIR_ERROR_..., where, "...")`.
/// `where` may be NULL. The message says what is wrong and what to do; both texts are cut to fit.
weir_status weir_i_fail(weir_error *error, weir_status code, const char *where, const char *format, ...) WEIR_I_PRINTF(4, 5);

#endif

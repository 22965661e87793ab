// Does this picture belong? The exit code is the verdict: 0 it does, 1 it does not, 2 something went wrong.
//
//   decide MODEL LOW HIGH < picture.pgm
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

enum { BELONGS = 0, DOES_NOT = 1, FAILED = 2, HEADER_MOST = 1024 };

static int fail(const char *where, const char *message) {
  fprintf(stderr, "decide: %s: %s\n", where, message);
  return FAILED;
}

// The pixels of a picture of the model's size: all the bytes, or what follows a PGM's header. NULL when they are something else.
static const uint8_t *find_pixels(const char *bytes, size_t size, const weir_model_info *info) {
  if (size == info->dims) return (const uint8_t *)bytes;
  if (strncmp(bytes, "P5", 2) != 0) return NULL;
  unsigned long numbers[3];  // width, height, largest value
  char *at = (char *)bytes + 2;
  for (size_t i = 0; i < 3; i++) {
    while (isspace((unsigned char)*at) || *at == '#') at += *at == '#' ? strcspn(at, "\n") : 1;
    numbers[i] = strtoul(at, &at, 10);
  }
  at++;  // one white space ends the header
  const int fits = info->shape[0] == 1 && numbers[0] == info->shape[2] && numbers[1] == info->shape[1] && numbers[2] == 255;
  return fits && bytes + size == at + info->dims ? (const uint8_t *)at : NULL;
}

static weir_status score(const weir_model *model, const uint8_t *pixels, double *log_likelihood) {
  weir_session_options options = weir_session_options_default();
  options.batch = 1;
  size_t bytes;
  weir_status status = weir_session_size(model, &options, &bytes);
  if (status != WEIR_OK) return status;
  weir_session *session;
  void *memory = malloc(bytes);
  status = memory == NULL ? WEIR_ERROR_MEMORY : weir_session_init(model, &options, memory, bytes, &session);
  if (status == WEIR_OK) status = weir_score_u8(session, pixels, 1, log_likelihood);
  free(memory);
  return status;
}

static int decide(const weir_model *model, double low, double high) {
  weir_model_info info = {0};
  weir_model_get_info(model, &info);
  char *bytes = calloc(info.dims + HEADER_MOST + 1, 1);  // a NUL more than is read
  if (bytes == NULL) return fail("stdin", "no memory for a picture of the model's size");
  const uint8_t *pixels = find_pixels(bytes, fread(bytes, 1, info.dims + HEADER_MOST, stdin), &info);
  double log_likelihood = 0;
  const weir_status status = pixels == NULL ? WEIR_ERROR_SHAPE : score(model, pixels, &log_likelihood);
  free(bytes);
  if (pixels == NULL) {
    fprintf(stderr, "decide: stdin: give a binary PGM (P5) of %zux%zu pixels up to 255, or %zu bytes, one a pixel and channel\n",
            info.shape[2], info.shape[1], info.dims);
    return FAILED;
  }
  if (status != WEIR_OK) return fail("the model can't score pictures", weir_status_text(status));
  const double bits = -log_likelihood / ((double)info.dims * log(2));  // of a picture that can't be scored: infinitely many
  const int verdict = low <= bits && bits <= high ? BELONGS : DOES_NOT;
  printf("%.4f bits per dimension: %s\n", bits, verdict == BELONGS ? "belongs" : "does not belong");
  return verdict;
}

int main(int argc, char **argv) {
  if (argc != 4) return fail("usage", "decide MODEL LOW HIGH < picture.pgm");
  char *low_end, *high_end;
  const double low = strtod(argv[2], &low_end), high = strtod(argv[3], &high_end);
  if (*low_end != '\0' || *high_end != '\0' || !(low <= high))
    return fail("LOW HIGH", "give the bits per dimension between which pictures belong, the lower number first");
  weir_error error;
  weir_model *model;
  if (weir_model_open(argv[1], NULL, &model, &error) != WEIR_OK) return fail(error.where, error.message);
  const int verdict = decide(model, low, high);
  weir_model_close(model);
  return verdict;
}

// Runs the fuzz entry without libFuzzer: COUNT mutations of the seed files named, or of built-in seeds. The same arguments give the same run.
//   fuzz_driver [COUNT [SEED_FILE ...]]
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { SEEDS_MOST = 64, SEED_BYTES_MOST = 1 << 20, GROWTH = 256 };

typedef struct fuzz_seed {
  uint8_t *bytes;
  size_t size;
} fuzz_seed;

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static uint64_t random_below(uint64_t limit) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return limit == 0 ? 0 : random_state % limit;
}

/// A safetensors file of a header and zeros, or the text alone when `data_bytes` is negative.
static fuzz_seed built_in(const char *text, long data_bytes) {
  const size_t length = strlen(text), head = data_bytes < 0 ? 0 : 8;
  fuzz_seed seed = {NULL, head + length + (size_t)(data_bytes < 0 ? 0 : data_bytes)};
  seed.bytes = calloc(1, seed.size);
  for (size_t i = 0; i < head; i++) seed.bytes[i] = (uint8_t)((uint64_t)length >> 8 * i);
  memcpy(seed.bytes + head, text, length);
  return seed;
}

static const char model_header[] =
    "{\"__metadata__\":{\"weir\":\"{\\\"version\\\":1,\\\"input\\\":{\\\"shape\\\":[1,28,28]},\\\"steps\\\":[{\\\"op\\\":"
    "\\\"logit\\\"}]}\"},"
    "\"steps.0.net.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
    "\"steps.0.net.gain\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[24,28]},"
    "\"count\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[28,36]}}";
static const char odd_text[] =
    "{\"a\\u00e9\":[1.5e-3,-0,true,null,{\"b\\ud83d\\ude00\":\"\xc3\xa9\\n\",\"b\":{}}],\"c\":[[],[[0.1,12E+5]]],\"weir\":false}";

static fuzz_seed read_seed(const char *path) {
  fuzz_seed seed = {malloc(SEED_BYTES_MOST), 0};
  FILE *file = fopen(path, "rb");
  if (file == NULL || seed.bytes == NULL) {
    fprintf(stderr, "can't read %s\n", path);
    exit(2);
  }
  seed.size = fread(seed.bytes, 1, SEED_BYTES_MOST, file);
  fclose(file);
  return seed;
}

/// One change to bytes[0..size), which has room for GROWTH more; the new size.
static size_t mutate(uint8_t *bytes, size_t size, size_t room) {
  static const char *const pieces[] = {"{",
                                       "}",
                                       "[",
                                       "]",
                                       ",",
                                       ":",
                                       "\"",
                                       "\\u0000",
                                       "\\ud800",
                                       "-",
                                       "1e9",
                                       "true",
                                       "null",
                                       "F32",
                                       "shape",
                                       "[0,0]",
                                       "\"a\":",
                                       "00",
                                       "\xc3",
                                       "4294967296",
                                       ".",
                                       "[[[[[",
                                       "{\"a\":",
                                       "dtype",
                                       " ",
                                       "18446744073709551615",
                                       "\"data_offsets\":"};
  const size_t at = (size_t)random_below(size), piece_count = sizeof pieces / sizeof pieces[0];
  const char *piece = pieces[random_below(piece_count)];
  const size_t length = strlen(piece);
  switch (size == 0 ? 4 : random_below(7)) {
    case 0: bytes[at] ^= (uint8_t)(1u << random_below(8)); return size;
    case 1: bytes[at] = (uint8_t)random_below(256); return size;
    case 2: return at;
    case 3: {  // remove some
      const size_t gone = 1 + (size_t)random_below(size - at < 16 ? size - at : 16);
      memmove(bytes + at, bytes + at + gone, size - at - gone);
      return size - gone;
    }
    case 4:  // insert
      if (size + length > room) return size;
      memmove(bytes + at + length, bytes + at, size - at);
      memcpy(bytes + at, piece, length);
      return size + length;
    case 5:  // overwrite
      if (at + length <= size) memcpy(bytes + at, piece, length);
      return size;
    default: {  // copy some to elsewhere
      const size_t from = (size_t)random_below(size), longest = size - (from > at ? from : at);
      memmove(bytes + at, bytes + from, (size_t)random_below(longest < 64 ? longest : 64));
      return size;
    }
  }
}

/// Makes the header's length true again, so that mutations reach what lies behind that check.
static void mend_length(uint8_t *bytes, size_t old_size, size_t new_size) {
  if (new_size < 8) return;
  uint64_t length = 0;
  for (size_t i = 8; i-- > 0;) length = length << 8 | bytes[i];
  length += (uint64_t)new_size - old_size;
  for (size_t i = 0; i < 8; i++) bytes[i] = (uint8_t)(length >> 8 * i);
}

int main(int argc, char **argv) {
  const unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
  fuzz_seed seeds[SEEDS_MOST];
  size_t seed_count = 0;
  seeds[seed_count++] = built_in(model_header, 36);
  seeds[seed_count++] = built_in(odd_text, -1);
  seeds[seed_count++] = built_in("{}", 0);
  for (int i = 2; i < argc && seed_count < SEEDS_MOST; i++) seeds[seed_count++] = read_seed(argv[i]);
  for (size_t i = 0; i < seed_count; i++) LLVMFuzzerTestOneInput(seeds[i].bytes, seeds[i].size);
  for (unsigned long run = 0; run < count; run++) {
    const fuzz_seed *seed = &seeds[random_below(seed_count)];
    const size_t room = seed->size + GROWTH;
    uint8_t *bytes = malloc(room);
    if (bytes == NULL) return 2;
    memcpy(bytes, seed->bytes, seed->size);
    size_t size = seed->size;
    for (uint64_t changes = 1 + random_below(4); changes > 0; changes--) size = mutate(bytes, size, room);
    if (random_below(2) == 0) mend_length(bytes, seed->size, size);
    uint8_t *exact = malloc(size == 0 ? 1 : size);  // so that a byte read beyond is seen
    if (exact == NULL) return 2;
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(bytes);
  }
  for (size_t i = 0; i < seed_count; i++) free(seeds[i].bytes);
  printf("%lu mutations of %zu seeds, nothing broke\n", count, seed_count);
  return 0;
}

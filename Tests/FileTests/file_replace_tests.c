#define _XOPEN_SOURCE 700

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "file_tests.h"

static const float numbers[1000] = {1, 2, 3};

static weir_status write_one(const char *path, weir_tensor_out tensor, const char *key, const char *value, weir_error *error) {
  return weir_i_safetensors_write(path, &tensor, 1, &key, &value, 1, NULL, error);
}

int test_write_refuses_bad_input(void) {
  int bad = 0;
  char folder[200], path[216];
  EXPECT(folder_make(folder, sizeof folder), "a new folder");
  snprintf(path, sizeof path, "%s/a.safetensors", folder);
  const weir_tensor_out good = {"a", WEIR_DTYPE_F32, 1, {2}, numbers};
  weir_tensor_out tensor;
  weir_error error = {0};
  tensor = good, tensor.name = NULL;
  EXPECT(write_one(path, tensor, "k", "v", &error) == WEIR_ERROR_ARGUMENT, "no name");
  tensor = good, tensor.name = "__metadata__";
  EXPECT(write_one(path, tensor, "k", "v", &error) == WEIR_ERROR_ARGUMENT, "a reserved name");
  tensor = good, tensor.name = "\xff";
  EXPECT(write_one(path, tensor, "k", "v", &error) == WEIR_ERROR_ARGUMENT && strstr(error.message, "UTF-8") != NULL, error.message);
  tensor = good, tensor.dtype = WEIR_DTYPE_BF16;
  EXPECT(write_one(path, tensor, "k", "v", &error) == WEIR_ERROR_ARGUMENT, "a dtype that is not written");
  tensor = good, tensor.dtype = (weir_dtype)77;
  EXPECT(write_one(path, tensor, "k", "v", &error) == WEIR_ERROR_ARGUMENT, "no dtype");
  tensor = good, tensor.rank = 9;
  EXPECT(write_one(path, tensor, "k", "v", &error) == WEIR_ERROR_ARGUMENT, "too many axes");
  tensor = good, tensor.shape[0] = SIZE_MAX / 2;
  EXPECT(write_one(path, tensor, "k", "v", &error) == WEIR_ERROR_ARGUMENT, "overflow");
  tensor = good, tensor.data = NULL;
  EXPECT(write_one(path, tensor, "k", "v", &error) == WEIR_ERROR_ARGUMENT, "no data");
  EXPECT(write_one(path, good, "k", NULL, &error) == WEIR_ERROR_ARGUMENT, "no metadata");
  EXPECT(write_one(path, good, "k", "\xc3(", &error) == WEIR_ERROR_ARGUMENT, "metadata that is not UTF-8");
  const weir_tensor_out twice[] = {good, good};
  EXPECT(weir_i_safetensors_write(path, twice, 2, NULL, NULL, 0, NULL, &error) == WEIR_ERROR_ARGUMENT, "one name twice");
  EXPECT(strstr(error.message, "\"a\" is in the object twice") != NULL, error.message);
  EXPECT(write_one("", good, "k", "v", &error) == WEIR_ERROR_ARGUMENT, "no path");
  EXPECT(folder_count(folder) == 0, "nothing was written");
  weir_safetensors file;
  EXPECT(weir_i_safetensors_write(path, NULL, 0, NULL, NULL, 0, NULL, &error) == WEIR_OK, "an empty file");
  void *bytes = NULL;
  size_t size = 0;
  weir_allocator heap;
  weir_i_allocator(NULL, &heap);
  EXPECT(weir_i_file_read(path, 16, &heap, &bytes, &size, &error) == WEIR_OK && size == 16, error.message);
  EXPECT(weir_i_safetensors_open(bytes, size, NULL, &file, &error) == WEIR_OK, error.message);
  weir_i_safetensors_close(&file);
  weir_i_release(&heap, bytes, size);
  unlink(path);
  folder_remove(folder);
  return bad;
}

int test_write_failure_leaves_nothing(void) {
  int bad = 0;
  char folder[200], path[240], locked[216];
  EXPECT(folder_make(folder, sizeof folder), "a new folder");
  const weir_tensor_out tensor = {"a", WEIR_DTYPE_F32, 1, {1000}, numbers};
  weir_error error = {0};
  snprintf(path, sizeof path, "%s/none/a.safetensors", folder);
  EXPECT(write_one(path, tensor, "k", "v", &error) == WEIR_ERROR_IO && strstr(error.message, "no such file or folder") != NULL,
         error.message);
  EXPECT(write_one(folder, tensor, "k", "v", &error) == WEIR_ERROR_IO && strstr(error.message, "it is a folder") != NULL,
         error.message);
  EXPECT(write_one("/dev/null", tensor, "k", "v", &error) == WEIR_ERROR_IO, "a device is not replaced");
  struct stat about;
  EXPECT(stat("/dev/null", &about) == 0 && S_ISCHR(about.st_mode), "the device is still one");

  snprintf(locked, sizeof locked, "%s/locked", folder);
  mkdir(locked, 0555);
  snprintf(path, sizeof path, "%s/a.safetensors", locked);
  if (geteuid() != 0) {  // root may write everywhere
    EXPECT(write_one(path, tensor, "k", "v", &error) == WEIR_ERROR_IO && strstr(error.message, "permission denied") != NULL,
           error.message);
  }
  EXPECT(folder_count(locked) == 0, "nothing in the locked folder");
  rmdir(locked);

  // The disk is "full" after 100 and after 2000 bytes; the file that was there stays.
  snprintf(path, sizeof path, "%s/a.safetensors", folder);
  EXPECT(write_one(path, (weir_tensor_out){"old", WEIR_DTYPE_F32, 1, {1}, numbers}, "k", "v", &error) == WEIR_OK, error.message);
  EXPECT(stat(path, &about) == 0, path);
  const off_t old_size = about.st_size;
  struct rlimit limit;
  EXPECT(getrlimit(RLIMIT_FSIZE, &limit) == 0, "the limit");
  void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
  for (rlim_t most = 100; most <= 2000; most += 1900) {
    struct rlimit lower = limit;
    lower.rlim_cur = most;
    setrlimit(RLIMIT_FSIZE, &lower);
    const weir_status status = write_one(path, tensor, "k", "v", &error);
    setrlimit(RLIMIT_FSIZE, &limit);
    EXPECT(status == WEIR_ERROR_IO && strcmp(error.where, path) == 0, error.message);
    EXPECT(folder_count(folder) == 1, "no temporary file stays");
    EXPECT(stat(path, &about) == 0 && about.st_size == old_size, "the old file is as it was");
  }
  signal(SIGXFSZ, handler);
  unlink(path);
  EXPECT(folder_count(folder) == 0, "nothing else");
  folder_remove(folder);
  return bad;
}

int test_write_replaces_and_keeps_mode(void) {
  int bad = 0;
  char folder[200], path[216];
  EXPECT(folder_make(folder, sizeof folder), "a new folder");
  snprintf(path, sizeof path, "%s/a.safetensors", folder);
  const weir_tensor_out tensor = {"a", WEIR_DTYPE_F32, 1, {1000}, numbers};
  weir_error error = {0};
  const mode_t mask = umask(0027);
  EXPECT(write_one(path, tensor, "k", "1", &error) == WEIR_OK, error.message);
  umask(mask);
  struct stat about;
  EXPECT(stat(path, &about) == 0 && (about.st_mode & 0777) == 0640, "a new file follows the umask");
  chmod(path, 0604);
  EXPECT(write_one(path, tensor, "k", "22", &error) == WEIR_OK, error.message);
  EXPECT(stat(path, &about) == 0 && (about.st_mode & 0777) == 0604, "the mode is kept");
  EXPECT(folder_count(folder) == 1, "one file");

  // A relative path, without a folder in it.
  char before[1024];
  EXPECT(getcwd(before, sizeof before) != NULL && chdir(folder) == 0, folder);
  EXPECT(write_one("b.safetensors", tensor, "k", "v", &error) == WEIR_OK, error.message);
  EXPECT(unlink("b.safetensors") == 0 && chdir(before) == 0, before);
  unlink(path);
  folder_remove(folder);
  return bad;
}

int test_read_refuses_what_is_no_file(void) {
  int bad = 0;
  char folder[200], path[216];
  EXPECT(folder_make(folder, sizeof folder), "a new folder");
  counted_memory memory;
  counted_memory_init(&memory, -1);
  const weir_allocator *allocator = &memory.allocator;
  weir_error error = {0};
  void *bytes;
  size_t size;
  EXPECT(
      weir_i_file_read(folder, 100, allocator, &bytes, &size, &error) == WEIR_ERROR_IO && strstr(error.message, "it is a folder"),
      folder);
  EXPECT(weir_i_file_read("/dev/null", 100, allocator, &bytes, &size, &error) == WEIR_ERROR_IO, "a device");
  EXPECT(weir_i_file_read("", 100, allocator, &bytes, &size, &error) == WEIR_ERROR_ARGUMENT, "no path");
  EXPECT(weir_i_file_read(NULL, 100, allocator, &bytes, &size, &error) == WEIR_ERROR_ARGUMENT, "NULL");
  snprintf(path, sizeof path, "%s/a", folder);
  EXPECT(weir_i_file_read(path, 100, allocator, &bytes, &size, &error) == WEIR_ERROR_IO && strcmp(error.where, path) == 0,
         error.where);
  EXPECT(strstr(error.message, "no such file") != NULL, error.message);
  EXPECT(mkfifo(path, 0600) == 0, path);
  EXPECT(weir_i_file_read(path, 100, allocator, &bytes, &size, &error) == WEIR_ERROR_IO && strstr(error.message, "a pipe"),
         error.message);
  unlink(path);
  const weir_file_piece pieces[] = {{"abc", 3}, {NULL, 0}, {"defg", 4}};
  EXPECT(weir_i_file_replace(path, pieces, 3, allocator, &error) == WEIR_OK, error.message);
  EXPECT(weir_i_file_read(path, 6, allocator, &bytes, &size, &error) == WEIR_ERROR_IO && bytes == NULL, "7 bytes, 6 wanted");
  EXPECT(strstr(error.message, "the file has 7 bytes, more than the 6") != NULL, error.message);
  EXPECT(weir_i_file_read(path, 7, allocator, &bytes, &size, &error) == WEIR_OK && size == 7 && memcmp(bytes, "abcdefg", 7) == 0,
         "7 bytes");
  weir_i_release(allocator, bytes, size);
  weir_file file;
  char taken[7];
  EXPECT(weir_i_file_open(path, 7, &file, &error) == WEIR_OK && file.size == 7, error.message);
  EXPECT(weir_i_file_take(&file, 2, taken, 5, &error) == WEIR_OK && memcmp(taken, "cdefg", 5) == 0, "a part");
  EXPECT(truncate(path, 4) == 0 && weir_i_file_take(&file, 2, taken, 2, &error) == WEIR_OK, "what is left");
  EXPECT(weir_i_file_take(&file, 2, taken, 5, &error) == WEIR_ERROR_IO && strstr(error.message, "became shorter") != NULL,
         error.message);
  weir_i_file_close(&file);
  EXPECT(weir_i_file_replace(path, NULL, 0, allocator, &error) == WEIR_OK, error.message);
  EXPECT(weir_i_file_read(path, 7, allocator, &bytes, &size, &error) == WEIR_ERROR_FORMAT, "an empty file");
  EXPECT(strstr(error.message, "the file is empty") != NULL, error.message);
  EXPECT(weir_i_file_replace(path, pieces, 1, allocator, &error) == WEIR_OK, error.message);
  memory.fail_at = memory.calls;
  EXPECT(weir_i_file_read(path, 7, allocator, &bytes, &size, &error) == WEIR_ERROR_MEMORY, "no memory");
  const weir_allocator incomplete = {.struct_size = sizeof incomplete};
  EXPECT(weir_i_file_read(path, 7, &incomplete, &bytes, &size, &error) == WEIR_ERROR_ARGUMENT, "an allocator without functions");
  EXPECT(memory.blocks == 0 && memory.bytes == 0, "memory came back");
  unlink(path);
  folder_remove(folder);
  return bad;
}

#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/status.h"
#include "file/file_io.h"

enum { NAME_EXTRA = 48, NAME_TRIES = 1000, CHUNK_MOST = 1 << 30 };

/// The system's reason, with what to do; strerror is not safe in every C library when threads fail at once.
static const char *reason_of(int code) {
  switch (code) {
    case ENOENT: return "there is no such file or folder; check the path";
    case EACCES:
    case EPERM: return "permission denied; check the rights of the file and its folder";
    case ENOTDIR: return "a part of the path is not a folder; check the path";
    case EISDIR: return "it is a folder; name a file";
    case ENOSPC:
    case EDQUOT: return "the disk is full; free some space";
    case EROFS: return "the disk is read-only; choose another place";
    case EMFILE:
    case ENFILE: return "too many files are open; close some";
    case ENAMETOOLONG: return "the path is too long; choose a shorter one";
    case EFBIG: return "the file is larger than this disk or user may write";
    case ELOOP: return "the path's links lead in a circle; check them";
    case EIO: return "the disk reports an error";
    default: return NULL;
  }
}

static weir_status fail_io(weir_error *error, const char *path, const char *action, int code) {
  const char *reason = reason_of(code);
  if (reason == NULL) return weir_i_fail(error, WEIR_ERROR_IO, path, "can't %s: system error %d", action, code);
  return weir_i_fail(error, WEIR_ERROR_IO, path, "can't %s: %s", action, reason);
}

/// What a file of `about` is refused for.
static weir_status check_kind(const struct stat *about, const char *path, size_t most, weir_error *error) {
  if (S_ISDIR(about->st_mode)) return fail_io(error, path, "read the file", EISDIR);
  if (!S_ISREG(about->st_mode)) {
    return weir_i_fail(error, WEIR_ERROR_IO, path, "can't read it: it is a device or a pipe; copy the data to a file first");
  }
  if ((uintmax_t)about->st_size > most) {
    return weir_i_fail(error, WEIR_ERROR_IO, path,
                       "the file has %ju bytes, more than the %zu that are read here; is it the right file?",
                       (uintmax_t)about->st_size, most);
  }
  if (about->st_size == 0) return weir_i_fail(error, WEIR_ERROR_FORMAT, path, "the file is empty; copy it again");
  return WEIR_OK;
}

weir_status weir_i_file_open(const char *path, size_t most, weir_file *file, weir_error *error) {
  if (path == NULL || path[0] == '\0') return weir_i_fail(error, WEIR_ERROR_ARGUMENT, NULL, "the path is empty; name a file");
  int descriptor;
  do {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // nonblocking: a pipe must be refused, not waited for
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return fail_io(error, path, "open the file", errno);
  struct stat about;
  const weir_status status =
      fstat(descriptor, &about) != 0 ? fail_io(error, path, "read the file", errno) : check_kind(&about, path, most, error);
  if (status != WEIR_OK) {
    close(descriptor);
    return status;
  }
  *file = (weir_file){descriptor, path, (size_t)about.st_size};
  return WEIR_OK;
}

weir_status weir_i_file_take(const weir_file *file, size_t begin, void *bytes, size_t size, weir_error *error) {
  for (size_t got = 0; got < size;) {
    const size_t left = size - got;
    const ssize_t more =
        pread(file->descriptor, (unsigned char *)bytes + got, left < CHUNK_MOST ? left : CHUNK_MOST, (off_t)(begin + got));
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return fail_io(error, file->path, "read the file", errno);
    if (more == 0)
      return weir_i_fail(error, WEIR_ERROR_IO, file->path,
                         "the file became shorter while it was read; try again when nothing writes to it");
    got += (size_t)more;
  }
  return WEIR_OK;
}

void weir_i_file_close(const weir_file *file) { close(file->descriptor); }

weir_status weir_i_file_read(const char *path, size_t most, const weir_allocator *allocator, void **bytes, size_t *size,
                             weir_error *error) {
  *bytes = NULL;
  *size = 0;
  weir_allocator memory;
  weir_status status = weir_i_allocator(allocator, &memory);
  if (status != WEIR_OK) return weir_i_fail(error, status, path, "the allocator is not complete");
  weir_file file;
  status = weir_i_file_open(path, most, &file, error);
  if (status != WEIR_OK) return status;
  void *taken = weir_i_allocate_unset(&memory, file.size);
  status = taken == NULL ? weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for the file's %zu bytes", file.size)
                         : weir_i_file_take(&file, 0, taken, file.size, error);
  weir_i_file_close(&file);
  if (status != WEIR_OK) {
    weir_i_release(&memory, taken, file.size);
    return status;
  }
  *bytes = taken;
  *size = file.size;
  return WEIR_OK;
}

/// False on an error, with errno set.
static bool write_fully(int file, const unsigned char *bytes, size_t size) {
  while (size > 0) {
    const ssize_t more = write(file, bytes, size < CHUNK_MOST ? size : CHUNK_MOST);
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return false;
    bytes += more;
    size -= (size_t)more;
  }
  return true;
}

/// Makes a new file beside `path`; its name goes to name[size]. -1 on an error, with errno set.
static int create_beside(const char *path, char *name, size_t size) {
  for (unsigned attempt = 0; attempt < NAME_TRIES; attempt++) {
    snprintf(name, size, "%s.%ld-%u.part", path, (long)getpid(), attempt);
    const int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0) return file;
    if (errno != EEXIST && errno != EINTR) return -1;
  }
  errno = EEXIST;
  return -1;
}

/// The rename is durable once its folder is. A folder that can't be opened or flushed is left to the system: the file is in place by then.
static void flush_folder(const char *path, char *name) {
  const char *slash = strrchr(path, '/');
  const size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
  memcpy(name, path, length);
  memcpy(name + length, ".", 2);
  const int folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  (void)fsync(folder);
  close(folder);
}

/// Fills and closes `file`. 0, or the error's code with *action saying what failed.
static int fill(int file, const weir_file_piece *pieces, size_t count, const struct stat *replaced, const char **action) {
  int code = 0;
  *action = "write the file";
  if (replaced != NULL && fchmod(file, replaced->st_mode & 0777) != 0) code = errno;
  for (size_t i = 0; i < count && code == 0; i++) {
    if (!write_fully(file, pieces[i].bytes, pieces[i].size)) code = errno;
  }
  if (code == 0 && fsync(file) != 0) {
    code = errno;
    *action = "flush the file to disk";
  }
  if (close(file) != 0 && code == 0 && errno != EINTR) code = errno;
  return code;
}

weir_status weir_i_file_replace(const char *path, const weir_file_piece *pieces, size_t count, const weir_allocator *allocator,
                                weir_error *error) {
  weir_allocator memory;
  const weir_status status = weir_i_allocator(allocator, &memory);
  if (status != WEIR_OK) return weir_i_fail(error, status, path, "the allocator is not complete");
  if (path == NULL || path[0] == '\0') return weir_i_fail(error, WEIR_ERROR_ARGUMENT, NULL, "the path is empty; name a file");
  struct stat about;
  const bool exists = stat(path, &about) == 0;
  if (exists && S_ISDIR(about.st_mode)) return fail_io(error, path, "write the file", EISDIR);
  if (exists && !S_ISREG(about.st_mode)) {
    return weir_i_fail(error, WEIR_ERROR_IO, path, "can't replace it: it is a device or a pipe; name a file");
  }
  const size_t name_bytes = strlen(path) + NAME_EXTRA;
  char *name = weir_i_allocate(&memory, name_bytes);
  if (name == NULL) return weir_i_fail(error, WEIR_ERROR_MEMORY, path, "no memory for the file's name");
  const char *action = "make a new file in the folder";
  int code = 0;
  const int file = create_beside(path, name, name_bytes);
  if (file < 0) {
    code = errno;
  } else {
    code = fill(file, pieces, count, exists ? &about : NULL, &action);
    if (code == 0 && rename(name, path) != 0) {
      code = errno;
      action = "put the new file in place";
    }
    if (code != 0) unlink(name);
  }
  if (code == 0) flush_folder(path, name);
  weir_i_release(&memory, name, name_bytes);
  return code == 0 ? WEIR_OK : fail_io(error, path, action, code);
}

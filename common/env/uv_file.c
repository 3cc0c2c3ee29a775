/* Files and paths by plain system calls: each blocks its caller, and any thread may call.
 *
 * Happy path: positions are explicit, short reads and writes are continued here, interrupted calls
 * are repeated. Failure modes: every errno becomes an ERR_x; a write that failed may have written a
 * part; nothing is ever retried after a failed sync. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "env/path_look.h"
#include "env/uv_private.h"

#include "base/err.h"
#include "base/mem.h"

enum {
    FILE_MODE = 0644,
    DIR_MODE = 0755,
    WRITEV_PARTS = 64,  /* iovecs for one call; larger lists are written in several */
    DIR_DEPTH_MAX = 16, /* a data directory is two deep; more means that the path is wrong */
};

static int file_error(void)
{
    return err_from_errno(errno);
}

/* What an open file refuses is a fault of the disk, also when the system calls it lack of memory.
 */
static int file_io_error(void)
{
    int err = file_error();
    return env_is_later(err) ? ERR_IO : err;
}

static int file_open_once(const char *path, int flags)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, FILE_MODE);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Descriptors that this thread holds back. They are open on nothing that matters. */
static _Thread_local int file_spares[ENV_FILES_READY_MAX];
static _Thread_local int file_spare_count;

bool env_files_ready(struct env *env, int count)
{
    ASSERT(count >= 0);
    ASSERT(file_spare_count >= 0);
    (void)env;
    ASSERT(count <= ENV_FILES_READY_MAX);
    while (file_spare_count < count) {
        int fd = file_open_once("/", O_PATH);
        if (fd < 0)
            return false;
        file_spares[file_spare_count++] = fd;
    }
    return true;
}

static int file_open(const char *path, int flags)
{
    int fd = file_open_once(path, flags);
    while (fd < 0 && (errno == EMFILE || errno == ENFILE) && file_spare_count > 0) {
        close(file_spares[--file_spare_count]);
        fd = file_open_once(path, flags);
    }
    return fd < 0 ? file_error() : fd;
}

int64_t env_files_limit(struct env *env)
{
    struct rlimit limit;
    (void)env;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return _POSIX_OPEN_MAX;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0 && getrlimit(RLIMIT_NOFILE, &limit) < 0)
            return _POSIX_OPEN_MAX;
    }
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}

int env_file_open(struct env *env, const char *path, int flags, struct env_file **out)
{
    (void)env;
    int mode = flags & ENV_OPEN_WRITE ? O_RDWR : O_RDONLY;
    mode |= O_NONBLOCK; /* a pipe in the place of a file would wait for its other end */
    if (flags & ENV_OPEN_CREATE)
        mode |= O_CREAT;
    if (flags & ENV_OPEN_EXCLUSIVE)
        mode |= O_EXCL;
    if (flags & ENV_OPEN_TRUNCATE)
        mode |= O_TRUNC;
    int fd = file_open(path, mode);
    if (fd < 0)
        return errno == ENXIO ? ERR_NO_FILE : fd; /* a socket */
    struct stat st;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        close(fd); /* a folder opens for reading, and only its reads fail */
        return ERR_NO_FILE;
    }
    struct env_file *file = mem_alloc(sizeof(*file));
    file->fd = fd;
    *out = file;
    return 0;
}

void env_file_close(struct env_file *file)
{
    ASSERT(file->fd >= 0);
    close(file->fd);
    mem_free(file);
}

ssize_t env_file_read(struct env_file *file, void *buffer, size_t len, uint64_t offset)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(file->fd, (char *)buffer + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_io_error();
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

ssize_t env_file_read_now(struct env_file *file, void *buffer, size_t len, uint64_t offset)
{
    size_t got = 0;
    while (got < len) {
        struct iovec part = {.iov_base = (char *)buffer + got, .iov_len = len - got};
        ssize_t n = preadv2(file->fd, &part, 1, (off_t)(offset + got), RWF_NOWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return ERR_AGAIN;
        if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
            return env_file_read(file, buffer, len, offset);
        if (n < 0)
            return file_io_error();
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int env_file_write(struct env_file *file, const void *data, size_t len, uint64_t offset)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    ASSERT(len == 0 || data != NULL);
    return env_file_writev(file, &part, 1, offset);
}

/* Writes the parts of `iov` (which it uses up); all or an error. */
static int file_write_parts(int fd, struct iovec *iov, int count, uint64_t offset)
{
    ASSERT(fd >= 0);
    while (count > 0) {
        ssize_t n = pwritev(fd, iov, count, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_io_error();
        offset += (uint64_t)n;
        size_t left = (size_t)n;
        bool moved = n > 0;
        while (count > 0 && left >= iov->iov_len) {
            left -= iov->iov_len;
            iov++;
            count--;
            moved = true;
        }
        if (count > 0) {
            iov->iov_base = (char *)iov->iov_base + left;
            iov->iov_len -= left;
        }
        if (!moved)
            return ERR_IO;
    }
    return 0;
}

int env_file_writev(struct env_file *file, const struct iovec *parts, int count, uint64_t offset)
{
    struct iovec iov[WRITEV_PARTS];
    ASSERT(count >= 0);
    for (int first = 0; first < count; first += WRITEV_PARTS) {
        int n = count - first < WRITEV_PARTS ? count - first : WRITEV_PARTS;
        size_t bytes = 0;
        for (int i = 0; i < n; i++) {
            iov[i] = parts[first + i];
            bytes += iov[i].iov_len;
        }
        int rc = file_write_parts(file->fd, iov, n, offset);
        if (rc < 0)
            return rc;
        offset += bytes;
    }
    return 0;
}

int64_t env_file_size(struct env_file *file)
{
    struct stat st;
    return fstat(file->fd, &st) < 0 ? file_error() : (int64_t)st.st_size;
}

int env_file_truncate(struct env_file *file, uint64_t size)
{
    int rc;
    do
        rc = ftruncate(file->fd, (off_t)size);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? file_io_error() : 0;
}

int env_file_sync(struct env_file *file)
{
    return fdatasync(file->fd) < 0 ? file_io_error() : 0;
}

/* ---- directories ---- */

static int dir_make_one(const char *path)
{
    struct stat st;
    if (mkdir(path, DIR_MODE) == 0)
        return 0;
    int rc = file_error();
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : ERR_EXISTS;
    return rc;
}

int env_dir_make(struct env *env, const char *path)
{
    (void)env;
    int rc = dir_make_one(path);
    if (rc != ERR_NOT_FOUND)
        return rc;
    char *part = mem_strdup(path);
    rc = 0;
    for (char *slash = strchr(part + 1, '/'); slash && rc == 0; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        rc = dir_make_one(part);
        *slash = '/';
    }
    mem_free(part);
    return rc < 0 ? rc : dir_make_one(path);
}

int env_dir_sync(struct env *env, const char *path)
{
    (void)env;
    int fd = file_open(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return fd;
    int rc = fsync(fd) < 0 ? file_io_error() : 0;
    close(fd);
    return rc;
}

static bool dir_is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int dir_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int env_dir_list(struct env *env, const char *path, char ***names, size_t *count)
{
    (void)env;
    DIR *dir = opendir(path);
    if (!dir)
        return file_error();
    char **list = mem_alloc(sizeof(*list));
    size_t used = 0, cap = 1;
    struct dirent *entry;
    while (errno = 0, (entry = readdir(dir))) {
        if (dir_is_dots(entry->d_name))
            continue;
        if (used == cap) {
            cap *= 2;
            list = mem_realloc(list, cap * sizeof(*list));
        }
        list[used++] = mem_strdup(entry->d_name);
    }
    int rc = errno ? file_error() : 0;
    closedir(dir);
    if (rc < 0) {
        env_dir_list_free(list, used);
        return rc;
    }
    qsort(list, used, sizeof(*list), dir_compare);
    *names = list;
    *count = used;
    return 0;
}

/* Removes `name` in the directory `at`, whatever it is. A symbolic link is removed, not followed.
 */
static int dir_remove_at(int at, const char *name, int depth)
{
    ASSERT(depth >= 0);
    if (unlinkat(at, name, 0) == 0)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return file_error();
    if (depth == 0)
        return ERR_INVALID;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return file_error();
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return ERR_NO_MEMORY;
    }
    int rc = 0;
    struct dirent *entry;
    while (rc == 0 && (entry = readdir(dir)))
        if (!dir_is_dots(entry->d_name))
            rc = dir_remove_at(fd, entry->d_name, depth - 1);
    closedir(dir);
    if (rc == 0 && unlinkat(at, name, AT_REMOVEDIR) < 0)
        rc = file_error();
    return rc;
}

int env_dir_remove(struct env *env, const char *path)
{
    (void)env;
    struct stat st;
    if (lstat(path, &st) < 0)
        return file_error();
    if (!S_ISDIR(st.st_mode))
        return ERR_INVALID;
    return dir_remove_at(AT_FDCWD, path, DIR_DEPTH_MAX);
}

/* ---- paths ---- */

int env_path_lock(struct env *env, const char *path, struct env_file **lock)
{
    struct env_file *file;
    int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file);
    if (rc < 0)
        return rc;
    if (flock(file->fd, LOCK_EX | LOCK_NB) < 0) {
        rc = errno == EWOULDBLOCK ? ERR_LOCKED : file_error();
        env_file_close(file);
        return rc;
    }
    *lock = file;
    return 0;
}

int env_path_rename(struct env *env, const char *from, const char *to)
{
    (void)env;
    return rename(from, to) < 0 ? file_error() : 0;
}

int env_path_remove(struct env *env, const char *path)
{
    (void)env;
    return unlink(path) < 0 ? file_error() : 0;
}

bool env_path_exists(struct env *env, const char *path)
{
    (void)env;
    struct stat st;
    return stat(path, &st) == 0;
}

int env_path_look(struct env *env, const char *path, struct env_path_info *info)
{
    (void)env;
    struct stat st;
    if (stat(path, &st) < 0)
        return file_error();
    *info = (struct env_path_info){
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = st.st_size,
        .modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000,
        .regular = S_ISREG(st.st_mode),
    };
    return 0;
}

int64_t env_path_space(struct env *env, const char *path)
{
    (void)env;
    struct statvfs st;
    if (statvfs(path, &st) < 0)
        return file_error();
    return (int64_t)(st.f_bavail * st.f_frsize);
}

int64_t env_path_size(struct env *env, const char *path)
{
    (void)env;
    struct statvfs st;
    if (statvfs(path, &st) < 0)
        return file_error();
    return (int64_t)(st.f_blocks * st.f_frsize);
}

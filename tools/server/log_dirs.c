/* Directories of log.dirs that share a place: one under two names, as by a symbolic link, or one
 * inside another one.
 *
 * Happy path: each name leads to a place of its own, which need not be there yet. Failure modes:
 * the second name of one directory would find the lock that the first one took, and be told of
 * another process; the inner one of two may be named like a partition, which the outer one would
 * set aside. */
#include "tools/server/log_dirs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"

bool log_dirs_same(const char *one, const char *other)
{
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* Cuts the last name off an absolute path: "/a/b" -> "/a" -> "/"; false when there is none. */
static bool log_dirs_go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (path[1] == '\0')
        return false;
    slash[slash == path] = '\0';
    return true;
}

/* The absolute path without links, "." and ".."; the caller's to mem_free. Of what is not there yet
 * only the names are known. */
static char *log_dirs_resolve(const char *path)
{
    char real[PATH_MAX];
    if (realpath(path, real))
        return mem_strdup(real);
    if (strcmp(path, ".") == 0)
        return mem_strdup("/"); /* we stand in a directory that is gone: nothing works there */
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t len = slash > path ? (size_t)(slash - path) : 1;
    char *front = slash ? mem_strndup(path, len) : mem_strdup(".");
    char *dir = log_dirs_resolve(front);
    mem_free(front);
    if (strcmp(name, "..") == 0)
        (void)log_dirs_go_up(dir);
    if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return dir;
    char *whole = mem_printf("%s/%s", dir[1] ? dir : "", name);
    mem_free(dir);
    return whole;
}

/* Whether `inner` lies somewhere below `outer`. */
static bool log_dirs_inside(const char *inner, const char *outer)
{
    char *path = log_dirs_resolve(inner), *end = log_dirs_resolve(outer);
    bool inside = false;
    while (!inside && path[0] == '/' && log_dirs_go_up(path))
        inside = strcmp(path, end) == 0 || log_dirs_same(path, end);
    mem_free(path);
    mem_free(end);
    return inside;
}

static int log_dirs_check_two(const char *one, const char *other, struct buf *problem)
{
    if (log_dirs_same(one, other)) {
        buf_printf(problem,
                   "log.dirs names one directory twice: %s and %s are the same: remove one of "
                   "the two names",
                   one, other);
        return ERR_INVALID;
    }
    bool inside = log_dirs_inside(one, other);
    if (!inside && !log_dirs_inside(other, one))
        return 0;
    buf_printf(problem,
               "log.dirs names a directory inside another one: %s lies in %s: move it out of there "
               "while the node is down and name its new place, or remove its name if it is empty",
               inside ? one : other, inside ? other : one);
    return ERR_INVALID;
}

int log_dirs_check(const struct config *config, struct buf *problem)
{
    int count, err = 0;
    const char *const *dirs = config_log_dirs(config, &count);
    for (int i = 0; !err && i < count; i++)
        for (int j = 0; !err && j < i; j++)
            err = log_dirs_check_two(dirs[j], dirs[i], problem);
    return err;
}

/* One directory under two names in log.dirs, as by a symbolic link.
 *
 * Happy path: each name leads to another directory, or to none yet. Failure mode: the second of two
 * names would find the lock that the first one took, and be told of another process. */
#include "tools/server/log_dirs.h"

#include <sys/stat.h>

#include "base/err.h"

bool log_dirs_same(const char *one, const char *other)
{
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

int log_dirs_check(const struct config *config, struct buf *problem)
{
    int count;
    const char *const *dirs = config_log_dirs(config, &count);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < i; j++) {
            if (!log_dirs_same(dirs[i], dirs[j]))
                continue;
            buf_printf(problem,
                       "log.dirs names one directory twice: %s and %s are the same: remove one of "
                       "the two names",
                       dirs[j], dirs[i]);
            return ERR_INVALID;
        }
    }
    return 0;
}

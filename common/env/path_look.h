/* What the file system says of a path: which file it is, and how large. A part of the seam of
 * env.h, with its rules; for programs that follow files of others. The simulation does not have
 * it. */
#ifndef ENV_PATH_LOOK_H
#define ENV_PATH_LOOK_H

#include "env/env.h"

struct env_path_info {
    uint64_t device;
    uint64_t inode; /* of that device: the same under any name, as long as the file exists */
    int64_t size;
    int64_t modified_ms; /* since 1970 */
    bool regular;        /* no directory, pipe or device */
};

/* Follows symbolic links. ERR_NOT_FOUND, ERR_ACCESS and the like. Any thread. */
int env_path_look(struct env *env, const char *path, struct env_path_info *info) MUST_CHECK;

#endif

/* Whole small files, on top of env's other calls: both implementations of env use this one.
 *
 * Failure modes: a replacement that fails leaves the old file as it was, and tries to remove the
 * temporary one; a left-over of a crash is overwritten by the next replacement. */
#include "env/env.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

int env_file_load(struct env *env, const char *path, size_t limit, char **data, size_t *len)
{
    struct env_file *file;
    int rc = env_file_open(env, path, ENV_OPEN_READ, &file);
    if (rc < 0)
        return rc;
    int64_t size = env_file_size(file);
    char *buffer = NULL;
    ssize_t got = 0;
    if (size < 0)
        rc = (int)size;
    else if ((uint64_t)size > limit)
        rc = ERR_TOO_LARGE;
    else if (!(buffer = mem_try_alloc((size_t)size + 1)))
        rc = ERR_NO_MEMORY;
    else if ((got = env_file_read(file, buffer, (size_t)size, 0)) < 0)
        rc = (int)got;
    env_file_close(file);
    if (rc < 0) {
        mem_free(buffer);
        return rc;
    }
    ASSERT(buffer);
    buffer[got] = 0;
    *data = buffer;
    *len = (size_t)got;
    return 0;
}

void env_dir_list_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(names[i]);
    mem_free(names);
}

/* The directory that holds `path`, in fresh memory. */
static char *files_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mem_strdup(".");
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

static int files_write_new(struct env *env, const char *path, const void *data, size_t len)
{
    struct env_file *file;
    int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_TRUNCATE, &file);
    if (rc < 0)
        return rc;
    rc = env_file_write(file, data, len, 0);
    if (rc == 0)
        rc = env_file_sync(file);
    env_file_close(file);
    return rc;
}

int env_file_replace(struct env *env, const char *path, const void *data, size_t len)
{
    char *temporary = mem_printf("%s.tmp", path);
    char *parent = files_parent(path);
    int rc = files_write_new(env, temporary, data, len);
    if (rc == 0)
        rc = env_path_rename(env, temporary, path);
    if (rc == 0) {
        rc = env_dir_sync(env, parent);
    } else {
        int removed = env_path_remove(env, temporary);
        (void)removed; /* the first error is the one to report */
    }
    mem_free(parent);
    mem_free(temporary);
    return rc;
}

int env_dir_make_durable(struct env *env, const char *path)
{
    int err = env_dir_make(env, path);
    char *part = mem_strdup(path);
    char *slash;
    while (!err && (slash = strrchr(part, '/'))) {
        *slash = 0;
        err = env_dir_sync(env, part[0] ? part : "/");
    }
    if (!err && path[0] != '/')
        err = env_dir_sync(env, ".");
    mem_free(part);
    return err;
}

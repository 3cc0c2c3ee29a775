/* A log directory at the start: its lock, its owner, and what partitions lie in it.
 *
 * Happy path: locked, meta.properties fits, the names are listed, the checkpoints read; a few
 * milliseconds. Failure modes: a directory that is used by another process or belongs to another
 * broker is refused. */
#include "broker/log/log_dir_open.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutation.h"
#include "broker/log/checkpoints.h"
#include "broker/log/future.h"
#include "broker/log/leavings.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/metadata_mark.h"
#include "broker/log/roster.h"
#include "broker/log/served.h"
#include "broker/log/stray.h"
#include "kafka/meta_properties.h"

enum { MARK_FILE_MAX = 4096 };

static bool log_dir_has_suffix(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

static void log_dir_take_name(struct log_dir *dir, const char *name)
{
    size_t topic_len;
    int32_t partition;
    struct log_manager *manager = dir->manager;
    if (stray_is_aside(name, "-delete")) {
        log_trash_add(&manager->trash, mem_printf("%s/%s", dir->path, name), 0);
    } else if (future_take_name(dir, name)) {
        return; /* a move that was not finished */
    } else if (stray_is_aside(name, "-stray")) {
        char *path = mem_printf("%s/%s", dir->path, name);
        stray_add(dir, path);
        mem_free(path);
    } else if (log_dir_has_suffix(name, "-damaged")) {
        logger_warn(manager->logger,
                    "%s/%s is a damaged replica that was set aside: remove it when it is of no use",
                    dir->path, name);
    } else if (checkpoints_split_name(name, &topic_len, &partition)) {
        if (map_get(&manager->entries, name, strlen(name)))
            log_entry_add_copy(dir, name);
        else
            log_entry_add(dir, name)->exists = true;
    }
}

static int log_dir_list_partitions(struct log_dir *dir, struct buf *problem)
{
    char **names;
    size_t count;
    int rc = env_dir_list(dir->manager->env, dir->path, &names, &count);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        log_dir_take_name(dir, names[i]);
    env_dir_list_free(names, count);
    stray_tell(dir);
    if (dir->clean)
        dir->clean = leavings_load(dir);
    return checkpoints_load(dir, problem);
}

/* The number behind the field; -1 when it is not there. */
static int64_t log_dir_mark_number(const char *text, const char *field)
{
    char *end;
    const char *at = strstr(text, field);
    const char *digits = at ? at + strlen(field) : "";
    long long number = strtoll(digits, &end, 10);
    return end == digits ? -1 : number;
}

/* The checksum that the mark has of the list of what the stop left, -1 without one, and the broker
 * epoch of the process that stopped. A broker of an older version writes a mark, and leaves the
 * list of a stop before it in place. */
static void log_dir_read_mark(struct log_dir *dir, const char *path)
{
    char *text;
    size_t len;
    dir->leavings_crc = -1;
    dir->stopped_epoch = 0;
    if (env_file_load(dir->manager->env, path, MARK_FILE_MAX, &text, &len) < 0)
        return;
    int64_t crc = log_dir_mark_number(text, LOG_MARK_FIELD);
    int64_t epoch = log_dir_mark_number(text, LOG_MARK_EPOCH_FIELD);
    if (crc >= 0 && crc <= UINT32_MAX)
        dir->leavings_crc = crc;
    if (epoch > 0)
        dir->stopped_epoch = epoch;
    mem_free(text);
}

/* The mark goes before anything is appended: a crash from now on is a crash. */
static int log_dir_take_clean_mark(struct log_dir *dir, struct buf *problem)
{
    struct env *env = dir->manager->env;
    char *path = mem_printf("%s/.kafka_cleanshutdown", dir->path);
    log_dir_read_mark(dir, path);
    int rc = MUTATION(MARK_KEPT) && dir->leavings_crc >= 0 ? 0 : env_path_remove(env, path);
    if (rc == ERR_NO_FILE)
        buf_printf(problem, "log.dirs: %s: %s", path, err_text(rc));
    mem_free(path);
    dir->clean = rc == 0;
    if (rc < 0 && rc != ERR_NOT_FOUND)
        return rc;
    /* Without a mark this is for the names of logs that the last process made: it may have been
     * killed before it synced them, and nobody does so later. */
    return env_dir_sync(env, dir->path);
}

static int log_dir_lock(struct log_dir *dir, struct buf *problem)
{
    char *path = mem_printf("%s/.lock", dir->path);
    int rc = env_dir_make_durable(dir->manager->env, dir->path);
    ASSERT(dir->lock == NULL);
    if (rc == 0)
        rc = env_path_lock(dir->manager->env, path, &dir->lock);
    if (rc == ERR_NO_FILE)
        buf_printf(problem, "log.dirs: %s: %s", path, err_text(rc));
    mem_free(path);
    if (rc == ERR_LOCKED)
        buf_printf(
            problem,
            "log directory %s is in use by another process, which holds its .lock file: stop "
            "that broker, or set log.dirs to another directory",
            dir->path);
    else if (rc < 0 && problem->len == 0)
        buf_printf(problem,
                   "log.dirs: %s can't be used as a directory: %s: set log.dirs to directories "
                   "that this user may make and write",
                   dir->path, rc == ERR_EXISTS ? "there is a file of that name" : err_text(rc));
    return rc;
}

/* Makes the names of a new directory and of those above it durable. What this process may not open
 * was not made by it. */
static int log_dir_sync_above(struct env *env, const char *path)
{
    char *above = mem_strdup(path);
    char *slash;
    int rc = 0;
    while (rc == 0 && (slash = strrchr(above, '/'))) {
        bool root = slash == above;
        slash[root] = 0;
        rc = env_dir_sync(env, above);
        rc = rc == ERR_ACCESS || rc == ERR_READ_ONLY ? 0 : rc;
        if (root)
            break;
    }
    if (rc == 0 && path[0] != '/')
        rc = env_dir_sync(env, ".");
    mem_free(above);
    return rc;
}

static int log_dir_check_owner(struct log_dir *dir, struct buf *problem)
{
    struct log_manager *manager = dir->manager;
    struct meta_properties meta;
    const char *cluster_id = manager->cluster_id[0] ? manager->cluster_id : NULL;
    int rc = meta_properties_load(manager->env, dir->path, manager->config.node_id, cluster_id,
                                  &meta, problem);
    if (rc < 0)
        return rc;
    dir->id = meta.directory_id;
    if (meta.dirty) {
        rc = meta_properties_store(manager->env, dir->path, &meta);
        if (rc == 0)
            rc = log_dir_sync_above(manager->env, dir->path);
        if (rc < 0)
            buf_printf(problem,
                       "log.dirs: %s/meta.properties can't be written: %s: set log.dirs to "
                       "directories that this user may write",
                       dir->path, err_text(rc));
    }
    if (rc == 0 && !cluster_id && meta.cluster_id) {
        mem_free(manager->cluster_id);
        manager->cluster_id = mem_strdup(meta.cluster_id);
    }
    meta_properties_close(&meta);
    return rc;
}

int log_dir_open(struct log_dir *dir, struct buf *problem)
{
    int rc = log_dir_lock(dir, problem);
    return rc < 0 ? rc : log_dir_check_owner(dir, problem);
}

int log_dir_list(struct log_dir *dir, struct buf *problem)
{
    int rc = log_dir_take_clean_mark(dir, problem);
    metadata_mark_load(dir);
    if (rc == 0)
        rc = served_load(dir, problem);
    if (rc == 0)
        rc = roster_load(dir);
    if (rc == 0)
        rc = log_dir_list_partitions(dir, problem);
    if (rc < 0 && problem->len == 0)
        buf_printf(problem,
                   "log.dirs: %s can't be read: %s: give it to this user, or set log.dirs to "
                   "another directory",
                   dir->path, err_text(rc));
    return rc;
}

void log_dir_close(struct log_dir *dir)
{
    if (dir->lock)
        env_file_close(dir->lock);
    dir->lock = NULL;
    ASSERT(dir->lock == NULL);
}

/* One log directory: its lock, its owner, what partitions lie in it, its free space, its failure.
 *
 * Happy path: locked, meta.properties fits, the names are listed, the checkpoints read; a few
 * milliseconds. Failure modes: a directory that is used by another process or belongs to another
 * broker is refused at start; one whose disk fails later goes offline for good, with all its logs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutation.h"
#include "broker/log/checkpoints.h"
#include "broker/log/leavings.h"
#include "broker/log/log_internal.h"
#include "broker/log/metadata_mark.h"
#include "broker/log/roster.h"
#include "broker/log/served.h"
#include "broker/log/stray.h"
#include "broker/log/twin.h"
#include "kafka/meta_properties.h"

enum {
    /* Free bytes that appends leave alone, so that checkpoints, snapshots and deletions still work
     * on a disk that clients have filled. Small enough for a file system of 48 MiB. */
    RESERVE_BYTES = 8 * 1024 * 1024,
    SPACE_ASK_US = 1000 * 1000,
    SPACE_AGAIN_US = 50 * 1000, /* when there was too little */
    MARK_FILE_MAX = 4096,
    /* A flush that takes longer, twice in a row, means a disk that hangs. Busy ones take some
     * hundred milliseconds. */
    HANG_MS = 2000,
    NAME_STEM_MAX = 200 /* of a directory set aside; file names end at 255 bytes */
};

static bool has_suffix(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

static void take_name(struct log_dir *dir, const char *name)
{
    size_t topic_len;
    int32_t partition;
    struct log_manager *manager = dir->manager;
    if (stray_is_aside(name, "-delete")) {
        log_manager_trash(manager, mem_printf("%s/%s", dir->path, name), 0);
    } else if (stray_is_aside(name, "-stray")) {
        char *path = mem_printf("%s/%s", dir->path, name);
        stray_add(dir, path);
        mem_free(path);
    } else if (has_suffix(name, "-damaged")) {
        logger_warn(manager->logger,
                    "%s/%s is a damaged replica that was set aside: remove it when it is of no use",
                    dir->path, name);
    } else if (checkpoints_split_name(name, &topic_len, &partition)) {
        if (map_get(&manager->entries, name, strlen(name)))
            twin_add(dir, name);
        else
            log_manager_add_entry(manager, dir, name)->exists = true;
    }
}

static int list_partitions(struct log_dir *dir, struct buf *problem)
{
    char **names;
    size_t count;
    int rc = env_dir_list(dir->manager->env, dir->path, &names, &count);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        take_name(dir, names[i]);
    env_dir_list_free(names, count);
    stray_tell(dir);
    if (dir->clean)
        dir->clean = leavings_load(dir);
    return checkpoints_load(dir, problem);
}

/* The checksum that the mark has of the list of what the stop left; -1 without one. A broker of an
 * older version writes a mark, and leaves the list of a stop before it in place. */
static int64_t read_mark(struct env *env, const char *path)
{
    char *text, *end;
    size_t len;
    if (env_file_load(env, path, MARK_FILE_MAX, &text, &len) < 0)
        return -1;
    const char *field = strstr(text, LOG_MARK_FIELD);
    const char *digits = field ? field + strlen(LOG_MARK_FIELD) : "";
    long long crc = strtoll(digits, &end, 10);
    crc = end == digits || crc < 0 || crc > UINT32_MAX ? -1 : crc;
    mem_free(text);
    return crc;
}

/* The mark goes before anything is appended: a crash from now on is a crash. */
static int take_clean_mark(struct log_dir *dir, struct buf *problem)
{
    struct env *env = dir->manager->env;
    char *path = mem_printf("%s/.kafka_cleanshutdown", dir->path);
    dir->leavings_crc = read_mark(env, path);
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

static int lock_dir(struct log_dir *dir, struct buf *problem)
{
    char *path = mem_printf("%s/.lock", dir->path);
    int rc = env_dir_make_durable(dir->manager->env, dir->path);
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
static int sync_above(struct env *env, const char *path)
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

static int check_owner(struct log_dir *dir, struct buf *problem)
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
            rc = sync_above(manager->env, dir->path);
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
    int rc = lock_dir(dir, problem);
    return rc < 0 ? rc : check_owner(dir, problem);
}

int log_dir_list(struct log_dir *dir, struct buf *problem)
{
    int rc = take_clean_mark(dir, problem);
    metadata_mark_load(dir);
    if (rc == 0)
        rc = served_load(dir, problem);
    if (rc == 0)
        rc = roster_load(dir);
    if (rc == 0)
        rc = list_partitions(dir, problem);
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
}

char *log_dir_aside(struct log_dir *dir, const char *name, const char *suffix)
{
    return mem_printf("%s/%.*s.%016" PRIx64 "%s", dir->path, NAME_STEM_MAX, name,
                      env_random(dir->manager->env), suffix);
}

void log_dir_fail(struct log_dir *dir, int err, const char *action, const char *path)
{
    struct log_manager *manager = dir->manager;
    if (dir->failed)
        return;
    dir->failed = true;
    dir->fail_pending = true;
    logger_error(manager->logger,
                 "could not %s %s: %s. Log directory %s is offline until the broker is restarted: "
                 "check the disk",
                 action, path, err_text(err), dir->path);
    size_t cursor = 0;
    struct log_entry *entry;
    while ((entry = map_next(&manager->entries, &cursor, NULL, NULL)))
        if (entry->dir == dir && entry->log)
            log_notify_later(entry->log);
    log_manager_turn(manager, NULL);
}

bool log_manager_dirs_work(const struct log_manager *manager)
{
    for (int i = 0; i < manager->config.dir_count; i++)
        if (!manager->dirs[i].failed)
            return true;
    return false;
}

int64_t log_dir_reserve(const struct log_dir *dir)
{
    int64_t reserve = dir->manager->config.disk_reserve_bytes;
    return reserve > 0 ? reserve : RESERVE_BYTES;
}

static int64_t room_again(const struct log_dir *dir)
{
    int64_t reserve = log_dir_reserve(dir);
    return reserve > INT64_MAX / 2 ? INT64_MAX : reserve * 2;
}

static void tell_logs(struct log_dir *dir)
{
    size_t cursor = 0;
    struct log_entry *entry;
    while ((entry = map_next(&dir->manager->entries, &cursor, NULL, NULL)))
        if (entry->dir == dir && entry->log)
            log_notify_later(entry->log);
}

static void space_turned(struct log_dir *dir, bool full)
{
    struct log_manager *manager = dir->manager;
    dir->full = full;
    if (full)
        logger_error(manager->logger,
                     "log directory %s is nearly full, with %" PRId64 " bytes free: clients' "
                     "records are refused until %" PRId64 " are free. Reading and deleting go on",
                     dir->path, dir->space, room_again(dir));
    else
        logger_info(manager->logger, "log directory %s has room again: %" PRId64 " bytes are free",
                    dir->path, dir->space);
    tell_logs(dir);
}

/* The flush that has been under way the longest; NULL when none is. */
static const struct log *oldest_flush(struct log_dir *dir)
{
    size_t cursor = 0;
    struct log_entry *entry;
    const struct log *oldest = NULL;
    while ((entry = map_next(&dir->manager->entries, &cursor, NULL, NULL)))
        if (entry->dir == dir && entry->log && entry->log->flush.job &&
            (!oldest || entry->log->flush.since_ms < oldest->flush.since_ms))
            oldest = entry->log;
    return oldest;
}

void log_dir_look_for_hang(struct log_dir *dir)
{
    struct log_manager *manager = dir->manager;
    const struct log *oldest = manager->jobs > 0 ? oldest_flush(dir) : NULL;
    bool late = oldest && env_now_ms(manager->env) - oldest->flush.since_ms >= HANG_MS;
    bool hangs = late && dir->flush_late;
    dir->flush_late = late; /* once may be this process, which stood still itself */
    if (hangs == dir->hangs || dir->failed)
        return;
    dir->hangs = hangs;
    if (hangs)
        logger_error(manager->logger,
                     "the disk of log directory %s hangs: a flush of %s has not ended for %d ms. "
                     "Others lead while it does",
                     dir->path, oldest->path, HANG_MS);
    else
        logger_info(manager->logger, "the disk of log directory %s goes on", dir->path);
    tell_logs(dir);
}

void log_dir_ask_space(struct log_dir *dir, size_t len)
{
    struct env *env = dir->manager->env;
    int64_t space = dir->failed ? ERR_KAFKA_STORAGE_ERROR : env_path_space(env, dir->path);
    if (space < 0)
        return; /* not known: the write itself will tell */
    dir->space = space;
    dir->space_asked_us = env_now_us(env);
    /* Between the two marks all stays as it is: who is on the edge does not come and go. */
    bool full = space - (int64_t)len < (dir->full ? room_again(dir) : log_dir_reserve(dir));
    if (full != dir->full)
        space_turned(dir, full);
}

bool log_dir_has_room(struct log_dir *dir, size_t len, enum log_origin origin)
{
    /* Replication and coordinators go on a little longer: what a leader took has to be copied. */
    int64_t least = origin == LOG_FROM_CLIENT ? log_dir_reserve(dir) : log_dir_reserve(dir) / 2;
    int64_t age_us = env_now_us(dir->manager->env) - dir->space_asked_us;
    bool enough = dir->space - (int64_t)len >= least;
    /* What we wrote ourselves is counted, what others did is asked for each second. */
    if (dir->space_asked_us == 0 || age_us > SPACE_ASK_US || (!dir->full && !enough) ||
        (!enough && age_us > SPACE_AGAIN_US))
        log_dir_ask_space(dir, len);
    if (dir->space_asked_us == 0)
        return true;
    if (origin == LOG_FROM_CLIENT ? dir->full : dir->space - (int64_t)len < least)
        return false;
    dir->space -= (int64_t)len;
    return true;
}

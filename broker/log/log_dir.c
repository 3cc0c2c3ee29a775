/* One log directory: its free space, its failure.
 *
 * Happy path: it has room. Failure modes: one that is nearly full, or whose disk hangs, takes no
 * records of clients until that is over; one whose disk fails goes offline for good, with all its
 * logs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutation.h"
#include "broker/log/checkpoints.h"
#include "broker/log/leavings.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/metadata_mark.h"
#include "broker/log/roster.h"
#include "broker/log/served.h"
#include "broker/log/stray.h"
#include "broker/log/twin.h"
#include "config/config.h"
#include "kafka/meta_properties.h"

enum {
    /* Free bytes that appends leave alone, so that checkpoints, snapshots and deletions still work
     * on a disk that clients have filled. Small enough for a file system of 48 MiB. */
    RESERVE_BYTES = 8 * 1024 * 1024,
    SPACE_ASK_US = 1000 * 1000,
    SPACE_AGAIN_US = 50 * 1000, /* when there was too little */
    /* A flush that takes longer, twice in a row, means a disk that hangs. Busy ones take some
     * hundred milliseconds. */
    HANG_MS = 2000,
    NAME_STEM_MAX = 200 /* of a directory set aside; file names end at 255 bytes */
};

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
    ASSERT(err < 0);
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
    log_turn_add(&manager->turn, NULL);
}

int log_manager_find_dir(const struct log_manager *manager, const char *path, size_t len)
{
    while (len > 1 && path[len - 1] == '/')
        len--;
    for (int i = 0; i < manager->config.dir_count; i++) {
        const char *dir = manager->dirs[i].path;
        if (strlen(dir) == len && memcmp(dir, path, len) == 0)
            return i;
    }
    return -1;
}

struct log_dir_view log_manager_dir_view(const struct log_manager *manager, int i)
{
    ASSERT(i >= 0);
    ASSERT(i < manager->config.dir_count);
    const struct log_dir *dir = &manager->dirs[i];
    return (struct log_dir_view){
        .path = dir->path, .failed = dir->failed, .full = dir->full, .cordoned = dir->cordoned};
}

void log_manager_set_cordoned(struct log_manager *manager, const char *list)
{
    for (int i = 0; i < manager->config.dir_count; i++) {
        struct log_dir *dir = &manager->dirs[i];
        bool cordoned = config_cordons(list, dir->path);
        if (cordoned == dir->cordoned)
            continue;
        dir->cordoned = cordoned;
        logger_info(manager->logger, "log directory %s %s (cordoned.log.dirs)", dir->path,
                    cordoned ? "is cordoned: it gets no new partitions"
                             : "gets new partitions again");
    }
}

bool log_manager_is_cordoned(const struct log_manager *manager)
{
    for (int i = 0; i < manager->config.dir_count; i++)
        if (!manager->dirs[i].failed && !manager->dirs[i].cordoned)
            return false;
    return log_manager_dirs_work(manager);
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
    ASSERT(full != dir->full);
    dir->full = full;
    if (full)
        logger_error(manager->logger,
                     "log directory %s is nearly full, with %" PRId64 " bytes free: clients' "
                     "records are refused until %" PRId64 " are free (log.dir.reserve.bytes). "
                     "Reading and deleting go on. Free space on its disk, shorten the retention "
                     "of topics, or move replicas elsewhere",
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
    const struct log *oldest = manager->jobs.count > 0 ? oldest_flush(dir) : NULL;
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

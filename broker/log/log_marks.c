/* Small empty files whose names say what a start could not tell otherwise. A file system with a
 * journal makes names durable in the order in which they were made, so a marker is on disk whenever
 * what follows it is. Where one does not, a start that misses a marker finds the log damaged, and
 * never takes it for a shorter one.
 *
 * - <offset>.truncated: the log was cut at this offset, below the checkpointed recovery point or
 *   high watermark. It stays until both are lowered. Without it a log that ends there has lost
 *   something.
 * - <base>.after-<size>: when the segment with this base offset was begun, the one before it had
 * this size. It stays until that one is flushed. A segment before it that is larger still has what
 * was cut off; one that is smaller has lost what was never flushed, and the log ends there.
 * - <base>.begin: the log begins here; it stands in for the first segment while that is replaced by
 *   a new file of the same name.
 * - <base>.start: the log begins here because what lay below was deleted. A first segment above it,
 *   and above the checkpointed log start, has lost some before it. It stays, under changing names.
 * - replica.gaps: offsets may be missing between segments. It stays for good: a topic that is not
 *   compacted any more keeps its gaps. */
#include <inttypes.h>

#include "base/mem.h"
#include "broker/log/checkpoints.h"
#include "broker/log/log_manager_private.h"

static char *mark_path(const struct log *log, int64_t offset, const char *suffix)
{
    char name[SEGMENT_NAME_MAX];
    segment_name(offset, suffix, name);
    return mem_printf("%s/%s", log->path, name);
}

static char *after_path(const struct log *log, const struct segment *segment)
{
    char *suffix = mem_printf(".after-%" PRId64, segment->after_size);
    char *path = mark_path(log, segment->base_offset, suffix);
    mem_free(suffix);
    return path;
}

static int mark_make(struct log *log, char *path)
{
    struct env_file *file;
    int rc = env_file_open(log->manager->env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file);
    mem_free(path);
    if (rc == 0)
        env_file_close(file);
    return rc;
}

int log_mark_cut(struct log *log, int64_t offset)
{
    ASSERT(log->entry != NULL);
    if (log->entry->recovery_point <= offset && log->entry->high_watermark <= offset)
        return 0;
    /* A checkpoint that is being written does not know of this cut. */
    log->cut_marker_saved = log->cut_marker_seen = -1;
    log->dir->checkpoint_dirty[CHECKPOINT_RECOVERY_POINT] = true;
    log->dir->checkpoint_dirty[CHECKPOINT_HIGH_WATERMARK] = true;
    if (log->cut_marker >= 0 && log->cut_marker <= offset)
        return 0;
    int rc = mark_make(log, mark_path(log, offset, ".truncated"));
    if (rc < 0)
        return rc;
    if (log->cut_marker >= 0) {
        char *path = mark_path(log, log->cut_marker, ".truncated");
        rc = env_path_remove(log->manager->env, path);
        mem_free(path);
    }
    log->cut_marker = offset;
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

void log_unmark_cut(struct log *log)
{
    if (log->cut_marker < 0 || log->cut_marker != log->cut_marker_saved ||
        log->cut_marker != log->cut_marker_seen)
        return;
    char *path = mark_path(log, log->cut_marker, ".truncated");
    int rc = env_path_remove(log->manager->env, path);
    if (rc < 0 && rc != ERR_NOT_FOUND)
        log_dir_fail(log->dir, rc, "remove", path);
    mem_free(path);
    log->cut_marker = -1;
}

int log_mark_gaps(struct log *log)
{
    if (log->gaps)
        return 0;
    int rc = mark_make(log, mem_printf("%s/" LOG_GAPS_FILE, log->path));
    log->gaps = rc == 0;
    log->sync_dir = true;
    return rc;
}

int log_mark_begin(struct log *log, int64_t offset)
{
    return mark_make(log, mark_path(log, offset, ".begin"));
}

int log_unmark_begin(struct log *log, int64_t offset)
{
    char *path = mark_path(log, offset, ".begin");
    int rc = env_path_remove(log->manager->env, path);
    mem_free(path);
    return rc;
}

/* By renaming the one before, which needs no room: a full disk must not keep what can go. */
int log_mark_start(struct log *log, int64_t offset)
{
    if (offset == log->start_marker || (offset == 0 && log->start_marker < 0))
        return 0;
    char *path = mark_path(log, offset, ".start");
    int rc;
    if (log->start_marker < 0) {
        rc = mark_make(log, path);
    } else {
        char *old = mark_path(log, log->start_marker, ".start");
        rc = env_path_rename(log->manager->env, old, path);
        mem_free(old);
        mem_free(path);
    }
    if (rc == 0)
        log->start_marker = offset;
    return rc;
}

int log_mark_after(struct log *log, struct segment *segment, const struct segment *before)
{
    if (before->end_offset <= log->flushed_offset && !before->trim)
        return 0;
    ASSERT(segment->after_size < 0);
    ASSERT(before->owned);
    ASSERT(before != segment);
    segment->after_size = (int64_t)before->size;
    return mark_make(log, after_path(log, segment));
}

int log_unmark_after(struct log *log, struct segment *segment)
{
    if (segment->after_size < 0)
        return 0;
    char *path = after_path(log, segment);
    int rc = env_path_remove(log->manager->env, path);
    mem_free(path);
    segment->after_size = -1;
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

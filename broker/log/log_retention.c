/* Retention: whole segments go, oldest first, when they are too old or the log is too large.
 * Nothing at or past the high watermark ever goes (a follower or a consumer may still need it). */
#include "base/plural.h"
#include "broker/log/checkpoints.h"
#include "broker/log/log_manager_private.h"

/* Whether all records of the segment are older than the limit. */
static int is_expired(struct log *log, struct segment *segment, int64_t now_ms, bool *expired)
{
    int64_t limit = log->config->retention_ms;
    *expired = false;
    if (limit < 0 || limit == INT64_MAX || segment->size == 0)
        return 0;
    int rc = segment_load_times(segment);
    if (rc < 0)
        return rc;
    int64_t newest = segment->max_timestamp >= 0 ? segment->max_timestamp : segment->created_ms;
    *expired = now_ms - newest > limit;
    return 0;
}

/* How many segments from the first one are over a limit. */
static int count_over(struct log *log, int64_t now_ms, uint32_t *count)
{
    int64_t excess = log->config->retention_bytes < 0 || log->config->retention_bytes == INT64_MAX
                         ? INT64_MIN
                         : log_size(log) - log->config->retention_bytes;
    *count = 0;
    while (*count < log->segment_count) {
        struct segment *segment = log->segments[*count];
        bool last = *count + 1 == log->segment_count;
        bool expired;
        if (segment->end_offset > log->high_watermark || segment->size == 0)
            return 0;
        int rc = is_expired(log, segment, now_ms, &expired);
        if (rc < 0)
            return rc;
        /* By size only as long as the limit is still reached without it; never the active one. */
        bool large = !last && excess >= (int64_t)segment->size;
        if (!expired && !large)
            return 0;
        excess -= excess == INT64_MIN ? 0 : (int64_t)segment->size;
        (*count)++;
    }
    return 0;
}

void log_retain(struct log *log, int64_t now_ms)
{
    uint32_t count = 0;
    if (log_is_offline(log) || !log->config->cleanup_delete || !log_files_ready(log))
        return;
    int rc = count_over(log, now_ms, &count);
    if (rc == 0 && count == log->segment_count)
        rc = log_roll(log, log->end_offset);
    ASSERT(rc < 0 || count < log->segment_count);
    if (rc == 0 && count > 0) {
        int64_t start = log->segments[count]->base_offset;
        logger_info(log->manager->logger, "%s: retention removes %u %s, up to offset %lld",
                    log->path, count, plural(count, "segment", "segments"), (long long)start);
        rc = log_drop_first(log, count);
        if (rc == ERR_NO_SPACE)
            return; /* nothing was begun: the next check does it */
        if (rc == 0 && start > log->start_offset) {
            log->start_offset = start;
            log->dir->checkpoint_dirty[CHECKPOINT_LOG_START] = true;
            epochs_cut_start(&log->epochs, start);
        }
        log_check_state(log);
    }
    /* Of what comes later nothing was begun: the next check does it. */
    if (!log_tell_damage(log, rc) && rc < 0 && !env_is_later(rc))
        log_fail(log, rc, "apply retention to");
}

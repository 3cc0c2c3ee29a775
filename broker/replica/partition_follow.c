/* A replica that follows: what it takes from its leader.
 *
 * Happy path: batches are appended where our log ends, and the leader's offsets are taken over.
 * Failure modes: our log differs from the leader's (it is cut where they agree), or ends outside of
 * it (it begins afresh); a full disk takes no batches, and what the leader deleted goes all the
 * same. */
#include "broker/replica/partition.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mutation.h"
#include "broker/replica/partition_private.h"
#include "kafka/batch.h"

/* Where the log can't begin afresh the watermark stays: else readers were let beyond its ends. */
static int partition_begin_at(struct partition *partition, int64_t offset)
{
    int err = log_reset(partition->log, offset);
    if (!err)
        partition->high_watermark = offset;
    ASSERT(err || log_end_offset(partition->log) == offset);
    return err;
}

/* The leader's log starts in the middle of a batch (DeleteRecords), and an empty log of ours starts
 * there too: batches come whole, so ours has to begin where that one does. Its start follows the
 * leader's again right after. */
static int partition_begin_with(struct partition *partition, const uint8_t *bytes, size_t len)
{
    struct log *log = partition->log;
    struct batch batch;
    int64_t end = log_end_offset(log);
    if (log_start_offset(log) != end || batch_parse_header(bytes, len, &batch) ||
        batch.base_offset >= end || batch_last_offset(&batch) < end)
        return 0;
    return partition_begin_at(partition, batch.base_offset);
}

int partition_replicate(struct partition *partition, uint8_t *bytes, size_t len,
                        const struct partition_leader_view *leader)
{
    ASSERT(partition->log != NULL);
    ASSERT(len == 0 || bytes != NULL);
    ASSERT(partition->state == PARTITION_FOLLOWER);
    struct log *log = partition->log;
    int64_t end_before = log_end_offset(log);
    int refused = 0;
    if (len > 0) {
        struct log_append result;
        if (leader->gap_to > end_before)
            log_expect_gap(log, leader->gap_to);
        int err = partition_begin_with(partition, bytes, len);
        if (err)
            return err;
        err = log_append(log, bytes, len, LOG_FROM_LEADER, partition->leader_epoch, &result);
        if (err && (err != ERR_KAFKA_STORAGE_ERROR || !log_is_full(log)))
            return err;
        refused = err; /* a full disk: what the leader has deleted goes here too */
    }
    int64_t end = log_end_offset(log);
    int64_t reached = leader->high_watermark < end ? leader->high_watermark : end;
    unsigned change = end > end_before ? PARTITION_CHANGED_END : 0u;
    if (reached > partition->high_watermark)
        change |= partition_raise(partition, reached);
    if (leader->log_start_offset > log_start_offset(log) &&
        leader->log_start_offset <= partition->high_watermark) {
        int err = log_advance_start(log, leader->log_start_offset);
        if (err)
            return err;
    }
    /* Also where compaction or a start has moved it before: the leader lets nobody into the in-sync
     * set who could forget a start after a crash. */
    if (log_saved_start(log) < leader->log_start_offset)
        log_save_start(log);
    if (change)
        partition_tell(partition, change);
    ASSERT(partition->high_watermark <= log_end_offset(log));
    return refused;
}

int partition_truncate(struct partition *partition, int32_t epoch, int64_t end_offset)
{
    ASSERT(partition->log != NULL);
    ASSERT(partition->state == PARTITION_FOLLOWER);
    int32_t found;
    int64_t own_end;
    log_end_of_epoch(partition->log, epoch, &found, &own_end);
    int64_t target = MUTATION(CUT_TO_WATERMARK) ? partition->high_watermark : end_offset;
    if (found >= 0 && own_end >= 0 && own_end < target)
        target = own_end;
    if (target > log_end_offset(partition->log))
        target = log_end_offset(partition->log);
    if (target < log_start_offset(partition->log))
        return partition_restart_at(partition, end_offset);
    ASSERT(target <= log_end_offset(partition->log));
    logger_info(partition->deps->logger,
                "%s-%d: cutting from %lld to %lld, where it agrees with the leader's epoch %d",
                partition->topic, partition->index, (long long)log_end_offset(partition->log),
                (long long)target, epoch);
    int err = log_truncate(partition->log, target);
    if (partition->high_watermark > log_end_offset(partition->log))
        partition->high_watermark = log_end_offset(partition->log);
    ASSERT(partition->high_watermark <= log_end_offset(partition->log));
    ASSERT(err || log_end_offset(partition->log) <= target);
    return err;
}

int partition_restart_at(struct partition *partition, int64_t leader_log_start)
{
    ASSERT(partition->log != NULL);
    ASSERT(partition->state == PARTITION_FOLLOWER);
    logger_warn(partition->deps->logger,
                "%s-%d: the leader's log starts at %lld, past our end %lld: starting there afresh",
                partition->topic, partition->index, (long long)leader_log_start,
                (long long)log_end_offset(partition->log));
    int err = partition_begin_at(partition, leader_log_start);
    if (!err)
        log_save_start(partition->log);
    return err;
}

/* What a replica is and has: for other files, in a line for people, and what always holds of it.
 * Nothing can fail. */
#include "broker/replica/partition_private.h"

static void partition_describe_ids(const char *what, const struct image_ids *ids, struct buf *out)
{
    buf_printf(out, "%s", what);
    for (int32_t i = 0; i < ids->count; i++)
        buf_printf(out, "%s%d", i ? "," : " ", ids->ids[i]);
}

bool partition_is_ailing(const struct partition *partition)
{
    return (partition->state != PARTITION_LEADER && partition->state != PARTITION_FOLLOWER) ||
           partition->isr.count < partition->replicas.count;
}

void partition_describe(const struct partition *partition, struct buf *out)
{
    const struct log *log = partition->log;
    buf_printf(out, "%s-%d: %s, led by %d in epoch %d", partition->topic, partition->index,
               partition_state_name(partition->state), partition->leader, partition->leader_epoch);
    partition_describe_ids(", in sync", &partition->isr, out);
    partition_describe_ids(" of", &partition->replicas, out);
    if (log)
        buf_printf(out, ", start %lld, high watermark %lld, durable %lld, end %lld",
                   (long long)log_start_offset(log), (long long)partition->high_watermark,
                   (long long)log_durable_offset(log), (long long)log_end_offset(log));
    if (partition->damaged)
        buf_printf(out, ", damaged");
    if (partition->full_here)
        buf_printf(out, ", disk full");
}

/* ---- facts ---- */

enum partition_state partition_state(const struct partition *partition)
{
    return partition->state;
}

const char *partition_topic(const struct partition *partition)
{
    return partition->topic;
}

const struct uuid *partition_topic_id(const struct partition *partition)
{
    return &partition->topic_id;
}

int32_t partition_index(const struct partition *partition)
{
    return partition->index;
}

int32_t partition_leader(const struct partition *partition)
{
    return partition->leader;
}

int32_t partition_leader_epoch(const struct partition *partition)
{
    return partition->leader_epoch;
}

int64_t partition_high_watermark(const struct partition *partition)
{
    return partition->high_watermark;
}

int64_t partition_last_stable_offset(const struct partition *partition)
{
    ASSERT(partition->log != NULL);
    int64_t stable = log_last_stable_offset(partition->log);
    return stable < partition->high_watermark ? stable : partition->high_watermark;
}

struct log *partition_log(struct partition *partition)
{
    return partition->state == PARTITION_OFFLINE ? NULL : partition->log;
}

/* ---- what holds ---- */

void partition_check(const struct partition *partition)
{
    bool open = partition->state == PARTITION_FOLLOWER || partition->state == PARTITION_LEADER;
    ASSERT(partition->index >= 0);
    ASSERT(partition->leader_epoch >= -1);
    ASSERT(partition->min_insync > 0);
    ASSERT(!open || partition->log != NULL);
    ASSERT(partition->state != PARTITION_OPENING || partition->log == NULL);
    ASSERT(!partition->damaged || partition->state == PARTITION_OFFLINE);
    ASSERT(!partition->damaged || partition->log == NULL);
    ASSERT(partition->remote_count >= 0);
    ASSERT(partition->remote_count <= partition->replicas.count);
    ASSERT(partition->remote_count == 0 || partition->remotes != NULL);
    ASSERT(partition->proposal == PROPOSAL_NONE ||
           partition->proposed.count <= partition->replicas.count);
    ASSERT(partition->proposal == PROPOSAL_NONE || partition->proposed_epochs != NULL);
    ASSERT(partition->epoch_start_offset >= 0);
    ASSERT(partition->joiner_log_start >= 0);
    ASSERT(partition->owner_ops->settle != NULL);
    ASSERT(partition->owner_ops->propose != NULL);
    ASSERT(partition->owner_ops->review != NULL);
    ASSERT(partition->owner_ops->follow != NULL);
    ASSERT(partition->owner_ops->follower_ready != NULL);
    ASSERT(partition->owner_ops->is_current != NULL);
    ASSERT(partition->owner_ops->last_heard_ms != NULL);
}

/* What a replica is and has, in a line for people. Nothing can fail. */
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

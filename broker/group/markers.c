/* Markers of transactions that committed offsets here.
 *
 * Happy path: the marker is appended through the machine of the partition; when it is replicated
 * its replay decides the offsets of the producer, and whoever wrote it hears. Failure modes: the
 * partition is not led here, or loads: the transaction's coordinator looks the leader up and tries
 * again. One that was appended and not seen to be replicated is written once more by the next try,
 * which finds nothing left to decide. */
#include <string.h>

#include "base/err.h"
#include "broker/group/manager_private.h"

/* What a marker's writer knows to try again after: the rest is the log's own answer. */
static int marker_error(int err)
{
    switch (err) {
    case ERR_NOT_COORDINATOR:
    case ERR_COORDINATOR_NOT_AVAILABLE:
    case ERR_COORDINATOR_LOAD_IN_PROGRESS:
        return ERR_NOT_LEADER_OR_FOLLOWER;
    default:
        return err;
    }
}

static void marker_end(struct group_marker *marker, int err)
{
    marker->err = marker_error(err);
    marker->done(marker);
}

static void marker_stored(struct machine_write *write, int err)
{
    marker_end(CONTAINER_OF(write, struct group_marker, write), err);
}

/* Where it is written, or why it can't be. */
static int marker_locate(struct group_manager *manager, int32_t partition, struct shard **shard)
{
    const struct image_topic *topic = image_topic_by_name(
        metadata_image(manager->deps.metadata), GROUP_OFFSETS_TOPIC, strlen(GROUP_OFFSETS_TOPIC));
    if (!topic || !image_partition(topic, partition))
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    *shard = map_get_u64(&manager->shards, (uint32_t)partition);
    return *shard && machine_is_active(&(*shard)->machine) ? 0 : ERR_NOT_COORDINATOR;
}

void group_manager_write_marker(struct group_manager *manager, struct group_marker *marker)
{
    struct shard *shard;
    ASSERT(marker->done != NULL);
    int err = marker_locate(manager, marker->partition, &shard);
    if (!err)
        err = machine_mark(&shard->machine, &marker->marker, marker->bumped, &marker->write,
                           marker_stored);
    if (err)
        marker_end(marker, err);
    else
        txn_guards_break(&shard->guards, marker->marker.producer_id);
}

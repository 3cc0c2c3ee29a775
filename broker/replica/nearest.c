/* The follower near a consumer. Happy path: of those in its rack the one that has most. Failure
 * modes: none is fit, and the consumer stays where it is. A follower out of the in-sync set is not
 * taken, however near: the consumer would fall behind with it. */
#include "broker/replica/nearest.h"

#include <string.h>

#include "broker/replica/isr.h"
#include "broker/replica/partition_private.h"

/* Whether the broker serves, in the consumer's rack, at the listener that it can reach. */
static bool nearest_is_near(const struct partition *partition, int32_t id,
                            const struct partition_read_args *args)
{
    const struct image_broker *broker = image_broker(metadata_image(partition->deps->metadata), id);
    if (!broker || broker->fenced || !broker->rack || strcmp(broker->rack, args->rack) != 0)
        return false;
    for (size_t i = 0; i < broker->endpoint_count; i++)
        if (strcmp(broker->endpoints[i].listener, args->listener) == 0)
            return true;
    return false;
}

/* Whether it has what is asked for and keeps up. */
static bool nearest_is_fit(const struct partition *partition, const struct remote *remote,
                           const struct partition_read_args *args)
{
    return image_ids_have(&partition->isr, remote->id) &&
           !image_ids_have(&partition->offline, remote->id) && remote->end_offset >= args->offset &&
           remote->log_start <= args->offset;
}

/* Kafka's order: who has most, then who had everything last, then the higher id. */
static bool nearest_is_better(const struct remote *remote, const struct remote *than)
{
    if (remote->end_offset != than->end_offset)
        return remote->end_offset > than->end_offset;
    if (remote->caught_up_ms != than->caught_up_ms)
        return remote->caught_up_ms > than->caught_up_ms;
    return remote->id > than->id;
}

bool nearest_find(const struct partition *partition, const struct partition_read_args *args,
                  int32_t *id)
{
    const struct remote *best = NULL;
    ASSERT(args->rack && args->listener);
    ASSERT(args->replica_id < 0);
    if (partition->state != PARTITION_LEADER ||
        nearest_is_near(partition, partition->deps->node_id, args))
        return false;
    for (int32_t i = 0; i < partition->remote_count; i++) {
        const struct remote *remote = &partition->remotes[i];
        if (nearest_is_fit(partition, remote, args) &&
            nearest_is_near(partition, remote->id, args) &&
            (!best || nearest_is_better(remote, best)))
            best = remote;
    }
    if (best)
        *id = best->id;
    return best != NULL;
}

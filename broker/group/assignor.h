/* Server-side assignors of the consumer protocol: who should have which partition. Pure functions.
 *
 * uniform: as even as the subscriptions allow, and as much as possible stays where it is. range:
 * each topic is cut into runs of neighbours, in the order of the members, so that topics of the
 * same size are cut alike. Source: KIP-848, "Server Side Assignor". */
#ifndef BROKER_GROUP_ASSIGNOR_H
#define BROKER_GROUP_ASSIGNOR_H

#include "base/check.h"
#include "broker/group/partition_set.h"
#include "wire/str.h"

struct assignor_topic {
    struct uuid id;
    int32_t partitions;
};

struct assignor_member {
    const char *order;     /* members are ordered by this text: instance id, or member id */
    const int32_t *topics; /* indexes of subscribed topics, rising */
    int32_t topic_count;
    const struct partition_set *before; /* its last target */
    struct partition_set after;         /* the result; initialised by the caller */
};

/* Returns how many elementary steps it took: it runs on the loop, and tests bound them. They grow
 * with partitions, members, and subscriptions of all members together. */
typedef int64_t assignor(const struct assignor_topic *topics, int32_t topic_count,
                         struct assignor_member *members, int32_t member_count);

/* NULL when there is none of that name, or `enabled` ("uniform,range") does not have it. */
assignor *assignor_find(struct wire_str name, const char *enabled);
/* The first of `enabled`; never NULL. */
const char *assignor_default(const char *enabled);

#endif

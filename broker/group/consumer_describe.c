/* ConsumerGroupDescribe: a consumer group with its members, what they have and what they should
 * have. */
#include <string.h>

#include "base/err.h"
#include "broker/group/assignor.h"
#include "broker/group/consumer.h"
#include "broker/group/manager_private.h"

enum { DESCRIBE_CLASSIC = 0, DESCRIBE_CONSUMER = 1 };

typedef struct consumer_group_describe_response_assignment describe_assignment;

static bool describe_set(const struct consumer *consumer, const struct partition_set *set,
                         struct arena *arena, describe_assignment *out)
{
    const struct partition_name *run;
    size_t at = 0;
    size_t count;
    struct consumer_group_describe_response_topic_partitions *to =
        WIRE_ARRAY(arena, &out->topic_partitions, (int32_t)partition_set_topics(set),
                   &consumer_group_describe_response_topic_partitions_desc);
    out->topic_partitions.count = 0;
    while (to && (run = partition_set_next_topic(set, &at, &count))) {
        const struct image_topic *topic =
            image_topic_by_id(group_image(consumer->group), &run->topic_id);
        if (!topic)
            continue; /* deleted; the next heartbeat takes it away */
        to->topic_id = run->topic_id;
        to->topic_name = wire_str_from(topic->name);
        int32_t *partitions = WIRE_ARRAY(arena, &to->partitions, (int32_t)count, NULL);
        for (size_t i = 0; partitions && i < count; i++)
            partitions[i] = run[i].partition;
        if (!partitions)
            return false;
        to++;
        out->topic_partitions.count++;
    }
    return to != NULL;
}

/* What it must still give up is its own as yet. */
static bool describe_assignment_of(const struct consumer_member *member, struct arena *arena,
                                   describe_assignment *out)
{
    struct partition_set has;
    partition_set_init(&has);
    partition_set_copy(&has, &member->assigned);
    partition_set_unite(&has, &member->revoking);
    bool filled = describe_set(member->consumer, &has, arena, out);
    partition_set_close(&has);
    return filled;
}

static bool describe_member(const struct consumer_member *member, struct arena *arena,
                            struct consumer_group_describe_response_member *out)
{
    out->member_id = wire_str_from(member->id);
    out->instance_id = wire_str_from(member->instance_id);
    out->rack_id = wire_str_from(member->rack_id);
    out->member_epoch = member->epoch;
    out->client_id = wire_str_from(member->client_id);
    out->client_host = wire_str_from(member->client_host);
    out->subscribed_topic_regex = wire_str_from(member->pattern ? member->pattern : "");
    out->member_type = member->classic ? DESCRIBE_CLASSIC : DESCRIBE_CONSUMER;
    struct wire_str *names =
        WIRE_ARRAY(arena, &out->subscribed_topic_names, (int32_t)consumer_name_count(member), NULL);
    for (size_t i = 0; names && i < consumer_name_count(member); i++)
        names[i] = wire_str_from(member->list->names[i]);
    return names && describe_assignment_of(member, arena, &out->assignment) &&
           describe_set(member->consumer, &member->target, arena, &out->target_assignment);
}

/* In Kafka's words, which its tools print as they are; null when memory is out. */
static struct wire_str describe_absence(struct wire_str group_id, bool exists, struct arena *arena)
{
    return wire_str_from(arena_printf(
        arena, exists ? "Group %.*s is not a consumer group." : "Group %.*s not found.",
        WIRE_STR_ARGS(group_id)));
}

static int describe_consumer(const struct consumer *consumer, struct arena *arena,
                             struct consumer_group_describe_response_described_group *out)
{
    out->group_state = wire_str_from(consumer_state_name(consumer));
    out->group_epoch = consumer->epoch;
    out->assignment_epoch = consumer->target_epoch;
    out->assignor_name = wire_str_from(consumer_assignor_name(consumer));
    struct consumer_group_describe_response_member *to =
        WIRE_ARRAY(arena, &out->members, consumer->member_count,
                   &consumer_group_describe_response_member_desc);
    if (!to)
        return ERR_UNKNOWN_SERVER_ERROR;
    LIST_EACH(step, &consumer->members)
        if (!describe_member(LIST_ENTRY(step, struct consumer_member, link), arena, to++))
            return ERR_UNKNOWN_SERVER_ERROR;
    return 0;
}

void group_manager_consumer_describe(struct group_manager *manager, struct wire_str group_id,
                                     struct arena *arena,
                                     struct consumer_group_describe_response_described_group *out)
{
    struct shard *shard;
    out->group_id = group_id;
    int err = group_manager_has_consumers(manager)
                  ? group_manager_locate(manager, group_id, false, &shard)
                  : ERR_UNSUPPORTED_VERSION;
    const struct group *group = err ? NULL : shard_find(shard, group_id);
    if (!err && (!group || !group->consumer)) {
        err = ERR_GROUP_ID_NOT_FOUND;
        out->error_message = describe_absence(group_id, group != NULL, arena);
    }
    if (!err)
        err = describe_consumer(group->consumer, arena, out);
    out->error_code = err_to_wire(err);
    if (err)
        out->members.count = 0;
}

/* A group moves between the protocols while it is served (KIP-848, "Upgrading to the new
 * protocol").
 *
 * Upgrade: the first member of the consumer protocol turns a classic group into a consumer group;
 * the generation becomes its epoch, and its members stay with what they have. Downgrade: when the
 * last member of the consumer protocol is gone, the rest are a classic group again: a stable one if
 * everybody has what the group's epoch gives them, otherwise one that rebalances. Failure modes:
 * members whose bytes can't be read, or a policy that forbids it: the request that would migrate is
 * refused. */
#include <string.h>

#include "base/err.h"
#include "broker/group/consumer.h"
#include "broker/group/subscription.h"

enum { MIGRATE_MEMBER_BYTES = 100 }; /* of a record's member, besides its words */

/* ---- names and ids ---- */

static void migrate_add_names(const struct group *group, struct partition_set *set,
                              struct wire_str topic, const int32_t *partitions, int32_t count)
{
    const struct image_topic *known =
        image_topic_by_name(group_image(group), topic.data, (size_t)topic.len);
    for (int32_t i = 0; known && i < count; i++)
        if (partitions[i] >= 0 && partitions[i] < known->partition_count)
            partition_set_add(set, &known->id, partitions[i]);
}

static int migrate_read_assignment(const struct group *group, struct wire_bytes bytes,
                                   struct partition_set *set)
{
    struct consumer_protocol_assignment assignment;
    struct arena arena;
    arena_init(&arena, CONSUMER_ARENA_MAX);
    int err = subscription_read_assignment(bytes, &arena, &assignment);
    /* What another assignor put there would be lost: nobody could hand it on. */
    if (!err && assignment.user_data.len > 0)
        err = ERR_UNSUPPORTED_ASSIGNOR;
    for (int32_t i = 0; !err && i < assignment.assigned_partitions.count; i++) {
        const struct consumer_protocol_assignment_topic_partition *topic =
            &assignment.assigned_partitions.items[i];
        migrate_add_names(group, set, topic->topic, topic->partitions.items,
                          topic->partitions.count);
    }
    arena_close(&arena);
    return err;
}

int consumer_write_assignment(const struct consumer_member *member, struct buf *out)
{
    const struct image *image = group_image(member->consumer->group);
    struct consumer_protocol_assignment assignment;
    const struct partition_name *run;
    struct wire_out bytes;
    struct arena arena;
    size_t at = 0;
    size_t count;
    arena_init(&arena, CONSUMER_ARENA_MAX);
    wire_out_init(&bytes);
    wire_defaults(&consumer_protocol_assignment_desc, &assignment);
    struct consumer_protocol_assignment_topic_partition *to = WIRE_ARRAY(
        &arena, &assignment.assigned_partitions, (int32_t)partition_set_topics(&member->assigned),
        &consumer_protocol_assignment_topic_partition_desc);
    assignment.assigned_partitions.count = 0;
    while (to && (run = partition_set_next_topic(&member->assigned, &at, &count))) {
        const struct image_topic *topic = image_topic_by_id(image, &run->topic_id);
        if (!topic)
            continue;
        to->topic = wire_str_from(topic->name);
        int32_t *partitions = WIRE_ARRAY(&arena, &to->partitions, (int32_t)count, NULL);
        for (size_t i = 0; partitions && i < count; i++)
            partitions[i] = run[i].partition;
        to++;
        assignment.assigned_partitions.count++;
    }
    int16_t version = subscription_version(
        member->protocols.count > 0 ? member->protocols.items[0].metadata : (struct wire_bytes){0});
    wire_put_i16(&bytes, (uint16_t)version);
    int err = to ? wire_encode(&consumer_protocol_assignment_desc, version, &assignment, &bytes)
                 : ERR_NO_MEMORY;
    if (!err)
        err = buf_append(out, bytes.memory.data, bytes.memory.len);
    wire_out_close(&bytes);
    arena_close(&arena);
    return err;
}

int consumer_read_subscription(const struct group *group, const struct classic_protocols *protocols,
                               struct arena *arena,
                               struct consumer_protocol_subscription *subscription,
                               struct partition_set *owned)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < protocols->count; i++)
        bytes += (size_t)protocols->items[i].name.len + (size_t)protocols->items[i].metadata.len;
    if (bytes > CONSUMER_WORDS_MAX)
        return ERR_INVALID_REQUEST;
    if (protocols->count == 0 ||
        subscription_read(protocols->items[0].metadata, arena, subscription))
        return ERR_MALFORMED;
    for (int32_t i = 0; i < subscription->owned_partitions.count; i++) {
        const struct consumer_protocol_subscription_topic_partition *topic =
            &subscription->owned_partitions.items[i];
        migrate_add_names(group, owned, topic->topic, topic->partitions.items,
                          topic->partitions.count);
    }
    return 0;
}

/* ---- upgrade ---- */

static int upgrade_member(struct consumer *consumer, struct classic_member *from)
{
    struct consumer_protocol_subscription subscription;
    struct arena arena;
    struct partition_set ignored;
    struct consumer_member *member = consumer_member_new(consumer, wire_str_from(from->id));
    consumer_set_classic(member, true);
    consumer_set_instance(member, wire_str_from(from->instance_id));
    consumer_set_text(&member->client_id, wire_str_from(from->client_id));
    consumer_set_text(&member->client_host, wire_str_from(from->client_host));
    member->session_ms = from->session_ms;
    member->rebalance_ms = from->rebalance_ms;
    member->epoch = member->previous_epoch = consumer->epoch;
    arena_init(&arena, CONSUMER_ARENA_MAX);
    partition_set_init(&ignored);
    int err = consumer_read_subscription(consumer->group, &from->protocols, &arena, &subscription,
                                         &ignored);
    if (!err)
        consumer_set_topics(member, subscription.topics.items, subscription.topics.count);
    if (!err)
        err = migrate_read_assignment(consumer->group, from->assignment, &member->assigned);
    partition_set_copy(&member->target, &member->assigned);
    partition_set_close(&ignored);
    arena_close(&arena);
    if (err)
        return err;
    member->protocols = from->protocols; /* moves over */
    from->protocols = (struct classic_protocols){0};
    return 0;
}

/* NULL, or why not: the end of a sentence, in Kafka's words where it has some. */
static const char *upgrade_obstacle(const struct group *group)
{
    const struct classic *classic = group->classic;
    if (!(group_settings(group)->migration & GROUP_MIGRATION_UPGRADE))
        return "online upgrade is disabled";
    if (!classic->protocol_type || strcmp(classic->protocol_type, SUBSCRIPTION_TYPE) != 0)
        return "the group does not use the consumer embedded protocol";
    return classic->member_count < group_settings(group)->consumer_max_size
               ? NULL
               : "the group size exceeds the consumer group maximum size";
}

static const char *upgrade_reason(int err)
{
    switch (err) {
    case ERR_UNSUPPORTED_ASSIGNOR:
        return "an unsupported custom assignor is in use. Please refer to the documentation or "
               "switch to a default assignor before re-attempting the upgrade";
    case ERR_MALFORMED:
        return "the embedded consumer protocol is malformed";
    default:
        return "what one of its members says or has is too much for a record";
    }
}

/* They may be several batches, of which a new coordinator may find the first ones only: as long as
 * the classic group's tombstone is missing, it is the classic group still (replay.c). */
static void upgrade_put(const struct consumer *consumer, struct records *records)
{
    LIST_EACH(step, &consumer->members)
        consumer_put_member(LIST_ENTRY(step, struct consumer_member, link), records);
    consumer_put_group(consumer, records);
    LIST_EACH(step, &consumer->members)
        consumer_put_target(LIST_ENTRY(step, struct consumer_member, link), records);
    consumer_put_target_epoch(consumer, records);
    LIST_EACH(step, &consumer->members)
        consumer_put_current(LIST_ENTRY(step, struct consumer_member, link), records);
    group_records_put_group(records, group_id(consumer->group), NULL);
}

/* Who waits in a join or sync is told that there is a rebalance, and asks again. */
static int upgrade_members(struct consumer *consumer, struct classic *classic)
{
    LIST_EACH(step, &classic->members) {
        struct classic_member *from = LIST_ENTRY(step, struct classic_member, link);
        struct classic_protocols kept = from->protocols;
        int err = upgrade_member(consumer, from);
        if (err) {
            from->protocols = kept;
            return err;
        }
    }
    return consumer_targets_fit(consumer) ? 0 : ERR_TOO_LARGE;
}

/* Members go back to the classic group when one of them can't be taken. */
static void upgrade_undo(struct consumer *consumer, struct classic *classic)
{
    LIST_EACH(step, &classic->members) {
        struct classic_member *to = LIST_ENTRY(step, struct classic_member, link);
        struct consumer_member *member = consumer_find(consumer, wire_str_from(to->id));
        if (member && to->protocols.count == 0) {
            to->protocols = member->protocols;
            member->protocols = (struct classic_protocols){0};
        }
    }
    consumer_free(consumer);
}

const char *consumer_upgrade(struct group *group, struct records *records)
{
    struct classic *classic = group->classic;
    const char *obstacle = upgrade_obstacle(group);
    if (obstacle)
        return obstacle;
    struct consumer *consumer = consumer_new(group);
    consumer->epoch = consumer->target_epoch = classic->generation;
    int err = upgrade_members(consumer, classic);
    if (err) {
        upgrade_undo(consumer, classic);
        return upgrade_reason(err);
    }
    logger_info(group_logger(group), "group %s: upgrades to the consumer protocol, %d members",
                group->id, classic->member_count);
    /* Its rebalance ends with it, so that the broker shares out what that should have: members may
     * not have all of it, and nobody need ask for anything else. */
    if (classic->member_count > 0 && classic->state != CLASSIC_STABLE)
        consumer->epoch++;
    group->consumer = consumer;
    group->classic = NULL;
    classic_free(classic, ERR_REBALANCE_IN_PROGRESS);
    consumer_check_topics(consumer, true, NULL);
    upgrade_put(consumer, records);
    LIST_EACH(step, &consumer->members)
        consumer_touch(LIST_ENTRY(step, struct consumer_member, link));
    return NULL;
}

/* ---- downgrade ---- */

static int downgrade_member(struct classic *classic, struct consumer_member *from)
{
    struct buf bytes;
    struct classic_member *member =
        classic_member_new(classic, wire_str_from(from->id), wire_str_from(from->instance_id),
                           wire_str_from(from->client_id), from->client_host);
    member->session_ms = from->session_ms;
    member->rebalance_ms = from->rebalance_ms;
    member->synced = true;
    buf_init(&bytes);
    int err = consumer_write_assignment(from, &bytes);
    if (!err)
        classic_set_assignment(member, (struct wire_bytes){bytes.data, (int32_t)bytes.len});
    buf_close(&bytes);
    struct classic_protocols none = classic_set_protocols(member, from->protocols);
    ASSERT(none.count == 0);
    from->protocols = (struct classic_protocols){0};
    return err;
}

/* Whether the classic group's one record can hold all members. */
static bool downgrade_fits(const struct consumer *consumer)
{
    const struct image *image = group_image(consumer->group);
    size_t bytes = 0;
    LIST_EACH(step, &consumer->members) {
        const struct consumer_member *member = LIST_ENTRY(step, struct consumer_member, link);
        const struct partition_name *run;
        size_t longest = 0;
        size_t at = 0;
        size_t count;
        for (int32_t i = 0; i < member->protocols.count; i++)
            if ((size_t)member->protocols.items[i].metadata.len > longest)
                longest = (size_t)member->protocols.items[i].metadata.len;
        bytes += longest + strlen(member->id) + strlen(member->client_id) +
                 strlen(member->client_host) + MIGRATE_MEMBER_BYTES +
                 (member->instance_id ? strlen(member->instance_id) : 0);
        while ((run = partition_set_next_topic(&member->assigned, &at, &count))) {
            const struct image_topic *topic = image_topic_by_id(image, &run->topic_id);
            bytes += count * sizeof(int32_t) + (topic ? strlen(topic->name) + 8 : 0);
        }
    }
    return bytes <= group_record_max(consumer->group);
}

/* Everybody has what the group's epoch gives them. Kafka asks only whether the assignment is that
 * of the epoch; but two members would have a partition that one of them has yet to give up. */
static bool downgrade_is_settled(const struct consumer *consumer)
{
    if (consumer->epoch != consumer->target_epoch)
        return false;
    LIST_EACH(step, &consumer->members) {
        const struct consumer_member *member = LIST_ENTRY(step, struct consumer_member, link);
        if (member->revoking.count > 0 || !partition_set_equal(&member->assigned, &member->target))
            return false;
    }
    return true;
}

bool consumer_try_downgrade(struct consumer *consumer, bool stable, struct records *records)
{
    struct group *group = consumer->group;
    if (consumer->classic_count == 0 || consumer->classic_count < consumer->member_count ||
        consumer->member_count > group_settings(group)->max_size ||
        !(group_settings(group)->migration & GROUP_MIGRATION_DOWNGRADE) ||
        !downgrade_fits(consumer))
        return false;
    stable = stable && downgrade_is_settled(consumer);
    struct classic *classic = classic_new(group);
    logger_info(group_logger(group), "group %s: goes back to the classic protocol, %d members",
                group->id, consumer->member_count);
    classic->generation = consumer->epoch;
    classic->protocol_type = mem_strdup(SUBSCRIPTION_TYPE);
    LIST_EACH(step, &consumer->members) {
        struct consumer_member *member = LIST_ENTRY(step, struct consumer_member, link);
        if (downgrade_member(classic, member))
            logger_warn(group_logger(group),
                        "group %s: what member %s has could not be written down", group->id,
                        member->id);
    }
    classic->protocol = wire_str_dup(classic_vote(classic));
    classic_move(classic, CLASSIC_STABLE);
    classic->stored = true;
    /* Somebody must share out what nobody has yet. The record without a leader tells that to a
     * coordinator that loads it before it has happened. */
    if (!stable)
        classic->leader = NULL;
    group->consumer = NULL;
    group->classic = classic;
    /* In this order: as long as both are there, it is the classic group (replay.c). */
    classic_put_record(classic, records);
    consumer_put_tombstones(consumer, records);
    consumer_free(consumer);
    classic_start(classic);
    return true;
}

/* The records of a consumer group, out and in. */
#include <string.h>

#include "base/err.h"
#include "broker/group/consumer.h"

typedef struct consumer_group_target_assignment_member_value_topic_partition target_topic;
typedef struct consumer_group_current_member_assignment_value_topic_partitions current_topic;

/* The list of partitions of one run of a set, in the arena. */
static int32_t *records_partitions(struct arena *arena, const struct partition_name *run,
                                   size_t count)
{
    int32_t *partitions = arena_alloc_array(arena, count ? count : 1, sizeof(*partitions));
    for (size_t i = 0; partitions && i < count; i++)
        partitions[i] = run[i].partition;
    return partitions;
}

enum { CONSUMER_RECORD_ARENA_MAX = 64 << 20 }; /* a record that large would not fit a batch */

/* ---- out ---- */

void consumer_put_group(const struct consumer *consumer, struct records *records)
{
    struct consumer_group_metadata_key key = {.group_id = group_id(consumer->group)};
    struct consumer_group_metadata_value value = {.epoch = consumer->epoch,
                                                  .metadata_hash = consumer->metadata_hash};
    records_put(records, RECORD_CONSUMER_GROUP, &consumer_group_metadata_key_desc, &key, 0,
                &consumer_group_metadata_value_desc, &value);
}

static bool member_fill_classic(const struct consumer_member *member, struct arena *arena,
                                struct consumer_group_member_metadata_value *value)
{
    if (!member->classic)
        return true;
    value->classic_member_metadata =
        wire_struct_new(arena, &consumer_group_member_metadata_value_classic_member_metadata_desc);
    if (!value->classic_member_metadata)
        return false;
    value->classic_member_metadata->session_timeout_ms = member->session_ms;
    struct consumer_group_member_metadata_value_classic_protocol *out = WIRE_ARRAY(
        arena, &value->classic_member_metadata->supported_protocols, member->protocols.count,
        &consumer_group_member_metadata_value_classic_protocol_desc);
    for (int32_t i = 0; out && i < member->protocols.count; i++) {
        out[i].name = member->protocols.items[i].name;
        out[i].metadata = member->protocols.items[i].metadata;
    }
    return out != NULL;
}

void consumer_put_member(const struct consumer_member *member, struct records *records)
{
    struct consumer_group_member_metadata_key key = {.group_id = group_id(member->consumer->group),
                                                     .member_id = wire_str_from(member->id)};
    struct consumer_group_member_metadata_value value;
    struct arena arena;
    arena_init(&arena, CONSUMER_RECORD_ARENA_MAX);
    wire_defaults(&consumer_group_member_metadata_value_desc, &value);
    value.classic_member_metadata = NULL;
    value.instance_id = wire_str_from(member->instance_id);
    value.rack_id = wire_str_from(member->rack_id);
    value.client_id = wire_str_from(member->client_id);
    value.client_host = wire_str_from(member->client_host);
    value.subscribed_topic_regex = wire_str_from(member->pattern);
    value.server_assignor = wire_str_from(member->assignor);
    value.rebalance_timeout_ms = member->rebalance_ms;
    struct wire_str *names = WIRE_ARRAY(&arena, &value.subscribed_topic_names,
                                        (int32_t)consumer_name_count(member), NULL);
    for (size_t i = 0; names && i < consumer_name_count(member); i++)
        names[i] = wire_str_from(member->list->names[i]);
    if (!names || !member_fill_classic(member, &arena, &value))
        records->err = ERR_TOO_LARGE;
    records_put(records, RECORD_CONSUMER_MEMBER, &consumer_group_member_metadata_key_desc, &key, 0,
                &consumer_group_member_metadata_value_desc, &value);
    arena_close(&arena);
}

void consumer_put_target_epoch(const struct consumer *consumer, struct records *records)
{
    struct consumer_group_target_assignment_metadata_key key = {.group_id =
                                                                    group_id(consumer->group)};
    struct consumer_group_target_assignment_metadata_value value = {
        .assignment_epoch = consumer->target_epoch, .assignment_timestamp = consumer->target_ms};
    records_put(records, RECORD_CONSUMER_TARGET,
                &consumer_group_target_assignment_metadata_key_desc, &key, 0,
                &consumer_group_target_assignment_metadata_value_desc, &value);
}

void consumer_put_target(const struct consumer_member *member, struct records *records)
{
    struct consumer_group_target_assignment_member_key key = {
        .group_id = group_id(member->consumer->group), .member_id = wire_str_from(member->id)};
    struct consumer_group_target_assignment_member_value value = {0};
    const struct partition_name *run;
    struct arena arena;
    size_t at = 0;
    size_t count;
    arena_init(&arena, CONSUMER_RECORD_ARENA_MAX);
    target_topic *out =
        WIRE_ARRAY(&arena, &value.topic_partitions, (int32_t)partition_set_topics(&member->target),
                   &consumer_group_target_assignment_member_value_topic_partition_desc);
    for (; out && (run = partition_set_next_topic(&member->target, &at, &count)); out++) {
        out->topic_id = run->topic_id;
        out->partitions.items = records_partitions(&arena, run, count);
        out->partitions.count = out->partitions.items ? (int32_t)count : 0;
    }
    records_put(records, RECORD_CONSUMER_TARGET_MEMBER,
                &consumer_group_target_assignment_member_key_desc, &key, 0,
                &consumer_group_target_assignment_member_value_desc, &value);
    arena_close(&arena);
}

static current_topic *current_fill(struct arena *arena, const struct partition_set *set,
                                   int32_t *topics)
{
    struct {
        int32_t count;
        current_topic *items;
    } array;
    const struct partition_name *run;
    size_t at = 0;
    size_t count;
    current_topic *out =
        WIRE_ARRAY(arena, &array, (int32_t)partition_set_topics(set),
                   &consumer_group_current_member_assignment_value_topic_partitions_desc);
    for (; out && (run = partition_set_next_topic(set, &at, &count)); out++) {
        out->topic_id = run->topic_id;
        out->partitions.items = records_partitions(arena, run, count);
        out->partitions.count = out->partitions.items ? (int32_t)count : 0;
        out->assignment_epochs.count = -1;
    }
    *topics = array.count;
    return array.items;
}

void consumer_put_current(const struct consumer_member *member, struct records *records)
{
    struct consumer_group_current_member_assignment_key key = {
        .group_id = group_id(member->consumer->group), .member_id = wire_str_from(member->id)};
    struct consumer_group_current_member_assignment_value value;
    struct arena arena;
    arena_init(&arena, CONSUMER_RECORD_ARENA_MAX);
    wire_defaults(&consumer_group_current_member_assignment_value_desc, &value);
    value.member_epoch = member->epoch;
    value.previous_member_epoch = member->previous_epoch;
    value.state = (int8_t)member->state;
    value.assigned_partitions.items =
        current_fill(&arena, &member->assigned, &value.assigned_partitions.count);
    value.partitions_pending_revocation.items =
        current_fill(&arena, &member->revoking, &value.partitions_pending_revocation.count);
    records_put(records, RECORD_CONSUMER_CURRENT,
                &consumer_group_current_member_assignment_key_desc, &key, 0,
                &consumer_group_current_member_assignment_value_desc, &value);
    arena_close(&arena);
}

void consumer_put_member_gone(const struct consumer_member *member, struct records *records)
{
    /* The three keys have the same layout. */
    struct consumer_group_member_metadata_key key = {.group_id = group_id(member->consumer->group),
                                                     .member_id = wire_str_from(member->id)};
    static const enum record_type types[] = {RECORD_CONSUMER_CURRENT, RECORD_CONSUMER_TARGET_MEMBER,
                                             RECORD_CONSUMER_MEMBER};
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        records_put(records, types[i], &consumer_group_member_metadata_key_desc, &key, 0, NULL,
                    NULL);
}

void consumer_put_tombstones(const struct consumer *consumer, struct records *records)
{
    struct consumer_group_metadata_key key = {.group_id = group_id(consumer->group)};
    LIST_EACH(step, &consumer->members)
        consumer_put_member_gone(LIST_ENTRY(step, struct consumer_member, link), records);
    records_put(records, RECORD_CONSUMER_TARGET, &consumer_group_metadata_key_desc, &key, 0, NULL,
                NULL);
    records_put(records, RECORD_CONSUMER_GROUP, &consumer_group_metadata_key_desc, &key, 0, NULL,
                NULL);
}

/* ---- in ---- */

static struct consumer *replay_consumer(struct shard *shard, struct wire_str id, bool make)
{
    struct group *group = make ? shard_group(shard, id) : shard_find(shard, id);
    if (group && !group->consumer && make)
        group->consumer = consumer_new(group);
    return group ? group->consumer : NULL;
}

/* A member may be heard of before the record that says who it is: compaction keeps the newest of
 * each key where it stands. */
static struct consumer_member *replay_member(struct shard *shard, struct wire_bytes key_bytes,
                                             bool make)
{
    struct consumer_group_member_metadata_key key;
    if (records_read_key(key_bytes, &consumer_group_member_metadata_key_desc, &key))
        return NULL;
    struct consumer *consumer = replay_consumer(shard, key.group_id, make);
    struct consumer_member *member = consumer ? consumer_find(consumer, key.member_id) : NULL;
    if (!member && consumer && make) {
        member = consumer_member_new(consumer, key.member_id);
        member->placeholder = true;
    }
    return member;
}

static void replay_group_epoch(struct shard *shard, struct wire_bytes key_bytes,
                               struct wire_bytes bytes)
{
    struct consumer_group_metadata_key key;
    struct consumer_group_metadata_value value;
    if (records_read_key(key_bytes, &consumer_group_metadata_key_desc, &key))
        return;
    if (bytes.len < 0) {
        struct group *group = shard_find(shard, key.group_id);
        if (group && group->consumer) {
            consumer_free(group->consumer);
            group->consumer = NULL;
        }
        return;
    }
    if (machine_read_value(&shard->machine, bytes, &consumer_group_metadata_value_desc, NULL,
                           &value))
        return;
    struct consumer *consumer = replay_consumer(shard, key.group_id, true);
    ASSERT(consumer); /* it is made when it is not there */
    consumer->epoch = value.epoch;
    consumer->metadata_hash = value.metadata_hash;
}

static void replay_member_classic(
    struct shard *shard, struct consumer_member *member,
    const struct consumer_group_member_metadata_value_classic_member_metadata *from)
{
    struct join_group_request request;
    struct group_join join = {.request = &request};
    struct arena arena;
    consumer_set_classic(member, from != NULL);
    if (!from)
        return;
    arena_init(&arena, CONSUMER_RECORD_ARENA_MAX);
    wire_defaults(&join_group_request_desc, &request);
    member->session_ms = from->session_timeout_ms;
    struct join_group_request_join_group_request_protocol *out =
        WIRE_ARRAY(&arena, &request.protocols, from->supported_protocols.count,
                   &join_group_request_join_group_request_protocol_desc);
    for (int32_t i = 0; out && i < from->supported_protocols.count; i++) {
        out[i].name = from->supported_protocols.items[i].name;
        out[i].metadata = from->supported_protocols.items[i].metadata;
    }
    classic_protocols_free(&member->protocols);
    if (!out || classic_protocols_copy(&member->protocols, &join)) {
        member->protocols = (struct classic_protocols){0};
        machine_starve(&shard->machine);
    }
    arena_close(&arena);
}

static void replay_member_metadata(struct shard *shard, struct wire_bytes key,
                                   struct wire_bytes bytes, struct arena *arena)
{
    struct consumer_group_member_metadata_value value;
    struct consumer_member *member = replay_member(shard, key, bytes.len >= 0);
    if (bytes.len < 0) {
        if (member)
            consumer_member_free(member);
        return;
    }
    if (!member || machine_read_value(&shard->machine, bytes,
                                      &consumer_group_member_metadata_value_desc, arena, &value))
        return;
    member->placeholder = false;
    consumer_set_instance(member, value.instance_id);
    consumer_set_text(&member->rack_id, value.rack_id);
    consumer_set_text(&member->client_id, value.client_id);
    consumer_set_text(&member->client_host, value.client_host);
    consumer_set_text(&member->assignor, value.server_assignor);
    consumer_set_topics(member, value.subscribed_topic_names.items,
                        value.subscribed_topic_names.count);
    consumer_set_pattern(member, value.subscribed_topic_regex);
    member->rebalance_ms = value.rebalance_timeout_ms;
    replay_member_classic(shard, member, value.classic_member_metadata);
}

static void replay_target_epoch(struct shard *shard, struct wire_bytes key_bytes,
                                struct wire_bytes bytes)
{
    struct consumer_group_target_assignment_metadata_key key;
    struct consumer_group_target_assignment_metadata_value value = {0};
    if (records_read_key(key_bytes, &consumer_group_target_assignment_metadata_key_desc, &key))
        return;
    if (bytes.len >= 0 &&
        machine_read_value(&shard->machine, bytes,
                           &consumer_group_target_assignment_metadata_value_desc, NULL, &value))
        return;
    struct consumer *consumer = replay_consumer(shard, key.group_id, bytes.len >= 0);
    if (!consumer)
        return;
    consumer->target_epoch = value.assignment_epoch;
    consumer->target_ms = value.assignment_timestamp;
}

static void replay_target(struct shard *shard, struct wire_bytes key, struct wire_bytes bytes,
                          struct arena *arena)
{
    struct consumer_group_target_assignment_member_value value = {0};
    struct consumer_member *member = replay_member(shard, key, bytes.len >= 0);
    if (!member ||
        (bytes.len >= 0 &&
         machine_read_value(&shard->machine, bytes,
                            &consumer_group_target_assignment_member_value_desc, arena, &value)))
        return;
    partition_set_clear(&member->target);
    for (int32_t i = 0; i < value.topic_partitions.count; i++) {
        const target_topic *topic = &value.topic_partitions.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++)
            partition_set_add(&member->target, &topic->topic_id, topic->partitions.items[j]);
    }
}

static void replay_set(struct partition_set *set, const current_topic *topics, int32_t count)
{
    partition_set_clear(set);
    for (int32_t i = 0; i < count; i++)
        for (int32_t j = 0; j < topics[i].partitions.count; j++)
            partition_set_add(set, &topics[i].topic_id, topics[i].partitions.items[j]);
}

static void replay_current(struct shard *shard, struct wire_bytes key, struct wire_bytes bytes,
                           struct arena *arena)
{
    struct consumer_group_current_member_assignment_value value = {0};
    struct consumer_member *member = replay_member(shard, key, bytes.len >= 0);
    if (!member ||
        (bytes.len >= 0 &&
         machine_read_value(&shard->machine, bytes,
                            &consumer_group_current_member_assignment_value_desc, arena, &value)))
        return;
    member->epoch = value.member_epoch;
    member->previous_epoch = value.previous_member_epoch;
    bool waits = value.state == CONSUMER_UNREVOKED || value.state == CONSUMER_UNRELEASED;
    consumer_member_move(member, waits ? (enum consumer_member_state)value.state : CONSUMER_STABLE);
    replay_set(&member->assigned, value.assigned_partitions.items, value.assigned_partitions.count);
    replay_set(&member->revoking, value.partitions_pending_revocation.items,
               value.partitions_pending_revocation.count);
}

/* Since when an empty group is empty is in no record: it is not before its newest one. */
static void replay_time(struct shard *shard, struct wire_bytes key_bytes, int64_t wall_ms)
{
    struct consumer_group_metadata_key key;
    if (records_read_key(key_bytes, &consumer_group_metadata_key_desc, &key))
        return;
    struct consumer *consumer = replay_consumer(shard, key.group_id, false);
    if (consumer)
        consumer->empty_since_ms = wall_ms;
}

void consumer_replay(struct shard *shard, int type, struct wire_bytes key, struct wire_bytes value,
                     int64_t wall_ms, struct arena *arena)
{
    switch (type) {
    case RECORD_CONSUMER_GROUP:
        replay_group_epoch(shard, key, value);
        break;
    case RECORD_CONSUMER_MEMBER:
        replay_member_metadata(shard, key, value, arena);
        break;
    case RECORD_CONSUMER_TARGET:
        replay_target_epoch(shard, key, value);
        break;
    case RECORD_CONSUMER_TARGET_MEMBER:
        replay_target(shard, key, value, arena);
        break;
    case RECORD_CONSUMER_CURRENT:
        replay_current(shard, key, value, arena);
        break;
    default:
        return; /* topics and patterns are read off the metadata again */
    }
    replay_time(shard, key, wall_ms);
}

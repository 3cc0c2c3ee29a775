/* Reading a shard back: each record changes the memory as it once did. Transactional commits wait
 * until the marker of their transaction comes (KIP-98, KIP-447). Failure modes: a record that does
 * not decode is skipped, as it can't have been ours; one that memory was out for ends the load. */
#include "broker/group/replay.h"

#include "base/err.h"
#include "broker/group/classic.h"
#include "broker/group/consumer.h"
#include "broker/group/group.h"
#include "broker/group/write.h"

enum { REPLAY_ARENA_MAX = 64 << 20 /* arrays of one record */ };

struct replay {
    struct shard *shard;
    const struct batch *batch;
    struct arena arena;
};

static void replay_txn_ended(void *data, int64_t producer_id)
{
    struct group *group = data;
    open_txns_remove(&group->shard->open_txns, producer_id, group);
}

/* What transactions commit of it goes as well, as in Kafka: the tombstone is the younger record. */
static void replay_delete_offset(struct group *group, struct wire_str topic, int32_t partition)
{
    offsets_delete(&group->offsets, topic, partition);
    offsets_drop_pending(&group->offsets, topic, partition, replay_txn_ended, group);
    group_charge_offsets(group);
}

static void replay_offset(struct replay *replay, const struct record *record)
{
    struct shard *shard = replay->shard;
    struct offset_commit_key key;
    struct offset_commit_value value;
    struct wire_bytes bytes = record->value;
    if (records_read_key(record->key, &offset_commit_key_desc, &key))
        return;
    if (bytes.len < 0) {
        struct group *group = shard_find(shard, key.group);
        if (group)
            replay_delete_offset(group, key.topic, key.partition);
        return;
    }
    if (machine_read_value(&shard->machine, bytes, &offset_commit_value_desc, &replay->arena,
                           &value))
        return;
    struct offset offset = {.topic_id = value.topic_id,
                            .offset = value.offset,
                            .leader_epoch = value.leader_epoch,
                            .record_offset = batch_record_offset(replay->batch, record),
                            .commit_ms = value.commit_timestamp,
                            .expire_ms = value.expire_timestamp,
                            .metadata = value.metadata};
    struct group *group = shard_group(shard, key.group);
    int64_t producer_id = replay->batch->producer_id;
    if (!batch_is_transactional(replay->batch))
        offsets_set(&group->offsets, key.topic, key.partition, &offset);
    else if (offsets_set_pending(&group->offsets, producer_id, key.topic, key.partition, &offset))
        open_txns_add(&shard->open_txns, producer_id, group);
    group_charge_offsets(group);
}

static void replay_drop_classic(struct group *group)
{
    if (group->classic)
        classic_free(group->classic, ERR_UNKNOWN_MEMBER_ID);
    group->classic = NULL;
}

static void replay_group(struct replay *replay, struct wire_bytes key_bytes,
                         struct wire_bytes bytes)
{
    struct shard *shard = replay->shard;
    struct group_metadata_key key;
    struct group_metadata_value value;
    if (records_read_key(key_bytes, &group_metadata_key_desc, &key))
        return;
    struct group *group = shard_find(shard, key.group);
    if (bytes.len < 0) {
        if (group)
            replay_drop_classic(group);
        return;
    }
    if (machine_read_value(&shard->machine, bytes, &group_metadata_value_desc, &replay->arena,
                           &value))
        return;
    group = shard_group(shard, key.group);
    replay_drop_classic(group);
    group->classic = classic_new(group);
    int err = classic_load(group->classic, &value);
    if (err)
        replay_drop_classic(group);
    if (err == ERR_NO_MEMORY)
        machine_starve(&shard->machine);
}

static void replay_data(struct replay *replay, const struct record *record)
{
    /* Members are as they are: memory was changed when the record was appended. */
    bool loading = !machine_is_active(&replay->shard->machine);
    int type = records_type(record->key);
    switch (type) {
    case RECORD_OFFSET_OLD:
    case RECORD_OFFSET:
        replay_offset(replay, record);
        break;
    case RECORD_GROUP:
        if (loading)
            replay_group(replay, record->key, record->value);
        break;
    default:
        if (loading)
            consumer_replay(replay->shard, type, record->key, record->value,
                            replay->batch->max_timestamp, &replay->arena);
        break;
    }
}

/* The end of a transaction that committed offsets here. */
static void replay_marker(struct replay *replay)
{
    struct txn_marker marker;
    struct open_txns *txns = &replay->shard->open_txns;
    int64_t producer_id = replay->batch->producer_id;
    struct group *group;
    size_t cursor = 0;
    if (txn_marker_read(replay->batch, &marker) != 1)
        return;
    struct map *groups = open_txns_take(txns, producer_id);
    while (groups && (group = map_next(groups, &cursor, NULL, NULL))) {
        offsets_decide(&group->offsets, producer_id, marker.commit);
        group_charge_offsets(group);
        if (machine_is_active(&replay->shard->machine))
            group_review(group); /* while it loads, others of its records are still to come */
    }
    if (groups)
        open_txns_free(groups);
}

void replay_record(struct shard *shard, const struct batch *batch, const struct record *record)
{
    struct replay replay = {.shard = shard, .batch = batch};
    arena_init(&replay.arena, REPLAY_ARENA_MAX);
    if (batch_is_control(batch))
        replay_marker(&replay);
    else
        replay_data(&replay, record);
    arena_close(&replay.arena);
}

static void replay_ignore(void *data, int err)
{
    (void)data;
    (void)err; /* what is left of them is found by the next load */
}

/* Of a migration not all records got through. Nobody was answered, so the group is what it was, or
 * was to become: in both directions that is the classic group. */
static void replay_half_migration(struct group *group)
{
    struct records records;
    if (!group->classic || !group->consumer)
        return;
    logger_warn(group_logger(group),
                "group %s: the records of a migration are not complete: it stays a classic group",
                group->id);
    group_records(group, &records);
    consumer_put_tombstones(group->consumer, &records);
    consumer_free(group->consumer);
    group->consumer = NULL;
    if (write_records(group, &records, replay_ignore, NULL))
        replay_ignore(NULL, 0);
    records_close(&records);
}

void replay_start_group(struct group *group)
{
    replay_half_migration(group);
    if (group->classic)
        classic_start(group->classic);
    if (group->consumer)
        consumer_start(group->consumer);
    group_review(group);
}

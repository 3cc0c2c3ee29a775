/* Writes of groups: see the header. */
#include "broker/group/write.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/group/replay.h"

struct write {
    struct list link; /* in the group's writes */
    struct shard_op op;
    struct group *group;
    struct buf batches;
    void (*done)(void *data, int err);
    void *data;
};

static void write_free(struct write *write)
{
    list_remove(&write->link);
    buf_close(&write->batches);
    mem_free(write);
}

static void write_stored(struct shard_op *op, int err)
{
    struct write *write = CONTAINER_OF(op, struct write, op);
    struct group *group = write->group;
    op->shard->unsure |= err != 0;
    if (!err) {
        int damaged = replay_batches(op->shard, write->batches.data, write->batches.len);
        ASSERT(damaged == 0); /* we made them */
    }
    if (write->done)
        write->done(write->data, err);
    write_free(write);
    group_release(group);
}

int write_records(struct group *group, struct records *records, void (*done)(void *data, int err),
                  void *data)
{
    struct write *write = mem_alloc(sizeof(*write));
    write->group = group;
    write->done = done;
    write->data = data;
    buf_init(&write->batches);
    list_push(&group->writes, &write->link);
    int err = shard_append(group->shard, records, &write->op, write_stored);
    if (err) {
        write_free(write);
        return err;
    }
    write->batches = records->batches;
    buf_init(&records->batches);
    group_hold(group);
    return 0;
}

/* ---- what is on its way ---- */

static void write_key(struct buf *key, struct wire_str topic, int32_t partition)
{
    key->len = 0;
    buf_put(key, &partition, sizeof(partition));
    if (topic.len > 0)
        buf_put(key, topic.data, (size_t)topic.len);
}

static void write_gather_batch(const struct batch *batch, struct buf *key, struct map *keys)
{
    struct offset_commit_key offset;
    struct record_iter iter;
    struct record record;
    record_iter_init(&iter, batch->records, batch->records_len, batch->record_count);
    while (record_iter_next(&iter, &record) == 1) {
        if (records_type(record.key) != RECORD_OFFSET ||
            records_read_key(record.key, &offset_commit_key_desc, &offset))
            continue;
        write_key(key, offset.topic, offset.partition);
        map_put(keys, key->data, key->len, keys);
    }
}

void write_gather(const struct group *group, struct map *keys)
{
    struct buf key;
    buf_init(&key);
    LIST_EACH(step, &group->writes) {
        const struct write *write = LIST_ENTRY(step, struct write, link);
        struct batch batch;
        for (size_t at = 0; at < write->batches.len; at += batch.size) {
            int err = batch_parse(write->batches.data + at, write->batches.len - at, &batch);
            ASSERT(!err); /* we made them */
            write_gather_batch(&batch, &key, keys);
        }
    }
    buf_close(&key);
}

bool write_has(const struct map *keys, struct wire_str topic, int32_t partition)
{
    struct buf key;
    buf_init(&key);
    write_key(&key, topic, partition);
    bool has = map_get(keys, key.data, key.len) != NULL;
    buf_close(&key);
    return has;
}

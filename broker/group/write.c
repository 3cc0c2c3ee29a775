/* Writes of groups: see the header. */
#include "broker/group/write.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

struct write {
    struct machine_write machine;
    struct list link; /* in the group's writes */
    struct group *group;
    void (*done)(void *data, int err);
    void *data;
};

static void write_stored(struct machine_write *machine, int err)
{
    struct write *write = CONTAINER_OF(machine, struct write, machine);
    struct group *group = write->group;
    if (write->done)
        write->done(write->data, err);
    list_remove(&write->link);
    mem_free(write);
    group_release(group);
}

int write_records(struct group *group, struct records *records, void (*done)(void *data, int err),
                  void *data)
{
    struct write *write = mem_alloc(sizeof(*write));
    write->group = group;
    write->done = done;
    write->data = data;
    int err = machine_write(&group->shard->machine, records, &write->machine, write_stored);
    if (err) {
        mem_free(write);
        return err;
    }
    list_push(&group->writes, &write->link);
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
        const struct buf *bytes = &write->machine.op.batches;
        for (size_t at = 0; at < bytes->len; at += batch.size) {
            int err = batch_parse(bytes->data + at, bytes->len - at, &batch);
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

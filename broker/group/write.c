/* Writes of groups: see the header. */
#include "broker/group/write.h"

#include "base/err.h"
#include "broker/group/replay.h"

struct write {
    struct shard_op op;
    struct group *group;
    struct buf batches;
    void (*done)(void *data, int err);
    void *data;
};

static void write_free(struct write *write)
{
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

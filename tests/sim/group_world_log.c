/* The log of the coordinator in memory: Kafka's bytes, appends that become safe a moment later, and
 * what is in it; see group_world.h. */
#include "group_world.h"

#include "base/mem.h"
#include "broker/group/manager_private.h"
#include "kafka/batch.h"

enum { WORLD_LOOK_MS = 5 /* how often a load looks whether all is replicated */ };

static int log_world_append(void *data, int32_t partition, struct partition_append_op *append)
{
    struct group_world *world = data;
    struct group_world_log *log = &world->logs[partition];
    uint8_t *bytes = append->bytes;
    size_t len = append->len;
    if (world->append_error)
        return world->append_error;
    for (size_t at = 0; at < len;) {
        struct batch batch;
        int err = batch_parse(bytes + at, len - at, &batch);
        ASSERT(!err);
        ASSERT(!batch_check_crc(&batch));
        ASSERT(batch.size <= world->batch_max);
        if (at == 0)
            append->result.base_offset = log->end;
        batch_set_base_offset(bytes + at, log->end);
        log->end += batch.last_offset_delta + 1;
        at += batch.size;
    }
    int err = buf_append(&log->bytes, bytes, len);
    ASSERT(!err);
    append->appended = true;
    list_push(&log->waits, &append->op.link);
    if (!env_timer_running(&log->safe_timer))
        env_timer_start_us(&log->safe_timer, (int64_t)(1000 + env_random(world->env) % 4000));
    return 0;
}

static void log_world_append_cancel(void *data, struct partition_append_op *append)
{
    (void)data;
    list_remove(&append->op.link);
}

static void log_world_end(struct list *step, int err)
{
    struct partition_op *op = LIST_ENTRY(step, struct partition_op, link);
    op->err = err;
    op->done(op);
}

static size_t log_world_batch_max(void *data, int32_t partition)
{
    struct group_world *world = data;
    (void)partition;
    if (world->manager->bytes > world->asked_with)
        world->asked_with = world->manager->bytes;
    return world->batch_max;
}

static int log_world_check(void *data, int32_t partition)
{
    struct group_world *world = data;
    (void)partition;
    return world->check_passes ? 0 : world->append_error;
}

static void log_world_safe(void *data)
{
    struct group_world_log *log = data;
    struct list waits;
    struct list *step;
    if (log->world->hold)
        return;
    log->safe_len = log->bytes.len;
    list_init(&waits);
    list_splice(&waits, &log->waits);
    while ((step = list_pop(&waits)))
        log_world_end(step, log->world->safe_error);
}

static void log_world_load(void *data, int32_t partition, struct coordinator_log_load *load)
{
    struct group_world *world = data;
    world->logs[partition].load = load;
    world->logs[partition].load_end = world->logs[partition].bytes.len;
    world->logs[partition].loads++;
    env_timer_start(&world->logs[partition].load_timer, world->load_ms);
}

static void log_world_load_cancel(void *data, struct coordinator_log_load *load)
{
    struct group_world *world = data;
    for (int i = 0; i < GROUP_WORLD_PARTITIONS; i++)
        if (world->logs[i].load == load) {
            world->logs[i].load = NULL;
            env_timer_stop(&world->logs[i].load_timer);
        }
}

static void log_world_loaded(void *data)
{
    struct group_world_log *log = data;
    struct coordinator_log_load *load = log->load;
    /* As the contract has it: what was given is replicated. */
    if (log->safe_len < log->load_end && log->world->hold) {
        env_timer_start(&log->load_timer, WORLD_LOOK_MS);
        return;
    }
    if (log->safe_len < log->load_end)
        log->safe_len = log->bytes.len;
    log->load = NULL;
    int err = log->bytes.len ? load->batches(load, log->bytes.data, log->bytes.len) : 0;
    load->done(load, err);
}

const struct coordinator_log_ops group_world_log_ops = {.check = log_world_check,
                                                        .append = log_world_append,
                                                        .append_cancel = log_world_append_cancel,
                                                        .batch_max = log_world_batch_max,
                                                        .load = log_world_load,
                                                        .load_cancel = log_world_load_cancel};

void group_world_log_init(struct group_world *world, struct group_world_log *log)
{
    log->world = world;
    buf_init(&log->bytes);
    list_init(&log->waits);
    env_timer_init(world->env, &log->safe_timer, log_world_safe, log);
    env_timer_init(world->env, &log->load_timer, log_world_loaded, log);
}

void group_world_lose(struct group_world *world, int32_t partition, bool lose_tail)
{
    struct group_world_log *log = &world->logs[partition];
    struct list *step;
    env_timer_stop(&log->safe_timer);
    while ((step = list_pop(&log->waits)))
        log_world_end(step, ERR_NOT_LEADER_OR_FOLLOWER);
    if (lose_tail)
        log->bytes.len = log->safe_len;
    log->safe_len = log->bytes.len;
    group_manager_leader_changed(world->manager, partition, false);
}

/* ---- what is in it ---- */

static void world_each_record(struct group_world *world, const char *group, int type,
                              void (*each)(const struct record *record, void *data), void *data)
{
    const struct buf *bytes = &world->logs[group_world_partition(group)].bytes;
    for (size_t at = 0; at < bytes->len;) {
        struct batch batch;
        struct record_iter iter;
        struct record record;
        int err = batch_parse(bytes->data + at, bytes->len - at, &batch);
        ASSERT(!err);
        record_iter_init(&iter, batch.records, batch.records_len, batch.record_count);
        while (record_iter_next(&iter, &record) == 1)
            if (records_type(record.key) == type)
                each(&record, data);
        at += batch.size;
    }
}

struct counts {
    int all;
    int tombstones;
};

static void count_record(const struct record *record, void *data)
{
    struct counts *counts = data;
    counts->all++;
    counts->tombstones += record->value.len < 0;
}

int group_world_count(struct group_world *world, const char *group, int type, int *tombstones)
{
    struct counts counts = {0};
    world_each_record(world, group, type, count_record, &counts);
    *tombstones = counts.tombstones;
    return counts.all;
}

static void take_value(const struct record *record, void *data)
{
    *(struct wire_bytes *)data = record->value;
}

void group_world_last_value(struct group_world *world, const char *group, int type,
                            const struct wire_desc *desc, struct arena *arena, void *value)
{
    struct wire_bytes last = {NULL, -1};
    world_each_record(world, group, type, take_value, &last);
    ASSERT(last.len >= 0);
    int err = records_read_value(last, desc, arena, value);
    ASSERT(!err);
}

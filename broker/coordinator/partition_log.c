/* Appending to and reading back a partition that this broker leads.
 *
 * Happy path of a load: pieces of the log are read on the worker pool from the log start to what
 * was its end; each is handed over; then the load waits until the high watermark is past that end,
 * so that nothing is served which another leader might not have. Failure modes: a read error, a
 * batch cut short, leadership lost: the load ends with the error. A cancelled load lives on until
 * its job is done.
 *
 * What an append has to reckon with is asked for whenever the partition says that it has changed,
 * so that a coordinator, which changes its memory first, can look at it at any moment. */
#include "broker/coordinator/partition_log.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "kafka/batch.h"

/* Some thousand records: a millisecond or so of replay in one turn of the loop. */
enum { PARTITION_LOG_PIECE = 256 << 10 };

struct partition_log {
    struct env *env;
    struct partitions *partitions;
    char *topic;
    struct map parts; /* index -> struct log_part: those that were loaded once */
};

/* What is known of a partition. */
struct log_part {
    struct partition_log *log;
    int32_t index;
    int append_err;
    size_t batch_max;
    struct partition_describe_op describe;
    struct partition_interest interest;
};

struct load {
    struct partition_log *log;
    struct coordinator_log_load *owner; /* NULL: cancelled */
    int32_t partition;
    int64_t offset; /* the next to read */
    int64_t end;    /* -1: not asked yet */
    struct partition_describe_op describe;
    struct partition_read_op read;
    uint8_t *bytes;
    int err;       /* of the job */
    bool reading;  /* on the pool */
    bool awaiting; /* all is read, and not all is replicated */
    struct env_work work;
    struct env_timer step_timer;
    struct partition_interest interest;
};

/* ---- facts ---- */

static int log_find(const struct partition_log *log, int32_t index, struct partition_ref *ref)
{
    ASSERT(index >= 0);
    return partitions_by_name(log->partitions, log->topic, strlen(log->topic), index, ref);
}

static void part_described(struct partition_op *op)
{
    struct partition_describe_op *describe = CONTAINER_OF(op, struct partition_describe_op, op);
    struct log_part *part = CONTAINER_OF(describe, struct log_part, describe);
    ASSERT(op->err <= 0);
    part->append_err = op->err ? op->err : describe->facts.append_err;
    part->batch_max = op->err ? 0 : describe->facts.batch_max;
    ASSERT(part->append_err <= 0);
}

static void part_refresh(struct log_part *part)
{
    if (partition_op_is_open(&part->describe.op))
        return; /* it will see the change */
    int err = log_find(part->log, part->index, &part->describe.op.ref);
    if (err)
        part->append_err = err;
    else
        partitions_describe(part->log->partitions, &part->describe);
}

static void part_changed(struct partition_interest *interest, unsigned change)
{
    (void)change;
    part_refresh(CONTAINER_OF(interest, struct log_part, interest));
}

static struct log_part *part_new(struct partition_log *log, int32_t index)
{
    struct log_part *part = mem_alloc(sizeof(*part));
    ASSERT(index >= 0);
    part->log = log;
    part->index = index;
    part->append_err = ERR_NOT_LEADER_OR_FOLLOWER;
    part->describe.op.done = part_described;
    part->describe.interest = &part->interest;
    part->interest.mask = PARTITION_CHANGED_ROLE | PARTITION_CHANGED_FACTS;
    part->interest.changed = part_changed;
    map_put_u64(&log->parts, (uint64_t)index, part);
    return part;
}

static void part_free(struct log_part *part)
{
    partition_op_cancel(&part->describe.op);
    partition_unwatch(&part->interest);
    mem_free(part);
}

struct partition_log *partition_log_new(struct env *env, struct partitions *partitions,
                                        const char *topic)
{
    struct partition_log *log = mem_alloc(sizeof(*log));
    ASSERT(topic != NULL);
    ASSERT(partitions != NULL);
    log->env = env;
    log->partitions = partitions;
    log->topic = mem_strdup(topic);
    map_init(&log->parts);
    return log;
}

void partition_log_free(struct partition_log *log)
{
    struct log_part *part;
    size_t cursor = 0;
    while ((part = map_next(&log->parts, &cursor, NULL, NULL)))
        part_free(part);
    map_close(&log->parts);
    mem_free(log->topic);
    mem_free(log);
}

static int partition_log_check(void *data, int32_t index)
{
    const struct partition_log *log = data;
    const struct log_part *part = map_get_u64(&log->parts, (uint64_t)index);
    /* Nobody tells of a process that stood still. */
    return part && partitions_may_serve(log->partitions) ? part->append_err
                                                         : ERR_NOT_LEADER_OR_FOLLOWER;
}

static size_t partition_log_batch_max(void *data, int32_t index)
{
    const struct partition_log *log = data;
    const struct log_part *part = map_get_u64(&log->parts, (uint64_t)index);
    return part ? part->batch_max : 0; /* no append is taken either */
}

static int partition_log_append(void *data, int32_t index, struct partition_append_op *append)
{
    struct partition_log *log = data;
    int err = log_find(log, index, &append->op.ref);
    ASSERT(append->op.done != NULL);
    ASSERT(!partition_op_is_open(&append->op));
    if (err)
        return err;
    append->acks = PARTITION_ACKS_ALL;
    append->from_broker = true;
    partitions_append(log->partitions, append);
    return 0;
}

static void partition_log_append_cancel(void *data, struct partition_append_op *append)
{
    (void)data;
    partition_op_cancel(&append->op);
}

/* ---- loading ---- */

static void load_free(struct load *load)
{
    ASSERT(!load->reading);
    env_timer_stop(&load->step_timer);
    partition_op_cancel(&load->describe.op);
    partition_op_cancel(&load->read.op);
    partition_unwatch(&load->interest);
    mem_free(load->bytes);
    mem_free(load);
}

static void load_finish(struct load *load, int err)
{
    struct coordinator_log_load *owner = load->owner;
    ASSERT(err <= 0);
    ASSERT(load->owner != NULL);
    load_free(load);
    owner->impl = NULL;
    owner->done(owner, err);
}

static void load_watched(struct partition_interest *interest, unsigned change)
{
    struct load *load = CONTAINER_OF(interest, struct load, interest);
    (void)change;
    if (load->awaiting)
        env_timer_start(&load->step_timer, 0);
}

static void load_run(struct env_work *work)
{
    struct load *load = CONTAINER_OF(work, struct load, work);
    const struct partition_slice *slice = &load->read.read.slice;
    ASSERT(load->reading);
    ASSERT(load->bytes != NULL);
    load->err = partition_slice_copy(slice, load->bytes, slice->chunk.len);
}

/* The whole batches of the piece; the next piece begins behind them. */
static int load_take(struct load *load, size_t len)
{
    size_t whole = 0;
    struct batch batch;
    ASSERT(load->owner != NULL);
    if (load->err)
        return load->err;
    while (whole < len) {
        int err = batch_parse(load->bytes + whole, len - whole, &batch);
        if (err == ERR_EOF)
            break;
        if (err)
            return err;
        whole += batch.size;
        load->offset = batch_last_offset(&batch) + 1;
    }
    ASSERT(whole <= len);
    return whole == 0 ? ERR_CORRUPT_MESSAGE : load->owner->batches(load->owner, load->bytes, whole);
}

static void load_copied(struct env_work *work)
{
    struct load *load = CONTAINER_OF(work, struct load, work);
    size_t len = load->read.read.slice.chunk.len;
    ASSERT(load->reading);
    load->reading = false;
    partition_slice_release(&load->read.read.slice);
    if (!load->owner) {
        load_free(load);
        return;
    }
    int err = load_take(load, len);
    mem_free(load->bytes);
    load->bytes = NULL;
    if (err)
        load_finish(load, err);
    else
        env_timer_start(&load->step_timer, 0);
}

static void load_read_done(struct partition_op *op)
{
    struct load *load =
        CONTAINER_OF(CONTAINER_OF(op, struct partition_read_op, op), struct load, read);
    struct partition_slice *slice = &load->read.read.slice;
    ASSERT(op->err <= 0);
    ASSERT(!load->reading);
    ASSERT(load->owner != NULL);
    if (op->err) {
        load_finish(load, op->err);
        return;
    }
    if (slice->chunk.len == 0) {
        load->offset = load->end; /* compaction left nothing behind here */
        env_timer_start(&load->step_timer, 0);
        return;
    }
    load->bytes = mem_try_alloc(slice->chunk.len);
    if (!load->bytes) {
        partition_slice_release(slice);
        load_finish(load, ERR_NO_MEMORY);
        return;
    }
    load->reading = true;
    env_work_submit(load->log->env, &load->work, load_run, load_copied);
}

static void load_read(struct load *load)
{
    load->read.op.ref = load->describe.op.ref;
    load->read.args = (struct partition_read_args){.replica_id = -1,
                                                   .replica_epoch = -1,
                                                   .current_leader_epoch = -1,
                                                   .last_fetched_epoch = -1,
                                                   .offset = load->offset,
                                                   .log_start_offset = -1,
                                                   .max_bytes = PARTITION_LOG_PIECE,
                                                   .min_one = true,
                                                   .own = true};
    partitions_read(load->log->partitions, &load->read);
}

static void load_described(struct partition_op *op)
{
    struct load *load =
        CONTAINER_OF(CONTAINER_OF(op, struct partition_describe_op, op), struct load, describe);
    const struct partition_facts *facts = &load->describe.facts;
    if (op->err || facts->state != PARTITION_LEADER || facts->log_end_offset < 0) {
        load_finish(load, op->err ? op->err : ERR_NOT_LEADER_OR_FOLLOWER);
        return;
    }
    if (load->end < 0) {
        load->offset = facts->log_start_offset;
        load->end = facts->log_end_offset;
    }
    if (load->offset < facts->log_start_offset)
        load->offset = facts->log_start_offset;
    if (load->offset < load->end)
        load_read(load);
    else if (facts->high_watermark >= load->end)
        load_finish(load, 0);
    else
        load->awaiting = true;
}

static void load_step(void *data)
{
    struct load *load = data;
    ASSERT(!load->reading);
    if (partition_op_is_open(&load->describe.op))
        return;
    int err = log_find(load->log, load->partition, &load->describe.op.ref);
    load->awaiting = false;
    if (err)
        load_finish(load, err);
    else
        partitions_describe(load->log->partitions, &load->describe);
}

static void partition_log_load(void *data, int32_t partition, struct coordinator_log_load *owner)
{
    struct partition_log *log = data;
    struct load *load = mem_alloc(sizeof(*load));
    struct log_part *part = map_get_u64(&log->parts, (uint64_t)partition);
    part_refresh(part ? part : part_new(log, partition));
    load->log = log;
    load->owner = owner;
    load->partition = partition;
    load->end = -1;
    load->describe.op.done = load_described;
    load->describe.interest = &load->interest;
    load->read.op.done = load_read_done;
    load->interest.mask = PARTITION_CHANGED_HW | PARTITION_CHANGED_ROLE;
    load->interest.changed = load_watched;
    env_timer_init(log->env, &load->step_timer, load_step, load);
    owner->impl = load;
    env_timer_start(&load->step_timer, 0);
}

static void partition_log_load_cancel(void *data, struct coordinator_log_load *owner)
{
    struct load *load = owner->impl;
    (void)data;
    owner->impl = NULL;
    load->owner = NULL;
    if (!load->reading)
        load_free(load);
}

const struct coordinator_log_ops partition_log_ops = {
    .check = partition_log_check,
    .batch_max = partition_log_batch_max,
    .append = partition_log_append,
    .append_cancel = partition_log_append_cancel,
    .load = partition_log_load,
    .load_cancel = partition_log_load_cancel,
};

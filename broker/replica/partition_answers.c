/* Operations on partitions other than appends: reads, offsets, deletions and facts.
 *
 * Happy path: the partition answers at once, in the order of the queue. A deletion waits until the
 * new log start is safe, a lookup by time for the worker that opens a batch, and a read of what is
 * not in memory for the worker that brings it there. Failure modes are
 * errors of the operation: see partition_ops.h. */
#include "broker/replica/partitions.h"
#include "broker/replica/replica_throttle.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    OFFSETS_MAX_TIMESTAMP = -3, /* ListOffsets: the record with the largest one */
    ANSWER_STEP = 16,           /* producers that count as one step of the queue */
    READ_COLDS_MAX = 4 /* the batch, the high watermark, what is sent, and what of it was aborted */
};

/* ---- slices ---- */

void partition_slice_release(struct partition_slice *slice)
{
    ASSERT(!slice->segment || !slice->chunk.data);
    struct log_slice range = {.segment = slice->segment};
    log_slice_release(&range);
    if (slice->chunk.data)
        mem_free((void *)(uintptr_t)slice->chunk.data);
    *slice = (struct partition_slice){0};
}

int partition_slice_copy(const struct partition_slice *slice, uint8_t *bytes, size_t len)
{
    const struct env_chunk *chunk = &slice->chunk;
    ASSERT(len <= chunk->len);
    if (chunk->data) {
        memcpy(bytes, chunk->data, len);
        return 0;
    }
    ssize_t got = env_file_read(chunk->file, bytes, len, chunk->offset);
    return got == (ssize_t)len ? 0 : ERR_KAFKA_STORAGE_ERROR;
}

void partition_slice_set_memory(struct partition_slice *slice, uint8_t *bytes, size_t len)
{
    ASSERT(len == 0 || bytes != NULL);
    partition_slice_release(slice);
    slice->chunk = (struct env_chunk){.data = bytes, .len = len};
    ASSERT(slice->segment == NULL);
}

/* ---- reads ---- */

void partition_read_release(struct partition_read *read)
{
    partition_slice_release(&read->slice);
    mem_free(read->aborted);
    read->aborted = NULL;
    read->aborted_count = 0;
}

static void read_begin_watch(struct partition *partition, struct partition_interest *interest)
{
    if (!interest)
        return;
    if (!interest->watching)
        partition_watch(partition, interest);
    interest->news = false;
}

/* It lives until the log has done with it. */
struct cold_read {
    struct log_warm warm;
    struct list link;             /* in partitions->colds */
    struct partition_read_op *op; /* NULL: cancelled */
};

static void read_warmed(struct log_warm *warm)
{
    struct cold_read *cold = CONTAINER_OF(warm, struct cold_read, warm);
    struct partition_read_op *read = cold->op;
    list_remove(&cold->link);
    mem_free(cold);
    if (!read)
        return;
    ASSERT(read->cold == cold);
    ASSERT(read->op.state == PARTITION_OP_WORKING);
    read->cold = NULL;
    partitions_make_ready(&read->op);
}

static void read_warm(struct partition_read_op *read, struct partition *partition,
                      const struct log_cold *from)
{
    ASSERT(read->colds < READ_COLDS_MAX);
    struct cold_read *cold = mem_alloc(sizeof(*cold));
    ASSERT(!read->cold);
    cold->op = read;
    cold->warm.done = read_warmed;
    list_push(&read->op.partitions->colds, &cold->link);
    read->cold = cold;
    read->colds++;
    partition_op_move(&read->op, PARTITION_OP_WORKING);
    log_warm(&cold->warm, partition->log, from);
}

void partition_read_leave(struct partition_read_op *read)
{
    if (!read->cold)
        return;
    ASSERT(read->cold->op == read);
    list_remove(&read->cold->link);
    read->cold->op = NULL;
    read->cold = NULL;
}

void partition_reads_close(struct partitions *partitions)
{
    struct list *step;
    while ((step = list_pop(&partitions->colds))) {
        struct cold_read *cold = LIST_ENTRY(step, struct cold_read, link);
        struct partition_read_op *read = cold->op;
        ASSERT(read != NULL);
        ASSERT(read->cold == cold);
        cold->op = NULL;
        read->cold = NULL;
        partitions_finish(&read->op, ERR_NOT_LEADER_OR_FOLLOWER);
    }
}

/* False when it was cancelled meanwhile. */
static bool read_acknowledge(struct partition_read_op *read, struct partition *partition)
{
    struct partition_op *op = &read->op;
    struct partitions *partitions = op->partitions;
    if (!read->acknowledges || read->colds > 0)
        return true;
    partition_acknowledge(partition, &read->args);
    return partitions->running == op;
}

/* Limits a read for a replica to what its throttle allows. True when that is nothing. */
static bool read_is_held(struct partition_read_op *read, struct partition *partition)
{
    struct replica_manager *manager = read->op.partitions->manager;
    size_t allowed = replica_throttle_for_read(replica_manager_throttle(manager), partition,
                                               read->args.replica_id, read->args.throttled);
    read->throttled = allowed != SIZE_MAX;
    if (allowed < read->args.max_bytes)
        read->args.max_bytes = allowed;
    if (allowed == 0)
        read->args.min_one = false;
    return allowed == 0;
}

static size_t answer_read(struct partition_op *op, struct partition *partition)
{
    struct partition_read_op *read = CONTAINER_OF(op, struct partition_read_op, op);
    struct log_cold cold;
    int32_t replica_id = read->args.replica_id;
    ASSERT(op->kind == PARTITION_OP_READ);
    ASSERT(read->cold == NULL);
    if (!partition) {
        partitions_finish(op, partitions_absent(op));
        return 1;
    }
    read_begin_watch(partition, read->interest);
    read->leader = partition->leader;
    read->leader_epoch = partition->leader_epoch;
    if (!read_acknowledge(read, partition))
        return 1;
    bool held = false;
    if (replica_id >= 0)
        held = read_is_held(read, partition);
    if (read->interest)
        read->interest->news = false; /* what it has acknowledged itself is in this answer */
    /* What was brought in and went again before it was read is waited for, so that a read ends. */
    int err = read->colds < READ_COLDS_MAX
                  ? partition_read_now(partition, &read->args, &read->read, &cold)
                  : partition_read(partition, &read->args, &read->read);
    if (err == ERR_AGAIN) {
        read_warm(read, partition, &cold);
        return 1;
    }
    read->read.throttled = read->throttled;
    if (held) /* it is told when there is an allowance again, and looks like one without news */
        read->read.no_room = false;
    if (!err && replica_id >= 0 && !read->read.diverging)
        partition_acknowledge_again(partition, &read->args);
    read->known = replica_id >= 0 && partition_knows(partition, replica_id);
    partitions_finish(op, err);
    return 1;
}

void partitions_read(struct partitions *partitions, struct partition_read_op *read)
{
    read->read = (struct partition_read){
        .high_watermark = -1, .last_stable_offset = -1, .log_start_offset = -1};
    read->leader = read->leader_epoch = -1;
    read->known = false;
    read->cold = NULL;
    read->colds = 0;
    partitions_submit(partitions, &read->op, PARTITION_OP_READ);
}

/* ---- offsets ---- */

static enum partition_reader offsets_reader(const struct partition_offsets_op *offsets)
{
    if (offsets->follower)
        return READER_FOLLOWER;
    return offsets->committed ? READER_COMMITTED : READER_CONSUMER;
}

/* A lookup by time: it lives until the log has done with it. */
struct offset_lookup {
    struct log_lookup lookup;
    struct partition_offsets_op *op; /* NULL: cancelled */
};

static void offsets_looked_up(struct log_lookup *lookup)
{
    struct offset_lookup *job = CONTAINER_OF(lookup, struct offset_lookup, lookup);
    struct partition_offsets_op *offsets = job->op;
    if (offsets) {
        ASSERT(offsets->lookup == job);
        ASSERT(offsets->op.state == PARTITION_OP_WORKING);
        struct partition *partition = partitions_find(&offsets->op);
        offsets->lookup = NULL;
        int err = partition ? partition_found_offset(partition, lookup, offsets_reader(offsets),
                                                     &offsets->found)
                            : partitions_absent(&offsets->op);
        partitions_finish(&offsets->op, err);
    }
    mem_free(job);
}

/* By time: 1 when a worker has it. */
static int offsets_look_up(struct partition_offsets_op *offsets, struct partition *partition)
{
    ASSERT(offsets->lookup == NULL);
    struct offset_lookup *job = mem_alloc(sizeof(*job));
    job->op = offsets;
    job->lookup.done = offsets_looked_up;
    int err = partition_find_offset(partition, offsets->current_leader_epoch, offsets->timestamp,
                                    offsets_reader(offsets), &job->lookup, &offsets->found);
    if (err == 1)
        offsets->lookup = job;
    else
        mem_free(job);
    return err;
}

static size_t answer_offsets(struct partition_op *op, struct partition *partition)
{
    ASSERT(op->kind == PARTITION_OP_OFFSETS);
    struct partition_offsets_op *offsets = CONTAINER_OF(op, struct partition_offsets_op, op);
    bool by_time = offsets->timestamp >= 0 || offsets->timestamp == OFFSETS_MAX_TIMESTAMP;
    int err;
    if (!partition)
        err = partitions_absent(op);
    else if (by_time)
        err = offsets_look_up(offsets, partition);
    else
        err = partition_find_offset(partition, offsets->current_leader_epoch, offsets->timestamp,
                                    offsets_reader(offsets), NULL, &offsets->found);
    ASSERT(err <= 1);
    ASSERT((err == 1) == (offsets->lookup != NULL));
    if (err == 1)
        partition_op_move(op, PARTITION_OP_WORKING);
    else
        partitions_finish(op, err);
    return 1;
}

void partition_offsets_leave(struct partition_offsets_op *offsets)
{
    ASSERT(!offsets->lookup || offsets->lookup->op == offsets);
    if (offsets->lookup)
        offsets->lookup->op = NULL;
    offsets->lookup = NULL;
}

void partitions_offsets(struct partitions *partitions, struct partition_offsets_op *offsets)
{
    offsets->found = (struct partition_offset){-1, -1, -1};
    offsets->lookup = NULL;
    partitions_submit(partitions, &offsets->op, PARTITION_OP_OFFSETS);
}

static size_t answer_epoch(struct partition_op *op, struct partition *partition)
{
    ASSERT(op->kind == PARTITION_OP_EPOCH);
    struct partition_epoch_op *epoch = CONTAINER_OF(op, struct partition_epoch_op, op);
    int err = partition ? partition_end_of_epoch(partition, epoch->current_leader_epoch,
                                                 epoch->epoch, &epoch->found, &epoch->end_offset)
                        : partitions_absent(op);
    partitions_finish(op, err);
    return 1;
}

void partitions_epoch(struct partitions *partitions, struct partition_epoch_op *epoch)
{
    epoch->found = -1;
    epoch->end_offset = -1;
    partitions_submit(partitions, &epoch->op, PARTITION_OP_EPOCH);
}

/* ---- deletions ---- */

static void delete_safe(struct partition_wait *wait, int err)
{
    struct partition_delete_op *deletion = CONTAINER_OF(wait, struct partition_delete_op, wait);
    struct partition *partition = partitions_find(&deletion->op);
    ASSERT(deletion->op.state == PARTITION_OP_WAITING);
    ASSERT(err || partition);
    if (!err)
        deletion->low_watermark = partition_low_watermark(partition);
    partitions_finish(&deletion->op, err);
}

/* Only a log whose old records are deleted may lose some: a compacted one keeps the last of each
 * key. */
static bool delete_is_forbidden(const struct partition *partition)
{
    const struct log *log = partition->state == PARTITION_OFFLINE ? NULL : partition->log;
    return log && log_config(log)->cleanup_compact && !log_config(log)->cleanup_delete;
}

static size_t answer_delete(struct partition_op *op, struct partition *partition)
{
    ASSERT(op->kind == PARTITION_OP_DELETE);
    struct partition_delete_op *deletion = CONTAINER_OF(op, struct partition_delete_op, op);
    int err = partition ? 0 : partitions_absent(op);
    if (!err && delete_is_forbidden(partition))
        err = ERR_POLICY_VIOLATION;
    deletion->wait.done = delete_safe;
    if (!err)
        err = partition_delete_records(partition, deletion->offset, &deletion->wait);
    if (err == PARTITION_WAITS)
        partition_op_move(op, PARTITION_OP_WAITING);
    else
        partitions_finish(op, err);
    return 1;
}

void partitions_delete(struct partitions *partitions, struct partition_delete_op *deletion)
{
    deletion->low_watermark = -1;
    partitions_submit(partitions, &deletion->op, PARTITION_OP_DELETE);
}

/* ---- facts ---- */

/* Memory may change before the append: on a disk that is nearly full nothing begins to change. */
static int facts_append_error(const struct partition *partition)
{
    int err = partition_check_append(partition, PARTITION_ACKS_ALL);
    const struct log *log = partition->log;
    return !err && (!log || log_is_offline(log) || !log_has_room(log)) ? ERR_KAFKA_STORAGE_ERROR
                                                                       : err;
}

static void facts_fill(const struct partition *partition, struct partition_facts *facts)
{
    const struct log *log = partition->state == PARTITION_OFFLINE ? NULL : partition->log;
    *facts = (struct partition_facts){.state = partition->state,
                                      .leader = partition->leader,
                                      .leader_epoch = partition->leader_epoch,
                                      .high_watermark = partition->high_watermark,
                                      .log_start_offset = log ? log_start_offset(log) : -1,
                                      .log_end_offset = log ? log_end_offset(log) : -1,
                                      .append_err = facts_append_error(partition)};
    ASSERT(partition->state == PARTITION_OFFLINE ||
           (partition->log == NULL) == (partition->state == PARTITION_OPENING));
    ASSERT(facts->log_start_offset <= facts->log_end_offset);
    ASSERT(facts->append_err <= 0);
    if (log) {
        int64_t max = log_config(log)->max_message_bytes;
        facts->batch_max = max >= 0 ? (size_t)max : SIZE_MAX;
    }
}

static size_t answer_describe(struct partition_op *op, struct partition *partition)
{
    ASSERT(op->kind == PARTITION_OP_DESCRIBE);
    struct partition_describe_op *describe = CONTAINER_OF(op, struct partition_describe_op, op);
    if (partition) {
        read_begin_watch(partition, describe->interest);
        facts_fill(partition, &describe->facts);
    }
    partitions_finish(op, partition ? 0 : partitions_absent(op));
    return 1;
}

void partitions_describe(struct partitions *partitions, struct partition_describe_op *describe)
{
    describe->facts = (struct partition_facts){.leader = -1,
                                               .leader_epoch = -1,
                                               .high_watermark = -1,
                                               .log_start_offset = -1,
                                               .log_end_offset = -1,
                                               .append_err = ERR_NOT_LEADER_OR_FOLLOWER};
    partitions_submit(partitions, &describe->op, PARTITION_OP_DESCRIBE);
}

/* ---- producers ---- */

static bool producers_count(void *data, const struct log_producer *producer)
{
    (void)producer;
    ++*(size_t *)data;
    return true;
}

static bool producers_copy(void *data, const struct log_producer *from)
{
    struct partition_producers_op *producers = data;
    producers->producers[producers->count++] =
        (struct partition_producer){.producer_id = from->producer_id,
                                    .producer_epoch = from->producer_epoch,
                                    .last_sequence = from->last_sequence,
                                    .last_timestamp_ms = from->last_timestamp_ms,
                                    .coordinator_epoch = from->coordinator_epoch,
                                    .current_txn_start_offset = from->current_txn_start_offset};
    return true;
}

static size_t answer_producers(struct partition_op *op, struct partition *partition)
{
    struct partition_producers_op *producers = CONTAINER_OF(op, struct partition_producers_op, op);
    int err = partition ? 0 : partitions_absent(op);
    bool serves = partition &&
                  (partition->state == PARTITION_LEADER || partition->state == PARTITION_FOLLOWER);
    ASSERT(op->kind == PARTITION_OP_PRODUCERS);
    ASSERT(producers->producers == NULL);
    if (!err && !serves)
        err = ERR_NOT_LEADER_OR_FOLLOWER;
    size_t count = 0;
    if (!err) {
        log_each_producer(partition->log, producers_count, &count);
        producers->producers = mem_try_alloc((count + 1) * sizeof(*producers->producers));
        err = producers->producers ? 0 : ERR_NO_MEMORY;
    }
    if (!err)
        log_each_producer(partition->log, producers_copy, producers);
    ASSERT(err || producers->count == count);
    partitions_finish(op, err);
    return 1 + count / ANSWER_STEP;
}

void partitions_producers(struct partitions *partitions, struct partition_producers_op *producers)
{
    producers->producers = NULL;
    producers->count = 0;
    partitions_submit(partitions, &producers->op, PARTITION_OP_PRODUCERS);
}

partition_op_run *const partition_op_runs[PARTITION_OP_KINDS] = {
    [PARTITION_OP_APPEND] = partition_run_append, [PARTITION_OP_READ] = answer_read,
    [PARTITION_OP_OFFSETS] = answer_offsets,      [PARTITION_OP_EPOCH] = answer_epoch,
    [PARTITION_OP_DELETE] = answer_delete,        [PARTITION_OP_DESCRIBE] = answer_describe,
    [PARTITION_OP_PRODUCERS] = answer_producers,  [PARTITION_OP_DIRS] = partition_run_dirs,
    [PARTITION_OP_LINES] = partition_run_lines,
};

/* The queue of operations on partitions.
 *
 * Happy path: what is submitted waits in one queue, which is looked through at the end of the turn
 * of the loop, in order; what is submitted meanwhile is done with it, so an operation costs no turn
 * of its own. Work is counted in steps: when a turn has had its share, the rest goes on in the
 * next, after others. Failure modes: a partition that is not here, or went meanwhile, ends the
 * operation with the reason; when the replicas are closed every operation ends. */
#include "broker/replica/partitions.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/state.h"
#include "broker/replica/replica_throttle.h"

enum {
    /* Steps in a turn of the loop: a read is one, each 4 KiB of an append is one. So a turn takes
     * in 4 MiB, or answers a fetch of a thousand partitions: some milliseconds. */
    PARTITIONS_TURN = 1024
};

/* ---- names ---- */

/* A broker that starts does not know yet what there is not. */
static int partitions_find_record(const struct partitions *partitions,
                                  const struct image_topic *topic, int32_t index, bool by_name)
{
    const struct image_partition *record = topic ? image_partition(topic, index) : NULL;
    if (!record && !replica_manager_is_current(partitions->manager))
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (!record)
        return topic || by_name ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_UNKNOWN_TOPIC_ID;
    return image_ids_have(&record->replicas, partitions->deps->node_id)
               ? 0
               : ERR_NOT_LEADER_OR_FOLLOWER;
}

int partitions_by_name(const struct partitions *partitions, const char *name, size_t name_len,
                       int32_t index, struct partition_ref *ref)
{
    const struct image_topic *topic =
        image_topic_by_name(metadata_image(partitions->deps->metadata), name, name_len);
    int err = partitions_find_record(partitions, topic, index, true);
    if (!err)
        *ref = (struct partition_ref){.topic_id = topic->id, .index = index, .by_name = true};
    return err;
}

int partitions_by_id(const struct partitions *partitions, const struct uuid *topic_id,
                     int32_t index, struct partition_ref *ref)
{
    const struct image_topic *topic =
        image_topic_by_id(metadata_image(partitions->deps->metadata), topic_id);
    *ref = (struct partition_ref){.topic_id = *topic_id, .index = index};
    return partitions_find_record(partitions, topic, index, false);
}

int partitions_absent(const struct partition_op *op)
{
    const struct partitions *partitions = op->partitions;
    if (partitions->closed)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    const struct image_topic *topic =
        image_topic_by_id(metadata_image(partitions->deps->metadata), &op->ref.topic_id);
    int err = partitions_find_record(partitions, topic, op->ref.index, op->ref.by_name);
    return err ? err : ERR_NOT_LEADER_OR_FOLLOWER;
}

struct partition *partitions_find(const struct partition_op *op)
{
    return op->partitions->closed
               ? NULL
               : replica_manager_get(op->partitions->manager, &op->ref.topic_id, op->ref.index);
}

bool partitions_may_serve(const struct partitions *partitions)
{
    return controller_channel_may_serve(partitions->deps->channel);
}

void partitions_throttled(struct partitions *partitions, size_t bytes)
{
    replica_throttle_sent(replica_manager_throttle(partitions->manager), bytes);
}

void partitions_heard(struct partitions *partitions, int32_t replica_id)
{
    replica_manager_heard(partitions->manager, replica_id);
}

/* ---- the queue ---- */

static const struct state_row partition_op_states[] = {
    [PARTITION_OP_IDLE] = {"idle", STATE_BIT(PARTITION_OP_QUEUED)},
    [PARTITION_OP_QUEUED] = {"queued",
                             STATE_BIT(PARTITION_OP_IN_LINE) | STATE_BIT(PARTITION_OP_WORKING) |
                                 STATE_BIT(PARTITION_OP_WAITING) | STATE_BIT(PARTITION_OP_IDLE)},
    [PARTITION_OP_IN_LINE] = {"in line",
                              STATE_BIT(PARTITION_OP_WAITING) | STATE_BIT(PARTITION_OP_IDLE)},
    /* A read may need a worker more than once. */
    [PARTITION_OP_WORKING] = {"working", STATE_BIT(PARTITION_OP_WORKING) |
                                             STATE_BIT(PARTITION_OP_WAITING) |
                                             STATE_BIT(PARTITION_OP_IDLE)},
    [PARTITION_OP_WAITING] = {"waiting", STATE_BIT(PARTITION_OP_IDLE)},
};

void partition_op_move(struct partition_op *op, enum partition_op_state to)
{
    STATE_MOVE(partition_op_states, op->state, (uint8_t)to);
}

static void partitions_wake(struct partitions *partitions)
{
    if (!partitions->closed && !env_timer_running(&partitions->timer))
        env_timer_start_soon(&partitions->timer);
}

void partitions_submit(struct partitions *partitions, struct partition_op *op,
                       enum partition_op_kind kind)
{
    ASSERT(op->state == PARTITION_OP_IDLE);
    ASSERT(op->done);
    ASSERT(kind < PARTITION_OP_KINDS);
    op->partitions = partitions;
    op->kind = (uint8_t)kind;
    partition_op_move(op, PARTITION_OP_QUEUED);
    op->err = 0;
    list_push(&partitions->queue, &op->link);
    partitions_wake(partitions);
}

void partitions_make_ready(struct partition_op *op)
{
    ASSERT(op->state == PARTITION_OP_IN_LINE || op->state == PARTITION_OP_WORKING);
    ASSERT(list_empty(&op->link));
    list_push(&op->partitions->ready, &op->link);
    partitions_wake(op->partitions);
}

void partitions_finish(struct partition_op *op, int err)
{
    ASSERT(op->state != PARTITION_OP_IDLE);
    ASSERT(err <= 0);
    ASSERT(list_empty(&op->link));
    if (op->partitions->running == op)
        op->partitions->running = NULL;
    partition_op_move(op, PARTITION_OP_IDLE);
    op->err = err;
    op->done(op);
}

void partition_op_cancel(struct partition_op *op)
{
    if (op->state == PARTITION_OP_IDLE)
        return;
    if (op->partitions->running == op)
        op->partitions->running = NULL;
    list_remove(&op->link);
    if (op->kind == PARTITION_OP_APPEND)
        partition_append_leave((struct partition_append_op *)op);
    else if (op->kind == PARTITION_OP_READ)
        partition_read_leave((struct partition_read_op *)op);
    else if (op->kind == PARTITION_OP_OFFSETS)
        partition_offsets_leave((struct partition_offsets_op *)op);
    else if (op->kind == PARTITION_OP_DIRS)
        partition_dirs_leave((struct partition_dirs_op *)op);
    else if (op->kind == PARTITION_OP_DELETE && op->state == PARTITION_OP_WAITING)
        list_remove(&((struct partition_delete_op *)op)->wait.link);
    partition_op_move(op, PARTITION_OP_IDLE);
    ASSERT(list_empty(&op->link));
}

/* What has left a line came before all that is in the queue. */
static struct partition_op *partitions_next(struct partitions *partitions)
{
    struct list *step = list_pop(&partitions->ready);
    if (!step)
        step = list_pop(&partitions->queue);
    return step ? LIST_ENTRY(step, struct partition_op, link) : NULL;
}

static size_t partitions_run(struct partitions *partitions, struct partition_op *op)
{
    ASSERT(op->kind < PARTITION_OP_KINDS);
    ASSERT(op->state != PARTITION_OP_IDLE);
    ASSERT(op->partitions == partitions);
    bool named = op->kind != PARTITION_OP_DIRS && op->kind != PARTITION_OP_LINES;
    partitions->running = op;
    size_t cost = partition_op_runs[op->kind](op, named ? partitions_find(op) : NULL);
    partitions->running = NULL;
    return cost;
}

static void partitions_drain(void *data)
{
    struct partitions *partitions = data;
    struct partition_op *op;
    size_t cost = 0;
    ASSERT(!partitions->closed);
    partitions->turn++;
    while (cost < PARTITIONS_TURN && (op = partitions_next(partitions)))
        cost += partitions_run(partitions, op);
    env_timer_stop(&partitions->timer); /* what was submitted meanwhile is done */
    if (!list_empty(&partitions->queue) || !list_empty(&partitions->ready))
        env_timer_start(&partitions->timer, 0); /* others go first */
}

/* ---- life ---- */

struct partitions *partitions_new(struct replica_manager *manager)
{
    struct partitions *partitions = mem_alloc(sizeof(*partitions));
    partitions->manager = manager;
    partitions->deps = replica_manager_deps(manager);
    partitions->order = append_order_new();
    list_init(&partitions->queue);
    list_init(&partitions->ready);
    list_init(&partitions->colds);
    list_init(&partitions->disks);
    env_timer_init(partitions->deps->env, &partitions->timer, partitions_drain, partitions);
    return partitions;
}

void partitions_close(struct partitions *partitions)
{
    struct partition_op *op;
    partitions->closed = true;
    env_timer_stop(&partitions->timer);
    partition_reads_close(partitions);
    partition_dirs_close(partitions);
    while ((op = partitions_next(partitions)))
        partitions_run(partitions, op);
    ASSERT(list_empty(&partitions->queue));
    ASSERT(list_empty(&partitions->colds));
}

void partitions_free(struct partitions *partitions)
{
    partitions_close(partitions); /* what was submitted from inside the last answers */
    ASSERT(partitions->clients == 0);
    append_order_free(partitions->order);
    mem_free(partitions);
}

/* Proposals for in-sync sets. Happy path: a leader has a change; at the end of the turn all changes
 * go in one command, and each partition gets its result. Failure modes: a refusal, no answer in
 * time (the outcome is unknown and the next proposal tells), no memory: the partitions are told,
 * and look at their sets again after a pause; a partition that went meanwhile is passed over. */
#include "broker/replica/isr_proposals.h"

#include "base/err.h"
#include "base/mem.h"
#include "broker/replica/partition_private.h"

enum {
    PROPOSALS_RETRY_MS = 100,    /* pause before the set of a failed proposal is reviewed */
    PROPOSALS_TIMEOUT_MS = 5000, /* then the outcome is unknown and the next one tells */
    PROPOSALS_BATCH = 1000       /* partitions in one command: bounds its size */
};

struct isr_proposals {
    struct replica_manager *manager;
    const struct replica_deps *deps;
    struct list waiting; /* partitions with a proposal to send */
    struct list calls;   /* proposals on their way */
    struct env_timer send_timer;
    struct env_timer review_timer;
};

/* One AlterPartitions command on its way, with the partitions that it speaks of. */
struct proposal_call {
    struct controller_call call;
    struct list link; /* in the calls */
    struct isr_proposals *proposals;
    size_t count;
    struct {
        struct uuid topic_id;
        int32_t partition;
        int32_t partition_epoch;
    } items[];
};

/* Looks at all sets again in a while. */
static void proposals_retry(struct isr_proposals *proposals)
{
    if (!env_timer_running(&proposals->review_timer))
        env_timer_start(&proposals->review_timer, PROPOSALS_RETRY_MS);
}

static void proposals_answered(struct controller_call *call, int err,
                               const Meta__CommandReply *reply)
{
    struct proposal_call *sent = CONTAINER_OF(call, struct proposal_call, call);
    ASSERT(sent->count > 0);
    ASSERT(sent->count <= PROPOSALS_BATCH);
    struct isr_proposals *proposals = sent->proposals;
    bool failed = err != 0;
    for (size_t i = 0; i < sent->count; i++) {
        struct partition *partition = replica_manager_get(
            proposals->manager, &sent->items[i].topic_id, sent->items[i].partition);
        const Meta__AlterPartitionResult *result =
            reply && !err && i < reply->n_partitions ? reply->partitions[i] : NULL;
        failed |= !result || result->error;
        if (partition)
            partition_isr_answered(partition, sent->items[i].partition_epoch, err, result);
    }
    list_remove(&sent->link);
    mem_free(sent);
    if (failed)
        proposals_retry(proposals);
}

/* NULL: memory is out. */
static Meta__AlterPartitions__Partition *proposals_pack(struct isr_proposals *proposals,
                                                        struct partition *partition,
                                                        const struct partition_proposal *proposal,
                                                        struct arena *arena)
{
    ASSERT(proposal->isr->count >= 0);
    Meta__AlterPartitions__Partition *out = arena_alloc(arena, sizeof(*out));
    Meta__AlterPartitions__IsrMember **members =
        arena_alloc_array(arena, (size_t)proposal->isr->count + 1, sizeof(*members));
    if (!out || !members)
        return NULL;
    meta__alter_partitions__partition__init(out);
    out->topic_id.data = partition->topic_id.bytes;
    out->topic_id.len = sizeof(partition->topic_id.bytes);
    out->partition = proposal->partition;
    out->leader_epoch = proposal->leader_epoch;
    out->partition_epoch = proposal->partition_epoch;
    out->isr = members;
    for (int32_t i = 0; i < proposal->isr->count; i++) {
        int32_t id = proposal->isr->ids[i];
        Meta__AlterPartitions__IsrMember *member = arena_alloc(arena, sizeof(*member));
        if (!member)
            return NULL;
        meta__alter_partitions__isr_member__init(member);
        member->broker_id = id;
        member->broker_epoch = id == proposals->deps->node_id
                                   ? controller_channel_broker_epoch(proposals->deps->channel)
                                   : proposal->broker_epochs[i];
        members[out->n_isr++] = member;
    }
    ASSERT(out->n_isr == (size_t)proposal->isr->count);
    return out;
}

static void proposals_send(void *data)
{
    struct isr_proposals *proposals = data;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    Meta__AlterPartitions alter = META__ALTER_PARTITIONS__INIT;
    Meta__AlterPartitions__Partition *packed[PROPOSALS_BATCH];
    struct proposal_call *call =
        mem_alloc(sizeof(*call) + PROPOSALS_BATCH * sizeof(call->items[0]));
    while (!list_empty(&proposals->waiting) && call->count < PROPOSALS_BATCH) {
        struct partition *partition =
            LIST_ENTRY(list_pop(&proposals->waiting), struct partition, propose_link);
        struct partition_proposal proposal;
        if (!partition_take_proposal(partition, &proposal))
            continue;
        packed[call->count] = proposals_pack(proposals, partition, &proposal, &arena);
        if (!packed[call->count]) {
            partition_isr_answered(partition, proposal.partition_epoch, ERR_NO_MEMORY, NULL);
            proposals_retry(proposals);
            continue;
        }
        call->items[call->count].partition_epoch = proposal.partition_epoch;
        call->items[call->count].topic_id = partition->topic_id;
        call->items[call->count++].partition = partition->index;
    }
    if (!list_empty(&proposals->waiting))
        env_timer_start(&proposals->send_timer, 0);
    ASSERT(call->count <= PROPOSALS_BATCH);
    alter.broker_id = proposals->deps->node_id;
    alter.broker_epoch = controller_channel_broker_epoch(proposals->deps->channel);
    alter.partitions = packed;
    alter.n_partitions = call->count;
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_ALTER_PARTITIONS;
    command.alter_partitions = &alter;
    call->proposals = proposals;
    if (call->count > 0) {
        list_push(&proposals->calls, &call->link);
        controller_channel_call(proposals->deps->channel, &call->call, &command,
                                PROPOSALS_TIMEOUT_MS, proposals_answered);
    } else {
        mem_free(call);
    }
    arena_close(&arena);
}

static void proposals_review_due(void *data)
{
    struct isr_proposals *proposals = data;
    replica_manager_review_isrs(proposals->manager);
}

void isr_proposals_add(struct isr_proposals *proposals, struct partition *partition)
{
    ASSERT(partition->state == PARTITION_LEADER);
    ASSERT(partition->proposal == PROPOSAL_QUEUED);
    list_remove(&partition->propose_link);
    list_push(&proposals->waiting, &partition->propose_link);
    if (!env_timer_running(&proposals->send_timer))
        env_timer_start(&proposals->send_timer, 0);
}

struct isr_proposals *isr_proposals_new(struct replica_manager *manager)
{
    struct isr_proposals *proposals = mem_alloc(sizeof(*proposals));
    proposals->manager = manager;
    proposals->deps = replica_manager_deps(manager);
    list_init(&proposals->waiting);
    list_init(&proposals->calls);
    env_timer_init(proposals->deps->env, &proposals->send_timer, proposals_send, proposals);
    env_timer_init(proposals->deps->env, &proposals->review_timer, proposals_review_due, proposals);
    return proposals;
}

/* The channel outlives us: its calls are in memory of ours. */
void isr_proposals_free(struct isr_proposals *proposals)
{
    ASSERT(list_empty(&proposals->waiting));
    struct list *step;
    while ((step = list_pop(&proposals->calls))) {
        struct proposal_call *call = LIST_ENTRY(step, struct proposal_call, link);
        controller_call_cancel(&call->call);
        mem_free(call);
    }
    env_timer_stop(&proposals->send_timer);
    env_timer_stop(&proposals->review_timer);
    ASSERT(list_empty(&proposals->calls));
    mem_free(proposals);
}

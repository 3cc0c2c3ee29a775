/* TxnOffsetCommit (KIP-98, KIP-447): offsets that count when the producer's transaction is
 * committed. The coordinator takes it as an OffsetCommit; here it is brought into that form and
 * back. The answer comes when the offsets are replicated. Before, the coordinator of the
 * transaction is asked whether the group's partition is in it (KIP-890), or has it added from v5
 * on: offsets that come late would wait for an end that never comes. */
#include "broker/handlers/handlers.h"

#include "base/check.h"
#include "base/err.h"
#include "broker/broker.h"
#include "broker/coordinator/coordinator_key.h"
#include "broker/group/group_manager.h"
#include "broker/handlers/coordinator_topic.h"
#include "broker/net/request.h"
#include "broker/txn/txn_verifier.h"
#include "kafka/messages/txn_offset_commit.h"

enum {
    TXN_OFFSET_COMMIT_IDS_VERSION = 6,
    /* Producers older than 2.1 give up when they are told that the coordinator loads. */
    TXN_OFFSET_COMMIT_LOADING_VERSION = 2
};

enum {
    TXN_OFFSET_COMMIT_ABORTABLE_VERSION = 4, /* TRANSACTION_ABORTABLE is known */
    TXN_OFFSET_COMMIT_ADDS_VERSION = 5       /* nobody has added the partition before */
};

struct txn_offset_commit {
    struct txn_verify verify;
    struct group_commit op;
    struct offset_commit_request commit;
    struct request *request;
};

typedef struct txn_offset_commit_request_txn_offset_commit_request_topic txn_topic;
typedef struct offset_commit_request_offset_commit_request_topic commit_topic;
typedef struct txn_offset_commit_response_txn_offset_commit_response_topic txn_topic_answer;
typedef struct offset_commit_response_offset_commit_response_topic commit_topic_answer;

/* ---- to OffsetCommit ---- */

static bool txn_offset_commit_topic(struct request *request, const txn_topic *from,
                                    commit_topic *to)
{
    to->name = from->name;
    to->topic_id = from->topic_id;
    struct offset_commit_request_offset_commit_request_partition *out =
        WIRE_ARRAY(&request->arena, &to->partitions, from->partitions.count,
                   &offset_commit_request_offset_commit_request_partition_desc);
    for (int32_t i = 0; out && i < from->partitions.count; i++) {
        out[i].partition_index = from->partitions.items[i].partition_index;
        out[i].committed_offset = from->partitions.items[i].committed_offset;
        out[i].committed_leader_epoch = from->partitions.items[i].committed_leader_epoch;
        out[i].committed_metadata = from->partitions.items[i].committed_metadata;
    }
    return out != NULL;
}

static bool txn_offset_commit_request(struct request *request, struct offset_commit_request *to)
{
    const struct txn_offset_commit_request *body = request->body;
    wire_defaults(&offset_commit_request_desc, to);
    to->group_id = body->group_id;
    to->generation_id_or_member_epoch = body->generation_id_or_member_epoch;
    to->member_id = body->member_id;
    to->group_instance_id = body->group_instance_id;
    commit_topic *topics = WIRE_ARRAY(&request->arena, &to->topics, body->topics.count,
                                      &offset_commit_request_offset_commit_request_topic_desc);
    for (int32_t i = 0; topics && i < body->topics.count; i++)
        if (!txn_offset_commit_topic(request, &body->topics.items[i], &topics[i]))
            return false;
    return topics != NULL;
}

/* ---- and back ---- */

static int16_t txn_offset_commit_error(const struct request *request, int16_t code)
{
    if (request->version < TXN_OFFSET_COMMIT_LOADING_VERSION &&
        code == err_to_wire(ERR_COORDINATOR_LOAD_IN_PROGRESS))
        return err_to_wire(ERR_COORDINATOR_NOT_AVAILABLE);
    if (request->version >= TXN_OFFSET_COMMIT_ABORTABLE_VERSION &&
        code == err_to_wire(ERR_INVALID_TXN_STATE))
        return err_to_wire(ERR_TRANSACTION_ABORTABLE);
    return code;
}

static bool txn_offset_commit_answer_topic(struct request *request, const commit_topic_answer *from,
                                           txn_topic_answer *to)
{
    ASSERT(from->partitions.count >= 0);
    to->name = from->name;
    to->topic_id = from->topic_id;
    struct txn_offset_commit_response_txn_offset_commit_response_partition *out =
        WIRE_ARRAY(&request->arena, &to->partitions, from->partitions.count,
                   &txn_offset_commit_response_txn_offset_commit_response_partition_desc);
    for (int32_t i = 0; out && i < from->partitions.count; i++) {
        out[i].partition_index = from->partitions.items[i].partition_index;
        out[i].error_code = txn_offset_commit_error(request, from->partitions.items[i].error_code);
    }
    return out != NULL;
}

static bool txn_offset_commit_response(struct request *request,
                                       const struct offset_commit_response *from,
                                       struct txn_offset_commit_response *to)
{
    wire_defaults(&txn_offset_commit_response_desc, to);
    txn_topic_answer *topics =
        WIRE_ARRAY(&request->arena, &to->topics, from->topics.count,
                   &txn_offset_commit_response_txn_offset_commit_response_topic_desc);
    for (int32_t i = 0; topics && i < from->topics.count; i++)
        if (!txn_offset_commit_answer_topic(request, &from->topics.items[i], &topics[i]))
            return false;
    return topics != NULL;
}

static void txn_offset_commit_done(struct group_commit *op)
{
    struct request *request = CONTAINER_OF(op, struct txn_offset_commit, op)->request;
    struct txn_offset_commit_response response;
    if (txn_offset_commit_response(request, &op->response, &response))
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "commits more offsets than fit in memory");
}

/* ---- the coordinator of the transaction ---- */

/* One error for all partitions. */
static void txn_offset_commit_refuse(struct txn_offset_commit *commit, int err)
{
    struct request *request = commit->request;
    const struct txn_offset_commit_request *body = request->body;
    struct txn_offset_commit_response response;
    ASSERT(err < 0);
    ASSERT(!commit->verify.open);
    wire_defaults(&txn_offset_commit_response_desc, &response);
    txn_topic_answer *topics =
        WIRE_ARRAY(&request->arena, &response.topics, body->topics.count,
                   &txn_offset_commit_response_txn_offset_commit_response_topic_desc);
    for (int32_t i = 0; topics && i < body->topics.count; i++) {
        const txn_topic *from = &body->topics.items[i];
        topics[i].name = from->name;
        topics[i].topic_id = from->topic_id;
        struct txn_offset_commit_response_txn_offset_commit_response_partition *out =
            WIRE_ARRAY(&request->arena, &topics[i].partitions, from->partitions.count,
                       &txn_offset_commit_response_txn_offset_commit_response_partition_desc);
        for (int32_t j = 0; out && j < from->partitions.count; j++) {
            out[j].partition_index = from->partitions.items[j].partition_index;
            out[j].error_code = txn_offset_commit_error(request, err_to_wire(err));
        }
        topics = out ? topics : NULL;
    }
    if (topics)
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "commits more offsets than fit in memory");
}

/* What is only not known now is told as a coordinator that loads: every client tries again. */
static int txn_offset_commit_verdict(int err)
{
    ASSERT(err < 0);
    switch (err) {
    case ERR_TRANSACTION_ABORTABLE:
    case ERR_INVALID_TXN_STATE:
        return ERR_INVALID_TXN_STATE;
    case ERR_PRODUCER_FENCED:
    case ERR_INVALID_PRODUCER_EPOCH:
        return ERR_INVALID_PRODUCER_EPOCH;
    case ERR_INVALID_PRODUCER_ID_MAPPING:
        return err;
    default:
        return ERR_COORDINATOR_LOAD_IN_PROGRESS;
    }
}

static void txn_offset_commit_verified(struct txn_verify *verify, int err)
{
    struct txn_offset_commit *commit = CONTAINER_OF(verify, struct txn_offset_commit, verify);
    ASSERT(err <= 0);
    ASSERT(!verify->open);
    if (err)
        txn_guard_clear(&commit->op.guard);
    if (err)
        txn_offset_commit_refuse(commit, txn_offset_commit_verdict(err));
    else
        group_manager_commit(commit->request->broker->groups, &commit->op);
}

static void txn_offset_commit_asking(struct txn_verify *verify)
{
    struct txn_offset_commit *commit = CONTAINER_OF(verify, struct txn_offset_commit, verify);
    int err = group_manager_guard(commit->request->broker->groups, &commit->op);
    (void)err; /* then the commit says so too */
}

static bool txn_offset_commit_outdated(const struct txn_verify *verify)
{
    const struct txn_offset_commit *commit =
        CONTAINER_OF(verify, const struct txn_offset_commit, verify);
    return group_manager_is_outdated(&commit->op);
}

static void txn_offset_commit_begin(struct txn_offset_commit *commit)
{
    struct request *request = commit->request;
    const struct txn_offset_commit_request *body = request->body;
    struct txn_verifier *verifier = request->broker->txn_verifier;
    const struct image_topic *topic = coordinator_topic_find(request, COORDINATOR_TOPIC_GROUPS);
    bool adds = request->version >= TXN_OFFSET_COMMIT_ADDS_VERSION;
    ASSERT(commit->op.transactional);
    ASSERT(commit->op.done != NULL);
    /* Who is no coordinator says so by itself. */
    if (!topic || topic->partition_count == 0 || wire_str_is_empty(body->group_id) ||
        (!adds && !txn_verifier_is_wanted(verifier)) ||
        group_manager_guard(request->broker->groups, &commit->op)) {
        group_manager_commit(request->broker->groups, &commit->op);
        return;
    }
    commit->verify = (struct txn_verify){
        .producer = {body->transactional_id, body->producer_id, body->producer_epoch},
        .topic = wire_str_from(coordinator_topic_name(COORDINATOR_TOPIC_GROUPS)),
        .partition = coordinator_key_partition(body->group_id, topic->partition_count),
        .add = adds,
        .done = txn_offset_commit_verified,
        .asking = txn_offset_commit_asking,
        .outdated = txn_offset_commit_outdated};
    txn_verifier_ask(verifier, &commit->verify);
}

void handle_txn_offset_commit(struct request *request)
{
    const struct txn_offset_commit_request *body = request->body;
    struct txn_offset_commit *commit = request_alloc(request, sizeof(*commit));
    if (!commit)
        return;
    if (!txn_offset_commit_request(request, &commit->commit)) {
        request_fail(request, ERR_NO_MEMORY, "commits more offsets than fit in memory");
        return;
    }
    commit->request = request;
    commit->op.request = &commit->commit;
    commit->op.version = request->version >= TXN_OFFSET_COMMIT_IDS_VERSION
                             ? GROUP_TXN_COMMIT_IDS_VERSION
                             : GROUP_TXN_COMMIT_VERSION;
    commit->op.arena = &request->arena;
    commit->op.transactional = true;
    commit->op.producer_id = body->producer_id;
    commit->op.producer_epoch = body->producer_epoch;
    commit->op.done = txn_offset_commit_done;
    txn_offset_commit_begin(commit);
}

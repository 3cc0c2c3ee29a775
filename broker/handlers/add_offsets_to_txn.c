/* AddOffsetsToTxn: the transaction will commit offsets of a group: the partition of
 * __consumer_offsets that holds the group becomes one of its partitions.
 *
 * The topic is created by the first who asks, as by FindCoordinator: a transaction may come before
 * the group. Failure mode: it can't be created now, and clients try again. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/coordinator/coordinator_key.h"
#include "broker/handlers/coordinator_topic.h"
#include "broker/handlers/txn_error.h"
#include "broker/net/request.h"
#include "broker/txn/txn_manager.h"
#include "kafka/messages/add_offsets_to_txn.h"

struct add_offsets {
    struct txn_add add;
    struct request *request;
    struct add_partitions_to_txn_request_add_partitions_to_txn_topic topic;
    int32_t partition;
};

static void add_offsets_answer(struct request *request, int err)
{
    struct add_offsets_to_txn_response response;
    wire_defaults(&add_offsets_to_txn_response_desc, &response);
    response.error_code = err_to_wire(txn_error_for(err, request->version));
    request_reply(request, &response, NULL);
}

static void add_offsets_done(struct txn_add *add, int err)
{
    add_offsets_answer(CONTAINER_OF(add, struct add_offsets, add)->request, err);
}

static void add_offsets_ask(struct request *request)
{
    const struct add_offsets_to_txn_request *body = request->body;
    const struct image_topic *topic = coordinator_topic_find(request, COORDINATOR_TOPIC_GROUPS);
    /* A broker that ends calls this too: it has no transactions any more. */
    if (!request->broker->txns || !topic || topic->partition_count == 0) {
        add_offsets_answer(request, ERR_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    struct add_offsets *offsets = request_alloc(request, sizeof(*offsets));
    if (!offsets)
        return;
    offsets->request = request;
    offsets->partition = coordinator_key_partition(body->group_id, topic->partition_count);
    offsets->topic.name = wire_str_from(coordinator_topic_name(COORDINATOR_TOPIC_GROUPS));
    offsets->topic.partitions.items = &offsets->partition;
    offsets->topic.partitions.count = 1;
    offsets->add = (struct txn_add){
        .producer = {body->transactional_id, body->producer_id, body->producer_epoch},
        .topics = &offsets->topic,
        .topic_count = 1,
        .opened_us = request_opened_us(request),
        .wait_ms = TXN_WAIT_MS,
        .done = add_offsets_done};
    txn_manager_add(request->broker->txns, &offsets->add);
}

void handle_add_offsets_to_txn(struct request *request)
{
    const struct add_offsets_to_txn_request *body = request->body;
    if (wire_str_is_null(body->group_id))
        add_offsets_answer(request, ERR_INVALID_GROUP_ID);
    else
        coordinator_topic_ensure(request, COORDINATOR_TOPIC_GROUPS, add_offsets_ask);
}

/* FindCoordinator: which broker coordinates a group, or a transactional id. From v4 on several keys
 * at once.
 *
 * Happy path: the leader of the key's partition of the coordinators' topic, off the image. The
 * topic is created by the first who asks; the answer waits for that, so that the client need not
 * ask again. Failure modes: no leader, or no topic in time: COORDINATOR_NOT_AVAILABLE, and clients
 * try again. A build that does not tell of transactions refuses their ids: the one error after
 * which both the Java client and librdkafka give up and show our sentence is
 * CLUSTER_AUTHORIZATION_FAILED. After any other code librdkafka goes on asking, and after
 * TRANSACTIONAL_ID_AUTHORIZATION_FAILED Java hides the sentence. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/coordinator/coordinator_key.h"
#include "broker/group/group_manager.h"
#include "broker/handlers/coordinator_topic.h"
#include "broker/handlers/nodes.h"
#include "broker/net/request.h"
#include "broker/txn/txn_manager.h"
#include "kafka/messages/find_coordinator.h"

enum {
    FIND_COORDINATOR_LIST_VERSION = 4,
    FIND_COORDINATOR_GROUP = 0,
    FIND_COORDINATOR_TRANSACTION = 1
};

typedef struct find_coordinator_response_coordinator coordinator;

/* Also of the empty id, under which old clients store offsets. */
static int coordinator_find(struct request *request, enum coordinator_topic which,
                            struct wire_str key, coordinator *out)
{
    const struct image_topic *topic = coordinator_topic_find(request, which);
    if (!topic)
        return ERR_COORDINATOR_NOT_AVAILABLE;
    const struct image_partition *partition =
        image_partition(topic, coordinator_key_partition(key, topic->partition_count));
    const struct image_broker *broker =
        partition ? image_broker(nodes_image(request), partition->leader) : NULL;
    const struct image_endpoint *endpoint = nodes_endpoint(request, broker);
    if (!endpoint)
        return ERR_COORDINATOR_NOT_AVAILABLE;
    ASSERT(broker); /* it has an endpoint */
    out->node_id = broker->id;
    out->host = wire_str_from(endpoint->host);
    out->port = endpoint->port;
    return 0;
}

static int coordinator_lookup(struct request *request, struct wire_str key, coordinator *out,
                              const char **reason)
{
    const struct find_coordinator_request *body = request->body;
    switch (body->key_type) {
    case FIND_COORDINATOR_GROUP:
        *reason = "the partition of " GROUP_OFFSETS_TOPIC " that holds the group has no leader now";
        return coordinator_find(request, COORDINATOR_TOPIC_GROUPS, key, out);
    case FIND_COORDINATOR_TRANSACTION:
        *reason = coordinator_topic_find(request, COORDINATOR_TOPIC_TRANSACTIONS)
                      ? "the partition of " TXN_STATE_TOPIC
                        " that holds the transactional id has no leader now"
                      : TXN_STATE_TOPIC " could not be created: it takes as many brokers as "
                                        "transaction.state.log.replication.factor says";
        return coordinator_find(request, COORDINATOR_TOPIC_TRANSACTIONS, key, out);
    default:
        *reason = "only groups (key type 0) and transactional ids (1) have coordinators here";
        return ERR_INVALID_REQUEST;
    }
}

static void coordinator_fill(struct request *request, struct wire_str key, coordinator *out)
{
    const char *reason;
    int err = coordinator_lookup(request, key, out, &reason);
    out->key = key;
    out->error_code = err_to_wire(err);
    if (!err)
        return;
    out->node_id = -1;
    out->port = -1;
    out->error_message = wire_str_from(reason);
}

static void coordinator_answer(struct request *request)
{
    const struct find_coordinator_request *body = request->body;
    struct find_coordinator_response response;
    wire_defaults(&find_coordinator_response_desc, &response);
    bool lists = request->version >= FIND_COORDINATOR_LIST_VERSION;
    int32_t count = lists ? body->coordinator_keys.count : 1;
    coordinator *out = WIRE_ARRAY(&request->arena, &response.coordinators, count,
                                  &find_coordinator_response_coordinator_desc);
    if (!out) {
        request_fail(request, ERR_NO_MEMORY, "asks for more coordinators than fit in memory");
        return;
    }
    for (int32_t i = 0; i < count; i++)
        coordinator_fill(request, lists ? body->coordinator_keys.items[i] : body->key, &out[i]);
    if (!lists) {
        response.coordinators.count = 0;
        response.error_code = out->error_code;
        response.error_message = out->error_message;
        response.node_id = out->node_id;
        response.host = out->host;
        response.port = out->port;
    }
    request_reply(request, &response, NULL);
}

void handle_find_coordinator(struct request *request)
{
    const struct find_coordinator_request *body = request->body;
    if (body->key_type == FIND_COORDINATOR_GROUP)
        coordinator_topic_ensure(request, COORDINATOR_TOPIC_GROUPS, coordinator_answer);
    else if (body->key_type == FIND_COORDINATOR_TRANSACTION)
        coordinator_topic_ensure(request, COORDINATOR_TOPIC_TRANSACTIONS, coordinator_answer);
    else
        coordinator_answer(request);
}

/* FindCoordinator: which broker coordinates a group. From v4 on several keys at once.
 *
 * Happy path: the leader of the key's partition of __consumer_offsets, off the image. The topic is
 * created by the first who asks; the answer waits for that, so that the client need not ask again.
 * Failure modes: no leader, or no topic in time: COORDINATOR_NOT_AVAILABLE, and clients try again.
 * Transactions have no coordinator yet: the one error after which both the Java client and
 * librdkafka give up and show our sentence is CLUSTER_AUTHORIZATION_FAILED. After any other code
 * librdkafka goes on asking, and after TRANSACTIONAL_ID_AUTHORIZATION_FAILED Java hides the
 * sentence.
 */
#include "broker/handlers/handlers.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/coordinator/coordinator_key.h"
#include "broker/group/group_manager.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/origin.h"
#include "broker/net/request.h"
#include "kafka/messages/find_coordinator.h"

enum {
    FIND_COORDINATOR_LIST_VERSION = 4,
    FIND_COORDINATOR_GROUP = 0,
    FIND_COORDINATOR_TRANSACTION = 1,
    FIND_COORDINATOR_CREATE_MS = 10000 /* clients ask again after 30 s */
};

typedef struct find_coordinator_response_coordinator coordinator;

static const struct image_topic *coordinator_topic(const struct request *request)
{
    return image_topic_by_name(nodes_image(request), GROUP_OFFSETS_TOPIC,
                               strlen(GROUP_OFFSETS_TOPIC));
}

/* Also of the empty id, under which old clients store offsets. */
static int coordinator_find(struct request *request, struct wire_str key, coordinator *out)
{
    const struct image_topic *topic = coordinator_topic(request);
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
        return coordinator_find(request, key, out);
    case FIND_COORDINATOR_TRANSACTION:
        *reason = "transactions are not available in this release: remove transactional.id";
        return ERR_CLUSTER_AUTHORIZATION_FAILED;
    default:
        *reason = "only groups (key type 0) have coordinators here";
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

/* ---- the topic ---- */

static void coordinator_created(void *data, int err, const int *errors)
{
    struct request *request = data;
    if (err || errors[0])
        request_warn(request, "%s could not be created: %s", GROUP_OFFSETS_TOPIC,
                     err_text(err ? err : errors[0]));
    coordinator_answer(request);
}

static int32_t coordinator_replicas(const struct request *request)
{
    const struct image_broker *broker;
    int32_t wanted =
        (int32_t)config_int(request->broker->config, CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR);
    int32_t live = 0;
    size_t cursor = 0;
    while ((broker = image_next_broker(nodes_image(request), &cursor)))
        live += !broker->fenced && !broker->stopping;
    return live > 0 && live < wanted ? live : wanted;
}

static void coordinator_create_topic(struct request *request)
{
    const struct config *config = request->broker->config;
    int64_t size = config_int(config, CONFIG_OFFSETS_TOPIC_SEGMENT_BYTES);
    bool small = size < config_row(CONFIG_LOG_SEGMENT_BYTES)->min; /* no topic may have so little */
    char segment_bytes[24];
    snprintf(segment_bytes, sizeof(segment_bytes), "%lld", (long long)size);
    const struct command_setting settings[] = {
        {"cleanup.policy", "compact"},
        {"compression.type", "producer"},
        {small ? "internal.segment.bytes" : "segment.bytes", segment_bytes}};
    const struct command_topic topic = {
        .name = GROUP_OFFSETS_TOPIC,
        .partitions = (int32_t)config_int(config, CONFIG_OFFSETS_TOPIC_NUM_PARTITIONS),
        .replication_factor = coordinator_replicas(request),
        .settings = settings,
        .setting_count = ARRAY_LEN(settings)};
    command_create_topics(request->broker->channel, origin_of(request), &topic, 1,
                          FIND_COORDINATOR_CREATE_MS, coordinator_created, request);
}

void handle_find_coordinator(struct request *request)
{
    const struct find_coordinator_request *body = request->body;
    if (body->key_type == FIND_COORDINATOR_GROUP && !coordinator_topic(request))
        coordinator_create_topic(request);
    else
        coordinator_answer(request);
}

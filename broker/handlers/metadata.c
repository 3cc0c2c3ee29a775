/* Metadata: brokers, topics, leaders, as this client should see them.
 *
 * Happy path: everything is read off the image, of many topics in several turns. A topic that does
 * not exist is created first when the request and auto.create.topics.enable allow it; the answer
 * then waits until the topic is known here, so that the client need not ask again. When a broker
 * that we follow has just hung up, the answer waits a moment for the controller to name the new
 * leaders: librdkafka asks within a millisecond of a leader's death, and if told the old leader,
 * asks again only up to a second later. Its connection may even break before ours does: so a
 * question about certain topics always waits for METADATA_SETTLE_MS first. */
#include "broker/handlers/handlers.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/cluster/controller_channel.h"
#include "broker/handlers/known.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/origin.h"
#include "broker/handlers/topic_name.h"
#include "broker/net/request_stream.h"
#include "broker/replica/replica_manager.h"
#include "kafka/messages/metadata.h"

enum {
    METADATA_ALL_BY_NULL_VERSION = 1, /* v0: an empty list means all topics */
    METADATA_SETTLE_MS = 3,
    METADATA_HOLD_MS = 500, /* covers an election of the controllers; clients wait for seconds */
    METADATA_LISTENER_VERSION = 6, /* knows LISTENER_NOT_FOUND */
    METADATA_ABSENT_VERSION = 0,   /* leaves out replicas on brokers that are down */
    METADATA_IDS_VERSION = 12,     /* topics may be named by their ids */
    METADATA_CREATE_MS = 5000,     /* then the client hears that the topic is not there yet */
};

typedef struct metadata_response_metadata_response_topic metadata_topic;
typedef struct metadata_response_metadata_response_partition metadata_partition;

/* ---- brokers ---- */

static bool metadata_fill_brokers(struct request *request, struct metadata_response *response)
{
    const struct image *image = nodes_image(request);
    const struct image_broker *broker;
    int32_t count = 0;
    size_t cursor = 0;
    while ((broker = image_next_broker(image, &cursor)))
        count += nodes_endpoint(request, broker) != NULL;
    struct metadata_response_metadata_response_broker *out =
        WIRE_ARRAY(&request->arena, &response->brokers, count,
                   &metadata_response_metadata_response_broker_desc);
    if (!out)
        return false;
    cursor = 0;
    while ((broker = image_next_broker(image, &cursor))) {
        const struct image_endpoint *endpoint = nodes_endpoint(request, broker);
        if (!endpoint)
            continue;
        out->node_id = broker->id;
        out->host = wire_str_from(endpoint->host);
        out->port = endpoint->port;
        out->rack = wire_str_from(broker->rack);
        out++;
        ASSERT(out <= response->brokers.items + count);
    }
    return true;
}

/* ---- topics ---- */

static int metadata_leader_error(const struct request *request,
                                 const struct image_partition *partition)
{
    int err = nodes_leader_error(request, partition);
    bool unknown = err == ERR_LISTENER_NOT_FOUND && request->version < METADATA_LISTENER_VERSION;
    return unknown ? ERR_LEADER_NOT_AVAILABLE : err;
}

/* The ids of brokers that live and that this client can reach; NULL when memory is out. */
static int32_t *metadata_reachable(const struct request *request, struct arena *arena,
                                   const struct image_ids *ids, int32_t *count)
{
    int32_t *out = arena_alloc_array(arena, (size_t)ids->count, sizeof(*out));
    *count = 0;
    for (int32_t i = 0; out && i < ids->count; i++)
        if (nodes_endpoint(request, image_broker(nodes_image(request), ids->ids[i])))
            out[(*count)++] = ids->ids[i];
    ASSERT(*count <= ids->count);
    return out;
}

/* v0 has no list of replicas that are offline: they are left out, and the error says so. */
static bool metadata_leave_out(const struct request *request, struct arena *arena,
                               const struct image_partition *partition, metadata_partition *out)
{
    out->replica_nodes.items =
        metadata_reachable(request, arena, &partition->replicas, &out->replica_nodes.count);
    out->isr_nodes.items =
        metadata_reachable(request, arena, &partition->isr, &out->isr_nodes.count);
    if (!out->replica_nodes.items || !out->isr_nodes.items)
        return false;
    if (!out->error_code && (out->replica_nodes.count < partition->replicas.count ||
                             out->isr_nodes.count < partition->isr.count))
        out->error_code = err_to_wire(ERR_REPLICA_NOT_AVAILABLE);
    return true;
}

static bool metadata_fill_partition(const struct request *request, struct arena *arena,
                                    const struct image_partition *partition,
                                    metadata_partition *out)
{
    int err = metadata_leader_error(request, partition);
    out->error_code = err_to_wire(err);
    out->partition_index = partition->index;
    out->leader_id = err ? IMAGE_NO_NODE : partition->leader;
    out->leader_epoch = partition->leader_epoch;
    out->replica_nodes.count = partition->replicas.count;
    out->replica_nodes.items = partition->replicas.ids;
    out->isr_nodes.count = partition->isr.count;
    out->isr_nodes.items = partition->isr.ids;
    if (request->version == METADATA_ABSENT_VERSION)
        return metadata_leave_out(request, arena, partition, out);
    out->offline_replicas.items =
        nodes_offline(request, arena, partition, &out->offline_replicas.count);
    return out->offline_replicas.items != NULL;
}

static bool metadata_fill_topic(const struct request *request, struct arena *arena,
                                const struct image_topic *topic, metadata_topic *out)
{
    const struct metadata_request *body = request->body;
    out->name = wire_str_from(topic->name);
    out->topic_id = topic->id;
    out->is_internal = topic_name_is_internal(out->name);
    if (body->include_topic_authorized_operations)
        out->topic_authorized_operations = ACL_ALL_OF_TOPIC;
    metadata_partition *partitions =
        WIRE_ARRAY(arena, &out->partitions, topic->partition_count,
                   &metadata_response_metadata_response_partition_desc);
    if (!partitions)
        return false;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct image_partition *partition = image_partition(topic, i);
        if (partition && !metadata_fill_partition(request, arena, partition, partitions++))
            return false;
    }
    ASSERT(partitions <= out->partitions.items + topic->partition_count);
    out->partitions.count = (int32_t)(partitions - out->partitions.items);
    return true;
}

typedef struct metadata_request_metadata_request_topic metadata_asked;

/* With an id the name does not count: Java clients send "" beside it. */
static const struct image_topic *metadata_find(const struct request *request,
                                               const metadata_asked *asked)
{
    const struct image *image = nodes_image(request);
    if (!uuid_is_zero(&asked->topic_id))
        return image_topic_by_id(image, &asked->topic_id);
    if (wire_str_is_null(asked->name))
        return NULL;
    return image_topic_by_name(image, asked->name.data, (size_t)asked->name.len);
}

static void metadata_fill_absent(const metadata_asked *asked, metadata_topic *out)
{
    int err = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    out->name = asked->name;
    out->topic_id = asked->topic_id;
    if (!uuid_is_zero(&asked->topic_id)) {
        err = ERR_UNKNOWN_TOPIC_ID;
        out->name = WIRE_STR_NULL;
    } else if (wire_str_is_null(asked->name)) {
        err = ERR_UNKNOWN_SERVER_ERROR; /* as Kafka: it names nothing */
        out->name = wire_str_from("");
    } else if (topic_name_check(asked->name)) {
        err = ERR_INVALID_TOPIC_EXCEPTION;
    }
    ASSERT(err < 0);
    out->error_code = err_to_wire(err);
    out->is_internal = topic_name_is_internal(out->name);
}

/* v10 and v11 have the fields for ids, but in Kafka too they work from v12 on only: one such topic
 * refuses them all. */
static bool metadata_is_refused(const struct request *request)
{
    const struct metadata_request *body = request->body;
    for (int32_t i = 0; request->version < METADATA_IDS_VERSION && i < body->topics.count; i++)
        if (wire_str_is_null(body->topics.items[i].name) ||
            !uuid_is_zero(&body->topics.items[i].topic_id))
            return true;
    return false;
}

static void metadata_fill_refused(const metadata_asked *asked, metadata_topic *out)
{
    out->error_code = err_to_wire(ERR_INVALID_REQUEST);
    out->name = wire_str_is_null(asked->name) ? wire_str_from("") : asked->name;
    out->topic_id = asked->topic_id;
}

/* ---- the answer ---- */

struct metadata_answer {
    struct request_stream stream;
    struct metadata_response response;
    const metadata_asked *topics; /* what to tell of */
    bool refused;
};

static bool metadata_fill(struct request_stream *stream, int32_t index, struct arena *arena,
                          void *item)
{
    const struct metadata_answer *answer = CONTAINER_OF(stream, struct metadata_answer, stream);
    const struct request *request = stream->request;
    const metadata_asked *asked = &answer->topics[index];
    const struct image_topic *topic = answer->refused ? NULL : metadata_find(request, asked);
    ASSERT(index >= 0);
    ASSERT(index < stream->count);
    if (topic)
        return metadata_fill_topic(request, arena, topic, item);
    if (answer->refused)
        metadata_fill_refused(asked, item);
    else
        metadata_fill_absent(asked, item);
    return true;
}

/* By name, so that one which goes before its turn is told as any other that is not there. */
static bool metadata_list_all(struct request *request, struct metadata_answer *answer)
{
    const struct image *image = nodes_image(request);
    size_t count = image_topic_count(image);
    metadata_asked *all = arena_alloc_array(&request->arena, count, sizeof(*all));
    const struct image_topic *topic;
    size_t cursor = 0;
    answer->topics = all;
    answer->stream.count = (int32_t)count;
    while (all && (topic = image_next_topic(image, &cursor))) {
        const char *name = arena_strndup(&request->arena, topic->name, strlen(topic->name));
        if (!name)
            return false;
        all++->name = wire_str_from(name);
    }
    return all != NULL;
}

static bool metadata_begin(struct request_stream *stream)
{
    struct metadata_answer *answer = CONTAINER_OF(stream, struct metadata_answer, stream);
    struct request *request = stream->request;
    const struct metadata_request *body = request->body;
    const char *cluster_id = controller_channel_cluster_id(request->broker->channel);
    struct metadata_response *response = &answer->response;
    ASSERT(request->body != NULL);
    wire_defaults(&metadata_response_desc, response);
    response->cluster_id = cluster_id[0] ? wire_str_from(cluster_id) : WIRE_STR_NULL;
    response->controller_id = nodes_controller(request);
    if (body->include_cluster_authorized_operations)
        response->cluster_authorized_operations = ACL_ALL_OF_CLUSTER;
    bool all = body->topics.count < 0 ||
               (body->topics.count == 0 && request->version < METADATA_ALL_BY_NULL_VERSION);
    stream->count = body->topics.count;
    answer->topics = body->topics.items;
    answer->refused = metadata_is_refused(request);
    return metadata_fill_brokers(request, response) && (!all || metadata_list_all(request, answer));
}

static void metadata_answer(struct request *request)
{
    struct metadata_answer *answer = request_alloc(request, sizeof(*answer));
    if (!answer)
        return;
    answer->stream = (struct request_stream){
        .response = &answer->response,
        .array = "Topics",
        .item = &metadata_response_metadata_response_topic_desc,
        .begin = metadata_begin,
        .fill = metadata_fill,
    };
    request_stream_start(request, &answer->stream);
}

/* ---- a broker that has just died ---- */

/* How long the answer should wait for the controller's decision on a broker whose line has broken.
 */
static int64_t metadata_hold_ms(const struct request *request)
{
    const struct broker *broker = request->broker;
    const struct image_broker *other;
    int64_t hold_ms = 0, now_ms = env_now_ms(broker->env);
    size_t cursor = 0;
    while ((other = image_next_broker(nodes_image(request), &cursor))) {
        int64_t lost_ms = other->fenced ? 0 : replica_manager_lost_ms(broker->replicas, other->id);
        int64_t rest_ms = lost_ms ? lost_ms + METADATA_HOLD_MS - now_ms : 0;
        hold_ms = rest_ms > hold_ms ? rest_ms : hold_ms;
    }
    return hold_ms;
}

struct metadata_hold {
    struct metadata_wait wait;
    struct request *request;
};

static void metadata_answer_settled(struct request *request);

/* Until `index` is applied, or that long. */
static void metadata_hold(struct request *request, int64_t index, int64_t hold_ms,
                          void (*held)(struct metadata_wait *wait, int err))
{
    struct metadata_hold *hold = mem_alloc(sizeof(*hold));
    hold->request = request;
    metadata_wait(request->broker->metadata, &hold->wait, index, hold_ms, held);
}

static struct request *metadata_release(struct metadata_wait *wait)
{
    struct metadata_hold *hold = CONTAINER_OF(wait, struct metadata_hold, wait);
    struct request *request = hold->request;
    mem_free(hold);
    return request;
}

static void metadata_held(struct metadata_wait *wait, int err)
{
    struct request *request = metadata_release(wait);
    if (err == ERR_BROKER_NOT_AVAILABLE)
        request_fail(request, err, "finds this broker stopping");
    else if (err)
        known_handle(request, metadata_answer);
    else
        metadata_answer_settled(request);
}

/* Answers at once, or, while a broker's death is being decided upon, after the next change. */
static void metadata_answer_settled(struct request *request)
{
    int64_t hold_ms = metadata_hold_ms(request);
    if (hold_ms <= 0) {
        known_handle(request, metadata_answer);
        return;
    }
    int64_t next = metadata_index(request->broker->metadata) + 1;
    metadata_hold(request, next, hold_ms, metadata_held);
}

/* What broke together with the client's line to a leader has reached us by now. */
static void metadata_settled(struct metadata_wait *wait, int err)
{
    struct request *request = metadata_release(wait);
    if (err == ERR_BROKER_NOT_AVAILABLE)
        request_fail(request, err, "finds this broker stopping");
    else
        metadata_answer_settled(request);
}

/* ---- automatic creation ---- */

static bool metadata_must_create(const struct request *request, const metadata_asked *asked)
{
    return uuid_is_zero(&asked->topic_id) && !wire_str_is_null(asked->name) &&
           !metadata_find(request, asked) && topic_name_check(asked->name) == 0 &&
           !topic_name_is_internal(asked->name);
}

struct metadata_creation {
    struct request *request;
    size_t count;
    struct command_topic *topics; /* in the request's arena */
};

/* What could not be created is answered as absent, and the client asks again: so the reason is said
 * here. */
static void metadata_created(void *data, int err, const int *errors)
{
    const struct metadata_creation *creation = data;
    struct request *request = creation->request;
    if (err == ERR_BROKER_NOT_AVAILABLE) { /* there is no metadata left to answer from */
        request_fail(request, err, "finds this broker stopping");
        return;
    }
    for (size_t i = 0; i < creation->count; i++) {
        int failed = errors ? errors[i] : err;
        if (failed)
            request_warn(request, "can't create topic %s for %s: %s", creation->topics[i].name,
                         request_peer(request), err_text(failed));
    }
    metadata_answer_settled(request);
}

/* What this broker's file says; what it does not say is left to the controller's (-1). */
static int32_t metadata_own_count(const struct request *request, enum config_id id)
{
    const struct config *config = request->broker->config;
    return config_is_set(config, id) ? (int32_t)config_int(config, id) : -1;
}

/* Asks the controller for the topics that are missing; false when there is nothing to create. */
static bool metadata_create(struct request *request)
{
    const struct metadata_request *body = request->body;
    size_t room = body->topics.count > 0 ? (size_t)body->topics.count : 0;
    struct command_topic *topics = arena_alloc_array(&request->arena, room, sizeof(*topics));
    struct metadata_creation *creation = arena_alloc(&request->arena, sizeof(*creation));
    size_t count = 0;
    for (size_t i = 0; topics && creation && i < room; i++) {
        const metadata_asked *asked = &body->topics.items[i];
        char *name;
        if (!metadata_must_create(request, asked) ||
            command_text(&request->arena, asked->name, &name))
            continue;
        topics[count++] = (struct command_topic){
            .name = name,
            .partitions = metadata_own_count(request, CONFIG_NUM_PARTITIONS),
            .replication_factor =
                (int16_t)metadata_own_count(request, CONFIG_DEFAULT_REPLICATION_FACTOR),
        };
    }
    if (count == 0)
        return false;
    *creation = (struct metadata_creation){request, count, topics};
    command_create_topics(request->broker->channel, origin_of(request), topics, count,
                          METADATA_CREATE_MS, metadata_created, creation);
    return true;
}

void handle_metadata(struct request *request)
{
    const struct metadata_request *body = request->body;
    /* Versions that can't say so mean yes. */
    bool create = body->allow_auto_topic_creation &&
                  config_bool(request->broker->config, CONFIG_AUTO_CREATE_TOPICS_ENABLE);
    if (create && !metadata_is_refused(request) && metadata_create(request))
        return;
    if (body->topics.count > 0)
        metadata_hold(request, INT64_MAX, METADATA_SETTLE_MS, metadata_settled);
    else
        metadata_answer_settled(request);
}

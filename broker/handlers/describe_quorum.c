/* DescribeQuorum: the state of Raft, asked of the active controller. Only the one partition of
 * __cluster_metadata exists; others are answered as unknown. A cluster without an active controller
 * is told soon, since that is what the question is often about. */
#include "broker/handlers/handlers.h"

#include <string.h>

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/origin.h"
#include "broker/net/request.h"
#include "config/config.h"
#include "kafka/messages/describe_quorum.h"

#define QUORUM_TOPIC "__cluster_metadata"

#define QUORUM_SILENT "No active controller has answered for four seconds."

enum {
    QUORUM_NODES_VERSION = 2,
    QUORUM_WAIT_MS = 4000 /* elections are over by then, and `millrace status` still listens */
};

typedef struct describe_quorum_response_partition_data quorum_partition;
typedef struct describe_quorum_response_replica_state quorum_replica;

struct describe_quorum {
    struct request *request;
    struct describe_quorum_response response;
    quorum_partition *partition; /* what is to be filled */
    bool no_memory;
};

/* ---- the answer ---- */

static quorum_replica *quorum_fill_replica(const struct describe_quorum *quorum,
                                           quorum_replica *out,
                                           const Meta__QuorumState__Replica *replica)
{
    if (quorum->request->version >= QUORUM_NODES_VERSION &&
        replica->directory_id.len == sizeof(out->replica_directory_id.bytes))
        memcpy(out->replica_directory_id.bytes, replica->directory_id.data,
               sizeof(out->replica_directory_id.bytes));
    out->replica_id = replica->id;
    out->log_end_offset = replica->log_end;
    out->last_fetch_timestamp = replica->last_fetch_ms;
    out->last_caught_up_timestamp = replica->last_caught_up_ms;
    return out + 1;
}

/* A broker keeps what it knows of the metadata in memory; it is told by its first log directory. */
static void quorum_fill_directory(const struct describe_quorum *quorum, quorum_replica *out,
                                  int32_t id)
{
    const struct image_broker *broker = image_broker(nodes_image(quorum->request), id);
    if (quorum->request->version >= QUORUM_NODES_VERSION && broker && broker->log_dir_count > 0)
        out->replica_directory_id = broker->log_dirs[0];
}

static bool quorum_fill_node(struct request *request, const Meta__QuorumState__Replica *replica,
                             struct describe_quorum_response_node *node)
{
    struct arena *arena = &request->arena;
    size_t len;
    const char *name = config_controller_name(request->broker->config, &len);
    struct describe_quorum_response_listener *listener =
        WIRE_ARRAY(arena, &node->listeners, 1, &describe_quorum_response_listener_desc);
    if (!listener)
        return false;
    node->node_id = replica->id;
    listener->name = wire_str_of(name, len);
    listener->host = command_keep(arena, replica->host);
    listener->port = (uint16_t)replica->port;
    return !wire_str_is_null(listener->host);
}

/* Nodes: the voters whose address the controller told. */
static bool quorum_fill_nodes(struct describe_quorum *quorum, const Meta__QuorumState *state)
{
    struct arena *arena = &quorum->request->arena;
    struct describe_quorum_response_node *nodes =
        WIRE_ARRAY(arena, &quorum->response.nodes, (int32_t)state->n_voters,
                   &describe_quorum_response_node_desc);
    if (!nodes)
        return false;
    for (size_t i = 0; i < state->n_voters; i++)
        if (state->voters[i]->host[0] &&
            !quorum_fill_node(quorum->request, state->voters[i], nodes++))
            return false;
    quorum->response.nodes.count = (int32_t)(nodes - quorum->response.nodes.items);
    return true;
}

static bool quorum_fill(struct describe_quorum *quorum, const Meta__QuorumState *state)
{
    struct arena *arena = &quorum->request->arena;
    quorum_partition *out = quorum->partition;
    out->leader_id = state->leader_id;
    out->leader_epoch = (int32_t)state->leader_epoch;
    out->high_watermark = state->high_watermark;
    quorum_replica *voters = WIRE_ARRAY(arena, &out->current_voters, (int32_t)state->n_voters,
                                        &describe_quorum_response_replica_state_desc);
    quorum_replica *observers = WIRE_ARRAY(arena, &out->observers, (int32_t)state->n_observers,
                                           &describe_quorum_response_replica_state_desc);
    if (!voters || !observers)
        return false;
    for (size_t i = 0; i < state->n_voters; i++)
        voters = quorum_fill_replica(quorum, voters, state->voters[i]);
    for (size_t i = 0; i < state->n_observers; i++) {
        quorum_fill_directory(quorum, observers, state->observers[i]->id);
        observers = quorum_fill_replica(quorum, observers, state->observers[i]);
    }
    return quorum->request->version < QUORUM_NODES_VERSION || quorum_fill_nodes(quorum, state);
}

static void quorum_result(void *data, int err, const char *sentence,
                          const Meta__CommandReply *reply)
{
    struct describe_quorum *quorum = data;
    if (!err && !reply->quorum) {
        err = ERR_UNKNOWN_SERVER_ERROR;
        sentence = "The controller's answer does not hold the state of the quorum.";
    }
    if (err == ERR_REQUEST_TIMED_OUT)
        sentence = QUORUM_SILENT;
    if (err) {
        quorum->response.error_code = err_to_wire(err);
        quorum->response.error_message = command_keep(&quorum->request->arena, sentence);
        quorum->response.topics.count = 0;
        return;
    }
    quorum->no_memory = !quorum_fill(quorum, reply->quorum);
}

static void quorum_finish(void *data, int err)
{
    struct describe_quorum *quorum = data;
    (void)err;
    if (quorum->no_memory)
        request_fail(quorum->request, ERR_NO_MEMORY, "asks for more than fits in memory");
    else
        request_reply(quorum->request, &quorum->response, NULL);
}

static const struct command_events quorum_events = {
    .result = quorum_result,
    .finish = quorum_finish,
};

/* ---- the request ---- */

static bool quorum_prepare_topic(struct describe_quorum *quorum,
                                 const struct describe_quorum_request_topic_data *asked,
                                 struct describe_quorum_response_topic_data *topic)
{
    topic->topic_name = asked->topic_name;
    quorum_partition *partitions =
        WIRE_ARRAY(&quorum->request->arena, &topic->partitions, asked->partitions.count,
                   &describe_quorum_response_partition_data_desc);
    for (int32_t i = 0; partitions && i < asked->partitions.count; i++) {
        partitions[i].partition_index = asked->partitions.items[i].partition_index;
        partitions[i].error_message = wire_str_from(""); /* as Kafka says that all is well */
        if (wire_str_is(asked->topic_name, QUORUM_TOPIC) && partitions[i].partition_index == 0) {
            quorum->partition = &partitions[i];
            continue;
        }
        partitions[i].error_code = err_to_wire(ERR_UNKNOWN_TOPIC_OR_PARTITION);
        partitions[i].error_message =
            wire_str_from("This server does not host this topic-partition.");
    }
    return partitions != NULL;
}

static bool quorum_prepare(struct describe_quorum *quorum)
{
    const struct describe_quorum_request *body = quorum->request->body;
    struct describe_quorum_response *response = &quorum->response;
    wire_defaults(&describe_quorum_response_desc, response);
    response->error_message = wire_str_from("");
    bool ok = WIRE_ARRAY(&quorum->request->arena, &response->topics, body->topics.count,
                         &describe_quorum_response_topic_data_desc) != NULL;
    for (int32_t i = 0; ok && i < body->topics.count; i++)
        ok = quorum_prepare_topic(quorum, &body->topics.items[i], &response->topics.items[i]);
    return ok;
}

void handle_describe_quorum(struct request *request)
{
    struct describe_quorum *quorum = arena_alloc(&request->arena, sizeof(*quorum));
    if (quorum)
        quorum->request = request;
    if (!quorum || !quorum_prepare(quorum)) {
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
        return;
    }
    if (!quorum->partition) {
        request_reply(request, &quorum->response, NULL);
        return;
    }
    Meta__DescribeQuorum describe = META__DESCRIBE_QUORUM__INIT;
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_DESCRIBE_QUORUM;
    command.describe_quorum = &describe;
    command_send(request->broker->channel, origin_of(request), &command, QUORUM_WAIT_MS,
                 &quorum_events, quorum);
}

/* AlterPartitionReassignments: other replicas for partitions, or (null) the end of a move that is
 * under way; a command to the controller. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/origin.h"
#include "broker/net/request.h"
#include "kafka/messages/alter_partition_reassignments.h"

typedef struct alter_partition_reassignments_request_reassignable_topic reassign_topic;
typedef struct alter_partition_reassignments_response_reassignable_topic_response reassign_result;
typedef struct alter_partition_reassignments_response_reassignable_partition_response
    reassign_partition;

struct reassign {
    struct request *request;
    struct alter_partition_reassignments_response response;
    Meta__AlterReassignments command;
    reassign_partition **sent; /* where the answer to each partition of the command goes */
};

/* The controller answers each partition in `elections`, in the order of the command. */
static void reassign_result_in(void *data, int err, const char *sentence,
                               const Meta__CommandReply *reply)
{
    struct reassign *reassign = data;
    struct arena *arena = &reassign->request->arena;
    if (err) {
        reassign->response.error_code = err_to_wire(err);
        reassign->response.error_message = command_keep(arena, sentence);
    }
    for (size_t i = 0; i < reassign->command.n_partitions; i++) {
        const Meta__ElectResult *decided =
            !err && i < reply->n_elections ? reply->elections[i] : NULL;
        reassign->sent[i]->error_code =
            decided ? (int16_t)decided->error : err_to_wire(err ? err : ERR_UNKNOWN_SERVER_ERROR);
        reassign->sent[i]->error_message =
            command_keep(arena, decided ? decided->message : sentence);
    }
}

static void reassign_finish(void *data, int err)
{
    struct reassign *reassign = data;
    (void)err;
    request_reply(reassign->request, &reassign->response, NULL);
}

static const struct command_events reassign_events = {
    .result = reassign_result_in,
    .finish = reassign_finish,
};

static void reassign_refuse(reassign_partition *out, int err, const char *sentence)
{
    out->error_code = err_to_wire(err);
    out->error_message = wire_str_from(sentence);
}

static bool reassign_add_topic(struct reassign *reassign, const reassign_topic *asked,
                               reassign_result *result)
{
    struct arena *arena = &reassign->request->arena;
    Meta__AlterReassignments *command = &reassign->command;
    char *name;
    int err = command_text(arena, asked->name, &name);
    reassign_partition *out =
        WIRE_ARRAY(arena, &result->partitions, asked->partitions.count,
                   &alter_partition_reassignments_response_reassignable_partition_response_desc);
    result->name = asked->name;
    if (err == ERR_NO_MEMORY || !out)
        return false;
    for (int32_t i = 0; i < asked->partitions.count; i++) {
        out[i].partition_index = asked->partitions.items[i].partition_index;
        out[i].error_message = WIRE_STR_NULL;
        /* The command knows an empty list as the end of a move only. */
        if (err || asked->partitions.items[i].replicas.count == 0) {
            reassign_refuse(&out[i],
                            err ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_INVALID_REPLICA_ASSIGNMENT,
                            err ? NULL
                                : "The manual partition assignment includes an empty "
                                  "replica list.");
            continue;
        }
        Meta__AlterReassignments__Partition *message = command->partitions[command->n_partitions];
        message->topic = name;
        message->partition = out[i].partition_index;
        message->replicas = asked->partitions.items[i].replicas.items;
        if (asked->partitions.items[i].replicas.count > 0)
            message->n_replicas = (size_t)asked->partitions.items[i].replicas.count;
        reassign->sent[command->n_partitions++] = &out[i];
    }
    return true;
}

static bool reassign_prepare(struct reassign *reassign)
{
    const struct alter_partition_reassignments_request *body = reassign->request->body;
    struct arena *arena = &reassign->request->arena;
    struct alter_partition_reassignments_response *response = &reassign->response;
    size_t count = 0;
    wire_defaults(&alter_partition_reassignments_response_desc, response);
    response->allow_replication_factor_change = body->allow_replication_factor_change;
    response->error_message = WIRE_STR_NULL;
    meta__alter_reassignments__init(&reassign->command);
    reassign->command.keep_factor = !body->allow_replication_factor_change;
    for (int32_t i = 0; i < body->topics.count; i++)
        count += (size_t)body->topics.items[i].partitions.count;
    reassign->sent = arena_alloc_array(arena, count, sizeof(*reassign->sent));
    reassign->command.partitions =
        command_messages(arena, count, &meta__alter_reassignments__partition__descriptor);
    bool ok = reassign->sent && reassign->command.partitions &&
              WIRE_ARRAY(arena, &response->responses, body->topics.count,
                         &alter_partition_reassignments_response_reassignable_topic_response_desc);
    for (int32_t i = 0; ok && i < body->topics.count; i++)
        ok = reassign_add_topic(reassign, &body->topics.items[i], &response->responses.items[i]);
    return ok;
}

void handle_alter_partition_reassignments(struct request *request)
{
    const struct alter_partition_reassignments_request *body = request->body;
    struct reassign *reassign = arena_alloc(&request->arena, sizeof(*reassign));
    if (reassign)
        reassign->request = request;
    if (!reassign || !reassign_prepare(reassign)) {
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
        return;
    }
    if (reassign->command.n_partitions == 0) {
        request_reply(request, &reassign->response, NULL);
        return;
    }
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_ALTER_REASSIGNMENTS;
    command.alter_reassignments = &reassign->command;
    command_send(request->broker->channel, origin_of(request), &command, body->timeout_ms,
                 &reassign_events, reassign);
}

/* ElectLeaders: the preferred replica takes over, or (unclean) one that is not in sync; a command
 * to the controller. A null list means all partitions: only those for which something happened or
 * failed come back then. */
#include "broker/handlers/handlers.h"

#include "base/check.h"
#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/origin.h"
#include "broker/net/request.h"
#include "kafka/messages/elect_leaders.h"

enum { ELECT_PREFERRED = 0, ELECT_UNCLEAN = 1, ELECT_TYPE_VERSION = 1 };

typedef struct elect_leaders_response_replica_election_result elect_topic;
typedef struct elect_leaders_response_partition_result elect_partition;

struct elect_leaders {
    struct request *request;
    struct elect_leaders_response response;
    Meta__ElectLeaders command;
    bool no_memory;
};

/* ---- the answer ---- */

static void elect_fill_partition(struct arena *arena, elect_partition *out, int32_t index,
                                 int16_t code, const char *sentence)
{
    out->partition_id = index;
    out->error_code = code;
    out->error_message = command_keep(arena, sentence);
}

/* Elections of one topic stand together, as asked for or in the order of the topics. */
static bool elect_fill(struct elect_leaders *elect, const Meta__CommandReply *reply)
{
    struct arena *arena = &elect->request->arena;
    elect_topic *topics =
        WIRE_ARRAY(arena, &elect->response.replica_election_results, (int32_t)reply->n_elections,
                   &elect_leaders_response_replica_election_result_desc);
    if (!topics)
        return false;
    for (size_t i = 0; i < reply->n_elections; topics++) {
        size_t end = i + 1;
        while (end < reply->n_elections &&
               strcmp(reply->elections[end]->topic, reply->elections[i]->topic) == 0)
            end++;
        ASSERT(end > i);
        ASSERT(end <= reply->n_elections);
        elect_partition *out = WIRE_ARRAY(arena, &topics->partition_result, (int32_t)(end - i),
                                          &elect_leaders_response_partition_result_desc);
        topics->topic = command_keep(arena, reply->elections[i]->topic);
        if (!out)
            return false;
        for (; i < end; i++)
            elect_fill_partition(arena, out++, reply->elections[i]->partition,
                                 (int16_t)reply->elections[i]->error, reply->elections[i]->message);
    }
    ASSERT(topics <= elect->response.replica_election_results.items + reply->n_elections);
    elect->response.replica_election_results.count =
        (int32_t)(topics - elect->response.replica_election_results.items);
    return true;
}

/* v0 has no error for the whole, so it stands at each partition that was asked for. */
static bool elect_refuse(struct elect_leaders *elect, int err, const char *sentence)
{
    const struct elect_leaders_request *body = elect->request->body;
    struct arena *arena = &elect->request->arena;
    int32_t count = body->topic_partitions.count > 0 ? body->topic_partitions.count : 0;
    ASSERT(err < 0);
    if (elect->request->version >= ELECT_TYPE_VERSION)
        elect->response.error_code = err_to_wire(err);
    elect_topic *topics = WIRE_ARRAY(arena, &elect->response.replica_election_results, count,
                                     &elect_leaders_response_replica_election_result_desc);
    for (int32_t i = 0; topics && i < count; i++) {
        const struct elect_leaders_request_topic_partitions *asked =
            &body->topic_partitions.items[i];
        int32_t partitions = asked->partitions.count;
        elect_partition *out = WIRE_ARRAY(arena, &topics[i].partition_result, partitions,
                                          &elect_leaders_response_partition_result_desc);
        if (!out)
            return false;
        topics[i].topic = asked->topic;
        for (int32_t j = 0; j < partitions; j++)
            elect_fill_partition(arena, &out[j], asked->partitions.items[j], err_to_wire(err),
                                 sentence);
    }
    return topics != NULL;
}

static void elect_result(void *data, int err, const char *sentence, const Meta__CommandReply *reply)
{
    struct elect_leaders *elect = data;
    elect->no_memory = err ? !elect_refuse(elect, err, sentence) : !elect_fill(elect, reply);
}

static void elect_finish(void *data, int err)
{
    struct elect_leaders *elect = data;
    (void)err;
    if (elect->no_memory)
        request_fail(elect->request, ERR_NO_MEMORY, "names more partitions than fit in memory");
    else
        request_reply(elect->request, &elect->response, NULL);
}

static const struct command_events elect_events = {
    .result = elect_result,
    .finish = elect_finish,
};

/* ---- the request ---- */

static int elect_list(struct elect_leaders *elect)
{
    const struct elect_leaders_request *body = elect->request->body;
    struct arena *arena = &elect->request->arena;
    size_t count = 0, at = 0;
    elect->command.all = body->topic_partitions.count < 0;
    for (int32_t i = 0; i < body->topic_partitions.count; i++)
        count += (size_t)body->topic_partitions.items[i].partitions.count;
    elect->command.partitions =
        command_messages(arena, count, &meta__elect_leaders__partition__descriptor);
    if (!elect->command.partitions)
        return ERR_NO_MEMORY;
    elect->command.n_partitions = count;
    for (int32_t i = 0; i < body->topic_partitions.count; i++) {
        const struct elect_leaders_request_topic_partitions *topic =
            &body->topic_partitions.items[i];
        char *name;
        int err = command_text(arena, topic->topic, &name);
        if (err)
            return err;
        for (int32_t j = 0; j < topic->partitions.count; j++, at++) {
            elect->command.partitions[at]->topic = name;
            elect->command.partitions[at]->partition = topic->partitions.items[j];
        }
    }
    return 0;
}

static int elect_prepare(struct elect_leaders *elect, const char **sentence)
{
    const struct elect_leaders_request *body = elect->request->body;
    wire_defaults(&elect_leaders_response_desc, &elect->response);
    meta__elect_leaders__init(&elect->command);
    elect->command.unclean = body->election_type == ELECT_UNCLEAN;
    *sentence = "A topic name contains a NUL character.";
    if (body->election_type == ELECT_PREFERRED || body->election_type == ELECT_UNCLEAN)
        return elect_list(elect);
    *sentence = "Unknown election type.";
    return ERR_INVALID_REQUEST;
}

void handle_elect_leaders(struct request *request)
{
    const struct elect_leaders_request *body = request->body;
    const char *sentence = NULL;
    struct elect_leaders *elect = arena_alloc(&request->arena, sizeof(*elect));
    int err = ERR_NO_MEMORY;
    if (elect) {
        elect->request = request;
        err = elect_prepare(elect, &sentence);
    }
    if (err && err != ERR_NO_MEMORY && elect_refuse(elect, ERR_INVALID_REQUEST, sentence)) {
        request_reply(request, &elect->response, NULL);
        return;
    }
    if (err) {
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
        return;
    }
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_ELECT_LEADERS;
    command.elect_leaders = &elect->command;
    command_send(request->broker->channel, origin_of(request), &command, body->timeout_ms,
                 &elect_events, elect);
}

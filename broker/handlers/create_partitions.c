/* CreatePartitions: the new total of each topic, a command to the controller. A name that stands
 * twice is answered here; the rest in the controller's words. */
#include "broker/handlers/handlers.h"

#include "base/check.h"
#include "base/err.h"
#include "base/map.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/origin.h"
#include "broker/net/request.h"
#include "kafka/messages/create_partitions.h"

enum { CREATE_PARTITIONS_QUOTA_VERSION = 3 /* knows THROTTLING_QUOTA_EXCEEDED */ };

typedef struct create_partitions_request_create_partitions_topic partitions_topic;
typedef struct create_partitions_response_create_partitions_topic_result partitions_result;

struct create_partitions {
    struct request *request;
    struct create_partitions_response response;
    Meta__CreatePartitions command;
    partitions_result **sent; /* where the answer to each topic of the command goes */
};

static void create_partitions_result(void *data, int err, const char *sentence,
                                     const Meta__CommandReply *reply)
{
    struct create_partitions *create = data;
    struct arena *arena = &create->request->arena;
    ASSERT(create->command.n_topics <= (size_t)create->response.results.count);
    if (!err)
        origin_throttle(create->request, reply);
    for (size_t i = 0; i < create->command.n_topics; i++) {
        partitions_result *result = create->sent[i];
        ASSERT(result != NULL);
        const Meta__TopicResult *decided = !err && i < reply->n_topics ? reply->topics[i] : NULL;
        if (decided) {
            result->error_code = (int16_t)decided->error;
            result->error_message = command_keep(arena, decided->message);
        } else {
            result->error_code = err_to_wire(err ? err : ERR_UNKNOWN_SERVER_ERROR);
            result->error_message = command_keep(arena, sentence);
        }
    }
}

static void create_partitions_finish(void *data, int err)
{
    struct create_partitions *create = data;
    (void)err;
    request_reply(create->request, &create->response, NULL);
}

static const struct command_events create_partitions_events = {
    .result = create_partitions_result,
    .finish = create_partitions_finish,
};

/* The assignments are those of the last partitions, so that a topic which somebody else has made
 * larger meanwhile is refused, not assigned wrongly. */
static int create_partitions_fill(struct arena *arena, const partitions_topic *asked,
                                  Meta__CreatePartitions__Topic *topic)
{
    int32_t count = asked->assignments.count > 0 ? asked->assignments.count : 0;
    topic->count = asked->count;
    topic->assignments = command_messages(arena, (size_t)count, &meta__assignment__descriptor);
    if (!topic->assignments)
        return ERR_NO_MEMORY;
    topic->n_assignments = (size_t)count;
    for (int32_t i = 0; i < count; i++) {
        int64_t partition = (int64_t)asked->count - count + i;
        topic->assignments[i]->partition = partition > 0 ? (int32_t)partition : 0;
        topic->assignments[i]->replicas = asked->assignments.items[i].broker_ids.items;
        topic->assignments[i]->n_replicas = (size_t)asked->assignments.items[i].broker_ids.count;
    }
    return command_text(arena, asked->name, &topic->name);
}

/* One answer for each name; asked_at[i] is where answer i stands in the request. */
static void create_partitions_list(struct create_partitions *create, int32_t *asked_at)
{
    const struct create_partitions_request *body = create->request->body;
    struct map seen;
    map_init(&seen);
    int32_t used = 0;
    for (int32_t i = 0; i < body->topics.count; i++) {
        struct wire_str name = body->topics.items[i].name;
        partitions_result *result = &create->response.results.items[used];
        partitions_result *first = map_get(&seen, name.data, (size_t)name.len);
        if (first) {
            first->error_code = err_to_wire(ERR_INVALID_REQUEST);
            first->error_message = wire_str_from("Duplicate topic name.");
            continue;
        }
        result->name = name;
        map_put(&seen, name.data, (size_t)name.len, result);
        asked_at[used++] = i;
    }
    map_close(&seen);
    ASSERT(used <= body->topics.count);
    create->response.results.count = used;
}

static bool create_partitions_prepare(struct create_partitions *create)
{
    const struct create_partitions_request *body = create->request->body;
    struct arena *arena = &create->request->arena;
    size_t asked = (size_t)body->topics.count;
    wire_defaults(&create_partitions_response_desc, &create->response);
    int32_t *asked_at = arena_alloc_array(arena, asked, sizeof(*asked_at));
    create->sent = arena_alloc_array(arena, asked, sizeof(*create->sent));
    create->command.topics =
        command_messages(arena, asked, &meta__create_partitions__topic__descriptor);
    if (!asked_at || !create->sent || !create->command.topics ||
        !WIRE_ARRAY(arena, &create->response.results, body->topics.count,
                    &create_partitions_response_create_partitions_topic_result_desc))
        return false;
    create_partitions_list(create, asked_at);
    for (int32_t i = 0; i < create->response.results.count; i++) {
        partitions_result *result = &create->response.results.items[i];
        if (result->error_code)
            continue;
        size_t at = create->command.n_topics;
        ASSERT(at < asked);
        ASSERT(asked_at[i] >= i);
        int err = create_partitions_fill(arena, &body->topics.items[asked_at[i]],
                                         create->command.topics[at]);
        if (err == ERR_NO_MEMORY)
            return false;
        if (err)
            result->error_code = err_to_wire(ERR_UNKNOWN_TOPIC_OR_PARTITION);
        else
            create->sent[create->command.n_topics++] = result;
    }
    return true;
}

void handle_create_partitions(struct request *request)
{
    const struct create_partitions_request *body = request->body;
    struct create_partitions *create = arena_alloc(&request->arena, sizeof(*create));
    if (create) {
        create->request = request;
        meta__create_partitions__init(&create->command);
        create->command.validate_only = body->validate_only;
    }
    if (!create || !create_partitions_prepare(create)) {
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
        return;
    }
    if (create->command.n_topics == 0) {
        request_reply(request, &create->response, NULL);
        return;
    }
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_CREATE_PARTITIONS;
    command.strict = request->version >= CREATE_PARTITIONS_QUOTA_VERSION;
    command.create_partitions = &create->command;
    command_send(request->broker->channel, origin_of(request), &command, body->timeout_ms,
                 &create_partitions_events, create);
}

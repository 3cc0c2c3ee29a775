/* DeleteTopics: by name, from v6 also by id; a command to the controller. What stands twice, or
 * names nothing, is answered here; the rest in the controller's words.
 *
 * A command whose answer was lost is sent again, and by then the name may be another topic's. So
 * the name becomes the id of the topic that has it now, here and once; only one that this broker
 * has not heard of yet goes as a name. */
#include "broker/handlers/handlers.h"

#include "base/check.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mutation.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/cluster/metadata.h"
#include "broker/handlers/origin.h"
#include "broker/net/request.h"
#include "kafka/messages/delete_topics.h"

enum {
    DELETE_TOPICS_DISABLED_VERSION = 3, /* knows TOPIC_DELETION_DISABLED */
    DELETE_TOPICS_QUOTA_VERSION = 5,    /* knows THROTTLING_QUOTA_EXCEEDED */
    DELETE_TOPICS_IDS_VERSION = 6
};

typedef struct delete_topics_request_delete_topic_state delete_state;
typedef struct delete_topics_response_deletable_topic_result delete_result;

struct delete_topics {
    struct request *request;
    struct delete_topics_response response;
    Meta__DeleteTopics command;
    delete_result **sent; /* where the answer to each topic of the command goes */
};

static void delete_topics_refuse(delete_result *result, int err, const char *sentence)
{
    ASSERT(err < 0);
    result->error_code = err_to_wire(err);
    result->error_message = wire_str_from(sentence);
}

/* ---- the answer ---- */

static void delete_topics_take(struct delete_topics *delete, delete_result *result,
                               const Meta__TopicResult *decided)
{
    struct arena *arena = &delete->request->arena;
    bool named = !wire_str_is_null(result->name);
    result->error_code = (int16_t)decided->error;
    if (decided->error)
        result->error_message = command_keep(arena, decided->message);
    if (named && decided->error == err_to_wire(ERR_UNKNOWN_TOPIC_ID)) /* gone meanwhile */
        delete_topics_refuse(result, ERR_UNKNOWN_TOPIC_OR_PARTITION,
                             "This server does not host this topic-partition.");
    if (wire_str_is_null(result->name) && decided->name[0])
        result->name = command_keep(arena, decided->name);
    if (decided->id.len == sizeof(result->topic_id.bytes))
        memcpy(result->topic_id.bytes, decided->id.data, decided->id.len);
}

static void delete_topics_result(void *data, int err, const char *sentence,
                                 const Meta__CommandReply *reply)
{
    struct delete_topics *delete = data;
    ASSERT(delete->command.n_topics <= (size_t) delete->response.responses.count);
    if (!err)
        origin_throttle(delete->request, reply);
    for (size_t i = 0; i < delete->command.n_topics; i++) {
        delete_result *result = delete->sent[i];
        ASSERT(result != NULL);
        if (!err && i < reply->n_topics) {
            delete_topics_take(delete, result, reply->topics[i]);
            continue;
        }
        delete_topics_refuse(result, err ? err : ERR_UNKNOWN_SERVER_ERROR, NULL);
        result->error_message = command_keep(&delete->request->arena, err ? sentence : NULL);
    }
}

static void delete_topics_finish(void *data, int err)
{
    struct delete_topics *delete = data;
    (void)err;
    request_reply(delete->request, &delete->response, NULL);
}

static const struct command_events delete_topics_events = {
    .result = delete_topics_result,
    .finish = delete_topics_finish,
};

/* ---- the request ---- */

/* The older form is a list of names. */
static bool delete_topics_read(struct request *request, delete_state **states, int32_t *count)
{
    struct delete_topics_request *body = request->body;
    *states = body->topics.items;
    *count = body->topics.count;
    if (request->version >= DELETE_TOPICS_IDS_VERSION)
        return true;
    *count = body->topic_names.count;
    *states = arena_alloc_array(&request->arena, (size_t)*count, sizeof(**states));
    for (int32_t i = 0; *states && i < *count; i++)
        (*states)[i].name = body->topic_names.items[i];
    return *states != NULL;
}

static int delete_topics_check(struct delete_topics *delete, const delete_state *state,
                               delete_result *result)
{
    const struct request *request = delete->request;
    bool named = !wire_str_is_null(state->name);
    if (!config_bool(request->broker->config, CONFIG_DELETE_TOPIC_ENABLE)) {
        int err = request->version < DELETE_TOPICS_DISABLED_VERSION ? ERR_INVALID_REQUEST
                                                                    : ERR_TOPIC_DELETION_DISABLED;
        delete_topics_refuse(result, err,
                             "Topic deletion is disabled: set delete.topic.enable=true.");
        return err;
    }
    if (named && !uuid_is_zero(&state->topic_id)) {
        delete_topics_refuse(result, ERR_INVALID_REQUEST,
                             "You may not specify both topic name and topic id.");
        return ERR_INVALID_REQUEST;
    }
    if (!named && uuid_is_zero(&state->topic_id)) {
        delete_topics_refuse(result, ERR_INVALID_REQUEST,
                             "Neither topic name nor id were specified.");
        return ERR_INVALID_REQUEST;
    }
    return 0;
}

/* The first of those that stand twice gets the error; true when this is not the first. */
static bool delete_topics_is_double(struct map *seen, const delete_state *state,
                                    delete_result *result)
{
    bool named = !wire_str_is_null(state->name);
    const void *key = named ? (const void *)state->name.data : state->topic_id.bytes;
    size_t len = named ? (size_t)state->name.len : sizeof(state->topic_id.bytes);
    delete_result *first = map_get(seen, key, len);
    if (!first) {
        map_put(seen, key, len, result);
        return false;
    }
    delete_topics_refuse(first, ERR_INVALID_REQUEST,
                         named ? "Duplicate topic name." : "Duplicate topic id.");
    return true;
}

/* A name whose topic is asked for by its id as well: both are refused, and the topic stays. */
static void delete_topics_refuse_aliases(struct delete_topics *delete, const struct map *seen,
                                         int32_t count)
{
    const struct image *image = metadata_image(delete->request->broker->metadata);
    for (int32_t i = 0; i < count; i++) {
        delete_result *named = &delete->response.responses.items[i];
        const struct image_topic *known =
            wire_str_is_null(named->name) || named->error_code
                ? NULL
                : image_topic_by_name(image, named->name.data, (size_t)named->name.len);
        delete_result *same =
            known ? map_get(seen, known->id.bytes, sizeof(known->id.bytes)) : NULL;
        if (!same || !wire_str_is_null(same->name))
            continue;
        static const char sentence[] =
            "The provided topic name maps to an ID that was already supplied.";
        delete_topics_refuse(named, ERR_INVALID_REQUEST, sentence);
        delete_topics_refuse(same, ERR_INVALID_REQUEST, sentence);
    }
}

static int delete_topics_fill(struct delete_topics *delete, delete_result *result,
                              Meta__DeleteTopics__Topic *topic)
{
    const struct request *request = delete->request;
    if (!wire_str_is_null(result->name)) {
        const struct image_topic *known = image_topic_by_name(
            metadata_image(request->broker->metadata), result->name.data, (size_t)result->name.len);
        if (!known || MUTATION(DELETE_BY_NAME))
            return command_text(&delete->request->arena, result->name, &topic->name);
        memcpy(result->topic_id.bytes, known->id.bytes, sizeof(result->topic_id.bytes));
    }
    topic->id.data = (uint8_t *)result->topic_id.bytes;
    topic->id.len = sizeof(result->topic_id.bytes);
    return 0;
}

static bool delete_topics_send(struct delete_topics *delete)
{
    int32_t count = delete->response.responses.count;
    for (int32_t i = 0; i < count; i++) {
        delete_result *result = &delete->response.responses.items[i];
        if (result->error_code)
            continue;
        size_t at = delete->command.n_topics;
        int err = delete_topics_fill(delete, result, delete->command.topics[at]);
        if (err == ERR_NO_MEMORY)
            return false;
        if (err) {
            delete_topics_refuse(result, ERR_UNKNOWN_TOPIC_OR_PARTITION,
                                 "This server does not host this topic-partition.");
            continue;
        }
        delete->sent[delete->command.n_topics++] = result;
    }
    ASSERT(delete->command.n_topics <= (size_t)count);
    return true;
}

static bool delete_topics_prepare(struct delete_topics *delete)
{
    struct arena *arena = &delete->request->arena;
    delete_state *states;
    int32_t count;
    wire_defaults(&delete_topics_response_desc, &delete->response);
    if (!delete_topics_read(delete->request, &states, &count))
        return false;
    delete->sent = arena_alloc_array(arena, (size_t)count, sizeof(*delete->sent));
    delete->command.topics =
        command_messages(arena, (size_t)count, &meta__delete_topics__topic__descriptor);
    delete_result *results = WIRE_ARRAY(arena, &delete->response.responses, count,
                                        &delete_topics_response_deletable_topic_result_desc);
    if (!delete->sent || !delete->command.topics || !results)
        return false;
    struct map seen;
    map_init(&seen);
    int32_t used = 0;
    for (int32_t i = 0; i < count; i++) {
        results[used].name = states[i].name;
        results[used].topic_id = states[i].topic_id;
        bool fine = delete_topics_check(delete, &states[i], &results[used]) == 0;
        if (!fine || !delete_topics_is_double(&seen, &states[i], &results[used]))
            used++;
    }
    delete_topics_refuse_aliases(delete, &seen, used);
    map_close(&seen);
    ASSERT(used <= count);
    delete->response.responses.count = used;
    return delete_topics_send(delete);
}

void handle_delete_topics(struct request *request)
{
    const struct delete_topics_request *body = request->body;
    struct delete_topics *delete = arena_alloc(&request->arena, sizeof(*delete));
    if (delete) {
        delete->request = request;
        meta__delete_topics__init(&delete->command);
    }
    if (!delete || !delete_topics_prepare(delete)) {
        request_fail(request, ERR_NO_MEMORY, "deletes more topics than fit in memory");
        return;
    }
    if (delete->command.n_topics == 0) {
        request_reply(request, &delete->response, NULL);
        return;
    }
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_DELETE_TOPICS;
    command.strict = request->version >= DELETE_TOPICS_QUOTA_VERSION;
    command.delete_topics = &delete->command;
    command_send(request->broker->channel, origin_of(request), &command, body->timeout_ms,
                 &delete_topics_events, delete);
}

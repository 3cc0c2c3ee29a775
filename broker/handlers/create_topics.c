/* CreateTopics: a command to the controller, which checks and decides.
 *
 * Happy path: what can be seen here to be wrong is answered for that topic alone (a name that
 * stands twice, a text that holds a NUL); the others go to the controller in one command; the
 * answer carries ids, counts and settings. Failure modes: those of single topics, in the
 * controller's words, and those of the whole command, with which each topic sent is answered. */
#include "broker/handlers/handlers.h"

#include "base/check.h"
#include "base/err.h"
#include "base/map.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/cluster/settings.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/origin.h"
#include "kafka/messages/create_topics.h"

enum {
    CREATE_TOPICS_CONFIGS_VERSION = 5,
    CREATE_TOPICS_QUOTA_VERSION = 6 /* knows THROTTLING_QUOTA_EXCEEDED */
};

typedef struct create_topics_request_creatable_topic creatable_topic;
typedef struct create_topics_response_creatable_topic_result creatable_result;

/* What the active controller's settings say of a setting of topics. */
struct topic_default {
    const char *value; /* NULL = nothing */
    bool from_file;
};

struct create_topics {
    struct request *request;
    struct create_topics_response response;
    Meta__CreateTopics command;
    creatable_result **sent;        /* where the answer to each topic of the command goes */
    struct topic_default *defaults; /* by enum config_id; NULL when memory is out */
};

static void create_topics_refuse(creatable_result *result, int err, const char *sentence)
{
    ASSERT(err < 0);
    result->error_code = err_to_wire(err);
    result->error_message = wire_str_from(sentence);
}

/* ---- the command ---- */

static int create_topics_add_assignments(struct arena *arena, const creatable_topic *asked,
                                         Meta__CreateTopics__Topic *topic)
{
    size_t count = asked->assignments.count > 0 ? (size_t)asked->assignments.count : 0;
    topic->assignments = command_messages(arena, count, &meta__assignment__descriptor);
    if (!topic->assignments)
        return ERR_NO_MEMORY;
    topic->n_assignments = count;
    ASSERT(count == 0 || asked->assignments.items != NULL);
    for (size_t i = 0; i < count; i++) {
        topic->assignments[i]->partition = asked->assignments.items[i].partition_index;
        topic->assignments[i]->replicas = asked->assignments.items[i].broker_ids.items;
        topic->assignments[i]->n_replicas = (size_t)asked->assignments.items[i].broker_ids.count;
    }
    return 0;
}

static int create_topics_add_configs(struct arena *arena, const creatable_topic *asked,
                                     Meta__CreateTopics__Topic *topic)
{
    size_t count = asked->configs.count > 0 ? (size_t)asked->configs.count : 0;
    topic->configs = command_messages(arena, count, &meta__config_entry__descriptor);
    if (!topic->configs)
        return ERR_NO_MEMORY;
    topic->n_configs = count;
    for (size_t i = 0; i < count; i++) {
        if (wire_str_is_null(asked->configs.items[i].value))
            return ERR_INVALID_CONFIG;
        int err = command_text(arena, asked->configs.items[i].name, &topic->configs[i]->key);
        if (!err)
            err = command_text(arena, asked->configs.items[i].value, &topic->configs[i]->value);
        if (err)
            return err == ERR_INVALID ? ERR_INVALID_CONFIG : err;
    }
    return 0;
}

/* Fills the message; errors other than ERR_NO_MEMORY are the topic's, and are in `result`. */
static int create_topics_fill(struct arena *arena, const creatable_topic *asked,
                              Meta__CreateTopics__Topic *topic, creatable_result *result)
{
    topic->partitions = asked->num_partitions;
    topic->replication_factor = asked->replication_factor;
    int err = command_text(arena, asked->name, &topic->name);
    if (err == ERR_INVALID) {
        create_topics_refuse(result, ERR_INVALID_TOPIC_EXCEPTION,
                             "Topic name is invalid: it contains a NUL character");
        return err;
    }
    if (!err)
        err = create_topics_add_assignments(arena, asked, topic);
    if (!err)
        err = create_topics_add_configs(arena, asked, topic);
    if (err == ERR_INVALID_CONFIG)
        create_topics_refuse(result, err,
                             "Null values and NUL characters are not supported in topic configs");
    return err;
}

/* ---- the answer ---- */

/* Kept for create_topics_finish: the reply goes. */
static void create_topics_keep_defaults(struct create_topics *create,
                                        const Meta__CommandReply *reply)
{
    struct arena *arena = &create->request->arena;
    create->defaults = arena_alloc_array(arena, CONFIG_COUNT, sizeof(*create->defaults));
    for (size_t i = 0; create->defaults && i < reply->n_topic_defaults; i++) {
        const Meta__TopicDefault *told = reply->topic_defaults[i];
        enum config_id id = config_find_topic(told->key);
        if (id == CONFIG_COUNT)
            continue; /* of a newer controller */
        create->defaults[id] = (struct topic_default){
            arena_strndup(arena, told->value, strlen(told->value)), told->from_file};
    }
}

static void create_topics_result(void *data, int err, const char *sentence,
                                 const Meta__CommandReply *reply)
{
    struct create_topics *create = data;
    struct arena *arena = &create->request->arena;
    ASSERT(create->command.n_topics <= (size_t)create->response.topics.count);
    if (!err) {
        create_topics_keep_defaults(create, reply);
        origin_throttle(create->request, reply);
    }
    for (size_t i = 0; i < create->command.n_topics; i++) {
        creatable_result *result = create->sent[i];
        ASSERT(result != NULL);
        if (err || i >= reply->n_topics) {
            create_topics_refuse(result, err ? err : ERR_UNKNOWN_SERVER_ERROR, NULL);
            result->error_message = command_keep(arena, err ? sentence : NULL);
            continue;
        }
        const Meta__TopicResult *decided = reply->topics[i];
        result->error_code = (int16_t)decided->error;
        result->error_message = command_keep(arena, decided->message);
        if (decided->error)
            continue;
        result->num_partitions = decided->partitions;
        result->replication_factor = (int16_t)decided->replication_factor;
        if (decided->id.len == sizeof(result->topic_id.bytes))
            memcpy(result->topic_id.bytes, decided->id.data, decided->id.len);
    }
}

static const char *create_topics_override(void *data, const char *key)
{
    const Meta__CreateTopics__Topic *topic = data;
    for (size_t i = topic->n_configs; i > 0; i--)
        if (strcmp(topic->configs[i - 1]->key, key) == 0)
            return topic->configs[i - 1]->value;
    return NULL;
}

static bool create_topics_fill_configs(struct create_topics *create,
                                       Meta__CreateTopics__Topic *topic, creatable_result *result)
{
    struct request *request = create->request;
    struct settings settings = {
        .arena = &request->arena,
        .chain = live_settings_chain(request->broker->live),
        .raw = true,
    };
    settings.chain.own = create_topics_override;
    settings.chain.own_data = topic;
    settings.chain.broker[0] = '\0'; /* the controller says what is not the topic's own */
    struct create_topics_response_creatable_topic_configs *out =
        WIRE_ARRAY(&request->arena, &result->configs, (int32_t)settings_topic_count(),
                   &create_topics_response_creatable_topic_configs_desc);
    if (!out || !create->defaults)
        return false;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        const struct topic_default *told = &create->defaults[id];
        struct setting setting;
        if (!settings_is_topic(&settings, id))
            continue;
        if (told->value)
            settings_of_new_topic(&settings, id, told->value, told->from_file, &setting);
        else if (settings_of_topic(&settings, id, &setting))
            return false;
        out->name = wire_str_from(setting.name);
        out->value = wire_str_from(setting.value);
        out->config_source = setting.source;
        out->is_sensitive = setting.sensitive;
        out++;
    }
    ASSERT(out <= result->configs.items + settings_topic_count());
    result->configs.count = (int32_t)(out - result->configs.items);
    return true;
}

static void create_topics_finish(void *data, int err)
{
    struct create_topics *create = data;
    struct request *request = create->request;
    bool ok = true;
    for (size_t i = 0; ok && !err && i < create->command.n_topics; i++)
        if (create->sent[i]->error_code == 0 && request->version >= CREATE_TOPICS_CONFIGS_VERSION)
            ok = create_topics_fill_configs(create, create->command.topics[i], create->sent[i]);
    if (ok)
        request_reply(request, &create->response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "creates more topics than fit in memory");
}

static const struct command_events create_topics_events = {
    .result = create_topics_result,
    .finish = create_topics_finish,
};

/* ---- the request ---- */

/* Kafka answers a name that stands twice once, and creates nothing for it. */
static bool create_topics_is_double(struct map *seen, const creatable_topic *asked,
                                    creatable_result *result, creatable_result **first)
{
    *first = map_get(seen, asked->name.data, (size_t)asked->name.len);
    if (!*first)
        map_put(seen, asked->name.data, (size_t)asked->name.len, result);
    return *first != NULL;
}

/* One pass finds the names that stand twice, so that the second does not send what stands twice. */
static int32_t create_topics_list(struct create_topics *create, int32_t *asked_at)
{
    const struct create_topics_request *body = create->request->body;
    struct map seen;
    map_init(&seen);
    int32_t count = 0;
    for (int32_t i = 0; i < body->topics.count; i++) {
        creatable_result *result = &create->response.topics.items[count];
        creatable_result *first;
        if (create_topics_is_double(&seen, &body->topics.items[i], result, &first)) {
            create_topics_refuse(first, ERR_INVALID_REQUEST, "Duplicate topic name.");
            continue;
        }
        result->name = body->topics.items[i].name;
        asked_at[count++] = i;
    }
    map_close(&seen);
    ASSERT(count <= body->topics.count);
    create->response.topics.count = count;
    return count;
}

static bool create_topics_prepare(struct create_topics *create)
{
    const struct create_topics_request *body = create->request->body;
    struct arena *arena = &create->request->arena;
    size_t asked = (size_t)body->topics.count;
    wire_defaults(&create_topics_response_desc, &create->response);
    int32_t *asked_at = arena_alloc_array(arena, asked, sizeof(*asked_at));
    create->sent = arena_alloc_array(arena, asked, sizeof(*create->sent));
    create->command.topics =
        command_messages(arena, asked, &meta__create_topics__topic__descriptor);
    if (!asked_at || !create->sent || !create->command.topics ||
        !WIRE_ARRAY(arena, &create->response.topics, body->topics.count,
                    &create_topics_response_creatable_topic_result_desc))
        return false;
    int32_t count = create_topics_list(create, asked_at);
    for (int32_t i = 0; i < count; i++) {
        creatable_result *result = &create->response.topics.items[i];
        result->configs.count = -1;
        size_t at = create->command.n_topics;
        if (result->error_code)
            continue;
        ASSERT(at < asked);
        ASSERT(asked_at[i] >= i);
        int err = create_topics_fill(arena, &body->topics.items[asked_at[i]],
                                     create->command.topics[at], result);
        if (err == ERR_NO_MEMORY)
            return false;
        if (!err)
            create->sent[create->command.n_topics++] = result;
    }
    ASSERT(create->command.n_topics <= (size_t)count);
    return true;
}

void handle_create_topics(struct request *request)
{
    const struct create_topics_request *body = request->body;
    struct create_topics *create = arena_alloc(&request->arena, sizeof(*create));
    if (create) {
        create->request = request;
        meta__create_topics__init(&create->command);
        create->command.validate_only = body->validate_only;
    }
    if (!create || !create_topics_prepare(create)) {
        request_fail(request, ERR_NO_MEMORY, "creates more topics than fit in memory");
        return;
    }
    if (create->command.n_topics == 0) {
        request_reply(request, &create->response, NULL);
        return;
    }
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.strict = request->version >= CREATE_TOPICS_QUOTA_VERSION;
    command.create_topics = &create->command;
    command_send(request->broker->channel, origin_of(request), &command, body->timeout_ms,
                 &create_topics_events, create);
}

/* DescribeConfigs: the settings of topics and of this broker, with their sources; of many resources
 * in several turns. Failure modes are those of single resources: unknown topic, another broker's
 * id, a type that has no settings. */
#include "broker/handlers/handlers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/map.h"
#include "base/version.h"
#include "broker/broker.h"
#include "broker/cluster/settings.h"
#include "broker/handlers/logger_settings.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/resources.h"
#include "broker/handlers/topic_name.h"
#include "broker/net/request_stream.h"
#include "config/config_change.h"
#include "kafka/messages/describe_configs.h"

enum { DESCRIBE_STRING = 2 /* a type of settings, as the protocol numbers it */ };

typedef struct describe_configs_request_describe_configs_resource asked_resource;
typedef struct describe_configs_response_describe_configs_result described_resource;
typedef struct describe_configs_response_describe_configs_resource_result described_config;

/* The whole answer. */
struct describe_answer {
    struct request_stream stream;
    struct describe_configs_response response;
    struct map seen; /* resources that have been described */
};

/* One resource of it. */
struct describe_configs {
    struct request *request;
    struct arena *arena;
    const asked_resource *asked;
    described_resource *result;
    struct map keys; /* asked for; empty = all */
    struct settings settings;
};

/* ---- one setting ---- */

static bool describe_wants(const struct describe_configs *describe, const char *name)
{
    return describe->keys.count == 0 || map_get(&describe->keys, name, strlen(name));
}

static bool describe_fill_synonyms(struct arena *arena, const struct setting *setting,
                                   described_config *out)
{
    struct describe_configs_response_describe_configs_synonym *synonyms =
        WIRE_ARRAY(arena, &out->synonyms, setting->synonym_count,
                   &describe_configs_response_describe_configs_synonym_desc);
    ASSERT(setting->synonym_count >= 0);
    ASSERT(setting->synonym_count <= (int)ARRAY_LEN(setting->synonyms));
    for (int i = 0; synonyms && i < setting->synonym_count; i++) {
        synonyms[i].name = wire_str_from(setting->synonyms[i].name);
        synonyms[i].value = wire_str_from(setting->synonyms[i].value);
        synonyms[i].source = setting->synonyms[i].source;
    }
    return synonyms != NULL;
}

/* There is room for one more. */
static bool describe_add(struct describe_configs *describe, const struct setting *setting)
{
    const struct describe_configs_request *body = describe->request->body;
    ASSERT(setting->name != NULL);
    ASSERT(describe->result->configs.items != NULL);
    described_config *out = &describe->result->configs.items[describe->result->configs.count];
    out->name = wire_str_from(setting->name);
    out->value = wire_str_from(setting->value);
    out->read_only = setting->read_only;
    out->config_source = setting->source;
    out->is_sensitive = setting->sensitive;
    out->documentation = WIRE_STR_NULL;
    if (describe->request->version == 0)
        out->is_default = setting->source == CONFIG_FROM_DEFAULT;
    else
        out->config_type = setting->type;
    if (body->include_documentation)
        out->documentation = wire_str_from(setting->doc);
    if (body->include_synonyms && !describe_fill_synonyms(describe->arena, setting, out))
        return false;
    describe->result->configs.count++;
    return true;
}

/* Room for `count` settings, or for those asked for; each stands once. */
static bool describe_make_room(struct describe_configs *describe, size_t count)
{
    if (describe->keys.count > 0 && describe->keys.count < count)
        count = describe->keys.count;
    if (!WIRE_ARRAY(describe->arena, &describe->result->configs, (int32_t)count,
                    &describe_configs_response_describe_configs_resource_result_desc))
        return false;
    describe->result->configs.count = 0;
    return true;
}

/* ---- what is given and not in force ---- */

static bool describe_is_refused(enum config_scope scope, const struct image_config *given)
{
    struct buf problem;
    buf_init(&problem);
    int err = config_change_check(scope, given->key, given->value, &problem);
    buf_close(&problem);
    return err != 0;
}

static described_config *describe_find(struct describe_configs *describe, const char *name)
{
    for (int32_t i = 0; i < describe->result->configs.count; i++)
        if (wire_str_is(describe->result->configs.items[i].name, name))
            return &describe->result->configs.items[i];
    return NULL;
}

/* What is not told in another row has no value here: it may be a secret. */
static bool describe_add_refused(struct describe_configs *describe, const char *name,
                                 enum config_source source)
{
    ASSERT(name != NULL);
    described_config *told = describe_find(describe, name);
    struct setting setting = {.name = name,
                              .doc = "Given by an older release; no effect.",
                              .source = (int8_t)source,
                              .read_only = true,
                              .sensitive = true,
                              .synonyms = {{.name = name, .source = (int8_t)source}},
                              .synonym_count = 1};
    if (!told)
        return describe_add(describe, &setting);
    told->config_source = (int8_t)source;
    told->is_default = false;
    return true;
}

/* What the resource itself was given and would be refused today (an older release let it in) has
 * its source here, beside the value that is in force: kafka-configs deletes only what it is told
 * to be there. */
static bool describe_refused(struct describe_configs *describe, enum config_scope scope,
                             const struct image_config *given, size_t count)
{
    ASSERT(count == 0 || given != NULL);
    for (size_t i = 0; i < count; i++)
        if (describe_wants(describe, given[i].key) && describe_is_refused(scope, &given[i]) &&
            !describe_add_refused(describe, given[i].key, config_chain_source(scope)))
            return false;
    return true;
}

/* The version of the program, read-only. It is no setting, so it stands in no list: only who asks
 * for it by name, as `millrace status` does, is told. There is room for one more. */
static bool describe_version(struct describe_configs *describe)
{
    struct setting setting = {.name = MILLRACE_VERSION_KEY,
                              .value = MILLRACE_VERSION,
                              .doc = "The version of the broker's program.",
                              .source = CONFIG_FROM_DEFAULT,
                              .type = DESCRIBE_STRING,
                              .read_only = true};
    return !map_get(&describe->keys, setting.name, strlen(setting.name)) ||
           describe_add(describe, &setting);
}

/* ---- one resource: each returns false when memory is out ---- */

static bool describe_refuse(struct describe_configs *describe, int err, const char *sentence)
{
    ASSERT(err < 0);
    describe->result->error_code = err_to_wire(err);
    describe->result->error_message = wire_str_from(sentence);
    return true;
}

static bool describe_topic(struct describe_configs *describe)
{
    struct wire_str name = describe->asked->resource_name;
    const struct image_topic *topic =
        image_topic_by_name(describe->settings.chain.image, name.data, (size_t)name.len);
    if (!topic)
        return describe_refuse(describe,
                               topic_name_check(name) ? ERR_INVALID_TOPIC_EXCEPTION
                                                      : ERR_UNKNOWN_TOPIC_OR_PARTITION,
                               NULL);
    describe->settings.chain.topic = topic->name;
    size_t count;
    const struct image_config *given = image_configs(
        describe->settings.chain.image, META__CONFIG_RECORD__RESOURCE__TOPIC, topic->name, &count);
    if (!describe_make_room(describe, settings_topic_count() + count))
        return false;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        struct setting setting;
        if (!settings_is_topic(&describe->settings, id) ||
            !describe_wants(describe, config_row(id)->topic_name))
            continue;
        if (settings_of_topic(&describe->settings, id, &setting) ||
            !describe_add(describe, &setting))
            return false;
    }
    return describe_refused(describe, CONFIG_OF_TOPIC, given, count);
}

static bool describe_all_brokers(struct describe_configs *describe)
{
    size_t count;
    const struct image_config *given = image_configs(
        describe->settings.chain.image, META__CONFIG_RECORD__RESOURCE__BROKER, "", &count);
    if (!describe_make_room(describe, count))
        return false;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        struct setting setting;
        if (describe_wants(describe, config_row(id)->name) &&
            settings_of_all_brokers(&describe->settings, id, &setting) &&
            !describe_add(describe, &setting))
            return false;
    }
    return describe_refused(describe, CONFIG_OF_ALL_BROKERS, given, count);
}

/* The file of another broker is not known here, so the client must ask that one. */
static bool describe_is_own(struct describe_configs *describe)
{
    char id[12];
    struct wire_str name = describe->asked->resource_name;
    int32_t node_id = describe->request->broker->node_id;
    snprintf(id, sizeof(id), "%" PRId32, node_id);
    if (wire_str_is(name, id))
        return true;
    struct buf text;
    buf_init(&text);
    buf_printf(&text, "Unexpected broker id, expected %s or empty string, but received %.*s", id,
               WIRE_STR_ARGS(name));
    char *kept = arena_strndup(describe->arena, buf_text(&text), text.len);
    buf_close(&text);
    describe_refuse(describe, ERR_INVALID_REQUEST, kept);
    return false;
}

static bool describe_broker(struct describe_configs *describe)
{
    if (wire_str_is_empty(describe->asked->resource_name))
        return describe_all_brokers(describe);
    if (!describe_is_own(describe))
        return true;
    size_t count;
    const struct image_config *given =
        image_configs(describe->settings.chain.image, META__CONFIG_RECORD__RESOURCE__BROKER,
                      describe->settings.chain.broker, &count);
    if (!describe_make_room(describe, CONFIG_COUNT + 1 + count))
        return false;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        struct setting setting;
        if (!describe_wants(describe, config_row(id)->name) ||
            !settings_is_broker(&describe->settings, id))
            continue;
        if (settings_of_broker(&describe->settings, id, &setting) ||
            !describe_add(describe, &setting))
            return false;
    }
    return describe_version(describe) && describe_refused(describe, CONFIG_OF_BROKER, given, count);
}

/* ---- client metrics ---- */

/* As in Kafka any name has the defaults. */
static bool describe_metrics(struct describe_configs *describe)
{
    struct wire_str asked = describe->asked->resource_name;
    if (wire_str_is_empty(asked))
        return describe_refuse(describe, ERR_INVALID_REQUEST,
                               "Client metrics subscription name must not be empty");
    const char *name = arena_strndup(describe->arena, asked.data, (size_t)asked.len);
    if (!name || !describe_make_room(describe, CONFIG_METRICS_COUNT))
        return false;
    for (enum config_metrics_id id = 0; id < CONFIG_METRICS_COUNT; id++) {
        struct setting setting;
        if (!describe_wants(describe, config_metrics_row(id)->name))
            continue;
        if (settings_of_metrics(&describe->settings, name, id, &setting) ||
            !describe_add(describe, &setting))
            return false;
    }
    return true;
}

/* ---- groups ---- */

/* Any name has what the brokers say of all. */
static bool describe_group(struct describe_configs *describe)
{
    struct wire_str asked = describe->asked->resource_name;
    if (wire_str_is_empty(asked))
        return describe_refuse(describe, ERR_INVALID_REQUEST, "Group name must not be empty");
    const char *name = arena_strndup(describe->arena, asked.data, (size_t)asked.len);
    if (!name || !describe_make_room(describe, CONFIG_GROUP_SETTINGS))
        return false;
    for (enum config_group_id id = 0; id < CONFIG_GROUP_SETTINGS; id++) {
        struct setting setting;
        if (!describe_wants(describe, config_group_row(id)->name))
            continue;
        if (settings_of_group(&describe->settings, name, id, &setting) ||
            !describe_add(describe, &setting))
            return false;
    }
    return true;
}

/* ---- levels of the log ---- */

static bool describe_loggers(struct describe_configs *describe)
{
    struct arena *arena = describe->arena;
    const struct broker *broker = describe->request->broker;
    const struct logger_levels *levels = broker->levels;
    int err;
    const char *problem =
        logger_settings_check(arena, broker->node_id, describe->asked->resource_name, &err);
    if (err)
        return problem && describe_refuse(describe, err, problem);
    if (!describe_make_room(describe, LOGGER_AREAS))
        return false;
    for (int i = 0; levels && i < LOGGER_AREAS; i++) {
        enum logger_area area = (enum logger_area)i;
        struct setting setting = {.name = logger_area_name(area),
                                  .value = logger_level_word(logger_levels_get(levels, area)),
                                  .source = CONFIG_FROM_LOGGER};
        if (describe_wants(describe, setting.name) && !describe_add(describe, &setting))
            return false;
    }
    return true;
}

static bool describe_resource(struct describe_configs *describe)
{
    switch (describe->asked->resource_type) {
    case RESOURCES_TOPIC:
        return describe_topic(describe);
    case RESOURCES_BROKER:
        return describe_broker(describe);
    case RESOURCES_BROKER_LOGGER:
        return describe_loggers(describe);
    case RESOURCES_CLIENT_METRICS:
        return describe_metrics(describe);
    case RESOURCES_GROUP:
        return describe_group(describe);
    default:
        return describe_refuse(describe, ERR_INVALID_REQUEST, "Unsupported resource type");
    }
}

static bool describe_is_repeated(struct map *seen, const asked_resource *asked)
{
    struct buf key;
    buf_init(&key);
    buf_printf(&key, "%d %.*s", asked->resource_type, WIRE_STR_ARGS(asked->resource_name));
    bool repeated = map_put(seen, key.data, key.len, seen) != NULL;
    buf_close(&key);
    return repeated;
}

/* What stands twice is answered once: a small request could ask for any number of settings. */
static bool describe_fill(struct request_stream *stream, int32_t index, struct arena *arena,
                          void *item)
{
    struct describe_answer *answer = CONTAINER_OF(stream, struct describe_answer, stream);
    struct request *request = stream->request;
    const struct describe_configs_request *body = request->body;
    const asked_resource *asked = &body->resources.items[index];
    struct describe_configs describe = {
        .request = request,
        .arena = arena,
        .asked = asked,
        .result = item,
        .settings = {.arena = arena, .chain = live_settings_chain(request->broker->live)},
    };
    describe.result->resource_type = asked->resource_type;
    describe.result->resource_name = asked->resource_name;
    describe.result->error_message = WIRE_STR_NULL;
    if (describe_is_repeated(&answer->seen, asked))
        return describe_refuse(&describe, ERR_INVALID_REQUEST, "the resource is named twice");
    map_init(&describe.keys);
    for (int32_t i = 0; i < asked->configuration_keys.count; i++) {
        struct wire_str key = asked->configuration_keys.items[i];
        map_put(&describe.keys, key.data, (size_t)key.len, item);
    }
    bool ok = describe_resource(&describe);
    map_close(&describe.keys);
    return ok;
}

static bool describe_begin(struct request_stream *stream)
{
    struct describe_answer *answer = CONTAINER_OF(stream, struct describe_answer, stream);
    const struct describe_configs_request *body = stream->request->body;
    wire_defaults(&describe_configs_response_desc, &answer->response);
    stream->count = body->resources.count;
    return true;
}

static void describe_done(struct request_stream *stream)
{
    map_close(&CONTAINER_OF(stream, struct describe_answer, stream)->seen);
}

void handle_describe_configs(struct request *request)
{
    struct describe_answer *answer = request_alloc(request, sizeof(*answer));
    if (!answer)
        return;
    map_init(&answer->seen);
    answer->stream = (struct request_stream){
        .response = &answer->response,
        .array = "Results",
        .item = &describe_configs_response_describe_configs_result_desc,
        .begin = describe_begin,
        .fill = describe_fill,
        .done = describe_done,
    };
    request_stream_start(request, &answer->stream);
}

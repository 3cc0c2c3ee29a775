/* kafka-configs: show and change the settings of topics and brokers, and the levels of a broker's
 * log; quotas are in configs_quotas.c.
 *
 * Happy path: describe asks DescribeConfigs (of a certain broker: that broker itself), alter sends
 * IncrementalAlterConfigs, after a look at what there is to take back. Failure modes: an entity
 * type that is not available, a setting that the cluster refuses, one to take back that was not
 * made. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/incremental_alter_configs.h"
#include "kafka/messages/metadata.h"
#include "tools/config_changes.h"
#include "tools/config_resources.h"
#include "tools/configs_quotas.h"
#include "tools/group_client.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row configs_options[] = {
    OPTION("describe", NULL, "Show settings."),
    OPTION("alter", NULL, "Change settings."),
    TOOL_CONTROLLERS_OPTIONS,
    OPTION_MANY("entity-type",
                "topics|brokers|broker-loggers|groups|client-metrics|users|clients|ips",
                "What has the settings; users and clients together: only both of them."),
    OPTION_MANY("entity-name", "NAME",
                "The topic, the broker's id, the group, the user, the client id, the address."),
    OPTION(
        "entity-default", NULL,
        "With brokers: what holds for all of them. With users, clients and ips: for all that have "
        "no quota of their own."),
    OPTION("topic", "NAME", "Short for --entity-type topics --entity-name NAME."),
    OPTION("broker", "ID", "Short for --entity-type brokers --entity-name ID."),
    OPTION("broker-logger", "ID", "Short for --entity-type broker-loggers --entity-name ID."),
    OPTION("broker-defaults", NULL, "Short for --entity-type brokers --entity-default."),
    OPTION("group", "NAME", "Short for --entity-type groups --entity-name NAME."),
    OPTION("client-metrics", "NAME", "Short for --entity-type client-metrics --entity-name NAME."),
    OPTION("user", "NAME", "Short for --entity-type users --entity-name NAME."),
    OPTION("user-defaults", NULL, "Short for --entity-type users --entity-default."),
    OPTION("client", "ID", "Short for --entity-type clients --entity-name ID."),
    OPTION("client-defaults", NULL, "Short for --entity-type clients --entity-default."),
    OPTION("ip", "ADDRESS", "Short for --entity-type ips --entity-name ADDRESS."),
    OPTION("ip-defaults", NULL, "Short for --entity-type ips --entity-default."),
    OPTION_MANY_WITH("alter", "add-config", "NAME=VALUE,...",
                     "Settings to make; a value with commas in brackets: [a,b]."),
    OPTION_WITH("alter", "add-config-file", "FILE", "Settings to make, from a properties file."),
    OPTION_WITH("alter", "delete-config", "NAME,...", "Settings to take back."),
    OPTION_WITH("describe", "all", NULL, "With --describe: static and default values too."),
    REPORT_OPTION_WITH("describe"),
    OPTION_OLD("force", NULL),
    TOOL_LAST_OPTIONS,
};

/* The numbers of Kafka's ConfigResource types. */
enum {
    CONFIGS_TOPIC = 2,
    CONFIGS_BROKER = 4,
    CONFIGS_LOGGER = 8,
    CONFIGS_METRICS = 16,
    CONFIGS_GROUP = 32
};

/* What may have settings: how --entity-type and Kafka's sentences call it, the option that stands
 * for type and name, and the source of what was set for it. */
static const struct configs_kind {
    int8_t type;
    const char *word, *one, *option;
    int8_t source;
} configs_kinds[] = {
    {CONFIGS_TOPIC, "topics", "topic", "topic", 1},
    {CONFIGS_BROKER, "brokers", "broker", "broker", 2},
    {CONFIGS_LOGGER, "broker-loggers", "broker-logger", "broker-logger", 6},
    {CONFIGS_GROUP, "groups", "group", "group", 8},
    {CONFIGS_METRICS, "client-metrics", "client-metric", "client-metrics", 7},
};
enum { CONFIGS_TIMEOUT_MS = 30000 };

/* By number, as DescribeConfigs sends them. */
static const char *const configs_sources[] = {
    "UNKNOWN",
    "DYNAMIC_TOPIC_CONFIG",
    "DYNAMIC_BROKER_CONFIG",
    "DYNAMIC_DEFAULT_BROKER_CONFIG",
    "STATIC_BROKER_CONFIG",
    "DEFAULT_CONFIG",
    "DYNAMIC_BROKER_LOGGER_CONFIG",
    "DYNAMIC_CLIENT_METRICS_CONFIG",
    "DYNAMIC_GROUP_CONFIG",
};

typedef struct describe_configs_response_describe_configs_resource_result configs_row;

struct configs {
    struct tool_run *run;
    const struct configs_kind *kind;
    const char *name; /* NULL = each one; "" = the default of all brokers */
    enum report_format format;
    struct report *report;
};

/* ---- what it is about ---- */

/* It is said once: a second way of saying it would be ignored. */
static int configs_check_entity(const struct tool_run *run)
{
    static const char *const ways[] = {"entity-type",   "topic", "broker",        "broker-defaults",
                                       "broker-logger", "group", "client-metrics"};
    const char *first = NULL;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (!options_has(run->options, ways[i]))
            continue;
        if (first)
            return tool_misuse(run, "give --%s or --%s, not both", first, ways[i]);
        first = ways[i];
    }
    bool name = options_has(run->options, "entity-name");
    bool all = options_has(run->options, "entity-default");
    if (name && all)
        return tool_misuse(run, "give --entity-name or --entity-default, not both");
    if ((name || all) && first && strcmp(first, "entity-type") != 0)
        return tool_misuse(run, "--%s goes with --entity-type, not with --%s",
                           name ? "entity-name" : "entity-default", first);
    size_t types = 0, cursor = 0;
    while (options_next(run->options, "entity-type", &cursor))
        types++;
    return types > 1 ? tool_misuse(run, "only users and clients may be named together") : 0;
}

static int configs_read_type(struct configs *c, const char *type)
{
    struct buf words;
    for (size_t i = 0; type && i < ARRAY_LEN(configs_kinds); i++)
        if (strcmp(type, configs_kinds[i].word) == 0)
            c->kind = &configs_kinds[i];
    if (c->kind)
        return 0;
    buf_init(&words);
    for (size_t i = 0; i < ARRAY_LEN(configs_kinds); i++)
        buf_printf(&words, "%s%s",
                   i == 0                              ? ""
                   : i == ARRAY_LEN(configs_kinds) - 1 ? " and "
                                                       : ", ",
                   configs_kinds[i].word);
    if (type)
        tool_misuse(c->run, "--entity-type %s is not available: there are %s", type,
                    buf_text(&words));
    else
        tool_misuse(c->run, "settings of what? Give --entity-type: there are %s", buf_text(&words));
    buf_close(&words);
    return 1;
}

static int configs_read_entity(struct configs *c)
{
    const struct options *options = c->run->options;
    const char *type = options_get(options, "entity-type");
    if (configs_check_entity(c->run))
        return 1;
    c->name = options_get(options, "entity-name");
    if (options_has(options, "broker-defaults"))
        type = "brokers";
    for (size_t i = 0; i < ARRAY_LEN(configs_kinds); i++)
        if (options_has(options, configs_kinds[i].option)) {
            type = configs_kinds[i].word;
            c->name = options_get(options, configs_kinds[i].option);
        }
    if (configs_read_type(c, type))
        return 1;
    if (!options_has(options, "entity-default") && !options_has(options, "broker-defaults"))
        return 0;
    if (c->kind->type == CONFIGS_LOGGER)
        return tool_misuse(c->run, "broker-loggers have no --entity-default: name the broker");
    if (c->kind->type != CONFIGS_BROKER)
        return tool_misuse(c->run, "%s have no --entity-default: theirs are the brokers'",
                           c->kind->word);
    c->name = "";
    return 0;
}

/* Whether a broker's own settings are meant, which that broker alone knows. */
static bool configs_is_of_node(const struct configs *c)
{
    return c->kind->type == CONFIGS_BROKER || c->kind->type == CONFIGS_LOGGER;
}

/* "broker 0" and the like, in front of which goes Dynamic or All. */
static void configs_say_entity(const struct configs *c, const char *name, struct buf *out)
{
    out->len = 0;
    if (configs_is_of_node(c) && name[0] == '\0')
        buf_printf(out, "brokers in the cluster");
    else
        buf_printf(out, "%s %s", c->kind->one, name);
}

/* A broker's own settings are known to that broker only. */
static int32_t configs_target(const struct configs *c, const char *name)
{
    return configs_is_of_node(c) && name[0] != '\0' ? (int32_t)strtol(name, NULL, 10) : CLIENT_ANY;
}

static int configs_check_name(const struct configs *c, const char *name)
{
    char *end;
    if (!configs_is_of_node(c) || name[0] == '\0')
        return 0;
    long id = strtol(name, &end, 10);
    if (*end == '\0' && id >= 0 && id <= INT32_MAX)
        return 0;
    return tool_misuse(c->run, "%s is not the id of a broker: write a number", name);
}

/* ---- describe ---- */

static int configs_compare(const void *a, const void *b)
{
    const configs_row *x = a, *y = b;
    int32_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = memcmp(x->name.data, y->name.data, (size_t)len);
    return order ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

static json_t *configs_json_value(struct wire_str value, bool sensitive)
{
    return sensitive || value.len < 0 ? json_null()
                                      : report_json_text(value.data, (size_t)value.len);
}

static const char *configs_source(int8_t source)
{
    bool known = source > 0 && source < (int8_t)ARRAY_LEN(configs_sources);
    return configs_sources[known ? source : 0];
}

/* "{SOURCE:name=value, ...}", or an array. */
static void configs_put_synonyms(struct report *report, const configs_row *row)
{
    struct buf text;
    json_t *list = json_array();
    buf_init(&text);
    for (int32_t i = 0; i < row->synonyms.count; i++) {
        struct wire_str name = row->synonyms.items[i].name, value = row->synonyms.items[i].value;
        const char *source = configs_source(row->synonyms.items[i].source);
        json_t *object = json_object();
        json_object_set_new(object, "source", json_string(source));
        json_object_set_new(object, "name", report_json_text(name.data, (size_t)name.len));
        json_object_set_new(object, "value", configs_json_value(value, row->is_sensitive));
        json_array_append_new(list, object);
        if (row->is_sensitive || value.len < 0)
            value = wire_str_from("null");
        buf_printf(&text, "%s%s:%.*s=%.*s", i ? ", " : "", source, WIRE_STR_ARGS(name),
                   WIRE_STR_ARGS(value));
    }
    report_value(report, list);
    report_as(report, "{%s}", buf_text(&text));
    buf_close(&text);
}

static void configs_put_row(const struct configs *c, const char *name, const configs_row *row)
{
    report_text(c->report, c->kind->word);
    report_text(c->report, name[0] ? name : NULL);
    report_string(c->report, row->name);
    if (row->is_sensitive || row->value.len < 0)
        report_none(c->report);
    else
        report_printf(c->report, "%.*s", WIRE_STR_ARGS(row->value));
    report_flag(c->report, row->is_sensitive);
    report_text(c->report, configs_source(row->config_source));
    configs_put_synonyms(c->report, row);
}

static bool configs_is_dynamic(const struct configs *c, const char *name, const configs_row *row)
{
    if (c->kind->type == CONFIGS_LOGGER)
        return true;
    return row->config_source ==
           (c->kind->type == CONFIGS_BROKER && name[0] == '\0' ? 3 : c->kind->source);
}

static void configs_print_title(const struct configs *c, const char *name, bool all)
{
    struct buf entity;
    buf_init(&entity);
    configs_say_entity(c, name, &entity);
    printf("%s configs for %s are:\n",
           all                                                  ? "All"
           : c->kind->type == CONFIGS_BROKER && name[0] == '\0' ? "Default"
                                                                : "Dynamic",
           buf_text(&entity));
    buf_close(&entity);
}

/* Kafka's text has a title for each entity. */
static void configs_print(const struct configs *c, const char *name,
                          const struct describe_configs_response_describe_configs_result *result)
{
    bool all = options_has(c->run->options, "all");
    if (c->format == REPORT_KAFKA)
        configs_print_title(c, name, all);
    if (result->configs.count > 0)
        qsort(result->configs.items, (size_t)result->configs.count, sizeof(configs_row),
              configs_compare);
    for (int32_t i = 0; i < result->configs.count; i++)
        if (all || configs_is_dynamic(c, name, &result->configs.items[i]))
            configs_put_row(c, name, &result->configs.items[i]);
    if (c->format == REPORT_KAFKA) {
        report_print(c->report, REPORT_KAFKA, stdout);
        report_clear(c->report);
    }
}

/* What the cluster says of one entity; the caller frees *answer, in which there is one result. */
static int configs_ask(const struct configs *c, const char *name, struct client_answer *answer)
{
    struct describe_configs_request request;
    struct describe_configs_request_describe_configs_resource resource;
    int version = tool_version(c->run, KAFKA_API_DESCRIBE_CONFIGS);
    if (version < 0 || configs_check_name(c, name))
        return 1;
    wire_defaults(&describe_configs_request_desc, &request);
    wire_defaults(&describe_configs_request_describe_configs_resource_desc, &resource);
    resource.resource_type = c->kind->type;
    resource.resource_name = wire_str_from(name);
    resource.configuration_keys.count = -1;
    request.resources.items = &resource;
    request.resources.count = 1;
    request.include_synonyms = version >= 1;
    int status = tool_call(c->run, configs_target(c, name), KAFKA_API_DESCRIBE_CONFIGS, version,
                           &request, answer);
    if (status)
        return status;
    const struct describe_configs_response *response = answer->response;
    return response->results.count == 1
               ? 0
               : tool_fail(c->run, "the broker did not answer for %s", name);
}

/* "The topic 't' doesn't exist ...", which is no failure. */
static void configs_say_absent(const struct configs *c, const char *name)
{
    fprintf(c->format == REPORT_KAFKA ? stdout : stderr,
            "The %s '%s' doesn't exist and doesn't have dynamic config.\n", c->kind->one, name);
}

/* `each` for one after the other of what the cluster lists as having settings, until it returns
 * something else than 0, which is returned. */
static int configs_each_listed(const struct configs *c, int (*each)(void *data, const char *name),
                               void *data)
{
    return config_resources_each(c->run, c->kind->type, each, data);
}

struct configs_groups {
    int (*each)(void *data, const char *name);
    void *data;
    struct map told;
};

static int configs_tell_group(void *data, const char *name)
{
    struct configs_groups *groups = data;
    return map_put(&groups->told, name, strlen(name), groups) ? 0
                                                              : groups->each(groups->data, name);
}

/* The same of groups: those that there are, and then the others that have settings. */
static int configs_each_group(const struct configs *c, int (*each)(void *data, const char *name),
                              void *data)
{
    struct configs_groups groups = {.each = each, .data = data};
    struct group_client client;
    struct group_list list;
    /* Version 0 lists no groups. */
    bool lists =
        client_version(c->run->client, CLIENT_ANY, KAFKA_API_LIST_CONFIG_RESOURCES, INT16_MAX) > 0;
    map_init(&groups.told);
    group_client_init(&client, c->run, CONFIGS_TIMEOUT_MS);
    int status = group_client_list(&client, NULL, NULL, &list) ? tool_fail_client(c->run) : 0;
    for (size_t i = 0; status == 0 && i < list.count; i++)
        status = configs_tell_group(&groups, list.items[i].id);
    group_list_free(&list);
    group_client_close(&client);
    if (status == 0 && lists)
        status = configs_each_listed(c, configs_tell_group, &groups);
    map_close(&groups.told);
    return status;
}

struct configs_search {
    const char *name;
    bool found;
};

static int configs_compare_name(void *data, const char *name)
{
    struct configs_search *search = data;
    search->found |= strcmp(search->name, name) == 0;
    return 0;
}

/* Any name may be asked for, and has defaults: one without settings is there only if it is a group.
 */
static int configs_look(const struct configs *c, const char *name, bool *found)
{
    struct configs_search search = {.name = name};
    int status = 0;
    if (c->kind->type == CONFIGS_GROUP)
        status = configs_each_group(c, configs_compare_name, &search);
    else
        status = configs_each_listed(c, configs_compare_name, &search);
    *found = search.found || status;
    return status;
}

/* Whether something was set for it, and not only for all. */
static bool configs_has_own(const struct configs *c, const char *name,
                            const struct describe_configs_response_describe_configs_result *result)
{
    for (int32_t i = 0; i < result->configs.count; i++)
        if (configs_is_dynamic(c, name, &result->configs.items[i]))
            return true;
    return false;
}

static int configs_describe_one(const struct configs *c, const char *name)
{
    struct client_answer answer = {0};
    struct buf text;
    bool found = true;
    int status = configs_ask(c, name, &answer);
    if (status) {
        client_answer_free(&answer);
        return status;
    }
    const struct describe_configs_response *response = answer.response;
    bool none = !response->results.items[0].error_code &&
                !configs_has_own(c, name, &response->results.items[0]);
    if (c->name && none && (c->kind->type == CONFIGS_GROUP || c->kind->type == CONFIGS_METRICS))
        status = configs_look(c, name, &found);
    buf_init(&text);
    if (err_from_wire(response->results.items[0].error_code) == ERR_UNKNOWN_TOPIC_OR_PARTITION ||
        !found)
        configs_say_absent(c, name);
    else if (response->results.items[0].error_code)
        status = tool_fail(c->run, "%s",
                           tool_error_text(response->results.items[0].error_code,
                                           response->results.items[0].error_message, &text));
    else
        configs_print(c, name, &response->results.items[0]);
    buf_close(&text);
    client_answer_free(&answer);
    return status;
}

/* Each controller; no other one knows its settings. */
static int configs_describe_controllers(const struct configs *c)
{
    struct describe_cluster_request request;
    struct client_answer answer = {0};
    struct buf text;
    if (!configs_is_of_node(c))
        return tool_misuse(c->run,
                           "--bootstrap-controller: controllers list no %s: name one, or give a "
                           "broker with --bootstrap-server",
                           c->kind->word);
    int version = tool_version(c->run, KAFKA_API_DESCRIBE_CLUSTER);
    if (version < 0)
        return 1;
    wire_defaults(&describe_cluster_request_desc, &request);
    request.endpoint_type = client_endpoint_type(c->run->client);
    if (tool_call(c->run, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, version, &request, &answer))
        return 1;
    const struct describe_cluster_response *response = answer.response;
    buf_init(&text);
    int status =
        response->error_code
            ? tool_fail(c->run, "%s",
                        tool_error_text(response->error_code, response->error_message, &text))
            : 0;
    for (int32_t i = 0; status == 0 && i < response->brokers.count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", response->brokers.items[i].broker_id);
        status = configs_describe_one(c, name);
    }
    if (status == 0 && c->kind->type == CONFIGS_BROKER)
        status = configs_describe_one(c, "");
    buf_close(&text);
    client_answer_free(&answer);
    return status;
}

static int configs_describe_listed(void *data, const char *name)
{
    return configs_describe_one(data, name);
}

/* Each group, and each set of client metrics that has settings. */
static int configs_describe_resources(struct configs *c)
{
    return c->kind->type == CONFIGS_GROUP ? configs_each_group(c, configs_describe_listed, c)
                                          : configs_each_listed(c, configs_describe_listed, c);
}

/* Each topic, or each broker that is alive and then what holds for all. */
static int configs_describe_each(struct configs *c)
{
    struct client_answer answer = {0};
    bool topics = c->kind->type == CONFIGS_TOPIC;
    if (c->run->controllers)
        return configs_describe_controllers(c);
    if (!topics && !configs_is_of_node(c))
        return configs_describe_resources(c);
    if (tool_metadata(c->run, &answer))
        return 1;
    const struct metadata_response *response = answer.response;
    int status = 0;
    for (int32_t i = 0; topics && status == 0 && i < response->topics.count; i++) {
        char *name = wire_str_dup(response->topics.items[i].name);
        status = configs_describe_one(c, name);
        mem_free(name);
    }
    for (int32_t i = 0; !topics && status == 0 && i < response->brokers.count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", response->brokers.items[i].node_id);
        status = configs_describe_one(c, name);
    }
    if (status == 0 && c->kind->type == CONFIGS_BROKER)
        status = configs_describe_one(c, "");
    client_answer_free(&answer);
    return status;
}

static int configs_describe(struct configs *c)
{
    static const struct report_column columns[] = {
        {.name = "entityType"}, {.name = "entityName"},
        {.name = "name"},       {.name = "value", .none = "null"},
        {.name = "sensitive"},  {.name = "source"},
        {.name = "synonyms"},   REPORT_END};
    c->report = report_new("configs");
    report_columns(c->report, columns);
    report_lines(c->report, "  {name}={value} sensitive={sensitive} synonyms={synonyms}");
    int status = c->name ? configs_describe_one(c, c->name) : configs_describe_each(c);
    if (status == 0 && c->format != REPORT_KAFKA)
        report_print(c->report, c->format, stdout);
    report_free(c->report);
    return status;
}

/* ---- alter ---- */

static bool configs_moved(const void *response)
{
    const struct incremental_alter_configs_response *altered = response;
    for (int32_t i = 0; i < altered->responses.count; i++)
        if (err_from_wire(altered->responses.items[i].error_code) == ERR_NOT_CONTROLLER)
            return true;
    return false;
}

static int configs_report(const struct configs *c,
                          const struct incremental_alter_configs_response *response)
{
    struct buf text;
    int status = 0;
    buf_init(&text);
    for (int32_t i = 0; i < response->responses.count && status == 0; i++)
        if (response->responses.items[i].error_code)
            status = tool_fail(c->run, "%s",
                               tool_error_text(response->responses.items[i].error_code,
                                               response->responses.items[i].error_message, &text));
    configs_say_entity(c, c->name, &text);
    if (status == 0)
        printf("Completed updating config for %s.\n", buf_text(&text));
    buf_close(&text);
    return status;
}

static int configs_alter(const struct configs *c, const struct config_changes *changes)
{
    struct incremental_alter_configs_request request;
    struct incremental_alter_configs_request_alter_configs_resource resource;
    struct client_answer answer = {0};
    int version = tool_version(c->run, KAFKA_API_INCREMENTAL_ALTER_CONFIGS);
    if (version < 0 || configs_check_name(c, c->name))
        return 1;
    wire_defaults(&incremental_alter_configs_request_desc, &request);
    wire_defaults(&incremental_alter_configs_request_alter_configs_resource_desc, &resource);
    resource.resource_type = c->kind->type;
    resource.resource_name = wire_str_from(c->name);
    resource.configs.items =
        (struct incremental_alter_configs_request_alterable_config *)(uintptr_t)changes->rows;
    resource.configs.count = changes->count;
    request.resources.items = &resource;
    request.resources.count = 1;
    int32_t target = configs_target(c, c->name);
    int status = target >= 0 ? tool_call(c->run, target, KAFKA_API_INCREMENTAL_ALTER_CONFIGS,
                                         version, &request, &answer)
                             : tool_call_controller(c->run, KAFKA_API_INCREMENTAL_ALTER_CONFIGS,
                                                    version, &request, configs_moved, &answer);
    if (status == 0)
        status = configs_report(c, answer.response);
    client_answer_free(&answer);
    return status;
}

static bool configs_is_made(const struct configs *c,
                            const struct describe_configs_response *response, struct wire_str name)
{
    const struct describe_configs_response_describe_configs_result *result =
        &response->results.items[0];
    for (int32_t i = 0; i < result->configs.count; i++)
        if (wire_str_equal(result->configs.items[i].name, name))
            return configs_is_dynamic(c, c->name, &result->configs.items[i]);
    return false;
}

/* What was never made can't be taken back: it is a mistake in the name, which the cluster would let
 * pass. Loggers are given: none can be added either. Where the entity is not there, the change
 * itself says so. */
static bool
configs_must_be_there(const struct configs *c,
                      const struct incremental_alter_configs_request_alterable_config *row)
{
    return c->kind->type == CONFIGS_LOGGER || row->config_operation == CONFIG_CHANGE_DELETE;
}

static int configs_check_names(const struct configs *c, const struct config_changes *changes)
{
    struct client_answer answer = {0};
    struct buf unknown;
    bool any = false;
    for (int i = 0; i < changes->count; i++)
        any |= configs_must_be_there(c, &changes->rows[i]);
    if (!any)
        return 0;
    int status = configs_ask(c, c->name, &answer);
    const struct describe_configs_response *response = answer.response;
    buf_init(&unknown);
    for (int i = 0; status == 0 && !response->results.items[0].error_code && i < changes->count;
         i++)
        if (configs_must_be_there(c, &changes->rows[i]) &&
            !configs_is_made(c, response, changes->rows[i].name))
            buf_printf(&unknown, "%s%.*s", unknown.len > 0 ? "," : "",
                       WIRE_STR_ARGS(changes->rows[i].name));
    if (unknown.len > 0)
        status = tool_fail(c->run, "Invalid %s(s): %s",
                           c->kind->type == CONFIGS_LOGGER ? "broker logger" : "config",
                           buf_text(&unknown));
    buf_close(&unknown);
    client_answer_free(&answer);
    return status;
}

static int configs_run_alter(struct configs *c)
{
    if (!c->name)
        return tool_misuse(c->run, "--alter needs --entity-name NAME");
    struct config_changes *changes = mem_alloc(sizeof(*changes));
    int status = config_changes_read(c->run, changes);
    if (status == 0)
        status =
            tool_connect(c->run) || configs_check_names(c, changes) ? 1 : configs_alter(c, changes);
    config_changes_close(changes);
    mem_free(changes);
    return status;
}

static int configs_run(struct tool_run *run)
{
    struct configs c = {.run = run, .format = report_format(run)};
    if (options_has(run->options, "describe") == options_has(run->options, "alter"))
        return tool_misuse(run, "give one of --describe, --alter");
    if (tool_check_action(run, options_has(run->options, "alter") ? "alter" : "describe"))
        return 1;
    if (configs_quotas_are_meant(run))
        return configs_quotas_run(run);
    if (configs_read_entity(&c))
        return 1;
    if (options_has(run->options, "alter"))
        return configs_run_alter(&c);
    if (tool_connect(run))
        return 1;
    return configs_describe(&c);
}

const struct tool tool_configs = {
    .name = "configs",
    .link = "kafka-configs",
    .synopsis = "--bootstrap-server HOST:PORT --describe|--alter --topic NAME ...",
    .summary = "Show and change the settings of topics and brokers, levels of logs, and quotas.",
    .options = configs_options,
    .controllers = true,
    .run = configs_run,
};

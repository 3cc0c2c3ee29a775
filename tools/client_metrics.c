/* kafka-client-metrics: which metrics the clients push to the brokers (KIP-714); kafka-configs
 * --client-metrics does the same.
 *
 * Happy path: one action; to describe or list, the cluster is asked what there is, to alter or
 * delete, one change is sent. Failure modes: no action or two, an alter without a name, a setting
 * that the cluster refuses. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/uuid.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/incremental_alter_configs.h"
#include "kafka/meta_properties.h"
#include "tools/config_changes.h"
#include "tools/config_resources.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row metrics_options[] = {
    TOOL_CONNECT_OPTIONS,
    OPTION("alter", NULL, "Make or change a subscription."),
    OPTION("delete", NULL, "Take all settings of a subscription back."),
    OPTION("describe", NULL, "Show the subscription, or all."),
    OPTION("list", NULL, "Show the names of all."),
    OPTION_WITH("alter|delete|describe", "name", "NAME", "The subscription."),
    OPTION_WITH("alter", "generate-name", NULL, "A new one, under a name that nobody has."),
    OPTION_WITH("alter", "interval", "MS",
                "How often the clients push, from 100 to 3600000; empty: the default, 300000."),
    OPTION_WITH("alter", "match", "ATTRIBUTE=EXPRESSION,...",
                "Which clients: client_id, client_instance_id, client_software_name, "
                "client_software_version, client_source_address, client_source_port; empty: all."),
    OPTION_WITH("alter", "metrics", "PREFIX,...",
                "How the names of the metrics begin; * is all of them."),
    REPORT_OPTION_WITH("describe|list"),
    TOOL_LAST_OPTIONS,
};

enum { METRICS_SETTINGS = 3 };

/* The settings, in the order in which they are told, and the options that give them. */
static const struct {
    const char *name, *option;
} metrics_settings[METRICS_SETTINGS] = {
    {"interval.ms", "interval"}, {"match", "match"}, {"metrics", "metrics"}};

/* ---- asking ---- */

static int metrics_fail(const struct tool_run *run, int16_t code, struct wire_str message)
{
    struct buf text;
    buf_init(&text);
    int status = code ? tool_fail(run, "%s", tool_error_text(code, message, &text)) : 0;
    buf_close(&text);
    return status;
}

struct metrics_wanted {
    struct tool_run *run;
    const char *name; /* NULL: all */
    bool found;
    struct report *report; /* rows for programs */
};

/* The settings of one as a row, which is printed with the others; or in Kafka's words, at once. */
static void metrics_print_found(const struct metrics_wanted *wanted, const char *name,
                                const struct describe_configs_response_describe_configs_result *row)
{
    bool plain = report_format(wanted->run) == REPORT_KAFKA;
    json_t *settings = json_object();
    if (plain)
        printf("Client metrics configs for %s are:\n", name);
    for (int32_t i = 0; i < row->configs.count; i++) {
        struct wire_str key = row->configs.items[i].name, value = row->configs.items[i].value;
        if (plain)
            printf("  %.*s=%.*s\n", WIRE_STR_ARGS(key), WIRE_STR_ARGS(value));
        json_object_setn_new(settings, key.data, (size_t)key.len,
                             report_json_text(value.data, (size_t)value.len));
    }
    report_text(wanted->report, name);
    report_value(wanted->report, settings);
}

static int metrics_print_settings(const struct metrics_wanted *wanted, const char *name)
{
    struct tool_run *run = wanted->run;
    struct describe_configs_request request;
    struct describe_configs_request_describe_configs_resource resource;
    struct client_answer answer = {0};
    int version = tool_version(run, KAFKA_API_DESCRIBE_CONFIGS);
    if (version < 0)
        return 1;
    wire_defaults(&describe_configs_request_desc, &request);
    wire_defaults(&describe_configs_request_describe_configs_resource_desc, &resource);
    resource.resource_type = CONFIG_RESOURCES_CLIENT_METRICS;
    resource.resource_name = wire_str_from(name);
    resource.configuration_keys.count = -1;
    request.resources.items = &resource;
    request.resources.count = 1;
    int status = tool_call(run, CLIENT_ANY, KAFKA_API_DESCRIBE_CONFIGS, version, &request, &answer);
    const struct describe_configs_response *response = answer.response;
    if (status == 0 && response->results.count != 1)
        status = tool_fail(run, "the broker did not answer for %s", name);
    if (status == 0)
        status = metrics_fail(run, response->results.items[0].error_code,
                              response->results.items[0].error_message);
    if (status == 0)
        metrics_print_found(wanted, name, &response->results.items[0]);
    client_answer_free(&answer);
    return status;
}

static int metrics_describe_one(void *data, const char *name)
{
    struct metrics_wanted *wanted = data;
    if (wanted->name && strcmp(wanted->name, name) != 0)
        return 0;
    wanted->found = true;
    return metrics_print_settings(wanted, name);
}

static int metrics_describe(struct tool_run *run)
{
    static const struct report_column columns[] = {
        {.name = "name"}, {.name = "configs"}, REPORT_END};
    enum report_format format = report_format(run);
    struct metrics_wanted wanted = {.run = run,
                                    .name = options_get(run->options, "name"),
                                    .report = report_new("clientMetrics")};
    report_columns(wanted.report, columns);
    int status =
        config_resources_each(run, CONFIG_RESOURCES_CLIENT_METRICS, metrics_describe_one, &wanted);
    if (status == 0 && wanted.name && !wanted.found)
        fprintf(format == REPORT_KAFKA ? stdout : stderr,
                "The client metric resource %s doesn't exist and doesn't have dynamic config.\n",
                wanted.name);
    if (status == 0 && format != REPORT_KAFKA)
        report_print(wanted.report, format, stdout);
    report_free(wanted.report);
    return status;
}

static int metrics_add_name(void *data, const char *name)
{
    report_text(data, name);
    return 0;
}

static int metrics_list(struct tool_run *run)
{
    static const struct report_column columns[] = {{.name = "name"}, REPORT_END};
    struct report *report = report_new("clientMetrics");
    report_columns(report, columns);
    report_lines(report, "{name}");
    int status =
        config_resources_each(run, CONFIG_RESOURCES_CLIENT_METRICS, metrics_add_name, report);
    if (status == 0)
        report_print(report, report_format(run), stdout);
    report_free(report);
    return status;
}

/* ---- changing ---- */

static bool metrics_moved(const void *response)
{
    const struct incremental_alter_configs_response *altered = response;
    return altered->responses.count > 0 &&
           err_from_wire(altered->responses.items[0].error_code) == ERR_NOT_CONTROLLER;
}

/* values[i] of each setting: NULL leaves it, "" takes it back. */
static int metrics_change(struct tool_run *run, const char *name,
                          const char *const values[METRICS_SETTINGS])
{
    struct incremental_alter_configs_request request;
    struct incremental_alter_configs_request_alter_configs_resource resource;
    struct incremental_alter_configs_request_alterable_config rows[METRICS_SETTINGS];
    struct client_answer answer = {0};
    int version = tool_version(run, KAFKA_API_INCREMENTAL_ALTER_CONFIGS);
    if (version < 0)
        return 1;
    wire_defaults(&incremental_alter_configs_request_desc, &request);
    wire_defaults(&incremental_alter_configs_request_alter_configs_resource_desc, &resource);
    resource.resource_type = CONFIG_RESOURCES_CLIENT_METRICS;
    resource.resource_name = wire_str_from(name);
    resource.configs.items = rows;
    request.resources.items = &resource;
    request.resources.count = 1;
    for (int i = 0; i < METRICS_SETTINGS; i++) {
        if (!values[i])
            continue;
        struct incremental_alter_configs_request_alterable_config *row =
            &rows[resource.configs.count++];
        wire_defaults(&incremental_alter_configs_request_alterable_config_desc, row);
        row->name = wire_str_from(metrics_settings[i].name);
        row->value = values[i][0] ? wire_str_from(values[i]) : WIRE_STR_NULL;
        row->config_operation = values[i][0] ? CONFIG_CHANGE_SET : CONFIG_CHANGE_DELETE;
    }
    int status = tool_call_controller(run, KAFKA_API_INCREMENTAL_ALTER_CONFIGS, version, &request,
                                      metrics_moved, &answer);
    const struct incremental_alter_configs_response *response = answer.response;
    for (int32_t i = 0; status == 0 && i < response->responses.count; i++)
        status = metrics_fail(run, response->responses.items[i].error_code,
                              response->responses.items[i].error_message);
    client_answer_free(&answer);
    return status;
}

static int metrics_alter(struct tool_run *run)
{
    const char *values[METRICS_SETTINGS], *name = options_get(run->options, "name");
    char made[UUID_TEXT_LEN + 1];
    for (int i = 0; i < METRICS_SETTINGS; i++)
        values[i] = options_get(run->options, metrics_settings[i].option);
    if (!name) {
        struct uuid id = meta_properties_new_id(run->env);
        uuid_format(&id, made);
        name = made;
    }
    int status = metrics_change(run, name, values);
    if (status == 0)
        printf("Altered client metrics config for %s.\n", name);
    return status;
}

static int metrics_delete(struct tool_run *run)
{
    static const char *const nothing[METRICS_SETTINGS] = {"", "", ""};
    const char *name = options_get(run->options, "name");
    int status = metrics_change(run, name, nothing);
    if (status == 0)
        printf("Deleted client metrics config for %s.\n", name);
    return status;
}

static const struct tool_command metrics_actions[] = {{"alter", metrics_alter},
                                                      {"delete", metrics_delete},
                                                      {"describe", metrics_describe},
                                                      {"list", metrics_list}};

static int metrics_check_name(const struct tool_run *run, const char *action)
{
    bool named = options_has(run->options, "name");
    if (strcmp(action, "alter") == 0 && named == options_has(run->options, "generate-name"))
        return tool_misuse(run, "--alter needs one of --name, --generate-name");
    if (strcmp(action, "delete") == 0 && !named)
        return tool_misuse(run, "--delete needs --name NAME");
    return 0;
}

static int metrics_run(struct tool_run *run)
{
    const struct tool_command *action = NULL;
    int count = 0;
    for (size_t i = 0; i < ARRAY_LEN(metrics_actions); i++)
        if (options_has(run->options, metrics_actions[i].name)) {
            action = &metrics_actions[i];
            count++;
        }
    if (count != 1)
        return tool_misuse(run, "give one of --alter, --delete, --describe, --list");
    if (tool_check_action(run, action->name) || metrics_check_name(run, action->name) ||
        tool_connect(run))
        return 1;
    return action->run(run);
}

const struct tool tool_client_metrics = {
    .name = "client-metrics",
    .link = "kafka-client-metrics",
    .synopsis = "--bootstrap-server HOST:PORT --alter|--delete|--describe|--list [--name NAME]",
    .summary = "Say which metrics the clients push to the brokers.",
    .options = metrics_options,
    .run = metrics_run,
};

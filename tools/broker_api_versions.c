/* kafka-broker-api-versions: what each broker can speak. */
#include "tools/broker_api_versions.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/describe_cluster.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row versions_options[] = {
    TOOL_CONNECT_OPTIONS,
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

struct versions {
    struct tool_run *run;
    enum report_format format;
    struct report *nodes, *apis;
};

static void versions_make_reports(struct versions *v)
{
    static const struct report_column nodes[] = {
        {.name = "id"},       {.name = "host"},  {.name = "port"}, {.name = "rack", .none = "null"},
        {.name = "isFenced"}, {.name = "error"}, REPORT_END};
    static const struct report_column apis[] = {{.name = "id"},
                                                {.name = "api", .none = "UNKNOWN"},
                                                {.name = "key"},
                                                {.name = "minVersion", .none = "UNSUPPORTED"},
                                                {.name = "maxVersion"},
                                                {.name = "usableVersion"},
                                                REPORT_END};
    v->nodes = report_new("nodes");
    report_columns(v->nodes, nodes);
    report_lines(v->nodes, "{host}:{port} (id: {id} rack: {rack} isFenced: {isFenced}) -> {error}");
    v->apis = report_new("apis");
    report_columns(v->apis, apis);
    report_lines(v->apis, "\t{api}({key}): {minVersion}");
}

/* In Kafka's text the least version has the rest of the line behind it. */
static void versions_say(struct versions *v, int16_t min, int16_t max, const char *usable,
                         const char *comma)
{
    if (v->format != REPORT_KAFKA)
        return;
    if (min == max)
        report_as(v->apis, "%d%s%s", min, usable, comma);
    else
        report_as(v->apis, "%d to %d%s%s", min, max, usable, comma);
}

static void versions_put_api(struct versions *v, int32_t id, const struct client_conn *conn,
                             int16_t key, const char *comma)
{
    const struct kafka_api *api = kafka_api_find(key);
    int16_t min = 0, max = 0;
    bool supported = client_conn_range(conn, key, &min, &max);
    int usable = api && supported ? client_conn_version(conn, key, INT16_MAX) : -1;
    report_number(v->apis, id);
    report_text(v->apis, api ? api->name : NULL);
    report_number(v->apis, key);
    if (!supported) {
        report_none(v->apis);
        report_as(v->apis, "UNSUPPORTED%s", v->format == REPORT_KAFKA ? comma : "");
        report_none(v->apis);
        report_none(v->apis);
        return;
    }
    char *text = !api         ? mem_strdup("")
                 : usable < 0 ? mem_strdup(" [unusable: the two have no version in common]")
                              : mem_printf(" [usable: %d]", usable);
    report_number(v->apis, min);
    versions_say(v, min, max, text, comma);
    mem_free(text);
    report_number(v->apis, max);
    report_number_unless(v->apis, usable < 0 ? -1 : usable, -1);
}

/* Those that we know, then those that only the broker knows. */
static void versions_put_apis(struct versions *v, int32_t id, const struct client_conn *conn)
{
    int16_t keys[1024];
    int count = 0;
    for (int16_t key = 0; key < KAFKA_API_END; key++)
        if (kafka_api_find(key))
            keys[count++] = key;
    for (int i = 0; client_conn_key(conn, i) >= 0 && count < 1000; i++)
        if (!kafka_api_find(client_conn_key(conn, i)))
            keys[count++] = client_conn_key(conn, i);
    for (int i = 0; i < count; i++)
        versions_put_api(v, id, conn, keys[i], i + 1 < count ? "," : "");
}

/* 0, or 1 when the node does not answer. */
static int versions_put_node(struct versions *v,
                             const struct describe_cluster_response_describe_cluster_broker *row)
{
    const struct client_conn *conn = client_connection(v->run->client, row->broker_id);
    report_number(v->nodes, row->broker_id);
    report_string(v->nodes, row->host);
    report_number(v->nodes, row->port);
    report_string(v->nodes, row->rack);
    report_flag(v->nodes, row->is_fenced);
    report_text(v->nodes, conn ? NULL : client_problem(v->run->client));
    if (v->format == REPORT_KAFKA && conn)
        report_as(v->nodes, "(");
    else if (v->format == REPORT_KAFKA)
        report_as(v->nodes, "ERROR: %s", client_problem(v->run->client));
    if (conn)
        versions_put_apis(v, row->broker_id, conn);
    return conn ? 0 : 1;
}

/* Kafka's text has the APIs of each node behind its line. */
static void versions_print_node(struct versions *v)
{
    report_print(v->nodes, REPORT_KAFKA, stdout);
    report_print(v->apis, REPORT_KAFKA, stdout);
    if (report_rows(v->apis) > 0)
        puts(")");
    report_clear(v->nodes);
    report_clear(v->apis);
}

int broker_api_versions_print(struct tool_run *run)
{
    struct versions v = {.run = run, .format = report_format(run)};
    struct describe_cluster_request request;
    struct client_answer answer = {0};
    int version = tool_version(run, KAFKA_API_DESCRIBE_CLUSTER);
    if (version < 0)
        return 1;
    wire_defaults(&describe_cluster_request_desc, &request);
    request.endpoint_type = client_endpoint_type(run->client);
    if (tool_call(run, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, version, &request, &answer))
        return 1;
    versions_make_reports(&v);
    const struct describe_cluster_response *response = answer.response;
    int status = 0;
    for (int32_t i = 0; i < response->brokers.count; i++) {
        status |= versions_put_node(&v, &response->brokers.items[i]);
        if (v.format == REPORT_KAFKA)
            versions_print_node(&v);
    }
    const struct report *both[] = {v.nodes, v.apis};
    if (v.format != REPORT_KAFKA)
        report_print_all(both, 2, v.format, stdout);
    report_free(v.nodes);
    report_free(v.apis);
    client_answer_free(&answer);
    return status;
}

static int versions_run(struct tool_run *run)
{
    return tool_connect(run) ? 1 : broker_api_versions_print(run);
}

const struct tool tool_broker_api_versions = {
    .name = "broker-api-versions",
    .link = "kafka-broker-api-versions",
    .synopsis = "--bootstrap-server HOST:PORT",
    .summary = "Show what each broker can speak.",
    .options = versions_options,
    .run = versions_run,
};

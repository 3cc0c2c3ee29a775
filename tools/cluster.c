/* kafka-cluster: the cluster's id, and its brokers' addresses. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/describe_cluster.h"
#include "tools/table.h"
#include "tools/tools.h"

static const struct option_row cluster_options[] = {
    OPTION_LETTER('b', "bootstrap-server", "HOST:PORT,...", "Brokers to ask first."),
    OPTION_OLD("zookeeper", "HOST:PORT"),
    OPTION_LETTER('c', "command-config", "FILE", "A file of client properties."),
    OPTION_SAME("config", "FILE", "command-config"),
    OPTION("include-fenced-brokers", NULL, "list-endpoints: those that are down, too."),
    TOOL_LAST_OPTIONS,
};

static void cluster_print_endpoints(const struct describe_cluster_response *response)
{
    bool racks = false;
    for (int32_t i = 0; i < response->brokers.count; i++)
        racks = racks || response->brokers.items[i].rack.len > 0;
    struct table *table = table_new(TABLE_PADDED);
    table_column(table, "ID", 10);
    table_column(table, "HOST", 0);
    table_column(table, "PORT", 10);
    table_column(table, "RACK", racks ? 0 : 10);
    table_column(table, "STATE", 10);
    table_column(table, "ENDPOINT_TYPE", 15);
    for (int32_t i = 0; i < response->brokers.count; i++) {
        const struct describe_cluster_response_describe_cluster_broker *row =
            &response->brokers.items[i];
        table_cell(table, "%d", row->broker_id);
        table_cell(table, "%.*s", WIRE_STR_ARGS(row->host));
        table_cell(table, "%d", row->port);
        if (row->rack.len > 0)
            table_cell(table, "%.*s", WIRE_STR_ARGS(row->rack));
        else
            table_cell(table, "null");
        table_cell(table, "%s", row->is_fenced ? "fenced" : "unfenced");
        table_cell(table, "broker");
    }
    table_print(table, stdout);
    table_free(table);
}

static int cluster_print(struct tool_run *run, const char *command,
                         const struct describe_cluster_response *response)
{
    struct buf text;
    int status = 0;
    buf_init(&text);
    if (response->error_code)
        status = tool_fail(run, "%s",
                           tool_error_text(response->error_code, response->error_message, &text));
    else if (strcmp(command, "cluster-id") == 0)
        printf("Cluster ID: %.*s\n", WIRE_STR_ARGS(response->cluster_id));
    else
        cluster_print_endpoints(response);
    buf_close(&text);
    return status;
}

static int cluster_run(struct tool_run *run)
{
    struct describe_cluster_request request;
    struct client_answer answer = {0};
    const char *command = options_positional(run->options, 0);
    bool fenced = options_has(run->options, "include-fenced-brokers");
    if (!command || (strcmp(command, "cluster-id") != 0 && strcmp(command, "list-endpoints") != 0))
        return tool_misuse(run, "the commands are cluster-id and list-endpoints");
    if (fenced && strcmp(command, "list-endpoints") != 0)
        return tool_misuse(run, "--include-fenced-brokers goes with list-endpoints");
    if (tool_connect(run))
        return 1;
    int version = tool_version(run, KAFKA_API_DESCRIBE_CLUSTER);
    if (version < 0)
        return 1;
    if (fenced && version < 2)
        return tool_fail(run, "the broker is too old to list fenced brokers: leave "
                              "--include-fenced-brokers out");
    wire_defaults(&describe_cluster_request_desc, &request);
    request.include_fenced_brokers = fenced;
    if (tool_call(run, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, version, &request, &answer))
        return 1;
    int status = cluster_print(run, command, answer.response);
    client_answer_free(&answer);
    return status;
}

const struct tool tool_cluster = {
    .name = "cluster",
    .link = "kafka-cluster",
    .synopsis = "cluster-id|list-endpoints --bootstrap-server HOST:PORT",
    .summary = "Show the cluster's id and its brokers' addresses.",
    .options = cluster_options,
    .positional = 1,
    .run = cluster_run,
};

/* kafka-cluster: the cluster's id, its brokers' addresses and APIs; taking a broker out for good.
 *
 * Failure modes: an unknown command, an option of another command, a broker that is not registered
 * (the cluster's answer). */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/unregister_controller.h"
#include "tools/broker_api_versions.h"
#include "tools/report.h"
#include "tools/tools.h"
#include "tools/unregister.h"

static const struct option_row cluster_options[] = {
    TOOL_CONTROLLERS_OPTIONS,
    OPTION_SAME("config", "FILE", "command-config"),
    OPTION_LETTER_WITH("unregister|unregister-controller", 'i', "id", "N",
                       "unregister, unregister-controller: the node's id."),
    OPTION_WITH("list-endpoints", "include-fenced-brokers", NULL,
                "list-endpoints: those that are down, too."),
    REPORT_OPTION_WITH("cluster-id|list-endpoints|api-versions"),
    TOOL_LAST_OPTIONS,
};

static void cluster_print_endpoints(const struct tool_run *run,
                                    const struct describe_cluster_response *response)
{
    bool racks = false;
    for (int32_t i = 0; i < response->brokers.count; i++)
        racks = racks || response->brokers.items[i].rack.len > 0;
    const struct report_column columns[] = {{"id", "ID", 10, NULL},
                                            {"host", "HOST", 0, NULL},
                                            {"port", "PORT", 10, NULL},
                                            {"rack", "RACK", racks ? 0 : 10, "null"},
                                            {"state", "STATE", 10, NULL},
                                            {"endpointType", "ENDPOINT_TYPE", 15, NULL},
                                            REPORT_END};
    struct report *report = report_new("endpoints");
    report_columns(report, columns);
    report_style(report, TABLE_PADDED);
    for (int32_t i = 0; i < response->brokers.count; i++) {
        const struct describe_cluster_response_describe_cluster_broker *row =
            &response->brokers.items[i];
        report_number(report, row->broker_id);
        report_string(report, row->host);
        report_number(report, row->port);
        report_string(report, row->rack);
        report_text(report, row->is_fenced ? "fenced" : "unfenced");
        report_text(report, response->endpoint_type == 2 ? "controller" : "broker");
    }
    report_print(report, report_format(run), stdout);
    report_free(report);
}

static void cluster_print_id(const struct tool_run *run,
                             const struct describe_cluster_response *response)
{
    static const struct report_column columns[] = {{.name = "clusterId"}, REPORT_END};
    struct report *report = report_new(NULL);
    report_columns(report, columns);
    report_lines(report, "Cluster ID: {clusterId}");
    report_string(report, response->cluster_id);
    report_print(report, report_format(run), stdout);
    report_free(report);
}

/* ---- commands ---- */

static int cluster_print(struct tool_run *run, bool endpoints,
                         const struct describe_cluster_response *response)
{
    struct buf text;
    int status = 0;
    buf_init(&text);
    if (response->error_code)
        status = tool_fail(run, "%s",
                           tool_error_text(response->error_code, response->error_message, &text));
    else if (endpoints)
        cluster_print_endpoints(run, response);
    else if (response->cluster_id.len <= 0)
        status = tool_fail(run, "the broker knows no cluster yet: see that most nodes of "
                                "controller.quorum.voters run, and try again");
    else
        cluster_print_id(run, response);
    buf_close(&text);
    return status;
}

static int cluster_describe(struct tool_run *run, bool endpoints)
{
    struct describe_cluster_request request;
    struct client_answer answer = {0};
    bool fenced = options_has(run->options, "include-fenced-brokers");
    int version = tool_connect(run) ? -1 : tool_version(run, KAFKA_API_DESCRIBE_CLUSTER);
    if (version < 0)
        return 1;
    if (fenced && run->controllers) /* as Kafka's tool says */
        return tool_misuse(run, "--include-fenced-brokers goes with --bootstrap-server");
    if (fenced && version < 2)
        return tool_fail(run, "the broker is too old to list fenced brokers: leave "
                              "--include-fenced-brokers out");
    wire_defaults(&describe_cluster_request_desc, &request);
    request.endpoint_type = client_endpoint_type(run->client);
    request.include_fenced_brokers = fenced;
    if (tool_call(run, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, version, &request, &answer))
        return 1;
    int status = cluster_print(run, endpoints, answer.response);
    client_answer_free(&answer);
    return status;
}

static int cluster_id(struct tool_run *run)
{
    return cluster_describe(run, false);
}

static int cluster_endpoints(struct tool_run *run)
{
    return cluster_describe(run, true);
}

static int cluster_read_id(const struct tool_run *run, int64_t *id)
{
    if (!options_has(run->options, "id"))
        return tool_misuse(run, "%s needs --id N", options_positional(run->options, 0));
    return tool_number(run, "id", 0, INT32_MAX, -1, id);
}

static int cluster_unregister(struct tool_run *run)
{
    int64_t id;
    if (cluster_read_id(run, &id) || tool_connect(run) || unregister_broker(run, (int32_t)id))
        return 1;
    printf("Broker %d is no longer registered.\n", (int)id);
    return 0;
}

static bool cluster_controller_moved(const void *data)
{
    const struct unregister_controller_response *response = data;
    return err_from_wire(response->error_code) == ERR_NOT_CONTROLLER;
}

static int cluster_unregister_controller(struct tool_run *run)
{
    struct unregister_controller_request request;
    struct client_answer answer = {0};
    struct buf text;
    int64_t id;
    if (cluster_read_id(run, &id) || tool_connect(run))
        return 1;
    int version = tool_version(run, KAFKA_API_UNREGISTER_CONTROLLER);
    wire_defaults(&unregister_controller_request_desc, &request);
    request.controller_id = (int32_t)id;
    if (version < 0 || tool_call_controller(run, KAFKA_API_UNREGISTER_CONTROLLER, version, &request,
                                            cluster_controller_moved, &answer))
        return 1;
    int status = 0;
    buf_init(&text);
    const struct unregister_controller_response *response = answer.response;
    if (response->error_code)
        status = tool_fail(run, "%s",
                           tool_error_text(response->error_code, response->error_message, &text));
    else
        printf("Controller %d is no longer registered.\n", request.controller_id);
    client_answer_free(&answer);
    buf_close(&text);
    return status;
}

/* ---- which command ---- */

static int cluster_api_versions(struct tool_run *run)
{
    return tool_connect(run) ? 1 : broker_api_versions_print(run);
}

static const struct tool_command cluster_commands[] = {
    {"cluster-id", cluster_id},
    {"unregister", cluster_unregister},
    {"unregister-controller", cluster_unregister_controller},
    {"list-endpoints", cluster_endpoints},
    {"api-versions", cluster_api_versions},
};

static int cluster_run(struct tool_run *run)
{
    return tool_run_command(run, cluster_commands, ARRAY_LEN(cluster_commands));
}

const struct tool tool_cluster = {
    .name = "cluster",
    .link = "kafka-cluster",
    .synopsis = "cluster-id|unregister|unregister-controller|list-endpoints|api-versions "
                "--bootstrap-server HOST:PORT",
    .summary = "Show the cluster's id and nodes; unregister those that are gone.",
    .options = cluster_options,
    .positional = 1,
    .commands = "cluster-id|unregister|unregister-controller|list-endpoints|api-versions",
    .controllers = true,
    .run = cluster_run,
};

/* kafka-metadata-quorum: who keeps the metadata, and how far each has got; quorum_change.c changes
 * it.
 *
 * Happy path: one DescribeQuorum request about the metadata log, shown as a status or as a table.
 * Failure modes: an unknown command; a broker that reports an error for the quorum. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/describe_cluster.h"
#include "tools/quorum_change.h"
#include "tools/quorum_request.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row quorum_options[] = {
    TOOL_CONTROLLERS_OPTIONS,
    OPTION_WITH("describe", "status", NULL,
                "describe: leader, epoch, high watermark, lag, voters and observers."),
    OPTION_WITH("describe", "replication", NULL,
                "describe: a table of the nodes and their positions."),
    OPTION_WITH("describe", "human-readable", NULL, "describe --replication: times as ages."),
    OPTION_LETTER_WITH("remove-controller", 'i', "controller-id", "N",
                       "remove-controller: the id of the node."),
    OPTION_LETTER_WITH("remove-controller", 'd', "controller-directory-id", "ID",
                       "remove-controller: the id of its directory."),
    OPTION_WITH("remove-controller", "unregister", NULL,
                "remove-controller: and forget it, since it will not come back."),
    OPTION_WITH("add-controller|remove-controller", "dry-run", NULL,
                "add-controller, remove-controller: change nothing."),
    REPORT_OPTION_WITH("describe"),
    TOOL_LAST_OPTIONS,
};

typedef struct describe_quorum_response_replica_state quorum_replica;
typedef struct describe_quorum_response_partition_data quorum_partition;

struct quorum {
    struct tool_run *run;
    struct client_answer answer;
    const struct describe_quorum_response *response;
    const quorum_partition *partition;
    char *cluster_id;
};

/* ---- asking ---- */

static int quorum_check(struct quorum *q)
{
    struct buf text;
    int status = 0;
    const struct describe_quorum_response *response = q->response;
    buf_init(&text);
    if (response->error_code)
        status = tool_fail(q->run, "%s",
                           tool_error_text(response->error_code, response->error_message, &text));
    else if (!(q->partition = quorum_request_answer(response)))
        status = tool_fail(q->run, "the broker's answer names no quorum");
    if (q->partition && q->partition->error_code)
        status = tool_fail(
            q->run, "%s",
            tool_error_text(q->partition->error_code, q->partition->error_message, &text));
    buf_close(&text);
    return status;
}

static int quorum_ask(struct quorum *q)
{
    struct quorum_request quorum;
    int version = tool_version(q->run, KAFKA_API_DESCRIBE_QUORUM);
    if (version < 0)
        return 1;
    quorum_request_init(&quorum);
    if (tool_call(q->run, CLIENT_ANY, KAFKA_API_DESCRIBE_QUORUM, version, &quorum.request,
                  &q->answer))
        return 1;
    q->response = q->answer.response;
    return quorum_check(q);
}

static int quorum_ask_cluster(struct quorum *q)
{
    struct describe_cluster_request request;
    struct client_answer answer = {0};
    int version = tool_version(q->run, KAFKA_API_DESCRIBE_CLUSTER);
    if (version < 0)
        return 1;
    wire_defaults(&describe_cluster_request_desc, &request);
    request.endpoint_type = client_endpoint_type(q->run->client);
    if (tool_call(q->run, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, version, &request, &answer))
        return 1;
    const struct describe_cluster_response *response = answer.response;
    q->cluster_id = wire_str_dup(response->cluster_id);
    struct buf text;
    buf_init(&text);
    int status =
        response->error_code
            ? tool_fail(q->run, "%s",
                        tool_error_text(response->error_code, response->error_message, &text))
            : 0;
    buf_close(&text);
    client_answer_free(&answer);
    return status;
}

/* ---- status ---- */

static const struct describe_quorum_response_node *quorum_node(const struct quorum *q, int32_t id)
{
    for (int32_t i = 0; i < q->response->nodes.count; i++)
        if (q->response->nodes.items[i].node_id == id)
            return &q->response->nodes.items[i];
    return NULL;
}

static json_t *quorum_json_replica(const struct quorum *q, const quorum_replica *replica)
{
    const struct describe_quorum_response_node *node = quorum_node(q, replica->replica_id);
    char id[UUID_TEXT_LEN + 1];
    json_t *object = json_object();
    uuid_format(&replica->replica_directory_id, id);
    json_object_set_new(object, "id", json_integer(replica->replica_id));
    json_object_set_new(object, "directoryId",
                        uuid_is_zero(&replica->replica_directory_id) ? json_null()
                                                                     : json_string(id));
    if (!node)
        return object;
    json_t *endpoints = json_array();
    for (int32_t i = 0; i < node->listeners.count; i++) {
        char *text =
            mem_printf("%.*s://%.*s:%u", WIRE_STR_ARGS(node->listeners.items[i].name),
                       WIRE_STR_ARGS(node->listeners.items[i].host), node->listeners.items[i].port);
        json_array_append_new(endpoints, report_json_text(text, strlen(text)));
        mem_free(text);
    }
    json_object_set_new(object, "endpoints", endpoints);
    return object;
}

static json_t *quorum_json_replicas(const struct quorum *q, const quorum_replica *items,
                                    int32_t count)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++)
        json_array_append_new(list, quorum_json_replica(q, &items[i]));
    return list;
}

static const quorum_replica *quorum_leader(const struct quorum *q)
{
    for (int32_t i = 0; i < q->partition->current_voters.count; i++)
        if (q->partition->current_voters.items[i].replica_id == q->partition->leader_id)
            return &q->partition->current_voters.items[i];
    return NULL;
}

/* The voter that is furthest behind the leader; observers don't count. */
static void quorum_lag(const struct quorum *q, int64_t *lag, int64_t *lag_ms)
{
    const quorum_replica *leader = quorum_leader(q), *slowest = NULL;
    *lag = 0;
    *lag_ms = 0;
    for (int32_t i = 0; leader && i < q->partition->current_voters.count; i++) {
        const quorum_replica *voter = &q->partition->current_voters.items[i];
        if (!slowest || voter->log_end_offset < slowest->log_end_offset)
            slowest = voter;
    }
    if (!slowest || slowest == leader)
        return;
    *lag = leader->log_end_offset - slowest->log_end_offset;
    if (*lag == 0)
        return;
    *lag_ms = slowest->last_caught_up_timestamp < 0 || leader->last_caught_up_timestamp < 0
                  ? -1
                  : leader->last_caught_up_timestamp - slowest->last_caught_up_timestamp;
}

static int quorum_print_status(struct quorum *q)
{
    static const struct report_column columns[] = {{.name = "clusterId", .none = ""},
                                                   {.name = "leaderId"},
                                                   {.name = "leaderEpoch"},
                                                   {.name = "highWatermark"},
                                                   {.name = "maxFollowerLag"},
                                                   {.name = "maxFollowerLagTimeMs", .none = "-1"},
                                                   {.name = "currentVoters"},
                                                   {.name = "currentObservers"},
                                                   REPORT_END};
    int64_t lag, lag_ms;
    const quorum_partition *partition = q->partition;
    if (quorum_ask_cluster(q))
        return 1;
    quorum_lag(q, &lag, &lag_ms);
    struct report *report = report_new(NULL);
    report_columns(report, columns);
    report_lines(report, "ClusterId:              {clusterId}\n"
                         "LeaderId:               {leaderId}\n"
                         "LeaderEpoch:            {leaderEpoch}\n"
                         "HighWatermark:          {highWatermark}\n"
                         "MaxFollowerLag:         {maxFollowerLag}\n"
                         "MaxFollowerLagTimeMs:   {maxFollowerLagTimeMs}\n"
                         "CurrentVoters:          {currentVoters}\n"
                         "CurrentObservers:       {currentObservers}");
    report_text(report, q->cluster_id);
    report_number(report, partition->leader_id);
    report_number(report, partition->leader_epoch);
    report_number(report, partition->high_watermark);
    report_number(report, lag);
    report_number_unless(report, lag_ms, -1);
    report_value(report, quorum_json_replicas(q, partition->current_voters.items,
                                              partition->current_voters.count));
    report_value(report,
                 quorum_json_replicas(q, partition->observers.items, partition->observers.count));
    report_print(report, report_format(q->run), stdout);
    report_free(report);
    return 0;
}

/* ---- replication ---- */

static void quorum_put_time(struct quorum *q, struct report *report, int64_t ms)
{
    report_number_unless(report, ms < 0 ? -1 : ms, -1);
    if (ms >= 0 && options_has(q->run->options, "human-readable"))
        report_as(report, "%" PRId64 " ms ago", env_wall_ms(q->run->env) - ms);
}

static void quorum_row(struct quorum *q, struct report *report, const quorum_replica *replica,
                       int64_t end, const char *status)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(&replica->replica_directory_id, id);
    report_number(report, replica->replica_id);
    report_text(report, uuid_is_zero(&replica->replica_directory_id) ? NULL : id);
    report_as(report, "%s", id);
    report_number(report, replica->log_end_offset);
    report_number(report, end - replica->log_end_offset);
    quorum_put_time(q, report, replica->last_fetch_timestamp);
    quorum_put_time(q, report, replica->last_caught_up_timestamp);
    report_text(report, status);
}

static int quorum_print_replication(struct quorum *q)
{
    static const struct report_column columns[] = {
        {"nodeId", "NodeId", 0, NULL},
        {"directoryId", "DirectoryId", 0, NULL},
        {"logEndOffset", "LogEndOffset", 0, NULL},
        {"lag", "Lag", 0, NULL},
        {"lastFetchTimestamp", "LastFetchTimestamp", 0, "-1"},
        {"lastCaughtUpTimestamp", "LastCaughtUpTimestamp", 0, "-1"},
        {"status", "Status", 0, NULL},
        REPORT_END};
    const quorum_replica *leader = quorum_leader(q);
    if (!leader)
        return tool_fail(q->run, "the quorum has no leader at the moment: try again");
    struct report *report = report_new("nodes");
    report_columns(report, columns);
    report_style(report, TABLE_TABS);
    quorum_row(q, report, leader, leader->log_end_offset, "Leader");
    for (int32_t i = 0; i < q->partition->current_voters.count; i++)
        if (&q->partition->current_voters.items[i] != leader)
            quorum_row(q, report, &q->partition->current_voters.items[i], leader->log_end_offset,
                       "Follower");
    for (int32_t i = 0; i < q->partition->observers.count; i++)
        quorum_row(q, report, &q->partition->observers.items[i], leader->log_end_offset,
                   "Observer");
    report_print(report, report_format(q->run), stdout);
    report_free(report);
    return 0;
}

static int quorum_describe(struct tool_run *run)
{
    struct quorum q = {.run = run};
    bool status_wanted = options_has(run->options, "status");
    if (status_wanted == options_has(run->options, "replication"))
        return tool_misuse(run, "describe needs one of --status, --replication");
    if (status_wanted && options_has(run->options, "human-readable"))
        return tool_misuse(run, "--human-readable goes with --replication");
    int status = tool_connect(run);
    if (status == 0)
        status = quorum_ask(&q);
    if (status == 0)
        status = status_wanted ? quorum_print_status(&q) : quorum_print_replication(&q);
    client_answer_free(&q.answer);
    mem_free(q.cluster_id);
    return status;
}

static const struct tool_command quorum_commands[] = {
    {"describe", quorum_describe},
    {"add-controller", quorum_change_add},
    {"remove-controller", quorum_change_remove},
};

static int quorum_run(struct tool_run *run)
{
    return tool_run_command(run, quorum_commands, ARRAY_LEN(quorum_commands));
}

const struct tool tool_metadata_quorum = {
    .name = "metadata-quorum",
    .link = "kafka-metadata-quorum",
    .synopsis = "--bootstrap-server HOST:PORT describe|add-controller|remove-controller",
    .summary = "Show and change the nodes that keep the metadata.",
    .options = quorum_options,
    .positional = 1,
    .commands = "describe|add-controller|remove-controller",
    .controllers = true,
    .run = quorum_run,
};

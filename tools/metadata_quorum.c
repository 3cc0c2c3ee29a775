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
#include "tools/table.h"
#include "tools/tools.h"

static const struct option_row quorum_options[] = {
    TOOL_CONTROLLERS_OPTIONS,
    OPTION("status", NULL, "describe: leader, epoch, high watermark, lag, voters and observers."),
    OPTION("replication", NULL, "describe: a table of the nodes and their positions."),
    OPTION("human-readable", NULL, "describe --replication: times as ages."),
    OPTION_LETTER('i', "controller-id", "N", "remove-controller: the id of the node."),
    OPTION_LETTER('d', "controller-directory-id", "ID",
                  "remove-controller: the id of its directory."),
    OPTION("unregister", NULL, "remove-controller: and forget it, since it will not come back."),
    OPTION("dry-run", NULL, "add-controller, remove-controller: change nothing."),
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

static void quorum_print_replica(const struct quorum *q, const quorum_replica *replica)
{
    const struct describe_quorum_response_node *node = quorum_node(q, replica->replica_id);
    char id[UUID_TEXT_LEN + 1];
    printf("{\"id\": %d", replica->replica_id);
    uuid_format(&replica->replica_directory_id, id);
    if (uuid_is_zero(&replica->replica_directory_id))
        printf(", \"directoryId\": null");
    else
        printf(", \"directoryId\": \"%s\"", id);
    if (node) {
        printf(", \"endpoints\": [");
        for (int32_t i = 0; i < node->listeners.count; i++)
            printf("%s\"%.*s://%.*s:%u\"", i ? ", " : "",
                   WIRE_STR_ARGS(node->listeners.items[i].name),
                   WIRE_STR_ARGS(node->listeners.items[i].host), node->listeners.items[i].port);
        printf("]");
    }
    printf("}");
}

static void quorum_print_replicas(const struct quorum *q, const quorum_replica *items,
                                  int32_t count)
{
    printf("[");
    for (int32_t i = 0; i < count; i++) {
        if (i > 0)
            printf(", ");
        quorum_print_replica(q, &items[i]);
    }
    printf("]\n");
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
    int64_t lag, lag_ms;
    if (quorum_ask_cluster(q))
        return 1;
    quorum_lag(q, &lag, &lag_ms);
    printf("%-24s%s\n", "ClusterId:", q->cluster_id ? q->cluster_id : "");
    printf("%-24s%d\n", "LeaderId:", q->partition->leader_id);
    printf("%-24s%d\n", "LeaderEpoch:", q->partition->leader_epoch);
    printf("%-24s%" PRId64 "\n", "HighWatermark:", q->partition->high_watermark);
    printf("%-24s%" PRId64 "\n", "MaxFollowerLag:", lag);
    printf("%-24s%" PRId64 "\n", "MaxFollowerLagTimeMs:", lag_ms);
    printf("%-24s", "CurrentVoters:");
    quorum_print_replicas(q, q->partition->current_voters.items,
                          q->partition->current_voters.count);
    printf("%-24s", "CurrentObservers:");
    quorum_print_replicas(q, q->partition->observers.items, q->partition->observers.count);
    return 0;
}

/* ---- replication ---- */

static void quorum_cell_time(struct quorum *q, struct table *table, int64_t ms)
{
    if (ms < 0 || !options_has(q->run->options, "human-readable"))
        table_cell(table, "%" PRId64, ms);
    else
        table_cell(table, "%" PRId64 " ms ago", env_wall_ms(q->run->env) - ms);
}

static void quorum_row(struct quorum *q, struct table *table, const quorum_replica *replica,
                       int64_t end, const char *status)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(&replica->replica_directory_id, id);
    table_cell(table, "%d", replica->replica_id);
    table_cell(table, "%s", id);
    table_cell(table, "%" PRId64, replica->log_end_offset);
    table_cell(table, "%" PRId64, end - replica->log_end_offset);
    quorum_cell_time(q, table, replica->last_fetch_timestamp);
    quorum_cell_time(q, table, replica->last_caught_up_timestamp);
    table_cell(table, "%s", status);
}

static int quorum_print_replication(struct quorum *q)
{
    static const char *const titles[] = {"NodeId", "DirectoryId",        "LogEndOffset",
                                         "Lag",    "LastFetchTimestamp", "LastCaughtUpTimestamp",
                                         "Status"};
    const quorum_replica *leader = quorum_leader(q);
    if (!leader)
        return tool_fail(q->run, "the quorum has no leader at the moment: try again");
    struct table *table = table_new(TABLE_TABS);
    for (size_t i = 0; i < ARRAY_LEN(titles); i++)
        table_column(table, titles[i], 0);
    quorum_row(q, table, leader, leader->log_end_offset, "Leader");
    for (int32_t i = 0; i < q->partition->current_voters.count; i++)
        if (&q->partition->current_voters.items[i] != leader)
            quorum_row(q, table, &q->partition->current_voters.items[i], leader->log_end_offset,
                       "Follower");
    for (int32_t i = 0; i < q->partition->observers.count; i++)
        quorum_row(q, table, &q->partition->observers.items[i], leader->log_end_offset, "Observer");
    table_print(table, stdout);
    table_free(table);
    return 0;
}

static int quorum_run(struct tool_run *run)
{
    struct quorum q = {.run = run};
    const char *command = options_positional(run->options, 0);
    bool status_wanted = options_has(run->options, "status");
    bool remove = command && strcmp(command, "remove-controller") == 0;
    if (!remove && options_has(run->options, "unregister"))
        return tool_misuse(run, "--unregister goes with remove-controller");
    if (command && strcmp(command, "add-controller") == 0)
        return quorum_change_add(run);
    if (remove)
        return quorum_change_remove(run);
    if (!command || strcmp(command, "describe") != 0)
        return tool_misuse(run, "%s%sthe commands are describe, add-controller, remove-controller",
                           command ? command : "", command ? " is none of them: " : "");
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

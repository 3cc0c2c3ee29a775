/* kafka-transactions: the transactions of the cluster, and the producers that write to a partition.
 *
 * Happy path: Metadata names the partition's leader (or --broker-id another broker), and one
 * DescribeProducers request gives a table. transactions_list.c has what is asked of coordinators,
 * transactions_abort.c what ends transactions. Failure modes: an unknown command, an option that it
 * does not read, a partition that is not there or has no leader. */
#include "tools/transactions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row transactions_options[] = {
    TOOL_CONNECT_OPTIONS,
    OPTION_WITH("describe-producers|abort|find-hanging", "topic", "NAME",
                "describe-producers, abort, find-hanging: the topic."),
    OPTION_WITH("describe-producers|abort|find-hanging", "partition", "N",
                "describe-producers, abort, find-hanging: the partition."),
    OPTION_WITH("describe-producers|find-hanging", "broker-id", "N",
                "describe-producers: ask this broker instead of the leader; find-hanging: "
                "partitions of this broker."),
    OPTION_WITH("list", "duration-filter", "MS", "list: those that are open for longer."),
    OPTION_WITH("list", "transactional-id-pattern", "REGEX",
                "list: those whose transactional id matches."),
    OPTION_WITH("describe", "transactional-id", "ID", "describe: the transactional id."),
    OPTION_WITH("abort", "start-offset", "N", "abort: where the transaction begins."),
    OPTION_WITH("abort", "producer-id", "N", "abort, instead of --start-offset: its producer,"),
    OPTION_WITH("abort", "producer-epoch", "N", "the epoch of that,"),
    OPTION_WITH("abort", "coordinator-epoch", "N", "and the coordinator's epoch."),
    OPTION_WITH("find-hanging", "max-transaction-timeout", "MINUTES",
                "find-hanging: the longest that any transaction may be open (15)."),
    OPTION_WITH("forceTerminateTransaction", "transactionalId", "ID",
                "forceTerminateTransaction: the transactional id."),
    REPORT_OPTION_WITH("list|describe|describe-producers|find-hanging"),
    TOOL_LAST_OPTIONS,
};

/* ---- the producers of a partition ---- */

int transactions_read_where(struct tool_run *run, struct transactions_where *where)
{
    where->topic = options_get(run->options, "topic");
    if (!where->topic || !options_has(run->options, "partition"))
        return tool_misuse(run, "%s needs --topic NAME and --partition N",
                           options_positional(run->options, 0));
    return tool_number(run, "partition", 0, INT32_MAX, 0, &where->partition);
}

int transactions_find(struct tool_run *run, struct transactions_where *where)
{
    struct client_answer answer = {0};
    int64_t leader = -2;
    if (tool_metadata(run, &answer))
        return 1;
    const struct metadata_response *metadata = answer.response;
    for (int32_t i = 0; i < metadata->topics.count; i++) {
        const struct metadata_response_metadata_response_topic *topic = &metadata->topics.items[i];
        for (int32_t p = 0; p < topic->partitions.count && wire_str_is(topic->name, where->topic);
             p++)
            if (topic->partitions.items[p].partition_index == where->partition)
                leader = topic->partitions.items[p].leader_id;
    }
    client_answer_free(&answer);
    if (leader == -2)
        return tool_fail(run, "there is no partition %s-%" PRId64 ": see kafka-topics --describe",
                         where->topic, where->partition);
    if (where->node < 0)
        where->node = leader;
    return where->node >= 0
               ? 0
               : tool_fail(run, "%s-%" PRId64 " has no leader at the moment: try again",
                           where->topic, where->partition);
}

static void transactions_print(const struct tool_run *run, transactions_producers_row *row)
{
    static const struct report_column columns[] = {
        {"producerId", "ProducerId", 0, NULL},
        {"producerEpoch", "ProducerEpoch", 0, NULL},
        {"latestCoordinatorEpoch", "LatestCoordinatorEpoch", 0, "-1"},
        {"lastSequence", "LastSequence", 0, "-1"},
        {"lastTimestamp", "LastTimestamp", 0, "-1"},
        {"currentTransactionStartOffset", "CurrentTransactionStartOffset", 0, "None"},
        REPORT_END};
    struct report *report = report_new("producers");
    report_columns(report, columns);
    report_style(report, TABLE_TABS);
    for (int32_t i = 0; i < row->active_producers.count; i++) {
        const struct describe_producers_response_producer_state *producer =
            &row->active_producers.items[i];
        int64_t start = producer->current_txn_start_offset;
        report_number(report, producer->producer_id);
        report_number(report, producer->producer_epoch);
        report_number_unless(report, producer->coordinator_epoch, -1);
        report_number_unless(report, producer->last_sequence, -1);
        report_number_unless(report, producer->last_timestamp, -1);
        report_number_unless(report, start < 0 ? -1 : start, -1);
    }
    report_print(report, report_format(run), stdout);
    report_free(report);
}

/* The row of the one partition, if it has no error. */
static int transactions_pick(struct tool_run *run, const struct transactions_where *where,
                             const struct describe_producers_response *response,
                             transactions_producers_row **row)
{
    struct buf text;
    if (response->topics.count != 1 || response->topics.items[0].partitions.count != 1)
        return tool_fail(run, "the broker's answer does not name the partition");
    *row = &response->topics.items[0].partitions.items[0];
    if (!(*row)->error_code)
        return 0;
    buf_init(&text);
    int status =
        tool_fail(run, "%s-%" PRId64 " on broker %" PRId64 ": %s", where->topic, where->partition,
                  where->node, tool_error_text((*row)->error_code, (*row)->error_message, &text));
    buf_close(&text);
    return status;
}

int transactions_ask_producers(struct tool_run *run, const struct transactions_where *where,
                               struct client_answer *answer, transactions_producers_row **row)
{
    struct describe_producers_request request;
    struct describe_producers_request_topic_request topic;
    int32_t partition = (int32_t)where->partition, node = (int32_t)where->node;
    int version = client_version(run->client, node, KAFKA_API_DESCRIBE_PRODUCERS, INT16_MAX);
    if (version < 0)
        return tool_fail_client(run);
    wire_defaults(&describe_producers_request_desc, &request);
    wire_defaults(&describe_producers_request_topic_request_desc, &topic);
    topic.name = wire_str_from(where->topic);
    topic.partition_indexes.items = &partition;
    topic.partition_indexes.count = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    if (tool_call(run, node, KAFKA_API_DESCRIBE_PRODUCERS, version, &request, answer))
        return 1;
    int status = transactions_pick(run, where, answer->response, row);
    if (status)
        client_answer_free(answer);
    return status;
}

static int transactions_producers(struct tool_run *run)
{
    struct transactions_where where;
    struct client_answer answer = {0};
    transactions_producers_row *row;
    if (transactions_read_where(run, &where) ||
        tool_number(run, "broker-id", 0, INT32_MAX, -1, &where.node) || tool_connect(run) ||
        transactions_find(run, &where) || transactions_ask_producers(run, &where, &answer, &row))
        return 1;
    transactions_print(run, row);
    client_answer_free(&answer);
    return 0;
}

/* ---- commands ---- */

static const struct tool_command transactions_commands[] = {
    {"list", transactions_list_run},
    {"describe", transactions_describe_run},
    {"describe-producers", transactions_producers},
    {"abort", transactions_abort_run},
    {"find-hanging", transactions_hanging_run},
    {"forceTerminateTransaction", transactions_force_run},
};

static int transactions_run(struct tool_run *run)
{
    return tool_run_command(run, transactions_commands, ARRAY_LEN(transactions_commands));
}

const struct tool tool_transactions = {
    .name = "transactions",
    .link = "kafka-transactions",
    .synopsis = "--bootstrap-server HOST:PORT list|describe|describe-producers|abort|find-hanging|"
                "forceTerminateTransaction",
    .summary = "Show transactions and the producers of a partition, and end them.",
    .options = transactions_options,
    .positional = 1,
    .commands = "list|describe|describe-producers|abort|find-hanging|forceTerminateTransaction",
    .run = transactions_run,
};

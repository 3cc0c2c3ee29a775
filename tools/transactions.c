/* kafka-transactions: the producers that write to a partition. The commands about transactions say
 * that there are none yet.
 *
 * Happy path: Metadata names the partition's leader (or --broker-id another broker), and one
 * DescribeProducers request gives a table. Failure modes: an unknown command, a partition that is
 * not there or has no leader. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/describe_producers.h"
#include "kafka/messages/metadata.h"
#include "tools/table.h"
#include "tools/tools.h"

static const struct option_row transactions_options[] = {
    TOOL_CONNECT_OPTIONS,
    OPTION("topic", "NAME", "describe-producers: the topic."),
    OPTION("partition", "N", "describe-producers: the partition."),
    OPTION("broker-id", "N", "describe-producers: ask this broker instead of the leader."),
    OPTION_OLD("duration-filter", "MS"),
    OPTION_OLD("transactional-id-pattern", "REGEX"),
    OPTION_OLD("transactional-id", "ID"),
    OPTION_OLD("transactionalId", "ID"),
    OPTION_OLD("start-offset", "N"),
    OPTION_OLD("producer-id", "N"),
    OPTION_OLD("producer-epoch", "N"),
    OPTION_OLD("coordinator-epoch", "N"),
    OPTION_OLD("max-transaction-timeout", "MINUTES"),
    TOOL_LAST_OPTIONS,
};

/* Those of Kafka that need transactions; their options are taken so that this is what is said. */
static const char *const transactions_later[] = {
    "list", "describe", "abort", "find-hanging", "forceTerminateTransaction",
};

struct transactions {
    struct tool_run *run;
    const char *topic;
    int64_t partition, node; /* node: -1 = the leader, until it is looked up */
};

static int transactions_read(struct transactions *t)
{
    const struct options *options = t->run->options;
    for (const struct option_row *row = transactions_options; row->name; row++)
        if (!row->doc && options_has(options, row->name) && strcmp(row->name, "zookeeper") != 0 &&
            strcmp(row->name, "bootstrap-controller") != 0)
            return tool_misuse(t->run, "--%s does not go with describe-producers: leave it out",
                               row->name);
    t->topic = options_get(options, "topic");
    if (!t->topic || !options_has(options, "partition"))
        return tool_misuse(t->run, "describe-producers needs --topic NAME and --partition N");
    int status = tool_number(t->run, "partition", 0, INT32_MAX, 0, &t->partition);
    return status ? status : tool_number(t->run, "broker-id", 0, INT32_MAX, -1, &t->node);
}

/* The leader, as Metadata has it; that there is such a partition is checked in any case. */
static int transactions_find(struct transactions *t)
{
    struct client_answer answer = {0};
    int64_t leader = -2;
    if (tool_metadata(t->run, &answer))
        return 1;
    const struct metadata_response *metadata = answer.response;
    for (int32_t i = 0; i < metadata->topics.count; i++) {
        const struct metadata_response_metadata_response_topic *topic = &metadata->topics.items[i];
        for (int32_t p = 0; p < topic->partitions.count && wire_str_is(topic->name, t->topic); p++)
            if (topic->partitions.items[p].partition_index == t->partition)
                leader = topic->partitions.items[p].leader_id;
    }
    client_answer_free(&answer);
    if (leader == -2)
        return tool_fail(t->run,
                         "there is no partition %s-%" PRId64 ": see kafka-topics --describe",
                         t->topic, t->partition);
    if (t->node < 0)
        t->node = leader;
    return t->node >= 0 ? 0
                        : tool_fail(t->run, "%s-%" PRId64 " has no leader at the moment: try again",
                                    t->topic, t->partition);
}

static void transactions_print(const struct describe_producers_response_partition_response *row)
{
    static const char *const titles[] = {
        "ProducerId",   "ProducerEpoch", "LatestCoordinatorEpoch",
        "LastSequence", "LastTimestamp", "CurrentTransactionStartOffset"};
    struct table *table = table_new(TABLE_TABS);
    for (size_t i = 0; i < ARRAY_LEN(titles); i++)
        table_column(table, titles[i], 0);
    for (int32_t i = 0; i < row->active_producers.count; i++) {
        const struct describe_producers_response_producer_state *producer =
            &row->active_producers.items[i];
        table_cell(table, "%" PRId64, producer->producer_id);
        table_cell(table, "%d", producer->producer_epoch);
        table_cell(table, "%d", producer->coordinator_epoch);
        table_cell(table, "%d", producer->last_sequence);
        table_cell(table, "%" PRId64, producer->last_timestamp);
        if (producer->current_txn_start_offset < 0)
            table_cell(table, "None");
        else
            table_cell(table, "%" PRId64, producer->current_txn_start_offset);
    }
    table_print(table, stdout);
    table_free(table);
}

static int transactions_show(struct transactions *t,
                             const struct describe_producers_response *response)
{
    struct buf text;
    if (response->topics.count != 1 || response->topics.items[0].partitions.count != 1)
        return tool_fail(t->run, "the broker's answer does not name the partition");
    const struct describe_producers_response_partition_response *row =
        &response->topics.items[0].partitions.items[0];
    if (!row->error_code) {
        transactions_print(row);
        return 0;
    }
    buf_init(&text);
    int status =
        tool_fail(t->run, "%s-%" PRId64 " on broker %" PRId64 ": %s", t->topic, t->partition,
                  t->node, tool_error_text(row->error_code, row->error_message, &text));
    buf_close(&text);
    return status;
}

static int transactions_producers(struct tool_run *run)
{
    struct transactions t = {.run = run, .node = -1};
    struct describe_producers_request request;
    struct describe_producers_request_topic_request topic;
    struct client_answer answer = {0};
    if (transactions_read(&t) || tool_connect(run) || transactions_find(&t))
        return 1;
    int32_t partition = (int32_t)t.partition, node = (int32_t)t.node;
    int version = client_version(run->client, node, KAFKA_API_DESCRIBE_PRODUCERS, INT16_MAX);
    if (version < 0)
        return tool_fail_client(run);
    wire_defaults(&describe_producers_request_desc, &request);
    wire_defaults(&describe_producers_request_topic_request_desc, &topic);
    topic.name = wire_str_from(t.topic);
    topic.partition_indexes.items = &partition;
    topic.partition_indexes.count = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    if (tool_call(run, node, KAFKA_API_DESCRIBE_PRODUCERS, version, &request, &answer))
        return 1;
    int status = transactions_show(&t, answer.response);
    client_answer_free(&answer);
    return status;
}

static int transactions_run(struct tool_run *run)
{
    const char *command = options_positional(run->options, 0);
    if (command && strcmp(command, "describe-producers") == 0)
        return transactions_producers(run);
    for (size_t i = 0; command && i < ARRAY_LEN(transactions_later); i++)
        if (strcmp(command, transactions_later[i]) == 0)
            return tool_fail(run,
                             "%s is not available: this cluster has no transactions yet, so that "
                             "none can hang; use idempotent producers (enable.idempotence=true)",
                             command);
    return tool_misuse(run, "%s%sthe command is describe-producers; there are no transactions yet",
                       command ? command : "", command ? " is not available: " : "which command? ");
}

const struct tool tool_transactions = {
    .name = "transactions",
    .link = "kafka-transactions",
    .synopsis = "--bootstrap-server HOST:PORT describe-producers --topic NAME --partition N",
    .summary = "Show the producers that write to a partition; transactions are not there yet.",
    .options = transactions_options,
    .positional = 1,
    .commands = "describe-producers",
    .run = transactions_run,
};

/* kafka-transactions abort, find-hanging and forceTerminateTransaction.
 *
 * Happy path: find-hanging asks for the producers of partitions, and names those whose transaction
 * is open for longer than any may be and that no coordinator knows of; abort writes the marker that
 * ends such a transaction in one partition; forceTerminateTransaction takes the transactional id
 * over, which ends its transaction everywhere. Failure modes: no such transaction, a partition that
 * has no leader, a coordinator that can't be reached. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/describe_transactions.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/messages/list_transactions.h"
#include "kafka/messages/write_txn_markers.h"
#include "tools/report.h"
#include "tools/transactions.h"

enum {
    ABORT_TIMEOUT_MINUTES = 15, /* transaction.max.timeout.ms of brokers, by default */
    ABORT_TAKEOVER_TIMEOUT_MS = 1
};

typedef const struct describe_producers_response_producer_state abort_producer;

/* ---- abort ---- */

struct abort_spec {
    int64_t producer_id, epoch, coordinator_epoch;
};

static int abort_read(struct tool_run *run, struct abort_spec *spec, int64_t *start)
{
    static const char *const parts[] = {"producer-id", "producer-epoch", "coordinator-epoch"};
    bool by_offset = options_has(run->options, "start-offset");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (by_offset == options_has(run->options, parts[i]))
            return tool_misuse(run, "abort needs either --start-offset N, or --producer-id N, "
                                    "--producer-epoch N and --coordinator-epoch N");
    return tool_number(run, "start-offset", 0, INT64_MAX, -1, start) ||
                   tool_number(run, "producer-id", 0, INT64_MAX, -1, &spec->producer_id) ||
                   tool_number(run, "producer-epoch", 0, INT16_MAX, -1, &spec->epoch) ||
                   tool_number(run, "coordinator-epoch", -1, INT32_MAX, -1,
                               &spec->coordinator_epoch)
               ? 1
               : 0;
}

/* The producer whose transaction begins at the offset. */
static int abort_look(struct tool_run *run, const struct transactions_where *where, int64_t start,
                      struct abort_spec *spec)
{
    struct client_answer answer = {0};
    transactions_producers_row *row;
    if (transactions_ask_producers(run, where, &answer, &row))
        return 1;
    bool found = false;
    for (int32_t i = 0; i < row->active_producers.count; i++) {
        abort_producer *producer = &row->active_producers.items[i];
        if (producer->current_txn_start_offset != start)
            continue;
        found = true;
        *spec = (struct abort_spec){producer->producer_id, producer->producer_epoch,
                                    producer->coordinator_epoch};
    }
    client_answer_free(&answer);
    return found ? 0
                 : tool_fail(run,
                             "Could not find any open transactions starting at offset %" PRId64
                             " in partition %s-%" PRId64,
                             start, where->topic, where->partition);
}

static int abort_answer(struct tool_run *run, const struct transactions_where *where,
                        const struct write_txn_markers_response *response)
{
    struct buf text;
    if (response->markers.count != 1 || response->markers.items[0].topics.count != 1 ||
        response->markers.items[0].topics.items[0].partitions.count != 1)
        return tool_fail(run, "the broker's answer does not name the partition");
    int16_t code = response->markers.items[0].topics.items[0].partitions.items[0].error_code;
    if (!code)
        return 0;
    buf_init(&text);
    tool_fail(run, "%s-%" PRId64 " on broker %" PRId64 ": %s", where->topic, where->partition,
              where->node, tool_error_text(code, WIRE_STR_NULL, &text));
    buf_close(&text);
    return 1;
}

static int abort_write(struct tool_run *run, const struct transactions_where *where,
                       const struct abort_spec *spec)
{
    struct write_txn_markers_request request;
    struct write_txn_markers_request_writable_txn_marker marker;
    struct write_txn_markers_request_writable_txn_marker_topic topic;
    struct client_answer answer = {0};
    int32_t partition = (int32_t)where->partition, node = (int32_t)where->node;
    int version = client_version(run->client, node, KAFKA_API_WRITE_TXN_MARKERS, INT16_MAX);
    if (version < 0)
        return tool_fail_client(run);
    wire_defaults(&write_txn_markers_request_desc, &request);
    wire_defaults(&write_txn_markers_request_writable_txn_marker_desc, &marker);
    wire_defaults(&write_txn_markers_request_writable_txn_marker_topic_desc, &topic);
    marker.producer_id = spec->producer_id;
    marker.producer_epoch = (int16_t)spec->epoch;
    /* One that no coordinator has ended a transaction of has none. */
    marker.coordinator_epoch = spec->coordinator_epoch < 0 ? 0 : (int32_t)spec->coordinator_epoch;
    marker.topics.items = &topic;
    marker.topics.count = 1;
    topic.name = wire_str_from(where->topic);
    topic.partition_indexes.items = &partition;
    topic.partition_indexes.count = 1;
    request.markers.items = &marker;
    request.markers.count = 1;
    if (tool_call(run, node, KAFKA_API_WRITE_TXN_MARKERS, version, &request, &answer))
        return 1;
    int status = abort_answer(run, where, answer.response);
    client_answer_free(&answer);
    return status;
}

int transactions_abort_run(struct tool_run *run)
{
    struct transactions_where where = {.node = -1};
    struct abort_spec spec;
    int64_t start;
    if (transactions_read_where(run, &where) || abort_read(run, &spec, &start) ||
        tool_connect(run) || transactions_find(run, &where))
        return 1;
    if (start >= 0 && abort_look(run, &where, start, &spec))
        return 1;
    return abort_write(run, &where, &spec);
}

/* ---- find-hanging ---- */

struct hanging {
    struct tool_run *run;
    struct report *report;
    const char *topic; /* NULL = all */
    int64_t partition; /* -1 = all */
    int64_t broker;    /* -1 = all */
    int64_t max_ms;
    /* Of the producer that is looked at. */
    char *id; /* its transactional id, as a coordinator says; NULL = none does */
};

static void hanging_named(void *data, int32_t node,
                          const struct list_transactions_response_transaction_state *row)
{
    struct hanging *hanging = data;
    (void)node;
    mem_free(hanging->id);
    hanging->id = wire_str_dup(row->transactional_id);
}

static int16_t hanging_error(const void *data)
{
    const struct describe_transactions_response *response = data;
    int16_t code = response->transaction_states.count == 1
                       ? response->transaction_states.items[0].error_code
                       : err_to_wire(ERR_UNKNOWN_SERVER_ERROR);
    return code == err_to_wire(ERR_TRANSACTIONAL_ID_NOT_FOUND) ? 0 : code;
}

/* Whether the coordinator's transaction of that id has the partition in it. */
static bool hanging_has(const struct describe_transactions_response *response,
                        struct wire_str topic, int32_t partition, int64_t producer_id)
{
    const struct describe_transactions_response_transaction_state *row =
        &response->transaction_states.items[0];
    if (row->error_code || row->producer_id != producer_id)
        return false;
    for (int32_t i = 0; i < row->topics.count; i++)
        for (int32_t j = 0; j < row->topics.items[i].partitions.count; j++)
            if (row->topics.items[i].partitions.items[j] == partition &&
                wire_str_equal(row->topics.items[i].topic, topic))
                return true;
    return false;
}

/* *known: a coordinator will end it. 0, or 1 with the message printed. */
static int hanging_ask(struct hanging *hanging, struct wire_str topic, int32_t partition,
                       int64_t producer_id, bool *known)
{
    struct transactions_filter filter = {.duration_ms = -1, .producer_id = producer_id};
    struct describe_transactions_request request;
    struct client_answer answer = {0};
    struct transactions_call call = {KAFKA_API_DESCRIBE_TRANSACTIONS, &request, hanging_error};
    struct wire_str name;
    int32_t node;
    *known = false;
    mem_free(hanging->id);
    hanging->id = NULL;
    if (transactions_each(hanging->run, &filter, hanging_named, hanging))
        return 1;
    if (!hanging->id)
        return 0;
    name = wire_str_from(hanging->id);
    wire_defaults(&describe_transactions_request_desc, &request);
    request.transactional_ids.items = &name;
    request.transactional_ids.count = 1;
    if (transactions_call(hanging->run, hanging->id, &call, &answer, &node))
        return 1;
    *known = hanging_has(answer.response, topic, partition, producer_id);
    client_answer_free(&answer);
    return 0;
}

static void hanging_row(struct hanging *hanging, struct wire_str topic, int32_t partition,
                        abort_producer *producer, int64_t open_ms)
{
    report_string(hanging->report, topic);
    report_number(hanging->report, partition);
    report_number(hanging->report, producer->producer_id);
    report_number(hanging->report, producer->producer_epoch);
    report_number(hanging->report, producer->coordinator_epoch);
    report_number(hanging->report, producer->current_txn_start_offset);
    report_number(hanging->report, producer->last_timestamp);
    report_number(hanging->report, open_ms / 60000);
}

static int hanging_partition(struct hanging *hanging, struct wire_str topic, int32_t partition,
                             int32_t node)
{
    char *name = wire_str_dup(topic);
    struct transactions_where where = {.topic = name, .partition = partition, .node = node};
    struct client_answer answer = {0};
    transactions_producers_row *row;
    int status = transactions_ask_producers(hanging->run, &where, &answer, &row);
    for (int32_t i = 0; !status && i < row->active_producers.count; i++) {
        abort_producer *producer = &row->active_producers.items[i];
        int64_t open_ms = env_wall_ms(hanging->run->env) - producer->last_timestamp;
        bool known;
        if (producer->current_txn_start_offset < 0 || open_ms <= hanging->max_ms)
            continue;
        status = hanging_ask(hanging, topic, partition, producer->producer_id, &known);
        if (!status && !known)
            hanging_row(hanging, topic, partition, producer, open_ms);
    }
    client_answer_free(&answer);
    mem_free(name);
    return status;
}

static bool hanging_wants(const struct hanging *hanging,
                          const struct metadata_response_metadata_response_topic *topic,
                          const struct metadata_response_metadata_response_partition *partition)
{
    bool here = hanging->broker < 0;
    if (hanging->topic && !wire_str_is(topic->name, hanging->topic))
        return false;
    if (hanging->partition >= 0 && partition->partition_index != hanging->partition)
        return false;
    for (int32_t i = 0; i < partition->replica_nodes.count; i++)
        here |= partition->replica_nodes.items[i] == hanging->broker;
    return here;
}

static int hanging_walk(struct hanging *hanging, const struct metadata_response *metadata)
{
    int32_t seen = 0;
    for (int32_t i = 0; i < metadata->topics.count; i++)
        for (int32_t j = 0; j < metadata->topics.items[i].partitions.count; j++) {
            const struct metadata_response_metadata_response_topic *topic =
                &metadata->topics.items[i];
            const struct metadata_response_metadata_response_partition *partition =
                &topic->partitions.items[j];
            if (!hanging_wants(hanging, topic, partition))
                continue;
            seen++;
            int32_t node = hanging->broker >= 0 ? (int32_t)hanging->broker : partition->leader_id;
            if (node < 0)
                tool_warn(hanging->run, "%.*s-%d has no leader: left out",
                          WIRE_STR_ARGS(topic->name), partition->partition_index);
            else if (hanging_partition(hanging, topic->name, partition->partition_index, node))
                return 1;
        }
    return seen || !hanging->topic ? 0 : tool_fail(hanging->run, "there is no such partition");
}

static int hanging_read(struct hanging *hanging)
{
    struct tool_run *run = hanging->run;
    int64_t minutes;
    hanging->topic = options_get(run->options, "topic");
    if (!hanging->topic && !options_has(run->options, "broker-id"))
        return tool_misuse(run, "The `find-hanging` command requires either --topic or --broker-id "
                                "to limit the scope of the search");
    if (!hanging->topic && options_has(run->options, "partition"))
        return tool_misuse(run, "--partition needs --topic NAME");
    if (tool_number(run, "partition", 0, INT32_MAX, -1, &hanging->partition) ||
        tool_number(run, "broker-id", 0, INT32_MAX, -1, &hanging->broker) ||
        tool_number(run, "max-transaction-timeout", 0, INT32_MAX, ABORT_TIMEOUT_MINUTES, &minutes))
        return 1;
    hanging->max_ms = minutes * 60000;
    return 0;
}

int transactions_hanging_run(struct tool_run *run)
{
    static const struct report_column columns[] = {
        {"topic", "Topic", 0, NULL},
        {"partition", "Partition", 0, NULL},
        {"producerId", "ProducerId", 0, NULL},
        {"producerEpoch", "ProducerEpoch", 0, NULL},
        {"coordinatorEpoch", "CoordinatorEpoch", 0, NULL},
        {"startOffset", "StartOffset", 0, NULL},
        {"lastTimestamp", "LastTimestamp", 0, NULL},
        {"durationMinutes", "Duration(min)", 0, NULL},
        REPORT_END};
    struct hanging hanging = {.run = run};
    struct client_answer metadata = {0};
    if (hanging_read(&hanging) || tool_connect(run) || tool_metadata(run, &metadata))
        return 1;
    hanging.report = report_new("transactions");
    report_columns(hanging.report, columns);
    report_style(hanging.report, TABLE_TABS);
    int status = hanging_walk(&hanging, metadata.response);
    if (!status)
        report_print(hanging.report, report_format(run), stdout);
    report_free(hanging.report);
    mem_free(hanging.id);
    client_answer_free(&metadata);
    return status;
}

/* ---- forceTerminateTransaction ---- */

static int16_t force_error(const void *data)
{
    return ((const struct init_producer_id_response *)data)->error_code;
}

int transactions_force_run(struct tool_run *run)
{
    const char *id = options_get(run->options, "transactionalId");
    struct init_producer_id_request request;
    struct client_answer answer = {0};
    struct transactions_call call = {KAFKA_API_INIT_PRODUCER_ID, &request, force_error};
    int32_t node;
    if (!id || !*id)
        return tool_misuse(run, "forceTerminateTransaction needs --transactionalId ID");
    if (tool_connect(run))
        return 1;
    wire_defaults(&init_producer_id_request_desc, &request);
    request.transactional_id = wire_str_from(id);
    request.transaction_timeout_ms = ABORT_TAKEOVER_TIMEOUT_MS;
    if (transactions_call(run, id, &call, &answer, &node))
        return 1;
    client_answer_free(&answer);
    return 0;
}

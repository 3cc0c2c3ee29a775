/* kafka-transactions list and describe.
 *
 * Happy path: list asks every broker for the transactional ids that it coordinates; describe asks
 * the coordinator of one id. Failure modes: a coordinator that loads or moves is asked again for
 * some seconds; an id that nobody knows. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/describe_transactions.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/list_transactions.h"
#include "tools/report.h"
#include "tools/transactions.h"

enum {
    TRANSACTIONS_FIND_VERSION = 3, /* the last in which one key is asked for */
    TRANSACTIONS_KEY_TYPE = 1,
    TRANSACTIONS_DURATION_VERSION = 1,
    TRANSACTIONS_PATTERN_VERSION = 2,
    TRANSACTIONS_RETRY_MS = 100,
    TRANSACTIONS_TIMEOUT_MS = 15000
};

/* ---- the coordinator of an id ---- */

static bool transactions_may_retry(int err)
{
    return err == ERR_COORDINATOR_LOAD_IN_PROGRESS || err == ERR_COORDINATOR_NOT_AVAILABLE ||
           err == ERR_NOT_COORDINATOR || err == ERR_CONCURRENT_TRANSACTIONS || err == ERR_REFUSED ||
           err == ERR_RESET || err == ERR_EOF || err == ERR_CLOSED;
}

static int transactions_find_coordinator(struct tool_run *run, const char *id, int32_t *node)
{
    struct find_coordinator_request request;
    struct client_answer answer = {0};
    int version = client_version(run->client, CLIENT_ANY, KAFKA_API_FIND_COORDINATOR,
                                 TRANSACTIONS_FIND_VERSION);
    if (version < 0)
        return version;
    wire_defaults(&find_coordinator_request_desc, &request);
    request.key = wire_str_from(id);
    request.key_type = TRANSACTIONS_KEY_TYPE;
    int err = client_call(run->client, CLIENT_ANY, KAFKA_API_FIND_COORDINATOR, (int16_t)version,
                          &request, &answer);
    if (err)
        return err;
    const struct find_coordinator_response *response = answer.response;
    err = err_from_wire(response->error_code);
    *node = response->node_id;
    if (err)
        client_set_problem(run->client, "the coordinator of %s can't be found: %s (%s)", id,
                           err_text(err), err_name(err));
    client_answer_free(&answer);
    return err;
}

static int transactions_call_once(struct tool_run *run, const char *id,
                                  const struct transactions_call *call,
                                  struct client_answer *answer, int32_t *node)
{
    int err = transactions_find_coordinator(run, id, node);
    int version = err ? err : client_version(run->client, *node, call->key, INT16_MAX);
    if (version < 0)
        return version;
    err = client_call(run->client, *node, call->key, (int16_t)version, call->request, answer);
    if (err)
        return err;
    err = err_from_wire(call->error(answer->response));
    if (err) {
        client_set_problem(run->client, "%s: broker %d says: %s (%s)", id, *node, err_text(err),
                           err_name(err));
        client_answer_free(answer);
    }
    return err;
}

int transactions_call(struct tool_run *run, const char *id, const struct transactions_call *call,
                      struct client_answer *answer, int32_t *node)
{
    int64_t end = env_now_ms(run->env) + TRANSACTIONS_TIMEOUT_MS;
    for (;;) {
        int err = transactions_call_once(run, id, call, answer, node);
        if (!err)
            return 0;
        if (!transactions_may_retry(err) || env_now_ms(run->env) >= end)
            return tool_fail_client(run);
        client_wait(run->client, TRANSACTIONS_RETRY_MS);
    }
}

/* ---- list ---- */

static int transactions_list_once(struct tool_run *run, int32_t node,
                                  const struct transactions_filter *filter,
                                  struct client_answer *answer)
{
    struct list_transactions_request request;
    int64_t producer_id = filter->producer_id;
    int version = client_version(run->client, node, KAFKA_API_LIST_TRANSACTIONS, INT16_MAX);
    if (version < 0)
        return tool_fail_client(run);
    if ((filter->pattern && version < TRANSACTIONS_PATTERN_VERSION) ||
        (filter->duration_ms >= 0 && version < TRANSACTIONS_DURATION_VERSION))
        return tool_fail(run, "broker %d is too old for this filter", node);
    wire_defaults(&list_transactions_request_desc, &request);
    request.duration_filter = filter->duration_ms;
    request.transactional_id_pattern = wire_str_from(filter->pattern);
    request.producer_id_filters.items = &producer_id;
    request.producer_id_filters.count = producer_id >= 0;
    return tool_call(run, node, KAFKA_API_LIST_TRANSACTIONS, version, &request, answer);
}

/* What one broker coordinates, when it has loaded it. */
static int transactions_list_of(struct tool_run *run, int32_t node,
                                const struct transactions_filter *filter,
                                struct client_answer *answer)
{
    int64_t end = env_now_ms(run->env) + TRANSACTIONS_TIMEOUT_MS;
    struct buf text;
    for (;;) {
        if (transactions_list_once(run, node, filter, answer))
            return 1;
        const struct list_transactions_response *response = answer->response;
        int16_t code = response->error_code;
        if (!code)
            return 0;
        client_answer_free(answer);
        if (!transactions_may_retry(err_from_wire(code)) || env_now_ms(run->env) >= end) {
            buf_init(&text);
            tool_fail(run, "broker %d: %s", node, tool_error_text(code, WIRE_STR_NULL, &text));
            buf_close(&text);
            return 1;
        }
        client_wait(run->client, TRANSACTIONS_RETRY_MS);
    }
}

int transactions_each(struct tool_run *run, const struct transactions_filter *filter,
                      void (*each)(void *data, int32_t node,
                                   const struct list_transactions_response_transaction_state *row),
                      void *data)
{
    struct client_answer metadata = {0};
    int status = tool_metadata(run, &metadata);
    if (status)
        return status;
    const struct metadata_response *cluster = metadata.response;
    for (int32_t i = 0; !status && i < cluster->brokers.count; i++) {
        int32_t node = cluster->brokers.items[i].node_id;
        struct client_answer answer = {0};
        status = transactions_list_of(run, node, filter, &answer);
        if (status)
            break;
        const struct list_transactions_response *response = answer.response;
        for (int32_t j = 0; j < response->transaction_states.count; j++)
            each(data, node, &response->transaction_states.items[j]);
        client_answer_free(&answer);
    }
    client_answer_free(&metadata);
    return status;
}

static void transactions_list_row(void *data, int32_t node,
                                  const struct list_transactions_response_transaction_state *row)
{
    struct report *report = data;
    report_string(report, row->transactional_id);
    report_number(report, node);
    report_number(report, row->producer_id);
    report_string(report, row->transaction_state);
}

int transactions_list_run(struct tool_run *run)
{
    static const struct report_column columns[] = {
        {"transactionalId", "TransactionalId", 0, NULL},
        {"coordinator", "Coordinator", 0, NULL},
        {"producerId", "ProducerId", 0, NULL},
        {"transactionState", "TransactionState", 0, NULL},
        REPORT_END};
    struct transactions_filter filter = {
        .pattern = options_get(run->options, "transactional-id-pattern"), .producer_id = -1};
    if (tool_number(run, "duration-filter", -1, INT64_MAX, -1, &filter.duration_ms) ||
        tool_connect(run))
        return 1;
    struct report *report = report_new("transactions");
    report_columns(report, columns);
    report_style(report, TABLE_TABS);
    int status = transactions_each(run, &filter, transactions_list_row, report);
    if (!status)
        report_print(report, report_format(run), stdout);
    report_free(report);
    return status;
}

/* ---- describe ---- */

static int16_t transactions_describe_error(const void *data)
{
    const struct describe_transactions_response *response = data;
    return response->transaction_states.count == 1
               ? response->transaction_states.items[0].error_code
               : err_to_wire(ERR_UNKNOWN_SERVER_ERROR);
}

typedef const struct describe_transactions_response_transaction_state described;

static void transactions_put_partitions(struct report *report, described *row)
{
    struct buf text;
    json_t *list = json_array();
    buf_init(&text);
    for (int32_t i = 0; i < row->topics.count; i++)
        for (int32_t j = 0; j < row->topics.items[i].partitions.count; j++) {
            struct wire_str topic = row->topics.items[i].topic;
            int32_t partition = row->topics.items[i].partitions.items[j];
            json_t *object = json_object();
            json_object_set_new(object, "topic", report_json_text(topic.data, (size_t)topic.len));
            json_object_set_new(object, "partition", json_integer(partition));
            json_array_append_new(list, object);
            buf_printf(&text, "%s%.*s-%d", text.len ? "," : "", WIRE_STR_ARGS(topic), partition);
        }
    report_value(report, list);
    report_as(report, "%s", buf_text(&text));
    buf_close(&text);
}

static const struct report_column transactions_columns[] = {
    {"coordinatorId", "CoordinatorId", 0, NULL},
    {"transactionalId", "TransactionalId", 0, NULL},
    {"producerId", "ProducerId", 0, NULL},
    {"producerEpoch", "ProducerEpoch", 0, NULL},
    {"transactionState", "TransactionState", 0, NULL},
    {"transactionTimeoutMs", "TransactionTimeoutMs", 0, NULL},
    {"currentTransactionStartTimeMs", "CurrentTransactionStartTimeMs", 0, "None"},
    {"transactionDurationMs", "TransactionDurationMs", 0, "None"},
    {"topicPartitions", "TopicPartitions", 0, NULL},
    REPORT_END};

static void transactions_describe_print(struct tool_run *run, int32_t node, described *row)
{
    int64_t start_ms = row->transaction_start_time_ms;
    struct report *report = report_new("transactions");
    report_columns(report, transactions_columns);
    report_style(report, TABLE_TABS);
    report_number(report, node);
    report_string(report, row->transactional_id);
    report_number(report, row->producer_id);
    report_number(report, row->producer_epoch);
    report_string(report, row->transaction_state);
    report_number(report, row->transaction_timeout_ms);
    report_number_unless(report, start_ms < 0 ? -1 : start_ms, -1);
    if (start_ms < 0)
        report_none(report);
    else
        report_number(report, env_wall_ms(run->env) - start_ms);
    transactions_put_partitions(report, row);
    report_print(report, report_format(run), stdout);
    report_free(report);
}

int transactions_describe_run(struct tool_run *run)
{
    const char *id = options_get(run->options, "transactional-id");
    struct wire_str name = wire_str_from(id);
    struct describe_transactions_request request;
    struct client_answer answer = {0};
    struct transactions_call call = {KAFKA_API_DESCRIBE_TRANSACTIONS, &request,
                                     transactions_describe_error};
    int32_t node;
    if (!id)
        return tool_misuse(run, "describe needs --transactional-id ID");
    if (tool_connect(run))
        return 1;
    wire_defaults(&describe_transactions_request_desc, &request);
    request.transactional_ids.items = &name;
    request.transactional_ids.count = 1;
    if (transactions_call(run, id, &call, &answer, &node))
        return 1;
    const struct describe_transactions_response *response = answer.response;
    transactions_describe_print(run, node, &response->transaction_states.items[0]);
    client_answer_free(&answer);
    return 0;
}

/* kafka-delete-records: deletes the records of partitions below an offset.
 *
 * Happy path: the file names partitions and offsets, Metadata their leaders, and one DeleteRecords
 * request to each leader deletes; each partition gets a line with its first offset from then on.
 * Failure modes: a file that can't be used; a leader that has moved, which is looked up again for a
 * few seconds; a partition that is not there or an offset that it has not reached, which is said in
 * its line. As with Kafka's tool the status is then 0 all the same: a script reads the lines. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/delete_records.h"
#include "kafka/messages/metadata.h"
#include "tools/partition_list.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row records_options[] = {
    TOOL_CONNECT_OPTIONS,
    OPTION("offset-json-file", "FILE",
           "{\"partitions\":[{\"topic\":\"T\",\"partition\":0,\"offset\":N}]}: what is below N is "
           "deleted; -1 = all that is committed."),
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

typedef struct delete_records_request_delete_records_topic records_topic;
typedef struct delete_records_request_delete_records_partition records_partition;

/* While the leadership moves: tries, and the pause between them. */
enum { RECORDS_TRIES = 50, RECORDS_WAIT_MS = 100, RECORDS_TIMEOUT_MS = 30000 };

/* What became of one partition of the list. */
struct records_result {
    bool done;
    int32_t leader;
    int64_t low_watermark;
    int16_t code; /* the error's number on the wire */
};

struct records {
    struct tool_run *run;
    struct partition_list list; /* sorted, so that those of a topic stand together */
    struct records_result *results;
};

/* ---- asking ---- */

static void records_set(struct records *r, size_t i, int16_t code, int64_t low_watermark)
{
    int err = code ? err_from_wire(code) : 0;
    r->results[i].code = code;
    r->results[i].low_watermark = low_watermark;
    r->results[i].done = err != ERR_NOT_LEADER_OR_FOLLOWER && err != ERR_NOT_LEADER &&
                         err != ERR_LEADER_NOT_AVAILABLE;
}

static size_t records_find(const struct records *r, struct wire_str topic, int32_t partition)
{
    for (size_t i = 0; i < r->list.count; i++)
        if (r->list.items[i].partition == partition && wire_str_is(topic, r->list.items[i].topic))
            return i;
    return r->list.count;
}

static void records_find_leader(struct records *r, size_t i,
                                const struct metadata_response *metadata)
{
    r->results[i].leader = -1;
    records_set(r, i, err_to_wire(ERR_UNKNOWN_TOPIC_OR_PARTITION), -1);
    for (int32_t t = 0; t < metadata->topics.count; t++) {
        const struct metadata_response_metadata_response_topic *topic = &metadata->topics.items[t];
        if (!wire_str_is(topic->name, r->list.items[i].topic))
            continue;
        for (int32_t p = 0; p < topic->partitions.count; p++) {
            if (topic->partitions.items[p].partition_index != r->list.items[i].partition)
                continue;
            r->results[i].leader = topic->partitions.items[p].leader_id;
            records_set(r, i, err_to_wire(ERR_LEADER_NOT_AVAILABLE), -1);
        }
    }
}

static void records_keep(struct records *r, const struct delete_records_response *response)
{
    for (int32_t t = 0; t < response->topics.count; t++) {
        for (int32_t p = 0; p < response->topics.items[t].partitions.count; p++) {
            const struct delete_records_response_delete_records_partition_result *row =
                &response->topics.items[t].partitions.items[p];
            size_t i = records_find(r, response->topics.items[t].name, row->partition_index);
            if (i < r->list.count)
                records_set(r, i, row->error_code, row->low_watermark);
        }
    }
}

/* The partitions that `leader` leads and that are not done, in one request. */
static int records_ask(struct records *r, int32_t leader)
{
    struct delete_records_request request;
    struct client_answer answer = {0};
    records_topic *topics = mem_alloc(r->list.count * sizeof(*topics));
    records_partition *rows = mem_alloc(r->list.count * sizeof(*rows));
    int32_t count = 0, topic_count = 0;
    for (size_t i = 0; i < r->list.count; i++) {
        const struct partition_item *item = &r->list.items[i];
        if (r->results[i].done || r->results[i].leader != leader)
            continue;
        if (topic_count == 0 || !wire_str_is(topics[topic_count - 1].name, item->topic)) {
            wire_defaults(&delete_records_request_delete_records_topic_desc, &topics[topic_count]);
            topics[topic_count].name = wire_str_from(item->topic);
            topics[topic_count++].partitions.items = &rows[count];
        }
        wire_defaults(&delete_records_request_delete_records_partition_desc, &rows[count]);
        rows[count].partition_index = item->partition;
        rows[count++].offset = item->offset;
        topics[topic_count - 1].partitions.count++;
    }
    wire_defaults(&delete_records_request_desc, &request);
    request.topics.items = topics;
    request.topics.count = topic_count;
    request.timeout_ms = RECORDS_TIMEOUT_MS;
    int status = 0;
    if (count > 0) {
        int version = client_version(r->run->client, leader, KAFKA_API_DELETE_RECORDS, INT16_MAX);
        status = version < 0 ? tool_fail_client(r->run)
                             : tool_call(r->run, leader, KAFKA_API_DELETE_RECORDS, version,
                                         &request, &answer);
        if (status == 0)
            records_keep(r, answer.response);
        client_answer_free(&answer);
    }
    mem_free(topics);
    mem_free(rows);
    return status;
}

/* One round: the leaders, and a request to each. *left: some are to be tried again. */
static int records_round(struct records *r, bool *left)
{
    struct client_answer answer = {0};
    int status = 0;
    if (tool_metadata(r->run, &answer))
        return 1;
    const struct metadata_response *metadata = answer.response;
    for (size_t i = 0; i < r->list.count; i++)
        if (!r->results[i].done)
            records_find_leader(r, i, metadata);
    for (int32_t b = 0; b < metadata->brokers.count && status == 0; b++)
        status = records_ask(r, metadata->brokers.items[b].node_id);
    client_answer_free(&answer);
    *left = false;
    for (size_t i = 0; i < r->list.count; i++)
        *left = *left || !r->results[i].done;
    return status;
}

static int records_ask_all(struct records *r)
{
    bool left = true;
    for (int tries = 1; left; tries++) {
        if (records_round(r, &left))
            return 1;
        if (tries == RECORDS_TRIES)
            break;
        if (left)
            client_wait(r->run->client, RECORDS_WAIT_MS);
    }
    return 0;
}

/* ---- printing ---- */

static void records_print_lines(const struct records *r)
{
    struct buf text;
    buf_init(&text);
    puts("Records delete operation completed:");
    for (size_t i = 0; i < r->list.count; i++) {
        printf("partition: %s-%d\t", r->list.items[i].topic, r->list.items[i].partition);
        if (r->results[i].code)
            printf("error: %s\n", tool_error_text(r->results[i].code, WIRE_STR_NULL, &text));
        else
            printf("low_watermark: %lld\n", (long long)r->results[i].low_watermark);
    }
    buf_close(&text);
}

static void records_print_report(const struct records *r, enum report_format format)
{
    static const struct report_column columns[] = {{.name = "topic"},
                                                   {.name = "partition"},
                                                   {.name = "lowWatermark"},
                                                   {.name = "error"},
                                                   REPORT_END};
    struct report *report = report_new("partitions");
    report_columns(report, columns);
    for (size_t i = 0; i < r->list.count; i++) {
        int16_t code = r->results[i].code;
        report_text(report, r->list.items[i].topic);
        report_number(report, r->list.items[i].partition);
        if (code)
            report_none(report);
        else
            report_number(report, r->results[i].low_watermark);
        report_text(report, code ? err_name(err_from_wire(code)) : NULL);
    }
    report_print(report, format, stdout);
    report_free(report);
}

static int records_delete(struct records *r)
{
    enum report_format format = report_format(r->run);
    if (r->list.count > 1)
        qsort(r->list.items, r->list.count, sizeof(*r->list.items), partition_item_compare);
    r->results = mem_alloc((r->list.count + 1) * sizeof(*r->results));
    if (format == REPORT_KAFKA)
        puts("Executing records delete operation");
    int status = r->list.count > 0 ? records_ask_all(r) : 0;
    if (status == 0 && format == REPORT_KAFKA)
        records_print_lines(r);
    else if (status == 0)
        records_print_report(r, format);
    mem_free(r->results);
    return status;
}

static int records_run(struct tool_run *run)
{
    struct records r = {.run = run};
    if (!options_has(run->options, "offset-json-file"))
        return tool_misuse(run, "which records? Name them with --offset-json-file FILE");
    int status = partition_list_read(run, "offset-json-file", true, &r.list);
    if (status == 0)
        status = tool_connect(run);
    if (status == 0)
        status = records_delete(&r);
    partition_list_free(&r.list);
    return status;
}

const struct tool tool_delete_records = {
    .name = "delete-records",
    .link = "kafka-delete-records",
    .synopsis = "--bootstrap-server HOST:PORT --offset-json-file FILE",
    .summary = "Delete the records of partitions below an offset.",
    .options = records_options,
    .run = records_run,
};

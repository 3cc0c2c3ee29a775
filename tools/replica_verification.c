/* kafka-replica-verification: compares the replicas of partitions, batch by batch, until it is
 * stopped.
 *
 * Happy path: each round fetches from every broker what it has of all partitions from the offset up
 * to which they were compared, compares the batches by offset, length and checksum, and moves on.
 * Now and then a line tells how far the comparison is behind. Failure modes: batches that differ
 * (a line each); a broker that does not answer or an error at a replica, which are told when they
 * begin, and that replica is left out of the comparison as long as they last. Replicas are
 * compacted each by itself, so that those of compacted topics may differ for a while. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "kafka/batch.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/metadata.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row verify_options[] = {
    TOOL_CONNECT_OPTIONS,
    OPTION_SAME("broker-list", "HOST:PORT,...", "bootstrap-server"),
    OPTION("topics-include", "REGEX", "The topics; all when left out."),
    OPTION_SAME("topic-white-list", "REGEX", "topics-include"),
    OPTION("fetch-size", "N", "The most bytes of a partition in one fetch (1048576)."),
    OPTION("max-wait-ms", "N", "How long to wait when there is nothing new (1000)."),
    OPTION("time", "T", "Where to begin: ms since 1970, -1 = the end (default), -2 = the start."),
    OPTION("report-interval-ms", "N", "A line about the lag at most this often (30000)."),
    REPORT_OPTION_LINES,
    TOOL_LAST_OPTIONS,
};

/* Fetch by topic name; a Fetch outside of a session. */
enum { VERIFY_FETCH_VERSION = 12, VERIFY_NO_SESSION = -1, VERIFY_REPLICAS_MAX = 64 };

typedef struct metadata_response_metadata_response_topic verify_topic;
typedef struct fetch_request_fetch_topic verify_fetch_topic;
typedef struct fetch_request_fetch_partition verify_fetch_partition;

struct verify_partition {
    char *topic;
    int32_t index, leader;
    int32_t *replicas;
    int32_t replica_count;
    int64_t offset;         /* all below is compared */
    int64_t high_watermark; /* the highest that a replica told in this round */
};

/* What one replica sent in this round. */
struct verify_view {
    int32_t broker;
    const uint8_t *bytes;
    size_t len;
    struct batch batch; /* the one that is compared */
};

struct verify_broker {
    int32_t id;
    bool told; /* that it does not answer */
    bool answered;
    bool told_error; /* that one of its replicas answers with an error */
    bool has_error;  /* one does so in this round */
    struct client_answer answer;
};

struct verify {
    struct tool_run *run;
    struct verify_partition *partitions;
    size_t partition_count;
    struct verify_broker *brokers;
    size_t broker_count;
    int64_t time, fetch_size, max_wait_ms, report_ms;
    int64_t reported_ms;
    bool moved; /* something was compared in this round */
};

/* ---- lines ---- */

/* "2026-03-01 12:00:00,000", or ms since 1970. */
static void verify_put_now(const struct verify *v, struct report *report)
{
    char text[64];
    int64_t now = env_wall_ms(v->run->env);
    time_t seconds = (time_t)(now / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
    report_number(report, now);
    report_as(report, "%s,%03d", text, (int)(now % 1000));
}

/* One line of text, or one JSON object a line: the tool has no end. */
static struct report *verify_line(const struct verify *v, const char *event,
                                  const struct report_column *columns, const char *pattern)
{
    struct report *report = report_new(NULL);
    report_columns(report, columns);
    report_lines(report, pattern);
    verify_put_now(v, report);
    report_text(report, event);
    return report;
}

static void verify_print(const struct verify *v, struct report *report)
{
    report_print(report, report_format(v->run), stdout);
    report_free(report);
}

static void verify_print_start(const struct verify *v)
{
    static const struct report_column columns[] = {{.name = "time"}, {.name = "event"}, REPORT_END};
    verify_print(v, verify_line(v, "started", columns, "{time}: verification process is started."));
}

/* ---- which partitions, and from where ---- */

static void verify_add_partitions(struct verify *v, const verify_topic *topic, const char *name)
{
    size_t count = v->partition_count + (size_t)topic->partitions.count;
    v->partitions = mem_realloc(v->partitions, (count + 1) * sizeof(*v->partitions));
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        const struct metadata_response_metadata_response_partition *row =
            &topic->partitions.items[i];
        int32_t replicas = row->replica_nodes.count;
        struct verify_partition partition = {
            .topic = mem_strdup(name),
            .index = row->partition_index,
            .leader = row->leader_id,
            .replicas = mem_dup(row->replica_nodes.items,
                                (size_t)replicas * sizeof(*row->replica_nodes.items)),
            .replica_count = replicas < VERIFY_REPLICAS_MAX ? replicas : VERIFY_REPLICAS_MAX,
        };
        v->partitions[v->partition_count++] = partition;
    }
}

static int verify_find(struct verify *v)
{
    struct client_answer answer = {0};
    const char *include = options_get(v->run->options, "topics-include");
    struct tool_pattern *pattern = include ? tool_pattern_new(v->run, include) : NULL;
    if ((include && !pattern) || tool_metadata(v->run, &answer)) {
        tool_pattern_free(pattern);
        return 1;
    }
    const struct metadata_response *metadata = answer.response;
    v->brokers = mem_alloc(((size_t)metadata->brokers.count + 1) * sizeof(*v->brokers));
    for (int32_t i = 0; i < metadata->brokers.count; i++)
        v->brokers[v->broker_count++].id = metadata->brokers.items[i].node_id;
    for (int32_t i = 0; i < metadata->topics.count; i++) {
        char *name = wire_str_dup(metadata->topics.items[i].name);
        if (name && (!pattern || tool_pattern_matches(pattern, name)))
            verify_add_partitions(v, &metadata->topics.items[i], name);
        mem_free(name);
    }
    client_answer_free(&answer);
    tool_pattern_free(pattern);
    return v->partition_count > 0 ? 0
                                  : tool_fail(v->run, "no topic is as --topics-include says: see "
                                                      "kafka-topics --list");
}

/* Where the partition's comparison begins, as its leader says. */
static int verify_ask_start(struct verify *v, struct verify_partition *partition)
{
    struct list_offsets_request request;
    struct list_offsets_request_list_offsets_topic topic;
    struct list_offsets_request_list_offsets_partition row;
    struct client_answer answer = {0};
    if (partition->leader < 0)
        return tool_fail(v->run, "%s-%d has no leader at the moment: try again", partition->topic,
                         partition->index);
    int version =
        client_version(v->run->client, partition->leader, KAFKA_API_LIST_OFFSETS, INT16_MAX);
    if (version < 0)
        return tool_fail_client(v->run);
    wire_defaults(&list_offsets_request_desc, &request);
    wire_defaults(&list_offsets_request_list_offsets_topic_desc, &topic);
    wire_defaults(&list_offsets_request_list_offsets_partition_desc, &row);
    row.partition_index = partition->index;
    row.timestamp = v->time;
    topic.name = wire_str_from(partition->topic);
    topic.partitions.items = &row;
    topic.partitions.count = 1;
    request.replica_id = -1;
    request.topics.items = &topic;
    request.topics.count = 1;
    if (tool_call(v->run, partition->leader, KAFKA_API_LIST_OFFSETS, version, &request, &answer))
        return 1;
    const struct list_offsets_response *response = answer.response;
    int status = 0;
    if (response->topics.count != 1 || response->topics.items[0].partitions.count != 1)
        status = tool_fail(v->run, "the broker's answer does not name %s-%d", partition->topic,
                           partition->index);
    else if (response->topics.items[0].partitions.items[0].error_code)
        status = tool_fail(
            v->run, "%s-%d: %s", partition->topic, partition->index,
            err_text(err_from_wire(response->topics.items[0].partitions.items[0].error_code)));
    else if (version == 0 &&
             response->topics.items[0].partitions.items[0].old_style_offsets.count > 0)
        partition->offset =
            response->topics.items[0].partitions.items[0].old_style_offsets.items[0];
    else
        partition->offset = response->topics.items[0].partitions.items[0].offset;
    client_answer_free(&answer);
    if (partition->offset < 0)
        partition->offset = 0; /* nothing is that young */
    return status;
}

/* ---- fetching ---- */

static bool verify_has(const struct verify_partition *partition, int32_t broker)
{
    for (int32_t i = 0; i < partition->replica_count; i++)
        if (partition->replicas[i] == broker)
            return true;
    return false;
}

/* Partitions of one topic stand together. */
static int32_t verify_fill(const struct verify *v, int32_t broker, verify_fetch_topic *topics,
                           verify_fetch_partition *rows)
{
    int32_t topic_count = 0, count = 0;
    for (size_t i = 0; i < v->partition_count; i++) {
        const struct verify_partition *partition = &v->partitions[i];
        if (!verify_has(partition, broker))
            continue;
        if (topic_count == 0 || !wire_str_is(topics[topic_count - 1].topic, partition->topic)) {
            wire_defaults(&fetch_request_fetch_topic_desc, &topics[topic_count]);
            topics[topic_count].topic = wire_str_from(partition->topic);
            topics[topic_count++].partitions.items = &rows[count];
        }
        wire_defaults(&fetch_request_fetch_partition_desc, &rows[count]);
        rows[count].partition = partition->index;
        rows[count].fetch_offset = partition->offset;
        rows[count++].partition_max_bytes = (int32_t)v->fetch_size;
        topics[topic_count - 1].partitions.count++;
    }
    return topic_count;
}

static void verify_fetch(struct verify *v, struct verify_broker *broker)
{
    struct fetch_request request;
    verify_fetch_topic *topics = mem_alloc(v->partition_count * sizeof(*topics));
    verify_fetch_partition *rows = mem_alloc(v->partition_count * sizeof(*rows));
    int version = client_version(v->run->client, broker->id, KAFKA_API_FETCH, VERIFY_FETCH_VERSION);
    wire_defaults(&fetch_request_desc, &request);
    request.session_epoch = VERIFY_NO_SESSION;
    request.topics.items = topics;
    request.topics.count = verify_fill(v, broker->id, topics, rows);
    broker->answered =
        version >= 0 && client_call(v->run->client, broker->id, KAFKA_API_FETCH, (int16_t)version,
                                    &request, &broker->answer) == 0;
    if (!broker->answered && !broker->told)
        tool_warn(v->run, "broker %d is left out while it does not answer: %s", broker->id,
                  client_problem(v->run->client));
    broker->told = !broker->answered;
    mem_free(topics);
    mem_free(rows);
}

/* ---- comparing ---- */

static const struct fetch_response_partition_data *
verify_row(const struct verify_broker *broker, const struct verify_partition *partition)
{
    const struct fetch_response *response = broker->answer.response;
    for (int32_t t = 0; t < response->responses.count; t++) {
        const struct fetch_response_fetchable_topic_response *topic = &response->responses.items[t];
        for (int32_t p = 0;
             p < topic->partitions.count && wire_str_is(topic->topic, partition->topic); p++)
            if (topic->partitions.items[p].partition_index == partition->index)
                return &topic->partitions.items[p];
    }
    return NULL;
}

static void verify_tell_error(struct verify *v, struct verify_broker *broker,
                              const struct verify_partition *partition, int16_t code)
{
    if (!broker->told_error && !broker->has_error)
        tool_warn(v->run, "%s-%d of broker %d is left out for now: %s", partition->topic,
                  partition->index, broker->id, err_text(err_from_wire(code)));
    broker->has_error = true;
}

/* The views of the replicas that answered; their number. */
static int verify_views(struct verify *v, struct verify_partition *partition,
                        struct verify_view *views)
{
    int count = 0;
    partition->high_watermark = partition->offset;
    for (size_t b = 0; b < v->broker_count; b++) {
        if (!v->brokers[b].answered || !verify_has(partition, v->brokers[b].id))
            continue;
        const struct fetch_response_partition_data *row = verify_row(&v->brokers[b], partition);
        if (row && row->error_code)
            verify_tell_error(v, &v->brokers[b], partition, row->error_code);
        if (!row || row->error_code)
            continue;
        if (row->high_watermark > partition->high_watermark)
            partition->high_watermark = row->high_watermark;
        views[count++] = (struct verify_view){
            .broker = v->brokers[b].id,
            .bytes = row->records.data,
            .len = row->records.len > 0 ? (size_t)row->records.len : 0,
        };
    }
    return count;
}

static void verify_tell(const struct verify *v, const struct verify_partition *partition,
                        const struct verify_view *a, const struct verify_view *b)
{
    static const struct report_column columns[] = {{.name = "time"},
                                                   {.name = "event"},
                                                   {.name = "topic"},
                                                   {.name = "partition"},
                                                   {.name = "replica"},
                                                   {.name = "firstOffset"},
                                                   {.name = "lastOffset"},
                                                   {.name = "checksum"},
                                                   {.name = "otherReplica"},
                                                   {.name = "otherFirstOffset"},
                                                   {.name = "otherLastOffset"},
                                                   {.name = "otherChecksum"},
                                                   REPORT_END};
    bool offsets = a->batch.base_offset != b->batch.base_offset ||
                   a->batch.last_offset_delta != b->batch.last_offset_delta;
    struct report *report = verify_line(
        v, offsets ? "offsetsDiffer" : "checksumsDiffer", columns,
        offsets
            ? "{time}: partition {topic}-{partition}: replica {replica}'s offsets {firstOffset} "
              "to {lastOffset} don't match replica {otherReplica}'s offsets "
              "{otherFirstOffset} to {otherLastOffset}"
            : "{time}: partition {topic}-{partition} has unmatched checksum at offset "
              "{firstOffset}; replica {replica}'s checksum {checksum}; replica "
              "{otherReplica}'s checksum {otherChecksum}");
    report_text(report, partition->topic);
    report_number(report, partition->index);
    for (int i = 0; i < 2; i++) {
        const struct verify_view *view = i ? b : a;
        report_number(report, view->broker);
        report_number(report, view->batch.base_offset);
        report_number(report, batch_last_offset(&view->batch));
        report_number(report, view->batch.crc);
    }
    verify_print(v, report);
}

static bool verify_is_same(const struct batch *a, const struct batch *b)
{
    return a->base_offset == b->base_offset && a->last_offset_delta == b->last_offset_delta &&
           a->size == b->size && a->crc == b->crc;
}

/* The next batch of each replica; false when one has none that is whole. */
static bool verify_next(struct verify_view *views, int count)
{
    for (int i = 0; i < count; i++)
        if (views[i].len == 0 ||
            batch_parse_frame(views[i].bytes, views[i].len, &views[i].batch) != 0)
            return false;
    return true;
}

/* Goes on until one of the replicas has no more. Where they differ, the next fetch begins behind
 * the shortest of the batches. */
static void verify_compare(struct verify *v, struct verify_partition *partition)
{
    struct verify_view views[VERIFY_REPLICAS_MAX];
    int count = verify_views(v, partition, views);
    bool same = true;
    while (count > 1 && same && verify_next(views, count)) {
        int64_t last = batch_last_offset(&views[0].batch);
        for (int i = 1; i < count; i++) {
            bool alike = verify_is_same(&views[0].batch, &views[i].batch);
            if (!alike)
                verify_tell(v, partition, &views[0], &views[i]);
            same = same && alike;
            if (batch_last_offset(&views[i].batch) < last)
                last = batch_last_offset(&views[i].batch);
        }
        for (int i = 0; i < count; i++) {
            views[i].bytes += views[i].batch.size;
            views[i].len -= views[i].batch.size;
        }
        if (last >= partition->offset) {
            partition->offset = last + 1;
            v->moved = true;
        }
    }
    if (partition->replica_count == 1)
        partition->offset = partition->high_watermark; /* nothing to compare it with */
}

/* ---- rounds ---- */

static void verify_report(struct verify *v)
{
    static const struct report_column columns[] = {
        {.name = "time"},   {.name = "event"},  {.name = "topic"},      {.name = "partition"},
        {.name = "offset"}, {.name = "maxLag"}, {.name = "partitions"}, REPORT_END};
    int64_t now = env_now_ms(v->run->env);
    const struct verify_partition *worst = &v->partitions[0];
    if (now - v->reported_ms < v->report_ms)
        return;
    for (size_t i = 1; i < v->partition_count; i++)
        if (v->partitions[i].high_watermark - v->partitions[i].offset >
            worst->high_watermark - worst->offset)
            worst = &v->partitions[i];
    struct report *report = verify_line(v, "maxLag", columns,
                                        "{time}: max lag is {maxLag} for partition "
                                        "{topic}-{partition} at offset {offset} among "
                                        "{partitions} partitions");
    report_text(report, worst->topic);
    report_number(report, worst->index);
    report_number(report, worst->offset);
    report_number(report, worst->high_watermark - worst->offset);
    report_number(report, (int64_t)v->partition_count);
    verify_print(v, report);
    v->reported_ms = now;
}

static void verify_round(struct verify *v)
{
    v->moved = false;
    for (size_t i = 0; i < v->broker_count; i++)
        verify_fetch(v, &v->brokers[i]);
    for (size_t i = 0; i < v->partition_count; i++)
        verify_compare(v, &v->partitions[i]);
    for (size_t i = 0; i < v->broker_count; i++) {
        client_answer_free(&v->brokers[i].answer);
        v->brokers[i].told_error = v->brokers[i].has_error;
        v->brokers[i].has_error = false;
    }
    verify_report(v);
    fflush(stdout);
    if (!v->moved)
        client_wait(v->run->client, v->max_wait_ms);
}

static int verify_read(struct verify *v)
{
    int status = tool_number(v->run, "time", -2, INT64_MAX, -1, &v->time);
    if (status == 0)
        status = tool_number(v->run, "fetch-size", 1, INT32_MAX, 1 << 20, &v->fetch_size);
    if (status == 0)
        status = tool_number(v->run, "max-wait-ms", 1, INT32_MAX, 1000, &v->max_wait_ms);
    if (status == 0)
        status = tool_number(v->run, "report-interval-ms", 1, INT32_MAX, 30000, &v->report_ms);
    return status;
}

static int verify_run(struct tool_run *run)
{
    struct verify v = {.run = run};
    int status = verify_read(&v);
    if (status == 0)
        status = tool_connect(run);
    if (status == 0)
        status = verify_find(&v);
    for (size_t i = 0; i < v.partition_count && status == 0; i++)
        status = verify_ask_start(&v, &v.partitions[i]);
    if (status == 0) {
        verify_print_start(&v);
        v.reported_ms = env_now_ms(run->env);
    }
    while (status == 0 && !ferror(stdout))
        verify_round(&v);
    for (size_t i = 0; i < v.partition_count; i++) {
        mem_free(v.partitions[i].topic);
        mem_free(v.partitions[i].replicas);
    }
    mem_free(v.partitions);
    mem_free(v.brokers);
    return status;
}

const struct tool tool_replica_verification = {
    .name = "replica-verification",
    .link = "kafka-replica-verification",
    .synopsis = "--broker-list HOST:PORT [--topics-include REGEX] [--time T]",
    .summary = "Compare the replicas of partitions until it is stopped.",
    .options = verify_options,
    .run = verify_run,
};

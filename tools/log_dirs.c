/* kafka-log-dirs: what lies in the log directories of the brokers.
 *
 * Happy path: Metadata names the brokers, one DescribeLogDirs request to each gives its
 * directories, and all is printed as one line of JSON. Failure modes: a broker of --broker-list
 * that is not there; one that does not answer; a directory with an error, which stands in the
 * JSON. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/sort.h"
#include "kafka/messages/describe_log_dirs.h"
#include "kafka/messages/metadata.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row dirs_options[] = {
    TOOL_CONNECT_OPTIONS,
    OPTION("describe", NULL, "Show the log directories."),
    OPTION("broker-list", "ID,ID", "Of these brokers only."),
    OPTION("topic-list", "NAME,NAME", "Partitions of these topics only."),
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

typedef struct describe_log_dirs_response_describe_log_dirs_result dirs_row;
typedef struct describe_log_dirs_response_describe_log_dirs_topic dirs_topic;
typedef struct describe_log_dirs_response_describe_log_dirs_partition dirs_partition;

struct dirs {
    struct tool_run *run;
    enum report_format format;
    int32_t *brokers; /* ascending */
    size_t broker_count;
    json_t *json; /* the array "brokers" */
    struct report *report;
};

/* ---- which brokers, which topics ---- */

static bool dirs_is_in(const int32_t *ids, size_t count, int32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static void dirs_list(const int32_t *ids, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%d", i ? "," : "", ids[i]);
}

/* "0,2" -> ids; false when it is none. An id twice counts once. */
static bool dirs_read_ids(const char *text, int32_t *ids, size_t *count)
{
    for (const char *at = text; *at;) {
        char *end;
        long id = strtol(at, &end, 10);
        if (end == at || (*end != ',' && *end != '\0') || id < 0 || id > INT32_MAX)
            return false;
        if (!dirs_is_in(ids, *count, (int32_t)id))
            ids[(*count)++] = (int32_t)id;
        at = end + (*end == ',');
    }
    return true;
}

/* Of the brokers that are there, those of --broker-list; d->brokers has all of them before. */
static int dirs_choose(struct dirs *d, const char *text)
{
    struct buf there, missing;
    int32_t *ids = mem_alloc((strlen(text) + 1) * sizeof(*ids));
    size_t count = 0, absent = 0;
    if (!dirs_read_ids(text, ids, &count)) {
        mem_free(ids);
        return tool_misuse(d->run, "--broker-list %s: write ids with commas between", text);
    }
    buf_init(&there);
    buf_init(&missing);
    dirs_list(d->brokers, d->broker_count, &there);
    sort_int32(ids, count);
    for (size_t i = 0; i < count; i++)
        if (!dirs_is_in(d->brokers, d->broker_count, ids[i]))
            buf_printf(&missing, "%s%d", absent++ ? "," : "", ids[i]);
    int status = 0;
    if (absent)
        status = tool_fail(d->run,
                           "ERROR: The given brokers do not exist from --broker-list: %s. Current "
                           "existent brokers: %s",
                           buf_text(&missing), buf_text(&there));
    buf_close(&there);
    buf_close(&missing);
    mem_free(d->brokers);
    d->brokers = ids;
    d->broker_count = count;
    return status;
}

static int dirs_find_brokers(struct dirs *d)
{
    struct client_answer answer = {0};
    const char *text = options_get(d->run->options, "broker-list");
    if (tool_metadata(d->run, &answer))
        return 1;
    const struct metadata_response *metadata = answer.response;
    d->brokers = mem_alloc(((size_t)metadata->brokers.count + 1) * sizeof(*d->brokers));
    for (int32_t i = 0; i < metadata->brokers.count; i++)
        d->brokers[d->broker_count++] = metadata->brokers.items[i].node_id;
    client_answer_free(&answer);
    sort_int32(d->brokers, d->broker_count);
    return text && text[0] ? dirs_choose(d, text) : 0;
}

static bool dirs_wants(const struct dirs *d, struct wire_str topic)
{
    const char *at = options_get(d->run->options, "topic-list");
    if (!at || at[0] == '\0')
        return true;
    while (*at) {
        size_t len = strcspn(at, ",");
        if (topic.len == (int32_t)len && memcmp(topic.data, at, len) == 0)
            return true;
        at += len + (at[len] == ',');
    }
    return false;
}

/* ---- the answers ---- */

/* An error as Kafka's tool names it: by the class in Java. */
static json_t *dirs_error(int16_t code)
{
    static const struct {
        int err;
        const char *class;
    } classes[] = {
        {ERR_KAFKA_STORAGE_ERROR, "KafkaStorageException"},
        {ERR_LOG_DIR_NOT_FOUND, "LogDirNotFoundException"},
        {ERR_CLUSTER_AUTHORIZATION_FAILED, "ClusterAuthorizationException"},
    };
    const char *class = "UnknownServerException";
    if (code == 0)
        return json_null();
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (err_to_wire(classes[i].err) == code)
            class = classes[i].class;
    return json_sprintf("org.apache.kafka.common.errors.%s", class);
}

static json_t *dirs_take_partition(struct dirs *d, int32_t broker, const dirs_row *row,
                                   const dirs_topic *topic, const dirs_partition *partition)
{
    char *name = wire_str_dup(topic->name), *dir = wire_str_dup(row->log_dir);
    char *log = mem_printf("%s-%d", name, partition->partition_index);
    report_number(d->report, broker);
    report_text(d->report, dir);
    report_text(d->report, log);
    report_number(d->report, partition->partition_size);
    report_number(d->report, partition->offset_lag);
    report_flag(d->report, partition->is_future_key);
    report_text(d->report, row->error_code ? err_name(err_from_wire(row->error_code)) : NULL);
    json_t *json = json_object();
    json_object_set_new(json, "partition", report_json_text(log, strlen(log)));
    json_object_set_new(json, "size", json_integer(partition->partition_size));
    json_object_set_new(json, "offsetLag", json_integer(partition->offset_lag));
    json_object_set_new(json, "isFuture", json_boolean(partition->is_future_key));
    mem_free(log);
    mem_free(dir);
    mem_free(name);
    return json;
}

/* A directory without partitions has a row in the table, too: its error may be why. */
static void dirs_take_empty(struct dirs *d, int32_t broker, const dirs_row *row)
{
    char *dir = wire_str_dup(row->log_dir);
    report_number(d->report, broker);
    report_text(d->report, dir);
    for (int i = 0; i < 4; i++)
        report_none(d->report);
    report_text(d->report, row->error_code ? err_name(err_from_wire(row->error_code)) : NULL);
    mem_free(dir);
}

static json_t *dirs_take(struct dirs *d, int32_t broker, const dirs_row *row)
{
    json_t *json = json_object(), *partitions = json_array();
    for (int32_t t = 0; t < row->topics.count; t++) {
        const dirs_topic *topic = &row->topics.items[t];
        for (int32_t p = 0; p < topic->partitions.count && dirs_wants(d, topic->name); p++)
            json_array_append_new(partitions, dirs_take_partition(d, broker, row, topic,
                                                                  &topic->partitions.items[p]));
    }
    if (json_array_size(partitions) == 0)
        dirs_take_empty(d, broker, row);
    json_object_set_new(json, "logDir",
                        report_json_text(row->log_dir.data, (size_t)row->log_dir.len));
    json_object_set_new(json, "error", dirs_error(row->error_code));
    json_object_set_new(json, "partitions", partitions);
    return json;
}

static int dirs_ask(struct dirs *d, int32_t broker)
{
    struct describe_log_dirs_request request;
    struct client_answer answer = {0};
    struct buf text;
    int version = client_version(d->run->client, broker, KAFKA_API_DESCRIBE_LOG_DIRS, INT16_MAX);
    if (version < 0)
        return tool_fail_client(d->run);
    wire_defaults(&describe_log_dirs_request_desc, &request);
    request.topics.count = -1;
    if (tool_call(d->run, broker, KAFKA_API_DESCRIBE_LOG_DIRS, version, &request, &answer))
        return 1;
    const struct describe_log_dirs_response *response = answer.response;
    int status = 0;
    if (response->error_code) {
        buf_init(&text);
        status = tool_fail(d->run, "broker %d: %s", broker,
                           tool_error_text(response->error_code, WIRE_STR_NULL, &text));
        buf_close(&text);
    } else {
        json_t *json = json_object(), *rows = json_array();
        for (int32_t i = 0; i < response->results.count; i++)
            json_array_append_new(rows, dirs_take(d, broker, &response->results.items[i]));
        json_object_set_new(json, "broker", json_integer(broker));
        json_object_set_new(json, "logDirs", rows);
        json_array_append_new(d->json, json);
    }
    client_answer_free(&answer);
    return status;
}

/* ---- all of it ---- */

static void dirs_print(struct dirs *d)
{
    if (d->format == REPORT_TABLE) {
        report_print(d->report, d->format, stdout);
        return;
    }
    json_t *whole = json_object();
    json_object_set_new(whole, "version", json_integer(1));
    json_object_set(whole, "brokers", d->json);
    report_json_print(whole, stdout);
}

static int dirs_describe(struct dirs *d)
{
    struct buf ids;
    int status = dirs_find_brokers(d);
    if (status)
        return status;
    buf_init(&ids);
    dirs_list(d->brokers, d->broker_count, &ids);
    if (d->format == REPORT_KAFKA)
        puts("Querying brokers for log directories information");
    for (size_t i = 0; i < d->broker_count && status == 0; i++)
        status = dirs_ask(d, d->brokers[i]);
    if (status == 0 && d->format == REPORT_KAFKA)
        printf("Received log directory information from brokers %s\n", buf_text(&ids));
    if (status == 0)
        dirs_print(d);
    buf_close(&ids);
    return status;
}

static int dirs_run(struct tool_run *run)
{
    static const struct report_column columns[] = {
        {.name = "broker"},    {.name = "logDir"}, {.name = "partition"}, {.name = "size"},
        {.name = "offsetLag"}, {.name = "future"}, {.name = "error"},     REPORT_END};
    struct dirs d = {.run = run, .format = report_format(run)};
    if (!options_has(run->options, "describe"))
        return tool_misuse(run, "what is to be done? Give --describe");
    if (tool_connect(run))
        return 1;
    d.json = json_array();
    d.report = report_new("partitions");
    report_columns(d.report, columns);
    int status = dirs_describe(&d);
    report_free(d.report);
    json_decref(d.json);
    mem_free(d.brokers);
    return status;
}

const struct tool tool_log_dirs = {
    .name = "log-dirs",
    .link = "kafka-log-dirs",
    .synopsis = "--bootstrap-server HOST:PORT --describe [--broker-list ID,ID]",
    .summary = "Show what lies in the log directories of the brokers.",
    .options = dirs_options,
    .run = dirs_run,
};

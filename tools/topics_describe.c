/* kafka-topics --describe.
 *
 * Happy path: Metadata names topics and partitions, DescribeConfigs their settings, and
 * DescribeTopicPartitions (where the broker has it) the eligible leader replicas; then one header
 * line a topic and one line a partition are printed. Failure modes: an unknown topic; a broker that
 * lacks one of the two extra requests, whose columns then say N/A or stay empty. */
#include "tools/topics.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/describe_topic_partitions.h"
#include "tools/reassign_ask.h"
#include "tools/report.h"

typedef struct metadata_response_metadata_response_topic describe_topic;
typedef struct metadata_response_metadata_response_partition describe_partition;
typedef struct describe_topic_partitions_response_describe_topic_partitions_response_partition
    describe_elr;
typedef struct describe_configs_response_describe_configs_result describe_settings;
typedef struct describe_configs_response_describe_configs_resource_result describe_setting;

enum { DESCRIBE_RESOURCE_TOPIC = 2, DESCRIBE_SOURCE_DEFAULT = 5 };
enum { DESCRIBE_ARENA_MAX = 64 << 20, DESCRIBE_PAGE = 2000, DESCRIBE_PAGES_MAX = 10000 };

struct describe {
    struct tool_run *run;
    struct topics_found found;
    struct client_answer configs;
    struct map settings; /* topic -> describe_settings */
    struct client_answer *pages;
    int page_count;
    struct map elr;    /* topic, then the partition's 4 bytes -> describe_elr */
    struct plan moves; /* of replicas, that are under way */
    bool filtered;     /* partition lines only */
    bool overrides;    /* header lines only */
    enum report_format format;
    struct report *topics, *partitions;
    int64_t page; /* the most partitions in one answer of DescribeTopicPartitions */
};

/* ---- asking ---- */

/* Whether the broker has the API: old ones and stand-ins lack some, and the rest is still of use.
 */
static bool describe_can_ask(const struct describe *d, int16_t key)
{
    const struct client_conn *conn = client_connection(d->run->client, CLIENT_ANY);
    return conn && client_conn_version(conn, key, INT16_MAX) >= 0;
}

static int describe_ask_configs(struct describe *d)
{
    struct describe_configs_request request;
    struct arena arena;
    if (!describe_can_ask(d, KAFKA_API_DESCRIBE_CONFIGS))
        return 0;
    int version = tool_version(d->run, KAFKA_API_DESCRIBE_CONFIGS);
    if (version < 0)
        return 1;
    arena_init(&arena, DESCRIBE_ARENA_MAX);
    wire_defaults(&describe_configs_request_desc, &request);
    struct describe_configs_request_describe_configs_resource *rows =
        WIRE_ARRAY(&arena, &request.resources, d->found.count,
                   &describe_configs_request_describe_configs_resource_desc);
    for (int i = 0; rows && i < d->found.count; i++) {
        rows[i].resource_type = DESCRIBE_RESOURCE_TOPIC;
        rows[i].resource_name = d->found.topics[i]->name;
        rows[i].configuration_keys.count = -1;
    }
    int status =
        tool_call(d->run, CLIENT_ANY, KAFKA_API_DESCRIBE_CONFIGS, version, &request, &d->configs);
    arena_close(&arena);
    if (status)
        return status;
    const struct describe_configs_response *response = d->configs.response;
    for (int32_t i = 0; i < response->results.count; i++)
        map_put(&d->settings, response->results.items[i].resource_name.data,
                (size_t)response->results.items[i].resource_name.len, &response->results.items[i]);
    return 0;
}

static size_t describe_elr_key(struct wire_str topic, int32_t partition, uint8_t *key)
{
    size_t len = topic.len > 249 ? 249 : (size_t)topic.len; /* Kafka's limit for a topic name */
    memcpy(key, topic.data, len);
    memcpy(key + len, &partition, sizeof(partition));
    return len + sizeof(partition);
}

static void describe_keep_page(struct describe *d,
                               const struct describe_topic_partitions_response *page)
{
    uint8_t key[256];
    for (int32_t i = 0; i < page->topics.count; i++) {
        for (int32_t j = 0; j < page->topics.items[i].partitions.count; j++) {
            describe_elr *elr = &page->topics.items[i].partitions.items[j];
            size_t len = describe_elr_key(page->topics.items[i].name, elr->partition_index, key);
            map_put(&d->elr, key, len, elr);
        }
    }
}

/* One page from the cursor on; 0 with *next the cursor of the next page, or NULL. */
static int describe_ask_page(struct describe *d, struct describe_topic_partitions_request *request,
                             struct describe_topic_partitions_response_cursor **next)
{
    size_t size = (size_t)(d->page_count + 1) * sizeof(*d->pages);
    d->pages = mem_realloc(d->pages, size);
    struct client_answer *answer = &d->pages[d->page_count];
    if (tool_call(d->run, CLIENT_ANY, KAFKA_API_DESCRIBE_TOPIC_PARTITIONS, 0, request, answer))
        return 1;
    d->page_count++;
    const struct describe_topic_partitions_response *page = answer->response;
    describe_keep_page(d, page);
    *next = page->next_cursor;
    return 0;
}

/* The eligible leader replicas, for brokers that know them. */
static int describe_ask_elr(struct describe *d)
{
    struct describe_topic_partitions_request request;
    struct describe_topic_partitions_request_cursor cursor;
    struct describe_topic_partitions_response_cursor *next = NULL;
    struct arena arena;
    if (!describe_can_ask(d, KAFKA_API_DESCRIBE_TOPIC_PARTITIONS))
        return 0;
    arena_init(&arena, DESCRIBE_ARENA_MAX);
    wire_defaults(&describe_topic_partitions_request_desc, &request);
    request.response_partition_limit = (int32_t)d->page;
    struct describe_topic_partitions_request_topic_request *rows =
        WIRE_ARRAY(&arena, &request.topics, d->found.count,
                   &describe_topic_partitions_request_topic_request_desc);
    for (int i = 0; rows && i < d->found.count; i++)
        rows[i].name = d->found.topics[i]->name;
    int status = describe_ask_page(d, &request, &next);
    while (status == 0 && next && d->page_count < DESCRIBE_PAGES_MAX) {
        cursor.topic_name = next->topic_name;
        cursor.partition_index = next->partition_index;
        request.cursor = &cursor;
        status = describe_ask_page(d, &request, &next);
    }
    arena_close(&arena);
    return status;
}

static int describe_ask_moves(struct describe *d)
{
    if (!describe_can_ask(d, KAFKA_API_LIST_PARTITION_REASSIGNMENTS))
        return 0;
    return reassign_ask_moves(d->run, true, &d->moves);
}

static const struct plan_item *describe_move_of(const struct describe *d,
                                                const describe_topic *topic, int32_t partition)
{
    char *name = d->moves.count > 0 ? wire_str_dup(topic->name) : NULL;
    const struct plan_item *move = name ? plan_find(&d->moves, name, partition) : NULL;
    mem_free(name);
    return move;
}

/* How many replicas it has to have: those that a move adds do not count yet, as in Kafka. */
static int32_t describe_factor(const struct describe *d, const describe_topic *topic,
                               const describe_partition *partition)
{
    const struct plan_item *move = describe_move_of(d, topic, partition->partition_index);
    return partition->replica_nodes.count - (move ? move->adding.count : 0);
}

/* ---- printing ---- */

static bool describe_is_override(const describe_setting *row)
{
    return row->config_source != DESCRIBE_SOURCE_DEFAULT;
}

static const describe_settings *describe_settings_of(const struct describe *d,
                                                     const describe_topic *topic)
{
    return map_get(&d->settings, topic->name.data, (size_t)topic->name.len);
}

static bool describe_has_overrides(const describe_settings *settings)
{
    for (int32_t i = 0; settings && i < settings->configs.count; i++)
        if (describe_is_override(&settings->configs.items[i]))
            return true;
    return false;
}

static void describe_put_settings(struct report *report, const describe_settings *settings)
{
    json_t *object = json_object();
    struct buf text;
    buf_init(&text);
    for (int32_t i = 0; settings && i < settings->configs.count; i++) {
        const describe_setting *row = &settings->configs.items[i];
        if (!describe_is_override(row))
            continue;
        buf_printf(&text, "%s%.*s=%.*s", text.len ? "," : "", WIRE_STR_ARGS(row->name),
                   WIRE_STR_ARGS(row->value));
        char *name = wire_str_dup(row->name);
        json_object_set_new(object, name,
                            row->value.len < 0
                                ? json_null()
                                : report_json_text(row->value.data, (size_t)row->value.len));
        mem_free(name);
    }
    report_value(report, object);
    report_as(report, "%s", buf_text(&text));
    buf_close(&text);
}

/* "topicId" is empty in Kafka's text when the broker has no ids, its title included. */
static void describe_put_topic(const struct describe *d, const describe_topic *topic)
{
    char id[UUID_TEXT_LEN + 1];
    report_string(d->topics, topic->name);
    if (uuid_is_zero(&topic->topic_id)) {
        report_none(d->topics);
        report_as(d->topics, "%s", d->format == REPORT_KAFKA ? "" : "-");
    } else {
        uuid_format(&topic->topic_id, id);
        report_text(d->topics, id);
        if (d->format == REPORT_KAFKA)
            report_as(d->topics, "TopicId: %s\t", id);
    }
    report_number(d->topics, topic->partitions.count);
    report_number(d->topics, topic->partitions.count > 0
                                 ? describe_factor(d, topic, &topic->partitions.items[0])
                                 : 0);
    describe_put_settings(d->topics, describe_settings_of(d, topic));
}

/* What a move adds or removes; Kafka's text says nothing of it where there is none. */
static void describe_put_moved(const struct describe *d, const struct plan_ids *ids,
                               const char *title)
{
    struct buf text;
    report_ids(d->partitions, ids ? ids->ids : NULL, ids ? ids->count : 0);
    if (d->format != REPORT_KAFKA)
        return;
    buf_init(&text);
    if (ids) {
        buf_printf(&text, "\t%s Replicas: ", title);
        plan_put_ids(ids, &text);
    }
    report_as(d->partitions, "%s", buf_text(&text));
    buf_close(&text);
}

static void describe_put_partition(const struct describe *d, const describe_topic *topic,
                                   const describe_partition *partition)
{
    uint8_t key[256];
    size_t len = describe_elr_key(topic->name, partition->partition_index, key);
    const describe_elr *elr = map_get(&d->elr, key, len);
    bool known =
        elr && (elr->eligible_leader_replicas.count >= 0 || elr->last_known_elr.count >= 0);
    report_string(d->partitions, topic->name);
    report_number(d->partitions, partition->partition_index);
    report_number_unless(d->partitions, partition->leader_id, -1);
    report_ids(d->partitions, partition->replica_nodes.items, partition->replica_nodes.count);
    report_ids(d->partitions, partition->isr_nodes.items, partition->isr_nodes.count);
    if (known) {
        report_ids(d->partitions, elr->eligible_leader_replicas.items,
                   elr->eligible_leader_replicas.count > 0 ? elr->eligible_leader_replicas.count
                                                           : 0);
        report_ids(d->partitions, elr->last_known_elr.items,
                   elr->last_known_elr.count > 0 ? elr->last_known_elr.count : 0);
    } else {
        report_none(d->partitions);
        report_none(d->partitions);
    }
    const struct plan_item *move = describe_move_of(d, topic, partition->partition_index);
    describe_put_moved(d, move ? &move->adding : NULL, "Adding");
    describe_put_moved(d, move ? &move->removing : NULL, "Removing");
}

/* ---- which partitions ---- */

static bool describe_is_alive(const struct metadata_response *metadata, int32_t id)
{
    for (int32_t i = 0; i < metadata->brokers.count; i++)
        if (metadata->brokers.items[i].node_id == id)
            return true;
    return false;
}

static int32_t describe_min_isr(const struct describe *d, const describe_topic *topic)
{
    const describe_settings *settings = describe_settings_of(d, topic);
    char text[16];
    for (int32_t i = 0; settings && i < settings->configs.count; i++) {
        if (!wire_str_is(settings->configs.items[i].name, "min.insync.replicas"))
            continue;
        snprintf(text, sizeof(text), "%.*s", WIRE_STR_ARGS(settings->configs.items[i].value));
        return (int32_t)strtol(text, NULL, 10);
    }
    return 1;
}

static bool describe_is_wanted(const struct describe *d, const describe_topic *topic,
                               const describe_partition *partition)
{
    const struct options *options = d->run->options;
    int32_t isr = partition->isr_nodes.count;
    if (!d->filtered)
        return true;
    if (options_has(options, "under-replicated-partitions") &&
        isr < describe_factor(d, topic, partition))
        return true;
    if (options_has(options, "unavailable-partitions") &&
        (partition->leader_id < 0 || !describe_is_alive(d->found.metadata, partition->leader_id)))
        return true;
    if (options_has(options, "under-min-isr-partitions") &&
        (partition->leader_id < 0 || isr < describe_min_isr(d, topic)))
        return true; /* nothing can be written to a partition without a leader, either */
    return options_has(options, "at-min-isr-partitions") && isr == describe_min_isr(d, topic);
}

static int describe_compare(const void *a, const void *b)
{
    const describe_partition *x = a, *y = b;
    return (x->partition_index > y->partition_index) - (x->partition_index < y->partition_index);
}

static void describe_take_topic(const struct describe *d, const describe_topic *topic)
{
    if (d->overrides && !describe_has_overrides(describe_settings_of(d, topic)))
        return;
    if (!d->filtered)
        describe_put_topic(d, topic);
    if (d->overrides)
        return;
    if (topic->partitions.count > 0)
        qsort(topic->partitions.items, (size_t)topic->partitions.count, sizeof(describe_partition),
              describe_compare);
    for (int32_t i = 0; i < topic->partitions.count; i++)
        if (describe_is_wanted(d, topic, &topic->partitions.items[i]))
            describe_put_partition(d, topic, &topic->partitions.items[i]);
}

/* Kafka's text has each topic's partitions behind it. */
static void describe_print_topic(const struct describe *d)
{
    report_print(d->topics, REPORT_KAFKA, stdout);
    report_print(d->partitions, REPORT_KAFKA, stdout);
    report_clear(d->topics);
    report_clear(d->partitions);
}

static void describe_print_all(const struct describe *d)
{
    const struct report *both[] = {d->topics, d->partitions};
    size_t first = d->filtered ? 1 : 0;
    report_print_all(both + first, d->overrides ? 1 : 2 - first, d->format, stdout);
}

static void describe_make_reports(struct describe *d)
{
    static const struct report_column topics[] = {
        {.name = "topic"},          {.name = "topicId"},
        {.name = "partitionCount"}, {.name = "replicationFactor"},
        {.name = "configs"},        REPORT_END};
    static const struct report_column partitions[] = {{.name = "topic"},
                                                      {.name = "partition"},
                                                      {.name = "leader", .none = "none"},
                                                      {.name = "replicas"},
                                                      {.name = "isr"},
                                                      {.name = "elr", .none = "N/A"},
                                                      {.name = "lastKnownElr", .none = "N/A"},
                                                      {.name = "adding"},
                                                      {.name = "removing"},
                                                      REPORT_END};
    d->topics = report_new("topics");
    report_columns(d->topics, topics);
    report_lines(d->topics, "Topic: {topic}\t{topicId}PartitionCount: {partitionCount}\t"
                            "ReplicationFactor: {replicationFactor}\tConfigs: {configs}");
    d->partitions = report_new("partitions");
    report_columns(d->partitions, partitions);
    report_lines(d->partitions,
                 "\tTopic: {topic}\tPartition: {partition}\tLeader: {leader}\tReplicas: {replicas}"
                 "\tIsr: {isr}{adding}{removing}\tElr: {elr}\tLastKnownElr: {lastKnownElr}");
}

/* 0, or 1 with the message printed. */
static int describe_check(struct describe *d)
{
    const struct options *options = d->run->options;
    if (tool_number(d->run, "partition-size-limit-per-response", 1, INT32_MAX, DESCRIBE_PAGE,
                    &d->page))
        return 1;
    if (d->overrides && d->filtered)
        return tool_misuse(d->run, "--topics-with-overrides shows topics, the other filters show "
                                   "partitions: give it alone");
    if (options_has(options, "if-exists") && !options_has(options, "topic") &&
        !options_has(options, "topic-id"))
        return tool_misuse(d->run, "--if-exists needs --topic or --topic-id");
    return 0;
}

static int describe_run(struct describe *d)
{
    const struct options *options = d->run->options;
    bool named = options_has(options, "topic") || options_has(options, "topic-id");
    if (d->found.count == 0 && named && topics_missing(d->run))
        return 1;
    if (d->found.count > 0 && (describe_ask_configs(d) || describe_ask_moves(d) ||
                               (!d->overrides && describe_ask_elr(d))))
        return 1;
    report_show(d->partitions, "adding", d->moves.count > 0);
    report_show(d->partitions, "removing", d->moves.count > 0);
    for (int i = 0; i < d->found.count; i++) {
        describe_take_topic(d, d->found.topics[i]);
        if (d->format == REPORT_KAFKA)
            describe_print_topic(d);
    }
    if (d->format != REPORT_KAFKA)
        describe_print_all(d);
    return 0;
}

static void describe_read_filters(struct describe *d)
{
    const struct options *options = d->run->options;
    d->overrides = options_has(options, "topics-with-overrides");
    d->filtered = options_has(options, "under-replicated-partitions") ||
                  options_has(options, "unavailable-partitions") ||
                  options_has(options, "under-min-isr-partitions") ||
                  options_has(options, "at-min-isr-partitions");
}

int topics_describe(struct tool_run *run)
{
    struct describe d = {.run = run, .format = report_format(run)};
    map_init(&d.settings);
    map_init(&d.elr);
    describe_read_filters(&d);
    describe_make_reports(&d);
    int status = describe_check(&d);
    if (status == 0)
        status = topics_find(run, &d.found);
    if (status == 0)
        status = describe_run(&d);
    for (int i = 0; i < d.page_count; i++)
        client_answer_free(&d.pages[i]);
    mem_free(d.pages);
    plan_free(&d.moves);
    report_free(d.topics);
    report_free(d.partitions);
    map_close(&d.settings);
    map_close(&d.elr);
    client_answer_free(&d.configs);
    topics_found_free(&d.found);
    return status;
}

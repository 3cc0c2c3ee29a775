/* kafka-get-offsets: the offsets of partitions at a time.
 *
 * Happy path: Metadata gives the partitions and their leaders, one ListOffsets request a leader and
 * topic gives the offsets; they are printed as topic:partition:offset, sorted as text. Failure
 * modes: a leader that is just taking office, or that has moved, is looked up and asked again for a
 * while; a partition without a leader or with another error is told on stderr and left out; when
 * that leaves nothing to print, the status is 1. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/metadata.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row offsets_options[] = {
    TOOL_CONNECT_OPTIONS,
    OPTION_SAME("broker-list", "HOST:PORT,...", "bootstrap-server"),
    OPTION("topic", "REGEX", "The topics; all when left out."),
    OPTION("partitions", "N,N", "Only these partitions."),
    OPTION("topic-partitions", "P,P", "REGEX:N, REGEX:N-M (without M), :N- and the like."),
    OPTION_WORDS(
        "time", "T",
        "latest|earliest|max-timestamp|earliest-local|latest-tiered|earliest-pending-upload",
        "ms since 1970, latest (-1, default), earliest (-2), max-timestamp (-3), earliest-local "
        "(-4); of tiered storage, which is not here, so nothing is shown: latest-tiered (-5), "
        "earliest-pending-upload (-6)."),
    OPTION("exclude-internal-topics", NULL, "Without internal topics."),
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

typedef struct metadata_response_metadata_response_topic offsets_topic;

/* A rule of --topic-partitions, or the one that --topic and --partitions make. */
struct offsets_rule {
    struct tool_pattern *topics; /* NULL = all */
    int64_t first, last;         /* partitions, both included */
};

/* An offset that was found. */
struct offsets_line {
    char *text; /* as Kafka's tool prints it, which is also what it sorts by */
    char *topic;
    int32_t partition;
    int64_t offset;
};

/* One that was not. */
struct offsets_miss {
    char *topic;
    int32_t partition;
    int err;
};

/* Rounds of requests, and the pause between them: half a minute for leaders that open their logs,
 * and a few seconds for partitions that have none, which may be so for good. */
enum {
    OFFSETS_RULES_MAX = 256,
    OFFSETS_TRIES = 300,
    OFFSETS_TRIES_LEADERLESS = 50,
    OFFSETS_WAIT_MS = 100
};

struct offsets {
    struct tool_run *run;
    struct offsets_rule rules[OFFSETS_RULES_MAX];
    int rule_count;
    int64_t time;
    struct offsets_line *lines;
    size_t line_count;
    struct offsets_miss *misses;
    size_t miss_count;
    bool any; /* a partition is wanted */
    int status;
};

/* ---- options ---- */

/* Words for times. */
static const struct {
    const char *word;
    int64_t time;
} offsets_times[] = {
    {"latest", -1},         {"earliest", -2},      {"max-timestamp", -3},
    {"earliest-local", -4}, {"latest-tiered", -5}, {"earliest-pending-upload", -6},
};

static int offsets_read_time(struct offsets *o)
{
    const char *text = options_get(o->run->options, "time");
    char *end;
    o->time = -1;
    if (!text)
        return 0;
    o->time = strtoll(text, &end, 10);
    if (end != text && *end == '\0' && o->time >= offsets_times[ARRAY_LEN(offsets_times) - 1].time)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(offsets_times); i++) {
        if (strcmp(offsets_times[i].word, text) == 0) {
            o->time = offsets_times[i].time;
            return 0;
        }
    }
    return tool_misuse(o->run,
                       "--time %s: write ms since 1970, or latest, earliest, max-timestamp, "
                       "earliest-local, latest-tiered or earliest-pending-upload",
                       text);
}

static int offsets_add_rule(struct offsets *o, const char *topics, int64_t first, int64_t last)
{
    if (o->rule_count == OFFSETS_RULES_MAX)
        return tool_misuse(o->run, "more than %d rules: write fewer", OFFSETS_RULES_MAX);
    struct offsets_rule rule = {.first = first, .last = last};
    if (topics && topics[0] != '\0') {
        rule.topics = tool_pattern_new(o->run, topics);
        if (!rule.topics)
            return 1;
    }
    o->rules[o->rule_count++] = rule;
    return 0;
}

/* "N", "N-M", "N-", "-M", "" -> first and last; M is not included. */
static bool offsets_parse_range(const char *text, int64_t *first, int64_t *last)
{
    char *end;
    const char *dash = strchr(text, '-');
    *first = 0;
    *last = INT32_MAX;
    if (text[0] == '\0')
        return true;
    if (dash != text) {
        *first = strtoll(text, &end, 10);
        if (end == text || (*end != '\0' && end != dash))
            return false;
        if (!dash)
            *last = *first;
    }
    if (!dash || dash[1] == '\0')
        return true;
    *last = strtoll(dash + 1, &end, 10) - 1;
    return end != dash + 1 && *end == '\0';
}

static int offsets_add_topic_partitions(struct offsets *o, const char *text)
{
    int status = 0;
    while (*text && status == 0) {
        size_t len = strcspn(text, ",");
        char *rule = mem_strndup(text, len);
        char *colon = strrchr(rule, ':');
        int64_t first = 0, last = INT32_MAX;
        bool range_only = !colon && rule[0] == '-';
        const char *range = range_only ? rule : colon ? colon + 1 : "";
        if (colon)
            *colon = '\0';
        if (!offsets_parse_range(range, &first, &last))
            status = tool_misuse(o->run, "--topic-partitions %.*s: write REGEX:N or REGEX:N-M",
                                 (int)len, text);
        else
            status = offsets_add_rule(o, range_only ? "" : rule, first, last);
        mem_free(rule);
        text += len + (text[len] == ',');
    }
    return status;
}

static int offsets_add_partitions(struct offsets *o, const char *topic, const char *text)
{
    for (const char *at = text; *at;) {
        char *end;
        long partition = strtol(at, &end, 10);
        if (end == at || (*end != ',' && *end != '\0') || partition < 0)
            return tool_misuse(o->run, "--partitions %s: write numbers with commas between", text);
        if (offsets_add_rule(o, topic, partition, partition))
            return 1;
        at = end + (*end == ',');
    }
    return 0;
}

static int offsets_read_rules(struct offsets *o)
{
    const char *topic = options_get(o->run->options, "topic");
    const char *partitions = options_get(o->run->options, "partitions");
    const char *rules = options_get(o->run->options, "topic-partitions");
    if (rules && (topic || partitions))
        return tool_misuse(o->run,
                           "--topic-partitions says it all: leave --topic and --partitions out");
    if (rules)
        return offsets_add_topic_partitions(o, rules);
    if (partitions)
        return offsets_add_partitions(o, topic, partitions);
    return offsets_add_rule(o, topic, 0, INT32_MAX);
}

/* ---- asking ---- */

static bool offsets_is_wanted(const struct offsets *o, const char *topic, int32_t partition)
{
    for (int i = 0; i < o->rule_count; i++) {
        const struct offsets_rule *rule = &o->rules[i];
        if (partition >= rule->first && partition <= rule->last &&
            (!rule->topics || tool_pattern_matches(rule->topics, topic)))
            return true;
    }
    return false;
}

static void offsets_miss(struct offsets *o, const char *topic, int32_t partition, int err)
{
    ASSERT(err < 0);
    o->misses = mem_realloc(o->misses, (o->miss_count + 1) * sizeof(*o->misses));
    o->misses[o->miss_count++] =
        (struct offsets_miss){.topic = mem_strdup(topic), .partition = partition, .err = err};
}

static void offsets_keep(struct offsets *o, const char *topic,
                         const struct list_offsets_response_list_offsets_partition_response *row)
{
    if (row->error_code) {
        offsets_miss(o, topic, row->partition_index, err_from_wire(row->error_code));
        return;
    }
    int64_t offset =
        row->old_style_offsets.count > 0 ? row->old_style_offsets.items[0] : row->offset;
    if (offset < 0)
        return; /* nothing at that time */
    o->lines = mem_realloc(o->lines, (o->line_count + 1) * sizeof(*o->lines));
    o->lines[o->line_count++] = (struct offsets_line){
        .text = mem_printf("%s:%d:%lld", topic, row->partition_index, (long long)offset),
        .topic = mem_strdup(topic),
        .partition = row->partition_index,
        .offset = offset};
}

/* The partitions of `topic` that `leader` leads. */
static void offsets_ask(struct offsets *o, const char *topic, int32_t leader,
                        struct list_offsets_request_list_offsets_partition *rows, int32_t count)
{
    struct list_offsets_request request;
    struct list_offsets_request_list_offsets_topic row;
    struct client_answer answer = {0};
    int version = client_version(o->run->client, leader, KAFKA_API_LIST_OFFSETS, INT16_MAX);
    wire_defaults(&list_offsets_request_desc, &request);
    wire_defaults(&list_offsets_request_list_offsets_topic_desc, &row);
    request.replica_id = -1;
    row.name = wire_str_from(topic);
    row.partitions.items = rows;
    row.partitions.count = count;
    request.topics.items = &row;
    request.topics.count = 1;
    if (version < 0 || client_call(o->run->client, leader, KAFKA_API_LIST_OFFSETS, (int16_t)version,
                                   &request, &answer)) {
        o->status = tool_fail_client(o->run);
        return;
    }
    const struct list_offsets_response *response = answer.response;
    for (int32_t i = 0; i < response->topics.count; i++)
        for (int32_t j = 0; j < response->topics.items[i].partitions.count; j++)
            offsets_keep(o, topic, &response->topics.items[i].partitions.items[j]);
    client_answer_free(&answer);
}

static void offsets_ask_topic(struct offsets *o, const offsets_topic *topic, const char *name,
                              const struct metadata_response *metadata)
{
    int32_t partitions = topic->partitions.count;
    for (int32_t i = 0; i < partitions && !o->any; i++)
        o->any = offsets_is_wanted(o, name, topic->partitions.items[i].partition_index);
    struct list_offsets_request_list_offsets_partition *rows =
        mem_alloc(((size_t)partitions + 1) * sizeof(*rows));
    for (int32_t b = 0; b < metadata->brokers.count; b++) {
        int32_t leader = metadata->brokers.items[b].node_id;
        int32_t count = 0;
        for (int32_t i = 0; i < partitions; i++) {
            int32_t index = topic->partitions.items[i].partition_index;
            if (topic->partitions.items[i].leader_id != leader ||
                !offsets_is_wanted(o, name, index))
                continue;
            wire_defaults(&list_offsets_request_list_offsets_partition_desc, &rows[count]);
            rows[count].partition_index = index;
            rows[count++].timestamp = o->time;
        }
        if (count > 0)
            offsets_ask(o, name, leader, rows, count);
    }
    for (int32_t i = 0; i < partitions; i++)
        if (topic->partitions.items[i].leader_id < 0 &&
            offsets_is_wanted(o, name, topic->partitions.items[i].partition_index))
            offsets_miss(o, name, topic->partitions.items[i].partition_index,
                         ERR_LEADER_NOT_AVAILABLE);
    mem_free(rows);
}

/* Forgets what a round has found. */
static void offsets_clear(struct offsets *o)
{
    for (size_t i = 0; i < o->line_count; i++) {
        mem_free(o->lines[i].text);
        mem_free(o->lines[i].topic);
    }
    for (size_t i = 0; i < o->miss_count; i++)
        mem_free(o->misses[i].topic);
    o->line_count = 0;
    o->miss_count = 0;
}

static int offsets_compare(const void *a, const void *b)
{
    const struct offsets_line *x = a, *y = b;
    return strcmp(x->text, y->text);
}

static void offsets_print(const struct offsets *o)
{
    static const struct report_column columns[] = {
        {.name = "topic"}, {.name = "partition"}, {.name = "offset"}, REPORT_END};
    struct report *report = report_new("offsets");
    report_columns(report, columns);
    report_lines(report, "{topic}:{partition}:{offset}");
    for (size_t i = 0; i < o->line_count; i++) {
        report_text(report, o->lines[i].topic);
        report_number(report, o->lines[i].partition);
        report_number(report, o->lines[i].offset);
    }
    report_print(report, report_format(o->run), stdout);
    report_free(report);
}

/* Whether so many rounds are too few for a partition that was missed. */
static bool offsets_go_on(const struct offsets *o, int tries)
{
    for (size_t i = 0; i < o->miss_count; i++) {
        int err = o->misses[i].err;
        if ((err == ERR_NOT_LEADER_OR_FOLLOWER && tries < OFFSETS_TRIES) ||
            (err == ERR_LEADER_NOT_AVAILABLE && tries < OFFSETS_TRIES_LEADERLESS))
            return true;
    }
    return false;
}

/* All that is wanted, from leaders that are looked up anew. */
static int offsets_round(struct offsets *o)
{
    struct client_answer answer = {0};
    bool exclude = options_has(o->run->options, "exclude-internal-topics");
    if (tool_metadata(o->run, &answer))
        return 1;
    const struct metadata_response *metadata = answer.response;
    for (int32_t i = 0; i < metadata->topics.count && o->status == 0; i++) {
        char *name = wire_str_dup(metadata->topics.items[i].name);
        bool internal =
            metadata->topics.items[i].is_internal || (name && strncmp(name, "__", 2) == 0);
        if (name && !(exclude && internal))
            offsets_ask_topic(o, &metadata->topics.items[i], name, metadata);
        mem_free(name);
    }
    client_answer_free(&answer);
    return 0;
}

static int offsets_ask_all(struct offsets *o)
{
    for (int tries = 1;; tries++) {
        if (offsets_round(o))
            return 1;
        if (o->status != 0 || !offsets_go_on(o, tries))
            break;
        offsets_clear(o);
        client_wait(o->run->client, OFFSETS_WAIT_MS);
    }
    for (size_t i = 0; i < o->miss_count; i++)
        tool_fail(o->run, "%s-%d is left out: %s", o->misses[i].topic, o->misses[i].partition,
                  err_text(o->misses[i].err));
    if (!o->any)
        return tool_fail(o->run, "no topic and partition is as the options say: see kafka-topics "
                                 "--list");
    if (o->line_count > 0)
        qsort(o->lines, o->line_count, sizeof(*o->lines), offsets_compare);
    offsets_print(o);
    /* A time after the last record is an answer, too: nothing is there, as Kafka's tool has it. */
    return o->line_count == 0 && o->miss_count > 0 ? 1 : o->status;
}

static int offsets_run(struct tool_run *run)
{
    struct offsets *o = mem_alloc(sizeof(*o));
    o->run = run;
    int status = offsets_read_time(o);
    if (status == 0)
        status = offsets_read_rules(o);
    if (status == 0)
        status = tool_connect(run);
    if (status == 0)
        status = offsets_ask_all(o);
    for (int i = 0; i < o->rule_count; i++)
        tool_pattern_free(o->rules[i].topics);
    offsets_clear(o);
    mem_free(o->lines);
    mem_free(o->misses);
    mem_free(o);
    return status;
}

const struct tool tool_get_offsets = {
    .name = "get-offsets",
    .link = "kafka-get-offsets",
    .synopsis = "--bootstrap-server HOST:PORT [--topic REGEX] [--time T]",
    .summary = "Show the offsets of partitions at a time.",
    .options = offsets_options,
    .run = offsets_run,
};

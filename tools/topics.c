/* kafka-topics: create, list, describe, alter and delete topics.
 *
 * Happy path: exactly one action; the topics that --topic selects (a regular expression, except for
 * create) are found by Metadata, and one request does the work. Failure modes: what the options get
 * wrong, on stderr; what the cluster refuses, one line on stdout; status 1 for both. */
#include "tools/topics.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "tools/report.h"
#include "tools/topic_deletion.h"

enum { TOPICS_TIMEOUT_MS = 60000 };
/* What one request may hold: a topic of 100,000 partitions with its assignment, by far. */
enum { TOPICS_ARENA_MAX = 64 << 20 };
enum { TOPICS_PARTITIONS_MAX = 1000000, TOPICS_REPLICAS_MAX = 32767 };

static const struct option_row topics_options[] = {
    OPTION("create", NULL, "Create a topic."),
    OPTION("list", NULL, "List the names of the topics."),
    OPTION("describe", NULL, "Show topics with their partitions."),
    OPTION("alter", NULL, "Add partitions to a topic."),
    OPTION("delete", NULL, "Delete topics."),
    TOOL_CONNECT_OPTIONS,
    OPTION("topic", "NAME", "The topic; a regular expression, except with --create."),
    OPTION_WITH("describe", "topic-id", "ID", "With --describe: the topic by its id."),
    OPTION_WITH("create|alter", "partitions", "N",
                "How many partitions (--create, --alter); they can only grow."),
    OPTION_WITH("create", "replication-factor", "N",
                "With --create: how many replicas each partition has."),
    OPTION_WITH("create|alter", "replica-assignment", "A",
                "Brokers of each partition: 1:2:3,2:3:1 is two partitions."),
    OPTION_MANY_WITH("create|alter", "config", "NAME=VALUE",
                     "With --create: a setting of the topic; may be repeated."),
    {.name = "delete-config", .value = "NAME", .many = true},
    OPTION_WITH("create", "if-not-exists", NULL,
                "With --create: no error when the topic is there already."),
    OPTION_WITH("alter|delete|describe", "if-exists", NULL,
                "With --alter, --delete, --describe: no error when it is absent."),
    OPTION_WITH("list|describe", "exclude-internal", NULL,
                "With --list, --describe: without internal topics."),
    OPTION_WITH("describe", "under-replicated-partitions", NULL,
                "With --describe: only partitions with fewer in-sync replicas than replicas."),
    OPTION_WITH("describe", "unavailable-partitions", NULL,
                "With --describe: only partitions without a leader."),
    OPTION_WITH("describe", "under-min-isr-partitions", NULL,
                "With --describe: only partitions with fewer in-sync replicas than "
                "min.insync.replicas, or without a leader."),
    OPTION_WITH("describe", "at-min-isr-partitions", NULL,
                "With --describe: only partitions with exactly min.insync.replicas in sync."),
    OPTION_WITH("describe", "topics-with-overrides", NULL,
                "With --describe: only topics that have settings of their own."),
    OPTION_WITH("describe", "partition-size-limit-per-response", "N",
                "With --describe: the most partitions in one answer of the broker (2000)."),
    REPORT_OPTION_WITH("list|describe"),
    OPTION_OLD("disable-rack-aware", NULL),
    OPTION_OLD("force", NULL),
    TOOL_LAST_OPTIONS,
};

/* Where a failure is told: not in between data that a program reads. */
static FILE *topics_failures(const struct tool_run *run)
{
    return report_format(run) == REPORT_KAFKA ? stdout : stderr;
}

int topics_fail(const struct tool_run *run, int16_t code, struct wire_str message)
{
    struct buf text;
    buf_init(&text);
    fprintf(topics_failures(run), "Error while executing topic command : %s\n",
            tool_error_text(code, message, &text));
    buf_close(&text);
    return 1;
}

int topics_missing(struct tool_run *run)
{
    if (options_has(run->options, "if-exists"))
        return 0;
    const char *id = options_get(run->options, "topic-id");
    fprintf(topics_failures(run),
            "Error while executing topic command : %s '%s' does not exist as expected\n",
            id ? "TopicId" : "Topic", id ? id : options_get(run->options, "topic"));
    return 1;
}

/* ---- finding ---- */

static int topics_compare(const void *a, const void *b)
{
    const struct metadata_response_metadata_response_topic *const *x = a, *const *y = b;
    int32_t x_len = (*x)->name.len, y_len = (*y)->name.len;
    int order = memcmp((*x)->name.data, (*y)->name.data, (size_t)(x_len < y_len ? x_len : y_len));
    return order ? order : (x_len > y_len) - (x_len < y_len);
}

static bool topics_is_internal(const struct metadata_response_metadata_response_topic *topic)
{
    return topic->is_internal || (topic->name.len > 2 && memcmp(topic->name.data, "__", 2) == 0);
}

static bool topics_is_selected(struct tool_run *run, const struct tool_pattern *pattern,
                               const struct metadata_response_metadata_response_topic *topic)
{
    int err = err_from_wire(topic->error_code);
    if (err == ERR_UNKNOWN_TOPIC_OR_PARTITION || err == ERR_UNKNOWN_TOPIC_ID ||
        err == ERR_INVALID_TOPIC_EXCEPTION || topic->name.len <= 0)
        return false;
    if (options_has(run->options, "exclude-internal") && topics_is_internal(topic))
        return false;
    if (!pattern)
        return true;
    char *name = wire_str_dup(topic->name);
    bool matches = tool_pattern_matches(pattern, name);
    mem_free(name);
    return matches;
}

/* Asks for one topic when --topic-id or a plain --topic names it, else for all. */
static int topics_ask(struct tool_run *run, struct client_answer *answer)
{
    struct metadata_request_metadata_request_topic topic;
    struct metadata_request request;
    const char *name = options_get(run->options, "topic");
    const char *id = options_get(run->options, "topic-id");
    int version = tool_version(run, KAFKA_API_METADATA);
    if (version < 0)
        return 1;
    wire_defaults(&metadata_request_desc, &request);
    wire_defaults(&metadata_request_metadata_request_topic_desc, &topic);
    request.allow_auto_topic_creation = version < 4;
    request.topics.items = &topic;
    request.topics.count = 1;
    if (id && (version < 12 || uuid_parse(id, &topic.topic_id)))
        return tool_fail(run, "--topic-id %s: %s", id,
                         version < 12 ? "the broker is too old to look up ids: use --topic"
                                      : "an id has 22 characters, as --describe shows it");
    topic.name = id ? WIRE_STR_NULL : wire_str_from(name);
    if (!id && (!name || !tool_is_plain_name(name)))
        request.topics.count = version == 0 ? 0 : -1;
    return tool_call(run, CLIENT_ANY, KAFKA_API_METADATA, version, &request, answer);
}

int topics_find(struct tool_run *run, struct topics_found *found)
{
    const char *name = options_get(run->options, "topic");
    struct tool_pattern *pattern = NULL;
    *found = (struct topics_found){0};
    bool by_id = options_has(run->options, "topic-id");
    if (name && !by_id && !tool_is_plain_name(name)) {
        pattern = tool_pattern_new(run, name);
        if (!pattern)
            return 1;
    }
    int status = topics_ask(run, &found->answer);
    if (status == 0) {
        const struct metadata_response *metadata = found->answer.response;
        found->metadata = metadata;
        found->topics = mem_alloc(((size_t)metadata->topics.count + 1) * sizeof(*found->topics));
        for (int32_t i = 0; i < metadata->topics.count; i++)
            if (topics_is_selected(run, pattern, &metadata->topics.items[i]))
                found->topics[found->count++] = &metadata->topics.items[i];
        qsort(found->topics, (size_t)found->count, sizeof(*found->topics), topics_compare);
    }
    tool_pattern_free(pattern);
    return status;
}

void topics_found_free(struct topics_found *found)
{
    mem_free(found->topics);
    client_answer_free(&found->answer);
}

static int topics_list(struct tool_run *run)
{
    static const struct report_column columns[] = {{.name = "topic"}, REPORT_END};
    struct report *report = report_new("topics");
    struct topics_found found;
    int status = topics_find(run, &found);
    report_columns(report, columns);
    report_lines(report, "{topic}");
    for (int i = 0; i < found.count; i++)
        report_string(report, found.topics[i]->name);
    if (status == 0)
        report_print(report, report_format(run), stdout);
    report_free(report);
    topics_found_free(&found);
    return status;
}

/* ---- assignments ---- */

/* "1:2:3" -> broker ids in the arena; false when it is no such list. */
static bool topics_parse_brokers(struct arena *arena, const char *text, size_t len, int32_t **ids,
                                 int32_t *count)
{
    char *copy = arena_strndup(arena, text, len);
    *ids = arena_alloc_array(arena, len / 2 + 1, sizeof(**ids));
    *count = 0;
    if (!copy || !*ids)
        return false;
    for (char *at = copy;;) {
        char *end;
        long id = strtol(at, &end, 10);
        if (end == at || id < 0 || id > INT32_MAX || (*end != ':' && *end != '\0'))
            return false;
        for (int32_t i = 0; i < *count; i++)
            if ((*ids)[i] == (int32_t)id)
                return false;
        (*ids)[(*count)++] = (int32_t)id;
        if (*end == '\0')
            return true;
        at = end + 1;
    }
}

struct topics_assignment {
    int32_t count; /* partitions */
    int32_t replicas;
    int32_t **ids;
};

/* 0, or 1 with the message printed. */
static int topics_parse_assignment(struct tool_run *run, struct arena *arena,
                                   struct topics_assignment *out)
{
    const char *text = options_get(run->options, "replica-assignment");
    out->ids = arena_alloc_array(arena, strlen(text) / 2 + 1, sizeof(*out->ids));
    for (const char *at = text; out->ids && *at;) {
        size_t len = strcspn(at, ",");
        int32_t count;
        bool right = topics_parse_brokers(arena, at, len, &out->ids[out->count], &count);
        if (!right || (out->count > 0 && count != out->replicas))
            return tool_misuse(run,
                               "--replica-assignment %s: write the brokers of each partition as "
                               "1:2:3,2:3:1, as many for each, none twice",
                               text);
        out->replicas = count;
        out->count++;
        at += len + (at[len] == ',');
    }
    return out->count > 0 ? 0 : tool_misuse(run, "--replica-assignment is empty");
}

/* ---- create ---- */

static bool topics_create_moved(const void *response)
{
    const struct create_topics_response *created = response;
    for (int32_t i = 0; i < created->topics.count; i++)
        if (err_from_wire(created->topics.items[i].error_code) == ERR_NOT_CONTROLLER)
            return true;
    return false;
}

/* Partitions and replicas: counts, or an assignment. */
static int topics_fill_layout(struct tool_run *run, struct arena *arena, int version,
                              struct create_topics_request_creatable_topic *topic)
{
    int64_t partitions, replicas;
    int64_t unset = version >= 4 ? -1 : 1; /* -1: the cluster's default */
    if (tool_number(run, "partitions", 1, TOPICS_PARTITIONS_MAX, unset, &partitions) ||
        tool_number(run, "replication-factor", 1, TOPICS_REPLICAS_MAX, unset, &replicas))
        return 1;
    topic->num_partitions = (int32_t)partitions;
    topic->replication_factor = (int16_t)replicas;
    if (!options_has(run->options, "replica-assignment"))
        return 0;
    struct topics_assignment assignment = {0};
    if (options_has(run->options, "partitions") || options_has(run->options, "replication-factor"))
        return tool_misuse(run, "--replica-assignment says it all: leave --partitions and "
                                "--replication-factor out");
    if (topics_parse_assignment(run, arena, &assignment))
        return 1;
    topic->num_partitions = -1;
    topic->replication_factor = -1;
    struct create_topics_request_creatable_replica_assignment *rows =
        WIRE_ARRAY(arena, &topic->assignments, assignment.count,
                   &create_topics_request_creatable_replica_assignment_desc);
    for (int32_t i = 0; rows && i < assignment.count; i++) {
        rows[i].partition_index = i;
        rows[i].broker_ids.items = assignment.ids[i];
        rows[i].broker_ids.count = assignment.replicas;
    }
    return rows ? 0 : tool_fail(run, "--replica-assignment is too long");
}

static int topics_fill_configs(struct tool_run *run, struct arena *arena,
                               struct create_topics_request_creatable_topic *topic)
{
    size_t cursor = 0;
    int32_t count = 0;
    const char *text;
    while (options_next(run->options, "config", &cursor))
        count++;
    struct create_topics_request_creatable_topic_config *rows = WIRE_ARRAY(
        arena, &topic->configs, count, &create_topics_request_creatable_topic_config_desc);
    cursor = 0;
    for (int32_t i = 0; rows && (text = options_next(run->options, "config", &cursor)); i++) {
        const char *equals = strchr(text, '=');
        if (!equals || equals == text)
            return tool_misuse(run, "--config %s: write it as --config name=value", text);
        rows[i].name = wire_str_of(text, (size_t)(equals - text));
        rows[i].value = wire_str_from(equals + 1);
    }
    return 0;
}

static int topics_report_created(struct tool_run *run, const struct create_topics_response *created)
{
    const char *name = options_get(run->options, "topic");
    if (created->topics.count != 1)
        return tool_fail(run, "the broker answered for %d topics instead of one",
                         created->topics.count);
    const struct create_topics_response_creatable_topic_result *result = created->topics.items;
    int err = err_from_wire(result->error_code);
    if (err == ERR_TOPIC_ALREADY_EXISTS && options_has(run->options, "if-not-exists"))
        return 0;
    if (err)
        return topics_fail(run, result->error_code, result->error_message);
    printf("Created topic %s.\n", name);
    return 0;
}

static int topics_send_create(struct tool_run *run, struct arena *arena)
{
    struct create_topics_request_creatable_topic topic;
    struct create_topics_request request;
    struct client_answer answer = {0};
    int version = tool_version(run, KAFKA_API_CREATE_TOPICS);
    if (version < 0)
        return 1;
    wire_defaults(&create_topics_request_desc, &request);
    wire_defaults(&create_topics_request_creatable_topic_desc, &topic);
    topic.name = wire_str_from(options_get(run->options, "topic"));
    if (topics_fill_layout(run, arena, version, &topic) || topics_fill_configs(run, arena, &topic))
        return 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    request.timeout_ms = TOPICS_TIMEOUT_MS;
    int status = tool_call_controller(run, KAFKA_API_CREATE_TOPICS, version, &request,
                                      topics_create_moved, &answer);
    if (status == 0)
        status = topics_report_created(run, answer.response);
    client_answer_free(&answer);
    return status;
}

static int topics_create(struct tool_run *run)
{
    struct arena arena;
    if (strpbrk(options_get(run->options, "topic"), "._"))
        printf("WARNING: names of topics with a period ('.') or an underscore ('_') can collide in "
               "the names of metrics: use one of the two, not both.\n");
    arena_init(&arena, TOPICS_ARENA_MAX);
    int status = topics_send_create(run, &arena);
    arena_close(&arena);
    return status;
}

/* ---- alter ---- */

static bool topics_alter_moved(const void *response)
{
    const struct create_partitions_response *altered = response;
    for (int32_t i = 0; i < altered->results.count; i++)
        if (err_from_wire(altered->results.items[i].error_code) == ERR_NOT_CONTROLLER)
            return true;
    return false;
}

/* The replicas of the partitions to be added: the assignment names those that exist, too. */
static int topics_fill_added(struct tool_run *run, struct arena *arena,
                             const struct metadata_response_metadata_response_topic *topic,
                             struct create_partitions_request_create_partitions_topic *row)
{
    struct topics_assignment assignment = {0};
    if (!options_has(run->options, "replica-assignment")) {
        row->assignments.count = -1;
        return 0;
    }
    if (topics_parse_assignment(run, arena, &assignment))
        return 1;
    int32_t first = topic->partitions.count;
    if (assignment.count != row->count || first >= row->count)
        return tool_misuse(run,
                           "--replica-assignment names %d %s of the %d that are wanted: name all, "
                           "those that exist too",
                           assignment.count, plural(assignment.count, "partition", "partitions"),
                           row->count);
    struct create_partitions_request_create_partitions_assignment *rows =
        WIRE_ARRAY(arena, &row->assignments, row->count - first,
                   &create_partitions_request_create_partitions_assignment_desc);
    for (int32_t i = first; rows && i < row->count; i++) {
        rows[i - first].broker_ids.items = assignment.ids[i];
        rows[i - first].broker_ids.count = assignment.replicas;
    }
    return rows ? 0 : tool_fail(run, "--replica-assignment is too long");
}

static int topics_send_alter(struct tool_run *run, struct arena *arena,
                             const struct topics_found *found, int32_t partitions)
{
    struct create_partitions_request request;
    struct client_answer answer = {0};
    int version = tool_version(run, KAFKA_API_CREATE_PARTITIONS);
    if (version < 0)
        return 1;
    wire_defaults(&create_partitions_request_desc, &request);
    request.timeout_ms = TOPICS_TIMEOUT_MS;
    struct create_partitions_request_create_partitions_topic *rows =
        WIRE_ARRAY(arena, &request.topics, found->count,
                   &create_partitions_request_create_partitions_topic_desc);
    for (int i = 0; rows && i < found->count; i++) {
        rows[i].name = found->topics[i]->name;
        rows[i].count = partitions;
        if (topics_fill_added(run, arena, found->topics[i], &rows[i]))
            return 1;
    }
    int status = tool_call_controller(run, KAFKA_API_CREATE_PARTITIONS, version, &request,
                                      topics_alter_moved, &answer);
    const struct create_partitions_response *response = answer.response;
    for (int32_t i = 0; status == 0 && i < response->results.count; i++)
        if (response->results.items[i].error_code)
            status = topics_fail(run, response->results.items[i].error_code,
                                 response->results.items[i].error_message);
    client_answer_free(&answer);
    return status;
}

static int topics_alter(struct tool_run *run)
{
    struct topics_found found;
    struct arena arena;
    int64_t partitions;
    if (options_has(run->options, "config"))
        return tool_misuse(run, "--alter changes no settings: use kafka-configs --alter --topic "
                                "NAME --add-config NAME=VALUE");
    if (!options_has(run->options, "partitions"))
        return tool_misuse(run, "--alter needs --partitions N (settings are kafka-configs' job)");
    if (tool_number(run, "partitions", 1, TOPICS_PARTITIONS_MAX, 1, &partitions))
        return 1;
    int status = topics_find(run, &found);
    arena_init(&arena, TOPICS_ARENA_MAX);
    if (status == 0)
        status = found.count > 0 ? topics_send_alter(run, &arena, &found, (int32_t)partitions)
                                 : topics_missing(run);
    arena_close(&arena);
    topics_found_free(&found);
    return status;
}

/* ---- delete ---- */

static int topics_report_deleted(struct tool_run *run, const struct delete_topics_response *deleted)
{
    int status = 0;
    for (int32_t i = 0; i < deleted->responses.count; i++) {
        const struct delete_topics_response_deletable_topic_result *row =
            &deleted->responses.items[i];
        int err = err_from_wire(row->error_code);
        bool gone = err == ERR_UNKNOWN_TOPIC_OR_PARTITION && options_has(run->options, "if-exists");
        if (err && !gone)
            status = topics_fail(run, row->error_code, row->error_message);
        else if (options_has(run->options, "zookeeper"))
            printf("Topic %.*s is marked for deletion.\n", WIRE_STR_ARGS(row->name));
    }
    return status;
}

static int topics_send_delete(struct tool_run *run, const struct topics_found *found)
{
    struct client_answer answer = {0};
    struct wire_str *names = mem_alloc((size_t)found->count * sizeof(*names));
    for (int i = 0; i < found->count; i++)
        names[i] = found->topics[i]->name;
    int status = topic_deletion_send(run, names, found->count, &answer);
    if (status == 0)
        status = topics_report_deleted(run, answer.response);
    client_answer_free(&answer);
    mem_free(names);
    return status;
}

static int topics_delete(struct tool_run *run)
{
    struct topics_found found;
    int status = topics_find(run, &found);
    if (status == 0)
        status = found.count > 0 ? topics_send_delete(run, &found) : topics_missing(run);
    topics_found_free(&found);
    return status;
}

/* ---- which action ---- */

struct topics_action {
    const char *name;
    bool needs_topic;
    int (*run)(struct tool_run *run);
};
static const struct topics_action topics_actions[] = {
    {"create", true, topics_create},      {"list", false, topics_list},
    {"describe", false, topics_describe}, {"alter", true, topics_alter},
    {"delete", true, topics_delete},
};

/* Older options that are taken, and do nothing any more: said, so that nobody relies on them. */
static void topics_warn(const struct tool_run *run)
{
    if (options_has(run->options, "delete-config"))
        tool_warn(run, "--delete-config has no effect: settings are changed by kafka-configs "
                       "--alter --delete-config");
    if (options_has(run->options, "disable-rack-aware"))
        tool_warn(run, "--disable-rack-aware has no effect: replicas are spread over the racks "
                       "that brokers name by broker.rack");
}

static int topics_run(struct tool_run *run)
{
    const struct topics_action *action = NULL;
    int given = 0;
    for (size_t i = 0; i < ARRAY_LEN(topics_actions); i++) {
        if (!options_has(run->options, topics_actions[i].name))
            continue;
        action = &topics_actions[i];
        given++;
    }
    if (given != 1)
        return tool_misuse(run, "give one of --create, --list, --describe, --alter, --delete");
    const char *topic = options_get(run->options, "topic");
    if (action->needs_topic && (!topic || topic[0] == '\0'))
        return tool_misuse(run, "--%s needs --topic NAME", action->name);
    if (tool_check_action(run, action->name))
        return 1;
    topics_warn(run);
    return tool_connect(run) ? 1 : action->run(run);
}

const struct tool tool_topics = {
    .name = "topics",
    .link = "kafka-topics",
    .synopsis = "--bootstrap-server HOST:PORT --create|--list|--describe|--alter|--delete ...",
    .summary = "Create, list, describe, alter and delete topics.",
    .options = topics_options,
    .run = topics_run,
};

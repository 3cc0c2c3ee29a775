/* kafka-leader-election: has the leaders of partitions elected anew.
 *
 * Happy path: one ElectLeaders request to the controller about the partitions of the options, of a
 * file, or all; then a line for those elected, one for those whose leader was right already.
 * Failure modes: options that contradict each other; a partition that can't have the leader, which
 * gets a line of its own and makes the status 1. */
#include "tools/leader_election.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/elect_leaders.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row election_options[] = {
    TOOL_CONNECT_OPTIONS,
    OPTION_SAME("admin.config", "FILE", "command-config"),
    OPTION("election-type", "preferred|unclean",
           "The first replica of each; or one that is not in sync where no leader is left: records "
           "may be lost."),
    OPTION("topic", "NAME", "The topic; with --partition."),
    OPTION("partition", "N", "The partition; with --topic."),
    OPTION("all-topic-partitions", NULL, "All partitions."),
    OPTION("path-to-json-file", "FILE",
           "The partitions: {\"partitions\":[{\"topic\":\"T\",\"partition\":0}]}."),
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

typedef struct elect_leaders_request_topic_partitions election_topic;

enum { ELECTION_TIMEOUT_MS = 30000 };

/* As the protocol numbers them. */
static const char *const election_types[] = {"PREFERRED", "UNCLEAN"};

/* What became of a partition. */
enum { ELECTION_DONE, ELECTION_NOT_NEEDED, ELECTION_FAILED };

struct election_result {
    char *topic;
    int32_t partition;
    int outcome;
    int16_t code;
    char *sentence; /* of a failure */
};

struct election {
    struct tool_run *run;
    int type;
    bool all;
    struct partition_list list;
    struct election_result *results;
    size_t result_count;
};

/* ---- options ---- */

static int election_read_type(struct election *e)
{
    const char *text = options_get(e->run->options, "election-type");
    if (!text)
        return tool_misuse(e->run, "which election? Give --election-type preferred or unclean");
    for (size_t i = 0; i < ARRAY_LEN(election_types); i++) {
        if (strcasecmp(election_types[i], text) == 0) {
            e->type = (int)i;
            return 0;
        }
    }
    return tool_misuse(e->run, "--election-type %s: write preferred or unclean", text);
}

static int election_read_one(struct election *e, const char *topic)
{
    int64_t partition;
    if (!options_has(e->run->options, "partition"))
        return tool_misuse(e->run, "--topic needs --partition N");
    if (tool_number(e->run, "partition", 0, INT32_MAX, 0, &partition))
        return 1;
    partition_list_add(&e->list, topic, (int32_t)partition, 0);
    return 0;
}

static int election_read_partitions(struct election *e)
{
    const struct options *options = e->run->options;
    const char *topic = options_get(options, "topic");
    bool file = options_has(options, "path-to-json-file");
    e->all = options_has(options, "all-topic-partitions");
    if ((topic != NULL) + file + e->all != 1)
        return tool_misuse(e->run, "which partitions? Give one of --topic (with --partition), "
                                   "--path-to-json-file, --all-topic-partitions");
    if (!topic && options_has(options, "partition"))
        return tool_misuse(e->run, "--partition goes with --topic: leave it out");
    if (topic)
        return election_read_one(e, topic);
    return file ? partition_list_read(e->run, "path-to-json-file", false, &e->list) : 0;
}

/* ---- asking ---- */

static bool election_moved(const void *data)
{
    const struct elect_leaders_response *response = data;
    return err_from_wire(response->error_code) == ERR_NOT_CONTROLLER;
}

static void election_keep(struct election *e, const struct elect_leaders_response *response)
{
    struct buf text;
    buf_init(&text);
    for (int32_t t = 0; t < response->replica_election_results.count; t++) {
        const struct elect_leaders_response_replica_election_result *topic =
            &response->replica_election_results.items[t];
        for (int32_t p = 0; p < topic->partition_result.count; p++) {
            const struct elect_leaders_response_partition_result *row =
                &topic->partition_result.items[p];
            size_t size = (e->result_count + 1) * sizeof(*e->results);
            e->results = mem_realloc(e->results, size);
            struct election_result *result = &e->results[e->result_count++];
            *result = (struct election_result){wire_str_dup(topic->topic), row->partition_id,
                                               ELECTION_DONE, row->error_code, NULL};
            if (row->error_code && err_from_wire(row->error_code) == ERR_ELECTION_NOT_NEEDED)
                result->outcome = ELECTION_NOT_NEEDED;
            else if (row->error_code)
                result->outcome = ELECTION_FAILED;
            if (result->outcome == ELECTION_FAILED)
                result->sentence =
                    mem_strdup(tool_error_text(row->error_code, row->error_message, &text));
        }
    }
    buf_close(&text);
}

/* The list, sorted, as topics with their partitions; `topics` and `numbers` have room for all. */
static int32_t election_fill(const struct election *e, election_topic *topics, int32_t *numbers)
{
    int32_t count = 0;
    for (size_t i = 0; i < e->list.count; i++) {
        const struct partition_item *item = &e->list.items[i];
        if (count == 0 || !wire_str_is(topics[count - 1].topic, item->topic)) {
            wire_defaults(&elect_leaders_request_topic_partitions_desc, &topics[count]);
            topics[count].topic = wire_str_from(item->topic);
            topics[count++].partitions.items = &numbers[i];
        }
        numbers[i] = item->partition;
        topics[count - 1].partitions.count++;
    }
    return count;
}

static int election_call(struct election *e, const struct elect_leaders_request *request,
                         int version)
{
    struct client_answer answer = {0};
    struct buf text;
    if (tool_call_controller(e->run, KAFKA_API_ELECT_LEADERS, version, request, election_moved,
                             &answer))
        return 1;
    const struct elect_leaders_response *response = answer.response;
    int status = 0;
    if (response->error_code) {
        buf_init(&text);
        status =
            tool_fail(e->run, "%s", tool_error_text(response->error_code, WIRE_STR_NULL, &text));
        buf_close(&text);
    } else {
        election_keep(e, response);
    }
    client_answer_free(&answer);
    return status;
}

static int election_ask(struct election *e)
{
    struct elect_leaders_request request;
    int version = tool_version(e->run, KAFKA_API_ELECT_LEADERS);
    if (version < 0)
        return 1;
    if (version == 0 && e->type != 0)
        return tool_fail(e->run, "the broker is too old for unclean elections");
    election_topic *topics = mem_alloc((e->list.count + 1) * sizeof(*topics));
    int32_t *numbers = mem_alloc((e->list.count + 1) * sizeof(*numbers));
    if (e->list.count > 0)
        qsort(e->list.items, e->list.count, sizeof(*e->list.items), partition_item_compare);
    wire_defaults(&elect_leaders_request_desc, &request);
    request.election_type = (int8_t)e->type;
    request.topic_partitions.items = topics;
    request.topic_partitions.count = e->all ? -1 : election_fill(e, topics, numbers);
    request.timeout_ms = ELECTION_TIMEOUT_MS;
    int status = election_call(e, &request, version);
    mem_free(topics);
    mem_free(numbers);
    return status;
}

static void election_free(struct election *e)
{
    for (size_t i = 0; i < e->result_count; i++) {
        mem_free(e->results[i].topic);
        mem_free(e->results[i].sentence);
    }
    mem_free(e->results);
}

int leader_election_prefer(struct tool_run *run, struct partition_list *list)
{
    struct election e = {.run = run, .list = *list};
    ASSERT(list->count > 0);
    int status = election_ask(&e);
    election_free(&e);
    return status;
}

/* ---- printing ---- */

static int election_compare(const void *a, const void *b)
{
    const struct election_result *left = a, *right = b;
    int order = strcmp(left->topic, right->topic);
    return order ? order
                 : (left->partition > right->partition) - (left->partition < right->partition);
}

/* "heading t-0, t-1", where there are any. */
static void election_print_list(const struct election *e, int outcome, const char *heading)
{
    bool any = false;
    for (size_t i = 0; i < e->result_count; i++) {
        if (e->results[i].outcome != outcome)
            continue;
        printf("%s%s-%d", any ? ", " : heading, e->results[i].topic, e->results[i].partition);
        any = true;
    }
    if (any)
        putchar('\n');
}

static void election_print_lines(const struct election *e)
{
    char *done = mem_printf("Successfully completed leader election (%s) for partitions ",
                            election_types[e->type]);
    election_print_list(e, ELECTION_DONE, done);
    mem_free(done);
    election_print_list(e, ELECTION_NOT_NEEDED, "Valid replica already elected for partitions ");
    for (size_t i = 0; i < e->result_count; i++)
        if (e->results[i].outcome == ELECTION_FAILED)
            printf("Error completing leader election (%s) for partition: %s-%d: %s\n",
                   election_types[e->type], e->results[i].topic, e->results[i].partition,
                   e->results[i].sentence);
}

static void election_print_report(const struct election *e, enum report_format format)
{
    static const char *const outcomes[] = {"elected", "not needed", "failed"};
    static const struct report_column columns[] = {{.name = "topic"},
                                                   {.name = "partition"},
                                                   {.name = "election"},
                                                   {.name = "error"},
                                                   REPORT_END};
    struct report *report = report_new("partitions");
    report_columns(report, columns);
    for (size_t i = 0; i < e->result_count; i++) {
        const struct election_result *result = &e->results[i];
        report_text(report, result->topic);
        report_number(report, result->partition);
        report_text(report, outcomes[result->outcome]);
        report_text(report, result->outcome == ELECTION_FAILED
                                ? err_name(err_from_wire(result->code))
                                : NULL);
    }
    report_print(report, format, stdout);
    report_free(report);
}

static int election_print(const struct election *e)
{
    enum report_format format = report_format(e->run);
    int failed = 0;
    if (e->result_count > 0)
        qsort(e->results, e->result_count, sizeof(*e->results), election_compare);
    if (format == REPORT_KAFKA)
        election_print_lines(e);
    else
        election_print_report(e, format);
    for (size_t i = 0; i < e->result_count; i++)
        failed += e->results[i].outcome == ELECTION_FAILED;
    return failed ? tool_fail(e->run, "%d replica(s) could not be elected", failed) : 0;
}

static int election_run(struct tool_run *run)
{
    struct election e = {.run = run};
    int status = election_read_type(&e);
    if (status == 0)
        status = election_read_partitions(&e);
    if (status == 0)
        status = tool_connect(run);
    if (status == 0 && (e.all || e.list.count > 0))
        status = election_ask(&e);
    if (status == 0)
        status = election_print(&e);
    election_free(&e);
    partition_list_free(&e.list);
    return status;
}

const struct tool tool_leader_election = {
    .name = "leader-election",
    .link = "kafka-leader-election",
    .synopsis = "--bootstrap-server HOST:PORT --election-type preferred|unclean "
                "--all-topic-partitions",
    .summary = "Have the leaders of partitions elected anew.",
    .options = election_options,
    .run = election_run,
};

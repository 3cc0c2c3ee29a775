/* kafka-consumer-groups: list, describe and delete groups, and change their committed offsets.
 *
 * Happy path: exactly one action; the groups that --group or --all-groups choose are asked for at
 * their coordinators, one after another. Failure modes: what the options get wrong, on stderr with
 * status 1; what the cluster refuses, "Error: ..." on stdout with status 0, as in Kafka's tool. */
#include "tools/consumer_groups.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/tools.h"

enum { CONSUMER_GROUPS_TIMEOUT_MS = 30000 };

static const struct option_row consumer_groups_options[] = {
    OPTION("list", NULL, "List the groups."),
    OPTION("describe", NULL, "Show groups: their offsets, members or state."),
    OPTION("delete", NULL, "Delete groups that have no members, with their offsets."),
    OPTION("reset-offsets", NULL, "Change the offsets of groups that have no members."),
    OPTION("delete-offsets", NULL, "Delete the offsets of a group for topics."),
    OPTION("validate-regex", "R", "Say whether R is a regular expression."),
    TOOL_CONNECT_OPTIONS,
    OPTION_MANY_WITH("describe|delete|reset-offsets|delete-offsets", "group", "G",
                     "The group; may be repeated."),
    OPTION_WITH("describe|delete|reset-offsets", "all-groups", NULL,
                "All groups (--describe, --delete, --reset-offsets)."),
    OPTION_MANY_WITH("reset-offsets|delete-offsets", "topic", "T",
                     "The topic, or T:0,1 for partitions of it; may be repeated."),
    OPTION_WITH("reset-offsets", "all-topics", NULL,
                "With --reset-offsets: all topics that the group has offsets for."),
    OPTION_WORDS_WITH(
        "list|describe", "state", "[S,S]",
        "Assigning|CompletingRebalance|Dead|Empty|PreparingRebalance|Reconciling|Stable",
        "With --list: show or filter states; with --describe: the state."),
    OPTION_WORDS_WITH("list", "type", "[T,T]", "classic|consumer",
                      "With --list: show or filter types: classic, consumer."),
    OPTION_WITH("describe", "members", NULL, "With --describe: the members."),
    OPTION_WITH("describe", "offsets", NULL, "With --describe: the offsets (default)."),
    OPTION_WITH("describe", "verbose", NULL, "With --describe: more columns."),
    OPTION("timeout", "MS", "How long to wait for a coordinator (30000)."),
    OPTION_WITH("reset-offsets", "to-earliest", NULL, "Reset to the earliest offset."),
    OPTION_WITH("reset-offsets", "to-latest", NULL, "Reset to the latest offset."),
    OPTION_WITH("reset-offsets", "to-current", NULL, "Reset to the current offset."),
    OPTION_WITH("reset-offsets", "to-offset", "N", "Reset to an offset."),
    OPTION_WITH("reset-offsets", "shift-by", "N",
                "Reset to N after the current offset, or before it."),
    OPTION_WITH("reset-offsets", "to-datetime", "TIME",
                "Reset to a time: YYYY-MM-DDTHH:mm:SS.sss (UTC)."),
    OPTION_WITH("reset-offsets", "by-duration", "PERIOD", "Reset to a time ago: PnDTnHnMnS."),
    OPTION_WITH("reset-offsets", "from-file", "CSV",
                "Reset to the rows of a file: topic,partition,offset."),
    OPTION_WITH("reset-offsets", "dry-run", NULL, "Show the plan only."),
    OPTION_WITH("reset-offsets", "execute", NULL, "Carry the plan out."),
    OPTION_WITH("reset-offsets", "export", NULL, "Print the plan as CSV."),
    REPORT_OPTION_WITH("list|describe|reset-offsets|delete-offsets"),
    TOOL_LAST_OPTIONS,
};

FILE *consumer_groups_failures(const struct consumer_groups *tool)
{
    return tool->format == REPORT_KAFKA ? stdout : stderr;
}

void consumer_groups_error(const struct consumer_groups *tool, const char *format, ...)
{
    FILE *out = consumer_groups_failures(tool);
    va_list args;
    va_start(args, format);
    fputs(out == stdout ? "\nError: " : "Error: ", out);
    vfprintf(out, format, args);
    fputc('\n', out);
    va_end(args);
}

int consumer_groups_fail(struct consumer_groups *tool)
{
    consumer_groups_error(tool, "Executing consumer group command failed due to %s",
                          client_problem(tool->run->client));
    return 0;
}

/* ---- choosing ---- */

/* Groups of other kinds than consumers' (Connect's workers, say) are not for this tool. */
static bool consumer_groups_is_consumers(const struct group_listed *group)
{
    const char *protocol = group->protocol ? group->protocol : "";
    return protocol[0] == '\0' || strcmp(protocol, "consumer") == 0;
}

static void consumer_groups_keep(struct group_list *list)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct group_listed group = list->items[i];
        list->items[i] = (struct group_listed){0};
        if (consumer_groups_is_consumers(&group)) {
            list->items[count++] = group;
            continue;
        }
        mem_free(group.id);
        mem_free(group.protocol);
        mem_free(group.state);
        mem_free(group.type);
    }
    list->count = count;
}

static bool consumer_groups_has(const struct group_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].id, id) == 0)
            return true;
    return false;
}

static int consumer_groups_choose(struct consumer_groups *tool)
{
    const char *id;
    size_t cursor = 0;
    if (options_has(tool->run->options, "all-groups")) {
        int err = group_client_list(&tool->client, NULL, NULL, &tool->chosen);
        consumer_groups_keep(&tool->chosen);
        return err;
    }
    while ((id = options_next(tool->run->options, "group", &cursor))) {
        struct group_list *list = &tool->chosen;
        if (consumer_groups_has(list, id))
            continue;
        list->items = mem_realloc(list->items, (list->count + 1) * sizeof(*list->items));
        list->items[list->count++] = (struct group_listed){.id = mem_strdup(id)};
    }
    return 0;
}

/* "T:0,1" as rows; false when it can't be read. */
static bool consumer_groups_partitions(const char *topic, const char *colon,
                                       struct group_rows *rows)
{
    for (const char *at = colon + 1;;) {
        char *end;
        long partition = strtol(at, &end, 10);
        if (end == at || partition < 0 || partition > INT32_MAX || (*end != ',' && *end != '\0'))
            return false;
        group_rows_add(rows, topic, (size_t)(colon - topic), (int32_t)partition);
        if (*end == '\0')
            return true;
        at = end + 1;
    }
}

int consumer_groups_topics(struct consumer_groups *tool, struct group_rows *rows)
{
    const struct metadata_response *metadata;
    const char *text;
    size_t cursor = 0;
    int err = group_client_metadata(&tool->client, &metadata);
    if (err)
        return err;
    while ((text = options_next(tool->run->options, "topic", &cursor))) {
        const char *colon = strchr(text, ':');
        size_t len = colon ? (size_t)(colon - text) : strlen(text);
        const struct metadata_response_metadata_response_topic *topic =
            group_client_topic(metadata, text, len);
        if (colon && !consumer_groups_partitions(text, colon, rows))
            return tool_misuse(tool->run, "--topic %s: write T or T:0,1", text);
        if (!topic) {
            client_set_problem(tool->run->client, "there is no topic %.*s: see kafka-topics --list",
                               (int)len, text);
            return ERR_UNKNOWN_TOPIC_OR_PARTITION;
        }
        for (int32_t i = 0; !colon && i < topic->partitions.count; i++)
            group_rows_add(rows, text, len, topic->partitions.items[i].partition_index);
    }
    group_rows_sort(rows);
    return 0;
}

/* ---- list ---- */

static const char *consumer_groups_type(const struct group_listed *group)
{
    if (group->type && strcmp(group->type, "consumer") == 0)
        return "Consumer";
    return group->type && strcmp(group->type, "classic") == 0 ? "Classic" : NULL;
}

static struct report *consumer_groups_list_report(const struct options *options)
{
    static const struct report_column columns[] = {{"group", "GROUP", 25, NULL},
                                                   {"type", "TYPE", 20, NULL},
                                                   {"state", "STATE", 20, NULL},
                                                   REPORT_END};
    struct report *report = report_new("groups");
    report_columns(report, columns);
    report_style(report, TABLE_PADDED);
    report_show(report, "type", options_has(options, "type"));
    report_show(report, "state", options_has(options, "state"));
    if (!options_has(options, "type") && !options_has(options, "state"))
        report_lines(report, "{group}");
    return report;
}

static int consumer_groups_list(struct consumer_groups *tool)
{
    const struct options *options = tool->run->options;
    struct group_list list;
    int err = group_client_list(&tool->client, options_get(options, "state"),
                                options_get(options, "type"), &list);
    consumer_groups_keep(&list);
    struct report *report = consumer_groups_list_report(options);
    for (size_t i = 0; !err && i < list.count; i++) {
        report_text(report, list.items[i].id);
        report_text(report, consumer_groups_type(&list.items[i]));
        report_text(report, list.items[i].state);
    }
    if (!err)
        report_print(report, tool->format, stdout);
    report_free(report);
    group_list_free(&list);
    return err ? consumer_groups_fail(tool) : 0;
}

/* ---- delete ---- */

static void consumer_groups_say_deleted(const struct consumer_groups *tool, const int *errs,
                                        bool failed)
{
    struct buf names;
    buf_init(&names);
    for (size_t i = 0; i < tool->chosen.count; i++)
        if (!errs[i])
            buf_printf(&names, "%s'%s'", names.len ? ", " : "", tool->chosen.items[i].id);
    if (!failed)
        printf("Deletion of requested consumer groups (%s) was successful.\n", buf_text(&names));
    else if (names.len > 0)
        printf("\nThese consumer groups were deleted successfully: %s\n", buf_text(&names));
    buf_close(&names);
}

static int consumer_groups_delete(struct consumer_groups *tool)
{
    int *errs = mem_alloc((tool->chosen.count + 1) * sizeof(*errs));
    bool failed = false;
    for (size_t i = 0; i < tool->chosen.count; i++) {
        const char *id = tool->chosen.items[i].id;
        errs[i] = group_client_delete(&tool->client, id);
        if (!errs[i])
            continue;
        if (!failed)
            consumer_groups_error(tool, "Deletion of some consumer groups failed:");
        failed = true;
        printf("* Group '%s' could not be deleted due to: %s\n", id,
               client_problem(tool->run->client));
    }
    consumer_groups_say_deleted(tool, errs, failed);
    mem_free(errs);
    return 0;
}

/* ---- delete-offsets ---- */

/* A topic stands for its partitions; one that is gone, for those that the group committed. */
static int delete_add_topic(struct consumer_groups *tool, const char *topic,
                            struct group_rows *rows)
{
    const struct metadata_response *metadata;
    struct group_rows committed = {0};
    int err = group_client_metadata(&tool->client, &metadata);
    if (err)
        return err;
    const struct metadata_response_metadata_response_topic *found =
        group_client_topic(metadata, topic, strlen(topic));
    for (int32_t i = 0; found && i < found->partitions.count; i++)
        group_rows_add(rows, topic, strlen(topic), found->partitions.items[i].partition_index);
    if (!found)
        err = group_client_committed(&tool->client, tool->chosen.items[0].id, &committed);
    for (size_t i = 0; i < committed.count; i++)
        if (strcmp(committed.items[i].topic, topic) == 0)
            group_rows_add(rows, topic, strlen(topic), committed.items[i].partition);
    group_rows_free(&committed);
    return err;
}

static int delete_rows(struct consumer_groups *tool, struct group_rows *rows)
{
    const char *text;
    size_t cursor = 0;
    int err = 0;
    while (!err && (text = options_next(tool->run->options, "topic", &cursor))) {
        const char *colon = strchr(text, ':');
        if (!colon)
            err = delete_add_topic(tool, text, rows);
        else if (!consumer_groups_partitions(text, colon, rows))
            err = tool_misuse(tool->run, "--topic %s: write T or T:0,1", text);
    }
    group_rows_sort(rows);
    return err;
}

static void delete_print(const struct consumer_groups *tool, const struct group_rows *rows)
{
    static const struct report_column columns[] = {{"topic", "TOPIC", 15, NULL},
                                                   {"partition", "PARTITION", 10, NULL},
                                                   {"error", "STATUS", 15, "Successful"},
                                                   REPORT_END};
    struct report *report = report_new("partitions");
    report_columns(report, columns);
    report_style(report, TABLE_PADDED);
    for (size_t i = 0; i < rows->count; i++) {
        int err = rows->items[i].err;
        report_text(report, rows->items[i].topic);
        report_number(report, rows->items[i].partition);
        report_text(report, err ? err_name(err) : NULL);
        if (err && tool->format == REPORT_KAFKA)
            report_as(report, "Error: %s", err_text(err));
    }
    if (tool->format == REPORT_KAFKA)
        putchar('\n');
    report_print(report, tool->format, stdout);
    report_free(report);
}

/* An error of the whole request stands for each row. */
static void delete_rows_offsets(struct consumer_groups *tool, struct group_rows *rows)
{
    const char *group = tool->chosen.items[0].id;
    bool failed = false;
    int err = group_client_delete_offsets(&tool->client, group, rows);
    for (size_t i = 0; i < rows->count; i++) {
        if (err)
            rows->items[i].err = err;
        failed |= rows->items[i].err != 0;
    }
    if (err)
        consumer_groups_error(tool, "%s", client_problem(tool->run->client));
    else if (failed)
        consumer_groups_error(tool,
                              "Encountered some partition-level error, see the follow-up details.");
    else if (tool->format == REPORT_KAFKA)
        printf("Request succeeded for deleting offsets from group %s.\n", group);
    delete_print(tool, rows);
}

static int consumer_groups_delete_offsets(struct consumer_groups *tool)
{
    struct group_rows rows = {0};
    int err = delete_rows(tool, &rows);
    if (!err && rows.count == 0)
        consumer_groups_error(tool, "group %s has no offsets for these topics",
                              tool->chosen.items[0].id);
    else if (!err)
        delete_rows_offsets(tool, &rows);
    group_rows_free(&rows);
    return err < 0 ? consumer_groups_fail(tool) : err;
}

/* ---- which action ---- */

/* As they are shown, each ended by a blank. */
static const char consumer_groups_states[] =
    "Assigning CompletingRebalance Dead Empty PreparingRebalance Reconciling Stable ";
static const char consumer_groups_types[] = "Classic Consumer ";

/* Whether `word`, without the blanks around it, is in the list, in any case. */
static bool consumer_groups_knows(const char *known, const char *word, size_t len)
{
    for (; len > 0 && *word == ' '; len--)
        word++;
    while (len > 0 && word[len - 1] == ' ')
        len--;
    for (const char *at = known; *at;) {
        size_t n = strcspn(at, " ");
        if (n == len && strncasecmp(at, word, len) == 0)
            return true;
        at += n + 1;
    }
    return false;
}

/* A filter with a word that nothing can match would print an empty list for an answer. */
static int consumer_groups_check_filter(const struct tool_run *run, const char *option,
                                        const char *what, const char *known)
{
    const char *text = options_get(run->options, option);
    if (!text || text[0] == '\0')
        return 0;
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ",");
        if (!consumer_groups_knows(known, at, len))
            break;
        at += len;
        if (*at == '\0')
            return 0;
    }
    struct buf valid;
    buf_init(&valid);
    for (const char *at = known; *at;) {
        size_t n = strcspn(at, " ");
        buf_printf(&valid, "%s%.*s", valid.len ? ", " : "", (int)n, at);
        at += n + 1;
    }
    tool_misuse(run, "--%s: Invalid %s list '%s'. Valid %s are: %s", option, what, text,
                strcmp(what, "state") == 0 ? "states" : "types", buf_text(&valid));
    buf_close(&valid);
    return 1;
}

static int consumer_groups_check_list(struct tool_run *run)
{
    return consumer_groups_check_filter(run, "state", "state", consumer_groups_states) ||
           consumer_groups_check_filter(run, "type", "types", consumer_groups_types);
}

static int consumer_groups_check_describe(struct tool_run *run)
{
    int views = options_has(run->options, "members") + options_has(run->options, "offsets") +
                options_has(run->options, "state");
    const char *state = options_get(run->options, "state");
    if (views > 1)
        return tool_misuse(run, "give at most one of --members, --offsets, --state");
    if (state && state[0] != '\0')
        return tool_misuse(run, "--state takes no value with --describe");
    return 0;
}

static int consumer_groups_check_delete_offsets(struct tool_run *run)
{
    size_t cursor = 0;
    options_next(run->options, "group", &cursor);
    if (!options_has(run->options, "group") || options_next(run->options, "group", &cursor))
        return tool_misuse(run, "--delete-offsets needs exactly one --group G");
    if (!options_has(run->options, "topic"))
        return tool_misuse(run, "--delete-offsets needs --topic T");
    return 0;
}

struct consumer_groups_action {
    const char *name;
    bool needs_groups;
    int (*check)(struct tool_run *run); /* may be NULL */
    int (*run)(struct consumer_groups *tool);
};

static const struct consumer_groups_action consumer_groups_actions[] = {
    {"list", false, consumer_groups_check_list, consumer_groups_list},
    {"describe", true, consumer_groups_check_describe, consumer_groups_describe},
    {"delete", true, NULL, consumer_groups_delete},
    {"reset-offsets", true, consumer_groups_check_reset, consumer_groups_reset},
    {"delete-offsets", false, consumer_groups_check_delete_offsets, consumer_groups_delete_offsets},
};

static const struct consumer_groups_action *consumer_groups_find(struct tool_run *run)
{
    const struct consumer_groups_action *action = NULL;
    int given = 0;
    for (size_t i = 0; i < ARRAY_LEN(consumer_groups_actions); i++) {
        if (!options_has(run->options, consumer_groups_actions[i].name))
            continue;
        action = &consumer_groups_actions[i];
        given++;
    }
    if (given == 1)
        return action;
    tool_misuse(run, "give one of --list, --describe, --delete, --reset-offsets, --delete-offsets");
    return NULL;
}

static int consumer_groups_check(struct tool_run *run, const struct consumer_groups_action *action,
                                 int64_t *timeout_ms)
{
    bool one = options_has(run->options, "group"), all = options_has(run->options, "all-groups");
    if (tool_number(run, "timeout", 0, INT32_MAX, CONSUMER_GROUPS_TIMEOUT_MS, timeout_ms) ||
        tool_check_action(run, action->name))
        return 1;
    if (action->needs_groups && one == all)
        return tool_misuse(run, "--%s needs either --group G or --all-groups", action->name);
    return action->check ? action->check(run) : 0;
}

static int consumer_groups_validate(struct tool_run *run)
{
    struct tool_pattern *pattern =
        tool_pattern_new(run, options_get(run->options, "validate-regex"));
    if (!pattern)
        return 1;
    puts("The regular expression is valid.");
    tool_pattern_free(pattern);
    return 0;
}

static int consumer_groups_run(struct tool_run *run)
{
    struct consumer_groups tool = {.run = run, .format = report_format(run)};
    int64_t timeout_ms;
    if (options_has(run->options, "validate-regex"))
        return consumer_groups_validate(run);
    const struct consumer_groups_action *action = consumer_groups_find(run);
    if (!action || consumer_groups_check(run, action, &timeout_ms) || tool_connect(run))
        return 1;
    group_client_init(&tool.client, run, timeout_ms);
    int status = consumer_groups_choose(&tool) ? consumer_groups_fail(&tool) : action->run(&tool);
    group_list_free(&tool.chosen);
    group_client_close(&tool.client);
    return status;
}

const struct tool tool_consumer_groups = {
    .name = "consumer-groups",
    .link = "kafka-consumer-groups",
    .synopsis = "--bootstrap-server HOST:PORT --list|--describe|--delete|--reset-offsets ...",
    .summary = "List, describe and delete consumer groups, and reset their offsets.",
    .options = consumer_groups_options,
    .run = consumer_groups_run,
};

/* kafka-consumer-groups --reset-offsets: plans new offsets, and commits them with --execute.
 *
 * Happy path: a group without members; --topic, --all-topics or the file choose partitions, the
 * target gives each its new offset, within what the log holds. Failure modes: a group with members
 * is refused, as is a partition that is not there; one that can't be planned is told and left out;
 * an offset outside the log is moved to its end, which is said. */
#include "tools/consumer_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/reset_spec.h"

/* A plan of a million rows, by far. */
enum { RESET_FILE_MAX = 128 << 20 };

static const char *const reset_targets[] = {
    "to-earliest", "to-latest",   "to-current",  "to-offset",
    "shift-by",    "to-datetime", "by-duration", "from-file",
};

struct reset {
    struct consumer_groups *tool;
    const char *target; /* one of reset_targets */
    int64_t number;     /* of to-offset, shift-by; ms since 1970 for times */
    char *file;
    size_t file_len;
};

/* ---- options ---- */

static const char *reset_target(const struct options *options, int *given)
{
    const char *target = NULL;
    *given = 0;
    for (size_t i = 0; i < ARRAY_LEN(reset_targets); i++) {
        if (!options_has(options, reset_targets[i]))
            continue;
        target = reset_targets[i];
        (*given)++;
    }
    return target;
}

int consumer_groups_check_reset(struct tool_run *run)
{
    struct options *options = run->options;
    int given;
    const char *target = reset_target(options, &given);
    bool file = target && strcmp(target, "from-file") == 0;
    bool topics = options_has(options, "topic"), all = options_has(options, "all-topics");
    bool exports = options_has(options, "export") && !options_has(options, "execute");
    if (given > 1 || (given == 0 && !exports))
        return tool_misuse(run, "give one of --to-earliest, --to-latest, --to-current, "
                                "--to-offset, --shift-by, --to-datetime, --by-duration, "
                                "--from-file");
    if (options_has(options, "dry-run") && options_has(options, "execute"))
        return tool_misuse(run, "give either --dry-run or --execute");
    if (options_has(options, "export") && options_has(options, "format"))
        return tool_misuse(run, "--export prints CSV: give it or --format");
    if (topics && all)
        return tool_misuse(run, "give either --topic or --all-topics");
    if (!file && !topics && !all)
        return tool_misuse(run, "--reset-offsets needs --topic T or --all-topics");
    if (!options_has(options, "dry-run") && !options_has(options, "execute") &&
        !options_has(options, "export"))
        fprintf(stderr, "WARN: this is a dry run, since --execute is missing; write --dry-run to "
                        "say that it is meant to be one.\n");
    return 0;
}

static int reset_read_number(struct reset *reset, const char *text)
{
    char *end;
    reset->number = strtoll(text, &end, 10);
    bool negative_offset = strcmp(reset->target, "to-offset") == 0 && reset->number < 0;
    if (end == text || *end != '\0' || negative_offset)
        return tool_misuse(reset->tool->run, "--%s %s: write a number", reset->target, text);
    return 0;
}

static int reset_read_file(struct reset *reset, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return tool_fail(reset->tool->run, "--from-file %s: it can't be read: check the path",
                         path);
    reset->file = mem_alloc(RESET_FILE_MAX);
    reset->file_len = fread(reset->file, 1, RESET_FILE_MAX, file);
    fclose(file);
    if (reset->file_len == RESET_FILE_MAX)
        return tool_fail(reset->tool->run, "--from-file %s: it is too long: split it", path);
    return 0;
}

/* The value of the target option. */
static int reset_read(struct reset *reset)
{
    struct tool_run *run = reset->tool->run;
    int given;
    int64_t ms;
    reset->target = reset_target(run->options, &given);
    if (!reset->target)
        reset->target = "to-current"; /* --export alone: what is committed now */
    const char *text = options_get(run->options, reset->target);
    if (strcmp(reset->target, "to-offset") == 0 || strcmp(reset->target, "shift-by") == 0)
        return reset_read_number(reset, text);
    if (strcmp(reset->target, "from-file") == 0)
        return reset_read_file(reset, text);
    if (strcmp(reset->target, "to-datetime") == 0 && !reset_spec_datetime(text, &reset->number))
        return tool_misuse(run, "--to-datetime %s: write YYYY-MM-DDTHH:mm:SS.sss", text);
    if (strcmp(reset->target, "by-duration") == 0) {
        if (!reset_spec_duration(text, &ms))
            return tool_misuse(run, "--by-duration %s: write PnDTnHnMnS, as in P1DT12H", text);
        reset->number = env_wall_ms(run->env) - ms;
    }
    return 0;
}

static bool reset_is(const struct reset *reset, const char *target)
{
    return strcmp(reset->target, target) == 0;
}

/* ---- which partitions ---- */

static int reset_file_rows(const struct reset *reset, const char *group, struct group_rows *rows)
{
    int line = 1;
    for (size_t at = 0; at < reset->file_len; line++) {
        const char *text = reset->file + at;
        const char *newline = memchr(text, '\n', reset->file_len - at);
        size_t len = newline ? (size_t)(newline - text) : reset->file_len - at;
        struct reset_spec_row row;
        at += len + 1;
        if (len > 0 && text[len - 1] == '\r')
            len--;
        if (len == 0)
            continue;
        if (!reset_spec_row(text, len, &row))
            return tool_fail(reset->tool->run,
                             "--from-file line %d: write topic,partition,offset, or with more "
                             "groups group,topic,partition,offset",
                             line);
        if (!row.group || strcmp(row.group, group) == 0)
            group_rows_add(rows, row.topic, strlen(row.topic), row.partition)->planned = row.offset;
        reset_spec_row_free(&row);
    }
    group_rows_sort(rows);
    return 0;
}

static bool reset_is_there(const struct metadata_response_metadata_response_topic *topic,
                           int32_t partition)
{
    for (int32_t i = 0; topic && i < topic->partitions.count; i++)
        if (topic->partitions.items[i].partition_index == partition)
            return true;
    return false;
}

/* Each partition that was named must be there, before anything is changed: its offset would never
 * be read. */
static int reset_check_rows(struct reset *reset, const struct group_rows *rows)
{
    const struct metadata_response *metadata;
    struct buf missing;
    int err = group_client_metadata(&reset->tool->client, &metadata);
    if (err)
        return err;
    buf_init(&missing);
    for (size_t i = 0; i < rows->count; i++) {
        const struct group_row *row = &rows->items[i];
        if (!reset_is_there(group_client_topic(metadata, row->topic, strlen(row->topic)),
                            row->partition))
            buf_printf(&missing, "%s%s-%d", missing.len ? "," : "", row->topic, row->partition);
    }
    if (missing.len > 0) {
        client_set_problem(reset->tool->run->client,
                           "The partitions \"%s\" do not exist: see kafka-topics --describe",
                           buf_text(&missing));
        err = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    buf_close(&missing);
    return err;
}

/* 0, 1 when the reason is printed, or negative: client_problem. */
static int reset_rows(struct reset *reset, const char *group, struct group_rows *rows)
{
    struct group_rows committed = {0};
    bool all = options_has(reset->tool->run->options, "all-topics");
    int err = 0;
    if (reset_is(reset, "from-file"))
        err = reset_file_rows(reset, group, rows);
    else if (!all)
        err = consumer_groups_topics(reset->tool, rows);
    if (!err && rows->count > 0)
        err = reset_check_rows(reset, rows);
    if (!err)
        err = group_client_committed(&reset->tool->client, group, &committed);
    if (!err && all && rows->count == 0) {
        *rows = committed;
        return 0;
    }
    for (size_t i = 0; i < rows->count; i++) {
        struct group_row *row = &rows->items[i];
        const struct group_row *found =
            group_rows_find(&committed, row->topic, strlen(row->topic), row->partition);
        row->committed = found ? found->committed : GROUP_NONE;
    }
    group_rows_free(&committed);
    return err;
}

/* ---- the plan ---- */

static int reset_ask(struct reset *reset, struct group_rows *rows, int64_t time)
{
    for (size_t i = 0; i < rows->count; i++)
        rows->items[i].asked = time;
    return group_client_list_offsets(&reset->tool->client, rows);
}

/* Nothing is as young as the time: the end of the log. */
static int64_t reset_time_offset(const struct reset *reset, const struct group_row *row)
{
    if (row->err || row->found != GROUP_NONE)
        return row->found;
    fprintf(consumer_groups_failures(reset->tool),
            "\nWarn: Partition %d from topic %s is empty. Falling back to latest known offset.\n",
            row->partition, row->topic);
    return INT64_MAX;
}

/* Where the row would go; false, with the reason printed, when that can't be said. `row->found` is
 * the answer for a time. */
static bool reset_plan_row(const struct reset *reset, struct group_row *row)
{
    if (reset_is(reset, "to-offset"))
        row->planned = reset->number;
    else if (reset_is(reset, "to-earliest"))
        row->planned = 0; /* moved to where the log begins */
    else if (reset_is(reset, "to-current") && row->committed != GROUP_NONE)
        row->planned = row->committed;
    else if (reset_is(reset, "to-datetime") || reset_is(reset, "by-duration"))
        row->planned = reset_time_offset(reset, row);
    else if (reset_is(reset, "to-latest") || reset_is(reset, "to-current"))
        row->planned = INT64_MAX; /* moved to where the log ends */
    else if (reset_is(reset, "shift-by") && row->committed == GROUP_NONE) {
        consumer_groups_error(reset->tool,
                              "Cannot shift offset for partition %s-%d since there is no current "
                              "committed offset",
                              row->topic, row->partition);
        return false;
    } else if (reset_is(reset, "shift-by") &&
               __builtin_add_overflow(row->committed, reset->number, &row->planned)) {
        row->planned = reset->number < 0 ? 0 : INT64_MAX;
    }
    return true;
}

/* Whether the user chose the offset, and should hear that it was moved. */
static bool reset_is_chosen(const struct reset *reset)
{
    return reset_is(reset, "to-offset") || reset_is(reset, "shift-by") ||
           reset_is(reset, "from-file");
}

static void reset_bound(const struct reset *reset, struct group_row *row, int64_t bound,
                        const char *which)
{
    if (reset_is_chosen(reset))
        fprintf(stderr,
                "WARN: New offset (%lld) is %s offset for topic partition %s-%d. Value "
                "will be set to %lld\n",
                (long long)row->planned, which, row->topic, row->partition, (long long)bound);
    row->planned = bound;
}

/* Keeps the offsets within the logs: they are asked for the earliest, then the latest. */
static int reset_bound_all(struct reset *reset, struct group_rows *rows)
{
    int err = reset_ask(reset, rows, -2);
    for (size_t i = 0; !err && i < rows->count; i++)
        if (!rows->items[i].err && rows->items[i].planned < rows->items[i].found)
            reset_bound(reset, &rows->items[i], rows->items[i].found, "lower than earliest");
    if (!err)
        err = reset_ask(reset, rows, -1);
    for (size_t i = 0; !err && i < rows->count; i++)
        if (!rows->items[i].err && rows->items[i].planned > rows->items[i].found)
            reset_bound(reset, &rows->items[i], rows->items[i].found, "higher than latest");
    return err;
}

static void reset_leave_out(const struct reset *reset, struct group_rows *rows,
                            const bool *left_out)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct group_row *row = &rows->items[i];
        if (row->err)
            consumer_groups_error(reset->tool, "%s-%d is left out: %s", row->topic, row->partition,
                                  err_text(row->err));
        else if (left_out[i])
            row->err = ERR_INVALID;
    }
}

static int reset_plan(struct reset *reset, const char *group, struct group_rows *rows)
{
    int err = reset_rows(reset, group, rows);
    if (!err && (reset_is(reset, "to-datetime") || reset_is(reset, "by-duration")))
        err = reset_ask(reset, rows, reset->number);
    if (err)
        return err;
    bool *left_out = mem_alloc((rows->count + 1) * sizeof(*left_out));
    for (size_t i = 0; i < rows->count; i++)
        left_out[i] = !reset_plan_row(reset, &rows->items[i]);
    err = reset_bound_all(reset, rows);
    if (!err)
        reset_leave_out(reset, rows, left_out);
    mem_free(left_out);
    return err;
}

/* ---- output ---- */

static void reset_export(const struct reset *reset, const char *group,
                         const struct group_rows *rows)
{
    bool more = reset->tool->chosen.count > 1;
    char *group_cell = reset_spec_cell(group);
    for (size_t i = 0; i < rows->count; i++) {
        const struct group_row *row = &rows->items[i];
        char *topic = reset_spec_cell(row->topic);
        if (!row->err)
            printf("%s%s%s,%d,%lld\n", more ? group_cell : "", more ? "," : "", topic,
                   row->partition, (long long)row->planned);
        mem_free(topic);
    }
    mem_free(group_cell);
}

static void reset_add(struct report *report, const char *group, const struct group_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct group_row *row = &rows->items[i];
        if (row->err)
            continue;
        report_text(report, group);
        report_text(report, row->topic);
        report_number(report, row->partition);
        report_number_unless(report, row->committed, GROUP_NONE);
        report_number(report, row->planned);
    }
}

static int reset_execute(struct reset *reset, const char *group, struct group_rows *rows)
{
    int err = group_client_commit(&reset->tool->client, group, rows);
    for (size_t i = 0; !err && i < rows->count; i++)
        if (rows->items[i].err && rows->items[i].err != ERR_INVALID)
            consumer_groups_error(reset->tool, "the offset of %s-%d is not reset: %s",
                                  rows->items[i].topic, rows->items[i].partition,
                                  err_text(rows->items[i].err));
    return err;
}

/* 0, 1 when the reason is printed, or negative: client_problem. */
static int reset_group(struct reset *reset, const char *group, struct report *report)
{
    struct options *options = reset->tool->run->options;
    struct group_view view;
    struct group_rows rows = {0};
    int err = group_client_describe(&reset->tool->client, group, &view);
    bool inactive = !err && (!view.exists || group_view_is(&view, "Empty"));
    if (!err && !inactive)
        consumer_groups_error(reset->tool,
                              "Assignments can only be reset if the group '%s' is inactive, but "
                              "the current state is %.*s.",
                              group, WIRE_STR_ARGS(view.state));
    group_view_free(&view);
    if (!inactive)
        return err;
    err = reset_plan(reset, group, &rows);
    if (!err && options_has(options, "execute"))
        err = reset_execute(reset, group, &rows);
    if (!err && options_has(options, "export"))
        reset_export(reset, group, &rows);
    else if (!err)
        reset_add(report, group, &rows);
    group_rows_free(&rows);
    return err;
}

int consumer_groups_reset(struct consumer_groups *tool)
{
    static const struct report_column columns[] = {
        {"group", "GROUP", 30, NULL},          {"topic", "TOPIC", 30, NULL},
        {"partition", "PARTITION", 10, NULL},  {"currentOffset", NULL, 0, NULL},
        {"newOffset", "NEW-OFFSET", 15, NULL}, REPORT_END};
    struct reset reset = {.tool = tool};
    int err = reset_read(&reset);
    struct report *report = report_new("offsets");
    report_columns(report, columns);
    report_style(report, TABLE_PADDED);
    for (size_t i = 0; !err && i < tool->chosen.count; i++)
        err = reset_group(&reset, tool->chosen.items[i].id, report);
    if (!err && tool->format == REPORT_KAFKA)
        putchar('\n'); /* before a table, and behind CSV */
    if (!err && !options_has(tool->run->options, "export"))
        report_print(report, tool->format, stdout);
    report_free(report);
    mem_free(reset.file);
    if (err == ERR_UNKNOWN_TOPIC_OR_PARTITION) { /* the command line is wrong, not the cluster */
        consumer_groups_fail(tool);
        return 1;
    }
    return err < 0 ? consumer_groups_fail(tool) : err;
}

/* kafka-streams-application-reset: makes an application of Kafka Streams begin anew.
 *
 * Happy path: nobody is in the application's group; the offsets of its input topics go where the
 * options say, and the topics that Kafka Streams made for it are deleted. Failure modes: members
 * are there (--force takes them out), topics that are not there are told and left out (status 1),
 * a topic to delete that is none of the application's is refused before anything is deleted. */
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "tools/group_client.h"
#include "tools/report.h"
#include "tools/reset_spec.h"
#include "tools/text_file.h"
#include "tools/tools.h"
#include "tools/topic_deletion.h"

static const struct option_row reset_options[] = {
    TOOL_CONNECT_OPTIONS,
    OPTION_SAME("config-file", "FILE", "command-config"),
    OPTION("application-id", "ID", "The application.id: the application's group has this name."),
    OPTION("input-topics", "TOPIC,...", "Topics that it reads; their offsets are set (earliest)."),
    OPTION("intermediate-topics", "TOPIC,...",
           "Topics that it writes and reads; their offsets go to the end (deprecated)."),
    OPTION("internal-topics", "TOPIC,...",
           "Of the topics that would be deleted, only these; see --dry-run."),
    OPTION("to-offset", "N", "To this offset."),
    OPTION("to-datetime", "TIME", "To records from then on: YYYY-MM-DDTHH:mm:SS.sss."),
    OPTION("by-duration", "TIME", "To records of the last PnDTnHnMnS."),
    OPTION("to-earliest", NULL, "To the beginning."),
    OPTION("to-latest", NULL, "To the end."),
    OPTION("from-file", "FILE", "To what its lines TOPIC,PARTITION,OFFSET say."),
    OPTION("shift-by", "N", "By so many records on; a negative number: back."),
    OPTION("dry-run", NULL, "Say what would be done, and do nothing."),
    OPTION("force", NULL, "Take members out of the group that are still in it."),
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

enum { RESET_CALL_MS = 15000 }; /* a coordinator loads in a fraction of a second */

struct reset {
    struct tool_run *run;
    struct group_client groups;
    const char *group, *target; /* target: the option that says where to; NULL = earliest */
    int64_t number;             /* of to-offset, shift-by; ms since 1970 for times */
    struct group_rows plan;     /* of from-file, sorted */
    bool dry;
    int status; /* 1 once something was left out */
    FILE *out;  /* of what is told in words */
    struct report *offsets, *missing, *deleted;
};

/* ---- options ---- */

static const char *const reset_targets[] = {
    "to-offset", "to-datetime", "by-duration", "to-earliest", "to-latest", "from-file", "shift-by",
};

static int reset_read_number(struct reset *r, const char *text, int64_t min)
{
    char *end;
    r->number = strtoll(text, &end, 10);
    return end != text && *end == '\0' && r->number >= min
               ? 0
               : tool_misuse(r->run, "--%s %s: write a number", r->target, text);
}

static int reset_read_line(struct reset *r, const char *path, char *line, int number)
{
    struct reset_spec_row row;
    size_t len = strlen(line);
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len == 0)
        return 0;
    if (!reset_spec_row(line, len, &row))
        return tool_fail(r->run, "--from-file %s line %d: write TOPIC,PARTITION,OFFSET", path,
                         number);
    bool three = row.group == NULL;
    if (three)
        group_rows_add(&r->plan, row.topic, strlen(row.topic), row.partition)->planned = row.offset;
    reset_spec_row_free(&row);
    return three ? 0
                 : tool_fail(r->run, "--from-file %s line %d: write TOPIC,PARTITION,OFFSET", path,
                             number);
}

static int reset_read_plan(struct reset *r, const char *path)
{
    size_t len;
    char *text = text_file_read(path, &len), *save = NULL;
    int status = 0, number = 0;
    if (!text || len == TEXT_FILE_MAX) {
        mem_free(text);
        return tool_fail(r->run, "--from-file %s: it can't be read, or is larger than %d bytes",
                         path, TEXT_FILE_MAX);
    }
    for (char *line = strtok_r(text, "\n", &save); line && status == 0;
         line = strtok_r(NULL, "\n", &save))
        status = reset_read_line(r, path, line, ++number);
    mem_free(text);
    group_rows_sort(&r->plan);
    return status;
}

static bool reset_is(const struct reset *r, const char *target)
{
    return r->target && strcmp(r->target, target) == 0;
}

static int reset_read_target(struct reset *r)
{
    const char *text = options_get(r->run->options, r->target);
    int64_t ms;
    if (reset_is(r, "to-offset"))
        return reset_read_number(r, text, 0);
    if (reset_is(r, "shift-by"))
        return reset_read_number(r, text, INT64_MIN);
    if (reset_is(r, "from-file"))
        return reset_read_plan(r, text);
    if (reset_is(r, "to-datetime") && !reset_spec_datetime(text, &r->number))
        return tool_misuse(r->run, "--to-datetime %s: write YYYY-MM-DDTHH:mm:SS.sss", text);
    if (reset_is(r, "by-duration")) {
        if (!reset_spec_duration(text, &ms))
            return tool_misuse(r->run, "--by-duration %s: write PnDTnHnMnS, as in P1DT12H", text);
        r->number = env_wall_ms(r->run->env) - ms;
    }
    return 0;
}

static int reset_read_options(struct reset *r)
{
    const struct options *options = r->run->options;
    r->group = options_get(options, "application-id");
    r->dry = options_has(options, "dry-run");
    if (!r->group || r->group[0] == '\0')
        return tool_misuse(r->run, "which application? Give it with --application-id ID");
    for (size_t i = 0; i < ARRAY_LEN(reset_targets); i++) {
        if (!options_has(options, reset_targets[i]))
            continue;
        if (r->target)
            return tool_misuse(r->run, "--%s can't be used with --%s: give one of them", r->target,
                               reset_targets[i]);
        r->target = reset_targets[i];
    }
    if (r->target && !options_has(options, "input-topics"))
        return tool_misuse(r->run, "--%s goes with --input-topics", r->target);
    return 0;
}

/* ---- topics ---- */

/* The next name of a list with commas; false at its end. */
static bool reset_next_name(const char **list, const char **name, size_t *len)
{
    do {
        *name = *list;
        *len = strcspn(*list, ",");
        *list += *len + ((*list)[*len] == ',');
    } while (*len == 0 && **list);
    return *len > 0;
}

static bool reset_names(const char *list, const char *name)
{
    const char *at;
    size_t len;
    while (list && reset_next_name(&list, &at, &len))
        if (len == strlen(name) && memcmp(at, name, len) == 0)
            return true;
    return false;
}

/* "[a, b]", as Java prints a list. */
static void reset_print_list(const struct reset *r, const char *title, const char *list)
{
    const char *name;
    size_t len;
    const char *comma = "";
    fprintf(r->out, "%s [", title);
    while (reset_next_name(&list, &name, &len)) {
        fprintf(r->out, "%s%.*s", comma, (int)len, name);
        comma = ", ";
    }
    fputs("]\n", r->out);
}

/* Adds the partitions of the topics that are there; says which are not. */
static int reset_add_topics(struct reset *r, const char *list, const char *missing,
                            const char *format, struct group_rows *rows)
{
    const struct metadata_response *metadata;
    const char *name;
    size_t len;
    bool told = false;
    int err = group_client_metadata(&r->groups, &metadata);
    while (!err && list && reset_next_name(&list, &name, &len)) {
        const struct metadata_response_metadata_response_topic *topic =
            group_client_topic(metadata, name, len);
        for (int32_t i = 0; topic && i < topic->partitions.count; i++)
            if (!group_rows_find(rows, topic->name.data, (size_t)topic->name.len,
                                 topic->partitions.items[i].partition_index)) {
                group_rows_add(rows, topic->name.data, (size_t)topic->name.len,
                               topic->partitions.items[i].partition_index);
                group_rows_sort(rows);
            }
        if (topic)
            continue;
        report_printf(r->missing, "%.*s", (int)len, name);
        report_text(r->missing, missing);
        if (!told)
            fprintf(r->out, "Following %s topics are not found, skipping them\n", missing);
        fprintf(r->out, "%s%.*s\n", format, (int)len, name);
        told = true;
        r->status = 1;
    }
    return err;
}

/* ---- offsets ---- */

static int reset_ask(struct reset *r, struct group_rows *rows, int64_t time)
{
    for (size_t i = 0; i < rows->count; i++)
        rows->items[i].asked = time;
    int err = group_client_list_offsets(&r->groups, rows);
    for (size_t i = 0; !err && i < rows->count; i++)
        if (rows->items[i].err) {
            client_set_problem(r->run->client, "the offsets of %s-%d can't be asked: %s",
                               rows->items[i].topic, rows->items[i].partition,
                               err_text(rows->items[i].err));
            err = rows->items[i].err;
        }
    return err;
}

/* What a row of the plan says, or ERR_INVALID: the file must name the partitions of the input. */
static int reset_from_plan(struct reset *r, struct group_row *row)
{
    const struct group_row *found =
        group_rows_find(&r->plan, row->topic, strlen(row->topic), row->partition);
    if (found)
        row->planned = found->planned;
    else
        client_set_problem(r->run->client, "--from-file has no line for %s-%d", row->topic,
                           row->partition);
    return found ? 0 : ERR_INVALID;
}

static void reset_bound(const struct reset *r, struct group_row *row, int64_t begin, int64_t end)
{
    bool high = row->planned >= end, low = !high && row->planned <= begin;
    if (high || low)
        fprintf(r->out, "New offset (%" PRId64 ") is %s offset. Value will be set to %" PRId64 "\n",
                row->planned, high ? "higher than latest" : "lower than earliest",
                high ? end : begin);
    row->planned = high ? end : low ? begin : row->planned;
}

/* To where the position is now: what is committed, else the end, as a consumer begins there. */
static int reset_shift(struct reset *r, struct group_rows *rows)
{
    struct group_rows committed = {0};
    int err = group_client_committed(&r->groups, r->group, &committed);
    for (size_t i = 0; !err && i < rows->count; i++) {
        struct group_row *row = &rows->items[i];
        const struct group_row *found =
            group_rows_find(&committed, row->topic, strlen(row->topic), row->partition);
        int64_t from = found && found->committed >= 0 ? found->committed : row->found;
        if (__builtin_add_overflow(from, r->number, &row->planned))
            row->planned = r->number < 0 ? INT64_MIN : INT64_MAX;
    }
    group_rows_free(&committed);
    return err;
}

static int reset_to_time(struct reset *r, struct group_rows *rows, const int64_t *ends)
{
    int err = reset_ask(r, rows, r->number);
    for (size_t i = 0; !err && i < rows->count; i++) {
        struct group_row *row = &rows->items[i];
        row->planned = row->found == GROUP_NONE ? ends[i] : row->found;
        if (row->found == GROUP_NONE)
            fprintf(r->out,
                    "Partition %d from topic %s is empty, without a committed record. Falling back "
                    "to latest known offset.\n",
                    row->partition, row->topic);
    }
    return err;
}

/* What needs both ends of the logs: an offset that is named is held between them. */
static int reset_to_chosen(struct reset *r, struct group_rows *rows, const int64_t *ends)
{
    int err = reset_is(r, "shift-by") ? reset_shift(r, rows) : 0;
    for (size_t i = 0; !err && i < rows->count; i++) {
        if (reset_is(r, "to-offset"))
            rows->items[i].planned = r->number;
        else if (reset_is(r, "from-file"))
            err = reset_from_plan(r, &rows->items[i]);
    }
    if (!err)
        err = reset_ask(r, rows, -2);
    for (size_t i = 0; !err && i < rows->count; i++)
        reset_bound(r, &rows->items[i], rows->items[i].found, ends[i]);
    return err;
}

/* Sets `planned` of each row. */
static int reset_plan_rows(struct reset *r, struct group_rows *rows)
{
    int64_t *ends = mem_alloc((rows->count + 1) * sizeof(*ends));
    bool earliest = !r->target || reset_is(r, "to-earliest");
    int err = reset_ask(r, rows, earliest ? -2 : -1);
    for (size_t i = 0; !err && i < rows->count; i++)
        ends[i] = rows->items[i].planned = rows->items[i].found;
    if (!err && (reset_is(r, "to-datetime") || reset_is(r, "by-duration")))
        err = reset_to_time(r, rows, ends);
    else if (!err && !earliest && !reset_is(r, "to-latest"))
        err = reset_to_chosen(r, rows, ends);
    mem_free(ends);
    return err;
}

static int reset_commit(struct reset *r, struct group_rows *rows)
{
    int err = r->dry || rows->count == 0 ? 0 : group_client_commit(&r->groups, r->group, rows);
    for (size_t i = 0; !err && i < rows->count; i++)
        if (rows->items[i].err) {
            client_set_problem(r->run->client, "the offset of %s-%d can't be set: %s",
                               rows->items[i].topic, rows->items[i].partition,
                               err_text(rows->items[i].err));
            err = rows->items[i].err;
        }
    return err;
}

static void reset_put_offset(struct reset *r, const struct group_row *row, const char *kind)
{
    report_text(r->offsets, row->topic);
    report_number(r->offsets, row->partition);
    report_number(r->offsets, row->planned);
    report_text(r->offsets, kind);
}

static int reset_input(struct reset *r, struct group_rows *rows)
{
    if (rows->count == 0)
        return 0;
    fprintf(r->out, "Following input topics offsets will be reset to (for consumer group %s)\n",
            r->group);
    int err = reset_plan_rows(r, rows);
    for (size_t i = 0; !err && i < rows->count; i++) {
        fprintf(r->out, "Topic: %s Partition: %d Offset: %" PRId64 "\n", rows->items[i].topic,
                rows->items[i].partition, rows->items[i].planned);
        reset_put_offset(r, &rows->items[i], "input");
    }
    return err;
}

static int reset_intermediate(struct reset *r, struct group_rows *rows)
{
    if (rows->count == 0)
        return 0;
    fprintf(r->out,
            "Following intermediate topics offsets will be reset to end (for consumer group %s)\n",
            r->group);
    int err = reset_ask(r, rows, -1);
    for (size_t i = 0; !err && i < rows->count; i++) {
        rows->items[i].planned = rows->items[i].found;
        fprintf(r->out, "Topic: %s\n", rows->items[i].topic);
        reset_put_offset(r, &rows->items[i], "intermediate");
    }
    return err;
}

static int reset_offsets(struct reset *r)
{
    const char *input = options_get(r->run->options, "input-topics");
    const char *between = options_get(r->run->options, "intermediate-topics");
    struct group_rows rows = {0}, ends = {0};
    if (between)
        fputs(
            "WARN: `--intermediate-topics` is deprecated and will be removed in a future release\n",
            r->out);
    if (!input && !between) {
        fputs("No input or intermediate topics specified. Skipping seek.\n", r->out);
        return 0;
    }
    if (input)
        reset_print_list(r, "Reset-offsets for input topics", input);
    if (between)
        reset_print_list(r, "Seek-to-end for intermediate topics", between);
    int err = reset_add_topics(r, input, "input", "Topic: ", &rows);
    if (!err)
        err = reset_add_topics(r, between, "intermediate", "Topic:", &ends);
    if (!err)
        err = reset_input(r, &rows);
    if (!err)
        err = reset_intermediate(r, &ends);
    if (!err)
        err = reset_commit(r, &rows);
    if (!err)
        err = reset_commit(r, &ends);
    if (!err && rows.count + ends.count > 0)
        fputs("Done.\n", r->out);
    group_rows_free(&rows);
    group_rows_free(&ends);
    return err;
}

/* ---- internal topics ---- */

/* Kafka Streams names its topics by the application, and by what they are for. */
static bool reset_is_internal(const struct reset *r, const regex_t *kinds, const char *topic)
{
    size_t len = strlen(r->group);
    bool user = reset_names(options_get(r->run->options, "input-topics"), topic) ||
                reset_names(options_get(r->run->options, "intermediate-topics"), topic);
    return !user && strncmp(topic, r->group, len) == 0 && topic[len] == '-' &&
           regexec(kinds, topic, 0, NULL, 0) == 0;
}

static int reset_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those of the application, sorted; the caller's to mem_free, one by one and as a whole. */
static int reset_find_internal(struct reset *r, char ***names, size_t *count)
{
    const struct metadata_response *metadata;
    regex_t kinds;
    int err = group_client_metadata(&r->groups, &metadata);
    int wrong = regcomp(&kinds,
                        "(-changelog|-repartition|-subscription-registration-topic|"
                        "-subscription-response-topic|"
                        ".-KTABLE-FK-JOIN-SUBSCRIPTION-(REGISTRATION|RESPONSE)-[0-9]+-topic)$",
                        REG_EXTENDED | REG_NOSUB);
    ASSERT(wrong == 0);
    *count = 0;
    *names = mem_alloc(sizeof(**names));
    for (int32_t i = 0; !err && i < metadata->topics.count; i++) {
        struct wire_str name = metadata->topics.items[i].name;
        char *text = mem_strndup(name.data, (size_t)name.len);
        if (reset_is_internal(r, &kinds, text)) {
            *names = mem_realloc(*names, (*count + 1) * sizeof(**names));
            (*names)[(*count)++] = text;
        } else {
            mem_free(text);
        }
    }
    regfree(&kinds);
    qsort(*names, *count, sizeof(**names), reset_compare);
    return err;
}

static bool reset_has(char *const *names, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return true;
    return false;
}

/* Leaves those of --internal-topics; 0, or 1 with the message printed when one is none of them. */
static int reset_choose(struct reset *r, const char *list, char **names, size_t *count)
{
    const char *name, *at = list;
    size_t len, kept = 0;
    while (reset_next_name(&at, &name, &len))
        if (!reset_has(names, *count, name, len))
            return tool_fail(r->run,
                             "--internal-topics: %.*s is no internal topic of %s: --dry-run "
                             "without this option lists those that can be deleted; nothing was "
                             "deleted",
                             (int)len, name, r->group);
    for (size_t i = 0; i < *count; i++) {
        if (reset_names(list, names[i]))
            names[kept++] = names[i];
        else
            mem_free(names[i]);
    }
    *count = kept;
    return 0;
}

/* 0, or 1 with the message printed. */
static int reset_delete(struct reset *r, char *const *names, size_t count)
{
    struct client_answer answer = {0};
    struct wire_str *list = mem_alloc((count + 1) * sizeof(*list));
    struct buf text;
    for (size_t i = 0; i < count; i++)
        list[i] = wire_str_from(names[i]);
    int status = topic_deletion_send(r->run, list, (int32_t)count, &answer);
    const struct delete_topics_response *deleted = answer.response;
    buf_init(&text);
    for (int32_t i = 0; status == 0 && i < deleted->responses.count; i++) {
        int16_t code = deleted->responses.items[i].error_code;
        report_string(r->deleted, deleted->responses.items[i].name);
        report_text(r->deleted, code ? err_name(err_from_wire(code)) : NULL);
        if (code)
            r->status =
                tool_fail(r->run, "%.*s can't be deleted: %s",
                          WIRE_STR_ARGS(deleted->responses.items[i].name),
                          tool_error_text(code, deleted->responses.items[i].error_message, &text));
    }
    buf_close(&text);
    client_answer_free(&answer);
    mem_free(list);
    return status;
}

static void reset_print_names(const struct reset *r, const char *title, char *const *names,
                              size_t count)
{
    fprintf(r->out, "%s [", title);
    for (size_t i = 0; i < count; i++)
        fprintf(r->out, "%s%s", i ? ", " : "", names[i]);
    fputs("]\n", r->out);
}

/* 0, 1 with the message printed, or negative: client_problem. */
static int reset_internal(struct reset *r)
{
    const char *list = options_get(r->run->options, "internal-topics");
    char **names;
    size_t count;
    int err = reset_find_internal(r, &names, &count);
    if (!err && list)
        err = reset_choose(r, list, names, &count);
    if (!err) {
        reset_print_names(
            r, list ? "Deleting specified internal topics" : "Deleting inferred internal topics",
            names, count);
        for (size_t i = 0; r->dry && i < count; i++) {
            report_text(r->deleted, names[i]);
            report_none(r->deleted);
        }
        if (!r->dry && count > 0)
            err = reset_delete(r, names, count);
    }
    if (!err)
        fputs("Done.\n", r->out);
    for (size_t i = 0; i < count; i++)
        mem_free(names[i]);
    mem_free(names);
    return err;
}

/* ---- the group ---- */

/* 0, 1 with the message printed, or negative: client_problem. */
static int reset_members(struct reset *r)
{
    struct group_view view;
    int err = group_client_describe(&r->groups, r->group, &view);
    if (!err && view.exists && view.member_count > 0 && !options_has(r->run->options, "force"))
        err =
            tool_fail(r->run,
                      "the group %s is still active, with %d %s: stop all instances of the "
                      "application, or take them out of the group with --force",
                      r->group, view.member_count, plural(view.member_count, "member", "members"));
    else if (!err && view.exists && view.member_count > 0 && r->dry)
        fprintf(r->out, "%d %s would be taken out of the group %s\n", view.member_count,
                plural(view.member_count, "member", "members"), r->group);
    else if (!err && view.exists && view.member_count > 0) {
        fprintf(r->out, "Force deleting all active members in the group: %s\n", r->group);
        err = group_client_remove_members(&r->groups, r->group, &view);
    }
    group_view_free(&view);
    return err;
}

static int reset_run_all(struct reset *r)
{
    int err = reset_members(r);
    if (!err && r->dry)
        fputs("----Dry run displays the actions which will be performed when running Streams Reset "
              "Tool----\n",
              r->out);
    if (!err)
        err = reset_offsets(r);
    if (!err)
        err = reset_internal(r);
    return err;
}

/* What was done, or would be. */
static void reset_print(const struct reset *r)
{
    const struct report *const reports[] = {r->offsets, r->missing, r->deleted};
    if (report_format(r->run) != REPORT_KAFKA)
        report_print_all(reports, ARRAY_LEN(reports), report_format(r->run), stdout);
}

static void reset_open(struct reset *r)
{
    static const struct report_column offsets[] = {
        {.name = "topic"}, {.name = "partition"}, {.name = "offset"}, {.name = "kind"}, REPORT_END};
    static const struct report_column missing[] = {{.name = "topic"}, {.name = "kind"}, REPORT_END};
    static const struct report_column deleted[] = {
        {.name = "topic"}, {.name = "error"}, REPORT_END};
    r->out = report_format(r->run) == REPORT_KAFKA ? stdout : stderr;
    r->offsets = report_new("offsets");
    r->missing = report_new("missingTopics");
    r->deleted = report_new("deletedTopics");
    report_columns(r->offsets, offsets);
    report_columns(r->missing, missing);
    report_columns(r->deleted, deleted);
    group_client_init(&r->groups, r->run, RESET_CALL_MS);
}

static void reset_close(struct reset *r)
{
    group_rows_free(&r->plan);
    group_client_close(&r->groups);
    report_free(r->offsets);
    report_free(r->missing);
    report_free(r->deleted);
}

static int reset_run(struct tool_run *run)
{
    struct reset r = {.run = run};
    if (reset_read_options(&r) || tool_connect(run))
        return 1;
    reset_open(&r);
    int err = r.target ? reset_read_target(&r) : 0;
    if (!err)
        err = reset_run_all(&r);
    if (!err)
        reset_print(&r);
    if (err < 0)
        err = tool_fail_client(run);
    reset_close(&r);
    return err ? err : r.status;
}

const struct tool tool_streams_reset = {
    .name = "streams-application-reset",
    .link = "kafka-streams-application-reset",
    .synopsis = "--bootstrap-server HOST:PORT --application-id ID [--input-topics TOPIC,...] ...",
    .summary = "Make an application of Kafka Streams begin anew.",
    .options = reset_options,
    .run = reset_run,
};

/* The plan of a drain or a balance on the screen, and what became of it.
 *
 * Happy path: a sentence, a table of brokers before and after, a table of partitions; or one JSON
 * object with both. Failure modes: none. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/plural.h"
#include "env/env.h"
#include "tools/cluster_view.h"
#include "tools/move.h"

enum { MOVE_SIZE_TEXT = 32, MOVE_LINE_EACH_MS = 10000 };

/* ---- tables ---- */

static void move_report_bytes(struct report *report, int64_t bytes)
{
    char text[MOVE_SIZE_TEXT];
    cluster_view_bytes(bytes, text, sizeof(text));
    report_number(report, bytes);
    report_as(report, "%s", text);
}

static struct report *move_report_brokers(const struct move_state *state)
{
    static const struct report_column columns[] = {{.name = "broker"},        {.name = "replicas"},
                                                   {.name = "replicasAfter"}, {.name = "leaders"},
                                                   {.name = "leadersAfter"},  {.name = "bytes"},
                                                   {.name = "bytesAfter"},    REPORT_END};
    const struct placement *p = &state->placement;
    size_t size = ((size_t)p->broker_count + 1) * sizeof(struct placement_load);
    struct placement_load *before = mem_alloc(size), *after = mem_alloc(size);
    struct report *report = report_new("brokers");
    report_columns(report, columns);
    placement_loads(p, true, before);
    placement_loads(p, false, after);
    for (int32_t i = 0; i < p->broker_count; i++) {
        report_number(report, p->brokers[i].id);
        report_number(report, before[i].replicas);
        report_number(report, after[i].replicas);
        report_number(report, before[i].leaders);
        report_number(report, after[i].leaders);
        move_report_bytes(report, before[i].bytes);
        move_report_bytes(report, after[i].bytes);
    }
    mem_free(before);
    mem_free(after);
    return report;
}

static struct report *move_report_partitions(const struct move_state *state,
                                             const struct move_item *items, size_t count)
{
    static const struct report_column columns[] = {
        {.name = "topic"},  {.name = "partition"}, {.name = "replicas"},
        {.name = "target"}, {.name = "bytes"},     {.name = "underWay"},
        REPORT_END};
    struct report *report = report_new("partitions");
    report_columns(report, columns);
    for (size_t i = 0; i < count; i++) {
        const struct plan_item *item = &state->current.items[items[i].index];
        const move_row *row = state->rows[items[i].index];
        int32_t *target = move_target(state, items[i].index);
        report_text(report, item->topic);
        report_number(report, item->partition);
        report_ids(report, row->replica_nodes.items, row->replica_nodes.count);
        report_ids(report, target, item->replicas.count);
        move_report_bytes(report, items[i].copies * state->bytes[items[i].index]);
        report_flag(report, items[i].under_way);
        mem_free(target);
    }
    return report;
}

/* ---- the plan ---- */

/* The least and the most of a kind of load, over the brokers that take part. */
struct move_range {
    int64_t least, most;
};

static void move_widen(struct move_range *range, bool first, int64_t value)
{
    range->least = first || value < range->least ? value : range->least;
    range->most = first || value > range->most ? value : range->most;
}

static void move_measure(const struct placement *p, bool before, struct move_range ranges[3])
{
    struct placement_load *loads = mem_alloc(((size_t)p->broker_count + 1) * sizeof(*loads));
    bool first = true;
    placement_loads(p, before, loads);
    memset(ranges, 0, 3 * sizeof(*ranges));
    for (int32_t i = 0; i < p->broker_count; i++) {
        if (!p->brokers[i].takes)
            continue;
        move_widen(&ranges[0], first, loads[i].replicas);
        move_widen(&ranges[1], first, loads[i].leaders);
        move_widen(&ranges[2], first, loads[i].bytes);
        first = false;
    }
    mem_free(loads);
}

static void move_print_gain(const struct placement *p)
{
    struct move_range from[3], to[3];
    char text[4][MOVE_SIZE_TEXT];
    move_measure(p, true, from);
    move_measure(p, false, to);
    cluster_view_bytes(from[2].least, text[0], MOVE_SIZE_TEXT);
    cluster_view_bytes(from[2].most, text[1], MOVE_SIZE_TEXT);
    cluster_view_bytes(to[2].least, text[2], MOVE_SIZE_TEXT);
    cluster_view_bytes(to[2].most, text[3], MOVE_SIZE_TEXT);
    printf("A broker that takes part has\n");
    printf("  replicas  %" PRId64 " to %" PRId64 ", then %" PRId64 " to %" PRId64 "\n",
           from[0].least, from[0].most, to[0].least, to[0].most);
    printf("  leaders   %" PRId64 " to %" PRId64 ", then %" PRId64 " to %" PRId64 "\n",
           from[1].least, from[1].most, to[1].least, to[1].most);
    printf("  bytes     %s to %s, then %s to %s\n\n", text[0], text[1], text[2], text[3]);
}

static void move_print_sum(const struct move_state *state, const struct move_item *items,
                           size_t count)
{
    char text[MOVE_SIZE_TEXT];
    int64_t bytes = 0, copies = 0;
    for (size_t i = 0; i < count; i++) {
        copies += items[i].copies;
        bytes += items[i].copies * state->bytes[items[i].index];
    }
    cluster_view_bytes(bytes, text, sizeof(text));
    printf("%zu of %zu %s; %" PRId64 " replica%s copied, %s\n\n", count, state->current.count,
           plural((int64_t)state->current.count, "partition changes", "partitions change"), copies,
           plural(copies, " is", "s are"), text);
}

/* Those that others lead than the first replica, and that a balance has it lead again. */
static void move_print_elections(const struct move_state *state)
{
    int32_t count = 0;
    for (int32_t i = 0; state->leaves < 0 && i < state->placement.partition_count; i++) {
        const struct placement_partition *partition = &state->placement.partitions[i];
        const struct placement_broker *first = &state->placement.brokers[partition->replicas[0]];
        count +=
            first->takes && !placement_changed(partition) && state->rows[i]->leader_id != first->id;
    }
    if (count > 0)
        printf("%d partition%s led by another than the first replica, which leads again.\n", count,
               plural(count, " is", "s are"));
}

void move_report_plan(const struct move_state *state, enum report_format format)
{
    size_t count;
    struct move_item *items = move_items(state, &count);
    struct report *brokers = move_report_brokers(state);
    struct report *partitions = move_report_partitions(state, items, count);
    const struct report *both[] = {brokers, partitions};
    if (format == REPORT_KAFKA)
        move_print_elections(state);
    if (format == REPORT_KAFKA && count == 0) {
        printf("Nothing is to be moved.\n");
    } else {
        if (format == REPORT_KAFKA) {
            move_print_sum(state, items, count);
            move_print_gain(&state->placement);
        }
        report_print_all(both, 2, format == REPORT_KAFKA ? REPORT_TABLE : format, stdout);
    }
    report_free(brokers);
    report_free(partitions);
    mem_free(items);
}

/* ---- the end ---- */

void move_report_result(const struct tool_run *run, int32_t broker, const char *state,
                        const struct move_result *result)
{
    static const struct report_column columns[] = {{.name = "broker"},
                                                   {.name = "state"},
                                                   {.name = "partitions"},
                                                   {.name = "bytes"},
                                                   REPORT_END};
    char text[MOVE_SIZE_TEXT];
    cluster_view_bytes(result->bytes, text, sizeof(text));
    if (report_format(run) == REPORT_KAFKA) {
        if (broker >= 0)
            printf("Broker %d is %s", broker, state);
        else
            printf("The cluster is %s", state);
        printf("; %zu partition%s changed, %s copied.\n", result->partitions,
               plural(result->partitions, "", "s"), text);
        return;
    }
    struct report *report = report_new(NULL);
    report_columns(report, columns);
    report_number_unless(report, broker, MOVE_NOBODY);
    report_text(report, state);
    report_number(report, (int64_t)result->partitions);
    move_report_bytes(report, result->bytes);
    report_print(report, report_format(run), stdout);
    report_free(report);
}

/* ---- the line ---- */

void move_line_open(const struct tool_run *run, struct move_line *line)
{
    *line = (struct move_line){.out = report_format(run) == REPORT_KAFKA ? stdout : stderr};
    line->live = isatty(fileno(line->out));
}

/* The cursor stays at the beginning, so that an error covers the line. */
void move_line_print(const struct tool_run *run, struct move_line *line, const char *format, ...)
{
    va_list args;
    struct buf text;
    buf_init(&text);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    bool same = line->last && strcmp(line->last, buf_text(&text)) == 0;
    if (line->live) {
        fprintf(line->out, "\r%s\033[K\r", buf_text(&text));
    } else if (!same &&
               (!line->last || env_now_ms(run->env) - line->last_ms >= MOVE_LINE_EACH_MS)) {
        fprintf(line->out, "%s\n", buf_text(&text));
        line->last_ms = env_now_ms(run->env);
    }
    fflush(line->out);
    if (line->live || !line->last || line->last_ms == env_now_ms(run->env)) {
        mem_free(line->last);
        line->last = mem_strdup(buf_text(&text));
    }
    buf_close(&text);
}

void move_line_close(struct move_line *line)
{
    if (line->live && line->last)
        fprintf(line->out, "\r\033[K");
    fflush(line->out);
    mem_free(line->last);
    line->last = NULL;
}

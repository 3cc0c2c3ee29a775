/* kafka-consumer-groups --describe: offsets, members or the state of groups.
 *
 * Happy path: the coordinator tells state and members, for the offsets it also tells what is
 * committed, and the leaders tell where the logs end. Failure modes: a group that is not there, on
 * stdout; a group without members or on the move, a remark on stderr; a partition without a leader
 * shows "-" for what is not known. */
#include "tools/consumer_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/table.h"

enum { DESCRIBE_WIDTH = 15 };

/* ---- cells ---- */

static void describe_text(struct table *table, struct wire_str text)
{
    if (wire_str_is_empty(text))
        table_cell(table, "-");
    else
        table_cell(table, "%.*s", WIRE_STR_ARGS(text));
}

static void describe_number(struct table *table, int64_t number)
{
    if (number == GROUP_NONE)
        table_cell(table, "-");
    else
        table_cell(table, "%lld", (long long)number);
}

/* The remark that goes with a state; whether there is anything to show. */
static bool describe_state_remark(const char *group, const struct group_view *view)
{
    fflush(stdout);
    if (!view->exists)
        consumer_groups_error("Consumer group '%s' does not exist.", group);
    else if (group_view_is(view, "Empty"))
        fprintf(stderr, "\nConsumer group '%s' has no active members.\n", group);
    else if (!group_view_is(view, "Stable"))
        fprintf(stderr, "\nWarning: Consumer group '%s' is rebalancing.\n", group);
    return view->exists;
}

static void describe_print(struct table *table)
{
    putchar('\n');
    table_print(table, stdout);
    table_free(table);
}

/* ---- offsets ---- */

static int describe_compare_members(const void *a, const void *b)
{
    const struct group_member *x = a, *y = b;
    return (x->partitions < y->partitions) - (x->partitions > y->partitions);
}

/* Members with most partitions come first; what nobody owns comes last. */
static int describe_compare_rows(const void *a, const void *b)
{
    const struct group_row *x = a, *y = b;
    int x_member = x->member < 0 ? INT32_MAX : x->member;
    int y_member = y->member < 0 ? INT32_MAX : y->member;
    if (x_member != y_member)
        return x_member < y_member ? -1 : 1;
    int order = strcmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static void describe_add_owned(const struct group_view *view, struct group_rows *rows)
{
    for (int32_t m = 0; m < view->member_count; m++)
        for (int32_t t = 0; t < view->members[m].current_count; t++) {
            const struct group_assigned *assigned = &view->members[m].current[t];
            for (int32_t p = 0; p < assigned->count; p++)
                group_rows_add(rows, assigned->topic.data, (size_t)assigned->topic.len,
                               assigned->partitions[p])
                    ->member = m;
        }
}

/* The committed offsets go to the rows of the owners; the rest are rows without one. */
static void describe_join(const struct group_rows *committed, struct group_rows *rows)
{
    size_t owned = rows->count;
    for (size_t i = 0; i < committed->count; i++) {
        const struct group_row *from = &committed->items[i];
        struct group_rows view = {rows->items, owned}; /* only these are sorted */
        struct group_row *row =
            group_rows_find(&view, from->topic, strlen(from->topic), from->partition);
        if (!row)
            row = group_rows_add(rows, from->topic, strlen(from->topic), from->partition);
        row->committed = from->committed;
        row->leader_epoch = from->leader_epoch;
    }
}

static int describe_offset_rows(struct consumer_groups *tool, const char *group,
                                const struct group_view *view, struct group_rows *rows)
{
    struct group_rows committed = {0};
    int err = group_client_committed(&tool->client, group, &committed);
    describe_add_owned(view, rows);
    group_rows_sort(rows);
    describe_join(&committed, rows);
    group_rows_free(&committed);
    group_rows_sort(rows);
    for (size_t i = 0; i < rows->count; i++)
        rows->items[i].asked = -1; /* the latest */
    if (!err)
        err = group_client_list_offsets(&tool->client, rows);
    if (rows->count > 0)
        qsort(rows->items, rows->count, sizeof(*rows->items), describe_compare_rows);
    return err;
}

static void describe_offset_row(struct table *table, const char *group,
                                const struct group_view *view, const struct group_row *row,
                                bool verbose)
{
    bool lag = row->committed != GROUP_NONE && row->found != GROUP_NONE;
    table_cell(table, "%s", group);
    table_cell(table, "%s", row->topic);
    table_cell(table, "%d", row->partition);
    if (verbose)
        describe_number(table, row->leader_epoch);
    describe_number(table, row->committed);
    describe_number(table, row->found);
    if (lag)
        table_cell(table, "%lld", (long long)(row->found - row->committed));
    else
        table_cell(table, "-");
    const struct group_member *member = row->member < 0 ? NULL : &view->members[row->member];
    describe_text(table, member ? member->id : WIRE_STR_NULL);
    describe_text(table, member ? member->host : WIRE_STR_NULL);
    describe_text(table, member ? member->client : WIRE_STR_NULL);
}

static struct table *describe_offset_table(bool verbose)
{
    struct table *table = table_new(TABLE_SPACES);
    table_column(table, "GROUP", DESCRIBE_WIDTH);
    table_column(table, "TOPIC", DESCRIBE_WIDTH);
    table_column(table, "PARTITION", 10);
    if (verbose)
        table_column(table, "LEADER-EPOCH", DESCRIBE_WIDTH);
    table_column(table, "CURRENT-OFFSET", DESCRIBE_WIDTH);
    table_column(table, "LOG-END-OFFSET", DESCRIBE_WIDTH);
    table_column(table, "LAG", DESCRIBE_WIDTH);
    table_column(table, "CONSUMER-ID", DESCRIBE_WIDTH);
    table_column(table, "HOST", DESCRIBE_WIDTH);
    table_column(table, "CLIENT-ID", 0);
    return table;
}

static int describe_offsets(struct consumer_groups *tool, const char *group,
                            struct group_view *view)
{
    bool verbose = options_has(tool->run->options, "verbose");
    struct group_rows rows = {0};
    if (view->member_count > 0)
        qsort(view->members, (size_t)view->member_count, sizeof(*view->members),
              describe_compare_members);
    int err = view->exists ? describe_offset_rows(tool, group, view, &rows) : 0;
    if (!err && describe_state_remark(group, view) && rows.count > 0) {
        struct table *table = describe_offset_table(verbose);
        for (size_t i = 0; i < rows.count; i++)
            describe_offset_row(table, group, view, &rows.items[i], verbose);
        describe_print(table);
    }
    group_rows_free(&rows);
    return err;
}

/* ---- members ---- */

static int describe_compare_numbers(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int describe_compare_topics(const void *a, const void *b)
{
    const struct group_assigned *x = a, *y = b;
    int32_t shorter = x->topic.len < y->topic.len ? x->topic.len : y->topic.len;
    int order = shorter > 0 ? memcmp(x->topic.data, y->topic.data, (size_t)shorter) : 0;
    return order ? order : (x->topic.len > y->topic.len) - (x->topic.len < y->topic.len);
}

/* "t1:0,1;t2:3"; "-" for nothing. */
static void describe_assigned(struct table *table, struct group_assigned *topics, int32_t count)
{
    struct buf text;
    buf_init(&text);
    if (count > 0)
        qsort(topics, (size_t)count, sizeof(*topics), describe_compare_topics);
    for (int32_t i = 0; i < count; i++) {
        size_t size = (size_t)topics[i].count * sizeof(int32_t);
        int32_t *sorted = mem_alloc(size + sizeof(int32_t));
        if (size > 0) {
            memcpy(sorted, topics[i].partitions, size);
            qsort(sorted, (size_t)topics[i].count, sizeof(*sorted), describe_compare_numbers);
        }
        buf_printf(&text, "%s%.*s:", i ? ";" : "", WIRE_STR_ARGS(topics[i].topic));
        for (int32_t p = 0; p < topics[i].count; p++)
            buf_printf(&text, p ? ",%d" : "%d", sorted[p]);
        mem_free(sorted);
    }
    table_cell(table, "%s", text.len > 0 ? buf_text(&text) : "-");
    buf_close(&text);
}

/* What the members of a group make necessary to show. */
struct describe_columns {
    bool instance, verbose, upgraded;
};

static struct describe_columns describe_columns(const struct tool_run *run,
                                                const struct group_view *view)
{
    struct describe_columns columns = {.verbose = options_has(run->options, "verbose")};
    for (int32_t i = 0; i < view->member_count; i++) {
        columns.instance |= !wire_str_is_empty(view->members[i].instance);
        columns.upgraded |= view->is_consumer && view->members[i].member_type == 0;
    }
    columns.upgraded &= columns.verbose;
    return columns;
}

static struct table *describe_member_table(const struct describe_columns *columns)
{
    struct table *table = table_new(TABLE_PADDED);
    table_column(table, "GROUP", DESCRIBE_WIDTH);
    table_column(table, "CONSUMER-ID", DESCRIBE_WIDTH);
    if (columns->instance)
        table_column(table, "GROUP-INSTANCE-ID", 17);
    table_column(table, "HOST", DESCRIBE_WIDTH);
    table_column(table, "CLIENT-ID", DESCRIBE_WIDTH);
    table_column(table, "#PARTITIONS", DESCRIBE_WIDTH);
    if (columns->verbose) {
        table_column(table, "CURRENT-EPOCH", DESCRIBE_WIDTH);
        table_column(table, "CURRENT-ASSIGNMENT", 20);
        table_column(table, "TARGET-EPOCH", DESCRIBE_WIDTH);
        table_column(table, "TARGET-ASSIGNMENT", 20);
    }
    if (columns->upgraded)
        table_column(table, "UPGRADED", 0);
    return table;
}

static void describe_member_row(struct table *table, const char *group,
                                const struct group_view *view, struct group_member *member,
                                const struct describe_columns *columns)
{
    table_cell(table, "%s", group);
    describe_text(table, member->id);
    if (columns->instance)
        describe_text(table, member->instance);
    describe_text(table, member->host);
    describe_text(table, member->client);
    table_cell(table, "%d", member->partitions);
    if (columns->verbose) {
        describe_number(table, member->epoch);
        describe_assigned(table, member->current, member->current_count);
        describe_number(table, view->epoch);
        describe_assigned(table, member->target, member->target_count);
    }
    if (columns->upgraded)
        table_cell(table, "%s", member->member_type == 1 ? "true" : "false");
}

static int describe_members(struct consumer_groups *tool, const char *group,
                            struct group_view *view)
{
    if (!describe_state_remark(group, view) || view->member_count == 0)
        return 0;
    struct describe_columns columns = describe_columns(tool->run, view);
    struct table *table = describe_member_table(&columns);
    for (int32_t i = 0; i < view->member_count; i++)
        describe_member_row(table, group, view, &view->members[i], &columns);
    describe_print(table);
    return 0;
}

/* ---- state ---- */

static int describe_state(struct consumer_groups *tool, const char *group, struct group_view *view)
{
    bool verbose = options_has(tool->run->options, "verbose");
    if (!describe_state_remark(group, view))
        return 0;
    struct table *table = table_new(TABLE_SPACES);
    table_column(table, "GROUP", DESCRIBE_WIDTH);
    table_column(table, "COORDINATOR (ID)", 25);
    table_column(table, "ASSIGNMENT-STRATEGY", 20);
    table_column(table, "STATE", 20);
    if (verbose) {
        table_column(table, "GROUP-EPOCH", DESCRIBE_WIDTH);
        table_column(table, "TARGET-ASSIGNMENT-EPOCH", 25);
    }
    table_column(table, "#MEMBERS", 0);
    table_cell(table, "%s", group);
    table_cell(table, "%s  (%d)", client_address(tool->run->client, view->coordinator),
               view->coordinator);
    describe_text(table, view->assignor);
    describe_text(table, view->state);
    if (verbose) {
        describe_number(table, view->epoch);
        describe_number(table, view->assignment_epoch);
    }
    table_cell(table, "%d", view->member_count);
    describe_print(table);
    return 0;
}

int consumer_groups_describe(struct consumer_groups *tool)
{
    int (*show)(struct consumer_groups *, const char *, struct group_view *) = describe_offsets;
    int err = 0;
    if (options_has(tool->run->options, "members"))
        show = describe_members;
    if (options_has(tool->run->options, "state"))
        show = describe_state;
    for (size_t i = 0; !err && i < tool->chosen.count; i++) {
        struct group_view view;
        err = group_client_describe(&tool->client, tool->chosen.items[i].id, &view);
        if (!err)
            err = show(tool, tool->chosen.items[i].id, &view);
        group_view_free(&view);
    }
    return err ? consumer_groups_fail(tool) : 0;
}

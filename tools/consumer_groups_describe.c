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
#include "base/sort.h"

enum { DESCRIBE_WIDTH = 15 };

struct describe {
    struct consumer_groups *tool;
    struct report *report;
    bool verbose;
};

/* The remark that goes with a state; whether there is anything to show. */
static bool describe_state_remark(const struct consumer_groups *tool, const char *group,
                                  const struct group_view *view)
{
    fflush(stdout);
    if (!view->exists)
        consumer_groups_error(tool, "Consumer group '%s' does not exist.", group);
    else if (group_view_is(view, "Empty"))
        fprintf(stderr, "\nConsumer group '%s' has no active members.\n", group);
    else if (!group_view_is(view, "Stable"))
        fprintf(stderr, "\nWarning: Consumer group '%s' is rebalancing.\n", group);
    return view->exists;
}

/* Kafka's text has a table for each group, the other forms one for all. */
static void describe_print(struct describe *d)
{
    if (d->tool->format != REPORT_KAFKA)
        return;
    putchar('\n');
    report_print(d->report, REPORT_KAFKA, stdout);
    report_clear(d->report);
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

static void describe_offset_row(struct report *report, const char *group,
                                const struct group_view *view, const struct group_row *row)
{
    static const struct group_member nobody; /* all that is shown of it is empty */
    const struct group_member *member = row->member < 0 ? &nobody : &view->members[row->member];
    report_text(report, group);
    report_text(report, row->topic);
    report_number(report, row->partition);
    report_number_unless(report, row->leader_epoch, GROUP_NONE);
    report_number_unless(report, row->committed, GROUP_NONE);
    report_number_unless(report, row->found, GROUP_NONE);
    if (row->committed != GROUP_NONE && row->found != GROUP_NONE)
        report_number(report, row->found - row->committed);
    else
        report_none(report);
    report_string(report, member->id);
    report_string(report, member->host);
    report_string(report, member->client);
}

static struct report *describe_offset_report(bool verbose)
{
    static const struct report_column columns[] = {
        {"group", "GROUP", DESCRIBE_WIDTH, NULL},
        {"topic", "TOPIC", DESCRIBE_WIDTH, NULL},
        {"partition", "PARTITION", 10, NULL},
        {"leaderEpoch", "LEADER-EPOCH", DESCRIBE_WIDTH, NULL},
        {"currentOffset", "CURRENT-OFFSET", DESCRIBE_WIDTH, NULL},
        {"logEndOffset", "LOG-END-OFFSET", DESCRIBE_WIDTH, NULL},
        {"lag", "LAG", DESCRIBE_WIDTH, NULL},
        {"consumerId", "CONSUMER-ID", DESCRIBE_WIDTH, NULL},
        {"host", "HOST", DESCRIBE_WIDTH, NULL},
        {"clientId", "CLIENT-ID", 0, NULL},
        REPORT_END};
    struct report *report = report_new("offsets");
    report_columns(report, columns);
    report_show(report, "leaderEpoch", verbose);
    return report;
}

static int describe_offsets(struct describe *d, const char *group, struct group_view *view)
{
    struct group_rows rows = {0};
    if (view->member_count > 0)
        qsort(view->members, (size_t)view->member_count, sizeof(*view->members),
              describe_compare_members);
    int err = view->exists ? describe_offset_rows(d->tool, group, view, &rows) : 0;
    if (!err && describe_state_remark(d->tool, group, view) && rows.count > 0) {
        for (size_t i = 0; i < rows.count; i++)
            describe_offset_row(d->report, group, view, &rows.items[i]);
        describe_print(d);
    }
    group_rows_free(&rows);
    return err;
}

/* ---- members ---- */

static int describe_compare_topics(const void *a, const void *b)
{
    const struct group_assigned *x = a, *y = b;
    int32_t shorter = x->topic.len < y->topic.len ? x->topic.len : y->topic.len;
    int order = shorter > 0 ? memcmp(x->topic.data, y->topic.data, (size_t)shorter) : 0;
    return order ? order : (x->topic.len > y->topic.len) - (x->topic.len < y->topic.len);
}

/* "t1:0,1;t2:3", or an array of topics with their partitions. */
static void describe_assigned(struct report *report, struct group_assigned *topics, int32_t count)
{
    struct buf text;
    json_t *list = json_array();
    buf_init(&text);
    if (count > 0)
        qsort(topics, (size_t)count, sizeof(*topics), describe_compare_topics);
    for (int32_t i = 0; i < count; i++) {
        size_t size = (size_t)topics[i].count * sizeof(int32_t);
        int32_t *sorted = mem_alloc(size + sizeof(int32_t));
        json_t *topic = json_object(), *partitions = json_array();
        if (size > 0) {
            memcpy(sorted, topics[i].partitions, size);
            sort_int32(sorted, (size_t)topics[i].count);
        }
        buf_printf(&text, "%s%.*s:", i ? ";" : "", WIRE_STR_ARGS(topics[i].topic));
        for (int32_t p = 0; p < topics[i].count; p++) {
            buf_printf(&text, p ? ",%d" : "%d", sorted[p]);
            json_array_append_new(partitions, json_integer(sorted[p]));
        }
        json_object_set_new(topic, "topic",
                            report_json_text(topics[i].topic.data, (size_t)topics[i].topic.len));
        json_object_set_new(topic, "partitions", partitions);
        json_array_append_new(list, topic);
        mem_free(sorted);
    }
    report_value(report, list);
    report_as(report, "%s", text.len > 0 ? buf_text(&text) : "-");
    buf_close(&text);
}

/* What no member has is not shown. */
static struct report *describe_member_report(bool verbose)
{
    static const struct report_column columns[] = {
        {"group", "GROUP", DESCRIBE_WIDTH, NULL},
        {"consumerId", "CONSUMER-ID", DESCRIBE_WIDTH, NULL},
        {"groupInstanceId", "GROUP-INSTANCE-ID", 17, NULL},
        {"host", "HOST", DESCRIBE_WIDTH, NULL},
        {"clientId", "CLIENT-ID", DESCRIBE_WIDTH, NULL},
        {"partitions", "#PARTITIONS", DESCRIBE_WIDTH, NULL},
        {"currentEpoch", "CURRENT-EPOCH", DESCRIBE_WIDTH, NULL},
        {"currentAssignment", "CURRENT-ASSIGNMENT", 20, NULL},
        {"targetEpoch", "TARGET-EPOCH", DESCRIBE_WIDTH, NULL},
        {"targetAssignment", "TARGET-ASSIGNMENT", 20, NULL},
        {"upgraded", "UPGRADED", 0, NULL},
        REPORT_END};
    static const char *const more[] = {"currentEpoch", "currentAssignment", "targetEpoch",
                                       "targetAssignment"};
    struct report *report = report_new("members");
    report_columns(report, columns);
    report_style(report, TABLE_PADDED);
    for (size_t i = 0; i < ARRAY_LEN(more); i++)
        report_show(report, more[i], verbose);
    return report;
}

static void describe_member_row(struct report *report, const char *group,
                                const struct group_view *view, struct group_member *member)
{
    report_text(report, group);
    report_string(report, member->id);
    report_string(report, member->instance);
    report_string(report, member->host);
    report_string(report, member->client);
    report_number(report, member->partitions);
    report_number_unless(report, member->epoch, GROUP_NONE);
    describe_assigned(report, member->current, member->current_count);
    report_number_unless(report, view->epoch, GROUP_NONE);
    describe_assigned(report, member->target, member->target_count);
    if (view->is_consumer)
        report_flag(report, member->member_type == 1);
    else
        report_none(report);
}

static int describe_members(struct describe *d, const char *group, struct group_view *view)
{
    bool instance = false, upgraded = false;
    if (!describe_state_remark(d->tool, group, view) || view->member_count == 0)
        return 0;
    for (int32_t i = 0; i < view->member_count; i++) {
        instance |= !wire_str_is_empty(view->members[i].instance);
        upgraded |= view->is_consumer && view->members[i].member_type == 0;
        describe_member_row(d->report, group, view, &view->members[i]);
    }
    if (d->tool->format == REPORT_KAFKA) {
        report_show(d->report, "groupInstanceId", instance);
        report_show(d->report, "upgraded", upgraded && d->verbose);
    }
    describe_print(d);
    return 0;
}

/* ---- state ---- */

static struct report *describe_state_report(bool verbose)
{
    static const struct report_column columns[] = {
        {"group", "GROUP", DESCRIBE_WIDTH, NULL},
        {"coordinator", "COORDINATOR (ID)", 25, NULL},
        {"coordinatorId", NULL, 0, NULL},
        {"assignmentStrategy", "ASSIGNMENT-STRATEGY", 20, NULL},
        {"state", "STATE", 20, NULL},
        {"groupEpoch", "GROUP-EPOCH", DESCRIBE_WIDTH, NULL},
        {"targetAssignmentEpoch", "TARGET-ASSIGNMENT-EPOCH", 25, NULL},
        {"members", "#MEMBERS", 0, NULL},
        REPORT_END};
    struct report *report = report_new("groups");
    report_columns(report, columns);
    report_show(report, "groupEpoch", verbose);
    report_show(report, "targetAssignmentEpoch", verbose);
    return report;
}

static int describe_state(struct describe *d, const char *group, struct group_view *view)
{
    const char *address = client_address(d->tool->run->client, view->coordinator);
    if (!describe_state_remark(d->tool, group, view))
        return 0;
    report_text(d->report, group);
    report_text(d->report, address);
    if (d->tool->format == REPORT_KAFKA)
        report_as(d->report, "%s  (%d)", address, view->coordinator);
    report_number(d->report, view->coordinator);
    report_string(d->report, view->assignor);
    report_string(d->report, view->state);
    report_number_unless(d->report, view->epoch, GROUP_NONE);
    report_number_unless(d->report, view->assignment_epoch, GROUP_NONE);
    report_number(d->report, view->member_count);
    describe_print(d);
    return 0;
}

/* ---- which view ---- */

static const struct {
    const char *option; /* NULL: the others are not given */
    struct report *(*report)(bool verbose);
    int (*show)(struct describe *d, const char *group, struct group_view *view);
} describe_views[] = {
    {"members", describe_member_report, describe_members},
    {"state", describe_state_report, describe_state},
    {NULL, describe_offset_report, describe_offsets},
};

int consumer_groups_describe(struct consumer_groups *tool)
{
    const struct options *options = tool->run->options;
    struct describe d = {.tool = tool, .verbose = options_has(options, "verbose")};
    size_t which = 0;
    int err = 0;
    while (describe_views[which].option && !options_has(options, describe_views[which].option))
        which++;
    d.report = describe_views[which].report(d.verbose);
    for (size_t i = 0; !err && i < tool->chosen.count; i++) {
        struct group_view view;
        err = group_client_describe(&tool->client, tool->chosen.items[i].id, &view);
        if (!err)
            err = describe_views[which].show(&d, tool->chosen.items[i].id, &view);
        group_view_free(&view);
    }
    if (!err && tool->format != REPORT_KAFKA)
        report_print(d.report, tool->format, stdout);
    report_free(d.report);
    return err ? consumer_groups_fail(tool) : 0;
}

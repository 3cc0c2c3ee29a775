/* kafka-reassign-partitions: moves replicas to other brokers.
 *
 * Happy path: --generate proposes a plan, --execute starts it, --verify tells how far it is and
 * takes throttles back at its end, --list shows what is being moved, --cancel ends it. Failure
 * modes: options that contradict each other; a plan that can't be; partitions whose move is
 * refused, each of which gets a line. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "tools/reassign_ask.h"
#include "tools/reassign_dirs.h"
#include "tools/reassign_spread.h"
#include "tools/report.h"
#include "tools/tools.h"

#define REASSIGN_WITH_PLAN "execute|verify|cancel"

static const struct option_row reassign_options[] = {
    TOOL_CONTROLLERS_OPTIONS,
    OPTION("generate", NULL, "Propose a plan that spreads the topics over the brokers."),
    OPTION("execute", NULL, "Start the moves of a plan."),
    OPTION("verify", NULL,
           "Say how far the moves of a plan are; when no move is left, take throttles back."),
    OPTION("cancel", NULL, "End the moves of a plan: the replicas of before are those again."),
    OPTION("list", NULL, "Show what is being moved."),
    OPTION_WITH(REASSIGN_WITH_PLAN, "reassignment-json-file", "FILE",
                "The plan: {\"partitions\":[{\"topic\":\"T\",\"partition\":0,"
                "\"replicas\":[1,2]}]}. \"log_dirs\":[\"any\",\"/d\"] beside the replicas names "
                "their log directories."),
    OPTION_WITH("generate", "topics-to-move-json-file", "FILE",
                "The topics: {\"version\":1,\"topics\":[{\"topic\":\"T\"}]}."),
    OPTION_WITH("generate", "broker-list", "ID,...", "The brokers that shall have them."),
    OPTION_WITH("generate", "disable-rack-aware", NULL, "Pay no attention to racks."),
    OPTION_WITH(
        "execute", "throttle", "BYTES/S",
        "The most that is copied, from and to each broker; -1 = no limit. --verify takes it "
        "back."),
    OPTION_WITH("execute", "additional", NULL,
                "Although others are being moved; also for another --throttle."),
    OPTION_WITH("execute", "disallow-replication-factor-change", NULL,
                "Refuse to give a partition more or fewer replicas than it has."),
    OPTION_WITH("execute|cancel", "timeout", "MS", "How long the controller may take; 10000."),
    OPTION_WITH("verify|cancel", "preserve-throttles", NULL, "Leave throttles as they are."),
    OPTION_WITH("execute", "replica-alter-log-dirs-throttle", "BYTES/S",
                "The most that a broker copies between its log directories; -1 = no limit. "
                "--verify takes it back."),
    REPORT_OPTION_WITH("list|verify"),
    TOOL_LAST_OPTIONS,
};

struct reassign {
    struct tool_run *run;
    struct plan plan;            /* of the file */
    struct plan moves;           /* what is under way */
    struct plan current;         /* where the plan's replicas are */
    struct reassign_dirs dirs;   /* the log directories that the plan names */
    struct client_answer answer; /* Metadata */
};

static const struct metadata_response *reassign_metadata(const struct reassign *r)
{
    return r->answer.response;
}

static bool reassign_lists(const struct plan_ids *ids, struct buf *text)
{
    text->len = 0;
    buf_printf(text, "%s", "");
    plan_put_ids(ids, text);
    return ids->count > 0;
}

/* ---- --list ---- */

static void reassign_report_moves(const struct reassign *r, enum report_format format)
{
    static const struct report_column columns[] = {{.name = "topic"},    {.name = "partition"},
                                                   {.name = "replicas"}, {.name = "adding"},
                                                   {.name = "removing"}, REPORT_END};
    struct report *report = report_new("reassignments");
    report_columns(report, columns);
    for (size_t i = 0; i < r->moves.count; i++) {
        const struct plan_item *item = &r->moves.items[i];
        report_text(report, item->topic);
        report_number(report, item->partition);
        report_ids(report, item->replicas.ids, item->replicas.count);
        report_ids(report, item->adding.ids, item->adding.count);
        report_ids(report, item->removing.ids, item->removing.count);
    }
    report_print(report, format, stdout);
    report_free(report);
}

static void reassign_print_moves(const struct reassign *r)
{
    struct buf text;
    buf_init(&text);
    puts(r->moves.count ? "Current partition reassignments:" : "No partition reassignments found.");
    for (size_t i = 0; i < r->moves.count; i++) {
        const struct plan_item *item = &r->moves.items[i];
        (void)reassign_lists(&item->replicas, &text);
        printf("%s-%d: replicas: %s.", item->topic, item->partition, buf_text(&text));
        if (reassign_lists(&item->adding, &text))
            printf(" adding: %s.", buf_text(&text));
        if (reassign_lists(&item->removing, &text))
            printf(" removing: %s.", buf_text(&text));
        putchar('\n');
    }
    buf_close(&text);
}

static int reassign_list(struct reassign *r)
{
    enum report_format format = report_format(r->run);
    if (tool_connect(r->run) || reassign_ask_moves(r->run, false, &r->moves))
        return 1;
    if (format == REPORT_KAFKA)
        reassign_print_moves(r);
    else
        reassign_report_moves(r, format);
    return 0;
}

/* ---- --generate ---- */

/* Those of --broker-list that are there. */
static int reassign_brokers(struct reassign *r, const struct plan_ids *asked,
                            struct spread_broker *brokers, int32_t *count)
{
    const struct metadata_response *metadata = reassign_metadata(r);
    bool aware = !options_has(r->run->options, "disable-rack-aware");
    struct plan racks = {0};
    int32_t rackless = 0;
    for (int32_t i = 0; i < metadata->brokers.count; i++) {
        if (!plan_ids_have(asked, metadata->brokers.items[i].node_id))
            continue;
        int32_t rack = aware ? reassign_rack_number(&racks, metadata->brokers.items[i].rack) : 0;
        rackless += rack == 0;
        brokers[(*count)++] = (struct spread_broker){metadata->brokers.items[i].node_id, rack};
    }
    plan_free(&racks);
    if (aware && rackless && rackless != *count)
        return tool_fail(r->run, REASSIGN_RACKS_DIFFER);
    return 0;
}

/* Topic by topic, each with as many replicas as its first partition has. */
static int reassign_spread_topics(struct reassign *r, struct spread_broker *brokers, int32_t count)
{
    for (size_t i = 0; i < r->current.count;) {
        struct plan_item *items = &r->current.items[i];
        int32_t factor = items->replicas.count;
        size_t end = i;
        while (end < r->current.count && strcmp(r->current.items[end].topic, items->topic) == 0)
            end++;
        if (factor > count)
            return tool_fail(r->run,
                             "%s has %d %s and only %d of the brokers of --broker-list are "
                             "there: name more of them, or start those that are down",
                             items->topic, factor, plural(factor, "replica", "replicas"), count);
        reassign_spread(brokers, count, factor, env_random(r->run->env), items, end - i);
        i = end;
    }
    return 0;
}

static int reassign_propose(struct reassign *r, const struct plan_ids *asked)
{
    const struct metadata_response *metadata = reassign_metadata(r);
    struct spread_broker *brokers =
        mem_alloc(((size_t)metadata->brokers.count + 1) * sizeof(*brokers));
    int32_t count = 0;
    int status = reassign_take_current(r->run, metadata, &r->plan, false, &r->current);
    if (status == 0)
        status = reassign_brokers(r, asked, brokers, &count);
    if (status == 0) {
        puts("Current partition replica assignment");
        plan_print(&r->current);
        status = reassign_spread_topics(r, brokers, count);
    }
    if (status == 0) {
        puts("\nProposed partition reassignment configuration");
        plan_print(&r->current);
    }
    mem_free(brokers);
    return status;
}

static int reassign_generate(struct reassign *r)
{
    struct plan_ids asked = {0};
    if (!options_has(r->run->options, "topics-to-move-json-file") ||
        !options_has(r->run->options, "broker-list"))
        return tool_misuse(r->run, "--generate needs --topics-to-move-json-file and --broker-list");
    int status = plan_read_ids(r->run, "broker-list", &asked);
    if (status == 0)
        status = plan_read_topics(r->run, "topics-to-move-json-file", &r->plan);
    if (status == 0)
        status = tool_connect(r->run) || tool_metadata(r->run, &r->answer);
    if (status == 0)
        status = reassign_propose(r, &asked);
    mem_free(asked.ids);
    return status;
}

/* ---- --execute ---- */

static bool reassign_is_broker(const struct metadata_response *metadata, int32_t id)
{
    for (int32_t i = 0; i < metadata->brokers.count; i++)
        if (metadata->brokers.items[i].node_id == id)
            return true;
    return false;
}

static int reassign_check_brokers(const struct reassign *r)
{
    for (size_t i = 0; i < r->plan.count; i++) {
        const struct plan_ids *replicas = &r->plan.items[i].replicas;
        for (int32_t j = 0; j < replicas->count; j++)
            if (!reassign_is_broker(reassign_metadata(r), replicas->ids[j]))
                return tool_fail(r->run, "Unknown broker id %d", replicas->ids[j]);
    }
    return 0;
}

static int reassign_throttle(struct reassign *r)
{
    int64_t rate, dirs_rate;
    if (tool_number(r->run, "throttle", -1, INT64_MAX, -1, &rate) ||
        tool_number(r->run, "replica-alter-log-dirs-throttle", -1, INT64_MAX, -1, &dirs_rate))
        return 1;
    if (rate >= 0 || dirs_rate >= 0)
        puts("Warning: You must run --verify periodically, until the reassignment completes, to "
             "ensure the throttle is removed.");
    int status =
        rate < 0 ? 0
                 : reassign_throttle_set(r->run, &r->moves, &r->plan, &r->current, rate, stdout);
    if (status == 0 && dirs_rate >= 0)
        status = reassign_throttle_dirs(r->run, &r->dirs, dirs_rate);
    return status;
}

static int reassign_start(struct reassign *r)
{
    if (r->moves.count > 0 && !options_has(r->run->options, "additional"))
        return tool_fail(
            r->run,
            "Cannot execute because there is an existing partition assignment.  Use --additional "
            "to override this and create a new partition assignment in addition to the existing "
            "one. The --additional flag can also be used to change the throttle by resubmitting "
            "the current reassignment.");
    if (reassign_check_brokers(r) ||
        reassign_take_current(r->run, reassign_metadata(r), &r->plan, false, &r->current))
        return 1;
    puts("Current partition replica assignment\n");
    plan_print(&r->current);
    puts("\nSave this to use as the --reassignment-json-file option during rollback");
    if (reassign_throttle(r) ||
        reassign_ask_alter(r->run, &r->plan, false, "Error reassigning partition(s):"))
        return 1;
    printf("Successfully started partition reassignment%s for ", plural(r->plan.count, "", "s"));
    plan_print_names(&r->plan);
    putchar('\n');
    return reassign_dirs_start(r->run, &r->dirs);
}

static int reassign_execute(struct reassign *r)
{
    if (plan_read(r->run, "reassignment-json-file", &r->plan) || tool_connect(r->run) ||
        reassign_ask_moves(r->run, false, &r->moves) || tool_metadata(r->run, &r->answer))
        return 1;
    reassign_dirs_init(&r->dirs, &r->plan);
    return reassign_start(r);
}

/* ---- --verify ---- */

enum reassign_state { REASSIGN_DONE, REASSIGN_MOVING, REASSIGN_OTHER };

static enum reassign_state reassign_state_of(const struct reassign *r, const struct plan_item *item,
                                             struct plan_ids *now)
{
    const struct plan_item *move = plan_find(&r->moves, item->topic, item->partition);
    const struct plan_item *known = plan_find(&r->current, item->topic, item->partition);
    *now = move ? move->replicas : known ? known->replicas : (struct plan_ids){0};
    if (move)
        return REASSIGN_MOVING;
    return plan_ids_equal(now, &item->replicas) ? REASSIGN_DONE : REASSIGN_OTHER;
}

static void reassign_print_states(const struct reassign *r)
{
    struct plan_ids now;
    struct buf have, want;
    buf_init(&have);
    buf_init(&want);
    puts("Status of partition reassignment:");
    for (size_t i = 0; i < r->plan.count; i++) {
        const struct plan_item *item = &r->plan.items[i];
        enum reassign_state state = reassign_state_of(r, item, &now);
        (void)reassign_lists(&now, &have);
        (void)reassign_lists(&item->replicas, &want);
        if (state == REASSIGN_OTHER)
            printf("There is no active reassignment of partition %s-%d, but replica set is %s "
                   "rather than %s.\n",
                   item->topic, item->partition, buf_text(&have), buf_text(&want));
        else
            printf("Reassignment of partition %s-%d is %s.\n", item->topic, item->partition,
                   state == REASSIGN_DONE ? "completed" : "still in progress");
    }
    if (r->dirs.count == 0)
        putchar('\n');
    reassign_dirs_print(&r->dirs);
    buf_close(&have);
    buf_close(&want);
}

/* Of all that the plan wants of the partition, its log directories too. */
static enum reassign_state reassign_whole_state(const struct reassign *r,
                                                const struct plan_item *item, struct plan_ids *now)
{
    enum reassign_state state = reassign_state_of(r, item, now);
    enum reassign_dir_state dirs = reassign_dirs_of(&r->dirs, item);
    if (state != REASSIGN_DONE || dirs == REASSIGN_DIR_DONE)
        return state;
    return dirs == REASSIGN_DIR_MOVING ? REASSIGN_MOVING : REASSIGN_OTHER;
}

static void reassign_report_states(const struct reassign *r, enum report_format format)
{
    static const char *const states[] = {"completed", "in progress", "differs"};
    static const struct report_column columns[] = {{.name = "topic"},  {.name = "partition"},
                                                   {.name = "state"},  {.name = "replicas"},
                                                   {.name = "target"}, REPORT_END};
    struct report *report = report_new("partitions");
    struct plan_ids now;
    report_columns(report, columns);
    for (size_t i = 0; i < r->plan.count; i++) {
        const struct plan_item *item = &r->plan.items[i];
        enum reassign_state state = reassign_whole_state(r, item, &now);
        report_text(report, item->topic);
        report_number(report, item->partition);
        report_text(report, states[state]);
        report_ids(report, now.ids, now.count);
        report_ids(report, item->replicas.ids, item->replicas.count);
    }
    report_print(report, format, stdout);
    report_free(report);
}

static int reassign_verify(struct reassign *r)
{
    enum report_format format = report_format(r->run);
    if (plan_read(r->run, "reassignment-json-file", &r->plan) || tool_connect(r->run) ||
        reassign_ask_moves(r->run, false, &r->moves) || tool_metadata(r->run, &r->answer) ||
        reassign_take_current(r->run, reassign_metadata(r), &r->plan, true, &r->current))
        return 1;
    reassign_dirs_init(&r->dirs, &r->plan);
    if (reassign_dirs_ask(r->run, &r->dirs))
        return 1;
    if (format == REPORT_KAFKA)
        reassign_print_states(r);
    else
        reassign_report_states(r, format);
    if (r->moves.count > 0 || reassign_dirs_move(&r->dirs) ||
        options_has(r->run->options, "preserve-throttles"))
        return 0;
    return reassign_throttle_clear(r->run, reassign_metadata(r), &r->plan,
                                   format == REPORT_KAFKA ? stdout : stderr);
}

/* ---- --cancel ---- */

static int reassign_cancel_dirs(struct reassign *r)
{
    size_t count = 0;
    reassign_dirs_init(&r->dirs, &r->plan);
    if (r->dirs.count > 0 && r->run->controllers)
        return tool_fail(r->run, "moves between log directories are ended by the brokers: give "
                                 "--bootstrap-server for a plan that has log_dirs");
    if (reassign_dirs_ask(r->run, &r->dirs) || reassign_dirs_cancel(r->run, &r->dirs, &count))
        return 1;
    if (count > 0)
        printf("Successfully cancelled %zu move%s between log directories.\n", count,
               plural(count, "", "s"));
    else
        puts("None of the specified partition moves are active.");
    return 0;
}

static int reassign_cancel(struct reassign *r)
{
    if (plan_read(r->run, "reassignment-json-file", &r->plan) || tool_connect(r->run) ||
        reassign_ask_moves(r->run, false, &r->moves) ||
        (!r->run->controllers && tool_metadata(r->run, &r->answer)))
        return 1;
    for (size_t i = 0; i < r->plan.count; i++) {
        const struct plan_item *item = &r->plan.items[i];
        if (plan_find(&r->moves, item->topic, item->partition))
            plan_add(&r->current, item->topic, item->partition, NULL, 0);
    }
    size_t count = r->current.count;
    if (count > 0 &&
        reassign_ask_alter(r->run, &r->current, true,
                           plural(count, "Error cancelling partition reassignment for:",
                                  "Error cancelling partition reassignments for:")))
        return 1;
    if (count > 0) {
        printf("Successfully cancelled partition reassignment%s for: ", plural(count, "", "s"));
        plan_print_names(&r->current);
        putchar('\n');
    } else {
        puts("None of the specified partition reassignments are active.");
    }
    if (reassign_cancel_dirs(r))
        return 1;
    if (options_has(r->run->options, "preserve-throttles"))
        return 0;
    return reassign_throttle_clear(r->run, reassign_metadata(r), &r->plan, stdout);
}

/* ---- actions ---- */

static const struct reassign_action {
    const char *name;
    int (*run)(struct reassign *r);
    bool controllers; /* may be asked of controllers */
    bool plan;
} reassign_actions[] = {
    {"generate", reassign_generate, false, false}, {"execute", reassign_execute, false, true},
    {"verify", reassign_verify, false, true},      {"cancel", reassign_cancel, true, true},
    {"list", reassign_list, true, false},
};

static const struct reassign_action *reassign_action(struct tool_run *run)
{
    const struct reassign_action *action = NULL;
    int count = 0;
    for (size_t i = 0; i < ARRAY_LEN(reassign_actions); i++) {
        if (!options_has(run->options, reassign_actions[i].name))
            continue;
        action = &reassign_actions[i];
        count++;
    }
    if (count == 1)
        return action;
    tool_misuse(run, "give one of --generate, --execute, --verify, --cancel, --list");
    return NULL;
}

static int reassign_run(struct tool_run *run)
{
    struct reassign r = {.run = run};
    const struct reassign_action *action = reassign_action(run);
    if (!action || tool_check_action(run, action->name))
        return 1;
    if (action->plan && !options_has(run->options, "reassignment-json-file"))
        return tool_misuse(run, "--%s needs --reassignment-json-file FILE", action->name);
    if (options_has(run->options, "bootstrap-controller") && !action->controllers)
        return tool_misuse(run, "--%s asks brokers: give --bootstrap-server", action->name);
    int status = action->run(&r);
    client_answer_free(&r.answer);
    reassign_dirs_free(&r.dirs);
    plan_free(&r.plan);
    plan_free(&r.moves);
    plan_free(&r.current);
    return status;
}

const struct tool tool_reassign_partitions = {
    .name = "reassign-partitions",
    .link = "kafka-reassign-partitions",
    .synopsis = "--bootstrap-server HOST:PORT --execute --reassignment-json-file FILE",
    .summary = "Move replicas between brokers.",
    .options = reassign_options,
    .controllers = true,
    .run = reassign_run,
};

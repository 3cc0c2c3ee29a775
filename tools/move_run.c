/* Moves replicas as a plan says, some at a time, and tells how far it is.
 *
 * Happy path: as many moves as --at-once allows are under way; twice a second the controller is
 * asked which are left, and the next ones begin. At the end the preferred replicas lead, throttles
 * are taken back, and the cluster is read again: what came meanwhile is moved too. Failure modes: a
 * broker that is asked does not answer (another one is, for a while); a move is refused; Ctrl-C:
 * what is under way goes on by itself, the rest is left as it was. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "kafka/messages/describe_log_dirs.h"
#include "env/env.h"
#include "tools/cluster_view.h"
#include "tools/leader_election.h"
#include "tools/move.h"
#include "tools/reassign_ask.h"

enum {
    MOVE_AT_ONCE = 20,
    MOVE_AT_ONCE_MAX = 5000, /* the controller takes twice as many in one request */
    MOVE_LOOK_MS = 500,
    MOVE_LOOK_SOON_MS = 100, /* while moves end: small partitions take no longer */
    MOVE_MEASURE_EACH = 4,   /* looks: asking for sizes costs the brokers more */
    MOVE_FAILURES_MAX = 60,  /* looks in a row that nobody answers */
    MOVE_DOWN_MS = 30000, /* a broker that restarts is back by then, or others get the replicas */
    MOVE_REFUSED_MAX = 3, /* rounds in a row: a topic that was deleted is not in the next one */
    MOVE_ROUNDS_MAX = 20,
    MOVE_SIGNAL_STATUS = 128
};

enum move_item_state { MOVE_WAITS, MOVE_MOVES, MOVE_DONE };

struct move_run {
    struct tool_run *run;
    const struct move_state *state;
    struct move_item *items;
    size_t count;
    enum move_item_state *states; /* of each item */
    int64_t *copied;              /* bytes on the brokers that it goes to */
    int64_t at_once;
    struct move_line line;
    int64_t looked_ms, looked_left; /* the last measuring */
    double rate;                    /* bytes a ms */
    int looks, failures;
    struct plan_ids down; /* brokers, at the last measuring */
    int64_t down_ms;      /* since when one that is copied to is among them; 0 = none is */
    bool refused, again;  /* moves were refused; the plan is of no use any more */
};

static int move_signal; /* the one that came */

static void move_on_signal(void *data, int signum)
{
    (void)data;
    move_signal = signum;
}

int move_catch_signals(struct tool_run *run)
{
    int err = env_on_signal(run->env, SIGINT, move_on_signal, NULL);
    if (!err)
        err = env_on_signal(run->env, SIGTERM, move_on_signal, NULL);
    return err ? tool_fail(run, "%s", err_text(err)) : 0;
}

bool move_interrupted(void)
{
    return move_signal != 0;
}

int move_signal_status(void)
{
    return move_signal ? MOVE_SIGNAL_STATUS + move_signal : 0;
}

/* ---- how far ---- */

static size_t move_in(const struct move_run *m, enum move_item_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++)
        count += m->states[i] == state;
    return count;
}

static int64_t move_size(const struct move_run *m, size_t i)
{
    return m->items[i].copies * m->state->bytes[m->items[i].index];
}

static int64_t move_bytes_left(const struct move_run *m)
{
    int64_t left = 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->states[i] != MOVE_DONE && move_size(m, i) > m->copied[i])
            left += move_size(m, i) - m->copied[i];
    return left;
}

static void move_on_copied(void *data, int32_t broker, const char *topic, int32_t partition,
                           int64_t size)
{
    struct move_run *m = data;
    for (size_t i = 0; i < m->count; i++) {
        const struct plan_item *item = &m->state->current.items[m->items[i].index];
        if (m->states[i] == MOVE_MOVES && item->partition == partition &&
            strcmp(item->topic, topic) == 0 && !move_holds(m->state, m->items[i].index, broker))
            m->copied[i] += size;
    }
}

/* Whether a move that is under way needs the broker, which stays or is copied to (`copied`: only
 * that). */
static bool move_needs(const struct move_run *m, int32_t broker, bool copied)
{
    int32_t index = placement_find_broker(&m->state->placement, broker);
    for (size_t i = 0; i < m->count; i++) {
        const struct placement_partition *partition =
            &m->state->placement.partitions[m->items[i].index];
        if (m->states[i] != MOVE_MOVES ||
            (copied && move_holds(m->state, m->items[i].index, broker)))
            continue;
        for (int32_t j = 0; j < partition->count; j++)
            if (partition->replicas[j] == index)
                return true;
    }
    return false;
}

static void move_measure_rate(struct move_run *m)
{
    int64_t now_ms = env_now_ms(m->run->env), left = move_bytes_left(m);
    if (m->looked_ms && now_ms > m->looked_ms) {
        double rate = (double)(m->looked_left - left) / (double)(now_ms - m->looked_ms);
        m->rate = rate < 0 ? m->rate : m->rate > 0 ? (m->rate + rate) / 2 : rate;
    }
    m->looked_ms = now_ms;
    m->looked_left = left;
}

/* Asks the brokers that are copied to about the partitions that are under way. */
static void move_measure_copied(struct move_run *m)
{
    struct describe_log_dirs_request request;
    struct describe_log_dirs_request_describable_log_dir_topic *topics =
        mem_alloc((m->count + 1) * sizeof(*topics));
    int32_t count = 0;
    wire_defaults(&describe_log_dirs_request_desc, &request);
    for (size_t i = 0; i < m->count; i++) {
        struct plan_item *item = &m->state->current.items[m->items[i].index];
        m->copied[i] = 0;
        if (m->states[i] != MOVE_MOVES || m->items[i].copies == 0)
            continue;
        wire_defaults(&describe_log_dirs_request_describable_log_dir_topic_desc, &topics[count]);
        topics[count].topic = wire_str_from(item->topic);
        topics[count].partitions.items = &item->partition;
        topics[count++].partitions.count = 1;
    }
    request.topics.items = topics;
    request.topics.count = count;
    for (int32_t i = 0; count > 0 && i < m->state->placement.broker_count; i++) {
        int32_t id = m->state->placement.brokers[i].id;
        /* A broker that does not answer tells no sizes; that is no reason to end. */
        if (!plan_ids_have(&m->down, id) && move_needs(m, id, true) &&
            move_ask_sizes(m->run->client, id, &request, move_on_copied, m, NULL))
            continue;
    }
    mem_free(topics);
    move_measure_rate(m);
}

/* A move to a broker that stays down has no end. */
static void move_check_down(struct move_run *m)
{
    int64_t now_ms = env_now_ms(m->run->env);
    bool waits = false;
    mem_free(m->down.ids);
    m->down = (struct plan_ids){0};
    if (move_find_down(m->run, &m->down))
        return; /* it was told */
    for (int32_t i = 0; i < m->down.count; i++)
        waits = waits || move_needs(m, m->down.ids[i], true);
    if (!waits)
        m->down_ms = 0;
    else if (m->down_ms == 0)
        m->down_ms = now_ms;
    else if (now_ms - m->down_ms >= MOVE_DOWN_MS && m->state->leaves >= 0)
        m->again = true;
}

/* Why nothing may happen. */
static void move_put_down(const struct move_run *m, struct buf *out)
{
    for (int32_t i = 0; i < m->down.count; i++)
        if (move_needs(m, m->down.ids[i], false))
            buf_printf(out, "; broker %d is down", m->down.ids[i]);
}

static void move_tell(struct move_run *m)
{
    char left[32], rate[32];
    int64_t bytes = move_bytes_left(m);
    size_t partitions = m->count - move_in(m, MOVE_DONE);
    cluster_view_bytes(bytes, left, sizeof(left));
    cluster_view_bytes((int64_t)(m->rate * 1000), rate, sizeof(rate));
    int64_t seconds = m->rate > 0 ? (int64_t)((double)bytes / m->rate / 1000) : 0;
    struct buf rest;
    buf_init(&rest);
    if (m->rate > 0 && bytes > 0)
        buf_printf(&rest, ", %s/s, about %" PRId64 ":%02d left", rate, seconds / 60,
                   (int)(seconds % 60));
    move_put_down(m, &rest);
    move_line_print(m->run, &m->line, "%zu of %zu %s left, %s left%s", partitions, m->count,
                    plural((int64_t)m->count, "partition", "partitions"), left, buf_text(&rest));
    buf_close(&rest);
}

/* ---- moving ---- */

static void move_add_target(const struct move_state *state, int32_t index, struct plan *plan)
{
    const struct plan_item *item = &state->current.items[index];
    int32_t *target = move_target(state, index);
    plan_add(plan, item->topic, item->partition, target, state->placement.partitions[index].count);
    mem_free(target);
}

/* Begins the next ones, as many as may be under way. */
static int move_begin(struct move_run *m)
{
    struct plan some = {0};
    size_t under_way = move_in(m, MOVE_MOVES);
    size_t room = under_way < (size_t)m->at_once ? (size_t)m->at_once - under_way : 0;
    for (size_t i = 0; i < m->count && some.count < room; i++) {
        if (m->states[i] != MOVE_WAITS)
            continue;
        move_add_target(m->state, m->items[i].index, &some);
        m->states[i] = MOVE_MOVES;
    }
    int status = 0;
    if (some.count > 0)
        status = reassign_ask_alter(m->run, &some, false, "moves were refused:");
    plan_free(&some);
    return status;
}

/* What the controller does not list any more is done. */
static int move_look(struct move_run *m)
{
    struct plan moves = {0};
    if (reassign_ask_moves(m->run, false, &moves)) {
        plan_free(&moves);
        return ++m->failures > MOVE_FAILURES_MAX; /* each was told; the next broker may answer */
    }
    m->failures = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct plan_item *item = &m->state->current.items[m->items[i].index];
        if (m->states[i] == MOVE_MOVES && !plan_find(&moves, item->topic, item->partition))
            m->states[i] = MOVE_DONE;
    }
    plan_free(&moves);
    return 0;
}

static int move_turn(struct move_run *m)
{
    if (move_look(m))
        return 1;
    m->refused = m->failures == 0 && move_begin(m) != 0;
    if (m->failures == 0 && m->looks++ % MOVE_MEASURE_EACH == 0) {
        move_check_down(m);
        move_measure_copied(m);
    }
    move_tell(m);
    return 0;
}

static void move_tell_stopped(struct move_run *m)
{
    const struct tool_run *run = m->run;
    bool one = m->state->leaves >= 0;
    size_t moved = move_in(m, MOVE_DONE), moves = move_in(m, MOVE_MOVES);
    size_t waits = move_in(m, MOVE_WAITS);
    char *again =
        one ? mem_printf("%s %d", run->called, m->state->leaves) : mem_strdup(run->called);
    tool_warn(run,
              "stopped: %zu %s moved, %zu %s, %zu %s not begun%s. To go on: %s with the same "
              "options; to end what is under way: %s --cancel",
              moved, plural((int64_t)moved, "partition is", "partitions are"), moves,
              plural((int64_t)moves, "is under way and goes on by itself",
                     "are under way and go on by themselves"),
              waits, plural((int64_t)waits, "has", "have"),
              options_has(run->options, "throttle") ? ", and the throttle stays" : "", again,
              again);
    mem_free(again);
}

static int move_carry_out(struct move_run *m)
{
    int status = 0;
    for (size_t i = 0; i < m->count; i++)
        m->states[i] = m->items[i].under_way ? MOVE_MOVES : MOVE_WAITS;
    while (status == 0 && !m->again && move_in(m, MOVE_DONE) < m->count && !move_interrupted()) {
        size_t done = move_in(m, MOVE_DONE);
        status = move_turn(m);
        m->again = m->again || m->refused;
        bool goes = move_in(m, MOVE_DONE) > done;
        if (status == 0 && move_in(m, MOVE_DONE) < m->count)
            client_wait(m->run->client, goes ? MOVE_LOOK_SOON_MS : MOVE_LOOK_MS);
    }
    move_line_close(&m->line);
    if (move_interrupted() && move_in(m, MOVE_DONE) < m->count)
        move_tell_stopped(m);
    return status;
}

/* ---- before and after ---- */

static FILE *move_out(const struct tool_run *run)
{
    return report_format(run) == REPORT_KAFKA ? stdout : stderr;
}

static int move_throttle(struct move_run *m, int64_t rate)
{
    struct plan plan = {0};
    if (rate < 0)
        return 0;
    for (size_t i = 0; i < m->count; i++)
        move_add_target(m->state, m->items[i].index, &plan);
    int status = reassign_throttle_set(m->run, &m->state->moves, &plan, &m->state->current, rate,
                                       move_out(m->run));
    plan_free(&plan);
    return status;
}

/* All throttles of topics that there are: an earlier call may have been killed. The rates of
 * brokers that are down, which Metadata does not name, go too. */
static int move_unthrottle(struct tool_run *run, const struct metadata_response *metadata)
{
    struct plan topics = {0};
    struct plan_ids down = {0};
    int status = reassign_throttle_topics(run, metadata, &topics);
    if (status == 0 && topics.count > 0)
        status = move_find_down(run, &down);
    if (status == 0 && topics.count > 0)
        plan_set_ids(&topics.items[0].replicas, down.ids, down.count);
    if (status == 0 && (topics.count > 0 || options_has(run->options, "throttle")))
        status = reassign_throttle_clear(run, metadata, &topics, move_out(run));
    mem_free(down.ids);
    plan_free(&topics);
    return status;
}

/* Those that were moved, and in a balance all others that another replica leads. */
static int move_elect(struct tool_run *run, const struct move_state *state,
                      const struct move_item *items, size_t count)
{
    struct partition_list list = {0};
    size_t next = 0; /* the items are in the order of the partitions */
    for (int32_t i = 0; i < state->placement.partition_count; i++) {
        const struct plan_item *item = &state->current.items[i];
        const struct placement_partition *partition = &state->placement.partitions[i];
        bool leads =
            state->rows[i]->leader_id == state->placement.brokers[partition->replicas[0]].id;
        bool moved = next < count && items[next].index == i;
        next += moved;
        if (!leads && (moved || state->leaves < 0))
            partition_list_add(&list, item->topic, item->partition, 0);
    }
    int status = list.count > 0 ? leader_election_prefer(run, &list) : 0;
    partition_list_free(&list);
    return status;
}

/* How a round ended. */
struct move_end {
    size_t count;        /* what there was to do */
    bool again, refused; /* it was broken off, and why */
};

/* One reading of the cluster. */
static int move_round(struct tool_run *run, struct move_state *state, int64_t at_once, int64_t rate,
                      struct move_result *result, struct move_end *end)
{
    struct move_run m = {.run = run, .state = state, .at_once = at_once};
    m.items = move_items(state, &m.count);
    m.states = mem_alloc((m.count + 1) * sizeof(*m.states));
    m.copied = mem_alloc((m.count + 1) * sizeof(*m.copied));
    move_line_open(run, &m.line);
    int status = m.count > 0 ? move_throttle(&m, rate) : 0;
    if (status == 0)
        status = move_carry_out(&m);
    for (size_t i = 0; i < m.count; i++) {
        result->partitions += m.states[i] == MOVE_DONE;
        result->bytes += m.states[i] == MOVE_DONE ? move_size(&m, i) : m.copied[i];
    }
    *end = (struct move_end){m.count, m.again, m.refused};
    result->interrupted = move_interrupted();
    if (status == 0 && !result->interrupted && !m.again)
        status = move_elect(run, state, m.items, m.count);
    mem_free(m.down.ids);
    mem_free(m.items);
    mem_free(m.states);
    mem_free(m.copied);
    return status;
}

static int move_rounds(struct tool_run *run, int32_t leaves, int64_t at_once, int64_t rate,
                       struct move_result *result)
{
    bool throttled = rate >= 0;
    int refused = 0;
    for (int round = 0; round < MOVE_ROUNDS_MAX; round++) {
        struct move_state state;
        struct move_end end = {0};
        int status = move_state_read(run, leaves, &state);
        if (status == 0)
            status = move_plan(&state);
        throttled = throttled || (round == 0 && state.moves.count > 0);
        if (status == 0)
            status = move_round(run, &state, at_once, rate, result, &end);
        refused = end.refused ? refused + 1 : 0;
        if (status == 0 && refused == MOVE_REFUSED_MAX)
            status = tool_fail(run, "moves are refused again and again: what has begun goes on by "
                                    "itself; the same call takes up what is left");
        /* A balance is done once: while records come, the bytes are never quite even. */
        bool done = status || result->interrupted || (!end.again && (end.count == 0 || leaves < 0));
        if (status == 0 && done && !result->interrupted && throttled)
            status = move_unthrottle(run, state.metadata.response);
        move_state_close(&state);
        if (done)
            return status;
    }
    return tool_fail(run,
                     "broker %d gets replicas again and again: see who creates topics or moves "
                     "replicas to it, and call this again",
                     leaves);
}

int move_all(struct tool_run *run, int32_t leaves, struct move_result *result)
{
    int64_t at_once, rate;
    if (tool_number(run, "at-once", 1, MOVE_AT_ONCE_MAX, MOVE_AT_ONCE, &at_once) ||
        tool_number(run, "throttle", 1, INT64_MAX, -1, &rate))
        return 1;
    return move_rounds(run, leaves, at_once, rate, result);
}

int move_show(struct tool_run *run, int32_t leaves)
{
    struct move_state state;
    int status = move_state_read(run, leaves, &state);
    if (status == 0)
        status = move_plan(&state);
    if (status == 0)
        move_report_plan(&state, report_format(run));
    move_state_close(&state);
    return status;
}

int move_cancel(struct tool_run *run, int32_t leaves)
{
    struct client_answer metadata = {0};
    struct plan moves = {0}, ended = {0};
    int status = tool_metadata(run, &metadata) || reassign_ask_moves(run, false, &moves);
    for (size_t i = 0; status == 0 && i < moves.count; i++) {
        const struct plan_item *move = &moves.items[i];
        if (leaves < 0 || plan_ids_have(&move->removing, leaves))
            plan_add(&ended, move->topic, move->partition, NULL, 0);
    }
    if (status == 0 && ended.count > 0)
        status = reassign_ask_alter(run, &ended, true, "these moves could not be ended:");
    if (status == 0)
        printf("%zu move%s ended; what had been moved before stays where it is.\n", ended.count,
               plural(ended.count, " is", "s are"));
    if (status == 0)
        status = move_unthrottle(run, metadata.response);
    plan_free(&ended);
    plan_free(&moves);
    client_answer_free(&metadata);
    return status;
}

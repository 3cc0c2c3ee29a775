/* The state of a cluster as a planner needs it.
 *
 * Happy path: Metadata has the partitions, ListPartitionReassignments what is under way,
 * DescribeCluster all brokers with their racks, DescribeLogDirs of each the sizes. Failure modes: a
 * broker that is down gives no sizes, which counts as nothing; racks that only some brokers have;
 * no such broker; partitions that nobody leads. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/describe_log_dirs.h"
#include "tools/move.h"
#include "tools/reassign_ask.h"
#include "tools/reassign_spread.h"

/* Brokers whose bytes differ by less than a tenth of what one has, or by less than this, are even:
 * moving more than that costs more than it brings. */
enum { MOVE_SLACK_PARTS = 10, MOVE_SLACK_LEAST = 64 << 20 };
enum { MOVE_NAMED_MAX = 3 }; /* partitions in a message */

typedef struct describe_cluster_response_describe_cluster_broker move_broker_row;

int move_read_broker(const struct tool_run *run, int32_t *broker)
{
    const char *text = options_positional(run->options, 0);
    char *end = NULL;
    long id = text ? strtol(text, &end, 10) : -1;
    if (!text)
        return tool_misuse(run, "which broker? Give its id: %s 3", run->called);
    if (end == text || *end || id < 0 || id > INT32_MAX)
        return tool_misuse(run, "%s is no id of a broker: write a number, as in %s 3", text,
                           run->called);
    *broker = (int32_t)id;
    return 0;
}

/* Which options the actions read; without --plan and --cancel all count. */
static const struct {
    const char *name;
    bool plan, cancel;
} move_reads[] = {
    {"throttle", false, false},          {"at-once", false, false}, {"exclude", true, false},
    {"disable-rack-aware", true, false}, {"format", true, false},
};

int move_check_actions(const struct tool_run *run)
{
    bool plan = options_has(run->options, "plan"), cancel = options_has(run->options, "cancel");
    if (plan && cancel)
        return tool_misuse(run, "--plan or --cancel: not both");
    for (size_t i = 0; i < ARRAY_LEN(move_reads); i++)
        if (options_has(run->options, move_reads[i].name) &&
            ((plan && !move_reads[i].plan) || (cancel && !move_reads[i].cancel)))
            return tool_misuse(run, "--%s does not go with --%s: leave it out", move_reads[i].name,
                               plan ? "plan" : "cancel");
    return 0;
}

/* ---- brokers ---- */

static int move_describe(struct tool_run *run, struct client_answer *answer)
{
    struct describe_cluster_request request;
    struct buf text;
    int version = tool_version(run, KAFKA_API_DESCRIBE_CLUSTER);
    if (version < 0)
        return 1;
    wire_defaults(&describe_cluster_request_desc, &request);
    request.include_fenced_brokers = version >= 2;
    if (tool_call(run, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, version, &request, answer))
        return 1;
    const struct describe_cluster_response *response = answer->response;
    if (!response->error_code)
        return 0;
    buf_init(&text);
    tool_fail(run, "%s", tool_error_text(response->error_code, response->error_message, &text));
    buf_close(&text);
    client_answer_free(answer);
    return 1;
}

static enum move_broker move_broker_in(const struct describe_cluster_response *response, int32_t id)
{
    for (int32_t i = 0; i < response->brokers.count; i++)
        if (response->brokers.items[i].broker_id == id)
            return response->brokers.items[i].is_fenced ? MOVE_BROKER_DOWN : MOVE_BROKER_UP;
    return MOVE_BROKER_UNKNOWN;
}

int move_find_broker(struct tool_run *run, int32_t broker, enum move_broker *found)
{
    struct client_answer answer = {0};
    if (move_describe(run, &answer))
        return 1;
    *found = move_broker_in(answer.response, broker);
    client_answer_free(&answer);
    return 0;
}

int move_find_down(struct tool_run *run, struct plan_ids *down)
{
    struct client_answer answer = {0};
    if (move_describe(run, &answer))
        return 1;
    const struct describe_cluster_response *response = answer.response;
    down->ids = mem_alloc(((size_t)response->brokers.count + 1) * sizeof(*down->ids));
    for (int32_t i = 0; i < response->brokers.count; i++)
        if (response->brokers.items[i].is_fenced)
            down->ids[down->count++] = response->brokers.items[i].broker_id;
    client_answer_free(&answer);
    return 0;
}

/* The addresses of the brokers that are up, but of the one that leaves. */
static void move_addresses(const struct describe_cluster_response *response, int32_t leaves,
                           struct buf *list)
{
    for (int32_t i = 0; i < response->brokers.count; i++) {
        const move_broker_row *row = &response->brokers.items[i];
        if (row->is_fenced || row->broker_id == leaves)
            continue;
        bool colon = row->host.len > 0 && memchr(row->host.data, ':', (size_t)row->host.len);
        buf_printf(list, "%s%s%.*s%s:%d", list->len ? "," : "", colon ? "[" : "",
                   WIRE_STR_ARGS(row->host), colon ? "]" : "", row->port);
    }
}

/* The broker that was named may be the one that leaves, or may be killed on the way. */
int move_connect(struct tool_run *run, int32_t leaves)
{
    struct client_answer answer = {0};
    struct buf list;
    if (tool_connect(run) || move_describe(run, &answer))
        return 1;
    buf_init(&list);
    move_addresses(answer.response, leaves, &list);
    int status = list.len > 0 ? tool_reconnect(run, buf_text(&list)) : 0;
    buf_close(&list);
    client_answer_free(&answer);
    return status;
}

static int move_add_brokers(struct move_state *state,
                            const struct describe_cluster_response *response)
{
    const struct tool_run *run = state->run;
    bool aware = !options_has(run->options, "disable-rack-aware");
    struct plan racks = {0};
    struct plan_ids excluded = {0};
    int32_t rackless = 0;
    int status =
        options_has(run->options, "exclude") ? plan_read_ids(run, "exclude", &excluded) : 0;
    state->broker = move_broker_in(response, state->leaves);
    for (int32_t i = 0; status == 0 && i < response->brokers.count; i++) {
        const move_broker_row *row = &response->brokers.items[i];
        struct placement_broker broker = {.id = row->broker_id};
        broker.rack = aware ? reassign_rack_number(&racks, row->rack) : 0;
        broker.leaves = broker.id == state->leaves;
        broker.takes = !row->is_fenced && !broker.leaves && !plan_ids_have(&excluded, broker.id);
        rackless += broker.rack == 0;
        placement_add_broker(&state->placement, &broker);
    }
    for (int32_t i = 0; status == 0 && i < excluded.count; i++)
        if (placement_find_broker(&state->placement, excluded.ids[i]) < 0)
            status = tool_fail(run, "--exclude: there is no broker %d", excluded.ids[i]);
    if (status == 0 && aware && rackless && rackless != response->brokers.count)
        status = tool_fail(run, REASSIGN_RACKS_DIFFER);
    plan_free(&racks);
    mem_free(excluded.ids);
    return status;
}

/* What a broker has that is only restarted would be evened out around it. */
static void move_warn_down(const struct move_state *state,
                           const struct describe_cluster_response *response)
{
    for (int32_t i = 0; i < response->brokers.count; i++)
        if (response->brokers.items[i].is_fenced)
            tool_warn(
                state->run,
                "broker %d is down and takes no part: what it has stays there, and the others "
                "are evened out among themselves",
                response->brokers.items[i].broker_id);
}

static int move_read_brokers(struct move_state *state)
{
    struct client_answer answer = {0};
    if (move_describe(state->run, &answer))
        return 1;
    int status = move_add_brokers(state, answer.response);
    if (status == 0 && state->leaves < 0)
        move_warn_down(state, answer.response);
    client_answer_free(&answer);
    return status;
}

/* The index of a broker; one that is not registered any more, but named, is added. */
static int32_t move_broker_index(struct move_state *state, int32_t id)
{
    struct placement_broker gone = {.id = id, .leaves = id == state->leaves};
    int32_t index = placement_find_broker(&state->placement, id);
    return index >= 0 ? index : placement_add_broker(&state->placement, &gone);
}

/* ---- partitions ---- */

static bool move_is_live(const struct move_state *state, int32_t id)
{
    const struct metadata_response *metadata = state->metadata.response;
    for (int32_t i = 0; i < metadata->brokers.count; i++)
        if (metadata->brokers.items[i].node_id == id)
            return true;
    return false;
}

/* A move that adds a broker which is down may never end: then the replicas of before count, and the
 * planner finds others. */
static bool move_can_end(const struct move_state *state, const struct plan_item *move)
{
    for (int32_t i = 0; i < move->adding.count; i++)
        if (!move_is_live(state, move->adding.ids[i]))
            return false;
    return true;
}

static void move_add_partition(struct move_state *state, const char *topic, const move_row *row)
{
    const struct plan_item *move = plan_find(&state->moves, topic, row->partition_index);
    struct plan_item *item = plan_add(&state->current, topic, row->partition_index,
                                      row->replica_nodes.items, row->replica_nodes.count);
    if (!move)
        return;
    const struct plan_ids *out = move_can_end(state, move) ? &move->removing : &move->adding;
    item->replicas.count = 0;
    for (int32_t i = 0; i < row->replica_nodes.count; i++)
        if (!plan_ids_have(out, row->replica_nodes.items[i]))
            item->replicas.ids[item->replicas.count++] = row->replica_nodes.items[i];
}

/* What Metadata says, in the order of the items. */
static void move_find_rows(struct move_state *state)
{
    const struct metadata_response *metadata = state->metadata.response;
    for (int32_t t = 0; t < metadata->topics.count; t++) {
        char *name = wire_str_dup(metadata->topics.items[t].name);
        for (int32_t i = 0; i < metadata->topics.items[t].partitions.count; i++) {
            const move_row *row = &metadata->topics.items[t].partitions.items[i];
            const struct plan_item *item = plan_find(&state->current, name, row->partition_index);
            if (item)
                state->rows[item - state->current.items] = row;
        }
        mem_free(name);
    }
}

static void move_read_partitions(struct move_state *state)
{
    const struct metadata_response *metadata = state->metadata.response;
    for (int32_t t = 0; t < metadata->topics.count; t++) {
        char *name = wire_str_dup(metadata->topics.items[t].name);
        for (int32_t i = 0; i < metadata->topics.items[t].partitions.count; i++)
            if (metadata->topics.items[t].partitions.items[i].replica_nodes.count > 0)
                move_add_partition(state, name, &metadata->topics.items[t].partitions.items[i]);
        mem_free(name);
    }
    plan_sort(&state->current);
    state->rows = mem_alloc((state->current.count + 1) * sizeof(*state->rows));
    state->bytes = mem_alloc((state->current.count + 1) * sizeof(*state->bytes));
    move_find_rows(state);
}

/* ---- sizes ---- */

/* The controller gives such a broker nothing. */
static bool move_is_cordoned(const struct describe_log_dirs_response *response)
{
    int32_t working = 0, cordoned = 0;
    for (int32_t i = 0; i < response->results.count; i++) {
        working += response->results.items[i].error_code == 0;
        cordoned +=
            response->results.items[i].error_code == 0 && response->results.items[i].is_cordoned;
    }
    return working > 0 && cordoned == working;
}

int move_ask_sizes(struct client *client, int32_t broker,
                   const struct describe_log_dirs_request *request, move_take_size *take,
                   void *data, bool *cordoned)
{
    struct client_answer answer = {0};
    int version = client_version(client, broker, KAFKA_API_DESCRIBE_LOG_DIRS, INT16_MAX);
    int err = version < 0 ? version
                          : client_call(client, broker, KAFKA_API_DESCRIBE_LOG_DIRS,
                                        (int16_t)version, request, &answer);
    const struct describe_log_dirs_response *response = answer.response;
    for (int32_t d = 0; !err && d < response->results.count; d++)
        for (int32_t t = 0; t < response->results.items[d].topics.count; t++) {
            const struct describe_log_dirs_response_describe_log_dirs_topic *topic =
                &response->results.items[d].topics.items[t];
            char *name = wire_str_dup(topic->name);
            for (int32_t i = 0; i < topic->partitions.count; i++)
                take(data, broker, name, topic->partitions.items[i].partition_index,
                     topic->partitions.items[i].partition_size);
            mem_free(name);
        }
    if (cordoned && !err)
        *cordoned = move_is_cordoned(response);
    client_answer_free(&answer);
    return err;
}

/* The largest replica counts: another one may be a copy that has just begun. */
static void move_on_size(void *data, int32_t broker, const char *topic, int32_t partition,
                         int64_t size)
{
    struct move_state *state = data;
    const struct plan_item *item = plan_find(&state->current, topic, partition);
    (void)broker;
    if (item && size > state->bytes[item - state->current.items])
        state->bytes[item - state->current.items] = size;
}

static void move_take_cordoned(struct move_state *state, int32_t id)
{
    int32_t index = placement_find_broker(&state->placement, id);
    if (index < 0 || !state->placement.brokers[index].takes)
        return;
    state->placement.brokers[index].takes = false;
    tool_warn(state->run,
              "broker %d takes no part: all of its log directories are cordoned "
              "(cordoned.log.dirs), so it gets nothing, and what it has stays there",
              id);
}

static int move_read_sizes(struct move_state *state)
{
    const struct metadata_response *metadata = state->metadata.response;
    struct describe_log_dirs_request request;
    wire_defaults(&describe_log_dirs_request_desc, &request);
    request.topics.count = -1; /* all of them */
    for (int32_t i = 0; i < metadata->brokers.count; i++) {
        int32_t id = metadata->brokers.items[i].node_id;
        bool cordoned = false;
        if (move_ask_sizes(state->run->client, id, &request, move_on_size, state, &cordoned))
            return tool_fail_client(state->run);
        if (cordoned)
            move_take_cordoned(state, id);
    }
    return 0;
}

/* ---- the whole ---- */

static void move_fill_placement(struct move_state *state)
{
    int32_t topic = -1;
    for (size_t i = 0; i < state->current.count; i++) {
        const struct plan_item *item = &state->current.items[i];
        int32_t *replicas = mem_alloc(((size_t)item->replicas.count + 1) * sizeof(*replicas));
        topic += i == 0 || strcmp(item->topic, state->current.items[i - 1].topic) != 0;
        for (int32_t j = 0; j < item->replicas.count; j++)
            replicas[j] = move_broker_index(state, item->replicas.ids[j]);
        int32_t index = placement_add(&state->placement, topic, state->bytes[i], replicas,
                                      item->replicas.count);
        ASSERT((size_t)index == i);
        mem_free(replicas);
    }
}

/* Brokers count as even within a tenth of what one of them has on average. */
static int64_t move_slack(const struct placement *p)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < p->partition_count; i++)
        bytes += p->partitions[i].bytes * p->partitions[i].count;
    int64_t slack = p->broker_count ? bytes / p->broker_count / MOVE_SLACK_PARTS : 0;
    return slack > MOVE_SLACK_LEAST ? slack : MOVE_SLACK_LEAST;
}

int move_state_read(struct tool_run *run, int32_t leaves, struct move_state *state)
{
    *state = (struct move_state){.run = run, .leaves = leaves};
    if (tool_metadata(run, &state->metadata) || reassign_ask_moves(run, false, &state->moves) ||
        move_read_brokers(state))
        return 1;
    if (leaves >= 0 && state->broker == MOVE_BROKER_UNKNOWN)
        return tool_fail(run,
                         "there is no broker %d in this cluster: kafka-cluster list-endpoints "
                         "--include-fenced-brokers lists those that there are",
                         leaves);
    move_read_partitions(state);
    if (move_read_sizes(state))
        return 1;
    move_fill_placement(state);
    state->placement.bytes_slack = move_slack(&state->placement);
    return 0;
}

void move_state_close(struct move_state *state)
{
    placement_free(&state->placement);
    plan_free(&state->moves);
    plan_free(&state->current);
    client_answer_free(&state->metadata);
    mem_free(state->rows);
    mem_free(state->bytes);
    *state = (struct move_state){0};
}

/* ---- planning ---- */

int32_t *move_target(const struct move_state *state, int32_t index)
{
    const struct placement_partition *partition = &state->placement.partitions[index];
    int32_t *ids = mem_alloc(((size_t)partition->count + 1) * sizeof(*ids));
    for (int32_t i = 0; i < partition->count; i++)
        ids[i] = state->placement.brokers[partition->replicas[i]].id;
    return ids;
}

static const struct plan_item *move_of(const struct move_state *state, int32_t index)
{
    const struct plan_item *item = &state->current.items[index];
    return plan_find(&state->moves, item->topic, item->partition);
}

bool move_holds(const struct move_state *state, int32_t index, int32_t id)
{
    const struct plan_item *move = move_of(state, index);
    const move_row *row = state->rows[index];
    if (move && plan_ids_have(&move->adding, id))
        return false;
    for (int32_t i = 0; i < row->replica_nodes.count; i++)
        if (row->replica_nodes.items[i] == id)
            return true;
    return false;
}

static int32_t move_copies(const struct move_state *state, int32_t index)
{
    const struct placement_partition *partition = &state->placement.partitions[index];
    int32_t copies = 0;
    for (int32_t i = 0; i < partition->count; i++)
        copies += !move_holds(state, index, state->placement.brokers[partition->replicas[i]].id);
    return copies;
}

/* Of what is under way and can end, a drain waits for what takes its broker out, a balance for
 * all. */
static bool move_waits_for(const struct move_state *state, const struct plan_item *move)
{
    return move && move_can_end(state, move) &&
           (state->leaves < 0 || plan_ids_have(&move->removing, state->leaves));
}

struct move_item *move_items(const struct move_state *state, size_t *count)
{
    struct move_item *items = mem_alloc((state->current.count + 1) * sizeof(*items));
    *count = 0;
    for (int32_t i = 0; i < state->placement.partition_count; i++) {
        const struct plan_item *move = move_of(state, i);
        bool changed = placement_changed(&state->placement.partitions[i]);
        if (!changed && !move_waits_for(state, move))
            continue;
        items[(*count)++] = (struct move_item){i, !changed, move_copies(state, i)};
    }
    return items;
}

/* What is moved is copied from the leader. */
static int move_check_leaders(const struct move_state *state)
{
    struct buf names;
    size_t count, leaderless = 0;
    struct move_item *items = move_items(state, &count);
    buf_init(&names);
    for (size_t i = 0; i < count; i++) {
        const struct plan_item *item = &state->current.items[items[i].index];
        if (state->rows[items[i].index]->leader_id >= 0)
            continue;
        if (leaderless++ < MOVE_NAMED_MAX)
            buf_printf(&names, "%s%s-%d", leaderless > 1 ? ", " : "", item->topic, item->partition);
    }
    int status = 0;
    if (leaderless > 0)
        status = tool_fail(state->run,
                           "nothing is moved: %zu partition%s no leader to copy from (%s%s): what "
                           "they hold is on brokers that are down, start those first",
                           leaderless, plural(leaderless, " has", "s have"), buf_text(&names),
                           leaderless > MOVE_NAMED_MAX ? ", ..." : "");
    buf_close(&names);
    mem_free(items);
    return status;
}

static int32_t move_taking(const struct placement *p)
{
    int32_t count = 0;
    for (int32_t i = 0; i < p->broker_count; i++)
        count += p->brokers[i].takes;
    return count;
}

int move_plan(struct move_state *state)
{
    int32_t stuck = -1;
    if (state->leaves < 0) {
        placement_balance(&state->placement);
    } else if (placement_drain(&state->placement, &stuck)) {
        const struct plan_item *item = &state->current.items[stuck];
        return tool_fail(
            state->run,
            "nothing is moved: %s-%d has %d %s, and without broker %d only %d "
            "broker%s could take them: add a broker, start those that are down, or give "
            "the topic fewer replicas",
            item->topic, item->partition, item->replicas.count,
            plural(item->replicas.count, "replica", "replicas"), state->leaves,
            move_taking(&state->placement), plural(move_taking(&state->placement), "", "s"));
    }
    return move_check_leaders(state);
}

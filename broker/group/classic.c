/* A classic group from the end of the join phase on: assignment, heartbeats, leaving; its life and
 * its record.
 *
 * Happy path: the leader's SyncGroup brings the assignment; it is stored; when that is replicated
 * the group is stable and everybody gets their part. Failure modes: the record can't be stored, or
 * members do not ask for their part in time: the group rebalances again. */
#include "broker/group/classic.h"

#include <string.h>

#include "base/err.h"
#include "base/state.h"
#include "broker/group/subscription.h"

static const struct state_row classic_states[] = {
    /* To STABLE: a group that was stored so, or that comes from the other protocol. */
    [CLASSIC_EMPTY] = {"Empty", STATE_BIT(CLASSIC_PREPARING) | STATE_BIT(CLASSIC_STABLE) |
                                    STATE_BIT(CLASSIC_DEAD)},
    [CLASSIC_PREPARING] = {"PreparingRebalance", STATE_BIT(CLASSIC_COMPLETING) |
                                                     STATE_BIT(CLASSIC_EMPTY) |
                                                     STATE_BIT(CLASSIC_DEAD)},
    [CLASSIC_COMPLETING] = {"CompletingRebalance", STATE_BIT(CLASSIC_STABLE) |
                                                       STATE_BIT(CLASSIC_PREPARING) |
                                                       STATE_BIT(CLASSIC_DEAD)},
    [CLASSIC_STABLE] = {"Stable", STATE_BIT(CLASSIC_PREPARING) | STATE_BIT(CLASSIC_DEAD)},
    [CLASSIC_DEAD] = {"Dead", 0},
};

void classic_move(struct classic *classic, enum classic_state to)
{
    STATE_MOVE_TOLD(classic_states, classic->state, to, group_logger(classic->group), LOGGER_DEBUG,
                    "group %s, generation %d", classic->group->id, classic->generation);
    classic->state_ms = env_wall_ms(group_env(classic->group));
}

void classic_check(const struct classic *classic)
{
    size_t members = (size_t)classic->member_count;
    ASSERT(classic->member_count >= 0);
    ASSERT(list_empty(&classic->members) == (members == 0));
    ASSERT(classic->by_id.count <= members); /* a stored group may name one twice */
    ASSERT(classic->by_instance.count <= members);
    ASSERT(classic->joined_count >= 0);
    ASSERT(classic->joined_count <= classic->member_count);
    ASSERT(classic->joined_count == 0 || classic->state == CLASSIC_PREPARING);
    ASSERT(!classic->leader || classic->leader->classic == classic);
    ASSERT(!classic->storing || classic->state == CLASSIC_COMPLETING);
    ASSERT(!classic->delaying || classic->state == CLASSIC_PREPARING);
    ASSERT(classic->delay_left_ms >= 0);
    ASSERT(classic->state != CLASSIC_EMPTY || !classic->protocol);
    ASSERT(classic->state != CLASSIC_COMPLETING || classic->protocol);
    ASSERT(classic->state != CLASSIC_STABLE || classic->protocol);
    ASSERT(classic->state == CLASSIC_EMPTY || classic->protocol_type);
    ASSERT(classic->state != CLASSIC_DEAD);
}

const char *classic_state_name(const struct classic *classic)
{
    return classic_states[classic->state].name;
}

/* ---- timers ---- */

void classic_touch(struct classic_member *member)
{
    if (!member->join && !member->sync)
        env_timer_start(&member->session_timer, member->session_ms);
}

/* Members that have not asked for their part of the assignment in time are gone. */
static void classic_sync_due(struct classic *classic)
{
    bool removed = false;
    LIST_EACH(step, &classic->members) {
        struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        if (member->synced)
            continue;
        logger_info(group_logger(classic->group), "group %s: member %s did not sync in time",
                    classic->group->id, member->id);
        classic_member_remove(member, ERR_UNKNOWN_MEMBER_ID);
        removed = true;
    }
    if (removed)
        classic_rebalance(classic, "members did not sync in time");
}

static void classic_due(void *data)
{
    struct classic *classic = data;
    struct group *group = classic->group;
    /* Who did not join or sync could not, perhaps. */
    int64_t limit_ms = classic_rebalance_timeout(classic);
    int64_t patience_ms = classic->delaying ? 0 : shard_patience_ms(group->shard, limit_ms, false);
    if (patience_ms > 0) {
        env_timer_start(&classic->timer, patience_ms);
        return;
    }
    group_hold(group);
    if (classic->state == CLASSIC_PREPARING)
        classic_join_due(classic);
    else
        classic_sync_due(classic);
    group_release(group);
}

/* ---- life ---- */

struct classic *classic_new(struct group *group)
{
    struct classic *classic = mem_alloc(sizeof(*classic));
    classic->group = group;
    classic->state_ms = env_wall_ms(group_env(group));
    list_init(&classic->members);
    list_init(&classic->stores);
    map_init(&classic->by_id);
    map_init(&classic->by_instance);
    map_init(&classic->supporters);
    map_init(&classic->pending);
    env_timer_init(group_env(group), &classic->timer, classic_due, classic);
    return classic;
}

static void classic_free_pending(struct classic *classic)
{
    struct classic_pending *pending;
    size_t cursor = 0;
    while ((pending = map_next(&classic->pending, &cursor, NULL, NULL))) {
        env_timer_stop(&pending->timer);
        mem_free(pending->id);
        mem_free(pending);
    }
    map_close(&classic->pending);
}

void classic_free(struct classic *classic, int err)
{
    env_timer_stop(&classic->timer);
    classic_move(classic, CLASSIC_DEAD);
    LIST_EACH(step, &classic->members)
        classic_member_remove(LIST_ENTRY(step, struct classic_member, link), err);
    LIST_EACH(step, &classic->stores) {
        LIST_ENTRY(step, struct classic_store, link)->classic = NULL;
        list_remove(step);
    }
    ASSERT(classic->member_count == 0);
    ASSERT(list_empty(&classic->members));
    ASSERT(list_empty(&classic->stores));
    classic_free_pending(classic);
    map_close(&classic->by_id);
    map_close(&classic->by_instance);
    map_close(&classic->supporters);
    mem_free(classic->protocol_type);
    mem_free(classic->protocol);
    mem_free(classic);
}

/* ---- the record ---- */

static void classic_fill_record(const struct classic *classic, struct group_metadata_value *value,
                                struct group_metadata_value_member_metadata *members)
{
    wire_defaults(&group_metadata_value_desc, value);
    value->protocol_type = wire_str_from(classic->protocol_type ? classic->protocol_type : "");
    value->generation = classic->generation;
    value->protocol = wire_str_from(classic->protocol);
    value->leader = wire_str_from(classic->leader ? classic->leader->id : NULL);
    value->current_state_timestamp = classic->state_ms;
    value->members.count = classic->member_count;
    value->members.items = members;
    LIST_EACH(step, &classic->members) {
        const struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        members->member_id = wire_str_from(member->id);
        members->group_instance_id = wire_str_from(member->instance_id);
        members->client_id = wire_str_from(member->client_id);
        members->client_host = wire_str_from(member->client_host);
        members->rebalance_timeout = member->rebalance_ms;
        members->session_timeout = member->session_ms;
        members->subscription =
            classic->protocol ? classic_metadata(member) : (struct wire_bytes){NULL, 0};
        members->assignment = classic->storing ? member->next : member->assignment;
        members++;
    }
}

void classic_put_record(const struct classic *classic, struct records *records)
{
    struct group_metadata_value value;
    struct group_metadata_value_member_metadata *members =
        mem_alloc((size_t)(classic->member_count + 1) * sizeof(*members));
    classic_fill_record(classic, &value, members);
    group_records_put_group(records, group_id(classic->group), &value);
    mem_free(members);
}

static void classic_stored(struct machine_op *op, int err)
{
    struct classic_store *store = CONTAINER_OF(op, struct classic_store, op);
    struct group *group = store->group;
    struct classic *classic = store->classic;
    ASSERT(!classic || classic->group == group);
    if (classic)
        list_remove(&store->link);
    if (err == ERR_INVALID_COMMIT_OFFSET_SIZE)
        err = ERR_UNKNOWN_SERVER_ERROR; /* nobody committed anything */
    if (err)
        logger_warn(group_logger(group), "group %s: its state could not be stored: %s", group->id,
                    err_text(err));
    if (store->done)
        store->done(store, classic, err);
    mem_free(store);
    group_release(group);
}

void classic_store(struct classic *classic, struct group_join *join,
                   void (*done)(struct classic_store *store, struct classic *classic, int err))
{
    struct group *group = classic->group;
    struct classic_store *store = mem_alloc(sizeof(*store));
    struct records records;
    store->group = group;
    store->classic = classic;
    store->generation = classic->generation;
    store->join = join;
    store->done = done;
    list_push(&classic->stores, &store->link);
    classic->stored = true;
    group_hold(group);
    group_records(group, &records);
    classic_put_record(classic, &records);
    int err = machine_append(&group->shard->machine, &records, &store->op, classic_stored);
    records_close(&records);
    if (err)
        classic_stored(&store->op, err);
}

/* ---- the assignment ---- */

static void classic_finish_sync(struct group_sync *sync, const struct classic_member *member,
                                int err)
{
    struct sync_group_response *response = &sync->response;
    wire_defaults(&sync_group_response_desc, response);
    response->error_code = err_to_wire(err);
    if (!err) {
        response->protocol_type = wire_str_from(member->classic->protocol_type);
        response->protocol_name = wire_str_from(member->classic->protocol);
        response->assignment = member->assignment;
    }
    sync->done(sync);
}

void classic_answer_sync(struct classic_member *member, int err)
{
    ASSERT(member->sync != NULL);
    struct group_sync *sync = member->sync;
    member->sync = NULL;
    classic_finish_sync(sync, member, err);
}

void classic_fail_syncs(struct classic *classic, int err)
{
    LIST_EACH(step, &classic->members) {
        struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        classic_set_next(member, (struct wire_bytes){NULL, 0});
        if (!member->sync)
            continue;
        classic_answer_sync(member, err);
        classic_touch(member);
    }
}

static bool classic_all_synced(const struct classic *classic)
{
    LIST_EACH(step, &classic->members)
        if (!LIST_ENTRY(step, struct classic_member, link)->synced)
            return false;
    return true;
}

/* The timer of the sync phase goes on for those who have not asked yet. */
static void classic_review_synced(struct classic *classic)
{
    if (classic->state == CLASSIC_STABLE && classic_all_synced(classic))
        env_timer_stop(&classic->timer);
}

static void classic_assigned(struct classic_store *store, struct classic *classic, int err)
{
    if (!classic || classic->state != CLASSIC_COMPLETING ||
        classic->generation != store->generation)
        return;
    classic->storing = false;
    if (err) {
        classic_fail_syncs(classic, err);
        classic_rebalance(classic, "the assignment could not be stored");
        return;
    }
    classic_move(classic, CLASSIC_STABLE);
    LIST_EACH(step, &classic->members) {
        struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        classic_take_next(member);
        if (!member->sync)
            continue;
        classic_answer_sync(member, 0);
        classic_touch(member);
    }
    classic_review_synced(classic);
    classic_check(classic);
}

/* Whom the leader leaves out has nothing: not what it had in an earlier generation. What counts is
 * remembered, and what it makes of the record at least is returned: nothing is copied yet. */
static size_t classic_offer(struct classic *classic, const struct sync_group_request *request)
{
    LIST_EACH(step, &classic->members)
        LIST_ENTRY(step, struct classic_member, link)->offered = (struct wire_bytes){NULL, 0};
    for (int32_t i = 0; i < request->assignments.count; i++) {
        struct classic_member *member =
            classic_find(classic, request->assignments.items[i].member_id);
        if (member)
            member->offered = request->assignments.items[i].assignment;
    }
    size_t bytes = 0;
    LIST_EACH(step, &classic->members) {
        const struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        bytes += member->offered.len > 0 ? (size_t)member->offered.len : 0;
    }
    return bytes;
}

static void classic_take_assignment(struct classic *classic,
                                    const struct sync_group_request *request)
{
    ASSERT(!classic->storing);
    ASSERT(classic->state == CLASSIC_COMPLETING);
    size_t bytes = classic_offer(classic, request), max = group_record_max(classic->group);
    if (bytes > max) {
        logger_warn(group_logger(classic->group),
                    "group %s: its assignment has %zu bytes and the log takes %zu: raise "
                    "max.message.bytes of %s, or split the group",
                    classic->group->id, bytes, max, GROUP_OFFSETS_TOPIC);
        classic_fail_syncs(classic, ERR_UNKNOWN_SERVER_ERROR);
        classic_rebalance(classic, "the assignment is too large to be stored");
        return;
    }
    LIST_EACH(step, &classic->members) {
        struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        classic_set_next(member, member->offered);
        member->offered = (struct wire_bytes){NULL, 0};
    }
    classic->storing = true;
    classic_store(classic, NULL, classic_assigned);
}

static void classic_await_sync(struct classic_member *member, struct group_sync *sync)
{
    struct classic *classic = member->classic;
    ASSERT(member->classic->state == CLASSIC_COMPLETING);
    if (member->sync)
        classic_answer_sync(member, ERR_REBALANCE_IN_PROGRESS); /* a repeated request */
    member->sync = sync;
    member->synced = true;
    env_timer_stop(&member->session_timer);
    if (classic->leader == member && !classic->storing)
        classic_take_assignment(classic, sync->request);
}

static int classic_check_sync(const struct classic *classic,
                              const struct sync_group_request *request,
                              struct classic_member **member)
{
    int err = classic_identify(classic, request->member_id, request->group_instance_id, member);
    if (err)
        return err;
    if (request->generation_id != classic->generation)
        return ERR_ILLEGAL_GENERATION;
    if (!wire_str_is_null(request->protocol_type) &&
        !wire_str_equal(request->protocol_type, wire_str_from(classic->protocol_type)))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (!wire_str_is_null(request->protocol_name) && classic->protocol &&
        !wire_str_is(request->protocol_name, classic->protocol))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (classic->state == CLASSIC_PREPARING)
        return ERR_REBALANCE_IN_PROGRESS;
    return classic->state == CLASSIC_EMPTY ? ERR_UNKNOWN_MEMBER_ID : 0;
}

void classic_sync(struct classic *classic, struct group_sync *sync)
{
    struct classic_member *member = NULL;
    int err = classic_check_sync(classic, sync->request, &member);
    if (err) {
        classic_finish_sync(sync, member, err);
    } else if (classic->state == CLASSIC_COMPLETING) {
        classic_await_sync(member, sync);
    } else {
        member->synced = true;
        classic_touch(member);
        classic_review_synced(classic);
        classic_finish_sync(sync, member, 0);
    }
}

/* ---- being there ---- */

int classic_heartbeat(struct classic *classic, const struct heartbeat_request *request)
{
    struct classic_member *member;
    int err = classic_identify(classic, request->member_id, request->group_instance_id, &member);
    if (err)
        return err;
    if (request->generation_id != classic->generation)
        return ERR_ILLEGAL_GENERATION;
    classic_touch(member);
    return classic->state == CLASSIC_PREPARING ? ERR_REBALANCE_IN_PROGRESS : 0;
}

int classic_leave(struct classic *classic, struct wire_str member_id, struct wire_str instance_id,
                  const char *reason)
{
    struct classic_member *member;
    if (!wire_str_is_null(instance_id)) {
        member = classic_find_instance(classic, instance_id);
        if (!member)
            return ERR_UNKNOWN_MEMBER_ID;
        if (!wire_str_is_empty(member_id) && !wire_str_is(member_id, member->id))
            return ERR_FENCED_INSTANCE_ID;
    } else if (classic_forget_pending(classic, member_id)) {
        classic_try_complete(classic);
        return 0;
    } else {
        member = classic_find(classic, member_id);
        if (!member)
            return ERR_UNKNOWN_MEMBER_ID;
    }
    logger_info(group_logger(classic->group), "group %s: member %s leaves: %s", classic->group->id,
                member->id, reason);
    classic_member_remove(member, ERR_UNKNOWN_MEMBER_ID);
    classic_rebalance(classic, "a member left");
    return 0;
}

/* A commit without member and generation is one by hand, which is fine while nobody is a member. */
int classic_check_commit(struct classic *classic, struct wire_str member_id,
                         struct wire_str instance_id, int32_t generation)
{
    struct classic_member *member;
    if (generation < 0 && classic->member_count == 0 && classic->state == CLASSIC_EMPTY)
        return 0;
    int err = classic_identify(classic, member_id, instance_id, &member);
    if (err)
        return err;
    if (generation != classic->generation)
        return ERR_ILLEGAL_GENERATION;
    if (classic->state == CLASSIC_COMPLETING)
        return ERR_REBALANCE_IN_PROGRESS;
    classic_touch(member);
    return 0;
}

int classic_check_txn_commit(struct classic *classic, struct wire_str member_id,
                             struct wire_str instance_id, int32_t generation)
{
    struct classic_member *member;
    if (generation < 0 && classic->member_count == 0 && classic->state == CLASSIC_EMPTY)
        return 0;
    int err = classic_identify(classic, member_id, instance_id, &member);
    return !err && generation != classic->generation ? ERR_ILLEGAL_GENERATION : err;
}

/* ---- looking at it ---- */

/* A member counts with the protocol that was chosen; with its first one before any was. */
static struct wire_bytes classic_subscription(const struct classic_member *member)
{
    const struct classic_protocols *own = &member->protocols;
    const char *chosen = member->classic->protocol;
    const struct classic_protocol *found =
        chosen ? classic_protocols_find(own, wire_str_from(chosen)) : NULL;
    if (found)
        return found->metadata;
    return own->count > 0 ? own->items[0].metadata : (struct wire_bytes){NULL, 0};
}

void classic_subscribed(const struct classic *classic, struct subscribed *subscribed)
{
    if (!classic->protocol_type || strcmp(classic->protocol_type, SUBSCRIPTION_TYPE) != 0)
        return;
    /* Before the first protocol is chosen nobody knows what is read. */
    subscribed->all |= classic->member_count > 0 && !classic->protocol;
    LIST_EACH(step, &classic->members)
        subscription_add_topics(classic_subscription(LIST_ENTRY(step, struct classic_member, link)),
                                subscribed);
}

int classic_describe(const struct classic *classic, struct arena *arena,
                     struct describe_groups_response_described_group *response)
{
    bool stable = classic->state == CLASSIC_STABLE;
    response->group_state = wire_str_from(classic_state_name(classic));
    response->protocol_type = wire_str_from(classic->protocol_type ? classic->protocol_type : "");
    response->protocol_data = wire_str_from(stable ? classic->protocol : "");
    struct describe_groups_response_described_group_member *out =
        WIRE_ARRAY(arena, &response->members, classic->member_count,
                   &describe_groups_response_described_group_member_desc);
    if (!out)
        return ERR_NO_MEMORY;
    LIST_EACH(step, &classic->members) {
        const struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        out->member_id = wire_str_from(member->id);
        out->group_instance_id = wire_str_from(member->instance_id);
        out->client_id = wire_str_from(member->client_id);
        out->client_host = wire_str_from(member->client_host);
        if (stable)
            out->member_metadata = classic_metadata(member);
        out->member_assignment = member->assignment;
        out++;
    }
    return 0;
}

/* ---- loading ---- */

static int classic_load_member(struct classic *classic,
                               const struct group_metadata_value_member_metadata *from)
{
    if (classic_find(classic, from->member_id))
        return ERR_MALFORMED;
    char *host = wire_str_dup(from->client_host);
    struct classic_member *member = classic_member_new(
        classic, from->member_id, from->group_instance_id, from->client_id, host);
    mem_free(host);
    member->session_ms = from->session_timeout;
    member->rebalance_ms =
        from->rebalance_timeout >= 0 ? from->rebalance_timeout : from->session_timeout;
    member->synced = true;
    classic_set_assignment(member, from->assignment);
    struct classic_protocols protocols;
    int err =
        classic_protocols_one(&protocols, wire_str_from(classic->protocol), from->subscription);
    if (err)
        return err;
    protocols = classic_set_protocols(member, protocols);
    ASSERT(protocols.count == 0);
    return 0;
}

int classic_load(struct classic *classic, const struct group_metadata_value *value)
{
    classic->stored = true;
    classic->generation = value->generation;
    classic->protocol_type =
        wire_str_is_empty(value->protocol_type) ? NULL : wire_str_dup(value->protocol_type);
    if (value->members.count > 0)
        classic_move(classic, CLASSIC_STABLE);
    classic->state_ms = value->current_state_timestamp;
    if (value->members.count <= 0)
        return 0;
    classic->protocol =
        wire_str_is_null(value->protocol) ? mem_strdup("") : wire_str_dup(value->protocol);
    for (int32_t i = 0; i < value->members.count; i++) {
        int err = classic_load_member(classic, &value->members.items[i]);
        if (err)
            return err;
    }
    struct classic_member *leader = NULL;
    if (!wire_str_is_null(value->leader))
        leader = classic_find(classic, value->leader);
    if (leader || wire_str_is_null(value->leader))
        classic->leader = leader;
    return 0;
}

void classic_start(struct classic *classic)
{
    LIST_EACH(step, &classic->members)
        classic_touch(LIST_ENTRY(step, struct classic_member, link));
    if (classic->member_count > 0 && !classic->leader)
        classic_rebalance(classic, "the group went back to the classic protocol");
    classic_check(classic);
}

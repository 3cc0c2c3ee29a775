/* The join phase: who may join, what a join changes, and the end of the phase.
 *
 * Happy path: a new member joins an empty group; the initial delay passes; everybody who came gets
 * the new generation, the first one as its leader. Failure modes: members that do not come back
 * within the rebalance timeout are removed (static ones stay until their session ends); a full
 * group and unknown or fenced members are refused at once. */
#include "broker/group/classic.h"

#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "broker/group/subscription.h"

/* A member in its first join is kept this long without its request: longer than any initial delay,
 * and it bounds what clients that went away leave behind (KIP-394's reason). */
enum { CLASSIC_FRESH_MS = 300000, CLASSIC_SKIP_VERSION = 9, CLASSIC_ID_REQUIRED_VERSION = 4 };

/* Ids given out and not yet used: more than any group has members, so that only clients that never
 * come back are told to try again later. */
enum { CLASSIC_PENDING_MAX = 10000 };

/* A group of absent static members looks no more often than this whether one came: a rebalance
 * timeout is the client's choice and may be 0. */
enum { CLASSIC_RECHECK_MIN_MS = 1000 };

/* What a member's entry in the record has besides its words: numbers, lengths, a made id. */
enum { CLASSIC_MEMBER_BYTES = 100 };

/* ---- answers ---- */

static void classic_finish_join(struct group_join *join)
{
    char *made_id = join->made_id;
    join->made_id = NULL;
    join->done(join); /* may free the join */
    mem_free(made_id);
}

void classic_refuse_join(struct group_join *join, int err, struct wire_str member_id)
{
    wire_defaults(&join_group_response_desc, &join->response);
    join->response.error_code = err_to_wire(err);
    join->response.member_id = member_id;
    join->response.protocol_name =
        join->version >= 7 ? WIRE_STR_NULL : wire_str_from(""); /* null only from v7 on */
}

void classic_fail_join(struct group_join *join, int err, struct wire_str member_id)
{
    classic_refuse_join(join, err, member_id);
    classic_finish_join(join);
}

static bool classic_fill_members(struct classic *classic, struct group_join *join)
{
    struct join_group_response_join_group_response_member *out =
        WIRE_ARRAY(join->arena, &join->response.members, classic->member_count,
                   &join_group_response_join_group_response_member_desc);
    if (!out)
        return false;
    LIST_EACH(step, &classic->members) {
        const struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        out->member_id = wire_str_from(member->id);
        out->group_instance_id = wire_str_from(member->instance_id);
        out->metadata = classic_metadata(member);
        out++;
    }
    return true;
}

/* The generation as it stands, for one member; `lists` adds what the leader needs. */
static void classic_fill_join(struct classic *classic, struct group_join *join,
                              const char *member_id, bool lists)
{
    struct join_group_response *response = &join->response;
    wire_defaults(&join_group_response_desc, response);
    response->generation_id = classic->generation;
    response->protocol_type = wire_str_from(classic->protocol_type);
    response->protocol_name = wire_str_from(classic->protocol);
    response->leader = wire_str_from(classic->leader ? classic->leader->id : "");
    response->member_id = wire_str_from(member_id);
    if (lists && !classic_fill_members(classic, join))
        response->error_code = err_to_wire(ERR_UNKNOWN_SERVER_ERROR);
}

void classic_answer_join(struct classic_member *member, int err)
{
    ASSERT(member->join != NULL);
    ASSERT(member->classic->joined_count > 0);
    struct group_join *join = member->join;
    struct classic *classic = member->classic;
    member->join = NULL;
    classic->joined_count--;
    if (err) {
        classic_fail_join(join, err, wire_str_from(""));
        return;
    }
    classic_fill_join(classic, join, member->id, classic->leader == member);
    classic_finish_join(join);
}

/* Answers with the generation that runs already. */
static void classic_answer_current(struct classic_member *member, struct group_join *join)
{
    struct classic *classic = member->classic;
    classic_touch(member);
    classic_fill_join(classic, join, member->id,
                      classic->leader == member && classic->state == CLASSIC_COMPLETING);
    classic_finish_join(join);
}

/* ---- the phase ---- */

static void classic_complete(struct classic *classic);

/* The end of the initial delay, or of the time that members have to come back. */
void classic_join_due(struct classic *classic)
{
    ASSERT(classic->state == CLASSIC_PREPARING);
    int64_t again = group_settings(classic->group)->initial_rebalance_delay_ms;
    if (classic->delaying && classic->delay_joined && classic->delay_left_ms > 0) {
        again = again < classic->delay_left_ms ? again : classic->delay_left_ms;
        classic->delay_joined = false;
        classic->delay_left_ms -= again;
        env_timer_start(&classic->timer, again);
        return;
    }
    classic->delaying = false;
    classic_complete(classic);
}

void classic_try_complete(struct classic *classic)
{
    if (classic->state == CLASSIC_PREPARING && !classic->delaying &&
        classic->joined_count == classic->member_count && classic->pending.count == 0)
        classic_complete(classic);
}

static void classic_prepare(struct classic *classic, const char *reason)
{
    bool was_empty = classic->state == CLASSIC_EMPTY;
    int64_t wait_ms = classic_rebalance_timeout(classic);
    if (classic->state == CLASSIC_COMPLETING)
        classic_fail_syncs(classic, ERR_REBALANCE_IN_PROGRESS);
    classic_move(classic, CLASSIC_PREPARING);
    classic->storing = false;
    logger_info(group_logger(classic->group), "group %s: rebalancing generation %d: %s",
                classic->group->id, classic->generation, reason);
    if (was_empty) {
        int64_t delay_ms = group_settings(classic->group)->initial_rebalance_delay_ms;
        classic->delaying = true;
        classic->delay_joined = false;
        classic->delay_left_ms = wait_ms > delay_ms ? wait_ms - delay_ms : 0;
        wait_ms = delay_ms;
    }
    env_timer_start(&classic->timer, wait_ms);
    classic_check(classic);
}

void classic_rebalance(struct classic *classic, const char *reason)
{
    if (classic->state == CLASSIC_STABLE || classic->state == CLASSIC_COMPLETING ||
        (classic->state == CLASSIC_EMPTY && classic->member_count > 0))
        classic_prepare(classic, reason);
    classic_try_complete(classic);
}

/* Dynamic members that did not come back are gone; a static one keeps its place. */
static void classic_drop_absent(struct classic *classic)
{
    LIST_EACH(step, &classic->members) {
        struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        if (member->join || member->instance_id)
            continue;
        logger_info(group_logger(classic->group), "group %s: member %s did not rejoin in time",
                    classic->group->id, member->id);
        classic_member_remove(member, ERR_UNKNOWN_MEMBER_ID);
    }
}

/* False when only static members that did not come are left. */
static bool classic_elect(struct classic *classic)
{
    if (classic->leader && classic->leader->join)
        return true;
    LIST_EACH(step, &classic->members) {
        struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        if (member->join) {
            classic->leader = member;
            return true;
        }
    }
    return false;
}

static void classic_become_empty(struct classic *classic)
{
    ASSERT(classic->member_count == 0);
    ASSERT(classic->state == CLASSIC_PREPARING);
    mem_free(classic->protocol);
    classic->protocol = NULL;
    classic_move(classic, CLASSIC_EMPTY);
    logger_info(group_logger(classic->group), "group %s: generation %d is empty",
                classic->group->id, classic->generation);
    if (classic->generation > 0)
        classic_store(classic, NULL, NULL);
}

static void classic_begin_generation(struct classic *classic)
{
    ASSERT(classic->member_count > 0);
    ASSERT(classic->leader != NULL);
    ASSERT(classic->leader->join != NULL);
    ASSERT(classic->state == CLASSIC_PREPARING);
    struct wire_str protocol = classic_vote(classic);
    mem_free(classic->protocol);
    classic->protocol = wire_str_dup(protocol);
    classic_move(classic, CLASSIC_COMPLETING);
    logger_info(
        group_logger(classic->group), "group %s: generation %d has %d %s, leader %s, protocol %s",
        classic->group->id, classic->generation, classic->member_count,
        plural(classic->member_count, "member", "members"), classic->leader->id, classic->protocol);
    LIST_EACH(step, &classic->members) {
        struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        /* A static member that is away is not waited for: it has until its session ends, which
         * goes on. */
        member->synced = !member->join;
        member->fresh = false;
        if (!member->join)
            continue;
        classic_answer_join(member, 0);
        classic_touch(member);
    }
    env_timer_start(&classic->timer, classic_rebalance_timeout(classic));
    classic_check(classic);
}

static void classic_complete(struct classic *classic)
{
    ASSERT(classic->state == CLASSIC_PREPARING);
    ASSERT(!classic->delaying);
    env_timer_stop(&classic->timer);
    classic_drop_absent(classic);
    if (classic->member_count > 0 && !classic_elect(classic)) {
        int64_t wait_ms = classic_rebalance_timeout(classic);
        env_timer_start(&classic->timer,
                        wait_ms > CLASSIC_RECHECK_MIN_MS ? wait_ms : CLASSIC_RECHECK_MIN_MS);
        return;
    }
    classic->generation++;
    if (classic->member_count == 0)
        classic_become_empty(classic);
    else
        classic_begin_generation(classic);
}

/* ---- joining ---- */

static bool classic_accepts_protocols(const struct classic *classic, const struct group_join *join)
{
    const struct join_group_request *request = join->request;
    if (classic->member_count == 0)
        return !wire_str_is_empty(request->protocol_type) && request->protocols.count > 0;
    if (!wire_str_is(request->protocol_type, classic->protocol_type))
        return false;
    for (int32_t i = 0; i < request->protocols.count; i++)
        if (classic_all_support(classic, request->protocols.items[i].name))
            return true;
    return false;
}

/* group.max.size; members of the last generation compete for their places when it was lowered. */
static bool classic_has_room(const struct classic *classic, const struct classic_member *member)
{
    int64_t max = group_settings(classic->group)->max_size;
    switch (classic->state) {
    case CLASSIC_PREPARING:
        return (member && member->join) || classic->joined_count < max;
    case CLASSIC_COMPLETING:
    case CLASSIC_STABLE:
        return member || classic->member_count < max;
    default:
        return true;
    }
}

/* One record holds all members, and must not grow over what the log takes: the longest of its
 * subscriptions counts for each, since any of them may be chosen. */
static size_t classic_words(const struct classic_member *member)
{
    size_t longest = 0;
    for (int32_t i = 0; i < member->protocols.count; i++)
        if ((size_t)member->protocols.items[i].metadata.len > longest)
            longest = (size_t)member->protocols.items[i].metadata.len;
    return longest + strlen(member->id) + strlen(member->client_id) + strlen(member->client_host) +
           (member->instance_id ? strlen(member->instance_id) : 0) + CLASSIC_MEMBER_BYTES;
}

static size_t classic_join_words(const struct group_join *join)
{
    const struct join_group_request *request = join->request;
    size_t longest = 0;
    for (int32_t i = 0; i < request->protocols.count; i++)
        if ((size_t)request->protocols.items[i].metadata.len > longest)
            longest = (size_t)request->protocols.items[i].metadata.len;
    return longest + (size_t)join->client_id.len + strlen(join->client_host) +
           (request->group_instance_id.len > 0 ? 2 * (size_t)request->group_instance_id.len : 0) +
           CLASSIC_MEMBER_BYTES;
}

/* Whether the record still fits with the member as the request has it. */
static bool classic_fits(struct classic *classic, const struct classic_member *member,
                         const struct group_join *join)
{
    size_t max = group_record_max(classic->group);
    size_t bytes = classic_join_words(join);
    LIST_EACH(step, &classic->members) {
        const struct classic_member *other = LIST_ENTRY(step, struct classic_member, link);
        if (other != member)
            bytes += classic_words(other);
    }
    if (bytes <= max)
        return true;
    if (!classic->told_full)
        logger_warn(group_logger(classic->group),
                    "group %s: members are refused, since its record would have %zu bytes and the "
                    "log takes %zu: raise max.message.bytes of %s, or split the group",
                    classic->group->id, bytes, max, GROUP_OFFSETS_TOPIC);
    classic->told_full = true;
    return false;
}

/* 0, or why the group does not take that request, of whomever it is. */
static int classic_check_request(const struct classic *classic, const struct classic_member *member,
                                 const struct group_join *join)
{
    if (!classic_has_room(classic, member))
        return ERR_GROUP_MAX_SIZE_REACHED;
    return classic_accepts_protocols(classic, join) ? 0 : ERR_INCONSISTENT_GROUP_PROTOCOL;
}

/* 0, or why the group has no place for the member (NULL: a new one). */
static int classic_check_place(struct classic *classic, const struct classic_member *member,
                               const struct group_join *join)
{
    if (!member && !group_has_room(classic->group))
        return ERR_GROUP_MAX_SIZE_REACHED;
    return classic_fits(classic, member, join) ? 0 : ERR_GROUP_MAX_SIZE_REACHED;
}

/* Takes over what the request says; 0 or ERR_NO_MEMORY. What the member supported is the caller's
 * to free. */
static int classic_update_member(struct classic_member *member, struct group_join *join,
                                 struct classic_protocols *before)
{
    struct classic_protocols protocols;
    *before = (struct classic_protocols){0};
    int err = classic_protocols_copy(&protocols, join);
    if (err)
        return err;
    *before = classic_set_protocols(member, protocols);
    member->session_ms = join->request->session_timeout_ms;
    member->rebalance_ms = join->request->rebalance_timeout_ms >= 0
                               ? join->request->rebalance_timeout_ms
                               : member->session_ms;
    return 0;
}

static void classic_await_join(struct classic_member *member, struct group_join *join)
{
    ASSERT(member->classic->state == CLASSIC_PREPARING);
    if (member->join)
        classic_answer_join(member, ERR_COORDINATOR_NOT_AVAILABLE); /* a repeated request */
    member->join = join;
    member->classic->joined_count++;
    if (member->fresh)
        env_timer_start(&member->session_timer, CLASSIC_FRESH_MS);
    else
        env_timer_stop(&member->session_timer);
    classic_check(member->classic);
}

static void classic_update_and_rebalance(struct classic_member *member, struct group_join *join,
                                         const char *reason)
{
    struct classic_protocols before;
    int err = classic_update_member(member, join, &before);
    if (err) {
        classic_fail_join(join, err, join->request->member_id);
        return;
    }
    classic_protocols_free(&before);
    struct classic *classic = member->classic;
    /* The state first: in COMPLETING this answers the syncs that wait. */
    if (classic->state != CLASSIC_PREPARING)
        classic_prepare(classic, reason);
    classic_await_join(member, join);
    classic_try_complete(classic);
}

static void classic_add(struct classic *classic, struct wire_str id, struct group_join *join)
{
    const struct join_group_request *request = join->request;
    /* A new group begins with a record of nobody in generation 0, as in Kafka; who only asks for an
     * id leaves none behind. */
    if (!classic->stored && offsets_is_empty(&classic->group->offsets))
        classic_store(classic, NULL, NULL);
    if (!classic->protocol_type || classic->member_count == 0) {
        mem_free(classic->protocol_type);
        classic->protocol_type = wire_str_dup(request->protocol_type);
    }
    struct classic_member *member = classic_member_new(classic, id, request->group_instance_id,
                                                       join->client_id, join->client_host);
    struct classic_protocols none;
    member->fresh = true;
    int err = classic_update_member(member, join, &none);
    if (err) {
        classic_member_remove(member, err);
        classic_fail_join(join, err, request->member_id);
        return;
    }
    classic->delay_joined = true;
    if (classic->state != CLASSIC_PREPARING)
        classic_prepare(classic, "a member joins");
    classic_await_join(member, join);
    classic_try_complete(classic);
}

/* ---- ids given out ahead (KIP-394) ---- */

static void classic_pending_drop(struct classic_pending *pending)
{
    map_del(&pending->classic->pending, pending->id, strlen(pending->id));
    env_timer_stop(&pending->timer);
    mem_free(pending->id);
    mem_free(pending);
}

bool classic_forget_pending(struct classic *classic, struct wire_str id)
{
    struct classic_pending *pending =
        id.len > 0 ? map_get(&classic->pending, id.data, (size_t)id.len) : NULL;
    if (pending)
        classic_pending_drop(pending);
    return pending != NULL;
}

static void classic_pending_expired(void *data)
{
    struct classic_pending *pending = data;
    struct classic *classic = pending->classic;
    struct group *group = classic->group;
    group_hold(group);
    classic_pending_drop(pending);
    classic_try_complete(classic);
    group_release(group);
}

static void classic_require_id(struct classic *classic, struct group_join *join)
{
    ASSERT(join->made_id != NULL);
    if (classic->pending.count >= CLASSIC_PENDING_MAX) {
        classic_fail_join(join, ERR_COORDINATOR_NOT_AVAILABLE, wire_str_from(""));
        return;
    }
    struct classic_pending *pending = mem_alloc(sizeof(*pending));
    pending->classic = classic;
    pending->id = mem_strdup(join->made_id);
    env_timer_init(group_env(classic->group), &pending->timer, classic_pending_expired, pending);
    env_timer_start(&pending->timer, join->request->session_timeout_ms);
    map_put(&classic->pending, pending->id, strlen(pending->id), pending);
    classic_fail_join(join, ERR_MEMBER_ID_REQUIRED, wire_str_from(join->made_id));
}

/* ---- static members (KIP-345) ---- */

static void classic_static_stored(struct classic_store *store, struct classic *classic, int err)
{
    struct group_join *join = store->join;
    struct classic_member *member =
        classic ? classic_find_instance(classic, join->request->group_instance_id) : NULL;
    if (!err && (!member || !classic->protocol || classic->generation != store->generation))
        err = ERR_UNKNOWN_MEMBER_ID;
    if (!err && strcmp(member->id, join->made_id) != 0)
        err = ERR_FENCED_INSTANCE_ID; /* the next one was faster */
    if (err) {
        classic_fail_join(join, err, wire_str_from(""));
        return;
    }
    bool leads = classic->leader == member; /* also when the group rebalances again meanwhile */
    bool skips = leads && join->version >= CLASSIC_SKIP_VERSION;
    classic_fill_join(classic, join, join->made_id, skips);
    join->response.skip_assignment = skips;
    /* An old client that hears of itself as the leader would assign: it is told another name. */
    if (leads && !skips)
        join->response.leader = wire_str_from("");
    classic_finish_join(join);
}

/* Whether the group's next generation could go on with what it has. */
static bool classic_is_unchanged(const struct classic *classic, const struct classic_member *member,
                                 struct wire_bytes before)
{
    if (!wire_str_is(classic_vote(classic), classic->protocol))
        return false;
    if (strcmp(classic->protocol_type, SUBSCRIPTION_TYPE) != 0)
        return true;
    return subscription_same_topics(before, classic_metadata(member));
}

static void classic_replace(struct classic_member *member, struct group_join *join)
{
    struct classic *classic = member->classic;
    logger_info(group_logger(classic->group), "group %s: static member %s is now %s",
                classic->group->id, member->instance_id, join->made_id);
    if (member->join)
        classic_answer_join(member, ERR_FENCED_INSTANCE_ID);
    if (member->sync)
        classic_answer_sync(member, ERR_FENCED_INSTANCE_ID);
    struct classic_protocols before;
    int err = classic_update_member(member, join, &before);
    if (err) {
        classic_fail_join(join, err, wire_str_from(""));
        return;
    }
    const struct classic_protocol *was =
        classic->protocol ? classic_protocols_find(&before, wire_str_from(classic->protocol))
                          : NULL;
    classic_member_rename(member, join->made_id);
    classic_touch(member);
    if (classic->state == CLASSIC_STABLE && was &&
        classic_is_unchanged(classic, member, was->metadata)) {
        classic_store(classic, join, classic_static_stored);
    } else {
        if (classic->state != CLASSIC_PREPARING)
            classic_prepare(classic, "a static member came back with another subscription");
        classic_await_join(member, join);
        classic_try_complete(classic);
    }
    classic_protocols_free(&before);
}

/* ---- the request ---- */

static void classic_join_new(struct classic *classic, struct group_join *join)
{
    const struct join_group_request *request = join->request;
    bool is_static = !wire_str_is_null(request->group_instance_id);
    struct classic_member *member = classic_find_instance(classic, request->group_instance_id);
    join->made_id = group_new_member_id(classic->group,
                                        is_static ? request->group_instance_id : join->client_id);
    int err = classic_check_request(classic, member, join);
    if (!err)
        err = classic_check_place(classic, member, join);
    if (err)
        classic_fail_join(join, err, wire_str_from(""));
    else if (member)
        classic_replace(member, join);
    else if (!is_static && join->version >= CLASSIC_ID_REQUIRED_VERSION)
        classic_require_id(classic, join);
    else
        classic_add(classic, wire_str_from(join->made_id), join);
}

static bool classic_same_protocols(const struct classic_member *member,
                                   const struct group_join *join)
{
    const struct join_group_request *request = join->request;
    if (member->protocols.count != request->protocols.count)
        return false;
    for (int32_t i = 0; i < request->protocols.count; i++)
        if (!wire_str_equal(member->protocols.items[i].name, request->protocols.items[i].name) ||
            !wire_bytes_equal(member->protocols.items[i].metadata,
                              request->protocols.items[i].metadata))
            return false;
    return true;
}

static void classic_rejoin(struct classic_member *member, struct group_join *join)
{
    struct classic *classic = member->classic;
    bool leads = classic->leader == member;
    bool same = classic_same_protocols(member, join);
    switch (classic->state) {
    case CLASSIC_PREPARING:
        classic_update_and_rebalance(member, join, "");
        break;
    case CLASSIC_COMPLETING:
        /* The answer was lost on the way: say it again. */
        if (same)
            classic_answer_current(member, join);
        else
            classic_update_and_rebalance(member, join, "a member changed its subscription");
        break;
    case CLASSIC_STABLE:
        if (leads)
            classic_update_and_rebalance(member, join, "the leader asks for it");
        else if (!same)
            classic_update_and_rebalance(member, join, "a member changed its subscription");
        else
            classic_answer_current(member, join);
        break;
    default:
        classic_fail_join(join, ERR_UNKNOWN_MEMBER_ID, wire_str_from(""));
        break;
    }
}

void classic_join(struct classic *classic, struct group_join *join)
{
    const struct join_group_request *request = join->request;
    if (wire_str_is_empty(request->member_id)) {
        classic_join_new(classic, join);
        return;
    }
    /* Ids are given out ahead to dynamic members only. */
    bool pending =
        wire_str_is_null(request->group_instance_id) &&
        map_get(&classic->pending, request->member_id.data, (size_t)request->member_id.len) != NULL;
    struct classic_member *member = classic_find(classic, request->member_id);
    int err = classic_check_request(classic, member, join);
    if (!err && !pending)
        err = classic_identify(classic, request->member_id, request->group_instance_id, &member);
    if (!err)
        err = classic_check_place(classic, member, join);
    if (err) {
        classic_fail_join(join, err, request->member_id);
    } else if (pending) {
        classic_forget_pending(classic, request->member_id);
        classic_add(classic, request->member_id, join);
    } else {
        classic_rejoin(member, join);
    }
}

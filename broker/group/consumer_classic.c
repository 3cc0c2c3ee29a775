/* Members of the classic protocol in a consumer group (KIP-848, "Upgrading to the new protocol").
 *
 * Their requests are translated: JoinGroup takes the member's next step, SyncGroup brings its
 * partitions, Heartbeat tells it to join again when there is a next step. Failure modes: a join
 * that can't be used changes nothing; a member that is called and does not come is out when its
 * rebalance timeout is over. */
#include <string.h>

#include "base/err.h"
#include "broker/group/consumer.h"
#include "broker/group/subscription.h"

enum { JOIN_ID_REQUIRED_VERSION = 4 };

/* ---- a classic member joins a consumer group ---- */

/* In a consumer group a refusal names no member, except for one that is to ask again under it. */
static void join_refuse(struct group_join *join, int err)
{
    classic_refuse_join(join, err,
                        wire_str_from(err == ERR_MEMBER_ID_REQUIRED ? join->made_id : ""));
}

static void join_written(void *data, int err)
{
    struct group_join *join = data;
    char *made_id = join->made_id;
    join->made_id = NULL;
    if (err)
        join_refuse(join, err);
    join->done(join); /* may free the join */
    mem_free(made_id);
}

static bool join_all_support(const struct consumer *consumer, struct wire_str protocol)
{
    LIST_EACH(step, &consumer->members) {
        const struct consumer_member *member = LIST_ENTRY(step, struct consumer_member, link);
        if (member->classic && !classic_protocols_find(&member->protocols, protocol))
            return false;
    }
    return true;
}

static int join_check_protocols(const struct consumer *consumer, const struct group_join *join)
{
    const struct join_group_request *request = join->request;
    if (wire_str_is(request->protocol_type, SUBSCRIPTION_TYPE))
        for (int32_t i = 0; i < request->protocols.count; i++)
            if (join_all_support(consumer, request->protocols.items[i].name))
                return 0;
    return ERR_INCONSISTENT_GROUP_PROTOCOL;
}

/* Whom the request is of: NULL = a new member. Nothing has changed when it is refused. */
static int join_identify(const struct consumer *consumer, struct group_join *join,
                         struct consumer_member **member)
{
    const struct join_group_request *request = join->request;
    const struct group_settings *settings = group_settings(consumer->group);
    bool is_static = !wire_str_is_null(request->group_instance_id);
    bool unnamed = wire_str_is_empty(request->member_id);
    *member = is_static ? consumer_find_instance(consumer, request->group_instance_id)
                        : consumer_find(consumer, request->member_id);
    if (settings->migration == 0)
        return ERR_INCONSISTENT_GROUP_PROTOCOL; /* classic members are not let in at all */
    if (!*member &&
        (consumer->member_count >= settings->consumer_max_size || !group_has_room(consumer->group)))
        return ERR_GROUP_MAX_SIZE_REACHED;
    int err = join_check_protocols(consumer, join);
    if (err)
        return err;
    if (unnamed)
        join->made_id = group_new_member_id(consumer->group, is_static ? request->group_instance_id
                                                                       : join->client_id);
    if (unnamed && !is_static && join->version >= JOIN_ID_REQUIRED_VERSION)
        return ERR_MEMBER_ID_REQUIRED;
    if (is_static && !unnamed && !*member)
        return ERR_UNKNOWN_MEMBER_ID;
    return is_static && !unnamed && !wire_str_is(request->member_id, (*member)->id)
               ? ERR_FENCED_INSTANCE_ID
               : 0;
}

/* What the request says of the member, once it could be read. */
struct join_words {
    struct classic_protocols protocols;
    struct consumer_protocol_subscription subscription;
    struct partition_set owned;
    struct arena arena;
};

static void join_close_words(struct join_words *words)
{
    classic_protocols_free(&words->protocols);
    partition_set_close(&words->owned);
    arena_close(&words->arena);
}

static int join_read(const struct group *group, const struct group_join *join,
                     struct join_words *words)
{
    *words = (struct join_words){0};
    arena_init(&words->arena, CONSUMER_ARENA_MAX);
    partition_set_init(&words->owned);
    int err = classic_protocols_copy(&words->protocols, join);
    if (!err)
        err = consumer_read_subscription(group, &words->protocols, &words->arena,
                                         &words->subscription, &words->owned);
    if (err)
        join_close_words(words);
    return err == ERR_MALFORMED ? ERR_UNKNOWN_SERVER_ERROR : err;
}

/* The instance comes back under another member id: what was the old one's is the new one's. */
static void join_replace(struct consumer_member *member, const char *id, struct records *records)
{
    struct consumer *consumer = member->consumer;
    consumer_put_member_gone(member, records);
    map_del(&consumer->by_id, member->id, strlen(member->id));
    mem_free(member->id);
    member->id = mem_strdup(id);
    map_put(&consumer->by_id, member->id, strlen(member->id), member);
    if (member->epoch == CONSUMER_AWAY_EPOCH)
        member->epoch = member->previous_epoch;
    consumer_put_target(member, records);
    consumer_put_current(member, records);
}

/* Takes the words over; whether what the member reads has changed. */
static bool join_update(struct consumer_member *member, struct group_join *join,
                        struct join_words *words)
{
    const struct join_group_request *request = join->request;
    bool subscribed = consumer_set_topics(member, words->subscription.topics.items,
                                          words->subscription.topics.count);
    subscribed |= consumer_set_pattern(member, WIRE_STR_NULL);
    consumer_set_text(&member->rack_id, words->subscription.rack_id);
    classic_protocols_free(&member->protocols);
    member->protocols = words->protocols;
    words->protocols = (struct classic_protocols){0};
    consumer_set_classic(member, true);
    if (!member->instance_id)
        consumer_set_instance(member, request->group_instance_id);
    consumer_set_text(&member->client_id, join->client_id);
    consumer_set_text(&member->client_host, wire_str_from(join->client_host));
    member->session_ms = request->session_timeout_ms;
    member->rebalance_ms =
        request->rebalance_timeout_ms >= 0 ? request->rebalance_timeout_ms : member->session_ms;
    return subscribed;
}

/* Nobody leads: the broker assigns. Everything is copied, as the answer leaves later. */
static void join_fill(struct group_join *join, const struct consumer_member *member,
                      int32_t generation)
{
    struct join_group_response *response = &join->response;
    wire_defaults(&join_group_response_desc, response);
    response->generation_id = generation;
    response->protocol_type = wire_str_from(SUBSCRIPTION_TYPE);
    response->protocol_name = member->protocols.items[0].name;
    response->member_id = wire_str_from(member->id);
    if (!wire_str_keep(join->arena, &response->member_id) ||
        !wire_str_keep(join->arena, &response->protocol_name))
        join_refuse(join, ERR_UNKNOWN_SERVER_ERROR);
}

/* The member's next step. ERR_UNKNOWN_SERVER_ERROR: there is none for a new one, and it is gone. */
static int join_step(struct consumer_member *member, bool fresh, const struct join_words *words,
                     struct records *records)
{
    struct consumer *consumer = member->consumer;
    /* When no target can be made the others go on with what they have. */
    if (consumer_update_target(consumer, records) && fresh) {
        consumer_remove_member(member, records);
        consumer_raise_epoch(consumer, records);
        return ERR_UNKNOWN_SERVER_ERROR;
    }
    consumer_reconcile(member, &words->owned, records);
    consumer_touch(member);
    env_timer_start(&member->rebalance_timer, member->rebalance_ms); /* it must sync by then */
    return 0;
}

static void join_ignore(void *data, int err)
{
    (void)data;
    (void)err; /* the shard loads anew, or is gone */
}

/* The join took the place of the last member of the consumer protocol, as in a rolling downgrade of
 * static members. With what it has as it was, the classic group is stable and the join is answered;
 * otherwise it goes on as one that the group waits for. */
static void join_downgraded(struct group *group, struct group_join *join, struct records *records)
{
    if (group->classic->state == CLASSIC_STABLE) {
        consumer_write(group, records, join_written, join);
        return;
    }
    consumer_write(group, records, join_ignore, NULL);
    mem_free(join->made_id);
    join->made_id = NULL;
    classic_join(group->classic, join);
}

/* The join is one that the group takes: `member` is NULL for a new one. */
static void join_follow(struct consumer *consumer, struct consumer_member *member,
                        struct group_join *join, struct join_words *words)
{
    struct group *group = consumer->group;
    struct wire_str id = wire_str_is_empty(join->request->member_id) ? wire_str_from(join->made_id)
                                                                     : join->request->member_id;
    struct records records;
    bool fresh = !member;
    int64_t hash = consumer->metadata_hash;
    group_records(group, &records);
    if (fresh)
        member = consumer_member_new(consumer, id);
    else if (!wire_str_is(id, member->id))
        join_replace(member, join->made_id, &records);
    bool subscribed = join_update(member, join, words);
    join_fill(join, member, consumer->epoch); /* for a group that goes back */
    consumer_put_member(member, &records);
    consumer_check_topics(consumer, subscribed, NULL);
    bool changed = subscribed || hash != consumer->metadata_hash;
    if (consumer_try_downgrade(consumer, !changed, &records)) {
        join_downgraded(group, join, &records);
        records_close(&records);
        return;
    }
    if (changed)
        consumer_raise_epoch(consumer, &records);
    int err = join_step(member, fresh, words, &records);
    if (err)
        join_refuse(join, err);
    else
        join_fill(join, member, member->epoch);
    consumer_write(group, &records, join_written, join);
    records_close(&records);
}

void consumer_classic_join(struct consumer *consumer, struct group_join *join)
{
    struct group *group = consumer->group;
    struct consumer_member *member = NULL;
    struct join_words words;
    int err = consumer_check_write(group);
    if (!err && !consumer_is_settled(consumer))
        err = ERR_COORDINATOR_LOAD_IN_PROGRESS;
    if (!err)
        err = join_identify(consumer, join, &member);
    if (!err)
        err = join_read(group, join, &words);
    if (!err) {
        join_follow(consumer, member, join, &words);
        join_close_words(&words);
        return;
    }
    struct records none;
    group_records(group, &none);
    join_refuse(join, err);
    consumer_write(group, &none, join_written, join);
    records_close(&none);
}

/* ---- its other requests ---- */

static int member_identify(const struct consumer *consumer, struct wire_str member_id,
                           struct wire_str instance_id, struct consumer_member **member)
{
    if (!wire_str_is_null(instance_id)) {
        *member = consumer_find_instance(consumer, instance_id);
        if (*member && !wire_str_is(member_id, (*member)->id))
            return ERR_FENCED_INSTANCE_ID;
    } else {
        *member = consumer_find(consumer, member_id);
    }
    return *member && (*member)->classic ? 0 : ERR_UNKNOWN_MEMBER_ID;
}

/* There is a next step for it, which it takes by joining again. */
static bool member_has_next(const struct consumer_member *member)
{
    return member->epoch < member->consumer->target_epoch ||
           consumer_target_is_due(member->consumer);
}

/* It is told to join again, and has as long as its rebalance timeout for that. */
static int member_call_back(struct consumer_member *member)
{
    if (!env_timer_running(&member->rebalance_timer))
        env_timer_start(&member->rebalance_timer, member->rebalance_ms);
    return ERR_REBALANCE_IN_PROGRESS;
}

static int sync_check(const struct consumer *consumer, const struct sync_group_request *request,
                      struct consumer_member **member)
{
    int err = member_identify(consumer, request->member_id, request->group_instance_id, member);
    if (err)
        return err;
    if (request->generation_id != (*member)->epoch)
        return ERR_ILLEGAL_GENERATION;
    if ((*member)->protocols.count == 0)
        return ERR_UNKNOWN_MEMBER_ID; /* loaded from a record that lacked them: it joins again */
    if (!wire_str_is_null(request->protocol_type) &&
        !wire_str_is(request->protocol_type, SUBSCRIPTION_TYPE))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (!wire_str_is_null(request->protocol_name) &&
        !wire_str_equal(request->protocol_name, (*member)->protocols.items[0].name))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    /* One that has yet to give something up is let through: it must know what it may keep. */
    if (member_has_next(*member) && (*member)->state != CONSUMER_UNREVOKED)
        return member_call_back(*member);
    return 0;
}

static void member_synced(void *data, int err)
{
    struct group_sync *sync = data;
    if (err) {
        wire_defaults(&sync_group_response_desc, &sync->response);
        sync->response.error_code = err_to_wire(err);
    }
    sync->done(sync);
}

static int sync_fill(struct group_sync *sync, const struct consumer_member *member)
{
    struct sync_group_response *response = &sync->response;
    struct buf bytes;
    buf_init(&bytes);
    int err = consumer_write_assignment(member, &bytes);
    char *kept = err ? NULL : arena_strndup(sync->arena, (char *)bytes.data, bytes.len);
    response->protocol_type = wire_str_from(SUBSCRIPTION_TYPE);
    response->protocol_name = member->protocols.items[0].name;
    response->assignment = (struct wire_bytes){(uint8_t *)kept, (int32_t)bytes.len};
    buf_close(&bytes);
    return kept && wire_str_keep(sync->arena, &response->protocol_name) ? 0
                                                                        : ERR_UNKNOWN_SERVER_ERROR;
}

void consumer_classic_sync(struct consumer *consumer, struct group_sync *sync)
{
    struct group *group = consumer->group;
    struct consumer_member *member;
    struct records none;
    wire_defaults(&sync_group_response_desc, &sync->response);
    int err = sync_check(consumer, sync->request, &member);
    if (!err)
        err = sync_fill(sync, member);
    if (err) {
        member_synced(sync, err);
        return;
    }
    env_timer_stop(&member->rebalance_timer);
    consumer_touch(member);
    group_records(group, &none);
    consumer_write(group, &none, member_synced, sync);
    records_close(&none);
}

/* Topics may have come: then everybody is called to join again. */
static void member_check_topics(struct consumer *consumer)
{
    struct group *group = consumer->group;
    struct records records;
    if (consumer->topics_seen == group_manager_topics(group->shard->manager) ||
        consumer_check_write(group))
        return;
    group_records(group, &records);
    consumer_check_topics(consumer, false, &records);
    if (records.count > 0)
        consumer_write(group, &records, join_ignore, NULL);
    records_close(&records);
}

int consumer_classic_heartbeat(struct consumer *consumer, const struct heartbeat_request *request)
{
    struct consumer_member *member;
    int err = member_identify(consumer, request->member_id, request->group_instance_id, &member);
    if (err)
        return err;
    if (request->generation_id != member->epoch)
        return ERR_ILLEGAL_GENERATION;
    consumer_touch(member);
    member_check_topics(consumer);
    bool next = member_has_next(member) || member->state == CONSUMER_UNREVOKED ||
                (member->state == CONSUMER_UNRELEASED && !consumer_waits_for_others(member));
    return next ? member_call_back(member) : 0;
}

/* ---- leaving, also by an administrator's hand ---- */

static int leave_one(struct consumer *consumer, struct wire_str member_id,
                     struct wire_str instance_id, struct records *records)
{
    struct consumer_member *member = wire_str_is_null(instance_id)
                                         ? consumer_find(consumer, member_id)
                                         : consumer_find_instance(consumer, instance_id);
    if (!member)
        return ERR_UNKNOWN_MEMBER_ID;
    if (!wire_str_is_null(instance_id) && !wire_str_is_empty(member_id) &&
        !wire_str_is(member_id, member->id))
        return ERR_FENCED_INSTANCE_ID;
    consumer_remove_member(member, records);
    return 0;
}

static void member_left(void *data, int err)
{
    struct group_leave *leave = data;
    if (err)
        leave->response.error_code = err_to_wire(err);
    leave->done(leave);
}

static bool leave_all(struct consumer *consumer, struct group_leave *leave, struct records *records)
{
    struct leave_group_response_member_response *out = group_leave_members(leave);
    for (int32_t i = 0; out && i < leave->response.members.count; i++)
        out[i].error_code =
            err_to_wire(leave_one(consumer, out[i].member_id, out[i].group_instance_id, records));
    return out != NULL;
}

void consumer_classic_leave(struct consumer *consumer, struct group_leave *leave)
{
    struct group *group = consumer->group;
    struct records records;
    int err = consumer_check_write(group);
    group_records(group, &records);
    if (!err && leave->version < GROUP_LEAVE_LIST_VERSION)
        err = leave_one(consumer, leave->request->member_id, WIRE_STR_NULL, &records);
    else if (!err && !leave_all(consumer, leave, &records))
        err = ERR_UNKNOWN_SERVER_ERROR;
    leave->response.error_code = err_to_wire(err);
    if (records.count > 0)
        consumer_removed(consumer, &records);
    consumer_write(group, &records, member_left, leave);
    records_close(&records);
}

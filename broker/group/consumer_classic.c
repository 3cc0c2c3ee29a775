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

enum {
    JOIN_ID_REQUIRED_VERSION = 4,
    JOIN_NULL_NAME_VERSION = 7
};

/* ---- a classic member joins a consumer group ---- */

static void migrate_joined(void *data, int err)
{
    struct group_join *join = data;
    char *made_id = join->made_id;
    join->made_id = NULL;
    if (err) {
        classic_fail_join(join, err, join->request->member_id);
    } else {
        join->done(join);
    }
    mem_free(made_id);
}

static int join_check_protocols(const struct consumer *consumer, const struct group_join *join)
{
    const struct join_group_request *request = join->request;
    if (!wire_str_is(request->protocol_type, SUBSCRIPTION_TYPE) || request->protocols.count == 0)
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (consumer->classic_count == 0)
        return 0;
    for (int32_t i = 0; i < request->protocols.count; i++) {
        bool all = true;
        LIST_EACH(step, &consumer->members)
        {
            const struct consumer_member *member = LIST_ENTRY(step, struct consumer_member, link);
            if (member->classic &&
                !classic_protocols_find(&member->protocols, request->protocols.items[i].name))
                all = false;
        }
        if (all)
            return 0;
    }
    return ERR_INCONSISTENT_GROUP_PROTOCOL;
}

/* Before anything changes: what join_update will read can be read. */
static int join_check_subscription(const struct group *group, const struct group_join *join)
{
    struct consumer_protocol_subscription subscription;
    struct classic_protocols protocols;
    struct partition_set owned;
    struct arena arena;
    int err = classic_protocols_copy(&protocols, join);
    if (err)
        return err;
    arena_init(&arena, CONSUMER_ARENA_MAX);
    partition_set_init(&owned);
    err = consumer_read_subscription(group, &protocols, &arena, &subscription, &owned);
    partition_set_close(&owned);
    arena_close(&arena);
    classic_protocols_free(&protocols);
    return err;
}

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

/* Finds or makes the member; *again: the client must ask again under the id that was made. */
static int join_identify(struct consumer *consumer, struct group_join *join,
                         struct records *records, struct consumer_member **member)
{
    const struct join_group_request *request = join->request;
    bool is_static = !wire_str_is_null(request->group_instance_id);
    bool unnamed = wire_str_is_empty(request->member_id);
    *member = is_static ? consumer_find_instance(consumer, request->group_instance_id)
                        : consumer_find(consumer, request->member_id);
    if (unnamed)
        join->made_id = group_new_member_id(consumer->group, is_static ? request->group_instance_id
                                                                       : join->client_id);
    if (*member && is_static && !unnamed && !wire_str_is(request->member_id, (*member)->id))
        return ERR_FENCED_INSTANCE_ID;
    if (*member && is_static && unnamed)
        join_replace(*member, join->made_id, records);
    if (*member)
        return 0;
    if (is_static && !unnamed)
        return ERR_UNKNOWN_MEMBER_ID;
    if (consumer->member_count >= group_settings(consumer->group)->consumer_max_size ||
        !group_has_room(consumer->group))
        return ERR_GROUP_MAX_SIZE_REACHED;
    if (unnamed && !is_static && join->version >= JOIN_ID_REQUIRED_VERSION)
        return ERR_MEMBER_ID_REQUIRED;
    *member =
        consumer_member_new(consumer, unnamed ? wire_str_from(join->made_id) : request->member_id);
    return 0;
}

/* Takes over what the request says; whether what it reads has changed is told in *subscribed. */
static int join_update(struct consumer_member *member, struct group_join *join,
                       struct partition_set *owned, bool *subscribed)
{
    const struct join_group_request *request = join->request;
    struct consumer_protocol_subscription subscription;
    struct classic_protocols protocols;
    struct arena arena;
    int err = classic_protocols_copy(&protocols, join);
    if (err)
        return err;
    arena_init(&arena, CONSUMER_ARENA_MAX);
    err = consumer_read_subscription(member->consumer->group, &protocols, &arena, &subscription,
                                    owned);
    if (err) {
        classic_protocols_free(&protocols);
        arena_close(&arena);
        return err;
    }
    *subscribed = consumer_set_topics(member, subscription.topics.items, subscription.topics.count);
    *subscribed |= consumer_set_pattern(member, WIRE_STR_NULL);
    consumer_set_text(&member->rack_id, subscription.rack_id);
    arena_close(&arena);
    classic_protocols_free(&member->protocols);
    member->protocols = protocols;
    consumer_set_classic(member, true);
    if (!member->instance_id)
        consumer_set_instance(member, request->group_instance_id);
    consumer_set_text(&member->client_id, join->client_id);
    consumer_set_text(&member->client_host, wire_str_from(join->client_host));
    member->session_ms = request->session_timeout_ms;
    member->rebalance_ms =
        request->rebalance_timeout_ms >= 0 ? request->rebalance_timeout_ms : member->session_ms;
    return 0;
}

/* Nobody leads: the broker assigns. Everything is copied, as the answer leaves later. */
static bool join_fill(struct group_join *join, const struct consumer_member *member)
{
    struct join_group_response *response = &join->response;
    wire_defaults(&join_group_response_desc, response);
    response->generation_id = member->epoch;
    response->protocol_type = wire_str_from(SUBSCRIPTION_TYPE);
    response->protocol_name = member->protocols.items[0].name;
    response->member_id = wire_str_from(member->id);
    return wire_str_keep(join->arena, &response->member_id) &&
           wire_str_keep(join->arena, &response->protocol_name);
}

static int join_follow(struct consumer *consumer, struct group_join *join, struct records *records)
{
    struct consumer_member *member;
    struct partition_set owned;
    bool subscribed = false;
    int err = join_identify(consumer, join, records, &member);
    if (err)
        return err;
    bool fresh = member->rebalance_ms < 0;
    partition_set_init(&owned);
    err = join_update(member, join, &owned, &subscribed);
    if (err && fresh) {
        consumer_member_free(member);
    } else if (!err) {
        consumer_put_member(member, records);
        if (subscribed || fresh) {
            consumer_check_topics(consumer, true, NULL);
            consumer_raise_epoch(consumer, records);
        } else {
            consumer_check_topics(consumer, false, records);
        }
        err = consumer_update_target(consumer, records);
        if (err && fresh) {
            consumer_remove_member(member, records);
            consumer_raise_epoch(consumer, records);
            partition_set_close(&owned);
            return ERR_UNKNOWN_SERVER_ERROR;
        }
        err = 0; /* the others go on with what they have */
        consumer_reconcile(member, &owned, records);
        consumer_touch(member);
        env_timer_start(&member->rebalance_timer, member->rebalance_ms); /* it must sync by then */
        if (!join_fill(join, member))
            err = ERR_UNKNOWN_SERVER_ERROR;
    }
    partition_set_close(&owned);
    return err;
}

static void migrate_ignore(void *data, int err)
{
    (void)data;
    (void)err; /* the shard loads anew, or is gone */
}

/* The join took the place of the last member of the consumer protocol, as in a rolling downgrade of
 * static members: it goes on as one of the classic group's. Whether it does. */
static bool join_downgrades(struct consumer *consumer, struct group_join *join,
                            struct records *records)
{
    struct group *group = consumer->group;
    if (!consumer_try_downgrade(consumer, records))
        return false;
    consumer_write(group, records, migrate_ignore, NULL);
    mem_free(join->made_id);
    join->made_id = NULL;
    classic_join(group->classic, join);
    return true;
}

void consumer_classic_join(struct consumer *consumer, struct group_join *join)
{
    struct group *group = consumer->group;
    struct records records;
    int err = consumer_check_write(group);
    if (!err && !consumer_is_settled(consumer))
        err = ERR_COORDINATOR_LOAD_IN_PROGRESS;
    if (!err)
        err = join_check_protocols(consumer, join);
    if (!err)
        err = join_check_subscription(group, join);
    group_records(group, &records);
    if (!err)
        err = join_follow(consumer, join, &records);
    if (!err && join_downgrades(consumer, join, &records)) {
        records_close(&records);
        return;
    }
    if (err) {
        bool required = err == ERR_MEMBER_ID_REQUIRED;
        struct wire_str id = required ? wire_str_from(join->made_id) : join->request->member_id;
        wire_defaults(&join_group_response_desc, &join->response);
        join->response.error_code = err_to_wire(err);
        join->response.member_id = id;
        if (join->version >= JOIN_NULL_NAME_VERSION)
            join->response.protocol_name = WIRE_STR_NULL;
    }
    consumer_write(group, &records, migrate_joined, join);
    records_close(&records);
}

/* ---- its other requests ---- */

static int migrate_identify(const struct consumer *consumer, struct wire_str member_id,
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

/* It is told to join again, and has as long as its rebalance timeout for that. */
static int migrate_call_back(struct consumer_member *member)
{
    if (!env_timer_running(&member->rebalance_timer))
        env_timer_start(&member->rebalance_timer, member->rebalance_ms);
    return ERR_REBALANCE_IN_PROGRESS;
}

static int sync_check(const struct consumer *consumer, const struct sync_group_request *request,
                      struct consumer_member **member)
{
    int err = migrate_identify(consumer, request->member_id, request->group_instance_id, member);
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
    if (consumer->epoch > (*member)->epoch && (*member)->state != CONSUMER_UNREVOKED)
        return migrate_call_back(*member);
    return 0;
}

static void migrate_synced(void *data, int err)
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
        migrate_synced(sync, err);
        return;
    }
    env_timer_stop(&member->rebalance_timer);
    consumer_touch(member);
    group_records(group, &none);
    consumer_write(group, &none, migrate_synced, sync);
    records_close(&none);
}

/* Topics may have come: then everybody is called to join again. */
static void migrate_check_topics(struct consumer *consumer)
{
    struct group *group = consumer->group;
    struct records records;
    if (consumer->topics_seen == group_manager_topics(group->shard->manager) ||
        consumer_check_write(group))
        return;
    group_records(group, &records);
    consumer_check_topics(consumer, false, &records);
    if (records.count > 0)
        consumer_write(group, &records, migrate_ignore, NULL);
    records_close(&records);
}

int consumer_classic_heartbeat(struct consumer *consumer, const struct heartbeat_request *request)
{
    struct consumer_member *member;
    int err = migrate_identify(consumer, request->member_id, request->group_instance_id, &member);
    if (err)
        return err;
    if (request->generation_id != member->epoch)
        return ERR_ILLEGAL_GENERATION;
    consumer_touch(member);
    migrate_check_topics(consumer);
    bool next = member->epoch < consumer->epoch || member->state == CONSUMER_UNREVOKED ||
                (member->state == CONSUMER_UNRELEASED && !consumer_waits_for_others(member));
    return next ? migrate_call_back(member) : 0;
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
    if (wire_str_is_null(instance_id) && !member->classic)
        return ERR_UNKNOWN_MEMBER_ID; /* it leaves by its heartbeat */
    consumer_remove_member(member, records);
    return 0;
}

static void migrate_left(void *data, int err)
{
    struct group_leave *leave = data;
    if (err)
        leave->response.error_code = err_to_wire(err);
    leave->done(leave);
}

static bool leave_all(struct consumer *consumer, struct group_leave *leave, struct records *records)
{
    const struct leave_group_request *request = leave->request;
    struct leave_group_response_member_response *out =
        WIRE_ARRAY(leave->arena, &leave->response.members, request->members.count,
                   &leave_group_response_member_response_desc);
    for (int32_t i = 0; out && i < request->members.count; i++, out++) {
        const struct leave_group_request_member_identity *member = &request->members.items[i];
        out->member_id = member->member_id;
        out->group_instance_id = member->group_instance_id;
        out->error_code =
            err_to_wire(leave_one(consumer, member->member_id, member->group_instance_id, records));
    }
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
    consumer_write(group, &records, migrate_left, leave);
    records_close(&records);
}

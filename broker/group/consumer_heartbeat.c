/* ConsumerGroupHeartbeat: one request to join, to stay, and to leave.
 *
 * Happy path: the member is found or made, what it says about itself is taken over; a change raises
 * the group's epoch and a new target is made; the member takes its next step; the answer says its
 * epoch and, when it changed or everything was asked, its partitions. Failure modes: an epoch that
 * is not the member's fences it (it joins again from nothing); requests that break a rule change
 * nothing. */
#include <string.h>

#include "base/err.h"
#include "broker/group/assignor.h"
#include "broker/group/consumer.h"
#include "broker/group/manager_private.h"
#include "broker/group/topic_pattern.h"

typedef struct consumer_group_heartbeat_request beat_request;

/* Partitions that one member may claim to own: more than a member was ever given, and few enough to
 * be sorted in one turn of the loop. */
enum { BEAT_OWNED_MAX = 100000 };

static const char BEAT_TOO_MUCH[] =
    "The partitions of one member would not fit into a record: subscribe to fewer topics, or raise "
    "max.message.bytes of __consumer_offsets.";

/* ---- answers ---- */

/* The answer that leaves when what was changed on the way is written. `message` may be NULL. */
static void beat_refuse(struct group_consumer_heartbeat *beat, int err, const char *message)
{
    wire_defaults(&consumer_group_heartbeat_response_desc, &beat->response);
    beat->response.error_code = err_to_wire(err);
    beat->response.error_message = wire_str_from(message);
}

static void beat_fail(struct group_consumer_heartbeat *beat, int err, const char *message)
{
    beat_refuse(beat, err, message);
    beat->done(beat);
}

static void beat_written(void *data, int err)
{
    struct group_consumer_heartbeat *beat = data;
    if (err)
        beat_fail(beat, err, NULL);
    else
        beat->done(beat);
}

static void beat_changed(void *data, int err)
{
    (void)data;
    (void)err; /* the shard loads anew, or is gone: both end the joins that wait */
}

static bool beat_fill_assignment(struct group_consumer_heartbeat *beat,
                                 const struct partition_set *set)
{
    const struct partition_name *run;
    size_t at = 0;
    size_t count;
    struct consumer_group_heartbeat_response_assignment *assignment =
        wire_struct_new(beat->arena, &consumer_group_heartbeat_response_assignment_desc);
    struct consumer_group_heartbeat_response_topic_partitions *out =
        assignment ? WIRE_ARRAY(beat->arena, &assignment->topic_partitions,
                                (int32_t)partition_set_topics(set),
                                &consumer_group_heartbeat_response_topic_partitions_desc)
                   : NULL;
    for (; out && (run = partition_set_next_topic(set, &at, &count)); out++) {
        out->topic_id = run->topic_id;
        int32_t *partitions = WIRE_ARRAY(beat->arena, &out->partitions, (int32_t)count, NULL);
        for (size_t i = 0; partitions && i < count; i++)
            partitions[i] = run[i].partition;
        if (!partitions)
            return false;
    }
    beat->response.assignment = assignment;
    return out != NULL;
}

/* Everything is copied: the answer may leave when the member is gone. */
static bool beat_fill(struct group_consumer_heartbeat *beat, const struct consumer_member *member,
                      bool assignment)
{
    struct consumer_group_heartbeat_response *response = &beat->response;
    wire_defaults(&consumer_group_heartbeat_response_desc, response);
    response->member_id = wire_str_from(member->id);
    response->member_epoch = member->epoch;
    response->heartbeat_interval_ms =
        (int32_t)group_consumer_ms(member->consumer->group, CONFIG_GROUP_HEARTBEAT);
    return wire_str_keep(beat->arena, &response->member_id) &&
           (!assignment || beat_fill_assignment(beat, &member->assigned));
}

/* ---- the rules of the request ---- */

static const char *beat_check_join(const struct group_consumer_heartbeat *beat)
{
    const beat_request *request = beat->request;
    if (request->rebalance_timeout_ms < 0)
        return "RebalanceTimeoutMs must be provided in first request.";
    if (request->topic_partitions.count != 0)
        return "TopicPartitions must be empty when (re-)joining.";
    if (request->subscribed_topic_names.count < 0 &&
        wire_str_is_null(request->subscribed_topic_regex))
        return "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when "
               "(re-)joining.";
    return NULL;
}

static bool beat_owns_too_much(const beat_request *request)
{
    int64_t count = request->topic_partitions.count;
    for (int32_t i = 0; i < request->topic_partitions.count; i++)
        count += request->topic_partitions.items[i].partitions.count;
    return count - request->topic_partitions.count > BEAT_OWNED_MAX;
}

static bool beat_is_too_long(const beat_request *request)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < request->subscribed_topic_names.count; i++)
        bytes += (size_t)request->subscribed_topic_names.items[i].len + 2;
    return bytes > CONSUMER_WORDS_MAX;
}

/* Nothing, or nothing that can be seen. */
static bool beat_is_blank(struct wire_str text)
{
    for (int32_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] > ' ')
            return false;
    return true;
}

static const char *beat_check(const struct group_consumer_heartbeat *beat)
{
    const beat_request *request = beat->request;
    if (group_has_nul(request->member_id) || group_has_nul(request->instance_id))
        return "MemberId and InstanceId must not contain a NUL character.";
    if (beat_is_blank(request->member_id) &&
        (beat->version > 0 || request->member_epoch != CONSUMER_JOIN_EPOCH))
        return "MemberId can't be empty.";
    if (beat_is_blank(request->group_id))
        return "GroupId can't be empty.";
    if (!wire_str_is_null(request->instance_id) && beat_is_blank(request->instance_id))
        return "InstanceId can't be empty.";
    if (!wire_str_is_null(request->rack_id) && beat_is_blank(request->rack_id))
        return "RackId can't be empty.";
    if (beat_owns_too_much(request))
        return "TopicPartitions names more partitions than a member may have.";
    if (beat_is_too_long(request))
        return "SubscribedTopicNames has more bytes than a member may have of them.";
    if (request->member_epoch < CONSUMER_AWAY_EPOCH)
        return "MemberEpoch is invalid.";
    if (request->member_epoch == CONSUMER_AWAY_EPOCH && wire_str_is_null(request->instance_id))
        return "InstanceId can't be null.";
    return request->member_epoch == CONSUMER_JOIN_EPOCH ? beat_check_join(beat) : NULL;
}

static int beat_check_values(const struct group_manager *manager,
                             const struct group_consumer_heartbeat *beat)
{
    const beat_request *request = beat->request;
    if (!wire_str_is_null(request->server_assignor) &&
        !assignor_find(request->server_assignor, manager->deps.settings.assignors))
        return ERR_UNSUPPORTED_ASSIGNOR;
    if (wire_str_is_empty(request->subscribed_topic_regex))
        return 0;
    return topic_pattern_check(request->subscribed_topic_regex);
}

/* ---- expressions ---- */

/* The request waits until it is known what its expression matches. */
struct beat_wait {
    struct expression_wait wait;
    struct expression *expression;
    struct group_manager *manager;
    struct group_consumer_heartbeat *beat;
};

static void beat_resume(struct expression_wait *wait, bool closing)
{
    struct beat_wait *waits = CONTAINER_OF(wait, struct beat_wait, wait);
    struct expression *expression = waits->expression;
    struct group_manager *manager = waits->manager;
    struct group_consumer_heartbeat *beat = waits->beat;
    mem_free(waits);
    if (closing)
        beat_fail(beat, ERR_COORDINATOR_NOT_AVAILABLE, NULL);
    else
        group_manager_consumer_heartbeat(manager, beat);
    matcher_release(expression);
}

/* 0 when the expression is good and its matches are known, 1 when the request waits for that. */
static int beat_check_expression(struct group_manager *manager, const struct group *group,
                                 struct group_consumer_heartbeat *beat)
{
    struct wire_str text = beat->request->subscribed_topic_regex;
    if (wire_str_is_empty(text))
        return 0;
    if (group && group->consumer && consumer_has_all_patterns(group->consumer, text))
        return ERR_INVALID_REGULAR_EXPRESSION;
    if (!matcher_has_room(manager->matcher, text))
        return ERR_COORDINATOR_NOT_AVAILABLE;
    struct expression *expression = matcher_use(manager->matcher, text);
    enum expression_state state = expression_state(expression);
    if (state != EXPRESSION_WORKING) {
        beat->expression = state == EXPRESSION_READY ? expression : NULL;
        if (state == EXPRESSION_REFUSED)
            matcher_release(expression);
        return state == EXPRESSION_READY ? 0 : ERR_INVALID_REGULAR_EXPRESSION;
    }
    struct beat_wait *waits = mem_alloc(sizeof(*waits));
    *waits = (struct beat_wait){.wait = {.settled = beat_resume},
                                .expression = expression,
                                .manager = manager,
                                .beat = beat};
    expression_wait(expression, &waits->wait);
    return 1;
}

/* ---- the member ---- */

static int beat_check_room(const struct consumer *consumer)
{
    return consumer->member_count < group_settings(consumer->group)->consumer_max_size &&
                   group_has_room(consumer->group)
               ? 0
               : ERR_GROUP_MAX_SIZE_REACHED;
}

static int beat_add(struct consumer *consumer, const struct group_consumer_heartbeat *beat,
                    struct consumer_member **member)
{
    int err = beat_check_room(consumer);
    if (err)
        return err;
    char *made = wire_str_is_empty(beat->request->member_id)
                     ? group_new_member_id(consumer->group, wire_str_from("consumer"))
                     : wire_str_dup(beat->request->member_id);
    *member = consumer_member_new(consumer, wire_str_from(made));
    mem_free(made);
    return 0;
}

/* The instance comes back under another member id: what was the old one's is the new one's. */
static void beat_replace(struct consumer_member *member, struct wire_str id,
                         struct records *records)
{
    struct consumer *consumer = member->consumer;
    consumer_put_member_gone(member, records);
    map_del(&consumer->by_id, member->id, strlen(member->id));
    mem_free(member->id);
    member->id = wire_str_is_empty(id)
                     ? group_new_member_id(consumer->group, wire_str_from("consumer"))
                     : wire_str_dup(id);
    map_put(&consumer->by_id, member->id, strlen(member->id), member);
    consumer_set_classic(member, false);
    member->epoch = CONSUMER_JOIN_EPOCH;
    member->previous_epoch = CONSUMER_JOIN_EPOCH;
    consumer_put_member(member, records);
    consumer_put_target(member, records);
    consumer_put_current(member, records);
}

static int beat_join_static(struct consumer *consumer, const struct group_consumer_heartbeat *beat,
                            struct records *records, struct consumer_member **member)
{
    const beat_request *request = beat->request;
    struct consumer_member *named = consumer_find(consumer, request->member_id);
    *member = consumer_find_instance(consumer, request->instance_id);
    bool same = *member && wire_str_is(request->member_id, (*member)->id);
    if (*member && !same && (*member)->epoch != CONSUMER_AWAY_EPOCH && !(*member)->classic)
        return ERR_UNRELEASED_INSTANCE_ID;
    if (named && named != *member && (*member || named->instance_id))
        return ERR_INVALID_REQUEST;
    if (!*member && named) {
        *member = named; /* it was dynamic: it gets the instance id */
        return 0;
    }
    if (!*member)
        return beat_add(consumer, beat, member);
    if (same) {
        /* It left for a while and is back as itself: it begins anew with what it had. */
        if ((*member)->epoch == CONSUMER_AWAY_EPOCH)
            (*member)->epoch = (*member)->previous_epoch = CONSUMER_JOIN_EPOCH;
        return 0;
    }
    beat_replace(*member, request->member_id, records);
    return 0;
}

static int beat_find(const struct consumer *consumer, const beat_request *request,
                     struct consumer_member **member)
{
    if (wire_str_is_null(request->instance_id)) {
        *member = consumer_find(consumer, request->member_id);
        return *member ? 0 : ERR_UNKNOWN_MEMBER_ID;
    }
    *member = consumer_find_instance(consumer, request->instance_id);
    if (!*member)
        return ERR_UNKNOWN_MEMBER_ID;
    return wire_str_is(request->member_id, (*member)->id) ? 0 : ERR_FENCED_INSTANCE_ID;
}

/* The epoch of a lost answer is fine while the member claims nothing that is not its own. */
static int beat_check_epoch(const struct consumer_member *member, int32_t epoch,
                            const struct partition_set *owned)
{
    if (epoch == member->epoch)
        return 0;
    if (epoch < member->epoch && epoch == member->previous_epoch && owned &&
        partition_set_within(owned, &member->assigned))
        return 0;
    return ERR_FENCED_MEMBER_EPOCH;
}

static int beat_identify(struct consumer *consumer, const struct group_consumer_heartbeat *beat,
                         const struct partition_set *owned, struct records *records,
                         struct consumer_member **member)
{
    const beat_request *request = beat->request;
    if (request->member_epoch == CONSUMER_JOIN_EPOCH) {
        if (!wire_str_is_null(request->instance_id))
            return beat_join_static(consumer, beat, records, member);
        *member = consumer_find(consumer, request->member_id);
        return *member ? 0 : beat_add(consumer, beat, member);
    }
    int err = beat_find(consumer, request, member);
    return err ? err : beat_check_epoch(*member, request->member_epoch, owned);
}

/* ---- what it says about itself ---- */

/* Whether anything differs; *subscribed: what it reads does. */
static bool beat_update(struct consumer_member *member, const struct group_consumer_heartbeat *beat,
                        bool *subscribed)
{
    const beat_request *request = beat->request;
    bool changed = false;
    *subscribed = false;
    if (member->classic) {
        /* It has changed over under the id that it had. */
        consumer_set_classic(member, false);
        classic_protocols_free(&member->protocols);
        if (member->state != CONSUMER_UNREVOKED)
            env_timer_stop(&member->rebalance_timer);
        changed = true;
    }
    if (!wire_str_is_null(request->instance_id) && !member->instance_id) {
        consumer_set_instance(member, request->instance_id);
        changed = true;
    }
    if (!wire_str_is_null(request->rack_id))
        changed |= consumer_set_text(&member->rack_id, request->rack_id);
    if (!wire_str_is_null(request->server_assignor))
        changed |= consumer_set_text(&member->assignor, request->server_assignor);
    if (request->rebalance_timeout_ms >= 0 &&
        request->rebalance_timeout_ms != member->rebalance_ms) {
        member->rebalance_ms = request->rebalance_timeout_ms;
        changed = true;
    }
    changed |= consumer_set_text(&member->client_id, beat->client_id);
    changed |= consumer_set_text(&member->client_host, wire_str_from(beat->client_host));
    if (request->subscribed_topic_names.count >= 0)
        *subscribed |= consumer_set_topics(member, request->subscribed_topic_names.items,
                                           request->subscribed_topic_names.count);
    if (!wire_str_is_null(request->subscribed_topic_regex))
        *subscribed |= consumer_set_pattern(member, request->subscribed_topic_regex);
    return changed || *subscribed;
}

static void beat_owned(const beat_request *request, struct partition_set *owned)
{
    partition_set_init(owned);
    for (int32_t i = 0; i < request->topic_partitions.count; i++) {
        const struct consumer_group_heartbeat_request_topic_partitions *topic =
            &request->topic_partitions.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++)
            partition_set_append(owned, &topic->topic_id, topic->partitions.items[j]);
    }
    partition_set_settle(owned);
}

static bool beat_is_full(const beat_request *request)
{
    return request->topic_partitions.count >= 0 && request->rebalance_timeout_ms >= 0 &&
           (request->subscribed_topic_names.count >= 0 ||
            !wire_str_is_null(request->subscribed_topic_regex));
}

/* ---- joining and staying ---- */

/* What a heartbeat still asks for when all it says was taken over. */
struct consumer_wait {
    struct list link; /* in the consumer's waits: a target is made for the group */
    struct group_consumer_heartbeat *beat;
    char *member_id;
    bool fresh;      /* its member was made for it */
    bool subscribed; /* it raised the epoch */
    bool told;       /* it says what its member owns: */
    struct partition_set owned;
    int32_t epoch; /* it waits for a target at least that new */
};

/* The member's next step, and the answer. */
static void beat_step(struct consumer_member *member, struct group_consumer_heartbeat *beat,
                      const struct partition_set *owned, struct records *records)
{
    bool given = consumer_reconcile(member, owned, records);
    consumer_touch(member);
    if (!beat_fill(beat, member, given || beat_is_full(beat->request)))
        beat->response.error_code = err_to_wire(ERR_UNKNOWN_SERVER_ERROR);
}

/* No target that a record holds can be made with what the member asks for. */
static void beat_asks_too_much(struct consumer_member *member, bool fresh,
                               struct group_consumer_heartbeat *beat, struct records *records)
{
    struct consumer *consumer = member->consumer;
    beat_refuse(beat, ERR_UNKNOWN_SERVER_ERROR, BEAT_TOO_MUCH);
    if (!fresh)
        return;
    consumer_remove_member(member, records);
    consumer_raise_epoch(consumer, records);
}

static void wait_free(struct consumer_wait *wait)
{
    list_remove(&wait->link);
    partition_set_close(&wait->owned);
    mem_free(wait->member_id);
    mem_free(wait);
}

static void wait_answer(struct consumer *consumer, struct consumer_wait *wait, int err,
                        struct records *records)
{
    struct consumer_member *member = consumer_find(consumer, wire_str_from(wait->member_id));
    struct group_consumer_heartbeat *beat = wait->beat;
    if (!member) /* it left, or was thrown out */
        beat_refuse(beat, ERR_UNKNOWN_MEMBER_ID, NULL);
    else if (err == ERR_TOO_LARGE && (wait->fresh || wait->subscribed))
        beat_asks_too_much(member, wait->fresh, beat, records);
    else if (err && err != ERR_TOO_LARGE)
        beat_refuse(beat, err, NULL);
    else
        beat_step(member, beat, wait->told ? &wait->owned : NULL, records);
    wait_free(wait);
    consumer_write(consumer->group, records, beat_written, beat);
    records_close(records);
    group_records(consumer->group, records);
}

void consumer_target_made(struct consumer *consumer, int err, struct records *records)
{
    /* Who came while it was made waits for the next one, if that may be made now. */
    if (!err && !list_empty(&consumer->waits) && consumer_update_target(consumer, records))
        err = ERR_TOO_LARGE;
    LIST_EACH(step, &consumer->waits) {
        struct consumer_wait *wait = LIST_ENTRY(step, struct consumer_wait, link);
        if (err || !consumer->job || wait->epoch <= consumer->target_epoch)
            wait_answer(consumer, wait, err, records);
    }
}

void consumer_fail_waits(struct consumer *consumer)
{
    LIST_EACH(step, &consumer->waits) {
        struct consumer_wait *wait = LIST_ENTRY(step, struct consumer_wait, link);
        struct group_consumer_heartbeat *beat = wait->beat;
        wait_free(wait);
        beat_fail(beat, ERR_NOT_COORDINATOR, NULL);
    }
}

/* Whether the answer is complete: it may have to wait for the target of a huge group. */
static bool beat_follow(struct consumer_member *member, struct group_consumer_heartbeat *beat,
                        const struct partition_set *owned, struct records *records)
{
    struct consumer *consumer = member->consumer;
    bool fresh = member->rebalance_ms < 0; /* just made: nothing was ever said about it */
    bool subscribed;
    bool changed = beat_update(member, beat, &subscribed);
    if (changed || fresh)
        consumer_put_member(member, records);
    if (subscribed) {
        consumer_check_topics(consumer, true, NULL);
        consumer_raise_epoch(consumer, records);
    } else {
        consumer_check_topics(consumer, false, records);
        if (fresh && consumer->epoch == CONSUMER_BIRTH_EPOCH)
            consumer_put_group(consumer, records); /* a new group, of one that reads nothing yet */
    }
    /* When it can't be made the others go on with what they have. */
    if (consumer_update_target(consumer, records) && (fresh || subscribed)) {
        beat_asks_too_much(member, fresh, beat, records);
        return true;
    }
    if (!consumer->job) {
        beat_step(member, beat, owned, records);
        return true;
    }
    struct consumer_wait *wait = mem_alloc(sizeof(*wait));
    wait->beat = beat;
    wait->member_id = mem_strdup(member->id);
    wait->fresh = fresh;
    wait->subscribed = subscribed;
    wait->told = owned != NULL;
    if (owned)
        partition_set_copy(&wait->owned, owned);
    wait->epoch = subscribed ? consumer->epoch : 0;
    list_push(&consumer->waits, &wait->link);
    consumer_touch(member);
    return false;
}

/* A group of no consumer protocol yet: one that only has offsets is made one; a classic one with
 * members migrates, if it may. */
static int beat_enter(struct group *group, struct group_consumer_heartbeat *beat,
                      struct records *records, const char **message)
{
    struct classic *classic = group->classic;
    if (group->consumer)
        return 0;
    if (classic && classic->state != CLASSIC_EMPTY) {
        const char *obstacle = consumer_upgrade(group, records);
        if (!obstacle)
            return 0;
        *message = arena_printf(beat->arena,
                                "Cannot upgrade classic group %s to consumer group because %s.",
                                group->id, obstacle);
        return ERR_GROUP_ID_NOT_FOUND;
    }
    if (classic) {
        if (classic->stored)
            group_records_put_group(records, group_id(group), NULL);
        classic_free(classic, ERR_UNKNOWN_MEMBER_ID);
        group->classic = NULL;
    }
    group->consumer = consumer_new(group);
    return 0;
}

/* One that nobody could join after all. */
static void beat_undo_enter(struct group *group)
{
    if (!group->consumer || group->consumer->epoch > CONSUMER_BIRTH_EPOCH ||
        group->consumer->member_count > 0)
        return;
    consumer_free(group->consumer);
    group->consumer = NULL;
}

static void beat_stay(struct group *group, struct group_consumer_heartbeat *beat)
{
    struct consumer_member *member;
    struct partition_set owned;
    struct records records;
    const char *message = NULL;
    bool complete = true;
    bool told = beat->request->topic_partitions.count >= 0;
    group_records(group, &records);
    beat_owned(beat->request, &owned);
    int err = beat_enter(group, beat, &records, &message);
    if (!err)
        err = beat_identify(group->consumer, beat, told ? &owned : NULL, &records, &member);
    if (!err)
        complete = beat_follow(member, beat, told ? &owned : NULL, &records);
    else /* what was changed on the way, such as a migration, stands and is written */
        beat_refuse(beat, err,
                    message ? message : consumer_explain(group->shard->manager, group, err, beat));
    if (err)
        beat_undo_enter(group);
    if (complete)
        consumer_write(group, &records, beat_written, beat);
    else
        consumer_write(group, &records, beat_changed, NULL);
    partition_set_close(&owned);
    records_close(&records);
}

/* ---- leaving ---- */

/* A static member that leaves for a while keeps its partitions until its session ends. */
static void beat_away(struct consumer_member *member, struct records *records)
{
    if (member->epoch != CONSUMER_AWAY_EPOCH)
        member->previous_epoch = member->epoch;
    member->epoch = CONSUMER_AWAY_EPOCH;
    consumer_member_move(member, CONSUMER_STABLE);
    partition_set_clear(&member->revoking);
    env_timer_stop(&member->rebalance_timer);
    consumer_put_current(member, records);
}

static void beat_leave(struct group *group, struct group_consumer_heartbeat *beat)
{
    const beat_request *request = beat->request;
    struct consumer *consumer = group->consumer;
    struct consumer_member *member;
    struct records records;
    int err = beat_find(consumer, request, &member);
    if (err) {
        beat_fail(beat, err, consumer_explain(group->shard->manager, group, err, beat));
        return;
    }
    wire_defaults(&consumer_group_heartbeat_response_desc, &beat->response);
    beat->response.member_id = request->member_id;
    beat->response.member_epoch = request->member_epoch;
    group_records(group, &records);
    if (request->member_epoch == CONSUMER_AWAY_EPOCH) {
        beat_away(member, &records);
    } else {
        logger_info(group_logger(group), "group %s: member %s leaves", group->id, member->id);
        consumer_remove_member(member, &records);
        consumer_removed(consumer, &records);
    }
    consumer_write(group, &records, beat_written, beat);
    records_close(&records);
}

/* ---- the request ---- */

static void beat_take(struct shard *shard, struct group_consumer_heartbeat *beat)
{
    struct group *group = shard_group(shard, beat->request->group_id);
    group_hold(group);
    if (beat->request->member_epoch < CONSUMER_JOIN_EPOCH)
        beat_leave(group, beat);
    else
        beat_stay(group, beat);
    group_release(group);
}

void group_manager_consumer_heartbeat(struct group_manager *manager,
                                      struct group_consumer_heartbeat *beat)
{
    const beat_request *request = beat->request;
    const char *problem = beat_check(beat);
    bool leaves = request->member_epoch < CONSUMER_JOIN_EPOCH;
    struct shard *shard;
    if (wire_str_is_null(beat->client_id))
        beat->client_id = wire_str_from("");
    if (!group_manager_has_consumers(manager)) {
        beat_fail(beat, ERR_UNSUPPORTED_VERSION, NULL);
        return;
    }
    if (problem) {
        beat_fail(beat, ERR_INVALID_REQUEST, problem);
        return;
    }
    int err = group_manager_locate(manager, request->group_id, false, &shard);
    if (!err)
        err = beat_check_values(manager, beat);
    if (!err)
        err = shard_may_change(shard);
    struct group *group = err ? NULL : shard_find(shard, request->group_id);
    if (!err && request->member_epoch != CONSUMER_JOIN_EPOCH && (!group || !group->consumer))
        err = ERR_GROUP_ID_NOT_FOUND;
    if (err) {
        beat_fail(beat, err, consumer_explain(manager, group, err, beat));
        return;
    }
    err = beat_check_expression(manager, group, beat);
    if (!err && !leaves && group && group->consumer && !consumer_is_settled(group->consumer))
        err = ERR_COORDINATOR_LOAD_IN_PROGRESS;
    if (err == 1)
        return;
    struct expression *expression = beat->expression; /* the answer may free the beat */
    beat->expression = NULL;
    if (err)
        beat_fail(beat, err, consumer_explain(manager, group, err, beat));
    else
        beat_take(shard, beat);
    if (expression)
        matcher_release(expression);
}

/* A consumer group: its members, what is asked of it, and how its changes are written. */
#include "broker/group/consumer.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/state.h"
#include "broker/group/subscription.h"

enum {
    CONSUMER_COMMIT_VERSION = 9,
    CONSUMER_MEMBER_OVERHEAD = 512, /* a member's places in tables */
    CONSUMER_NAME_OVERHEAD = 32     /* the block of one name, and the pointer to it */
};

/* ---- life ---- */

void consumer_check(const struct consumer *consumer)
{
    size_t members = (size_t)consumer->member_count;
    ASSERT(consumer->member_count >= 0);
    ASSERT(list_empty(&consumer->members) == (members == 0));
    ASSERT(consumer->by_id.count == members);
    ASSERT(consumer->by_instance.count <= members);
    ASSERT(consumer->classic_count >= 0);
    ASSERT(consumer->classic_count <= consumer->member_count);
    ASSERT(consumer->lists.count <= members); /* each has a user */
    ASSERT(consumer->patterns.count <= members);
    ASSERT(consumer->group != NULL);
}

struct consumer *consumer_new(struct group *group)
{
    struct consumer *consumer = mem_alloc(sizeof(*consumer));
    consumer->group = group;
    consumer->epoch = consumer->target_epoch = CONSUMER_BIRTH_EPOCH;
    consumer->empty_since_ms = env_wall_ms(group_env(group));
    list_init(&consumer->members);
    list_init(&consumer->waits);
    map_init(&consumer->by_id);
    map_init(&consumer->by_instance);
    map_init(&consumer->patterns);
    map_init(&consumer->lists);
    env_random_bytes(group_env(group), consumer->list_key, sizeof(consumer->list_key));
    return consumer;
}

void consumer_free(struct consumer *consumer)
{
    consumer_check(consumer);
    consumer_leave_job(consumer);
    consumer_fail_waits(consumer);
    ASSERT(list_empty(&consumer->waits));
    LIST_EACH(step, &consumer->members)
        consumer_member_free(LIST_ENTRY(step, struct consumer_member, link));
    ASSERT(consumer->member_count == 0);
    ASSERT(consumer->classic_count == 0);
    ASSERT(consumer->by_id.count == 0);
    ASSERT(consumer->patterns.count == 0);
    ASSERT(consumer->lists.count == 0);
    map_close(&consumer->lists);
    map_close(&consumer->by_id);
    map_close(&consumer->by_instance);
    map_close(&consumer->patterns);
    mem_free(consumer);
}

void consumer_start(struct consumer *consumer)
{
    LIST_EACH(step, &consumer->members) {
        struct consumer_member *member = LIST_ENTRY(step, struct consumer_member, link);
        if (member->placeholder) {
            consumer_member_free(member);
            continue;
        }
        consumer_touch(member);
        if (member->state == CONSUMER_UNREVOKED)
            env_timer_start(&member->rebalance_timer, member->rebalance_ms);
    }
}

/* ---- members ---- */

void consumer_member_move(struct consumer_member *member, enum consumer_member_state to)
{
    enum {
        CONSUMER_ANY = STATE_BIT(CONSUMER_STABLE) | STATE_BIT(CONSUMER_UNREVOKED) |
                       STATE_BIT(CONSUMER_UNRELEASED)
    };
    static const struct state_row states[] = {
        [CONSUMER_STABLE] = {"stable", CONSUMER_ANY},
        [CONSUMER_UNREVOKED] = {"unrevoked", CONSUMER_ANY},
        [CONSUMER_UNRELEASED] = {"unreleased", CONSUMER_ANY},
    };
    STATE_MOVE_TOLD(states, member->state, to, group_logger(member->consumer->group), LOGGER_TRACE,
                    "group %s, member %s", member->consumer->group->id, member->id);
}

struct consumer_member *consumer_find(const struct consumer *consumer, struct wire_str id)
{
    return id.len > 0 ? map_get(&consumer->by_id, id.data, (size_t)id.len) : NULL;
}

struct consumer_member *consumer_find_instance(const struct consumer *consumer, struct wire_str id)
{
    return id.len > 0 ? map_get(&consumer->by_instance, id.data, (size_t)id.len) : NULL;
}

static void consumer_written(void *data, int err)
{
    (void)data;
    (void)err; /* the shard loads anew, or is gone */
}

/* The member is thrown out: it did not say anything, or did not do as it was told, in time. */
static void consumer_member_expire(struct consumer_member *member, struct env_timer *timer,
                                   int64_t limit_ms, const char *reason)
{
    struct group *group = member->consumer->group;
    struct records records;
    int64_t patience_ms = shard_patience_ms(group->shard, limit_ms, true);
    if (patience_ms > 0) {
        env_timer_start(timer, patience_ms);
        return;
    }
    logger_info(group_logger(group), "group %s: member %s is removed: %s", group->id, member->id,
                reason);
    group_hold(group);
    group_records(group, &records);
    struct consumer *consumer = member->consumer;
    consumer_remove_member(member, &records);
    consumer_removed(consumer, &records);
    consumer_write(group, &records, consumer_written, NULL);
    records_close(&records);
    group_release(group);
}

static int64_t consumer_session_ms(const struct consumer_member *member)
{
    return member->classic ? member->session_ms
                           : group_consumer_ms(member->consumer->group, CONFIG_GROUP_SESSION);
}

static void consumer_session_due(void *data)
{
    struct consumer_member *member = data;
    consumer_member_expire(member, &member->session_timer, consumer_session_ms(member),
                           "its session timed out");
}

static void consumer_rebalance_due(void *data)
{
    struct consumer_member *member = data;
    consumer_member_expire(member, &member->rebalance_timer, member->rebalance_ms,
                           "it did not follow the rebalance in time");
}

struct consumer_member *consumer_member_new(struct consumer *consumer, struct wire_str id)
{
    struct env *env = group_env(consumer->group);
    ASSERT(!consumer_find(consumer, id)); /* a member id is one member */
    struct consumer_member *member = mem_alloc(sizeof(*member));
    member->consumer = consumer;
    member->id = wire_str_dup(id);
    member->client_id = mem_strdup("");
    member->client_host = mem_strdup("");
    member->rebalance_ms = -1;
    env_timer_init(env, &member->session_timer, consumer_session_due, member);
    env_timer_init(env, &member->rebalance_timer, consumer_rebalance_due, member);
    list_push(&consumer->members, &member->link);
    consumer->member_count++;
    map_put(&consumer->by_id, member->id, strlen(member->id), member);
    consumer_check(consumer);
    return member;
}

static void consumer_free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(names[i]);
    mem_free(names);
}

static void consumer_drop_list(struct consumer_member *member)
{
    struct consumer_list *list = member->list;
    member->list = NULL;
    ASSERT(!list || list->users > 0);
    if (!list || --list->users > 0)
        return;
    const void *former = map_del(&member->consumer->lists, &list->hash, sizeof(list->hash));
    ASSERT(former == list);
    ASSERT(!list->indexes.items);
    consumer_free_names(list->names, list->count);
    mem_free(list);
}

void consumer_member_free(struct consumer_member *member)
{
    struct consumer *consumer = member->consumer;
    env_timer_stop(&member->session_timer);
    env_timer_stop(&member->rebalance_timer);
    consumer_set_instance(member, WIRE_STR_NULL);
    consumer_set_classic(member, false);
    consumer_set_pattern(member, WIRE_STR_NULL);
    const void *former = map_del(&consumer->by_id, member->id, strlen(member->id));
    ASSERT(former == member);
    list_remove(&member->link);
    ASSERT(consumer->member_count > 0);
    if (--consumer->member_count == 0)
        consumer->empty_since_ms = env_wall_ms(group_env(consumer->group));
    group_charge(consumer->group, &member->charged, 0);
    consumer_drop_list(member);
    classic_protocols_free(&member->protocols);
    partition_set_close(&member->assigned);
    partition_set_close(&member->revoking);
    partition_set_close(&member->target);
    mem_free(member->id);
    mem_free(member->rack_id);
    mem_free(member->client_id);
    mem_free(member->client_host);
    mem_free(member->assignor);
    mem_free(member);
    consumer_check(consumer);
}

void consumer_set_instance(struct consumer_member *member, struct wire_str instance_id)
{
    struct consumer *consumer = member->consumer;
    if (member->instance_id) {
        size_t len = strlen(member->instance_id);
        if (map_get(&consumer->by_instance, member->instance_id, len) == member)
            map_del(&consumer->by_instance, member->instance_id, len);
        mem_free(member->instance_id);
    }
    member->instance_id = wire_str_is_empty(instance_id) ? NULL : wire_str_dup(instance_id);
    if (member->instance_id)
        map_put(&consumer->by_instance, member->instance_id, strlen(member->instance_id), member);
}

void consumer_set_classic(struct consumer_member *member, bool classic)
{
    member->consumer->classic_count += (int32_t)classic - (int32_t)member->classic;
    member->classic = classic;
    ASSERT(member->consumer->classic_count >= 0);
}

bool consumer_set_text(char **text, struct wire_str to)
{
    if (*text ? wire_str_is(to, *text) : wire_str_is_null(to))
        return false;
    mem_free(*text);
    *text = wire_str_dup(to);
    return true;
}

static int consumer_compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct siphash consumer_hash_names(const struct consumer *consumer, char *const *names,
                                          size_t count)
{
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < count; i++)
        buf_put(&text, names[i], strlen(names[i]) + 1);
    struct siphash hash = siphash_128(consumer->list_key, text.data, text.len);
    buf_close(&text);
    return hash;
}

/* The names are taken. */
static struct consumer_list *consumer_use_list(struct consumer *consumer, char **names,
                                               size_t count)
{
    ASSERT(count > 0);
    struct siphash hash = consumer_hash_names(consumer, names, count);
    struct consumer_list *list = map_get(&consumer->lists, &hash, sizeof(hash));
    if (list) {
        consumer_free_names(names, count);
    } else {
        list = mem_alloc(sizeof(*list));
        *list = (struct consumer_list){.hash = hash, .names = names, .count = count};
        for (size_t i = 0; i < count; i++)
            list->bytes += CONSUMER_NAME_OVERHEAD + (int64_t)strlen(names[i]);
        map_put(&consumer->lists, &hash, sizeof(hash), list);
    }
    ASSERT(list->count == count);
    list->users++;
    return list;
}

bool consumer_set_topics(struct consumer_member *member, const struct wire_str *names,
                         int32_t count)
{
    char **topics = mem_alloc((size_t)(count + 1) * sizeof(*topics));
    struct consumer_list *before = member->list;
    size_t kept = 0;
    for (int32_t i = 0; i < count; i++)
        topics[i] = wire_str_dup(names[i]);
    qsort(topics, (size_t)count, sizeof(*topics), consumer_compare_names);
    for (int32_t i = 0; i < count; i++) {
        if (kept > 0 && strcmp(topics[kept - 1], topics[i]) == 0)
            mem_free(topics[i]);
        else
            topics[kept++] = topics[i];
    }
    ASSERT(kept <= (size_t)count);
    struct consumer_list *list = NULL;
    if (kept > 0)
        list = consumer_use_list(member->consumer, topics, kept);
    else
        mem_free(topics);
    consumer_drop_list(member);
    member->list = list;
    consumer_check(member->consumer);
    return list != before;
}

static void consumer_drop_pattern(struct consumer *consumer, const char *text)
{
    struct consumer_pattern *used = map_get(&consumer->patterns, text, strlen(text));
    ASSERT(used != NULL);
    ASSERT(used->users > 0);
    if (--used->users > 0)
        return;
    const void *former = map_del(&consumer->patterns, text, strlen(text));
    ASSERT(former == used);
    matcher_release(used->expression);
    mem_free(used);
}

bool consumer_set_pattern(struct consumer_member *member, struct wire_str text)
{
    struct consumer *consumer = member->consumer;
    if (wire_str_is_empty(text))
        text = WIRE_STR_NULL;
    if (member->pattern ? wire_str_is(text, member->pattern) : wire_str_is_null(text))
        return false;
    if (!wire_str_is_null(text)) {
        struct consumer_pattern *used = map_get(&consumer->patterns, text.data, (size_t)text.len);
        if (!used) {
            used = mem_alloc(sizeof(*used));
            used->expression =
                matcher_use(group_manager_matcher(consumer->group->shard->manager), text);
            map_put(&consumer->patterns, text.data, (size_t)text.len, used);
        }
        used->users++;
    }
    if (member->pattern)
        consumer_drop_pattern(consumer, member->pattern);
    mem_free(member->pattern);
    member->pattern = wire_str_dup(text);
    consumer_check(consumer);
    return true;
}

bool consumer_has_all_patterns(const struct consumer *consumer, struct wire_str text)
{
    return consumer->patterns.count >= CONSUMER_PATTERNS_MAX &&
           !map_get(&consumer->patterns, text.data, (size_t)text.len);
}

bool consumer_is_settled(const struct consumer *consumer)
{
    const struct consumer_pattern *used;
    size_t cursor = 0;
    while ((used = map_next(&consumer->patterns, &cursor, NULL, NULL)))
        if (expression_state(used->expression) == EXPRESSION_WORKING)
            return false;
    return true;
}

void consumer_charge(struct consumer_member *member)
{
    size_t partitions = member->assigned.cap + member->revoking.cap + member->target.cap;
    int64_t bytes = (int64_t)(sizeof(*member) + CONSUMER_MEMBER_OVERHEAD +
                              partitions * sizeof(*member->target.items));
    if (member->list)
        bytes += member->list->bytes; /* of each: that it is shared is not counted on */
    for (int32_t i = 0; i < member->protocols.count; i++)
        bytes += member->protocols.items[i].name.len + member->protocols.items[i].metadata.len;
    if (member->pattern)
        bytes += (int64_t)strlen(member->pattern);
    group_charge(member->consumer->group, &member->charged,
                 bytes + 2 * (int64_t)strlen(member->id) + (int64_t)strlen(member->client_id));
}

void consumer_touch(struct consumer_member *member)
{
    consumer_charge(member);
    env_timer_start(&member->session_timer, consumer_session_ms(member));
}

void consumer_raise_epoch(struct consumer *consumer, struct records *records)
{
    consumer->epoch++;
    logger_debug(group_logger(consumer->group), "group %s: epoch %d, %s, %d members",
                 consumer->group->id, consumer->epoch, consumer_state_name(consumer),
                 consumer->member_count);
    consumer_put_group(consumer, records);
    consumer_check(consumer);
}

void consumer_remove_member(struct consumer_member *member, struct records *records)
{
    consumer_put_member_gone(member, records);
    consumer_member_free(member);
}

void consumer_removed(struct consumer *consumer, struct records *records)
{
    if (consumer_try_downgrade(consumer, false, records))
        return;
    consumer_check_topics(consumer, true, NULL);
    consumer_raise_epoch(consumer, records);
}

/* ---- looking at it ---- */

bool consumer_is_empty(const struct consumer *consumer)
{
    return consumer->member_count == 0;
}

const char *consumer_state_name(const struct consumer *consumer)
{
    if (consumer->member_count == 0)
        return "Empty";
    if (consumer->epoch > consumer->target_epoch)
        return "Assigning";
    LIST_EACH(step, &consumer->members) {
        const struct consumer_member *member = LIST_ENTRY(step, struct consumer_member, link);
        if (member->epoch != consumer->target_epoch || member->state != CONSUMER_STABLE)
            return "Reconciling";
    }
    return "Stable";
}

void consumer_subscribed(const struct consumer *consumer, struct subscribed *subscribed)
{
    const struct consumer_pattern *used;
    const struct consumer_list *list;
    size_t cursor = 0;
    size_t step = 0;
    subscribed->all |= !consumer_is_settled(consumer);
    while ((list = map_next(&consumer->lists, &step, NULL, NULL)))
        for (size_t i = 0; i < list->count; i++)
            subscribed_add(subscribed, wire_str_from(list->names[i]));
    while ((used = map_next(&consumer->patterns, &cursor, NULL, NULL))) {
        const char *name;
        size_t at = 0;
        while ((name = expression_next(used->expression, &at)))
            subscribed_add(subscribed, wire_str_from(name));
    }
}

int64_t consumer_empty_since_ms(const struct consumer *consumer)
{
    return consumer->empty_since_ms;
}

static int consumer_check_epoch(const struct consumer_member *member, int32_t epoch)
{
    if (epoch == member->epoch)
        return 0;
    return member->classic ? ERR_ILLEGAL_GENERATION : ERR_STALE_MEMBER_EPOCH;
}

/* The member that commits, or why it may not. */
static int consumer_identify(const struct consumer *consumer, struct wire_str member_id,
                             struct wire_str instance_id, const struct consumer_member **member)
{
    *member = consumer_find(consumer, member_id);
    if (!wire_str_is_null(instance_id)) {
        const struct consumer_member *owner = consumer_find_instance(consumer, instance_id);
        if (owner && owner != *member)
            return ERR_FENCED_INSTANCE_ID;
    }
    return *member ? 0 : ERR_UNKNOWN_MEMBER_ID;
}

int consumer_check_txn_commit(const struct consumer *consumer, struct wire_str member_id,
                              struct wire_str instance_id, int32_t epoch)
{
    const struct consumer_member *member;
    if (epoch < 0 && consumer->member_count == 0)
        return 0;
    int err = consumer_identify(consumer, member_id, instance_id, &member);
    return err ? err : consumer_check_epoch(member, epoch);
}

int consumer_check_commit(struct consumer *consumer, struct wire_str member_id,
                          struct wire_str instance_id, int32_t epoch, int16_t version)
{
    if (epoch < 0 && consumer->member_count == 0)
        return 0;
    const struct consumer_member *member;
    int err = consumer_identify(consumer, member_id, instance_id, &member);
    if (err)
        return err;
    if (!member->classic && version < CONSUMER_COMMIT_VERSION)
        return ERR_UNSUPPORTED_VERSION;
    return consumer_check_epoch(member, epoch);
}

int consumer_check_fetch(struct consumer *consumer, struct wire_str member_id, int32_t epoch)
{
    const struct consumer_member *member = consumer_find(consumer, member_id);
    return member ? consumer_check_epoch(member, epoch) : ERR_UNKNOWN_MEMBER_ID;
}

/* ---- writing ---- */

struct consumer_op {
    struct machine_op op;
    struct group *group;
    void (*done)(void *data, int err);
    void *data;
};

int consumer_check_write(const struct group *group)
{
    return shard_may_change(group->shard);
}

static void consumer_op_done(struct machine_op *machine_op, int err)
{
    struct consumer_op *op = CONTAINER_OF(machine_op, struct consumer_op, op);
    struct group *group = op->group;
    void (*done)(void *data, int err) = op->done;
    void *data = op->data;
    /* Memory has what the log has not. */
    if (err && machine_op->refused) {
        logger_error(group_logger(group),
                     "group %s: its state could not be written: %s: loading anew", group->id,
                     err_text(err));
        machine_reload(&group->shard->machine);
    }
    mem_free(op);
    done(data, err == ERR_INVALID_COMMIT_OFFSET_SIZE ? ERR_UNKNOWN_SERVER_ERROR : err);
    group_release(group);
}

void consumer_write(struct group *group, struct records *records, void (*done)(void *data, int err),
                    void *data)
{
    struct consumer_op *op = mem_alloc(sizeof(*op));
    *op = (struct consumer_op){.group = group, .done = done, .data = data};
    group_hold(group);
    if (records->count == 0 && !records->err) {
        machine_barrier(&group->shard->machine, &op->op, consumer_op_done);
        return;
    }
    int err = machine_append(&group->shard->machine, records, &op->op, consumer_op_done);
    if (!err)
        return;
    op->op.refused = true;
    consumer_op_done(&op->op, err);
}

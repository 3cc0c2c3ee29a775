/* Sinks at work.
 *
 * Happy path: the channel has events, the group's turn comes, it picks a sink that has room, makes
 * a take and has it delivered; a take that is done is committed, and the next turn comes. Failure
 * modes: a sink that failed is left alone for a while, longer each time; meanwhile another one of
 * its group takes over, or the events wait in the channel. Events that are refused for what they
 * are would be refused at once again: they are set aside for GROUP_REFUSED_MS, and others go on. */
#include "tools/agent/sink_group.h"

#include <string.h>

#include "base/mem.h"
#include "tools/agent/types.h"

enum {
    GROUP_TAKES_PER_TURN = 64, /* so that sources and connections get their turns */
    GROUP_BACKOFF_MS = 1000,
    GROUP_BACKOFF_MAX_MS = 5000, /* of a sink alone, as in Flume */
    GROUP_DOUBLINGS_MAX = 16,
    GROUP_REFUSED_MS = 60000, /* that refused events are set aside */
    GROUP_REFUSED_MAX = 1000, /* of a sink; with more of them it waits as one that fails */
    GROUP_REFUSED_BYTES = 16 << 20
};

enum group_kind { GROUP_DEFAULT, GROUP_FAILOVER, GROUP_LOAD_BALANCE };

struct sink_group {
    struct env *env;
    struct logger logger;
    enum group_kind kind;
    struct sink **sinks; /* for failover the highest priority first */
    size_t sinks_count;
    size_t next; /* of load_balance, round_robin */
    bool random; /* load_balance */
    bool backs_off;
    int64_t penalty_max_ms;
    struct env_timer turn; /* there may be something to take */
    struct env_timer wake; /* a sink may be tried again */
    bool stopping;
};

/* clang-format off */
static const struct key_row group_default_keys[] = {
    KEY_END,
};
static const struct key_row group_failover_keys[] = {
    KEY_INT("priority.*", NULL, INT32_MIN, KEY_MAX_INT,
            "The priority of that sink: the highest that does not fail works. Without one a sink "
            "stands behind those that have one, in the order of the list."),
    KEY_INT("maxpenalty", "30000", 0, KEY_MAX_INT,
            "For how many milliseconds a failed sink is left alone at most."),
    KEY_END,
};
static const struct key_row group_load_balance_keys[] = {
    KEY_ONE_OF("selector", "round_robin", "round_robin|random", "Which sink is next."),
    KEY_BOOL("backoff", "false",
             "Whether a failed sink is left alone for a time that doubles with each failure; "
             "otherwise for a second."),
    KEY_INT("selector.maxTimeOut", "30000", 0, KEY_MAX_INT,
            "For how many milliseconds at most, with backoff."),
    KEY_END,
};
/* clang-format on */

static void group_on_turn(void *data);

/* ---- who may work ---- */

static int64_t group_penalty_ms(const struct sink_group *group, const struct sink *sink)
{
    int64_t times = sink->failures < GROUP_DOUBLINGS_MAX ? sink->failures : GROUP_DOUBLINGS_MAX;
    int64_t doubled = GROUP_BACKOFF_MS << (times - 1);
    int64_t added = GROUP_BACKOFF_MS * times;
    if (group->kind == GROUP_LOAD_BALANCE && !group->backs_off)
        return GROUP_BACKOFF_MS;
    if (group->kind == GROUP_DEFAULT)
        return added < GROUP_BACKOFF_MAX_MS ? added : GROUP_BACKOFF_MAX_MS;
    return doubled < group->penalty_max_ms ? doubled : group->penalty_max_ms;
}

static bool group_is_blocked(const struct sink_group *group, const struct sink *sink)
{
    return sink->blocked_until_ms > env_now_ms(group->env);
}

/* What is under way comes again after a kill -9: out of a channel that outlives the process a sink
 * has one take at a time, so that it is no more than one batch. */
static size_t group_depth(const struct sink *sink)
{
    return channel_is_durable(sink->channel) ? 1 : sink->type->depth;
}

/* A sink that has failed takes nothing new until what was under way has gone back: it would be
 * delivered before it. */
static bool group_has_room(struct sink *sink)
{
    LIST_EACH(step, &sink->under_way)
        if (LIST_ENTRY(step, struct take, link)->status)
            return false;
    return list_empty(&sink->failed) && sink->under_way_count < group_depth(sink);
}

static void group_set_alarm(struct sink_group *group)
{
    int64_t now_ms = env_now_ms(group->env), first = INT64_MAX;
    for (size_t i = 0; i < group->sinks_count; i++) {
        int64_t until = group->sinks[i]->blocked_until_ms;
        if (until > now_ms && until < first)
            first = until;
    }
    env_timer_stop(&group->wake);
    if (first != INT64_MAX)
        env_timer_start(&group->wake, first - now_ms);
}

static void group_go_on(struct sink_group *group)
{
    if (!group->stopping && !env_timer_running(&group->turn))
        env_timer_start_us(&group->turn, 0);
}

/* ---- takes ---- */

static struct take *group_new_take(struct sink *sink)
{
    struct list *link = list_pop(&sink->free_takes);
    return link ? LIST_ENTRY(link, struct take, link) : take_new(sink->batch_size);
}

/* One that is part of another has no room for a batch. */
static void group_drop_take(struct sink *sink, struct take *take)
{
    if (sink && take->cap == sink->batch_size)
        list_push(&sink->free_takes, &take->link);
    else
        take_free(take);
}

static void group_works(struct sink *sink)
{
    if (sink->failures > 0)
        logger_info(&sink->logger, "it works again");
    sink->failures = 0;
}

/* The newest first: a channel puts each before those that it has. The sink keeps them to use them
 * again; NULL = nobody does. */
static void group_give_back(struct list *takes, struct sink *sink)
{
    while (!list_empty(takes)) {
        struct take *newest = NULL;
        LIST_EACH(step, takes) {
            struct take *take = LIST_ENTRY(step, struct take, link);
            if (!newest || take->mark > newest->mark)
                newest = take;
        }
        list_remove(&newest->link);
        channel_rollback(newest);
        group_drop_take(sink, newest);
    }
}

/* None is under way: what has failed goes back. */
static void group_roll_back(struct sink_group *group, struct sink *sink)
{
    ASSERT(sink->under_way_count == 0);
    ASSERT(!group->stopping);
    group_give_back(&sink->failed, sink);
    sink->failures++;
    sink->blocked_until_ms = env_now_ms(group->env) + group_penalty_ms(group, sink);
    group_set_alarm(group);
}

static void group_on_again(void *data)
{
    struct sink *sink = data;
    group_give_back(&sink->refused, sink);
    sink->refused_count = sink->refused_bytes = 0;
    group_go_on(sink->group);
}

/* Those that are too many go back with what has failed. */
static void group_set_aside(struct sink *sink, struct list *refused)
{
    struct list *link;
    while ((link = list_pop(refused))) {
        struct take *take = LIST_ENTRY(link, struct take, link);
        size_t bytes = 0;
        for (size_t i = 0; i < take->count; i++)
            bytes += take->events[i].len;
        if (sink->refused_count + take->count > GROUP_REFUSED_MAX ||
            sink->refused_bytes + bytes > GROUP_REFUSED_BYTES) {
            list_push(&sink->failed, &take->link);
            continue;
        }
        sink->refused_count += take->count;
        sink->refused_bytes += bytes;
        list_push(&sink->refused, &take->link);
        if (!env_timer_running(&sink->again))
            env_timer_start(&sink->again, GROUP_REFUSED_MS);
    }
}

static void group_end_take(struct sink *sink, struct take *take, int status)
{
    struct list refused;
    if (status && take->marked == 0) {
        sink->counters.write_fail++;
        list_push(&sink->failed, &take->link);
        return;
    }
    list_init(&refused);
    sink->counters.drain_success += (int64_t)(take->count - take->marked);
    sink->counters.write_fail += take->marked > 0;
    if (take->marked > 0)
        channel_commit_delivered(take, &sink->failed, &refused);
    else
        channel_commit(take);
    group_drop_take(sink, take);
    group_set_aside(sink, &refused);
    if (list_empty(&sink->failed))
        group_works(sink);
}

void sink_done(struct sink *sink, struct take *take, int status)
{
    struct sink_group *group = sink->group;
    ASSERT(sink->under_way_count > 0);
    list_remove(&take->link);
    sink->under_way_count--;
    group_end_take(sink, take, status);
    if (sink->under_way_count == 0 && !list_empty(&sink->failed))
        group_roll_back(group, sink);
    group_go_on(group);
}

static void group_count_batch(struct sink *sink, const struct take *take)
{
    sink->counters.drain_attempt += (int64_t)take->count;
    if (take->count == sink->batch_size)
        sink->counters.batch_complete++;
    else
        sink->counters.batch_underflow++;
}

/* Whether it took something. */
static bool group_work(struct sink_group *group, struct sink *sink)
{
    struct take *take = group_new_take(sink);
    channel_take(sink->channel, take);
    if (take->count == 0) {
        sink->counters.batch_empty++;
        list_push(&sink->free_takes, &take->link);
        channel_wait(sink->channel, &sink->waiter);
        return false;
    }
    group_count_batch(sink, take);
    int status = sink->type->deliver(sink, take);
    if (status == TRANSACTION_PENDING) {
        list_push(&sink->under_way, &take->link);
        sink->under_way_count++;
        return true;
    }
    group_end_take(sink, take, status);
    if (sink->under_way_count == 0 && !list_empty(&sink->failed))
        group_roll_back(group, sink);
    return true;
}

/* ---- whose turn it is ---- */

static bool group_work_in_order(struct sink_group *group)
{
    for (size_t i = 0; i < group->sinks_count; i++) {
        struct sink *sink = group->sinks[i];
        if (group_is_blocked(group, sink))
            continue;
        return group_has_room(sink) && group_work(group, sink);
    }
    return false;
}

static bool group_work_in_turn(struct sink_group *group)
{
    size_t first = group->random ? env_random(group->env) % group->sinks_count : group->next;
    for (size_t i = 0; i < group->sinks_count; i++) {
        size_t at = (first + i) % group->sinks_count;
        struct sink *sink = group->sinks[at];
        if (group_is_blocked(group, sink) || !group_has_room(sink))
            continue;
        if (group_work(group, sink)) {
            group->next = (at + 1) % group->sinks_count;
            return true;
        }
    }
    return false;
}

static void group_on_turn(void *data)
{
    struct sink_group *group = data;
    bool worked = true;
    for (int i = 0; i < GROUP_TAKES_PER_TURN && worked; i++)
        worked = group->kind == GROUP_LOAD_BALANCE ? group_work_in_turn(group)
                                                   : group_work_in_order(group);
    if (worked)
        group_go_on(group);
}

static void group_on_wake(void *data)
{
    struct sink_group *group = data;
    group_set_alarm(group);
    group_go_on(group);
}

static void group_on_events(void *data)
{
    struct sink *sink = data;
    struct sink_group *group = sink->group;
    if (!group->stopping)
        env_timer_start_soon(&group->turn);
}

/* ---- starting and stopping ---- */

static struct sink *group_new_sink(struct sink_group *group, const struct logger *logger,
                                   const struct sink_setup *setup)
{
    const struct sink_type *type = CONTAINER_OF(setup->part->type, const struct sink_type, part);
    ASSERT(setup->part->type->kind == PART_SINK);
    ASSERT(type->depth > 0);
    struct sink *sink = mem_alloc(type->size);
    sink->type = type;
    sink->part = setup->part;
    sink->env = group->env;
    sink->channel = setup->channel;
    sink->group = group;
    sink->priority = setup->priority;
    sink->batch_size =
        type->batch_key ? (size_t)part_number(setup->part, type->batch_key) : SINK_BATCH;
    if (sink->batch_size > sink->channel->transaction_capacity)
        sink->batch_size = sink->channel->transaction_capacity;
    part_logger(&sink->logger, logger, setup->part);
    sink->counters.start_ms = env_wall_ms(group->env);
    list_init(&sink->free_takes);
    list_init(&sink->under_way);
    list_init(&sink->failed);
    list_init(&sink->refused);
    env_timer_init(group->env, &sink->again, group_on_again, sink);
    channel_waiter_init(&sink->waiter, group_on_events, sink);
    return sink;
}

static void group_free_sink(struct sink *sink)
{
    struct list *link;
    channel_wait_cancel(&sink->waiter);
    env_timer_stop(&sink->again);
    while ((link = list_pop(&sink->free_takes)))
        take_free(LIST_ENTRY(link, struct take, link));
    mem_free(sink);
}

/* Behind those of the same priority. */
static void group_insert_sink(struct sink_group *group, struct sink *sink)
{
    size_t at = group->sinks_count++;
    while (group->kind == GROUP_FAILOVER && at > 0 &&
           group->sinks[at - 1]->priority < sink->priority) {
        group->sinks[at] = group->sinks[at - 1];
        at--;
    }
    group->sinks[at] = sink;
}

static void group_read_processor(struct sink_group *group, const struct part *processor)
{
    if (!processor)
        return;
    if (processor->type == &failover_processor_type) {
        group->kind = GROUP_FAILOVER;
        group->penalty_max_ms = part_number(processor, "maxpenalty");
    } else if (processor->type == &load_balance_processor_type) {
        group->kind = GROUP_LOAD_BALANCE;
        group->random = part_is(processor, "selector", "random");
        group->backs_off = part_flag(processor, "backoff");
        group->penalty_max_ms = part_number(processor, "selector.maxTimeOut");
    }
}

int sink_group_start(struct env *env, const struct logger *logger,
                     const struct sink_group_setup *setup, struct sink_group **out,
                     struct buf *problem)
{
    struct sink_group *group = mem_alloc(sizeof(*group));
    int err = 0;
    group->env = env;
    group->logger = *logger;
    env_timer_init(env, &group->turn, group_on_turn, group);
    env_timer_init(env, &group->wake, group_on_wake, group);
    group_read_processor(group, setup->processor);
    group->sinks = mem_alloc(setup->sinks_count * sizeof(*group->sinks));
    for (size_t i = 0; i < setup->sinks_count && !err; i++) {
        struct sink *sink = group_new_sink(group, logger, &setup->sinks[i]);
        sink->alone = setup->sinks_count == 1;
        err = sink->type->start(sink, problem);
        if (err)
            group_free_sink(sink);
        else
            group_insert_sink(group, sink);
    }
    if (err) {
        sink_group_stop(group);
        return err;
    }
    group_go_on(group);
    *out = group;
    return 0;
}

/* All sinks end before any of their takes goes back: the takes of one channel go back in one order,
 * whichever sink had them. */
void sink_group_stop(struct sink_group *group)
{
    struct list takes;
    group->stopping = true;
    list_init(&takes);
    for (size_t i = 0; i < group->sinks_count; i++) {
        struct sink *sink = group->sinks[i];
        sink->type->stop(sink);
        list_splice(&takes, &sink->under_way);
        list_splice(&takes, &sink->failed);
        list_splice(&takes, &sink->refused);
        sink->under_way_count = 0;
    }
    group_give_back(&takes, NULL);
    for (size_t i = 0; i < group->sinks_count; i++)
        group_free_sink(group->sinks[i]);
    env_timer_stop(&group->turn);
    env_timer_stop(&group->wake);
    mem_free(group->sinks);
    mem_free(group);
}

struct sink *sink_group_sink(struct sink_group *group, size_t i)
{
    return i < group->sinks_count ? group->sinks[i] : NULL;
}

const struct part_type default_processor_type = {
    .kind = PART_PROCESSOR,
    .name = "default",
    .class_name = "org.apache.flume.sink.DefaultSinkProcessor",
    .doc = "One sink alone.",
    .keys = group_default_keys,
};

const struct part_type failover_processor_type = {
    .kind = PART_PROCESSOR,
    .name = "failover",
    .class_name = "org.apache.flume.sink.FailoverSinkProcessor",
    .doc = "The sink with the highest priority works; when it fails, the next one does.",
    .keys = group_failover_keys,
};

const struct part_type load_balance_processor_type = {
    .kind = PART_PROCESSOR,
    .name = "load_balance",
    .class_name = "org.apache.flume.sink.LoadBalancingSinkProcessor",
    .doc = "The sinks take turns; what one fails to deliver another one gets.",
    .keys = group_load_balance_keys,
};

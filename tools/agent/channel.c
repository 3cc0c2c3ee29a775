/* What all channels share: who waits for room, who waits for events.
 *
 * Happy path: a put is taken at once, and who waits for events is told at the end of the turn, so
 * that the puts of one turn make one batch. When a take is committed, those that wait for room have
 * their turn, oldest first. Failure modes: a put that found no room in its time ends with
 * ERR_AGAIN, and the source tries again or tells its client. */
#include "tools/agent/channel.h"

#include <string.h>

#include "base/mem.h"

static void channel_wake_waiters(void *data);
static void channel_on_full(void *data);

int channel_open(struct env *env, const struct logger *logger, const struct part *part,
                 struct channel **out, struct buf *problem)
{
    const struct channel_type *type = CONTAINER_OF(part->type, const struct channel_type, part);
    ASSERT(part->type->kind == PART_CHANNEL);
    ASSERT(type->size >= sizeof(struct channel));
    struct channel *channel = mem_alloc(type->size);
    channel->type = type;
    channel->part = part;
    channel->env = env;
    part_logger(&channel->logger, logger, part);
    list_init(&channel->putters);
    list_init(&channel->waiters);
    env_timer_init(env, &channel->wake, channel_wake_waiters, channel);
    env_timer_init(env, &channel->full, channel_on_full, channel);
    channel->counters.start_ms = env_wall_ms(env);
    int err = type->open(channel, problem);
    if (err) {
        mem_free(channel);
        return err;
    }
    ASSERT(channel->transaction_capacity > 0);
    *out = channel;
    return 0;
}

void channel_close(struct channel *channel)
{
    ASSERT(list_empty(&channel->putters));
    ASSERT(list_empty(&channel->waiters));
    env_timer_stop(&channel->wake);
    env_timer_stop(&channel->full);
    channel->type->close(channel);
    mem_free(channel);
}

/* ---- puts ---- */

static void channel_set_alarm(struct channel *channel)
{
    env_timer_stop(&channel->full);
    if (list_empty(&channel->putters))
        return;
    struct put *first = LIST_ENTRY(channel->putters.next, struct put, link);
    int64_t left = first->deadline_ms - env_now_ms(channel->env);
    env_timer_start(&channel->full, left > 0 ? left : 0);
}

static void channel_put_counts(struct channel *channel, const struct put *put)
{
    channel->counters.put_success += (int64_t)put->count;
    channel_has_events(channel);
}

int channel_put(struct channel *channel, struct put *put, bool wait)
{
    ASSERT(!put->channel);
    channel->counters.put_attempt += (int64_t)put->count;
    if (put->count == 0)
        return 0;
    if (put->count > channel->transaction_capacity)
        return ERR_TOO_LARGE;
    int status = list_empty(&channel->putters) ? channel->type->put(channel, put) : ERR_AGAIN;
    if (status == 0)
        channel_put_counts(channel, put);
    if (status == TRANSACTION_PENDING)
        put->channel = channel;
    if (status != ERR_AGAIN || !wait)
        return status;
    put->channel = channel;
    put->deadline_ms = env_now_ms(channel->env) + channel->keep_alive_ms;
    list_push(&channel->putters, &put->link);
    if (!env_timer_running(&channel->full))
        channel_set_alarm(channel);
    return TRANSACTION_PENDING;
}

void channel_put_ended(struct channel *channel, struct put *put, int status)
{
    ASSERT(put->channel == channel);
    put->channel = NULL;
    if (status == 0)
        channel_put_counts(channel, put);
    put->done(put, status);
}

void channel_put_cancel(struct put *put)
{
    struct channel *channel = put->channel;
    if (!channel)
        return;
    put->channel = NULL;
    LIST_EACH(step, &channel->putters) {
        if (step != &put->link)
            continue;
        list_remove(&put->link);
        channel_set_alarm(channel);
        return;
    }
    ASSERT(channel->type->forget);
    channel->type->forget(channel, put);
}

/* Room was made. A put that ends may begin another one, which stands at the end of the line. */
static void channel_retry(struct channel *channel)
{
    while (!list_empty(&channel->putters)) {
        struct put *put = LIST_ENTRY(channel->putters.next, struct put, link);
        int status = channel->type->put(channel, put);
        if (status == ERR_AGAIN)
            break;
        list_remove(&put->link);
        if (status != TRANSACTION_PENDING)
            channel_put_ended(channel, put, status);
    }
    channel_set_alarm(channel);
}

void channel_has_room(struct channel *channel)
{
    channel_retry(channel);
}

static void channel_on_full(void *data)
{
    struct channel *channel = data;
    int64_t now_ms = env_now_ms(channel->env);
    while (!list_empty(&channel->putters)) {
        struct put *put = LIST_ENTRY(channel->putters.next, struct put, link);
        if (put->deadline_ms > now_ms)
            break;
        list_remove(&put->link);
        channel_put_ended(channel, put, ERR_AGAIN);
    }
    channel_set_alarm(channel);
}

/* ---- takes ---- */

void channel_waiter_init(struct channel_waiter *waiter, void (*fn)(void *data), void *data)
{
    list_init(&waiter->link);
    waiter->fn = fn;
    waiter->data = data;
}

void channel_wait(struct channel *channel, struct channel_waiter *waiter)
{
    if (list_empty(&waiter->link))
        list_push(&channel->waiters, &waiter->link);
}

void channel_wait_cancel(struct channel_waiter *waiter)
{
    list_remove(&waiter->link);
}

void channel_has_events(struct channel *channel)
{
    if (!list_empty(&channel->waiters) && !env_timer_running(&channel->wake))
        env_timer_start_soon(&channel->wake);
}

static void channel_wake_waiters(void *data)
{
    struct channel *channel = data;
    struct list woken, *link;
    list_init(&woken);
    list_splice(&woken, &channel->waiters);
    while ((link = list_pop(&woken))) {
        struct channel_waiter *waiter = LIST_ENTRY(link, struct channel_waiter, link);
        waiter->fn(waiter->data);
    }
}

struct take *take_new(size_t cap)
{
    ASSERT(cap > 0);
    struct take *take = mem_alloc(sizeof(*take));
    take->events = mem_alloc(cap * sizeof(*take->events));
    take->cap = cap;
    list_init(&take->link);
    return take;
}

void take_free(struct take *take)
{
    ASSERT(!take->channel);
    mem_free(take->fates);
    mem_free(take->events);
    mem_free(take);
}

void channel_take(struct channel *channel, struct take *take)
{
    ASSERT(!take->channel);
    size_t max =
        take->cap < channel->transaction_capacity ? take->cap : channel->transaction_capacity;
    take->count = 0;
    take->status = 0;
    take->pending = 0;
    for (size_t i = 0; take->marked > 0; i++)
        take_mark(take, i, TAKE_DELIVERED);
    channel->type->take(channel, take, max);
    ASSERT(take->count <= max);
    channel->counters.take_attempt += (int64_t)take->count;
    if (take->count > 0)
        take->channel = channel;
}

enum take_fate take_fate(const struct take *take, size_t i)
{
    ASSERT(i < take->cap);
    return take->fates ? (enum take_fate)take->fates[i] : TAKE_DELIVERED;
}

void take_mark(struct take *take, size_t i, enum take_fate fate)
{
    ASSERT(i < take->cap);
    if (!take->fates)
        take->fates = mem_alloc(take->cap);
    take->marked -= take->fates[i] != TAKE_DELIVERED;
    take->fates[i] = (uint8_t)fate;
    take->marked += fate != TAKE_DELIVERED;
    ASSERT(take->marked <= take->cap);
}

/* Neighbours of a take, as a take; the references stay where they are. */
static struct take channel_part(const struct take *take, size_t first, size_t count)
{
    ASSERT(first + count <= take->count);
    return (struct take){.events = take->events + first,
                         .count = count,
                         .cap = count,
                         .channel = take->channel,
                         .mark = take->mark + first,
                         .place = take->place + first};
}

static struct take *channel_part_new(const struct take *part)
{
    struct take *made = take_new(part->count);
    memcpy(made->events, part->events, part->count * sizeof(*part->events));
    made->count = part->count;
    made->channel = part->channel;
    made->mark = part->mark;
    made->place = part->place;
    return made;
}

void channel_commit_delivered(struct take *take, struct list *failed, struct list *refused)
{
    struct channel *channel = take->channel;
    ASSERT(channel);
    for (size_t i = 0, end; i < take->count; i = end) {
        enum take_fate fate = take_fate(take, i);
        for (end = i + 1; end < take->count && take_fate(take, end) == fate;)
            end++;
        struct take part = channel_part(take, i, end - i);
        if (fate == TAKE_DELIVERED) {
            channel->type->commit(channel, &part);
            channel->counters.take_success += (int64_t)part.count;
            event_unref_all(part.events, part.count);
        } else {
            struct take *rest = channel_part_new(&part);
            list_push(fate == TAKE_FAILED ? failed : refused, &rest->link);
        }
    }
    if (channel->type->divided)
        channel->type->divided(channel, take);
    take->channel = NULL;
    take->count = 0;
    channel_retry(channel);
}

void channel_commit(struct take *take)
{
    struct channel *channel = take->channel;
    ASSERT(channel);
    channel->type->commit(channel, take);
    channel->counters.take_success += (int64_t)take->count;
    event_unref_all(take->events, take->count);
    take->channel = NULL;
    take->count = 0;
    channel_retry(channel);
}

void channel_rollback(struct take *take)
{
    struct channel *channel = take->channel;
    ASSERT(channel);
    channel->type->rollback(channel, take);
    take->channel = NULL;
    take->count = 0;
    channel_has_events(channel);
}

size_t channel_count(const struct channel *channel)
{
    return channel->type->count(channel);
}

bool channel_is_durable(const struct channel *channel)
{
    return channel->type->durable && channel->type->durable(channel);
}

bool channel_is_open(const struct channel *channel)
{
    return !channel->type->opened || channel->type->opened(channel);
}

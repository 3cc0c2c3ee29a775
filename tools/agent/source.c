/* The way of a batch: interceptors, selector, channels.
 *
 * Happy path: the batch goes through the interceptors in place; where all events go the same way
 * the channels are given the batch's own array, else each gets one with its events. First the
 * required channels, and when these have them, the optional ones. Failure modes: a required channel
 * that can't have them fails the batch; a patient batch is tried again, at those channels only that
 * don't have it yet. What fails in an optional channel is counted, and that is all. */
#include "tools/agent/source.h"

#include <string.h>

#include "base/mem.h"
#include "base/plural.h"
#include "env/datagram.h"

enum { BATCH_BACKOFF_MS = 100, BATCH_BACKOFF_MAX_MS = 5000, SOURCE_IDLE_MS = 60000 };

/* One channel's share of a batch. */
struct batch_lane {
    struct put put;
    struct batch *batch;
    struct channel *channel;
    struct event
        *own; /* its events, if they are not all of the batch; references are the batch's */
    bool required;
    bool wanted; /* it has a share, and its channel does not have it yet */
};

static void batch_on_retry(void *data);

/* ---- sources ---- */

static void source_free(struct source *source)
{
    for (size_t i = 0; i < source->interceptors_count; i++)
        interceptor_close(source->interceptors[i]);
    mem_free(source->interceptors);
    if (source->selector)
        selector_free(source->selector);
    mem_free(source->channels);
    mem_free(source);
}

static int source_open_interceptors(struct source *source, const struct source_setup *setup,
                                    struct buf *problem)
{
    int err = 0;
    source->interceptors =
        mem_alloc((setup->interceptors_count + 1) * sizeof(*source->interceptors));
    for (size_t i = 0; i < setup->interceptors_count && !err; i++) {
        err = interceptor_open(source->env, setup->interceptors[i], &source->interceptors[i],
                               problem);
        if (!err)
            source->interceptors_count++;
    }
    return err;
}

int source_start(struct env *env, const struct logger *logger, const struct source_setup *setup,
                 struct source **out, struct buf *problem)
{
    const struct source_type *type =
        CONTAINER_OF(setup->part->type, const struct source_type, part);
    const char *names[SELECTOR_CHANNELS_MAX];
    ASSERT(setup->part->type->kind == PART_SOURCE);
    ASSERT(setup->channels_count > 0 && setup->channels_count <= SELECTOR_CHANNELS_MAX);
    struct source *source = mem_alloc(type->size);
    source->type = type;
    source->part = setup->part;
    source->env = env;
    part_logger(&source->logger, logger, setup->part);
    source->channels_count = setup->channels_count;
    source->channels = mem_dup(setup->channels, setup->channels_count * sizeof(*setup->channels));
    source->batch_max = SIZE_MAX;
    for (size_t i = 0; i < source->channels_count; i++) {
        names[i] = source->channels[i]->part->name;
        if (source->channels[i]->transaction_capacity < source->batch_max)
            source->batch_max = source->channels[i]->transaction_capacity;
    }
    source->idle_ms = SOURCE_IDLE_MS;
    source->counters.start_ms = env_wall_ms(env);
    source->selector = selector_new(setup->selector, names, source->channels_count, problem);
    int err = source_open_interceptors(source, setup, problem);
    if (!err)
        err = type->start(source, problem);
    if (err) {
        source_free(source);
        return err;
    }
    *out = source;
    return 0;
}

void source_stop(struct source *source)
{
    source->type->stop(source);
    source_free(source);
}

static int source_not_listening(struct source *source, const char *host, uint16_t port, int err,
                                struct buf *problem)
{
    ASSERT(err < 0);
    buf_printf(problem, "can't listen on %s:%u: %s", host, port, err_text(err));
    if (err == ERR_ADDRESS_IN_USE) {
        buf_printf(problem, ": ");
        env_port_holder(source->env, port, problem);
    }
    return err;
}

int source_listen(struct source *source, const char *host, uint16_t port,
                  void (*accepted)(void *data, struct env_stream *stream), void *data,
                  struct env_listener **listener, struct buf *problem)
{
    int err = env_listen(source->env, host, port, accepted, data, listener);
    if (err)
        return source_not_listening(source, host, port, err, problem);
    logger_info(&source->logger, "listening on %s:%u", host, env_listener_port(*listener));
    return 0;
}

int source_receive(struct source *source, const char *host, uint16_t port,
                   void (*readable)(void *data), void *data, struct env_stream **stream,
                   struct buf *problem)
{
    uint16_t bound;
    int err = env_datagram_open(source->env, host, port, stream, &bound);
    if (err)
        return source_not_listening(source, host, port, err, problem);
    env_stream_set(*stream, readable, NULL, data);
    env_stream_want_read(*stream, true);
    logger_info(&source->logger, "listening on %s:%u", host, bound);
    return 0;
}

void source_strip_port(char *address)
{
    char *colon = strrchr(address, ':');
    if (!colon)
        return;
    *colon = '\0';
    if (address[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        memmove(address, address + 1, strlen(address));
    }
}

/* ---- batches ---- */

void batch_init(struct batch *batch, struct source *source, size_t cap, bool patient,
                void (*done)(struct batch *batch, int status))
{
    ASSERT(cap > 0);
    *batch = (struct batch){.source = source, .patient = patient, .done = done};
    batch->cap = cap < source->batch_max ? cap : source->batch_max;
    batch->events = mem_alloc(batch->cap * sizeof(*batch->events));
    batch->lanes_count = source->channels_count;
    batch->lanes = mem_alloc(batch->lanes_count * sizeof(*batch->lanes));
    for (size_t i = 0; i < batch->lanes_count; i++) {
        batch->lanes[i].batch = batch;
        batch->lanes[i].channel = source->channels[i];
    }
    env_timer_init(source->env, &batch->retry, batch_on_retry, batch);
}

static void batch_drop(struct batch *batch)
{
    for (size_t i = 0; i < batch->lanes_count; i++) {
        mem_free(batch->lanes[i].own);
        batch->lanes[i].own = NULL;
        batch->lanes[i].wanted = false;
    }
    event_unref_all(batch->events, batch->count);
    batch->count = 0;
}

void batch_close(struct batch *batch)
{
    if (!batch->source)
        return;
    env_timer_stop(&batch->retry);
    for (size_t i = 0; i < batch->lanes_count; i++)
        channel_put_cancel(&batch->lanes[i].put);
    batch_drop(batch);
    mem_free(batch->lanes);
    mem_free(batch->events);
    batch->source = NULL;
}

void batch_add(struct batch *batch, const struct event *event)
{
    ASSERT(!batch->under_way);
    ASSERT(batch->count < batch->cap);
    batch->events[batch->count++] = *event;
}

/* All events go the same way: a lane is the batch's array. */
static void batch_route_all(struct batch *batch, const struct selector_route *route)
{
    for (size_t i = 0; i < batch->lanes_count; i++) {
        struct batch_lane *lane = &batch->lanes[i];
        uint64_t bit = UINT64_C(1) << i;
        lane->required = (route->required & bit) != 0;
        lane->wanted = ((route->required | route->optional) & bit) != 0;
        lane->put.events = batch->events;
        lane->put.count = batch->count;
    }
}

/* Each its own way. An event that is required in a channel makes the lane required. */
static void batch_route_each(struct batch *batch)
{
    for (size_t i = 0; i < batch->lanes_count; i++) {
        struct batch_lane *lane = &batch->lanes[i];
        lane->own = mem_alloc(batch->count * sizeof(*lane->own));
        lane->required = false;
        lane->put.events = lane->own;
        lane->put.count = 0;
    }
    for (size_t e = 0; e < batch->count; e++) {
        struct selector_route route = selector_route(batch->source->selector, &batch->events[e]);
        for (size_t i = 0; i < batch->lanes_count; i++) {
            struct batch_lane *lane = &batch->lanes[i];
            uint64_t bit = UINT64_C(1) << i;
            if ((route.required | route.optional) & bit)
                lane->own[lane->put.count++] = batch->events[e];
            lane->required = lane->required || (route.required & bit);
        }
    }
    for (size_t i = 0; i < batch->lanes_count; i++)
        batch->lanes[i].wanted = batch->lanes[i].put.count > 0;
}

static void batch_put_done(struct put *put, int status);

/* Those of one kind that are still wanted. The first failure of a required one is returned, when
 * none is pending. */
static int batch_put_lanes(struct batch *batch, bool required)
{
    int failure = 0;
    for (size_t i = 0; i < batch->lanes_count; i++) {
        struct batch_lane *lane = &batch->lanes[i];
        if (!lane->wanted || lane->required != required || lane->put.channel)
            continue;
        lane->put.done = batch_put_done;
        int status = channel_put(lane->channel, &lane->put, required);
        if (status == TRANSACTION_PENDING) {
            batch->lanes_pending++;
            continue;
        }
        lane->wanted = status != 0 && required;
        if (status < 0)
            batch->source->counters.channel_fail++;
        if (status < 0 && required && !failure)
            failure = status;
    }
    return failure;
}

static bool batch_wants_required(const struct batch *batch)
{
    for (size_t i = 0; i < batch->lanes_count; i++)
        if (batch->lanes[i].wanted && batch->lanes[i].required)
            return true;
    return false;
}

static int batch_end(struct batch *batch, int status)
{
    struct source_counters *counters = &batch->source->counters;
    ASSERT(batch->lanes_pending == 0);
    if (status == 0) {
        counters->accepted += batch->received;
        counters->batch_accepted++;
    }
    batch_drop(batch);
    batch->under_way = false;
    batch->backoff_ms = 0;
    batch->failure = 0;
    return status;
}

static int batch_wait(struct batch *batch, int failure)
{
    /* Trying on brings nothing where the events themselves are the reason. */
    bool lasts = failure == ERR_TOO_LARGE;
    if (batch->failure != failure)
        logger_warn(&batch->source->logger, "a channel can't take %zu %s, trying on: %s%s",
                    batch->count, plural((int64_t)batch->count, "event", "events"),
                    failure == ERR_AGAIN ? "it is full, and its sinks take nothing out"
                                         : err_text(failure),
                    lasts ? "; that does not pass by itself: raise the limit that the channel "
                            "names, or leave the event out where it comes from"
                          : "");
    batch->failure = failure;
    batch->backoff_ms = batch->backoff_ms ? batch->backoff_ms * 2 : BATCH_BACKOFF_MS;
    if (batch->backoff_ms > BATCH_BACKOFF_MAX_MS)
        batch->backoff_ms = BATCH_BACKOFF_MAX_MS;
    env_timer_start(&batch->retry, batch->backoff_ms);
    return TRANSACTION_PENDING;
}

/* As far as it gets without waiting. */
static int batch_go(struct batch *batch)
{
    if (batch_wants_required(batch)) {
        int failure = batch_put_lanes(batch, true);
        if (batch->lanes_pending > 0)
            return TRANSACTION_PENDING;
        if (failure)
            return batch->patient ? batch_wait(batch, failure) : batch_end(batch, failure);
    }
    (void)batch_put_lanes(batch, false);
    return batch->lanes_pending > 0 ? TRANSACTION_PENDING : batch_end(batch, 0);
}

static void batch_put_done(struct put *put, int status)
{
    struct batch_lane *lane = CONTAINER_OF(put, struct batch_lane, put);
    struct batch *batch = lane->batch;
    ASSERT(batch->lanes_pending > 0);
    batch->lanes_pending--;
    lane->wanted = status != 0 && lane->required;
    if (status < 0)
        batch->source->counters.channel_fail++;
    if (batch->lanes_pending > 0)
        return;
    int end;
    if (batch_wants_required(batch))
        end = batch->patient ? batch_wait(batch, status < 0 ? status : ERR_AGAIN)
                             : batch_end(batch, status < 0 ? status : ERR_AGAIN);
    else
        end = batch_go(batch);
    if (end != TRANSACTION_PENDING)
        batch->done(batch, end);
}

static void batch_on_retry(void *data)
{
    struct batch *batch = data;
    int end = batch_go(batch);
    if (end != TRANSACTION_PENDING)
        batch->done(batch, end);
}

int batch_send(struct batch *batch)
{
    struct source *source = batch->source;
    struct selector_route route;
    ASSERT(!batch->under_way);
    batch->received = (int64_t)batch->count;
    source->counters.received += batch->received;
    source->counters.batch_received++;
    batch->under_way = true;
    for (size_t i = 0; i < source->interceptors_count && batch->count > 0; i++)
        batch->count = interceptor_apply(source->interceptors[i], batch->events, batch->count);
    if (batch->count == 0)
        return batch_end(batch, 0);
    if (selector_is_uniform(source->selector, &route))
        batch_route_all(batch, &route);
    else
        batch_route_each(batch);
    return batch_go(batch);
}

/* A channel keeps events between sources and sinks. What all channels share is here: who waits for
 * room, who waits for events, counters; a type says how events are kept (struct channel_type).
 *
 * A channel that is full makes the put wait, for its keep-alive time at most: that is how a slow
 * sink holds back a source. Puts get in the order of their coming. */
#ifndef AGENT_CHANNEL_H
#define AGENT_CHANNEL_H

#include "base/logger.h"
#include "env/env.h"
#include "tools/agent/counters.h"
#include "tools/agent/part.h"
#include "tools/agent/transaction.h"

struct channel_type;

struct channel {
    const struct channel_type *type;
    const struct part *part; /* its values; borrowed from the configuration */
    struct env *env;
    struct logger logger;  /* its lines name the channel */
    struct list putters;   /* struct put: those that wait for room, in order */
    struct list waiters;   /* struct channel_waiter */
    struct env_timer wake; /* tells the waiters, at the end of the turn */
    struct env_timer full; /* the first putter's time is over */
    int64_t keep_alive_ms;
    size_t transaction_capacity; /* the most events of one put or take */
    struct channel_counters counters;
};

/* A type. `size` is that of the struct that embeds a struct channel as its first member. */
struct channel_type {
    struct part_type part;
    size_t size;
    /* Reads its values, and what it kept. 0, or ERR_x with a sentence in `problem`. */
    int (*open)(struct channel *channel, struct buf *problem);
    /* After it no transaction is open. */
    void (*close)(struct channel *channel);
    /* 0: it has the events, with references of its own. ERR_AGAIN: no room now.
     * TRANSACTION_PENDING: channel_put_ended comes later. Other ERR_x: it can't have them. */
    int (*put)(struct channel *channel, struct put *put);
    /* The caller of a put that is pending is gone; NULL where none ever is. */
    void (*forget)(struct channel *channel, struct put *put);
    /* Moves up to `max` events into take->events, oldest first, and sets take->count and mark; the
     * references move with them. */
    void (*take)(struct channel *channel, struct take *take, size_t max);
    /* The events of the take are delivered. The caller drops their references. */
    void (*commit)(struct channel *channel, const struct take *take);
    /* They go back in their old place, with the references. */
    void (*rollback)(struct channel *channel, struct take *take);
    /* The take is over; what is left of it are takes of their own, of its parts, which may be out
     * for long (channel_commit_delivered). NULL = nothing depends on it. */
    void (*divided)(struct channel *channel, const struct take *take);
    /* How many events are in it, those under way to a sink included; and how many fit. */
    size_t (*count)(const struct channel *channel);
    size_t (*capacity)(const struct channel *channel);
    bool (*durable)(const struct channel *channel); /* NULL = no: its events die with the process */
    /* Whether it has read what it kept: until then puts wait, takes are empty. NULL = at once. */
    bool (*opened)(const struct channel *channel);
};

/* ---- for the agent ---- */

/* ERR_x with a sentence in `problem`. `part` outlives the channel. */
int channel_open(struct env *env, const struct logger *logger, const struct part *part,
                 struct channel **channel, struct buf *problem) MUST_CHECK;
/* Sources and sinks have let go of it. */
void channel_close(struct channel *channel);

/* ---- for sources ---- */

/* 0: the channel has the events; TRANSACTION_PENDING: put->done comes; ERR_x: it can't have them.
 * Without `wait` a full channel says ERR_AGAIN at once. `events`, `count` and `done` are set. */
int channel_put(struct channel *channel, struct put *put, bool wait) MUST_CHECK;
/* Gives a pending put up; `done` never comes. The channel may have its events all the same. */
void channel_put_cancel(struct put *put);

/* ---- for sinks ---- */

struct channel_waiter {
    struct list link;
    void (*fn)(void *data);
    void *data;
};
void channel_waiter_init(struct channel_waiter *waiter, void (*fn)(void *data), void *data);
/* fn(data) comes once, when there are events to take. */
void channel_wait(struct channel *channel, struct channel_waiter *waiter);
void channel_wait_cancel(struct channel_waiter *waiter);

/* A take with room for `cap` events. */
struct take *take_new(size_t cap);
void take_free(struct take *take); /* it has ended */
/* Up to take->cap events, and up to the channel's transaction capacity; take->count is 0 when there
 * are none. Ends with one of the two below, in any order among several takes. */
void channel_take(struct channel *channel, struct take *take);
void channel_commit(struct take *take);
void channel_rollback(struct take *take);
/* Notes it of the i-th event. */
void take_mark(struct take *take, size_t i, enum take_fate fate);
enum take_fate take_fate(const struct take *take, size_t i);
/* Commits those that are delivered. The others become takes of their own, of neighbours each, which
 * end as any other: on `failed` and on `refused`. */
void channel_commit_delivered(struct take *take, struct list *failed, struct list *refused);
/* Events in it, those under way included. */
size_t channel_count(const struct channel *channel);
bool channel_is_durable(const struct channel *channel);
/* Whether it knows what it has kept, which it reads without blocking the loop. */
bool channel_is_open(const struct channel *channel);

/* ---- for types ---- */

/* A put that was pending has ended: its events are in (0), or ERR_x. Not from inside put. */
void channel_put_ended(struct channel *channel, struct put *put, int status);
/* There is room, from elsewhere than a commit. */
void channel_has_room(struct channel *channel);
/* There are events that can be taken, from elsewhere than a put. */
void channel_has_events(struct channel *channel);

#endif

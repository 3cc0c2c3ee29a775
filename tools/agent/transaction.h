/* The two transactions of a channel. A put brings a batch of events in, whole or not at all; a take
 * hands a batch out, which leaves the channel when it is committed, and comes back in its old place
 * when it is rolled back.
 *
 * At least once follows from two rules: a source is told that a put is done when the channel has
 * the events (a durable one: on disk), and a sink has its take committed when the events are at
 * their destination. */
#ifndef AGENT_TRANSACTION_H
#define AGENT_TRANSACTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "tools/agent/event.h"

struct channel;

/* What has become of one event of a take: who delivers it may say so (take_mark). */
enum take_fate {
    TAKE_DELIVERED,
    TAKE_FAILED, /* it goes back, and is tried again soon */
    TAKE_REFUSED /* it can't be delivered as it is: it is set aside, so that others get through */
};

/* What a call returns that ends later, by its callback. 0: it has ended well; negative: ERR_x. */
enum { TRANSACTION_PENDING = 1 };

/* The most that transactionCapacity may be: there is room for as many events in each batch and each
 * take, before any has come. */
enum { TRANSACTION_MAX = 10000000 };

struct put {
    const struct event *events; /* borrowed until the put ends; the channel takes references */
    size_t count;
    /* The put has ended: 0, or ERR_AGAIN (the channel stayed full for its keep-alive time), ERR_IO
     * and other ERR_x. Comes once after TRANSACTION_PENDING, never from inside channel_put. */
    void (*done)(struct put *put, int status);
    struct list link;        /* the channel's: those that wait for room, or for the disk */
    struct channel *channel; /* NULL = not under way */
    int64_t deadline_ms;     /* of one that waits for room */
};

struct take {
    struct event *events; /* the take's own, with references, until it ends */
    size_t count;
    size_t cap; /* the most that it has room for: who makes it says so */
    struct channel *channel;
    uint64_t mark;  /* the channel's: where the events stand in it */
    uint64_t place; /* of a channel that is made of others: their place in the one that has them */
    struct list link; /* of who holds it */
    uint64_t pending; /* of who delivers it: what is under way */
    int status;       /* of who delivers it: the first failure */
    uint8_t *fates;   /* enum take_fate of each event; NULL = none has been marked yet */
    size_t marked;    /* how many of them are not TAKE_DELIVERED */
};

#endif

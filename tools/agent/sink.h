/* A sink brings events to where they go. Its group (sink_group.h) takes batches out of the channel
 * and hands them to it; a sink only delivers, and says when it has.
 *
 * A batch that could not be delivered goes back into the channel and is tried again, so a sink
 * never drops events and never repeats by itself. It goes back as a whole, unless the sink has
 * marked the events that failed (take_mark): then the others are done. What is marked as refused is
 * set aside for a while, so that it holds nothing up. */
#ifndef AGENT_SINK_H
#define AGENT_SINK_H

#include "base/logger.h"
#include "env/env.h"
#include "tools/agent/channel.h"
#include "tools/agent/counters.h"
#include "tools/agent/part.h"
#include "tools/agent/transaction.h"

struct sink_type;
struct sink_group;

struct sink {
    const struct sink_type *type;
    const struct part *part; /* its values; borrowed from the configuration */
    struct env *env;
    struct logger logger; /* its lines name the sink */
    struct channel *channel;
    bool alone;        /* no other sink of a group takes over when this one fails */
    size_t batch_size; /* the most events of one take */
    struct sink_counters counters;
    /* What follows is sink_group.c's. */
    struct sink_group *group;
    struct channel_waiter waiter;
    struct list free_takes;
    struct list under_way;               /* takes, in the order in which they were made */
    struct list failed;                  /* takes that go back when none is under way */
    struct list refused;                 /* takes that are set aside */
    size_t refused_count, refused_bytes; /* events of them */
    struct env_timer again;              /* when those go back */
    size_t under_way_count;
    int64_t priority;
    int64_t failures; /* in a row */
    int64_t blocked_until_ms;
};

/* A type. `size` is that of the struct that embeds a struct sink as its first member. */
struct sink_type {
    struct part_type part;
    size_t size;
    /* The key that says how many events one take has; NULL = SINK_BATCH. */
    const char *batch_key;
    /* How many takes may be under way at once; they end in any order. */
    size_t depth;
    /* Reads its values, and opens what it needs; a peer that is not there is no error. 0, or ERR_x
     * with a sentence in `problem`; then nothing of it is left. */
    int (*start)(struct sink *sink, struct buf *problem);
    /* Ends at once: sink_done comes for no take any more. */
    void (*stop)(struct sink *sink);
    /* 0: all events are delivered. TRANSACTION_PENDING: sink_done comes. ERR_x: the take failed,
     * and the sink has said why in the log. take->pending, status and marks are the sink's until
     * then. */
    int (*deliver)(struct sink *sink, struct take *take);
};

enum { SINK_BATCH = 100 };

/* A take that was pending has ended: 0, or ERR_x after a line in the log; what is marked has failed
 * in any case. Not from inside deliver. */
void sink_done(struct sink *sink, struct take *take, int status);

#endif

/* A source brings events in. What all sources share is here: the way of a batch through
 * interceptors and selector into the channels; a type says where events come from.
 *
 * A source gathers events in a `struct batch` and calls batch_send. Its callback comes when the
 * channels have the events, and only then may the source tell others so (a position written, a
 * reply sent): that is what at least once rests on. */
#ifndef AGENT_SOURCE_H
#define AGENT_SOURCE_H

#include "base/logger.h"
#include "env/env.h"
#include "tools/agent/channel.h"
#include "tools/agent/counters.h"
#include "tools/agent/event.h"
#include "tools/agent/interceptor.h"
#include "tools/agent/part.h"
#include "tools/agent/selector.h"

struct source_type;

struct source {
    const struct source_type *type;
    const struct part *part; /* its values; borrowed from the configuration */
    struct env *env;
    struct logger logger;      /* its lines name the source */
    struct channel **channels; /* in the order of the configuration */
    size_t channels_count;
    size_t batch_max; /* the most events that all of them take at once */
    struct selector *selector;
    struct interceptor **interceptors;
    size_t interceptors_count;
    /* How long a peer may take for the next bytes in the middle of a request (peer.h). */
    int64_t idle_ms;
    struct source_counters counters;
};

/* A type. `size` is that of the struct that embeds a struct source as its first member. */
struct source_type {
    struct part_type part;
    size_t size;
    /* The key that says how many events are put at once; NULL = none. It is checked against the
     * channels' transaction capacity. */
    const char *batch_key;
    /* The key of what no other source of the type may have; NULL = none. */
    const char *own_key;
    /* Reads its values, opens what it needs, begins. 0, or ERR_x with a sentence in `problem`; then
     * nothing of it is left. */
    int (*start)(struct source *source, struct buf *problem);
    /* Ends at once: no callback comes any more, batches are closed, what can be kept is kept. */
    void (*stop)(struct source *source);
};

/* ---- for the agent ---- */

struct source_setup {
    const struct part *part;
    const struct part *selector; /* NULL = none given */
    const struct part *const *interceptors;
    size_t interceptors_count;
    struct channel *const *channels;
    size_t channels_count;
};

/* All is borrowed, and outlives the source. ERR_x with a sentence in `problem`. */
int source_start(struct env *env, const struct logger *logger, const struct source_setup *setup,
                 struct source **source, struct buf *problem) MUST_CHECK;
void source_stop(struct source *source);

/* ---- for types ---- */

/* Listens at host:port, and says so in the log. ERR_x with a sentence in `problem`, which names who
 * has the port. */
int source_listen(struct source *source, const char *host, uint16_t port,
                  void (*accepted)(void *data, struct env_stream *stream), void *data,
                  struct env_listener **listener, struct buf *problem) MUST_CHECK;
/* The same for datagrams (env/datagram.h). */
int source_receive(struct source *source, const char *host, uint16_t port,
                   void (*readable)(void *data), void *data, struct env_stream **stream,
                   struct buf *problem) MUST_CHECK;

/* "127.0.0.1:39412" becomes "127.0.0.1", "[::1]:39412" becomes "::1". */
void source_strip_port(char *address);

struct batch_lane;

struct batch {
    struct event *events; /* the batch's own, with references */
    size_t count;
    size_t cap;
    /* batch_send has ended: 0 = the channels have the events. They are gone from the batch. */
    void (*done)(struct batch *batch, int status);
    /* What follows is source.c's. */
    struct source *source;
    bool patient, under_way;
    int64_t received; /* events that were sent */
    struct batch_lane *lanes;
    size_t lanes_count, lanes_pending;
    bool optional; /* the required channels are done, these are under way */
    struct env_timer retry;
    int64_t backoff_ms;
    int failure; /* that was told last; 0 = none */
};

/* Room for `cap` events, or for as many as the channels take at once, if that is less. A `patient`
 * batch is tried until the channels have it: for who can wait, and has no one to tell. */
void batch_init(struct batch *batch, struct source *source, size_t cap, bool patient,
                void (*done)(struct batch *batch, int status));
/* Gives up what is under way; the callback does not come. */
void batch_close(struct batch *batch);
static inline bool batch_is_full(const struct batch *batch)
{
    return batch->count == batch->cap;
}
/* Takes the references over. There must be room. */
void batch_add(struct batch *batch, const struct event *event);
/* 0: the channels have the events; TRANSACTION_PENDING: `done` comes; ERR_x. The batch may be
 * filled again once that has ended. */
int batch_send(struct batch *batch) MUST_CHECK;

#endif

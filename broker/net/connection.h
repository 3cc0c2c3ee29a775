/* One client connection: frames in, requests dispatched in order of arrival, answers out in the
 * same order. Owned by the server. */
#ifndef BROKER_NET_CONNECTION_H
#define BROKER_NET_CONNECTION_H

#include "base/list.h"
#include "base/mem.h"
#include "broker/net/request.h"
#include "broker/net/request_end.h"
#include "broker/net/server.h"
#include "env/told.h"
#include "wire/frame.h"

struct connection;
struct request_kept;
struct request_quota;

struct connection_owner {
    struct server_deps deps;
    struct request_quota *quota; /* NULL: there are none */
    struct request_hook *hooks[REQUEST_HOOKS_MAX];
    int hook_count;
    struct list connections; /* struct connection */
    size_t count;
    size_t trials;            /* of them, those of connection_try that are not proven yet */
    size_t brokers;           /* of them, those of other brokers */
    int64_t unproven;         /* trials that ended so, since the owner looked */
    struct mem_budget budget; /* pays for received bytes */
    size_t unsent_bytes;      /* what answers hold that were not taken yet, files not counted */
    size_t unsent_shed;       /* of it, what goes with connections that are about to close */
    size_t unsent_max;        /* over it, who has not taken its answers asks nothing more */
    struct list streams;      /* struct request_stream: long answers that are not complete */
    struct env_timer stream_timer;
    struct told told;
    bool leaving;    /* clients that are told that leaders have moved are noted, */
    bool letting_go; /* and closed */
};

/* Why a connection is not read, one bit each. X(name, what it waits for, for people) */
#define CONNECTION_PAUSE_LIST(X)                                                                   \
    X(REQUESTS, "requests to be answered")                                                         \
    X(ANSWERS, "answers to be taken")                                                              \
    X(BYTES, "bytes of answers to be taken")                                                       \
    X(MEMORY, "memory for all answers")                                                            \
    X(DECODING, "a large request to be decoded")                                                   \
    X(QUOTA, "the end of a throttle, as a quota asks")

enum connection_pause {
#define CONNECTION_PAUSE_ENUM(name, text) CONNECTION_PAUSE_##name,
    CONNECTION_PAUSE_LIST(CONNECTION_PAUSE_ENUM)
#undef CONNECTION_PAUSE_ENUM
        CONNECTION_PAUSES
};
const char *connection_pause_text(enum connection_pause pause);

/* Takes what is opened over; on an error it is closed. */
int connection_new(struct connection_owner *owner, const struct frame_opening *opening,
                   int listener, struct connection **connection) MUST_CHECK;
void connection_close(struct connection *connection);
/* The request has its answer: sends all that may leave now. */
void connection_answered(struct connection *connection, const struct request *answered);
/* In the next loop turn: safe inside a handler. */
void connection_close_soon(struct connection *connection);
/* There is no room for one more client: it stays only if its first request is another broker's
 * fetch, and comes soon. The oldest of too many such trials is closed. */
void connection_try(struct connection *connection, size_t trials_max);
/* The request that is handled is a fetch of that replica. Nobody proves who he is: an id of another
 * broker that is registered is enough, and holds at most CONNECTION_BROKER_MAX connections. */
enum { CONNECTION_BROKER_MAX = 2 /* one, and one that broke and was not closed here yet */ };
void connection_note_follower(struct connection *connection, int32_t replica_id);
/* The client is being told that a leader has moved away from here; noted while the owner leaves. */
void connection_note_moved(struct connection *connection);
/* The owner lets go from now on: closes the connection soon if its client has been told. */
void connection_let_go(struct connection *connection);
/* It has shown that it is another broker's. */
bool connection_is_brokers(const struct connection *connection);
/* A quota of its client is used up: it is not read for so long, or for longer if it waits already.
 */
void connection_hold(struct connection *connection, int32_t wait_ms);
/* It need not wait any longer. */
void connection_end_hold(struct connection *connection);
void connection_watch(struct connection *connection, struct request_watch *watch);
const char *connection_peer(const struct connection *connection);
/* As request_note_software; NULL before. */
void connection_note_software(struct connection *connection, enum request_software what,
                              struct wire_str text);
const char *connection_software(const struct connection *connection, enum request_software what);
/* When it was accepted; monotonic us. */
int64_t connection_opened_us(const struct connection *connection);
/* Memory that a request takes of which only a part has come, and since when; monotonic ms. */
size_t connection_held(const struct connection *connection, int64_t *since_ms);
/* "/10.0.0.1" */
const char *connection_host(const struct connection *connection);
struct request_kept *connection_kept(struct connection *connection);
/* When the last frame came or a part of an answer left; monotonic ms. */
int64_t connection_active_ms(const struct connection *connection);
/* For an answer of ours. A reader counts as active while it takes what is queued for it; asked
 * regularly. */
bool connection_is_waiting(struct connection *connection);
/* The reasons that it is paused for, as bits; 0: it is read. */
unsigned connection_pauses(const struct connection *connection);
struct connection *connection_of(struct list *link);

/* Long answers (net/request_stream.h) go on; they end unheard, when all connections are closed. */
void request_streams_turn(void *owner);
void request_streams_close(struct connection_owner *owner);

#endif

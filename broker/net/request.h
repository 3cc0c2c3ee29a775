/* A request from a client: decoded once, handled, answered once.
 *
 * The handler gets the decoded body and must, now or later, call exactly one of request_reply,
 * request_reply_none or request_fail. If it has not when it returns, the received bytes are kept
 * for it, so slices in the body stay valid until then. The connection may go away meanwhile: the
 * answer is then dropped, and the handler need not care. Answers leave in the order of the
 * requests. */
#ifndef BROKER_NET_REQUEST_H
#define BROKER_NET_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "base/list.h"
#include "base/logger.h"
#include "base/mem.h"
#include "wire/wire.h"

struct api_row;
struct broker;
struct connection;
struct connection_owner;
struct kafka_api;
struct request_asker;
struct request_decode;

/* The principal of who has not said who he is, as Kafka calls it. */
#define REQUEST_ANONYMOUS "User:ANONYMOUS"

struct request {
    struct broker *broker; /* for its handler; net/ only hands it on */
    struct logger *logger; /* of its server: for what clients cause, hence bounded */
    const struct kafka_api *api;
    const struct api_row *row; /* of its server's table */
    int16_t version;
    int32_t correlation_id;
    struct wire_str client_id;
    const char *principal; /* of its connection when it came: "User:ANONYMOUS" */
    void *body;            /* the decoded request struct; NULL once it is released */
    struct arena arena;    /* of the body; handlers may put the response there */
    int64_t received_us;
    int listener; /* index in config_listeners: which addresses the client should be told */
    void *state;  /* the handler's own, for an answer that comes later */
    /* Memory of the answer that is neither in `out` nor in `arena`: the handler says. */
    size_t held;

    /* The rest belongs to net/, but for `release`. */
    struct connection *connection; /* NULL once it is gone */
    size_t weight;                 /* memory that it holds while it waits to be sent */
    struct list link;              /* in the connection's requests */
    struct connection_owner *owner;
    struct request_decode *decode; /* a worker decodes its body */
    void *block;                   /* the received bytes, kept */
    size_t charged;                /* for them, to the owner's budget */
    size_t bytes;                  /* that were received */
    int32_t throttle_ms;           /* told in the answer, where its version can */
    void *payer;      /* of net/request_quota.h, whose quotas it uses; NULL: nobody's */
    int64_t begun_us; /* received, or decoded by a worker: the loop's time counts from here */
    int64_t spent_us; /* what its handler took of the loop, for who pays */
    struct wire_out out;
    bool handled;  /* its handler has returned, and had not answered */
    bool released; /* the received bytes are not needed */
    bool answered;
    bool silent;   /* no bytes leave */
    bool failed;   /* request_fail, or a body that could not be decoded */
    uint8_t hooks; /* who wants to hear of its end (net/request_end.h), as bits */
    int16_t error; /* a code of Kafka; unless it failed, only for hooks, like what follows */
    int64_t handled_us;
    int64_t answered_us;
    struct request_asker *asker;
    /* What the response refers to, or the handler holds: set by request_reply, and by a handler
     * that calls request_fail, which takes none. Called when the request is freed. */
    void (*release)(struct request *request);
};

/* Embedded by who holds something on behalf of a connection: `closed` is called once when it
 * closes, after its requests have lost it. Unlink it (list_remove) to hear nothing; it may be moved
 * to another request's connection. */
struct request_watch {
    struct list link;
    void (*closed)(struct request_watch *watch);
};
void request_watch(struct request *request, struct request_watch *watch);
/* The handler has taken what it needs of the body: its memory is given back before the answer. */
void request_release_body(struct request *request);

/* Sets the throttle time of `response` (the API's response struct, in the request's version),
 * encodes it and queues it. What it refers to (chunks of records) must stay until `release` is
 * called, which may be NULL. */
void request_reply(struct request *request, void *response,
                   void (*release)(struct request *request));
/* As request_reply, encoded in another version (an ApiVersions answer in v0 form). */
void request_reply_version(struct request *request, int16_t version, void *response,
                           void (*release)(struct request *request));
/* Produce with acks=0: nothing is sent. */
void request_reply_none(struct request *request);
/* Closes the connection, as Kafka does where no answer is possible; `reason` is logged. */
void request_fail(struct request *request, int err, const char *reason);
/* Zeroed memory in the request's arena, for what a handler keeps until it answers. NULL when the
 * arena's limit is reached: the request has failed then. */
static inline void *request_alloc(struct request *request, size_t size)
{
    void *memory = arena_alloc(&request->arena, size);
    if (!memory)
        request_fail(request, ERR_NO_MEMORY, "has no memory left");
    return memory;
}

/* What the answer may hold of records, by the quotas of who asks: SIZE_MAX, or less. */
size_t request_records_max(const struct request *request);
/* So many bytes of records are to be answered. False: it must be answered without them, since they
 * would pass a quota; how long the client has to wait is set. Once before a request is answered. */
bool request_may_take(struct request *request, size_t bytes) MUST_CHECK;

/* A quota that is kept elsewhere is used up: its client is told so in the answer, and not read for
 * so long. Before the request is answered. */
void request_throttle(struct request *request, int32_t wait_ms);

/* A warning about what a client asked for; how many there may be is limited. */
#define request_warn(request, ...) logger_warn((request)->logger, __VA_ARGS__)

/* "10.0.0.1:39412". */
const char *request_peer(const struct request *request);
/* When its connection was accepted, monotonic us; 0 once that is gone. */
int64_t request_opened_us(const struct request *request);
/* What the client says that it is, in ApiVersions; "unknown" before that. */
enum request_software { REQUEST_SOFTWARE_NAME, REQUEST_SOFTWARE_VERSION, REQUEST_SOFTWARES };
enum { REQUEST_SOFTWARE_MAX = 100 /* bytes that are kept of each */ };
void request_note_software(struct request *request, enum request_software what,
                           struct wire_str text);
/* Valid until the handler returns. */
const char *request_software(const struct request *request, enum request_software what);
/* The host that a member or client is shown as: "/10.0.0.1". Valid until the request is answered.
 */
const char *request_host(const struct request *request);

/* It is a fetch of that replica: what its connection brings goes before clients' requests, and it
 * does not count as a client's if that is another broker of the cluster. */
void request_note_follower(struct request *request, int32_t replica_id);
/* The answer says that another broker leads now. While this broker is leaving, whoever was told so
 * is let go (net/server.h). */
void request_note_moved(struct request *request);

/* Whether the client is still there to hear of it. */
bool request_is_heard(const struct request *request);
/* What a handler keeps for a connection from one request to the next; only while that is heard.
 * `left` is called once when the connection closes, if it keeps something then. */
struct request_kept {
    void *data; /* NULL at first */
    void (*left)(void *data);
};
struct request_kept *request_kept(struct request *request);
/* The block of received bytes (of mem_alloc) becomes the caller's, who frees it; NULL when the
 * handler has not returned yet, or the body was released. The body must not be used then. */
void *request_take_block(struct request *request);

#endif

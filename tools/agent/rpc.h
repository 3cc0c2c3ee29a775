/* Calls between agents: the events of a batch go over, the answer says whether the other side's
 * channels have them. Avro and Thrift are two ways to write the same two calls, `append` and
 * `appendBatch`; what they share is in rpc_source.h and rpc_client.h. */
#ifndef AGENT_RPC_H
#define AGENT_RPC_H

#include "tools/agent/event.h"
#include "tools/agent/rpc_frame.h"

/* Events of a request, with references. */
struct rpc_events {
    struct event *rows;
    size_t count;
    size_t cap;
    size_t max; /* more of them are ERR_TOO_LARGE: no channel takes so many at once */
};
/* Room for one more, or ERR_TOO_LARGE. */
int rpc_events_add(struct rpc_events *events, const struct event *event) MUST_CHECK;
void rpc_events_drop(struct rpc_events *events);

/* What one side of a connection knows of it. Zeroed memory to begin with. */
struct rpc_session {
    bool greeted;     /* Avro: the handshake is over */
    bool tells;       /* Avro: the other side wants to see our protocol */
    uint8_t hash[16]; /* Avro: of the other side's protocol, as far as it is known */
    bool compact;     /* Thrift: its compact protocol, not the binary one */
    bool single;      /* the call under way is `append` */
    uint32_t serial;  /* of the call under way */
};

enum {
    RPC_SAID = 1,  /* read: no events, the answer is written already */
    RPC_REPEAT = 2 /* reply: the request has to be sent once more */
};

/* Avro or Thrift. Payloads have no frame around them. */
struct rpc_protocol {
    enum rpc_framing framing;
    /* The source's side: reads a request. 0: its events are in `events`; RPC_SAID; ERR_TOO_LARGE:
     * too many events, to be answered; other ERR_x: the connection is to be closed, `why` says why.
     * What belongs in front of the answer is in `out`. */
    int (*read)(struct rpc_session *session, struct block *block, size_t len,
                struct rpc_events *events, struct buf *out, const char **why);
    /* Its answer: 0, or why the channels don't have the events. */
    void (*answer)(struct rpc_session *session, int status, struct buf *out);
    /* The sink's side: a request with as many of the events as make up RPC_REQUEST_ENOUGH bytes, at
     * least one; returns how many. */
    size_t (*request)(struct rpc_session *session, const struct event *events, size_t count,
                      struct buf *out);
    /* Its answer. 0: they are over there; RPC_REPEAT; ERR_x: they are not, `why` says why. */
    int (*reply)(struct rpc_session *session, const uint8_t *data, size_t len, const char **why);
};

enum { RPC_REQUEST_ENOUGH = 8 << 20 };

extern const struct rpc_protocol avro_rpc, thrift_rpc;

#endif

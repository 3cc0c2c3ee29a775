/* What the avro and the thrift source share: connections whose requests are batches of events, each
 * answered when the channels have them. A type embeds a struct rpc_source as its first member, sets
 * what is said to be its own, and calls rpc_source_start. */
#ifndef AGENT_RPC_SOURCE_H
#define AGENT_RPC_SOURCE_H

#include "tools/agent/peer.h"
#include "tools/agent/rpc.h"

struct rpc_source {
    struct source source;
    /* The type's. */
    const struct rpc_protocol *protocol;
    bool zips; /* connections are compressed */
    int zip_level;
    bool compact; /* Thrift's compact protocol */
    /* Whether a peer ("127.0.0.1:1234") is served; NULL = all. */
    bool (*admits)(struct rpc_source *rpc, const char *peer);
    /* What follows is rpc_source.c's. */
    struct env_listener *listener;
    struct peers peers;
    struct mem_budget budget; /* of requests that have come, in part or whole, and have no answer */
    struct rpc_events events; /* scratch */
    struct buf scratch;
};

/* Listens where the keys `bind` and `port` say. */
int rpc_source_start(struct rpc_source *rpc, struct buf *problem) MUST_CHECK;
void rpc_source_stop(struct rpc_source *rpc);

#endif

/* One side of calls between agents, for the tests of their protocols. */
#ifndef UNIT_AGENT_PEER_H
#define UNIT_AGENT_PEER_H

#include <string.h>

#include "base/mem.h"
#include "tools/agent/rpc.h"

struct peer {
    struct rpc_session session;
    struct rpc_events events;
    struct buf out;
    const char *why;
};

static void peer_open(struct peer *peer)
{
    memset(peer, 0, sizeof(*peer));
    peer->events.max = 100;
    buf_init(&peer->out);
}

static void peer_close(struct peer *peer)
{
    rpc_events_drop(&peer->events);
    mem_free(peer->events.rows);
    buf_close(&peer->out);
}

/* The bytes in a block of exactly their size, so that a read beyond it is seen. */
static int peer_read(struct peer *peer, const struct rpc_protocol *protocol, const void *data,
                     size_t len)
{
    struct block *block = block_new(len);
    memcpy(block->data, data, len);
    rpc_events_drop(&peer->events);
    int status = protocol->read(&peer->session, block, len, &peer->events, &peer->out, &peer->why);
    block_unref(block);
    return status;
}

/* `name` NULL: without a header. */
static struct event peer_event(const char *name, const char *value, const char *body)
{
    size_t len = strlen(body);
    struct block *block = block_new(len);
    memcpy(block->data, body, len);
    return (struct event){.block = block,
                          .body = block->data,
                          .len = (uint32_t)len,
                          .headers = name ? headers_set(NULL, name, value, strlen(value)) : NULL};
}

#endif

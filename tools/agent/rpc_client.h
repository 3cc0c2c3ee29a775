/* The calling side of Avro's and Thrift's calls: one connection to another agent's source, over
 * which batches of events go one after the other. It dials when there is something to send. */
#ifndef AGENT_RPC_CLIENT_H
#define AGENT_RPC_CLIENT_H

#include "base/logger.h"
#include "env/env.h"
#include "tools/agent/counters.h"
#include "tools/agent/rpc.h"

struct rpc_client;

struct rpc_client_setup {
    struct env *env;
    struct logger *logger;          /* outlives the client */
    struct sink_counters *counters; /* of connections and failures; outlives the client */
    const struct rpc_protocol *protocol;
    bool compact;     /* Thrift's compact protocol */
    const char *host; /* borrowed while the client lives */
    uint16_t port;
    int64_t connect_timeout_ms;
    int64_t request_timeout_ms;
    int64_t reset_s; /* a connection that is older is made anew; 0 = never */
    int zip_level;   /* of deflate; negative = none */
    /* The events of rpc_client_send are over there (0), or they may not be (ERR_x, with a line in
     * the log). Never from inside rpc_client_send. */
    void (*done)(void *data, int status);
    void *data;
};

struct rpc_client *rpc_client_new(const struct rpc_client_setup *setup);
/* `done` does not come any more. */
void rpc_client_free(struct rpc_client *client);
/* The events are borrowed until `done`; none may be under way. */
void rpc_client_send(struct rpc_client *client, const struct event *events, size_t count);

#endif

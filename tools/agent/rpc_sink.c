/* Happy path: a take is sent, and is done when the other side's channels have it. Failure modes: a
 * call that fails or is not answered fails the take, which comes again: then the other side may
 * have it twice. */
#include "tools/agent/rpc_sink.h"

static void rpc_sink_done(void *data, int status)
{
    struct rpc_sink *rpc = data;
    struct take *take = rpc->take;
    ASSERT(take);
    rpc->take = NULL;
    sink_done(&rpc->sink, take, status);
}

void rpc_sink_start(struct sink *sink, const struct rpc_protocol *protocol, int zip_level,
                    bool compact)
{
    struct rpc_sink *rpc = CONTAINER_OF(sink, struct rpc_sink, sink);
    const struct part *part = sink->part;
    struct rpc_client_setup setup = {
        .env = sink->env,
        .logger = &sink->logger,
        .counters = &sink->counters,
        .protocol = protocol,
        .compact = compact,
        .host = part_text(part, "hostname"),
        .port = (uint16_t)part_number(part, "port"),
        .connect_timeout_ms = part_number(part, "connect-timeout"),
        .request_timeout_ms = part_number(part, "request-timeout"),
        .reset_s = part_number(part, "reset-connection-interval"),
        .zip_level = zip_level,
        .done = rpc_sink_done,
        .data = rpc,
    };
    ASSERT(!rpc->client);
    rpc->client = rpc_client_new(&setup);
}

void rpc_sink_stop(struct sink *sink)
{
    struct rpc_sink *rpc = CONTAINER_OF(sink, struct rpc_sink, sink);
    rpc_client_free(rpc->client);
    rpc->client = NULL;
    rpc->take = NULL;
}

int rpc_sink_deliver(struct sink *sink, struct take *take)
{
    struct rpc_sink *rpc = CONTAINER_OF(sink, struct rpc_sink, sink);
    ASSERT(!rpc->take);
    rpc->take = take;
    rpc_client_send(rpc->client, take->events, take->count);
    return TRANSACTION_PENDING;
}

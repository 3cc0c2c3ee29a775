/* What the avro and the thrift sink share: takes go over one connection, one after the other, so
 * that the order of the channel is kept. A type embeds a struct rpc_sink as its first member, with
 * keys of these names, and has the functions below as its own. */
#ifndef AGENT_RPC_SINK_H
#define AGENT_RPC_SINK_H

#include "tools/agent/rpc_client.h"
#include "tools/agent/tls_keys.h"
#include "tools/agent/sink.h"

struct rpc_sink {
    struct sink sink;
    struct rpc_client *client;
    struct take *take; /* that is under way */
};

/* clang-format off */
#define RPC_SINK_KEYS                                                                              \
    KEY("hostname", KEY_REQUIRED, "The host of the source to send to."),                           \
    KEY_INT("port", KEY_REQUIRED, 1, 65535, "Its port."),                                          \
    KEY_INT("batch-size", "100", 1, KEY_MAX_INT, "The most events of one call."),                  \
    KEY_INT("connect-timeout", "20000", 1, KEY_MAX_INT,                                            \
            "How long connecting may take, in milliseconds."),                                     \
    KEY_INT("request-timeout", "20000", 1, KEY_MAX_INT,                                            \
            "How long an answer may take, in milliseconds."),                                      \
    KEY_INT("reset-connection-interval", "0", 0, KEY_MAX_INT,                                      \
            "After so many seconds a connection is made anew, so that a load balancer can choose " \
            "again; 0 is never."),                                                                 \
    TLS_KEYS("truststore", "truststore-password", "truststore-type"),                          \
    KEY_NOT_HERE("trust-all-certs", TLS_INSTEAD)
/* clang-format on */

void rpc_sink_start(struct sink *sink, const struct rpc_protocol *protocol, int zip_level,
                    bool compact);
void rpc_sink_stop(struct sink *sink);
int rpc_sink_deliver(struct sink *sink, struct take *take);

#endif

/* A trace of requests: lines of the area kafka.request.logger, as Kafka's logger of that name
 * writes them, with Kafka's names for what Kafka tells too. DEBUG: one line for each request that
 * ends. TRACE: one for each that comes as well, which shows those that never end. */
#ifndef BROKER_NET_REQUEST_TRACE_H
#define BROKER_NET_REQUEST_TRACE_H

#include "base/logger.h"
#include "broker/net/request_end.h"
#include "config/config.h"

struct request_trace {
    struct request_hook hook; /* for server_add_hook */
    struct logger *logger;
    const struct config_listener *listeners;
    char *client_ids; /* "" = all */
    char *apis;
};

/* Both are borrowed; the listeners are those of the server. */
void request_trace_init(struct request_trace *trace, struct logger *logger,
                        const struct config_listener *listeners);
/* Whose requests, and to which APIs, as in request.logger.client.ids and request.logger.apis. For
 * requests that come from now on. */
void request_trace_restrict(struct request_trace *trace, const char *client_ids, const char *apis);
void request_trace_close(struct request_trace *trace);

#endif

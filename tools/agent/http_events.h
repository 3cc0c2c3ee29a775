/* The events of an HTTP request's body, as Flume's two handlers read them. */
#ifndef AGENT_HTTP_EVENTS_H
#define AGENT_HTTP_EVENTS_H

#include "tools/agent/rpc.h"

/* JSONHandler: an array of {"headers": {"name": "value"}, "body": "text"}. Adds them, with
 * references. ERR_MALFORMED with a sentence in `why`, ERR_TOO_LARGE, ERR_NO_MEMORY. */
int http_events_json(const char *text, size_t len, struct rpc_events *events,
                     struct buf *why) MUST_CHECK;
/* BLOBHandler: one event of all bytes; the parameters of the query string are its headers.
 * `mandatory` names those that must be there, separated by commas. */
int http_events_blob(const uint8_t *data, size_t len, const char *query, size_t query_len,
                     const char *mandatory, struct rpc_events *events, struct buf *why) MUST_CHECK;

#endif

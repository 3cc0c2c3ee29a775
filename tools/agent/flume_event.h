/* An event as bytes, as Flume's Kafka sink, source and channel write it: a record of Avro's binary
 * encoding, with headers, a map of strings, and body, bytes. */
#ifndef AGENT_FLUME_EVENT_H
#define AGENT_FLUME_EVENT_H

#include "base/buf.h"
#include "tools/agent/event.h"

/* Appends it. */
void flume_event_encode(const struct event *event, struct buf *out);
/* The event in `len` bytes of the block, whose body is a slice of it; with references.
 * ERR_MALFORMED when it is none, or something stands behind it. */
int flume_event_decode(struct block *block, const uint8_t *data, size_t len,
                       struct event *event) MUST_CHECK;

#endif

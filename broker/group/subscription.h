/* What the coordinator reads of a consumer's metadata and assignment in the classic protocol, whose
 * bytes are otherwise opaque to it (consumer protocol, versions 0 to 3; a higher version is read as
 * the highest known). */
#ifndef BROKER_GROUP_SUBSCRIPTION_H
#define BROKER_GROUP_SUBSCRIPTION_H

#include <stdbool.h>

#include "base/check.h"
#include "base/mem.h"
#include "kafka/messages/consumer_protocol.h"

/* The protocol type of consumers. */
#define SUBSCRIPTION_TYPE "consumer"

/* The version that the bytes say, at most the highest known; 0 when there is none. */
int16_t subscription_version(struct wire_bytes bytes);
/* ERR_MALFORMED; ERR_NO_MEMORY. */
int subscription_read(struct wire_bytes bytes, struct arena *arena,
                      struct consumer_protocol_subscription *subscription) MUST_CHECK;
/* An assignment of no bytes is one of no partitions. */
int subscription_read_assignment(struct wire_bytes bytes, struct arena *arena,
                                 struct consumer_protocol_assignment *assignment) MUST_CHECK;
/* Both name the same topics, in any order; or the bytes are the same. */
bool subscription_same_topics(struct wire_bytes a, struct wire_bytes b);
/* Adds the topics that it names; all of them when the bytes can't be read even as version 0. */
struct subscribed;
void subscription_add_topics(struct wire_bytes bytes, struct subscribed *subscribed);

#endif

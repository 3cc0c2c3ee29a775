/* How librdkafka, which has threads of its own, tells the loop that one of its queues has
 * something: a post for each time the queue was empty before. */
#ifndef AGENT_KAFKA_BELL_H
#define AGENT_KAFKA_BELL_H

#include <librdkafka/rdkafka.h>

#include "env/env.h"

struct kafka_bell;

/* fn(data) comes on the loop, and once at first. The queue is the caller's. */
struct kafka_bell *kafka_bell_new(struct env *env, rd_kafka_queue_t *queue, void (*fn)(void *data),
                                  void *data);
/* fn does not come any more; before the handle of librdkafka is destroyed. */
void kafka_bell_mute(struct kafka_bell *bell, rd_kafka_queue_t *queue);
/* After that: no thread of librdkafka's rings any more. */
void kafka_bell_free(struct kafka_bell *bell);

#endif

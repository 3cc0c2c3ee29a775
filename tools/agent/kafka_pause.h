/* A consumer that is not read from for a while, since the channel behind it is full: it is polled
 * all the same, so that it stays in its group (max.poll.interval.ms); its partitions are paused
 * meanwhile, so that it fetches nothing. */
#ifndef AGENT_KAFKA_PAUSE_H
#define AGENT_KAFKA_PAUSE_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

enum kafka_pause_state { KAFKA_PAUSE_NOT, KAFKA_PAUSE_SOON, KAFKA_PAUSE_ON };

/* Zeroed memory: it is read from. */
struct kafka_pause {
    enum kafka_pause_state state;
    int64_t since_ms;
};

/* Nothing can be read now: call it a few times a second, and with each bell. A message that came
 * all the same (a partition is new, or it was there already) is the caller's to keep; mostly NULL.
 */
rd_kafka_message_t *kafka_pause_poll(struct kafka_pause *pause, rd_kafka_t *rd, int64_t now_ms);
/* It is read from again. */
void kafka_pause_end(struct kafka_pause *pause, rd_kafka_t *rd);

#endif

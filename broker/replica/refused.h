/* Which idempotent batches were refused on a connection and not yet sent again, so that the ones
 * pipelined behind them are refused as well.
 *
 * A log takes any first sequence from a producer that it does not know, as Kafka's does: what it
 * knew may have expired. So of a new producer's batches 0 to 4, sent in one go while this broker
 * becomes the leader, 0 is refused, 1 would be taken, and 0 could never follow: the client gives
 * up. Each refusal is therefore noted until the batch comes again. Kafka has no such rule for
 * producers without transactions. The notes end with the connection: a client that dials again
 * sends what was not answered again, in order. */
#ifndef BROKER_REPLICA_REFUSED_H
#define BROKER_REPLICA_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

/* Noted on a connection: partitions of one client at a time. The oldest go first, and then their
 * batches are taken as they come. */
enum { REFUSED_MAX = 64 };

struct refused_batch {
    uint64_t topic; /* a hash of its name or id */
    int32_t partition;
    int32_t sequence;
    int64_t producer_id;
    int16_t producer_epoch;
};

struct refused {
    struct refused_batch *batches; /* NULL until the first one */
    uint32_t count;
};

void refused_close(struct refused *refused);
/* The first one of its producer, epoch and partition stands. */
void refused_note(struct refused *refused, const struct refused_batch *batch);
/* Whether an earlier batch of that producer still has to come again. */
bool refused_is_behind(const struct refused *refused, const struct refused_batch *batch);
/* It was taken: it and what is before it is not waited for. */
void refused_taken(struct refused *refused, const struct refused_batch *batch);

#endif

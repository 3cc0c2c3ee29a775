/* The order of a client's batches for a partition while workers look at some of them: they are
 * appended as they came, so that a small plain batch does not overtake a compressed one.
 *
 *     join ... join ... ready -> take, take
 *
 * Clients do not wait for each other: one that sends what takes long must not hold a partition. A
 * producer that has two connections is not confused by that: on each of them its batches are in
 * order, and a batch that is there already is a duplicate. A line is there only as long as one of
 * its batches waits. */
#ifndef BROKER_REPLICA_APPEND_ORDER_H
#define BROKER_REPLICA_APPEND_ORDER_H

#include "broker/replica/partition_ops.h"

struct append_order;

/* Whose batches, and where to. A client is known by any address that is its own while it waits. */
struct append_key {
    const void *client;
    struct uuid topic_id;
    int32_t partition;
};

struct append_order *append_order_new(void);
/* Everybody was taken. */
void append_order_free(struct append_order *order);
/* Whether nothing waits at all, and whether nothing that a batch with this key has to wait for. */
bool append_order_is_empty(const struct append_order *order);
bool append_order_is_free(const struct append_order *order, const struct append_key *key);
/* Comes last in its line. */
void append_order_join(struct append_order *order, const struct append_key *key,
                       struct append_turn *turn);
/* Nothing but those before it holds the batch any more. Calls `take` (which begins no other call of
 * this header) of it and of those behind it, as far as they are ready: once, when it is ready and
 * all before it were taken. */
void append_order_ready(struct append_turn *turn);
/* It leaves its line; those behind it do not wait for it any more. */
void append_order_leave(struct append_turn *turn);

#endif

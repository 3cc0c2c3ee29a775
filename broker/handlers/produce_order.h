/* The order of a client's batches for a partition while workers look at some of them: they are
 * appended as they came, so that a small plain batch does not overtake a compressed one.
 *
 *     join ... join ... ready -> take, take
 *
 * Clients do not wait for each other: one that sends what takes long must not hold a partition. A
 * producer that has two connections is not confused by that: on each of them its batches are in
 * order, and a batch that is there already is a duplicate. A line is there only as long as one of
 * its batches waits. */
#ifndef BROKER_HANDLERS_PRODUCE_ORDER_H
#define BROKER_HANDLERS_PRODUCE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/uuid.h"

struct produce_order;
struct produce_line;

/* Whose batches, and where to. A client is known by any address that is its own while it waits. */
struct produce_key {
    const void *client;
    struct uuid topic_id;
    int32_t partition;
};

/* Embedded by a batch; `take` is called once, when it is ready and all before it were taken. */
struct produce_turn {
    void (*take)(struct produce_turn *turn);
    /* The rest is the order's. */
    struct list link;
    struct produce_line *line;
    bool ready;
};

struct produce_order *produce_order_new(void);
/* Everybody was taken. */
void produce_order_free(struct produce_order *order);
/* Whether nothing waits at all, and whether nothing that a batch with this key has to wait for. */
bool produce_order_is_empty(const struct produce_order *order);
bool produce_order_is_free(const struct produce_order *order, const struct produce_key *key);
/* Comes last in its line. */
void produce_order_join(struct produce_order *order, const struct produce_key *key,
                        struct produce_turn *turn);
/* Nothing but those before it holds the batch any more. Calls `take` of it and of those behind it,
 * as far as they are ready. */
void produce_order_ready(struct produce_turn *turn);

#endif

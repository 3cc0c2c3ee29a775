/* Guards of transactional commits (KIP-890): what the coordinator of a transaction says of it is a
 * moment old when it comes. A guard is set before it is asked, and a marker of the producer that
 * is written meanwhile breaks it: the transaction may have ended, and offsets that are written
 * behind its marker would wait for ever for another. Kafka's verification guard, for the partitions
 * of a coordinator, which writes their markers itself. */
#ifndef BROKER_GROUP_TXN_GUARDS_H
#define BROKER_GROUP_TXN_GUARDS_H

#include <stdint.h>

#include "base/list.h"
#include "base/map.h"

/* Of a shard. */
struct txn_guards {
    struct map producers; /* producer id -> struct txn_guard_set */
    struct list sets;     /* the same: those with guards that stand */
};

/* Embedded by who asks; zeroed memory is one that was never set. */
struct txn_guard {
    struct list link;
    struct txn_guard_set *set; /* NULL: it is broken, or not set */
    int err;                   /* why it is broken; 0 as long as it stands */
};

void txn_guards_init(struct txn_guards *guards);
void txn_guards_close(struct txn_guards *guards);
/* Once more is fine: then it stands as from now on. */
void txn_guard_set(struct txn_guards *guards, struct txn_guard *guard, int64_t producer_id);
/* Nothing happens to one that is not set. */
void txn_guard_clear(struct txn_guard *guard);
/* 0: what was found out counts, or nobody had to find out. */
int txn_guard_check(const struct txn_guard *guard);
/* A marker of the producer is written. */
void txn_guards_break(struct txn_guards *guards, int64_t producer_id);
/* The partition is lost: markers may be written by others. */
void txn_guards_break_all(struct txn_guards *guards, int err);

#endif

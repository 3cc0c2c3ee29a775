/* The partitions of a transaction: a set, by topic, as its record names them. */
#ifndef BROKER_TXN_TXN_PARTITIONS_H
#define BROKER_TXN_TXN_PARTITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/map.h"
#include "kafka/messages/transaction_state.h"
#include "wire/str.h"

struct txn_topic {
    char *name;
    int32_t *ids; /* rising */
    int32_t count;
};

struct txn_partitions {
    struct map topics; /* name -> struct txn_topic */
    int32_t count;     /* partitions */
    int64_t bytes;     /* of memory, for the budget */
};

void txn_partitions_init(struct txn_partitions *set);
void txn_partitions_close(struct txn_partitions *set);
bool txn_partitions_has(const struct txn_partitions *set, struct wire_str topic, int32_t index);
/* Those that are there already are passed over. ERR_NO_MEMORY: nothing is added. */
int txn_partitions_add(struct txn_partitions *set, struct wire_str topic, const int32_t *indexes,
                       int32_t count) MUST_CHECK;
int txn_partitions_add_set(struct txn_partitions *set,
                           const struct txn_partitions *more) MUST_CHECK;
/* Walk: start with *cursor = 0; NULL at the end. */
const struct txn_topic *txn_partitions_next(const struct txn_partitions *set, size_t *cursor);

/* To and from a record. Names and numbers of the value are borrowed from the set. ERR_NO_MEMORY. */
int txn_partitions_fill(const struct txn_partitions *set, struct arena *arena,
                        struct transaction_log_value *value) MUST_CHECK;
int txn_partitions_read(struct txn_partitions *set,
                        const struct transaction_log_value *value) MUST_CHECK;

#endif

/* Asks the coordinator of a transaction for a batch that would begin it in a partition. */
#ifndef BROKER_HANDLERS_PRODUCE_VERIFY_H
#define BROKER_HANDLERS_PRODUCE_VERIFY_H

#include "broker/net/request.h"
#include "broker/replica/partition_ops.h"
#include "broker/txn/txn_verifier.h"

enum {
    PRODUCE_ABORTABLE_VERSION = 11, /* TRANSACTION_ABORTABLE is known */
    PRODUCE_ADDS_VERSION = 12       /* partitions join the transaction by being written to */
};

struct produce_verify;

/* Whether the partitions are to ask about this request's transactional batches. */
bool produce_verify_is_wanted(const struct request *request);
/* For `verify` of an append (partition_ops.h). NULL: memory was out, and it has its answer. Else
 * the answer comes later, unless it is cancelled. */
struct produce_verify *produce_verify_begin(struct request *request,
                                            struct partition_append_op *append,
                                            const struct txn_producer *producer);
/* Also when it has ended, and for NULL. */
void produce_verify_cancel(struct produce_verify *verify);

#endif

/* What the files of kafka-transactions share: the commands, and the questions behind them. */
#ifndef TOOLS_TRANSACTIONS_H
#define TOOLS_TRANSACTIONS_H

#include "kafka/messages/describe_producers.h"
#include "kafka/messages/metadata.h"
#include "tools/tool.h"

/* ---- commands: the exit status; the client is connected ---- */

int transactions_list_run(struct tool_run *run);
int transactions_describe_run(struct tool_run *run);
int transactions_hanging_run(struct tool_run *run);
int transactions_abort_run(struct tool_run *run);
int transactions_force_run(struct tool_run *run);

/* ---- questions: 0, or 1 with the message printed ---- */

/* The partition of --topic and --partition, and who leads it. */
struct transactions_where {
    const char *topic;
    int64_t partition;
    int64_t node; /* -1: none given; after transactions_find: who is asked */
};
int transactions_read_where(struct tool_run *run, struct transactions_where *where);
/* Looks up the leader where no broker is given; that there is such a partition is checked in any
 * case. */
int transactions_find(struct tool_run *run, struct transactions_where *where);

/* DescribeProducers of one partition. `row` lives in the answer, and has no error. */
typedef const struct describe_producers_response_partition_response transactions_producers_row;
int transactions_ask_producers(struct tool_run *run, const struct transactions_where *where,
                               struct client_answer *answer, transactions_producers_row **row);

/* What is asked of the coordinator of a transactional id, and the error in its answer. */
struct transactions_call {
    int16_t key;
    const void *request;
    int16_t (*error)(const void *response);
};
/* The coordinator is looked up, and again for some seconds while it moves or loads. */
int transactions_call(struct tool_run *run, const char *id, const struct transactions_call *call,
                      struct client_answer *answer, int32_t *node);

/* The open transactions of all brokers: `each` for one after the other. `producer_id`: only this
 * one's, or -1. */
struct list_transactions_response_transaction_state;
struct transactions_filter {
    const char *pattern; /* NULL = none */
    int64_t duration_ms; /* -1 = none */
    int64_t producer_id; /* -1 = all */
};
int transactions_each(struct tool_run *run, const struct transactions_filter *filter,
                      void (*each)(void *data, int32_t node,
                                   const struct list_transactions_response_transaction_state *row),
                      void *data);

#endif

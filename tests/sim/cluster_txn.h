/* Transactional producers of a simulated cluster (KIP-98). Each transactional id has two hands:
 * while one works, the other sleeps; when it wakes up, it takes the id over, and the first one is a
 * zombie until it is told. Some give up in the middle of a transaction, as a process that crashes.
 * What became of each transaction stands in the book. Some know transaction.version 2. */
#ifndef SIM_CLUSTER_TXN_H
#define SIM_CLUSTER_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

struct cluster;
struct cluster_book;
struct cluster_txn;

/* `timeout_ms` is that of the transactions: a short one ends them under their producers. `late`:
 * some requests arrive late, and twice. */
struct cluster_txn *cluster_txn_new(struct cluster *cluster, struct env *env,
                                    const int64_t *pause_ms, int32_t timeout_ms, bool late,
                                    struct cluster_book *book);
/* NULL is nothing. */
void cluster_txn_free(struct cluster_txn *txn);
void cluster_txn_start(struct cluster_txn *txn);
/* Begins no more transactions; ends those that it has. */
void cluster_txn_drain(struct cluster_txn *txn);
/* None is open that this client knows how to end, and nothing of it is on its way. */
bool cluster_txn_idle(const struct cluster_txn *txn);
void cluster_txn_stop(struct cluster_txn *txn);
/* Transactions whose end was answered. */
int64_t cluster_txn_ended(const struct cluster_txn *txn);
/* An answer that must not be, in words; NULL when all is well. */
const char *cluster_txn_problem(const struct cluster_txn *txn);
/* Where each hand stands, for the message of a run that does not end well. */
void cluster_txn_tell(const struct cluster_txn *txn);

#endif

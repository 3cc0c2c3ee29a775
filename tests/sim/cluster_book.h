/* What became of the transactions of simulated producers, and what a reader of committed records
 * was shown of each: all of one that was committed, nothing of one that was not, nothing twice. */
#ifndef SIM_CLUSTER_BOOK_H
#define SIM_CLUSTER_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster.h"

enum { BOOK_IDS = 2 /* transactional ids */ };
enum { BOOK_BATCHES_MAX = 32 /* of one transaction in one partition: bits of a mask */ };

enum book_end {
    BOOK_OPEN,       /* nobody has asked for a commit: no record may be shown */
    BOOK_COMMITTING, /* its commit is asked for, and not answered */
    BOOK_COMMITTED,
    BOOK_ABORTED, /* by its producer, by a newer one, or by its timeout: no record is shown, ever */
    BOOK_UNKNOWN, /* its commit was asked for, and nobody will hear what became of it */
    BOOK_ENDS
};

struct cluster_book;

struct cluster_book *cluster_book_new(void);
/* NULL is nothing. */
void cluster_book_free(struct cluster_book *book);
/* The number of a new transaction of an id, which is open. */
int cluster_book_begin(struct cluster_book *book, int id);
void cluster_book_move(struct cluster_book *book, int txn, enum book_end to);
enum book_end cluster_book_end(const struct cluster_book *book, int txn);
/* The batch was acknowledged. */
void cluster_book_acked(struct cluster_book *book, int txn, int partition, int batch);

/* It committed an offset, which is its own number + 1, to the group of its id: so was answered. */
void cluster_book_offset_acked(struct cluster_book *book, int txn);

/* The text of the batch's records. */
enum { BOOK_TEXT_MAX = 32 };
void cluster_book_text(int txn, int batch, char *out, size_t room);
/* False when the text is not of a transaction. */
bool cluster_book_parse(const uint8_t *text, size_t len, int *txn, int *batch);

/* A reader of committed records was shown the batch, at an offset where it had seen nothing. NULL,
 * or what is wrong with that. */
const char *cluster_book_shown(struct cluster_book *book, int txn, int partition, int batch);
/* The reader has read everything. NULL, or what is wrong; *txn is where. */
const char *cluster_book_check(const struct cluster_book *book, int *txn);
/* The group of the id was said to be at this offset, 0 for none: no transaction that was aborted
 * put it there, and it never goes back. NULL, or what is wrong. */
const char *cluster_book_offset_shown(struct cluster_book *book, int id, int64_t offset);
/* Where the group of the id must be once everything has ended. */
int64_t cluster_book_offset(const struct cluster_book *book, int id);

#endif

/* The index of aborted transactions of a segment (.txnindex), in Kafka's format: an entry of 34
 * bytes for each abort marker in the segment, in the order of the markers: int16 version, int64
 * producer id, first offset of the transaction, offset of the marker, and what the last stable
 * offset was once the transaction was over, apart from the high watermark.
 *
 * It can't be told from its bytes whether the end is missing, so what may have been lost is made
 * again from the batches when the log is opened (recovery.c, log_producers.c). Entries are written
 * at once; a segment without aborted transactions has no file. */
#ifndef BROKER_LOG_TXN_INDEX_H
#define BROKER_LOG_TXN_INDEX_H

#include "base/check.h"
#include "env/env.h"

enum {
    TXN_INDEX_ENTRY_LEN = 34,
    TXN_INDEX_BLOCK = 64,  /* entries that are read at once, at most */
    TXN_INDEX_CHUNK = 1024 /* for so many, memory has the smallest first offset: 8 bytes */
};

struct txn_index_entry {
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset; /* of the marker */
    int64_t last_stable_offset;
};

/* Zeroed memory is an index without a file. */
struct txn_index {
    struct env_file *file; /* NULL while closed */
    uint32_t count;
    int64_t last_offset; /* of the last entry; of no meaning without one */
    int64_t *firsts;     /* for each chunk: none of its transactions begins before that */
    uint32_t first_count, first_cap;
    bool made;  /* there is a file */
    bool dirty; /* written or cut since it was last synced */
    bool now;   /* set by its owner: what would wait for the disk is ERR_AGAIN */
};

void txn_index_encode(const struct txn_index_entry *entry, uint8_t out[TXN_INDEX_ENTRY_LEN]);
/* ERR_CORRUPT: another version, or offsets that can't be. */
int txn_index_decode(const uint8_t in[TXN_INDEX_ENTRY_LEN],
                     struct txn_index_entry *entry) MUST_CHECK;

/* Opens the file, and makes it when there is none. What lies behind `count` entries is void. */
int txn_index_open(struct txn_index *index, struct env *env, const char *path) MUST_CHECK;
static inline bool txn_index_is_open(const struct txn_index *index)
{
    return index->file != NULL;
}
void txn_index_close(struct txn_index *index);
/* Closes it, and forgets what memory has of the entries. */
void txn_index_forget(struct txn_index *index);
/* Counts the entries of a file that an earlier process left. ERR_CORRUPT (then count is 0): a part
 * of an entry, or one that is out of order or not of a segment with these offsets. */
int txn_index_load(struct txn_index *index, struct env *env, const char *path, int64_t base_offset,
                   int64_t end_offset) MUST_CHECK;

/* Drops all entries, in memory: see txn_index_drop. */
void txn_index_clear(struct txn_index *index);
/* From entry number `at` on, the first that may be of a transaction which begins before `offset`:
 * count when there is none. Looks at memory only; the entry may be of another one all the same. */
uint32_t txn_index_skip(const struct txn_index *index, uint32_t at, int64_t offset);

/* The rest needs an open index. */
int txn_index_append(struct txn_index *index, const struct txn_index_entry *entry) MUST_CHECK;
/* Reads `n` entries from number `at` on. */
int txn_index_read(struct txn_index *index, uint32_t at, uint32_t n,
                   struct txn_index_entry *entries) MUST_CHECK;
/* The number of the first entry whose marker is at or past `offset`; count when there is none. */
int txn_index_find(struct txn_index *index, int64_t offset, uint32_t *at) MUST_CHECK;
/* Drops the entries whose marker is at or past `offset` (the last one's is), in memory: the file
 * must not be cut before the log is known to be (flush.c). */
int txn_index_drop(struct txn_index *index, int64_t offset) MUST_CHECK;

#endif

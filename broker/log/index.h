/* One index file of a segment: the offset index (relative offset -> position) or the time index
 * (largest timestamp so far -> relative offset), in Kafka's format: big-endian entries of 8 and 12
 * bytes, keys strictly rising.
 *
 * An index is a cache of the log. It is checked when it is loaded (what breaks the order, such as
 * pages that a power cut left empty, is cut off with all that follows), and whoever uses an entry
 * compares it with the batch that it points to. New entries are kept in memory and written in
 * groups. */
#ifndef BROKER_LOG_INDEX_H
#define BROKER_LOG_INDEX_H

#include "env/env.h"

enum index_kind { INDEX_OFFSET, INDEX_TIME };

struct index_entry {
    int64_t key;   /* relative offset, or timestamp */
    int64_t value; /* position, or relative offset */
};

struct index {
    struct env *env; /* NULL while closed */
    char *path;
    struct env_file *file;    /* NULL while closed, or while there is no entry in a file yet */
    struct index_entry *tail; /* entries that are not in the file yet; NULL when there are none */
    struct index_entry last;  /* the last entry, when count > 0 */
    uint32_t stored;          /* entries in the file */
    uint32_t count;           /* stored and tail */
    enum index_kind kind;
    bool damaged; /* index_open(verify) had to cut something off */
    bool now;     /* set by its owner: what would wait for the disk is ERR_AGAIN */
};

void index_init(struct index *index, enum index_kind kind);
/* Opens the file, which is made with the first entries that go into it; with `verify` reads all of
 * it and cuts it at the first entry out of order, else trusts its size. ERR_IO and the like. */
int index_open(struct index *index, struct env *env, const char *path, bool verify) MUST_CHECK;
static inline bool index_is_open(const struct index *index)
{
    return index->env != NULL;
}
/* What always holds. */
void index_check(const struct index *index);
/* Writes the tail to the file. */
int index_flush(struct index *index) MUST_CHECK;
/* Closes without writing; entries of the tail are lost unless index_flush came before. */
void index_close(struct index *index);
/* Adds an entry; one whose key is not above the last key is left out. */
int index_append(struct index *index, struct index_entry entry) MUST_CHECK;
/* The last entry with key <= `key`. 1 when found, 0 when there is none, or ERR_IO. */
int index_find(struct index *index, int64_t key, struct index_entry *entry) MUST_CHECK;
/* The first entry with value >= `value`. As index_find. */
int index_find_value(struct index *index, int64_t value, struct index_entry *entry) MUST_CHECK;
/* Drops all entries with a relative offset (INDEX_OFFSET: the key, INDEX_TIME: the value) at or
 * above `relative`. */
int index_truncate(struct index *index, int64_t relative) MUST_CHECK;
int index_clear(struct index *index) MUST_CHECK;

#endif

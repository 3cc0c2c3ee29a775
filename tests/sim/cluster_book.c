/* The book of transactions: see cluster_book.h. */
#include "cluster_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/state.h"

struct book_entry {
    uint8_t end;
    uint8_t id;
    bool offset;                        /* one was acknowledged */
    uint32_t acked[CLUSTER_PARTITIONS]; /* bits of batches */
    uint32_t shown[CLUSTER_PARTITIONS];
};

struct cluster_book {
    struct book_entry *entries;
    int count, room;
    int64_t offsets[BOOK_IDS]; /* the highest that was shown */
};

static const struct state_row book_ends[] = {
    [BOOK_OPEN] = {"open", STATE_BIT(BOOK_COMMITTING) | STATE_BIT(BOOK_ABORTED)},
    [BOOK_COMMITTING] = {"committing", STATE_BIT(BOOK_COMMITTED) | STATE_BIT(BOOK_ABORTED) |
                                           STATE_BIT(BOOK_UNKNOWN)},
    [BOOK_COMMITTED] = {"committed", 0},
    [BOOK_ABORTED] = {"aborted", 0},
    [BOOK_UNKNOWN] = {"unknown", 0}};

struct cluster_book *cluster_book_new(void)
{
    return mem_alloc(sizeof(struct cluster_book));
}

void cluster_book_free(struct cluster_book *book)
{
    if (!book)
        return;
    mem_free(book->entries);
    mem_free(book);
}

static struct book_entry *book_entry(const struct cluster_book *book, int txn)
{
    ASSERT(txn >= 0 && txn < book->count);
    return &book->entries[txn];
}

int cluster_book_begin(struct cluster_book *book, int id)
{
    ASSERT(id >= 0 && id < BOOK_IDS);
    if (book->count == book->room) {
        book->room = book->room ? 2 * book->room : 16;
        book->entries = mem_realloc(book->entries, (size_t)book->room * sizeof(struct book_entry));
    }
    book->entries[book->count] = (struct book_entry){.end = BOOK_OPEN, .id = (uint8_t)id};
    return book->count++;
}

void cluster_book_move(struct cluster_book *book, int txn, enum book_end to)
{
    STATE_MOVE(book_ends, book_entry(book, txn)->end, to);
}

enum book_end cluster_book_end(const struct cluster_book *book, int txn)
{
    return book_entry(book, txn)->end;
}

void cluster_book_acked(struct cluster_book *book, int txn, int partition, int batch)
{
    struct book_entry *entry = book_entry(book, txn);
    ASSERT(batch < BOOK_BATCHES_MAX);
    ASSERT(entry->end == BOOK_OPEN);
    entry->acked[partition] |= 1u << batch;
}

void cluster_book_text(int txn, int batch, char *out, size_t room)
{
    snprintf(out, room, "txn %d %d", txn, batch);
}

bool cluster_book_parse(const uint8_t *text, size_t len, int *txn, int *batch)
{
    char copy[BOOK_TEXT_MAX];
    if (len >= sizeof(copy))
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    return sscanf(copy, "txn %d %d", txn, batch) == 2;
}

const char *cluster_book_shown(struct cluster_book *book, int txn, int partition, int batch)
{
    struct book_entry *entry = book_entry(book, txn);
    uint32_t bit = 1u << batch;
    if (entry->shown[partition] & bit)
        return "a committed record was shown twice";
    entry->shown[partition] |= bit;
    if (entry->end == BOOK_OPEN)
        return "a record was shown as committed whose transaction is open";
    if (entry->end == BOOK_ABORTED)
        return "a record was shown as committed whose transaction was aborted";
    return NULL;
}

static bool book_shows(const struct book_entry *entry)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        if (entry->shown[p])
            return true;
    return false;
}

static const char *book_check(const struct book_entry *entry)
{
    if (entry->end == BOOK_OPEN || entry->end == BOOK_COMMITTING)
        return "a transaction did not end";
    if (!book_shows(entry) && entry->end != BOOK_COMMITTED)
        return NULL;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        if (entry->shown[p] != entry->acked[p])
            return entry->end == BOOK_COMMITTED ? "of a committed transaction records are missing"
                                                : "a transaction was committed in part";
    return NULL;
}

const char *cluster_book_check(const struct cluster_book *book, int *txn)
{
    for (*txn = 0; *txn < book->count; ++*txn) {
        const char *problem = book_check(&book->entries[*txn]);
        if (problem)
            return problem;
    }
    return NULL;
}

void cluster_book_offset_acked(struct cluster_book *book, int txn)
{
    struct book_entry *entry = book_entry(book, txn);
    ASSERT(entry->end == BOOK_OPEN);
    entry->offset = true;
}

const char *cluster_book_offset_shown(struct cluster_book *book, int id, int64_t offset)
{
    int64_t known = book->offsets[id];
    if (offset < known)
        return "a committed offset went back";
    if (offset == known)
        return NULL;
    if (offset > book->count)
        return "an offset was shown that nobody has committed";
    book->offsets[id] = offset;
    const struct book_entry *entry = book_entry(book, (int)offset - 1);
    if (entry->id != id)
        return "a group was shown the offset of another one";
    if (entry->end == BOOK_OPEN)
        return "an offset was shown whose transaction is open";
    return entry->end == BOOK_ABORTED ? "an offset was shown whose transaction was aborted" : NULL;
}

int64_t cluster_book_offset(const struct cluster_book *book, int id)
{
    for (int i = book->count - 1; i >= 0; i--) {
        const struct book_entry *entry = &book->entries[i];
        if (entry->id == id && entry->offset &&
            (entry->end == BOOK_COMMITTED || (entry->end == BOOK_UNKNOWN && book_shows(entry))))
            return i + 1;
    }
    return 0;
}

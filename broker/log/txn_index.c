/* Files of aborted transactions. Happy path: an entry is written when an abort marker is appended,
 * and found by the offset of the marker. Failure modes: errors of the disk are passed on; a file
 * whose form is wrong is ERR_CORRUPT, and then made anew by who loads the log. */
#include "broker/log/txn_index.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    TXN_INDEX_VERSION = 0,
    TXN_INDEX_LOAD = 4096 /* entries that a load reads at once */
};
STATIC_ASSERT(TXN_INDEX_ENTRY_LEN == sizeof(int16_t) + 4 * sizeof(int64_t), "without gaps");

void txn_index_encode(const struct txn_index_entry *entry, uint8_t out[TXN_INDEX_ENTRY_LEN])
{
    bytes_put_u16(out, TXN_INDEX_VERSION);
    bytes_put_u64(out + 2, (uint64_t)entry->producer_id);
    bytes_put_u64(out + 10, (uint64_t)entry->first_offset);
    bytes_put_u64(out + 18, (uint64_t)entry->last_offset);
    bytes_put_u64(out + 26, (uint64_t)entry->last_stable_offset);
}

int txn_index_decode(const uint8_t in[TXN_INDEX_ENTRY_LEN], struct txn_index_entry *entry)
{
    *entry = (struct txn_index_entry){.producer_id = (int64_t)bytes_get_u64(in + 2),
                                      .first_offset = (int64_t)bytes_get_u64(in + 10),
                                      .last_offset = (int64_t)bytes_get_u64(in + 18),
                                      .last_stable_offset = (int64_t)bytes_get_u64(in + 26)};
    if (bytes_get_u16(in) != TXN_INDEX_VERSION || entry->producer_id < 0 ||
        entry->first_offset < 0 || entry->last_offset <= entry->first_offset ||
        entry->last_stable_offset < 0)
        return ERR_CORRUPT;
    return 0;
}

int txn_index_open(struct txn_index *index, struct env *env, const char *path)
{
    ASSERT(!index->file);
    int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &index->file);
    if (rc < 0) {
        index->file = NULL;
        return rc;
    }
    index->made = true;
    return 0;
}

void txn_index_close(struct txn_index *index)
{
    if (index->file)
        env_file_close(index->file);
    index->file = NULL;
}

void txn_index_forget(struct txn_index *index)
{
    txn_index_close(index);
    mem_free(index->firsts);
    *index = (struct txn_index){.made = index->made, .dirty = index->dirty};
}

/* ---- what memory has of the entries ---- */

/* The next entry; count grows behind it. */
static void note_entry(struct txn_index *index, const struct txn_index_entry *entry)
{
    uint32_t chunk = index->count / TXN_INDEX_CHUNK;
    if (chunk == index->first_cap) {
        ASSERT(chunk <= index->first_count);
        index->first_cap = index->first_cap ? index->first_cap * 2 : 1;
        index->firsts = mem_realloc(index->firsts, index->first_cap * sizeof(*index->firsts));
    }
    if (chunk == index->first_count)
        index->firsts[index->first_count++] = entry->first_offset;
    else if (entry->first_offset < index->firsts[chunk])
        index->firsts[chunk] = entry->first_offset;
    index->count++;
    index->last_offset = entry->last_offset;
    ASSERT(index->first_count == chunk + 1);
}

/* A chunk of which only the beginning stays has a bound that is lower than it need be. */
static void note_drop(struct txn_index *index, uint32_t count, int64_t last_offset)
{
    ASSERT(count <= index->count);
    index->count = count;
    index->first_count = (count + TXN_INDEX_CHUNK - 1) / TXN_INDEX_CHUNK;
    ASSERT(index->first_count <= index->first_cap);
    ASSERT(count > 0 || last_offset == -1);
    index->last_offset = last_offset;
}

uint32_t txn_index_skip(const struct txn_index *index, uint32_t at, int64_t offset)
{
    uint32_t chunk = at / TXN_INDEX_CHUNK;
    ASSERT(at >= index->count || chunk < index->first_count);
    if (at >= index->count || index->firsts[chunk] < offset)
        return at < index->count ? at : index->count;
    while (++chunk < index->first_count)
        if (index->firsts[chunk] < offset)
            return chunk * TXN_INDEX_CHUNK;
    return index->count;
}

/* ---- the file ---- */

/* Entries [first, first + count) of the file are those of the segment. */
static int load_block(struct txn_index *index, struct env_file *file, uint32_t count,
                      uint8_t *block, int64_t *last, int64_t end_offset)
{
    ASSERT(count > 0);
    ASSERT(count <= TXN_INDEX_LOAD);
    ssize_t got = env_file_read(file, block, (size_t)count * TXN_INDEX_ENTRY_LEN,
                                (uint64_t)index->count * TXN_INDEX_ENTRY_LEN);
    if (got < 0)
        return (int)got;
    if ((size_t)got != (size_t)count * TXN_INDEX_ENTRY_LEN)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < count; i++) {
        struct txn_index_entry entry;
        int rc = txn_index_decode(block + (size_t)i * TXN_INDEX_ENTRY_LEN, &entry);
        if (rc < 0 || entry.last_offset <= *last || entry.last_offset >= end_offset)
            return ERR_CORRUPT;
        *last = entry.last_offset;
        note_entry(index, &entry);
    }
    return 0;
}

static int load_file(struct txn_index *index, struct env_file *file, int64_t base_offset,
                     int64_t end_offset)
{
    int64_t size = env_file_size(file), last = base_offset - 1;
    if (size < 0)
        return (int)size;
    if (size % TXN_INDEX_ENTRY_LEN != 0 || size / TXN_INDEX_ENTRY_LEN > INT32_MAX)
        return ERR_CORRUPT;
    uint32_t count = (uint32_t)(size / TXN_INDEX_ENTRY_LEN);
    uint32_t most = count < TXN_INDEX_LOAD ? count : TXN_INDEX_LOAD;
    uint8_t *block = mem_alloc((size_t)most * TXN_INDEX_ENTRY_LEN);
    int rc = 0;
    while (index->count < count && rc == 0) {
        uint32_t left = count - index->count;
        rc = load_block(index, file, left < TXN_INDEX_LOAD ? left : TXN_INDEX_LOAD, block, &last,
                        end_offset);
    }
    mem_free(block);
    if (rc < 0)
        note_drop(index, 0, -1);
    ASSERT(rc < 0 || index->count == count);
    return rc;
}

int txn_index_load(struct txn_index *index, struct env *env, const char *path, int64_t base_offset,
                   int64_t end_offset)
{
    struct env_file *file;
    ASSERT(!index->file);
    note_drop(index, 0, -1);
    index->made = true;
    int rc = env_file_open(env, path, ENV_OPEN_READ, &file);
    if (rc < 0)
        return rc;
    rc = load_file(index, file, base_offset, end_offset);
    env_file_close(file);
    return rc;
}

int txn_index_append(struct txn_index *index, const struct txn_index_entry *entry)
{
    uint8_t bytes[TXN_INDEX_ENTRY_LEN];
    ASSERT(index->file);
    ASSERT(entry->first_offset < entry->last_offset);
    ASSERT(index->count == 0 || entry->last_offset > index->last_offset);
    txn_index_encode(entry, bytes);
    int rc = index->count == 0 ? env_file_truncate(index->file, 0) : 0; /* nobody's leavings */
    if (rc == 0)
        rc = env_file_write(index->file, bytes, sizeof(bytes),
                            (uint64_t)index->count * TXN_INDEX_ENTRY_LEN);
    if (rc < 0)
        return rc;
    note_entry(index, entry);
    index->dirty = true;
    return 0;
}

int txn_index_read(struct txn_index *index, uint32_t at, uint32_t n,
                   struct txn_index_entry *entries)
{
    uint8_t bytes[TXN_INDEX_BLOCK * TXN_INDEX_ENTRY_LEN];
    uint64_t from = (uint64_t)at * TXN_INDEX_ENTRY_LEN;
    size_t len = (size_t)n * TXN_INDEX_ENTRY_LEN;
    ASSERT(index->file);
    ASSERT(n <= TXN_INDEX_BLOCK);
    ASSERT(at + n <= index->count);
    ssize_t got = index->now ? env_file_read_now(index->file, bytes, len, from)
                             : env_file_read(index->file, bytes, len, from);
    if (got < 0)
        return (int)got;
    if ((size_t)got != len)
        return ERR_CORRUPT;
    int rc = 0;
    for (uint32_t i = 0; i < n && rc == 0; i++)
        rc = txn_index_decode(bytes + (size_t)i * TXN_INDEX_ENTRY_LEN, &entries[i]);
    return rc;
}

int txn_index_find(struct txn_index *index, int64_t offset, uint32_t *at)
{
    uint32_t low = 0, high = index->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct txn_index_entry entry;
        int rc = txn_index_read(index, middle, 1, &entry);
        if (rc < 0)
            return rc;
        if (entry.last_offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    ASSERT(low <= index->count);
    *at = low;
    return 0;
}

void txn_index_clear(struct txn_index *index)
{
    note_drop(index, 0, -1);
    index->dirty = true;
}

int txn_index_drop(struct txn_index *index, int64_t offset)
{
    struct txn_index_entry entry = {.last_offset = -1};
    uint32_t at;
    int rc = txn_index_find(index, offset, &at);
    if (rc == 0 && at > 0)
        rc = txn_index_read(index, at - 1, 1, &entry);
    if (rc < 0)
        return rc;
    ASSERT(at <= index->count);
    note_drop(index, at, entry.last_offset);
    index->dirty = true;
    return 0;
}

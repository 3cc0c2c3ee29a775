/* Index files: buffered appends at the end, binary search through the file.
 *
 * Happy path: a lookup narrows the range with single reads and reads the last block in one go; the
 * tail in memory is searched first. Failure modes: a file that is cut inside an entry or out of
 * order is cut to its good beginning by index_open(verify); read errors are passed on. */
#include "broker/log/index.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    INDEX_TAIL_MAX = 64, /* a write for 64 entries: at 4 KiB each one per 256 KiB of log */
    INDEX_BLOCK = 256,   /* entries that a lookup reads at once: 3 KiB at most */
    INDEX_VERIFY_BLOCK = 4096
};

STATIC_ASSERT(INDEX_BLOCK >= INDEX_TAIL_MAX, "the encoding buffer of a flush is one block");

enum { INDEX_OFFSET_WIDTH = 8, INDEX_TIME_WIDTH = 12 };
STATIC_ASSERT(INDEX_OFFSET_WIDTH == 2 * sizeof(int32_t), "relative offset and position");
STATIC_ASSERT(INDEX_TIME_WIDTH == sizeof(int64_t) + sizeof(int32_t), "time and relative offset");
STATIC_ASSERT(INDEX_OFFSET_WIDTH < INDEX_TIME_WIDTH, "buffers have room for the wider kind");

static size_t index_width(const struct index *index)
{
    return index->kind == INDEX_OFFSET ? INDEX_OFFSET_WIDTH : INDEX_TIME_WIDTH;
}

static void entry_encode(enum index_kind kind, const struct index_entry *entry, uint8_t *out)
{
    if (kind == INDEX_OFFSET) {
        bytes_put_u32(out, (uint32_t)entry->key);
        bytes_put_u32(out + 4, (uint32_t)entry->value);
    } else {
        bytes_put_u64(out, (uint64_t)entry->key);
        bytes_put_u32(out + 8, (uint32_t)entry->value);
    }
}

static struct index_entry entry_decode(enum index_kind kind, const uint8_t *in)
{
    if (kind == INDEX_OFFSET)
        return (struct index_entry){(int32_t)bytes_get_u32(in), (int32_t)bytes_get_u32(in + 4)};
    return (struct index_entry){(int64_t)bytes_get_u64(in), (int32_t)bytes_get_u32(in + 8)};
}

void index_init(struct index *index, enum index_kind kind)
{
    *index = (struct index){.kind = kind};
}

void index_check(const struct index *index)
{
    ASSERT(index->stored <= index->count);
    ASSERT(index->count - index->stored <= INDEX_TAIL_MAX);
    ASSERT(index->tail != NULL || index->count == index->stored);
    ASSERT(index->tail == NULL || index->count > index->stored);
    ASSERT(index->env != NULL || index->count == 0);
    ASSERT((index->env != NULL) == (index->path != NULL));
    ASSERT(index->env != NULL || index->file == NULL);
    ASSERT(index->file != NULL || index->stored == 0);
}

/* Reads `count` entries from number `first` as bytes. */
static int index_read(struct index *index, uint32_t first, uint32_t count, uint8_t *out)
{
    ASSERT(index->file != NULL);
    ASSERT(first + count <= index->stored);
    size_t width = index_width(index);
    ssize_t got = index->now ? env_file_read_now(index->file, out, count * width, first * width)
                             : env_file_read(index->file, out, count * width, first * width);
    if (got < 0)
        return (int)got;
    return (size_t)got == count * width ? 0 : ERR_IO;
}

/* How many entries from the start are in order; *last is the last of them. */
static int index_count_good(struct index *index, uint32_t *good, struct index_entry *last)
{
    size_t width = index_width(index);
    uint8_t *block = mem_alloc(INDEX_VERIFY_BLOCK * width);
    uint32_t count = index->stored;
    int rc = 0;
    *good = 0;
    for (uint32_t first = 0; first < count && *good == first; first += INDEX_VERIFY_BLOCK) {
        uint32_t n = count - first < INDEX_VERIFY_BLOCK ? count - first : INDEX_VERIFY_BLOCK;
        rc = index_read(index, first, n, block);
        if (rc < 0)
            break;
        for (uint32_t i = 0; i < n; i++) {
            struct index_entry entry = entry_decode(index->kind, block + i * width);
            bool rises = *good == 0 || (entry.key > last->key && entry.value >= last->value);
            if (!rises || entry.key < 0 || entry.value < 0)
                break;
            *last = entry;
            (*good)++;
        }
    }
    ASSERT(*good <= count);
    mem_free(block);
    return rc;
}

int index_open(struct index *index, struct env *env, const char *path, bool verify)
{
    ASSERT(!index->env && !index->tail);
    index->env = env;
    index->path = mem_strdup(path);
    int rc = env_file_open(env, path, ENV_OPEN_WRITE, &index->file);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc < 0) {
        index->file = NULL;
        index_close(index);
        return rc;
    }
    int64_t size = env_file_size(index->file);
    size_t width = index_width(index);
    if (size < 0) {
        index_close(index);
        return (int)size;
    }
    index->stored = index->count = (uint32_t)((uint64_t)size / width);
    uint8_t last[INDEX_TIME_WIDTH];
    if (verify && index->count > 0) {
        uint32_t good;
        rc = index_count_good(index, &good, &index->last);
        index->stored = index->count = good;
    } else if (index->count > 0) {
        rc = index_read(index, index->count - 1, 1, last);
        if (rc == 0)
            index->last = entry_decode(index->kind, last);
    }
    if (rc == 0 && (uint64_t)size != index->count * width) {
        index->damaged = true;
        rc = env_file_truncate(index->file, index->count * width);
    }
    if (rc < 0)
        index_close(index);
    index_check(index);
    return rc;
}

int index_flush(struct index *index)
{
    uint32_t n = index->count - index->stored;
    if (n == 0)
        return 0;
    ASSERT(n <= INDEX_TAIL_MAX);
    ASSERT(index->env);
    ASSERT(index->tail != NULL);
    int rc = index->file ? 0
                         : env_file_open(index->env, index->path, ENV_OPEN_WRITE | ENV_OPEN_CREATE,
                                         &index->file);
    if (rc < 0)
        return rc;
    uint8_t block[INDEX_TAIL_MAX * INDEX_TIME_WIDTH];
    size_t width = index_width(index);
    for (uint32_t i = 0; i < n; i++)
        entry_encode(index->kind, &index->tail[i], block + i * width);
    rc = env_file_write(index->file, block, n * width, index->stored * width);
    if (rc < 0)
        return rc;
    index->stored = index->count;
    mem_free(index->tail);
    index->tail = NULL;
    index_check(index);
    return 0;
}

void index_close(struct index *index)
{
    if (index->file)
        env_file_close(index->file);
    mem_free(index->tail);
    mem_free(index->path);
    *index = (struct index){.kind = index->kind, .now = index->now};
}

int index_append(struct index *index, struct index_entry entry)
{
    ASSERT(index->env);
    if (index->count > 0 && (entry.key <= index->last.key || entry.value < index->last.value))
        return 0;
    if (index->count - index->stored == INDEX_TAIL_MAX) {
        int rc = index_flush(index);
        if (rc < 0)
            return rc;
    }
    ASSERT(index->count - index->stored < INDEX_TAIL_MAX);
    if (!index->tail)
        index->tail = mem_alloc(INDEX_TAIL_MAX * sizeof(*index->tail));
    index->tail[index->count++ - index->stored] = entry;
    index->last = entry;
    index_check(index);
    return 0;
}

/* Searches the stored entries; the answer, if there is one, is in [0, stored). */
static int index_find_stored(struct index *index, int64_t key, struct index_entry *entry)
{
    uint8_t block[INDEX_BLOCK * INDEX_TIME_WIDTH];
    size_t width = index_width(index);
    uint32_t low = 0, high = index->stored; /* the answer is in [low - 1, high) */
    while (high - low > INDEX_BLOCK) {
        uint32_t middle = low + (high - low) / 2;
        int rc = index_read(index, middle, 1, block);
        if (rc < 0)
            return rc;
        struct index_entry at = entry_decode(index->kind, block);
        if (at.key <= key)
            low = middle;
        else
            high = middle;
    }
    ASSERT(low < high);
    ASSERT(high <= index->stored);
    int rc = index_read(index, low, high - low, block);
    if (rc < 0)
        return rc;
    int found = 0;
    for (uint32_t i = 0; i < high - low; i++) {
        struct index_entry at = entry_decode(index->kind, block + i * width);
        if (at.key > key)
            break;
        *entry = at;
        found = 1;
    }
    return found;
}

int index_find(struct index *index, int64_t key, struct index_entry *entry)
{
    if (index->count > 0 && index->last.key <= key) {
        *entry = index->last;
        return 1;
    }
    for (uint32_t i = index->count - index->stored; i-- > 0;) {
        if (index->tail[i].key <= key) {
            *entry = index->tail[i];
            return 1;
        }
    }
    return index->stored > 0 ? index_find_stored(index, key, entry) : 0;
}

/* Values rise as keys do. The answer is in the file. */
static int index_find_stored_value(struct index *index, int64_t value, struct index_entry *entry)
{
    uint8_t bytes[INDEX_TIME_WIDTH];
    uint32_t low = 0, high = index->stored;
    int found = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int rc = index_read(index, middle, 1, bytes);
        if (rc < 0)
            return rc;
        struct index_entry at = entry_decode(index->kind, bytes);
        if (at.value >= value) {
            *entry = at;
            found = 1;
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    ASSERT(low <= index->stored);
    return found;
}

int index_find_value(struct index *index, int64_t value, struct index_entry *entry)
{
    int found = index_find_stored_value(index, value, entry);
    for (uint32_t i = 0; found == 0 && i < index->count - index->stored; i++) {
        if (index->tail[i].value < value)
            continue;
        *entry = index->tail[i];
        found = 1;
    }
    return found;
}

static int64_t entry_relative(enum index_kind kind, const struct index_entry *entry)
{
    return kind == INDEX_OFFSET ? entry->key : entry->value;
}

/* Both columns rise, so the entries to drop are at the end: binary search by relative offset. */
int index_truncate(struct index *index, int64_t relative)
{
    int rc = index_flush(index);
    if (rc < 0)
        return rc;
    if (index->count == 0 || entry_relative(index->kind, &index->last) < relative)
        return 0;
    ASSERT(index->stored == index->count);
    ASSERT(index->file != NULL);
    uint8_t bytes[INDEX_TIME_WIDTH];
    struct index_entry entry, last = {0};
    uint32_t low = 0, high = index->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        rc = index_read(index, middle, 1, bytes);
        if (rc < 0)
            return rc;
        entry = entry_decode(index->kind, bytes);
        if (entry_relative(index->kind, &entry) < relative) {
            low = middle + 1;
            last = entry;
        } else {
            high = middle;
        }
    }
    ASSERT(low <= index->count);
    index->stored = index->count = low;
    index->last = last;
    index_check(index);
    return env_file_truncate(index->file, low * index_width(index));
}

int index_clear(struct index *index)
{
    mem_free(index->tail);
    index->tail = NULL;
    index->stored = index->count = 0;
    index->damaged = false;
    index_check(index);
    return index->file ? env_file_truncate(index->file, 0) : 0;
}

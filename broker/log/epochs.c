/* A small sorted array of (epoch, start offset) with the rules for asking and cutting.
 *
 * Failure mode: a damaged file is ERR_CORRUPT; recovery then rebuilds the array from batches. */
#include "broker/log/epochs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

void epochs_init(struct epochs *epochs)
{
    *epochs = (struct epochs){0};
}

void epochs_close(struct epochs *epochs)
{
    mem_free(epochs->entries);
    epochs_init(epochs);
}

void epochs_check(const struct epochs *epochs)
{
    ASSERT(epochs->count <= epochs->cap);
    for (uint32_t i = 1; i < epochs->count; i++) {
        ASSERT(epochs->entries[i].epoch > epochs->entries[i - 1].epoch);
        ASSERT(epochs->entries[i].start_offset > epochs->entries[i - 1].start_offset);
    }
}

int32_t epochs_latest(const struct epochs *epochs)
{
    return epochs->count ? epochs->entries[epochs->count - 1].epoch : -1;
}

static void epochs_push(struct epochs *epochs, int32_t epoch, int64_t offset)
{
    if (epochs->count == epochs->cap) {
        epochs->cap = epochs->cap ? epochs->cap * 2 : 1; /* most have one */
        epochs->entries = mem_realloc(epochs->entries, epochs->cap * sizeof(*epochs->entries));
    }
    ASSERT(epoch > epochs_latest(epochs));
    ASSERT(epochs->count < epochs->cap);
    ASSERT(epochs->count == 0 || offset > epochs->entries[epochs->count - 1].start_offset);
    epochs->entries[epochs->count++] = (struct epochs_entry){epoch, offset};
    epochs->dirty = true;
}

void epochs_assign(struct epochs *epochs, int32_t epoch, int64_t offset)
{
    if (epoch < 0 || epoch <= epochs_latest(epochs))
        return;
    epochs_cut_end(epochs, offset);
    epochs_push(epochs, epoch, offset);
    ASSERT(epochs_latest(epochs) == epoch);
}

void epochs_end_of(const struct epochs *epochs, int32_t epoch, int64_t log_end, int32_t *found,
                   int64_t *end_offset)
{
    *found = -1;
    *end_offset = -1;
    if (epochs->count == 0 || epoch < 0 || epoch > epochs_latest(epochs))
        return;
    *found = epoch;
    if (epoch == epochs_latest(epochs)) {
        *end_offset = log_end;
        return;
    }
    uint32_t next = 0; /* the first entry with a larger epoch; there is one */
    while (epochs->entries[next].epoch <= epoch)
        next++;
    ASSERT(next < epochs->count);
    *end_offset = epochs->entries[next].start_offset;
    if (next > 0)
        *found = epochs->entries[next - 1].epoch;
    ASSERT(*found <= epoch);
}

void epochs_cut_end(struct epochs *epochs, int64_t offset)
{
    while (epochs->count > 0 && epochs->entries[epochs->count - 1].start_offset >= offset) {
        epochs->count--;
        epochs->dirty = true;
    }
}

void epochs_cut_start(struct epochs *epochs, int64_t offset)
{
    uint32_t drop = 0;
    while (drop + 1 < epochs->count && epochs->entries[drop + 1].start_offset <= offset)
        drop++;
    ASSERT(epochs->count == 0 || drop < epochs->count);
    if (epochs->count == 0 || epochs->entries[drop].start_offset >= offset)
        return;
    epochs->count -= drop;
    memmove(epochs->entries, epochs->entries + drop, epochs->count * sizeof(*epochs->entries));
    ASSERT(epochs->count > 0);
    ASSERT(epochs->entries[0].start_offset < offset);
    epochs->entries[0].start_offset = offset;
    ASSERT(epochs->count == 1 || epochs->entries[1].start_offset > offset);
    epochs->dirty = true;
}

void epochs_clear(struct epochs *epochs)
{
    epochs->dirty = epochs->dirty || epochs->count > 0;
    epochs->count = 0;
}

void epochs_format(const struct epochs *epochs, struct buf *text)
{
    buf_printf(text, "0\n%" PRIu32 "\n", epochs->count);
    for (uint32_t i = 0; i < epochs->count; i++)
        buf_printf(text, "%" PRId32 " %" PRId64 "\n", epochs->entries[i].epoch,
                   epochs->entries[i].start_offset);
}

/* One decimal number and the white space behind it; -1 when there is none. */
static int64_t parse_number(const char **at)
{
    char *end;
    if (**at < '0' || **at > '9')
        return -1;
    long long value = strtoll(*at, &end, 10);
    while (*end == ' ' || *end == '\n' || *end == '\r')
        end++;
    *at = end;
    return value;
}

int epochs_parse(struct epochs *epochs, const char *text, size_t len)
{
    const char *at = text;
    epochs->count = 0;
    int64_t version = parse_number(&at), count = parse_number(&at);
    bool good = version == 0 && count >= 0;
    for (int64_t i = 0; good && i < count; i++) {
        int64_t epoch = parse_number(&at), offset = parse_number(&at);
        good = epoch > epochs_latest(epochs) && epoch <= INT32_MAX && offset >= 0 &&
               (i == 0 || offset > epochs->entries[i - 1].start_offset);
        if (good)
            epochs_push(epochs, (int32_t)epoch, offset);
    }
    epochs->dirty = false;
    epochs_check(epochs);
    if (good && at == text + len)
        return 0;
    epochs->count = 0;
    return ERR_CORRUPT;
}

bool epochs_equal(const struct epochs *a, const struct epochs *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->entries[i].epoch != b->entries[i].epoch ||
            a->entries[i].start_offset != b->entries[i].start_offset)
            return false;
    return true;
}

void epochs_copy(struct epochs *to, const struct epochs *from)
{
    ASSERT(to != from);
    epochs_clear(to);
    for (uint32_t i = 0; i < from->count; i++)
        epochs_push(to, from->entries[i].epoch, from->entries[i].start_offset);
    to->dirty = true;
    ASSERT(epochs_equal(to, from));
}

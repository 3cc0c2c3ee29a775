/* The takes of a file channel that are on no disk yet.
 *
 * Happy path: a take is a slot; a start marks its events as done. Failure modes: after a power cut
 * slots may be missing, and their events come again; one for events that the log does not have is
 * left out: their numbers are free. */
#include "tools/agent/file_takes.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

static const uint8_t FILE_TAKES_HEADER[RING_FILE_HEADER] = "MRTAKE01";

struct file_takes {
    struct ring_file *ring;
};

static char *file_takes_path(const char *dir)
{
    return mem_printf("%s/takes", dir);
}

static void file_takes_encode(uint8_t payload[RING_FILE_PAYLOAD], uint64_t first, uint64_t count)
{
    memset(payload, 0, RING_FILE_PAYLOAD);
    bytes_put_u64(payload, first);
    bytes_put_u64(payload + 8, count);
}

struct file_range file_takes_slot(const struct ring_file_slots *slots, size_t i)
{
    ASSERT(i < slots->count);
    uint64_t first = bytes_get_u64(slots->payloads[i]);
    return (struct file_range){.first = first,
                               .end = first + bytes_get_u64(slots->payloads[i] + 8)};
}

int file_takes_recover(struct env *env, const char *dir, struct file_recovered *recovered,
                       struct ring_file_slots *slots)
{
    char *path = file_takes_path(dir);
    size_t kept = 0;
    bool misleads = false; /* it tells of events that are still to come */
    int err = ring_file_read(env, path, FILE_TAKES_HEADER, slots);
    for (size_t i = 0; i < slots->count && !err; i++) {
        struct file_range row = file_takes_slot(slots, i);
        bool possible = row.first > 0 && row.first < row.end && row.end <= recovered->next;
        misleads |= !possible;
        if (possible && file_ranges_add(&recovered->done, row.first, row.end) > 0)
            memmove(slots->payloads[kept++], slots->payloads[i], RING_FILE_PAYLOAD);
    }
    slots->count = kept;
    int stored = err ? err : ring_file_store(env, path, FILE_TAKES_HEADER, slots);
    if (!stored)
        slots->newest = RING_FILE_SLOTS;
    else if (err || misleads)
        err = stored;
    if (err)
        ring_file_slots_free(slots);
    mem_free(path);
    return err;
}

int file_takes_renew(struct env *env, const char *dir, struct file_takes **takes)
{
    const struct ring_file_slots none = {.count = 0};
    char *path = file_takes_path(dir);
    int err = ring_file_store(env, path, FILE_TAKES_HEADER, &none);
    mem_free(path);
    return err ? err : file_takes_open(env, dir, RING_FILE_SLOTS, takes);
}

int file_takes_open(struct env *env, const char *dir, uint64_t newest, struct file_takes **out)
{
    char *path = file_takes_path(dir);
    struct ring_file *ring;
    int err = ring_file_open(env, path, FILE_TAKES_HEADER, newest, &ring);
    mem_free(path);
    if (err)
        return err;
    struct file_takes *takes = mem_alloc(sizeof(*takes));
    takes->ring = ring;
    *out = takes;
    return 0;
}

void file_takes_close(struct file_takes *takes)
{
    if (!takes)
        return;
    ring_file_close(takes->ring);
    mem_free(takes);
}

bool file_takes_add(struct file_takes *takes, uint64_t first, uint64_t count)
{
    uint8_t payload[RING_FILE_PAYLOAD];
    ASSERT(first > 0 && count > 0);
    file_takes_encode(payload, first, count);
    return ring_file_add(takes->ring, payload);
}

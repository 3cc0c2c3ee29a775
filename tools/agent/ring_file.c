/* A ring of slots.
 *
 * Happy path: numbers rise by one, and the slot of a number is its rest by RING_FILE_SLOTS; a start
 * takes the slots in the order of their numbers. Failure modes: a torn slot fails its CRC and is
 * left out; a file of another kind counts as absent. */
#include "tools/agent/ring_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"

enum {
    RING_SLOT = 40,
    RING_NUMBER = 8,
    RING_CHECKED = RING_NUMBER + RING_FILE_PAYLOAD, /* bytes that the CRC is of */
    RING_SIZE = RING_FILE_HEADER + RING_FILE_SLOTS * RING_SLOT
};
_Static_assert(RING_CHECKED + 4 <= RING_SLOT, "a slot has room for its CRC");

struct ring_file {
    struct env_file *file;
    uint64_t next; /* the number of the next slot */
};

static int ring_compare(const void *a, const void *b)
{
    uint64_t one = bytes_get_u64(a), other = bytes_get_u64(b);
    return one < other ? -1 : one > other;
}

int ring_file_read(struct env *env, const char *path, const uint8_t header[RING_FILE_HEADER],
                   struct ring_file_slots *slots)
{
    char *data;
    size_t len, count = 0;
    *slots = (struct ring_file_slots){0};
    int err = env_file_load(env, path, RING_SIZE, &data, &len);
    if (err == ERR_NOT_FOUND || err == ERR_TOO_LARGE)
        return 0;
    if (err)
        return err;
    uint8_t *first = (uint8_t *)data + RING_FILE_HEADER;
    if (len > RING_FILE_HEADER && memcmp(data, header, RING_FILE_HEADER) == 0)
        for (size_t i = 0; i < (len - RING_FILE_HEADER) / RING_SLOT; i++) {
            const uint8_t *slot = first + i * RING_SLOT;
            if (bytes_get_u64(slot) > 0 &&
                crc32c(0, slot, RING_CHECKED) == bytes_get_u32(slot + RING_CHECKED))
                memmove(first + count++ * RING_SLOT, slot, RING_SLOT);
        }
    if (count > 0) {
        qsort(first, count, RING_SLOT, ring_compare);
        slots->newest = bytes_get_u64(first + (count - 1) * RING_SLOT);
        slots->payloads = mem_alloc(count * sizeof(*slots->payloads));
    }
    for (size_t i = 0; i < count; i++)
        memcpy(slots->payloads[i], first + i * RING_SLOT + RING_NUMBER, RING_FILE_PAYLOAD);
    slots->count = count;
    mem_free(data);
    return 0;
}

void ring_file_slots_free(struct ring_file_slots *slots)
{
    mem_free(slots->payloads);
    *slots = (struct ring_file_slots){0};
}

static void ring_encode(uint8_t slot[RING_SLOT], uint64_t number,
                        const uint8_t payload[RING_FILE_PAYLOAD])
{
    ASSERT(number > 0);
    memset(slot, 0, RING_SLOT);
    bytes_put_u64(slot, number);
    memcpy(slot + RING_NUMBER, payload, RING_FILE_PAYLOAD);
    bytes_put_u32(slot + RING_CHECKED, crc32c(0, slot, RING_CHECKED));
}

/* Where the slot of that number stands. */
static uint64_t ring_place(uint64_t number)
{
    ASSERT(number > 0);
    return RING_FILE_HEADER + (number - 1) % RING_FILE_SLOTS * RING_SLOT;
}

int ring_file_store(struct env *env, const char *path, const uint8_t header[RING_FILE_HEADER],
                    const struct ring_file_slots *slots)
{
    uint8_t *data = mem_alloc(RING_SIZE);
    ASSERT(slots->count <= RING_FILE_SLOTS);
    memcpy(data, header, RING_FILE_HEADER);
    for (size_t i = 0; i < slots->count; i++) {
        uint64_t number = RING_FILE_SLOTS - slots->count + 1 + i;
        ring_encode(data + ring_place(number), number, slots->payloads[i]);
    }
    int err = env_file_replace(env, path, data, RING_SIZE);
    mem_free(data);
    return err;
}

int ring_file_open(struct env *env, const char *path, const uint8_t header[RING_FILE_HEADER],
                   uint64_t newest, struct ring_file **out)
{
    struct env_file *file;
    int err = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file);
    if (err)
        return err;
    if (newest == 0)
        err = env_file_truncate(file, 0);
    if (!err)
        err = env_file_write(file, header, RING_FILE_HEADER, 0);
    if (err) {
        env_file_close(file);
        return err;
    }
    struct ring_file *ring = mem_alloc(sizeof(*ring));
    ring->file = file;
    ring->next = newest + 1;
    *out = ring;
    return 0;
}

void ring_file_close(struct ring_file *ring)
{
    if (!ring)
        return;
    env_file_close(ring->file);
    mem_free(ring);
}

bool ring_file_add(struct ring_file *ring, const uint8_t payload[RING_FILE_PAYLOAD])
{
    uint8_t slot[RING_SLOT];
    uint64_t place = ring_place(ring->next);
    ring_encode(slot, ring->next++, payload);
    return env_file_write(ring->file, slot, sizeof(slot), place) == 0;
}

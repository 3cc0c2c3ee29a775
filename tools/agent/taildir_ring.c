/* A ring of positions in a file of fixed size.
 *
 * Happy path: the header has the id of the machine's boot; each position is one small write into
 * the next slot, with a number that rises and a CRC. A start takes the slots in the order of their
 * numbers. The ring has room for many more positions than move between two writes of the position
 * file, so what it has lost the position file has. Failure modes: another boot, a torn slot: left
 * out. */
#include "tools/agent/taildir_ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "tools/text_file.h"

enum {
    RING_HEADER = 64, /* magic, and the id of the boot */
    RING_MAGIC = 8,
    RING_SLOT =
        40, /* number, inode, position (8 each), first bytes: count, CRC (4 each), CRC (4) */
    RING_CHECKED = 32, /* bytes of a slot that its CRC is of */
    RING_SLOTS = 8192
};

struct taildir_ring {
    struct env_file *file;
    uint64_t next; /* the number of the next slot */
};

static void taildir_ring_header(uint8_t header[RING_HEADER])
{
    size_t len = 0;
    char *boot = text_file_read("/proc/sys/kernel/random/boot_id", &len);
    memset(header, 0, RING_HEADER);
    memcpy(header, "MRTAIL01", RING_MAGIC);
    if (boot)
        memcpy(header + RING_MAGIC, boot,
               len < RING_HEADER - RING_MAGIC ? len : RING_HEADER - RING_MAGIC);
    mem_free(boot);
}

static int taildir_ring_compare(const void *a, const void *b)
{
    uint64_t one = bytes_get_u64(a), other = bytes_get_u64(b);
    return one < other ? -1 : one > other;
}

/* What is newer than the position file. Inodes of two file systems may be the same: then the first
 * bytes tell which file it is. */
static void taildir_ring_apply(struct taildir_positions *positions, const uint8_t *slot)
{
    struct taildir_position newer = {.inode = bytes_get_u64(slot + 8),
                                     .pos = bytes_get_u64(slot + 16),
                                     .head_len = bytes_get_u32(slot + 24),
                                     .head = bytes_get_u32(slot + 28),
                                     .path = (char *)(uintptr_t) "?"};
    size_t same = 0;
    for (size_t i = 0; i < positions->count; i++)
        same += positions->rows[i].inode == newer.inode;
    for (size_t i = 0; i < positions->count; i++) {
        struct taildir_position *row = &positions->rows[i];
        bool head = row->head_len == newer.head_len && row->head == newer.head;
        if (row->inode != newer.inode || (same > 1 && !head))
            continue;
        row->pos = newer.pos;
        row->head_len = newer.head_len;
        row->head = newer.head;
    }
    if (same == 0)
        taildir_positions_add(positions, &newer); /* it is found by its inode */
}

/* The number of the newest slot; 0 = the file has nothing that counts. */
static uint64_t taildir_ring_read(struct env *env, const char *path,
                                  const uint8_t header[RING_HEADER],
                                  struct taildir_positions *positions)
{
    char *data;
    size_t len, slots = 0;
    if (env_file_load(env, path, RING_HEADER + RING_SLOTS * RING_SLOT, &data, &len))
        return 0;
    uint8_t *first = (uint8_t *)data + RING_HEADER;
    if (len > RING_HEADER && memcmp(data, header, RING_HEADER) == 0)
        for (size_t i = 0; i < (len - RING_HEADER) / RING_SLOT; i++) {
            const uint8_t *slot = first + i * RING_SLOT;
            if (bytes_get_u64(slot) > 0 &&
                crc32c(0, slot, RING_CHECKED) == bytes_get_u32(slot + RING_CHECKED))
                memmove(first + slots++ * RING_SLOT, slot, RING_SLOT);
        }
    if (slots > 0)
        qsort(first, slots, RING_SLOT, taildir_ring_compare);
    for (size_t i = 0; i < slots; i++)
        taildir_ring_apply(positions, first + i * RING_SLOT);
    uint64_t newest = slots > 0 ? bytes_get_u64(first + (slots - 1) * RING_SLOT) : 0;
    mem_free(data);
    return newest;
}

struct taildir_ring *taildir_ring_open(struct env *env, const char *path,
                                       struct taildir_positions *positions)
{
    uint8_t header[RING_HEADER];
    struct env_file *file;
    taildir_ring_header(header);
    uint64_t newest = taildir_ring_read(env, path, header, positions);
    if (env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file))
        return NULL;
    if ((newest == 0 && env_file_truncate(file, 0)) ||
        env_file_write(file, header, sizeof(header), 0)) {
        env_file_close(file);
        return NULL;
    }
    struct taildir_ring *ring = mem_alloc(sizeof(*ring));
    ring->file = file;
    ring->next = newest + 1;
    return ring;
}

void taildir_ring_close(struct taildir_ring *ring)
{
    if (!ring)
        return;
    env_file_close(ring->file);
    mem_free(ring);
}

bool taildir_ring_add(struct taildir_ring *ring, const struct taildir_position *position)
{
    uint8_t slot[RING_SLOT] = {0};
    uint64_t place = (ring->next - 1) % RING_SLOTS;
    bytes_put_u64(slot, ring->next++);
    bytes_put_u64(slot + 8, position->inode);
    bytes_put_u64(slot + 16, position->pos);
    bytes_put_u32(slot + 24, position->head_len);
    bytes_put_u32(slot + 28, position->head);
    bytes_put_u32(slot + RING_CHECKED, crc32c(0, slot, RING_CHECKED));
    return env_file_write(ring->file, slot, sizeof(slot), RING_HEADER + place * RING_SLOT) == 0;
}

/* A ring of positions (ring_file.h).
 *
 * Happy path: the header has the id of the machine's boot; each position is one slot. A start takes
 * the slots in the order of their numbers. The ring has room for many more positions than move
 * between two writes of the position file, so what it has lost the position file has. Failure
 * modes: another boot: nothing counts; a torn slot: it is left out. */
#include "tools/agent/taildir_ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "tools/agent/ring_file.h"
#include "tools/text_file.h"

enum { RING_MAGIC = 8 };

struct taildir_ring {
    struct ring_file *file;
};

static void taildir_ring_header(uint8_t header[RING_FILE_HEADER])
{
    size_t len = 0;
    char *boot = text_file_read("/proc/sys/kernel/random/boot_id", &len);
    memset(header, 0, RING_FILE_HEADER);
    memcpy(header, "MRTAIL01", RING_MAGIC);
    if (boot)
        memcpy(header + RING_MAGIC, boot,
               len < RING_FILE_HEADER - RING_MAGIC ? len : RING_FILE_HEADER - RING_MAGIC);
    mem_free(boot);
}

/* What is newer than the position file. Inodes of two file systems may be the same: then the first
 * bytes tell which file it is. */
static void taildir_ring_apply(struct taildir_positions *positions, const uint8_t *slot)
{
    struct taildir_position newer = {.inode = bytes_get_u64(slot),
                                     .pos = bytes_get_u64(slot + 8),
                                     .head_len = bytes_get_u32(slot + 16),
                                     .head = bytes_get_u32(slot + 20),
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

struct taildir_ring *taildir_ring_open(struct env *env, const char *path,
                                       struct taildir_positions *positions)
{
    uint8_t header[RING_FILE_HEADER];
    struct ring_file_slots slots;
    struct ring_file *file;
    taildir_ring_header(header);
    if (ring_file_read(env, path, header, &slots))
        return NULL;
    for (size_t i = 0; i < slots.count; i++)
        taildir_ring_apply(positions, slots.payloads[i]);
    uint64_t newest = slots.newest;
    ring_file_slots_free(&slots);
    if (ring_file_open(env, path, header, newest, &file))
        return NULL;
    struct taildir_ring *ring = mem_alloc(sizeof(*ring));
    ring->file = file;
    return ring;
}

void taildir_ring_close(struct taildir_ring *ring)
{
    if (!ring)
        return;
    ring_file_close(ring->file);
    mem_free(ring);
}

bool taildir_ring_add(struct taildir_ring *ring, const struct taildir_position *position)
{
    uint8_t payload[RING_FILE_PAYLOAD];
    bytes_put_u64(payload, position->inode);
    bytes_put_u64(payload + 8, position->pos);
    bytes_put_u32(payload + 16, position->head_len);
    bytes_put_u32(payload + 20, position->head);
    return ring_file_add(ring->file, payload);
}

/* A ring of small slots in a file of fixed size, for what a kill -9 must not lose and a sync would
 * cost too much: each slot is one small write, which the system has when the process dies. A power
 * cut may lose any of them.
 *
 *     header (64 bytes, the owner's), then slots: number (8), payload (24), CRC-32C of both (4),
 *     zeros (4) */
#ifndef AGENT_RING_FILE_H
#define AGENT_RING_FILE_H

#include "env/env.h"

enum { RING_FILE_HEADER = 64, RING_FILE_PAYLOAD = 24, RING_FILE_SLOTS = 8192 };

struct ring_file;

/* Payloads, the oldest first. */
struct ring_file_slots {
    uint8_t (*payloads)[RING_FILE_PAYLOAD];
    size_t count;
    uint64_t newest; /* the number of the newest; 0 = there is none */
};

/* What the file has; nothing when it is absent or has another header. ERR_x: it can't be read. */
int ring_file_read(struct env *env, const char *path, const uint8_t header[RING_FILE_HEADER],
                   struct ring_file_slots *slots) MUST_CHECK;
void ring_file_slots_free(struct ring_file_slots *slots);
/* Replaces the file, durably, by one that has these slots and room for all: later slots need no
 * room on the disk. The newest has the number RING_FILE_SLOTS, also if there is none. */
int ring_file_store(struct env *env, const char *path, const uint8_t header[RING_FILE_HEADER],
                    const struct ring_file_slots *slots) MUST_CHECK;
/* Opens it behind the slot of that number; 0 = whatever it has counts for nothing. */
int ring_file_open(struct env *env, const char *path, const uint8_t header[RING_FILE_HEADER],
                   uint64_t newest, struct ring_file **ring) MUST_CHECK;
void ring_file_close(struct ring_file *ring); /* NULL is nothing */
/* False when it can't be written. */
bool ring_file_add(struct ring_file *ring, const uint8_t payload[RING_FILE_PAYLOAD]);

#endif

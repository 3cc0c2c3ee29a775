/* An Avro file that a spooldir source reads: its records as events, block by block. Blocks are read
 * and unpacked on the worker pool.
 *
 * The body of an event is a record in Avro's binary encoding, as the file has it; the header
 * flume.avro.schema.hash has the CRC-64-AVRO of its schema, or flume.avro.schema.literal the
 * schema. */
#ifndef AGENT_SPOOLDIR_AVRO_H
#define AGENT_SPOOLDIR_AVRO_H

#include "env/env.h"
#include "tools/agent/event.h"

struct spooldir_avro;

/* Begins at `pos`, which is 0 or was got from spooldir_avro_pos. The file is taken over, the
 * headers, which all events get, are borrowed. `done` comes when a block has been read. */
struct spooldir_avro *spooldir_avro_new(struct env *env, struct env_file *file, uint64_t pos,
                                        struct headers *headers, bool literal,
                                        void (*done)(void *data), void *data);
void spooldir_avro_free(struct spooldir_avro *avro); /* NULL is nothing; no callback comes */
/* The next event of the block that has been read; false when it has no more. */
bool spooldir_avro_next(struct spooldir_avro *avro, struct event *event);
/* Reads the next block. All events of the last one must be gone. */
void spooldir_avro_read(struct spooldir_avro *avro);
bool spooldir_avro_is_busy(const struct spooldir_avro *avro);
/* Of the last read: 0, ERR_EOF (the file has ended), ERR_CORRUPT (`why` says what is wrong), or
 * an error of the disk, which may pass. */
int spooldir_avro_status(const struct spooldir_avro *avro, const char **why);
/* Where a start goes on when all events that were handed out are safe: behind the last block that
 * is done, since records have no places in a file of their own. */
uint64_t spooldir_avro_pos(const struct spooldir_avro *avro);
/* Whether the last read found that `pos` is the place of no block, and began at the start. */
bool spooldir_avro_is_from_start(const struct spooldir_avro *avro);

#endif

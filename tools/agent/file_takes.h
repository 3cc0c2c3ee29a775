/* The latest takes of a file channel, beside its checkpoint: each is a small write at once, never
 * synced (ring_file.h), since the log has it only when the write that is under way has ended. So a
 * kill -9 brings no event again but those that a sink still had. */
#ifndef AGENT_FILE_TAKES_H
#define AGENT_FILE_TAKES_H

#include "base/logger.h"
#include "tools/agent/file_ranges.h"
#include "tools/agent/file_segments.h"
#include "tools/agent/ring_file.h"

struct file_takes;

/* What a start needs of it, once the log has been read: its takes are added to `recovered`, and the
 * file is replaced by one that tells of no event that is still to come, whose number may be given
 * once more. A full disk is no error if the old one tells of none, either. `slots` are what it has
 * then, the caller's to free; slots->newest is for file_takes_open. Blocks; any thread. */
int file_takes_recover(struct env *env, const char *dir, struct file_recovered *recovered,
                       struct ring_file_slots *slots) MUST_CHECK;
/* After that. ERR_x: it can't be written now, file_takes_renew may be tried later. */
int file_takes_open(struct env *env, const char *dir, uint64_t newest,
                    struct file_takes **takes) MUST_CHECK;
/* An empty one, once the log or a checkpoint has what was taken. Blocks; any thread. */
int file_takes_renew(struct env *env, const char *dir, struct file_takes **takes) MUST_CHECK;
void file_takes_close(struct file_takes *takes); /* NULL is nothing */
/* False when it can't be written. */
bool file_takes_add(struct file_takes *takes, uint64_t first, uint64_t count);
/* The i-th of them as a range. */
struct file_range file_takes_slot(const struct ring_file_slots *slots, size_t i);

#endif

/* What stands behind a damaged place of a file channel's segment. A record has no mark at its
 * beginning, but a length, a kind, a count, numbers that rise and a CRC: a place where all of them
 * fit is one. */
#ifndef AGENT_FILE_DAMAGE_H
#define AGENT_FILE_DAMAGE_H

#include "env/env.h"
#include "tools/agent/file_record.h"

/* Where to look, and what may stand there. */
struct file_damage_range {
    uint64_t from, end;              /* bytes of the file: a record lies between them */
    uint64_t first_min, numbers_end; /* numbers of its events; UINT64_MAX = their end isn't known */
    bool puts;                       /* takes are passed over */
};

/* The first whole record there: its place in *at. 1, 0 = there is none, or ERR_x. record->events is
 * NULL. Blocks; any thread. */
int file_damage_find(struct env_file *file, const struct file_damage_range *range, uint64_t *at,
                     struct file_record *record) MUST_CHECK;
/* Whether there is nothing but zeros: what a power cut leaves of a write. 1, 0, or ERR_x. */
int file_damage_is_blank(struct env_file *file, uint64_t from, uint64_t end) MUST_CHECK;

#endif

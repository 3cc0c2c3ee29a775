/* Assignments of the classic protocol, as consumers write and read them: bits of the partitions of
 * the topics "t" and "u". */
#ifndef SIM_GROUP_ASSIGNMENT_H
#define SIM_GROUP_ASSIGNMENT_H

#include <stdint.h>

#include "base/mem.h"
#include "wire/wire.h"

/* Of "t" only; `words` bytes of user data, -1 = none. The bytes live in the arena. */
struct wire_bytes group_assignment_write(struct arena *arena, uint64_t mask, int32_t words);
/* False when they can't be read. */
bool group_assignment_read(struct wire_bytes bytes, uint64_t masks[2]);

#endif

/* Which version of the Raft library this is made for. consensus.c and raft_backend.c read and set
 * fields of struct raft, knowing what the core of version 0.15 does with them: against another one
 * they would compile, or nearly so, and go wrong. */
#ifndef CONTROLLER_RAFT_VERSION_H
#define CONTROLLER_RAFT_VERSION_H

#include <raft.h>

#include "base/check.h"

/* In 0.15 the numbers of errors are macros; later versions have enumerators, and since 0.17 a
 * number of their own. */
#if !defined(RAFT_NOMEM) || defined(RAFT_VERSION_NUMBER)
#error "made for version 0.15 of the Raft library: read controller/README.md and this file first"
#endif
STATIC_ASSERT(RAFT_TOOMANY == 23, "the last error of version 0.15");
STATIC_ASSERT(RAFT_STANDBY == 0, "as stored in a configuration");
STATIC_ASSERT(RAFT_VOTER == 1, "as stored in a configuration");
STATIC_ASSERT(RAFT_SPARE == 2, "as stored in a configuration");
STATIC_ASSERT(sizeof(raft_index) == sizeof(uint64_t), "indexes are stored in 64 bits");
STATIC_ASSERT(sizeof(raft_term) == sizeof(uint64_t), "terms are stored in 64 bits");
STATIC_ASSERT(sizeof(raft_id) == sizeof(uint64_t), "ids are stored in 64 bits");

#endif

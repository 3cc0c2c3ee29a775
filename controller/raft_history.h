/* What tells one history of the log from another: after an older copy of the directories was
 * restored other entries get the same indexes, and only their terms differ. */
#ifndef CONTROLLER_RAFT_HISTORY_H
#define CONTROLLER_RAFT_HISTORY_H

#include <raft.h>

#include "base/check.h"
#include "controller/raft_store.h"

/* Begins another term with its own vote, for a sole voter that starts: it needs no election, and
 * the library stays in the term and casts no vote. RAFT_IOERR. */
int raft_history_begin(struct env *env, struct raft_store *store, raft_id self) MUST_CHECK;
/* See consensus_knows. */
bool raft_history_knows(const struct raft *raft, int64_t index, int64_t term);

#endif

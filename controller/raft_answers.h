/* What the core answers, set right before it is sent. */
#ifndef CONTROLLER_RAFT_ANSWERS_H
#define CONTROLLER_RAFT_ANSWERS_H

#include <raft.h>

/* An AppendEntries that was cut into several brings nothing new with its first part; the core
 * answers it with all that it has stored, and what lies behind that part, which ends at `end` (0:
 * none is looked at), may still be an old leader's. */
void raft_answers_clamp(struct raft_message *message, raft_index end);
/* The core answers a pre-vote of an old term with that same term: a candidate with the longer log
 * would never learn ours, and nobody could be elected while the third voter gives no vote. */
void raft_answers_tell_term(const struct raft *raft, struct raft_message *message);

#endif

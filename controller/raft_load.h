/* What the core is given: what is stored, in its own memory, and messages of which it would make
 * too little. */
#ifndef CONTROLLER_RAFT_LOAD_H
#define CONTROLLER_RAFT_LOAD_H

#include <raft.h>

#include "controller/raft_store.h"

/* The library's snapshot object; NULL when memory is out or the configuration is damaged. */
struct raft_snapshot *raft_load_snapshot(const struct raft_store_snapshot *from);
/* RAFT_NOMEM. */
int raft_load_entries(const struct raft_store_state *state, struct raft_entry **out) MUST_CHECK;

/* Entries that this node has only as part of its snapshot are taken off an AppendEntries: they are
 * committed, so they are the same. The core would refuse the message, and the leader, whose own
 * snapshot is older, would step back one entry for each heartbeat and never arrive. */
void raft_load_skip(const struct raft *raft, struct raft_append_entries *args);
/* The library keeps the leader of the term before when a candidate takes a follower to a newer one,
 * as it does when leadership is handed over. Nobody is known to lead in that one yet: he who will
 * must not be refused as a second leader, and the end of the old one's process is no reason to
 * stand against him. */
void raft_load_forget_leader(struct raft *raft, const struct raft_message *message,
                             raft_term term_before);
/* Whom this node follows asks for votes: so it leads no more. A node that does not vote takes its
 * leader for one for ever, and would refuse the votes of all: where the second voter has not been
 * told yet that it is one, nobody could be elected. */
void raft_load_forget_candidate(struct raft *raft, raft_id candidate);

#endif

/* The members of the quorum as the library has them: a node's id is one more there, since it takes
 * 0 for nobody. */
#ifndef CONTROLLER_RAFT_MEMBERS_H
#define CONTROLLER_RAFT_MEMBERS_H

#include <raft.h>
#include <stdbool.h>
#include <stdint.h>

#include "controller/controller.h"

enum { RAFT_ID_OF_NODE = 1 /* a node's id and this is its id for Raft */ };

/* The node of a library's id; -1 for nobody. */
int32_t raft_members_node(raft_id id);
raft_id raft_members_id(int32_t node);
/* The member of this node among `raft`'s, in the order of its configuration; -1 when it is none. */
int raft_members_find(const struct raft *raft, int32_t node);
/* How far a member is known to have the log: 0 when it is not known, or `raft` does not lead. */
raft_index raft_members_match(const struct raft *raft, int32_t node);
/* Whether a leader that is in this node's configuration has spoken just now. Who does not vote
 * takes one for its leader for ever. */
bool raft_members_hear(const struct raft *raft);
/* Whether the members are these voters and no others. */
bool raft_members_are(const struct raft *raft, const struct controller_voter *voters, int count);

#endif

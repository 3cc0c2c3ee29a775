/* Whether a Raft message makes sense to this node, asked before the library sees it: the library
 * trusts its peers, so that one message with a term far ahead, entries that are no metadata, or a
 * snapshot that does not decode would stop a quorum for good once it is on disk.
 *
 * What is refused here no correct node sends. A node that lies within these rules still can do
 * harm: it takes part in elections and may lead. Only authentication keeps strangers out. */
#ifndef CONTROLLER_RAFT_SENSE_H
#define CONTROLLER_RAFT_SENSE_H

#include <raft.h>

/* How far a peer's term may be ahead of ours. A term is an election, at most some a second, and
 * a node that can't reach the others asks them before it begins one (pre-vote). Of a node whose log
 * is empty, as one that joins, it may be any. */
#define RAFT_SENSE_TERM_LEAP ((raft_term)1 << 20)

/* NULL, or what is wrong with it: static text. `fixed`: the voters are those of the settings. */
const char *raft_sense_check(const struct raft *raft, const struct raft_message *message,
                             bool fixed);

/* The term of an entry that this node has, or of its snapshot; 0 when it is not known. */
raft_term raft_sense_term_at(const struct raft *raft, raft_index index);

#endif

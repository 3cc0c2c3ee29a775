/* The first start of a voter, in an empty directory. */
#ifndef CONTROLLER_RAFT_FOUNDING_H
#define CONTROLLER_RAFT_FOUNDING_H

#include <raft.h>

#include "controller/consensus.h"

/* Nothing is stored: right for a new node only. The cluster's metadata is in that directory, and a
 * node that went on without it would found another cluster over the data of this one, or forget
 * what it has confirmed to the other voters. */
int raft_founding_check(const struct consensus_config *config, struct buf *problem) MUST_CHECK;
/* Stores the voters as the first entry: the same configuration, in the same order, on every voter.
 * `directory_id` is zero for voters of the settings, else that of the only one. An error of the
 * library. */
int raft_founding_store(struct raft *raft, const struct controller_voter *voters, int count,
                        const struct uuid *directory_id) MUST_CHECK;

#endif

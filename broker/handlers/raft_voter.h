/* What the requests about voters (KIP-853) share: which of a voter's listeners is the one that
 * counts, and whether the cluster that is meant is this one. */
#ifndef BROKER_HANDLERS_RAFT_VOTER_H
#define BROKER_HANDLERS_RAFT_VOTER_H

#include "broker/net/request.h"

/* The controllers of one quorum reach each other by listeners of one name. A request may name
 * others of the voter before it. Case counts as in settings: not at all. */
bool raft_voter_is_listener(const struct request *request, struct wire_str name);
/* The sentence for a request that names no such listener. Of the request's arena; NULL when memory
 * is out. */
const char *raft_voter_say_no_listener(struct request *request);

#define RAFT_VOTER_NO_CLUSTER "The given id \"\" is the cluster id of no cluster."
/* Who gives no cluster id (null) means the cluster that it asks; an empty one is wrong. */
bool raft_voter_is_no_cluster(struct wire_str cluster_id);

#endif

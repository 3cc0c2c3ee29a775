/* The members of the quorum: their ids, and how far the leader knows them to be.
 *
 * A quorum has a handful of members, so each question walks over them. */
#include "controller/raft_members.h"

#include "base/check.h"

int32_t raft_members_node(raft_id id)
{
    return id == 0 ? -1 : (int32_t)(id - RAFT_ID_OF_NODE);
}

raft_id raft_members_id(int32_t node)
{
    ASSERT(node >= 0);
    return (raft_id)node + RAFT_ID_OF_NODE;
}

int raft_members_find(const struct raft *raft, int32_t node)
{
    raft_id id = raft_members_id(node);
    for (unsigned i = 0; i < raft->configuration.n; i++)
        if (raft->configuration.servers[i].id == id)
            return (int)i;
    return -1;
}

raft_index raft_members_match(const struct raft *raft, int32_t node)
{
    int i = raft->state == RAFT_LEADER ? raft_members_find(raft, node) : -1;
    return i < 0 ? 0 : raft->leader_state.progress[i].match_index;
}

bool raft_members_are(const struct raft *raft, const struct controller_voter *voters, int count)
{
    ASSERT(count > 0);
    if ((int)raft->configuration.n != count)
        return false;
    for (int i = 0; i < count; i++)
        if (raft_members_find(raft, voters[i].id) < 0)
            return false;
    return true;
}

bool raft_members_hear(const struct raft *raft)
{
    raft_id leader = raft->state == RAFT_FOLLOWER ? raft->follower_state.current_leader.id : 0;
    return leader && raft_members_find(raft, raft_members_node(leader)) >= 0 &&
           raft->io->time(raft->io) - raft->election_timer_start < raft->heartbeat_timeout;
}

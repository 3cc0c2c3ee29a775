/* A quorum that changes, under the eyes of its rules; see quorum_world.h. */
#include "quorum_world.h"

#include <raft.h>
#include <stdlib.h>
#include <string.h>

#include "controller/consensus_private.h"

enum { TERMS_MAX = 20000 };

struct world world;
char quorum_cluster[64];
static int leaders[TERMS_MAX]; /* one above the id of who led in the term */

void quorum_begin(uint64_t seed, int count)
{
    world_init_growing(&world, seed, count);
    memset(leaders, 0, sizeof(leaders));
    quorum_cluster[0] = 0;
}

/* One leader in a term, one cluster for ever. */
static void quorum_look_at(const struct member *member, int i)
{
    const struct consensus *consensus = member->controller->consensus;
    const char *id = image_cluster_id(member->controller->image);
    raft_term term = consensus->raft.current_term;
    if (id[0] && !quorum_cluster[0])
        snprintf(quorum_cluster, sizeof(quorum_cluster), "%s", id);
    if (id[0] && strcmp(id, quorum_cluster) != 0)
        world.broken = "there are two clusters";
    if (consensus->raft.state != RAFT_LEADER || term >= TERMS_MAX)
        return;
    if (leaders[term] && leaders[term] != i + 1)
        world.broken = "two nodes led in one term";
    leaders[term] = i + 1;
}

void quorum_look(void)
{
    for (int i = 0; i < world.count; i++)
        if (world.members[i].up && !world.members[i].failed)
            quorum_look_at(&world.members[i], i);
}

void quorum_run_for(int64_t us)
{
    for (int64_t end_us = sim_now_us(world.sim) + us; sim_now_us(world.sim) < end_us;) {
        sim_run_for(world.sim, 2 * MS);
        quorum_look();
    }
}

int quorum_voters(void)
{
    int count = 0;
    for (int i = 0; i < world.count; i++)
        count += world_is_member(&world, i, true);
    return count;
}

bool quorum_have_voters(int count, int64_t limit_us)
{
    for (int64_t end_us = sim_now_us(world.sim) + limit_us; sim_now_us(world.sim) < end_us;) {
        if (world.broken || quorum_voters() == count)
            break;
        quorum_run_for(20 * MS);
    }
    return !world.broken && quorum_voters() == count;
}

struct consensus *quorum_active(void)
{
    int active = world_active(&world);
    ASSERT(active >= 0);
    return world.members[active].controller->consensus;
}

bool quorum_knows_place(int32_t id, const char *host, uint32_t port)
{
    struct consensus_members members = {0};
    bool found = false;
    if (!consensus_members(quorum_active(), &members))
        return false;
    for (size_t i = 0; i < members.count; i++)
        found |= members.items[i].id == id && members.items[i].port == port &&
                 strcmp(members.items[i].host, host) == 0;
    return found;
}

void quorum_reap(void)
{
    for (int i = 0; i < world.count; i++)
        if (world.members[i].up && world.members[i].failed)
            world_kill(&world, i, false);
}

void quorum_change(int from, bool add, int id)
{
    Meta__Member voter = META__MEMBER__INIT;
    Meta__AddVoter add_voter = META__ADD_VOTER__INIT;
    Meta__RemoveVoter remove_voter = META__REMOVE_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    voter.id = remove_voter.id = id;
    voter.host = (char *)(uintptr_t)world.voters[id].host;
    voter.port = world.voters[id].port;
    voter.directory_id = remove_voter.directory_id =
        (ProtobufCBinaryData){sizeof(world.directories[id].bytes), world.directories[id].bytes};
    add_voter.voter = &voter;
    add_voter.timeout_ms = 3000;
    command.body_case = add ? META__COMMAND__BODY_ADD_VOTER : META__COMMAND__BODY_REMOVE_VOTER;
    if (add)
        command.add_voter = &add_voter;
    else
        command.remove_voter = &remove_voter;
    (void)world_send(&world, from, &command);
}

uint64_t quorum_seeds(uint64_t usual)
{
    const char *count = getenv("SIM_SEEDS");
    return count ? strtoull(count, NULL, 10) : usual;
}

uint64_t quorum_first(void)
{
    const char *from = getenv("SIM_FIRST");
    return from ? strtoull(from, NULL, 10) : 1;
}

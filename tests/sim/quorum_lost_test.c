/* A quorum that loses what a member was told, or what it had promised. */
#include "../unit/tap.h"

#include <string.h>

#include "controller/consensus_private.h"
#include "quorum_world.h"

/* The library itself forgets a few bytes when it is closed while a snapshot is being installed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft.so\n";
}

static int role_of(int at, int id)
{
    struct raft *raft = &world.members[at].controller->consensus->raft;
    const struct raft_server *server = raft_servers_find(raft, raft_members_id(id));
    return server ? server->role : -1;
}

static bool is_newcomer(int i)
{
    return raft_backend_newcomer(world.members[i].controller->consensus->backend);
}

static void say_ready(int i)
{
    Meta__Member node = META__MEMBER__INIT;
    Meta__Join join = META__JOIN__INIT;
    node.id = i;
    node.host = (char *)(uintptr_t)world.voters[i].host;
    node.port = world.voters[i].port;
    node.directory_id = (ProtobufCBinaryData){16, world.directories[i].bytes};
    join.node = &node;
    join.ready = true;
    consensus_heard(world.members[0].controller->consensus, &join);
}

/* The first voter steps down before the second one has heard that it is one. */
static bool loses_the_word_of_the_second_voter(uint64_t seed)
{
    quorum_begin(seed, 2);
    world.joins = CONTROLLER_JOINS_NEVER;
    world_start(&world, 0);
    world_start(&world, 1);
    CHECK(quorum_have_voters(1, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    quorum_change(0, true, 1);
    for (int i = 0; i < 10000 && (role_of(1, 1) != RAFT_STANDBY || is_newcomer(1)); i++)
        sim_run_for(world.sim, MS / 10);
    quorum_run_for(5 * MS); /* its answer */
    /* The line is reset before that, and there is no other one until it leads no more. */
    sim_cut(world.sim, world.members[0].node, world.members[1].node, false);
    raft_peers_set(world.members[0].controller->consensus->peers, NULL, 0, false);
    say_ready(1);
    for (int i = 0; i < 5000 && role_of(0, 1) != RAFT_VOTER; i++)
        sim_run_for(world.sim, MS / 10);
    bool found = role_of(0, 1) == RAFT_VOTER && role_of(1, 1) == RAFT_STANDBY;
    quorum_run_for(2 * SECOND);
    found = found && role_of(1, 1) == RAFT_STANDBY;
    sim_heal_all(world.sim);
    CHECK(world_settle(&world, 20 * SECOND));
    CHECK_INT(quorum_voters(), 2);
    world_close(&world);
    return found;
}

static void a_lost_word_does_not_end_the_quorum(void)
{
    int found = 0;
    for (uint64_t seed = 1; seed <= 20 && found < 1; seed++)
        found += loses_the_word_of_the_second_voter(seed);
    CHECK(found > 0);
}

/* Its directory is empty, with meta.properties or without. */
static void lose_directory(int i, bool whole)
{
    world_kill(&world, i, false);
    CHECK_INT(sim_disk_remove(world.members[i].node, "/data/controller"), 0);
    if (whole)
        memset(world.directories[i].bytes, 0x70 + i, sizeof(world.directories[i].bytes));
}

static int other_than(int one, int two)
{
    for (int i = 0; i < 3; i++)
        if (i != one && i != two)
            return i;
    return -1;
}

/* A leader stands still. The other two elect one of them and commit; then that one is down, and the
 * third comes back with an empty directory, just when the first one wakes and takes itself for the
 * leader that it was. The two must commit nothing in the place of what the third has forgotten. */
static void an_old_leader_counts_nobody_who_lost_his_log(void)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        quorum_begin(seed, 3);
        for (int i = 0; i < 3; i++)
            world_start(&world, i);
        CHECK(quorum_have_voters(3, 10 * SECOND));
        CHECK(world_agrees(&world, 5 * SECOND));
        int sleeper = world_active(&world);
        sim_node_pause(world.members[sleeper].node, 4 * SECOND);
        world.asking = true;
        quorum_run_for(3 * SECOND);
        int newer = -1;
        for (int i = 0; i < 3; i++)
            if (i != sleeper && controller_is_active(world.members[i].controller))
                newer = i;
        CHECK(newer >= 0);
        if (newer < 0) {
            world_close(&world);
            continue;
        }
        int third = other_than(sleeper, newer);
        world_kill(&world, newer, seed % 2);
        lose_directory(third, seed % 3);
        quorum_run_for((int64_t)(800 * MS + sim_random(world.sim) % (150 * MS)));
        world_start(&world, third);
        quorum_run_for(2 * SECOND);
        world.asking = false;
        world_start(&world, newer);
        CHECK(world_agrees(&world, 20 * SECOND));
        CHECK(!world.broken);
        CHECK(quorum_have_voters(3, 10 * SECOND));
        world_close(&world);
    }
}

/* Whoever lost its directory comes in again, also where a person adds who is to vote, and where it
 * is one of two; and the quorum can be changed then. */
static void who_lost_his_log_comes_in_again(void)
{
    for (uint64_t seed = 1; seed <= 24; seed++) {
        int count = seed % 2 ? 3 : 2;
        quorum_begin(seed, count);
        world.joins = CONTROLLER_JOINS_NEVER;
        for (int i = 0; i < count; i++)
            world_start(&world, i);
        CHECK(quorum_have_voters(1, 10 * SECOND));
        CHECK(world_settle(&world, 10 * SECOND));
        for (int i = 1; i < count; i++) {
            quorum_change(0, true, i);
            CHECK(quorum_have_voters(i + 1, 5 * SECOND));
            quorum_run_for(SECOND);
        }
        int lost = (int)(seed / 2) % count;
        lost = count == 2 && lost == world_active(&world) ? 1 - lost : lost;
        lose_directory(lost, seed % 3);
        world_start(&world, lost);
        for (int i = 0; i < 1000 && (!world_is_member(&world, lost, true) || is_newcomer(lost));
             i++)
            quorum_run_for(20 * MS);
        CHECK(world_is_member(&world, lost, true));
        CHECK(!is_newcomer(lost));
        CHECK_INT(quorum_voters(), count);
        CHECK(world_agrees(&world, 10 * SECOND));
        quorum_run_for(SECOND); /* it is committed */
        int away = (lost + 1) % count;
        if (count == 3)
            world_kill(&world, away, false); /* it votes, and confirms */
        CHECK(world_settle(&world, 10 * SECOND));
        CHECK(!world.broken);
        world_close(&world);
    }
}

/* Who lost its directory and dies before it is in again keeps nobody from changing the quorum. */
static void who_lost_his_log_and_died_can_be_removed(void)
{
    quorum_begin(5, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_agrees(&world, 5 * SECOND));
    int lost = world_active(&world) == 2 ? 1 : 2;
    lose_directory(lost, false); /* a person names the one that the quorum has */
    world_start(&world, lost);
    quorum_run_for(30 * MS);
    world_kill(&world, lost, false);
    CHECK(world_settle(&world, 5 * SECOND));
    quorum_change(world_active(&world), false, lost);
    CHECK(quorum_have_voters(2, 10 * SECOND));
    CHECK(!world.broken);
    world_close(&world);
}

TAP_MAIN(TAP_TEST(a_lost_word_does_not_end_the_quorum),
         TAP_TEST(an_old_leader_counts_nobody_who_lost_his_log),
         TAP_TEST(who_lost_his_log_comes_in_again),
         TAP_TEST(who_lost_his_log_and_died_can_be_removed))

/* Voters that come back with another address: one of them, or all at once. */
#include "../unit/tap.h"

#include "controller/consensus_private.h"
#include "quorum_world.h"

/* The library itself forgets a few bytes when it is closed while a snapshot is being installed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft.so\n";
}

/* Each of them in turn, the leader too, comes back on another port, also while one is away. */
static void a_voter_that_moved_is_found(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        quorum_begin(seed, 3);
        for (int i = 0; i < 3; i++)
            world_start(&world, i);
        CHECK(quorum_have_voters(3, 10 * SECOND));
        for (int i = 0; i < 3; i++) {
            world_kill(&world, i, seed % 2);
            quorum_run_for((int64_t)(sim_random(world.sim) % SECOND));
            world.voters[i].port += 100;
            world_start(&world, i);
            CHECK(world_agrees(&world, 10 * SECOND));
            world_kill(&world, (i + 1) % 3, false);
            quorum_run_for(2 * SECOND);
            CHECK(world_settle(&world, 10 * SECOND)); /* it votes */
            world_start(&world, (i + 1) % 3);
            CHECK(world_agrees(&world, 10 * SECOND));
            CHECK_INT(quorum_voters(), 3);
        }
        world_close(&world);
    }
}

/* All of them were stopped, and each comes back on another port. Their settings name these, each
 * all of them or itself and the next one. */
static void a_quorum_that_moved_as_a_whole_forms_again(void)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        quorum_begin(seed, 3);
        world.listed = true;
        world.differ = seed % 3 == 1;
        world.unaware = seed % 3 == 2;
        for (int i = 0; i < 3; i++)
            world_start(&world, i);
        CHECK(quorum_have_voters(3, 10 * SECOND));
        CHECK(world_agrees(&world, 5 * SECOND));
        int stays = seed % 4 == 0 ? (int)(seed / 4 % 3) : -1;
        for (int i = 0; i < 3; i++) {
            world_kill(&world, i, seed % 2);
            world.voters[i].port += i == stays ? 0 : 100;
        }
        for (int i = 0; i < 3; i++) {
            world_start(&world, i);
            quorum_run_for((int64_t)(sim_random(world.sim) % SECOND));
        }
        CHECK(world_agrees(&world, 20 * SECOND));
        CHECK_INT(quorum_voters(), 3);
        quorum_run_for(2 * SECOND);
        for (int i = 0; world_active(&world) >= 0 && i < 3; i++)
            CHECK(quorum_knows_place(i, world.voters[i].host, world.voters[i].port));
        /* Nobody needs the settings any more, and each votes. */
        world.listed = world.differ = false;
        for (int i = 0; i < 3; i++) {
            world_kill(&world, i, false);
            quorum_run_for(2 * SECOND);
            CHECK(world_settle(&world, 10 * SECOND));
            world_start(&world, i);
            CHECK(world_agrees(&world, 10 * SECOND));
        }
        CHECK(!world.broken);
        world_close(&world);
    }
}

TAP_MAIN(TAP_TEST(a_voter_that_moved_is_found),
         TAP_TEST(a_quorum_that_moved_as_a_whole_forms_again))

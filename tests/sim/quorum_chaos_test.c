/* A quorum in which nodes are added, removed, killed, cut off and have failing disks, under
 * commands: whatever happens, one leads in a term, there is one cluster, and nothing acknowledged
 * is lost. SIM_SEEDS says how many courses, SIM_FIRST with which seed they begin. */
#include "../unit/tap.h"

#include "quorum_world.h"

/* The library itself forgets a few bytes when it is closed while a snapshot is being installed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft.so\n";
}

static void one_fault(void)
{
    int i = (int)(sim_random(world.sim) % (uint64_t)world.count);
    int j = (int)(sim_random(world.sim) % (uint64_t)world.count);
    struct member *member = &world.members[i];
    int fault = (int)(sim_random(world.sim) % 14);
    if (world.verbose)
        fprintf(stderr, "# %.3f fault %d at node %d, %d\n", (double)sim_now_us(world.sim) / 1e6,
                fault, i, j);
    switch (fault) {
    case 0:
        world_kill(&world, i, false);
        break;
    case 1:
        world_kill(&world, i, true);
        break;
    case 2:
        for (int k = 0; k < world.count; k++)
            world_kill(&world, k, true);
        break;
    case 3:
        sim_isolate(world.sim, member->node);
        break;
    case 4:
        if (i != j)
            sim_cut(world.sim, member->node, world.members[j].node, sim_random(world.sim) % 2);
        break;
    case 5:
        if (member->up)
            sim_node_pause(member->node, (int64_t)(sim_random(world.sim) % (2 * SECOND)));
        break;
    case 6:
        if (member->up)
            sim_disk_fail_at(member->node, 1 + sim_random(world.sim) % 20);
        break;
    case 7:
        sim_heal_all(world.sim);
        break;
    default: /* a change, and now and then the end of somebody in the middle of it */
        if (!member->up)
            break;
        quorum_change(i, fault % 2, j);
        quorum_run_for((int64_t)(sim_random(world.sim) % (20 * MS)));
        if (fault >= 12)
            world_kill(&world,
                       fault == 12                ? j
                       : world_active(&world) < 0 ? i
                                                  : world_active(&world),
                       sim_random(world.sim) % 2);
    }
}

static void restart_some(bool all)
{
    for (int i = 0; i < world.count; i++)
        if (!world.members[i].up && (all || sim_random(world.sim) % 2)) {
            sim_disk_fail_at(world.members[i].node, 0);
            world_start(&world, i);
        }
}

static bool chaos(uint64_t seed)
{
    quorum_begin(seed, 3 + (int)(seed % 3));
    world.snapshot_entries = 20 + (int64_t)(seed % 60);
    world.joins = (enum controller_joins)(seed / 3 % 3);
    world.listed = seed % 2;
    world.unaware = seed / 2 % 4 == 1;
    for (int i = 0; i < world.count; i++)
        world_start(&world, i);
    world.asking = true;
    world.paced = 2;
    /* In most courses the next fault comes before the quorum is over the last one. */
    uint64_t pause_us = seed % 4 ? SECOND / 3 : SECOND;
    for (int round = 0; round < 14 && !world.broken; round++) {
        quorum_run_for((int64_t)(sim_random(world.sim) % (pause_us / 2)));
        quorum_reap();
        world_burst(&world); /* so that each fault finds commands on their way */
        quorum_run_for((int64_t)(sim_random(world.sim) % (6 * MS)));
        one_fault();
        quorum_run_for((int64_t)(sim_random(world.sim) % pause_us));
        quorum_reap();
        restart_some(false);
    }
    quorum_reap();
    for (int i = 0; i < world.count; i++)
        sim_disk_fail_at(world.members[i].node, 0);
    sim_heal_all(world.sim);
    restart_some(true);
    quorum_run_for(SECOND);
    quorum_reap();
    restart_some(true);
    world.asking = false;
    bool good = !world.broken && world_agrees(&world, 30 * SECOND);
    quorum_look();
    good = good && !world.broken;
    if (!good)
        printf("# seed %llu: %s, %d topics acknowledged, %d voters\n", (unsigned long long)seed,
               world.broken ? world.broken : "no agreement", world.acked_count, quorum_voters());
    world_close(&world);
    return good;
}

static void nothing_acknowledged_is_lost(void)
{
    for (uint64_t seed = quorum_first(); seed < quorum_first() + quorum_seeds(200); seed++)
        CHECK(chaos(seed));
}

TAP_MAIN(TAP_TEST(nothing_acknowledged_is_lost))

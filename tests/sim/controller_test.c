/* The controller in simulation: elections, kills, power cuts, cut networks, disk errors. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "controller_world.h"

enum { SECOND = 1000 * 1000 };

static struct world world;

/* The library itself forgets a few bytes when it is closed while a snapshot is being installed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft.so\n";
}

static void one_node_serves(void)
{
    world_init(&world, 1, 1);
    CHECK(world_settle(&world, 2 * SECOND));
    CHECK(sim_now_us(world.sim) < SECOND);
    CHECK(image_cluster_id(world_image(&world))[0] != 0);
    world_close(&world);
}

static void three_nodes_serve(void)
{
    world_init(&world, 2, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    CHECK(world_agrees(&world, SECOND));
    world_close(&world);
}

/* ---- chaos ---- */

static void reap_failed(void)
{
    for (int i = 0; i < world.count; i++)
        if (world.members[i].up && world.members[i].failed)
            world_kill(&world, i, false);
}

static void one_fault(void)
{
    int i = (int)(sim_random(world.sim) % 3);
    struct member *member = &world.members[i];
    int fault = (int)(sim_random(world.sim) % 9);
    if (world.verbose)
        fprintf(stderr, "# %.3f fault %d at node %d\n", (double)sim_now_us(world.sim) / 1e6, fault,
                i);
    switch (fault) {
    case 0:
    case 1:
        world_kill(&world, i, false);
        break;
    case 2:
        world_kill(&world, i, true);
        break;
    case 3:
        for (int j = 0; j < world.count; j++)
            world_kill(&world, j, true);
        break;
    case 4:
        sim_isolate(world.sim, member->node);
        break;
    case 5:
        sim_cut(world.sim, member->node, world.members[(i + 1) % 3].node,
                sim_random(world.sim) % 2);
        break;
    case 6:
        if (member->up)
            sim_node_pause(member->node, (int64_t)(sim_random(world.sim) % (2 * SECOND)));
        break;
    case 7:
        if (member->up)
            sim_disk_fail_at(member->node, 1 + sim_random(world.sim) % 20);
        break;
    default:
        sim_heal_all(world.sim);
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
    world_init(&world, seed, 3);
    world.snapshot_entries = 20 + (int64_t)(seed % 60);
    world.asking = true;
    for (int round = 0; round < 12 && !world.broken; round++) {
        sim_run_for(world.sim, (int64_t)(sim_random(world.sim) % (SECOND / 2)));
        reap_failed();
        one_fault();
        sim_run_for(world.sim, (int64_t)(sim_random(world.sim) % SECOND));
        reap_failed();
        restart_some(false);
    }
    reap_failed();
    for (int i = 0; i < world.count; i++)
        sim_disk_fail_at(world.members[i].node, 0);
    sim_heal_all(world.sim);
    restart_some(true);
    world.asking = false;
    bool good = !world.broken && world_agrees(&world, 20 * SECOND);
    if (!good)
        printf("# seed %llu: %s, %d topics acknowledged\n", (unsigned long long)seed,
               world.broken ? world.broken : "no agreement", world.acked_count);
    for (int i = 0; !good && i < world.count; i++)
        if (world.members[i].up)
            printf("# node %d: controller at %lld, broker at %lld\n", i,
                   (long long)consensus_applied(world.members[i].controller->consensus),
                   (long long)world.members[i].fake->applied);
    world_close(&world);
    return good;
}

static void nothing_acknowledged_is_lost(void)
{
    const char *only = getenv("MILLRACE_SEED"), *count = getenv("MILLRACE_SEEDS");
    if (only) {
        CHECK(chaos(strtoull(only, NULL, 10)));
        return;
    }
    uint64_t last = count ? strtoull(count, NULL, 10) : 300;
    for (uint64_t seed = 1; seed <= last; seed++)
        CHECK(chaos(seed));
}

TAP_MAIN(TAP_TEST(one_node_serves), TAP_TEST(three_nodes_serve),
         TAP_TEST(nothing_acknowledged_is_lost))

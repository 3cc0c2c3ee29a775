/* The controller in simulation: elections, kills, power cuts, cut networks, disk errors. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "controller_world.h"

enum { SECOND = 1000 * 1000 };

static struct world world;

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

TAP_MAIN(TAP_TEST(one_node_serves), TAP_TEST(three_nodes_serve))

/* What a peer chooses is bounded before it costs anything: records, expressions, members, turns. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "group_world.h"

static struct group_world world;

static struct group_world_join *join_alone(const char *group)
{
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = group, .version = 3);
    CHECK(group_world_until(&world, &join->done, 10000));
    CHECK_INT(join->err, 0);
    return join;
}

static struct group_world_sync *sync_alone(const char *group, const struct group_world_join *join,
                                           uint64_t mask)
{
    struct group_world_sync *sync = group_world_sync(
        &world, group, join->member_id, NULL, join->generation, join->members, &mask, 1);
    CHECK(group_world_until(&world, &sync->done, 1000));
    return sync;
}

/* ---- records ---- */

/* The log (its rule is checked at each append in the world) never gets a record over its limit; the
 * leader hears why, and the next generation, with less, is fine. */
static void huge_assignment(void)
{
    group_world_init(&world, 1);
    struct group_world_join *join = join_alone("g");
    world.assignment_bytes = 2 << 20;
    CHECK_INT(sync_alone("g", join, 0xff)->err, ERR_UNKNOWN_SERVER_ERROR);
    world.assignment_bytes = 0;
    join = GROUP_WORLD_JOIN(&world, .group = "g", .member_id = join->member_id, .version = 3);
    CHECK(group_world_until(&world, &join->done, 40000));
    CHECK_INT(join->err, 0);
    CHECK_INT(sync_alone("g", join, 0xff)->err, 0);
    group_world_failover(&world, false);
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, join->generation), 0);
    group_world_close(&world);
}

/* Members of which each is small enough, but not all of them together: the one too many is refused,
 * and the others go on. */
static void members_fill_the_record(void)
{
    group_world_init(&world, 2);
    world.deps.settings.initial_rebalance_delay_ms = 0;
    struct group_world_join *first =
        GROUP_WORLD_JOIN(&world, .group = "g", .version = 3, .words = 600000);
    struct group_world_join *second =
        GROUP_WORLD_JOIN(&world, .group = "g", .version = 3, .words = 600000);
    CHECK(second->done);
    CHECK_INT(second->err, ERR_GROUP_MAX_SIZE_REACHED);
    CHECK(group_world_until(&world, &first->done, 10000));
    CHECK_INT(sync_alone("g", first, 0xff)->err, 0);
    group_world_close(&world);
}

TAP_MAIN(TAP_TEST(huge_assignment), TAP_TEST(members_fill_the_record))

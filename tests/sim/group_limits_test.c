/* What a peer chooses is bounded before it costs anything: records, expressions, members, turns. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "broker/group/manager_private.h"

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
    struct group_world_sync *sync = group_world_sync(&world, group, join->member_id, NULL,
                                                     join->generation, join->members, &mask, 1);
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

/* What is too large is refused before any of it is copied: the limit is asked for while the group
 * holds no more than before. */
static void huge_assignment_is_not_copied(void)
{
    group_world_init(&world, 1);
    struct group_world_join *join = join_alone("g");
    int64_t before = world.manager->bytes;
    world.asked_with = 0;
    world.assignment_bytes = 14 << 20;
    CHECK_INT(sync_alone("g", join, 0xff)->err, ERR_UNKNOWN_SERVER_ERROR);
    CHECK(world.asked_with > 0 && world.asked_with <= before);
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

/* A member that would get more partitions than a record holds is refused; the others of the group,
 * and the other groups of the partition, go on. */
static void target_too_large_in(bool pool)
{
    static const uint64_t none[2];
    group_world_pool = pool;
    group_world_init(&world, 6);
    group_world_add_topic(&world, "wide", 3000);
    world.batch_max = 10000;
    struct group_world_beat *first = GROUP_WORLD_BEAT(
        &world, .group = "g", .member_id = "a", .topics = "t", .owned = none, .rebalance_ms = 9000);
    CHECK(group_world_until(&world, &first->done, 1000));
    CHECK_INT(first->err, 0);
    struct group_world_beat *wide =
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "b", .topics = "wide", .owned = none,
                         .rebalance_ms = 9000);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1); /* not: it loads */
    CHECK(group_world_until(&world, &wide->done, 1000));
    CHECK_INT(wide->err, ERR_UNKNOWN_SERVER_ERROR);
    for (int i = 0; i < 2; i++) {
        struct group_world_beat *next =
            GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = first->epoch);
        CHECK(group_world_until(&world, &next->done, 1000));
        CHECK_INT(next->err, 0);
        first = next;
        group_world_failover(&world, false);
    }
    group_world_close(&world);
    group_world_pool = false;
}

static void target_too_large(void)
{
    target_too_large_in(false);
    target_too_large_in(true);
}

/* Appends fail though the log said that it would take them (no free descriptor, say): the partition
 * is loaded anew, but not again at each heartbeat. */
static void no_storm_of_loads(void)
{
    static const uint64_t none[2];
    group_world_init(&world, 7);
    const struct group_world_log *log = &world.logs[group_world_partition("g")];
    int before = log->loads;
    world.check_passes = true;
    world.append_error = ERR_KAFKA_STORAGE_ERROR;
    for (int i = 0; i < 600; i++) {
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .topics = "t", .owned = none,
                         .rebalance_ms = 9000);
        group_world_run(&world, 1000);
    }
    printf("# %d loads\n", log->loads - before);
    CHECK(log->loads - before < 40);
    world.append_error = 0;
    group_world_run(&world, 60000);
    struct group_world_beat *beat = GROUP_WORLD_BEAT(
        &world, .group = "g", .member_id = "a", .topics = "t", .owned = none, .rebalance_ms = 9000);
    CHECK(group_world_until(&world, &beat->done, 1000));
    CHECK_INT(beat->err, 0);
    group_world_close(&world);
}

/* ---- memory ---- */

/* Groups that nobody comes back to fill the coordinator's memory up to its limit and no further;
 * what was there before goes on, and there is room again when some of it is deleted. */
static void memory_is_limited(void)
{
    char name[32];
    group_world_init(&world, 8);
    struct group_world_join *member = join_alone("old");
    CHECK_INT(sync_alone("old", member, 1)->err, 0);
    struct group_world_commit *commit =
        group_world_commit(&world, "old", member->member_id, NULL, member->generation, "t", 0, 1);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
    world.manager->deps.settings.memory_max = 1 << 20;
    int taken = 0;
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        struct group_world_join *join =
            GROUP_WORLD_JOIN(&world, .group = name, .version = 3, .words = 10000);
        taken += !join->done;
        CHECK(!join->done || join->err == ERR_GROUP_MAX_SIZE_REACHED);
    }
    CHECK(taken > 50 && taken < 150);
    CHECK(world.manager->bytes < (1 << 20) + 12000);
    world.manager->deps.settings.memory_max = world.manager->bytes;
    struct group_world_commit *more =
        group_world_commit(&world, "old", member->member_id, NULL, member->generation, "t", 1, 1);
    commit =
        group_world_commit(&world, "old", member->member_id, NULL, member->generation, "t", 0, 2);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
    CHECK_INT(more->err, ERR_INVALID_COMMIT_OFFSET_SIZE);
    group_world_run(&world, 60000); /* nobody syncs: they are gone */
    CHECK(GROUP_WORLD_JOIN(&world, .group = "new")->err == ERR_MEMBER_ID_REQUIRED);
    group_world_close(&world);
}

/* ---- expressions ---- */

static struct group_world_beat *beat_pattern(const char *group, const char *member, int32_t epoch,
                                             const char *regex)
{
    static const uint64_t none[2];
    return GROUP_WORLD_BEAT(&world, .group = group, .member_id = member, .epoch = epoch,
                            .regex = regex, .owned = none, .rebalance_ms = 10000);
}

/* Nothing is compiled while the request is taken: the answer comes from the pool. */
static void expressions_off_the_loop(void)
{
    group_world_init(&world, 3);
    struct group_world_beat *good = beat_pattern("g", "m", 0, "t|u");
    struct group_world_beat *bad = beat_pattern("h", "m", 0, "(");
    struct group_world_beat *slow = beat_pattern("i", "m", 0, "(t+)+(t+)+(t+)+x");
    CHECK(!good->done && !bad->done && !slow->done);
    group_world_run(&world, 1000);
    CHECK(good->done && bad->done && slow->done);
    CHECK_INT(good->err, 0);
    CHECK_INT((int)good->assigned[0], 0xff);
    CHECK_INT(bad->err, ERR_INVALID_REGULAR_EXPRESSION);
    CHECK_INT(slow->err, 0);
    char name[200];
    memset(name, 't', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    name[150] = 'x'; /* else the engine sees at once that no x is in it */
    name[160] = 'y';
    group_world_add_topic(&world, name, 1);
    struct group_world_beat *slower = beat_pattern("j", "m", 0, "(t+)+(t+)+(t+)+y");
    CHECK(group_world_until(&world, &slower->done, 1000));
    CHECK_INT(slower->err, ERR_INVALID_REGULAR_EXPRESSION);
    /* What was stored before matches nothing from then on, also at the next coordinator; it harms
     * nobody, and another one takes its place. */
    group_world_run(&world, 2000);
    group_world_failover(&world, false);
    group_world_run(&world, 100);
    slow = beat_pattern("i", "m", slow->epoch, "t");
    CHECK(group_world_until(&world, &slow->done, 1000));
    CHECK_INT(slow->err, 0);
    group_world_close(&world);
}

/* A coordinator that has just loaded a group decides nothing before it knows what its expressions
 * match: its members keep what they have. */
static void expressions_after_a_load(void)
{
    group_world_init(&world, 4);
    struct group_world_beat *beat = beat_pattern("g", "m", 0, "t|u");
    CHECK(group_world_until(&world, &beat->done, 1000));
    for (int i = 0; i < GROUP_WORLD_PARTITIONS; i++)
        group_world_lose(&world, i, false);
    world.load_ms = 0;
    for (int i = 0; i < GROUP_WORLD_PARTITIONS; i++)
        group_world_lead(&world, i);
    while (group_world_fetch(&world, "g", "t", 0) == ERR_COORDINATOR_LOAD_IN_PROGRESS)
        sim_run_for(world.sim, 1);
    struct group_world_beat *next =
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "m", .epoch = beat->epoch);
    CHECK(group_world_until(&world, &next->done, 1000));
    CHECK(next->err == 0 || next->err == ERR_COORDINATOR_LOAD_IN_PROGRESS);
    group_world_run(&world, 100);
    next = GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "m", .epoch = beat->epoch);
    CHECK(group_world_until(&world, &next->done, 1000));
    CHECK_INT(next->err, 0);
    CHECK_INT(next->epoch, beat->epoch);
    CHECK(!next->has_assignment);
    group_world_close(&world);
}

/* Different expressions of one group are limited, with a sentence. */
static void expressions_are_counted(void)
{
    group_world_init(&world, 5);
    world.deps.settings.consumer_max_size = 1000;
    group_manager_free(world.manager);
    world.manager = group_manager_new(&world.deps);
    for (int32_t i = 0; i < GROUP_WORLD_PARTITIONS; i++)
        group_world_lead(&world, i);
    group_world_run(&world, 10);
    struct group_world_beat *beat = NULL;
    for (int i = 0; i <= 100; i++) {
        char text[32];
        snprintf(text, sizeof(text), "t%d", i);
        beat = beat_pattern("g", text, 0, text);
        CHECK(group_world_until(&world, &beat->done, 1000));
        CHECK_INT(beat->err, i < 100 ? 0 : ERR_INVALID_REGULAR_EXPRESSION);
    }
    CHECK(beat->op.response.error_message.len > 0);
    group_world_close(&world);
}

TAP_MAIN(TAP_TEST(expressions_off_the_loop), TAP_TEST(expressions_after_a_load),
         TAP_TEST(expressions_are_counted), TAP_TEST(huge_assignment), TAP_TEST(memory_is_limited),
         TAP_TEST(huge_assignment_is_not_copied), TAP_TEST(target_too_large),
         TAP_TEST(no_storm_of_loads), TAP_TEST(members_fill_the_record))

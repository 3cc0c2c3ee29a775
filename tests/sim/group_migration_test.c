/* Groups that migrate between the protocols while they are served (KIP-848). */
#include "group_peer.h"

static struct group_world_join *classic_alone(void)
{
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    CHECK(group_world_until(&world, &join->done, 5000));
    CHECK_INT(join->err, 0);
    struct group_world_sync *sync =
        group_world_sync(&world, "g", join->member_id, NULL, join->generation, NULL, NULL, 0);
    CHECK(group_world_until(&world, &sync->done, 1000));
    CHECK_INT(sync->err, 0);
    return join;
}

static int32_t rejoin(const char *id)
{
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .member_id = id);
    CHECK(group_world_until(&world, &join->done, 1000));
    CHECK_INT(join->err, 0);
    CHECK_STR(join->leader, "");
    struct group_world_sync *sync =
        group_world_sync(&world, "g", id, NULL, join->generation, NULL, NULL, 0);
    CHECK(group_world_until(&world, &sync->done, 1000));
    CHECK_INT(sync->err, 0);
    return join->generation;
}

static void upgrade_and_downgrade(void)
{
    struct peer a;
    group_world_init(&world, 17);
    struct group_world_join *old = classic_alone();
    struct group_world_commit *commit =
        group_world_commit(&world, "g", old->member_id, NULL, 1, "t", 0, 42);
    CHECK(group_world_until(&world, &commit->done, 1000));
    struct group_world_beat *beat = peer_join(&a, "a", "t");
    CHECK_INT(beat->err, 0);
    CHECK_INT(a.epoch, 2);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 42);
    /* The classic member is called to join, and gets its part from the broker. */
    CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, 1),
              ERR_REBALANCE_IN_PROGRESS);
    CHECK_INT(rejoin(old->member_id), 2);
    CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, 2), 0);
    peer_beat(&a);
    CHECK_INT(count(a.owned[0]), 4);
    commit = group_world_commit(&world, "g", old->member_id, NULL, 2, "t", 7, 43);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
    CHECK_INT(group_world_commit(&world, "g", old->member_id, NULL, 1, "t", 7, 1)->err,
              ERR_ILLEGAL_GENERATION);
    group_world_failover(&world, true);
    CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, 2), 0);
    /* The last one of the new protocol leaves. */
    answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = -1));
    CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, 2),
              ERR_REBALANCE_IN_PROGRESS);
    struct group_world_join *join =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = old->member_id);
    CHECK(join->done);
    CHECK_INT(join->generation, 3);
    CHECK_STR(join->leader, old->member_id);
    CHECK_INT(group_world_fetch(&world, "g", "t", 7), 43);
    /* As stored it has no leader who would hand out what the other one had: it rebalances again. */
    group_world_failover(&world, true);
    CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, 2),
              ERR_REBALANCE_IN_PROGRESS);
    join = GROUP_WORLD_JOIN(&world, .group = "g", .member_id = old->member_id);
    CHECK(join->done);
    CHECK_INT(join->generation, 3);
    CHECK_STR(join->leader, old->member_id);
    group_world_close(&world);
}

/* What a classic member was given is its own until it has joined again; one that is called and does
 * not come is out when its rebalance timeout is over. */
static void upgrade_keeps_what_is_owned(void)
{
    uint64_t mask = 0xff;
    struct peer a;
    for (int comes = 0; comes < 2; comes++) {
        group_world_init(&world, 28);
        world.real_assignments = true;
        struct group_world_join *old = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
        CHECK(group_world_until(&world, &old->done, 5000));
        struct group_world_sync *sync = group_world_sync(&world, "g", old->member_id, NULL,
                                                         old->generation, old->members, &mask, 1);
        CHECK(group_world_until(&world, &sync->done, 1000));
        CHECK_INT(peer_join(&a, "a", "t")->err, 0);
        for (int i = 0; i < 25; i++) {
            CHECK_INT(a.owned[0], 0);
            CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, 1),
                      ERR_REBALANCE_IN_PROGRESS);
            peer_beat(&a);
            group_world_run(&world, 1000);
        }
        if (comes) {
            CHECK_INT(rejoin(old->member_id), 2);
            peer_beat(&a);
            CHECK_INT(count(a.owned[0]), 4);
        } else {
            for (int i = 0; i < 6; i++) {
                (void)group_world_heartbeat(&world, "g", old->member_id, NULL, 1);
                group_world_run(&world, 1000);
            }
            CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, 1),
                      ERR_UNKNOWN_MEMBER_ID);
            peer_beat(&a);
            CHECK_INT(a.owned[0], 0xff);
        }
        group_world_close(&world);
    }
}

static void no_migration_without_leave(void)
{
    struct peer a;
    group_world_init(&world, 18);
    world.deps.settings.migration = 0;
    group_world_restart(&world);
    struct group_world_join *old = classic_alone();
    CHECK_INT(peer_join(&a, "a", "t")->err, ERR_GROUP_ID_NOT_FOUND);
    CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, 1), 0);
    CHECK_INT(group_world_leave(&world, "g", old->member_id, NULL), 0);
    CHECK_INT(peer_join(&a, "a", "t")->err, 0);
    group_world_close(&world);
}

static void classic_into_consumer_group(void)
{
    struct peer a;
    group_world_init(&world, 19);
    peer_join(&a, "a", "t");
    peer_beat(&a);
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g");
    CHECK_INT(join->err, ERR_MEMBER_ID_REQUIRED);
    char id[GROUP_WORLD_TEXT];
    snprintf(id, sizeof(id), "%s", join->member_id);
    CHECK_INT(rejoin(id), 3);
    peer_beat(&a);
    peer_beat(&a);
    CHECK_INT(count(a.owned[0]), 4);
    CHECK_INT(group_world_heartbeat(&world, "g", id, NULL, 3), ERR_REBALANCE_IN_PROGRESS);
    CHECK_INT(rejoin(id), 3);
    CHECK_INT(group_world_heartbeat(&world, "g", id, NULL, 3), 0);
    CHECK_INT(group_world_leave(&world, "g", id, NULL), 0);
    peer_beat(&a);
    CHECK_INT(a.owned[0], 0xff);
    group_world_close(&world);
}

/* A classic join that can't be used changes nothing, of a static member either. */
static void bad_subscription_changes_nothing(void)
{
    struct peer a;
    group_world_init(&world, 23);
    join_static(&a, "a", "one");
    struct group_world_join *bad = GROUP_WORLD_JOIN(&world, .group = "g", .instance = "one",
                                                    .protocols = "range", .topics = "-");
    CHECK(group_world_until(&world, &bad->done, 1000));
    CHECK_INT(bad->err, ERR_UNKNOWN_SERVER_ERROR);
    CHECK_INT(peer_beat(&a)->err, 0);
    group_world_failover(&world, true);
    CHECK_INT(peer_beat(&a)->err, 0);
    CHECK_INT(a.owned[0], 0xff);
    group_world_close(&world);
}

/* A member changes over under the id that it has. */
static void member_changes_protocol(void)
{
    struct peer a;
    group_world_init(&world, 24);
    struct group_world_join *old = classic_alone();
    CHECK_INT(peer_join(&a, old->member_id, "t")->err, 0);
    CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, a.epoch),
              ERR_UNKNOWN_MEMBER_ID);
    group_world_failover(&world, true);
    CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, a.epoch),
              ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(peer_beat(&a)->err, 0);
    group_world_close(&world);
}

static void state_is(const char *expected, int32_t members)
{
    struct describe_groups_response_described_group described;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    wire_defaults(&describe_groups_response_described_group_desc, &described);
    group_manager_describe(world.manager, wire_str_from("g"), 6, &arena, &described);
    CHECK_INT(described.error_code, 0);
    CHECK(wire_str_is(described.group_state, expected));
    CHECK_INT(described.members.count, members);
    arena_close(&arena);
}

/* The instance "one" with all of "t", and another that has left for a while. */
static struct group_world_join *static_pair(struct peer *other)
{
    uint64_t mask = 0xff;
    world.real_assignments = true;
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .instance = "one");
    CHECK(group_world_until(&world, &join->done, 5000));
    struct group_world_sync *sync = group_world_sync(&world, "g", join->member_id, "one",
                                                     join->generation, join->members, &mask, 1);
    CHECK(group_world_until(&world, &sync->done, 1000));
    CHECK_INT(join_static(other, "b", "two")->err, 0);
    return join;
}

static void other_goes_away(const struct peer *other)
{
    CHECK_INT(answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = other->id, .epoch = -2,
                                        .instance = "two"))
                  ->err,
              0);
}

static void first_rejoins(const struct group_world_join *first)
{
    struct group_world_join *join =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = first->member_id, .instance = "one");
    CHECK(group_world_until(&world, &join->done, 1000));
    CHECK_INT(join->generation, 2);
    struct group_world_sync *sync =
        group_world_sync(&world, "g", first->member_id, "one", 2, NULL, NULL, 0);
    CHECK(group_world_until(&world, &sync->done, 1000));
    CHECK_INT(sync->err, 0);
}

/* The last member of the consumer protocol is replaced, not removed: the instance comes back with
 * the classic protocol, as in a rolling downgrade. Nobody rebalances. */
static void static_downgrade(void)
{
    struct peer b;
    group_world_init(&world, 25);
    struct group_world_join *first = static_pair(&b);
    first_rejoins(first);
    first_rejoins(first); /* it has given up what it had to */
    peer_beat(&b);
    CHECK_INT(count(b.owned[0]), 4);
    other_goes_away(&b);
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .instance = "two");
    CHECK(group_world_until(&world, &join->done, 1000));
    CHECK_INT(join->err, 0);
    CHECK_INT(join->generation, 2);
    CHECK_STR(join->leader, "");
    state_is("Stable", 2);
    CHECK_INT(group_world_heartbeat(&world, "g", first->member_id, "one", 2), 0);
    struct group_world_sync *sync =
        group_world_sync(&world, "g", join->member_id, "two", 2, NULL, NULL, 0);
    CHECK(group_world_until(&world, &sync->done, 1000));
    CHECK_INT(sync->err, 0);
    CHECK(sync->op.response.assignment.len > 0);
    group_world_failover(&world, true);
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, "two", 2), 0);
    state_is("Stable", 2);
    group_world_close(&world);
}

/* With another subscription, or while the other one has yet to give up what it must, the group
 * rebalances: it would have a partition twice. */
static void static_downgrade_rebalances(void)
{
    for (int late = 0; late < 2; late++) {
        struct peer b;
        group_world_init(&world, 26);
        struct group_world_join *first = static_pair(&b);
        if (!late) {
            first_rejoins(first);
            first_rejoins(first);
            peer_beat(&b);
        }
        other_goes_away(&b);
        struct group_world_join *join =
            GROUP_WORLD_JOIN(&world, .group = "g", .instance = "two", .topics = late ? "t" : "t,u");
        group_world_run(&world, 100);
        CHECK(!join->done);
        state_is("PreparingRebalance", 2);
        CHECK_INT(group_world_heartbeat(&world, "g", first->member_id, "one", 2),
                  ERR_REBALANCE_IN_PROGRESS);
        struct group_world_join *again = GROUP_WORLD_JOIN(
            &world, .group = "g", .member_id = first->member_id, .instance = "one");
        CHECK(group_world_until(&world, &again->done, 1000));
        CHECK(group_world_until(&world, &join->done, 1000));
        CHECK_INT(join->err, 0);
        CHECK_INT(join->generation, 3);
        group_world_close(&world);
    }
}

/* An empty group is of whatever protocol comes first. */
static void protocols_of_an_empty_group(void)
{
    struct peer a;
    group_world_init(&world, 20);
    struct group_world_join *old = classic_alone();
    CHECK_INT(group_world_leave(&world, "g", old->member_id, NULL), 0);
    CHECK_INT(peer_join(&a, "a", "t")->err, 0);
    answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = -1));
    old = classic_alone();
    CHECK_STR(old->leader, old->member_id);
    group_world_failover(&world, true);
    CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, old->generation), 0);
    group_world_close(&world);
}

static void the_same_on_the_pool(void)
{
    static void (*const tests[])(void) = {upgrade_and_downgrade,       upgrade_keeps_what_is_owned,
                                          member_changes_protocol,     static_downgrade,
                                          static_downgrade_rebalances, protocols_of_an_empty_group};
    group_world_pool = true;
    for (size_t i = 0; i < ARRAY_LEN(tests); i++)
        tests[i]();
    group_world_pool = false;
}

TAP_MAIN(TAP_TEST(upgrade_and_downgrade), TAP_TEST(upgrade_keeps_what_is_owned),
         TAP_TEST(no_migration_without_leave), TAP_TEST(classic_into_consumer_group),
         TAP_TEST(bad_subscription_changes_nothing), TAP_TEST(member_changes_protocol),
         TAP_TEST(static_downgrade), TAP_TEST(static_downgrade_rebalances),
         TAP_TEST(protocols_of_an_empty_group), TAP_TEST(the_same_on_the_pool))

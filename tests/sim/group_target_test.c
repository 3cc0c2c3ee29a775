/* A huge group's target is made on the worker pool while the group goes on. */
#include <string.h>

#include "base/mem.h"
#include "group_peer.h"

static void begin(uint64_t seed)
{
    group_world_pool = true;
    group_world_init(&world, seed);
}

static struct group_world_beat *joins(const char *id, const char *instance)
{
    return GROUP_WORLD_BEAT(&world, .group = "g", .member_id = id, .instance = instance,
                            .topics = "t", .owned = nothing, .rebalance_ms = 20000);
}

static void takes(struct peer *peer, const struct group_world_beat *beat, const char *instance)
{
    memset(peer, 0, sizeof(*peer));
    snprintf(peer->id, sizeof(peer->id), "%s", beat->member_id);
    peer->instance = instance;
    peer_take(peer, beat);
}

/* A target of many partitions is not made in the turn of the heartbeat that asks for it. */
static void huge_targets_leave_the_loop(void)
{
    struct consumer_group_describe_response_described_group described;
    struct arena arena;
    group_world_init(&world, 7);
    group_world_add_topic(&world, "wide", GROUP_ASSIGN_AT_ONCE_MAX);
    struct group_world_beat *beat =
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .topics = "wide", .owned = nothing,
                         .rebalance_ms = 20000);
    arena_init(&arena, 1 << 20);
    wire_defaults(&consumer_group_describe_response_described_group_desc, &described);
    group_manager_consumer_describe(world.manager, wire_str_from("g"), &arena, &described);
    CHECK(wire_str_is(described.group_state, "Assigning"));
    arena_close(&arena);
    CHECK_INT(answered(beat)->err, 0);
    CHECK(beat->has_assignment);
    CHECK_INT(beat->op.response.assignment->topic_partitions.items[0].partitions.count,
              GROUP_ASSIGN_AT_ONCE_MAX);
    group_world_close(&world);
}

/* Who comes while a target is made is part of the next one, and is answered with that. */
static void joins_wait(void)
{
    struct peer a, b;
    begin(1);
    struct group_world_beat *first = joins("a", NULL);
    struct group_world_beat *second = joins("b", NULL);
    struct group_world_beat *third = joins("c", NULL);
    CHECK(!first->done);
    CHECK_INT(group_world_leave(&world, "g", "c", NULL), 0); /* while it waits */
    CHECK_INT(answered(first)->err, 0);
    CHECK_INT(answered(second)->err, 0);
    CHECK_INT(answered(third)->err, ERR_UNKNOWN_MEMBER_ID);
    takes(&a, first, NULL);
    takes(&b, second, NULL);
    CHECK_INT(a.owned[0], 0xff);
    CHECK(b.epoch > a.epoch);
    CHECK_INT(b.owned[0], 0);
    for (int i = 0; i < 3; i++) {
        peer_beat(&a);
        peer_beat(&b);
    }
    CHECK_INT(count(a.owned[0]), 4);
    CHECK_INT(a.owned[0] | b.owned[0], 0xff);
    CHECK_INT(a.epoch, b.epoch);
    group_world_close(&world);
    group_world_pool = false;
}

/* A heartbeat that says what was given up is not lost while it waits. */
static void revocations_wait(void)
{
    struct peer a, b, c;
    begin(2);
    peer_join(&a, "a", "t");
    peer_join(&b, "b", "t");
    CHECK(peer_beat(&a)->has_assignment); /* it is told to give up four */
    struct group_world_beat *third = joins("c", NULL);
    struct group_world_beat *beat = GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a",
                                                     .epoch = a.epoch, .owned = a.owned);
    CHECK(!beat->done);
    CHECK_INT(answered(beat)->err, 0);
    peer_take(&a, beat);
    takes(&c, answered(third), NULL);
    for (int i = 0; i < 4; i++) {
        peer_beat(&a);
        peer_beat(&b);
        peer_beat(&c);
        CHECK_INT(a.owned[0] & b.owned[0], 0);
        CHECK_INT((a.owned[0] | b.owned[0]) & c.owned[0], 0);
    }
    CHECK_INT(a.owned[0] | b.owned[0] | c.owned[0], 0xff);
    group_world_close(&world);
    group_world_pool = false;
}

/* The instance comes back under another id while the target is made: its part is its own. */
static void instance_changes_hands(void)
{
    struct peer s, b;
    begin(3);
    join_static(&s, "s", "i");
    struct group_world_beat *second = joins("b", NULL);
    struct group_world_beat *away =
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "s", .epoch = -2, .instance = "i");
    struct group_world_beat *again = joins("s2", "i");
    CHECK(!away->done);
    CHECK_INT(answered(away)->err, 0);
    CHECK_INT(answered(again)->err, 0);
    CHECK_INT(answered(second)->err, 0);
    takes(&s, again, "i");
    takes(&b, second, NULL);
    for (int i = 0; i < 4; i++) {
        peer_beat(&s);
        peer_beat(&b);
        CHECK_INT(s.owned[0] & b.owned[0], 0);
    }
    CHECK_INT(s.owned[0] | b.owned[0], 0xff);
    CHECK_INT(count(s.owned[0]), 4);
    group_world_close(&world);
    group_world_pool = false;
}

/* The coordinator goes while the target is made: the heartbeat is told so, and nothing is left. */
static void coordinator_goes(void)
{
    struct peer a;
    for (int how = 0; how < 2; how++) {
        begin(4);
        struct group_world_beat *first = joins("a", NULL);
        struct group_world_beat *second = joins("b", NULL);
        if (how == 0)
            group_world_failover(&world, true);
        else
            group_world_restart(&world);
        CHECK_INT(answered(first)->err, ERR_NOT_COORDINATOR);
        CHECK_INT(answered(second)->err, ERR_NOT_COORDINATOR);
        group_world_run(&world, 1000); /* the job comes back to nobody */
        CHECK_INT(peer_join(&a, "c", "t")->err, 0);
        group_world_close(&world);
    }
    group_world_pool = false;
}

/* All members go while the target is made, and another one comes. */
static void members_go(void)
{
    struct peer a;
    begin(5);
    peer_join(&a, "a", "t");
    struct group_world_beat *second = joins("b", NULL);
    CHECK_INT(group_world_leave(&world, "g", "b", NULL), 0);
    CHECK_INT(group_world_leave(&world, "g", "a", NULL), 0);
    struct group_world_beat *third = joins("c", NULL);
    CHECK_INT(answered(second)->err, ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(answered(third)->err, 0);
    CHECK_INT(third->assigned[0], 0xff);
    group_world_close(&world);
    group_world_pool = false;
}

/* An empty group turns classic while its target is made. */
static void group_goes(void)
{
    begin(6);
    struct group_world_beat *first = joins("a", NULL);
    CHECK_INT(group_world_leave(&world, "g", "a", NULL), 0);
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    CHECK(first->done);
    CHECK(first->err);
    CHECK(group_world_until(&world, &join->done, 5000));
    CHECK_INT(join->err, 0);
    group_world_close(&world);
    group_world_pool = false;
}

TAP_MAIN(TAP_TEST(huge_targets_leave_the_loop), TAP_TEST(joins_wait), TAP_TEST(revocations_wait),
         TAP_TEST(instance_changes_hands), TAP_TEST(coordinator_goes), TAP_TEST(members_go),
         TAP_TEST(group_goes))

/* Groups of the consumer protocol (KIP-848): epochs, reconciliation, static members, failover, and
 * a storm. */
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "group_peer.h"

/* ---- joining, revoking, receiving ---- */

static void first_member(void)
{
    struct peer a;
    group_world_init(&world, 1);
    struct group_world_beat *beat = peer_join(&a, "a", "t");
    CHECK_INT(beat->err, 0);
    CHECK_INT(beat->epoch, 2);
    CHECK(beat->has_assignment);
    CHECK_INT(a.owned[0], 0xff);
    CHECK_INT(a.owned[1], 0);
    beat = peer_beat(&a);
    CHECK_INT(beat->err, 0);
    CHECK_INT(beat->epoch, 2);
    CHECK(!beat->has_assignment);
    group_world_close(&world);
}

static void second_member_waits_for_the_first(void)
{
    struct peer a, b;
    group_world_init(&world, 2);
    peer_join(&a, "a", "t");
    peer_beat(&a);
    struct group_world_beat *beat = peer_join(&b, "b", "t");
    CHECK_INT(beat->epoch, 3);
    CHECK_INT(b.owned[0], 0); /* a still has everything */
    beat = peer_beat(&a);
    CHECK_INT(beat->epoch, 2); /* it must give up first */
    CHECK_INT(count(a.owned[0]), 4);
    CHECK_INT(peer_beat(&b)->epoch, 3);
    CHECK_INT(b.owned[0], 0); /* told, but not confirmed */
    static const uint64_t still[2] = {0xff};
    beat = answered(
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = 2, .owned = still));
    CHECK_INT(beat->epoch, 2); /* it says that it has them yet */
    CHECK_INT(peer_beat(&b)->epoch, 3);
    CHECK_INT(b.owned[0], 0);
    beat = peer_beat(&a);
    CHECK_INT(beat->epoch, 3);
    peer_beat(&b);
    CHECK_INT(count(b.owned[0]), 4);
    CHECK_INT(a.owned[0] | b.owned[0], 0xff);
    group_world_close(&world);
}

static void revocation_takes_too_long(void)
{
    struct peer a, b;
    group_world_init(&world, 3);
    peer_join(&a, "a", "t");
    peer_beat(&a);
    peer_join(&b, "b", "t");
    peer_beat(&a);
    for (int i = 0; i < 21; i++) {
        answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = 2));
        peer_beat(&b);
        group_world_run(&world, 1000);
    }
    CHECK_INT(peer_beat(&a)->err, ERR_UNKNOWN_MEMBER_ID);
    peer_beat(&b);
    peer_beat(&b);
    CHECK_INT(b.owned[0], 0xff);
    group_world_close(&world);
}

static void session_ends(void)
{
    struct peer a, b;
    group_world_init(&world, 4);
    peer_join(&a, "a", "t");
    peer_join(&b, "b", "t");
    for (int i = 0; i < 46; i++) {
        peer_beat(&b);
        group_world_run(&world, 1000);
    }
    CHECK_INT(peer_beat(&a)->err, ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(b.owned[0], 0xff);
    group_world_close(&world);
}

static void leaving(void)
{
    struct peer a, b;
    group_world_init(&world, 5);
    peer_join(&a, "a", "t");
    peer_join(&b, "b", "t");
    struct group_world_beat *beat =
        answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = -1));
    CHECK_INT(beat->err, 0);
    CHECK_INT(beat->epoch, -1);
    peer_beat(&b);
    CHECK_INT(b.owned[0], 0xff);
    CHECK_INT(b.epoch, 4);
    group_world_close(&world);
}

/* ---- the rules of requests ---- */

static void refusals(void)
{
    struct peer a;
    group_world_init(&world, 6);
    CHECK_INT(GROUP_WORLD_BEAT(&world, .group = "", .member_id = "a")->err, ERR_INVALID_REQUEST);
    CHECK_INT(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a")->err, ERR_INVALID_REQUEST);
    CHECK_INT(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = -3)->err,
              ERR_INVALID_REQUEST);
    CHECK_INT(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = -2)->err,
              ERR_INVALID_REQUEST);
    CHECK_INT(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = 3)->err,
              ERR_GROUP_ID_NOT_FOUND);
    CHECK_INT(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .topics = "t",
                               .owned = nothing, .rebalance_ms = 1000, .assignor = "sticky")
                  ->err,
              ERR_UNSUPPORTED_ASSIGNOR);
    CHECK_INT(answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .regex = "(",
                                        .owned = nothing, .rebalance_ms = 1000))
                  ->err,
              ERR_INVALID_REGULAR_EXPRESSION);
    peer_join(&a, "a", "t");
    CHECK_INT(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "b", .epoch = 1)->err,
              ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = 3)->err,
              ERR_FENCED_MEMBER_EPOCH);
    group_world_close(&world);
}

/* The answer that brought the new epoch was lost: the old one is taken once more, if the member
 * claims nothing else. */
static void lost_answer(void)
{
    static const uint64_t foreign[2] = {1ULL << 63};
    struct peer a, b;
    group_world_init(&world, 7);
    peer_join(&a, "a", "t");
    peer_join(&b, "b", "t");
    peer_beat(&a);
    struct peer before = a;
    before.told = true;
    peer_beat(&a);
    CHECK_INT(a.epoch, 3);
    CHECK_INT(answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = 2,
                                        .owned = foreign))
                  ->err,
              ERR_FENCED_MEMBER_EPOCH);
    CHECK_INT(peer_beat(&before)->err, 0);
    CHECK_INT(before.epoch, 3);
    group_world_close(&world);
}

static void fenced_commits(void)
{
    struct peer a;
    group_world_init(&world, 8);
    peer_join(&a, "a", "t");
    struct group_world_commit *commit = group_world_commit(&world, "g", "a", NULL, 2, "t", 0, 42);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
    CHECK_INT(group_world_commit(&world, "g", "a", NULL, 0, "t", 0, 1)->err,
              ERR_STALE_MEMBER_EPOCH);
    CHECK_INT(group_world_commit(&world, "g", "b", NULL, 1, "t", 0, 1)->err, ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 1)->err,
              ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 42);
    CHECK_INT(group_world_fetch_as(&world, "g", "t", 0, "a", 2), 42);
    CHECK_INT(group_world_fetch_as(&world, "g", "t", 0, "a", 0), ERR_STALE_MEMBER_EPOCH);
    CHECK_INT(group_world_fetch_as(&world, "g", "t", 0, "a", 3), ERR_STALE_MEMBER_EPOCH);
    CHECK_INT(group_world_fetch_as(&world, "g", "t", 0, "b", 2), ERR_UNKNOWN_MEMBER_ID);
    group_world_close(&world);
}

/* ---- topics ---- */

static void topics_come(void)
{
    struct peer a;
    group_world_init(&world, 9);
    group_world_remove_topic(&world, "u");
    peer_join(&a, "a", "t,u");
    CHECK_INT(a.owned[1], 0);
    group_world_add_topic(&world, "u", 4);
    peer_beat(&a);
    peer_beat(&a);
    CHECK_INT(a.owned[1], 0xf);
    CHECK_INT(a.epoch, 3);
    group_world_close(&world);
}

static void patterns(void)
{
    struct peer a = {.id = "a"};
    group_world_init(&world, 10);
    group_world_remove_topic(&world, "u");
    struct group_world_beat *beat =
        answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .regex = "[t-u]",
                                  .owned = nothing, .rebalance_ms = 1000));
    peer_take(&a, beat);
    CHECK_INT(a.owned[0], 0xff);
    group_world_add_topic(&world, "u", 4);
    group_world_run(&world, 2000); /* expressions are looked at again once a second */
    peer_beat(&a);
    CHECK_INT(a.owned[1], 0xf);
    /* The internal topics are nobody's business. */
    beat = answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = a.epoch,
                                     .regex = "__.*"));
    CHECK_INT(beat->err, 0);
    peer_take(&a, beat);
    CHECK_INT(a.owned[0] | a.owned[1], 0);
    group_world_failover(&world, true);
    CHECK_INT(answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = a.epoch,
                                        .regex = "t"))
                  ->err,
              0);
    group_world_close(&world);
}

static void range_by_vote(void)
{
    struct peer a, b;
    group_world_init(&world, 11);
    struct group_world_beat *beat =
        answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .topics = "t,u",
                                  .owned = nothing, .rebalance_ms = 1000, .assignor = "range"));
    memset(&a, 0, sizeof(a));
    snprintf(a.id, sizeof(a.id), "a");
    peer_take(&a, beat);
    peer_join(&b, "b", "t,u");
    for (int i = 0; i < 4; i++) {
        peer_beat(&a);
        peer_beat(&b);
    }
    CHECK_INT(a.owned[0], 0x0f);
    CHECK_INT(a.owned[1], 0x03);
    CHECK_INT(b.owned[0], 0xf0);
    CHECK_INT(b.owned[1], 0x0c);
    group_world_close(&world);
}

/* ---- static members ---- */

static void static_member(void)
{
    struct peer a, b, again;
    group_world_init(&world, 12);
    join_static(&a, "a", "one");
    peer_join(&b, "b", "t");
    peer_beat(&a);
    peer_beat(&a);
    peer_beat(&b);
    CHECK_INT(count(b.owned[0]), 4);
    CHECK_INT(join_static(&again, "a2", "one")->err, ERR_UNRELEASED_INSTANCE_ID);
    CHECK_INT(answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = -2,
                                        .instance = "one"))
                  ->err,
              0);
    /* Its partitions wait for it. */
    group_world_run(&world, 10000);
    peer_beat(&b);
    CHECK_INT(count(b.owned[0]), 4);
    group_world_failover(&world, true);
    CHECK_INT(join_static(&again, "a2", "one")->err, 0);
    CHECK_INT(again.owned[0], a.owned[0]);
    CHECK_INT(again.epoch, 3); /* nobody rebalanced */
    CHECK_INT(peer_beat(&a)->err, ERR_FENCED_INSTANCE_ID);
    /* It goes again, and does not come back. */
    answered(
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a2", .epoch = -2, .instance = "one"));
    for (int i = 0; i < 46; i++) {
        peer_beat(&b);
        group_world_run(&world, 1000);
    }
    CHECK_INT(b.owned[0], 0xff);
    group_world_close(&world);
}

/* What a static member had stays its own while it is away, also when others join. */
static void static_away_keeps_its_part(void)
{
    struct peer a, b, c;
    group_world_init(&world, 26);
    join_static(&a, "a", "one");
    peer_join(&b, "b", "t");
    peer_beat(&a);
    peer_beat(&a);
    peer_beat(&b);
    uint64_t kept = a.owned[0];
    CHECK_INT(count(kept), 4);
    answered(
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = -2, .instance = "one"));
    peer_join(&c, "c", "t");
    for (int i = 0; i < 20; i++) {
        peer_beat(&b);
        peer_beat(&c);
        group_world_run(&world, 1000);
        CHECK_INT((b.owned[0] | c.owned[0]) & kept, 0);
    }
    for (int i = 0; i < 30; i++) {
        peer_beat(&b);
        peer_beat(&c);
        group_world_run(&world, 1000);
    }
    CHECK_INT(b.owned[0] | c.owned[0], 0xff); /* its session has ended */
    group_world_close(&world);
}

static void max_size(void)
{
    struct peer peer;
    char name[32];
    group_world_init(&world, 27);
    for (int i = 0; i < GROUP_WORLD_MEMBERS; i++) {
        snprintf(name, sizeof(name), "member-%d", i);
        CHECK_INT(peer_join(&peer, name, "t")->err, 0);
    }
    CHECK_INT(peer_join(&peer, "one-more", "t")->err, ERR_GROUP_MAX_SIZE_REACHED);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g", .version = 3)->err,
              ERR_GROUP_MAX_SIZE_REACHED);
    CHECK_INT(peer_join(&peer, "member-0", "t")->err, 0); /* it is in already */
    group_world_close(&world);
}

/* The same client object leaves for a while and subscribes again: its member id is the same. */
static void static_comes_back_as_itself(void)
{
    struct peer a, b, again;
    group_world_init(&world, 21);
    join_static(&a, "a", "one");
    peer_join(&b, "b", "t");
    peer_beat(&a);
    peer_beat(&a);
    peer_beat(&b);
    for (int i = 0; i < 2; i++) /* the first answer was lost */
        CHECK_INT(answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = -2,
                                            .instance = "one"))
                      ->err,
                  0);
    CHECK_INT(join_static(&again, "a", "one")->err, 0);
    CHECK_INT(again.epoch, 3);
    CHECK_INT(again.owned[0], a.owned[0]);
    CHECK_INT(peer_beat(&again)->err, 0);
    group_world_failover(&world, true);
    CHECK_INT(peer_beat(&again)->err, 0);
    CHECK_INT(again.epoch, 3);
    group_world_close(&world);
}

/* What a member claims to own is bounded before it is looked at. */
static void claims_too_much(void)
{
    enum { COUNT = 100001 };
    struct peer a;
    int32_t *partitions = mem_alloc(COUNT * sizeof(*partitions));
    group_world_init(&world, 22);
    peer_join(&a, "a", "t");
    struct group_world_beat *last = answered(
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = 2, .owned = a.owned));
    for (int32_t i = 0; i < COUNT; i++)
        partitions[i] = (int32_t)((uint32_t)i * 2654435761u >> 1); /* in no order */
    last->done = false;
    last->owned[0].partitions.count = COUNT;
    last->owned[0].partitions.items = partitions;
    group_manager_consumer_heartbeat(world.manager, &last->op);
    CHECK(last->done);
    CHECK_INT(last->err, ERR_INVALID_REQUEST);
    last->done = false;
    last->owned[0].partitions.count = COUNT - 1;
    group_manager_consumer_heartbeat(world.manager, &last->op);
    CHECK_INT(answered(last)->err, 0);
    CHECK_INT(peer_beat(&a)->err, 0);
    group_world_close(&world);
    mem_free(partitions);
}

/* ---- assignments at a pace ---- */

static struct wire_str group_state(struct arena *arena)
{
    struct consumer_group_describe_response_described_group described;
    arena_init(arena, 1 << 20);
    wire_defaults(&consumer_group_describe_response_described_group_desc, &described);
    group_manager_consumer_describe(world.manager, wire_str_from("g"), arena, &described);
    return described.group_state;
}

/* With an interval, what comes soon after an assignment waits for the next one: members that join
 * get the epoch of the target there is, and nothing. */
static void assignment_interval(void)
{
    struct peer a, b, c;
    struct arena arena;
    group_world_init(&world, 29);
    world.deps.settings.consumer_assignment_ms = 1000;
    group_world_restart(&world);
    peer_join(&a, "a", "t");
    CHECK_INT(a.epoch, 2);
    CHECK_INT(a.owned[0], 0xff);
    struct group_world_join *join =
        GROUP_WORLD_JOIN(&world, .group = "g", .version = 3, .topics = "t");
    CHECK(group_world_until(&world, &join->done, 1000));
    CHECK_INT(join->generation, 2);
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 2), 0);
    CHECK_INT(group_world_leave(&world, "g", join->member_id, NULL), 0);
    peer_join(&b, "b", "t");
    peer_join(&c, "c", "t");
    CHECK_INT(b.epoch, 2);
    CHECK_INT(c.epoch, 2);
    CHECK_INT(b.owned[0] | c.owned[0], 0);
    CHECK_INT(peer_beat(&a)->epoch, 2);
    CHECK_INT(a.owned[0], 0xff);
    CHECK(wire_str_is(group_state(&arena), "Assigning"));
    arena_close(&arena);
    group_world_failover(&world, true); /* the time of the last one is in the log */
    CHECK_INT(peer_beat(&b)->epoch, 2);
    group_world_run(&world, 1000);
    CHECK_INT(peer_beat(&b)->epoch, 6);
    CHECK_INT(peer_beat(&a)->epoch, 2);
    CHECK(count(a.owned[0]) <= 3);
    CHECK_INT(peer_beat(&a)->epoch, 6);
    peer_beat(&b);
    peer_beat(&c);
    CHECK_INT(a.owned[0] | b.owned[0] | c.owned[0], 0xff);
    CHECK(wire_str_is(group_state(&arena), "Stable"));
    arena_close(&arena);
    group_world_close(&world);
}

/* The first target of a group that read nothing is made at once. */
static void first_assignment_is_made_at_once(void)
{
    struct peer a;
    group_world_init(&world, 30);
    world.deps.settings.consumer_assignment_ms = 1000;
    group_world_restart(&world);
    peer_join(&a, "a", "");
    CHECK_INT(a.epoch, 1);
    struct group_world_beat *beat = answered(
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = 1, .topics = "t"));
    CHECK_INT(beat->epoch, 2);
    CHECK_INT(beat->assigned[0], 0xff);
    group_world_close(&world);
}

/* ---- the log ---- */

static void answered_when_stored(void)
{
    group_world_init(&world, 13);
    world.hold = true;
    struct group_world_beat *join =
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .topics = "t", .owned = nothing,
                         .rebalance_ms = 1000);
    /* A heartbeat that changes nothing waits for what it would tell, too. */
    struct group_world_beat *beat =
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = 2);
    group_world_run(&world, 1000);
    CHECK(!join->done);
    CHECK(!beat->done);
    group_world_failover(&world, true);
    CHECK_INT(join->err, ERR_NOT_COORDINATOR);
    CHECK_INT(beat->err, ERR_NOT_COORDINATOR);
    CHECK_INT(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = 2)->err,
              ERR_GROUP_ID_NOT_FOUND);
    group_world_close(&world);
}

static void failover_goes_on(void)
{
    struct peer a, b;
    group_world_init(&world, 14);
    peer_join(&a, "a", "t");
    peer_join(&b, "b", "t");
    group_world_failover(&world, true);
    peer_beat(&a);
    group_world_failover(&world, true);
    peer_beat(&b);
    CHECK_INT(b.owned[0], 0);
    group_world_failover(&world, true);
    peer_beat(&a);
    peer_beat(&b);
    CHECK_INT(a.owned[0] | b.owned[0], 0xff);
    CHECK_INT(a.owned[0] & b.owned[0], 0);
    CHECK_INT(a.epoch, 3);
    CHECK_INT(b.epoch, 3);
    group_world_close(&world);
}

/* Memory must not stay ahead of the log. */
static void write_fails(void)
{
    struct peer a, b;
    group_world_init(&world, 15);
    peer_join(&a, "a", "t");
    world.append_error = ERR_NOT_ENOUGH_REPLICAS;
    CHECK_INT(peer_join(&b, "b", "t")->err, ERR_COORDINATOR_NOT_AVAILABLE);
    world.check_passes = true; /* it only turns out when it is too late */
    CHECK_INT(peer_join(&b, "b", "t")->err, ERR_COORDINATOR_NOT_AVAILABLE);
    world.append_error = 0;
    group_world_run(&world, 10);
    CHECK_INT(peer_beat(&a)->err, 0);
    CHECK_INT(a.epoch, 2);
    CHECK_INT(peer_join(&b, "b", "t")->epoch, 3);
    group_world_close(&world);
}

static void deleted_when_empty(void)
{
    struct peer a;
    int tombstones;
    group_world_init(&world, 16);
    peer_join(&a, "a", "t");
    answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = -1));
    group_world_run(&world, 86400000LL * 8);
    group_world_count(&world, "g", 3, &tombstones);
    CHECK_INT(tombstones, 1);
    CHECK_INT(peer_join(&a, "a", "t")->epoch, 2);
    group_world_close(&world);
}

/* ---- a storm: at no time do two members own a partition ---- */

enum { STORM_PEERS = 20, STORM_STEPS = 4000 };

static struct peer storm_peers[STORM_PEERS];
static bool storm_alive[STORM_PEERS];

static void storm_check(void)
{
    uint64_t all[2] = {0, 0};
    for (int i = 0; i < STORM_PEERS; i++) {
        if (!storm_alive[i])
            continue;
        CHECK_INT(all[0] & storm_peers[i].held[0], 0);
        CHECK_INT(all[1] & storm_peers[i].held[1], 0);
        all[0] |= storm_peers[i].held[0];
        all[1] |= storm_peers[i].held[1];
    }
}

/* A full disk is told before anything changes. */
static bool storm_may_fail(int err)
{
    return err == ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           (world.append_error && err == ERR_NOT_COORDINATOR);
}

static struct group_world_beat *storm_join_pattern(struct peer *peer, const char *name)
{
    static const char *const patterns[] = {"t|u", "t.*", "[u]", "(?i)T"};
    memset(peer, 0, sizeof(*peer));
    snprintf(peer->id, sizeof(peer->id), "%s", name);
    struct group_world_beat *beat =
        answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = name,
                                  .regex = patterns[sim_random(world.sim) % ARRAY_LEN(patterns)],
                                  .owned = nothing, .rebalance_ms = 20000));
    if (!beat->err)
        peer_take(peer, beat);
    return beat;
}

static void storm_step(int i)
{
    struct peer *peer = &storm_peers[i];
    char name[32];
    if (!storm_alive[i]) {
        snprintf(name, sizeof(name), "peer-%d-%d", i, (int)sim_random(world.sim) & 0xffff);
        struct group_world_beat *beat =
            sim_random(world.sim) % 3 == 0
                ? storm_join_pattern(peer, name)
                : peer_join(peer, name, sim_random(world.sim) % 2 ? "t,u" : "t");
        storm_alive[i] = beat->err == 0;
        return;
    }
    uint64_t dice = sim_random(world.sim) % 30;
    if (dice == 0) {
        struct group_world_beat *beat =
            answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = peer->id, .epoch = -1));
        storm_alive[i] = beat->err != 0 && beat->err != ERR_UNKNOWN_MEMBER_ID;
        CHECK(!storm_alive[i] || storm_may_fail(beat->err));
        return;
    }
    struct group_world_beat *beat = peer_beat(peer);
    /* In this storm nobody is silent for long: being thrown out would be a fault. */
    CHECK(beat->err == 0 || storm_may_fail(beat->err));
}

static void storm_settles(void)
{
    uint64_t all[2] = {0, 0};
    for (int round = 0; round < 8; round++)
        for (int i = 0; i < STORM_PEERS; i++)
            if (storm_alive[i])
                peer_beat(&storm_peers[i]);
    bool u = false;
    for (int i = 0; i < STORM_PEERS; i++) {
        if (!storm_alive[i])
            continue;
        all[0] |= storm_peers[i].owned[0];
        all[1] |= storm_peers[i].owned[1];
        u |= storm_peers[i].owned[1] != 0;
    }
    CHECK_INT(all[0], 0xff);
    CHECK(!u || all[1] == 0xf);
}

static void storm(void)
{
    const char *many = getenv("GROUP_STORM_SEEDS");
    uint64_t seeds = many ? strtoull(many, NULL, 10) : 6;
    for (uint64_t seed = 100; seed < 100 + seeds; seed++) {
        group_world_init(&world, seed);
        memset(storm_alive, 0, sizeof(storm_alive));
        for (int step = 0; step < STORM_STEPS; step++) {
            storm_step((int)(sim_random(world.sim) % STORM_PEERS));
            storm_check();
            if (sim_random(world.sim) % 50 == 0)
                group_world_failover(&world, sim_random(world.sim) % 2);
            if (sim_random(world.sim) % 100 == 0)
                world.append_error = world.append_error ? 0 : ERR_KAFKA_STORAGE_ERROR;
            if (sim_random(world.sim) % 100 == 0)
                world.batch_max = sim_random(world.sim) % 2 ? 400 : 1 << 20;
        }
        world.append_error = 0;
        group_world_run(&world, 100);
        storm_settles();
        group_world_close(&world);
    }
}

/* A huge group's target comes from the worker pool: members see no difference. */
static void the_same_on_the_pool(void)
{
    static void (*const tests[])(void) = {first_member,
                                          second_member_waits_for_the_first,
                                          revocation_takes_too_long,
                                          session_ends,
                                          leaving,
                                          refusals,
                                          lost_answer,
                                          fenced_commits,
                                          topics_come,
                                          patterns,
                                          range_by_vote,
                                          static_member,
                                          static_away_keeps_its_part,
                                          max_size,
                                          static_comes_back_as_itself,
                                          assignment_interval,
                                          first_assignment_is_made_at_once,
                                          answered_when_stored,
                                          failover_goes_on,
                                          deleted_when_empty,
                                          storm};
    group_world_pool = true;
    for (size_t i = 0; i < ARRAY_LEN(tests); i++)
        tests[i]();
    group_world_pool = false;
}

/* group.version 0: the protocol is off, whatever the settings of the broker say. */
static void the_feature_can_be_off(void)
{
    struct peer peer;
    group_world_init(&world, 1);
    group_world_set_feature(&world, "group.version", 0);
    CHECK_INT(peer_join(&peer, "a", "t")->err, ERR_UNSUPPORTED_VERSION);
    group_world_set_feature(&world, "group.version", 1);
    CHECK_INT(peer_join(&peer, "a", "t")->err, 0);
    group_world_close(&world);
}

TAP_MAIN(TAP_TEST(the_feature_can_be_off), TAP_TEST(first_member),
         TAP_TEST(second_member_waits_for_the_first), TAP_TEST(revocation_takes_too_long),
         TAP_TEST(session_ends), TAP_TEST(leaving), TAP_TEST(refusals), TAP_TEST(lost_answer),
         TAP_TEST(fenced_commits), TAP_TEST(topics_come), TAP_TEST(patterns),
         TAP_TEST(range_by_vote), TAP_TEST(static_member), TAP_TEST(static_away_keeps_its_part),
         TAP_TEST(max_size), TAP_TEST(static_comes_back_as_itself), TAP_TEST(claims_too_much),
         TAP_TEST(assignment_interval), TAP_TEST(first_assignment_is_made_at_once),
         TAP_TEST(answered_when_stored), TAP_TEST(failover_goes_on), TAP_TEST(write_fails),
         TAP_TEST(deleted_when_empty), TAP_TEST(storm), TAP_TEST(the_same_on_the_pool))

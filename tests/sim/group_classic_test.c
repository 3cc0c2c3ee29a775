/* Classic groups: joining, assigning, heartbeats, leaving, static members, failover. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "group_world.h"

static struct group_world world;

/* ---- short cuts ---- */

/* A dynamic member asks, is told its id, and asks again; the second call. */
static struct group_world_join *join_new(const char *group)
{
    struct group_world_join *first = GROUP_WORLD_JOIN(&world, .group = group);
    CHECK(first->done);
    CHECK_INT(first->err, ERR_MEMBER_ID_REQUIRED);
    return GROUP_WORLD_JOIN(&world, .group = group, .member_id = first->member_id);
}

static void sync_all(const char *group, struct group_world_join *leader,
                     struct group_world_join *follower)
{
    uint64_t masks[2] = {0x0f, 0xf0};
    struct group_world_sync *other = NULL;
    if (follower)
        other = group_world_sync(&world, group, follower->member_id, NULL, follower->generation,
                                 NULL, NULL, 0);
    struct group_world_sync *first =
        group_world_sync(&world, group, leader->member_id, NULL, leader->generation,
                         leader->members, masks, leader->member_count);
    CHECK(group_world_until(&world, &first->done, 1000));
    CHECK_INT(first->err, 0);
    CHECK_INT(first->assigned, strcmp(leader->members[0], leader->member_id) == 0 ? 0x0f : 0xf0);
    if (other) {
        CHECK(other->done);
        CHECK_INT(other->assigned, first->assigned ^ 0xff);
    }
}

/* Two of them; both have synced. */
static void pair(const char *group, struct group_world_join **leader,
                 struct group_world_join **follower)
{
    struct group_world_join *a = join_new(group);
    struct group_world_join *b = join_new(group);
    CHECK(group_world_until(&world, &b->done, 10000));
    CHECK(a->done);
    bool a_leads = strcmp(a->leader, a->member_id) == 0;
    *leader = a_leads ? a : b;
    *follower = a_leads ? b : a;
    CHECK_INT((*leader)->member_count, 2);
    CHECK_INT((*follower)->member_count, 0);
    sync_all(group, *leader, *follower);
}

static void heartbeats(const char *group, const struct group_world_join *join, int64_t ms)
{
    for (; ms > 0; ms -= 1000) {
        CHECK_INT(group_world_heartbeat(&world, group, join->member_id, NULL, join->generation), 0);
        group_world_run(&world, 1000);
    }
}

/* ---- joining ---- */

static void first_generation(void)
{
    group_world_init(&world, 1);
    struct group_world_join *join = join_new("g");
    group_world_run(&world, 2900);
    CHECK(!join->done); /* the initial delay */
    CHECK(group_world_until(&world, &join->done, 200));
    CHECK_INT(join->err, 0);
    CHECK_INT(join->generation, 1);
    CHECK_STR(join->leader, join->member_id);
    CHECK_STR(join->protocol, "range");
    CHECK_INT(join->member_count, 1);
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 1), 0);
    sync_all("g", join, NULL);
    group_world_close(&world);
}

static void old_versions_need_no_id(void)
{
    group_world_init(&world, 1);
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    CHECK(group_world_until(&world, &join->done, 4000));
    CHECK_INT(join->err, 0);
    CHECK_INT(join->generation, 1);
    group_world_close(&world);
}

static void delay_is_prolonged(void)
{
    group_world_init(&world, 2);
    struct group_world_join *a = join_new("g");
    group_world_run(&world, 2000);
    struct group_world_join *b = join_new("g");
    group_world_run(&world, 3500);
    CHECK(!a->done);
    CHECK(group_world_until(&world, &a->done, 1000));
    CHECK(b->done);
    CHECK_INT(a->generation, 1);
    CHECK_INT(b->generation, 1);
    group_world_close(&world);
}

static void protocol_of_all(void)
{
    group_world_init(&world, 3);
    struct group_world_join *a =
        GROUP_WORLD_JOIN(&world, .group = "g", .protocols = "x,range", .version = 3);
    struct group_world_join *b =
        GROUP_WORLD_JOIN(&world, .group = "g", .protocols = "range,y", .version = 3);
    struct group_world_join *c =
        GROUP_WORLD_JOIN(&world, .group = "g", .protocols = "y,x", .version = 3);
    CHECK_INT(c->err, ERR_INCONSISTENT_GROUP_PROTOCOL);
    struct group_world_join *d =
        GROUP_WORLD_JOIN(&world, .group = "g", .type = "connect", .version = 3);
    CHECK_INT(d->err, ERR_INCONSISTENT_GROUP_PROTOCOL);
    CHECK(group_world_until(&world, &a->done, 10000));
    CHECK_STR(a->protocol, "range");
    CHECK_STR(b->protocol, "range");
    group_world_close(&world);
}

static void refusals(void)
{
    group_world_init(&world, 4);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "")->err, ERR_INVALID_GROUP_ID);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g", .session_ms = 5999)->err,
              ERR_INVALID_SESSION_TIMEOUT);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "x")->err, ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g", .protocols = "")->err,
              ERR_INCONSISTENT_GROUP_PROTOCOL);
    CHECK_INT(group_world_heartbeat(&world, "g", "x", NULL, 1), ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_leave(&world, "g", "x", NULL), ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_sync(&world, "g", "x", NULL, 1, NULL, NULL, 0)->err,
              ERR_UNKNOWN_MEMBER_ID);
    group_world_close(&world);
}

static void max_size(void)
{
    group_world_init(&world, 5);
    struct group_world_join *last = NULL;
    for (int i = 0; i < GROUP_WORLD_MEMBERS; i++)
        last = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g", .version = 3)->err,
              ERR_GROUP_MAX_SIZE_REACHED);
    CHECK(group_world_until(&world, &last->done, 40000));
    CHECK_INT(last->err, 0);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g")->err, ERR_GROUP_MAX_SIZE_REACHED);
    group_world_close(&world);
}

/* ---- the assignment is stored before it is answered (trap 59) ---- */

static void stored_before_answered(void)
{
    uint64_t mask = 0xff;
    int tombstones;
    group_world_init(&world, 6);
    struct group_world_join *join = join_new("g");
    CHECK(group_world_until(&world, &join->done, 4000));
    world.hold = true;
    struct group_world_sync *sync =
        group_world_sync(&world, "g", join->member_id, NULL, 1, join->members, &mask, 1);
    group_world_run(&world, 2000);
    CHECK(!sync->done);
    CHECK_INT(group_world_count(&world, "g", 2, &tombstones), 2);
    /* Not replicated, and the leader goes: nobody was told, so nothing is lost. */
    group_world_failover(&world, true);
    CHECK(sync->done);
    CHECK_INT(sync->err, ERR_NOT_COORDINATOR);
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 1), ERR_UNKNOWN_MEMBER_ID);
    group_world_close(&world);
}

static void store_fails(void)
{
    uint64_t mask = 0xff;
    group_world_init(&world, 7);
    struct group_world_join *join = join_new("g");
    CHECK(group_world_until(&world, &join->done, 4000));
    world.append_error = ERR_NOT_ENOUGH_REPLICAS;
    struct group_world_sync *sync =
        group_world_sync(&world, "g", join->member_id, NULL, 1, join->members, &mask, 1);
    CHECK_INT(sync->err, ERR_COORDINATOR_NOT_AVAILABLE);
    world.append_error = 0;
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 1),
              ERR_REBALANCE_IN_PROGRESS);
    struct group_world_join *again =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = join->member_id);
    CHECK(again->done);
    CHECK_INT(again->generation, 2);
    sync_all("g", again, NULL);
    /* A record that no batch can hold is the group's own fault, not one of a commit. */
    again = GROUP_WORLD_JOIN(&world, .group = "g", .member_id = join->member_id);
    CHECK(again->done);
    world.append_error = ERR_MESSAGE_TOO_LARGE;
    sync = group_world_sync(&world, "g", join->member_id, NULL, 3, again->members, &mask, 1);
    CHECK_INT(sync->err, ERR_UNKNOWN_SERVER_ERROR);
    world.append_error = 0;
    group_world_close(&world);
}

static void failover_keeps_members(void)
{
    struct group_world_join *leader, *follower;
    group_world_init(&world, 8);
    pair("g", &leader, &follower);
    group_world_failover(&world, false);
    CHECK_INT(group_world_heartbeat(&world, "g", leader->member_id, NULL, leader->generation), 0);
    CHECK_INT(group_world_heartbeat(&world, "g", follower->member_id, NULL, leader->generation), 0);
    struct group_world_sync *sync =
        group_world_sync(&world, "g", follower->member_id, NULL, leader->generation, NULL, NULL, 0);
    CHECK(sync->done);
    CHECK(sync->assigned == 0x0f || sync->assigned == 0xf0);
    /* Sessions run from the load on. */
    group_world_run(&world, 11000);
    CHECK_INT(group_world_heartbeat(&world, "g", leader->member_id, NULL, leader->generation),
              ERR_UNKNOWN_MEMBER_ID);
    group_world_close(&world);
}

/* ---- members come and go ---- */

static void member_leaves(void)
{
    struct group_world_join *leader, *follower;
    group_world_init(&world, 9);
    pair("g", &leader, &follower);
    CHECK_INT(group_world_leave(&world, "g", leader->member_id, NULL), 0);
    CHECK_INT(group_world_heartbeat(&world, "g", follower->member_id, NULL, follower->generation),
              ERR_REBALANCE_IN_PROGRESS);
    struct group_world_join *again =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = follower->member_id);
    CHECK(again->done);
    CHECK_INT(again->generation, follower->generation + 1);
    CHECK_STR(again->leader, follower->member_id);
    CHECK_INT(again->member_count, 1);
    sync_all("g", again, NULL);
    CHECK_INT(group_world_leave(&world, "g", again->member_id, NULL), 0);
    group_world_close(&world);
}

static void session_ends(void)
{
    struct group_world_join *leader, *follower;
    group_world_init(&world, 10);
    pair("g", &leader, &follower);
    heartbeats("g", leader, 9000);
    group_world_run(&world, 1500);
    CHECK_INT(group_world_heartbeat(&world, "g", leader->member_id, NULL, leader->generation),
              ERR_REBALANCE_IN_PROGRESS);
    CHECK_INT(group_world_heartbeat(&world, "g", follower->member_id, NULL, leader->generation),
              ERR_UNKNOWN_MEMBER_ID);
    struct group_world_join *again =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = leader->member_id);
    CHECK(again->done);
    CHECK_INT(again->member_count, 1);
    group_world_close(&world);
}

/* Heartbeats go on, but the member does not rejoin: it is out when the rebalance timeout is over.
 */
static void rebalance_timeout(void)
{
    struct group_world_join *leader, *follower;
    group_world_init(&world, 11);
    pair("g", &leader, &follower);
    struct group_world_join *third = join_new("g");
    struct group_world_join *again =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = leader->member_id);
    for (int i = 0; i < 29; i++) {
        CHECK(!again->done);
        CHECK_INT(
            group_world_heartbeat(&world, "g", follower->member_id, NULL, follower->generation),
            ERR_REBALANCE_IN_PROGRESS);
        group_world_run(&world, 1000);
    }
    CHECK(group_world_until(&world, &again->done, 2000));
    CHECK_INT(again->member_count, 2);
    CHECK(third->done);
    CHECK_INT(group_world_heartbeat(&world, "g", follower->member_id, NULL, follower->generation),
              ERR_UNKNOWN_MEMBER_ID);
    group_world_close(&world);
}

static void no_sync_in_time(void)
{
    group_world_init(&world, 12);
    struct group_world_join *a = join_new("g");
    struct group_world_join *b = join_new("g");
    CHECK(group_world_until(&world, &b->done, 10000));
    struct group_world_join *follower = strcmp(a->leader, a->member_id) == 0 ? b : a;
    struct group_world_join *leader = follower == a ? b : a;
    struct group_world_sync *sync =
        group_world_sync(&world, "g", follower->member_id, NULL, 1, NULL, NULL, 0);
    for (int i = 0; i < 31; i++) {
        group_world_heartbeat(&world, "g", leader->member_id, NULL, 1);
        group_world_run(&world, 1000);
    }
    CHECK(sync->done);
    CHECK_INT(sync->err, ERR_REBALANCE_IN_PROGRESS);
    CHECK_INT(group_world_heartbeat(&world, "g", leader->member_id, NULL, 1),
              ERR_UNKNOWN_MEMBER_ID);
    group_world_close(&world);
}

/* One that joined and was never heard again goes with its session, not with the longer timeout. */
static void joined_and_gone(void)
{
    group_world_init(&world, 20);
    struct group_world_join *a = join_new("g");
    struct group_world_join *b = join_new("g");
    CHECK(group_world_until(&world, &b->done, 10000));
    struct group_world_join *gone = strcmp(a->leader, a->member_id) == 0 ? b : a;
    struct group_world_join *leader = gone == a ? b : a;
    heartbeats("g", leader, 9000);
    CHECK_INT(group_world_heartbeat(&world, "g", leader->member_id, NULL, 1), 0);
    group_world_run(&world, 1500);
    CHECK_INT(group_world_heartbeat(&world, "g", leader->member_id, NULL, 1),
              ERR_REBALANCE_IN_PROGRESS);
    group_world_close(&world);
}

/* What a member of an earlier generation, or of another protocol, asks for is not this one's. */
static void fenced_by_generation(void)
{
    struct group_world_join *leader, *follower;
    group_world_init(&world, 26);
    pair("g", &leader, &follower);
    int32_t now = leader->generation;
    for (int32_t step = -1; step <= 1; step += 2) {
        CHECK_INT(group_world_heartbeat(&world, "g", follower->member_id, NULL, now + step),
                  ERR_ILLEGAL_GENERATION);
        CHECK_INT(
            group_world_sync(&world, "g", follower->member_id, NULL, now + step, NULL, NULL, 0)
                ->err,
            ERR_ILLEGAL_GENERATION);
    }
    struct group_world_sync *sync =
        group_world_sync(&world, "g", follower->member_id, NULL, now, NULL, NULL, 0);
    CHECK_INT(sync->err, 0);
    for (int i = 0; i < 2; i++) {
        sync->request.protocol_type = wire_str_from(i == 0 ? "connect" : "consumer");
        sync->request.protocol_name = wire_str_from(i == 0 ? "range" : "sticky");
        sync->done = false;
        group_manager_sync(world.manager, &sync->op);
        CHECK_INT(sync->err, ERR_INCONSISTENT_GROUP_PROTOCOL);
    }
    group_world_close(&world);
}

/* A member that the leader leaves out has nothing, whatever it had in an earlier generation. */
static void left_out(void)
{
    uint64_t mask = 0xff;
    struct group_world_join *leader, *follower;
    group_world_init(&world, 21);
    pair("g", &leader, &follower);
    struct group_world_join *again =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = leader->member_id);
    struct group_world_join *other =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = follower->member_id);
    CHECK(again->done);
    CHECK(other->done);
    CHECK_STR(again->leader, leader->member_id);
    struct group_world_sync *first =
        group_world_sync(&world, "g", leader->member_id, NULL, again->generation,
                         (const char(*)[GROUP_WORLD_TEXT]) & leader->member_id, &mask, 1);
    struct group_world_sync *second =
        group_world_sync(&world, "g", follower->member_id, NULL, again->generation, NULL, NULL, 0);
    CHECK(group_world_until(&world, &second->done, 1000));
    CHECK_INT(first->assigned, 0xff);
    CHECK_INT(second->err, 0);
    CHECK_INT(second->assigned, 0);
    group_world_close(&world);
}

static void lost_answers_are_repeated(void)
{
    struct group_world_join *leader, *follower;
    group_world_init(&world, 13);
    pair("g", &leader, &follower);
    /* A follower whose subscription is the same goes on with the generation that runs. */
    struct group_world_join *again =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = follower->member_id);
    CHECK(again->done);
    CHECK_INT(again->generation, follower->generation);
    CHECK_INT(again->member_count, 0);
    /* Another subscription does not. */
    struct group_world_join *other =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = follower->member_id, .topics = "t,u");
    CHECK(!other->done);
    group_world_close(&world);
}

static void pending_ids(void)
{
    struct group_world_join *leader, *follower;
    group_world_init(&world, 14);
    struct group_world_join *asked = GROUP_WORLD_JOIN(&world, .group = "p");
    CHECK_INT(asked->err, ERR_MEMBER_ID_REQUIRED);
    group_world_run(&world, 10500); /* it never came back */
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "p", .member_id = asked->member_id)->err,
              ERR_UNKNOWN_MEMBER_ID);
    pair("g", &leader, &follower);
    asked = GROUP_WORLD_JOIN(&world, .group = "g");
    CHECK_INT(group_world_leave(&world, "g", asked->member_id, NULL), 0);
    CHECK_INT(group_world_heartbeat(&world, "g", leader->member_id, NULL, leader->generation), 0);
    group_world_close(&world);
}

/* ---- static members (KIP-345, KIP-814) ---- */

static struct group_world_join *join_static(const char *instance, const char *topics)
{
    return GROUP_WORLD_JOIN(&world, .group = "s", .instance = instance, .topics = topics);
}

static void static_comes_back(void)
{
    group_world_init(&world, 15);
    struct group_world_join *a = join_static("one", "t");
    struct group_world_join *b = join_static("two", "t");
    CHECK(group_world_until(&world, &b->done, 10000));
    struct group_world_join *leader = strcmp(a->leader, a->member_id) == 0 ? a : b;
    sync_all("s", leader, leader == a ? b : a);
    const char *instance = leader == a ? "one" : "two";
    struct group_world_join *back = join_static(instance, "t");
    CHECK(group_world_until(&world, &back->done, 1000));
    CHECK_INT(back->err, 0);
    CHECK_INT(back->generation, leader->generation);
    CHECK(strcmp(back->member_id, leader->member_id) != 0);
    CHECK(back->skip);
    CHECK_INT(back->member_count, 2);
    /* The old one is fenced; the new one has the old one's part. */
    CHECK_INT(group_world_heartbeat(&world, "s", leader->member_id, instance, leader->generation),
              ERR_FENCED_INSTANCE_ID);
    struct group_world_sync *sync =
        group_world_sync(&world, "s", back->member_id, instance, back->generation, NULL, NULL, 0);
    CHECK(sync->done);
    CHECK(sync->assigned == 0x0f || sync->assigned == 0xf0);
    group_world_failover(&world, true);
    CHECK_INT(group_world_heartbeat(&world, "s", back->member_id, instance, back->generation), 0);
    group_world_close(&world);
}

static void static_with_new_topics(void)
{
    group_world_init(&world, 16);
    struct group_world_join *a = join_static("one", "t");
    CHECK(group_world_until(&world, &a->done, 10000));
    sync_all("s", a, NULL);
    struct group_world_join *back = join_static("one", "t,u");
    CHECK(group_world_until(&world, &back->done, 1000));
    CHECK_INT(back->generation, a->generation + 1);
    CHECK(!back->skip);
    group_world_close(&world);
}

static void static_leaves(void)
{
    group_world_init(&world, 17);
    struct group_world_join *a = join_static("one", "t");
    CHECK(group_world_until(&world, &a->done, 10000));
    sync_all("s", a, NULL);
    CHECK_INT(group_world_leave(&world, "s", "", "none"), ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_leave(&world, "s", "other", "one"), ERR_FENCED_INSTANCE_ID);
    CHECK_INT(group_world_leave(&world, "s", "", "one"), 0);
    CHECK_INT(group_world_heartbeat(&world, "s", a->member_id, "one", 1), ERR_UNKNOWN_MEMBER_ID);
    group_world_close(&world);
}

/* Static members that do not come back keep their place through a rebalance. */
static void static_is_absent(void)
{
    group_world_init(&world, 18);
    struct group_world_join *a =
        GROUP_WORLD_JOIN(&world, .group = "s", .instance = "one", .session_ms = 120000);
    struct group_world_join *b =
        GROUP_WORLD_JOIN(&world, .group = "s", .instance = "two", .session_ms = 120000);
    CHECK(group_world_until(&world, &b->done, 10000));
    struct group_world_join *leader = strcmp(a->leader, a->member_id) == 0 ? a : b;
    struct group_world_join *other = leader == a ? b : a;
    sync_all("s", leader, other);
    struct group_world_join *again =
        GROUP_WORLD_JOIN(&world, .group = "s", .instance = other == a ? "one" : "two",
                         .member_id = other->member_id, .topics = "t,u", .session_ms = 120000);
    CHECK(group_world_until(&world, &again->done, 31000));
    CHECK_INT(again->err, 0);
    CHECK_INT(again->member_count, 2);
    CHECK_STR(again->leader, other->member_id);
    /* It is not thrown out for not asking for its part, either. */
    uint64_t masks[2] = {0x0f, 0xf0};
    struct group_world_sync *sync =
        group_world_sync(&world, "s", other->member_id, other == a ? "one" : "two",
                         again->generation, again->members, masks, 2);
    CHECK(group_world_until(&world, &sync->done, 1000));
    CHECK_INT(sync->err, 0);
    group_world_run(&world, 40000);
    struct group_world_join *back = GROUP_WORLD_JOIN(
        &world, .group = "s", .instance = leader == a ? "one" : "two", .session_ms = 120000);
    CHECK(group_world_until(&world, &back->done, 1000));
    CHECK_INT(back->err, 0);
    CHECK_INT(back->generation, again->generation);
    group_world_close(&world);
}

/* An absent static member's session goes on through rebalances: it is not kept by those of others.
 */
static void static_absent_expires(void)
{
    group_world_init(&world, 22);
    struct group_world_join *gone =
        GROUP_WORLD_JOIN(&world, .group = "s", .instance = "gone", .rebalance_ms = 1000);
    struct group_world_join *busy =
        GROUP_WORLD_JOIN(&world, .group = "s", .instance = "busy", .rebalance_ms = 1000);
    CHECK(group_world_until(&world, &busy->done, 10000));
    CHECK(gone->done);
    /* A rebalance every 3 s; sessions take 10 s. */
    int32_t members = 0;
    for (int i = 0; i < 12; i++) {
        struct group_world_join *again =
            GROUP_WORLD_JOIN(&world, .group = "s", .instance = "busy", .rebalance_ms = 1000,
                             .member_id = busy->member_id, .topics = i % 2 ? "t" : "t,u");
        CHECK(group_world_until(&world, &again->done, 31000));
        CHECK_INT(again->err, 0);
        members = again->member_count;
        uint64_t masks[2] = {0x0f, 0xf0};
        struct group_world_sync *sync =
            group_world_sync(&world, "s", busy->member_id, "busy", again->generation,
                             again->members, masks, again->member_count);
        CHECK(group_world_until(&world, &sync->done, 1000));
        group_world_run(&world, 3000);
    }
    CHECK_INT(members, 1);
    group_world_close(&world);
}

/* Ids that were given out are for dynamic members: one of them can't take an instance's place. */
static void pending_id_is_no_instance(void)
{
    group_world_init(&world, 23);
    struct group_world_join *a = join_static("one", "t");
    CHECK(group_world_until(&world, &a->done, 10000));
    sync_all("s", a, NULL);
    struct group_world_join *asked = GROUP_WORLD_JOIN(&world, .group = "s");
    CHECK_INT(asked->err, ERR_MEMBER_ID_REQUIRED);
    CHECK_INT(
        GROUP_WORLD_JOIN(&world, .group = "s", .member_id = asked->member_id, .instance = "one")
            ->err,
        ERR_FENCED_INSTANCE_ID);
    CHECK_INT(
        GROUP_WORLD_JOIN(&world, .group = "s", .member_id = asked->member_id, .instance = "two")
            ->err,
        ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_heartbeat(&world, "s", a->member_id, "one", a->generation), 0);
    group_world_close(&world);
}

/* Clients that ask for ids and never use them can't fill the memory. */
static void pending_ids_are_limited(void)
{
    group_world_init(&world, 24);
    int err = 0;
    for (int i = 0; i < 20000 && err != ERR_COORDINATOR_NOT_AVAILABLE; i++)
        err = GROUP_WORLD_JOIN(&world, .group = "g", .session_ms = 6000)->err;
    CHECK_INT(err, ERR_COORDINATOR_NOT_AVAILABLE);
    group_world_run(&world, 6100);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g")->err, ERR_MEMBER_ID_REQUIRED);
    group_world_close(&world);
}

/* What a member says about itself is kept as long as it is one: it is bounded. */
static void says_too_much(void)
{
    enum { MANY = 65, LARGE = 1 << 20 };
    static struct join_group_request_join_group_request_protocol many[MANY];
    char names[MANY][8];
    uint8_t *large = mem_alloc(LARGE);
    group_world_init(&world, 27);
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    CHECK(group_world_until(&world, &join->done, 5000));
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "p%d", i);
        many[i].name = wire_str_from(i == 0 ? "range" : names[i]);
        many[i].metadata = (struct wire_bytes){large, 1};
    }
    join->request.member_id = wire_str_from("");
    join->request.protocols.items = many;
    join->request.protocols.count = MANY;
    join->done = false;
    group_manager_join(world.manager, &join->op);
    CHECK(join->done);
    CHECK_INT(join->err, ERR_INVALID_REQUEST);
    many[1].metadata.len = LARGE;
    join->request.protocols.count = 2;
    join->done = false;
    group_manager_join(world.manager, &join->op);
    CHECK(join->done);
    CHECK_INT(join->err, ERR_INVALID_REQUEST);
    join->request.protocols.count = 1;
    join->done = false;
    group_manager_join(world.manager, &join->op);
    CHECK(!join->done);
    group_world_close(&world);
    mem_free(large);
}

/* With rebalance timeouts of next to nothing and nobody to lead, the group waits; it does not spin.
 */
static void no_spin_without_leader(void)
{
    group_world_init(&world, 25);
    struct group_world_join *a =
        GROUP_WORLD_JOIN(&world, .group = "s", .instance = "one", .rebalance_ms = 1);
    struct group_world_join *b =
        GROUP_WORLD_JOIN(&world, .group = "s", .instance = "two", .rebalance_ms = 1);
    CHECK(group_world_until(&world, &b->done, 10000));
    CHECK(a->done);
    CHECK_INT(group_world_leave(&world, "s", "", "two"), 0);
    uint64_t before = sim_steps(world.sim);
    group_world_run(&world, 5000);
    CHECK(sim_steps(world.sim) - before < 500);
    group_world_close(&world);
}

/* ---- losing the partition (trap 57) ---- */

static void lost_at_once(void)
{
    group_world_init(&world, 19);
    struct group_world_join *join = join_new("g");
    group_world_lose(&world, group_world_partition("g"), false);
    CHECK(join->done);
    CHECK_INT(join->err, ERR_NOT_COORDINATOR);
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 1), ERR_NOT_COORDINATOR);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), ERR_NOT_COORDINATOR);
    CHECK_INT(group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 1)->err, ERR_NOT_COORDINATOR);
    world.load_ms = 1000;
    group_world_lead(&world, group_world_partition("g"));
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g")->err, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    group_world_run(&world, 1001);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    /* Also when it is told that it lost the partition before its log fails what waits. */
    world.hold = true;
    struct group_world_commit *commit = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 1);
    CHECK(!commit->done);
    group_manager_leader_changed(world.manager, group_world_partition("g"), false);
    CHECK(commit->done);
    CHECK_INT(commit->err, ERR_NOT_COORDINATOR);
    group_world_close(&world);
}

TAP_MAIN(TAP_TEST(first_generation), TAP_TEST(old_versions_need_no_id),
         TAP_TEST(delay_is_prolonged), TAP_TEST(protocol_of_all), TAP_TEST(refusals),
         TAP_TEST(max_size), TAP_TEST(stored_before_answered), TAP_TEST(store_fails),
         TAP_TEST(failover_keeps_members), TAP_TEST(member_leaves), TAP_TEST(session_ends),
         TAP_TEST(rebalance_timeout), TAP_TEST(no_sync_in_time), TAP_TEST(joined_and_gone),
         TAP_TEST(lost_answers_are_repeated), TAP_TEST(pending_ids), TAP_TEST(static_comes_back),
         TAP_TEST(static_with_new_topics), TAP_TEST(static_leaves), TAP_TEST(static_is_absent),
         TAP_TEST(fenced_by_generation), TAP_TEST(left_out), TAP_TEST(static_absent_expires),
         TAP_TEST(pending_id_is_no_instance), TAP_TEST(pending_ids_are_limited),
         TAP_TEST(no_spin_without_leader), TAP_TEST(says_too_much), TAP_TEST(lost_at_once))

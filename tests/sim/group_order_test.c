/* No answer is a lie: what a coordinator said stays true under deletions, topics that come again,
 * migrations in the middle of a write, and coordinators that move. */
#include "group_peer.h"

#include "broker/group/group.h"
#include "broker/group/manager_private.h"
#include "broker/group/group_records.h"

#define DAY_MS 86400000LL

static void kick(void)
{
    struct group_world_commit *commit = group_world_commit(&world, "k", NULL, NULL, -1, "u", 0, 3);
    CHECK(group_world_until(&world, &commit->done, 1000));
    group_world_run(&world, 1000);
}

static void commit_ok(const char *group, const char *topic, int32_t partition, int64_t offset)
{
    struct group_world_commit *commit =
        group_world_commit(&world, group, NULL, NULL, -1, topic, partition, offset);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
}

/* ---- topics that come again ---- */

/* The topic goes and comes again while a commit to the old one is on its way; a commit to the new
 * one follows it. */
static void commit_to_the_new_topic_stays(void)
{
    group_world_init(&world, 1);
    world.hold = true;
    struct group_world_commit *old = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 9);
    struct group_world_commit *gone = group_world_commit(&world, "g", NULL, NULL, -1, "t", 1, 9);
    group_world_remove_topic(&world, "t");
    group_world_add_topic(&world, "t", 8);
    struct group_world_commit *new = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 3);
    world.hold = false;
    kick();
    group_world_commit(&world, "g", NULL, NULL, -1, "u", 0, 3);
    group_world_run(&world, 1000);
    CHECK(old->done && gone->done && new->done);
    CHECK_INT(new->err, 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(group_world_fetch(&world, "g", "t", 0), 3);
        CHECK_INT(group_world_fetch(&world, "g", "t", 1), -1);
        group_world_run(&world, DAY_MS); /* the walk takes the old one away, and not the new one */
        group_world_failover(&world, false);
    }
    group_world_close(&world);
}

/* Nobody coordinates while the topic goes and comes. */
static void topic_comes_again_before_a_load(void)
{
    group_world_init(&world, 2);
    commit_ok("g", "t", 0, 7);
    group_world_lose(&world, group_world_partition("g"), false);
    group_world_remove_topic(&world, "t");
    group_world_add_topic(&world, "t", 8);
    group_world_lead(&world, group_world_partition("g"));
    group_world_run(&world, 1000);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    group_world_close(&world);
}

/* The tombstones can't be written when the topic goes: they are later. */
static void forgetting_is_tried_again(void)
{
    int tombstones;
    group_world_init(&world, 3);
    commit_ok("g", "t", 0, 7);
    world.append_error = ERR_NOT_ENOUGH_REPLICAS;
    group_world_remove_topic(&world, "t");
    group_world_run(&world, 1000);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    world.append_error = 0;
    group_world_run(&world, 2 * world.deps.settings.retention_check_ms);
    group_world_count(&world, "g", RECORD_OFFSET, &tombstones);
    CHECK_INT(tombstones, 1);
    group_world_close(&world);
}

/* A group that always has commits on their way loses the offsets of deleted topics all the same,
 * and none of those on their way. */
static void busy_group_is_swept(void)
{
    int tombstones;
    group_world_init(&world, 12);
    commit_ok("g", "t", 0, 7);
    commit_ok("g", "u", 1, 7);
    world.hold = true;
    struct group_world_commit *same = group_world_commit(&world, "g", NULL, NULL, -1, "t", 1, 8);
    struct group_world_commit *other = group_world_commit(&world, "g", NULL, NULL, -1, "u", 0, 9);
    group_world_remove_topic(&world, "t");
    group_world_add_topic(&world, "t", 8);
    struct group_world_commit *new = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 3);
    group_world_remove_topic(&world, "u"); /* another walk, with the new one on its way */
    group_world_run(&world, 1000);
    group_world_count(&world, "g", RECORD_OFFSET, &tombstones);
    CHECK_INT(tombstones, 1); /* of u-1 alone: t-0, t-1 and u-0 are on their way */
    world.hold = false;
    env_timer_start(&world.logs[group_world_partition("g")].safe_timer, 1);
    group_world_run(&world, 1000);
    CHECK(same->done && other->done && new->done);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 3);
    CHECK_INT(group_world_fetch(&world, "g", "t", 1), -1);
    group_world_failover(&world, false);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 3);
    group_world_close(&world);
}

/* ---- deleting ---- */

static bool was_deleted;

static void deleted(struct group_delete *op)
{
    (void)op;
    was_deleted = true;
}

static void offsets_deleted(struct group_offset_delete *op)
{
    (void)op;
    was_deleted = true;
}

/* A group is deleted while commits are on their way: all that was there when the request came is
 * gone when it is answered. Commits that come meanwhile are told to try again. */
static void delete_under_a_commit(void)
{
    group_world_init(&world, 4);
    was_deleted = false;
    commit_ok("g", "t", 0, 7);
    world.hold = true;
    struct group_world_commit *first = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 8);
    struct group_world_commit *second = group_world_commit(&world, "g", NULL, NULL, -1, "t", 1, 9);
    struct delete_groups_request request;
    struct group_delete op = {.request = &request, .done = deleted};
    struct arena arena;
    struct wire_str name = wire_str_from("g");
    arena_init(&arena, 1 << 20);
    wire_defaults(&delete_groups_request_desc, &request);
    request.groups_names.items = &name;
    request.groups_names.count = 1;
    op.arena = &arena;
    group_manager_delete(world.manager, &op);
    CHECK(!was_deleted);
    struct group_world_commit *late = group_world_commit(&world, "g", NULL, NULL, -1, "t", 2, 9);
    CHECK(late->done);
    CHECK_INT(late->err, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    world.hold = false;
    kick();
    group_world_run(&world, 1000);
    world.logs[group_world_partition("g")].world->hold = false;
    env_timer_start(&world.logs[group_world_partition("g")].safe_timer, 1);
    group_world_run(&world, 1000);
    CHECK(first->done && second->done);
    CHECK(was_deleted);
    CHECK_INT(op.response.results.items[0].error_code, 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
        CHECK_INT(group_world_fetch(&world, "g", "t", 1), -1);
        group_world_failover(&world, false);
    }
    arena_close(&arena);
    group_world_close(&world);
}

/* The same of single offsets. */
static void offset_delete_under_a_commit(void)
{
    group_world_init(&world, 5);
    was_deleted = false;
    commit_ok("g", "t", 0, 7);
    world.hold = true;
    struct group_world_commit *commit = group_world_commit(&world, "g", NULL, NULL, -1, "t", 1, 9);
    struct offset_delete_request request;
    struct offset_delete_request_offset_delete_request_topic topic;
    struct offset_delete_request_offset_delete_request_partition partitions[2];
    struct group_offset_delete op = {.request = &request, .done = offsets_deleted};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    op.arena = &arena;
    wire_defaults(&offset_delete_request_desc, &request);
    wire_defaults(&offset_delete_request_offset_delete_request_topic_desc, &topic);
    for (int i = 0; i < 2; i++) {
        wire_defaults(&offset_delete_request_offset_delete_request_partition_desc, &partitions[i]);
        partitions[i].partition_index = i;
    }
    topic.name = wire_str_from("t");
    topic.partitions.count = 2;
    topic.partitions.items = partitions;
    request.group_id = wire_str_from("g");
    request.topics.count = 1;
    request.topics.items = &topic;
    group_manager_delete_offsets(world.manager, &op);
    CHECK(!was_deleted);
    world.hold = false;
    env_timer_start(&world.logs[group_world_partition("g")].safe_timer, 1);
    group_world_run(&world, 1000);
    CHECK(commit->done);
    CHECK_INT(commit->err, 0);
    CHECK(was_deleted);
    CHECK_INT(op.response.error_code, 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
        CHECK_INT(group_world_fetch(&world, "g", "t", 1), -1);
        group_world_failover(&world, false);
    }
    arena_close(&arena);
    group_world_close(&world);
}

/* ---- retention ---- */

/* A live group keeps the offsets of what it reads, and loses those of what it reads no more. */
static void live_group_loses_what_it_reads_no_more(void)
{
    struct peer a;
    group_world_init(&world, 6);
    world.manager->deps.settings.consumer_session_ms = 30 * DAY_MS;
    peer_join(&a, "a", "t,u");
    struct group_world_commit *first =
        group_world_commit(&world, "g", "a", NULL, a.epoch, "t", 0, 7);
    struct group_world_commit *second =
        group_world_commit(&world, "g", "a", NULL, a.epoch, "u", 0, 7);
    CHECK(group_world_until(&world, &second->done, 1000));
    CHECK_INT(first->err | second->err, 0);
    struct group_world_beat *beat = answered(
        GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = a.epoch, .topics = "t"));
    peer_take(&a, beat);
    peer_beat(&a);
    group_world_run(&world, 8 * DAY_MS);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
    CHECK_INT(group_world_fetch(&world, "g", "u", 0), -1);
    group_world_close(&world);
}

/* The walk looks at a bounded number of groups and offsets in one turn of the loop, and gets
 * through all the same. */
static void walks_in_slices(void)
{
    enum { GROUPS = 3000 };
    char name[32];
    group_world_init(&world, 7);
    group_world_add_topic(&world, "wide", 3000);
    for (int i = 0; i < 3000; i++)
        group_world_commit(&world, "big", NULL, NULL, -1, "wide", i, 1);
    for (int i = 0; i < GROUPS; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        for (int p = 0; p < 4; p++)
            group_world_commit(&world, name, NULL, NULL, -1, "t", p, 1);
    }
    group_world_run(&world, 1000);
    group_world_remove_topic(&world, "t");
    group_world_remove_topic(&world, "wide");
    group_world_add_topic(&world, "t", 8);
    group_world_run(&world, 10000);
    const struct sweep *sweep = &world.manager->sweep;
    CHECK(sweep->most_steps <= SWEEP_STEPS + 8);
    CHECK(sweep->steps >= GROUPS * 5);
    for (int i = 0; i < GROUPS; i++) {
        int tombstones;
        snprintf(name, sizeof(name), "g%d", i);
        CHECK_INT(group_world_fetch(&world, name, "t", 0), -1);
        if (i == 0)
            CHECK(group_world_count(&world, name, RECORD_OFFSET, &tombstones) > 0);
    }
    int total = 0;
    for (int i = 0; i < GROUP_WORLD_PARTITIONS; i++) {
        int tombstones;
        char of[2] = {(char)('a' + i), 0};
        group_world_count(&world, of, RECORD_OFFSET, &tombstones);
        total += tombstones;
    }
    CHECK_INT(total, GROUPS * 4 + 3000);
    group_world_close(&world);
}

/* ---- ListGroups ---- */

struct asked {
    struct group_list list;
    struct list_groups_request request;
    struct arena arena;
    bool done;
    bool gone; /* nobody waits for it */
};

static void asked_done(struct group_list *list)
{
    CONTAINER_OF(list, struct asked, list)->done = true;
}

static bool asked_heard(const struct group_list *list)
{
    return !CONTAINER_OF(list, struct asked, list)->gone;
}

static void ask(struct asked *asked)
{
    *asked = (struct asked){.list = {.done = asked_done, .heard = asked_heard}};
    arena_init(&asked->arena, 64 << 20);
    wire_defaults(&list_groups_request_desc, &asked->request);
    asked->list.request = &asked->request;
    asked->list.arena = &asked->arena;
    group_manager_list(world.manager, &asked->list);
}

static void asked_close(struct asked *asked)
{
    CHECK(asked->done);
    mem_free(asked->list.groups);
    arena_close(&asked->arena);
}

/* So many different ones; each group is listed once. */
static int asked_names(const struct asked *asked)
{
    struct map names;
    map_init(&names);
    for (int32_t i = 0; i < asked->list.response.groups.count; i++) {
        struct wire_str id = asked->list.response.groups.items[i].group_id;
        CHECK(!map_put(&names, id.data, (size_t)id.len, &names));
    }
    int count = (int)names.count;
    map_close(&names);
    return count;
}

/* A list of many groups takes turns of a bounded number of steps; who asks meanwhile waits. Groups
 * and a partition that go under the walk are no harm to it, and who has gone costs no walk. */
static void lists_in_turns(void)
{
    enum { GROUPS = 9000 };
    struct asked asked[4];
    char name[32];
    group_world_init(&world, 9);
    for (int i = 0; i < GROUPS; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        group_world_commit(&world, name, NULL, NULL, -1, "t", 0, 1);
    }
    group_world_run(&world, 1000);
    const struct lister *lister = &world.manager->lister;
    ask(&asked[0]);
    CHECK(!asked[0].done);
    CHECK(group_world_until(&world, &asked[0].done, 1000));
    CHECK(lister->most_steps <= LISTER_STEPS);
    CHECK(lister->steps >= GROUPS);
    CHECK_INT(asked_names(&asked[0]), GROUPS);

    int64_t before = lister->steps;
    for (int i = 1; i < 4; i++)
        ask(&asked[i]);
    asked[2].gone = true;
    CHECK(group_world_until(&world, &asked[3].done, 1000));
    CHECK_INT(asked[1].done + asked[2].done, 2);
    CHECK_INT(asked_names(&asked[1]), GROUPS);
    CHECK_INT(asked_names(&asked[3]), GROUPS);
    CHECK(lister->steps - before < 2 * GROUPS + 100);
    CHECK(lister->most_steps <= LISTER_STEPS);
    for (int i = 0; i < 4; i++)
        asked_close(&asked[i]);

    /* The group that is next goes, and then the partition. */
    ask(&asked[0]);
    sim_step(world.sim);
    CHECK(lister->shard && !asked[0].done);
    struct group *next = LIST_ENTRY(lister->next, struct group, link);
    offsets_delete(&next->offsets, wire_str_from("t"), 0);
    group_review(next);
    CHECK(group_world_until(&world, &asked[0].done, 1000));
    CHECK_INT(asked_names(&asked[0]), GROUPS - 1);
    asked_close(&asked[0]);
    ask(&asked[0]);
    sim_step(world.sim);
    CHECK(lister->shard && !asked[0].done);
    int lost = (int)lister->shard->groups.count;
    group_world_lose(&world, lister->shard->machine.index, false);
    CHECK(group_world_until(&world, &asked[0].done, 1000));
    CHECK(asked_names(&asked[0]) > GROUPS - 1 - lost);
    CHECK(asked_names(&asked[0]) < GROUPS - 1);
    asked_close(&asked[0]);
    group_world_close(&world);
}

/* An empty group of the consumer protocol: its coordinator moves more often than the retention. */
static void retention_survives_failovers(void)
{
    struct peer a;
    group_world_init(&world, 8);
    peer_join(&a, "m", "t");
    struct group_world_commit *commit =
        group_world_commit(&world, "g", "m", NULL, a.epoch, "t", 0, 7);
    CHECK(group_world_until(&world, &commit->done, 1000));
    group_world_run(&world, 100000); /* the session ends */
    for (int i = 0; i < 2; i++) {
        CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
        group_world_run(&world, 3 * DAY_MS);
        group_world_failover(&world, false);
    }
    group_world_run(&world, 2 * DAY_MS);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    group_world_close(&world);
}

/* ---- migrations in the middle of a write ---- */

/* The leader's new assignment is on its way when the group migrates: nobody was told of it, so what
 * a cooperative member had before is still its own. */
static void assignment_counts_when_it_is_stored(void)
{
    uint64_t all = 0xff;
    uint64_t less = 0x0f;
    for (int stage = 0; stage < 2; stage++) {
        group_world_init(&world, 9);
        world.real_assignments = true;
        struct group_world_join *a = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
        CHECK(group_world_until(&world, &a->done, 5000));
        struct group_world_sync *sync =
            group_world_sync(&world, "g", a->member_id, NULL, a->generation, a->members, &all, 1);
        CHECK(group_world_until(&world, &sync->done, 1000));
        struct group_world_join *b =
            GROUP_WORLD_JOIN(&world, .group = "g", .member_id = a->member_id, .version = 5);
        CHECK(group_world_until(&world, &b->done, 40000));
        world.hold = true;
        sync =
            group_world_sync(&world, "g", a->member_id, NULL, b->generation, a->members, &less, 1);
        if (stage == 1) /* and one more rebalance begins */
            b = GROUP_WORLD_JOIN(&world, .group = "g", .protocols = "range", .version = 3);
        struct group_world_beat *c =
            GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "c", .topics = "t",
                             .rebalance_ms = 30000, .owned = nothing);
        world.hold = false;
        kick();
        env_timer_start(&world.logs[group_world_partition("g")].safe_timer, 1);
        group_world_run(&world, 100);
        CHECK(c->done);
        CHECK_INT(c->err, 0);
        CHECK_INT(sync->err, ERR_REBALANCE_IN_PROGRESS);
        CHECK_INT((int)c->assigned[0], 0);
        group_world_close(&world);
    }
}

/* A migration takes several batches; the next coordinator finds only the first ones. */
static void half_a_migration(void)
{
    uint64_t mask = 0xff;
    char ids[3][GROUP_WORLD_TEXT];
    for (int kept = 1;; kept++) {
        group_world_init(&world, 10);
        world.real_assignments = true;
        struct group_world_join *joins[3];
        for (int i = 0; i < 3; i++)
            joins[i] = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3, .words = 300);
        for (int i = 0; i < 3; i++) {
            CHECK(group_world_until(&world, &joins[i]->done, 10000));
            snprintf(ids[i], sizeof(ids[i]), "%s", joins[i]->member_id);
        }
        struct group_world_sync *sync = NULL;
        for (int i = 2; i >= 0; i--)
            sync = group_world_sync(&world, "g", ids[i], NULL, joins[i]->generation,
                                    strcmp(joins[i]->leader, ids[i]) == 0 ? ids : NULL, &mask,
                                    strcmp(joins[i]->leader, ids[i]) == 0 ? 1 : 0);
        CHECK(group_world_until(&world, &sync->done, 1000));
        CHECK_INT(sync->err, 0);
        struct group_world_log *log = &world.logs[group_world_partition("g")];
        size_t before = log->bytes.len;
        world.batch_max = 700;
        world.hold = true;
        struct group_world_beat *beat =
            GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "c", .topics = "t",
                             .rebalance_ms = 30000, .owned = nothing);
        size_t at = before;
        struct batch batch;
        for (int i = 0; i < kept && at < log->bytes.len; i++) {
            int err = batch_parse(log->bytes.data + at, log->bytes.len - at, &batch);
            CHECK_INT(err, 0);
            at += batch.size;
        }
        bool whole = at == log->bytes.len;
        CHECK(!whole || kept > 2); /* else this tests nothing */
        log->bytes.len = at;
        world.hold = false;
        world.batch_max = 1 << 20;
        group_world_failover(&world, false);
        group_world_run(&world, 100);
        CHECK(beat->done);
        if (!whole) {
            for (int i = 0; i < 3; i++)
                CHECK_INT(group_world_heartbeat(&world, "g", ids[i], NULL, joins[i]->generation),
                          0);
            group_world_failover(&world, false);
            CHECK_INT(group_world_heartbeat(&world, "g", ids[0], NULL, joins[0]->generation), 0);
        }
        group_world_close(&world);
        if (whole)
            break;
    }
}

/* ---- a member id is one member ---- */

static void one_member_of_an_id(void)
{
    struct peer a, b;
    group_world_init(&world, 11);
    peer_join(&a, "m", "t");
    peer_beat(&a);
    /* It comes back as a static one: it is the same member. */
    CHECK_INT(join_static(&b, "m", "one")->err, 0);
    CHECK_INT(peer_beat(&b)->err, 0);
    CHECK_INT(b.owned[0], 0xff);
    struct consumer_group_describe_response_described_group described;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    wire_defaults(&consumer_group_describe_response_described_group_desc, &described);
    group_manager_consumer_describe(world.manager, wire_str_from("g"), &arena, &described);
    CHECK_INT(described.members.count, 1);
    arena_close(&arena);
    /* Another instance can't have the id, neither new nor in the place of one that is away. */
    CHECK_INT(join_static(&a, "m", "two")->err, ERR_INVALID_REQUEST);
    CHECK_INT(join_static(&a, "n", "two")->err, 0);
    CHECK_INT(answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "n", .epoch = -2,
                                        .instance = "two"))
                  ->err,
              0);
    CHECK_INT(join_static(&a, "m", "two")->err, ERR_INVALID_REQUEST);
    group_world_failover(&world, true);
    CHECK_INT(peer_beat(&b)->err, 0);
    group_world_close(&world);
}

TAP_MAIN(TAP_TEST(retention_survives_failovers), TAP_TEST(assignment_counts_when_it_is_stored),
         TAP_TEST(half_a_migration), TAP_TEST(busy_group_is_swept), TAP_TEST(one_member_of_an_id),
         TAP_TEST(commit_to_the_new_topic_stays), TAP_TEST(topic_comes_again_before_a_load),
         TAP_TEST(forgetting_is_tried_again), TAP_TEST(delete_under_a_commit),
         TAP_TEST(offset_delete_under_a_commit), TAP_TEST(live_group_loses_what_it_reads_no_more),
         TAP_TEST(walks_in_slices), TAP_TEST(lists_in_turns))

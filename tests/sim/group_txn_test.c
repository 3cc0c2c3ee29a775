/* Offsets that transactions commit: who may commit them, who sees them when, and what becomes of
 * them when groups, topics and coordinators go. */
#include "group_peer.h"

#include "broker/group/group_records.h"
#include "broker/group/manager_private.h"

enum { PRODUCER = 1000, OTHER = 1001 };

static int commit_as(int64_t producer, const char *member, int32_t generation, int32_t partition,
                     int64_t offset)
{
    struct group_world_commit *commit = group_world_commit_txn(&world, producer, 0, "g", member,
                                                               generation, "t", partition, offset);
    CHECK(group_world_until(&world, &commit->done, 1000));
    return commit->err;
}

static int commit(int64_t producer, int32_t partition, int64_t offset)
{
    return commit_as(producer, NULL, -1, partition, offset);
}

static int mark(int64_t producer, bool commits)
{
    struct group_world_mark *made = group_world_mark(&world, "g", producer, 0, commits);
    CHECK(group_world_until(&world, &made->done, 1000));
    return made->op.err;
}

static int64_t seen(int32_t partition)
{
    return group_world_fetch(&world, "g", "t", partition);
}

static int64_t seen_stable(int32_t partition)
{
    world.stable = true;
    int64_t offset = seen(partition);
    world.stable = false;
    return offset;
}

static void plain(int32_t partition, int64_t offset)
{
    struct group_world_commit *made =
        group_world_commit(&world, "g", NULL, NULL, -1, "t", partition, offset);
    CHECK(group_world_until(&world, &made->done, 1000));
    CHECK_INT(made->err, 0);
}

static size_t groups_left(void)
{
    const struct shard *shard =
        map_get_u64(&world.manager->shards, (uint32_t)group_world_partition("g"));
    return shard->groups.count;
}

/* ---- when they are seen ---- */

static void seen_after_the_commit_marker(void)
{
    group_world_init(&world, 1);
    plain(0, 3);
    CHECK_INT(commit(PRODUCER, 0, 7), 0);
    CHECK_INT(commit(PRODUCER, 1, 8), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(seen(0), 3);
        CHECK_INT(seen(1), -1);
        CHECK_INT(seen_stable(0), ERR_UNSTABLE_OFFSET_COMMIT);
        CHECK_INT(seen_stable(1), ERR_UNSTABLE_OFFSET_COMMIT);
        CHECK_INT(seen_stable(2), -1);
        group_world_failover(&world, true); /* a new coordinator knows as much */
    }
    CHECK_INT(mark(OTHER, true), 0);
    CHECK_INT(seen(0), 3);
    CHECK_INT(mark(PRODUCER, true), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(seen_stable(0), 7);
        CHECK_INT(seen_stable(1), 8);
        group_world_failover(&world, true);
    }
    CHECK_INT(mark(PRODUCER, false), 0); /* a late one of the same coordinator finds nothing */
    CHECK_INT(seen(0), 7);
    group_world_close(&world);
}

static void gone_with_the_abort(void)
{
    group_world_init(&world, 2);
    CHECK_INT(commit(PRODUCER, 0, 7), 0);
    CHECK_INT((int)groups_left(), 1);
    CHECK_INT(mark(PRODUCER, false), 0);
    CHECK_INT(seen_stable(0), -1);
    CHECK_INT((int)groups_left(), 0); /* it was made for these offsets */
    group_world_failover(&world, false);
    CHECK_INT(seen_stable(0), -1);
    CHECK_INT((int)groups_left(), 0);
    group_world_close(&world);
}

/* The younger record of a partition stands, as it does after compaction. */
static void younger_record_stands(void)
{
    group_world_init(&world, 3);
    CHECK_INT(commit(PRODUCER, 0, 7), 0);
    CHECK_INT(commit(OTHER, 1, 7), 0);
    CHECK_INT(commit(PRODUCER, 1, 8), 0);
    plain(0, 5);
    CHECK_INT(mark(PRODUCER, true), 0);
    CHECK_INT(mark(OTHER, true), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(seen(0), 5);
        CHECK_INT(seen(1), 8);
        group_world_failover(&world, false);
    }
    group_world_close(&world);
}

/* Until the marker is replicated nobody sees what it decides, and it is answered after. */
static void marker_counts_when_it_is_replicated(void)
{
    group_world_init(&world, 4);
    CHECK_INT(commit(PRODUCER, 0, 7), 0);
    world.hold = true;
    struct group_world_mark *made = group_world_mark(&world, "g", PRODUCER, 0, true);
    group_world_run(&world, 100);
    CHECK(!made->done);
    CHECK_INT(seen(0), -1);
    group_world_lose(&world, group_world_partition("g"), true);
    CHECK(made->done);
    CHECK_INT(made->op.err, ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(mark(PRODUCER, true), ERR_NOT_LEADER_OR_FOLLOWER); /* not led here */
    world.hold = false;
    group_world_lead(&world, group_world_partition("g"));
    CHECK_INT(mark(PRODUCER, true), ERR_NOT_LEADER_OR_FOLLOWER); /* it loads */
    group_world_run(&world, 100);
    CHECK_INT(seen_stable(0), ERR_UNSTABLE_OFFSET_COMMIT);
    CHECK_INT(mark(PRODUCER, true), 0);
    CHECK_INT(seen_stable(0), 7);
    group_world_close(&world);
}

static void log_refuses_the_marker(void)
{
    group_world_init(&world, 5);
    CHECK_INT(commit(PRODUCER, 0, 7), 0);
    world.append_error = ERR_TRANSACTION_COORDINATOR_FENCED;
    CHECK_INT(mark(PRODUCER, true), ERR_TRANSACTION_COORDINATOR_FENCED);
    world.append_error = ERR_NOT_ENOUGH_REPLICAS;
    CHECK_INT(mark(PRODUCER, true), ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(seen_stable(0), ERR_UNSTABLE_OFFSET_COMMIT);
    world.append_error = ERR_INVALID_PRODUCER_EPOCH;
    CHECK_INT(commit(PRODUCER, 0, 8), ERR_INVALID_PRODUCER_EPOCH);
    group_world_close(&world);
}

/* ---- while the coordinator of the transaction is asked ---- */

static struct group_world_commit *guarded(int64_t producer, int32_t partition, int64_t offset)
{
    struct group_world_commit *made =
        group_world_make_txn(&world, producer, 0, "g", NULL, -1, "t", partition, offset);
    CHECK_INT(group_manager_guard(world.manager, &made->op), 0);
    return made;
}

/* The coordinator has said yes. */
static int go_on(struct group_world_commit *made)
{
    group_manager_commit(world.manager, &made->op);
    CHECK(group_world_until(&world, &made->done, 1000));
    return made->err;
}

/* The marker is written between the coordinator's word and the commit: behind it, nothing would
 * ever end what the commit writes. Whether it is replicated by then does not matter. */
static void commit_behind_its_marker_is_refused(void)
{
    group_world_init(&world, 14);
    for (int held = 0; held < 2; held++) {
        struct group_world_commit *first = guarded(PRODUCER, 0, 7);
        struct group_world_commit *second = guarded(PRODUCER, 1, 8);
        struct group_world_commit *others = guarded(OTHER, 2, 9);
        world.hold = held;
        struct group_world_mark *made = group_world_mark(&world, "g", PRODUCER, 0, true);
        if (!held)
            CHECK(group_world_until(&world, &made->done, 1000));
        CHECK(group_manager_is_outdated(&first->op));
        CHECK(!group_manager_is_outdated(&others->op));
        group_manager_commit(world.manager, &first->op);
        group_manager_commit(world.manager, &second->op);
        world.hold = false;
        CHECK(group_world_until(&world, &made->done, 1000));
        CHECK(first->done && second->done);
        CHECK_INT(first->err, ERR_INVALID_TXN_STATE);
        CHECK_INT(second->err, ERR_INVALID_TXN_STATE);
        CHECK_INT(go_on(others), 0);
        CHECK_INT(seen_stable(0), -1);
        CHECK_INT(seen_stable(2), ERR_UNSTABLE_OFFSET_COMMIT);
        CHECK_INT(mark(OTHER, false), 0);
    }
    /* One that is asked about anew does not mind what came before. */
    struct group_world_commit *late = guarded(PRODUCER, 0, 7);
    CHECK_INT(mark(PRODUCER, true), 0);
    CHECK(group_manager_is_outdated(&late->op));
    CHECK_INT(group_manager_guard(world.manager, &late->op), 0);
    CHECK(!group_manager_is_outdated(&late->op));
    CHECK_INT(go_on(late), 0);
    CHECK_INT(mark(PRODUCER, true), 0);
    CHECK_INT(seen_stable(0), 7);
    group_world_close(&world);
}

/* Its leader was another meanwhile, who may have written the marker. */
static void commit_of_another_leadership_is_refused(void)
{
    group_world_init(&world, 15);
    struct group_world_commit *made = guarded(PRODUCER, 0, 7);
    struct group_world_commit *left = guarded(PRODUCER, 0, 7);
    group_world_failover(&world, false);
    CHECK(!group_manager_is_outdated(&made->op)); /* to ask anew would not help */
    CHECK_INT(go_on(made), ERR_NOT_COORDINATOR);
    txn_guard_clear(&left->op.guard);
    CHECK_INT(seen_stable(0), -1);
    left = guarded(PRODUCER, 0, 7); /* at the end of the world */
    group_world_lose(&world, group_world_partition("g"), false);
    CHECK_INT(group_manager_guard(world.manager, &left->op), ERR_NOT_COORDINATOR);
    CHECK_INT(go_on(left), ERR_NOT_COORDINATOR);
    group_world_close(&world);
}

/* A large one is written in several turns, and its transaction ends between two of them. */
static void rest_of_a_commit_is_guarded(void)
{
    struct offset_commit_request_offset_commit_request_partition two[2];
    group_world_init(&world, 16);
    world.deps.settings.commit_at_once_max = 1;
    group_world_restart(&world);
    struct group_world_commit *made = guarded(PRODUCER, 0, 7);
    two[0] = two[1] = made->partition;
    two[1].partition_index = 1;
    made->topic.partitions.items = two;
    made->topic.partitions.count = 2;
    world.hold = true;
    group_manager_commit(world.manager, &made->op);
    struct group_world_mark *end = group_world_mark(&world, "g", PRODUCER, 0, true);
    world.hold = false;
    CHECK(group_world_until(&world, &end->done, 1000));
    CHECK(group_world_until(&world, &made->done, 1000));
    CHECK_INT(made->err, ERR_INVALID_TXN_STATE);
    CHECK_INT(seen_stable(0), 7);
    CHECK_INT(seen_stable(1), -1);
    group_world_close(&world);
}

/* ---- who may commit ---- */

static void producer_must_be_one(void)
{
    group_world_init(&world, 6);
    CHECK_INT(commit(-1, 0, 7), ERR_INVALID_PRODUCER_ID_MAPPING);
    struct group_world_commit *made =
        group_world_commit_txn(&world, PRODUCER, -1, "g", NULL, -1, "t", 0, 7);
    CHECK_INT(made->err, ERR_INVALID_PRODUCER_EPOCH);
    made = group_world_commit_txn(&world, PRODUCER, 0, "", NULL, -1, "t", 0, 7);
    CHECK_INT(made->err, ERR_INVALID_GROUP_ID);
    CHECK_INT(commit_as(PRODUCER, "m", 3, 0, 7), ERR_ILLEGAL_GENERATION); /* no such group */
    CHECK_INT(commit(PRODUCER, 9, 7), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT((int)groups_left(), 0);
    group_world_close(&world);
}

static void classic_member_is_checked(void)
{
    group_world_init(&world, 7);
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    CHECK(group_world_until(&world, &join->done, 10000));
    CHECK_INT(join->err, 0);
    /* It has not synced: a plain commit would hear of the rebalance. */
    CHECK_INT(commit_as(PRODUCER, join->member_id, join->generation, 0, 7), 0);
    CHECK_INT(commit_as(PRODUCER, join->member_id, join->generation + 1, 0, 7),
              ERR_ILLEGAL_GENERATION);
    CHECK_INT(commit_as(PRODUCER, join->member_id, join->generation - 1, 0, 7),
              ERR_ILLEGAL_GENERATION);
    CHECK_INT(commit_as(PRODUCER, "another", join->generation, 0, 7), ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(commit(PRODUCER, 0, 8), 0); /* older producers name nobody */
    struct group_world_commit *by_hand = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 9);
    CHECK_INT(by_hand->err, ERR_UNKNOWN_MEMBER_ID);
    group_world_close(&world);
}

static int commit_by_id(const char *member, int32_t epoch)
{
    struct group_world_commit *made =
        group_world_commit_txn(&world, PRODUCER, 0, "g", member, epoch, "t", 0, 7);
    CHECK(group_world_until(&world, &made->done, 1000));
    /* The same once more, as from v6 on. */
    made->done = false;
    made->topic.topic_id = group_world_topic_id(&world, "t");
    made->op.version = GROUP_TXN_COMMIT_IDS_VERSION;
    group_manager_commit(world.manager, &made->op);
    CHECK(group_world_until(&world, &made->done, 1000));
    return made->err;
}

static void consumer_member_is_checked(void)
{
    struct peer peer;
    group_world_init(&world, 8);
    CHECK_INT(commit_by_id("a", 1), ERR_GROUP_ID_NOT_FOUND);
    peer_join(&peer, "a", "t");
    CHECK_INT(commit_as(PRODUCER, "a", peer.epoch, 0, 7), 0);
    CHECK_INT(commit_by_id("a", peer.epoch), 0);
    CHECK_INT(commit_as(PRODUCER, "a", peer.epoch + 1, 0, 7), ERR_ILLEGAL_GENERATION);
    CHECK_INT(commit_by_id("a", peer.epoch + 1), ERR_STALE_MEMBER_EPOCH);
    CHECK_INT(commit_as(PRODUCER, "b", peer.epoch, 0, 7), ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(commit(PRODUCER, 0, 8), 0);
    group_world_close(&world);
}

static void full_memory_takes_no_more(void)
{
    group_world_init(&world, 9);
    CHECK_INT(commit(PRODUCER, 0, 7), 0);
    world.manager->deps.settings.memory_max = world.manager->bytes;
    CHECK_INT(commit(PRODUCER, 1, 7), ERR_INVALID_COMMIT_OFFSET_SIZE);
    CHECK_INT(commit(OTHER, 0, 7), ERR_INVALID_COMMIT_OFFSET_SIZE);
    CHECK_INT(commit(PRODUCER, 0, 8), 0); /* in the place of the one before */
    CHECK_INT(mark(PRODUCER, true), 0);
    CHECK_INT(seen(0), 8);
    group_world_close(&world);
}

/* ---- what goes ---- */

static void offset_delete_ends_them(void)
{
    struct arena arena;
    struct offset_delete_request request;
    struct offset_delete_request_offset_delete_request_topic topic;
    struct offset_delete_request_offset_delete_request_partition partition = {.partition_index = 0};
    group_world_init(&world, 10);
    arena_init(&arena, 1 << 20);
    CHECK_INT(commit(PRODUCER, 0, 7), 0);
    CHECK_INT(commit(PRODUCER, 1, 8), 0);
    wire_defaults(&offset_delete_request_desc, &request);
    wire_defaults(&offset_delete_request_offset_delete_request_topic_desc, &topic);
    request.group_id = wire_str_from("g");
    request.topics.items = &topic;
    request.topics.count = 1;
    topic.name = wire_str_from("t");
    topic.partitions.items = &partition;
    topic.partitions.count = 1;
    struct group_world_offset_deletion deletion = {
        .op = {.request = &request, .arena = &arena, .done = group_world_offsets_deleted}};
    group_manager_delete_offsets(world.manager, &deletion.op);
    CHECK(group_world_until(&world, &deletion.done, 1000));
    CHECK_INT(deletion.op.response.error_code, 0);
    CHECK_INT(seen_stable(0), -1);
    CHECK_INT(seen_stable(1), ERR_UNSTABLE_OFFSET_COMMIT);
    CHECK_INT(mark(PRODUCER, true), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(seen_stable(0), -1);
        CHECK_INT(seen_stable(1), 8);
        group_world_failover(&world, false);
    }
    arena_close(&arena);
    group_world_close(&world);
}

static void group_delete_ends_them(void)
{
    struct arena arena;
    struct delete_groups_request request;
    struct wire_str name = wire_str_from("g");
    group_world_init(&world, 11);
    arena_init(&arena, 1 << 20);
    plain(0, 3);
    CHECK_INT(commit(PRODUCER, 0, 7), 0);
    CHECK_INT(commit(OTHER, 1, 8), 0);
    wire_defaults(&delete_groups_request_desc, &request);
    request.groups_names.items = &name;
    request.groups_names.count = 1;
    struct group_world_deletion deletion = {
        .op = {.request = &request, .arena = &arena, .done = group_world_deleted}};
    group_manager_delete(world.manager, &deletion.op);
    CHECK(group_world_until(&world, &deletion.done, 1000));
    CHECK_INT(deletion.op.response.results.items[0].error_code, 0);
    CHECK_INT((int)groups_left(), 0);
    CHECK_INT(mark(PRODUCER, true), 0);
    group_world_failover(&world, false);
    CHECK_INT(mark(OTHER, true), 0);
    CHECK_INT(seen_stable(0), -1);
    CHECK_INT(seen_stable(1), -1);
    CHECK_INT((int)groups_left(), 0);
    arena_close(&arena);
    group_world_close(&world);
}

/* What is pending does not expire, and holds up neither its group's end nor other offsets'. */
static void pending_ones_do_not_expire(void)
{
    int tombstones;
    group_world_init(&world, 12);
    plain(0, 3);
    plain(1, 4);
    CHECK_INT(commit(PRODUCER, 0, 7), 0);
    group_world_run(&world, 2 * world.deps.settings.retention_ms);
    CHECK_INT(seen(0), 3);
    CHECK_INT(seen(1), -1);
    group_world_count(&world, "g", RECORD_OFFSET, &tombstones);
    CHECK_INT(tombstones, 1);
    CHECK_INT(mark(PRODUCER, false), 0);
    group_world_run(&world, 2 * world.deps.settings.retention_check_ms);
    CHECK_INT(seen(0), -1);
    CHECK_INT((int)groups_left(), 0);
    group_world_close(&world);
}

/* The topic comes anew, and the walk over offsets of deleted topics leaves what a transaction
 * commits of the new one. */
static void commit_to_the_new_topic_stays(void)
{
    group_world_init(&world, 13);
    plain(0, 3);
    CHECK_INT(commit(OTHER, 1, 4), 0);
    world.append_error = ERR_NOT_ENOUGH_REPLICAS; /* no tombstone now */
    group_world_remove_topic(&world, "t");
    group_world_add_topic(&world, "t", 8);
    group_world_run(&world, 1000);
    world.append_error = 0;
    CHECK_INT(commit(PRODUCER, 0, 7), 0);
    group_world_run(&world, 2 * world.deps.settings.retention_check_ms);
    CHECK_INT(mark(PRODUCER, true), 0);
    CHECK_INT(mark(OTHER, true), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(seen_stable(0), 7);
        CHECK_INT(seen_stable(1), -1); /* of the old topic */
        group_world_run(&world, 2 * world.deps.settings.retention_check_ms);
        group_world_failover(&world, false);
    }
    group_world_close(&world);
}

TAP_MAIN(TAP_TEST(seen_after_the_commit_marker), TAP_TEST(gone_with_the_abort),
         TAP_TEST(younger_record_stands), TAP_TEST(marker_counts_when_it_is_replicated),
         TAP_TEST(log_refuses_the_marker), TAP_TEST(producer_must_be_one),
         TAP_TEST(classic_member_is_checked), TAP_TEST(consumer_member_is_checked),
         TAP_TEST(full_memory_takes_no_more), TAP_TEST(offset_delete_ends_them),
         TAP_TEST(group_delete_ends_them), TAP_TEST(pending_ones_do_not_expire),
         TAP_TEST(commit_to_the_new_topic_stays), TAP_TEST(commit_behind_its_marker_is_refused),
         TAP_TEST(commit_of_another_leadership_is_refused), TAP_TEST(rest_of_a_commit_is_guarded))

/* Committed offsets: when they count, who may commit, expiry, deletion, loading. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "broker/coordinator/coordinator_key.h"
#include "broker/group/group_records.h"
#include "group_world.h"
#include "tests/lib/batch_maker.h"

static struct group_world world;

enum { DAY_MS = 86400000 };

/* Nobody waits for it. */
static void append_whole(int32_t partition, struct buf *bytes)
{
    struct partition_append_op append = {.bytes = bytes->data, .len = bytes->len};
    CHECK_INT(world.deps.log->append(&world, partition, &append), 0);
    world.deps.log->append_cancel(&world, &append);
}

static void commit_ok(const char *group, int32_t partition, int64_t offset)
{
    struct group_world_commit *commit =
        group_world_commit(&world, group, NULL, NULL, -1, "t", partition, offset);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
}

static struct group_world_join *member(const char *group)
{
    uint64_t mask = 0xff;
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = group, .version = 3);
    CHECK(group_world_until(&world, &join->done, 5000));
    struct group_world_sync *sync = group_world_sync(&world, group, join->member_id, NULL,
                                                     join->generation, join->members, &mask, 1);
    CHECK(group_world_until(&world, &sync->done, 1000));
    CHECK_INT(sync->err, 0);
    return join;
}

/* ---- committing ---- */

static void counts_when_replicated(void)
{
    group_world_init(&world, 1);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    commit_ok("g", 0, 5);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 5);
    world.hold = true;
    struct group_world_commit *commit = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 9);
    group_world_run(&world, 1000);
    CHECK(!commit->done);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 5);
    /* The leader goes; the commit was on no other replica. */
    group_world_failover(&world, true);
    CHECK_INT(commit->err, ERR_NOT_COORDINATOR);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 5);
    group_world_close(&world);
}

static void late_commits(void)
{
    group_world_init(&world, 2);
    world.hold = true;
    struct group_world_commit *commit = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 9);
    group_world_run(&world, 4900);
    CHECK(!commit->done);
    group_world_run(&world, 200);
    CHECK(commit->done);
    CHECK_INT(commit->err, ERR_COORDINATOR_NOT_AVAILABLE);
    /* It gets through after all. */
    world.hold = false;
    commit_ok("g", 1, 1);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 9);
    group_world_close(&world);
}

static void errors_of_the_log(void)
{
    static const int errors[][2] = {
        {ERR_NOT_ENOUGH_REPLICAS, ERR_COORDINATOR_NOT_AVAILABLE},
        {ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_COORDINATOR_NOT_AVAILABLE},
        {ERR_NOT_LEADER_OR_FOLLOWER, ERR_NOT_COORDINATOR},
        {ERR_KAFKA_STORAGE_ERROR, ERR_NOT_COORDINATOR},
        {ERR_MESSAGE_TOO_LARGE, ERR_INVALID_COMMIT_OFFSET_SIZE},
    };
    group_world_init(&world, 3);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        world.append_error = errors[i][0];
        CHECK_INT(group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 9)->err, errors[i][1]);
    }
    world.append_error = 0;
    world.safe_error = ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    struct group_world_commit *commit = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 9);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    group_world_close(&world);
}

static void too_much_metadata(void)
{
    char note[4098];
    group_world_init(&world, 19);
    memset(note, 'x', sizeof(note) - 1);
    note[sizeof(note) - 1] = '\0';
    commit_ok("g", 0, 5);
    struct group_world_commit *commit = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 6);
    CHECK(group_world_until(&world, &commit->done, 1000));
    commit->done = false;
    commit->partition.committed_offset = 7;
    commit->partition.committed_metadata = wire_str_from(note);
    group_manager_commit(world.manager, &commit->op);
    CHECK(commit->done);
    CHECK_INT(commit->err, ERR_OFFSET_METADATA_TOO_LARGE);
    commit->done = false;
    commit->partition.committed_metadata = wire_str_from(note + 1); /* the most that is allowed */
    group_manager_commit(world.manager, &commit->op);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
    group_world_close(&world);
}

/* Trap 58. */
static void fencing(void)
{
    group_world_init(&world, 4);
    struct group_world_join *join = member("g");
    const char *id = join->member_id;
    CHECK_INT(group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 1)->err,
              ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_commit(&world, "g", "x", NULL, 1, "t", 0, 1)->err, ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_commit(&world, "g", id, NULL, 0, "t", 0, 1)->err, ERR_ILLEGAL_GENERATION);
    CHECK_INT(group_world_commit(&world, "g", id, NULL, 2, "t", 0, 1)->err, ERR_ILLEGAL_GENERATION);
    CHECK_INT(group_world_commit(&world, "g", id, "i", 1, "t", 0, 1)->err, ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_commit(&world, "none", "x", NULL, 1, "t", 0, 1)->err,
              ERR_GROUP_ID_NOT_FOUND);
    CHECK_INT(group_world_commit(&world, "g", id, NULL, 1, "absent", 0, 1)->err,
              ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(group_world_commit(&world, "g", id, NULL, 1, "t", 8, 1)->err,
              ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(group_world_commit(&world, "g", id, NULL, 1, "t", -1, 1)->err,
              ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    struct group_world_commit *commit = group_world_commit(&world, "g", id, NULL, 1, "t", 0, 7);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
    /* While others join, the old generation may still commit; while it is assigned, it may not. */
    struct group_world_join *other = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    commit = group_world_commit(&world, "g", id, NULL, 1, "t", 0, 8);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
    struct group_world_join *again =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = id, .version = 3);
    CHECK(group_world_until(&world, &other->done, 1000));
    CHECK(again->done);
    CHECK_INT(group_world_commit(&world, "g", id, NULL, 1, "t", 0, 9)->err, ERR_ILLEGAL_GENERATION);
    CHECK_INT(group_world_commit(&world, "g", id, NULL, 2, "t", 0, 9)->err,
              ERR_REBALANCE_IN_PROGRESS);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 8);
    group_world_close(&world);
}

/* ---- loading (trap 56) ---- */

static void never_no_offset_while_loading(void)
{
    group_world_init(&world, 5);
    commit_ok("g", 3, 33);
    world.load_ms = 500;
    group_world_lose(&world, group_world_partition("g"), false);
    CHECK_INT(group_world_fetch(&world, "g", "t", 3), ERR_NOT_COORDINATOR);
    group_world_lead(&world, group_world_partition("g"));
    for (int i = 0; i < 49; i++) {
        CHECK_INT(group_world_fetch(&world, "g", "t", 3), ERR_COORDINATOR_LOAD_IN_PROGRESS);
        group_world_run(&world, 10);
    }
    group_world_run(&world, 20);
    CHECK_INT(group_world_fetch(&world, "g", "t", 3), 33);
    group_world_close(&world);
}

static void damaged_log(void)
{
    group_world_init(&world, 6);
    commit_ok("g", 3, 33);
    int32_t partition = group_world_partition("g");
    uint8_t *byte = &world.logs[partition].bytes.data[world.logs[partition].bytes.len - 1];
    *byte ^= 1;
    group_world_failover(&world, false);
    CHECK_INT(group_world_fetch(&world, "g", "t", 3), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    *byte ^= 1; /* the disk is mended */
    group_world_run(&world, 2000);
    CHECK_INT(group_world_fetch(&world, "g", "t", 3), 33);
    group_world_close(&world);
}

/* What a Kafka broker may have written: records that we don't know are skipped. */
static void foreign_records(void)
{
    struct consumer_group_regular_expression_key key = {.group_id = wire_str_from("s"),
                                                        .regular_expression = wire_str_from("x.*")};
    struct consumer_group_regular_expression_value value = {.version = 1};
    struct records records;
    group_world_init(&world, 7);
    int32_t partition = group_world_partition("g");
    records_init(&records, 0);
    records_put(&records, 23, &consumer_group_regular_expression_key_desc, &key, 0,
                &consumer_group_regular_expression_value_desc, &value);
    CHECK_INT(records_finish(&records), 0);
    append_whole(partition, &records.batches);
    records_close(&records);
    commit_ok("g", 0, 4);
    group_world_failover(&world, false);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 4);
    group_world_close(&world);
}

static bool list_ended;

static void list_done(struct group_list *list)
{
    (void)list;
    list_ended = true;
}

static void list_wait(struct group_list *list)
{
    list_ended = false;
    list->done = list_done;
    group_manager_list(world.manager, list);
    CHECK(group_world_until(&world, &list_ended, 1000));
}

/* How many groups of that state and type there are; NULL = all. */
static int listed(const char *state, const char *type)
{
    struct list_groups_request request;
    struct group_list list = {.request = &request};
    struct wire_str states = wire_str_from(state);
    struct wire_str types = wire_str_from(type);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    list.arena = &arena;
    wire_defaults(&list_groups_request_desc, &request);
    request.states_filter.count = state != NULL;
    request.states_filter.items = &states;
    request.types_filter.count = type != NULL;
    request.types_filter.items = &types;
    list_wait(&list);
    CHECK_INT(list.response.error_code, 0);
    arena_close(&arena);
    mem_free(list.groups);
    return list.response.groups.count;
}

/* ---- expiry (trap 60) ---- */

/* As the versions do that may say something about time. */
static void commit_old(int16_t version, int64_t stamp_ms, int64_t retention_ms)
{
    struct group_world_commit *commit =
        group_world_commit(&world, "old", NULL, NULL, -1, "t", 0, 1);
    CHECK(group_world_until(&world, &commit->done, 1000));
    commit->done = false;
    commit->op.version = version;
    commit->partition.commit_timestamp = stamp_ms;
    commit->request.retention_time_ms = retention_ms;
    group_manager_commit(world.manager, &commit->op);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
}

/* A group of the consumer protocol that was empty for less than the retention keeps its offsets,
 * however old they are. */
static void expiry_of_a_consumer_group(void)
{
    static const uint64_t nothing[2];
    group_world_init(&world, 20);
    commit_ok("c", 0, 7);
    struct group_world_beat *beat =
        GROUP_WORLD_BEAT(&world, .group = "c", .member_id = "a", .topics = "t", .owned = nothing,
                         .rebalance_ms = 1000);
    CHECK(group_world_until(&world, &beat->done, 1000));
    for (int i = 0; i < 8 * DAY_MS / 40000; i++) {
        beat = GROUP_WORLD_BEAT(&world, .group = "c", .member_id = "a", .epoch = beat->epoch);
        group_world_run(&world, 40000);
        CHECK_INT(beat->err, 0);
    }
    beat = GROUP_WORLD_BEAT(&world, .group = "c", .member_id = "a", .epoch = -1);
    group_world_run(&world, 6LL * DAY_MS);
    CHECK_INT(group_world_fetch(&world, "c", "t", 0), 7);
    group_world_run(&world, (int64_t)DAY_MS + 700000);
    CHECK_INT(group_world_fetch(&world, "c", "t", 0), -1);
    CHECK_INT(listed(NULL, NULL), 0);
    group_world_close(&world);
}

static void expiry(void)
{
    int tombstones;
    group_world_init(&world, 8);
    struct group_world_join *join = member("g");
    struct group_world_commit *commit =
        group_world_commit(&world, "g", join->member_id, NULL, 1, "t", 0, 7);
    CHECK(group_world_until(&world, &commit->done, 1000));
    commit_ok("simple", 0, 3);
    /* An active member keeps its group's offsets for ever. */
    for (int i = 0; i < 8 * DAY_MS / 5000; i++) {
        CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 1), 0);
        group_world_run(&world, 5000);
    }
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
    CHECK_INT(group_world_fetch(&world, "simple", "t", 0), -1);
    /* Its time runs from when it became empty. */
    CHECK_INT(group_world_leave(&world, "g", join->member_id, NULL), 0);
    group_world_run(&world, 6LL * DAY_MS);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
    group_world_failover(&world, false);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
    group_world_run(&world, (int64_t)DAY_MS + 700000);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    group_world_count(&world, "g", RECORD_GROUP, &tombstones);
    CHECK_INT(tombstones, 1);
    group_world_failover(&world, false);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    CHECK_INT(listed(NULL, NULL), 0); /* the group is gone too */
    group_world_close(&world);
}

/* Only the true age counts. */
static void a_clock_set_ahead_expires_nothing(void)
{
    group_world_init(&world, 22);
    sim_node_set_wall_offset(world.node, 0);
    commit_ok("g", 0, 7);
    commit_old(4, -1, 2 * DAY_MS);
    group_world_run(&world, 700000);
    sim_node_set_wall_offset(world.node, 40LL * DAY_MS);
    group_world_run(&world, 3 * 700000);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
    CHECK_INT(group_world_fetch(&world, "old", "t", 0), 1);
    sim_node_set_wall_offset(world.node, 0);
    group_world_run(&world, DAY_MS);
    CHECK_INT(group_world_fetch(&world, "old", "t", 0), 1);
    group_world_run(&world, DAY_MS);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
    CHECK_INT(group_world_fetch(&world, "old", "t", 0), -1);
    group_world_run(&world, 6LL * DAY_MS);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    group_world_close(&world);
}

/* ---- topics go ---- */

static void topic_is_deleted(void)
{
    group_world_init(&world, 9);
    commit_ok("g", 0, 7);
    commit_ok("h", 1, 8);
    struct group_world_commit *other = group_world_commit(&world, "g", NULL, NULL, -1, "u", 0, 5);
    CHECK(group_world_until(&world, &other->done, 1000));
    group_world_remove_topic(&world, "t");
    group_world_run(&world, 100);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    CHECK_INT(group_world_fetch(&world, "h", "t", 1), -1);
    CHECK_INT(group_world_fetch(&world, "g", "u", 0), 5);
    /* A topic of the same name is another topic. */
    group_world_add_topic(&world, "t", 8);
    group_world_failover(&world, false);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    CHECK_INT(group_world_fetch(&world, "g", "u", 0), 5);
    group_world_close(&world);
}

static void topic_is_deleted_while_we_load(void)
{
    group_world_init(&world, 10);
    commit_ok("g", 0, 7);
    group_world_lose(&world, group_world_partition("g"), false);
    group_world_remove_topic(&world, "t");
    group_world_lead(&world, group_world_partition("g"));
    group_world_run(&world, 100);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    group_world_close(&world);
}

/* A commit that is on its way when its topic is deleted is nobody's when it arrives: a later topic
 * of that name begins without it. */
static void topic_is_deleted_under_a_commit(void)
{
    group_world_init(&world, 17);
    world.hold = true;
    struct group_world_commit *commit = group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 9);
    struct group_world_commit *other = group_world_commit(&world, "g", NULL, NULL, -1, "u", 0, 5);
    group_world_remove_topic(&world, "t");
    world.hold = false;
    group_world_add_topic(&world, "w", 1);
    struct group_world_commit *last = group_world_commit(&world, "g", NULL, NULL, -1, "w", 0, 1);
    CHECK(group_world_until(&world, &last->done, 1000));
    CHECK(commit->done);
    CHECK(other->done);
    group_world_run(&world, 100);
    group_world_add_topic(&world, "t", 8);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    CHECK_INT(group_world_fetch(&world, "g", "u", 0), 5);
    group_world_failover(&world, false);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    group_world_close(&world);
}

/* ---- what old versions may say about time ---- */

static void times_of_old_versions(void)
{
    group_world_init(&world, 18);
    commit_old(4, -1, DAY_MS); /* it asks for a day */
    group_world_run(&world, DAY_MS - 600000);
    CHECK_INT(group_world_fetch(&world, "old", "t", 0), 1);
    group_world_run(&world, 2 * 600000);
    CHECK_INT(group_world_fetch(&world, "old", "t", 0), -1);
    commit_old(2, -1, INT64_MAX);
    group_world_run(&world, 30LL * DAY_MS);
    CHECK_INT(group_world_fetch(&world, "old", "t", 0), 1);
    commit_old(1, INT64_MAX, -1);
    group_world_run(&world, 30LL * DAY_MS);
    CHECK_INT(group_world_fetch(&world, "old", "t", 0), 1);
    commit_old(1, 1, -1); /* long ago */
    group_world_run(&world, 600000);
    CHECK_INT(group_world_fetch(&world, "old", "t", 0), -1);
    group_world_close(&world);
}

/* ---- administration ---- */

static void delete_groups(void)
{
    struct wire_str names[] = {wire_str_from("g"), wire_str_from("busy"), wire_str_from("none")};
    struct delete_groups_request request;
    struct arena arena;
    struct group_world_deletion deletion = {
        .op = {.request = &request, .arena = &arena, .done = group_world_deleted}};
    group_world_init(&world, 11);
    arena_init(&arena, 1 << 20);
    commit_ok("g", 0, 7);
    member("busy");
    wire_defaults(&delete_groups_request_desc, &request);
    request.groups_names.count = 3;
    request.groups_names.items = names;
    group_manager_delete(world.manager, &deletion.op);
    CHECK(!deletion.done);
    CHECK(group_world_until(&world, &deletion.done, 1000));
    CHECK_INT(deletion.op.response.results.items[0].error_code, 0);
    CHECK_INT(deletion.op.response.results.items[1].error_code, err_to_wire(ERR_NON_EMPTY_GROUP));
    CHECK_INT(deletion.op.response.results.items[2].error_code,
              err_to_wire(ERR_GROUP_ID_NOT_FOUND));
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    group_world_failover(&world, false);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), -1);
    arena_close(&arena);
    group_world_close(&world);
}

static void list_and_describe(void)
{
    struct list_groups_request request;
    struct group_list list = {.request = &request};
    const struct list_groups_response *response = &list.response;
    struct describe_groups_response_described_group described;
    struct wire_str state = wire_str_from("stable");
    struct arena arena;
    group_world_init(&world, 12);
    arena_init(&arena, 1 << 20);
    list.arena = &arena;
    commit_ok("simple", 0, 7);
    member("busy");
    wire_defaults(&list_groups_request_desc, &request);
    list_wait(&list);
    CHECK_INT(response->error_code, 0);
    CHECK_INT(response->groups.count, 2);
    mem_free(list.groups);
    request.states_filter.count = 1;
    request.states_filter.items = &state;
    list_wait(&list);
    CHECK_INT(response->groups.count, 1);
    CHECK(wire_str_is(response->groups.items[0].group_id, "busy"));
    CHECK(wire_str_is(response->groups.items[0].group_state, "Stable"));
    CHECK(wire_str_is(response->groups.items[0].group_type, "classic"));
    mem_free(list.groups);
    wire_defaults(&describe_groups_response_described_group_desc, &described);
    group_manager_describe(world.manager, wire_str_from("busy"), 5, &arena, &described);
    CHECK_INT(described.error_code, 0);
    CHECK_INT(described.members.count, 1);
    CHECK(wire_str_is(described.protocol_data, "range"));
    CHECK_INT(described.members.items[0].member_assignment.len, 8);
    static const uint64_t nothing[2];
    struct group_world_beat *beat =
        GROUP_WORLD_BEAT(&world, .group = "new", .member_id = "a", .topics = "t", .owned = nothing,
                         .rebalance_ms = 1000);
    CHECK(group_world_until(&world, &beat->done, 1000));
    CHECK_INT(listed(NULL, NULL), 3);
    CHECK_INT(listed(NULL, "Consumer"), 1);
    CHECK_INT(listed(NULL, "classic"), 2);
    CHECK_INT(listed(NULL, "share"), 0);
    CHECK_INT(listed("stable", NULL), 2);
    CHECK_INT(listed("stable", "consumer"), 1);
    CHECK_INT(listed("empty", "consumer"), 0);
    /* DescribeGroups is for classic groups. */
    wire_defaults(&describe_groups_response_described_group_desc, &described);
    group_manager_describe(world.manager, wire_str_from("new"), 5, &arena, &described);
    CHECK_INT(described.error_code, 0);
    CHECK(wire_str_is(described.group_state, "Dead"));
    group_manager_describe(world.manager, wire_str_from("new"), 6, &arena, &described);
    CHECK_INT(described.error_code, err_to_wire(ERR_GROUP_ID_NOT_FOUND));
    wire_defaults(&describe_groups_response_described_group_desc, &described);
    group_manager_describe(world.manager, wire_str_from("none"), 5, &arena, &described);
    CHECK_INT(described.error_code, 0);
    CHECK(wire_str_is(described.group_state, "Dead"));
    group_manager_describe(world.manager, wire_str_from("none"), 6, &arena, &described);
    CHECK_INT(described.error_code, err_to_wire(ERR_GROUP_ID_NOT_FOUND));
    arena_close(&arena);
    group_world_close(&world);
}

/* ---- all forms of a fetch ---- */

static void fetch(bool by_id, bool stable,
                  const struct offset_fetch_request_offset_fetch_request_group *request,
                  struct arena *arena,
                  struct offset_fetch_response_offset_fetch_response_group *response)
{
    struct group_fetch op = {
        .request = request, .by_id = by_id, .require_stable = stable, .arena = arena};
    wire_defaults(&offset_fetch_response_offset_fetch_response_group_desc, response);
    group_manager_fetch(world.manager, &op, response);
}

static void fetch_all_and_by_id(void)
{
    struct offset_fetch_request_offset_fetch_request_group request;
    struct offset_fetch_request_offset_fetch_request_topics topic;
    struct offset_fetch_response_offset_fetch_response_group response;
    struct arena arena;
    int32_t partition = 3;
    group_world_init(&world, 14);
    arena_init(&arena, 1 << 20);
    commit_ok("g", 3, 7);
    struct group_world_commit *other = group_world_commit(&world, "g", NULL, NULL, -1, "u", 1, 5);
    CHECK(group_world_until(&world, &other->done, 1000));
    wire_defaults(&offset_fetch_request_offset_fetch_request_group_desc, &request);
    request.group_id = wire_str_from("g");
    request.topics.count = -1;
    fetch(true, false, &request, &arena, &response);
    CHECK_INT(response.error_code, 0);
    CHECK_INT(response.topics.count, 2);
    for (int i = 0; i < 2; i++) {
        bool is_t = wire_str_is(response.topics.items[i].name, "t");
        struct uuid id = group_world_topic_id(&world, is_t ? "t" : "u");
        CHECK(uuid_equal(&response.topics.items[i].topic_id, &id));
        CHECK_INT(response.topics.items[i].partitions.count, 1);
        CHECK_INT(response.topics.items[i].partitions.items[0].committed_offset, is_t ? 7 : 5);
        CHECK(wire_str_is(response.topics.items[i].partitions.items[0].metadata, "note"));
    }
    wire_defaults(&offset_fetch_request_offset_fetch_request_topics_desc, &topic);
    topic.topic_id = group_world_topic_id(&world, "t");
    topic.partition_indexes.count = 1;
    topic.partition_indexes.items = &partition;
    request.topics.count = 1;
    request.topics.items = &topic;
    fetch(true, false, &request, &arena, &response);
    CHECK_INT(response.topics.items[0].partitions.items[0].committed_offset, 7);
    topic.topic_id.bytes[0] ^= 1;
    fetch(true, false, &request, &arena, &response);
    CHECK_INT(response.topics.items[0].partitions.items[0].error_code,
              err_to_wire(ERR_UNKNOWN_TOPIC_ID));
    arena_close(&arena);
    group_world_close(&world);
}

/* ---- transactions: what a coordinator finds in the log (trap 55) ---- */

static void append(int32_t partition, struct buf *bytes)
{
    append_whole(partition, bytes);
    world.logs[partition].safe_len = world.logs[partition].bytes.len;
}

static void append_pending(int64_t producer_id, int32_t index, int64_t offset)
{
    struct records records;
    struct offset_commit_key key = {wire_str_from("g"), wire_str_from("t"), index};
    struct offset_commit_value value = {.offset = offset, .metadata = wire_str_from("")};
    records_init(&records, 0);
    records.producer_id = producer_id;
    records_put(&records, RECORD_OFFSET, &offset_commit_key_desc, &key, 3,
                &offset_commit_value_desc, &value);
    CHECK_INT(records_finish(&records), 0);
    append(group_world_partition("g"), &records.batches);
    records_close(&records);
}

static void append_marker(int64_t producer_id, bool commit)
{
    struct buf marker = batch_make_marker((struct batch_marker){
        .producer_id = producer_id, .epoch = -1, .leader_epoch = -1, .commit = commit});
    append(group_world_partition("g"), &marker);
    buf_close(&marker);
}

static int64_t fetch_stable(int32_t partition)
{
    struct offset_fetch_request_offset_fetch_request_group request;
    struct offset_fetch_request_offset_fetch_request_topics topic;
    struct offset_fetch_response_offset_fetch_response_group response;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    wire_defaults(&offset_fetch_request_offset_fetch_request_group_desc, &request);
    wire_defaults(&offset_fetch_request_offset_fetch_request_topics_desc, &topic);
    request.group_id = wire_str_from("g");
    request.topics.count = 1;
    request.topics.items = &topic;
    topic.name = wire_str_from("t");
    topic.partition_indexes.count = 1;
    topic.partition_indexes.items = &partition;
    fetch(false, true, &request, &arena, &response);
    int err = err_from_wire(response.topics.items[0].partitions.items[0].error_code);
    int64_t offset = response.topics.items[0].partitions.items[0].committed_offset;
    arena_close(&arena);
    return err ? err : offset;
}

static void transactions(void)
{
    group_world_init(&world, 15);
    commit_ok("g", 0, 1);
    append_pending(7, 0, 20);
    append_pending(8, 1, 30);
    append_pending(9, 2, 40);
    append_marker(8, true);
    append_marker(9, false);
    group_world_failover(&world, false);
    CHECK_INT(fetch_stable(0), ERR_UNSTABLE_OFFSET_COMMIT);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 1);
    CHECK_INT(fetch_stable(1), 30);
    CHECK_INT(fetch_stable(2), -1);
    append_marker(7, true);
    group_world_failover(&world, false);
    CHECK_INT(fetch_stable(0), 20);
    group_world_close(&world);
}

/* ---- deleting offsets (KIP-496) ---- */

struct offset_deletion {
    struct group_offset_delete op;
    bool done;
};

static void offset_deletion_done(struct group_offset_delete *op)
{
    CONTAINER_OF(op, struct offset_deletion, op)->done = true;
}

static void delete_offsets(void)
{
    struct offset_delete_request_offset_delete_request_partition partition = {.partition_index = 0};
    struct offset_delete_request_offset_delete_request_topic topics[2] = {
        {.name = wire_str_from("t"), .partitions = {1, &partition}},
        {.name = wire_str_from("u"), .partitions = {1, &partition}}};
    struct offset_delete_request request = {.group_id = wire_str_from("g"), .topics = {2, topics}};
    struct arena arena;
    struct offset_deletion deletion = {
        .op = {.request = &request, .arena = &arena, .done = offset_deletion_done}};
    group_world_init(&world, 16);
    arena_init(&arena, 1 << 20);
    group_manager_delete_offsets(world.manager, &deletion.op);
    CHECK(deletion.done);
    CHECK_INT(deletion.op.response.error_code, err_to_wire(ERR_GROUP_ID_NOT_FOUND));
    commit_ok("g", 0, 7);
    struct group_world_commit *other = group_world_commit(&world, "g", NULL, NULL, -1, "u", 0, 5);
    CHECK(group_world_until(&world, &other->done, 1000));
    member("g"); /* reads t */
    deletion.done = false;
    group_manager_delete_offsets(world.manager, &deletion.op);
    CHECK(group_world_until(&world, &deletion.done, 1000));
    CHECK_INT(deletion.op.response.error_code, 0);
    CHECK_INT(deletion.op.response.topics.items[0].partitions.items[0].error_code,
              err_to_wire(ERR_GROUP_SUBSCRIBED_TO_TOPIC));
    CHECK_INT(deletion.op.response.topics.items[1].partitions.items[0].error_code, 0);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
    CHECK_INT(group_world_fetch(&world, "g", "u", 0), -1);
    arena_close(&arena);
    group_world_close(&world);
}

/* ---- many ---- */

static void ten_thousand_groups(void)
{
    enum { GROUPS = 10000, EACH = 10 };
    struct records records;
    char name[32];
    group_world_init(&world, 13);
    records_init(&records, 0);
    int32_t partition = 0;
    for (int i = 0; i < GROUPS; i++) {
        snprintf(name, sizeof(name), "group-%d", i);
        for (int32_t j = 0; j < EACH; j++) {
            struct offset_commit_key key = {wire_str_from(name), wire_str_from(j < 8 ? "t" : "u"),
                                            j % 8};
            struct offset_commit_value value = {.offset = i + j, .metadata = wire_str_from("")};
            records_put(&records, RECORD_OFFSET, &offset_commit_key_desc, &key, 3,
                        &offset_commit_value_desc, &value);
        }
    }
    CHECK_INT(records_finish(&records), 0);
    append_whole(partition, &records.batches);
    records_close(&records);
    world.logs[0].safe_len = world.logs[0].bytes.len;
    group_world_failover(&world, false);
    for (int i = 0; i < GROUPS; i += 997) {
        snprintf(name, sizeof(name), "group-%d", i);
        if (group_world_partition(name) == 0) {
            CHECK_INT(group_world_fetch(&world, name, "t", 3), i + 3);
            CHECK_INT(group_world_fetch(&world, name, "u", 1), i + 9);
        }
    }
    group_world_close(&world);
}

static void java_hash(void)
{
    CHECK_INT(coordinator_key_partition(wire_str_from("group-1"), 50), 49);
    CHECK_INT(coordinator_key_partition(wire_str_from(""), 50), 0);
    /* "polygenelubricants" hashes to -2147483648, which has no absolute value. */
    CHECK_INT(coordinator_key_partition(wire_str_from("polygenelubricants"), 50), 0);
    CHECK_INT(coordinator_key_partition(wire_str_from("\xc3\xa9"), 1000), 233);
    /* U+1F600 is d83d de00: 55357 * 31 + 56832. */
    CHECK_INT(coordinator_key_partition(wire_str_from("\xf0\x9f\x98\x80"), 10000000), 1772899);
}

TAP_MAIN(TAP_TEST(counts_when_replicated), TAP_TEST(late_commits), TAP_TEST(too_much_metadata),
         TAP_TEST(errors_of_the_log), TAP_TEST(fencing), TAP_TEST(never_no_offset_while_loading),
         TAP_TEST(damaged_log), TAP_TEST(foreign_records), TAP_TEST(expiry),
         TAP_TEST(a_clock_set_ahead_expires_nothing), TAP_TEST(expiry_of_a_consumer_group),
         TAP_TEST(topic_is_deleted), TAP_TEST(topic_is_deleted_while_we_load),
         TAP_TEST(topic_is_deleted_under_a_commit), TAP_TEST(times_of_old_versions),
         TAP_TEST(delete_groups), TAP_TEST(list_and_describe), TAP_TEST(fetch_all_and_by_id),
         TAP_TEST(transactions), TAP_TEST(delete_offsets), TAP_TEST(ten_thousand_groups),
         TAP_TEST(java_hash))

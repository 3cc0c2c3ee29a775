/* Commits of many offsets, which are written in several turns: what else may happen meanwhile. */
#include <string.h>

#include "../unit/tap.h"
#include "base/mem.h"
#include "broker/group/group_records.h"
#include "group_world.h"

static struct group_world world;

enum { T_PARTITIONS = 8, U_PARTITIONS = 4, AT_ONCE = 3 };

/* All partitions of both topics, and one that does not exist. */
struct big {
    struct group_commit op;
    struct offset_commit_request request;
    struct offset_commit_request_offset_commit_request_topic topics[2];
    struct offset_commit_request_offset_commit_request_partition t[T_PARTITIONS];
    struct offset_commit_request_offset_commit_request_partition u[U_PARTITIONS + 1];
    struct arena arena;
    bool done;
};

static void big_done(struct group_commit *op)
{
    struct big *big = CONTAINER_OF(op, struct big, op);
    CHECK(!big->done);
    big->done = true;
}

static void big_fill(struct offset_commit_request_offset_commit_request_partition *partitions,
                     int32_t count, int64_t offset)
{
    for (int32_t i = 0; i < count; i++) {
        wire_defaults(&offset_commit_request_offset_commit_request_partition_desc, &partitions[i]);
        partitions[i].partition_index = i;
        partitions[i].committed_offset = offset;
        partitions[i].committed_metadata = wire_str_from("");
    }
}

static void big_commit(struct big *big, const char *member_id, int32_t generation, int64_t offset)
{
    memset(big, 0, sizeof(*big));
    arena_init(&big->arena, 1 << 20);
    wire_defaults(&offset_commit_request_desc, &big->request);
    big_fill(big->t, T_PARTITIONS, offset);
    big_fill(big->u, U_PARTITIONS + 1, offset);
    for (int i = 0; i < 2; i++) {
        wire_defaults(&offset_commit_request_offset_commit_request_topic_desc, &big->topics[i]);
        big->topics[i].name = wire_str_from(i ? "u" : "t");
        big->topics[i].partitions.count = i ? U_PARTITIONS + 1 : T_PARTITIONS;
        big->topics[i].partitions.items = i ? big->u : big->t;
    }
    big->request.group_id = wire_str_from("g");
    big->request.member_id = wire_str_from(member_id);
    big->request.generation_id_or_member_epoch = generation;
    big->request.topics.count = 2;
    big->request.topics.items = big->topics;
    big->op.request = &big->request;
    big->op.version = 9;
    big->op.arena = &big->arena;
    big->op.done = big_done;
    group_manager_commit(world.manager, &big->op);
}

/* The error of all partitions that exist. */
static int big_ends(struct big *big, int64_t ms)
{
    CHECK(group_world_until(&world, &big->done, ms));
    int16_t code = big->op.response.topics.items[0].partitions.items[0].error_code;
    for (int i = 0; i < 2; i++)
        for (int32_t j = 0; j < (i ? U_PARTITIONS : T_PARTITIONS); j++)
            CHECK_INT(big->op.response.topics.items[i].partitions.items[j].error_code, code);
    CHECK_INT(big->op.response.topics.items[1].partitions.items[U_PARTITIONS].error_code,
              err_to_wire(code == err_to_wire(ERR_NOT_COORDINATOR) ||
                                  code == err_to_wire(ERR_COORDINATOR_NOT_AVAILABLE) ||
                                  code == err_to_wire(ERR_COORDINATOR_LOAD_IN_PROGRESS)
                              ? err_from_wire(code)
                              : ERR_UNKNOWN_TOPIC_OR_PARTITION));
    arena_close(&big->arena);
    return err_from_wire(code);
}

static void begin(uint64_t seed)
{
    group_world_init(&world, seed);
    world.deps.settings.commit_at_once_max = AT_ONCE;
    group_world_restart(&world);
}

static void all_are(int64_t offset)
{
    for (int32_t i = 0; i < T_PARTITIONS; i++)
        CHECK_INT(group_world_fetch(&world, "g", "t", i), offset);
    for (int32_t i = 0; i < U_PARTITIONS; i++)
        CHECK_INT(group_world_fetch(&world, "g", "u", i), offset);
}

static int ended(struct group_world_commit *commit, int64_t ms)
{
    CHECK(group_world_until(&world, &commit->done, ms));
    return commit->err;
}

static void in_turns(void)
{
    struct big big;
    int gone;
    begin(1);
    big_commit(&big, "", -1, 5);
    CHECK_INT(group_world_count(&world, "g", RECORD_OFFSET, &gone), AT_ONCE);
    CHECK_INT(big_ends(&big, 1000), 0);
    CHECK_INT(group_world_count(&world, "g", RECORD_OFFSET, &gone), T_PARTITIONS + U_PARTITIONS);
    all_are(5);
    group_world_failover(&world, true);
    all_are(5);
    group_world_close(&world);
}

/* Offsets never go back: who commits later is written later. */
static void later_ones_wait(void)
{
    struct big first, second;
    begin(2);
    big_commit(&first, "", -1, 5);
    struct group_world_commit *small = group_world_commit(&world, "g", NULL, NULL, -1, "t", 7, 6);
    big_commit(&second, "", -1, 7);
    struct group_world_commit *last = group_world_commit(&world, "g", NULL, NULL, -1, "u", 3, 8);
    CHECK_INT(big_ends(&first, 1000), 0);
    CHECK_INT(ended(small, 1000), 0);
    CHECK_INT(big_ends(&second, 1000), 0);
    CHECK_INT(ended(last, 1000), 0);
    CHECK_INT(group_world_fetch(&world, "g", "t", 7), 7);
    CHECK_INT(group_world_fetch(&world, "g", "u", 3), 8);
    group_world_close(&world);
}

/* Its member is looked at when its turn comes. */
static void member_goes(void)
{
    struct big big;
    begin(3);
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    CHECK(group_world_until(&world, &join->done, 5000));
    struct group_world_sync *sync =
        group_world_sync(&world, "g", join->member_id, NULL, 1, NULL, NULL, 0);
    CHECK(group_world_until(&world, &sync->done, 1000));
    big_commit(&big, join->member_id, 1, 5);
    struct group_world_commit *small =
        group_world_commit(&world, "g", join->member_id, NULL, 1, "t", 7, 6);
    CHECK_INT(group_world_leave(&world, "g", join->member_id, NULL), 0);
    CHECK_INT(big_ends(&big, 1000), 0);
    CHECK_INT(ended(small, 1000), ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_fetch(&world, "g", "t", 7), 5);
    group_world_close(&world);
}

/* A deletion is one point of the log: nothing of the commit comes behind it. */
static void group_is_deleted(void)
{
    struct wire_str name = wire_str_from("g");
    struct delete_groups_request request = {.groups_names = {1, &name}};
    struct arena arena;
    struct group_world_deletion deletion = {
        .op = {.request = &request, .arena = &arena, .done = group_world_deleted}};
    struct big big;
    begin(4);
    arena_init(&arena, 1 << 20);
    struct group_world_commit *before = group_world_commit(&world, "g", NULL, NULL, -1, "u", 3, 4);
    CHECK_INT(ended(before, 1000), 0);
    big_commit(&big, "", -1, 5);
    struct group_world_commit *small = group_world_commit(&world, "g", NULL, NULL, -1, "t", 7, 6);
    group_manager_delete(world.manager, &deletion.op);
    CHECK_INT(big_ends(&big, 1000), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    CHECK_INT(ended(small, 1000), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    CHECK(group_world_until(&world, &deletion.done, 1000));
    CHECK_INT(deletion.op.response.results.items[0].error_code, 0);
    all_are(-1);
    group_world_failover(&world, true);
    all_are(-1);
    arena_close(&arena);
    group_world_close(&world);
}

static void coordinator_goes(void)
{
    struct big first, second;
    begin(5);
    big_commit(&first, "", -1, 5);
    struct group_world_commit *small = group_world_commit(&world, "g", NULL, NULL, -1, "t", 7, 6);
    big_commit(&second, "", -1, 7);
    group_world_failover(&world, true);
    CHECK_INT(big_ends(&first, 0), ERR_NOT_COORDINATOR);
    CHECK_INT(ended(small, 0), ERR_NOT_COORDINATOR);
    CHECK_INT(big_ends(&second, 0), ERR_NOT_COORDINATOR);
    all_are(-1);
    big_commit(&first, "", -1, 8);
    CHECK_INT(big_ends(&first, 1000), 0);
    all_are(8);
    group_world_close(&world);
}

/* Answered as late, what is not written yet is left; the next ones get through. */
static void late(void)
{
    struct big big;
    begin(6);
    world.hold = true;
    big_commit(&big, "", -1, 5);
    struct group_world_commit *small = group_world_commit(&world, "g", NULL, NULL, -1, "t", 7, 6);
    CHECK_INT(big_ends(&big, 6000), ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(ended(small, 6000), ERR_COORDINATOR_NOT_AVAILABLE);
    world.hold = false;
    /* The log goes on with the next append to it. */
    const char *neighbour = "a";
    while (group_world_partition(neighbour) != group_world_partition("g"))
        neighbour = strcmp(neighbour, "a") == 0 ? "b" : strcmp(neighbour, "b") == 0 ? "c" : "d";
    CHECK_INT(ended(group_world_commit(&world, neighbour, NULL, NULL, -1, "t", 0, 1), 1000), 0);
    CHECK_INT(ended(group_world_commit(&world, "g", NULL, NULL, -1, "t", 7, 8), 1000), 0);
    CHECK_INT(group_world_fetch(&world, "g", "t", 7), 8);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 5); /* it was on its way */
    CHECK_INT(group_world_fetch(&world, "g", "t", 6), -1);
    group_world_close(&world);
}

TAP_MAIN(TAP_TEST(in_turns), TAP_TEST(later_ones_wait), TAP_TEST(member_goes),
         TAP_TEST(group_is_deleted), TAP_TEST(coordinator_goes), TAP_TEST(late))

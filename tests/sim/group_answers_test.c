/* What clients are answered where the protocol leaves a choice: as Apache Kafka 4.3 does. */
#include <string.h>

#include "base/mem.h"
#include "broker/group/group_records.h"
#include "group_peer.h"

static struct group_world_join *joined(struct group_world_join *join)
{
    CHECK(group_world_until(&world, &join->done, 5000));
    return join;
}

/* A classic group of one member with all of "t", in generation 1. */
static struct group_world_join *classic_group(int16_t version)
{
    uint64_t mask = 0xff;
    world.real_assignments = true;
    struct group_world_join *join = joined(
        GROUP_WORLD_JOIN(&world, .group = "g", .version = 3, .subscription_version = version));
    struct group_world_sync *sync =
        group_world_sync(&world, "g", join->member_id, NULL, 1, join->members, &mask, 1);
    CHECK(group_world_until(&world, &sync->done, 1000));
    CHECK_INT(sync->err, 0);
    return join;
}

static struct group_world_sync *synced(const char *id, int32_t generation)
{
    struct group_world_sync *sync =
        group_world_sync(&world, "g", id, NULL, generation, NULL, NULL, 0);
    CHECK(group_world_until(&world, &sync->done, 1000));
    return sync;
}

struct described {
    struct arena arena;
    struct consumer_group_describe_response_described_group group;
};

static void describe(struct described *described)
{
    arena_init(&described->arena, 1 << 20);
    wire_defaults(&consumer_group_describe_response_described_group_desc, &described->group);
    group_manager_consumer_describe(world.manager, wire_str_from("g"), &described->arena,
                                    &described->group);
}

static int32_t described_partitions(const struct described *described, const char *id)
{
    for (int32_t i = 0; i < described->group.members.count; i++) {
        const struct consumer_group_describe_response_member *member =
            &described->group.members.items[i];
        if (wire_str_is(member->member_id, id))
            return member->assignment.topic_partitions.count == 0
                       ? 0
                       : member->assignment.topic_partitions.items[0].partitions.count;
    }
    return -1;
}

/* ---- the consumer protocol ---- */

/* A group is born with epoch 1. A subscription raises it, a member that reads nothing does not. */
static void first_epochs(void)
{
    struct peer a, b;
    group_world_init(&world, 1);
    CHECK_INT(peer_join(&a, "a", "")->err, 0);
    CHECK_INT(a.epoch, 1);
    group_world_failover(&world, true);
    CHECK_INT(peer_join(&b, "b", "")->err, 0);
    CHECK_INT(b.epoch, 1);
    CHECK_INT(peer_beat(&a)->err, 0);
    CHECK_INT(a.epoch, 1);
    answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "b", .epoch = -1));
    CHECK_INT(peer_beat(&a)->epoch, 2); /* who goes raises it, too */
    peer_join(&b, "b", "t");
    CHECK_INT(b.epoch, 3);
    CHECK_INT(b.owned[0], 0xff);
    group_world_close(&world);
}

/* What a member must still give up is described as its own; and what it has is told when it
 * changes, or when the member says all about itself. */
static void assignments_told(void)
{
    struct described described;
    struct peer a, b;
    group_world_init(&world, 2);
    peer_join(&a, "a", "t");
    peer_beat(&a);
    peer_join(&b, "b", "t");
    CHECK(peer_beat(&a)->has_assignment);
    describe(&described);
    CHECK_INT(described_partitions(&described, "a"), 8);
    CHECK_INT(described_partitions(&described, "b"), 0);
    CHECK(wire_str_is(described.group.members.items[0].subscribed_topic_regex, ""));
    arena_close(&described.arena);
    struct group_world_beat *beat = peer_beat(&a); /* it says that it gave up */
    CHECK_INT(beat->epoch, 3);
    CHECK(!beat->has_assignment);
    describe(&described);
    CHECK_INT(described_partitions(&described, "a"), 4);
    arena_close(&described.arena);
    beat = answered(GROUP_WORLD_BEAT(&world, .group = "g", .member_id = "a", .epoch = 3,
                                     .topics = "t", .owned = a.owned, .rebalance_ms = 20000));
    CHECK_INT(beat->err, 0);
    CHECK(beat->has_assignment);
    CHECK(peer_beat(&b)->has_assignment);
    group_world_close(&world);
}

static void protocol_switched_off(void)
{
    struct described described;
    group_world_init(&world, 3);
    world.deps.settings.consumer_enabled = false;
    group_world_restart(&world);
    /* Before any look at the fields. */
    struct group_world_beat *beat = GROUP_WORLD_BEAT(&world, .group = "", .epoch = -7);
    CHECK_INT(beat->err, ERR_UNSUPPORTED_VERSION);
    CHECK_STR(beat->message, "");
    describe(&described);
    CHECK_INT(described.group.error_code, err_to_wire(ERR_UNSUPPORTED_VERSION));
    CHECK(wire_str_is_null(described.group.error_message));
    arena_close(&described.arena);
    group_world_close(&world);
}

static void says(const struct group_world_beat *beat, int err, const char *message)
{
    CHECK(beat->done);
    CHECK_INT(beat->err, err);
    CHECK_STR(beat->message, message);
}

#define BEAT(...)  answered(GROUP_WORLD_BEAT(&world, .group = "g", __VA_ARGS__))
#define FIRST(...) BEAT(.topics = "t", .owned = nothing, .rebalance_ms = 1000, __VA_ARGS__)

static void refusals_name_the_reason(void)
{
    struct peer s;
    group_world_init(&world, 4);
    says(GROUP_WORLD_BEAT(&world, .group = " ", .member_id = "a"), ERR_INVALID_REQUEST,
         "GroupId can't be empty.");
    says(GROUP_WORLD_BEAT(&world, .group = " "), ERR_INVALID_REQUEST, "MemberId can't be empty.");
    says(FIRST(.member_id = " "), ERR_INVALID_REQUEST, "MemberId can't be empty.");
    says(FIRST(.member_id = "a", .instance = ""), ERR_INVALID_REQUEST,
         "InstanceId can't be empty.");
    says(BEAT(.member_id = "a", .epoch = -3), ERR_INVALID_REQUEST, "MemberEpoch is invalid.");
    says(BEAT(.member_id = "a", .epoch = 3), ERR_GROUP_ID_NOT_FOUND, "Consumer group g not found.");
    says(BEAT(.member_id = "a", .epoch = -1), ERR_GROUP_ID_NOT_FOUND, "Group g not found.");
    says(FIRST(.member_id = "a", .assignor = "nope"), ERR_UNSUPPORTED_ASSIGNOR,
         "ServerAssignor nope is not supported. Supported assignors: uniform, range.");
    says(FIRST(.member_id = "a", .regex = "("), ERR_INVALID_REGULAR_EXPRESSION,
         "SubscribedTopicRegex `(` is not a valid regular expression: it does not follow the "
         "syntax of RE2, or takes too long to match.");
    CHECK_INT(join_static(&s, "s", "i")->err, 0);
    says(BEAT(.member_id = "b", .epoch = 3), ERR_UNKNOWN_MEMBER_ID,
         "Member b is not a member of group g.");
    says(BEAT(.member_id = "b", .epoch = -1), ERR_UNKNOWN_MEMBER_ID,
         "Member b is not a member of group g.");
    says(BEAT(.member_id = "s", .epoch = 2, .instance = "j"), ERR_UNKNOWN_MEMBER_ID,
         "Instance id j is unknown.");
    says(BEAT(.member_id = "b", .epoch = 2, .instance = "i"), ERR_FENCED_INSTANCE_ID,
         "Static member b with instance id i was fenced by member s.");
    says(FIRST(.member_id = "b", .instance = "i"), ERR_UNRELEASED_INSTANCE_ID,
         "Static member b with instance id i cannot join the group because the instance id is "
         "owned by s member.");
    says(BEAT(.member_id = "s", .epoch = 9), ERR_FENCED_MEMBER_EPOCH,
         "The consumer group member has a greater member epoch (9) than the one known by the group "
         "coordinator (2). The member must abandon all its partitions and rejoin.");
    world.deps.settings.consumer_max_size = 1;
    group_world_restart(&world);
    says(FIRST(.member_id = "b"), ERR_GROUP_MAX_SIZE_REACHED,
         "The consumer group has reached its maximum capacity of 1 members.");
    group_world_close(&world);
}

/* A dynamic member can't take an instance that another one holds. */
static void instance_is_taken(void)
{
    struct peer a, s;
    group_world_init(&world, 5);
    peer_join(&a, "a", "t");
    join_static(&s, "s", "i");
    CHECK_INT(FIRST(.member_id = "a", .instance = "i")->err, ERR_UNRELEASED_INSTANCE_ID);
    CHECK_INT(FIRST(.member_id = "s", .instance = "i")->err, 0); /* it may have lost the answer */
    CHECK_INT(peer_beat(&a)->err, 0);
    group_world_close(&world);
}

/* ---- classic members of consumer groups ---- */

static void assignment_of_the_own_version(void)
{
    struct peer a;
    for (int16_t version = 0; version <= 3; version++) {
        group_world_init(&world, 6);
        struct group_world_join *old = classic_group(version);
        CHECK_INT(peer_join(&a, "a", "t")->err, 0);
        struct group_world_join *join = joined(GROUP_WORLD_JOIN(
            &world, .group = "g", .member_id = old->member_id, .subscription_version = version));
        CHECK_INT(join->err, 0);
        struct group_world_sync *sync = synced(old->member_id, join->generation);
        CHECK_INT(sync->err, 0);
        CHECK_INT(sync->assignment_version, version);
        group_world_close(&world);
    }
}

/* A member without an id gets one first, whatever its bytes say. */
static void order_of_checks(void)
{
    struct peer a;
    group_world_init(&world, 7);
    peer_join(&a, "a", "t");
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .topics = "!");
    CHECK(group_world_until(&world, &join->done, 1000));
    CHECK_INT(join->err, ERR_MEMBER_ID_REQUIRED);
    CHECK(join->member_id[0] != '\0');
    struct group_world_join *bad =
        joined(GROUP_WORLD_JOIN(&world, .group = "g", .member_id = join->member_id, .topics = "!"));
    CHECK_INT(bad->err, ERR_UNKNOWN_SERVER_ERROR);
    CHECK_STR(bad->member_id, "");
    CHECK_INT(joined(GROUP_WORLD_JOIN(&world, .group = "g", .member_id = join->member_id))->err, 0);
    group_world_close(&world);
}

static void refused_joins_name_nobody(void)
{
    struct peer s;
    group_world_init(&world, 8);
    join_static(&s, "s", "i");
    struct group_world_join *member =
        joined(GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "m"));
    CHECK_INT(member->err, 0);
    struct group_world_join *refused[] = {
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "m", .type = "connect"),
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "n", .protocols = "sticky"),
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "n", .instance = "new"),
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "n", .instance = "i")};
    static const int errors[] = {ERR_INCONSISTENT_GROUP_PROTOCOL, ERR_INCONSISTENT_GROUP_PROTOCOL,
                                 ERR_UNKNOWN_MEMBER_ID, ERR_FENCED_INSTANCE_ID};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CHECK_INT(joined(refused[i])->err, errors[i]);
        CHECK_STR(refused[i]->member_id, "");
    }
    group_world_close(&world);
}

/* In a classic group the protocol is looked at before the member. */
static void classic_refusals(void)
{
    group_world_init(&world, 9);
    struct group_world_join *old = classic_group(0);
    struct group_world_join *join =
        GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "x", .type = "connect");
    CHECK_INT(join->err, ERR_INCONSISTENT_GROUP_PROTOCOL);
    CHECK_STR(join->member_id, "x");
    join = GROUP_WORLD_JOIN(&world, .group = "g", .member_id = old->member_id, .type = "connect");
    CHECK_INT(join->err, ERR_INCONSISTENT_GROUP_PROTOCOL);
    CHECK_STR(join->member_id, old->member_id);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "x")->err, ERR_UNKNOWN_MEMBER_ID);
    world.deps.settings.max_size = 1;
    group_world_restart(&world);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "x")->err,
              ERR_GROUP_MAX_SIZE_REACHED);
    group_world_close(&world);
}

/* The first record of a classic group is of nobody, in generation 0; who only asked for an id
 * leaves none. */
static void first_record(void)
{
    struct group_metadata_value value = {0};
    struct arena arena;
    int gone;
    group_world_init(&world, 19);
    CHECK_INT(GROUP_WORLD_JOIN(&world, .group = "g")->err, ERR_MEMBER_ID_REQUIRED);
    group_world_run(&world, 1000);
    CHECK_INT(group_world_count(&world, "g", RECORD_GROUP, &gone), 0);
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    group_world_run(&world, 1000);
    CHECK(!join->done); /* others may come yet */
    CHECK_INT(group_world_count(&world, "g", RECORD_GROUP, &gone), 1);
    arena_init(&arena, 1 << 20);
    group_world_last_value(&world, "g", RECORD_GROUP, &group_metadata_value_desc, &arena, &value);
    CHECK(wire_str_is_empty(value.protocol_type) && !wire_str_is_null(value.protocol_type));
    CHECK_INT(value.generation, 0);
    CHECK(wire_str_is_null(value.protocol));
    CHECK(wire_str_is_null(value.leader));
    CHECK_INT(value.members.count, 0);
    arena_close(&arena);
    group_world_failover(&world, false);
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 0), ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(classic_group(0)->generation, 1);
    group_world_close(&world);
}

/* From v5 on a sync must name the protocol, whatever the group is. */
static void syncs_name_the_protocol(void)
{
    group_world_init(&world, 20);
    struct group_world_join *member = classic_group(0);
    world.sync_version = 5;
    CHECK_INT(group_world_sync(&world, "g", member->member_id, NULL, 1, NULL, NULL, 0)->err,
              ERR_INCONSISTENT_GROUP_PROTOCOL);
    CHECK_INT(group_world_sync(&world, "", "m", NULL, 1, NULL, NULL, 0)->err,
              ERR_INCONSISTENT_GROUP_PROTOCOL);
    world.sync_version = 0;
    CHECK_INT(group_world_sync(&world, "", "m", NULL, 1, NULL, NULL, 0)->err, ERR_INVALID_GROUP_ID);
    group_world_close(&world);
}

static void migration_disabled(void)
{
    struct peer s;
    group_world_init(&world, 10);
    world.deps.settings.migration = 0;
    group_world_restart(&world);
    join_static(&s, "s", "i");
    struct group_world_join *refused[] = {GROUP_WORLD_JOIN(&world, .group = "g"),
                                          GROUP_WORLD_JOIN(&world, .group = "g", .instance = "j"),
                                          GROUP_WORLD_JOIN(&world, .group = "g", .instance = "i"),
                                          GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "m")};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CHECK_INT(joined(refused[i])->err, ERR_INCONSISTENT_GROUP_PROTOCOL);
        CHECK_STR(refused[i]->member_id, "");
    }
    CHECK_INT(peer_beat(&s)->err, 0);
    CHECK_INT(s.epoch, 2);
    group_world_close(&world);
}

/* What a custom assignor put into an assignment would be lost. */
static void upgrade_refused(void)
{
    struct peer a;
    group_world_init(&world, 11);
    world.assignment_words = 1;
    struct group_world_join *old = classic_group(3);
    says(FIRST(.member_id = "a"), ERR_GROUP_ID_NOT_FOUND,
         "Cannot upgrade classic group g to consumer group because an unsupported custom assignor "
         "is in use. Please refer to the documentation or switch to a default assignor before "
         "re-attempting the upgrade.");
    CHECK_INT(group_world_heartbeat(&world, "g", old->member_id, NULL, 1), 0);
    CHECK_INT(group_world_leave(&world, "g", old->member_id, NULL), 0);
    CHECK_INT(peer_join(&a, "a", "t")->err, 0);
    group_world_close(&world);
    group_world_init(&world, 12);
    world.assignment_words = 0;
    classic_group(3);
    CHECK_INT(peer_join(&a, "a", "t")->err, 0);
    group_world_close(&world);
}

/* The last assignment is described in every state. */
static void assignment_in_a_rebalance(void)
{
    struct describe_groups_response_described_group described;
    struct arena arena;
    group_world_init(&world, 13);
    struct group_world_join *old = classic_group(3);
    GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    arena_init(&arena, 1 << 20);
    wire_defaults(&describe_groups_response_described_group_desc, &described);
    group_manager_describe(world.manager, wire_str_from("g"), 6, &arena, &described);
    CHECK(wire_str_is(described.group_state, "PreparingRebalance"));
    CHECK(wire_str_is(described.members.items[0].member_id, old->member_id));
    CHECK_INT(described.members.items[0].member_metadata.len, 0);
    CHECK(described.members.items[0].member_assignment.len > 0);
    arena_close(&arena);
    group_world_close(&world);
}

/* LeaveGroup takes any member by its id alone. */
static void leaves_by_id(void)
{
    struct described described;
    struct peer s, d;
    group_world_init(&world, 14);
    join_static(&s, "s", "i");
    peer_join(&d, "d", "t");
    CHECK_INT(group_world_leave(&world, "g", "other", NULL), ERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_world_leave(&world, "g", "other", "i"), ERR_FENCED_INSTANCE_ID);
    CHECK_INT(group_world_leave(&world, "g", "s", NULL), 0);
    CHECK_INT(group_world_leave(&world, "g", "d", NULL), 0);
    describe(&described);
    CHECK(wire_str_is(described.group.group_state, "Empty"));
    CHECK_INT(described.group.members.count, 0);
    arena_close(&described.arena);
    group_world_close(&world);
}

/* ---- offsets ---- */

struct offset_deletion {
    struct group_offset_delete op;
    bool done;
};

static void offset_deletion_done(struct group_offset_delete *op)
{
    CONTAINER_OF(op, struct offset_deletion, op)->done = true;
}

/* OffsetDelete of one partition: the error of the answer or of the partition. */
static int delete_offset(const char *group, const char *topic, int32_t partition)
{
    struct offset_delete_request_offset_delete_request_partition asked = {.partition_index =
                                                                              partition};
    struct offset_delete_request_offset_delete_request_topic topics = {.name = wire_str_from(topic),
                                                                       .partitions = {1, &asked}};
    struct offset_delete_request request = {.group_id = wire_str_from(group),
                                            .topics = {1, &topics}};
    struct arena arena;
    struct offset_deletion deletion = {
        .op = {.request = &request, .arena = &arena, .done = offset_deletion_done}};
    arena_init(&arena, 1 << 20);
    group_manager_delete_offsets(world.manager, &deletion.op);
    group_world_until(&world, &deletion.done, 10000);
    int16_t code = deletion.op.response.error_code;
    if (!code)
        code = deletion.op.response.topics.items[0].partitions.items[0].error_code;
    arena_close(&arena);
    return deletion.done ? err_from_wire(code) : ERR_TIMED_OUT;
}

static void deletes_what_exists(void)
{
    group_world_init(&world, 15);
    struct group_world_commit *commit = group_world_commit(&world, "g", NULL, NULL, -1, "t", 1, 7);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(delete_offset("g", "t", 8), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(delete_offset("g", "t", -1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(delete_offset("g", "absent", 0), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(delete_offset("g", "t", 2), 0);
    CHECK_INT(delete_offset("g", "t", 1), 0);
    CHECK_INT(group_world_fetch(&world, "g", "t", 1), -1);
    CHECK_INT(delete_offset("", "absent", 0), ERR_INVALID_GROUP_ID);
    CHECK_INT(delete_offset("none", "absent", 0), ERR_GROUP_ID_NOT_FOUND);
    group_world_close(&world);
}

/* Who can't be read may read everything; who says nothing of the consumer protocol, too. */
static void unreadable_subscriptions(void)
{
    group_world_init(&world, 16);
    struct group_world_join *join =
        GROUP_WORLD_JOIN(&world, .group = "g", .version = 3, .topics = "!");
    CHECK_INT(delete_offset("g", "u", 0), ERR_GROUP_SUBSCRIBED_TO_TOPIC);
    joined(join);
    CHECK_INT(synced(join->member_id, 1)->err, 0);
    CHECK_INT(delete_offset("g", "u", 0), ERR_GROUP_SUBSCRIBED_TO_TOPIC);
    CHECK_INT(delete_offset("g", "u", 9), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(group_world_leave(&world, "g", join->member_id, NULL), 0);
    CHECK_INT(delete_offset("g", "u", 0), 0);
    group_world_close(&world);
}

/* As long as nobody has asked for the coordinator there is none. */
static void no_offsets_topic(void)
{
    group_world_init(&world, 17);
    group_world_remove_topic(&world, GROUP_OFFSETS_TOPIC);
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), ERR_NOT_COORDINATOR);
    CHECK_INT(group_world_commit(&world, "g", NULL, NULL, -1, "t", 0, 1)->err, ERR_NOT_COORDINATOR);
    struct group_world_join *join = GROUP_WORLD_JOIN(&world, .group = "g", .member_id = "m");
    CHECK_INT(join->err, ERR_NOT_COORDINATOR);
    CHECK_STR(join->member_id, "");
    CHECK_INT(group_world_heartbeat(&world, "g", "m", NULL, 1), ERR_NOT_COORDINATOR);
    CHECK_INT(group_world_leave(&world, "g", "m", NULL), ERR_NOT_COORDINATOR);
    says(FIRST(.member_id = "a"), ERR_NOT_COORDINATOR, "");
    CHECK_INT(delete_offset("g", "t", 0), ERR_NOT_COORDINATOR);
    group_world_close(&world);
}

/* A process that stood still may have been succeeded: what it knows of groups is of then. */
static void who_stood_still_answers_nothing(void)
{
    group_world_init(&world, 19);
    struct group_world_join *join = joined(GROUP_WORLD_JOIN(&world, .group = "g", .version = 3));
    int32_t generation = join->generation;
    CHECK_INT(synced(join->member_id, generation)->err, 0);
    struct group_world_commit *commit =
        group_world_commit(&world, "g", join->member_id, NULL, generation, "t", 0, 7);
    CHECK(group_world_until(&world, &commit->done, 1000));
    CHECK_INT(commit->err, 0);
    world.append_error = ERR_NOT_LEADER_OR_FOLLOWER;
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), ERR_NOT_COORDINATOR);
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, generation),
              ERR_NOT_COORDINATOR);
    CHECK_INT(group_world_heartbeat(&world, "g", "stranger", NULL, generation),
              ERR_NOT_COORDINATOR);
    CHECK_INT(group_world_leave(&world, "g", join->member_id, NULL), ERR_NOT_COORDINATOR);
    says(FIRST(.member_id = "a"), ERR_NOT_COORDINATOR, "");
    world.append_error = ERR_NOT_ENOUGH_REPLICAS;
    CHECK_INT(group_world_fetch(&world, "g", "t", 0), 7);
    world.append_error = 0;
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, generation), 0);
    group_world_close(&world);
}

/* ---- who was not heard was not silent ---- */

/* Members that ask all the time, of a coordinator that takes nothing for so long. */
static void not_heard_for(int64_t ms, const char *classic_id, struct peer *peer)
{
    for (int64_t left_ms = ms; left_ms > 0; left_ms -= 2000) {
        group_world_run(&world, 2000);
        if (classic_id)
            CHECK_INT(group_world_heartbeat(&world, "g", classic_id, NULL, 1), ERR_NOT_COORDINATOR);
        else
            CHECK(peer_beat(peer)->err != 0);
    }
}

static void a_classic_member_that_was_not_heard_stays(void)
{
    group_world_init(&world, 20);
    struct group_world_join *join = classic_group(0);
    world.append_error = ERR_NOT_LEADER_OR_FOLLOWER;
    not_heard_for(60000, join->member_id, NULL); /* its session is 10 s */
    world.append_error = 0;
    group_world_run(&world, 9000); /* it finds its coordinator again */
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 1), 0);
    group_world_run(&world, 9000);
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 1), 0);
    group_world_run(&world, 11000);
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 1), ERR_UNKNOWN_MEMBER_ID);
    group_world_close(&world);
}

/* Nobody asked meanwhile, so it is the timer that sees why. */
static void nobody_is_thrown_out_by_who_takes_nothing(void)
{
    group_world_init(&world, 21);
    struct group_world_join *join = classic_group(0);
    world.append_error = ERR_NOT_LEADER_OR_FOLLOWER;
    group_world_run(&world, 25000);
    world.append_error = 0;
    CHECK_INT(group_world_heartbeat(&world, "g", join->member_id, NULL, 1), 0);
    group_world_close(&world);
}

static void who_could_not_join_again_is_waited_for(void)
{
    group_world_init(&world, 22);
    struct group_world_join *first = classic_group(0);
    struct group_world_join *second = GROUP_WORLD_JOIN(&world, .group = "g", .version = 3);
    world.append_error = ERR_NOT_LEADER_OR_FOLLOWER;
    not_heard_for(60000, first->member_id, NULL); /* the rebalance timeout is 30 s */
    world.append_error = 0;
    group_world_run(&world, 9000);
    CHECK(!second->done);
    struct group_world_join *again =
        joined(GROUP_WORLD_JOIN(&world, .group = "g", .member_id = first->member_id, .version = 3));
    CHECK_INT(again->err, 0);
    CHECK_INT(again->generation, 2);
    CHECK(group_world_until(&world, &second->done, 1000));
    CHECK_INT(second->err, 0);
    CHECK_INT(second->generation, 2);
    group_world_close(&world);
}

/* A heartbeat of the consumer protocol is taken only while changes are. */
static void a_consumer_that_was_not_heard_stays(void)
{
    static const int errors[] = {ERR_NOT_LEADER_OR_FOLLOWER, ERR_NOT_ENOUGH_REPLICAS};
    struct peer a;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        group_world_init(&world, 23 + i);
        int64_t session_ms = world.deps.settings.consumer_session_ms;
        CHECK_INT(peer_join(&a, "a", "t")->err, 0);
        world.append_error = errors[i];
        not_heard_for(3 * session_ms, NULL, &a);
        world.append_error = 0;
        group_world_run(&world, session_ms - 1000);
        CHECK_INT(peer_beat(&a)->err, 0);
        CHECK_INT(a.owned[0], 0xff);
        group_world_run(&world, session_ms + 1000);
        CHECK_INT(peer_beat(&a)->err, ERR_UNKNOWN_MEMBER_ID);
        group_world_close(&world);
    }
}

/* OffsetFetch by id: topics that nobody knows come last. */
static void unknown_ids_come_last(void)
{
    struct offset_fetch_request_offset_fetch_request_group request;
    struct offset_fetch_request_offset_fetch_request_topics asked[3];
    struct offset_fetch_response_offset_fetch_response_group response;
    struct arena arena;
    struct group_fetch fetch = {.request = &request, .arena = &arena, .by_id = true};
    int32_t partition = 0;
    group_world_init(&world, 18);
    arena_init(&arena, 1 << 20);
    wire_defaults(&offset_fetch_request_offset_fetch_request_group_desc, &request);
    wire_defaults(&offset_fetch_response_offset_fetch_response_group_desc, &response);
    for (int i = 0; i < 3; i++) {
        wire_defaults(&offset_fetch_request_offset_fetch_request_topics_desc, &asked[i]);
        asked[i].topic_id = group_world_topic_id(&world, i == 1 ? "t" : "u");
        asked[i].partition_indexes.count = 1;
        asked[i].partition_indexes.items = &partition;
    }
    memset(asked[0].topic_id.bytes, 7, sizeof(asked[0].topic_id.bytes));
    request.group_id = wire_str_from("g");
    request.topics.count = 3;
    request.topics.items = asked;
    group_manager_fetch(world.manager, &fetch, &response);
    CHECK_INT(response.error_code, 0);
    CHECK_INT(response.topics.count, 3);
    for (int i = 0; i < 3; i++) {
        CHECK(uuid_equal(&response.topics.items[i].topic_id, &asked[(i + 1) % 3].topic_id));
        CHECK_INT(response.topics.items[i].partitions.items[0].error_code,
                  i == 2 ? err_to_wire(ERR_UNKNOWN_TOPIC_ID) : 0);
    }
    arena_close(&arena);
    group_world_close(&world);
}

TAP_MAIN(TAP_TEST(first_epochs), TAP_TEST(assignments_told), TAP_TEST(protocol_switched_off),
         TAP_TEST(refusals_name_the_reason), TAP_TEST(instance_is_taken),
         TAP_TEST(assignment_of_the_own_version), TAP_TEST(order_of_checks),
         TAP_TEST(refused_joins_name_nobody), TAP_TEST(classic_refusals), TAP_TEST(first_record),
         TAP_TEST(migration_disabled), TAP_TEST(upgrade_refused),
         TAP_TEST(assignment_in_a_rebalance), TAP_TEST(leaves_by_id), TAP_TEST(deletes_what_exists),
         TAP_TEST(unreadable_subscriptions), TAP_TEST(syncs_name_the_protocol),
         TAP_TEST(no_offsets_topic), TAP_TEST(who_stood_still_answers_nothing),
         TAP_TEST(a_classic_member_that_was_not_heard_stays),
         TAP_TEST(nobody_is_thrown_out_by_who_takes_nothing),
         TAP_TEST(who_could_not_join_again_is_waited_for),
         TAP_TEST(a_consumer_that_was_not_heard_stays), TAP_TEST(unknown_ids_come_last))

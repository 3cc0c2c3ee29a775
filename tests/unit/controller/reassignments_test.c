/* Replicas that are moved to other brokers: what starts, ends, replaces and reverts a move. */
#include "fixture.h"

#include "base/buf.h"
#include "controller/isr.h"
#include "controller/reassignments.h"
#include "tests/lib/config_maker.h"

enum { ALL_MAX = 8 };

/* "1,2" as ids; "" is none. */
static size_t ids_of(const char *text, int32_t ids[ALL_MAX])
{
    size_t count = 0;
    for (; *text; text += strcspn(text, ","), text += *text == ',')
        ids[count++] = *text - '0';
    return count;
}

static void put_ids(struct buf *out, const char *name, const struct image_ids *ids)
{
    buf_printf(out, "%s", name);
    for (int32_t i = 0; i < ids->count; i++)
        buf_printf(out, "%s%d", i ? "," : "", ids->ids[i]);
}

static void check_state(const char *expected)
{
    struct buf text;
    const struct image_partition *partition = part("t", 0);
    buf_init(&text);
    put_ids(&text, "", &partition->replicas);
    put_ids(&text, " +", &partition->adding);
    put_ids(&text, " -", &partition->removing);
    put_ids(&text, " isr ", &partition->isr);
    buf_printf(&text, " leader %d epoch %d", partition->leader, partition->leader_epoch);
    CHECK_STR(buf_text(&text), expected);
    buf_close(&text);
    image_check(image);
}

static Meta__ElectResult *ask(const char *topic, int32_t partition, const char *replicas, bool keep)
{
    int32_t ids[ALL_MAX];
    Meta__AlterReassignments__Partition body = META__ALTER_REASSIGNMENTS__PARTITION__INIT,
                                        *list[] = {&body};
    Meta__AlterReassignments move = META__ALTER_REASSIGNMENTS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    body.topic = (char *)(uintptr_t)topic;
    body.partition = partition;
    body.replicas = ids;
    body.n_replicas = ids_of(replicas, ids);
    move.n_partitions = 1;
    move.partitions = list;
    move.keep_factor = keep;
    command.body_case = META__COMMAND__BODY_ALTER_REASSIGNMENTS;
    command.alter_reassignments = &move;
    Meta__CommandReply *reply = commands_decide(&decision, &command);
    CHECK_INT(reply->error, 0);
    CHECK_INT(reply->n_elections, 1);
    return reply->elections[0];
}

static void move_to(const char *replicas)
{
    CHECK_INT(ask("t", 0, replicas, false)->error, 0);
}

static void refused(const char *replicas, int err, const char *sentence)
{
    Meta__ElectResult *result = ask("t", 0, replicas, false);
    CHECK_INT(result->error, wire(err));
    CHECK_STR(result->message, sentence);
}

/* The leader proposes the set; the answer. */
static Meta__AlterPartitionResult *propose(const char *isr)
{
    int32_t ids[ALL_MAX];
    Meta__AlterPartitions__IsrMember bodies[ALL_MAX], *members[ALL_MAX];
    Meta__AlterPartitions__Partition asked = META__ALTER_PARTITIONS__PARTITION__INIT,
                                     *list[] = {&asked};
    Meta__AlterPartitions alter = META__ALTER_PARTITIONS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    struct uuid id = image_topic_by_name(image, "t", 1)->id;
    asked.n_isr = ids_of(isr, ids);
    for (size_t i = 0; i < asked.n_isr; i++) {
        meta__alter_partitions__isr_member__init(&bodies[i]);
        bodies[i].broker_id = ids[i];
        bodies[i].broker_epoch = -1;
        members[i] = &bodies[i];
    }
    asked.topic_id = (ProtobufCBinaryData){16, id.bytes};
    asked.leader_epoch = part("t", 0)->leader_epoch;
    asked.partition_epoch = part("t", 0)->partition_epoch;
    asked.isr = members;
    alter.broker_id = part("t", 0)->leader;
    alter.broker_epoch = image_broker(image, alter.broker_id)->epoch;
    alter.n_partitions = 1;
    alter.partitions = list;
    isr_command(&decision, &alter, &reply);
    CHECK_INT(reply.error, 0);
    CHECK_INT(reply.partitions[0]->error, 0);
    return reply.partitions[0];
}

/* Five brokers, and a partition with these replicas, all in sync. */
static void begin_with(const char *replicas)
{
    int32_t ids[ALL_MAX];
    begin();
    add_brokers(5, false);
    Meta__Assignment assignment = META__ASSIGNMENT__INIT, *assignments[] = {&assignment};
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *topics[] = {&topic};
    Meta__CreateTopics command = META__CREATE_TOPICS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    assignment.replicas = ids;
    assignment.n_replicas = ids_of(replicas, ids);
    topic.name = "t";
    topic.partitions = topic.replication_factor = -1;
    topic.n_assignments = 1;
    topic.assignments = assignments;
    command.n_topics = 1;
    command.topics = topics;
    topics_create(&decision, &command, &reply);
    CHECK_INT(reply.topics[0]->error, 0);
}

static void a_move_ends_when_all_of_the_target_are_in_sync(void)
{
    begin_with("1,2");
    move_to("3,2");
    check_state("3,2,1 +3 -1 isr 1,2 leader 1 epoch 0");
    Meta__AlterPartitionResult *answer = propose("1,2,3");
    check_state("3,2 + - isr 2,3 leader 3 epoch 1");
    CHECK_INT(answer->n_replicas, 2); /* the leader learns at once that it is none of them */
    CHECK_INT(answer->partition_epoch, part("t", 0)->partition_epoch);
    finish();
}

static void a_set_without_all_of_the_target_ends_nothing(void)
{
    begin_with("1,2");
    move_to("3,4");
    propose("1,3");
    check_state("3,4,1,2 +3,4 -1,2 isr 1,3 leader 1 epoch 0");
    CHECK_INT(propose("1,3,2")->n_replicas, 0);
    propose("1,2,3,4");
    check_state("3,4 + - isr 3,4 leader 3 epoch 1");
    finish();
}

/* Fewer replicas, or only another order of them: there is nothing to wait for. The epoch rises
 * where one goes: if it comes again, it is empty. */
static void what_adds_nothing_is_done_at_once(void)
{
    begin_with("1,2,3");
    move_to("2,1,3");
    check_state("2,1,3 + - isr 1,2,3 leader 1 epoch 0");
    move_to("2,1");
    check_state("2,1 + - isr 1,2 leader 1 epoch 1");
    int32_t epoch = part("t", 0)->partition_epoch;
    move_to("2,1");
    CHECK_INT(part("t", 0)->partition_epoch, epoch);
    move_to("2");
    check_state("2 + - isr 2 leader 2 epoch 2");
    finish();
}

/* A cordoned broker gets nothing new, and keeps what it has or is getting. */
static void to_a_cordoned_broker_nothing_moves(void)
{
    begin_with("1,2");
    move_to("3,2");
    brokers_cordon(&decision, 2, true);
    brokers_cordon(&decision, 3, true);
    brokers_cordon(&decision, 4, true);
    refused("4,2", ERR_INVALID_REPLICA_ASSIGNMENT,
            "The manual partition assignment includes broker 4, but all of its log directories "
            "are cordoned.");
    move_to("2,3");
    propose("1,2,3");
    check_state("2,3 + - isr 2,3 leader 2 epoch 1");
    finish();
}

/* Nor is a member that is gone waited for in vain: but the others are kept for its sake. */
static void who_is_gone_ends_nothing(void)
{
    begin_with("1,2");
    brokers_fence(&decision, 2);
    move_to("2");
    check_state("2,1 + -1 isr 1,2 leader 1 epoch 0");
    brokers_unfence(&decision, 2, NULL, 0);
    check_state("2 + - isr 2 leader 2 epoch 1");
    finish();
}

static void what_cannot_serve_ends_nothing(void)
{
    begin_with("1,2");
    report(2, "t", true, 0);
    move_to("2");
    check_state("2,1 + -1 isr 1,2 leader 1 epoch 0");
    report(2, "t", false, 0);
    check_state("2 + - isr 2 leader 2 epoch 1");
    finish();
}

static bool heard_of_others;

static bool heard(void *data, int32_t id)
{
    (void)data;
    return heard_of_others || id == 1;
}

/* A new controller gives up nobody for those that it has not heard of. */
static void who_was_not_heard_of_ends_nothing(void)
{
    begin_with("1,2");
    rules.heard = heard;
    heard_of_others = false;
    move_to("2");
    check_state("2,1 + -1 isr 1,2 leader 1 epoch 0");
    heard_of_others = true;
    elections_broker_in(&decision, 2);
    check_state("2 + - isr 2 leader 2 epoch 1");
    finish();
}

static void the_leader_may_go_in_the_middle(void)
{
    begin_with("1,2");
    move_to("3,4");
    propose("1,2,3");
    brokers_fence(&decision, 1);
    check_state("3,4,1,2 +3,4 -1,2 isr 1,2,3 leader 3 epoch 1");
    propose("3,2");
    brokers_fence(&decision, 2);
    propose("3");
    check_state("3,4,1,2 +3,4 -1,2 isr 3 leader 3 epoch 1");
    propose("3,4");
    check_state("3,4 + - isr 3,4 leader 3 epoch 2");
    finish();
}

static void an_end_gives_the_old_replicas_back(void)
{
    begin_with("1,2");
    refused("", ERR_NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress.");
    move_to("3,2");
    propose("1,2,3");
    check_state("3,2 + - isr 2,3 leader 3 epoch 1");
    move_to("3,4");
    propose("3,2");
    move_to("");
    check_state("3,2 + - isr 2,3 leader 3 epoch 2");
    move_to("4,3");
    brokers_fence(&decision, 3);
    brokers_unfence(&decision, 3, NULL, 0);
    propose("2,3");
    move_to("");
    check_state("3,2 + - isr 2,3 leader 2 epoch 4");
    refused("", ERR_NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress.");
    finish();
}

/* All that is in sync is new: an end would lose what it has. */
static void an_end_must_not_be_unclean(void)
{
    begin_with("1");
    move_to("2,3");
    propose("1,2");
    brokers_fence(&decision, 1);
    check_state("2,3,1 +2,3 -1 isr 1,2 leader 2 epoch 1");
    refused("", ERR_INVALID_REPLICA_ASSIGNMENT,
            "Unable to revert partition assignment for t:0 because it would require an unclean "
            "leader election.");
    propose("2");
    refused("", ERR_INVALID_REPLICA_ASSIGNMENT,
            "Unable to revert partition assignment for t:0 because it would require an unclean "
            "leader election.");
    struct config *config = config_make("broker.id=1\nunclean.leader.election.enable=true\n");
    rules.settings = config;
    move_to("");
    check_state("1 + - isr 1 leader -1 epoch 2");
    brokers_unfence(&decision, 1, NULL, 0);
    check_state("1 + - isr 1 leader 1 epoch 3");
    config_free(config);
    finish();
}

/* It may have copied nothing: no reason to begin anew with it, nor to give up who has all. */
static void a_new_replica_leads_uncleanly_only_when_asked(void)
{
    Meta__ElectLeaders command = META__ELECT_LEADERS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    begin_with("1,2");
    struct config *config = config_make("broker.id=1\nunclean.leader.election.enable=true\n");
    rules.settings = config;
    move_to("3,4");
    brokers_fence(&decision, 2);
    propose("1");
    brokers_fence(&decision, 1);
    check_state("3,4,1,2 +3,4 -1,2 isr 1 leader -1 epoch 1");
    brokers_unfence(&decision, 2, NULL, 0); /* it lacks little */
    check_state("3,4,1,2 +3,4 -1,2 isr 2 leader 2 epoch 2");
    brokers_fence(&decision, 2);
    command.unclean = command.all = true;
    elections_command(&decision, &command, &reply);
    check_state("3,4,1,2 +3,4 -1,2 isr 3 leader 3 epoch 4");
    config_free(config);
    finish();
}

/* A new controller that has not heard of the replica to go back to: nobody leads meanwhile, and no
 * broker that is none of the replicas. */
static void an_end_leaves_no_leader_that_has_gone(void)
{
    begin_with("2");
    struct config *config = config_make("broker.id=1\nunclean.leader.election.enable=true\n");
    rules.settings = config;
    move_to("1,3");
    propose("1,2");
    brokers_fence(&decision, 2);
    brokers_unfence(&decision, 2, NULL, 0);
    check_state("1,3,2 +1,3 -2 isr 1,2 leader 1 epoch 1");
    rules.heard = heard;
    heard_of_others = false;
    move_to("");
    check_state("2 + - isr 2 leader -1 epoch 2");
    heard_of_others = true;
    elections_broker_in(&decision, 2);
    check_state("2 + - isr 2 leader 2 epoch 3");
    config_free(config);
    finish();
}

/* Nothing unclean is needed where who leads stays, heard of or not. */
static void an_end_may_keep_a_leader_not_heard_of(void)
{
    begin_with("2");
    move_to("1");
    rules.heard = heard;
    heard_of_others = false;
    move_to("");
    check_state("2 + - isr 2 leader 2 epoch 1");
    finish();
}

static void the_same_target_changes_nothing(void)
{
    begin_with("1,2");
    move_to("3,4");
    int32_t epoch = part("t", 0)->partition_epoch;
    move_to("3,4");
    CHECK_INT(part("t", 0)->partition_epoch, epoch);
    move_to("4,3");
    CHECK_INT(part("t", 0)->partition_epoch, epoch + 1);
    finish();
}

/* What the first one was adding and the second does not want goes, and does not come back. */
static void a_new_target_replaces_the_old_one(void)
{
    begin_with("1,2");
    move_to("3,2");
    move_to("4,2");
    check_state("4,2,1,3 +3,4 -1,3 isr 1,2 leader 1 epoch 0");
    move_to("");
    check_state("2,1 + - isr 1,2 leader 1 epoch 1"); /* as Kafka: in the order of the target */
    move_to("3,2");
    move_to("4,2");
    propose("1,2,4");
    check_state("4,2 + - isr 2,4 leader 4 epoch 2");
    move_to("0,2");
    move_to("4,2");
    check_state("4,2 + - isr 2,4 leader 4 epoch 3");
    move_to("0,2,4");
    move_to("0,1,2");
    check_state("0,1,2,4 +0,1 -4 isr 2,4 leader 4 epoch 3");
    finish();
}

static void wrong_targets_are_refused(void)
{
    begin_with("1,2");
    CHECK_INT(ask("u", 0, "", false)->error, wire(ERR_UNKNOWN_TOPIC_OR_PARTITION));
    CHECK_STR(ask("u", 0, "1", false)->message, "Unable to find a topic named u.");
    CHECK_STR(ask("t", 1, "1", false)->message, "Unable to find partition t:1.");
    refused("1,1", ERR_INVALID_REPLICA_ASSIGNMENT,
            "The manual partition assignment includes the broker 1 more than once.");
    refused("1,7", ERR_INVALID_REPLICA_ASSIGNMENT,
            "The manual partition assignment includes broker 7, but no such broker is registered.");
    CHECK_STR(ask("t", 0, "1,2,3", true)->message, "The replication factor is changed from 2 to 3");
    CHECK_INT(ask("t", 0, "1", true)->error, wire(ERR_INVALID_REPLICATION_FACTOR));
    check_state("1,2 + - isr 1,2 leader 1 epoch 0");
    CHECK_INT(ask("t", 0, "3,4", true)->error, 0);
    CHECK_INT(ask("t", 0, "3,4,0", true)->error, wire(ERR_INVALID_REPLICATION_FACTOR));
    CHECK_INT(ask("t", 0, "0,4", true)->error, 0); /* two of five are what stays */
    finish();
}

/* A replica that goes takes what is said of it along: the lists are never longer than that of the
 * replicas. */
static void a_replica_that_goes_is_in_no_list(void)
{
    begin_with("1,2");
    report(2, "t", true, 0);
    say_full(1, true);
    move_to("3,4");
    propose("1,3,4");
    check_state("3,4 + - isr 3,4 leader 3 epoch 1");
    CHECK_INT(part("t", 0)->offline.count + part("t", 0)->full.count, 0);
    finish();
}

/* One entry stays small, and one decision short. */
static void so_many_at_a_time(void)
{
    Meta__AlterReassignments__Partition body = META__ALTER_REASSIGNMENTS__PARTITION__INIT;
    static Meta__AlterReassignments__Partition *list[REASSIGNMENTS_MAX + 1];
    Meta__AlterReassignments move = META__ALTER_REASSIGNMENTS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    begin_with("1,2");
    body.topic = "u";
    for (size_t i = 0; i <= REASSIGNMENTS_MAX; i++)
        list[i] = &body;
    move.partitions = list;
    move.n_partitions = REASSIGNMENTS_MAX;
    reassignments_command(&decision, &move, &reply);
    CHECK_INT(reply.error, 0);
    CHECK_INT(reply.n_elections, REASSIGNMENTS_MAX);
    move.n_partitions++;
    meta__command_reply__init(&reply);
    reassignments_command(&decision, &move, &reply);
    CHECK_INT(reply.error, wire(ERR_POLICY_VIOLATION));
    CHECK_INT(reply.n_elections, 0);
    finish();
}

/* New partitions get as many replicas as there will be. */
static void partitions_grow_during_a_move(void)
{
    Meta__CreatePartitions__Topic topic = META__CREATE_PARTITIONS__TOPIC__INIT,
                                  *topics[] = {&topic};
    Meta__CreatePartitions command = META__CREATE_PARTITIONS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    begin_with("1,2");
    move_to("3,4,0");
    topic.name = "t";
    topic.count = 2;
    command.n_topics = 1;
    command.topics = topics;
    topics_grow(&decision, &command, &reply);
    CHECK_INT(part("t", 1)->replicas.count, 3);
    finish();
}

/* The only one in sync is chosen by a person, and is all that the target asks for. */
static void an_unclean_leader_may_end_it(void)
{
    begin_with("1");
    move_to("2");
    brokers_fence(&decision, 1);
    CHECK_INT(elect(true, "t", 0), 0);
    check_state("2 + - isr 2 leader 2 epoch 2");
    finish();
}

TAP_MAIN(TAP_TEST(a_move_ends_when_all_of_the_target_are_in_sync),
         TAP_TEST(a_set_without_all_of_the_target_ends_nothing),
         TAP_TEST(what_adds_nothing_is_done_at_once), TAP_TEST(to_a_cordoned_broker_nothing_moves),
         TAP_TEST(who_is_gone_ends_nothing), TAP_TEST(what_cannot_serve_ends_nothing),
         TAP_TEST(who_was_not_heard_of_ends_nothing), TAP_TEST(the_leader_may_go_in_the_middle),
         TAP_TEST(an_end_gives_the_old_replicas_back), TAP_TEST(an_end_must_not_be_unclean),
         TAP_TEST(a_new_replica_leads_uncleanly_only_when_asked),
         TAP_TEST(an_end_leaves_no_leader_that_has_gone),
         TAP_TEST(an_end_may_keep_a_leader_not_heard_of), TAP_TEST(the_same_target_changes_nothing),
         TAP_TEST(a_new_target_replaces_the_old_one), TAP_TEST(wrong_targets_are_refused),
         TAP_TEST(a_replica_that_goes_is_in_no_list), TAP_TEST(so_many_at_a_time),
         TAP_TEST(partitions_grow_during_a_move), TAP_TEST(an_unclean_leader_may_end_it))

/* Eligible leader replicas (KIP-966): who becomes one, who leads, who is one no more. */
#include "fixture.h"

#include "controller/configs.h"
#include "controller/eligible.h"
#include "controller/features.h"
#include "controller/isr.h"

static int set_level(int32_t level)
{
    Meta__UpdateFeatures__Update update = META__UPDATE_FEATURES__UPDATE__INIT,
                                 *updates[] = {&update};
    Meta__UpdateFeatures command = META__UPDATE_FEATURES__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    update.name = "eligible.leader.replicas.version";
    update.level = level;
    update.way =
        level ? META__UPDATE_FEATURES__WAY__UPGRADE : META__UPDATE_FEATURES__WAY__SAFE_DOWNGRADE;
    command.updates = updates;
    command.n_updates = 1;
    features_update(&decision, &command, &reply);
    return reply.error;
}

static bool replaces_all; /* the old AlterConfigs, that names nothing */

/* NULL removes it; "" names all brokers, a digit a broker, else it is a topic. */
static int set_min_insync(const char *name, const char *value)
{
    Meta__ConfigEntry entry = META__CONFIG_ENTRY__INIT, *entries[] = {&entry};
    Meta__AlterConfigs__Resource resource = META__ALTER_CONFIGS__RESOURCE__INIT,
                                 *resources[] = {&resource};
    Meta__AlterConfigs command = META__ALTER_CONFIGS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    entry.key = "min.insync.replicas";
    entry.value = (char *)(uintptr_t)(value ? value : "");
    entry.operation =
        value ? META__CONFIG_ENTRY__OPERATION__SET : META__CONFIG_ENTRY__OPERATION__DELETE;
    resource.type = name[0] >= 'a' ? META__CONFIG_RECORD__RESOURCE__TOPIC
                                   : META__CONFIG_RECORD__RESOURCE__BROKER;
    resource.name = (char *)(uintptr_t)name;
    resource.n_entries = replaces_all ? 0 : 1;
    resource.replace_all = replaces_all;
    resource.entries = entries;
    command.n_resources = 1;
    command.resources = resources;
    configs_command(&decision, &command, &reply);
    return reply.resources[0]->error;
}

/* The leader's wish. */
static const Meta__AlterPartitionResult *alter(const int32_t *ids, size_t count)
{
    static Meta__AlterPartitions__IsrMember members[3];
    static Meta__AlterPartitions__IsrMember *list[] = {&members[0], &members[1], &members[2]};
    for (size_t i = 0; i < count; i++) {
        meta__alter_partitions__isr_member__init(&members[i]);
        members[i].broker_id = ids[i];
        members[i].broker_epoch = -1;
    }
    struct uuid id = image_topic_by_name(image, "t", 1)->id;
    Meta__AlterPartitions__Partition asked = META__ALTER_PARTITIONS__PARTITION__INIT,
                                     *partitions[] = {&asked};
    Meta__AlterPartitions body = META__ALTER_PARTITIONS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    asked.topic_id = (ProtobufCBinaryData){sizeof(id.bytes), id.bytes};
    asked.leader_epoch = part("t", 0)->leader_epoch;
    asked.partition_epoch = part("t", 0)->partition_epoch;
    asked.n_isr = count;
    asked.isr = list;
    body.broker_id = part("t", 0)->leader;
    body.broker_epoch = image_broker(image, body.broker_id)->epoch;
    body.n_partitions = 1;
    body.partitions = partitions;
    isr_command(&decision, &body, &reply);
    CHECK_INT(reply.partitions[0]->error, 0);
    return reply.partitions[0];
}

/* "isr|elr|last known", each by digits in their order. */
static const char *sets(void)
{
    static char text[32];
    const struct image_partition *p = part("t", 0);
    const struct image_ids *lists[] = {&p->isr, &p->elr, &p->last_known_elr};
    size_t at = 0;
    for (int i = 0; i < 3; i++) {
        for (int32_t id = 0; id < 3; id++)
            if (image_ids_have(lists[i], id))
                text[at++] = (char)('0' + id);
        text[at++] = '|';
    }
    text[at - 1] = 0;
    return text;
}

#define IDS(...) (const int32_t[]){__VA_ARGS__}, sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)

/* t-0 has the replicas 0, 1 and 2, and is led by 0; two have to be in sync. */
static void begin_on(void)
{
    begin();
    add_brokers(3, false);
    CHECK_INT(set_level(1), 0);
    create("t", 1, 3);
    set_isr("t", IDS(0, 1, 2), 0);
    CHECK_INT(set_min_insync("t", "2"), 0);
    CHECK_STR(sets(), "012||");
}

/* Only 0 is left in sync, 1 is eligible; both are gone. */
static void begin_lost(void)
{
    begin_on();
    brokers_fence(&decision, 2);
    alter(IDS(0, 1));
    brokers_fence(&decision, 1);
    alter(IDS(0));
    CHECK_STR(sets(), "0|1|");
    brokers_fence(&decision, 0);
    CHECK_INT(part("t", 0)->leader, -1);
}

/* The broker registers as a new process. */
static void come_back(int32_t id, bool clean, uint8_t disk)
{
    static uint8_t incarnation = 20;
    stopped_of_next = clean ? image_broker(image, id)->epoch : 0;
    disk_of_next = disk;
    decision.index++;
    add_broker_as(id, ++incarnation, "");
    disk_of_next = 0;
    stopped_of_next = 0;
}

static void who_leaves_a_short_set_is_eligible(void)
{
    begin_on();
    alter(IDS(0, 1));
    CHECK_STR(sets(), "01||"); /* two are enough: 2 may lack what comes now */
    const Meta__AlterPartitionResult *told = alter(IDS(0));
    CHECK_STR(sets(), "0|1|");
    CHECK_INT(told->n_elr, 1);
    CHECK_INT(told->elr[0], 1);
    told = alter(IDS(0, 2));
    CHECK_STR(sets(), "02||");
    CHECK_INT(told->n_elr, 0);
    set_isr("t", IDS(0, 1, 2), 0);
    alter(IDS(0));
    CHECK_STR(sets(), "0|12|");
    CHECK_INT(set_min_insync("t", "3"), 0);
    alter(IDS(0, 1));
    CHECK_STR(sets(), "01|2|");
    alter(IDS(0));
    CHECK_STR(sets(), "0|12|");
    finish();
}

static void nobody_is_eligible_at_level_0(void)
{
    begin_on();
    CHECK_INT(set_level(0), 0);
    alter(IDS(0));
    CHECK_STR(sets(), "0||");
    finish();
}

static void an_eligible_replica_leads_where_the_set_is_gone(void)
{
    begin_lost();
    int32_t epoch = part("t", 0)->leader_epoch;
    brokers_unfence(&decision, 2, NULL, 0); /* it left a set that was large enough */
    CHECK_INT(part("t", 0)->leader, -1);
    brokers_unfence(&decision, 1, NULL, 0);
    CHECK_INT(part("t", 0)->leader, 1);
    CHECK_INT(part("t", 0)->leader_epoch, epoch + 1);
    CHECK_STR(sets(), "1|0|");
    brokers_unfence(&decision, 0, NULL, 0);
    CHECK_INT(part("t", 0)->leader, 1);
    brokers_fence(&decision, 1);
    CHECK_INT(part("t", 0)->leader, 0);
    CHECK_STR(sets(), "0|1|");
    finish();
}

static void the_set_comes_first(void)
{
    begin_lost();
    brokers_unfence(&decision, 0, NULL, 0);
    CHECK_INT(part("t", 0)->leader, 0);
    brokers_unfence(&decision, 1, NULL, 0);
    CHECK_INT(part("t", 0)->leader, 0);
    CHECK_STR(sets(), "0|1|");
    finish();
}

static bool only_1(void *data, int32_t id)
{
    (void)data;
    return id == 1;
}

/* A new controller has heard of the eligible one only: the member may lead, and have more. */
static void a_member_that_may_live_is_waited_for(void)
{
    begin_on();
    alter(IDS(0));
    rules.heard = only_1;
    elections_broker_in(&decision, 1);
    CHECK_INT(part("t", 0)->leader, 0);
    CHECK_STR(sets(), "0|12|");
    brokers_fence(&decision, 0);
    CHECK_INT(part("t", 0)->leader, 1);
    finish();
}

static void a_clean_stop_keeps_the_place(void)
{
    begin_lost();
    come_back(1, true, 0);
    CHECK_STR(sets(), "0|1|");
    brokers_unfence(&decision, 1, NULL, 0);
    CHECK_INT(part("t", 0)->leader, 1);
    finish();
}

static void a_crash_loses_it(void)
{
    begin_lost();
    come_back(1, false, 0);
    CHECK_STR(sets(), "0||1");
    brokers_unfence(&decision, 1, NULL, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    come_back(1, true, 0); /* a clean stop after that proves nothing */
    brokers_unfence(&decision, 1, NULL, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    brokers_unfence(&decision, 0, NULL, 0);
    CHECK_INT(part("t", 0)->leader, 0);
    alter(IDS(0, 1));
    CHECK_STR(sets(), "01||");
    finish();
}

/* It is trusted as a member of the set, and no longer when another leads. */
static void a_member_that_crashed_is_not_eligible(void)
{
    begin_lost();
    come_back(0, false, 0);
    brokers_unfence(&decision, 1, NULL, 0);
    CHECK_INT(part("t", 0)->leader, 1);
    CHECK_STR(sets(), "1||0");
    finish();
}

/* It was in the set when it came back, and nobody has heard of it since. */
static void one_that_crashed_and_leaves_is_not_eligible(void)
{
    begin_on();
    brokers_fence(&decision, 1);
    come_back(1, false, 0);
    CHECK_STR(sets(), "012||");
    alter(IDS(0));
    CHECK_STR(sets(), "0|2|1");
    finish();
}

/* It was let in after its crash: what it leaves later is not of before. */
static void one_crash_counts_until_it_is_unfenced(void)
{
    begin_on();
    brokers_fence(&decision, 1);
    come_back(1, false, 0);
    CHECK(image_broker(image, 1)->crashed);
    brokers_unfence(&decision, 1, NULL, 0);
    CHECK(!image_broker(image, 1)->crashed);
    brokers_fence(&decision, 1); /* its session ends */
    alter(IDS(0));
    CHECK_STR(sets(), "0|12|");
    finish();
}

static void another_disk_loses_it(void)
{
    begin_lost();
    come_back(1, true, 7);
    CHECK_STR(sets(), "0||1");
    finish();
    begin_lost();
    come_back(0, true, 7); /* the last member: the eligible one leads when it is there */
    CHECK(part("t", 0)->emptied);
    brokers_unfence(&decision, 1, NULL, 0);
    CHECK_INT(part("t", 0)->leader, 1);
    CHECK(!part("t", 0)->emptied);
    CHECK_STR(sets(), "1||0");
    finish();
}

static bool nobody(void *data, int32_t id)
{
    (void)data, (void)id;
    return false;
}

/* A new controller hears first of the leader, whose disk is another one now. */
static void an_emptied_leader_does_not_wait_with_the_eligible_ones(void)
{
    begin_on();
    alter(IDS(0));
    rules.heard = nobody;
    come_back(0, true, 7);
    CHECK(part("t", 0)->emptied);
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK_STR(sets(), "0|12|");
    rules.heard = only_1;
    elections_broker_in(&decision, 1);
    CHECK(!part("t", 0)->emptied);
    CHECK_INT(part("t", 0)->leader, 1);
    CHECK_STR(sets(), "1|2|0");
    finish();
}

static void a_failed_log_loses_it(void)
{
    begin_on();
    alter(IDS(0));
    report(1, "t", true, 0);
    CHECK_STR(sets(), "0|12|"); /* it is only being opened */
    failed_is_next = true;
    report(1, "t", true, 0);
    failed_is_next = false;
    CHECK_STR(sets(), "0|2|1");
    finish();
    begin_on();
    report(1, "t", true, 0); /* and so does one that can't be used while it leaves */
    alter(IDS(0));
    CHECK_STR(sets(), "0|2|1");
    finish();
}

static void an_unclean_election_begins_anew(void)
{
    begin_lost();
    brokers_unfence(&decision, 2, NULL, 0);
    CHECK_INT(elect(true, "t", 0), 0);
    CHECK_INT(part("t", 0)->leader, 2);
    CHECK_STR(sets(), "2||");
    finish();
}

static void a_set_that_is_large_enough_now_has_none(void)
{
    begin_on();
    alter(IDS(0));
    int32_t epoch = part("t", 0)->partition_epoch;
    CHECK_INT(set_min_insync("t", "1"), 0);
    CHECK_STR(sets(), "0||");
    CHECK_INT(part("t", 0)->partition_epoch, epoch + 1);
    CHECK_INT(set_min_insync("t", NULL), 0);
    CHECK_INT(set_min_insync("", "3"), 0);
    set_isr("t", IDS(0, 1, 2), 0);
    alter(IDS(0, 1));
    CHECK_STR(sets(), "01|2|");
    CHECK_INT(set_min_insync("", "2"), 0);
    CHECK_STR(sets(), "01||");
    alter(IDS(0));
    CHECK_STR(sets(), "0|1|");
    CHECK_INT(set_level(0), 0);
    CHECK_STR(sets(), "0||");
    finish();
}

/* Else brokers and controller would not mean the same. */
static void only_topics_and_all_brokers_have_the_setting(void)
{
    begin();
    add_brokers(3, false);
    CHECK_INT(set_min_insync("1", "3"), 0);
    CHECK_INT(set_level(1), 0);
    CHECK(!image_config(image, META__CONFIG_RECORD__RESOURCE__BROKER, "1", "min.insync.replicas"));
    CHECK_STR(image_config(image, META__CONFIG_RECORD__RESOURCE__BROKER, "", "min.insync.replicas"),
              "1");
    CHECK_INT(set_min_insync("1", "3"), wire(ERR_INVALID_CONFIG));
    CHECK_INT(set_min_insync("", NULL), wire(ERR_INVALID_CONFIG));
    replaces_all = true;
    CHECK_INT(set_min_insync("", NULL), wire(ERR_INVALID_CONFIG));
    replaces_all = false;
    CHECK_INT(set_min_insync("", "2"), 0);
    CHECK_INT(set_level(0), 0);
    CHECK_INT(set_min_insync("1", "3"), 0);
    CHECK_INT(set_min_insync("", NULL), 0);
    finish();
}

static void older_builds_have_no_part_in_it(void)
{
    begin();
    step_of_next = FEATURES_STEP_ELIGIBLE - 1;
    add_brokers(1, false);
    CHECK_INT(set_level(1), wire(ERR_INVALID_UPDATE_VERSION));
    step_of_next = FEATURES_STEP;
    add_broker_as(0, 9, "");
    CHECK_INT(set_level(1), 0);
    step_of_next = FEATURES_STEP_ELIGIBLE - 1;
    error_of_next = ERR_INVALID_REGISTRATION;
    add_broker_as(0, 10, "");
    error_of_next = 0;
    step_of_next = FEATURES_STEP;
    finish();
}

TAP_MAIN(TAP_TEST(who_leaves_a_short_set_is_eligible), TAP_TEST(nobody_is_eligible_at_level_0),
         TAP_TEST(an_eligible_replica_leads_where_the_set_is_gone), TAP_TEST(the_set_comes_first),
         TAP_TEST(a_member_that_may_live_is_waited_for), TAP_TEST(a_clean_stop_keeps_the_place),
         TAP_TEST(a_crash_loses_it), TAP_TEST(a_member_that_crashed_is_not_eligible),
         TAP_TEST(one_that_crashed_and_leaves_is_not_eligible),
         TAP_TEST(one_crash_counts_until_it_is_unfenced), TAP_TEST(another_disk_loses_it),
         TAP_TEST(an_emptied_leader_does_not_wait_with_the_eligible_ones),
         TAP_TEST(a_failed_log_loses_it), TAP_TEST(an_unclean_election_begins_anew),
         TAP_TEST(a_set_that_is_large_enough_now_has_none),
         TAP_TEST(only_topics_and_all_brokers_have_the_setting),
         TAP_TEST(older_builds_have_no_part_in_it))

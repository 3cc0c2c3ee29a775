/* Who leads, and who stays in the in-sync set when brokers go, come back, or can't serve. */
#include "fixture.h"

#include "tests/lib/config_maker.h"

#include "controller/isr.h"

static bool heard_of[3];

static bool heard(void *data, int32_t id)
{
    (void)data;
    return heard_of[id];
}

static void a_fenced_broker_leads_no_more(void)
{
    begin();
    add_brokers(3, false);
    create("t", 1, 3);
    int32_t leader = part("t", 0)->leader, second = part("t", 0)->replicas.ids[1];
    int32_t third = part("t", 0)->replicas.ids[2];
    brokers_fence(&decision, leader);
    CHECK_INT(part("t", 0)->leader, second);
    CHECK_INT(part("t", 0)->leader_epoch, 1);
    CHECK_INT(part("t", 0)->partition_epoch, 1);
    CHECK_INT(part("t", 0)->isr.count, 3); /* the new leader drops it once it leads */
    brokers_fence(&decision, third);
    CHECK_INT(part("t", 0)->leader_epoch, 1);
    CHECK_INT(part("t", 0)->partition_epoch, 1);
    set_isr("t", &second, 1, second);
    brokers_fence(&decision, second); /* the last one stays in the set */
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK_INT(part("t", 0)->isr.count, 1);
    CHECK_INT(part("t", 0)->isr.ids[0], second);
    brokers_unfence(&decision, leader, NULL, 0); /* not in the set: no unclean leader by default */
    CHECK_INT(part("t", 0)->leader, -1);
    brokers_unfence(&decision, second, NULL, 0);
    CHECK_INT(part("t", 0)->leader, second);
    finish();
}

/* All brokers die at once, the controller with them. The new one's image says that they live. */
static void whoever_comes_back_first_leads(void)
{
    begin();
    add_brokers(3, false);
    create("t", 1, 3);
    int32_t leader = part("t", 0)->leader, second = part("t", 0)->replicas.ids[1];
    int32_t third = part("t", 0)->replicas.ids[2];
    rules.heard = heard;
    memset(heard_of, 0, sizeof(heard_of));
    brokers_fence(&decision, leader); /* the others may live: they are waited for */
    CHECK_INT(part("t", 0)->partition_epoch, 0);
    add_broker_as(second, 2, "");
    CHECK_INT(part("t", 0)->isr.count, 3);
    brokers_fence(&decision, third); /* now all are known to be gone */
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK_INT(part("t", 0)->isr.count, 3);
    heard_of[second] = true;
    brokers_unfence(&decision, second, NULL, 0);
    CHECK_INT(part("t", 0)->leader, second);
    add_broker_as(third, 2, "");
    CHECK_INT(part("t", 0)->leader, second);
    finish();
}

/* It may have lost records that it had not flushed: what it writes now is of another epoch. */
static void a_new_process_leads_under_a_new_epoch(void)
{
    begin();
    add_brokers(2, false);
    create("t", 1, 2);
    int32_t leader = part("t", 0)->leader;
    rules.heard = heard;
    memset(heard_of, 0, sizeof(heard_of)); /* the other one is waited for */
    add_broker_as(leader, 2, "");
    CHECK(part("t", 0)->leader != leader);
    CHECK_INT(part("t", 0)->isr.count, 2);
    heard_of[leader] = true;
    brokers_unfence(&decision, leader, NULL, 0);
    CHECK_INT(part("t", 0)->leader, leader);
    CHECK(part("t", 0)->leader_epoch > 0);
    finish();
}

/* All are gone, and one comes back with a new disk: it must not lead for having been in sync. */
static void an_empty_disk_is_not_in_sync(void)
{
    begin();
    add_brokers(3, false);
    create("t", 1, 3);
    create("alone", 1, 1);
    int32_t leader = part("t", 0)->leader, alone = part("alone", 0)->leader;
    rules.heard = heard;
    memset(heard_of, 0, sizeof(heard_of));
    for (int32_t i = 0; i < 3; i++)
        brokers_fence(&decision, i);
    disk_of_next = 7;
    add_broker_as(leader, 2, "");
    heard_of[leader] = true;
    brokers_unfence(&decision, leader, NULL, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK_INT(part("t", 0)->isr.count, 2);
    CHECK(!image_ids_have(&part("t", 0)->isr, leader));
    CHECK(!part("t", 0)->emptied);
    add_broker_as(alone, 3, ""); /* nobody else has it */
    CHECK(image_ids_have(&part("alone", 0)->isr, alone));
    disk_of_next = 0;
    finish();
}

/* Unregistered while all are down, the broker may come back with any disk: what the cluster knew of
 * its directories is gone. */
static void an_unregistered_broker_is_in_no_set(void)
{
    begin();
    add_brokers(3, false);
    create("t", 1, 3);
    int32_t first = part("t", 0)->replicas.ids[0], second = part("t", 0)->replicas.ids[1];
    for (int32_t i = 0; i < 3; i++)
        brokers_fence(&decision, i);
    Meta__UnregisterBroker body = META__UNREGISTER_BROKER__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    body.broker_id = first;
    brokers_unregister(&decision, &body, &reply);
    CHECK_INT(part("t", 0)->isr.count, 2);
    disk_of_next = 7;
    add_broker_as(first, 2, "");
    disk_of_next = 0;
    brokers_unfence(&decision, first, NULL, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    brokers_unfence(&decision, second, NULL, 0);
    CHECK_INT(part("t", 0)->leader, second);
    finish();
}

/* The last one in sync comes back with another disk while others live that are a little behind:
 * from an empty leader they would cut all that they have. */
static void an_emptied_last_member_leads_nobody(void)
{
    begin();
    add_brokers(3, false);
    create("t", 1, 3);
    const int32_t *ids = part("t", 0)->replicas.ids;
    int32_t last = ids[0], second = ids[1], third = ids[2];
    set_isr("t", &last, 1, last);
    brokers_fence(&decision, last);
    disk_of_next = 7;
    add_broker_as(last, 2, "");
    CHECK(part("t", 0)->emptied);
    brokers_unfence(&decision, last, NULL, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK_INT(part("t", 0)->isr.ids[0], last);
    CHECK_INT(elections_balance(&decision, 0, 10), 0); /* nor because it is the preferred one */
    CHECK_INT(elect(false, "t", 0), wire(ERR_PREFERRED_LEADER_NOT_AVAILABLE));
    add_broker_as(last, 3, ""); /* the same disk as before, and no fuller */
    brokers_unfence(&decision, last, NULL, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    brokers_fence(&decision, second);
    brokers_unfence(&decision, second, NULL, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    /* A person chooses: who has something comes before who has nothing. */
    brokers_fence(&decision, second);
    CHECK_INT(elect(true, "t", 0), 0);
    CHECK_INT(part("t", 0)->leader, third);
    CHECK_INT(part("t", 0)->isr.ids[0], third);
    CHECK(!part("t", 0)->emptied);
    disk_of_next = 0;
    finish();
}

static void nobody_else_is_left(void)
{
    begin();
    add_brokers(2, false);
    create("t", 1, 2);
    int32_t last = part("t", 0)->replicas.ids[0], other = part("t", 0)->replicas.ids[1];
    set_isr("t", &last, 1, last);
    brokers_fence(&decision, other);
    Meta__UnregisterBroker body = META__UNREGISTER_BROKER__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    body.broker_id = last;
    brokers_unregister(&decision, &body, &reply); /* while it leads */
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK(part("t", 0)->emptied);
    CHECK_INT(elect(true, "t", 0), wire(ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE));
    add_broker_as(last, 2, "");
    brokers_unfence(&decision, last, NULL, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK_INT(elect(true, "t", 0), 0); /* to begin anew is a choice, too */
    CHECK_INT(part("t", 0)->leader, last);
    finish();
}

/* Another of its directories was replaced: this partition is all there. */
static void an_emptied_member_that_has_its_records_leads(void)
{
    begin();
    add_brokers(2, false);
    create("t", 1, 2);
    int32_t last = part("t", 0)->replicas.ids[0];
    set_isr("t", &last, 1, last);
    brokers_fence(&decision, last);
    disk_of_next = 7;
    add_broker_as(last, 2, "");
    disk_of_next = 0;
    brokers_unfence(&decision, last, NULL, 0);
    say_whole(last, true); /* but can't be read yet */
    CHECK_INT(part("t", 0)->leader, -1);
    say_whole(last, false);
    CHECK_INT(part("t", 0)->leader, last);
    CHECK(!part("t", 0)->emptied);
    finish();
}

/* Who has no room leads only where nobody in the set has, and can be read all the time. */
static void a_full_disk_leads_last(void)
{
    begin();
    add_brokers(3, false);
    create("t", 1, 3);
    const int32_t *ids = part("t", 0)->replicas.ids;
    int32_t first = ids[0], second = ids[1], third = ids[2];
    say_full(second, true);
    CHECK_INT(part("t", 0)->leader, first);
    CHECK(image_ids_have(&part("t", 0)->full, second));
    say_full(first, true);
    CHECK_INT(part("t", 0)->leader, third);
    CHECK_INT(part("t", 0)->isr.count, 3);
    CHECK_INT(elections_balance(&decision, 0, 10),
              0); /* the preferred one waits until it has room */
    CHECK_INT(elect(false, "t", 0), wire(ERR_PREFERRED_LEADER_NOT_AVAILABLE));
    say_full(third, true);
    CHECK_INT(part("t", 0)->leader, third);
    int32_t epoch = part("t", 0)->partition_epoch;
    say_full(third, true);
    CHECK_INT(part("t", 0)->partition_epoch, epoch);
    brokers_fence(&decision, third); /* a full leader is better than none */
    CHECK_INT(part("t", 0)->leader, first);
    say_full(second, false);
    CHECK_INT(part("t", 0)->leader, second);
    say_full(first, false);
    CHECK_INT(part("t", 0)->leader, second);
    CHECK_INT(elections_balance(&decision, 0, 10), 1);
    CHECK_INT(part("t", 0)->leader, first);
    add_broker_as(third, 2, "");
    CHECK_INT(part("t", 0)->full.count, 0); /* it looks anew */
    finish();
}

/* A leader without room makes way as soon as one with room has joined the set. */
static void who_joins_with_room_leads(void)
{
    begin();
    add_brokers(2, false);
    create("t", 1, 2);
    int32_t first = part("t", 0)->replicas.ids[0], second = part("t", 0)->replicas.ids[1];
    set_isr("t", &first, 1, first);
    say_full(first, true);
    CHECK_INT(part("t", 0)->leader, first);
    Meta__AlterPartitions__IsrMember members[2], *list[2] = {&members[0], &members[1]};
    for (int i = 0; i < 2; i++) {
        meta__alter_partitions__isr_member__init(&members[i]);
        members[i].broker_id = i;
        members[i].broker_epoch = -1;
    }
    struct uuid id = image_topic_by_name(image, "t", 1)->id;
    Meta__AlterPartitions__Partition asked = META__ALTER_PARTITIONS__PARTITION__INIT,
                                     *partitions[] = {&asked};
    asked.topic_id = (ProtobufCBinaryData){sizeof(id.bytes), id.bytes};
    asked.leader_epoch = part("t", 0)->leader_epoch;
    asked.partition_epoch = part("t", 0)->partition_epoch;
    asked.n_isr = 2;
    asked.isr = list;
    Meta__AlterPartitions body = META__ALTER_PARTITIONS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    body.broker_id = first;
    body.broker_epoch = image_broker(image, first)->epoch;
    body.n_partitions = 1;
    body.partitions = partitions;
    isr_command(&decision, &body, &reply);
    CHECK_INT(reply.partitions[0]->error, 0);
    CHECK_INT(part("t", 0)->isr.count, 2);
    CHECK_INT(part("t", 0)->leader, second);
    CHECK_INT(reply.partitions[0]->leader, second);
    finish();
}

/* The controller alone dies: who led goes on, and who has died with it leaves when that is known.
 */
static void a_new_controller_waits_for_who_led(void)
{
    begin();
    add_brokers(3, false);
    create("t", 1, 3);
    int32_t leader = part("t", 0)->leader, second = part("t", 0)->replicas.ids[1];
    rules.heard = heard;
    memset(heard_of, 0, sizeof(heard_of));
    brokers_fence(&decision, second);
    CHECK_INT(part("t", 0)->partition_epoch, 0);
    CHECK_INT(elections_balance(&decision, 0, 10), 0);
    heard_of[leader] = true;
    elections_broker_in(&decision, leader);
    CHECK_INT(part("t", 0)->leader, leader);
    CHECK_INT(part("t", 0)->leader_epoch, 0);
    finish();
}

/* Sets it (NULL: removes it) for a topic, one broker or ("") all. */
static void allow_unclean(Meta__ConfigRecord__Resource type, const char *name, const char *value)
{
    Meta__AlterConfigs__Resource resource = META__ALTER_CONFIGS__RESOURCE__INIT,
                                 *resources[] = {&resource};
    Meta__ConfigEntry entry = META__CONFIG_ENTRY__INIT, *entries[] = {&entry};
    Meta__AlterConfigs alter = META__ALTER_CONFIGS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    char key[] = "unclean.leader.election.enable";
    resource.type = type;
    resource.name = (char *)(uintptr_t)name;
    resource.n_entries = 1;
    resource.entries = entries;
    entry.key = key;
    entry.value = (char *)(uintptr_t)(value ? value : "");
    entry.operation =
        value ? META__CONFIG_ENTRY__OPERATION__SET : META__CONFIG_ENTRY__OPERATION__DELETE;
    alter.n_resources = 1;
    alter.resources = resources;
    command.body_case = META__COMMAND__BODY_ALTER_CONFIGS;
    command.alter_configs = &alter;
    CHECK_INT(commands_decide(&decision, &command)->resources[0]->error, 0);
}

static void unclean_leaders_only_where_allowed(void)
{
    begin();
    add_brokers(2, false);
    create("t", 1, 2);
    int32_t first = part("t", 0)->replicas.ids[0], second = part("t", 0)->replicas.ids[1];
    set_isr("t", &first, 1, first);
    brokers_fence(&decision, first);
    CHECK_INT(part("t", 0)->leader, -1);
    allow_unclean(META__CONFIG_RECORD__RESOURCE__TOPIC, "t", "TRUE");
    CHECK_INT(part("t", 0)->leader, second);
    CHECK_INT(part("t", 0)->isr.count, 1);
    CHECK_INT(part("t", 0)->isr.ids[0], second);
    finish();
}

/* The order of the settings of brokers: the topic, the broker that is the active controller (1),
 * all brokers, the file. */
static void unclean_leaders_by_settings_of_brokers(void)
{
    static const Meta__ConfigRecord__Resource of_broker = META__CONFIG_RECORD__RESOURCE__BROKER;
    begin();
    add_brokers(2, false);
    create("t", 1, 2);
    int32_t first = part("t", 0)->replicas.ids[0], second = part("t", 0)->replicas.ids[1];
    set_isr("t", &first, 1, first);
    brokers_fence(&decision, first);
    allow_unclean(of_broker, "0", "true"); /* of another broker */
    CHECK_INT(part("t", 0)->leader, -1);
    allow_unclean(of_broker, "1", "false");
    allow_unclean(of_broker, "", "true");
    CHECK_INT(part("t", 0)->leader, -1);
    allow_unclean(META__CONFIG_RECORD__RESOURCE__TOPIC, "t", "false");
    allow_unclean(of_broker, "1", NULL);
    CHECK_INT(part("t", 0)->leader, -1);
    allow_unclean(of_broker, "1", "false");
    allow_unclean(META__CONFIG_RECORD__RESOURCE__TOPIC, "t", NULL);
    CHECK_INT(part("t", 0)->leader, -1);
    allow_unclean(of_broker, "1", NULL);
    CHECK_INT(part("t", 0)->leader, second);
    finish();
    begin();
    rules.settings = config_make("broker.id=1\nunclean.leader.election.enable=true\n");
    add_brokers(2, false);
    create("t", 1, 2);
    first = part("t", 0)->replicas.ids[0], second = part("t", 0)->replicas.ids[1];
    set_isr("t", &first, 1, first);
    brokers_fence(&decision, first);
    CHECK_INT(part("t", 0)->leader, second);
    config_free((struct config *)(uintptr_t)rules.settings);
    finish();
}

static void a_stopping_broker_hands_over(void)
{
    begin();
    add_brokers(2, false);
    create("pair", 1, 2);
    create("alone", 8, 1);
    int32_t leader = part("pair", 0)->leader;
    brokers_stop(&decision, leader);
    CHECK(part("pair", 0)->leader != leader);
    int32_t heir = part("pair", 0)->leader;
    CHECK_INT(elections_needing(image, leader), 1); /* the heir has to take it out of the set */
    set_isr("pair", &heir, 1, heir);
    CHECK_INT(elections_needing(image, leader), 0);
    for (int32_t i = 0; i < 8; i++)
        if (part("alone", i)->replicas.ids[0] == leader)
            CHECK(part("alone", i)->leader == -1 && part("alone", i)->isr.count == 1);
    brokers_unfence(&decision, leader, NULL, 0);
    CHECK(image_broker(image, leader)->stopping);
    finish();
}

/* All die, and the first to come back still opens its log: it is not given the partition, and the
 * other one, who is whole, keeps its place in the set. */
static void a_log_that_is_not_open_leads_nothing(void)
{
    begin();
    add_brokers(2, false);
    create("t", 1, 2);
    int32_t slow = part("t", 0)->replicas.ids[0], whole = part("t", 0)->replicas.ids[1];
    brokers_fence(&decision, slow);
    brokers_fence(&decision, whole);
    add_broker_as(slow, 2, "");
    report(slow, "t", true, 0);
    brokers_unfence(&decision, slow, NULL, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK_INT(part("t", 0)->isr.count, 2);
    add_broker_as(whole, 2, "");
    brokers_unfence(&decision, whole, NULL, 0);
    CHECK_INT(part("t", 0)->leader, whole);
    CHECK_INT(part("t", 0)->isr.count, 2);
    report(slow, "t", false, 0);
    CHECK_INT(part("t", 0)->leader, whole);
    CHECK_INT(elections_balance(&decision, 0, 10), 1);
    finish();
}

/* A leader that was chosen and fails before it leads has cost nobody his place. */
static void an_election_drops_nobody(void)
{
    begin();
    add_brokers(2, false);
    create("t", 1, 2);
    int32_t first = part("t", 0)->replicas.ids[0], second = part("t", 0)->replicas.ids[1];
    brokers_fence(&decision, second);
    brokers_fence(&decision, first);
    brokers_unfence(&decision, first, NULL, 0);
    CHECK_INT(part("t", 0)->leader, first);
    report(first, "t", true, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    brokers_unfence(&decision, second, NULL, 0);
    CHECK_INT(part("t", 0)->leader, second);
    finish();
}

static void what_cannot_serve_leads_no_more(void)
{
    begin();
    add_brokers(3, false);
    create("t", 1, 3);
    int32_t leader = part("t", 0)->leader, second = part("t", 0)->replicas.ids[1];
    int32_t third = part("t", 0)->replicas.ids[2];
    report(leader, "t", true, ERR_STALE_BROKER_EPOCH);
    CHECK_INT(part("t", 0)->leader, leader);
    report(leader, "t", true, 0);
    CHECK_INT(part("t", 0)->leader, second);
    CHECK_INT(part("t", 0)->leader_epoch, 1);
    CHECK(image_ids_have(&part("t", 0)->offline, leader));
    report(leader, "t", true, 0); /* said before */
    CHECK_INT(part("t", 0)->partition_epoch, 1);
    int32_t all[] = {leader, second, third};
    set_isr("t", all, 3, second); /* however it came in: it is not the preferred leader now */
    CHECK_INT(elections_balance(&decision, 0, 10), 0);
    set_isr("t", &second, 1, second);
    report(second, "t", true, 0); /* the last one in sync: nobody leads, it stays listed */
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK_INT(part("t", 0)->isr.ids[0], second);
    report(leader, "t", false, 0); /* in order again, but not in sync */
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK(!image_ids_have(&part("t", 0)->offline, leader));
    add_broker_as(second, 2, ""); /* a new process: what the old one could not do is forgotten */
    CHECK_INT(part("t", 0)->offline.count, 0);
    brokers_unfence(&decision, second, NULL, 0);
    CHECK_INT(part("t", 0)->leader, second);
    finish();
}

static void say_epoch(int32_t broker_id, int32_t epoch)
{
    epoch_is_next = epoch;
    report(broker_id, "t", false, 0);
    epoch_is_next = 0;
}

/* The metadata was restored from an older copy: the log has seen leaders that it does not know. */
static void an_epoch_that_a_log_has_passed_is_left_behind(void)
{
    begin();
    add_brokers(3, false);
    create("t", 1, 3);
    int32_t leader = part("t", 0)->leader, second = part("t", 0)->replicas.ids[1];
    say_epoch(second, 7);
    CHECK_INT(part("t", 0)->leader, leader);
    CHECK_INT(part("t", 0)->leader_epoch, 8);
    CHECK_INT(part("t", 0)->partition_epoch, 1);
    CHECK_INT(part("t", 0)->isr.count, 3);
    say_epoch(leader, 7); /* has been passed */
    say_epoch(leader, 8); /* is in force */
    CHECK_INT(part("t", 0)->leader_epoch, 8);
    CHECK_INT(part("t", 0)->partition_epoch, 1);
    say_epoch(leader, INT32_MAX); /* has none after it, */
    CHECK_INT(part("t", 0)->leader_epoch, 8);
    say_epoch(leader, INT32_MAX - 1); /* or no second one, */
    CHECK_INT(part("t", 0)->leader_epoch, 8);
    say_epoch(leader, IMAGE_LEADER_EPOCH_TAKEN_MAX + 1); /* or too few */
    CHECK_INT(part("t", 0)->leader_epoch, 8);
    say_epoch(leader, -5);
    say_epoch(leader, INT32_MIN);
    CHECK_INT(part("t", 0)->leader_epoch, 8);
    epoch_is_next = 20;
    report(leader, "t", true, 0); /* another one leads at once */
    epoch_is_next = 0;
    CHECK_INT(part("t", 0)->leader, second);
    CHECK(part("t", 0)->leader_epoch > 20);
    finish();
}

static void leaders_are_elected_on_request(void)
{
    begin();
    add_brokers(2, false);
    create("t", 1, 2);
    int32_t ids[2] = {part("t", 0)->replicas.ids[0], part("t", 0)->replicas.ids[1]};
    CHECK_INT(elect(false, "t", 0), wire(ERR_ELECTION_NOT_NEEDED));
    CHECK_INT(elect(false, "t", 1), wire(ERR_UNKNOWN_TOPIC_OR_PARTITION));
    CHECK_INT(elect(false, "x", 0), wire(ERR_UNKNOWN_TOPIC_OR_PARTITION));
    set_isr("t", ids, 2, ids[1]);
    CHECK_INT(elect(false, "t", 0), 0);
    CHECK_INT(part("t", 0)->leader, ids[0]);
    set_isr("t", &ids[1], 1, ids[1]);
    CHECK_INT(elect(false, "t", 0), wire(ERR_PREFERRED_LEADER_NOT_AVAILABLE));
    CHECK_INT(elect(true, "t", 0), wire(ERR_ELECTION_NOT_NEEDED));
    brokers_fence(&decision, ids[1]);
    CHECK_INT(elect(true, "t", 0), 0);
    CHECK_INT(part("t", 0)->leader, ids[0]);
    set_isr("t", ids, 2, ids[1]);
    brokers_unfence(&decision, ids[1], NULL, 0);
    CHECK_INT(elections_balance(&decision, 0, 10), 1);
    CHECK_INT(part("t", 0)->leader, ids[0]);
    CHECK_INT(elections_balance(&decision, 0, 10), 0);
    finish();
}

static void lead_elsewhere(const char *name, int32_t index)
{
    const struct image_topic *topic = image_topic_by_name(image, name, strlen(name));
    Meta__PartitionRecord *record =
        decision_partition(&decision, topic, image_partition(topic, index));
    record->leader = record->replicas[1];
    decision_emit(&decision, META__RECORD__FACT_PARTITION, record);
}

/* A broker prefers eight partitions: so few led elsewhere don't come back by themselves. */
static void few_leaders_elsewhere_stay_there(void)
{
    begin();
    add_brokers(2, false);
    create("t", 16, 2);
    int32_t preferred = part("t", 0)->replicas.ids[0], mine[16], count = 0;
    for (int32_t i = 0; i < 16; i++)
        if (part("t", i)->replicas.ids[0] == preferred)
            mine[count++] = i;
    CHECK_INT(count, 8);
    for (int32_t i = 0; i < 2; i++)
        lead_elsewhere("t", mine[i]);
    CHECK_INT(elections_balance(&decision, 25, 10), 0); /* two of eight are not more than that */
    CHECK_INT(elections_balance(&decision, 100, 10), 0);
    lead_elsewhere("t", mine[2]);
    CHECK_INT(elections_balance(&decision, 37, 2), 2); /* as many as may be at once */
    CHECK_INT(elections_balance(&decision, 37, 10), 0);
    CHECK_INT(elections_balance(&decision, 13, 10), 0); /* one is left: an eighth */
    CHECK_INT(elections_balance(&decision, 0, 10), 1);
    for (int32_t i = 0; i < 16; i++)
        CHECK_INT(part("t", i)->leader, part("t", i)->replicas.ids[0]);
    finish();
}

TAP_MAIN(TAP_TEST(a_fenced_broker_leads_no_more), TAP_TEST(whoever_comes_back_first_leads),
         TAP_TEST(a_new_process_leads_under_a_new_epoch), TAP_TEST(an_empty_disk_is_not_in_sync),
         TAP_TEST(an_unregistered_broker_is_in_no_set),
         TAP_TEST(an_emptied_last_member_leads_nobody), TAP_TEST(nobody_else_is_left),
         TAP_TEST(an_emptied_member_that_has_its_records_leads),
         TAP_TEST(a_new_controller_waits_for_who_led), TAP_TEST(unclean_leaders_only_where_allowed),
         TAP_TEST(unclean_leaders_by_settings_of_brokers), TAP_TEST(a_stopping_broker_hands_over),
         TAP_TEST(a_log_that_is_not_open_leads_nothing), TAP_TEST(an_election_drops_nobody),
         TAP_TEST(what_cannot_serve_leads_no_more),
         TAP_TEST(an_epoch_that_a_log_has_passed_is_left_behind),
         TAP_TEST(leaders_are_elected_on_request), TAP_TEST(few_leaders_elsewhere_stay_there),
         TAP_TEST(a_full_disk_leads_last), TAP_TEST(who_joins_with_room_leads))

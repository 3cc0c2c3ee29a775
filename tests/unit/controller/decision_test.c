/* What the active controller decides: topics, in-sync sets, settings, brokers. */
#include "fixture.h"

#include "controller/configs.h"
#include "controller/features.h"
#include "meta/features.h"

/* ---- topics ---- */

static void topics_are_created(void)
{
    begin();
    add_brokers(3, false);
    Meta__TopicResult *result = create("t", 5, 3);
    CHECK_INT(result->error, 0);
    CHECK_INT(result->partitions, 5);
    CHECK_INT(result->replication_factor, 3);
    for (int32_t i = 0; i < 5; i++) {
        const struct image_partition *p = part("t", i);
        CHECK(p && p->replicas.count == 3 && p->isr.count == 3);
        CHECK_INT(p->leader, p->replicas.ids[0]);
        CHECK_INT(p->leader_epoch, 0);
    }
    result = create("defaults", -1, -1);
    CHECK_INT(result->partitions, 3);
    CHECK_INT(result->replication_factor, 1);
    finish();
}

static void bad_topics_are_refused(void)
{
    begin();
    add_brokers(2, false);
    char name[300];
    memset(name, 'x', sizeof(name));
    name[250] = 0;
    int invalid = wire(ERR_INVALID_TOPIC_EXCEPTION);
    CHECK_INT(create("", 1, 1)->error, invalid);
    CHECK_INT(create(".", 1, 1)->error, invalid);
    CHECK_INT(create("..", 1, 1)->error, invalid);
    CHECK_INT(create("a b", 1, 1)->error, invalid);
    CHECK_INT(create(name, 1, 1)->error, invalid);
    name[249] = 0;
    CHECK_INT(create(name, 1, 1)->error, 0);
    CHECK_INT(create("a.b", 1, 1)->error, 0);
    CHECK_INT(create("a_b", 1, 1)->error, invalid);
    CHECK_STR(create("a_b", 1, 1)->message, "Topic 'a_b' collides with existing topic: a.b");
    CHECK_INT(create("a.b", 1, 1)->error, wire(ERR_TOPIC_ALREADY_EXISTS));
    CHECK_INT(create("n", 0, 1)->error, wire(ERR_INVALID_PARTITIONS));
    CHECK_INT(create("n", 1, 0)->error, wire(ERR_INVALID_REPLICATION_FACTOR));
    Meta__TopicResult *result = create("n", 1, 3);
    CHECK_INT(result->error, wire(ERR_INVALID_REPLICATION_FACTOR));
    CHECK_STR(result->message,
              "Unable to replicate the partition 3 time(s): The target replication factor of 3 "
              "cannot be reached because only 2 broker(s) are registered.");
    CHECK_INT(create("n", 10001, 1)->error, wire(ERR_POLICY_VIOLATION));
    CHECK(!part("n", 0));
    finish();
}

static int assigned(int32_t count, int32_t ids[][3], const size_t *widths)
{
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *topics[] = {&topic};
    Meta__CreateTopics command = META__CREATE_TOPICS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    Meta__Assignment bodies[8], *assignments[8];
    for (int32_t i = 0; i < count; i++) {
        meta__assignment__init(&bodies[i]);
        bodies[i].partition = i;
        bodies[i].replicas = ids[i];
        bodies[i].n_replicas = widths[i];
        assignments[i] = &bodies[i];
    }
    topic.name = "manual";
    topic.partitions = topic.replication_factor = -1;
    topic.n_assignments = (size_t)count;
    topic.assignments = assignments;
    command.n_topics = 1;
    command.topics = topics;
    command.validate_only = true;
    topics_create(&decision, &command, &reply);
    return reply.topics[0]->error;
}

static void manual_assignments_are_checked(void)
{
    begin();
    add_brokers(3, false);
    int invalid = wire(ERR_INVALID_REPLICA_ASSIGNMENT);
    size_t widths[] = {2, 2};
    CHECK_INT(assigned(2, (int32_t[][3]){{0, 1}, {1, 2}}, widths), 0);
    CHECK(!part("manual", 0)); /* it was validated only */
    CHECK_INT(assigned(2, (int32_t[][3]){{0, 0}, {1, 2}}, widths), invalid);
    CHECK_INT(assigned(2, (int32_t[][3]){{0, 9}, {1, 2}}, widths), invalid);
    CHECK_INT(assigned(2, (int32_t[][3]){{0, 1}, {1, 2, 0}}, (size_t[]){2, 3}), invalid);
    CHECK_INT(assigned(1, (int32_t[][3]){{0}}, (size_t[]){0}), invalid);
    brokers_fence(&decision, 2);
    CHECK_INT(assigned(1, (int32_t[][3]){{2}}, (size_t[]){1}), invalid);
    finish();
}

static void placement_spreads(void)
{
    begin();
    add_brokers(6, true);
    CHECK_INT(create("spread", 60, 3)->error, 0);
    int leads[6] = {0}, holds[6] = {0};
    for (int32_t i = 0; i < 60; i++) {
        const struct image_partition *p = part("spread", i);
        bool racks[3] = {false};
        leads[p->leader]++;
        for (int j = 0; j < 3; j++) {
            holds[p->replicas.ids[j]]++;
            racks[p->replicas.ids[j] % 3] = true;
            for (int k = 0; k < j; k++)
                CHECK(p->replicas.ids[j] != p->replicas.ids[k]);
        }
        CHECK(racks[0] && racks[1] && racks[2]);
    }
    for (int i = 0; i < 6; i++) {
        CHECK_INT(leads[i], 10);
        CHECK(holds[i] >= 25 && holds[i] <= 35);
    }
    finish();
}

static void topics_grow_only(void)
{
    begin();
    add_brokers(3, false);
    create("g", 2, 2);
    Meta__CreatePartitions__Topic topic = META__CREATE_PARTITIONS__TOPIC__INIT,
                                  *topics[] = {&topic};
    Meta__CreatePartitions command = META__CREATE_PARTITIONS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    command.n_topics = 1;
    command.topics = topics;
    topic.name = "g";
    int32_t counts[] = {2, 1, 5};
    int errors[] = {wire(ERR_INVALID_PARTITIONS), wire(ERR_INVALID_PARTITIONS), 0};
    for (int i = 0; i < 3; i++) {
        topic.count = counts[i];
        reply.n_topics = 0;
        topics_grow(&decision, &command, &reply);
        CHECK_INT(reply.topics[0]->error, errors[i]);
    }
    CHECK(part("g", 4) && part("g", 4)->replicas.count == 2);
    topic.name = "none";
    reply.n_topics = 0;
    topics_grow(&decision, &command, &reply);
    CHECK_INT(reply.topics[0]->error, wire(ERR_UNKNOWN_TOPIC_OR_PARTITION));
    finish();
}

static Meta__TopicResult *grow(const char *name, int32_t to)
{
    Meta__CreatePartitions__Topic topic = META__CREATE_PARTITIONS__TOPIC__INIT;
    Meta__CreatePartitions__Topic *topics[] = {&topic};
    Meta__CreatePartitions command = META__CREATE_PARTITIONS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    command.n_topics = 1;
    command.topics = topics;
    topic.name = (char *)(uintptr_t)name;
    topic.count = to;
    topics_grow(&decision, &command, &reply);
    return reply.topics[0];
}

/* KIP-1066: one whose log directories are all cordoned gets nothing new, not even while others are
 * fenced. */
static void cordoned_brokers_get_nothing(void)
{
    begin();
    add_brokers(3, false);
    create("before", 3, 3);
    brokers_cordon(&decision, 1, true);
    CHECK(image_broker(image, 1)->cordoned);
    CHECK_INT(create("after", 6, 2)->error, 0);
    for (int32_t i = 0; i < 6; i++)
        for (int j = 0; j < 2; j++)
            CHECK(part("after", i)->replicas.ids[j] != 1);
    Meta__TopicResult *result = create("n", 1, 3);
    CHECK_INT(result->error, wire(ERR_INVALID_REPLICATION_FACTOR));
    CHECK_STR(result->message,
              "Unable to replicate the partition 3 time(s): The target replication factor of 3 "
              "cannot be reached because only 2 broker(s) are registered or some brokers have all "
              "their log directories cordoned.");
    CHECK_INT(grow("before", 4)->error, wire(ERR_INVALID_REPLICATION_FACTOR));
    int invalid = wire(ERR_INVALID_REPLICA_ASSIGNMENT);
    CHECK_INT(assigned(1, (int32_t[][3]){{0, 1}}, (size_t[]){2}), invalid);
    CHECK_INT(assigned(1, (int32_t[][3]){{0, 2}}, (size_t[]){2}), 0);
    brokers_fence(&decision, 1);
    CHECK_INT(create("n", 1, 3)->error, wire(ERR_INVALID_REPLICATION_FACTOR));
    add_broker_as(1, 2, ""); /* nobody has said otherwise */
    CHECK(image_broker(image, 1)->cordoned);
    brokers_unfence(&decision, 1, NULL, 0);
    brokers_cordon(&decision, 0, true);
    brokers_cordon(&decision, 2, true);
    result = create("n", 1, 1);
    CHECK_INT(result->error, wire(ERR_INVALID_REPLICATION_FACTOR));
    CHECK_STR(result->message,
              "Unable to replicate the partition 1 time(s): All brokers are currently fenced or "
              "have all their log directories cordoned.");
    brokers_cordon(&decision, 1, false);
    CHECK_INT(create("n", 1, 1)->error, 0);
    CHECK_INT(part("n", 0)->leader, 1);
    finish();
}

/* Groups and transactions are found by the number of partitions: it stays. A topic without any, of
 * which an older version wrote a part, is refused with a remedy. */
static void some_topics_never_grow(void)
{
    begin();
    add_brokers(3, false);
    create("__consumer_offsets", 5, 3);
    create("__transaction_state", 5, 3);
    CHECK_INT(grow("__consumer_offsets", 10)->error, wire(ERR_INVALID_PARTITIONS));
    CHECK_INT(grow("__transaction_state", 10)->error, wire(ERR_INVALID_PARTITIONS));
    Meta__TopicRecord record = META__TOPIC_RECORD__INIT;
    uint8_t id[16] = "abcdefghijklmno";
    record.id = (ProtobufCBinaryData){sizeof(id), id};
    record.name = "half";
    decision_emit(&decision, META__RECORD__FACT_TOPIC, &record);
    CHECK_INT(grow("half", 3)->error, wire(ERR_INVALID_PARTITIONS));
    finish();
}

/* 10,000 new partitions in all of one command. */
static void a_command_grows_by_so_much(void)
{
    begin();
    add_brokers(1, false);
    create("a", 1, 1);
    create("b", 1, 1);
    Meta__CreatePartitions__Topic bodies[2], *topics[] = {&bodies[0], &bodies[1]};
    Meta__CreatePartitions command = META__CREATE_PARTITIONS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    for (int i = 0; i < 2; i++) {
        meta__create_partitions__topic__init(&bodies[i]);
        bodies[i].name = i == 0 ? "a" : "b";
        bodies[i].count = 6001;
    }
    command.n_topics = 2;
    command.topics = topics;
    topics_grow(&decision, &command, &reply);
    CHECK_INT(reply.topics[0]->error, 0);
    CHECK_INT(reply.topics[1]->error, wire(ERR_POLICY_VIOLATION));
    finish();
}

static void names_that_collide(void)
{
    begin();
    add_brokers(1, false);
    CHECK_INT(create("a.b", 1, 1)->error, 0);
    CHECK_INT(create("a_b", 1, 1)->error, wire(ERR_INVALID_TOPIC_EXCEPTION));
    CHECK_INT(create("a-b", 1, 1)->error, 0);
    Meta__CreateTopics__Topic bodies[2], *topics[] = {&bodies[0], &bodies[1]};
    Meta__CreateTopics command = META__CREATE_TOPICS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    for (int i = 0; i < 2; i++) {
        meta__create_topics__topic__init(&bodies[i]);
        bodies[i].name = i == 0 ? "c.d" : "c_d";
        bodies[i].partitions = bodies[i].replication_factor = 1;
    }
    command.n_topics = 2;
    command.topics = topics;
    topics_create(&decision, &command, &reply);
    CHECK_INT(reply.topics[0]->error, 0);
    CHECK_INT(reply.topics[1]->error, wire(ERR_INVALID_TOPIC_EXCEPTION));
    finish();
}

static void topics_are_deleted_by_name_or_id(void)
{
    begin();
    add_brokers(1, false);
    create("d", 1, 1);
    ProtobufCBinaryData id = create("e", 1, 1)->id;
    Meta__DeleteTopics__Topic bodies[4], *topics[4];
    Meta__DeleteTopics command = META__DELETE_TOPICS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    for (int i = 0; i < 4; i++) {
        meta__delete_topics__topic__init(&bodies[i]);
        topics[i] = &bodies[i];
    }
    bodies[0].name = "d";
    bodies[1].id = id;
    bodies[2].name = "d";
    bodies[3].id = id;
    command.n_topics = 4;
    command.topics = topics;
    topics_delete(&decision, &command, &reply);
    CHECK_INT(reply.topics[0]->error, 0);
    CHECK_INT(reply.topics[1]->error, 0);
    CHECK_STR(reply.topics[1]->name, "e");
    CHECK_INT(reply.topics[2]->error, wire(ERR_UNKNOWN_TOPIC_OR_PARTITION));
    CHECK_INT(reply.topics[3]->error, wire(ERR_UNKNOWN_TOPIC_ID));
    CHECK_INT(image_topic_count(image), 0);
    finish();
}

/* ---- in-sync sets ---- */

struct isr_request {
    int32_t broker_id;
    int64_t broker_epoch;
    int32_t leader_epoch;
    int32_t partition_epoch;
    int32_t ids[3];
    int64_t epochs[3];
    size_t count;
};

static int alter_isr(const struct isr_request *request)
{
    Meta__AlterPartitions__IsrMember bodies[3], *members[3];
    Meta__AlterPartitions__Partition partition = META__ALTER_PARTITIONS__PARTITION__INIT,
                                     *partitions[] = {&partition};
    Meta__AlterPartitions alter = META__ALTER_PARTITIONS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    struct uuid id = image_topic_by_name(image, "t", 1)->id;
    for (size_t i = 0; i < request->count; i++) {
        meta__alter_partitions__isr_member__init(&bodies[i]);
        bodies[i].broker_id = request->ids[i];
        bodies[i].broker_epoch = request->epochs[i];
        members[i] = &bodies[i];
    }
    partition.topic_id = (ProtobufCBinaryData){16, id.bytes};
    partition.leader_epoch = request->leader_epoch;
    partition.partition_epoch = request->partition_epoch;
    partition.n_isr = request->count;
    partition.isr = members;
    alter.broker_id = request->broker_id;
    alter.broker_epoch = request->broker_epoch;
    alter.n_partitions = 1;
    alter.partitions = partitions;
    command.body_case = META__COMMAND__BODY_ALTER_PARTITIONS;
    command.alter_partitions = &alter;
    Meta__CommandReply *reply = commands_decide(&decision, &command);
    return reply->error ? reply->error : reply->partitions[0]->error;
}

static void isr_changes_are_compare_and_set(void)
{
    begin();
    add_brokers(3, false);
    create("t", 1, 3);
    int32_t leader = part("t", 0)->leader;
    int32_t a = part("t", 0)->replicas.ids[1], b = part("t", 0)->replicas.ids[2];
    struct isr_request shrink = {leader, 100, 0, 0, {leader, a}, {-1, -1}, 2};
    struct isr_request bad = shrink;
    bad.broker_epoch = 99;
    CHECK_INT(alter_isr(&bad), wire(ERR_STALE_BROKER_EPOCH));
    bad = shrink;
    bad.broker_id = a;
    CHECK_INT(alter_isr(&bad), wire(ERR_INVALID_REQUEST)); /* not the leader */
    bad = shrink;
    bad.leader_epoch = 1;
    CHECK_INT(alter_isr(&bad), wire(ERR_NOT_CONTROLLER));
    bad = shrink;
    bad.ids[0] = b;
    CHECK_INT(alter_isr(&bad), wire(ERR_INVALID_REQUEST)); /* without the leader */
    bad = shrink;
    bad.count = 0;
    CHECK_INT(alter_isr(&bad), wire(ERR_INVALID_REQUEST));
    CHECK_INT(alter_isr(&shrink), 0);
    CHECK_INT(part("t", 0)->isr.count, 2);
    CHECK_INT(part("t", 0)->partition_epoch, 1);
    CHECK_INT(part("t", 0)->leader_epoch, 0);
    CHECK_INT(alter_isr(&shrink), wire(ERR_INVALID_UPDATE_VERSION)); /* the same again */
    struct isr_request grow = {leader, 100, 0, 1, {leader, a, b}, {100, 100, 100}, 3};
    bad = grow;
    bad.epochs[2] = 50; /* an earlier life of b */
    CHECK_INT(alter_isr(&bad), wire(ERR_INELIGIBLE_REPLICA));
    brokers_fence(&decision, b);
    CHECK_INT(alter_isr(&grow), wire(ERR_INELIGIBLE_REPLICA));
    brokers_unfence(&decision, b, NULL, 0);
    CHECK_INT(alter_isr(&grow), 0);
    CHECK_INT(part("t", 0)->isr.count, 3);
    brokers_fence(&decision, leader);
    grow.broker_id = a;
    grow.partition_epoch = part("t", 0)->partition_epoch;
    CHECK_INT(alter_isr(&grow), wire(ERR_FENCED_LEADER_EPOCH));
    finish();
}

/* ---- settings ---- */

static int alter(const char *key, const char *value, int operation, bool replace_all)
{
    Meta__AlterConfigs__Resource resource = META__ALTER_CONFIGS__RESOURCE__INIT,
                                 *resources[] = {&resource};
    Meta__ConfigEntry entry = META__CONFIG_ENTRY__INIT, *entries[] = {&entry};
    Meta__AlterConfigs body = META__ALTER_CONFIGS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    resource.type = META__CONFIG_RECORD__RESOURCE__TOPIC;
    resource.name = "t";
    resource.n_entries = 1;
    resource.entries = entries;
    resource.replace_all = replace_all;
    entry.key = (char *)(uintptr_t)key;
    entry.value = (char *)(uintptr_t)value;
    entry.operation = (Meta__ConfigEntry__Operation)operation;
    body.n_resources = 1;
    body.resources = resources;
    command.body_case = META__COMMAND__BODY_ALTER_CONFIGS;
    command.alter_configs = &body;
    return commands_decide(&decision, &command)->resources[0]->error;
}

static const char *setting(const char *key)
{
    const char *value = image_config(image, META__CONFIG_RECORD__RESOURCE__TOPIC, "t", key);
    return value ? value : "-";
}

static void settings_change(void)
{
    begin();
    add_brokers(1, false);
    CHECK_INT(alter("retention.ms", "5", 0, false), wire(ERR_UNKNOWN_TOPIC_OR_PARTITION));
    create("t", 1, 1);
    CHECK_INT(alter("retention.ms", "5", 0, false), 0);
    CHECK_INT(alter("retention.ms", "bad", 0, false), wire(ERR_INVALID_CONFIG));
    CHECK_INT(alter("k", "5", 0, false), wire(ERR_INVALID_CONFIG));
    CHECK_STR(setting("retention.ms"), "5");
    CHECK_INT(alter("cleanup.policy", "delete", 2, false), 0);
    CHECK_INT(alter("cleanup.policy", "delete,compact", 2, false), 0);
    CHECK_STR(setting("cleanup.policy"), "delete,compact");
    CHECK_INT(alter("cleanup.policy", "COMPACT", 2, false), wire(ERR_INVALID_CONFIG));
    CHECK_INT(alter("cleanup.policy", "delete,x", 3, false), 0);
    CHECK_STR(setting("cleanup.policy"), "compact");
    CHECK_INT(alter("retention.ms", "", 1, false), 0);
    CHECK_STR(setting("retention.ms"), "-");
    size_t before = decision.record_count;
    CHECK_INT(alter("cleanup.policy", "compact", 0, false), 0); /* no change, no record */
    CHECK_INT(decision.record_count, before);
    CHECK_INT(alter("flush.ms", "1", 0, true), 0);
    CHECK_STR(setting("flush.ms"), "1");
    CHECK_STR(setting("cleanup.policy"), "-");
    finish();
}

/* `count` entries with names of their own but for the last, which has that of entry `same`. */
static int alter_many(int count, int same, int operation)
{
    Meta__AlterConfigs__Resource resource = META__ALTER_CONFIGS__RESOURCE__INIT,
                                 *resources[] = {&resource};
    Meta__AlterConfigs body = META__ALTER_CONFIGS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    struct arena arena;
    arena_init(&arena, 64 << 20);
    Meta__ConfigEntry *entries = arena_alloc(&arena, (size_t)count * sizeof(*entries));
    resource.entries = arena_alloc(&arena, (size_t)count * sizeof(Meta__ConfigEntry *));
    resource.type = META__CONFIG_RECORD__RESOURCE__BROKER;
    resource.n_entries = (size_t)count;
    for (int i = 0; i < count; i++) {
        meta__config_entry__init(&entries[i]);
        entries[i].key = (char *)(uintptr_t)arena_printf(&arena, "%x", i < count - 1 ? i : same);
        entries[i].operation = (Meta__ConfigEntry__Operation)operation;
        resource.entries[i] = &entries[i];
    }
    body.n_resources = 1;
    body.resources = resources;
    configs_command(&decision, &body, &reply);
    arena_close(&arena);
    return reply.resources[0]->error;
}

/* They would keep the controller's loop, and with it Raft's. */
static void a_request_changes_so_many_settings(void)
{
    const int delete = META__CONFIG_ENTRY__OPERATION__DELETE;
    const int append = META__CONFIG_ENTRY__OPERATION__APPEND;
    char list[2 * CONFIG_CHANGES_MAX + 2], longest[CONFIG_VALUE_MAX + 2];
    begin();
    add_brokers(1, false);
    create("t", 1, 1);
    CHECK_INT(alter_many(CONFIG_CHANGES_MAX, CONFIG_CHANGES_MAX, delete), 0);
    CHECK_INT(alter_many(CONFIG_CHANGES_MAX, 1, delete), wire(ERR_INVALID_REQUEST));
    CHECK_INT(alter_many(CONFIG_CHANGES_MAX + 1, 1, delete), wire(ERR_POLICY_VIOLATION));
    memset(list, ',', sizeof(list));
    list[CONFIG_CHANGES_MAX] = '\0';
    CHECK_INT(alter("cleanup.policy", list, append, false), wire(ERR_POLICY_VIOLATION));
    list[CONFIG_CHANGES_MAX - 2] = '\0';
    CHECK_INT(alter("cleanup.policy", list, append, false), 0);
    memset(longest, '1', sizeof(longest));
    longest[CONFIG_VALUE_MAX + 1] = '\0';
    CHECK_INT(alter("cleanup.policy", longest, append, false), wire(ERR_INVALID_CONFIG));
    CHECK_INT(alter("retention.ms", longest, 0, false), wire(ERR_INVALID_CONFIG));
    finish();
}

/* ---- brokers ---- */

static void registration_keeps_or_renews_the_epoch(void)
{
    begin();
    CHECK_INT(add_broker_as(1, 1, "").broker_epoch, 100);
    CHECK(image_broker(image, 1)->fenced);
    brokers_unfence(&decision, 1, NULL, 0);
    create("t", 1, 1);
    size_t before = decision.record_count;
    decision.index = 200;
    CHECK_INT(add_broker_as(1, 1, "").broker_epoch, 100); /* the same process again */
    CHECK_INT(decision.record_count, before);
    CHECK_INT(add_broker_as(1, 1, "r").broker_epoch, 100); /* it says something new */
    CHECK_STR(image_broker(image, 1)->rack, "r");
    CHECK(!image_broker(image, 1)->fenced);
    CHECK_INT(add_broker_as(1, 2, "r").broker_epoch, 200); /* another process */
    CHECK(image_broker(image, 1)->fenced);
    CHECK_INT(part("t", 0)->leader, -1);
    brokers_unfence(&decision, 1, NULL, 0);
    CHECK_INT(part("t", 0)->leader, 1);
    finish();
}

static void brokers_are_unregistered(void)
{
    begin();
    add_brokers(2, false);
    create("t", 1, 2);
    int32_t leader = part("t", 0)->leader;
    Meta__UnregisterBroker body = META__UNREGISTER_BROKER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    body.broker_id = leader;
    command.body_case = META__COMMAND__BODY_UNREGISTER_BROKER;
    command.unregister_broker = &body;
    CHECK_INT(commands_decide(&decision, &command)->error, 0);
    CHECK(!image_broker(image, leader));
    CHECK(part("t", 0)->leader != leader);
    CHECK_INT(commands_decide(&decision, &command)->error, wire(ERR_BROKER_ID_NOT_REGISTERED));
    finish();
}

static bool one_default(void *data, size_t i, const char **key, const char **value, bool *from_file)
{
    (void)data;
    *key = "retention.ms";
    *value = "5";
    *from_file = true;
    return i == 0;
}

/* With new topics goes what the controller's own file says of them. */
static void new_topics_come_with_the_files_settings(void)
{
    begin();
    add_brokers(1, false);
    rules.topic_default = one_default;
    char name[] = "t";
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *topics[] = {&topic};
    Meta__CreateTopics body = META__CREATE_TOPICS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    topic.name = name;
    topic.partitions = topic.replication_factor = 1;
    body.topics = topics;
    body.n_topics = 1;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.create_topics = &body;
    Meta__CommandReply *reply = commands_decide(&decision, &command);
    CHECK_INT(reply->topics[0]->error, 0);
    CHECK_INT(reply->n_topic_defaults, 1);
    CHECK_STR(reply->topic_defaults[0]->key, "retention.ms");
    CHECK_STR(reply->topic_defaults[0]->value, "5");
    CHECK(reply->topic_defaults[0]->from_file);
    finish();
}

static void producer_ids_come_in_blocks(void)
{
    begin();
    add_brokers(1, false);
    Meta__AllocateProducerIds body = META__ALLOCATE_PRODUCER_IDS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    body.broker_epoch = 100;
    command.body_case = META__COMMAND__BODY_ALLOCATE_PRODUCER_IDS;
    command.allocate_producer_ids = &body;
    int64_t next = 0, left_out = 0;
    for (int64_t i = 0; i < 3; i++) {
        Meta__CommandReply *reply = commands_decide(&decision, &command);
        CHECK(reply->producer_id_start >= next);
        CHECK_INT(reply->producer_id_count, 1000);
        left_out += reply->producer_id_start - next;
        next = reply->producer_id_start + 1000;
        CHECK_INT(image_next_producer_id(image), next);
    }
    CHECK(left_out > 0 && left_out <= 3 * (int64_t)BROKERS_ID_GAP * 1000);
    body.broker_epoch = 1;
    CHECK_INT(commands_decide(&decision, &command)->error, wire(ERR_STALE_BROKER_EPOCH));
    finish();
}

/* Two histories that begin with one image, as after an older copy was restored. */
static void blocks_of_producer_ids_do_not_repeat(void)
{
    int64_t first[2];
    for (int i = 0; i < 2; i++) {
        begin();
        seed += (uint64_t)i;
        add_brokers(1, false);
        Meta__AllocateProducerIds body = META__ALLOCATE_PRODUCER_IDS__INIT;
        Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
        body.broker_epoch = 100;
        brokers_producer_ids(&decision, &body, &reply);
        first[i] = reply.producer_id_start;
        finish();
    }
    CHECK(first[0] != first[1]);
}

static void producer_ids_come_to_an_end(void)
{
    begin();
    add_brokers(1, false);
    Meta__ProducerIdsRecord record = META__PRODUCER_IDS_RECORD__INIT;
    record.next_id = INT64_MAX - 999;
    decision_emit(&decision, META__RECORD__FACT_PRODUCER_IDS, &record);
    Meta__AllocateProducerIds body = META__ALLOCATE_PRODUCER_IDS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    body.broker_epoch = 100;
    brokers_producer_ids(&decision, &body, &reply);
    CHECK(reply.error != 0);
    finish();
}

/* Settings of a broker stand under its id as the broker itself writes it. */
static void brokers_are_named_by_number(void)
{
    static const char *const names[] = {"+1", "01", " 1", "1 ", "-1", "x"};
    begin();
    add_brokers(2, false);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        Meta__AlterConfigs__Resource resource = META__ALTER_CONFIGS__RESOURCE__INIT;
        Meta__AlterConfigs__Resource *resources[] = {&resource};
        Meta__AlterConfigs command = META__ALTER_CONFIGS__INIT;
        Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
        resource.type = META__CONFIG_RECORD__RESOURCE__BROKER;
        resource.name = (char *)(uintptr_t)names[i];
        command.n_resources = 1;
        command.resources = resources;
        configs_command(&decision, &command, &reply);
        CHECK_INT(reply.resources[0]->error, wire(ERR_INVALID_REQUEST));
    }
    finish();
}

/* ---- features ---- */

static Meta__CommandReply update(const char *name, int32_t level, Meta__UpdateFeatures__Way way,
                                 bool validate_only)
{
    Meta__UpdateFeatures__Update updates[2], *pointers[] = {&updates[0], &updates[1]};
    Meta__UpdateFeatures command = META__UPDATE_FEATURES__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    meta__update_features__update__init(&updates[0]);
    meta__update_features__update__init(&updates[1]);
    updates[0].name = "transaction.version"; /* as it is */
    updates[0].level = features_level_of(image, FEATURE_TRANSACTION_VERSION);
    updates[1].name = (char *)(uintptr_t)name;
    updates[1].level = level;
    updates[1].way = way;
    command.updates = pointers;
    command.n_updates = 2;
    command.validate_only = validate_only;
    features_update(&decision, &command, &reply);
    return reply;
}

static void features_have_levels(void)
{
    const Meta__UpdateFeatures__Way up = META__UPDATE_FEATURES__WAY__UPGRADE;
    const Meta__UpdateFeatures__Way down = META__UPDATE_FEATURES__WAY__SAFE_DOWNGRADE;
    begin();
    CHECK_INT(features_level_of(image, FEATURE_GROUP_VERSION), 1);
    CHECK_INT(update("group.version", 1, up, false).error, 0);
    CHECK_INT((int)decision.record_count, 0); /* it has that level */
    CHECK_INT(update("group.version", 0, down, true).error, 0);
    CHECK_INT(features_level_of(image, FEATURE_GROUP_VERSION), 1);
    CHECK_INT(update("group.version", 0, down, false).error, 0);
    CHECK_INT(features_level_of(image, FEATURE_GROUP_VERSION), 0);
    CHECK_INT((int)decision.record_count, 1);
    CHECK_INT(update("group.version", 1, up, false).error, 0);
    CHECK_INT(features_level_of(image, FEATURE_GROUP_VERSION), 1);
    CHECK_INT(update("group.version", 0, META__UPDATE_FEATURES__WAY__UNSAFE_DOWNGRADE, false).error,
              0);
    CHECK_INT(features_level_of(image, FEATURE_GROUP_VERSION), 0);
    finish();
}

static void levels_that_can_not_be(void)
{
    const Meta__UpdateFeatures__Way up = META__UPDATE_FEATURES__WAY__UPGRADE;
    const Meta__UpdateFeatures__Way down = META__UPDATE_FEATURES__WAY__SAFE_DOWNGRADE;
    int invalid = wire(ERR_INVALID_UPDATE_VERSION);
    begin();
    CHECK_INT(update("group.version", 0, up, false).error, invalid);
    CHECK_INT(update("group.version", 2, up, false).error, invalid);
    CHECK_INT(update("group.version", -1, down, false).error, invalid);
    CHECK_INT(update("group.versio", 1, up, false).error, invalid);
    CHECK_STR(
        update("group.version", 2, up, false).message,
        "The update failed for all features since the following feature had an error: Invalid "
        "update version 2 for feature group.version. Local controller 1 only supports "
        "versions 0-1");
    CHECK_INT((int)decision.record_count, 0);
    CHECK_INT(update("group.version", 0, down, false).error, 0);
    CHECK_INT(update("group.version", 1, down, false).error, invalid);
    CHECK_INT(features_level_of(image, FEATURE_GROUP_VERSION), 0);
    finish();
}

/* A level is raised when the build of every broker supports it. */
static void older_brokers_keep_levels_down(void)
{
    const Meta__UpdateFeatures__Way up = META__UPDATE_FEATURES__WAY__UPGRADE;
    const Meta__UpdateFeatures__Way down = META__UPDATE_FEATURES__WAY__SAFE_DOWNGRADE;
    begin();
    add_brokers(3, false);
    Meta__BrokerRecord *older = decision_broker(&decision, image_broker(image, 1));
    CHECK_INT((int)older->features_step, FEATURES_STEP); /* as it registered */
    older->features_step = 0;
    decision_emit(&decision, META__RECORD__FACT_BROKER, older);
    size_t before = decision.record_count;
    Meta__CommandReply reply = update("transaction.version", 2, up, false);
    CHECK_INT(reply.error, wire(ERR_INVALID_UPDATE_VERSION));
    CHECK_STR(
        reply.message,
        "The update failed for all features since the following feature had an error: Invalid "
        "update version 2 for feature transaction.version. Broker 1 only supports versions 0-1");
    CHECK_INT((int)(decision.record_count - before), 0);
    CHECK_INT(update("transaction.version", 0, down, false).error, 0);
    CHECK_INT(update("transaction.version", 1, up, false).error, 0);
    brokers_unfence(&decision, 1, NULL, 0); /* it stays what it was */
    CHECK(update("transaction.version", 2, up, false).error != 0);
    add_broker_as(1, 1, ""); /* as it was all the time: only this controller understands it */
    CHECK_INT(update("transaction.version", 2, up, false).error, 0);
    finish();
}

/* A cluster that has said nothing, as all of older builds, stays at 1; a new one begins at 2. */
static void new_clusters_begin_with_the_newest_levels(void)
{
    const Meta__UpdateFeatures__Way up = META__UPDATE_FEATURES__WAY__UPGRADE;
    const Meta__UpdateFeatures__Way down = META__UPDATE_FEATURES__WAY__SAFE_DOWNGRADE;
    begin();
    CHECK_INT(features_level_of(image, FEATURE_TRANSACTION_VERSION), 1);
    CHECK_INT(update("transaction.version", 2, up, true).error, 0);
    CHECK_INT((int)decision.record_count, 0);
    features_found(&decision);
    CHECK_INT((int)decision.record_count, 1); /* what has its initial level is not written */
    CHECK_INT(features_level_of(image, FEATURE_TRANSACTION_VERSION), 2);
    CHECK_INT(features_level_of(image, FEATURE_GROUP_VERSION), 1);
    CHECK_INT(update("transaction.version", 3, up, false).error, wire(ERR_INVALID_UPDATE_VERSION));
    CHECK_INT(update("transaction.version", 1, down, false).error, 0);
    CHECK_INT(features_level_of(image, FEATURE_TRANSACTION_VERSION), 1);
    CHECK_INT(update("transaction.version", 2, up, false).error, 0);
    CHECK_INT(features_level_of(image, FEATURE_TRANSACTION_VERSION), 2);
    finish();
}

TAP_MAIN(TAP_TEST(features_have_levels), TAP_TEST(new_clusters_begin_with_the_newest_levels),
         TAP_TEST(older_brokers_keep_levels_down), TAP_TEST(levels_that_can_not_be),
         TAP_TEST(brokers_are_named_by_number), TAP_TEST(topics_are_created),
         TAP_TEST(bad_topics_are_refused), TAP_TEST(manual_assignments_are_checked),
         TAP_TEST(placement_spreads), TAP_TEST(cordoned_brokers_get_nothing),
         TAP_TEST(topics_grow_only), TAP_TEST(some_topics_never_grow),
         TAP_TEST(a_command_grows_by_so_much), TAP_TEST(names_that_collide),
         TAP_TEST(topics_are_deleted_by_name_or_id), TAP_TEST(isr_changes_are_compare_and_set),
         TAP_TEST(settings_change), TAP_TEST(a_request_changes_so_many_settings),
         TAP_TEST(registration_keeps_or_renews_the_epoch), TAP_TEST(brokers_are_unregistered),
         TAP_TEST(producer_ids_come_in_blocks), TAP_TEST(blocks_of_producer_ids_do_not_repeat),
         TAP_TEST(producer_ids_come_to_an_end), TAP_TEST(new_topics_come_with_the_files_settings))

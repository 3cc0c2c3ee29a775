/* An image and a decision for tests of what the active controller decides, and short ways to say
 * what happens to brokers and partitions. */
#ifndef TESTS_UNIT_CONTROLLER_FIXTURE_H
#define TESTS_UNIT_CONTROLLER_FIXTURE_H

#include "../tap.h"

#include "base/err.h"
#include "controller/brokers.h"
#include "controller/commands.h"
#include "controller/elections.h"
#include "controller/placement.h"
#include "controller/topics.h"
#include "meta/features.h"

static struct image *image;
static struct decision decision;
static uint64_t seed;
static struct decision_rules rules;

static inline uint64_t draw(void *data)
{
    (void)data;
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed;
}

static inline void begin(void)
{
    seed = 1;
    rules = (struct decision_rules){
        .default_partitions = 3, .default_replication_factor = 1, .node_id = 1};
    image = image_new();
    decision_init(&decision, image, &rules, 100, draw, NULL);
}

static inline void finish(void)
{
    decision_close(&decision);
    image_free(image);
}

static uint8_t disk_of_next; /* the directory id of a broker that registers is this, 16 times */
static uint8_t extra_disk_of_next;               /* a second one, that is new; 0 = there is none */
enum { FIXTURE_NO_EPOCH = -2 };                  /* a broker of an older version */
static int64_t epoch_of_next = FIXTURE_NO_EPOCH; /* that its first directory names */
static uint32_t step_of_next = FEATURES_STEP;    /* of its build */
static int64_t stopped_of_next;                  /* the broker epoch of its clean stop */
static int error_of_next;                        /* of its registration */

static inline Meta__Registered add_broker_as(int32_t id, uint8_t incarnation, const char *rack)
{
    uint8_t bytes[16] = {incarnation}, dir[16], extra[16];
    ProtobufCBinaryData dirs[] = {{16, dir}, {16, extra}};
    int64_t epochs[] = {epoch_of_next, BROKERS_DIR_NEW};
    memset(dir, disk_of_next, sizeof(dir));
    memset(extra, extra_disk_of_next, sizeof(extra));
    Meta__Endpoint endpoint = META__ENDPOINT__INIT, *endpoints[] = {&endpoint};
    Meta__Register request = META__REGISTER__INIT;
    Meta__Registered reply = META__REGISTERED__INIT;
    endpoint.listener = "PLAINTEXT";
    endpoint.host = "h";
    endpoint.port = 9092;
    request.broker_id = id;
    request.incarnation = (ProtobufCBinaryData){16, bytes};
    request.n_endpoints = 1;
    request.endpoints = endpoints;
    request.rack = (char *)(uintptr_t)rack;
    request.features_step = step_of_next;
    request.stopped_epoch = stopped_of_next;
    request.n_log_dirs = extra_disk_of_next ? 2 : 1;
    request.log_dirs = dirs;
    request.n_log_dir_epochs = epoch_of_next == FIXTURE_NO_EPOCH ? 0 : request.n_log_dirs;
    request.log_dir_epochs = epochs;
    int err = brokers_register(&decision, &request, &reply);
    ASSERT(err == error_of_next);
    return reply;
}

static inline void add_brokers(int32_t count, bool racks)
{
    static const char *const names[] = {"a", "b", "c"};
    for (int32_t i = 0; i < count; i++) {
        add_broker_as(i, 1, racks ? names[i % 3] : "");
        brokers_unfence(&decision, i, NULL, 0);
    }
}

static inline Meta__TopicResult *create(const char *name, int32_t partitions, int32_t factor)
{
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *topics[] = {&topic};
    Meta__CreateTopics command = META__CREATE_TOPICS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    topic.name = (char *)(uintptr_t)name;
    topic.partitions = partitions;
    topic.replication_factor = factor;
    command.n_topics = 1;
    command.topics = topics;
    topics_create(&decision, &command, &reply);
    return reply.topics[0];
}

static inline const struct image_partition *part(const char *name, int32_t index)
{
    const struct image_topic *topic = image_topic_by_name(image, name, strlen(name));
    return topic ? image_partition(topic, index) : NULL;
}

static inline int wire(int err)
{
    return err_to_wire(err);
}

static inline void set_isr(const char *name, const int32_t *ids, size_t count, int32_t leader)
{
    const struct image_topic *topic = image_topic_by_name(image, name, strlen(name));
    Meta__PartitionRecord *record = decision_partition(&decision, topic, image_partition(topic, 0));
    record->n_isr = count;
    record->isr = decision_alloc(&decision, count, sizeof(*record->isr));
    for (size_t i = 0; i < count; i++)
        record->isr[i] = ids[i];
    record->leader = leader;
    decision_emit(&decision, META__RECORD__FACT_PARTITION, record);
}

static inline int elect(bool unclean, const char *topic, int32_t partition)
{
    Meta__ElectLeaders__Partition body = META__ELECT_LEADERS__PARTITION__INIT, *list[] = {&body};
    Meta__ElectLeaders command = META__ELECT_LEADERS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    body.topic = (char *)(uintptr_t)topic;
    body.partition = partition;
    command.unclean = unclean;
    command.n_partitions = 1;
    command.partitions = list;
    elections_command(&decision, &command, &reply);
    return reply.elections[0]->error;
}

static bool full_is_next;     /* what a report says of the disk */
static bool failed_is_next;   /* and of a log that can't serve */
static int32_t epoch_is_next; /* and of the log's newest leader epoch */

static inline void report_as(int32_t broker_id, const char *name, bool offline, bool whole,
                             int expected)
{
    const struct image_topic *topic = image_topic_by_name(image, name, strlen(name));
    struct uuid id = topic->id;
    Meta__ReportReplicas__Replica replica = META__REPORT_REPLICAS__REPLICA__INIT,
                                  *replicas[] = {&replica};
    Meta__ReportReplicas body = META__REPORT_REPLICAS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    replica.topic_id = (ProtobufCBinaryData){sizeof(id.bytes), id.bytes};
    replica.offline = offline;
    replica.whole = whole;
    replica.full = full_is_next;
    replica.failed = failed_is_next;
    replica.newer_epoch = epoch_is_next;
    body.broker_id = broker_id;
    body.broker_epoch = expected ? 1 : image_broker(image, broker_id)->epoch;
    body.replicas = replicas;
    body.n_replicas = 1;
    command.body_case = META__COMMAND__BODY_REPORT_REPLICAS;
    command.report_replicas = &body;
    CHECK_INT(commands_decide(&decision, &command)->error, wire(expected));
}

static inline void report(int32_t broker_id, const char *name, bool offline, int expected)
{
    report_as(broker_id, name, offline, false, expected);
}

static inline void say_full(int32_t broker_id, bool full)
{
    full_is_next = full;
    report_as(broker_id, "t", false, false, 0);
    full_is_next = false;
}

static inline void say_whole(int32_t broker_id, bool offline)
{
    report_as(broker_id, "t", offline, true, 0);
}

#endif

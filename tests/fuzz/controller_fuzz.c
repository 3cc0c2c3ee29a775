/* A running controller and what may be said on its listener. The first byte of the input chooses:
 * 0, a cluster of its own, which brokers speak to; 1, one of three voters, of which the others are
 * played by the input, so Raft's messages reach the library. Steps as in fuzz_node.h follow. */
#include "fuzz_node.h"

#include <string.h>

#include <raft.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "controller/raft_codec.h"
#include "meta/channel.h"

enum { PREFIX = 4, OWN = 0, THREE = 1, BROKER = 1, EPOCH_GUESS = 6 };

static uint8_t incarnation[16] = "incarnation 0123";
static uint8_t some_id[16] = "0123456789abcdef";

static void put_frame(struct buf *out, uint8_t what, Meta__Frame *frame, int body_case)
{
    struct buf bytes;
    buf_init(&bytes);
    frame->body_case = (Meta__Frame__BodyCase)body_case;
    FUZZ_REQUIRE(channel_pack(frame, &bytes) == 0);
    fuzz_step_put(out, what, bytes.data + PREFIX, bytes.len - PREFIX);
    buf_close(&bytes);
}

static void put_hello(struct buf *out, uint8_t what, int role, int32_t node_id)
{
    Meta__Frame frame = META__FRAME__INIT;
    Meta__Hello body = META__HELLO__INIT;
    body.role = (Meta__Hello__Role)role;
    body.node_id = node_id;
    body.cluster_id = FUZZ_NODE_CLUSTER_ID;
    body.incarnation = (ProtobufCBinaryData){sizeof(incarnation), incarnation};
    frame.hello = &body;
    put_frame(out, what, &frame, META__FRAME__BODY_HELLO);
}

/* ---- a broker ---- */

static void put_register(struct buf *out)
{
    Meta__Frame frame = META__FRAME__INIT;
    Meta__Register body = META__REGISTER__INIT;
    Meta__Endpoint endpoint = META__ENDPOINT__INIT, *endpoints[] = {&endpoint};
    ProtobufCBinaryData dir = {sizeof(some_id), some_id};
    endpoint.listener = "PLAINTEXT";
    endpoint.host = "client";
    endpoint.port = 9092;
    body.broker_id = BROKER;
    body.incarnation = (ProtobufCBinaryData){sizeof(incarnation), incarnation};
    body.n_endpoints = 1;
    body.endpoints = endpoints;
    body.n_log_dirs = 1;
    body.log_dirs = &dir;
    frame.register_ = &body;
    put_frame(out, FUZZ_STEP_WAIT, &frame, META__FRAME__BODY_REGISTER);
}

static void put_heartbeat(struct buf *out, int64_t epoch, bool leave)
{
    Meta__Frame frame = META__FRAME__INIT;
    Meta__Heartbeat body = META__HEARTBEAT__INIT;
    body.broker_epoch = epoch;
    body.applied_index = 1000;
    body.want_shutdown = leave;
    frame.heartbeat = &body;
    put_frame(out, FUZZ_STEP_WAIT, &frame, META__FRAME__BODY_HEARTBEAT);
}

static void put_follow(struct buf *out)
{
    Meta__Frame frame = META__FRAME__INIT;
    Meta__Follow body = META__FOLLOW__INIT;
    frame.follow = &body;
    put_frame(out, FUZZ_STEP_WAIT, &frame, META__FRAME__BODY_FOLLOW);
}

static void put_command(struct buf *out, Meta__Command *command, int body_case)
{
    Meta__Frame frame = META__FRAME__INIT;
    command->id = 77;
    command->principal = "User:ANONYMOUS";
    command->client_id = "fuzz";
    command->body_case = (Meta__Command__BodyCase)body_case;
    frame.command = command;
    put_frame(out, FUZZ_STEP_WAIT, &frame, META__FRAME__BODY_COMMAND);
}

static void put_topic_commands(struct buf *out)
{
    Meta__Command command = META__COMMAND__INIT;
    Meta__CreateTopics create = META__CREATE_TOPICS__INIT;
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *topics[] = {&topic};
    Meta__ConfigEntry config = META__CONFIG_ENTRY__INIT, *configs[] = {&config};
    topic.name = "topic";
    topic.partitions = 3;
    topic.replication_factor = 1;
    config.key = "retention.ms";
    config.value = "1000";
    topic.n_configs = 1;
    topic.configs = configs;
    create.n_topics = 1;
    create.topics = topics;
    command.create_topics = &create;
    put_command(out, &command, META__COMMAND__BODY_CREATE_TOPICS);
    Meta__CreatePartitions grow = META__CREATE_PARTITIONS__INIT;
    Meta__CreatePartitions__Topic wider = META__CREATE_PARTITIONS__TOPIC__INIT,
                                  *widers[] = {&wider};
    Meta__Assignment assignment = META__ASSIGNMENT__INIT, *assignments[] = {&assignment};
    int32_t replicas[] = {BROKER};
    wider.name = "topic";
    wider.count = 4;
    assignment.partition = 3;
    assignment.n_replicas = 1;
    assignment.replicas = replicas;
    wider.n_assignments = 1;
    wider.assignments = assignments;
    grow.n_topics = 1;
    grow.topics = widers;
    command.create_partitions = &grow;
    put_command(out, &command, META__COMMAND__BODY_CREATE_PARTITIONS);
    Meta__DeleteTopics delete = META__DELETE_TOPICS__INIT;
    Meta__DeleteTopics__Topic gone = META__DELETE_TOPICS__TOPIC__INIT, *goners[] = {&gone};
    gone.name = "topic";
    delete.n_topics = 1;
    delete.topics = goners;
    command.delete_topics = &delete;
    put_command(out, &command, META__COMMAND__BODY_DELETE_TOPICS);
}

static void put_partition_commands(struct buf *out)
{
    Meta__Command command = META__COMMAND__INIT;
    Meta__AlterPartitions alter = META__ALTER_PARTITIONS__INIT;
    Meta__AlterPartitions__Partition partition = META__ALTER_PARTITIONS__PARTITION__INIT,
                                     *partitions[] = {&partition};
    Meta__AlterPartitions__IsrMember member = META__ALTER_PARTITIONS__ISR_MEMBER__INIT,
                                     *members[] = {&member};
    member.broker_id = BROKER;
    member.broker_epoch = -1;
    partition.topic_id = (ProtobufCBinaryData){sizeof(some_id), some_id};
    partition.n_isr = 1;
    partition.isr = members;
    alter.broker_id = BROKER;
    alter.broker_epoch = EPOCH_GUESS;
    alter.n_partitions = 1;
    alter.partitions = partitions;
    command.alter_partitions = &alter;
    put_command(out, &command, META__COMMAND__BODY_ALTER_PARTITIONS);
    Meta__ElectLeaders elect = META__ELECT_LEADERS__INIT;
    elect.all = true;
    command.elect_leaders = &elect;
    put_command(out, &command, META__COMMAND__BODY_ELECT_LEADERS);
    Meta__AlterReassignments move = META__ALTER_REASSIGNMENTS__INIT;
    Meta__AlterReassignments__Partition moved = META__ALTER_REASSIGNMENTS__PARTITION__INIT,
                                        *moves[] = {&moved};
    int32_t replicas[] = {BROKER};
    moved.topic = "topic";
    moved.n_replicas = 1;
    moved.replicas = replicas;
    move.n_partitions = 1;
    move.partitions = moves;
    command.alter_reassignments = &move;
    put_command(out, &command, META__COMMAND__BODY_ALTER_REASSIGNMENTS);
}

static void put_other_commands(struct buf *out)
{
    Meta__Command command = META__COMMAND__INIT;
    Meta__AllocateProducerIds ids = META__ALLOCATE_PRODUCER_IDS__INIT;
    ids.broker_id = BROKER;
    ids.broker_epoch = EPOCH_GUESS;
    command.allocate_producer_ids = &ids;
    put_command(out, &command, META__COMMAND__BODY_ALLOCATE_PRODUCER_IDS);
    Meta__AlterConfigs alter = META__ALTER_CONFIGS__INIT;
    Meta__AlterConfigs__Resource resource = META__ALTER_CONFIGS__RESOURCE__INIT,
                                 *resources[] = {&resource};
    Meta__ConfigEntry config = META__CONFIG_ENTRY__INIT, *configs[] = {&config};
    config.key = "cleanup.policy";
    config.value = "compact";
    config.operation = META__CONFIG_ENTRY__OPERATION__APPEND;
    resource.type = META__CONFIG_RECORD__RESOURCE__TOPIC;
    resource.name = "topic";
    resource.n_entries = 1;
    resource.entries = configs;
    alter.n_resources = 1;
    alter.resources = resources;
    command.alter_configs = &alter;
    put_command(out, &command, META__COMMAND__BODY_ALTER_CONFIGS);
    Meta__DescribeQuorum quorum = META__DESCRIBE_QUORUM__INIT;
    command.describe_quorum = &quorum;
    put_command(out, &command, META__COMMAND__BODY_DESCRIBE_QUORUM);
    Meta__UnregisterBroker unregister = META__UNREGISTER_BROKER__INIT;
    unregister.broker_id = BROKER;
    command.unregister_broker = &unregister;
    put_command(out, &command, META__COMMAND__BODY_UNREGISTER_BROKER);
}

static void seed_broker(struct fuzz_corpus *corpus)
{
    static void (*const kinds[])(struct buf * out) = {put_topic_commands, put_partition_commands,
                                                      put_other_commands};
    static const uint8_t tag = OWN;
    struct buf out;
    buf_init(&out);
    for (int64_t epoch = EPOCH_GUESS - 4; epoch < EPOCH_GUESS + 2; epoch++)
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
            out.len = 0;
            put_hello(&out, FUZZ_STEP_LONGER, META__HELLO__ROLE__BROKER, BROKER);
            put_register(&out);
            put_heartbeat(&out, epoch, false);
            put_follow(&out);
            kinds[i](&out);
            put_heartbeat(&out, epoch, true);
            fuzz_add_tagged(corpus, &tag, 1, out.data, out.len);
        }
    buf_close(&out);
}

/* ---- a voter ---- */

static void put_message(struct buf *out, const struct raft_message *message)
{
    struct buf bytes;
    buf_init(&bytes);
    FUZZ_REQUIRE(raft_codec_put(message, false, &bytes) == 0);
    fuzz_step_put(out, FUZZ_STEP_WAIT, bytes.data + PREFIX, bytes.len - PREFIX);
    buf_close(&bytes);
}

static struct raft_buffer packed_configuration(struct raft_configuration *configuration)
{
    struct raft_buffer conf;
    raft_configuration_init(configuration);
    for (int i = 1; i <= 3; i++) {
        char address[] = "n0:19092";
        address[1] = (char)('0' + i - 1);
        FUZZ_REQUIRE(raft_configuration_add(configuration, (raft_id)i, address, RAFT_VOTER) == 0);
    }
    FUZZ_REQUIRE(raft_codec_encode_configuration(configuration, &conf) == 0);
    return conf;
}

static void put_append(struct buf *out, raft_term term, raft_index prev, raft_term prev_term,
                       raft_index commit)
{
    struct raft_configuration configuration;
    struct raft_buffer conf = packed_configuration(&configuration);
    struct buf record;
    Meta__Record fact = META__RECORD__INIT;
    Meta__ClusterRecord cluster = META__CLUSTER_RECORD__INIT;
    buf_init(&record);
    cluster.cluster_id = FUZZ_NODE_CLUSTER_ID;
    fact.fact_case = META__RECORD__FACT_CLUSTER;
    fact.cluster = &cluster;
    FUZZ_REQUIRE(channel_put_record(&record, &fact) == 0);
    uint8_t barrier[8] = {0};
    struct raft_entry entries[3] = {
        {.term = term, .type = RAFT_COMMAND, .buf = {record.data, record.len}},
        {.term = term, .type = RAFT_BARRIER, .buf = {barrier, sizeof(barrier)}},
        {.term = term, .type = RAFT_CHANGE, .buf = conf}};
    struct raft_message message = {.type = RAFT_IO_APPEND_ENTRIES};
    message.append_entries = (struct raft_append_entries){.term = term,
                                                          .prev_log_index = prev,
                                                          .prev_log_term = prev_term,
                                                          .leader_commit = commit,
                                                          .entries = entries,
                                                          .n_entries = 3};
    put_message(out, &message);
    raft_free(conf.base);
    raft_configuration_close(&configuration);
    buf_close(&record);
}

static void put_install(struct buf *out, raft_term term, raft_index index)
{
    struct raft_configuration configuration;
    struct raft_buffer conf = packed_configuration(&configuration);
    struct raft_message message = {.type = RAFT_IO_INSTALL_SNAPSHOT};
    message.install_snapshot = (struct raft_install_snapshot){.term = term,
                                                              .last_index = index,
                                                              .last_term = term,
                                                              .conf_index = 1,
                                                              .conf = configuration};
    put_message(out, &message);
    raft_free(conf.base);
    raft_configuration_close(&configuration);
}

static void put_votes(struct buf *out, raft_term term)
{
    struct raft_message message = {.type = RAFT_IO_REQUEST_VOTE};
    message.request_vote = (struct raft_request_vote){
        .term = term, .candidate_id = 2, .last_log_index = 9, .last_log_term = 1};
    put_message(out, &message);
    message = (struct raft_message){.type = RAFT_IO_REQUEST_VOTE_RESULT};
    message.request_vote_result.term = term;
    message.request_vote_result.vote_granted = true;
    put_message(out, &message);
    message = (struct raft_message){.type = RAFT_IO_APPEND_ENTRIES_RESULT};
    message.append_entries_result.term = term;
    message.append_entries_result.last_log_index = 3;
    put_message(out, &message);
    message = (struct raft_message){.type = RAFT_IO_TIMEOUT_NOW};
    message.timeout_now.term = term;
    message.timeout_now.last_log_index = 1;
    message.timeout_now.last_log_term = 1;
    put_message(out, &message);
}

static void seed_voter(struct fuzz_corpus *corpus)
{
    static const uint8_t tag = THREE;
    struct buf out;
    buf_init(&out);
    for (raft_term term = 1; term < 5; term++)
        for (int kind = 0; kind < 4; kind++) {
            out.len = 0;
            put_hello(&out, FUZZ_STEP_WAIT, META__HELLO__ROLE__VOTER, 1);
            if (kind != 1)
                put_append(&out, term, 1, 1, 2);
            if (kind == 1 || kind == 2)
                put_votes(&out, term);
            if (kind == 3)
                put_install(&out, term, 20);
            put_append(&out, term, kind == 3 ? 20 : 4, term, 5);
            fuzz_add_tagged(corpus, &tag, 1, out.data, out.len);
        }
    buf_close(&out);
}

static void seed(struct fuzz_corpus *corpus)
{
    seed_broker(corpus);
    seed_voter(corpus);
    fuzz_add_word(corpus, "topic");
    fuzz_add_word(corpus, "cleanup.policy");
}

const struct fuzz_target fuzz_target = {.what = "a running controller",
                                        .len_max = 4096,
                                        .memory_max = 16 << 20,
                                        .execs = 2000,
                                        .seed = seed};

/* Whether a frame brings a configuration other than the true one. The library believes any, so a
 * voter that lies about it is not what is tried here (raft_codec checks only its form). */
static bool is_lie(const uint8_t *bytes, size_t len, const struct raft_buffer *conf)
{
    bool lie = false;
    Meta__Frame *frame = channel_unpack(bytes, len);
    if (!frame)
        return false;
    if (frame->body_case == META__FRAME__BODY_APPEND_ENTRIES) {
        const Meta__AppendEntries *body = frame->append_entries;
        for (size_t i = 0; i < body->n_entries; i++)
            lie |= body->entries[i]->type == RAFT_CHANGE &&
                   (body->entries[i]->data.len != conf->len ||
                    memcmp(body->entries[i]->data.data, conf->base, conf->len) != 0);
    } else if (frame->body_case == META__FRAME__BODY_INSTALL_SNAPSHOT) {
        const ProtobufCBinaryData *sent = &frame->install_snapshot->conf;
        lie = sent->len != conf->len || memcmp(sent->data, conf->base, conf->len) != 0;
    }
    meta__frame__free_unpacked(frame, NULL);
    return lie;
}

/* The steps without lies, as whole frames. */
static void believable(const uint8_t *data, size_t len, struct buf *out)
{
    struct raft_configuration configuration;
    struct raft_buffer conf = packed_configuration(&configuration);
    while (len >= FUZZ_STEP_HEAD) {
        size_t body = bytes_get_u32(data + 1);
        if (body > len - FUZZ_STEP_HEAD)
            body = len - FUZZ_STEP_HEAD;
        if (!is_lie(data + FUZZ_STEP_HEAD, body, &conf))
            fuzz_step_put(out, data[0] & ~FUZZ_STEP_RAW, data + FUZZ_STEP_HEAD, body);
        data += FUZZ_STEP_HEAD + body;
        len -= FUZZ_STEP_HEAD + body;
    }
    raft_free(conf.base);
    raft_configuration_close(&configuration);
}

int fuzz_one(const uint8_t *data, size_t len)
{
    struct fuzz_node node;
    struct buf steps;
    if (len == 0 || data[0] > THREE)
        return 0;
    buf_init(&steps);
    if (data[0] == THREE)
        believable(data + 1, len - 1, &steps);
    else
        FUZZ_REQUIRE(buf_append(&steps, data + 1, len - 1) == 0);
    fuzz_node_start_controller(&node, data[0] == OWN ? 1 : 3);
    /* What the other voters have committed is applied, or the controller ends: it can't refuse. */
    node.may_stop = data[0] == THREE;
    fuzz_node_steps(&node, FUZZ_NODE_CONTROLLER_PORT, steps.data, steps.len);
    fuzz_node_check(&node);
    fuzz_node_stop(&node);
    buf_close(&steps);
    return 0;
}

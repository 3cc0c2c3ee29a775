/* Frames of the controller channel, as bytes from a peer: unpacked, packed, and, where they
 * are Raft's, turned into the library's messages and back. The first byte chooses: 0 a frame, 1 a
 * configuration of Raft. */
#include "fuzz.h"

#include <string.h>

#include <raft.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "controller/raft_codec.h"
#include "meta/channel.h"

enum { PEER_ID = 2, PREFIX = 4 };

static const uint8_t frame_tag = 0, configuration_tag = 1;

static void add_frame(struct fuzz_corpus *corpus, const Meta__Frame *frame)
{
    struct buf bytes;
    buf_init(&bytes);
    FUZZ_REQUIRE(channel_pack(frame, &bytes) == 0);
    fuzz_add_tagged(corpus, &frame_tag, 1, bytes.data + PREFIX, bytes.len - PREFIX);
    buf_close(&bytes);
}

static void seed_channel(struct fuzz_corpus *corpus)
{
    Meta__Frame frame = META__FRAME__INIT;
    Meta__Hello hello = META__HELLO__INIT;
    uint8_t incarnation[16] = "incarnation 0123";
    hello.role = META__HELLO__ROLE__BROKER;
    hello.node_id = 1;
    hello.cluster_id = "MkU3OEVBNTcwNTJENDM2Qg";
    hello.incarnation = (ProtobufCBinaryData){16, incarnation};
    frame.body_case = META__FRAME__BODY_HELLO;
    frame.hello = &hello;
    add_frame(corpus, &frame);
    Meta__Heartbeat heartbeat = META__HEARTBEAT__INIT;
    heartbeat.broker_epoch = 5;
    heartbeat.applied_index = 1000;
    frame.body_case = META__FRAME__BODY_HEARTBEAT;
    frame.heartbeat = &heartbeat;
    add_frame(corpus, &frame);
    Meta__Command command = META__COMMAND__INIT;
    Meta__CreateTopics topics = META__CREATE_TOPICS__INIT;
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *list[] = {&topic};
    topic.name = "topic";
    topic.partitions = 3;
    topic.replication_factor = -1;
    topics.n_topics = 1;
    topics.topics = list;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.create_topics = &topics;
    frame.body_case = META__FRAME__BODY_COMMAND;
    frame.command = &command;
    add_frame(corpus, &frame);
}

/* As stream.c puts entries and snapshots together. */
static void seed_stream(struct fuzz_corpus *corpus)
{
    struct buf entry, out;
    Meta__Record record = META__RECORD__INIT;
    Meta__ClusterRecord cluster = META__CLUSTER_RECORD__INIT;
    buf_init(&entry);
    buf_init(&out);
    cluster.cluster_id = "MkU3OEVBNTcwNTJENDM2Qg";
    record.fact_case = META__RECORD__FACT_CLUSTER;
    record.cluster = &cluster;
    FUZZ_REQUIRE(channel_put_record(&entry, &record) == 0);
    FUZZ_REQUIRE(channel_entries_begin(&out) == 0);
    for (int i = 1; i < 4; i++)
        FUZZ_REQUIRE(channel_entries_add(&out, i, 1, entry.data, entry.len) == 0);
    FUZZ_REQUIRE(channel_entries_end(&out, 0, 0, 3) == 0);
    fuzz_add_tagged(corpus, &frame_tag, 1, out.data + PREFIX, out.len - PREFIX);
    out.len = 0;
    FUZZ_REQUIRE(channel_put_snapshot(&out, 9, 2, entry.data, entry.len) == 0);
    fuzz_add_tagged(corpus, &frame_tag, 1, out.data + PREFIX, out.len - PREFIX);
    buf_close(&out);
    buf_close(&entry);
}

static void seed_configuration(struct fuzz_corpus *corpus, struct raft_configuration *configuration)
{
    struct raft_buffer bytes;
    raft_configuration_init(configuration);
    FUZZ_REQUIRE(raft_configuration_add(configuration, 1, "n0:19092", RAFT_VOTER) == 0);
    FUZZ_REQUIRE(raft_configuration_add(configuration, 2, "n1:19092", RAFT_STANDBY) == 0);
    FUZZ_REQUIRE(raft_codec_encode_configuration(configuration, &bytes) == 0);
    fuzz_add_tagged(corpus, &configuration_tag, 1, bytes.base, bytes.len);
    raft_free(bytes.base);
}

static void add_message(struct fuzz_corpus *corpus, const struct raft_message *message)
{
    struct buf bytes;
    buf_init(&bytes);
    FUZZ_REQUIRE(raft_codec_put(message, false, &bytes) == 0);
    fuzz_add_tagged(corpus, &frame_tag, 1, bytes.data + PREFIX, bytes.len - PREFIX);
    buf_close(&bytes);
}

static void seed_raft(struct fuzz_corpus *corpus)
{
    struct raft_configuration configuration;
    struct raft_buffer conf;
    char data[] = "command bytes";
    seed_configuration(corpus, &configuration);
    FUZZ_REQUIRE(raft_codec_encode_configuration(&configuration, &conf) == 0);
    uint8_t barrier[8] = {0};
    struct raft_entry entries[3] = {
        {.term = 3, .type = RAFT_COMMAND, .buf = {data, sizeof(data)}},
        {.term = 3, .type = RAFT_CHANGE, .buf = conf},
        {.term = 4, .type = RAFT_BARRIER, .buf = {barrier, sizeof(barrier)}}};
    struct raft_message message = {.type = RAFT_IO_APPEND_ENTRIES};
    message.append_entries = (struct raft_append_entries){
        .term = 4, .prev_log_index = 10, .prev_log_term = 3, .entries = entries, .n_entries = 3};
    add_message(corpus, &message);
    message = (struct raft_message){.type = RAFT_IO_INSTALL_SNAPSHOT};
    message.install_snapshot = (struct raft_install_snapshot){.term = 4,
                                                              .last_index = 9,
                                                              .last_term = 3,
                                                              .conf_index = 1,
                                                              .conf = configuration,
                                                              .data = {data, sizeof(data)}};
    add_message(corpus, &message);
    message = (struct raft_message){.type = RAFT_IO_REQUEST_VOTE};
    message.request_vote =
        (struct raft_request_vote){.term = 5, .candidate_id = PEER_ID, .last_log_index = 9};
    add_message(corpus, &message);
    message = (struct raft_message){.type = RAFT_IO_REQUEST_VOTE_RESULT};
    add_message(corpus, &message);
    message = (struct raft_message){.type = RAFT_IO_APPEND_ENTRIES_RESULT};
    add_message(corpus, &message);
    message = (struct raft_message){.type = RAFT_IO_TIMEOUT_NOW};
    add_message(corpus, &message);
    raft_free(conf.base);
    raft_configuration_close(&configuration);
}

static void seed(struct fuzz_corpus *corpus)
{
    seed_channel(corpus);
    seed_stream(corpus);
    seed_raft(corpus);
}

const struct fuzz_target fuzz_target = {.what = "frames of the controller channel",
                                        .len_max = 4096,
                                        .memory_max = 2 << 20,
                                        .execs = 60000,
                                        .seed = seed};

static void free_message(struct raft_message *message)
{
    if (message->type == RAFT_IO_INSTALL_SNAPSHOT) {
        raft_configuration_close(&message->install_snapshot.conf);
        raft_free(message->install_snapshot.data.base);
    } else if (message->type == RAFT_IO_APPEND_ENTRIES && message->append_entries.n_entries) {
        raft_free(message->append_entries.entries[0].batch);
        raft_free(message->append_entries.entries);
    }
}

/* A message that is accepted makes frames that are accepted. */
static void as_raft(const Meta__Frame *frame)
{
    struct raft_message message, again;
    struct buf bytes;
    int err = raft_codec_get(frame, PEER_ID, &message);
    FUZZ_REQUIRE(err == 0 || err == ERR_MALFORMED);
    if (err)
        return;
    buf_init(&bytes);
    FUZZ_REQUIRE(raft_codec_put(&message, false, &bytes) == 0);
    Meta__Frame *second = channel_unpack(bytes.data + PREFIX, bytes.len - PREFIX);
    FUZZ_REQUIRE(second != NULL);
    FUZZ_REQUIRE(raft_codec_get(second, PEER_ID, &again) == 0);
    FUZZ_REQUIRE(again.type == message.type);
    free_message(&again);
    meta__frame__free_unpacked(second, NULL);
    buf_close(&bytes);
    free_message(&message);
}

static void as_frame(const uint8_t *data, size_t len)
{
    struct buf bytes;
    Meta__Frame *frame = channel_unpack(data, len);
    if (!frame)
        return;
    buf_init(&bytes);
    FUZZ_REQUIRE(channel_pack(frame, &bytes) == 0);
    buf_close(&bytes);
    as_raft(frame);
    meta__frame__free_unpacked(frame, NULL);
}

static void as_configuration(const uint8_t *data, size_t len)
{
    struct raft_configuration configuration;
    struct raft_buffer bytes;
    int err = raft_codec_configuration(data, len, &configuration);
    FUZZ_REQUIRE(err == 0 || err == ERR_MALFORMED);
    if (!err) {
        FUZZ_REQUIRE(configuration.n > 0);
        FUZZ_REQUIRE(raft_codec_encode_configuration(&configuration, &bytes) == 0);
        FUZZ_REQUIRE(bytes.len <= ((len + 7) & ~(size_t)7));
        raft_free(bytes.base);
    }
    raft_configuration_close(&configuration);
}

int fuzz_one(const uint8_t *data, size_t len)
{
    if (len > 0 && data[0] == frame_tag)
        as_frame(data + 1, len - 1);
    else if (len > 0 && data[0] == configuration_tag)
        as_configuration(data + 1, len - 1);
    return 0;
}

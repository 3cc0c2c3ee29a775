/* A running broker and what clients may send it: frames on several connections, whole and cut, with
 * time passing in between. Whatever it is, the broker stays up, and a connection that takes no part
 * gets its answers.
 *
 * The input is a row of steps (fuzz_node.h). */
#include "fuzz_fill.h"
#include "fuzz_node.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "fuzz_batches.h"
#include "kafka/api.h"
#include "kafka/messages/join_group.h"
#include "meta/image.h"

enum { JOIN_VERSION = 3, MEMBER_ID_MAX = 128 };

static void put_request(struct buf *out, uint8_t what, int16_t key, int16_t version,
                        const struct fuzz_fill *fill)
{
    const struct kafka_api *api = kafka_api_find(key);
    struct buf frame;
    buf_init(&frame);
    if (version > api->max)
        version = api->max;
    fuzz_fill_request(&frame, api, version, fill);
    fuzz_step_put(out, what, frame.data, frame.len);
    buf_close(&frame);
}

/* Each API in its first, middle and last versions on its own, with the waiting that it may need. */
static void seed_single(struct fuzz_corpus *corpus, const struct fuzz_fill *fill)
{
    struct buf out;
    buf_init(&out);
    for (int16_t key = 0; key < KAFKA_API_END; key++) {
        const struct kafka_api *api = kafka_api_find(key);
        for (int16_t version = 0; api && version <= api->max;
             version =
                 (int16_t)(version < api->max && version + 4 > api->max ? api->max : version + 4)) {
            out.len = 0;
            put_request(&out, FUZZ_STEP_WAIT, key, version, fill);
            fuzz_add(corpus, out.data, out.len);
        }
    }
    buf_close(&out);
}

/* What clients do one after another. */
static void seed_sessions(struct fuzz_corpus *corpus, const struct fuzz_fill *fill)
{
    static const int16_t sessions[][7] = {
        {KAFKA_API_PRODUCE, KAFKA_API_PRODUCE, KAFKA_API_FETCH, KAFKA_API_LIST_OFFSETS,
         KAFKA_API_OFFSET_FOR_LEADER_EPOCH, KAFKA_API_DELETE_RECORDS, KAFKA_API_FETCH},
        {KAFKA_API_FIND_COORDINATOR, KAFKA_API_JOIN_GROUP, KAFKA_API_SYNC_GROUP,
         KAFKA_API_HEARTBEAT, KAFKA_API_OFFSET_COMMIT, KAFKA_API_OFFSET_FETCH,
         KAFKA_API_LEAVE_GROUP},
        {KAFKA_API_CREATE_TOPICS, KAFKA_API_CREATE_PARTITIONS, KAFKA_API_DESCRIBE_CONFIGS,
         KAFKA_API_INCREMENTAL_ALTER_CONFIGS, KAFKA_API_METADATA, KAFKA_API_DELETE_TOPICS,
         KAFKA_API_DESCRIBE_TOPIC_PARTITIONS},
        {KAFKA_API_INIT_PRODUCER_ID, KAFKA_API_PRODUCE, KAFKA_API_DESCRIBE_PRODUCERS,
         KAFKA_API_DESCRIBE_LOG_DIRS, KAFKA_API_ELECT_LEADERS, KAFKA_API_DESCRIBE_QUORUM,
         KAFKA_API_ALTER_PARTITION_REASSIGNMENTS},
        {KAFKA_API_FIND_COORDINATOR, KAFKA_API_JOIN_GROUP, KAFKA_API_DESCRIBE_GROUPS,
         KAFKA_API_LIST_GROUPS, KAFKA_API_OFFSET_DELETE, KAFKA_API_DELETE_GROUPS,
         KAFKA_API_CONSUMER_GROUP_HEARTBEAT}};
    struct buf out;
    buf_init(&out);
    for (size_t i = 0; i < ARRAY_LEN(sessions); i++) {
        for (int16_t version = 0; version < 14; version = (int16_t)(version + 3)) {
            out.len = 0;
            for (size_t k = 0; k < ARRAY_LEN(sessions[i]); k++)
                put_request(
                    &out,
                    (uint8_t)(k % 2 | FUZZ_STEP_WAIT | (i == 1 && k == 0 ? FUZZ_STEP_LONGER : 0)),
                    sessions[i][k], version, fill);
            fuzz_add(corpus, out.data, out.len);
        }
    }
    buf_close(&out);
}

/* The beginning of sessions with a member of the group "g". */
static void put_join(struct buf *out, const struct fuzz_fill *fill)
{
    put_request(out, FUZZ_STEP_LONGER, KAFKA_API_FIND_COORDINATOR, 0, fill);
    put_request(out, 1 | FUZZ_STEP_WAIT, KAFKA_API_JOIN_GROUP, JOIN_VERSION, fill);
}

/* Everything comes from one seed, so topic and member have these ids in each run. */
static void learn(struct fuzz_fill *fill, char member_id[MEMBER_ID_MAX])
{
    struct fuzz_node node;
    struct arena arena;
    struct join_group_response response;
    struct buf out;
    size_t used;
    fuzz_node_start(&node);
    fill->topic_id = fuzz_node_topic(&node)->id;
    buf_init(&out);
    put_join(&out, fill);
    node.keep = true;
    fuzz_node_steps(&node, FUZZ_NODE_BROKER_PORT, out.data, out.len);
    struct buf *in = &node.conns[1].in;
    FUZZ_REQUIRE(in->len > 8);
    arena_init(&arena, 1 << 20);
    FUZZ_REQUIRE(wire_decode(&join_group_response_desc, JOIN_VERSION, in->data + 8, in->len - 8,
                             &arena, &response, &used) == 0);
    FUZZ_REQUIRE(response.error_code == 0 && response.member_id.len < MEMBER_ID_MAX);
    snprintf(member_id, MEMBER_ID_MAX, "%.*s", WIRE_STR_ARGS(response.member_id));
    fill->generation = response.generation_id;
    arena_close(&arena);
    buf_close(&out);
    fuzz_node_stop(&node);
}

static void seed_member(struct fuzz_corpus *corpus, struct fuzz_fill fill, const char *member_id)
{
    static const int16_t keys[] = {KAFKA_API_SYNC_GROUP,      KAFKA_API_HEARTBEAT,
                                   KAFKA_API_OFFSET_COMMIT,   KAFKA_API_OFFSET_FETCH,
                                   KAFKA_API_DESCRIBE_GROUPS, KAFKA_API_JOIN_GROUP,
                                   KAFKA_API_LEAVE_GROUP};
    struct buf out;
    buf_init(&out);
    for (int16_t version = 0; version < 11; version = (int16_t)(version + 2)) {
        out.len = 0;
        put_join(&out, &fill);
        struct fuzz_fill member = fill;
        member.member_id = member_id;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            put_request(&out, 1 | FUZZ_STEP_WAIT, keys[i], version, &member);
        fuzz_add(corpus, out.data, out.len);
    }
    buf_close(&out);
}

static void seed(struct fuzz_corpus *corpus)
{
    struct fuzz_fill fill = {.topic = "t"};
    char member_id[MEMBER_ID_MAX];
    learn(&fill, member_id);
    seed_member(corpus, fill, member_id);
    seed_single(corpus, &fill);
    seed_sessions(corpus, &fill);
    fill.topic = "other";
    fill.topic_id = (struct uuid){{0}};
    seed_single(corpus, &fill);
    seed_sessions(corpus, &fill);
    fuzz_add_word(corpus, "__consumer_offsets");
    fuzz_add_word(corpus, "..");
    fuzz_add_word(corpus, "cleanup.policy");
    fuzz_add_word(corpus, "compact");
    fuzz_add_word(corpus, "segment.bytes");
}

/* Batches in Produce requests get their checksums: wherever a header of one seems to be. */
static void mend(uint8_t *data, size_t len)
{
    enum { MAGIC_AT = 16, HEADER = 61 };
    for (size_t at = 0; at + HEADER <= len; at++)
        if (data[at + MAGIC_AT] == 2 && data[at + 8] == 0 && data[at + 9] == 0 &&
            bytes_get_u32(data + at + 8) >= HEADER - 12 &&
            bytes_get_u32(data + at + 8) + 12 <= len - at) {
            size_t size = bytes_get_u32(data + at + 8) + 12;
            fuzz_batch_mend(data + at, size);
            at += size - 1;
        }
}

/* A node takes about 3 MiB; a connection's frame is taken as its bytes arrive. */
const struct fuzz_target fuzz_target = {.what = "a running broker",
                                        .len_max = 4096,
                                        .memory_max = 32 << 20,
                                        .execs = 1200,
                                        .seed = seed,
                                        .mend = mend};

int fuzz_one(const uint8_t *data, size_t len)
{
    struct fuzz_node node;
    fuzz_node_start(&node);
    fuzz_node_steps(&node, FUZZ_NODE_BROKER_PORT, data, len);
    fuzz_node_check(&node);
    for (size_t i = 0; i < FUZZ_STEP_CONNS; i++)
        fuzz_conn_close(&node.conns[i]);
    fuzz_node_run(&node, 100 * 1000);
    fuzz_node_check(&node);
    fuzz_node_stop(&node);
    return 0;
}

/* Markers that a coordinator sends: in the log of a leader, answered when they are safe, and the
 * errors of single partitions. Requests are made by hand: the functions of net/request.h are
 * defined here. */
#include "../replica/fixture.h"

#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/handlers/handlers.h"
#include "broker/net/request.h"
#include "kafka/api.h"
#include "kafka/messages/write_txn_markers.h"

static struct replica r;
static struct broker broker;
static struct request request;
static struct write_txn_markers_request *body;
static struct buf answer;
static int answers;

void request_reply(struct request *replied, void *response, void (*release)(struct request *))
{
    CHECK(replied == &request && !release);
    answers++;
    answer.len = 0;
    CHECK_INT(wire_print(request.api->response, request.version, response, &answer), 0);
}

void request_fail(struct request *failed, int err, const char *reason)
{
    (void)failed;
    (void)err;
    CHECK_STR(reason, "no failure");
}

static struct group_marker *at_groups; /* the last one, which waits */

void group_manager_write_marker(struct group_manager *manager, struct group_marker *marker)
{
    (void)manager;
    at_groups = marker;
}

static void open_leading(struct members isr)
{
    replica_open_leading(&r, isr);
    broker = (struct broker){.env = r.logs.env,
                             .node_id = NODE,
                             .config = r.config,
                             .metadata = r.metadata,
                             .live = r.live,
                             .partitions = replica_manager_partitions(r.manager)};
    buf_init(&answer);
    answers = 0;
}

static void close_all(void)
{
    arena_close(&request.arena);
    buf_close(&answer);
    replica_close(&r);
}

/* A request with one marker for partitions of "t". */
static struct write_txn_markers_request_writable_txn_marker *ask(int16_t version, int32_t count)
{
    arena_close(&request.arena);
    request =
        (struct request){.broker = &broker, .api = kafka_api_find(KAFKA_API_WRITE_TXN_MARKERS)};
    request.version = version;
    arena_init(&request.arena, 1 << 20);
    request.body = body = arena_alloc(&request.arena, sizeof(*body));
    CHECK(WIRE_ARRAY(&request.arena, &body->markers, 1, NULL) != NULL);
    struct write_txn_markers_request_writable_txn_marker *marker = &body->markers.items[0];
    *marker = (struct write_txn_markers_request_writable_txn_marker){.producer_id = 7};
    CHECK(WIRE_ARRAY(&request.arena, &marker->topics, 1, NULL) != NULL);
    marker->topics.items[0].name = wire_str_from("t");
    CHECK(WIRE_ARRAY(&request.arena, &marker->topics.items[0].partition_indexes, count, NULL));
    for (int32_t i = 0; i < count; i++)
        marker->topics.items[0].partition_indexes.items[i] = i;
    answers = 0;
    return marker;
}

static int answered(int16_t version, int16_t epoch, int32_t coordinator_epoch, int8_t txn_version)
{
    struct write_txn_markers_request_writable_txn_marker *marker = ask(version, 1);
    marker->producer_epoch = epoch;
    marker->coordinator_epoch = coordinator_epoch;
    marker->transaction_version = txn_version;
    handle_write_txn_markers(&request);
    UNTIL(r.logs.env, answers == 1);
    const char *code = strstr(buf_text(&answer), "\"errorCode\":");
    CHECK(code != NULL);
    return atoi(code + strlen("\"errorCode\":"));
}

static void a_marker_is_answered_when_it_is_safe(void)
{
    open_leading(MEMBERS(1, 2));
    for (int16_t version = 0; version <= 2; version++) {
        ask(version, 1)->transaction_result = version == 1;
        handle_write_txn_markers(&request);
        UNTIL(r.logs.env, log_durable_offset(r.partition->log) == version + 1);
        until_quiet(r.logs.env);
        CHECK_INT(answers, 0);
        replica_acknowledge(&r, 2, version + 1);
        CHECK_INT(answers, 1);
        CHECK_STR(buf_text(&answer),
                  "{\"markers\":[{\"producerId\":7,\"topics\":[{\"name\":\"t\","
                  "\"partitions\":[{\"partitionIndex\":0,\"errorCode\":0}]}]}]}");
    }
    close_all();
}

static void errors_are_those_of_partitions(void)
{
    open_leading(MEMBERS(1));
    ask(1, 2); /* there is no partition 1 */
    handle_write_txn_markers(&request);
    UNTIL(r.logs.env, answers == 1);
    CHECK(strstr(buf_text(&answer), "{\"partitionIndex\":0,\"errorCode\":0},"
                                    "{\"partitionIndex\":1,\"errorCode\":3}") != NULL);
    ask(1, 0);
    handle_write_txn_markers(&request);
    CHECK_INT(answers, 1);
    CHECK_INT(answered(1, 3, 5, 0), 0);
    CHECK_INT(answered(1, 2, 5, 0), 47);
    CHECK_INT(answered(1, 3, 4, 0), 52);
    CHECK_INT(answered(2, 3, 5, 2), 0); /* sent once more */
    CHECK_INT(answered(1, -1, 5, 0), 87);
    replica_decide(&r, (struct decision){.leader = 2, .epoch = 9, .isr = MEMBERS(1, 2)});
    CHECK_INT(answered(1, 3, 5, 0), 6);
    close_all();
}

/* Those of committed offsets go through the group coordinator. */
static void offsets_are_marked_by_groups(void)
{
    open_leading(MEMBERS(1));
    struct write_txn_markers_request_writable_txn_marker *marker = ask(2, 1);
    marker->topics.items[0].name = wire_str_from("__consumer_offsets");
    marker->topics.items[0].partition_indexes.items[0] = 33;
    marker->producer_epoch = 3;
    marker->coordinator_epoch = 5;
    marker->transaction_result = true;
    marker->transaction_version = 2;
    handle_write_txn_markers(&request);
    CHECK_INT(answers, 0);
    CHECK_INT(at_groups->partition, 33);
    CHECK_INT(at_groups->marker.producer_id, 7);
    CHECK_INT(at_groups->marker.producer_epoch, 3);
    CHECK_INT(at_groups->marker.coordinator_epoch, 5);
    CHECK(at_groups->marker.commit && at_groups->bumped);
    at_groups->err = ERR_NOT_LEADER_OR_FOLLOWER;
    at_groups->done(at_groups);
    CHECK_INT(answers, 1);
    CHECK(strstr(buf_text(&answer), "\"errorCode\":6") != NULL);
    CHECK_INT((int)log_end_offset(r.partition->log), 0);
    close_all();
}

static void nothing_is_left_when_the_broker_ends(void)
{
    open_leading(MEMBERS(1, 2));
    ask(1, 1);
    handle_write_txn_markers(&request);
    UNTIL(r.logs.env, log_end_offset(r.partition->log) == 1);
    CHECK_INT(answers, 0);
    replica_manager_free(r.manager);
    r.manager = NULL;
    CHECK_INT(answers, 1);
    CHECK(strstr(buf_text(&answer), "\"errorCode\":6") != NULL);
    close_all();
}

TAP_MAIN(TAP_TEST(a_marker_is_answered_when_it_is_safe), TAP_TEST(errors_are_those_of_partitions),
         TAP_TEST(offsets_are_marked_by_groups), TAP_TEST(nothing_is_left_when_the_broker_ends))

/* Markers that a coordinator sends: in the log of a leader, answered when they are safe, and the
 * errors of single partitions. Requests are made by hand: the functions of net/request.h are
 * defined here. */
#include "../replica/fixture.h"

#include "broker/broker.h"
#include "broker/cluster/line_numbers.h"
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
static int answers, failures;
static char line[LINE_NUMBERS_TEXT_MAX]; /* whose request it is */

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
    CHECK(strstr(reason, "comes late") != NULL);
    failures++;
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
                             .line_numbers = line_numbers_new(r.metadata),
                             .partitions = replica_manager_partitions(r.manager)};
    buf_init(&answer);
    answers = failures = 0;
    line[0] = '\0';
}

static void close_all(void)
{
    arena_close(&request.arena);
    line_numbers_free(broker.line_numbers);
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
    request.client_id = wire_str_from(line);
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

static void write_line(int32_t id, int64_t epoch, uint64_t number)
{
    line_numbers_write(line, LINE_NUMBERS_MARKERS, id, epoch, number);
}

static int refused(void)
{
    int before = failures;
    ask(1, 1);
    handle_write_txn_markers(&request);
    CHECK_INT(answers, failures > before ? 0 : 1);
    return failures - before;
}

static void begin_txn(void)
{
    struct buf bytes = batch_make(
        (struct batch_spec){.count = 1, .producer_id = 7, .attributes = BATCH_TRANSACTIONAL});
    struct log_append result;
    struct partition_wait wait = {0};
    CHECK_INT(partition_append(r.partition, bytes.data, bytes.len, LOG_FROM_BROKER,
                               PARTITION_ACKS_NONE, &result, &wait),
              0);
    buf_close(&bytes);
}

/* The first marker stays in a connection that nobody reads. It is asked for again over the next
 * line, the producer hears that its transaction is complete, and begins the next one, of the same
 * epoch. Now the connection is read. */
static void a_marker_of_a_line_that_was_given_up_is_late(void)
{
    open_leading(MEMBERS(1));
    feed_broker(r.metadata, 3, 40, 1, false);
    begin_txn();
    write_line(3, 40, 2);
    CHECK_INT(answered(1, 0, 5, 0), 0);
    CHECK(!log_find_txn(r.partition->log, 7, 0).open);
    begin_txn();
    write_line(3, 40, 1);
    ask(1, 1)->coordinator_epoch = 5;
    handle_write_txn_markers(&request);
    until_quiet(r.logs.env);
    CHECK_INT(failures, 1);
    CHECK_INT(answers, 0);
    CHECK(log_find_txn(r.partition->log, 7, 0).open);
    write_line(3, 40, 2); /* the end of the second */
    CHECK_INT(answered(1, 0, 5, 0), 0);
    CHECK(!log_find_txn(r.partition->log, 7, 0).open);
    close_all();
}

static void lines_are_those_of_a_broker_and_its_epoch(void)
{
    open_leading(MEMBERS(1));
    feed_broker(r.metadata, 3, 40, 1, false);
    feed_broker(r.metadata, 4, 41, 1, false);
    write_line(3, 40, 7);
    CHECK_INT(answered(1, 0, 0, 0), 0);
    write_line(4, 41, 2); /* another one's */
    CHECK_INT(answered(1, 0, 0, 0), 0);
    write_line(3, 44, 1); /* it registers anew, which nobody has said here yet */
    CHECK_INT(answered(1, 0, 0, 0), 0);
    write_line(9, 9, 9); /* nobody knows it */
    CHECK_INT(answered(1, 0, 0, 0), 0);
    line[0] = '\0';
    CHECK_INT(answered(1, 0, 0, 0), 0);
    snprintf(line, sizeof(line), "%s-3.40.07", LINE_NUMBERS_MARKERS); /* not as we write it */
    CHECK_INT(answered(1, 0, 0, 0), 0);
    write_line(3, 40, 6);
    CHECK_INT(refused(), 1);
    feed_broker(r.metadata, 3, 44, 1, false);
    write_line(3, 40, 8); /* a former life */
    CHECK_INT(refused(), 1);
    write_line(3, 44, 1);
    CHECK_INT(answered(1, 0, 0, 0), 0);
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
         TAP_TEST(offsets_are_marked_by_groups), TAP_TEST(nothing_is_left_when_the_broker_ends),
         TAP_TEST(a_marker_of_a_line_that_was_given_up_is_late),
         TAP_TEST(lines_are_those_of_a_broker_and_its_epoch))

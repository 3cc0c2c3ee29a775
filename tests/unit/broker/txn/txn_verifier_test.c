/* What is asked of coordinators in the name of partitions: how it is put together, and that each
 * hears what was said of it. The lines to brokers are played here. */
#include "../../until.h"

#include <stdlib.h>

#include "base/err.h"
#include "broker/cluster/broker_lines.h"
#include "broker/coordinator/coordinator_key.h"
#include "broker/txn/txn_verifier.h"
#include "kafka/api.h"
#include "tests/lib/metadata_feed.h"

enum { PARTITIONS = 2, CALLS = 8 };

static int64_t retry_max_ms;

static struct world {
    struct env *env;
    struct logger logger;
    struct metadata *metadata;
    struct txn_verifier *verifier;
    struct broker_call *calls[CALLS]; /* open */
    int call_count;
    int sent;
} world;

struct asked {
    struct txn_verify verify;
    int done;
    int err;
    int asking;
    bool outdated;
};

/* ---- the lines ---- */

void broker_lines_call(struct broker_lines *lines, struct broker_call *call)
{
    (void)lines;
    CHECK(!call->open);
    CHECK_INT(call->key, KAFKA_API_ADD_PARTITIONS_TO_TXN);
    CHECK_INT(call->version_min, 4);
    CHECK(world.call_count < CALLS);
    call->open = true;
    world.calls[world.call_count++] = call;
    world.sent++;
}

void broker_call_cancel(struct broker_call *call)
{
    for (int i = 0; call->open && i < world.call_count; i++)
        if (world.calls[i] == call)
            world.calls[i--] = world.calls[--world.call_count];
    call->open = false;
}

static const struct add_partitions_to_txn_request *request_of(const struct broker_call *call)
{
    return call->request;
}

static struct broker_call *take_call(void)
{
    CHECK_INT(world.call_count, 1);
    world.call_count = 0;
    world.calls[0]->open = false;
    return world.calls[0];
}

/* The error of a partition is its number, negative; `shorter`: the last is left out. */
static void answer(struct broker_call *call, int top_err, bool shorter)
{
    const struct add_partitions_to_txn_request *request = call->request;
    struct add_partitions_to_txn_response response;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    wire_defaults(&add_partitions_to_txn_response_desc, &response);
    response.error_code = err_to_wire(top_err);
    CHECK(WIRE_ARRAY(&arena, &response.results_by_transaction, request->transactions.count,
                     &add_partitions_to_txn_response_add_partitions_to_txn_result_desc) != NULL);
    for (int32_t i = 0; i < request->transactions.count; i++) {
        struct add_partitions_to_txn_response_add_partitions_to_txn_result *txn =
            &response.results_by_transaction.items[i];
        CHECK(WIRE_ARRAY(&arena, &txn->topic_results, request->transactions.items[i].topics.count,
                         &add_partitions_to_txn_response_add_partitions_to_txn_topic_result_desc) !=
              NULL);
        for (int32_t j = 0; j < txn->topic_results.count; j++) {
            const struct add_partitions_to_txn_request_add_partitions_to_txn_topic *topic =
                &request->transactions.items[i].topics.items[j];
            struct add_partitions_to_txn_response_add_partitions_to_txn_topic_result *result =
                &txn->topic_results.items[j];
            CHECK(
                WIRE_ARRAY(
                    &arena, &result->results_by_partition, topic->partitions.count,
                    &add_partitions_to_txn_response_add_partitions_to_txn_partition_result_desc) !=
                NULL);
            for (int32_t k = 0; k < topic->partitions.count; k++) {
                result->results_by_partition.items[k].partition_index = topic->partitions.items[k];
                result->results_by_partition.items[k].partition_error_code =
                    (int16_t)topic->partitions.items[k];
            }
            if (shorter)
                result->results_by_partition.count--;
        }
    }
    call->done(call, 0, &response);
    arena_close(&arena);
}

/* ---- questions ---- */

static void asked_done(struct txn_verify *verify, int err)
{
    struct asked *asked = CONTAINER_OF(verify, struct asked, verify);
    asked->done++;
    asked->err = err;
}

static void asked_asking(struct txn_verify *verify)
{
    CONTAINER_OF(verify, struct asked, verify)->asking++;
}

static bool asked_outdated(const struct txn_verify *verify)
{
    return CONTAINER_OF(verify, struct asked, verify)->outdated;
}

static void ask(struct asked *asked, const char *id, int64_t producer_id, const char *topic,
                int32_t partition, bool add)
{
    *asked = (struct asked){.verify = {.producer = {wire_str_from(id), producer_id, 0},
                                       .topic = wire_str_from(topic),
                                       .partition = partition,
                                       .add = add,
                                       .done = asked_done,
                                       .asking = asked_asking,
                                       .outdated = asked_outdated}};
    txn_verifier_ask(world.verifier, &asked->verify);
    CHECK_INT(asked->done, 0);
}

static void drop_line(void *data, const char *line, int len)
{
    (void)data;
    (void)line;
    (void)len;
}

static void lead(int32_t index, int32_t leader)
{
    int32_t replicas[] = {1, 2};
    struct image_partition record = {
        .index = index, .leader = leader, .replicas = {replicas, 2}, .isr = {replicas, 2}};
    feed_partition(world.metadata, TXN_STATE_TOPIC, &record);
}

/* Partition 0 of the coordinators is led by broker 1, partition 1 by broker 2. */
static void open_world(bool topic)
{
    world = (struct world){.call_count = 0};
    CHECK_INT(env_new(&world.env), 0);
    logger_init(&world.logger, "test", NULL, NULL);
    world.logger.sink = drop_line;
    world.metadata = metadata_new(world.env, &world.logger);
    feed_broker(world.metadata, 1, 1, 9092, false);
    feed_broker(world.metadata, 2, 1, 9092, false);
    if (topic) {
        feed_topic(world.metadata, TXN_STATE_TOPIC);
        for (int32_t i = 0; i < PARTITIONS; i++)
            lead(i, 1 + i);
    }
    world.verifier = txn_verifier_new(&(struct txn_verifier_deps){
        .env = world.env, .metadata = world.metadata, .retry_ms = 1, .retry_max_ms = retry_max_ms});
}

static void close_world(void)
{
    txn_verifier_free(world.verifier);
    CHECK_INT(world.call_count, 0);
    metadata_free(world.metadata);
    env_free(world.env);
}

/* An id that the broker coordinates. */
static const char *id_of(int32_t broker_id, char letter)
{
    static char ids[4][8];
    static int next;
    char *id = ids[next++ % 4];
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof(ids[0]), "%c%d", letter, i);
        if (1 + coordinator_key_partition(wire_str_from(id), PARTITIONS) == broker_id)
            return id;
    }
    CHECK(!"an id");
    return NULL;
}

/* ---- tests ---- */

/* All of a turn goes in one request, by transaction and topic, whatever the order. */
static void a_turn_is_one_request(void)
{
    struct asked asked[6];
    open_world(true);
    const char *a = id_of(1, 'a'), *b = id_of(1, 'b');
    ask(&asked[0], a, 5, "t", 48, false);
    ask(&asked[1], b, 6, "t", 48, false);
    ask(&asked[2], a, 5, "u", 0, false);
    ask(&asked[3], a, 5, "t", 0, false);
    ask(&asked[4], a, 5, "t", 49, true);
    ask(&asked[5], a, 5, "t", 48, false); /* twice */
    until_quiet(world.env);
    struct broker_call *call = take_call();
    CHECK_INT(call->broker_id, 1);
    CHECK_INT(request_of(call)->transactions.count, 3);
    CHECK_INT(request_of(call)->transactions.items[0].topics.count, 2);
    CHECK(request_of(call)->transactions.items[0].verify_only);
    CHECK_INT(request_of(call)->transactions.items[0].topics.items[0].partitions.count, 3);
    CHECK(!request_of(call)->transactions.items[1].verify_only);
    answer(call, 0, false);
    for (int i = 0; i < 6; i++) {
        CHECK_INT(asked[i].done, 1);
        CHECK_INT(asked[i].err, err_from_wire((int16_t)asked[i].verify.partition));
    }
    until_quiet(world.env);
    CHECK_INT(world.sent, 1);
    close_world();
}

static void each_coordinator_is_asked_by_itself(void)
{
    struct asked asked[2];
    open_world(true);
    ask(&asked[0], id_of(1, 'a'), 5, "t", 0, false);
    ask(&asked[1], id_of(2, 'a'), 6, "t", 0, false);
    until_quiet(world.env);
    CHECK_INT(world.call_count, 2);
    CHECK_INT(world.calls[0]->broker_id + world.calls[1]->broker_id, 3);
    close_world();
    CHECK_INT(asked[0].err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(asked[1].err, ERR_COORDINATOR_NOT_AVAILABLE);
}

/* One request is on its way to each at a time. */
static void what_comes_meanwhile_goes_with_the_next(void)
{
    struct asked asked[3];
    open_world(true);
    const char *a = id_of(1, 'a');
    ask(&asked[0], a, 5, "t", 0, false);
    until_quiet(world.env);
    ask(&asked[1], a, 5, "t", 1, false);
    until_quiet(world.env);
    ask(&asked[2], a, 5, "t", 2, false);
    until_quiet(world.env);
    CHECK_INT(world.sent, 1);
    answer(take_call(), 0, false);
    CHECK_INT(asked[0].done, 1);
    until_quiet(world.env);
    CHECK_INT(world.sent, 2);
    CHECK_INT(request_of(world.calls[0])->transactions.items[0].topics.items[0].partitions.count,
              2);
    answer(take_call(), 0, false);
    CHECK_INT(asked[2].done, 1);
    close_world();
}

static void nobody_coordinates(void)
{
    struct asked asked;
    open_world(false);
    ask(&asked, "a", 5, "t", 0, false);
    until_quiet(world.env);
    CHECK_INT(asked.err, ERR_COORDINATOR_NOT_AVAILABLE);
    close_world();
    open_world(true);
    lead(0, -1);
    ask(&asked, id_of(1, 'a'), 5, "t", 0, false);
    until_quiet(world.env);
    CHECK_INT(asked.err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(world.sent, 0);
    close_world();
}

static void a_request_that_fails_fails_all(void)
{
    struct asked asked[2];
    open_world(true);
    const char *a = id_of(1, 'a');
    for (int i = 0; i < 2; i++)
        ask(&asked[i], a, 5, "t", i, false);
    until_quiet(world.env);
    struct broker_call *call = take_call();
    call->done(call, ERR_RESET, NULL);
    CHECK_INT(asked[0].err, ERR_RESET);
    CHECK_INT(asked[1].err, ERR_RESET);
    for (int i = 0; i < 2; i++)
        ask(&asked[i], a, 5, "t", i, false);
    until_quiet(world.env);
    answer(take_call(), ERR_NOT_COORDINATOR, false);
    CHECK_INT(asked[0].err, ERR_NOT_COORDINATOR);
    CHECK_INT(asked[1].err, ERR_NOT_COORDINATOR);
    close_world();
}

/* What it was not asked is not believed. */
static void an_answer_to_something_else(void)
{
    struct asked asked[2];
    open_world(true);
    const char *a = id_of(1, 'a');
    ask(&asked[0], a, 5, "t", 48, false);
    ask(&asked[1], a, 5, "u", 47, false);
    until_quiet(world.env);
    answer(take_call(), 0, true);
    CHECK_INT(asked[0].err, ERR_UNKNOWN_SERVER_ERROR);
    CHECK_INT(asked[1].err, ERR_UNKNOWN_SERVER_ERROR);
    close_world();
}

/* Before the turn ends, while it waits for another request, and on its way. */
static void a_cancelled_question_is_not_heard_of(void)
{
    struct asked asked[4];
    open_world(true);
    char name[] = "t";
    const char *a = id_of(1, 'a');
    ask(&asked[0], a, 5, "t", 0, false);
    txn_verify_cancel(&asked[0].verify);
    txn_verify_cancel(&asked[0].verify);
    ask(&asked[1], a, 5, name, 48, false);
    ask(&asked[2], a, 5, "t", 49, false);
    until_quiet(world.env);
    ask(&asked[3], a, 5, "t", 3, false);
    until_quiet(world.env);
    txn_verify_cancel(&asked[1].verify);
    txn_verify_cancel(&asked[3].verify);
    name[0] = 'x'; /* whoever cancelled may give back what it named */
    CHECK(wire_str_is(request_of(world.calls[0])->transactions.items[0].topics.items[0].name, "t"));
    answer(take_call(), 0, false);
    until_quiet(world.env);
    CHECK_INT(asked[0].done + asked[1].done + asked[3].done, 0);
    CHECK_INT(asked[2].done, 1);
    CHECK_INT(asked[2].err, err_from_wire(49));
    CHECK_INT(world.sent, 1);
    close_world();
}

/* What is to be added waits for the end of the transaction before, for a while. */
static void an_addition_is_asked_for_again(void)
{
    struct asked asked[3];
    retry_max_ms = 60000;
    open_world(true);
    const char *a = id_of(1, 'a');
    ask(&asked[0], a, 5, "t", 51, true); /* CONCURRENT_TRANSACTIONS, as answer() has it */
    ask(&asked[1], a, 5, "t", 51, false);
    ask(&asked[2], a, 5, "t", 0, true);
    until_quiet(world.env);
    answer(take_call(), 0, false);
    CHECK_INT(asked[0].done, 0);
    CHECK_INT(asked[1].err, ERR_CONCURRENT_TRANSACTIONS);
    CHECK_INT(asked[2].done, 1);
    CHECK_INT(asked[0].asking, 1);
    UNTIL(world.env, world.call_count == 1);
    CHECK_INT(asked[0].asking, 2);
    CHECK_INT(asked[1].asking + asked[2].asking, 2);
    CHECK_INT(request_of(world.calls[0])->transactions.count, 1);
    answer(take_call(), 0, false);
    CHECK_INT(asked[0].done, 0);
    txn_verify_cancel(&asked[0].verify); /* while it waits */
    ask(&asked[0], a, 5, "t", 51, true);
    UNTIL(world.env, world.call_count == 1);
    answer(take_call(), 0, false);
    close_world();
    CHECK_INT(asked[0].err, ERR_COORDINATOR_NOT_AVAILABLE);
    retry_max_ms = 0; /* not at all */
    open_world(true);
    ask(&asked[0], a, 5, "t", 51, true);
    until_quiet(world.env);
    answer(take_call(), 0, false);
    CHECK_INT(asked[0].err, ERR_CONCURRENT_TRANSACTIONS);
    close_world();
}

/* A marker came while the question was out: what is to be added is asked for again, at once. What
 * was only asked about may have been ended by that marker. */
static void an_outdated_addition_is_asked_for_again(void)
{
    struct asked asked[3];
    retry_max_ms = 60000;
    open_world(true);
    const char *a = id_of(1, 'a');
    ask(&asked[0], a, 5, "t", 0, true);
    ask(&asked[1], a, 5, "t", 0, false);
    ask(&asked[2], a, 5, "t", 48, true); /* what failed is told */
    for (int i = 0; i < 3; i++)
        asked[i].outdated = true;
    until_quiet(world.env);
    answer(take_call(), 0, false);
    CHECK_INT(asked[0].done, 0);
    CHECK_INT(asked[1].done, 1);
    CHECK_INT(asked[1].err, 0);
    CHECK_INT(asked[2].err, err_from_wire(48));
    asked[0].outdated = false;
    until_quiet(world.env);
    CHECK_INT(asked[0].asking, 2);
    answer(take_call(), 0, false);
    CHECK_INT(asked[0].done, 1);
    CHECK_INT(asked[0].err, 0);
    ask(&asked[0], a, 5, "t", 0, true);
    asked[0].outdated = true;
    until_quiet(world.env);
    answer(take_call(), 0, false);
    txn_verify_cancel(&asked[0].verify); /* before it goes out again */
    until_quiet(world.env);
    CHECK_INT(world.call_count, 0);
    close_world();
    retry_max_ms = 0; /* not at all */
    open_world(true);
    ask(&asked[0], a, 5, "t", 0, true);
    asked[0].outdated = true;
    until_quiet(world.env);
    answer(take_call(), 0, false);
    CHECK_INT(asked[0].err, ERR_CONCURRENT_TRANSACTIONS);
    close_world();
}

static void very_many_go_in_several_requests(void)
{
    enum { MANY = TXN_VERIFIER_CALL_MAX + 10 };
    struct asked *asked = mem_alloc(MANY * sizeof(*asked));
    open_world(true);
    const char *a = id_of(1, 'a');
    for (int i = 0; i < MANY; i++)
        ask(&asked[i], a, 5, "t", 0, false);
    until_quiet(world.env);
    CHECK_INT(request_of(world.calls[0])->transactions.items[0].topics.items[0].partitions.count,
              TXN_VERIFIER_CALL_MAX);
    answer(take_call(), 0, false);
    until_quiet(world.env);
    answer(take_call(), 0, false);
    for (int i = 0; i < MANY; i++)
        CHECK_INT(asked[i].done, 1);
    close_world();
    mem_free(asked);
}

/* A request that a broker reads also when its clients hold all the memory that it has for requests:
 * they may hold it for batches that wait for the answer. */
static void a_request_is_small(void)
{
    enum { MANY = 300, LARGEST = 8 << 10, HEADER = 64 };
    static char ids[MANY][40], long_name[30000];
    static struct asked asked[MANY + 1];
    open_world(true);
    int total = 0, calls = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof(ids[i]), "%s-%d", id_of(1, 'a'), i);
        if (coordinator_key_partition(wire_str_from(ids[i]), PARTITIONS) == 0)
            ask(&asked[total++], ids[i], i, i % 3 ? "t" : "a-longer-name-of-a-topic", 0, false);
    }
    memset(long_name, 'n', sizeof(long_name) - 1);
    ask(&asked[total++], id_of(1, 'a'), 5, long_name, 0, false); /* goes alone */
    CHECK(total > MANY / 4);
    for (int done = 0; done < total; calls++) {
        until_quiet(world.env);
        CHECK_INT(world.call_count, 1);
        size_t len;
        CHECK_INT(
            wire_measure(&add_partitions_to_txn_request_desc, 5, world.calls[0]->request, &len), 0);
        CHECK(len + HEADER <= LARGEST || len > sizeof(long_name));
        if (len > sizeof(long_name))
            CHECK_INT(request_of(world.calls[0])->transactions.count, 1);
        answer(take_call(), 0, false);
        for (int i = done = 0; i < total; i++)
            done += asked[i].done;
    }
    CHECK(calls >= 3);
    close_world();
}

TAP_MAIN(TAP_TEST(a_request_is_small), TAP_TEST(a_turn_is_one_request),
         TAP_TEST(each_coordinator_is_asked_by_itself),
         TAP_TEST(what_comes_meanwhile_goes_with_the_next), TAP_TEST(nobody_coordinates),
         TAP_TEST(a_request_that_fails_fails_all), TAP_TEST(an_answer_to_something_else),
         TAP_TEST(a_cancelled_question_is_not_heard_of), TAP_TEST(an_addition_is_asked_for_again),
         TAP_TEST(an_outdated_addition_is_asked_for_again),
         TAP_TEST(very_many_go_in_several_requests))

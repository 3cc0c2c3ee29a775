/* Transactional ids: who may do what in which state, how a transaction ends, and what a producer
 * that comes anew is told. */
#include "txn_world.h"

/* ---- from begin to end ---- */

static void a_transaction_is_committed(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(producer.producer_id, 1000);
    CHECK_INT(producer.epoch, 0);
    CHECK_INT(state_of("a"), TXN_EMPTY);
    CHECK_INT(add_to(&producer, "t", 0), 0);
    CHECK_INT(add_to(&producer, "t", 4), 0);
    CHECK_INT(add_to(&producer, "u", 1), 0);
    CHECK_INT(state_of("a"), TXN_ONGOING);
    world.hold_calls = true;
    CHECK_INT(end_as(&producer, true), 0);
    CHECK_INT(state_of("a"), TXN_PREPARE_COMMIT); /* answered before any marker is written */
    world_run(5);
    CHECK_INT(world.call_count, 2); /* t-0 of broker 1; t-4 and u-1 of broker 2 */
    world_release_calls();
    world_run(20);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(markers_of("t", 0, &producer, true), 1);
    CHECK_INT(markers_of("t", 4, &producer, true), 1);
    CHECK_INT(markers_of("u", 1, &producer, true), 1);
    CHECK_INT(world.marker_count, 3);
    CHECK_INT(world.markers[0].coordinator_epoch, world.epoch);
    CHECK_INT(txn_of("a")->value.partitions.count, 0);
    CHECK_INT(add_to(&producer, "t", 0), 0); /* and the next one */
    CHECK_INT(end_as(&producer, false), 0);
    world_run(20);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    CHECK_INT(world.marker_count, 4);
    CHECK(!world.markers[3].commit);
    world_close();
}

/* ---- what each state allows ---- */

enum place { EMPTY, ONGOING, WRITING, PREPARED, FENCED, COMMITTED, ABORTED, NOT_KNOWN, PLACES };

static struct asked writing;

/* Brings the id "a" there; the answer is its producer. */
static struct txn_producer place_at(enum place place)
{
    struct txn_producer producer = {wire_str_from("a"), 1000, 0};
    world_open();
    if (place == NOT_KNOWN)
        return producer;
    producer = init_anew("a");
    if (place == EMPTY)
        return producer;
    CHECK_INT(add_to(&producer, "t", 0), 0);
    if (place == ONGOING)
        return producer;
    if (place == WRITING || place == FENCED) {
        world.hold = true;
        if (place == WRITING)
            ask_add(&writing, &producer, "t", 1);
        else
            txn_fence(txn_of("a"));
        return producer;
    }
    world.hold_calls = place == PREPARED;
    CHECK_INT(end_as(&producer, place != ABORTED), 0);
    world_run(20);
    return producer;
}

/* What is told at once; 0 also for what is told later, and then without an error. */
static int told(struct asked *asked)
{
    if (!asked->done)
        world_until(&asked->done);
    return asked->err;
}

static void check_place(enum place place, int anew, int named, int adds, int verifies, int commits,
                        int aborts)
{
    struct asked asked;
    struct txn_producer producer = place_at(place);
    ask_init(&asked, "a", -1, -1);
    CHECK_INT(told(&asked), anew);
    world_close();
    producer = place_at(place);
    ask_init(&asked, "a", producer.producer_id, producer.epoch);
    CHECK_INT(told(&asked), named);
    world_close();
    producer = place_at(place);
    CHECK_INT(add_to(&producer, "t", 2), adds);
    world_close();
    producer = place_at(place);
    CHECK_INT(verify_in(&producer, "t", 2), verifies);
    world_close();
    producer = place_at(place);
    CHECK_INT(end_as(&producer, true), commits);
    world_close();
    producer = place_at(place);
    CHECK_INT(end_as(&producer, false), aborts);
    world_close();
}

static void each_state_allows_what_it_may(void)
{
    const int later = ERR_CONCURRENT_TRANSACTIONS, never = ERR_INVALID_TXN_STATE,
              not_in = ERR_TRANSACTION_ABORTABLE, unknown = ERR_INVALID_PRODUCER_ID_MAPPING;
    /*                     anew   named  add      verify   commit   abort */
    check_place(EMPTY, 0, 0, 0, not_in, never, never);
    check_place(ONGOING, later, later, 0, not_in, 0, 0);
    check_place(WRITING, later, later, later, later, later, later);
    check_place(PREPARED, later, later, later, later, later, never);
    check_place(FENCED, later, later, later, later, later, later);
    check_place(COMMITTED, 0, 0, 0, not_in, 0, never);
    check_place(ABORTED, 0, 0, 0, not_in, never, 0);
    check_place(NOT_KNOWN, 0, 0, unknown, unknown, unknown, unknown);
}

static void a_stranger_is_told_so(void)
{
    struct txn_producer producer = place_at(ONGOING);
    struct txn_producer other = producer, older = producer;
    other.producer_id++;
    older.epoch--;
    CHECK_INT(add_to(&other, "t", 1), ERR_INVALID_PRODUCER_ID_MAPPING);
    CHECK_INT(end_as(&other, true), ERR_INVALID_PRODUCER_ID_MAPPING);
    CHECK_INT(verify_in(&other, "t", 0), ERR_INVALID_PRODUCER_ID_MAPPING);
    CHECK_INT(add_to(&older, "t", 1), ERR_PRODUCER_FENCED);
    CHECK_INT(end_as(&older, true), ERR_PRODUCER_FENCED);
    CHECK_INT(verify_in(&older, "t", 0), ERR_PRODUCER_FENCED);
    struct txn_producer unborn = older; /* an epoch that nobody was given */
    unborn.epoch = (int16_t)(txn_of("a")->value.epoch + 1);
    CHECK_INT(add_to(&unborn, "t", 1), ERR_PRODUCER_FENCED);
    CHECK_INT(end_as(&unborn, true), ERR_PRODUCER_FENCED);
    CHECK_INT(verify_in(&unborn, "t", 0), ERR_PRODUCER_FENCED);
    CHECK_INT(verify_in(&producer, "t", 0), 0);
    CHECK_INT(verify_in(&producer, "t", 1), ERR_TRANSACTION_ABORTABLE);
    CHECK_INT(state_of("a"), TXN_ONGOING);
    world_close();
}

/* While one partition is added, another that is there already is known to be. */
static void a_partition_is_verified_beside_an_addition(void)
{
    struct txn_producer producer = place_at(WRITING);
    CHECK_INT(verify_in(&producer, "t", 0), 0);
    CHECK_INT(verify_in(&producer, "t", 1), ERR_CONCURRENT_TRANSACTIONS);
    world_release_log();
    world_until(&writing.done);
    CHECK_INT(verify_in(&producer, "t", 1), 0);
    world_close();
}

static void what_is_added_already_is_not_written_again(void)
{
    struct txn_producer producer = place_at(ONGOING);
    int appends = world.appends;
    CHECK_INT(add_to(&producer, "t", 0), 0);
    CHECK_INT(world.appends, appends);
    CHECK_INT(add_to(&producer, "t", 1), 0);
    CHECK_INT(world.appends, appends + 1);
    world_close();
}

static void bad_requests_change_nothing(void)
{
    struct asked asked;
    world_open();
    char *long_id = mem_alloc(TXN_ID_MAX + 2);
    memset(long_id, 'x', TXN_ID_MAX + 1);
    init_as("", -1, -1, ERR_INVALID_REQUEST);
    init_as(long_id, -1, -1, ERR_INVALID_REQUEST);
    init_as("a", 5, -1, ERR_INVALID_REQUEST);
    init_as("a", -1, 5, ERR_INVALID_REQUEST);
    asked = (struct asked){
        .init = {
            .id = wire_str_from("a"), .producer_id = -1, .epoch = -1, .done = asked_init_done}};
    const int32_t timeouts[] = {0, -1, 900001};
    for (size_t i = 0; i < ARRAY_LEN(timeouts); i++) {
        asked.done = false;
        asked.init.timeout_ms = timeouts[i];
        txn_manager_init_producer(world.manager, &asked.init);
        CHECK(asked.done);
        CHECK_INT(asked.err, ERR_INVALID_TRANSACTION_TIMEOUT);
    }
    CHECK_INT(world.appends, 0);
    long_id[TXN_ID_MAX] = '\0'; /* the longest that there can be */
    struct txn_producer producer = init_anew(long_id);
    CHECK_INT(add_to(&producer, "t", 0), 0);
    world_failover(false);
    CHECK_INT(end_as(&producer, true), 0);
    world_close();
    mem_free(long_id);
}

/* ---- epochs ---- */

static void each_producer_that_begins_fences_the_last(void)
{
    world_open();
    struct txn_producer first = init_anew("a"), second = init_anew("a");
    CHECK_INT(second.producer_id, first.producer_id);
    CHECK_INT(second.epoch, 1);
    CHECK_INT(add_to(&first, "t", 0), ERR_PRODUCER_FENCED);
    CHECK_INT(add_to(&second, "t", 0), 0);
    /* What was open is aborted with an epoch that nobody has, then the next one begins. */
    init_as("a", -1, -1, ERR_CONCURRENT_TRANSACTIONS);
    world_run(50);
    struct txn_producer fence = {second.id, second.producer_id, 2};
    CHECK_INT(markers_of("t", 0, &fence, false), 1);
    CHECK_INT(end_as(&second, true), ERR_PRODUCER_FENCED);
    CHECK_INT(init_anew("a").epoch, 3);
    world_close();
}

/* The answer is lost, and the same producer asks again (KIP-360). */
static void a_repeated_request_gets_the_same_answer(void)
{
    world_open();
    struct txn_producer first = init_anew("a");
    struct txn_producer next = init_as("a", first.producer_id, first.epoch, 0);
    CHECK_INT(next.epoch, 1);
    CHECK_INT(init_as("a", first.producer_id, first.epoch, 0).epoch, 1);
    CHECK_INT(init_as("a", next.producer_id, next.epoch, 0).epoch, 2);
    init_as("a", first.producer_id, first.epoch, ERR_PRODUCER_FENCED);
    /* Another producer that names nobody comes between. */
    CHECK_INT(init_anew("a").epoch, 3);
    init_as("a", next.producer_id, 2, ERR_PRODUCER_FENCED);
    init_as("a", 77, 0, ERR_PRODUCER_FENCED);
    init_as("a", -5, -5, ERR_PRODUCER_FENCED); /* no id, but not nobody */
    CHECK_INT(txn_of("a")->value.epoch, 3);
    world_close();
}

static void use_up(const char *id)
{
    struct txn *txn = txn_of(id);
    struct txn_producer producer = {txn_id(txn), txn->value.producer_id, txn->value.epoch};
    struct asked asked;
    txn->value.epoch = TXN_EPOCH_MAX; /* as if it had begun 32,766 times */
    producer.epoch = TXN_EPOCH_MAX;
    ask_add(&asked, &producer, "t", 0);
    world_until(&asked.done);
    CHECK_INT(end_as(&producer, true), 0);
    world_run(30);
}

static void a_used_up_epoch_gives_a_new_producer_id(void)
{
    world_open();
    struct txn_producer first = init_anew("a");
    use_up("a");
    struct txn_producer next = init_as("a", first.producer_id, TXN_EPOCH_MAX, 0);
    CHECK_INT(next.producer_id, first.producer_id + 1);
    CHECK_INT(next.epoch, 0);
    struct txn_producer again = init_as("a", first.producer_id, TXN_EPOCH_MAX, 0);
    CHECK_INT(again.producer_id, next.producer_id);
    CHECK_INT(again.epoch, 0);
    CHECK_INT(init_as("a", next.producer_id, 0, 0).epoch, 1);
    init_as("a", first.producer_id, TXN_EPOCH_MAX, ERR_PRODUCER_FENCED); /* it has gone on since */
    /* An early one of the old id, whose epoch the new id has had just now. */
    init_as("a", first.producer_id, 0, ERR_PRODUCER_FENCED);
    first.epoch = TXN_EPOCH_MAX;
    CHECK_INT(add_to(&first, "t", 0), ERR_INVALID_PRODUCER_ID_MAPPING);
    world_close();
}

/* The fence takes the last epoch that there is; whoever comes next gets another id. */
static void a_fence_uses_up_the_last_epoch(void)
{
    world_open();
    struct txn_producer first = init_anew("a");
    use_up("a");
    first.epoch = TXN_EPOCH_MAX;
    CHECK_INT(add_to(&first, "t", 1), 0);
    init_as("a", -1, -1, ERR_CONCURRENT_TRANSACTIONS);
    world_run(50);
    CHECK_INT(txn_of("a")->value.epoch, INT16_MAX);
    struct txn_producer next = init_anew("a");
    CHECK_INT(next.producer_id, first.producer_id + 1);
    CHECK_INT(next.epoch, 0);
    world_close();
}

/* ---- producer ids ---- */

static void two_that_begin_at_once(void)
{
    struct asked one, two;
    world_open();
    world.hold_ids = true;
    ask_init(&one, "a", -1, -1);
    ask_init(&two, "a", -1, -1);
    world_run(5);
    CHECK(!one.done);
    CHECK(!two.done);
    world.hold_ids = false;
    env_timer_start(&world.id_timer, 0);
    world_until(&one.done);
    CHECK(two.done); /* the first one's record was on its way */
    CHECK_INT(one.err, 0);
    CHECK_INT(two.err, ERR_CONCURRENT_TRANSACTIONS);
    CHECK_INT(init_anew("a").epoch, 1);
    world_close();
}

static void no_producer_id_can_be_had(void)
{
    world_open();
    world.id_error = ERR_COORDINATOR_NOT_AVAILABLE;
    init_as("a", -1, -1, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK(txn_of("a") == NULL);
    world.id_error = 0;
    init_anew("a");
    world_close();
}

/* ---- time ---- */

static void what_is_not_ended_in_time_is_aborted(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    world_run(3 * WORLD_MINUTE_MS); /* it counts from the first partition on */
    CHECK_INT(add_to(&producer, "t", 0), 0);
    world_run(WORLD_MINUTE_MS - 1000);
    CHECK_INT(add_to(&producer, "t", 1), 0); /* and not from the last one */
    CHECK_INT(state_of("a"), TXN_ONGOING);
    world_run(2000);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    struct txn_producer fence = {producer.id, producer.producer_id, 1};
    CHECK_INT(markers_of("t", 0, &fence, false), 1);
    CHECK_INT(markers_of("t", 1, &fence, false), 1);
    CHECK_INT(end_as(&producer, true), ERR_PRODUCER_FENCED);
    CHECK_INT(add_to(&producer, "t", 0), ERR_PRODUCER_FENCED);
    world_close();
}

/* A new coordinator, whose wall clock is hours ahead, gives the transaction its whole time. */
static void a_clock_that_is_set_aborts_nothing(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_to(&producer, "t", 0), 0);
    sim_node_set_wall_offset(world.node, 120 * WORLD_MINUTE_MS);
    world_failover(false);
    CHECK_INT(state_of("a"), TXN_ONGOING);
    world_run(WORLD_MINUTE_MS - 1000);
    CHECK_INT(add_to(&producer, "t", 1), 0);
    world_run(2000);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    world_close();
}

/* The log does not take the abort: the producer stays fenced, and it is tried again. */
static void an_abort_is_tried_until_it_is_stored(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_to(&producer, "t", 0), 0);
    world.append_error = ERR_NOT_ENOUGH_REPLICAS;
    world_run(WORLD_MINUTE_MS + 500);
    CHECK_INT(state_of("a"), TXN_PREPARE_EPOCH_FENCE);
    CHECK_INT(end_as(&producer, true), ERR_CONCURRENT_TRANSACTIONS);
    CHECK_INT(verify_in(&producer, "t", 0), ERR_CONCURRENT_TRANSACTIONS);
    world.append_error = 0;
    world.refuse_error = ERR_NOT_ENOUGH_REPLICAS;
    world_run(2000);
    CHECK_INT(state_of("a"), TXN_PREPARE_EPOCH_FENCE);
    world.refuse_error = 0;
    world_run(2000);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    world_close();
}

/* An end that is on its way when the time is over counts. */
static void an_end_in_the_last_moment_counts(void)
{
    struct asked asked;
    struct txn_producer producer = place_at(ONGOING);
    world_run(WORLD_MINUTE_MS - 100);
    world.hold = true;
    ask_end(&asked, &producer, true);
    world_run(1000);
    CHECK(!asked.done);
    world_release_log();
    world_until(&asked.done);
    CHECK_INT(asked.err, 0);
    world_run(100);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    world_close();
}

TAP_MAIN(TAP_TEST(a_transaction_is_committed), TAP_TEST(each_state_allows_what_it_may),
         TAP_TEST(a_stranger_is_told_so), TAP_TEST(a_partition_is_verified_beside_an_addition),
         TAP_TEST(what_is_added_already_is_not_written_again),
         TAP_TEST(bad_requests_change_nothing), TAP_TEST(each_producer_that_begins_fences_the_last),
         TAP_TEST(a_repeated_request_gets_the_same_answer),
         TAP_TEST(a_used_up_epoch_gives_a_new_producer_id),
         TAP_TEST(a_fence_uses_up_the_last_epoch), TAP_TEST(two_that_begin_at_once),
         TAP_TEST(no_producer_id_can_be_had), TAP_TEST(what_is_not_ended_in_time_is_aborted),
         TAP_TEST(a_clock_that_is_set_aborts_nothing),
         TAP_TEST(an_abort_is_tried_until_it_is_stored), TAP_TEST(an_end_in_the_last_moment_counts))

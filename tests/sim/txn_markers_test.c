/* Markers, coordinators that change, and a log that says no: a transaction that was ended is ended
 * everywhere, the same way, whatever happens meanwhile. */
#include "txn_world.h"

#include "broker/txn/txn_markers.h"

/* "a" has t-0 (led by broker 1), t-1 (by 2) and u-2 (by 3) in its transaction. */
static struct txn_producer open_transaction(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_to(&producer, "t", 0), 0);
    CHECK_INT(add_to(&producer, "t", 1), 0);
    CHECK_INT(add_to(&producer, "u", 2), 0);
    return producer;
}

static int markers_in_all(const struct txn_producer *producer, bool commit)
{
    return markers_of("t", 0, producer, commit) + markers_of("t", 1, producer, commit) +
           markers_of("u", 2, producer, commit);
}

/* ---- leaders ---- */

static void a_leader_that_changes_is_followed(void)
{
    struct txn_producer producer = open_transaction();
    world.hold_calls = true;
    CHECK_INT(end_as(&producer, true), 0);
    world_run(5);
    world_partition("t", 1, 3, 2); /* the marker is on its way to broker 2 */
    world_partition("u", 2, -1, 2);
    world_release_calls();
    world_run(200);
    CHECK_INT(markers_of("t", 0, &producer, true), 1);
    CHECK_INT(markers_of("t", 1, &producer, true), 1);
    CHECK_INT(markers_of("u", 2, &producer, true), 0);
    CHECK_INT(state_of("a"), TXN_PREPARE_COMMIT);
    CHECK_INT(txn_markers_left(txn_of("a")->markers), 1);
    CHECK_INT(end_as(&producer, true), ERR_CONCURRENT_TRANSACTIONS);
    world_partition("u", 2, 2, 3);
    world_run(2 * TXN_MARKERS_PAUSE_MAX_MS);
    CHECK_INT(markers_in_all(&producer, true), 3);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    world_close();
}

static void check_passing(int call_error, int marker_error)
{
    struct txn_producer producer = open_transaction();
    world.call_error = call_error;
    world.marker_error = marker_error;
    world.marker_topic = "t";
    CHECK_INT(end_as(&producer, false), 0);
    world_run(5000);
    CHECK_INT(state_of("a"), TXN_PREPARE_ABORT);
    CHECK_INT(markers_of("t", 0, &producer, false), 0);
    CHECK_INT(markers_of("u", 2, &producer, false), call_error ? 0 : 1);
    CHECK(world.call_count < 40); /* the pauses become longer */
    world.call_error = world.marker_error = 0;
    world_run(2 * TXN_MARKERS_PAUSE_MAX_MS);
    CHECK_INT(markers_in_all(&producer, false), 3);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    world_close();
}

static void what_fails_is_asked_again(void)
{
    check_passing(ERR_REFUSED, 0);
    check_passing(ERR_TIMED_OUT, 0);
    check_passing(ERR_NO_MEMORY, 0);
    check_passing(0, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    check_passing(0, ERR_NOT_LEADER_OR_FOLLOWER);
    check_passing(0, ERR_NOT_ENOUGH_REPLICAS);
    check_passing(0, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    check_passing(0, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    check_passing(0, ERR_TRANSACTION_COORDINATOR_FENCED);
}

/* The partition knows the producer under a newer epoch: it will never take the marker, and nothing
 * of this transaction is open there. The id does not wait for it for ever. */
static void a_partition_that_is_further_needs_no_marker(void)
{
    struct txn_producer producer = open_transaction();
    world.marker_error = ERR_INVALID_PRODUCER_EPOCH;
    world.marker_topic = "t";
    CHECK_INT(end_as(&producer, true), 0);
    world_run(100);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(markers_of("u", 2, &producer, true), 1);
    CHECK_INT(world.marker_count, 3); /* each was asked once */
    CHECK_INT(add_to(&producer, "u", 2), 0);
    world_close();
}

/* Nothing is left there that could be ended. */
static void a_deleted_topic_needs_no_marker(void)
{
    struct txn_producer producer = open_transaction();
    feed_topic_removed(world.metadata, "u");
    CHECK_INT(end_as(&producer, true), 0);
    world_run(100);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(world.marker_count, 2);
    world_close();
    producer = open_transaction();
    world.hold_calls = true;
    CHECK_INT(end_as(&producer, true), 0);
    world_run(5);
    feed_topic_removed(world.metadata, "u"); /* while it is on its way */
    feed_topic_removed(world.metadata, "t");
    world_release_calls();
    world_run(200);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    world_close();
}

static void a_large_transaction_takes_several_requests(void)
{
    enum { MANY = 3 * TXN_MARKERS_CALL_MAX + 1 };
    struct asked asked = {.done = false};
    int32_t *indexes = mem_alloc(MANY * sizeof(*indexes));
    world_open();
    feed_topic(world.metadata, "many");
    for (int32_t i = 0; i < MANY; i++) {
        world_partition("many", i, 2, 1);
        indexes[i] = MANY - 1 - i; /* in no order */
    }
    struct txn_producer producer = init_anew("a");
    asked.topic.name = wire_str_from("many");
    asked.topic.partitions.items = indexes;
    asked.topic.partitions.count = MANY;
    asked.add = (struct txn_add){
        .producer = producer, .topics = &asked.topic, .topic_count = 1, .done = asked_add_done};
    txn_manager_add(world.manager, &asked.add);
    world_until(&asked.done);
    CHECK_INT(asked.err, 0);
    CHECK_INT(end_as(&producer, true), 0);
    world_run(100);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(world.call_count, 4);
    CHECK_INT(world.marker_count, MANY);
    for (int i = 0; i < MANY; i++)
        CHECK_INT(world.markers[i].index, i);
    mem_free(indexes);
    world_close();
}

/* ---- coordinators that change ---- */

static void what_was_prepared_is_ended_by_the_next_coordinator(void)
{
    for (int commit = 0; commit <= 1; commit++) {
        struct txn_producer producer = open_transaction();
        world.call_error = ERR_REFUSED;
        CHECK_INT(end_as(&producer, commit), 0);
        world_run(50);
        world.call_error = 0;
        world_failover(false);
        world_run(100);
        CHECK_INT(state_of("a"), commit ? TXN_COMPLETE_COMMIT : TXN_COMPLETE_ABORT);
        CHECK_INT(markers_in_all(&producer, commit), 3);
        for (int i = 0; i < world.marker_count; i++)
            CHECK_INT(world.markers[i].coordinator_epoch, 2);
        CHECK_INT(end_as(&producer, commit), 0);
        world_close();
    }
}

static void what_is_open_stays_open(void)
{
    struct txn_producer producer = open_transaction();
    world_run(WORLD_MINUTE_MS / 2);
    world_failover(false);
    CHECK_INT(state_of("a"), TXN_ONGOING);
    CHECK_INT(verify_in(&producer, "u", 2), 0);
    CHECK_INT(add_to(&producer, "t", 5), 0);
    world_run(WORLD_MINUTE_MS / 2 + 1000); /* the next coordinator counts its time anew */
    CHECK_INT(state_of("a"), TXN_ONGOING);
    world_run(WORLD_MINUTE_MS / 2 + 1000);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    struct txn_producer fence = {producer.id, producer.producer_id, 1};
    CHECK_INT(markers_in_all(&fence, false), 3);
    world_close();
}

static void what_was_over_at_the_load_has_its_time_anew(void)
{
    struct txn_producer producer = open_transaction();
    world_lose(false);
    world_run(10 * WORLD_MINUTE_MS); /* nobody coordinates */
    world_lead();
    world_run(WORLD_MINUTE_MS - 1000);
    CHECK_INT(state_of("a"), TXN_ONGOING);
    world_run(2000);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    CHECK_INT(end_as(&producer, true), ERR_PRODUCER_FENCED);
    world_close();
}

static void each_state_is_loaded(void)
{
    world_open();
    struct txn_producer empty = init_anew("empty"), done = init_anew("done"),
                        gone = init_anew("gone");
    CHECK_INT(add_to(&done, "t", 0), 0);
    CHECK_INT(end_as(&done, true), 0);
    CHECK_INT(add_to(&gone, "t", 0), 0);
    CHECK_INT(end_as(&gone, false), 0);
    world_run(50);
    world_failover(false);
    CHECK_INT(state_of("empty"), TXN_EMPTY);
    CHECK_INT(state_of("done"), TXN_COMPLETE_COMMIT);
    CHECK_INT(state_of("gone"), TXN_COMPLETE_ABORT);
    CHECK_INT(world.marker_count, 2); /* and none again */
    CHECK_INT(txn_of("empty")->value.timeout_ms, WORLD_MINUTE_MS);
    CHECK_INT(add_to(&empty, "t", 0), 0);
    CHECK_INT(add_to(&done, "t", 0), 0);
    CHECK_INT(init_anew("gone").epoch, 1);
    world_close();
}

static void who_waits_is_told_that_the_coordinator_moved(void)
{
    struct asked add, end, init;
    world_open();
    struct txn_producer one = init_anew("one"), two = init_anew("two");
    CHECK_INT(add_to(&two, "t", 0), 0);
    world.hold = true;
    ask_add(&add, &one, "t", 0);
    ask_end(&end, &two, true);
    ask_init(&init, "three", -1, -1);
    world_run(5);
    CHECK(!add.done && !end.done && !init.done);
    world_lose(true);
    CHECK_INT(add.err, ERR_NOT_COORDINATOR);
    CHECK_INT(end.err, ERR_NOT_COORDINATOR);
    CHECK_INT(init.err, ERR_NOT_COORDINATOR);
    ask_add(&add, &one, "t", 0);
    CHECK_INT(add.err, ERR_NOT_COORDINATOR);
    world.hold = false;
    world_lead();
    CHECK_INT(state_of("one"), TXN_EMPTY);
    CHECK_INT(state_of("two"), TXN_ONGOING); /* what was lost is as if it had not been asked */
    CHECK(txn_of("three") == NULL);
    world_close();
}

static void a_coordinator_that_loads_says_so(void)
{
    struct asked asked;
    struct txn_producer producer = open_transaction();
    world_lose(false);
    for (int32_t i = 0; i < WORLD_PARTITIONS; i++)
        txn_manager_leader_changed(world.manager, i, true);
    ask_end(&asked, &producer, true);
    CHECK_INT(asked.err, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    ask_init(&asked, "a", -1, -1);
    CHECK_INT(asked.err, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    CHECK_INT(verify_in(&producer, "t", 0), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    world_run(5);
    CHECK_INT(end_as(&producer, true), 0);
    world_close();
}

/* ---- the log ---- */

static void an_append_that_is_refused_changes_nothing(void)
{
    struct asked asked;
    struct txn_producer producer = open_transaction();
    world.append_error = ERR_NOT_ENOUGH_REPLICAS;
    CHECK_INT(end_as(&producer, true), ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(add_to(&producer, "t", 5), ERR_COORDINATOR_NOT_AVAILABLE);
    init_as("b", -1, -1, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK(txn_of("b") == NULL);
    world.append_error = 0;
    world.refuse_error = ERR_NOT_ENOUGH_REPLICAS;
    CHECK_INT(end_as(&producer, true), ERR_COORDINATOR_NOT_AVAILABLE);
    init_as("b", -1, -1, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK(txn_of("b") == NULL);
    CHECK_INT(state_of("a"), TXN_ONGOING);
    world.refuse_error = 0;
    ask_end(&asked, &producer, false);
    world_until(&asked.done);
    CHECK_INT(asked.err, 0);
    world_close();
}

/* It is in the log, and its append failed: what the log says counts, so it is read again. */
static void an_append_of_unknown_outcome_is_read_again(void)
{
    struct txn_producer producer = open_transaction();
    world.safe_error = ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    CHECK_INT(end_as(&producer, true), ERR_COORDINATOR_NOT_AVAILABLE);
    world.safe_error = 0;
    CHECK_INT(end_as(&producer, true), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    world_run(3000);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(end_as(&producer, false), ERR_INVALID_TXN_STATE);
    CHECK_INT(markers_in_all(&producer, true), 3);
    world_close();
}

/* What was stored of one id while the outcome of another's append is not known: it is answered, and
 * memory has it when everything was read again. */
static void an_append_beside_one_of_unknown_outcome(void)
{
    struct asked one, two;
    char id[16] = "a";
    struct txn_producer producer = open_transaction(), other;
    do
        id[0]++; /* of the same partition */
    while (coordinator_key_partition(wire_str_from(id), WORLD_PARTITIONS) !=
           coordinator_key_partition(producer.id, WORLD_PARTITIONS));
    other = init_anew(id);
    CHECK_INT(add_to(&other, "t", 0), 0);
    world.hold = true;
    ask_end(&one, &producer, true);
    ask_end(&two, &other, true);
    world.safe_error = ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    world.safe_errors = 1;
    world_release_log();
    world_until(&two.done);
    CHECK_INT(one.err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(two.err, 0);
    CHECK_INT(end_as(&other, true), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    world_run(3000);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(state_of(id), TXN_COMPLETE_COMMIT);
    world_close();
}

/* All markers are written, and the log does not take that: it is tried again, without markers. */
static void a_completion_is_tried_again(void)
{
    struct txn_producer producer = open_transaction();
    world.hold_calls = true;
    CHECK_INT(end_as(&producer, true), 0);
    world_run(5);
    world.append_error = ERR_NOT_ENOUGH_REPLICAS;
    world_release_calls();
    world_run(2000);
    CHECK_INT(state_of("a"), TXN_PREPARE_COMMIT);
    world.append_error = 0;
    world.refuse_error = ERR_NOT_ENOUGH_REPLICAS;
    world_run(2000);
    world.refuse_error = 0;
    world_run(2000);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(world.marker_count, 3);
    world_close();
}

/* A record that the topic has no room for is refused while partitions are added, so that what
 * follows it always has room. */
static void a_transaction_is_not_larger_than_its_log_takes(void)
{
    world_open();
    world.batch_max = 400;
    struct txn_producer producer = init_anew("a");
    int32_t added = 0;
    int err;
    feed_topic(world.metadata, "many");
    for (int32_t i = 0; i < 200; i++)
        world_partition("many", i, 1, 1);
    while ((err = add_to(&producer, "many", added)) == 0)
        added++;
    CHECK_INT(err, ERR_UNKNOWN_SERVER_ERROR);
    CHECK(added > 10);
    CHECK(added < 100);
    CHECK_INT(verify_in(&producer, "many", added - 1), 0);
    CHECK_INT(verify_in(&producer, "many", added), ERR_TRANSACTION_ABORTABLE);
    CHECK_INT(end_as(&producer, true), 0);
    world_run(100);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(world.marker_count, added);
    world_close();
}

static void ids_take_no_more_memory_than_they_may(void)
{
    char id[32];
    int count = 0;
    struct asked asked = {.err = 0};
    world_open();
    world.manager->deps.settings.memory_max = 20000;
    struct txn_producer first = init_anew("first");
    for (; count < 1000 && !asked.err; count++) {
        snprintf(id, sizeof(id), "id-%d", count);
        ask_init(&asked, id, -1, -1);
        world_until(&asked.done);
    }
    CHECK_INT(asked.err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK(count > 10);
    for (int32_t i = 0; i < 100; i++)
        CHECK_INT(add_to(&first, "t", i), 0); /* what is there goes on, within limits */
    CHECK_INT(add_to(&first, "t", 100), ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(end_as(&first, true), 0);
    world_run(50);
    CHECK_INT(init_anew("first").epoch, 1);
    world.manager->deps.settings.memory_max = 1 << 20;
    CHECK_INT(init_anew(id).epoch, 0);
    world_close();
}

TAP_MAIN(TAP_TEST(a_leader_that_changes_is_followed), TAP_TEST(what_fails_is_asked_again),
         TAP_TEST(a_partition_that_is_further_needs_no_marker),
         TAP_TEST(a_deleted_topic_needs_no_marker),
         TAP_TEST(a_large_transaction_takes_several_requests),
         TAP_TEST(what_was_prepared_is_ended_by_the_next_coordinator),
         TAP_TEST(what_is_open_stays_open), TAP_TEST(what_was_over_at_the_load_has_its_time_anew),
         TAP_TEST(each_state_is_loaded), TAP_TEST(who_waits_is_told_that_the_coordinator_moved),
         TAP_TEST(a_coordinator_that_loads_says_so),
         TAP_TEST(an_append_that_is_refused_changes_nothing),
         TAP_TEST(an_append_of_unknown_outcome_is_read_again),
         TAP_TEST(an_append_beside_one_of_unknown_outcome), TAP_TEST(a_completion_is_tried_again),
         TAP_TEST(a_transaction_is_not_larger_than_its_log_takes),
         TAP_TEST(ids_take_no_more_memory_than_they_may))

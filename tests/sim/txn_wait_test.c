/* Additions that wait until the transaction before is complete. */
#include "txn_world.h"

/* "a" has a transaction with t-0 whose end is stored; its marker is on the way until
 * world_release_calls. Additions may wait. */
static struct txn_producer open_ended(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_to(&producer, "t", 0), 0);
    world.hold_calls = true;
    CHECK_INT(end_as(&producer, true), 0);
    CHECK_INT(state_of("a"), TXN_PREPARE_COMMIT);
    world.wait_ms = TXN_WAIT_MS;
    return producer;
}

/* Nothing of the transaction before is in the next one, and it can be ended. */
static void check_next(struct txn_producer *producer, int32_t index)
{
    CHECK_INT(state_of("a"), TXN_ONGOING);
    CHECK_INT(txn_of("a")->value.partitions.count, 1);
    CHECK_INT(verify_in(producer, "t", index), 0);
    CHECK_INT(end_as(producer, false), 0);
    world_run(20);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    CHECK_INT(markers_of("t", index, producer, false), 1);
}

static void the_next_transaction_begins_behind_the_markers(void)
{
    struct asked add;
    struct txn_producer producer = open_ended();
    int appends = world.appends;
    ask_add(&add, &producer, "t", 1);
    world_run(TXN_WAIT_MS / 2);
    CHECK(!add.done);
    CHECK_INT(world.appends, appends);
    world.hold = true;
    world_release_calls();
    world_run(5);
    CHECK(!add.done); /* not before it is stored */
    CHECK_INT(state_of("a"), TXN_PREPARE_COMMIT);
    CHECK_INT(world.appends, appends + 1); /* the completion is in it */
    world_release_log();
    world_until(&add.done);
    CHECK_INT(add.err, 0);
    CHECK_INT(world.appends, appends + 1);
    check_next(&producer, 1);
    world_close();
}

/* Whatever becomes of the append: the next coordinator finds both records, or none. */
static void a_coordinator_moves_behind_the_markers(void)
{
    for (int lost = 0; lost <= 1; lost++) {
        struct asked add;
        struct txn_producer producer = open_ended();
        ask_add(&add, &producer, "t", 1);
        world.hold = true;
        world_release_calls();
        world_run(5);
        world_lose(lost);
        CHECK(add.done);
        CHECK_INT(add.err, ERR_NOT_COORDINATOR);
        world.hold = false;
        world_lead();
        world_run(20);
        CHECK_INT(state_of("a"), lost ? TXN_COMPLETE_COMMIT : TXN_ONGOING);
        CHECK_INT(add_to(&producer, "t", 1), 0);
        check_next(&producer, 1);
        world_close();
    }
}

static void who_waits_is_told_that_the_coordinator_moved(void)
{
    struct asked add;
    struct txn_producer producer = open_ended();
    ask_add(&add, &producer, "t", 1);
    world_lose(false);
    CHECK(add.done);
    CHECK_INT(add.err, ERR_NOT_COORDINATOR);
    world_lead();
    world_release_calls();
    world_run(200);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(markers_of("t", 0, &producer, true), 1);
    world_close();
}

static void nobody_waits_for_ever(void)
{
    struct asked add;
    struct txn_producer producer = open_ended();
    ask_add(&add, &producer, "t", 1);
    world_run(TXN_WAIT_MS - 1);
    CHECK(!add.done);
    world_run(2);
    CHECK(add.done);
    CHECK_INT(add.err, ERR_CONCURRENT_TRANSACTIONS);
    world_release_calls();
    world_run(50);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT); /* and nothing was begun */
    world_close();
}

/* What is asked again after a while has no more time than what it had left. */
static void who_waits_again_has_the_rest_of_its_time(void)
{
    struct asked first, second;
    world_open();
    struct txn_producer producer = init_anew("a");
    world.wait_ms = TXN_WAIT_MS;
    world.hold = true;
    ask_add(&first, &producer, "t", 0);
    ask_add(&second, &producer, "t", 1);
    world_run(TXN_WAIT_MS / 2);
    CHECK(!first.done && !second.done);
    world_release_log();
    world_until(&first.done);
    world.hold = true;
    CHECK_INT(first.err, 0);
    CHECK(!second.done);
    world_run(TXN_WAIT_MS); /* it is being written: that takes what it takes */
    CHECK(!second.done);
    world_release_log();
    world_until(&second.done);
    CHECK_INT(second.err, 0);
    CHECK_INT(txn_of("a")->value.partitions.count, 2);
    world_close();
}

static void the_same_addition_twice(void)
{
    struct asked first, second;
    struct txn_producer producer = open_ended();
    ask_add(&first, &producer, "t", 1);
    ask_add(&second, &producer, "t", 1);
    int appends = world.appends;
    world_release_calls();
    world_until(&first.done);
    world_until(&second.done);
    CHECK_INT(first.err, 0);
    CHECK_INT(second.err, 0);
    CHECK_INT(world.appends, appends + 1);
    check_next(&producer, 1);
    world_close();
}

static void so_many_wait_and_no_more(void)
{
    struct asked adds[TXN_WAITS_MAX + 1];
    struct txn_producer producer = open_ended();
    for (int i = 0; i <= TXN_WAITS_MAX; i++)
        ask_add(&adds[i], &producer, i < 8 ? "t" : "u", i % 4);
    CHECK(!adds[TXN_WAITS_MAX - 1].done);
    CHECK(adds[TXN_WAITS_MAX].done);
    CHECK_INT(adds[TXN_WAITS_MAX].err, ERR_CONCURRENT_TRANSACTIONS);
    world_release_calls();
    for (int i = 0; i < TXN_WAITS_MAX; i++) {
        world_until(&adds[i].done);
        CHECK_INT(adds[i].err, 0);
    }
    CHECK_INT(txn_of("a")->value.partitions.count, 8);
    world_close();
}

/* Sent for the transaction before, and overtaken by its end: it would begin one that nobody
 * ends. */
static void what_came_late_does_not_wait(void)
{
    struct asked add;
    struct txn_producer producer = open_ended();
    txn_of("a")->opened_us = 1000;
    for (int64_t opened_us = 999; opened_us <= 1001; opened_us++) {
        add = (struct asked){.topic = {.name = wire_str_from("t")}, .indexes = {1}};
        add.topic.partitions.items = add.indexes;
        add.topic.partitions.count = 1;
        add.add = (struct txn_add){.producer = producer,
                                   .topics = &add.topic,
                                   .topic_count = 1,
                                   .opened_us = opened_us,
                                   .wait_ms = TXN_WAIT_MS,
                                   .done = asked_add_done};
        txn_manager_add(world.manager, &add.add);
        CHECK_INT(add.done, opened_us < 1000);
        world_run(TXN_WAIT_MS + 1);
        CHECK(add.done);
        CHECK_INT(add.err, ERR_CONCURRENT_TRANSACTIONS);
    }
    world_close();
}

/* While it waits, another one fences its producer. */
static void a_producer_is_fenced_while_it_waits(void)
{
    struct asked add;
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_to(&producer, "t", 0), 0);
    world.wait_ms = TXN_WAIT_MS;
    world.hold_calls = true;
    txn_fence(txn_of("a"));
    ask_add(&add, &producer, "t", 1);
    CHECK(!add.done);
    world_run(20);
    CHECK(add.done); /* when that is stored */
    CHECK_INT(add.err, ERR_PRODUCER_FENCED);
    world_release_calls();
    world_run(50);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    world_close();
}

static void the_log_refuses_both(void)
{
    struct asked add;
    struct txn_producer producer = open_ended();
    ask_add(&add, &producer, "t", 1);
    world.refuse_error = ERR_NOT_ENOUGH_REPLICAS;
    world_release_calls();
    world_until(&add.done);
    CHECK_INT(add.err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(state_of("a"), TXN_PREPARE_COMMIT);
    world.refuse_error = 0;
    world_run(2000);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(add_to(&producer, "t", 1), 0);
    check_next(&producer, 1);
    world_close();
}

/* They are in the log, and their append failed: they are read again. */
static void the_outcome_of_both_is_not_known(void)
{
    struct asked add;
    struct txn_producer producer = open_ended();
    ask_add(&add, &producer, "t", 1);
    world.safe_error = ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    world.safe_errors = 1;
    world_release_calls();
    world_until(&add.done);
    CHECK_INT(add.err, ERR_COORDINATOR_NOT_AVAILABLE);
    world_run(3000);
    CHECK_INT(add_to(&producer, "t", 1), 0);
    check_next(&producer, 1);
    world_close();
}

/* The partitions that wait don't fit into a record: the end is completed all the same. */
static void what_has_no_room_is_told_so(void)
{
    struct asked add;
    struct txn_producer producer = open_ended();
    world.batch_max = 200;
    add = (struct asked){.topic = {.name = wire_str_from("t")}};
    int32_t indexes[100];
    for (int32_t i = 0; i < 100; i++)
        indexes[i] = i;
    add.topic.partitions.items = indexes;
    add.topic.partitions.count = 100;
    add.add = (struct txn_add){.producer = producer,
                               .topics = &add.topic,
                               .topic_count = 1,
                               .wait_ms = TXN_WAIT_MS,
                               .done = asked_add_done};
    txn_manager_add(world.manager, &add.add);
    CHECK(!add.done);
    world_release_calls();
    world_until(&add.done);
    CHECK_INT(add.err, ERR_UNKNOWN_SERVER_ERROR);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    world_close();
}

/* As whom the producer goes on. */
static struct txn_producer end_bumping(const struct txn_producer *producer, bool commit, int err)
{
    struct asked end = {
        .end = {.producer = *producer, .commit = commit, .bumps = true, .done = asked_end_done}};
    txn_manager_end(world.manager, &end.end);
    world_until(&end.done);
    CHECK_INT(end.err, err);
    return (struct txn_producer){producer->id, end.end.new_producer_id, end.end.new_epoch};
}

/* As open_ended, and the epochs are used up. */
static struct txn_producer open_used_up(struct txn_producer *next)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    txn_of("a")->value.epoch = producer.epoch = TXN_EPOCH_MAX;
    CHECK_INT(add_to(&producer, "t", 0), 0);
    world.hold_calls = true;
    *next = end_bumping(&producer, true, 0);
    CHECK_INT(next->producer_id, producer.producer_id + 1);
    CHECK_INT(next->epoch, 0);
    return producer;
}

/* The end has told it its new id; the markers of the old one are still on their way. */
static void the_new_id_is_busy_until_the_markers_are_written(void)
{
    struct txn_producer next;
    struct txn_producer producer = open_used_up(&next);
    struct txn_producer wrong = {next.id, next.producer_id, 1};
    CHECK_INT(add_to(&next, "t", 1), ERR_CONCURRENT_TRANSACTIONS);
    CHECK_INT(verify_in(&next, "t", 0), ERR_CONCURRENT_TRANSACTIONS);
    end_bumping(&next, true, ERR_CONCURRENT_TRANSACTIONS);
    end_bumping(&next, false, ERR_CONCURRENT_TRANSACTIONS);
    end_bumping(&producer, true, ERR_CONCURRENT_TRANSACTIONS);
    CHECK_INT(add_to(&wrong, "t", 1), ERR_INVALID_PRODUCER_ID_MAPPING);
    CHECK_INT(add_to(&producer, "t", 1), ERR_PRODUCER_FENCED);
    world_failover(false);
    CHECK_INT(add_to(&next, "t", 1), ERR_CONCURRENT_TRANSACTIONS); /* the record says so */
    world_release_calls();
    world_run(2000);
    CHECK_INT(add_to(&next, "t", 1), 0);
    CHECK_INT(add_to(&producer, "t", 1), ERR_INVALID_PRODUCER_ID_MAPPING);
    check_next(&next, 1);
    world_close();
}

static void the_new_id_begins_behind_the_markers(void)
{
    for (int failover = 0; failover <= 1; failover++) {
        struct asked add;
        struct txn_producer next;
        struct txn_producer producer = open_used_up(&next);
        int appends = world.appends;
        world.wait_ms = TXN_WAIT_MS;
        ask_add(&add, &next, "t", 1);
        CHECK(!add.done);
        world_release_calls();
        world_until(&add.done);
        CHECK_INT(add.err, 0);
        CHECK_INT(world.appends, appends + 1); /* with the completion */
        if (failover)
            world_failover(false);
        CHECK_INT(txn_of("a")->value.producer_id, next.producer_id);
        CHECK_INT(txn_of("a")->value.next_producer_id, TXN_NO_PRODUCER);
        CHECK_INT(txn_of("a")->last_producer_id, producer.producer_id);
        CHECK_INT(add_to(&producer, "t", 1), ERR_INVALID_PRODUCER_ID_MAPPING);
        check_next(&next, 1);
        world_close();
    }
}

/* Who waits under the old id is not the producer any more. */
static void the_producer_has_another_id_then(void)
{
    struct asked add;
    struct txn_producer next;
    struct txn_producer producer = open_used_up(&next);
    world.wait_ms = TXN_WAIT_MS;
    txn_of("a")->value.epoch = TXN_EPOCH_MAX; /* as if its marker had not needed the last one */
    ask_add(&add, &producer, "t", 1);
    CHECK(!add.done);
    world_release_calls();
    world_until(&add.done);
    CHECK_INT(add.err, ERR_INVALID_PRODUCER_ID_MAPPING);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(add_to(&next, "t", 1), 0);
    world_close();
}

TAP_MAIN(TAP_TEST(the_next_transaction_begins_behind_the_markers),
         TAP_TEST(a_coordinator_moves_behind_the_markers),
         TAP_TEST(who_waits_is_told_that_the_coordinator_moved), TAP_TEST(nobody_waits_for_ever),
         TAP_TEST(who_waits_again_has_the_rest_of_its_time), TAP_TEST(the_same_addition_twice),
         TAP_TEST(so_many_wait_and_no_more), TAP_TEST(what_came_late_does_not_wait),
         TAP_TEST(a_producer_is_fenced_while_it_waits), TAP_TEST(the_log_refuses_both),
         TAP_TEST(the_outcome_of_both_is_not_known), TAP_TEST(what_has_no_room_is_told_so),
         TAP_TEST(the_new_id_is_busy_until_the_markers_are_written),
         TAP_TEST(the_new_id_begins_behind_the_markers), TAP_TEST(the_producer_has_another_id_then))

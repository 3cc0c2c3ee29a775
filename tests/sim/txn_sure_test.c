/* Answers that are final and told from memory: a coordinator that was succeeded, and has not heard
 * of it, gives none of them. */
#include "txn_world.h"

/* ---- who is asked ---- */

enum question { ADD, VERIFY, COMMIT, ABORT, INIT };

static void ask(struct asked *asked, enum question question, const struct txn_producer *producer)
{
    switch (question) {
    case ADD:
        ask_add(asked, producer, "t", 0);
        break;
    case VERIFY:
        ask_verify(asked, producer, "t", 1);
        break;
    case COMMIT:
    case ABORT:
        ask_end(asked, producer, question == COMMIT);
        break;
    case INIT:
        ask_init(asked, "a", producer->producer_id, producer->epoch);
    }
}

/* What the producer of "a" with an epoch higher by `newer`, or an id, is told when we coordinate;
 * and nothing as long as we can't know that. */
struct row {
    enum question question;
    bool begun; /* t-0 was added */
    bool ended; /* and committed */
    int newer;
    int id;
    int err;
};

static const struct row rows[] = {
    {ADD, true, false, 1, 0, ERR_PRODUCER_FENCED},
    {ADD, true, false, 0, 1, ERR_INVALID_PRODUCER_ID_MAPPING},
    {VERIFY, true, false, 1, 0, ERR_PRODUCER_FENCED},
    {VERIFY, true, false, 0, 0, ERR_TRANSACTION_ABORTABLE},
    {VERIFY, false, false, 0, 0, ERR_TRANSACTION_ABORTABLE},
    {VERIFY, true, false, 0, 1, ERR_INVALID_PRODUCER_ID_MAPPING},
    {COMMIT, true, false, 1, 0, ERR_PRODUCER_FENCED},
    {COMMIT, true, false, 0, 1, ERR_INVALID_PRODUCER_ID_MAPPING},
    {COMMIT, false, false, 0, 0, ERR_INVALID_TXN_STATE},
    /* By the successor it may be the end of the next one. */
    {COMMIT, true, true, 0, 0, 0},
    {ABORT, true, true, 0, 0, ERR_INVALID_TXN_STATE},
    {INIT, false, false, 1, 0, ERR_PRODUCER_FENCED},
    {INIT, true, false, 1, 0, ERR_PRODUCER_FENCED},
    {INIT, false, false, 0, 1, ERR_PRODUCER_FENCED},
};

static struct txn_producer row_producer(const struct row *row)
{
    struct txn_producer producer = init_anew("a");
    if (row->begun)
        CHECK_INT(add_to(&producer, "t", 0), 0);
    if (row->ended)
        CHECK_INT(end_as(&producer, true), 0);
    world_run(50);
    producer.epoch = (int16_t)(producer.epoch + row->newer);
    producer.producer_id += row->id;
    return producer;
}

static void who_was_succeeded_refuses_nobody_for_good(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct asked asked;
        world_open();
        struct txn_producer producer = row_producer(&rows[i]);
        enum txn_state state = state_of("a");
        world.hold = true;
        ask(&asked, rows[i].question, &producer);
        world_run(100);
        CHECK(!asked.done);
        world_lose(true);
        CHECK(asked.done);
        CHECK_INT(asked.err, ERR_NOT_COORDINATOR);
        world.hold = false;
        world_lead();
        ask(&asked, rows[i].question, &producer);
        world_until(&asked.done);
        CHECK_INT(asked.err, rows[i].err);
        CHECK_INT(state_of("a"), state);
        world_close();
    }
}

static void an_id_that_is_not_known_may_be_new(void)
{
    struct asked asked;
    world_open();
    struct txn_producer producer = {wire_str_from("a"), 1000, 0};
    world.hold = true;
    ask(&asked, ADD, &producer);
    world_run(100);
    CHECK(!asked.done);
    world_release_log();
    world_until(&asked.done);
    CHECK_INT(asked.err, ERR_INVALID_PRODUCER_ID_MAPPING);
    CHECK(txn_of("a") == NULL);
    world_close();
}

/* ---- after the process stood still ---- */

static void who_stood_still_answers_nothing(void)
{
    static const enum question all[] = {ADD, VERIFY, COMMIT, ABORT, INIT};
    struct asked asked;
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_to(&producer, "t", 0), 0);
    CHECK_INT(add_to(&producer, "t", 1), 0);
    int appends = world.appends;
    world.check_error = ERR_NOT_LEADER_OR_FOLLOWER;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        ask(&asked, all[i], &producer);
        CHECK(asked.done);
        CHECK_INT(asked.err, ERR_NOT_COORDINATOR);
    }
    CHECK_INT(world.appends, appends);
    /* One that only finds no room for new records knows what it knew. */
    world.check_error = ERR_NOT_ENOUGH_REPLICAS;
    CHECK_INT(verify_in(&producer, "t", 1), 0);
    world.check_error = 0;
    CHECK_INT(end_as(&producer, true), 0);
    world_close();
}

/* ---- what needs no proof ---- */

static void an_older_epoch_is_fenced_at_once(void)
{
    static const enum question all[] = {ADD, VERIFY, COMMIT, ABORT, INIT};
    struct asked asked;
    world_open();
    struct txn_producer older = init_anew("a");
    init_anew("a");
    world.hold = true;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        ask(&asked, all[i], &older);
        CHECK(asked.done);
        CHECK_INT(asked.err, ERR_PRODUCER_FENCED);
    }
    world_close();
}

/* What a raised epoch says of the end before it stays so. */
static void an_end_that_raised_the_epoch_is_told_again_at_once(void)
{
    struct asked asked;
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_to(&producer, "t", 0), 0);
    for (int again = 0; again < 3; again++) {
        asked = (struct asked){
            .end = {
                .producer = producer, .commit = again < 2, .bumps = true, .done = asked_end_done}};
        txn_manager_end(world.manager, &asked.end);
        CHECK_INT(asked.done, again > 0);
        world_until(&asked.done);
        CHECK_INT(asked.err, again < 2 ? 0 : ERR_INVALID_TXN_STATE);
        world_run(50);
        world.hold = true;
    }
    world_close();
}

/* ---- the proof ---- */

static void however_many_ask_two_records_do(void)
{
    struct asked asked[20];
    world_open();
    struct txn_producer producer = init_anew("a");
    producer.epoch++;
    int appends = world.appends;
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        ask(&asked[i], i % 2 ? ADD : COMMIT, &producer);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        world_until(&asked[i].done);
        CHECK_INT(asked[i].err, ERR_PRODUCER_FENCED);
    }
    CHECK_INT(world.appends, appends + 2);
    world_failover(false); /* a load passes them over */
    CHECK_INT(state_of("a"), TXN_EMPTY);
    CHECK(txn_of("") == NULL);
    world_close();
}

/* What comes into memory while it waits counts. */
static void it_is_looked_at_again(void)
{
    struct asked asked;
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_to(&producer, "t", 0), 0);
    world.hold = true;
    producer.epoch++;
    ask(&asked, ADD, &producer);
    world_run(20);
    CHECK(!asked.done);
    txn_of("a")->value.epoch++; /* as if it had been raised since */
    world_release_log();
    world_until(&asked.done);
    CHECK_INT(asked.err, 0);
    world_close();
}

static void the_log_does_not_take_it(void)
{
    struct asked asked;
    world_open();
    struct txn_producer producer = init_anew("a");
    producer.epoch++;
    world.append_error = ERR_NOT_ENOUGH_REPLICAS;
    ask(&asked, ADD, &producer);
    CHECK(asked.done);
    CHECK_INT(asked.err, ERR_COORDINATOR_NOT_AVAILABLE);
    world.append_error = 0;
    world.refuse_error = ERR_NOT_LEADER_OR_FOLLOWER;
    ask(&asked, COMMIT, &producer);
    world_until(&asked.done);
    CHECK_INT(asked.err, ERR_NOT_COORDINATOR);
    world.refuse_error = 0;
    ask(&asked, COMMIT, &producer);
    world_until(&asked.done);
    CHECK_INT(asked.err, ERR_PRODUCER_FENCED);
    world_close();
}

TAP_MAIN(TAP_TEST(who_was_succeeded_refuses_nobody_for_good),
         TAP_TEST(an_id_that_is_not_known_may_be_new), TAP_TEST(who_stood_still_answers_nothing),
         TAP_TEST(an_older_epoch_is_fenced_at_once),
         TAP_TEST(an_end_that_raised_the_epoch_is_told_again_at_once),
         TAP_TEST(however_many_ask_two_records_do), TAP_TEST(it_is_looked_at_again),
         TAP_TEST(the_log_does_not_take_it))

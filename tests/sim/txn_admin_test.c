/* Transactional ids that expire, and what is told of those that do not. */
#include "txn_world.h"

enum { DAY_MS = 86400000 };

/* ---- expiry ---- */

static void what_nobody_uses_expires(void)
{
    world_open();
    struct txn_producer empty = init_anew("empty"), done = init_anew("done"),
                        used = init_anew("used"), open = init_anew("open");
    CHECK_INT(add_to(&done, "t", 0), 0);
    CHECK_INT(end_as(&done, true), 0);
    world_run(4 * (int64_t)DAY_MS);
    CHECK_INT(add_to(&used, "t", 0), 0);
    CHECK_INT(end_as(&used, false), 0);
    world_run(3 * (int64_t)DAY_MS - 3600000);
    CHECK_INT(add_to(&open, "t", 0), 0);
    world_run(2 * 3600000 + 1800000);
    CHECK(txn_of("empty") == NULL);
    CHECK(txn_of("done") == NULL);
    CHECK_INT(state_of("used"), TXN_COMPLETE_ABORT);
    CHECK(txn_of("open") != NULL);
    CHECK_INT(add_to(&empty, "t", 0), ERR_INVALID_PRODUCER_ID_MAPPING);
    world_failover(false);
    CHECK(txn_of("done") == NULL); /* the tombstone is in the log */
    /* A producer whose id has expired goes on with a new one. */
    struct txn_producer next = init_as("done", done.producer_id, done.epoch, 0);
    CHECK(next.producer_id != done.producer_id);
    CHECK_INT(next.epoch, 0);
    world_close();
}

/* While the tombstone is on its way nothing is taken; when the log refuses it all is as before. */
static void a_tombstone_that_is_refused_changes_nothing(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    world.hold = true;
    world.refuse_error = ERR_NOT_ENOUGH_REPLICAS;
    world_run(7 * (int64_t)DAY_MS + 2 * 3600000);
    CHECK_INT(state_of("a"), TXN_DEAD);
    CHECK_INT(add_to(&producer, "t", 0), ERR_CONCURRENT_TRANSACTIONS);
    init_as("a", -1, -1, ERR_CONCURRENT_TRANSACTIONS);
    CHECK_INT(end_as(&producer, true), ERR_CONCURRENT_TRANSACTIONS);
    world_release_log();
    world_run(100);
    world.refuse_error = 0;
    CHECK_INT(state_of("a"), TXN_EMPTY);
    CHECK_INT(add_to(&producer, "t", 0), 0);
    world_close();
}

static void many_expire_in_turns(void)
{
    enum { MANY = 3000 };
    char id[32];
    world_open();
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof(id), "id-%d", i);
        init_anew(id);
    }
    int before = world.appends;
    world_run(7 * (int64_t)DAY_MS + 2 * 3600000);
    CHECK_INT(world.appends - before, MANY);
    CHECK_INT(world.manager->bytes, 0);
    CHECK(world.manager->expiry.most_steps <= TXN_EXPIRY_STEPS);
    world_close();
}

/* ---- lists ---- */

struct asked_list {
    struct txn_list list;
    struct list_transactions_request request;
    struct wire_str states[4];
    int64_t producers[4];
    struct arena arena;
    bool done;
};

static struct asked_list asked_list;

static void list_done(struct txn_list *list)
{
    CHECK(list == &asked_list.list);
    CHECK(!asked_list.done);
    asked_list.done = true;
}

static void list_begin(void)
{
    asked_list = (struct asked_list){
        .list = {.request = &asked_list.request, .arena = &asked_list.arena, .done = list_done}};
    arena_init(&asked_list.arena, 1 << 20);
    wire_defaults(&list_transactions_request_desc, &asked_list.request);
}

static void list_end(void)
{
    mem_free(asked_list.list.listed);
    arena_close(&asked_list.arena);
}

static void list_ask(void)
{
    txn_manager_list(world.manager, &asked_list.list);
    CHECK(!asked_list.done); /* later on the loop */
    world_until(&asked_list.done);
}

static bool list_has(const char *id, const char *state)
{
    for (int32_t i = 0; i < asked_list.list.response.transaction_states.count; i++) {
        const struct list_transactions_response_transaction_state *listed =
            &asked_list.list.response.transaction_states.items[i];
        if (wire_str_is(listed->transactional_id, id))
            return !state || wire_str_is(listed->transaction_state, state);
    }
    return false;
}

static int list_count(void)
{
    return asked_list.list.response.transaction_states.count;
}

static void check_list(const char *state, int64_t producer_id, int64_t duration_ms,
                       const char *pattern, const char *ids)
{
    int count = 0;
    list_begin();
    if (state) {
        asked_list.states[0] = wire_str_from(state);
        asked_list.request.state_filters.items = asked_list.states;
        asked_list.request.state_filters.count = 1;
    }
    if (producer_id >= 0) {
        asked_list.producers[0] = producer_id;
        asked_list.request.producer_id_filters.items = asked_list.producers;
        asked_list.request.producer_id_filters.count = 1;
    }
    asked_list.request.duration_filter = duration_ms;
    asked_list.request.transactional_id_pattern = wire_str_from(pattern);
    list_ask();
    CHECK_INT(asked_list.list.response.error_code, 0);
    for (const char *id = ids; *id; id++) {
        char name[2] = {*id, '\0'};
        CHECK(list_has(name, NULL));
        count++;
    }
    CHECK_INT(list_count(), count);
    list_end();
}

/* "a" is empty, "b" open for a minute, "c" open for a second, "d" complete, "e" being ended. */
static struct txn_producer fill(void)
{
    world_open();
    init_anew("a");
    struct txn_producer b = init_anew("b"), c = init_anew("c"), d = init_anew("d"),
                        e = init_anew("e");
    CHECK_INT(add_to(&d, "t", 0), 0);
    CHECK_INT(end_as(&d, true), 0);
    CHECK_INT(add_to(&b, "t", 0), 0);
    CHECK_INT(add_to(&b, "t", 3), 0);
    world_run(50000);
    world.hold_calls = true;
    CHECK_INT(add_to(&e, "t", 0), 0);
    CHECK_INT(end_as(&e, false), 0);
    CHECK_INT(add_to(&c, "t", 0), 0);
    world_run(1000);
    return b;
}

static void filters_leave_what_is_asked_for(void)
{
    struct txn_producer b = fill();
    check_list(NULL, -1, -1, NULL, "abcde");
    check_list("Ongoing", -1, -1, NULL, "bc");
    check_list("Empty", -1, -1, NULL, "a");
    check_list("PrepareAbort", -1, -1, NULL, "e");
    check_list("CompleteCommit", -1, -1, NULL, "d");
    check_list("CompleteAbort", -1, -1, NULL, "");
    check_list(NULL, b.producer_id, -1, NULL, "b");
    check_list("Empty", b.producer_id, -1, NULL, "");
    check_list(NULL, -1, 0, NULL, "bce");
    check_list(NULL, -1, 30000, NULL, "b");
    check_list(NULL, -1, 60000, NULL, "");
    check_list(NULL, -1, -1, "[ab]", "ab");
    check_list(NULL, -1, -1, ".*", "abcde");
    check_list(NULL, -1, -1, "x", "");
    check_list("Ongoing", -1, -1, "[^b]", "c");
    check_list(NULL, -1, -1, "", "abcde");
    world_close();
}

static void unknown_states_are_named(void)
{
    fill();
    list_begin();
    asked_list.states[0] = wire_str_from("Ongoing");
    asked_list.states[1] = wire_str_from("ongoing"); /* names are told by their letters' case */
    asked_list.states[2] = wire_str_from("Sleeping");
    asked_list.request.state_filters.items = asked_list.states;
    asked_list.request.state_filters.count = 3;
    list_ask();
    CHECK_INT(list_count(), 2);
    CHECK_INT(asked_list.list.response.unknown_state_filters.count, 2);
    CHECK(wire_str_is(asked_list.list.response.unknown_state_filters.items[1], "Sleeping"));
    CHECK(list_has("b", "Ongoing"));
    list_end();
    check_list("Sleeping", -1, -1, NULL, "");
    world_close();
}

static void a_wrong_expression_is_refused(void)
{
    const char *const wrong[] = {"(", "a++", "(?=a)", "\\1"};
    fill();
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        list_begin();
        asked_list.request.transactional_id_pattern = wire_str_from(wrong[i]);
        list_ask();
        CHECK_INT(err_from_wire(asked_list.list.response.error_code),
                  ERR_INVALID_REGULAR_EXPRESSION);
        CHECK_INT(list_count(), 0);
        list_end();
    }
    world_close();
}

/* The longest id that a record's key can hold is an id like others; an expression that goes over it
 * in more ways than can be counted ends all the same. */
static void the_longest_id_and_an_expression_that_explodes(void)
{
    static char id[TXN_ID_MAX + 2];
    const char *const explodes[] = {"(a|aa)+b", "(a*)*b", "((a{0,60}){0,60}){0,60}b",
                                    "(.?){999}(.?){999}b"};
    memset(id, 'a', TXN_ID_MAX + 1);
    world_open();
    struct asked asked;
    ask_init(&asked, id, -1, -1);
    CHECK_INT(asked.err, ERR_INVALID_REQUEST);
    id[TXN_ID_MAX] = '\0';
    struct txn_producer long_one = init_anew(id);
    init_anew("ab");
    CHECK_INT(add_to(&long_one, "t", 0), 0);
    CHECK_INT(end_as(&long_one, true), 0);
    check_list("CompleteCommit", -1, -1, "x", "");
    for (size_t i = 0; i < ARRAY_LEN(explodes); i++) {
        list_begin();
        asked_list.request.transactional_id_pattern = wire_str_from(explodes[i]);
        list_ask();
        CHECK_INT(err_from_wire(asked_list.list.response.error_code),
                  ERR_INVALID_REGULAR_EXPRESSION);
        CHECK_INT(list_count(), 0);
        list_end();
    }
    world_close();
}

static void a_list_while_it_loads_says_so(void)
{
    fill();
    list_begin();
    world_lose(false);
    for (int32_t i = 0; i < WORLD_PARTITIONS; i++)
        txn_manager_leader_changed(world.manager, i, true);
    list_ask();
    CHECK_INT(err_from_wire(asked_list.list.response.error_code), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    CHECK_INT(list_count(), 0);
    list_end();
    world_close();
}

/* In turns; a partition that goes away meanwhile leaves its ids out. */
static void a_long_list_takes_turns(void)
{
    enum { MANY = 5000 };
    char id[32];
    world_open();
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof(id), "id-%d", i);
        init_anew(id);
    }
    list_begin();
    list_ask();
    CHECK_INT(list_count(), MANY);
    CHECK(world.manager->lister.most_steps <= TXN_LISTER_STEPS);
    list_end();
    list_begin();
    asked_list.request.transactional_id_pattern = wire_str_from("id-1.*");
    txn_manager_list(world.manager, &asked_list.list);
    while (!world.manager->lister.match)
        world_run(1);
    world_lose(false); /* what is matched was copied */
    world_until(&asked_list.done);
    CHECK_INT(list_count(), 1111);
    list_end();
    world_lead();
    list_begin();
    txn_manager_list(world.manager, &asked_list.list);
    while (!world.manager->lister.walk.shard)
        sim_run_for(world.sim, 1);
    CHECK(!asked_list.done); /* it stands in the midst of a partition, */
    world_lose(false);       /* which goes */
    world_until(&asked_list.done);
    CHECK(list_count() < MANY);
    list_end();
    world_close();
}

/* Who waits is told when the coordinator ends, also while a worker matches. */
static void the_coordinator_ends_while_lists_wait(void)
{
    for (int matching = 0; matching <= 1; matching++) {
        fill();
        list_begin();
        if (matching)
            asked_list.request.transactional_id_pattern = wire_str_from(".*");
        txn_manager_list(world.manager, &asked_list.list);
        while (matching && !world.manager->lister.match)
            sim_run_for(world.sim, 1); /* a worker is quick */
        world_close();
        CHECK(asked_list.done);
        CHECK_INT(err_from_wire(asked_list.list.response.error_code),
                  ERR_COORDINATOR_NOT_AVAILABLE);
        list_end();
    }
}

/* ---- one id ---- */

static void an_id_is_described(void)
{
    txn_described out;
    struct arena arena;
    struct txn_producer b = fill();
    arena_init(&arena, 1 << 16);
    CHECK_INT(txn_manager_describe(world.manager, wire_str_from("b"), &arena, &out), 0);
    CHECK(wire_str_is(out.transaction_state, "Ongoing"));
    CHECK_INT(out.producer_id, b.producer_id);
    CHECK_INT(out.producer_epoch, 0);
    CHECK_INT(out.transaction_timeout_ms, WORLD_MINUTE_MS);
    CHECK(env_wall_ms(world.env) - out.transaction_start_time_ms >= 51000);
    CHECK_INT(out.topics.count, 1);
    CHECK(wire_str_is(out.topics.items[0].topic, "t"));
    CHECK_INT(out.topics.items[0].partitions.count, 2);
    CHECK_INT(out.topics.items[0].partitions.items[1], 3);
    CHECK_INT(txn_manager_describe(world.manager, wire_str_from("a"), &arena, &out), 0);
    CHECK(wire_str_is(out.transaction_state, "Empty"));
    CHECK_INT(out.transaction_start_time_ms, -1);
    CHECK_INT(out.topics.count, 0);
    CHECK_INT(txn_manager_describe(world.manager, wire_str_from("z"), &arena, &out),
              ERR_TRANSACTIONAL_ID_NOT_FOUND);
    CHECK_INT(txn_manager_describe(world.manager, wire_str_from(""), &arena, &out),
              ERR_INVALID_REQUEST);
    world_lose(false);
    CHECK_INT(txn_manager_describe(world.manager, wire_str_from("b"), &arena, &out),
              ERR_NOT_COORDINATOR);
    arena_close(&arena);
    world_close();
}

/* ---- records ---- */

/* As Kafka has them at transaction.version 0; txn_bump_test.c has those of later ones. */
static void records_are_kafkas(void)
{
    static const uint8_t key[] = {0, 0, 0, 1, 'a'};
    static const uint8_t empty[] = {0,    0,                                  /* version */
                                    0,    0,    0,    0,    0, 0, 0x03, 0xe8, /* producer id 1000 */
                                    0,    0,                                  /* epoch */
                                    0,    0,    0xea, 0x60,                   /* a minute */
                                    0,                                        /* Empty */
                                    0xff, 0xff, 0xff, 0xff};                  /* no partitions */
    static const uint8_t parts[] = {0,    0, 0, 0, 0, 0,    0,    0, 0x03,
                                    0xe8, 0, 0, 0, 0, 0xea, 0x60, 1,  /* Ongoing */
                                    0,    0, 0, 1, 0, 1,    't',      /* one topic */
                                    0,    0, 0, 1, 0, 0,    0,    5}; /* its partition */
    char name[] = "transaction.version";
    Meta__FeatureRecord level = META__FEATURE_RECORD__INIT;
    world_open();
    level.name = name;
    feed_record(world.metadata, META__RECORD__FACT_FEATURE, &level);
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_to(&producer, "t", 5), 0);
    const struct buf *bytes =
        &world.logs[coordinator_key_partition(wire_str_from("a"), WORLD_PARTITIONS)].bytes;
    size_t at = 0;
    for (int i = 0; i < 2; i++) {
        struct batch batch;
        struct record_iter iter;
        struct record record;
        CHECK_INT(batch_parse(bytes->data + at, bytes->len - at, &batch), 0);
        record_iter_init(&iter, batch.records, batch.records_len, batch.record_count);
        CHECK_INT(record_iter_next(&iter, &record), 1);
        CHECK_INT(record.key.len, (int)sizeof(key));
        CHECK(memcmp(record.key.data, key, sizeof(key)) == 0);
        size_t len = i == 0 ? sizeof(empty) : sizeof(parts);
        CHECK_INT(record.value.len, (int)len + 16); /* and two times */
        CHECK(memcmp(record.value.data, i == 0 ? empty : parts, len) == 0);
        at += batch.size;
    }
    CHECK_INT(at, bytes->len);
    world_close();
}

TAP_MAIN(TAP_TEST(what_nobody_uses_expires), TAP_TEST(a_tombstone_that_is_refused_changes_nothing),
         TAP_TEST(many_expire_in_turns), TAP_TEST(filters_leave_what_is_asked_for),
         TAP_TEST(unknown_states_are_named), TAP_TEST(a_wrong_expression_is_refused),
         TAP_TEST(the_longest_id_and_an_expression_that_explodes),
         TAP_TEST(a_list_while_it_loads_says_so), TAP_TEST(a_long_list_takes_turns),
         TAP_TEST(the_coordinator_ends_while_lists_wait), TAP_TEST(an_id_is_described),
         TAP_TEST(records_are_kafkas))

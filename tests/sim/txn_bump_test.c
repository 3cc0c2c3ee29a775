/* transaction.version 2: each end raises the epoch of the producer, so that nothing that comes late
 * belongs to the next transaction; and what records say of it. */
#include "txn_world.h"

static void ask_end_bumping(struct asked *asked, const struct txn_producer *producer, bool commit)
{
    *asked = (struct asked){
        .end = {.producer = *producer, .commit = commit, .bumps = true, .done = asked_end_done}};
    txn_manager_end(world.manager, &asked->end);
}

/* As whom the producer goes on. */
static struct txn_producer end_bumping(const struct txn_producer *producer, bool commit, int err)
{
    struct asked asked;
    ask_end_bumping(&asked, producer, commit);
    world_until(&asked.done);
    CHECK_INT(asked.err, err);
    if (err) {
        CHECK_INT(asked.end.new_producer_id, -1);
        CHECK_INT(asked.end.new_epoch, -1);
    }
    return (struct txn_producer){producer->id, asked.end.new_producer_id, asked.end.new_epoch};
}

/* As a leader adds it that is written to. */
static int add_by_leader(const struct txn_producer *producer, const char *topic, int32_t index)
{
    struct asked asked = {.topic = {.name = wire_str_from(topic)}, .indexes = {index}};
    asked.topic.partitions.items = asked.indexes;
    asked.topic.partitions.count = 1;
    asked.add = (struct txn_add){.producer = *producer,
                                 .topics = &asked.topic,
                                 .topic_count = 1,
                                 .bumps = true,
                                 .done = asked_add_done};
    txn_manager_add(world.manager, &asked.add);
    world_until(&asked.done);
    return asked.err;
}

static void check_producer(const struct txn_producer *producer, int64_t producer_id, int epoch)
{
    CHECK_INT(producer->producer_id, producer_id);
    CHECK_INT(producer->epoch, epoch);
}

static void set_level(int32_t level)
{
    char name[] = "transaction.version";
    Meta__FeatureRecord record = META__FEATURE_RECORD__INIT;
    record.name = name;
    record.level = level;
    feed_record(world.metadata, META__RECORD__FACT_FEATURE, &record);
}

/* ---- ends ---- */

static void each_end_raises_the_epoch(void)
{
    world_open();
    struct txn_producer producer = init_anew("a"), before;
    for (int i = 0; i < 4; i++) {
        CHECK_INT(add_by_leader(&producer, "t", 0), 0);
        CHECK_INT(state_of("a"), TXN_ONGOING);
        before = producer;
        producer = end_bumping(&producer, i % 2 == 0, 0);
        check_producer(&producer, 1000, i + 1);
        world_run(50);
        CHECK_INT(markers_of("t", 0, &producer, i % 2 == 0), 1); /* not of the epoch before */
        CHECK_INT(world.markers[i].version, TXN_VERSION_BUMPS);
        CHECK_INT(add_by_leader(&before, "t", 0), ERR_PRODUCER_FENCED);
        CHECK_INT(verify_in(&before, "t", 0), ERR_PRODUCER_FENCED);
    }
    world_close();
}

/* The answer is lost: the producer asks once more, as whom it was. */
static void check_again(bool commit, bool failover)
{
    world_open();
    struct txn_producer first = init_anew("a"), again;
    CHECK_INT(add_by_leader(&first, "t", 0), 0);
    world.hold_calls = true;
    struct txn_producer next = end_bumping(&first, commit, 0);
    if (failover)
        world_failover(false);
    end_bumping(&first, commit, ERR_CONCURRENT_TRANSACTIONS);
    end_bumping(&first, !commit, ERR_INVALID_TXN_STATE);
    world_release_calls();
    world_run(2000);
    if (failover)
        world_failover(false);
    again = end_bumping(&first, commit, 0);
    check_producer(&again, next.producer_id, next.epoch);
    end_bumping(&first, !commit, ERR_INVALID_TXN_STATE);
    CHECK_INT(add_by_leader(&next, "t", 0), 0);
    end_bumping(&first, commit, ERR_PRODUCER_FENCED); /* it would end the next one */
    CHECK_INT(state_of("a"), TXN_ONGOING);
    world_close();
}

static void a_repeated_end_gets_the_same_answer(void)
{
    for (int i = 0; i < 4; i++)
        check_again(i & 1, i & 2);
}

/* A producer that does not know whether anything was added may abort. */
static void nothing_can_be_aborted(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    end_bumping(&producer, true, ERR_INVALID_TXN_STATE);
    producer = end_bumping(&producer, false, 0);
    check_producer(&producer, 1000, 1);
    world_run(50);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    producer = end_bumping(&producer, false, 0);
    check_producer(&producer, 1000, 2);
    world_run(50);
    CHECK_INT(add_by_leader(&producer, "t", 0), 0);
    producer = end_bumping(&producer, true, 0);
    world_run(50);
    end_bumping(&producer, true, ERR_INVALID_TXN_STATE);
    producer = end_bumping(&producer, false, 0);
    check_producer(&producer, 1000, 4);
    world_run(50);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    CHECK_INT(world.marker_count, 1);
    world_close();
}

/* The same while the transaction before is being ended: it waits for that. */
static void nothing_can_be_aborted_behind_an_end(void)
{
    for (int commit = 0; commit <= 1; commit++) {
        world_open();
        struct txn_producer producer = init_anew("a");
        CHECK_INT(add_by_leader(&producer, "t", 0), 0);
        world.hold_calls = true;
        producer = end_bumping(&producer, commit, 0);
        end_bumping(&producer, false, ERR_CONCURRENT_TRANSACTIONS);
        end_bumping(&producer, true, ERR_CONCURRENT_TRANSACTIONS);
        world_release_calls();
        world_run(50);
        end_bumping(&producer, true, ERR_INVALID_TXN_STATE);
        producer = end_bumping(&producer, false, 0);
        check_producer(&producer, 1000, 2);
        world_close();
    }
}

/* ---- the last epoch ---- */

/* As if it had ended 32,766 transactions. */
static struct txn_producer open_last(void)
{
    struct txn_producer producer = init_anew("a");
    txn_of("a")->value.epoch = producer.epoch = TXN_EPOCH_MAX;
    CHECK_INT(add_by_leader(&producer, "t", 0), 0);
    return producer;
}

static void a_used_up_epoch_gives_a_new_producer_id(void)
{
    for (int failover = 0; failover <= 1; failover++) {
        world_open();
        struct txn_producer last = open_last();
        world.hold_calls = failover;
        struct txn_producer next = end_bumping(&last, true, 0);
        check_producer(&next, 1001, 0);
        if (failover) {
            end_bumping(&last, true, ERR_CONCURRENT_TRANSACTIONS);
            world_failover(false);
            world_release_calls();
        }
        world_run(2000);
        struct txn_producer marked = {last.id, last.producer_id, INT16_MAX};
        CHECK_INT(markers_of("t", 0, &marked, true), 1);
        if (failover)
            world_failover(false);
        struct txn_producer again = end_bumping(&last, true, 0);
        check_producer(&again, 1001, 0);
        struct txn_producer older = {last.id, last.producer_id, TXN_EPOCH_MAX - 1};
        end_bumping(&older, true, ERR_INVALID_PRODUCER_ID_MAPPING); /* it is not told who is next */
        CHECK_INT(add_by_leader(&last, "t", 0), ERR_INVALID_PRODUCER_ID_MAPPING);
        CHECK_INT(add_by_leader(&next, "t", 0), 0);
        next = end_bumping(&next, false, 0);
        check_producer(&next, 1001, 1);
        end_bumping(&last, true, ERR_INVALID_PRODUCER_ID_MAPPING);
        world_close();
    }
}

static void no_new_id_can_be_had(void)
{
    struct asked asked;
    world_open();
    struct txn_producer last = open_last();
    world.id_error = ERR_COORDINATOR_NOT_AVAILABLE;
    end_bumping(&last, true, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(state_of("a"), TXN_ONGOING);
    /* The coordinator moves while an id is on its way. */
    world.id_error = 0;
    world.hold_ids = true;
    ask_end_bumping(&asked, &last, true);
    world_lose(false);
    world.hold_ids = false;
    env_timer_start(&world.id_timer, 0);
    world_until(&asked.done);
    CHECK_INT(asked.err, ERR_NOT_COORDINATOR);
    world_close();
}

/* Its time is over: the fence raises the epoch as well, and once. */
static void what_is_not_ended_in_time_is_fenced(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_by_leader(&producer, "t", 0), 0);
    world_run(WORLD_MINUTE_MS + 1000);
    struct txn_producer fence = {producer.id, producer.producer_id, 1};
    CHECK_INT(markers_of("t", 0, &fence, false), 1);
    CHECK_INT(world.markers[0].version, TXN_VERSION_BUMPS);
    CHECK_INT(state_of("a"), TXN_COMPLETE_ABORT);
    end_bumping(&producer, true, ERR_INVALID_TXN_STATE);
    CHECK_INT(add_by_leader(&producer, "t", 0), ERR_PRODUCER_FENCED);
    world_close();
}

/* What was added always has room for the records that end it. */
static void a_transaction_has_room_for_its_end(void)
{
    world_open();
    world.batch_max = 400;
    struct txn_producer producer = init_anew("a");
    txn_of("a")->value.epoch = producer.epoch = TXN_EPOCH_MAX;
    feed_topic(world.metadata, "many");
    for (int32_t i = 0; i < 200; i++)
        world_partition("many", i, 1, 1);
    int32_t added = 0;
    while (add_by_leader(&producer, "many", added) == 0)
        added++;
    CHECK(added > 10);
    producer = end_bumping(&producer, true, 0); /* with a tag more */
    check_producer(&producer, 1001, 0);
    world_run(100);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    world_close();
}

/* ---- records ---- */

/* The value of the newest record of "a". */
static int last_value(uint8_t *out, int size)
{
    const struct buf *bytes =
        &world.logs[coordinator_key_partition(wire_str_from("a"), WORLD_PARTITIONS)].bytes;
    int len = -1;
    struct batch batch;
    for (size_t at = 0; at < bytes->len; at += batch.size) {
        struct record_iter iter;
        struct record record;
        CHECK_INT(batch_parse(bytes->data + at, bytes->len - at, &batch), 0);
        record_iter_init(&iter, batch.records, batch.records_len, batch.record_count);
        CHECK_INT(record_iter_next(&iter, &record), 1);
        len = record.value.len;
        CHECK(len <= size);
        memcpy(out, record.value.data, (size_t)len);
    }
    return len;
}

/* Version 1, with the tags of what is said. */
static void records_are_kafkas_from_version_1_on(void)
{
    static const uint8_t empty[] = {0, 1,                               /* version */
                                    0, 0, 0,    0,    0, 0, 0x03, 0xe8, /* producer id 1000 */
                                    0, 0,                               /* epoch */
                                    0, 0, 0xea, 0x60,                   /* a minute */
                                    0,                                  /* Empty */
                                    0};                                 /* no partitions: null */
    static const uint8_t tags[] = {2,                                   /* of these: */
                                   1, 8, 0, 0, 0, 0, 0, 0, 0x03, 0xe9,  /* next producer id 1001 */
                                   2, 2, 0, 2};                         /* client's version */
    uint8_t value[512];
    world_open();
    init_anew("a");
    CHECK_INT(last_value(value, sizeof(value)), (int)sizeof(empty) + 17); /* two times, no tags */
    CHECK(memcmp(value, empty, sizeof(empty)) == 0);
    CHECK_INT(value[sizeof(empty) + 16], 0);
    struct txn_producer last = {wire_str_from("a"), 1000, TXN_EPOCH_MAX};
    txn_of("a")->value.epoch = TXN_EPOCH_MAX;
    CHECK_INT(add_by_leader(&last, "t", 0), 0);
    world.hold_calls = true;
    end_bumping(&last, true, 0);
    int len = last_value(value, sizeof(value));
    CHECK(len > (int)sizeof(tags));
    CHECK(memcmp(value + len - sizeof(tags), tags, sizeof(tags)) == 0);
    CHECK_INT(value[16], 2); /* PrepareCommit */
    world_close();
}

/* Level 0 of the feature: what every release reads, and no tags. */
static void records_are_old_where_the_cluster_says_so(void)
{
    uint8_t value[512];
    world_open();
    set_level(0);
    struct txn_producer producer = init_anew("a");
    CHECK_INT(last_value(value, sizeof(value)), 37);
    CHECK_INT(value[1], 0);
    CHECK_INT(add_by_leader(&producer, "t", 0), 0);
    producer = end_bumping(&producer, true, 0);
    check_producer(&producer, 1000, 1);
    world_run(50);
    world_failover(false);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    CHECK_INT(add_by_leader(&producer, "t", 0), 0);
    set_level(1); /* both kinds are read */
    CHECK_INT(add_by_leader(&producer, "t", 1), 0);
    CHECK_INT(last_value(value, sizeof(value)) > 0 && value[1] == 1, 1);
    world_failover(false);
    CHECK_INT(verify_in(&producer, "t", 1), 0);
    world_close();
}

/* ---- older producers ---- */

static int add_over(const struct txn_producer *producer, int32_t index, int64_t opened_us)
{
    struct asked asked = {.topic = {.name = wire_str_from("t")}, .indexes = {index}};
    asked.topic.partitions.items = asked.indexes;
    asked.topic.partitions.count = 1;
    asked.add = (struct txn_add){.producer = *producer,
                                 .topics = &asked.topic,
                                 .topic_count = 1,
                                 .opened_us = opened_us,
                                 .done = asked_add_done};
    txn_manager_add(world.manager, &asked.add);
    world_until(&asked.done);
    return asked.err;
}

static int end_over(const struct txn_producer *producer, int64_t opened_us)
{
    struct asked asked = {
        .end = {
            .producer = *producer, .commit = true, .opened_us = opened_us, .done = asked_end_done}};
    txn_manager_end(world.manager, &asked.end);
    world_until(&asked.done);
    return asked.err;
}

/* The end of the first transaction is sent over connection 10, which is given up, and again over
 * 20; the first one arrives in the middle of the second transaction. */
static void a_late_end_of_an_older_producer_ends_nothing(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_over(&producer, 0, 10), 0);
    CHECK_INT(end_over(&producer, 20), 0);
    world_run(50);
    CHECK_INT(end_over(&producer, 10), 0); /* it has ended so */
    CHECK_INT(add_over(&producer, 0, 20), 0);
    CHECK_INT(end_over(&producer, 10), ERR_CAME_LATE);
    CHECK_INT(state_of("a"), TXN_ONGOING);
    CHECK_INT(add_over(&producer, 0, 30), 0); /* it has that, and goes on over a newer one */
    CHECK_INT(add_over(&producer, 1, 10), 0);
    CHECK_INT(end_over(&producer, 20), ERR_CAME_LATE);
    CHECK_INT(end_over(&producer, 0), 0); /* not known */
    world_run(50);
    CHECK_INT(add_over(&producer, 0, 20), 0); /* what was known of the last one is over */
    CHECK_INT(end_over(&producer, 20), 0);
    world_run(50);
    CHECK_INT(add_over(&producer, 0, 30), 0);
    world_failover(false);
    CHECK_INT(end_over(&producer, 30), ERR_CAME_LATE); /* of before this broker coordinated it */
    CHECK_INT(end_over(&producer, env_now_us(world.env)), 0);
    world_close();
}

/* Partitions were added as by transaction.version 2, and the end is that of an older client: the
 * epoch stays, so its markers don't say that it was raised. */
static void an_older_end_does_not_bump(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    CHECK_INT(add_by_leader(&producer, "t", 0), 0);
    CHECK_INT(end_as(&producer, true), 0);
    world_run(50);
    CHECK_INT(markers_of("t", 0, &producer, true), 1);
    CHECK_INT(world.markers[0].version, 0);
    CHECK_INT(state_of("a"), TXN_COMPLETE_COMMIT);
    world_close();
}

/* A fence has used the last epoch: a client that names it all the same is nobody. */
static void the_last_epoch_is_nobodys(void)
{
    world_open();
    struct txn_producer producer = init_anew("a");
    txn_of("a")->value.epoch = producer.epoch = INT16_MAX;
    CHECK_INT(add_by_leader(&producer, "t", 0), ERR_PRODUCER_FENCED);
    CHECK_INT(add_to(&producer, "t", 0), ERR_PRODUCER_FENCED);
    CHECK_INT(verify_in(&producer, "t", 0), ERR_PRODUCER_FENCED);
    (void)end_bumping(&producer, true, ERR_PRODUCER_FENCED);
    init_as("a", producer.producer_id, INT16_MAX, ERR_PRODUCER_FENCED);
    world_close();
}

TAP_MAIN(TAP_TEST(each_end_raises_the_epoch), TAP_TEST(a_repeated_end_gets_the_same_answer),
         TAP_TEST(nothing_can_be_aborted), TAP_TEST(nothing_can_be_aborted_behind_an_end),
         TAP_TEST(an_older_end_does_not_bump),
         TAP_TEST(a_late_end_of_an_older_producer_ends_nothing),
         TAP_TEST(the_last_epoch_is_nobodys), TAP_TEST(a_used_up_epoch_gives_a_new_producer_id),
         TAP_TEST(no_new_id_can_be_had), TAP_TEST(what_is_not_ended_in_time_is_fenced),
         TAP_TEST(a_transaction_has_room_for_its_end),
         TAP_TEST(records_are_kafkas_from_version_1_on),
         TAP_TEST(records_are_old_where_the_cluster_says_so))

/* What a client hears that begins to use transactions: who coordinates them, and which producer it
 * is. */
#include "fixture.h"

#include "broker/cluster/producer_ids.h"
#include "broker/txn/txn_manager.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/init_producer_id.h"

static struct producer_id_wait *id_wanted;

void producer_ids_take(struct producer_ids *ids, struct producer_id_wait *wait)
{
    (void)ids;
    CHECK(!id_wanted);
    id_wanted = wait;
}

static struct txn_init *inited; /* that waits */

void txn_manager_init_producer(struct txn_manager *manager, struct txn_init *init)
{
    (void)manager;
    CHECK(!inited);
    inited = init;
}

static void find(int16_t version, int8_t type)
{
    struct find_coordinator_request *body = fixture_request(KAFKA_API_FIND_COORDINATOR, version);
    body->key_type = type;
    body->key = wire_str_from("t");
    if (version >= 4) {
        CHECK(WIRE_ARRAY(&fx->request.arena, &body->coordinator_keys, 1, NULL) != NULL);
        body->coordinator_keys.items[0] = wire_str_from("t");
    }
    handle_find_coordinator(&fx->request);
}

/* The others may be about to come. */
static void check_alone_refused(struct fixture *f)
{
    f->broker.started_us = env_now_us(f->env);
    find(4, 1);
    CHECK(strstr(buf_text(&f->answer), "\"errorCode\":15"));
    CHECK(f->sent == NULL);
    f->answer.len = 0;
    f->broker.started_us -= 20 * 1000 * 1000;
}

/* A broker that somebody runs alone has transactions, if nobody has set how many replicas. */
static void one_broker_alone_makes_it(bool set)
{
    struct fixture f;
    fixture_open(&f);
    fixture_settings(set ? "broker.id=1\ntransaction.state.log.replication.factor=3\n"
                         : "broker.id=1\n");
    fixture_add_broker(1, false);
    check_alone_refused(&f);
    find(4, 1);
    CHECK((f.sent != NULL) == !set);
    if (f.sent) {
        CHECK_INT(f.sent->command->create_topics->topics[0]->replication_factor, 1);
        fixture_answer(ERR_REQUEST_TIMED_OUT, NULL);
    }
    fixture_close(&f);
}

static void a_broker_that_stays_alone_makes_it(void)
{
    one_broker_alone_makes_it(false);
    one_broker_alone_makes_it(true);
}

/* Its topic is made by the first who asks, by settings of its own. */
static void the_topic_of_transactions_is_made(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_settings("broker.id=1\ntransaction.state.log.num.partitions=7\n"
                     "transaction.state.log.segment.bytes=2000000\n");
    fixture_add_broker(1, false);
    check_alone_refused(&f);
    fixture_add_broker(3, true);
    find(4, 1); /* it has three replicas, and two brokers are known */
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":15"));
    CHECK(strstr(buf_text(&f.answer), "transaction.state.log.replication.factor") != NULL);
    CHECK(f.sent == NULL);
    fixture_add_broker(2, true); /* it need not be up */
    f.answer.len = 0;
    find(4, 1);
    CHECK_STR(buf_text(&f.answer), "");
    CHECK(f.sent != NULL);
    const Meta__CreateTopics__Topic *topic = f.sent->command->create_topics->topics[0];
    CHECK_STR(topic->name, "__transaction_state");
    CHECK_INT(topic->partitions, 7);
    CHECK_INT(topic->replication_factor, 3);
    bool compacts = false, least = false;
    for (size_t i = 0; i < topic->n_configs; i++) {
        const Meta__ConfigEntry *entry = topic->configs[i];
        compacts |=
            strcmp(entry->key, "cleanup.policy") == 0 && strcmp(entry->value, "compact") == 0;
        least |= strcmp(entry->key, "min.insync.replicas") == 0 && strcmp(entry->value, "2") == 0;
    }
    CHECK(compacts);
    CHECK(least);
    fixture_answer(ERR_REQUEST_TIMED_OUT, NULL);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":15"));
    fixture_close(&f);
}

static void a_transactional_id_has_a_coordinator(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_broker(1, false);
    fixture_add_topic("__transaction_state", 1);
    for (int16_t version = 1; version <= 6; version++) {
        find(version, 1);
        CHECK(strstr(buf_text(&f.answer), "\"errorCode\":0"));
        CHECK(strstr(buf_text(&f.answer), "\"nodeId\":1,\"host\":\"127.0.0.1\",\"port\":9001"));
    }
    find(6, 2);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":42"));
    fixture_add_broker(1, true);
    find(4, 1);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":15"));
    CHECK(strstr(buf_text(&f.answer), "has no leader now"));
    fixture_close(&f);
}

/* Its coordinator decides; how a fenced producer is told depends on the version. */
static void a_transactional_id_gets_what_its_coordinator_says(void)
{
    struct fixture f;
    fixture_open(&f);
    for (int16_t version = 0; version <= 5; version++)
        for (int err = 0; err <= 1; err++) {
            struct init_producer_id_request *body =
                fixture_request(KAFKA_API_INIT_PRODUCER_ID, version);
            body->transactional_id = wire_str_from("t");
            body->transaction_timeout_ms = 5000;
            body->producer_id = version >= 3 ? 7 : -1;
            body->producer_epoch = version >= 3 ? 2 : -1;
            inited = NULL;
            handle_init_producer_id(&fx->request);
            CHECK(wire_str_is(inited->id, "t"));
            CHECK_INT(inited->timeout_ms, 5000);
            CHECK_INT(inited->producer_id, version >= 3 ? 7 : -1);
            CHECK_INT(inited->epoch, version >= 3 ? 2 : -1);
            inited->new_producer_id = 1000;
            inited->new_epoch = 3;
            inited->done(inited, err ? ERR_PRODUCER_FENCED : 0);
            const char *told = !err ? "\"errorCode\":0,\"producerId\":1000,\"producerEpoch\":3"
                               : version < 4 ? "\"errorCode\":47,\"producerId\":-1"
                                             : "\"errorCode\":90,\"producerId\":-1";
            CHECK(strstr(buf_text(&f.answer), told));
        }
    fixture_close(&f);
}

/* Who goes on with an id names its epoch as well. */
static void half_a_producer_is_refused(void)
{
    struct fixture f;
    fixture_open(&f);
    for (int16_t version = 3; version <= 5; version++)
        for (int half = 0; half <= 1; half++) {
            struct init_producer_id_request *body =
                fixture_request(KAFKA_API_INIT_PRODUCER_ID, version);
            body->transactional_id = WIRE_STR_NULL;
            body->producer_id = half ? 5 : -1;
            body->producer_epoch = half ? -1 : 0;
            handle_init_producer_id(&fx->request);
            CHECK(strstr(buf_text(&f.answer), "\"errorCode\":42,\"producerId\":-1"));
        }
    fixture_close(&f);
}

/* Without a transactional id: nobody knows whose the id is that it names. */
static void an_idempotent_producer_always_gets_a_new_id(void)
{
    struct fixture f;
    fixture_open(&f);
    for (int16_t version = 0; version <= 5; version++)
        for (int named = 0; named <= (version >= 3); named++) {
            struct init_producer_id_request *body =
                fixture_request(KAFKA_API_INIT_PRODUCER_ID, version);
            body->transactional_id = WIRE_STR_NULL;
            body->producer_id = named ? 7 : -1;
            body->producer_epoch = named ? 2 : -1;
            id_wanted = NULL;
            handle_init_producer_id(&fx->request);
            CHECK(id_wanted != NULL);
            id_wanted->done(id_wanted, 0, 4000);
            id_wanted = NULL;
            CHECK(strstr(buf_text(&f.answer),
                         "\"errorCode\":0,\"producerId\":4000,\"producerEpoch\":0"));
        }
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(an_idempotent_producer_always_gets_a_new_id),
         TAP_TEST(the_topic_of_transactions_is_made), TAP_TEST(a_broker_that_stays_alone_makes_it),
         TAP_TEST(a_transactional_id_has_a_coordinator),
         TAP_TEST(a_transactional_id_gets_what_its_coordinator_says),
         TAP_TEST(half_a_producer_is_refused))

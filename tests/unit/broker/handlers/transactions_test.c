/* What a client hears that wants transactions: an error that ends its tries, with the reason. */
#include "fixture.h"

#include "broker/cluster/producer_ids.h"
#include "broker/group/group_manager.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/init_producer_id.h"

void producer_ids_take(struct producer_ids *ids, struct producer_id_wait *wait)
{
    (void)ids;
    (void)wait;
    CHECK(false);
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

static void a_transaction_has_no_coordinator(void)
{
    struct fixture f;
    fixture_open(&f);
    for (int16_t version = 1; version <= 6; version++) {
        find(version, 1);
        CHECK(strstr(buf_text(&f.answer),
                     "\"errorCode\":31,\"errorMessage\":\"transactions are not available in this "
                     "release: remove transactional.id\""));
    }
    find(6, 2);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":42"));
    fixture_close(&f);
}

static void a_transactional_id_gets_no_producer_id(void)
{
    struct fixture f;
    fixture_open(&f);
    for (int16_t version = 0; version <= 5; version++) {
        struct init_producer_id_request *body =
            fixture_request(KAFKA_API_INIT_PRODUCER_ID, version);
        body->transactional_id = wire_str_from("t");
        handle_init_producer_id(&fx->request);
        CHECK(strstr(buf_text(&f.answer), "\"errorCode\":31,\"producerId\":-1"));
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

TAP_MAIN(TAP_TEST(a_transaction_has_no_coordinator),
         TAP_TEST(a_transactional_id_gets_no_producer_id), TAP_TEST(half_a_producer_is_refused))

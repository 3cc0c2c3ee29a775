/* DescribeCluster: brokers to those who ask brokers, controllers to those who ask controllers. */
#include "fixture.h"

#include "broker/handlers/known.h"
#include "kafka/messages/describe_cluster.h"

enum { BROKERS = 1, CONTROLLERS = 2, NEWEST = 2 };

/* Brokers of these tests know the cluster. */
void known_handle(struct request *request, void (*handle)(struct request *request))
{
    handle(request);
}

static void ask(bool at_controller, int8_t type)
{
    fx->broker.at_controller = at_controller;
    struct describe_cluster_request *body = fixture_request(KAFKA_API_DESCRIBE_CLUSTER, NEWEST);
    body->endpoint_type = type;
    handle_describe_cluster(&fx->request);
}

static bool says(const char *text)
{
    return strstr(buf_text(&fx->answer), text) != NULL;
}

static void controllers_are_told_at_once(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_broker(1, false);
    ask(true, CONTROLLERS);
    CHECK(says("\"errorCode\":0") && says("\"endpointType\":2") && says("\"controllerId\":2"));
    CHECK(says("\"brokerId\":2,\"host\":\"two\",\"port\":9092"));
    CHECK(says("\"brokerId\":3,\"host\":\"three\",\"port\":9093"));
    CHECK(says("\"clusterId\":\"cluster\""));
    fixture_close(&f);
}

static void the_other_type_is_refused(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_broker(1, false);
    ask(true, BROKERS);
    CHECK(says("\"errorCode\":114") && says("endpoint of type BROKER"));
    CHECK(!says("two"));
    ask(true, 7);
    CHECK(says("\"errorCode\":115"));
    fixture_close(&f);
}

/* It has just been asked for the first time: it waits for the metadata, and not for ever. */
static void what_is_not_known_is_waited_for(void)
{
    struct fixture f;
    fixture_open(&f);
    ask(true, CONTROLLERS);
    CHECK_INT(f.answer.len, 0);
    fixture_add_broker(1, false);
    for (int i = 0; i < 1000 && f.answer.len == 0; i++)
        fixture_turn();
    CHECK(says("\"errorCode\":0") && says("three"));
    metadata_end_waits(f.broker.metadata);
    fixture_close(&f);
}

static void who_stops_ends_the_wait(void)
{
    struct fixture f;
    fixture_open(&f);
    ask(true, CONTROLLERS);
    metadata_end_waits(f.broker.metadata);
    CHECK_INT(f.failed, ERR_BROKER_NOT_AVAILABLE);
    CHECK_INT(f.answer.len, 0);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(controllers_are_told_at_once), TAP_TEST(the_other_type_is_refused),
         TAP_TEST(what_is_not_known_is_waited_for), TAP_TEST(who_stops_ends_the_wait))

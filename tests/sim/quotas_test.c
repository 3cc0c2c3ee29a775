/* Clients are held to their quotas, with a clock that stands still until the test moves it. The
 * functions of the server and of requests that the quotas call are defined here. */
#include "../unit/tap.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/net/api_table.h"
#include "broker/net/server.h"
#include "broker/quota/quotas.h"
#include "kafka/api.h"
#include "meta/quota.h"
#include "sim.h"
#include "tests/lib/metadata_feed.h"

enum { SECOND = 1000 * 1000 };

static struct sim *sim;
static struct env *env;
static struct metadata *metadata;
static struct logger logger;
static struct buf lines;
static struct quotas *quotas;
static struct request_quota *hook;
static int released; /* how often all throttles were ended */

void server_set_quota(struct server *server, struct request_quota *quota)
{
    (void)server;
    hook = quota;
}

void server_end_throttles(struct server *server)
{
    (void)server;
    released++;
}

const char *request_peer(const struct request *request)
{
    (void)request;
    return "10.0.0.9:1";
}

static void on_line(void *data, const char *line, int len)
{
    (void)data;
    buf_printf(&lines, "%.*s", len, line);
}

static int count_lines(const char *words)
{
    int count = 0;
    for (const char *at = buf_text(&lines); (at = strstr(at, words)); at++)
        count++;
    return count;
}

static void begin(void)
{
    sim = sim_new(1);
    env = sim_env_new(sim_node_new(sim, "a"));
    buf_init(&lines);
    logger_init(&logger, "test", NULL, NULL);
    logger.sink = on_line;
    metadata = metadata_new(env, &logger);
    released = 0;
    struct quotas_deps deps = {
        .env = env, .logger = &logger, .metadata = metadata, .window = rate_window_of(11, 1)};
    quotas = quotas_new(&deps);
    sim_run_for(sim, 100 * SECOND);
}

static void finish(void)
{
    quotas_check(quotas);
    quotas_free(quotas);
    metadata_free(metadata);
    buf_close(&lines);
    sim_free(sim);
}

static struct request make_request(int16_t key, const char *user, const char *client_id,
                                   size_t bytes)
{
    static struct api_row row;
    static char principal[64];
    row.operation = key == KAFKA_API_WRITE_TXN_MARKERS ? ACL_CLUSTER_ACTION : ACL_WRITE;
    snprintf(principal, sizeof(principal), "User:%s", user);
    return (struct request){.api = kafka_api_find(key),
                            .row = &row,
                            .principal = principal,
                            .client_id = wire_str_from(client_id),
                            .bytes = bytes};
}

/* The ms that a request has to wait; -1: nobody pays for it. */
static int ask(int16_t key, const char *user, const char *client_id, size_t bytes, int64_t spent_us)
{
    struct request request = make_request(key, user, client_id, bytes);
    int32_t bytes_ms = 0;
    void *payer = hook->begin(hook->data, &request, &bytes_ms);
    if (!payer)
        return -1;
    int32_t time_ms = hook->charge(hook->data, payer, &request, spent_us);
    hook->end(hook->data, payer);
    quotas_check(quotas);
    return bytes_ms > time_ms ? bytes_ms : time_ms;
}

static int produce(const char *user, const char *client_id, size_t bytes)
{
    return ask(KAFKA_API_PRODUCE, user, client_id, bytes, 0);
}

static void without_quotas_nothing_is_asked(void)
{
    begin();
    CHECK(!hook->on);
    feed_quota(metadata, NULL, NULL, "", "connection_creation_rate", 5);
    CHECK(!hook->on); /* no request pays for that */
    feed_quota(metadata, "", NULL, NULL, "producer_byte_rate", 1000);
    CHECK(hook->on);
    CHECK_INT(produce("u", "c", 3000), 3000);
    CHECK_INT((int)quotas_clients(quotas), 1);
    int before = released;
    feed_quota(metadata, "", NULL, NULL, "producer_byte_rate", 0);
    CHECK(!hook->on);
    CHECK_INT(released - before, 1);
    CHECK_INT((int)quotas_clients(quotas), 0);
    finish();
}

/* Who shares what was used of a quota: one user's clients, one client id's users, or nobody. */
static void a_quota_is_shared_as_it_is_written(void)
{
    static const struct {
        const char *user, *client_id;
        bool other_client, other_user; /* whether they share it with u, c */
    } rows[] = {
        {"u", "c", false, false}, {"u", "", false, false}, {"u", NULL, true, false},
        {"", NULL, true, false},  {"", "", false, false},  {NULL, "c", false, true},
        {NULL, "", false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        begin();
        feed_quota(metadata, rows[i].user, rows[i].client_id, NULL, "producer_byte_rate", 1000);
        CHECK_INT(produce("u", "c", 1000), 0);
        CHECK_INT(produce("u", "c", 1000), 2000);
        CHECK_INT(produce("u", "d", 500) > 0, rows[i].other_client);
        CHECK_INT(produce("v", "c", 500) > 0, rows[i].other_user);
        finish();
    }
}

static void a_fetch_over_its_quota_gets_nothing(void)
{
    begin();
    feed_quota(metadata, NULL, "c", NULL, "consumer_byte_rate", 1000);
    struct request request = make_request(KAFKA_API_FETCH, "u", "c", 100);
    int32_t wait_ms = 0;
    void *payer = hook->begin(hook->data, &request, &wait_ms);
    bool refused;
    CHECK_INT((int)hook->answer_max(hook->data, payer), 250);
    /* One batch that is larger goes; the client waits after it. */
    CHECK_INT(hook->take(hook->data, payer, &request, 3000, &refused), 3000);
    CHECK(!refused);
    CHECK_INT(hook->take(hook->data, payer, &request, 1000, &refused), 3000);
    CHECK(refused);
    sim_run_for(sim, 2 * SECOND);
    CHECK_INT(hook->take(hook->data, payer, &request, 1000, &refused), 1000);
    CHECK(refused);
    sim_run_for(sim, SECOND);
    CHECK_INT(hook->take(hook->data, payer, &request, 1500, &refused), 1500);
    CHECK(!refused);
    CHECK_INT(hook->charge(hook->data, payer, &request, SECOND), 0);
    hook->end(hook->data, payer);
    CHECK_INT(produce("u", "c", 1 << 20), 0);
    finish();
}

/* A client whose batches are larger than a sample's worth gets as much as its quota says. */
static void large_batches_come_at_the_rate(void)
{
    begin();
    feed_quota(metadata, NULL, "c", NULL, "consumer_byte_rate", 1000);
    struct request request = make_request(KAFKA_API_FETCH, "u", "c", 100);
    int32_t none = 0;
    void *payer = hook->begin(hook->data, &request, &none);
    int64_t began_us = env_now_us(env);
    int taken = 0, waits = 0;
    while (env_now_us(env) - began_us < 100 * (int64_t)SECOND) {
        bool refused;
        int32_t wait_ms = hook->take(hook->data, payer, &request, 1900, &refused);
        CHECK(wait_ms > 0);
        taken += refused ? 0 : 1900;
        waits++;
        sim_run_for(sim, (int64_t)wait_ms * 1000);
    }
    CHECK(taken >= 98000 && taken <= 102000);
    CHECK(waits <= taken / 1900 + 1); /* nobody comes in vain who waited as it was told */
    hook->end(hook->data, payer);
    finish();
}

/* Time is held for one sample at most, and what brokers ask each other costs nobody. */
static void time_that_is_spent_is_limited(void)
{
    begin();
    feed_quota(metadata, "u", NULL, NULL, "request_percentage", 10);
    CHECK_INT(ask(KAFKA_API_METADATA, "u", "c", 10, SECOND / 20), 0);
    CHECK_INT(ask(KAFKA_API_METADATA, "u", "c", 10, SECOND / 10), 1000);
    CHECK_INT(ask(KAFKA_API_METADATA, "u", "c", 10, SECOND), 1000);
    CHECK_INT(ask(KAFKA_API_WRITE_TXN_MARKERS, "u", "c", 10, SECOND), -1);
    CHECK_INT(ask(KAFKA_API_API_VERSIONS, "u", "c", 10, SECOND), -1);
    CHECK_INT(ask(KAFKA_API_METADATA, "v", "c", 10, SECOND), 0);
    finish();
}

/* Longer than the window, if need be; a new quota makes nobody wait longer than the window. */
static void bytes_are_never_for_free(void)
{
    begin();
    feed_quota(metadata, "u", NULL, NULL, "producer_byte_rate", 1000);
    for (int i = 1; i <= 60; i++)
        CHECK_INT(produce("u", "c", 1000), i == 1 ? 0 : i * 1000);
    sim_run_for(sim, 30 * SECOND);
    CHECK(abs(produce("u", "d", 0) - 30000) <= 1);
    feed_quota(metadata, "u", NULL, NULL, "producer_byte_rate", 1);
    CHECK(abs(produce("u", "c", 0) - 11000) <= 1);
    CHECK_INT(produce("u", "c", INT32_MAX), INT32_MAX);
    finish();
}

/* When quotas change, what was used counts on where the same ones share it. */
static void a_change_counts_at_once(void)
{
    begin();
    feed_quota(metadata, "u", NULL, NULL, "producer_byte_rate", 1000);
    CHECK_INT(produce("u", "c", 3000), 3000);
    CHECK_INT(produce("u", "d", 0), 3000);
    feed_quota(metadata, "u", NULL, NULL, "producer_byte_rate", 500);
    CHECK_INT(produce("u", "c", 0), 6000);
    feed_quota(metadata, "u", "c", NULL, "producer_byte_rate", 100);
    CHECK_INT(produce("u", "c", 50), 0); /* a more exact one, not used yet */
    CHECK_INT(produce("u", "d", 0), 6000);
    feed_quota(metadata, "u", NULL, NULL, "producer_byte_rate", 1e6);
    CHECK_INT(produce("u", "d", 0), 0);
    finish();
}

/* What is under way when its quota goes is charged by none, and leaves no client behind. */
static void what_is_under_way_outlives_its_quota(void)
{
    begin();
    feed_quota(metadata, NULL, "c", NULL, "consumer_byte_rate", 1000);
    struct request request = make_request(KAFKA_API_FETCH, "u", "c", 100);
    int32_t none = 0;
    bool refused;
    void *payer = hook->begin(hook->data, &request, &none);
    CHECK_INT(hook->take(hook->data, payer, &request, 5000, &refused), 5000);
    feed_quota(metadata, NULL, "c", NULL, "consumer_byte_rate", 0);
    CHECK_INT(hook->take(hook->data, payer, &request, 5000, &refused), 0);
    CHECK(!refused);
    CHECK(hook->answer_max(hook->data, payer) == SIZE_MAX);
    CHECK_INT((int)quotas_clients(quotas), 1);
    hook->end(hook->data, payer);
    CHECK_INT((int)quotas_clients(quotas), 0);
    finish();
}

static void it_is_said_once(void)
{
    begin();
    feed_quota(metadata, NULL, "", NULL, "producer_byte_rate", 1000);
    for (int i = 0; i < 5; i++)
        CHECK(produce("u", "a \"name\"\n", 5000) > 0);
    CHECK_INT(count_lines("is throttled"), 1);
    CHECK_INT(count_lines("user u and client id \"a \\\"name\\\"\\u000a\" is 1000; said once"), 1);
    CHECK(produce("u", "b", 5000) > 0);
    CHECK_INT(count_lines("is throttled"), 2);
    feed_quota(metadata, NULL, "", NULL, "producer_byte_rate", 900);
    CHECK(produce("u", "b", 5000) > 0);
    CHECK_INT(count_lines("is throttled"), 3);
    finish();
}

/* Whoever invents client ids makes the oldest forgotten, but not who has a request under way. */
static void invented_clients_are_bounded(void)
{
    begin();
    feed_quota(metadata, NULL, "", NULL, "producer_byte_rate", 1000);
    struct request request = make_request(KAFKA_API_PRODUCE, "u", "waits", 3000);
    int32_t wait_ms = 0, none;
    void *payer = hook->begin(hook->data, &request, &wait_ms);
    CHECK_INT(wait_ms, 3000);
    CHECK(produce("u", "first", 3000) > 0);
    char name[16];
    for (int i = 0; i < QUOTAS_CLIENTS_MAX + 10; i++) {
        snprintf(name, sizeof(name), "%d", i);
        struct request other = make_request(KAFKA_API_PRODUCE, "u", name, 10);
        hook->end(hook->data, hook->begin(hook->data, &other, &none));
    }
    CHECK_INT((int)quotas_clients(quotas), QUOTAS_CLIENTS_MAX);
    hook->end(hook->data, payer);
    CHECK_INT(produce("u", "waits", 0), 3000);
    CHECK_INT(produce("u", "first", 1000), 0); /* it was forgotten */
    finish();
}

/* With requests under way there may be more of them; they go when the requests end. */
static void busy_clients_go_in_the_end(void)
{
    static void *payers[QUOTAS_CLIENTS_MAX + 50];
    begin();
    feed_quota(metadata, NULL, "", NULL, "producer_byte_rate", 1000);
    char name[16];
    int32_t none;
    for (size_t i = 0; i < ARRAY_LEN(payers); i++) {
        snprintf(name, sizeof(name), "%zu", i);
        struct request request = make_request(KAFKA_API_PRODUCE, "u", name, 10);
        payers[i] = hook->begin(hook->data, &request, &none);
    }
    CHECK_INT((int)quotas_clients(quotas), (int)ARRAY_LEN(payers));
    quotas_check(quotas);
    for (size_t i = 0; i < ARRAY_LEN(payers); i++)
        hook->end(hook->data, payers[i]);
    CHECK_INT((int)quotas_clients(quotas), QUOTAS_CLIENTS_MAX);
    finish();
}

/* A second's worth at once, then one after the other; who would wait too long is closed. */
static void addresses_bring_so_many_connections(void)
{
    begin();
    CHECK(!hook->hosts_on);
    feed_quota(metadata, NULL, NULL, "", "connection_creation_rate", 2);
    CHECK(hook->hosts_on && !hook->on);
    static const int waits[] = {0, 0, 1500, 2000, 2500};
    for (size_t i = 0; i < ARRAY_LEN(waits); i++)
        CHECK_INT(hook->arrive(hook->data, "10.0.0.1"), waits[i]);
    CHECK_INT(hook->arrive(hook->data, "10.0.0.2"), 0);
    int last = 0;
    for (int i = 0; i < 100; i++)
        last = hook->arrive(hook->data, "10.0.0.1");
    CHECK_INT(last, -1);
    CHECK_INT(count_lines("new connections from 10.0.0.1 are throttled"), 1);
    sim_run_for(sim, 20 * SECOND);
    CHECK_INT(hook->arrive(hook->data, "10.0.0.1"), 0);
    feed_quota(metadata, NULL, NULL, "10.0.0.1", "connection_creation_rate", 1000);
    for (int i = 0; i < 100; i++)
        CHECK_INT(hook->arrive(hook->data, "10.0.0.1"), 0);
    feed_quota(metadata, NULL, NULL, "10.0.0.1", "connection_creation_rate", 0);
    feed_quota(metadata, NULL, NULL, "", "connection_creation_rate", 0);
    CHECK(!hook->hosts_on);
    finish();
}

TAP_MAIN(TAP_TEST(without_quotas_nothing_is_asked), TAP_TEST(a_quota_is_shared_as_it_is_written),
         TAP_TEST(a_fetch_over_its_quota_gets_nothing), TAP_TEST(large_batches_come_at_the_rate),
         TAP_TEST(time_that_is_spent_is_limited), TAP_TEST(bytes_are_never_for_free),
         TAP_TEST(a_change_counts_at_once), TAP_TEST(what_is_under_way_outlives_its_quota),
         TAP_TEST(it_is_said_once), TAP_TEST(invented_clients_are_bounded),
         TAP_TEST(busy_clients_go_in_the_end), TAP_TEST(addresses_bring_so_many_connections))

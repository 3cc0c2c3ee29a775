/* Quotas as the network holds to them: what is told, who is not read, and until when. */
#include "held.h"

#include "broker/net/request_quota.h"

/* What the quota of this test says. */
static struct meter {
    int32_t arrived_ms, spent_ms, taken_ms;
    bool refuses;
    int begun, ended;
    int64_t charged_us; /* the last time that was asked for */
} meter;

static void *meter_begin(void *data, const struct request *request, int32_t *wait_ms)
{
    CHECK(request->row != NULL);
    meter.begun++;
    *wait_ms = meter.arrived_ms;
    return data;
}

static int32_t meter_charge(void *data, void *payer, const struct request *request,
                            int64_t spent_us)
{
    CHECK(data == payer && spent_us >= 0 && !request->answered);
    meter.charged_us = spent_us;
    return meter.spent_ms;
}

static size_t meter_answer_max(void *data, void *payer)
{
    CHECK(data == payer);
    return 1000;
}

static int32_t meter_take(void *data, void *payer, const struct request *request, size_t bytes,
                          bool *refused)
{
    CHECK(data == payer && request && bytes > 0);
    *refused = meter.refuses;
    return meter.taken_ms;
}

static void meter_end(void *data, void *payer)
{
    CHECK(data == payer);
    meter.ended++;
}

static struct request_quota quota = {.begin = meter_begin,
                                     .charge = meter_charge,
                                     .answer_max = meter_answer_max,
                                     .take = meter_take,
                                     .end = meter_end,
                                     .data = &meter};

static void quota_open(struct fixture *f, struct client *client, bool on)
{
    held_open(f, "");
    meter = (struct meter){0};
    quota.on = on;
    server_set_quota(f->server, &quota);
    client_open(f, client);
}

static void quota_close(struct fixture *f, struct client *client)
{
    client_close(client);
    held_close(f);
    CHECK_INT(meter.begun, meter.ended);
}

static int paused(struct fixture *f)
{
    struct buf state;
    buf_init(&state);
    server_summarise(f->server, &state);
    bool is = strstr(buf_text(&state), "1 not read: they wait for the end of a throttle") != NULL;
    buf_close(&state);
    return is;
}

enum { LONG_MS = 3600000 };

/* The answer goes out at once; what was sent behind it waits until the throttles are ended. */
static void a_throttled_client_is_not_read(void)
{
    struct fixture f;
    struct client client, other;
    quota_open(&f, &client, true);
    meter.arrived_ms = LONG_MS;
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    CHECK(paused(&f));
    client_ask(&client, 2, 10);
    CHECK_INT(held[0]->throttle_ms, LONG_MS);
    held_answer(0, 10);
    UNTIL(f.env, client.count == 1);
    meter.arrived_ms = 0;
    client_open(&f, &other);
    client_ask(&other, 3, 10);
    UNTIL(f.env, held_count == 2);
    CHECK_INT(held[1]->correlation_id, 3); /* others are served */
    server_end_throttles(f.server);
    UNTIL(f.env, held_count == 3);
    CHECK_INT(held[2]->correlation_id, 2);
    CHECK(!paused(&f));
    client_close(&other);
    quota_close(&f, &client);
}

static void a_throttle_ends_by_itself(void)
{
    struct fixture f;
    struct client client;
    quota_open(&f, &client, true);
    meter.spent_ms = 5;
    for (int i = 0; i < 3; i++) {
        client_ask(&client, i, 10);
        UNTIL(f.env, held_count == i + 1);
        held_answer(i, 10);
        UNTIL(f.env, client.count == i + 1);
    }
    /* The longest counts, and what has no answer is held as well. */
    meter.arrived_ms = LONG_MS;
    client_ask(&client, 3, 10);
    UNTIL(f.env, held_count == 4);
    request_reply_none(held[3]);
    held[3] = NULL;
    CHECK(paused(&f));
    quota_close(&f, &client);
}

static void records_are_asked_for_before_they_are_sent(void)
{
    struct fixture f;
    struct client client;
    quota_open(&f, &client, true);
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    CHECK_INT((int)request_records_max(held[0]), 1000);
    CHECK(request_may_take(held[0], 10));
    CHECK(!paused(&f));
    meter.refuses = true;
    meter.taken_ms = LONG_MS;
    CHECK(!request_may_take(held[0], 10));
    CHECK(paused(&f));
    CHECK_INT(held[0]->throttle_ms, LONG_MS);
    quota_close(&f, &client);
}

/* Without a quota, and for another broker's fetches, nobody pays. */
static void nobody_pays_without_a_quota(void)
{
    struct fixture f;
    struct client client;
    quota_open(&f, &client, false);
    meter.arrived_ms = LONG_MS;
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    CHECK(request_records_max(held[0]) == SIZE_MAX);
    CHECK(request_may_take(held[0], 10));
    CHECK_INT(meter.begun, 0);
    quota.on = true;
    meter.arrived_ms = 0;
    f.others[0] = 2;
    client_fetch(&client, 2);
    UNTIL(f.env, held_count == 2);
    CHECK(!held[1]->payer);
    CHECK_INT(meter.begun, 1);
    CHECK_INT(meter.ended, 1);
    client_fetch(&client, 2);
    UNTIL(f.env, held_count == 3);
    CHECK_INT(meter.begun, 1);
    quota_close(&f, &client);
}

/* Nor is it charged for the time in which it was waited for. */
static void what_a_worker_takes_is_not_charged(void)
{
    struct fixture f;
    struct client client;
    quota_open(&f, &client, true);
    held_ask_large(&client, 1);
    UNTIL(f.env, held_count == 1);
    const int64_t begun_us = held[0]->begun_us;
    CHECK(begun_us > held[0]->received_us);
    held_answer(0, 10);
    CHECK(meter.charged_us <= env_now_us(f.env) - begun_us);
    UNTIL(f.env, client.count == 1);
    quota_close(&f, &client);
}

/* Its client goes, and the request ends later. */
static void a_throttled_client_may_go(void)
{
    struct fixture f;
    struct client client;
    quota_open(&f, &client, true);
    meter.arrived_ms = LONG_MS;
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    server_close(f.server);
    held_answer(0, 10);
    quota_close(&f, &client);
}

static int32_t meter_arrive(void *data, const char *host)
{
    CHECK(data == &meter);
    CHECK_STR(host, "127.0.0.1");
    return meter.taken_ms;
}

static void an_address_may_have_to_wait(void)
{
    struct fixture f;
    struct client client, late;
    quota_open(&f, &client, false);
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    quota.arrive = meter_arrive;
    quota.hosts_on = true;
    meter.taken_ms = LONG_MS;
    client_open(&f, &late);
    client_ask(&late, 2, 10);
    UNTIL(f.env, paused(&f));
    server_end_throttles(f.server);
    UNTIL(f.env, held_count == 2);
    client_close(&late);
    meter.taken_ms = -1;
    client_open(&f, &late);
    UNTIL(f.env, late.closed);
    client_close(&late);
    quota.hosts_on = false;
    quota_close(&f, &client);
}

TAP_MAIN(TAP_TEST(a_throttled_client_is_not_read), TAP_TEST(a_throttle_ends_by_itself),
         TAP_TEST(records_are_asked_for_before_they_are_sent),
         TAP_TEST(nobody_pays_without_a_quota), TAP_TEST(what_a_worker_takes_is_not_charged),
         TAP_TEST(a_throttled_client_may_go), TAP_TEST(an_address_may_have_to_wait))

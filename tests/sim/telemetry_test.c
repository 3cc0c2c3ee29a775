/* Clients push their metrics, with a clock that stands still until the test moves it, and workers
 * that take a moment. */
#include "../unit/tap.h"

#include "base/err.h"
#include "base/mem.h"
#include "broker/telemetry/telemetry.h"
#include "kafka/compress.h"
#include "sim.h"
#include "tests/lib/metadata_feed.h"

enum { SECOND = 1000 * 1000, INTERVAL = 300 * SECOND, MAX_BYTES = 2000 };

static const Meta__ConfigRecord__Resource metrics = META__CONFIG_RECORD__RESOURCE__CLIENT_METRICS;
/* A resource with a scope with a metric "m" that is a gauge of one point. */
static const uint8_t payload[] = "\12\24\22\22\22\20\12\1m\52\13\12\11\61\1\1\1\1\1\1\1\1";

static struct sim *sim;
static struct env *env;
static struct metadata *metadata;
static struct logger logger;
static struct telemetry *telemetry;

/* One call. */
static struct telemetry_call call;
static int answers, answer;
static char wanted[256]; /* names, each followed by a blank */

static void on_line(void *data, const char *line, int len)
{
    (void)data, (void)line, (void)len;
}

static void begin(void)
{
    sim = sim_new(1);
    env = sim_env_new(sim_node_new(sim, "a"));
    logger_init(&logger, "test", NULL, NULL);
    logger.sink = on_line;
    metadata = metadata_new(env, &logger);
    struct telemetry_deps deps = {
        .env = env, .logger = &logger, .metadata = metadata, .max_bytes = MAX_BYTES};
    telemetry = telemetry_new(&deps);
}

static void finish(void)
{
    telemetry_check(telemetry);
    telemetry_free(telemetry);
    metadata_free(metadata);
    sim_free(sim);
}

static void done(struct telemetry_call *ended, int err)
{
    CHECK(ended == &call);
    size_t to = 0;
    answers++;
    answer = err;
    for (size_t at = 0; !err && at < call.wanted_len && to < sizeof(wanted) - 1; at++)
        wanted[to++] = call.wanted[at] ? call.wanted[at] : ' ';
    wanted[to] = '\0';
}

static int ask(void)
{
    answers = 0;
    call.done = done;
    telemetry_ask(telemetry, &call);
    sim_run_for(sim, SECOND / 100);
    CHECK_INT(answers, 1);
    telemetry_check(telemetry);
    return answer;
}

static struct telemetry_call client(uint8_t id, const char *client_id)
{
    struct telemetry_call made = {.id = {{id ? id : 0}}};
    static const char *const others[] = {NULL, NULL, "java", "4.1.0", "10.0.0.1", "4711"};
    for (int i = 0; i < CONFIG_METRICS_ATTRIBUTES; i++)
        made.attributes[i] = others[i];
    made.attributes[CONFIG_METRICS_CLIENT_ID] = client_id;
    return made;
}

static int get(uint8_t id, const char *client_id)
{
    call = client(id, client_id);
    return ask();
}

/* By the subscription that the client was told. */
static int push(uint8_t id, int32_t subscription, int8_t codec, const void *bytes, int32_t len)
{
    call = client(id, "c");
    call.push = true;
    call.pushed_subscription = subscription;
    call.compression = codec;
    call.metrics = (struct wire_bytes){bytes, len};
    return ask();
}

static int push_payload(uint8_t id, int32_t subscription)
{
    return push(id, subscription, COMPRESS_NONE, payload, sizeof(payload) - 1);
}

static void set(const char *name, const char *key, const char *value)
{
    feed_setting(metadata, metrics, name, key, value);
}

static void without_subscriptions_nothing_is_wanted(void)
{
    begin();
    CHECK_INT(get(0, "c"), 0);
    CHECK(!uuid_is_zero(&call.id));
    CHECK_INT(call.interval_ms, 300000);
    CHECK_INT(call.wanted_len, 0);
    CHECK_INT(get(7, "c"), 0);
    CHECK_INT(call.id.bytes[0], 7);
    CHECK_INT(get(7, "c"), ERR_THROTTLING_QUOTA_EXCEEDED);
    sim_run_for(sim, INTERVAL);
    CHECK_INT(get(7, "c"), 0);
    finish();
}

/* CRC-32C of "[*]1000" and of "[a., b.]300000", by another program, and the hash of the id. */
static void subscriptions_are_joined(void)
{
    begin();
    set("s", "metrics", "b., a.");
    CHECK_INT(get(7, "c"), 0);
    CHECK_STR(wanted, "a. b. ");
    CHECK_INT((uint32_t)call.subscription_id, 0x35298f63u ^ 7u << 24);
    set("t", "metrics", "a.,c.");
    set("t", "interval.ms", "2000");
    CHECK_INT(get(8, "c"), 0);
    CHECK_STR(wanted, "a. b. c. ");
    CHECK_INT(call.interval_ms, 2000);
    set("u", "metrics", "*");
    set("u", "interval.ms", "1000");
    CHECK_INT(get(9, "c"), 0);
    CHECK_STR(wanted, "* ");
    CHECK_INT((uint32_t)call.subscription_id, 0x328bb2b9u ^ 9u << 24);
    finish();
}

static void clients_are_chosen(void)
{
    begin();
    set("s", "metrics", "one.");
    set("s", "match", "client_id=app-.*,client_software_name=java");
    set("t", "metrics", "two.");
    set("t", "match", "client_source_address=10\\.0\\.0\\.[0-9]+,client_source_port=4711");
    set("u", "metrics", "never.");
    set("u", "match", "client_id=app");
    set("v", "metrics", "never.");
    set("v", "match", "client_software_version=4");
    CHECK_INT(get(1, "app-1"), 0);
    CHECK_STR(wanted, "one. two. ");
    CHECK_INT(get(2, "other"), 0);
    CHECK_STR(wanted, "two. ");
    set("w", "metrics", "id.");
    set("w", "match", "client_instance_id=AgAAAAAAAAAAAAAAAAAAAA");
    CHECK_INT(get(2, "other"), 0); /* at once: what is wanted has changed */
    CHECK_STR(wanted, "id. two. ");
    finish();
}

static void the_last_push_is_kept(void)
{
    struct buf packed, text;
    begin();
    buf_init(&packed);
    buf_init(&text);
    set("s", "metrics", "*");
    CHECK_INT(get(5, "c"), 0);
    int32_t id = call.subscription_id;
    CHECK_INT(push_payload(5, id), 0);
    const struct buf *kept = telemetry_kept(telemetry, &call.id);
    CHECK(kept && kept->len == sizeof(payload) - 1);
    CHECK_INT(push_payload(5, id), ERR_THROTTLING_QUOTA_EXCEEDED);
    for (int8_t codec = COMPRESS_GZIP; codec <= COMPRESS_ZSTD; codec++) {
        sim_run_for(sim, INTERVAL);
        packed.len = 0;
        CHECK_INT(compress_encode((enum compress_codec)codec, COMPRESS_LEVEL_DEFAULT, payload,
                                  sizeof(payload) - 1, &packed),
                  0);
        CHECK_INT(push(5, id, codec, packed.data, (int32_t)packed.len), 0);
        kept = telemetry_kept(telemetry, &call.id);
        CHECK(kept && kept->len == sizeof(payload) - 1);
        CHECK(memcmp(kept->data, payload, kept->len) == 0);
    }
    telemetry_summarise(telemetry, &text);
    CHECK_STR(
        buf_text(&text),
        "telemetry: 1 subscriptions, 1 clients, of 1 of them 1 points in 22 bytes are kept; 5 "
        "pushes taken, 1 calls refused, 0 pushes dropped for room; subscriptions were joined 1 "
        "times");
    sim_run_for(sim, 4 * (int64_t)INTERVAL); /* it is silent */
    CHECK(!telemetry_kept(telemetry, &call.id));
    buf_close(&packed);
    buf_close(&text);
    finish();
}

static void pushes_are_refused_as_kafka_does(void)
{
    static uint8_t large[MAX_BYTES + 1];
    struct buf bomb;
    begin();
    set("s", "metrics", "*");
    call = client(0, "c");
    call.push = true;
    CHECK_INT(ask(), ERR_INVALID_REQUEST); /* without an id */
    CHECK_INT(get(5, "c"), 0);
    int32_t id = call.subscription_id;
    CHECK_INT(push_payload(5, id + 1), ERR_UNKNOWN_SUBSCRIPTION_ID);
    CHECK_INT(get(5, "c"), 0); /* may ask at once */
    CHECK_INT(push(5, id, 5, payload, 4), ERR_UNSUPPORTED_COMPRESSION_TYPE);
    CHECK_INT(get(5, "c"), 0);
    CHECK_INT(push(5, id, COMPRESS_NONE, large, sizeof(large)), ERR_TELEMETRY_TOO_LARGE);
    CHECK_INT(get(5, "c"), ERR_THROTTLING_QUOTA_EXCEEDED);
    sim_run_for(sim, INTERVAL);
    CHECK_INT(push(5, id, COMPRESS_GZIP, payload, 4), ERR_INVALID_RECORD);
    sim_run_for(sim, INTERVAL);
    CHECK_INT(push(5, id, COMPRESS_NONE, "hello", 5), ERR_INVALID_RECORD);
    CHECK(!telemetry_kept(telemetry, &call.id));
    sim_run_for(sim, INTERVAL);
    buf_init(&bomb);
    uint8_t *zeros = mem_alloc(TELEMETRY_DECODED_MAX + 1);
    CHECK_INT(compress_encode(COMPRESS_ZSTD, COMPRESS_LEVEL_DEFAULT, zeros,
                              TELEMETRY_DECODED_MAX + 1, &bomb),
              0);
    CHECK(bomb.len < MAX_BYTES);
    CHECK_INT(push(5, id, COMPRESS_ZSTD, bomb.data, (int32_t)bomb.len), ERR_TELEMETRY_TOO_LARGE);
    mem_free(zeros);
    buf_close(&bomb);
    finish();
}

static void the_last_word_is_taken_early(void)
{
    begin();
    set("s", "metrics", "*");
    CHECK_INT(get(5, "c"), 0);
    int32_t id = call.subscription_id;
    CHECK_INT(push_payload(5, id), 0);
    call = client(5, "c");
    call.push = call.terminating = true;
    call.pushed_subscription = id;
    call.metrics = (struct wire_bytes){payload, sizeof(payload) - 1};
    CHECK_INT(ask(), 0);
    sim_run_for(sim, INTERVAL);
    CHECK_INT(push_payload(5, id), ERR_INVALID_REQUEST); /* it has said that there are no more */
    finish();
}

static void a_changed_subscription_is_asked_for_again(void)
{
    begin();
    set("s", "metrics", "*");
    CHECK_INT(get(5, "c"), 0);
    int32_t id = call.subscription_id;
    CHECK_INT(push_payload(5, id), 0);
    set("s", "interval.ms", "5000");
    CHECK_INT(push_payload(5, id), ERR_UNKNOWN_SUBSCRIPTION_ID);
    CHECK_INT(get(5, "c"), 0);
    CHECK_INT(call.interval_ms, 5000);
    CHECK_INT(push_payload(5, call.subscription_id), 0);
    finish();
}

/* As many as there may be, and more: the others begin anew. */
static void clients_are_bounded(void)
{
    begin();
    set("s", "metrics", "*");
    CHECK_INT(get(5, "c"), 0);
    CHECK_INT(push_payload(5, call.subscription_id), 0);
    struct uuid first = call.id;
    call = client(0, "c");
    call.done = done;
    for (int i = 0; i < TELEMETRY_CLIENTS_MAX; i++) {
        memset(&call.id, 0, sizeof(call.id));
        telemetry_ask(telemetry, &call);
        CHECK_INT(answer, 0);
    }
    CHECK(!telemetry_kept(telemetry, &first));
    telemetry_check(telemetry);
    finish();
}

static void check_joined(int times)
{
    struct buf text;
    char expected[32];
    buf_init(&text);
    telemetry_summarise(telemetry, &text);
    snprintf(expected, sizeof(expected), "joined %d times", times);
    CHECK(strstr(buf_text(&text), expected) != NULL);
    buf_close(&text);
}

/* A client without an id is a new one each time. */
static void what_all_want_is_joined_once(void)
{
    begin();
    set("s", "metrics", "b,a");
    for (int i = 0; i < 5; i++)
        CHECK_INT(get(0, "c"), 0);
    check_joined(1);
    sim_run_for(sim, 4 * (int64_t)INTERVAL); /* all of them are forgotten */
    CHECK_INT(get(0, "c"), 0);
    check_joined(1);
    set("s", "metrics", "b,c");
    CHECK_INT(get(7, "c"), 0);
    CHECK_STR(wanted, "b c ");
    check_joined(2);
    set("s", "match", "client_id=c");
    CHECK_INT(get(8, "c"), 0);
    CHECK_INT(get(9, "d"), 0);
    CHECK_STR(wanted, "");
    check_joined(4);
    finish();
}

static void it_may_go_while_a_worker_is_at_it(void)
{
    begin();
    set("s", "metrics", "*");
    set("s", "match", "client_id=.*");
    answers = 0;
    call = client(5, "c");
    call.done = done;
    telemetry_ask(telemetry, &call);
    CHECK_INT(answers, 0);
    telemetry_free(telemetry);
    CHECK_INT(answers, 1);
    CHECK_INT(answer, ERR_BROKER_NOT_AVAILABLE);
    set("s", "metrics", "org."); /* nobody listens to it any more */
    sim_run_for(sim, SECOND);
    CHECK_INT(answers, 1);
    metadata_free(metadata);
    sim_free(sim);
}

TAP_MAIN(TAP_TEST(without_subscriptions_nothing_is_wanted), TAP_TEST(subscriptions_are_joined),
         TAP_TEST(clients_are_chosen), TAP_TEST(the_last_push_is_kept),
         TAP_TEST(pushes_are_refused_as_kafka_does), TAP_TEST(the_last_word_is_taken_early),
         TAP_TEST(a_changed_subscription_is_asked_for_again), TAP_TEST(clients_are_bounded),
         TAP_TEST(what_all_want_is_joined_once), TAP_TEST(it_may_go_while_a_worker_is_at_it))

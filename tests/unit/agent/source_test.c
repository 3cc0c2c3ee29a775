/* The way of a batch: selectors, optional channels, trying again, interceptors that drop. */
#include "world.h"

#include "tools/agent/peer.h"
#include "tools/agent/selector.h"

/* A source that does nothing by itself. */
static int still_start(struct source *source, struct buf *problem)
{
    (void)source;
    (void)problem;
    return 0;
}

static void still_stop(struct source *source)
{
    (void)source;
}

static const struct source_type still_type = {
    .part = {.kind = PART_SOURCE, .name = "still", .doc = "Nothing."},
    .size = sizeof(struct source),
    .start = still_start,
    .stop = still_stop,
};

enum { CHANNELS = 3 };

struct bench {
    struct world world;
    struct part *source_part, *channel_parts[CHANNELS], *selector, *interceptor;
    struct channel *channels[CHANNELS];
    struct source *source;
    struct batch batch;
    struct take *take;
    int ended, status;
};

static void on_done(struct batch *batch, int status)
{
    struct bench *b = CONTAINER_OF(batch, struct bench, batch);
    b->ended++;
    b->status = status;
}

/* Each channel has room for `capacity` events. */
static void bench_open(struct bench *b, const char *selector, const char *values, int capacity,
                       bool patient)
{
    static const char *const names[CHANNELS] = {"c0", "c1", "c2"};
    char text[100];
    *b = (struct bench){.status = 1};
    world_open(&b->world);
    snprintf(text, sizeof(text), "capacity=%d transactionCapacity=%d keep-alive=0", capacity,
             capacity);
    for (int i = 0; i < CHANNELS; i++) {
        b->channel_parts[i] = world_part(&b->world, PART_CHANNEL, "memory", text);
        mem_free(b->channel_parts[i]->name);
        b->channel_parts[i]->name = mem_strdup(names[i]);
        b->channels[i] = world_channel(&b->world, b->channel_parts[i]);
    }
    b->selector = selector ? world_part(&b->world, PART_SELECTOR, selector, values) : NULL;
    b->interceptor =
        world_part(&b->world, PART_INTERCEPTOR, "regex_filter", "regex=drop excludeEvents=true");
    b->source_part = part_new(&still_type.part, "r", "a1.sources.r.", "test.conf", 1);
    const struct part *interceptors[] = {b->interceptor};
    struct source_setup setup = {.part = b->source_part,
                                 .selector = b->selector,
                                 .interceptors = interceptors,
                                 .interceptors_count = 1,
                                 .channels = b->channels,
                                 .channels_count = CHANNELS};
    CHECK_INT(source_start(b->world.env, &b->world.logger, &setup, &b->source, &b->world.problem),
              0);
    CHECK_STR(buf_text(&b->world.problem), "");
    batch_init(&b->batch, b->source, 4, patient, on_done);
    b->take = take_new(10);
}

static void bench_close(struct bench *b)
{
    batch_close(&b->batch);
    source_stop(b->source);
    for (int i = 0; i < CHANNELS; i++) {
        channel_close(b->channels[i]);
        part_free(b->channel_parts[i]);
    }
    take_free(b->take);
    part_free(b->source_part);
    part_free(b->selector);
    part_free(b->interceptor);
    world_close(&b->world);
}

/* An event with a header "to". */
static void add(struct bench *b, const char *text, const char *to)
{
    struct event event = world_event(text);
    if (to)
        event.headers = headers_set(NULL, "to", to, strlen(to));
    batch_add(&b->batch, &event);
}

/* Takes all of a channel: the bodies, with a blank between. */
static const char *drain(struct bench *b, int channel)
{
    static char text[200];
    text[0] = '\0';
    channel_take(b->channels[channel], b->take);
    for (size_t i = 0; i < b->take->count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s", i ? " " : "",
                 (int)b->take->events[i].len, b->take->events[i].body);
    if (b->take->count > 0)
        channel_commit(b->take);
    return text;
}

static void all_channels_get_all(void)
{
    struct bench b;
    bench_open(&b, NULL, "", 10, false);
    add(&b, "one", NULL);
    add(&b, "drop", NULL);
    add(&b, "two", NULL);
    CHECK_INT(batch_send(&b.batch), 0);
    CHECK_INT(b.batch.count, 0);
    for (int i = 0; i < CHANNELS; i++)
        CHECK_STR(drain(&b, i), "one two");
    add(&b, "drop it", NULL);
    CHECK_INT(batch_send(&b.batch), 0);
    CHECK_STR(drain(&b, 0), "");
    CHECK_INT(b.source->counters.received, 4);
    CHECK_INT(b.source->counters.accepted, 4);
    bench_close(&b);
}

static void a_full_required_channel_fails_the_batch(void)
{
    struct bench b;
    bench_open(&b, NULL, "", 4, false);
    for (int i = 0; i < 4; i++)
        add(&b, "x", NULL);
    CHECK_INT(batch_send(&b.batch), 0);
    add(&b, "y", NULL);
    CHECK_INT(batch_send(&b.batch), TRANSACTION_PENDING);
    UNTIL(b.world.env, b.ended == 1);
    CHECK_INT(b.status, ERR_AGAIN);
    CHECK_INT(b.batch.count, 0);
    for (int i = 0; i < CHANNELS; i++)
        CHECK_STR(drain(&b, i), "x x x x");
    bench_close(&b);
}

static void a_full_optional_channel_does_not(void)
{
    struct bench b;
    char values[] = "optional=c1";
    bench_open(&b, "replicating", values, 4, false);
    for (int i = 0; i < 4; i++)
        add(&b, "x", NULL);
    CHECK_INT(batch_send(&b.batch), 0);
    CHECK_STR(drain(&b, 0), "x x x x");
    CHECK_STR(drain(&b, 2), "x x x x");
    add(&b, "y", NULL);
    CHECK_INT(batch_send(&b.batch), 0);
    CHECK_STR(drain(&b, 0), "y");
    CHECK_STR(drain(&b, 1), "x x x x");
    bench_close(&b);
}

/* Those that have it already do not get it again. */
static void a_patient_batch_is_tried_where_it_is_missing(void)
{
    struct bench b;
    bench_open(&b, NULL, "", 4, true);
    for (int i = 0; i < 4; i++)
        add(&b, "x", NULL);
    CHECK_INT(batch_send(&b.batch), 0);
    CHECK_STR(drain(&b, 0), "x x x x");
    CHECK_STR(drain(&b, 1), "x x x x");
    add(&b, "y", NULL);
    CHECK_INT(batch_send(&b.batch), TRANSACTION_PENDING);
    UNTIL(b.world.env, env_timer_running(&b.batch.retry)); /* it has waited for its time */
    CHECK_INT(b.ended, 0);
    CHECK_STR(drain(&b, 2), "x x x x");
    UNTIL(b.world.env, b.ended == 1);
    CHECK_INT(b.status, 0);
    for (int i = 0; i < CHANNELS; i++)
        CHECK_STR(drain(&b, i), "y");
    bench_close(&b);
}

static void a_header_says_where_to(void)
{
    struct bench b;
    bench_open(&b, "multiplexing",
               "header=to default=c2 mapping.a=c0 mapping.b=c1 optional.b=c0 optional.o=c1", 10,
               false);
    add(&b, "1", "a");
    add(&b, "2", "b");
    add(&b, "3", NULL);
    add(&b, "4", "o"); /* without required channels of its own the default ones are */
    CHECK_INT(batch_send(&b.batch), 0);
    CHECK_STR(drain(&b, 0), "1 2");
    CHECK_STR(drain(&b, 1), "2 4");
    CHECK_STR(drain(&b, 2), "3 4");
    bench_close(&b);
}

static void more_than_a_channel_takes_at_once(void)
{
    struct bench b;
    bench_open(&b, NULL, "", 2, false);
    CHECK_INT(b.batch.cap, 2); /* so it never comes to that */
    bench_close(&b);
}

static char told[2000];

static void on_line(void *data, const char *line, int len)
{
    world_silent(data, line, len);
    snprintf(told, sizeof(told), "%.*s", len, line);
}

/* How many events are in all channels. */
static size_t kept(const struct bench *b)
{
    size_t count = 0;
    for (int i = 0; i < CHANNELS; i++)
        count += channel_count(b->channels[i]);
    return count;
}

static void each_event_goes_to_one_channel_of_a_balanced_source(void)
{
    static const char *const policies[] = {"policy=round_robin", "policy=random"};
    for (size_t p = 0; p < ARRAY_LEN(policies); p++) {
        struct bench b;
        bench_open(&b, "load_balancing", policies[p], 100, false);
        for (size_t i = 1; i <= 30; i++) {
            add(&b, "x", NULL);
            CHECK_INT(batch_send(&b.batch), 0);
            CHECK_INT(kept(&b), i);
        }
        for (int i = 0; i < CHANNELS; i++) {
            size_t count = channel_count(b.channels[i]);
            CHECK(p == 0 ? count == 10 : count > 0);
        }
        bench_close(&b);
    }
}

/* A channel that takes no event at all. */
static int put_nothing(struct channel *channel, struct put *put)
{
    (void)channel;
    return put->count > 0 ? ERR_TOO_LARGE : 0;
}

/* What does not pass by itself is told as such, also behind what does. */
static void what_does_not_pass_is_told(void)
{
    struct bench b;
    bench_open(&b, NULL, "", 1, true);
    b.source->logger.sink = on_line;
    add(&b, "x", NULL);
    CHECK_INT(batch_send(&b.batch), 0);
    add(&b, "y", NULL);
    CHECK_INT(batch_send(&b.batch), TRANSACTION_PENDING);
    UNTIL(b.world.env, strstr(told, "it is full"));
    struct channel_type type = *b.channels[0]->type;
    type.put = put_nothing;
    for (int i = 0; i < CHANNELS; i++)
        b.channels[i]->type = &type;
    UNTIL(b.world.env, strstr(told, "that does not pass by itself"));
    bench_close(&b);
}

/* Peers of a source leave descriptors for the files of channels, and for a broker. */
static void peers_have_a_part_of_the_descriptors(void)
{
    struct bench b;
    struct peers peers;
    CHECK_INT(peers_most(0), PEERS_MIN);
    CHECK_INT(peers_most(1024), 128);
    CHECK_INT(peers_most(INT32_MAX), PEERS_MAX);
    bench_open(&b, NULL, "", 5, false);
    peers_init(&peers, b.source, NULL, NULL);
    CHECK_INT(peers.most, peers_most(env_files_limit(b.world.env)));
    bench_close(&b);
}

TAP_MAIN(TAP_TEST(each_event_goes_to_one_channel_of_a_balanced_source),
         TAP_TEST(what_does_not_pass_is_told), TAP_TEST(all_channels_get_all),
         TAP_TEST(a_full_required_channel_fails_the_batch),
         TAP_TEST(a_full_optional_channel_does_not),
         TAP_TEST(a_patient_batch_is_tried_where_it_is_missing), TAP_TEST(a_header_says_where_to),
         TAP_TEST(more_than_a_channel_takes_at_once),
         TAP_TEST(peers_have_a_part_of_the_descriptors))

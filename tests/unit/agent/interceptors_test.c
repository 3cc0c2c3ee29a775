/* Each interceptor, on events. */
#include <stdlib.h>
#include <time.h>

#include "world.h"

#include "tools/agent/interceptor.h"

struct bench {
    struct world world;
    struct part *part;
    struct interceptor *interceptor;
    struct event events[8];
    size_t count;
};

static void bench_open(struct bench *b, const char *type, const char *values)
{
    world_open(&b->world);
    b->part = world_part(&b->world, PART_INTERCEPTOR, type, values);
    CHECK_INT(interceptor_open(b->world.env, b->part, &b->interceptor, &b->world.problem), 0);
    b->count = 0;
}

static void add(struct bench *b, const char *text)
{
    b->events[b->count++] = world_event(text);
}

static void set(struct bench *b, size_t i, const char *name, const char *value)
{
    event_take_headers(&b->events[i],
                       headers_set(b->events[i].headers, name, value, strlen(value)));
}

static void apply(struct bench *b)
{
    b->count = interceptor_apply(b->interceptor, b->events, b->count);
}

static const char *get(struct bench *b, size_t i, const char *name)
{
    const struct header *header = headers_find(b->events[i].headers, name);
    return header ? header->value : "(none)";
}

static void bench_close(struct bench *b)
{
    event_unref_all(b->events, b->count);
    interceptor_close(b->interceptor);
    part_free(b->part);
    world_close(&b->world);
}

static void a_fixed_header(void)
{
    struct bench b;
    bench_open(&b, "static", "key=dc value=ber");
    add(&b, "x");
    add(&b, "y");
    set(&b, 1, "dc", "other");
    apply(&b);
    CHECK_STR(get(&b, 0, "dc"), "ber");
    CHECK_STR(get(&b, 1, "dc"), "other");
    bench_close(&b);
}

static void the_time_and_the_host(void)
{
    struct bench b;
    bench_open(&b, "timestamp", "");
    int64_t before = env_wall_ms(b.world.env);
    add(&b, "x");
    set(&b, 0, "timestamp", "1");
    apply(&b);
    int64_t told = strtoll(get(&b, 0, "timestamp"), NULL, 10);
    CHECK(told >= before && told <= env_wall_ms(b.world.env));
    bench_close(&b);
    bench_open(&b, "host", "hostHeader=h useIP=false");
    add(&b, "x");
    apply(&b);
    CHECK(strcmp(get(&b, 0, "h"), "(none)") != 0);
    bench_close(&b);
}

static void an_id_for_each(void)
{
    struct bench b;
    bench_open(&b, "org.apache.flume.sink.solr.morphline.UUIDInterceptor$Builder", "prefix=p-");
    add(&b, "x");
    add(&b, "y");
    add(&b, "z");
    set(&b, 2, "id", "mine");
    apply(&b);
    CHECK_INT(strlen(get(&b, 0, "id")), 2 + 36);
    CHECK(strncmp(get(&b, 0, "id"), "p-", 2) == 0);
    CHECK(get(&b, 0, "id")[2 + 14] == '4');
    CHECK(strcmp(get(&b, 0, "id"), get(&b, 1, "id")) != 0);
    CHECK_STR(get(&b, 2, "id"), "mine");
    bench_close(&b);
}

static void headers_are_removed(void)
{
    struct bench b;
    bench_open(&b, "remove_header", "withName=one fromList=two,three matching=x.*");
    add(&b, "x");
    add(&b, "without");
    const char *names[] = {"one", "two", "three", "four", "x1", "yx"};
    for (size_t i = 0; i < 6; i++)
        set(&b, 0, names[i], "v");
    apply(&b);
    CHECK_INT(b.events[0].headers->count, 2);
    CHECK_STR(get(&b, 0, "four"), "v");
    CHECK_STR(get(&b, 0, "yx"), "v");
    CHECK(!b.events[1].headers);
    bench_close(&b);
}

static void a_filter_keeps_or_drops(void)
{
    struct bench b;
    bench_open(&b, "regex_filter", "regex=err(or)?");
    add(&b, "an error");
    add(&b, "fine");
    add(&b, "err");
    apply(&b);
    CHECK_INT(b.count, 2);
    CHECK(world_is(&b.events[1], "err"));
    bench_close(&b);
    bench_open(&b, "regex_filter", "regex=^a excludeEvents=true");
    add(&b, "an error");
    add(&b, "fine");
    apply(&b);
    CHECK_INT(b.count, 1);
    CHECK(world_is(&b.events[0], "fine"));
    bench_close(&b);
}

static void replacing(void)
{
    struct bench b;
    bench_open(&b, "search_replace", "searchPattern=(\\d+)-(x)? replaceString=<$1$2\\$>");
    add(&b, "a 12- b 7-x");
    add(&b, "nothing");
    add(&b, "");
    struct block *before = b.events[1].block;
    apply(&b);
    CHECK(world_is(&b.events[0], "a <12$> b <7x$>"));
    CHECK(b.events[1].block == before);
    bench_close(&b);
    bench_open(&b, "search_replace", "searchPattern=x* replaceString=-");
    add(&b, "ab");
    apply(&b);
    CHECK(world_is(&b.events[0], "-a-b-"));
    bench_close(&b);
}

static void groups_and_times(void)
{
    struct bench b;
    char values[] = "regex=^(\\w+)\\|([^|]*)\\|(.*)$ serializers=s1 serializers.s1.name=word";
    setenv("TZ", "UTC", 1);
    tzset();
    bench_open(&b, "regex_extractor", values);
    add(&b, "one|2|3");
    add(&b, "no match");
    apply(&b);
    CHECK_STR(get(&b, 0, "word"), "one");
    CHECK(!b.events[1].headers);
    bench_close(&b);
    bench_open(&b, "regex_extractor",
               "regex=^(.*)$ serializers=s serializers.s.name=t serializers.s.pattern="
               "yyyy-MM-dd'T'HH:mm:ss.SSSZ serializers.s.type="
               "org.apache.flume.interceptor.RegexExtractorInterceptorMillisSerializer");
    add(&b, "2012-10-18T18:47:57.614+0100");
    add(&b, "2012-10-18T18:47:57.614");
    apply(&b);
    CHECK_STR(get(&b, 0, "t"), "1350582477614");
    CHECK_STR(get(&b, 1, "t"), "(none)");
    bench_close(&b);
}

TAP_MAIN(TAP_TEST(a_fixed_header), TAP_TEST(the_time_and_the_host), TAP_TEST(an_id_for_each),
         TAP_TEST(headers_are_removed), TAP_TEST(a_filter_keeps_or_drops), TAP_TEST(replacing),
         TAP_TEST(groups_and_times))

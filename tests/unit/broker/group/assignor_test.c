/* Assignors: even, complete, nobody gets what it does not read, little moves; sets of partitions.
 */
#include "../../tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "broker/group/assignor.h"

enum { MEMBERS = 8, TOPICS = 6 };

struct world {
    struct assignor_topic topics[TOPICS];
    int32_t topic_count;
    struct assignor_member members[MEMBERS];
    char names[MEMBERS][16];
    int32_t reads[MEMBERS][TOPICS];
    struct partition_set before[MEMBERS];
    int32_t member_count;
};

static struct world w;
static uint32_t seed;

static uint32_t chance(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void init(int32_t members, int32_t topics)
{
    memset(&w, 0, sizeof(w));
    w.member_count = members;
    w.topic_count = topics;
    for (int32_t i = 0; i < topics; i++) {
        w.topics[i].id.bytes[0] = (uint8_t)(i + 1);
        w.topics[i].partitions = (int32_t)(1 + chance(20));
    }
    for (int32_t i = 0; i < members; i++) {
        snprintf(w.names[i], sizeof(w.names[i]), "member-%d", i);
        w.members[i].order = w.names[i];
        w.members[i].topics = w.reads[i];
        w.members[i].before = &w.before[i];
        for (int32_t t = 0; t < topics; t++)
            w.reads[i][w.members[i].topic_count++] = t;
    }
}

static void run(const char *name)
{
    assignor *assign = assignor_find(wire_str_from(name), "uniform,range");
    CHECK(assign);
    assign(w.topics, w.topic_count, w.members, w.member_count);
}

/* What was assigned is what the members had before, next time. */
static void next(void)
{
    for (int32_t i = 0; i < w.member_count; i++) {
        partition_set_move(&w.before[i], &w.members[i].after);
        partition_set_init(&w.members[i].after);
    }
}

static void finish(void)
{
    for (int32_t i = 0; i < MEMBERS; i++) {
        partition_set_close(&w.before[i]);
        partition_set_close(&w.members[i].after);
    }
}

static bool reads(int32_t member, int32_t topic)
{
    for (int32_t i = 0; i < w.members[member].topic_count; i++)
        if (w.reads[member][i] == topic)
            return true;
    return false;
}

/* Each partition has exactly one owner, who reads its topic, if anybody does. */
static void check_complete(void)
{
    for (int32_t t = 0; t < w.topic_count; t++)
        for (int32_t p = 0; p < w.topics[t].partitions; p++) {
            int owners = 0;
            bool readers = false;
            for (int32_t i = 0; i < w.member_count; i++) {
                bool has = partition_set_has(&w.members[i].after, &w.topics[t].id, p);
                CHECK(!has || reads(i, t));
                owners += has;
                readers |= reads(i, t);
            }
            CHECK_INT(owners, readers);
        }
}

static size_t moved(void)
{
    size_t count = 0;
    for (int32_t i = 0; i < w.member_count; i++) {
        struct partition_set gone = {0};
        partition_set_copy(&gone, &w.before[i]);
        partition_set_subtract(&gone, &w.members[i].after);
        count += gone.count;
        partition_set_close(&gone);
    }
    return count;
}

static void uniform_is_even(void)
{
    for (seed = 1; seed < 200; seed++) {
        init((int32_t)(1 + chance(MEMBERS)), (int32_t)(1 + chance(TOPICS)));
        run("uniform");
        check_complete();
        size_t least = SIZE_MAX, most = 0;
        for (int32_t i = 0; i < w.member_count; i++) {
            size_t has = w.members[i].after.count;
            least = has < least ? has : least;
            most = has > most ? has : most;
        }
        CHECK(most - least <= 1);
        /* The same again moves nothing. */
        next();
        run("uniform");
        CHECK_INT(moved(), 0);
        finish();
    }
}

static void uniform_moves_little(void)
{
    init(4, 1);
    w.topics[0].partitions = 12;
    w.member_count = 3;
    run("uniform");
    next();
    w.member_count = 4;
    run("uniform");
    check_complete();
    CHECK_INT(w.members[3].after.count, 3);
    CHECK_INT(moved(), 3);
    finish();
}

static void uniform_with_different_subscriptions(void)
{
    for (seed = 1; seed < 200; seed++) {
        init((int32_t)(1 + chance(MEMBERS)), (int32_t)(1 + chance(TOPICS)));
        for (int32_t i = 0; i < w.member_count; i++) {
            w.members[i].topic_count = 0;
            for (int32_t t = 0; t < w.topic_count; t++)
                if (chance(2))
                    w.reads[i][w.members[i].topic_count++] = t;
        }
        run("uniform");
        check_complete();
        /* No single move would even it out further. */
        for (int32_t i = 0; i < w.member_count; i++)
            for (size_t n = 0; n < w.members[i].after.count; n++) {
                int32_t topic = w.members[i].after.items[n].topic_id.bytes[0] - 1;
                for (int32_t j = 0; j < w.member_count; j++)
                    CHECK(!reads(j, topic) ||
                          w.members[i].after.count <= w.members[j].after.count + 1);
            }
        finish();
    }
}

static void range_is_by_topic(void)
{
    init(3, 2);
    w.topics[0].partitions = 7;
    w.topics[1].partitions = 2;
    run("range");
    check_complete();
    CHECK_INT(w.members[0].after.count, 4);
    CHECK(partition_set_has(&w.members[0].after, &w.topics[0].id, 2));
    CHECK(partition_set_has(&w.members[1].after, &w.topics[0].id, 3));
    CHECK(partition_set_has(&w.members[0].after, &w.topics[1].id, 0));
    CHECK(partition_set_has(&w.members[1].after, &w.topics[1].id, 1));
    CHECK_INT(w.members[2].after.count, 2);
    finish();
}

static void names(void)
{
    CHECK(assignor_find(wire_str_from("range"), "uniform,range"));
    CHECK(!assignor_find(wire_str_from("range"), "uniform"));
    CHECK(!assignor_find(wire_str_from("sticky"), "uniform,range"));
    CHECK_STR(assignor_default("range,uniform"), "range");
    CHECK_STR(assignor_default("uniform, range"), "uniform");
}

static void sets(void)
{
    struct uuid one = {{1}}, two = {{2}};
    struct partition_set a = {0}, b = {0};
    for (int32_t i = 9; i >= 0; i--) {
        partition_set_add(&a, &one, i);
        partition_set_add(&a, &two, i);
        partition_set_add(&a, &two, i);
    }
    CHECK_INT(a.count, 20);
    CHECK_INT(partition_set_topics(&a), 2);
    partition_set_add(&b, &two, 3);
    CHECK(partition_set_within(&b, &a));
    CHECK(!partition_set_within(&a, &b));
    CHECK(partition_set_meets(&a, &b));
    partition_set_subtract(&a, &b);
    CHECK_INT(a.count, 19);
    CHECK(!partition_set_meets(&a, &b));
    CHECK(!partition_set_has(&a, &two, 3));
    partition_set_unite(&a, &b);
    CHECK_INT(a.count, 20);
    partition_set_intersect(&a, &b);
    CHECK(partition_set_equal(&a, &b));
    partition_set_close(&a);
    partition_set_close(&b);
}

/* Many members of many topics: even, and in steps that grow with their number, not its square. */
static void many(void)
{
    enum { MANY_MEMBERS = 3000, MANY_TOPICS = 50000 };
    static struct assignor_topic topics[MANY_TOPICS];
    static struct assignor_member members[MANY_MEMBERS];
    static struct partition_set before[MANY_MEMBERS];
    static int32_t reads[MANY_TOPICS];
    static char names[MANY_MEMBERS][16];
    assignor *assign = assignor_find(wire_str_from("uniform"), "uniform,range");
    for (int32_t i = 0; i < MANY_TOPICS; i++) {
        uint32_t id = (uint32_t)i * 2654435761u; /* in no order */
        memcpy(topics[i].id.bytes, &id, sizeof(id));
        topics[i].partitions = 1;
        reads[i] = i;
    }
    for (int round = 0; round < 2; round++) { /* the second time everybody has something */
        int32_t count = round == 0 ? MANY_MEMBERS / 2 : MANY_MEMBERS;
        for (int32_t i = 0; i < count; i++) {
            snprintf(names[i], sizeof(names[i]), "m%d", i);
            members[i] = (struct assignor_member){names[i], reads, MANY_TOPICS, &before[i], {0}};
        }
        int64_t steps = assign(topics, MANY_TOPICS, members, count);
        printf("# %lld steps\n", (long long)steps);
        CHECK(steps < 20 * (MANY_TOPICS + MANY_MEMBERS));
        for (int32_t i = 0; i < count; i++) {
            CHECK((int32_t)members[i].after.count - MANY_TOPICS / count <= 1);
            CHECK((int32_t)members[i].after.count - MANY_TOPICS / count >= 0);
            partition_set_move(&before[i], &members[i].after);
        }
    }
    for (int32_t i = 0; i < MANY_MEMBERS; i++)
        partition_set_close(&before[i]);
}

/* One topic of many partitions, and one member of many that reads another one too. */
static void many_but_one(void)
{
    enum { COUNT = 3000, PARTITIONS = 20000 };
    static struct assignor_member members[COUNT];
    static char names[COUNT][16];
    static const int32_t reads[] = {0, 1};
    struct assignor_topic topics[] = {{{{1}}, PARTITIONS}, {{{2}}, 10}};
    struct partition_set none = {0};
    static const char *const assignors[] = {"uniform", "range"};
    for (size_t n = 0; n < ARRAY_LEN(assignors); n++) {
        assignor *assign = assignor_find(wire_str_from(assignors[n]), "uniform,range");
        for (int32_t i = 0; i < COUNT; i++) {
            snprintf(names[i], sizeof(names[i]), "m%d", i);
            members[i] = (struct assignor_member){names[i], reads, i == 7 ? 2 : 1, &none, {0}};
        }
        int64_t steps = assign(topics, 2, members, COUNT);
        printf("# %lld steps\n", (long long)steps);
        CHECK(steps < 50 * (PARTITIONS + COUNT));
        size_t given = 0;
        for (int32_t i = 0; i < COUNT; i++) {
            given += members[i].after.count;
            CHECK(members[i].after.count >= 6 && members[i].after.count <= 17);
            partition_set_close(&members[i].after);
        }
        CHECK_INT((int)given, PARTITIONS + 10);
    }
}

/* The union of random sets has each of both once, in order. */
static void unions(void)
{
    seed = 5;
    for (int n = 0; n < 200; n++) {
        struct partition_set a = {0};
        struct partition_set b = {0};
        struct partition_set both = {0};
        struct uuid id = {{0}};
        for (uint32_t i = chance(30); i > 0; i--) {
            id.bytes[0] = (uint8_t)chance(3);
            int32_t p = (int32_t)chance(10);
            partition_set_add(chance(2) ? &a : &b, &id, p);
        }
        partition_set_copy(&both, &a);
        partition_set_unite(&both, &b);
        CHECK(partition_set_within(&a, &both) && partition_set_within(&b, &both));
        size_t count = a.count + b.count;
        partition_set_intersect(&a, &b);
        CHECK_INT((int)both.count, (int)(count - a.count));
        partition_set_close(&a);
        partition_set_close(&b);
        partition_set_close(&both);
    }
}

TAP_MAIN(TAP_TEST(many), TAP_TEST(many_but_one), TAP_TEST(unions), TAP_TEST(uniform_is_even),
         TAP_TEST(uniform_moves_little), TAP_TEST(uniform_with_different_subscriptions),
         TAP_TEST(range_is_by_topic), TAP_TEST(names), TAP_TEST(sets))

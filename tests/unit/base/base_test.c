/* Containers, buffers, ids and properties of common/base. */
#include "../tap.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/props.h"
#include "base/uuid.h"

static void map_keeps_what_was_put(void)
{
    struct map map;
    static int values[5000];
    char key[64];
    map_init(&map);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5000; i++) {
            int len =
                snprintf(key, sizeof(key), i % 2 ? "%d" : "a-long-key-that-is-not-inline-%d", i);
            map_put(&map, key, (size_t)len, &values[i]);
        }
        CHECK_INT(map.count, 5000);
        for (int i = 0; i < 5000; i++) {
            int len =
                snprintf(key, sizeof(key), i % 2 ? "%d" : "a-long-key-that-is-not-inline-%d", i);
            CHECK(map_get(&map, key, (size_t)len) == &values[i]);
            if (i % 3)
                CHECK(map_del(&map, key, (size_t)len) == &values[i]);
        }
        size_t cursor = 0, seen = 0;
        map_check(&map);
        while (map_next(&map, &cursor, NULL, NULL))
            seen++;
        CHECK_INT(seen, map.count);
    }
    map_close(&map);
}

static void uuid_text_round_trips(void)
{
    struct uuid a, b;
    for (int i = 0; i < 16; i++)
        a.bytes[i] = (uint8_t)(i * 37 + 11);
    char text[UUID_TEXT_LEN + 1];
    uuid_format(&a, text);
    CHECK_INT(uuid_parse(text, &b), 0);
    CHECK(uuid_equal(&a, &b));
    CHECK_INT(uuid_parse("short", &b), ERR_INVALID);
}

static void props_follow_java(void)
{
    static const char text[] = "# comment\n! too\nbroker.id=1\n  log.dirs = /a,\\\n   /b \n"
                               "colon: x\nspace y z\nesc=a\\tb\\u00e9\nempty=\nbroker.id=2\r\n";
    struct props props;
    int line = 0;
    props_init(&props);
    CHECK_INT(props_parse(&props, text, sizeof(text) - 1, &line), 0);
    CHECK_STR(props_get(&props, "broker.id"), "2");
    CHECK_STR(props_get(&props, "log.dirs"), "/a,/b");
    CHECK_STR(props_get(&props, "colon"), "x");
    CHECK_STR(props_get(&props, "space"), "y z");
    CHECK_STR(props_get(&props, "esc"), "a\tb\xc3\xa9");
    CHECK_STR(props_get(&props, "empty"), "");
    CHECK(props_get(&props, "absent") == NULL);
    props_close(&props);
    props_init(&props);
    CHECK_INT(props_parse(&props, "a=1\n=b\n", 7, &line), ERR_MALFORMED);
    CHECK_INT(line, 2);
    props_close(&props);
}

static void crc32c_matches_the_standard_vector(void)
{
    CHECK_INT(crc32c(0, "123456789", 9), 0xe3069283u);
    CHECK_INT(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
}

static void crc32c_follows_a_change(void)
{
    static uint8_t bytes[200 * 1000];
    uint32_t chance = 1;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)((chance = chance * 1664525 + 1013904223) >> 24);
    for (size_t behind = 0; behind < sizeof(bytes) - 20; behind = behind * 3 + behind % 2 + 1)
        for (int set = 0; set < 3; set++) {
            uint64_t before = bytes_get_u64(bytes + 12);
            uint64_t after = set == 0 ? before : (uint64_t)set * 0x123456789abcdef0u + behind;
            uint32_t crc = crc32c(0, bytes, 20 + behind);
            bytes_put_u64(bytes + 12, after);
            CHECK_INT(crc32c_change(crc, before, after, behind), crc32c(0, bytes, 20 + behind));
        }
    /* As far as a batch can reach: through n bytes and through n more is through 2 n. */
    for (size_t n = 8; n <= (size_t)1 << 29; n *= 2) {
        uint32_t half = crc32c_change(0, 0, 5, n);
        CHECK_INT(crc32c_change(0, 0, __builtin_bswap32(half), n - 4),
                  crc32c_change(0, 0, 5, 2 * n));
    }
}

static void errors_map_both_ways(void)
{
    CHECK_INT(err_to_wire(ERR_NOT_LEADER_OR_FOLLOWER), 6);
    CHECK_INT(err_from_wire(6), ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(err_from_wire(9999), ERR_UNKNOWN_SERVER_ERROR);
    CHECK_STR(err_name(0), "NONE");
}

static void arena_respects_its_limit(void)
{
    struct arena arena;
    arena_init(&arena, 10000);
    CHECK(arena_alloc(&arena, 6000) != NULL);
    CHECK(arena_alloc(&arena, 6000) == NULL);
    CHECK(arena_alloc_array(&arena, SIZE_MAX / 2, 16) == NULL);
    CHECK(arena_alloc(&arena, 16) != NULL);
    arena_close(&arena);
}

/* A sentence is a small object: it is made also when what a peer asked for found no memory. */
static void text_does_not_fail_with_the_memory_of_peers(void)
{
    struct buf text;
    uint8_t more[200] = {0};
    buf_init(&text);
    (void)mem_fail_at(1);
    buf_printf(&text, "%d batches", 7);
    CHECK(!mem_fail_at(1));
    CHECK_INT(buf_append(&text, more, sizeof(more)), ERR_NO_MEMORY);
    CHECK_STR(buf_text(&text), "7 batches");
    buf_put(&text, more, sizeof(more));
    CHECK_INT(text.len, 9 + sizeof(more));
    CHECK(mem_fail_at(0));
    buf_close(&text);
}

TAP_MAIN(TAP_TEST(map_keeps_what_was_put), TAP_TEST(uuid_text_round_trips),
         TAP_TEST(props_follow_java), TAP_TEST(crc32c_matches_the_standard_vector),
         TAP_TEST(crc32c_follows_a_change), TAP_TEST(errors_map_both_ways),
         TAP_TEST(arena_respects_its_limit), TAP_TEST(text_does_not_fail_with_the_memory_of_peers))

/* Headers, lines, and events as bytes of Avro. */
#include "../tap.h"

#include "base/err.h"
#include "base/mem.h"
#include "tools/agent/event.h"
#include "tools/agent/flume_event.h"
#include "tools/agent/interceptor.h"
#include "tools/agent/lines.h"

static struct headers *set(struct headers *headers, const char *name, const char *value)
{
    struct headers *more = headers_set(headers, name, value, strlen(value));
    headers_unref(headers);
    return more;
}

static bool is_b(const void *data, const struct header *header)
{
    (void)data;
    return strcmp(header->name, "b") == 0;
}

static void headers_are_sorted_and_shared(void)
{
    struct headers *headers = set(set(set(NULL, "b", "2"), "a", "1"), "b", "3");
    CHECK_INT(headers->count, 2);
    CHECK_STR(headers->rows[0].name, "a");
    CHECK_STR(headers_find(headers, "b")->value, "3");
    CHECK(!headers_find(headers, "c"));
    CHECK(!headers_find(NULL, "c"));
    struct headers *less = headers_filter(headers, is_b, NULL);
    CHECK_INT(less->count, 1);
    struct headers *same = headers_filter(less, is_b, NULL);
    CHECK(same == less);
    CHECK_INT(less->refs, 2);
    headers_unref(same);
    headers_unref(less);
    headers_unref(headers);
}

static void a_setter_makes_one_set_for_a_run(void)
{
    struct header_setter setter = {0};
    struct block *block = block_new(1);
    struct event events[3];
    for (int i = 0; i < 3; i++)
        events[i] = (struct event){.block = block_ref(block)};
    for (int i = 0; i < 3; i++)
        header_setter_set(&setter, &events[i], "k", "v", false);
    CHECK(events[0].headers == events[2].headers);
    header_setter_set(&setter, &events[1], "k", "other", true);
    CHECK_STR(headers_find(events[1].headers, "k")->value, "v");
    header_setter_set(&setter, &events[1], "k", "other", false);
    CHECK_STR(headers_find(events[1].headers, "k")->value, "other");
    header_setter_close(&setter);
    event_unref_all(events, 3);
    CHECK_INT(block->refs, 1);
    block_unref(block);
}

/* The text in pieces of `piece` bytes; the lines, each with a bar behind it. */
static void split(const char *text, size_t piece, size_t block_size, size_t line_max, char *out)
{
    struct lines lines;
    size_t at = 0, len = strlen(text);
    struct event event;
    int found;
    lines_init(&lines, block_size, line_max, true);
    out[0] = '\0';
    while (at < len) {
        uint8_t *to;
        size_t room;
        CHECK_INT(lines_room(&lines, &to, &room), 0);
        size_t n = piece < room ? piece : room;
        n = n < len - at ? n : len - at;
        memcpy(to, text + at, n);
        lines_added(&lines, n);
        at += n;
        while ((found = lines_next(&lines, &event)) != 0) {
            if (found == ERR_TOO_LARGE)
                CHECK(lines_rest(&lines, &event));
            snprintf(out + strlen(out), 100, "%.*s%s", (int)event.len, event.body,
                     found == 1 ? "|" : "!");
            event_unref(&event);
        }
    }
    if (lines_rest(&lines, &event)) {
        snprintf(out + strlen(out), 100, "%.*s.", (int)event.len, event.body);
        event_unref(&event);
    }
    lines_close(&lines);
}

static void lines_at_every_cut(void)
{
    char out[1000];
    for (size_t piece = 1; piece < 20; piece++)
        for (size_t size = 1; size < 20; size++) {
            split("one\r\n\ntwo\rx\nthree", piece, size, 100, out);
            CHECK_STR(out, "one||two\rx|three.");
            split("12345678\n1234\n", piece, size, 5, out);
            CHECK_STR(out, "12345!678|1234|");
        }
}

static void avro_there_and_back(void)
{
    struct block *block = block_new(4);
    memcpy(block->data, "body", 4);
    struct event event = {.block = block, .body = block->data, .len = 4};
    event.headers = set(set(NULL, "host", "h"), "empty", "");
    struct buf out;
    buf_init(&out);
    flume_event_encode(&event, &out);
    /* Two pairs, a length of 5, the name... as Avro's specification says. */
    CHECK_INT(out.len, 1 + 6 + 1 + 5 + 2 + 1 + 5);
    CHECK(memcmp(out.data,
                 "\x04\x0a"
                 "empty\x00\x08"
                 "host\x02"
                 "h\x00\x08"
                 "body",
                 out.len) == 0);
    for (size_t len = 0; len <= out.len; len++) {
        struct block *copy = block_new(len + 1);
        struct event back;
        memcpy(copy->data, out.data, len);
        int err = flume_event_decode(copy, copy->data, len, &back);
        CHECK_INT(err, len == out.len ? 0 : ERR_MALFORMED);
        if (!err) {
            CHECK_INT(back.len, 4);
            CHECK(memcmp(back.body, "body", 4) == 0);
            CHECK_STR(headers_find(back.headers, "host")->value, "h");
            event_unref(&back);
        }
        block_unref(copy);
    }
    buf_close(&out);
    event_unref(&event);
}

static void avro_of_no_headers_and_of_blocks(void)
{
    struct block *block = block_new(64);
    struct event event;
    memcpy(block->data, "\x00\x02x", 3);
    CHECK_INT(flume_event_decode(block, block->data, 3, &event), 0);
    CHECK(!event.headers);
    event_unref(&event);
    /* A block of one pair with its size in front. */
    memcpy(block->data,
           "\x01\x08\x02"
           "a\x02"
           "b\x00\x00",
           8);
    CHECK_INT(flume_event_decode(block, block->data, 8, &event), 0);
    CHECK_STR(headers_find(event.headers, "a")->value, "b");
    CHECK_INT(event.len, 0);
    event_unref(&event);
    memcpy(block->data, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    CHECK_INT(flume_event_decode(block, block->data, 10, &event), ERR_MALFORMED);
    block_unref(block);
}

TAP_MAIN(TAP_TEST(headers_are_sorted_and_shared), TAP_TEST(a_setter_makes_one_set_for_a_run),
         TAP_TEST(lines_at_every_cut), TAP_TEST(avro_there_and_back),
         TAP_TEST(avro_of_no_headers_and_of_blocks))

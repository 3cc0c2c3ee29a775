/* Frames, compression, and Avro's calls: at every cut, and from peers that lie. */
#include "../tap.h"

#include "peer.h"

#include "base/bytes.h"
#include "base/err.h"
#include "tools/agent/avro.h"
#include "tools/agent/flume_event.h"
#include "tools/agent/rpc.h"
#include "tools/agent/rpc_zip.h"

/* ---- frames ---- */

static struct mem_budget budget;

static void frames_at_every_cut(void)
{
    static const uint8_t avro[] = {0, 0, 0, 7, 0, 0,   0,   3,   0, 0, 0, 2, 'a', 'b', 0, 0, 0,
                                   0, 0, 0, 0, 3, 'c', 'd', 'e', 0, 0, 0, 8, 0,   0,   0, 0};
    static const uint8_t thrift[] = {0, 0, 0, 5, 'a', 'b', 'c', 'd', 'e', 0, 0, 0, 0};
    for (int kind = RPC_FRAMING_AVRO; kind <= RPC_FRAMING_THRIFT; kind++) {
        const uint8_t *data = kind == RPC_FRAMING_AVRO ? avro : thrift;
        size_t len = kind == RPC_FRAMING_AVRO ? sizeof(avro) : sizeof(thrift), got;
        for (size_t piece = 1; piece <= len; piece++) {
            struct rpc_frame frame;
            int frames = 0;
            mem_budget_init(&budget, 1 << 20);
            rpc_frame_init(&frame, (enum rpc_framing)kind, &budget);
            for (size_t at = 0; at < len;) {
                size_t used, n = piece < len - at ? piece : len - at;
                int status = rpc_frame_feed(&frame, data + at, n, &used);
                at += used;
                if (status == 0)
                    continue;
                CHECK_INT(status, 1);
                if (kind == RPC_FRAMING_AVRO)
                    CHECK_INT(frame.serial, frames ? 8 : 7);
                struct block *block = rpc_frame_take(&frame, &got);
                CHECK_INT(got, frames ? 0 : 5);
                CHECK(memcmp(block->data, "abcde", got) == 0);
                block_unref(block);
                CHECK(budget.used >= got); /* who has the payload says when it ends */
                rpc_frame_settle(&frame);
                CHECK_INT(budget.used, 0);
                frames++;
            }
            CHECK_INT(frames, 2);
            CHECK_INT(budget.used, 0);
            rpc_frame_close(&frame);
        }
    }
}

static int feed(enum rpc_framing framing, size_t limit, const uint8_t *data, size_t len)
{
    struct rpc_frame frame;
    size_t used;
    mem_budget_init(&budget, limit);
    rpc_frame_init(&frame, framing, &budget);
    int status = rpc_frame_feed(&frame, data, len, &used);
    CHECK(budget.used <= 8192); /* no memory for what was only announced */
    rpc_frame_close(&frame);
    CHECK_INT(budget.used, 0);
    return status;
}

static void frames_over_the_limit(void)
{
    uint8_t data[17] = {0};
    bytes_put_u32(data + 4, RPC_PARTS_MAX + 1);
    CHECK_INT(feed(RPC_FRAMING_AVRO, 1 << 20, data, 12), ERR_TOO_LARGE);
    bytes_put_u32(data + 4, 1);
    bytes_put_u32(data + 8, RPC_FRAME_MAX + 1);
    CHECK_INT(feed(RPC_FRAMING_AVRO, 1 << 20, data, 12), ERR_TOO_LARGE);
    bytes_put_u32(data + 8, RPC_FRAME_MAX);
    CHECK_INT(feed(RPC_FRAMING_AVRO, 1 << 20, data, 13), 0);
    bytes_put_u32(data, 0x80000000u);
    CHECK_INT(feed(RPC_FRAMING_THRIFT, 1 << 20, data, 8), ERR_TOO_LARGE);
    bytes_put_u32(data, 5000);
    CHECK_INT(feed(RPC_FRAMING_THRIFT, 1000, data, 8), ERR_NO_MEMORY);
    CHECK_INT(feed(RPC_FRAMING_THRIFT, 8000, data, 8), ERR_NO_MEMORY); /* over its share */
    CHECK_INT(feed(RPC_FRAMING_THRIFT, 8192, data, 8), 0);
    /* Two parts that are too much together. */
    bytes_put_u32(data + 4, 2);
    bytes_put_u32(data + 8, 1);
    bytes_put_u32(data + 13, RPC_FRAME_MAX);
    CHECK_INT(feed(RPC_FRAMING_AVRO, 1 << 20, data, 17), ERR_TOO_LARGE);
}

static void deflate_there_and_back(void)
{
    struct rpc_zip *one = rpc_zip_new(6), *other = rpc_zip_new(0);
    struct buf packed;
    uint8_t back[100];
    buf_init(&packed);
    for (int i = 0; i < 3; i++) {
        size_t used, made, all = 0;
        packed.len = 0;
        CHECK_INT(rpc_zip_pack(one, "hello, hello, hello", 19, &packed), 0);
        for (size_t at = 0; at < packed.len; at += used) {
            CHECK_INT(rpc_zip_unpack(other, packed.data + at, 1, &used, back + all, 5, &made), 0);
            all += made;
        }
        do { /* what did not fit */
            CHECK_INT(rpc_zip_unpack(other, packed.data, 0, &used, back + all, 5, &made), 0);
            all += made;
        } while (made > 0);
        CHECK_INT(all, 19);
        CHECK(memcmp(back, "hello, hello, hello", all) == 0);
    }
    size_t used, made;
    CHECK_INT(rpc_zip_unpack(one, (const uint8_t *)"plain", 5, &used, back, 5, &made),
              ERR_MALFORMED);
    buf_close(&packed);
    rpc_zip_free(one);
    rpc_zip_free(other);
}

/* ---- calls ---- */

static void calls_go_over_and_back(void)
{
    struct peer source, sink;
    struct event events[] = {peer_event("h", "one", "first"), peer_event("h", "one", ""),
                             peer_event(NULL, NULL, "third")};
    peer_open(&source);
    peer_open(&sink);
    for (int round = 0; round < 3; round++) {
        sink.out.len = 0;
        source.out.len = 0;
        CHECK_INT(avro_rpc.request(&sink.session, events, 3, &sink.out), 3);
        CHECK_INT(peer_read(&source, &avro_rpc, sink.out.data, sink.out.len), 0);
        CHECK_INT(source.events.count, 3);
        CHECK(memcmp(source.events.rows[0].body, "first", 5) == 0);
        CHECK_STR(headers_find(source.events.rows[0].headers, "h")->value, "one");
        CHECK(source.events.rows[0].headers == source.events.rows[1].headers);
        CHECK(!source.events.rows[2].headers);
        avro_rpc.answer(&source.session, round == 1 ? ERR_AGAIN : 0, &source.out);
        /* The first answer has the handshake in front of it. */
        CHECK_INT(source.out.len, round == 0 ? 4 + 3 : 3);
        CHECK_INT(avro_rpc.reply(&sink.session, source.out.data, source.out.len, &sink.why),
                  round == 1 ? ERR_AGAIN : 0);
    }
    event_unref_all(events, 3);
    peer_close(&source);
    peer_close(&sink);
}

/* A peer whose protocol is not known is asked for it. */
static void strangers_show_their_protocol(void)
{
    struct peer source, sink;
    struct event event = peer_event("h", "one", "first");
    peer_open(&source);
    peer_open(&sink);
    CHECK_INT(avro_rpc.request(&sink.session, &event, 1, &sink.out), 1);
    memset(sink.out.data, 'x', 16);
    CHECK_INT(peer_read(&source, &avro_rpc, sink.out.data, sink.out.len), RPC_SAID);
    CHECK_INT(avro_rpc.reply(&sink.session, source.out.data, source.out.len, &sink.why),
              RPC_REPEAT);
    sink.out.len = 0;
    source.out.len = 0;
    CHECK_INT(avro_rpc.request(&sink.session, &event, 1, &sink.out), 1);
    memset(sink.out.data, 'x', 16); /* its text is there now */
    CHECK_INT(peer_read(&source, &avro_rpc, sink.out.data, sink.out.len), 0);
    CHECK_INT(source.events.count, 1);
    avro_rpc.answer(&source.session, 0, &source.out);
    CHECK_INT(avro_rpc.reply(&sink.session, source.out.data, source.out.len, &sink.why), 0);
    event_unref(&event);
    peer_close(&source);
    peer_close(&sink);
}

static void other_protocols_are_refused(void)
{
    static const char *const texts[] = {
        "",
        "[",
        "{}",
        "{\"types\":[{\"name\":\"AvroFlumeEvent\",\"type\":\"record\"}]}",
        "{\"types\":[{\"name\":\"AvroFlumeEvent\",\"type\":\"record\",\"fields\":["
        "{\"name\":\"body\",\"type\":\"bytes\"},"
        "{\"name\":\"headers\",\"type\":{\"type\":\"map\",\"values\":\"string\"}}]}]}",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct peer source;
        struct buf request;
        peer_open(&source);
        buf_init(&request);
        buf_put(&request, "0123456789abcdef", 16);
        avro_put_long(1, &request);
        avro_put_bytes(texts[i], strlen(texts[i]), &request);
        buf_put(&request, "0123456789abcdef\0\0", 18);
        CHECK_INT(peer_read(&source, &avro_rpc, request.data, request.len), ERR_UNSUPPORTED);
        buf_close(&request);
        peer_close(&source);
    }
}

static void calls_at_every_cut(void)
{
    struct peer sink;
    struct event events[] = {peer_event("h", "one", "first"), peer_event("h", "two", "second")};
    peer_open(&sink);
    (void)avro_rpc.request(&sink.session, events, 2, &sink.out);
    for (size_t len = 0; len < sink.out.len; len++) {
        struct peer source;
        peer_open(&source);
        CHECK_INT(peer_read(&source, &avro_rpc, sink.out.data, len), ERR_MALFORMED);
        peer_close(&source);
    }
    /* The same for an answer. */
    struct peer source;
    peer_open(&source);
    CHECK_INT(peer_read(&source, &avro_rpc, sink.out.data, sink.out.len), 0);
    avro_rpc.answer(&source.session, 0, &source.out);
    for (size_t len = 0; len < source.out.len; len++) {
        struct rpc_session session = {0};
        CHECK_INT(avro_rpc.reply(&session, source.out.data, len, &sink.why), ERR_MALFORMED);
    }
    event_unref_all(events, 2);
    peer_close(&source);
    peer_close(&sink);
}

/* A call of a peer that is known already. */
static int call(struct peer *source, const char *name, const void *rest, size_t len)
{
    struct buf request;
    buf_init(&request);
    avro_put_long(0, &request);
    avro_put_bytes(name, strlen(name), &request);
    buf_put(&request, rest, len);
    source->session.greeted = true;
    int status = peer_read(source, &avro_rpc, request.data, request.len);
    buf_close(&request);
    return status;
}

static void calls_that_lie(void)
{
    struct peer source;
    struct buf many;
    peer_open(&source);
    buf_init(&many);
    CHECK_INT(call(&source, "append", "\0\0", 2), 0);
    CHECK(source.session.single);
    CHECK_INT(source.events.count, 1);
    CHECK_INT(call(&source, "appendBatch", "\0", 1), 0);
    CHECK_INT(source.events.count, 0);
    CHECK_INT(call(&source, "appendBatch", "\0\0", 2), ERR_MALFORMED);
    /* Counts of an array: the most negative, more than bytes, more than a channel takes. */
    CHECK_INT(call(&source, "appendBatch", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10),
              ERR_MALFORMED);
    CHECK_INT(call(&source, "appendBatch", "\xfe\xff\xff\xff\x0f\0\0", 7), ERR_MALFORMED);
    avro_put_long(101, &many);
    for (int i = 0; i < 101; i++)
        buf_put(&many, "\0\0", 2);
    buf_put(&many, "\0", 1);
    CHECK_INT(call(&source, "appendBatch", many.data, many.len), ERR_TOO_LARGE);
    source.events.max = 101;
    CHECK_INT(call(&source, "appendBatch", many.data, many.len), 0);
    CHECK_INT(source.events.count, 101);
    /* A header's name with a NUL in it, and more headers than anybody needs. */
    CHECK_INT(call(&source, "append", "\x02\x02\0\0\0\0", 6), ERR_MALFORMED);
    many.len = 0;
    avro_put_long(10001, &many);
    for (int i = 0; i < 20002; i++)
        buf_put(&many, "\0", 1);
    buf_put(&many, "\0\0", 2);
    CHECK_INT(call(&source, "append", many.data, many.len), ERR_MALFORMED);
    source.out.len = 0;
    CHECK_INT(call(&source, "drop", "", 0), RPC_SAID);
    CHECK_INT(source.out.data[1], 1); /* an error */
    CHECK_INT(call(&source, "", "", 0), RPC_SAID);
    buf_close(&many);
    peer_close(&source);
}

/* The last of a name counts, and the rows are in order. */
static void headers_from_rows(void)
{
    const struct header rows[] = {{"bb", "1", 2, 1}, {"a", "2", 1, 1}, {"b", "3", 1, 1},
                                  {"a", "4", 1, 1},  {"", "5", 0, 1},  {"ab", "6", 2, 1}};
    struct headers *headers = headers_from(rows, 6);
    CHECK_INT(headers->count, 5);
    CHECK_STR(headers->rows[0].value, "5");
    CHECK_STR(headers_find(headers, "a")->value, "4");
    CHECK_STR(headers->rows[2].name, "ab");
    CHECK_STR(headers->rows[4].name, "bb");
    headers_unref(headers);
    CHECK(!headers_from(rows, 0));
}

TAP_MAIN(TAP_TEST(frames_at_every_cut), TAP_TEST(frames_over_the_limit),
         TAP_TEST(deflate_there_and_back), TAP_TEST(calls_go_over_and_back),
         TAP_TEST(strangers_show_their_protocol), TAP_TEST(other_protocols_are_refused),
         TAP_TEST(calls_at_every_cut), TAP_TEST(calls_that_lie), TAP_TEST(headers_from_rows))

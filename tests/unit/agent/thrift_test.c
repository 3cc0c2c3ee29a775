/* Thrift's calls in both protocols: there and back, at every cut, and from peers that lie. */
#include "../tap.h"

#include "peer.h"

#include "base/err.h"
#include "base/mem.h"
#include "tools/agent/rpc.h"
#include "tools/agent/thrift.h"

static void peer_open_thrift(struct peer *peer, bool compact)
{
    peer_open(peer);
    peer->session.compact = compact;
    peer->session.serial = 300;
}

static void calls_go_over_and_back(void)
{
    for (int compact = 0; compact < 2; compact++) {
        struct peer source, sink;
        struct event events[20];
        peer_open_thrift(&source, compact);
        peer_open_thrift(&sink, compact);
        for (int i = 0; i < 20; i++)
            events[i] = peer_event(i ? "name" : NULL, "value", i == 1 ? "" : "body");
        CHECK_INT(thrift_rpc.request(&sink.session, events, 20, &sink.out), 20);
        CHECK_INT(peer_read(&source, &thrift_rpc, sink.out.data, sink.out.len), 0);
        CHECK_INT(source.events.count, 20);
        CHECK_INT(source.session.serial, 300);
        CHECK(!source.events.rows[0].headers);
        CHECK_STR(headers_find(source.events.rows[1].headers, "name")->value, "value");
        CHECK_INT(source.events.rows[1].len, 0);
        CHECK(memcmp(source.events.rows[19].body, "body", 4) == 0);
        thrift_rpc.answer(&source.session, 0, &source.out);
        CHECK_INT(thrift_rpc.reply(&sink.session, source.out.data, source.out.len, &sink.why), 0);
        for (size_t len = 0; len < source.out.len - 1; len++)
            CHECK_INT(thrift_rpc.reply(&sink.session, source.out.data, len, &sink.why),
                      ERR_MALFORMED);
        sink.session.serial = 301; /* the answer of another call */
        CHECK_INT(thrift_rpc.reply(&sink.session, source.out.data, source.out.len, &sink.why),
                  ERR_MALFORMED);
        sink.session.serial = 300;
        source.out.len = 0;
        thrift_rpc.answer(&source.session, ERR_AGAIN, &source.out);
        CHECK_INT(thrift_rpc.reply(&sink.session, source.out.data, source.out.len, &sink.why),
                  ERR_AGAIN);
        for (size_t len = 0; len < sink.out.len; len++)
            CHECK_INT(peer_read(&source, &thrift_rpc, sink.out.data, len), ERR_MALFORMED);
        source.session.compact = !compact;
        CHECK_INT(peer_read(&source, &thrift_rpc, sink.out.data, sink.out.len), ERR_MALFORMED);
        event_unref_all(events, 20);
        peer_close(&source);
        peer_close(&sink);
    }
}

/* An event with a header, byte by byte as the specification of the compact protocol has it. */
static void golden(void)
{
    static const char call[] = "\x82\x21\x05\x06"
                               "append"
                               "\x1c\x1b\x01\x88\x01k\x01v\x18\x02hi\x00\x00";
    static const char answer[] = "\x82\x41\x05\x06"
                                 "append\x05\x00\x00\x00";
    struct peer source;
    peer_open_thrift(&source, true);
    CHECK_INT(peer_read(&source, &thrift_rpc, call, sizeof(call) - 1), 0);
    CHECK(source.session.single);
    CHECK_INT(source.events.count, 1);
    CHECK_STR(headers_find(source.events.rows[0].headers, "k")->value, "v");
    thrift_rpc.answer(&source.session, 0, &source.out);
    CHECK_INT(source.out.len, sizeof(answer) - 1);
    CHECK(memcmp(source.out.data, answer, source.out.len) == 0);
    peer_close(&source);
}

/* The struct of arguments behind the head of an append. */
static int arguments(struct peer *source, const void *data, size_t len)
{
    struct buf call;
    buf_init(&call);
    thrift_put_message(source->session.compact, THRIFT_CALL,
                       source->session.single ? "append" : "appendBatch", 1, &call);
    buf_put(&call, data, len);
    int status = peer_read(source, &thrift_rpc, call.data, call.len);
    buf_close(&call);
    return status;
}

static void calls_that_lie(void)
{
    struct peer source;
    uint8_t deep[200];
    peer_open_thrift(&source, true);
    source.session.single = true;
    CHECK_INT(arguments(&source, "\0", 1), ERR_MALFORMED);             /* no event */
    CHECK_INT(arguments(&source, "\x1c\0\0", 3), ERR_MALFORMED);       /* without its fields */
    CHECK_INT(arguments(&source, "\x1c\x1b\0\0\0", 5), ERR_MALFORMED); /* without a body */
    CHECK_INT(arguments(&source, "\x1c\x1b\0\x18\0\0\0", 7), 0);
    CHECK_INT(arguments(&source, "\x1c\x1b\0\x18\0\0\0x", 8), ERR_MALFORMED);
    /* Fields that nobody knows: a bool, a list of bytes, a struct. */
    CHECK_INT(arguments(&source, "\x1c\x1b\0\x18\0\x11\x19\x23\x01\x02\x1c\x15\x02\0\0\0", 16), 0);
    /* A map of numbers, a NUL in a name, a map that is longer than all of it. */
    CHECK_INT(arguments(&source, "\x1c\x1b\x01\x55\x02\x02\x18\0\0\0", 10), ERR_MALFORMED);
    CHECK_INT(arguments(&source, "\x1c\x1b\x01\x88\x01\0\0\x18\0\0\0", 11), ERR_MALFORMED);
    CHECK_INT(arguments(&source, "\x1c\x1b\xff\xff\xff\xff\x07\x88\0\0", 10), ERR_MALFORMED);
    memset(deep, 0x1c, sizeof(deep)); /* structs in structs */
    deep[1] = 0x3c;
    CHECK_INT(arguments(&source, deep, sizeof(deep)), ERR_MALFORMED);
    memset(deep, 0x19, sizeof(deep)); /* lists in lists */
    deep[0] = 0x39;
    CHECK_INT(arguments(&source, deep, sizeof(deep)), ERR_MALFORMED);
    source.session.single = false;
    CHECK_INT(arguments(&source, "\x19\x0c\0", 3), 0);
    CHECK_INT(source.events.count, 0);
    memset(deep, 0, sizeof(deep));
    memcpy(deep, "\x19\xfc\x65", 3); /* 101 events */
    CHECK_INT(arguments(&source, deep, sizeof(deep)), ERR_TOO_LARGE);
    CHECK_INT(arguments(&source, "\x19\xfc\xff\xff\xff\xff\x0f\0", 8), ERR_MALFORMED);
    struct buf call;
    buf_init(&call);
    thrift_put_message(true, THRIFT_CALL, "drop", 9, &call);
    source.out.len = 0;
    CHECK_INT(peer_read(&source, &thrift_rpc, call.data, call.len), RPC_SAID);
    CHECK_INT(source.out.data[1] >> 5, THRIFT_EXCEPTION);
    source.session.serial = 9;
    CHECK_INT(thrift_rpc.reply(&source.session, source.out.data, source.out.len, &source.why),
              ERR_INVALID);
    buf_close(&call);
    peer_close(&source);
}

TAP_MAIN(TAP_TEST(calls_go_over_and_back), TAP_TEST(golden), TAP_TEST(calls_that_lie))

/* What peers of an agent send: Avro's and Thrift's calls and answers, frames cut anywhere, bodies
 * of HTTP requests, events of a topic. The first byte chooses. */
#include "fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tools/agent/flume_event.h"
#include "tools/agent/http_events.h"
#include "tools/agent/rpc.h"

enum { AGENT_EVENTS_MAX = 1000 };

enum agent_input {
    AGENT_AVRO_FIRST,
    AGENT_AVRO,
    AGENT_AVRO_REPLY_FIRST,
    AGENT_AVRO_REPLY,
    AGENT_THRIFT,
    AGENT_THRIFT_COMPACT,
    AGENT_THRIFT_REPLY,
    AGENT_THRIFT_COMPACT_REPLY,
    AGENT_JSON,
    AGENT_QUERY,
    AGENT_EVENT,
    AGENT_FRAMES,
    AGENT_INPUTS
};

static const struct rpc_protocol *protocol_of(enum agent_input input)
{
    return input <= AGENT_AVRO_REPLY ? &avro_rpc : &thrift_rpc;
}

static struct rpc_session session_of(enum agent_input input)
{
    return (struct rpc_session){
        .greeted = input == AGENT_AVRO || input == AGENT_AVRO_REPLY,
        .compact = input == AGENT_THRIFT_COMPACT || input == AGENT_THRIFT_COMPACT_REPLY,
        .serial = 1,
    };
}

/* Bodies are slices of their blocks; what was read is written and read again the same. */
static void check_events(const struct rpc_protocol *protocol, bool compact,
                         const struct rpc_events *events)
{
    struct rpc_session sink = {.greeted = true, .compact = compact, .serial = 2}, source = sink;
    struct rpc_events again = {.max = AGENT_EVENTS_MAX};
    struct buf out;
    const char *why;
    buf_init(&out);
    for (size_t i = 0; i < events->count; i++) {
        const struct event *event = &events->rows[i];
        FUZZ_REQUIRE(event->body >= event->block->data);
        FUZZ_REQUIRE(event->body + event->len <= event->block->data + event->block->cap);
    }
    if (events->count > 0) {
        FUZZ_REQUIRE(protocol->request(&sink, events->rows, events->count, &out) == events->count);
        struct block *block = block_new(out.len);
        memcpy(block->data, out.data, out.len);
        FUZZ_REQUIRE(protocol->read(&source, block, out.len, &again, &out, &why) == 0);
        FUZZ_REQUIRE(again.count == events->count);
        for (size_t i = 0; i < again.count; i++)
            FUZZ_REQUIRE(again.rows[i].len == events->rows[i].len &&
                         memcmp(again.rows[i].body, events->rows[i].body, again.rows[i].len) == 0);
        block_unref(block);
    }
    rpc_events_drop(&again);
    mem_free(again.rows);
    buf_close(&out);
}

static void read_frames(const uint8_t *data, size_t len)
{
    struct mem_budget budget;
    struct rpc_frame frame;
    size_t piece = len > 0 ? data[0] % 7u + 1 : 1, taken;
    int status = 0;
    mem_budget_init(&budget, 1 << 20);
    rpc_frame_init(&frame, len % 2 ? RPC_FRAMING_AVRO : RPC_FRAMING_THRIFT, &budget);
    for (size_t at = 0; at < len && status >= 0;) {
        size_t used = 0, n = piece < len - at ? piece : len - at;
        status = rpc_frame_feed(&frame, data + at, n, &used);
        FUZZ_REQUIRE(used <= n);
        FUZZ_REQUIRE(status != 0 || used == n);
        at += used;
        if (status == 1) {
            block_unref(rpc_frame_take(&frame, &taken));
            FUZZ_REQUIRE(taken <= len);
        }
    }
    rpc_frame_close(&frame);
    FUZZ_REQUIRE(budget.used == 0);
}

static void read_call(enum agent_input input, struct block *block, size_t len,
                      struct rpc_events *events, struct buf *out)
{
    struct rpc_session session = session_of(input);
    const struct rpc_protocol *protocol = protocol_of(input);
    const char *why = NULL;
    if (input == AGENT_AVRO_REPLY_FIRST || input == AGENT_AVRO_REPLY ||
        input == AGENT_THRIFT_REPLY || input == AGENT_THRIFT_COMPACT_REPLY) {
        int status = protocol->reply(&session, block->data, len, &why);
        FUZZ_REQUIRE(status <= RPC_REPEAT && (status >= 0 || why));
        return;
    }
    int status = protocol->read(&session, block, len, events, out, &why);
    FUZZ_REQUIRE(status != RPC_SAID || events->count == 0);
    if (status == 0)
        check_events(protocol, session.compact, events);
}

static void seed(struct fuzz_corpus *corpus)
{
    static const char json[] = "[{\"headers\":{\"a\":\"b\",\"c\":1},\"body\":\"text\"},{}]";
    struct block *block = block_new(4);
    memcpy(block->data, "body", 4);
    struct event events[2] = {{.block = block, .body = block->data, .len = 4},
                              {.block = block_ref(block), .body = block->data}};
    events[0].headers = headers_set(NULL, "name", "value", 5);
    struct buf out;
    buf_init(&out);
    for (uint8_t input = 0; input <= AGENT_THRIFT_COMPACT_REPLY; input++) {
        struct rpc_session session = session_of((enum agent_input)input);
        const struct rpc_protocol *protocol = protocol_of((enum agent_input)input);
        out.len = 0;
        (void)protocol->request(&session, events, 2, &out);
        fuzz_add_tagged(corpus, &input, 1, out.data, out.len);
        out.len = 0;
        protocol->answer(&session, 0, &out);
        fuzz_add_tagged(corpus, &input, 1, out.data, out.len);
    }
    uint8_t tag = AGENT_JSON;
    fuzz_add_tagged(corpus, &tag, 1, json, sizeof(json) - 1);
    tag = AGENT_QUERY;
    fuzz_add_tagged(corpus, &tag, 1, "a=b&c=%20d&e", 12);
    tag = AGENT_EVENT;
    out.len = 0;
    flume_event_encode(&events[0], &out);
    fuzz_add_tagged(corpus, &tag, 1, out.data, out.len);
    tag = AGENT_FRAMES;
    fuzz_add_tagged(corpus, &tag, 1, "\0\0\0\1\0\0\0\2\0\0\0\1a\0\0\0\2bc", 19);
    fuzz_add_tagged(corpus, &tag, 1, "\0\0\0\2ab\0\0\0\0", 10);
    fuzz_add_word(corpus, "appendBatch");
    fuzz_add_word(corpus, "append");
    fuzz_add_word(corpus, "{\"types\":[{\"name\":\"AvroFlumeEvent\",\"type\":\"record\"}]}");
    event_unref_all(events, 2);
    buf_close(&out);
}

/* A header of a few bytes is a row of 32, and a byte of JSON is a value of 32. */
const struct fuzz_target fuzz_target = {.what = "what peers of an agent send",
                                        .len_max = 4096,
                                        .memory_max = 2 << 20,
                                        .execs = 20000,
                                        .seed = seed};

int fuzz_one(const uint8_t *data, size_t len)
{
    struct rpc_events events = {.max = AGENT_EVENTS_MAX};
    struct buf out;
    if (len == 0)
        return 0;
    enum agent_input input = (enum agent_input)(data[0] % AGENT_INPUTS);
    struct block *block = block_new(len - 1);
    struct event event;
    memcpy(block->data, data + 1, len - 1);
    buf_init(&out);
    switch (input) {
    case AGENT_JSON:
        (void)!http_events_json((const char *)data + 1, len - 1, &events, &out);
        break;
    case AGENT_QUERY:
        (void)!http_events_blob(data + 1, len - 1, (const char *)data + 1, len - 1, "a", &events,
                                &out);
        break;
    case AGENT_EVENT:
        if (flume_event_decode(block, block->data, len - 1, &event) == 0)
            event_unref(&event);
        break;
    case AGENT_FRAMES:
        read_frames(data + 1, len - 1);
        break;
    default:
        read_call(input, block, len - 1, &events, &out);
    }
    rpc_events_drop(&events);
    mem_free(events.rows);
    block_unref(block);
    buf_close(&out);
    return 0;
}

/* Calls in Avro: https://avro.apache.org/docs/1.11.1/specification/, "Protocol Wire Format".
 *
 * Happy path: the first request of a connection begins with a handshake, in which each side names
 * its protocol by a hash; both know Flume's, and go on without another word about it. A request is
 * metadata, the name of a call, and its argument; an answer is metadata, whether it is an error,
 * and Flume's Status or the error.
 *
 * Failure modes: a peer with another hash (an older or a changed Flume) is asked for its protocol,
 * which is taken when its event has the same fields in the same order, so that it is read the same
 * way; another one is refused. */
#include <jansson.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tools/agent/avro.h"
#include "tools/agent/flume_event.h"
#include "tools/agent/rpc.h"

enum { AVRO_HASH = 16, AVRO_PROTOCOL_MAX = 64 * 1024, AVRO_NAME_MAX = 255 };
STATIC_ASSERT(sizeof(((struct rpc_session *)0)->hash) == AVRO_HASH, "an MD5 sum");

enum avro_match { AVRO_BOTH, AVRO_CLIENT, AVRO_NONE };
enum avro_status { AVRO_OK, AVRO_FAILED };

/* Flume 1.11's protocol, by the hash of its text. */
static const uint8_t avro_flume_hash[AVRO_HASH] = {0x86, 0xaa, 0xda, 0xe2, 0xc4, 0x54, 0x74, 0xc0,
                                                   0xfe, 0x93, 0xff, 0xd0, 0xf2, 0x35, 0x0a, 0x65};

/* The same for those that ask for a text, and its hash. */
static const char avro_text[] =
    "{\"protocol\":\"AvroSourceProtocol\",\"namespace\":\"org.apache.flume.source.avro\",\"types\":"
    "["
    "{\"type\":\"enum\",\"name\":\"Status\",\"symbols\":[\"OK\",\"FAILED\",\"UNKNOWN\"]},"
    "{\"type\":\"record\",\"name\":\"AvroFlumeEvent\",\"fields\":["
    "{\"name\":\"headers\",\"type\":{\"type\":\"map\",\"values\":\"string\"}},"
    "{\"name\":\"body\",\"type\":\"bytes\"}]}],\"messages\":{"
    "\"append\":{\"request\":[{\"name\":\"event\",\"type\":\"AvroFlumeEvent\"}],"
    "\"response\":\"Status\"},"
    "\"appendBatch\":{\"request\":[{\"name\":\"events\",\"type\":"
    "{\"type\":\"array\",\"items\":\"AvroFlumeEvent\"}}],\"response\":\"Status\"}}}";
static const uint8_t avro_text_hash[AVRO_HASH] = {0x30, 0xda, 0x54, 0x05, 0x9d, 0xf7, 0x2d, 0x95,
                                                  0x84, 0xb8, 0x67, 0xd5, 0x20, 0x2e, 0x20, 0x69};

/* ---- protocols ---- */

/* "string", or {"type": "string", ...}. */
static bool avro_is_type(const json_t *type, const char *name)
{
    if (json_is_object(type))
        type = json_object_get(type, "type");
    return json_is_string(type) && strcmp(json_string_value(type), name) == 0;
}

static bool avro_is_field(const json_t *field, const char *name, const char *type)
{
    const json_t *named = json_object_get(field, "name");
    return json_is_string(named) && strcmp(json_string_value(named), name) == 0 &&
           avro_is_type(json_object_get(field, "type"), type);
}

static bool avro_is_event(const json_t *type)
{
    const json_t *fields = json_object_get(type, "fields"), *headers = json_array_get(fields, 0);
    return avro_is_field(type, "AvroFlumeEvent", "record") && json_array_size(fields) == 2 &&
           avro_is_field(headers, "headers", "map") &&
           avro_is_type(json_object_get(json_object_get(headers, "type"), "values"), "string") &&
           avro_is_field(json_array_get(fields, 1), "body", "bytes");
}

/* Whether what is written by this protocol is read as Flume's. */
static bool avro_protocol_fits(const char *text, size_t len)
{
    json_error_t error;
    bool fits = false;
    json_t *protocol = len <= AVRO_PROTOCOL_MAX ? json_loadb(text, len, 0, &error) : NULL;
    const json_t *types = json_object_get(protocol, "types");
    for (size_t i = 0; i < json_array_size(types) && !fits; i++)
        fits = avro_is_event(json_array_get(types, i));
    json_decref(protocol);
    return fits;
}

static bool avro_is_known(const uint8_t *hash)
{
    return memcmp(hash, avro_flume_hash, AVRO_HASH) == 0 ||
           memcmp(hash, avro_text_hash, AVRO_HASH) == 0;
}

/* ---- parts of both sides ---- */

/* A union of null and one other: whether it is the other. */
static bool avro_get_some(struct avro_cursor *cursor, bool *some)
{
    int64_t index;
    if (!avro_get_long(cursor, &index) || index < 0 || index > 1)
        return false;
    *some = index == 1;
    return true;
}

/* A union of null and a string; *text is NULL for null. */
static bool avro_get_text(struct avro_cursor *cursor, const uint8_t **text, size_t *len)
{
    bool some;
    *text = NULL;
    *len = 0;
    return avro_get_some(cursor, &some) && (!some || avro_get_bytes(cursor, text, len));
}

/* A union of null and a map. */
static bool avro_skip_meta(struct avro_cursor *cursor)
{
    bool some;
    return avro_get_some(cursor, &some) && (!some || avro_skip_map(cursor));
}

static void avro_put_text(const char *text, struct buf *out)
{
    avro_put_long(1, out);
    avro_put_bytes(text, strlen(text), out);
}

/* ---- the source's side ---- */

/* 0, RPC_SAID (the peer is asked for its protocol), ERR_x. */
static int avro_read_handshake(struct rpc_session *session, struct avro_cursor *cursor,
                               struct buf *out, const char **why)
{
    const uint8_t *client, *server, *text;
    size_t len;
    if (!avro_get_fixed(cursor, &client, AVRO_HASH) || !avro_get_text(cursor, &text, &len) ||
        !avro_get_fixed(cursor, &server, AVRO_HASH) || !avro_skip_meta(cursor)) {
        *why = "what it sends is no call of Avro: is its compression-type the same as here?";
        return ERR_MALFORMED;
    }
    if (text && !avro_protocol_fits((const char *)text, len)) {
        *why = "its protocol is not that of Flume's avro source";
        return ERR_UNSUPPORTED;
    }
    session->greeted = text != NULL || avro_is_known(client);
    bool both = session->greeted && avro_is_known(server);
    avro_put_long(both ? AVRO_BOTH : session->greeted ? AVRO_CLIENT : AVRO_NONE, out);
    avro_put_long(both ? 0 : 1, out);
    if (!both) {
        avro_put_bytes(avro_text, strlen(avro_text), out);
        avro_put_long(1, out);
        buf_put(out, avro_text_hash, AVRO_HASH);
    } else {
        avro_put_long(0, out);
    }
    avro_put_long(0, out);
    return session->greeted ? 0 : RPC_SAID;
}

/* An answer's begin: no metadata; and whether an error follows. */
static void avro_put_head(bool error, struct buf *out)
{
    avro_put_long(0, out);
    buf_put(out, error ? "\1" : "\0", 1);
}

static int avro_read_array(struct flume_reader *reader, struct rpc_events *events)
{
    struct event event;
    size_t count;
    do {
        if (!avro_get_block(&reader->cursor, SIZE_MAX, &count))
            return ERR_MALFORMED;
        if (count > events->max - events->count)
            return ERR_TOO_LARGE;
        for (size_t i = 0; i < count; i++) {
            int err = flume_reader_next(reader, &event);
            if (!err)
                err = rpc_events_add(events, &event);
            if (err)
                return err;
        }
    } while (count > 0);
    return 0;
}

static int avro_read_events(struct rpc_session *session, struct block *block,
                            const struct avro_cursor *cursor, struct rpc_events *events)
{
    struct flume_reader reader;
    struct event event;
    flume_reader_init(&reader, block, cursor->at, cursor->left);
    int err;
    if (!session->single) {
        err = avro_read_array(&reader, events);
    } else {
        err = flume_reader_next(&reader, &event);
        if (!err)
            err = rpc_events_add(events, &event);
    }
    if (!err && reader.cursor.left > 0)
        err = ERR_MALFORMED;
    flume_reader_close(&reader);
    return err;
}

static int avro_read(struct rpc_session *session, struct block *block, size_t len,
                     struct rpc_events *events, struct buf *out, const char **why)
{
    struct avro_cursor cursor = {.at = block->data, .left = len};
    const uint8_t *name;
    size_t name_len;
    int err = session->greeted ? 0 : avro_read_handshake(session, &cursor, out, why);
    if (err)
        return err;
    *why = "what it sends is no call of Avro";
    if (!avro_skip_map(&cursor) || !avro_get_bytes(&cursor, &name, &name_len))
        return ERR_MALFORMED;
    if (name_len == 0) /* nothing but the handshake was wanted */
        return RPC_SAID;
    session->single = name_len == 6 && memcmp(name, "append", 6) == 0;
    if (!session->single && (name_len != 11 || memcmp(name, "appendBatch", 11) != 0)) {
        avro_put_head(true, out);
        avro_put_long(0, out);
        avro_put_bytes("there is no such call", 21, out);
        return RPC_SAID;
    }
    *why = "what it sends are no events of Flume";
    return avro_read_events(session, block, &cursor, events);
}

static void avro_answer(struct rpc_session *session, int status, struct buf *out)
{
    (void)session;
    avro_put_head(false, out);
    avro_put_long(status == 0 ? AVRO_OK : AVRO_FAILED, out);
}

/* ---- the sink's side ---- */

/* To begin with the other side is taken for a Flume of our days. */
static void avro_put_handshake(const struct rpc_session *session, struct buf *out)
{
    static const uint8_t unknown[AVRO_HASH];
    bool first = memcmp(session->hash, unknown, AVRO_HASH) == 0;
    buf_put(out, session->tells ? avro_text_hash : avro_flume_hash, AVRO_HASH);
    if (session->tells)
        avro_put_text(avro_text, out);
    else
        avro_put_long(0, out);
    buf_put(out, first ? avro_flume_hash : session->hash, AVRO_HASH);
    avro_put_long(0, out);
}

static size_t avro_request(struct rpc_session *session, const struct event *events, size_t count,
                           struct buf *out)
{
    size_t sent = 0, begun = out->len;
    struct buf array;
    ASSERT(count > 0);
    if (!session->greeted)
        avro_put_handshake(session, out);
    avro_put_long(0, out);
    avro_put_bytes("appendBatch", 11, out);
    /* How many there are stands in front of them. */
    buf_init(&array);
    while (sent < count && array.len < RPC_REQUEST_ENOUGH)
        flume_event_encode(&events[sent++], &array);
    avro_put_long((int64_t)sent, out);
    buf_put(out, array.data, array.len);
    buf_close(&array);
    avro_put_long(0, out);
    ASSERT(out->len > begun);
    return sent;
}

/* 0, RPC_REPEAT, ERR_x. */
static int avro_reply_handshake(struct rpc_session *session, struct avro_cursor *cursor,
                                const char **why)
{
    const uint8_t *text, *hash = NULL;
    size_t len;
    int64_t match;
    bool some;
    if (!avro_get_long(cursor, &match) || !avro_get_text(cursor, &text, &len) ||
        !avro_get_some(cursor, &some) || (some && !avro_get_fixed(cursor, &hash, AVRO_HASH)) ||
        !avro_skip_meta(cursor) || match < AVRO_BOTH || match > AVRO_NONE)
        return ERR_MALFORMED;
    if (text && !avro_protocol_fits((const char *)text, len)) {
        *why = "its protocol is not that of Flume's avro source";
        return ERR_UNSUPPORTED;
    }
    if (hash)
        memcpy(session->hash, hash, AVRO_HASH);
    session->greeted = match != AVRO_NONE;
    if (session->greeted)
        return 0;
    if (session->tells) {
        *why = "it does not take the protocol of Flume's avro source";
        return ERR_UNSUPPORTED;
    }
    session->tells = true;
    return RPC_REPEAT;
}

static int avro_reply(struct rpc_session *session, const uint8_t *data, size_t len,
                      const char **why)
{
    struct avro_cursor cursor = {.at = data, .left = len};
    const uint8_t *error;
    int64_t status;
    *why = "what it answers is none of Avro: is its compression-type the same as here?";
    int err = session->greeted ? 0 : avro_reply_handshake(session, &cursor, why);
    if (err)
        return err;
    if (!avro_skip_map(&cursor) || !avro_get_fixed(&cursor, &error, 1))
        return ERR_MALFORMED;
    if (*error) {
        *why = "it answers with an error: its log tells more";
        return ERR_INVALID;
    }
    if (!avro_get_long(&cursor, &status))
        return ERR_MALFORMED;
    *why = "its channels don't have the events";
    return status == AVRO_OK ? 0 : ERR_AGAIN;
}

const struct rpc_protocol avro_rpc = {
    .framing = RPC_FRAMING_AVRO,
    .read = avro_read,
    .answer = avro_answer,
    .request = avro_request,
    .reply = avro_reply,
};

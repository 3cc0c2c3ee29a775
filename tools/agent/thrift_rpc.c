/* Flume's calls in Thrift: ThriftSourceProtocol of flume-ng-sdk's flume.thrift.
 *
 * Happy path: a message with the name of a call and a number, then a struct of its arguments: the
 * event, or the list of events. The answer has the same number, and a struct whose field 0 is
 * Flume's Status. Failure modes: a call of another name is answered with Thrift's exception; fields
 * that nobody knows are passed over. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tools/agent/rpc.h"
#include "tools/agent/thrift.h"

enum { THRIFT_HEADERS_MAX = 10000, THRIFT_NO_SUCH_CALL = 1 };
enum thrift_status { THRIFT_OK, THRIFT_FAILED };

static const char *thrift_name(const struct rpc_session *session)
{
    return session->single ? "append" : "appendBatch";
}

/* ---- the source's side ---- */

static bool thrift_read_row(struct thrift_cursor *cursor, struct header *row)
{
    const uint8_t *name, *value;
    size_t name_len, value_len;
    if (!thrift_get_bytes(cursor, &name, &name_len) ||
        !thrift_get_bytes(cursor, &value, &value_len) || memchr(name, '\0', name_len))
        return false;
    *row = (struct header){.name = (const char *)name,
                           .value = (const char *)value,
                           .name_len = (uint32_t)name_len,
                           .value_len = (uint32_t)value_len};
    return true;
}

static bool thrift_read_headers(struct thrift_cursor *cursor, struct headers **headers)
{
    enum thrift_type key, value;
    size_t count;
    if (!thrift_get_map(cursor, &key, &value, &count) || count > THRIFT_HEADERS_MAX ||
        (count > 0 && (key != THRIFT_STRING || value != THRIFT_STRING)))
        return false;
    struct header *rows = mem_alloc((count + 1) * sizeof(*rows));
    bool whole = true;
    for (size_t i = 0; i < count && whole; i++)
        whole = thrift_read_row(cursor, &rows[i]);
    if (whole) {
        headers_unref(*headers);
        *headers = headers_from(rows, count);
    }
    mem_free(rows);
    return whole;
}

/* A struct of headers and body; the caller drops the headers when it fails. */
static bool thrift_read_fields(struct thrift_cursor *cursor, struct headers **headers,
                               const uint8_t **body, size_t *len)
{
    enum thrift_type type;
    int16_t id = 0;
    bool mapped = false;
    for (;;) {
        if (!thrift_get_field(cursor, &type, &id))
            return false;
        if (type == THRIFT_STOP)
            return mapped && *body;
        bool read;
        if (id == 1 && type == THRIFT_MAP)
            read = mapped = thrift_read_headers(cursor, headers);
        else if (id == 2 && type == THRIFT_STRING)
            read = thrift_get_bytes(cursor, body, len);
        else
            read = (type == THRIFT_BOOL && cursor->compact) || thrift_skip(cursor, type);
        if (!read)
            return false;
    }
}

static int thrift_read_event(struct thrift_cursor *cursor, struct block *block,
                             struct rpc_events *events)
{
    struct headers *headers = NULL;
    const uint8_t *body = NULL;
    size_t len = 0;
    if (!thrift_read_fields(cursor, &headers, &body, &len)) {
        headers_unref(headers);
        return ERR_MALFORMED;
    }
    ASSERT(body + len <= block->data + block->cap);
    struct event event = {
        .block = block_ref(block), .headers = headers, .body = body, .len = (uint32_t)len};
    return rpc_events_add(events, &event);
}

static int thrift_read_list(struct thrift_cursor *cursor, struct block *block,
                            struct rpc_events *events)
{
    enum thrift_type type;
    size_t count;
    int err = 0;
    if (!thrift_get_list(cursor, &type, &count) || (count > 0 && type != THRIFT_STRUCT))
        return ERR_MALFORMED;
    if (count > events->max)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < count && !err; i++)
        err = thrift_read_event(cursor, block, events);
    return err;
}

/* The struct of arguments: field 1 is what matters. */
static int thrift_read_arguments(struct thrift_cursor *cursor, bool single, struct block *block,
                                 struct rpc_events *events)
{
    enum thrift_type type;
    int16_t id = 0;
    int err = 0;
    bool found = false;
    while (!err) {
        if (!thrift_get_field(cursor, &type, &id))
            return ERR_MALFORMED;
        if (type == THRIFT_STOP)
            return found ? 0 : ERR_MALFORMED;
        bool wanted = id == 1 && type == (single ? THRIFT_STRUCT : THRIFT_LIST) && !found;
        if (wanted)
            err = single ? thrift_read_event(cursor, block, events)
                         : thrift_read_list(cursor, block, events);
        else if (!(type == THRIFT_BOOL && cursor->compact) && !thrift_skip(cursor, type))
            err = ERR_MALFORMED;
        found = found || wanted;
    }
    return err;
}

static void thrift_put_exception(const struct rpc_session *session, const char *name,
                                 struct buf *out)
{
    static const char text[] = "there is no such call";
    thrift_put_message(session->compact, THRIFT_EXCEPTION, name, session->serial, out);
    thrift_put_field(session->compact, THRIFT_STRING, 1, 0, out);
    thrift_put_bytes(session->compact, text, sizeof(text) - 1, out);
    thrift_put_field(session->compact, THRIFT_I32, 2, 1, out);
    thrift_put_i32(session->compact, THRIFT_NO_SUCH_CALL, out);
    thrift_put_stop(out);
}

static int thrift_read(struct rpc_session *session, struct block *block, size_t len,
                       struct rpc_events *events, struct buf *out, const char **why)
{
    struct thrift_cursor cursor = {.at = block->data, .left = len, .compact = session->compact};
    enum thrift_message kind;
    const uint8_t *name;
    size_t name_len;
    *why = session->compact ? "what it sends is no call of Thrift's compact protocol: is its "
                              "protocol the same as here?"
                            : "what it sends is no call of Thrift's binary protocol: is its "
                              "protocol the same as here?";
    if (!thrift_get_message(&cursor, &kind, &name, &name_len, &session->serial) ||
        kind != THRIFT_CALL)
        return ERR_MALFORMED;
    session->single = name_len == 6 && memcmp(name, "append", 6) == 0;
    if (!session->single && (name_len != 11 || memcmp(name, "appendBatch", 11) != 0)) {
        thrift_put_exception(session, "unknown", out);
        return RPC_SAID;
    }
    *why = "what it sends are no events of Flume";
    int err = thrift_read_arguments(&cursor, session->single, block, events);
    return !err && cursor.left > 0 ? ERR_MALFORMED : err;
}

static void thrift_answer(struct rpc_session *session, int status, struct buf *out)
{
    thrift_put_message(session->compact, THRIFT_REPLY, thrift_name(session), session->serial, out);
    thrift_put_field(session->compact, THRIFT_I32, 0, 0, out);
    thrift_put_i32(session->compact, status == 0 ? THRIFT_OK : THRIFT_FAILED, out);
    thrift_put_stop(out);
}

/* ---- the sink's side ---- */

static void thrift_put_event(bool compact, const struct event *event, struct buf *out)
{
    const struct headers *headers = event->headers;
    size_t count = headers ? headers->count : 0;
    thrift_put_field(compact, THRIFT_MAP, 1, 0, out);
    thrift_put_map(compact, count, out);
    for (size_t i = 0; i < count; i++) {
        thrift_put_bytes(compact, headers->rows[i].name, headers->rows[i].name_len, out);
        thrift_put_bytes(compact, headers->rows[i].value, headers->rows[i].value_len, out);
    }
    thrift_put_field(compact, THRIFT_STRING, 2, 1, out);
    thrift_put_bytes(compact, event->body, event->len, out);
    thrift_put_stop(out);
}

static size_t thrift_request(struct rpc_session *session, const struct event *events, size_t count,
                             struct buf *out)
{
    struct buf list;
    size_t sent = 0;
    ASSERT(count > 0);
    session->single = false;
    buf_init(&list);
    while (sent < count && list.len < RPC_REQUEST_ENOUGH)
        thrift_put_event(session->compact, &events[sent++], &list);
    thrift_put_message(session->compact, THRIFT_CALL, thrift_name(session), session->serial, out);
    thrift_put_field(session->compact, THRIFT_LIST, 1, 0, out);
    thrift_put_list(session->compact, THRIFT_STRUCT, sent, out);
    buf_put(out, list.data, list.len);
    thrift_put_stop(out);
    buf_close(&list);
    return sent;
}

static int thrift_reply(struct rpc_session *session, const uint8_t *data, size_t len,
                        const char **why)
{
    struct thrift_cursor cursor = {.at = data, .left = len, .compact = session->compact};
    enum thrift_message kind;
    enum thrift_type type;
    const uint8_t *name;
    size_t name_len;
    uint32_t serial;
    int16_t id = 0;
    int32_t status;
    *why = "what it answers is no answer of Thrift: is its protocol the same as here?";
    if (!thrift_get_message(&cursor, &kind, &name, &name_len, &serial) || serial != session->serial)
        return ERR_MALFORMED;
    if (kind == THRIFT_EXCEPTION) {
        *why = "it answers with an exception: its log tells more";
        return ERR_INVALID;
    }
    if (!thrift_get_field(&cursor, &type, &id) || type != THRIFT_I32 || id != 0 ||
        !thrift_get_i32(&cursor, &status))
        return ERR_MALFORMED;
    *why = "its channels don't have the events";
    return status == THRIFT_OK ? 0 : ERR_AGAIN;
}

const struct rpc_protocol thrift_rpc = {
    .framing = RPC_FRAMING_THRIFT,
    .read = thrift_read,
    .answer = thrift_answer,
    .request = thrift_request,
    .reply = thrift_reply,
};

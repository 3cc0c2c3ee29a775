/* Long answers in turns.
 *
 * Happy path: a short answer is complete in the turn in which it was asked for. A long one goes on
 * in the next turns, behind those that came before it. Failure modes: memory is out, and the
 * connection is closed as by request_fail; the client goes away, and nothing more is made. */
#include "broker/net/request_stream.h"

#include "base/check.h"
#include "base/err.h"
#include "broker/net/connection.h"
#include "broker/net/request_decode.h"
#include "broker/net/request_end.h"

enum {
    STREAM_TURN = 128 << 10, /* a turn's work, in bytes of answers: a millisecond or two */
    STREAM_ITEM = 128        /* what an item costs beside its bytes */
};

static void stream_end(struct request_stream *stream, int err)
{
    struct request *request = stream->request;
    ASSERT(err <= 0);
    ASSERT(err || !request->connection || stream->next == stream->count);
    if (!err && request->connection) {
        err = wire_stream_end(&stream->wire, stream->response);
        if (!err)
            err = request_encoded(request);
    }
    list_remove(&stream->link);
    if (stream->done)
        stream->done(stream);
    if (err && request->connection)
        request_fail(request, err, "asks for more than fits in memory");
    else
        request_complete(request);
}

static int stream_put(struct request_stream *stream)
{
    struct arena arena;
    ASSERT(stream->room != NULL);
    ASSERT(stream->next < stream->count);
    arena_init(&arena, REQUEST_ARENA_MAX);
    wire_defaults(stream->item, stream->room);
    int err = stream->fill(stream, stream->next, &arena, stream->room) ? 0 : ERR_NO_MEMORY;
    if (!err) {
        request_look_at(stream->request, stream->item, stream->room);
        err = wire_stream_item(&stream->wire, stream->room);
    }
    arena_close(&arena);
    stream->next++;
    return err;
}

static int stream_begin(struct request_stream *stream)
{
    struct request *request = stream->request;
    ASSERT(stream->room == NULL);
    stream->room = arena_alloc(&request->arena, stream->item->size);
    if (!stream->room || !stream->begin(stream))
        return ERR_NO_MEMORY;
    request_look(request, request->version, stream->response);
    int err = request_encode_header(request, request->version);
    return err ? err
               : wire_stream_begin(&stream->wire, stream->response, stream->array, stream->count);
}

/* False: it has ended. *left: what may still be done in this turn. */
static bool stream_run(struct request_stream *stream, int64_t *left)
{
    struct request *request = stream->request;
    int err = 0;
    ASSERT(stream->next <= stream->count);
    if (!stream->room && request->connection)
        err = stream_begin(stream);
    while (!err && request->connection && stream->next < stream->count) {
        if (*left <= 0)
            return true;
        size_t before = wire_out_size(&request->out);
        err = stream_put(stream);
        *left -= STREAM_ITEM + (int64_t)(wire_out_size(&request->out) - before);
    }
    stream_end(stream, err);
    return false;
}

void request_streams_turn(void *data)
{
    struct connection_owner *owner = data;
    int64_t left = STREAM_TURN;
    while (left > 0 && !list_empty(&owner->streams))
        if (stream_run(LIST_ENTRY(owner->streams.next, struct request_stream, link), &left))
            break;
    if (!list_empty(&owner->streams))
        env_timer_start(&owner->stream_timer, 0);
}

void request_streams_close(struct connection_owner *owner)
{
    env_timer_stop(&owner->stream_timer);
    while (!list_empty(&owner->streams)) {
        struct request_stream *stream =
            LIST_ENTRY(owner->streams.next, struct request_stream, link);
        ASSERT(!stream->request->connection);
        stream_end(stream, ERR_CLOSED);
    }
}

void request_stream_start(struct request *request, struct request_stream *stream)
{
    struct connection_owner *owner = request->owner;
    int64_t left = STREAM_TURN;
    ASSERT(stream->count >= 0);
    ASSERT(stream->item != NULL);
    ASSERT(stream->response != NULL);
    ASSERT(!request->answered);
    ASSERT(stream->begin && stream->fill);
    stream->request = request;
    stream->room = NULL;
    stream->next = 0;
    stream->wire = (struct wire_stream){
        .desc = request->api->response, .version = request->version, .out = &request->out};
    bool first = list_empty(&owner->streams);
    list_push(&owner->streams, &stream->link);
    if (first && stream_run(stream, &left))
        env_timer_start(&owner->stream_timer, 0);
}

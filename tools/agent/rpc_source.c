/* Connections of the avro and the thrift source.
 *
 * Happy path: bytes make a frame, a frame is read as a batch of events, the batch goes to the
 * channels, and its answer goes back; one request of a connection is under way at a time, and
 * nothing more is read of it meanwhile. Failure modes: channels that can't have the events are told
 * in the answer; bytes that are no request end the connection, with a line that says why; a request
 * over RPC_FRAME_MAX, and one over its share of RPC_BUDGET, end theirs, and so does a peer that
 * stops in the middle of a request, or drips (peer.h). */
#include "tools/agent/rpc_source.h"

#include <string.h>

#include "base/mem.h"
#include "base/state.h"
#include "tools/agent/rpc_zip.h"

enum {
    RPC_READ = 16 * 1024,
    RPC_READ_PACKED = 4 * 1024, /* unpacked it is a thousand times that at most, all in one turn */
    RPC_BUDGET = 256 << 20
};

enum rpc_state {
    RPC_READING,  /* the next request */
    RPC_PUTTING,  /* its events into the channels */
    RPC_ANSWERING /* until the answer is written */
};

static const struct state_row rpc_states[] = {
    [RPC_READING] = {"reading", STATE_BIT(RPC_PUTTING) | STATE_BIT(RPC_ANSWERING)},
    [RPC_PUTTING] = {"putting", STATE_BIT(RPC_ANSWERING)},
    [RPC_ANSWERING] = {"answering", STATE_BIT(RPC_READING)},
};

struct rpc_connection {
    struct peer peer;
    struct rpc_source *rpc;
    enum rpc_state state;
    struct rpc_session session;
    struct rpc_frame frame; /* pays for a request until its answer */
    struct rpc_zip *zip;    /* NULL = as it comes */
    struct batch batch;     /* of the request that is under way */
    struct buf reply;       /* what belongs in front of its answer */
    struct buf out;         /* not written yet */
    size_t len, used;       /* of `in` */
    uint8_t in[RPC_READ];
};

static void rpc_move(struct rpc_connection *connection, enum rpc_state to)
{
    STATE_MOVE(rpc_states, connection->state, to);
    ASSERT(connection->used <= connection->len);
}

static void rpc_close(struct rpc_connection *connection)
{
    batch_close(&connection->batch);
    rpc_frame_close(&connection->frame);
    rpc_zip_free(connection->zip);
    peer_close(&connection->peer);
    buf_close(&connection->reply);
    buf_close(&connection->out);
    mem_free(connection);
}

static void rpc_close_peer(struct peer *peer)
{
    rpc_close(CONTAINER_OF(peer, struct rpc_connection, peer));
}

/* ERR_x, for who sees it to close the connection. */
static int rpc_refuse(struct rpc_connection *connection, int err, const char *why)
{
    ASSERT(err < 0);
    connection->rpc->source.counters.read_fail++;
    peer_say(&connection->peer, why ? why : err_text(err));
    return err;
}

/* ---- answers ---- */

static int rpc_flush(struct rpc_connection *connection)
{
    struct buf *out = &connection->out;
    struct env_chunk chunk = {.data = out->data, .len = out->len};
    ssize_t sent = out->len > 0 ? env_stream_write(connection->peer.stream, &chunk, 1) : 0;
    if (sent < 0)
        return (int)sent;
    if (sent > 0)
        memmove(out->data, out->data + sent, out->len - (size_t)sent);
    out->len -= (size_t)sent;
    if (out->len == 0)
        rpc_move(connection, RPC_READING);
    return 0;
}

/* What is in `reply` goes out in a frame. */
static int rpc_answer(struct rpc_connection *connection)
{
    struct rpc_source *rpc = connection->rpc;
    enum rpc_framing framing = rpc->protocol->framing;
    struct buf *frame = &rpc->scratch;
    rpc_move(connection, RPC_ANSWERING);
    rpc_frame_settle(&connection->frame);
    frame->len = 0;
    size_t begun = rpc_frame_begin(framing, frame);
    buf_put(frame, connection->reply.data, connection->reply.len);
    rpc_frame_end(framing, connection->session.serial, begun, frame);
    connection->reply.len = 0;
    ASSERT(connection->out.len == 0);
    int err = 0;
    if (connection->zip)
        err = rpc_zip_pack(connection->zip, frame->data, frame->len, &connection->out);
    else
        buf_put(&connection->out, frame->data, frame->len);
    return err ? err : rpc_flush(connection);
}

static int rpc_end_request(struct rpc_connection *connection, int status)
{
    struct rpc_source *rpc = connection->rpc;
    if (status == 0 && connection->session.single)
        rpc->source.counters.append_accepted++;
    rpc->protocol->answer(&connection->session, status, &connection->reply);
    return rpc_answer(connection);
}

/* ---- requests ---- */

static int rpc_put(struct rpc_connection *connection, struct rpc_events *events)
{
    struct rpc_source *rpc = connection->rpc;
    struct batch *batch = &connection->batch;
    if (events->count == 0)
        return rpc_end_request(connection, 0);
    batch_close(batch);
    batch_init(batch, &rpc->source, events->count, false, batch->done);
    for (size_t i = 0; i < events->count; i++)
        batch_add(batch, &events->rows[i]);
    events->count = 0; /* the batch has the references */
    if (connection->session.single)
        rpc->source.counters.append_received++;
    rpc_move(connection, RPC_PUTTING);
    int status = batch_send(batch);
    return status == TRANSACTION_PENDING ? 0 : rpc_end_request(connection, status);
}

static int rpc_request(struct rpc_connection *connection)
{
    struct rpc_source *rpc = connection->rpc;
    struct rpc_events *events = &rpc->events;
    const char *why = NULL;
    size_t len;
    connection->session.serial = connection->frame.serial;
    struct block *block = rpc_frame_take(&connection->frame, &len);
    peer_done(&connection->peer);
    ASSERT(events->count == 0);
    events->max = rpc->source.batch_max;
    int status =
        rpc->protocol->read(&connection->session, block, len, events, &connection->reply, &why);
    block_unref(block);
    if (status == 0)
        return rpc_put(connection, events);
    rpc_events_drop(events);
    if (status == RPC_SAID)
        return rpc_answer(connection);
    if (status != ERR_TOO_LARGE)
        return rpc_refuse(connection, status, why);
    logger_warn(
        &rpc->source.logger,
        "a batch has more events than the channel's transactionCapacity (%zu): it is refused",
        rpc->source.batch_max);
    rpc->source.counters.channel_fail++;
    return rpc_end_request(connection, status);
}

/* Plain bytes, as far as they go: requests are read until one has to wait. */
static int rpc_feed(struct rpc_connection *connection, const uint8_t *data, size_t len,
                    size_t *used)
{
    int status = rpc_frame_feed(&connection->frame, data, len, used);
    if (status == ERR_TOO_LARGE)
        return rpc_refuse(connection, status, "it sends a request that is over the limit of 64 MB");
    if (status == ERR_NO_MEMORY)
        return rpc_refuse(connection, status,
                          "other requests leave no room for its: let it try again, with less at "
                          "once");
    if (status < 0)
        return rpc_refuse(connection, status, NULL);
    return status == 1 ? rpc_request(connection) : 0;
}

static int rpc_unpack(struct rpc_connection *connection)
{
    /* Compressed bytes can't be put back: what comes out is fed up to the end of a frame, and a
     * peer that sends the next request before the answer has it refused. */
    uint8_t plain[RPC_READ];
    size_t used, made, fed = 0;
    int err =
        rpc_zip_unpack(connection->zip, connection->in + connection->used,
                       connection->len - connection->used, &used, plain, sizeof(plain), &made);
    if (err)
        return rpc_refuse(connection, err,
                          err == ERR_NO_MEMORY ? NULL
                                               : "what it sends is not compressed by deflate");
    connection->used += used;
    while (fed < made && connection->state == RPC_READING) {
        size_t step;
        err = rpc_feed(connection, plain + fed, made - fed, &step);
        if (err)
            return err;
        fed += step;
    }
    if (fed < made)
        return rpc_refuse(connection, ERR_MALFORMED,
                          "it sends a request before its last is answered");
    return made == 0 && used == 0 ? ERR_AGAIN : 0;
}

/* What has been read, as far as it goes now. */
static int rpc_pump(struct rpc_connection *connection)
{
    int err = 0;
    while (!err && connection->state == RPC_READING &&
           (connection->used < connection->len || connection->zip)) {
        size_t used = 0;
        if (connection->zip) {
            err = rpc_unpack(connection);
            continue;
        }
        err = rpc_feed(connection, connection->in + connection->used,
                       connection->len - connection->used, &used);
        connection->used += used;
    }
    return err == ERR_AGAIN ? 0 : err;
}

static void rpc_go_on(struct rpc_connection *connection)
{
    int err = rpc_pump(connection);
    if (err) {
        rpc_close(connection);
        return;
    }
    peer_want(&connection->peer, connection->state == RPC_READING,
              rpc_frame_is_begun(&connection->frame));
}

static void rpc_slow(struct peer *peer)
{
    struct rpc_connection *connection = CONTAINER_OF(peer, struct rpc_connection, peer);
    ASSERT(connection->state == RPC_READING);
    (void)rpc_refuse(connection, ERR_TIMED_OUT,
                     "it stopped in the middle of a request, or sends it too slowly");
    rpc_close(connection);
}

static void rpc_batch_done(struct batch *batch, int status)
{
    struct rpc_connection *connection = CONTAINER_OF(batch, struct rpc_connection, batch);
    ASSERT(connection->state == RPC_PUTTING);
    if (rpc_end_request(connection, status))
        rpc_close(connection);
    else
        rpc_go_on(connection);
}

/* ---- connections ---- */

static void rpc_readable(void *data)
{
    struct rpc_connection *connection = data;
    ASSERT(connection->state == RPC_READING);
    ASSERT(connection->used == connection->len);
    ssize_t got =
        peer_read(&connection->peer, connection->in, connection->zip ? RPC_READ_PACKED : RPC_READ);
    if (got < 0 && got != ERR_AGAIN) {
        rpc_close(connection);
        return;
    }
    connection->used = 0;
    connection->len = got > 0 ? (size_t)got : 0;
    rpc_go_on(connection);
}

static void rpc_writable(void *data)
{
    struct rpc_connection *connection = data;
    ASSERT(connection->state == RPC_ANSWERING);
    if (rpc_flush(connection))
        rpc_close(connection);
    else if (connection->state == RPC_READING)
        rpc_go_on(connection);
}

static void rpc_accepted(void *data, struct env_stream *stream)
{
    struct rpc_source *rpc = data;
    char peer[ENV_ADDRESS_TEXT_MAX];
    env_stream_peer(stream, peer);
    if (rpc->admits && !rpc->admits(rpc, peer)) {
        env_stream_close(stream);
        return;
    }
    if (!peers_admit(&rpc->peers, stream))
        return;
    struct rpc_connection *connection = mem_alloc(sizeof(*connection));
    connection->rpc = rpc;
    connection->zip = rpc->zips ? rpc_zip_new(rpc->zip_level) : NULL;
    connection->session.compact = rpc->compact;
    connection->batch.done = rpc_batch_done;
    buf_init(&connection->reply);
    buf_init(&connection->out);
    rpc_frame_init(&connection->frame, rpc->protocol->framing, &rpc->budget);
    peer_open(&connection->peer, &rpc->peers, stream, rpc_readable, rpc_writable, connection);
}

int rpc_source_start(struct rpc_source *rpc, struct buf *problem)
{
    ASSERT(rpc->protocol);
    peers_init(&rpc->peers, &rpc->source, rpc_close_peer, rpc_slow);
    mem_budget_init(&rpc->budget, RPC_BUDGET);
    buf_init(&rpc->scratch);
    const struct part *part = rpc->source.part;
    return source_listen(&rpc->source, part_text(part, "bind"), (uint16_t)part_number(part, "port"),
                         rpc_accepted, rpc, &rpc->listener, problem);
}

void rpc_source_stop(struct rpc_source *rpc)
{
    peers_close(&rpc->peers);
    ASSERT(rpc->budget.used == 0);
    env_listener_close(rpc->listener);
    mem_free(rpc->events.rows);
    buf_close(&rpc->scratch);
}

/* Happy path: dial, write a request, read its answer, and so on with the next part of the events,
 * until all are over. Failure modes: whatever goes wrong ends the connection, since what it stands
 * for is not known any more; who called decides when the events are sent again. A peer that closes
 * a connection on which nothing is under way is dialled anew with the next events. */
#include "tools/agent/rpc_client.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/state.h"
#include "tools/agent/rpc_zip.h"

enum { RPC_CLIENT_READ = 16 * 1024, RPC_CLIENT_REPLY_BUDGET = 8 << 20 };

enum rpc_client_state {
    RPC_CLIENT_IDLE, /* nothing to do; there may be a connection */
    RPC_CLIENT_DIALING,
    RPC_CLIENT_CALLING, /* a request is on its way, or its answer */
    RPC_CLIENT_ENDED    /* `done` is called at the end of this turn */
};

static const struct state_row rpc_client_states[] = {
    [RPC_CLIENT_IDLE] = {"idle", STATE_BIT(RPC_CLIENT_DIALING) | STATE_BIT(RPC_CLIENT_CALLING) |
                                     STATE_BIT(RPC_CLIENT_ENDED)},
    [RPC_CLIENT_DIALING] = {"dialing", STATE_BIT(RPC_CLIENT_CALLING) | STATE_BIT(RPC_CLIENT_ENDED)},
    [RPC_CLIENT_CALLING] = {"calling", STATE_BIT(RPC_CLIENT_ENDED)},
    [RPC_CLIENT_ENDED] = {"ended", STATE_BIT(RPC_CLIENT_IDLE)},
};

struct rpc_client {
    struct rpc_client_setup setup;
    enum rpc_client_state state;
    struct env_connect *dial;
    struct env_stream *stream; /* NULL = there is none */
    int64_t connected_us;
    struct env_timer limit; /* of a call */
    struct env_timer ended;
    int status;
    const struct event *events; /* that are to be sent, and how many of them the call has */
    size_t count, calling;
    uint32_t serial;
    struct rpc_session session;
    struct rpc_zip *zip;
    struct rpc_frame frame;
    struct mem_budget budget;
    struct buf plain;
    struct buf out;
    size_t written; /* of out */
};

static void rpc_client_move(struct rpc_client *client, enum rpc_client_state to)
{
    STATE_MOVE(rpc_client_states, client->state, to);
    ASSERT((client->state == RPC_CLIENT_DIALING) == (client->dial != NULL));
}

static void rpc_client_disconnect(struct rpc_client *client)
{
    env_timer_stop(&client->limit);
    if (!client->stream)
        return;
    env_stream_close(client->stream);
    rpc_frame_close(&client->frame);
    rpc_zip_free(client->zip);
    client->stream = NULL;
    client->zip = NULL;
    client->out.len = 0;
    client->written = 0;
    client->setup.counters->connection_closed++;
}

static void rpc_client_end(struct rpc_client *client, int status)
{
    client->status = status;
    rpc_client_move(client, RPC_CLIENT_ENDED);
    env_timer_start_soon(&client->ended);
}

static void rpc_client_fail(struct rpc_client *client, int err, const char *why)
{
    ASSERT(err < 0);
    logger_warn(client->setup.logger, "can't send to %s:%u: %s", client->setup.host,
                client->setup.port, why ? why : err_text(err));
    rpc_client_disconnect(client);
    rpc_client_end(client, err);
}

static void rpc_client_on_ended(void *data)
{
    struct rpc_client *client = data;
    rpc_client_move(client, RPC_CLIENT_IDLE);
    client->setup.done(client->setup.data, client->status);
}

static void rpc_client_on_limit(void *data)
{
    struct rpc_client *client = data;
    ASSERT(client->state == RPC_CLIENT_CALLING);
    rpc_client_fail(client, ERR_TIMED_OUT, "it does not answer within request-timeout");
}

/* ---- writing ---- */

static void rpc_client_write(struct rpc_client *client)
{
    struct env_chunk chunk = {.data = client->out.data + client->written,
                              .len = client->out.len - client->written};
    ssize_t sent = chunk.len > 0 ? env_stream_write(client->stream, &chunk, 1) : 0;
    if (sent < 0) {
        rpc_client_fail(client, (int)sent, NULL);
        return;
    }
    client->written += (size_t)sent;
    ASSERT(client->written <= client->out.len);
}

/* The next part of the events. */
static void rpc_client_call(struct rpc_client *client)
{
    const struct rpc_protocol *protocol = client->setup.protocol;
    int err = 0;
    client->plain.len = 0;
    client->out.len = 0;
    client->written = 0;
    client->session.serial = ++client->serial;
    size_t begun = rpc_frame_begin(protocol->framing, &client->plain);
    client->calling =
        protocol->request(&client->session, client->events, client->count, &client->plain);
    ASSERT(client->calling > 0 && client->calling <= client->count);
    rpc_frame_end(protocol->framing, client->serial, begun, &client->plain);
    if (client->zip)
        err = rpc_zip_pack(client->zip, client->plain.data, client->plain.len, &client->out);
    else
        buf_put(&client->out, client->plain.data, client->plain.len);
    if (err) {
        rpc_client_fail(client, err, NULL);
        return;
    }
    env_timer_start(&client->limit, client->setup.request_timeout_ms);
    rpc_client_write(client);
}

/* ---- reading ---- */

static void rpc_client_replied(struct rpc_client *client)
{
    size_t len;
    const char *why = NULL;
    uint32_t serial = client->frame.serial;
    struct block *block = rpc_frame_take(&client->frame, &len);
    int status = client->setup.protocol->reply(&client->session, block->data, len, &why);
    block_unref(block);
    rpc_frame_settle(&client->frame);
    if (client->setup.protocol->framing == RPC_FRAMING_AVRO && serial != client->serial) {
        status = ERR_MALFORMED;
        why = "it answers what it was not asked";
    }
    if (status < 0) {
        rpc_client_fail(client, status, why);
        return;
    }
    if (status != RPC_REPEAT) {
        client->events += client->calling;
        client->count -= client->calling;
    }
    env_timer_stop(&client->limit);
    if (client->count > 0)
        rpc_client_call(client);
    else
        rpc_client_end(client, 0);
}

static void rpc_client_feed(struct rpc_client *client, const uint8_t *data, size_t len)
{
    size_t used = 0;
    int status = client->state == RPC_CLIENT_CALLING
                     ? rpc_frame_feed(&client->frame, data, len, &used)
                     : ERR_MALFORMED;
    if (status == 1 && used == len) {
        rpc_client_replied(client);
        return;
    }
    if (status == 0)
        return;
    if (client->state == RPC_CLIENT_CALLING)
        rpc_client_fail(client, status < 0 ? status : ERR_MALFORMED, NULL);
    else
        rpc_client_disconnect(client); /* it speaks unasked */
}

static void rpc_client_unpack(struct rpc_client *client, const uint8_t *data, size_t len)
{
    uint8_t plain[RPC_CLIENT_READ];
    size_t used, made = sizeof(plain);
    while (client->stream && (len > 0 || made == sizeof(plain))) {
        int err = rpc_zip_unpack(client->zip, data, len, &used, plain, sizeof(plain), &made);
        if (err && client->state == RPC_CLIENT_CALLING)
            rpc_client_fail(client, err, "what it answers is not compressed by deflate");
        else if (err)
            rpc_client_disconnect(client);
        else if (made > 0)
            rpc_client_feed(client, plain, made);
        else if (used == 0)
            return;
        data += used;
        len -= used;
    }
}

static void rpc_client_readable(void *data)
{
    struct rpc_client *client = data;
    uint8_t in[RPC_CLIENT_READ];
    ssize_t got = env_stream_read(client->stream, in, client->zip ? sizeof(in) / 4 : sizeof(in));
    if (got < 0 && got != ERR_AGAIN) {
        if (client->state == RPC_CLIENT_CALLING)
            rpc_client_fail(client, (int)got, NULL);
        else
            rpc_client_disconnect(client);
        return;
    }
    if (got > 0 && client->zip)
        rpc_client_unpack(client, in, (size_t)got);
    else if (got > 0)
        rpc_client_feed(client, in, (size_t)got);
    if (client->stream)
        env_stream_want_read(client->stream, true);
}

static void rpc_client_writable(void *data)
{
    struct rpc_client *client = data;
    if (client->state == RPC_CLIENT_CALLING)
        rpc_client_write(client);
}

/* ---- connecting ---- */

static void rpc_client_connected(void *data, int status, struct env_stream *stream)
{
    struct rpc_client *client = data;
    client->dial = NULL;
    if (status) {
        client->setup.counters->connection_failed++;
        rpc_client_fail(client, status, NULL);
        return;
    }
    client->setup.counters->connection_created++;
    if (client->setup.zip_level >= 0)
        client->zip = rpc_zip_new(client->setup.zip_level);
    client->stream = stream;
    client->connected_us = env_now_us(client->setup.env);
    client->session = (struct rpc_session){.compact = client->setup.compact};
    rpc_client_move(client, RPC_CLIENT_CALLING);
    env_stream_set(stream, rpc_client_readable, rpc_client_writable, client);
    env_stream_want_read(stream, true);
    rpc_client_call(client);
}

void rpc_client_send(struct rpc_client *client, const struct event *events, size_t count)
{
    const struct rpc_client_setup *setup = &client->setup;
    int64_t age_us = env_now_us(setup->env) - client->connected_us;
    ASSERT(client->state == RPC_CLIENT_IDLE);
    ASSERT(count > 0);
    client->events = events;
    client->count = count;
    if (client->stream && setup->reset_s > 0 && age_us / 1000000 >= setup->reset_s)
        rpc_client_disconnect(client);
    if (client->stream) {
        rpc_client_move(client, RPC_CLIENT_CALLING);
        rpc_client_call(client);
        return;
    }
    int err = env_connect(setup->env, setup->host, setup->port, setup->connect_timeout_ms,
                          rpc_client_connected, client, &client->dial);
    if (err) {
        client->dial = NULL;
        rpc_client_fail(client, err, NULL);
        return;
    }
    rpc_client_move(client, RPC_CLIENT_DIALING);
}

struct rpc_client *rpc_client_new(const struct rpc_client_setup *setup)
{
    struct rpc_client *client = mem_alloc(sizeof(*client));
    ASSERT(setup->protocol);
    ASSERT(setup->done);
    client->setup = *setup;
    mem_budget_init(&client->budget, RPC_CLIENT_REPLY_BUDGET);
    rpc_frame_init(&client->frame, setup->protocol->framing, &client->budget);
    env_timer_init(setup->env, &client->limit, rpc_client_on_limit, client);
    env_timer_init(setup->env, &client->ended, rpc_client_on_ended, client);
    buf_init(&client->plain);
    buf_init(&client->out);
    return client;
}

void rpc_client_free(struct rpc_client *client)
{
    if (client->dial)
        env_connect_cancel(client->dial);
    rpc_client_disconnect(client);
    env_timer_stop(&client->ended);
    ASSERT(client->budget.used == 0);
    buf_close(&client->plain);
    buf_close(&client->out);
    mem_free(client);
}

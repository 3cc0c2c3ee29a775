/* One client connection.
 *
 * Happy path: a frame arrives, its header names a row of the api table, the body is decoded into
 * the request's arena, the handler runs, the answer is encoded and leaves when all earlier ones
 * have. Failure modes: an unknown key or version, or a body that does not decode, closes the
 * connection as Kafka does, logged with the peer and the reason, an API that is not there once a
 * minute for a host (an ApiVersions of a version that is too high gets its v0 answer); too many
 * unanswered requests, or a reader that is too slow, pause reading; one above the limit of the
 * clients that does not begin as another broker does is closed. */
#include "broker/net/connection.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/err.h"
#include "base/state.h"
#include "broker/net/api_table.h"
#include "broker/net/request_decode.h"
#include "kafka/messages/headers.h"
#include "wire/foreign.h"
#include "wire/frame.h"

enum {
    CONNECTION_REQUESTS_MAX = 64,    /* unanswered at a time; more than any client pipelines */
    CONNECTION_QUEUED_MAX = 8 << 20, /* bytes not yet taken by a slow reader */
    CONNECTION_UNSENT_MAX = 512,     /* answers not yet taken: more than fit in one turn's frames */
    /* In which a client that was told may still ask here who leads. A try of the same records would
     * begin it anew: it is shorter than the pause of any client between two tries. */
    CONNECTION_MOVED_MS = 5,
    CONNECTION_TRIAL_MS = 1000 /* another broker sends its fetch as soon as it is connected */
};

enum connection_kind {
    CONNECTION_CLIENT,
    CONNECTION_TRIAL, /* above the limit of the clients; not a broker's yet */
    CONNECTION_BROKER
};

/* How far it is. Without a listener that asks for more, who has connected is anonymous, and the
 * first frame takes it from the first state to the third. */
enum connection_state {
    CONNECTION_HANDSHAKE,      /* no frame has come: what comes may be no protocol of ours */
    CONNECTION_AUTHENTICATING, /* it speaks Kafka's protocol, who it is must still show */
    CONNECTION_READY,          /* it has a principal; its requests are dispatched */
    CONNECTION_CLOSING,        /* it goes in the next turn */
    CONNECTION_CLOSED,         /* it has gone; what was queued for it is released */
    CONNECTION_STATES
};

STATIC_ASSERT(CONNECTION_PAUSES <= 32, "the reasons are bits of an unsigned");
static const struct state_row connection_states[CONNECTION_STATES] = {
    [CONNECTION_HANDSHAKE] = {"handshake",
                              STATE_BIT(CONNECTION_AUTHENTICATING) | STATE_BIT(CONNECTION_CLOSED)},
    [CONNECTION_AUTHENTICATING] = {"authenticating",
                                   STATE_BIT(CONNECTION_READY) | STATE_BIT(CONNECTION_CLOSED)},
    [CONNECTION_READY] = {"ready", STATE_BIT(CONNECTION_CLOSING) | STATE_BIT(CONNECTION_CLOSED)},
    [CONNECTION_CLOSING] = {"closing", STATE_BIT(CONNECTION_CLOSED)},
    [CONNECTION_CLOSED] = {"closed", 0},
};

struct connection {
    struct list link;
    enum connection_kind kind;
    enum connection_state state;
    const char *principal; /* NULL until it is ready */
    int32_t replica_id;    /* of a broker's */
    struct connection_owner *owner;
    struct frame_conn *conn;
    struct list requests;
    struct list watches; /* struct request_watch */
    size_t request_count;
    size_t unsent;       /* answers that are queued */
    size_t unsent_bytes; /* what they hold in memory */
    size_t queued_seen;  /* by the last look at who does not read */
    int64_t queued_seen_ms;
    unsigned pauses;          /* why it is not read: bits of enum connection_pause */
    bool shed;                /* closing, since others need the memory of its answers */
    bool moved;               /* its client was told that a leader has moved away */
    struct request *handling; /* its handler is on the stack and has not answered */
    struct request *decoding; /* a worker has its body: what came behind it waits */
    struct env_timer close_timer;
    struct env_timer hold_timer; /* runs while a quota holds it */
    int64_t held_until_us;
    int listener;
    int64_t active_ms;
    int64_t opened_us;
    struct request_kept kept; /* a handler's */
    char *software[REQUEST_SOFTWARES];
    char host[ENV_ADDRESS_TEXT_MAX + 1];
};

/* What holds between two events of it, until it is closed. */
static void connection_check(const struct connection *connection)
{
    const struct connection_owner *owner = connection->owner;
    ASSERT(list_empty(&connection->requests) == (connection->request_count == 0));
    ASSERT(owner->count > 0);
    ASSERT(!connection->decoding || connection->request_count > 0);
    ASSERT(connection->kind != CONNECTION_TRIAL || owner->trials > 0);
    ASSERT(connection->kind != CONNECTION_BROKER || owner->brokers > 0);
    ASSERT(connection->unsent > 0 || connection->unsent_bytes == 0);
    ASSERT(connection->unsent_bytes <= owner->unsent_bytes);
    ASSERT(owner->unsent_shed <= owner->unsent_bytes);
    ASSERT(owner->trials + owner->brokers <= owner->count);
    ASSERT(!connection->shed || connection->state >= CONNECTION_CLOSING);
    ASSERT(!connection->handling || !connection->handling->answered);
    ASSERT(connection->state != CONNECTION_READY || connection->principal);
    ASSERT(connection->state >= CONNECTION_READY || connection->request_count == 0);
}

static void connection_move(struct connection *connection, enum connection_state to)
{
    STATE_MOVE_TOLD(connection_states, connection->state, to, connection->owner->deps.logger,
                    LOGGER_TRACE, "connection of %s", connection_peer(connection));
}

/* While the answers of all connections are over their limit, who has not taken its own asks nothing
 * more. */
static unsigned connection_pause_reasons(const struct connection *connection)
{
    const struct connection_owner *owner = connection->owner;
    bool memory = connection->unsent > 0 && owner->unsent_bytes > owner->unsent_max;
    bool bytes = frame_conn_queued(connection->conn) >= CONNECTION_QUEUED_MAX;
    return (unsigned)(connection->request_count >= CONNECTION_REQUESTS_MAX)
               << CONNECTION_PAUSE_REQUESTS |
           (unsigned)(connection->unsent >= CONNECTION_UNSENT_MAX) << CONNECTION_PAUSE_ANSWERS |
           (unsigned)bytes << CONNECTION_PAUSE_BYTES | (unsigned)memory << CONNECTION_PAUSE_MEMORY |
           (unsigned)(connection->decoding != NULL) << CONNECTION_PAUSE_DECODING |
           (unsigned)env_timer_running(&connection->hold_timer) << CONNECTION_PAUSE_QUOTA;
}

static void connection_throttle(struct connection *connection)
{
    unsigned pauses = connection_pause_reasons(connection);
    unsigned before = connection->pauses;
    if (pauses == before)
        return;
    connection->pauses = pauses;
    for (int i = 0; i < CONNECTION_PAUSES; i++)
        if (pauses & ~before & 1u << i)
            logger_debug(connection->owner->deps.logger, "%s is not read: it waits for %s",
                         connection_peer(connection),
                         connection_pause_text((enum connection_pause)i));
    if (!pauses != !before)
        frame_conn_pause(connection->conn, pauses != 0);
}

/* ---- out ---- */

/* Also when the connection closes: it then goes on to live until all is released. */
static void connection_sent(void *data)
{
    struct request *request = data;
    struct connection *connection = request->connection;
    ASSERT(request->answered);
    ASSERT(connection->unsent > 0);
    ASSERT(connection->unsent_bytes >= request->weight);
    ASSERT(connection->owner->unsent_bytes >= request->weight);
    connection->unsent--;
    connection->unsent_bytes -= request->weight;
    connection->owner->unsent_bytes -= request->weight;
    if (connection->shed)
        connection->owner->unsent_shed -= request->weight;
    request_end(request, connection->state < CONNECTION_CLOSED);
    if (connection->state < CONNECTION_CLOSING)
        connection_throttle(connection);
}

/* Answers over twice their limit: who holds the most of them is closed. So a peer that asks for
 * much and reads nothing takes nothing from the others. */
static void connection_shed(struct connection_owner *owner)
{
    struct connection *worst = NULL;
    LIST_EACH(step, &owner->connections) {
        struct connection *connection = connection_of(step);
        if (connection->state < CONNECTION_CLOSING &&
            (!worst || connection->unsent_bytes > worst->unsent_bytes))
            worst = connection;
    }
    if (!worst || worst->unsent_bytes == 0)
        return;
    logger_warn(owner->deps.logger,
                "closing the connection of %s: it has not read answers of %zu bytes, and those of "
                "all connections are over their limit of %zu",
                connection_peer(worst), worst->unsent_bytes, owner->unsent_max);
    ASSERT(!worst->shed);
    worst->shed = true;
    owner->unsent_shed += worst->unsent_bytes;
    connection_close_soon(worst);
}

/* Queues the encoded answer; the request lives until its last byte is sent. */
static void connection_send(struct connection *connection, struct request *request)
{
    struct connection_owner *owner = connection->owner;
    ASSERT(list_empty(&request->link));
    ASSERT(request->answered);
    ASSERT(!request->silent);
    request->weight =
        sizeof(*request) + wire_out_memory(&request->out) + request->arena.total + request->held;
    connection->unsent++;
    connection->unsent_bytes += request->weight;
    owner->unsent_bytes += request->weight;
    if (connection->shed)
        owner->unsent_shed += request->weight;
    /* What goes with connections that close in the next turn needs no other victim. */
    if ((owner->unsent_bytes - owner->unsent_shed) / 2 > owner->unsent_max)
        connection_shed(owner);
    size_t cursor = 0;
    struct outbox_chunk chunk = {0};
    struct outbox_chunk next = {0};
    bool more = wire_out_next(&request->out, &cursor, &chunk.chunk);
    ASSERT(more);
    while (more) {
        more = wire_out_next(&request->out, &cursor, &next.chunk);
        if (!more) {
            chunk.release = connection_sent;
            chunk.owner = request;
        }
        frame_conn_send(connection->conn, &chunk);
        chunk = next;
    }
}

void connection_answered(struct connection *connection, const struct request *answered)
{
    ASSERT(answered->answered);
    if (connection->handling == answered)
        connection->handling = NULL;
    while (!list_empty(&connection->requests)) {
        struct request *request = LIST_ENTRY(connection->requests.next, struct request, link);
        if (!request->answered)
            break;
        ASSERT(connection->request_count > 0);
        list_remove(&request->link);
        connection->request_count--;
        if (request->silent)
            request_end(request, false);
        else
            connection_send(connection, request);
    }
    connection_throttle(connection);
    connection_check(connection);
}

/* ---- in ---- */

/* Closes, with a line in the log. */
static void connection_refuse(struct connection *connection, const struct request_header *header,
                              const char *what, int err)
{
    const char *name = kafka_api_name(header->request_api_key);
    logger_warn(connection->owner->deps.logger,
                "closing the connection of %s: %s (%s, api key %d, version %d): %s",
                connection_peer(connection), what, name ? name : "no API of Kafka",
                header->request_api_key, header->request_api_version, err_text(err));
    connection_close(connection);
}

/* Whether a line about it is due: once a minute for what its host does. */
static bool connection_is_first(struct connection *connection, const char *what)
{
    struct connection_owner *owner = connection->owner;
    return told_is_first(&owner->told, owner->deps.logger, env_now_ms(owner->deps.env),
                         connection_peer(connection), what);
}

/* There is no answer that its sender could read: Kafka closes too. ApiVersions does not name the
 * API, so a client that asks first does not come here. */
static void connection_refuse_absent(struct connection *connection, int16_t key, int16_t version)
{
    const char *name = kafka_api_name(key);
    char what[64];
    snprintf(what, sizeof(what), "asks for %s%sapi key %d", name ? name : "", name ? ", " : "",
             key);
    if (connection_is_first(connection, what))
        logger_warn(connection->owner->deps.logger,
                    "closing the connection of %s: it %s, version %d, which %s: said once a minute",
                    connection_peer(connection), what, version,
                    name ? "this broker does not serve" : "Kafka does not have");
    connection_close(connection);
}

static struct request *connection_new_request(struct connection *connection,
                                              const struct request_header *header, size_t len)
{
    struct request *request = mem_alloc(sizeof(*request));
    const struct server_deps *deps = &connection->owner->deps;
    request->broker = deps->broker;
    request->logger = deps->logger;
    request->api = kafka_api_find(header->request_api_key);
    request->row = api_table_find(deps->apis, header->request_api_key);
    ASSERT(request->api != NULL);
    ASSERT(request->row != NULL);
    request->bytes = len + sizeof(int32_t);
    request->version = header->request_api_version;
    request->correlation_id = header->correlation_id;
    request->client_id = header->client_id;
    request->principal = connection->principal;
    request->received_us = request->begun_us = env_now_us(deps->env);
    request->listener = connection->listener;
    request->connection = connection;
    request->owner = connection->owner;
    arena_init(&request->arena, REQUEST_ARENA_MAX);
    wire_out_init(&request->out);
    list_push(&connection->requests, &request->link);
    connection->request_count++;
    request_begin(request);
    return request;
}

/* Key and version stand first in every header, before their layout is known. */
static int connection_decode_header(const struct api_table *apis, uint8_t *bytes, size_t len,
                                    struct arena *arena, struct request_header *header,
                                    size_t *used)
{
    if (len < 8)
        return ERR_MALFORMED;
    header->request_api_key = (int16_t)bytes_get_u16(bytes);
    header->request_api_version = (int16_t)bytes_get_u16(bytes + 2);
    header->correlation_id = (int32_t)bytes_get_u32(bytes + 4);
    header->client_id = WIRE_STR_NULL;
    const struct api_row *row = api_table_find(apis, header->request_api_key);
    if (!row || header->request_api_version < row->version_min ||
        header->request_api_version > row->version_max) {
        *used = len; /* the layout of the rest is not known */
        return row ? ERR_UNSUPPORTED_VERSION : ERR_NOT_FOUND;
    }
    int16_t version =
        kafka_api_request_header_version(kafka_api_find(row->key), header->request_api_version);
    return wire_decode(&request_header_desc, version, bytes, len, arena, header, used);
}

/* The answer to an ApiVersions request of the future is the v0 form; the handler sees version -1.
 */
static bool connection_is_future_api_versions(const struct request_header *header, int err)
{
    return err == ERR_UNSUPPORTED_VERSION && header->request_api_key == KAFKA_API_API_VERSIONS;
}

/* The handler may answer at once; else the received bytes are kept for it. A handler can't close
 * the connection under us: request_fail does that in the next turn. True: they must be kept. */
static bool connection_dispatch(struct connection *connection, struct request *request)
{
    ASSERT(!connection->handling);
    connection->handling = request;
    api_table_handle(connection->owner->deps.apis, request->row, request);
    if (connection->handling != request)
        return false;
    connection->handling = NULL;
    ASSERT(!request->answered);
    ASSERT(!request->block);
    request_handled(request);
    return !request->released;
}

static void connection_handle(struct connection *connection, struct request *request)
{
    if (connection_dispatch(connection, request))
        frame_conn_detach(connection->conn, &request->block, &request->charged);
    connection_check(connection);
}

/* No handler has it: closing would leave it to one. */
static void connection_refuse_body(struct connection *connection, struct request *request, int err)
{
    struct request_header header = {.request_api_key = request->api->key,
                                    .request_api_version = request->version};
    list_remove(&request->link);
    connection->request_count--;
    request->failed = true;
    request->error = err_to_wire(err);
    request_end(request, false);
    connection_refuse(connection, &header, "the request body can't be decoded", err);
}

/* What follows the request of a trial is none of it. */
static void connection_go_on(struct connection *connection)
{
    if (connection->kind == CONNECTION_TRIAL)
        connection_close(connection);
    else
        connection_throttle(connection);
}

/* A worker has decoded the body. As in the callback of a frame, its bytes stay until the handler
 * returns. */
static void connection_decoded(struct request *request, int err)
{
    struct connection *connection = request->connection;
    ASSERT(connection->decoding == request);
    connection->decoding = NULL;
    if (err) {
        connection_refuse_body(connection, request, err);
        return;
    }
    struct connection_owner *owner = connection->owner;
    request->begun_us = env_now_us(owner->deps.env);
    void *block = request->block;
    size_t charged = request->charged;
    request->block = NULL;
    if (connection_dispatch(connection, request)) {
        request->block = block;
    } else {
        mem_free(block);
        mem_budget_give(&owner->budget, charged);
    }
    connection_check(connection);
    connection_go_on(connection);
}

/* No listener asks who it is yet. */
static void connection_authenticate(struct connection *connection)
{
    connection_move(connection, CONNECTION_AUTHENTICATING);
    connection->principal = REQUEST_ANONYMOUS;
    connection_move(connection, CONNECTION_READY);
}

static void connection_frame(void *data, uint8_t *bytes, size_t len)
{
    struct connection *connection = data;
    if (connection->state == CONNECTION_HANDSHAKE)
        connection_authenticate(connection);
    struct request_header header = {.request_api_key = -1, .request_api_version = -1};
    struct arena arena;
    size_t used = 0;
    connection->active_ms = env_now_ms(connection->owner->deps.env);
    arena_init(&arena, 4096); /* a header has no arrays */
    int err =
        connection_decode_header(connection->owner->deps.apis, bytes, len, &arena, &header, &used);
    arena_close(&arena);
    bool future = connection_is_future_api_versions(&header, err);
    if (connection->kind == CONNECTION_TRIAL && header.request_api_key != KAFKA_API_FETCH) {
        connection_close(connection);
        return;
    }
    if (err == ERR_NOT_FOUND) {
        connection_refuse_absent(connection, header.request_api_key, header.request_api_version);
        return;
    }
    if (err && !future) {
        connection_refuse(connection, &header, "the request header can't be used", err);
        return;
    }
    struct request *request = connection_new_request(connection, &header, len);
    bool later = false;
    if (future) {
        request->version = -1;
        request->body = arena_alloc(&request->arena, request->api->request->size);
        err = request->body ? 0 : ERR_NO_MEMORY;
    } else {
        err = request_decode(request, bytes + used, len - used, &later);
    }
    if (later) {
        frame_conn_detach(connection->conn, &request->block, &request->charged);
        connection->decoding = request;
        request_decode_later(request, bytes + used, len - used, connection_decoded);
        connection_throttle(connection);
        return;
    }
    if (err) {
        connection_refuse_body(connection, request, err);
        return;
    }
    connection_handle(connection, request);
    connection_go_on(connection);
}

static void connection_broken(void *data, int err)
{
    struct connection *connection = data;
    struct connection_owner *owner = connection->owner;
    struct logger *logger = owner->deps.logger;
    char what[64];
    size_t len;
    const uint8_t *unread = frame_conn_unread(connection->conn, &len);
    bool spoken = connection->state > CONNECTION_HANDSHAKE;
    const char *name = spoken ? NULL : foreign_name(unread, len);
    if (name) {
        snprintf(what, sizeof(what), "speaks %s", name);
        if (connection_is_first(connection, what))
            logger_warn(logger,
                        "closing the connection of %s: it %s, and this port speaks Kafka's "
                        "protocol, in plain: set security.protocol=PLAINTEXT in a client of Kafka",
                        connection_peer(connection), what);
    } else if (err != ERR_EOF && err != ERR_RESET && err != ERR_CLOSED) {
        logger_warn(logger, "closing the connection of %s: %s", connection_peer(connection),
                    err_text(err));
    }
    connection_close(connection);
}

static void connection_drained(void *data)
{
    connection_throttle(data);
}

/* ---- quotas ---- */

static void connection_hold_over(void *data)
{
    struct connection *connection = data;
    if (connection->state < CONNECTION_CLOSING)
        connection_throttle(connection);
}

void connection_hold(struct connection *connection, int32_t wait_ms)
{
    int64_t until_us = env_now_us(connection->owner->deps.env) + (int64_t)wait_ms * 1000;
    ASSERT(wait_ms > 0);
    bool held = env_timer_running(&connection->hold_timer);
    if (connection->state >= CONNECTION_CLOSING || (held && until_us <= connection->held_until_us))
        return;
    connection->held_until_us = until_us;
    env_timer_start(&connection->hold_timer, wait_ms);
    connection_throttle(connection);
}

void connection_end_hold(struct connection *connection)
{
    env_timer_stop(&connection->hold_timer);
    connection_hold_over(connection);
}

bool connection_is_brokers(const struct connection *connection)
{
    return connection->kind == CONNECTION_BROKER;
}

/* ---- life ---- */

static const struct frame_handlers connection_handlers = {
    .frame = connection_frame, .broken = connection_broken, .drained = connection_drained};

/* One that is let go gets the answers that it waits for first. */
static void connection_close_due(void *data)
{
    struct connection *connection = data;
    bool waits = connection->request_count > 0 || connection->unsent > 0;
    ASSERT(connection->state < CONNECTION_CLOSED);
    if (connection->state < CONNECTION_CLOSING && waits)
        env_timer_start(&connection->close_timer, CONNECTION_MOVED_MS);
    else
        connection_close(connection);
}

/* Each kind but that of the clients is counted. */
static void connection_become(struct connection *connection, enum connection_kind kind)
{
    struct connection_owner *owner = connection->owner;
    ASSERT(kind != connection->kind || kind == CONNECTION_CLIENT);
    owner->trials -= connection->kind == CONNECTION_TRIAL;
    owner->brokers -= connection->kind == CONNECTION_BROKER;
    connection->kind = kind;
    owner->trials += kind == CONNECTION_TRIAL;
    owner->brokers += kind == CONNECTION_BROKER;
    connection_check(connection);
}

int connection_new(struct connection_owner *owner, const struct frame_opening *opening,
                   int listener, struct connection **out)
{
    struct env *env = owner->deps.env;
    struct connection *connection = mem_alloc(sizeof(*connection));
    ASSERT(listener >= 0);
    connection->owner = owner;
    connection->listener = listener;
    connection->active_ms = env_now_ms(env);
    connection->opened_us = env_now_us(env);
    list_init(&connection->requests);
    list_init(&connection->watches);
    env_timer_init(env, &connection->close_timer, connection_close_due, connection);
    env_timer_init(env, &connection->hold_timer, connection_hold_over, connection);
    int err = frame_conn_open(env, opening, owner->deps.limits.request_bytes, &owner->budget,
                              &connection_handlers, connection, &connection->conn);
    if (err) {
        mem_free(connection);
        return err;
    }
    const char *peer = frame_conn_peer(connection->conn);
    const char *colon = strrchr(peer, ':');
    snprintf(connection->host, sizeof(connection->host), "/%.*s",
             (int)(colon ? colon - peer : (ptrdiff_t)strlen(peer)), peer);
    list_push(&owner->connections, &connection->link);
    owner->count++;
    connection_check(connection);
    logger_debug(owner->deps.logger, "connection of %s accepted, %zu are open",
                 connection_peer(connection), owner->count);
    *out = connection;
    return 0;
}

void connection_close(struct connection *connection)
{
    ASSERT(!connection->handling);
    connection_move(connection, CONNECTION_CLOSED);
    connection->owner->unproven += connection->kind == CONNECTION_TRIAL;
    connection_become(connection, CONNECTION_CLIENT);
    list_remove(&connection->link);
    ASSERT(connection->owner->count > 0);
    connection->owner->count--;
    logger_debug(connection->owner->deps.logger, "connection of %s closed, %zu are open",
                 connection_peer(connection), connection->owner->count);
    env_timer_stop(&connection->close_timer);
    env_timer_stop(&connection->hold_timer);
    struct list *step;
    while ((step = list_pop(&connection->requests))) {
        struct request *request = LIST_ENTRY(step, struct request, link);
        request->connection = NULL;
        if (request->answered || request->decode)
            request_end(request, false);
    }
    while ((step = list_pop(&connection->watches))) {
        struct request_watch *watch = LIST_ENTRY(step, struct request_watch, link);
        watch->closed(watch);
    }
    frame_conn_close(connection->conn);
    ASSERT(connection->unsent == 0);
    ASSERT(connection->unsent_bytes == 0);
    if (connection->kept.data)
        connection->kept.left(connection->kept.data);
    for (int i = 0; i < REQUEST_SOFTWARES; i++)
        mem_free(connection->software[i]);
    ASSERT(list_empty(&connection->watches));
    mem_free(connection);
}

void connection_watch(struct connection *connection, struct request_watch *watch)
{
    ASSERT(watch->closed != NULL);
    list_push(&connection->watches, &watch->link);
}

void connection_close_soon(struct connection *connection)
{
    if (connection->state < CONNECTION_CLOSING)
        connection_move(connection, CONNECTION_CLOSING);
    env_timer_start(&connection->close_timer, 0);
}

void connection_try(struct connection *connection, size_t trials_max)
{
    struct connection_owner *owner = connection->owner;
    ASSERT(connection->kind == CONNECTION_CLIENT);
    ASSERT(trials_max > 0);
    connection_become(connection, CONNECTION_TRIAL);
    env_timer_start(&connection->close_timer, CONNECTION_TRIAL_MS);
    LIST_EACH(step, &owner->connections) {
        if (owner->trials <= trials_max)
            break;
        if (connection_of(step)->kind == CONNECTION_TRIAL)
            connection_close(connection_of(step));
    }
}

/* The oldest of too many of one broker goes: it broke, and the kernel has not told us. */
static void connection_limit_broker(struct connection_owner *owner, int32_t replica_id)
{
    struct connection *oldest = NULL;
    int count = 0;
    LIST_EACH(step, &owner->connections) {
        struct connection *connection = connection_of(step);
        if (connection->kind != CONNECTION_BROKER || connection->replica_id != replica_id ||
            connection->state >= CONNECTION_CLOSING)
            continue;
        oldest = oldest ? oldest : connection;
        count++;
    }
    if (count > CONNECTION_BROKER_MAX)
        connection_close_soon(oldest);
}

void connection_note_follower(struct connection *connection, int32_t replica_id)
{
    const struct server_deps *deps = &connection->owner->deps;
    if (connection->state >= CONNECTION_CLOSING || connection->kind == CONNECTION_BROKER ||
        !deps->events->is_other_broker(deps->data, replica_id))
        return;
    frame_conn_set_urgent(connection->conn);
    if (connection->kind == CONNECTION_TRIAL)
        env_timer_stop(&connection->close_timer);
    connection->replica_id = replica_id;
    connection_become(connection, CONNECTION_BROKER);
    connection_limit_broker(connection->owner, replica_id);
}

void connection_note_moved(struct connection *connection)
{
    if (!connection->owner->leaving)
        return;
    connection->moved = true;
    if (connection->owner->letting_go)
        connection_let_go(connection);
}

void connection_let_go(struct connection *connection)
{
    ASSERT(connection->owner->letting_go);
    if (connection->moved && connection->state < CONNECTION_CLOSING)
        env_timer_start(&connection->close_timer, CONNECTION_MOVED_MS);
}

size_t connection_held(const struct connection *connection, int64_t *since_ms)
{
    return frame_conn_held(connection->conn, since_ms);
}

const char *connection_peer(const struct connection *connection)
{
    return frame_conn_peer(connection->conn);
}

const char *connection_host(const struct connection *connection)
{
    return connection->host;
}

void connection_note_software(struct connection *connection, enum request_software what,
                              struct wire_str text)
{
    ASSERT(what < REQUEST_SOFTWARES);
    size_t len = text.len > 0 ? (size_t)text.len : 0;
    mem_free(connection->software[what]);
    connection->software[what] =
        mem_strndup(text.data, len < REQUEST_SOFTWARE_MAX ? len : REQUEST_SOFTWARE_MAX);
}

const char *connection_software(const struct connection *connection, enum request_software what)
{
    ASSERT(what < REQUEST_SOFTWARES);
    return connection->software[what];
}

struct request_kept *connection_kept(struct connection *connection)
{
    ASSERT(connection->state < CONNECTION_CLOSED);
    return &connection->kept;
}

int64_t connection_opened_us(const struct connection *connection)
{
    return connection->opened_us;
}

int64_t connection_active_ms(const struct connection *connection)
{
    return connection->active_ms;
}

bool connection_is_waiting(struct connection *connection)
{
    size_t queued = frame_conn_queued(connection->conn);
    if (queued != connection->queued_seen) {
        connection->queued_seen = queued;
        connection->queued_seen_ms = env_now_ms(connection->owner->deps.env);
    }
    if (queued > 0 && connection->queued_seen_ms > connection->active_ms)
        connection->active_ms = connection->queued_seen_ms;
    return connection->request_count > 0;
}

unsigned connection_pauses(const struct connection *connection)
{
    return connection->pauses;
}

const char *connection_pause_text(enum connection_pause pause)
{
    static const char *const texts[] = {
#define CONNECTION_PAUSE_TEXT(name, text) text,
        CONNECTION_PAUSE_LIST(CONNECTION_PAUSE_TEXT)
#undef CONNECTION_PAUSE_TEXT
    };
    ASSERT(pause < CONNECTION_PAUSES);
    return texts[pause];
}

struct connection *connection_of(struct list *link)
{
    return LIST_ENTRY(link, struct connection, link);
}

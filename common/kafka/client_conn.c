/* One connection of a client.
 *
 * Happy path: dial, ask ApiVersions 3, remember the ranges, call `ready`; then each request goes
 * into a queue of calls in flight, and each frame answers the oldest one. Failure modes: the dial
 * fails or the broker stays silent (one timer for both); a broker that does not know ApiVersions 3
 * answers with error 35 in the form of version 0, and is asked again with its own version; a broken
 * connection fails all calls in flight; a late answer finds its call marked as given up and is
 * dropped. */
#include "kafka/client_conn.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/err.h"
#include "base/version.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/headers.h"

/* An answer's arrays may take this many times its bytes, plus some: the largest ratio of a struct
 * to its encoding in the messages that tools use is about 40. */
enum { CLIENT_ARENA_FACTOR = 64, CLIENT_ARENA_EXTRA = 1 << 20 };
/* ApiVersions names each API once. */
enum { CLIENT_RANGES_MAX = 512 };

enum { CLIENT_VERSIONS_ASKED = 3 };

struct client_range {
    int16_t key, min, max;
};

struct client_call {
    struct list link;
    int32_t correlation;
    int16_t key, version;
    bool given_up; /* timed out: the answer is still to come, and will be dropped */
    void (*done)(void *data, int err, struct client_answer *answer);
    void *data;
    struct env_timer timer;
    struct client_conn *conn;
};

struct client_conn {
    struct env *env;
    struct client_conn_config config;
    char *host;
    void (*ready)(void *data, int err); /* NULL once it was called */
    void *data;
    struct env_connect *dial;
    struct frame_conn *frames;
    struct env_timer timer;      /* until ready */
    struct list calls;           /* in flight, the oldest first */
    struct client_range *ranges; /* NULL before the peer has told them */
    int range_count;
    int32_t correlation_next;
    bool closed; /* client_conn_close was called inside a callback of ours */
    bool usable;
    bool refused; /* our version of ApiVersions, once */
    int in_callback;
};

static void client_conn_ask_versions(struct client_conn *conn, int16_t version);

void client_answer_free(struct client_answer *answer)
{
    arena_close(&answer->arena);
    mem_free(answer->block);
    *answer = (struct client_answer){0};
}

/* ---- life ---- */

static void client_call_free(struct client_call *call)
{
    env_timer_stop(&call->timer);
    list_remove(&call->link);
    mem_free(call);
}

static void client_conn_release(struct client_conn *conn)
{
    if (conn->in_callback > 0)
        return;
    ASSERT(list_empty(&conn->calls));
    ASSERT(conn->frames == NULL);
    mem_free(conn->host);
    mem_free(conn->ranges);
    mem_free(conn);
}

void client_conn_close(struct client_conn *conn)
{
    if (!conn || conn->closed)
        return;
    conn->closed = true;
    conn->usable = false;
    env_timer_stop(&conn->timer);
    if (conn->dial)
        env_connect_cancel(conn->dial);
    if (conn->frames)
        frame_conn_close(conn->frames);
    conn->dial = NULL;
    conn->frames = NULL;
    while (!list_empty(&conn->calls))
        client_call_free(LIST_ENTRY(conn->calls.next, struct client_call, link));
    client_conn_release(conn);
}

/* Between enter and leave, client_conn_close keeps the memory. */
static void client_conn_enter(struct client_conn *conn)
{
    conn->in_callback++;
}

static void client_conn_leave(struct client_conn *conn)
{
    ASSERT(conn->in_callback > 0);
    conn->in_callback--;
    if (conn->closed)
        client_conn_release(conn);
}

static void client_call_finish(struct client_call *call, int err, struct client_answer *answer)
{
    void (*done)(void *, int, struct client_answer *) = call->given_up ? NULL : call->done;
    void *data = call->data;
    client_call_free(call);
    if (done)
        done(data, err, answer);
    else
        client_answer_free(answer);
}

/* Everything that waits hears of `err`. */
static void client_conn_fail(struct client_conn *conn, int err)
{
    ASSERT(err < 0);
    void (*ready)(void *, int) = conn->ready;
    client_conn_enter(conn);
    conn->usable = false;
    conn->ready = NULL;
    env_timer_stop(&conn->timer);
    if (conn->frames)
        frame_conn_close(conn->frames);
    if (conn->dial)
        env_connect_cancel(conn->dial);
    conn->frames = NULL;
    conn->dial = NULL;
    while (!list_empty(&conn->calls)) {
        struct client_answer none = {0};
        client_call_finish(LIST_ENTRY(conn->calls.next, struct client_call, link), err, &none);
    }
    if (ready && !conn->closed)
        ready(conn->data, err);
    client_conn_leave(conn);
}

static void client_conn_on_timeout(void *data)
{
    client_conn_fail(data, ERR_TIMED_OUT);
}

/* ---- answers ---- */

/* A broker that lacks our version of ApiVersions answers in the form of version 0 (KIP-511). Some
 * stand-ins send something else behind the error code, which then is all that counts. */
static int client_call_decode_refusal(const struct kafka_api *api, uint8_t *bytes, size_t len,
                                      struct client_answer *answer)
{
    size_t used;
    answer->version = 0;
    if (wire_decode(api->response, 0, bytes, len, &answer->arena, answer->response, &used) == 0)
        return 0;
    wire_defaults(api->response, answer->response);
    ((struct api_versions_response *)answer->response)->error_code =
        err_to_wire(ERR_UNSUPPORTED_VERSION);
    return 0;
}

/* 0 and the answer in *answer, of which `block` is still to be set; ERR_MALFORMED. */
static int client_call_decode(const struct client_call *call, uint8_t *bytes, size_t len,
                              struct client_answer *answer)
{
    const struct kafka_api *api = kafka_api_find(call->key);
    struct response_header header;
    size_t used = 0, body_used = 0;
    arena_init(&answer->arena, len * CLIENT_ARENA_FACTOR + CLIENT_ARENA_EXTRA);
    answer->key = call->key;
    answer->version = call->version;
    int err =
        wire_decode(&response_header_desc, kafka_api_response_header_version(api, call->version),
                    bytes, len, &answer->arena, &header, &used);
    if (err == 0 && header.correlation_id != call->correlation)
        err = ERR_MALFORMED;
    if (err)
        return err;
    answer->response = arena_alloc(&answer->arena, api->response->size);
    if (!answer->response)
        return ERR_NO_MEMORY;
    err = wire_decode(api->response, call->version, bytes + used, len - used, &answer->arena,
                      answer->response, &body_used);
    if (call->key == KAFKA_API_API_VERSIONS && len - used >= 2 &&
        err_from_wire((int16_t)bytes_get_u16(bytes + used)) == ERR_UNSUPPORTED_VERSION)
        err = client_call_decode_refusal(api, bytes + used, len - used, answer);
    return err;
}

static void client_conn_on_frame(void *data, uint8_t *bytes, size_t len)
{
    struct client_conn *conn = data;
    if (list_empty(&conn->calls)) {
        client_conn_fail(conn, ERR_MALFORMED);
        return;
    }
    struct client_call *call = LIST_ENTRY(conn->calls.next, struct client_call, link);
    struct client_answer answer = {0};
    int err = client_call_decode(call, bytes, len, &answer);
    if (err) {
        client_answer_free(&answer);
        client_conn_fail(conn, err);
        return;
    }
    size_t charged;
    frame_conn_detach(conn->frames, &answer.block, &charged); /* no budget: nothing to give back */
    client_conn_enter(conn);
    client_call_finish(call, 0, &answer);
    client_conn_leave(conn);
}

static void client_conn_on_broken(void *data, int err)
{
    client_conn_fail(data, err);
}

static const struct frame_handlers client_conn_handlers = {
    .frame = client_conn_on_frame,
    .broken = client_conn_on_broken,
};

static void client_call_on_timeout(void *data)
{
    struct client_call *call = data;
    ASSERT(!call->given_up);
    void (*done)(void *, int, struct client_answer *) = call->done;
    struct client_answer none = {0};
    call->given_up = true;
    if (done)
        done(call->data, ERR_TIMED_OUT, &none);
}

/* ---- dialling and versions ---- */

static void client_conn_keep_ranges(struct client_conn *conn,
                                    const struct api_versions_response *response)
{
    int32_t count = response->api_keys.count;
    if (count > CLIENT_RANGES_MAX)
        count = CLIENT_RANGES_MAX;
    conn->range_count = 0;
    conn->ranges = mem_realloc(conn->ranges, (size_t)count * sizeof(*conn->ranges));
    for (int32_t i = 0; i < count; i++) {
        const struct api_versions_response_api_version *row = &response->api_keys.items[i];
        conn->ranges[conn->range_count++] =
            (struct client_range){row->api_key, row->min_version, row->max_version};
    }
    ASSERT(conn->range_count <= CLIENT_RANGES_MAX);
}

static void client_conn_on_versions(void *data, int err, struct client_answer *answer)
{
    struct client_conn *conn = data;
    if (err)
        return; /* client_conn_fail is at work and tells `ready` itself */
    const struct api_versions_response *response = answer->response;
    int broker_err = err_from_wire(response->error_code);
    client_conn_keep_ranges(conn, response);
    client_answer_free(answer);
    int16_t min = 0, max = 0;
    bool known = client_conn_range(conn, KAFKA_API_API_VERSIONS, &min, &max);
    if (broker_err == ERR_UNSUPPORTED_VERSION && !conn->refused) {
        conn->refused = true;
        client_conn_ask_versions(conn, known && max < CLIENT_VERSIONS_ASKED ? max : 0);
        return;
    }
    if (broker_err) {
        client_conn_fail(conn, broker_err);
        return;
    }
    void (*ready)(void *, int) = conn->ready;
    env_timer_stop(&conn->timer);
    conn->ready = NULL;
    if (ready)
        ready(conn->data, 0);
}

static void client_conn_ask_versions(struct client_conn *conn, int16_t version)
{
    struct api_versions_request request;
    ASSERT(conn->usable); /* it has just come up, or answered */
    wire_defaults(&api_versions_request_desc, &request);
    request.client_software_name = wire_str_from("millrace");
    request.client_software_version = wire_str_from(MILLRACE_VERSION);
    int err = client_conn_send(conn, KAFKA_API_API_VERSIONS, version, &request,
                               conn->config.timeout_ms, client_conn_on_versions, conn);
    if (err)
        client_conn_fail(conn, err); /* memory is out */
}

static void client_conn_on_dialled(void *data, int status, struct env_stream *stream)
{
    struct client_conn *conn = data;
    ASSERT(conn->frames == NULL);
    ASSERT((status == 0) == (stream != NULL));
    conn->dial = NULL;
    if (status == 0)
        status = frame_conn_new(conn->env, transport_plain(stream), conn->config.frame_max, NULL,
                                &client_conn_handlers, conn, &conn->frames);
    if (status) {
        client_conn_fail(conn, status);
        return;
    }
    conn->usable = true;
    client_conn_ask_versions(conn, CLIENT_VERSIONS_ASKED);
}

int client_conn_new(struct env *env, const struct client_conn_config *config,
                    void (*ready)(void *data, int err), void *data, struct client_conn **out)
{
    struct client_conn *conn = mem_alloc(sizeof(*conn));
    ASSERT(ready != NULL);
    conn->env = env;
    conn->config = *config;
    conn->host = mem_strdup(config->host);
    conn->config.host = conn->host;
    conn->ready = ready;
    conn->data = data;
    list_init(&conn->calls);
    env_timer_init(env, &conn->timer, client_conn_on_timeout, conn);
    int err = env_connect(env, conn->host, config->port, config->timeout_ms, client_conn_on_dialled,
                          conn, &conn->dial);
    if (err) {
        mem_free(conn->host);
        mem_free(conn);
        return err;
    }
    env_timer_start(&conn->timer, config->timeout_ms);
    *out = conn;
    return 0;
}

bool client_conn_usable(const struct client_conn *conn)
{
    return conn->usable && !conn->ready;
}

bool client_conn_range(const struct client_conn *conn, int16_t key, int16_t *min, int16_t *max)
{
    ASSERT(conn->range_count == 0 || conn->ranges != NULL);
    for (int i = 0; i < conn->range_count; i++) {
        if (conn->ranges[i].key != key)
            continue;
        *min = conn->ranges[i].min;
        *max = conn->ranges[i].max;
        return true;
    }
    return false;
}

int16_t client_conn_key(const struct client_conn *conn, int i)
{
    return i < conn->range_count ? conn->ranges[i].key : (int16_t)-1;
}

int client_conn_version(const struct client_conn *conn, int16_t key, int16_t limit)
{
    const struct kafka_api *api = kafka_api_find(key);
    int16_t min = 0, max = 0;
    ASSERT(api != NULL);
    if (!client_conn_range(conn, key, &min, &max))
        return ERR_UNSUPPORTED_VERSION;
    int16_t version = max < api->max ? max : api->max;
    if (version > limit)
        version = limit;
    return version >= min && version >= api->min ? version : ERR_UNSUPPORTED_VERSION;
}

/* ---- requests ---- */

/* The frame, its size in front; ERR_UNSUPPORTED for a request with ranges of files. */
static int client_call_encode(const struct client_conn *conn, const struct client_call *call,
                              const void *request, struct buf *frame)
{
    const struct kafka_api *api = kafka_api_find(call->key);
    struct request_header header = {call->key, call->version, call->correlation,
                                    wire_str_from(conn->config.client_id)};
    struct wire_out out;
    struct env_chunk chunk;
    size_t cursor = 0;
    wire_out_init(&out);
    wire_put_i32(&out, 0);
    int err = wire_encode(&request_header_desc,
                          kafka_api_request_header_version(api, call->version), &header, &out);
    if (err == 0)
        err = wire_encode(api->request, call->version, request, &out);
    if (err == 0)
        err = wire_out_error(&out);
    if (err == 0)
        wire_out_set_i32(&out, 0, (int32_t)(wire_out_size(&out) - 4));
    while (err == 0 && wire_out_next(&out, &cursor, &chunk))
        err = chunk.file ? ERR_UNSUPPORTED : buf_append(frame, chunk.data, chunk.len);
    wire_out_close(&out);
    return err;
}

int client_conn_send(struct client_conn *conn, int16_t key, int16_t version, const void *request,
                     int64_t timeout_ms,
                     void (*done)(void *data, int err, struct client_answer *answer), void *data)
{
    if (!conn->usable)
        return ERR_CLOSED;
    struct client_call *call = mem_alloc(sizeof(*call));
    *call = (struct client_call){
        .correlation = conn->correlation_next,
        .key = key,
        .version = version,
        .done = done,
        .data = data,
        .conn = conn,
    };
    struct buf frame;
    buf_init(&frame);
    int err = client_call_encode(conn, call, request, &frame);
    if (err) {
        buf_close(&frame);
        mem_free(call);
        return err;
    }
    conn->correlation_next = conn->correlation_next == INT32_MAX ? 0 : conn->correlation_next + 1;
    struct outbox_chunk chunk = {
        .chunk = {.data = frame.data, .len = frame.len}, .release = mem_free, .owner = frame.data};
    frame_conn_send(conn->frames, &chunk);
    env_timer_init(conn->env, &call->timer, client_call_on_timeout, call);
    list_init(&call->link);
    if (!done) {
        mem_free(call);
        return 0;
    }
    list_push(&conn->calls, &call->link);
    env_timer_start(&call->timer, timeout_ms);
    return 0;
}

/* Lines to brokers, over the connections of a client (kafka/client_conn.h).
 *
 * Happy path: the first call dials; when the peer has said which versions it has, what waits is
 * sent, and each answer ends its call. Failure modes: no address, a dial that fails or a line that
 * breaks ends all calls of the line, and the next dial waits a little, longer each time; a call
 * that nobody answers breaks the line too, since answers come in order and those behind it would be
 * as late; a peer that closed an idle line is dialled again by the next call. */
#include "broker/cluster/broker_lines.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/state.h"
#include "broker/cluster/endpoint.h"
#include "broker/cluster/line_numbers.h"
#include "kafka/client_conn.h"

enum {
    LINE_DIAL_MS = 2000, /* a host that does not answer; its session ends by then */
    LINE_REDIAL_MS = 30, /* doubled by each failure, up to LINE_REDIAL_MAX_MS */
    LINE_REDIAL_MAX_MS = 500,
    LINE_TELL_MS = 10000 /* between two log lines about one that can't be reached */
};

enum line_state { LINE_IDLE, LINE_DIALLING, LINE_READY, LINE_PAUSED, LINE_STATES };

struct broker_line {
    enum line_state state;
    struct broker_lines *lines;
    int32_t broker_id;
    struct client_conn *conn;
    char client_id[LINE_NUMBERS_TEXT_MAX]; /* of the connection, where they are numbered */
    /* What was dialled: */
    int64_t epoch;
    char *host;
    uint16_t port;
    struct list waiting; /* struct broker_call */
    struct list flights; /* struct broker_flight */
    int calls;           /* waiting, and those of the flights */
    int flight_count;
    struct env_timer work_timer;
    struct env_timer redial_timer;
    int64_t redial_ms; /* the next pause */
    int64_t told_ms;   /* when a failure was logged; 0 = not since the last answer */
};

/* A request that was sent; it outlives a call that is cancelled. */
struct broker_flight {
    struct list link;
    struct broker_line *line;
    struct broker_call *call; /* NULL: nobody waits any more */
};

struct broker_lines {
    struct broker_lines_deps deps;
    struct map lines; /* broker id -> struct broker_line */
    uint64_t dials;
    struct metadata_listener listener;
    struct list ended; /* calls that could not begin */
    struct env_timer end_timer;
};

static const struct state_row line_states[LINE_STATES] = {
    [LINE_IDLE] = {"idle", STATE_BIT(LINE_DIALLING) | STATE_BIT(LINE_PAUSED)},
    [LINE_DIALLING] = {"dialling", STATE_BIT(LINE_READY) | STATE_BIT(LINE_PAUSED)},
    [LINE_READY] = {"ready", STATE_BIT(LINE_IDLE) | STATE_BIT(LINE_PAUSED)},
    [LINE_PAUSED] = {"paused", STATE_BIT(LINE_IDLE)},
};

/* What holds between two events. */
static void broker_line_check(const struct broker_line *line)
{
    bool has_conn = line->state == LINE_DIALLING || line->state == LINE_READY;
    ASSERT(has_conn == (line->conn != NULL));
    ASSERT((line->state == LINE_PAUSED) == env_timer_running(&line->redial_timer));
    ASSERT(line->state == LINE_READY || list_empty(&line->flights));
    ASSERT(line->flight_count >= 0);
    ASSERT(line->flight_count <= BROKER_LINE_FLIGHTS_MAX);
    ASSERT(line->calls >= 0);
    ASSERT(line->calls <= BROKER_LINE_CALLS_MAX);
    ASSERT(line->redial_ms >= LINE_REDIAL_MS);
    ASSERT(line->redial_ms <= LINE_REDIAL_MAX_MS);
}

static void broker_line_move(struct broker_line *line, enum line_state to)
{
    STATE_MOVE_TOLD(line_states, line->state, to, line->lines->deps.logger, LOGGER_DEBUG,
                    "%s, line to broker %d", line->lines->deps.client_id, line->broker_id);
}

static void broker_line_wake(struct broker_line *line)
{
    if (!env_timer_running(&line->work_timer))
        env_timer_start_soon(&line->work_timer);
}

/* ---- calls ---- */

/* The call is its caller's again. */
static void broker_call_close(struct broker_call *call)
{
    ASSERT(call->open);
    call->open = false;
    env_timer_stop(&call->timer);
    list_remove(&call->link);
    if (call->flight)
        call->flight->call = NULL;
    if (call->line)
        call->line->calls--;
    call->flight = NULL;
    call->line = NULL;
}

static void broker_call_end(struct broker_call *call, int err, const void *response)
{
    ASSERT((err == 0) == (response != NULL));
    broker_call_close(call);
    call->done(call, err, response);
}

static void broker_call_late(void *data)
{
    broker_call_end(data, ERR_TIMED_OUT, NULL);
}

static void broker_lines_end(void *data)
{
    struct broker_lines *lines = data;
    struct list ended, *step;
    list_init(&ended);
    list_splice(&ended, &lines->ended);
    while ((step = list_pop(&ended))) {
        struct broker_call *call = LIST_ENTRY(step, struct broker_call, link);
        broker_call_end(call, call->err, NULL);
    }
}

/* ---- the connection ---- */

static void broker_flight_free(struct broker_flight *flight)
{
    ASSERT(!flight->call);
    ASSERT(flight->line->flight_count > 0);
    flight->line->flight_count--;
    list_remove(&flight->link);
    mem_free(flight);
}

static void broker_line_drop(struct broker_line *line)
{
    client_conn_close(line->conn);
    line->conn = NULL;
}

/* All calls end; those that their callers make anew meanwhile wait for the next dial. */
static void broker_line_fail_calls(struct broker_line *line, int err)
{
    struct list failed, *step;
    list_init(&failed);
    while (!list_empty(&line->flights)) {
        struct broker_flight *flight = LIST_ENTRY(line->flights.next, struct broker_flight, link);
        struct broker_call *call = flight->call;
        if (call) {
            call->flight = NULL;
            flight->call = NULL;
            list_push(&failed, &call->link);
        }
        broker_flight_free(flight);
    }
    list_splice(&failed, &line->waiting);
    while ((step = list_pop(&failed)))
        broker_call_end(LIST_ENTRY(step, struct broker_call, link), err, NULL);
}

static void broker_line_tell(struct broker_line *line, int err)
{
    int64_t now_ms = env_now_ms(line->lines->deps.env);
    if (line->told_ms && now_ms - line->told_ms < LINE_TELL_MS)
        return;
    line->told_ms = now_ms ? now_ms : 1;
    logger_info(line->lines->deps.logger, "%s: no line to broker %d: %s: it is dialled again",
                line->lines->deps.client_id, line->broker_id, err_text(err));
}

static void broker_line_broken(struct broker_line *line, int err)
{
    broker_line_tell(line, err);
    broker_line_drop(line);
    broker_line_move(line, LINE_PAUSED);
    env_timer_start(&line->redial_timer, line->redial_ms);
    line->redial_ms *= 2;
    if (line->redial_ms > LINE_REDIAL_MAX_MS)
        line->redial_ms = LINE_REDIAL_MAX_MS;
    broker_line_fail_calls(line, err);
    broker_line_check(line);
}

static void broker_flight_answered(void *data, int err, struct client_answer *answer)
{
    struct broker_flight *flight = data;
    struct broker_line *line = flight->line;
    struct broker_call *call = flight->call;
    if (err) {
        broker_line_broken(line, err);
        return;
    }
    line->redial_ms = LINE_REDIAL_MS;
    line->told_ms = 0;
    if (call) {
        call->flight = NULL;
        flight->call = NULL;
    }
    broker_flight_free(flight);
    if (!list_empty(&line->waiting))
        broker_line_wake(line);
    struct client_answer own = *answer;
    if (call) {
        call->version = own.version;
        broker_call_end(call, 0, own.response);
    }
    client_answer_free(&own);
}

/* 0 when it is sent: the call waits for its answer then. */
static int broker_line_send_one(struct broker_line *line, struct broker_call *call)
{
    int64_t left_ms = call->until_ms - env_now_ms(line->lines->deps.env);
    int version = client_conn_version(line->conn, call->key, call->version_max);
    if (version >= 0 && version < call->version_min)
        version = ERR_UNSUPPORTED_VERSION;
    if (version < 0)
        return version;
    struct broker_flight *flight = mem_alloc(sizeof(*flight));
    flight->line = line;
    int err = client_conn_send(line->conn, call->key, (int16_t)version, call->request,
                               left_ms > 0 ? left_ms : 1, broker_flight_answered, flight);
    if (err) {
        mem_free(flight);
        return err;
    }
    env_timer_stop(&call->timer);
    list_remove(&call->link);
    flight->call = call;
    call->flight = flight;
    list_push(&line->flights, &flight->link);
    line->flight_count++;
    return 0;
}

static void broker_line_send(struct broker_line *line)
{
    while (!list_empty(&line->waiting) && line->flight_count < BROKER_LINE_FLIGHTS_MAX) {
        struct broker_call *call = LIST_ENTRY(line->waiting.next, struct broker_call, link);
        int err = broker_line_send_one(line, call);
        if (!err)
            continue;
        broker_call_end(call, err, NULL); /* it may have caused anything */
        broker_line_wake(line);
        return;
    }
}

static void broker_line_ready(void *data, int err)
{
    struct broker_line *line = data;
    ASSERT(line->state == LINE_DIALLING);
    if (err) {
        broker_line_broken(line, err);
        return;
    }
    broker_line_move(line, LINE_READY);
    broker_line_wake(line);
    broker_line_check(line);
}

/* A broker that the metadata does not know (yet) has no number: nobody takes it for one of ours. */
static const char *broker_line_client_id(struct broker_line *line)
{
    struct broker_lines *lines = line->lines;
    const struct broker_lines_deps *deps = &lines->deps;
    const struct image_broker *self =
        deps->numbered ? image_broker(metadata_image(deps->metadata), deps->node_id) : NULL;
    if (!self)
        return deps->client_id;
    line_numbers_write(line->client_id, deps->client_id, self->id, self->epoch, ++lines->dials);
    return line->client_id;
}

/* Where the broker is reached; NULL when none of that id serves. */
static const struct image_endpoint *broker_line_find(const struct broker_line *line, int64_t *epoch)
{
    const struct broker_lines_deps *deps = &line->lines->deps;
    const struct image *image = metadata_image(deps->metadata);
    const struct image_broker *broker = image_broker(image, line->broker_id);
    if (!broker || broker->fenced)
        return NULL;
    *epoch = broker->epoch;
    return endpoint_of_broker(image, deps->config, line->broker_id);
}

/* Whether the metadata has the broker still as it was dialled. */
static bool broker_line_is_current(const struct broker_line *line)
{
    int64_t epoch;
    const struct image_endpoint *endpoint = broker_line_find(line, &epoch);
    return endpoint && epoch == line->epoch && endpoint->port == line->port &&
           strcmp(endpoint->host, line->host) == 0;
}

static void broker_line_dial(struct broker_line *line)
{
    const struct broker_lines_deps *deps = &line->lines->deps;
    int64_t epoch;
    const struct image_endpoint *endpoint = broker_line_find(line, &epoch);
    if (!endpoint) {
        broker_line_broken(line, ERR_BROKER_NOT_AVAILABLE);
        return;
    }
    mem_free(line->host);
    line->host = mem_strdup(endpoint->host);
    line->port = endpoint->port;
    line->epoch = epoch;
    struct client_conn_config config = {.host = endpoint->host,
                                        .port = endpoint->port,
                                        .client_id = broker_line_client_id(line),
                                        .timeout_ms = LINE_DIAL_MS,
                                        .frame_max = BROKER_LINE_ANSWER_MAX};
    int err = client_conn_new(deps->env, &config, broker_line_ready, line, &line->conn);
    if (err)
        broker_line_broken(line, err);
    else
        broker_line_move(line, LINE_DIALLING);
}

static void broker_line_work(void *data)
{
    struct broker_line *line = data;
    if (line->conn && !broker_line_is_current(line)) {
        broker_line_broken(line, ERR_BROKER_NOT_AVAILABLE);
        return;
    }
    /* The peer closed it while nobody asked. */
    if (line->state == LINE_READY && !client_conn_usable(line->conn)) {
        ASSERT(list_empty(&line->flights));
        broker_line_drop(line);
        broker_line_move(line, LINE_IDLE);
    }
    if (line->state == LINE_READY)
        broker_line_send(line);
    else if (line->state == LINE_IDLE && !list_empty(&line->waiting))
        broker_line_dial(line);
}

static void broker_line_redial(void *data)
{
    struct broker_line *line = data;
    broker_line_move(line, LINE_IDLE);
    broker_line_work(line);
}

/* ---- life ---- */

static struct broker_line *broker_lines_line(struct broker_lines *lines, int32_t broker_id)
{
    struct broker_line *line = map_get_u64(&lines->lines, (uint32_t)broker_id);
    if (line)
        return line;
    line = mem_alloc(sizeof(*line));
    line->lines = lines;
    line->broker_id = broker_id;
    line->redial_ms = LINE_REDIAL_MS;
    list_init(&line->waiting);
    list_init(&line->flights);
    env_timer_init(lines->deps.env, &line->work_timer, broker_line_work, line);
    env_timer_init(lines->deps.env, &line->redial_timer, broker_line_redial, line);
    map_put_u64(&lines->lines, (uint32_t)broker_id, line);
    return line;
}

static void broker_line_free(struct broker_line *line)
{
    ASSERT(line->calls == 0); /* their callers cancel them */
    if (line->conn)
        broker_line_drop(line);
    while (!list_empty(&line->flights))
        broker_flight_free(LIST_ENTRY(line->flights.next, struct broker_flight, link));
    env_timer_stop(&line->work_timer);
    env_timer_stop(&line->redial_timer);
    mem_free(line->host);
    mem_free(line);
}

/* In the next turn, when all of what has changed is known. */
static void broker_lines_broker_changed(void *data, int32_t id)
{
    struct broker_lines *lines = data;
    struct broker_line *line = map_get_u64(&lines->lines, (uint32_t)id);
    if (line)
        broker_line_wake(line);
}

static void broker_lines_replaced(void *data)
{
    struct broker_lines *lines = data;
    struct broker_line *line;
    size_t cursor = 0;
    while ((line = map_next(&lines->lines, &cursor, NULL, NULL)))
        broker_line_wake(line);
}

struct broker_lines *broker_lines_new(const struct broker_lines_deps *deps)
{
    struct broker_lines *lines = mem_alloc(sizeof(*lines));
    lines->deps = *deps;
    map_init(&lines->lines);
    list_init(&lines->ended);
    env_timer_init(deps->env, &lines->end_timer, broker_lines_end, lines);
    lines->listener = (struct metadata_listener){.broker_changed = broker_lines_broker_changed,
                                                 .replaced = broker_lines_replaced,
                                                 .data = lines};
    metadata_listen(deps->metadata, &lines->listener);
    return lines;
}

void broker_lines_free(struct broker_lines *lines)
{
    struct broker_line *line;
    size_t cursor = 0;
    ASSERT(list_empty(&lines->ended));
    list_remove(&lines->listener.link);
    while ((line = map_next(&lines->lines, &cursor, NULL, NULL)))
        broker_line_free(line);
    map_close(&lines->lines);
    env_timer_stop(&lines->end_timer);
    mem_free(lines);
}

void broker_lines_call(struct broker_lines *lines, struct broker_call *call)
{
    ASSERT(!call->open);
    ASSERT(call->done != NULL);
    struct broker_line *line = broker_lines_line(lines, call->broker_id);
    call->open = true;
    call->err = 0;
    call->flight = NULL;
    call->line = NULL;
    call->until_ms = env_now_ms(lines->deps.env) + call->timeout_ms;
    list_init(&call->link);
    env_timer_init(lines->deps.env, &call->timer, broker_call_late, call);
    if (line->calls >= BROKER_LINE_CALLS_MAX) {
        call->err = ERR_NO_MEMORY;
        list_push(&lines->ended, &call->link);
        if (!env_timer_running(&lines->end_timer))
            env_timer_start_soon(&lines->end_timer);
        return;
    }
    call->line = line;
    line->calls++;
    list_push(&line->waiting, &call->link);
    env_timer_start(&call->timer, call->timeout_ms);
    broker_line_wake(line);
    broker_line_check(line);
}

void broker_call_cancel(struct broker_call *call)
{
    if (call->open)
        broker_call_close(call);
}

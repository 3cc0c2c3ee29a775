/* Lines to brokers against a peer in the same loop: what is answered, what is told when it is not,
 * and when a line is dialled again. */
#include "../../until.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/cluster/broker_lines.h"
#include "kafka/api.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/end_txn.h"
#include "kafka/messages/headers.h"
#include "tests/lib/config_maker.h"
#include "tests/lib/metadata_feed.h"
#include "wire/frame.h"

enum { PEER_ID = 7, CALLS = 16, NEVER_MS = 60000 };

/* What the peer does with a request. */
enum mood { ANSWERS, SILENT, HANGS_UP };

struct world {
    struct env *env;
    struct logger logger;
    struct metadata *metadata;
    struct config *config;
    struct broker_lines *lines;
    struct env_listener *listener;
    struct frame_conn *conn; /* the newest */
    enum mood mood;
    int accepted;
    int requests;
    int16_t version_max;   /* that the peer has of EndTxn */
    const char *client_id; /* that it is told */
    struct call {
        struct broker_call call;
        int done;
        int err;
        int64_t told; /* the producer id of the answer */
        bool again;   /* it is made anew in `done` */
    } calls[CALLS];
};

static struct world *world;
static struct end_txn_request request;

/* ---- the peer ---- */

static void peer_send(const struct request_header *header, const void *response)
{
    const struct kafka_api *api = kafka_api_find(header->request_api_key);
    struct response_header answer = {header->correlation_id};
    struct wire_out out;
    wire_out_init(&out);
    CHECK_INT(wire_encode(&response_header_desc,
                          kafka_api_response_header_version(api, header->request_api_version),
                          &answer, &out),
              0);
    CHECK_INT(wire_encode(api->response, header->request_api_version, response, &out), 0);
    CHECK_INT(frame_conn_send_copy(world->conn, out.memory.data, out.memory.len), 0);
    wire_out_close(&out);
}

static void peer_tell_versions(const struct request_header *header)
{
    struct api_versions_response_api_version row = {KAFKA_API_END_TXN, 0, world->version_max};
    struct api_versions_response response;
    wire_defaults(&api_versions_response_desc, &response);
    response.api_keys.items = &row;
    response.api_keys.count = 1;
    peer_send(header, &response);
}

static void peer_answer(const struct request_header *header)
{
    struct end_txn_response response;
    wire_defaults(&end_txn_response_desc, &response);
    response.error_code = 48;
    response.producer_id = ++world->requests;
    if (world->mood == ANSWERS) {
        peer_send(header, &response);
    } else if (world->mood == HANGS_UP) {
        frame_conn_close(world->conn);
        world->conn = NULL;
    }
}

static void peer_frame(void *data, uint8_t *bytes, size_t len)
{
    struct request_header header;
    struct arena arena;
    size_t used;
    (void)data;
    arena_init(&arena, 1 << 16);
    const struct kafka_api *api = kafka_api_find((int16_t)bytes_get_u16(bytes));
    int16_t version = kafka_api_request_header_version(api, (int16_t)bytes_get_u16(bytes + 2));
    CHECK_INT(wire_decode(&request_header_desc, version, bytes, len, &arena, &header, &used), 0);
    CHECK(wire_str_is(header.client_id, world->client_id ? world->client_id : "lines"));
    if (header.request_api_key == KAFKA_API_API_VERSIONS)
        peer_tell_versions(&header);
    else
        peer_answer(&header);
    arena_close(&arena);
}

static void peer_broken(void *data, int err)
{
    (void)data;
    (void)err;
    frame_conn_close(world->conn);
    world->conn = NULL;
}

static const struct frame_handlers peer_handlers = {.frame = peer_frame, .broken = peer_broken};

static void peer_accept(void *data, struct env_stream *stream)
{
    (void)data;
    CHECK(!world->conn);
    world->accepted++;
    CHECK_INT(frame_conn_new(world->env, transport_plain(stream), 1 << 20, NULL, &peer_handlers,
                             world, &world->conn),
              0);
}

static void peer_hang_up(void)
{
    frame_conn_close(world->conn);
    world->conn = NULL;
}

/* ---- calls ---- */

static void ask(int i, int64_t timeout_ms);

static void call_done(struct broker_call *call, int err, const void *response)
{
    struct call *own = CONTAINER_OF(call, struct call, call);
    CHECK((err == 0) == (response != NULL));
    own->done++;
    own->err = err;
    if (response)
        own->told = ((const struct end_txn_response *)response)->producer_id;
    if (own->again) {
        own->again = false;
        ask((int)(own - world->calls), NEVER_MS);
    }
}

static void ask_of(int i, int32_t broker_id, int16_t version_min, int64_t timeout_ms)
{
    struct broker_call *call = &world->calls[i].call;
    call->broker_id = broker_id;
    call->key = KAFKA_API_END_TXN;
    call->version_min = version_min;
    call->version_max = 5;
    call->request = &request;
    call->timeout_ms = timeout_ms;
    call->done = call_done;
    int before = world->calls[i].done;
    broker_lines_call(world->lines, call);
    CHECK_INT(world->calls[i].done, before); /* not before it returns */
}

static void ask(int i, int64_t timeout_ms)
{
    ask_of(i, PEER_ID, 0, timeout_ms);
}

static void drop_line(void *data, const char *line, int len)
{
    (void)data;
    (void)line;
    (void)len;
}

static void make_lines(struct world *w, bool numbered)
{
    w->lines = broker_lines_new(&(struct broker_lines_deps){.env = w->env,
                                                            .logger = &w->logger,
                                                            .metadata = w->metadata,
                                                            .config = w->config,
                                                            .client_id = "lines",
                                                            .numbered = numbered,
                                                            .node_id = 1});
}

static void open_world(struct world *w)
{
    *w = (struct world){.version_max = 5};
    world = w;
    wire_defaults(&end_txn_request_desc, &request);
    request.transactional_id = wire_str_from("t");
    logger_init(&w->logger, "test", NULL, NULL);
    w->logger.sink = drop_line;
    w->config = config_make("node.id=1\nprocess.roles=broker,controller\n");
    CHECK_INT(env_new(&w->env), 0);
    CHECK_INT(env_listen(w->env, "127.0.0.1", 0, peer_accept, NULL, &w->listener), 0);
    w->metadata = metadata_new(w->env, &w->logger);
    feed_broker(w->metadata, PEER_ID, 1, env_listener_port(w->listener), false);
    make_lines(w, false);
}

static void close_world(void)
{
    for (int i = 0; i < CALLS; i++)
        broker_call_cancel(&world->calls[i].call);
    broker_lines_free(world->lines);
    if (world->conn)
        peer_hang_up();
    if (world->listener)
        env_listener_close(world->listener);
    metadata_free(world->metadata);
    config_free(world->config);
    env_free(world->env);
}

/* ---- tests ---- */

static void calls_share_a_line(void)
{
    struct world w;
    open_world(&w);
    for (int i = 0; i < CALLS; i++)
        ask(i, NEVER_MS);
    UNTIL(w.env, w.calls[CALLS - 1].done);
    for (int i = 0; i < CALLS; i++) {
        CHECK_INT(w.calls[i].done, 1);
        CHECK_INT(w.calls[i].err, 0);
        CHECK_INT(w.calls[i].told, i + 1); /* in order, each its own answer */
        CHECK_INT(w.calls[i].call.version, 5);
    }
    ask(0, NEVER_MS);
    UNTIL(w.env, w.calls[0].done == 2);
    CHECK_INT(w.accepted, 1);
    close_world();
}

static void nothing_is_dialled_before_a_call(void)
{
    struct world w;
    open_world(&w);
    until_quiet(w.env);
    CHECK_INT(w.accepted, 0);
    close_world();
}

static void versions_are_agreed_on(void)
{
    struct world w;
    open_world(&w);
    w.version_max = 3;
    ask(0, NEVER_MS);
    ask_of(1, PEER_ID, 4, NEVER_MS);
    ask(2, NEVER_MS);
    UNTIL(w.env, w.calls[0].done && w.calls[1].done && w.calls[2].done);
    CHECK_INT(w.calls[0].err, 0);
    CHECK_INT(w.calls[0].call.version, 3);
    CHECK_INT(w.calls[1].err, ERR_UNSUPPORTED_VERSION);
    CHECK_INT(w.calls[2].err, 0); /* who comes behind it is not held up */
    close_world();
}

static void nobody_is_there(void)
{
    struct world w;
    open_world(&w);
    ask_of(0, 8, 0, NEVER_MS); /* the cluster has no such broker */
    env_listener_close(w.listener);
    w.listener = NULL;
    ask(1, NEVER_MS);
    UNTIL(w.env, w.calls[0].done && w.calls[1].done);
    CHECK_INT(w.calls[0].err, ERR_BROKER_NOT_AVAILABLE);
    CHECK_INT(w.calls[1].err, ERR_REFUSED);
    close_world();
}

/* All that was on its way ends, and what its callers ask anew goes over the next line. */
static void a_broken_line_ends_its_calls(void)
{
    struct world w;
    open_world(&w);
    w.mood = SILENT;
    for (int i = 0; i < 4; i++)
        ask(i, NEVER_MS);
    UNTIL(w.env, w.requests == 4);
    w.mood = ANSWERS;
    w.calls[2].again = true;
    peer_hang_up();
    UNTIL(w.env, w.calls[2].done == 2);
    for (int i = 0; i < 4; i++)
        CHECK_INT(w.calls[i].done, i == 2 ? 2 : 1);
    CHECK(w.calls[0].err == ERR_EOF || w.calls[0].err == ERR_RESET);
    CHECK_INT(w.calls[2].err, 0);
    CHECK_INT(w.accepted, 2);
    close_world();
}

/* The peer closed it while nobody asked: the next call dials, and does not hear of that. */
static void an_idle_line_that_broke_is_dialled_again(void)
{
    struct world w;
    open_world(&w);
    ask(0, NEVER_MS);
    UNTIL(w.env, w.calls[0].done);
    peer_hang_up();
    until_quiet(w.env);
    ask(1, NEVER_MS);
    UNTIL(w.env, w.calls[1].done);
    CHECK_INT(w.calls[1].err, 0);
    CHECK_INT(w.accepted, 2);
    close_world();
}

static void an_answer_that_does_not_come(void)
{
    struct world w;
    open_world(&w);
    ask(2, NEVER_MS);
    UNTIL(w.env, w.calls[2].done); /* the line is there: they are sent at once */
    w.mood = SILENT;
    ask(0, 500);
    ask(1, NEVER_MS);
    UNTIL(w.env, w.calls[0].done && w.calls[1].done);
    CHECK_INT(w.calls[0].err, ERR_TIMED_OUT);
    CHECK_INT(w.calls[1].err, ERR_TIMED_OUT); /* it would be as late */
    w.mood = ANSWERS;
    ask(0, NEVER_MS);
    UNTIL(w.env, w.calls[0].done == 2);
    CHECK_INT(w.calls[0].err, 0);
    CHECK_INT(w.accepted, 2);
    close_world();
}

/* Before it is sent, and on its way. */
static void a_cancelled_call_is_not_heard_of(void)
{
    struct world w;
    open_world(&w);
    w.mood = SILENT;
    ask(0, NEVER_MS);
    broker_call_cancel(&w.calls[0].call);
    broker_call_cancel(&w.calls[0].call);
    ask(1, NEVER_MS);
    ask(2, NEVER_MS);
    UNTIL(w.env, w.requests == 2);
    broker_call_cancel(&w.calls[1].call);
    w.mood = ANSWERS;
    peer_hang_up();
    ask(1, NEVER_MS);
    UNTIL(w.env, w.calls[1].done);
    CHECK_INT(w.calls[0].done, 0);
    CHECK_INT(w.calls[1].done, 1);
    CHECK_INT(w.calls[2].done, 1);
    close_world();
}

static void too_many_calls_are_refused(void)
{
    struct world w;
    open_world(&w);
    struct call *many = mem_alloc(BROKER_LINE_CALLS_MAX * sizeof(*many));
    w.mood = SILENT;
    for (int i = 0; i < BROKER_LINE_CALLS_MAX; i++) {
        many[i].call = (struct broker_call){.broker_id = PEER_ID,
                                            .key = KAFKA_API_END_TXN,
                                            .version_max = 5,
                                            .request = &request,
                                            .timeout_ms = NEVER_MS,
                                            .done = call_done};
        broker_lines_call(w.lines, &many[i].call);
    }
    ask(0, NEVER_MS);
    UNTIL(w.env, w.calls[0].done);
    CHECK_INT(w.calls[0].err, ERR_NO_MEMORY);
    UNTIL(w.env, w.requests == BROKER_LINE_FLIGHTS_MAX);
    until_quiet(w.env);
    CHECK_INT(w.requests, BROKER_LINE_FLIGHTS_MAX);
    for (int i = 0; i < BROKER_LINE_CALLS_MAX; i++) {
        CHECK_INT(many[i].done, 0);
        broker_call_cancel(&many[i].call);
    }
    mem_free(many);
    close_world();
}

/* What is on its way to a broker that has died without a word, and what is dialled, ends when the
 * metadata says so. */
static void a_broker_that_is_fenced_ends_its_calls(void)
{
    struct world w;
    open_world(&w);
    uint16_t port = env_listener_port(w.listener);
    w.mood = SILENT;
    ask(0, NEVER_MS);
    UNTIL(w.env, w.requests == 1);
    feed_broker(w.metadata, 8, 2, port, false); /* another one */
    feed_broker(w.metadata, PEER_ID, 1, port, false);
    until_quiet(w.env);
    CHECK_INT(w.calls[0].done, 0);
    w.calls[0].again = true;
    feed_broker(w.metadata, PEER_ID, 1, port, true);
    UNTIL(w.env, w.calls[0].done == 2); /* it is fenced still */
    CHECK_INT(w.calls[0].err, ERR_BROKER_NOT_AVAILABLE);
    UNTIL(w.env, !w.conn);
    w.mood = ANSWERS;
    feed_broker(w.metadata, PEER_ID, 2, port, false);
    ask(0, NEVER_MS);
    UNTIL(w.env, w.calls[0].done == 3);
    CHECK_INT(w.calls[0].err, 0);
    CHECK_INT(w.accepted, 2);
    close_world();
}

/* It is started anew elsewhere, or in the same place. */
static void a_broker_that_is_another_is_dialled_anew(void)
{
    struct world w;
    open_world(&w);
    uint16_t port = env_listener_port(w.listener);
    w.mood = SILENT;
    ask(0, NEVER_MS);
    UNTIL(w.env, w.requests == 1);
    w.mood = ANSWERS;
    w.calls[0].again = true;
    feed_broker(w.metadata, PEER_ID, 2, port, false);
    UNTIL(w.env, w.calls[0].done == 2);
    CHECK_INT(w.calls[0].err, 0);
    w.mood = SILENT;
    ask(0, NEVER_MS);
    UNTIL(w.env, w.requests == 3);
    feed_broker(w.metadata, PEER_ID, 2, 1, false); /* nobody listens there */
    UNTIL(w.env, w.calls[0].done == 3);
    CHECK_INT(w.calls[0].err, ERR_BROKER_NOT_AVAILABLE);
    ask(0, NEVER_MS);
    UNTIL(w.env, w.calls[0].done == 4);
    CHECK_INT(w.calls[0].err, ERR_REFUSED);
    close_world();
}

/* Each line of a broker has a number, so that who is asked knows which is the newest. */
static void lines_have_numbers(void)
{
    struct world w;
    open_world(&w);
    broker_lines_free(w.lines);
    make_lines(&w, true);
    ask(0, NEVER_MS); /* the metadata does not know us yet */
    UNTIL(w.env, w.calls[0].done);
    peer_hang_up();
    until_quiet(w.env);
    feed_broker(w.metadata, 1, 12, 1, false);
    w.client_id = "lines-1.12.1";
    ask(0, NEVER_MS);
    UNTIL(w.env, w.calls[0].done == 2);
    peer_hang_up();
    until_quiet(w.env);
    w.client_id = "lines-1.12.2";
    ask(0, NEVER_MS);
    UNTIL(w.env, w.calls[0].done == 3);
    CHECK_INT(w.accepted, 3);
    close_world();
}

TAP_MAIN(TAP_TEST(calls_share_a_line), TAP_TEST(nothing_is_dialled_before_a_call),
         TAP_TEST(versions_are_agreed_on), TAP_TEST(nobody_is_there),
         TAP_TEST(a_broken_line_ends_its_calls), TAP_TEST(an_idle_line_that_broke_is_dialled_again),
         TAP_TEST(an_answer_that_does_not_come), TAP_TEST(a_cancelled_call_is_not_heard_of),
         TAP_TEST(too_many_calls_are_refused), TAP_TEST(lines_have_numbers),
         TAP_TEST(a_broker_that_is_fenced_ends_its_calls),
         TAP_TEST(a_broker_that_is_another_is_dialled_anew))

/* One connection: the order of answers, what pauses it, what ends it. */
#include "held.h"

static void send_raw(struct client *client, const char *bytes, size_t len)
{
    struct outbox_chunk chunk = {.chunk = {.data = bytes, .len = len}};
    frame_conn_send(client->conn, &chunk);
}

static void answers_leave_in_the_order_of_requests(void)
{
    struct fixture f;
    struct client client;
    held_open(&f, "");
    client_open(&f, &client);
    for (int32_t id = 1; id <= 3; id++)
        client_ask(&client, id, 10);
    UNTIL(f.env, held_count == 3);
    for (int i = 0; i < 3; i++)
        CHECK_INT(held[i]->correlation_id, i + 1);
    CHECK(wire_str_is(held[0]->client_id, "tester"));
    held_answer(1, 10);
    held_answer(2, 10);
    /* Had they left, they would be there before what is asked after them. */
    client_ask(&client, 4, 10);
    UNTIL(f.env, held_count == 4);
    CHECK_INT(client.count, 0);
    held_answer(0, 10);
    UNTIL(f.env, client.count == 3);
    for (int i = 0; i < 3; i++)
        CHECK_INT(client_answered(&client, i), i + 1);
    client_close(&client);
    held_close(&f);
}

/* Its first frame makes a connection ready; bytes of another protocol never do. */
static void the_first_frame_makes_it_ready(void)
{
    struct fixture f;
    struct client client, stranger;
    held_open(&f, "");
    f.logger.level = LOGGER_TRACE;
    client_open(&f, &client);
    until_quiet(f.env);
    CHECK(!fixture_says(&f, "handshake ->"));
    client_ask(&client, 1, 10);
    client_ask(&client, 2, 10);
    UNTIL(f.env, held_count == 2);
    CHECK_INT(fixture_count(&f, "handshake -> authenticating"), 1);
    CHECK_INT(fixture_count(&f, "authenticating -> ready"), 1);
    CHECK_STR(held[0]->principal, "User:ANONYMOUS");
    client_open(&f, &stranger);
    CHECK_INT(frame_conn_send_copy(stranger.conn, "", 0), 0);
    send_raw(&stranger, "GET / HTTP/1.1\r\n\r\n", 18);
    UNTIL(f.env, stranger.closed);
    client_close(&stranger);
    CHECK_INT(fixture_count(&f, "authenticating -> ready"), 2);
    CHECK_INT(fixture_count(&f, "ready -> closed"), 1);
    client_open(&f, &stranger);
    send_raw(&stranger, "GET / HTTP/1.1\r\n\r\n", 18);
    UNTIL(f.env, stranger.closed);
    client_close(&stranger);
    CHECK_INT(fixture_count(&f, "handshake -> closed"), 1);
    request_fail(held[1], ERR_INVALID, "fails");
    held[1] = NULL;
    UNTIL(f.env, client.closed);
    CHECK_INT(fixture_count(&f, "ready -> closing"), 1);
    CHECK_INT(fixture_count(&f, "closing -> closed"), 1);
    CHECK_STR(held[0]->principal, "User:ANONYMOUS"); /* who asked stays known */
    client_close(&client);
    held_close(&f);
}

static void what_has_no_answer_holds_nothing_back(void)
{
    struct fixture f;
    struct client client;
    held_open(&f, "");
    client_open(&f, &client);
    client_ask(&client, 1, 10);
    client_ask(&client, 2, 10);
    UNTIL(f.env, held_count == 2);
    held_answer(1, 10);
    request_reply_none(held[0]); /* acks=0 */
    held[0] = NULL;
    UNTIL(f.env, client.count == 1);
    CHECK_INT(client_answered(&client, 0), 2);
    client_close(&client);
    held_close(&f);
}

static void many_unanswered_requests_pause_reading(void)
{
    enum { MOST = 64, ASKED = 100 };
    struct fixture f;
    struct client client, other;
    struct buf state;
    buf_init(&state);
    held_open(&f, "");
    f.logger.level = LOGGER_DEBUG;
    client_open(&f, &client);
    for (int32_t id = 0; id < ASKED; id++)
        client_ask(&client, id, 10);
    UNTIL(f.env, held_count == MOST);
    CHECK_INT(fixture_count(&f, "is not read: it waits for requests to be answered"), 1);
    server_summarise(f.server, &state);
    CHECK(strstr(buf_text(&state), "1 not read: they wait for requests to be answered") != NULL);
    buf_close(&state);
    client_open(&f, &other);
    client_ask(&other, 1000, 10);
    UNTIL(f.env, held_count == MOST + 1);
    CHECK_INT(held[MOST]->correlation_id, 1000); /* others are served */
    held_answer(0, 10);
    UNTIL(f.env, held_count == MOST + 2);
    CHECK_INT(held[MOST + 1]->correlation_id, MOST);
    client_close(&client);
    client_close(&other);
    held_close(&f);
}

/* Received bytes that wait for their answers are paid for by all connections together. */
static void a_spent_budget_pauses_reading(void)
{
    struct fixture f;
    struct client first, second;
    held_open(&f, "socket.request.max.bytes=100000\nqueued.max.request.bytes=120000\n");
    client_open(&f, &first);
    client_ask(&first, 1, 80000);
    UNTIL(f.env, held_count == 1);
    client_open(&f, &second);
    client_ask(&second, 2, 80000);
    client_ask(&first, 3, 100); /* what is small needs no budget */
    UNTIL(f.env, held_count == 2);
    CHECK_INT(held[1]->correlation_id, 3);
    until_quiet(f.env);
    CHECK_INT(held_count, 2);
    held_answer(0, 10);
    UNTIL(f.env, held_count == 3);
    CHECK_INT(held[2]->correlation_id, 2);
    client_close(&first);
    client_close(&second);
    held_close(&f);
}

static void a_body_that_is_released_gives_its_memory_back(void)
{
    struct fixture f;
    struct client first, second;
    held_open(&f, "socket.request.max.bytes=100000\nqueued.max.request.bytes=120000\n");
    client_open(&f, &first);
    client_open(&f, &second);
    client_ask(&first, 1, 80000);
    UNTIL(f.env, held_count == 1);
    CHECK(held[0]->charged > 0);
    request_release_body(held[0]);
    CHECK(held[0]->body == NULL);
    client_ask(&second, 2, 80000);
    UNTIL(f.env, held_count == 2);
    void *block = request_take_block(held[1]); /* from here on it is not the server's */
    CHECK(block != NULL && request_take_block(held[1]) == NULL);
    client_ask(&first, 3, 80000);
    UNTIL(f.env, held_count == 3);
    mem_free(block);
    client_close(&first);
    client_close(&second);
    held_close(&f);
}

/* Who does not read its answers is asked for nothing more until it does. */
static void a_slow_reader_is_paused(void)
{
    enum { LARGE = 32 << 20 }; /* more than the kernel takes */
    struct fixture f;
    struct client client, other;
    held_open(&f, "");
    client_open(&f, &client);
    client_open(&f, &other);
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    frame_conn_pause(client.conn, true);
    f.logger.level = LOGGER_DEBUG;
    held_answer(0, LARGE);
    CHECK(fixture_says(&f, "is not read: it waits for bytes of answers to be taken"));
    f.logger.level = LOGGER_INFO;
    client_ask(&client, 2, 10);
    for (int32_t i = 0; i < 20; i++) {
        client_ask(&other, 100 + i, 10);
        UNTIL(f.env, held_count == 2 + i);
        CHECK_INT(held[1 + i]->correlation_id, 100 + i);
    }
    frame_conn_pause(client.conn, false);
    UNTIL(f.env, held_count == 22);
    CHECK_INT(held[21]->correlation_id, 2);
    UNTIL(f.env, client.count == 1);
    CHECK(client.answers[0].len > LARGE);
    client_close(&client);
    client_close(&other);
    held_close(&f);
}

/* An answer of this size, of which some memory is the handler's. */
static void unread_answer_closes(size_t size, size_t elsewhere)
{
    struct fixture f;
    struct client large, small;
    held_open(&f, "socket.request.max.bytes=50000\nqueued.max.request.bytes=100000\n");
    client_open(&f, &large);
    client_open(&f, &small);
    f.logger.level = LOGGER_DEBUG;
    frame_conn_pause(large.conn, true);
    client_ask(&small, 1, 10);
    client_ask(&large, 2, 10);
    client_ask(&large, 3, 10);
    UNTIL(f.env, held_count == 3);
    for (int i = 0; i < 3; i++)
        if (held[i]->correlation_id == 2) {
            held[i]->held = elsewhere;
            held_answer(i, size);
        }
    CHECK(fixture_says(&f, "is not read: it waits for memory for all answers"));
    CHECK(fixture_says(&f, "it has not read answers of "));
    for (int i = 0; i < 3; i++)
        if (held[i] && held[i]->correlation_id == 1)
            held_answer(i, 10);
    UNTIL(f.env, small.count == 1);
    frame_conn_pause(large.conn, false);
    UNTIL(f.env, large.closed);
    CHECK(!small.closed);
    client_close(&large);
    client_close(&small);
    held_close(&f);
}

static void too_many_unread_answers_close_who_has_the_most(void)
{
    enum { MOST = 200000 }; /* twice the limit, which is half the budget */
    unread_answer_closes(MOST, 0);
    unread_answer_closes(10, MOST);
}

/* ---- what ends a connection ---- */

/* No handler sees what can't be read; its sender is closed, with a line, and nobody else. */
static void what_cannot_be_decoded_closes(void)
{
    static const struct {
        int16_t key, version;
        const char *line;
    } bad[] = {
        {KAFKA_API_SYNC_GROUP, SYNC_VERSION, "the request body can't be decoded (SyncGroup"},
        {KAFKA_API_SYNC_GROUP, 0, "header can't be used (SyncGroup, api key 14, version 0"},
        {KAFKA_API_SYNC_GROUP, SYNC_VERSION + 1,
         "header can't be used (SyncGroup, api key 14, version 5"}, /* Kafka has it */
        {KAFKA_API_SYNC_GROUP, 99, "the request header can't be used (SyncGroup"},
        {KAFKA_API_SYNC_GROUP, -1, "the request header can't be used (SyncGroup"},
        {KAFKA_API_PRODUCE, 3, "it asks for Produce, api key 0"},
        {999, 0, "it asks for api key 999"},
    };
    struct fixture f;
    struct client other, client;
    held_open(&f, "");
    client_open(&f, &other);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        client_open(&f, &client);
        client_ask(&client, 1, 10);
        client_send(&client, bad[i].key, bad[i].version, 2, NULL);
        client_ask(&client, 3, 10);
        UNTIL(f.env, client.closed);
        CHECK(fixture_says(&f, bad[i].line));
        CHECK_INT(held_count, i + 1); /* the first of each */
        CHECK(!request_is_heard(held[i]));
        client_close(&client);
    }
    client_open(&f, &client);
    CHECK_INT(frame_conn_send_copy(client.conn, "short", 5), 0);
    UNTIL(f.env, client.closed);
    client_close(&client);
    CHECK(!other.closed);
    client_close(&other);
    held_close(&f);
}

static void sizes_out_of_range_close(void)
{
    struct fixture f;
    struct client client;
    held_open(&f, "socket.request.max.bytes=50000\n");
    client_open(&f, &client);
    send_raw(&client, "\0\0\xc3\x51", 4); /* 50001 */
    UNTIL(f.env, client.closed);
    client_close(&client);
    client_open(&f, &client);
    send_raw(&client, "\x80\0\0\0", 4);
    UNTIL(f.env, client.closed);
    client_close(&client);
    client_open(&f, &client);
    send_raw(&client, "GET / HTTP/1.1\r\n\r\n", 18);
    UNTIL(f.env, client.closed);
    CHECK(fixture_says(&f, "it speaks HTTP"));
    CHECK_INT(held_count, 0);
    client_close(&client);
    held_close(&f);
}

/* The handler sees it as version -1, without a body, and answers in the form of version 0. */
static void api_versions_of_the_future_are_answered(void)
{
    struct fixture f;
    struct client client;
    struct api_versions_response response;
    held_open(&f, "");
    client_open(&f, &client);
    client_send(&client, KAFKA_API_API_VERSIONS, 99, 7, NULL);
    UNTIL(f.env, held_count == 1);
    CHECK_INT(held[0]->version, -1);
    CHECK_INT(held[0]->correlation_id, 7);
    wire_defaults(&api_versions_response_desc, &response);
    response.error_code = err_to_wire(ERR_UNSUPPORTED_VERSION);
    request_reply_version(held[0], 0, &response, NULL);
    held[0] = NULL;
    UNTIL(f.env, client.count == 1);
    CHECK_INT(client_answered(&client, 0), 7);
    CHECK_INT(client.answers[0].len, 4 + 2 + 4); /* header 0, error, no keys */
    CHECK_INT(client.answers[0].data[5], 35);
    CHECK(!client.closed);
    client_close(&client);
    held_close(&f);
}

/* Other requests behind the one that failed get no answer; what came before it does. */
static void a_request_that_fails_ends_its_connection(void)
{
    struct fixture f;
    struct client client;
    held_open(&f, "");
    client_open(&f, &client);
    for (int32_t id = 1; id <= 3; id++)
        client_ask(&client, id, 10);
    UNTIL(f.env, held_count == 3);
    held_answer(0, 10);
    request_fail(held[1], ERR_CORRUPT_MESSAGE, "has bad records");
    held[1] = NULL;
    CHECK(request_is_heard(held[2])); /* not under the feet of the one that failed */
    CHECK(fixture_says(&f, "SyncGroup has bad records"));
    UNTIL(f.env, client.closed);
    CHECK_INT(client.count, 1);
    CHECK_INT(client_answered(&client, 0), 1);
    CHECK(!request_is_heard(held[2]));
    client_close(&client);
    held_close(&f);
}

/* ---- requests that outlive it ---- */

struct watcher {
    struct request_watch watch;
    int closed;
};

static void watcher_closed(struct request_watch *watch)
{
    CONTAINER_OF(watch, struct watcher, watch)->closed++;
}

static int released;

static void note_released(struct request *request)
{
    (void)request;
    released++;
}

static void a_request_outlives_its_connection(void)
{
    struct fixture f;
    struct client client;
    struct sync_group_response response;
    struct watcher watchers[2] = {{.watch.closed = watcher_closed},
                                  {.watch.closed = watcher_closed}};
    held_open(&f, "");
    client_open(&f, &client);
    client_ask(&client, 1, 50000);
    client_ask(&client, 2, 10);
    client_ask(&client, 3, 10);
    UNTIL(f.env, held_count == 3);
    CHECK_STR(request_host(held[0]), "/127.0.0.1");
    for (int i = 0; i < 2; i++) {
        list_init(&watchers[i].watch.link);
        request_watch(held[i], &watchers[i].watch);
    }
    list_remove(&watchers[1].watch.link); /* hears nothing then */
    released = 0;
    wire_defaults(&sync_group_response_desc, &response);
    request_reply(held[1], &response, note_released); /* waits behind the first */
    held[1] = NULL;
    CHECK_INT(released, 0);
    client_close(&client);
    UNTIL(f.env, !request_is_heard(held[0]));
    CHECK_INT(watchers[0].closed, 1);
    CHECK_INT(watchers[1].closed, 0);
    CHECK_INT(released, 1);
    CHECK_STR(request_peer(held[0]), "?");
    CHECK(held[0]->body != NULL); /* the handler may go on with it */
    const struct sync_group_request *body = held[0]->body;
    CHECK_INT(body->assignments.items[0].assignment.len, 50000);
    request_reply(held[0], &response, note_released);
    held[0] = NULL;
    CHECK_INT(released, 2);
    request_fail(held[2], ERR_INVALID, "comes too late");
    held[2] = NULL;
    CHECK(!fixture_says(&f, "comes too late"));
    held_close(&f); /* which finds all memory given back */
}

static void count_left(void *data)
{
    ++*(int *)data;
}

/* What a handler keeps is known for the whole connection, and for no other one. */
static void what_is_kept_belongs_to_the_connection(void)
{
    struct fixture f;
    struct client client, other;
    int left = 0;
    held_open(&f, "");
    client_open(&f, &client);
    client_open(&f, &other);
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    client_ask(&client, 2, 10);
    UNTIL(f.env, held_count == 2);
    client_ask(&other, 3, 10);
    UNTIL(f.env, held_count == 3);
    CHECK(!request_kept(held[0])->data);
    *request_kept(held[0]) = (struct request_kept){.data = &left, .left = count_left};
    CHECK(request_kept(held[1])->data == &left);
    CHECK(!request_kept(held[2])->data);
    client_close(&other);
    client_close(&client);
    UNTIL(f.env, left == 1);
    held_close(&f);
    CHECK_INT(left, 1);
}

TAP_MAIN(TAP_TEST(answers_leave_in_the_order_of_requests), TAP_TEST(the_first_frame_makes_it_ready),
         TAP_TEST(what_has_no_answer_holds_nothing_back),
         TAP_TEST(many_unanswered_requests_pause_reading), TAP_TEST(a_spent_budget_pauses_reading),
         TAP_TEST(a_body_that_is_released_gives_its_memory_back), TAP_TEST(a_slow_reader_is_paused),
         TAP_TEST(too_many_unread_answers_close_who_has_the_most),
         TAP_TEST(what_cannot_be_decoded_closes), TAP_TEST(sizes_out_of_range_close),
         TAP_TEST(api_versions_of_the_future_are_answered),
         TAP_TEST(a_request_that_fails_ends_its_connection),
         TAP_TEST(a_request_outlives_its_connection),
         TAP_TEST(what_is_kept_belongs_to_the_connection))

/* The end of requests: what hooks hear of it, and what answers are told of throttling. */
#include "held.h"

#include "broker/net/request_end.h"

enum { ENDS_MAX = 8 };

/* A hook, and what it heard. */
struct ear {
    struct request_hook hook;
    bool deaf;
    int asked;
    int count;
    struct {
        struct request_end end;
        struct request_asker asker;
        int32_t correlation_id;
        char principal[32];
    } ends[ENDS_MAX];
};

static bool ear_wants(void *data, const struct request *request)
{
    struct ear *ear = data;
    CHECK(request->row->handle != NULL);
    CHECK(request->body == NULL);
    ear->asked++;
    return !ear->deaf;
}

static void ear_ended(void *data, const struct request *request, const struct request_end *end)
{
    struct ear *ear = data;
    CHECK(ear->count < ENDS_MAX);
    ear->ends[ear->count].end = *end;
    ear->ends[ear->count].asker = *end->asker;
    ear->ends[ear->count].correlation_id = request->correlation_id;
    snprintf(ear->ends[ear->count].principal, sizeof(ear->ends[0].principal), "%s",
             request->principal);
    ear->count++;
}

static void ear_open(struct fixture *f, struct ear *ear)
{
    *ear = (struct ear){.hook = {.wants = ear_wants, .ended = ear_ended, .data = ear}};
    server_add_hook(f->server, &ear->hook);
}

/* A Fetch answer that has an error in one of its partitions. */
static void answer_fetch(struct request *request, int16_t code)
{
    struct fetch_response response;
    struct fetch_response_fetchable_topic_response topic;
    struct fetch_response_partition_data partition;
    wire_defaults(&fetch_response_desc, &response);
    wire_defaults(&fetch_response_fetchable_topic_response_desc, &topic);
    wire_defaults(&fetch_response_partition_data_desc, &partition);
    partition.error_code = code;
    topic.partitions.items = &partition;
    response.responses.items = &topic;
    topic.partitions.count = response.responses.count = 1;
    request_reply(request, &response, NULL);
}

static void an_answered_request_has_all_its_facts(void)
{
    struct fixture f;
    struct client client;
    struct ear ear;
    held_open(&f, "");
    ear_open(&f, &ear);
    client_open(&f, &client);
    client_fetch(&client, -1);
    UNTIL(f.env, held_count == 1);
    CHECK_INT(ear.asked, 1);
    int64_t passed_us = env_now_us(f.env) + 3000;
    UNTIL(f.env, env_now_us(f.env) > passed_us);
    request_release_body(held[0]);
    answer_fetch(held[0], 6);
    held[0] = NULL;
    CHECK_INT(ear.count, 0); /* the network does not have it yet */
    UNTIL(f.env, ear.count == 1);
    UNTIL(f.env, client.count == 1);
    const struct request_end *end = &ear.ends[0].end;
    CHECK_INT(end->outcome, REQUEST_ANSWERED);
    CHECK_INT(end->error, 6);
    CHECK_INT(end->request_bytes, client.asked);
    CHECK_INT(end->answer_bytes, client.answers[0].len + 4);
    CHECK(end->handling_us >= 0 && end->sending_us >= 0);
    CHECK(end->waiting_us >= 3000);
    CHECK(strncmp(ear.ends[0].asker.peer, "127.0.0.1:", 10) == 0);
    CHECK_INT(ear.ends[0].asker.client_id_len, 6);
    CHECK(memcmp(ear.ends[0].asker.client_id, "tester", 6) == 0);
    CHECK_STR(ear.ends[0].principal, "User:ANONYMOUS");
    client_close(&client);
    held_close(&f);
}

/* Answers leave in order: the second waits for the first, and not for its handler. */
static void the_wait_for_others_is_told_apart(void)
{
    struct fixture f;
    struct client client;
    struct ear ear;
    held_open(&f, "");
    ear_open(&f, &ear);
    client_open(&f, &client);
    client_ask(&client, 1, 10);
    client_ask(&client, 2, 10);
    UNTIL(f.env, held_count == 2);
    held_answer(1, 10);
    int64_t passed_us = env_now_us(f.env) + 3000;
    UNTIL(f.env, env_now_us(f.env) > passed_us);
    held_answer(0, 10);
    UNTIL(f.env, ear.count == 2);
    CHECK_INT(ear.ends[1].correlation_id, 2);
    CHECK(ear.ends[1].end.sending_us >= 3000);
    CHECK(ear.ends[0].end.waiting_us >= 3000);
    CHECK_INT(ear.ends[1].end.error, 0);
    client_close(&client);
    held_close(&f);
}

static void every_way_to_end_is_told(void)
{
    static const struct {
        int32_t correlation_id;
        enum request_outcome outcome;
        int err;
    } expected[] = {{3, REQUEST_SILENT, 0},
                    {1, REQUEST_FAILED, ERR_INVALID_REQUEST},
                    {2, REQUEST_LOST, 0},
                    {9, REQUEST_FAILED, ERR_MALFORMED}};
    struct fixture f;
    struct client client;
    struct ear ear;
    held_open(&f, "");
    ear_open(&f, &ear);
    client_open(&f, &client);
    client_ask(&client, 3, 10);
    client_ask(&client, 1, 10);
    client_ask(&client, 2, 10);
    UNTIL(f.env, held_count == 3);
    request_reply_none(held[0]);
    request_fail(held[1], ERR_INVALID_REQUEST, "fails");
    held[0] = held[1] = NULL;
    UNTIL(f.env, client.closed);
    CHECK_INT(ear.count, 2); /* the handler of the third has not said anything */
    held_answer(2, 10);
    client_close(&client);
    client_open(&f, &client);
    client_send(&client, KAFKA_API_SYNC_GROUP, SYNC_VERSION, 9, NULL);
    UNTIL(f.env, client.closed);
    CHECK_INT(ear.count, ARRAY_LEN(expected));
    for (int i = 0; i < ear.count; i++) {
        CHECK_INT(ear.ends[i].correlation_id, expected[i].correlation_id);
        CHECK_INT(ear.ends[i].end.outcome, expected[i].outcome);
        CHECK_INT(ear.ends[i].end.error, err_to_wire(expected[i].err));
        CHECK_INT(ear.ends[i].end.answer_bytes, 0);
    }
    client_close(&client);
    held_close(&f);
}

/* What was answered and not taken when its connection went is lost. */
static void an_answer_that_is_not_taken_is_lost(void)
{
    enum { LARGE = 32 << 20 }; /* more than the kernel takes */
    struct fixture f;
    struct client client;
    struct ear ear;
    held_open(&f, "");
    ear_open(&f, &ear);
    client_open(&f, &client);
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    frame_conn_pause(client.conn, true);
    held_answer(0, LARGE);
    until_quiet(f.env);
    CHECK_INT(ear.count, 0);
    client_close(&client);
    UNTIL(f.env, ear.count == 1);
    CHECK_INT(ear.ends[0].end.outcome, REQUEST_LOST);
    held_close(&f);
}

/* Each hook has its own choice; a request that nobody wants costs nothing. */
static void only_who_wants_a_request_hears_of_it(void)
{
    struct fixture f;
    struct client client;
    struct ear deaf, ear;
    held_open(&f, "");
    ear_open(&f, &deaf);
    ear_open(&f, &ear);
    deaf.deaf = true;
    client_open(&f, &client);
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    ear.deaf = true;
    client_ask(&client, 2, 10);
    UNTIL(f.env, held_count == 2);
    CHECK(held[0]->asker != NULL);
    CHECK(held[1]->asker == NULL);
    held_answer(0, 10);
    held_answer(1, 10);
    UNTIL(f.env, client.count == 2);
    CHECK_INT(deaf.asked, 2);
    CHECK_INT(ear.asked, 2);
    CHECK_INT(deaf.count, 0);
    CHECK_INT(ear.count, 1);
    CHECK_INT(ear.ends[0].correlation_id, 1);
    client_close(&client);
    held_close(&f);
}

static void an_answer_tells_how_long_it_was_throttled(void)
{
    struct fixture f;
    struct client client;
    struct arena arena;
    struct sync_group_response response;
    size_t used;
    held_open(&f, "");
    client_open(&f, &client);
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    held[0]->throttle_ms = 1234;
    held_answer(0, 10);
    UNTIL(f.env, client.count == 1);
    arena_init(&arena, 1 << 20);
    CHECK_INT(wire_decode(&sync_group_response_desc, SYNC_VERSION, client.answers[0].data + 5,
                          client.answers[0].len - 5, &arena, &response, &used),
              0);
    CHECK_INT(response.throttle_time_ms, 1234);
    arena_close(&arena);
    client_close(&client);
    held_close(&f);
}

TAP_MAIN(TAP_TEST(an_answered_request_has_all_its_facts),
         TAP_TEST(the_wait_for_others_is_told_apart), TAP_TEST(every_way_to_end_is_told),
         TAP_TEST(an_answer_that_is_not_taken_is_lost),
         TAP_TEST(only_who_wants_a_request_hears_of_it),
         TAP_TEST(an_answer_tells_how_long_it_was_throttled))

/* Requests and answers that are too long for one turn of the loop: a worker decodes the ones, the
 * others are made in parts. */
#include "held.h"

#include "broker/net/request_stream.h"
#include "kafka/messages/list_groups.h"

/* ---- requests ---- */

static void a_worker_decodes_what_is_large(void)
{
    struct fixture f;
    struct client client;
    held_open(&f, "");
    client_open(&f, &client);
    held_ask_large(&client, 1);
    client_ask(&client, 2, 10);
    UNTIL(f.env, held_count == 2);
    const struct sync_group_request *body = held[0]->body;
    CHECK_INT(held[0]->correlation_id, 1);
    CHECK_INT(held[1]->correlation_id, 2);
    CHECK_INT(body->assignments.count, HELD_LARGE);
    CHECK(wire_str_is(body->group_id, "large"));
    CHECK(wire_str_is(body->assignments.items[HELD_LARGE - 1].member_id, "the last one"));
    CHECK(held[0]->arena.limit > 16u << 20); /* its handler may put the answer there */
    held_answer(0, 1);
    held_answer(1, 1);
    UNTIL(f.env, client.count == 2);
    CHECK_INT(client_answered(&client, 0), 1);
    client_close(&client);
    held_close(&f);
}

static void answer_at_once(struct request *request)
{
    held_handle(request);
    held_answer(held_count - 1, 3);
}

static void it_may_be_answered_by_its_handler(void)
{
    static const struct api_row rows[] = {
        [KAFKA_API_SYNC_GROUP] = {.key = KAFKA_API_SYNC_GROUP,
                                  .version_min = 1,
                                  .version_max = SYNC_VERSION,
                                  .operation = ACL_READ,
                                  .resource = ACL_RESOURCE_GROUP,
                                  .handle = answer_at_once},
    };
    static const struct api_table table = {.rows = rows, .end = ARRAY_LEN(rows)};
    struct fixture f;
    struct client client;
    held_count = 0;
    fixture_open(&f, &table, "");
    client_open(&f, &client);
    held_ask_large(&client, 1);
    held_ask_large(&client, 2);
    UNTIL(f.env, client.count == 2);
    client_close(&client);
    held_close(&f);
}

static void bad_bytes_are_refused_there_too(void)
{
    struct fixture f;
    struct client client;
    struct wire_out out;
    held_open(&f, "");
    client_open(&f, &client);
    struct request_header header = {.request_api_key = KAFKA_API_SYNC_GROUP,
                                    .request_api_version = 3,
                                    .client_id = wire_str_from("liar")};
    wire_out_init(&out);
    CHECK_INT(wire_encode(&request_header_desc, 1, &header, &out), 0);
    wire_put_str(&out, wire_str_from("group"), false);
    wire_put_i32(&out, 1);
    wire_put_str(&out, wire_str_from("member"), false);
    wire_put_str(&out, WIRE_STR_NULL, false);
    wire_put_i32(&out, HELD_LARGE);
    for (int i = 0; i < HELD_LARGE; i++) {
        wire_put_str(&out, wire_str_from("m"), false);
        wire_put_i32(&out,
                     i < HELD_LARGE - 1 ? 0 : 1000); /* the last one is longer than the frame */
    }
    CHECK_INT(frame_conn_send_copy(client.conn, out.memory.data, out.memory.len), 0);
    wire_out_close(&out);
    UNTIL(f.env, client.closed);
    CHECK(fixture_says(&f, "the request body can't be decoded"));
    CHECK_INT(held_count, 0);
    client_close(&client);
    held_close(&f);
}

/* Until the server has taken it: the worker has it, or has done with it. */
static void let_begin(struct fixture *f)
{
    UNTIL(f->env, fixture_says(f, "a large request to be decoded"));
}

static void its_client_may_go_meanwhile(void)
{
    struct fixture f;
    struct client client;
    held_open(&f, "");
    f.logger.level = LOGGER_DEBUG;
    client_open(&f, &client);
    held_ask_large(&client, 1);
    let_begin(&f);
    server_close(f.server); /* which closes the connection at once */
    until_quiet(f.env);
    CHECK_INT(held_count, 0);
    client_close(&client);
    held_close(&f);
}

static void so_may_the_server(void)
{
    struct fixture f;
    struct client client;
    held_open(&f, "");
    f.logger.level = LOGGER_DEBUG;
    client_open(&f, &client);
    held_ask_large(&client, 1);
    let_begin(&f);
    server_free(f.server);
    f.server = NULL;
    until_quiet(f.env); /* the worker's job ends without it */
    CHECK_INT(held_count, 0);
    client_close(&client);
    fixture_close(&f);
}

/* ---- answers ---- */

struct long_answer {
    struct request_stream stream;
    struct list_groups_response response;
    int filled;
    int done;
    int32_t fails_at; /* memory is out for that item; -1: never */
};

static struct long_answer answer;

static bool long_fill(struct request_stream *stream, int32_t index, struct arena *arena, void *item)
{
    struct list_groups_response_listed_group *group = item;
    CHECK_INT(index, answer.filled);
    CHECK(stream == &answer.stream);
    CHECK_INT(group->group_id.len, 0);
    if (index == answer.fails_at)
        return false;
    answer.filled++;
    const char *name = arena_printf(arena, "group-%d", (int)index);
    CHECK(name != NULL);
    group->group_id = wire_str_from(name);
    return true;
}

static void long_done(struct request_stream *stream)
{
    CHECK(stream == &answer.stream);
    answer.done++;
}

static bool long_begin(struct request_stream *stream)
{
    CHECK_INT(answer.filled, 0);
    wire_defaults(&list_groups_response_desc, &answer.response);
    stream->count = HELD_LARGE;
    return true;
}

static void long_handle(struct request *request)
{
    answer.stream = (struct request_stream){.response = &answer.response,
                                            .array = "Groups",
                                            .item = &list_groups_response_listed_group_desc,
                                            .begin = long_begin,
                                            .fill = long_fill,
                                            .done = long_done};
    request_stream_start(request, &answer.stream);
}

static void long_open(struct fixture *f)
{
    static const struct api_row rows[] = {
        [KAFKA_API_LIST_GROUPS] = {.key = KAFKA_API_LIST_GROUPS,
                                   .version_max = 5,
                                   .operation = ACL_DESCRIBE,
                                   .resource = ACL_RESOURCE_GROUP,
                                   .handle = long_handle},
    };
    static const struct api_table table = {.rows = rows, .end = ARRAY_LEN(rows)};
    answer = (struct long_answer){.fails_at = -1};
    fixture_open(f, &table, "");
}

static void long_ask(struct client *client, int32_t correlation_id)
{
    struct list_groups_request request;
    wire_defaults(&list_groups_request_desc, &request);
    client_send(client, KAFKA_API_LIST_GROUPS, 4, correlation_id, &request);
}

static void a_long_answer_takes_several_turns(void)
{
    struct fixture f;
    struct client client;
    struct list_groups_response response;
    struct arena arena;
    size_t used;
    int turns = 0;
    long_open(&f);
    client_open(&f, &client);
    long_ask(&client, 7);
    UNTIL(f.env, answer.filled > 0);
    for (int before = answer.filled; answer.done == 0; turns++) {
        CHECK(answer.filled - before <= 2048); /* of one turn or two: an item counts 128 bytes */
        before = answer.filled;
        until_turn(f.env);
    }
    CHECK(turns > 8);
    UNTIL(f.env, client.count == 1);
    arena_init(&arena, 16 << 20);
    CHECK_INT(wire_decode(&list_groups_response_desc, 4, client.answers[0].data + 5,
                          client.answers[0].len - 5, &arena, &response, &used),
              0);
    CHECK_INT(used, client.answers[0].len - 5);
    CHECK_INT(response.groups.count, HELD_LARGE);
    CHECK(wire_str_is(response.groups.items[HELD_LARGE - 1].group_id, "group-19999"));
    CHECK_INT(answer.done, 1);
    arena_close(&arena);
    client_close(&client);
    fixture_close(&f);
}

static void who_goes_gets_no_more_of_it(void)
{
    struct fixture f;
    struct client client;
    long_open(&f);
    client_open(&f, &client);
    long_ask(&client, 1);
    UNTIL(f.env, answer.filled > 0);
    client_close(&client);
    UNTIL(f.env, answer.done == 1);
    CHECK(answer.filled < HELD_LARGE);
    fixture_close(&f);
}

static void the_server_may_end_in_the_middle(void)
{
    struct fixture f;
    struct client client;
    long_open(&f);
    client_open(&f, &client);
    long_ask(&client, 1);
    UNTIL(f.env, answer.filled > 0);
    CHECK_INT(answer.done, 0);
    server_close(f.server);
    CHECK_INT(answer.done, 1);
    client_close(&client);
    fixture_close(&f);
}

static void without_memory_it_closes_the_connection(void)
{
    struct fixture f;
    struct client client;
    long_open(&f);
    answer.fails_at = 500;
    client_open(&f, &client);
    long_ask(&client, 1);
    UNTIL(f.env, client.closed);
    CHECK_INT(answer.done, 1);
    CHECK(fixture_says(&f, "asks for more than fits in memory"));
    client_close(&client);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_worker_decodes_what_is_large), TAP_TEST(it_may_be_answered_by_its_handler),
         TAP_TEST(bad_bytes_are_refused_there_too), TAP_TEST(its_client_may_go_meanwhile),
         TAP_TEST(so_may_the_server), TAP_TEST(a_long_answer_takes_several_turns),
         TAP_TEST(who_goes_gets_no_more_of_it), TAP_TEST(the_server_may_end_in_the_middle),
         TAP_TEST(without_memory_it_closes_the_connection))

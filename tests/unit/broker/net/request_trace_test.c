/* The trace of requests: what its lines say, and that they come and go with the level. */
#include "held.h"

#include "broker/net/request_trace.h"

struct traced {
    struct fixture f;
    struct client client;
    struct logger logger; /* of the trace alone */
    struct request_trace trace;
};

static void traced_open(struct traced *t, enum logger_level level)
{
    held_open(&t->f, "");
    t->logger = t->f.logger;
    t->logger.level = level;
    request_trace_init(&t->trace, &t->logger, t->f.deps.listeners);
    server_add_hook(t->f.server, &t->trace.hook);
    client_open(&t->f, &t->client);
}

static void traced_close(struct traced *t)
{
    client_close(&t->client);
    held_close(&t->f);
    request_trace_close(&t->trace);
}

/* Asks with that client id and has the answer. */
static void traced_ask(struct traced *t, int32_t correlation_id, struct wire_str client_id)
{
    struct request_header header = {.request_api_key = KAFKA_API_SYNC_GROUP,
                                    .request_api_version = SYNC_VERSION,
                                    .correlation_id = correlation_id,
                                    .client_id = client_id};
    struct sync_group_request request;
    struct wire_out out;
    int before = held_count, answers = t->client.count;
    wire_defaults(&sync_group_request_desc, &request);
    wire_out_init(&out);
    CHECK_INT(wire_encode(&request_header_desc, 2, &header, &out), 0);
    CHECK_INT(wire_encode(&sync_group_request_desc, SYNC_VERSION, &request, &out), 0);
    CHECK_INT(frame_conn_send_copy(t->client.conn, out.memory.data, out.memory.len), 0);
    wire_out_close(&out);
    UNTIL(t->f.env, held_count == before + 1);
    held_answer(before, 10);
    UNTIL(t->f.env, t->client.count == answers + 1);
    until_quiet(t->f.env);
}

static void a_completed_request_is_a_line(void)
{
    static const char *const parts[] = {
        "DEBUG [test] Completed request:{\"requestHeader\":{\"requestApiKey\":14,"
        "\"requestApiVersion\":4,\"correlationId\":7,\"clientId\":\"me\","
        "\"requestApiKeyName\":\"SYNC_GROUP\"},\"connection\":\"127.0.0.1:",
        "\",\"listener\":\"PLAINTEXT\",\"principal\":\"User:ANONYMOUS\",\"operation\":\"READ\","
        "\"resourceType\":\"GROUP\",\"totalTimeMs\":",
        ",\"localTimeMs\":",
        ",\"remoteTimeMs\":",
        ",\"sendTimeMs\":",
        ",\"throttleTimeMs\":0,\"requestSizeInBytes\":",
        ",\"outcome\":\"answered\",\"errorCode\":0,\"error\":\"NONE\"}\n"};
    struct traced t;
    traced_open(&t, LOGGER_DEBUG);
    traced_ask(&t, 7, wire_str_from("me"));
    const char *at = buf_text(&t.f.lines);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        at = strstr(at, parts[i]);
        if (!at)
            printf("# no %s in %s\n", parts[i], buf_text(&t.f.lines));
        CHECK(at != NULL);
    }
    CHECK_INT(fixture_count(&t.f, "request:"), 1);
    traced_close(&t);
}

/* Whatever a client calls itself, the line stays one object on one line. */
static void a_client_id_cannot_forge_a_line(void)
{
    char longest[300];
    struct traced t;
    traced_open(&t, LOGGER_DEBUG);
    traced_ask(&t, 1, wire_str_from("a\"},\n\x7f\\"));
    CHECK(fixture_says(&t.f, "\"clientId\":\"a\\\"},\\u000a\\u007f\\\\\",\"requestApiKeyName\""));
    traced_ask(&t, 2, WIRE_STR_NULL);
    CHECK(fixture_says(&t.f, "\"clientId\":null,"));
    memset(longest, 1, sizeof(longest));
    traced_ask(&t, 3, wire_str_of(longest, sizeof(longest)));
    CHECK_INT(fixture_count(&t.f, "\"errorCode\":0,\"error\":\"NONE\"}\n"), 3);
    CHECK_INT(fixture_count(&t.f, "\\u0001"), REQUEST_CLIENT_ID_MAX);
    traced_close(&t);
}

static void the_level_decides_about_each_line(void)
{
    struct traced t;
    traced_open(&t, LOGGER_INFO);
    client_ask(&t.client, 1, 10);
    UNTIL(t.f.env, held_count == 1);
    CHECK(held[0]->asker == NULL); /* it costs nothing then */
    held_answer(0, 10);
    UNTIL(t.f.env, t.client.count == 1);
    CHECK_INT(fixture_count(&t.f, "request:"), 0);
    t.logger.level = LOGGER_TRACE;
    traced_ask(&t, 2, wire_str_from("me"));
    CHECK_INT(fixture_count(&t.f, "TRACE [test] Received request:{"), 1);
    CHECK_INT(fixture_count(&t.f, "DEBUG [test] Completed request:{"), 1);
    client_ask(&t.client, 3, 10);
    UNTIL(t.f.env, held_count == 3);
    CHECK_INT(fixture_count(&t.f, "Received request:{"), 2);
    t.logger.level = LOGGER_INFO; /* while it is handled */
    held_answer(2, 10);
    UNTIL(t.f.env, t.client.count == 3);
    CHECK_INT(fixture_count(&t.f, "Completed request:{"), 1);
    traced_close(&t);
}

static void who_and_what_can_be_chosen(void)
{
    static const struct {
        const char *client_ids, *apis, *client_id;
        bool told;
    } cases[] = {{"", "", "me", true},
                 {"me", "", "me", true},
                 {"you, me", "", "me", true},
                 {"you", "", "me", false},
                 {"me", "", "me too", false},
                 {"me*", "", "me too", true},
                 {"me*", "", "m", false},
                 {"you", "", NULL, false},
                 {"", "Fetch,SyncGroup", "me", true},
                 {"", "Fetch", "me", false},
                 {"me", "Fetch", "me", false}};
    struct traced t;
    traced_open(&t, LOGGER_DEBUG);
    int told = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        request_trace_restrict(&t.trace, cases[i].client_ids, cases[i].apis);
        traced_ask(&t, (int32_t)i, wire_str_from(cases[i].client_id));
        told += cases[i].told;
        CHECK_INT(fixture_count(&t.f, "Completed request:"), told);
    }
    traced_close(&t);
}

TAP_MAIN(TAP_TEST(a_completed_request_is_a_line), TAP_TEST(a_client_id_cannot_forge_a_line),
         TAP_TEST(the_level_decides_about_each_line), TAP_TEST(who_and_what_can_be_chosen))

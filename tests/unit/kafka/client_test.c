/* The client against a stub of a broker that runs in the same loop. */
#include "../tap.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "kafka/client.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/headers.h"
#include "kafka/messages/metadata.h"

/* What the stub does with a request. */
enum stub_mood {
    STUB_ANSWERS,
    STUB_HANGS_UP,       /* as soon as it is connected */
    STUB_HANGS_UP_LATER, /* at the first request after ApiVersions */
    STUB_IS_SILENT,      /* after ApiVersions */
    STUB_TALKS_HTTP,
    STUB_MISCOUNTS,     /* a wrong correlation id */
    STUB_REFUSES,       /* ApiVersions above 2, as KIP-511 has it */
    STUB_REFUSES_BADLY, /* the same, with garbage behind the error code */
    STUB_CUTS           /* half of the answer to Metadata */
};

enum { STUB_CONNS_MAX = 16 };

static struct env *env;
static struct client *client;
static struct buf problem;

static struct stub {
    enum stub_mood mood;
    struct env_listener *listener;
    struct frame_conn *conns[STUB_CONNS_MAX];
    int conn_count;
    int16_t asked_versions[8]; /* of ApiVersions, in order */
    int asked_count;
    int requests;        /* besides ApiVersions */
    uint16_t other_port; /* what broker 2 is advertised with */
} stub;

static void stub_send(struct frame_conn *conn, const struct kafka_api *api, int16_t version,
                      int32_t correlation, const void *response, size_t cut)
{
    struct response_header header = {correlation};
    struct wire_out out;
    wire_out_init(&out);
    CHECK_INT(wire_encode(&response_header_desc, kafka_api_response_header_version(api, version),
                          &header, &out),
              0);
    CHECK_INT(wire_encode(api->response, version, response, &out), 0);
    CHECK_INT(frame_conn_send_copy(conn, out.memory.data, out.memory.len - cut), 0);
    wire_out_close(&out);
}

static void stub_answer_versions(struct frame_conn *conn, const struct request_header *header)
{
    struct api_versions_response_api_version rows[] = {{KAFKA_API_METADATA, 0, 9},
                                                       {KAFKA_API_API_VERSIONS, 0, 3},
                                                       {999, 1, 2},
                                                       {KAFKA_API_FETCH, 90, 99}};
    struct api_versions_response response;
    wire_defaults(&api_versions_response_desc, &response);
    response.api_keys.items = rows;
    response.api_keys.count = 4;
    int16_t version = header->request_api_version;
    stub.asked_versions[stub.asked_count++] = version;
    if (stub.mood == STUB_REFUSES_BADLY && version > 2) {
        static const uint8_t odd[] = {0, 0, 0, 0, 0, 35, 1, 0, 18, 0, 0, 0, 2};
        CHECK_INT(frame_conn_send_copy(conn, odd, sizeof(odd)), 0);
        return;
    }
    if (stub.mood == STUB_REFUSES && version > 2) {
        rows[1].max_version = 2;
        response.api_keys.items = &rows[1];
        response.api_keys.count = 1;
        response.error_code = 35;
        version = 0;
    }
    stub_send(conn, kafka_api_find(KAFKA_API_API_VERSIONS), version, header->correlation_id,
              &response, 0);
}

static void stub_answer_metadata(struct frame_conn *conn, const struct request_header *header)
{
    struct metadata_response_metadata_response_broker brokers[2];
    struct metadata_response response;
    wire_defaults(&metadata_response_desc, &response);
    for (int i = 0; i < 2; i++) {
        wire_defaults(&metadata_response_metadata_response_broker_desc, &brokers[i]);
        brokers[i].node_id = i + 1;
        brokers[i].host = wire_str_from("127.0.0.1");
        brokers[i].port = i == 0 ? env_listener_port(stub.listener) : stub.other_port;
    }
    response.brokers.items = brokers;
    response.brokers.count = 2;
    response.cluster_id = wire_str_from("a-cluster");
    response.controller_id = 1;
    stub_send(conn, kafka_api_find(KAFKA_API_METADATA), header->request_api_version,
              header->correlation_id + (stub.mood == STUB_MISCOUNTS), &response,
              stub.mood == STUB_CUTS ? 10 : 0);
}

static void stub_on_frame(void *data, uint8_t *bytes, size_t len)
{
    struct frame_conn **conn = data;
    struct arena arena;
    struct request_header header;
    size_t used;
    arena_init(&arena, 1 << 20);
    const struct kafka_api *api = kafka_api_find((int16_t)bytes_get_u16(bytes));
    int16_t version = kafka_api_request_header_version(api, (int16_t)bytes_get_u16(bytes + 2));
    CHECK_INT(wire_decode(&request_header_desc, version, bytes, len, &arena, &header, &used), 0);
    CHECK(wire_str_is(header.client_id, "test"));
    arena_close(&arena);
    if (header.request_api_key == KAFKA_API_API_VERSIONS) {
        stub_answer_versions(*conn, &header);
        return;
    }
    stub.requests++;
    if (stub.mood == STUB_HANGS_UP_LATER) {
        frame_conn_close(*conn);
        *conn = NULL;
    } else if (stub.mood != STUB_IS_SILENT) {
        stub_answer_metadata(*conn, &header);
    }
}

static void stub_on_broken(void *data, int err)
{
    struct frame_conn **conn = data;
    (void)err;
    frame_conn_close(*conn);
    *conn = NULL;
}

static const struct frame_handlers stub_handlers = {.frame = stub_on_frame,
                                                    .broken = stub_on_broken};

static void stub_on_accept(void *data, struct env_stream *stream)
{
    (void)data;
    static const uint8_t http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct env_chunk chunk = {.data = http, .len = sizeof(http) - 1};
    CHECK(stub.conn_count < STUB_CONNS_MAX);
    if (stub.mood == STUB_HANGS_UP || stub.mood == STUB_TALKS_HTTP) {
        if (stub.mood == STUB_TALKS_HTTP)
            CHECK(env_stream_write(stream, &chunk, 1) > 0);
        env_stream_close(stream);
        return;
    }
    struct frame_conn **conn = &stub.conns[stub.conn_count++];
    CHECK_INT(
        frame_conn_new(env, transport_plain(stream), 1 << 20, NULL, &stub_handlers, conn, conn), 0);
}

/* A port on which nothing listens. */
static uint16_t dead_port(void)
{
    struct env_listener *listener;
    CHECK_INT(env_listen(env, "127.0.0.1", 0, stub_on_accept, NULL, &listener), 0);
    uint16_t port = env_listener_port(listener);
    env_listener_close(listener);
    return port;
}

static void begin(enum stub_mood mood, bool dead_first, int64_t timeout_ms)
{
    char bootstrap[64];
    CHECK_INT(env_new(&env), 0);
    stub = (struct stub){.mood = mood};
    CHECK_INT(env_listen(env, "127.0.0.1", 0, stub_on_accept, NULL, &stub.listener), 0);
    stub.other_port = dead_port();
    uint16_t port = env_listener_port(stub.listener);
    if (dead_first)
        snprintf(bootstrap, sizeof(bootstrap), "127.0.0.1:%u, 127.0.0.1:%u", stub.other_port, port);
    else
        snprintf(bootstrap, sizeof(bootstrap), "127.0.0.1:%u", port);
    struct client_config config = {bootstrap, "--bootstrap-server", "test",
                                   20000,     timeout_ms,           false};
    buf_init(&problem);
    CHECK_INT(client_new(env, &config, &problem, &client), 0);
}

static void end(void)
{
    client_free(client);
    for (int i = 0; i < stub.conn_count; i++)
        if (stub.conns[i])
            frame_conn_close(stub.conns[i]);
    env_listener_close(stub.listener);
    env_free(env);
    buf_close(&problem);
}

static int ask_metadata(int32_t target, struct client_answer *answer)
{
    struct metadata_request request;
    wire_defaults(&metadata_request_desc, &request);
    int version = client_version(client, target, KAFKA_API_METADATA, INT16_MAX);
    *answer = (struct client_answer){0};
    return version < 0 ? version
                       : client_call(client, target, KAFKA_API_METADATA, (int16_t)version, &request,
                                     answer);
}

static void check_fails(enum stub_mood mood, int64_t timeout_ms, int err, const char *what)
{
    struct client_answer answer;
    begin(mood, false, timeout_ms);
    CHECK_INT(ask_metadata(CLIENT_ANY, &answer), err);
    CHECK(strstr(client_problem(client), what) != NULL);
    client_answer_free(&answer);
    end();
}

static void a_call_is_answered(void)
{
    struct client_answer answer;
    begin(STUB_ANSWERS, false, 20000);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(ask_metadata(CLIENT_ANY, &answer), 0);
        const struct metadata_response *response = answer.response;
        CHECK_INT(answer.version, 9);
        CHECK(wire_str_is(response->cluster_id, "a-cluster"));
        CHECK_INT(response->brokers.count, 2);
        client_answer_free(&answer);
        client_answer_free(&answer);
    }
    CHECK_INT(stub.asked_count, 1);
    CHECK_INT(stub.requests, 3);
    CHECK_INT(stub.asked_versions[0], 3);
    CHECK_STR(client_problem(client), "");
    end();
}

static void versions_are_the_highest_in_common(void)
{
    int16_t min, max;
    begin(STUB_ANSWERS, false, 20000);
    CHECK_INT(client_version(client, CLIENT_ANY, KAFKA_API_METADATA, INT16_MAX), 9);
    CHECK_INT(client_version(client, CLIENT_ANY, KAFKA_API_METADATA, 4), 4);
    CHECK_INT(client_version(client, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, INT16_MAX),
              ERR_UNSUPPORTED_VERSION);
    CHECK(strstr(client_problem(client), "has no DescribeCluster") != NULL);
    const struct client_conn *conn = client_connection(client, CLIENT_ANY);
    CHECK(client_conn_range(conn, 999, &min, &max));
    CHECK_INT(max, 2);
    CHECK_INT(client_conn_key(conn, 2), 999);
    CHECK_INT(client_conn_key(conn, 4), -1);
    CHECK_INT(client_conn_version(conn, KAFKA_API_FETCH, INT16_MAX), ERR_UNSUPPORTED_VERSION);
    end();
}

static void the_first_server_that_answers_is_taken(void)
{
    struct client_answer answer;
    begin(STUB_ANSWERS, true, 20000);
    CHECK_INT(ask_metadata(CLIENT_ANY, &answer), 0);
    client_answer_free(&answer);
    end();
}

static void brokers_are_found_by_id(void)
{
    struct client_answer answer;
    char sentence[256];
    begin(STUB_ANSWERS, false, 20000);
    CHECK_INT(ask_metadata(1, &answer), 0);
    client_answer_free(&answer);
    CHECK_INT(ask_metadata(CLIENT_CONTROLLER, &answer), 0);
    client_answer_free(&answer);
    client_forget_controller(client);
    CHECK_INT(ask_metadata(CLIENT_CONTROLLER, &answer), 0);
    client_answer_free(&answer);
    CHECK_INT(ask_metadata(2, &answer), ERR_REFUSED);
    snprintf(
        sentence, sizeof(sentence),
        "broker 2 is advertised as 127.0.0.1:%u, which can't be reached from here (connection "
        "refused: nothing listens at that address): set advertised.listeners of that broker to an "
        "address that clients reach",
        stub.other_port);
    CHECK_STR(client_problem(client), sentence);
    CHECK_INT(ask_metadata(7, &answer), ERR_BROKER_NOT_AVAILABLE);
    CHECK(strstr(client_problem(client), "broker 7 is not alive") != NULL);
    end();
}

static void old_brokers_are_asked_again(void)
{
    struct client_answer answer;
    begin(STUB_REFUSES, false, 20000);
    CHECK_INT(ask_metadata(CLIENT_ANY, &answer), 0);
    CHECK_INT(stub.asked_versions[0], 3);
    CHECK_INT(stub.asked_versions[1], 2);
    client_answer_free(&answer);
    end();
    begin(STUB_REFUSES_BADLY, false, 20000);
    CHECK_INT(ask_metadata(CLIENT_ANY, &answer), 0);
    CHECK_INT(stub.asked_versions[1], 0);
    client_answer_free(&answer);
    end();
}

static void failures_are_told(void)
{
    check_fails(STUB_HANGS_UP, 20000, ERR_EOF, "hung up");
    check_fails(STUB_TALKS_HTTP, 20000, ERR_TOO_LARGE, "is not the Kafka protocol");
    check_fails(STUB_HANGS_UP_LATER, 20000, ERR_EOF, "did not answer Metadata");
    check_fails(STUB_MISCOUNTS, 20000, ERR_MALFORMED, "did not answer Metadata");
    check_fails(STUB_CUTS, 20000, ERR_MALFORMED, "did not answer Metadata");
    check_fails(STUB_IS_SILENT, 20, ERR_TIMED_OUT, "no answer in time");
}

static void a_broken_connection_is_made_anew(void)
{
    struct client_answer answer;
    begin(STUB_HANGS_UP_LATER, false, 20000);
    CHECK_INT(ask_metadata(CLIENT_ANY, &answer), ERR_EOF);
    stub.mood = STUB_ANSWERS;
    CHECK_INT(ask_metadata(CLIENT_ANY, &answer), 0);
    client_answer_free(&answer);
    end();
}

static void late_answers_are_dropped(void)
{
    struct client_answer answer;
    begin(STUB_IS_SILENT, false, 20);
    CHECK_INT(ask_metadata(CLIENT_ANY, &answer), ERR_TIMED_OUT);
    struct request_header late = {KAFKA_API_METADATA, 9, 1, WIRE_STR_NULL};
    stub_answer_metadata(stub.conns[0], &late);
    stub.mood = STUB_ANSWERS;
    CHECK_INT(ask_metadata(CLIENT_ANY, &answer), 0);
    CHECK_INT(stub.asked_count, 1);
    client_answer_free(&answer);
    end();
}

/* Also for the first request of a connection, which is its own. */
static void a_lack_of_memory_is_told(void)
{
    int told = 0;
    for (uint64_t n = 1; n <= 3; n++) {
        struct client_answer answer;
        begin(STUB_ANSWERS, false, 20000);
        mem_fail_at(n);
        int err = ask_metadata(CLIENT_ANY, &answer);
        CHECK(mem_fail_at(0));
        CHECK(err == 0 || err == ERR_NO_MEMORY);
        told += err == ERR_NO_MEMORY;
        client_answer_free(&answer);
        end();
    }
    CHECK(told > 0);
}

static void check_address(const char *bootstrap, const char *sentence)
{
    struct client_config config = {bootstrap, "--broker-list", "test", 1, 1, false};
    CHECK_INT(env_new(&env), 0);
    buf_init(&problem);
    client = NULL;
    int err = client_new(env, &config, &problem, &client);
    CHECK_STR(buf_text(&problem), sentence);
    CHECK_INT(err, sentence[0] ? ERR_INVALID : 0);
    client_free(client);
    env_free(env);
    buf_close(&problem);
}

static void addresses_are_checked(void)
{
    check_address("a,b:1, [::1]:5 ,[::1],PLAINTEXT://c:9", "");
    check_address("", "--broker-list names no broker: write it as host:port");
    check_address("a:x", "--broker-list a:x is not an address: write it as host:port");
    check_address("a:9x", "--broker-list a:9x is not an address: write it as host:port");
    check_address("a:", "--broker-list a: is not an address: write it as host:port");
    check_address("a:0", "--broker-list a:0 is not an address: write it as host:port");
    check_address("a:70000", "--broker-list a:70000 is not an address: write it as host:port");
    check_address("::1", "--broker-list ::1 is not an address: write it as host:port");
    check_address("[::1", "--broker-list [::1 is not an address: write it as host:port");
}

TAP_MAIN(TAP_TEST(a_call_is_answered), TAP_TEST(versions_are_the_highest_in_common),
         TAP_TEST(the_first_server_that_answers_is_taken), TAP_TEST(brokers_are_found_by_id),
         TAP_TEST(old_brokers_are_asked_again), TAP_TEST(failures_are_told),
         TAP_TEST(a_broken_connection_is_made_anew), TAP_TEST(late_answers_are_dropped),
         TAP_TEST(a_lack_of_memory_is_told), TAP_TEST(addresses_are_checked))

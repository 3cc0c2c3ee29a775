/* The broker's table of APIs: its rows, and what ApiVersions tells of it over a real connection. */
#include "../net/fixture.h"

#include "broker/broker.h"
#include "broker/handlers/handlers.h"
#include "tests/lib/metadata_feed.h"

static void rows_are_apis_by_rising_key(void)
{
    size_t cursor = 0;
    const struct api_row *row;
    int16_t last = -1;
    int count = 0;
    while ((row = api_table_next(&handlers_table, &cursor))) {
        CHECK(row->key > last);
        CHECK(row->handle != NULL);
        const struct kafka_api *api = kafka_api_find(row->key);
        CHECK(api != NULL);
        CHECK(row->version_min >= api->min && row->version_max <= api->max);
        CHECK(api_table_find(&handlers_table, row->key) == row);
        last = row->key;
        count++;
    }
    for (int16_t key = 0; key < KAFKA_API_END; key++)
        count -= api_table_find(&handlers_table, key) != NULL;
    CHECK_INT(count, 0);
    CHECK(last > KAFKA_API_CONSUMER_GROUP_HEARTBEAT);
    CHECK(api_table_next(&handlers_table, &cursor) == NULL);
}

/* As Kafka authorises them. ApiVersions, which comes before anybody has said who he is, needs
 * nothing, nor do metrics that a client pushes of itself. */
static void rows_say_what_they_need(void)
{
    static const struct {
        int16_t key;
        const char *operation, *resource;
    } some[] = {{KAFKA_API_PRODUCE, "WRITE", "TOPIC"},
                {KAFKA_API_METADATA, "DESCRIBE", "TOPIC"},
                {KAFKA_API_HEARTBEAT, "READ", "GROUP"},
                {KAFKA_API_INIT_PRODUCER_ID, "IDEMPOTENT_WRITE", "CLUSTER"},
                {KAFKA_API_ALTER_CONFIGS, "ALTER_CONFIGS", "CLUSTER"},
                {KAFKA_API_API_VERSIONS, "NONE", "NONE"}};
    size_t cursor = 0;
    const struct api_row *row;
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        row = api_table_find(&handlers_table, some[i].key);
        CHECK_STR(acl_operation_name(row->operation), some[i].operation);
        CHECK_STR(acl_resource_name(row->resource), some[i].resource);
    }
    while ((row = api_table_next(&handlers_table, &cursor))) {
        bool free = row->key == KAFKA_API_API_VERSIONS || row->key == KAFKA_API_PUSH_TELEMETRY ||
                    row->key == KAFKA_API_GET_TELEMETRY_SUBSCRIPTIONS;
        CHECK((row->operation == ACL_NONE) == free);
        CHECK((row->resource == ACL_RESOURCE_NONE) == (row->operation == ACL_NONE));
    }
}

/* request.logger.apis takes the name of each. */
static void settings_know_their_names(void)
{
    const struct config_row *setting = config_row(CONFIG_REQUEST_LOGGER_APIS);
    struct buf problem;
    size_t cursor = 0, count = 1;
    const struct api_row *row;
    buf_init(&problem);
    for (const char *at = setting->allowed; (at = strchr(at, '|')); at++)
        count++;
    while ((row = api_table_next(&handlers_table, &cursor))) {
        const char *name = kafka_api_find(row->key)->name;
        CHECK_INT(config_check_value(setting, setting->name, name, &problem), 0);
        count--;
    }
    CHECK_INT(count, 1); /* UpdateRaftVoter, which controllers serve */
    buf_close(&problem);
}

/* As Kafka serves them there; what needs records, groups or other brokers is not among them. */
static void the_controllers_listener_serves_less(void)
{
    static const int16_t served[] = {KAFKA_API_API_VERSIONS,     KAFKA_API_CREATE_TOPICS,
                                     KAFKA_API_DESCRIBE_CONFIGS, KAFKA_API_DESCRIBE_QUORUM,
                                     KAFKA_API_ADD_RAFT_VOTER,   KAFKA_API_UPDATE_FEATURES,
                                     KAFKA_API_UPDATE_RAFT_VOTER};
    static const int16_t absent[] = {KAFKA_API_PRODUCE, KAFKA_API_FETCH, KAFKA_API_METADATA,
                                     KAFKA_API_FIND_COORDINATOR, KAFKA_API_LIST_CONFIG_RESOURCES};
    size_t cursor = 0;
    const struct api_row *row;
    for (size_t i = 0; i < ARRAY_LEN(served); i++)
        CHECK(api_table_find(&handlers_controller_table, served[i]) != NULL);
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        CHECK(api_table_find(&handlers_controller_table, absent[i]) == NULL);
    while ((row = api_table_next(&handlers_controller_table, &cursor))) {
        const struct api_row *brokers = api_table_find(&handlers_table, row->key);
        if (row->key == KAFKA_API_UPDATE_RAFT_VOTER) {
            CHECK(brokers == NULL);
            continue;
        }
        CHECK(brokers && brokers->handle == row->handle);
        CHECK(brokers->version_max == row->version_max && brokers->operation == row->operation);
    }
}

static void other_keys_have_no_row(void)
{
    CHECK(api_table_find(&handlers_table, -1) == NULL);
    CHECK(api_table_find(&handlers_table, KAFKA_API_END) == NULL);
    CHECK(api_table_find(&handlers_table, INT16_MAX) == NULL);
    CHECK(api_table_find(&handlers_table, KAFKA_API_SASL_HANDSHAKE) == NULL);
}

/* A server with all handlers, and as much of a broker as ApiVersions looks at. */
static void serve_all(struct fixture *f, struct broker *broker)
{
    fixture_init(f, &handlers_table, "");
    *broker = (struct broker){.env = f->env, .config = f->config, .node_id = 1};
    broker->metadata = metadata_new(f->env, NULL);
    f->deps.broker = broker;
    CHECK_INT(server_new(&f->deps, &f->problem, &f->server), 0);
}

static void serve_none(struct fixture *f, struct broker *broker)
{
    metadata_free(broker->metadata);
    fixture_close(f);
}

/* The body of the only answer. */
static void read_answer(struct client *client, int16_t version, struct arena *arena,
                        struct api_versions_response *response)
{
    size_t used;
    CHECK_INT(client->count, 1);
    CHECK_INT(wire_decode(&api_versions_response_desc, version, client->answers[0].data + 4,
                          client->answers[0].len - 4, arena, response, &used),
              0);
    CHECK_INT(used, client->answers[0].len - 4);
}

static void api_versions_has_the_whole_table(void)
{
    struct fixture f;
    struct broker broker;
    struct client client;
    struct arena arena;
    struct api_versions_request request;
    struct api_versions_response response;
    size_t cursor = 0;
    serve_all(&f, &broker);
    client_open(&f, &client);
    arena_init(&arena, 1 << 20);
    wire_defaults(&api_versions_request_desc, &request);
    request.client_software_name = wire_str_from("tester");
    request.client_software_version = wire_str_from("1");
    client_send(&client, KAFKA_API_API_VERSIONS, 3, 1, &request);
    UNTIL(f.env, client.count == 1);
    read_answer(&client, 3, &arena, &response);
    CHECK_INT(response.error_code, 0);
    for (int32_t i = 0; i < response.api_keys.count; i++) {
        const struct kafka_api *api = kafka_api_find(api_table_next(&handlers_table, &cursor)->key);
        CHECK_INT(response.api_keys.items[i].api_key, api->key);
        CHECK_INT(response.api_keys.items[i].min_version, api->min);
        CHECK_INT(response.api_keys.items[i].max_version, api->max);
    }
    CHECK(api_table_next(&handlers_table, &cursor) == NULL);
    arena_close(&arena);
    client_close(&client);
    serve_none(&f, &broker);
}

/* The client learns which versions it may ask with, and asks again on the same connection. */
static void a_version_of_the_future_gets_our_range(void)
{
    struct fixture f;
    struct broker broker;
    struct client client;
    struct arena arena;
    struct api_versions_response response;
    serve_all(&f, &broker);
    client_open(&f, &client);
    arena_init(&arena, 1 << 20);
    client_send(&client, KAFKA_API_API_VERSIONS, 100, 1, NULL);
    UNTIL(f.env, client.count == 1);
    read_answer(&client, 0, &arena, &response);
    CHECK_INT(response.error_code, err_to_wire(ERR_UNSUPPORTED_VERSION));
    CHECK_INT(response.api_keys.count, 1);
    CHECK_INT(response.api_keys.items[0].api_key, KAFKA_API_API_VERSIONS);
    CHECK_INT(response.api_keys.items[0].max_version, kafka_api_find(KAFKA_API_API_VERSIONS)->max);
    CHECK(!client.closed);
    arena_close(&arena);
    client_close(&client);
    serve_none(&f, &broker);
}

TAP_MAIN(TAP_TEST(the_controllers_listener_serves_less), TAP_TEST(rows_are_apis_by_rising_key),
         TAP_TEST(rows_say_what_they_need), TAP_TEST(settings_know_their_names),
         TAP_TEST(other_keys_have_no_row), TAP_TEST(api_versions_has_the_whole_table),
         TAP_TEST(a_version_of_the_future_gets_our_range))

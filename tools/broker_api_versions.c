/* kafka-broker-api-versions: what each broker can speak. */
#include "tools/broker_api_versions.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/describe_cluster.h"
#include "tools/tools.h"

static const struct option_row versions_options[] = {
    TOOL_CONNECT_OPTIONS,
    TOOL_LAST_OPTIONS,
};

static void versions_print_range(int16_t min, int16_t max)
{
    if (min == max)
        printf("%d", min);
    else
        printf("%d to %d", min, max);
}

static void versions_print_api(const struct client_conn *conn, const struct kafka_api *api,
                               const char *comma)
{
    int16_t min = 0, max = 0;
    printf("\t%s(%d): ", api->name, api->key);
    if (!client_conn_range(conn, api->key, &min, &max)) {
        printf("UNSUPPORTED%s\n", comma);
        return;
    }
    int usable = client_conn_version(conn, api->key, INT16_MAX);
    versions_print_range(min, max);
    if (usable < 0)
        printf(" [unusable: the two have no version in common]%s\n", comma);
    else
        printf(" [usable: %d]%s\n", usable, comma);
}

/* Those that we know, then those that only the broker knows. */
static void versions_print_apis(const struct client_conn *conn)
{
    int16_t keys[1024];
    int count = 0, foreign = 0;
    for (int16_t key = 0; key < KAFKA_API_END; key++)
        if (kafka_api_find(key))
            keys[count++] = key;
    for (int i = 0; client_conn_key(conn, i) >= 0 && count < 1000; i++) {
        if (kafka_api_find(client_conn_key(conn, i)))
            continue;
        keys[count++] = client_conn_key(conn, i);
        foreign++;
    }
    for (int i = 0; i < count; i++) {
        const char *comma = i + 1 < count ? "," : "";
        int16_t min = 0, max = 0;
        if (i < count - foreign) {
            versions_print_api(conn, kafka_api_find(keys[i]), comma);
            continue;
        }
        client_conn_range(conn, keys[i], &min, &max);
        printf("\tUNKNOWN(%d): ", keys[i]);
        versions_print_range(min, max);
        printf("%s\n", comma);
    }
}

int broker_api_versions_print(struct tool_run *run)
{
    struct describe_cluster_request request;
    struct client_answer answer = {0};
    int version = tool_version(run, KAFKA_API_DESCRIBE_CLUSTER);
    if (version < 0)
        return 1;
    wire_defaults(&describe_cluster_request_desc, &request);
    request.endpoint_type = client_endpoint_type(run->client);
    if (tool_call(run, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, version, &request, &answer))
        return 1;
    const struct describe_cluster_response *response = answer.response;
    int status = 0;
    for (int32_t i = 0; i < response->brokers.count; i++) {
        const struct describe_cluster_response_describe_cluster_broker *row =
            &response->brokers.items[i];
        const struct client_conn *conn = client_connection(run->client, row->broker_id);
        printf("%.*s:%d (id: %d rack: %.*s isFenced: %s) -> ", WIRE_STR_ARGS(row->host), row->port,
               row->broker_id, row->rack.len > 0 ? row->rack.len : 4,
               row->rack.len > 0 ? row->rack.data : "null", row->is_fenced ? "true" : "false");
        if (conn) {
            printf("(\n");
            versions_print_apis(conn);
            printf(")\n");
        } else {
            printf("ERROR: %s\n", client_problem(run->client));
            status = 1;
        }
    }
    client_answer_free(&answer);
    return status;
}

static int versions_run(struct tool_run *run)
{
    return tool_connect(run) ? 1 : broker_api_versions_print(run);
}

const struct tool tool_broker_api_versions = {
    .name = "broker-api-versions",
    .link = "kafka-broker-api-versions",
    .synopsis = "--bootstrap-server HOST:PORT",
    .summary = "Show what each broker can speak.",
    .options = versions_options,
    .run = versions_run,
};

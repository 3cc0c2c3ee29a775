/* Gathers the state of a whole cluster from a handful of requests.
 *
 * Happy path: DescribeCluster names the brokers, fenced ones too; DescribeQuorum the voters and how
 * far each node has got; Metadata the partitions; DescribeLogDirs, one to each broker that is up,
 * sizes, lags and free room. Failure modes: nobody answers (an error); no quorum (no leader in the
 * view); a broker that is said to be up and does not answer (its row says so). */
#include "tools/cluster_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/version.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/describe_log_dirs.h"
#include "kafka/messages/list_partition_reassignments.h"
#include "kafka/messages/metadata.h"
#include "tools/quorum_request.h"

/* A voter answers its leader many times a second; one that the leader has not heard for this long
 * is down or cut off. */
enum { VIEW_VOTER_SILENT_MS = 5000 };

#define VIEW_RESERVE "log.dir.reserve.bytes"

enum { VIEW_BROKER_SETTINGS = 4 }; /* a kind of resources, as the protocol numbers it */

typedef struct describe_quorum_response_replica_state view_replica;
typedef struct describe_quorum_response_partition_data view_quorum;

static int view_call(struct client *client, int32_t target, int16_t key, const void *request,
                     struct client_answer *answer)
{
    int version = client_version(client, target, key, INT16_MAX);
    return version < 0 ? version
                       : client_call(client, target, key, (int16_t)version, request, answer);
}

/* ---- nodes ---- */

static struct cluster_node *view_node(struct cluster_view *view, int32_t id)
{
    for (size_t i = 0; i < view->node_count; i++)
        if (view->nodes[i].id == id)
            return &view->nodes[i];
    view->nodes = mem_realloc(view->nodes, (view->node_count + 1) * sizeof(*view->nodes));
    struct cluster_node *node = &view->nodes[view->node_count++];
    *node = (struct cluster_node){
        .id = id, .metadata_lag = -1, .size = -1, .usable = -1, .reserve = -1};
    return node;
}

static int view_read_brokers(struct client *client, struct cluster_view *view)
{
    struct describe_cluster_request request;
    struct client_answer answer = {0};
    wire_defaults(&describe_cluster_request_desc, &request);
    int version = client_version(client, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, INT16_MAX);
    request.include_fenced_brokers = version >= 2;
    int err = view_call(client, CLIENT_ANY, KAFKA_API_DESCRIBE_CLUSTER, &request, &answer);
    const struct describe_cluster_response *response = answer.response;
    if (!err && response->error_code)
        err = err_from_wire(response->error_code);
    for (int32_t i = 0; !err && i < response->brokers.count; i++) {
        const struct describe_cluster_response_describe_cluster_broker *row =
            &response->brokers.items[i];
        struct cluster_node *node = view_node(view, row->broker_id);
        node->is_broker = true;
        node->state = row->is_fenced ? CLUSTER_NODE_FENCED : CLUSTER_NODE_UP;
        mem_free(node->address);
        node->address = mem_printf("%.*s:%d", WIRE_STR_ARGS(row->host), row->port);
    }
    if (!err)
        view->cluster_id = wire_str_dup(response->cluster_id);
    client_answer_free(&answer);
    return err;
}

/* ---- the quorum ---- */

static const view_replica *view_leader(const view_quorum *quorum)
{
    for (int32_t i = 0; i < quorum->current_voters.count; i++)
        if (quorum->current_voters.items[i].replica_id == quorum->leader_id)
            return &quorum->current_voters.items[i];
    return NULL;
}

static void view_add_replica(struct cluster_view *view, const view_replica *replica,
                             const view_replica *leader, bool voter)
{
    struct cluster_node *node = view_node(view, replica->replica_id);
    int64_t lag = leader->log_end_offset - replica->log_end_offset;
    node->is_voter = node->is_voter || voter;
    node->is_leader = replica == leader;
    node->metadata_lag = replica->log_end_offset < 0 ? -1 : lag < 0 ? 0 : lag;
    if (voter && replica != leader && node->state == CLUSTER_NODE_UP &&
        leader->last_fetch_timestamp - replica->last_fetch_timestamp > VIEW_VOTER_SILENT_MS)
        node->state = CLUSTER_NODE_BEHIND;
}

static void view_add_quorum(struct cluster_view *view,
                            const struct describe_quorum_response *response,
                            const view_quorum *quorum)
{
    const view_replica *leader = view_leader(quorum);
    if (!leader)
        return;
    view->leader_id = quorum->leader_id;
    view->leader_epoch = quorum->leader_epoch;
    view->high_watermark = quorum->high_watermark;
    for (int32_t i = 0; i < quorum->current_voters.count; i++)
        view_add_replica(view, &quorum->current_voters.items[i], leader, true);
    for (int32_t i = 0; i < quorum->observers.count; i++)
        view_add_replica(view, &quorum->observers.items[i], leader, false);
    for (int32_t i = 0; i < response->nodes.count; i++) {
        const struct describe_quorum_response_node *row = &response->nodes.items[i];
        struct cluster_node *node = view_node(view, row->node_id);
        if (!node->address && row->listeners.count > 0)
            node->address = mem_printf("%.*s:%u", WIRE_STR_ARGS(row->listeners.items[0].host),
                                       row->listeners.items[0].port);
    }
}

/* Without an answer the view has no leader, which is the finding. */
static void view_read_quorum(struct client *client, struct cluster_view *view)
{
    struct quorum_request quorum;
    struct client_answer answer = {0};
    quorum_request_init(&quorum);
    int err = view_call(client, CLIENT_ANY, KAFKA_API_DESCRIBE_QUORUM, &quorum.request, &answer);
    const struct describe_quorum_response *response = answer.response;
    const view_quorum *state =
        !err && !response->error_code ? quorum_request_answer(response) : NULL;
    if (state)
        view_add_quorum(view, response, state);
    client_answer_free(&answer);
}

/* ---- partitions ---- */

static void view_add_partition(struct cluster_view *view,
                               const struct metadata_response_metadata_response_partition *row)
{
    view->partitions++;
    view->offline += row->leader_id < 0;
    view->under_replicated += row->isr_nodes.count < row->replica_nodes.count || row->leader_id < 0;
    if (row->leader_id >= 0)
        view_node(view, row->leader_id)->leads++;
    for (int32_t i = 0; i < row->replica_nodes.count; i++) {
        struct cluster_node *node = view_node(view, row->replica_nodes.items[i]);
        node->replicas++;
        if (!node->is_broker)
            node->state = CLUSTER_NODE_GONE;
    }
}

static const struct metadata_response_metadata_response_partition *
view_partition(const struct metadata_response *metadata, struct wire_str topic, int32_t index)
{
    for (int32_t i = 0; i < metadata->topics.count; i++) {
        if (!wire_str_equal(metadata->topics.items[i].name, topic))
            continue;
        for (int32_t j = 0; j < metadata->topics.items[i].partitions.count; j++)
            if (metadata->topics.items[i].partitions.items[j].partition_index == index)
                return &metadata->topics.items[i].partitions.items[j];
    }
    return NULL;
}

/* A replica that a move adds is not missing yet. A broker without the API moves none. */
static void view_read_moves(struct client *client, const struct metadata_response *metadata,
                            struct cluster_view *view)
{
    struct list_partition_reassignments_request request;
    struct client_answer answer = {0};
    wire_defaults(&list_partition_reassignments_request_desc, &request);
    request.topics.count = -1; /* all of them */
    int err =
        view_call(client, CLIENT_ANY, KAFKA_API_LIST_PARTITION_REASSIGNMENTS, &request, &answer);
    const struct list_partition_reassignments_response *response = answer.response;
    for (int32_t i = 0; !err && i < response->topics.count; i++)
        for (int32_t j = 0; j < response->topics.items[i].partitions.count; j++) {
            const struct list_partition_reassignments_response_ongoing_partition_reassignment
                *move = &response->topics.items[i].partitions.items[j];
            const struct metadata_response_metadata_response_partition *row =
                view_partition(metadata, response->topics.items[i].name, move->partition_index);
            int32_t wanted = row ? row->replica_nodes.count : 0;
            if (row && row->leader_id >= 0 && row->isr_nodes.count < wanted &&
                row->isr_nodes.count >= wanted - move->adding_replicas.count)
                view->under_replicated--;
        }
    client_answer_free(&answer);
}

static int view_read_partitions(struct client *client, struct cluster_view *view,
                                struct client_answer *answer)
{
    struct metadata_request request;
    wire_defaults(&metadata_request_desc, &request);
    request.topics.count = -1; /* all of them */
    request.allow_auto_topic_creation = false;
    int err = view_call(client, CLIENT_ANY, KAFKA_API_METADATA, &request, answer);
    const struct metadata_response *response = answer->response;
    for (int32_t i = 0; !err && i < response->topics.count; i++) {
        view->topics++;
        for (int32_t j = 0; j < response->topics.items[i].partitions.count; j++)
            view_add_partition(view, &response->topics.items[i].partitions.items[j]);
    }
    return err;
}

/* ---- each broker ---- */

static void
view_add_setting(struct cluster_node *node,
                 const struct describe_configs_response_describe_configs_resource_result *setting)
{
    char *value = wire_str_dup(setting->value);
    if (value && wire_str_is(setting->name, VIEW_RESERVE))
        node->reserve = strtoll(value, NULL, 10);
    if (!node->version && wire_str_is(setting->name, MILLRACE_VERSION_KEY)) {
        node->version = value;
        value = NULL;
    }
    mem_free(value);
}

/* What the broker keeps free on the disks of its log directories, and its version. Kafka's brokers
 * keep nothing and tell no version. */
static void view_ask_settings(struct client *client, struct cluster_node *node)
{
    struct describe_configs_request request;
    struct describe_configs_request_describe_configs_resource resource;
    struct wire_str keys[] = {wire_str_from(VIEW_RESERVE), wire_str_from(MILLRACE_VERSION_KEY)};
    struct client_answer answer = {0};
    char *name = mem_printf("%d", node->id);
    wire_defaults(&describe_configs_request_desc, &request);
    wire_defaults(&describe_configs_request_describe_configs_resource_desc, &resource);
    resource.resource_type = VIEW_BROKER_SETTINGS;
    resource.resource_name = wire_str_from(name);
    resource.configuration_keys.items = keys;
    resource.configuration_keys.count = (int32_t)ARRAY_LEN(keys);
    request.resources.items = &resource;
    request.resources.count = 1;
    int err = view_call(client, node->id, KAFKA_API_DESCRIBE_CONFIGS, &request, &answer);
    const struct describe_configs_response *response = answer.response;
    for (int32_t i = 0;
         !err && response->results.count == 1 && i < response->results.items[0].configs.count; i++)
        view_add_setting(node, &response->results.items[0].configs.items[i]);
    client_answer_free(&answer);
    mem_free(name);
}

static void view_add_full(struct cluster_node *node,
                          const struct describe_log_dirs_response_describe_log_dirs_result *dir)
{
    if (node->dirs_full++ > 0 && node->full_free <= dir->usable_bytes)
        return;
    mem_free(node->full_dir);
    node->full_dir = wire_str_dup(dir->log_dir);
    node->full_free = dir->usable_bytes;
}

static void view_add_dir(struct cluster_node *node,
                         const struct describe_log_dirs_response_describe_log_dirs_result *dir)
{
    node->dirs++;
    node->dirs_offline += dir->error_code != 0;
    if (dir->usable_bytes >= 0)
        node->usable = (node->usable < 0 ? 0 : node->usable) + dir->usable_bytes;
    if (dir->usable_bytes >= 0 && dir->usable_bytes / 2 < node->reserve)
        view_add_full(node, dir);
    for (int32_t i = 0; i < dir->topics.count; i++)
        for (int32_t j = 0; j < dir->topics.items[i].partitions.count; j++) {
            const struct describe_log_dirs_response_describe_log_dirs_partition *row =
                &dir->topics.items[i].partitions.items[j];
            node->size += row->partition_size;
            if (row->offset_lag > node->replica_lag)
                node->replica_lag = row->offset_lag;
        }
}

static void view_ask_broker(struct client *client, struct cluster_node *node)
{
    struct describe_log_dirs_request request;
    struct client_answer answer = {0};
    wire_defaults(&describe_log_dirs_request_desc, &request);
    request.topics.count = -1;
    int err = view_call(client, node->id, KAFKA_API_DESCRIBE_LOG_DIRS, &request, &answer);
    const struct describe_log_dirs_response *response = answer.response;
    const struct client_conn *conn = err ? NULL : client_connection(client, node->id);
    if (err)
        node->state = CLUSTER_NODE_SILENT;
    else
        node->size = 0;
    if (!err)
        view_ask_settings(client, node);
    for (int32_t i = 0; !err && i < response->results.count; i++)
        view_add_dir(node, &response->results.items[i]);
    while (conn && client_conn_key(conn, node->apis) >= 0)
        node->apis++;
    client_answer_free(&answer);
}

/* Whether two brokers serve different versions of any API: an upgrade is under way. */
static bool view_differ(const struct client_conn *a, const struct client_conn *b)
{
    for (int i = 0; client_conn_key(a, i) >= 0; i++) {
        int16_t key = client_conn_key(a, i), from[2], to[2];
        if (!client_conn_range(a, key, &from[0], &to[0]) ||
            !client_conn_range(b, key, &from[1], &to[1]) || from[0] != from[1] || to[0] != to[1])
            return true;
    }
    return false;
}

static void view_compare_versions(struct client *client, struct cluster_view *view)
{
    const struct client_conn *first = NULL;
    int apis = 0;
    for (size_t i = 0; i < view->node_count; i++) {
        if (view->nodes[i].apis == 0)
            continue;
        const struct client_conn *conn = client_connection(client, view->nodes[i].id);
        if (conn && first && (view->nodes[i].apis != apis || view_differ(first, conn)))
            view->versions_differ = true;
        if (conn && !first) {
            first = conn;
            apis = view->nodes[i].apis;
        }
    }
}

/* Two builds may serve the same APIs. */
static void view_compare_programs(struct cluster_view *view)
{
    const char *first = NULL;
    for (size_t i = 0; i < view->node_count; i++) {
        const char *version = view->nodes[i].version;
        view->versions_differ |= first && version && strcmp(first, version) != 0;
        first = first ? first : version;
    }
}

/* ---- features ---- */

/* Without an answer none are known. */
static void view_read_features(struct client *client, struct cluster_view *view)
{
    struct api_versions_request request;
    struct client_answer answer = {0};
    wire_defaults(&api_versions_request_desc, &request);
    request.client_software_name = wire_str_from("millrace");
    request.client_software_version = wire_str_from(MILLRACE_VERSION);
    int err = view_call(client, CLIENT_ANY, KAFKA_API_API_VERSIONS, &request, &answer);
    const struct api_versions_response *response = answer.response;
    int32_t count = !err && !response->error_code ? response->finalized_features.count : 0;
    view->features = mem_alloc((size_t)(count > 0 ? count : 1) * sizeof(*view->features));
    for (int32_t i = 0; i < count; i++)
        view->features[view->feature_count++] = (struct cluster_feature){
            .name = wire_str_dup(response->finalized_features.items[i].name),
            .level = response->finalized_features.items[i].max_version_level};
    if (!err && !response->error_code)
        view->features_epoch = response->finalized_features_epoch;
    client_answer_free(&answer);
}

/* ---- the whole ---- */

static int view_compare_ids(const void *left, const void *right)
{
    const struct cluster_node *a = left, *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

int cluster_view_read(struct client *client, struct cluster_view *view)
{
    *view = (struct cluster_view){
        .leader_id = -1, .leader_epoch = -1, .high_watermark = -1, .features_epoch = -1};
    struct client_answer metadata = {0};
    int err = view_read_brokers(client, view);
    if (!err)
        err = view_read_partitions(client, view, &metadata);
    if (err) {
        client_answer_free(&metadata);
        cluster_view_close(view);
        return err;
    }
    for (size_t i = 0; i < view->node_count; i++)
        if (view->nodes[i].is_broker && view->nodes[i].state != CLUSTER_NODE_FENCED)
            view_ask_broker(client, &view->nodes[i]);
    view_compare_versions(client, view);
    view_compare_programs(view);
    view_read_features(client, view);
    /* Last: without a leader it is not answered in time, and what was asked after it on the same
     * connection would wait behind it. */
    view_read_quorum(client, view);
    if (view->leader_id >= 0 && view->under_replicated > 0) /* the same holds for what moves */
        view_read_moves(client, metadata.response, view);
    client_answer_free(&metadata);
    qsort(view->nodes, view->node_count, sizeof(*view->nodes), view_compare_ids);
    return 0;
}

void cluster_view_close(struct cluster_view *view)
{
    for (size_t i = 0; i < view->node_count; i++)
        mem_free(view->nodes[i].address);
    for (size_t i = 0; i < view->node_count; i++)
        mem_free(view->nodes[i].full_dir);
    for (size_t i = 0; i < view->node_count; i++)
        mem_free(view->nodes[i].version);
    for (size_t i = 0; i < view->feature_count; i++)
        mem_free(view->features[i].name);
    mem_free(view->features);
    mem_free(view->nodes);
    mem_free(view->cluster_id);
    *view = (struct cluster_view){0};
}

bool cluster_view_is_healthy(const struct cluster_view *view)
{
    bool healthy = view->leader_id >= 0 && view->under_replicated == 0 && view->offline == 0;
    for (size_t i = 0; i < view->node_count; i++)
        healthy = healthy && view->nodes[i].state == CLUSTER_NODE_UP &&
                  view->nodes[i].dirs_offline == 0 && view->nodes[i].dirs_full == 0;
    return healthy;
}

int cluster_view_brokers_up(const struct cluster_view *view, int *of)
{
    int up = 0;
    *of = 0;
    for (size_t i = 0; i < view->node_count; i++) {
        const struct cluster_node *node = &view->nodes[i];
        *of += node->is_broker;
        up += node->is_broker &&
              (node->state == CLUSTER_NODE_UP || node->state == CLUSTER_NODE_BEHIND);
    }
    return up;
}

int64_t cluster_view_size(const struct cluster_view *view)
{
    int64_t size = 0;
    for (size_t i = 0; i < view->node_count; i++)
        size += view->nodes[i].size > 0 ? view->nodes[i].size : 0;
    return size;
}

void cluster_view_bytes(int64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes / 1000;
    size_t unit = 0;
    if (bytes < 1000) {
        snprintf(text, size, "%" PRId64 " B", bytes < 0 ? 0 : bytes);
        return;
    }
    while (value >= 999.95 && unit + 1 < ARRAY_LEN(units)) {
        value /= 1000;
        unit++;
    }
    snprintf(text, size, "%.1f %s", value, units[unit]);
}

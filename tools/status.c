/* millrace status: a whole cluster on one screen. The exit status is 0 when nothing is wrong, 1
 * when something is, 2 when no broker answers.
 *
 * Happy path: cluster_view.h gathers; here it is only printed, as a table or as JSON. What is wrong
 * is said in a line of its own below the table. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/plural.h"
#include "tools/cluster_view.h"
#include "tools/report.h"
#include "tools/tools.h"

enum { STATUS_HEALTHY = 0, STATUS_WRONG = 1, STATUS_UNREACHABLE = 2 };

/* A monitor asks every few seconds: what does not answer by then is its finding. */
#define STATUS_TIMEOUT_MS "5000"

static const struct option_row status_options[] = {
    TOOL_CONNECT_OPTIONS,
    OPTION_LETTER('f', "format", "json|table", "How it is printed (default table)."),
    TOOL_LAST_OPTIONS,
};

static const char *const status_states[] = {[CLUSTER_NODE_UP] = "up",
                                            [CLUSTER_NODE_FENCED] = "down",
                                            [CLUSTER_NODE_SILENT] = "silent",
                                            [CLUSTER_NODE_BEHIND] = "behind",
                                            [CLUSTER_NODE_GONE] = "gone"};

static const char *status_roles(const struct cluster_node *node)
{
    if (node->is_broker && node->is_voter)
        return "broker,controller";
    return node->is_voter ? "controller" : "broker";
}

/* ---- for people ---- */

static void status_cell_bytes(struct table *table, int64_t bytes)
{
    char text[32];
    cluster_view_bytes(bytes, text, sizeof(text));
    table_cell(table, "%s", bytes < 0 ? "-" : text);
}

static void status_cell_number(struct table *table, int64_t number)
{
    if (number < 0)
        table_cell(table, "-");
    else
        table_cell(table, "%" PRId64, number);
}

static void status_row(struct table *table, const struct cluster_node *node)
{
    bool asked = node->size >= 0; /* it answered */
    table_cell(table, "%d", node->id);
    table_cell(table, "%s", node->address ? node->address : "-");
    table_cell(table, "%s%s", status_roles(node), node->is_leader ? "*" : "");
    table_cell(table, "%s", status_states[node->state]);
    table_cell(table, "%d/%d", node->leads, node->replicas);
    status_cell_number(table, asked ? node->replica_lag : -1);
    status_cell_number(table, node->metadata_lag);
    status_cell_bytes(table, node->size);
    status_cell_bytes(table, node->usable);
    if (asked)
        table_cell(table, "%d/%d", node->dirs - node->dirs_offline, node->dirs);
    else
        table_cell(table, "-");
    status_cell_number(table, node->apis ? node->apis : -1);
    table_cell(table, "%s", node->version ? node->version : "-");
}

static void status_print_nodes(const struct cluster_view *view)
{
    static const char *const titles[] = {"NODE",  "ADDRESS", "ROLES",    "STATE",
                                         "LEADS", "LAG",     "META-LAG", "DISK",
                                         "FREE",  "DIRS",    "APIS",     "VERSION"};
    struct table *table = table_new(TABLE_SPACES);
    for (size_t i = 0; i < ARRAY_LEN(titles); i++)
        table_column(table, titles[i], 0);
    for (size_t i = 0; i < view->node_count; i++)
        status_row(table, &view->nodes[i]);
    table_print(table, stdout);
    table_free(table);
}

/* Rounded: who wants the bytes takes the JSON. */
static void status_print_full(const struct cluster_node *node)
{
    char left[32], enough[32];
    cluster_view_bytes(node->full_free, left, sizeof(left));
    cluster_view_bytes(node->reserve * 2, enough, sizeof(enough));
    printf("! node %d has %s left on the disk of %s: clients' records are refused, or soon will "
           "be, until %s are free: free space on it, shorten the retention of topics, or move "
           "replicas elsewhere\n",
           node->id, left, node->full_dir, enough);
    if (node->dirs_full > 1)
        printf("! node %d has %d log directories that are nearly full\n", node->id,
               node->dirs_full);
}

/* What to look at, one line each. */
static void status_print_findings(const struct cluster_view *view)
{
    if (view->leader_id < 0)
        printf("! the metadata quorum has no leader: see that most of its nodes run\n");
    for (size_t i = 0; i < view->node_count; i++) {
        const struct cluster_node *node = &view->nodes[i];
        if (node->state == CLUSTER_NODE_FENCED)
            printf("! node %d is down: the controller does not hear it\n", node->id);
        else if (node->state == CLUSTER_NODE_SILENT)
            printf("! node %d does not answer at %s\n", node->id, node->address);
        else if (node->state == CLUSTER_NODE_BEHIND)
            printf("! node %d does not follow the quorum's leader\n", node->id);
        else if (node->state == CLUSTER_NODE_GONE)
            printf("! node %d is not registered, and %d %s a replica there\n", node->id,
                   node->replicas, plural(node->replicas, "partition has", "partitions have"));
        if (node->dirs_offline > 0)
            printf("! node %d has %d failed log %s\n", node->id, node->dirs_offline,
                   plural(node->dirs_offline, "directory", "directories"));
        if (node->dirs_full > 0)
            status_print_full(node);
    }
    if (view->offline > 0)
        printf("! %d %s no leader\n", view->offline,
               plural(view->offline, "partition has", "partitions have"));
    if (view->under_replicated > 0)
        printf("! %d %s under-replicated\n", view->under_replicated,
               plural(view->under_replicated, "partition is", "partitions are"));
    if (view->versions_differ)
        printf("! the brokers are of different versions\n");
}

/* The levels that all brokers act by, and the entry of the metadata since which they know so. */
static void status_print_features(const struct cluster_view *view)
{
    if (view->feature_count == 0)
        return;
    printf("Features at epoch %" PRId64 ":", view->features_epoch);
    for (size_t i = 0; i < view->feature_count; i++)
        printf("%s %s=%d", i > 0 ? "," : "", view->features[i].name, view->features[i].level);
    putchar('\n');
}

static void status_print_table(const struct cluster_view *view)
{
    char size[32];
    int of, up = cluster_view_brokers_up(view, &of);
    cluster_view_bytes(cluster_view_size(view), size, sizeof(size));
    printf("Cluster %s: %s, %d of %d %s up\n", view->cluster_id,
           cluster_view_is_healthy(view) ? "healthy" : "NOT healthy", up, of,
           plural(of, "broker", "brokers"));
    if (view->leader_id >= 0)
        printf("Controller %d, epoch %d, %" PRId64 " %s committed\n", view->leader_id,
               view->leader_epoch, view->high_watermark,
               plural(view->high_watermark, "entry", "entries"));
    status_print_features(view);
    printf("%d %s, %d %s, %d under-replicated, %d offline, %s on disk\n\n", view->topics,
           plural(view->topics, "topic", "topics"), view->partitions,
           plural(view->partitions, "partition", "partitions"), view->under_replicated,
           view->offline, size);
    status_print_nodes(view);
    if (!cluster_view_is_healthy(view) || view->versions_differ) {
        printf("\n");
        status_print_findings(view);
    }
}

/* ---- for programs ---- */

/* A JSON string; what comes over the wire may hold anything. */
static void status_print_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)(text ? text : ""); *c; c++) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < 0x20)
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void status_print_json_node(const struct cluster_node *node)
{
    printf("{\"id\":%d,\"address\":", node->id);
    status_print_string(node->address);
    printf(",\"roles\":[%s%s%s]", node->is_broker ? "\"broker\"" : "",
           node->is_broker && node->is_voter ? "," : "", node->is_voter ? "\"controller\"" : "");
    printf(",\"state\":\"%s\",\"controllerLeader\":%s", status_states[node->state],
           node->is_leader ? "true" : "false");
    printf(",\"leads\":%d,\"replicas\":%d", node->leads, node->replicas);
    printf(",\"replicaLag\":%" PRId64 ",\"metadataLag\":%" PRId64,
           node->size >= 0 ? node->replica_lag : -1, node->metadata_lag);
    printf(",\"diskBytes\":%" PRId64 ",\"freeBytes\":%" PRId64, node->size, node->usable);
    printf(",\"logDirs\":%d,\"failedLogDirs\":%d,\"fullLogDirs\":%d,\"apis\":%d", node->dirs,
           node->dirs_offline, node->dirs_full, node->apis);
    printf(",\"version\":");
    if (node->version)
        status_print_string(node->version);
    else
        printf("null");
    putchar('}');
}

static void status_print_json(const struct cluster_view *view)
{
    printf("{\"healthy\":%s,\"clusterId\":", cluster_view_is_healthy(view) ? "true" : "false");
    status_print_string(view->cluster_id);
    printf(",\"controller\":%d,\"controllerEpoch\":%d,\"highWatermark\":%" PRId64, view->leader_id,
           view->leader_epoch, view->high_watermark);
    printf(",\"topics\":%d,\"partitions\":%d", view->topics, view->partitions);
    printf(",\"underReplicated\":%d,\"offline\":%d,\"versionsDiffer\":%s,\"nodes\":[",
           view->under_replicated, view->offline, view->versions_differ ? "true" : "false");
    for (size_t i = 0; i < view->node_count; i++) {
        if (i > 0)
            putchar(',');
        status_print_json_node(&view->nodes[i]);
    }
    printf("],\"featuresEpoch\":%" PRId64 ",\"features\":[", view->features_epoch);
    for (size_t i = 0; i < view->feature_count; i++) {
        printf("%s{\"feature\":", i > 0 ? "," : "");
        status_print_string(view->features[i].name);
        printf(",\"finalizedVersionLevel\":%d}", view->features[i].level);
    }
    printf("]}\n");
}

/* ---- the tool ---- */

static int status_run(struct tool_run *run)
{
    struct cluster_view view;
    props_set(&run->props, "request.timeout.ms", STATUS_TIMEOUT_MS);
    if (tool_connect(run))
        return STATUS_WRONG;
    if (cluster_view_read(run->client, &view)) {
        tool_fail_client(run);
        return STATUS_UNREACHABLE;
    }
    if (report_format(run) == REPORT_JSON)
        status_print_json(&view);
    else
        status_print_table(&view);
    int status = cluster_view_is_healthy(&view) ? STATUS_HEALTHY : STATUS_WRONG;
    cluster_view_close(&view);
    return status;
}

const struct tool tool_status = {
    .name = "status",
    .synopsis = "--bootstrap-server HOST:PORT [--format json|table]",
    .summary = "Show a whole cluster on one screen; 0: healthy, 1: not, 2: not reachable.",
    .options = status_options,
    .bare = true,
    .run = status_run,
};

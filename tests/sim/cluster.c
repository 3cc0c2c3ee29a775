/* The nodes of a simulated cluster: their start, their ends, and what can be seen of them.
 *
 * Happy path: each node has two envs, one for the broker and one for the controller, as the server
 * has two threads. Failure modes: a process that can't start, or gives up by itself, breaks a rule
 * unless the options say that processes may quit. */
#include "cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/broker.h"
#include "broker/cluster/metadata.h"
#include "broker/log/log_manager.h"
#include "broker/replica/replica_manager_private.h"
#include "cluster_private.h"
#include "config/config.h"
#include "controller/controller.h"
#include "controller/controller_private.h"
#include "tests/lib/config_maker.h"
#include "tools/server/controller_settings.h"

enum {
    NODE_CONTROLLER_PORT = 19092,
    NODE_LAG_MS = 1500,
    NODE_RETENTION_MS = 12 * 3600 * 1000, /* longer than any run, shorter than steps of the clock */
    NODE_RETENTION_CHECK_MS = 500,
    NODE_CLOCK_MAX_MS = 3600 * 1000, /* how far ahead the clock of a starting process is at most */
    NODE_FILES_FEW = 140,            /* a limit of open files under which few segments stay open */
    SETS_EVERY = 16                  /* steps between two looks at the in-sync sets */
};

const char cluster_topic[] = "sim";

bool cluster_fail(struct cluster *cluster, const char *format, ...)
{
    if (cluster->problem[0])
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(cluster->problem, sizeof(cluster->problem), format, args);
    va_end(args);
    return false;
}

/* ---- settings ---- */

static void cluster_quiet(void *data, const char *line, int len)
{
    const struct node *node = data;
    const char *words = memchr(line, ']', (size_t)len); /* after the date */
    if (words && line[0] == '[') {
        len -= (int)(words + 2 - line);
        line = words + 2;
    }
    cluster_note(node->cluster, node->id, "  %.*s", len - 1, line);
}

void cluster_note(const struct cluster *cluster, int i, const char *format, ...)
{
    if (!cluster->options.tell)
        return;
    va_list args;
    va_start(args, format);
    printf("# %11.6f s ", (double)sim_now_us(cluster->sim) / 1e6);
    printf(i >= 0 ? " n%d " : "    ", i);
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

static int64_t cluster_wall_ms(void *data)
{
    return env_wall_ms(data);
}

static void cluster_set(struct props *props, const char *key, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void cluster_set(struct props *props, const char *key, const char *format, ...)
{
    char value[256];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    props_set(props, key, value);
}

/* Most runs give followers and consumers so little room in an answer that some partition finds
 * none, again and again. */
static void cluster_set_limits(struct props *props, const struct cluster_options *options)
{
    uint64_t seed = options->seed;
    static const int sizes[] = {1, 300, 1000, 4000, 1 << 20};
    cluster_set(props, "replica.fetch.max.bytes", "%d", sizes[seed % ARRAY_LEN(sizes)]);
    cluster_set(props, "replica.fetch.response.max.bytes", "%d",
                sizes[seed / ARRAY_LEN(sizes) % ARRAY_LEN(sizes)]);
    if (seed % 3 == 0)
        cluster_set(props, "fetch.max.bytes", "1024");
    /* The followers' sessions push out those of consumers. */
    if (options->no_sessions || seed % 7 == 0)
        cluster_set(props, "max.incremental.fetch.session.cache.slots", "%d",
                    options->no_sessions ? 0 : CLUSTER_NODES - 1);
}

static struct config *cluster_config(struct cluster *cluster, int i)
{
    struct props props;
    props_init(&props);
    const char *host = sim_node_name(cluster->nodes[i].host);
    int64_t lag_ms = cluster->options.lag_ms ? cluster->options.lag_ms : NODE_LAG_MS;
    cluster_set(&props, "broker.id", "%d", i);
    cluster_set(&props, "listeners", "PLAINTEXT://%s:%d", host, CLUSTER_BROKER_PORT);
    cluster_set(&props, "controller.quorum.voters", "0@n0:%d,1@n1:%d,2@n2:%d", NODE_CONTROLLER_PORT,
                NODE_CONTROLLER_PORT, NODE_CONTROLLER_PORT);
    cluster_set(&props, "log.dirs", "%s", cluster->nodes[i].dirs);
    cluster_set(&props, "broker.session.timeout.ms", "1500");
    cluster_set(&props, "broker.heartbeat.interval.ms", "300");
    cluster_set(&props, "replica.lag.time.max.ms", "%lld", (long long)lag_ms);
    cluster_set(&props, "internal.segment.bytes", "16384");
    cluster_set(&props, "auto.leader.rebalance.enable", "false");
    if (cluster->options.expiry) {
        cluster_set(&props, "log.retention.ms", "%d", NODE_RETENTION_MS);
        cluster_set(&props, "log.retention.check.interval.ms", "%d", NODE_RETENTION_CHECK_MS);
    }
    cluster_set_limits(&props, &cluster->options);
    if (cluster->options.txn_timeout_ms) {
        cluster_set(&props, "transaction.state.log.num.partitions", "2");
        cluster_set(&props, "offsets.topic.num.partitions", "2");
        /* More than a wall clock is ever off: a start has to believe the time that it finds. */
        cluster_set(&props, "offsets.retention.minutes", "%d", 14 * 24 * 60);
        cluster_set(&props, "transactional.id.expiration.ms", "%d", 14 * 24 * 3600 * 1000);
    }
    return config_make_from(&props);
}

/* ---- start ---- */

static void node_failed(void *data)
{
    struct node *node = data;
    node->quit = true;
}

static void node_controller_failed(void *data, const char *sentence)
{
    (void)sentence;
    node_failed(data);
}

static int node_start_controller(struct node *node, struct buf *problem)
{
    struct controller_settings settings;
    controller_settings_init(&settings, node->config);
    settings.config.dir = "/data/controller";
    settings.config.cluster_id = log_manager_cluster_id(node->broker->logs);
    settings.config.election_timeout_ms = 300;
    settings.config.snapshot_entries = 64;
    settings.config.topic_default = NULL; /* short answers */
    settings.config.fail_stop = node_controller_failed;
    settings.config.fail_data = node;
    int err = controller_new(node->controller_env, &node->controller_logger, &settings.config,
                             problem, &node->controller);
    controller_settings_close(&settings);
    return err;
}

static void node_release(struct node *node);

static void node_log(struct node *node, struct logger *logger, const char *what, struct env *env)
{
    char name[32];
    snprintf(name, sizeof(name), "%s %d", what, node->id);
    logger_init(logger, name, cluster_wall_ms, env);
    if (!node->cluster->options.tell)
        logger->level = LOGGER_ERROR + 1; /* nobody reads it */
    logger->sink = cluster_quiet;
    logger->sink_data = node;
}

static void node_start(struct node *node)
{
    struct cluster *cluster = node->cluster;
    node->broker_env = sim_env_new(node->host);
    node->controller_env = sim_env_new(node->host);
    node_log(node, &node->broker_logger, "broker", node->broker_env);
    node_log(node, &node->controller_logger, "controller", node->controller_env);
    node->config = cluster_config(cluster, node->id);
    node->harmed = sim_node_is_faulty(node->host); /* that may end a start */
    if (node->clock_ms > NODE_CLOCK_MAX_MS) /* the first time that it sees, it has to believe */
        cluster_set_clock(cluster, node->id, 0);
    node->quit = false;
    node->stop = NODE_RUNS;
    node->found_index = -1; /* of the last process */
    struct buf problem;
    buf_init(&problem);
    int err = broker_new(node->broker_env, &node->broker_logger, node->config, node_failed, node,
                         &problem, &node->broker);
    if (!err)
        err = node_start_controller(node, &problem);
    node->up = true;
    cluster_check_started(cluster, node->id);
    if (err && !cluster->options.quits && !node->harmed && !node->tried)
        cluster_fail(cluster, "node %d does not start: %s", node->id, buf_text(&problem));
    node->quit |= err != 0;
    buf_close(&problem);
}

/* ---- ends ---- */

/* The memory of a dead process. */
static void node_release(struct node *node)
{
    struct cluster *cluster = node->cluster;
    if (cluster->creating && node->broker && cluster->create.channel == node->broker->channel) {
        controller_call_cancel(&cluster->create);
        cluster->creating = false;
    }
    if (cluster->asking && node->broker && cluster->chore.channel == node->broker->channel) {
        controller_call_cancel(&cluster->chore);
        cluster->asking = false;
    }
    sim_env_reap(node->broker_env);
    sim_env_reap(node->controller_env);
    if (node->broker)
        broker_free(node->broker);
    if (node->controller)
        controller_free(node->controller);
    config_free(node->config);
    node->broker = NULL;
    node->controller = NULL;
    node->config = NULL;
    node->up = false;
}

void cluster_kill(struct cluster *cluster, int i, bool power)
{
    struct node *node = &cluster->nodes[i];
    if (!node->up)
        return;
    if (power)
        sim_node_kill_power(node->host);
    else
        sim_node_kill(node->host);
    node_release(node);
    cluster_disturb(cluster, cluster->troubled);
}

void cluster_power_cut(struct cluster *cluster, int i)
{
    cluster_kill(cluster, i, true);
    sim_node_kill_power(cluster->nodes[i].host); /* a second time loses nothing more */
}

void cluster_set_dirs(struct cluster *cluster, int i, const char *dirs)
{
    cluster->nodes[i].dirs = dirs;
}

const char *cluster_dirs(const struct cluster *cluster, int i)
{
    return cluster->nodes[i].dirs;
}

void cluster_harm(struct cluster *cluster, int i)
{
    cluster->nodes[i].harmed = true;
}

void cluster_disturb(struct cluster *cluster, bool lasting)
{
    cluster->troubled = lasting;
    cluster->disturbed_us = sim_now_us(cluster->sim);
    cluster->settled = false;
}

void cluster_restart(struct cluster *cluster, int i)
{
    if (cluster->nodes[i].up)
        return;
    sim_node_restart(cluster->nodes[i].host);
    node_start(&cluster->nodes[i]);
}

bool cluster_refuses(struct cluster *cluster, int i)
{
    struct node *node = &cluster->nodes[i];
    ASSERT(!node->up);
    node->tried = true;
    cluster_restart(cluster, i);
    bool refused = node->quit;
    node->tried = false;
    cluster_kill(cluster, i, false);
    return refused;
}

void cluster_set_clock(struct cluster *cluster, int i, int64_t offset_ms)
{
    cluster->nodes[i].clock_ms = offset_ms;
    sim_node_set_wall_offset(cluster->nodes[i].host, offset_ms);
}

void cluster_pause(struct cluster *cluster, int i, int64_t ms)
{
    int64_t until_us = sim_now_us(cluster->sim) + ms * 1000;
    if (until_us > cluster->paused_until_us)
        cluster->paused_until_us = until_us;
    sim_node_pause(cluster->nodes[i].host, ms * 1000);
}

static void node_left(void *data)
{
    struct node *node = data;
    node->stop = NODE_LEFT;
}

static void node_resigned(void *data)
{
    struct node *node = data;
    node->stop = NODE_STOPPED;
}

static void node_leave(struct node *node, bool broker_only)
{
    if (!node->up || node->quit || node->stop != NODE_RUNS)
        return;
    cluster_disturb(node->cluster, node->cluster->troubled);
    node->stop = NODE_LEAVING;
    node->broker_only = broker_only;
    broker_stop(node->broker, node_left, node);
}

void cluster_stop(struct cluster *cluster, int i)
{
    node_leave(&cluster->nodes[i], false);
}

void cluster_leave(struct cluster *cluster, int i)
{
    node_leave(&cluster->nodes[i], true);
}

bool cluster_broker_left(const struct cluster *cluster, int i)
{
    return cluster->nodes[i].stop >= NODE_LEFT;
}

void cluster_kill_controller(struct cluster *cluster, int i)
{
    controller_free(cluster->nodes[i].controller);
    cluster->nodes[i].controller = NULL;
}

/* What main() does between events: ends processes that gave up, and goes on with those that stop.
 */
static void cluster_tend(struct cluster *cluster)
{
    for (int i = 0; i < CLUSTER_NODES; i++) {
        struct node *node = &cluster->nodes[i];
        if (!node->up)
            continue;
        if (sim_node_is_down(node->host)) {
            cluster_note(cluster, i, "lost its power in the middle of a disk call");
            cluster_check_ended(cluster, i);
            node_release(node);
            cluster_disturb(cluster, cluster->troubled);
        } else if (node->quit) {
            cluster_note(cluster, i, "gave up by itself");
            if (!cluster->options.quits && !node->harmed)
                cluster_fail(cluster, "node %d gave up by itself", i);
            cluster_check_ended(cluster, i);
            cluster_kill(cluster, i, false);
        } else if (node->stop == NODE_LEFT && !node->broker_only) {
            node->stop = NODE_RESIGNING;
            controller_stop(node->controller, node_resigned, node);
        } else if (node->stop == NODE_STOPPED) {
            cluster_note(cluster, i, "has stopped");
            cluster_kill(cluster, i, false);
        }
    }
}

bool cluster_step(struct cluster *cluster)
{
    if (!sim_step(cluster->sim))
        return cluster_fail(cluster, "nothing happens any more");
    struct sim_node *host = sim_last_node(cluster->sim);
    cluster_tend(cluster);
    if (++cluster->checks % SETS_EVERY == 0 && !cluster_check_sets(cluster))
        return false;
    for (int i = 0; i < CLUSTER_NODES; i++)
        if (host == cluster->nodes[i].host)
            return cluster_check(cluster, i);
    return !cluster->problem[0];
}

bool cluster_run(struct cluster *cluster, int64_t ms)
{
    int64_t until = sim_now_us(cluster->sim) + ms * 1000;
    while (sim_now_us(cluster->sim) < until)
        if (!cluster_step(cluster))
            return false;
    return true;
}

/* ---- life ---- */

static void cluster_trace(void *data, const char *line)
{
    struct cluster *cluster = data;
    fprintf(stderr, "%s (%016llx)\n", line, (unsigned long long)sim_trace_hash(cluster->sim));
}

struct cluster *cluster_new(const struct cluster_options *options)
{
    struct cluster *cluster = mem_alloc(sizeof(*cluster));
    cluster->options = *options;
    cluster->options.tell |= getenv("SIM_VERBOSE") != NULL;
    cluster->sim = sim_new(options->seed);
    if (getenv("SIM_TRACE"))
        sim_set_trace(cluster->sim, cluster_trace, cluster);
    cluster_check_init(cluster);
    for (int i = 0; i < CLUSTER_NODES; i++) {
        char name[8];
        snprintf(name, sizeof(name), "n%d", i);
        cluster->nodes[i].cluster = cluster;
        cluster->nodes[i].id = i;
        cluster->nodes[i].dirs = options->dirs == 2 ? "/data,/more" : "/data";
        cluster->nodes[i].host = sim_node_new(cluster->sim, name);
        if (options->few_files)
            sim_disk_set_files_limit(cluster->nodes[i].host, NODE_FILES_FEW);
    }
    for (int i = 0; i < CLUSTER_NODES; i++)
        node_start(&cluster->nodes[i]);
    cluster->client_host = sim_node_new(cluster->sim, "client");
    cluster->client_env = sim_env_new(cluster->client_host);
    return cluster;
}

void cluster_free(struct cluster *cluster)
{
    cluster_client_free(cluster->writer);
    cluster_client_free(cluster->noise[0]);
    cluster_client_free(cluster->noise[1]);
    cluster_producer_free(cluster->producer);
    cluster_consumer_free(cluster->consumer);
    cluster_topics_free(cluster->topics);
    cluster_asker_free(cluster->asker);
    cluster_txn_free(cluster->txn);
    cluster_committed_free(cluster->committed);
    cluster_offsets_free(cluster->offsets);
    cluster_book_free(cluster->book);
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_kill(cluster, i, false);
    cluster_check_close(cluster);
    sim_free(cluster->sim);
    mem_free(cluster);
}

/* ---- looking ---- */

struct sim *cluster_sim(struct cluster *cluster)
{
    return cluster->sim;
}

struct sim_node *cluster_node(struct cluster *cluster, int i)
{
    return cluster->nodes[i].host;
}

struct sim_node *cluster_client_node(struct cluster *cluster)
{
    return cluster->client_host;
}

struct env *cluster_client_env(struct cluster *cluster)
{
    return cluster->client_env;
}

bool cluster_is_up(const struct cluster *cluster, int i)
{
    return cluster->nodes[i].up;
}

bool cluster_serves(const struct cluster *cluster, int i)
{
    const struct node *node = &cluster->nodes[i];
    return node->up && node->stop == NODE_RUNS && node->broker &&
           !controller_channel_is_fenced(node->broker->channel);
}

bool cluster_is_stopping(const struct cluster *cluster, int i)
{
    return cluster->nodes[i].up && cluster->nodes[i].stop != NODE_RUNS;
}

const char *cluster_problem(const struct cluster *cluster)
{
    return cluster->problem;
}

struct broker *cluster_broker(const struct cluster *cluster, int i)
{
    return cluster->nodes[i].broker;
}

struct controller *cluster_controller(const struct cluster *cluster, int i)
{
    return cluster->nodes[i].controller;
}

/* Looked for after every event, and found anew only when the metadata has moved. */
static void node_find_partitions(struct node *node, int64_t index, size_t count)
{
    int err;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        node->found[p] = replica_manager_by_name(node->broker->replicas, cluster_topic,
                                                 strlen(cluster_topic), p, &err);
    node->found_index = index;
    node->found_count = count;
}

struct partition *const *cluster_partitions(struct cluster *cluster, int i)
{
    struct node *node = &cluster->nodes[i];
    if (!node->up || !node->broker || !node->broker->replicas)
        return NULL; /* down, or closing its logs */
    int64_t index = metadata_index(node->broker->metadata);
    size_t count = replica_manager_count(node->broker->replicas);
    if (index != node->found_index || count != node->found_count)
        node_find_partitions(node, index, count);
    return node->found;
}

struct partition *cluster_partition(struct cluster *cluster, int i, int p)
{
    struct partition *const *found = cluster_partitions(cluster, i);
    return found ? found[p] : NULL;
}

int cluster_active(const struct cluster *cluster)
{
    int active = -1;
    int64_t term = -1;
    for (int i = 0; i < CLUSTER_NODES; i++) {
        const struct controller *controller = cluster->nodes[i].controller;
        if (controller && controller_is_active(controller) &&
            consensus_term(controller->consensus) > term) {
            active = i;
            term = consensus_term(controller->consensus);
        }
    }
    return active;
}

bool cluster_yield(struct cluster *cluster, int i, int64_t ms)
{
    if (i >= 0 && cluster->nodes[i].stop == NODE_RUNS)
        consensus_transfer(cluster->nodes[i].controller->consensus, NULL, NULL);
    return cluster_run(cluster, ms);
}

bool cluster_leads_term(const struct cluster *cluster, int i)
{
    const struct controller *controller = cluster->nodes[i].controller;
    return controller && consensus_leader(controller->consensus) == i;
}

int cluster_leader(struct cluster *cluster, int p)
{
    int leader = -1;
    int32_t epoch = -1;
    for (int i = 0; i < CLUSTER_NODES; i++) {
        struct partition *partition = cluster_partition(cluster, i, p);
        if (partition && partition_state(partition) == PARTITION_LEADER &&
            partition_leader_epoch(partition) > epoch) {
            leader = i;
            epoch = partition_leader_epoch(partition);
        }
    }
    return leader;
}

static const struct image_topic *cluster_find_topic(const struct image *image)
{
    return image_topic_by_name(image, cluster_topic, strlen(cluster_topic));
}

const struct image_topic *cluster_topic_at(const struct cluster *cluster, int i)
{
    const struct node *node = &cluster->nodes[i];
    return node->up && node->broker ? cluster_find_topic(metadata_image(node->broker->metadata))
                                    : NULL;
}

const struct image_partition *cluster_record(const struct cluster *cluster, int i, int p)
{
    const struct image_topic *topic = cluster_topic_at(cluster, i);
    return topic ? image_partition(topic, p) : NULL;
}

const struct image_partition *cluster_newest(const struct cluster *cluster, int p)
{
    const struct image_partition *newest = NULL;
    for (int i = 0; i < CLUSTER_NODES; i++) {
        const struct controller *controller = cluster->nodes[i].controller;
        const struct image_topic *topic = controller ? cluster_find_topic(controller->image) : NULL;
        const struct image_partition *records[2] = {cluster_record(cluster, i, p),
                                                    topic ? image_partition(topic, p) : NULL};
        for (int j = 0; j < 2; j++)
            if (records[j] && (!newest || records[j]->partition_epoch > newest->partition_epoch))
                newest = records[j];
    }
    return newest;
}

bool cluster_leads_last(const struct cluster *cluster, int p, int i)
{
    const struct image_partition *newest = cluster_newest(cluster, p);
    return newest && newest->leader == i && newest->leader_epoch >= cluster->epoch_max[p];
}

bool cluster_in_isr(const struct cluster *cluster, int p, int i)
{
    const struct image_partition *record = cluster_newest(cluster, p);
    return record && image_ids_have(&record->isr, i);
}

int64_t cluster_end(struct cluster *cluster, int i, int p)
{
    struct partition *partition = cluster_partition(cluster, i, p);
    struct log *log = partition ? partition_log(partition) : NULL;
    return log ? log_end_offset(log) : -1;
}

int64_t cluster_hw(struct cluster *cluster, int i, int p)
{
    struct partition *partition = cluster_partition(cluster, i, p);
    return partition ? partition_high_watermark(partition) : -1;
}

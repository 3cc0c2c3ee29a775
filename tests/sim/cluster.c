/* Nodes, checker and the course of a simulated cluster; the client is in cluster_client.c. */
#include "cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/logger.h"
#include "base/mem.h"
#include "broker/broker.h"
#include "broker/log/log_manager.h"
#include "broker/replica/controller_channel.h"
#include "broker/replica/partition.h"
#include "broker/replica/replica_manager.h"
#include "cluster_client.h"
#include "controller/controller.h"
#include "kafka/batch.h"
#include "kafka/config.h"

enum {
    NODE_BROKER_PORT = 9092,
    NODE_CONTROLLER_PORT = 19092,
    EPOCHS_MAX = 4096, /* leader epochs that one run can see */
    COMPARE_CHUNK = 1 << 20
};

static const char cluster_topic[] = "sim";

struct node {
    struct sim_node *host;
    struct env *broker_env;
    struct env *controller_env;
    struct logger broker_logger;
    struct logger controller_logger;
    struct config *config;
    struct broker *broker;
    struct controller *controller;
    bool up;
    int32_t hw_epoch[CLUSTER_PARTITIONS]; /* the leadership that `hw` belongs to */
    int64_t hw[CLUSTER_PARTITIONS];
};

struct cluster {
    struct sim *sim;
    struct node nodes[CLUSTER_NODES];
    struct cluster_client *client;
    int min_insync;
    bool topic_made;
    struct controller_call create;
    bool creating;
    int8_t leader_of[CLUSTER_PARTITIONS][EPOCHS_MAX]; /* node + 1; 0 = none seen */
    char problem[1024];
};

static bool cluster_fail(struct cluster *cluster, const char *format, ...) PRINTF_LIKE(2, 3);

static bool cluster_fail(struct cluster *cluster, const char *format, ...)
{
    if (cluster->problem[0])
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(cluster->problem, sizeof(cluster->problem), format, args);
    va_end(args);
    return false;
}

/* ---- nodes ---- */

static void cluster_quiet(void *data, const char *line, int len)
{
    (void)data;
    if (getenv("SIM_VERBOSE"))
        fprintf(stderr, "%.*s", len, line);
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

static struct config *cluster_config(struct cluster *cluster, int i)
{
    struct props props;
    struct buf problem;
    struct buf notes;
    struct config *config = NULL;
    props_init(&props);
    buf_init(&problem);
    buf_init(&notes);
    const char *host = sim_node_name(cluster->nodes[i].host);
    cluster_set(&props, "broker.id", "%d", i);
    cluster_set(&props, "listeners", "PLAINTEXT://%s:%d", host, NODE_BROKER_PORT);
    cluster_set(&props, "controller.quorum.voters", "0@n0:%d,1@n1:%d,2@n2:%d", NODE_CONTROLLER_PORT,
                NODE_CONTROLLER_PORT, NODE_CONTROLLER_PORT);
    cluster_set(&props, "log.dirs", "/data");
    cluster_set(&props, "broker.session.timeout.ms", "1500");
    cluster_set(&props, "broker.heartbeat.interval.ms", "300");
    cluster_set(&props, "replica.lag.time.max.ms", "1500");
    cluster_set(&props, "log.segment.bytes", "16384");
    cluster_set(&props, "auto.leader.rebalance.enable", "false");
    int err = config_new(&props, "sim", &problem, &notes, &config);
    if (err)
        fprintf(stderr, "# config: %s\n", buf_text(&problem));
    ASSERT(err == 0);
    buf_close(&problem);
    buf_close(&notes);
    props_close(&props);
    return config;
}

static int cluster_check_config(void *data, const char *key, const char *value, struct buf *problem)
{
    (void)data;
    return config_topic_check(key, value, problem);
}

static void cluster_broker_failed(void *data)
{
    struct cluster *cluster = data;
    cluster_fail(cluster, "a broker gave up by itself");
}

static void cluster_start_controller(struct cluster *cluster, int i)
{
    static const struct controller_voter voters[CLUSTER_NODES] = {
        {0, "n0", NODE_CONTROLLER_PORT}, {1, "n1", NODE_CONTROLLER_PORT},
        {2, "n2", NODE_CONTROLLER_PORT}};
    struct node *node = &cluster->nodes[i];
    struct controller_config settings = {
        .node_id = i,
        .dir = "/data/controller",
        .listen_host = sim_node_name(node->host),
        .listen_port = NODE_CONTROLLER_PORT,
        .voters = voters,
        .voter_count = CLUSTER_NODES,
        .cluster_id = log_manager_cluster_id(node->broker->logs),
        .heartbeat_ms = 50,
        .election_timeout_ms = 300,
        .broker_session_timeout_ms = 1500,
        .default_partitions = 1,
        .default_replication_factor = 1,
        .min_insync_replicas = 1,
        .leader_rebalance_check_ms = 300000,
        .snapshot_entries = 64,
        .check_topic_config = cluster_check_config,
    };
    struct buf problem;
    buf_init(&problem);
    int err = controller_new(node->controller_env, &node->controller_logger, &settings, &problem,
                             &node->controller);
    if (err)
        cluster_fail(cluster, "controller %d does not start: %s", i, buf_text(&problem));
    buf_close(&problem);
}

static void cluster_start(struct cluster *cluster, int i)
{
    struct node *node = &cluster->nodes[i];
    char name[32];
    node->broker_env = sim_env_new(node->host);
    node->controller_env = sim_env_new(node->host);
    snprintf(name, sizeof(name), "broker %d", i);
    logger_init(&node->broker_logger, name, cluster_wall_ms, node->broker_env);
    node->broker_logger.sink = cluster_quiet;
    snprintf(name, sizeof(name), "controller %d", i);
    logger_init(&node->controller_logger, name, cluster_wall_ms, node->controller_env);
    node->controller_logger.sink = cluster_quiet;
    node->config = cluster_config(cluster, i);
    struct buf problem;
    buf_init(&problem);
    int err = broker_new(node->broker_env, &node->broker_logger, node->config,
                         cluster_broker_failed, cluster, &problem, &node->broker);
    if (err)
        cluster_fail(cluster, "broker %d does not start: %s", i, buf_text(&problem));
    buf_close(&problem);
    if (err)
        return;
    cluster_start_controller(cluster, i);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        node->hw_epoch[p] = -1;
    node->up = true;
}

static void cluster_release(struct cluster *cluster, int i)
{
    struct node *node = &cluster->nodes[i];
    if (cluster->creating && cluster->create.channel == node->broker->channel) {
        controller_call_cancel(&cluster->create);
        cluster->creating = false;
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
    cluster_release(cluster, i);
}

void cluster_restart(struct cluster *cluster, int i)
{
    if (cluster->nodes[i].up)
        return;
    sim_node_restart(cluster->nodes[i].host);
    cluster_start(cluster, i);
}

static void cluster_trace(void *data, const char *line)
{
    struct cluster *cluster = data;
    fprintf(stderr, "%s (%016llx)\n", line, (unsigned long long)sim_trace_hash(cluster->sim));
}

struct cluster *cluster_new(uint64_t seed, int min_insync)
{
    struct cluster *cluster = mem_alloc(sizeof(*cluster));
    cluster->sim = sim_new(seed);
    if (getenv("SIM_TRACE"))
        sim_set_trace(cluster->sim, cluster_trace, cluster);
    cluster->min_insync = min_insync;
    for (int i = 0; i < CLUSTER_NODES; i++) {
        char name[8];
        snprintf(name, sizeof(name), "n%d", i);
        cluster->nodes[i].host = sim_node_new(cluster->sim, name);
    }
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_start(cluster, i);
    struct sim_node *client = sim_node_new(cluster->sim, "client");
    cluster->client = cluster_client_new(sim_env_new(client), cluster_topic, CLUSTER_PARTITIONS,
                                         CLUSTER_NODES, NODE_BROKER_PORT);
    return cluster;
}

void cluster_free(struct cluster *cluster)
{
    cluster_client_free(cluster->client);
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_kill(cluster, i, false);
    sim_free(cluster->sim);
    mem_free(cluster);
}

struct sim *cluster_sim(struct cluster *cluster)
{
    return cluster->sim;
}

struct sim_node *cluster_node(struct cluster *cluster, int i)
{
    return cluster->nodes[i].host;
}

bool cluster_is_up(const struct cluster *cluster, int i)
{
    return cluster->nodes[i].up;
}

int64_t cluster_acked(const struct cluster *cluster)
{
    return cluster_client_acked(cluster->client);
}

const char *cluster_problem(const struct cluster *cluster)
{
    return cluster->problem;
}

/* ---- looking ---- */

static struct partition *cluster_partition(const struct cluster *cluster, int i, int p)
{
    const struct node *node = &cluster->nodes[i];
    int err;
    if (!node->up)
        return NULL;
    return replica_manager_by_name(node->broker->replicas, cluster_topic, strlen(cluster_topic), p,
                                   &err);
}

int cluster_active(const struct cluster *cluster)
{
    for (int i = 0; i < CLUSTER_NODES; i++)
        if (cluster->nodes[i].up && controller_is_active(cluster->nodes[i].controller))
            return i;
    return -1;
}

int cluster_leader(const struct cluster *cluster, int p)
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

/* ---- rules ---- */

static bool cluster_check_leader(struct cluster *cluster, int i, int p, struct partition *partition)
{
    struct node *node = &cluster->nodes[i];
    int32_t epoch = partition_leader_epoch(partition);
    int64_t hw = partition_high_watermark(partition);
    if (epoch < 0 || epoch >= EPOCHS_MAX)
        return cluster_fail(cluster, "leader epoch %d of partition %d is out of range", epoch, p);
    int8_t *seen = &cluster->leader_of[p][epoch];
    if (*seen && *seen != i + 1)
        return cluster_fail(cluster, "nodes %d and %d both lead partition %d in epoch %d",
                            *seen - 1, i, p, epoch);
    *seen = (int8_t)(i + 1);
    if (node->hw_epoch[p] == epoch && hw < node->hw[p])
        return cluster_fail(cluster,
                            "the high watermark of partition %d went from %lld back to %lld at its "
                            "leader %d, epoch %d",
                            p, (long long)node->hw[p], (long long)hw, i, epoch);
    node->hw_epoch[p] = epoch;
    node->hw[p] = hw;
    return true;
}

static bool cluster_check(struct cluster *cluster)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        for (int i = 0; i < CLUSTER_NODES; i++) {
            struct partition *partition = cluster_partition(cluster, i, p);
            if (partition && partition_state(partition) == PARTITION_LEADER &&
                !cluster_check_leader(cluster, i, p, partition))
                return false;
        }
    return !cluster->problem[0];
}

/* Reads up to `max` bytes from the batch at `offset`, whole batches only matter to the caller. */
static size_t cluster_read(struct partition *partition, int64_t offset, int64_t end, uint8_t *out,
                           size_t max)
{
    struct log_slice slice;
    if (log_read(partition_log(partition), offset, max, end, true, &slice))
        return 0;
    size_t len = slice.len < max ? slice.len : max;
    ssize_t got = len ? env_file_read(slice.file, out, len, slice.position) : 0;
    log_slice_release(&slice);
    return got > 0 ? (size_t)got : 0;
}

static bool cluster_compare(struct cluster *cluster, int p, int i, int j)
{
    struct partition *a = cluster_partition(cluster, i, p);
    struct partition *b = cluster_partition(cluster, j, p);
    if (!a || !b || !partition_log(a) || !partition_log(b))
        return true;
    int64_t end = partition_high_watermark(a);
    if (partition_high_watermark(b) < end)
        end = partition_high_watermark(b);
    int64_t at = log_start_offset(partition_log(a));
    if (log_start_offset(partition_log(b)) > at)
        at = log_start_offset(partition_log(b));
    uint8_t *bytes_a = mem_alloc(COMPARE_CHUNK);
    uint8_t *bytes_b = mem_alloc(COMPARE_CHUNK);
    bool same = true;
    while (same && at < end) {
        size_t len_a = cluster_read(a, at, end, bytes_a, COMPARE_CHUNK);
        size_t len_b = cluster_read(b, at, end, bytes_b, COMPARE_CHUNK);
        struct batch batch;
        same = len_a > 0 && len_b > 0 && !batch_parse(bytes_a, len_a, &batch) &&
               len_b >= batch.size && memcmp(bytes_a, bytes_b, batch.size) == 0;
        size_t step = 0;
        while (same && step < len_a && step < len_b && !batch_parse(bytes_a + step, len_a - step, &batch) &&
               len_b - step >= batch.size) {
            same = memcmp(bytes_a + step, bytes_b + step, batch.size) == 0;
            step += batch.size;
            at = batch_last_offset(&batch) + 1;
        }
    }
    mem_free(bytes_a);
    mem_free(bytes_b);
    if (same)
        return true;
    return cluster_fail(cluster,
                        "nodes %d and %d differ in partition %d at offset %lld, below the high "
                        "watermark %lld",
                        i, j, p, (long long)at, (long long)end);
}

bool cluster_check_logs(struct cluster *cluster)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        for (int i = 0; i < CLUSTER_NODES; i++)
            for (int j = i + 1; j < CLUSTER_NODES; j++)
                if (!cluster_compare(cluster, p, i, j))
                    return false;
    return true;
}

/* ---- course ---- */

bool cluster_run(struct cluster *cluster, int64_t ms)
{
    int64_t until = sim_now_us(cluster->sim) + ms * 1000;
    while (sim_now_us(cluster->sim) < until) {
        if (!sim_step(cluster->sim))
            return cluster_fail(cluster, "nothing happens any more");
        if (!cluster_check(cluster))
            return false;
    }
    return true;
}

static void cluster_created(struct controller_call *call, int err, const Meta__CommandReply *reply)
{
    struct cluster *cluster = CONTAINER_OF(call, struct cluster, create);
    cluster->creating = false;
    cluster->topic_made = !err && reply->n_topics == 1 &&
                          (reply->topics[0]->error == 0 ||
                           reply->topics[0]->error == err_to_wire(ERR_TOPIC_ALREADY_EXISTS));
}

static void cluster_create_topic(struct cluster *cluster)
{
    char min_insync[8];
    snprintf(min_insync, sizeof(min_insync), "%d", cluster->min_insync);
    char key[] = "min.insync.replicas";
    char name[] = "sim";
    Meta__ConfigEntry entry = META__CONFIG_ENTRY__INIT;
    entry.key = key;
    entry.value = min_insync;
    Meta__ConfigEntry *entries[] = {&entry};
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT;
    topic.name = name;
    topic.partitions = CLUSTER_PARTITIONS;
    topic.replication_factor = CLUSTER_NODES;
    topic.configs = entries;
    topic.n_configs = 1;
    Meta__CreateTopics__Topic *topics[] = {&topic};
    Meta__CreateTopics create = META__CREATE_TOPICS__INIT;
    create.topics = topics;
    create.n_topics = 1;
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.create_topics = &create;
    cluster->creating = true;
    controller_channel_call(cluster->nodes[0].broker->channel, &cluster->create, &command, 2000,
                            cluster_created);
}

static bool cluster_is_whole(struct cluster *cluster)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        int leader = cluster_leader(cluster, p);
        if (leader < 0)
            return false;
        const struct image_topic *topic =
            image_topic_by_name(metadata_image(cluster->nodes[leader].broker->metadata),
                                cluster_topic, strlen(cluster_topic));
        const struct image_partition *record = topic ? image_partition(topic, p) : NULL;
        if (!record || record->isr.count != CLUSTER_NODES)
            return false;
        int64_t end = log_end_offset(partition_log(cluster_partition(cluster, leader, p)));
        for (int i = 0; i < CLUSTER_NODES; i++) {
            struct partition *partition = cluster_partition(cluster, i, p);
            if (!partition || !partition_log(partition) ||
                log_end_offset(partition_log(partition)) != end ||
                partition_high_watermark(partition) != end)
                return false;
        }
    }
    return true;
}

/* Where every replica stands, for the message of a run that does not end well. */
static const char *cluster_state(struct cluster *cluster, char *out, size_t room)
{
    size_t len = 0;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        for (int i = 0; i < CLUSTER_NODES && len < room; i++) {
            struct partition *partition = cluster_partition(cluster, i, p);
            struct log *log = partition ? partition_log(partition) : NULL;
            const struct image_topic *topic =
                cluster->nodes[i].up
                    ? image_topic_by_name(metadata_image(cluster->nodes[i].broker->metadata),
                                          cluster_topic, strlen(cluster_topic))
                    : NULL;
            const struct image_partition *record = topic ? image_partition(topic, p) : NULL;
            int wrote = snprintf(
                out + len, room - len, "; %d/%d state %d end %lld hw %lld, of it: leader %d epoch %d isr %d",
                p, i, partition ? (int)partition_state(partition) : -1,
                log ? (long long)log_end_offset(log) : -1,
                partition ? (long long)partition_high_watermark(partition) : -1,
                record ? record->leader : -1, record ? record->leader_epoch : -1,
                record ? record->isr.count : -1);
            len += wrote > 0 ? (size_t)wrote : 0;
        }
    return out;
}

bool cluster_ready(struct cluster *cluster, int64_t limit_ms)
{
    int64_t limit = sim_now_us(cluster->sim) + limit_ms * 1000;
    while (!cluster->topic_made || !cluster_is_whole(cluster)) {
        if (sim_now_us(cluster->sim) > limit)
            return cluster_fail(cluster, "the topic is not there and whole after %lld ms",
                                (long long)limit_ms);
        bool all_in = true;
        for (int i = 0; i < CLUSTER_NODES; i++)
            all_in &= cluster->nodes[i].broker &&
                      !controller_channel_is_fenced(cluster->nodes[i].broker->channel);
        if (all_in && !cluster->topic_made && !cluster->creating)
            cluster_create_topic(cluster);
        if (!cluster_run(cluster, 5))
            return false;
    }
    cluster_client_start(cluster->client);
    return true;
}

struct expectation {
    struct cluster *cluster;
    int node;
    int partition;
    int64_t checked;
};

static bool cluster_check_acked(struct cluster *cluster, int i, int p)
{
    struct partition *partition = cluster_partition(cluster, i, p);
    int64_t end = log_end_offset(partition_log(partition));
    int64_t at = log_start_offset(partition_log(partition));
    uint8_t *bytes = mem_alloc(COMPARE_CHUNK);
    bool ok = true;
    int64_t found = 0;
    while (ok && at < end) {
        size_t len = cluster_read(partition, at, end, bytes, COMPARE_CHUNK);
        struct batch batch;
        size_t step = 0;
        ok = len > 0;
        while (ok && step < len && !batch_parse(bytes + step, len - step, &batch)) {
            ok = cluster_client_check(cluster->client, p, &batch, &found);
            step += batch.size;
            at = batch_last_offset(&batch) + 1;
        }
        ok &= step > 0;
    }
    mem_free(bytes);
    int64_t acked = cluster_client_acked_in(cluster->client, p);
    if (ok && found == acked)
        return true;
    return cluster_fail(cluster,
                        "node %d holds %lld of %lld acknowledged records of partition %d (log end "
                        "%lld, at %lld)%s",
                        i, (long long)found, (long long)acked, p, (long long)end, (long long)at,
                        ok ? "" : ", one of them at the wrong offset");
}

bool cluster_finish(struct cluster *cluster, int64_t limit_ms)
{
    char state[700];
    sim_heal_all(cluster->sim);
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_restart(cluster, i);
    cluster_client_stop(cluster->client);
    int64_t limit = sim_now_us(cluster->sim) + limit_ms * 1000;
    while (!cluster_is_whole(cluster)) {
        if (sim_now_us(cluster->sim) > limit)
            return cluster_fail(cluster, "the replicas are not whole %lld ms after healing%s",
                                (long long)limit_ms, cluster_state(cluster, state, sizeof(state)));
        if (!cluster_run(cluster, 5))
            return false;
    }
    if (!cluster_check_logs(cluster))
        return false;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        for (int i = 0; i < CLUSTER_NODES; i++)
            if (!cluster_check_acked(cluster, i, p))
                return false;
    return true;
}

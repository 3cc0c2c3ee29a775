/* The course of a simulated cluster: the topic, the clients, commands, the end.
 *
 * Happy path: ready, clients start, faults come and go, finish. Failure modes: something that must
 * happen in a bounded virtual time does not; the message says where every replica stands then. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/broker.h"
#include "broker/cluster/metadata.h"
#include "broker/log/log.h"
#include "cluster_line.h"
#include "cluster_private.h"

enum { COURSE_TICK_MS = 5 /* how often a condition is looked at */ };

/* Where every replica stands, for the message of a run that does not end well. */
static const char *course_state(struct cluster *cluster, char *out, size_t room)
{
    size_t len = 0;
    out[0] = 0;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        for (int i = 0; i < CLUSTER_NODES && len < room; i++) {
            struct partition *partition = cluster_partition(cluster, i, p);
            const struct image_partition *record = cluster_record(cluster, i, p);
            int wrote =
                snprintf(out + len, room - len,
                         "; %d/%d state %d end %lld hw %lld, of it: leader %d epoch %d isr %d", p,
                         i, partition ? (int)partition_state(partition) : -1,
                         (long long)cluster_end(cluster, i, p),
                         (long long)cluster_hw(cluster, i, p), record ? record->leader : -1,
                         record ? record->leader_epoch : -1, record ? record->isr.count : -1);
            len += wrote > 0 ? (size_t)wrote : 0;
        }
    return out;
}

/* Runs until reached(); restarts processes that quit on the way. */
static bool course_until(struct cluster *cluster, bool (*reached)(struct cluster *),
                         int64_t limit_ms, const char *what)
{
    char state[700];
    int64_t limit = sim_now_us(cluster->sim) + limit_ms * 1000;
    while (!reached(cluster)) {
        if (sim_now_us(cluster->sim) > limit)
            return cluster_fail(cluster, "%s after %lld ms%s", what, (long long)limit_ms,
                                course_state(cluster, state, sizeof(state)));
        if (!cluster_run(cluster, COURSE_TICK_MS))
            return false;
        for (int i = 0; i < CLUSTER_NODES; i++)
            cluster_restart(cluster, i);
    }
    return true;
}

/* ---- commands ---- */

struct ask {
    struct controller_call call;
    Meta__CommandReply *reply;
    bool done;
};

static void course_answered(struct controller_call *call, int err, const Meta__CommandReply *reply)
{
    struct ask *ask = CONTAINER_OF(call, struct ask, call);
    ask->done = true;
    if (!reply)
        return;
    size_t len = meta__command_reply__get_packed_size(reply);
    uint8_t *packed = mem_alloc(len);
    meta__command_reply__pack(reply, packed);
    ask->reply = meta__command_reply__unpack(NULL, len, packed);
    mem_free(packed);
    ASSERT(ask->reply && (!err || ask->reply->error));
}

Meta__CommandReply *cluster_command(struct cluster *cluster, int i, Meta__Command *command,
                                    int64_t limit_ms)
{
    struct ask *ask = mem_alloc(sizeof(*ask));
    struct broker *broker = cluster->nodes[i].broker;
    if (!broker->channel) { /* it stops */
        mem_free(ask);
        return NULL;
    }
    controller_channel_call(broker->channel, &ask->call, command, limit_ms, course_answered);
    while (!ask->done && cluster->nodes[i].broker == broker)
        if (!cluster_step(cluster))
            break;
    if (!ask->done && cluster->nodes[i].broker == broker)
        controller_call_cancel(&ask->call);
    Meta__CommandReply *reply = ask->reply;
    mem_free(ask);
    return reply;
}

static void course_asked(struct controller_call *call, int err, const Meta__CommandReply *reply)
{
    struct cluster *cluster = CONTAINER_OF(call, struct cluster, chore);
    (void)reply;
    cluster->asking = false;
    cluster_note(cluster, -1, "  answered: %s", err ? err_text(err) : "done");
}

void cluster_ask(struct cluster *cluster, Meta__Command *command)
{
    for (int i = 0; i < CLUSTER_NODES && !cluster->asking; i++) {
        struct broker *broker = cluster->nodes[i].broker;
        if (!cluster->nodes[i].up || !broker || cluster->nodes[i].stop != NODE_RUNS)
            continue;
        cluster->asking = true;
        controller_channel_call(broker->channel, &cluster->chore, command, 2000, course_asked);
    }
}

void cluster_elect(struct cluster *cluster, int p, bool unclean)
{
    char topic[16];
    snprintf(topic, sizeof(topic), "%s", cluster_topic);
    Meta__ElectLeaders__Partition item = META__ELECT_LEADERS__PARTITION__INIT;
    Meta__ElectLeaders__Partition *items[] = {&item};
    Meta__ElectLeaders elect = META__ELECT_LEADERS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    item.topic = topic;
    item.partition = p;
    elect.unclean = unclean;
    elect.partitions = items;
    elect.n_partitions = 1;
    command.body_case = META__COMMAND__BODY_ELECT_LEADERS;
    command.elect_leaders = &elect;
    cluster_ask(cluster, &command);
}

void cluster_reassign(struct cluster *cluster, const char *name, int p, const int32_t *replicas,
                      int count)
{
    char topic[32];
    int32_t ids[CLUSTER_NODES] = {-1, -1, -1};
    snprintf(topic, sizeof(topic), "%s", name);
    Meta__AlterReassignments__Partition item = META__ALTER_REASSIGNMENTS__PARTITION__INIT;
    Meta__AlterReassignments__Partition *items[] = {&item};
    Meta__AlterReassignments move = META__ALTER_REASSIGNMENTS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    for (int i = 0; i < count; i++)
        ids[i] = replicas[i];
    item.topic = topic;
    item.partition = p;
    item.replicas = ids;
    item.n_replicas = (size_t)count;
    move.partitions = items;
    move.n_partitions = 1;
    command.body_case = META__COMMAND__BODY_ALTER_REASSIGNMENTS;
    command.alter_reassignments = &move;
    cluster->reassigned[p] |= strcmp(name, cluster_topic) == 0;
    cluster_note(cluster, -1, "%s-%d goes to %d,%d,%d", name, p, ids[0], ids[1], ids[2]);
    cluster_ask(cluster, &command);
}

bool cluster_has_txn(const struct cluster *cluster)
{
    return cluster->txn != NULL;
}

bool cluster_has_eligible(const struct cluster *cluster)
{
    return cluster->options.eligible;
}

void cluster_set_level(struct cluster *cluster, const char *feature, int level, int highest)
{
    Meta__UpdateFeatures__Update item = META__UPDATE_FEATURES__UPDATE__INIT;
    Meta__UpdateFeatures__Update *items[] = {&item};
    Meta__UpdateFeatures update = META__UPDATE_FEATURES__INIT;
    Meta__Command command = META__COMMAND__INIT;
    item.name = (char *)(uintptr_t)feature;
    item.level = level;
    item.way = level < highest ? META__UPDATE_FEATURES__WAY__SAFE_DOWNGRADE
                               : META__UPDATE_FEATURES__WAY__UPGRADE;
    update.updates = items;
    update.n_updates = 1;
    command.body_case = META__COMMAND__BODY_UPDATE_FEATURES;
    command.update_features = &update;
    cluster_note(cluster, -1, "%s is to be %d", feature, level);
    cluster_ask(cluster, &command);
}

/* ---- the topic ---- */

static void course_created(struct controller_call *call, int err, const Meta__CommandReply *reply)
{
    struct cluster *cluster = CONTAINER_OF(call, struct cluster, create);
    cluster->creating = false;
    cluster->topic_made = !err && reply->n_topics == 1 &&
                          (reply->topics[0]->error == 0 ||
                           reply->topics[0]->error == err_to_wire(ERR_TOPIC_ALREADY_EXISTS));
}

static void course_create_topic(struct cluster *cluster)
{
    char min_insync[8], min_insync_key[] = "min.insync.replicas", yes[] = "true";
    char unclean_key[] = "unclean.leader.election.enable", name[] = "sim";
    snprintf(min_insync, sizeof(min_insync), "%d",
             cluster->options.min_insync ? cluster->options.min_insync : 1);
    Meta__ConfigEntry least = META__CONFIG_ENTRY__INIT, unclean = META__CONFIG_ENTRY__INIT;
    least.key = min_insync_key;
    least.value = min_insync;
    unclean.key = unclean_key;
    unclean.value = yes;
    Meta__ConfigEntry *entries[] = {&least, &unclean};
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT;
    topic.name = name;
    topic.partitions = CLUSTER_PARTITIONS;
    topic.replication_factor = CLUSTER_NODES;
    topic.configs = entries;
    topic.n_configs = cluster->options.unclean ? 2 : 1;
    Meta__CreateTopics__Topic *topics[] = {&topic};
    Meta__CreateTopics create = META__CREATE_TOPICS__INIT;
    create.topics = topics;
    create.n_topics = 1;
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.create_topics = &create;
    cluster->creating = true;
    controller_channel_call(cluster->nodes[0].broker->channel, &cluster->create, &command, 2000,
                            course_created);
}

/* All replicas are in sync, and none of them is to go. */
static bool course_is_set_full(const struct image_partition *record)
{
    return record->isr.count == record->replicas.count &&
           record->adding.count + record->removing.count == 0;
}

bool cluster_is_full(const struct cluster *cluster)
{
    for (int i = 0; i < CLUSTER_NODES; i++)
        if (!cluster->nodes[i].up || cluster->nodes[i].stop != NODE_RUNS)
            return false;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        const struct image_partition *newest = cluster_newest(cluster, p);
        if (!newest || !course_is_set_full(newest) || newest->leader < 0)
            return false;
    }
    return true;
}

bool cluster_is_whole(struct cluster *cluster)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        int leader = cluster_leader(cluster, p);
        const struct image_partition *record =
            leader >= 0 ? cluster_record(cluster, leader, p) : NULL;
        if (!record || !course_is_set_full(record))
            return false;
        int64_t end = cluster_end(cluster, leader, p);
        for (int i = 0; i < CLUSTER_NODES; i++) {
            int64_t wanted = image_ids_have(&record->replicas, i) ? end : -1;
            if (cluster_end(cluster, i, p) != wanted || cluster_hw(cluster, i, p) != wanted)
                return false;
        }
    }
    return true;
}

static bool course_is_ready(struct cluster *cluster)
{
    bool all_in = true;
    for (int i = 0; i < CLUSTER_NODES; i++)
        all_in &= cluster->nodes[i].broker && cluster->nodes[i].broker->channel &&
                  !controller_channel_is_fenced(cluster->nodes[i].broker->channel);
    if (all_in && !cluster->topic_made && !cluster->creating)
        course_create_topic(cluster);
    return cluster->topic_made && cluster_is_whole(cluster);
}

bool cluster_ready(struct cluster *cluster, int64_t limit_ms)
{
    return course_until(cluster, course_is_ready, limit_ms, "the topic is not there and whole");
}

/* ---- clients ---- */

void cluster_set_pause(struct cluster *cluster, int64_t pause_ms)
{
    if (!pause_ms)
        pause_ms = cluster->options.pause_ms;
    cluster->pause_ms = pause_ms ? pause_ms : CLUSTER_LINE_PAUSE_MS;
}

static void course_start_transactions(struct cluster *cluster)
{
    const int64_t *pause_ms = &cluster->pause_ms;
    cluster->book = cluster_book_new();
    cluster->txn =
        cluster_txn_new(cluster, cluster->client_env, pause_ms, cluster->options.txn_timeout_ms,
                        cluster->options.late, cluster->book);
    cluster->committed = cluster_committed_new(cluster->client_env, pause_ms, cluster->book);
    cluster->offsets = cluster_offsets_new(cluster->client_env, pause_ms, cluster->book);
    cluster_txn_start(cluster->txn);
    cluster_offsets_start(cluster->offsets);
    cluster_committed_start(cluster->committed);
}

void cluster_start_clients(struct cluster *cluster, unsigned which)
{
    const int64_t *pause_ms = &cluster->pause_ms;
    cluster_set_pause(cluster, 0);
    cluster->clients |= which;
    if (which & CLUSTER_WRITER) {
        cluster->writer =
            cluster_client_new(cluster, cluster->client_env, pause_ms, PARTITION_ACKS_ALL);
        cluster_client_start(cluster->writer);
    }
    if (which & CLUSTER_PRODUCER) {
        cluster->producer = cluster_producer_new(cluster, cluster->client_env, pause_ms);
        cluster_producer_start(cluster->producer);
    }
    if (which & CLUSTER_NOISE)
        for (int16_t acks = 0; acks < 2; acks++) {
            cluster->noise[acks] = cluster_client_new(cluster, cluster->client_env, pause_ms, acks);
            cluster_client_start(cluster->noise[acks]);
        }
    if (which & CLUSTER_CONSUMER) {
        cluster->consumer = cluster_consumer_new(cluster->client_env, pause_ms);
        cluster_consumer_start(cluster->consumer);
    }
    if (which & CLUSTER_TOPICS)
        cluster->topics = cluster_topics_new(cluster, cluster->client_env, pause_ms);
    if (which & CLUSTER_ASKER)
        cluster->asker = cluster_asker_new(cluster, cluster->client_env, pause_ms);
    if (which & CLUSTER_TXN)
        course_start_transactions(cluster);
}

void cluster_acknowledged(struct cluster *cluster, int p, int64_t offset)
{
    if (cluster->options.unclean || cluster->options.forgetful)
        return;
    if (offset < 0 || (offset >= cluster->ledger[p].end && offset >= cluster->ledger[p].told))
        cluster_fail(cluster,
                     "offset %lld of partition %d was acknowledged before it was committed (%lld)",
                     (long long)offset, p, (long long)cluster->ledger[p].end);
}

int64_t cluster_acked(const struct cluster *cluster, int p)
{
    int64_t count = 0;
    for (int i = 0; i < CLUSTER_PARTITIONS; i++) {
        if (p >= 0 && p != i)
            continue;
        if (cluster->writer)
            count += cluster_client_acked_in(cluster->writer, i);
        if (cluster->producer)
            count += cluster_producer_acked_in(cluster->producer, i);
    }
    return count;
}

int64_t cluster_ended(const struct cluster *cluster)
{
    return cluster->txn ? cluster_txn_ended(cluster->txn) : 0;
}

struct cluster_topics *cluster_topics(struct cluster *cluster)
{
    return cluster->topics;
}

void cluster_enlarge(struct cluster *cluster, int bytes)
{
    if (cluster->writer)
        cluster_client_enlarge(cluster->writer, bytes);
}

/* ---- the end ---- */

struct progress {
    int64_t written[CLUSTER_PARTITIONS];
    int64_t produced[CLUSTER_PARTITIONS];
    int64_t told;  /* metadata */
    int64_t ended; /* transactions */
};

static struct progress course_progress(const struct cluster *cluster)
{
    struct progress progress = {0};
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        if (cluster->writer)
            progress.written[p] = cluster_client_acked_in(cluster->writer, p);
        if (cluster->producer)
            progress.produced[p] = cluster_producer_acked_in(cluster->producer, p);
    }
    if (cluster->asker)
        progress.told = cluster_asker_answers(cluster->asker);
    progress.ended = cluster_ended(cluster);
    return progress;
}

/* The partitions of every topic that nobody leads, as each broker knows them. */
static void course_tell_idle(const struct cluster *cluster)
{
    for (int i = 0; i < CLUSTER_NODES; i++) {
        const struct broker *broker = cluster->nodes[i].up ? cluster->nodes[i].broker : NULL;
        const struct image_topic *topic;
        size_t cursor = 0;
        while (broker && (topic = image_next_topic(metadata_image(broker->metadata), &cursor)))
            for (int p = 0; p < topic->partition_count; p++) {
                const struct image_partition *record = &topic->partitions[p];
                if (record->leader < 0)
                    printf("# n%d: %s-%d has no leader, epoch %d, %d in sync, first %d; emptied %d "
                           "under %lld; %d offline\n",
                           i, topic->name, p, record->leader_epoch, record->isr.count,
                           record->isr.count > 0 ? record->isr.ids[0] : -1, record->emptied,
                           (long long)record->emptied_epoch, record->offline.count);
            }
    }
}

/* Whose progress is missing. */
static void course_tell(const struct cluster *cluster, const struct progress *since)
{
    struct progress now = course_progress(cluster);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        printf("# partition %d: writer %lld -> %lld, producer %lld -> %lld\n", p,
               (long long)since->written[p], (long long)now.written[p],
               (long long)since->produced[p], (long long)now.produced[p]);
    printf("# metadata: %lld -> %lld\n", (long long)since->told, (long long)now.told);
    if (cluster->txn)
        cluster_txn_tell(cluster->txn);
    course_tell_idle(cluster);
}

static bool course_moved(const struct cluster *cluster, const struct progress *since)
{
    struct progress now = course_progress(cluster);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        if ((cluster->writer && now.written[p] == since->written[p]) ||
            (cluster->producer && now.produced[p] == since->produced[p]))
            return false;
    return (!cluster->asker || now.told > since->told) &&
           (!cluster->txn || now.ended > since->ended);
}

static void course_end_faults(struct cluster *cluster)
{
    cluster_disturb(cluster, false);
    sim_heal_all(cluster->sim);
    sim_set_latency(cluster->sim, 50, 500, 5, 10 * 1000);
    for (int i = 0; i < CLUSTER_NODES; i++) {
        struct node *node = &cluster->nodes[i];
        sim_node_disk_full(node->host, false);
        cluster_set_clock(cluster, i, 0);
        sim_disk_set_sync_us(node->host, 50, 2000);
        sim_disk_set_call_us(node->host, 20);
        sim_disk_fail_at(node->host, 0);
        sim_disk_crash_at(node->host, 0);
        sim_node_fail_memory(node->host, 0);
        if (node->stop != NODE_RUNS || !node->controller || node->harmed)
            cluster_kill(cluster, i, false); /* a second signal ends it at once */
    }
    while (sim_now_us(cluster->sim) < cluster->paused_until_us)
        if (!cluster_step(cluster))
            return;
    for (int i = 0; i < CLUSTER_NODES; i++)
        cluster_restart(cluster, i);
}

/* Where the last member of the set may have lost records, and nobody has any, a person chooses.
 * That none was acknowledged is what the person knows here. */
static void course_choose(struct cluster *cluster)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        const struct image_partition *newest = cluster_newest(cluster, p);
        if (newest && newest->emptied && newest->leader < 0 && cluster->ledger[p].end == 0)
            cluster_elect(cluster, p, true);
    }
}

static bool course_live(struct cluster *cluster, int64_t live_ms)
{
    char state[700];
    struct progress since = course_progress(cluster);
    int64_t limit = sim_now_us(cluster->sim) + live_ms * 1000;
    while (!course_moved(cluster, &since)) {
        if (sim_now_us(cluster->sim) > limit - live_ms * 1000 / 2)
            course_choose(cluster);
        if (sim_now_us(cluster->sim) > limit)
            course_tell(cluster, &since);
        if (sim_now_us(cluster->sim) > limit)
            return cluster_fail(cluster, "a client got no further in %lld ms after the faults%s",
                                (long long)live_ms, course_state(cluster, state, sizeof(state)));
        if (!cluster_run(cluster, COURSE_TICK_MS))
            return false;
        for (int i = 0; i < CLUSTER_NODES; i++)
            cluster_restart(cluster, i);
    }
    return true;
}

static bool course_is_drained(struct cluster *cluster)
{
    return cluster_producer_idle(cluster->producer);
}

static bool course_is_read(struct cluster *cluster)
{
    cluster_consumer_catch_up(cluster->consumer);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        if (cluster_consumer_end(cluster->consumer, p) < cluster->ledger[p].end)
            return false;
    return true;
}

static bool course_has_ended(struct cluster *cluster)
{
    return cluster_txn_idle(cluster->txn);
}

static bool course_is_decided(struct cluster *cluster)
{
    cluster_committed_catch_up(cluster->committed);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        if (cluster_committed_end(cluster->committed, p) < cluster->ledger[p].end)
            return false;
    return cluster_offsets_fit(cluster->offsets);
}

static bool course_decide(struct cluster *cluster, int64_t whole_ms)
{
    if (!cluster->txn || course_until(cluster, course_is_decided, whole_ms,
                                      "what was committed is not all there to be read"))
        return true;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        printf("# partition %d: committed records were read up to %lld of %lld\n", p,
               (long long)cluster_committed_end(cluster->committed, p),
               (long long)cluster->ledger[p].end);
    cluster_offsets_tell(cluster->offsets);
    course_tell_idle(cluster);
    return false;
}

static bool course_end_transactions(struct cluster *cluster, int64_t whole_ms)
{
    if (!cluster->txn)
        return true;
    cluster_txn_drain(cluster->txn);
    if (course_until(cluster, course_has_ended, whole_ms, "the transactions have not all ended"))
        return true;
    cluster_txn_tell(cluster->txn);
    course_tell_idle(cluster);
    return false;
}

static bool course_stop_clients(struct cluster *cluster, int64_t whole_ms)
{
    if (cluster->writer)
        cluster_client_stop(cluster->writer);
    for (int i = 0; i < 2; i++)
        if (cluster->noise[i])
            cluster_client_stop(cluster->noise[i]);
    if (!course_end_transactions(cluster, whole_ms))
        return false;
    if (!cluster->producer)
        return true;
    cluster_producer_drain(cluster->producer);
    return course_until(cluster, course_is_drained, whole_ms,
                        "the producer's batches are not all acknowledged");
}

bool cluster_check_seen(struct cluster *cluster)
{
    if (cluster->consumer && cluster_consumer_problem(cluster->consumer))
        return cluster_fail(cluster, "%s", cluster_consumer_problem(cluster->consumer));
    if (cluster->txn && cluster_txn_problem(cluster->txn))
        return cluster_fail(cluster, "%s", cluster_txn_problem(cluster->txn));
    if (cluster->txn && cluster_committed_problem(cluster->committed))
        return cluster_fail(cluster, "%s", cluster_committed_problem(cluster->committed));
    if (cluster->txn && cluster_offsets_problem(cluster->offsets))
        return cluster_fail(cluster, "%s", cluster_offsets_problem(cluster->offsets));
    return !cluster->problem[0];
}

static bool course_check_book(struct cluster *cluster)
{
    int txn;
    const char *problem = cluster->book ? cluster_book_check(cluster->book, &txn) : NULL;
    return !problem || cluster_fail(cluster, "transaction %d: %s", txn, problem);
}

bool cluster_finish(struct cluster *cluster, int64_t live_ms, int64_t whole_ms)
{
    course_end_faults(cluster);
    if ((live_ms && !course_live(cluster, live_ms)) || !course_stop_clients(cluster, whole_ms) ||
        !course_until(cluster, cluster_is_whole, whole_ms, "the replicas are not whole"))
        return false;
    if (cluster->consumer &&
        !course_until(cluster, course_is_read, whole_ms, "the consumer has not read everything"))
        return false;
    if (!course_decide(cluster, whole_ms))
        return false;
    return cluster_check_seen(cluster) && course_check_book(cluster) &&
           cluster_check_logs(cluster) && cluster_check_end(cluster);
}

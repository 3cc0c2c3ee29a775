/* The rules of a simulated cluster, looked at after every event and at the end (see README.md).
 *
 * Happy path: little has changed since the last event, so little is read: only records that a high
 * watermark has newly passed are compared with the ledger. Failure modes: the first broken rule is
 * kept in words, with node, partition and offset. */
#include "cluster_private.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/broker.h"
#include "broker/handlers/fetch_session.h"
#include "broker/cluster/metadata.h"
#include "broker/log/log.h"
#include "broker/replica/partition_private.h"
#include "controller/controller_private.h"
#include "kafka/batch.h"

enum {
    CHECK_CHUNK = 1 << 16,         /* bytes read at a time, */
    CHECK_BATCH = 1 << 22,         /* or one batch that is larger */
    CHECK_WALK_EVERY = 64,         /* steps between two walks through all that a node holds */
    CHECK_SETTLE_US = 3000 * 1000, /* after the last fault: session, election, messages held back */
};
static uint8_t check_bytes[CHECK_BATCH];

void cluster_check_init(struct cluster *cluster)
{
    map_init(&cluster->term_leaders);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        map_init(&cluster->ledger[p].batches);
        cluster->epoch_max[p] = -1;
    }
}

void cluster_check_close(struct cluster *cluster)
{
    map_close(&cluster->term_leaders);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        map_close(&cluster->ledger[p].batches);
}

void cluster_check_started(struct cluster *cluster, int i)
{
    struct node *node = &cluster->nodes[i];
    node->term_led = -1;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        node->hw_epoch[p] = -1;
        node->matched[p] = node->ended[p] = node->started[p] = 0;
    }
}

/* The log of a replica that serves; NULL when it has none. */
static struct log *check_log(struct partition *partition)
{
    struct log *log = partition ? partition_log(partition) : NULL;
    return log && partition_state(partition) != PARTITION_OPENING && !log_is_offline(log) ? log
                                                                                          : NULL;
}

/* ---- reading ---- */

static size_t check_read(struct partition *partition, int64_t offset, int64_t end)
{
    struct log_slice slice;
    int err = log_read(partition_log(partition), offset, CHECK_CHUNK, end, true, &slice);
    if (err)
        return 0;
    size_t len = slice.len < CHECK_BATCH ? slice.len : CHECK_BATCH;
    ssize_t got = len ? env_file_read(slice.file, check_bytes, len, slice.position) : 0;
    log_slice_release(&slice);
    return got > 0 ? (size_t)got : 0;
}

bool cluster_each_batch(struct partition *partition, int64_t from, int64_t end,
                        bool (*fn)(void *data, const struct batch *batch), void *data)
{
    bool ok = true;
    while (ok && from < end) {
        size_t len = check_read(partition, from, end);
        size_t at = 0;
        struct batch batch;
        while (ok && at < len && batch_parse(check_bytes + at, len - at, &batch) == 0) {
            ok = batch_check_crc(&batch) == 0 && fn(data, &batch);
            at += batch.size;
            from = batch_last_offset(&batch) + 1;
        }
        ok = ok && at > 0;
    }
    return ok;
}

/* ---- the ledger ---- */

struct match {
    struct cluster *cluster;
    int node;
    int partition;
    bool asks; /* whether it matches: it need not, and nothing is learnt from it */
};

static bool match_batch(void *data, const struct batch *batch)
{
    struct match *match = data;
    struct cluster *cluster = match->cluster;
    struct ledger *ledger = &cluster->ledger[match->partition];
    uintptr_t digest = (uintptr_t)batch->crc << 32 ^
                       (uintptr_t)(uint32_t)batch->leader_epoch << 16 ^
                       (uintptr_t)batch->size << 1 ^ (uintptr_t)batch->last_offset_delta << 40;
    digest |= 1; /* a map holds no NULL */
    if (batch->base_offset == ledger->end && !match->asks) {
        map_put_u64(&ledger->batches, (uint64_t)batch->base_offset, (void *)digest);
        ledger->end = batch_last_offset(batch) + 1;
        return true;
    }
    if ((uintptr_t)map_get_u64(&ledger->batches, (uint64_t)batch->base_offset) == digest)
        return true;
    if (match->asks)
        return false;
    return cluster_fail(cluster,
                        "node %d holds another batch at offset %lld of partition %d (of epoch %d) "
                        "than was committed there%s",
                        match->node, (long long)batch->base_offset, match->partition,
                        batch->leader_epoch,
                        batch->base_offset > ledger->end ? ": there is a gap before it" : "");
}

/* The log of node i has what was committed, up to `end`. */
static bool check_match(struct cluster *cluster, int i, int p, struct partition *partition,
                        int64_t end)
{
    struct node *node = &cluster->nodes[i];
    int64_t from = log_start_offset(partition_log(partition));
    if (cluster->options.forgetful || cluster->options.unclean)
        return true;
    if (node->matched[p] > from)
        from = node->matched[p];
    struct match match = {.cluster = cluster, .node = i, .partition = p};
    if (from < end && !cluster_each_batch(partition, from, end, match_batch, &match))
        return cluster_fail(cluster,
                            "node %d has no whole batches from %lld to %lld in partition %d", i,
                            (long long)from, (long long)end, p);
    if (end > node->matched[p])
        node->matched[p] = end;
    return true;
}

/* Whether what an older copy brought back is still there: the leader has not made it cut that. */
static bool check_is_older(struct cluster *cluster, int i, int p, struct partition *partition,
                           int64_t end)
{
    struct match match = {.cluster = cluster, .node = i, .partition = p, .asks = true};
    bool *restored = &cluster->nodes[i].restored[p];
    int64_t from = log_start_offset(partition_log(partition));
    if (*restored && cluster_each_batch(partition, from, end, match_batch, &match))
        *restored = false;
    return *restored;
}

void cluster_restored(struct cluster *cluster, int i)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        cluster->nodes[i].restored[p] = true;
}

/* ---- leaders ---- */

static bool check_epoch(struct cluster *cluster, int i, int p, struct partition *partition)
{
    int32_t epoch = partition_leader_epoch(partition);
    struct broker *broker = cluster->nodes[i].broker;
    if (epoch < 0 || epoch >= CLUSTER_EPOCHS_MAX)
        return cluster_fail(cluster, "leader epoch %d of partition %d is out of range", epoch, p);
    int8_t *seen = &cluster->leader_of[p][epoch];
    if (*seen && *seen != i + 1)
        return cluster_fail(cluster, "nodes %d and %d both lead partition %d in epoch %d",
                            *seen - 1, i, p, epoch);
    *seen = (int8_t)(i + 1);
    int64_t registered = controller_channel_broker_epoch(broker->channel);
    if (registered < 0 || metadata_index(broker->metadata) < registered)
        return cluster_fail(cluster,
                            "node %d leads partition %d in epoch %d before its metadata (%lld) has "
                            "reached its own registration (%lld)",
                            i, p, epoch, (long long)metadata_index(broker->metadata),
                            (long long)registered);
    return true;
}

/* What consumers are told to be the end never goes back from one leadership to the next. */
static bool check_shown(struct cluster *cluster, int i, int p, struct partition *partition)
{
    int32_t epoch = partition_leader_epoch(partition);
    struct partition_offset latest;
    struct log_lookup lookup;
    if (cluster->options.unclean || cluster->options.forgetful ||
        partition_find_offset(partition, -1, -1, false, &lookup, &latest))
        return true;
    for (int32_t earlier = 0; earlier < epoch; earlier++)
        if (cluster->shown[p][earlier] > latest.offset)
            return cluster_fail(cluster,
                                "leader %d of partition %d shows the end %lld in epoch %d, below "
                                "the %lld of epoch %d",
                                i, p, (long long)latest.offset, epoch,
                                (long long)cluster->shown[p][earlier], earlier);
    cluster->shown[p][epoch] = latest.offset;
    if (epoch > cluster->epoch_max[p])
        cluster->epoch_max[p] = epoch;
    return true;
}

/* Every member of the in-sync set that runs has, on its disk, what counts as committed. */
static bool check_members(struct cluster *cluster, int i, int p, struct partition *leader,
                          int64_t hw)
{
    const struct image_partition *newest = cluster_newest(cluster, p);
    const struct image_ids *isr = &leader->isr;
    if (newest && newest->partition_epoch >= leader->partition_epoch) {
        if (newest->leader_epoch != leader->leader_epoch)
            return true; /* deposed, and does not know yet */
        isr = &newest->isr;
    }
    for (int m = 0; m < CLUSTER_NODES; m++) {
        struct partition *member = cluster_partition(cluster, m, p);
        if (m == i || !image_ids_have(isr, m) || !check_log(member))
            continue;
        int64_t durable = log_durable_offset(partition_log(member));
        if (durable < hw)
            return cluster_fail(
                cluster,
                "the high watermark of partition %d is %lld at its leader %d, epoch "
                "%d, but node %d of the in-sync set has only %lld on disk",
                p, (long long)hw, i, leader->leader_epoch, m, (long long)durable);
        if (!check_match(cluster, m, p, member, hw))
            return false;
    }
    return true;
}

static bool check_leader(struct cluster *cluster, int i, int p, struct partition *partition)
{
    struct node *node = &cluster->nodes[i];
    int32_t epoch = partition_leader_epoch(partition);
    int64_t hw = partition_high_watermark(partition);
    bool same = node->hw_epoch[p] == epoch;
    if (same && hw == node->hw[p])
        return true;
    if (!check_epoch(cluster, i, p, partition))
        return false;
    if (same && hw < node->hw[p])
        return cluster_fail(cluster,
                            "the high watermark of partition %d went from %lld back to %lld at its "
                            "leader %d, epoch %d",
                            p, (long long)node->hw[p], (long long)hw, i, epoch);
    /* A new leadership starts with what was known before; only its own moves follow the set. */
    bool moved = same && hw > node->hw[p];
    node->hw_epoch[p] = epoch;
    node->hw[p] = hw;
    if (!check_match(cluster, i, p, partition, hw))
        return false;
    if (moved && hw > log_durable_offset(partition_log(partition)))
        return cluster_fail(cluster,
                            "the high watermark %lld of partition %d is above what its "
                            "leader %d has on disk",
                            (long long)hw, p, i);
    return check_shown(cluster, i, p, partition) &&
           (!moved || check_members(cluster, i, p, partition, hw));
}

/* A leader can acknowledge and then end, or lose its disk, in one event. Its log can't be read any
 * more, but nobody who leads later may show less. */
static void check_told(struct cluster *cluster, int i, int p, const struct partition *partition)
{
    struct node *node = &cluster->nodes[i];
    if (node->hw_epoch[p] < 0 || node->hw_epoch[p] != partition_leader_epoch(partition))
        return;
    int64_t hw = partition_high_watermark(partition);
    int64_t *shown = &cluster->shown[p][node->hw_epoch[p]];
    if (hw > cluster->ledger[p].told)
        cluster->ledger[p].told = hw;
    if (hw > *shown)
        *shown = hw;
}

/* ---- each event ---- */

static bool check_replica(struct cluster *cluster, int i, int p, struct partition *partition)
{
    struct node *node = &cluster->nodes[i];
    struct log *log = check_log(partition);
    if (!log) {
        check_told(cluster, i, p, partition);
        node->matched[p] = node->ended[p] = node->started[p] = 0;
        return true;
    }
    int64_t end = log_end_offset(log);
    int64_t hw = partition_high_watermark(partition);
    int64_t start = log_start_offset(log);
    if (end < node->matched[p] && start == node->started[p])
        return cluster_fail(
            cluster,
            "node %d cut partition %d from %lld to %lld, below the %lld that it had "
            "of what was committed",
            i, p, (long long)node->ended[p], (long long)end, (long long)node->matched[p]);
    if (end < node->matched[p])
        node->matched[p] = end;
    node->ended[p] = end;
    node->started[p] = start;
    if (start > 0 && !cluster->options.forgetful)
        return cluster_fail(cluster, "node %d removed partition %d up to %lld: nothing is that old",
                            i, p, (long long)start);
    if (hw > end)
        return cluster_fail(cluster,
                            "node %d has the high watermark %lld of partition %d, past its "
                            "log end %lld",
                            i, (long long)hw, p, (long long)end);
    if (partition_state(partition) == PARTITION_LEADER)
        return check_leader(cluster, i, p, partition);
    return hw <= node->matched[p] || check_is_older(cluster, i, p, partition, hw) ||
           check_match(cluster, i, p, partition, hw);
}

/* A replica that is not here any more comes again as a new one. */
static void check_forget(struct cluster *cluster, int i, int p)
{
    struct node *node = &cluster->nodes[i];
    node->hw_epoch[p] = -1;
    node->matched[p] = node->ended[p] = node->started[p] = 0;
}

/* One controller leads in a term, also after a crash: a vote is not given twice. */
static bool check_term(struct cluster *cluster, int i)
{
    struct node *node = &cluster->nodes[i];
    if (cluster->options.restores || !node->up || !node->controller || node->stop != NODE_RUNS ||
        consensus_leader(node->controller->consensus) != i)
        return true;
    int64_t term = consensus_term(node->controller->consensus);
    if (term == node->term_led)
        return true;
    node->term_led = term;
    const struct node *before = map_put_u64(&cluster->term_leaders, (uint64_t)term, node);
    return !before || before == node ||
           cluster_fail(cluster, "the controllers of nodes %d and %d both lead in term %lld",
                        before->id, i, (long long)term);
}

bool cluster_check(struct cluster *cluster, int i)
{
    sim_disk_look(cluster->sim, true);
    bool ok = check_term(cluster, i);
    bool walk = cluster->checks % CHECK_WALK_EVERY == 0;
    const struct broker *broker = cluster->nodes[i].broker;
    if (walk && broker && broker->fetch_sessions)
        fetch_sessions_check(broker->fetch_sessions);
    struct partition *const *partitions = cluster_partitions(cluster, i);
    for (int p = 0; ok && partitions && p < CLUSTER_PARTITIONS; p++) {
        const struct log *log = walk ? check_log(partitions[p]) : NULL;
        if (log)
            log_check_whole(log);
        if (partitions[p])
            ok = check_replica(cluster, i, p, partitions[p]);
        else if (cluster->reassigned[p])
            check_forget(cluster, i, p);
    }
    sim_disk_look(cluster->sim, false);
    return ok && !cluster->problem[0];
}

void cluster_check_ended(struct cluster *cluster, int i)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        struct partition *partition = cluster_partition(cluster, i, p);
        if (partition)
            check_told(cluster, i, p, partition);
    }
}

/* ---- the in-sync sets ---- */

bool cluster_check_sets(struct cluster *cluster)
{
    int64_t since_us = cluster->disturbed_us > cluster->paused_until_us ? cluster->disturbed_us
                                                                        : cluster->paused_until_us;
    bool quiet = !cluster->troubled && sim_now_us(cluster->sim) > since_us + CHECK_SETTLE_US;
    if (!cluster->settled && !quiet)
        return true; /* whatever they are */
    bool full = cluster_is_full(cluster);
    if (cluster->settled && !full)
        return cluster_fail(cluster,
                            "an in-sync set shrank %lld ms after the last fault, with all nodes up "
                            "and in it",
                            (long long)(sim_now_us(cluster->sim) - cluster->disturbed_us) / 1000);
    cluster->settled = full && quiet;
    return true;
}

/* ---- all of the logs ---- */

struct digest {
    uint64_t value;
    int64_t from;
};

static bool digest_batch(void *data, const struct batch *batch)
{
    struct digest *digest = data;
    if (batch->base_offset < digest->from)
        return true;
    uint64_t words[3] = {batch->crc, (uint64_t)batch->base_offset,
                         (uint64_t)batch->size << 32 ^ (uint32_t)batch->leader_epoch};
    for (int i = 0; i < 3; i++)
        digest->value = (digest->value ^ words[i]) * 0x9e3779b97f4a7c15u;
    return true;
}

static bool check_pair(struct cluster *cluster, int p, int i, int j)
{
    struct partition *a = cluster_partition(cluster, i, p);
    struct partition *b = cluster_partition(cluster, j, p);
    if (!check_log(a) || !check_log(b))
        return true;
    int64_t end = partition_high_watermark(a);
    if (partition_high_watermark(b) < end)
        end = partition_high_watermark(b);
    int64_t from = log_start_offset(partition_log(a));
    if (log_start_offset(partition_log(b)) > from)
        from = log_start_offset(partition_log(b));
    struct digest digest_a = {0, from}, digest_b = {0, from};
    if (cluster_each_batch(a, from, end, digest_batch, &digest_a) &&
        cluster_each_batch(b, from, end, digest_batch, &digest_b) &&
        digest_a.value == digest_b.value)
        return true;
    return cluster_fail(
        cluster,
        "nodes %d and %d differ in partition %d between %lld and the high watermark "
        "%lld",
        i, j, p, (long long)from, (long long)end);
}

struct folders {
    struct cluster *cluster;
    int node;
};

static void folders_look(void *data, const char *name)
{
    struct folders *folders = data;
    size_t len = strlen(name), topic_len = strlen(cluster_topic);
    for (int p = 0; p < CLUSTER_PARTITIONS && len > topic_len + 1; p++)
        if (folders->cluster->reassigned[p] && name[topic_len + 1] == '0' + p)
            return;
    if (len > 7 && strcmp(name + len - 7, "-delete") == 0 && name[topic_len] == '-' &&
        strncmp(name, cluster_topic, topic_len) == 0)
        cluster_fail(folders->cluster,
                     "node %d is about to remove %s, although the cluster has that partition",
                     folders->node, name);
}

/* The topic is never deleted, and so none of its folders is, where no replica was moved. */
static bool check_folders(struct cluster *cluster)
{
    static const char *const dirs[] = {"/data", "/more", "/new"};
    for (int i = 0; i < CLUSTER_NODES; i++) {
        struct folders folders = {cluster, i};
        for (int j = 0; j < 3; j++) {
            int rc = sim_disk_each(cluster->nodes[i].host, dirs[j], folders_look, &folders);
            ASSERT(rc == 0 || rc == ERR_NOT_FOUND);
        }
    }
    return !cluster->problem[0];
}

bool cluster_check_logs(struct cluster *cluster)
{
    bool ok = check_folders(cluster);
    sim_disk_look(cluster->sim, true);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        for (int i = 0; i < CLUSTER_NODES; i++)
            for (int j = i + 1; ok && j < CLUSTER_NODES; j++)
                ok = check_pair(cluster, p, i, j);
    sim_disk_look(cluster->sim, false);
    return ok;
}

/* ---- the end ---- */

struct tally {
    struct cluster *cluster;
    int partition;
    int64_t acked; /* the writer's, found at their offsets */
    struct cluster_producer_tally producer;
    int64_t seen; /* by the consumer */
};

static bool tally_batch(void *data, const struct batch *batch)
{
    struct tally *tally = data;
    struct cluster *cluster = tally->cluster;
    return (!cluster->writer ||
            cluster_client_check(cluster->writer, tally->partition, batch, &tally->acked)) &&
           (!cluster->producer ||
            cluster_producer_check(cluster->producer, tally->partition, batch, &tally->producer)) &&
           (!cluster->consumer ||
            cluster_consumer_check(cluster->consumer, tally->partition, batch, &tally->seen));
}

static bool check_clients(struct cluster *cluster, int i, int p)
{
    struct partition *partition = cluster_partition(cluster, i, p);
    struct log *log = partition_log(partition);
    struct tally tally = {.cluster = cluster, .partition = p};
    bool ok = cluster_each_batch(partition, log_start_offset(log), log_end_offset(log), tally_batch,
                                 &tally);
    int64_t acked = cluster->writer ? cluster_client_acked_in(cluster->writer, p) : 0;
    int64_t seen = cluster->consumer ? cluster_consumer_seen_in(cluster->consumer, p) : 0;
    if (ok && tally.acked == acked && tally.seen == seen &&
        (!cluster->producer || cluster_producer_whole(cluster->producer, p, &tally.producer)))
        return true;
    return cluster_fail(
        cluster,
        "node %d, partition %d, end %lld: holds %lld of %lld acknowledged batches of "
        "the writer, %lld of the %lld that were read; the producer's: %s%s",
        i, p, (long long)log_end_offset(log), (long long)tally.acked, (long long)acked,
        (long long)tally.seen, (long long)seen,
        tally.producer.problem ? tally.producer.problem : "as they should be",
        ok ? "" : "; it ends at a batch that is not what it was");
}

bool cluster_check_end(struct cluster *cluster)
{
    bool ok = true;
    sim_disk_look(cluster->sim, true);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        for (int i = 0; ok && i < CLUSTER_NODES; i++) {
            struct partition *partition = cluster_partition(cluster, i, p);
            if (!partition)
                continue;                     /* it was moved away */
            cluster->nodes[i].matched[p] = 0; /* all of it once more */
            ok = check_match(cluster, i, p, partition, cluster->ledger[p].end) &&
                 check_clients(cluster, i, p);
        }
    sim_disk_look(cluster->sim, false);
    return ok;
}

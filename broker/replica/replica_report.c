/* Reports of replicas that can't serve, whose disk is nearly full, or whose log has batches of a
 * later leader epoch than the metadata, as after controllers were restored from an older copy: no
 * leader may write under an epoch that its log has passed.
 *
 * Happy path: a partition and its record differ; a timer of the next turn looks through all
 * partitions, sends what differs as one command, and the records that come of it agree. Failure
 * modes: no answer, a refusal, more than fits into one command: it looks again after a pause. There
 * is no list of what is to be said: it follows from the partitions each time. */
#include "broker/replica/replica_report.h"

#include "base/mem.h"
#include "base/mutation.h"
#include "broker/replica/partition_private.h"

enum {
    REPORT_RETRY_MS = 100, /* after no answer or a refusal */
    REPORT_AGAIN_MS = 10,  /* after a good one, when there is more: its records are on their way */
    REPORT_TIMEOUT_MS = 5000,
    REPORT_BATCH = 1000 /* replicas in one command: bounds its size */
};

struct replica_report {
    struct replica_manager *manager;
    const struct replica_deps *deps;
    struct controller_call call;
    bool calling;
    bool more; /* than the call says */
    struct env_timer timer;
};

/* Whether the controller takes us for emptied although our log has its records, or never had any:
 * its disk is not the one that is gone, but may be an older one. */
static bool report_is_found(const struct partition *partition)
{
    return partition->emptied && partition->state == PARTITION_FOLLOWER &&
           image_ids_have(&partition->isr, partition->deps->node_id) &&
           log_is_proven(partition->log);
}

static bool report_is_older(const struct partition *partition)
{
    return partition->emptied_epoch > 0 &&
           !log_served_under(partition->log, partition->emptied_epoch);
}

static bool report_is_whole(const struct partition *partition)
{
    return report_is_found(partition) &&
           (!report_is_older(partition) || MUTATION(OLDER_DISK_PROVES));
}

/* The line goes before the others, since the last one tells when the directory served last. */
void replica_report_say_older(const struct partition *partition)
{
    if (!report_is_found(partition) || !report_is_older(partition))
        return;
    logger_error(partition->deps->role_logger,
                 "%s-%d is not served: its last in-sync replica was here while this broker served "
                 "under broker epoch %lld, and log directory %s did not serve then. If it is that "
                 "disk all the same, and its .served-epochs was damaged or could not be written, "
                 "put the line %lld before the others in %s/.served-epochs, and restart the broker",
                 partition->topic, partition->index, (long long)partition->emptied_epoch,
                 log_dir_path(partition->log), (long long)partition->emptied_epoch,
                 log_dir_path(partition->log));
}

/* The newest leader epoch of our log where the record has an older one, else 0. */
static int32_t report_newer_epoch(const struct partition *partition)
{
    ASSERT(partition->leader_epoch >= -1);
    bool open = partition->state == PARTITION_FOLLOWER || partition->state == PARTITION_LEADER;
    int32_t latest = open ? log_latest_epoch(partition->log) : 0;
    bool counts = latest > partition->leader_epoch && latest <= IMAGE_LEADER_EPOCH_TAKEN_MAX;
    return counts ? latest : 0;
}

struct report_facts {
    bool offline;
    bool full;
    bool whole;
    bool failed;
    int32_t newer_epoch;
};

/* Whether the controller should hear of it, and what. While a log is being opened nothing is known,
 * but one that takes long can't serve meanwhile. */
static bool report_differs(const struct replica_report *report, const struct partition *partition,
                           struct report_facts *facts)
{
    int32_t own = report->deps->node_id;
    facts->offline = partition->state == PARTITION_OFFLINE || partition->late;
    facts->failed = partition->state == PARTITION_OFFLINE;
    facts->full = partition->full_here;
    facts->whole = report_is_whole(partition);
    facts->newer_epoch = report_newer_epoch(partition);
    if (!replica_manager_is_current(report->manager) ||
        (partition->state == PARTITION_OPENING && !partition->late))
        return false;
    /* An eligible replica that can't serve is said although it is listed as offline: it may be
     * listed for being late, and only a failed one is not eligible any more. */
    return facts->offline != image_ids_have(&partition->offline, own) ||
           facts->full != image_ids_have(&partition->full, own) || facts->whole ||
           (facts->failed && image_ids_have(&partition->elr, own)) || facts->newer_epoch > 0;
}

/* What the records say by then decides whether there is more to tell. */
static void report_answered(struct controller_call *call, int err, const Meta__CommandReply *reply)
{
    struct replica_report *report = CONTAINER_OF(call, struct replica_report, call);
    bool good = !err && reply && !reply->error;
    ASSERT(report->calling);
    ASSERT(err <= 0);
    report->calling = false;
    env_timer_start(&report->timer, good ? REPORT_AGAIN_MS : REPORT_RETRY_MS);
    if (good && !report->more)
        replica_manager_reported(report->manager);
}

static size_t report_collect(struct replica_report *report, Meta__ReportReplicas__Replica *replicas,
                             Meta__ReportReplicas__Replica **pointers)
{
    size_t count = 0, cursor = 0;
    struct partition *partition;
    while (count < REPORT_BATCH && (partition = replica_manager_next(report->manager, &cursor))) {
        struct report_facts facts;
        if (!report_differs(report, partition, &facts))
            continue;
        Meta__ReportReplicas__Replica *replica = &replicas[count];
        meta__report_replicas__replica__init(replica);
        replica->topic_id =
            (ProtobufCBinaryData){sizeof(partition->topic_id.bytes), partition->topic_id.bytes};
        replica->partition = partition->index;
        replica->offline = facts.offline;
        replica->full = facts.full;
        replica->whole = facts.whole;
        replica->failed = facts.failed;
        replica->newer_epoch = facts.newer_epoch;
        pointers[count++] = replica;
    }
    ASSERT(count <= REPORT_BATCH);
    return count;
}

static void report_send(void *data)
{
    struct replica_report *report = data;
    size_t most = replica_manager_count(report->manager);
    ASSERT(!report->calling);
    if (most > REPORT_BATCH)
        most = REPORT_BATCH;
    Meta__ReportReplicas__Replica *replicas = mem_alloc(most * sizeof(*replicas));
    Meta__ReportReplicas__Replica **pointers = mem_alloc(most * sizeof(*pointers));
    Meta__ReportReplicas body = META__REPORT_REPLICAS__INIT;
    body.broker_id = report->deps->node_id;
    body.broker_epoch = controller_channel_broker_epoch(report->deps->channel);
    body.replicas = pointers;
    body.n_replicas = report_collect(report, replicas, pointers);
    ASSERT(body.n_replicas <= most);
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_REPORT_REPLICAS;
    command.report_replicas = &body;
    report->more = body.n_replicas == REPORT_BATCH;
    if (body.n_replicas == 0) {
        replica_manager_reported(report->manager);
    } else {
        report->calling = true;
        controller_channel_call(report->deps->channel, &report->call, &command, REPORT_TIMEOUT_MS,
                                report_answered);
    }
    mem_free(pointers);
    mem_free(replicas);
}

struct replica_report *replica_report_new(struct replica_manager *manager)
{
    struct replica_report *report = mem_alloc(sizeof(*report));
    report->manager = manager;
    report->deps = replica_manager_deps(manager);
    env_timer_init(report->deps->env, &report->timer, report_send, report);
    return report;
}

void replica_report_free(struct replica_report *report)
{
    if (report->calling)
        controller_call_cancel(&report->call);
    env_timer_stop(&report->timer);
    mem_free(report);
}

void replica_report_flush(struct replica_report *report)
{
    if (report->calling) {
        report->more = true; /* it looks again after that */
        return;
    }
    env_timer_stop(&report->timer);
    report_send(report);
}

void replica_report_review(struct replica_report *report, const struct partition *partition)
{
    struct report_facts facts;
    if (!report->calling && !env_timer_running(&report->timer) &&
        report_differs(report, partition, &facts))
        env_timer_start(&report->timer, 0);
}

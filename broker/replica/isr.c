/* The in-sync set of a leader.
 *
 * Growing is hard: a joiner must have everything up to the high watermark and up to the start of
 * this leader epoch, under its present broker epoch, have caught up lately, and be unfenced.
 * Shrinking is easy: who is fenced, can't serve, or has a full disk while ours has room leaves at
 * once, who has not caught up within replica.lag.time.max.ms a little later. Elections leave the
 * set alone, so this is the only way out of it. Either is a proposal to the controller,
 * compare-and-set on the partition epoch, one at a time; a refused one is dropped, and the set
 * reviewed again. One without a clear answer may have been accepted: its members go on counting for
 * the high watermark, and it is asked again as it was, until the answer is clear or newer metadata
 * comes.
 *
 * What a follower has is known from its fetches. A fetch does not name a partition that is idle, so
 * what is forgotten here would never be said again: who forgets it tells the fetch sessions
 * (PARTITION_CHANGED_FORGOT), which say it again, or refuse it until the follower does. */
#include "broker/replica/isr.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/mutation.h"
#include "broker/replica/partition_private.h"

/* Most lists of most partitions are empty, and cost nothing then. */
static void ids_copy(struct image_ids *to, const struct image_ids *from)
{
    ASSERT(to != from);
    ASSERT(from->count >= 0);
    size_t size = (size_t)from->count * sizeof(*to->ids);
    if (to->count != from->count) {
        mem_free(to->ids);
        to->ids = size ? mem_alloc(size) : NULL;
    }
    if (size)
        memcpy(to->ids, from->ids, size);
    to->count = from->count;
    ASSERT((to->ids == NULL) == (to->count == 0));
}

static void isr_say(const struct partition *partition, const char *what,
                    const struct image_ids *ids)
{
    struct buf text;
    if (!logger_wants(partition->deps->logger, LOGGER_DEBUG))
        return;
    buf_init(&text);
    for (int32_t i = 0; i < ids->count; i++)
        buf_printf(&text, "%s%d", i ? "," : "", ids->ids[i]);
    logger_debug(partition->deps->logger, "%s-%d: %s %s, leader epoch %d", partition->topic,
                 partition->index, what, buf_text(&text), partition->leader_epoch);
    buf_close(&text);
}

static int64_t isr_now_ms(const struct partition *partition)
{
    return MUTATION(LAG_BY_WALL_CLOCK) ? env_wall_ms(partition->deps->env)
                                       : env_now_ms(partition->deps->env);
}

/* What holds of the set, of the replicas outside it, and of what is proposed. */
static void isr_check(const struct partition *partition)
{
    bool proposes = partition->proposal != PROPOSAL_NONE;
    ASSERT(partition->proposal <= PROPOSAL_UNKNOWN);
    ASSERT(partition->remote_count <= partition->replicas.count);
    ASSERT(!proposes || partition->proposed.count <= partition->replicas.count);
    ASSERT(!proposes || partition->proposed.ids != NULL);
    ASSERT(!proposes || partition->proposed_epochs != NULL);
    for (int32_t i = 0; i < partition->remote_count; i++) {
        const struct remote *remote = &partition->remotes[i];
        ASSERT(remote->id != partition->deps->node_id);
        ASSERT(image_ids_have(&partition->replicas, remote->id));
        ASSERT(remote->last_fetch_ms <= isr_now_ms(partition));
    }
}

void isr_start(struct partition *partition)
{
    ASSERT(partition->state == PARTITION_LEADER);
    int64_t now_ms = isr_now_ms(partition);
    for (int32_t i = 0; i < partition->remote_count; i++) {
        struct remote *remote = &partition->remotes[i];
        /* A member of the in-sync set gets a full lag time to be heard from. */
        *remote = (struct remote){.id = remote->id,
                                  .end_offset = -1,
                                  .log_start = -1,
                                  .broker_epoch = -1,
                                  .caught_up_ms = now_ms};
    }
    partition->proposal = PROPOSAL_NONE;
    ASSERT(partition->remote_count <= partition->replicas.count);
    ASSERT(partition->proposal == PROPOSAL_NONE);
    isr_check(partition);
}

bool isr_knows(const struct partition *partition, int32_t id)
{
    const struct remote *remote = isr_remote(partition, id);
    return remote && remote->end_offset >= 0;
}

void isr_take(struct partition *partition, const struct image_partition *record)
{
    ids_copy(&partition->replicas, &record->replicas);
    ids_copy(&partition->isr, &record->isr);
    isr_say(partition, "the in-sync set is", &partition->isr);
    ids_copy(&partition->offline, &record->offline);
    ids_copy(&partition->full, &record->full);
    partition->emptied = record->emptied;
    partition->emptied_epoch = record->emptied_epoch;
    ids_copy(&partition->elr, &record->elr);
    partition->proposal = PROPOSAL_NONE;
    ASSERT(partition->isr.count == record->isr.count);
    ASSERT(partition->replicas.count == record->replicas.count);
    struct remote *old = partition->remotes;
    int32_t old_count = partition->remote_count;
    int32_t others =
        record->replicas.count - image_ids_have(&record->replicas, partition->deps->node_id);
    partition->remotes = others ? mem_alloc((size_t)others * sizeof(*old)) : NULL;
    partition->remote_count = 0;
    for (int32_t i = 0; i < record->replicas.count; i++) {
        int32_t id = record->replicas.ids[i];
        if (id == partition->deps->node_id)
            continue;
        ASSERT(partition->remote_count < others);
        struct remote *remote = &partition->remotes[partition->remote_count++];
        *remote = (struct remote){.id = id,
                                  .end_offset = -1,
                                  .log_start = -1,
                                  .broker_epoch = -1,
                                  .caught_up_ms = isr_now_ms(partition)};
        for (int32_t j = 0; j < old_count; j++)
            if (old[j].id == id && !image_ids_have(&record->offline, id))
                *remote = old[j];
    }
    ASSERT(partition->remote_count <= record->replicas.count);
    isr_check(partition);
    bool forgot = false;
    for (int32_t j = 0; j < old_count; j++)
        forgot |= old[j].end_offset >= 0 && !isr_knows(partition, old[j].id);
    mem_free(old);
    if (forgot)
        partition_tell(partition, PARTITION_CHANGED_FORGOT);
}

void isr_close(struct partition *partition)
{
    mem_free(partition->replicas.ids);
    mem_free(partition->isr.ids);
    mem_free(partition->offline.ids);
    mem_free(partition->full.ids);
    mem_free(partition->elr.ids);
    mem_free(partition->proposed.ids);
    mem_free(partition->proposed_epochs);
    mem_free(partition->remotes);
}

struct remote *isr_remote(const struct partition *partition, int32_t id)
{
    for (int32_t i = 0; i < partition->remote_count; i++)
        if (partition->remotes[i].id == id)
            return &partition->remotes[i];
    return NULL;
}

/* The broker's registration, as far as the metadata has come; -1 when it has none. */
static int64_t isr_epoch_of(const struct partition *partition, int32_t id)
{
    const struct image_broker *broker = image_broker(metadata_image(partition->deps->metadata), id);
    return broker ? broker->epoch : -1;
}

bool isr_trusts(const struct partition *partition, const struct partition_read_args *args)
{
    /* Nor one of a registration that our metadata has not reached: it is asked again soon, and a
     * made-up epoch of the future must not lock the true follower out. */
    return isr_remote(partition, args->replica_id) &&
           !image_ids_have(&partition->offline, args->replica_id) && args->replica_epoch >= 0 &&
           args->replica_epoch == isr_epoch_of(partition, args->replica_id);
}

void partition_forget_earlier(struct partition *partition, int32_t broker_id, int64_t epoch)
{
    struct remote *remote = isr_remote(partition, broker_id);
    if (!isr_knows(partition, broker_id) || remote->broker_epoch >= epoch)
        return;
    remote->end_offset = remote->log_start = -1;
    partition_tell(partition, PARTITION_CHANGED_FORGOT);
}

/* A follower is caught up when it has all that we have, or had all that we had at its last fetch: a
 * slow but steady one does not flap. */
void isr_acknowledge(struct partition *partition, const struct partition_read_args *args)
{
    struct remote *remote = isr_remote(partition, args->replica_id);
    if (!isr_trusts(partition, args))
        return;
    ASSERT(remote != NULL);
    ASSERT(partition->log != NULL);
    ASSERT(remote->caught_up_ms <= isr_now_ms(partition));
    int64_t now_ms = isr_now_ms(partition);
    int64_t end = log_end_offset(partition->log);
    if (args->offset >= end)
        remote->caught_up_ms = now_ms;
    else if (args->offset >= remote->last_fetch_end && remote->last_fetch_ms > remote->caught_up_ms)
        remote->caught_up_ms = remote->last_fetch_ms;
    remote->last_fetch_ms = now_ms;
    remote->last_fetch_end = end;
    remote->end_offset = args->offset;
    remote->log_start = args->log_start_offset;
    remote->broker_epoch = args->replica_epoch;
    ASSERT(remote->caught_up_ms <= remote->last_fetch_ms);
}

/* Members that are being added count as well, as for the high watermark. */
static bool isr_counts(const struct partition *partition, int32_t id)
{
    return image_ids_have(&partition->isr, id) ||
           (!MUTATION(WATERMARK_BY_OLD_SET) && partition->proposal != PROPOSAL_NONE &&
            image_ids_have(&partition->proposed, id));
}

bool isr_is_short(const struct partition *partition)
{
    int32_t needed = partition->min_insync < partition->replicas.count ? partition->min_insync
                                                                       : partition->replicas.count;
    ASSERT(partition->isr.count <= partition->replicas.count);
    /* Who is eligible has all up to the high watermark and no more. This does not ask the settings:
     * those that we know may be older than the record. */
    return partition->elr.count > 0 || partition->isr.count < needed;
}

int64_t isr_high_watermark(const struct partition *partition)
{
    ASSERT(partition->log != NULL);
    if (isr_is_short(partition) && !MUTATION(WATERMARK_NOT_HELD))
        return partition->high_watermark;
    int64_t lowest = MUTATION(LEADER_COUNTS_UNFLUSHED) ? log_end_offset(partition->log)
                                                       : log_durable_offset(partition->log);
    for (int32_t i = 0; i < partition->remote_count; i++) {
        const struct remote *remote = &partition->remotes[i];
        if (isr_counts(partition, remote->id) && remote->end_offset < lowest)
            lowest = remote->end_offset;
    }
    ASSERT(lowest <= log_end_offset(partition->log));
    return lowest;
}

int64_t isr_low_watermark(const struct partition *partition)
{
    ASSERT(partition->log != NULL);
    int64_t lowest = log_saved_start(partition->log);
    for (int32_t i = 0; i < partition->remote_count; i++) {
        const struct remote *remote = &partition->remotes[i];
        if (isr_counts(partition, remote->id) && remote->log_start < lowest)
            lowest = remote->log_start;
    }
    return lowest;
}

/* When the follower last had all below `end`. An incremental fetch names no idle partitions: who
 * has acknowledged everything had it until it was last heard of. */
static int64_t isr_caught_up_ms(const struct partition *partition, const struct remote *remote,
                                int64_t end)
{
    int64_t heard_ms = remote->end_offset >= end && !MUTATION(IDLE_MEMBER_DROPPED)
                           ? partition->owner_ops->last_heard_ms(partition->owner, remote->id)
                           : 0;
    return heard_ms > remote->caught_up_ms ? heard_ms : remote->caught_up_ms;
}

/* From now on who has not fetched the new records is behind: so the lag is counted from the first
 * record that is not acknowledged, however long nothing was written before. */
void isr_appended(struct partition *partition, int64_t end_before)
{
    ASSERT(end_before <= log_end_offset(partition->log));
    for (int32_t i = 0; i < partition->remote_count; i++) {
        struct remote *remote = &partition->remotes[i];
        remote->caught_up_ms = isr_caught_up_ms(partition, remote, end_before);
    }
}

static bool isr_in_sync(const struct partition *partition, const struct remote *remote,
                        int64_t now_ms)
{
    int64_t lag_ms = config_int(partition->deps->config, CONFIG_REPLICA_LAG_TIME_MAX_MS);
    int64_t end = log_end_offset(partition->log);
    return now_ms - isr_caught_up_ms(partition, remote, end) <= lag_ms;
}

/* A replica whose disk is full would hold back what we take. When ours is too, nobody takes
 * anything, and the set is worth more whole. */
static bool isr_has_room(const struct partition *partition, int32_t id)
{
    return !image_ids_have(&partition->full, id) ||
           image_ids_have(&partition->full, partition->deps->node_id);
}

/* Whether the controller would take the broker into an in-sync set. */
static bool isr_would_be_taken(const struct partition *partition, int32_t id)
{
    const struct image_broker *broker = image_broker(metadata_image(partition->deps->metadata), id);
    return broker && !broker->fenced && !broker->stopping;
}

/* Whether it may be a member: the controller would take it, and it can follow. */
static bool isr_is_fit(const struct partition *partition, int32_t id)
{
    return !image_ids_have(&partition->offline, id) && isr_has_room(partition, id) &&
           isr_would_be_taken(partition, id);
}

/* Who has not caught up for so long would be out again with the next look: it stays out. */
static bool isr_may_join(const struct partition *partition, const struct remote *remote,
                         int64_t now_ms)
{
    return remote->end_offset >= partition->high_watermark &&
           isr_in_sync(partition, remote, now_ms) &&
           remote->end_offset >= partition->epoch_start_offset &&
           remote->log_start >= partition->joiner_log_start && isr_is_fit(partition, remote->id);
}

/* Whether a replica, of which `remote` is known (NULL: ourselves), is to be a member. */
static bool isr_wants(const struct partition *partition, int32_t id, const struct remote *remote,
                      bool lagging, int64_t now_ms)
{
    bool member = image_ids_have(&partition->isr, id);
    if (remote && member)
        return isr_is_fit(partition, id) && (!lagging || isr_in_sync(partition, remote, now_ms));
    return remote ? isr_may_join(partition, remote, now_ms) : member;
}

/* Builds the wanted set, without those that lag too if `lagging`, where it differs from the present
 * one; true then. It seldom does, and a timer asks for every partition, so that is looked at first.
 */
static bool isr_wanted(struct partition *partition, bool lagging)
{
    ASSERT(partition->state == PARTITION_LEADER);
    int64_t now_ms = isr_now_ms(partition);
    bool changed = false;
    for (int32_t i = 0; i < partition->remote_count && !changed; i++) {
        const struct remote *remote = &partition->remotes[i];
        changed = isr_wants(partition, remote->id, remote, lagging, now_ms) !=
                  image_ids_have(&partition->isr, remote->id);
    }
    if (!changed)
        return false;
    ASSERT(partition->replicas.count > 0);
    size_t room = (size_t)partition->replicas.count;
    partition->proposed.ids = mem_realloc(partition->proposed.ids, room * sizeof(int32_t));
    partition->proposed_epochs = mem_realloc(partition->proposed_epochs, room * sizeof(int64_t));
    partition->proposed.count = 0;
    for (int32_t i = 0; i < partition->replicas.count; i++) {
        int32_t id = partition->replicas.ids[i];
        const struct remote *remote = isr_remote(partition, id);
        if (!isr_wants(partition, id, remote, lagging, now_ms))
            continue;
        partition->proposed_epochs[partition->proposed.count] = remote ? remote->broker_epoch : -1;
        partition->proposed.ids[partition->proposed.count++] = id;
    }
    ASSERT(partition->proposed.count <= partition->replicas.count);
    return true;
}

static void isr_review(struct partition *partition, bool lagging)
{
    bool again = partition->proposal == PROPOSAL_UNKNOWN;
    ASSERT(partition->remote_count >= 0);
    if (partition->state != PARTITION_LEADER || (partition->proposal != PROPOSAL_NONE && !again))
        return;
    if (!again && !isr_wanted(partition, lagging))
        return;
    partition->proposal = PROPOSAL_QUEUED;
    isr_check(partition);
    partition->owner_ops->propose(partition->owner, partition);
}

void partition_check_isr(struct partition *partition)
{
    isr_review(partition, true);
}

void partition_review_isr(struct partition *partition)
{
    isr_review(partition, false);
}

void isr_acknowledged(struct partition *partition)
{
    if (partition->isr.count < partition->replicas.count)
        isr_review(partition, false);
}

bool partition_take_proposal(struct partition *partition, struct partition_proposal *proposal)
{
    if (partition->state != PARTITION_LEADER || partition->proposal != PROPOSAL_QUEUED)
        return false;
    partition->proposal = PROPOSAL_SENT;
    isr_check(partition);
    ASSERT(partition->proposed_epochs != NULL);
    ASSERT(partition->proposed.count <= partition->replicas.count);
    isr_say(partition, "asks for the in-sync set", &partition->proposed);
    *proposal = (struct partition_proposal){.topic_id = &partition->topic_id,
                                            .partition = partition->index,
                                            .leader_epoch = partition->leader_epoch,
                                            .partition_epoch = partition->partition_epoch,
                                            .isr = &partition->proposed,
                                            .broker_epochs = partition->proposed_epochs};
    return true;
}

/* Members are looked at last: who refuses one has found that the epochs are ours, so nothing came
 * of an earlier copy of the proposal either. */
static bool isr_is_refused(const Meta__AlterPartitionResult *result)
{
    return result->error == err_to_wire(ERR_INELIGIBLE_REPLICA) ||
           result->error == err_to_wire(ERR_INVALID_REQUEST);
}

/* The record that the controller has made of it, ahead of the metadata stream. It has other
 * replicas where the new set has ended a reassignment; one that has taken this replica away ends it
 * when it comes as a record, and until then the answer counts as not known. */
static void isr_take_answer(struct partition *partition, const Meta__AlterPartitionResult *result)
{
    ASSERT(result->error == 0);
    ASSERT(result->partition_epoch > partition->partition_epoch);
    struct image_partition record = {.leader = result->leader,
                                     .leader_epoch = result->leader_epoch,
                                     .partition_epoch = result->partition_epoch,
                                     .isr = {result->isr, (int32_t)result->n_isr},
                                     .elr = {result->elr, (int32_t)result->n_elr}};
    struct image_ids replicas = {0}, offline = {0}, full = {0};
    const struct image_ids others = {result->replicas, (int32_t)result->n_replicas};
    ASSERT(partition->proposal == PROPOSAL_SENT);
    if (others.count && !image_ids_have(&others, partition->deps->node_id)) {
        partition->proposal = PROPOSAL_UNKNOWN;
        return;
    }
    ids_copy(&replicas, others.count ? &others : &partition->replicas);
    ids_copy(&offline, &partition->offline);
    ids_copy(&full, &partition->full);
    record.replicas = replicas;
    record.offline = offline;
    record.full = full;
    partition_update(partition, &record);
    mem_free(replicas.ids);
    mem_free(offline.ids);
    mem_free(full.ids);
}

/* The new set itself arrives with the metadata stream; an accepted answer may be ahead of it. */
void partition_isr_answered(struct partition *partition, int32_t partition_epoch, int err,
                            const Meta__AlterPartitionResult *result)
{
    ASSERT(err <= 0);
    if (partition->proposal != PROPOSAL_SENT || partition->partition_epoch != partition_epoch)
        return;
    if (err || !result || result->error) {
        bool clear = !err && result && isr_is_refused(result);
        partition->proposal = clear ? PROPOSAL_NONE : PROPOSAL_UNKNOWN;
        isr_say(partition, clear ? "was refused the set" : "does not know what became of the set",
                &partition->proposed);
        return;
    }
    if (result->partition_epoch <= partition->partition_epoch) {
        partition->proposal = PROPOSAL_NONE;
        return;
    }
    isr_take_answer(partition, result);
}

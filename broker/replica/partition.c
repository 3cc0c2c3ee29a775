/* One replica of a partition.
 *
 * Happy path of a record: partition_append writes it to the leader's log; the log's flush moves the
 * durable end; the followers' fetches acknowledge it; the high watermark passes it and the append
 * that waits is done. Failure modes: leadership moves away (waiters are told, outcome unknown),
 * the in-sync set falls below min.insync.replicas (likewise), the log directory fails (offline). */
#include "broker/replica/partition.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/mutation.h"
#include "broker/replica/isr.h"
#include "broker/replica/nearest.h"
#include "broker/replica/partition_private.h"
#include "kafka/batch.h"
#include "kafka/compress.h"

enum {
    TIMESTAMP_LATEST = -1,
    TIMESTAMP_EARLIEST = -2,
    TIMESTAMP_MAX = -3,
    TIMESTAMP_LOCAL = -4,
    TIMESTAMP_TIERED = -5, /* the last one that lies in another tier only */
    TIMESTAMP_PENDING = -6 /* the first one that is not there yet */
};

/* ---- telling others ---- */

void partition_tell(struct partition *partition, unsigned change)
{
    ASSERT(change != 0);
    struct list told;
    list_init(&told);
    list_splice(&told, &partition->interests);
    for (struct list *step = list_pop(&told); step; step = list_pop(&told)) {
        struct partition_interest *interest = LIST_ENTRY(step, struct partition_interest, link);
        ASSERT(interest->watching);
        list_push(&partition->interests, step);
        if (!(interest->mask & change))
            continue;
        interest->news = true;
        interest->changed(interest, change & interest->mask);
    }
}

static void partition_finish_waits(struct partition *partition, int err)
{
    struct list failed;
    list_init(&failed);
    list_splice(&failed, &partition->waits);
    for (struct list *step = list_pop(&failed); step; step = list_pop(&failed)) {
        struct partition_wait *wait = LIST_ENTRY(step, struct partition_wait, link);
        wait->done(wait, err);
    }
}

static bool partition_is_safe(const struct partition *partition, const struct partition_wait *wait)
{
    if (wait->start)
        return wait->offset <= isr_low_watermark(partition);
    return wait->offset <
           (wait->all ? partition->high_watermark : log_durable_offset(partition->log));
}

/* Releases those whose records are safe now, or safely gone. */
static void partition_release_waits(struct partition *partition)
{
    struct list ready;
    list_init(&ready);
    LIST_EACH(step, &partition->waits) {
        struct partition_wait *wait = LIST_ENTRY(step, struct partition_wait, link);
        if (partition_is_safe(partition, wait)) {
            list_remove(&wait->link);
            list_push(&ready, &wait->link);
        }
    }
    for (struct list *step = list_pop(&ready); step; step = list_pop(&ready)) {
        struct partition_wait *wait = LIST_ENTRY(step, struct partition_wait, link);
        wait->done(wait, 0);
    }
}

/* Producers with acks=all can't be answered while too few replicas are in sync. */
void partition_fail_short_isr(struct partition *partition)
{
    if (!isr_is_short(partition))
        return;
    struct list failed;
    list_init(&failed);
    LIST_EACH(step, &partition->waits) {
        if (LIST_ENTRY(step, struct partition_wait, link)->all) {
            list_remove(step);
            list_push(&failed, step);
        }
    }
    for (struct list *step = list_pop(&failed); step; step = list_pop(&failed)) {
        struct partition_wait *wait = LIST_ENTRY(step, struct partition_wait, link);
        wait->done(wait, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    }
}

/* A process that stood still may not be the leader any more that it takes itself for: it neither
 * serves nor acknowledges anything until it knows. */
static bool partition_leads(const struct partition *partition)
{
    return partition->state == PARTITION_LEADER &&
           controller_channel_may_serve(partition->deps->channel);
}

unsigned partition_raise(struct partition *partition, int64_t high_watermark)
{
    ASSERT(partition->log != NULL);
    int64_t stable = partition_last_stable_offset(partition);
    ASSERT(high_watermark > partition->high_watermark);
    partition->high_watermark = high_watermark;
    ASSERT(high_watermark <= log_end_offset(partition->log));
    log_set_high_watermark(partition->log, high_watermark);
    ASSERT(partition_last_stable_offset(partition) >= stable);
    return partition_last_stable_offset(partition) > stable
               ? PARTITION_CHANGED_HW | PARTITION_CHANGED_STABLE
               : PARTITION_CHANGED_HW;
}

void partition_advance(struct partition *partition)
{
    if (!partition_leads(partition))
        return;
    int64_t reached = isr_high_watermark(partition);
    unsigned change = 0;
    if (reached > partition->high_watermark)
        change = partition_raise(partition, reached);
    partition_release_waits(partition);
    if (change)
        partition_tell(partition, change);
}

/* ---- state ---- */

const char *partition_state_name(enum partition_state state)
{
    static const char *const names[] = {"opening", "follower", "leader", "offline"};
    STATIC_ASSERT(PARTITION_OFFLINE + 1 == ARRAY_LEN(names), "each state has its name");
    ASSERT((size_t)state < ARRAY_LEN(names));
    return names[state];
}

static void partition_move(struct partition *partition, enum partition_state to)
{
    static const bool allowed[4][4] = {
        [PARTITION_OPENING] = {[PARTITION_FOLLOWER] = true, [PARTITION_OFFLINE] = true},
        [PARTITION_FOLLOWER] = {[PARTITION_LEADER] = true, [PARTITION_OFFLINE] = true},
        [PARTITION_LEADER] = {[PARTITION_FOLLOWER] = true, [PARTITION_OFFLINE] = true},
        [PARTITION_OFFLINE] = {[PARTITION_OPENING] = true},
    };
    ASSERT(allowed[partition->state][to]);
    logger_debug(partition->deps->logger, "%s-%d: %s -> %s, leader %d, leader epoch %d",
                 partition->topic, partition->index, partition_state_name(partition->state),
                 partition_state_name(to), partition->leader, partition->leader_epoch);
    partition->state = to;
    partition_check(partition);
}

static void partition_go_offline(struct partition *partition)
{
    if (partition->state == PARTITION_OFFLINE)
        return;
    bool led = partition->state == PARTITION_LEADER;
    partition_move(partition, PARTITION_OFFLINE);
    partition->owner_ops->review(partition->owner, partition);
    partition->owner_ops->follow(partition->owner, partition, IMAGE_NO_NODE);
    partition_finish_waits(partition, ERR_KAFKA_STORAGE_ERROR);
    partition_tell(partition, PARTITION_CHANGED_ROLE);
    if (led && partition->deps->leader_changed)
        partition->deps->leader_changed(partition->deps->data, partition->topic, partition->index,
                                        false);
}

static void partition_log_moved(void *data)
{
    struct partition *partition = data;
    ASSERT(partition->log != NULL);
    ASSERT(partition->state != PARTITION_OPENING);
    if (log_is_offline(partition->log)) {
        partition_go_offline(partition);
        return;
    }
    if (partition->full_here != log_is_full(partition->log)) {
        partition->full_here = !partition->full_here;
        partition->owner_ops->review(partition->owner, partition);
        partition_tell(partition, PARTITION_CHANGED_FACTS);
    }
    if (partition->state == PARTITION_LEADER)
        partition_advance(partition);
    else if (partition->state == PARTITION_FOLLOWER)
        partition->owner_ops->follower_ready(partition->owner, partition);
}

/* The replica lies in another log directory now, and all that we know of it holds. Not while it is
 * taken for emptied: another directory would vouch for what is an older copy (log_served_under). */
static void partition_log_swapped(void *data, struct log *log)
{
    struct partition *partition = data;
    ASSERT(partition->log != NULL);
    ASSERT(uuid_equal(log_topic_id(log), &partition->topic_id));
    partition->log = log;
    partition_log_moved(partition);
}

static void partition_lead(struct partition *partition)
{
    ASSERT(partition->log != NULL);
    ASSERT(partition->leader == partition->deps->node_id);
    if (partition->state == PARTITION_FOLLOWER) {
        partition_move(partition, PARTITION_LEADER);
        partition->owner_ops->follow(partition->owner, partition, IMAGE_NO_NODE);
    }
    int err = log_assign_epoch(partition->log, partition->leader_epoch);
    if (err) {
        partition_go_offline(partition);
        return;
    }
    partition->epoch_start_offset = log_end_offset(partition->log);
    partition->high_watermark = log_high_watermark(partition->log);
    /* What an earlier leader deleted is below our start: we were in sync with it. */
    partition->joiner_log_start = log_start_offset(partition->log);
    ASSERT(partition->high_watermark <= partition->epoch_start_offset);
    ASSERT(partition->joiner_log_start <= partition->epoch_start_offset);
    log_save_start(partition->log);
    isr_start(partition);
    logger_info(partition->deps->role_logger, "leads %s-%d from offset %lld, epoch %d, in sync %d",
                partition->topic, partition->index, (long long)partition->epoch_start_offset,
                partition->leader_epoch, partition->isr.count);
    ASSERT(partition->proposal == PROPOSAL_NONE);
}

static void partition_follow(struct partition *partition)
{
    ASSERT(partition->log != NULL);
    ASSERT(partition->leader != partition->deps->node_id);
    if (partition->state == PARTITION_LEADER)
        partition_move(partition, PARTITION_FOLLOWER);
    partition->high_watermark = log_high_watermark(partition->log);
    ASSERT(partition->high_watermark <= log_end_offset(partition->log));
    partition->owner_ops->follow(partition->owner, partition, partition->leader);
}

/* The role follows from the newest record. Called when the leader epoch or the log is new. What was
 * decided about an earlier process with our id is not for us: the role waits until the metadata has
 * reached our own registration. */
void partition_take_role(struct partition *partition)
{
    if (!partition->log || partition->state == PARTITION_OFFLINE ||
        !partition->owner_ops->is_current(partition->owner))
        return;
    bool led = partition->state == PARTITION_LEADER;
    bool leads = partition->leader == partition->deps->node_id;
    partition_finish_waits(partition,
                           MUTATION(WAITS_ANSWERED_BY_EPOCH) ? 0 : ERR_NOT_LEADER_OR_FOLLOWER);
    if (leads)
        partition_lead(partition);
    else
        partition_follow(partition);
    if (partition->state == PARTITION_OFFLINE)
        return;
    if (partition->deps->leader_changed && (led || leads))
        partition->deps->leader_changed(partition->deps->data, partition->topic, partition->index,
                                        leads);
    partition_tell(partition, PARTITION_CHANGED_ROLE);
    partition_advance(partition);
    partition_review_isr(partition); /* those that are gone leave now, not before somebody leads */
}

/* ---- life ---- */

struct partition *partition_new(const struct partition_owner_ops *owner_ops, void *owner,
                                const struct replica_deps *deps, const struct image_topic *topic,
                                int32_t index)
{
    ASSERT(index >= 0);
    struct partition *partition = mem_alloc(sizeof(*partition));
    partition->owner_ops = owner_ops;
    partition->owner = owner;
    partition->deps = deps;
    partition->topic = mem_strdup(topic->name);
    partition->topic_id = topic->id;
    partition->index = index;
    partition->leader = IMAGE_NO_NODE;
    partition->leader_epoch = -1;
    partition->partition_epoch = -1;
    list_init(&partition->waits);
    list_init(&partition->interests);
    list_init(&partition->propose_link);
    list_init(&partition->settle_link);
    list_init(&partition->throttle_link);
    struct live_topic settings;
    live_settings_topic(partition->deps->live, partition->topic, &settings);
    partition_configure(partition, &settings);
    return partition;
}

void partition_free(struct partition *partition)
{
    bool led = partition->state == PARTITION_LEADER;
    if (partition->log)
        log_watch(partition->log, NULL, NULL);
    if (partition->state != PARTITION_OFFLINE)
        partition_move(partition, PARTITION_OFFLINE);
    partition->owner_ops->follow(partition->owner, partition, IMAGE_NO_NODE);
    partition_finish_waits(partition, ERR_NOT_LEADER_OR_FOLLOWER);
    if (led && partition->deps->leader_changed)
        partition->deps->leader_changed(partition->deps->data, partition->topic, partition->index,
                                        false);
    for (struct list *step = list_pop(&partition->interests); step;
         step = list_pop(&partition->interests)) {
        struct partition_interest *interest = LIST_ENTRY(step, struct partition_interest, link);
        interest->watching = false;
        interest->news = true;
        interest->changed(interest, PARTITION_CHANGED_ROLE);
    }
    list_remove(&partition->propose_link);
    list_remove(&partition->settle_link);
    list_remove(&partition->throttle_link);
    ASSERT(list_empty(&partition->waits));
    ASSERT(list_empty(&partition->interests));
    ASSERT(partition->fetch == NULL);
    isr_close(partition);
    mem_free(partition->topic);
    mem_free(partition);
}

void partition_reopen(struct partition *partition)
{
    ASSERT(partition->damaged);
    ASSERT(partition->fetch == NULL);
    ASSERT(!partition->log);
    partition->damaged = false;
    partition_move(partition, PARTITION_OPENING);
}

void partition_opened(struct partition *partition, int err, struct log *log)
{
    ASSERT(partition->state == PARTITION_OPENING);
    ASSERT((err != 0) == (log == NULL));
    ASSERT(err <= 0);
    ASSERT(partition->log == NULL);
    ASSERT(list_empty(&partition->waits));
    partition->late = false;
    if (err) {
        partition_move(partition, PARTITION_OFFLINE);
        partition->damaged = err == ERR_CORRUPT;
        return;
    }
    partition->log = log;
    struct live_topic settings; /* they may have changed while it was opened */
    live_settings_topic(partition->deps->live, partition->topic, &settings);
    log_set_config(log, &settings.log);
    partition->full_here = log_is_full(log);
    log_watch(log, partition_log_moved, partition);
    log_watch_swap(log, partition->emptied ? NULL : partition_log_swapped);
    partition->high_watermark = log_high_watermark(log);
    partition_move(partition, PARTITION_FOLLOWER);
    partition_take_role(partition);
}

void partition_update(struct partition *partition, const struct image_partition *record)
{
    if (record->leader_epoch < partition->leader_epoch ||
        record->partition_epoch <= partition->partition_epoch)
        return;
    bool new_epoch = record->leader_epoch > partition->leader_epoch;
    partition->leader = record->leader;
    partition->leader_epoch = record->leader_epoch;
    partition->partition_epoch = record->partition_epoch;
    isr_take(partition, record);
    partition_check(partition);
    partition->owner_ops->review(partition->owner, partition);
    if (partition->state == PARTITION_OPENING || partition->state == PARTITION_OFFLINE)
        return;
    log_watch_swap(partition->log, partition->emptied ? NULL : partition_log_swapped);
    if (new_epoch) {
        partition_take_role(partition);
        return;
    }
    partition_fail_short_isr(partition);
    partition_tell(partition, PARTITION_CHANGED_FACTS);
    partition_advance(partition);
    partition_review_isr(partition);
}

void partition_configure(struct partition *partition, const struct live_topic *settings)
{
    ASSERT(settings->min_insync > 0);
    partition->min_insync = (int32_t)settings->min_insync;
    if (!partition->log)
        return;
    log_set_config(partition->log, &settings->log);
    partition_tell(partition, PARTITION_CHANGED_FACTS);
    partition_advance(partition);
}

/* ---- produce ---- */

static int partition_check_epoch(const struct partition *partition, int32_t current_leader_epoch)
{
    if (current_leader_epoch < 0 || current_leader_epoch == partition->leader_epoch)
        return 0;
    return current_leader_epoch < partition->leader_epoch ? ERR_FENCED_LEADER_EPOCH
                                                          : ERR_UNKNOWN_LEADER_EPOCH;
}

static int partition_check_leader(const struct partition *partition)
{
    if (partition_leads(partition))
        return 0;
    return partition->state == PARTITION_OFFLINE ? ERR_KAFKA_STORAGE_ERROR
                                                 : ERR_NOT_LEADER_OR_FOLLOWER;
}

int partition_check_append(const struct partition *partition, int16_t acks)
{
    int err = partition_check_leader(partition);
    if (err)
        return err;
    if (acks < PARTITION_ACKS_ALL || acks > PARTITION_ACKS_LEADER)
        return ERR_INVALID_REQUIRED_ACKS;
    if (acks == PARTITION_ACKS_ALL && isr_is_short(partition))
        return ERR_NOT_ENOUGH_REPLICAS;
    return 0;
}

/* What follows an append that the log took. */
static int partition_taken(struct partition *partition, int64_t end_before, int16_t acks,
                           const struct log_append *result, struct partition_wait *wait)
{
    ASSERT(partition->state == PARTITION_LEADER);
    ASSERT(acks >= PARTITION_ACKS_ALL);
    ASSERT(acks <= PARTITION_ACKS_LEADER);
    ASSERT(result->duplicate || result->base_offset >= end_before);
    ASSERT(result->duplicate || result->last_offset < log_end_offset(partition->log));
    if (!result->duplicate) {
        isr_appended(partition, end_before);
        partition_tell(partition, PARTITION_CHANGED_END);
    }
    if (acks == PARTITION_ACKS_NONE) {
        partition_advance(partition);
        return 0;
    }
    ASSERT(wait);
    ASSERT(wait->done != NULL);
    wait->offset = result->last_offset;
    wait->all = acks == PARTITION_ACKS_ALL;
    wait->start = false;
    list_push(&partition->waits, &wait->link);
    /* Without flush-before-ack, or for a duplicate, the record may be safe already; answering waits
     * for the end of the turn so that no callback comes from inside. */
    if (log_durable_offset(partition->log) > wait->offset)
        partition->owner_ops->settle(partition->owner, partition);
    return PARTITION_WAITS;
}

int partition_append(struct partition *partition, uint8_t *bytes, size_t len,
                     enum log_origin origin, int16_t acks, struct log_append *result,
                     struct partition_wait *wait)
{
    *result = (struct log_append){.base_offset = -1, .append_time_ms = -1};
    int err = partition_check_append(partition, acks);
    if (err)
        return err;
    int64_t end_before = log_end_offset(partition->log);
    err = log_append(partition->log, bytes, len, origin, partition->leader_epoch, result);
    return err ? err : partition_taken(partition, end_before, acks, result, wait);
}

int partition_append_checked(struct partition *partition, struct log_check *check, int16_t acks,
                             struct log_append *result, struct partition_wait *wait)
{
    *result = (struct log_append){.base_offset = -1, .append_time_ms = -1};
    int err = partition_check_append(partition, acks);
    if (err)
        return err;
    int64_t end_before = log_end_offset(partition->log);
    err = log_append_checked(partition->log, check, partition->leader_epoch, result);
    return err ? err : partition_taken(partition, end_before, acks, result, wait);
}

/* ---- fetch ---- */

void partition_watch(struct partition *partition, struct partition_interest *interest)
{
    ASSERT(!interest->watching);
    ASSERT(interest->mask && interest->changed);
    interest->watching = true;
    list_push(&partition->interests, &interest->link);
}

void partition_unwatch(struct partition_interest *interest)
{
    if (!interest->watching)
        return;
    ASSERT(!list_empty(&interest->link));
    list_remove(&interest->link);
    interest->watching = false;
}

static int partition_check_read(const struct partition *partition,
                                const struct partition_read_args *args)
{
    if (partition->state == PARTITION_OFFLINE)
        return ERR_KAFKA_STORAGE_ERROR;
    if (args->no_zstd && partition->log && log_config(partition->log)->compression == COMPRESS_ZSTD)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    bool reads_follower = args->follower_ok && args->replica_id < 0;
    if (!partition_leads(partition) && !(reads_follower && partition->state == PARTITION_FOLLOWER))
        return ERR_NOT_LEADER_OR_FOLLOWER;
    int err = partition_check_epoch(partition, args->current_leader_epoch);
    if (err)
        return err;
    /* Only a replica reads past the high watermark. */
    if (args->replica_id >= 0 && !isr_trusts(partition, args))
        return ERR_NOT_LEADER_OR_FOLLOWER;
    return 0;
}

/* KIP-595: a follower whose last epoch ends elsewhere in our log must cut first. */
static bool partition_diverges(const struct partition *partition,
                               const struct partition_read_args *args, struct partition_read *read)
{
    ASSERT(partition->log != NULL);
    if (args->last_fetched_epoch < 0)
        return false;
    log_end_of_epoch(partition->log, args->last_fetched_epoch, &read->diverging_epoch,
                     &read->diverging_offset);
    if (read->diverging_epoch == args->last_fetched_epoch && read->diverging_offset >= args->offset)
        return false;
    if (read->diverging_epoch < 0) {
        /* Nothing of that age is known here: all that the follower has from it must go. */
        read->diverging_epoch = args->last_fetched_epoch;
        read->diverging_offset = log_start_offset(partition->log);
    }
    read->diverging = true;
    ASSERT(read->diverging_epoch <= args->last_fetched_epoch);
    ASSERT(read->diverging_offset >= 0);
    ASSERT(read->diverging_offset <= log_end_offset(partition->log));
    return true;
}

/* What the reader has to know of transactions in the range. */
static int partition_read_aborted(struct log *log, const struct partition_read_args *args,
                                  int64_t end, const struct log_slice *range,
                                  struct partition_read *read, struct log_cold *cold)
{
    ASSERT(args->committed);
    ASSERT(end >= args->offset);
    struct log_aborted found;
    int err = log_read_aborted(log, args->offset, end, range, &found, cold);
    if (err || found.count == 0)
        return err;
    read->aborted = mem_alloc(found.count * sizeof(*read->aborted));
    read->aborted_count = found.count;
    for (size_t i = 0; i < found.count; i++)
        read->aborted[i] = (struct partition_aborted){.producer_id = found.txns[i].producer_id,
                                                      .first_offset = found.txns[i].first_offset};
    log_aborted_close(&found);
    return 0;
}

static int partition_read_log(struct log *log, const struct partition_read_args *args, int64_t end,
                              struct partition_read *read, struct log_cold *cold)
{
    ASSERT(args->offset < end);
    ASSERT(end <= log_end_offset(log));
    struct log_slice range;
    int err =
        cold ? log_read_now(log, args->offset, args->max_bytes, end, args->min_one, &range, cold)
             : log_read(log, args->offset, args->max_bytes, end, args->min_one, &range);
    read->no_room = range.no_room;
    if (err || range.len == 0)
        return err;
    ASSERT(range.bytes || range.segment);
    ASSERT(!range.bytes || range.len <= LOG_SLICE_COPIED);
    if (args->committed)
        err = partition_read_aborted(log, args, end, &range, read, cold);
    if (err) {
        log_slice_release(&range);
        return err;
    }
    read->base_offset = range.base_offset;
    if (range.bytes) {
        read->slice.chunk = (struct env_chunk){.data = range.bytes, .len = range.len};
        range.bytes = NULL;
        log_slice_release(&range);
        return 0;
    }
    read->slice.segment = range.segment;
    read->slice.chunk =
        (struct env_chunk){.file = range.file, .offset = range.position, .len = range.len};
    return 0;
}

static int partition_read_any(struct partition *partition, const struct partition_read_args *args,
                              struct partition_read *read, struct log_cold *cold)
{
    *read = (struct partition_read){
        .high_watermark = -1, .last_stable_offset = -1, .log_start_offset = -1};
    int err = partition_check_read(partition, args);
    if (err)
        return err;
    struct log *log = partition->log;
    read->high_watermark = partition->high_watermark;
    read->last_stable_offset = partition_last_stable_offset(partition);
    read->log_start_offset = log_start_offset(log);
    ASSERT(read->last_stable_offset <= read->high_watermark);
    read->elsewhere = args->rack && nearest_find(partition, args, &read->nearest);
    if (read->elsewhere)
        return 0;
    if (partition_diverges(partition, args, read))
        return 0;
    bool consumer = args->replica_id < 0;
    if (args->offset < read->log_start_offset || args->offset > log_end_offset(log))
        return consumer && partition->state == PARTITION_FOLLOWER &&
                       args->offset > log_end_offset(log)
                   ? ERR_OFFSET_NOT_AVAILABLE
                   : ERR_OFFSET_OUT_OF_RANGE;
    int64_t end = log_end_offset(log);
    if (consumer && !args->own)
        end = args->committed ? read->last_stable_offset : read->high_watermark;
    return args->offset < end ? partition_read_log(log, args, end, read, cold) : 0;
}

int partition_read(struct partition *partition, const struct partition_read_args *args,
                   struct partition_read *read)
{
    return partition_read_any(partition, args, read, NULL);
}

int partition_read_now(struct partition *partition, const struct partition_read_args *args,
                       struct partition_read *read, struct log_cold *cold)
{
    return partition_read_any(partition, args, read, cold);
}

void partition_acknowledge(struct partition *partition, const struct partition_read_args *args)
{
    struct partition_read read;
    if (partition->state != PARTITION_LEADER || args->offset > log_end_offset(partition->log) ||
        partition_check_epoch(partition, args->current_leader_epoch))
        return;
    /* Who has to cut first has other records there, however many they are. */
    if (partition_diverges(partition, args, &read))
        return;
    isr_acknowledge(partition, args);
    partition_advance(partition);
    isr_acknowledged(partition);
}

bool partition_knows(const struct partition *partition, int32_t replica_id)
{
    return isr_knows(partition, replica_id);
}

void partition_acknowledge_again(struct partition *partition,
                                 const struct partition_read_args *args)
{
    ASSERT(partition->state == PARTITION_LEADER);
    if (isr_knows(partition, args->replica_id))
        return;
    ASSERT(args->offset <= log_end_offset(partition->log));
    isr_acknowledge(partition, args);
    ASSERT(isr_knows(partition, args->replica_id));            /* the read has asked for no less */
    partition->owner_ops->settle(partition->owner, partition); /* the caller is amid its slots */
    isr_acknowledged(partition);
}

/* ---- offsets ---- */

int partition_end_of_epoch(struct partition *partition, int32_t current_leader_epoch, int32_t epoch,
                           int32_t *found, int64_t *end_offset)
{
    int err = partition_check_leader(partition);
    if (!err)
        err = partition_check_epoch(partition, current_leader_epoch);
    if (err)
        return err;
    log_end_of_epoch(partition->log, epoch, found, end_offset);
    return 0;
}

/* Up to where a consumer reads. */
static int64_t partition_end_for(const struct partition *partition, enum partition_reader reader)
{
    return reader == READER_COMMITTED ? partition_last_stable_offset(partition)
                                      : partition->high_watermark;
}

/* A new leader must not show an end below what consumers saw: its high watermark first has to reach
 * the start of its epoch. */
static int partition_find_latest(struct partition *partition, enum partition_reader reader,
                                 struct partition_offset *found)
{
    if (reader == READER_FOLLOWER) {
        found->offset = log_end_offset(partition->log);
        return 0;
    }
    if (partition->high_watermark < partition->epoch_start_offset)
        return ERR_OFFSET_NOT_AVAILABLE;
    found->offset = partition_end_for(partition, reader);
    return 0;
}

static int partition_take_lookup(struct partition *partition, const struct log_lookup *lookup,
                                 enum partition_reader reader, struct partition_offset *found)
{
    found->offset = lookup->offset;
    found->timestamp_ms = lookup->timestamp_ms;
    if (found->offset >= 0 && found->offset < partition_end_for(partition, reader))
        return 0;
    found->offset = -1;
    found->timestamp_ms = -1;
    /* As Kafka: "none" would be wrong while committed records are not known as such. */
    return partition->high_watermark < partition->epoch_start_offset ? ERR_OFFSET_NOT_AVAILABLE : 0;
}

int partition_found_offset(struct partition *partition, const struct log_lookup *lookup,
                           enum partition_reader reader, struct partition_offset *found)
{
    ASSERT(lookup->err <= 0);
    int err = lookup->err ? lookup->err : partition_check_leader(partition);
    if (!err && partition->leader_epoch != found->leader_epoch)
        err = ERR_NOT_LEADER_OR_FOLLOWER;
    return err ? err : partition_take_lookup(partition, lookup, reader, found);
}

int partition_find_offset(struct partition *partition, int32_t current_leader_epoch,
                          int64_t timestamp, enum partition_reader reader,
                          struct log_lookup *lookup, struct partition_offset *found)
{
    *found = (struct partition_offset){-1, -1, partition->leader_epoch};
    int err = partition_check_leader(partition);
    if (!err)
        err = partition_check_epoch(partition, current_leader_epoch);
    if (err)
        return err;
    switch (timestamp) {
    case TIMESTAMP_LATEST:
        return partition_find_latest(partition, reader, found);
    case TIMESTAMP_EARLIEST:
    case TIMESTAMP_LOCAL:
        found->offset = log_start_offset(partition->log);
        return 0;
    case TIMESTAMP_TIERED:
    case TIMESTAMP_PENDING:
        return 0; /* there is no other tier */
    default:
        if (timestamp < TIMESTAMP_PENDING)
            return ERR_UNSUPPORTED_VERSION;
        ASSERT(lookup != NULL);
        err = timestamp == TIMESTAMP_MAX ? log_lookup_start_max(lookup, partition->log)
                                         : log_lookup_start(lookup, partition->log, timestamp);
        return err ? err : partition_take_lookup(partition, lookup, reader, found);
    }
}

int partition_delete_records(struct partition *partition, int64_t offset,
                             struct partition_wait *wait)
{
    int err = partition_check_leader(partition);
    if (err)
        return err;
    if (offset == -1)
        offset = partition->high_watermark;
    if (offset < 0 || offset > partition->high_watermark)
        return ERR_OFFSET_OUT_OF_RANGE;
    if (offset > log_start_offset(partition->log))
        err = log_advance_start(partition->log, offset);
    if (err)
        return err;
    if (partition->joiner_log_start < offset)
        partition->joiner_log_start = offset;
    ASSERT(log_start_offset(partition->log) >= offset);
    log_save_start(partition->log);
    ASSERT(wait->done != NULL);
    wait->offset = offset;
    wait->all = false;
    wait->start = true;
    list_push(&partition->waits, &wait->link);
    partition_tell(partition, PARTITION_CHANGED_START);
    if (partition_is_safe(partition, wait)) /* answered at the end of the turn, not from inside */
        partition->owner_ops->settle(partition->owner, partition);
    return PARTITION_WAITS;
}

int64_t partition_low_watermark(const struct partition *partition)
{
    ASSERT(partition->state == PARTITION_LEADER);
    return isr_low_watermark(partition);
}

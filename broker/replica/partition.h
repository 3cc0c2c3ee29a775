/* One replica of a partition on this broker: leader or follower, its log, the in-sync set, the high
 * watermark, and those who wait for any of it.
 *
 *               open ok              metadata
 *   OPENING ------------> FOLLOWER <----------> LEADER
 *      |                      \                 /
 *      +---- can't open ------> OFFLINE <------+   (a failed log directory)
 *
 * A damaged replica whose files were set aside goes from OFFLINE to OPENING, to be fetched anew.
 *
 * For this folder only: the rest of the broker has partition_ops.h, whose operations come to these
 * calls. One that must wait takes a struct partition_wait; its callback comes later on the loop,
 * never before the call returns.
 *
 * Rules: the high watermark counts what is durable at every member of the maximal in-sync set
 * (members plus those being added); a shrink counts only when the controller has accepted it;
 * fetches under another leader epoch are refused and never counted. */
#ifndef BROKER_REPLICA_PARTITION_H
#define BROKER_REPLICA_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/uuid.h"
#include "broker/log/log.h"
#include "broker/replica/partition_ops.h"
#include "broker/replica/replica_deps.h"
#include "common/meta/channel.pb-c.h"
#include "meta/image.h"

struct partition;

/* ---- for produce and the coordinators ---- */

/* What is asked for is done here and not yet safe: wait->done(wait, err) comes, with 0,
 * ERR_NOT_LEADER_OR_FOLLOWER (leadership lost, outcome unknown),
 * ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND or ERR_KAFKA_STORAGE_ERROR; or the caller unlinks it. */
enum { PARTITION_WAITS = 1 };

/* Appends batches as the leader. Returns 0 when nothing is left to wait for (acks 0),
 * PARTITION_WAITS, or an error: those of log_append, ERR_NOT_LEADER_OR_FOLLOWER,
 * ERR_NOT_ENOUGH_REPLICAS, ERR_INVALID_REQUIRED_ACKS. `wait` may be NULL with acks 0. */
int partition_append(struct partition *partition, uint8_t *bytes, size_t len,
                     enum log_origin origin, int16_t acks, struct log_append *result,
                     struct partition_wait *wait) MUST_CHECK;
/* The same for a batch of a client that log_check has found good. */
int partition_append_checked(struct partition *partition, struct log_check *check, int16_t acks,
                             struct log_append *result, struct partition_wait *wait) MUST_CHECK;
/* Whether an append would be taken now, before its bytes are looked at; errors as partition_append.
 */
int partition_check_append(const struct partition *partition, int16_t acks) MUST_CHECK;

/* ---- for fetch ---- */

/* Its mask and `changed` are set. */
void partition_watch(struct partition *partition, struct partition_interest *interest);

/* Reads for a consumer or a follower, without waiting; does not count as an acknowledgement.
 * Errors: ERR_NOT_LEADER_OR_FOLLOWER, ERR_FENCED_LEADER_EPOCH, ERR_UNKNOWN_LEADER_EPOCH,
 * ERR_OFFSET_OUT_OF_RANGE, ERR_OFFSET_NOT_AVAILABLE, ERR_KAFKA_STORAGE_ERROR. */
int partition_read(struct partition *partition, const struct partition_read_args *args,
                   struct partition_read *read) MUST_CHECK;
/* As partition_read, but ERR_AGAIN, and `cold`, where the loop would wait for the disk. */
int partition_read_now(struct partition *partition, const struct partition_read_args *args,
                       struct partition_read *read, struct log_cold *cold) MUST_CHECK;
/* A follower's fetch is its acknowledgement of all below args->offset: moves its log end here, the
 * in-sync set and the high watermark. Ignored unless it is an assigned replica under our epoch. */
void partition_acknowledge(struct partition *partition, const struct partition_read_args *args);
/* After a read for a follower that succeeded and that does not diverge: the args are what it said
 * last, and count again if they were forgotten. */
void partition_acknowledge_again(struct partition *partition,
                                 const struct partition_read_args *args);
/* Leader: whether what this follower said last counts. */
bool partition_knows(const struct partition *partition, int32_t replica_id);

/* ---- offsets ---- */

/* The rules of OffsetForLeaderEpoch; only a leader answers. */
int partition_end_of_epoch(struct partition *partition, int32_t current_leader_epoch, int32_t epoch,
                           int32_t *found, int64_t *end_offset) MUST_CHECK;
/* `lookup` may be NULL for a place (-1, -2, -4). 1: it goes on in the background (log.h); when it
 * is done, partition_found_offset turns it into the answer, if the partition still leads in the
 * epoch of found->leader_epoch. */
enum partition_reader { READER_CONSUMER, READER_FOLLOWER, READER_COMMITTED };
int partition_find_offset(struct partition *partition, int32_t current_leader_epoch,
                          int64_t timestamp, enum partition_reader reader,
                          struct log_lookup *lookup, struct partition_offset *found) MUST_CHECK;
int partition_found_offset(struct partition *partition, const struct log_lookup *lookup,
                           enum partition_reader reader, struct partition_offset *found) MUST_CHECK;
/* DeleteRecords: -1 = up to the high watermark. Returns PARTITION_WAITS or an error; `wait` is
 * called (or cancelled) as with partition_append: when the log starts there on the disk of every
 * in-sync replica, so that no crash brings the records back. */
int partition_delete_records(struct partition *partition, int64_t offset,
                             struct partition_wait *wait) MUST_CHECK;
/* The lowest log start of the in-sync replicas, as it survives a crash; for a leader. */
int64_t partition_low_watermark(const struct partition *partition);

enum partition_state partition_state(const struct partition *partition);
const char *partition_state_name(enum partition_state state);
/* Appends what the replica is and has, for people. */
void partition_describe(const struct partition *partition, struct buf *out);
/* Whether it can't serve, or its in-sync set lacks a replica. */
bool partition_is_ailing(const struct partition *partition);
const char *partition_topic(const struct partition *partition);
const struct uuid *partition_topic_id(const struct partition *partition);
int32_t partition_index(const struct partition *partition);
int32_t partition_leader(const struct partition *partition);
int32_t partition_leader_epoch(const struct partition *partition);
int64_t partition_high_watermark(const struct partition *partition);
/* Below it all transactions are decided, and it is not above the high watermark. */
int64_t partition_last_stable_offset(const struct partition *partition);
/* NULL while opening or offline. */
struct log *partition_log(struct partition *partition);

/* ---- for the replica manager and the fetcher ---- */

/* What a partition asks of its owner. `owner` is the first argument of each. */
struct partition_owner_ops {
    /* Calls partition_advance at the end of this turn of the loop. */
    void (*settle)(void *owner, struct partition *partition);
    /* It has a proposal for its in-sync set: partition_take_proposal. */
    void (*propose)(void *owner, struct partition *partition);
    /* It can't serve any more, or can again, or there is a new record of it. */
    void (*review)(void *owner, struct partition *partition);
    /* The leader that it follows is known or has changed; IMAGE_NO_NODE: it follows nobody. */
    void (*follow)(void *owner, struct partition *partition, int32_t leader_id);
    /* A follower's durable end moved: its next fetch may acknowledge it. */
    void (*follower_ready)(void *owner, struct partition *partition);
    /* Whether the metadata has reached our own registration: before that, what it says of our id
     * was said of an earlier process. */
    bool (*is_current)(void *owner);
    /* When this follower last fetched (monotonic ms); 0 = never. */
    int64_t (*last_heard_ms)(void *owner, int32_t replica_id);
};

struct partition *partition_new(const struct partition_owner_ops *owner_ops, void *owner,
                                const struct replica_deps *deps, const struct image_topic *topic,
                                int32_t index);
/* Tells everybody who waits, stops using the log (which stays the log manager's), frees. */
void partition_free(struct partition *partition);
/* The log is there (err 0), or the replica is damaged. */
void partition_opened(struct partition *partition, int err, struct log *log);
/* The files of a damaged replica were set aside: it is being opened again, empty. */
void partition_reopen(struct partition *partition);
/* Takes over what the controller decided; older epochs are ignored. */
void partition_update(struct partition *partition, const struct image_partition *record);
/* Leads or follows as the newest record says; nothing while the log is not open or the metadata has
 * not reached our own registration. */
void partition_take_role(struct partition *partition);
/* The topic's settings changed, or those of the broker. */
void partition_configure(struct partition *partition, const struct live_topic *settings);
/* Leader: removes from the in-sync set who has not kept up; called on a timer. */
void partition_check_isr(struct partition *partition);
/* Leader: the broker is a new process, registered with `epoch`; what it had acknowledged before
 * does not count any more. */
void partition_forget_earlier(struct partition *partition, int32_t broker_id, int64_t epoch);
/* Leader: asks again for the in-sync set that it wants, when an earlier request failed, lets in who
 * may join now (a broker was unfenced) and drops who may not be in it any more. */
void partition_review_isr(struct partition *partition);
/* What a leader says of a partition beside its records. */
struct partition_leader_view {
    int64_t high_watermark;
    int64_t log_start_offset;
    int64_t gap_to; /* its log has nothing from the offset asked for up to this one; -1 = no gap */
};

/* Follower: appends what the leader sent for our log end, and takes over its offsets. ERR_* as
 * log_append. */
int partition_replicate(struct partition *partition, uint8_t *bytes, size_t len,
                        const struct partition_leader_view *leader) MUST_CHECK;
/* Follower: the leader's log ends for `epoch` at `end_offset`: cuts as KIP-320 says. */
int partition_truncate(struct partition *partition, int32_t epoch, int64_t end_offset) MUST_CHECK;
/* Follower: our offset is outside of the leader's log, which starts at `leader_log_start`. */
int partition_restart_at(struct partition *partition, int64_t leader_log_start) MUST_CHECK;
/* The proposal that was sent under `partition_epoch` has its answer, or will have none (err). */
void partition_isr_answered(struct partition *partition, int32_t partition_epoch, int err,
                            const Meta__AlterPartitionResult *result);

/* What the manager sends as AlterPartitions. */
struct partition_proposal {
    const struct uuid *topic_id;
    int32_t partition;
    int32_t leader_epoch;
    int32_t partition_epoch;
    const struct image_ids *isr;
    const int64_t
        *broker_epochs; /* of each member, as it was heard; -1 = not heard, or ourselves */
};
bool partition_take_proposal(struct partition *partition, struct partition_proposal *proposal);

#endif

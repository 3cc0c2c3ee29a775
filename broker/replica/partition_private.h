/* The inside of a partition. partition.c (log, roles, waiters) and isr.c (the followers and the
 * in-sync set) change it, `state` only by a move that is allowed. Beside them the manager sets
 * `late` and its own links, the fetcher sets `fetch`, and the throttle what is called so. The other
 * files of this folder, and the checker of the simulation, only read it. */
#ifndef BROKER_REPLICA_PARTITION_PRIVATE_H
#define BROKER_REPLICA_PARTITION_PRIVATE_H

#include "broker/replica/partition.h"

/* What the leader knows of another replica. */
struct remote {
    int32_t id;
    int64_t end_offset;   /* durable there; -1 = not heard under this leader epoch */
    int64_t log_start;    /* likewise */
    int64_t broker_epoch; /* of its last fetch; -1 = not said */
    int64_t caught_up_ms; /* when it last had all that we had */
    int64_t last_fetch_ms;
    int64_t last_fetch_end; /* our log end at its last fetch */
};

/* UNKNOWN: it was sent, and may have been accepted or may yet be; it is asked again. */
enum proposal_state { PROPOSAL_NONE, PROPOSAL_QUEUED, PROPOSAL_SENT, PROPOSAL_UNKNOWN };

struct partition {
    const struct partition_owner_ops *owner_ops;
    void *owner; /* their first argument */
    const struct replica_deps *deps;
    char *topic;
    struct uuid topic_id;
    int32_t index;
    enum partition_state state;
    bool damaged;   /* offline because its log is, until it can be fetched anew */
    bool full_here; /* our log's disk is nearly full */
    bool late; /* still opening when the broker began to serve: reported as offline until then */
    struct log *log;
    int32_t leader;
    int32_t leader_epoch;
    int32_t partition_epoch;
    int32_t min_insync;
    int64_t high_watermark;
    int64_t epoch_start_offset; /* our log end when this leadership began */
    int64_t joiner_log_start;   /* who joins the in-sync set has made its log start at least that */
    struct image_ids replicas;
    struct image_ids isr;     /* as the controller last said */
    struct image_ids offline; /* likewise: replicas that can't serve */
    struct image_ids full;    /* likewise: those whose disk is nearly full */
    bool emptied;             /* likewise: the last member may have lost its records, */
    int64_t emptied_epoch;    /* all of which it had under this broker epoch; 0 = not known */
    struct image_ids elr;     /* likewise: those that may lead cleanly without being members */
    struct remote *remotes;   /* the replicas but us */
    int32_t remote_count;
    enum proposal_state proposal;
    struct image_ids proposed; /* what we asked for */
    int64_t *proposed_epochs;  /* the broker epoch under which each member was heard then */
    struct list waits;         /* struct partition_wait */
    struct list interests;     /* struct partition_interest */
    struct list propose_link;  /* in the queue of isr_proposals.c */
    struct list settle_link;   /* in the manager's queue of partitions to advance */
    struct fetch_slot *fetch;  /* the fetcher's, while we follow */
    /* The topic has this replica's copying held to the broker's rate: what others copy from us
     * while we lead, what we copy while we follow. */
    bool throttled_leader, throttled_follower;
    struct list throttle_link; /* in the leader's throttle, while its readers wait */
};

/* What holds when it has moved, or has new metadata. */
void partition_check(const struct partition *partition);
/* Tells the interests; they may unlink themselves. */
void partition_tell(struct partition *partition, unsigned change);
/* The high watermark, and who waits for it. */
void partition_advance(struct partition *partition);
/* The high watermark moves up; which changes that is. */
unsigned partition_raise(struct partition *partition, int64_t high_watermark);
void partition_fail_short_isr(struct partition *partition);

#endif

/* The inside of a simulated cluster, for cluster.c, cluster_check.c and cluster_course.c. */
#ifndef SIM_CLUSTER_PRIVATE_H
#define SIM_CLUSTER_PRIVATE_H

#include "base/check.h"
#include "base/logger.h"
#include "base/map.h"
#include "broker/cluster/controller_channel.h"
#include "cluster.h"
#include "cluster_asker.h"
#include "cluster_book.h"
#include "cluster_client.h"
#include "cluster_committed.h"
#include "cluster_consumer.h"
#include "cluster_offsets.h"
#include "cluster_producer.h"
#include "cluster_topics.h"
#include "cluster_txn.h"

enum { CLUSTER_EPOCHS_MAX = 4096 /* leader epochs that one run can see */ };

enum node_stop { NODE_RUNS, NODE_LEAVING, NODE_LEFT, NODE_RESIGNING, NODE_STOPPED };

struct node {
    struct cluster *cluster;
    int id;
    struct sim_node *host;
    struct env *broker_env;
    struct env *controller_env;
    struct logger broker_logger;
    struct logger controller_logger;
    struct config *config;
    struct broker *broker;
    struct controller *controller;
    bool up;
    bool quit;        /* it gave up by itself */
    bool broker_only; /* cluster_leave: the controller goes on */
    bool harmed;      /* cluster_harm, since it was started */
    bool tried;       /* cluster_refuses */
    int64_t clock_ms; /* its wall clock is off by this */
    const char *dirs; /* log.dirs */
    enum node_stop stop;
    bool restored[CLUSTER_PARTITIONS]; /* cluster_restored, and not seen to match since */
    /* What the checker remembers of this process. */
    int32_t hw_epoch[CLUSTER_PARTITIONS]; /* the leadership that `hw` belongs to */
    int64_t hw[CLUSTER_PARTITIONS];
    int64_t matched[CLUSTER_PARTITIONS]; /* its log is the ledger's up to here */
    int64_t ended[CLUSTER_PARTITIONS];   /* its log end after the last event */
    int64_t started[CLUSTER_PARTITIONS]; /* its log start */
    int64_t term_led;                    /* the last one in which it led; -1 = none */
    /* cluster_partition: what it found, and what that depends on. */
    struct partition *found[CLUSTER_PARTITIONS];
    int64_t found_index;
    size_t found_count;
};

/* What was committed: base offset -> digest of the batch, with no gap up to `end`. */
struct ledger {
    struct map batches;
    int64_t end;
    int64_t told; /* a leader that ended, or lost its disk, in the same event had come so far */
};

struct cluster {
    struct sim *sim;
    struct cluster_options options;
    struct node nodes[CLUSTER_NODES];
    struct sim_node *client_host;
    struct env *client_env;
    unsigned clients; /* that run */
    struct cluster_client *writer;
    struct cluster_client *noise[2];
    struct cluster_producer *producer;
    struct cluster_consumer *consumer;
    struct cluster_topics *topics;
    struct cluster_asker *asker;
    struct cluster_book *book; /* of the transactions */
    struct cluster_txn *txn;
    struct cluster_committed *committed;
    struct cluster_offsets *offsets;
    int64_t pause_ms; /* of the clients */
    int64_t paused_until_us;
    int64_t disturbed_us; /* when something was last done to it */
    bool troubled;        /* something goes on */
    bool settled;         /* the in-sync sets have been full since then: they must stay so */
    unsigned checks;
    bool topic_made;
    bool reassigned[CLUSTER_PARTITIONS]; /* replicas may go */
    struct controller_call create;
    bool creating;
    struct controller_call chore; /* cluster_ask */
    bool asking;
    struct map term_leaders; /* term -> the node whose controller led in it */
    struct ledger ledger[CLUSTER_PARTITIONS];
    int8_t leader_of[CLUSTER_PARTITIONS][CLUSTER_EPOCHS_MAX]; /* node + 1; 0 = none seen */
    int64_t shown[CLUSTER_PARTITIONS][CLUSTER_EPOCHS_MAX];    /* end that consumers were told of */
    int32_t epoch_max[CLUSTER_PARTITIONS];
    char problem[1024];
};

/* The replicas at node i, one of each partition or NULL; NULL when it is down. */
struct partition *const *cluster_partitions(struct cluster *cluster, int i);

/* ---- cluster_check.c ---- */

void cluster_check_init(struct cluster *cluster);
void cluster_check_close(struct cluster *cluster);
/* A new process: what was remembered of the old one does not hold. */
void cluster_check_started(struct cluster *cluster, int i);
/* After every event, which took effect at node i. */
bool cluster_check(struct cluster *cluster, int i);
/* Before a process is released that ended in the event at node i: what it may have acknowledged in
 * that event. */
void cluster_check_ended(struct cluster *cluster, int i);
/* In-sync sets that are full stay so while nobody disturbs. */
bool cluster_check_sets(struct cluster *cluster);
/* Walks the batches of a replica in [from, end): fn returns false to stop. False when that happened
 * or the log could not be read. */
bool cluster_each_batch(struct partition *partition, int64_t from, int64_t end,
                        bool (*fn)(void *data, const struct batch *batch), void *data);
/* Every replica against what the clients know and against the ledger. */
bool cluster_check_end(struct cluster *cluster);

#endif

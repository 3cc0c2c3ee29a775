/* Three whole nodes, broker and controller each, in one simulated world, with clients that write
 * and read and a checker that looks at what an event may have changed.
 * README.md tells the rules. */
#ifndef SIM_CLUSTER_H
#define SIM_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/replica/partition.h"
#include "common/meta/channel.pb-c.h"
#include "meta/image.h"
#include "sim.h"

enum { CLUSTER_NODES = 3, CLUSTER_PARTITIONS = 2, CLUSTER_BROKER_PORT = 9092 };

extern const char cluster_topic[]; /* the topic of all that is done here */

struct cluster;

struct cluster_options {
    uint64_t seed;
    int min_insync; /* of the topic; 0 = 1 */
    bool unclean;   /* unclean.leader.election.enable of the topic: acknowledged records may go, so
                     * what was committed is not compared */
    bool quits;     /* a process that gives up by itself dies; else that is a broken rule */
    bool restores;  /* the test puts older copies of the controllers back: terms come again */
    bool forgetful; /* no ledger: the test deletes what was committed */
    int dirs;       /* log.dirs of each node; 0 = 1 */
    bool expiry;    /* records of half a day ago expire; none is so old */
    bool few_files; /* few segments stay open */
    bool eligible;  /* eligible.leader.replicas.version goes up and down */
    bool no_sessions;       /* brokers have no room for a fetch session */
    int64_t lag_ms;         /* replica.lag.time.max.ms; 0 = 1500 */
    int64_t pause_ms;       /* of the clients between two batches; 0 = 5 */
    int32_t txn_timeout_ms; /* of transactions; 0 = there are none */
    bool late;              /* some of their requests arrive late, and twice */
    bool tell;              /* prints what happens, in words */
};

/* The world and three running nodes. */
struct cluster *cluster_new(const struct cluster_options *options);
void cluster_free(struct cluster *cluster);
struct sim *cluster_sim(struct cluster *cluster);
struct sim_node *cluster_node(struct cluster *cluster, int i);
/* The host of the clients, and a loop on it. */
struct sim_node *cluster_client_node(struct cluster *cluster);
struct env *cluster_client_env(struct cluster *cluster);

/* Runs until the topic is there with every in-sync set full. False when that takes more than
 * `limit_ms` of virtual time. */
bool cluster_ready(struct cluster *cluster, int64_t limit_ms);
/* Runs on, checking after every step. False when a rule is broken (cluster_problem tells). */
bool cluster_run(struct cluster *cluster, int64_t ms);
/* The same for one event. */
bool cluster_step(struct cluster *cluster);

/* ---- clients that go on by themselves ---- */

enum cluster_clients {
    CLUSTER_WRITER = 1,   /* acks=all, one batch at a time, never repeated */
    CLUSTER_PRODUCER = 2, /* idempotent, acks=all, five in flight, repeats until acknowledged */
    CLUSTER_NOISE = 4,    /* acks=1 and acks=0, nobody minds what becomes of it */
    CLUSTER_CONSUMER = 8, /* reads from leaders and followers, and again what it has read */
    CLUSTER_TOPICS = 16,  /* make and delete a topic when they are asked to */
    CLUSTER_ASKER = 32,   /* asks for metadata */
    CLUSTER_CLIENTS = 63,
    CLUSTER_TXN = 64 /* transactional producers, and a reader of what they commit */
};
void cluster_start_clients(struct cluster *cluster, unsigned which);
/* Their pause between two batches from now on; 0 = that of the options again. */
void cluster_set_pause(struct cluster *cluster, int64_t pause_ms);
/* A client was told that its batch stands at this offset: it must be committed by then. */
void cluster_acknowledged(struct cluster *cluster, int p, int64_t offset);
/* Batches acknowledged to writer and producer so far, in partition p, or in all (p = -1). */
int64_t cluster_acked(const struct cluster *cluster, int p);
/* Transactions whose end was answered. */
int64_t cluster_ended(const struct cluster *cluster);

/* ---- faults ---- */

bool cluster_is_up(const struct cluster *cluster, int i);
/* It is up and the controller counts on it. */
bool cluster_serves(const struct cluster *cluster, int i);
bool cluster_is_stopping(const struct cluster *cluster, int i);
void cluster_kill(struct cluster *cluster, int i, bool power);
/* The machine loses its power, whether or not the node is up. */
void cluster_power_cut(struct cluster *cluster, int i);
/* log.dirs from the next start on. */
void cluster_set_dirs(struct cluster *cluster, int i, const char *dirs);
const char *cluster_dirs(const struct cluster *cluster, int i);
/* Tries a start of a node that is down, which must not succeed; it is down again afterwards. */
bool cluster_refuses(struct cluster *cluster, int i);
/* The wall clock of the node. A process does not start with one that is far ahead. */
void cluster_set_clock(struct cluster *cluster, int i, int64_t offset_ms);
/* A fault of the disk or of memory reached the process: it may give up by itself, and the end of
 * the run starts it anew. */
void cluster_harm(struct cluster *cluster, int i);
/* The folders of its topics are older copies now: they may end with what was never committed, which
 * counts for nothing while the leader has not made the node cut it, or taken it into the set. */
void cluster_restored(struct cluster *cluster, int i);
/* Something was done to the cluster just now, or (`lasting`) goes on until the next call: for a
 * while in-sync sets may change. */
void cluster_disturb(struct cluster *cluster, bool lasting);
/* With `tell`: prints time, node (-1 none) and words. */
void cluster_note(const struct cluster *cluster, int i, const char *format, ...) PRINTF_LIKE(3, 4);
void cluster_restart(struct cluster *cluster, int i);
/* Controlled shutdown, as on SIGTERM: the node is up until it is done. */
void cluster_stop(struct cluster *cluster, int i);
/* Only the broker's half of it: the controller stays. The broker is done when cluster_broker_left.
 */
void cluster_leave(struct cluster *cluster, int i);
bool cluster_broker_left(const struct cluster *cluster, int i);
/* Ends the controller of a node and leaves its broker; only cluster_kill brings it back. */
void cluster_kill_controller(struct cluster *cluster, int i);
/* sim_node_pause; the end of the run waits for it. */
void cluster_pause(struct cluster *cluster, int i, int64_t ms);

/* ---- looking ---- */

/* Which node is the active controller; -1 none. Which leads partition p, by the highest epoch; -1
 * none. */
int cluster_active(const struct cluster *cluster);
/* The active controller at node i (-1: none) hands its office on; runs for `ms`. False when a rule
 * was broken. */
bool cluster_yield(struct cluster *cluster, int i, int64_t ms);
/* Whether its controller was elected; it may not be active yet. */
bool cluster_leads_term(const struct cluster *cluster, int i);
int cluster_leader(struct cluster *cluster, int p);
/* NULL when the node is down or has no such replica. */
struct partition *cluster_partition(struct cluster *cluster, int i, int p);
/* What the metadata of node i says; NULL when it knows no such partition. */
const struct image_topic *cluster_topic_at(const struct cluster *cluster, int i);
const struct image_partition *cluster_record(const struct cluster *cluster, int i, int p);
/* The record with the highest partition epoch that any running broker or controller has applied. */
const struct image_partition *cluster_newest(const struct cluster *cluster, int p);
/* Whether node i leads partition p, and nobody has led it in a later epoch, who may be down now. */
bool cluster_leads_last(const struct cluster *cluster, int p, int i);
bool cluster_in_isr(const struct cluster *cluster, int p, int i);
int64_t cluster_end(struct cluster *cluster, int i, int p); /* log end; -1 without a log */
int64_t cluster_hw(struct cluster *cluster, int i, int p);
struct broker *cluster_broker(const struct cluster *cluster, int i);
struct controller *cluster_controller(const struct cluster *cluster, int i);
/* All nodes up, every in-sync set full, and no replica being moved. */
bool cluster_is_full(const struct cluster *cluster);
/* The same, all replicas at the same end and high watermark, and none where the metadata names
 * none. */
bool cluster_is_whole(struct cluster *cluster);

/* Sends a command through broker i and runs until it is answered. The reply is the caller's to free
 * (meta__command_reply__free_unpacked); NULL when none came in `limit_ms`. */
Meta__CommandReply *cluster_command(struct cluster *cluster, int i, Meta__Command *command,
                                    int64_t limit_ms);

/* Sends a command by itself, through a broker that runs; nobody waits for the answer. Nothing while
 * the last one is on its way. */
void cluster_ask(struct cluster *cluster, Meta__Command *command);

/* An election of the preferred replica, or an unclean one, through any broker. */
void cluster_elect(struct cluster *cluster, int p, bool unclean);

/* Moves partition p of a topic to other replicas; none: ends the move that is under way. */
void cluster_reassign(struct cluster *cluster, const char *name, int p, const int32_t *replicas,
                      int count);
/* Whether transactional producers run, so that the coordinators have topics. */
bool cluster_has_txn(const struct cluster *cluster);

/* The next batch of a client with an own number is as large as this. */
/* Whether the options have eligible replicas. */
bool cluster_has_eligible(const struct cluster *cluster);
/* Asks once for another level of a feature, whose highest one here is `highest`. */
void cluster_set_level(struct cluster *cluster, const char *feature, int level, int highest);
struct cluster_topics *cluster_topics(struct cluster *cluster); /* NULL when it does not run */
void cluster_enlarge(struct cluster *cluster, int bytes);

/* ---- the end ---- */

/* Compares the replicas that are up, below their high watermarks. */
bool cluster_check_logs(struct cluster *cluster);
/* What the clients saw so far breaks no rule. */
bool cluster_check_seen(struct cluster *cluster);
/* Ends all faults and starts every node; then every running client must get on within `live_ms`
 * (0 = not asked), all replicas must become whole within `whole_ms`, and everything is compared. */
bool cluster_finish(struct cluster *cluster, int64_t live_ms, int64_t whole_ms);

/* Notes a broken rule, the first one; always false. */
bool cluster_fail(struct cluster *cluster, const char *format, ...) PRINTF_LIKE(2, 3);
/* The broken rule in words; "" when all is well. */
const char *cluster_problem(const struct cluster *cluster);

#endif

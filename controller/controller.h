/* The controller: the metadata quorum of Millrace in one object, run by the controller loop.
 *
 * A voter takes part in Raft; the one that leads is the active controller: it registers brokers,
 * watches that they live, turns commands into records and streams the committed records to the
 * brokers. Brokers reach it only through the controller listener (common/meta/channel.proto), also
 * the broker of the same process. */
#ifndef CONTROLLER_CONTROLLER_H
#define CONTROLLER_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/logger.h"
#include "base/uuid.h"
#include "env/env.h"

struct controller;
struct frame_opening;

struct controller_voter {
    int32_t id;
    const char *host;
    uint16_t port;
};

/* Whether a node joins a quorum by itself. */
enum controller_joins {
    CONTROLLER_JOINS_TO_THREE, /* while it has fewer than three voters */
    CONTROLLER_JOINS_ALWAYS,
    CONTROLLER_JOINS_NEVER /* a person adds it */
};

struct controller_config {
    int32_t node_id;
    const char *dir;                       /* log, term, vote and snapshots; made if absent */
    const char *listen_host;               /* NULL = any */
    uint16_t listen_port;                  /* 0 = a free one */
    const struct controller_voter *voters; /* controller.quorum.voters; itself among them */
    int voter_count;                       /* 1 = a cluster of its own */
    /* The settings name no voters: they are those of the log, which may change. `voters` is then
     * this node alone, where the others reach it. */
    bool changes;
    enum controller_joins joins;
    struct uuid directory_id; /* zero: not known */
    /* controller.quorum.bootstrap.servers, in any order; their ids are not known. Without any the
     * node founds a quorum at once if `dir` is empty. */
    const struct controller_voter *servers;
    int server_count;
    int own_server;         /* which of them is this node; -1: none that is known as such */
    bool servers_supposed;  /* nobody has named them: who finds none of them there goes on alone */
    const char *cluster_id; /* of the log directories, "" when new: the first active controller
                             * then makes one */
    bool found_known;       /* an empty `dir` is right although the cluster id is known; else it
                             * is refused as a lost one */
    /* The features of the cluster if this node founds it; borrowed; NULL: the newest. */
    const struct features_levels *founding;
    int64_t heartbeat_ms; /* Raft */
    int64_t election_timeout_ms;
    int64_t broker_session_timeout_ms; /* broker.session.timeout.ms */
    int32_t default_partitions;        /* num.partitions */
    int16_t default_replication_factor;
    int32_t min_insync_replicas; /* the brokers' default, for topics without the setting */
    bool auto_leader_rebalance;
    int64_t leader_rebalance_check_ms; /* leader.imbalance.check.interval.seconds */
    int32_t leader_imbalance_percent; /* leader.imbalance.per.broker.percentage; 0 = none is left */
    int64_t snapshot_entries;         /* entries between snapshots */
    /* This node's file, for what topics and brokers are not given (unclean.leader.election.enable);
     * borrowed. NULL = nothing is in it. */
    const struct config *settings;
    /* What the settings of this node say of topics: one by one from i = 0, borrowed; false at the
     * end. NULL = nothing is said. */
    bool (*topic_default)(void *data, size_t i, const char **key, const char **value,
                          bool *from_file);
    void *topic_default_data;
    /* A disk error, or another one after which Raft must not go on. The controller has logged it
     * and does nothing any more. NULL = the process ends at once with status 1. */
    void (*fail_stop)(void *data, const char *sentence);
    void *fail_data;
    /* A client of Kafka's protocol has come to the listener: the connection is the callee's. It
     * comes on the loop. NULL: such clients are turned away. */
    void (*client)(void *data, struct frame_opening *opening);
    void *client_data;
};

/* Opens the log (loading snapshot and entries) and starts listening and voting. Strings are copied.
 * On an error `problem` gets one sentence that names the directory or port and the remedy. */
int controller_new(struct env *env, struct logger *logger, const struct controller_config *config,
                   struct buf *problem, struct controller **controller) MUST_CHECK;
bool controller_is_active(const struct controller *controller);
/* This node's file was read again: `settings` in place of those of controller_config, where they
 * were given; borrowed. */
void controller_reload(struct controller *controller, const struct config *settings);
/* Writes what it knows into the log, at any level. */
void controller_say_state(struct controller *controller);
/* Hands leadership on if it leads, stops, then calls `done`; only controller_free may follow. */
void controller_stop(struct controller *controller, void (*done)(void *data), void *data);
/* Frees; without controller_stop this is what a crash leaves. */
void controller_free(struct controller *controller);

#endif

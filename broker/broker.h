/* One Kafka broker: everything that it owns hangs off `struct broker`, and all of it belongs to the
 * broker loop. Modules receive the part that they need; handlers receive the broker. */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/logger.h"
#include "base/uuid.h"
#include "broker/cluster/live_settings.h"
#include "broker/cluster/metadata.h"
#include "broker/state_dump.h"
#include "common/meta/channel.pb-c.h"
#include "config/config.h"
#include "env/env.h"
#include "env/line_limit.h"

struct broker_lines;
struct controller_channel;
struct group_manager;
struct fetch_sessions;
struct log_manager;
struct metadata;
struct partition_log;
struct partitions;
struct request_trace;
struct producer_ids;
struct quotas;
struct replica_manager;
struct server;
struct telemetry;
struct txn_manager;
struct txn_verifier;

struct broker {
    struct env *env;
    struct logger *logger;
    struct logger loggers[LOGGER_AREAS]; /* for its parts, by area */
    struct logger_levels *levels;        /* of the process; NULL = they can't be changed */
    const struct config *config;
    int32_t node_id;
    bool at_controller;      /* no broker, but what broker/door.c makes for its handlers */
    struct uuid incarnation; /* of this process */
    struct metadata *metadata;
    struct metadata_listener listener; /* keeps how far it has come */
    struct live_settings *live;        /* in force, from the metadata and the file */
    struct live_subscriber configured; /* log cleaner, connections, groups */
    struct controller_channel *channel;
    struct log_manager *logs;
    struct replica_manager *replicas;
    struct partitions *partitions; /* of the replicas */
    struct fetch_sessions *fetch_sessions;
    struct producer_ids *producer_ids;
    struct server *server;
    struct request_trace *request_trace;
    struct quotas *quotas;             /* of its clients */
    struct telemetry *telemetry;       /* metrics that clients push */
    struct line_limit client_lines;    /* of what clients' connections and requests can cause */
    struct line_limit group_lines;     /* of what members of groups can cause */
    struct line_limit role_lines;      /* of what comes once a partition: a start has thousands */
    struct partition_log *offsets_log; /* __consumer_offsets, for the groups */
    struct group_manager *groups;
    struct line_limit txn_lines;       /* of what transactional producers can cause */
    struct partition_log *txn_log;     /* __transaction_state, for the transactions */
    struct broker_lines *marker_lines; /* on which they are ended in other brokers */
    struct line_numbers *line_numbers; /* and on which others end theirs here */
    struct txn_manager *txns;
    struct broker_lines *verifier_lines; /* on which the coordinators of others are asked */
    struct txn_verifier *txn_verifier;
    Meta__Register *registration;
    enum broker_state { BROKER_STARTING, BROKER_SERVING, BROKER_LEAVING, BROKER_CLOSING } state;
    int64_t started_us;
    bool cluster_awaited;         /* no descriptor was there to store the cluster's id: said */
    struct env_timer leave_timer; /* bounds the wait for leaders to move away */
    int64_t leave_since_us;       /* the start of that wait */
    struct state_dump dump;
    struct env_timer close_timer; /* then all that uses the logs goes, and they are closed */
    int64_t alone_since_us;       /* since when no controller hears us; 0: one does */
    void (*stopped)(void *data);
    void *stopped_data;
    void (*failed)(void *data);
    void *failed_data;
};

/* Locks the log directories, starts listening and looks for the controller. `config` is borrowed,
 * `logger` copied, but for its levels. On an error `problem` gets one sentence that names the file
 * or port, the setting and the remedy. `failed` is called (on the loop, the reason is logged) when
 * the broker can't go on: refused by the cluster, or every log directory is broken. */
int broker_new(struct env *env, struct logger *logger, const struct config *config,
               void (*failed)(void *data), void *data, struct buf *problem,
               struct broker **broker) MUST_CHECK;
/* Controlled shutdown: asks the controller to move leaders away (waiting a bounded time for it),
 * ends everything that uses the logs, closes them, then calls `stopped`; only broker_free may
 * follow. From the next turn of the loop on, all parts but `metadata`, `live` and `logs` are
 * NULL. */
void broker_stop(struct broker *broker, void (*stopped)(void *data), void *data);
const char *broker_state_name(const struct broker *broker);
/* Frees; without broker_stop this is what a crash leaves. */
void broker_free(struct broker *broker);

#endif

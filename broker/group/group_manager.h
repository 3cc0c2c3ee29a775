/* The group coordinator: consumer groups of both protocols and their committed offsets.
 *
 * A group lives in one partition of __consumer_offsets, chosen by the hash of its id; the broker
 * that leads the partition coordinates the group. Everything a group must not forget is appended
 * there and answered when it is replicated. On becoming leader a broker reads the partition back,
 * and answers COORDINATOR_LOAD_IN_PROGRESS meanwhile; on losing it all is dropped at once.
 *
 * For handlers: a request is a struct that the handler fills and keeps until `done`, which comes
 * exactly once, perhaps before the call returns. The slices of the response are borrowed: encode it
 * inside `done`, and call nothing of this header there. Sources: the Kafka protocol guide, KIP-62,
 * 134, 211, 345, 394, 447, 496, 814 and 848. */
#ifndef BROKER_GROUP_GROUP_MANAGER_H
#define BROKER_GROUP_GROUP_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/logger.h"
#include "broker/cluster/metadata.h"
#include "broker/coordinator/machine.h"
#include "broker/group/txn_guards.h"
#include "config/config_group.h"
#include "env/env.h"
#include "kafka/messages/consumer_group_describe.h"
#include "kafka/messages/consumer_group_heartbeat.h"
#include "kafka/messages/delete_groups.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/heartbeat.h"
#include "kafka/messages/join_group.h"
#include "kafka/messages/leave_group.h"
#include "kafka/messages/list_groups.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_delete.h"
#include "kafka/messages/offset_fetch.h"
#include "kafka/messages/sync_group.h"
#include "kafka/txn_marker.h"

struct config;
struct expression;
struct group_manager;
struct machine_deps;
struct matcher;
struct shard;
struct sweep;

#define GROUP_OFFSETS_TOPIC "__consumer_offsets"

enum group_migration { /* bits */
                       GROUP_MIGRATION_UPGRADE = 1,
                       GROUP_MIGRATION_DOWNGRADE = 2
};

/* Partitions, members and subscriptions together: some milliseconds. Above that, assignors run on
 * the worker pool. */
enum { GROUP_ASSIGN_AT_ONCE_MAX = 10000 };

/* Offsets of one commit that are written in one turn, and taken over in one when they are stored:
 * some milliseconds. */
enum { GROUP_COMMIT_AT_ONCE_MAX = 2000 };

/* The settings group.* and offsets.*, times in ms. */
struct group_settings {
    int64_t session_min_ms;
    int64_t session_max_ms;
    int64_t initial_rebalance_delay_ms;
    int64_t max_size;
    int64_t offset_metadata_max;
    int64_t retention_ms;
    int64_t retention_check_ms;
    int64_t commit_timeout_ms;
    /* Of groups that have no such settings of their own, which have limits. */
    int64_t consumer_session_ms;
    int64_t consumer_heartbeat_ms;
    int64_t consumer_assignment_ms; /* between two assignments of a group */
    int64_t consumer_min[CONFIG_GROUP_SETTINGS];
    int64_t consumer_max[CONFIG_GROUP_SETTINGS];
    int64_t consumer_max_size;
    int64_t commit_at_once_max; /* offsets */
    int64_t assign_at_once_max; /* steps of an assignor that the loop takes itself */
    int64_t memory_max;         /* what all groups take: group.coordinator.memory.max.bytes */
    unsigned migration;         /* enum group_migration */
    bool consumer_enabled;      /* group.coordinator.rebalance.protocols */
    const char *assignors;      /* "uniform,range"; the first is the default */
};

void group_settings_read(struct group_settings *settings, const struct config *config);

/* Everything is borrowed and outlives the manager. */
struct group_manager_deps {
    struct env *env;
    struct logger *logger;
    struct metadata *metadata;
    struct group_settings settings;
    const struct coordinator_log_ops *log;
    void *log_data;
};

struct group_manager *group_manager_new(const struct group_manager_deps *deps);
/* Counts from the next look at each group on. */
void group_manager_set_assignment_interval(struct group_manager *manager, int64_t interval_ms);
/* Who waits is told COORDINATOR_NOT_AVAILABLE. */
void group_manager_free(struct group_manager *manager);

/* Appends how many groups there are and what they hold, for people. */
void group_manager_summarise(const struct group_manager *manager, struct buf *out);

/* A partition of __consumer_offsets became ours to lead, or is ours no longer. Hearing the same
 * twice is fine: leading again under a new epoch loads anew. */
void group_manager_leader_changed(struct group_manager *manager, int32_t partition, bool leader);

/* ---- the classic protocol ---- */

struct group_join {
    const struct join_group_request *request;
    int16_t version;
    struct wire_str client_id;
    const char *client_host;
    struct arena *arena;
    struct join_group_response response;
    void (*done)(struct group_join *join);
    char *made_id; /* the coordinator's: an id that no member holds yet */
};
void group_manager_join(struct group_manager *manager, struct group_join *join);

struct group_sync {
    const struct sync_group_request *request;
    int16_t version;
    struct arena *arena;
    struct sync_group_response response;
    void (*done)(struct group_sync *sync);
};
void group_manager_sync(struct group_manager *manager, struct group_sync *sync);

/* The error to answer. */
int group_manager_heartbeat(struct group_manager *manager,
                            const struct heartbeat_request *request) MUST_CHECK;

enum { GROUP_SYNC_NAMES_VERSION = 5 }; /* from here on a sync must name the protocol */
enum { GROUP_LEAVE_LIST_VERSION = 3 }; /* from here on a list of members leaves */
struct group_leave {
    const struct leave_group_request *request;
    int16_t version;
    struct arena *arena;
    struct leave_group_response response;
    void (*done)(struct group_leave *leave);
};
void group_manager_leave(struct group_manager *manager, struct group_leave *leave);

/* ---- offsets ---- */

/* Of OffsetCommit, or of TxnOffsetCommit in the same form: then the offsets count when the marker
 * of the producer's transaction comes, and the member need not be named. */
struct group_commit {
    const struct offset_commit_request *request;
    int16_t version; /* of OffsetCommit; of a transaction's: see GROUP_TXN_COMMIT_VERSION */
    struct arena *arena;
    bool transactional;
    int64_t producer_id; /* of the transaction, and its epoch */
    int16_t producer_epoch;
    struct txn_guard guard; /* see group_manager_guard */
    struct offset_commit_response response;
    void (*done)(struct group_commit *commit);
    struct commit *impl; /* the coordinator's, while it waits */
};
/* A transaction's commit in the words of OffsetCommit: TxnOffsetCommit knows topic ids from v6 on,
 * as OffsetCommit does from v10 on, and before it the errors of OffsetCommit v8. */
enum { GROUP_TXN_COMMIT_VERSION = 8, GROUP_TXN_COMMIT_IDS_VERSION = 10 };
/* What is not written when the guard breaks is answered ERR_INVALID_TXN_STATE. */
void group_manager_commit(struct group_manager *manager, struct group_commit *commit);
/* A transactional one, before the coordinator of its transaction is asked about it: what that says
 * counts as long as no marker of the producer is written here. 0, or why its group is not
 * coordinated here. The guard is gone with `done`, or with txn_guard_clear. */
int group_manager_guard(struct group_manager *manager, struct group_commit *commit) MUST_CHECK;
/* Such a marker was written; whether it could be asked about anew tells group_manager_guard. */
bool group_manager_is_outdated(const struct group_commit *commit);

/* The marker of a transaction that may have committed offsets in a partition of __consumer_offsets:
 * written through the partition's coordinator, so that memory changes in the order of the log. */
struct group_marker {
    int32_t partition;
    struct txn_marker marker;
    bool bumped; /* of transaction.version 2: see log.h */
    int err;     /* the answer: 0 when it is replicated and the offsets are decided; an error of a
                  * partition, in Kafka's words for who writes markers */
    void (*done)(struct group_marker *marker);
    struct machine_write write; /* the coordinator's */
};
void group_manager_write_marker(struct group_manager *manager, struct group_marker *marker);

struct group_fetch {
    const struct offset_fetch_request_offset_fetch_request_group *request; /* the form of v8 */
    bool by_id;                                                            /* v10: topics by id */
    bool require_stable;
    bool check_member; /* v9: the member epoch is checked */
    struct arena *arena;
};
/* Fills the answer for one group. */
void group_manager_fetch(struct group_manager *manager, const struct group_fetch *fetch,
                         struct offset_fetch_response_offset_fetch_response_group *response);

struct group_offset_delete {
    const struct offset_delete_request *request;
    struct arena *arena;
    struct offset_delete_response response;
    void (*done)(struct group_offset_delete *op);
};
void group_manager_delete_offsets(struct group_manager *manager, struct group_offset_delete *op);

/* ---- administration ---- */

/* The groups that this broker coordinates; `done` comes in a later turn of the loop. */
struct group_list {
    const struct list_groups_request *request;
    struct arena *arena;                          /* for names */
    bool (*heard)(const struct group_list *list); /* whether anybody waits for it; may be NULL */
    void (*done)(struct group_list *list);
    struct list_groups_response response;
    struct list_groups_response_listed_group *groups; /* of it: freed by whoever is told */
    /* The rest is the lister's. */
    struct list link;
    int32_t room;
    unsigned states; /* asked for, as bits */
    unsigned types;
};
void group_manager_list(struct group_manager *manager, struct group_list *list);
void group_manager_describe(struct group_manager *manager, struct wire_str group_id,
                            int16_t version, struct arena *arena,
                            struct describe_groups_response_described_group *response);

struct group_delete {
    const struct delete_groups_request *request;
    struct arena *arena;
    struct delete_groups_response response;
    void (*done)(struct group_delete *op);
};
void group_manager_delete(struct group_manager *manager, struct group_delete *op);

/* ---- the consumer protocol (KIP-848) ---- */

struct group_consumer_heartbeat {
    const struct consumer_group_heartbeat_request *request;
    int16_t version;
    struct wire_str client_id;
    const char *client_host;
    struct arena *arena;
    struct consumer_group_heartbeat_response response;
    void (*done)(struct group_consumer_heartbeat *heartbeat);
    struct expression *expression; /* the coordinator's, NULL before */
};
void group_manager_consumer_heartbeat(struct group_manager *manager,
                                      struct group_consumer_heartbeat *heartbeat);
void group_manager_consumer_describe(struct group_manager *manager, struct wire_str group_id,
                                     struct arena *arena,
                                     struct consumer_group_describe_response_described_group *out);

/* ---- for groups ---- */

/* Counts the changes of the set of topics, of their partitions, and of what expressions match;
 * never 0. */
uint64_t group_manager_topics(const struct group_manager *manager);
/* Memory of groups, members and offsets comes or goes. */
void group_manager_charge(struct group_manager *manager, int64_t bytes);
bool group_manager_has_room(const struct group_manager *manager);
struct sweep *group_manager_sweep(struct group_manager *manager);
struct lister *group_manager_lister(struct group_manager *manager);
struct matcher *group_manager_matcher(const struct group_manager *manager);
const struct group_manager_deps *group_manager_deps(const struct group_manager *manager);
const struct machine_deps *group_manager_machine_deps(const struct group_manager *manager);

#endif

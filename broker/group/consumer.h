/* A group of the consumer protocol (KIP-848).
 *
 * The group has an epoch, which rises when members, subscriptions or topics change; the target
 * assignment is made for an epoch; each member moves to the target on its own:
 *
 *                 has to give something up        told to, and did
 *      STABLE -----------------------------> UNREVOKED ------------+
 *        ^  \                                                      |
 *        |   +---- wants what others still have ----> UNRELEASED <-+
 *        +------------- all of it is free now -----------+
 *
 * What a heartbeat changes is changed in memory and appended at once; the answer leaves when all
 * that was appended to the shard before is replicated. Members of the classic protocol may be in
 * the group while it migrates: their joins and heartbeats are translated (consumer_classic.c).
 * Sources: KIP-848; KIP-1043 (types); the records of log-consumer-offsets (keys 3 to 8 and 16). */
#ifndef BROKER_GROUP_CONSUMER_H
#define BROKER_GROUP_CONSUMER_H

#include "base/siphash.h"
#include "broker/group/classic.h"
#include "broker/group/group.h"
#include "broker/group/matcher.h"
#include "broker/group/partition_set.h"
#include "broker/group/subscription.h"

/* As stored. */
enum consumer_member_state { CONSUMER_STABLE = 0, CONSUMER_UNREVOKED = 1, CONSUMER_UNRELEASED = 2 };

enum {
    CONSUMER_BIRTH_EPOCH = 1, /* of a group; the first subscription raises it */
    CONSUMER_JOIN_EPOCH = 0,
    CONSUMER_LEAVE_EPOCH = -1,
    CONSUMER_AWAY_EPOCH = -2 /* a static member that left for a while */
};

struct consumer_member {
    struct list link;
    struct consumer *consumer;
    char *id;
    char *instance_id; /* NULL = dynamic */
    char *rack_id;     /* NULL = none */
    char *client_id;
    char *client_host;
    struct consumer_list *list; /* NULL = no names */
    char *pattern;              /* NULL = none */
    char *assignor;             /* NULL = the default */
    int32_t rebalance_ms;
    int32_t epoch;
    int32_t previous_epoch;
    enum consumer_member_state state;
    struct partition_set assigned;
    struct partition_set revoking;
    struct partition_set target;
    int64_t charged;  /* memory */
    bool placeholder; /* made by a record before the one that says who it is */
    bool classic;
    int32_t session_ms;                 /* of a classic member */
    struct classic_protocols protocols; /* of a classic member */
    struct env_timer session_timer;
    struct env_timer rebalance_timer; /* it must have revoked, rejoined or synced by then */
};

/* What one member may say about itself: its record must fit into a batch, and one that does not
 * would hold up the whole shard. */
enum { CONSUMER_WORDS_MAX = 256 << 10 };

/* Different expressions of one group: its members mostly share one. */
enum { CONSUMER_PATTERNS_MAX = 100 };

/* While a target is made: the indexes of topics that a list or an expression stands for. */
struct consumer_indexes {
    int32_t *items; /* NULL = not looked up */
    int32_t count;
};

/* An expression and how many members have it. */
struct consumer_pattern {
    struct expression *expression;
    int32_t users;
    struct consumer_indexes indexes;
};

/* Names that members subscribe to, sorted, once each. Most members of a group have the same ones,
 * which are kept and looked up once. */
struct consumer_list {
    struct siphash hash; /* of the names: stands for them */
    char **names;
    size_t count;
    int64_t bytes; /* of memory, about */
    int32_t users;
    struct consumer_indexes indexes;
};

struct target_job;

struct consumer {
    struct group *group;
    int32_t epoch;
    int32_t target_epoch;
    struct target_job *job; /* makes a target on the worker pool; NULL = none */
    struct list waits;      /* heartbeats that wait for the job (consumer_heartbeat.c) */
    int64_t target_ms;      /* wall clock: when the target was made; 0 = not yet */
    int64_t metadata_hash;  /* of the subscribed topics, as of `epoch` */
    uint64_t topics_seen;   /* the manager's count of changes when the hash was compared */
    int64_t empty_since_ms; /* wall clock */
    struct list members;
    int32_t member_count;
    int32_t classic_count;
    struct map by_id;
    struct map by_instance;
    struct map patterns; /* text -> struct consumer_pattern */
    struct map lists;    /* hash -> struct consumer_list */
    uint64_t list_key[2];
};

/* ---- life ---- */

struct consumer *consumer_new(struct group *group);
void consumer_free(struct consumer *consumer);
/* Everything is loaded: sessions run from now on. */
void consumer_start(struct consumer *consumer);

/* What holds between two events. */
void consumer_check(const struct consumer *consumer);
/* From each state into each, as the target and the member's word have it. */
void consumer_member_move(struct consumer_member *member, enum consumer_member_state to);

/* ---- looking at it ---- */

bool consumer_is_empty(const struct consumer *consumer);
/* "Empty", "Assigning", "Reconciling", "Stable". */
const char *consumer_state_name(const struct consumer *consumer);
void consumer_subscribed(const struct consumer *consumer, struct subscribed *subscribed);
int64_t consumer_empty_since_ms(const struct consumer *consumer);
int consumer_check_commit(struct consumer *consumer, struct wire_str member_id,
                          struct wire_str instance_id, int32_t epoch, int16_t version) MUST_CHECK;
/* The same for a transaction's commit by a member. */
int consumer_check_txn_commit(const struct consumer *consumer, struct wire_str member_id,
                              struct wire_str instance_id, int32_t epoch) MUST_CHECK;
int consumer_check_fetch(struct consumer *consumer, struct wire_str member_id,
                         int32_t epoch) MUST_CHECK;

/* ---- classic members of the group ---- */

void consumer_classic_join(struct consumer *consumer, struct group_join *join);
void consumer_classic_sync(struct consumer *consumer, struct group_sync *sync);
int consumer_classic_heartbeat(struct consumer *consumer,
                               const struct heartbeat_request *request) MUST_CHECK;
void consumer_classic_leave(struct consumer *consumer, struct group_leave *leave);
/* consumer_migrate.c. Makes a consumer group of the classic one, whose members stay: NULL, or why
 * the settings or its members do not allow that, as the end of a sentence. */
const char *consumer_upgrade(struct group *group, struct records *records) MUST_CHECK;
/* When only classic members are left and the settings allow it, makes it a classic group; the
 * consumer is gone then. Whether it did. `stable`: the group need not rebalance, if everybody has
 * what they should have. */
bool consumer_try_downgrade(struct consumer *consumer, bool stable, struct records *records);

/* ---- for the files of the consumer group ---- */

/* consumer.c */
struct consumer_member *consumer_find(const struct consumer *consumer, struct wire_str id);
struct consumer_member *consumer_find_instance(const struct consumer *consumer, struct wire_str id);
struct consumer_member *consumer_member_new(struct consumer *consumer, struct wire_str id);
void consumer_member_free(struct consumer_member *member);
void consumer_set_instance(struct consumer_member *member, struct wire_str instance_id);
void consumer_set_classic(struct consumer_member *member, bool classic);
static inline size_t consumer_name_count(const struct consumer_member *member)
{
    return member->list ? member->list->count : 0;
}
/* Takes the names over when they differ; whether they did. */
bool consumer_set_topics(struct consumer_member *member, const struct wire_str *names,
                         int32_t count);
/* NULL = none. Whether it differs. It need not be one that is known to be good. */
bool consumer_set_pattern(struct consumer_member *member, struct wire_str text);
bool consumer_set_text(char **text, struct wire_str to);
/* The group has no room for another expression than those it has. */
bool consumer_has_all_patterns(const struct consumer *consumer, struct wire_str text);
/* It is known of all expressions what they match: before, nothing is decided from topics. */
bool consumer_is_settled(const struct consumer *consumer);
void consumer_touch(struct consumer_member *member);
/* Called when what the member has of memory may have changed. */
void consumer_charge(struct consumer_member *member);
/* The member is gone: its records. Then, once for all that went: the epoch rises, or the group goes
 * back to the classic protocol (under the epoch that its members know) and the consumer is gone. */
void consumer_remove_member(struct consumer_member *member, struct records *records);
void consumer_removed(struct consumer *consumer, struct records *records);
void consumer_raise_epoch(struct consumer *consumer, struct records *records);

/* consumer_target.c */
/* Compares the subscribed topics with what they were; raises the epoch when they changed. `force`:
 * also when the manager has heard of no change. */
void consumer_check_topics(struct consumer *consumer, bool force, struct records *records);
/* The assignor that most members ask for, or the default. */
const char *consumer_assignor_name(const struct consumer *consumer);
/* The target is behind the group's epoch, and may be made again. */
bool consumer_target_is_due(const struct consumer *consumer);
/* Makes the target of the group's epoch if that is due; of a huge group it is made later, by
 * consumer->job. ERR_TOO_LARGE when a member would get more than a record holds: nothing has
 * changed then. */
int consumer_update_target(struct consumer *consumer, struct records *records) MUST_CHECK;
/* The job goes on without the group, which is freed. */
void consumer_leave_job(struct consumer *consumer);
/* Whether a record can hold each member's target. */
bool consumer_targets_fit(const struct consumer *consumer);
/* Moves the member towards its target. `owned` is what it says it has; NULL = it did not say.
 * Whether its assigned partitions changed. */
bool consumer_reconcile(struct consumer_member *member, const struct partition_set *owned,
                        struct records *records);
/* Some of what it waits for is still another's. */
bool consumer_waits_for_others(const struct consumer_member *member);

/* consumer_records.c */
void consumer_put_group(const struct consumer *consumer, struct records *records);
void consumer_put_member(const struct consumer_member *member, struct records *records);
void consumer_put_target_epoch(const struct consumer *consumer, struct records *records);
void consumer_put_target(const struct consumer_member *member, struct records *records);
void consumer_put_current(const struct consumer_member *member, struct records *records);
void consumer_put_member_gone(const struct consumer_member *member, struct records *records);
void consumer_put_tombstones(const struct consumer *consumer, struct records *records);
/* While loading: a record of types 3 to 8 or 16, written at that time. */
void consumer_replay(struct shard *shard, int type, struct wire_bytes key, struct wire_bytes value,
                     int64_t wall_ms, struct arena *arena);

/* consumer_heartbeat.c */
/* The job has made a target, or not: heartbeats that wait for it are answered. Adds to the
 * records. */
void consumer_target_made(struct consumer *consumer, int err, struct records *records);
/* The group is freed: who waits is told to ask again. */
void consumer_fail_waits(struct consumer *consumer);

/* consumer_explain.c. Why the heartbeat is refused with that error; NULL when the code says it all.
 * The group is as it was when that was found, NULL for none. */
const char *consumer_explain(const struct group_manager *manager, const struct group *group,
                             int err, struct group_consumer_heartbeat *beat) MUST_CHECK;

/* consumer_migrate.c */
enum { CONSUMER_ARENA_MAX = 16 << 20 }; /* for what is read or written of a classic member */
/* What the first protocol of a classic member says: topics, and what it has (v1+). ERR_MALFORMED;
 * ERR_INVALID_REQUEST when it says too much. */
int consumer_read_subscription(const struct group *group, const struct classic_protocols *protocols,
                               struct arena *arena,
                               struct consumer_protocol_subscription *subscription,
                               struct partition_set *owned) MUST_CHECK;
/* The member's partitions in the bytes of the consumer protocol, of the version of the member's own
 * subscription. */
int consumer_write_assignment(const struct consumer_member *member, struct buf *out) MUST_CHECK;

/* ---- writing ---- */

/* Whether the shard can be written now; to be asked before anything changes. */
int consumer_check_write(const struct group *group) MUST_CHECK;
/* Appends what was changed (perhaps nothing) and calls done(data, err) when everything up to here
 * is replicated. A failed append means that memory is ahead of the log: the shard is loaded anew.
 */
void consumer_write(struct group *group, struct records *records, void (*done)(void *data, int err),
                    void *data);

#endif

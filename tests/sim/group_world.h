/* The group coordinator over a log in memory, on a virtual clock: what the group tests share.
 *
 * The log keeps Kafka's bytes, so that what was written is what a new coordinator loads. An append
 * is replicated a few milliseconds later, unless the test holds that back or lets it fail. */
#ifndef SIM_GROUP_WORLD_H
#define SIM_GROUP_WORLD_H

#include "base/buf.h"
#include "base/err.h"
#include "broker/group/group_manager.h"
#include "sim.h"

enum { GROUP_WORLD_PARTITIONS = 3, GROUP_WORLD_TEXT = 128, GROUP_WORLD_MEMBERS = 64 };

struct group_world;

struct group_world_log {
    struct group_world *world;
    struct buf bytes;
    size_t safe_len; /* replicated */
    int64_t end;
    struct list waits;
    struct env_timer safe_timer;
    struct coordinator_log_load *load;
    size_t load_end;
    int loads; /* begun so far */
    struct env_timer load_timer;
};

struct group_world {
    struct sim *sim;
    struct sim_node *node;
    struct env *env;
    struct logger logger;
    struct metadata *metadata;
    int64_t metadata_index;
    struct group_manager_deps deps;
    struct group_manager *manager;
    struct group_world_log logs[GROUP_WORLD_PARTITIONS];
    bool hold;          /* nothing becomes safe */
    bool check_passes;  /* the log does not tell ahead that an append will fail */
    size_t batch_max;   /* max.message.bytes of the log */
    int64_t asked_with; /* the most memory of groups while that was looked at */
    int append_error;   /* of the next appends */
    int safe_error;     /* of appends that would become safe */
    int64_t load_ms;
    int32_t assignment_bytes; /* of each part of a sync; 0 = as many as it needs */
    int16_t sync_version;     /* 0 = 4, the last that need not name the protocol; none does */
    bool stable;              /* fetches want offsets that no transaction may change yet */
    bool real_assignments; /* syncs carry a consumer's bytes, of the topic "t", not a bare mask */
    int32_t assignment_words; /* user data in those bytes; -1 = none, as most assignors say */
    struct list calls;        /* freed with the world */
};

/* The logs (group_world_log.c), for group_world_init. */
extern const struct coordinator_log_ops group_world_log_ops;
void group_world_log_init(struct group_world *world, struct group_world_log *log);

/* Assignors run on the worker pool, in worlds that are made from now on. */
extern bool group_world_pool;
/* Serves all partitions; the topic "t" of 8 partitions and "u" of 4 exist. */
void group_world_init(struct group_world *world, uint64_t seed);
void group_world_close(struct group_world *world);
void group_world_run(struct group_world *world, int64_t ms);
/* Until *flag is set, at most so long. */
bool group_world_until(struct group_world *world, const bool *flag, int64_t ms);

void group_world_add_topic(struct group_world *world, const char *name, int32_t partitions);
void group_world_set_feature(struct group_world *world, const char *name, int32_t level);
void group_world_remove_topic(struct group_world *world, const char *name);
struct uuid group_world_topic_id(const struct group_world *world, const char *name);

/* The log's leader goes and comes; `lose_tail`: what was not replicated is gone. */
void group_world_lose(struct group_world *world, int32_t partition, bool lose_tail);
void group_world_lead(struct group_world *world, int32_t partition);
/* All partitions, and the loads are over when it returns. */
void group_world_failover(struct group_world *world, bool lose_tail);
/* The coordinator anew, with the settings as they are now. */
void group_world_restart(struct group_world *world);
int32_t group_world_partition(const char *group);
/* Records of a type in the log of the group's partition; of them tombstones. */
int group_world_count(struct group_world *world, const char *group, int type, int *tombstones);

/* Decodes the value of the newest of them, which is there and no tombstone. */
void group_world_last_value(struct group_world *world, const char *group, int type,
                            const struct wire_desc *desc, struct arena *arena, void *value);

/* ---- requests; each stays until the world is closed ---- */

struct group_world_join {
    struct group_join op;
    struct join_group_request request;
    struct join_group_request_join_group_request_protocol protocols[4];
    struct arena arena;
    char texts[8][GROUP_WORLD_TEXT];
    bool done;
    int err;
    int32_t generation;
    bool skip;
    char member_id[GROUP_WORLD_TEXT];
    char leader[GROUP_WORLD_TEXT];
    char protocol[GROUP_WORLD_TEXT];
    int32_t member_count;
    char members[GROUP_WORLD_MEMBERS][GROUP_WORLD_TEXT];
    void (*answered)(void *data); /* in the next turn, if set */
    void *data;
    struct env_timer answer_timer;
};

struct group_world_join_args {
    const char *group;
    const char *member_id; /* NULL = "" */
    const char *instance;  /* NULL = dynamic */
    const char *protocols; /* "range,sticky"; NULL = "range" */
    const char *topics;    /* of the subscription, "t,u"; NULL = "t"; "-" = bytes that are none;
                              "!" = no bytes at all */
    int16_t subscription_version;
    const char *type;     /* NULL = "consumer" */
    int32_t words;        /* bytes of user data in the subscription */
    int32_t session_ms;   /* 0 = 10000 */
    int32_t rebalance_ms; /* 0 = 30000 */
    int16_t version;      /* 0 = 9 */
};

struct group_world_join *group_world_join(struct group_world *world,
                                          const struct group_world_join_args *args);
#define GROUP_WORLD_JOIN(world, ...)                                                               \
    group_world_join(world, &(struct group_world_join_args){__VA_ARGS__})

struct group_world_sync {
    struct group_sync op;
    struct sync_group_request request;
    struct sync_group_request_sync_group_request_assignment assignments[GROUP_WORLD_MEMBERS];
    uint8_t bytes[GROUP_WORLD_MEMBERS][16]; /* an assignment here: a bit for each partition */
    char texts[GROUP_WORLD_MEMBERS + 4][GROUP_WORLD_TEXT];
    struct arena arena;
    bool done;
    int err;
    uint64_t assigned;
    uint64_t masks[2];      /* a consumer's bytes: the partitions of "t" and "u" */
    bool readable;          /* whether they are such bytes */
    int assignment_version; /* -1 = no bytes */
    void (*answered)(void *data);
    void *data;
    struct env_timer answer_timer;
};

/* `ids` and `masks`: what the leader gives to whom; count 0 for followers. */
struct group_world_sync *group_world_sync(struct group_world *world, const char *group,
                                          const char *member_id, const char *instance,
                                          int32_t generation, const char (*ids)[GROUP_WORLD_TEXT],
                                          const uint64_t *masks, int32_t count);

int group_world_heartbeat(struct group_world *world, const char *group, const char *member_id,
                          const char *instance, int32_t generation);
/* The error of the member, or of all. */
int group_world_leave(struct group_world *world, const char *group, const char *member_id,
                      const char *instance);

struct group_world_commit {
    struct group_commit op;
    struct offset_commit_request request;
    struct offset_commit_request_offset_commit_request_topic topic;
    struct offset_commit_request_offset_commit_request_partition partition;
    struct arena arena;
    char texts[4][GROUP_WORLD_TEXT];
    bool done;
    int err;
};

struct group_world_commit *group_world_commit(struct group_world *world, const char *group,
                                              const char *member_id, const char *instance,
                                              int32_t generation, const char *topic,
                                              int32_t partition, int64_t offset);
/* The same of a producer's transaction, which the first does not commit yet, and its end in the
 * partition of the group. */
struct group_world_commit *group_world_make_txn(struct group_world *world, int64_t producer_id,
                                                int16_t producer_epoch, const char *group,
                                                const char *member_id, int32_t generation,
                                                const char *topic, int32_t partition,
                                                int64_t offset);
struct group_world_commit *group_world_commit_txn(struct group_world *world, int64_t producer_id,
                                                  int16_t producer_epoch, const char *group,
                                                  const char *member_id, int32_t generation,
                                                  const char *topic, int32_t partition,
                                                  int64_t offset);
struct group_world_mark {
    struct group_marker op;
    struct arena arena;
    bool done; /* op.err is the answer */
};
struct group_world_mark *group_world_mark(struct group_world *world, const char *group,
                                          int64_t producer_id, int16_t producer_epoch, bool commit);

/* The committed offset, -1 without one, or an error below -1; as that member if it is not NULL. */
int64_t group_world_fetch_as(struct group_world *world, const char *group, const char *topic,
                             int32_t partition, const char *member_id, int32_t epoch);
int64_t group_world_fetch(struct group_world *world, const char *group, const char *topic,
                          int32_t partition);

/* The caller's own, with op.done = group_world_deleted. */
struct group_world_deletion {
    struct group_delete op;
    bool done;
};

static inline void group_world_deleted(struct group_delete *op)
{
    CONTAINER_OF(op, struct group_world_deletion, op)->done = true;
}

/* The same for OffsetDelete. */
struct group_world_offset_deletion {
    struct group_offset_delete op;
    bool done;
};

static inline void group_world_offsets_deleted(struct group_offset_delete *op)
{
    CONTAINER_OF(op, struct group_world_offset_deletion, op)->done = true;
}

/* ---- the consumer protocol ---- */

struct group_world_beat {
    struct group_world *world;
    struct group_consumer_heartbeat op;
    struct consumer_group_heartbeat_request request;
    struct consumer_group_heartbeat_request_topic_partitions owned[4];
    int32_t owned_partitions[4][64];
    struct wire_str topics[4];
    struct arena arena;
    char texts[10][GROUP_WORLD_TEXT];
    bool done;
    int err;
    char member_id[GROUP_WORLD_TEXT];
    int32_t epoch;
    char message[2 * GROUP_WORLD_TEXT];
    bool has_assignment;
    uint64_t assigned[2]; /* bits of the partitions of "t" and "u" */
    void (*answered)(void *data);
    void *data;
    struct env_timer answer_timer;
};

struct group_world_beat_args {
    const char *group;
    const char *member_id;
    int32_t epoch;
    const char *instance;
    const char *topics; /* "t,u"; NULL = not said */
    const char *regex;
    const char *assignor;
    const uint64_t *owned; /* bits of "t" and "u"; NULL = not said */
    int32_t rebalance_ms;  /* 0 = not said, -1 */
};

struct group_world_beat *group_world_beat(struct group_world *world,
                                          const struct group_world_beat_args *args);
#define GROUP_WORLD_BEAT(world, ...)                                                               \
    group_world_beat(world, &(struct group_world_beat_args){__VA_ARGS__})

#endif

/* One partition of __consumer_offsets that this broker leads: the groups that live in it.
 *
 *      leader            loaded
 *        ---> LOADING ----------> ACTIVE
 *              |  ^                 |
 *              |  +-- read again ---+   (shard_reload)
 *              |                    |
 *              +------ lost --------+---> freed
 *
 * What a group does is written here first and answered when it is replicated. Operations finish in
 * the order of their appends, so what they change in memory follows the order of the log. */
#ifndef BROKER_GROUP_SHARD_H
#define BROKER_GROUP_SHARD_H

#include "base/list.h"
#include "base/map.h"
#include "broker/coordinator/coordinator_log.h"
#include "broker/coordinator/records.h"
#include "env/env.h"

struct group;
struct group_manager;

enum shard_state { SHARD_LOADING, SHARD_ACTIVE };

struct shard {
    struct group_manager *manager;
    int32_t index; /* of the partition */
    enum shard_state state;
    struct map groups; /* id -> struct group */
    struct list order; /* the same groups, and the mark of the sweep */
    struct list ops;   /* struct shard_op, in the order of their appends */
    int last_err;      /* of the newest append that has ended */
    struct coordinator_log_load load;
    bool loading; /* the log has been asked */
    bool closed;  /* being freed */
    bool unsure;  /* a write failed after it was appended: the log may have what memory has not */
    struct env_timer retry_timer;
    struct env_timer reload_timer;
    struct env_timer start_timer;
    struct list start_mark; /* in `order`: what is behind it has not been started */
    int64_t reload_wait_ms; /* before the next one: reloads that follow each other are rare */
    int64_t load_started_us;
    int64_t loaded_bytes;
};

/* Embedded by who appends; must stay until done. */
struct shard_op {
    struct list link;
    struct partition_wait wait;
    struct shard *shard;
    bool appended; /* else it only waits for those before it */
    bool finished;
    int err;
    void (*done)(struct shard_op *op, int err);
};

struct shard *shard_new(struct group_manager *manager, int32_t index);
/* Unfinished operations are told `err`, then everything of the groups is forgotten. */
void shard_free(struct shard *shard, int err);

/* Finishes the records and appends them. 0: op->done comes later, with 0 or an error in a
 * coordinator's words (shard_error). Otherwise such an error at once, and done does not come. The
 * records stay the caller's to close. */
int shard_append(struct shard *shard, struct records *records, struct shard_op *op,
                 void (*done)(struct shard_op *op, int err)) MUST_CHECK;
/* Calls done when everything appended so far is replicated: at once if it is already. */
void shard_barrier(struct shard *shard, struct shard_op *op,
                   void (*done)(struct shard_op *op, int err));

/* Whether an append would be taken now: 0 or an error in a coordinator's words. */
int shard_check(const struct shard *shard) MUST_CHECK;
/* Memory is not what the log says: everything is read again, at once the first time, later and
 * later when it does not help. Groups answer that they load from now on. */
void shard_reload(struct shard *shard);

/* What an error of the internal topic means to a client of the coordinator. */
int shard_error(int err);

/* The group, or NULL; shard_group makes it. */
struct group *shard_find(struct shard *shard, struct wire_str id);
struct group *shard_group(struct shard *shard, struct wire_str id);

#endif

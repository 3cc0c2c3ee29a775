/* A group of the classic protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup.
 *
 *            join                 all joined, or time over            leader's assignment stored
 *   EMPTY ---------> PREPARING ------------------------> COMPLETING ---------------------> STABLE
 *     ^                |  ^  ^                               |                               |
 *     +--- nobody left-+  |  +------ join, leave, expiry ----+                               |
 *                         +---------------- join, leave, expiry -----------------------------+
 *
 * DEAD from everywhere: the group is removed or moves to another broker or protocol.
 * Invariant: a JoinGroup waits only in PREPARING, a SyncGroup only in COMPLETING.
 * Metadata and assignments are opaque, except that a consumer's subscription is read to compare
 * topics. Sources: KIP-62, KIP-134 (initial delay), KIP-345 (static members), KIP-394 (member id
 * required), KIP-814 (skip assignment). */
#ifndef BROKER_GROUP_CLASSIC_H
#define BROKER_GROUP_CLASSIC_H

#include "broker/group/group.h"

enum classic_state {
    CLASSIC_EMPTY,
    CLASSIC_PREPARING,
    CLASSIC_COMPLETING,
    CLASSIC_STABLE,
    CLASSIC_DEAD
};

struct classic_protocol {
    struct wire_str name;
    struct wire_bytes metadata;
};

/* One block of memory; the slices point into it. */
struct classic_protocols {
    struct classic_protocol *items;
    int32_t count;
};

struct classic_member {
    struct list link; /* in the group's members, in the order of joining */
    struct classic *classic;
    char *id;
    char *instance_id; /* NULL = dynamic */
    char *client_id;
    char *client_host;
    int32_t session_ms;
    int32_t rebalance_ms;
    struct classic_protocols protocols;
    struct wire_bytes assignment; /* owned; what it was told, or is told next: it is stored */
    struct wire_bytes next;       /* owned; the leader's for this generation, not stored yet */
    struct wire_bytes offered;    /* the request's, while that is looked at */
    struct group_join *join;      /* waits for its answer */
    struct group_sync *sync;
    int64_t charged; /* memory */
    bool fresh;      /* has not completed a join yet */
    bool synced;     /* has asked for the assignment of this generation */
    struct env_timer session_timer;
};

/* A member id that was given out and not yet used. */
struct classic_pending {
    struct classic *classic;
    char *id;
    struct env_timer timer;
};

struct classic {
    struct group *group;
    enum classic_state state;
    char *protocol_type; /* NULL before the first member */
    char *protocol;      /* NULL outside of a generation with members */
    struct classic_member *leader;
    int32_t generation;
    int64_t state_ms; /* wall clock of the last change of state */
    struct list members;
    int32_t member_count;
    int32_t joined_count; /* members whose JoinGroup waits */
    struct map by_id;
    struct map by_instance;
    struct map supporters;  /* protocol -> how many members support it, as a pointer */
    struct map pending;     /* id -> struct classic_pending */
    struct env_timer timer; /* the end of the join phase, or of the sync phase */
    bool delaying;          /* the initial delay runs */
    bool delay_joined;      /* somebody joined since it started */
    int64_t delay_left_ms;
    struct list stores; /* struct classic_store, on their way to the log */
    bool stored;        /* a record of the group is in the log */
    bool told_full;     /* it was logged that the record has no room for more */
    bool storing;       /* the assignment of this generation is on its way */
};

struct classic *classic_new(struct group *group);
/* Tells who waits ERR_x, then frees. */
void classic_free(struct classic *classic, int err);

void classic_join(struct classic *classic, struct group_join *join);
void classic_sync(struct classic *classic, struct group_sync *sync);
int classic_heartbeat(struct classic *classic, const struct heartbeat_request *request) MUST_CHECK;
/* One member leaves, named by member or instance id; an error of that member. */
int classic_leave(struct classic *classic, struct wire_str member_id, struct wire_str instance_id,
                  const char *reason) MUST_CHECK;
/* 0, or why the commit is refused; a valid one counts as a heartbeat. */
int classic_check_commit(struct classic *classic, struct wire_str member_id,
                         struct wire_str instance_id, int32_t generation) MUST_CHECK;
/* The same for a transaction's commit by a member, which is none, and may come in a rebalance. */
int classic_check_txn_commit(struct classic *classic, struct wire_str member_id,
                             struct wire_str instance_id, int32_t generation) MUST_CHECK;

const char *classic_state_name(const struct classic *classic);
/* The chosen protocol's metadata of the member; empty when it has none. */
struct wire_bytes classic_metadata(const struct classic_member *member);
/* The topics that consumers' subscriptions name, all when one can't be read; none of another type
 * of members. */
void classic_subscribed(const struct classic *classic, struct subscribed *subscribed);
int classic_describe(const struct classic *classic, struct arena *arena,
                     struct describe_groups_response_described_group *response) MUST_CHECK;

/* ---- loading ---- */

/* Takes over a stored group: EMPTY, or STABLE. ERR_NO_MEMORY. */
int classic_load(struct classic *classic, const struct group_metadata_value *value) MUST_CHECK;
/* Everything is loaded: the members' sessions run from now on. */
void classic_start(struct classic *classic);
/* The group as it stands. */
void classic_put_record(const struct classic *classic, struct records *records);

/* ---- for the files of the classic group ---- */

void classic_move(struct classic *classic, enum classic_state to);
/* What holds between two events. */
void classic_check(const struct classic *classic);
/* A membership change: from STABLE, COMPLETING or EMPTY to PREPARING; in PREPARING see whether all
 * are there now. */
void classic_rebalance(struct classic *classic, const char *reason);
/* Ends the join phase if everybody has joined. */
void classic_try_complete(struct classic *classic);
/* Forgets the assignments of this generation, not what members had before: a cooperative consumer
 * reads on until it hears of another one. Who waits for one is told `err`. */
void classic_fail_syncs(struct classic *classic, int err);
void classic_answer_join(struct classic_member *member, int err);
void classic_answer_sync(struct classic_member *member, int err);
/* Answers with the error; or only writes it into the answer. */
void classic_fail_join(struct group_join *join, int err, struct wire_str member_id);
void classic_refuse_join(struct group_join *join, int err, struct wire_str member_id);
/* (Re)starts the session timer of a member that is heard. */
void classic_touch(struct classic_member *member);
/* Writes the group as it stands. `done` may be NULL; its `classic` is NULL when it is gone. */
struct classic_store {
    struct machine_op op;
    struct list link;
    struct group *group;
    struct classic *classic;
    int32_t generation;
    struct group_join *join; /* answered when it is stored */
    void (*done)(struct classic_store *store, struct classic *classic, int err);
};
void classic_store(struct classic *classic, struct group_join *join,
                   void (*done)(struct classic_store *store, struct classic *classic, int err));

/* classic_join.c */
void classic_join_due(struct classic *classic);
/* Whether the id was one given out ahead. */
bool classic_forget_pending(struct classic *classic, struct wire_str id);

/* classic_member.c */
struct classic_member *classic_find(const struct classic *classic, struct wire_str id);
struct classic_member *classic_find_instance(const struct classic *classic, struct wire_str id);
/* 0, ERR_UNKNOWN_MEMBER_ID, ERR_FENCED_INSTANCE_ID; `instance_id` may be null. */
int classic_identify(const struct classic *classic, struct wire_str member_id,
                     struct wire_str instance_id, struct classic_member **member) MUST_CHECK;
struct classic_member *classic_member_new(struct classic *classic, struct wire_str id,
                                          struct wire_str instance_id, struct wire_str client_id,
                                          const char *client_host);
/* Takes it out of the group; who waits is told `err`; frees it. The leader's role passes on. */
void classic_member_remove(struct classic_member *member, int err);
/* A static member comes back under a new id. */
void classic_member_rename(struct classic_member *member, const char *id);
/* Gives the member these; what it had is the caller's to free. */
struct classic_protocols classic_set_protocols(struct classic_member *member,
                                               struct classic_protocols protocols) MUST_CHECK;
int classic_protocols_copy(struct classic_protocols *to, const struct group_join *join) MUST_CHECK;
int classic_protocols_one(struct classic_protocols *to, struct wire_str name,
                          struct wire_bytes metadata) MUST_CHECK;
void classic_protocols_free(struct classic_protocols *protocols);
const struct classic_protocol *classic_protocols_find(const struct classic_protocols *protocols,
                                                      struct wire_str name);
/* Whether all members support it. */
bool classic_all_support(const struct classic *classic, struct wire_str protocol);
/* The protocol most members vote for: the first of their own that all support. */
struct wire_str classic_vote(const struct classic *classic);
void classic_set_assignment(struct classic_member *member, struct wire_bytes assignment);
void classic_set_next(struct classic_member *member, struct wire_bytes assignment);
/* `next` is stored: it is the assignment now. */
void classic_take_next(struct classic_member *member);
int64_t classic_rebalance_timeout(const struct classic *classic);

#endif
